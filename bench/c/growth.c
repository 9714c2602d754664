// How cost grows with size: streams, pending commands, allocations. Every column is the cost of one item, so a flat column is linear.
//
//   growth [--json FILE]
//
// Medians of the rounds given with each table; the sizes of a table are run one after another within each round.
#define _GNU_SOURCE
#include "measure.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, SIZES = 4, COLUMNS = 5, MAXIMUM = 1000000 };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static char *device, *host;
static FILE *json;

static double resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return resident * 4096.0;
}

static void wait_at_gate(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

struct table {
    const char *name, *item;
    int sizes[SIZES];
    const char *columns[COLUMNS];
    void (*run)(int size, double *costs);
    int rounds;
};

static void copy_64(int index, aclrtStream stream)
{
    size_t offset = (size_t)(index & 1023) * 64;
    CHECK(aclrtMemcpyAsync(device + offset, 64, host + offset, 64, ACL_MEMCPY_HOST_TO_DEVICE, stream));
}

/// W1's copies, dealt to the streams in turn.
static void streams(int size, double *costs)
{
    aclrtStream *all = malloc(sizeof *all * (size_t)size);
    double start = now_ns();
    for (int index = 0; index < size; index++) {
        CHECK(aclrtCreateStream(&all[index]));
    }
    costs[0] = (now_ns() - start) / size;
    for (int index = 0; index < 2 * size; index++) {
        copy_64(index, all[index % size]); // storage for the queues
    }
    CHECK(aclrtSynchronizeDevice());
    start = now_ns();
    for (int index = 0; index < 100000; index++) {
        copy_64(index, all[index % size]);
    }
    double submitted = now_ns();
    CHECK(aclrtSynchronizeDevice());
    costs[1] = (submitted - start) / 100000;
    costs[2] = (now_ns() - start) / 100000;
    start = now_ns();
    for (int index = 0; index < size; index++) {
        CHECK(aclrtDestroyStream(all[index]));
    }
    costs[3] = (now_ns() - start) / size;
    free(all);
}

/// Commands that wait behind a gate at the head of each of 1,000 streams.
static void pending(int size, double *costs)
{
    enum { STREAMS = 1000 };
    static aclrtStream all[STREAMS];
    for (int index = 0; index < STREAMS; index++) {
        CHECK(aclrtCreateStream(&all[index]));
    }
    double memory = resident_bytes();
    pthread_mutex_lock(&gate);
    // One stream stands at a host function; the others wait for its event, as commands in their queues.
    aclrtEvent opened;
    CHECK(aclrtCreateEventExWithFlag(&opened, ACL_EVENT_SYNC));
    CHECK(aclrtLaunchHostFunc(all[0], wait_at_gate, NULL));
    CHECK(aclrtRecordEvent(opened, all[0]));
    for (int index = 1; index < STREAMS; index++) {
        CHECK(aclrtStreamWaitEvent(all[index], opened));
    }
    double start = now_ns();
    for (int index = 0; index < size; index++) {
        copy_64(index, all[index % STREAMS]);
    }
    costs[0] = (now_ns() - start) / size;
    costs[1] = (resident_bytes() - memory) / size; // of these and of what stands at the gate
    aclrtStreamStatus status;
    start = now_ns();
    for (int index = 0; index < STREAMS; index++) {
        CHECK(aclrtStreamQuery(all[index], &status));
    }
    costs[2] = (now_ns() - start) / STREAMS;
    start = now_ns();
    pthread_mutex_unlock(&gate);
    CHECK(aclrtSynchronizeDevice());
    costs[3] = (now_ns() - start) / size;
    for (int index = 0; index < STREAMS; index++) {
        CHECK(aclrtDestroyStream(all[index]));
    }
    CHECK(aclrtDestroyEvent(opened));
}

/// Allocations of 512 B alive at the same time; freed in a scattered order.
static void allocations(int size, double *costs)
{
    static void *all[MAXIMUM];
    double memory = resident_bytes();
    double start = now_ns();
    for (int index = 0; index < size; index++) {
        CHECK(aclrtMalloc(&all[index], 512, ACL_MEM_MALLOC_NORMAL_ONLY));
    }
    costs[0] = (now_ns() - start) / size;
    costs[1] = (resident_bytes() - memory) / size;
    start = now_ns();
    for (int index = 0; index < 100000; index++) {
        void *found;
        size_t bytes;
        CHECK(aclrtMemGetAddressRange(all[(unsigned)index * 7919u % (unsigned)size], &found, &bytes));
    }
    costs[2] = (now_ns() - start) / 100000;
    for (int pass = 0; pass < 2; pass++) { // the first one touches the pages
        start = now_ns();
        for (int index = 0; index < 100000; index++) {
            CHECK(aclrtMemcpyAsync(all[(unsigned)index * 7919u % (unsigned)size], 64, host, 64, ACL_MEMCPY_HOST_TO_DEVICE, NULL));
        }
        CHECK(aclrtSynchronizeStream(NULL));
        costs[3] = (now_ns() - start) / 100000;
    }
    start = now_ns();
    for (int index = 0; index < size; index++) {
        CHECK(aclrtFree(all[(size_t)((unsigned long long)index * 7919u % (unsigned)size)]));
    }
    costs[4] = (now_ns() - start) / size;
}

static const struct table tables[] = {
    {"100,000 copies of 64 B dealt to streams", "streams", {1, 8, 64, 1000}, {"create ns", "submit ns", "done ns", "destroy ns"}, streams, ROUNDS},
    {"copies of 64 B pending on 1,000 streams", "commands", {1000, 10000, 100000, MAXIMUM}, {"submit ns", "bytes", "query ns", "run ns"}, pending, 3},
    {"allocations of 512 B", "alive", {1000, 10000, 100000, MAXIMUM}, {"allocate ns", "bytes", "look up ns", "copy 64 B ns", "free ns"}, allocations, 3},
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--json") == 0) {
        json = fopen(argv[2], "w");
    }
    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtMalloc((void **)&device, 64 << 10, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK(aclrtMallocHost((void **)&host, 64 << 10));
    memset(host, 1, 64 << 10);
    for (size_t index = 0; index < sizeof tables / sizeof *tables; index++) {
        const struct table *table = &tables[index];
        double costs[SIZES][COLUMNS][ROUNDS] = {0};
        for (int round = 0; round < table->rounds; round++) {
            for (int size = 0; size < SIZES; size++) {
                double run[COLUMNS] = {0};
                table->run(table->sizes[size], run);
                for (int column = 0; column < COLUMNS; column++) {
                    costs[size][column][round] = run[column];
                }
            }
        }
        printf("%s%s, each:\n%10s", index ? "\n" : "", table->name, table->item);
        for (int column = 0; column < COLUMNS && table->columns[column]; column++) {
            printf(" %13s", table->columns[column]);
        }
        printf("\n");
        for (int size = 0; size < SIZES; size++) {
            printf("%10d", table->sizes[size]);
            for (int column = 0; column < COLUMNS && table->columns[column]; column++) {
                qsort(costs[size][column], (size_t)table->rounds, sizeof(double), by_value);
                // Memory is kept for the next round, which needs none: what counts is the round that took it.
                int is_memory = strcmp(table->columns[column], "bytes") == 0;
                double middle = costs[size][column][is_memory ? table->rounds - 1 : table->rounds / 2];
                printf(" %13.1f", middle);
                if (json) {
                    fprintf(json, "{\"table\":\"%s\",\"%s\":%d,\"column\":\"%s\",\"value\":%.1f}\n", table->name, table->item, table->sizes[size], table->columns[column], middle);
                }
            }
            printf("\n");
        }
        fflush(stdout);
    }
    if (json) {
        fclose(json);
    }
    return 0;
}
