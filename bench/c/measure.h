// What every benchmark of the library needs: calls that must succeed, a clock, medians.
#ifndef MEASURE_H
#define MEASURE_H

#include <acl/acl.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        int code_ = (call);                                                                                            \
        if (code_ != ACL_SUCCESS) {                                                                                    \
            const char *text_ = aclGetRecentErrMsg();                                                                  \
            fprintf(stderr, "%s returned %d\n%s\n", #call, code_, text_ ? text_ : "");                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static inline double now_us(void)
{
    return now_ns() * 1e-3;
}

static inline int by_value(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

/// Sorts the values.
static inline double median_of(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return values[count / 2];
}

#endif
