// Allocation and release from C: sizes and padding (memory.md 1.2), alignment (1.3), codes in their order (1.1), memory information.
#include "check.h"

static size_t writable_bytes(char *memory, size_t limit)
{
    // A range that leaves its allocation is refused with 107017: the largest one that is not tells how much there is.
    static char zeros[8192];
    size_t bytes = 0;
    while (bytes < limit && aclrtMemcpy(memory, bytes + 1, zeros, bytes + 1, ACL_MEMCPY_HOST_TO_DEVICE) == 0) {
        bytes++;
    }
    return bytes;
}

static void sizes(void)
{
    static const size_t wanted[] = { 1, 31, 32, 33, 64, 100, 4096 };
    int padded = 1, rounded = 1, pinned = 1, aligned = 1;
    for (size_t index = 0; index < sizeof wanted / sizeof wanted[0]; index++) {
        size_t size = wanted[index], ceiling = (size + 31) & ~(size_t)31;
        void *memory;
        NEED(aclrtMalloc(&memory, size, ACL_MEM_MALLOC_HUGE_FIRST));
        padded &= writable_bytes(memory, 8192) == ceiling + 32;
        aligned &= ((uintptr_t)memory & 511) == 0;
        NEED(aclrtFree(memory));
        NEED(aclrtMallocAlign32(&memory, size, ACL_MEM_MALLOC_NORMAL_ONLY));
        rounded &= writable_bytes(memory, 8192) == ceiling;
        NEED(aclrtFree(memory));
        NEED(aclrtMallocHost(&memory, size));
        pinned &= writable_bytes(memory, 8192) == ceiling;
        aligned &= ((uintptr_t)memory & 63) == 0;
        memset(memory, 1, ceiling);
        NEED(aclrtFreeHost(memory));
    }
    check(padded, "aclrtMalloc gives the size rounded up to 32, and 32 bytes more");
    check(rounded, "aclrtMallocAlign32 gives the size rounded up to 32");
    check(pinned, "aclrtMallocHost gives the size rounded up to 32");
    check(aligned, "pointers are aligned");
}

static void codes(void)
{
    void *memory = NULL;
    RETURNS(100000, aclrtMalloc(NULL, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    RETURNS(100000, aclrtMalloc(&memory, 0, ACL_MEM_MALLOC_HUGE_FIRST));
    RETURNS(100000, aclrtMalloc(&memory, SIZE_MAX, ACL_MEM_MALLOC_HUGE_FIRST));
    RETURNS(207001, aclrtMalloc(&memory, (size_t)1 << 60, ACL_MEM_MALLOC_HUGE_FIRST));
    RETURNS(100000, aclrtMallocHost(NULL, 64));
    RETURNS(100000, aclrtMallocHost(&memory, 0));
    RETURNS(100000, aclrtFree(NULL));
    RETURNS(100000, aclrtFreeHost(NULL));
    NEED(aclrtMalloc(&memory, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    OK(aclrtFree(memory));
    check(aclrtFree(memory) != 0, "freeing twice is refused");
    check(aclrtFree(&memory) != 0, "and so is freeing what was never allocated");
    NEED(aclrtMallocHost(&memory, 64));
    check(aclrtFree(memory) != 0, "aclrtFree does not take pinned memory");
    OK(aclrtFreeHost(memory));
    check(aclrtFreeHost(memory) != 0, "freeing pinned memory twice is refused");
}

static void information(void)
{
    size_t before, during, after, total;
    void *memory;
    NEED(aclrtGetMemInfo(ACL_HBM_MEM, &before, &total));
    check(before > 0 && before <= total, "free memory is at most all of it");
    NEED(aclrtMalloc(&memory, 64 << 20, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtGetMemInfo(ACL_HBM_MEM, &during, &total));
    check(before - during >= 64 << 20 && before - during <= 68 << 20, "an allocation is taken from it");
    NEED(aclrtFree(memory));
    NEED(aclrtGetMemInfo(ACL_HBM_MEM, &after, &total));
    check(after == before, "and given back");
    check(aclrtGetMemInfo(ACL_HBM_MEM, NULL, &total) == 100000, "NULL is 100000");
}

static void exhaustion(void)
{
    size_t available, total;
    NEED(aclrtGetMemInfo(ACL_HBM_MEM, &available, &total));
    void *all[64];
    int count = 0, code;
    while ((code = aclrtMalloc(&all[count], total / 16, ACL_MEM_MALLOC_HUGE_ONLY)) == 0 && ++count < 64) {
    }
    check(code == 207001 && count >= 14 && count <= 16, "a full device answers 207001");
    const char *message = aclGetRecentErrMsg();
    check(message && strstr(message, "UPDRAFT_DEVICE_MEMORY") != NULL, "and says what to do");
    while (count-- > 0) {
        NEED(aclrtFree(all[count]));
    }
    OK(aclrtMalloc(&all[0], total / 2, ACL_MEM_MALLOC_HUGE_ONLY));
    OK(aclrtFree(all[0]));
}

int main(void)
{
    void *memory = NULL;
    RETURNS(107002, aclrtMalloc(&memory, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclInit(NULL));
    NEED(aclrtSetDevice(0));
    sizes();
    codes();
    information();
    exhaustion();
    OK(aclrtResetDevice(0));
    OK(aclFinalize());
    return result();
}
