// What a captured graph costs beside the same copies submitted one by one: the caller's time per replay, and the time until all is
// copied. 1,000 copies of 4 KB between pinned host memory and the device. Goals: at most 2 us for the caller, a ratio below 1.
#define _GNU_SOURCE
#include "measure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { COPIES = 1000, BYTES = 4096, ROUNDS = 101, REPLAYS = 200 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static char *device, *host;
static aclrtStream stream, side;
static aclrtEvent forked, joined;

static void wait_at_gate(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

// On one stream, or on two that are forked and joined by events.
static void submit_copies(int streams)
{
    if (streams > 1) {
        CHECK(aclrtRecordEvent(forked, stream));
        CHECK(aclrtStreamWaitEvent(side, forked));
    }
    for (int copy = 0; copy < COPIES; copy++) {
        size_t offset = (size_t)copy * BYTES;
        CHECK(aclrtMemcpyAsync(device + offset, BYTES, host + offset, BYTES, ACL_MEMCPY_HOST_TO_DEVICE, copy % streams ? side : stream));
    }
    if (streams > 1) {
        CHECK(aclrtRecordEvent(joined, side));
        CHECK(aclrtStreamWaitEvent(stream, joined));
    }
}

static void measure(int streams)
{
    static double alone[ROUNDS], replayed[ROUNDS], submitting[ROUNDS], calling[ROUNDS];
    aclmdlRI graph;
    CHECK(aclmdlRICaptureBegin(stream, ACL_MODEL_RI_CAPTURE_MODE_RELAXED));
    submit_copies(streams);
    CHECK(aclmdlRICaptureEnd(stream, &graph));
    for (int round = -10; round < ROUNDS; round++) {
        int slot = round < 0 ? 0 : round;
        double start = now_us();
        submit_copies(streams);
        submitting[slot] = now_us() - start;
        CHECK(aclrtSynchronizeStream(stream));
        alone[slot] = now_us() - start;
        start = now_us();
        CHECK(aclmdlRIExecuteAsync(graph, stream));
        CHECK(aclrtSynchronizeStream(stream));
        replayed[slot] = now_us() - start;
        // The call by itself: behind a gate, so that nothing runs meanwhile.
        pthread_mutex_lock(&gate);
        CHECK(aclrtLaunchHostFunc(stream, wait_at_gate, NULL));
        start = now_us();
        for (int replay = 0; replay < 10; replay++) {
            CHECK(aclmdlRIExecuteAsync(graph, stream));
        }
        calling[slot] = (now_us() - start) / 10;
        pthread_mutex_unlock(&gate);
        CHECK(aclrtSynchronizeStream(stream));
    }
    double start = now_us();
    for (int replay = 0; replay < REPLAYS; replay++) {
        CHECK(aclmdlRIExecuteAsync(graph, stream));
    }
    CHECK(aclrtSynchronizeStream(stream));
    double many = (now_us() - start) / REPLAYS;
    double one = median_of(alone, ROUNDS), graph_us = median_of(replayed, ROUNDS);
    printf("1,000 copies of 4 KB on %d stream%s\n", streams, streams > 1 ? "s" : "");
    printf("  %-54s %10.1f us\n", "one by one: caller", median_of(submitting, ROUNDS));
    printf("  %-54s %10.1f us\n", "one by one: until copied", one);
    printf("  %-54s %10.3f us\n", "replay as a graph: caller (goal: 2)", median_of(calling, ROUNDS));
    printf("  %-54s %10.1f us\n", "replay as a graph: until copied", graph_us);
    printf("  %-54s %10.1f us each\n", "200 replays in a row: until copied", many);
    printf("  %-54s %10.2f\n", "ratio replay / one by one, until copied (goal: below 1)", graph_us / one);
    CHECK(aclmdlRIDestroy(graph));
}

int main(void)
{
    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtCreateStream(&stream));
    CHECK(aclrtCreateStream(&side));
    CHECK(aclrtCreateEventExWithFlag(&forked, ACL_EVENT_SYNC));
    CHECK(aclrtCreateEventExWithFlag(&joined, ACL_EVENT_SYNC));
    CHECK(aclrtMalloc((void **)&device, (size_t)COPIES * BYTES, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK(aclrtMallocHost((void **)&host, (size_t)COPIES * BYTES));
    memset(host, 1, (size_t)COPIES * BYTES);
    measure(1);
    measure(2);
    CHECK(aclrtFree(device));
    CHECK(aclrtFreeHost(host));
    CHECK(aclrtDestroyEvent(forked));
    CHECK(aclrtDestroyEvent(joined));
    CHECK(aclrtDestroyStream(side));
    CHECK(aclrtDestroyStream(stream));
    CHECK(aclrtResetDevice(0));
    CHECK(aclFinalize());
    return 0;
}
