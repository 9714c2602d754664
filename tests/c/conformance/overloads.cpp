// The C++ overloads called as users call them: types deduced, defaults left out, C forms still reachable. Compiled, not run.
#include "acl/acl.h"
#include "acl/acl_rt_api.h"
#include "acl/acl_tdt.h"

namespace {

float symbol;

aclError Copies(aclrtStream stream)
{
    float* device = nullptr;
    double* host = nullptr;
    void* untyped = nullptr;
    aclError result = aclrtMalloc(&device, 64);
    result |= aclrtMalloc(&device, 64, ACL_MEM_MALLOC_NORMAL_ONLY);
    result |= aclrtMalloc(&untyped, 64, ACL_MEM_MALLOC_HUGE_FIRST);
    result |= aclrtMallocHost(&host, 64);
    result |= aclrtMemcpy(device, 64, host, 64, ACL_MEMCPY_HOST_TO_DEVICE);
    result |= aclrtMemcpyAsync(device, 64, static_cast<const double*>(host), 64, ACL_MEMCPY_HOST_TO_DEVICE, stream);
    result |= aclrtMemcpy2dAsync(device, 8, host, 8, 8, 8, ACL_MEMCPY_HOST_TO_DEVICE, stream);
    return result;
}

aclError Batches(aclrtStream stream)
{
    float* destinations[2] = {};
    double* sources[2] = {};
    size_t sizes[2] = {};
    size_t failIndex = 0;
    aclrtMemcpyBatchAttr attribute = {};
    aclError result = aclrtMemcpyBatch(destinations, sizes, sources, sizes, 2, attribute);
    result |= aclrtMemcpyBatch(destinations, sizes, sources, sizes, 2, &attribute, &failIndex, 1, &failIndex);
    result |= aclrtMemcpyBatchAsync(destinations, sizes, sources, sizes, 2, attribute, stream);
    result |= aclrtMemcpyBatchAsync(destinations, sizes, sources, sizes, 2, attribute, &failIndex, stream);
    return result;
}

aclError Others(aclrtStream stream)
{
    int* host = nullptr;
    int* device = nullptr;
    aclrtEvent event = nullptr;
    aclrtPtrAttributes attributes = {};
    size_t size = 0;
    aclError result = aclrtCreateStream(&stream, 0, ACL_STREAM_FAST_LAUNCH);
    result |= aclrtCreateEvent(&event, ACL_EVENT_SYNC);
    result |= aclrtStreamWaitEvent(stream, event);
    result |= aclrtStreamWaitEvent(stream, event, 10);
    result |= aclrtSynchronizeStream(stream, 10);
    result |= aclrtHostRegister(host, 64, ACL_HOST_REGISTER_MAPPED, &device);
    result |= aclrtHostRegister(host, 64, ACL_HOST_REG_MAPPED);
    result |= aclrtHostUnregister(host);
    result |= aclrtPointerGetAttributes(host, &attributes);
    result |= aclrtMemAllocManaged(&device, 64);
    result |= aclrtGetSymbolSize(symbol, &size);
    result |= aclrtMemcpyToSymbol(symbol, host, 4, 0, ACL_MEMCPY_HOST_TO_DEVICE);
    return result;
}

} // namespace

int main()
{
    return Copies(nullptr) | Batches(nullptr) | Others(nullptr);
}
