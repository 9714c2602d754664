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

    /// <summary>A batch of this size does not stay in the cache, so its elements need not go through it, unless they are short.</summary>
    private const nuint PastCacheBytes = 16 << 20, PastCacheElementBytes = 8 << 10;

    private static readonly Lock s_lock = new();
    private static readonly Stack<BatchElements> s_small = new(), s_large = new();

    private readonly BatchElement* _elements;
    private int _failed;
    private bool _isKept;

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
            Do(0, count);
        }
        else
        {
            complete = Run(count, Math.Max(1, (nuint)(PieceBytes * (UInt128)count / Bytes)), ref done);
        }
        if (complete && Interlocked.Exchange(ref _failed, 0) != 0)
        {
            result = AclError.RtSysDma;
        }
        return complete;
    }

    /// <summary>The command has ended, or never came into a queue.</summary>
    internal void End()
    {
        if (_isKept)
        {
            return;
        }
        (Count, Bytes, NeedsGuard) = (0, 0, false);
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
        bool isLarge = Bytes >= PastCacheBytes;
        for (; element < end; element++)
        {
            byte* to = (byte*)element->To, from = (byte*)element->From;
            if (isLarge && element->Bytes >= PastCacheElementBytes && !CopyEngine.Overlap(to, from, element->Bytes))
            {
                CopyEngine.CopyPastCache(to, from, element->Bytes);
            }
            else
            {
                CopyEngine.CopySmall(to, from, element->Bytes);
            }
        }
    }
}
