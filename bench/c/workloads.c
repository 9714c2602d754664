// The workloads (workloads.h) through the C interface of this library.
//
//   workloads [NAME...] [--rounds N] [--json FILE]
#define _GNU_SOURCE
#include "measure.h"
#include "workloads.h"

static const char *const UNDER_TEST_NAME = "updraft";
static char *device, *large_device;
static aclrtStream streams[STREAMS];
static aclrtEvent events[STREAMS];

static void run_stream(const struct workload *workload, struct buffers *buffers)
{
    char *to = is_large(workload) ? large_device : device;
    const char *from = is_large(workload) ? buffers->large_host : buffers->host;
    for (int index = 0; index < workload->count; index++) {
        CHECK(aclrtMemcpyAsync(to + target_of(workload, index), workload->bytes, from + source_of(workload, index), workload->bytes, ACL_MEMCPY_HOST_TO_DEVICE, streams[0]));
    }
    CHECK(aclrtSynchronizeStream(streams[0]));
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
        targets[index] = device + target_of(workload, index);
        sources[index] = buffers->host + source_of(workload, index);
        sizes[index] = workload->bytes;
    }
    CHECK(aclrtMemcpyBatchAsync(targets, sizes, sources, sizes, (size_t)workload->count, &attribute, &first, 1, &failed, streams[0]));
    CHECK(aclrtSynchronizeStream(streams[0]));
}

static void run_copy_and_wait(const struct workload *workload, struct buffers *buffers)
{
    for (int index = 0; index < workload->count; index++) {
        size_t offset = target_of(workload, index);
        CHECK(aclrtMemcpyAsync(device + offset, workload->bytes, buffers->host + offset, workload->bytes, ACL_MEMCPY_HOST_TO_DEVICE, streams[0]));
        CHECK(aclrtSynchronizeStream(streams[0]));
    }
}

static void run_neighbours(const struct workload *workload, struct buffers *buffers)
{
    for (int index = 0; index < workload->count; index++) {
        size_t offset = target_of(workload, index);
        CHECK(aclrtMemcpyAsync(device + offset, workload->bytes, buffers->host + offset, workload->bytes, ACL_MEMCPY_HOST_TO_DEVICE, streams[index % STREAMS]));
        if (ends_turn(index)) {
            for (int each = 0; each < STREAMS; each++) {
                CHECK(aclrtRecordEvent(events[each], streams[each]));
            }
            for (int each = 0; each < STREAMS; each++) {
                CHECK(aclrtStreamWaitEvent(streams[each], events[(each + 1) % STREAMS]));
            }
        }
    }
    CHECK(aclrtSynchronizeDevice());
}

static void read_back(char *to, int is_large, size_t bytes)
{
    CHECK(aclrtMemcpy(to, bytes, is_large ? large_device : device, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
}

int main(int argc, char **argv)
{
    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    struct buffers buffers;
    CHECK(aclrtMallocHost((void **)&buffers.host, ORDINARY));
    CHECK(aclrtMalloc((void **)&device, ORDINARY, ACL_MEM_MALLOC_HUGE_FIRST));
    CHECK(aclrtMallocHost((void **)&buffers.large_host, LARGE));
    CHECK(aclrtMalloc((void **)&large_device, LARGE, ACL_MEM_MALLOC_HUGE_FIRST));
    fill_sources(&buffers);
    CHECK(aclrtMemset(device, ORDINARY, 0, ORDINARY));
    CHECK(aclrtMemset(large_device, LARGE, 0, LARGE));
    for (int index = 0; index < STREAMS; index++) {
        CHECK(aclrtCreateStream(&streams[index]));
        CHECK(aclrtCreateEventExWithFlag(&events[index], ACL_EVENT_SYNC));
    }
    return measure_all(argc, argv, &buffers, 9, 1);
}
