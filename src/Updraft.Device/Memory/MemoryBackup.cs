using System.Runtime.InteropServices;

namespace Updraft.Device;

/// <summary>
/// The bytes of all device memory of this process, copied into host memory: allocations and physical memory that is its own. Chunks that
/// are all zero, as memory never written is, cost nothing.
/// </summary>
internal sealed unsafe class MemoryBackup : IDisposable
{
    private readonly List<(Device Device, nuint Address, nuint Bytes, ulong Serial, nint[] Chunks)> _allocations = [];
    private readonly List<(PhysicalMemory Memory, nint[] Chunks)> _memories = [];

    /// <summary>Takes the backup. Null when the host has not enough memory for it.</summary>
    internal static MemoryBackup? Take()
    {
        var backup = new MemoryBackup();
        try
        {
            foreach (Device device in Machine.Devices)
            {
                foreach ((nuint address, nuint bytes, ulong serial) in device.Memory.Live())
                {
                    var chunks = new nint[Count(bytes)];
                    backup._allocations.Add((device, address, bytes, serial, chunks));
                    Save((byte*)(address + AddressSpace.BackingDistance), bytes, chunks);
                }
            }
            foreach (PhysicalMemory memory in VirtualMemory.OfDevices())
            {
                var chunks = new nint[Count(memory.Bytes)];
                backup._memories.Add((memory, chunks));
                WithBytes(memory, bytes => Save((byte*)bytes, memory.Bytes, chunks));
            }
            return backup;
        }
        catch (OutOfMemoryException)
        {
            backup.Dispose();
            return null;
        }
    }

    /// <summary>Puts the bytes back. Memory that was freed meanwhile is passed over; memory taken meanwhile keeps its bytes.</summary>
    internal void Restore()
    {
        foreach ((Device device, nuint address, nuint bytes, ulong serial, nint[] chunks) in _allocations)
        {
            Allocation* allocation = device.Memory.Find(address);
            if (allocation != null && allocation->State == AllocationState.Live && allocation->Serial == serial)
            {
                Restore((byte*)(address + AddressSpace.BackingDistance), bytes, chunks);
            }
        }
        PhysicalMemory[] alive = VirtualMemory.OfDevices();
        foreach ((PhysicalMemory memory, nint[] chunks) in _memories)
        {
            if (alive.Contains(memory))
            {
                WithBytes(memory, bytes => Restore((byte*)bytes, memory.Bytes, chunks));
            }
        }
        ValueWaits.Written();
    }

    public void Dispose()
    {
        foreach (nint chunk in _allocations.SelectMany(entry => entry.Chunks).Concat(_memories.SelectMany(entry => entry.Chunks)))
        {
            NativeMemory.Free((void*)chunk);
        }
        _allocations.Clear();
        _memories.Clear();
    }

    private static nuint Count(nuint bytes) => (bytes + AddressSpace.ChunkBytes - 1) >> AddressSpace.ChunkShift;

    private static nuint Size(nuint bytes, int chunk) => Math.Min(AddressSpace.ChunkBytes, bytes - (nuint)chunk * AddressSpace.ChunkBytes);

    private static bool IsZero(byte* start, nuint bytes) => !new ReadOnlySpan<byte>(start, (int)bytes).ContainsAnyExcept((byte)0);

    private static void Save(byte* start, nuint bytes, nint[] chunks)
    {
        for (int index = 0; index < chunks.Length; index++, start += AddressSpace.ChunkBytes)
        {
            nuint size = Size(bytes, index);
            if (!IsZero(start, size))
            {
                chunks[index] = (nint)NativeMemory.Alloc(size);
                CopyEngine.Copy((byte*)chunks[index], start, size);
            }
        }
    }

    private static void Restore(byte* start, nuint bytes, nint[] chunks)
    {
        for (int index = 0; index < chunks.Length; index++, start += AddressSpace.ChunkBytes)
        {
            nuint size = Size(bytes, index);
            if (chunks[index] != 0)
            {
                CopyEngine.Copy(start, (byte*)chunks[index], size);
            }
            else if (!IsZero(start, size))
            {
                CopyEngine.Fill(start, 0, size);
            }
        }
    }

    /// <summary>Physical memory may be mapped nowhere: it gets an address for the moment.</summary>
    private static void WithBytes(PhysicalMemory memory, Action<nint> use)
    {
        void* start = Posix.mmap(null, memory.Bytes, Posix.PROT_READ | Posix.PROT_WRITE, Posix.MAP_SHARED, memory.File, 0);
        if (start == Posix.MAP_FAILED)
        {
            throw new OutOfMemoryException();
        }
        try
        {
            use((nint)start);
        }
        finally
        {
            _ = Posix.munmap(start, memory.Bytes);
        }
    }
}
