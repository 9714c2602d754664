namespace Updraft.Device;

/// <summary>Allocation and release of device, pinned and managed memory: sizes, policies and codes as documented.</summary>
internal static unsafe class DeviceMemory
{
    internal const uint SmallPage = 4096, HugePage = 2 << 20, GiantPage = 1 << 30;
    private const nuint HugeThreshold = 1 << 20;

    private const uint HugeOnly = 1, NormalOnly = 2, HugeFirstPeer = 3, NormalOnlyPeer = 5, Giant = 6, GiantPeer = 7;

    /// <summary>aclrtMalloc and its relatives: padded by the chip or not, and with one more attempt after the pools gave back what they hold.</summary>
    internal static void* Allocate(nuint size, uint policy, bool isPadded, bool knowsPeers = true)
    {
        bool isGiant = policy is Giant or GiantPeer;
        nuint bytes = Rounded(size, isPadded && !isGiant ? Chip.Current.AllocationPadding : 0);
        Device device = Current.Device;
        bool isPeer = knowsPeers && policy is >= HugeFirstPeer and <= NormalOnlyPeer;
        CheckPages(isGiant, isPeer);
        // Memory for other devices has normal pages in these forms, whatever the policy's name says.
        uint page = isPeer ? SmallPage : PageOf(policy, bytes);
        void* address = TryTake(device, size, bytes, page);
        if (address == null)
        {
            MemoryPools.TrimAll(device);
            address = TryTake(device, size, bytes, page);
        }
        return address != null ? address : throw Full(device, size);
    }

    /// <summary>The configured forms: hints may be or-ed to the policy, the peer policies keep their page size, and there is one attempt.</summary>
    internal static void* AllocateConfigured(nuint bytes, nuint size, uint policy, ushort module)
    {
        Device device = Current.Device;
        uint kind = policy & 0xff;
        kind = kind <= GiantPeer ? kind : 0;
        bool isGiant = kind is Giant or GiantPeer, isPeer = kind is >= HugeFirstPeer and <= NormalOnlyPeer;
        CheckPages(isGiant, isPeer);
        void* address = TryTake(device, size, bytes, PageOf(isPeer ? kind - HugeFirstPeer : kind, bytes), module);
        return address != null ? address : throw Full(device, size);
    }

    private static void CheckPages(bool isGiant, bool isPeer)
    {
        Check.That(!isGiant || Chip.Current.HasGiantPages, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no pages of 1 GiB.");
        Check.That(!isPeer || Chip.Current.HasPeerToPeerPages && !Chip.Current.RunsOnBoard, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no memory for other devices.");
    }

    /// <summary>A policy outside the enumeration means huge pages from the size on that "huge first" uses them.</summary>
    private static uint PageOf(uint policy, nuint bytes) => policy switch
    {
        HugeOnly => HugePage,
        NormalOnly => SmallPage,
        Giant or GiantPeer => GiantPage,
        _ => bytes > HugeThreshold ? HugePage : SmallPage,
    };

    /// <summary>Null when the device is full.</summary>
    internal static void* TryTake(Device device, nuint requested, nuint bytes, uint page, ushort module = 0)
    {
        Allocation* allocation = device.Memory.Allocate(bytes, requested, page, module);
        if (allocation == null)
        {
            return null;
        }
        Machine.Observer?.Allocated(allocation->Address, bytes, device.Id);
        return (void*)allocation->Address;
    }

    internal static AclException Full(Device device, nuint requested) => new(AclError.RtMemoryAllocation,
        $"Device {device.Id} has no room for {requested} bytes: {device.Memory.UsedBytes} of {device.MemoryBytes} bytes are in use (UPDRAFT_DEVICE_MEMORY sets the size).");

    internal static void* AllocateHost(nuint bytes, nuint size)
    {
        _ = Current.Context;
        Allocation* allocation = Machine.Pinned.Allocate(bytes, size, SmallPage);
        if (allocation == null)
        {
            Check.Fail(AclError.RtMemoryAllocation, $"No address space is left for {size} bytes of pinned host memory.");
        }
        Machine.Observer?.Allocated(allocation->Address, bytes, -1);
        return (void*)allocation->Address;
    }

    /// <summary>aclrtMemAllocManaged: addresses that host and devices share.</summary>
    internal static void AllocateManaged(void** ptr, ulong size, uint flag)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.That(flag == 1, AclError.InvalidParam, $"flag is {flag}; expected ACL_RT_MEM_ATTACH_GLOBAL (1).");
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; ask for at least one byte.");
        _ = Current.Context;
        if (!Chip.Current.HasManagedMemory)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no managed memory.", isStored: false);
        }
        // A size near the end of the address space is rounded up to nothing.
        nuint bytes = Arena.RoundUp((nuint)size, HugePage);
        Allocation* allocation = bytes < size ? null : ManagedMemory.Allocate(bytes, (nuint)size);
        if (allocation == null)
        {
            Check.Fail(AclError.RtMemoryAllocation, $"The window of managed memory has no room for {size} bytes.");
        }
        Machine.Observer?.Allocated(allocation->Address, bytes, -1);
        *ptr = (void*)allocation->Address;
    }

    /// <summary>aclrtFree: memory of any device, of a pool or managed, without a context and without waiting for anything.</summary>
    internal static void Free(void* devPtr)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        var address = (nuint)devPtr;
        if (MemoryPools.TryFree(address))
        {
            return;
        }
        Arena? arena = AddressSpace.IsPinned(address) ? null : Place.ArenaOf(address);
        if (arena != null && arena == ManagedMemory.Arena)
        {
            ManagedHints.Forget(address);
        }
        if (arena?.Free(address) != true)
        {
            Check.Fail(AclError.RtParamInvalid, $"aclrtFree takes the start of live device memory, not {Place.Describe(devPtr)}.");
        }
        SharedKeys.Freed(address);
        Machine.Observer?.Freed(address, AddressSpace.IsDevice(address) ? AddressSpace.DeviceOf(address) : -1);
    }

    internal static AclError FreeWithDeviceSync(void* devPtr)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        AclError code = Devices.Synchronize(Timeout.Infinite);
        if (code == AclError.Success)
        {
            Free(devPtr);
        }
        return code;
    }

    internal static void FreeHost(void* hostPtr)
    {
        Check.NotNull(hostPtr, nameof(hostPtr));
        var address = (nuint)hostPtr;
        if (!AddressSpace.IsPinned(address) || !Machine.Pinned.Free(address))
        {
            Check.Fail(AclError.RtParamInvalid, $"aclrtFreeHost takes the start of live memory of aclrtMallocHost, not {Place.Describe(hostPtr)}.");
        }
        Machine.Observer?.Freed(address, -1);
    }

    internal static AclError FreeHostWithDeviceSync(void* hostPtr)
    {
        Check.NotNull(hostPtr, nameof(hostPtr));
        AclError code = Devices.Synchronize(Timeout.Infinite);
        if (code == AclError.Success)
        {
            FreeHost(hostPtr);
        }
        return code;
    }

    /// <summary>What a program may touch: its size up to the next 32, and what the chip adds behind.</summary>
    internal static nuint Rounded(nuint size, uint padding)
    {
        Check.That(size > 0, AclError.InvalidParam, "size is 0; ask for at least one byte.");
        nuint rounded = (size + 31) & ~(nuint)31;
        Check.That(rounded >= size && rounded + padding >= rounded, AclError.InvalidParam, $"size ({size} bytes) is too large.");
        return rounded + padding;
    }
}
