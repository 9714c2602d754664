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

    private const aclrtMemAccessFlags None = 0, Read = (aclrtMemAccessFlags)1, ReadWrite = (aclrtMemAccessFlags)3;

    private static void Grant(TestMachine machine, byte* start, nuint bytes, aclrtMemLocation location, aclrtMemAccessFlags flags)
    {
        aclrtMemAccessDesc grant = new() { flags = flags, location = location };
        machine.Ok(machine.Api.aclrtMemSetAccess(start, bytes, &grant, 1));
    }

    /// <summary>A mapping in which device 0 has the rights given and others none; the same bytes without limits in another one.</summary>
    private static byte* Limited(TestMachine machine, aclrtMemAccessFlags flags, out byte* free)
    {
        nint handle = Physical(machine, Chunk, OnDevice());
        byte* limited = Reserve(machine, Chunk);
        free = Reserve(machine, Chunk);
        machine.Ok(machine.Api.aclrtMemMapNoAccess(limited, Chunk, 0, handle, 0));
        machine.Ok(machine.Api.aclrtMapMem(free, Chunk, 0, handle, 0));
        Grant(machine, limited, Chunk, OnDevice().location, flags);
        return limited;
    }

    /// <summary>Every way to write; the code at once and the code of the stream.</summary>
    [Theory]
    [InlineData("aclrtMemcpy", 107017, 0)]
    [InlineData("aclrtMemcpyAsync", 0, 507013)]
    [InlineData("aclrtMemcpyAsync device to device", 0, 507013)]
    [InlineData("aclrtMemcpyAsync pageable", 107017, 0)]
    [InlineData("aclrtMemcpyAsync through a buffer", 0, 507013)]
    [InlineData("aclrtMemcpy2d", 107017, 0)]
    [InlineData("aclrtMemcpy2dAsync", 0, 507013)]
    [InlineData("aclrtMemcpyBatch", 107017, 0)]
    [InlineData("aclrtMemcpyBatchAsync", 0, 507013)]
    [InlineData("aclrtMemcpyAsyncWithOffset", 0, 507013)]
    [InlineData("aclrtMemcpyAsyncWithDesc", 0, 507013)]
    [InlineData("aclrtSetMemcpyDesc", 107017, 0)]
    [InlineData("aclrtMemset", 107017, 0)]
    [InlineData("aclrtMemsetAsync", 0, 507013)]
    [InlineData("aclrtMemsetD32", 107017, 0)]
    [InlineData("aclrtMemsetD32Async", 0, 507013)]
    [InlineData("aclrtReduceAsync", 0, 507013)]
    [InlineData("aclrtValueWrite", 0, 507013)]
    public void Access_ReadOnly_NothingWrites(string way, int atOnce, int later)
    {
        using var machine = new TestMachine();
        byte* limited = Limited(machine, Read, out byte* free);
        AclApi api = machine.Api;
        byte* host = machine.Pinned(256, 7), pageable = TestMachine.Pageable(256, 7), device = machine.Device(4096);
        nint stream = machine.Stream();
        machine.Returns(atOnce, Write(way, api, stream, limited, host, pageable, device));
        if (atOnce != 0)
        {
            Assert.Contains("read-only for device 0", machine.Message());
        }
        machine.Returns(later, api.aclrtSynchronizeStream(stream));
        if (later != 0)
        {
            Assert.Contains("read-only for device 0", machine.Message());
        }
        Assert.Equal(new byte[256], machine.Read(limited, 256)); // it may be read, and nothing has changed
        // The same call on the mapping without limits is in order.
        machine.Ok(Write(way, api, stream, free, host, pageable, device));
        machine.Ok(api.aclrtSynchronizeStream(stream));
        Assert.NotEqual(new byte[256], machine.Read(limited, 256));
    }

    private static int Write(string way, AclApi api, nint stream, byte* to, byte* host, byte* pageable, byte* device)
    {
        const aclrtMemcpyKind D2D = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_DEVICE, Inner = aclrtMemcpyKind.ACL_MEMCPY_INNER_DEVICE_TO_DEVICE;
        nuint bytes = 64, fail, first = 0;
        void* target = to, source = host;
        aclrtMemcpyBatchAttr attribute = new() { dstLoc = OnDevice().location, srcLoc = OnHost().location };
        byte* cells = device + 1024, descriptor = device + 2048;
        _ = api.aclrtMemset(device, 64, 9, 64);
        switch (way)
        {
            case "aclrtMemcpy":
                return api.aclrtMemcpy(to, 64, host, 64, H2D);
            case "aclrtMemcpyAsync":
                return api.aclrtMemcpyAsync(to, 64, host, 64, H2D, stream);
            case "aclrtMemcpyAsync device to device":
                return api.aclrtMemcpyAsync(to, 64, device, 64, D2D, stream);
            case "aclrtMemcpyAsync pageable":
                return api.aclrtMemcpyAsync(to, 64, pageable, 64, H2D, stream);
            case "aclrtMemcpyAsync through a buffer":
                return api.aclrtMemcpyAsync(to, 64, pageable, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE, stream);
            case "aclrtMemcpy2d":
                return api.aclrtMemcpy2d(to, 32, host, 32, 16, 2, H2D);
            case "aclrtMemcpy2dAsync":
                return api.aclrtMemcpy2dAsync(to, 32, host, 32, 16, 2, H2D, stream);
            case "aclrtMemcpyBatch":
                return api.aclrtMemcpyBatch(&target, &bytes, &source, &bytes, 1, &attribute, &first, 1, &fail);
            case "aclrtMemcpyBatchAsync":
                return api.aclrtMemcpyBatchAsync(&target, &bytes, &source, &bytes, 1, &attribute, &first, 1, &fail, stream);
            case "aclrtMemcpyAsyncWithOffset":
                void** bases = stackalloc void*[] { to, device };
                _ = api.aclrtMemcpy(cells, 16, bases, 16, H2D);
                return api.aclrtMemcpyAsyncWithOffset((void**)cells, 64, 0, (void**)(cells + 8), 64, 0, Inner, stream);
            case "aclrtMemcpyAsyncWithDesc":
                _ = api.aclrtSetMemcpyDesc(descriptor, Inner, device, to, 64, null);
                return api.aclrtMemcpyAsyncWithDesc(descriptor, Inner, stream);
            case "aclrtSetMemcpyDesc":
                return api.aclrtSetMemcpyDesc(to, Inner, device, device + 64, 64, null);
            case "aclrtMemset":
                return api.aclrtMemset(to, 64, 5, 64);
            case "aclrtMemsetAsync":
                return api.aclrtMemsetAsync(to, 64, 5, 64, stream);
            case "aclrtMemsetD32":
                return api.aclrtMemsetD32(to, 64, 5, 16);
            case "aclrtMemsetD32Async":
                return api.aclrtMemsetD32Async(to, 64, 5, 16, stream);
            case "aclrtReduceAsync":
                return api.aclrtReduceAsync(to, device, 64, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT32, stream, null);
            case "aclrtValueWrite":
                return api.aclrtValueWrite(to, 5, 0, stream);
            default:
                throw new ArgumentException(way);
        }
    }

    [Fact]
    public void Access_None_NobodyReadsEither()
    {
        using var machine = new TestMachine();
        byte* limited = Limited(machine, None, out _), host = machine.Pinned(64);
        nint stream = machine.Stream();
        machine.Returns(107017, machine.Api.aclrtMemcpy(host, 64, limited, 64, D2H));
        Assert.Contains("without access for device 0, 1", machine.Message());
        machine.Ok(machine.Api.aclrtMemcpyAsync(host, 64, limited, 64, D2H, stream));
        machine.Returns(507013, machine.Api.aclrtSynchronizeStream(stream));
    }

    [Fact]
    public void Access_IsThatOfTheDeviceThatWorks()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint handle = Physical(machine, Chunk, OnDevice()), stream = machine.Stream();
        byte* owned = Reserve(machine, Chunk), granted = Reserve(machine, Chunk), host = machine.Pinned(64);
        machine.Ok(api.aclrtMapMem(owned, Chunk, 0, handle, 0));
        machine.Ok(api.aclrtMemMapNoAccess(granted, Chunk, 0, handle, 0));
        Grant(machine, owned, Chunk, OnDevice(1).location, Read);
        Grant(machine, granted, Chunk, OnDevice(1).location, ReadWrite);
        machine.Ok(api.aclrtMemcpy(owned, 64, host, 64, H2D)); // the owner needs no grant
        machine.Returns(107017, api.aclrtMemcpy(granted, 64, host, 64, H2D)); // unless it was mapped for others only
        nint context;
        machine.Ok(api.aclrtCreateContext(&context, 1));
        nint second = machine.Stream();
        machine.Returns(107017, api.aclrtMemcpy(owned, 64, host, 64, H2D));
        machine.Ok(api.aclrtMemcpy(host, 64, owned, 64, D2H));
        machine.Ok(api.aclrtMemcpy(granted, 64, host, 64, H2D));
        machine.Ok(api.aclrtMemcpyAsync(owned, 64, host, 64, H2D, second));
        machine.Returns(507013, api.aclrtSynchronizeStream(second));
        machine.Ok(api.aclrtMemcpyAsync(granted, 64, host, 64, H2D, second));
        machine.Ok(api.aclrtSynchronizeStream(second));
        Grant(machine, owned, Chunk, OnDevice().location, Read); // the owner too may be held to reading
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(107017, api.aclrtMemset(owned, 64, 1, 64));
    }

    [Fact]
    public void Access_ARangeOfSeveralMappings_IsAsFreeAsTheLeastOne()
    {
        using var machine = new TestMachine();
        byte* start = Reserve(machine, 3 * Chunk), host = machine.Pinned(64);
        for (nuint index = 0; index < 3; index++)
        {
            machine.Ok(machine.Api.aclrtMapMem(start + index * Chunk, Chunk, 0, Physical(machine, Chunk, OnDevice()), 0));
        }
        Grant(machine, start + Chunk, Chunk, OnDevice().location, Read);
        machine.Ok(machine.Api.aclrtMemset(start, Chunk, 1, Chunk));
        machine.Returns(107017, machine.Api.aclrtMemset(start, Chunk + 1, 1, Chunk + 1));
        machine.Returns(107017, machine.Api.aclrtMemset(start, 3 * Chunk, 1, 3 * Chunk));
        machine.Ok(machine.Api.aclrtMemset(start + 2 * Chunk, Chunk, 1, Chunk));
        machine.Ok(machine.Api.aclrtMemcpy(host, 64, start + Chunk - 32, 64, D2H)); // across the border, reading
    }

    [Fact]
    public void Access_OfTheHostToItsOwnMemory_IsOfItsPages()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint handle = Physical(machine, Chunk, OnHost()), stream = machine.Stream();
        byte* memory = Reserve(machine, Chunk), device = machine.Device(4096);
        machine.Write(device, [1, 2, 3]);
        machine.Ok(api.aclrtMemMapNoAccess(memory, Chunk, 0, handle, 0));
        Assert.False(HostGuard.CanRead(memory, 64));
        machine.Returns(107017, api.aclrtMemcpy(memory, 64, device, 64, D2H));
        aclrtMemAccessDesc* grants = stackalloc aclrtMemAccessDesc[] { new() { flags = Read, location = OnHost().location }, new() { flags = ReadWrite, location = OnDevice().location } };
        machine.Ok(api.aclrtMemSetAccess(memory, Chunk, grants, 2));
        Assert.True(HostGuard.CanRead(memory, 64));
        Assert.False(HostGuard.CanWrite(memory, 64));
        machine.Ok(api.aclrtMemcpyAsync(memory, 64, device, 64, D2H, stream)); // the device may write what the host may only read
        machine.Ok(api.aclrtSynchronizeStream(stream));
        Assert.Equal([1, 2, 3], new ReadOnlySpan<byte>(memory, 3).ToArray());
        // A device without a grant of its own may do what the host may.
        machine.Ok(api.aclrtSetDevice(1));
        machine.Returns(107017, api.aclrtMemcpy(memory, 64, device, 64, D2H));
        machine.Ok(api.aclrtMemcpy(device, 64, memory, 64, H2D));
        machine.Ok(api.aclrtUnmapMem(memory));
        machine.Ok(api.aclrtMapMem(memory, Chunk, 0, handle, 0));
        Assert.True(HostGuard.CanWrite(memory, 64));
        Assert.Equal(2, memory[1]);
    }

    [Theory]
    [InlineData("910c", 207021), InlineData("910b", 207021), InlineData("950", 0)]
    public void Link_IsAnAdvice(string soc, int ubCode)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint handle = Physical(machine, Chunk, OnDevice());
        machine.Returns(100000, api.aclrtMemMapSetLink(0, 0));
        machine.Returns(107000, api.aclrtMemMapSetLink(handle, (aclrtMemLinkType)4));
        machine.Ok(api.aclrtMemMapSetLink(handle, 0));
        machine.Ok(api.aclrtMemMapSetLink(handle, (aclrtMemLinkType)1));
        machine.Returns(ubCode, api.aclrtMemMapSetLink(handle, (aclrtMemLinkType)2));
        machine.Ok(api.aclrtFreePhysical(handle));
        machine.Returns(107017, api.aclrtMemMapSetLink(handle, 0));
        machine.Returns(207000, api.aclrtMemMapSelectedLink(null, Chunk, null, 0));
        if (soc == "910c")
        {
            Assert.Contains("aclrtMemRetainAllocationHandle", machine.Message());
        }
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
