/*
 * acl/error_codes/ge_error_codes.h: the AscendCL interface as Updraft offers it.
 * Printed from the table in interface/ by eng/headers: do not edit.
 *
 * SPDX-License-Identifier: Apache-2.0
 * Updraft is an independent project, not affiliated with the makers of Ascend and CANN.
 */
#ifndef UPDRAFT_ACL_ERROR_CODES_GE_ERROR_CODES_H_
#define UPDRAFT_ACL_ERROR_CODES_GE_ERROR_CODES_H_

#include <stdint.h>

#ifdef __cplusplus
static const uint32_t ACL_ERROR_GE_PARAM_INVALID = 145000; /* argument check failed */
static const uint32_t ACL_ERROR_GE_EXEC_NOT_INIT = 145001; /* not initialised */
static const uint32_t ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID = 145002; /* bad model path */
static const uint32_t ACL_ERROR_GE_EXEC_MODEL_ID_INVALID = 145003; /* unknown model id */
static const uint32_t ACL_ERROR_GE_EXEC_MODEL_DATA_SIZE_INVALID = 145006; /* wrong model size */
static const uint32_t ACL_ERROR_GE_EXEC_MODEL_ADDR_INVALID = 145007; /* bad model memory address */
static const uint32_t ACL_ERROR_GE_EXEC_MODEL_QUEUE_ID_INVALID = 145008; /* unknown queue id */
static const uint32_t ACL_ERROR_GE_EXEC_LOAD_MODEL_REPEATED = 145009; /* initialised or loaded twice */
static const uint32_t ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID = 145011; /* bad dynamic-gear input address */
static const uint32_t ACL_ERROR_GE_DYNAMIC_INPUT_LENGTH_INVALID = 145012; /* bad dynamic-gear input length */
static const uint32_t ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID = 145013; /* bad dynamic batch size */
static const uint32_t ACL_ERROR_GE_AIPP_BATCH_EMPTY = 145014; /* bad AIPP batch size */
static const uint32_t ACL_ERROR_GE_AIPP_NOT_EXIST = 145015; /* no AIPP settings */
static const uint32_t ACL_ERROR_GE_AIPP_MODE_INVALID = 145016; /* bad AIPP mode */
static const uint32_t ACL_ERROR_GE_OP_TASK_TYPE_INVALID = 145017; /* bad task kind */
static const uint32_t ACL_ERROR_GE_OP_KERNEL_TYPE_INVALID = 145018; /* bad kernel kind */
static const uint32_t ACL_ERROR_GE_PLGMGR_PATH_INVALID = 145019; /* bad plug-in library path */
static const uint32_t ACL_ERROR_GE_FORMAT_INVALID = 145020; /* bad tensor format */
static const uint32_t ACL_ERROR_GE_SHAPE_INVALID = 145021; /* bad tensor shape */
static const uint32_t ACL_ERROR_GE_DATATYPE_INVALID = 145022; /* bad data type */
static const uint32_t ACL_ERROR_GE_MEMORY_ALLOCATION = 245000; /* allocation failed */
static const uint32_t ACL_ERROR_GE_MEMORY_OPERATE_FAILED = 245001; /* memory set or copy failed */
static const uint32_t ACL_ERROR_GE_DEVICE_MEMORY_OPERATE_FAILED = 245002; /* device memory request failed */
static const uint32_t ACL_ERROR_GE_SUBHEALTHY = 345102; /* system in degraded state after redeployment */
static const uint32_t ACL_ERROR_GE_USER_RAISE_EXCEPTION = 345103; /* user function raised an error */
static const uint32_t ACL_ERROR_GE_DATA_NOT_ALIGNED = 345104; /* data sets not aligned */
static const uint32_t ACL_ERROR_GE_INTERNAL_ERROR = 545000; /* unknown internal error */
static const uint32_t ACL_ERROR_GE_LOAD_MODEL = 545001; /* model load failed */
static const uint32_t ACL_ERROR_GE_EXEC_LOAD_MODEL_PARTITION_FAILED = 545002; /* model partition load failed */
static const uint32_t ACL_ERROR_GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED = 545003; /* weight partition load failed */
static const uint32_t ACL_ERROR_GE_EXEC_LOAD_TASK_PARTITION_FAILED = 545004; /* task partition load failed */
static const uint32_t ACL_ERROR_GE_EXEC_LOAD_KERNEL_PARTITION_FAILED = 545005; /* kernel partition load failed */
static const uint32_t ACL_ERROR_GE_EXEC_RELEASE_MODEL_DATA = 545006; /* model data release failed */
static const uint32_t ACL_ERROR_GE_COMMAND_HANDLE = 545007; /* command handling failed */
static const uint32_t ACL_ERROR_GE_GET_TENSOR_INFO = 545008; /* tensor data could not be obtained */
static const uint32_t ACL_ERROR_GE_UNLOAD_MODEL = 545009; /* model unload failed */
static const uint32_t ACL_ERROR_GE_MODEL_EXECUTE_TIMEOUT = 545601; /* model run timed out */
static const uint32_t ACL_ERROR_GE_REDEPLOYING = 545602; /* redeployment under way */
#else
enum {
    ACL_ERROR_GE_PARAM_INVALID = 145000,
    ACL_ERROR_GE_EXEC_NOT_INIT = 145001,
    ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID = 145002,
    ACL_ERROR_GE_EXEC_MODEL_ID_INVALID = 145003,
    ACL_ERROR_GE_EXEC_MODEL_DATA_SIZE_INVALID = 145006,
    ACL_ERROR_GE_EXEC_MODEL_ADDR_INVALID = 145007,
    ACL_ERROR_GE_EXEC_MODEL_QUEUE_ID_INVALID = 145008,
    ACL_ERROR_GE_EXEC_LOAD_MODEL_REPEATED = 145009,
    ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID = 145011,
    ACL_ERROR_GE_DYNAMIC_INPUT_LENGTH_INVALID = 145012,
    ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID = 145013,
    ACL_ERROR_GE_AIPP_BATCH_EMPTY = 145014,
    ACL_ERROR_GE_AIPP_NOT_EXIST = 145015,
    ACL_ERROR_GE_AIPP_MODE_INVALID = 145016,
    ACL_ERROR_GE_OP_TASK_TYPE_INVALID = 145017,
    ACL_ERROR_GE_OP_KERNEL_TYPE_INVALID = 145018,
    ACL_ERROR_GE_PLGMGR_PATH_INVALID = 145019,
    ACL_ERROR_GE_FORMAT_INVALID = 145020,
    ACL_ERROR_GE_SHAPE_INVALID = 145021,
    ACL_ERROR_GE_DATATYPE_INVALID = 145022,
    ACL_ERROR_GE_MEMORY_ALLOCATION = 245000,
    ACL_ERROR_GE_MEMORY_OPERATE_FAILED = 245001,
    ACL_ERROR_GE_DEVICE_MEMORY_OPERATE_FAILED = 245002,
    ACL_ERROR_GE_SUBHEALTHY = 345102,
    ACL_ERROR_GE_USER_RAISE_EXCEPTION = 345103,
    ACL_ERROR_GE_DATA_NOT_ALIGNED = 345104,
    ACL_ERROR_GE_INTERNAL_ERROR = 545000,
    ACL_ERROR_GE_LOAD_MODEL = 545001,
    ACL_ERROR_GE_EXEC_LOAD_MODEL_PARTITION_FAILED = 545002,
    ACL_ERROR_GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED = 545003,
    ACL_ERROR_GE_EXEC_LOAD_TASK_PARTITION_FAILED = 545004,
    ACL_ERROR_GE_EXEC_LOAD_KERNEL_PARTITION_FAILED = 545005,
    ACL_ERROR_GE_EXEC_RELEASE_MODEL_DATA = 545006,
    ACL_ERROR_GE_COMMAND_HANDLE = 545007,
    ACL_ERROR_GE_GET_TENSOR_INFO = 545008,
    ACL_ERROR_GE_UNLOAD_MODEL = 545009,
    ACL_ERROR_GE_MODEL_EXECUTE_TIMEOUT = 545601,
    ACL_ERROR_GE_REDEPLOYING = 545602,
};
#endif

#endif
