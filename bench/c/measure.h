// What every benchmark of the library needs: calls that must succeed, a clock, medians.
#ifndef MEASURE_H
#define MEASURE_H

#include "clock.h"

#include <acl/acl.h>

#include <stdio.h>
#include <stdlib.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        int code_ = (call);                                                                                            \
        if (code_ != ACL_SUCCESS) {                                                                                    \
            const char *text_ = aclGetRecentErrMsg();                                                                  \
            fprintf(stderr, "%s returned %d\n%s\n", #call, code_, text_ ? text_ : "");                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
