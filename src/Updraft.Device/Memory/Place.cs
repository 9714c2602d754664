using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>What the checks of the interface call the class of an address.</summary>
internal enum MemoryClass : byte { Unregistered, Host, Device, Managed }

/// <summary>One side of a copy, looked up once: its class, whether the whole range is alive, and where the engine finds the bytes.</summary>
internal readonly unsafe struct Place
{
    internal readonly MemoryClass Class;

    /// <summary>True when every byte belongs to one live allocation; always true for host memory that is not ours, which is guarded instead.</summary>
    internal readonly bool IsWhole;

    /// <summary>As <see cref="IsWhole"/>, and no mapping of the range is one that the device may only read.</summary>
    internal readonly bool IsWritable;

    /// <summary>True for host memory that may vanish under the engine.</summary>
    internal readonly bool NeedsGuard;

    /// <summary>The owning device; 0 for host memory.</summary>
    internal readonly int Device;
    internal readonly nuint Address;

    private Place(MemoryClass memoryClass, bool isWhole, bool needsGuard, int device, nuint address)
        : this(memoryClass, isWhole, isWhole, needsGuard, device, address) { }

    private Place(MemoryClass memoryClass, bool isWhole, bool isWritable, bool needsGuard, int device, nuint address) =>
        (Class, IsWhole, IsWritable, NeedsGuard, Device, Address) = (memoryClass, isWhole, isWritable, needsGuard, device, address);

    /// <summary>Where the engine reads and writes.</summary>
    internal nuint Backing => (nuint)AddressSpace.Backing(Address);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Place Of(void* pointer, nuint bytes)
    {
        var address = (nuint)pointer;
        if (AddressSpace.IsDevice(address))
        {
            return new Place(MemoryClass.Device, IsLiveOnDevice(address, bytes), false, AddressSpace.DeviceOf(address), address);
        }
        if (AddressSpace.IsPinned(address))
        {
            bool isWhole = IsLivePinned(address, bytes);
            // Freed pinned memory is whatever the process has there: for us nothing that may be touched.
            return isWhole || Chunk.IsLive(AddressSpace.PinnedChunks, address - AddressSpace.PinnedBase)
                ? new Place(MemoryClass.Host, isWhole, false, 0, address)
                : new Place(MemoryClass.Unregistered, false, false, 0, address);
        }
        return OfForeign(address, bytes);
    }

    /// <summary>The same memory at another address of its allocation.</summary>
    internal Place At(nuint address) => new(Class, IsWhole, IsWritable, NeedsGuard, Device, address);

    /// <summary>The allocation of device or pinned memory that holds the address; null for anything else.</summary>
    internal static Allocation* AllocationOf(void* pointer)
    {
        var address = (nuint)pointer;
        return AddressSpace.IsDevice(address) ? Machine.Devices[AddressSpace.DeviceOf(address)].Memory.Find(address)
            : AddressSpace.IsPinned(address) ? Machine.Pinned.Find(address) : null;
    }

    /// <summary>Start and requested size of the live allocation of device or pinned memory that holds the address. False when there is none, or only its record knows.</summary>
    internal static bool TryFindAllocation(nuint address, out nuint start, out nuint requested)
    {
        if (AddressSpace.IsDevice(address))
        {
            return Chunk.TryFind(AddressSpace.DeviceChunks, address - AddressSpace.DeviceBase, address, out start, out requested);
        }
        (start, requested) = (0, 0);
        return AddressSpace.IsPinned(address) && Chunk.TryFind(AddressSpace.PinnedChunks, address - AddressSpace.PinnedBase, address, out start, out requested);
    }

    private static long s_vanished;

    /// <summary>How often memory was freed or unmapped in this process: what was looked up is still good while this number stays.</summary>
    internal static long VanishedCount => Volatile.Read(ref s_vanished);

    internal static void Vanished() => Interlocked.Increment(ref s_vanished);

    /// <summary>As <see cref="Of"/>, for an address as the engine uses it.</summary>
    internal static Place OfBacking(nuint backing, nuint bytes)
    {
        nuint address = backing - AddressSpace.BackingDistance;
        return Of((void*)(AddressSpace.IsDevice(address) || AddressSpace.IsVirtual(address) ? address : backing), bytes);
    }

    /// <summary>Where the engine finds the range when it lies in one live allocation of device or pinned memory, or in mappings with the right for it; 0 for every other address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint Translate(void* pointer, nuint bytes, bool isWritten, out bool isDevice)
    {
        var address = (nuint)pointer;
        isDevice = AddressSpace.IsDevice(address);
        if (isDevice)
        {
            return IsLiveOnDevice(address, bytes) ? address + AddressSpace.BackingDistance : 0;
        }
        if (AddressSpace.IsPinned(address))
        {
            return IsLivePinned(address, bytes) ? address : 0;
        }
        // By a local of its own: the address of the result is taken in this rare case only.
        nuint backing = TranslateMapped(address, bytes, isWritten, out bool isOnDevice);
        isDevice = isOnDevice;
        return backing;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nuint TranslateMapped(nuint address, nuint bytes, bool isWritten, out bool isDevice)
    {
        isDevice = false;
        if (!AddressSpace.IsVirtual(address))
        {
            return 0;
        }
        Place place = OfMapping(address, bytes, ThreadState.Current.Context?.Device);
        isDevice = place.Class == MemoryClass.Device;
        return (isWritten ? place.IsWritable : place.IsWhole) ? place.Backing : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsLiveOnDevice(nuint address, nuint bytes) => Chunk.Covers(AddressSpace.DeviceChunks, address - AddressSpace.DeviceBase, address, bytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsLivePinned(nuint address, nuint bytes) => Chunk.Covers(AddressSpace.PinnedChunks, address - AddressSpace.PinnedBase, address, bytes);

    /// <summary>Everything that is neither device memory nor pinned by allocation: rarer, so it may take a few comparisons more.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Place OfForeign(nuint address, nuint bytes)
    {
        if (AddressSpace.IsVirtual(address))
        {
            return OfMapping(address, bytes, ThreadState.Current.Context?.Device);
        }
        if (AddressSpace.IsManaged(address))
        {
            return new Place(MemoryClass.Managed, ManagedMemory.Arena!.Covers(address, bytes), false, 0, address);
        }
        return HostRegistry.TryFind(address, out HostRegistry.Range range)
            ? new Place(MemoryClass.Host, range.Bytes - (address - range.Start) >= bytes, true, 0, address)
            : new Place(MemoryClass.Unregistered, AddressSpace.MayBeHost(address, bytes), true, 0, address);
    }

    /// <summary>Mapped memory with the rights that the device has there; without a device, those of the owner.</summary>
    private static Place OfMapping(nuint address, nuint bytes, Device? device)
    {
        Mapping? mapping = VirtualMemory.Find(address);
        if (mapping == null)
        {
            return new Place(MemoryClass.Device, false, false, 0, address);
        }
        bool isWhole = VirtualMemory.Covers(address, bytes, device?.Id ?? mapping.Memory.DeviceId, out bool isWritable);
        return new Place(mapping.Memory.IsOnHost ? MemoryClass.Host : MemoryClass.Device, isWhole, isWritable, false, mapping.Memory.DeviceId, address);
    }

    /// <summary>As <see cref="Of(void*, nuint)"/>, for a range that a stream of the device uses: rather than what the calling thread works with.</summary>
    internal static Place Of(void* pointer, nuint bytes, Device device) => AddressSpace.IsVirtual((nuint)pointer) ? OfMapping((nuint)pointer, bytes, device) : Of(pointer, bytes);

    /// <summary>The allocator that owns the address; null for mapped, registered and foreign memory.</summary>
    internal static Arena? ArenaOf(nuint address) =>
        AddressSpace.IsDevice(address) ? Machine.Devices[AddressSpace.DeviceOf(address)].Memory
        : AddressSpace.IsPinned(address) ? Machine.Pinned
        : AddressSpace.IsManaged(address) ? ManagedMemory.Arena : null;

    /// <summary>For messages: the pointer, what it is and how far its allocation reaches.</summary>
    internal static string Describe(void* pointer)
    {
        var address = (nuint)pointer;
        if (AddressSpace.IsVirtual(address))
        {
            return $"0x{address:x} ({VirtualMemory.Describe(address)})";
        }
        Arena? arena = ArenaOf(address);
        if (arena == null)
        {
            return HostRegistry.TryFind(address, out HostRegistry.Range range)
                ? $"0x{address:x} (registered host memory 0x{range.Start:x}, {range.Bytes} bytes)"
                : $"0x{address:x} (pageable host memory)";
        }
        string kind = AddressSpace.IsDevice(address) ? $"memory of device {AddressSpace.DeviceOf(address)}" : AddressSpace.IsPinned(address) ? "pinned host memory" : "managed memory";
        Allocation* allocation = arena.Find(address);
        if (allocation == null)
        {
            return $"0x{address:x} ({kind}, never allocated)";
        }
        string offset = $"{address - allocation->Address} bytes into allocation {allocation->Serial} of {allocation->Requested} bytes at 0x{allocation->Address:x}";
        return allocation->State == AllocationState.Live
            ? $"0x{address:x} ({kind}, {offset})"
            : $"0x{address:x} ({kind}, {offset}, freed by thread {allocation->FreedByThread} {Posix.CoarseMs() - allocation->FreedAtMs} ms ago)";
    }
}
