using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device;

/// <summary>
/// The profiling interface. Configurations are kept and the order of the calls is checked; nothing is written by these calls
/// themselves. Marks and ranges of the program go to the observers, whether or not it has started a collection, so that a timeline
/// shows them beside the copies. None of these calls makes a program stop.
/// </summary>
/// <example><code>aclprofRangeStart(stamp, &amp;id)  ─►  Observer.RangePush(id, "text of the stamp", stream: null)</code></example>
internal static unsafe class Profiling
{
    internal const string ConfigKind = "profiling configuration", SubscriptionKind = "subscription configuration", StampKind = "stamp", StepKind = "step info";
    private const int MaximumPathBytes = 4096;

    internal sealed record Config(int[] Devices, aclprofAicoreMetrics Metrics, ulong DataTypes);

    internal sealed record Subscription(bool HasTimes, aclprofAicoreMetrics Metrics, nint Target);

    internal sealed class Stamp
    {
        internal string Text = "";
    }

    internal sealed class Step
    {
        internal uint Number, Range;
        internal bool IsOpen;
    }

    private sealed class Collection(Config config, uint range)
    {
        internal readonly Config Config = config;
        internal readonly uint Range = range;
    }

    /// <summary>What a thread has pushed and not popped, for the two pairs of calls that nest.</summary>
    private sealed class Nested(object process)
    {
        internal readonly object Process = process;
        internal readonly Stack<uint> Stamps = new(), Events = new();
    }

    private static readonly Lock s_lock = new();
    private static readonly List<Collection> s_collections = [];
    private static readonly Dictionary<aclprofConfigType, string> s_settings = [];
    private static readonly ConcurrentDictionary<uint, string> s_open = new();
    private static readonly ConcurrentDictionary<ulong, string> s_names = new();
    private static object s_process = new();
    private static string? s_path;
    private static uint s_ranges, s_steps;

    [ThreadStatic]
    private static Nested? t_nested;

    // --- Collections ---------------------------------------------------------------------------------------------------------------

    internal static void Init(byte* path, nuint lengthBytes)
    {
        Check.NotNull(path, "profilerResultPath");
        Check.That(lengthBytes is > 0 and <= MaximumPathBytes, AclError.InvalidParam, $"length is {lengthBytes}; expected the bytes of the path, 1 to {MaximumPathBytes}.");
        lock (s_lock)
        {
            Check.That(s_path == null, AclError.ProfAlreadyRun, "aclprofInit was already called; aclprofFinalize comes first.");
            s_path = Text(path, lengthBytes);
        }
    }

    internal static void End()
    {
        lock (s_lock)
        {
            CheckInitialised();
            while (s_collections.Count > 0)
            {
                Close(s_collections[^1]);
            }
            s_path = null;
        }
    }

    /// <summary>Null when an argument is wrong: a configuration names devices that exist, each once, and metrics that are known.</summary>
    internal static nint CreateConfig(uint* devices, uint count, aclprofAicoreMetrics metrics, ulong dataTypes)
    {
        Check.That(count == 0 || devices != null, AclError.InvalidParam, $"deviceIdList is NULL, deviceNums is {count}; give the ids or 0.");
        Check.That(count <= Machine.Devices.Length, AclError.InvalidParam, $"deviceNums is {count}; this machine has {Machine.Devices.Length} devices.");
        CheckMetrics(metrics);
        var ids = new int[count];
        for (int index = 0; index < ids.Length; index++)
        {
            ids[index] = Current.DeviceById((int)Math.Min(devices[index], int.MaxValue)).Id;
            Check.That(Array.IndexOf(ids, ids[index]) == index, AclError.InvalidParam, $"Device {ids[index]} is in deviceIdList twice.");
        }
        return DataObjects.Create(new Config(ids, metrics, dataTypes));
    }

    internal static nint CreateSubscription(sbyte hasTimes, aclprofAicoreMetrics metrics, void* target)
    {
        Check.NotNull(target, "fd");
        CheckMetrics(metrics);
        return DataObjects.Create(new Subscription(hasTimes != 0, metrics, (nint)target));
    }

    internal static void Start(ObjectHandle handle)
    {
        Config config = handle.Get<Config>("profilerConfig", ConfigKind);
        lock (s_lock)
        {
            CheckInitialised();
            foreach (Collection running in s_collections)
            {
                Check.That(!Overlap(running.Config, config), AclError.ProfAlreadyRun, "A collection with one of these devices already runs; aclprofStop comes first.");
            }
            var collection = new Collection(config, NextRange());
            s_collections.Add(collection);
            Machine.Observer?.RangePush(collection.Range, "profiling", null);
        }
    }

    internal static void Stop(ObjectHandle handle)
    {
        Config config = handle.Get<Config>("profilerConfig", ConfigKind);
        lock (s_lock)
        {
            CheckInitialised();
            Collection? running = s_collections.Find(each => ReferenceEquals(each.Config, config));
            if (running == null)
            {
                Collection? other = s_collections.Find(each => Overlap(each.Config, config));
                Check.That(other == null, AclError.InvalidProfilingConfig, "The collection of these devices was started with another configuration; stop it with that one.");
                Check.Fail(AclError.ProfNotRun, "No collection with this configuration runs; aclprofStart comes first.");
            }
            Close(running);
        }
    }

    internal static void Configure(aclprofConfigType type, byte* text, nuint lengthBytes)
    {
        Check.NotNull(text, "config");
        Check.That(Enum.IsDefined(type) && type is not (aclprofConfigType.ACL_PROF_ARGS_MIN or aclprofConfigType.ACL_PROF_ARGS_MAX), AclError.InvalidParam, $"configType is {(int)type}; expected a value of aclprofConfigType.");
        Check.That(lengthBytes is > 0 and <= MaximumPathBytes, AclError.InvalidParam, $"configLength is {lengthBytes}; expected the bytes of the text, 1 to {MaximumPathBytes}.");
        lock (s_lock)
        {
            s_settings[type] = Text(text, lengthBytes);
        }
    }

    private static void Close(Collection collection)
    {
        s_collections.Remove(collection);
        Machine.Observer?.RangePop(collection.Range, null);
    }

    private static bool Overlap(Config one, Config other) => one.Devices.Length == 0 && other.Devices.Length == 0 || one.Devices.Intersect(other.Devices).Any();

    private static void CheckInitialised() => Check.That(s_path != null, AclError.ProfNotRun, "Profiling is not initialised; aclprofInit comes first.");

    private static void CheckMetrics(aclprofAicoreMetrics metrics) => Check.That(Enum.IsDefined(metrics), AclError.InvalidParam, $"aicoreMetrics is {(int)metrics}; expected a value of aclprofAicoreMetrics.");

    // --- Marks and ranges ------------------------------------------------------------------------------------------------------------

    internal static void SetText(ObjectHandle handle, byte* text, uint lengthBytes)
    {
        Stamp stamp = handle.Get<Stamp>("stamp", StampKind);
        Check.NotNull(text, "msg");
        stamp.Text = Text(text, lengthBytes);
    }

    internal static void Mark(ObjectHandle handle)
    {
        string text = handle.Get<Stamp>("stamp", StampKind).Text;
        Machine.Observer?.Mark(text, null);
    }

    /// <summary>A mark that the stream reaches after what was queued before it.</summary>
    internal static void Mark(byte* text, nuint lengthBytes, StreamHandle stream)
    {
        Check.NotNull(text, "msg");
        Check.That(lengthBytes is > 0 and <= MaximumPathBytes, AclError.InvalidParam, $"msgLen is {lengthBytes}; expected the bytes of the text, 1 to {MaximumPathBytes}.");
        Queue(stream, new StreamMark(Text(text, lengthBytes)));
    }

    /// <summary>Bytes of the program's own in the order of the stream; shown as text, or as hexadecimal digits where they are none.</summary>
    internal static void Trace(void* data, int lengthBytes, StreamHandle stream)
    {
        Check.NotNull(data, "userdata");
        Check.That(lengthBytes is > 0 and <= MaximumPathBytes, AclError.InvalidParam, $"length is {lengthBytes}; expected 1 to {MaximumPathBytes} bytes.");
        var bytes = new ReadOnlySpan<byte>(data, lengthBytes);
        bool isText = bytes.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0;
        Queue(stream, new StreamMark(isText ? Encoding.ASCII.GetString(bytes) : "0x" + Convert.ToHexStringLower(bytes)));
    }

    internal static void Push(ObjectHandle handle) => Open(Mine.Stamps, handle.Get<Stamp>("stamp", StampKind).Text);

    internal static void Pop() => CloseLast(Mine.Stamps, "aclprofPop", "aclprofPush");

    internal static void StartRange(ObjectHandle handle, uint* id)
    {
        Stamp stamp = handle.Get<Stamp>("stamp", StampKind);
        Check.NotNull(id, "rangeId");
        uint range = NextRange();
        s_open[range] = stamp.Text;
        *id = range;
        Machine.Observer?.RangePush(range, stamp.Text, null);
    }

    internal static void StopRange(uint id)
    {
        Check.That(s_open.TryRemove(id, out _), AclError.InvalidParam, $"Range {id} is not open: it was never started with aclprofRangeStart, or was stopped already.");
        Machine.Observer?.RangePop(id, null);
    }

    internal static void PushEvent(aclprofEventAttributes* attributes)
    {
        Check.NotNull(attributes, "attr");
        Check.That(attributes->version == AclConstants.ACL_PROF_EVENT_ATTR_VERSION, AclError.InvalidParam, $"attr->version is {attributes->version}; expected {AclConstants.ACL_PROF_EVENT_ATTR_VERSION}.");
        Check.That(attributes->size == sizeof(aclprofEventAttributes), AclError.InvalidParam, $"attr->size is {attributes->size}; expected {sizeof(aclprofEventAttributes)}.");
        Check.That(attributes->messageType == (uint)aclprofMessageType.ACL_PROF_MESSAGE_TYPE_TENSOR_INFO, AclError.InvalidParam, $"attr->messageType is {attributes->messageType}; expected 0 (tensor info).");
        aclprofTensorInfo* info = attributes->message.tensorInfo;
        Check.NotNull(info, "attr->message.tensorInfo");
        Open(Mine.Events, s_names.TryGetValue(info->opNameId, out string? name) ? name : $"operator {info->opNameId}");
    }

    internal static void PopEvent() => CloseLast(Mine.Events, "aclprofRangePop", "aclprofRangePushEx");

    /// <summary>The same number for the same text in every process (FNV-1a), so that recordings can be compared. 0 for NULL.</summary>
    internal static ulong IdOf(byte* message)
    {
        Check.NotNull(message, nameof(message));
        ulong id = 14695981039346656037;
        for (byte* at = message; *at != 0; at++)
        {
            id = (id ^ *at) * 1099511628211;
        }
        s_names.TryAdd(id, Marshal.PtrToStringUTF8((nint)message)!);
        return id;
    }

    /// <summary>The begin and the end of an iteration, as the stream reaches them.</summary>
    internal static void StepTime(ObjectHandle handle, aclprofStepTag tag, StreamHandle stream)
    {
        Step step = handle.Get<Step>("stepInfo", StepKind);
        Check.That(Enum.IsDefined(tag), AclError.InvalidParam, $"tag is {(int)tag}; expected 0 (start) or 1 (end).");
        lock (step)
        {
            bool starts = tag == aclprofStepTag.ACL_STEP_START;
            Check.That(step.IsOpen != starts, AclError.InvalidParam, starts ? "The step was started already; ACL_STEP_END comes first." : "The step was not started; ACL_STEP_START comes first.");
            uint range = starts ? NextRange() : step.Range, number = starts ? Interlocked.Increment(ref s_steps) : step.Number;
            Queue(stream, new StreamRange(range, starts ? $"step {number}" : null));
            (step.Range, step.Number, step.IsOpen) = (range, number, starts);
        }
    }

    private static void Open(Stack<uint> nested, string text)
    {
        uint range = NextRange();
        nested.Push(range);
        Machine.Observer?.RangePush(range, text, null);
    }

    private static void CloseLast(Stack<uint> nested, string closer, string opener)
    {
        Check.That(nested.TryPop(out uint range), AclError.InvalidParam, $"{closer} without {opener} on this thread.");
        Machine.Observer?.RangePop(range, null);
    }

    private static uint NextRange() => Interlocked.Increment(ref s_ranges);

    private static Nested Mine => t_nested is { } nested && nested.Process == s_process ? nested : t_nested = new Nested(s_process);

    private static void Queue(StreamHandle stream, DeviceTask task) => Current.Stream(stream).Submit(new Command { Kind = CommandKind.Task }, task);

    private static string Text(byte* text, nuint lengthBytes)
    {
        // Programs give the length with or without the end, or that of a larger buffer: nothing behind the end is read.
        int length = 0;
        while ((nuint)length < lengthBytes && text[length] != 0)
        {
            length++;
        }
        return Encoding.UTF8.GetString(text, length);
    }

    /// <summary>A fresh process; for tests.</summary>
    internal static void Forget()
    {
        lock (s_lock)
        {
            s_collections.Clear();
            s_settings.Clear();
            s_open.Clear();
            s_names.Clear();
            (s_path, s_process, s_ranges, s_steps) = (null, new object(), 0, 0);
        }
    }

    private sealed class StreamMark(string text) : DeviceTask
    {
        internal override bool Run(Stream stream, ref AclError result)
        {
            Machine.Observer?.Mark(text, stream);
            return true;
        }
    }

    private sealed class StreamRange(uint range, string? text) : DeviceTask
    {
        internal override bool Run(Stream stream, ref AclError result)
        {
            if (text != null)
            {
                Machine.Observer?.RangePush(range, text, stream);
            }
            else
            {
                Machine.Observer?.RangePop(range, stream);
            }
            return true;
        }
    }
}
