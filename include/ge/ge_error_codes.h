/*
 * ge/ge_error_codes.h: the AscendCL interface as Updraft offers it.
 * Printed from the table in interface/ by eng/headers: do not edit.
 *
 * SPDX-License-Identifier: Apache-2.0
 * Updraft is an independent project, not affiliated with the makers of Ascend and CANN.
 */
#ifndef UPDRAFT_GE_GE_ERROR_CODES_H_
#define UPDRAFT_GE_GE_ERROR_CODES_H_

#include "../acl/error_codes/ge_error_codes.h"

#endif
