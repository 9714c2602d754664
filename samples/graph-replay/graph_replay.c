// The swap-in of a decode step, captured once and replayed every step with other contents.
//
// A serving engine keeps most of its KV cache in pinned host memory. Before each step it copies the blocks that the step needs to
// fixed slots on the device, on two streams, and joins them. The copies are the same every time; only the bytes change. So they are
// captured into a graph once, and a step is a single call. Every step is verified.
#include <acl/acl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 64, BLOCK = 16 * 1024, STEPS = 100 };

#define CHECK(call) do { \
        aclError code_ = (call); \
        if (code_ != ACL_SUCCESS) { \
            const char *why_ = aclGetRecentErrMsg(); \
            fprintf(stderr, "%s returned %d\n%s", #call, (int)code_, why_ ? why_ : ""); \
            exit(1); \
        } \
    } while (0)

// What block `slot` holds in step `step`: any pattern that differs from all others.
static void fill(unsigned char *block, int slot, int step)
{
    for (int index = 0; index < BLOCK; index++) {
        block[index] = (unsigned char)(slot * 7 + step * 13 + index / 64);
    }
}

int main(void)
{
    unsigned char *host, *result, *device, expected[BLOCK];
    aclrtStream compute, transfer;
    aclrtEvent forked, joined;
    aclmdlRI swap_in;

    CHECK(aclInit(NULL));
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtCreateStream(&compute));
    CHECK(aclrtCreateStream(&transfer));
    CHECK(aclrtCreateEventExWithFlag(&forked, ACL_EVENT_SYNC));
    CHECK(aclrtCreateEventExWithFlag(&joined, ACL_EVENT_SYNC));
    CHECK(aclrtMallocHost((void **)&host, (size_t)SLOTS * BLOCK));
    CHECK(aclrtMallocHost((void **)&result, (size_t)SLOTS * BLOCK));
    CHECK(aclrtMalloc((void **)&device, (size_t)SLOTS * BLOCK, ACL_MEM_MALLOC_HUGE_FIRST));

    // Captured once. Waiting for an event of the capture makes the second stream take part; it must be joined back before the end.
    CHECK(aclmdlRICaptureBegin(compute, ACL_MODEL_RI_CAPTURE_MODE_GLOBAL));
    CHECK(aclrtRecordEvent(forked, compute));
    CHECK(aclrtStreamWaitEvent(transfer, forked));
    for (int slot = 0; slot < SLOTS; slot++) {
        size_t offset = (size_t)slot * BLOCK;
        CHECK(aclrtMemcpyAsync(device + offset, BLOCK, host + offset, BLOCK, ACL_MEMCPY_HOST_TO_DEVICE, slot % 2 ? transfer : compute));
    }
    CHECK(aclrtRecordEvent(joined, transfer));
    CHECK(aclrtStreamWaitEvent(compute, joined));
    CHECK(aclmdlRICaptureEnd(compute, &swap_in));

    for (int step = 0; step < STEPS; step++) {
        for (int slot = 0; slot < SLOTS; slot++) {
            fill(host + (size_t)slot * BLOCK, slot, step);
        }
        CHECK(aclmdlRIExecuteAsync(swap_in, compute));
        // In place of the step itself: what the device holds now.
        CHECK(aclrtMemcpyAsync(result, (size_t)SLOTS * BLOCK, device, (size_t)SLOTS * BLOCK, ACL_MEMCPY_DEVICE_TO_HOST, compute));
        CHECK(aclrtSynchronizeStream(compute)); // also: the host blocks may be written again from here on
        for (int slot = 0; slot < SLOTS; slot++) {
            fill(expected, slot, step);
            if (memcmp(result + (size_t)slot * BLOCK, expected, BLOCK) != 0) {
                printf("step %d: slot %d is WRONG\n", step, slot);
                return 1;
            }
        }
    }
    printf("%d steps of %d copies, one call each: every byte is where it belongs\n", STEPS, SLOTS);

    CHECK(aclmdlRIDestroy(swap_in));
    CHECK(aclrtFree(device));
    CHECK(aclrtFreeHost(result));
    CHECK(aclrtFreeHost(host));
    CHECK(aclrtDestroyEvent(joined));
    CHECK(aclrtDestroyEvent(forked));
    CHECK(aclrtDestroyStream(transfer));
    CHECK(aclrtDestroyStream(compute));
    CHECK(aclrtResetDevice(0));
    CHECK(aclFinalize());
    return 0;
}
