/* SPDX-License-Identifier: MIT */
/* histogram - times in buckets of equal relative width, as HdrHistogram has them. */
#include "bench/histogram.h"

#include "core/base/check.h"

static const uint64_t STEPS_MAX =
    ((uint64_t)BENCH_HISTOGRAM_OCTAVE << (BENCH_HISTOGRAM_OCTAVES - 1)) - 1;

/* Steps below one octave's worth have a bucket each; octave k > 0 begins at 64 << (k - 1), and a
   bucket of it is 1 << (k - 1) steps wide. */
static size_t
bucket_of(uint64_t steps)
{
    if (steps < BENCH_HISTOGRAM_OCTAVE)
        return (size_t)steps;
    unsigned high = 63u - (unsigned)__builtin_clzll(steps); /* >= 6, as 64 is 1 << 6 */
    unsigned octave = high - 5;
    return (size_t)octave * BENCH_HISTOGRAM_OCTAVE +
           (size_t)((steps >> (octave - 1)) - BENCH_HISTOGRAM_OCTAVE);
}

/* The middle of a bucket, in seconds. */
static double
middle_of(size_t bucket)
{
    size_t octave = bucket / BENCH_HISTOGRAM_OCTAVE, place = bucket % BENCH_HISTOGRAM_OCTAVE;
    double steps = (double)place + 0.5;
    if (octave > 0)
        steps = ((double)(BENCH_HISTOGRAM_OCTAVE + place) + 0.5) *
                (double)((uint64_t)1 << (octave - 1));
    return steps * BENCH_HISTOGRAM_STEP_NS / 1e9;
}

void
bench_histogram_add(bench_histogram_t *self, double seconds)
{
    FSP_PRE(seconds >= 0);
    double steps = seconds * 1e9 / BENCH_HISTOGRAM_STEP_NS;
    uint64_t whole = steps < (double)STEPS_MAX ? (uint64_t)steps : STEPS_MAX;
    self->bucket[bucket_of(whole)]++;
    self->count++;
    self->sum_s += seconds;
    self->max_s = seconds > self->max_s ? seconds : self->max_s;
}

void
bench_histogram_merge(bench_histogram_t *self, const bench_histogram_t *other)
{
    for (size_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++)
        self->bucket[i] += other->bucket[i];
    self->count += other->count;
    self->sum_s += other->sum_s;
    self->max_s = other->max_s > self->max_s ? other->max_s : self->max_s;
}

double
bench_histogram_quantile(const bench_histogram_t *self, double share)
{
    FSP_PRE(share >= 0 && share <= 1);
    if (share == 1 || self->count == 0)
        return self->max_s;
    double wanted = share * (double)self->count;
    uint64_t seen = 0;
    size_t bucket = 0;
    for (; bucket < BENCH_HISTOGRAM_BUCKETS; bucket++) {
        seen += self->bucket[bucket];
        if (seen > 0 && (double)seen >= wanted)
            break;
    }
    FSP_ASSERT(bucket < BENCH_HISTOGRAM_BUCKETS);
    double middle = middle_of(bucket);
    return middle < self->max_s ? middle : self->max_s;
}

double
bench_histogram_mean(const bench_histogram_t *self)
{
    return self->count > 0 ? self->sum_s / (double)self->count : 0;
}
