/* SPDX-License-Identifier: MIT */
/* test_kept - which entry a place stands for.  Layer tests. */
#include "core/base/prng.h"
#include "core/engine/kept.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

static fsp_kept_t kept;

static void
set_up(void)
{
    fsp_kept_init(&kept, 10, 0);
}

static void
tear_down(void)
{
    fsp_kept_clear(&kept);
}

START_TEST(what_is_written_is_not_kept_until_it_is_told)
{
    fsp_kept_written(&kept, 1, 11);
    fsp_kept_written(&kept, 2, 12);
    ck_assert_uint_eq(kept.applied, 10);
    fsp_kept_told(&kept, 1);
    ck_assert_uint_eq(kept.applied, 11);
    fsp_kept_told(&kept, 2);
    ck_assert_uint_eq(kept.applied, 12);
}
END_TEST

START_TEST(it_may_be_told_late_twice_and_out_of_order)
{
    for (uint64_t i = 1; i <= 9; i++)
        fsp_kept_written(&kept, 10 * i, 10 + i);
    fsp_kept_told(&kept, 35); /* between two of its own: groups of others */
    ck_assert_uint_eq(kept.applied, 13);
    fsp_kept_told(&kept, 35);
    fsp_kept_told(&kept, 20);
    fsp_kept_told(&kept, 0);
    ck_assert_uint_eq(kept.applied, 13);
    fsp_kept_told(&kept, 39);
    ck_assert_uint_eq(kept.applied, 13);
    fsp_kept_told(&kept, 1000);
    ck_assert_uint_eq(kept.applied, 19);
    ck_assert_uint_eq(kept.places.count, 0);
}
END_TEST

/* A group holds several writes of a replica; it is kept as a whole, also if it is told between. */
START_TEST(writes_of_one_group_have_one_place)
{
    fsp_kept_written(&kept, 5, 11);
    fsp_kept_written(&kept, 5, 12);
    ck_assert_uint_eq(kept.places.count, 1);
    fsp_kept_told(&kept, 5);
    ck_assert_uint_eq(kept.applied, 12);
    fsp_kept_written(&kept, 5, 14);
    ck_assert_uint_eq(kept.applied, 14);
    fsp_kept_written(&kept, 6, 15);
    ck_assert_uint_eq(kept.applied, 14);
}
END_TEST

START_TEST(a_write_without_rows_takes_no_place)
{
    for (uint64_t i = 1; i < 5000; i++)
        fsp_kept_written(&kept, i, 10);
    ck_assert_uint_eq(kept.places.count, 0);
    fsp_kept_written(&kept, 5000, 11);
    fsp_kept_written(&kept, 5001, 11);
    ck_assert_uint_eq(kept.places.count, 1);
    fsp_kept_told(&kept, 5000);
    ck_assert_uint_eq(kept.applied, 11);
}
END_TEST

/* Against a list that forgets nothing: never too much, and all of it when all is told. */
START_TEST(merged_places_promise_nothing_too_early)
{
    enum { ROUNDS = 20000 };
    static uint64_t indexes[ROUNDS + 1]; /* by place */
    fsp_prng_t prng;
    fsp_prng_init(&prng, 7);
    for (size_t places_max = 2; places_max <= 64; places_max *= 2) {
        fsp_kept_clear(&kept);
        fsp_kept_init(&kept, 10, places_max);
        uint64_t told = 0, applied = 10;
        indexes[0] = applied;
        for (uint64_t place = 1; place <= ROUNDS; place++) {
            applied += fsp_prng_below(&prng, 3);
            indexes[place] = applied;
            fsp_kept_written(&kept, place, applied);
            ck_assert_uint_le(kept.places.count, places_max);
            if (!fsp_prng_chance(&prng, 1, 50))
                continue;
            told = fsp_prng_chance(&prng, 1, 4) ? place
                                                : told + fsp_prng_below(&prng, place - told + 1);
            uint64_t before = kept.applied;
            fsp_kept_told(&kept, told);
            ck_assert_uint_ge(kept.applied, before);
            ck_assert_uint_le(kept.applied, indexes[told]);
            if (told == place)
                ck_assert_uint_eq(kept.applied, applied);
        }
    }
}
END_TEST

START_TEST(within_the_bound_nothing_is_merged)
{
    for (uint64_t i = 1; i <= FSP_KEPT_PLACES_MAX; i++)
        fsp_kept_written(&kept, i, 10 + i);
    for (uint64_t i = 1; i < FSP_KEPT_PLACES_MAX; i++) {
        fsp_kept_told(&kept, i);
        ck_assert_uint_eq(kept.applied, 10 + i);
    }
}
END_TEST

START_TEST(a_switch_forgets_the_places_of_the_state_before)
{
    fsp_kept_written(&kept, 1, 11);
    fsp_kept_written(&kept, 2, 12);
    fsp_kept_switch(&kept, 40);
    ck_assert_uint_eq(kept.applied, 40);
    fsp_kept_told(&kept, 2);
    ck_assert_uint_eq(kept.applied, 40);
    fsp_kept_written(&kept, 3, 40);
    fsp_kept_written(&kept, 4, 41);
    ck_assert_uint_eq(kept.applied, 40);
    fsp_kept_told(&kept, 4);
    ck_assert_uint_eq(kept.applied, 41);
}
END_TEST

START_TEST(places_do_not_fall)
{
    fsp_kept_written(&kept, 7, 11);
    FSP_EXPECT_ABORT(fsp_kept_written(&kept, 6, 12));
    FSP_EXPECT_ABORT(fsp_kept_written(&kept, 0, 11));
    FSP_EXPECT_ABORT(fsp_kept_switch(&kept, 10));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("kept");
    TCase *tests = tcase_create("kept");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_written_is_not_kept_until_it_is_told);
    tcase_add_test(tests, it_may_be_told_late_twice_and_out_of_order);
    tcase_add_test(tests, writes_of_one_group_have_one_place);
    tcase_add_test(tests, a_write_without_rows_takes_no_place);
    tcase_add_test(tests, merged_places_promise_nothing_too_early);
    tcase_add_test(tests, within_the_bound_nothing_is_merged);
    tcase_add_test(tests, a_switch_forgets_the_places_of_the_state_before);
    tcase_add_test(tests, places_do_not_fall);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
