// What the library costs a process: loading it, the first call, the first copy, memory, threads, and doing nothing.
//
//   startup LIBRARY
//
// A child process per measurement, because only a fresh process loads a library for the first time. The reference is loading and
// calling libm, the cheapest library a program is likely to load.
#define _GNU_SOURCE
#include <acl/acl.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 21 };

struct cost {
    double load_ms, first_call_ms, first_copy_ms, resident_kb, private_kb, idle_cpu_percent, threads_before, threads_after;
};

static double now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

static double status_of(const char *field)
{
    char line[256];
    double value = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, field, strlen(field)) == 0) {
            value = atof(line + strlen(field));
        }
    }
    if (file) {
        fclose(file);
    }
    return value;
}

static double cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-3;
}

#define LOOK_UP(name) __typeof__(&name) call_##name = (__typeof__(&name))dlsym(library, #name)
#define MUST(call) do { int code_ = (call); if (code_ != 0) { fprintf(stderr, "%s returned %d\n", #call, code_); exit(1); } } while (0)

static struct cost measure(const char *path, int with_idle)
{
    struct cost cost;
    memset(&cost, 0, sizeof cost);
    double resident = status_of("VmRSS:"), private = status_of("RssAnon:"), start = now_ms();
    void *library = dlopen(path, RTLD_NOW);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    LOOK_UP(aclInit);
    LOOK_UP(aclrtSetDevice);
    LOOK_UP(aclrtMalloc);
    LOOK_UP(aclrtMallocHost);
    LOOK_UP(aclrtMemcpyAsync);
    LOOK_UP(aclrtSynchronizeStream);
    cost.load_ms = now_ms() - start;
    start = now_ms();
    MUST(call_aclInit(NULL));
    cost.first_call_ms = now_ms() - start;
    cost.resident_kb = status_of("VmRSS:") - resident;
    cost.private_kb = status_of("RssAnon:") - private;
    cost.threads_before = status_of("Threads:");
    start = now_ms();
    void *device, *host;
    MUST(call_aclrtSetDevice(0));
    MUST(call_aclrtMalloc(&device, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
    MUST(call_aclrtMallocHost(&host, 4096));
    MUST(call_aclrtMemcpyAsync(device, 4096, host, 4096, ACL_MEMCPY_HOST_TO_DEVICE, NULL));
    MUST(call_aclrtSynchronizeStream(NULL));
    cost.first_copy_ms = now_ms() - start;
    cost.threads_after = status_of("Threads:");
    if (with_idle) {
        LOOK_UP(aclrtCreateStream);
        for (int index = 0; index < 100; index++) {
            aclrtStream stream;
            MUST(call_aclrtCreateStream(&stream));
            MUST(call_aclrtMemcpyAsync(device, 4096, host, 4096, ACL_MEMCPY_HOST_TO_DEVICE, stream));
            MUST(call_aclrtSynchronizeStream(stream));
        }
        usleep(100000);
        double cpu = cpu_ms();
        start = now_ms();
        sleep(2);
        cost.idle_cpu_percent = (cpu_ms() - cpu) / (now_ms() - start) * 100;
    }
    return cost;
}

static struct cost in_child(const char *path, int with_idle)
{
    struct cost cost;
    int ends[2];
    memset(&cost, 0, sizeof cost);
    if (pipe(ends) != 0) {
        exit(1);
    }
    pid_t child = fork();
    if (child == 0) {
        cost = measure(path, with_idle);
        _exit(write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &cost, sizeof cost) != sizeof cost) {
        fprintf(stderr, "the measuring process failed\n");
        exit(1);
    }
    close(ends[0]);
    waitpid(child, NULL, 0);
    return cost;
}

static double load_libm(void)
{
    int ends[2];
    double ms = 0;
    if (pipe(ends) != 0) {
        exit(1);
    }
    if (fork() == 0) {
        double start = now_ms();
        void *library = dlopen("libm.so.6", RTLD_NOW);
        double (*cosine)(double) = (double (*)(double))dlsym(library, "cos");
        volatile double result = cosine(1);
        (void)result;
        ms = now_ms() - start;
        _exit(write(ends[1], &ms, sizeof ms) == sizeof ms ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &ms, sizeof ms) != sizeof ms) {
        exit(1);
    }
    close(ends[0]);
    wait(NULL);
    return ms;
}

static int by_value(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static void print(const char *what, double *values, double goal, const char *unit)
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    printf("%-40s %9.2f %-4s [%.2f-%.2f]", what, values[ROUNDS / 2], unit, values[ROUNDS / 4], values[ROUNDS * 3 / 4]);
    if (goal > 0) {
        printf("   goal at most %.2f", goal);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 && argv[1][0] != '-' ? argv[1] : "libascendcl.so";
    double start[ROUNDS], copy[ROUNDS], resident[ROUNDS], private[ROUNDS], libm[ROUNDS];
    struct cost cost;
    for (int round = 0; round < ROUNDS; round++) {
        libm[round] = load_libm();
        cost = in_child(path, 0);
        start[round] = cost.load_ms + cost.first_call_ms;
        copy[round] = cost.load_ms + cost.first_call_ms + cost.first_copy_ms;
        resident[round] = cost.resident_kb / 1024;
        private[round] = cost.private_kb / 1024;
    }
    print("load and call libm (reference)", libm, 0, "ms");
    print("load and first call", start, 3, "ms");
    print("load and first copy done", copy, 10, "ms");
    print("memory after the first call, all pages", resident, 0, "MB");
    print("memory after the first call, own pages", private, 4, "MB");
    printf("%-40s %9.0f\n", "threads after the first call", cost.threads_before);
    printf("%-40s %9.0f\n", "threads after the first copy", cost.threads_after);
    cost = in_child(path, 1);
    printf("%-40s %9.3f %%    [2 s]   goal at most 0.02\n", "CPU of an idle process with 100 streams", cost.idle_cpu_percent);
    return 0;
}
