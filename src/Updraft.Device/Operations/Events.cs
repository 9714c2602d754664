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
        Context context = Current.Context;
        int id = kind == EventKind.Flagged ? context.Device.TakeEvent() : 0;
        var created = new Event(context, kind, kind == EventKind.Default ? 0x0E : flags) { Id = id };
        created.Handle = HandleTable.Add(HandleKind.Event, created);
        *(nint*)handle = created.Handle;
    }

    private static void CheckFlags(EventKind kind, uint flags)
    {
        uint known = kind == EventKind.Flagged ? KnownWithFlag : KnownExWithFlag;
        Check.That((flags & known) != 0 && flags <= known, AclError.RtParamInvalid, $"The event flag 0x{flags:x} is not known; expected bits of 0x{known:x}.");
        uint single = flags & (Event.DeviceUseOnly | Event.External | Event.Ipc);
        Check.That(single == 0 || flags == single && (single & (single - 1)) == 0, AclError.RtParamInvalid, $"The event flag 0x{single:x} cannot be combined with others (0x{flags:x}).");
        Check.That((flags & Event.Ipc) == 0 || Chip.Current.NullStreamInNewCalls, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no events for other processes.");
    }

    internal static void Destroy(EventHandle handle)
    {
        CheckNotNull(handle);
        Event target = handle.Get();
        if (!HandleTable.Remove(handle.Value))
        {
            throw HandleFailure.Of(handle.Value, "event");
        }
        if (target.Kind == EventKind.Flagged)
        {
            target.Context.Device.ReturnEvent();
        }
    }

    internal static void Record(EventHandle handle, StreamHandle streamHandle)
    {
        CheckNotNull(handle);
        Event target = handle.Get();
        _ = streamHandle.GetOrNull();
        RefuseDeviceOnly(target);
        Stream stream = Current.Stream(streamHandle);
        var point = new RecordPoint(target, stream);
        // The latest record is known before its command can run, and a wait from another thread sees it whole.
        lock (target)
        {
            point.Position = stream.Submit(new Command { Kind = CommandKind.EventRecord }, point);
            Volatile.Write(ref target.Latest, point);
        }
    }

    internal static void Wait(StreamHandle streamHandle, EventHandle handle, long timeoutSeconds = 0)
    {
        CheckNotNull(handle);
        Event source = handle.Get();
        _ = streamHandle.GetOrNull();
        RefuseDeviceOnly(source);
        Check.That(source.Has(Event.Sync) || source.Kind == EventKind.Default, AclError.RtFeatureNotSupport, "The event was created without ACL_EVENT_SYNC; a stream cannot wait for it.");
        Stream stream = Current.Stream(streamHandle);
        WaitCondition? condition = ConditionOf(source, stream);
        if (condition == null || !Chip.Current.WaitsForForeignEvents && source.Context.Device != stream.Device)
        {
            return;
        }
        long limit = timeoutSeconds > 0 ? timeoutSeconds : OpWaitTimeoutSeconds;
        source.WaitQueued();
        stream.Submit(new Command { Kind = CommandKind.EventWait }, new EventWait(source, limit > 0 ? new TimedWait(condition, limit * 1000) : condition));
    }

    /// <summary>Set by aclrtSetOpWaitTimeout for all later waits of the process; 0: none.</summary>
    internal static uint OpWaitTimeoutSeconds { get; set; }

    private static WaitCondition? ConditionOf(Event source, Stream stream)
    {
        RecordPoint? latest = Volatile.Read(ref source.Latest);
        switch (source.Kind)
        {
            case EventKind.Flagged:
                return source;
            case EventKind.Snapshot:
                return latest == null || latest.Stream == stream ? null : latest;
            default:
                Check.That(latest != null, AclError.RtParamInvalid, "The event was never recorded: record it with aclrtRecordEvent before a stream waits for it.");
                return latest;
        }
    }

    internal static void Reset(EventHandle handle, StreamHandle streamHandle)
    {
        CheckNotNull(handle);
        Event target = handle.Get();
        _ = streamHandle.GetOrNull();
        RefuseDeviceOnly(target);
        Check.That(target.Kind == EventKind.Default || target.Has(Event.Sync), AclError.RtFeatureNotSupport, "Only an event with ACL_EVENT_SYNC can be reset.");
        Context context = Current.Context;
        Check.That(target.Kind != EventKind.Snapshot, AclError.RtFeatureNotSupport, "An event of aclrtCreateEventExWithFlag needs no reset: every record replaces the former one.");
        Stream stream = Current.Stream(streamHandle);
        _ = context;
        stream.Submit(new Command { Kind = CommandKind.EventReset }, target);
    }

    internal static AclError Synchronize(EventHandle handle, int timeoutMs)
    {
        CheckNotNull(handle);
        Event target = handle.Get();
        RefuseExternal(target);
        RecordPoint? latest = Volatile.Read(ref target.Latest);
        if (latest == null)
        {
            return AclError.Success;
        }
        if (latest.Stream.Context.Failure is not AclError.Success and var failure)
        {
            return failure;
        }
        if (!latest.IsMet && !Machine.Scheduler.WaitUntil(latest.Stream, latest.Position, timeoutMs))
        {
            return AclError.RtEventSyncTimeout;
        }
        return latest.Stream.Context.Failure;
    }

    internal static AclError SynchronizeWithin(EventHandle handle, int timeoutMs)
    {
        Devices.CheckNotBelowMinusOne(timeoutMs);
        CheckNotNull(handle);
        Devices.CheckTimeout(timeoutMs);
        return Synchronize(handle, timeoutMs);
    }

    /// <summary>The form with a timeout has no wrapper: a NULL event is 107000 there, and a negative timeout comes first.</summary>
    internal static void WaitWithin(StreamHandle stream, EventHandle handle, int timeoutSeconds)
    {
        if (timeoutSeconds < 0)
        {
            Check.Fail(AclError.RtParamInvalid, $"timeout is {timeoutSeconds} s; expected 0 (no limit) or more.", isStored: false);
        }
        Check.That(!handle.IsNull, AclError.RtParamInvalid, "event is NULL; give an event.");
        Wait(stream, handle, timeoutSeconds);
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
        *ms = (float)((TimeOf(end) - TimeOf(start)) / 1e6);
    }

    internal static void Timestamp(EventHandle handle, ulong* timestamp)
    {
        CheckNotNull(handle);
        Check.NotNull(timestamp, nameof(timestamp));
        *timestamp = (ulong)(TimeOf(handle) / 1000);
    }

    internal static void GetId(EventHandle handle, uint* eventId)
    {
        CheckNotNull(handle);
        Check.NotNull(eventId, nameof(eventId));
        *eventId = (uint)handle.Get().Id;
    }

    internal static uint Available() => (uint)Current.Device.FreeEvents;

    private static bool IsComplete(EventHandle handle, bool ifNeverRecorded)
    {
        Event target = handle.Get();
        RefuseExternal(target);
        RecordPoint? latest = Volatile.Read(ref target.Latest);
        if (latest == null)
        {
            return ifNeverRecorded || target.Kind == EventKind.Snapshot;
        }
        if (latest.Stream.Context.Failure is not AclError.Success and var failure)
        {
            Check.Fail(failure, "The context of the event's stream has failed (stop-on-failure mode).");
        }
        if (!latest.IsMet)
        {
            Machine.Scheduler.Poll(latest.Stream);
        }
        return target.IsComplete;
    }

    private static bool AllWaitsOver(EventHandle handle)
    {
        Event target = handle.Get();
        Check.That(target.Kind != EventKind.Snapshot, AclError.RtFeatureNotSupport, "Events of aclrtCreateEventExWithFlag do not count their waits.");
        RefuseExternal(target);
        return target.PendingWaits == 0;
    }

    private static long TimeOf(EventHandle handle)
    {
        Event target = handle.Get();
        Check.That(!target.Has(Event.External) && !target.Has(Event.Ipc) || target.Kind == EventKind.Default, AclError.RtFeatureNotSupport, "External events and events of other processes have no time.");
        RecordPoint? latest = Volatile.Read(ref target.Latest);
        Check.That(latest != null, AclError.RtInternalError, "The event was never recorded.");
        Check.That(latest.IsMet, AclError.RtEventTimestampInvalid, "The event has not been reached yet; synchronise it first.");
        Check.That(target.Has(Event.TimeLine), AclError.RtEventTimestampInvalid, "The event was created without ACL_EVENT_TIME_LINE and has no time.");
        return latest.TimeNs;
    }

    private static void CheckNotNull(EventHandle handle, string name = "event") =>
        Check.That(!handle.IsNull, AclError.InvalidParam, $"{name} is NULL; give an event.");

    private static void RefuseDeviceOnly(Event target) =>
        Check.That(!target.Has(Event.DeviceUseOnly), AclError.RtParamInvalid, "An event with ACL_EVENT_DEVICE_USE_ONLY belongs to the device; the host cannot use it.");

    private static void RefuseExternal(Event target) =>
        Check.That(!target.Has(Event.External) || target.Kind == EventKind.Default, AclError.RtFeatureNotSupport, "External events are known inside captured graphs only.");
}
