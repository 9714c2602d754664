namespace Updraft.Device;

// Copies, fills, reductions, value operations. Reference: docs/api/memory-copy.md
internal static unsafe partial class Exports
{
    static void aclrtMemcpy(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind) => Copies.Sync(dst, destMax, src, count, kind);
    static void aclrtMemset(void* devPtr, nuint maxCount, int value, nuint count) => Fills.Sync(devPtr, maxCount, value, count);
    static void aclrtMemcpyAsync(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, StreamHandle stream) => Copies.Async(dst, destMax, src, count, kind, stream);
    [ChecksChip] static void aclrtMemsetD32(void* ptr, nuint memSize, uint value, nuint N) => Fills.SyncD32(ptr, memSize, value, N);
    [ChecksChip] static void aclrtMemsetD32Async(void* ptr, nuint memSize, uint value, nuint N, StreamHandle stream) => Fills.AsyncD32(ptr, memSize, value, N, stream);
    static void aclrtMemcpyAsyncWithCondition(void* dst, nuint destMax, void* src, nuint count, aclrtMemcpyKind kind, StreamHandle stream) => Copies.Async(dst, destMax, src, count, kind, stream);
    static void aclrtMemcpy2d(void* dst, nuint dpitch, void* src, nuint spitch, nuint width, nuint height, aclrtMemcpyKind kind) => RectangleCopies.Sync(dst, dpitch, src, spitch, width, height, kind);
    static void aclrtMemcpy2dAsync(void* dst, nuint dpitch, void* src, nuint spitch, nuint width, nuint height, aclrtMemcpyKind kind, StreamHandle stream) => RectangleCopies.Async(dst, dpitch, src, spitch, width, height, kind, stream);
    static void aclrtGetSymbolAddress(void* symbol, void** devPtr) => Symbols.Find(symbol, devPtr, nameof(devPtr));
    static void aclrtGetSymbolSize(void* symbol, nuint* size) => Symbols.Find(symbol, size, nameof(size));
    static void aclrtMemcpyFromSymbol(void* dst, nuint dstMax, void* symbol, nuint count, nuint offset, aclrtMemcpyKind kind) => Symbols.CopyFrom(dst, dstMax, symbol, count, kind);
    static void aclrtMemcpyFromSymbolAsync(void* dst, nuint dstMax, void* symbol, nuint count, nuint offset, aclrtMemcpyKind kind, StreamHandle stream) => Symbols.CopyFrom(dst, dstMax, symbol, count, kind);
    static void aclrtMemcpyToSymbol(void* symbol, void* src, nuint count, nuint offset, aclrtMemcpyKind kind) => Symbols.CopyTo(symbol, src, count, kind);
    static void aclrtMemcpyToSymbolAsync(void* symbol, void* src, nuint count, nuint offset, aclrtMemcpyKind kind, StreamHandle stream) => Symbols.CopyTo(symbol, src, count, kind);
    static void aclrtMemsetAsync(void* devPtr, nuint maxCount, int value, nuint count, StreamHandle stream) => Fills.Async(devPtr, maxCount, value, count, stream);
    [ChecksChip] static void aclrtGetMemcpyDescSize(aclrtMemcpyKind kind, nuint* descSize) => DescriptorCopies.Size(kind, descSize);
    [ChecksChip] static void aclrtSetMemcpyDesc(void* desc, aclrtMemcpyKind kind, void* srcAddr, void* dstAddr, nuint count, void* config) => DescriptorCopies.Set(desc, kind, srcAddr, dstAddr, count, config);
    [ChecksChip] static void aclrtMemcpyAsyncWithOffset(void** dst, nuint destMax, nuint dstDataOffset, void** src, nuint count, nuint srcDataOffset, aclrtMemcpyKind kind, StreamHandle stream) => OffsetCopies.Async(dst, destMax, dstDataOffset, src, count, srcDataOffset, kind, stream);
    [ChecksChip] static void aclrtMemcpyAsyncWithDesc(void* desc, aclrtMemcpyKind kind, StreamHandle stream) => DescriptorCopies.Async(desc, kind, stream);
    [ChecksChip] static void aclrtValueWrite(void* devAddr, ulong value, uint flag, StreamHandle stream) => ValueOperations.Write(devAddr, value, flag, stream);
    [ChecksChip] static void aclrtValueWait(void* devAddr, ulong value, uint flag, StreamHandle stream) => ValueOperations.Wait(devAddr, value, flag, stream);
    static void aclrtReduceAsync(void* dst, void* src, ulong count, aclrtReduceKind kind, aclDataType type, StreamHandle stream, void* reserve) => Reductions.Async(dst, src, count, kind, type, stream, reserve);
    [ChecksChip] static void aclrtMemcpyBatch(void** dsts, nuint* destMaxs, void** srcs, nuint* sizes, nuint numBatches, aclrtMemcpyBatchAttr* attrs, nuint* attrsIndexes, nuint numAttrs, nuint* failIndex) => BatchCopies.Sync(new(dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs), failIndex);
    [ChecksChip] static void aclrtMemcpyBatchV2(void** dsts, nuint* destMaxs, void** srcs, nuint* sizes, nuint numBatches, aclrtMemcpyBatchAttr* attrs, nuint* attrsIndexes, nuint numAttrs) => BatchCopies.SyncV2(new(dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs));
    [ChecksChip] static void aclrtMemcpyBatchAsync(void** dsts, nuint* destMaxs, void** srcs, nuint* sizes, nuint numBatches, aclrtMemcpyBatchAttr* attrs, nuint* attrsIndexes, nuint numAttrs, nuint* failIndex, StreamHandle stream) => BatchCopies.Async(new(dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs), failIndex, stream);
    [ChecksChip] static void aclrtMemcpyBatchAsyncV2(void** dsts, nuint* destMaxs, void** srcs, nuint* sizes, nuint numBatches, aclrtMemcpyBatchAttr* attrs, nuint* attrsIndexes, nuint numAttrs, StreamHandle stream) => BatchCopies.AsyncV2(new(dsts, destMaxs, srcs, sizes, numBatches, attrs, attrsIndexes, numAttrs), stream);
}
