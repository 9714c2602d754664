namespace Updraft.Device;

// What is asked about devices, limits, options and versions. Reference: docs/api/device-queries.md, docs/api/versions.md
internal static unsafe partial class Exports
{
    static void aclGetCannAttributeList(int** cannAttrList, nuint* num) => DeviceQueries.CannAttributes(cannAttrList, num);
    static void aclGetCannAttribute(aclCannAttr cannAttr, int* value) => DeviceQueries.CannAttribute(cannAttr, value);
    static void aclGetDeviceCapability(uint deviceId, aclDeviceInfo deviceInfo, long* value) => DeviceQueries.Capability(deviceId, deviceInfo, value);

    static void aclsysGetCANNVersion(aclCANNPackageName name, aclCANNPackageVersion* version) => Versions.Package(name, version);
    static void aclsysGetVersionStr(byte* pkgName, byte* versionStr) => Versions.Text(pkgName, versionStr);
    static void aclsysGetVersionNum(byte* pkgName, int* versionNum) => Versions.Number(pkgName, versionNum);
    static void aclrtGetVersion(int* majorVersion, int* minorVersion, int* patchVersion) => Versions.Interface(majorVersion, minorVersion, patchVersion);

    static void aclrtGetSysParamOpt(aclSysParamOpt opt, long* value) => SystemParameters.Get(opt, value);
    static void aclrtSetSysParamOpt(aclSysParamOpt opt, long value) => SystemParameters.Set(opt, value);
    static void aclrtCtxGetSysParamOpt(aclSysParamOpt opt, long* value) => SystemParameters.GetOfContext(opt, value);
    static void aclrtCtxSetSysParamOpt(aclSysParamOpt opt, long value) => SystemParameters.SetOfContext(opt, value);

    static void aclrtSetOpExecuteTimeOut(uint timeout) => OpTimeouts.SetSeconds(timeout);
    static void aclrtSetOpExecuteTimeOutV2(ulong timeout, ulong* actualTimeout) => OpTimeouts.SetMicroseconds(timeout, actualTimeout);
    static void aclrtGetOpTimeOutInterval(ulong* interval) => Out.Set(interval, OpTimeouts.IntervalUs, nameof(interval));
    static void aclrtGetOpExecuteTimeout(uint* timeoutMs) => Out.Set(timeoutMs, &OpTimeouts.GetMilliseconds, nameof(timeoutMs));

    static void aclrtSetTsDevice(aclrtTsId tsId) => DeviceQueries.ChooseScheduler(tsId);
    static void aclrtGetDeviceUtilizationRate(int deviceId, aclrtUtilizationInfo* utilizationInfo) => DeviceQueries.Utilization(deviceId, utilizationInfo);
    static void aclrtSetDeviceSatMode(aclrtFloatOverflowMode mode) => DeviceQueries.SetSatMode(mode);
    static void aclrtGetDeviceSatMode(aclrtFloatOverflowMode* mode) => DeviceQueries.GetSatMode(mode);
    static void aclrtGetOverflowStatus(void* outputAddr, nuint outputSize, StreamHandle stream) => DeviceQueries.OverflowStatus(outputAddr, outputSize, stream);
    static void aclrtResetOverflowStatus(StreamHandle stream) => DeviceQueries.ResetOverflowStatus(stream);
    static void aclrtQueryDeviceStatus(int deviceId, aclrtDeviceStatus* deviceStatus) => DeviceQueries.Status(deviceId, deviceStatus);
    static void aclrtDeviceGetBareTgid(int* pid) => Out.Set(pid, Environment.ProcessId, nameof(pid));
    static void aclrtGetDeviceInfo(uint deviceId, aclrtDevAttr attr, long* value) => DeviceQueries.Info(deviceId, attr, value);
    static void aclrtDeviceGetStreamPriorityRange(int* leastPriority, int* greatestPriority) => DeviceQueries.StreamPriorities(leastPriority, greatestPriority);
    static void aclrtGetDeviceCapability(int deviceId, aclrtDevFeatureType devFeatureType, int* value) => DeviceQueries.Feature(deviceId, devFeatureType, value);
    static void aclrtDeviceGetUuid(int deviceId, aclrtUuid* uuid) => DeviceQueries.Uuid(deviceId, uuid);
    static void aclrtDeviceGetPCIBusId(int deviceId, byte* pciBusId, int len) => DeviceQueries.PciBusId(deviceId, pciBusId, len);
    static void aclrtDeviceGetByPCIBusId(byte* pciBusId, int* deviceId) => DeviceQueries.ByPciBusId(pciBusId, deviceId);

    static void aclrtGetDeviceResLimit(int deviceId, aclrtDevResLimitType type, uint* value) => ResourceLimits.GetOfDevice(deviceId, type, value);
    static void aclrtSetDeviceResLimit(int deviceId, aclrtDevResLimitType type, uint value) => ResourceLimits.SetOfDevice(deviceId, type, value);
    static void aclrtResetDeviceResLimit(int deviceId) => ResourceLimits.ResetOfDevice(deviceId);
    static void aclrtGetStreamResLimit(StreamHandle stream, aclrtDevResLimitType type, uint* value) => ResourceLimits.GetOfStream(stream, type, value);
    static void aclrtSetStreamResLimit(StreamHandle stream, aclrtDevResLimitType type, uint value) => ResourceLimits.SetOfStream(stream, type, value);
    static void aclrtResetStreamResLimit(StreamHandle stream) => ResourceLimits.ResetOfStream(stream);
    static void aclrtUseStreamResInCurrentThread(StreamHandle stream) => ResourceLimits.UseInThread(stream);
    static void aclrtUnuseStreamResInCurrentThread(StreamHandle stream) => ResourceLimits.UnuseInThread(stream);
    static void aclrtGetResInCurrentThread(aclrtDevResLimitType type, uint* value) => ResourceLimits.GetOfThread(type, value);

    static void aclrtGetDevicesTopo(uint deviceId, uint otherDeviceId, ulong* value) => DeviceQueries.Topology(deviceId, otherDeviceId, value);
    static void aclrtGetLogicDevIdByUserDevId(int userDevid, int* logicDevId) => DeviceQueries.LogicOfUser(userDevid, logicDevId, nameof(logicDevId));
    static void aclrtGetUserDevIdByLogicDevId(int logicDevId, int* userDevid) => DeviceQueries.UserOfLogic(logicDevId, userDevid, nameof(userDevid));
    static void aclrtGetLogicDevIdByPhyDevId(int phyDevId, int* logicDevId) => DeviceQueries.LogicOfPhysical(phyDevId, logicDevId, nameof(logicDevId));
    static void aclrtGetPhyDevIdByLogicDevId(int logicDevId, int* phyDevId) => DeviceQueries.LogicOfPhysical(logicDevId, phyDevId, nameof(phyDevId));
    static void aclrtGetUserDevIdByPhyDevId(int phyDevId, int* userDevId) => DeviceQueries.UserOfLogic(phyDevId, userDevId, nameof(userDevId));
    static void aclrtGetPhyDevIdByUserDevId(int userDevId, int* phyDevId) => DeviceQueries.LogicOfUser(userDevId, phyDevId, nameof(phyDevId));

    static void aclrtCheckArchCompatibility(byte* socVersion, int* canCompatible) => DeviceQueries.Compatible(socVersion, canCompatible);
    static void aclplatformGetDeviceInfo(aclplatformDevInfo infoType, byte* value, uint maxLen) => DeviceQueries.Platform(infoType, value, maxLen);
}
