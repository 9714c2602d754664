using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// Copies that follow one another in a stream but touch nothing in common are run as one piece of work that free threads share.
///
/// Nobody can tell: what waits for the stream sees them all done, and memory of the device is seen by nobody without waiting. Copies to
/// host memory are never run together, because a program may look at it at any time and rely on the order; neither are short ones, which
/// are the flags that other streams poll, and copies from or to mapped addresses, because the same bytes may have several of these.
/// </summary>
internal sealed unsafe partial class Stream
{
    /// <summary>A shorter copy is left in its place in the order: it may be a flag, and handing it out costs more than copying it.</summary>
    private const nuint ShortestTogether = 1 << 10;

    /// <summary>Fewer bytes are not worth a second thread.</summary>
    private const nuint FewestBytesTogether = 128 << 10;

    /// <summary>More are done in several turns, so that waiting threads see progress.</summary>
    private const nuint MostBytesTogether = 8 << 20;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool MayRunTogether(in Command command, long head, long tail) =>
        command.Kind == CommandKind.Copy && command.C >= ShortestTogether && head >= _consumer.ApartUntil && tail - head > 1;

    /// <summary>
    /// Runs the copies at the head together, if there are enough of them and somebody is free to help. Returns the head it has come to;
    /// <paramref name="yields"/> says that other streams need the thread.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private long RunTogether(long head, long tail, out bool yields)
    {
        yields = false;
        nuint bytes = (nuint)(tail - head) * _consumer.Slots[(int)head & (CommandSegment.Length - 1)].C;
        if (!Machine.Scheduler.HasHelp(bytes) || Machine.Observer is not null || _consumer.Progress != 0 || Volatile.Read(ref _halt) != Runs)
        {
            return head;
        }
        BatchElements copies = GatherTogether(head, tail);
        if (copies.Count < 2 || copies.Bytes < FewestBytesTogether)
        {
            // Not looked at again and again.
            _consumer.ApartUntil = head + Math.Max(1, copies.Count);
            return head;
        }
        WakeToHelp(copies.Bytes);
        nuint done = 0;
        yields = !copies.RunTogether((nuint)(tail - head), ref done);
        long reached = head + (long)done;
        for (long start = (head | (CommandSegment.Length - 1)) + 1; start < reached; start += CommandSegment.Length)
        {
            NextSegmentToRun(start);
        }
        return reached;
    }

    /// <summary>A thread that has gone to sleep until the stream gets further is woken when the work is long and nobody else is free.</summary>
    private void WakeToHelp(nuint bytes)
    {
        if (bytes >= ThreadScheduler.FewestBytesToWake && HasWaiters && !Machine.Scheduler.HasHelp(0))
        {
            WakeAllWaiters();
        }
    }

    /// <summary>The copies from that number on that may run in any order. None while a stream waits for a value in memory: it may lie in one of them.</summary>
    internal BatchElements GatherTogether(long head, long tail)
    {
        BatchElements copies = BatchElements.OfThisThread;
        copies.Clear();
        var ranges = new DisjointRanges();
        CommandSegment segment = _read!;
        for (long position = head; position < tail && !ValueWaits.Any && !copies.IsFull && copies.Bytes < MostBytesTogether; position++)
        {
            int slot = (int)position & (CommandSegment.Length - 1);
            if (slot == 0 && position > head)
            {
                segment = Volatile.Read(ref segment.Next)!;
            }
            ref readonly Command next = ref segment.Commands[slot];
            bool fits = next.Kind == CommandKind.Copy && next.C >= ShortestTogether && next.C <= CopyEngine.SmallBytes;
            if (!fits || !AddressSpace.IsBackingOfDevice(next.A) || AddressSpace.IsBackingOfVirtual(next.B) || !ranges.TryAdd(next.A, next.B, next.C))
            {
                break;
            }
            copies.Add(next.A, next.B, next.C, needsGuard: false);
        }
        if (!ranges.AreInOrder && !copies.HaveDisjointTargets())
        {
            copies.Truncate(ranges.CountInOrder);
        }
        return copies;
    }

    /// <summary>
    /// Whether copies may change places: no target touches another's target or any source. Targets that grow or shrink one after
    /// another are recognised as they come; sources and targets each are taken for one range.
    /// </summary>
    private struct DisjointRanges
    {
        private nuint _toStart, _toEnd, _fromStart, _fromEnd;
        private int _count;
        private bool _isOutOfOrder;

        /// <summary>Each target lies above or below all before it.</summary>
        internal readonly bool AreInOrder => !_isOutOfOrder;

        /// <summary>How many of the first ones do.</summary>
        internal int CountInOrder { readonly get; private set; }

        /// <summary>False when the source or the target reaches into what the ones before write or read.</summary>
        internal bool TryAdd(nuint to, nuint from, nuint bytes)
        {
            if (_count == 0)
            {
                (_toStart, _toEnd, _fromStart, _fromEnd) = (to, to, from, from);
            }
            _isOutOfOrder |= to < _toEnd && to + bytes > _toStart;
            (_toStart, _toEnd) = (Math.Min(_toStart, to), Math.Max(_toEnd, to + bytes));
            (_fromStart, _fromEnd) = (Math.Min(_fromStart, from), Math.Max(_fromEnd, from + bytes));
            if (_toStart < _fromEnd && _fromStart < _toEnd)
            {
                return false;
            }
            _count++;
            if (!_isOutOfOrder)
            {
                CountInOrder = _count;
            }
            return true;
        }
    }
}
