using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// What lookups know of a chunk of 2 MiB, 16 bytes: whether it belongs to one large allocation or is cut into slots, and where the
/// states of these lie. A state is a word: live or not, how many bytes it has, how many were asked for. So a million allocations are
/// looked up in a table of 4 MB, which stays in the cache, instead of their records of 64 MB, which do not: one load of the chunk, one
/// of the word.
/// </summary>
internal unsafe struct Chunk
{
    /// <summary>All slots are multiples of this: the number of a slot is a multiplication.</summary>
    internal const int GranuleShift = 9;

    // Quotients of less than 2^12 granules by at most 2^11 are exact with this many bits.
    private const int ReciprocalShift = 28;

    // A live word, from the top: 1; bytes beyond those asked for, or all bits when they are more than fit; bytes in units, less one.
    private const uint Live = 1u << 31, ExcessMask = (1u << 16) - 1, UnitsMask = (1u << 15) - 1;
    private const int ExcessShift = 15, UnitShift = 5;

    /// <summary>The states of the slots; the record itself when there is only one; 0 when the chunk was never used.</summary>
    private nuint _target;
    private uint _slotBytes;
    private uint _reciprocal;

    /// <summary>The chunk is cut into slots. <paramref name="states"/> has one word more: what is left behind the last slot is nobody's.</summary>
    internal void Define(uint* states, nuint slotBytes)
    {
        uint granules = (uint)(slotBytes >> GranuleShift);
        (_slotBytes, _reciprocal) = ((uint)slotBytes, ((1u << ReciprocalShift) + granules - 1) / granules);
        Volatile.Write(ref _target, (nuint)states);
    }

    /// <summary>The chunk belongs to one allocation. It never was and never will be cut into slots.</summary>
    internal void Define(Allocation* record) => Volatile.Write(ref _target, (nuint)record);

    /// <summary>The word of a slot whose record says this.</summary>
    internal static uint StateOf(Allocation* record) => record->State != AllocationState.Live ? 0
        : Live | (uint)Math.Min(record->Bytes - record->Requested, ExcessMask) << ExcessShift | (uint)(record->Bytes - 1 >> UnitShift);

    /// <summary>True when <c>[address, address + count)</c> lies in one live allocation. <paramref name="offset"/> is that of the address in the range of the table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Covers(Chunk* chunks, nuint offset, nuint address, nuint count)
    {
        Chunk* chunk = chunks + (offset >> AddressSpace.ChunkShift);
        nuint target = Volatile.Read(ref chunk->_target);
        if (chunk->_slotBytes == 0)
        {
            return target != 0 && ((Allocation*)target)->Contains(address, count);
        }
        uint within = Within(offset), slot = chunk->SlotOf(within), state = ((uint*)target)[slot];
        nuint bytes = BytesOf(state);
        return (int)state < 0 && count <= bytes && within - slot * chunk->_slotBytes <= bytes - count;
    }

    /// <summary>
    /// The live allocation that holds the address: where it starts and how many bytes were asked for. False when there is none, or only
    /// its record knows.
    /// </summary>
    internal static bool TryFind(Chunk* chunks, nuint offset, nuint address, out nuint start, out nuint requested)
    {
        Chunk* chunk = chunks + (offset >> AddressSpace.ChunkShift);
        nuint target = Volatile.Read(ref chunk->_target);
        if (chunk->_slotBytes == 0)
        {
            var record = (Allocation*)target;
            (start, requested) = record == null ? (0, 0) : (record->Address, record->Requested);
            return record != null && record->Contains(address, 1);
        }
        uint within = Within(offset), slot = chunk->SlotOf(within), state = Volatile.Read(ref ((uint*)target)[slot]);
        uint distance = within - slot * chunk->_slotBytes, excess = state >> ExcessShift & ExcessMask;
        start = address - distance;
        requested = BytesOf(state) - excess;
        return (int)state < 0 && distance < BytesOf(state) && excess != ExcessMask;
    }

    /// <summary>True when the slot that holds the address is in use.</summary>
    internal static bool IsLive(Chunk* chunks, nuint offset)
    {
        Chunk* chunk = chunks + (offset >> AddressSpace.ChunkShift);
        return chunk->_slotBytes == 0
            ? chunk->_target != 0 && ((Allocation*)chunk->_target)->State == AllocationState.Live
            : (int)((uint*)chunk->_target)[chunk->SlotOf(Within(offset))] < 0;
    }

    /// <summary>The pages of the allocation that is or was at the address. Slots have small pages only, and so has what was never allocated.</summary>
    internal static uint PageBytes(Chunk* chunks, nuint offset)
    {
        Chunk* chunk = chunks + (offset >> AddressSpace.ChunkShift);
        return chunk->_slotBytes != 0 || chunk->_target == 0 ? DeviceMemory.SmallPage : ((Allocation*)chunk->_target)->PageBytes;
    }

    /// <summary>Number and word of the slot that holds the address; of a chunk with one allocation 0 and nothing to be read.</summary>
    internal static uint* SlotOf(Chunk* chunks, nuint offset, out uint slot)
    {
        Chunk* chunk = chunks + (offset >> AddressSpace.ChunkShift);
        slot = chunk->SlotOf(Within(offset));
        return (uint*)chunk->_target + slot;
    }

    private static nuint BytesOf(uint state) => ((nuint)(state & UnitsMask) + 1) << UnitShift;

    private static uint Within(nuint offset) => (uint)offset & ((uint)AddressSpace.ChunkBytes - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly uint SlotOf(uint within) => (uint)((ulong)(within >> GranuleShift) * _reciprocal >> ReciprocalShift);
}
