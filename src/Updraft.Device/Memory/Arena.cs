using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Updraft.Device;

/// <summary>
/// Allocates addresses in one window of the address space: the memory of a device, or the pinned host memory.
///
/// The window is cut into 2 MiB chunks. A <em>span</em> is a run of chunks that holds slots of one size: many small ones, or one
/// large one. A chunk knows its span, a span computes the slot, the slot has a record. Copies only ask whether their range is alive, and
/// that a <see cref="Chunk"/> answers without the record. Freed slots queue up and the oldest is reused last of all, never before every
/// command that was queued at the free has ended (<see cref="GracePeriod"/>): bytes that a queued copy needs stay, and a stale pointer
/// stays stale.
/// </summary>
internal sealed unsafe class Arena
{
    /// <summary>Freed slots of a size that wait before the first is handed out again.</summary>
    private const int QuarantineSlots = 64;
    private const int QuarantineSpans = 4;

    /// <summary>
    /// A stream that stands still for ever would keep all freed memory for ever. Beyond this much freed memory of one size the oldest is
    /// used again all the same, as a device would have done at once.
    /// </summary>
    private const nuint PatienceBytes = (nuint)2 << 30;

    /// <summary>Freed spans of this size and more give their pages back to the system at once.</summary>
    private const nuint KeepResidentBytes = 64 << 20;

    private const nuint LargestSlotBytes = 1 << 20;
    private const nuint Granule = 1 << Chunk.GranuleShift;
    private const int LinearClasses = 8;

    private struct Span
    {
        internal nuint Start;
        internal nuint SlotBytes;
        internal Allocation* Records;

        /// <summary>What lookups read, a word for each slot; null for a large span, whose record they read.</summary>
        internal uint* States;
        internal int Slots;
    }

    /// <summary>Slots of one size: those never used yet, and the freed ones in the order of their free.</summary>
    private sealed class SizeClass(nuint slotBytes)
    {
        internal readonly nuint SlotBytes = slotBytes;
        /// <summary>Their addresses.</summary>
        internal readonly Queue<nuint> Freed = new();
        internal Allocation* Next, End;
        internal nuint NextAddress;
        internal uint NextSpan;
    }

    private readonly Lock _lock = new();
    private readonly nuint _base, _bytes, _distance;
    private readonly int _chunks;
    private readonly Chunk* _lookup;
    private readonly uint* _spanOfChunk;
    private readonly Span* _spans;
    private readonly SizeClass[] _classes;
    private readonly Dictionary<nuint, Queue<nint>> _freedSpans = [];
    private readonly Queue<nint> _toTrim = new();
    private int _nextChunk = 1; // The first chunk stays empty: an address below the first allocation belongs to nobody.
    private uint _spanCount;
    private ulong _serial;
    private BlockPool<Allocation> _records;
    private BlockPool<uint> _states;

    /// <summary>Live bytes, each allocation rounded up to its page size; what <c>aclrtGetMemInfo</c> subtracts.</summary>
    internal ulong UsedBytes { get; private set; }
    internal ulong UsedHugeBytes { get; private set; }
    internal long LiveCount { get; private set; }

    /// <summary>What may be in use at once; the window itself is larger, so that addresses need not be reused soon.</summary>
    private readonly ulong _capacity;
    private readonly (ulong Current, ulong Peak)[] _modules = new (ulong, ulong)[Allocations.LastModule + 1];

    /// <param name="lookup">What is said of each chunk of the window, for lookups that know no arena.</param>
    internal Arena(nuint start, nuint size, nuint distance, Chunk* lookup, ulong capacity = ulong.MaxValue)
    {
        (_base, _bytes, _distance, _capacity) = (start, size, distance, capacity);
        _lookup = lookup;
        _chunks = (int)(size >> AddressSpace.ChunkShift);
        _spanOfChunk = (uint*)MapZeroed((nuint)_chunks * sizeof(uint));
        _spans = (Span*)MapZeroed((nuint)(_chunks + 1) * (nuint)sizeof(Span));
        var classes = new List<SizeClass>();
        for (nuint size2 = Granule; size2 <= LargestSlotBytes;)
        {
            classes.Add(new SizeClass(size2));
            // Eight steps of 512 bytes, then four sizes per doubling: at most a quarter is wasted.
            size2 += size2 < LinearClasses * Granule ? Granule : (nuint)1 << (System.Numerics.BitOperations.Log2(size2) - 2);
        }
        _classes = [.. classes];
    }

    /// <summary>Takes memory. Returns null when it would be more than the capacity, or the window has no room left. Huge pages are nobody else's: such memory owns its chunks.</summary>
    internal Allocation* Allocate(nuint bytes, nuint requested, uint pageBytes, ushort module = 0)
    {
        lock (_lock)
        {
            // The window first: a size near the end of the address space would be rounded up to nothing.
            if (bytes > _bytes || RoundUp(bytes, pageBytes) > _capacity - UsedBytes)
            {
                return null;
            }
            Allocation* allocation = bytes <= LargestSlotBytes && pageBytes < AddressSpace.ChunkBytes ? TakeSlot(_classes[ClassOf(bytes)]) : TakeSpan(RoundUp(bytes, AddressSpace.ChunkBytes));
            if (allocation == null)
            {
                return null;
            }
            allocation->Module = module;
            allocation->Bytes = bytes;
            allocation->Requested = requested;
            allocation->PageBytes = pageBytes;
            allocation->Serial = ++_serial;
            Account(allocation, 1);
            // The record is complete before it can be found alive by another thread.
            SetState(allocation, AllocationState.Live);
            return allocation;
        }
    }

    /// <summary>Counts memory that has no address here: physical memory that is mapped elsewhere. False when it would be more than the capacity.</summary>
    internal bool TryCharge(ulong bytes, ushort module)
    {
        lock (_lock)
        {
            if (bytes > _capacity - UsedBytes)
            {
                return false;
            }
            Charge(bytes, true, module, 1);
            return true;
        }
    }

    internal void Discharge(ulong bytes, ushort module)
    {
        lock (_lock)
        {
            Charge(bytes, true, module, -1);
        }
    }

    /// <summary>Bytes in use now and at most, by module.</summary>
    internal (ushort Module, ulong Current, ulong Peak)[] Usage()
    {
        lock (_lock)
        {
            return [.. _modules.Select(static (usage, module) => ((ushort)module, usage.Current, usage.Peak)).Where(static entry => entry.Peak > 0)];
        }
    }

    /// <summary>
    /// Moves the bytes of a live allocation into memory that other processes can map, in place: the address does not change, so what
    /// is queued is not affected. Chunk by chunk, so that what runs waits for one at most. False when the allocation does not own its
    /// chunks.
    /// </summary>
    internal bool Share(nuint address, int file, bool isAtomic)
    {
        lock (_lock)
        {
            Allocation* allocation = Find(address);
            if (allocation == null || allocation->Address != address || allocation->State != AllocationState.Live || _spans[allocation->Span].Slots != 1)
            {
                return false;
            }
            nuint bytes = _spans[allocation->Span].SlotBytes;
            allocation->IsShared = true;
            for (nuint offset = 0; offset < bytes; offset += AddressSpace.ChunkBytes)
            {
                SharedMemory.Move(address + _distance + offset, AddressSpace.ChunkBytes, file, offset, isAtomic);
            }
            return true;
        }
    }

    /// <summary>Bytes of the chunks an allocation owns alone; 0 when it shares them with others.</summary>
    internal nuint OwnedBytes(Allocation* allocation) => _spans[allocation->Span].Slots == 1 ? _spans[allocation->Span].SlotBytes : 0;

    /// <summary>Gives back the allocation that begins at <paramref name="address"/>. False when none does, or it was freed already.</summary>
    internal bool Free(nuint address)
    {
        PrefetchSlot(address);
        lock (_lock)
        {
            Allocation* allocation = Find(address);
            if (allocation == null || allocation->Address != address || allocation->State != AllocationState.Live)
            {
                return false;
            }
            Account(allocation, -1);
            SetState(allocation, AllocationState.Freed);
            Place.Vanished();
            allocation->FreedInGrace = GracePeriod.Current;
            allocation->FreedAtMs = Posix.CoarseMs();
            allocation->FreedByThread = ThreadState.Current.ThreadId;
            ref Span span = ref _spans[allocation->Span];
            if (span.SlotBytes <= LargestSlotBytes)
            {
                _classes[ClassOf(span.SlotBytes)].Freed.Enqueue(address);
            }
            else
            {
                ref Queue<nint>? queue = ref CollectionsMarshal.GetValueRefOrAddDefault(_freedSpans, span.SlotBytes, out _);
                (queue ??= new()).Enqueue((nint)allocation);
                if (span.SlotBytes >= KeepResidentBytes)
                {
                    _toTrim.Enqueue((nint)allocation);
                    Trim();
                }
            }
            return true;
        }
    }

    /// <summary>The allocation whose slot holds the address, alive or freed; null when there never was one.</summary>
    internal Allocation* Find(nuint address)
    {
        nuint offset = address - _base;
        if (offset >= _bytes)
        {
            return null;
        }
        uint index = _spanOfChunk[offset >> AddressSpace.ChunkShift];
        if (index == 0)
        {
            return null;
        }
        ref Span span = ref _spans[index];
        if (span.Slots == 1)
        {
            return span.Records;
        }
        Chunk.SlotOf(_lookup, offset, out uint slot);
        Allocation* allocation = span.Records + Math.Min(slot, (uint)span.Slots - 1);
        return allocation->Address == 0 ? null : allocation;
    }

    /// <summary>True when <c>[address, address + count)</c> lies in one live allocation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool Covers(nuint address, nuint count) => address - _base < _bytes && Chunk.Covers(_lookup, address - _base, address, count);

    /// <summary>The allocations that are alive, in the order of their addresses.</summary>
    internal List<(nuint Address, nuint Bytes, ulong Serial)> Live()
    {
        var live = new List<(nuint, nuint, ulong)>();
        lock (_lock)
        {
            for (uint index = 1; index <= _spanCount; index++)
            {
                for (int slot = 0; slot < _spans[index].Slots; slot++)
                {
                    Allocation* allocation = _spans[index].Records + slot;
                    if (allocation->State == AllocationState.Live)
                    {
                        live.Add((allocation->Address, allocation->Bytes, allocation->Serial));
                    }
                }
            }
        }
        return live;
    }

    /// <summary>Forgets everything and returns all pages: the device was reset. Nobody may use the memory any more.</summary>
    internal void Clear()
    {
        lock (_lock)
        {
            for (uint index = 1; index <= _spanCount; index++)
            {
                ref Span span = ref _spans[index];
                for (int slot = 0; slot < span.Slots; slot++)
                {
                    Allocation* allocation = span.Records + slot;
                    if (allocation->State == AllocationState.Live)
                    {
                        Free(allocation->Address);
                    }
                    Unshare(allocation);
                }
            }
            nuint used = (nuint)_nextChunk << AddressSpace.ChunkShift;
            _ = Posix.madvise((void*)(_base + _distance), used, Posix.MADV_DONTNEED);
        }
    }

    /// <summary>Returns the pages of large freed spans that no queued command needs any more.</summary>
    internal void Trim()
    {
        lock (_lock)
        {
            while (_toTrim.TryPeek(out nint first) && GracePeriod.HasPassed(((Allocation*)first)->FreedInGrace))
            {
                _toTrim.Dequeue();
                var allocation = (Allocation*)first;
                if (allocation->State == AllocationState.Freed && !allocation->IsShared)
                {
                    _ = Posix.madvise((void*)(allocation->Address + _distance), _spans[allocation->Span].SlotBytes, Posix.MADV_DONTNEED);
                }
            }
        }
    }

    internal void Dispose()
    {
        _ = Posix.munmap(_spanOfChunk, (nuint)_chunks * sizeof(uint));
        _ = Posix.munmap(_spans, (nuint)(_chunks + 1) * (nuint)sizeof(Span));
        _records.Dispose();
        _states.Dispose();
    }

    private void SetState(Allocation* allocation, AllocationState state)
    {
        Volatile.Write(ref Unsafe.As<AllocationState, byte>(ref allocation->State), (byte)state);
        ref Span span = ref _spans[allocation->Span];
        if (span.States != null)
        {
            Volatile.Write(ref span.States[allocation - span.Records], Chunk.StateOf(allocation));
        }
    }

    private void Account(Allocation* allocation, int sign)
    {
        Charge(RoundUp(allocation->Bytes, allocation->PageBytes), allocation->PageBytes > 4096, allocation->Module, sign);
        LiveCount += sign;
    }

    private void Charge(ulong bytes, bool isHuge, ushort module, int sign)
    {
        UsedBytes = sign > 0 ? UsedBytes + bytes : UsedBytes - bytes;
        if (isHuge)
        {
            UsedHugeBytes = sign > 0 ? UsedHugeBytes + bytes : UsedHugeBytes - bytes;
        }
        ref (ulong Current, ulong Peak) usage = ref _modules[module];
        usage.Current = sign > 0 ? usage.Current + bytes : usage.Current - bytes;
        usage.Peak = Math.Max(usage.Peak, usage.Current);
    }

    /// <summary>Memory that was shared with other processes stays theirs: these addresses get pages of their own.</summary>
    private void Unshare(Allocation* allocation)
    {
        if (allocation->IsShared)
        {
            AddressSpace.MakePrivate(allocation->Address + _distance, _spans[allocation->Span].SlotBytes);
            allocation->IsShared = false;
        }
    }

    private Allocation* TakeSlot(SizeClass size)
    {
        if (size.Freed.Count > QuarantineSlots && TryReuseSlot(size, out Allocation* reused))
        {
            return reused;
        }
        if (size.Next == size.End)
        {
            int slots = (int)(AddressSpace.ChunkBytes / size.SlotBytes);
            uint index = AddSpan(1, size.SlotBytes, slots);
            if (index == 0)
            {
                return TryReuseSlot(size, out reused) ? reused : null;
            }
            size.Next = _spans[index].Records;
            (size.NextAddress, size.NextSpan) = (_spans[index].Start, index);
            size.End = size.Next + slots;
        }
        Allocation* fresh = size.Next++;
        (fresh->Address, fresh->Span) = (size.NextAddress, size.NextSpan);
        size.NextAddress += size.SlotBytes;
        return fresh;
    }

    private Allocation* TakeSpan(nuint bytes)
    {
        if (bytes > _bytes)
        {
            return null;
        }
        if (_freedSpans.TryGetValue(bytes, out Queue<nint>? freed) && freed.Count > QuarantineSpans && TryReuse(freed, bytes, out Allocation* reused))
        {
            return reused;
        }
        uint index = AddSpan((int)(bytes >> AddressSpace.ChunkShift), bytes, 1);
        if (index == 0)
        {
            return freed is { Count: > 0 } && TryReuse(freed, bytes, out reused) ? reused : TakeMerged(bytes);
        }
        Allocation* fresh = _spans[index].Records;
        (fresh->Address, fresh->Span) = (_spans[index].Start, index);
        return fresh;
    }

    private bool TryReuseSlot(SizeClass size, out Allocation* allocation)
    {
        allocation = size.Freed.TryPeek(out nuint first) ? Find(first) : null;
        if (!MayReuse(allocation, size.Freed.Count, size.SlotBytes))
        {
            return false;
        }
        size.Freed.Dequeue();
        if (size.Freed.TryPeek(out nuint next))
        {
            PrefetchSlot(next);
        }
        return true;
    }

    /// <summary>
    /// What a free or the next reuse is going to write: record and word of one among many are two misses, which each lock waits for in
    /// turn. So they are fetched together, and early.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PrefetchSlot(nuint address)
    {
        nuint offset = address - _base;
        if (Sse.IsSupported && offset < _bytes)
        {
            uint* state = Chunk.SlotOf(_lookup, offset, out uint slot);
            Sse.Prefetch0(state);
            Sse.Prefetch0(_spans[_spanOfChunk[offset >> AddressSpace.ChunkShift]].Records + slot);
        }
    }

    private static bool MayReuse(Allocation* freed, int count, nuint bytes) =>
        freed != null && ((nuint)count * bytes >= PatienceBytes || GracePeriod.HasPassed(freed->FreedInGrace));

    private bool TryReuse(Queue<nint> freed, nuint bytes, out Allocation* allocation)
    {
        allocation = freed.TryPeek(out nint first) ? (Allocation*)first : null;
        if (!MayReuse(allocation, freed.Count, bytes))
        {
            return false;
        }
        freed.Dequeue();
        Unshare(allocation);
        return true;
    }

    /// <summary>The window is used up: freed neighbours, whatever their sizes, make room for a new span.</summary>
    private Allocation* TakeMerged(nuint bytes)
    {
        var ranges = new List<(nuint Start, nuint Bytes)>();
        foreach (Queue<nint> queue in _freedSpans.Values)
        {
            foreach (nint entry in queue)
            {
                var freed = (Allocation*)entry;
                if (GracePeriod.HasPassed(freed->FreedInGrace))
                {
                    Unshare(freed);
                    ranges.Add((freed->Address, _spans[freed->Span].SlotBytes));
                }
            }
        }
        ranges.Sort();
        for (int first = 0; first < ranges.Count; first++)
        {
            nuint sum = 0;
            for (int last = first; last < ranges.Count && ranges[first].Start + sum == ranges[last].Start; last++)
            {
                sum += ranges[last].Bytes;
                if (sum >= bytes)
                {
                    return Merge(ranges[first].Start, sum, bytes);
                }
            }
        }
        return null;
    }

    private Allocation* Merge(nuint start, nuint merged, nuint bytes)
    {
        foreach ((nuint size, Queue<nint> queue) in _freedSpans)
        {
            int count = queue.Count;
            for (int turn = 0; turn < count; turn++)
            {
                nint entry = queue.Dequeue();
                if (((Allocation*)entry)->Address - start >= merged)
                {
                    queue.Enqueue(entry);
                }
            }
        }
        nint[] keep = [.. _toTrim.Where(entry => ((Allocation*)entry)->Address - start >= merged)];
        _toTrim.Clear();
        foreach (nint entry in keep)
        {
            _toTrim.Enqueue(entry);
        }
        if (merged > bytes)
        {
            uint rest = DefineSpan(start + bytes, (int)((merged - bytes) >> AddressSpace.ChunkShift), merged - bytes, 1);
            Allocation* remainder = _spans[rest].Records;
            (remainder->Address, remainder->Span, remainder->State, remainder->PageBytes) = (start + bytes, rest, AllocationState.Freed, DeviceMemory.HugePage);
            ref Queue<nint>? queue = ref CollectionsMarshal.GetValueRefOrAddDefault(_freedSpans, merged - bytes, out _);
            (queue ??= new()).Enqueue((nint)remainder);
        }
        uint index = DefineSpan(start, (int)(bytes >> AddressSpace.ChunkShift), bytes, 1);
        Allocation* fresh = _spans[index].Records;
        (fresh->Address, fresh->Span) = (start, index);
        return fresh;
    }

    private uint AddSpan(int chunks, nuint slotBytes, int slots)
    {
        if (_nextChunk + chunks > _chunks)
        {
            return 0;
        }
        nuint start = _base + ((nuint)_nextChunk << AddressSpace.ChunkShift);
        _nextChunk += chunks;
        return DefineSpan(start, chunks, slotBytes, slots);
    }

    private uint DefineSpan(nuint start, int chunks, nuint slotBytes, int slots)
    {
        // Spans are never more than chunks: a merged span takes the place of those it was made from.
        uint index = _spanCount < (uint)_chunks ? ++_spanCount : _spanOfChunk[(start - _base) >> AddressSpace.ChunkShift];
        ref Span span = ref _spans[index];
        span = new Span { Start = start, SlotBytes = slotBytes, Slots = slots, Records = _records.Take(slots) };
        nuint first = (start - _base) >> AddressSpace.ChunkShift;
        for (nuint chunk = first, end = first + (nuint)chunks; chunk < end; chunk++)
        {
            Volatile.Write(ref _spanOfChunk[chunk], index);
        }
        if (slotBytes <= LargestSlotBytes)
        {
            span.States = _states.Take(slots + 1);
            _lookup[first].Define(span.States, slotBytes);
            return index;
        }
        for (nuint chunk = first, end = first + (nuint)chunks; chunk < end; chunk++)
        {
            _lookup[chunk].Define(span.Records);
        }
        return index;
    }

    /// <summary>The smallest class whose slots have so many bytes: the inverse of how the classes are made.</summary>
    private static int ClassOf(nuint bytes)
    {
        uint last = (uint)bytes - 1;
        if (last < LinearClasses * (uint)Granule)
        {
            return (int)(last / (uint)Granule);
        }
        int power = System.Numerics.BitOperations.Log2(last), first = System.Numerics.BitOperations.Log2(LinearClasses * (uint)Granule);
        return LinearClasses + (power - first) * 4 + (int)(last >> power - 2 & 3);
    }

    /// <summary>Bytes of the slot that memory of this size gets.</summary>
    internal nuint SlotBytesFor(nuint bytes) => _classes[ClassOf(bytes)].SlotBytes;

    internal static nuint RoundUp(nuint value, nuint unit) => (value + unit - 1) / unit * unit;

    internal static void* MapZeroed(nuint bytes)
    {
        void* start = Posix.mmap(null, bytes, Posix.PROT_READ | Posix.PROT_WRITE, Posix.MAP_PRIVATE | Posix.MAP_ANONYMOUS | Posix.MAP_NORESERVE, -1, 0);
        return start == Posix.MAP_FAILED ? throw new OutOfMemoryException() : start;
    }
}
