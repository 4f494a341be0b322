/* SPDX-License-Identifier: MIT */
/* test_arrivals - the schedule of an open loop: a Poisson process, given once, whoever takes. */
#include "bench/arrivals.h"

#include "tests/unit/suite.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

enum { ARRIVALS = 200000, RATE = 1000, THREADS = 8 };
static bench_arrivals_t arrivals, other;
static uint64_t times[ARRIVALS];

static void
set_up(void)
{
    bench_arrivals_init(&arrivals, RATE, fsp_suite_seed(11));
}

/* Mean, deviation and tail of the gaps: within 5 deviations of what 200,000 of them may show. */
START_TEST(gaps_are_exponential)
{
    double sum = 0, squares = 0, above = 0;
    uint64_t before = 0;
    for (size_t i = 0; i < ARRIVALS; i++) {
        uint64_t now = bench_arrivals_take(&arrivals);
        ck_assert_uint_gt(now, before);
        double gap = (double)(now - before) / 1e9 * RATE; /* mean 1 */
        before = now;
        sum += gap;
        squares += gap * gap;
        above += gap > 1;
    }
    double noise = 5 / sqrt(ARRIVALS);
    ck_assert_double_le(fabs(sum / ARRIVALS - 1), noise);
    ck_assert_double_le(fabs(squares / ARRIVALS - 2), noise * sqrt(20)); /* E x^4 - 4 = 20 */
    ck_assert_double_le(fabs(above / ARRIVALS - exp(-1)), noise * 0.49);
}
END_TEST

/* A beat would have none in some tenths of the mean gap and one in others: the counts of equal
   windows of a Poisson process vary as much as they are. */
START_TEST(counts_of_windows_vary_as_their_mean)
{
    enum { WINDOWS = 10000, EACH = 10 };
    static double counts[WINDOWS];
    memset(counts, 0, sizeof(counts));
    uint64_t window_ns = UINT64_C(1000000000) / RATE * EACH, at;
    while ((at = bench_arrivals_take(&arrivals) / window_ns) < WINDOWS)
        counts[at]++;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < WINDOWS; i++) {
        sum += counts[i];
        squares += counts[i] * counts[i];
    }
    double mean = sum / WINDOWS, variance = squares / WINDOWS - mean * mean;
    ck_assert_double_le(fabs(mean - EACH), 5 * sqrt((double)EACH / WINDOWS));
    ck_assert_double_le(fabs(variance / mean - 1), 5 * sqrt(2.0 / WINDOWS));
}
END_TEST

START_TEST(the_seed_alone_decides)
{
    unsigned same = 0;
    bench_arrivals_init(&other, RATE, arrivals.seed);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(bench_arrivals_take(&arrivals), bench_arrivals_take(&other));
    bench_arrivals_init(&arrivals, RATE, 1);
    bench_arrivals_init(&other, RATE, 2);
    for (size_t i = 0; i < 1000; i++)
        same += bench_arrivals_take(&arrivals) == bench_arrivals_take(&other);
    ck_assert_uint_eq(same, 0);
}
END_TEST

/* At the highest rate many gaps are shorter than a clock could tell: times rise all the same. */
START_TEST(times_rise_at_the_highest_rate)
{
    bench_arrivals_init(&arrivals, BENCH_RATE_MAX, 3);
    uint64_t before = 0;
    for (size_t i = 0; i < ARRIVALS; i++) {
        uint64_t now = bench_arrivals_take(&arrivals);
        ck_assert_uint_gt(now, before);
        before = now;
    }
    double mean_ns = (double)before / ARRIVALS;
    ck_assert_double_le(fabs(mean_ns / 1000 - 1), 5 / sqrt(ARRIVALS) + 1e-3);
}
END_TEST

static void *
take_some(void *arg)
{
    uint64_t *own = arg;
    for (size_t i = 0; i < ARRIVALS / THREADS; i++)
        own[i] = bench_arrivals_take(&arrivals);
    return NULL;
}

static int
by_time(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

START_TEST(many_threads_take_each_arrival_once)
{
    pthread_t threads[THREADS];
    bench_arrivals_init(&other, RATE, arrivals.seed);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, take_some, times + i * (ARRIVALS / THREADS)), 0);
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    qsort(times, ARRIVALS, sizeof(times[0]), by_time);
    for (size_t i = 0; i < ARRIVALS; i++)
        ck_assert_uint_eq(times[i], bench_arrivals_take(&other));
}
END_TEST

START_TEST(what_is_left_is_counted)
{
    uint64_t taken = 0, from_ns = 2000000000, until_ns = 5000000000;
    bench_arrivals_init(&other, RATE, arrivals.seed);
    for (size_t i = 0; i < 500; i++)
        (void)bench_arrivals_take(&other); /* before from_ns: they do not count in any case */
    uint64_t left = bench_arrivals_left(&other, from_ns, until_ns);
    for (uint64_t at = 0; (at = bench_arrivals_take(&arrivals)) < until_ns;)
        taken += at >= from_ns;
    ck_assert_uint_eq(left, taken);
    ck_assert_uint_gt(left, 2500);
    ck_assert_uint_eq(bench_arrivals_left(&arrivals, from_ns, until_ns), 0);
    uint64_t next = bench_arrivals_take(&other);
    ck_assert_uint_eq(bench_arrivals_left(&other, 0, next + 1), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("arrivals");
    TCase *tests = tcase_create("arrivals");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, gaps_are_exponential);
    tcase_add_test(tests, counts_of_windows_vary_as_their_mean);
    tcase_add_test(tests, the_seed_alone_decides);
    tcase_add_test(tests, times_rise_at_the_highest_rate);
    tcase_add_test(tests, many_threads_take_each_arrival_once);
    tcase_add_test(tests, what_is_left_is_counted);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
