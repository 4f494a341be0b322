/* SPDX-License-Identifier: MIT */
/* test_budget - memory of transfers: never too much, and nobody waits for ever.  Layer tests. */
#include "core/data/budget.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

enum {
    MIB = 1024 * 1024,
    ALL = 96 * MIB,
    SHARE = 16 * MIB,
    WINDOW = 8 * MIB,
    TRANSFERS = 256,
    TURNS = 20000
};

static fsp_budget_t budget;

static void
set_up(void)
{
    fsp_budget_init(&budget, ALL, SHARE);
}

static uint64_t
pick(uint64_t below)
{
    return (uint64_t)random() % below;
}

START_TEST(large_ones_leave_the_share_of_small_ones)
{
    fsp_seat_t large[12] = {0}, small[18] = {0};
    for (size_t i = 0; i < 12; i++)
        ck_assert(fsp_budget_take(&budget, &large[i], WINDOW, NULL) == (i < 10));
    ck_assert_uint_eq(budget.waiting, 2);
    ck_assert_uint_eq(fsp_budget_bytes(&budget), ALL - SHARE);
    for (size_t i = 0; i < 18; i++)
        ck_assert(fsp_budget_take(&budget, &small[i], MIB, NULL) == (i < 16));
    ck_assert_uint_eq(fsp_budget_bytes(&budget), ALL);
    ck_assert_ptr_null(fsp_budget_next(&budget));
    /* What a large one gives back is for the next large one, not for small ones. */
    fsp_budget_leave(&budget, &large[3]);
    ck_assert_ptr_eq(fsp_budget_next(&budget), &large[10]);
    ck_assert_ptr_null(fsp_budget_next(&budget));
    fsp_budget_leave(&budget, &small[0]);
    ck_assert_ptr_eq(fsp_budget_next(&budget), &small[16]);
    ck_assert_ptr_null(fsp_budget_next(&budget));
}
END_TEST

START_TEST(small_ones_take_all_that_nobody_wants_and_give_way)
{
    fsp_seat_t small[97] = {0}, large = {0};
    for (size_t i = 0; i < 97; i++)
        ck_assert(fsp_budget_take(&budget, &small[i], MIB, NULL) == (i < 96));
    ck_assert(!fsp_budget_take(&budget, &large, WINDOW, NULL));
    /* The small one that waits came before, but small ones have more than their share. */
    for (size_t i = 0; i < 7; i++)
        fsp_budget_leave(&budget, &small[i]);
    ck_assert_ptr_null(fsp_budget_next(&budget));
    fsp_budget_leave(&budget, &small[7]);
    ck_assert_ptr_eq(fsp_budget_next(&budget), &large);
    ck_assert_ptr_null(fsp_budget_next(&budget)); /* all is taken again */
    ck_assert_uint_eq(fsp_budget_bytes(&budget), ALL);
    fsp_budget_leave(&budget, &small[8]);
    ck_assert_ptr_eq(fsp_budget_next(&budget), &small[96]);
}
END_TEST

START_TEST(who_comes_waits_behind_who_waits)
{
    fsp_seat_t first[10] = {0}, wide = {0}, narrow = {0};
    for (size_t i = 0; i < 10; i++)
        ck_assert(fsp_budget_take(&budget, &first[i], WINDOW, NULL));
    fsp_budget_leave(&budget, &first[0]);
    ck_assert(fsp_budget_take(&budget, &first[0], 4 * MIB, NULL));
    ck_assert(!fsp_budget_take(&budget, &wide, WINDOW, NULL));
    ck_assert(!fsp_budget_take(&budget, &narrow, 2 * MIB, NULL)); /* it would fit */
    ck_assert_ptr_null(fsp_budget_next(&budget));
    fsp_budget_leave(&budget, &wide); /* gave up waiting */
    ck_assert_ptr_eq(fsp_budget_next(&budget), &narrow);
    ck_assert_uint_eq(budget.waiting, 0);
}
END_TEST

START_TEST(a_seat_shrinks_and_moves)
{
    fsp_seat_t seat = {0}, later = {0};
    int owner = 0;
    ck_assert(fsp_budget_take(&budget, &seat, WINDOW, NULL));
    fsp_budget_shrink(&budget, &seat, 3 * MIB);
    fsp_budget_shrink(&budget, &seat, 5 * MIB); /* never grows */
    ck_assert_uint_eq(fsp_budget_bytes(&budget), 3 * MIB);
    fsp_budget_move(&seat, &later, &owner);
    ck_assert_int_eq(seat.state, FSP_SEAT_NONE);
    ck_assert_ptr_eq(later.owner, &owner);
    fsp_budget_leave(&budget, &seat); /* it is NONE: nothing happens */
    ck_assert_uint_eq(fsp_budget_bytes(&budget), 3 * MIB);
    fsp_budget_leave(&budget, &later);
    ck_assert_uint_eq(fsp_budget_bytes(&budget), 0);
}
END_TEST

/* One of TRANSFERS clients that take, hold, wait or leave, as chance has it. */
typedef struct {
    fsp_seat_t seat;
    unsigned holds_for; /* turns */
    int since;          /* waits since this turn */
} transfer_t;

static uint64_t
held_by(const transfer_t *transfers)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < TRANSFERS; i++)
        if (transfers[i].seat.state == FSP_SEAT_HELD)
            bytes += transfers[i].seat.bytes;
    return bytes;
}

/* The longest wait, in turns, of which each ends at least one seat. */
static int
run_many(uint64_t large_percent, bool impatient)
{
    static transfer_t transfers[TRANSFERS];
    memset(transfers, 0, sizeof(transfers));
    int longest = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < 4; i++) {
            transfer_t *transfer = &transfers[pick(TRANSFERS)];
            if (transfer->seat.state == FSP_SEAT_WAITS && impatient && pick(8) == 0)
                fsp_budget_leave(&budget, &transfer->seat);
            if (transfer->seat.state != FSP_SEAT_NONE)
                continue;
            bool large = pick(100) < large_percent;
            uint64_t bytes = large ? MIB + 1 + pick(WINDOW - MIB) : pick(MIB + 1);
            transfer->holds_for = 1 + (unsigned)pick(16);
            transfer->since = turn;
            (void)fsp_budget_take(&budget, &transfer->seat, bytes, transfer);
        }
        for (size_t i = 0; i < TRANSFERS; i++)
            if (transfers[i].seat.state == FSP_SEAT_HELD && transfers[i].holds_for-- == 0)
                fsp_budget_leave(&budget, &transfers[i].seat);
        fsp_seat_t *seat;
        while ((seat = fsp_budget_next(&budget)) != NULL) {
            transfer_t *transfer = seat->owner;
            if (turn - transfer->since > longest)
                longest = turn - transfer->since;
        }
        ck_assert_uint_eq(fsp_budget_bytes(&budget), held_by(transfers));
        ck_assert_uint_le(fsp_budget_bytes(&budget), ALL);
        ck_assert_uint_le(budget.classes[FSP_BUDGET_LARGE].bytes, ALL - SHARE);
    }
    for (size_t i = 0; i < TRANSFERS; i++) {
        if (transfers[i].seat.state == FSP_SEAT_WAITS)
            ck_assert_int_le(TURNS - transfers[i].since, longest + 16);
        fsp_budget_leave(&budget, &transfers[i].seat);
    }
    ck_assert_uint_eq(fsp_budget_bytes(&budget), 0);
    ck_assert_uint_eq(budget.waiting, 0);
    return longest;
}

START_TEST(nobody_waits_for_ever)
{
    srandom((unsigned)fsp_suite_seed(5));
    /* A seat is held for 17 turns at most, and at least 10 large or 16 small ones are held at a
       time: so a queue of all takes at most this many turns, in whatever mixture. */
    const int bound = (TRANSFERS / 10 + 1) * 17 * 2;
    static const uint64_t mixtures[] = {0, 3, 50, 97, 100};
    for (size_t i = 0; i < sizeof(mixtures) / sizeof(mixtures[0]); i++) {
        ck_assert_int_le(run_many(mixtures[i], false), bound);
        ck_assert_int_le(run_many(mixtures[i], true), bound);
    }
}
END_TEST

START_TEST(mistakes_of_the_shell_are_told)
{
    fsp_seat_t held = {0}, none = {0};
    ck_assert(fsp_budget_take(&budget, &held, MIB, NULL));
    FSP_EXPECT_ABORT((void)fsp_budget_take(&budget, &held, MIB, NULL));
    FSP_EXPECT_ABORT(
        (void)fsp_budget_take(&budget, &none, ALL - SHARE + 1, NULL)); /* it would wait for ever */
    FSP_EXPECT_ABORT(fsp_budget_shrink(&budget, &none, 0));
    FSP_EXPECT_ABORT(fsp_budget_move(&none, &held, NULL));
    FSP_EXPECT_ABORT(fsp_budget_init(&budget, ALL, MIB - 1));
    FSP_EXPECT_ABORT(fsp_budget_init(&budget, ALL, ALL - MIB));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("budget");
    TCase *tests = tcase_create("budget");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, NULL);
    tcase_add_test(tests, large_ones_leave_the_share_of_small_ones);
    tcase_add_test(tests, small_ones_take_all_that_nobody_wants_and_give_way);
    tcase_add_test(tests, who_comes_waits_behind_who_waits);
    tcase_add_test(tests, a_seat_shrinks_and_moves);
    tcase_add_test(tests, nobody_waits_for_ever);
    tcase_add_test(tests, mistakes_of_the_shell_are_told);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
