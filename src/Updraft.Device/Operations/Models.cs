using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device;

/// <summary>Model running instances: built from bound streams, executed, taken apart. Checks in the order of the real library.</summary>
internal static unsafe class Models
{
    private const uint HeadStream = 0, OtherStream = 0x7FFFFFFF;

    /// <summary>How long aclmdlRIDestroy waits for a captured graph that runs; tests set it.</summary>
    internal static int DestroyWaitMs { get; set; } = 10_000;

    // --- Building ----------------------------------------------------------------------------------------------------------------

    internal static void BuildBegin(nint* modelRI, uint flag)
    {
        Check.NotNull(modelRI, nameof(modelRI));
        if (flag != 0)
        {
            Check.Fail(AclError.RtParamInvalid, $"flag is {flag}; it is reserved and must be 0.", isStored: false);
        }
        *modelRI = new ModelInstance(Current.Context, ModelKind.Built).Handle;
    }

    internal static void Bind(ModelHandle handle, StreamHandle streamHandle, uint flag)
    {
        CheckNotNull(handle);
        if (flag is not (HeadStream or OtherStream))
        {
            Check.Fail(AclError.RtParamInvalid, $"flag is 0x{flag:x}; expected ACL_MODEL_STREAM_FLAG_HEAD (0) or ACL_MODEL_STREAM_FLAG_DEFAULT (0x7fffffff).", isStored: false);
        }
        ModelInstance model = handle.Get();
        Stream? stream = streamHandle.GetOrNull();
        Check.That(stream != null, AclError.RtParamInvalid, "stream is NULL; the default stream cannot be bound to a model.");
        Check.That((stream.Flags & Streams.Persistent) != 0, AclError.RtParamInvalid, $"Stream {stream.Id} was created without ACL_STREAM_PERSISTENT; only such a stream can be bound to a model.");
        Check.That(stream.BoundTo == null, AclError.RtStreamModel, $"Stream {stream.Id} is bound to model {stream.BoundTo?.Id} already.");
        CheckBuilt(model);
        Captures.RefuseCapturing(stream);
        Check.That((stream.Flags & Streams.DeviceUseOnly) == 0, AclError.RtInternalError, $"Stream {stream.Id} belongs to the device (ACL_STREAM_DEVICE_USE_ONLY).");
        Check.That(!stream.Context.StopsOnFailure, AclError.RtFeatureNotSupport, $"Stream {stream.Id} belongs to a context that stops on failure; such a stream cannot be bound to a model.");
        Check.That((stream.Flags & Streams.FastLaunch) == 0, AclError.RtFeatureNotSupport, $"Stream {stream.Id} was created with ACL_STREAM_FAST_LAUNCH and cannot be bound to a model.");
        CheckContext(model);
        Check.That(!model.Graph.IsSealed, AclError.RtParamInvalid, $"Model {model.Id} is complete (aclmdlRIBuildEnd); no stream can be added.");
        Lane lane = model.Graph.Add(stream, flag == HeadStream, capture: null);
        if (!stream.TryDivert(lane))
        {
            model.Graph.Remove(lane);
            Check.Fail(AclError.RtStreamModel, $"Stream {stream.Id} was bound to a model by another thread.");
        }
    }

    internal static void MarkEnd(ModelHandle handle, StreamHandle streamHandle)
    {
        CheckNotNull(handle);
        ModelInstance model = handle.Get();
        _ = streamHandle.GetOrNull();
        _ = Current.Context;
        CheckBuilt(model);
        Captures.RefuseCapturing(streamHandle.GetOrNull());
        Stream stream = Current.Stream(streamHandle);
        CheckContext(model);
        if (!Chip.Current.HasStars)
        {
            return; // Accepted without effect: these chips need no marker.
        }
        Lane? lane = model.LaneOf(stream);
        Check.That(lane != null, AclError.RtInternalError, $"Stream {stream.Id} is not bound to model {model.Id}; bind it with aclmdlRIBindStream first.");
        lane.EndTaskAt = (int)stream.Submit(new Command { Kind = CommandKind.Task }, new EndTask(model.Graph)) - 1;
    }

    internal static void BuildEnd(ModelHandle handle, void* reserve)
    {
        CheckNotNull(handle);
        Check.That(reserve == null, AclError.InvalidParam, "reserve must be NULL.");
        ModelInstance model = handle.Get();
        CheckBuilt(model);
        CheckContext(model);
        Check.That(model.Graph.Lanes.Length > 0, AclError.RtStreamModel, $"Model {model.Id} has no stream; bind one with aclmdlRIBindStream first.");
        CheckEnded(model);
        model.Graph.Seal();
        model.IsReady = true;
    }

    internal static void Unbind(ModelHandle handle, StreamHandle streamHandle)
    {
        CheckNotNull(handle);
        ModelInstance model = handle.Get();
        Stream? stream = streamHandle.GetOrNull();
        CheckBuilt(model);
        Captures.RefuseCapturing(stream);
        CheckContext(model);
        stream ??= Current.Context.DefaultStream;
        Lane? lane = model.LaneOf(stream);
        Check.That(lane != null, AclError.RtStreamModel, $"Stream {stream.Id} is not bound to model {model.Id}.");
        stream.EndDiversion();
        model.Graph.Remove(lane);
        model.IsReady = model.IsReady && model.HasEndTask;
    }

    // --- Executing ---------------------------------------------------------------------------------------------------------------

    internal static AclError Execute(ModelHandle handle, int timeoutMs)
    {
        CheckNotNull(handle);
        Check.That(timeoutMs is -1 or > 0, AclError.RtParamInvalid, $"timeout is {timeoutMs} ms; expected -1 (no limit) or more than 0.");
        ModelInstance model = handle.Get();
        CheckBuilt(model);
        CheckContext(model);
        if (!model.IsReady)
        {
            CheckEnded(model);
        }
        Stream stream = Current.Context.DefaultStream;
        _ = model.Execute(stream);
        return stream.Synchronize(timeoutMs);
    }

    internal static void ExecuteAsync(ModelHandle handle, StreamHandle streamHandle)
    {
        CheckNotNull(handle);
        ModelInstance model = handle.Get();
        Stream? stream = streamHandle.GetOrNull();
        if (stream != null && (stream.Lane != null || stream.Flags != 0))
        {
            CheckExecuting(stream);
        }
        Context context = Current.Context;
        CheckContext(model);
        stream ??= context.DefaultStream;
        if (!model.IsReady || model.Kind == ModelKind.Body || stream.Context != context)
        {
            CheckReady(model, stream, context);
        }
        _ = model.Execute(stream);
    }

    private static void CheckExecuting(Stream stream)
    {
        Check.That(stream.BoundTo == null, AclError.RtParamInvalid, $"Stream {stream.Id} is bound to model {stream.BoundTo?.Id}; a model is executed on an ordinary stream.");
        uint special = Streams.Persistent | Streams.CpuSchedule | Streams.DeviceUseOnly;
        Check.That(Chip.Current.CapturesPersistentStreams || (stream.Flags & special) == 0, AclError.RtParamInvalid, $"Stream {stream.Id} was created with the flags 0x{stream.Flags:x}; a model is executed on an ordinary stream.");
        Captures.RefuseCapturing(stream);
    }

    private static void CheckReady(ModelInstance model, Stream stream, Context context)
    {
        if (model.Kind == ModelKind.Built)
        {
            CheckForeign(stream, context);
            CheckEnded(model);
            Check.That(model.IsReady || !Chip.Current.ExecutesCompleteModelsOnly, AclError.RtModelExecute, $"Model {model.Id} is not complete; call aclmdlRIBuildEnd first.");
            return;
        }
        Check.That(model.Kind != ModelKind.Body, AclError.RtFeatureNotSupport, $"Model {model.Id} is a body of a conditional task; it runs as part of its model only.");
        Check.That(model.Capture == null, AclError.RtModelCaptured, $"Model {model.Id} is still being captured; end it with aclmdlRICaptureEnd first.");
        Check.That(model.IsReady, AclError.RtModelExecute, $"Model {model.Id} is not ready: its capture failed.");
        CheckForeign(stream, context);
    }

    private static void CheckForeign(Stream stream, Context context)
    {
        if (stream.Context != context)
        {
            Current.ThrowForeign(stream, context);
        }
    }

    internal static void Abort(ModelHandle handle)
    {
        Check.That(!handle.IsNull, AclError.RtParamInvalid, "modelRI is NULL; give a model.");
        ModelInstance model = handle.Get();
        CheckNotBody(model);
        Check.That(model.Kind == ModelKind.Built, AclError.RtFeatureNotSupport, $"Model {model.Id} was captured; only a model built with aclmdlRIBuildBegin can be aborted.");
        _ = model.Graph.Abort();
    }

    internal static void Destroy(ModelHandle handle)
    {
        CheckNotNull(handle);
        ModelInstance model = handle.Get();
        CheckNotBody(model);
        CheckContext(model);
        if (model.Kind == ModelKind.Captured)
        {
            Check.That(model.Capture == null, AclError.RtModelCaptured, $"Model {model.Id} is still being captured; end it with aclmdlRICaptureEnd first.");
            Check.That(model.WaitUntilIdle(DestroyWaitMs), AclError.RtModelRunning, $"Model {model.Id} is still running after {DestroyWaitMs} ms; synchronise the stream it was executed on first.");
        }
        if (!model.Destroy())
        {
            throw HandleFailure.Of(handle.Value, "model");
        }
    }

    /// <summary>A ready graph needs no update: nothing is done. Only operator launches could have changed.</summary>
    internal static void Update(ModelHandle handle)
    {
        Check.That(!handle.IsNull, AclError.RtParamInvalid, "modelRI is NULL; give a model.");
        ModelInstance model = handle.Get();
        Check.That(model.Kind == ModelKind.Captured, AclError.RtFeatureNotSupport, $"Model {model.Id} was not captured; only a captured graph can be updated.");
        Check.That(model.Capture == null && model.IsReady, AclError.RtModelUpdateFailed, $"Model {model.Id} is not ready: it is still being captured, or its capture failed.");
    }

    // --- What a model is -----------------------------------------------------------------------------------------------------------

    internal static void SetName(ModelHandle handle, byte* name)
    {
        CheckNotNull(handle);
        Check.NotNull(name, nameof(name));
        handle.Get().Name = Marshal.PtrToStringUTF8((nint)name)!;
    }

    internal static void GetName(ModelHandle handle, uint maxLength, byte* name)
    {
        CheckNotNull(handle);
        Check.NotNull(name, nameof(name));
        byte[] text = Encoding.UTF8.GetBytes(handle.Get().Name);
        Check.That(maxLength > text.Length, AclError.RtParamInvalid, $"maxLen is {maxLength}; the name and its end take {text.Length + 1} bytes.");
        text.CopyTo(new Span<byte>(name, text.Length));
        name[text.Length] = 0;
    }

    internal static void GetId(ModelHandle handle, uint* id)
    {
        CheckNotNull(handle);
        Check.NotNull(id, "modelRIId");
        *id = handle.Get().Id;
    }

    internal static void RegisterDestroyCallback(ModelHandle handle, nint function, void* argument)
    {
        CheckNotNull(handle);
        Check.That(function != 0, AclError.InvalidParam, "func is NULL; give a function.");
        ModelInstance model = handle.Get();
        CheckNotBody(model);
        model.AddDestroyCallback(function, (nint)argument);
    }

    internal static void UnregisterDestroyCallback(ModelHandle handle, nint function)
    {
        CheckNotNull(handle);
        Check.That(function != 0, AclError.InvalidParam, "func is NULL; give a function.");
        Check.That(handle.Get().RemoveDestroyCallback(function), AclError.RtParamInvalid, $"The function 0x{function:x} is not registered with this model.");
    }

    // --- Streams and tasks ---------------------------------------------------------------------------------------------------------

    /// <summary>With streams NULL only the number is given; an array that is too small is 107039.</summary>
    internal static void GetStreams(ModelHandle handle, nint* streams, uint* count)
    {
        CheckNotNull(handle);
        Check.NotNull(count, "numStreams");
        Stream[] found = handle.Get().ShowStreams();
        Give([.. found.Select(stream => stream.Handle)], streams, count, "streams");
    }

    internal static void GetTasks(StreamHandle handle, nint* tasks, uint* count)
    {
        Check.NotNull(count, "numTasks");
        Stream? stream = handle.GetOrNull();
        stream ??= Current.Context.DefaultStream;
        Lane? lane = stream.Lane;
        Check.That(lane != null, AclError.RtStreamModel, $"Stream {stream.Id} belongs to no model; take a stream from aclmdlRIGetStreams.");
        Give(lane.ShowTasks(), tasks, count, "tasks");
    }

    private static void Give(nint[] found, nint* target, uint* count, string what)
    {
        if (target != null)
        {
            Check.That(*count >= found.Length, AclError.RtInsufficientInputArray, $"The array has room for {*count} {what}, there are {found.Length}; call with NULL first to learn the number.");
            found.CopyTo(new Span<nint>(target, found.Length));
        }
        *count = (uint)found.Length;
    }

    internal static void GetTaskType(nint handle, aclmdlRITaskType* type)
    {
        RecordedTask task = Task(handle);
        Check.NotNull(type, nameof(type));
        *type = task.Type;
    }

    internal static void GetTaskSequence(nint handle, uint* id)
    {
        RecordedTask task = Task(handle);
        Check.NotNull(id, nameof(id));
        *id = task.Sequence;
    }

    // Layout of aclmdlRITaskParams: the type first, what belongs to the type in a union.
    private const int ParametersBytes = 200, UnionOffset = 72;

    /// <summary>Events and values; of other tasks only the type, as the rest of the struct is about operators.</summary>
    internal static void GetTaskParameters(nint handle, byte* parameters)
    {
        RecordedTask task = Task(handle);
        Check.NotNull(parameters, "params");
        new Span<byte>(parameters, ParametersBytes).Clear();
        *(aclmdlRITaskType*)parameters = task.Type;
        byte* union = parameters + UnionOffset;
        if (task.Event is { } source)
        {
            *(nint*)union = source.Handle;
            *(uint*)(union + 8) = source.Flags;
            *(uint*)(union + 12) = task.IsExternal ? 1u : 0;
        }
        else if (task.Value is { } value)
        {
            *(nuint*)union = value.Address;
            *(ulong*)(union + 8) = value.Value;
            *(uint*)(union + 16) = value.Flag;
        }
    }

    private static RecordedTask Task(nint handle)
    {
        Check.That(handle != 0, AclError.InvalidParam, "task is NULL; give a task of aclmdlRIGetTasksByStream.");
        return HandleTable.TryGet(handle, out RecordedTask? task) ? task : throw HandleFailure.Of(handle, "task");
    }

    // --- Checks ------------------------------------------------------------------------------------------------------------------

    private static void CheckNotNull(ModelHandle handle) => Check.That(!handle.IsNull, AclError.InvalidParam, "modelRI is NULL; give a model.");

    private static void CheckBuilt(ModelInstance model) =>
        Check.That(model.Kind == ModelKind.Built, AclError.RtParamInvalid, $"Model {model.Id} was captured; this function is for models built with aclmdlRIBuildBegin.");

    private static void CheckNotBody(ModelInstance model) =>
        Check.That(model.Kind != ModelKind.Body, AclError.RtFeatureNotSupport, $"Model {model.Id} is a body of a conditional task and belongs to its model.");

    private static void CheckContext(ModelInstance model)
    {
        Context context = Current.Context;
        if (model.Context != context)
        {
            Check.Fail(AclError.RtModelContext, $"Model {model.Id} belongs to {Current.Describe(model.Context)}, but {Current.Describe(context)} is current on this thread.");
        }
    }

    private static void CheckEnded(ModelInstance model) =>
        Check.That(model.HasEndTask || !Chip.Current.HasStars, AclError.RtModelExecute, $"Model {model.Id} has no end; call aclmdlRIEndTask on one of its streams first.");
}
