using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>One copy of a batch: looked up when it was queued, at most <see cref="CopyEngine.SmallBytes"/> long.</summary>
internal struct BatchElement
{
    internal nuint To, From, Bytes;
}

/// <summary>
/// The elements of a batch that were queued with one command. They have no order among themselves, so free threads share them. The
/// arrays lie outside the managed heap and are used again: a program that copies a cache of many blocks again and again must not
/// pay for fresh pages each time.
/// </summary>
internal sealed unsafe class BatchElements : SharedWork
{
    /// <summary>Elements of one command; a larger batch is several commands.</summary>
    internal const int Maximum = 16384;

    private const int Small = 128;
    private const int MaximumPooledSmall = 256, MaximumPooledLarge = 16;
    private const nuint PieceBytes = 256 << 10;

    /// <summary>Copies of a stream that run together: as many as fit, in pieces that end soon after one another.</summary>
    private const int Together = 1024;
    private const nuint PieceBytesTogether = 64 << 10;

    /// <summary>A batch of this size does not stay in the cache, so its elements need not go through it, unless they are short.</summary>
    private const nuint PastCacheBytes = 16 << 20, PastCacheElementBytes = 8 << 10;

    private static readonly Lock s_lock = new();
    private static readonly Stack<BatchElements> s_small = new(), s_large = new();

    private readonly BatchElement* _elements;
    private int _failed;
    private bool _isKept;
    private bool _goesPastCache;

    [ThreadStatic]
    private static BatchElements? t_ofThisThread;

    [ThreadStatic]
    private static nuint[]? t_targets, t_ends;

    /// <summary>For copies of a stream that the calling thread runs together, one row of them at a time.</summary>
    internal static BatchElements OfThisThread => t_ofThisThread ??= new BatchElements(Together);

    private BatchElements(int capacity)
    {
        Capacity = capacity;
        _elements = (BatchElement*)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(BatchElement));
    }

    ~BatchElements() => NativeMemory.Free(_elements);

    internal static BatchElements Rent(nuint expected)
    {
        bool isSmall = expected <= Small;
        lock (s_lock)
        {
            if ((isSmall ? s_small : s_large).TryPop(out BatchElements? pooled))
            {
                return pooled;
            }
        }
        return new BatchElements(isSmall ? Small : Maximum);
    }

    internal ReadOnlySpan<BatchElement> Elements => new(_elements, Count);
    internal int Capacity { get; }
    internal int Count { get; private set; }
    internal nuint Bytes { get; private set; }
    internal bool IsFull => Count == Capacity;

    /// <summary>Where the next elements go; to be followed by <see cref="Added"/>.</summary>
    internal Span<BatchElement> Free => new(_elements + Count, Capacity - Count);

    internal void Added(int count, nuint bytes)
    {
        Count += count;
        Bytes += bytes;
    }

    /// <summary>True when at least one element touches host memory that is not ours.</summary>
    internal bool NeedsGuard { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(nuint to, nuint from, nuint bytes, bool needsGuard)
    {
        ref BatchElement element = ref _elements[Count++];
        (element.To, element.From, element.Bytes) = (to, from, bytes);
        Bytes += bytes;
        NeedsGuard |= needsGuard;
    }

    /// <summary>The command was recorded and will run again: its elements stay.</summary>
    internal void Keep() => _isKept = true;

    /// <summary>Goes on at <paramref name="done"/>. False when other streams need the thread.</summary>
    internal bool Run(ref nuint done, ref AclError result)
    {
        var count = (nuint)Count;
        bool complete = true;
        if (Bytes <= CopyEngine.SmallBytes)
        {
            _goesPastCache = false;
            Do(0, count);
        }
        else
        {
            _goesPastCache = Bytes >= PastCacheBytes;
            complete = Run(count, CountOf(PieceBytes), ref done);
        }
        if (complete && Interlocked.Exchange(ref _failed, 0) != 0)
        {
            result = AclError.RtSysDma;
        }
        return complete;
    }

    /// <summary>
    /// As <see cref="Run(ref nuint, ref AclError)"/> for the copies at the head of a stream, of which <paramref name="pending"/> are
    /// queued: they tell how much is to come, and with it whether the cache can hold it.
    /// </summary>
    internal bool RunTogether(nuint pending, ref nuint done)
    {
        _goesPastCache = Bytes / (nuint)Count * pending >= PastCacheBytes;
        return Run((nuint)Count, CountOf(PieceBytesTogether), ref done);
    }

    /// <summary>How many elements make up that many bytes.</summary>
    private nuint CountOf(nuint bytes) => Math.Max(1, (nuint)(bytes * (UInt128)Count / Bytes));

    internal void Clear() => (Count, Bytes, NeedsGuard) = (0, 0, false);

    /// <summary>Keeps the first ones.</summary>
    internal void Truncate(int count)
    {
        for (; Count > count; Count--)
        {
            Bytes -= _elements[Count - 1].Bytes;
        }
    }

    /// <summary>True when no two elements write the same byte.</summary>
    internal bool HaveDisjointTargets()
    {
        Span<nuint> targets = (t_targets ??= new nuint[Together]).AsSpan(0, Count), ends = (t_ends ??= new nuint[Together]).AsSpan(0, Count);
        for (int index = 0; index < Count; index++)
        {
            (targets[index], ends[index]) = (_elements[index].To, _elements[index].To + _elements[index].Bytes);
        }
        targets.Sort(ends);
        for (int index = 1; index < targets.Length; index++)
        {
            if (targets[index] < ends[index - 1])
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The command has ended, or never came into a queue.</summary>
    internal void End()
    {
        if (_isKept)
        {
            return;
        }
        Clear();
        lock (s_lock)
        {
            (Stack<BatchElements> pool, int maximum) = Capacity == Small ? (s_small, MaximumPooledSmall) : (s_large, MaximumPooledLarge);
            if (pool.Count < maximum)
            {
                pool.Push(this);
            }
        }
    }

    protected override void Do(nuint first, nuint count)
    {
        BatchElement* element = _elements + first, end = element + count;
        if (NeedsGuard)
        {
            for (; element < end; element++)
            {
                if (!HostGuard.TryCopy((void*)element->To, (void*)element->From, element->Bytes))
                {
                    _failed = 1;
                }
            }
            return;
        }
        for (; element < end; element++)
        {
            byte* to = (byte*)element->To, from = (byte*)element->From;
            if (_goesPastCache && element->Bytes >= PastCacheElementBytes && !CopyEngine.Overlap(to, from, element->Bytes))
            {
                CopyEngine.CopyPiece(to, from, element->Bytes);
            }
            else
            {
                CopyEngine.CopySmall(to, from, element->Bytes);
            }
        }
    }
}
