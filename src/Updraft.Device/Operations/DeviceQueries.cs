using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Updraft.Device;

/// <summary>
/// What programs ask about a device. Answers come from the chip's profile and from the machine; what the profile does not know is
/// refused with 207000 rather than invented.
/// </summary>
internal static unsafe class DeviceQueries
{
    private const int PciBusIdBytes = 13;

    /// <summary>A PCI domain that no host bridge uses: the ids are well-formed, unique and never those of real hardware.</summary>
    private const int PciDomain = 0xFF00;

    private sealed class Settings
    {
        internal aclrtFloatOverflowMode? SatMode;
    }

    private static readonly ConditionalWeakTable<Device, Settings> s_settings = [];

    internal static void Info(uint deviceId, aclrtDevAttr attribute, long* value)
    {
        Check.NotNull(value, nameof(value));
        Check.That(Enum.IsDefined(attribute), AclError.InvalidParam, $"attr is {(int)attribute}; expected a value of aclrtDevAttr.");
        Device device = ById(deviceId);
        Chip chip = Chip.Current;
        *value = (attribute switch
        {
            aclrtDevAttr.ACL_DEV_ATTR_AICORE_CORE_NUM or aclrtDevAttr.ACL_DEV_ATTR_CUBE_CORE_NUM => chip.AiCores,
            aclrtDevAttr.ACL_DEV_ATTR_VECTOR_CORE_NUM => chip.VectorCores,
            aclrtDevAttr.ACL_DEV_ATTR_TOTAL_GLOBAL_MEM_SIZE => (long)device.MemoryBytes,
            aclrtDevAttr.ACL_DEV_ATTR_L2_CACHE_SIZE => chip.L2Bytes,
            aclrtDevAttr.ACL_DEV_ATTR_PHY_CHIP_ID => device.PhysicalId,
            aclrtDevAttr.ACL_DEV_ATTR_HD_CONNECT_TYPE => chip.HostLink,
            aclrtDevAttr.ACL_DEV_ATTR_IS_VIRTUAL => 0,
            aclrtDevAttr.ACL_DEV_ATTR_NPU_ARCH => (long)chip.Architecture,
            _ => (long?)null,
        }) ?? throw Unknown(attribute.ToString());
    }

    internal static void Capability(uint deviceId, aclDeviceInfo info, long* value)
    {
        Check.NotNull(value, nameof(value));
        Check.That(info is >= aclDeviceInfo.ACL_DEVICE_INFO_AI_CORE_NUM and <= aclDeviceInfo.ACL_DEVICE_INFO_L2_SIZE, AclError.InvalidParam, $"deviceInfo is {(int)info}; expected 0 (AI cores), 1 (vector cores) or 2 (L2 bytes).");
        _ = ById(deviceId);
        *value = (info switch
        {
            aclDeviceInfo.ACL_DEVICE_INFO_AI_CORE_NUM => Chip.Current.AiCores,
            aclDeviceInfo.ACL_DEVICE_INFO_VECTOR_CORE_NUM => Chip.Current.VectorCores,
            _ => Chip.Current.L2Bytes,
        }) ?? throw Unknown(info.ToString());
    }

    /// <summary>Updating kernel tasks and queues across devices: neither is emulated, so neither is announced.</summary>
    internal static void Feature(int deviceId, aclrtDevFeatureType feature, int* value)
    {
        Check.NotNull(value, nameof(value));
        Check.That(Enum.IsDefined(feature), AclError.InvalidParam, $"devFeatureType is {(int)feature}; expected a value of aclrtDevFeatureType.");
        _ = Current.DeviceById(deviceId);
        *value = AclConstants.ACL_DEV_FEATURE_NOT_SUPPORT;
    }

    /// <summary>No core of an emulated device ever computes: their shares are 0. The memory's share is that of its allocations.</summary>
    internal static void Utilization(int deviceId, aclrtUtilizationInfo* info)
    {
        Check.NotNull(info, "utilizationInfo");
        Device device = Current.DeviceById(deviceId);
        (info->cubeUtilization, info->vectorUtilization, info->aicpuUtilization) = (0, 0, 0);
        info->memoryUtilization = (int)((UInt128)Math.Min(device.Memory.UsedBytes, device.MemoryBytes) * 100 / device.MemoryBytes);
    }

    internal static void Status(int deviceId, aclrtDeviceStatus* status)
    {
        Check.NotNull(status, "deviceStatus");
        _ = Current.DeviceById(deviceId);
        *status = aclrtDeviceStatus.ACL_RT_DEVICE_STATUS_NORMAL;
    }

    internal static void StreamPriorities(int* least, int* greatest)
    {
        Check.NotNull(least, "leastPriority");
        Check.NotNull(greatest, "greatestPriority");
        (*least, *greatest) = (7, 0);
    }

    /// <summary>The same 16 bytes for a device in every process of this machine and at every start.</summary>
    internal static void Uuid(int deviceId, aclrtUuid* uuid)
    {
        Check.NotNull(uuid, nameof(uuid));
        Device device = Current.DeviceById(deviceId);
        var bytes = new Span<byte>(uuid, sizeof(aclrtUuid));
        "updraft-"u8.CopyTo(bytes);
        Encoding.ASCII.GetBytes(device.PhysicalId.ToString("d8", CultureInfo.InvariantCulture), bytes[8..]);
    }

    internal static void PciBusId(int deviceId, byte* text, int lengthBytes)
    {
        Check.NotNull(text, "pciBusId");
        Check.That(lengthBytes > 0, AclError.InvalidParam, $"len is {lengthBytes}; the text needs {PciBusIdBytes} bytes.");
        Device device = Current.DeviceById(deviceId);
        Check.That(lengthBytes >= PciBusIdBytes, AclError.RtParamInvalid, $"len is {lengthBytes}; the text needs {PciBusIdBytes} bytes.");
        Versions.Write(PciBusIdOf(device), text, lengthBytes);
    }

    internal static void ByPciBusId(byte* text, int* deviceId)
    {
        Check.NotNull(text, "pciBusId");
        Check.NotNull(deviceId, nameof(deviceId));
        string given = Marshal.PtrToStringUTF8((nint)text)!;
        Device? found = Machine.Devices.FirstOrDefault(device => PciBusIdOf(device).Equals(given, StringComparison.OrdinalIgnoreCase));
        *deviceId = found?.Id ?? throw new AclException(AclError.RtInvalidDeviceid, $"No device has the PCI bus id \"{given}\"; ask for one with aclrtDeviceGetPCIBusId.");
    }

    private static string PciBusIdOf(Device device) => $"{PciDomain:x4}:{device.PhysicalId / 32:x2}:{device.PhysicalId % 32:x2}.0";

    internal static void Topology(uint deviceId, uint otherDeviceId, ulong* value)
    {
        Check.NotNull(value, nameof(value));
        Check.That(deviceId != otherDeviceId, AclError.InvalidParam, $"deviceId and otherDeviceId are both {deviceId}; ask about two different devices.");
        int one = ById(deviceId).PhysicalId, other = ById(otherDeviceId).PhysicalId;
        foreach ((int neighbours, ulong link) in Chip.Current.DeviceLinks)
        {
            if (one / neighbours == other / neighbours)
            {
                *value = link;
                return;
            }
        }
        throw Unknown("the link between two devices");
    }

    // Three numberings: what the program counts, what ASCEND_RT_VISIBLE_DEVICES lists, what the machine has. The last two agree here.
    internal static void LogicOfUser(int userId, int* logicId, string name)
    {
        Check.NotNull(logicId, name);
        *logicId = Current.DeviceById(userId).PhysicalId;
    }

    internal static void UserOfLogic(int logicId, int* userId, string name)
    {
        Check.NotNull(userId, name);
        CheckPhysical(logicId);
        Device? found = Machine.Devices.FirstOrDefault(device => device.PhysicalId == logicId);
        *userId = found?.Id ?? throw new AclException(AclError.RtInvalidDeviceid, $"ASCEND_RT_VISIBLE_DEVICES hides device {logicId} from this process.");
    }

    internal static void LogicOfPhysical(int id, int* other, string name)
    {
        Check.NotNull(other, name);
        CheckPhysical(id);
        *other = id;
    }

    private static void CheckPhysical(int id)
    {
        int count = Machine.Options.DeviceCount ?? Chip.Current.DefaultDevices;
        Check.That(id >= 0 && id < count, AclError.RtInvalidDeviceid, $"There is no device {id}: this machine has {count} (UPDRAFT_DEVICES).");
    }

    internal static void SetSatMode(aclrtFloatOverflowMode mode)
    {
        Check.That(mode is aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_SATURATION or aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_INFNAN, AclError.InvalidParam,
            $"mode is {(int)mode}; expected 0 (saturation) or 1 (infinity and NaN).");
        Device device = Current.Device;
        Check.That(mode == aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_SATURATION || Chip.Current.HasBfloat16, AclError.RtFeatureNotSupport, $"{Chip.Current.Name} only saturates; it has no infinity and NaN mode.");
        s_settings.GetOrCreateValue(device).SatMode = mode;
    }

    internal static void GetSatMode(aclrtFloatOverflowMode* mode)
    {
        Check.NotNull(mode, nameof(mode));
        *mode = s_settings.GetOrCreateValue(Current.Device).SatMode
            ?? (Chip.Current.HasBfloat16 ? aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_INFNAN : aclrtFloatOverflowMode.ACL_RT_OVERFLOW_MODE_SATURATION);
    }

    /// <summary>Nothing computes, so nothing ever overflows: the stream writes zeros when it comes by.</summary>
    internal static void OverflowStatus(void* output, nuint sizeBytes, StreamHandle stream)
    {
        Check.NotNull(output, "outputAddr");
        Check.That(sizeBytes > 0, AclError.InvalidParam, "outputSize is 0; give the size of the buffer in bytes.");
        Fills.Async(output, sizeBytes, 0, sizeBytes, stream);
    }

    internal static void ResetOverflowStatus(StreamHandle stream) => Current.Stream(stream).Submit(new Command { Kind = CommandKind.Marker });

    internal static void ChooseScheduler(aclrtTsId id)
    {
        Check.That(id is aclrtTsId.ACL_TS_ID_AICORE or aclrtTsId.ACL_TS_ID_AIVECTOR, AclError.InvalidParam, $"tsId is {(int)id}; expected 0 (AI cores) or 1 (vector cores).");
        _ = Current.Context;
    }

    /// <summary>Code for one chip of a family runs on the others of it.</summary>
    internal static void Compatible(byte* socVersion, int* compatible)
    {
        Check.NotNull(socVersion, nameof(socVersion));
        Check.NotNull(compatible, "canCompatible");
        *compatible = Chip.Find(Marshal.PtrToStringUTF8((nint)socVersion)!, out _)?.Architecture == Chip.Current.Architecture ? 1 : 0;
    }

    private static readonly int* s_attributes = Attributes();

    internal static void CannAttributes(int** list, nuint* count)
    {
        Check.NotNull(list, "cannAttrList");
        Check.NotNull(count, "num");
        *list = s_attributes;
        *count = 3;
    }

    /// <summary>The release has all three (7.1 and 6.4 are the minima); two of them need the chip as well.</summary>
    internal static void CannAttribute(aclCannAttr attribute, int* value)
    {
        Check.NotNull(value, nameof(value));
        *value = attribute switch
        {
            aclCannAttr.ACL_CANN_ATTR_INF_NAN or aclCannAttr.ACL_CANN_ATTR_BF16 => Chip.Current.HasBfloat16 ? 1 : 0,
            aclCannAttr.ACL_CANN_ATTR_JIT_COMPILE => 1,
            _ => throw new AclException(AclError.InvalidParam, $"cannAttr is {(int)attribute}; expected 0 (INF_NAN), 1 (BF16) or 2 (JIT_COMPILE)."),
        };
    }

    private static int* Attributes()
    {
        int* list = (int*)NativeMemory.Alloc(3, sizeof(int));
        (list[0], list[1], list[2]) = ((int)aclCannAttr.ACL_CANN_ATTR_INF_NAN, (int)aclCannAttr.ACL_CANN_ATTR_BF16, (int)aclCannAttr.ACL_CANN_ATTR_JIT_COMPILE);
        return list;
    }

    internal static void Platform(aclplatformDevInfo info, byte* value, uint lengthBytes)
    {
        Check.NotNull(value, nameof(value));
        Check.That(lengthBytes > 0, AclError.InvalidParam, "maxLen is 0; give the size of the buffer in bytes.");
        Check.That(Enum.IsDefined(info), AclError.InvalidParam, $"infoType is {(int)info}; expected a value of aclplatformDevInfo.");
        Chip chip = Chip.Current;
        string text = info switch
        {
            aclplatformDevInfo.ACL_PLATFORM_AICORE_CNT or aclplatformDevInfo.ACL_PLATFORM_CUBE_CORE_CNT => Number(chip.AiCores),
            aclplatformDevInfo.ACL_PLATFORM_VECTOR_CORE_CNT => Number(chip.VectorCores),
            aclplatformDevInfo.ACL_PLATFORM_L2_SIZE => chip.L2Bytes is { } bytes ? Number(bytes) : throw Unknown(info.ToString()),
            aclplatformDevInfo.ACL_PLATFORM_MEMORY_SIZE => Number((long)(Machine.Options.DeviceMemoryBytes ?? chip.MemoryBytes)),
            aclplatformDevInfo.ACL_PLATFORM_SOC_VERSION => Machine.Options.SocName,
            aclplatformDevInfo.ACL_PLATFORM_NPU_ARCH => Number((long)chip.Architecture),
            _ => throw Unknown(info.ToString()),
        };
        Check.That(Encoding.UTF8.GetByteCount(text) < lengthBytes, AclError.InvalidParam, $"maxLen is {lengthBytes}; \"{text}\" and its end need {Encoding.UTF8.GetByteCount(text) + 1} bytes.");
        Versions.Write(text, value, (int)Math.Min(lengthBytes, int.MaxValue));
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static Device ById(uint deviceId) => Current.DeviceById((int)Math.Min(deviceId, int.MaxValue));

    private static AclException Unknown(string what) => new(AclError.RtFeatureNotSupport, $"The profile of {Chip.Current.Name} does not say {what}; Updraft does not invent it.", isStored: false);
}
