/* bench/timing.h - what benches share: seconds of a clock, and medians. */
#pragma once

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

/* CLOCK_MONOTONIC, or a clock of CPU time where the machine is shared. */
static inline double bench_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts x. */
static inline double bench_median(size_t n, double *x)
{
    qsort(x, n, sizeof *x, bench_compare);
    return x[n / 2];
}
