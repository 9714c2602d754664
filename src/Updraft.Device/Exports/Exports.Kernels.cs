namespace Updraft.Device;

// Kernels: refused, with the name of what was asked for. Reference: docs/api/kernels.md
internal static unsafe partial class Exports
{
    [Refuses] static void aclrtGetArgsFromExceptionInfo(void* info, void* devArgsPtr, void* devArgsLen) => Kernels.Refuse(Function.aclrtGetArgsFromExceptionInfo, "failed kernel");
    [Refuses] static void aclrtGetFuncHandleFromExceptionInfo(void* info, void* func) => Kernels.Refuse(Function.aclrtGetFuncHandleFromExceptionInfo, "failed kernel");
    [Refuses] static void aclrtBinarySetExceptionCallback(nint binHandle, nint callback, void* userData) => Kernels.Refuse(Function.aclrtBinarySetExceptionCallback, $"kernel binary 0x{binHandle:x}");
    [Refuses] static void aclrtDestroyBinary(nint binary) => Kernels.Refuse(Function.aclrtDestroyBinary, $"kernel binary 0x{binary:x}");
    [Refuses] static void aclrtBinaryLoad(nint binary, void* binHandle) => Kernels.Refuse(Function.aclrtBinaryLoad, $"kernel binary 0x{binary:x}");
    [Refuses] static void aclrtBinaryUnLoad(nint binHandle) => Kernels.Refuse(Function.aclrtBinaryUnLoad, $"kernel binary 0x{binHandle:x}");
    [Refuses] static void aclrtBinaryGetFunction(nint binHandle, byte* kernelName, void* funcHandle) => Kernels.Refuse(Function.aclrtBinaryGetFunction, "kernel", kernelName);
    [Refuses] static void aclrtLaunchKernel(nint funcHandle, uint numBlocks, void* argsData, nuint argsSize, StreamHandle stream) => Kernels.Refuse(Function.aclrtLaunchKernel, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtBinaryLoadFromFile(byte* binPath, void* options, void* binHandle) => Kernels.Refuse(Function.aclrtBinaryLoadFromFile, "kernel file", binPath);
    [Refuses] static void aclrtBinaryGetDevAddress(nint binHandle, void* binAddr, void* binSize) => Kernels.Refuse(Function.aclrtBinaryGetDevAddress, $"kernel binary 0x{binHandle:x}");
    [Refuses] static void aclrtBinaryGetFunctionByEntry(nint binHandle, ulong funcEntry, void* funcHandle) => Kernels.Refuse(Function.aclrtBinaryGetFunctionByEntry, $"kernel binary 0x{binHandle:x}");
    [Refuses] static void aclrtBinaryGetGlobal(nint binHandle, byte* name, void* dptr, void* size) => Kernels.Refuse(Function.aclrtBinaryGetGlobal, "kernel variable", name);
    [Refuses] static void aclrtGetFuncBySymbol(void* symbol, void* funcHandle) => Kernels.Refuse(Function.aclrtGetFuncBySymbol, $"kernel symbol 0x{(nint)symbol:x}");
    [Refuses] static void aclrtGetFunctionAddr(nint funcHandle, void* aicAddr, void* aivAddr) => Kernels.Refuse(Function.aclrtGetFunctionAddr, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtGetFunctionSize(nint funcHandle, void* aicSize, void* aivSize) => Kernels.Refuse(Function.aclrtGetFunctionSize, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtKernelArgsGetHandleMemSize(nint funcHandle, void* memSize) => Kernels.Refuse(Function.aclrtKernelArgsGetHandleMemSize, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtKernelArgsGetMemSize(nint funcHandle, nuint userArgsSize, void* actualArgsSize) => Kernels.Refuse(Function.aclrtKernelArgsGetMemSize, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtKernelArgsInit(nint funcHandle, void* argsHandle) => Kernels.Refuse(Function.aclrtKernelArgsInit, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtKernelArgsInitByUserMem(nint funcHandle, nint argsHandle, void* userHostMem, nuint actualArgsSize) => Kernels.Refuse(Function.aclrtKernelArgsInitByUserMem, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtKernelArgsAppend(nint argsHandle, void* param, nuint paramSize, void* paramHandle) => Kernels.Refuse(Function.aclrtKernelArgsAppend, $"kernel argument list 0x{argsHandle:x}");
    [Refuses] static void aclrtKernelArgsAppendPlaceHolder(nint argsHandle, void* paramHandle) => Kernels.Refuse(Function.aclrtKernelArgsAppendPlaceHolder, $"kernel argument list 0x{argsHandle:x}");
    [Refuses] static void aclrtKernelArgsGetPlaceHolderBuffer(nint argsHandle, nint paramHandle, nuint dataSize, void* bufferAddr) => Kernels.Refuse(Function.aclrtKernelArgsGetPlaceHolderBuffer, $"kernel argument list 0x{argsHandle:x}");
    [Refuses] static void aclrtKernelArgsParaUpdate(nint argsHandle, nint paramHandle, void* param, nuint paramSize) => Kernels.Refuse(Function.aclrtKernelArgsParaUpdate, $"kernel argument list 0x{argsHandle:x}");
    [Refuses] static void aclrtLaunchKernelWithConfig(nint funcHandle, uint numBlocks, StreamHandle stream, void* cfg, nint argsHandle, void* reserve) => Kernels.Refuse(Function.aclrtLaunchKernelWithConfig, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtKernelArgsFinalize(nint argsHandle) => Kernels.Refuse(Function.aclrtKernelArgsFinalize, $"kernel argument list 0x{argsHandle:x}");
    [Refuses] static void aclrtGetFunctionName(nint funcHandle, uint maxLen, byte* name) => Kernels.Refuse(Function.aclrtGetFunctionName, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtBinaryLoadFromData(void* data, nuint length, void* options, void* binHandle) => Kernels.Refuse(Function.aclrtBinaryLoadFromData, $"kernel binary of {length} bytes");
    [Refuses] static void aclrtRegisterCpuFunc(nint handle, byte* funcName, byte* kernelName, void* funcHandle) => Kernels.Refuse(Function.aclrtRegisterCpuFunc, "kernel", kernelName);
    [Refuses] static void aclrtLaunchKernelV2(nint funcHandle, uint numBlocks, void* argsData, nuint argsSize, void* cfg, StreamHandle stream) => Kernels.Refuse(Function.aclrtLaunchKernelV2, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtLaunchKernelWithHostArgs(nint funcHandle, uint numBlocks, StreamHandle stream, void* cfg, void* hostArgs, nuint argsSize, void* placeHolderArray, nuint placeHolderNum) => Kernels.Refuse(Function.aclrtLaunchKernelWithHostArgs, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtLaunchKernelWithArgsArray(void* func, uint numBlocks, StreamHandle stream, void* cfg, void* args) => Kernels.Refuse(Function.aclrtLaunchKernelWithArgsArray, $"kernel function 0x{(nint)func:x}");
    [Refuses] static void aclrtLaunchSIMTKernelWithArgsArray(void* func, dim3 gridDim, dim3 blockDim, nuint dynUbufSize, StreamHandle stream, void* cfg, void* args) => Kernels.Refuse(Function.aclrtLaunchSIMTKernelWithArgsArray, $"kernel function 0x{(nint)func:x}");
    [Refuses] static void aclrtLaunchSIMTKernelWithHostArgs(void* func, dim3 gridDim, dim3 blockDim, nuint dynUbufSize, StreamHandle stream, void* cfg, void* hostArgs, nuint argsSize, void* placeHolderArray, nuint placeHolderNum) => Kernels.Refuse(Function.aclrtLaunchSIMTKernelWithHostArgs, $"kernel function 0x{(nint)func:x}");
    [Refuses] static void aclrtGetHardwareSyncAddr(void* addr) => Kernels.Refuse(Function.aclrtGetHardwareSyncAddr, "synchronisation memory of kernels");
    [Refuses] static void aclrtGetFunctionAttribute(nint funcHandle, int attrType, void* attrValue) => Kernels.Refuse(Function.aclrtGetFunctionAttribute, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtFunctionGetBinary(nint funcHandle, void* binHandle) => Kernels.Refuse(Function.aclrtFunctionGetBinary, $"kernel function 0x{funcHandle:x}");
    [Refuses] static void aclrtFunctionGetParamCount(void* func, void* paramCount) => Kernels.Refuse(Function.aclrtFunctionGetParamCount, $"kernel function 0x{(nint)func:x}");
    [Refuses] static void aclrtFunctionGetParamInfo(void* func, nuint paramIndex, void* paramOffset, void* paramSize) => Kernels.Refuse(Function.aclrtFunctionGetParamInfo, $"kernel function 0x{(nint)func:x}");
    [Refuses] static void aclrtFunctionGetAvailDynUbufPerBlock(void* func, uint flags, void* dynamicUbufSize) => Kernels.Refuse(Function.aclrtFunctionGetAvailDynUbufPerBlock, $"kernel function 0x{(nint)func:x}");
}
