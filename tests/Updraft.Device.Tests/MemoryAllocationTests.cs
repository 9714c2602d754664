using System.Runtime.InteropServices;

namespace Updraft.Device.Tests;

/// <summary>memory.md 1 to 4: allocation, release, registration, queries. Each case names its row.</summary>
public sealed unsafe class MemoryAllocationTests
{
    private const aclrtMemcpyKind H2D = aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, D2H = aclrtMemcpyKind.ACL_MEMCPY_DEVICE_TO_HOST;
    private const aclrtMemMallocPolicy HugeFirst = aclrtMemMallocPolicy.ACL_MEM_MALLOC_HUGE_FIRST;

    private static int Call(AclApi api, string function, void** pointer, nuint size, uint policy) => function switch
    {
        "aclrtMalloc" => api.aclrtMalloc(pointer, size, (aclrtMemMallocPolicy)policy),
        "aclrtMallocAlign32" => api.aclrtMallocAlign32(pointer, size, (aclrtMemMallocPolicy)policy),
        "aclrtMallocCached" => api.aclrtMallocCached(pointer, size, (aclrtMemMallocPolicy)policy),
        "aclrtMallocWithCfg" => api.aclrtMallocWithCfg(pointer, size, (aclrtMemMallocPolicy)policy, null),
        "aclrtMallocForTaskScheduler" => api.aclrtMallocForTaskScheduler(pointer, size, (aclrtMemMallocPolicy)policy, null),
        "aclrtMallocHost" => api.aclrtMallocHost(pointer, size),
        "aclrtMallocHostWithCfg" => api.aclrtMallocHostWithCfg(pointer, size, null),
        _ => throw new ArgumentException(function),
    };

    public static TheoryData<string> Functions => ["aclrtMalloc", "aclrtMallocAlign32", "aclrtMallocCached", "aclrtMallocWithCfg", "aclrtMallocForTaskScheduler", "aclrtMallocHost", "aclrtMallocHostWithCfg"];

    [Theory, MemberData(nameof(Functions))]
    public void Malloc_BadArguments_InTheDocumentedOrder(string function)
    {
        using var machine = new TestMachine(setDevice: false);
        void* pointer = (void*)42;
        machine.Returns(100000, Call(machine.Api, function, null, 0, 0)); // 1.1 row 1
        machine.Returns(100000, Call(machine.Api, function, &pointer, 0, 0)); // row 2
        machine.Returns(100000, Call(machine.Api, function, &pointer, nuint.MaxValue - 7, 0)); // row 3
        machine.Returns(107002, Call(machine.Api, function, &pointer, 64, 0)); // row 4
        Assert.Equal(42, (nint)pointer);
        machine.Ok(machine.Api.aclrtSetDevice(0));
        machine.Ok(Call(machine.Api, function, &pointer, 64, 0));
        Assert.Equal(0, (nint)pointer & 511); // 1.3
    }

    [Theory, MemberData(nameof(Functions))]
    public void Malloc_HugeSizes_AreRefusedWhateverTheyAreRoundedTo(string function)
    {
        using var machine = new TestMachine();
        void* pointer = null;
        for (int shift = 40; shift < 64; shift++)
        {
            machine.Returns(207001, Call(machine.Api, function, &pointer, (nuint)1 << shift, 0));
        }
        foreach (nuint below in new nuint[] { 96, 128, 4096, 2 << 20, (2 << 20) + 33, 1 << 30 })
        {
            machine.Returns(207001, Call(machine.Api, function, &pointer, nuint.MaxValue - below, 0));
            machine.Returns(207001, Call(machine.Api, function, &pointer, nuint.MaxValue - below, 6));
        }
        Assert.True(pointer == null);
    }

    // memory.md 1.4: policy, chip, the page size that shows, or 207000.
    [Theory]
    [InlineData("aclrtMalloc", "910b", 0u, 4096, 4096), InlineData("aclrtMalloc", "910b", 0u, (1 << 20) - 32, 4096), InlineData("aclrtMalloc", "910b", 0u, 1 << 20, 2 << 20)]
    [InlineData("aclrtMalloc", "950", 0u, 1 << 20, 4096), InlineData("aclrtMallocAlign32", "910b", 0u, 1 << 20, 4096), InlineData("aclrtMallocAlign32", "910b", 0u, (1 << 20) + 1, 2 << 20)]
    [InlineData("aclrtMalloc", "910b", 1u, 1, 2 << 20), InlineData("aclrtMalloc", "910b", 2u, 8 << 20, 4096)]
    [InlineData("aclrtMalloc", "910b", 3u, 8 << 20, 4096), InlineData("aclrtMalloc", "910b", 4u, 8 << 20, 4096), InlineData("aclrtMalloc", "910b", 5u, 8 << 20, 4096)]
    [InlineData("aclrtMallocWithCfg", "910b", 3u, 8 << 20, 2 << 20), InlineData("aclrtMallocWithCfg", "910b", 4u, 64, 2 << 20), InlineData("aclrtMallocWithCfg", "910b", 5u, 8 << 20, 4096)]
    [InlineData("aclrtMalloc", "910b", 6u, 1, 1 << 30), InlineData("aclrtMalloc", "910b", 7u, 1, 1 << 30), InlineData("aclrtMallocCached", "910b", 7u, 1, 4096)]
    [InlineData("aclrtMallocCached", "910b", 4u, 64, 4096), InlineData("aclrtMallocCached", "910b", 6u, 64, 1 << 30)]
    [InlineData("aclrtMalloc", "910b", 99u, 64, 4096), InlineData("aclrtMalloc", "910b", 99u, 4 << 20, 2 << 20), InlineData("aclrtMalloc", "910b", 0x1002u, 4 << 20, 2 << 20)]
    [InlineData("aclrtMallocWithCfg", "910b", 0x1002u, 4 << 20, 4096), InlineData("aclrtMallocWithCfg", "910b", 0x1001u, 64, 2 << 20), InlineData("aclrtMallocWithCfg", "910b", 0x1063u, 64, 4096)]
    [InlineData("aclrtMalloc", "310b", 3u, 64, -207000), InlineData("aclrtMalloc", "310b", 6u, 64, -207000), InlineData("aclrtMalloc", "310p", 7u, 64, -207000), InlineData("aclrtMalloc", "910", 6u, 64, -207000)]
    [InlineData("aclrtMalloc", "310p", 3u, 64, 4096), InlineData("aclrtMallocWithCfg", "910", 6u, 64, -207000)]
    public void Malloc_Policy_DecidesThePages(string function, string soc, uint policy, int size, int pageOrCode)
    {
        using var machine = new TestMachine(soc);
        void* pointer;
        int code = Call(machine.Api, function, &pointer, (nuint)size, policy);
        machine.Returns(pageOrCode < 0 ? -pageOrCode : 0, code);
        if (code == 0)
        {
            aclrtPtrAttributes attributes;
            machine.Ok(machine.Api.aclrtPointerGetAttributes(pointer, &attributes));
            Assert.Equal((uint)pageOrCode, attributes.pageSize);
            Assert.Equal(aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, attributes.location.type);
        }
    }

    // memory.md 1.2: what may be touched behind the size.
    [Theory]
    [InlineData("aclrtMalloc", "910b", 100, 160), InlineData("aclrtMallocCached", "910b", 1, 64), InlineData("aclrtMallocAlign32", "910b", 100, 128), InlineData("aclrtMalloc", "950", 100, 128), InlineData("aclrtMallocWithCfg", "910b", 33, 64)]
    public void Malloc_Padding_MayBeTouchedAndNothingBehind(string function, string soc, int size, int touchable)
    {
        using var machine = new TestMachine(soc);
        void* pointer;
        machine.Ok(Call(machine.Api, function, &pointer, (nuint)size, 0));
        byte* host = machine.Pinned(4096, 1);
        machine.Ok(machine.Api.aclrtMemcpy(pointer, 4096, host, (nuint)touchable, H2D));
        machine.Returns(107017, machine.Api.aclrtMemcpy(pointer, 4096, host, (nuint)touchable + 1, H2D));
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtMemcpyAsync(pointer, 4096, host, (nuint)touchable + 1, H2D, stream));
        machine.Returns(507013, machine.Api.aclrtSynchronizeStream(stream));
    }

    // memory.md 1.5
    [Fact]
    public void MallocWithCfg_Attributes_AreCheckedInOrder()
    {
        using var machine = new TestMachine();
        void** pointer = stackalloc void*[1];
        aclrtMallocAttribute* attributes = stackalloc aclrtMallocAttribute[2];
        aclrtMallocConfig* config = stackalloc aclrtMallocConfig[1];
        *config = new() { attrs = null, numAttrs = 1 };
        int Ask(nuint size = 64) => machine.Api.aclrtMallocWithCfg(pointer, size, HugeFirst, config);
        machine.Returns(100000, Ask());
        config->numAttrs = 0;
        machine.Returns(100000, Ask(0));
        machine.Returns(107000, Ask());
        config->attrs = attributes;
        machine.Ok(Ask());
        config->numAttrs = 2;
        attributes[0] = new() { attr = (aclrtMallocAttrType)3 };
        machine.Returns(107000, Ask());
        attributes[0] = new() { attr = aclrtMallocAttrType.ACL_RT_MEM_ATTR_DEVICE_ID };
        attributes[0].value.deviceId = 1;
        machine.Returns(107000, Ask());
        attributes[0].value.deviceId = 0;
        attributes[1] = new() { attr = aclrtMallocAttrType.ACL_RT_MEM_ATTR_MODULE_ID };
        attributes[1].value.moduleId = 33;
        machine.Ok(Ask(1 << 20));
        aclrtMemUsageInfo* usage = stackalloc aclrtMemUsageInfo[8];
        nuint count;
        machine.Returns(100000, machine.Api.aclrtGetMemUsageInfo(0, null, 8, &count));
        machine.Returns(100000, machine.Api.aclrtGetMemUsageInfo(0, usage, 8, null));
        machine.Returns(107001, machine.Api.aclrtGetMemUsageInfo(9, usage, 8, &count));
        machine.Ok(machine.Api.aclrtGetMemUsageInfo(0, usage, 8, &count));
        Assert.Equal((nuint)2, count);
        Assert.Equal("APP", Marshal.PtrToStringUTF8((nint)(usage + 0)));
        Assert.Equal("MODULE_33", Marshal.PtrToStringUTF8((nint)(usage + 1)));
        Assert.Equal(1u << 20, usage[1].curMemSize);
        machine.Ok(machine.Api.aclrtFree(*pointer));
        machine.Ok(machine.Api.aclrtGetMemUsageInfo(0, usage, 8, &count));
        Assert.Equal((0ul, 1ul << 20), (usage[1].curMemSize, usage[1].memPeakSize));
    }

    [Fact]
    public void MallocHostWithCfg_KnowsModuleAndAddressFlagOnly()
    {
        using var machine = new TestMachine();
        void* pointer;
        aclrtMallocAttribute attribute = new() { attr = aclrtMallocAttrType.ACL_RT_MEM_ATTR_DEVICE_ID };
        aclrtMallocConfig config = new() { attrs = null, numAttrs = 0 };
        machine.Returns(107000, machine.Api.aclrtMallocHostWithCfg(&pointer, 64, &config));
        config = new() { attrs = &attribute, numAttrs = 1 };
        machine.Returns(107000, machine.Api.aclrtMallocHostWithCfg(&pointer, 64, &config));
        attribute.attr = aclrtMallocAttrType.ACL_RT_MEM_ATTR_VA_FLAG;
        machine.Ok(machine.Api.aclrtMallocHostWithCfg(&pointer, 64, &config));
        machine.Ok(machine.Api.aclrtFreeHost(pointer));
    }

    // memory.md 1.1 row 6 and Q-61
    [Fact]
    public void Malloc_DeviceFull_Returns207001AndTheNumbersMove()
    {
        using var machine = new TestMachine(deviceMemory: "64M");
        nuint free, total, before;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &before, &total));
        Assert.Equal(((nuint)64 << 20, (nuint)64 << 20), (before, total));
        void* first, second;
        machine.Ok(machine.Api.aclrtMalloc(&first, 30 << 20, HugeFirst));
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal((nuint)32 << 20, free); // 30 MiB and the padding, in pages of 2 MiB
        machine.Returns(207001, machine.Api.aclrtMalloc(&second, 32 << 20, HugeFirst));
        Assert.Contains("UPDRAFT_DEVICE_MEMORY", machine.Message());
        machine.Ok(machine.Api.aclrtMallocAlign32(&second, 32 << 20, HugeFirst));
        machine.Returns(207001, machine.Api.aclrtMalloc(&first + 0, 1, HugeFirst));
        machine.Ok(machine.Api.aclrtFree(second));
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal((nuint)32 << 20, free);
    }

    // memory.md 4.3
    [Theory]
    [InlineData("910b", 10, 0), InlineData("950", 17, 0), InlineData("910", 10, 207000), InlineData("910", 14, 207000), InlineData("310p", 10, 0), InlineData("310b", 17, 0), InlineData("910b", 18, 107016), InlineData("910b", -1, 107016)]
    public void GetMemInfo_Attribute_IsKnownOrRefused(string soc, int attribute, int code)
    {
        using var machine = new TestMachine(soc);
        nuint free, total;
        machine.Returns(code, machine.Api.aclrtGetMemInfo((aclrtMemAttr)attribute, &free, &total));
        machine.Returns(100000, machine.Api.aclrtGetMemInfo((aclrtMemAttr)attribute, null, &total));
        machine.Returns(100000, machine.Api.aclrtGetMemInfo((aclrtMemAttr)attribute, &free, null));
    }

    [Fact]
    public void GetMemInfo_BadAttributeWithoutContext_IsTheAttributesFault()
    {
        using var machine = new TestMachine(setDevice: false);
        nuint free, total;
        machine.Returns(107016, machine.Api.aclrtGetMemInfo((aclrtMemAttr)18, &free, &total));
        machine.Returns(107002, machine.Api.aclrtGetMemInfo(0, &free, &total));
    }

    // memory.md 2 and Q-12
    [Fact]
    public void Free_NotTheStartOfLiveMemory_Returns107000AndReleasesNothing()
    {
        using var machine = new TestMachine();
        byte* device = machine.Device(4096), pinned = machine.Pinned(4096), pageable = TestMachine.Pageable(64);
        machine.Returns(100000, machine.Api.aclrtFree(null));
        machine.Returns(100000, machine.Api.aclrtFreeHost(null));
        machine.Returns(107000, machine.Api.aclrtFree(device + 64));
        machine.Returns(107000, machine.Api.aclrtFree(pinned));
        machine.Returns(107000, machine.Api.aclrtFree(pageable));
        machine.Returns(107000, machine.Api.aclrtFree((void*)8));
        machine.Returns(107000, machine.Api.aclrtFreeHost(device));
        machine.Returns(107000, machine.Api.aclrtFreeHost(pinned + 64));
        machine.Returns(107000, machine.Api.aclrtFreeHost(pageable));
        Assert.Equal(4096, machine.Read(device, 4096).Length);
        machine.Ok(machine.Api.aclrtFree(device));
        machine.Returns(107000, machine.Api.aclrtFree(device));
        Assert.Contains("freed by thread", machine.Message());
        machine.Ok(machine.Api.aclrtFreeHost(pinned));
        machine.Returns(107000, machine.Api.aclrtFreeHost(pinned));
    }

    [Fact]
    public void Free_NeedsNoContext()
    {
        using var machine = new TestMachine();
        byte* device = machine.Device(64), pinned = machine.Pinned(64), kept = machine.Device(64);
        int[] codes = new int[4];
        var thread = new Thread(() =>
        {
            codes[0] = machine.Api.aclrtFree(device);
            codes[1] = machine.Api.aclrtFreeHost(pinned);
            codes[2] = machine.Api.aclrtFreeWithDevSync(kept);
            codes[3] = machine.Api.aclrtFreeWithDevSync(null);
        });
        thread.Start();
        thread.Join();
        Assert.Equal([0, 0, 107002, 100000], codes);
        machine.Ok(machine.Api.aclrtFreeWithDevSync(kept));
    }

    [Fact]
    public void FreeWithDevSync_PendingError_IsReturnedAndNothingIsFreed()
    {
        using var machine = new TestMachine();
        byte* device = machine.Device(64), pinned = machine.Pinned(4096);
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 4096, pinned, 4096, H2D, stream));
        machine.Returns(507013, machine.Api.aclrtFreeWithDevSync(device));
        Assert.Equal(64, machine.Read(device, 64).Length);
        machine.Ok(machine.Api.aclrtFreeWithDevSync(device));
        machine.Ok(machine.Api.aclrtMemcpyAsync(machine.Device(64), 4096, pinned, 4096, H2D, stream));
        machine.Returns(507013, machine.Api.aclrtFreeHostWithDevSync(pinned));
        machine.Ok(machine.Api.aclrtFreeHostWithDevSync(pinned));
        machine.Returns(107000, machine.Api.aclrtFreeHostWithDevSync(pinned));
    }

    //
    [Fact]
    public void FreedPointer_StaysDeviceAndIsRefusedLater()
    {
        using var machine = new TestMachine();
        byte* device = machine.Device(64), pinned = machine.Pinned(64), live = machine.Device(64), source = machine.Pinned(64);
        machine.Ok(machine.Api.aclrtFree(device));
        machine.Ok(machine.Api.aclrtFreeHost(pinned));
        aclrtPtrAttributes attributes;
        machine.Ok(machine.Api.aclrtPointerGetAttributes(device, &attributes));
        Assert.Equal(aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, attributes.location.type);
        machine.Returns(107017, machine.Api.aclrtMemcpy(device, 64, source, 64, H2D));
        Assert.Contains("freed by thread", machine.Message());
        nint stream = machine.Stream();
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 64, source, 64, H2D, stream));
        machine.Returns(507013, machine.Api.aclrtSynchronizeStream(stream));
        Assert.Contains("freed by thread", machine.Message()); // the call that returns the code says which copy of what
        machine.Ok(machine.Api.aclrtMemsetAsync(device, 64, 0, 64, stream));
        machine.Returns(507013, machine.Api.aclrtSynchronizeDevice());
        string? message = machine.Message();
        Assert.Contains("The fill of 64 bytes", message);
        Assert.Contains("freed by thread", message);
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 64, source, 64, H2D, stream));
        byte* pageable = TestMachine.Pageable(64);
        machine.Returns(507013, machine.Api.aclrtMemcpyAsync(live, 64, pageable, 64, H2D, stream)); // this copy waited for the one that failed
        Assert.Contains("freed by thread", machine.Message());
        machine.Returns(100000, machine.Api.aclrtMalloc(null, 1, 0));
        Assert.DoesNotContain("freed by thread", machine.Message());
        machine.Ok(machine.Api.aclrtPointerGetAttributes(pinned, &attributes));
        Assert.Equal(aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED, attributes.location.type);
        machine.Returns(107017, machine.Api.aclrtMemcpy(live, 64, pinned, 64, H2D));
    }

    // the bytes live until the copies end that were queued before the free, and nobody else gets them.
    [Theory]
    [InlineData(4096, "threads"), InlineData(4 << 20, "threads"), InlineData(128 << 20, "threads"), InlineData(4096, "late"), InlineData(4096, "random:3")]
    public void Free_CopyStillQueued_ReadsTheOldBytes(int size, string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        nint stream = machine.Stream();
        byte* device = machine.Device((nuint)size), result = machine.Pinned(64);
        machine.Write(device + size - 64, Enumerable.Repeat((byte)7, 64).ToArray());
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(result, 64, device + size - 64, 64, D2H, stream));
        machine.Ok(machine.Api.aclrtFree(device));
        for (int turn = 0; turn < 200 && turn * (long)size < 1L << 29; turn++)
        {
            byte* other = machine.Device((nuint)size);
            Assert.NotEqual((nint)device, (nint)other);
            machine.Write(other + size - 64, new byte[64]);
            machine.Ok(machine.Api.aclrtFree(other));
        }
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.All(new Span<byte>(result, 64).ToArray(), value => Assert.Equal(7, value));
    }

    //
    [Fact]
    public void ResetDevice_ReleasesTheMemoryOfThatDeviceOnly()
    {
        using var machine = new TestMachine();
        byte* zero = machine.Device(1 << 20), pinned = machine.Pinned(64, 5);
        machine.Ok(machine.Api.aclrtSetDevice(1));
        byte* one = machine.Device(64);
        machine.Ok(machine.Api.aclrtResetDevice(0));
        machine.Returns(107017, machine.Api.aclrtMemcpy(zero, 64, pinned, 64, H2D));
        machine.Ok(machine.Api.aclrtMemcpy(one, 64, pinned, 64, H2D));
        machine.Ok(machine.Api.aclrtSetDevice(0));
        nuint free, total;
        machine.Ok(machine.Api.aclrtGetMemInfo(aclrtMemAttr.ACL_HBM_MEM, &free, &total));
        Assert.Equal(total, free);
        Assert.Equal(5, pinned[63]);
    }

    // memory.md 3.2, Q-53
    [Fact]
    public void MemAllocManaged_ChecksInOrder()
    {
        using var machine = new TestMachine(setDevice: false);
        void* pointer;
        machine.Returns(100000, machine.Api.aclrtMemAllocManaged(null, 0, 0));
        machine.Returns(100000, machine.Api.aclrtMemAllocManaged(&pointer, 0, 0));
        machine.Returns(107000, machine.Api.aclrtMemAllocManaged(&pointer, 0, 1));
        machine.Returns(107002, machine.Api.aclrtMemAllocManaged(&pointer, 64, 1));
    }

    [Theory]
    [InlineData("910b", 0), InlineData("910c", 0), InlineData("950", 207000), InlineData("310b", 207000), InlineData("310p", 207000), InlineData("910", 207000)]
    public void MemAllocManaged_Chip_HasItOrNot(string soc, int code)
    {
        using var machine = new TestMachine(soc);
        void* pointer;
        machine.Returns(code, machine.Api.aclrtMemAllocManaged(&pointer, 64, 1));
    }

    [Fact]
    public void Managed_HostAndDeviceSeeTheSameBytes()
    {
        using var machine = new TestMachine();
        void* pointer;
        machine.Ok(machine.Api.aclrtMemAllocManaged(&pointer, 100, 1));
        var managed = (byte*)pointer;
        managed[2 * 1024 * 1024 - 1] = 9; // rounded up to 2 MiB
        aclrtPtrAttributes attributes;
        machine.Ok(machine.Api.aclrtPointerGetAttributes(managed + 50, &attributes));
        Assert.Equal(aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_MANAGED, attributes.location.type);
        byte* device = machine.Device(64);
        new Span<byte>(managed, 64).Fill(3);
        machine.Ok(machine.Api.aclrtMemcpy(device, 64, managed, 64, aclrtMemcpyKind.ACL_MEMCPY_DEFAULT));
        Assert.All(machine.Read(device, 64), value => Assert.Equal(3, value));
        nint stream = machine.Stream();
        byte* pinned = machine.Pinned(64, 8);
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(managed, 64, pinned, 64, H2D, stream));
        Assert.Equal(3, managed[63]);
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.Equal(8, managed[63]);
        machine.Ok(machine.Api.aclrtFree(managed));
        machine.Returns(107000, machine.Api.aclrtFree(managed));
        machine.Returns(107017, machine.Api.aclrtMemcpy(device, 64, managed, 64, aclrtMemcpyKind.ACL_MEMCPY_DEFAULT));
    }

    // memory.md 4.2, cmo.md 6
    [Fact]
    public void CheckMemType_FlushInvalidate_CheckTheirRange()
    {
        using var machine = new TestMachine();
        byte* device = machine.Device(64), pinned = machine.Pinned(64);
        void** list = stackalloc void*[2] { device, device + 32 };
        uint result;
        machine.Returns(100000, machine.Api.aclrtCheckMemType(null, 2, 2, &result, 0));
        machine.Returns(100000, machine.Api.aclrtCheckMemType(list, 2, 2, null, 0));
        machine.Ok(machine.Api.aclrtCheckMemType(list, 2, 2, &result, 0));
        Assert.Equal(1u, result);
        machine.Ok(machine.Api.aclrtCheckMemType(list, 2, 8, &result, 0));
        Assert.Equal(0u, result);
        list[1] = pinned;
        machine.Ok(machine.Api.aclrtCheckMemType(list, 2, 2, &result, 0));
        Assert.Equal(0u, result);
        foreach (bool flush in new[] { true, false })
        {
            int Call(void* pointer, nuint size) => flush ? machine.Api.aclrtMemFlush(pointer, size) : machine.Api.aclrtMemInvalidate(pointer, size);
            machine.Returns(100000, Call(null, 64));
            machine.Returns(100000, Call(device, 0));
            machine.Ok(Call(device, 64));
            machine.Returns(107000, Call(device, 4096));
            machine.Returns(107000, Call(pinned, 64));
        }
    }

    // memory.md 4.1
    [Fact]
    public void PointerGetAttributes_EveryKind()
    {
        using var machine = new TestMachine();
        machine.Ok(machine.Api.aclrtSetDevice(1));
        byte* device = machine.Device(4096), pinned = machine.Pinned(64), pageable = TestMachine.Pageable(4096);
        aclrtPtrAttributes* attributes = stackalloc aclrtPtrAttributes[1];
        machine.Returns(100000, machine.Api.aclrtPointerGetAttributes(null, attributes));
        machine.Returns(100000, machine.Api.aclrtPointerGetAttributes(device, null));
        void Is(void* pointer, aclrtMemLocationType type, uint id)
        {
            attributes->rsv[3] = 77;
            machine.Ok(machine.Api.aclrtPointerGetAttributes(pointer, attributes));
            Assert.Equal((type, id, 77u), (attributes->location.type, attributes->location.id, attributes->rsv[3]));
        }
        Is(device, aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, 1);
        Is(device + 4095, aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE, 1);
        Is(pinned + 63, aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST, 0);
        Is(pageable, aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED, 0);
        Is(attributes, aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED, 0);
        machine.Ok(machine.Api.aclrtHostRegisterV2(pageable, 4096, 0x10000000));
        Is(pageable + 4095, aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_HOST, 0);
        machine.Ok(machine.Api.aclrtHostUnregister(pageable));
        Is(pageable, aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_UNREGISTERED, 0);
        int code = 0;
        var thread = new Thread(() => { aclrtPtrAttributes other; code = machine.Api.aclrtPointerGetAttributes(device, &other); });
        thread.Start();
        thread.Join();
        Assert.Equal(0, code);
        void* start;
        nuint size;
        machine.Ok(machine.Api.aclrtMemGetAddressRange(device + 77, &start, &size));
        Assert.Equal(((nint)device, (nuint)4096), ((nint)start, size));
    }

    // memory.md 3.3
    [Fact]
    public void HostRegister_ChecksInOrder()
    {
        using var machine = new TestMachine(setDevice: false);
        byte* memory = TestMachine.Pageable(8192);
        void* device;
        machine.Returns(100000, machine.Api.aclrtHostRegister(null, 64, 0, &device));
        machine.Returns(100000, machine.Api.aclrtHostRegister(memory, 64, 0, null));
        machine.Returns(100000, machine.Api.aclrtHostRegister(memory, 0, (aclrtHostRegisterType)1, &device));
        machine.Returns(207000, machine.Api.aclrtHostRegister(memory, 64, (aclrtHostRegisterType)1, &device));
        machine.Returns(107002, machine.Api.aclrtHostRegister(memory, 64, 0, &device));
        machine.Returns(100000, machine.Api.aclrtHostRegisterV2(null, 64, 2));
        machine.Returns(100000, machine.Api.aclrtHostRegisterV2(memory, 0, 2));
        machine.Returns(107000, machine.Api.aclrtHostRegisterV2(memory, 64, 0));
        machine.Returns(107000, machine.Api.aclrtHostRegisterV2(memory, 64, 1));
        machine.Returns(107002, machine.Api.aclrtHostRegisterV2(memory, 64, 2));
        machine.Returns(100000, machine.Api.aclrtHostUnregister(null));
        machine.Returns(107002, machine.Api.aclrtHostUnregister(memory));
        machine.Returns(100000, machine.Api.aclrtHostGetDevicePointer(memory, &device, 1));
        machine.Returns(107002, machine.Api.aclrtHostGetDevicePointer(memory, &device, 0));
        machine.Ok(machine.Api.aclrtSetDevice(0));
        machine.Ok(machine.Api.aclrtHostRegister(memory, 4096, 0, &device));
        machine.Returns(507910, machine.Api.aclrtHostRegister(memory + 4095, 64, (aclrtHostRegisterType)8, &device));
        machine.Returns(507910, machine.Api.aclrtHostRegisterV2(memory, 64, 0x10000000));
        machine.Returns(507911, machine.Api.aclrtHostUnregister(memory + 1));
        machine.Ok(machine.Api.aclrtHostRegisterV2(memory + 4096, 4096, 0x10000000));
        void* pointer;
        machine.Ok(machine.Api.aclrtHostGetDevicePointer(memory + 10, &pointer, 0));
        Assert.Equal((nint)device + 10, (nint)pointer);
        machine.Returns(107000, machine.Api.aclrtHostGetDevicePointer(memory + 4096, &pointer, 0)); // pinned, not mapped
        machine.Returns(107000, machine.Api.aclrtHostRegisterV2((void*)4096, 4096, 2)); // nothing is there
        machine.Ok(machine.Api.aclrtHostUnregister(memory));
        machine.Returns(507911, machine.Api.aclrtHostUnregister(memory));
        machine.Ok(machine.Api.aclrtHostUnregister(memory + 4096));
    }

    // memory.md 3.3, last bullet; Q-66
    [Theory]
    [InlineData("910b", 0, 0), InlineData("950", 0, 0), InlineData("310b", 207000, 0), InlineData("310p", 207000, 0), InlineData("910", 207000, 0)]
    public void HostRegister_Chip_MapsOrNot(string soc, int mapped, int pinned)
    {
        using var machine = new TestMachine(soc);
        byte* memory = TestMachine.Pageable(8192);
        void* device;
        machine.Returns(mapped, machine.Api.aclrtHostRegister(memory, 4096, 0, &device));
        machine.Returns(mapped, machine.Api.aclrtHostRegisterV2(memory + 4096, 64, 2));
        machine.Returns(pinned, machine.Api.aclrtHostRegisterV2(memory + 4096 + 64, 64, 0x10000000));
        aclrtHostMemMapCapability capability;
        machine.Ok(machine.Api.aclrtHostMemMapCapabilities(0, aclrtHacType.ACL_RT_HAC_TYPE_AIC, &capability));
        Assert.Equal(mapped == 0 ? 1 : 0, (int)capability);
        machine.Returns(107001, machine.Api.aclrtHostMemMapCapabilities(99, (aclrtHacType)77, &capability));
        machine.Returns(107000, machine.Api.aclrtHostMemMapCapabilities(0, (aclrtHacType)10, &capability));
        machine.Ok(machine.Api.aclrtHostUnregister(memory + 4096 + 64));
    }

    [Fact]
    public void HostRegister_MakesCopiesAsynchronous()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        byte* device = machine.Device(64), memory = TestMachine.Pageable(64, 4);
        machine.Write(device, new byte[64]);
        machine.Ok(machine.Api.aclrtHostRegisterV2(memory, 64, 0x10000000));
        using Gate gate = machine.Hold(stream);
        machine.Ok(machine.Api.aclrtMemcpyAsync(device, 64, memory, 64, H2D, stream)); // would hang here as pageable memory
        gate.Open();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.Equal(4, machine.Read(device, 64)[63]);
    }

    // A stream that stands still for ever does not make the process grow for ever.
    [Fact]
    public void Free_BehindAStandingStream_IsUsedAgainInTheEnd()
    {
        using var machine = new TestMachine();
        using Gate gate = machine.Hold(machine.Stream());
        var seen = new HashSet<nint>();
        const int count = 40;
        for (int turn = 0; turn < count; turn++)
        {
            byte* device = machine.Device(128 << 20);
            seen.Add((nint)device);
            machine.Ok(machine.Api.aclrtFree(device));
        }
        Assert.InRange(seen.Count, 5, count - 1);
    }
}
