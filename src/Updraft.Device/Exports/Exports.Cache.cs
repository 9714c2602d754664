namespace Updraft.Device;

// Cache operations. Reference: docs/api/cache-operations.md
internal static unsafe partial class Exports
{
    [ChecksChip] static void aclrtCmoAsync(void* src, nuint size, aclrtCmoType cmoType, StreamHandle stream) => CacheOperations.Async(src, size, cmoType, stream);
    [ChecksChip] static void aclrtCmoAsyncWithBarrier(void* src, nuint size, aclrtCmoType cmoType, uint barrierId, StreamHandle stream) => CacheOperations.AsyncWithBarrier(src, size, cmoType, barrierId, stream);
    [ChecksChip] static void aclrtCmoWaitBarrier(aclrtBarrierTaskInfo* taskInfo, StreamHandle stream, uint flag) => CacheOperations.WaitBarrier(taskInfo, stream);
    static void aclrtCmoGetDescSize(nuint* size) => CacheOperations.GetDescriptorSize(size);
    static void aclrtCmoSetDesc(void* cmoDesc, void* src, nuint size) => CacheOperations.SetDescriptor(cmoDesc, src, size);
    [ChecksChip] static void aclrtCmoAsyncWithDesc(void* cmoDesc, aclrtCmoType cmoType, StreamHandle stream, void* reserve) => CacheOperations.AsyncWithDescriptor(cmoDesc, cmoType, stream, reserve);
}
