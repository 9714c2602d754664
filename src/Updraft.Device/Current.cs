using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>What the calling thread works with: its context, and the stream a handle means in it.</summary>
internal static class Current
{
    internal static Context Context
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ThreadState.Current.Context ?? Default();
    }

    /// <summary>The current context, the default device's if one is configured, or null.</summary>
    internal static Context? ContextOrNull => ThreadState.Current.Context ?? (Machine.DefaultDevice != null ? Default() : null);

    internal static Device Device => Context.Device;

    /// <summary>
    /// The stream for a submission: NULL is the default stream of the current context. Order of the checks as in the real library:
    /// the handle (107017), a current context (107002), the stream's context (107003).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Stream Stream(StreamHandle handle)
    {
        Stream? stream = handle.GetOrNull();
        Context context = Context;
        if (stream == null)
        {
            return context.DefaultStream;
        }
        if (stream.Context != context)
        {
            ThrowForeign(stream, context);
        }
        return stream;
    }

    /// <summary>As <see cref="Stream(StreamHandle)"/>, for functions that take a stream of any context.</summary>
    internal static Stream AnyStream(StreamHandle handle)
    {
        Stream? stream = handle.GetOrNull();
        Context context = Context;
        return stream ?? context.DefaultStream;
    }

    /// <summary>A configured default device is set on first use; without one there is no context.</summary>
    private static Context Default()
    {
        int device = Machine.DefaultDevice ?? throw NoContext();
        return ThreadState.Current.Context = Machine.Devices[device].Retain();
    }

    /// <summary>The device of that id, or 107001.</summary>
    internal static Device DeviceById(int id)
    {
        Device[] devices = Machine.Devices;
        Check.That(id >= 0 && id < devices.Length, AclError.RtInvalidDeviceid, $"There is no device {id}: this machine has {devices.Length} (UPDRAFT_DEVICES, ASCEND_RT_VISIBLE_DEVICES).");
        return devices[id];
    }

    internal static void ThrowForeign(Stream stream, Context context) => Check.Fail(AclError.RtStreamContext,
        $"Stream {stream.Id} (0x{stream.Handle:x}) belongs to {Describe(stream.Context)}, but {Describe(context)} is current on this thread; make the stream's context current with aclrtSetCurrentContext or aclrtSetDevice({stream.Device.Id}).");

    internal static string Describe(Context context) => $"the {(context.IsPrimary ? "primary" : "explicit")} context 0x{context.Handle:x} of device {context.Device.Id}";

    internal static AclException NoContext(bool isStored = true) => new(AclError.RtContextNull, ThreadState.Current.ContextEvenIfDestroyed is { } context
        ? $"The context that was current on this thread ({Describe(context)}) has been destroyed; call aclrtSetDevice or aclrtSetCurrentContext."
        : "This thread has no current context: it never called aclrtSetDevice, aclrtCreateContext or aclrtSetCurrentContext.", isStored);
}
