// What an asynchronous call costs its caller, on a stream that is busy: all checks on, nothing waited for.
#define _GNU_SOURCE
#include "measure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 101, CALLS = 1000, THREADS = 2, STREAMS = 8 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static aclrtStream streams[STREAMS];
static char *device, *host;

static void wait_at_gate(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void *submit(void *argument)
{
    long thread = (long)argument;
    CHECK(aclrtSetDevice(0));
    for (int index = 0; index < 100000; index++) {
        size_t offset = (size_t)(index % 1000) * 64;
        CHECK(aclrtMemcpyAsync(device + offset, 64, host + offset, 64, ACL_MEMCPY_HOST_TO_DEVICE, streams[(index * THREADS + thread) % STREAMS]));
    }
    return NULL;
}

static double threads_ns(int count)
{
    pthread_t threads[THREADS];
    double start = now_ns();
    for (long index = 0; index < count; index++) {
        pthread_create(&threads[index], NULL, submit, (void *)index);
    }
    for (int index = 0; index < count; index++) {
        pthread_join(threads[index], NULL);
    }
    CHECK(aclrtSynchronizeDevice());
    return (now_ns() - start) / (100000.0 * count);
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
    double one[5], two[5];
    for (int round = 0; round < 5; round++) {
        one[round] = threads_ns(1);
        two[round] = threads_ns(2);
    }
    qsort(one, 5, sizeof *one, by_value);
    qsort(two, 5, sizeof *two, by_value);
    printf("64 B copies on 8 streams, 1 thread          %8.1f ns each\n", one[2]);
    printf("64 B copies on 8 streams, 2 threads         %8.1f ns each   speed-up %.2f   goal at least 1.2\n", two[2], one[2] / two[2]);
    return 0;
}
