// The workloads (workloads.h) through OpenCL: PoCL on machines without a GPU.
//
//   peer_opencl [NAME...] [--rounds N] [--json FILE]
//
// The mapping: a stream is an in-order queue, an asynchronous copy is a write without blocking from memory that the device allocated
// for the host (CL_MEM_ALLOC_HOST_PTR, mapped), a synchronise is clFinish, an event of a stream is a marker and its wait a barrier.
// OpenCL has no batch: W5 is 10,000 writes and one clFinish.
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include "workloads.h"

#include <CL/cl.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        cl_int code_ = (call);                                                                                         \
        if (code_ != CL_SUCCESS) {                                                                                     \
            fprintf(stderr, "%s returned %d\n", #call, code_);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static const char *const UNDER_TEST_NAME = "opencl";
static cl_command_queue queues[STREAMS];
static cl_mem device, large_device;

static void run_stream(const struct workload *workload, struct buffers *buffers)
{
    cl_mem to = is_large(workload) ? large_device : device;
    const char *from = is_large(workload) ? buffers->large_host : buffers->host;
    for (int index = 0; index < workload->count; index++) {
        CHECK(clEnqueueWriteBuffer(queues[0], to, CL_FALSE, target_of(workload, index), workload->bytes, from + source_of(workload, index), 0, NULL, NULL));
    }
    CHECK(clFinish(queues[0]));
}

static void run_batch(const struct workload *workload, struct buffers *buffers) { run_stream(workload, buffers); }

static void run_copy_and_wait(const struct workload *workload, struct buffers *buffers)
{
    for (int index = 0; index < workload->count; index++) {
        size_t offset = target_of(workload, index);
        CHECK(clEnqueueWriteBuffer(queues[0], device, CL_FALSE, offset, workload->bytes, buffers->host + offset, 0, NULL, NULL));
        CHECK(clFinish(queues[0]));
    }
}

static void run_neighbours(const struct workload *workload, struct buffers *buffers)
{
    for (int index = 0; index < workload->count; index++) {
        size_t offset = target_of(workload, index);
        CHECK(clEnqueueWriteBuffer(queues[index % STREAMS], device, CL_FALSE, offset, workload->bytes, buffers->host + offset, 0, NULL, NULL));
        if (ends_turn(index)) {
            cl_event events[STREAMS];
            for (int each = 0; each < STREAMS; each++) {
                CHECK(clEnqueueMarkerWithWaitList(queues[each], 0, NULL, &events[each]));
                CHECK(clFlush(queues[each])); // an event of another queue must have been flushed before it is waited for
            }
            for (int each = 0; each < STREAMS; each++) {
                CHECK(clEnqueueBarrierWithWaitList(queues[each], 1, &events[(each + 1) % STREAMS], NULL));
            }
            for (int each = 0; each < STREAMS; each++) {
                CHECK(clReleaseEvent(events[each]));
            }
        }
    }
    for (int each = 0; each < STREAMS; each++) {
        CHECK(clFlush(queues[each]));
    }
    for (int each = 0; each < STREAMS; each++) {
        CHECK(clFinish(queues[each]));
    }
}

static void read_back(char *to, int is_large, size_t bytes)
{
    CHECK(clEnqueueReadBuffer(queues[0], is_large ? large_device : device, CL_TRUE, 0, bytes, to, 0, NULL, NULL));
}

static char *pinned(cl_context context, size_t bytes)
{
    cl_int code;
    cl_mem memory = clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &code);
    CHECK(code);
    char *address = clEnqueueMapBuffer(queues[0], memory, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0, NULL, NULL, &code);
    CHECK(code);
    return address;
}

static cl_mem on_device(cl_context context, size_t bytes)
{
    cl_int code;
    char zero = 0;
    cl_mem memory = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    CHECK(code);
    CHECK(clEnqueueFillBuffer(queues[0], memory, &zero, 1, 0, bytes, 0, NULL, NULL));
    CHECK(clFinish(queues[0]));
    return memory;
}

int main(int argc, char **argv)
{
    cl_platform_id platform;
    cl_device_id id;
    cl_int code;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS || clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &id, NULL) != CL_SUCCESS) {
        fprintf(stderr, "there is no OpenCL device here\n");
        return 77;
    }
    char name[128] = "", version[256] = "";
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name, name, NULL);
    clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof version, version, NULL);
    printf("# %s: %s\n", name, version);
    cl_context context = clCreateContext(NULL, 1, &id, NULL, NULL, &code);
    CHECK(code);
    for (int index = 0; index < STREAMS; index++) {
        queues[index] = clCreateCommandQueue(context, id, 0, &code);
        CHECK(code);
    }
    struct buffers buffers;
    buffers.host = pinned(context, ORDINARY);
    buffers.large_host = pinned(context, LARGE);
    device = on_device(context, ORDINARY);
    large_device = on_device(context, LARGE);
    fill_sources(&buffers);
    return measure_all(argc, argv, &buffers, 3, 10);
}
