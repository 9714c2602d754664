using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Section 1 of the facts about streams, row by row.</summary>
public sealed unsafe class StreamRowsTests
{
    private const uint Persistent = 4, Huge = 8, CpuSchedule = 0x10, OnlyDevice = 0x20;

    private static readonly RowTable s_rows = new()
    {
        { "1.1 the default stream does not synchronise with others", m =>
            {
                nint stream = m.Stream();
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtSynchronizeStream(0));
                Assert.True(m.IsComplete(0));
                Assert.False(m.IsComplete(stream));
            }
        },
        { "1.1 aclrtMemcpy does not wait for the default stream", m =>
            {
                byte* device = m.Device(64);
                using Gate gate = m.Hold(0);
                m.Write(device, new byte[64]);
                Assert.False(m.IsComplete(0));
            }
        },
        { "1.1 NULL is the default stream of the current context", m =>
            {
                using Gate gate = m.Hold(0);
                Assert.False(m.IsComplete(m.DefaultStream()));
            }
        },
        { "1.1 threads that set the same device share the default stream", m =>
            {
                nint here = m.DefaultStream();
                OnFreshThread(() =>
                {
                    m.Ok(m.Api.aclrtSetDevice(0));
                    Assert.Equal(here, m.DefaultStream());
                });
            }
        },
        { "1.1 the default stream cannot be destroyed", m => m.Returns(107000, m.Api.aclrtDestroyStream(m.DefaultStream())) },
        { "1.1 submit to a stream of another context: 107003", m => m.Returns(107003, m.Api.aclrtRecordEvent(m.ExEvent(), m.ForeignStream())) },
        { "1.1 107003 names both contexts", m =>
            {
                m.Returns(107003, m.Api.aclrtRecordEvent(m.ExEvent(), m.ForeignStream()));
                string text = m.Message()!;
                Assert.Contains("primary context", text, StringComparison.Ordinal);
                Assert.Contains("of device 0", text, StringComparison.Ordinal);
                Assert.Contains("of device 1", text, StringComparison.Ordinal);
            }
        },
        { "1.1 synchronise, query, id, priority, flags and subscribe accept any stream", m =>
            {
                nint foreign = m.ForeignStream();
                int id;
                uint value;
                m.Ok(m.Api.aclrtSynchronizeStream(foreign));
                Assert.True(m.IsComplete(foreign));
                m.Ok(m.Api.aclrtStreamGetId(foreign, &id));
                m.Ok(m.Api.aclrtStreamGetPriority(foreign, &value));
                m.Ok(m.Api.aclrtStreamGetFlags(foreign, &value));
                m.Ok(m.Api.aclrtSubscribeReport(1, foreign));
            }
        },
        { "1.1 synchronise and query still need some current context: 107002", m =>
            {
                nint stream = m.Stream();
                OnFreshThread(() =>
                {
                    aclrtStreamStatus status;
                    m.Returns(107002, m.Api.aclrtSynchronizeStream(stream));
                    m.Returns(107002, m.Api.aclrtStreamQuery(stream, &status));
                    Assert.Contains("never called aclrtSetDevice", m.Message(), StringComparison.Ordinal);
                });
            }
        },
        { "1.2 aclrtCreateStream: stream NULL 100000", m => m.Returns(100000, m.Api.aclrtCreateStream(null)) },
        { "1.2 aclrtCreateStream: no context 107002", m => OnFreshThread(() => { nint stream; m.Returns(107002, m.Api.aclrtCreateStream(&stream)); }) },
        { "1.2 aclrtCreateStreamWithConfig: stream NULL 100000", m => m.Returns(100000, m.Api.aclrtCreateStreamWithConfig(null, 0, 0)) },
        { "1.2 every documented flag is reported", m =>
            {
                foreach (uint flag in (uint[])[1, 2, 4, 8, 0x10, 0x20, 0x1F])
                {
                    uint flags;
                    m.Ok(m.Api.aclrtStreamGetFlags(m.Stream(flag), &flags));
                    Assert.Equal(flag, flags);
                }
            }
        },
        { "1.2 unknown bits are ignored", m =>
            {
                uint flags;
                m.Ok(m.Api.aclrtStreamGetFlags(m.Stream(0xFFFF0000 | 1), &flags));
                Assert.Equal(1u, flags);
            }
        },
        { "1.2 HUGE: 207000", "310p", m => { nint stream; m.Returns(207000, m.Api.aclrtCreateStreamWithConfig(&stream, 0, Huge)); } },
        { "1.2 HUGE: no effect", "910b,910c,950,310b,910", m => _ = m.Stream(Huge) },
        { "1.2 DEVICE_USE_ONLY with another flag: 107000", m => { nint stream; m.Returns(107000, m.Api.aclrtCreateStreamWithConfig(&stream, 0, OnlyDevice | 1)); } },
        { "1.2 priority is clamped to 0..7", m =>
            {
                foreach ((uint given, uint kept) in ((uint, uint)[])[(0, 0), (3, 3), (7, 7), (8, 7), (uint.MaxValue, 7)])
                {
                    uint priority;
                    m.Ok(m.Api.aclrtStreamGetPriority(m.Stream(0, given), &priority));
                    Assert.Equal(kept, priority);
                }
            }
        },
        { "1.5 aclrtSynchronizeStream: stale handle 107017", m => m.Returns(107017, m.Api.aclrtSynchronizeStream(m.StaleStream())) },
        { "1.5 aclrtSynchronizeStream: never a handle 107017", m => m.Returns(107017, m.Api.aclrtSynchronizeStream(Junk)) },
        { "1.5 aclrtSynchronizeStream: an event's handle 107017", m => m.Returns(107017, m.Api.aclrtSynchronizeStream(m.Event())) },
        { "1.5 aclrtSynchronizeStream: PERSISTENT, CPU_SCHEDULE, DEVICE_USE_ONLY return at once, even without a context", m =>
            {
                foreach (uint flag in (uint[])[Persistent, CpuSchedule, OnlyDevice])
                {
                    nint stream = m.Stream(flag);
                    using Gate gate = m.Hold(stream);
                    m.Ok(m.Api.aclrtSynchronizeStream(stream));
                    Assert.True(m.IsComplete(stream));
                    OnFreshThread(() => m.Ok(m.Api.aclrtSynchronizeStream(stream)));
                }
            }
        },
        { "1.5 aclrtSynchronizeStream: the stream's asynchronous error", m => { nint stream = m.Stream(); m.Fault(stream); m.Returns(507013, m.Api.aclrtSynchronizeStream(stream)); } },
        { "1.5 WithTimeout: below -1 107000, not stored", m => { m.Returns(107000, m.Api.aclrtSynchronizeStreamWithTimeout(m.Stream(), -2)); Assert.Equal(0, m.LastError()); } },
        { "1.5 WithTimeout: below -1 comes before the handle", m => m.Returns(107000, m.Api.aclrtSynchronizeStreamWithTimeout(Junk, -2)) },
        { "1.5 WithTimeout: 0 is 107000, stored", m => { m.Returns(107000, m.Api.aclrtSynchronizeStreamWithTimeout(m.Stream(), 0)); Assert.Equal(107000, m.LastError()); } },
        { "1.5 WithTimeout: -1 has no limit", m => m.Ok(m.Api.aclrtSynchronizeStreamWithTimeout(m.Stream(), -1)) },
        { "1.5 WithTimeout: 507046, the tasks keep running", m =>
            {
                nint stream = m.Stream();
                using Gate gate = m.Hold(stream);
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(stream, 5));
                Assert.Contains("(EE1002)", m.Message(), StringComparison.Ordinal);
                gate.Open();
                m.Ok(m.Api.aclrtSynchronizeStreamWithTimeout(stream, 30_000));
                Assert.True(m.IsComplete(stream));
            }
        },
        { "1.5 WithTimeout: the unit is milliseconds", m =>
            {
                nint stream = m.Stream();
                using Gate gate = m.Hold(stream);
                long start = Environment.TickCount64;
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(stream, 60));
                Assert.InRange(Environment.TickCount64 - start, 50, 20_000);
            }
        },
        { "1.5 aclrtStreamQuery: status NULL 100000", m => m.Returns(100000, m.Api.aclrtStreamQuery(m.Stream(), null)) },
        { "1.5 aclrtStreamQuery: stale handle 107017", m => { aclrtStreamStatus status; m.Returns(107017, m.Api.aclrtStreamQuery(m.StaleStream(), &status)); } },
        { "1.5 aclrtStreamQuery: NOT_READY, then COMPLETE, last error untouched", m =>
            {
                nint stream = m.Stream();
                using Gate gate = m.Hold(stream);
                Assert.False(m.IsComplete(stream));
                Assert.Equal(0, m.LastError());
                gate.Open();
                Until(() => m.IsComplete(stream));
            }
        },
        { "1.5 aclrtStreamQuery: asynchronous errors are not returned", m =>
            {
                nint stream = m.Stream();
                m.Fault(stream);
                Until(() => m.IsComplete(stream));
                m.Returns(507013, m.Api.aclrtSynchronizeStream(stream));
            }
        },
        { "1.5 aclrtSynchronizeDevice: no context 107002", m => OnFreshThread(() => m.Returns(107002, m.Api.aclrtSynchronizeDevice())) },
        { "1.5 aclrtSynchronizeDeviceWithTimeout: 0 and below -1 107000", m =>
            {
                m.Returns(107000, m.Api.aclrtSynchronizeDeviceWithTimeout(0));
                m.Returns(107000, m.Api.aclrtSynchronizeDeviceWithTimeout(-2));
            }
        },
        { "1.5 aclrtSynchronizeDevice waits for the current context only", m =>
            {
                nint stream = m.Stream(), context;
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtCreateContext(&context, 0));
                m.Ok(m.Api.aclrtSynchronizeDevice());
                m.Ok(m.Api.aclrtSetDevice(0));
                m.Returns(507046, m.Api.aclrtSynchronizeDeviceWithTimeout(5));
            }
        },
        { "1.5 aclrtSynchronizeDevice: DEVICE_USE_ONLY is skipped", RowTable.AllChips, m => { using Gate gate = m.Hold(m.Stream(OnlyDevice)); m.Ok(m.Api.aclrtSynchronizeDevice()); } },
        { "1.5 aclrtSynchronizeDevice: PERSISTENT and CPU_SCHEDULE are skipped", "950", m =>
            {
                using Gate first = m.Hold(m.Stream(Persistent)), second = m.Hold(m.Stream(CpuSchedule));
                m.Ok(m.Api.aclrtSynchronizeDevice());
            }
        },
        { "1.5 aclrtSynchronizeDevice: an unbound PERSISTENT stream is waited for", "910b,910c,310b,310p,910", m => { using Gate gate = m.Hold(m.Stream(Persistent)); m.Returns(507046, m.Api.aclrtSynchronizeDeviceWithTimeout(5)); } },
        { "1.5 aclrtSynchronizeDevice: the first error wins, all are taken", m =>
            {
                nint first = m.Stream(), second = m.Stream();
                m.Fault(first, AclError.RtSysDma);
                m.Fault(second, AclError.RtTsError);
                m.Returns(507013, m.Api.aclrtSynchronizeDevice());
                m.Ok(m.Api.aclrtSynchronizeDevice());
            }
        },
        { "1.6 aclrtDestroyStream: NULL 100000", m => m.Returns(100000, m.Api.aclrtDestroyStream(0)) },
        { "1.6 aclrtDestroyStream: a second destroy is 107017", m => m.Returns(107017, m.Api.aclrtDestroyStream(m.StaleStream())) },
        { "1.6 aclrtDestroyStream: no context 107002", m => { nint stream = m.Stream(); OnFreshThread(() => m.Returns(107002, m.Api.aclrtDestroyStream(stream))); } },
        { "1.6 aclrtDestroyStream: other context 107003", m => m.Returns(107003, m.Api.aclrtDestroyStream(m.ForeignStream())) },
        { "1.6 aclrtDestroyStream waits for the queued work", m =>
            {
                nint stream = m.Stream();
                byte* device = m.Device(64), host = m.Pinned(64, 9);
                Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                gate.WaitUntilEntered();
                Background destroyer = m.InBackground(() => m.Ok(m.Api.aclrtDestroyStream(stream)));
                Until(() => !HandleTable.TryGet(stream, out Stream? _));
                Assert.False(destroyer.HasEnded);
                gate.Open();
                destroyer.Join();
                Assert.All(m.Read(device, 64), value => Assert.Equal(9, value));
            }
        },
        { "1.6 aclrtDestroyStream: asynchronous errors of the drained tasks are not returned", m => { nint stream = m.Stream(); m.Fault(stream); m.Ok(m.Api.aclrtDestroyStream(stream)); } },
        { "1.6 aclrtDestroyStream ends callback subscriptions", m =>
            {
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtSubscribeReport(77, stream));
                m.Ok(m.Api.aclrtDestroyStream(stream));
                nint other = m.Stream();
                m.Ok(m.Api.aclrtSubscribeReport(77, other));
                m.Ok(m.Api.aclrtUnSubscribeReport(77, other));
            }
        },
        { "1.6 aclrtDestroyStreamForce: NULL 100000, handle 107017, context 107003", m =>
            {
                m.Returns(100000, m.Api.aclrtDestroyStreamForce(0));
                m.Returns(107017, m.Api.aclrtDestroyStreamForce(m.StaleStream()));
                m.Returns(107003, m.Api.aclrtDestroyStreamForce(m.ForeignStream()));
            }
        },
        { "1.6 aclrtDestroyStreamForce does not wait, queued work is discarded", m =>
            {
                nint stream = m.Stream();
                byte* device = m.Device(64), host = m.Pinned(64, 9);
                m.Write(device, new byte[64]);
                using Gate gate = m.Hold(stream);
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                gate.WaitUntilEntered();
                m.Ok(m.Api.aclrtDestroyStreamForce(stream));
                Assert.All(m.Read(device, 64), value => Assert.Equal(0, value));
            }
        },
        { "1.6 aclrtStreamAbort: 207000 [old chips]", RowTable.Old, m => m.Returns(207000, m.Api.aclrtStreamAbort(m.Stream())) },
        { "1.6 aclrtStreamAbort: not PERSISTENT", "950", m => m.Returns(207000, m.Api.aclrtStreamAbort(m.Stream(Persistent))) },
        { "1.6 aclrtStreamAbort discards the queue; a blocked synchronise returns 107023; the stream works again", RowTable.New, m =>
            {
                nint stream = m.Stream(), never = m.FlaggedEvent();
                byte* device = m.Device(64), host = m.Pinned(64, 9);
                m.Write(device, new byte[64]);
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, never));
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                m.Ok(m.Api.aclrtStreamAbort(stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Assert.All(m.Read(device, 64), value => Assert.Equal(0, value));
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Assert.All(m.Read(device, 64), value => Assert.Equal(9, value));
            }
        },
        { "1.6 aclrtStreamAbort: dependants in other streams stay blocked", m =>
            {
                nint stream = m.Stream(), dependant = m.Stream(), never = m.FlaggedEvent(), recorded = m.ExEvent();
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, never));
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                m.Ok(m.Api.aclrtStreamWaitEvent(dependant, recorded));
                m.Ok(m.Api.aclrtStreamAbort(stream));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(dependant, 5));
                m.Returns(107023, m.Api.aclrtSynchronizeEvent(recorded));
                m.Ok(m.Api.aclrtDestroyStreamForce(dependant));
            }
        },
        { "1.6 aclrtStreamStop stops without clearing; aclrtStreamAbort ends it", m =>
            {
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtStreamStop(stream));
                byte* device = m.Device(64), host = m.Pinned(64, 9);
                m.Write(device, new byte[64]);
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, stream));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(stream, 5));
                Assert.Equal(1, Engine(stream).Tail - Engine(stream).Head);
                m.Ok(m.Api.aclrtStreamAbort(stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Assert.All(m.Read(device, 64), value => Assert.Equal(0, value));
            }
        },
        { "1.6 aclrtPersistentTaskClean empties a PERSISTENT stream, refuses others", m =>
            {
                nint stream = m.Stream(Persistent), never = m.FlaggedEvent();
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, never));
                m.Ok(m.Api.aclrtPersistentTaskClean(stream));
                Assert.True(Engine(stream).IsIdle);
                m.Returns(107000, m.Api.aclrtPersistentTaskClean(m.Stream()));
            }
        },
        { "1.6 abort, stop, clean: NULL 100000, stale 107017, foreign 107003", m =>
            {
                nint stale = m.StaleStream(), foreign = m.ForeignStream();
                foreach ((nint stream, int code) in ((nint, int)[])[(0, 100000), (stale, 107017), (foreign, 107003)])
                {
                    m.Returns(code, m.Api.aclrtStreamAbort(stream));
                    m.Returns(code, m.Api.aclrtStreamStop(stream));
                    m.Returns(code, m.Api.aclrtPersistentTaskClean(stream));
                }
            }
        },
        { "1.3 aclrtGetStreamAvailableNum counts down and up", m =>
            {
                uint before, during, after;
                m.Ok(m.Api.aclrtGetStreamAvailableNum(&before));
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtGetStreamAvailableNum(&during));
                m.Ok(m.Api.aclrtDestroyStream(stream));
                m.Ok(m.Api.aclrtGetStreamAvailableNum(&after));
                Assert.Equal((before - 1, before), (during, after));
                m.Returns(100000, m.Api.aclrtGetStreamAvailableNum(null));
            }
        },
        { "1.3 full queue: model-less PERSISTENT stream 507002", "950", m =>
            {
                nint stream = m.Stream(Persistent), never = m.FlaggedEvent(), recorded = m.ExEvent();
                m.Ok(m.Api.aclrtStreamWaitEvent(stream, never));
                for (int task = 1; task < Chip.Current.TasksPerStream; task++)
                {
                    m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                }
                m.Returns(507002, m.Api.aclrtRecordEvent(recorded, stream));
                Assert.Contains("(EE1019)", m.Message(), StringComparison.Ordinal);
                m.Ok(m.Api.aclrtDestroyStreamForce(stream));
            }
        },
        { "overflow switch: kept per stream, 0 or 1", RowTable.New, m =>
            {
                nint stream = m.Stream(), other = m.Stream();
                uint flag;
                m.Ok(m.Api.aclrtSetStreamOverflowSwitch(stream, 1));
                m.Ok(m.Api.aclrtGetStreamOverflowSwitch(stream, &flag));
                Assert.Equal(1u, flag);
                m.Ok(m.Api.aclrtGetStreamOverflowSwitch(other, &flag));
                Assert.Equal(0u, flag);
                m.Returns(107000, m.Api.aclrtSetStreamOverflowSwitch(stream, 2));
                m.Returns(100000, m.Api.aclrtGetStreamOverflowSwitch(stream, null));
                m.Returns(107017, m.Api.aclrtSetStreamOverflowSwitch(Junk, 1));
            }
        },
        { "overflow switch: 207000", RowTable.Old, m => m.Returns(207000, m.Api.aclrtSetStreamOverflowSwitch(m.Stream(), 1)) },
        { "attributes: what was set is what is got", m =>
            {
                nint stream = m.Stream();
                foreach (aclrtStreamAttr attribute in Enum.GetValues<aclrtStreamAttr>())
                {
                    aclrtStreamAttrValue value = default;
                    value.failureMode = 1;
                    m.Ok(m.Api.aclrtSetStreamAttribute(stream, attribute, &value));
                    value = default;
                    m.Ok(m.Api.aclrtGetStreamAttribute(stream, attribute, &value));
                    Assert.Equal(1ul, value.failureMode);
                }
            }
        },
        { "attributes: value NULL 100000, unknown 107000, stale 107017", m =>
            {
                aclrtStreamAttrValue value = default;
                m.Returns(100000, m.Api.aclrtSetStreamAttribute(m.Stream(), aclrtStreamAttr.ACL_STREAM_ATTR_PRIORITY, null));
                m.Returns(107000, m.Api.aclrtSetStreamAttribute(m.Stream(), (aclrtStreamAttr)9, &value));
                m.Returns(107000, m.Api.aclrtGetStreamAttribute(m.Stream(), (aclrtStreamAttr)0, &value));
                m.Returns(107017, m.Api.aclrtGetStreamAttribute(m.StaleStream(), aclrtStreamAttr.ACL_STREAM_ATTR_PRIORITY, &value));
            }
        },
        { "id, priority, flags: NULL 100000, stale 107017, no context 107002", m =>
            {
                nint stream = m.Stream(), stale = m.StaleStream();
                uint value;
                int id;
                m.Returns(100000, m.Api.aclrtStreamGetId(stream, null));
                m.Returns(100000, m.Api.aclrtStreamGetPriority(stream, null));
                m.Returns(100000, m.Api.aclrtStreamGetFlags(stream, null));
                m.Returns(107017, m.Api.aclrtStreamGetId(stale, &id));
                m.Returns(107017, m.Api.aclrtStreamGetPriority(stale, &value));
                m.Returns(107017, m.Api.aclrtStreamGetFlags(stale, &value));
                OnFreshThread(() => { int other; m.Returns(107002, m.Api.aclrtStreamGetId(stream, &other)); });
            }
        },
    };

    public static TheoryData<string> Rows => s_rows.Names;

    [Theory, MemberData(nameof(Rows))]
    public void Row(string row) => s_rows.Run(row);

    [Theory]
    [InlineData("1.3", "910b", 1984), InlineData("1.3", "910c", 1984), InlineData("1.3", "950", 1984), InlineData("1.3", "310b", 512), InlineData("1.3", "310p", 1024), InlineData("1.3", "910", 2048)]
    public void StreamsPerDevice_LimitOfTheChip_Is207008BeyondIt(string row, string soc, int limit)
    {
        using var machine = new TestMachine(soc);
        nint stream;
        for (int index = 1; index < limit; index++)
        {
            machine.Ok(machine.Api.aclrtCreateStream(&stream), row);
        }
        // The count includes default streams.
        machine.Returns(207008, machine.Api.aclrtCreateStream(&stream));
        Assert.Contains("(EE1023)", machine.Message(), StringComparison.Ordinal);
        machine.Ok(machine.Api.aclrtDestroyStream(stream));
        machine.Ok(machine.Api.aclrtCreateStream(&stream));
    }

    [Theory]
    [InlineData("1.3", "910b", 2013), InlineData("1.3", "910c", 2013), InlineData("1.3", "950", 2014), InlineData("1.3", "310b", 2010), InlineData("1.3", "310p", 2042), InlineData("1.3", "910", 2042)]
    public void FullQueue_OrdinaryStream_HoldsTheCallerUntilThereIsRoom(string row, string soc, int depth)
    {
        using var machine = new TestMachine(soc);
        nint stream = machine.Stream(), recorded = machine.Event();
        using Gate gate = machine.Hold(stream);
        gate.WaitUntilEntered();
        for (int task = 1; task < depth; task++)
        {
            machine.Ok(machine.Api.aclrtRecordEvent(recorded, stream), row);
        }
        Background oneMore = machine.InBackground(() => machine.Ok(machine.Api.aclrtRecordEvent(recorded, stream)));
        Until(() => Engine(stream).HasWaiters || oneMore.HasEnded);
        Assert.False(oneMore.HasEnded, "the queue took more than its depth");
        Assert.Equal(depth, Engine(stream).Tail);
        gate.Open();
        oneMore.Join();
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
        Assert.Equal(depth + 1, Engine(stream).Tail);
    }

    [Fact]
    public void FullQueue_AbortedWhileTheCallerWaits_Returns107023()
    {
        using var machine = new TestMachine(tasksPerStream: 4);
        nint stream = machine.Stream(), never = machine.FlaggedEvent(), recorded = machine.Event();
        machine.Ok(machine.Api.aclrtStreamWaitEvent(stream, never));
        for (int task = 1; task < 4; task++)
        {
            machine.Ok(machine.Api.aclrtRecordEvent(recorded, stream));
        }
        int code = 0;
        Background oneMore = machine.InBackground(() => code = machine.Api.aclrtRecordEvent(recorded, stream));
        Until(() => Engine(stream).HasWaiters);
        machine.Ok(machine.Api.aclrtStreamAbort(stream));
        oneMore.Join();
        // Either it saw the abort, or its turn came after the queue was empty again.
        Assert.True(code is 107023 or 0, $"returned {code}");
        machine.Ok(machine.Api.aclrtSynchronizeStream(stream));
    }

    [Fact]
    public void StateCallbacks_CreateAndDestroy_AreToldWithAValidHandle()
    {
        using var machine = new TestMachine();
        StateLog.Entries.Clear();
        fixed (byte* name = "probe\0"u8)
        {
            machine.Ok(machine.Api.aclrtRegStreamStateCallback(name, StateLog.StreamFunction, (void*)42));
            nint stream = machine.Stream();
            machine.Ok(machine.Api.aclrtDestroyStream(stream));
            Assert.Equal([$"{stream:x} 1 42", $"{stream:x} 2 42"], StateLog.Entries);
            machine.Ok(machine.Api.aclrtRegStreamStateCallback(name, 0, null));
            _ = machine.Stream();
            Assert.Equal(2, StateLog.Entries.Count);
            machine.Returns(100000, machine.Api.aclrtRegStreamStateCallback(null, StateLog.StreamFunction, null));
        }
    }
}
