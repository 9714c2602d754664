namespace Updraft.Device;

// Memory and copies. Reference: docs/api/memory.md, docs/api/memory-copy.md
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

    static void aclrtMemcpy(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind) => Copies.Sync(dst, destMax, src, count, kind);
    static void aclrtMemset(void* devPtr, nuint maxCount, int value, nuint count) => Fills.Sync(devPtr, maxCount, value, count);
    static void aclrtMemcpyAsync(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, StreamHandle stream) => Copies.Async(dst, destMax, src, count, kind, stream);
    static void aclrtMemcpyAsyncWithCondition(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, StreamHandle stream) => Copies.Async(dst, destMax, src, count, kind, stream);
    static void aclrtMemsetAsync(void* devPtr, nuint maxCount, int value, nuint count, StreamHandle stream) => Fills.Async(devPtr, maxCount, value, count, stream);
}
