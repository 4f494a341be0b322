/* SPDX-License-Identifier: MIT */
/* test_terms - the limit is one over the larger of CPU by cores and disk, and names what binds. */
#include "bench/terms.h"

#include "tests/unit/suite.h"

#include <math.h>
#include <string.h>

static bench_limits_t limits;
static bench_terms_t terms;

/* A machine of which everything that a brief run measures is known. */
static void
set_up(void)
{
    limits.cores = 2;
    for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++)
        limits.value[i] = NAN;
    limits.value[BENCH_SHA_4K] = 0.7;
    limits.value[BENCH_SHA_1M] = 0.6;
    limits.value[BENCH_GCM_4K] = 0.3;
    limits.value[BENCH_GCM_1M] = 0.2;
    limits.value[BENCH_CUT] = 0.4;
    limits.value[BENCH_PROBE] = 0.02;
    limits.value[BENCH_XXH3] = 0.05;
    limits.value[BENCH_CURVE_4K] = 3.5;
    limits.value[BENCH_CURVE_256K] = 2;
    limits.value[BENCH_SYNC] = 200;
    limits.value[BENCH_DISK_WRITE] = 0.5;
    limits.value[BENCH_DISK_READ] = 0.8;
}

static double
term(const char *name)
{
    for (size_t i = 0; i < terms.count; i++) {
        if (strcmp(terms.term[i].name, name) == 0)
            return terms.term[i].ns;
    }
    return NAN;
}

/* The formula, from the terms themselves. */
static double
limit(void)
{
    double cpu = 0, disk = 0;
    for (size_t i = 0; i < terms.count; i++) {
        if (strcmp(terms.term[i].name, "disk") == 0)
            disk = terms.term[i].ns;
        else
            cpu += terms.term[i].ns;
    }
    return 1e3 / fmax(cpu / limits.cores, disk);
}

START_TEST(a_put_of_1_mib_is_bound_by_cpu)
{
    bench_terms_put(&limits, 1 << 20, 16, &terms);
    ck_assert_double_eq_tol(terms.limit_mb_s, limit(), 1e-9);
    ck_assert_double_eq_tol(term("curve"), 2, 1e-9);
    ck_assert_double_eq_tol(term("cut"), 0.4, 1e-9);
    ck_assert_double_eq_tol(term("zstd"), 0.02, 1e-9);
    ck_assert_double_eq_tol(term("xxh3"), 0.05, 1e-9);
    /* 1 - exp(-3/16) of contents of 1 MiB have several chunks, and one pass more. */
    ck_assert_double_eq_tol(term("sha256") / 0.6, 3 + 0.171, 0.01);
    ck_assert_double_eq_tol(term("gcm"), 0.2, 0.001);
    ck_assert_double_eq_tol(term("disk"), 0.5 + 200e3 / (16 << 20), 1e-9);
    ck_assert(strcmp(terms.binding, "disk") != 0);
    ck_assert(!isnan(term(terms.binding)));
    for (size_t i = 0; i < terms.count; i++)
        ck_assert(strcmp(terms.term[i].name, "disk") == 0 ||
                  terms.term[i].ns <= term(terms.binding));
}
END_TEST

START_TEST(contents_of_several_chunks_are_hashed_once_more)
{
    static const struct {
        uint64_t bytes;
        double passes;
    } rows[] = {{64 * 1024, 3},   {256 * 1024, 3},        {512 * 1024, 3.061}, {1 << 20, 3.171},
                {2 << 20, 3.985}, {UINT64_C(5) << 20, 4}, {1 << 30, 4}};
    limits.value[BENCH_SHA_4K] = limits.value[BENCH_SHA_1M];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bench_terms_put(&limits, rows[i].bytes, 1, &terms);
        ck_assert_double_eq_tol(term("sha256") / 0.6, rows[i].passes, 0.001);
    }
}
END_TEST

START_TEST(a_slow_disk_binds)
{
    limits.value[BENCH_DISK_WRITE] = 9;
    bench_terms_put(&limits, 1 << 20, 16, &terms);
    ck_assert_str_eq(terms.binding, "disk");
    ck_assert_double_eq_tol(terms.limit_mb_s, limit(), 1e-9);
    ck_assert_double_le(terms.limit_mb_s, 1e3 / 9);
}
END_TEST

START_TEST(a_lone_client_waits_for_its_sync_and_many_share_one)
{
    bench_terms_put(&limits, 4096, 1, &terms);
    ck_assert_str_eq(terms.binding, "disk");
    ck_assert_double_eq_tol(terms.limit_mb_s * 1e6 / 4096, 1e6 / 202.048, 1); /* 1/s */
    bench_terms_put(&limits, 4096, 64, &terms);
    ck_assert_double_eq_tol(term("disk"), 0.5 + 200e3 / (64 * 4096), 1e-9);
    ck_assert(strcmp(terms.binding, "disk") != 0);
    ck_assert(isnan(term("cut"))); /* what stays inline is neither cut nor compressed */
}
END_TEST

START_TEST(a_small_content_costs_the_fixed_part_of_each_block)
{
    bench_terms_get(&limits, 4096, false, &terms);
    /* Two messages: 2 a byte, and twice (3.5 - 2) * 4096 ns. */
    ck_assert_double_eq_tol(term("curve"), 2 + 2 * 1.5, 1e-9);
    ck_assert_double_eq_tol(term("sha256"), 0.7, 1e-9);
    bench_terms_get(&limits, 1, false, &terms);
    ck_assert_double_eq_tol(term("curve"), 2 + 2 * 1.5 * 4096, 1e-6);
    ck_assert_double_eq_tol(terms.limit_mb_s, limit(), 1e-9);
}
END_TEST

START_TEST(only_a_cold_get_has_a_disk)
{
    bench_terms_get(&limits, 1 << 20, false, &terms);
    ck_assert(isnan(term("disk")));
    ck_assert_double_eq_tol(terms.limit_mb_s, limit(), 1e-9);
    limits.value[BENCH_DISK_READ] = 5;
    bench_terms_get(&limits, 1 << 20, true, &terms);
    ck_assert_str_eq(terms.binding, "disk");
    ck_assert_double_eq_tol(terms.limit_mb_s, 200, 1e-9);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("terms");
    TCase *tests = tcase_create("terms");
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, a_put_of_1_mib_is_bound_by_cpu);
    tcase_add_test(tests, contents_of_several_chunks_are_hashed_once_more);
    tcase_add_test(tests, a_slow_disk_binds);
    tcase_add_test(tests, a_lone_client_waits_for_its_sync_and_many_share_one);
    tcase_add_test(tests, a_small_content_costs_the_fixed_part_of_each_block);
    tcase_add_test(tests, only_a_cold_get_has_a_disk);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
