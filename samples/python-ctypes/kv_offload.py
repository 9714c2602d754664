#!/usr/bin/env python3
"""KV-cache offload in miniature, with nothing but ctypes: the functions are declared by hand.

A few blocks are copied to the device, swapped out to pinned host memory on one stream, cleared, and brought back in
reversed order on another stream that waits for an event of the first.
"""
import ctypes as c
import sys

LIBRARY = "libascendcl.so"
HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
HUGE_FIRST = 0
BLOCKS, BLOCK = 64, 16 * 1024

try:
    acl = c.CDLL(LIBRARY)
except OSError as error:
    sys.exit(f"{error}\nsource set_env.sh of the installed tree first, or start with: updraft run -- python3 {sys.argv[0]}")

handle, size = c.c_void_p, c.c_size_t


def declare(name, *parameters):
    """A function that returns a code: anything but 0 becomes an exception with the library's own words."""
    function = getattr(acl, name)
    function.argtypes, function.restype = parameters, c.c_int

    def call(*arguments):
        code = function(*arguments)
        if code != 0:
            raise RuntimeError(f"{name} returned {code}: {(recent_error() or b'no message').decode()}")

    return call


recent_error = acl.aclGetRecentErrMsg
recent_error.restype = c.c_char_p
soc_name = acl.aclrtGetSocName
soc_name.restype = c.c_char_p

init = declare("aclInit", c.c_char_p)
finalize = declare("aclFinalize")
set_device = declare("aclrtSetDevice", c.c_int32)
reset_device = declare("aclrtResetDevice", c.c_int32)
create_stream = declare("aclrtCreateStream", c.POINTER(handle))
destroy_stream = declare("aclrtDestroyStream", handle)
synchronize = declare("aclrtSynchronizeStream", handle)
create_event = declare("aclrtCreateEvent", c.POINTER(handle))
destroy_event = declare("aclrtDestroyEvent", handle)
record = declare("aclrtRecordEvent", handle, handle)
wait = declare("aclrtStreamWaitEvent", handle, handle)
malloc = declare("aclrtMalloc", c.POINTER(handle), size, c.c_int)
free = declare("aclrtFree", handle)
malloc_host = declare("aclrtMallocHost", c.POINTER(handle), size)
free_host = declare("aclrtFreeHost", handle)
copy = declare("aclrtMemcpyAsync", handle, size, handle, size, c.c_int, handle)
fill = declare("aclrtMemsetAsync", handle, size, c.c_int32, size, handle)


def made(create, *arguments):
    """Calls a function whose first parameter receives the new object."""
    result = handle()
    create(c.byref(result), *arguments)
    return result


def main():
    init(None)
    set_device(0)
    out, back, left = made(create_stream), made(create_stream), made(create_event)
    host = made(malloc_host, BLOCKS * BLOCK)
    device = made(malloc, BLOCKS * BLOCK, HUGE_FIRST)

    data = bytes((block * 31 + i * 7) & 0xFF for block in range(BLOCKS) for i in range(BLOCK))
    c.memmove(host, data, len(data))
    copy(device, len(data), host, len(data), HOST_TO_DEVICE, out)
    synchronize(out)
    c.memset(host, 0xEE, len(data))  # what comes back must come from the device

    for block in range(BLOCKS):
        at = block * BLOCK
        copy(host.value + at, BLOCK, device.value + at, BLOCK, DEVICE_TO_HOST, out)
    record(left, out)

    wait(back, left)
    fill(device, len(data), 0, len(data), back)
    for block in range(BLOCKS):
        there = (BLOCKS - 1 - block) * BLOCK
        copy(device.value + there, BLOCK, host.value + block * BLOCK, BLOCK, HOST_TO_DEVICE, back)
    copy(host, len(data), device, len(data), DEVICE_TO_HOST, back)
    synchronize(back)

    result = c.string_at(host, len(data))
    expected = b"".join(data[b * BLOCK:(b + 1) * BLOCK] for b in reversed(range(BLOCKS)))
    equal = result == expected
    print(f"{soc_name().decode()}: {BLOCKS} blocks of {BLOCK // 1024} KiB out and back reversed,",
          "every byte is where it belongs" if equal else "the bytes are WRONG")

    free(device)
    free_host(host)
    destroy_event(left)
    destroy_stream(back)
    destroy_stream(out)
    reset_device(0)
    finalize()
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
