// From C: the location of managed memory travels by value; snapshot functions call back; pages tell the host's rights; read-only mappings.
// env: UPDRAFT_SOC=910b UPDRAFT_DEVICES=2
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "check.h"
#include "process.h"

enum { CHUNK = 2 << 20 };

static aclrtMemManagedLocation at(aclrtMemManagedLocationType type, int id)
{
    aclrtMemManagedLocation location;
    memset(&location, 0, sizeof location);
    location.type = type;
    location.id = id;
    return location;
}

static int ask(aclrtMemManagedRangeAttribute attribute, const void *memory, size_t size)
{
    int value = 12345;
    NEED(aclrtMemManagedGetAttr(attribute, memory, size, &value, sizeof value));
    return value;
}

static void managed(void)
{
    void *memory;
    aclrtStream stream;
    gate held;
    NEED(aclrtMemAllocManaged(&memory, 2 * CHUNK, ACL_RT_MEM_ATTACH_GLOBAL));
    NEED(aclrtCreateStream(&stream));
    OK(aclrtMemManagedAdvise(memory, CHUNK, ACL_MEM_ADVISE_SET_PREFERRED_LOCATION, at(ACL_MEM_LOCATIONTYPE_DEVICE, 1)));
    CHECK(ask(ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION, memory, CHUNK) == 1);
    CHECK(ask(ACL_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE, memory, 2 * CHUNK) == ACL_MEM_LOCATIONTYPE_INVALID);
    RETURNS(ACL_ERROR_RT_INVALID_DEVICEID, aclrtMemManagedAdvise(memory, CHUNK, ACL_MEM_ADVISE_SET_PREFERRED_LOCATION, at(ACL_MEM_LOCATIONTYPE_DEVICE, 2)));
    gate_close(&held, stream);
    OK(aclrtMemManagedPrefetchAsync(memory, CHUNK, at(ACL_MEM_LOCATIONTYPE_DEVICE, 1), 0, stream));
    CHECK(ask(ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, memory, CHUNK) == -2);
    gate_open(&held);
    NEED(aclrtSynchronizeStream(stream));
    CHECK(ask(ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, memory, CHUNK) == 1);
    const void *parts[] = { memory, (char *)memory + CHUNK };
    size_t sizes[] = { CHUNK, CHUNK }, indexes[] = { 0, 1 };
    aclrtMemManagedLocation places[] = { at(ACL_MEM_LOCATIONTYPE_HOST, 0), at(ACL_MEM_LOCATIONTYPE_DEVICE, 0) };
    OK(aclrtMemManagedPrefetchBatchAsync(parts, sizes, 2, places, indexes, 2, 0, stream));
    NEED(aclrtSynchronizeStream(stream));
    aclrtMemManagedRangeAttribute which[] = { ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION_TYPE };
    int location, type;
    void *data[] = { &location, &type };
    size_t room[] = { sizeof location, sizeof type };
    OK(aclrtMemManagedGetAttrs(which, 2, memory, CHUNK, data, room));
    CHECK(location == -1 && type == ACL_MEM_LOCATIONTYPE_HOST);
    CHECK(ask(ACL_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, (char *)memory + CHUNK, CHUNK) == 0);
    NEED(aclrtFree(memory));
    NEED(aclrtDestroyStream(stream));
}

static int calls;

static uint32_t note(int32_t device, void *argument)
{
    calls += device == 0 ? *(int *)argument : 1000;
    return 0;
}

static void snapshots(void)
{
    void *memory;
    char text[] = "before", seen[sizeof text];
    int one = 1;
    aclrtSnapShotBackupArgs backup;
    aclrtSnapShotRestoreArgs restore;
    memset(&backup, 0, sizeof backup);
    memset(&restore, 0, sizeof restore);
    NEED(aclrtMalloc(&memory, 4096, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMemcpy(memory, 4096, text, sizeof text, ACL_MEMCPY_HOST_TO_DEVICE));
    for (int stage = ACL_RT_SNAPSHOT_LOCK_PRE; stage <= ACL_RT_SNAPSHOT_UNLOCK_POST; stage++) {
        OK(aclrtSnapShotCallbackRegister((aclrtSnapShotStage)stage, note, &one));
    }
    OK(aclrtSnapShotProcessLock(getpid(), NULL));
    RETURNS(ACL_ERROR_SNAPSHOT_LOCK_FAILED, aclrtMemset(memory, 4096, 0, 4096));
    OK(aclrtSnapShotProcessBackup(getpid(), &backup));
    OK(aclrtSnapShotProcessRestore(getpid(), &restore));
    OK(aclrtSnapShotProcessUnlock(getpid(), NULL));
    CHECK(calls == 6);
    NEED(aclrtMemcpy(seen, sizeof seen, memory, sizeof seen, ACL_MEMCPY_DEVICE_TO_HOST));
    CHECK(strcmp(seen, "before") == 0);
    OK(aclrtSnapShotCallbackUnregister(ACL_RT_SNAPSHOT_LOCK_PRE, note));
    RETURNS(ACL_ERROR_RT_PARAM_INVALID, aclrtSnapShotCallbackUnregister(ACL_RT_SNAPSHOT_LOCK_PRE, note));
    NEED(aclrtFree(memory));
}

// Memory of the host that the host may read only, and that device 0 may write.
static char *read_only_for_the_host(void)
{
    aclrtPhysicalMemProp prop;
    aclrtMemAccessDesc grants[2];
    aclrtDrvMemHandle handle;
    void *address;
    memset(&prop, 0, sizeof prop);
    memset(grants, 0, sizeof grants);
    prop.memAttr = ACL_MEM_HUGE;
    prop.location.type = ACL_MEM_LOCATION_TYPE_HOST;
    grants[0].location.type = ACL_MEM_LOCATION_TYPE_HOST;
    grants[0].flags = ACL_RT_MEM_ACCESS_FLAGS_READ;
    grants[1].location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
    grants[1].flags = ACL_RT_MEM_ACCESS_FLAGS_READWRITE;
    NEED(aclrtMallocPhysical(&handle, CHUNK, &prop, 0));
    NEED(aclrtReserveMemAddress(&address, CHUNK, 0, NULL, 0));
    NEED(aclrtMemMapNoAccess(address, CHUNK, 0, handle, 0));
    NEED(aclrtMemSetAccess(address, CHUNK, grants, 2));
    return (char *)address;
}

static void writes_what_it_may_only_read(void)
{
    NEED(aclrtSetDevice(0));
    *(volatile char *)read_only_for_the_host() = 1;
}

static void rights(void)
{
    char *address = read_only_for_the_host();
    void *device;
    NEED(aclrtMalloc(&device, 64, ACL_MEM_MALLOC_HUGE_FIRST));
    NEED(aclrtMemset(device, 64, 7, 64));
    OK(aclrtMemcpy(address, 64, device, 64, ACL_MEMCPY_DEVICE_TO_HOST));
    CHECK(address[63] == 7);
    NEED(aclrtFree(device));
    NEED(aclrtUnmapMem(address));
}

int main(void)
{
    // Before any call of the library in this process.
    ended end = in_child(writes_what_it_may_only_read);
    CHECK(end.code == -SIGSEGV);
    NEED(aclrtSetDevice(0));
    managed();
    snapshots();
    rights();
    NEED(aclrtResetDevice(0));
    return result();
}
