/* SPDX-License-Identifier: MIT */
/* measure - clocks, and the best time of many runs.  What the files of `limits` share. */
#ifndef FSP_BENCH_MEASURE_H
#define FSP_BENCH_MEASURE_H
#include "bench/figures.h"

double bench_seconds(void);        /* monotonic, the same in all processes */
double bench_cpu_seconds(void);    /* CPU time of this process, all threads */
double bench_thread_seconds(void); /* CPU time of this thread: what others do does not count */

typedef void(bench_work_fn)(void *arg);
/* Least seconds of one call of work, in CPU time of the calling thread, of as many as fit into
   budget_s (by the clock); at least three. */
double bench_best(bench_work_fn *work, void *arg, double budget_s);

/* Sorts, and returns the value that a share (0 <= share < 1) of them do not reach; count > 0. */
double bench_quantile(double *values, size_t count, double share);

/* What a run of `limits` is given. */
typedef struct {
    bench_limits_t *limits; /* where figures go */
    bench_output_t output;
    bool brief;            /* only what terms.c wants */
    double effort;         /* share of the usual time, less is noisier; 0: 1, or 0.5 if brief */
    const char *directory; /* exists; on the disk that is meant */
} bench_measure_t;
/* Each measures its part.  False, with words on standard error: something cannot be measured. */
bool bench_limits_cpu(const bench_measure_t *self);
bool bench_limits_net(const bench_measure_t *self);
bool bench_limits_disk(const bench_measure_t *self);
/* All three: within 25 s, brief within 4. */
bool bench_limits(const bench_measure_t *self);
#endif
