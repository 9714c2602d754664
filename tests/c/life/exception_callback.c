#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
// What a program does when it is told of a failed task: it looks, gives up the stream, or resets the device, from inside the callback.
// timeout: 120
#include "check.h"
#include "process.h"

static aclrtStream stream;
static volatile int called, code = -1;
static int what;
static const char *schedule;

static void on_failure(aclrtExceptionInfo *info)
{
    (void)info;
    if (called++) {
        return;
    }
    switch (what) {
    case 0: code = aclrtSetDevice(0); break;
    case 1: code = aclrtSetDevice(0) || aclrtDestroyStreamForce(stream); break;
    case 2: code = aclrtSetDevice(0) || aclrtResetDeviceForce(0); break;
    case 3: code = aclrtSetDevice(0) || (aclrtSynchronizeStreamWithTimeout(stream, 100) != 0 ? 0 : 0); break;
    case 4: exit(7);
    }
}

static void fail(void)
{
    char *device, *pinned;
    setenv("UPDRAFT_SCHEDULE", schedule, 1);
    NEED(aclrtSetDevice(0));
    NEED(aclrtSetExceptionInfoCallback(on_failure));
    NEED(aclrtCreateStream(&stream));
    NEED(aclrtMalloc((void **)&device, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMallocHost((void **)&pinned, 4096));
    NEED(aclrtMemcpyAsync(device + (64 << 10), 4096, pinned, 4096, ACL_MEMCPY_HOST_TO_DEVICE, stream)); // nobody's memory
    for (int turn = 0; turn < 1000 && code != 0; turn++) {
        // A synchronise would run the callback on this thread; so does a query where nothing else runs.
        usleep(5000);
        if (strcmp(schedule, "threads") != 0) {
            aclrtStreamStatus status;
            aclrtStreamQuery(stream, &status);
        }
    }
    exit(called == 0 ? 1 : code == 0 ? 7 : 2);
}

int main(void)
{
    static const char *const names[] = { "a callback that looks around", "that force-destroys the stream", "that resets the device", "that synchronises the stream with a limit", "that ends the process" };
    for (int turn = 0; turn < 15; turn++) {
        what = turn % 5;
        schedule = turn < 5 ? "threads" : turn < 10 ? "late" : "eager";
        char text[128];
        snprintf(text, sizeof text, "%s (%s)", names[what], schedule);
        ended end = in_child(fail);
        if (!check(end.code == 7, text)) {
            printf("# %d, stdout \"%.300s\", stderr \"%.300s\"\n", end.code, end.out, end.err);
        }
    }
    return result();
}
