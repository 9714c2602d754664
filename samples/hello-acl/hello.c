// One asynchronous round trip: host -> device -> host. Build and run: see README.md beside this file.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl.h"

#define CHECK(call)                                                                           \
    do {                                                                                      \
        aclError code = (call);                                                               \
        if (code != ACL_SUCCESS) {                                                            \
            const char *why = aclGetRecentErrMsg();                                           \
            fprintf(stderr, "%s returned %d: %s\n", #call, (int)code, why ? why : "");        \
            exit(1);                                                                          \
        }                                                                                     \
    } while (0)

int main(void)
{
    enum { Size = 1 << 20 };
    void *host, *back, *device;
    aclrtStream stream;

    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtCreateStream(&stream));
    CHECK(aclrtMallocHost(&host, Size));
    CHECK(aclrtMallocHost(&back, Size));
    CHECK(aclrtMalloc(&device, Size, ACL_MEM_MALLOC_HUGE_FIRST));

    memset(host, 42, Size);
    CHECK(aclrtMemcpyAsync(device, Size, host, Size, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    CHECK(aclrtMemcpyAsync(back, Size, device, Size, ACL_MEMCPY_DEVICE_TO_HOST, stream));
    CHECK(aclrtSynchronizeStream(stream)); // until here neither buffer may be touched

    int same = memcmp(host, back, Size) == 0;
    printf("%s: %d bytes there and back, %s\n", aclrtGetSocName(), (int)Size, same ? "equal" : "DIFFERENT");

    CHECK(aclrtFree(device));
    CHECK(aclrtFreeHost(back));
    CHECK(aclrtFreeHost(host));
    CHECK(aclrtDestroyStream(stream));
    CHECK(aclrtResetDevice(0));
    CHECK(aclFinalize());
    return same ? 0 : 1;
}
