/* SPDX-License-Identifier: MIT */
/* test_histogram - quantiles against sorted samples, the edges, merging. */
#include "bench/histogram.h"

#include "core/base/prng.h"
#include "tests/unit/suite.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 20000 };
static bench_histogram_t histogram, other;
static double samples[SAMPLES];

static void
set_up(void)
{
    memset(&histogram, 0, sizeof(histogram));
    memset(&other, 0, sizeof(other));
}

static int
by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* From a microsecond to a minute, each octave as often. */
START_TEST(quantiles_are_within_a_bucket_of_the_sorted_samples)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(7));
    for (size_t i = 0; i < SAMPLES; i++) {
        double octave = (double)fsp_prng_below(&prng, 26000) / 1000;
        samples[i] = 1e-6 * pow(2, octave);
        bench_histogram_add(&histogram, samples[i]);
    }
    qsort(samples, SAMPLES, sizeof(samples[0]), by_size);
    static const double shares[] = {0.001, 0.1, 0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        double wanted = samples[(size_t)ceil(shares[i] * SAMPLES) - 1];
        double got = bench_histogram_quantile(&histogram, shares[i]);
        /* Half a bucket: 1/128 of the time, and half a step where buckets are single steps. */
        ck_assert_double_le(fabs(got - wanted), wanted / 128 + 64e-9 + 1e-12);
    }
    ck_assert_double_eq(bench_histogram_quantile(&histogram, 1), samples[SAMPLES - 1]);
    ck_assert_uint_eq(histogram.count, SAMPLES);
}
END_TEST

START_TEST(an_empty_one_says_zero)
{
    ck_assert_double_eq(bench_histogram_quantile(&histogram, 0.5), 0);
    ck_assert_double_eq(bench_histogram_quantile(&histogram, 1), 0);
    ck_assert_double_eq(bench_histogram_mean(&histogram), 0);
}
END_TEST

START_TEST(one_sample_is_never_exceeded)
{
    bench_histogram_add(&histogram, 0.0123);
    ck_assert_double_le(bench_histogram_quantile(&histogram, 0), 0.0123);
    ck_assert_double_ge(bench_histogram_quantile(&histogram, 0), 0.0123 * 127 / 128);
    ck_assert_double_eq(bench_histogram_quantile(&histogram, 1), 0.0123);
    ck_assert_double_eq(bench_histogram_mean(&histogram), 0.0123);
}
END_TEST

START_TEST(the_edges_have_buckets)
{
    /* No time at all, the borders of the first octaves, the last bucket, and beyond it. */
    static const double steps[] = {0, 1, 63, 64, 127, 128, 255, 256, 8589934591.0, 1e15};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        bench_histogram_add(&histogram, (steps[i] + 0.25) * BENCH_HISTOGRAM_STEP_NS / 1e9);
    ck_assert_uint_eq(histogram.count, 10);
    ck_assert_uint_eq(histogram.bucket[0], 1);
    ck_assert_uint_eq(histogram.bucket[63], 1);
    ck_assert_uint_eq(histogram.bucket[64], 1);
    ck_assert_uint_eq(histogram.bucket[127], 1);
    ck_assert_uint_eq(histogram.bucket[128], 1);
    ck_assert_uint_eq(histogram.bucket[191], 1);
    ck_assert_uint_eq(histogram.bucket[192], 1);
    ck_assert_uint_eq(histogram.bucket[BENCH_HISTOGRAM_BUCKETS - 1], 2);
    ck_assert_double_eq(bench_histogram_quantile(&histogram, 1), (1e15 + 0.25) * 128 / 1e9);
}
END_TEST

START_TEST(merged_ones_are_as_one)
{
    for (int i = 1; i <= 100; i++)
        bench_histogram_add(i % 3 ? &histogram : &other, i * 1e-3);
    bench_histogram_merge(&histogram, &other);
    ck_assert_uint_eq(histogram.count, 100);
    ck_assert_double_eq(bench_histogram_quantile(&histogram, 1), 0.1);
    ck_assert_double_eq_tol(bench_histogram_mean(&histogram), 0.0505, 1e-9);
    ck_assert_double_eq_tol(bench_histogram_quantile(&histogram, 0.5), 0.050, 0.050 / 100);
    ck_assert_double_eq_tol(bench_histogram_quantile(&histogram, 0.99), 0.099, 0.099 / 100);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("histogram");
    TCase *tests = tcase_create("histogram");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, quantiles_are_within_a_bucket_of_the_sorted_samples);
    tcase_add_test(tests, an_empty_one_says_zero);
    tcase_add_test(tests, one_sample_is_never_exceeded);
    tcase_add_test(tests, the_edges_have_buckets);
    tcase_add_test(tests, merged_ones_are_as_one);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
