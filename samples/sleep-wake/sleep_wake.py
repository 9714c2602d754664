#!/usr/bin/env python3
"""Sleep and wake of a buffer with nothing but ctypes: Python's own memory is registered as pinned, physical memory is
mapped, unmapped and mapped elsewhere, and the bytes survive."""
import ctypes as c
import mmap
import sys

try:
    acl = c.CDLL("libascendcl.so")
except OSError as error:
    sys.exit(f"{error}\nsource set_env.sh of the installed tree first, or start with: updraft run -- python3 {sys.argv[0]}")

acl.aclGetRecentErrMsg.restype = c.c_char_p
size, pointer = c.c_size_t, c.c_void_p
PINNED, MAPPED, HOST_TO_DEVICE, DEVICE_TO_HOST, HBM_HUGE, ON_DEVICE = 0x10000000, 2, 1, 2, 4, 1
BYTES = 4 << 20


class Location(c.Structure):
    _fields_ = [("id", c.c_uint32), ("type", c.c_int32)]


class Physical(c.Structure):
    _fields_ = [("handleType", c.c_int32), ("allocationType", c.c_int32), ("memAttr", c.c_int32), ("location", Location), ("reserve", c.c_uint64)]


class Attributes(c.Structure):
    _fields_ = [("location", Location), ("pageSize", c.c_uint32), ("rsv", c.c_uint32 * 4)]


def call(name, *arguments):
    code = getattr(acl, name)(*arguments)
    if code != 0:
        raise RuntimeError(f"{name} returned {code}: {(acl.aclGetRecentErrMsg() or b'no message').decode()}")


call("aclrtSetDevice", 0)
stream = pointer()
call("aclrtCreateStream", c.byref(stream))

# Python's memory, registered: copies of it are asynchronous from now on.
buffer = mmap.mmap(-1, BYTES)
host = c.addressof(c.c_char.from_buffer(buffer))
call("aclrtHostRegisterV2", pointer(host), c.c_uint64(BYTES), c.c_uint32(PINNED | MAPPED))
attributes, seen = Attributes(), pointer()
call("aclrtPointerGetAttributes", pointer(host + 100), c.byref(attributes))
assert attributes.location.type == 0, "registered memory is host memory"
call("aclrtHostGetDevicePointer", pointer(host), c.byref(seen), c.c_uint32(0))
pattern = bytes(range(256)) * (BYTES // 256)
buffer[:] = pattern

prop = Physical(memAttr=HBM_HUGE, location=Location(0, ON_DEVICE))
handle, here, there = pointer(), pointer(), pointer()
call("aclrtMallocPhysical", c.byref(handle), size(BYTES), c.byref(prop), c.c_uint64(0))
for address in here, there:
    call("aclrtReserveMemAddress", c.byref(address), size(BYTES), size(0), None, c.c_uint64(0))
call("aclrtMapMem", here, size(BYTES), size(0), handle, c.c_uint64(0))
call("aclrtMemcpyAsync", here, size(BYTES), pointer(host), size(BYTES), HOST_TO_DEVICE, stream)
call("aclrtSynchronizeStream", stream)
buffer[:] = bytes(BYTES)

call("aclrtUnmapMem", here)  # asleep
call("aclrtMapMem", there, size(BYTES), size(0), handle, c.c_uint64(0))  # awake, elsewhere
call("aclrtMemcpyAsync", pointer(host), size(BYTES), there, size(BYTES), DEVICE_TO_HOST, stream)
call("aclrtSynchronizeStream", stream)
survived = buffer[:] == pattern

call("aclrtUnmapMem", there)
call("aclrtFreePhysical", handle)
for address in here, there:
    call("aclrtReleaseMemAddress", address)
call("aclrtHostUnregister", pointer(host))
call("aclrtDestroyStream", stream)
call("aclrtResetDevice", 0)
print("every byte survived" if survived else "bytes are WRONG")
sys.exit(0 if survived else 1)
