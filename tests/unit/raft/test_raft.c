/* SPDX-License-Identifier: MIT */
/* test_raft - stories of one voter, as transcripts.  Layer tests. */
#include "tests/unit/aborts.h"
#include "tests/unit/raft/raft_script.h"

static script_t script;

static void
set_up(void)
{
    script_init(&script);
}

static void
tear_down(void)
{
    script_clear(&script);
}

static void
start(fsp_raft_restore_t restore)
{
    ck_assert_int_eq(script_start(&script, restore), FSP_OK);
}

static void
refuses_to_start(fsp_raft_restore_t restore, const char *text)
{
    ck_assert_int_eq(script_start(&script, restore), FSP_DAMAGED);
    ck_assert_int_eq(script.error.status, FSP_DAMAGED);
    ck_assert_str_eq(script.error.text, text);
    ck_assert_ptr_null(script.raft);
}

/* A new replica that leads its first term; its no-op is entry 1. */
static void
start_leading(void)
{
    start((fsp_raft_restore_t){0});
    script_tick(&script);
    script_written(&script, 1);
    script_written(&script, 2);
    script_forget(&script);
}

/* As restored after a crash: entries up to 12 on disk, 10 applied, written in term 3. */
static fsp_raft_restore_t
crashed(void)
{
    return (fsp_raft_restore_t){
        .hard = {.term = 3, .vote = 1},
        .last_index = 12,
        .last_term = 3,
        .applied_index = 10,
        .watermark = 11,
    };
}

START_TEST(wants_its_first_tick_at_once_and_none_when_it_leads_alone)
{
    start((fsp_raft_restore_t){0});
    ck_assert_uint_eq(fsp_raft_deadline(script.raft), 0);
    script_tick(&script);
    script_forget(&script);
    script_tick(&script);
    script_expect(&script, "");
    script_written(&script, 1);
    script_written(&script, 2);
    ck_assert(fsp_raft_deadline(script.raft) == FSP_TIME_NEVER);
}
END_TEST

/* On a disk that is slower than its patience it must not run behind its own terms for ever. */
START_TEST(raises_no_term_while_its_own_vote_is_being_written)
{
    start((fsp_raft_restore_t){0});
    script_tick(&script);
    script_forget(&script);
    for (int i = 0; i < 10; i++) {
        script.now_us += 2 * 1000 * 1000;
        script_tick(&script);
    }
    script_expect(&script, "");
    script_written(&script, 1);
    script_expect(&script, "WRITE 2 1.1 no-op\n"
                           "ROLE leader of term 1, leader 1\n");
}
END_TEST

START_TEST(elects_itself_only_when_its_vote_is_on_disk)
{
    start((fsp_raft_restore_t){0});
    script_tick(&script);
    script_expect(&script, "WRITE 1 term 1 vote 1\n"
                           "ROLE candidate of term 1, leader 0\n");
    ck_assert_int_eq(fsp_raft_role(script.raft), FSP_RAFT_CANDIDATE);
    script_written(&script, 1);
    script_expect(&script, "WRITE 2 1.1 no-op\n"
                           "ROLE leader of term 1, leader 1\n");
    ck_assert_uint_eq(fsp_raft_commit_index(script.raft), 0);
    script_written(&script, 2);
    script_expect(&script, "COMMIT 1.1\n"
                           "ENTRIES 1.1 no-op\n");
    ck_assert_int_eq(fsp_raft_role(script.raft), FSP_RAFT_LEADER);
    ck_assert_uint_eq(fsp_raft_term(script.raft), 1);
}
END_TEST

START_TEST(raises_the_term_at_each_start)
{
    fsp_raft_restore_t restore = crashed();
    restore.clean = true;
    start(restore);
    script_tick(&script);
    script_expect(&script, "WRITE 1 term 4 vote 1\n"
                           "ROLE candidate of term 4, leader 0\n");
}
END_TEST

START_TEST(commits_a_proposal_when_it_is_on_disk)
{
    start_leading();
    script_propose(&script, 70, "a");
    script_expect(&script, "ACCEPTED 70 as 2.1\n"
                           "WRITE 3 2.1 'a'\n");
    script_propose(&script, 71, "b");
    script_expect(&script, "ACCEPTED 71 as 3.1\n"
                           "WRITE 4 3.1 'b'\n");
    ck_assert_uint_eq(fsp_raft_last_index(script.raft), 3);
    ck_assert_uint_eq(fsp_raft_durable_index(script.raft), 1);
    script_written(&script, 3);
    script_expect(&script, "COMMIT 2.1\n"
                           "ENTRIES 2.1 'a'\n");
    ck_assert_uint_eq(fsp_raft_durable_index(script.raft), 2);
    script_written(&script, 4);
    script_expect(&script, "COMMIT 3.1\n"
                           "ENTRIES 3.1 'b'\n");
}
END_TEST

START_TEST(takes_proposals_as_soon_as_it_leads)
{
    start((fsp_raft_restore_t){0});
    script_propose(&script, 70, "early");
    script_expect(&script, "REFUSE 70 BUSY\n");
    script_tick(&script);
    script_forget(&script);
    script_propose(&script, 71, "early");
    script_expect(&script, "REFUSE 71 BUSY\n");
    script_written(&script, 1);
    script_forget(&script);
    script_propose(&script, 72, "a");
    script_expect(&script, "ACCEPTED 72 as 2.1\n"
                           "WRITE 3 2.1 'a'\n");
    script_written(&script, 2);
    script_written(&script, 3);
    script_expect(&script, "COMMIT 1.1\n"
                           "ENTRIES 1.1 no-op\n"
                           "COMMIT 2.1\n"
                           "ENTRIES 2.1 'a'\n");
}
END_TEST

START_TEST(reads_at_the_commit_index_and_waits_for_the_first_of_its_term)
{
    start((fsp_raft_restore_t){0});
    script_read(&script, 80);
    script_expect(&script, "REFUSE 80 BUSY\n");
    script_tick(&script);
    script_written(&script, 1);
    script_forget(&script);
    script_read(&script, 81);
    script_read(&script, 82);
    script_expect(&script, "");
    script_written(&script, 2);
    script_expect(&script, "COMMIT 1.1\n"
                           "ENTRIES 1.1 no-op\n"
                           "READ 81 at 1\n"
                           "READ 82 at 1\n");
    script_propose(&script, 70, "a");
    script_forget(&script);
    script_read(&script, 83);
    script_expect(&script, "READ 83 at 1\n");
    script_written(&script, 3);
    script_forget(&script);
    script_read(&script, 84);
    script_expect(&script, "READ 84 at 2\n");
}
END_TEST

START_TEST(holds_a_bounded_number_of_reads)
{
    start((fsp_raft_restore_t){0});
    script_tick(&script);
    script_written(&script, 1);
    script_forget(&script);
    for (uint64_t i = 0; i < 4096; i++)
        script_read(&script, i);
    script_expect(&script, "");
    script_read(&script, 4096);
    script_expect(&script, "REFUSE 4096 BUSY\n");
}
END_TEST

START_TEST(refuses_proposals_when_too_many_wait_for_the_disk)
{
    start_leading();
    for (uint64_t i = 0; i < 8192; i++)
        script_propose(&script, i, "a");
    script_forget(&script);
    script_propose(&script, 9000, "a");
    script_expect(&script, "REFUSE 9000 BUSY\n");
    script_written(&script, 3);
    script_forget(&script);
    script_propose(&script, 9001, "a");
    script_expect(&script, "ACCEPTED 9001 as 8194.1\n"
                           "WRITE 8195 8194.1 'a'\n");
}
END_TEST

START_TEST(refuses_proposals_when_too_many_bytes_wait_for_the_disk)
{
    start_leading();
    static char command[1024 * 1024 + 1];
    memset(command, 'x', sizeof(command) - 1);
    for (uint64_t i = 0; i < 32; i++)
        script_propose(&script, i, command);
    script_forget(&script);
    script_propose(&script, 9000, "a");
    script_expect(&script, "REFUSE 9000 BUSY\n");
}
END_TEST

START_TEST(commits_what_it_finds_after_a_crash_with_its_new_term)
{
    start(crashed());
    ck_assert_uint_eq(fsp_raft_commit_index(script.raft), 10);
    ck_assert_uint_eq(fsp_raft_durable_index(script.raft), 12);
    script_tick(&script);
    /* Entries 11 and 12 are on disk, and yet not committed: they are of an old term. */
    script_written(&script, 1);
    script_expect(&script, "WRITE 1 term 4 vote 1\n"
                           "ROLE candidate of term 4, leader 0\n"
                           "WRITE 2 13.4 no-op\n"
                           "ROLE leader of term 4, leader 1\n");
    script_written(&script, 2);
    script_expect(&script, "COMMIT 13.4\n"
                           "FETCH 11..12\n");
    script_read(&script, 80);
    script_expect(&script, "READ 80 at 13\n");
    /* A shell may bring less than was asked for. */
    script_fetched(&script, 11, 11, 3);
    script_expect(&script, "ENTRIES 11.3 '11'\n"
                           "FETCH 12..12\n");
    script_propose(&script, 70, "a");
    script_written(&script, 3);
    script_expect(&script, "ACCEPTED 70 as 14.4\n"
                           "WRITE 3 14.4 'a'\n"
                           "COMMIT 14.4\n");
    script_fetched(&script, 12, 12, 3);
    script_expect(&script, "ENTRIES 12.3 '12'\n"
                           "ENTRIES 13.4 no-op 14.4 'a'\n");
}
END_TEST

START_TEST(fetches_in_bounded_batches)
{
    start((fsp_raft_restore_t){
        .hard = {.term = 1, .vote = 1}, .last_index = 600, .last_term = 1, .watermark = 600});
    script_tick(&script);
    script_written(&script, 1);
    script_written(&script, 2);
    script_forget(&script);
    script_fetched(&script, 1, 256, 1);
    script_expect(&script,
                  "ENTRIES 1.1 '1' 2.1 '2' 3.1 '3' ... 254.1 '254' 255.1 '255' 256.1 '256'\n"
                  "FETCH 257..512\n");
    script_fetched(&script, 257, 512, 1);
    script_forget(&script);
    script_fetched(&script, 513, 600, 1);
    script_expect(&script,
                  "ENTRIES 513.1 '513' 514.1 '514' 515.1 '515' ... 598.1 '598' 599.1 '599' "
                  "600.1 '600'\n"
                  "ENTRIES 601.2 no-op\n");
}
END_TEST

START_TEST(accepts_a_torn_tail_beyond_the_watermark)
{
    fsp_raft_restore_t restore = crashed();
    restore.last_index = 11; /* entry 12 was written, never reported, and is gone */
    start(restore);
}
END_TEST

START_TEST(accepts_entries_beyond_the_watermark_even_after_a_clean_stop)
{
    fsp_raft_restore_t restore = crashed();
    restore.clean = true;
    start(restore);
}
END_TEST

START_TEST(refuses_a_log_that_lost_what_it_acknowledged)
{
    fsp_raft_restore_t restore = crashed();
    restore.watermark = 13;
    refuses_to_start(restore, "log ends at 12 but 13 was acknowledged");
    restore.clean = true;
    refuses_to_start(restore, "log ends at 12 but 13 was acknowledged before a clean stop");
    refuses_to_start((fsp_raft_restore_t){.watermark = 1}, "log ends at 0 but 1 was acknowledged");
}
END_TEST

START_TEST(refuses_a_state_that_does_not_fit_the_log)
{
    fsp_raft_restore_t restore = crashed();
    restore.applied_index = 13;
    refuses_to_start(restore, "state is at 13 but the log ends at 12");
    restore = crashed();
    restore.log_start = 11;
    restore.log_start_term = 3;
    refuses_to_start(restore, "state is at 10 but the log starts after 11");
    restore = crashed();
    restore.log_start = 13;
    restore.log_start_term = 3;
    refuses_to_start(restore, "log ends at 12, before its start at 13");
}
END_TEST

START_TEST(refuses_terms_that_do_not_fit)
{
    fsp_raft_restore_t restore = crashed();
    restore.hard.term = 2;
    refuses_to_start(restore, "terms do not fit: log from 0 to 3, hard state 2");
    restore = crashed();
    restore.log_start = 9;
    restore.log_start_term = 4;
    refuses_to_start(restore, "terms do not fit: log from 4 to 3, hard state 3");
    restore = crashed();
    restore.log_start = 9;
    refuses_to_start(restore, "terms do not fit: log from 0 to 3, hard state 3");
    refuses_to_start((fsp_raft_restore_t){.hard = {.vote = 1}}, "a vote without a term");
}
END_TEST

START_TEST(refuses_terms_with_gaps)
{
    fsp_raft_restore_t restore = crashed();
    fsp_raft_run_t gap[] = {{2, 1, 5}, {3, 7, 12}};
    fsp_raft_run_t falling[] = {{3, 1, 5}, {2, 6, 12}};
    fsp_raft_run_t twice[] = {{3, 1, 5}, {3, 6, 12}};
    fsp_raft_run_t short_of_it[] = {{2, 1, 5}, {3, 6, 11}};
    fsp_raft_run_t *const bad[] = {gap, falling, twice, short_of_it};
    restore.run_count = 2;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        restore.runs = bad[i];
        refuses_to_start(restore, "terms of the log have gaps or fall");
    }
    fsp_raft_run_t good[] = {{2, 1, 5}, {3, 6, 12}};
    restore.runs = good;
    start(restore);
    uint64_t term = 0;
    ck_assert_int_eq(fsp_raft_term_at(script.raft, 5, &term), FSP_OK);
    ck_assert_uint_eq(term, 2);
    ck_assert_int_eq(fsp_raft_term_at(script.raft, 6, &term), FSP_OK);
    ck_assert_uint_eq(term, 3);
}
END_TEST

/* R8: without a configuration, or not in it, a replica asks nobody for a vote. */
START_TEST(never_campaigns_while_it_waits_to_be_told_of_a_configuration)
{
    fsp_raft_conf_t nobody = {0};
    script.base = &nobody;
    start((fsp_raft_restore_t){0});
    for (int i = 0; i < 10; i++) {
        script.now_us += 3 * 1000 * 1000;
        script_tick(&script);
    }
    script_expect(&script, "");
    ck_assert(fsp_raft_deadline(script.raft) == FSP_TIME_NEVER);
    script_propose(&script, 70, "a");
    script_read(&script, 80);
    script_expect(&script, "REFUSE 70 BUSY\n"
                           "REFUSE 80 BUSY\n");
}
END_TEST

/* Proposes and commits until the log ends at index. */
static void
fill_to(uint64_t index, uint64_t next_token)
{
    while (fsp_raft_last_index(script.raft) < index) {
        script_propose(&script, 1, "x");
        script_written(&script, next_token++);
        script_forget(&script);
    }
}

/* With others (or who does not know yet that it leads): a thousand less, and not below two
   thousand; see the next test. */
START_TEST(alone_drops_the_log_up_to_the_durable_state)
{
    start_leading();
    fill_to(2000, 3);
    script_applied(&script, 500);
    script_expect(&script, ""); /* 499 could go */
    script_applied(&script, 501);
    script_expect(&script, "WRITE 2002 drop below 501, term 1 before it, conf of 1\n");
    script_written(&script, 2002);
    script_applied(&script, 1000);
    script_expect(&script, "");
    fill_to(2100, 2003);
    script_applied(&script, 1001);
    script_expect(&script, "WRITE 2103 drop below 1001, term 1 before it, conf of 1\n");
}
END_TEST

START_TEST(drops_at_a_term_that_it_was_told_at_its_start)
{
    fsp_raft_run_t runs[] = {{7, 1, 4100}, {8, 4101, 5000}};
    start((fsp_raft_restore_t){.hard = {.term = 9, .vote = 1},
                               .last_index = 5000,
                               .last_term = 8,
                               .applied_index = 5000,
                               .watermark = 5000,
                               .runs = runs,
                               .run_count = 2});
    script_tick(&script);
    script_expect(&script, "WRITE 1 term 10 vote 1 drop below 4000, term 7 before it, conf of 1\n"
                           "ROLE candidate of term 10, leader 0\n");
}
END_TEST

START_TEST(forgets_cached_entries_only_when_they_were_handed_out)
{
    script.cache_bytes_max = 0;
    start_leading();
    script_propose(&script, 70, "a");
    script_propose(&script, 71, "b");
    script_forget(&script);
    script_written(&script, 3);
    script_written(&script, 4);
    script_expect(&script, "COMMIT 2.1\n"
                           "ENTRIES 2.1 'a'\n"
                           "COMMIT 3.1\n"
                           "ENTRIES 3.1 'b'\n");
}
END_TEST

START_TEST(takes_answers_of_the_disk_only_in_order)
{
    start_leading();
    script_propose(&script, 70, "a");
    script_propose(&script, 71, "b");
    FSP_EXPECT_ABORT(script_written(&script, 4));
    FSP_EXPECT_ABORT(script_written(&script, 2));
    FSP_EXPECT_ABORT(script_applied(&script, 2)); /* not handed out yet */
    script_written(&script, 3);
    script_applied(&script, 2);
    FSP_EXPECT_ABORT(script_applied(&script, 1));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("raft");
    TCase *tests = tcase_create("one voter");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, wants_its_first_tick_at_once_and_none_when_it_leads_alone);
    tcase_add_test(tests, raises_no_term_while_its_own_vote_is_being_written);
    tcase_add_test(tests, elects_itself_only_when_its_vote_is_on_disk);
    tcase_add_test(tests, raises_the_term_at_each_start);
    tcase_add_test(tests, commits_a_proposal_when_it_is_on_disk);
    tcase_add_test(tests, takes_proposals_as_soon_as_it_leads);
    tcase_add_test(tests, reads_at_the_commit_index_and_waits_for_the_first_of_its_term);
    tcase_add_test(tests, holds_a_bounded_number_of_reads);
    tcase_add_test(tests, refuses_proposals_when_too_many_wait_for_the_disk);
    tcase_add_test(tests, refuses_proposals_when_too_many_bytes_wait_for_the_disk);
    tcase_add_test(tests, commits_what_it_finds_after_a_crash_with_its_new_term);
    tcase_add_test(tests, fetches_in_bounded_batches);
    tcase_add_test(tests, accepts_a_torn_tail_beyond_the_watermark);
    tcase_add_test(tests, accepts_entries_beyond_the_watermark_even_after_a_clean_stop);
    tcase_add_test(tests, refuses_a_log_that_lost_what_it_acknowledged);
    tcase_add_test(tests, refuses_a_state_that_does_not_fit_the_log);
    tcase_add_test(tests, refuses_terms_that_do_not_fit);
    tcase_add_test(tests, refuses_terms_with_gaps);
    tcase_add_test(tests, never_campaigns_while_it_waits_to_be_told_of_a_configuration);
    tcase_add_test(tests, alone_drops_the_log_up_to_the_durable_state);
    tcase_add_test(tests, drops_at_a_term_that_it_was_told_at_its_start);
    tcase_add_test(tests, forgets_cached_entries_only_when_they_were_handed_out);
    tcase_add_test(tests, takes_answers_of_the_disk_only_in_order);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
