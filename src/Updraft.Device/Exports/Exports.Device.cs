namespace Updraft.Device;

// Initialisation, devices, contexts, errors. Reference: docs/api/devices.md
internal static unsafe partial class Exports
{
    static AclError aclInit(byte* configPath) => Lifecycle.Initialize(configPath);
    static void aclFinalize() => Lifecycle.FinalizeAll();
    static void aclFinalizeReference(ulong* refCount) => Lifecycle.FinalizeReference(refCount);
    static byte* aclGetRecentErrMsg() => ThreadState.Current.Messages.Collect();
    static AclError aclrtPeekAtLastError(aclrtLastErrLevel level) => LastError.Read(level, clear: false);
    static AclError aclrtGetLastError(aclrtLastErrLevel level) => LastError.Read(level, clear: true);

    static void aclrtSetExceptionInfoCallback(nint callback) => ExceptionCallbacks.SetSingle(callback);
    static void aclrtExceptionInfoCallbackRegister(nint callback) => ExceptionCallbacks.Add(callback);
    static void aclrtExceptionInfoCallbackUnregister(nint callback) => ExceptionCallbacks.Remove(callback);
    static uint aclrtGetTaskIdFromExceptionInfo(ExceptionInfo* info) => info == null ? uint.MaxValue : info->TaskId;
    static uint aclrtGetStreamIdFromExceptionInfo(ExceptionInfo* info) => info == null ? uint.MaxValue : info->StreamId;
    static uint aclrtGetThreadIdFromExceptionInfo(ExceptionInfo* info) => info == null ? uint.MaxValue : info->ThreadId;
    static uint aclrtGetDeviceIdFromExceptionInfo(ExceptionInfo* info) => info == null ? uint.MaxValue : info->DeviceId;
    static uint aclrtGetErrorCodeFromExceptionInfo(ExceptionInfo* info) => info == null ? uint.MaxValue : info->ReturnCode;

    static void aclrtCreateContext(nint* context, int deviceId) => Devices.CreateContext(context, deviceId);
    static void aclrtDestroyContext(ContextHandle context) => Devices.DestroyContext(context);
    static void aclrtSetCurrentContext(ContextHandle context) => Devices.SetCurrentContext(context);
    static void aclrtGetCurrentContext(nint* context) => Devices.GetCurrentContext(context);
    static void aclrtCtxGetCurrentDefaultStream(nint* stream) => Out.Set(stream, Current.Context.DefaultStream.Handle, nameof(stream));

    static void aclrtGetPrimaryCtxState(int deviceId, uint* flags, int* active) => Devices.PrimaryState(deviceId, flags, active);

    static void aclrtSetDevice(int deviceId) => Devices.Set(deviceId);
    static void aclrtResetDevice(int deviceId) => Devices.Reset(deviceId, force: false);
    static void aclrtResetDeviceForce(int deviceId) => Devices.Reset(deviceId, force: true);
    static void aclrtGetDevice(int* deviceId) => Out.Set(deviceId, &Devices.Get, nameof(deviceId));
    static void aclrtGetRunMode(aclrtRunMode* runMode) => Out.Set(runMode, Chip.Current.RunsOnBoard ? aclrtRunMode.ACL_DEVICE : aclrtRunMode.ACL_HOST, nameof(runMode));
    static AclError aclrtSynchronizeDevice() => Devices.Synchronize(Timeout.Infinite);
    static AclError aclrtSynchronizeDeviceWithTimeout(int timeout) => Devices.SynchronizeWithin(timeout);
    static void aclrtGetDeviceCount(uint* count) => Out.Set(count, (uint)Machine.Devices.Length, nameof(count));
    static byte* aclrtGetSocName() => NativeText.Of(Machine.Options.SocName);

    static void aclrtDeviceCanAccessPeer(int* canAccessPeer, int deviceId, int peerDeviceId) => Devices.CanAccessPeer(canAccessPeer, deviceId, peerDeviceId);
    static void aclrtDeviceEnablePeerAccess(int peerDeviceId, uint flags) => Devices.EnablePeerAccess(peerDeviceId, flags);
    static void aclrtDeviceDisablePeerAccess(int peerDeviceId) => Devices.DisablePeerAccess(peerDeviceId);
    static void aclrtDevicePeerAccessStatus(int deviceId, int peerDeviceId, int* status) => Devices.PeerStatus(deviceId, peerDeviceId, status);
}
