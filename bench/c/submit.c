// What an asynchronous call costs its caller, on a stream that is busy: all checks on, nothing waited for.
#define _GNU_SOURCE
#include "measure.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 101, CALLS = 1000, THREADS = 2, STREAMS = 8, SHARED_CALLS = 100000, SHARED_ROUNDS = 21 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static aclrtStream streams[STREAMS];
static char *device, *host;

static void wait_at_gate(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

struct submitter {
    long number;
    int streams;
    double start;
};

static pthread_barrier_t all_there;

static void *submit(void *argument)
{
    struct submitter *self = argument;
    // A CPU each: new threads begin on one and the same for the first milliseconds, and what that costs is not the library's.
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET((int)self->number, &cpus);
    pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
    CHECK(aclrtSetDevice(0));
    pthread_barrier_wait(&all_there);
    self->start = now_ns();
    for (int index = 0; index < SHARED_CALLS; index++) {
        size_t offset = (size_t)(self->number * 1000 + index % 1000) * 64;
        CHECK(aclrtMemcpyAsync(device + offset, 64, host + offset, 64, ACL_MEMCPY_HOST_TO_DEVICE, streams[(index * THREADS + self->number) % self->streams]));
    }
    return NULL;
}

// From the first submission to the end of the last copy, for each copy.
static double threads_ns(int count, int on_streams)
{
    pthread_t threads[THREADS];
    struct submitter submitters[THREADS];
    pthread_barrier_init(&all_there, NULL, (unsigned)count);
    for (int index = 0; index < count; index++) {
        submitters[index] = (struct submitter){ .number = index, .streams = on_streams };
        pthread_create(&threads[index], NULL, submit, &submitters[index]);
    }
    double start = 0;
    for (int index = 0; index < count; index++) {
        pthread_join(threads[index], NULL);
        start = index == 0 || submitters[index].start < start ? submitters[index].start : start;
    }
    CHECK(aclrtSynchronizeDevice());
    pthread_barrier_destroy(&all_there);
    return (now_ns() - start) / ((double)SHARED_CALLS * count);
}

static void compare_threads(int on_streams, const char *goal)
{
    double one[SHARED_ROUNDS], two[SHARED_ROUNDS], speed_up[SHARED_ROUNDS];
    for (int round = 0; round < SHARED_ROUNDS; round++) {
        one[round] = threads_ns(1, on_streams);
        two[round] = threads_ns(2, on_streams);
        speed_up[round] = one[round] / two[round];
    }
    double middle = median_of(speed_up, SHARED_ROUNDS);
    printf("64 B copies on %d stream%s, 1 thread          %8.1f ns each\n", on_streams, on_streams == 1 ? " " : "s", median_of(one, SHARED_ROUNDS));
    printf("64 B copies on %d stream%s, 2 threads         %8.1f ns each   speed-up %.2f [%.2f-%.2f]%s\n", on_streams, on_streams == 1 ? " " : "s",
           median_of(two, SHARED_ROUNDS), middle, speed_up[SHARED_ROUNDS / 4], speed_up[SHARED_ROUNDS * 3 / 4], goal);
}

int main(void)
{
    double plain[ROUNDS], copy[ROUNDS], idle[ROUNDS], pair[ROUNDS];
    aclrtEvent event;
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtMalloc((void **)&device, 1 << 20, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK(aclrtMallocHost((void **)&host, 1 << 20));
    memset(host, 1, 1 << 20);
    for (int index = 0; index < STREAMS; index++) {
        CHECK(aclrtCreateStream(&streams[index]));
    }
    CHECK(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC));
    static char target[1 << 20];
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int index = 0; index < CALLS; index++) {
            memcpy(target + index * 64, host + index * 64, 64);
            __asm__ volatile("" ::: "memory");
        }
        plain[round] = (now_ns() - start) / CALLS;
        // The stream is kept busy by a host function that waits: what is measured is the caller alone.
        pthread_mutex_lock(&gate);
        CHECK(aclrtLaunchHostFunc(streams[0], wait_at_gate, NULL));
        start = now_ns();
        for (int index = 0; index < CALLS; index++) {
            CHECK(aclrtMemcpyAsync(device + index * 64, 64, host + index * 64, 64, ACL_MEMCPY_HOST_TO_DEVICE, streams[0]));
        }
        copy[round] = (now_ns() - start) / CALLS;
        start = now_ns();
        for (int index = 0; index < 100; index++) {
            CHECK(aclrtRecordEvent(event, streams[0]));
            CHECK(aclrtStreamWaitEvent(streams[1], event));
        }
        pair[round] = (now_ns() - start) / 100;
        pthread_mutex_unlock(&gate);
        CHECK(aclrtSynchronizeDevice());
        start = now_ns();
        for (int index = 0; index < CALLS; index++) {
            CHECK(aclrtSynchronizeStream(streams[0]));
        }
        idle[round] = (now_ns() - start) / CALLS;
    }
    double memcpy_ns = median_of(plain, ROUNDS), copy_ns = median_of(copy, ROUNDS);
    printf("memcpy of 64 B (reference)                  %8.1f ns\n", memcpy_ns);
    printf("aclrtMemcpyAsync of 64 B, busy stream       %8.1f ns   ratio %.1f   goal at most 60 ns\n", copy_ns, copy_ns / memcpy_ns);
    printf("record and wait across two streams          %8.1f ns                goal at most 200 ns\n", median_of(pair, ROUNDS));
    printf("synchronise an idle stream                  %8.1f ns                goal at most 30 ns\n", median_of(idle, ROUNDS));
    if (sysconf(_SC_NPROCESSORS_ONLN) >= THREADS) {
        compare_threads(STREAMS, "   goal at least 1.2");
        compare_threads(1, "");
    }
    return 0;
}
