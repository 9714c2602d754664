using static Updraft.Device.Tests.Models.ModelMachine;

namespace Updraft.Device.Tests.Models;

/// <summary>Cache operations: every row of cmo.md, on every chip.</summary>
public sealed unsafe class CacheOperationTests
{
    private const aclrtCmoType Prefetch = aclrtCmoType.ACL_RT_CMO_TYPE_PREFETCH, Writeback = aclrtCmoType.ACL_RT_CMO_TYPE_WRITEBACK,
        Invalid = aclrtCmoType.ACL_RT_CMO_TYPE_INVALID, Flush = aclrtCmoType.ACL_RT_CMO_TYPE_FLUSH;

    // --- 1: who has what -----------------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData("950", true), InlineData("910c", true), InlineData("910b", true), InlineData("310b", false), InlineData("310p", false), InlineData("910", false)]
    public void Support_Plain(string soc, bool has)
    {
        using var machine = new TestMachine(soc);
        nint stream = machine.Stream();
        machine.Returns(has ? 0 : 207000, machine.Api.aclrtCmoAsync(machine.Device(64), 64, Prefetch, stream));
        Assert.Equal(0, machine.LastError());
    }

    [Theory]
    [InlineData("950", false), InlineData("910c", false), InlineData("910b", false), InlineData("310b", true), InlineData("310p", false), InlineData("910", false)]
    public void Support_Barrier(string soc, bool has)
    {
        using var machine = new TestMachine(soc);
        nint model = machine.Model(), stream = machine.Bound(model);
        machine.Returns(has ? 0 : 207000, machine.Api.aclrtCmoAsyncWithBarrier(machine.Device(64), 64, Invalid, 1, stream));
        Assert.Equal(has ? 0 : 207000, machine.LastError());
        aclrtBarrierTaskInfo info = Info((Invalid, 1u));
        machine.Returns(has ? 0 : 207000, machine.Api.aclrtCmoWaitBarrier(&info, stream, 0));
        // Validated before the chip is looked at.
        info = Info((Invalid, 0u));
        machine.Returns(107000, machine.Api.aclrtCmoWaitBarrier(&info, stream, 0));
        info.barrierNum = 7;
        machine.Returns(100000, machine.Api.aclrtCmoWaitBarrier(&info, stream, 0));
    }

    [Theory]
    [InlineData("950", 64), InlineData("910c", 32), InlineData("910b", 32), InlineData("310b", 0), InlineData("310p", 0), InlineData("910", 0)]
    public void Support_Descriptor(string soc, int bytes)
    {
        using var machine = new TestMachine(soc);
        nuint size;
        byte* descriptor = machine.Device(64), memory = machine.Device(64);
        nint bound = machine.Bound(machine.Model());
        if (bytes == 0)
        {
            machine.Returns(207000, machine.Api.aclrtCmoGetDescSize(null));
            machine.Returns(207000, machine.Api.aclrtCmoSetDesc(descriptor, memory, 64));
            machine.Returns(207000, machine.Api.aclrtCmoAsyncWithDesc(descriptor, Prefetch, bound, null));
            return;
        }
        machine.Returns(107000, machine.Api.aclrtCmoGetDescSize(null));
        machine.Ok(machine.Api.aclrtCmoGetDescSize(&size));
        Assert.Equal((nuint)bytes, size);
    }

    // --- 2: aclrtCmoAsync ------------------------------------------------------------------------------------------------------------

    [Theory, InlineData("950"), InlineData("910c"), InlineData("910b")]
    public void CmoAsync_Rows(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), bound = machine.Bound(machine.Model()), context;
        byte* memory = machine.Device(64);
        machine.Returns(100000, api.aclrtCmoAsync(null, 0, Prefetch, 99)); // row 1
        machine.Returns(100000, api.aclrtCmoAsync(memory, 0, Prefetch, 99)); // row 2
        machine.Returns(207000, api.aclrtCmoAsync(memory, 64, (aclrtCmoType)4, 99)); // row 4
        Assert.Equal(0, machine.LastError());
        machine.Returns(107017, api.aclrtCmoAsync(memory, 64, Prefetch, 99)); // row 5
        machine.Returns(107002, BuildTests.OnFreshThread(() => api.aclrtCmoAsync(memory, 64, Prefetch, stream))); // row 6
        machine.Ok(api.aclrtCreateContext(&context, 0));
        machine.Returns(107003, api.aclrtCmoAsync(memory, 64, Prefetch, stream)); // row 7
        machine.Ok(api.aclrtSetDevice(0));
        _ = machine.LastError();
        machine.Returns(207000, api.aclrtCmoAsync(memory, 64, Prefetch, bound)); // row 8
        Assert.Equal(0, machine.LastError());
        foreach (aclrtCmoType type in (aclrtCmoType[])[Prefetch, Writeback, Invalid, Flush])
        {
            machine.Ok(api.aclrtCmoAsync(memory, 64, type, stream));
            machine.Ok(api.aclrtCmoAsync(memory, unchecked((nuint)(1UL << 32)), type, 0));
        }
        machine.Ok(api.aclrtCmoAsync(TestMachine.Pageable(64), 64, Prefetch, stream)); // the address is not classified
        machine.Ok(api.aclrtSynchronizeDevice());
        machine.Begin(stream);
        machine.Ok(api.aclrtCmoAsync(memory, 64, Prefetch, stream)); // a capturing stream is accepted
        nint model = machine.End(stream);
        machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
        machine.Sync(stream);
    }

    // --- 3: aclrtCmoAsyncWithBarrier -------------------------------------------------------------------------------------------------

    [Fact]
    public void CmoAsyncWithBarrier_Rows()
    {
        using var machine = new TestMachine("310b");
        AclApi api = machine.Api;
        nint stream = machine.Stream(), bound = machine.Bound(machine.Model()), context;
        byte* memory = machine.Device(64);
        machine.Returns(100000, api.aclrtCmoAsyncWithBarrier(null, 0, Invalid, 0, 99)); // row 1
        machine.Returns(107000, api.aclrtCmoAsyncWithBarrier(memory, 0, Prefetch, 0, bound)); // row 3
        machine.Returns(107000, api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 0, bound)); // row 4
        foreach (aclrtCmoType type in (aclrtCmoType[])[Prefetch, Writeback, Flush])
        {
            machine.Returns(107000, api.aclrtCmoAsyncWithBarrier(memory, 64, type, 3, bound)); // row 5
            machine.Ok(api.aclrtCmoAsyncWithBarrier(memory, 64, type, 0, bound));
        }
        _ = machine.LastError();
        machine.Returns(207000, api.aclrtCmoAsyncWithBarrier(memory, 64, (aclrtCmoType)4, 0, bound)); // row 6
        Assert.Equal(207000, machine.LastError());
        machine.Returns(107017, api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, 99)); // row 7
        machine.Returns(107002, BuildTests.OnFreshThread(() => api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, bound)));
        machine.Ok(api.aclrtCreateContext(&context, 0));
        machine.Returns(107003, api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, bound));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(507000, api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, stream)); // row 8
        machine.Returns(507000, api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, 0));
        machine.Ok(api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, bound));
        machine.Ok(api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, bound)); // the same number again
    }

    // --- 4: aclrtCmoWaitBarrier ------------------------------------------------------------------------------------------------------

    [Fact]
    public void CmoWaitBarrier_Rows()
    {
        using var machine = new TestMachine("310b");
        AclApi api = machine.Api;
        nint stream = machine.Stream(), model = machine.Model(), bound = machine.Bound(model), other = machine.Bound(machine.Model()), context;
        byte* memory = machine.Device(64);
        machine.Returns(100000, api.aclrtCmoWaitBarrier(null, bound, 0)); // row 1
        aclrtBarrierTaskInfo info = default;
        machine.Returns(100000, api.aclrtCmoWaitBarrier(&info, bound, 0)); // row 2
        info.barrierNum = 7;
        machine.Returns(100000, api.aclrtCmoWaitBarrier(&info, bound, 0));
        info = Info((Invalid, 1u), (Prefetch, 1u));
        machine.Returns(107000, api.aclrtCmoWaitBarrier(&info, bound, 0)); // row 3
        info = Info((Invalid, 0u));
        machine.Returns(107000, api.aclrtCmoWaitBarrier(&info, bound, 0)); // row 4
        info = Info((Invalid, 5u));
        machine.Returns(107017, api.aclrtCmoWaitBarrier(&info, 99, 0)); // row 6
        aclrtBarrierTaskInfo* shared = &info;
        machine.Returns(107002, BuildTests.OnFreshThread(() => { aclrtBarrierTaskInfo its = Info((Invalid, 5u)); return api.aclrtCmoWaitBarrier(&its, bound, 0); }));
        machine.Ok(api.aclrtCreateContext(&context, 0));
        machine.Returns(107003, api.aclrtCmoWaitBarrier(shared, bound, 0));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(507000, api.aclrtCmoWaitBarrier(&info, stream, 0)); // row 7
        machine.Returns(107005, api.aclrtCmoWaitBarrier(&info, bound, 0)); // row 8
        machine.Ok(api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 5, bound));
        machine.Ok(api.aclrtCmoWaitBarrier(&info, bound, 77)); // flag is never read
        machine.Returns(107005, api.aclrtCmoWaitBarrier(&info, other, 0)); // numbers belong to one model
        info = Info((Invalid, 5u), (Invalid, 6u));
        machine.Returns(107005, api.aclrtCmoWaitBarrier(&info, bound, 0));
    }

    [Theory, InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:9"), InlineData("random:10")]
    public void WaitBarrier_InAnotherStream_WaitsForTheInvalidation(string schedule)
    {
        using var machine = new TestMachine("310b", schedule);
        AclApi api = machine.Api;
        nint model = machine.Model(), first = machine.Bound(model), second = machine.Bound(model), stream = machine.Stream();
        byte* memory = machine.Device(64), source = machine.Pinned(64), result = machine.Pinned(64);
        machine.Copy(memory, source, 64, H2D, first);
        machine.Ok(api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, first));
        machine.Ok(api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 2, first));
        aclrtBarrierTaskInfo info = Info((Invalid, 2u), (Invalid, 1u));
        machine.Ok(api.aclrtCmoWaitBarrier(&info, second, 0));
        machine.Copy(result, memory, 64, D2H, second);
        // A later operation with the same number is not waited for.
        machine.Ok(api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, second));
        machine.Complete(model, second);
        for (byte round = 1; round < 20; round++)
        {
            new Span<byte>(source, 64).Fill(round);
            machine.Ok(api.aclmdlRIExecute(model, -1));
            Assert.Equal(round, result[0]);
        }
        _ = stream;
    }

    [Fact]
    public void WaitBarrier_HeldInvalidation_HoldsTheOtherStream()
    {
        using var machine = new TestMachine("310b");
        nint model = machine.Model(), first = machine.Bound(model), second = machine.Bound(model), stream = machine.Stream();
        byte* memory = machine.Device(64), source = machine.Pinned(64, 4);
        machine.Write(memory, new byte[64]);
        using Gate gate = machine.Hold(first);
        machine.Ok(machine.Api.aclrtCmoAsyncWithBarrier(memory, 64, Invalid, 1, first));
        aclrtBarrierTaskInfo info = Info((Invalid, 1u));
        machine.Ok(machine.Api.aclrtCmoWaitBarrier(&info, second, 0));
        machine.Copy(memory, source, 64, H2D, second);
        machine.Complete(model, second);
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        gate.WaitUntilEntered();
        Assert.Equal(0, machine.Read(memory, 1)[0]);
        gate.Open();
        machine.Sync(stream);
        Assert.Equal(4, machine.Read(memory, 1)[0]);
    }

    // --- 5: descriptors --------------------------------------------------------------------------------------------------------------

    [Theory, InlineData("950"), InlineData("910c"), InlineData("910b")]
    public void Descriptor_Rows(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), model = machine.Model(), bound = machine.Bound(model), context;
        byte* descriptor = machine.Device(64), memory = machine.Device(64);
        machine.Returns(107000, api.aclrtCmoSetDesc(null, memory, 64));
        machine.Returns(107000, api.aclrtCmoSetDesc(descriptor, null, 64));
        machine.Returns(107000, api.aclrtCmoSetDesc(descriptor, memory, 0));
        machine.Returns(107002, BuildTests.OnFreshThread(() => api.aclrtCmoSetDesc(descriptor, memory, 64)));
        machine.Begin(stream);
        machine.Returns(107030, api.aclrtCmoSetDesc(descriptor, memory, 64));
        machine.Returns(507000, api.aclrtCmoAsyncWithDesc(descriptor, Prefetch, stream, null)); // capturing counts as not bound
        machine.End(stream);
        machine.Ok(api.aclrtCmoSetDesc(descriptor, memory, 64));
        machine.Returns(107000, api.aclrtCmoAsyncWithDesc(descriptor, Prefetch, 99, memory)); // row 1
        machine.Returns(107017, api.aclrtCmoAsyncWithDesc(null, Prefetch, 99, null)); // row 3
        machine.Returns(107000, api.aclrtCmoAsyncWithDesc(null, Prefetch, bound, null)); // row 4
        machine.Returns(107000, api.aclrtCmoAsyncWithDesc(descriptor, (aclrtCmoType)4, bound, null)); // row 5
        machine.Returns(107002, BuildTests.OnFreshThread(() => api.aclrtCmoAsyncWithDesc(descriptor, Prefetch, bound, null))); // row 6
        machine.Ok(api.aclrtCreateContext(&context, 0));
        machine.Returns(107003, api.aclrtCmoAsyncWithDesc(descriptor, Prefetch, bound, null));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(507000, api.aclrtCmoAsyncWithDesc(descriptor, Prefetch, stream, null)); // row 7
        machine.Returns(507000, api.aclrtCmoAsyncWithDesc(descriptor, Prefetch, 0, null));
        foreach (aclrtCmoType type in (aclrtCmoType[])[Prefetch, Writeback, Invalid, Flush])
        {
            machine.Ok(api.aclrtCmoAsyncWithDesc(descriptor, type, bound, null));
        }
        machine.Complete(model, bound);
        machine.Ok(api.aclmdlRIExecute(model, -1));
        machine.Ok(api.aclrtFree(descriptor)); // read when the model executes
        machine.Returns(507013, api.aclmdlRIExecute(model, -1));
    }

    // --- 6: aclrtMemFlush, aclrtMemInvalidate ----------------------------------------------------------------------------------------

    [Theory, InlineData("950"), InlineData("910c"), InlineData("910b"), InlineData("310b")]
    public void MemFlush_MemInvalidate_Rows(string soc)
    {
        using var machine = new TestMachine(soc);
        byte* memory = machine.Device(64);
        machine.Returns(100000, machine.Api.aclrtMemFlush(null, 64));
        machine.Returns(100000, machine.Api.aclrtMemFlush(memory, 0));
        machine.Returns(100000, machine.Api.aclrtMemInvalidate(null, 64));
        machine.Returns(100000, machine.Api.aclrtMemInvalidate(memory, 0));
        machine.Ok(machine.Api.aclrtMemFlush(memory, 64));
        machine.Ok(machine.Api.aclrtMemInvalidate(memory, 64));
    }

    [Fact]
    public void Observers_SeeCacheOperationsAsCommands()
    {
        using var machine = new TestMachine("310b");
        nint model = machine.Model(), bound = machine.Bound(model);
        var seen = new Replays();
        Machine.Observer = seen;
        machine.Ok(machine.Api.aclrtCmoAsyncWithBarrier(machine.Device(64), 64, Invalid, 1, bound));
        machine.Complete(model, bound);
        machine.Ok(machine.Api.aclmdlRIExecute(model, -1));
        machine.Ok(machine.Api.aclmdlRIExecute(model, -1));
        Assert.Equal(1, seen.Recordings);
        Assert.Equal(2, seen.Executions);
    }

    private sealed class Replays : Observer
    {
        internal int Recordings, Executions;

        internal override void Recorded(Stream stream, int index, in Command command) => Recordings += command.Kind == CommandKind.CacheOperation ? 1 : 0;

        internal override void ReplayFinished(Stream runner, Lane lane, int index, in Command command, AclError result) =>
            Executions += command.Kind == CommandKind.CacheOperation ? 1 : 0;
    }

    private static aclrtBarrierTaskInfo Info(params ReadOnlySpan<(aclrtCmoType Type, uint Id)> entries)
    {
        var info = new aclrtBarrierTaskInfo { barrierNum = (nuint)entries.Length };
        var target = (aclrtBarrierCmoInfo*)&info.cmoInfo;
        for (int index = 0; index < entries.Length; index++)
        {
            target[index] = new aclrtBarrierCmoInfo { cmoType = entries[index].Type, barrierId = entries[index].Id };
        }
        return info;
    }
}
