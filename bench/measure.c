/* SPDX-License-Identifier: MIT */
/* measure - clocks, and the best time of many runs. */
#include "bench/measure.h"

#include "core/base/check.h"

#include <stdlib.h>
#include <time.h>

enum { RUNS_MIN = 3 };

static double
seconds_of(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* of a clock that always is */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double
bench_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double
bench_cpu_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double
bench_thread_seconds(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double
bench_best(bench_work_fn *work, void *arg, double budget_s)
{
    double best = 1e30, until = bench_seconds() + budget_s;
    for (int runs = 0; runs < RUNS_MIN || bench_seconds() < until; runs++) {
        double start = bench_thread_seconds();
        work(arg);
        double took = bench_thread_seconds() - start;
        best = took < best ? took : best;
    }
    return best;
}

static int
by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

double
bench_quantile(double *values, size_t count, double share)
{
    FSP_PRE(count > 0);
    FSP_PRE(share >= 0 && share < 1);
    qsort(values, count, sizeof(values[0]), by_size);
    return values[(size_t)(share * (double)count)];
}
