/* SPDX-License-Identifier: MIT */
/* test_replica - log and state machine together, on a database written by hand.  Layer tests. */
#include "core/base/prng.h"
#include "tests/unit/aborts.h"
#include "tests/unit/engine/replica_bench.h"
#include "tests/unit/engine/replica_commands.h"

static bench_t bench;
static fsp_buf_t bytes;

static void
set_up(void)
{
    bench_init(&bench);
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    ck_assert_int_eq(bench_start(&bench), FSP_OK);
}

static void
tear_down(void)
{
    fsp_buf_clear(&bytes);
    bench_clear(&bench);
}

static void
restart(void)
{
    bench_crash(&bench);
    ck_assert_int_eq(bench_start(&bench), FSP_OK);
}

static void
start_serving(void)
{
    bench_settle(&bench);
    ck_assert(fsp_replica_ready(bench.replica));
    bench_forget(&bench);
}

static fsp_slice_t
space_init(void)
{
    return replica_space_init(&bytes);
}

static fsp_slice_t
make_directory(uint8_t number, uint32_t attempt)
{
    return replica_make_directory(&bytes, number, attempt);
}

static fsp_slice_t
ask_changes(void)
{
    return replica_ask_changes(&bytes);
}

static fsp_result_t
last_result(void)
{
    fsp_result_t result;
    ck_assert_int_eq(fsp_result_decode(fsp_buf_slice(&bench.reply), &result), FSP_OK);
    return result;
}

static uint64_t
count_changes(uint64_t token)
{
    bench_query(&bench, token, ask_changes());
    fsp_answer_t answer;
    ck_assert_int_eq(fsp_answer_open(fsp_buf_slice(&bench.reply), &answer), FSP_OK);
    ck_assert_int_eq(answer.status, FSP_OK);
    return answer.count;
}

START_TEST(elects_itself_and_serves)
{
    ck_assert_uint_eq(fsp_replica_deadline(bench.replica), 0);
    bench_tick(&bench);
    bench_expect(&bench, "WRITE 1, durable to 0: log\n");
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_expect(&bench, "WRITE 2, durable to 1: log\n");
    ck_assert(!fsp_replica_ready(bench.replica));
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_expect(&bench, "WRITE 3 lazy, durable to 1: state\n");
    ck_assert(fsp_replica_ready(bench.replica));
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 1);
    ck_assert_uint_eq(fsp_replica_pending_writes(bench.replica), 1);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_expect(&bench, "");
    ck_assert_uint_eq(fsp_replica_pending_writes(bench.replica), 0);
    ck_assert(fsp_replica_deadline(bench.replica) == FSP_TIME_NEVER);
}
END_TEST

START_TEST(replies_when_the_entry_is_written_and_not_before)
{
    start_serving();
    bench_command(&bench, 70, space_init());
    bench_expect(&bench, "WRITE 4, durable to 2: log\n");
    bench_command(&bench, 71, make_directory(1, 1));
    bench_expect(&bench, "WRITE 5, durable to 3: log\n");
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_expect(&bench, "REPLY 70 OK\n"
                         "WRITE 6 lazy, durable to 3: state\n");
    ck_assert_int_eq(last_result().status, FSP_OK);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_expect(&bench, "REPLY 71 OK\n"
                         "WRITE 7 lazy, durable to 3: state\n");
    ck_assert_uint_eq(last_result().index, 2);
}
END_TEST

START_TEST(shows_what_is_applied_before_the_database_has_it)
{
    start_serving();
    bench_command(&bench, 70, space_init());
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_command(&bench, 71, make_directory(1, 1));
    /* Rows of the first change are not in the database, and the second one is not committed. */
    ck_assert_uint_eq(count_changes(80), 1);
    ck_assert_uint_eq(bench.write_count, 2);
    ck_assert_int_eq(bench_written(&bench), FSP_OK); /* rows of the first */
    ck_assert_uint_eq(count_changes(81), 1);
    ck_assert_int_eq(bench_written(&bench), FSP_OK); /* entry of the second */
    ck_assert_uint_eq(count_changes(82), 2);
    bench_settle(&bench);
    ck_assert_uint_eq(count_changes(83), 2);
}
END_TEST

START_TEST(refuses_what_comes_before_it_leads_and_holds_queries_until_it_is_ready)
{
    bench_command(&bench, 70, space_init());
    bench_query(&bench, 80, ask_changes());
    bench_expect(&bench, "REPLY 70 BUSY\n"
                         "REPLY 80 BUSY\n");
    bench_tick(&bench);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_forget(&bench);
    bench_query(&bench, 81, ask_changes());
    bench_expect(&bench, "");
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_expect(&bench, "REPLY 81 OK\n"
                         "WRITE 3 lazy, durable to 1: state\n");
}
END_TEST

START_TEST(measures_commands_and_queries)
{
    start_serving();
    static uint8_t large[FSP_COMMAND_BYTES_MAX + 1];
    bench_command(&bench, 70, fsp_slice(large, sizeof(large)));
    bench_command(&bench, 71, (fsp_slice_t){0});
    bench_query(&bench, 80, fsp_slice_text("?"));
    bench_expect(&bench, "REPLY 70 TOO_LARGE\n"
                         "REPLY 71 INVALID\n"
                         "REPLY 80 INVALID\n");
    bench_command(&bench, 72, fsp_slice(large, sizeof(large) - 1));
    bench_expect(&bench, "WRITE 4, durable to 2: log\n");
    /* What is no command is an entry like any other, with a result. */
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    ck_assert_int_eq(last_result().status, FSP_INVALID);
}
END_TEST

START_TEST(applies_again_what_a_crash_lost)
{
    start_serving();
    bench_command(&bench, 70, space_init());
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_settle(&bench);
    bench_command(&bench, 71, make_directory(1, 1));
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    fsp_result_t before = last_result();
    bench_command(&bench, 72, make_directory(2, 1));
    bench_store(&bench); /* rows of entry 3: in the database, but its writer dies */
    restart();
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 3);
    start_serving();
    /* Entry 4 never reached the disk. */
    ck_assert_uint_eq(count_changes(80), 2);
    bench_command(&bench, 73, make_directory(1, 2));
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    fsp_result_t again = last_result();
    ck_assert(again.repeated);
    ck_assert_uint_eq(again.index, before.index);
    ck_assert_uint_eq(again.time, before.time);
}
END_TEST

/* Entries that are in the log and of which the state knows nothing: told and readable, but not
   kept. */
static void
leave_tail(uint64_t count, fsp_slice_t command)
{
    bench_keep(&bench);
    for (uint64_t i = 0; i < count; i++) {
        bench_command(&bench, i, command);
        bench_settle(&bench);
    }
    bench_fail(&bench);
    ck_assert_int_eq(bench_start(&bench), FSP_OK);
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 1);
}

START_TEST(applies_a_long_tail_in_bounded_steps)
{
    start_serving();
    leave_tail(800, fsp_slice_text("x"));
    bench_tick(&bench);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    ck_assert(fsp_replica_ready(bench.replica));
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 257);
    ck_assert_uint_eq(fsp_replica_deadline(bench.replica), 0);
    /* Half-way is a state like any other: a restart finds it and goes on from there. */
    bench_store(&bench);
    restart();
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 257);
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row((fsp_shard_ref_t){.shard = 3, .generation = 1},
                                        fsp_replica_view(bench.replica), &row),
                     FSP_OK);
    ck_assert_uint_eq(row.applied_term, 1);
    bench_tick(&bench);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_forget(&bench);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    bench_expect(&bench, "WRITE 3 lazy, durable to 803: state\n");
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 513);
    /* Any step brings the next batch; the query is answered when all is applied. */
    bench_query(&bench, 80, ask_changes());
    bench_expect(&bench, "WRITE 4 lazy, durable to 803: state\n");
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 769);
    bench_tick(&bench);
    bench_expect(&bench, "REPLY 80 OK\n"
                         "WRITE 5 lazy, durable to 803: state\n");
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 803);
    ck_assert(fsp_replica_deadline(bench.replica) == FSP_TIME_NEVER);
}
END_TEST

/* A step reads a mebibyte at most; 16 of them may wait for the store. */
START_TEST(reads_a_tail_back_no_faster_than_the_store_writes)
{
    enum { TAIL = 250, COMMAND_BYTES = 100 * 1024, WRITES = 16 };
    static uint8_t command[COMMAND_BYTES]; /* of no known type: refused, and so small as rows */
    start_serving();
    leave_tail(TAIL, fsp_slice(command, sizeof(command)));
    bench_tick(&bench);
    while (!fsp_replica_ready(bench.replica))
        ck_assert_int_eq(bench_written(&bench), FSP_OK);
    while (fsp_replica_deadline(bench.replica) == 0)
        bench_tick(&bench);
    uint64_t applied = fsp_replica_applied_index(bench.replica);
    ck_assert_uint_eq(bench.write_count, WRITES);
    ck_assert_uint_gt(applied, TAIL / 2);
    ck_assert_uint_lt(applied, TAIL);
    /* Not for asking, either; but for each that is written. */
    bench_query(&bench, 80, ask_changes());
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), applied);
    ck_assert_int_eq(bench_written(&bench), FSP_OK);
    ck_assert_uint_gt(fsp_replica_applied_index(bench.replica), applied);
    ck_assert_uint_eq(bench.write_count, WRITES);
    while (bench.write_count > 0)
        ck_assert_int_eq(bench_written(&bench), FSP_OK);
    ck_assert_uint_gt(fsp_replica_applied_index(bench.replica), TAIL);
    ck_assert(fsp_replica_deadline(bench.replica) == FSP_TIME_NEVER);
    ck_assert_ptr_nonnull(strstr((const char *)bench.text.data, "REPLY 80 OK"));
}
END_TEST

START_TEST(log_time_grows_whatever_the_clock_does)
{
    start_serving();
    bench.wall_us = 5000;
    bench_command(&bench, 70, space_init());
    bench_settle(&bench);
    ck_assert_uint_eq(last_result().time, 5000);
    bench.wall_us = 100;
    bench_command(&bench, 71, make_directory(1, 1));
    bench_settle(&bench);
    ck_assert_uint_eq(last_result().time, 5001);
    restart();
    start_serving();
    bench_command(&bench, 72, make_directory(2, 1));
    bench_command(&bench, 73, make_directory(3, 1));
    bench_settle(&bench);
    ck_assert_uint_eq(last_result().time, 5003);
    /* Also behind an entry that the state does not know yet. */
    bench.wall_us = 9000;
    bench_command(&bench, 74, make_directory(4, 1));
    bench_store(&bench);
    bench.wall_us = 100;
    restart();
    start_serving();
    bench_command(&bench, 75, make_directory(5, 1));
    bench_settle(&bench);
    ck_assert_uint_eq(last_result().time, 9001);
}
END_TEST

static uint64_t
log_start(void)
{
    return fsp_raft_log_start(fsp_replica_raft(bench.replica));
}

START_TEST(drops_the_log_behind_the_state_that_is_kept)
{
    start_serving();
    uint64_t last = 1; /* entry */
    for (; last < 2000; last++) {
        bench_command(&bench, last, fsp_slice_text("x"));
        bench_settle(&bench);
    }
    /* All of it is written, synced, readable; none is said to be kept. */
    ck_assert_uint_eq(log_start(), 0);
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(bench.log)), 1 + last);
    bench_told(&bench, 1); /* from before any entry */
    bench_settle(&bench);
    ck_assert_uint_eq(log_start(), 0);
    bench_keep(&bench);
    ck_assert_uint_eq(log_start(), last - 1); /* raft keeps the last one that is kept, */
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(bench.log)), 1 + last);
    bench_settle(&bench); /* and the rows go with a lazy write */
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(bench.log)), 1 + 1);
    /* A failure of power finds log and state meeting. */
    bench_fail(&bench);
    ck_assert_int_eq(bench_start(&bench), FSP_OK);
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), last);
    start_serving();
    bench_command(&bench, 1, space_init());
    bench_settle(&bench);
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), last + 2);
}
END_TEST

/* Two writes an entry: the entry in one group, its rows in the next. */
START_TEST(is_told_late_twice_out_of_order_and_of_places_before_the_last)
{
    start_serving();
    bench_keep(&bench);
    uint64_t before = bench.place;
    for (uint64_t i = 2; i <= 2001; i++) {
        bench_command(&bench, i, fsp_slice_text("x"));
        bench_settle(&bench);
    }
    ck_assert_uint_eq(bench.place, before + 2 * 2000);
    bench_told(&bench, before + 2 * 600); /* rows of the entries up to 601 */
    ck_assert_uint_eq(log_start(), 600);
    bench_told(&bench, before + 2 * 600);
    bench_told(&bench, before);
    bench_told(&bench, before + 2 * 600 + 1); /* with the entry 602, not with its rows */
    ck_assert_uint_eq(log_start(), 600);
    bench_told(&bench, before + 2 * 1200 + 1);
    ck_assert_uint_le(log_start(), 1200); /* by less, if places were merged */
    ck_assert_uint_ge(log_start(), 1190);
    bench_told(&bench, UINT64_MAX); /* of groups that others wrote since */
    ck_assert_uint_eq(log_start(), 2000);
    bench_settle(&bench);
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(bench.log)), 1 + 1);
}
END_TEST

/* Thousands of entries behind: all are applied again, and each operation happened once. */
START_TEST(a_state_far_behind_its_log_is_brought_up_by_a_start)
{
    enum { JUNK = 20, DIRECTORIES = 200 };
    start_serving();
    bench_keep(&bench);
    bench_command(&bench, 1, space_init());
    bench_settle(&bench);
    fsp_result_t results[DIRECTORIES];
    uint64_t last = 2;
    for (uint8_t i = 0; i < DIRECTORIES; i++) {
        bench_command(&bench, i, make_directory(i, 1));
        bench_settle(&bench);
        results[i] = last_result();
        for (uint64_t j = 0; j < JUNK; j++) {
            bench_command(&bench, j, fsp_slice_text("x"));
            bench_settle(&bench);
        }
        last += 1 + JUNK;
    }
    ck_assert_uint_gt(last, 4000);
    bench_fail(&bench);
    ck_assert_int_eq(bench_start(&bench), FSP_OK);
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), 1);
    /* Asked in the middle of it, it answers with all of it. */
    bench_tick(&bench);
    while (!fsp_replica_ready(bench.replica))
        ck_assert_int_eq(bench_written(&bench), FSP_OK);
    ck_assert_uint_lt(fsp_replica_applied_index(bench.replica), 1000);
    bench_query(&bench, 80, ask_changes());
    bench_settle(&bench);
    ck_assert_ptr_nonnull(strstr((const char *)bench.text.data, "REPLY 80 OK"));
    ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), last + 1);
    ck_assert(fsp_replica_deadline(bench.replica) == FSP_TIME_NEVER);
    /* And then at once. */
    bench_forget(&bench);
    bench_query(&bench, 81, ask_changes());
    bench_expect(&bench, "REPLY 81 OK\n");
    for (uint8_t i = 0; i < DIRECTORIES; i++) {
        bench_command(&bench, 90, make_directory(i, 2));
        bench_settle(&bench);
        fsp_result_t again = last_result();
        ck_assert(again.repeated);
        ck_assert_uint_eq(again.index, results[i].index);
        ck_assert_uint_eq(again.time, results[i].time);
    }
    /* The places of the life before are nobody's. */
    ck_assert_uint_eq(log_start(), 0);
    bench_keep(&bench);
    ck_assert_uint_gt(log_start(), 4000);
}
END_TEST

/* Power fails again and again while the state is brought up, now with much of it kept, now with
   nothing of it. */
START_TEST(bringing_up_is_cut_short_again_and_again)
{
    start_serving();
    leave_tail(3000, fsp_slice_text("x"));
    fsp_prng_t prng;
    fsp_prng_init(&prng, 3);
    uint64_t kept = 1;
    unsigned lives = 0;
    for (bool done = false; !done; lives++) {
        ck_assert_uint_eq(fsp_replica_applied_index(bench.replica), kept);
        for (uint64_t steps = fsp_prng_below(&prng, 12); steps > 0; steps--) {
            bench_tick(&bench);
            if (bench.write_count > 0)
                ck_assert_int_eq(bench_written(&bench), FSP_OK);
            fsp_shard_row_t row;
            if (!fsp_prng_chance(&prng, 1, 4))
                continue;
            bench_keep(&bench);
            ck_assert_int_eq(fsp_meta_shard_row((fsp_shard_ref_t){.shard = 3, .generation = 1},
                                                fsp_memview_view(bench.kept), &row),
                             FSP_OK);
            kept = row.applied_index;
            ck_assert_uint_le(log_start(), kept);
        }
        done = kept > 3000;
        bench_fail(&bench);
        ck_assert_int_eq(bench_start(&bench), FSP_OK);
    }
    ck_assert_uint_gt(lives, 5);
    start_serving();
    bench_query(&bench, 80, ask_changes());
    bench_expect(&bench, "REPLY 80 OK\n");
}
END_TEST

START_TEST(refuses_to_start_on_a_log_that_lost_its_end)
{
    start_serving();
    bench_command(&bench, 70, space_init());
    bench_settle(&bench);
    bench_crash(&bench);
    bench.watermark = 3;
    ck_assert_int_eq(bench_start(&bench), FSP_DAMAGED);
    ck_assert_str_eq(bench.error.text, "log ends at 2 but 3 was acknowledged");
}
END_TEST

START_TEST(refuses_a_state_of_another_history)
{
    start_serving();
    bench_command(&bench, 70, space_init());
    bench_settle(&bench);
    fsp_memview_t *state = bench.state;
    bench.state = fsp_memview_new();
    fsp_memview_t *log = bench.log;
    bench.log = fsp_memview_new();
    bench.state_view = fsp_memview_view(bench.state);
    bench.watermark = 0;
    restart();
    start_serving();
    restart(); /* the same indexes, in term 2 */
    start_serving();
    bench_crash(&bench);
    fsp_memview_destroy(&bench.log);
    bench.log = log;
    ck_assert_int_eq(bench_start(&bench), FSP_DAMAGED);
    ck_assert_str_eq(bench.error.text, "state is at 2 of term 2, the log has term 1 there");
    fsp_memview_destroy(&bench.state);
    bench.state = state;
    bench.state_view = fsp_memview_view(state);
}
END_TEST

static fsp_status_t
failing_get(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    (void)view, (void)key, (void)ret_value;
    return FSP_IO;
}

START_TEST(stops_for_good_when_a_read_fails)
{
    static const fsp_view_ops_t broken_ops = {.get = failing_get};
    start_serving();
    bench_command(&bench, 70, space_init());
    const fsp_view_ops_t *ops = bench.state_view->ops;
    bench.state_view->ops = &broken_ops;
    ck_assert_int_eq(bench_written(&bench), FSP_IO);
    bench.state_view->ops = ops;
    fsp_replica_event_t tick = {.type = FSP_REPLICA_TICK};
    ck_assert_int_eq(bench_step(&bench, tick), FSP_IO);
    ck_assert_uint_eq(bench.effects.count, 0);
    restart();
    start_serving();
    ck_assert_uint_eq(count_changes(80), 1);
}
END_TEST

START_TEST(takes_answers_of_the_disk_only_in_order)
{
    start_serving();
    bench_command(&bench, 70, space_init());
    fsp_replica_event_t wrong = {.type = FSP_REPLICA_WRITTEN, .token = 5};
    FSP_EXPECT_ABORT((void)bench_step(&bench, wrong));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("replica");
    TCase *tests = tcase_create("one voter");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, elects_itself_and_serves);
    tcase_add_test(tests, replies_when_the_entry_is_written_and_not_before);
    tcase_add_test(tests, shows_what_is_applied_before_the_database_has_it);
    tcase_add_test(tests, refuses_what_comes_before_it_leads_and_holds_queries_until_it_is_ready);
    tcase_add_test(tests, measures_commands_and_queries);
    tcase_add_test(tests, applies_again_what_a_crash_lost);
    tcase_add_test(tests, applies_a_long_tail_in_bounded_steps);
    tcase_add_test(tests, reads_a_tail_back_no_faster_than_the_store_writes);
    tcase_add_test(tests, log_time_grows_whatever_the_clock_does);
    tcase_add_test(tests, drops_the_log_behind_the_state_that_is_kept);
    tcase_add_test(tests, is_told_late_twice_out_of_order_and_of_places_before_the_last);
    tcase_add_test(tests, a_state_far_behind_its_log_is_brought_up_by_a_start);
    tcase_add_test(tests, bringing_up_is_cut_short_again_and_again);
    tcase_add_test(tests, refuses_to_start_on_a_log_that_lost_its_end);
    tcase_add_test(tests, refuses_a_state_of_another_history);
    tcase_add_test(tests, stops_for_good_when_a_read_fails);
    tcase_add_test(tests, takes_answers_of_the_disk_only_in_order);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
