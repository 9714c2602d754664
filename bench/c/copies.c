// What the forms of a copy cost beside the plain loop they replace: a batch of small entries, a batch of blocks, rectangles; and the
// order machinery alone: a chain of events through many streams.
#define _GNU_SOURCE
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 15, ENTRIES = 10000, STREAMS = 64, HOPS = 10000 };

static char *device, *host, *plain;
static aclrtStream stream;

static void batch(size_t bytes, const char *text, double overhead_goal, double ratio_goal)
{
    static void *targets[ENTRIES], *sources[ENTRIES];
    static size_t sizes[ENTRIES];
    aclrtMemcpyBatchAttr attribute;
    memset(&attribute, 0, sizeof attribute);
    attribute.dstLoc.type = ACL_MEM_LOCATION_TYPE_DEVICE;
    attribute.srcLoc.type = ACL_MEM_LOCATION_TYPE_HOST;
    size_t first = 0, failed;
    double loop[ROUNDS], ours[ROUNDS], ratio[ROUNDS];
    for (int index = 0; index < ENTRIES; index++) {
        targets[index] = device + (size_t)index * bytes;
        sources[index] = host + (size_t)(index * 7919u % ENTRIES) * bytes;
        sizes[index] = bytes;
    }
    for (int round = -1; round < ROUNDS; round++) {
        int at = round < 0 ? 0 : round;
        double start = now_ns();
        for (int index = 0; index < ENTRIES; index++) {
            memcpy(plain + (size_t)index * bytes, sources[index], bytes);
            __asm__ volatile("" ::: "memory");
        }
        loop[at] = (now_ns() - start) / ENTRIES;
        start = now_ns();
        CHECK(aclrtMemcpyBatchAsync(targets, sizes, sources, sizes, ENTRIES, &attribute, &first, 1, &failed, stream));
        CHECK(aclrtSynchronizeStream(stream));
        ours[at] = (now_ns() - start) / ENTRIES;
        ratio[at] = ours[at] / loop[at];
    }
    double loop_ns = median_of(loop, ROUNDS), ours_ns = median_of(ours, ROUNDS);
    printf("%-44s %9.1f %9.1f   ratio %.2f", text, loop_ns, ours_ns, median_of(ratio, ROUNDS));
    if (overhead_goal > 0) {
        printf("   %.1f ns more each, goal at most %.0f", ours_ns - loop_ns, overhead_goal);
    } else {
        printf("   goal at most %.2f", ratio_goal);
    }
    printf("\n");
}

static void rectangle(size_t width, size_t height, size_t pitch, const char *text)
{
    double loop[ROUNDS], ours[ROUNDS], ratio[ROUNDS];
    for (int round = -1; round < ROUNDS; round++) {
        int at = round < 0 ? 0 : round;
        double start = now_ns();
        for (size_t row = 0; row < height; row++) {
            memcpy(plain + row * pitch, host + row * pitch, width);
            __asm__ volatile("" ::: "memory");
        }
        loop[at] = (now_ns() - start) / (double)height;
        start = now_ns();
        CHECK(aclrtMemcpy2dAsync(device, pitch, host, pitch, width, height, ACL_MEMCPY_HOST_TO_DEVICE, stream));
        CHECK(aclrtSynchronizeStream(stream));
        ours[at] = (now_ns() - start) / (double)height;
        ratio[at] = ours[at] / loop[at];
    }
    printf("%-44s %9.1f %9.1f   ratio %.2f   goal at most 1.20\n", text, median_of(loop, ROUNDS), median_of(ours, ROUNDS), median_of(ratio, ROUNDS));
}

static void chain(void)
{
    aclrtStream streams[STREAMS];
    aclrtEvent events[STREAMS];
    double hop[ROUNDS];
    for (int index = 0; index < STREAMS; index++) {
        CHECK(aclrtCreateStream(&streams[index]));
        CHECK(aclrtCreateEventExWithFlag(&events[index], ACL_EVENT_SYNC));
    }
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int index = 0; index < HOPS; index++) {
            int from = index % STREAMS, to = (index + 1) % STREAMS;
            CHECK(aclrtMemcpyAsync(device + index % 1000 * 64, 64, host, 64, ACL_MEMCPY_HOST_TO_DEVICE, streams[from]));
            CHECK(aclrtRecordEvent(events[from], streams[from]));
            CHECK(aclrtStreamWaitEvent(streams[to], events[from]));
        }
        CHECK(aclrtSynchronizeDevice());
        hop[round] = (now_ns() - start) / HOPS;
    }
    printf("a chain of %d hops over %d streams (copy, record, wait): %.0f ns a hop\n", HOPS, STREAMS, median_of(hop, ROUNDS));
}

int main(void)
{
    size_t bytes = (size_t)ENTRIES * 16384;
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtCreateStream(&stream));
    CHECK(aclrtMalloc((void **)&device, bytes, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK(aclrtMallocHost((void **)&host, bytes));
    CHECK(aclrtMallocHost((void **)&plain, bytes)); // huge pages for the loop too
    memset(host, 1, bytes);
    memset(plain, 2, bytes);
    CHECK(aclrtMemset(device, bytes, 3, bytes));
    printf("%-44s %9s %9s   ns for each entry or row\n", "", "memcpy", "updraft");
    batch(64, "batch of 10,000 entries of 64 B", 15, 0);
    batch(4096, "batch of 10,000 blocks of 4 KB", 0, 1.15);
    batch(16384, "batch of 10,000 blocks of 16 KB", 0, 1.15);
    rectangle(256, 16384, 4096, "16,384 rows of 256 B, pitch 4 KB");
    rectangle(4096, 8192, 8192, "8,192 rows of 4 KB, pitch 8 KB");
    rectangle(65536, 1024, 131072, "1,024 rows of 64 KB, pitch 128 KB");
    chain();
    return 0;
}
