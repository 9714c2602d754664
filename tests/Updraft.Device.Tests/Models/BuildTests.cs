using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Updraft.Device.Tests.Models.ModelMachine;

namespace Updraft.Device.Tests.Models;

/// <summary>Models built from bound streams: every row of streams_events_models.md 5, and what an execution does.</summary>
public sealed unsafe class BuildTests
{
    public static TheoryData<string> Chips => ["310b", "910b", "910c", "950"];

    [Theory]
    [InlineData("910b", "threads"), InlineData("910c", "eager"), InlineData("950", "late"), InlineData("310b", "random:3"), InlineData("310p", "threads"), InlineData("910", "late")]
    public void Execute_RecordedCopies_RunEachTimeWithTheBytesOfThatTime(string soc, string schedule)
    {
        using var machine = new TestMachine(soc, schedule);
        nint model = machine.Model(), stream = machine.Bound(model);
        byte* source = machine.Pinned(64, 1), device = machine.Device(64), result = machine.Pinned(64);
        machine.Copy(device, source, 64, H2D, stream);
        machine.Copy(result, device, 64, D2H, stream);
        machine.Complete(model, stream);
        Assert.Equal(0, result[0]);
        for (byte round = 1; round <= 5; round++)
        {
            new Span<byte>(source, 64).Fill(round);
            machine.Ok(machine.Api.aclmdlRIExecute(model, -1));
            Assert.All(new Span<byte>(result, 64).ToArray(), value => Assert.Equal(round, value));
        }
        machine.Ok(machine.Api.aclmdlRIUnbindStream(model, stream));
        machine.Ok(machine.Api.aclmdlRIDestroy(model));
        machine.Ok(machine.Api.aclrtDestroyStream(stream));
    }

    [Theory, MemberData(nameof(Chips))]
    public void BuildBegin_Row(string soc)
    {
        using var machine = new TestMachine(soc, setDevice: false);
        nint model;
        machine.Returns(100000, machine.Api.aclmdlRIBuildBegin(null, 0));
        machine.Returns(107000, machine.Api.aclmdlRIBuildBegin(&model, 1));
        Assert.Equal(0, machine.LastError());
        machine.Returns(107002, machine.Api.aclmdlRIBuildBegin(&model, 0));
        machine.Ok(machine.Api.aclrtSetDevice(0));
        machine.Ok(machine.Api.aclmdlRIBuildBegin(&model, 0));
    }

    [Theory, MemberData(nameof(Chips))]
    public void BindStream_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.PersistentStream(), plain = machine.Stream();
        machine.Returns(100000, api.aclmdlRIBindStream(0, stream, 0));
        machine.Returns(107000, api.aclmdlRIBindStream(model, stream, 1));
        Assert.Equal(0, machine.LastError());
        machine.Returns(107017, api.aclmdlRIBindStream(stream, stream, 0));
        machine.Returns(107017, api.aclmdlRIBindStream(model, model, 0));
        machine.Returns(107000, api.aclmdlRIBindStream(model, 0, 0));
        machine.Returns(107000, api.aclmdlRIBindStream(model, plain, 0));
        machine.Ok(api.aclmdlRIBindStream(model, stream, 0));
        machine.Returns(107005, api.aclmdlRIBindStream(model, stream, 0));
        nint fast;
        machine.Ok(api.aclrtCreateStreamWithConfig(&fast, 0, Persistent | 1));
        machine.Returns(207000, api.aclmdlRIBindStream(model, fast, 0));
        nint other;
        machine.Ok(api.aclrtCreateContext(&other, 0));
        nint second = machine.PersistentStream();
        // Row: model of another context 107004; the stream's context is not compared.
        machine.Returns(107004, api.aclmdlRIBindStream(model, second, 0));
        nint foreign = machine.Model();
        machine.Ok(api.aclrtSetDevice(0));
        machine.Ok(api.aclmdlRIBindStream(model, second, 0));
        machine.Returns(107004, api.aclmdlRIBindStream(foreign, machine.PersistentStream(), 0));
        nint spare = machine.PersistentStream();
        machine.Returns(107002, OnFreshThread(() => api.aclmdlRIBindStream(model, spare, 0)));
    }

    [Theory, MemberData(nameof(Chips))]
    public void BindStream_StopOnFailure_IsRefused(string soc)
    {
        using var machine = new TestMachine(soc);
        nint model = machine.Model(), stream = machine.PersistentStream();
        machine.Ok(machine.Api.aclrtSetStreamFailureMode(stream, 1));
        machine.Returns(207000, machine.Api.aclmdlRIBindStream(model, stream, 0));
    }

    [Theory, InlineData("910b"), InlineData("910c"), InlineData("310p")]
    public void BindStream_CapturingStreamOrCapturedModel_IsRefused(string soc)
    {
        using var machine = new TestMachine(soc);
        nint model = machine.Model(), stream = machine.PersistentStream();
        machine.Begin(stream);
        machine.Returns(107027, machine.Api.aclmdlRIBindStream(model, stream, 0));
        nint captured = machine.End(stream);
        machine.Returns(107000, machine.Api.aclmdlRIBindStream(captured, stream, 0));
        machine.Ok(machine.Api.aclmdlRIBindStream(model, stream, 0));
    }

    [Theory]
    [InlineData("950", 2014), InlineData("910c", 2013), InlineData("910b", 2013), InlineData("310b", 2010), InlineData("310p", 2042), InlineData("910", 2042)]
    public void Submit_FullBoundStream_Is507002(string soc, int tasks)
    {
        using var machine = new TestMachine(soc);
        nint model = machine.Model(), stream = machine.Bound(model);
        byte* device = machine.Device(64), host = machine.Pinned(64);
        for (int index = 0; index < tasks; index++)
        {
            machine.Copy(device, host, 64, H2D, stream);
        }
        machine.Returns(507002, machine.Api.aclrtMemcpyAsync(device, 64, host, 64, H2D, stream));
    }

    [Theory, MemberData(nameof(Chips))]
    public void TasksOnBoundStream_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), ex = machine.ExEvent(), flag = machine.FlagEvent(), plain;
        machine.Ok(api.aclrtCreateEvent(&plain));
        byte* device = machine.Device(64), host = machine.Pinned(64);
        machine.Returns(107000, api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE, stream));
        machine.Returns(207000, api.aclrtRecordEvent(ex, stream));
        machine.Returns(207000, api.aclrtRecordEvent(plain, stream));
        machine.Returns(207000, api.aclrtStreamWaitEvent(stream, ex));
        nint free = machine.Stream();
        machine.Ok(api.aclrtRecordEvent(plain, free));
        machine.Returns(207000, api.aclrtStreamWaitEvent(stream, plain));
        machine.Returns(207000, api.aclrtResetEvent(plain, stream));
        machine.Returns(207000, api.aclrtResetEvent(ex, stream));
        machine.Ok(api.aclrtRecordEvent(flag, stream));
        machine.Ok(api.aclrtResetEvent(flag, stream));
        machine.Returns(107000, api.aclrtSynchronizeEvent(flag));
        machine.Returns(207000, api.aclrtCmoAsync(device, 64, 0, stream));
        machine.Returns(107005, api.aclrtDestroyStream(stream));
        machine.Ok(api.aclrtSynchronizeStream(stream));
    }

    [Theory, MemberData(nameof(Chips))]
    public void EndTask_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), loose = machine.PersistentStream();
        machine.Returns(100000, api.aclmdlRIEndTask(0, stream));
        machine.Returns(107017, api.aclmdlRIEndTask(stream, stream));
        machine.Returns(107017, api.aclmdlRIEndTask(model, model));
        machine.Returns(507000, api.aclmdlRIEndTask(model, loose));
        machine.Returns(107002, OnFreshThread(() => api.aclmdlRIEndTask(model, stream)));
        nint other;
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107003, api.aclmdlRIEndTask(model, stream));
        machine.Returns(107004, api.aclmdlRIEndTask(model, machine.PersistentStream()));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Ok(api.aclmdlRIEndTask(model, stream));
        machine.Ok(api.aclmdlRIEndTask(model, stream)); // a second one is accepted.
    }

    [Fact]
    public void EndTask_310p_IsAcceptedWithoutEffect()
    {
        using var machine = new TestMachine("310p");
        nint model = machine.Model();
        machine.Ok(machine.Api.aclmdlRIEndTask(model, machine.PersistentStream()));
    }

    [Theory, MemberData(nameof(Chips))]
    public void BuildEnd_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model();
        int reserve;
        machine.Returns(100000, api.aclmdlRIBuildEnd(0, null));
        machine.Returns(100000, api.aclmdlRIBuildEnd(model, &reserve));
        machine.Returns(107002, OnFreshThread(() => api.aclmdlRIBuildEnd(model, null)));
        machine.Returns(107005, api.aclmdlRIBuildEnd(model, null));
        nint stream = machine.Bound(model), other;
        machine.Returns(507011, api.aclmdlRIBuildEnd(model, null));
        machine.Ok(api.aclmdlRIEndTask(model, stream));
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107004, api.aclmdlRIBuildEnd(model, null));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Ok(api.aclmdlRIBuildEnd(model, null));
        byte* device = machine.Device(64), host = machine.Pinned(64);
        machine.Returns(107000, api.aclrtMemcpyAsync(device, 64, host, 64, H2D, stream));
    }

    [Theory, MemberData(nameof(Chips))]
    public void Execute_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), other;
        machine.Returns(100000, api.aclmdlRIExecute(0, -1));
        machine.Returns(107000, api.aclmdlRIExecute(model, 0));
        machine.Returns(107000, api.aclmdlRIExecute(model, -2));
        machine.Returns(107017, api.aclmdlRIExecute(stream, -1));
        machine.Returns(507011, api.aclmdlRIExecute(model, -1));
        machine.Returns(107002, OnFreshThread(() => api.aclmdlRIExecute(model, -1)));
        machine.Complete(model, stream);
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107004, api.aclmdlRIExecute(model, -1));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Ok(api.aclmdlRIExecute(model, -1));
        nint standard;
        machine.Ok(api.aclrtCtxGetCurrentDefaultStream(&standard));
        using Gate gate = machine.Hold(standard);
        machine.Returns(507046, api.aclmdlRIExecute(model, 20));
        gate.Open();
        machine.Sync(standard);
    }

    [Theory, MemberData(nameof(Chips))]
    public void ExecuteAsync_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), bound = machine.Bound(model), stream = machine.Stream(), persistent = machine.PersistentStream(), other;
        bool needsBuildEnd = soc != "310b", is950 = soc == "950";
        machine.Returns(100000, api.aclmdlRIExecuteAsync(0, stream));
        machine.Returns(107017, api.aclmdlRIExecuteAsync(stream, stream));
        machine.Returns(107017, api.aclmdlRIExecuteAsync(model, model));
        machine.Returns(107000, api.aclmdlRIExecuteAsync(model, bound));
        machine.Returns(507011, api.aclmdlRIExecuteAsync(model, stream));
        machine.Ok(api.aclmdlRIEndTask(model, bound));
        machine.Returns(needsBuildEnd ? 507011 : 0, api.aclmdlRIExecuteAsync(model, stream));
        machine.Ok(api.aclmdlRIBuildEnd(model, null));
        machine.Returns(107002, OnFreshThread(() => api.aclmdlRIExecuteAsync(model, stream)));
        machine.Returns(is950 ? 107000 : 0, api.aclmdlRIExecuteAsync(model, persistent));
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107004, api.aclmdlRIExecuteAsync(model, stream));
        nint foreign = machine.Stream();
        machine.Ok(api.aclrtSetDevice(0));
        machine.Returns(107003, api.aclmdlRIExecuteAsync(model, foreign));
        machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
        machine.Ok(api.aclmdlRIExecuteAsync(model, 0));
        machine.Ok(api.aclrtSynchronizeDevice());
        if (soc != "310b" && !is950)
        {
            nint capturing = machine.Stream();
            machine.Begin(capturing);
            machine.Returns(107027, api.aclmdlRIExecuteAsync(model, capturing));
        }
    }

    [Theory, MemberData(nameof(Chips))]
    public void UnbindStream_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), loose = machine.PersistentStream(), other;
        machine.Returns(100000, api.aclmdlRIUnbindStream(0, stream));
        machine.Returns(107017, api.aclmdlRIUnbindStream(stream, stream));
        machine.Returns(107017, api.aclmdlRIUnbindStream(model, model));
        machine.Returns(107005, api.aclmdlRIUnbindStream(model, loose));
        machine.Returns(107005, api.aclmdlRIUnbindStream(machine.Model(), stream));
        machine.Returns(107002, OnFreshThread(() => api.aclmdlRIUnbindStream(model, stream)));
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107004, api.aclmdlRIUnbindStream(model, stream));
        machine.Ok(api.aclrtSetDevice(0));
        machine.Ok(api.aclmdlRIUnbindStream(model, stream));
        machine.Returns(107005, api.aclmdlRIUnbindStream(model, stream));
        machine.Ok(api.aclrtDestroyStream(stream));
    }

    [Theory, MemberData(nameof(Chips))]
    public void Destroy_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), other;
        machine.Returns(100000, api.aclmdlRIDestroy(0));
        machine.Returns(107017, api.aclmdlRIDestroy(stream));
        machine.Returns(107002, OnFreshThread(() => api.aclmdlRIDestroy(model)));
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107004, api.aclmdlRIDestroy(model));
        machine.Ok(api.aclrtSetDevice(0));
        int called = 0;
        machine.Ok(api.aclmdlRIDestroyRegisterCallback(model, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Count, &called));
        machine.Ok(api.aclmdlRIDestroy(model));
        Assert.Equal(1, called);
        machine.Returns(107017, api.aclmdlRIDestroy(model));
        // Its streams are ordinary again.
        byte* device = machine.Device(64), host = machine.Pinned(64, 3);
        machine.Copy(device, host, 64, H2D, stream);
        machine.Ok(api.aclrtDestroyStream(stream));
        Assert.Equal(3, machine.Read(device, 1)[0]);
    }

    [Fact]
    public void DestroyCallback_Unregistered_IsNotCalled()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint model = machine.Model(), function = (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Count;
        int called = 0;
        machine.Returns(100000, api.aclmdlRIDestroyRegisterCallback(model, 0, null));
        machine.Ok(api.aclmdlRIDestroyRegisterCallback(model, function, &called));
        machine.Ok(api.aclmdlRIDestroyUnregisterCallback(model, function));
        machine.Returns(107000, api.aclmdlRIDestroyUnregisterCallback(model, function));
        machine.Ok(api.aclmdlRIDestroy(model));
        Assert.Equal(0, called);
    }

    [Fact]
    public void Destroy_WhileRunning_ExecutionGoesOnAndNothingIsLost()
    {
        using var machine = new TestMachine();
        nint model = machine.Model(), bound = machine.Bound(model), stream = machine.Stream();
        byte* host = machine.Pinned(64, 7), device = machine.Device(64);
        using Gate gate = machine.Hold(bound);
        machine.Copy(device, host, 64, H2D, bound);
        machine.Complete(model, bound);
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        gate.WaitUntilEntered();
        machine.Ok(machine.Api.aclmdlRIDestroy(model));
        gate.Open();
        machine.Sync(stream);
        Assert.Equal(7, machine.Read(device, 1)[0]);
    }

    [Theory, MemberData(nameof(Chips))]
    public void Abort_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), bound = machine.Bound(model), stream = machine.Stream();
        machine.Returns(107000, api.aclmdlRIAbort(0));
        machine.Returns(107017, api.aclmdlRIAbort(stream));
        byte* host = machine.Pinned(64, 7), device = machine.Device(64);
        machine.Write(device, new byte[64]);
        nint never = machine.FlagEvent();
        machine.Ok(api.aclrtStreamWaitEvent(bound, never));
        machine.Copy(device, host, 64, H2D, bound);
        machine.Complete(model, bound);
        machine.Ok(api.aclmdlRIAbort(model));
        machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
        aclrtStreamStatus status;
        while (!IsRunning(model))
        {
            machine.Ok(api.aclrtStreamQuery(stream, &status));
        }
        machine.Ok(api.aclmdlRIAbort(model));
        _ = machine.LastError();
        machine.Returns(507023, api.aclrtSynchronizeStream(stream));
        Assert.Equal(0, machine.LastError());
        Assert.Equal(0, machine.Read(device, 1)[0]);
    }

    private static bool IsRunning(nint model) => HandleTable.TryGet(model, out ModelInstance? found) && found.Graph.IsRunning;

    [Theory]
    [InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:5"), InlineData("random:6")]
    public void SeveralStreams_FlagEvents_OrderTheLanes(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        AclApi api = machine.Api;
        nint model = machine.Model(), first = machine.Bound(model), second = machine.Bound(model), go = machine.FlagEvent(), done = machine.FlagEvent();
        byte* source = machine.Pinned(64), device = machine.Device(64), result = machine.Pinned(64);
        machine.Copy(device, source, 64, H2D, first);
        machine.Ok(api.aclrtRecordEvent(go, first));
        machine.Ok(api.aclrtStreamWaitEvent(second, go));
        machine.Ok(api.aclrtResetEvent(go, second));
        machine.Copy(result, device, 64, D2H, second);
        machine.Ok(api.aclrtRecordEvent(done, second));
        machine.Ok(api.aclrtStreamWaitEvent(first, done));
        machine.Ok(api.aclrtResetEvent(done, first));
        machine.Complete(model, first);
        for (byte round = 1; round < 20; round++)
        {
            new Span<byte>(source, 64).Fill(round);
            machine.Ok(api.aclmdlRIExecute(model, -1));
            Assert.Equal(round, result[63]);
        }
    }

    [Fact]
    public void Execute_EndTaskReached_CompletesWhileAnotherLaneStandsStill()
    {
        using var machine = new TestMachine();
        nint model = machine.Model(), end = machine.Bound(model), slow = machine.Bound(model), stream = machine.Stream();
        using Gate gate = machine.Hold(slow);
        byte* host = machine.Pinned(64, 5), device = machine.Device(64);
        machine.Copy(device, host, 64, H2D, end);
        machine.Complete(model, end);
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        machine.Sync(stream);
        Assert.Equal(5, machine.Read(device, 1)[0]);
        gate.Open();
    }

    [Fact]
    public void TwoStreams_OneModel_Serialise()
    {
        using var machine = new TestMachine();
        nint model = machine.Model(), bound = machine.Bound(model), first = machine.Stream(), second = machine.Stream();
        int calls = 0;
        machine.Ok(machine.Api.aclrtLaunchHostFunc(bound, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Count, &calls));
        machine.Complete(model, bound);
        for (int round = 0; round < 50; round++)
        {
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, first));
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, second));
        }
        machine.Sync(first);
        machine.Sync(second);
        Assert.Equal(100, calls);
    }

    [Fact]
    public void FreedMemory_Execution_FaultsAndTheRestRuns()
    {
        using var machine = new TestMachine();
        nint model = machine.Model(), bound = machine.Bound(model), stream = machine.Stream();
        byte* host = machine.Pinned(64, 5), gone = machine.Device(64), device = machine.Device(64);
        machine.Copy(gone, host, 64, H2D, bound);
        machine.Copy(device, host, 64, H2D, bound);
        machine.Complete(model, bound);
        machine.Ok(machine.Api.aclmdlRIExecute(model, -1));
        machine.Write(device, new byte[64]);
        machine.Ok(machine.Api.aclrtFree(gone));
        machine.Returns(507013, machine.Api.aclmdlRIExecute(model, -1));
        Assert.Contains("uses memory that has been freed", machine.Message());
        Assert.Equal(5, machine.Read(device, 1)[0]);
        machine.Returns(507013, machine.Api.aclmdlRIExecute(model, -1));
        machine.Ok(machine.Api.aclrtSynchronizeDevice());
    }

    [Fact]
    public void Execution_ForceDestroyedStream_NextExecutionRuns()
    {
        using var machine = new TestMachine();
        nint model = machine.Model(), bound = machine.Bound(model), stream = machine.Stream(), next = machine.Stream(), flag = machine.FlagEvent(), free = machine.Stream();
        machine.Ok(machine.Api.aclrtStreamWaitEvent(bound, flag));
        machine.Complete(model, bound);
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        while (!IsRunning(model))
        {
            aclrtStreamStatus status;
            machine.Ok(machine.Api.aclrtStreamQuery(stream, &status));
        }
        machine.Ok(machine.Api.aclrtDestroyStreamForce(stream));
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, next));
        machine.Ok(machine.Api.aclrtRecordEvent(flag, free));
        machine.Sync(next);
    }

    [Theory, MemberData(nameof(Chips))]
    public void SetStreamFailureMode_BoundStream_207000(string soc)
    {
        using var machine = new TestMachine(soc);
        machine.Returns(207000, machine.Api.aclrtSetStreamFailureMode(machine.Bound(machine.Model()), 1));
    }

    [Fact]
    public void StopOnFailure_ExecutionEndsAtTheFirstFailure()
    {
        using var machine = new TestMachine();
        nint model = machine.Model(), bound = machine.Bound(model), stream = machine.Stream();
        byte* host = machine.Pinned(64, 5), gone = machine.Device(64), result = machine.Pinned(64), device = machine.Device(64);
        machine.Write(device, Enumerable.Repeat((byte)9, 64).ToArray());
        machine.Copy(gone, host, 64, H2D, bound);
        machine.Copy(result, device, 64, D2H, bound);
        machine.Complete(model, bound);
        machine.Ok(machine.Api.aclrtFree(gone));
        machine.Ok(machine.Api.aclrtSetStreamFailureMode(stream, 1));
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        machine.Returns(507013, machine.Api.aclrtSynchronizeStream(stream));
        machine.Returns(507013, machine.Api.aclmdlRIExecuteAsync(model, stream));
        Assert.Equal(0, result[0]);
    }

    [Fact]
    public void ManyThreads_ManyModels_NothingIsLostOrStuck()
    {
        const int threads = 4, rounds = 40;
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint shared = machine.Model(), sharedStream = machine.Bound(shared);
        int* counters = (int*)machine.Pinned(4096);
        machine.Ok(api.aclrtLaunchHostFunc(sharedStream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Count, counters));
        machine.Complete(shared, sharedStream);
        Exception? failure = null;
        Thread[] workers = [.. Enumerable.Range(1, threads).Select(number => new Thread(() =>
        {
            try
            {
                machine.Ok(api.aclrtSetDevice(0));
                nint stream = machine.Stream();
                byte* host = machine.Pinned(64), device = machine.Device(64), result = machine.Pinned(64);
                for (int round = 1; round <= rounds; round++)
                {
                    nint side = machine.Stream();
                    machine.Begin(stream, 2);
                    nint forked = machine.ExEvent(), joined = machine.ExEvent();
                    machine.Ok(api.aclrtRecordEvent(forked, stream));
                    machine.Ok(api.aclrtStreamWaitEvent(side, forked));
                    machine.Copy(device, host, 64, H2D, side);
                    machine.Ok(api.aclrtRecordEvent(joined, side));
                    machine.Ok(api.aclrtStreamWaitEvent(stream, joined));
                    machine.Copy(result, device, 64, D2H, stream);
                    nint model = machine.End(stream);
                    new Span<byte>(host, 64).Fill((byte)round);
                    machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
                    machine.Ok(api.aclmdlRIExecuteAsync(shared, stream));
                    machine.Sync(stream);
                    Assert.Equal((byte)round, result[63]);
                    machine.Ok(api.aclmdlRIExecuteAsync(model, side));
                    machine.Ok(api.aclmdlRIDestroy(model));
                    machine.Ok(api.aclrtDestroyEvent(forked));
                    machine.Ok(api.aclrtDestroyEvent(joined));
                    machine.Ok(api.aclrtDestroyStream(side));
                }
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        }))];
        foreach (Thread worker in workers)
        {
            worker.Start();
        }
        foreach (Thread worker in workers)
        {
            worker.Join();
        }
        Assert.Null(failure);
        Assert.Equal(threads * rounds, *counters);
    }

    [Theory, InlineData("910b"), InlineData("950")]
    public void PersistentTaskClean_BoundStream_IsEmptyAndTakesWorkAgain(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint model = machine.Model(), bound = machine.Bound(model), stream = machine.Stream(), flag = machine.FlagEvent();
        byte* host = machine.Pinned(64, 5), device = machine.Device(64);
        machine.Copy(device, host, 64, H2D, bound);
        machine.Ok(api.aclrtRecordEvent(flag, bound));
        machine.Complete(model, bound);
        machine.Ok(api.aclmdlRIExecute(model, -1));
        machine.Ok(api.aclrtPersistentTaskClean(bound));
        machine.Returns(507011, api.aclmdlRIExecuteAsync(model, stream));
        machine.Write(device, new byte[64]);
        machine.Copy(device, host, 32, H2D, bound);
        machine.Complete(model, bound);
        machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
        machine.Sync(stream);
        byte[] found = machine.Read(device, 64);
        Assert.Equal((5, 0), (found[31], found[32]));
        uint count;
        machine.Ok(api.aclmdlRIGetTasksByStream(bound, null, &count));
        Assert.Equal(2u, count);
        machine.Ok(api.aclmdlRIDestroy(model));
        machine.Ok(api.aclrtDestroyEvent(flag));
    }

    [Fact]
    public void Names_Ids_AreKept()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint first = machine.Model(), second = machine.Model();
        uint one, two;
        machine.Ok(api.aclmdlRIGetId(first, &one));
        machine.Ok(api.aclmdlRIGetId(second, &two));
        Assert.NotEqual(one, two);
        byte* name = stackalloc byte[16];
        "decode"u8.CopyTo(new Span<byte>(name, 16));
        machine.Returns(100000, api.aclmdlRISetName(0, name));
        machine.Returns(100000, api.aclmdlRISetName(first, null));
        machine.Ok(api.aclmdlRISetName(first, name));
        byte* read = stackalloc byte[16];
        machine.Returns(107000, api.aclmdlRIGetName(first, 6, read));
        machine.Ok(api.aclmdlRIGetName(first, 7, read));
        Assert.Equal("decode", Marshal.PtrToStringUTF8((nint)read));
    }

    [Fact]
    public void Streams_Tasks_AreListedWithTheirTypes()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint model = machine.Model(), stream = machine.Bound(model), flag = machine.FlagEvent();
        byte* host = machine.Pinned(64), device = machine.Device(64);
        machine.Copy(device, host, 64, H2D, stream);
        machine.Ok(api.aclrtRecordEvent(flag, stream));
        machine.Ok(api.aclrtStreamWaitEvent(stream, flag));
        machine.Ok(api.aclrtResetEvent(flag, stream));
        machine.Ok(api.aclrtValueWrite(device, 1, 0, stream));
        machine.Ok(api.aclrtValueWait(device, 1, 0, stream));
        machine.Complete(model, stream);
        uint count;
        machine.Ok(api.aclmdlRIGetStreams(model, null, &count));
        Assert.Equal(1u, count);
        nint found;
        machine.Ok(api.aclmdlRIGetStreams(model, &found, &count));
        Assert.Equal(stream, found);
        count = 0;
        machine.Returns(107039, api.aclmdlRIGetStreams(model, &found, &count));
        machine.Ok(api.aclmdlRIGetTasksByStream(stream, null, &count));
        Assert.Equal(7u, count);
        nint* tasks = stackalloc nint[7];
        machine.Ok(api.aclmdlRIGetTasksByStream(stream, tasks, &count));
        int[] expected = [0, 2, 3, 4, 5, 6, 0];
        for (int index = 0; index < 7; index++)
        {
            aclmdlRITaskType type;
            uint sequence;
            machine.Ok(api.aclmdlRITaskGetType(tasks[index], &type));
            machine.Ok(api.aclmdlRITaskGetSeqId(tasks[index], &sequence));
            Assert.Equal(expected[index], (int)type);
            Assert.Equal((uint)index + 1, sequence);
            aclmdlRITaskParams parameters;
            machine.Ok(api.aclmdlRITaskGetParams(tasks[index], &parameters));
            byte* raw = (byte*)&parameters;
            Assert.Equal(expected[index], *(int*)raw);
            Assert.Equal(index switch { 1 or 2 or 3 => flag, 4 or 5 => (nint)device, _ => 0 }, *(nint*)(raw + 72));
            Assert.Equal(index switch { 1 or 2 or 3 => 1ul, 4 or 5 => 1ul, _ => 0 }, *(ulong*)(raw + 80) & uint.MaxValue);
        }
        machine.Returns(100000, api.aclmdlRITaskGetParams(0, null));
        machine.Returns(100000, api.aclmdlRITaskGetParams(tasks[0], null));
        machine.Ok(api.aclmdlRIExecute(model, -1));
        machine.Ok(api.aclmdlRIDestroy(model));
        aclmdlRITaskType gone;
        machine.Returns(107017, api.aclmdlRITaskGetType(tasks[0], &gone));
    }

    /// <summary>A call from a thread that never had a context.</summary>
    internal static int OnFreshThread(Func<int> call)
    {
        int result = 0;
        var thread = new Thread(() => result = call());
        thread.Start();
        thread.Join();
        return result;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Count(void* counter) => ++*(int*)counter;
}
