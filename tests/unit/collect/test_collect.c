/* SPDX-License-Identifier: MIT */
/* test_collect - collection of garbage at one node: random schedules lose nothing and leave
 * nothing.  Layer tests. */
#include "tests/unit/collect/world.h"

START_TEST(random_schedules_lose_nothing_and_leave_nothing)
{
    uint64_t first = fsp_suite_seed(1);
    memset(&sim, 0, sizeof(sim));
    for (uint64_t seed = first; seed < first + 1500; seed++) {
        bool fine = schedule(seed, LIE_NONE);
        ck_assert_msg(fine, "seed %llu: %s", (unsigned long long)seed, sim.words);
    }
    printf("published %llu, fenced %llu, restamped %llu, appended %llu, uploads %llu, rounds %llu, "
           "marked %llu, stopped %llu, swept %llu, pruned %llu, copied %llu, crashes %llu, "
           "exchanged %llu\n",
           (unsigned long long)sim.published, (unsigned long long)sim.fenced,
           (unsigned long long)sim.restamped, (unsigned long long)sim.appended,
           (unsigned long long)sim.finished_uploads, (unsigned long long)sim.rounds,
           (unsigned long long)sim.marked, (unsigned long long)sim.stopped,
           (unsigned long long)sim.swept, (unsigned long long)sim.pruned_total,
           (unsigned long long)sim.copied, (unsigned long long)sim.crashes,
           (unsigned long long)sim.exchanged);
    /* The test has seen what it is for. */
    ck_assert_uint_gt(sim.published, 3000);
    ck_assert_uint_gt(sim.fenced, 200);
    ck_assert_uint_gt(sim.finished_uploads, 200);
    ck_assert_uint_gt(sim.marked, 3000);
    ck_assert_uint_gt(sim.stopped, 300);
    ck_assert_uint_gt(sim.swept, 3000);
    ck_assert_uint_gt(sim.crashes, 500);
    ck_assert_uint_gt(sim.exchanged, 50);
}
END_TEST

START_TEST(a_base_that_was_swept_justifies_nothing)
{
    fsp_status_t status = FSP_OK;
    ck_assert_msg(pruned_base(&status), "%s", sim.words);
    ck_assert_int_eq(status, FSP_BASE_GONE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("collect");
    TCase *tcase = tcase_create("collect");
    tcase_set_timeout(tcase, 300);
    tcase_add_unchecked_fixture(tcase, make_shapes, drop_shapes);
    tcase_add_test(tcase, random_schedules_lose_nothing_and_leave_nothing);
    tcase_add_test(tcase, a_base_that_was_swept_justifies_nothing);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
