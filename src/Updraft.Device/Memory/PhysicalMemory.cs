namespace Updraft.Device;

/// <summary>
/// Physical memory without an address: a memory file. Mapping it is mapping the file, so the bytes outlive every mapping, two
/// mappings show the same bytes, and another process that is given the file maps the same memory.
/// It lives as long as a handle or a mapping is left; then the device has the memory back.
/// </summary>
internal sealed class PhysicalMemory
{
    private readonly Lock _lock = new();
    private readonly ulong _charged;
    private int _users;

    internal readonly int File;
    internal readonly nuint Bytes;
    internal readonly aclrtPhysicalMemProp Properties;

    /// <summary>Memory of the host rather than of a device: the host may touch it under its mapped address.</summary>
    internal readonly bool IsOnHost;

    /// <summary>The owning device; 0 on the host.</summary>
    internal readonly int DeviceId;

    /// <summary>The memory belongs to another process and is counted there.</summary>
    internal readonly bool IsImported;

    /// <summary>The handle the program holds; a retained one is the same again. 0 when all were freed.</summary>
    internal nint Handle;
    private int _handles;

    /// <summary>How other processes find it; null while they cannot.</summary>
    internal SharedItem? Item;

    private PhysicalMemory(int file, nuint bytes, in aclrtPhysicalMemProp properties, bool isImported)
    {
        (File, Bytes, Properties, IsImported) = (file, bytes, properties, isImported);
        IsOnHost = properties.location.type != aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE;
        DeviceId = IsOnHost ? 0 : (int)properties.location.id;
        _charged = IsOnHost || isImported ? 0 : bytes;
    }

    /// <summary>Takes memory of the device (or the host). 207001 when it is full.</summary>
    internal static PhysicalMemory Create(nuint bytes, in aclrtPhysicalMemProp properties)
    {
        bool isDevice = properties.location.type == aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE;
        Arena? arena = isDevice ? Machine.Devices[(int)properties.location.id].Memory : null;
        if (arena?.TryCharge(bytes, 0) == false)
        {
            Check.Fail(AclError.RtMemoryAllocation, $"Device {properties.location.id} has no room for {bytes} bytes: {arena.UsedBytes} of {Machine.Devices[(int)properties.location.id].MemoryBytes} bytes are in use (UPDRAFT_DEVICE_MEMORY sets the size).");
        }
        try
        {
            return new PhysicalMemory(SharedMemory.CreateFile(bytes), bytes, properties, isImported: false);
        }
        catch (AclException)
        {
            arena?.Discharge(bytes, 0);
            throw;
        }
    }

    /// <summary>Memory of another process, by the file it gave us.</summary>
    internal static PhysicalMemory Import(int file, nuint bytes, in aclrtPhysicalMemProp properties) => new(file, bytes, properties, isImported: true);

    /// <summary>One handle more: made at the first, the same again later.</summary>
    internal nint Retain()
    {
        lock (_lock)
        {
            _users++;
            if (_handles++ == 0)
            {
                Handle = HandleTable.Add(HandleKind.PhysicalMemory, this);
            }
            return Handle;
        }
    }

    /// <summary>One handle less. False when another thread took the last one.</summary>
    internal bool ReleaseHandle(nint handle)
    {
        lock (_lock)
        {
            if (_handles == 0 || Handle != handle)
            {
                return false;
            }
            if (--_handles == 0)
            {
                HandleTable.Remove(Handle);
                Handle = 0;
            }
        }
        RemoveUser();
        return true;
    }

    internal void AddUser()
    {
        lock (_lock)
        {
            _users++;
        }
    }

    internal void RemoveUser()
    {
        lock (_lock)
        {
            if (--_users > 0)
            {
                return;
            }
        }
        VirtualMemory.Forget(this);
        if (Item != null)
        {
            Sharing.Withdraw(Item);
        }
        _ = Posix.close(File);
        if (_charged != 0)
        {
            Machine.Devices[DeviceId].Memory.Discharge(_charged, 0);
        }
    }

    /// <summary>All handles at once: the device was reset.</summary>
    internal void Abandon()
    {
        int handles;
        lock (_lock)
        {
            handles = _handles;
            _handles = 0;
            if (handles > 0)
            {
                HandleTable.Remove(Handle);
                Handle = 0;
            }
        }
        for (; handles > 0; handles--)
        {
            RemoveUser();
        }
    }
}
