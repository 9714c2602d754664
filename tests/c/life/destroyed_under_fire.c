// Streams destroyed while queued, devices reset while busy, contexts destroyed under other threads: every call returns, late ones with
// a code.
// timeout: 120
#include "check.h"
#include <pthread.h>

enum { bytes = 1 << 20 };
static char *device, *host;

static void allocate(void)
{
    NEED(aclrtSetDevice(0));
    NEED(aclrtMalloc((void **)&device, bytes, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMallocHost((void **)&host, bytes));
}

static void stream_destroyed_while_queued(void)
{
    aclrtStream stream;
    NEED(aclrtCreateStream(&stream));
    memset(host, 4, bytes);
    for (int turn = 0; turn < 100; turn++) {
        NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    }
    check(aclrtDestroyStream(stream) == 0, "destroying a stream with work");
    static char copy[bytes];
    NEED(aclrtMemcpy(copy, bytes, device, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
    check(is_filled(copy, 4, bytes), "waits for the work");
    check(aclrtSynchronizeStream(stream) == 107017, "its handle is stale afterwards");
    check(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream) == 107017, "for every function");
    check(aclrtDestroyStream(stream) == 107017, "and for destroying it again");
}

static void forced_while_held(void)
{
    gate held;
    aclrtStream stream;
    NEED(aclrtCreateStream(&stream));
    NEED(aclrtMemset(device, bytes, 1, bytes));
    memset(host, 2, bytes);
    gate_close(&held, stream);
    wait_seconds(&held.entered, 10);
    NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    check(aclrtDestroyStreamForce(stream) == 0, "force-destroying a stream whose host function does not return");
    static char copy[bytes];
    NEED(aclrtMemcpy(copy, bytes, device, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
    check(is_filled(copy, 1, bytes), "drops what is queued");
    gate_open(&held);
}

static volatile int unexpected, started;

static void *hammer(void *context)
{
    aclrtStream stream = NULL;
    if (aclrtSetCurrentContext(context)) {
        __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
        return NULL;
    }
    aclrtCreateStream(&stream);
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    for (int turn = 0; turn < 100000; turn++) {
        int code = aclrtMemcpyAsync(device, 4096, host, 4096, ACL_MEMCPY_HOST_TO_DEVICE, stream);
        code = code ? code : turn % 64 == 0 ? aclrtSynchronizeStream(stream) : 0;
        if (code) {
            // No context any more, or a stream of one that is gone.
            unexpected += code != 107002 && code != 107017 && code != 107003 && code != 107000;
            return (void *)(intptr_t)code;
        }
    }
    return NULL;
}

static void contexts_destroyed_under_threads(void)
{
    for (int round = 0; round < 30; round++) {
        aclrtContext context;
        pthread_t threads[3];
        NEED(aclrtCreateContext(&context, 0));
        started = 0;
        for (int index = 0; index < 3; index++) {
            pthread_create(&threads[index], NULL, hammer, context);
        }
        while (started < 3) {
        }
        NEED(aclrtDestroyContext(context));
        for (int index = 0; index < 3; index++) {
            pthread_join(threads[index], NULL);
        }
    }
    check(unexpected == 0, "contexts destroyed under threads that submit: every thread is told so");
    NEED(aclrtSetDevice(0));
}

static void *hammer_primary(void *unused)
{
    (void)unused;
    aclrtSetDevice(0);
    aclrtStream stream = NULL;
    aclrtCreateStream(&stream);
    __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    for (int turn = 0; turn < 100000; turn++) {
        if (aclrtMemcpyAsync(device, 4096, host, 4096, ACL_MEMCPY_HOST_TO_DEVICE, stream) || (turn % 64 == 0 && aclrtSynchronizeStream(stream))) {
            break;
        }
    }
    return NULL;
}

static void device_reset_while_busy(void)
{
    int good = 1;
    for (int round = 0; round < 30; round++) {
        pthread_t threads[3];
        allocate();
        started = 0;
        for (int index = 0; index < 3; index++) {
            pthread_create(&threads[index], NULL, hammer_primary, NULL);
        }
        while (started < 3) {
        }
        good &= aclrtResetDeviceForce(0) == 0;
        for (int index = 0; index < 3; index++) {
            pthread_join(threads[index], NULL);
        }
    }
    check(good, "device reset by force while threads submit");
    aclrtResetDeviceForce(0);
    allocate();
    memset(host, 6, bytes);
    static char copy[bytes];
    NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, NULL));
    NEED(aclrtSynchronizeDevice());
    NEED(aclrtMemcpy(copy, bytes, device, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
    check(is_filled(copy, 6, bytes), "the device works afterwards");
}

static void *destroyer(void *stream) { aclrtSetDevice(0); return (void *)(intptr_t)aclrtDestroyStream(stream); }

static void two_destroyers(void)
{
    int good = 1;
    for (int round = 0; round < 200; round++) {
        aclrtStream stream;
        pthread_t one, two;
        void *first, *second;
        NEED(aclrtCreateStream(&stream));
        NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
        pthread_create(&one, NULL, destroyer, stream);
        pthread_create(&two, NULL, destroyer, stream);
        pthread_join(one, &first);
        pthread_join(two, &second);
        good &= ((intptr_t)first == 0 && (intptr_t)second == 107017) || ((intptr_t)first == 107017 && (intptr_t)second == 0);
    }
    check(good, "of two destroyers one succeeds and one gets 107017");
}

int main(void)
{
    allocate();
    stream_destroyed_while_queued();
    forced_while_held();
    contexts_destroyed_under_threads();
    two_destroyers();
    device_reset_while_busy();
    return result();
}
