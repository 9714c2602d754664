namespace Updraft.Device;

/// <summary>The life of streams and what is asked of them.</summary>
internal static unsafe class Streams
{
    internal const uint Persistent = 0x4, Huge = 0x8, CpuSchedule = 0x10, DeviceUseOnly = 0x20;
    private const uint NeverSynchronised = Persistent | CpuSchedule | DeviceUseOnly;

    internal static void Create(nint* handle, uint priority, uint flags)
    {
        Check.NotNull(handle, "stream");
        Check.That((flags & DeviceUseOnly) == 0 || flags == DeviceUseOnly, AclError.RtParamInvalid, $"ACL_STREAM_DEVICE_USE_ONLY cannot be combined with other flags (0x{flags:x}).");
        Check.That((flags & Huge) == 0 || Chip.Current.HasHugeStreams, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} has no streams with ACL_STREAM_HUGE.");
        *handle = Current.Context.CreateStream(flags, Math.Min(priority, 7)).Handle;
    }

    internal static void Destroy(StreamHandle handle, bool force)
    {
        Check.That(!handle.IsNull, AclError.InvalidParam, "stream is NULL; the default stream cannot be destroyed.");
        Stream stream = Current.Stream(handle);
        Check.That(!stream.IsDefault, AclError.RtParamInvalid, "The default stream is destroyed with its context.");
        if (!stream.Context.DestroyStream(stream, force))
        {
            throw HandleFailure.Of(handle.Value, "stream");
        }
    }

    internal static AclError Synchronize(StreamHandle handle, int timeoutMs)
    {
        Stream? stream = handle.GetOrNull();
        if (stream != null && (stream.Flags & NeverSynchronised) != 0)
        {
            return AclError.Success;
        }
        Context context = Current.Context;
        return (stream ?? context.DefaultStream).Synchronize(timeoutMs);
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
        if (stream != null && (stream.Flags & NeverSynchronised) != 0)
        {
            *status = aclrtStreamStatus.ACL_STREAM_STATUS_COMPLETE;
            return AclError.Success;
        }
        stream ??= Current.Context.DefaultStream;
        _ = Current.Context;
        if (stream.Context.Failure is not AclError.Success and var failure)
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

    internal static void LaunchHostFunction(StreamHandle handle, nint function, void* argument)
    {
        _ = handle.GetOrNull();
        Check.That(function != 0, AclError.RtParamInvalid, "fn is NULL; give a function.");
        Current.Stream(handle).Submit(new Command { Kind = CommandKind.HostFunction, A = (nuint)function, B = (nuint)argument });
    }
}
