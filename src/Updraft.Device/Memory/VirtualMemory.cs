using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>Physical memory at an address. Chunk-aligned; what lies behind <see cref="Bytes"/> in the last chunk belongs to nobody.</summary>
internal sealed class Mapping(nuint start, nuint bytes, PhysicalMemory memory)
{
    internal readonly nuint Start = start, Bytes = bytes;
    internal readonly PhysicalMemory Memory = memory;

    /// <summary>Who may access it, beside or instead of the owner. Written under the lock of <see cref="VirtualMemory"/>.</summary>
    internal readonly Dictionary<(aclrtMemLocationType Type, uint Id), aclrtMemAccessFlags> Access = [];

    /// <summary>The owner has access without having been granted any: false after aclrtMemMapNoAccess.</summary>
    internal bool IsOwnerFree = true;

    /// <summary>By device, replaced as a whole; null while nothing was granted to anybody.</summary>
    private aclrtMemAccessFlags[]? _rights;

    /// <summary>
    /// What a device may do: what it was granted; else everything in a mapping whose owner is free, as between devices without peer
    /// access; else what the host may, if the memory is the host's, or nothing.
    /// </summary>
    internal aclrtMemAccessFlags Rights(int device) =>
        Volatile.Read(ref _rights) is { } rights ? rights[device] : IsOwnerFree ? aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE : aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_NONE;

    /// <summary>What the host may do with memory of its own.</summary>
    internal aclrtMemAccessFlags HostRights { get; private set; } = aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE;

    /// <summary>Works out anew who may do what. Under the lock of <see cref="VirtualMemory"/>.</summary>
    internal void UpdateRights()
    {
        aclrtMemAccessFlags others = IsOwnerFree ? aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE : aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_NONE;
        aclrtMemAccessFlags[] ofHost = [.. Access.Where(entry => entry.Key.Type != aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE).Select(entry => entry.Value)];
        HostRights = ofHost.Length == 0 ? others : ofHost.Max();
        var rights = new aclrtMemAccessFlags[Machine.Devices.Length];
        for (int device = 0; device < rights.Length; device++)
        {
            rights[device] = Access.TryGetValue((aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, (uint)device), out aclrtMemAccessFlags granted) ? granted : Memory.IsOnHost ? HostRights : others;
        }
        Volatile.Write(ref _rights, rights);
    }

    /// <summary>Made by aclrtIpcMemImportByKey rather than by aclrtMapMem: reservation and mapping in one.</summary>
    internal bool IsImport;
}

/// <summary>
/// The window of reserved addresses behind those of the devices. A reservation is a promise that the range is nobody else's; a mapping
/// puts physical memory there. The engine sees a mapping as it sees device memory: at the constant distance. A range may span several
/// mappings, which is how growing pools use it.
///
/// Invariant: the backing of every address of the window is always accessible memory, mapped or not: a copy that was queued before an
/// unmap never faults, it works on pages that nobody sees.
/// </summary>
internal static unsafe class VirtualMemory
{
    private static readonly Lock s_lock = new();
    private static readonly SortedList<nuint, nuint> s_reservations = []; // start → bytes
    private static readonly HashSet<PhysicalMemory> s_memories = [];
    private static readonly Stack<int> s_freeSlots = new();
    private static Mapping?[] s_mappings = new Mapping?[64];
    private static int s_used = 1;
    private static nuint s_next;
    private static uint* s_slotOfChunk;

    private static nuint Chunk(nuint address) => (address - AddressSpace.VirtualBase) >> AddressSpace.ChunkShift;

    // --- Addresses -------------------------------------------------------------------------------------------------------------------

    /// <summary>Reserves addresses, at the wanted place if one is given. 0 when the place is taken or the window is full.</summary>
    internal static nuint Reserve(nuint bytes, nuint alignment, nuint wanted)
    {
        if (bytes > AddressSpace.VirtualBytes)
        {
            return 0;
        }
        bytes = Arena.RoundUp(bytes, AddressSpace.ChunkBytes);
        lock (s_lock)
        {
            nuint start = wanted != 0 ? wanted : FindRoom(bytes, alignment);
            if (start == 0 || start - AddressSpace.VirtualBase > AddressSpace.VirtualBytes - bytes || Overlaps(start, bytes))
            {
                return 0;
            }
            s_reservations.Add(start, bytes);
            if (wanted == 0)
            {
                s_next = start + bytes;
            }
            return start;
        }
    }

    /// <summary>Goes round the window, so that released addresses stay unknown for as long as possible.</summary>
    private static nuint FindRoom(nuint bytes, nuint alignment)
    {
        nuint first = AddressSpace.VirtualBase + AddressSpace.ChunkBytes, end = AddressSpace.VirtualBase + AddressSpace.VirtualBytes;
        nuint start = s_next == 0 ? first : s_next;
        for (int round = 0; round < 2; round++, start = first)
        {
            foreach ((nuint taken, nuint takenBytes) in s_reservations)
            {
                nuint aligned = Arena.RoundUp(start, alignment);
                if (aligned < taken && taken - aligned >= bytes)
                {
                    break;
                }
                start = Math.Max(start, taken + takenBytes);
            }
            nuint found = Arena.RoundUp(start, alignment);
            if (found < end && end - found >= bytes)
            {
                return found;
            }
        }
        return 0;
    }

    private static bool Overlaps(nuint start, nuint bytes)
    {
        foreach ((nuint other, nuint otherBytes) in s_reservations)
        {
            if (start - other < otherBytes || other - start < bytes)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Null when done; otherwise why not.</summary>
    internal static string? Release(nuint start)
    {
        lock (s_lock)
        {
            if (!s_reservations.TryGetValue(start, out nuint bytes) || Find(start) is { IsImport: true })
            {
                return "it is not the start of a reserved range";
            }
            for (nuint chunk = Chunk(start), end = chunk + (bytes >> AddressSpace.ChunkShift); s_slotOfChunk != null && chunk < end; chunk++)
            {
                if (s_slotOfChunk[chunk] != 0)
                {
                    return "memory is still mapped there; call aclrtUnmapMem first";
                }
            }
            s_reservations.Remove(start);
            _ = Posix.madvise((void*)(start + AddressSpace.BackingDistance), bytes, Posix.MADV_DONTNEED);
            return null;
        }
    }

    // --- Mappings --------------------------------------------------------------------------------------------------------------------

    /// <summary>The mapping that holds the address; null when nothing is mapped there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Mapping? Find(nuint address)
    {
        uint* slots = s_slotOfChunk;
        if (slots == null || !AddressSpace.IsVirtual(address))
        {
            return null;
        }
        Mapping? mapping = Volatile.Read(ref s_mappings)[Volatile.Read(ref slots[Chunk(address)])];
        return mapping != null && address - mapping.Start < mapping.Bytes ? mapping : null;
    }

    /// <summary>True when every byte is mapped, by as many mappings as it takes, and the device may read all of it; and perhaps also write.</summary>
    internal static bool Covers(nuint address, nuint count, int device, out bool isWritable)
    {
        isWritable = true;
        while (Find(address) is { } mapping && mapping.Rights(device) is var rights and not aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_NONE)
        {
            isWritable &= rights == aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE;
            nuint left = mapping.Bytes - (address - mapping.Start);
            if (count <= left)
            {
                return true;
            }
            address += left;
            count -= left;
        }
        isWritable = false;
        return false;
    }

    /// <summary>Maps memory into reserved, free addresses. Null when done; otherwise why not.</summary>
    internal static string? Map(nuint start, nuint bytes, PhysicalMemory memory, bool isAccessible, bool isImport = false)
    {
        nuint chunks = Arena.RoundUp(bytes, AddressSpace.ChunkBytes) >> AddressSpace.ChunkShift;
        lock (s_lock)
        {
            if (!IsReserved(start, bytes))
            {
                return "the range is not inside one range of aclrtReserveMemAddress";
            }
            PrepareTable();
            nuint first = Chunk(start);
            for (nuint chunk = first; chunk < first + chunks; chunk++)
            {
                if (s_slotOfChunk[chunk] != 0)
                {
                    return "memory is mapped there already; call aclrtUnmapMem first";
                }
            }
            if (!SharedMemory.Map(start + AddressSpace.BackingDistance, bytes, memory.File, 0) || memory.IsOnHost && !SharedMemory.Map(start, bytes, memory.File, 0))
            {
                return "the system allows no more mappings (vm.max_map_count)";
            }
            memory.AddUser();
            int slot = TakeSlot();
            s_mappings[slot] = new Mapping(start, bytes, memory) { IsOwnerFree = isAccessible, IsImport = isImport };
            if (!isAccessible)
            {
                ApplyRights(s_mappings[slot]!);
            }
            for (nuint chunk = first; chunk < first + chunks; chunk++)
            {
                Volatile.Write(ref s_slotOfChunk[chunk], (uint)slot);
            }
            return null;
        }
    }

    /// <summary>Takes the mapping away that begins at the address. False when none does.</summary>
    internal static bool Unmap(nuint start, bool isImport = false)
    {
        Mapping? mapping;
        lock (s_lock)
        {
            mapping = Find(start);
            if (mapping == null || mapping.Start != start || mapping.IsImport != isImport)
            {
                return false;
            }
            Remove(mapping);
            if (isImport)
            {
                s_reservations.Remove(start);
            }
        }
        mapping.Memory.RemoveUser();
        return true;
    }

    private static void Remove(Mapping mapping)
    {
        nuint first = Chunk(mapping.Start), bytes = Arena.RoundUp(mapping.Bytes, AddressSpace.ChunkBytes);
        uint slot = s_slotOfChunk[first];
        for (nuint chunk = first; chunk < first + (bytes >> AddressSpace.ChunkShift); chunk++)
        {
            Volatile.Write(ref s_slotOfChunk[chunk], 0);
        }
        s_mappings[slot] = null;
        Place.Vanished();
        s_freeSlots.Push((int)slot);
        AddressSpace.MakePrivate(mapping.Start + AddressSpace.BackingDistance, bytes);
        if (mapping.Memory.IsOnHost)
        {
            AddressSpace.MakeInaccessible(mapping.Start, bytes);
        }
    }

    private static bool IsReserved(nuint start, nuint bytes)
    {
        // The last reservation that begins at or before the address.
        int low = 0, high = s_reservations.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (s_reservations.GetKeyAtIndex(middle) <= start)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        if (low == 0)
        {
            return false;
        }
        nuint offset = start - s_reservations.GetKeyAtIndex(low - 1), reserved = s_reservations.GetValueAtIndex(low - 1);
        return offset < reserved && bytes <= reserved - offset;
    }

    private static int TakeSlot()
    {
        if (s_freeSlots.TryPop(out int slot))
        {
            return slot;
        }
        if (s_used == s_mappings.Length)
        {
            Mapping?[] larger = new Mapping?[s_used * 2];
            s_mappings.CopyTo(larger, 0);
            Volatile.Write(ref s_mappings, larger);
        }
        return s_used++;
    }

    private static void PrepareTable()
    {
        if (s_slotOfChunk == null)
        {
            s_slotOfChunk = (uint*)Arena.MapZeroed((AddressSpace.VirtualBytes >> AddressSpace.ChunkShift) * sizeof(uint));
        }
    }

    // --- Access ----------------------------------------------------------------------------------------------------------------------

    /// <summary>Grants access to a whole mapping. The code tells what was wrong.</summary>
    internal static AclError SetAccess(nuint start, nuint bytes, ReadOnlySpan<aclrtMemAccessDesc> grants)
    {
        lock (s_lock)
        {
            Mapping? mapping = Find(start);
            if (mapping == null || mapping.Start != start || mapping.Bytes != bytes)
            {
                return AclError.RtParamInvalid;
            }
            foreach (ref readonly aclrtMemAccessDesc grant in grants)
            {
                if (mapping.Access.TryGetValue((grant.location.type, grant.location.id), out aclrtMemAccessFlags granted) && granted != grant.flags)
                {
                    return AclError.RtDrvInternalError;
                }
            }
            foreach (ref readonly aclrtMemAccessDesc grant in grants)
            {
                mapping.Access[(grant.location.type, grant.location.id)] = grant.flags;
            }
            ApplyRights(mapping);
            return AclError.Success;
        }
    }

    /// <summary>Devices are asked copy by copy; the host uses memory of its own directly, so its pages tell it.</summary>
    private static void ApplyRights(Mapping mapping)
    {
        mapping.UpdateRights();
        if (mapping.Memory.IsOnHost)
        {
            int protection = mapping.HostRights switch
            {
                aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE => Posix.PROT_READ | Posix.PROT_WRITE,
                aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READ => Posix.PROT_READ,
                _ => Posix.PROT_NONE,
            };
            _ = Posix.mprotect((void*)mapping.Start, mapping.Bytes, protection);
        }
    }

    /// <summary>What a location may do with the mapping at the address; null when nothing is mapped there. The owner of an ordinary mapping may do everything.</summary>
    internal static aclrtMemAccessFlags? GetAccess(nuint address, aclrtMemLocation location)
    {
        lock (s_lock)
        {
            if (Find(address) is not { } mapping)
            {
                return null;
            }
            if (mapping.Access.TryGetValue((location.type, location.id), out aclrtMemAccessFlags flags))
            {
                return flags;
            }
            aclrtMemLocation owner = mapping.Memory.Properties.location;
            bool isOwner = location.type == owner.type && (mapping.Memory.IsOnHost || location.id == owner.id);
            return isOwner && mapping.IsOwnerFree ? aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE : aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_NONE;
        }
    }

    // --- Life ------------------------------------------------------------------------------------------------------------------------

    /// <summary>Memory that has to go when its device is reset.</summary>
    internal static void Remember(PhysicalMemory memory)
    {
        lock (s_lock)
        {
            s_memories.Add(memory);
        }
    }

    /// <summary>The physical memory of devices that this process has made and not given back.</summary>
    internal static PhysicalMemory[] OfDevices()
    {
        lock (s_lock)
        {
            return [.. s_memories.Where(memory => memory is { IsOnHost: false, IsImported: false })];
        }
    }

    internal static void Forget(PhysicalMemory memory)
    {
        lock (s_lock)
        {
            s_memories.Remove(memory);
        }
    }

    /// <summary>The device was reset: what was mapped from its memory is gone, the reservations stay.</summary>
    internal static void Forget(Device device)
    {
        var gone = new List<PhysicalMemory>();
        lock (s_lock)
        {
            foreach (Mapping? mapping in s_mappings)
            {
                if (mapping != null && !mapping.Memory.IsOnHost && mapping.Memory.DeviceId == device.Id)
                {
                    Remove(mapping);
                    gone.Add(mapping.Memory);
                    if (mapping.IsImport)
                    {
                        s_reservations.Remove(mapping.Start);
                    }
                }
            }
        }
        foreach (PhysicalMemory memory in gone)
        {
            memory.RemoveUser();
        }
        PhysicalMemory[] handles;
        lock (s_lock)
        {
            handles = [.. s_memories.Where(memory => !memory.IsOnHost && memory.DeviceId == device.Id)];
        }
        foreach (PhysicalMemory memory in handles)
        {
            memory.Abandon();
        }
    }

    internal static void Clear()
    {
        lock (s_lock)
        {
            foreach (Mapping? mapping in s_mappings)
            {
                mapping?.Memory.RemoveUser();
            }
            foreach (PhysicalMemory memory in s_memories.ToArray())
            {
                memory.Abandon();
            }
            s_memories.Clear();
            s_reservations.Clear();
            s_freeSlots.Clear();
            s_mappings = new Mapping?[64];
            (s_used, s_next) = (1, 0);
            if (s_slotOfChunk != null)
            {
                _ = Posix.munmap(s_slotOfChunk, (AddressSpace.VirtualBytes >> AddressSpace.ChunkShift) * sizeof(uint));
                s_slotOfChunk = null;
            }
        }
    }

    /// <summary>For messages: what the devices may not do.</summary>
    private static string Limits(Mapping mapping)
    {
        string Devices(aclrtMemAccessFlags flags) => string.Join(", ", Machine.Devices.Where(device => mapping.Rights(device.Id) == flags).Select(device => device.Id));
        string none = Devices(aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_NONE), readers = Devices(aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READ);
        return (none.Length > 0 ? $", without access for device {none}: call aclrtMemSetAccess" : "") + (readers.Length > 0 ? $", read-only for device {readers}" : "");
    }

    internal static string Describe(nuint address)
    {
        if (Find(address) is { } mapping)
        {
            string owner = mapping.Memory.IsOnHost ? "host memory" : $"memory of device {mapping.Memory.DeviceId}";
            return $"{owner}, {address - mapping.Start} bytes into {(mapping.IsImport ? "imported memory" : "a mapping")} of {mapping.Bytes} bytes at 0x{mapping.Start:x}{Limits(mapping)}";
        }
        lock (s_lock)
        {
            return IsReserved(address, 1) ? "a reserved address where nothing is mapped" : "a virtual address that is not reserved";
        }
    }
}
