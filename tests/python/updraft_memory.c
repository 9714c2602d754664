// A C extension of Python over the library: registers the memory of any Python buffer and takes it to physical memory and back.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <acl/acl.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        int code_ = (call);                                                                                            \
        if (code_ != ACL_SUCCESS) {                                                                                    \
            PyErr_Format(PyExc_RuntimeError, "%s returned %d", #call, code_);                                          \
            PyBuffer_Release(&buffer);                                                                                 \
            return NULL;                                                                                               \
        }                                                                                                              \
    } while (0)

/* sleep_and_wake(buffer): its bytes go to the device, the buffer is cleared, the memory is unmapped and mapped elsewhere, the bytes come back. */
static PyObject *sleep_and_wake(PyObject *self, PyObject *arguments)
{
    (void)self;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(arguments, "w*", &buffer)) {
        return NULL;
    }
    aclrtPhysicalMemProp prop;
    memset(&prop, 0, sizeof prop);
    prop.memAttr = ACL_HBM_MEM_HUGE;
    prop.location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
    size_t unit, bytes = (size_t)buffer.len;
    void *here, *there;
    aclrtDrvMemHandle handle;
    aclrtStream stream;
    CHECK(aclrtSetDevice(0));
    CHECK(aclrtCreateStream(&stream));
    CHECK(aclrtHostRegisterV2(buffer.buf, bytes, ACL_HOST_REG_PINNED));
    CHECK(aclrtMemGetAllocationGranularity(&prop, ACL_RT_MEM_ALLOC_GRANULARITY_MINIMUM, &unit));
    size_t mapped = (bytes + unit - 1) / unit * unit;
    CHECK(aclrtMallocPhysical(&handle, mapped, &prop, 0));
    CHECK(aclrtReserveMemAddress(&here, mapped, 0, NULL, 0));
    CHECK(aclrtReserveMemAddress(&there, mapped, 0, NULL, 0));
    CHECK(aclrtMapMem(here, mapped, 0, handle, 0));
    CHECK(aclrtMemcpyAsync(here, mapped, buffer.buf, bytes, ACL_MEMCPY_HOST_TO_DEVICE, stream));
    CHECK(aclrtSynchronizeStream(stream));
    memset(buffer.buf, 0, bytes);
    CHECK(aclrtUnmapMem(here));
    CHECK(aclrtMapMem(there, mapped, 0, handle, 0));
    CHECK(aclrtMemcpyAsync(buffer.buf, bytes, there, bytes, ACL_MEMCPY_DEVICE_TO_HOST, stream));
    CHECK(aclrtSynchronizeStream(stream));
    CHECK(aclrtUnmapMem(there));
    CHECK(aclrtFreePhysical(handle));
    CHECK(aclrtReleaseMemAddress(here));
    CHECK(aclrtReleaseMemAddress(there));
    CHECK(aclrtHostUnregister(buffer.buf));
    CHECK(aclrtDestroyStream(stream));
    CHECK(aclrtResetDevice(0));
    PyBuffer_Release(&buffer);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"sleep_and_wake", sleep_and_wake, METH_VARARGS, "Takes the bytes of a buffer to a device and back."}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "updraft_memory", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_updraft_memory(void)
{
    return PyModule_Create(&module);
}
