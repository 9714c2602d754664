using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>The copies at the head of a stream that are run together: see <see cref="CopiesTogether"/>.</summary>
internal sealed unsafe partial class Stream
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool MayRunTogether(in Command command, long head, long tail) =>
        CopiesTogether.MayBeginWith(in command) && head >= _consumer.ApartUntil && tail - head > 1;

    /// <summary>
    /// Runs the copies at the head together, if there are enough of them and somebody is free to help. Returns the head it has come to;
    /// <paramref name="yields"/> says that other streams need the thread.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private long RunTogether(long head, long tail, out bool yields)
    {
        yields = false;
        ref Command first = ref _consumer.Slots[(int)head & (CommandSegment.Length - 1)];
        if (!CopiesTogether.HasHelp(in first, (nuint)(tail - head)) || _consumer.Progress != 0 || Volatile.Read(ref _halt) != Runs)
        {
            return head;
        }
        if (!CopiesTogether.TryRun(GatherTogether(head, tail), this, (nuint)(tail - head), out int count, out yields))
        {
            _consumer.ApartUntil = head + count;
            return head;
        }
        long reached = head + count;
        for (long start = (head | (CommandSegment.Length - 1)) + 1; start < reached; start += CommandSegment.Length)
        {
            NextSegmentToRun(start);
        }
        return reached;
    }

    /// <summary>The copies from that number on that may run in any order.</summary>
    internal BatchElements GatherTogether(long head, long tail)
    {
        var copies = new CopiesTogether();
        CommandSegment segment = _read!;
        for (long position = head; position < tail; position++)
        {
            int slot = (int)position & (CommandSegment.Length - 1);
            if (slot == 0 && position > head)
            {
                segment = Volatile.Read(ref segment.Next)!;
            }
            if (!copies.TryAdd(in segment.Commands[slot]))
            {
                break;
            }
        }
        return copies.End();
    }

    /// <summary>A thread that has gone to sleep until the stream gets further is woken when the work is long and nobody else is free.</summary>
    internal void WakeToHelp(nuint bytes)
    {
        if (bytes >= ThreadScheduler.FewestBytesToWake && HasWaiters && !Machine.Scheduler.HasHelp(0))
        {
            WakeAllWaiters();
        }
    }
}
