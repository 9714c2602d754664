namespace Updraft.Device;

// Memory, notifies and events of several processes. Reference: docs/api/shared-memory.md
internal static unsafe partial class Exports
{
    [ChecksChip]
    static void aclrtIpcMemGetExportKey(void* devPtr, nuint size, byte* key, nuint len, ulong flags) => SharedKeys.ExportMemory(devPtr, size, key, len, flags);
    [ChecksChip]
    static void aclrtIpcMemClose(byte* key) => SharedKeys.CloseMemory(key);
    [ChecksChip]
    static void aclrtIpcMemImportByKey(void** devPtr, byte* key, ulong flags) => SharedKeys.ImportMemory(devPtr, key, flags);
    static void aclrtIpcMemSetImportPid(byte* key, int* pid, nuint num) => SharedKeys.AllowMemory(key, pid, num);
    static void aclrtIpcMemSetAttr(byte* key, aclrtIpcMemAttrType type, ulong attr) => SharedKeys.SetMemoryLink(key, type, attr);
    static void aclrtIpcMemImportPidInterServer(byte* key, aclrtServerPid* serverPids, nuint num) => SharedKeys.AllowMemoryOfServers(key, serverPids, num);

    static void aclrtMemExportToShareableHandle(PhysicalHandle handle, aclrtMemHandleType handleType, ulong flags, ulong* shareableHandle) => SharedKeys.ExportPhysical(handle, handleType, flags, shareableHandle);
    static void aclrtMemExportToShareableHandleV2(PhysicalHandle handle, ulong flags, aclrtMemSharedHandleType shareType, void* shareableHandle) => SharedKeys.ExportPhysicalV2(handle, flags, shareType, shareableHandle);
    static void aclrtMemImportFromShareableHandle(ulong shareableHandle, int deviceId, nint* handle) => SharedKeys.ImportPhysical(shareableHandle, deviceId, handle);
    static void aclrtMemImportFromShareableHandleV2(void* shareableHandle, aclrtMemSharedHandleType shareType, ulong flags, nint* handle) => SharedKeys.ImportPhysicalV2(shareableHandle, shareType, flags, handle);
    static void aclrtMemSetPidToShareableHandle(ulong shareableHandle, int* pid, nuint pidNum) => SharedKeys.AllowPhysical(shareableHandle, pid, pidNum);
    static void aclrtMemSetPidToShareableHandleV2(void* shareableHandle, aclrtMemSharedHandleType shareType, int* pid, nuint pidNum) => SharedKeys.AllowPhysicalV2(shareableHandle, shareType, pid, pidNum);

    static void aclrtNotifyGetExportKey(NotifyHandle notify, byte* key, nuint len, ulong flags) => SharedKeys.ExportNotify(notify, key, len, flags);
    static void aclrtNotifyImportByKey(nint* notify, byte* key, ulong flags) => SharedKeys.ImportNotify(notify, key, flags);
    static void aclrtNotifySetImportPid(NotifyHandle notify, int* pid, nuint num) => SharedKeys.AllowNotify(notify, pid, num);
    static void aclrtNotifySetImportPidInterServer(NotifyHandle notify, aclrtServerPid* serverPids, nuint num) => SharedKeys.AllowNotifyOfServers(notify, serverPids, num);
    static void aclrtIpcGetEventHandle(EventHandle @event, aclrtIpcEventHandle* handle) => SharedKeys.ExportEvent(@event, handle);
    static void aclrtIpcOpenEventHandle(aclrtIpcEventHandle handle, nint* @event) => SharedKeys.ImportEvent(handle, @event);
}
