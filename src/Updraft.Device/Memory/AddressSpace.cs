using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// The address ranges of the emulated machine, reserved once. Device memory is an address, not host memory: programs see the
/// <em>device range</em>, which is never accessible, and the engine works on the <em>backing range</em> at a constant distance.
/// Pinned host memory has a range of its own that both use. So the class of a pointer is a comparison, the device a shift, the
/// translation an addition, and host code that touches a device pointer faults as on hardware.
/// </summary>
/// <example><code>
/// device range   [DeviceBase, +DeviceBytes)    PROT_NONE; device i owns [DeviceBase + i·2^DeviceShift, …)
/// virtual range  [VirtualBase, +VirtualBytes)  follows the device range: reserved addresses and imported memory (VirtualMemory)
/// backing range  device and virtual range + BackingDistance, read/write, pages taken when touched
/// pinned range   [PinnedBase, +PinnedBytes)    read/write
/// managed range  [ManagedBase, +ManagedBytes)  read/write, reserved at the first use
/// </code></example>
internal static unsafe class AddressSpace
{
    internal const int ChunkShift = 21;
    internal const nuint ChunkBytes = 1 << ChunkShift;

    // Plain static fields: written once by Reserve before any other call, read on every copy without an initialisation check.
    internal static nuint DeviceBase;
    internal static nuint DeviceBytes;
    internal static int DeviceShift;
    internal static nuint BackingDistance;
    internal static nuint PinnedBase;
    internal static nuint PinnedBytes;
    internal static nuint VirtualBase;
    internal static nuint VirtualBytes;
    internal static nuint ManagedBase;
    internal static nuint ManagedBytes;

    /// <summary>What lookups read, by chunk of each range; the arenas write it.</summary>
    internal static Chunk* DeviceChunks, PinnedChunks, ManagedChunks;

    // What the documents say about the managed window.
    private const ulong ManagedStart = 0x900_0000_0000;
    private const int ManagedShift = 40;
    private const nuint ManagedTerabytes = 3;

    /// <summary>Reserves the ranges; smaller ones when the process may not have as much address space (ulimit -v).</summary>
    internal static void Reserve(int devices, ulong bytesPerDevice)
    {
        int smallest = ChunkShift + 2;
        int wanted = 40;
        while (wanted > smallest && ((nuint)devices << wanted) > (nuint)1 << 44)
        {
            wanted--;
        }
        for (int shift = wanted; shift >= smallest; shift--)
        {
            nuint size = (nuint)devices << shift;
            // Room to reserve a few times what a device has: programs reserve generously and map little.
            // Where address space is scarce, memory comes first.
            nuint virtualBytes = (nuint)(shift > 32 ? 4 : 1) << shift;
            nuint device = Map(size + virtualBytes, Posix.PROT_NONE);
            nuint backing = device == 0 ? 0 : Map(size + virtualBytes, Posix.PROT_READ | Posix.PROT_WRITE);
            nuint pinnedBytes = (nuint)1 << Math.Min(shift, 38);
            nuint pinned = backing == 0 ? 0 : Map(pinnedBytes, Posix.PROT_READ | Posix.PROT_WRITE);
            if (pinned != 0)
            {
                (DeviceBase, DeviceBytes, DeviceShift) = (device, size, shift);
                (VirtualBase, VirtualBytes) = (device + size, virtualBytes);
                (PinnedBase, PinnedBytes) = (pinned, pinnedBytes);
                BackingDistance = backing - device;
                DeviceChunks = MapChunks(size);
                PinnedChunks = MapChunks(pinnedBytes);
                if (1UL << shift < bytesPerDevice)
                {
                    Log.Warn($"only {(1UL << shift) >> 20} MiB of address space per device could be reserved (wanted {bytesPerDevice >> 20} MiB); raise `ulimit -v`.");
                }
                return;
            }
            Unmap(device, size + virtualBytes);
            Unmap(backing, size + virtualBytes);
        }
        throw new AclException(AclError.RtMemoryAllocation, "The process may not reserve enough address space for a single device; raise `ulimit -v`.");
    }

    internal static void Release()
    {
        Unmap(DeviceBase, DeviceBytes + VirtualBytes);
        Unmap(DeviceBase + BackingDistance, DeviceBytes + VirtualBytes);
        Unmap(PinnedBase, PinnedBytes);
        Unmap(ManagedBase, ManagedBytes);
        UnmapChunks(ref DeviceChunks, DeviceBytes);
        UnmapChunks(ref PinnedChunks, PinnedBytes);
        UnmapChunks(ref ManagedChunks, ManagedBytes);
        (DeviceBase, DeviceBytes, VirtualBase, VirtualBytes, PinnedBase, PinnedBytes, ManagedBase, ManagedBytes) = (0, 0, 0, 0, 0, 0, 0, 0);
    }

    /// <summary>Reserves the managed window at the documented address; elsewhere when the process has something there. False when there is no room.</summary>
    internal static bool ReserveManaged()
    {
        for (nuint bytes = ManagedTerabytes << ManagedShift; bytes >= ChunkBytes << 8; bytes >>= 1)
        {
            void* start = Posix.mmap((void*)ManagedStart, bytes, Posix.PROT_READ | Posix.PROT_WRITE, Posix.MAP_PRIVATE | Posix.MAP_ANONYMOUS | Posix.MAP_NORESERVE | Posix.MAP_FIXED_NOREPLACE, -1, 0);
            nuint place = start == (void*)ManagedStart ? (nuint)start : 0;
            if (place == 0)
            {
                if (start != Posix.MAP_FAILED)
                {
                    Unmap((nuint)start, bytes); // A kernel that takes the address for a hint.
                }
                place = Map(bytes, Posix.PROT_READ | Posix.PROT_WRITE);
            }
            if (place != 0)
            {
                ManagedBase = place;
                ManagedChunks = MapChunks(bytes);
                // Last: a size other than 0 makes the window visible.
                Volatile.Write(ref ManagedBytes, bytes);
                return true;
            }
        }
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsDevice(nuint address) => address - DeviceBase < DeviceBytes;

    /// <summary>True where the engine finds the bytes of device memory that was allocated: at one address only, unlike what is mapped.</summary>
    internal static bool IsBackingOfDevice(nuint address) => IsDevice(address - BackingDistance);

    /// <summary>True where the engine finds mapped bytes, which others may see at other addresses.</summary>
    internal static bool IsBackingOfVirtual(nuint address) => IsVirtual(address - BackingDistance);

    internal static bool IsVirtual(nuint address) => address - VirtualBase < VirtualBytes;
    internal static bool IsManaged(nuint address) => address - ManagedBase < ManagedBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsPinned(nuint address) => address - PinnedBase < PinnedBytes;

    /// <summary>False when a range cannot be memory of the program: larger than any, beyond the end of addresses, or partly in a reserved range.</summary>
    internal static bool MayBeHost(nuint start, nuint bytes) => bytes <= (nuint)1 << 47 && start + bytes >= start && !Touches(start, bytes);

    private static bool Touches(nuint start, nuint bytes) =>
        Overlap(start, bytes, DeviceBase, DeviceBytes + VirtualBytes) || Overlap(start, bytes, DeviceBase + BackingDistance, DeviceBytes + VirtualBytes)
        || Overlap(start, bytes, PinnedBase, PinnedBytes) || Overlap(start, bytes, ManagedBase, ManagedBytes);

    private static bool Overlap(nuint start, nuint bytes, nuint otherStart, nuint otherBytes) => start - otherStart < otherBytes || otherStart - start < bytes;

    /// <summary>The device that owns a device address.</summary>
    internal static int DeviceOf(nuint address) => (int)((address - DeviceBase) >> DeviceShift);

    /// <summary>Where the engine finds the bytes of any address: device and virtual addresses move by the constant distance, host addresses stay.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void* Backing(nuint address) => (void*)(address - DeviceBase < DeviceBytes + VirtualBytes ? address + BackingDistance : address);

    /// <summary>Fresh private pages at an address of the backing range, in one step: there is no moment without memory.</summary>
    internal static void MakePrivate(nuint start, nuint bytes)
    {
        _ = Posix.mmap((void*)start, bytes, Posix.PROT_READ | Posix.PROT_WRITE, Posix.MAP_PRIVATE | Posix.MAP_ANONYMOUS | Posix.MAP_NORESERVE | Posix.MAP_FIXED, -1, 0);
        _ = Posix.madvise((void*)start, bytes, Posix.MADV_DONTDUMP);
        _ = Posix.madvise((void*)start, bytes, Posix.MADV_HUGEPAGE);
    }

    /// <summary>Back to addresses that nobody can touch.</summary>
    internal static void MakeInaccessible(nuint start, nuint bytes) =>
        _ = Posix.mmap((void*)start, bytes, Posix.PROT_NONE, Posix.MAP_PRIVATE | Posix.MAP_ANONYMOUS | Posix.MAP_NORESERVE | Posix.MAP_FIXED, -1, 0);

    private static nuint ChunkTableBytes(nuint range) => (range >> ChunkShift) * (nuint)sizeof(Chunk);

    private static Chunk* MapChunks(nuint range) => (Chunk*)Arena.MapZeroed(ChunkTableBytes(range));

    private static void UnmapChunks(ref Chunk* chunks, nuint range)
    {
        Unmap((nuint)chunks, ChunkTableBytes(range));
        chunks = null;
    }

    private static nuint Map(nuint size, int protection)
    {
        // One chunk more, so that the range can begin at a chunk boundary: huge pages need the alignment.
        void* start = Posix.mmap(null, size + ChunkBytes, protection, Posix.MAP_PRIVATE | Posix.MAP_ANONYMOUS | Posix.MAP_NORESERVE, -1, 0);
        if (start == Posix.MAP_FAILED)
        {
            return 0;
        }
        nuint aligned = ((nuint)start + ChunkBytes - 1) & ~(ChunkBytes - 1);
        if (aligned > (nuint)start)
        {
            _ = Posix.munmap(start, aligned - (nuint)start);
        }
        nuint tail = (nuint)start + size + ChunkBytes - (aligned + size);
        if (tail > 0)
        {
            _ = Posix.munmap((void*)(aligned + size), tail);
        }
        _ = Posix.madvise((void*)aligned, size, Posix.MADV_DONTDUMP);
        if (protection != Posix.PROT_NONE)
        {
            _ = Posix.madvise((void*)aligned, size, Posix.MADV_HUGEPAGE);
        }
        return aligned;
    }

    private static void Unmap(nuint start, nuint size)
    {
        if (start != 0)
        {
            _ = Posix.munmap((void*)start, size);
        }
    }
}
