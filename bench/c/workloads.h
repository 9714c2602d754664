// The workloads that programs are made of: shapes, references and the measuring, shared by the library's program (workloads.c) and
// by those of its peers (peer_*.c), so that all move the same bytes in the same order and print the same columns.
//
// A program defines UNDER_TEST and the functions declared under "What a program brings" and calls measure_all.
//
// Each round runs the references and the program under test one after another, so that both meet the same machine; medians over the
// rounds are compared. The two CPUs of a small machine may or may not share a core complex: the core-to-core round trip is printed
// beside it all.
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include "clock.h"

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

enum { MAXIMUM_ROUNDS = 64, SMALL = 64, PAGE = 4096, BLOCK = 16384, STREAMS = 8 };
static const size_t LARGE = (size_t)256 << 20, ORDINARY = (size_t)10000 * BLOCK;

static double now(void)
{
    return now_ns() * 1e-9;
}

static double cpu_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
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
    size_t offset = 0;
    for (; offset + 128 <= bytes; offset += 128) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(from + offset));
        __m256i b = _mm256_loadu_si256((const __m256i *)(from + offset + 32));
        __m256i c = _mm256_loadu_si256((const __m256i *)(from + offset + 64));
        __m256i d = _mm256_loadu_si256((const __m256i *)(from + offset + 96));
        _mm256_stream_si256((__m256i *)(to + offset), a);
        _mm256_stream_si256((__m256i *)(to + offset + 32), b);
        _mm256_stream_si256((__m256i *)(to + offset + 64), c);
        _mm256_stream_si256((__m256i *)(to + offset + 96), d);
    }
    memcpy(to + offset, from + offset, bytes - offset);
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

static void copy_libc(char *to, const char *from, size_t bytes)
{
    memcpy(to, from, bytes);
    __asm__ volatile("" ::: "memory");
}

static char *huge_pages(size_t bytes)
{
    char *memory = mmap(NULL, bytes + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    memory = (char *)(((uintptr_t)memory + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
    madvise(memory, bytes, MADV_HUGEPAGE);
    memset(memory, 1, bytes);
    return memory;
}

// --- Workloads ------------------------------------------------------------------------------------------------------------------

enum shape { STREAM, BATCH, COPY_AND_WAIT, NEIGHBOURS };

struct workload {
    const char *name, *text;
    int count;
    size_t bytes;
    size_t span; // bytes the copies walk through before they begin again
    double goal; // time over that of the memcpy loop, at most
    enum shape shape;
};

static const struct workload workloads[] = {
    {"W1", "100,000 copies of 64 B, one synchronise", 100000, SMALL, (size_t)64 << 10, 16, STREAM},
    {"W2", "100,000 copies of 4 KB, one synchronise", 100000, PAGE, (size_t)64 << 20, 1.0, STREAM},
    {"W3", "1,000 copies of 1 MB", 1000, (size_t)1 << 20, (size_t)128 << 20, 0.75, STREAM},
    {"W4", "16 copies of 256 MB", 16, (size_t)256 << 20, (size_t)256 << 20, 0.72, STREAM},
    {"W5", "a batch of 10,000 scattered 16 KB blocks", 10000, BLOCK, (size_t)10000 * BLOCK, 0.70, BATCH},
    {"S5", "the same as single copies", 10000, BLOCK, (size_t)10000 * BLOCK, 1.2, STREAM},
    {"W6", "20,000 times: one 4 KB copy, synchronise", 20000, PAGE, (size_t)64 << 10, 6, COPY_AND_WAIT},
    {"W7", "8 streams, 4 KB copies, events between neighbours", 64000, PAGE, (size_t)64 << 20, 2.2, NEIGHBOURS},
};

enum { WORKLOADS = sizeof workloads / sizeof *workloads };

/// Host memory: the sources of all, and the targets of the references. The program under test has targets of its own.
struct buffers {
    char *host, *large_host;   // pinned, or what the peer has for that
    char *plain, *large_plain; // ordinary memory with huge pages
};

// What a program brings. Copies go from the sources to the same offsets of the device buffer of the same size.
static const char *const UNDER_TEST_NAME;
static void run_stream(const struct workload *workload, struct buffers *buffers);
static void run_batch(const struct workload *workload, struct buffers *buffers);
static void run_copy_and_wait(const struct workload *workload, struct buffers *buffers);
static void run_neighbours(const struct workload *workload, struct buffers *buffers);
static void read_back(char *to, int is_large, size_t bytes);

static int is_large(const struct workload *workload) { return workload->bytes >= LARGE; }

static size_t target_of(const struct workload *workload, int index)
{
    return (size_t)index * workload->bytes % workload->span;
}

/// Where copy number index takes its bytes: blocks are scattered by a permutation, the same every time.
static size_t source_of(const struct workload *workload, int index)
{
    return workload->bytes == BLOCK ? (size_t)((unsigned)index * 7919u % (unsigned)workload->count) * workload->bytes : target_of(workload, index);
}

/// Sixteen copies on each of the eight streams, then events between neighbours.
static int ends_turn(int index) { return index % (16 * STREAMS) == 16 * STREAMS - 1; }

static void reference(const struct workload *workload, struct buffers *buffers, void copy(char *to, const char *from, size_t bytes))
{
    char *to = is_large(workload) ? buffers->large_plain : buffers->plain;
    const char *from = is_large(workload) ? buffers->large_host : buffers->host;
    for (int index = 0; index < workload->count; index++) {
        copy(to + target_of(workload, index), from + source_of(workload, index), workload->bytes);
    }
}

static void run(const struct workload *workload, struct buffers *buffers)
{
    switch (workload->shape) {
    case STREAM: run_stream(workload, buffers); break;
    case BATCH: run_batch(workload, buffers); break;
    case COPY_AND_WAIT: run_copy_and_wait(workload, buffers); break;
    case NEIGHBOURS: run_neighbours(workload, buffers); break;
    }
}

static void verify(const struct workload *workload, struct buffers *buffers)
{
    size_t bytes = workload->count * workload->bytes < workload->span ? workload->count * workload->bytes : workload->span;
    char *copy = malloc(bytes);
    read_back(copy, is_large(workload), bytes);
    if (memcmp(copy, is_large(workload) ? buffers->large_plain : buffers->plain, bytes) != 0) {
        fprintf(stderr, "%s: the bytes on the device are not those the memcpy loop wrote\n", workload->name);
        exit(1);
    }
    free(copy);
}

static void fill_sources(struct buffers *buffers)
{
    buffers->plain = huge_pages(ORDINARY);
    buffers->large_plain = huge_pages(LARGE);
    for (size_t index = 0; index < ORDINARY; index++) {
        buffers->host[index] = (char)(index * 31 + (index >> 12));
    }
    for (size_t index = 0; index < LARGE; index++) {
        buffers->large_host[index] = (char)(index * 17 + (index >> 20));
    }
}

static void measure(const struct workload *workload, struct buffers *buffers, int rounds, FILE *json)
{
    double libc[MAXIMUM_ROUNDS], kernel[MAXIMUM_ROUNDS], parallel[MAXIMUM_ROUNDS], ours[MAXIMUM_ROUNDS], cpu[MAXIMUM_ROUNDS], trip[MAXIMUM_ROUNDS], ratio[MAXIMUM_ROUNDS];
    int has_parallel = workload->bytes >= (size_t)1 << 20;
    memset(is_large(workload) ? buffers->large_plain : buffers->plain, 0, workload->span);
    reference(workload, buffers, copy_libc);
    run(workload, buffers);
    verify(workload, buffers);
    for (int round = 0; round < rounds; round++) {
        trip[round] = round_trip_ns();
        double start = now();
        reference(workload, buffers, copy_libc);
        libc[round] = now() - start;
        start = now();
        reference(workload, buffers, copy_past_cache);
        kernel[round] = now() - start;
        parallel[round] = kernel[round];
        if (has_parallel) {
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
        run(workload, buffers);
        ours[round] = now() - start;
        cpu[round] = cpu_now() - cpu_start;
        ratio[round] = ours[round] / libc[round];
    }
    verify(workload, buffers);
    double middle = median_of(ratio, rounds), low = ratio[rounds / 4], high = ratio[rounds * 3 / 4];
    double per = 1e9 / workload->count;
    double libc_ns = median_of(libc, rounds) * per, kernel_ns = median_of(kernel, rounds) * per, ours_ns = median_of(ours, rounds) * per;
    double best = median_of(parallel, rounds) * per;
    best = kernel_ns < best ? kernel_ns : best;
    double trip_ns = median_of(trip, rounds), cpu_ns = median_of(cpu, rounds) * per;
    printf("%-3s %-50s %11.0f %11.0f %8.2f [%.2f-%.2f] %6.2f %8.2f", workload->name, workload->text, libc_ns, ours_ns, middle, low, high, workload->goal, cpu_ns / ours_ns);
    if (has_parallel) {
        printf("   %.2f of the best copy", best / ours_ns);
    }
    printf("   %.0f ns\n", trip_ns);
    fflush(stdout);
    if (json) {
        fprintf(json, "{\"name\":\"%s\",\"text\":\"%s\",\"by\":\"%s\",\"count\":%d,\"bytes\":%zu,\"memcpy_ns\":%.1f,\"kernel_ns\":%.1f,\"parallel_ns\":%.1f,\"ns\":%.1f,\"ratio\":%.3f,\"ratio_low\":%.3f,\"ratio_high\":%.3f,\"goal\":%.2f,\"cpu_ns\":%.1f,\"round_trip_ns\":%.0f,\"rounds\":%d}\n",
                workload->name, workload->text, UNDER_TEST_NAME, workload->count, workload->bytes, libc_ns, kernel_ns, has_parallel ? best : 0.0, ours_ns, middle, low, high, workload->goal, cpu_ns, trip_ns, rounds);
    }
}

/// Measures the workloads that the arguments name (all without names): [NAME…] [--rounds N] [--json FILE]. The copy-and-wait workload
/// is shorter by the given factor: peers take a hundred microseconds for each.
static int measure_all(int argc, char **argv, struct buffers *buffers, int default_rounds, int shorter)
{
    int rounds = default_rounds, named = 0;
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
    printf("%-3s %-50s %11s %11s %8s %13s %6s %8s\n", "", "time per copy in ns", "memcpy", UNDER_TEST_NAME, "ratio", "[quartiles]", "goal", "cpu/time");
    for (int index = 0; index < WORKLOADS; index++) {
        int wanted = !named;
        for (int argument = 1; argument < argc; argument++) {
            wanted |= strcmp(argv[argument], workloads[index].name) == 0;
        }
        if (wanted) {
            struct workload workload = workloads[index];
            char text[80];
            if (workload.shape == COPY_AND_WAIT && shorter > 1) {
                workload.count /= shorter;
                snprintf(text, sizeof text, "%d,000 times: one 4 KB copy, synchronise", workload.count / 1000);
                workload.text = text;
            }
            measure(&workload, buffers, is_large(&workload) && rounds > 5 ? 5 : rounds, json);
        }
    }
    if (json) {
        fclose(json);
    }
    return 0;
}

#endif
