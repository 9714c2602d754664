namespace Updraft.Device;

/// <summary>
/// Host memory of the program made usable for devices. Host and devices see it under the same address: the device pointer of a
/// registered range is the host pointer.
/// </summary>
internal static unsafe class Registration
{
    private const uint Mapped = 2, IoMemory = 4, ReadOnly = 8, Pinned = 0x10000000;

    internal static void Register(void* ptr, ulong size, aclrtHostRegisterType type, void** devPtr)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.NotNull(devPtr, nameof(devPtr));
        Check.That(size > 0, AclError.InvalidParam, "size is 0; register at least one byte.");
        if (((uint)type & ~(IoMemory | ReadOnly)) != 0)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"type is {(uint)type}; expected ACL_HOST_REGISTER_MAPPED (0).", isStored: false);
        }
        _ = Current.Context;
        CheckMappable(Function.aclrtHostRegister);
        Add(ptr, (nuint)size, isMapped: true, ((uint)type & IoMemory) != 0);
        *devPtr = ptr;
    }

    internal static void RegisterV2(void* ptr, ulong size, uint flag)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.That(size > 0, AclError.InvalidParam, "size is 0; register at least one byte.");
        Check.That(flag != 0 && (flag & ~(Mapped | IoMemory | ReadOnly | Pinned)) == 0, AclError.RtParamInvalid, $"flag is 0x{flag:x}; expected ACL_HOST_REG_MAPPED (2), ACL_HOST_REG_PINNED (0x10000000) or both.");
        _ = Current.Context;
        bool isMapped = (flag & (Mapped | IoMemory | ReadOnly)) != 0;
        Check.That(!HostRegistry.Overlaps((nuint)ptr, (nuint)size), AclError.HostMemoryAlreadyRegistered, Overlap(ptr, size));
        if (isMapped)
        {
            CheckMappable(Function.aclrtHostRegisterV2);
        }
        Add(ptr, (nuint)size, isMapped, (flag & IoMemory) != 0);
    }

    private static void Add(void* ptr, nuint size, bool isMapped, bool isIo)
    {
        var start = (nuint)ptr;
        // Pages are made present, as pinning does; device registers that a driver has mapped cannot be asked.
        Check.That(start + size > start && !AddressSpace.IsDevice(start) && !AddressSpace.IsVirtual(start) && !AddressSpace.IsManaged(start) && (isIo || HostGuard.CanRead(ptr, size)), AclError.RtParamInvalid,
            $"{size} bytes from {Place.Describe(ptr)} are not host memory of this process.");
        Check.That(HostRegistry.TryAdd(new HostRegistry.Range(start, size, isMapped)), AclError.HostMemoryAlreadyRegistered, Overlap(ptr, size));
    }

    private static void CheckMappable(Function function)
    {
        if (!Chip.Current.HasMappedHostMemory)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} cannot map host memory; `updraft api {Functions.Name(function)}` lists the chips that can.", isStored: false);
        }
    }

    private static string Overlap(void* ptr, ulong size) => $"The {size} bytes at 0x{(nuint)ptr:x} overlap memory that is registered already; unregister that first.";

    internal static void Unregister(void* ptr)
    {
        Check.NotNull(ptr, nameof(ptr));
        _ = Current.Context;
        Check.That(HostRegistry.TryRemove((nuint)ptr), AclError.HostMemoryNotRegistered, $"{Place.Describe(ptr)} is not the start of a registered range.");
    }

    internal static void DevicePointer(void* pHost, void** pDevice, uint flag)
    {
        Check.NotNull(pHost, nameof(pHost));
        Check.NotNull(pDevice, nameof(pDevice));
        Check.That(flag == 0, AclError.InvalidParam, $"flag is {flag}; it is reserved and must be 0.");
        _ = Current.Context;
        Check.That(HostRegistry.TryFind((nuint)pHost, out HostRegistry.Range range) && range.IsMapped, AclError.RtParamInvalid, $"{Place.Describe(pHost)} is not registered for mapping; call aclrtHostRegister first.");
        *pDevice = pHost;
    }

    internal static void Capabilities(uint deviceId, aclrtHacType hacType, aclrtHostMemMapCapability* capabilities)
    {
        Check.NotNull(capabilities, nameof(capabilities));
        _ = Current.DeviceById((int)deviceId);
        Check.That((uint)hacType <= (uint)aclrtHacType.ACL_RT_HAC_TYPE_CCU, AclError.RtParamInvalid, $"hacType is {(int)hacType}; expected 0 to 9.");
        _ = Current.Context;
        *capabilities = Chip.Current.HasMappedHostMemory ? aclrtHostMemMapCapability.ACL_RT_HOST_MEM_MAP_SUPPORTED : aclrtHostMemMapCapability.ACL_RT_HOST_MEM_MAP_NOT_SUPPORTED;
    }
}
