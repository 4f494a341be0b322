/* SPDX-License-Identifier: MIT */
/* test_replica_many - three replicas, commands and queries at any of them.  Layer tests. */
#include "core/meta/answer.h"
#include "core/meta/command.h"
#include "tests/unit/engine/mesh.h"
#include "tests/unit/engine/replica_commands.h"

static mesh_t mesh;
static fsp_buf_t bytes;

static void
set_up(void)
{
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    mesh_init(&mesh, 3, false);
}

static void
tear_down(void)
{
    mesh_clear(&mesh);
    fsp_buf_clear(&bytes);
}

static fsp_result_t
result_at(uint64_t number)
{
    fsp_result_t result;
    ck_assert_int_eq(fsp_result_decode(fsp_buf_slice(&mesh.replicas[number].reply.bytes), &result),
                     FSP_OK);
    return result;
}

static void
command_ok(uint64_t number, uint64_t token, fsp_slice_t command)
{
    mesh_command(&mesh, number, token, command, false);
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, number, token, FSP_OK);
    ck_assert_int_eq(result_at(number).status, FSP_OK);
}

/* Changes that a query at this replica shows. */
static uint64_t
changes_at(uint64_t number, uint64_t token)
{
    mesh_query(&mesh, number, token, replica_ask_changes(&bytes));
    mesh_run(&mesh, 200);
    mesh_expect_reply(&mesh, number, token, FSP_OK);
    fsp_answer_t answer;
    ck_assert_int_eq(fsp_answer_open(fsp_buf_slice(&mesh.replicas[number].reply.bytes), &answer),
                     FSP_OK);
    ck_assert_int_eq(answer.status, FSP_OK);
    return answer.count;
}

/* 1 is cut off, with what it has in its log; 2 or 3 leads, which is returned. */
static uint64_t
depose_first(void)
{
    mesh.cut[1] = true;
    for (int i = 0; i < 1000; i++) {
        uint64_t leader = mesh_leader(&mesh);
        if (leader > 1)
            return leader;
        mesh_run(&mesh, 10);
    }
    ck_abort_msg("nobody leads");
    return 0;
}

START_TEST(commands_are_taken_by_the_leader_and_named_to_others)
{
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    mesh_command(&mesh, 2, 71, replica_make_directory(&bytes, 1, 1), false);
    mesh_expect_reply(&mesh, 2, 71, FSP_NOT_LEADER);
    ck_assert_uint_eq(mesh.replicas[2].reply.leader, 1);
    mesh_settle(&mesh);
    ck_assert_uint_eq(mesh.replicas[2].replies, 1);
    command_ok(1, 72, replica_make_directory(&bytes, 1, 2));
    mesh_run(&mesh, 200);
    mesh_expect_same_state(&mesh, 1, 2);
    mesh_expect_same_state(&mesh, 1, 3);
}
END_TEST

START_TEST(without_a_leader_nothing_is_promised)
{
    mesh_start(&mesh, 1);
    mesh_command(&mesh, 1, 70, replica_space_init(&bytes), false);
    mesh_expect_reply(&mesh, 1, 70, FSP_BUSY);
    mesh_query(&mesh, 1, 80, replica_ask_changes(&bytes));
    mesh_expect_reply(&mesh, 1, 80, FSP_BUSY);
}
END_TEST

START_TEST(a_reply_waits_for_a_majority)
{
    mesh_start_led_by(&mesh, 1);
    mesh.replicas[2].slow = mesh.replicas[3].slow = true;
    mesh_command(&mesh, 1, 70, replica_space_init(&bytes), false);
    mesh_settle(&mesh);
    ck_assert_uint_eq(mesh.replicas[1].replies, 0);
    mesh.replicas[3].slow = false;
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, 70, FSP_OK);
    /* And for the own disk: the log is never behind the state. */
    mesh.replicas[2].slow = false;
    mesh.replicas[1].slow = true;
    mesh_command(&mesh, 1, 71, replica_make_directory(&bytes, 1, 1), false);
    mesh_settle(&mesh);
    ck_assert_uint_eq(mesh.replicas[1].replies, 1);
    mesh.replicas[1].slow = false;
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, 71, FSP_OK);
}
END_TEST

/* Its entry is cut by another leader's: it may never happen, or come back; not said to have failed
   (facts: bug 14). */
START_TEST(a_command_that_another_leader_cut_is_answered_not_leader)
{
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    mesh.cut[1] = true;
    mesh_command(&mesh, 1, 71, replica_make_directory(&bytes, 1, 1), false);
    mesh_settle(&mesh);
    ck_assert_uint_eq(mesh.replicas[1].replies, 1);
    uint64_t leader = depose_first();
    command_ok(leader, 72, replica_make_directory(&bytes, 2, 1));
    ck_assert_uint_eq(mesh.replicas[1].replies, 1); /* it cannot know */
    mesh.cut[1] = false;
    mesh_run(&mesh, 1000);
    mesh_expect_reply(&mesh, 1, 71, FSP_NOT_LEADER);
    ck_assert_uint_eq(mesh.replicas[1].replies, 2);
    mesh_expect_same_state(&mesh, 1, leader);
    /* Sent again under its id, it happens once. */
    command_ok(leader, 73, replica_make_directory(&bytes, 1, 2));
    ck_assert(!result_at(leader).repeated);
    ck_assert_uint_eq(changes_at(1, 80), 3);
}
END_TEST

/* The other way round: it was committed, and the answer was lost with the leadership.  The old
   leader answers when it learns of it; sent again elsewhere, it is found. */
START_TEST(a_command_that_survived_its_leader_happened_once)
{
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    mesh_command(&mesh, 1, 71, replica_make_directory(&bytes, 1, 1), false);
    mesh.replicas[1].slow = true; /* the others get it; its own disk does not */
    mesh_settle(&mesh);
    ck_assert_uint_eq(mesh.replicas[1].replies, 1);
    uint64_t leader = depose_first();
    mesh.replicas[1].slow = false;
    mesh.cut[1] = false;
    mesh_run(&mesh, 1000);
    mesh_expect_reply(&mesh, 1, 71, FSP_OK);
    command_ok(leader, 72, replica_make_directory(&bytes, 1, 2));
    ck_assert(result_at(leader).repeated);
    ck_assert_uint_eq(changes_at(leader, 80), 2);
}
END_TEST

START_TEST(any_replica_answers_with_what_was_acknowledged)
{
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    for (uint8_t i = 1; i <= 5; i++) {
        command_ok(1, 70 + i, replica_make_directory(&bytes, i, 1));
        for (uint64_t number = 1; number <= 3; number++)
            ck_assert_uint_eq(changes_at(number, 80 + number), 1 + i);
    }
    /* A follower that lags waits until it has applied what the leader named. */
    mesh.replicas[3].slow = true;
    command_ok(1, 90, replica_make_directory(&bytes, 6, 1));
    size_t replies = mesh.replicas[3].replies;
    mesh_query(&mesh, 3, 91, replica_ask_changes(&bytes));
    mesh_run(&mesh, 50);
    ck_assert_uint_eq(mesh.replicas[3].replies, replies);
    mesh.replicas[3].slow = false;
    mesh_run(&mesh, 200);
    mesh_expect_reply(&mesh, 3, 91, FSP_OK);
}
END_TEST

/* Cut off from the leader it says so and guesses nothing. */
START_TEST(a_query_that_reaches_no_leader_is_refused)
{
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    mesh.cut[3] = true;
    mesh_query(&mesh, 3, 80, replica_ask_changes(&bytes));
    mesh_run(&mesh, 1200);
    mesh_expect_reply(&mesh, 3, 80, FSP_BUSY);
    mesh_query(&mesh, 1, 81, replica_ask_changes(&bytes));
    mesh.cut[1] = true;
    mesh_run(&mesh, 2500);
    mesh_expect_reply(&mesh, 1, 81, FSP_BUSY);
}
END_TEST

/* The new leader's clock is an hour behind: log time goes on from the log, a microsecond a command,
   and from there with the monotonic clock. */
START_TEST(log_time_rises_over_a_change_of_leaders)
{
    mesh.wall_us[1] = (fsp_time_t)7200 * 1000 * 1000;
    mesh.wall_us[2] = mesh.wall_us[3] = (fsp_time_t)3600 * 1000 * 1000;
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    command_ok(1, 71, replica_make_directory(&bytes, 1, 1));
    fsp_time_t before = result_at(1).time;
    ck_assert_uint_ge(before, (fsp_time_t)7200 * 1000 * 1000);
    uint64_t leader = depose_first();
    for (uint8_t i = 2; i < 6; i++) {
        command_ok(leader, 70 + i, replica_make_directory(&bytes, i, 1));
        ck_assert_uint_gt(result_at(leader).time, before);
        before = result_at(leader).time;
    }
    /* Also when the state does not know the entry yet: a leader has seen what it got. */
    mesh.cut[1] = false;
    mesh_run(&mesh, 500);
    mesh_step(&mesh, leader, (fsp_replica_event_t){.type = FSP_REPLICA_TRANSFER, .replica = 1});
    mesh_run(&mesh, 500);
    ck_assert_uint_eq(mesh_leader(&mesh), 1);
    mesh.wall_us[1] = 0;
    command_ok(1, 90, replica_make_directory(&bytes, 7, 1));
    ck_assert_uint_gt(result_at(1).time, before);
}
END_TEST

/* A deposed leader gets a snapshot: which of its commands happened, the snapshot does not say. */
START_TEST(a_snapshot_answers_the_commands_below_it)
{
    mesh.limits.keep_entries = 2;
    mesh.limits.drop_entries_min = 5;
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    mesh.cut[1] = true;
    mesh_command(&mesh, 1, 71, replica_make_directory(&bytes, 1, 1), false);
    uint64_t leader = depose_first();
    mesh_run(&mesh, 1200);
    for (uint8_t i = 0; i < 30; i++)
        command_ok(leader, 100u + i, replica_make_directory(&bytes, (uint8_t)(10 + i), 1));
    mesh.cut[1] = false;
    mesh_run(&mesh, 2000);
    mesh_expect_reply(&mesh, 1, 71, FSP_NOT_LEADER);
    ck_assert_uint_eq(fsp_replica_shard(mesh.replicas[1].replica).generation, 2);
    mesh_expect_same_state(&mesh, 1, leader);
    ck_assert_uint_eq(changes_at(1, 80), 31);
}
END_TEST

/* A newcomer without a log: learner, then voter; who is replaced is told that it is gone. */
START_TEST(members_follow_the_target)
{
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    mesh_add(&mesh, 4, NULL);
    mesh_start(&mesh, 4);
    fsp_raft_target_t target = mesh_target(2, 4, false);
    target.members[2] = target.members[3]; /* nodes 1, 2, 4 */
    target.count = 3;
    mesh_step(&mesh, 1, (fsp_replica_event_t){.type = FSP_REPLICA_CONFIGURE, .target = &target});
    mesh_run(&mesh, 1000);
    ck_assert(mesh.replicas[3].removed);
    ck_assert(!mesh.replicas[4].removed);
    mesh_expect_same_state(&mesh, 1, 4);
    ck_assert_uint_eq(changes_at(4, 80), 1);
    /* It counts: with 2 away, 1 and 4 are a majority. */
    mesh.cut[2] = true;
    command_ok(1, 71, replica_make_directory(&bytes, 1, 1));
    /* What it was and where it stands is on its disk. */
    mesh_crash(&mesh, 4);
    mesh_start(&mesh, 4);
    mesh_run(&mesh, 500);
    command_ok(1, 72, replica_make_directory(&bytes, 2, 1));
}
END_TEST

/* The rows of the space vanish there: the next MKDIR has another result. */
static void
lose_the_space(uint64_t number)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_row_key_t from = fsp_row_key(mesh_shard, FSP_TABLE_SHARD, (fsp_space_id_t){{0}});
    fsp_row_key_t first = from;
    fsp_row_key_add(&first, fsp_slice((const uint8_t *)"", 1));
    fsp_row_key_t end = {.used = 8};
    memcpy(end.bytes, from.bytes, 8);
    fsp_row_key_to_prefix_end(&end);
    fsp_batch_delete_range(batch, FSP_FAMILY_STATE, fsp_row_key_slice(&first),
                           fsp_row_key_slice(&end));
    fsp_memview_apply(mesh.replicas[number].state, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
}

/* R4: 3 computes something else from the same entries, and is stopped. */
START_TEST(a_replica_whose_results_differ_is_stopped)
{
    mesh.limits.digest_every = 10;
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    mesh_run(&mesh, 200);
    lose_the_space(3);
    for (uint8_t i = 1; i <= 20; i++)
        command_ok(1, 100u + i, replica_make_directory(&bytes, i, 1));
    mesh_run(&mesh, 500);
    ck_assert(mesh.replicas[3].stopped);
    ck_assert(!mesh.replicas[1].stopped && !mesh.replicas[2].stopped);
}
END_TEST

/* R4: windows that were told before a failure of power are digested again, from the first one that
   begins behind the state that was kept; equal ones stop nobody, and a difference is still seen. */
START_TEST(results_are_compared_behind_a_state_that_was_behind)
{
    mesh.limits.digest_every = 10;
    mesh.replicas[3].lags = true;
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    for (uint8_t i = 1; i <= 34; i++)
        command_ok(1, 100u + i, replica_make_directory(&bytes, i, 1));
    mesh_run(&mesh, 500);
    uint64_t applied = fsp_replica_applied_index(mesh.replicas[3].replica);
    for (int life = 0; life < 3; life++) {
        mesh_crash(&mesh, 3);
        mesh_start(&mesh, 3);
        ck_assert_uint_lt(fsp_replica_applied_index(mesh.replicas[3].replica), applied);
        mesh_run(&mesh, 1000);
        ck_assert_uint_eq(fsp_replica_applied_index(mesh.replicas[3].replica), applied);
        ck_assert(!mesh.replicas[3].stopped);
        if (life == 1) /* somewhere within a window */
            mesh_copy(mesh.replicas[3].state, mesh.replicas[3].kept);
        for (uint8_t i = 1; i <= 7; i++)
            command_ok(1, 300u + i,
                       replica_make_directory(&bytes, (uint8_t)(40 + 8 * life + i), 1));
        applied += 7;
        mesh_run(&mesh, 500);
    }
    ck_assert_uint_ne(applied % 10, 0);
    mesh_expect_same_state(&mesh, 1, 3);
    lose_the_space(3); /* and what it remembers of it */
    mesh_copy(mesh.replicas[3].state, mesh.replicas[3].kept);
    mesh_crash(&mesh, 3);
    mesh_start(&mesh, 3);
    for (uint8_t i = 1; i <= 20; i++)
        command_ok(1, 400u + i, replica_make_directory(&bytes, (uint8_t)(100 + i), 1));
    mesh_run(&mesh, 500);
    ck_assert(mesh.replicas[3].stopped);
    ck_assert(!mesh.replicas[1].stopped && !mesh.replicas[2].stopped);
}
END_TEST

/* All power fails, with none of the state kept anywhere: what was acknowledged is in the logs. */
START_TEST(a_state_that_is_kept_nowhere_comes_from_the_logs)
{
    for (uint64_t i = 1; i <= 3; i++)
        mesh.replicas[i].lags = true;
    mesh_start_led_by(&mesh, 1);
    command_ok(1, 70, replica_space_init(&bytes));
    for (uint8_t i = 1; i <= 30; i++)
        command_ok(1, 100u + i, replica_make_directory(&bytes, i, 1));
    fsp_result_t before = result_at(1);
    mesh_run(&mesh, 200);
    for (uint64_t i = 1; i <= 3; i++)
        mesh_crash(&mesh, i);
    mesh_start(&mesh, 2);
    mesh_start(&mesh, 3);
    ck_assert_uint_eq(fsp_replica_applied_index(mesh.replicas[2].replica), 0);
    for (int i = 0; i < 1000 && mesh_leader(&mesh) == 0; i++)
        mesh_run(&mesh, 10);
    uint64_t leader = mesh_leader(&mesh);
    ck_assert_uint_ne(leader, 0);
    ck_assert_uint_eq(changes_at(leader, 80), 31);
    mesh_command(&mesh, leader, 90, replica_make_directory(&bytes, 30, 2), false);
    mesh_settle(&mesh);
    fsp_result_t again = result_at(leader);
    ck_assert(again.repeated);
    ck_assert_uint_eq(again.index, before.index);
}
END_TEST

/* -- two nodes --------------------------------------------------------------------------------- */

static void
set_up_two(void)
{
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    mesh_init(&mesh, 1, true);
    mesh_start_led_by(&mesh, 1);
}

START_TEST(a_change_of_two_copies_is_answered_when_both_have_it)
{
    mesh.replicas[2].slow = true;
    mesh_command(&mesh, 1, 70, replica_space_init(&bytes), true);
    mesh_settle(&mesh);
    ck_assert_uint_eq(mesh.replicas[1].replies, 0);
    mesh_command(&mesh, 1, 71, replica_make_directory(&bytes, 1, 1), false);
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, 71, FSP_OK); /* this one needs one */
    mesh.replicas[2].slow = false;
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, 70, FSP_OK);
    ck_assert_uint_eq(mesh.replicas[1].replies, 2);
    /* What is copied by then is answered at once. */
    mesh_command(&mesh, 1, 72, replica_make_directory(&bytes, 2, 1), true);
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, 72, FSP_OK);
    mesh_run(&mesh, 200);
    mesh_expect_same_state(&mesh, 1, 2);
}
END_TEST

START_TEST(without_the_second_copy_changes_are_refused_and_reads_go_on)
{
    command_ok(1, 70, replica_space_init(&bytes));
    mesh_crash(&mesh, 2);
    mesh_run(&mesh, 1500);
    mesh_command(&mesh, 1, 71, replica_make_directory(&bytes, 1, 1), true);
    mesh_expect_reply(&mesh, 1, 71, FSP_NEEDS_TWO_COPIES);
    ck_assert_uint_eq(changes_at(1, 80), 1);
    command_ok(1, 72, replica_make_directory(&bytes, 2, 1));
}
END_TEST

/* The learner goes for good: what waited for it is answered when a configuration without it is
   committed; nobody would ever say that there is a second copy. */
START_TEST(what_waits_for_a_learner_that_goes_is_answered)
{
    command_ok(1, 70, replica_space_init(&bytes));
    mesh.replicas[2].slow = true;
    mesh_command(&mesh, 1, 71, replica_make_directory(&bytes, 1, 1), true);
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, 70, FSP_OK);
    fsp_raft_target_t target = mesh_target(2, 1, false);
    mesh_step(&mesh, 1, (fsp_replica_event_t){.type = FSP_REPLICA_CONFIGURE, .target = &target});
    mesh_run(&mesh, 100);
    mesh_expect_reply(&mesh, 1, 71, FSP_OK);
    /* And a learner that comes later begins at the beginning. */
    mesh_add(&mesh, 3, NULL);
    mesh_start(&mesh, 3);
    fsp_raft_target_t again = mesh_target(3, 3, true);
    again.members[1] = again.members[2];
    again.members[1].sync = true;
    again.count = 2;
    mesh_step(&mesh, 1, (fsp_replica_event_t){.type = FSP_REPLICA_CONFIGURE, .target = &again});
    mesh_run(&mesh, 500);
    mesh_command(&mesh, 1, 72, replica_make_directory(&bytes, 2, 1), true);
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, 72, FSP_OK);
    mesh_expect_same_state(&mesh, 1, 3);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("replica_many");
    TCase *three = tcase_create("three replicas");
    tcase_set_timeout(three, 60);
    tcase_add_checked_fixture(three, set_up, tear_down);
    tcase_add_test(three, commands_are_taken_by_the_leader_and_named_to_others);
    tcase_add_test(three, without_a_leader_nothing_is_promised);
    tcase_add_test(three, a_reply_waits_for_a_majority);
    tcase_add_test(three, a_command_that_another_leader_cut_is_answered_not_leader);
    tcase_add_test(three, a_command_that_survived_its_leader_happened_once);
    tcase_add_test(three, any_replica_answers_with_what_was_acknowledged);
    tcase_add_test(three, a_query_that_reaches_no_leader_is_refused);
    tcase_add_test(three, log_time_rises_over_a_change_of_leaders);
    tcase_add_test(three, a_snapshot_answers_the_commands_below_it);
    tcase_add_test(three, members_follow_the_target);
    tcase_add_test(three, a_replica_whose_results_differ_is_stopped);
    tcase_add_test(three, results_are_compared_behind_a_state_that_was_behind);
    tcase_add_test(three, a_state_that_is_kept_nowhere_comes_from_the_logs);
    suite_add_tcase(suite, three);
    TCase *two = tcase_create("two nodes");
    tcase_add_checked_fixture(two, set_up_two, tear_down);
    tcase_add_test(two, a_change_of_two_copies_is_answered_when_both_have_it);
    tcase_add_test(two, without_the_second_copy_changes_are_refused_and_reads_go_on);
    tcase_add_test(two, what_waits_for_a_learner_that_goes_is_answered);
    suite_add_tcase(suite, two);
    return fsp_suite_main(suite);
}
