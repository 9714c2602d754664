using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Failure modes (streams 1.4), stickiness (errors.md 5) and the abort of a device's tasks.</summary>
public sealed unsafe class FailureRowsTests
{
    private const uint OnlyDevice = 0x20;

    private static readonly RowTable s_rows = new()
    {
        { "1.4 CONTINUE: a failed task does not stop later tasks; reported once, then cleared", m =>
            {
                nint stream = m.Stream();
                byte* device = m.Device(64), host = m.Pinned(64, 5);
                m.Fault(stream);
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                m.Returns(507013, m.Api.aclrtSynchronizeStream(stream));
                Assert.Equal(507013, m.LastError());
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Assert.All(m.Read(device, 64), value => Assert.Equal(5, value));
            }
        },
        { "1.4 CONTINUE: of several failures the last one", m =>
            {
                nint stream = m.Stream();
                m.Fault(stream, AclError.RtSysDma);
                m.Fault(stream, AclError.RtTsError);
                m.Returns(507001, m.Api.aclrtSynchronizeStream(stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
            }
        },
        { "1.4 CONTINUE: other streams unaffected", m => { nint stream = m.Stream(), other = m.Stream(); m.Fault(stream); m.Ok(m.Api.aclrtSynchronizeStream(other)); m.Returns(507013, m.Api.aclrtSynchronizeStream(stream)); } },
        { "1.4 SetStreamFailureMode: NULL is the default stream", RowTable.New, m =>
            {
                m.Ok(m.Api.aclrtSetStreamFailureMode(0, 1));
                m.Fault(0);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(0));
                m.Returns(507013, m.Api.aclrtSynchronizeStream(m.Stream()));
            }
        },
        { "1.4 SetStreamFailureMode: NULL 107000", RowTable.Old, m => m.Returns(107000, m.Api.aclrtSetStreamFailureMode(0, 1)) },
        { "1.4 SetStreamFailureMode: NULL and no context 107000", m => OnFreshThread(() => m.Returns(107000, m.Api.aclrtSetStreamFailureMode(0, 1))) },
        { "1.4 SetStreamFailureMode: DEVICE_USE_ONLY 207000, before the context", m => { nint stream = m.Stream(OnlyDevice); OnFreshThread(() => m.Returns(207000, m.Api.aclrtSetStreamFailureMode(stream, 1))); } },
        { "1.4 SetStreamFailureMode: no context 107002", m => { nint stream = m.Stream(); OnFreshThread(() => m.Returns(107002, m.Api.aclrtSetStreamFailureMode(stream, 1))); } },
        { "1.4 SetStreamFailureMode: same mode again 0, even for a foreign stream", m => m.Ok(m.Api.aclrtSetStreamFailureMode(m.ForeignStream(), 0)) },
        { "1.4 SetStreamFailureMode: only bit 0 is used", m =>
            {
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtSetStreamFailureMode(stream, 0xFFFE));
                m.Ok(m.Api.aclrtSetStreamFailureMode(stream, 3));
                m.Ok(m.Api.aclrtSetStreamFailureMode(stream, 1));
            }
        },
        { "1.4 SetStreamFailureMode: STOP to CONTINUE 207000", m => { nint stream = m.Stream(); m.Ok(m.Api.aclrtSetStreamFailureMode(stream, 1)); m.Returns(207000, m.Api.aclrtSetStreamFailureMode(stream, 0)); } },
        { "1.4 SetStreamFailureMode: other context 107003", m => m.Returns(107003, m.Api.aclrtSetStreamFailureMode(m.ForeignStream(), 1)) },
        { "1.4 SetStreamFailureMode: model-bound stream 207000; 1.6 aclrtStreamAbort: not model-bound; 1.6 aclrtDestroyStream: 107005", m =>
            {
                nint model, stream = m.Stream(4);
                m.Ok(m.Api.aclmdlRIBuildBegin(&model, 0));
                m.Ok(m.Api.aclmdlRIBindStream(model, stream, 0));
                m.Returns(207000, m.Api.aclrtSetStreamFailureMode(stream, 1));
                m.Returns(207000, m.Api.aclrtStreamAbort(stream));
                m.Returns(107005, m.Api.aclrtDestroyStream(stream));
                m.Returns(107005, m.Api.aclrtDestroyStreamForce(stream));
                m.Ok(m.Api.aclmdlRIDestroy(model));
                m.Ok(m.Api.aclrtDestroyStream(stream));
            }
        },
        { "1.4 SetStreamFailureMode: stale 107017", m => m.Returns(107017, m.Api.aclrtSetStreamFailureMode(m.StaleStream(), 1)) },
        { "1.4 SetStreamFailureMode: already aborted with STOP set 207000", m =>
            {
                nint stream = m.Stream(), other = m.Stream();
                Poison(m, stream);
                m.Returns(207000, m.Api.aclrtSetStreamFailureMode(other, 1));
            }
        },
        { "1.4 STOP: the failure poisons every stream of the context", RowTable.AllChips, m =>
            {
                nint stream = m.Stream(), other = m.Stream(), recorded = m.ExEvent();
                aclrtStreamStatus status;
                aclrtEventRecordedStatus recordedStatus;
                m.Ok(m.Api.aclrtRecordEvent(recorded, other));
                m.Ok(m.Api.aclrtSynchronizeStream(other));
                Poison(m, stream);
                foreach (nint each in (nint[])[stream, other, 0])
                {
                    m.Returns(507013, m.Api.aclrtSynchronizeStream(each));
                    m.Returns(507013, m.Api.aclrtStreamQuery(each, &status));
                    m.Returns(507013, m.Api.aclrtRecordEvent(recorded, each));
                }
                m.Returns(507013, m.Api.aclrtSynchronizeDevice());
                m.Returns(507013, m.Api.aclrtSynchronizeEvent(recorded));
                m.Returns(507013, m.Api.aclrtQueryEventStatus(recorded, &recordedStatus));
                m.Returns(507013, m.Api.aclrtSynchronizeStream(stream));
            }
        },
        { "1.4 STOP: the first failure is kept", m =>
            {
                nint stream = m.Stream(), other = m.Stream();
                m.Ok(m.Api.aclrtSetStreamFailureMode(stream, 1));
                using Gate gate = m.Hold(other);
                m.Fault(other, AclError.RtTsError);
                m.Fault(stream, AclError.RtSysDma);
                Until(() => Engine(stream).Trouble != AclError.Success);
                gate.Open();
                Until(() => Engine(other).IsIdle);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(other));
            }
        },
        { "1.4 STOP: new streams of the context fail too, those of other contexts do not", m =>
            {
                Poison(m, m.Stream());
                nint late = m.Stream(), context;
                m.Returns(507013, m.Api.aclrtSynchronizeStream(late));
                m.Ok(m.Api.aclrtCreateContext(&context, 0));
                m.Ok(m.Api.aclrtSynchronizeStream(m.Stream()));
            }
        },
        { "1.4 STOP: later tasks of the failing stream do not run", m =>
            {
                nint stream = m.Stream();
                byte* device = m.Device(64), host = m.Pinned(64, 5);
                m.Write(device, new byte[64]);
                m.Ok(m.Api.aclrtSetStreamFailureMode(stream, 1));
                Gate gate = m.Hold(stream);
                m.Fault(stream);
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                gate.Open();
                Until(() => Engine(stream).IsIdle);
                Assert.All(m.Read(device, 64), value => Assert.Equal(0, value));
            }
        },
        { "1.4 STOP: destroying streams does not help, destroying the context does", m =>
            {
                nint context, stream;
                m.Ok(m.Api.aclrtCreateContext(&context, 0));
                stream = m.Stream();
                Poison(m, stream);
                m.Ok(m.Api.aclrtDestroyStream(stream));
                m.Returns(507013, m.Api.aclrtSynchronizeStream(0));
                m.Ok(m.Api.aclrtDestroyContext(context));
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
            }
        },
        { "1.4 STOP: device reset clears it", m =>
            {
                Poison(m, m.Stream());
                m.Ok(m.Api.aclrtResetDevice(0));
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
            }
        },
        { "1.4 STOP: a completed aclrtDeviceTaskAbort clears it", RowTable.New, m =>
            {
                nint stream = m.Stream();
                Poison(m, stream);
                m.Ok(m.Api.aclrtDeviceTaskAbort(0, 10_000));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                m.Ok(m.Api.aclrtRecordEvent(m.ExEvent(), stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
            }
        },
        { "5 device-level fault: every stream of the device, whatever the mode; reset clears it", m =>
            {
                nint stream = m.Stream();
                Machine.Devices[0].Fault(AclError.RtLostHeartbeat);
                m.Returns(507010, m.Api.aclrtSynchronizeStream(stream));
                m.Returns(507010, m.Api.aclrtRecordEvent(m.ExEvent(), stream));
                m.Returns(507010, m.Api.aclrtSynchronizeDevice());
                m.Ok(m.Api.aclrtResetDeviceForce(0));
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
            }
        },
        { "5 device-level fault: a completed aclrtDeviceTaskAbort clears it, a memory fault needs a repair as well", RowTable.New, m =>
            {
                Machine.Devices[0].Fault(AclError.RtLinkError);
                m.Ok(m.Api.aclrtDeviceTaskAbort(0, 10_000));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
                Machine.Devices[0].Fault(AclError.RtHbmMultiBitEccError);
                m.Ok(m.Api.aclrtDeviceTaskAbort(0, 10_000));
                m.Returns(507054, m.Api.aclrtSynchronizeStream(0));
            }
        },
        { "5 aclrtDeviceTaskAbort: 207000", RowTable.Old, m => m.Returns(207000, m.Api.aclrtDeviceTaskAbort(0, 1000)) },
        { "5 aclrtDeviceTaskAbort: bad device 107001, device not set 507033", m =>
            {
                m.Returns(107001, m.Api.aclrtDeviceTaskAbort(9, 1000));
                m.Returns(107001, m.Api.aclrtDeviceTaskAbort(-1, 1000));
                m.Returns(507033, m.Api.aclrtDeviceTaskAbort(1, 1000));
            }
        },
        { "5 aclrtDeviceTaskAbort running: 107022 from submits, copies, synchronises; exception callbacks are not called", m =>
            {
                nint stream = m.Stream(), never = m.FlaggedEvent(), waiting = m.Stream();
                byte* device = m.Device(64), host = m.Pinned(64);
                m.Ok(m.Api.aclrtStreamWaitEvent(waiting, never));
                StateLog.Entries.Clear();
                m.Ok(m.Api.aclrtExceptionInfoCallbackRegister(StateLog.ExceptionFunction));
                // A command that runs for as long as the test wants keeps the abort from completing.
                using var task = new HeldTask();
                Engine(stream).Submit(new Command { Kind = CommandKind.Task }, task);
                task.WaitUntilEntered();
                Background aborter = m.InBackground(() => m.Ok(m.Api.aclrtDeviceTaskAbort(0, 0)));
                Until(() => Machine.Devices[0].IsAborting);
                m.Returns(107022, m.Api.aclrtSynchronizeStream(waiting));
                m.Returns(107022, m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                m.Returns(107022, m.Api.aclrtMemcpy(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE));
                task.Fails = true;
                task.Open();
                aborter.Join();
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                m.Ok(m.Api.aclrtSynchronizeStream(waiting));
                Assert.Empty(StateLog.Entries);
            }
        },
        { "1.6 aclrtStreamAbort running: a blocked synchronise returns 107023", m =>
            {
                nint stream = m.Stream();
                using var task = new HeldTask();
                Engine(stream).Submit(new Command { Kind = CommandKind.Task }, task);
                task.WaitUntilEntered();
                Background waiter = m.InBackground(() => m.Returns(107023, m.Api.aclrtSynchronizeStream(stream)));
                Until(() => Engine(stream).HasWaiters);
                Background aborter = m.InBackground(() => m.Ok(m.Api.aclrtStreamAbort(stream)));
                waiter.Join();
                m.Returns(107023, m.Api.aclrtSynchronizeStream(stream));
                m.Returns(107023, m.Api.aclrtRecordEvent(m.ExEvent(), stream));
                task.Open();
                aborter.Join();
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
            }
        },
        { "5 aclrtDeviceTaskAbort: time limit 107019, a later one completes it", m =>
            {
                nint stream = m.Stream();
                using var task = new HeldTask();
                Engine(stream).Submit(new Command { Kind = CommandKind.Task }, task);
                task.WaitUntilEntered();
                m.Returns(107019, m.Api.aclrtDeviceTaskAbort(0, 5));
                m.Returns(107022, m.Api.aclrtSynchronizeStream(stream));
                task.Open();
                m.Ok(m.Api.aclrtDeviceTaskAbort(0, 30_000));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
            }
        },
        { "13 task-abort callbacks: before and after, a refusal fails the call", m =>
            {
                StateLog.Entries.Clear();
                StateLog.AbortResult = 0;
                fixed (byte* name = "probe\0"u8)
                {
                    m.Ok(m.Api.aclrtSetDeviceTaskAbortCallback(name, StateLog.AbortFunction, (void*)3));
                    m.Ok(m.Api.aclrtDeviceTaskAbort(0, 700));
                    Assert.Equal(["abort 0 0 700 3", "abort 0 1 700 3"], StateLog.Entries);
                    StateLog.AbortResult = 5;
                    m.Returns(507000, m.Api.aclrtDeviceTaskAbort(0, 700));
                    m.Ok(m.Api.aclrtSynchronizeStream(0));
                    m.Ok(m.Api.aclrtSetDeviceTaskAbortCallback(name, 0, null));
                    m.Ok(m.Api.aclrtDeviceTaskAbort(0, 700));
                    m.Returns(100000, m.Api.aclrtSetDeviceTaskAbortCallback(null, 0, null));
                }
            }
        },
        { "13 errors of the device: none, and nothing to repair", RowTable.New, m =>
            {
                aclrtMemUceInfo entry = default;
                aclrtErrorInfo info = default;
                info.errorType = aclrtErrorType.ACL_RT_ERROR_OTHERS;
                nuint count = 9;
                m.Ok(m.Api.aclrtGetMemUceInfo(0, &entry, 1, &count));
                Assert.Equal(0u, count);
                m.Ok(m.Api.aclrtGetErrorVerbose(0, &info));
                Assert.Equal(aclrtErrorType.ACL_RT_NO_ERROR, info.errorType);
                m.Returns(107000, m.Api.aclrtMemUceRepair(0, &entry, 1));
                m.Returns(107000, m.Api.aclrtRepairError(0, &info));
                m.Returns(107001, m.Api.aclrtGetErrorVerbose(9, &info));
                m.Returns(107001, m.Api.aclrtGetMemUceInfo(9, &entry, 1, &count));
                m.Returns(100000, m.Api.aclrtGetErrorVerbose(0, null));
                m.Returns(100000, m.Api.aclrtGetMemUceInfo(0, null, 1, &count));
            }
        },
    };

    public static TheoryData<string> Rows => s_rows.Names;

    [Theory, MemberData(nameof(Rows))]
    public void Row(string row) => s_rows.Run(row);

    /// <summary>Brings the stream's context into the failed state of stop-on-failure mode.</summary>
    private static void Poison(TestMachine m, nint stream)
    {
        m.Ok(m.Api.aclrtSetStreamFailureMode(stream, 1));
        m.Fault(stream);
        m.Returns(507013, m.Api.aclrtSynchronizeStream(stream));
    }
}

/// <summary>A command that runs until the test lets it go: a copy that takes long.</summary>
internal sealed class HeldTask : DeviceTask, IDisposable
{
    private readonly ManualResetEventSlim _entered = new(), _opened = new();

    internal bool Fails { get; set; }

    internal void WaitUntilEntered() => Assert.True(_entered.Wait(TimeSpan.FromSeconds(30)), "the stream never came to the task");
    internal void Open() => _opened.Set();
    public void Dispose() => Open();

    internal override bool Run(Stream stream, ref AclError result)
    {
        _entered.Set();
        _opened.Wait();
        result = Fails ? AclError.RtSysDma : AclError.Success;
        return true;
    }
}
