/* SPDX-License-Identifier: MIT */
/* histogram - times in buckets of equal relative width, as HdrHistogram has them.
 *
 * Buckets of one octave are 64 of equal width, so a time is known within 1/64 of it (1.6 %; the
 * middle of a bucket is reported: 0.8 %).  Times below 8 us are counted in steps of 128 ns, those
 * above 18 minutes as 18 minutes.  A plain struct without pointers: it may lie in memory that
 * processes share. */
#ifndef FSP_BENCH_HISTOGRAM_H
#define FSP_BENCH_HISTOGRAM_H
#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_HISTOGRAM_STEP_NS = 128,
    BENCH_HISTOGRAM_OCTAVE = 64,  /* buckets an octave */
    BENCH_HISTOGRAM_OCTAVES = 28, /* of which the first counts single steps */
    BENCH_HISTOGRAM_BUCKETS = BENCH_HISTOGRAM_OCTAVE * BENCH_HISTOGRAM_OCTAVES,
};

typedef struct {
    uint64_t count;
    double sum_s, max_s;
    uint32_t bucket[BENCH_HISTOGRAM_BUCKETS];
} bench_histogram_t;

/* A struct of zeros is empty. */
void bench_histogram_add(bench_histogram_t *self, double seconds);
void bench_histogram_merge(bench_histogram_t *self, const bench_histogram_t *other);
/* The least time that a share (0..1) of all do not exceed; the greatest one exactly.  0 if empty.
 */
double bench_histogram_quantile(const bench_histogram_t *self, double share);
double bench_histogram_mean(const bench_histogram_t *self); /* 0 if empty */
#endif
