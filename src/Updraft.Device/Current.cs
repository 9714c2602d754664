using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>What the calling thread works with: its context, and the stream a handle means in it.</summary>
internal static class Current
{
    internal static Context Context
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ThreadState.Current.Context ?? throw NoContext();
    }

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

    internal static void ThrowForeign(Stream stream, Context context) => Check.Fail(AclError.RtStreamContext,
        $"Stream {stream.Id} (0x{stream.Handle:x}) belongs to {Describe(stream.Context)}, but {Describe(context)} is current on this thread; make the stream's context current with aclrtSetCurrentContext or aclrtSetDevice({stream.Device.Id}).");

    internal static string Describe(Context context) => $"the {(context.IsPrimary ? "primary" : "explicit")} context 0x{context.Handle:x} of device {context.Device.Id}";

    internal static AclException NoContext(bool isStored = true) => new(AclError.RtContextNull, ThreadState.Current.ContextEvenIfDestroyed is { } context
        ? $"The context that was current on this thread ({Describe(context)}) has been destroyed; call aclrtSetDevice or aclrtSetCurrentContext."
        : "This thread has no current context: it never called aclrtSetDevice, aclrtCreateContext or aclrtSetCurrentContext.", isStored);
}
