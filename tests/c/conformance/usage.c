/* A C program in the usual shape: every call checked, codes told apart by a switch. Compiled, not run. */
#include <stdio.h>

#include "acl/acl.h"
#include "acl/acl_dump.h"
#include "acl/acl_prof.h"
#include "acl/acl_tdt_queue.h"

static const char *describe(aclError code)
{
    switch (code) {
        case ACL_SUCCESS: return "ok";
        case ACL_ERROR_INVALID_PARAM: return "bad argument";
        case ACL_ERROR_REPEAT_INITIALIZE: return "initialised before";
        case ACL_ERROR_RT_CONTEXT_NULL: return "no context";
        case ACL_ERROR_GE_EXEC_MODEL_ID_INVALID: return "unknown model";
        default: return "other";
    }
}

static int failed(const char *what, aclError code)
{
    if (code == ACL_SUCCESS) {
        return 0;
    }
    fprintf(stderr, "%s: %s (%d), %s\n", what, describe(code), code, aclGetRecentErrMsg());
    return 1;
}

int main(void)
{
    enum { SIZE = 4096 };
    aclrtStream stream = NULL;
    void *host = NULL;
    void *device = NULL;
    aclrtPtrAttributes attributes = {0};
    aclmdlRITaskParams task = {0};

    if (failed("aclInit", aclInit(NULL)) || failed("aclrtSetDevice", aclrtSetDevice(0)) ||
        failed("aclrtCreateStream", aclrtCreateStream(&stream)) || failed("aclrtMallocHost", aclrtMallocHost(&host, SIZE)) ||
        failed("aclrtMalloc", aclrtMalloc(&device, SIZE, ACL_MEM_MALLOC_HUGE_FIRST)) ||
        failed("aclrtMemcpyAsync", aclrtMemcpyAsync(device, SIZE, host, SIZE, ACL_MEMCPY_HOST_TO_DEVICE, stream)) ||
        failed("aclrtSynchronizeStream", aclrtSynchronizeStream(stream)) ||
        failed("aclrtPointerGetAttributes", aclrtPointerGetAttributes(device, &attributes))) {
        return 1;
    }
    task.kernelTaskParams.numBlocks = attributes.location.id;
    /* Weak in the interface: an older library need not have it. */
    if (acldumpSaveExceptionInfo != NULL) {
        task.taskGrp = NULL;
    }
    printf("%u blocks, group %p\n", task.kernelTaskParams.numBlocks, task.taskGrp);
    return failed("aclrtResetDevice", aclrtResetDevice(0)) || failed("aclFinalize", aclFinalize());
}
