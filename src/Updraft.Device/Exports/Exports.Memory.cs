namespace Updraft.Device;

// Memory. Reference: docs/api/memory.md
internal static unsafe partial class Exports
{
    static void aclrtMalloc(void** devPtr, nuint size, aclrtMemMallocPolicy policy) => Allocations.Device(devPtr, size, policy, isPadded: true);
    static void aclrtMallocAlign32(void** devPtr, nuint size, aclrtMemMallocPolicy policy) => Allocations.Device(devPtr, size, policy, isPadded: false);
    static void aclrtMallocCached(void** devPtr, nuint size, aclrtMemMallocPolicy policy) => Allocations.Cached(devPtr, size, policy);
    static void aclrtFree(void* devPtr) => DeviceMemory.Free(devPtr);
    static void aclrtMallocHost(void** hostPtr, nuint size) => Allocations.Host(hostPtr, size);
    static void aclrtFreeHost(void* hostPtr) => DeviceMemory.FreeHost(hostPtr);
    static void aclrtGetMemInfo(aclrtMemAttr attr, nuint* free, nuint* total) => DeviceMemory.Info(attr, free, total);
    static void aclrtPointerGetAttributes(void* ptr, aclrtPtrAttributes* attributes) => Allocations.Attributes(ptr, attributes);
}
