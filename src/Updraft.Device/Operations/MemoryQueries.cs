using System.Text;

namespace Updraft.Device;

/// <summary>Questions about memory: what an address is, how much is left, who uses it.</summary>
internal static unsafe class MemoryQueries
{
    private const uint DeviceBit = 2;

    internal static void Attributes(void* ptr, aclrtPtrAttributes* attributes)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.NotNull(attributes, nameof(attributes));
        var address = (nuint)ptr;
        if (AddressSpace.IsDevice(address))
        {
            attributes->location = new aclrtMemLocation { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, id = (uint)AddressSpace.DeviceOf(address) };
            attributes->pageSize = Chunk.PageBytes(AddressSpace.DeviceChunks, address - AddressSpace.DeviceBase);
            return;
        }
        CheckClassified(ptr);
        Place place = Place.Of(ptr, 1);
        attributes->location.type = place.Class switch
        {
            MemoryClass.Device => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE,
            MemoryClass.Host => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST,
            MemoryClass.Managed => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_MANAGED,
            _ => aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED,
        };
        attributes->location.id = (uint)place.Device;
        attributes->pageSize = PageOf(address);
    }

    /// <summary>A reserved address has no class before memory is mapped there.</summary>
    private static void CheckClassified(void* ptr) => Check.That(!AddressSpace.IsVirtual((nuint)ptr) || VirtualMemory.Find((nuint)ptr) != null, AclError.RtParamInvalid, $"{Place.Describe(ptr)} has no class; map memory there first.");

    private static uint PageOf(nuint address)
    {
        if (VirtualMemory.Find(address) is { } mapping)
        {
            return mapping.IsImport ? DeviceMemory.HugePage : (uint)PhysicalHandles.GranularityOf(mapping.Memory.Properties.memAttr);
        }
        Arena? arena = Place.ArenaOf(address);
        Allocation* allocation = arena == null ? null : arena.Find(address);
        return allocation == null ? DeviceMemory.SmallPage : allocation->PageBytes;
    }

    /// <summary>aclrtGetMemInfo of the current device. All kinds of pages come from one memory: what one kind uses the others cannot have.</summary>
    internal static void Info(aclrtMemAttr attribute, nuint* free, nuint* total)
    {
        Check.NotNull(free, nameof(free));
        Check.NotNull(total, nameof(total));
        int value = (int)attribute;
        Check.That(value is >= 0 and <= 17, AclError.RtInvalidMemoryType, $"attr is {value}; expected ACL_DDR_MEM (0) to 17.");
        Device device = Current.Device;
        if (value is 10 or 11 or 14 or 17 && !Chip.Current.HasGiantPages && !Chip.Current.HasOneKindOfMemory)
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no pages of 1 GiB.");
        }
        *total = (nuint)device.MemoryBytes;
        *free = (nuint)(device.MemoryBytes - Math.Min(device.Memory.UsedBytes, device.MemoryBytes));
    }

    /// <summary>Memory of a device by module: the program itself first, then the modules it named when it asked for memory.</summary>
    internal static void Usage(int deviceId, aclrtMemUsageInfo* memUsageInfo, nuint inputNum, nuint* outputNum)
    {
        Check.NotNull(memUsageInfo, nameof(memUsageInfo));
        Check.NotNull(outputNum, nameof(outputNum));
        Check.That(inputNum > 0, AclError.InvalidParam, "inputNum is 0; give room for at least one entry.");
        (ushort Module, ulong Current, ulong Peak)[] usage = Current.DeviceById(deviceId).Memory.Usage();
        nuint count = Math.Min(inputNum, (nuint)usage.Length);
        for (nuint index = 0; index < count; index++)
        {
            (ushort module, ulong current, ulong peak) = usage[index];
            memUsageInfo[index] = default;
            Encoding.ASCII.GetBytes(module == 0 ? "APP" : $"MODULE_{module}", new Span<byte>(memUsageInfo + index, 31));
            memUsageInfo[index].curMemSize = current;
            memUsageInfo[index].memPeakSize = peak;
        }
        *outputNum = count;
    }

    /// <summary>aclrtCheckMemType: 1 when every address is of one of the kinds asked for. Device memory is the only kind here.</summary>
    internal static void CheckType(void** addrList, uint size, uint memType, uint* checkResult)
    {
        Check.NotNull(addrList, nameof(addrList));
        Check.NotNull(checkResult, nameof(checkResult));
        Check.That(size > 0, AclError.RtParamInvalid, "size is 0; give at least one address.");
        bool fits = (memType & DeviceBit) != 0;
        for (uint index = 0; fits && index < size; index++)
        {
            fits = Place.Of(addrList[index], 1).Class == MemoryClass.Device;
        }
        *checkResult = fits ? 1u : 0;
    }

    /// <summary>aclrtMemFlush and aclrtMemInvalidate: host and device see the same bytes here, so checked is done.</summary>
    internal static void Coherent(void* devPtr, nuint size)
    {
        Check.NotNull(devPtr, nameof(devPtr));
        Check.That(size > 0, AclError.InvalidParam, "size is 0.");
        Place place = Place.Of(devPtr, size);
        Check.That(place.Class is MemoryClass.Device or MemoryClass.Managed && place.IsWhole, AclError.RtParamInvalid, $"{size} bytes of live device memory are needed, not {Place.Describe(devPtr)}.");
    }

    internal static void AddressRange(void* ptr, void** pbase, nuint* psize)
    {
        Check.NotNull(ptr, nameof(ptr));
        Check.NotNull(pbase, nameof(pbase));
        Check.NotNull(psize, nameof(psize));
        var address = (nuint)ptr;
        if (Place.TryFindAllocation(address, out nuint start, out nuint requested))
        {
            *pbase = (void*)start;
            *psize = requested;
            return;
        }
        if (VirtualMemory.Find(address) is { } mapping)
        {
            *pbase = (void*)mapping.Start;
            *psize = mapping.Bytes;
            return;
        }
        Arena? arena = Place.ArenaOf(address);
        Allocation* allocation = arena == null ? null : arena.Find(address);
        Check.That(allocation != null && allocation->Contains(address, 1), AclError.RtParamInvalid, $"{Place.Describe(ptr)} is not memory of a live allocation.");
        *pbase = (void*)allocation->Address;
        *psize = allocation->Requested;
    }
}
