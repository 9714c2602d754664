namespace Updraft.Device;

// Streams and events. Reference: docs/api/streams.md, docs/api/events.md
internal static unsafe partial class Exports
{
    static void aclrtCreateEvent(EventHandle* @event) => Events.Create(@event, EventKind.Default, 0);
    static void aclrtCreateEventWithFlag(EventHandle* @event, uint flag) => Events.Create(@event, EventKind.Flagged, flag);
    static void aclrtCreateEventExWithFlag(EventHandle* @event, uint flag) => Events.Create(@event, EventKind.Snapshot, flag);
    static void aclrtDestroyEvent(EventHandle @event) => Events.Destroy(@event);
    static void aclrtRecordEvent(EventHandle @event, StreamHandle stream) => Events.Record(@event, stream);
    static void aclrtRecordEventWithFlag(EventHandle @event, StreamHandle stream, uint flag) => Events.RecordWithFlag(@event, stream, flag);
    static void aclrtResetEvent(EventHandle @event, StreamHandle stream) => Events.Reset(@event, stream);
    static void aclrtQueryEvent(EventHandle @event, aclrtEventStatus* status) => Events.Query(@event, status);
    static void aclrtQueryEventStatus(EventHandle @event, aclrtEventRecordedStatus* status) => Events.QueryStatus(@event, status);
    static void aclrtQueryEventWaitStatus(EventHandle @event, aclrtEventWaitStatus* status) => Events.QueryWaits(@event, status);
    static AclError aclrtSynchronizeEvent(EventHandle @event) => Events.Synchronize(@event, Timeout.Infinite);
    static AclError aclrtSynchronizeEventWithTimeout(EventHandle @event, int timeout) => Events.SynchronizeWithin(@event, timeout);
    static void aclrtEventElapsedTime(float* ms, EventHandle startEvent, EventHandle endEvent) => Events.Elapsed(ms, startEvent, endEvent);
    static void aclrtEventGetTimestamp(EventHandle @event, ulong* timestamp) => Events.Timestamp(@event, timestamp);
    static void aclrtStreamWaitEvent(StreamHandle stream, EventHandle @event) => Events.Wait(stream, @event);
    static void aclrtStreamWaitEventWithTimeout(StreamHandle stream, EventHandle @event, int timeout) => Events.WaitWithin(stream, @event, timeout);
    static void aclrtStreamWaitEventWithFlag(StreamHandle stream, EventHandle @event, uint timeout, uint flag) => Events.WaitWithFlag(stream, @event, timeout, flag);
    static void aclrtSetOpWaitTimeout(uint timeout) => Events.OpWaitTimeoutSeconds = timeout;
    static void aclrtGetEventId(EventHandle @event, uint* eventId) => Events.GetId(@event, eventId);
    static void aclrtGetEventAvailNum(uint* eventCount) => Out.Set(eventCount, &Events.Available, nameof(eventCount));

    static void aclrtCreateStream(nint* stream) => Streams.Create(stream, 0, 0);
    static void aclrtCreateStreamWithConfig(nint* stream, uint priority, uint flag) => Streams.Create(stream, priority, flag);
    static void aclrtDestroyStream(StreamHandle stream) => Streams.Destroy(stream, force: false);
    static void aclrtDestroyStreamForce(StreamHandle stream) => Streams.Destroy(stream, force: true);
    static AclError aclrtSynchronizeStream(StreamHandle stream) => Streams.Synchronize(stream, Timeout.Infinite);
    static AclError aclrtSynchronizeStreamWithTimeout(StreamHandle stream, int timeout) => Streams.SynchronizeWithin(stream, timeout);
    static AclError aclrtStreamQuery(StreamHandle stream, aclrtStreamStatus* status) => Streams.Query(stream, status);
    static void aclrtStreamGetId(StreamHandle stream, int* streamId) => Streams.GetId(stream, streamId);
    static void aclrtStreamGetPriority(StreamHandle stream, uint* priority) => Streams.GetPriority(stream, priority);
    static void aclrtStreamGetFlags(StreamHandle stream, uint* flags) => Streams.GetFlags(stream, flags);
    static void aclrtGetStreamAvailableNum(uint* streamCount) => Out.Set(streamCount, &Streams.Available, nameof(streamCount));
    static void aclrtSetStreamFailureMode(StreamHandle stream, ulong mode) => Streams.SetFailureMode(stream, mode);
    static void aclrtSetStreamOverflowSwitch(StreamHandle stream, uint flag) => Streams.SetOverflowSwitch(stream, flag);
    static void aclrtGetStreamOverflowSwitch(StreamHandle stream, uint* flag) => Streams.GetOverflowSwitch(stream, flag);
    static void aclrtSetStreamAttribute(StreamHandle stream, aclrtStreamAttr stmAttrType, aclrtStreamAttrValue* value) => Streams.SetAttribute(stream, stmAttrType, value);
    static void aclrtGetStreamAttribute(StreamHandle stream, aclrtStreamAttr stmAttrType, aclrtStreamAttrValue* value) => Streams.GetAttribute(stream, stmAttrType, value);
    static AclError aclrtStreamAbort(StreamHandle stream) => Streams.Abort(stream);
    static void aclrtStreamStop(StreamHandle stream) => Streams.Stop(stream);
    static AclError aclrtPersistentTaskClean(StreamHandle stream) => Streams.CleanPersistent(stream);
    static void aclrtRegStreamStateCallback(byte* regName, nint callback, void* args) => Streams.RegisterStateCallback(regName, callback, args);
}
