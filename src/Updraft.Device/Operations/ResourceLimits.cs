using System.Runtime.CompilerServices;

namespace Updraft.Device;

/// <summary>
/// How many cores operators may use: per device, per stream, and for the operators that one thread launches. What is asked for is
/// the narrowest that was set: the stream the thread uses, then its device, then what the chip has.
/// </summary>
internal static unsafe class ResourceLimits
{
    private sealed class Limits
    {
        internal readonly uint?[] Of = new uint?[2];
    }

    // Beside the objects, not in them: few programs limit anything.
    private static readonly ConditionalWeakTable<object, Limits> s_limits = [];

    [ThreadStatic]
    private static nint t_stream;

    internal static void GetOfDevice(int deviceId, aclrtDevResLimitType type, uint* value)
    {
        Check.NotNull(value, nameof(value));
        CheckType(type);
        *value = OfDevice(Current.DeviceById(deviceId), type);
    }

    internal static void SetOfDevice(int deviceId, aclrtDevResLimitType type, uint value)
    {
        CheckType(type);
        Device device = Current.DeviceById(deviceId);
        CheckValue(type, value);
        Set(device, type, value);
    }

    internal static void ResetOfDevice(int deviceId) => s_limits.Remove(Current.DeviceById(deviceId));

    internal static void GetOfStream(StreamHandle handle, aclrtDevResLimitType type, uint* value)
    {
        Check.NotNull(value, nameof(value));
        CheckType(type);
        *value = OfStream(Current.AnyStream(handle), type);
    }

    internal static void SetOfStream(StreamHandle handle, aclrtDevResLimitType type, uint value)
    {
        CheckType(type);
        Stream stream = Current.AnyStream(handle);
        CheckValue(type, value);
        Set(stream, type, value);
    }

    internal static void ResetOfStream(StreamHandle handle) => s_limits.Remove(Current.AnyStream(handle));

    internal static void UseInThread(StreamHandle handle) => t_stream = Current.AnyStream(handle).Handle;

    internal static void UnuseInThread(StreamHandle handle)
    {
        Stream stream = Current.AnyStream(handle);
        Check.That(t_stream == stream.Handle, AclError.RtParamInvalid, $"This thread does not use the limits of stream {stream.Id}; aclrtUseStreamResInCurrentThread comes first.");
        t_stream = 0;
    }

    internal static void GetOfThread(aclrtDevResLimitType type, uint* value)
    {
        Check.NotNull(value, nameof(value));
        CheckType(type);
        Device device = Current.Device;
        // A stream that was destroyed meanwhile limits nobody.
        *value = HandleTable.TryGet(t_stream, out Stream? stream) ? OfStream(stream, type) : OfDevice(device, type);
    }

    private static uint OfStream(Stream stream, aclrtDevResLimitType type) => Find(stream, type) ?? OfDevice(stream.Device, type);

    private static uint OfDevice(Device device, aclrtDevResLimitType type) => Find(device, type) ?? Maximum(type);

    private static uint? Find(object owner, aclrtDevResLimitType type) => s_limits.TryGetValue(owner, out Limits? limits) ? limits.Of[(int)type] : null;

    private static void Set(object owner, aclrtDevResLimitType type, uint value) => s_limits.GetOrCreateValue(owner).Of[(int)type] = value;

    private static uint Maximum(aclrtDevResLimitType type) => (uint)(type == aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE ? Chip.Current.AiCores : Chip.Current.VectorCores);

    private static void CheckType(aclrtDevResLimitType type) => Check.That(type is aclrtDevResLimitType.ACL_RT_DEV_RES_CUBE_CORE or aclrtDevResLimitType.ACL_RT_DEV_RES_VECTOR_CORE,
        AclError.InvalidParam, $"type is {(int)type}; expected 0 (cube cores) or 1 (vector cores).");

    private static void CheckValue(aclrtDevResLimitType type, uint value) => Check.That(value >= 1 && value <= Maximum(type),
        AclError.RtParamInvalid, $"value is {value}; {Chip.Current.Name} has {Maximum(type)} of these cores, so expected 1 to {Maximum(type)}.");
}
