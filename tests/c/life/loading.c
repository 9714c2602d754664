// Loading and the first call: threads, address space limits, variables that make no sense, dlopen and dlclose, a silent stdout.
// libs: -ldl
// timeout: 120
#include "process.h"
#include <acl/acl.h>
#include <dlfcn.h>
#include <stdint.h>

static int failed_checks;

static int check(int good, const char *what)
{
    printf("%s - %s\n", good ? "ok" : "not ok", what);
    failed_checks += !good;
    return good;
}

// 0 when a copy there and back through the device gives the same bytes.
static int copies(void)
{
    static unsigned char one[4096], two[4096];
    void *device = NULL, *pinned = NULL;
    aclrtStream stream = NULL;
    memset(one, 5, sizeof one);
    if (aclInit(NULL) || aclrtSetDevice(0) || aclrtCreateStream(&stream)) return 1;
    if (aclrtMalloc(&device, sizeof one, ACL_MEM_MALLOC_HUGE_FIRST) || aclrtMallocHost(&pinned, sizeof one)) return 2;
    if (aclrtMemcpy(device, sizeof one, one, sizeof one, ACL_MEMCPY_HOST_TO_DEVICE)) return 3;
    if (aclrtMemcpyAsync(pinned, sizeof one, device, sizeof one, ACL_MEMCPY_DEVICE_TO_HOST, stream) || aclrtSynchronizeStream(stream)) return 4;
    memcpy(two, pinned, sizeof two);
    if (memcmp(one, two, sizeof one)) return 5;
    if (aclrtFree(device) || aclrtFreeHost(pinned) || aclrtDestroyStream(stream) || aclrtResetDevice(0) || aclFinalize()) return 6;
    return 0;
}

static void just_copies(void) { exit(copies()); }

static void threads(void)
{
    if (count_threads() != 1) {
        exit(10); // something runs before the first call
    }
    uint32_t devices = 0;
    if (aclrtGetDeviceCount(&devices) || devices == 0) {
        exit(11);
    }
    int first = count_threads();
    if (first > 3) {
        fprintf(stderr, "%d threads after the first call\n", first);
        exit(12);
    }
    int code = copies();
    if (count_threads() > 40) {
        exit(13);
    }
    exit(code);
}

static void limit(rlim_t bytes)
{
    struct rlimit space = { bytes, bytes };
    setrlimit(RLIMIT_AS, &space);
}

static void two_gigabytes(void) { limit(2ull << 30); exit(copies()); }
static void one_gigabyte(void) { limit(1ull << 30); exit(copies()); }

static const char *const variables[][2] = {
    { "UPDRAFT_SOC", "no-such-chip" }, { "UPDRAFT_DEVICES", "-3" }, { "UPDRAFT_DEVICES", "99999999999999" }, { "UPDRAFT_DEVICE_MEMORY", "lots" },
    { "UPDRAFT_DEVICE_MEMORY", "99999999999T" }, { "UPDRAFT_SCHEDULE", "random:" }, { "UPDRAFT_CHECK", "maybe" }, { "UPDRAFT_KERNEL", "avx9" }, { "UPDRAFT_LOG", "9" }, { "UPDRAFT_LOG", "" },
};
static unsigned variable;
static void with_variable(void) { setenv(variables[variable][0], variables[variable][1], 1); exit(copies()); }

static void debug_log(void) { setenv("UPDRAFT_LOG", "debug", 1); exit(copies()); }
static void no_devices(void) { setenv("ASCEND_RT_VISIBLE_DEVICES", "", 1); exit(aclrtSetDevice(0) == 107001 ? 0 : 1); }

static void reopened(void)
{
    for (int turn = 0; turn < 20; turn++) {
        void *library = dlopen("libascendcl.so", RTLD_NOW | RTLD_LOCAL), *same = dlopen("libacl_rt.so", RTLD_NOW | RTLD_GLOBAL);
        if (!library || !same) {
            exit(10);
        }
        aclError (*set)(int32_t) = (aclError (*)(int32_t))dlsym(library, "aclrtSetDevice"), (*reset)(int32_t) = (aclError (*)(int32_t))dlsym(same, "aclrtResetDevice");
        if (!set || !reset || set(0) || reset(0)) {
            exit(11);
        }
        dlclose(library);
        dlclose(same);
    }
    exit(copies());
}

static void closed_while_busy(void)
{
    // Not linked here but loaded: the last dlclose must not take the code away from under the workers.
    void *library = dlopen("libascendcl.so", RTLD_NOW);
    void *device = NULL, *pinned = NULL;
    if (aclrtSetDevice(0) || aclrtMalloc(&device, 64 << 20, ACL_MEM_MALLOC_HUGE_FIRST) || aclrtMallocHost(&pinned, 64 << 20)) {
        exit(10);
    }
    for (int turn = 0; turn < 20; turn++) {
        if (aclrtMemcpyAsync(device, 64 << 20, pinned, 64 << 20, ACL_MEMCPY_HOST_TO_DEVICE, NULL)) {
            exit(11);
        }
    }
    dlclose(library);
    usleep(50000);
    exit(aclrtSynchronizeDevice());
}

// The heap, deep recursion and small stacks are the program's: the first call may come from any thread.
#include <pthread.h>
static void *small_stack(void *nothing) { (void)nothing; return (void *)(intptr_t)copies(); }

static void first_call_on_a_small_stack(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    void *code = (void *)1;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 << 10);
    pthread_create(&thread, &attributes, small_stack, NULL);
    pthread_join(thread, &code);
    exit((int)(intptr_t)code);
}

static void many_short_threads(void)
{
    for (int turn = 0; turn < 300; turn++) {
        pthread_t thread;
        void *code = (void *)1;
        pthread_create(&thread, NULL, small_stack, NULL);
        pthread_join(thread, &code);
        // Only the first may call aclInit without "repeated"; everything else works each time.
        if (turn == 0 && code) {
            exit((int)(intptr_t)code);
        }
    }
    exit(count_threads() > 40);
}

static void works(const char *how, void (*body)(void))
{
    ended end = in_child(body);
    if (!check(end.code == 0 && end.out[0] == 0, how)) {
        printf("# %d, stdout \"%s\", stderr \"%.500s\"\n", end.code, end.out, end.err);
    }
}

int main(void)
{
    works("a copy, and nothing on stdout", just_copies);
    works("no thread before the first call, few after it", threads);
    works("2 GiB of address space", two_gigabytes);
    works("1 GiB of address space", one_gigabyte);
    for (variable = 0; variable < sizeof variables / sizeof variables[0]; variable++) {
        char what[128];
        snprintf(what, sizeof what, "%s=%s", variables[variable][0], variables[variable][1]);
        ended end = in_child(with_variable);
        int says = variables[variable][1][0] == 0 || strstr(end.err, variables[variable][0]) != NULL;
        if (!check(end.code == 0 && end.out[0] == 0 && says, what)) {
            printf("# %d, stdout \"%s\", stderr \"%.500s\"\n", end.code, end.out, end.err);
        }
    }
    works("the debug log keeps off stdout", debug_log);
    works("no visible device", no_devices);
    works("dlopen and dlclose, again and again", reopened);
    works("dlclose while busy", closed_while_busy);
    works("the first call on a small stack", first_call_on_a_small_stack);
    works("many short threads", many_short_threads);
    return failed_checks != 0;
}
