namespace Updraft.Device;

/// <summary>Functions of the program in stream order: on the hidden thread of the context, or on threads that subscribed.</summary>
internal static unsafe class Callbacks
{
    internal static void LaunchHostFunction(StreamHandle handle, nint function, void* argument)
    {
        Stream? stream = handle.GetOrNull();
        Check.That(function != 0, AclError.RtParamInvalid, "fn is NULL; give a function.");
        if (stream != null)
        {
            CheckNotSubscribed(stream);
        }
        stream = Current.Stream(handle);
        CheckNotSubscribed(stream);
        if (!stream.HasHostFunctions)
        {
            lock (Reports.Lock)
            {
                CheckNotSubscribed(stream);
                stream.HasHostFunctions = true;
            }
        }
        stream.Submit(new Command { Kind = CommandKind.HostFunction, A = (nuint)function, B = (nuint)argument });
    }

    internal static void Launch(nint function, void* argument, aclrtCallbackBlockType blockType, StreamHandle handle)
    {
        Check.That(blockType is aclrtCallbackBlockType.ACL_CALLBACK_NO_BLOCK or aclrtCallbackBlockType.ACL_CALLBACK_BLOCK, AclError.InvalidParam, $"blockType is {(int)blockType}; expected ACL_CALLBACK_NO_BLOCK (0) or ACL_CALLBACK_BLOCK (1).");
        Stream? stream = handle.GetOrNull();
        Check.That(function != 0, AclError.RtParamInvalid, "fn is NULL; give a function.");
        if (stream != null)
        {
            CheckNoHostFunctions(stream);
        }
        stream = Current.Stream(handle);
        CheckNoHostFunctions(stream);
        Check.That(stream.Reports != null, AclError.RtStreamNoCbReg, $"Stream {stream.Id} is not subscribed: no thread would run the callback; call aclrtSubscribeReport first.");
        stream.Submit(new Command { Kind = CommandKind.Task }, new ReportTask(stream, (nuint)function, (nuint)argument, blockType == aclrtCallbackBlockType.ACL_CALLBACK_BLOCK));
    }

    internal static void Subscribe(ulong threadId, StreamHandle handle) => Reports.Subscribe(threadId, ReportStream(handle));
    internal static void Unsubscribe(ulong threadId, StreamHandle handle) => Reports.Unsubscribe(threadId, ReportStream(handle));

    internal static AclError Process(int timeoutMs)
    {
        Check.That(timeoutMs is -1 or > 0, AclError.InvalidParam, $"timeout is {timeoutMs} ms; expected -1 (no limit) or more than 0.");
        return Reports.Process(timeoutMs);
    }

    /// <summary>A stream of any context; chips with a hardware scheduler ask for a current context even so.</summary>
    private static Stream ReportStream(StreamHandle handle) => Chip.Current.HasStars ? Current.AnyStream(handle) : handle.GetOrNull() ?? Current.Context.DefaultStream;

    private static void CheckNotSubscribed(Stream stream) =>
        Check.That(stream.Reports == null, AclError.RtStreamSubscribe, stream.Reports is { } thread
            ? $"Stream {stream.Id} is subscribed by thread {thread.ThreadId}; use aclrtLaunchCallback, or aclrtUnSubscribeReport first."
            : "");

    private static void CheckNoHostFunctions(Stream stream) =>
        Check.That(!stream.HasHostFunctions, AclError.RtStreamSubscribe, $"Stream {stream.Id} runs host functions (aclrtLaunchHostFunc); callbacks cannot be mixed with them.");
}
