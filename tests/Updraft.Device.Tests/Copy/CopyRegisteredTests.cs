using static Updraft.Device.Tests.CopyBench;

namespace Updraft.Device.Tests;

/// <summary>Host memory of the program that was registered: pinned for every check, but it may vanish under the engine.</summary>
public sealed unsafe class CopyRegisteredTests
{
    /// <summary>ACL_HOST_REG_PINNED.</summary>
    private const uint Pinned = 0x10000000;

    private static byte* Registered(CopyBench bench)
    {
        void* memory = Posix.mmap(null, Size, Posix.PROT_READ | Posix.PROT_WRITE, Posix.MAP_PRIVATE | Posix.MAP_ANONYMOUS, -1, 0);
        new Span<byte>(memory, Size).Fill(0x77);
        bench.Ok(bench.Api.aclrtHostRegisterV2(memory, Size, Pinned));
        return (byte*)memory;
    }

    private static int Queue(CopyBench bench, string form, void* dst, void* src, nuint bytes = 64)
    {
        bool toDevice = dst == bench.Dev;
        var device = new aclrtMemLocation { type = aclrtMemLocationType.ACL_MEM_LOCATION_TYPE_DEVICE };
        var attribute = toDevice ? new aclrtMemcpyBatchAttr { dstLoc = device } : new aclrtMemcpyBatchAttr { srcLoc = device };
        nuint zero = 0;
        return form switch
        {
            "copy" => bench.Api.aclrtMemcpyAsync(dst, bytes, src, bytes, Default, bench.Stream),
            "rectangle" => bench.Api.aclrtMemcpy2dAsync(dst, bytes, src, bytes, bytes, 1, Default, bench.Stream),
            _ => bench.Api.aclrtMemcpyBatchAsyncV2(&dst, &bytes, &src, &bytes, 1, &attribute, &zero, 1, bench.Stream),
        };
    }

    [Theory, InlineData("copy"), InlineData("rectangle"), InlineData("batch")]
    public void RegisteredMemory_BothDirections_IsQueuedLikePinnedMemory(string form)
    {
        using var bench = new CopyBench("910b", nameof(RegisteredMemory_BothDirections_IsQueuedLikePinnedMemory));
        byte* host = Registered(bench);
        using Gate gate = bench.Machine.Hold(bench.Stream);
        bench.Ok(Queue(bench, form, bench.Dev, host));
        bench.Ok(Queue(bench, form, host + 64, bench.Dev2));
        bench.NothingChanged();
        bench.AssertBytes([.. Enumerable.Repeat((byte)0x77, Size)], host);
        gate.Open();
        bench.Ok(bench.Api.aclrtSynchronizeStream(bench.Stream));
        bench.AssertBytes([.. Enumerable.Repeat((byte)0x77, 64)], bench.Dev);
        bench.AssertBytes([.. Enumerable.Repeat((byte)0x77, 64), .. bench.Original(bench.Dev2)[..64], 0x77], host);
        bench.NothingChanged(((nint)bench.Dev, 64));
    }

    [Theory, InlineData("copy", true), InlineData("copy", false), InlineData("rectangle", true), InlineData("rectangle", false), InlineData("batch", true), InlineData("batch", false)]
    public void RegisteredMemory_InaccessibleWhenTheTaskRuns_FailsTheTaskOnly(string form, bool isSource)
    {
        using var bench = new CopyBench("910b", nameof(RegisteredMemory_InaccessibleWhenTheTaskRuns_FailsTheTaskOnly));
        byte* host = Registered(bench);
        Gate gate = bench.Machine.Hold(bench.Stream);
        bench.Ok(isSource ? Queue(bench, form, bench.Dev, host) : Queue(bench, form, host, bench.Dev));
        // Not unmapped: the process might get the address again for something of its own.
        Assert.Equal(0, Posix.mprotect(host, Size, Posix.PROT_NONE));
        gate.Open();
        bench.Faults(0);
    }

    [Theory, InlineData("copy"), InlineData("rectangle"), InlineData("batch")]
    public void RegisteredMemory_RangeLargerThanTheRegistration_FaultsLater(string form)
    {
        using var bench = new CopyBench("910b", nameof(RegisteredMemory_RangeLargerThanTheRegistration_FaultsLater));
        bench.Faults(Queue(bench, form, bench.Dev, Registered(bench) + Size - 32));
    }

    [Fact]
    public void RegisteredMemory_Filled_AtOnce()
    {
        using var bench = new CopyBench("910b", nameof(RegisteredMemory_Filled_AtOnce));
        byte* host = Registered(bench);
        using Gate gate = bench.Machine.Hold(bench.Stream);
        bench.Ok(bench.Api.aclrtMemsetAsync(host, 64, 1, 64, bench.Stream));
        bench.Ok(bench.Api.aclrtMemsetD32(host + 64, 64, 0x02020202, 16));
        bench.AssertBytes([.. Enumerable.Repeat((byte)1, 64), .. Enumerable.Repeat((byte)2, 64), 0x77], host);
        // Not unmapped: the process might get the address again for something of its own.
        Assert.Equal(0, Posix.mprotect(host, Size, Posix.PROT_NONE));
        bench.Fails(107017, bench.Api.aclrtMemset(host, 64, 1, 64));
        bench.Fails(107017, bench.Api.aclrtMemsetD32Async(host, 64, 1, 16, bench.Stream));
    }
}
