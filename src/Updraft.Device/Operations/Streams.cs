namespace Updraft.Device;

/// <summary>The life of streams and what is asked of them.</summary>
internal static unsafe class Streams
{
    internal const uint FastLaunch = 0x1, Persistent = 0x4, Huge = 0x8, CpuSchedule = 0x10, DeviceUseOnly = 0x20;
    private const uint KnownFlags = 0x3F, NeverSynchronised = Persistent | CpuSchedule | DeviceUseOnly;
    private const uint LowestPriority = 7;

    /// <summary>How long an abort waits for the command that is running.</summary>
    private const int AbortMs = 30_000;

    internal static void Create(nint* handle, uint priority, uint flags)
    {
        Check.NotNull(handle, "stream");
        flags &= KnownFlags; // Unknown bits are ignored, as documented.
        Check.That((flags & DeviceUseOnly) == 0 || flags == DeviceUseOnly, AclError.RtParamInvalid, $"ACL_STREAM_DEVICE_USE_ONLY cannot be combined with other flags (0x{flags:x}).");
        Check.That((flags & Huge) == 0 || Chip.Current.HasHugeStreams, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no streams with ACL_STREAM_HUGE.");
        Stream stream = Current.Context.CreateStream(flags, Math.Min(priority, LowestPriority));
        *handle = stream.Handle;
        StreamState.Created(stream);
    }

    internal static void Destroy(StreamHandle handle, bool force)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "stream is NULL; the default stream cannot be destroyed.");
        Captures.RefuseCapturing(handle.GetOrNull());
        Stream stream = Current.Stream(handle);
        Check.That(stream.BoundTo == null, AclError.RtStreamModel, $"Stream {stream.Id} is bound to model {stream.BoundTo?.Id}; unbind it (aclmdlRIUnbindStream) or destroy the model first.");
        Check.That(!stream.IsDefault, AclError.RtParamInvalid, "The default stream is destroyed with its context.");
        StreamState.Ends(stream);
        if (!stream.Context.DestroyStream(stream, force))
        {
            throw HandleFailure.Of(handle.Value, "stream");
        }
    }

    internal static AclError Synchronize(StreamHandle handle, int timeoutMs)
    {
        Stream? stream = handle.GetOrNull();
        Captures.RefuseCapturing(stream);
        if (stream != null && (stream.Flags & NeverSynchronised) != 0)
        {
            return AclError.Success;
        }
        Context context = Current.Context;
        AclError code = (stream ?? context.DefaultStream).Synchronize(timeoutMs);
        MemoryPools.Synchronized();
        return code;
    }

    internal static AclError SynchronizeWithin(StreamHandle handle, int timeoutMs)
    {
        Devices.CheckNotBelowMinusOne(timeoutMs);
        Devices.CheckTimeout(timeoutMs);
        return Synchronize(handle, timeoutMs);
    }

    internal static void GetId(StreamHandle handle, int* streamId)
    {
        Check.NotNull(streamId, nameof(streamId));
        *streamId = Current.AnyStream(handle).Id;
    }

    internal static void GetPriority(StreamHandle handle, uint* priority)
    {
        Check.NotNull(priority, nameof(priority));
        *priority = Current.AnyStream(handle).Priority;
    }

    internal static void GetFlags(StreamHandle handle, uint* flags)
    {
        Check.NotNull(flags, nameof(flags));
        *flags = Current.AnyStream(handle).Flags;
    }

    internal static uint Available() => (uint)Current.Device.FreeStreams;

    internal static AclError Query(StreamHandle handle, aclrtStreamStatus* status)
    {
        Check.NotNull(status, nameof(status));
        Stream? stream = handle.GetOrNull();
        Captures.RefuseCapturing(stream);
        if (stream != null && (stream.Flags & NeverSynchronised) != 0)
        {
            *status = aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
            return AclError.Success;
        }
        Context context = Current.Context;
        stream ??= context.DefaultStream;
        if (stream.Trouble is not AclError.Success and var failure)
        {
            return failure;
        }
        if (!stream.IsIdle)
        {
            Machine.Scheduler.Poll(stream);
        }
        *status = stream.IsIdle ? aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE : aclrtStreamStatus.ACL_STREAM_STATUS_NOT_READY;
        return AclError.Success;
    }

    /// <summary>Bit 0 of the mode: 1 stops the stream, and with it the whole context, at the first failure. There is no way back.</summary>
    internal static void SetFailureMode(StreamHandle handle, ulong mode)
    {
        Stream? stream = handle.GetOrNull();
        if (stream == null)
        {
            Context? current = Current.ContextOrNull;
            Check.That(current != null, AclError.RtParamInvalid, "stream is NULL and this thread has no context whose default stream it could mean.");
            Check.That(Chip.Current.NullStreamInNewCalls, AclError.RtParamInvalid, $"stream is NULL; on {Chip.Current.Name} aclrtSetStreamFailureMode needs a stream of aclrtCreateStream.");
            stream = current.DefaultStream;
        }
        Check.That((stream.Flags & DeviceUseOnly) == 0, AclError.RtFeatureNotSupport, "A stream with ACL_STREAM_DEVICE_USE_ONLY has no failure mode.");
        Context context = Current.Context;
        Check.That(stream.BoundTo == null, AclError.RtFeatureNotSupport, $"Stream {stream.Id} is bound to a model and has no failure mode of its own.");
        bool stops = (mode & AclConstants.ACL_STOP_ON_FAILURE) != 0;
        if (stops == stream.Attributes.StopsOnFailure)
        {
            return;
        }
        Check.That(stops, AclError.RtFeatureNotSupport, $"Stream {stream.Id} stops on failure; it cannot go back to continuing.");
        Check.That(!(stream.Context.StopsOnFailure && stream.Trouble != AclError.Success), AclError.RtFeatureNotSupport, $"Stream {stream.Id} has stopped after a failure already.");
        if (stream.Context != context)
        {
            Current.ThrowForeign(stream, context);
        }
        stream.Attributes.StopsOnFailure = true;
        context.StopsOnFailure = true;
    }

    internal static void SetOverflowSwitch(StreamHandle handle, uint flag)
    {
        Check.That(flag <= 1, AclError.RtParamInvalid, $"flag is {flag}; expected 0 (off) or 1 (on).");
        Current.Stream(handle).Attributes.OverflowCheck = flag;
    }

    internal static void GetOverflowSwitch(StreamHandle handle, uint* flag)
    {
        Check.NotNull(flag, nameof(flag));
        *flag = Current.Stream(handle).Attributes.OverflowCheck;
    }

    internal static void SetAttribute(StreamHandle handle, aclrtStreamAttr attribute, aclrtStreamAttrValue* value)
    {
        Check.NotNull(value, nameof(value));
        switch (attribute)
        {
            case aclrtStreamAttr.ACL_STREAM_ATTR_FAILURE_MODE:
                SetFailureMode(handle, value->failureMode);
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK:
                CheckOverflowSwitchExists(Function.aclrtSetStreamOverflowSwitch);
                SetOverflowSwitch(handle, value->overflowSwitch);
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_USER_CUSTOM_TAG:
                Current.Stream(handle).Attributes.CustomTag = value->userCustomTag;
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_CACHE_OP_INFO:
                Check.That(value->cacheOpInfoSwitch <= 1, AclError.RtParamInvalid, $"cacheOpInfoSwitch is {value->cacheOpInfoSwitch}; expected 0 or 1.");
                Current.Stream(handle).Attributes.CacheOpInfo = value->cacheOpInfoSwitch;
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_PRIORITY:
                Check.That(value->streamPriority <= LowestPriority, AclError.RtParamInvalid, $"streamPriority is {value->streamPriority}; expected 0 (highest) to {LowestPriority}.");
                Current.Stream(handle).Priority = value->streamPriority;
                break;
            default:
                UnknownAttribute(attribute);
                break;
        }
    }

    internal static void GetAttribute(StreamHandle handle, aclrtStreamAttr attribute, aclrtStreamAttrValue* value)
    {
        Check.NotNull(value, nameof(value));
        Stream stream = Current.AnyStream(handle);
        switch (attribute)
        {
            case aclrtStreamAttr.ACL_STREAM_ATTR_FAILURE_MODE:
                value->failureMode = stream.Attributes.StopsOnFailure ? (ulong)AclConstants.ACL_STOP_ON_FAILURE : AclConstants.ACL_CONTINUE_ON_FAILURE;
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_FLOAT_OVERFLOW_CHECK:
                CheckOverflowSwitchExists(Function.aclrtGetStreamOverflowSwitch);
                value->overflowSwitch = stream.Attributes.OverflowCheck;
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_USER_CUSTOM_TAG:
                value->userCustomTag = stream.Attributes.CustomTag;
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_CACHE_OP_INFO:
                value->cacheOpInfoSwitch = stream.Attributes.CacheOpInfo;
                break;
            case aclrtStreamAttr.ACL_STREAM_ATTR_PRIORITY:
                value->streamPriority = stream.Priority;
                break;
            default:
                UnknownAttribute(attribute);
                break;
        }
    }

    private static void CheckOverflowSwitchExists(Function function) =>
        Check.That(Chip.Supports(function), AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no overflow switch per stream.");

    private static void UnknownAttribute(aclrtStreamAttr attribute) => Check.Fail(AclError.RtParamInvalid, $"stmAttrType is {(int)attribute}; expected a value of aclrtStreamAttr, 1 to 5.");

    /// <summary>Drops the stream's work and waits for the command that is running; calls on the stream return 107023 meanwhile.</summary>
    internal static AclError Abort(StreamHandle handle)
    {
        Stream stream = OwnStream(handle);
        Check.That(stream.BoundTo == null, AclError.RtFeatureNotSupport, $"Stream {stream.Id} is bound to model {stream.BoundTo?.Id}; abort the model with aclmdlRIAbort.");
        Check.That(!Chip.Current.PersistentStreamsRefuseWhenFull || (stream.Flags & Persistent) == 0, AclError.RtFeatureNotSupport, $"On {Chip.Current.Name} a persistent stream cannot be aborted; use aclrtPersistentTaskClean.");
        return stream.Abort(AbortMs) ? AclError.Success : AclError.RtWaitTimeout;
    }

    internal static void Stop(StreamHandle handle) => OwnStream(handle).Stop();

    internal static AclError CleanPersistent(StreamHandle handle)
    {
        Stream stream = OwnStream(handle);
        Check.That((stream.Flags & Persistent) != 0, AclError.RtParamInvalid, $"Stream {stream.Id} is not persistent (flags 0x{stream.Flags:x}); create it with ACL_STREAM_PERSISTENT, or use aclrtStreamAbort.");
        bool isEmpty = stream.BoundTo != null && stream.Lane is { } lane ? stream.TryClearRecording(lane, AbortMs) : stream.DropAll(AbortMs);
        return isEmpty ? AclError.Success : AclError.RtWaitTimeout;
    }

    private static Stream OwnStream(StreamHandle handle)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "stream is NULL; give a stream of aclrtCreateStream.");
        return Current.Stream(handle);
    }

    internal static void RegisterStateCallback(byte* name, nint callback, void* argument) => StateCallback.Register(StreamState.Callbacks, name, callback, argument);
}

/// <summary>What the program has set on a stream.</summary>
internal struct StreamAttributes
{
    internal bool StopsOnFailure;
    internal uint OverflowCheck, CustomTag, CacheOpInfo;
}

internal static unsafe class StateCallback
{
    internal static void Register(NamedCallbacks callbacks, byte* name, nint function, void* argument)
    {
        Check.NotNull(name, "regName");
        callbacks.Set(System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)name)!, function, (nint)argument);
    }
}
