namespace Updraft.Device.Tests;

/// <summary>memory.md 5: reserved addresses, physical memory, mappings, access.</summary>
public sealed unsafe class MemoryVirtualTests
{
    private const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST;
    private const nuint MiB = 1 << 20, Chunk = 2 * MiB;

    private static aclrtPhysicalMemProp OnDevice(uint device = 0, aclrtMemAttr attribute = aclrtMemAttr.ACL_HBM_MEM_HUGE) => new()
    {
        memAttr = attribute,
        location = new aclrtMemLocation { id = device, type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE },
    };

    private static aclrtPhysicalMemProp OnHost() => new() { memAttr = aclrtMemAttr.ACL_MEM_HUGE, location = new aclrtMemLocation { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST } };

    private static nint Physical(TestMachine machine, nuint size, aclrtPhysicalMemProp properties)
    {
        nint handle;
        machine.Ok(machine.Api.aclrtMallocPhysical(&handle, size, &properties, 0));
        return handle;
    }

    private static byte* Reserve(TestMachine machine, nuint size)
    {
        void* address;
        machine.Ok(machine.Api.aclrtReserveMemAddress(&address, size, 0, null, 0));
        return (byte*)address;
    }

    [Fact]
    public void UnmapAndRemapElsewhere_KeepsTheBytes()
    {
        using var machine = new TestMachine();
        byte* first = Reserve(machine, 64 * MiB), second = Reserve(machine, 64 * MiB);
        nint handle = Physical(machine, 4 * MiB, OnDevice());
        machine.Ok(machine.Api.aclrtMapMem(first, 4 * MiB, 0, handle, 0));
        byte[] bytes = [.. Enumerable.Range(0, 4096).Select(value => (byte)value)];
        machine.Write(first + 3 * MiB, bytes);
        machine.Ok(machine.Api.aclrtUnmapMem(first));
        byte* host = machine.Pinned(64);
        machine.Returns(107017, machine.Api.aclrtMemcpy(host, 64, first, 64, D2H));
        machine.Ok(machine.Api.aclrtMapMem(second + 32 * MiB, 4 * MiB, 0, handle, 0));
        Assert.Equal(bytes, machine.Read(second + 35 * MiB, 4096));
        machine.Ok(machine.Api.aclrtMapMem(first, 4 * MiB, 0, handle, 0)); // the same memory twice
        machine.Write(first + 3 * MiB, [42]);
        Assert.Equal(42, machine.Read(second + 35 * MiB, 1)[0]);
        machine.Ok(machine.Api.aclrtFreePhysical(handle));
        Assert.Equal(42, machine.Read(second + 35 * MiB, 1)[0]); // lives until the last mapping goes
        nuint free, total;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(4 * MiB, total - free);
        machine.Ok(machine.Api.aclrtUnmapMem(first));
        machine.Ok(machine.Api.aclrtUnmapMem(second + 32 * MiB));
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(total, free);
        machine.Ok(machine.Api.aclrtReleaseMemAddress(first));
        machine.Ok(machine.Api.aclrtReleaseMemAddress(second));
    }

    [Fact]
    public void GrowingSegment_CopiesCrossMappings()
    {
        using var machine = new TestMachine();
        byte* start = Reserve(machine, 8 * Chunk);
        for (nuint index = 0; index < 4; index++)
        {
            nint handle = Physical(machine, Chunk, OnDevice());
            machine.Ok(machine.Api.aclrtMapMem(start + index * Chunk, Chunk, 0, handle, 0));
            machine.Ok(machine.Api.aclrtFreePhysical(handle));
        }
        byte* host = machine.Pinned(4 * Chunk, 6);
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtMemcpyAsync(start, 4 * Chunk, host, 4 * Chunk, H2D, stream));
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.Equal(6, machine.Read(start + 4 * Chunk - 1, 1)[0]);
        machine.Returns(107017, machine.Api.aclrtMemcpy(start + Chunk, 4 * Chunk, host, 4 * Chunk, H2D));
        machine.Ok(machine.Api.aclrtUnmapMem(start + Chunk)); // a hole
        machine.Ok(machine.Api.aclrtMemcpyAsync(start, 4 * Chunk, host, 4 * Chunk, H2D, stream));
        machine.Returns(507013, machine.Api.aclrtSynchronizeStream(stream));
    }

    [Fact]
    public void Attributes_FollowTheMapping()
    {
        using var machine = new TestMachine();
        byte* start = Reserve(machine, 8 * Chunk);
        aclrtPtrAttributes attributes;
        machine.Returns(107000, machine.Api.aclrtPointerGetAttributes(start, &attributes));
        nint onOne = Physical(machine, Chunk, OnDevice(1)), onHost = Physical(machine, Chunk, OnHost());
        machine.Ok(machine.Api.aclrtMapMem(start, Chunk, 0, onOne, 0));
        machine.Ok(machine.Api.aclrtMapMem(start + Chunk, Chunk, 0, onHost, 0));
        machine.Ok(machine.Api.aclrtPointerGetAttributes(start + 5, &attributes));
        Assert.Equal((aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, 1u, 2u << 20), (attributes.location.type, attributes.location.id, attributes.pageSize));
        machine.Ok(machine.Api.aclrtPointerGetAttributes(start + Chunk, &attributes));
        Assert.Equal(aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST, attributes.location.type);
        start[Chunk + 5] = 7; // host memory: the host may touch it
        byte* device = machine.Device(64);
        machine.Ok(machine.Api.aclrtMemcpy(device, 64, start + Chunk, 64, H2D));
        Assert.Equal(7, machine.Read(device, 64)[5]);
        void* found;
        nuint size;
        machine.Ok(machine.Api.aclrtMemGetAddressRange(start + Chunk + 9, &found, &size));
        Assert.Equal(((nint)(start + Chunk), Chunk), ((nint)found, size));
    }

    [Fact]
    public void Reserve_BadArguments()
    {
        using var machine = new TestMachine("910c");
        void* address;
        machine.Returns(100000, machine.Api.aclrtReserveMemAddress(null, 1, 0, null, 0));
        machine.Returns(100000, machine.Api.aclrtReserveMemAddress(&address, 0, 0, null, 0));
        machine.Returns(100000, machine.Api.aclrtReserveMemAddress(&address, 1, 0, null, 2));
        machine.Ok(machine.Api.aclrtReserveMemAddress(&address, Chunk, 77, null, 1));
        void* second;
        machine.Returns(107000, machine.Api.aclrtReserveMemAddress(&second, Chunk, 0, address, 0)); // taken
        machine.Returns(107000, machine.Api.aclrtReserveMemAddress(&second, Chunk, 0, (byte*)address + 4096, 0)); // not aligned
        machine.Returns(107000, machine.Api.aclrtReserveMemAddress(&second, Chunk, 0, (void*)(1ul << 30), 0)); // not our window
        machine.Ok(machine.Api.aclrtReserveMemAddress(&second, Chunk, 0, (byte*)address + Chunk, 0));
        Assert.Equal((nint)address + (nint)Chunk, (nint)second);
        machine.Returns(107000, machine.Api.aclrtReserveMemAddress(&second, (nuint)129 << 30, 0, null, 0)); // memory.md 9
        machine.Returns(107000, machine.Api.aclrtReserveMemAddressNoUCMemory(&second, Chunk, 0, null, 0));
        machine.Ok(machine.Api.aclrtReserveMemAddressNoUCMemory(&second, 1 << 30, 0, null, 0));
        Assert.Equal(0, (nint)second & ((1 << 30) - 1));
        machine.Returns(100000, machine.Api.aclrtReleaseMemAddress(null));
        machine.Returns(107000, machine.Api.aclrtReleaseMemAddress((byte*)address + 4096));
        machine.Ok(machine.Api.aclrtReleaseMemAddress(address));
        machine.Returns(107000, machine.Api.aclrtReleaseMemAddress(address));
    }

    // memory.md 5, the row of aclrtMallocPhysical: what is wrong, and the code.
    [Theory]
    [InlineData("size", 100000), InlineData("flags", 100000), InlineData("handleType", 100000), InlineData("allocationType", 100000), InlineData("unregistered", 100000), InlineData("managed", 100000)]
    [InlineData("ddr on device", 100000), InlineData("attribute", 100000), InlineData("device", 107001), InlineData("granularity", 107000), InlineData("too large", 207001), InlineData("numa", 0), InlineData("ok", 0)]
    public void MallocPhysical_Row(string what, int code)
    {
        using var machine = new TestMachine(deviceMemory: "1G");
        aclrtPhysicalMemProp properties = OnDevice();
        nuint size = Chunk;
        ulong flags = 0;
        switch (what)
        {
            case "size": size = 0; break;
            case "flags": flags = 1; break;
            case "handleType": properties.handleType = aclrtMemHandleType.ACL_MEM_HANDLE_TYPE_POSIX; break;
            case "allocationType": properties.allocationType = (aclrtMemAllocationType)1; break;
            case "unregistered": properties.location.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED; break;
            case "managed": properties.location.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_MANAGED; break;
            case "ddr on device": properties.memAttr = aclrtMemAttr.ACL_DDR_MEM_HUGE; break;
            case "attribute": properties.memAttr = (aclrtMemAttr)18; break;
            case "device": properties.location.id = 2; break;
            case "granularity": size = Chunk + 4096; break;
            case "too large": size = (nuint)2 << 30; break;
            case "numa": properties.location.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST_NUMA; break;
        }
        nint handle;
        machine.Returns(code, machine.Api.aclrtMallocPhysical(&handle, size, &properties, flags));
        machine.Returns(100000, machine.Api.aclrtMallocPhysical(null, size, &properties, flags));
        machine.Returns(100000, machine.Api.aclrtMallocPhysical(&handle, size, null, flags));
        nuint free, total;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(what == "ok" ? Chunk : 0, total - free);
    }

    [Fact]
    public void MallocPhysical_WithoutContext_OnlyNumaNeedsOne()
    {
        using var machine = new TestMachine(setDevice: false);
        aclrtPhysicalMemProp properties = OnDevice();
        nint handle;
        machine.Ok(machine.Api.aclrtMallocPhysical(&handle, Chunk, &properties, 0));
        properties.location.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST_NUMA;
        machine.Returns(107002, machine.Api.aclrtMallocPhysical(&handle, Chunk, &properties, 0));
    }

    [Fact]
    public void Granularity_AndGiantPages()
    {
        using var machine = new TestMachine("910");
        aclrtPhysicalMemProp properties = OnDevice();
        nuint granularity;
        machine.Returns(100000, machine.Api.aclrtMemGetAllocationGranularity(null, 0, &granularity));
        machine.Returns(100000, machine.Api.aclrtMemGetAllocationGranularity(&properties, 0, null));
        machine.Ok(machine.Api.aclrtMemGetAllocationGranularity(&properties, (aclrtMemGranularityOptions)9, &granularity));
        Assert.Equal(Chunk, granularity);
        properties.memAttr = aclrtMemAttr.ACL_HBM_MEM_HUGE1G;
        machine.Ok(machine.Api.aclrtMemGetAllocationGranularity(&properties, 0, &granularity));
        Assert.Equal((nuint)1 << 30, granularity);
        nint handle;
        machine.Returns(207000, machine.Api.aclrtMallocPhysical(&handle, granularity, &properties, 0));
        properties.location.id = 7;
        machine.Returns(107001, machine.Api.aclrtMemGetAllocationGranularity(&properties, 0, &granularity));
    }

    [Fact]
    public void Map_WrongPlacesAndSizes_Return107000()
    {
        using var machine = new TestMachine();
        byte* start = Reserve(machine, 4 * Chunk);
        nint handle = Physical(machine, Chunk, OnDevice()), large = Physical(machine, 8 * Chunk, OnDevice());
        machine.Returns(100000, machine.Api.aclrtMapMem(null, Chunk, 0, handle, 0));
        machine.Returns(100000, machine.Api.aclrtMapMem(start, Chunk, 0, 0, 0));
        machine.Returns(100000, machine.Api.aclrtMapMem(start, 0, 0, handle, 0));
        machine.Returns(100000, machine.Api.aclrtMapMem(start, Chunk, 0, handle, 1));
        machine.Returns(107017, machine.Api.aclrtMapMem(start, Chunk, 0, 0x1230, 0));
        machine.Returns(107000, machine.Api.aclrtMapMem(start, Chunk, 4096, handle, 0));
        machine.Returns(107000, machine.Api.aclrtMapMem(start, 2 * Chunk, 0, handle, 0));
        machine.Returns(107000, machine.Api.aclrtMapMem(start + 4096, Chunk, 0, handle, 0));
        machine.Returns(107000, machine.Api.aclrtMapMem(start + 4 * Chunk, Chunk, 0, handle, 0)); // behind the reservation
        machine.Returns(107000, machine.Api.aclrtMapMem(start, 8 * Chunk, 0, large, 0)); // larger than it
        machine.Returns(107000, machine.Api.aclrtMapMem(machine.Device(Chunk), Chunk, 0, handle, 0));
        machine.Ok(machine.Api.aclrtMapMem(start + Chunk, Chunk, 0, handle, 0));
        machine.Returns(107000, machine.Api.aclrtMapMem(start + Chunk, Chunk, 0, handle, 0)); // taken
        machine.Returns(107000, machine.Api.aclrtReleaseMemAddress(start)); // still mapped
        machine.Returns(100000, machine.Api.aclrtUnmapMem(null));
        machine.Returns(107000, machine.Api.aclrtUnmapMem(start));
        machine.Returns(107000, machine.Api.aclrtUnmapMem(start + Chunk + 4096));
        machine.Returns(107000, machine.Api.aclrtFree(start + Chunk));
        machine.Ok(machine.Api.aclrtUnmapMem(start + Chunk));
        machine.Returns(107000, machine.Api.aclrtUnmapMem(start + Chunk));
        machine.Ok(machine.Api.aclrtReleaseMemAddress(start));
        machine.Returns(107000, machine.Api.aclrtMapMem(start, Chunk, 0, handle, 0));
        machine.Returns(100000, machine.Api.aclrtFreePhysical(0));
        machine.Ok(machine.Api.aclrtFreePhysical(handle));
        machine.Returns(107017, machine.Api.aclrtFreePhysical(handle));
    }

    [Fact]
    public void Access_IsGrantedForWholeMappings()
    {
        using var machine = new TestMachine();
        byte* start = Reserve(machine, 4 * Chunk), host = machine.Pinned(64);
        nint handle = Physical(machine, Chunk, OnDevice());
        aclrtMemLocation owner = OnDevice().location, peer = OnDevice(1).location;
        aclrtMemAccessDesc grant = new() { flags = aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READWRITE, location = owner };
        ulong flags;
        machine.Ok(machine.Api.aclrtMemMapNoAccess(start, Chunk, 0, handle, 0));
        machine.Returns(107017, machine.Api.aclrtMemcpy(start, 64, host, 64, H2D));
        Assert.Contains("aclrtMemSetAccess", machine.Message());
        machine.Ok(machine.Api.aclrtMemGetAccess(start, &owner, &flags));
        Assert.Equal(0ul, flags);
        machine.Returns(107000, machine.Api.aclrtMemSetAccess(null, Chunk, &grant, 1));
        machine.Returns(107000, machine.Api.aclrtMemSetAccess(start, Chunk, null, 1));
        machine.Returns(107000, machine.Api.aclrtMemSetAccess(start, Chunk / 2, &grant, 1));
        machine.Returns(107000, machine.Api.aclrtMemSetAccess(start + Chunk, Chunk, &grant, 1));
        machine.Ok(machine.Api.aclrtMemSetAccess(start, Chunk, &grant, 1));
        machine.Ok(machine.Api.aclrtMemSetAccess(start, Chunk, &grant, 1));
        machine.Ok(machine.Api.aclrtMemcpy(start, 64, host, 64, H2D));
        grant.flags = aclrtMemAccessFlags.ACL_RT_MEM_ACCESS_FLAGS_READ;
        machine.Returns(507899, machine.Api.aclrtMemSetAccess(start, Chunk, &grant, 1)); // another type for the same location
        grant.location = peer;
        machine.Ok(machine.Api.aclrtMemSetAccess(start, Chunk, &grant, 1));
        machine.Ok(machine.Api.aclrtMemGetAccess(start + 64, &peer, &flags));
        Assert.Equal(1ul, flags);
        machine.Ok(machine.Api.aclrtMemGetAccess(start, &owner, &flags));
        Assert.Equal(3ul, flags);
        grant.location.id = 9;
        machine.Returns(107001, machine.Api.aclrtMemSetAccess(start, Chunk, &grant, 1));
        machine.Returns(100000, machine.Api.aclrtMemGetAccess(null, &owner, &flags));
        machine.Returns(100000, machine.Api.aclrtMemGetAccess(start, null, &flags));
        machine.Returns(100000, machine.Api.aclrtMemGetAccess(start, &owner, null));
        machine.Ok(machine.Api.aclrtUnmapMem(start));
        machine.Returns(107000, machine.Api.aclrtMemGetAccess(start, &owner, &flags));
        machine.Ok(machine.Api.aclrtMapMem(start, Chunk, 0, handle, 0));
        machine.Ok(machine.Api.aclrtMemGetAccess(start, &owner, &flags));
        Assert.Equal(3ul, flags); // the owner needs no grant
    }

    [Fact]
    public void Retain_AddsAReferenceOfItsOwn()
    {
        using var machine = new TestMachine();
        byte* start = Reserve(machine, 4 * Chunk);
        nint handle = Physical(machine, Chunk, OnDevice(1)), retained;
        machine.Returns(107000, machine.Api.aclrtMemRetainAllocationHandle(start, &retained));
        machine.Ok(machine.Api.aclrtMapMem(start, Chunk, 0, handle, 0));
        machine.Returns(100000, machine.Api.aclrtMemRetainAllocationHandle(null, &retained));
        machine.Returns(100000, machine.Api.aclrtMemRetainAllocationHandle(start, null));
        machine.Ok(machine.Api.aclrtMemRetainAllocationHandle(start + 4096, &retained));
        machine.Ok(machine.Api.aclrtFreePhysical(handle));
        aclrtPhysicalMemProp properties;
        machine.Ok(machine.Api.aclrtMemGetAllocationPropertiesFromHandle(retained, &properties));
        Assert.Equal(1u, properties.location.id);
        machine.Ok(machine.Api.aclrtFreePhysical(retained));
        machine.Returns(107017, machine.Api.aclrtFreePhysical(retained));
        machine.Ok(machine.Api.aclrtMemRetainAllocationHandle(start, &retained)); // mapped, so it is still there
        machine.Ok(machine.Api.aclrtUnmapMem(start));
        machine.Ok(machine.Api.aclrtMapMem(start + Chunk, Chunk, 0, retained, 0));
        machine.Ok(machine.Api.aclrtFreePhysical(retained));
    }

    [Fact]
    public void Unmap_WithCopiesQueued_NeverFaults()
    {
        using var machine = new TestMachine();
        byte* start = Reserve(machine, 4 * Chunk), host = machine.Pinned(Chunk, 1);
        nint handle = Physical(machine, Chunk, OnDevice()), stream = machine.Stream();
        machine.Ok(machine.Api.aclrtMapMem(start, Chunk, 0, handle, 0));
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(start, Chunk, host, Chunk, H2D, stream));
        machine.Ok(machine.Api.aclrtUnmapMem(start));
        machine.Ok(machine.Api.aclrtFreePhysical(handle));
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
    }

    [Fact]
    public void ResetDevice_TakesItsPhysicalMemory()
    {
        using var machine = new TestMachine();
        machine.Ok(machine.Api.aclrtSetDevice(1));
        byte* start = Reserve(machine, 4 * Chunk);
        nint zero = Physical(machine, Chunk, OnDevice()), one = Physical(machine, Chunk, OnDevice(1));
        machine.Ok(machine.Api.aclrtMapMem(start, Chunk, 0, zero, 0));
        machine.Ok(machine.Api.aclrtMapMem(start + Chunk, Chunk, 0, one, 0));
        machine.Ok(machine.Api.aclrtResetDevice(0));
        machine.Returns(107017, machine.Api.aclrtFreePhysical(zero));
        machine.Returns(107017, machine.Api.aclrtMemset(start, Chunk, 0, 64));
        machine.Ok(machine.Api.aclrtMemset(start + Chunk, Chunk, 0, 64));
        machine.Ok(machine.Api.aclrtMapMem(start, Chunk, 0, one, 0));
    }

    [Fact]
    public void ManySmallPieces_StayFast()
    {
        using var machine = new TestMachine();
        const int count = 1500;
        byte* start = Reserve(machine, count * Chunk);
        for (nuint index = 0; index < count; index++)
        {
            nint handle = Physical(machine, Chunk, OnDevice());
            machine.Ok(machine.Api.aclrtMapMem(start + index * Chunk, Chunk, 0, handle, 0));
            machine.Ok(machine.Api.aclrtFreePhysical(handle));
        }
        machine.Ok(machine.Api.aclrtMemset(start + (count - 1) * Chunk, Chunk, 5, 64));
        for (nuint index = 0; index < count; index++)
        {
            machine.Ok(machine.Api.aclrtUnmapMem(start + index * Chunk));
        }
        machine.Ok(machine.Api.aclrtReleaseMemAddress(start));
    }

    [Theory]
    [InlineData("950", 207001), InlineData("910b", 107000)]
    public void Reserve_HugeSizes_AreRefused(string soc, int code)
    {
        using var machine = new TestMachine(soc);
        void* address;
        foreach (nuint size in new[] { nuint.MaxValue, nuint.MaxValue - 4096, nuint.MaxValue - Chunk + 1, (nuint)1 << 63, (nuint)1 << 50 })
        {
            machine.Returns(code, machine.Api.aclrtReserveMemAddress(&address, size, 0, null, 0));
        }
        aclrtPhysicalMemProp properties = OnHost();
        nint handle;
        machine.Returns(207001, machine.Api.aclrtMallocPhysical(&handle, nuint.MaxValue - Chunk + 1, &properties, 0));
        properties = OnDevice();
        machine.Returns(207001, machine.Api.aclrtMallocPhysical(&handle, nuint.MaxValue - Chunk + 1, &properties, 0));
    }
}
