namespace Updraft.Device.Tests;

/// <summary>Interface facts, chapter 11-05: advice about managed memory, prefetches in stream order, and the questions about both.</summary>
public sealed unsafe class MemoryManagedTests
{
    private const nuint Page = 2 << 20;

    private const aclrtMemManagedAdviseType SetReadMostly = (aclrtMemManagedAdviseType)0, UnsetReadMostly = (aclrtMemManagedAdviseType)1,
        SetPreferred = (aclrtMemManagedAdviseType)2, UnsetPreferred = (aclrtMemManagedAdviseType)3, SetAccessedBy = (aclrtMemManagedAdviseType)4, UnsetAccessedBy = (aclrtMemManagedAdviseType)5;

    private const aclrtMemManagedRangeAttribute ReadMostly = (aclrtMemManagedRangeAttribute)1, Preferred = (aclrtMemManagedRangeAttribute)2, AccessedBy = (aclrtMemManagedRangeAttribute)3,
        PreferredType = (aclrtMemManagedRangeAttribute)4, PreferredId = (aclrtMemManagedRangeAttribute)5, Prefetched = (aclrtMemManagedRangeAttribute)6,
        PrefetchedType = (aclrtMemManagedRangeAttribute)7, PrefetchedId = (aclrtMemManagedRangeAttribute)8;

    private static aclrtMemManagedLocation At(int type, int id = 0) => new() { type = (aclrtMemManagedLocationType)type, id = id };
    private static aclrtMemManagedLocation OnDevice(int id) => At(1, id);
    private static aclrtMemManagedLocation Host => At(2, 77); // the number of the host is not looked at

    private static byte* Managed(TestMachine machine, nuint bytes)
    {
        void* memory;
        machine.Ok(machine.Api.aclrtMemAllocManaged(&memory, bytes, 1));
        return (byte*)memory;
    }

    private static int Get(TestMachine machine, aclrtMemManagedRangeAttribute attribute, byte* start, nuint bytes)
    {
        int value = 12345;
        machine.Ok(machine.Api.aclrtMemManagedGetAttr(attribute, start, bytes, &value, sizeof(int)));
        return value;
    }

    [Theory]
    [InlineData("910b"), InlineData("910c")]
    public void Advice_IsKeptPageByPage(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        byte* memory = Managed(machine, 4 * Page), other = Managed(machine, Page);
        Assert.Equal((0, -2, 0, -2), (Get(machine, ReadMostly, memory, 4 * Page), Get(machine, Preferred, memory, 4 * Page), Get(machine, PreferredType, memory, 1), Get(machine, PreferredId, memory, 1)));
        // One byte means its page; the page next to it does not know.
        machine.Ok(api.aclrtMemManagedAdvise(memory + Page + 5, 1, SetReadMostly, default));
        Assert.Equal((0, 1, 0, 0), (Get(machine, ReadMostly, memory, Page), Get(machine, ReadMostly, memory + Page, Page), Get(machine, ReadMostly, memory + Page, Page + 1), Get(machine, ReadMostly, memory, 4 * Page)));
        machine.Ok(api.aclrtMemManagedAdvise(memory, 4 * Page, SetReadMostly, At(99, 99))); // the place is not looked at
        Assert.Equal((1, 0), (Get(machine, ReadMostly, memory, 4 * Page), Get(machine, ReadMostly, other, Page)));
        machine.Ok(api.aclrtMemManagedAdvise(memory + 3 * Page, Page, UnsetReadMostly, default));
        Assert.Equal((1, 0), (Get(machine, ReadMostly, memory, 3 * Page), Get(machine, ReadMostly, memory, 4 * Page)));

        machine.Ok(api.aclrtMemManagedAdvise(memory, 2 * Page, SetPreferred, OnDevice(1)));
        machine.Ok(api.aclrtMemManagedAdvise(memory + 2 * Page, Page, SetPreferred, Host));
        machine.Ok(api.aclrtMemManagedAdvise(memory + 3 * Page, Page, SetPreferred, At(3)));
        Assert.Equal((1, 1, 1), (Get(machine, Preferred, memory, 2 * Page), Get(machine, PreferredType, memory, 2 * Page), Get(machine, PreferredId, memory, 2 * Page)));
        Assert.Equal((-1, 2, -1), (Get(machine, Preferred, memory + 2 * Page, 1), Get(machine, PreferredType, memory + 2 * Page, 1), Get(machine, PreferredId, memory + 2 * Page, 1)));
        Assert.Equal((-1, 3, 0), (Get(machine, Preferred, memory + 3 * Page, 1), Get(machine, PreferredType, memory + 3 * Page, 1), Get(machine, PreferredId, memory + 3 * Page, 1)));
        Assert.Equal((-2, 0, -2), (Get(machine, Preferred, memory, 3 * Page), Get(machine, PreferredType, memory, 3 * Page), Get(machine, PreferredId, memory, 3 * Page))); // not the same everywhere
        machine.Ok(api.aclrtMemManagedAdvise(memory, 4 * Page, UnsetPreferred, default));
        Assert.Equal((-2, 1), (Get(machine, Preferred, memory, 4 * Page), Get(machine, ReadMostly, memory, Page))); // the other advice stays
        machine.Ok(api.aclrtMemManagedAdvise(memory, Page, SetPreferred, At(4)));
        Assert.Equal(3, Get(machine, PreferredType, memory, Page)); // the caller's node is a node
    }

    [Fact]
    public void AccessedBy_ListsWhatAllPagesHave()
    {
        using var machine = new TestMachine(devices: 3);
        AclApi api = machine.Api;
        byte* memory = Managed(machine, 2 * Page);
        machine.Ok(api.aclrtMemManagedAdvise(memory, 2 * Page, SetAccessedBy, OnDevice(2)));
        machine.Ok(api.aclrtMemManagedAdvise(memory, 2 * Page, SetAccessedBy, OnDevice(0)));
        machine.Ok(api.aclrtMemManagedAdvise(memory, 2 * Page, SetAccessedBy, OnDevice(0)));
        machine.Ok(api.aclrtMemManagedAdvise(memory, Page, SetAccessedBy, OnDevice(1)));
        machine.Ok(api.aclrtMemManagedAdvise(memory + Page, Page, SetAccessedBy, Host));
        int[] Ask(byte* start, nuint bytes, int count)
        {
            var values = new int[count];
            fixed (int* data = values)
            {
                machine.Ok(machine.Api.aclrtMemManagedGetAttr(AccessedBy, start, bytes, data, (nuint)count * sizeof(int)));
            }
            return values;
        }
        Assert.Equal([0, 1, 2, -2, -2], Ask(memory, Page, 5));
        Assert.Equal([-1, 0, 2, -2], Ask(memory + Page, Page, 4));
        Assert.Equal([0, 2, -2], Ask(memory, 2 * Page, 3));
        Assert.Equal([0], Ask(memory, 2 * Page, 1)); // what does not fit is left out
        machine.Ok(api.aclrtMemManagedAdvise(memory, 2 * Page, UnsetAccessedBy, OnDevice(0)));
        Assert.Equal([2, -2], Ask(memory, 2 * Page, 2));
    }

    [Fact]
    public void Prefetch_CountsWhenItRuns()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* memory = Managed(machine, 2 * Page);
        nint stream = machine.Stream();
        Gate gate = machine.Hold(stream);
        machine.Ok(api.aclrtMemManagedPrefetchAsync(memory, Page, OnDevice(1), 0, stream));
        machine.Ok(api.aclrtMemManagedPrefetchAsync(memory, Page, Host, 0, 0)); // another stream: first
        machine.Ok(api.aclrtSynchronizeStream(0));
        Assert.Equal((-1, 2, -1), (Get(machine, Prefetched, memory, Page), Get(machine, PrefetchedType, memory, Page), Get(machine, PrefetchedId, memory, Page)));
        gate.Open();
        machine.Ok(api.aclrtSynchronizeStream(stream));
        Assert.Equal((1, 1, 1), (Get(machine, Prefetched, memory, Page), Get(machine, PrefetchedType, memory, Page), Get(machine, PrefetchedId, memory, Page)));
        Assert.Equal((-2, -2), (Get(machine, Prefetched, memory + Page, 1), Get(machine, Prefetched, memory, 2 * Page)));
        memory[0] = 7; // stays the host's to touch
        Assert.Equal(7, memory[0]);
    }

    [Fact]
    public void Batch_EachLocationHoldsUpToTheNext()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* memory = Managed(machine, 8 * Page);
        void** ptrs = stackalloc void*[] { memory, memory + 2 * Page, memory + 4 * Page, memory + 6 * Page };
        nuint* sizes = stackalloc nuint[] { Page, 2 * Page, 1, Page }, indexes = stackalloc nuint[] { 0, 2, 3 };
        aclrtMemManagedLocation* locations = stackalloc aclrtMemManagedLocation[] { OnDevice(1), Host, OnDevice(0) };
        int Ask(nuint count, nuint places, ulong flags = 0, nint stream = 0) => api.aclrtMemManagedPrefetchBatchAsync(ptrs, sizes, count, locations, indexes, places, flags, stream);
        machine.Ok(Ask(4, 3));
        machine.Ok(api.aclrtSynchronizeStream(0));
        Assert.Equal([1, -2, 1, 1, -1, -2, 0, -2], Enumerable.Range(0, 8).Select(page => Get(machine, Prefetched, memory + (nuint)page * Page, Page)));

        // A mistake anywhere, and nothing is queued.
        locations[0] = OnDevice(0);
        machine.Returns(100000, api.aclrtMemManagedPrefetchBatchAsync(null, sizes, 4, locations, indexes, 3, 0, 0));
        machine.Returns(100000, api.aclrtMemManagedPrefetchBatchAsync(ptrs, null, 4, locations, indexes, 3, 0, 0));
        machine.Returns(100000, api.aclrtMemManagedPrefetchBatchAsync(ptrs, sizes, 4, null, indexes, 3, 0, 0));
        machine.Returns(100000, api.aclrtMemManagedPrefetchBatchAsync(ptrs, sizes, 4, locations, null, 3, 0, 0));
        machine.Returns(100000, Ask(0, 3));
        machine.Returns(100000, Ask(4, 3, flags: 1));
        machine.Returns(107017, Ask(4, 0, stream: 1));
        machine.Returns(107000, Ask(4, 0));
        machine.Returns(107000, Ask(2, 3));
        indexes[2] = 2;
        machine.Returns(107000, Ask(4, 3)); // does not ascend
        indexes[2] = 4;
        machine.Returns(107000, Ask(4, 3)); // no such range
        indexes[2] = 3;
        indexes[0] = 1;
        machine.Returns(107000, Ask(4, 3)); // does not begin with 0
        indexes[0] = 0;
        locations[2] = OnDevice(9);
        machine.Returns(107001, Ask(4, 3));
        locations[2] = At(0);
        machine.Returns(100000, Ask(4, 3));
        locations[2] = OnDevice(0);
        sizes[3] = 0;
        machine.Returns(107000, Ask(4, 3));
        sizes[3] = 2 * Page + 1;
        machine.Returns(107000, Ask(4, 3)); // leaves the allocation
        sizes[3] = Page;
        ptrs[3] = null;
        machine.Returns(107000, Ask(4, 3));
        machine.Ok(api.aclrtSynchronizeStream(0));
        Assert.Equal(1, Get(machine, Prefetched, memory, Page));
    }

    [Fact]
    public void FreedMemory_IsForgotten()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream();
        byte* memory = Managed(machine, Page);
        machine.Ok(api.aclrtMemManagedAdvise(memory, Page, SetReadMostly, default));
        Gate gate = machine.Hold(stream);
        machine.Ok(api.aclrtMemManagedPrefetchAsync(memory, Page, OnDevice(1), 0, stream));
        machine.Ok(api.aclrtFree(memory));
        machine.Returns(107000, api.aclrtMemManagedAdvise(memory, Page, SetReadMostly, default));
        gate.Open();
        machine.Ok(api.aclrtSynchronizeStream(stream)); // the prefetch passes over it
        bool isReused = false;
        for (int round = 0; round < 64; round++)
        {
            byte* next = Managed(machine, Page);
            isReused |= next == memory;
            Assert.Equal((0, -2), (Get(machine, ReadMostly, next, Page), Get(machine, Prefetched, next, Page)));
            machine.Ok(api.aclrtFree(next));
        }
        Assert.True(isReused);
    }

    [Fact]
    public void Advise_Mistakes()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* memory = Managed(machine, Page), device = machine.Device(Page), pinned = machine.Pinned(Page);
        machine.Returns(100000, api.aclrtMemManagedAdvise(null, 0, SetReadMostly, default));
        machine.Returns(100000, api.aclrtMemManagedAdvise(memory, 0, (aclrtMemManagedAdviseType)6, default));
        machine.Returns(100000, api.aclrtMemManagedAdvise(memory, 0, SetPreferred, default)); // no place
        machine.Returns(100000, api.aclrtMemManagedAdvise(memory, 0, SetAccessedBy, At(5)));
        machine.Returns(107000, api.aclrtMemManagedAdvise(memory, 0, SetReadMostly, default));
        machine.Returns(107000, api.aclrtMemManagedAdvise(memory, Page + 1, SetReadMostly, default));
        machine.Returns(107000, api.aclrtMemManagedAdvise(memory - 1, Page, SetReadMostly, default));
        machine.Returns(107000, api.aclrtMemManagedAdvise(memory + 1, ulong.MaxValue, SetReadMostly, default));
        machine.Returns(107000, api.aclrtMemManagedAdvise(device, Page, SetReadMostly, default));
        Assert.Contains("aclrtMemAllocManaged", machine.Message());
        machine.Returns(107000, api.aclrtMemManagedAdvise(pinned, Page, SetReadMostly, default));
        machine.Returns(107001, api.aclrtMemManagedAdvise(memory, Page, SetPreferred, OnDevice(2)));
        machine.Returns(107001, api.aclrtMemManagedAdvise(memory, Page, SetAccessedBy, OnDevice(-1)));
        machine.Returns(107000, api.aclrtMemManagedAdvise(memory, Page, SetPreferred, At(3, 4000)));
        machine.Returns(107000, api.aclrtMemManagedAdvise(memory, Page, SetPreferred, At(3, -1)));
        Assert.Equal((0, -2), (Get(machine, ReadMostly, memory, Page), Get(machine, Preferred, memory, Page)));
        machine.Ok(api.aclrtResetDevice(0));
        machine.Returns(107002, api.aclrtMemManagedAdvise(memory, Page, SetReadMostly, default));
        Assert.Equal(0, Get(machine, ReadMostly, memory, Page)); // a question needs no context
    }

    [Fact]
    public void GetAttr_Mistakes()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* memory = Managed(machine, Page), device = machine.Device(Page);
        long value = 5;
        machine.Returns(100000, api.aclrtMemManagedGetAttr(ReadMostly, null, Page, &value, 4));
        machine.Returns(100000, api.aclrtMemManagedGetAttr(ReadMostly, memory, Page, null, 4));
        machine.Returns(100000, api.aclrtMemManagedGetAttr(0, memory, 0, &value, 4));
        machine.Returns(100000, api.aclrtMemManagedGetAttr((aclrtMemManagedRangeAttribute)9, memory, 0, &value, 4));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(ReadMostly, memory, 0, &value, 4));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(ReadMostly, memory, Page, &value, 0));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(ReadMostly, memory, Page, &value, 8));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(AccessedBy, memory, Page, &value, 0));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(AccessedBy, memory, Page, &value, 6));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(ReadMostly, memory, Page + 1, &value, 4));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(ReadMostly, device, Page, &value, 4));
        machine.Returns(107000, api.aclrtMemManagedGetAttr(AccessedBy, memory, Page, memory, Page + 4)); // no room for so many
        Assert.Equal(5, value);
    }

    [Fact]
    public void GetAttrs_AnswersAllOrNone()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* memory = Managed(machine, Page);
        machine.Ok(api.aclrtMemManagedAdvise(memory, Page, SetPreferred, OnDevice(1)));
        machine.Ok(api.aclrtMemManagedAdvise(memory, Page, SetAccessedBy, OnDevice(0)));
        aclrtMemManagedRangeAttribute* attributes = stackalloc[] { Preferred, AccessedBy, PreferredType };
        int preferred = 9, type = 9;
        int* accessors = stackalloc int[] { 9, 9 };
        void** data = stackalloc void*[] { &preferred, accessors, &type };
        nuint* sizes = stackalloc nuint[] { 4, 8, 5 };
        machine.Returns(107000, api.aclrtMemManagedGetAttrs(attributes, 3, memory, Page, data, sizes));
        Assert.Equal((9, 9), (preferred, type));
        sizes[2] = 4;
        machine.Returns(100000, api.aclrtMemManagedGetAttrs(null, 3, memory, Page, data, sizes));
        machine.Returns(100000, api.aclrtMemManagedGetAttrs(attributes, 3, null, Page, data, sizes));
        machine.Returns(100000, api.aclrtMemManagedGetAttrs(attributes, 3, memory, Page, null, sizes));
        machine.Returns(100000, api.aclrtMemManagedGetAttrs(attributes, 3, memory, Page, data, null));
        machine.Returns(100000, api.aclrtMemManagedGetAttrs(attributes, 0, memory, Page, data, sizes));
        data[1] = null;
        machine.Returns(100000, api.aclrtMemManagedGetAttrs(attributes, 3, memory, Page, data, sizes));
        data[1] = accessors;
        attributes[2] = (aclrtMemManagedRangeAttribute)9;
        machine.Returns(100000, api.aclrtMemManagedGetAttrs(attributes, 3, memory, Page, data, sizes));
        attributes[2] = PreferredType;
        machine.Returns(107000, api.aclrtMemManagedGetAttrs(attributes, 3, memory, 0, data, sizes));
        machine.Returns(107000, api.aclrtMemManagedGetAttrs(attributes, 3, memory, Page + 1, data, sizes));
        Assert.Equal((9, 9), (preferred, type));
        machine.Ok(api.aclrtMemManagedGetAttrs(attributes, 3, memory, Page, data, sizes));
        Assert.Equal((1, 0, -2, 1), (preferred, accessors[0], accessors[1], type));
    }

    [Fact]
    public void Prefetch_Mistakes()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        byte* memory = Managed(machine, Page), device = machine.Device(Page);
        nint destroyed = machine.Stream(), context, foreign;
        machine.Ok(api.aclrtDestroyStream(destroyed));
        machine.Ok(api.aclrtCreateContext(&context, 0));
        machine.Ok(api.aclrtCreateStream(&foreign));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(100000, api.aclrtMemManagedPrefetchAsync(null, 0, OnDevice(0), 0, destroyed));
        machine.Returns(100000, api.aclrtMemManagedPrefetchAsync(memory, 0, default, 0, destroyed));
        machine.Returns(100000, api.aclrtMemManagedPrefetchAsync(memory, 0, OnDevice(0), 1, destroyed));
        machine.Returns(107017, api.aclrtMemManagedPrefetchAsync(memory, 0, OnDevice(0), 0, destroyed));
        machine.Returns(107000, api.aclrtMemManagedPrefetchAsync(memory, 0, OnDevice(0), 0, foreign));
        machine.Returns(107000, api.aclrtMemManagedPrefetchAsync(memory, Page + 1, OnDevice(0), 0, foreign));
        machine.Returns(107000, api.aclrtMemManagedPrefetchAsync(device, Page, OnDevice(0), 0, foreign));
        machine.Returns(107001, api.aclrtMemManagedPrefetchAsync(memory, Page, OnDevice(7), 0, foreign));
        machine.Returns(107003, api.aclrtMemManagedPrefetchAsync(memory, Page, OnDevice(0), 0, foreign));
        // A graph would repeat the hint at every run: refused, and the capture goes on.
        nint stream = machine.Stream(), model;
        machine.Ok(api.aclmdlRICaptureBegin(stream, aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_RELAXED));
        machine.Returns(207000, api.aclrtMemManagedPrefetchAsync(memory, Page, OnDevice(0), 0, stream));
        machine.Ok(api.aclmdlRICaptureEnd(stream, &model));
        machine.Ok(api.aclmdlRIDestroy(model));
        machine.Ok(api.aclrtResetDeviceForce(0));
        machine.Returns(107002, api.aclrtMemManagedPrefetchAsync(memory, Page, OnDevice(0), 0, 0));
    }

    [Theory]
    [InlineData("950"), InlineData("310b"), InlineData("310p"), InlineData("910")]
    public void OtherChips_HaveNone(string soc)
    {
        using var machine = new TestMachine(soc);
        int value;
        machine.Returns(207000, machine.Api.aclrtMemManagedAdvise(&value, 4, SetReadMostly, default));
        machine.Returns(207000, machine.Api.aclrtMemManagedGetAttr(ReadMostly, &value, 4, &value, 4));
        machine.Returns(207000, machine.Api.aclrtMemManagedPrefetchAsync(&value, 4, Host, 0, 0));
        machine.Ok(machine.Api.aclrtPeekAtLastError(0));
    }
}
