using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// Copies that follow one another in a stream or a recorded lane but touch nothing in common: they are run as one piece of work that free
/// threads share.
///
/// Nobody can tell: what waits for the stream sees them all done, and memory of the device is seen by nobody without waiting. Copies to
/// host memory are never run together, because a program may look at it at any time and rely on the order; neither are short ones, which
/// are the flags that other streams poll, and copies from or to mapped addresses, because the same bytes may have several of these.
/// </summary>
internal ref struct CopiesTogether
{
    /// <summary>A shorter copy is left in its place in the order: it may be a flag, and handing it out costs more than copying it.</summary>
    private const nuint Shortest = 1 << 10;

    /// <summary>Fewer bytes are not worth a second thread.</summary>
    private const nuint FewestBytes = 128 << 10;

    /// <summary>More are done in several turns, so that waiting threads see progress.</summary>
    private const nuint MostBytes = 8 << 20;

    private readonly BatchElements _copies = BatchElements.OfThisThread;
    private DisjointRanges _ranges;

    public CopiesTogether() => _copies.Clear();

    /// <summary>True when it is worth looking at what follows this command.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool MayBeginWith(in Command command) => command.Kind == CommandKind.Copy && command.C >= Shortest;

    /// <summary>True when <paramref name="pending"/> commands like this one may be shared now: somebody is there to help and nobody watches each command.</summary>
    internal static bool HasHelp(in Command command, nuint pending) => Machine.Scheduler.HasHelp(pending * command.C) && Machine.Observer is null;

    /// <summary>False when the command has to wait for those before it. While a stream waits for a value in memory, all do: it may lie in one of them.</summary>
    internal bool TryAdd(in Command next)
    {
        bool fits = MayBeginWith(in next) && next.C <= CopyEngine.SmallBytes && !next.UsesFreedMemory && !_copies.IsFull && _copies.Bytes < MostBytes;
        if (!fits || ValueWaits.Any || !AddressSpace.IsBackingOfDevice(next.A) || AddressSpace.IsBackingOfVirtual(next.B) || !_ranges.TryAdd(next.A, next.B, next.C))
        {
            return false;
        }
        _copies.Add(next.A, next.B, next.C, needsGuard: false);
        return true;
    }

    /// <summary>Those that may run in any order.</summary>
    internal readonly BatchElements End()
    {
        if (!_ranges.AreInOrder && !_copies.HaveDisjointTargets())
        {
            _copies.Truncate(_ranges.CountInOrder);
        }
        return _copies;
    }

    /// <summary>
    /// Runs what was gathered, if it is enough to be worth sharing. <paramref name="count"/> is how many of them are done, or when it was
    /// not (false), how many need not be looked at again; <paramref name="yields"/> says that other streams need the thread.
    /// </summary>
    internal static bool TryRun(BatchElements copies, Stream stream, nuint pending, out int count, out bool yields)
    {
        if (copies.Count < 2 || copies.Bytes < FewestBytes)
        {
            (count, yields) = (Math.Max(1, copies.Count), false);
            return false;
        }
        stream.WakeToHelp(copies.Bytes);
        nuint done = 0;
        yields = !copies.RunTogether(pending, ref done);
        count = (int)done;
        return true;
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
