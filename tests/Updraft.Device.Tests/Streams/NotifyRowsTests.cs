using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Section 3 of the facts about streams: notifies, and the counting notifies of the 950.</summary>
public sealed unsafe class NotifyRowsTests
{
    private static readonly RowTable s_rows = new()
    {
        { "3 create: NULL 100000, flag 107000, no current device 107002 not stored", m =>
            {
                nint notify;
                m.Returns(100000, m.Api.aclrtCreateNotify(null, 0));
                m.Returns(107000, m.Api.aclrtCreateNotify(&notify, 2));
                m.Ok(m.Api.aclrtCreateNotify(&notify, 1));
                OnFreshThread(() =>
                {
                    nint other;
                    m.Returns(107002, m.Api.aclrtCreateNotify(&other, 0));
                    Assert.Equal(0, m.LastError());
                });
            }
        },
        { "3 record and wait: NULL 100000, handles 107017, 107002, 107003", m =>
            {
                nint notify = m.Notify(), stale = m.Notify();
                m.Ok(m.Api.aclrtDestroyNotify(stale));
                m.Returns(100000, m.Api.aclrtRecordNotify(0, 0));
                m.Returns(100000, m.Api.aclrtWaitAndResetNotify(0, 0, 0));
                m.Returns(107017, m.Api.aclrtRecordNotify(stale, 0));
                m.Returns(107017, m.Api.aclrtWaitAndResetNotify(stale, 0, 0));
                m.Returns(107017, m.Api.aclrtRecordNotify(m.Event(), 0));
                m.Returns(107017, m.Api.aclrtRecordNotify(notify, m.StaleStream()));
                nint foreign = m.ForeignStream();
                m.Returns(107003, m.Api.aclrtRecordNotify(notify, foreign));
                m.Returns(107003, m.Api.aclrtWaitAndResetNotify(notify, foreign, 0));
                OnFreshThread(() =>
                {
                    m.Returns(107002, m.Api.aclrtRecordNotify(notify, 0));
                    m.Returns(107002, m.Api.aclrtWaitAndResetNotify(notify, 0, 0));
                });
            }
        },
        { "3 NULL stream is the default one", m =>
            {
                nint notify = m.Notify();
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, 0, 0));
                Assert.False(m.IsComplete(0));
                m.Ok(m.Api.aclrtRecordNotify(notify, m.Stream()));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
            }
        },
        { "3 wait consumes: one record, one wait", m =>
            {
                nint waiting = m.Stream(), recording = m.Stream(), notify = m.Notify();
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, waiting, 0));
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, waiting, uint.MaxValue));
                m.Ok(m.Api.aclrtRecordNotify(notify, recording));
                Until(() => Engine(waiting).Head == 1);
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(waiting, 5));
                m.Ok(m.Api.aclrtRecordNotify(notify, recording));
                m.Ok(m.Api.aclrtSynchronizeStream(waiting));
            }
        },
        { "3 record before wait is remembered, one level", m =>
            {
                nint waiting = m.Stream(), notify = m.Notify();
                m.Ok(m.Api.aclrtRecordNotify(notify, 0));
                m.Ok(m.Api.aclrtRecordNotify(notify, 0));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, waiting, 0));
                m.Ok(m.Api.aclrtSynchronizeStream(waiting));
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, waiting, 0));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(waiting, 5));
            }
        },
        { "3 of two waiting streams one goes on per record", m =>
            {
                nint first = m.Stream(), second = m.Stream(), notify = m.Notify();
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, first, 0));
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, second, 0));
                m.Ok(m.Api.aclrtRecordNotify(notify, 0));
                Until(() => Engine(first).Head + Engine(second).Head == 1);
                m.Ok(m.Api.aclrtRecordNotify(notify, 0));
                m.Ok(m.Api.aclrtSynchronizeStream(first));
                m.Ok(m.Api.aclrtSynchronizeStream(second));
            }
        },
        { "3 across devices", m =>
            {
                nint waiting = m.Stream(), notify = m.Notify();
                m.Ok(m.Api.aclrtWaitAndResetNotify(notify, waiting, 0));
                m.Ok(m.Api.aclrtSetDevice(1));
                m.Ok(m.Api.aclrtRecordNotify(notify, 0));
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Ok(m.Api.aclrtSynchronizeStream(waiting));
            }
        },
        { "3 id: nulls 100000, stale 107017, distinct", m =>
            {
                uint first, second;
                nint one = m.Notify(), other = m.Notify();
                m.Ok(m.Api.aclrtGetNotifyId(one, &first));
                m.Ok(m.Api.aclrtGetNotifyId(other, &second));
                Assert.NotEqual(first, second);
                m.Returns(100000, m.Api.aclrtGetNotifyId(0, &first));
                m.Returns(100000, m.Api.aclrtGetNotifyId(one, null));
                m.Returns(107017, m.Api.aclrtGetNotifyId(Junk, &first));
            }
        },
        { "3 destroy: NULL 100000, second 107017", m =>
            {
                nint notify = m.Notify();
                m.Returns(100000, m.Api.aclrtDestroyNotify(0));
                m.Ok(m.Api.aclrtDestroyNotify(notify));
                m.Returns(107017, m.Api.aclrtDestroyNotify(notify));
            }
        },
        { "3 BatchReset: num 0 107000, NULL 100000, forgets the records", RowTable.New, m =>
            {
                nint* both = stackalloc nint[2];
                (both[0], both[1]) = (m.Notify(), m.Notify());
                m.Returns(107000, m.Api.aclrtNotifyBatchReset(both, 0));
                m.Returns(100000, m.Api.aclrtNotifyBatchReset(null, 2));
                m.Ok(m.Api.aclrtRecordNotify(both[0], 0));
                m.Ok(m.Api.aclrtRecordNotify(both[1], 0));
                m.Ok(m.Api.aclrtNotifyBatchReset(both, 2));
                nint waiting = m.Stream();
                m.Ok(m.Api.aclrtWaitAndResetNotify(both[1], waiting, 0));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(waiting, 5));
                m.Ok(m.Api.aclrtRecordNotify(both[1], 0));
            }
        },
        { "3 BatchReset: stops at the first failure", m =>
            {
                nint* notifies = stackalloc nint[3];
                (notifies[0], notifies[1], notifies[2]) = (m.Notify(), Junk, m.Notify());
                m.Ok(m.Api.aclrtRecordNotify(notifies[0], 0));
                m.Ok(m.Api.aclrtRecordNotify(notifies[2], 0));
                m.Returns(107017, m.Api.aclrtNotifyBatchReset(notifies, 3));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
                nint first = m.Stream(), last = m.Stream();
                m.Ok(m.Api.aclrtWaitAndResetNotify(notifies[0], first, 0));
                m.Ok(m.Api.aclrtWaitAndResetNotify(notifies[2], last, 0));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(first, 5));
                m.Ok(m.Api.aclrtSynchronizeStream(last));
            }
        },
        { "3 BatchReset: 207000", RowTable.Old, m => { nint notify = m.Notify(); m.Returns(207000, m.Api.aclrtNotifyBatchReset(&notify, 1)); } },
        { "09 counting notifies: 207000", "910b,910c,310b,310p,910", m => { nint notify; m.Returns(207000, m.Api.aclrtCntNotifyCreate(&notify, 0)); } },
        { "09 counting: record modes and wait modes", "950", m =>
            {
                nint notify, recording = m.Stream();
                m.Ok(m.Api.aclrtCntNotifyCreate(&notify, 0));
                foreach ((int recordMode, uint value, int waitMode, uint compared, int short_) in ((int, uint, int, uint, int)[])
                [
                    (0, 5, 1, 5, 0), (1, 2, 1, 7, 0), (2, 8, 1, 15, 0), (4, 6, 1, 6, 0),
                    (0, 3, 0, 4, 3), (0, 9, 2, 8, 8), (0, 9, 3, 9, 8), (0, 0x15, 4, 5, 1),
                ])
                {
                    nint waiting = m.Stream();
                    if (short_ != 0)
                    {
                        // A value that does not fit the comparison: the wait stands.
                        Record(m, notify, recording, 0, waitMode == 0 ? compared : (uint)short_);
                        m.Ok(m.Api.aclrtSynchronizeStream(recording));
                        Wait(m, notify, waiting, waitMode, compared, clears: false);
                        m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(waiting, 2));
                        Record(m, notify, recording, recordMode, value);
                    }
                    else
                    {
                        Record(m, notify, recording, recordMode, value);
                        Wait(m, notify, waiting, waitMode, compared, clears: false);
                    }
                    m.Ok(m.Api.aclrtSynchronizeStream(waiting));
                }
            }
        },
        { "09 counting: isClear starts from 0, Reset too", "950", m =>
            {
                nint notify, stream = m.Stream(), waiting = m.Stream();
                m.Ok(m.Api.aclrtCntNotifyCreate(&notify, 0));
                Record(m, notify, stream, 0, 5);
                Wait(m, notify, stream, 1, 5, clears: true);
                Wait(m, notify, stream, 1, 0, clears: false);
                Record(m, notify, stream, 0, 9);
                m.Ok(m.Api.aclrtCntNotifyReset(notify, stream));
                Wait(m, notify, stream, 1, 0, clears: false);
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Wait(m, notify, waiting, 1, 1, clears: false, timeoutSeconds: 1);
                m.Returns(107020, m.Api.aclrtSynchronizeStream(waiting));
            }
        },
        { "09 counting: nulls 100000, unknown modes 107000, stale 107017, id", "950", m =>
            {
                nint notify;
                uint id;
                aclrtCntNotifyRecordInfo record = new() { mode = (aclrtCntNotifyRecordMode)3 };
                aclrtCntNotifyWaitInfo wait = new() { mode = (aclrtCntNotifyWaitMode)5 };
                m.Returns(100000, m.Api.aclrtCntNotifyCreate(null, 0));
                m.Returns(107000, m.Api.aclrtCntNotifyCreate(&notify, 2));
                m.Ok(m.Api.aclrtCntNotifyCreate(&notify, 0));
                m.Returns(100000, m.Api.aclrtCntNotifyRecord(0, 0, &record));
                m.Returns(100000, m.Api.aclrtCntNotifyRecord(notify, 0, null));
                m.Returns(100000, m.Api.aclrtCntNotifyWaitWithTimeout(notify, 0, null));
                m.Returns(107000, m.Api.aclrtCntNotifyRecord(notify, 0, &record));
                m.Returns(107000, m.Api.aclrtCntNotifyWaitWithTimeout(notify, 0, &wait));
                m.Ok(m.Api.aclrtCntNotifyGetId(notify, &id));
                m.Returns(100000, m.Api.aclrtCntNotifyGetId(notify, null));
                m.Ok(m.Api.aclrtCntNotifyDestroy(notify));
                m.Returns(107017, m.Api.aclrtCntNotifyDestroy(notify));
                m.Returns(107017, m.Api.aclrtCntNotifyReset(notify, 0));
                m.Returns(100000, m.Api.aclrtCntNotifyReset(0, 0));
            }
        },
    };

    public static TheoryData<string> Rows => s_rows.Names;

    [Theory, MemberData(nameof(Rows))]
    public void Row(string row) => s_rows.Run(row);

    private static void Record(TestMachine m, nint notify, nint stream, int mode, uint value)
    {
        var info = new aclrtCntNotifyRecordInfo { mode = (aclrtCntNotifyRecordMode)mode, value = value };
        m.Ok(m.Api.aclrtCntNotifyRecord(notify, stream, &info));
    }

    private static void Wait(TestMachine m, nint notify, nint stream, int mode, uint value, bool clears, uint timeoutSeconds = 0)
    {
        var info = new aclrtCntNotifyWaitInfo { mode = (aclrtCntNotifyWaitMode)mode, value = value, isClear = clears ? (byte)1 : (byte)0, timeout = timeoutSeconds };
        m.Ok(m.Api.aclrtCntNotifyWaitWithTimeout(notify, stream, &info));
    }

    [Theory]
    [InlineData("3", "910b", 8192), InlineData("3", "910c", 8192), InlineData("3", "950", 65535), InlineData("3", "310b", 2048), InlineData("3", "310p", 1024), InlineData("3", "910", 1024)]
    public void NotifiesPerDevice_LimitOfTheChip_Is207009BeyondIt(string row, string soc, int limit)
    {
        using var machine = new TestMachine(soc);
        nint notify = 0;
        for (int index = 0; index < limit; index++)
        {
            machine.Ok(machine.Api.aclrtCreateNotify(&notify, 0), row);
        }
        nint beyond;
        machine.Returns(207009, machine.Api.aclrtCreateNotify(&beyond, 0));
        machine.Ok(machine.Api.aclrtDestroyNotify(notify));
        machine.Ok(machine.Api.aclrtCreateNotify(&beyond, 0));
    }
}
