// A clock and medians, for every benchmark.
#ifndef CLOCK_H
#define CLOCK_H

#include <stdlib.h>
#include <time.h>

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
