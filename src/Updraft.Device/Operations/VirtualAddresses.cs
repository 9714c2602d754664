namespace Updraft.Device;

/// <summary>Reserving addresses, mapping memory there, granting access: the checks of the interface before <see cref="VirtualMemory"/>.</summary>
internal static unsafe class VirtualAddresses
{
    private const nuint GiantAlignmentFrom = 512 << 20;

    internal static void Reserve(void** virPtr, nuint size, void* expectPtr, ulong flags, bool inGiants)
    {
        Check.NotNull(virPtr, nameof(virPtr));
        Check.That(size > 0, AclError.InvalidParam, "size is 0; reserve at least one byte.");
        Check.That(flags <= 1, AclError.InvalidParam, $"flags is {flags}; expected 0.");
        Check.That(!inGiants || size % DeviceMemory.GiantPage == 0, AclError.RtParamInvalid, $"size ({size} bytes) is not a multiple of 1 GiB.");
        Check.That(size <= Chip.Current.MaximumReservation, AclError.RtParamInvalid, $"size ({size} bytes) is more than can be reserved at once ({Chip.Current.MaximumReservation} bytes).");
        var wanted = (nuint)expectPtr;
        nuint alignment = size > GiantAlignmentFrom || inGiants ? DeviceMemory.GiantPage : DeviceMemory.HugePage;
        nuint wantedAlignment = size > GiantAlignmentFrom ? DeviceMemory.GiantPage : Math.Max(DeviceMemory.HugePage, System.Numerics.BitOperations.RoundUpToPowerOf2(size)); // size is at most 512 MiB here
        Check.That(wanted % wantedAlignment == 0, AclError.RtParamInvalid, $"expectPtr 0x{wanted:x} is not aligned to {wantedAlignment} bytes, as {size} bytes need it; give NULL to let the address be chosen.");
        nuint start = VirtualMemory.Reserve(size, alignment, wanted);
        if (start == 0)
        {
            Check.Fail(wanted != 0 ? AclError.RtParamInvalid : AclError.RtMemoryAllocation, wanted != 0
                ? $"{size} bytes at 0x{wanted:x} are taken or outside the window of virtual addresses (0x{AddressSpace.VirtualBase:x} to 0x{AddressSpace.VirtualBase + AddressSpace.VirtualBytes:x}); give NULL to let the address be chosen."
                : $"The window of virtual addresses has no room for {size} bytes.");
        }
        *virPtr = (void*)start;
    }

    internal static void Release(void* virPtr)
    {
        Check.NotNull(virPtr, nameof(virPtr));
        if (VirtualMemory.Release((nuint)virPtr) is { } reason)
        {
            Check.Fail(AclError.RtParamInvalid, $"0x{(nuint)virPtr:x} cannot be released: {reason}.");
        }
    }

    internal static void Map(void* virPtr, nuint size, nuint offset, PhysicalHandle handle, ulong flags, bool isAccessible)
    {
        Check.NotNull(virPtr, nameof(virPtr));
        Check.That(!handle.IsNull, AclError.InvalidParam, "handle is NULL; give a handle of aclrtMallocPhysical.");
        Check.That(size > 0, AclError.InvalidParam, "size is 0; give the size of the physical memory.");
        Check.That(flags == 0, AclError.InvalidParam, $"flags is {flags}; it is reserved and must be 0.");
        PhysicalMemory memory = handle.Get();
        Check.That(offset == 0, AclError.RtParamInvalid, $"offset is {offset}; physical memory is mapped from its start.");
        Check.That(size == memory.Bytes, AclError.RtParamInvalid, $"size is {size}; physical memory is mapped as a whole, {memory.Bytes} bytes.");
        Check.That((nuint)virPtr % PhysicalHandles.GranularityOf(memory.Properties.memAttr) == 0, AclError.RtParamInvalid, $"virPtr 0x{(nuint)virPtr:x} is not aligned to {PhysicalHandles.GranularityOf(memory.Properties.memAttr)} bytes.");
        if (VirtualMemory.Map((nuint)virPtr, size, memory, isAccessible) is { } reason)
        {
            Check.Fail(AclError.RtParamInvalid, $"{size} bytes cannot be mapped at 0x{(nuint)virPtr:x}: {reason}.");
        }
        Machine.Observer?.Allocated((nuint)virPtr, size, memory.IsOnHost ? -1 : memory.DeviceId);
    }

    internal static void Unmap(void* virPtr)
    {
        Check.NotNull(virPtr, nameof(virPtr));
        int device = VirtualMemory.Find((nuint)virPtr) is { Memory.IsOnHost: false } mapping ? mapping.Memory.DeviceId : -1;
        Check.That(VirtualMemory.Unmap((nuint)virPtr), AclError.RtParamInvalid, $"No mapping begins at 0x{(nuint)virPtr:x}: {Place.Describe(virPtr)}.");
        Machine.Observer?.Freed((nuint)virPtr, device);
    }

    internal static void SetAccess(void* virPtr, nuint size, aclrtMemAccessDesc* desc, nuint count)
    {
        Check.NotNull(virPtr, nameof(virPtr), AclError.RtParamInvalid);
        Check.NotNull(desc, nameof(desc), AclError.RtParamInvalid);
        Check.That(count is > 0 and <= 65536, AclError.RtParamInvalid, $"count is {count}; grant access to at least one location.");
        for (nuint index = 0; index < count; index++)
        {
            aclrtMemAccessFlags flags = desc[index].flags;
            Check.That(flags is aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_NONE or aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READ or aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE, AclError.RtParamInvalid,
                $"desc[{index}].flags is {(int)flags}; expected none (0), read (1) or read and write (3).");
            if (desc[index].location.type == aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE)
            {
                _ = Current.DeviceById((int)desc[index].location.id);
            }
        }
        switch (VirtualMemory.SetAccess((nuint)virPtr, size, new ReadOnlySpan<aclrtMemAccessDesc>(desc, (int)count)))
        {
            case AclError.RtParamInvalid:
                Check.Fail(AclError.RtParamInvalid, $"{size} bytes at 0x{(nuint)virPtr:x} are not exactly one mapping: {Place.Describe(virPtr)}.");
                break;
            case AclError.RtDrvInternalError:
                Check.Fail(AclError.RtDrvInternalError, $"A location has other access to 0x{(nuint)virPtr:x} already; unmap and map again to change it.");
                break;
        }
    }

    internal static void GetAccess(void* virPtr, aclrtMemLocation* location, ulong* flag)
    {
        Check.NotNull(virPtr, nameof(virPtr));
        Check.NotNull(location, nameof(location));
        Check.NotNull(flag, nameof(flag));
        aclrtMemAccessFlags? access = VirtualMemory.GetAccess((nuint)virPtr, *location);
        Check.That(access != null, AclError.RtParamInvalid, $"Nothing is mapped at {Place.Describe(virPtr)}.");
        *flag = (ulong)access.Value;
    }

    /// <summary>Its declaration is all that is known: a mapping that is not the one meant would be worse than none.</summary>
    internal static void RefuseSelectedLink() => Check.Fail(AclError.RtFeatureNotSupport,
        "aclrtMemMapSelectedLink is not emulated: the interface facts do not say which of the two ranges must be reserved or mapped, nor what linkIdx counts. The same memory at a second address: aclrtMemRetainAllocationHandle, then aclrtMapMem.", isStored: false);

    /// <summary>aclrtMemP2PMap: every emulated device reaches the memory of every other, so what is left is to check.</summary>
    internal static void PeerMap(void* devPtr, nuint size, int dstDevId)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        Check.That(size > 0, AclError.InvalidParam, "size is 0.");
        _ = Current.DeviceById(dstDevId);
        Place place = Place.Of(devPtr, size);
        Check.That(place.Class == MemoryClass.Device && place.IsWhole, AclError.RtParamInvalid, $"{size} bytes of live device memory are needed, not {Place.Describe(devPtr)}.");
    }
}
