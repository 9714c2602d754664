using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Updraft.Device.Tests.Models.ModelMachine;

namespace Updraft.Device.Tests.Models;

/// <summary>Capture: every row of streams_events_models.md 6 and of memcpy.md 1.9, on the chips that have it and those that have not.</summary>
public sealed unsafe class CaptureTests
{
    public static TheoryData<string> Capturing => ["910b", "910c", "950", "310p"];
    public static TheoryData<string> Others => ["310b", "910"];

    private const int Global = 0, ThreadLocal = 1, Relaxed = 2;

    // --- 6.1 ---------------------------------------------------------------------------------------------------------------------

    [Theory, MemberData(nameof(Others))]
    public void OtherChips_207000AfterTheNullChecks(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), model;
        machine.Returns(100000, api.aclmdlRICaptureBegin(0, 0));
        machine.Returns(207000, api.aclmdlRICaptureBegin(stream, 0));
        Assert.Equal(207000, machine.LastError());
        machine.Returns(100000, api.aclmdlRICaptureEnd(0, &model));
        machine.Returns(207000, api.aclmdlRICaptureEnd(stream, &model));
        machine.Returns(100000, api.aclmdlRICaptureGetInfo(stream, null, null));
        machine.Returns(207000, api.aclmdlRICaptureGetInfo(stream, null, &model));
        machine.Returns(100000, api.aclmdlRICaptureThreadExchangeMode(null));
        aclmdlRICaptureMode mode = 0;
        machine.Returns(207000, api.aclmdlRICaptureThreadExchangeMode(&mode));
    }

    [Theory, MemberData(nameof(Capturing))]
    public void Begin_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), device, other, standard;
        machine.Returns(100000, api.aclmdlRICaptureBegin(0, 0));
        machine.Returns(107017, api.aclmdlRICaptureBegin(1234, 0));
        machine.Returns(107000, api.aclmdlRICaptureBegin(stream, (aclmdlRICaptureMode)3));
        machine.Ok(api.aclrtCreateStreamWithConfig(&device, 0, 0x20));
        machine.Returns(507000, api.aclmdlRICaptureBegin(device, 0));
        nint schedule;
        machine.Ok(api.aclrtCreateStreamWithConfig(&schedule, 0, 0x10));
        machine.Returns(507000, api.aclmdlRICaptureBegin(schedule, 0));
        nint persistent = machine.PersistentStream();
        machine.Returns(soc == "950" ? 507000 : 0, api.aclmdlRICaptureBegin(persistent, 0));
        machine.Returns(107002, BuildTests.OnFreshThread(() => api.aclmdlRICaptureBegin(stream, 0)));
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107003, api.aclmdlRICaptureBegin(stream, 0));
        machine.Ok(api.aclrtSetDevice(0));
        nint model = machine.Model(), bound = machine.Bound(model);
        machine.Returns(soc == "950" ? 507000 : 107005, api.aclmdlRICaptureBegin(bound, 0));
        machine.Ok(api.aclrtCtxGetCurrentDefaultStream(&standard));
        machine.Returns(207000, api.aclmdlRICaptureBegin(standard, 0));
        machine.Begin(stream);
        machine.Returns(107027, api.aclmdlRICaptureBegin(stream, 0));
    }

    [Theory, MemberData(nameof(Capturing))]
    public void End_Row_BeforeTheCaptureIsLookedAt(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), device, other, standard, model = 77;
        machine.Returns(100000, api.aclmdlRICaptureEnd(0, &model));
        machine.Returns(107017, api.aclmdlRICaptureEnd(1234, &model));
        machine.Ok(api.aclrtCreateStreamWithConfig(&device, 0, 0x20));
        machine.Returns(507000, api.aclmdlRICaptureEnd(device, &model));
        machine.Returns(107029, api.aclmdlRICaptureEnd(stream, &model));
        machine.Returns(107029, api.aclmdlRICaptureEnd(stream, null)); // NULL is tested only while a graph is captured.
        machine.Ok(api.aclrtCtxGetCurrentDefaultStream(&standard));
        machine.Returns(207000, api.aclmdlRICaptureEnd(standard, &model));
        nint bound = machine.Bound(machine.Model());
        machine.Returns(soc == "950" ? 507000 : 107005, api.aclmdlRICaptureEnd(bound, &model));
        machine.Begin(stream);
        machine.Returns(107000, api.aclmdlRICaptureEnd(stream, null));
        machine.Returns(107002, BuildTests.OnFreshThread(() => { nint none = 0; return api.aclmdlRICaptureEnd(stream, &none); }));
        machine.Ok(api.aclrtCreateContext(&other, 0));
        machine.Returns(107003, api.aclmdlRICaptureEnd(stream, &model));
        Assert.Equal(77, model); // These leave the output alone.
        machine.Ok(api.aclrtSetDevice(0));
        machine.End(stream);
    }

    [Theory, MemberData(nameof(Capturing))]
    public void End_OnJoinedStream_107036AndTheCaptureGoesOn(string soc)
    {
        using var machine = new TestMachine(soc);
        nint origin = machine.Stream(), joined = machine.Stream(), forked = machine.ExEvent(), back = machine.ExEvent(), model = 1;
        machine.Begin(origin);
        Fork(machine, origin, joined, forked);
        machine.Returns(107036, machine.Api.aclmdlRICaptureEnd(joined, &model));
        Assert.Equal(0, model);
        Fork(machine, joined, origin, back);
        machine.End(origin);
    }

    [Theory]
    [InlineData(Global), InlineData(ThreadLocal)]
    public void End_OnAnotherThread_107038AndTheStreamsLeave(int mode)
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream(), joined = machine.Stream(), forked = machine.ExEvent();
        machine.Begin(stream, mode);
        Fork(machine, stream, joined, forked);
        machine.Returns(107038, BuildTests.OnFreshThread(() =>
        {
            nint model = 1;
            machine.Ok(api.aclrtSetDevice(0));
            int code = api.aclmdlRICaptureEnd(stream, &model);
            Assert.Equal(0, model);
            return code;
        }));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_NONE, machine.Status(stream));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_NONE, machine.Status(joined));
        machine.Sync(stream);
        machine.Begin(stream, mode);
        machine.End(stream);
    }

    [Fact]
    public void End_OnAnotherThread_RelaxedCaptureEnds()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream();
        machine.Begin(stream, Relaxed);
        machine.Returns(0, BuildTests.OnFreshThread(() =>
        {
            nint model;
            machine.Ok(api.aclrtSetDevice(0));
            return api.aclmdlRICaptureEnd(stream, &model);
        }));
    }

    [Theory, MemberData(nameof(Capturing))]
    public void End_Invalidated_507903AndCaptureCanStartAgain(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), outside = machine.ExEvent(), free = machine.Stream(), model = 1;
        machine.Ok(api.aclrtRecordEvent(outside, free));
        machine.Begin(stream);
        nint capturing;
        aclmdlRICaptureStatus status;
        machine.Ok(api.aclmdlRICaptureGetInfo(stream, &status, &capturing));
        machine.Returns(107024, api.aclrtStreamWaitEvent(stream, outside));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED, machine.Status(stream));
        machine.Returns(507903, api.aclmdlRICaptureEnd(stream, &model));
        Assert.Equal(0, model);
        machine.Returns(107017, api.aclmdlRIDestroy(capturing)); // The graph is gone.
        machine.Returns(107029, api.aclmdlRICaptureEnd(stream, &model));
        byte* host = machine.Pinned(64, 9), device = machine.Device(64);
        machine.Begin(stream);
        machine.Copy(device, host, 64, H2D, stream);
        nint good = machine.End(stream);
        machine.Ok(api.aclmdlRIExecuteAsync(good, stream));
        machine.Sync(stream);
        Assert.Equal(9, machine.Read(device, 1)[0]);
    }

    [Theory]
    [InlineData(false, "not joined back"), InlineData(true, "tasks after its last record")]
    public void End_Unjoined_107025(bool joins, string row)
    {
        _ = row;
        using var machine = new TestMachine();
        nint origin = machine.Stream(), joined = machine.Stream(), forked = machine.ExEvent(), back = machine.ExEvent(), model = 1;
        byte* host = machine.Pinned(64), device = machine.Device(64);
        machine.Begin(origin);
        Fork(machine, origin, joined, forked);
        if (joins)
        {
            Fork(machine, joined, origin, back);
            machine.Copy(device, host, 64, H2D, joined);
        }
        machine.Returns(107025, machine.Api.aclmdlRICaptureEnd(origin, &model));
        Assert.Equal(0, model);
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_NONE, machine.Status(joined));
        machine.Sync(joined);
    }

    [Fact]
    public void End_JoinedThroughAThirdStream_IsJoined()
    {
        using var machine = new TestMachine();
        nint a = machine.Stream(), b = machine.Stream(), c = machine.Stream();
        machine.Begin(a);
        Fork(machine, a, b, machine.ExEvent());
        Fork(machine, b, c, machine.ExEvent());
        Fork(machine, c, a, machine.ExEvent());
        machine.End(a);
    }

    [Theory, MemberData(nameof(Capturing))]
    public void TaskGroups_Rows(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), group, model = 1;
        machine.Returns(107029, api.aclmdlRICaptureTaskGrpBegin(stream));
        machine.Returns(107029, api.aclmdlRICaptureTaskGrpEnd(stream, &group));
        machine.Begin(stream);
        machine.Ok(api.aclmdlRICaptureTaskGrpBegin(stream));
        machine.Ok(api.aclmdlRICaptureTaskGrpEnd(stream, &group));
        machine.Returns(107027, api.aclmdlRICaptureTaskUpdateBegin(stream, group));
        machine.Ok(api.aclmdlRICaptureTaskGrpBegin(stream));
        machine.Returns(107033, api.aclmdlRICaptureEnd(stream, &model));
        Assert.Equal(0, model);
        machine.Ok(api.aclmdlRICaptureTaskUpdateBegin(stream, group));
        machine.Ok(api.aclmdlRICaptureTaskUpdateEnd(stream));
        machine.Returns(107033, api.aclmdlRICaptureTaskUpdateEnd(stream));
        nint bound = machine.Bound(machine.Model());
        machine.Returns(107005, api.aclmdlRICaptureTaskUpdateBegin(bound, group));
        machine.Begin(stream);
        machine.Ok(api.aclmdlRICaptureTaskGrpBegin(stream));
        byte* host = machine.Pinned(64), device = machine.Device(64);
        machine.Returns(507009, api.aclrtMemcpyAsync(device, 64, host, 64, H2D, stream));
        machine.Returns(507903, api.aclmdlRICaptureEnd(stream, &model));
    }

    [Theory, MemberData(nameof(Capturing))]
    public void GetInfo_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), model;
        aclmdlRICaptureStatus status;
        machine.Returns(100000, api.aclmdlRICaptureGetInfo(0, &status, &model));
        machine.Returns(100000, api.aclmdlRICaptureGetInfo(stream, null, null));
        machine.Returns(107017, api.aclmdlRICaptureGetInfo(99, &status, null));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_NONE, machine.Status(stream));
        machine.Begin(stream);
        machine.Returns(0, BuildTests.OnFreshThread(() => { aclmdlRICaptureStatus inner; return api.aclmdlRICaptureGetInfo(stream, &inner, null); }));
        machine.Ok(api.aclmdlRICaptureGetInfo(stream, &status, &model));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE, status);
        Assert.Equal(model, machine.End(stream));
    }

    [Theory, MemberData(nameof(Capturing))]
    public void WhileCapturing_RefusalsDoNotInvalidate(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), recorded = machine.ExEvent();
        machine.Begin(stream, Relaxed);
        machine.Ok(api.aclrtRecordEvent(recorded, stream));
        aclrtStreamStatus status;
        aclrtEventRecordedStatus state;
        float ms;
        machine.Returns(107027, api.aclrtSynchronizeStream(stream));
        machine.Returns(107027, api.aclrtSynchronizeStreamWithTimeout(stream, 10));
        machine.Returns(107027, api.aclrtStreamQuery(stream, &status));
        machine.Returns(107027, api.aclrtDestroyStream(stream));
        machine.Returns(107027, api.aclrtDestroyStreamForce(stream));
        machine.Returns(107027, api.aclrtSynchronizeDevice());
        machine.Returns(107028, api.aclrtSynchronizeEvent(recorded));
        machine.Returns(107028, api.aclrtQueryEventStatus(recorded, &state));
        machine.Returns(107028, api.aclrtEventElapsedTime(&ms, recorded, recorded));
        machine.Returns(107031, api.aclrtStreamWaitEvent(0, recorded));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE, machine.Status(stream));
        machine.End(stream);
        machine.Ok(api.aclrtSynchronizeDevice());
        machine.Ok(api.aclrtSynchronizeEvent(recorded));
    }

    // --- 6.2, memcpy.md 1.9 --------------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData("910b", "threads"), InlineData("910c", "late"), InlineData("950", "eager"), InlineData("310p", "random:2")]
    public void Capture_Copies_AreRecordedNotExecuted_AndReadAtReplay(string soc, string schedule)
    {
        using var machine = new TestMachine(soc, schedule);
        nint stream = machine.Stream();
        byte* source = machine.Pinned(64, 1), first = machine.Device(64), second = machine.Device(64), result = machine.Pinned(64);
        machine.Begin(stream);
        machine.Copy(first, source, 64, H2D, stream);
        machine.Copy(second, first, 64, D2D, stream);
        machine.Copy(result, second, 64, D2H, stream);
        nint model = machine.End(stream);
        machine.Sync(stream);
        Assert.Equal(0, result[0]);
        for (byte round = 1; round < 10; round++)
        {
            new Span<byte>(source, 64).Fill(round);
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
            machine.Sync(stream);
            Assert.Equal(round, result[63]);
        }
        machine.Ok(machine.Api.aclmdlRIDestroy(model));
        machine.Returns(107017, machine.Api.aclmdlRIDestroy(model));
    }

    [Theory, MemberData(nameof(Capturing))]
    public void Pageable_Rows(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), free = machine.Stream();
        byte* device = machine.Device(64), pageable = TestMachine.Pageable(64, 4);
        machine.Begin(stream);
        machine.Returns(107000, api.aclrtMemcpyAsync(device, 64, pageable, 64, H2D, stream));
        machine.Returns(107041, api.aclrtMemcpyAsync(device, 64, pageable, 64, H2D, free));
        machine.Returns(107000, api.aclrtMemcpy2dAsync(device, 8, pageable, 8, 8, 8, H2D, stream));
        machine.Returns(107041, api.aclrtMemcpy2dAsync(device, 8, pageable, 8, 8, 8, H2D, free));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE, machine.Status(stream));
        machine.End(stream);
        machine.Begin(stream, Relaxed);
        machine.Ok(api.aclrtMemcpyAsync(device, 64, pageable, 64, H2D, free));
        Assert.Equal(4, machine.Read(device, 1)[0]);
        machine.End(stream);
    }

    [Theory, MemberData(nameof(Capturing))]
    public void Buffered_IsRecordedWithTheBytesOfTheCapture(string soc)
    {
        using var machine = new TestMachine(soc);
        nint stream = machine.Stream();
        byte* device = machine.Device(64), host = machine.Pinned(64, 6);
        machine.Begin(stream);
        machine.Copy(device, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_BUF_TO_DEVICE, stream);
        nint model = machine.End(stream);
        new Span<byte>(host, 64).Fill(1);
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        machine.Sync(stream);
        Assert.Equal(6, machine.Read(device, 1)[0]);
    }

    [Theory, MemberData(nameof(Capturing))]
    public void BlockingCalls_107030_OthersRun(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream();
        byte* device = machine.Device(64), host = machine.Pinned(64, 3);
        machine.Begin(stream);
        machine.Returns(107030, api.aclrtMemcpy(device, 64, host, 64, H2D));
        machine.Returns(107030, api.aclrtMemcpy2d(device, 8, host, 8, 8, 8, H2D));
        machine.Returns(107030, api.aclrtMemset(device, 64, 1, 64));
        // memcpy.md 1.9: these go straight to the driver and are not tested.
        machine.Ok(api.aclrtMemsetD32(device, 64, 0x05050505, 16));
        // 6.2: fills of host memory run at once and are not recorded.
        machine.Ok(api.aclrtMemsetAsync(host, 64, 8, 64, stream));
        Assert.Equal(8, host[0]);
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE, machine.Status(stream));
        machine.End(stream);
        // Chips without the function say yes and do nothing.
        Assert.Equal(soc == "310p" ? 0 : 5, machine.Read(device, 1)[0]);
    }

    [Theory, InlineData("910b"), InlineData("910c"), InlineData("950")]
    public void ValueOperationsAndReductionsAndFills_AreRecorded(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream();
        byte* device = machine.Device(256), host = machine.Pinned(64, 1), result = machine.Pinned(256);
        machine.Begin(stream, Relaxed);
        machine.Ok(api.aclrtMemsetAsync(device, 256, 0, 256, stream));
        machine.Ok(api.aclrtMemsetD32Async(device + 128, 64, 0x01010101, 16, stream));
        machine.Copy(device + 64, host, 64, H2D, stream);
        machine.Ok(api.aclrtReduceAsync(device + 128, device + 64, 64, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclDataType.ACL_INT8, stream, null));
        machine.Ok(api.aclrtValueWrite(device + 192, 42, 0, stream));
        machine.Ok(api.aclrtValueWait(device + 192, 42, 1, stream));
        machine.Copy(result, device, 256, D2H, stream);
        nint model = machine.End(stream);
        for (int round = 0; round < 3; round++)
        {
            new Span<byte>(host, 64).Fill((byte)(round + 1));
            machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
            machine.Sync(stream);
            Assert.Equal(round + 2, result[128]);
            Assert.Equal(42, result[192]);
        }
    }

    [Theory, MemberData(nameof(Capturing))]
    public void Events_Rows(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), without, plain, old = machine.FlagEvent(), model;
        machine.Ok(api.aclrtCreateEventExWithFlag(&without, 8));
        machine.Ok(api.aclrtCreateEvent(&plain));
        machine.Begin(stream);
        machine.Ok(api.aclrtRecordEvent(without, stream));
        machine.Returns(207000, api.aclrtStreamWaitEvent(stream, without));
        Assert.Equal(aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE, machine.Status(stream));
        machine.End(stream);
        foreach (nint handle in (nint[])[plain, old])
        {
            machine.Begin(stream);
            machine.Returns(207000, api.aclrtRecordEvent(handle, stream));
            machine.Returns(507903, api.aclmdlRICaptureEnd(stream, &model));
            machine.Begin(stream);
            machine.Returns(207000, api.aclrtStreamWaitEvent(stream, handle));
            machine.Returns(507903, api.aclmdlRICaptureEnd(stream, &model));
        }
    }

    [Fact]
    public void Events_TwoGraphs_107032AndTheCaptureIsInvalid()
    {
        using var machine = new TestMachine();
        nint first = machine.Stream(), second = machine.Stream(), recorded = machine.ExEvent(), model;
        machine.Begin(first);
        machine.Begin(second);
        machine.Ok(machine.Api.aclrtRecordEvent(recorded, first));
        machine.Returns(107032, machine.Api.aclrtStreamWaitEvent(second, recorded));
        machine.Returns(507903, machine.Api.aclmdlRICaptureEnd(second, &model));
        machine.End(first);
    }

    [Theory]
    [InlineData("threads"), InlineData("eager"), InlineData("late"), InlineData("random:1"), InlineData("random:2"), InlineData("random:3")]
    public void Fork_Join_KeepsTheOrderOfTheEdges(string schedule)
    {
        using var machine = new TestMachine(schedule: schedule);
        nint origin = machine.Stream(), side = machine.Stream();
        byte* source = machine.Pinned(64), one = machine.Device(64), two = machine.Device(64), result = machine.Pinned(128);
        machine.Begin(origin);
        machine.Copy(one, source, 64, H2D, origin);
        Fork(machine, origin, side, machine.ExEvent());
        machine.Copy(two, one, 64, D2D, side);
        machine.Copy(result, one, 64, D2H, origin);
        Fork(machine, side, origin, machine.ExEvent());
        machine.Copy(result + 64, two, 64, D2H, origin);
        nint model = machine.End(origin);
        for (byte round = 1; round < 30; round++)
        {
            new Span<byte>(source, 64).Fill(round);
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, origin));
            machine.Sync(origin);
            Assert.Equal((round, round), (result[0], result[127]));
        }
    }

    [Fact]
    public void HostFunctions_RunAtEveryReplayInTheirPlace()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        byte* source = machine.Pinned(64), device = machine.Device(64), result = machine.Pinned(64);
        machine.Begin(stream);
        machine.Ok(machine.Api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Increment, source));
        machine.Ok(machine.Api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Increment, source));
        machine.Copy(device, source, 64, H2D, stream);
        machine.Copy(result, device, 64, D2H, stream);
        machine.Ok(machine.Api.aclrtLaunchHostFunc(stream, (nint)(delegate* unmanaged[Cdecl]<void*, void>)&Increment, source));
        nint model = machine.End(stream);
        for (int round = 0; round < 10; round++)
        {
            machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
            machine.Sync(stream);
            Assert.Equal(3 * round + 2, result[0]);
        }
    }

    // --- 6.3 ---------------------------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData(Global, Global, true, true), InlineData(Global, ThreadLocal, true, false), InlineData(Global, Relaxed, false, false)]
    [InlineData(ThreadLocal, Global, true, true), InlineData(ThreadLocal, ThreadLocal, true, false), InlineData(ThreadLocal, Relaxed, false, false)]
    [InlineData(Relaxed, Global, false, false), InlineData(Relaxed, ThreadLocal, false, false), InlineData(Relaxed, Relaxed, false, false)]
    public void Modes_OfTheThreadAndOfAnother(int exchange, int mode, bool ownIsRefused, bool ignored)
    {
        _ = ignored;
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream();
        byte* device = machine.Device(64), host = machine.Pinned(64);
        var value = (aclmdlRICaptureMode)exchange;
        machine.Ok(api.aclmdlRICaptureThreadExchangeMode(&value));
        Assert.Equal(Global, (int)value);
        machine.Begin(stream, mode);
        machine.Returns(ownIsRefused ? 107030 : 0, api.aclrtMemcpy(device, 64, host, 64, H2D));
        // Another thread, with no captures of its own: refused in mode GLOBAL unless it exchanged its mode.
        foreach (int other in (int[])[Global, ThreadLocal, Relaxed])
        {
            bool isRefused = other == Global && mode == Global;
            machine.Returns(isRefused ? 107030 : 0, BuildTests.OnFreshThread(() =>
            {
                machine.Ok(api.aclrtSetDevice(0));
                var its = (aclmdlRICaptureMode)other;
                machine.Ok(api.aclmdlRICaptureThreadExchangeMode(&its));
                return api.aclrtMemcpy(device, 64, host, 64, H2D);
            }));
        }
        // Threads in other contexts are not affected.
        nint context;
        machine.Ok(api.aclrtCreateContext(&context, 0));
        machine.Ok(api.aclrtMemcpy(device, 64, host, 64, H2D));
        machine.Ok(api.aclrtSetDevice(0));
        machine.End(stream);
        machine.Ok(api.aclrtMemcpy(device, 64, host, 64, H2D));
    }

    [Fact]
    public void Modes_StrictestOfSeveralCapturesCounts()
    {
        using var machine = new TestMachine();
        nint relaxed = machine.Stream(), global = machine.Stream();
        byte* device = machine.Device(64), host = machine.Pinned(64);
        machine.Begin(relaxed, Relaxed);
        machine.Ok(machine.Api.aclrtMemcpy(device, 64, host, 64, H2D));
        machine.Begin(global, Global);
        machine.Returns(107030, machine.Api.aclrtMemcpy(device, 64, host, 64, H2D));
        machine.End(global);
        machine.Ok(machine.Api.aclrtMemcpy(device, 64, host, 64, H2D));
        machine.End(relaxed);
    }

    [Theory, MemberData(nameof(Capturing))]
    public void ExchangeMode_Row(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        var mode = (aclmdlRICaptureMode)3;
        machine.Returns(100000, api.aclmdlRICaptureThreadExchangeMode(null));
        machine.Returns(107000, api.aclmdlRICaptureThreadExchangeMode(&mode));
        machine.Returns(107002, BuildTests.OnFreshThread(() => { aclmdlRICaptureMode inner = 0; return api.aclmdlRICaptureThreadExchangeMode(&inner); }));
        mode = (aclmdlRICaptureMode)Relaxed;
        machine.Ok(api.aclmdlRICaptureThreadExchangeMode(&mode));
        Assert.Equal(Global, (int)mode);
        machine.Ok(api.aclmdlRICaptureThreadExchangeMode(&mode));
        Assert.Equal(Relaxed, (int)mode);
    }

    // --- 6.4 ---------------------------------------------------------------------------------------------------------------------

    [Theory, MemberData(nameof(Capturing))]
    public void CapturedModel_Rows(string soc)
    {
        using var machine = new TestMachine(soc);
        AclApi api = machine.Api;
        nint stream = machine.Stream(), other = machine.Stream(), capturing, persistent = machine.PersistentStream();
        machine.Begin(stream);
        machine.Ok(api.aclmdlRICaptureGetInfo(stream, null, &capturing));
        machine.Returns(107026, api.aclmdlRIExecuteAsync(capturing, other));
        machine.Returns(107026, api.aclmdlRIDestroy(capturing));
        bool hasUpdate = soc != "310p";
        machine.Returns(hasUpdate ? 107040 : 207000, api.aclmdlRIUpdate(capturing));
        nint model = machine.End(stream);
        machine.Returns(107000, api.aclmdlRIExecute(model, -1));
        machine.Returns(107000, api.aclmdlRIBindStream(model, persistent, 0));
        machine.Returns(107000, api.aclmdlRIUnbindStream(model, stream));
        machine.Returns(107000, api.aclmdlRIEndTask(model, stream));
        machine.Returns(107000, api.aclmdlRIBuildEnd(model, null));
        machine.Ok(api.aclmdlRIExecuteAsync(model, 0));
        machine.Ok(api.aclrtSynchronizeDevice());
        if (hasUpdate)
        {
            machine.Returns(107000, api.aclmdlRIUpdate(0));
            machine.Ok(api.aclmdlRIUpdate(model));
            machine.Returns(207000, api.aclmdlRIUpdate(machine.Model()));
        }
    }

    [Fact]
    public void Execute_FailedCapture_507011()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream(), model;
        machine.Begin(stream);
        machine.Ok(api.aclmdlRICaptureGetInfo(stream, null, &model));
        BuildTests.OnFreshThread(() => { nint none; machine.Ok(api.aclrtSetDevice(0)); return api.aclmdlRICaptureEnd(stream, &none); });
        machine.Returns(507011, api.aclmdlRIExecuteAsync(model, stream));
        machine.Returns(107040, api.aclmdlRIUpdate(model));
        machine.Ok(api.aclmdlRIDestroy(model));
    }

    [Fact]
    public void Destroy_Running_107037AfterTheWait_ThenWorks()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        machine.Begin(stream);
        using Gate gate = machine.Hold(stream);
        nint model = machine.End(stream);
        machine.Ok(machine.Api.aclmdlRIExecuteAsync(model, stream));
        gate.WaitUntilEntered();
        Updraft.Device.Models.DestroyWaitMs = 20;
        try
        {
            machine.Returns(107037, machine.Api.aclmdlRIDestroy(model));
        }
        finally
        {
            Updraft.Device.Models.DestroyWaitMs = 10_000;
        }
        gate.Open();
        machine.Ok(machine.Api.aclmdlRIDestroy(model));
    }

    [Fact]
    public void External_RecordAndWait_ConnectGraphsWithTheProgram()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint stream = machine.Stream(), consumer = machine.Stream(), producer = machine.Stream(), done = machine.ExEvent(), go = machine.ExEvent();
        byte* source = machine.Pinned(64), device = machine.Device(64), result = machine.Pinned(64);
        machine.Returns(107029, api.aclrtRecordEventWithFlag(machine.ExEvent(), stream, 1));
        machine.Begin(stream);
        machine.Ok(api.aclrtStreamWaitEventWithFlag(stream, go, 0, 1));
        machine.Copy(device, source, 64, H2D, stream);
        machine.Ok(api.aclrtRecordEventWithFlag(done, stream, 1));
        nint model = machine.End(stream);
        for (byte round = 1; round < 5; round++)
        {
            using Gate gate = machine.Hold(producer);
            machine.Ok(api.aclrtRecordEvent(go, producer));
            machine.Ok(api.aclmdlRIExecuteAsync(model, stream));
            machine.Ok(api.aclrtStreamWaitEvent(consumer, done));
            machine.Copy(result, device, 64, D2H, consumer);
            new Span<byte>(source, 64).Fill(round);
            gate.Open();
            machine.Sync(consumer);
            Assert.Equal(round, result[0]);
        }
    }

    [Fact]
    public void CapturedGraph_StreamsAndTasks_AreListed()
    {
        using var machine = new TestMachine();
        AclApi api = machine.Api;
        nint origin = machine.Stream(), side = machine.Stream();
        machine.Begin(origin);
        Fork(machine, origin, side, machine.ExEvent());
        Fork(machine, side, origin, machine.ExEvent());
        nint model = machine.End(origin);
        machine.Ok(api.aclrtDestroyStream(side));
        nint* streams = stackalloc nint[2];
        uint count = 2;
        machine.Ok(api.aclmdlRIGetStreams(model, streams, &count));
        Assert.Equal(2u, count);
        machine.Ok(api.aclmdlRIGetTasksByStream(streams[1], null, &count));
        Assert.Equal(2u, count);
        byte* device = machine.Device(64), host = machine.Pinned(64);
        machine.Returns(107000, api.aclrtMemcpyAsync(device, 64, host, 64, H2D, streams[0]));
        machine.Ok(api.aclmdlRIExecuteAsync(model, origin));
        machine.Sync(origin);
    }

    [Fact]
    public void DebugJsonPrint_NamesTheCopies()
    {
        using var machine = new TestMachine();
        nint stream = machine.Stream();
        byte* device = machine.Device(64), host = machine.Pinned(64);
        machine.Begin(stream);
        machine.Copy(device, host, 64, H2D, stream);
        nint model = machine.End(stream);
        string file = Path.Combine(Path.GetTempPath(), $"updraft-{Environment.ProcessId}-{Guid.NewGuid():n}.json");
        nint path = Marshal.StringToCoTaskMemUTF8(file), nowhere = Marshal.StringToCoTaskMemUTF8(Path.Combine(file, "none"));
        machine.Returns(100000, machine.Api.aclmdlRIDebugJsonPrint(model, null, 0));
        machine.Returns(107009, machine.Api.aclmdlRIDebugJsonPrint(model, (byte*)nowhere, 0));
        machine.Ok(machine.Api.aclmdlRIDebugJsonPrint(model, (byte*)path, 0));
        string text = File.ReadAllText(file);
        File.Delete(file);
        Assert.Contains($"64 bytes from 0x{(nuint)host:x} to 0x{(nuint)device:x}", text, StringComparison.Ordinal);
        machine.Ok(machine.Api.aclmdlRIDebugPrint(model));
    }

    [Fact]
    public void ContextDestroyedWhileCapturing_TheThreadIsFreeAgain()
    {
        using var machine = new TestMachine();
        nint context;
        machine.Ok(machine.Api.aclrtCreateContext(&context, 0));
        nint stream = machine.Stream();
        machine.Begin(stream, ThreadLocal);
        machine.Ok(machine.Api.aclrtDestroyContext(context));
        machine.Ok(machine.Api.aclrtSetDevice(0));
        Assert.Null(ThreadState.Current.Captures.Strictest);
        stream = machine.Stream();
        machine.Begin(stream, Relaxed);
        byte* device = machine.Device(64), host = machine.Pinned(64);
        machine.Ok(machine.Api.aclrtMemcpy(device, 64, host, 64, H2D));
        machine.End(stream);
    }

    /// <summary>Makes one captured stream wait for what another has done so far.</summary>
    private static void Fork(TestMachine machine, nint from, nint to, nint marker)
    {
        machine.Ok(machine.Api.aclrtRecordEvent(marker, from));
        machine.Ok(machine.Api.aclrtStreamWaitEvent(to, marker));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Increment(void* counter) => ++*(byte*)counter;
}
