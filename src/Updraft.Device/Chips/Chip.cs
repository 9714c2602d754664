namespace Updraft.Device;

/// <summary>What distinguishes one chip from another, as data: names, limits, sizes. The engine reads values, never names.</summary>
internal sealed class Chip
{
    /// <summary>The chip of the running machine. Set once by <see cref="Machine.Start"/>.</summary>
    internal static Chip Current { get; set; } = null!;

    internal required string Key { get; init; }
    internal required string Name { get; init; }
    internal string[] Aliases { get; init; } = [];

    /// <summary>The full name that <c>aclrtGetSocName</c> gives when only the family was asked for.</summary>
    internal required string SocName { get; init; }

    /// <summary>Beginnings of full SoC names of this family; the longest match of all chips wins.</summary>
    internal required string[] SocPrefixes { get; init; }

    /// <summary>A variant, known by the beginning of its full name, that lacks functions which the others of the family have.</summary>
    internal (string SocPrefix, Function[] Lacks)? LesserVariant { get; init; }

    /// <summary>Position of the chip in the support columns of the interface table.</summary>
    internal required int SupportBit { get; init; }

    internal required int DefaultDevices { get; init; }
    internal required ulong MemoryBytes { get; init; }

    /// <summary>True when the program runs on the board itself (RC mode): <c>aclrtGetRunMode</c> says ACL_DEVICE.</summary>
    internal bool RunsOnBoard { get; init; }

    /// <summary>Bytes added behind every ordinary allocation; a program may touch them.</summary>
    internal uint AllocationPadding { get; init; } = 32;

    internal bool HasGiantPages { get; init; }
    internal bool HasPeerToPeerPages { get; init; } = true;
    internal bool HasMappedHostMemory { get; init; }
    internal bool HasManagedMemory { get; init; }

    /// <summary>Largest range that can be reserved at once.</summary>
    internal ulong MaximumReservation { get; init; } = 128UL << 30;

    /// <summary>One kind of memory only: aclrtGetMemInfo takes every name for it, those of 1 GiB pages included.</summary>
    internal bool HasOneKindOfMemory { get; init; }

    /// <summary>Processes that one key or shareable handle can be opened for.</summary>
    internal int PidsPerKey { get; init; } = 32768;
    internal bool HasStars { get; init; } = true;
    internal bool HasHugeStreams { get; init; } = true;

    internal bool HasIpcEvents { get; init; }

    /// <summary>Resolution of event times in ticks per second.</summary>
    internal long TimestampHz { get; init; } = 1_000_000_000;

    /// <summary>A full persistent stream answers 507002 even when no model owns it.</summary>
    internal bool PersistentStreamsRefuseWhenFull { get; init; }

    /// <summary>Flags of the streams that aclrtSynchronizeDevice does not wait for.</summary>
    internal uint StreamsOutsideDeviceSynchronize { get; init; } = Streams.DeviceUseOnly;

    internal required int StreamsPerDevice { get; init; }
    internal required int TasksPerStream { get; init; }
    internal required int EventsPerDevice { get; init; }
    internal required int NotifiesPerDevice { get; init; }
    internal AclError NoEventCode { get; init; } = AclError.RtNoEventResource;

    /// <summary>Bytes of a copy descriptor; 0 where the chip has none.</summary>
    internal int CopyDescriptorBytes { get; init; }
    internal int CacheDescriptorBytes { get; init; }

    internal bool HasOffsetCopy { get; init; }

    /// <summary>A reduction takes its place in the queue before the alignment of its addresses is tested.</summary>
    internal bool TakesTaskBeforeAlignment { get; init; } = true;

    /// <summary>The cells of a copy with offsets are translated when it is queued, so a bad one fails the call rather than the task.</summary>
    internal bool TranslatesCellsAtSubmit { get; init; } = true;

    /// <summary>The documents demand peer access before a copy between two devices; strict mode does too.</summary>
    internal bool NeedsPeerAccess { get; init; } = true;
    internal bool HasCapture { get; init; }

    /// <summary>Streams with ACL_STREAM_PERSISTENT are ordinary until they are bound: they can be captured, executed on and waited for.</summary>
    internal bool CapturesPersistentStreams { get; init; } = true;

    /// <summary>aclmdlRIExecuteAsync needs aclmdlRIBuildEnd, not only aclmdlRIEndTask.</summary>
    internal bool ExecutesCompleteModelsOnly { get; init; }

    /// <summary>NULL names the default stream in <c>aclrtMemcpy2dAsync</c> and <c>aclrtSetStreamFailureMode</c>; elsewhere 107000.</summary>
    internal bool NullStreamInNewCalls { get; init; }

    /// <summary>Managed memory is copied by an ordinary task rather than by a host function.</summary>
    internal bool CopiesManagedByTask { get; init; }

    internal bool WaitsForForeignEvents { get; init; }
    internal ReductionSet Reductions { get; init; } = new([], []);

    internal int AiCores { get; init; }
    internal int VectorCores { get; init; }

    /// <summary>Bytes of the second-level cache; null where it is not published, and then not answered.</summary>
    internal long? L2Bytes { get; init; }

    /// <summary>The number of the core's instruction set, as <c>aclplatformNpuArch</c> lists them.</summary>
    internal required aclplatformNpuArch Architecture { get; init; }

    /// <summary>The cores compute with bfloat16, infinity and NaN; without, results saturate.</summary>
    internal bool HasBfloat16 { get; init; }

    /// <summary>How the host reaches the devices of the usual server: ACL_HOST_DEVICE_CONNECT_TYPE_*; null where it is not known.</summary>
    internal int? HostLink { get; init; }

    /// <summary>How devices of the usual server reach each other: within groups of so many neighbours that link (ACL_RT_DEVS_TOPOLOGY_*), smallest group first.</summary>
    internal (int Neighbours, ulong Link)[] DeviceLinks { get; init; } = [];

    /// <summary>Groups of cores that <c>aclrtSetGroup</c> chooses from.</summary>
    internal int CoreGroups { get; init; } = 1;

    internal static readonly Chip[] All =
    [
        new()
        {
            Key = "910b", Name = "Ascend 910B (Atlas A2)", SocName = "Ascend910B3", SocPrefixes = ["Ascend910B1", "Ascend910B2", "Ascend910B3", "Ascend910B4"],
            SupportBit = 2, DefaultDevices = 8, MemoryBytes = 64UL << 30, HasGiantPages = true, HasMappedHostMemory = true, HasManagedMemory = true,
            StreamsPerDevice = 1984, TasksPerStream = 2013, EventsPerDevice = 65536, NotifiesPerDevice = 8192,
            CopyDescriptorBytes = 32, CacheDescriptorBytes = 32, HasOffsetCopy = true, HasCapture = true, ExecutesCompleteModelsOnly = true, NullStreamInNewCalls = true, WaitsForForeignEvents = true,
            HasIpcEvents = true, TimestampHz = 50_000_000,
            Reductions = ReductionSet.A2, AiCores = 20, VectorCores = 40,
            L2Bytes = 192L << 20, Architecture = aclplatformNpuArch.DAV_2201, HasBfloat16 = true,
            HostLink = AclConstants.ACL_HOST_DEVICE_CONNECT_TYPE_PCIE, DeviceLinks = [(int.MaxValue, AclConstants.ACL_RT_DEVS_TOPOLOGY_HCCS)],
        },
        new()
        {
            Key = "910c", Name = "Ascend 910C (Atlas A3)", NeedsPeerAccess = false, Aliases = ["a3"], SocName = "Ascend910_9391", SocPrefixes = ["Ascend910_93"],
            SupportBit = 1, DefaultDevices = 16, MemoryBytes = 64UL << 30, HasGiantPages = true, HasMappedHostMemory = true, HasManagedMemory = true,
            StreamsPerDevice = 1984, TasksPerStream = 2013, EventsPerDevice = 65536, NotifiesPerDevice = 8192,
            CopyDescriptorBytes = 32, CacheDescriptorBytes = 32, HasOffsetCopy = true, HasCapture = true, ExecutesCompleteModelsOnly = true, NullStreamInNewCalls = true, WaitsForForeignEvents = true,
            HasIpcEvents = true, TimestampHz = 50_000_000,
            Reductions = ReductionSet.A2, AiCores = 24, VectorCores = 48,
            L2Bytes = 192L << 20, Architecture = aclplatformNpuArch.DAV_2201, HasBfloat16 = true,
            HostLink = AclConstants.ACL_HOST_DEVICE_CONNECT_TYPE_HCCS, DeviceLinks = [(2, AclConstants.ACL_RT_DEVS_TOPOLOGY_SIO), (int.MaxValue, AclConstants.ACL_RT_DEVS_TOPOLOGY_HCCS_SW)],
        },
        new()
        {
            Key = "950", Name = "Ascend 950", SocName = "Ascend950PR_9599", SocPrefixes = ["Ascend950"],
            SupportBit = 0, DefaultDevices = 8, MemoryBytes = 112UL << 30, AllocationPadding = 0, MaximumReservation = ulong.MaxValue, PidsPerKey = 65535, HasGiantPages = true, HasMappedHostMemory = true,
            StreamsPerDevice = 1984, TasksPerStream = 2014, EventsPerDevice = 65536, NotifiesPerDevice = 65535, NoEventCode = AclError.RtNoNotifyResource,
            CopyDescriptorBytes = 64, CacheDescriptorBytes = 64, HasOffsetCopy = true, HasCapture = true, CapturesPersistentStreams = false, ExecutesCompleteModelsOnly = true, NullStreamInNewCalls = true, CopiesManagedByTask = true, TranslatesCellsAtSubmit = false, TakesTaskBeforeAlignment = false,
            WaitsForForeignEvents = true, HasIpcEvents = true, PersistentStreamsRefuseWhenFull = true,
            StreamsOutsideDeviceSynchronize = Streams.Persistent | Streams.CpuSchedule | Streams.DeviceUseOnly, Reductions = ReductionSet.A5, AiCores = 32, VectorCores = 64,
            Architecture = aclplatformNpuArch.DAV_3510, HasBfloat16 = true, HostLink = AclConstants.ACL_HOST_DEVICE_CONNECT_TYPE_UB,
            LesserVariant = ("Ascend950DT",
            [
                Function.aclrtNotifyGetExportKey, Function.aclrtNotifyImportByKey, Function.aclrtNotifySetImportPid, Function.aclrtIpcGetEventHandle, Function.aclrtIpcOpenEventHandle,
                Function.aclrtSnapShotProcessLock, Function.aclrtSnapShotProcessUnlock, Function.aclrtSnapShotProcessBackup, Function.aclrtSnapShotProcessRestore,
                Function.aclrtSnapShotCallbackRegister, Function.aclrtSnapShotCallbackUnregister,
            ]),
        },
        new()
        {
            Key = "310b", Name = "Ascend 310B (Atlas 200I/500 A2)", NeedsPeerAccess = false, SocName = "Ascend310B1", SocPrefixes = ["Ascend310B"],
            SupportBit = 3, DefaultDevices = 1, MemoryBytes = 8UL << 30, HasPeerToPeerPages = false, HasOneKindOfMemory = true, TimestampHz = 48_000_000,
            StreamsPerDevice = 512, TasksPerStream = 2010, EventsPerDevice = 65536, NotifiesPerDevice = 2048,
            CopyDescriptorBytes = 32, Reductions = ReductionSet.Small, AiCores = 1, VectorCores = 1,
            Architecture = aclplatformNpuArch.DAV_3002,
        },
        new()
        {
            Key = "310p", Name = "Ascend 310P (Atlas inference)", SocName = "Ascend310P3", SocPrefixes = ["Ascend310P"],
            SupportBit = 4, DefaultDevices = 8, MemoryBytes = 24UL << 30, HasOneKindOfMemory = true, HasStars = false, HasHugeStreams = false,
            StreamsPerDevice = 1024, TasksPerStream = 2042, EventsPerDevice = 1023, NotifiesPerDevice = 1024,
            HasCapture = true, Reductions = ReductionSet.Inference, AiCores = 8, VectorCores = 7,
            L2Bytes = 16L << 20, Architecture = aclplatformNpuArch.DAV_2002, HostLink = AclConstants.ACL_HOST_DEVICE_CONNECT_TYPE_PCIE,
            DeviceLinks = [(int.MaxValue, AclConstants.ACL_RT_DEVS_TOPOLOGY_PHB)],
        },
        new()
        {
            Key = "910", Name = "Ascend 910 (Atlas training)", SocName = "Ascend910A", SocPrefixes = ["Ascend910A", "Ascend910Pro", "Ascend910Premium", "Ascend910"],
            SupportBit = 5, DefaultDevices = 8, MemoryBytes = 32UL << 30, HasStars = false,
            StreamsPerDevice = 2048, TasksPerStream = 2042, EventsPerDevice = 65535, NotifiesPerDevice = 1024,
            HasOffsetCopy = true, Reductions = ReductionSet.Training, AiCores = 32, VectorCores = 0,
            L2Bytes = 32L << 20, Architecture = aclplatformNpuArch.DAV_1001, HostLink = AclConstants.ACL_HOST_DEVICE_CONNECT_TYPE_PCIE,
            DeviceLinks = [(4, AclConstants.ACL_RT_DEVS_TOPOLOGY_HCCS), (int.MaxValue, AclConstants.ACL_RT_DEVS_TOPOLOGY_SYS)],
        },
    ];

    /// <summary>Finds a chip by key, alias or full SoC name; <paramref name="socName"/> is the name the program will see.</summary>
    internal static Chip? Find(string text, out string socName)
    {
        foreach (Chip chip in All)
        {
            if (chip.Key.Equals(text, StringComparison.OrdinalIgnoreCase) || chip.Aliases.Contains(text, StringComparer.OrdinalIgnoreCase))
            {
                socName = chip.SocName;
                return chip;
            }
        }
        socName = text;
        return All.SelectMany(chip => chip.SocPrefixes, (chip, prefix) => (chip, prefix))
            .Where(pair => text.StartsWith(pair.prefix, StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(pair => pair.prefix.Length)
            .Select(pair => pair.chip).FirstOrDefault();
    }

    /// <summary>True when the running chip has the function; a function the facts say nothing about counts as supported.</summary>
    internal static bool Supports(Function function) => (Functions.Support(function) & (1 << Current.SupportBit)) != 0 && (s_lacking == null || !s_lacking.Contains(function));

    /// <summary>The functions of the chip that the running variant does not have; null when it has all.</summary>
    private static Function[]? s_lacking;

    internal static void Choose(Chip chip, string socName)
    {
        Current = chip;
        s_lacking = chip.LesserVariant is var (prefix, lacking) && socName.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? lacking : null;
    }
}

/// <summary>The element-wise reductions a chip performs.</summary>
internal sealed record ReductionSet(aclrtReduceKind[] Kinds, aclDataType[] Types)
{
    private static readonly aclrtReduceKind[] s_allKinds =
        [aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MAX, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_MIN, aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_EQUAL];
    private static readonly aclrtReduceKind[] s_sum = [aclrtReduceKind.ACL_RT_MEMCPY_SDMA_AUTOMATIC_SUM];

    internal static readonly ReductionSet A5 = new(s_allKinds, [aclDataType.ACL_INT8, aclDataType.ACL_INT16, aclDataType.ACL_INT32, aclDataType.ACL_UINT32, aclDataType.ACL_FLOAT16, aclDataType.ACL_FLOAT, aclDataType.ACL_BF16]);
    internal static readonly ReductionSet A2 = new(s_allKinds, [aclDataType.ACL_INT8, aclDataType.ACL_INT16, aclDataType.ACL_INT32, aclDataType.ACL_FLOAT16, aclDataType.ACL_FLOAT, aclDataType.ACL_BF16]);
    internal static readonly ReductionSet Small = new(s_allKinds, [aclDataType.ACL_INT8, aclDataType.ACL_INT16, aclDataType.ACL_INT32, aclDataType.ACL_FLOAT16, aclDataType.ACL_FLOAT]);
    internal static readonly ReductionSet Inference = new(s_sum, [aclDataType.ACL_FLOAT, aclDataType.ACL_FLOAT16, aclDataType.ACL_INT16]);
    internal static readonly ReductionSet Training = new(s_sum, [aclDataType.ACL_FLOAT]);
}
