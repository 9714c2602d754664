// What a synchronous stub gets wrong, seen from C. tests/c/frozen runs this program against such a stub and requires that it fails.
#include "check.h"

enum { bytes = 4096 };
static aclrtStream stream, other;
static unsigned char *device, *host, *back;

static void setup(void)
{
    NEED(aclInit(NULL));
    NEED(aclrtSetDevice(0));
    NEED(aclrtCreateStream(&stream));
    NEED(aclrtCreateStream(&other));
    NEED(aclrtMalloc((void **)&device, bytes, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMallocHost((void **)&host, bytes));
    NEED(aclrtMallocHost((void **)&back, bytes));
}

static int device_holds(int value)
{
    static unsigned char copy[bytes];
    NEED(aclrtMemcpy(copy, bytes, device, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
    return is_filled(copy, value, bytes);
}

static int status(aclrtStream of)
{
    aclrtStreamStatus found = ACL_STREAM_STATUS_RESERVED;
    NEED(aclrtStreamQuery(of, &found));
    return found;
}

static void copy_happens_behind_the_gate(void)
{
    gate held;
    NEED(aclrtMemset(device, bytes, 0, bytes));
    memset(host, 7, bytes);
    gate_close(&held, stream);
    NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    check(device_holds(0), "a queued copy has not happened when its call returns");
    check(status(stream) == ACL_STREAM_STATUS_NOT_READY, "a stream with work is not complete");
    gate_open(&held);
    NEED(aclrtSynchronizeStream(stream));
    check(device_holds(7), "it has happened after the synchronise");
    check(status(stream) == ACL_STREAM_STATUS_COMPLETE, "the stream is complete then");
}

static void source_is_read_late(void)
{
    gate held;
    memset(host, 1, bytes);
    gate_close(&held, stream);
    NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    memset(host, 2, bytes);
    gate_open(&held);
    NEED(aclrtSynchronizeStream(stream));
    check(device_holds(2), "pinned memory changed before the copy runs is copied as changed");
}

static void event_orders_two_streams(void)
{
    gate held;
    aclrtEvent event;
    NEED(aclrtCreateEventExWithFlag(&event, ACL_EVENT_SYNC));
    memset(host, 3, bytes);
    memset(back, 0, bytes);
    gate_close(&held, stream);
    NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    NEED(aclrtRecordEvent(event, stream));
    NEED(aclrtStreamWaitEvent(other, event));
    NEED(aclrtMemcpyAsync(back, bytes, device, bytes, ACL_MEMCPY_DEVICE_TO_HOST, other));
    aclrtEventRecordedStatus recorded = ACL_EVENT_RECORDED_STATUS_COMPLETE;
    NEED(aclrtQueryEventStatus(event, &recorded));
    check(recorded == ACL_EVENT_RECORDED_STATUS_NOT_READY, "an event behind the gate is not recorded");
    check(status(other) == ACL_STREAM_STATUS_NOT_READY, "the other stream waits for it");
    check(is_filled(back, 0, bytes), "and has not copied");
    gate_open(&held);
    NEED(aclrtSynchronizeStream(other));
    check(is_filled(back, 3, bytes), "afterwards it has the bytes of the first stream");
    NEED(aclrtQueryEventStatus(event, &recorded));
    check(recorded == ACL_EVENT_RECORDED_STATUS_COMPLETE, "the event is recorded");
    NEED(aclrtDestroyEvent(event));
}

static volatile int order[3], turn;
static void note(void *argument) { order[turn++] = (int)(intptr_t)argument; }

static void host_functions_keep_the_order_of_the_stream(void)
{
    gate held;
    gate_close(&held, stream);
    for (intptr_t number = 1; number <= 3; number++) {
        NEED(aclrtLaunchHostFunc(stream, note, (void *)number));
    }
    check(turn == 0, "host functions behind the gate have not been called");
    gate_open(&held);
    NEED(aclrtSynchronizeStream(stream));
    check(turn == 3 && order[0] == 1 && order[1] == 2 && order[2] == 3, "they are called in order");
}

static void synchronise_gives_up_in_time(void)
{
    gate held;
    gate_close(&held, stream);
    int code = aclrtSynchronizeStreamWithTimeout(stream, 20);
    check(code == 507046, "a synchronise with a limit ends with 507046 while the gate is closed");
    gate_open(&held);
    check(aclrtSynchronizeStreamWithTimeout(stream, 10000) == 0, "and succeeds once it is open");
}

static void streams_run_beside_each_other(void)
{
    gate held;
    NEED(aclrtMemset(device, bytes, 0, bytes));
    memset(host, 9, bytes);
    gate_close(&held, stream);
    NEED(aclrtMemcpyAsync(device, bytes, host, bytes, ACL_MEMCPY_HOST_TO_DEVICE, other));
    NEED(aclrtSynchronizeStream(other));
    check(device_holds(9) && status(stream) == ACL_STREAM_STATUS_NOT_READY, "a held stream does not hold another");
    gate_open(&held);
    NEED(aclrtSynchronizeDevice());
}

int main(int count, char **arguments)
{
    // Against a stub that calls host functions at once, gates need not wait long.
    gate_seconds = count > 1 ? atoi(arguments[1]) : gate_seconds;
    setup();
    copy_happens_behind_the_gate();
    source_is_read_late();
    event_orders_two_streams();
    host_functions_keep_the_order_of_the_stream();
    synchronise_gives_up_in_time();
    streams_run_beside_each_other();
    NEED(aclrtResetDevice(0));
    NEED(aclFinalize());
    return result();
}
