// Sleep and wake of what a serving engine keeps on the device.
//
//   1. Light sleep: unmap the weights and map them elsewhere. The physical memory keeps the bytes.
//   2. Deep sleep: copy them to pinned host memory and give the physical memory back. The addresses stay reserved.
//   3. Wake: new physical memory under the old addresses, the bytes copied back. Every pointer into the weights is good again.
#include <acl/acl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        int code_ = (call);                                                                                            \
        if (code_ != ACL_SUCCESS) {                                                                                    \
            const char *text_ = aclGetRecentErrMsg();                                                                  \
            fprintf(stderr, "%s returned %d\n%s\n", #call, code_, text_ ? text_ : "");                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { PIECES = 16 };

static size_t piece;
static aclrtPhysicalMemProp prop;

static size_t used(void)
{
    size_t free_bytes, total;
    CHECK(aclrtGetMemInfo(ACL_HBM_MEM, &free_bytes, &total));
    return total - free_bytes;
}

static char *reserve(void)
{
    void *address;
    CHECK(aclrtReserveMemAddress(&address, PIECES * piece, 0, NULL, 0));
    return address;
}

static void map_all(char *address, aclrtDrvMemHandle *handles)
{
    for (int index = 0; index < PIECES; index++) {
        CHECK(aclrtMapMem(address + index * piece, piece, 0, handles[index], 0));
    }
}

static void unmap_all(char *address)
{
    for (int index = 0; index < PIECES; index++) {
        CHECK(aclrtUnmapMem(address + index * piece));
    }
}

static void verify(const char *what, char *address, const char *expected, char *scratch)
{
    CHECK(aclrtMemcpy(scratch, PIECES * piece, address, PIECES * piece, ACL_MEMCPY_DEVICE_TO_HOST));
    if (memcmp(scratch, expected, PIECES * piece) != 0) {
        printf("%s: bytes are WRONG\n", what);
        exit(1);
    }
    printf("%-12s at %p, device memory in use: %3zu MiB\n", what, (void *)address, used() >> 20);
}

int main(void)
{
    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    prop.memAttr = ACL_HBM_MEM_HUGE;
    prop.location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
    CHECK(aclrtMemGetAllocationGranularity(&prop, ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM, &piece));

    size_t bytes = PIECES * piece;
    void *saved_memory, *scratch_memory;
    CHECK(aclrtMallocHost(&saved_memory, bytes));
    CHECK(aclrtMallocHost(&scratch_memory, bytes));
    char *saved = saved_memory, *scratch = scratch_memory, *expected = malloc(bytes);
    for (size_t index = 0; index < bytes; index++) {
        expected[index] = (char)(index * 31 + (index >> 12));
    }

    aclrtDrvMemHandle handles[PIECES];
    char *address = reserve(), *elsewhere = reserve();
    for (int index = 0; index < PIECES; index++) {
        CHECK(aclrtMallocPhysical(&handles[index], piece, &prop, 0));
    }
    map_all(address, handles);
    CHECK(aclrtMemcpy(address, bytes, expected, bytes, ACL_MEMCPY_HOST_TO_DEVICE));
    verify("loaded", address, expected, scratch);

    unmap_all(address);
    map_all(elsewhere, handles);
    verify("moved", elsewhere, expected, scratch);

    aclrtStream stream;
    CHECK(aclrtCreateStream(&stream));
    CHECK(aclrtMemcpyAsync(saved, bytes, elsewhere, bytes, ACL_MEMCPY_DEVICE_TO_HOST, stream));
    CHECK(aclrtSynchronizeStream(stream));
    unmap_all(elsewhere);
    for (int index = 0; index < PIECES; index++) {
        CHECK(aclrtFreePhysical(handles[index]));
    }
    printf("%-12s    device memory in use: %3zu MiB\n", "asleep", used() >> 20);

    for (int index = 0; index < PIECES; index++) {
        CHECK(aclrtMallocPhysical(&handles[index], piece, &prop, 0));
    }
    map_all(address, handles);
    CHECK(aclrtMemcpyAsync(address, bytes, saved, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    CHECK(aclrtSynchronizeStream(stream));
    verify("awake", address, expected, scratch);

    unmap_all(address);
    for (int index = 0; index < PIECES; index++) {
        CHECK(aclrtFreePhysical(handles[index]));
    }
    CHECK(aclrtReleaseMemAddress(address));
    CHECK(aclrtReleaseMemAddress(elsewhere));
    CHECK(aclrtFreeHost(saved));
    CHECK(aclrtFreeHost(scratch));
    CHECK(aclrtDestroyStream(stream));
    CHECK(aclrtResetDevice(0));
    CHECK(aclFinalize());
    free(expected);
    puts("every byte survived");
    return 0;
}
