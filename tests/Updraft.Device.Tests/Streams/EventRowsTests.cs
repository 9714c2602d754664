using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Section 2 of the facts about streams: events, row by row.</summary>
public sealed unsafe class EventRowsTests
{
    private const aclrtEventRecordedStatus Complete = aclrtEventRecordedStatus.ACL_EVENT_RECORDED_STATUS_COMPLETE, NotReady = aclrtEventRecordedStatus.ACL_EVENT_RECORDED_STATUS_NOT_READY;

    private static readonly RowTable s_rows = new()
    {
        { "2.1 create: NULL 100000, all three", m =>
            {
                m.Returns(100000, m.Api.aclrtCreateEvent(null));
                m.Returns(100000, m.Api.aclrtCreateEventWithFlag(null, 1));
                m.Returns(100000, m.Api.aclrtCreateEventExWithFlag(null, 1));
            }
        },
        { "2.1 create: no context 107002, after the flags", m => OnFreshThread(() =>
            {
                nint created;
                m.Returns(107002, m.Api.aclrtCreateEvent(&created));
                m.Returns(107002, m.Api.aclrtCreateEventWithFlag(&created, 1));
                m.Returns(107002, m.Api.aclrtCreateEventExWithFlag(&created, 1));
                m.Returns(107000, m.Api.aclrtCreateEventWithFlag(&created, 0));
            })
        },
        { "2.1 WithFlag: known flags", m => { foreach (uint flag in (uint[])[1, 2, 4, 8, 0x10, 0x20, 0xF]) { _ = m.FlaggedEvent(flag); } } },
        { "2.1 WithFlag: unknown or too large 107000", m => { foreach (uint flag in (uint[])[0, 0x40, 0x41, 0x80, 0x100, uint.MaxValue]) { nint created; m.Returns(107000, m.Api.aclrtCreateEventWithFlag(&created, flag)); } } },
        { "2.1 WithFlag: DEVICE_USE_ONLY or EXTERNAL with another bit 107000", m => { foreach (uint flag in (uint[])[0x11, 0x21, 0x30]) { nint created; m.Returns(107000, m.Api.aclrtCreateEventWithFlag(&created, flag)); } } },
        { "2.1 Ex: known flags", RowTable.New, m => { foreach (uint flag in (uint[])[1, 2, 4, 8, 0xF, 0x40]) { _ = m.ExEvent(flag); } } },
        { "2.1 Ex: unknown, DEVICE_USE_ONLY, EXTERNAL 107000", m => { foreach (uint flag in (uint[])[0, 0x10, 0x20, 0x50, 0x80]) { nint created; m.Returns(107000, m.Api.aclrtCreateEventExWithFlag(&created, flag)); } } },
        { "2.1 Ex: IPC with another bit 107000", m => { nint created; m.Returns(107000, m.Api.aclrtCreateEventExWithFlag(&created, 0x41)); } },
        { "2.1 Ex: IPC 207000", RowTable.Old, m => { nint created; m.Returns(207000, m.Api.aclrtCreateEventExWithFlag(&created, Ipc)); } },
        { "2.1 aclrtCreateEvent: wait before any record 107000 (EE1018)", m =>
            {
                m.Returns(107000, m.Api.aclrtStreamWaitEvent(m.Stream(), m.Event()));
                Assert.Contains("(EE1018)", m.Message(), StringComparison.Ordinal);
            }
        },
        { "2.1 WithFlag: wait before any record blocks until somebody records", m =>
            {
                nint waiting = m.Stream(), recording = m.Stream(), flag = m.FlaggedEvent();
                m.Ok(m.Api.aclrtStreamWaitEvent(waiting, flag));
                Assert.False(m.IsComplete(waiting));
                m.Ok(m.Api.aclrtRecordEvent(flag, recording));
                m.Ok(m.Api.aclrtSynchronizeStream(waiting));
            }
        },
        { "2.1 WithFlag: stays set until reset, then blocks again", m =>
            {
                nint stream = m.Stream(), other = m.Stream(), flag = m.FlaggedEvent();
                m.Ok(m.Api.aclrtRecordEvent(flag, stream));
                m.Ok(m.Api.aclrtStreamWaitEvent(other, flag));
                m.Ok(m.Api.aclrtStreamWaitEvent(other, flag));
                m.Ok(m.Api.aclrtSynchronizeStream(other));
                m.Ok(m.Api.aclrtResetEvent(flag, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                m.Ok(m.Api.aclrtStreamWaitEvent(other, flag));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(other, 5));
                m.Ok(m.Api.aclrtRecordEvent(flag, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(other));
            }
        },
        { "2.1 Ex: wait before any record does not wait", m =>
            {
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, m.ExEvent()));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
            }
        },
        { "2.1 Ex: a record replaces the snapshot, queued waits keep the old one", m =>
            {
                nint first = m.Stream(), second = m.Stream(), waiting = m.Stream(), recorded = m.ExEvent();
                using Gate gate = m.Hold(second);
                m.Ok(m.Api.aclrtRecordEvent(recorded, first));
                m.Ok(m.Api.aclrtStreamWaitEvent(waiting, recorded));
                m.Ok(m.Api.aclrtRecordEvent(recorded, second));
                m.Ok(m.Api.aclrtSynchronizeStream(waiting));
                Assert.Equal(NotReady, m.Recorded(recorded));
                m.Ok(m.Api.aclrtStreamWaitEvent(waiting, recorded));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(waiting, 5));
            }
        },
        { "2.1 re-record is allowed, all kinds", m =>
            {
                nint stream = m.Stream();
                foreach (nint recorded in (nint[])[m.Event(), m.FlaggedEvent(), m.ExEvent()])
                {
                    m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                    m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                    m.Ok(m.Api.aclrtSynchronizeEvent(recorded));
                    Assert.Equal(Complete, m.Recorded(recorded));
                }
            }
        },
        { "2.1 reset: default event 0", RowTable.AllChips, m => { nint stream = m.Stream(), recorded = m.Event(); m.Ok(m.Api.aclrtRecordEvent(recorded, stream)); m.Ok(m.Api.aclrtResetEvent(recorded, stream)); m.Ok(m.Api.aclrtSynchronizeStream(stream)); } },
        { "2.1 reset: Ex event 207000", m => m.Returns(207000, m.Api.aclrtResetEvent(m.ExEvent(), m.Stream())) },
        { "2.1 ids: WithFlag has one from creation, default from its first record, Ex only while recorded", m =>
            {
                uint before, now, id;
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtGetEventAvailNum(&before));
                nint flagged = m.FlaggedEvent(), ordinary = m.Event(), snapshot = m.ExEvent();
                m.Ok(m.Api.aclrtGetEventAvailNum(&now));
                Assert.Equal(before - 1, now);
                m.Ok(m.Api.aclrtGetEventId(flagged, &id));
                m.Returns(107000, m.Api.aclrtGetEventId(ordinary, &id));
                m.Ok(m.Api.aclrtRecordEvent(ordinary, stream));
                m.Ok(m.Api.aclrtGetEventId(ordinary, &id));
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtRecordEvent(snapshot, stream));
                m.Ok(m.Api.aclrtGetEventAvailNum(&now));
                Assert.Equal(before - 3, now);
                gate.Open();
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                m.Ok(m.Api.aclrtGetEventAvailNum(&now));
                Assert.Equal(before - 2, now);
                m.Ok(m.Api.aclrtDestroyEvent(flagged));
                m.Ok(m.Api.aclrtDestroyEvent(ordinary));
                m.Ok(m.Api.aclrtGetEventAvailNum(&now));
                Assert.Equal(before, now);
            }
        },
        { "2.2 aclrtRecordEvent: NULL 100000, stale event 107017, stale stream 107017, DEVICE_USE_ONLY 107000, 107003", m =>
            {
                nint recorded = m.ExEvent();
                m.Returns(100000, m.Api.aclrtRecordEvent(0, 0));
                m.Returns(107017, m.Api.aclrtRecordEvent(m.StaleEvent(), 0));
                m.Returns(107017, m.Api.aclrtRecordEvent(recorded, m.StaleStream()));
                m.Returns(107000, m.Api.aclrtRecordEvent(m.FlaggedEvent(DeviceUseOnly), 0));
                m.Returns(107003, m.Api.aclrtRecordEvent(recorded, m.ForeignStream()));
                OnFreshThread(() => m.Returns(107002, m.Api.aclrtRecordEvent(recorded, 0)));
            }
        },
        { "2.2 aclrtRecordEvent: the snapshot is all tasks queued before", m =>
            {
                nint stream = m.Stream(), recorded = m.ExEvent();
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtSynchronizeEvent(recorded));
            }
        },
        { "2.2 aclrtStreamWaitEvent: NULL 100000, handles 107017, DEVICE_USE_ONLY 107000, no SYNC 207000, 107002, 107003", m =>
            {
                nint recorded = m.ExEvent();
                m.Returns(100000, m.Api.aclrtStreamWaitEvent(0, 0));
                m.Returns(107017, m.Api.aclrtStreamWaitEvent(0, m.StaleEvent()));
                m.Returns(107017, m.Api.aclrtStreamWaitEvent(Junk, recorded));
                m.Returns(107000, m.Api.aclrtStreamWaitEvent(0, m.FlaggedEvent(DeviceUseOnly)));
                m.Returns(207000, m.Api.aclrtStreamWaitEvent(0, m.ExEvent(TimeLine)));
                m.Returns(207000, m.Api.aclrtStreamWaitEvent(0, m.FlaggedEvent(TimeLine)));
                m.Returns(107003, m.Api.aclrtStreamWaitEvent(m.ForeignStream(), recorded));
                OnFreshThread(() => m.Returns(107002, m.Api.aclrtStreamWaitEvent(0, recorded)));
            }
        },
        { "2.2 WithTimeout: negative first, 107000, not stored", m => { m.Returns(107000, m.Api.aclrtStreamWaitEventWithTimeout(0, 0, -1)); Assert.Equal(0, m.LastError()); } },
        { "2.2 WithTimeout: event NULL 107000, stored", m => { m.Returns(107000, m.Api.aclrtStreamWaitEventWithTimeout(0, 0, 1)); Assert.Equal(107000, m.LastError()); } },
        { "2.2 wait for an event of another device: real", RowTable.New, m => WaitForForeignEvent(m, waits: true) },
        { "2.2 wait for an event of another device: 0, nothing queued", "310p,910", m => WaitForForeignEvent(m, waits: false) },
        { "2.2 wait on the same stream is a no-op for Ex events", m =>
            {
                nint stream = m.Stream(), recorded = m.ExEvent();
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                long tail = Engine(stream).Tail;
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, recorded));
                Assert.Equal(tail, Engine(stream).Tail);
            }
        },
        { "2.2 aclrtResetEvent: NULL 100000, DEVICE_USE_ONLY 107000, IPC 207000, no SYNC 207000, 107002, 107003", m =>
            {
                nint flag = m.FlaggedEvent();
                m.Returns(100000, m.Api.aclrtResetEvent(0, 0));
                m.Returns(107017, m.Api.aclrtResetEvent(m.StaleEvent(), 0));
                m.Returns(107000, m.Api.aclrtResetEvent(m.FlaggedEvent(DeviceUseOnly), 0));
                m.Returns(207000, m.Api.aclrtResetEvent(m.ExEvent(Ipc), 0));
                m.Returns(207000, m.Api.aclrtResetEvent(m.FlaggedEvent(TimeLine), 0));
                m.Returns(107003, m.Api.aclrtResetEvent(flag, m.ForeignStream()));
                OnFreshThread(() => m.Returns(107002, m.Api.aclrtResetEvent(flag, 0)));
            }
        },
        { "2.2 aclrtResetEvent: in stream order", m =>
            {
                nint stream = m.Stream(), flag = m.FlaggedEvent();
                m.Ok(m.Api.aclrtRecordEvent(flag, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtResetEvent(flag, stream));
                Assert.Equal(Complete, m.Recorded(flag));
                gate.Open();
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Assert.Equal(NotReady, m.Recorded(flag));
            }
        },
        { "2.2 aclrtSynchronizeEvent: NULL 100000, stale 107017, EXTERNAL 207000", m =>
            {
                m.Returns(100000, m.Api.aclrtSynchronizeEvent(0));
                m.Returns(107017, m.Api.aclrtSynchronizeEvent(m.StaleEvent()));
                m.Returns(207000, m.Api.aclrtSynchronizeEvent(m.FlaggedEvent(External)));
            }
        },
        { "2.2 aclrtSynchronizeEventWithTimeout: below -1 107000 not stored, NULL 100000, 0 107000", m =>
            {
                m.Returns(107000, m.Api.aclrtSynchronizeEventWithTimeout(0, -2));
                Assert.Equal(0, m.LastError());
                m.Returns(100000, m.Api.aclrtSynchronizeEventWithTimeout(0, 0));
                m.Returns(107000, m.Api.aclrtSynchronizeEventWithTimeout(m.Event(), 0));
            }
        },
        { "2.2 aclrtSynchronizeEvent: never recorded 0", m => { foreach (nint recorded in (nint[])[m.Event(), m.FlaggedEvent(), m.ExEvent()]) { m.Ok(m.Api.aclrtSynchronizeEvent(recorded)); } } },
        { "2.2 aclrtSynchronizeEventWithTimeout: 507047 after ms", m =>
            {
                nint stream = m.Stream(), recorded = m.Event();
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                m.Returns(507047, m.Api.aclrtSynchronizeEventWithTimeout(recorded, 5));
                gate.Open();
                m.Ok(m.Api.aclrtSynchronizeEventWithTimeout(recorded, 30_000));
            }
        },
        { "2.2 aclrtQueryEvent: nulls 100000, Ex 207000, EXTERNAL 207000, never recorded COMPLETE", m =>
            {
                aclrtEventStatus status;
                m.Returns(100000, m.Api.aclrtQueryEvent(0, &status));
                m.Returns(100000, m.Api.aclrtQueryEvent(m.Event(), null));
                m.Returns(107017, m.Api.aclrtQueryEvent(m.StaleEvent(), &status));
                m.Returns(207000, m.Api.aclrtQueryEvent(m.ExEvent(), &status));
                m.Returns(207000, m.Api.aclrtQueryEvent(m.ExEvent(Ipc), &status));
                m.Returns(207000, m.Api.aclrtQueryEvent(m.FlaggedEvent(External), &status));
                m.Ok(m.Api.aclrtQueryEvent(m.Event(), &status));
                Assert.Equal(aclrtEventStatus.ACL_EVENT_STATUS_COMPLETE, status);
            }
        },
        { "2.2 aclrtQueryEvent: NOT_READY until reached, last error untouched", m =>
            {
                aclrtEventStatus status;
                nint stream = m.Stream(), recorded = m.Event();
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                m.Ok(m.Api.aclrtQueryEvent(recorded, &status));
                Assert.Equal(aclrtEventStatus.ACL_EVENT_STATUS_NOT_READY, status);
                Assert.Equal(0, m.LastError());
                gate.Open();
                m.Ok(m.Api.aclrtSynchronizeEvent(recorded));
                m.Ok(m.Api.aclrtQueryEvent(recorded, &status));
                Assert.Equal(aclrtEventStatus.ACL_EVENT_STATUS_COMPLETE, status);
            }
        },
        { "2.2 aclrtQueryEventStatus: nulls 100000, EXTERNAL 207000; never recorded: Ex COMPLETE, other NOT_READY", m =>
            {
                aclrtEventRecordedStatus status;
                m.Returns(100000, m.Api.aclrtQueryEventStatus(0, &status));
                m.Returns(100000, m.Api.aclrtQueryEventStatus(m.Event(), null));
                m.Returns(207000, m.Api.aclrtQueryEventStatus(m.FlaggedEvent(External), &status));
                Assert.Equal(Complete, m.Recorded(m.ExEvent()));
                Assert.Equal(NotReady, m.Recorded(m.Event()));
                Assert.Equal(NotReady, m.Recorded(m.FlaggedEvent()));
            }
        },
        { "2.2 aclrtQueryEventWaitStatus: nulls 100000, Ex and EXTERNAL 207000, no wait queued COMPLETE", m =>
            {
                aclrtEventWaitStatus status;
                m.Returns(100000, m.Api.aclrtQueryEventWaitStatus(0, &status));
                m.Returns(100000, m.Api.aclrtQueryEventWaitStatus(m.Event(), null));
                m.Returns(207000, m.Api.aclrtQueryEventWaitStatus(m.ExEvent(), &status));
                m.Returns(207000, m.Api.aclrtQueryEventWaitStatus(m.FlaggedEvent(External), &status));
                m.Ok(m.Api.aclrtQueryEventWaitStatus(m.FlaggedEvent(), &status));
                Assert.Equal(aclrtEventWaitStatus.ACL_EVENT_WAIT_STATUS_COMPLETE, status);
            }
        },
        { "2.2 aclrtQueryEventWaitStatus: NOT_READY while a wait is pending", m =>
            {
                aclrtEventWaitStatus status;
                nint stream = m.Stream(), flag = m.FlaggedEvent();
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, flag));
                m.Ok(m.Api.aclrtQueryEventWaitStatus(flag, &status));
                Assert.Equal(aclrtEventWaitStatus.ACL_EVENT_WAIT_STATUS_NOT_READY, status);
                m.Ok(m.Api.aclrtRecordEvent(flag, 0));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                m.Ok(m.Api.aclrtQueryEventWaitStatus(flag, &status));
                Assert.Equal(aclrtEventWaitStatus.ACL_EVENT_WAIT_STATUS_COMPLETE, status);
            }
        },
        { "2.2 aclrtEventElapsedTime: nulls 100000, stale 107017, IPC 207000, never recorded 507000", m =>
            {
                float ms;
                nint recorded = m.Event();
                m.Ok(m.Api.aclrtRecordEvent(recorded, 0));
                m.Ok(m.Api.aclrtSynchronizeEvent(recorded));
                m.Returns(100000, m.Api.aclrtEventElapsedTime(null, recorded, recorded));
                m.Returns(100000, m.Api.aclrtEventElapsedTime(&ms, 0, recorded));
                m.Returns(100000, m.Api.aclrtEventElapsedTime(&ms, recorded, 0));
                m.Returns(107017, m.Api.aclrtEventElapsedTime(&ms, recorded, m.StaleEvent()));
                m.Returns(207000, m.Api.aclrtEventElapsedTime(&ms, recorded, m.ExEvent(Ipc)));
                m.Returns(507000, m.Api.aclrtEventElapsedTime(&ms, m.Event(), recorded));
                m.Returns(507000, m.Api.aclrtEventElapsedTime(&ms, recorded, m.Event()));
            }
        },
        { "2.2 aclrtEventElapsedTime: not finished 107006, without TIME_LINE 107006", RowTable.AllChips, m =>
            {
                float ms;
                nint stream = m.Stream(), pending = m.Event(), done = m.Event(), timeless = m.FlaggedEvent();
                m.Ok(m.Api.aclrtRecordEvent(done, stream));
                m.Ok(m.Api.aclrtRecordEvent(timeless, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtRecordEvent(pending, stream));
                m.Returns(107006, m.Api.aclrtEventElapsedTime(&ms, done, pending));
                m.Returns(107006, m.Api.aclrtEventElapsedTime(&ms, timeless, done));
            }
        },
        { "2.2 aclrtEventElapsedTime: milliseconds, negative when end is before start", m =>
            {
                float forth, back;
                nint stream = m.Stream(), first = m.Event(), last = m.Event();
                m.Ok(m.Api.aclrtRecordEvent(first, stream));
                m.Ok(m.Api.aclrtSynchronizeEvent(first));
                long start = Environment.TickCount64;
                Until(() => Environment.TickCount64 > start + 20);
                m.Ok(m.Api.aclrtRecordEvent(last, stream));
                m.Ok(m.Api.aclrtSynchronizeEvent(last));
                m.Ok(m.Api.aclrtEventElapsedTime(&forth, first, last));
                m.Ok(m.Api.aclrtEventElapsedTime(&back, last, first));
                Assert.InRange(forth, 15, 30_000);
                Assert.Equal(-forth, back);
            }
        },
        { "2.2 aclrtEventGetTimestamp: microseconds; nulls 100000, missing stamp 107006", m =>
            {
                ulong first, last;
                float ms;
                nint start = m.Event(), end = m.Event();
                m.Returns(100000, m.Api.aclrtEventGetTimestamp(0, &first));
                m.Returns(100000, m.Api.aclrtEventGetTimestamp(start, null));
                m.Returns(107006, m.Api.aclrtEventGetTimestamp(start, &first));
                m.Returns(207000, m.Api.aclrtEventGetTimestamp(m.FlaggedEvent(External), &first));
                m.Ok(m.Api.aclrtRecordEvent(start, 0));
                m.Ok(m.Api.aclrtSynchronizeEvent(start));
                long from = Environment.TickCount64;
                Until(() => Environment.TickCount64 > from + 5);
                m.Ok(m.Api.aclrtRecordEvent(end, 0));
                m.Ok(m.Api.aclrtSynchronizeEvent(end));
                m.Ok(m.Api.aclrtEventGetTimestamp(start, &first));
                m.Ok(m.Api.aclrtEventGetTimestamp(end, &last));
                m.Ok(m.Api.aclrtEventElapsedTime(&ms, start, end));
                Assert.InRange(last - first, (ulong)(ms * 1000) - 2, (ulong)(ms * 1000) + 2);
            }
        },
        { "2.2 timestamps have the chip's resolution: 20 ns", "910b,910c", m => Resolution(m, 40) },
        { "2.2 timestamps have the chip's resolution: 20.8 ns", "310b", m => Resolution(m, 1e9 / 48e6 * 2) },
        { "2.2 timestamps have the chip's resolution: 1 ns", "950,310p,910", m => Resolution(m, 42) },
        { "2.2 aclrtDestroyEvent: NULL 100000, second 107017, never blocks", m =>
            {
                m.Returns(100000, m.Api.aclrtDestroyEvent(0));
                m.Returns(107017, m.Api.aclrtDestroyEvent(m.StaleEvent()));
                nint stream = m.Stream(), recorded = m.FlaggedEvent();
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                uint during, after;
                m.Ok(m.Api.aclrtDestroyEvent(recorded));
                m.Ok(m.Api.aclrtGetEventAvailNum(&during));
                gate.Open();
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                m.Ok(m.Api.aclrtGetEventAvailNum(&after));
                Assert.Equal(during + 1, after);
            }
        },
        { "2.2 WithFlag forms: flag above 1 100000, NULL 100000", RowTable.New, m =>
            {
                m.Returns(100000, m.Api.aclrtRecordEventWithFlag(0, 0, 0));
                m.Returns(100000, m.Api.aclrtRecordEventWithFlag(m.ExEvent(), 0, 2));
                m.Returns(100000, m.Api.aclrtStreamWaitEventWithFlag(0, 0, 0, 0));
                m.Returns(100000, m.Api.aclrtStreamWaitEventWithFlag(0, m.ExEvent(), 0, 2));
                m.Returns(100000, m.Api.aclrtStreamWaitEventWithFlag(0, m.ExEvent(), 1, 1));
            }
        },
        { "2.2 WithFlag forms: external needs an Ex event with SYNC only 207000, a capturing stream 107029", RowTable.New, m =>
            {
                m.Returns(207000, m.Api.aclrtRecordEventWithFlag(m.FlaggedEvent(), 0, 1));
                m.Returns(207000, m.Api.aclrtRecordEventWithFlag(m.ExEvent(Sync | TimeLine), 0, 1));
                m.Returns(107029, m.Api.aclrtRecordEventWithFlag(m.ExEvent(), m.Stream(), 1));
                m.Returns(107029, m.Api.aclrtStreamWaitEventWithFlag(m.Stream(), m.ExEvent(), 0, 1));
            }
        },
        { "2.2 WithFlag forms: 207000", RowTable.Old, m =>
            {
                m.Returns(207000, m.Api.aclrtRecordEventWithFlag(m.ExEvent(), 0, 0));
                m.Returns(207000, m.Api.aclrtStreamWaitEventWithFlag(0, m.ExEvent(), 0, 0));
            }
        },
        { "2.2 flags mixed 107000: the first one is remembered even if that call failed", m =>
            {
                nint stream = m.Stream(), recorded = m.ExEvent();
                m.Returns(107029, m.Api.aclrtRecordEventWithFlag(recorded, stream, 1));
                m.Returns(107000, m.Api.aclrtRecordEvent(recorded, stream));
                m.Returns(107000, m.Api.aclrtRecordEventWithFlag(recorded, stream, 0));
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, recorded));
                m.Returns(107000, m.Api.aclrtStreamWaitEventWithFlag(stream, recorded, 0, 1));
            }
        },
        { "2.2 aclrtSetOpWaitTimeout: 207000", "310p", m => m.Returns(207000, m.Api.aclrtSetOpWaitTimeout(1)) },
        { "2.2 wait timeouts: seconds; 107020 at the next synchronise of the waiting stream, once; then it goes on", m =>
            {
                nint byWait = m.Stream(), byFlag = m.Stream(), byOption = m.Stream(), byNotify = m.Stream(), forever = m.Stream(), flag = m.FlaggedEvent();
                m.Ok(m.Api.aclrtStreamWaitEventWithTimeout(forever, flag, 0));
                m.Ok(m.Api.aclrtStreamWaitEventWithTimeout(byWait, flag, 1));
                m.Ok(m.Api.aclrtStreamWaitEventWithFlag(byFlag, flag, 1, 0));
                m.Ok(m.Api.aclrtWaitAndResetNotify(m.Notify(), byNotify, 1));
                m.Ok(m.Api.aclrtSetOpWaitTimeout(1));
                m.Ok(m.Api.aclrtStreamWaitEvent(byOption, flag));
                long start = Environment.TickCount64;
                foreach (nint stream in (nint[])[byWait, byFlag, byOption, byNotify])
                {
                    m.Returns(107020, m.Api.aclrtSynchronizeStream(stream));
                    Assert.Equal(107020, m.LastError());
                    m.Ok(m.Api.aclrtSynchronizeStream(stream));
                }
                Assert.InRange(Environment.TickCount64 - start, 900, 20_000);
                Assert.False(m.IsComplete(forever));
                m.Ok(m.Api.aclrtRecordEvent(flag, 0));
                m.Ok(m.Api.aclrtSynchronizeStream(forever));
            }
        },
        { "ids and numbers: nulls 100000, stale 107017", m =>
            {
                uint id;
                m.Returns(100000, m.Api.aclrtGetEventId(0, &id));
                m.Returns(100000, m.Api.aclrtGetEventId(m.FlaggedEvent(), null));
                m.Returns(107017, m.Api.aclrtGetEventId(m.StaleEvent(), &id));
                m.Returns(100000, m.Api.aclrtGetEventAvailNum(null));
            }
        },
    };

    public static TheoryData<string> Rows => s_rows.Names;

    /// <summary>Two records 42 ns apart, at a time that is no whole tick.</summary>
    private static void Resolution(TestMachine m, double expectedNs)
    {
        Machine.Clock = new SteppingClock(1_000_000_013, 42);
        float ms;
        nint start = m.Event(), end = m.Event();
        m.Ok(m.Api.aclrtRecordEvent(start, 0));
        m.Ok(m.Api.aclrtRecordEvent(end, 0));
        m.Ok(m.Api.aclrtSynchronizeEvent(end));
        m.Ok(m.Api.aclrtEventElapsedTime(&ms, start, end));
        Assert.Equal(expectedNs, ms * 1e6, 0.001);
    }

    private sealed class SteppingClock(long startNs, long stepNs) : Clock
    {
        private long _next = startNs - stepNs;

        internal override long NowNs => Interlocked.Add(ref _next, stepNs);
    }

    [Theory, MemberData(nameof(Rows))]
    public void Row(string row) => s_rows.Run(row);

    private static void WaitForForeignEvent(TestMachine m, bool waits)
    {
        m.Ok(m.Api.aclrtSetDevice(1));
        nint far = m.Stream(), recorded = m.ExEvent();
        using Gate gate = m.Hold(far);
        m.Ok(m.Api.aclrtRecordEvent(recorded, far));
        m.Ok(m.Api.aclrtSetDevice(0));
        nint near = m.Stream();
        m.Ok(m.Api.aclrtStreamWaitEvent(near, recorded));
        Assert.Equal(waits ? 1 : 0, Engine(near).Tail);
        gate.Open();
        m.Ok(m.Api.aclrtSynchronizeStream(near));
    }

    [Theory]
    [InlineData("2.1", "910b", 65536, 207007), InlineData("2.1", "910c", 65536, 207007), InlineData("2.1", "950", 65536, 207009), InlineData("2.1", "310b", 65536, 207007), InlineData("2.1", "310p", 1023, 207007), InlineData("2.1", "910", 65535, 207007)]
    public void EventsPerDevice_LimitOfTheChip_IsRefusedBeyondIt(string row, string soc, int limit, int code)
    {
        using var machine = new TestMachine(soc);
        nint created, last = 0;
        for (int index = 0; index < limit; index++)
        {
            machine.Ok(machine.Api.aclrtCreateEventWithFlag(&created, 1), row);
            last = created;
        }
        machine.Returns(code, machine.Api.aclrtCreateEventWithFlag(&created, 1));
        // A record needs a number too: it is refused at once and never blocks.
        nint ordinary = machine.Event();
        machine.Returns(code, machine.Api.aclrtRecordEvent(ordinary, 0));
        machine.Ok(machine.Api.aclrtDestroyEvent(last));
        machine.Ok(machine.Api.aclrtRecordEvent(ordinary, 0));
    }
}
