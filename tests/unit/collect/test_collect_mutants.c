/* SPDX-License-Identifier: MIT */
/* test_collect_mutants - every rule of collection that is broken on purpose shows.  Layer tests.
 *
 * The files with the rules are compiled into this program with their deliberate faults
 * (core/base/mutant.h).  Each fault, and each lie of the world, must make a schedule fail within so
 * many seeds; without any of them none fails.
 */
#include "core/base/mutant.h"
#include "tests/unit/collect/world.h"

fsp_mutant_t fsp_mutant_active;

enum { SEEDS_MAX = 20000 };

static const struct {
    const char *name;
    fsp_mutant_t mutant;
    lie_t lie;
} breaks[] = {
#define X(name, words) {#name, FSP_MUTANT_##name, LIE_NONE},
    FSP_MUTANT_COLLECT_LIST(X)
#undef X
        {"fence_off_by_one", FSP_MUTANT_fence_off_by_one, LIE_NONE},
    {"lie: no restamp", FSP_MUTANT_none, LIE_NO_RESTAMP},
    {"lie: marks from the living state", FSP_MUTANT_none, LIE_LIVE_STATE},
    {"lie: done at once", FSP_MUTANT_none, LIE_DONE_AT_ONCE},
    {"lie: done for any round", FSP_MUTANT_none, LIE_DONE_ANY_ROUND},
    {"lie: done though stopped", FSP_MUTANT_none, LIE_DONE_STOPPED},
};

START_TEST(a_broken_rule_shows)
{
    memset(&sim, 0, sizeof(sim));
    fsp_mutant_active = breaks[_i].mutant;
    uint64_t seed = 1;
    while (seed <= SEEDS_MAX && schedule(seed, breaks[_i].lie))
        seed++;
    fsp_mutant_active = FSP_MUTANT_none;
    printf("%-34s seed %4llu: %s\n", breaks[_i].name, (unsigned long long)seed,
           seed <= SEEDS_MAX ? sim.words : "nothing");
    ck_assert_msg(seed <= SEEDS_MAX, "%s: nothing shows in %d seeds", breaks[_i].name, SEEDS_MAX);
    ck_assert_msg(schedule(seed, LIE_NONE), "seed %llu without it: %s", (unsigned long long)seed,
                  sim.words);
}
END_TEST

/* Too rare for a schedule: the base, and all that has what is below it, must go within one epoch.
 */
START_TEST(an_unchecked_base_shows)
{
    fsp_status_t status;
    fsp_mutant_active = FSP_MUTANT_base_unchecked;
    ck_assert(!pruned_base(&status));
    fsp_mutant_active = FSP_MUTANT_none;
    ck_assert(pruned_base(&status));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("collect_mutants");
    TCase *tcase = tcase_create("collect_mutants");
    tcase_set_timeout(tcase, 300);
    tcase_add_unchecked_fixture(tcase, make_shapes, drop_shapes);
    tcase_add_loop_test(tcase, a_broken_rule_shows, 0, sizeof(breaks) / sizeof(breaks[0]));
    tcase_add_test(tcase, an_unchecked_base_shows);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
