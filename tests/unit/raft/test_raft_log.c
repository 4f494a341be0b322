/* SPDX-License-Identifier: MIT */
/* test_raft_log - terms that are known, guessed by nobody; a cache with a bound.  Layer tests. */
#include "core/raft/raft_log.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

static fsp_raft_log_t raft_log;

static void
set_up(void)
{
    static const fsp_raft_run_t runs[] = {{2, 101, 109}, {4, 110, 150}, {6, 151, 200}};
    fsp_raft_restore_t restore = {.log_start = 100,
                                  .log_start_term = 2,
                                  .last_index = 200,
                                  .last_term = 6,
                                  .runs = runs,
                                  .run_count = 3};
    fsp_raft_log_init(&raft_log, &restore, 1000);
}

static void
tear_down(void)
{
    fsp_raft_log_clear(&raft_log);
}

static void
expect_term(uint64_t index, fsp_status_t status, uint64_t term)
{
    uint64_t found = 0;
    ck_assert_int_eq(fsp_raft_log_term(&raft_log, index, &found), status);
    ck_assert_uint_eq(found, term);
}

START_TEST(knows_every_term_after_a_restart)
{
    expect_term(99, FSP_GONE, 0);
    expect_term(100, FSP_OK, 2);
    expect_term(101, FSP_OK, 2);
    expect_term(109, FSP_OK, 2);
    expect_term(110, FSP_OK, 4);
    expect_term(150, FSP_OK, 4);
    expect_term(151, FSP_OK, 6);
    expect_term(200, FSP_OK, 6);
    expect_term(201, FSP_NOT_FOUND, 0);
    FSP_EXPECT_ABORT((void)fsp_raft_log_known_term(&raft_log, 99));
    FSP_EXPECT_ABORT((void)fsp_raft_log_known_term(&raft_log, 201));
}
END_TEST

/* Where two logs may meet: the last entry of a term that is not above the other's. */
START_TEST(finds_the_last_entry_of_a_term_or_of_one_before)
{
    ck_assert_uint_eq(fsp_raft_log_last_of(&raft_log, 500, 9), 200);
    ck_assert_uint_eq(fsp_raft_log_last_of(&raft_log, 180, 6), 180);
    ck_assert_uint_eq(fsp_raft_log_last_of(&raft_log, 180, 5), 150);
    ck_assert_uint_eq(fsp_raft_log_last_of(&raft_log, 120, 5), 120);
    ck_assert_uint_eq(fsp_raft_log_last_of(&raft_log, 180, 3), 109);
    ck_assert_uint_eq(fsp_raft_log_last_of(&raft_log, 180, 1), 100);
    ck_assert_uint_eq(fsp_raft_log_last_of(&raft_log, 50, 9), 100);
}
END_TEST

START_TEST(cutting_forgets_terms_and_bytes_from_there_on)
{
    fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_NOOP, NULL);
    fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_NOOP, NULL);
    fsp_raft_log_append(&raft_log, 8, FSP_ENTRY_NOOP, NULL);
    fsp_raft_log_written(&raft_log, 203, 8);
    size_t cost = fsp_raft_log_truncate(&raft_log, 202);
    ck_assert_uint_eq(cost, 2 * 64);
    ck_assert_uint_eq(raft_log.last, 201);
    ck_assert_uint_eq(raft_log.last_term, 7);
    ck_assert_uint_eq(raft_log.durable, 201);
    expect_term(202, FSP_NOT_FOUND, 0);
    /* Deep into what is only on disk. */
    ck_assert_uint_eq(fsp_raft_log_truncate(&raft_log, 140), 64);
    ck_assert_uint_eq(raft_log.last, 139);
    ck_assert_uint_eq(raft_log.last_term, 4);
    ck_assert_uint_eq(raft_log.durable, 139);
    ck_assert_uint_eq(raft_log.cached, 0);
    fsp_raft_log_append(&raft_log, 9, FSP_ENTRY_NOOP, NULL);
    expect_term(139, FSP_OK, 4);
    expect_term(140, FSP_OK, 9);
    FSP_EXPECT_ABORT((void)fsp_raft_log_truncate(&raft_log, 100)); /* before its start */
    FSP_EXPECT_ABORT((void)fsp_raft_log_truncate(&raft_log, 141)); /* behind its end */
}
END_TEST

/* Facts: bug 21 (ABA).  Written, cut, written again: the first answer is of another entry. */
START_TEST(an_answer_of_the_disk_for_what_was_cut_counts_for_nothing)
{
    fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_NOOP, NULL);
    (void)fsp_raft_log_truncate(&raft_log, 201);
    fsp_raft_log_append(&raft_log, 8, FSP_ENTRY_NOOP, NULL);
    fsp_raft_log_written(&raft_log, 201, 7);
    ck_assert_uint_eq(raft_log.durable, 200);
    fsp_raft_log_written(&raft_log, 201, 8);
    ck_assert_uint_eq(raft_log.durable, 201);
}
END_TEST

START_TEST(a_snapshot_leaves_one_claim_and_nothing_else)
{
    fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_NOOP, NULL);
    fsp_raft_log_reset(&raft_log, 900, 8);
    expect_term(899, FSP_GONE, 0);
    expect_term(900, FSP_OK, 8);
    expect_term(901, FSP_NOT_FOUND, 0);
    ck_assert_uint_eq(raft_log.durable, 900);
    ck_assert_uint_eq(fsp_raft_log_cached_first(&raft_log), 901);
    fsp_raft_log_append(&raft_log, 8, FSP_ENTRY_NOOP, NULL);
    expect_term(901, FSP_OK, 8);
}
END_TEST

/* How far back the log may reach within so many bytes; in steps of 256 entries. */
START_TEST(measures_its_tail_in_bytes)
{
    ck_assert_uint_eq(fsp_raft_log_within(&raft_log, 0), 101); /* of a restart nothing is known */
    for (int i = 0; i < 1024; i++)
        fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_NOOP, NULL);
    ck_assert_uint_eq(fsp_raft_log_within(&raft_log, 1024 * 64), 101);
    ck_assert_uint_eq(fsp_raft_log_within(&raft_log, 1024 * 64 - 1), 457);
    ck_assert_uint_eq(fsp_raft_log_within(&raft_log, 256 * 64), 969);
    ck_assert_uint_eq(fsp_raft_log_within(&raft_log, 0), 1225);
}
END_TEST

START_TEST(a_new_log_has_term_zero_before_its_first_entry)
{
    fsp_raft_log_clear(&raft_log);
    fsp_raft_log_init(&raft_log, &(fsp_raft_restore_t){0}, 1000);
    expect_term(0, FSP_OK, 0);
    expect_term(1, FSP_NOT_FOUND, 0);
    fsp_raft_log_append(&raft_log, 1, FSP_ENTRY_NOOP, NULL);
    expect_term(1, FSP_OK, 1);
    ck_assert_uint_eq(raft_log.durable, 0);
}
END_TEST

START_TEST(an_answer_of_the_disk_counts_only_for_the_term_it_was_written_in)
{
    fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_NOOP, NULL);
    fsp_raft_log_written(&raft_log, 201, 6); /* of an entry that was there before */
    ck_assert_uint_eq(raft_log.durable, 200);
    fsp_raft_log_written(&raft_log, 202, 7);
    ck_assert_uint_eq(raft_log.durable, 200);
    fsp_raft_log_written(&raft_log, 201, 7);
    ck_assert_uint_eq(raft_log.durable, 201);
    fsp_raft_log_written(&raft_log, 200, 6);
    ck_assert_uint_eq(raft_log.durable, 201);
}
END_TEST

START_TEST(keeps_the_cache_within_its_bytes_and_nothing_that_was_not_handed_out)
{
    fsp_blob_t *bytes = fsp_blob_copy("0123456789012345678901234567890123456789", 36);
    for (int i = 0; i < 100; i++)
        fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_COMMAND, bytes);
    fsp_blob_destroy(&bytes);
    ck_assert_uint_eq(raft_log.cache_bytes, 10000);
    fsp_raft_log_trim(&raft_log, 200);
    ck_assert_uint_eq(raft_log.cached, 100);
    fsp_raft_log_trim(&raft_log, 250);
    ck_assert_uint_eq(fsp_raft_log_cached_first(&raft_log), 251);
    fsp_raft_log_trim(&raft_log, 300);
    ck_assert_uint_eq(raft_log.cache_bytes, 1000);
    ck_assert_uint_eq(fsp_raft_log_cached_first(&raft_log), 291);
    ck_assert_uint_eq(fsp_raft_log_cached(&raft_log, 291)->index, 291);
    FSP_EXPECT_ABORT(fsp_raft_log_cached(&raft_log, 290));
    FSP_EXPECT_ABORT(fsp_raft_log_cached(&raft_log, 301));
}
END_TEST

START_TEST(dropping_moves_the_start_and_forgets_older_terms)
{
    fsp_raft_log_drop(&raft_log, 131);
    expect_term(129, FSP_GONE, 0);
    expect_term(130, FSP_OK, 4);
    expect_term(150, FSP_OK, 4);
    ck_assert_uint_eq(raft_log.start, 130);
    ck_assert_uint_eq(raft_log.start_term, 4);
    FSP_EXPECT_ABORT(fsp_raft_log_drop(&raft_log, 131));
    FSP_EXPECT_ABORT(fsp_raft_log_drop(&raft_log, 202));
    fsp_raft_log_append(&raft_log, 7, FSP_ENTRY_NOOP, NULL);
    FSP_EXPECT_ABORT(fsp_raft_log_drop(&raft_log, 202)); /* it is not on disk */
    fsp_raft_log_drop(&raft_log, 201);
    expect_term(200, FSP_OK, 6);
    expect_term(199, FSP_GONE, 0);
    expect_term(201, FSP_OK, 7);
}
END_TEST

START_TEST(terms_do_not_fall)
{
    FSP_EXPECT_ABORT(fsp_raft_log_append(&raft_log, 5, FSP_ENTRY_NOOP, NULL));
    FSP_EXPECT_ABORT(fsp_raft_log_append(&raft_log, 6, FSP_ENTRY_COMMAND, NULL));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("raft_log");
    TCase *tests = tcase_create("log");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, knows_every_term_after_a_restart);
    tcase_add_test(tests, finds_the_last_entry_of_a_term_or_of_one_before);
    tcase_add_test(tests, cutting_forgets_terms_and_bytes_from_there_on);
    tcase_add_test(tests, an_answer_of_the_disk_for_what_was_cut_counts_for_nothing);
    tcase_add_test(tests, a_snapshot_leaves_one_claim_and_nothing_else);
    tcase_add_test(tests, measures_its_tail_in_bytes);
    tcase_add_test(tests, a_new_log_has_term_zero_before_its_first_entry);
    tcase_add_test(tests, an_answer_of_the_disk_counts_only_for_the_term_it_was_written_in);
    tcase_add_test(tests, keeps_the_cache_within_its_bytes_and_nothing_that_was_not_handed_out);
    tcase_add_test(tests, dropping_moves_the_start_and_forgets_older_terms);
    tcase_add_test(tests, terms_do_not_fall);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
