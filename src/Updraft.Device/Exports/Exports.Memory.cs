namespace Updraft.Device;

// Memory. Reference: docs/api/memory.md, docs/api/virtual-memory.md, docs/api/memory-pools.md
internal static unsafe partial class Exports
{
    static void aclrtMalloc(void** devPtr, nuint size, aclrtMemMallocPolicy policy) => Allocations.Device(devPtr, size, policy, isPadded: true);
    static void aclrtMallocAlign32(void** devPtr, nuint size, aclrtMemMallocPolicy policy) => Allocations.Device(devPtr, size, policy, isPadded: false);
    static void aclrtMallocCached(void** devPtr, nuint size, aclrtMemMallocPolicy policy) => Allocations.Cached(devPtr, size, policy);
    static void aclrtMallocWithCfg(void** devPtr, nuint size, aclrtMemMallocPolicy policy, aclrtMallocConfig* cfg) => Allocations.Configured(devPtr, size, policy, cfg);
    static void aclrtMallocForTaskScheduler(void** devPtr, nuint size, aclrtMemMallocPolicy policy, aclrtMallocConfig* cfg) => Allocations.Configured(devPtr, size, policy, cfg);
    static void aclrtFree(void* devPtr) => DeviceMemory.Free(devPtr);
    static AclError aclrtFreeWithDevSync(void* devPtr) => DeviceMemory.FreeWithDeviceSync(devPtr);
    static void aclrtMemFlush(void* devPtr, nuint size) => MemoryQueries.Coherent(devPtr, size);
    static void aclrtMemInvalidate(void* devPtr, nuint size) => MemoryQueries.Coherent(devPtr, size);

    static void aclrtMallocHost(void** hostPtr, nuint size) => Allocations.Host(hostPtr, size);
    static void aclrtMallocHostWithCfg(void** ptr, ulong size, aclrtMallocConfig* cfg) => Allocations.HostConfigured(ptr, size, cfg);
    static void aclrtFreeHost(void* hostPtr) => DeviceMemory.FreeHost(hostPtr);
    static AclError aclrtFreeHostWithDevSync(void* hostPtr) => DeviceMemory.FreeHostWithDeviceSync(hostPtr);
    [ChecksChip]
    static void aclrtHostRegister(void* ptr, ulong size, aclrtHostRegisterType type, void** devPtr) => Registration.Register(ptr, size, type, devPtr);
    [ChecksChip]
    static void aclrtHostRegisterV2(void* ptr, ulong size, uint flag) => Registration.RegisterV2(ptr, size, flag);
    [ChecksChip]
    static void aclrtHostUnregister(void* ptr) => Registration.Unregister(ptr);
    [ChecksChip]
    static void aclrtHostGetDevicePointer(void* pHost, void** pDevice, uint flag) => Registration.DevicePointer(pHost, pDevice, flag);
    static void aclrtHostMemMapCapabilities(uint deviceId, aclrtHacType hacType, aclrtHostMemMapCapability* capabilities) => Registration.Capabilities(deviceId, hacType, capabilities);

    static void aclrtGetMemInfo(aclrtMemAttr attr, nuint* free, nuint* total) => MemoryQueries.Info(attr, free, total);
    static void aclrtGetMemUsageInfo(int deviceId, aclrtMemUsageInfo* memUsageInfo, nuint inputNum, nuint* outputNum) => MemoryQueries.Usage(deviceId, memUsageInfo, inputNum, outputNum);
    static void aclrtCheckMemType(void** addrList, uint size, uint memType, uint* checkResult, uint reserve) => MemoryQueries.CheckType(addrList, size, memType, checkResult);

    static void aclrtPointerGetAttributes(void* ptr, aclrtPtrAttributes* attributes) => MemoryQueries.Attributes(ptr, attributes);
    [ChecksChip]
    static void aclrtMemAllocManaged(void** ptr, ulong size, uint flag) => DeviceMemory.AllocateManaged(ptr, size, flag);
    static void aclrtMemManagedAdvise(void* ptr, ulong size, aclrtMemManagedAdviseType advise, aclrtMemManagedLocation location) => ManagedAdvice.Advise(ptr, size, advise, location);
    static void aclrtMemManagedGetAttr(aclrtMemManagedRangeAttribute attribute, void* ptr, nuint size, void* data, nuint dataSize) => ManagedAdvice.GetAttribute(attribute, ptr, size, data, dataSize);
    static void aclrtMemManagedGetAttrs(aclrtMemManagedRangeAttribute* attributes, nuint numAttributes, void* ptr, nuint size, void** data, nuint* dataSizes) => ManagedAdvice.GetAttributes(attributes, numAttributes, ptr, size, data, dataSizes);
    static void aclrtMemManagedPrefetchAsync(void* ptr, nuint size, aclrtMemManagedLocation location, uint flags, StreamHandle stream) => ManagedAdvice.Prefetch(ptr, size, location, flags, stream);
    static void aclrtMemManagedPrefetchBatchAsync(void** ptrs, nuint* sizes, nuint count, aclrtMemManagedLocation* prefetchLocs, nuint* prefetchLocIdxs, nuint numPrefetchLocs, ulong flags, StreamHandle stream)
        => ManagedAdvice.PrefetchBatch(ptrs, sizes, count, prefetchLocs, prefetchLocIdxs, numPrefetchLocs, flags, stream);
    static void aclrtMemP2PMap(void* devPtr, nuint size, int dstDevId, ulong flags) => VirtualAddresses.PeerMap(devPtr, size, dstDevId);

    static void aclrtReserveMemAddress(void** virPtr, nuint size, nuint alignment, void* expectPtr, ulong flags) => VirtualAddresses.Reserve(virPtr, size, expectPtr, flags, inGiants: false);
    static void aclrtReserveMemAddressNoUCMemory(void** virPtr, nuint size, nuint alignment, void* expectPtr, ulong flags) => VirtualAddresses.Reserve(virPtr, size, expectPtr, flags, inGiants: true);
    static void aclrtReleaseMemAddress(void* virPtr) => VirtualAddresses.Release(virPtr);
    static void aclrtMallocPhysical(nint* handle, nuint size, aclrtPhysicalMemProp* prop, ulong flags) => PhysicalHandles.Malloc(handle, size, prop, flags);
    static void aclrtFreePhysical(PhysicalHandle handle) => PhysicalHandles.Free(handle);
    static void aclrtMapMem(void* virPtr, nuint size, nuint offset, PhysicalHandle handle, ulong flags) => VirtualAddresses.Map(virPtr, size, offset, handle, flags, isAccessible: true);
    static void aclrtMemMapNoAccess(void* virPtr, nuint size, nuint offset, PhysicalHandle handle, ulong flags) => VirtualAddresses.Map(virPtr, size, offset, handle, flags, isAccessible: false);
    static void aclrtUnmapMem(void* virPtr) => VirtualAddresses.Unmap(virPtr);
    static void aclrtMemSetAccess(void* virPtr, nuint size, aclrtMemAccessDesc* desc, nuint count) => VirtualAddresses.SetAccess(virPtr, size, desc, count);
    static void aclrtMemGetAccess(void* virPtr, aclrtMemLocation* location, ulong* flag) => VirtualAddresses.GetAccess(virPtr, location, flag);
    static void aclrtMemGetAllocationGranularity(aclrtPhysicalMemProp* prop, aclrtMemGranularityOptions option, nuint* granularity) => PhysicalHandles.Granularity(prop, granularity);
    static void aclrtMemRetainAllocationHandle(void* virPtr, nint* handle) => PhysicalHandles.Retain(virPtr, handle);
    static void aclrtMemGetAllocationPropertiesFromHandle(PhysicalHandle handle, aclrtPhysicalMemProp* prop) => PhysicalHandles.Properties(handle, prop);
    static void aclrtMemMapSetLink(PhysicalHandle handle, aclrtMemLinkType adviceLink) => PhysicalHandles.AdviseLink(handle, adviceLink);
    [Refuses] static void aclrtMemMapSelectedLink(void* virPtrDst, nuint size, void* virPtrSrc, uint linkIdx) => VirtualAddresses.RefuseSelectedLink();
    static void aclrtMemGetAddressRange(void* ptr, void** pbase, nuint* psize) => MemoryQueries.AddressRange(ptr, pbase, psize);

    static void aclrtAllocatorRegister(StreamHandle stream, ObjectHandle allocatorDesc) => Allocators.Register(stream, allocatorDesc);
    static void aclrtAllocatorGetByStream(StreamHandle stream, nint* allocatorDesc, nint* allocator, nint* allocFunc, nint* freeFunc, nint* allocAdviseFunc, nint* getAddrFromBlockFunc)
        => Allocators.GetByStream(stream, allocatorDesc, allocator, allocFunc, freeFunc, allocAdviseFunc, getAddrFromBlockFunc);
    static void aclrtAllocatorUnregister(StreamHandle stream) => Allocators.Unregister(stream);

    static void aclrtMemPoolCreate(nint* memPool, aclrtMemPoolProps* poolProps) => MemoryPools.Create(memPool, poolProps);
    static void aclrtMemPoolDestroy(PoolHandle memPool) => MemoryPools.Destroy(memPool);
    static void aclrtMemPoolSetAttr(PoolHandle memPool, aclrtMemPoolAttr attr, void* value) => MemoryPools.SetAttribute(memPool, attr, value);
    static void aclrtMemPoolGetAttr(PoolHandle memPool, aclrtMemPoolAttr attr, void* value) => MemoryPools.GetAttribute(memPool, attr, value);
    static void aclrtMemPoolMallocAsync(void** ptr, nuint size, PoolHandle memPool, StreamHandle stream) => MemoryPools.MallocAsync(ptr, size, memPool, stream);
    static void aclrtMemPoolFreeAsync(void* ptr, StreamHandle stream) => MemoryPools.FreeAsync(ptr, stream);
    static void aclrtMemPoolTrimTo(PoolHandle memPool, nuint minBytesToKeep) => MemoryPools.Trim(memPool, minBytesToKeep);
}
