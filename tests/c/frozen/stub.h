// The wrong engine: every copy at once, host functions on the caller's thread, every status complete. Frozen: it is never made better.
#include <acl/acl.h>
#include <stdlib.h>
#include <string.h>

aclError aclInit(const char *path) { (void)path; return 0; }
aclError aclFinalize(void) { return 0; }
const char *aclGetRecentErrMsg(void) { return NULL; }
aclError aclrtSetDevice(int32_t device) { (void)device; return 0; }
aclError aclrtResetDevice(int32_t device) { (void)device; return 0; }
aclError aclrtSynchronizeDevice(void) { return 0; }
aclError aclrtCreateStream(aclrtStream *stream) { *stream = malloc(1); return 0; }
aclError aclrtSynchronizeStream(aclrtStream stream) { (void)stream; return 0; }
aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream, int32_t timeout) { (void)stream, (void)timeout; return 0; }
aclError aclrtStreamQuery(aclrtStream stream, aclrtStreamStatus *status) { (void)stream; *status = ACL_STREAM_STATUS_COMPLETE; return 0; }
aclError aclrtMalloc(void **memory, size_t size, aclrtMemMallocPolicy policy) { (void)policy; *memory = malloc(size); return 0; }
aclError aclrtMallocHost(void **memory, size_t size) { *memory = malloc(size); return 0; }
aclError aclrtMemset(void *memory, size_t room, int32_t value, size_t count) { (void)room; memset(memory, value, count); return 0; }
aclError aclrtMemcpy(void *to, size_t room, const void *from, size_t count, aclrtMemcpyKind kind) { (void)room, (void)kind; memcpy(to, from, count); return 0; }
aclError aclrtMemcpyAsync(void *to, size_t room, const void *from, size_t count, aclrtMemcpyKind kind, aclrtStream stream) { (void)stream; return aclrtMemcpy(to, room, from, count, kind); }
aclError aclrtCreateEventExWithFlag(aclrtEvent *event, uint32_t flag) { (void)flag; *event = malloc(1); return 0; }
aclError aclrtDestroyEvent(aclrtEvent event) { free(event); return 0; }
aclError aclrtRecordEvent(aclrtEvent event, aclrtStream stream) { (void)event, (void)stream; return 0; }
aclError aclrtStreamWaitEvent(aclrtStream stream, aclrtEvent event) { (void)event, (void)stream; return 0; }
aclError aclrtQueryEventStatus(aclrtEvent event, aclrtEventRecordedStatus *status) { (void)event; *status = ACL_EVENT_RECORDED_STATUS_COMPLETE; return 0; }
aclError aclrtLaunchHostFunc(aclrtStream stream, aclrtHostFunc function, void *argument) { (void)stream; function(argument); return 0; }
