namespace Updraft.Device;

/// <summary>Allocation and release of device and pinned host memory: sizes, policies and codes as documented.</summary>
internal static unsafe class DeviceMemory
{
    internal const uint SmallPage = 4096, HugePage = 2 << 20, GiantPage = 1 << 30;
    private const nuint HugeThreshold = 1 << 20;

    /// <summary>aclrtMalloc and aclrtMallocCached pad; aclrtMallocAlign32 and the configured forms only round up.</summary>
    internal static void* Allocate(nuint size, aclrtMemMallocPolicy policy, bool isPadded, bool knowsPeerPolicies = true)
    {
        Check.That(size > 0, AclError.InvalidParam, "size is 0; ask for at least one byte.");
        uint value = (uint)policy;
        bool isGiant = value is 6 or 7;
        nuint bytes = Rounded(size, isPadded && !isGiant ? Chip.Current.AllocationPadding : 0);
        Device device = Current.Device;
        Check.That(!isGiant || Chip.Current.HasGiantPages, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no pages of 1 GiB.");
        bool isPeer = value is 3 or 4 or 5 && knowsPeerPolicies;
        Check.That(!isPeer || Chip.Current.HasPeerToPeerPages, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no memory for other devices.");
        uint page = isGiant ? GiantPage : isPeer ? SmallPage : value switch
        {
            1 => HugePage,
            2 => SmallPage,
            _ => bytes > HugeThreshold ? HugePage : SmallPage,
        };
        return Take(device, size, bytes, page);
    }

    internal static void* Take(Device device, nuint requested, nuint bytes, uint page)
    {
        Arena memory = device.Memory;
        ulong charged = Arena.RoundUp(bytes, page);
        Allocation* allocation = memory.UsedBytes + charged <= device.MemoryBytes ? memory.Allocate(bytes, requested, page) : null;
        if (allocation == null)
        {
            Check.Fail(AclError.RtMemoryAllocation, $"Device {device.Id} has no room for {requested} bytes: {memory.UsedBytes} of {device.MemoryBytes} bytes are in use (UPDRAFT_DEVICE_MEMORY sets the size).");
        }
        Machine.Observer?.Allocated(allocation->Address, bytes, device.Id);
        return (void*)allocation->Address;
    }

    internal static void* AllocateHost(nuint size)
    {
        Check.That(size > 0, AclError.InvalidParam, "size is 0; ask for at least one byte.");
        nuint bytes = Rounded(size, 0);
        _ = Current.Context;
        Allocation* allocation = Machine.Pinned.Allocate(bytes, size, SmallPage);
        if (allocation == null)
        {
            Check.Fail(AclError.RtMemoryAllocation, $"No address space is left for {size} bytes of pinned host memory.");
        }
        Machine.Observer?.Allocated(allocation->Address, bytes, -1);
        return (void*)allocation->Address;
    }

    /// <summary>aclrtFree: memory of any device, without a context and without waiting for anything.</summary>
    internal static void Free(void* devPtr)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        var address = (nuint)devPtr;
        if (!AddressSpace.IsDevice(address) || !Machine.Devices[AddressSpace.DeviceOf(address)].Memory.Free(address))
        {
            Check.Fail(AclError.RtParamInvalid, $"aclrtFree takes the start of live device memory, not {Place.Describe(devPtr)}.");
        }
        Machine.Observer?.Freed(address, AddressSpace.DeviceOf(address));
    }

    internal static void FreeHost(void* hostPtr)
    {
        Check.NotNull(hostPtr, nameof(hostPtr));
        var address = (nuint)hostPtr;
        if (!Machine.Pinned.Free(address))
        {
            Check.Fail(AclError.RtParamInvalid, $"aclrtFreeHost takes the start of live memory of aclrtMallocHost, not {Place.Describe(hostPtr)}.");
        }
        Machine.Observer?.Freed(address, -1);
    }

    internal static nuint Rounded(nuint size, uint padding)
    {
        nuint rounded = (size + 31) & ~(nuint)31;
        Check.That(rounded >= size && rounded + padding >= rounded, AclError.InvalidParam, $"size ({size} bytes) is too large.");
        return rounded + padding;
    }

    /// <summary>aclrtGetMemInfo of the current device.</summary>
    internal static void Info(aclrtMemAttr attribute, nuint* free, nuint* total)
    {
        Check.NotNull(free, nameof(free));
        Check.NotNull(total, nameof(total));
        int value = (int)attribute;
        Check.That(value is >= 0 and <= 17, AclError.RtInvalidMemoryType, $"attr is {value}; expected ACL_DDR_MEM (0) to 17.");
        Device device = Current.Device;
        Check.That(value is not (10 or 11 or 14 or 17) || Chip.Current.HasGiantPages, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no pages of 1 GiB.");
        Arena memory = device.Memory;
        *total = (nuint)device.MemoryBytes;
        // All kinds of pages come from one memory: what one kind uses the others cannot have.
        *free = (nuint)(device.MemoryBytes - Math.Min(memory.UsedBytes, device.MemoryBytes));
    }
}
