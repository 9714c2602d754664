// A process ends when it wants to, whatever its streams still have to do: no hang, no signal, its own exit code.
// timeout: 120
#include "check.h"
#include "process.h"
#include <pthread.h>

enum { large = 32 << 20 };
static aclrtStream streams[4];
static char *device, *host;

static void make_busy(void)
{
    NEED(aclrtSetDevice(0));
    NEED(aclrtMalloc((void **)&device, large, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMallocHost((void **)&host, large));
    for (int index = 0; index < 4; index++) {
        NEED(aclrtCreateStream(&streams[index]));
        for (int turn = 0; turn < 200; turn++) {
            NEED(aclrtMemcpyAsync(device, large, host, large, ACL_MEMCPY_HOST_TO_DEVICE, streams[index]));
        }
    }
}

static void by_exit(void) { make_busy(); exit(7); }
static void by_quick_exit(void) { make_busy(); quick_exit(7); }
static void by_underscore_exit(void) { make_busy(); _exit(7); }

static void leave(void *code) { exit((int)(intptr_t)code); }
static void *leave_thread(void *code) { exit((int)(intptr_t)code); }

static void from_a_host_function(void)
{
    make_busy();
    aclrtStream stream;
    NEED(aclrtCreateStream(&stream));
    NEED(aclrtLaunchHostFunc(stream, leave, (void *)7));
    aclrtSynchronizeStream(stream);
    pause();
}

static void *synchronise(void *stream)
{
    aclrtSetDevice(0);
    aclrtSynchronizeStream(stream);
    return NULL;
}

static void while_threads_synchronise(void)
{
    make_busy();
    for (int index = 0; index < 4; index++) {
        pthread_t thread;
        pthread_create(&thread, NULL, synchronise, streams[index]);
    }
    exit(7);
}

static void while_a_host_function_never_returns(void)
{
    static gate held;
    gate_seconds = 1000;
    make_busy();
    aclrtStream stream;
    NEED(aclrtCreateStream(&stream));
    gate_close(&held, stream);
    wait_seconds(&held.entered, 10);
    exit(7);
}

static void *fill(void *stream)
{
    aclrtSetDevice(0);
    while (aclrtMemcpyAsync(device, 64, host, 64, ACL_MEMCPY_HOST_TO_DEVICE, stream) == 0) {
    }
    return NULL;
}

static void while_threads_submit(void)
{
    make_busy();
    for (int index = 0; index < 4; index++) {
        pthread_t thread;
        pthread_create(&thread, NULL, fill, streams[index]);
    }
    usleep(20000);
    exit(7);
}

static void at_exit(void) { aclrtSynchronizeStream(streams[0]); aclrtResetDeviceForce(0); aclFinalize(); }

static void library_calls_at_exit(void)
{
    atexit(at_exit);
    make_busy();
    exit(7);
}

static void last_thread_is_not_main(void)
{
    make_busy();
    pthread_t thread;
    pthread_create(&thread, NULL, fill, streams[0]);
    pthread_detach(thread);
    alarm(0);
    // The process lives on with its other threads; the submitting one ends it.
    pthread_create(&thread, NULL, leave_thread, (void *)7);
    pthread_exit(NULL);
}

static void ends(const char *how, void (*body)(void))
{
    ended end = in_child(body);
    if (!check(end.code == 7 && end.out[0] == 0, how)) {
        printf("# %d, stdout \"%s\", stderr \"%.300s\"\n", end.code, end.out, end.err);
    }
}

int main(void)
{
    ends("exit() while workers copy", by_exit);
    ends("quick_exit() while workers copy", by_quick_exit);
    ends("_exit() while workers copy", by_underscore_exit);
    ends("exit() from a host function", from_a_host_function);
    ends("exit() while threads synchronise", while_threads_synchronise);
    ends("exit() while threads submit to full streams", while_threads_submit);
    ends("exit() while a host function does not return", while_a_host_function_never_returns);
    ends("library calls in an exit handler", library_calls_at_exit);
    ends("the main thread ends first", last_thread_is_not_main);
    return result();
}
