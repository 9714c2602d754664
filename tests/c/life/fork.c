// fork while busy. A child that calls exec works as ever. A child that goes on without exec has no workers: it must not use the
// library, but it can end.
// timeout: 120
#include "check.h"
#include "process.h"
#include <spawn.h>

extern char **environ;
enum { large = 16 << 20 };
static aclrtStream stream;
static char *device, *host;

static void make_busy(void)
{
    NEED(aclrtSetDevice(0));
    NEED(aclrtMalloc((void **)&device, large, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMallocHost((void **)&host, large));
    NEED(aclrtCreateStream(&stream));
    for (int turn = 0; turn < 100; turn++) {
        NEED(aclrtMemcpyAsync(device, large, host, large, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    }
}

static int wait_for(pid_t child)
{
    int status = -1;
    for (int turn = 0; turn < 1000; turn++) {
        if (waitpid(child, &status, WNOHANG) == child) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
        usleep(10000);
    }
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -2;
}

int main(void)
{
    make_busy();
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 5", NULL);
        _exit(1);
    }
    check(wait_for(child) == 5, "fork and exec while busy");

    child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 6", NULL);
        _exit(1);
    }
    check(wait_for(child) == 6, "vfork and exec while busy");

    char *arguments[] = { "sh", "-c", "exit 7", NULL };
    check(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) == 0 && wait_for(child) == 7, "posix_spawn while busy");
    int status = system("exit 8");
    check(WIFEXITED(status) && WEXITSTATUS(status) == 8, "system() while busy");

    for (int turn = 0; turn < 10; turn++) {
        child = fork();
        if (child == 0) {
            _exit(9);
        }
        if (wait_for(child) != 9) {
            break;
        }
    }
    check(child > 0 && kill(child, 0) != 0, "a child without exec ends by _exit()");
    child = fork();
    if (child == 0) {
        exit(10);
    }
    check(wait_for(child) == 10, "a child without exec ends by exit()");

    // The child's copy of pinned memory is its own.
    memset(host, 1, 4096);
    child = fork();
    if (child == 0) {
        memset(host, 2, 4096);
        _exit(0);
    }
    check(wait_for(child) == 0 && is_filled(host, 1, 4096), "the parent's pinned memory is untouched by the child");

    memset(host, 3, large);
    OK(aclrtMemcpyAsync(device, large, host, large, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    OK(aclrtMemcpyAsync(host, large, device, large, ACL_MEMCPY_DEVICE_TO_HOST, stream));
    OK(aclrtSynchronizeStream(stream));
    check(is_filled(host, 3, large), "the parent goes on as before");
    OK(aclrtResetDevice(0));
    return result();
}
