namespace Updraft.Device;

/// <summary>Capture of streams into graphs: the functions, and what other functions ask while a capture is going on.</summary>
internal static unsafe class Captures
{
    private const uint Refused950 = Streams.CpuSchedule | Streams.DeviceUseOnly | Streams.Persistent, Refused = Streams.CpuSchedule | Streams.DeviceUseOnly;

    // Captures begin, end and grow seldom: one lock for all of that. Recording itself takes only the stream's submit lock.
    private static readonly Lock s_lock = new();

    internal static void Begin(StreamHandle handle, aclmdlRICaptureMode mode)
    {
        CheckStreamAndChip(handle, Function.aclmdlRICaptureBegin);
        Stream stream = CheckBegin(handle, mode);
        Start(stream, mode, new ModelInstance(stream.Context, ModelKind.Captured));
    }

    /// <summary>Captures into a model that exists and is empty: a body of a conditional task, or the result of aclmdlRIBuildBegin.</summary>
    internal static void BeginInto(StreamHandle handle, ModelHandle modelHandle, aclmdlRICaptureMode mode)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "stream is NULL; the default stream cannot be captured.");
        Check.That(!modelHandle.IsNull, AclError.InvalidParam, "modelRI is NULL; give a model.");
        ModelInstance model = modelHandle.Get();
        Stream stream = CheckBegin(handle, mode);
        Check.That(model.Context == stream.Context, AclError.RtModelContext, $"Model {model.Id} belongs to {Current.Describe(model.Context)}.");
        Check.That(model.Capture == null, AclError.RtModelCaptured, $"Model {model.Id} is being captured already.");
        Check.That(!model.IsReady && model.Graph.Lanes.Length == 0, AclError.RtParamInvalid, $"Model {model.Id} holds recorded work already; capture into an empty one.");
        if (model.Kind == ModelKind.Built)
        {
            model.Kind = ModelKind.Captured;
        }
        Start(stream, mode, model);
    }

    private static Stream CheckBegin(StreamHandle handle, aclmdlRICaptureMode mode)
    {
        Stream stream = handle.GetOrNull()!;
        Check.That((uint)mode <= 2, AclError.RtParamInvalid, $"mode is {(int)mode}; expected GLOBAL (0), THREAD_LOCAL (1) or RELAXED (2).");
        CheckFlags(stream);
        stream = Current.Stream(handle);
        CheckNotBound(stream);
        CheckNotDefault(stream);
        Check.That(stream.Capture == null, AclError.RtStreamCaptured, $"Stream {stream.Id} is being captured already.");
        return stream;
    }

    private static void Start(Stream stream, aclmdlRICaptureMode mode, ModelInstance model)
    {
        lock (s_lock)
        {
            var capture = new Capture(model, stream, mode);
            Lane lane = model.Graph.Add(stream, isHead: true, capture);
            if (!stream.TryDivert(lane))
            {
                model.Graph.Clear();
                Check.Fail(AclError.RtStreamCaptured, $"Stream {stream.Id} is being captured already.");
            }
            capture.Lanes.Add(lane);
            model.Capture = capture;
            stream.Context.Captures.Add(mode, 1);
            ThreadState.Current.Captures.Add(mode, 1);
        }
    }

    internal static void End(StreamHandle handle, nint* modelRI)
    {
        CheckStreamAndChip(handle, Function.aclmdlRICaptureEnd);
        Stream stream = handle.GetOrNull()!;
        CheckFlags(stream);
        Check.That(modelRI != null || stream.Capture is not { Model.Kind: ModelKind.Captured }, AclError.RtParamInvalid, "modelRI is NULL; give a place for the captured model.");
        stream = Current.Stream(handle);
        CheckNotBound(stream);
        CheckNotDefault(stream);
        Capture capture = OfCapturing(stream);
        if (capture.Origin != stream)
        {
            Set(modelRI, 0);
            Check.Fail(AclError.RtStreamCaptureUnmatched, $"Stream {stream.Id} joined the capture through an event; end it on stream {capture.Origin.Id}, where it began.");
        }
        lock (s_lock)
        {
            ModelInstance model = capture.Model;
            try
            {
                Finish(capture);
                Set(modelRI, model.Handle);
            }
            catch (AclException failure)
            {
                Set(modelRI, 0);
                // Ended on the wrong thread, the graph stays as it is, of use to nobody; after other failures it is destroyed.
                if (failure.Code != AclError.RtStreamCaptureWrongThread && model.Kind == ModelKind.Captured)
                {
                    foreach (ModelInstance body in Bodies(model.Graph.Lanes).Where(body => body.Capture != null))
                    {
                        Leave(body.Capture!);
                    }
                    model.Destroy();
                }
                throw;
            }
            finally
            {
                Leave(capture);
            }
        }
    }

    private static void Finish(Capture capture)
    {
        ModelInstance model = capture.Model;
        Check.That(capture.Thread == ThreadState.Current || capture.Mode == aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_RELAXED, AclError.RtStreamCaptureWrongThread,
            $"The capture of model {model.Id} was begun by another thread; only a capture in mode RELAXED may end elsewhere.");
        Check.That(!capture.IsInvalidated, AclError.RtStreamCaptureInvalidated, $"The capture of model {model.Id} became invalid by an earlier failure; its graph is gone.");
        Lane[] lanes = model.Graph.Lanes;
        Check.That(!Bodies(lanes).Any(body => body.Capture != null), AclError.RtSubAclgraphIsCapturing, $"A body of a conditional task of model {model.Id} is still being captured.");
        Check.That(!lanes.Any(lane => lane.HasOpenGroup), AclError.StreamTaskGroupStatus, "A task group is open; end it with aclmdlRICaptureTaskGrpEnd first.");
        Lane? unjoined = capture.FirstUnjoined();
        Check.That(unjoined == null, AclError.RtStreamUnjoined,
            $"Stream {unjoined?.Source.Id} takes part in the capture but was not joined back: record an event as its last task and let stream {capture.Origin.Id} wait for it.");
        foreach (Lane lane in lanes)
        {
            lane.Capture = null;
        }
        model.Graph.Seal();
        model.IsReady = true;
    }

    private static IEnumerable<ModelInstance> Bodies(Lane[] lanes) =>
        lanes.SelectMany(lane => Enumerable.Range(0, lane.Count).Select(lane.Attached)).OfType<ConditionalTask>().SelectMany(task => task.Bodies);

    /// <summary>The context is gone, and with it the captures of its streams.</summary>
    internal static void Forget(Context context)
    {
        if (context.Captures.IsEmpty)
        {
            return;
        }
        lock (s_lock)
        {
            foreach (Stream stream in context.Streams)
            {
                if (stream.Capture is { } capture && capture.Origin == stream)
                {
                    Leave(capture, capture.Thread);
                }
            }
        }
    }

    /// <summary>The streams of the capture are ordinary ones again. An end by another thread lowers that thread's count, not the beginner's.</summary>
    private static void Leave(Capture capture, ThreadState? thread = null)
    {
        capture.IsActive = false;
        capture.Model.Capture = null;
        capture.Origin.Context.Captures.Add(capture.Mode, -1);
        (thread ?? ThreadState.Current).Captures.Add(capture.Mode, -1);
        foreach (Lane lane in capture.Lanes)
        {
            if (lane.Source.Lane == lane)
            {
                lane.Source.EndDiversion();
            }
        }
    }

    internal static void GetInfo(StreamHandle handle, aclmdlRICaptureStatus* status, nint* modelRI)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "stream is NULL; the default stream is never captured.");
        Check.That(status != null || modelRI != null, AclError.InvalidParam, "status and modelRI are both NULL; give at least one.");
        CheckChip(Function.aclmdlRICaptureGetInfo);
        Capture? capture = handle.GetOrNull()!.Capture;
        if (status != null)
        {
            *status = capture == null ? aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_NONE
                : capture.IsInvalidated ? aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_INVALIDATED
                : aclmdlRICaptureStatus.ACL_MODEL_RI_CAPTURE_STATUS_ACTIVE;
        }
        Set(modelRI, capture?.Model.Handle ?? 0);
    }

    internal static void ExchangeMode(aclmdlRICaptureMode* mode)
    {
        Check.NotNull(mode, nameof(mode));
        CheckChip(Function.aclmdlRICaptureThreadExchangeMode);
        Check.That((uint)*mode <= 2, AclError.RtParamInvalid, $"mode is {(int)*mode}; expected GLOBAL (0), THREAD_LOCAL (1) or RELAXED (2).");
        _ = Current.Context;
        ThreadState thread = ThreadState.Current;
        (*mode, thread.ExchangeMode) = (thread.ExchangeMode, *mode);
    }

    // --- Task groups: for operator launches, which are not emulated; so a group is empty, or an error ----------------------------

    internal static void BeginGroup(StreamHandle handle)
    {
        CheckStreamAndChip(handle, Function.aclmdlRICaptureTaskGrpBegin);
        Stream stream = Current.Stream(handle);
        Capture capture = OfCapturing(stream);
        if (stream.Lane!.HasOpenGroup)
        {
            capture.Invalidate();
            Check.Fail(AclError.StreamTaskGroupStatus, $"Stream {stream.Id} has an open task group already.");
        }
        stream.Lane.HasOpenGroup = true;
    }

    internal static void EndGroup(StreamHandle handle, nint* group)
    {
        CheckStreamAndChip(handle, Function.aclmdlRICaptureTaskGrpEnd);
        Check.NotNull(group, "handle");
        Stream stream = Current.Stream(handle);
        Capture capture = OfCapturing(stream);
        if (!stream.Lane!.HasOpenGroup)
        {
            capture.Invalidate();
            Check.Fail(AclError.StreamTaskGroupStatus, $"Stream {stream.Id} has no open task group; begin one with aclmdlRICaptureTaskGrpBegin.");
        }
        stream.Lane.HasOpenGroup = false;
        *group = HandleTable.Add(HandleKind.TaskGroup, new TaskGroup());
    }

    internal static void BeginUpdate(StreamHandle handle, nint group)
    {
        CheckStreamAndChip(handle, Function.aclmdlRICaptureTaskUpdateBegin);
        Stream stream = CheckUpdate(handle);
        Check.That(group != 0, AclError.InvalidParam, "handle is NULL; give a task group.");
        _ = HandleTable.TryGet(group, out TaskGroup? found) ? found : throw HandleFailure.Of(group, "task group");
        Check.That(!stream.UpdatesGroup, AclError.StreamTaskGroupStatus, $"Stream {stream.Id} is updating a task group already.");
        stream.UpdatesGroup = true;
    }

    internal static void EndUpdate(StreamHandle handle)
    {
        CheckStreamAndChip(handle, Function.aclmdlRICaptureTaskUpdateEnd);
        Stream stream = CheckUpdate(handle);
        Check.That(stream.UpdatesGroup, AclError.StreamTaskGroupStatus, $"Stream {stream.Id} is not updating a task group; begin with aclmdlRICaptureTaskUpdateBegin.");
        stream.UpdatesGroup = false;
    }

    private static Stream CheckUpdate(StreamHandle handle)
    {
        Stream stream = Current.Stream(handle);
        Check.That(stream.Capture == null, AclError.RtStreamCaptured, $"Stream {stream.Id} is being captured; update a task group on a stream that is not.");
        CheckNotBound(stream);
        return stream;
    }

    private sealed class TaskGroup;

    // --- What the other functions ask --------------------------------------------------------------------------------------------

    /// <summary>107030 when a capture of the context forbids this thread calls that block. Costs one look while nothing is captured.</summary>
    internal static void RefuseBlockingCall(Context context)
    {
        if (!context.Captures.IsEmpty && ForbidsBlocking(context))
        {
            Check.Fail(AclError.RtCaptureModeNotSupport, "A stream of this context is being captured in a mode that forbids calls that block; use the asynchronous form, capture in mode RELAXED, or change this thread's mode with aclmdlRICaptureThreadExchangeMode.");
        }
    }

    /// <summary>107000: pageable memory cannot be recorded.</summary>
    internal static void RefusePageable(Stream stream)
    {
        if (stream.Capture != null)
        {
            Check.Fail(AclError.RtParamInvalid, $"Stream {stream.Id} is being captured, and a copy of pageable memory cannot be recorded; use pinned memory (aclrtMallocHost).");
        }
    }

    /// <summary>107041: an asynchronous copy of pageable memory would have to block.</summary>
    internal static void RefuseBlockingCopy(Context context)
    {
        if (!context.Captures.IsEmpty && ForbidsBlocking(context))
        {
            Check.Fail(AclError.RtCaptureModeBlockAsync, "The copy of pageable memory would block, and a stream of this context is being captured in a mode that forbids it; use pinned memory (aclrtMallocHost).");
        }
    }

    private static bool ForbidsBlocking(Context context)
    {
        const aclmdlRICaptureMode Global = aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_GLOBAL, ThreadLocal = aclmdlRICaptureMode.ACL_MODEL_RI_CAPTURE_MODE_THREAD_LOCAL;
        ThreadState thread = ThreadState.Current;
        aclmdlRICaptureMode? own = thread.Captures.Strictest;
        return thread.ExchangeMode switch
        {
            Global => context.Captures.Strictest == Global || own == ThreadLocal,
            ThreadLocal => own is Global or ThreadLocal,
            _ => false,
        };
    }

    /// <summary>107027 for functions that wait for a stream, ask it or destroy it.</summary>
    internal static void RefuseCapturing(Stream? stream)
    {
        if (stream?.Capture != null)
        {
            Check.Fail(AclError.RtStreamCaptured, $"Stream {stream.Id} is being captured: nothing runs on it before aclmdlRICaptureEnd.");
        }
    }

    /// <summary>107027 for functions that wait for all streams of a context.</summary>
    internal static void RefuseCapturing(Context context)
    {
        if (!context.Captures.IsEmpty)
        {
            foreach (Stream stream in context.Streams)
            {
                RefuseCapturing(stream);
            }
        }
    }

    /// <summary>107028 for functions that ask an event whose latest record is part of a capture.</summary>
    internal static void RefuseCaptured(Event target)
    {
        if (target.Captured is { Capture.IsActive: true } captured)
        {
            Check.Fail(AclError.RtEventCaptured, $"The event was recorded in the capture of model {captured.Capture.Model.Id}: it has no state outside that graph.");
        }
    }

    // --- Events in graphs --------------------------------------------------------------------------------------------------------

    /// <summary>A record on a stream that records. False when the stream is an ordinary one.</summary>
    internal static bool Record(Event target, Stream stream)
    {
        if (stream.Lane is not { } lane)
        {
            if (target.Captured != null)
            {
                target.Captured = null;
            }
            return false;
        }
        if (lane.Capture is not { } capture)
        {
            Check.That(target.Kind == EventKind.Flagged, AclError.RtFeatureNotSupport, $"Stream {stream.Id} is bound to a model; only events of aclrtCreateEventWithFlag can be recorded there.");
            return false;
        }
        if (target.Kind == EventKind.Snapshot && !target.Has(Event.Sync))
        {
            return true; // Nothing could wait for it.
        }
        RefuseOldEvent(target, capture);
        if (target.Kind == EventKind.Flagged)
        {
            return false;
        }
        target.Captured = new CapturedRecord(capture, lane, (int)SubmitGuarded(capture, stream, CommandKind.EventRecord, target));
        return true;
    }

    /// <summary>A wait that concerns a capture or a model. False when it is an ordinary one.</summary>
    internal static bool Wait(Event source, Stream stream, long limitMs)
    {
        Lane? lane = stream.Lane;
        CapturedRecord? captured = source.Captured is { Capture.IsActive: true } found ? found : null;
        if (lane == null && captured == null)
        {
            return false;
        }
        if (lane is { Capture: null })
        {
            Check.That(source.Kind == EventKind.Flagged, AclError.RtFeatureNotSupport, $"Stream {stream.Id} is bound to a model; only events of aclrtCreateEventWithFlag can be waited for there.");
            stream.Submit(new Command { Kind = CommandKind.EventWait }, new RecordedWait(source, limitMs, isExternal: false));
            return true;
        }
        if (lane == null)
        {
            Join(stream, captured!.Capture);
        }
        Capture capture = stream.Capture!;
        RefuseOldEvent(source, capture);
        if (source.Kind == EventKind.Flagged)
        {
            _ = SubmitGuarded(capture, stream, CommandKind.EventWait, new RecordedWait(source, limitMs, isExternal: true));
            return true;
        }
        if (captured == null)
        {
            capture.Invalidate();
            Check.Fail(AclError.RtCaptureDependency, $"Stream {stream.Id} is being captured and waits for an event that was not recorded in this capture.");
        }
        if (captured.Capture != capture)
        {
            capture.Invalidate();
            Check.Fail(AclError.StreamCaptureConflict, $"The event was recorded in the capture of model {captured.Capture.Model.Id}, stream {stream.Id} takes part in that of model {capture.Model.Id}.");
        }
        if (captured.Lane != stream.Lane)
        {
            _ = SubmitGuarded(capture, stream, CommandKind.EventWait, new GraphEdge(source, captured.Lane, captured.Count));
        }
        return true;
    }

    /// <summary>Resets are not part of captures: old-style events are refused, Ex events need none.</summary>
    internal static void CheckReset(Event target, Stream stream)
    {
        if (stream.Lane is not { } lane)
        {
            return;
        }
        if (lane.Capture is { } capture)
        {
            RefuseOldEvent(target, capture);
        }
        else
        {
            Check.That(target.Kind == EventKind.Flagged, AclError.RtFeatureNotSupport, $"Stream {stream.Id} is bound to a model; only events of aclrtCreateEventWithFlag can be reset there.");
        }
    }

    /// <summary>aclrtRecordEventWithFlag with ACL_EVENT_RECORD_EXTERNAL: every execution of the graph records the event for the program.</summary>
    internal static void RecordExternal(Event target, Stream stream)
    {
        Capture capture = OfCapturingGraph(stream);
        var record = new ExternalRecord(target);
        _ = SubmitGuarded(capture, stream, CommandKind.EventRecord, record);
        capture.Model.Add(record);
    }

    /// <summary>aclrtStreamWaitEventWithFlag with ACL_EVENT_WAIT_EXTERNAL: every execution waits for the event's latest record.</summary>
    internal static void WaitExternal(Event source, Stream stream)
    {
        Capture capture = OfCapturingGraph(stream);
        _ = SubmitGuarded(capture, stream, CommandKind.EventWait, new RecordedWait(source, 0, isExternal: true));
    }

    /// <summary>Apart from the rest, whose parameters no function may capture: that would cost every ordinary record and wait an object.</summary>
    private static long SubmitGuarded(Capture capture, Stream stream, CommandKind kind, object attached)
    {
        long position = 0;
        Guarded(capture, () => position = stream.Submit(new Command { Kind = kind }, attached));
        return position;
    }

    private static Capture OfCapturingGraph(Stream stream)
    {
        Capture capture = OfCapturing(stream);
        Check.That(capture.Model.Kind != ModelKind.Body, AclError.RtFeatureNotSupport, "External events are not known in the body of a conditional task.");
        return capture;
    }

    /// <summary>The stream takes part in the capture from now on.</summary>
    private static void Join(Stream stream, Capture capture)
    {
        Check.That(!stream.IsDefault, AclError.RtStreamCaptureImplicit, "The default stream cannot take part in a capture; use a stream of your own.");
        Check.That(stream.Context == capture.Origin.Context, AclError.StreamCaptureConflict, $"Stream {stream.Id} belongs to another context than the capture of model {capture.Model.Id}.");
        lock (s_lock)
        {
            Check.That(capture.IsActive, AclError.RtCaptureDependency, "The capture in which the event was recorded has just ended.");
            Lane lane = capture.Model.Graph.Add(stream, isHead: true, capture);
            if (!stream.TryDivert(lane))
            {
                capture.Model.Graph.Remove(lane);
                Check.Fail(AclError.StreamCaptureConflict, $"Stream {stream.Id} takes part in another capture.");
            }
            capture.Lanes.Add(lane);
        }
    }

    private static void RefuseOldEvent(Event target, Capture capture)
    {
        if (target.Kind == EventKind.Default || target.Kind == EventKind.Flagged && !target.Has(Event.External))
        {
            capture.Invalidate();
            Check.Fail(AclError.RtFeatureNotSupport, "A capture knows events of aclrtCreateEventExWithFlag (with ACL_EVENT_SYNC) and external ones only; this event is of another kind.");
        }
    }

    /// <summary>A failure to record an event makes the whole capture invalid.</summary>
    private static void Guarded(Capture capture, Action record)
    {
        try
        {
            record();
        }
        catch
        {
            capture.Invalidate();
            throw;
        }
    }

    // --- Checks ------------------------------------------------------------------------------------------------------------------

    private static Capture OfCapturing(Stream stream) =>
        stream.Capture ?? throw new AclException(AclError.RtStreamNotCaptured, $"Stream {stream.Id} is not being captured; begin with aclmdlRICaptureBegin.");

    private static void CheckStreamAndChip(StreamHandle handle, Function function)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "stream is NULL; the default stream cannot be captured.");
        CheckChip(function);
    }

    private static void CheckChip(Function function)
    {
        if (!Chip.Supports(function))
        {
            Check.Fail(AclError.RtFeatureNotSupport, $"{Chip.Current.Name} cannot capture streams.", ThreadState.StoresUnsupported(function));
        }
    }

    private static void CheckFlags(Stream stream)
    {
        uint flags = Chip.Current.CapturesPersistentStreams ? Refused : Refused950;
        Check.That((stream.Flags & flags) == 0, AclError.RtInternalError, $"Stream {stream.Id} was created with the flags 0x{stream.Flags:x}, which cannot be captured.");
    }

    private static void CheckNotBound(Stream stream) =>
        Check.That(stream.BoundTo == null, AclError.RtStreamModel, $"Stream {stream.Id} is bound to model {stream.BoundTo?.Id}; unbind it first.");

    private static void CheckNotDefault(Stream stream) =>
        Check.That(!stream.IsDefault, AclError.RtFeatureNotSupport, "The default stream cannot be captured; use a stream of your own.");

    private static void Set(nint* target, nint value)
    {
        if (target != null)
        {
            *target = value;
        }
    }
}
