// The workloads that programs are made of, through the C interface, beside what the machine can do without it.
//
//   workloads [NAME...] [--rounds N] [--json FILE]
//
// Each round runs the references and the library one after another, so that both meet the same machine; medians over the rounds are
// compared. The two CPUs of a small machine may or may not share a core complex: the core-to-core round trip is printed beside it all.
#define _GNU_SOURCE
#include <acl/acl.h>

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        aclError code_ = (call);                                                                                       \
        if (code_ != ACL_SUCCESS) {                                                                                    \
            const char *text_ = aclGetRecentErrMsg();                                                                  \
            fprintf(stderr, "%s returned %d\n%s\n", #call, code_, text_ ? text_ : "");                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MAXIMUM_ROUNDS = 64, SMALL = 64, PAGE = 4096, BLOCK = 16384 };
static const size_t LARGE = (size_t)256 << 20;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static double cpu_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int by_value(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

// --- The machine ----------------------------------------------------------------------------------------------------------------

static _Atomic int ball;

static void *play(void *unused)
{
    (void)unused;
    for (int round = 0; round < 20000; round++) {
        while (atomic_load_explicit(&ball, memory_order_acquire) != 1) {
            _mm_pause();
        }
        atomic_store_explicit(&ball, 0, memory_order_release);
    }
    return NULL;
}

/// Nanoseconds for one cache line to another core and back.
static double round_trip_ns(void)
{
    pthread_t other;
    atomic_store(&ball, 0);
    pthread_create(&other, NULL, play, NULL);
    double start = 0;
    for (int round = 0; round < 20000; round++) {
        if (round == 10000) {
            start = now();
        }
        atomic_store_explicit(&ball, 1, memory_order_release);
        while (atomic_load_explicit(&ball, memory_order_acquire) != 0) {
            _mm_pause();
        }
    }
    double end = now();
    pthread_join(other, NULL);
    return (end - start) / 10000 * 1e9;
}

// --- References -----------------------------------------------------------------------------------------------------------------

/// Stores past the cache: what the best single-thread kernel for large copies does.
__attribute__((target("avx2"))) static void copy_past_cache(char *to, const char *from, size_t bytes)
{
    for (size_t offset = 0; offset < bytes; offset += 128) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(from + offset));
        __m256i b = _mm256_loadu_si256((const __m256i *)(from + offset + 32));
        __m256i c = _mm256_loadu_si256((const __m256i *)(from + offset + 64));
        __m256i d = _mm256_loadu_si256((const __m256i *)(from + offset + 96));
        _mm256_stream_si256((__m256i *)(to + offset), a);
        _mm256_stream_si256((__m256i *)(to + offset + 32), b);
        _mm256_stream_si256((__m256i *)(to + offset + 64), c);
        _mm256_stream_si256((__m256i *)(to + offset + 96), d);
    }
    _mm_sfence();
}

struct half {
    char *to;
    const char *from;
    size_t bytes;
    atomic_int state; // 0 empty, 1 to do, 2 ends
};

static struct half handed;

static void *copy_halves(void *unused)
{
    (void)unused;
    while (1) {
        int state;
        while ((state = atomic_load_explicit(&handed.state, memory_order_acquire)) == 0) {
            _mm_pause();
        }
        if (state == 2) {
            return NULL;
        }
        copy_past_cache(handed.to, handed.from, handed.bytes);
        atomic_store_explicit(&handed.state, 0, memory_order_release);
    }
}

/// Two threads, half each; the second one only spins between copies, so the hand-over is as cheap as it can be.
static void copy_parallel(char *to, const char *from, size_t bytes)
{
    size_t half = bytes / 2 & ~(size_t)127;
    handed.to = to + half;
    handed.from = from + half;
    handed.bytes = bytes - half;
    atomic_store_explicit(&handed.state, 1, memory_order_release);
    copy_past_cache(to, from, half);
    while (atomic_load_explicit(&handed.state, memory_order_acquire) != 0) {
        _mm_pause();
    }
}

// --- Workloads ------------------------------------------------------------------------------------------------------------------

struct buffers {
    char *host, *device, *plain;       // pinned, device, ordinary memory with huge pages
    char *large_host, *large_device, *large_plain;
    aclrtStream streams[8];
    aclrtEvent events[8];
};

static char *huge_pages(size_t bytes)
{
    char *memory = mmap(NULL, bytes + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory = (char *)(((uintptr_t)memory + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
    madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 1, bytes);
    return memory;
}

typedef void copy_function(char *to, const char *from, size_t bytes);

static void copy_libc(char *to, const char *from, size_t bytes)
{
    memcpy(to, from, bytes);
    __asm__ volatile("" ::: "memory");
}

struct workload {
    const char *name, *text;
    int count;
    size_t bytes;
    size_t span; // bytes the copies walk through before they begin again
    double goal; // time over that of the memcpy loop, at most
    void (*run)(const struct workload *workload, struct buffers *buffers);
    int has_parallel;
};

static size_t offset_of(const struct workload *workload, int index)
{
    return (size_t)index * workload->bytes % workload->span;
}

/// Scattered sources: a permutation of the blocks, the same every time.
static size_t scattered(const struct workload *workload, int index)
{
    return (size_t)((unsigned)index * 7919u % (unsigned)workload->count) * workload->bytes;
}

static void reference(const struct workload *workload, struct buffers *buffers, copy_function *copy)
{
    int is_large = workload->bytes >= LARGE;
    char *to = is_large ? buffers->large_plain : buffers->plain;
    const char *from = is_large ? buffers->large_host : buffers->host;
    for (int index = 0; index < workload->count; index++) {
        size_t target = offset_of(workload, index), source = workload->bytes == BLOCK ? scattered(workload, index) : target;
        copy(to + target, from + source, workload->bytes);
    }
}

static void run_stream(const struct workload *workload, struct buffers *buffers)
{
    int is_large = workload->bytes >= LARGE;
    char *to = is_large ? buffers->large_device : buffers->device;
    const char *from = is_large ? buffers->large_host : buffers->host;
    for (int index = 0; index < workload->count; index++) {
        size_t target = offset_of(workload, index), source = workload->bytes == BLOCK ? scattered(workload, index) : target;
        CHECK(aclrtMemcpyAsync(to + target, workload->bytes, from + source, workload->bytes, ACL_MEMCPY_HOST_TO_DEVICE, buffers->streams[0]));
    }
    CHECK(aclrtSynchronizeStream(buffers->streams[0]));
}

static void run_batch(const struct workload *workload, struct buffers *buffers)
{
    static void *targets[10000], *sources[10000];
    static size_t sizes[10000];
    aclrtMemcpyBatchAttr attribute;
    memset(&attribute, 0, sizeof attribute);
    attribute.dstLoc.type = ACL_MEM_LOCATION_TYPE_DEVICE;
    attribute.srcLoc.type = ACL_MEM_LOCATION_TYPE_HOST;
    size_t first = 0, failed;
    for (int index = 0; index < workload->count; index++) {
        targets[index] = buffers->device + offset_of(workload, index);
        sources[index] = buffers->host + scattered(workload, index);
        sizes[index] = workload->bytes;
    }
    CHECK(aclrtMemcpyBatchAsync(targets, sizes, sources, sizes, (size_t)workload->count, &attribute, &first, 1, &failed, buffers->streams[0]));
    CHECK(aclrtSynchronizeStream(buffers->streams[0]));
}

static void run_copy_and_wait(const struct workload *workload, struct buffers *buffers)
{
    for (int index = 0; index < workload->count; index++) {
        size_t offset = offset_of(workload, index);
        CHECK(aclrtMemcpyAsync(buffers->device + offset, workload->bytes, buffers->host + offset, workload->bytes, ACL_MEMCPY_HOST_TO_DEVICE, buffers->streams[0]));
        CHECK(aclrtSynchronizeStream(buffers->streams[0]));
    }
}

static void run_neighbours(const struct workload *workload, struct buffers *buffers)
{
    for (int index = 0; index < workload->count; index++) {
        int stream = index % 8;
        size_t offset = offset_of(workload, index);
        CHECK(aclrtMemcpyAsync(buffers->device + offset, workload->bytes, buffers->host + offset, workload->bytes, ACL_MEMCPY_HOST_TO_DEVICE, buffers->streams[stream]));
        if (index % 128 == 127) { // sixteen copies on each of the eight streams
            for (int each = 0; each < 8; each++) {
                CHECK(aclrtRecordEvent(buffers->events[each], buffers->streams[each]));
            }
            for (int each = 0; each < 8; each++) {
                CHECK(aclrtStreamWaitEvent(buffers->streams[each], buffers->events[(each + 1) % 8]));
            }
        }
    }
    CHECK(aclrtSynchronizeDevice());
}

static const struct workload workloads[] = {
    {"W1", "100,000 copies of 64 B, one synchronise", 100000, SMALL, (size_t)64 << 10, 16, run_stream, 0},
    {"W2", "100,000 copies of 4 KB, one synchronise", 100000, PAGE, (size_t)64 << 20, 1.0, run_stream, 0},
    {"W3", "1,000 copies of 1 MB", 1000, (size_t)1 << 20, (size_t)128 << 20, 0.75, run_stream, 1},
    {"W4", "16 copies of 256 MB", 16, (size_t)256 << 20, (size_t)256 << 20, 0.72, run_stream, 1},
    {"W5", "a batch of 10,000 scattered 16 KB blocks", 10000, BLOCK, (size_t)10000 * BLOCK, 0.70, run_batch, 0},
    {"S5", "the same as single copies", 10000, BLOCK, (size_t)10000 * BLOCK, 1.2, run_stream, 0},
    {"W6", "20,000 times: one 4 KB copy, synchronise", 20000, PAGE, (size_t)64 << 10, 6, run_copy_and_wait, 0},
    {"W7", "8 streams, 4 KB copies, events between neighbours", 64000, PAGE, (size_t)64 << 20, 2.2, run_neighbours, 0},
};

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

static void verify(const struct workload *workload, struct buffers *buffers)
{
    int is_large = workload->bytes >= LARGE;
    size_t bytes = workload->count * workload->bytes < workload->span ? workload->count * workload->bytes : workload->span;
    char *from = is_large ? buffers->large_device : buffers->device;
    char *copy = malloc(bytes);
    CHECK(aclrtMemcpy(copy, bytes, from, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
    if (memcmp(copy, is_large ? buffers->large_plain : buffers->plain, bytes) != 0) {
        fprintf(stderr, "%s: the bytes on the device are not those the memcpy loop wrote\n", workload->name);
        exit(1);
    }
    free(copy);
}

static void measure(const struct workload *workload, struct buffers *buffers, int rounds, FILE *json)
{
    double libc[MAXIMUM_ROUNDS], kernel[MAXIMUM_ROUNDS], parallel[MAXIMUM_ROUNDS], ours[MAXIMUM_ROUNDS], cpu[MAXIMUM_ROUNDS], trip[MAXIMUM_ROUNDS], ratio[MAXIMUM_ROUNDS];
    int is_large = workload->bytes >= LARGE;
    memset(is_large ? buffers->large_plain : buffers->plain, 0, workload->span);
    reference(workload, buffers, copy_libc);
    workload->run(workload, buffers);
    verify(workload, buffers);
    for (int round = 0; round < rounds; round++) {
        trip[round] = round_trip_ns();
        double start = now();
        reference(workload, buffers, copy_libc);
        libc[round] = now() - start;
        start = now();
        reference(workload, buffers, copy_past_cache);
        kernel[round] = now() - start;
        if (workload->has_parallel) {
            pthread_t helper;
            pthread_create(&helper, NULL, copy_halves, NULL);
            start = now();
            reference(workload, buffers, copy_parallel);
            parallel[round] = now() - start;
            atomic_store(&handed.state, 2);
            pthread_join(helper, NULL);
            atomic_store(&handed.state, 0);
        }
        double cpu_start = cpu_now();
        start = now();
        workload->run(workload, buffers);
        ours[round] = now() - start;
        cpu[round] = cpu_now() - cpu_start;
        ratio[round] = ours[round] / libc[round];
    }
    verify(workload, buffers);
    double sorted[MAXIMUM_ROUNDS];
    memcpy(sorted, ratio, sizeof sorted);
    double middle = median(sorted, rounds), low = sorted[rounds / 4], high = sorted[rounds * 3 / 4];
    double per = 1e9 / workload->count;
    double libc_ns = median(libc, rounds) * per, kernel_ns = median(kernel, rounds) * per, ours_ns = median(ours, rounds) * per;
    double best = median(parallel, workload->has_parallel ? rounds : 1) * per;
    if (workload->has_parallel && kernel_ns < best) {
        best = kernel_ns;
    }
    double trip_ns = median(trip, rounds), cpu_ns = median(cpu, rounds) * per;
    printf("%-3s %-50s %11.0f %11.0f %8.2f [%.2f-%.2f] %6.2f %8.2f", workload->name, workload->text, libc_ns, ours_ns, middle, low, high, workload->goal, cpu_ns / ours_ns);
    if (workload->has_parallel) {
        printf("   %.2f of the best copy", best / ours_ns);
    }
    printf("   %.0f ns\n", trip_ns);
    fflush(stdout);
    if (json) {
        fprintf(json, "{\"name\":\"%s\",\"text\":\"%s\",\"memcpy_ns\":%.1f,\"kernel_ns\":%.1f,\"parallel_ns\":%.1f,\"updraft_ns\":%.1f,\"ratio\":%.3f,\"ratio_low\":%.3f,\"ratio_high\":%.3f,\"goal\":%.2f,\"cpu_ns\":%.1f,\"round_trip_ns\":%.0f,\"rounds\":%d}\n",
                workload->name, workload->text, libc_ns, kernel_ns, workload->has_parallel ? best : 0.0, ours_ns, middle, low, high, workload->goal, cpu_ns, trip_ns, rounds);
    }
}

int main(int argc, char **argv)
{
    int rounds = 9, named = 0;
    FILE *json = NULL;
    for (int index = 1; index < argc; index++) {
        if (strcmp(argv[index], "--rounds") == 0 && index + 1 < argc) {
            rounds = atoi(argv[++index]);
            rounds = rounds < 1 ? 1 : rounds > MAXIMUM_ROUNDS ? MAXIMUM_ROUNDS : rounds;
        } else if (strcmp(argv[index], "--json") == 0 && index + 1 < argc) {
            json = fopen(argv[++index], "w");
        } else {
            named = 1;
        }
    }
    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    struct buffers buffers;
    size_t bytes = (size_t)10000 * BLOCK;
    CHECK(aclrtMallocHost((void **)&buffers.host, bytes));
    CHECK(aclrtMalloc((void **)&buffers.device, bytes, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK(aclrtMallocHost((void **)&buffers.large_host, LARGE));
    CHECK(aclrtMalloc((void **)&buffers.large_device, LARGE, ACL_MEM_MALLOC_HUGE_FIRST));
    buffers.plain = huge_pages(bytes);
    buffers.large_plain = huge_pages(LARGE);
    for (size_t index = 0; index < bytes; index++) {
        buffers.host[index] = (char)(index * 31 + (index >> 12));
    }
    for (size_t index = 0; index < LARGE; index++) {
        buffers.large_host[index] = (char)(index * 17 + (index >> 20));
    }
    CHECK(aclrtMemset(buffers.device, bytes, 0, bytes));
    CHECK(aclrtMemset(buffers.large_device, LARGE, 0, LARGE));
    for (int index = 0; index < 8; index++) {
        CHECK(aclrtCreateStream(&buffers.streams[index]));
        CHECK(aclrtCreateEventExWithFlag(&buffers.events[index], ACL_EVENT_SYNC));
    }
    printf("%-3s %-50s %11s %11s %8s %13s %6s %8s\n", "", "time per copy in ns", "memcpy", "updraft", "ratio", "[quartiles]", "goal", "cpu/time");
    for (size_t index = 0; index < sizeof workloads / sizeof *workloads; index++) {
        int wanted = !named;
        for (int argument = 1; argument < argc; argument++) {
            wanted |= strcmp(argv[argument], workloads[index].name) == 0;
        }
        if (wanted) {
            measure(&workloads[index], &buffers, workloads[index].bytes >= LARGE && rounds > 5 ? 5 : rounds, json);
        }
    }
    if (json) {
        fclose(json);
    }
    return 0;
}
