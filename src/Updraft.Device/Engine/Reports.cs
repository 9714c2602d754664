namespace Updraft.Device;

/// <summary>
/// Callbacks on threads of the program. A thread subscribes to streams; a callback that a stream comes by is handed to its thread and
/// runs when that thread processes its reports. A blocking one holds the stream until it has returned.
/// </summary>
internal static class Reports
{
    private const int MaximumThreads = 1024;

    private static readonly Dictionary<ulong, ReportThread> s_threads = [];

    /// <summary>Guards the subscriptions and everything in them.</summary>
    internal static readonly object Lock = new();

    internal static void Subscribe(ulong threadId, Stream stream)
    {
        lock (Lock)
        {
            Check.That(stream.Reports == null && !stream.HasHostFunctions, AclError.RtStreamSubscribe, stream.HasHostFunctions
                ? $"Stream {stream.Id} runs host functions (aclrtLaunchHostFunc); such a stream cannot be subscribed."
                : $"Stream {stream.Id} is subscribed already by thread {stream.Reports?.ThreadId}; call aclrtUnSubscribeReport first.");
            if (!s_threads.TryGetValue(threadId, out ReportThread? thread))
            {
                Check.That(s_threads.Count < MaximumThreads, AclError.RtInternalError, $"All {MaximumThreads} report threads are in use; unsubscribe those that have ended.");
                s_threads[threadId] = thread = new ReportThread(threadId, stream.Device);
            }
            Check.That(thread.Device == stream.Device, AclError.RtThreadSubscribe, $"Thread {threadId} serves streams of device {thread.Device.Id}; it cannot serve stream {stream.Id} of device {stream.Device.Id} too.");
            thread.Streams.Add(stream);
            stream.Reports = thread;
        }
    }

    internal static void Unsubscribe(ulong threadId, Stream stream)
    {
        List<ReportTask> dropped;
        lock (Lock)
        {
            ReportThread? thread = stream.Reports;
            Check.That(thread != null, AclError.RtStreamSubscribe, $"Stream {stream.Id} is not subscribed.");
            Check.That(thread.ThreadId == threadId, AclError.RtThreadSubscribe, $"Stream {stream.Id} is subscribed by thread {thread.ThreadId}, not by thread {threadId}.");
            // A callback of this stream that is being run just now ends first; from inside it, that would be for ever.
            while (thread.Running == stream && threadId != Posix.pthread_self())
            {
                Monitor.Wait(Lock);
            }
            dropped = Remove(stream);
        }
        Release(dropped);
    }

    /// <summary>The stream is gone.</summary>
    internal static void Forget(Stream stream)
    {
        if (stream.Reports == null)
        {
            return;
        }
        List<ReportTask> dropped;
        lock (Lock)
        {
            dropped = Remove(stream);
        }
        Release(dropped);
    }

    /// <summary>Under the lock. Gives the callbacks that will not be called; their stream goes on once the lock is left.</summary>
    private static List<ReportTask> Remove(Stream stream)
    {
        if (stream.Reports is not { } thread)
        {
            return [];
        }
        List<ReportTask> dropped = [.. thread.Pending.Where(task => task.Stream == stream)];
        foreach (ReportTask task in dropped)
        {
            thread.Pending.Remove(task);
            task.IsOver = true;
        }
        stream.Reports = null;
        thread.Streams.Remove(stream);
        if (thread.Streams.Count == 0)
        {
            s_threads.Remove(thread.ThreadId);
        }
        Monitor.PulseAll(Lock);
        return dropped;
    }

    private static void Release(List<ReportTask> tasks)
    {
        foreach (ReportTask task in tasks)
        {
            task.Stream.Unblock();
        }
    }

    /// <summary>Runs what has been handed to the calling thread. Waits for the first callback only.</summary>
    internal static AclError Process(int timeoutMs)
    {
        var deadline = new Deadline(timeoutMs);
        int count;
        lock (Lock)
        {
            while ((count = Own().Pending.Count) == 0)
            {
                if (deadline.IsOver)
                {
                    return AclError.RtReportTimeout;
                }
                Monitor.Wait(Lock, deadline.LeftMs);
            }
        }
        // What is handed over meanwhile is left for the next call: a chain of callbacks must not keep this one for ever.
        while (count-- > 0 && TakeOne() is { } task)
        {
            HostGuard.Call(task.Function, task.Argument);
            lock (Lock)
            {
                task.Thread!.Running = null;
                task.IsOver = true;
                Monitor.PulseAll(Lock);
            }
            task.Stream.Unblock();
        }
        return AclError.Success;
    }

    private static ReportThread Own()
    {
        ulong self = Posix.pthread_self();
        return s_threads.TryGetValue(self, out ReportThread? thread)
            ? thread
            : throw new AclException(AclError.RtThreadSubscribe, $"Thread {self} is not subscribed to any stream; call aclrtSubscribeReport with its id (pthread_self) first.");
    }

    private static ReportTask? TakeOne()
    {
        lock (Lock)
        {
            if (!s_threads.TryGetValue(Posix.pthread_self(), out ReportThread? thread) || thread.Pending.First is not { Value: var task })
            {
                return null;
            }
            thread.Pending.RemoveFirst();
            thread.Running = task.Stream;
            return task;
        }
    }

    internal static void Clear()
    {
        lock (Lock)
        {
            s_threads.Clear();
        }
    }
}

/// <summary>A thread of the program that runs callbacks, known by its pthread id.</summary>
internal sealed class ReportThread(ulong threadId, Device device)
{
    internal readonly ulong ThreadId = threadId;
    internal readonly Device Device = device;
    internal readonly HashSet<Stream> Streams = [];
    internal readonly LinkedList<ReportTask> Pending = [];
    internal Stream? Running;
}

/// <summary>A callback at its place in a stream. Its stream is unblocked outside the lock: the schedule may run it at once.</summary>
internal sealed class ReportTask(Stream stream, nuint function, nuint argument, bool blocks) : DeviceTask
{
    internal Stream Stream { get; } = stream;
    internal nuint Function { get; } = function;
    internal nuint Argument { get; } = argument;

    /// <summary>Whom it was handed to, once the stream has come by.</summary>
    internal ReportThread? Thread { get; private set; }

    /// <summary>The function has returned, or will not be called.</summary>
    internal bool IsOver { get; set; }

    internal override string? NotInModels => "A callback of a subscribed thread (aclrtLaunchCallback) cannot be part of a model; use aclrtLaunchHostFunc.";

    internal override bool Run(Stream stream, ref AclError result)
    {
        lock (Reports.Lock)
        {
            if (Thread == null)
            {
                if (stream.Reports is not { } thread || stream.Drops)
                {
                    return true; // Nobody is left to call it.
                }
                Thread = thread;
                thread.Pending.AddLast(this);
                Monitor.PulseAll(Reports.Lock);
            }
            if (IsOver || !blocks)
            {
                return true;
            }
            stream.MarkBlocked();
            return false;
        }
    }

    internal override void Abandon(Stream stream)
    {
        lock (Reports.Lock)
        {
            IsOver = true;
            _ = Thread?.Pending.Remove(this);
        }
    }
}
