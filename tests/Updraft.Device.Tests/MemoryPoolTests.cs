namespace Updraft.Device.Tests;

/// <summary>memory.md 7: stream-ordered allocation.</summary>
public sealed unsafe class MemoryPoolTests
{
    private const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST;

    private static aclrtMemPoolProps Properties() => new() { location = new aclrtMemLocation { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE } };

    private static nint Pool(TestMachine machine, ulong threshold = 0, nuint maximum = 0)
    {
        aclrtMemPoolProps properties = Properties();
        properties.maxSize = maximum;
        nint pool;
        machine.Ok(machine.Api.aclrtMemPoolCreate(&pool, &properties));
        machine.Ok(machine.Api.aclrtMemPoolSetAttr(pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD, &threshold));
        return pool;
    }

    private static byte* Take(TestMachine machine, nint pool, nuint size, nint stream)
    {
        void* pointer;
        machine.Ok(machine.Api.aclrtMemPoolMallocAsync(&pointer, size, pool, stream));
        return (byte*)pointer;
    }

    private static ulong Attribute(TestMachine machine, nint pool, aclrtMemPoolAttr attribute)
    {
        ulong value;
        machine.Ok(machine.Api.aclrtMemPoolGetAttr(pool, attribute, &value));
        return value;
    }

    [Fact]
    public void Arguments_Row()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), pool;
        aclrtMemPoolProps properties = Properties();
        machine.Returns(100000, machine.Api.aclrtMemPoolCreate(null, &properties));
        machine.Returns(100000, machine.Api.aclrtMemPoolCreate(&pool, null));
        properties.allocType = (aclrtMemAllocationType)1;
        machine.Returns(100000, machine.Api.aclrtMemPoolCreate(&pool, &properties));
        properties = Properties();
        properties.location.type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST;
        machine.Returns(100000, machine.Api.aclrtMemPoolCreate(&pool, &properties));
        properties = Properties();
        properties.reserved[31] = 1;
        machine.Returns(100000, machine.Api.aclrtMemPoolCreate(&pool, &properties));
        pool = Pool(machine);
        void* pointer = (void*)5;
        machine.Returns(100000, machine.Api.aclrtMemPoolMallocAsync(null, 64, pool, stream));
        machine.Returns(100000, machine.Api.aclrtMemPoolMallocAsync(&pointer, 64, 0, stream));
        machine.Returns(100000, machine.Api.aclrtMemPoolMallocAsync(&pointer, 64, pool, 0));
        machine.Ok(machine.Api.aclrtMemPoolMallocAsync(&pointer, 0, pool, stream));
        Assert.Equal(5, (nint)pointer);
        machine.Returns(107017, machine.Api.aclrtMemPoolMallocAsync(&pointer, 64, stream, stream));
        machine.Returns(100000, machine.Api.aclrtMemPoolFreeAsync(null, stream));
        machine.Returns(107000, machine.Api.aclrtMemPoolFreeAsync(machine.Device(64), stream));
        machine.Returns(100000, machine.Api.aclrtMemPoolTrimTo(0, 0));
        machine.Returns(100000, machine.Api.aclrtMemPoolDestroy(0));
        machine.Returns(100000, machine.Api.aclrtMemPoolGetAttr(0, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RELEASE_THRESHOLD, &pointer));
        machine.Returns(107000, machine.Api.aclrtMemPoolGetAttr(pool, (aclrtMemPoolAttr)9, &pointer));
        machine.Ok(machine.Api.aclrtMemPoolDestroy(pool));
        machine.Returns(107017, machine.Api.aclrtMemPoolDestroy(pool));
    }

    [Theory]
    [InlineData("950"), InlineData("910c"), InlineData("310b")]
    public void OtherChips_Refuse(string soc)
    {
        using var machine = new TestMachine(soc);
        aclrtMemPoolProps properties = Properties();
        nint pool;
        machine.Returns(207000, machine.Api.aclrtMemPoolCreate(&pool, &properties));
    }

    [Fact]
    public void FreedOnAStream_IsReusedThereAtOnce_AndElsewhereWhenTheFreeWasReached()
    {
        using var machine = new TestMachine();
        nint first = machine.Stream(), second = machine.Stream(), pool = Pool(machine, threshold: 1 << 30);
        byte* block = Take(machine, pool, 4096, first);
        using Gate gate = machine.Hold(first);
        machine.Ok(machine.Api.aclrtMemPoolFreeAsync(block, first));
        byte* other = Take(machine, pool, 4096, second);
        Assert.NotEqual((nint)block, (nint)other);
        byte* same = Take(machine, pool, 4096, first);
        Assert.Equal((nint)block, (nint)same);
        machine.Ok(machine.Api.aclrtMemPoolFreeAsync(same, first));
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(first));
        Assert.Equal((nint)block, (nint)Take(machine, pool, 4096, second));
    }

    [Fact]
    public void StreamOrder_KeepsTheBytesApart()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), pool = Pool(machine);
        byte* ones = machine.Pinned(4096, 1), twos = machine.Pinned(4096, 2), first = machine.Pinned(4096), second = machine.Pinned(4096);
        using Gate gate = machine.Hold(stream);
        byte* block = Take(machine, pool, 4096, stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(block, 4096, ones, 4096, H2D, stream));
        machine.Ok(machine.Api.aclrtMemcpyAsync(first, 4096, block, 4096, D2H, stream));
        machine.Ok(machine.Api.aclrtMemPoolFreeAsync(block, stream));
        byte* again = Take(machine, pool, 4096, stream);
        Assert.Equal((nint)block, (nint)again);
        machine.Ok(machine.Api.aclrtMemcpyAsync(again, 4096, twos, 4096, H2D, stream));
        machine.Ok(machine.Api.aclrtMemcpyAsync(second, 4096, again, 4096, D2H, stream));
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.Equal((1, 2), (first[4095], second[4095]));
    }

    [Fact]
    public void Threshold_IsAppliedAtTheNextSynchronize()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), pool = Pool(machine);
        byte* block = Take(machine, pool, 8 << 20, stream);
        machine.Ok(machine.Api.aclrtMemPoolFreeAsync(block, stream));
        Assert.Equal((8ul << 20, 0ul), (Attribute(machine, pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT), Attribute(machine, pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT)));
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.Equal((0ul, 8ul << 20), (Attribute(machine, pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT), Attribute(machine, pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_USED_MEM_HIGH)));
        machine.Returns(107000, machine.Api.aclrtFree(block));
        nuint free, total;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(total, free);
    }

    [Fact]
    public void Free_TakesAPoolsMemoryToo_Once()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), pool = Pool(machine, threshold: 1 << 30);
        byte* block = Take(machine, pool, 4096, stream);
        machine.Ok(machine.Api.aclrtFree(block));
        machine.Returns(107000, machine.Api.aclrtFree(block));
        machine.Returns(107000, machine.Api.aclrtMemPoolFreeAsync(block, stream));
        Assert.Equal(0ul, Attribute(machine, pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_USED_MEM_CURRENT));
        Assert.Equal(4096ul, Attribute(machine, pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT));
        machine.Ok(machine.Api.aclrtMemPoolTrimTo(pool, 0));
        Assert.Equal(0ul, Attribute(machine, pool, aclrtMemPoolAttr.ACL_RT_MEM_POOL_ATTR_RESERVED_MEM_CURRENT));
    }

    // memory.md 1.1 row 6: the pools are trimmed before an allocation fails.
    [Fact]
    public void Malloc_FullDevice_TakesBackWhatPoolsKeep()
    {
        using var machine = new TestMachine(deviceMemory: "64M");
        nint stream = machine.Stream(), pool = Pool(machine, threshold: 1 << 30);
        byte* block = Take(machine, pool, 60 << 20, stream);
        void* memory;
        machine.Returns(207001, machine.Api.aclrtMalloc(&memory, 32 << 20, 0));
        machine.Ok(machine.Api.aclrtMemPoolFreeAsync(block, stream));
        machine.Returns(207001, machine.Api.aclrtMallocWithCfg(&memory, 32 << 20, 0, null)); // no second attempt
        machine.Ok(machine.Api.aclrtMalloc(&memory, 32 << 20, 0));
        machine.Returns(207001, machine.Api.aclrtMemPoolMallocAsync(&memory, 60 << 20, pool, stream));
    }

    [Fact]
    public void MaximumSize_AndDestroy()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream(), pool = Pool(machine, threshold: 1 << 30, maximum: 4 << 20);
        byte* block = Take(machine, pool, 4 << 20, stream);
        void* memory;
        machine.Returns(207001, machine.Api.aclrtMemPoolMallocAsync(&memory, 64, pool, stream));
        machine.Ok(machine.Api.aclrtMemPoolDestroy(pool));
        Assert.Equal(64, machine.Read(block, 64).Length); // live memory outlives its pool
        machine.Ok(machine.Api.aclrtMemPoolFreeAsync(block, stream));
        nuint free, total;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(total, free);
    }

    // Chapter 11-08: what was registered comes back, per stream.
    [Fact]
    public void Allocator_IsRememberedPerStream()
    {
        using var machine = new TestMachine();
        nint first = machine.Stream(), second = machine.Stream(), description = machine.Api.aclrtAllocatorCreateDesc();
        nint* given = stackalloc nint[6];
        int Get(nint stream) => machine.Api.aclrtAllocatorGetByStream(stream, given, given + 1, given + 2, given + 3, given + 4, given + 5);
        machine.Returns(100000, machine.Api.aclrtAllocatorRegister(0, description));
        machine.Returns(100000, machine.Api.aclrtAllocatorRegister(first, 0));
        machine.Returns(100000, machine.Api.aclrtAllocatorRegister(first, description)); // not complete
        machine.Ok(machine.Api.aclrtAllocatorSetObjToDesc(description, 0x10));
        machine.Ok(machine.Api.aclrtAllocatorSetAllocFuncToDesc(description, 0x20));
        machine.Ok(machine.Api.aclrtAllocatorSetFreeFuncToDesc(description, 0x30));
        machine.Ok(machine.Api.aclrtAllocatorSetGetAddrFromBlockFuncToDesc(description, 0x50));
        machine.Ok(machine.Api.aclrtAllocatorRegister(first, description));
        machine.Returns(100000, Get(second));
        machine.Ok(Get(first));
        Assert.Equal([description, 0x10, 0x20, 0x30, 0, 0x50], new Span<nint>(given, 6).ToArray());
        machine.Returns(107017, Get(description));
        machine.Ok(machine.Api.aclrtAllocatorUnregister(first));
        machine.Returns(100000, machine.Api.aclrtAllocatorUnregister(first));
    }
}
