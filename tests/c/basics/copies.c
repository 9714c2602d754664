// aclrtMemcpy, aclrtMemcpyAsync and the fills from C: bytes at every size and offset, codes in their order (memcpy.md 1 and 2).
// env: UPDRAFT_SOC=910b UPDRAFT_DEVICES=2
#include "check.h"
#include "process.h"

enum { room = 3 << 20 };
static unsigned char *device, *second, *pinned, *back, pageable[room], result_bytes[room];
static aclrtStream stream;

static unsigned seed = 1;
static unsigned next(void) { return seed = seed * 1664525 + 1013904223; }

static void every_size(void)
{
    static const size_t sizes[] = { 1, 3, 8, 31, 32, 33, 63, 64, 65, 127, 255, 1000, 2047, 2048, 2049, 4096, 65535, 524287, 524289, 1048576, 1048577, room - 200 };
    int sync = 1, queued = 1, outside = 1;
    for (size_t index = 0; index < sizeof sizes / sizeof sizes[0]; index++) {
        size_t count = sizes[index], from = next() % 100, to = next() % 100;
        for (size_t byte = 0; byte < room; byte++) {
            pinned[byte] = pageable[byte] = (unsigned char)(next() >> 16);
        }
        NEED(aclrtMemset(device, room, 0xEE, room));
        NEED(aclrtMemcpy(device + to, count, pageable + from, count, ACL_MEMCPY_HOST_TO_DEVICE));
        NEED(aclrtMemcpy(second, room, device, room, ACL_MEMCPY_DEVICE_TO_DEVICE));
        NEED(aclrtMemcpy(result_bytes, room, second, room, ACL_MEMCPY_DEVICE_TO_HOST));
        sync &= memcmp(result_bytes + to, pageable + from, count) == 0;
        outside &= is_filled(result_bytes, 0xEE, to) && is_filled(result_bytes + to + count, 0xEE, room - to - count);

        NEED(aclrtMemsetAsync(device, room, 0x11, room, stream));
        NEED(aclrtMemcpyAsync(device + to, count, pinned + from, count, ACL_MEMCPY_HOST_TO_DEVICE, stream));
        NEED(aclrtMemcpyAsync(second, room, device, room, ACL_MEMCPY_DEVICE_TO_DEVICE, stream));
        NEED(aclrtMemcpyAsync(back, room, second, room, ACL_MEMCPY_DEVICE_TO_HOST, stream));
        NEED(aclrtSynchronizeStream(stream));
        queued &= memcmp(back + to, pinned + from, count) == 0;
        outside &= is_filled(back, 0x11, to) && is_filled(back + to + count, 0x11, room - to - count);
    }
    check(sync, "synchronous copies give the right bytes");
    check(queued, "queued copies give the right bytes");
    check(outside, "and touch no byte beside them");
}

static void codes(void)
{
    RETURNS(100000, aclrtMemcpy(NULL, 64, pinned, 64, ACL_MEMCPY_HOST_TO_DEVICE));
    RETURNS(100000, aclrtMemcpy(device, 64, NULL, 64, ACL_MEMCPY_HOST_TO_DEVICE));
    RETURNS(100000, aclrtMemcpy(device, 64, pinned, 64, (aclrtMemcpyKind)77));
    RETURNS(107000, aclrtMemcpy(device, 63, pinned, 64, ACL_MEMCPY_HOST_TO_DEVICE));
    RETURNS(0, aclrtMemcpy(device, 64, pinned, 0, ACL_MEMCPY_HOST_TO_DEVICE));
    RETURNS(100000, aclrtMemcpyAsync(NULL, 64, pinned, 64, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    RETURNS(107017, aclrtMemcpyAsync(device, 64, pinned, 64, ACL_MEMCPY_HOST_TO_DEVICE, (aclrtStream)0x10));
    RETURNS(107000, aclrtMemcpyAsync(device, 63, pinned, 64, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    RETURNS(107017, aclrtMemcpy(device + room, 4096, pinned, 4096, ACL_MEMCPY_HOST_TO_DEVICE));
    // Host memory that is not there, or cannot be: refused at the first byte that is missing, however many there would be.
    RETURNS(107017, aclrtMemcpy(result_bytes, SIZE_MAX, (void *)0xdeadbeef000, (size_t)1 << 46, ACL_MEMCPY_HOST_TO_HOST));
    RETURNS(107017, aclrtMemcpy((void *)0xdeadbeef000, SIZE_MAX, pageable, 64, ACL_MEMCPY_HOST_TO_HOST));
    RETURNS(107017, aclrtMemcpy(result_bytes, SIZE_MAX, pageable, (size_t)1 << 63, ACL_MEMCPY_HOST_TO_HOST));
    RETURNS(107017, aclrtMemcpy(result_bytes + 1, SIZE_MAX, result_bytes, SIZE_MAX - 63, ACL_MEMCPY_HOST_TO_HOST));
    RETURNS(0, aclrtMemcpyAsync(device + room, 4096, pinned, 4096, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    RETURNS(507013, aclrtSynchronizeStream(stream));
    RETURNS(0, aclrtSynchronizeStream(stream));
}

static void last_error_and_message(void)
{
    aclrtGetLastError(ACL_RT_THREAD_LEVEL);
    check(aclrtMemcpy(device, 63, pinned, 64, ACL_MEMCPY_HOST_TO_DEVICE) == 107000, "a failing call");
    const char *message = aclGetRecentErrMsg();
    check(message && strstr(message, "64") && strstr(message, "63"), "its message has the values");
    check(aclrtPeekAtLastError(ACL_RT_THREAD_LEVEL) == 107000, "a look at the last error leaves it");
    check(aclrtGetLastError(ACL_RT_THREAD_LEVEL) == 107000, "reading gives it");
    check(aclrtGetLastError(ACL_RT_THREAD_LEVEL) == 0, "and clears it");
}

static void facts(void)
{
    const char *name = aclrtGetSocName();
    check(name && strncmp(name, "Ascend910B", 10) == 0, "the SoC is the one asked for");
    aclrtRunMode mode = ACL_DEVICE;
    check(aclrtGetRunMode(&mode) == 0 && mode == ACL_HOST, "the run mode is the host's");
    int32_t id = -1;
    check(aclrtGetDevice(&id) == 0 && id == 0, "the current device");
    uint32_t count = 0;
    check(aclrtGetDeviceCount(&count) == 0 && count == 2, "the number of devices");
    check(aclrtSetDevice(2) == 107001, "there is no device behind the last");
}

static void elapsed_time(void)
{
    aclrtEvent start, end;
    float ms = -1;
    NEED(aclrtCreateEventWithFlag(&start, ACL_EVENT_TIME_LINE));
    NEED(aclrtCreateEventWithFlag(&end, ACL_EVENT_TIME_LINE));
    NEED(aclrtRecordEvent(start, stream));
    for (int turn = 0; turn < 50; turn++) {
        NEED(aclrtMemcpyAsync(device, room, pinned, room, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    }
    NEED(aclrtRecordEvent(end, stream));
    NEED(aclrtSynchronizeStream(stream));
    check(aclrtEventElapsedTime(&ms, start, end) == 0 && ms > 0 && ms < 60000, "time between two events");
    NEED(aclrtDestroyEvent(start));
    NEED(aclrtDestroyEvent(end));
}

static void set_up(void)
{
    NEED(aclInit(NULL));
    NEED(aclrtSetDevice(0));
    NEED(aclrtCreateStream(&stream));
    NEED(aclrtMalloc((void **)&device, room, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMalloc((void **)&second, room, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMallocHost((void **)&pinned, room));
    NEED(aclrtMallocHost((void **)&back, room));
}

static const char *kernel;

static void with_kernel(void)
{
    setenv("UPDRAFT_KERNEL", kernel, 1);
    setenv("UPDRAFT_LOG", "info", 1);
    set_up();
    every_size();
    exit(result());
}

// Each way of moving bytes that this processor has, in a process of its own. One that it has not is refused by name.
static void every_kernel(void)
{
#if defined(__x86_64__)
    static const char *const kernels[] = { "libc", "movsb", "sse2", "sse2-nt", "avx2", "avx2-nt", "avx512", "avx512-nt" };
#else
    static const char *const kernels[] = { "libc", "neon", "neon-nt" };
#endif
    for (size_t index = 0; index < sizeof kernels / sizeof kernels[0]; index++) {
        char what[64], in_use[64];
        kernel = kernels[index];
        ended end = in_child(with_kernel);
        snprintf(in_use, sizeof in_use, "copies: %s\n", kernel);
        int is_used = strstr(end.err, in_use) != NULL, is_refused = strstr(end.err, "UPDRAFT_KERNEL") != NULL;
        snprintf(what, sizeof what, "copies by %s%s", kernel, is_refused ? " # SKIP not on this processor" : "");
        if (!check(end.code == 0 && is_used != is_refused, what)) {
            printf("# %d, stdout \"%s\", stderr \"%.500s\"\n", end.code, end.out, end.err);
        }
    }
}

int main(void)
{
    every_kernel();
    set_up();
    every_size();
    codes();
    last_error_and_message();
    facts();
    elapsed_time();
    OK(aclrtDestroyStream(stream));
    OK(aclrtResetDevice(0));
    OK(aclFinalize());
    return result();
}
