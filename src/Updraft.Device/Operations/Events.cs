namespace Updraft.Device;

/// <summary>The event functions: which kind may do what, in the order the real library checks.</summary>
internal static unsafe class Events
{
    private const uint KnownWithFlag = 0x3F, KnownExWithFlag = 0x4F;

    internal static void Create(EventHandle* handle, EventKind kind, uint flags)
    {
        Check.NotNull(handle, "event");
        if (kind != EventKind.Default)
        {
            CheckFlags(kind, flags);
        }
        var created = new Event(Current.Context, kind, kind == EventKind.Default ? Event.DefaultFlags : flags)
        {
            Shared = (flags & Event.Ipc) != 0 && kind == EventKind.Snapshot ? new SharedEvent(new SharedPage()) : null,
        };
        if (kind == EventKind.Flagged)
        {
            created.TakeId();
        }
        created.Handle = HandleTable.Add(HandleKind.Event, created);
        *(nint*)handle = created.Handle;
    }

    private static void CheckFlags(EventKind kind, uint flags)
    {
        uint known = kind == EventKind.Flagged ? KnownWithFlag : KnownExWithFlag;
        Check.That((flags & known) != 0 && flags <= known, AclError.RtParamInvalid, $"The event flag 0x{flags:x} is not known; expected bits of 0x{known:x}.");
        uint single = flags & (Event.DeviceUseOnly | Event.External | Event.Ipc);
        Check.That(single == 0 || flags == single && (single & (single - 1)) == 0, AclError.RtParamInvalid, $"The event flag 0x{single:x} cannot be combined with others (0x{flags:x}).");
        Check.That((flags & Event.Ipc) == 0 || Chip.Current.HasIpcEvents, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no events for other processes.");
    }

    internal static void Destroy(EventHandle handle)
    {
        CheckNotNull(handle);
        Event target = handle.Get();
        if (!HandleTable.Remove(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "event");
        }
        SharedKeys.Destroyed(target);
        target.Destroy();
    }

    internal static void Record(EventHandle handle, StreamHandle streamHandle)
    {
        CheckNotNull(handle);
        Record(handle, streamHandle, Ordinary);
    }

    /// <summary>With ACL_EVENT_RECORD_EXTERNAL the record belongs to the graph that is being captured, and somebody outside waits for it.</summary>
    internal static void RecordWithFlag(EventHandle handle, StreamHandle streamHandle, uint flag)
    {
        CheckNotNull(handle);
        CheckFlag(flag);
        Record(handle, streamHandle, (int)flag);
    }

    private static void Record(EventHandle handle, StreamHandle streamHandle, int flag)
    {
        Event target = handle.Get();
        _ = streamHandle.GetOrNull();
        RefuseDeviceOnly(target);
        Check.That(target.TryUseRecordFlag(flag), AclError.RtParamInvalid, "The event was recorded with another flag before; one event is recorded in one way only.");
        Stream stream = Current.Stream(streamHandle);
        if (flag == OutsideGraph)
        {
            CheckOutsideGraph(target);
            Captures.RecordExternal(target, stream);
            return;
        }
        if (Captures.Record(target, stream))
        {
            return;
        }
        target.BeginRecord();
        var point = new RecordPoint(target, stream) { SharedNumber = target.Shared?.Begin() ?? 0 };
        try
        {
            point.Position = stream.Submit(new Command { Kind = CommandKind.EventRecord }, point);
            Volatile.Write(ref target.Latest, point);
        }
        catch
        {
            target.Shared?.Complete(point.SharedNumber);
            target.EndRecord();
            throw;
        }
    }

    internal static void Wait(StreamHandle streamHandle, EventHandle handle)
    {
        CheckNotNull(handle);
        Wait(streamHandle, handle, 0, Ordinary);
    }

    /// <summary>The form with a timeout has no wrapper: a NULL event is 107000 there, and a negative timeout comes first.</summary>
    internal static void WaitWithin(StreamHandle stream, EventHandle handle, int timeoutSeconds)
    {
        if (timeoutSeconds < 0)
        {
            Check.Fail(AclError.RtParamInvalid, $"timeout is {timeoutSeconds} s; expected 0 (no limit) or more.", isStored: false);
        }
        Check.That(!handle.IsNull, AclError.RtParamInvalid, "event is NULL; give an event.");
        Wait(stream, handle, timeoutSeconds, Ordinary);
    }

    internal static void WaitWithFlag(StreamHandle stream, EventHandle handle, uint timeoutSeconds, uint flag)
    {
        CheckNotNull(handle);
        CheckFlag(flag);
        Check.That(flag != OutsideGraph || timeoutSeconds == 0, AclError.InvalidParam, $"timeout is {timeoutSeconds} s; with ACL_EVENT_WAIT_EXTERNAL it must be 0.");
        Wait(stream, handle, timeoutSeconds, (int)flag);
    }

    private static void Wait(StreamHandle streamHandle, EventHandle handle, long timeoutSeconds, int flag)
    {
        Event source = handle.Get();
        _ = streamHandle.GetOrNull();
        RefuseDeviceOnly(source);
        Check.That(source.CanBeWaitedFor, AclError.RtFeatureNotSupport, $"The event was created without ACL_EVENT_SYNC (flags 0x{source.Flags:x}); a stream cannot wait for it.");
        Check.That(source.TryUseWaitFlag(flag), AclError.RtParamInvalid, "The event was waited for with another flag before; one event is waited for in one way only.");
        Stream stream = Current.Stream(streamHandle);
        if (flag == OutsideGraph)
        {
            CheckOutsideGraph(source);
            Captures.WaitExternal(source, stream);
            return;
        }
        long limit = timeoutSeconds > 0 ? timeoutSeconds : OpWaitTimeoutSeconds;
        if (Captures.Wait(source, stream, limit * 1000))
        {
            return;
        }
        WaitCondition? condition = ConditionOf(source, stream);
        if (condition == null || !Chip.Current.WaitsForForeignEvents && source.Context.Device != stream.Device)
        {
            return;
        }
        object wait = EventWait.Of(source, limit > 0 ? new TimedWait(condition, limit * 1000) : condition);
        source.WaitQueued();
        try
        {
            stream.Submit(new Command { Kind = CommandKind.EventWait }, wait);
        }
        catch
        {
            source.WaitEnded();
            throw;
        }
    }

    private const int Ordinary = 0, OutsideGraph = 1;

    private static void CheckFlag(uint flag) => Check.That(flag <= OutsideGraph, AclError.InvalidParam, $"flag is {flag}; expected 0 or 1 (external).");

    /// <summary>External records and waits are made while a graph is captured, for an event of aclrtCreateEventExWithFlag whose only flag is ACL_EVENT_SYNC.</summary>
    private static void CheckOutsideGraph(Event target) =>
        Check.That(target.Kind == EventKind.Snapshot && target.Flags == Event.Sync, AclError.RtFeatureNotSupport, $"An external record or wait needs an event of aclrtCreateEventExWithFlag(ACL_EVENT_SYNC); this one has the flags 0x{target.Flags:x}.");

    /// <summary>Set by aclrtSetOpWaitTimeout for all later waits of the process; 0: none.</summary>
    internal static uint OpWaitTimeoutSeconds { get; set; }

    private static WaitCondition? ConditionOf(Event source, Stream stream)
    {
        if (source.Shared is { } shared)
        {
            return shared.WaitForLatest();
        }
        RecordPoint? latest = Volatile.Read(ref source.Latest);
        switch (source.Kind)
        {
            case EventKind.Flagged:
                return source;
            case EventKind.Snapshot:
                return latest == null || latest.Stream == stream ? null : latest;
            default:
                Check.That(latest != null, AclError.RtParamInvalid, "The event was never recorded: record it with aclrtRecordEvent before a stream waits for it.", "EE1018");
                return latest;
        }
    }

    internal static void Reset(EventHandle handle, StreamHandle streamHandle)
    {
        CheckNotNull(handle);
        Event target = handle.Get();
        _ = streamHandle.GetOrNull();
        RefuseDeviceOnly(target);
        Check.That(!target.Has(Event.Ipc), AclError.RtFeatureNotSupport, "An event of several processes cannot be reset.");
        Check.That(target.CanBeWaitedFor, AclError.RtFeatureNotSupport, "Only an event with ACL_EVENT_SYNC can be reset.");
        _ = Current.Context;
        Check.That(target.Kind != EventKind.Snapshot, AclError.RtFeatureNotSupport, "An event of aclrtCreateEventExWithFlag needs no reset: every record replaces the former one.");
        Stream stream = Current.Stream(streamHandle);
        Captures.CheckReset(target, stream);
        stream.Submit(new Command { Kind = CommandKind.EventReset }, target);
    }

    internal static AclError Synchronize(EventHandle handle, int timeoutMs)
    {
        CheckNotNull(handle);
        Event target = handle.Get();
        RefuseExternal(target);
        Captures.RefuseCaptured(target);
        RecordPoint? latest = Volatile.Read(ref target.Latest);
        if (latest == null)
        {
            return target.Shared?.WaitUntilComplete(timeoutMs) ?? AclError.Success;
        }
        Check.That(!latest.IsRecorded, AclError.RtParamInvalid, "The latest record of the event is part of a model; synchronise the stream on which the model is executed.");
        Stream stream = latest.Stream;
        if (stream.Trouble is not AclError.Success and var before)
        {
            return before;
        }
        if (!latest.IsMet && !stream.WaitFor(latest.Position, timeoutMs))
        {
            return stream.Trouble is not AclError.Success and var during ? during : AclError.RtEventSyncTimeout;
        }
        // A record that was dropped never happens: the wait for it has failed.
        return latest.IsDropped ? AclError.RtStreamAbort : stream.Trouble;
    }

    internal static AclError SynchronizeWithin(EventHandle handle, int timeoutMs)
    {
        Devices.CheckNotBelowMinusOne(timeoutMs);
        CheckNotNull(handle);
        Devices.CheckTimeout(timeoutMs);
        return Synchronize(handle, timeoutMs);
    }

    /// <summary>The deprecated query: an event that was never recorded counts as complete.</summary>
    internal static void Query(EventHandle handle, aclrtEventStatus* status)
    {
        CheckNotNull(handle);
        Check.NotNull(status, nameof(status));
        Event target = handle.Get();
        Check.That(target.Kind != EventKind.Snapshot && !target.Has(Event.Ipc), AclError.RtFeatureNotSupport, "aclrtQueryEvent does not know events of aclrtCreateEventExWithFlag; use aclrtQueryEventStatus.");
        *status = IsComplete(handle, ifNeverRecorded: true) ? aclrtEventStatus.ACL_EVENT_STATUS_COMPLETE : aclrtEventStatus.ACL_EVENT_STATUS_NOT_READY;
    }

    internal static void QueryStatus(EventHandle handle, aclrtEventRecordedStatus* status)
    {
        CheckNotNull(handle);
        Check.NotNull(status, nameof(status));
        *status = IsComplete(handle, ifNeverRecorded: false) ? aclrtEventRecordedStatus.ACL_EVENT_RECORDED_STATUS_COMPLETE : aclrtEventRecordedStatus.ACL_EVENT_RECORDED_STATUS_NOT_READY;
    }

    internal static void QueryWaits(EventHandle handle, aclrtEventWaitStatus* status)
    {
        CheckNotNull(handle);
        Check.NotNull(status, nameof(status));
        *status = AllWaitsOver(handle) ? aclrtEventWaitStatus.ACL_EVENT_WAIT_STATUS_COMPLETE : aclrtEventWaitStatus.ACL_EVENT_WAIT_STATUS_NOT_READY;
    }

    internal static void Elapsed(float* ms, EventHandle start, EventHandle end)
    {
        Check.NotNull(ms, nameof(ms));
        CheckNotNull(start, "startEvent");
        CheckNotNull(end, "endEvent");
        Event first = WithTime(start), last = WithTime(end);
        RecordPoint? from = Volatile.Read(ref first.Latest), to = Volatile.Read(ref last.Latest);
        Check.That(from != null && to != null, AclError.RtInternalError, $"The {(from == null ? "start" : "end")} event was never recorded.");
        *ms = (float)((TicksOf(last, to) - TicksOf(first, from)) * 1e3 / Chip.Current.TimestampHz);
    }

    internal static void Timestamp(EventHandle handle, ulong* timestamp)
    {
        CheckNotNull(handle);
        Check.NotNull(timestamp, nameof(timestamp));
        Event target = WithTime(handle);
        *timestamp = (ulong)(TicksOf(target, Volatile.Read(ref target.Latest)) * 1e6 / Chip.Current.TimestampHz);
    }

    internal static void GetId(EventHandle handle, uint* eventId)
    {
        CheckNotNull(handle);
        Check.NotNull(eventId, nameof(eventId));
        *eventId = (uint)(handle.Get().Id ?? throw new AclException(AclError.RtParamInvalid, "The event has no number at the moment: it gets one when it is recorded."));
    }

    internal static uint Available() => (uint)Current.Device.FreeEvents;

    private static bool IsComplete(EventHandle handle, bool ifNeverRecorded)
    {
        Event target = handle.Get();
        RefuseExternal(target);
        Captures.RefuseCaptured(target);
        RecordPoint? latest = Volatile.Read(ref target.Latest);
        if (latest == null)
        {
            if (target.Shared is { } shared)
            {
                return shared.IsComplete;
            }
            return ifNeverRecorded || target.Kind == EventKind.Snapshot;
        }
        if (latest.Stream.Trouble is not AclError.Success and var failure)
        {
            Check.Fail(failure, $"Stream {latest.Stream.Id}, on which the event was recorded, does not work: {AclErrorNames.Meaning((int)failure)}.");
        }
        if (!latest.IsMet)
        {
            Machine.Scheduler.Poll(latest.Stream);
        }
        return target.IsComplete && target.Shared?.IsComplete != false;
    }

    private static bool AllWaitsOver(EventHandle handle)
    {
        Event target = handle.Get();
        Check.That(target.Kind != EventKind.Snapshot && !target.Has(Event.Ipc), AclError.RtFeatureNotSupport, "Events of aclrtCreateEventExWithFlag do not count their waits.");
        RefuseExternal(target);
        Captures.RefuseCaptured(target);
        return target.PendingWaits == 0;
    }

    private static Event WithTime(EventHandle handle)
    {
        Event target = handle.Get();
        Captures.RefuseCaptured(target);
        Check.That(!target.Has(Event.External) && !target.Has(Event.Ipc), AclError.RtFeatureNotSupport, "External events and events of other processes have no time.");
        return target;
    }

    /// <summary>The time of a record in the ticks of the chip, whose resolution programs see.</summary>
    private static long TicksOf(Event target, RecordPoint? latest)
    {
        Check.That(latest != null, AclError.RtEventTimestampInvalid, "The event was never recorded.");
        Check.That(latest is { IsMet: true, IsDropped: false }, AclError.RtEventTimestampInvalid, "The event has not been reached yet; synchronise it first.");
        Check.That(target.Has(Event.TimeLine), AclError.RtEventTimestampInvalid, $"The event was created without ACL_EVENT_TIME_LINE (flags 0x{target.Flags:x}) and has no time.");
        return (long)(latest.TimeNs / 1e9 * Chip.Current.TimestampHz);
    }

    private static void CheckNotNull(EventHandle handle, string name = "event") =>
        Check.That(!handle.IsNull, AclError.InvalidParam, $"{name} is NULL; give an event.");

    private static void RefuseDeviceOnly(Event target) =>
        Check.That(!target.Has(Event.DeviceUseOnly), AclError.RtParamInvalid, "An event with ACL_EVENT_DEVICE_USE_ONLY belongs to the device; the host cannot use it.");

    private static void RefuseExternal(Event target) =>
        Check.That(!target.Has(Event.External), AclError.RtFeatureNotSupport, "External events are known inside captured graphs only.");
}
