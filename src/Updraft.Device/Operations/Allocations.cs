namespace Updraft.Device;

/// <summary>The allocation functions as C sees them: the pointer is tested before everything else and written last.</summary>
internal static unsafe class Allocations
{
    /// <summary>Modules a program may name; what is above counts for the program itself, which is 0.</summary>
    internal const ushort LastModule = 127;

    internal static void Device(void** devPtr, nuint size, aclrtMemMallocPolicy policy, bool isPadded)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        *devPtr = DeviceMemory.Allocate(size, (uint)policy, isPadded);
    }

    /// <summary>Knows fewer policies: those for other devices count as "default".</summary>
    internal static void Cached(void** devPtr, nuint size, aclrtMemMallocPolicy policy)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        *devPtr = DeviceMemory.Allocate(size, (uint)policy is 0 or 1 or 2 or 6 ? (uint)policy : 0, isPadded: true);
    }

    /// <summary>aclrtMallocWithCfg and aclrtMallocForTaskScheduler.</summary>
    internal static void Configured(void** devPtr, nuint size, aclrtMemMallocPolicy policy, aclrtMallocConfig* cfg)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        Check.That(cfg == null || cfg->numAttrs == 0 || cfg->attrs != null, AclError.InvalidParam, "cfg names attributes, but cfg->attrs is NULL.");
        nuint bytes = DeviceMemory.Rounded(size, 0);
        CheckAttributes(cfg);
        int current = Current.Device.Id;
        ushort module = 0;
        for (nuint index = 0; cfg != null && index < cfg->numAttrs; index++)
        {
            ref aclrtMallocAttribute attribute = ref cfg->attrs[index];
            switch (attribute.attr)
            {
                case aclrtMallocAttrType.ACL_RT_MEM_ATTR_RSV:
                    break;
                case aclrtMallocAttrType.ACL_RT_MEM_ATTR_MODULE_ID:
                    module = attribute.value.moduleId > LastModule ? (ushort)0 : attribute.value.moduleId;
                    break;
                case aclrtMallocAttrType.ACL_RT_MEM_ATTR_DEVICE_ID:
                    Check.That(attribute.value.deviceId == (uint)current, AclError.RtParamInvalid, $"The attribute asks for device {attribute.value.deviceId}, but device {current} is current.");
                    break;
                default:
                    Check.Fail(AclError.RtParamInvalid, $"cfg->attrs[{index}].attr is {(int)attribute.attr}; expected 0 (reserved), 1 (module) or 2 (device).");
                    break;
            }
        }
        *devPtr = DeviceMemory.AllocateConfigured(bytes, size, (uint)policy, module);
    }

    internal static void Host(void** hostPtr, nuint size)
    {
        Check.NotNull(hostPtr, nameof(hostPtr));
        *hostPtr = DeviceMemory.AllocateHost(DeviceMemory.Rounded(size, 0), size);
    }

    internal static void HostConfigured(void** ptr, ulong size, aclrtMallocConfig* cfg)
    {
        Check.NotNull(ptr, nameof(ptr));
        nuint bytes = DeviceMemory.Rounded((nuint)size, 0);
        CheckAttributes(cfg);
        for (nuint index = 0; cfg != null && index < cfg->numAttrs; index++)
        {
            // Pinned memory has one address for host and devices anyway: that is all the address flag asks for.
            Check.That(cfg->attrs[index].attr is aclrtMallocAttrType.ACL_RT_MEM_ATTR_MODULE_ID or aclrtMallocAttrType.ACL_RT_MEM_ATTR_VA_FLAG, AclError.RtParamInvalid,
                $"cfg->attrs[{index}].attr is {(int)cfg->attrs[index].attr}; host memory knows 1 (module) and 3 (address flag).");
        }
        *ptr = DeviceMemory.AllocateHost(bytes, (nuint)size);
    }

    private static void CheckAttributes(aclrtMallocConfig* cfg)
    {
        Check.That(cfg == null || cfg->attrs != null, AclError.RtParamInvalid, "cfg->attrs is NULL; give NULL for cfg when there is nothing to say.");
        if (cfg != null)
        {
            HostGuard.CheckArray(cfg->attrs, cfg->numAttrs, (nuint)sizeof(aclrtMallocAttribute), "cfg->attrs");
        }
    }
}
