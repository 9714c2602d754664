namespace Updraft.Device;

/// <summary>
/// Streams that stand still until a cell of device memory has a value. Anybody may write the cell: a copy or a value write of another
/// stream, a synchronous copy of the host. So everybody who has written looks here afterwards, which costs one load while nobody waits:
/// a stream when it stops running, a synchronous function when it ends. A slow timer, alive only while somebody waits, sees the rest.
/// </summary>
internal static class ValueWaits
{
    private const int PeriodMs = 10;

    private static readonly Lock s_lock = new();
    private static readonly List<ValueWait> s_waits = [];
    private static readonly List<Stream> s_met = [];
    private static Timer? s_timer;
    private static int s_count;

    internal static bool Any => Volatile.Read(ref s_count) != 0;

    /// <summary>The calling thread has written memory outside of a stream.</summary>
    internal static void Written()
    {
        if (Any)
        {
            Look();
        }
    }

    /// <summary>Marks the stream blocked and remembers the wait. False when the cell has the value after all.</summary>
    internal static bool Add(ValueWait wait, Stream stream)
    {
        lock (s_lock)
        {
            if (!s_waits.Contains(wait))
            {
                s_waits.Add(wait);
                Interlocked.Increment(ref s_count);
                s_timer ??= new Timer(static _ => Look(), null, PeriodMs, PeriodMs);
            }
            // After the count, which writers read after they have written: one of the two sees the other.
            if (wait.IsMet)
            {
                Remove(wait);
                return false;
            }
            stream.MarkBlocked();
            return true;
        }
    }

    /// <summary>Lets those streams go on whose cell has the value.</summary>
    internal static void Look()
    {
        Stream[] met;
        lock (s_lock)
        {
            foreach (ValueWait wait in s_waits)
            {
                if (wait.IsMet || wait.HasEnded)
                {
                    s_met.Add(wait.Stream);
                }
            }
            if (s_met.Count == 0)
            {
                return;
            }
            foreach (ValueWait wait in s_waits.ToArray())
            {
                if (s_met.Contains(wait.Stream))
                {
                    Remove(wait);
                }
            }
            met = [.. s_met];
            s_met.Clear();
        }
        foreach (Stream stream in met)
        {
            stream.Unblock();
        }
    }

    /// <summary>The wait was dropped with its command.</summary>
    internal static void Forget(ValueWait wait)
    {
        lock (s_lock)
        {
            if (s_waits.Contains(wait))
            {
                Remove(wait);
            }
        }
    }

    /// <summary>The machine ends: nobody may read the cells any more.</summary>
    internal static void Clear()
    {
        lock (s_lock)
        {
            foreach (ValueWait wait in s_waits.ToArray())
            {
                Remove(wait);
            }
        }
    }

    private static void Remove(ValueWait wait)
    {
        s_waits.Remove(wait);
        if (Interlocked.Decrement(ref s_count) == 0)
        {
            s_timer?.Dispose();
            s_timer = null;
        }
    }
}

/// <summary>A wait for a value, as a command of its stream.</summary>
internal sealed unsafe class ValueWait(nuint cell, ulong value, uint flag) : DeviceTask
{
    private Stream? _stream;
    private long _task;

    internal Stream Stream => _stream!;

    /// <summary>The stream dropped the command, or was told to go on by somebody else.</summary>
    internal bool HasEnded => Stream.HasRunPast(_task + 1);

    internal bool IsMet
    {
        get
        {
            ulong now = (cell & 7) == 0 ? Volatile.Read(ref *(ulong*)cell) : System.Runtime.CompilerServices.Unsafe.ReadUnaligned<ulong>((void*)cell);
            return flag switch
            {
                0 => (long)now >= (long)value,
                1 => now == value,
                2 => (now & value) != 0,
                _ => ~(now | value) != 0,
            };
        }
    }

    internal override bool UsesLiveMemory => Place.OfBacking(cell, sizeof(ulong)).IsWhole;
    internal nuint Cell => cell;
    internal ulong Value => value;
    internal uint Flag => flag;
    internal override aclmdlRITaskType TaskType => aclmdlRITaskType.ACL_MODEL_RI_TASK_VALUE_WAIT;

    internal override bool Run(Stream stream, ref AclError result)
    {
        (_stream, _task) = (stream, stream.Head);
        return IsMet || !ValueWaits.Add(this, stream);
    }

    internal override void Abandon(Stream stream) => ValueWaits.Forget(this);
}
