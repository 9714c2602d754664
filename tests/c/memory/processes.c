// Two processes of the built library: the same memory by key, by shareable and by fabric handle; a killed exporter; a clean machine.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BYTES = 4 << 20 };

struct offer {
    char key[65], notify[65];
    uint64_t shareable;
    aclrtMemFabricHandle fabric;
};

static void fill(void *memory, int value)
{
    NEED(aclrtMemset(memory, BYTES, value, BYTES));
}

static void *map(aclrtDrvMemHandle handle)
{
    void *address;
    NEED(aclrtReserveMemAddress(&address, BYTES, 0, NULL, 0));
    NEED(aclrtMapMem(address, BYTES, 0, handle, 0));
    return address;
}

static int export_all(void)
{
    NEED(aclrtSetDevice(0));
    struct offer offer;
    memset(&offer, 0, sizeof offer);
    void *memory;
    NEED(aclrtMalloc(&memory, BYTES, ACL_MEM_MALLOC_HUGE_FIRST));
    fill(memory, 1);
    NEED(aclrtIpcMemGetExportKey(memory, BYTES, offer.key, sizeof offer.key, ACL_RT_IPC_MEM_EXPORT_FLAG_DISABLE_PID_VALIDATION));
    aclrtPhysicalMemProp prop;
    memset(&prop, 0, sizeof prop);
    prop.memAttr = ACL_HBM_MEM_HUGE;
    prop.location.type = ACL_MEM_LOCATION_TYPE_DEVICE;
    aclrtDrvMemHandle first, second;
    NEED(aclrtMallocPhysical(&first, BYTES, &prop, 0));
    NEED(aclrtMallocPhysical(&second, BYTES, &prop, 0));
    fill(map(first), 2);
    fill(map(second), 3);
    NEED(aclrtMemExportToShareableHandle(first, ACL_MEM_HANDLE_TYPE_NONE, ACL_RT_VMM_EXPORT_FLAG_DISABLE_PID_VALIDATION, &offer.shareable));
    NEED(aclrtMemExportToShareableHandleV2(second, ACL_RT_VMM_EXPORT_FLAG_DISABLE_PID_VALIDATION, ACL_MEM_SHARE_HANDLE_TYPE_FABRIC, &offer.fabric));
    aclrtNotify notify;
    NEED(aclrtCreateNotify(&notify, 0));
    NEED(aclrtNotifyGetExportKey(notify, offer.notify, sizeof offer.notify, ACL_RT_NOTIFY_EXPORT_FLAG_DISABLE_PID_VALIDATION));
    if (write(STDOUT_FILENO, &offer, sizeof offer) != sizeof offer) {
        return 1;
    }
    // Goes on when the importer has recorded the notify: then its bytes are here.
    NEED(aclrtWaitAndResetNotify(notify, NULL, 60));
    NEED(aclrtSynchronizeDevice());
    char seen;
    NEED(aclrtMemcpy(&seen, 1, (char *)memory + BYTES - 1, 1, ACL_MEMCPY_DEVICE_TO_HOST));
    if (write(STDOUT_FILENO, &seen, 1) != 1) {
        return 1;
    }
    pause();
    return 0;
}

static int first_byte(const void *memory)
{
    unsigned char byte = 0;
    int code = aclrtMemcpy(&byte, 1, (const char *)memory + BYTES - 1, 1, ACL_MEMCPY_DEVICE_TO_HOST);
    return code == 0 ? byte : -code;
}

int main(int count, char **arguments)
{
    if (count > 1) {
        return export_all();
    }
    int ends[2];
    if (pipe(ends) != 0) {
        return 1;
    }
    pid_t exporter = fork();
    if (exporter == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl("/proc/self/exe", arguments[0], "export", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    struct offer offer;
    if (read(ends[0], &offer, sizeof offer) != sizeof offer) {
        return 1;
    }

    NEED(aclrtSetDevice(0));
    void *memory;
    NEED(aclrtIpcMemImportByKey(&memory, offer.key, 0));
    check(first_byte(memory) == 1, "memory by key holds what its owner wrote");
    aclrtDrvMemHandle first, second;
    NEED(aclrtMemImportFromShareableHandle(offer.shareable, 0, &first));
    NEED(aclrtMemImportFromShareableHandleV2(&offer.fabric, ACL_MEM_SHARE_HANDLE_TYPE_FABRIC, 0, &second));
    void *by_handle = map(first), *by_fabric = map(second);
    check(first_byte(by_handle) == 2, "memory by shareable handle");
    check(first_byte(by_fabric) == 3, "memory by fabric handle");

    aclrtNotify notify;
    NEED(aclrtNotifyImportByKey(&notify, offer.notify, 0));
    NEED(aclrtMemsetAsync(memory, BYTES, 9, BYTES, NULL));
    NEED(aclrtRecordNotify(notify, NULL));
    char seen = 0;
    check(read(ends[0], &seen, 1) == 1 && seen == 9, "a notify orders a stream of one process behind a stream of the other");

    // Killed, and not waited for: its process is still in the system's table, as it is when a supervisor is slow.
    NEED(aclrtWaitAndResetNotify(notify, NULL, 0));
    kill(exporter, SIGKILL);
    check(aclrtSynchronizeDevice() == ACL_ERROR_RT_IPC_ERROR, "a wait for the notify of a killed process ends with an error");
    const char *reason = aclGetRecentErrMsg();
    check(reason && strstr(reason, "the process has ended"), "and the message says why");
    waitpid(exporter, NULL, 0);
    check(first_byte(memory) == 9 && first_byte(by_handle) == 2 && first_byte(by_fabric) == 3, "mappings outlive a killed exporter");
    void *again;
    check(aclrtIpcMemImportByKey(&again, offer.key, 0) == ACL_ERROR_RT_PARAM_INVALID, "an import from a killed exporter is refused");
    const char *text = aclGetRecentErrMsg();
    check(text && strstr(text, "is gone"), "and the message says that the exporter is gone");
    NEED(aclrtIpcMemClose(offer.key));
    check(first_byte(memory) == -ACL_ERROR_RT_INVALID_HANDLE, "closed memory is not memory");
    check(system("ls /dev/shm | grep -q updraft") != 0, "nothing is left in /dev/shm");
    NEED(aclrtResetDevice(0));
    return result();
}
