namespace Updraft.Device;

// Profiling: configurations, collections, marks and ranges. Reference: docs/api/profiling.md
internal static unsafe partial class Exports
{
    static void aclrtProfTrace(void* userdata, int length, StreamHandle stream) => Profiling.Trace(userdata, length, stream);

    static void aclprofInit(byte* profilerResultPath, nuint length) => Profiling.Init(profilerResultPath, length);
    static void aclprofFinalize() => Profiling.End();
    static void aclprofStart(ObjectHandle profilerConfig) => Profiling.Start(profilerConfig);
    static nint aclprofCreateConfig(uint* deviceIdList, uint deviceNums, aclprofAicoreMetrics aicoreMetrics, void* aicoreEvents, ulong dataTypeConfig) => Profiling.CreateConfig(deviceIdList, deviceNums, aicoreMetrics, dataTypeConfig);
    static void aclprofDestroyConfig(ObjectHandle profilerConfig) => DataObjects.Destroy<Profiling.Config>(profilerConfig, nameof(profilerConfig), Profiling.ConfigKind);
    static void aclprofStop(ObjectHandle profilerConfig) => Profiling.Stop(profilerConfig);
    static void aclprofSetConfig(aclprofConfigType configType, byte* config, nuint configLength) => Profiling.Configure(configType, config, configLength);
    static nint aclprofCreateSubscribeConfig(sbyte timeInfoSwitch, aclprofAicoreMetrics aicoreMetrics, void* fd) => Profiling.CreateSubscription(timeInfoSwitch, aicoreMetrics, fd);
    static void aclprofDestroySubscribeConfig(ObjectHandle profSubscribeConfig) => DataObjects.Destroy<Profiling.Subscription>(profSubscribeConfig, nameof(profSubscribeConfig), Profiling.SubscriptionKind);

    static void aclprofGetStepTimestamp(ObjectHandle stepInfo, aclprofStepTag tag, StreamHandle stream) => Profiling.StepTime(stepInfo, tag, stream);
    static nint aclprofCreateStepInfo() => DataObjects.Create(new Profiling.Step());
    static void aclprofDestroyStepInfo(ObjectHandle stepinfo) => DataObjects.Destroy<Profiling.Step>(stepinfo, nameof(stepinfo), Profiling.StepKind);
    static nint aclprofCreateStamp() => DataObjects.Create(new Profiling.Stamp());
    static void aclprofDestroyStamp(ObjectHandle stamp) => DataObjects.Destroy<Profiling.Stamp>(stamp, nameof(stamp), Profiling.StampKind);
    static void aclprofPush(ObjectHandle stamp) => Profiling.Push(stamp);
    static void aclprofPop() => Profiling.Pop();
    static void aclprofRangeStart(ObjectHandle stamp, uint* rangeId) => Profiling.StartRange(stamp, rangeId);
    static void aclprofRangeStop(uint rangeId) => Profiling.StopRange(rangeId);
    static void aclprofSetStampTraceMessage(ObjectHandle stamp, byte* msg, uint msgLen) => Profiling.SetText(stamp, msg, msgLen);
    static void aclprofMark(ObjectHandle stamp) => Profiling.Mark(stamp);
    static void aclprofMarkEx(byte* msg, nuint msgLen, StreamHandle stream) => Profiling.Mark(msg, msgLen, stream);
    static ulong aclprofStr2Id(byte* message) => Profiling.IdOf(message);
    static void aclprofRangePushEx(aclprofEventAttributes* attr) => Profiling.PushEvent(attr);
    static void aclprofRangePop() => Profiling.PopEvent();
}
