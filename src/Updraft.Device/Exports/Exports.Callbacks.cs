namespace Updraft.Device;

// Host functions, report threads, callbacks at initialisation, faults. Reference: docs/api/callbacks.md, docs/api/errors.md
internal static unsafe partial class Exports
{
    static void aclrtLaunchHostFunc(StreamHandle stream, nint fn, void* args) => Callbacks.LaunchHostFunction(stream, fn, args);
    static void aclrtSubscribeReport(ulong threadId, StreamHandle stream) => Callbacks.Subscribe(threadId, stream);
    static void aclrtLaunchCallback(nint fn, void* userData, aclrtCallbackBlockType blockType, StreamHandle stream) => Callbacks.Launch(fn, userData, blockType, stream);
    static AclError aclrtProcessReport(int timeout) => Callbacks.Process(timeout);
    static void aclrtUnSubscribeReport(ulong threadId, StreamHandle stream) => Callbacks.Unsubscribe(threadId, stream);
    static void aclrtGetThreadLastTaskId(uint* taskId) => Out.Set(taskId, &ThreadState.GetLastTask, nameof(taskId));

    static void aclInitCallbackRegister(aclRegisterCallbackType type, nint cbFunc, void* userData) => LifecycleCallbacks.AddInit(type, cbFunc, userData);
    static void aclInitCallbackUnRegister(aclRegisterCallbackType type, nint cbFunc) => LifecycleCallbacks.RemoveInit(type, cbFunc);
    static void aclFinalizeCallbackRegister(aclRegisterCallbackType type, nint cbFunc, void* userData) => LifecycleCallbacks.AddFinalize(type, cbFunc, userData);
    static void aclFinalizeCallbackUnRegister(aclRegisterCallbackType type, nint cbFunc) => LifecycleCallbacks.RemoveFinalize(type, cbFunc);

    static void aclrtRegDeviceStateCallback(byte* regName, nint callback, void* args) => DeviceFaults.RegisterStateCallback(regName, callback, args);
    static void aclrtSetDeviceTaskAbortCallback(byte* regName, nint callback, void* args) => DeviceFaults.RegisterAbortCallback(regName, callback, args);
    static AclError aclrtDeviceTaskAbort(int deviceId, uint timeout) => DeviceFaults.AbortTasks(deviceId, timeout);
    static void aclrtGetMemUceInfo(int deviceId, aclrtMemUceInfo* memUceInfoArray, nuint arraySize, nuint* retSize) => DeviceFaults.MemoryErrors(deviceId, memUceInfoArray, arraySize, retSize);
    static void aclrtMemUceRepair(int deviceId, aclrtMemUceInfo* memUceInfoArray, nuint arraySize) => DeviceFaults.RepairMemory(deviceId, memUceInfoArray, arraySize);
    static void aclrtGetErrorVerbose(int deviceId, aclrtErrorInfo* errorInfo) => DeviceFaults.LatestError(deviceId, errorInfo);
    static void aclrtRepairError(int deviceId, aclrtErrorInfo* errorInfo) => DeviceFaults.Repair(deviceId, errorInfo);
}
