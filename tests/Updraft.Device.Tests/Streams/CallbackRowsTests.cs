using static Updraft.Device.Tests.StreamSteps;

namespace Updraft.Device.Tests;

/// <summary>Section 4 of the facts about streams: report threads, host functions, exception callbacks.</summary>
public sealed unsafe class CallbackRowsTests
{
    private const aclrtCallbackBlockType Block = aclrtCallbackBlockType.ACL_CALLBACK_BLOCK, NoBlock = aclrtCallbackBlockType.ACL_CALLBACK_NO_BLOCK;

    private static ulong Self => Posix.pthread_self();

    private static readonly RowTable s_rows = new()
    {
        { "4.1 Subscribe: one thread may serve many streams, a stream has one thread 107011", m =>
            {
                nint first = m.Stream(), second = m.Stream();
                m.Ok(m.Api.aclrtSubscribeReport(1, first));
                m.Ok(m.Api.aclrtSubscribeReport(1, second));
                m.Returns(107011, m.Api.aclrtSubscribeReport(1, first));
                m.Returns(107011, m.Api.aclrtSubscribeReport(2, first));
            }
        },
        { "4.1 Subscribe: a thread bound to another device 107012", m =>
            {
                nint foreign = m.ForeignStream();
                m.Ok(m.Api.aclrtSubscribeReport(1, m.Stream()));
                m.Returns(107012, m.Api.aclrtSubscribeReport(1, foreign));
            }
        },
        { "4.1 Subscribe: more than 1024 threads 507000", m =>
            {
                for (ulong thread = 1; thread <= 1024; thread++)
                {
                    m.Ok(m.Api.aclrtSubscribeReport(thread, m.Stream()));
                }
                m.Returns(507000, m.Api.aclrtSubscribeReport(1025, m.Stream()));
            }
        },
        { "4.1 Subscribe: stream used by LaunchHostFunc 107011", m =>
            {
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtLaunchHostFunc(stream, Calls.Uncounted, null));
                m.Returns(107011, m.Api.aclrtSubscribeReport(1, stream));
            }
        },
        { "4.1 Subscribe: NULL is the default stream, stale 107017", m =>
            {
                m.Ok(m.Api.aclrtSubscribeReport(1, 0));
                m.Returns(107011, m.Api.aclrtSubscribeReport(2, m.DefaultStream()));
                m.Returns(107017, m.Api.aclrtSubscribeReport(1, m.StaleStream()));
            }
        },
        { "4.1 Subscribe: a current context is needed for any stream 107002", RowTable.Stars, m => { nint stream = m.Stream(); OnFreshThread(() => m.Returns(107002, m.Api.aclrtSubscribeReport(1, stream))); } },
        { "4.1 Subscribe: a current context is needed for NULL only", "310p,910", m =>
            {
                nint stream = m.Stream();
                OnFreshThread(() =>
                {
                    m.Returns(107002, m.Api.aclrtSubscribeReport(1, 0));
                    m.Ok(m.Api.aclrtSubscribeReport(1, stream));
                });
            }
        },
        { "4.1 LaunchCallback: blockType 100000, handle 107017, fn NULL 107000, not subscribed 107015, 107002, 107003", m =>
            {
                nint stream = m.Stream();
                m.Returns(100000, m.Api.aclrtLaunchCallback(Calls.Function, null, (aclrtCallbackBlockType)2, stream));
                m.Returns(107017, m.Api.aclrtLaunchCallback(0, null, Block, m.StaleStream()));
                m.Returns(107000, m.Api.aclrtLaunchCallback(0, null, Block, stream));
                m.Returns(107015, m.Api.aclrtLaunchCallback(Calls.Function, null, Block, stream));
                m.Returns(107015, m.Api.aclrtLaunchCallback(Calls.Function, null, Block, 0));
                m.Returns(107003, m.Api.aclrtLaunchCallback(Calls.Function, null, Block, m.ForeignStream()));
                OnFreshThread(() => m.Returns(107002, m.Api.aclrtLaunchCallback(Calls.Function, null, Block, stream)));
            }
        },
        { "4.1 LaunchCallback: stream in host-function mode 107011, before the context", m =>
            {
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtLaunchHostFunc(stream, Calls.Uncounted, null));
                m.Returns(107011, m.Api.aclrtLaunchCallback(Calls.Function, null, Block, stream));
                OnFreshThread(() => m.Returns(107011, m.Api.aclrtLaunchCallback(Calls.Function, null, Block, stream)));
            }
        },
        { "4.1 BLOCK stops later tasks until the function has returned", m =>
            {
                Calls calls = Calls.Start();
                nint stream = m.Stream(), recorded = m.ExEvent();
                m.Ok(m.Api.aclrtSubscribeReport(Self, stream));
                m.Ok(m.Api.aclrtLaunchCallback(Calls.Function, (void*)7, Block, stream));
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                m.Returns(507047, m.Api.aclrtSynchronizeEventWithTimeout(recorded, 5));
                m.Ok(m.Api.aclrtProcessReport(30_000));
                m.Ok(m.Api.aclrtSynchronizeEvent(recorded));
                Assert.Equal([7], calls.Arguments);
                Assert.Equal([Environment.CurrentManagedThreadId], calls.Threads);
            }
        },
        { "4.1 NO_BLOCK does not stop later tasks", m =>
            {
                Calls calls = Calls.Start();
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtSubscribeReport(Self, stream));
                m.Ok(m.Api.aclrtLaunchCallback(Calls.Function, (void*)1, NoBlock, stream));
                m.Ok(m.Api.aclrtLaunchCallback(Calls.Function, (void*)2, NoBlock, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Assert.Empty(calls.Arguments);
                m.Ok(m.Api.aclrtProcessReport(-1));
                Assert.Equal([1, 2], calls.Arguments); // One call runs several.
            }
        },
        { "4.1 ProcessReport: 0 or below -1 100000; not subscribed 107012; nothing in time 507012", m =>
            {
                m.Returns(100000, m.Api.aclrtProcessReport(0));
                m.Returns(100000, m.Api.aclrtProcessReport(-2));
                m.Returns(107012, m.Api.aclrtProcessReport(1));
                m.Ok(m.Api.aclrtSubscribeReport(Self, m.Stream()));
                m.Returns(507012, m.Api.aclrtProcessReport(2));
                Assert.Equal(507012, m.LastError());
            }
        },
        { "4.1 callbacks run on the subscribed thread, which waits for them", m =>
            {
                Calls calls = Calls.Start();
                nint stream = m.Stream();
                using var started = new ManualResetEventSlim();
                ulong thread = 0;
                int managed = 0;
                Background reporter = m.InBackground(() =>
                {
                    (thread, managed) = (Self, Environment.CurrentManagedThreadId);
                    m.Ok(m.Api.aclrtSubscribeReport(Self, stream));
                    started.Set();
                    m.Ok(m.Api.aclrtProcessReport(30_000));
                    m.Ok(m.Api.aclrtUnSubscribeReport(Self, stream));
                });
                Assert.True(started.Wait(TimeSpan.FromSeconds(30)));
                m.Ok(m.Api.aclrtLaunchCallback(Calls.Function, null, Block, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                reporter.Join();
                Assert.Equal([managed], calls.Threads);
                m.Returns(107012, m.Api.aclrtProcessReport(1));
            }
        },
        { "4.1 UnSubscribe: not subscribed 107011, wrong thread 107012", m =>
            {
                nint stream = m.Stream();
                m.Returns(107011, m.Api.aclrtUnSubscribeReport(1, stream));
                m.Ok(m.Api.aclrtSubscribeReport(1, stream));
                m.Returns(107012, m.Api.aclrtUnSubscribeReport(2, stream));
                m.Ok(m.Api.aclrtUnSubscribeReport(1, stream));
                m.Returns(107011, m.Api.aclrtUnSubscribeReport(1, stream));
                m.Ok(m.Api.aclrtSubscribeReport(2, stream));
            }
        },
        { "4.1 UnSubscribe: the stream goes on behind callbacks that nobody runs", m =>
            {
                Calls calls = Calls.Start();
                nint stream = m.Stream();
                m.Ok(m.Api.aclrtSubscribeReport(1, stream));
                m.Ok(m.Api.aclrtLaunchCallback(Calls.Function, null, Block, stream));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(stream, 2));
                m.Ok(m.Api.aclrtUnSubscribeReport(1, stream));
                m.Ok(m.Api.aclrtSynchronizeStream(stream));
                Assert.Empty(calls.Arguments);
            }
        },
        { "4.1 ProcessReport that waits ends with 107012 when its last stream is destroyed", m =>
            {
                nint stream = m.Stream();
                using var started = new ManualResetEventSlim();
                Background reporter = m.InBackground(() =>
                {
                    m.Ok(m.Api.aclrtSubscribeReport(Self, stream));
                    started.Set();
                    m.Returns(107012, m.Api.aclrtProcessReport(-1));
                });
                Assert.True(started.Wait(TimeSpan.FromSeconds(30)));
                m.Ok(m.Api.aclrtDestroyStream(stream));
                reporter.Join();
            }
        },
        { "4.2 LaunchHostFunc: fn NULL 107000, subscribed stream 107011, 107002, 107003, stale 107017", m =>
            {
                nint stream = m.Stream(), subscribed = m.Stream();
                m.Returns(107000, m.Api.aclrtLaunchHostFunc(stream, 0, null));
                m.Ok(m.Api.aclrtSubscribeReport(1, subscribed));
                m.Returns(107011, m.Api.aclrtLaunchHostFunc(subscribed, Calls.Function, null));
                m.Returns(107003, m.Api.aclrtLaunchHostFunc(m.ForeignStream(), Calls.Function, null));
                m.Returns(107017, m.Api.aclrtLaunchHostFunc(m.StaleStream(), Calls.Function, null));
                OnFreshThread(() => m.Returns(107002, m.Api.aclrtLaunchHostFunc(stream, Calls.Function, null)));
            }
        },
        { "4.2 a single hidden thread per context runs all host functions, one after another", m =>
            {
                Calls calls = Calls.Start();
                nint[] streams = [.. Enumerable.Range(0, 8).Select(_ => m.Stream())];
                for (int round = 0; round < 50; round++)
                {
                    foreach (nint stream in streams)
                    {
                        m.Ok(m.Api.aclrtLaunchHostFunc(stream, Calls.Function, (void*)round));
                    }
                }
                m.Ok(m.Api.aclrtSynchronizeDevice());
                Assert.Equal(400, calls.Arguments.Length);
                Assert.Single(calls.Threads);
                Assert.NotEqual(Environment.CurrentManagedThreadId, calls.Threads[0]);
                Assert.Equal(1, Calls.Together);
            }
        },
        { "4.2 two contexts have two threads", m =>
            {
                Calls calls = Calls.Start();
                m.Ok(m.Api.aclrtLaunchHostFunc(0, Calls.Function, null));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
                m.Ok(m.Api.aclrtSetDevice(1));
                m.Ok(m.Api.aclrtLaunchHostFunc(0, Calls.Function, null));
                m.Ok(m.Api.aclrtSynchronizeStream(0));
                Assert.Equal(2, calls.Threads.Length);
            }
        },
        { "4.2 a host function blocks its own stream, not others", m =>
            {
                nint held = m.Stream(), free = m.Stream();
                byte* device = m.Device(64), host = m.Pinned(64, 3);
                using Gate gate = m.Hold(held);
                gate.WaitUntilEntered();
                m.Ok(m.Api.aclrtMemcpyAsync(device, 64, host, 64, aclrtMemcpyKind.ACL_MEMCPY_HOST_TO_DEVICE, free));
                m.Ok(m.Api.aclrtSynchronizeStream(free));
                Assert.False(m.IsComplete(held));
            }
        },
        { "4.2 one that waits for another stream's host function deadlocks", m =>
            {
                nint first = m.Stream(), second = m.Stream();
                using Gate gate = m.Hold(first);
                gate.WaitUntilEntered();
                m.Ok(m.Api.aclrtLaunchHostFunc(second, Calls.Uncounted, null));
                m.Returns(507046, m.Api.aclrtSynchronizeStreamWithTimeout(second, 5));
            }
        },
        { "4.3 Register: NULL 107000, not stored; Unregister: NULL 107000, unknown 0", m =>
            {
                m.Returns(107000, m.Api.aclrtExceptionInfoCallbackRegister(0));
                m.Returns(107000, m.Api.aclrtExceptionInfoCallbackUnregister(0));
                Assert.Equal(0, m.LastError());
                m.Ok(m.Api.aclrtExceptionInfoCallbackUnregister(StateLog.ExceptionFunction));
            }
        },
        { "4.3 registered functions are called once per failed task, a repeat is the same entry", m =>
            {
                StateLog.Entries.Clear();
                m.Ok(m.Api.aclrtExceptionInfoCallbackRegister(StateLog.ExceptionFunction));
                m.Ok(m.Api.aclrtExceptionInfoCallbackRegister(StateLog.ExceptionFunction));
                m.Ok(m.Api.aclrtExceptionInfoCallbackRegister(StateLog.OtherExceptionFunction));
                nint stream = m.Stream();
                int id;
                m.Ok(m.Api.aclrtStreamGetId(stream, &id));
                m.Ok(m.Api.aclrtRecordEvent(m.ExEvent(), stream));
                m.Fault(stream);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(stream));
                Assert.Equal([$"first task 1 stream {id} device 0 code 507013", $"second task 1 stream {id} device 0 code 507013"], StateLog.Entries);
                m.Ok(m.Api.aclrtExceptionInfoCallbackUnregister(StateLog.ExceptionFunction));
                m.Fault(stream);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(stream));
                Assert.Equal(3, StateLog.Entries.Count);
            }
        },
        { "4.3 the deprecated slot: in both lists called twice, NULL clears", m =>
            {
                StateLog.Entries.Clear();
                m.Ok(m.Api.aclrtExceptionInfoCallbackRegister(StateLog.ExceptionFunction));
                m.Ok(m.Api.aclrtSetExceptionInfoCallback(StateLog.ExceptionFunction));
                m.Fault(0);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(0));
                Assert.Equal(2, StateLog.Entries.Count);
                m.Ok(m.Api.aclrtSetExceptionInfoCallback(0));
                m.Fault(0);
                m.Returns(507013, m.Api.aclrtSynchronizeStream(0));
                Assert.Equal(3, StateLog.Entries.Count);
            }
        },
        { "4.3 a callback that waits for the stream whose failure it is told gets a time-out at once", m =>
            {
                StateLog.Entries.Clear();
                (StateLog.OwnStream, StateLog.OwnEvent) = (m.Stream(), m.Event());
                m.Ok(m.Api.aclrtExceptionInfoCallbackRegister(StateLog.WaitingExceptionFunction));
                using (m.Hold(StateLog.OwnStream))
                {
                    m.Fault(StateLog.OwnStream);
                    m.Ok(m.Api.aclrtRecordEvent(StateLog.OwnEvent, StateLog.OwnStream));
                }
                m.Returns(507013, m.Api.aclrtSynchronizeStream(StateLog.OwnStream));
                Assert.Equal(["0 507046 507046 507047"], StateLog.Entries);
            }
        },
        { "4.3 getters: 0xFFFFFFFF for NULL", m =>
            {
                Assert.Equal(uint.MaxValue, m.Api.aclrtGetTaskIdFromExceptionInfo(null));
                Assert.Equal(uint.MaxValue, m.Api.aclrtGetStreamIdFromExceptionInfo(null));
                Assert.Equal(uint.MaxValue, m.Api.aclrtGetThreadIdFromExceptionInfo(null));
                Assert.Equal(uint.MaxValue, m.Api.aclrtGetDeviceIdFromExceptionInfo(null));
                Assert.Equal(uint.MaxValue, m.Api.aclrtGetErrorCodeFromExceptionInfo(null));
            }
        },
        { "4.3 task and stream 0xFFFFFFFF mean a device fault", m =>
            {
                StateLog.Entries.Clear();
                m.Ok(m.Api.aclrtExceptionInfoCallbackRegister(StateLog.ExceptionFunction));
                Machine.Devices[0].Fault(AclError.RtLostHeartbeat);
                Assert.Equal(["first task -1 stream -1 device 0 code 507010"], StateLog.Entries);
            }
        },
        { "12 aclrtGetThreadLastTaskId: NULL 100000, the last task of this thread", m =>
            {
                uint task;
                nint stream = m.Stream(), recorded = m.ExEvent();
                m.Returns(100000, m.Api.aclrtGetThreadLastTaskId(null));
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                m.Ok(m.Api.aclrtRecordEvent(recorded, stream));
                m.Ok(m.Api.aclrtGetThreadLastTaskId(&task));
                Assert.Equal(1u, task);
                OnFreshThread(() => { uint none; m.Ok(m.Api.aclrtGetThreadLastTaskId(&none)); Assert.Equal(uint.MaxValue, none); });
            }
        },
    };

    public static TheoryData<string> Rows => s_rows.Names;

    [Theory, MemberData(nameof(Rows))]
    public void Row(string row) => s_rows.Run(row);
}
