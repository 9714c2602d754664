// Host code that touches device memory dies as on hardware, with one line that says why; handlers of the program are called.
// timeout: 120
#include "check.h"
#include "process.h"
#include <setjmp.h>
#include <sys/mman.h>

static volatile char *device;

static void allocate(void)
{
    NEED(aclrtSetDevice(0));
    NEED(aclrtMalloc((void **)&device, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
}

static void reads(void) { allocate(); exit(device[100]); }
static void writes(void) { allocate(); device[100] = 1; exit(0); }
static void copies(void) { allocate(); char own[64]; memcpy(own, (const void *)device, sizeof own); exit(own[0]); }

static void freed(void)
{
    allocate();
    NEED(aclrtFree((void *)device));
    exit(device[8]);
}

static void other_thread_of_the_library(void *argument) { *(volatile char *)argument = 1; }

static void host_function(void)
{
    allocate();
    NEED(aclrtLaunchHostFunc(NULL, other_thread_of_the_library, (void *)device));
    aclrtSynchronizeStream(NULL);
    exit(0);
}

static sigjmp_buf escape;
static volatile int handled;

static void handler(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number, (void)context;
    handled++;
    if (info->si_addr == (void *)(device + 100)) {
        siglongjmp(escape, 1);
    }
    siglongjmp(escape, 2);
}

static void install(void)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGSEGV, &action, NULL);
}

static void library_still_works(void)
{
    // Wild pointers given to the library are its own business before and after.
    if (aclrtGetDevice((int32_t *)0x10) == 0 || aclrtMemcpy((void *)device, 64, (void *)0x10, 64, ACL_MEMCPY_HOST_TO_DEVICE) == 0) {
        exit(20);
    }
    char one[64] = { 1 }, two[64] = { 0 };
    NEED(aclrtMemcpy((void *)device, 64, one, 64, ACL_MEMCPY_HOST_TO_DEVICE));
    NEED(aclrtMemcpy(two, 64, (void *)device, 64, ACL_MEMCPY_DEVICE_TO_HOST));
    exit(two[0] == 1 ? 30 + handled : 21);
}

static void handler_before(void)
{
    install();
    allocate();
    int found = sigsetjmp(escape, 1);
    if (!found) {
        device[100] = 1;
        exit(22);
    }
    if (found != 1) {
        exit(23);
    }
    library_still_works();
}

static void handler_for_own_faults(void)
{
    install();
    allocate();
    char *own = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int found = sigsetjmp(escape, 1);
    if (!found) {
        own[0] = 1;
        exit(24);
    }
    if (found != 2) {
        exit(25);
    }
    library_still_works();
}

static void handler_after(void)
{
    allocate();
    install(); // and the library's is gone: the program's own takes everything
    if (!sigsetjmp(escape, 1)) {
        device[100] = 1;
        exit(22);
    }
    exit(30 + handled);
}

static void plain(int signal_number) { (void)signal_number; _exit(40); }

static void simple_handler(void)
{
    signal(SIGSEGV, plain);
    allocate();
    device[1] = 1;
}

static void null_pointer(void)
{
    allocate();
    *(volatile char *)16 = 1;
}

static void dies_with_line(const char *how, void (*body)(void))
{
    ended end = in_child(body);
    int good = end.code == -SIGSEGV && end.out[0] == 0 && count_lines(end.err) == 1 && strstr(end.err, "device address") && strstr(end.err, "0x");
    if (!check(good, how)) {
        printf("# %d, stdout \"%s\", stderr \"%.500s\"\n", end.code, end.out, end.err);
    }
}

static void ends_with(int code, const char *how, void (*body)(void))
{
    ended end = in_child(body);
    if (!check(end.code == code && end.out[0] == 0, how)) {
        printf("# %d, stdout \"%s\", stderr \"%.500s\"\n", end.code, end.out, end.err);
    }
}

int main(void)
{
    dies_with_line("reading device memory", reads);
    dies_with_line("writing device memory", writes);
    dies_with_line("memcpy from device memory", copies);
    dies_with_line("reading freed device memory", freed);
    dies_with_line("a host function that touches device memory", host_function);
    ends_with(31, "a handler installed before the first call gets the fault and its address", handler_before);
    ends_with(31, "a handler installed before gets faults that are the program's own", handler_for_own_faults);
    ends_with(31, "a handler installed after the first call", handler_after);
    ends_with(40, "a handler without siginfo", simple_handler);
    ends_with(-SIGSEGV, "a NULL pointer of the program's own is still a SIGSEGV", null_pointer);
    return result();
}
