namespace Updraft.Device;

/// <summary>A handle of physical memory, as programs hold it.</summary>
internal readonly struct PhysicalHandle
{
    public readonly nint Value;
    internal bool IsNull => Value == 0;
    internal PhysicalMemory Get() => HandleTable.TryGet(Value, out PhysicalMemory? memory) ? memory : throw HandleFailure.Of(Value, "physicalmemory");
}

/// <summary>Physical memory by handle: what may be asked for, and whose it is.</summary>
internal static unsafe class PhysicalHandles
{
    internal static nuint GranularityOf(aclrtMemAttr attribute) => IsGiant(attribute) ? DeviceMemory.GiantPage : DeviceMemory.HugePage;

    private static bool IsGiant(aclrtMemAttr attribute) => (int)attribute is 10 or 11 or 14 or 17;

    internal static void Malloc(nint* handle, nuint size, aclrtPhysicalMemProp* prop, ulong flags)
    {
        Check.NotNull(handle, nameof(handle));
        Check.NotNull(prop, nameof(prop));
        Check.That(size > 0, AclError.InvalidParam, "size is 0; ask for a multiple of what aclrtMemGetAllocationGranularity gives.");
        Check.That(flags == 0, AclError.InvalidParam, $"flags is {flags}; it is reserved and must be 0.");
        Check.That(prop->handleType == aclrtMemHandleType.ACL_MEM_HANDLE_TYPE_NONE, AclError.InvalidParam, $"prop->handleType is {(int)prop->handleType}; expected ACL_MEM_HANDLE_TYPE_NONE (0).");
        Check.That(prop->allocationType == aclrtMemAllocationType.ACL_MEM_ALLOCATION_TYPE_PINNED, AclError.InvalidParam, $"prop->allocationType is {(int)prop->allocationType}; expected ACL_MEM_ALLOCATION_TYPE_PINNED (0).");
        aclrtMemLocationType type = prop->location.type;
        Check.That(type is aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST or aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE or aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST_NUMA, AclError.InvalidParam,
            $"prop->location.type is {(int)type}; expected host (0), device (1) or host NUMA node (4).");
        bool isDevice = type == aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE;
        Check.That(!isDevice || (int)prop->memAttr is not (2 or 3 or 6 or 7 or 0), AclError.InvalidParam, $"prop->memAttr is {prop->memAttr}; device memory is HBM.");
        CheckAttribute(prop->memAttr);
        if (isDevice)
        {
            _ = Current.DeviceById((int)prop->location.id);
        }
        if (type == aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST_NUMA)
        {
            _ = Current.Context;
        }
        Check.That(!IsGiant(prop->memAttr) || Chip.Current.HasGiantPages, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no pages of 1 GiB.");
        nuint granularity = GranularityOf(prop->memAttr);
        Check.That(size % granularity == 0, AclError.RtParamInvalid, $"size ({size} bytes) is not a multiple of {granularity} bytes.");
        PhysicalMemory memory = PhysicalMemory.Create(size, *prop);
        *handle = memory.Retain();
        VirtualMemory.Remember(memory);
    }

    private static void CheckAttribute(aclrtMemAttr attribute) =>
        Check.That((int)attribute is > 1 and <= 17, AclError.InvalidParam, $"memAttr is {(int)attribute}; expected one that names its pages, such as ACL_HBM_MEM_HUGE (4).");

    internal static void Free(PhysicalHandle handle)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "handle is NULL; give a handle of aclrtMallocPhysical.");
        if (!handle.Get().ReleaseHandle(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "physicalmemory");
        }
    }

    /// <summary>aclrtMemRetainAllocationHandle: the handle of what is mapped at an address, to be freed once more.</summary>
    internal static void Retain(void* virPtr, nint* handle)
    {
        Check.NotNull(virPtr, nameof(virPtr));
        Check.NotNull(handle, nameof(handle));
        Mapping? mapping = VirtualMemory.Find((nuint)virPtr);
        Check.That(mapping is { IsImport: false }, AclError.RtParamInvalid, $"No physical memory is mapped at {Place.Describe(virPtr)}.");
        *handle = mapping.Memory.Retain();
        VirtualMemory.Remember(mapping.Memory);
    }

    /// <summary>aclrtMemMapSetLink: the link over which the memory should be reached. All are equally fast here, so checked is done.</summary>
    internal static void AdviseLink(PhysicalHandle handle, aclrtMemLinkType link)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "handle is NULL; give a handle of aclrtMallocPhysical.");
        Check.That((int)link is >= 0 and <= 3, AclError.RtParamInvalid, $"adviceLink is {(int)link}; expected a link, 0 to 3.");
        _ = handle.Get();
        SharedKeys.CheckLink((ulong)link);
    }

    internal static void Properties(PhysicalHandle handle, aclrtPhysicalMemProp* prop)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "handle is NULL; give a handle of aclrtMallocPhysical.");
        Check.NotNull(prop, nameof(prop));
        *prop = handle.Get().Properties;
    }

    internal static void Granularity(aclrtPhysicalMemProp* prop, nuint* granularity)
    {
        Check.NotNull(prop, nameof(prop));
        Check.NotNull(granularity, nameof(granularity));
        CheckAttribute(prop->memAttr);
        if (prop->location.type == aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE)
        {
            _ = Current.DeviceById((int)prop->location.id);
        }
        *granularity = GranularityOf(prop->memAttr);
    }
}
