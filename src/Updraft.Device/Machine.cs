namespace Updraft.Device;

/// <summary>
/// The emulated machine: its devices, host memory, schedule and clock. One per process, as the C interface knows no object for it.
/// The library starts it when it is loaded; tests start it anew with other options.
/// </summary>
internal static unsafe class Machine
{
    // Fields without initialisers: every copy reads them, and none shall ask whether the class has been initialised.
    internal static Options Options = null!;
    internal static Device[] Devices = null!;
    internal static Arena Pinned = null!;
    internal static Scheduler Scheduler = null!;
    internal static Clock Clock = null!;
    internal static Observer? Observer;
    internal static bool IsStrict;

    /// <summary>Set by the configuration of aclInit: threads without a context use the primary context of this device.</summary>
    internal static int? DefaultDevice { get; set; }

    internal static void Start(Options options)
    {
        Options = options;
        IsStrict = options.Strict;
        Clock = Clock.Wall;
        Chip.Choose(options.Chip, options.SocName);
        Log.Level = options.LogLevel;
        CopyEngine.UseKernel(options.Kernel);
        Log.Info($"copies: {CopyEngine.KernelsInUse}");
        Trace.Calls = options.LogLevel == LogLevel.Debug;
        int count = options.DeviceCount ?? options.Chip.DefaultDevices;
        ulong memory = options.DeviceMemoryBytes ?? options.Chip.MemoryBytes;
        int[] visible = Visible(Environment.GetEnvironmentVariable("ASCEND_RT_VISIBLE_DEVICES"), count);
        AddressSpace.Reserve(Math.Max(visible.Length, 1), memory);
        Pinned = new Arena(AddressSpace.PinnedBase, AddressSpace.PinnedBytes, 0, AddressSpace.PinnedChunks);
        // Programs number the devices they may see from 0.
        Devices = [.. visible.Select((physical, id) => new Device(id, physical, memory))];
        Scheduler = Scheduler.Create(options.Schedule);
    }

    /// <summary>Ends the machine between two tests. Nothing of it may be in use.</summary>
    internal static void Stop()
    {
        foreach (Device device in Devices)
        {
            device.Release(all: true);
            device.Memory.Dispose();
        }
        Scheduler.Stop();
        Pinned.Dispose();
        HostRegistry.Clear();
        ValueWaits.Clear();
        ManagedMemory.Clear();
        MemoryPools.Clear();
        SharedKeys.Clear();
        Snapshots.Clear();
        VirtualMemory.Clear();
        GracePeriod.Reset();
        AddressSpace.Release();
        Devices = [];
        Observer = null;
        DefaultDevice = null;
    }

    /// <summary>All streams that have commands left, with the number of the last one.</summary>
    internal static void CollectBusyStreams(List<(Stream Stream, long Tail)> busy)
    {
        foreach (Stream stream in Streams())
        {
            if (!stream.IsIdle)
            {
                busy.Add((stream, stream.Tail));
            }
        }
    }

    /// <summary>A number that grows whenever a command of a living stream ends.</summary>
    internal static long Progress() => Streams().Sum(stream => stream.Head);

    /// <summary>True when no stream can go on by itself: each is idle or stands at a wait.</summary>
    internal static bool StandsStill() => Streams().All(stream => stream.IsIdle || stream.StandsAtWait);

    private static IEnumerable<Stream> Streams()
    {
        foreach (Device device in Devices)
        {
            foreach (Context context in device.Contexts)
            {
                foreach (Stream stream in context.Streams)
                {
                    yield return stream;
                }
            }
        }
    }

    /// <summary>An ascending list of ids; what follows the first bad entry is ignored.</summary>
    private static int[] Visible(string? list, int count)
    {
        if (list == null)
        {
            return [.. Enumerable.Range(0, count)];
        }
        var visible = new List<int>();
        foreach (string entry in list.Split(','))
        {
            if (!int.TryParse(entry.Trim(), out int id) || id < 0 || id >= count || visible.Count > 0 && id <= visible[^1])
            {
                break;
            }
            visible.Add(id);
        }
        return [.. visible];
    }
}
