/*
 * acl/error_codes/rt_error_codes.h: the AscendCL interface as Updraft offers it.
 * Printed from the table in interface/ by eng/headers: do not edit.
 *
 * SPDX-License-Identifier: Apache-2.0
 * Updraft is an independent project, not affiliated with the makers of Ascend and CANN.
 */
#ifndef UPDRAFT_ACL_ERROR_CODES_RT_ERROR_CODES_H_
#define UPDRAFT_ACL_ERROR_CODES_RT_ERROR_CODES_H_

#define ACL_RT_SUCCESS 0 /* ok */
#define ACL_ERROR_RT_PARAM_INVALID 107000 /* argument check failed */
#define ACL_ERROR_RT_INVALID_DEVICEID 107001 /* device id out of range */
#define ACL_ERROR_RT_CONTEXT_NULL 107002 /* no current context on this thread */
#define ACL_ERROR_RT_STREAM_CONTEXT 107003 /* stream belongs to another context */
#define ACL_ERROR_RT_MODEL_CONTEXT 107004 /* model belongs to another context */
#define ACL_ERROR_RT_STREAM_MODEL 107005 /* stream is not bound to this model */
#define ACL_ERROR_RT_EVENT_TIMESTAMP_INVALID 107006 /* event has no valid timestamp */
#define ACL_ERROR_RT_EVENT_TIMESTAMP_REVERSAL 107007 /* event timestamps in reverse order */
#define ACL_ERROR_RT_ADDR_UNALIGNED 107008 /* address not aligned */
#define ACL_ERROR_RT_FILE_OPEN 107009 /* cannot open file */
#define ACL_ERROR_RT_FILE_WRITE 107010 /* cannot write file */
#define ACL_ERROR_RT_STREAM_SUBSCRIBE 107011 /* stream not subscribed, or subscribed twice */
#define ACL_ERROR_RT_THREAD_SUBSCRIBE 107012 /* thread not subscribed, or subscribed twice */
#define ACL_ERROR_RT_GROUP_NOT_SET 107013 /* no compute group selected */
#define ACL_ERROR_RT_GROUP_NOT_CREATE 107014 /* compute group does not exist */
#define ACL_ERROR_RT_STREAM_NO_CB_REG 107015 /* callback's stream not registered to a thread */
#define ACL_ERROR_RT_INVALID_MEMORY_TYPE 107016 /* wrong memory kind */
#define ACL_ERROR_RT_INVALID_HANDLE 107017 /* invalid resource handle */
#define ACL_ERROR_RT_INVALID_MALLOC_TYPE 107018 /* wrong allocation kind */
#define ACL_ERROR_RT_WAIT_TIMEOUT 107019 /* wait timed out */
#define ACL_ERROR_RT_TASK_TIMEOUT 107020 /* task ran past its time limit */
#define ACL_ERROR_RT_SYSPARAMOPT_NOT_SET 107021 /* system parameter was never set in this context */
#define ACL_ERROR_RT_DEVICE_TASK_ABORT 107022 /* clash with a running device task abort */
#define ACL_ERROR_RT_STREAM_ABORT 107023 /* stream is being cleared */
#define ACL_ERROR_RT_CAPTURE_DEPENDENCY 107024 /* captured event wait has no matching record */
#define ACL_ERROR_RT_STREAM_UNJOINED 107025 /* forked stream not joined back to the capture origin */
#define ACL_ERROR_RT_MODEL_CAPTURED 107026 /* model is already capturing */
#define ACL_ERROR_RT_STREAM_CAPTURED 107027 /* stream is already capturing */
#define ACL_ERROR_RT_EVENT_CAPTURED 107028 /* event is already part of a capture */
#define ACL_ERROR_RT_STREAM_NOT_CAPTURED 107029 /* stream is not capturing */
#define ACL_ERROR_RT_CAPTURE_MODE_NOT_SUPPORT 107030 /* operation not allowed in this capture mode */
#define ACL_ERROR_RT_STREAM_CAPTURE_IMPLICIT 107031 /* default stream not allowed while capturing */
#define ACL_ERROR_STREAM_CAPTURE_CONFLICT 107032 /* event and stream belong to different captures */
#define ACL_ERROR_STREAM_TASK_GROUP_STATUS 107033 /* task group in a wrong state */
#define ACL_ERROR_STREAM_TASK_GROUP_INTR 107034 /* task group recording interrupted */
#define ACL_ERROR_RT_TASK_ABORT_STOP 107035
#define ACL_ERROR_RT_STREAM_CAPTURE_UNMATCHED 107036 /* capture end without matching begin */
#define ACL_ERROR_RT_MODEL_RUNNING 107037 /* model is running and cannot be destroyed */
#define ACL_ERROR_RT_STREAM_CAPTURE_WRONG_THREAD 107038 /* capture ended on another thread than it began */
#define ACL_ERROR_RT_INSUFFICIENT_INPUT_ARRAY 107039 /* caller's array is too small */
#define ACL_ERROR_RT_MODEL_UPDATE_FAILED 107040 /* model update failed (not captured, running, or bad update) */
#define ACL_ERROR_RT_CAPTURE_MODE_BLOCK_ASYNC 107041 /* capture mode forbids async-to-sync operations */
#define ACL_ERROR_RT_SYMBOL_NOT_FOUND 107042 /* symbol not found */
#define ACL_ERROR_RT_INVALID_SYMBOL 107043 /* symbol invalid */
#define ACL_ERROR_RT_INVALID_DEVICE_FUNCTION 107044 /* kernel symbol invalid */
#define ACL_ERROR_RT_SUB_ACLGRAPH_IS_CAPTURING 107045
#define ACL_ERROR_RT_FEATURE_NOT_SUPPORT 207000 /* feature not supported */
#define ACL_ERROR_RT_MEMORY_ALLOCATION 207001 /* allocation failed */
#define ACL_ERROR_RT_MEMORY_FREE 207002 /* free failed */
#define ACL_ERROR_RT_AICORE_OVER_FLOW 207003 /* arithmetic overflow on AI Core */
#define ACL_ERROR_RT_NO_DEVICE 207004 /* device unavailable */
#define ACL_ERROR_RT_RESOURCE_ALLOC_FAIL 207005 /* resource could not be obtained */
#define ACL_ERROR_RT_NO_PERMISSION 207006 /* permission denied */
#define ACL_ERROR_RT_NO_EVENT_RESOURCE 207007 /* out of events */
#define ACL_ERROR_RT_NO_STREAM_RESOURCE 207008 /* out of streams */
#define ACL_ERROR_RT_NO_NOTIFY_RESOURCE 207009 /* out of notifies */
#define ACL_ERROR_RT_NO_MODEL_RESOURCE 207010 /* out of model resources */
#define ACL_ERROR_RT_NO_CDQ_RESOURCE 207011 /* out of an internal runtime resource */
#define ACL_ERROR_RT_OVER_LIMIT 207012 /* too many queues */
#define ACL_ERROR_RT_QUEUE_EMPTY 207013 /* queue empty */
#define ACL_ERROR_RT_QUEUE_FULL 207014 /* queue full */
#define ACL_ERROR_RT_REPEATED_INIT 207015 /* queue initialised twice */
#define ACL_ERROR_RT_AIVEC_OVER_FLOW 207016
#define ACL_ERROR_RT_OVER_FLOW 207017
#define ACL_ERROR_RT_DEVICE_OOM 207018 /* device memory exhausted */
#define ACL_ERROR_RT_FEATURE_NOT_SUPPORT_UPDATE_OP 207019 /* driver cannot update this op */
#define ACL_ERROR_RT_TIMEOUT 207020
#define ACL_ERROR_RT_LINK_TYPE_NOT_SUPPORTED 207021 /* link type not supported */
#define ACL_ERROR_RT_INTERNAL_ERROR 507000 /* runtime internal error */
#define ACL_ERROR_RT_TS_ERROR 507001 /* device task-scheduler internal error */
#define ACL_ERROR_RT_STREAM_TASK_FULL 507002 /* stream's task queue is full */
#define ACL_ERROR_RT_STREAM_TASK_EMPTY 507003 /* stream's task queue is empty */
#define ACL_ERROR_RT_STREAM_NOT_COMPLETE 507004 /* stream still has unfinished tasks */
#define ACL_ERROR_RT_END_OF_SEQUENCE 507005 /* AI CPU work ended (end of sequence) */
#define ACL_ERROR_RT_EVENT_NOT_COMPLETE 507006 /* event not complete yet */
#define ACL_ERROR_RT_CONTEXT_RELEASE_ERROR 507007 /* context release failed */
#define ACL_ERROR_RT_SOC_VERSION 507008 /* cannot obtain the SoC version */
#define ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT 507009 /* unsupported task kind */
#define ACL_ERROR_RT_LOST_HEARTBEAT 507010 /* scheduler heartbeat lost */
#define ACL_ERROR_RT_MODEL_EXECUTE 507011 /* model run failed */
#define ACL_ERROR_RT_REPORT_TIMEOUT 507012 /* no report from the scheduler in time */
#define ACL_ERROR_RT_SYS_DMA 507013 /* system DMA hardware error */
#define ACL_ERROR_RT_AICORE_TIMEOUT 507014 /* AI Core run timed out */
#define ACL_ERROR_RT_AICORE_EXCEPTION 507015 /* AI Core fault */
#define ACL_ERROR_RT_AICORE_TRAP_EXCEPTION 507016 /* AI Core trap */
#define ACL_ERROR_RT_AICPU_TIMEOUT 507017 /* AI CPU run timed out */
#define ACL_ERROR_RT_AICPU_EXCEPTION 507018 /* AI CPU fault */
#define ACL_ERROR_RT_AICPU_DATADUMP_RSP_ERR 507019 /* AI CPU data dump gave no response */
#define ACL_ERROR_RT_AICPU_MODEL_RSP_ERR 507020 /* AI CPU model run gave no response */
#define ACL_ERROR_RT_PROFILING_ERROR 507021 /* profiling fault */
#define ACL_ERROR_RT_IPC_ERROR 507022 /* inter-process communication fault */
#define ACL_ERROR_RT_MODEL_ABORT_NORMAL 507023 /* model exited */
#define ACL_ERROR_RT_KERNEL_UNREGISTERING 507024 /* kernel is being unregistered */
#define ACL_ERROR_RT_RINGBUFFER_NOT_INIT 507025 /* ring buffer not initialised */
#define ACL_ERROR_RT_RINGBUFFER_NO_DATA 507026 /* ring buffer has no data */
#define ACL_ERROR_RT_KERNEL_LOOKUP 507027 /* kernel not registered in the runtime */
#define ACL_ERROR_RT_KERNEL_DUPLICATE 507028 /* kernel registered twice in the runtime */
#define ACL_ERROR_RT_DEBUG_REGISTER_FAIL 507029 /* debug registration failed */
#define ACL_ERROR_RT_DEBUG_UNREGISTER_FAIL 507030 /* debug deregistration failed */
#define ACL_ERROR_RT_LABEL_CONTEXT 507031 /* label belongs to another context */
#define ACL_ERROR_RT_PROGRAM_USE_OUT 507032 /* too many registered programs */
#define ACL_ERROR_RT_DEV_SETUP_ERROR 507033 /* device start-up failed */
#define ACL_ERROR_RT_VECTOR_CORE_TIMEOUT 507034 /* vector core run timed out */
#define ACL_ERROR_RT_VECTOR_CORE_EXCEPTION 507035 /* vector core fault */
#define ACL_ERROR_RT_VECTOR_CORE_TRAP_EXCEPTION 507036 /* vector core trap */
#define ACL_ERROR_RT_CDQ_BATCH_ABNORMAL 507037 /* internal runtime resource request failed */
#define ACL_ERROR_RT_DIE_MODE_CHANGE_ERROR 507038 /* die mode cannot be changed */
#define ACL_ERROR_RT_DIE_SET_ERROR 507039 /* single-die mode cannot select a die */
#define ACL_ERROR_RT_INVALID_DIEID 507040 /* wrong die id */
#define ACL_ERROR_RT_DIE_MODE_NOT_SET 507041 /* die mode not set */
#define ACL_ERROR_RT_AICORE_TRAP_READ_OVERFLOW 507042 /* AI Core read out of bounds */
#define ACL_ERROR_RT_AICORE_TRAP_WRITE_OVERFLOW 507043 /* AI Core write out of bounds */
#define ACL_ERROR_RT_VECTOR_CORE_TRAP_READ_OVERFLOW 507044 /* vector core read out of bounds */
#define ACL_ERROR_RT_VECTOR_CORE_TRAP_WRITE_OVERFLOW 507045 /* vector core write out of bounds */
#define ACL_ERROR_RT_STREAM_SYNC_TIMEOUT 507046 /* stream sync hit its timeout with work left */
#define ACL_ERROR_RT_EVENT_SYNC_TIMEOUT 507047 /* event sync hit its timeout */
#define ACL_ERROR_RT_FFTS_PLUS_TIMEOUT 507048 /* internal task timed out */
#define ACL_ERROR_RT_FFTS_PLUS_EXCEPTION 507049 /* internal task fault */
#define ACL_ERROR_RT_FFTS_PLUS_TRAP_EXCEPTION 507050 /* internal task trap */
#define ACL_ERROR_RT_SEND_MSG 507051 /* message send failed while enqueueing data */
#define ACL_ERROR_RT_COPY_DATA 507052 /* memory copy failed while enqueueing data */
#define ACL_ERROR_RT_DEVICE_MEM_ERROR 507053 /* uncorrectable device memory error */
#define ACL_ERROR_RT_HBM_MULTI_BIT_ECC_ERROR 507054 /* HBM multi-bit ECC fault */
#define ACL_ERROR_RT_SUSPECT_DEVICE_MEM_ERROR 507055 /* peer device memory probably faulty */
#define ACL_ERROR_RT_LINK_ERROR 507056 /* link between two devices is down */
#define ACL_ERROR_RT_SUSPECT_REMOTE_ERROR 507057 /* peer device fault suspected, or local out-of-bounds access */
#define ACL_ERROR_RT_DRV_INTERNAL_ERROR 507899 /* driver internal error */
#define ACL_ERROR_RT_AICPU_INTERNAL_ERROR 507900 /* AI CPU module internal error */
#define ACL_ERROR_RT_SOCKET_CLOSE 507901 /* host-device channel closed */
#define ACL_ERROR_RT_AICPU_INFO_LOAD_RSP_ERR 507902 /* AI CPU scheduling failed */
#define ACL_ERROR_RT_STREAM_CAPTURE_INVALIDATED 507903 /* capture has become invalid */
#define ACL_ERROR_RT_COMM_OP_RETRY_FAIL 507904 /* collective op retry failed */
#define ACL_ERROR_SNAPSHOT_LOCK_TIMEOUT 507905 /* snapshot process lock timed out */
#define ACL_ERROR_SNAPSHOT_LOCK_FAILED 507906 /* process lock failed */
#define ACL_ERROR_SNAPSHOT_UNLOCK_FAILED 507907 /* process unlock failed */
#define ACL_ERROR_SNAPSHOT_BACKUP_FAILED 507908 /* process backup failed */
#define ACL_ERROR_SNAPSHOT_RESTORE_FAILED 507909 /* process restore failed */
#define ACL_ERROR_HOST_MEMORY_ALREADY_REGISTERED 507910 /* host range already registered */
#define ACL_ERROR_HOST_MEMORY_NOT_REGISTERED 507911 /* host range was never registered */
#define ACL_ERROR_SNAPSHOT_CALLBACK_FAILED 507912 /* a snapshot stage callback failed */
#define ACL_ERROR_SNAPSHOT_REGISTER_CALLBACK_FAILED 507913 /* snapshot callback registration failed */
#define ACL_ERROR_RT_L3_PORT_ERROR 507914 /* L3 port error */
#define ACL_ERROR_RT_CCU_TIMEOUT 507915 /* CCU run timed out */
#define ACL_ERROR_RT_CCU_EXCEPTION 507916 /* CCU fault */

#endif
