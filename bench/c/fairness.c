// How long a small copy takes while large ones run: 4 KB on a stream of its own, with nothing before it there, while two other streams
// copy 4 GiB each and a third thread of the program waits for them. The goal is 2 ms; the same copy on a quiet machine is the reference.
//
//   fairness [--json FILE]
#define _GNU_SOURCE
#include "measure.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SAMPLES = 400, LARGE_STREAMS = 2 };
static const size_t BUFFER = (size_t)256 << 20;
static const double GOAL_US = 2000;

static char *large_device[LARGE_STREAMS], *large_host[LARGE_STREAMS], *device, *host;
static aclrtStream large[LARGE_STREAMS], small;
static atomic_int ends, is_waiting;
static FILE *json;

/// Keeps the large copies coming: each stream has 4 GiB queued, sixteen times its buffer.
static void *keep_copying(void *waits)
{
    CHECK(aclrtSetDevice(0));
    while (!atomic_load(&ends)) {
        for (int copy = 0; copy < 16; copy++) {
            for (int stream = 0; stream < LARGE_STREAMS; stream++) {
                CHECK(aclrtMemcpyAsync(large_device[stream], BUFFER, large_host[stream], BUFFER, ACL_MEMCPY_HOST_TO_DEVICE, large[stream]));
            }
        }
        atomic_store(&is_waiting, 1);
        if (waits) {
            CHECK(aclrtSynchronizeStream(large[0])); // this thread helps with the copies
            CHECK(aclrtSynchronizeStream(large[1]));
        }
        for (int stream = 0; stream < LARGE_STREAMS; stream++) {
            aclrtStreamStatus status = ACL_STREAM_STATUS_NOT_READY;
            while (status != ACL_STREAM_STATUS_COMPLETE) {
                CHECK(aclrtStreamQuery(large[stream], &status));
                struct timespec pause = {0, 1000000};
                nanosleep(&pause, NULL); // only refills the queues
            }
        }
        atomic_store(&is_waiting, 0);
    }
    return NULL;
}

/// Copies until they are done, by the two ways a program learns of it.
static void sample(double *synchronised, double *polled)
{
    struct timespec pause = {0, 2000000};
    for (int index = 0; index < SAMPLES; index++) {
        nanosleep(&pause, NULL); // the stream must have been idle
        double start = now_us();
        CHECK(aclrtMemcpyAsync(device, 4096, host, 4096, ACL_MEMCPY_HOST_TO_DEVICE, small));
        CHECK(aclrtSynchronizeStream(small));
        synchronised[index] = now_us() - start;
        nanosleep(&pause, NULL);
        start = now_us();
        CHECK(aclrtMemcpyAsync(device, 4096, host, 4096, ACL_MEMCPY_HOST_TO_DEVICE, small));
        aclrtStreamStatus status = ACL_STREAM_STATUS_NOT_READY;
        while (status != ACL_STREAM_STATUS_COMPLETE) {
            CHECK(aclrtStreamQuery(small, &status));
        }
        polled[index] = now_us() - start;
    }
}

static void print(const char *what, double *values)
{
    int late = 0;
    for (int index = 0; index < SAMPLES; index++) {
        late += values[index] > GOAL_US;
    }
    qsort(values, SAMPLES, sizeof *values, by_value);
    double middle = values[SAMPLES / 2], high = values[SAMPLES * 9 / 10], highest = values[SAMPLES * 99 / 100], last = values[SAMPLES - 1];
    printf("%-54s %9.1f %9.1f %9.1f %9.1f %7d of %d\n", what, middle, high, highest, last, late, SAMPLES);
    fflush(stdout);
    if (json) {
        fprintf(json, "{\"name\":\"%s\",\"median_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"maximum_us\":%.2f,\"over_2_ms\":%d,\"samples\":%d}\n", what, middle, high, highest, last, late, SAMPLES);
    }
}

static void measure(const char *name, int has_large, int waits)
{
    static double synchronised[SAMPLES], polled[SAMPLES];
    pthread_t other;
    atomic_store(&ends, 0);
    if (has_large) {
        pthread_create(&other, NULL, keep_copying, waits ? &ends : NULL);
        struct timespec pause = {0, 1000000};
        while (!atomic_load(&is_waiting)) {
            nanosleep(&pause, NULL);
        }
    }
    sample(synchronised, polled);
    if (has_large) {
        atomic_store(&ends, 1);
        pthread_join(other, NULL);
    }
    char text[128];
    snprintf(text, sizeof text, "%s, synchronised", name);
    print(text, synchronised);
    snprintf(text, sizeof text, "%s, polled", name);
    print(text, polled);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--json") == 0) {
        json = fopen(argv[2], "w");
    }
    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtMalloc((void **)&device, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK(aclrtMallocHost((void **)&host, 4096));
    CHECK(aclrtCreateStream(&small));
    for (int stream = 0; stream < LARGE_STREAMS; stream++) {
        CHECK(aclrtMalloc((void **)&large_device[stream], BUFFER, ACL_MEM_MALLOC_HUGE_FIRST));
        CHECK(aclrtMallocHost((void **)&large_host[stream], BUFFER));
        memset(large_host[stream], 1, BUFFER);
        CHECK(aclrtMemset(large_device[stream], BUFFER, 0, BUFFER));
        CHECK(aclrtCreateStream(&large[stream]));
    }
    printf("%-54s %9s %9s %9s %9s   %s\n", "4 KB copy on an idle stream, microseconds", "median", "p90", "p99", "maximum", "over 2 ms");
    measure("nothing else runs", 0, 0);
    measure("2 x 4 GiB run", 1, 0);
    measure("2 x 4 GiB run and a thread waits for them", 1, 1);
    if (json) {
        fclose(json);
    }
    return 0;
}
