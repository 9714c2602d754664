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
/// backing range  device range + BackingDistance, read/write, pages taken when touched
/// pinned range   [PinnedBase, +PinnedBytes)    read/write
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

    /// <summary>Reserves the ranges; smaller ones when the process may not have as much address space (ulimit -v).</summary>
    internal static void Reserve(int devices, ulong bytesPerDevice)
    {
        int smallest = ChunkShift + 4;
        int wanted = 40;
        while (wanted > smallest && ((nuint)devices << wanted) > (nuint)1 << 44)
        {
            wanted--;
        }
        for (int shift = wanted; shift >= smallest; shift--)
        {
            nuint size = (nuint)devices << shift;
            nuint device = Map(size, Posix.PROT_NONE);
            nuint backing = device == 0 ? 0 : Map(size, Posix.PROT_READ | Posix.PROT_WRITE);
            nuint pinnedBytes = (nuint)1 << Math.Min(shift, 38);
            nuint pinned = backing == 0 ? 0 : Map(pinnedBytes, Posix.PROT_READ | Posix.PROT_WRITE);
            if (pinned != 0)
            {
                (DeviceBase, DeviceBytes, DeviceShift) = (device, size, shift);
                (PinnedBase, PinnedBytes) = (pinned, pinnedBytes);
                BackingDistance = backing - device;
                if (1UL << shift < bytesPerDevice)
                {
                    Log.Warn($"only {(1UL << shift) >> 20} MiB of address space per device could be reserved (wanted {bytesPerDevice >> 20} MiB); raise `ulimit -v`.");
                }
                return;
            }
            Unmap(device, size);
            Unmap(backing, size);
        }
        throw new AclException(AclError.RtMemoryAllocation, "The process may not reserve enough address space for a single device; raise `ulimit -v`.");
    }

    internal static void Release()
    {
        Unmap(DeviceBase, DeviceBytes);
        Unmap(DeviceBase + BackingDistance, DeviceBytes);
        Unmap(PinnedBase, PinnedBytes);
        (DeviceBase, DeviceBytes, PinnedBase, PinnedBytes) = (0, 0, 0, 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsDevice(nuint address) => address - DeviceBase < DeviceBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsPinned(nuint address) => address - PinnedBase < PinnedBytes;

    /// <summary>The device that owns a device address.</summary>
    internal static int DeviceOf(nuint address) => (int)((address - DeviceBase) >> DeviceShift);

    /// <summary>Where the engine finds the bytes of any address: device addresses move by the constant distance, host addresses stay.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void* Backing(nuint address) => (void*)(IsDevice(address) ? address + BackingDistance : address);

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
