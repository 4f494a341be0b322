/* SPDX-License-Identifier: MIT */
/* test_transcript_read - linearizable reads, and meshes of two: stories in virtual time.  Tests. */
#include "tests/unit/raft/cluster.h"

static cluster_t world;

static void
tear_down(void)
{
    cluster_clear(&world);
}

static void
start(void)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    world.shows = CLUSTER_SHOWS_HEARTBEATS;
}

/* A round of heartbeats that starts after the read came; those that come while it is out wait for
   the next one, which starts when this one is through and serves them all. */
START_TEST(a_read_waits_for_a_round_that_began_after_it)
{
    start();
    cluster_run(&world, 100); /* away from the periodic ones */
    cluster_read(&world, 1, 80);
    cluster_read(&world, 1, 81);
    cluster_read(&world, 1, 82);
    cluster_run(&world, 10);
    cluster_expect(&world, "3529.2 1> 2 HEARTBEAT term 2, commit 2, round 0\n"
                           "3529.2 1> 3 HEARTBEAT term 2, commit 2, round 0\n"
                           "3530.2 2> 1 HEARTBEATED term 2, round 0\n"
                           "3530.2 3> 1 HEARTBEATED term 2, round 0\n"
                           "3540.0 1> 2 HEARTBEAT term 2, commit 2, round 1\n"
                           "3540.0 1> 3 HEARTBEAT term 2, commit 2, round 1\n"
                           "3541.0 2> 1 HEARTBEATED term 2, round 1\n"
                           "3541.0 3> 1 HEARTBEATED term 2, round 1\n"
                           "3542.0 1> 2 HEARTBEAT term 2, commit 2, round 2\n"
                           "3542.0 1> 3 HEARTBEAT term 2, commit 2, round 2\n"
                           "3542.0 1| reads 80 at 2\n"
                           "3543.0 2> 1 HEARTBEATED term 2, round 2\n"
                           "3543.0 3> 1 HEARTBEATED term 2, round 2\n"
                           "3544.0 1| reads 81 at 2\n"
                           "3544.0 1| reads 82 at 2\n");
}
END_TEST

/* What commits after a read came does not change its index; what was committed before counts. */
START_TEST(a_read_is_of_the_moment_it_came)
{
    start();
    world.shows = 0;
    cluster_propose(&world, 1, "a");
    cluster_read(&world, 1, 80);
    cluster_run(&world, 20);
    cluster_read(&world, 1, 81);
    cluster_run(&world, 20);
    cluster_expect(&world, "3440.0 1| accepts 1 as 3.2\n"
                           "3442.0 1| reads 80 at 2\n"
                           "3444.0 1| commits 3.2\n"
                           "3445.0 2| commits 3.2\n"
                           "3445.0 3| commits 3.2\n"
                           "3462.0 1| reads 81 at 3\n");
}
END_TEST

/* Facts: bug 10.  Who has just been elected does not know what was committed. */
START_TEST(a_new_leader_answers_when_its_own_entry_is_committed)
{
    cluster_init(&world, 1, 3, false);
    cluster_log(&world, 1, "12");
    cluster_log(&world, 2, "12");
    cluster_log(&world, 3, "12");
    world.shows = 0;
    cluster_start_all(&world);
    for (int i = 0; i < 3000 && cluster_leader(&world) == 0; i++)
        cluster_run(&world, 1);
    uint64_t leader = cluster_leader(&world);
    ck_assert(!fsp_raft_ready(world.replicas[leader].raft));
    cluster_forget(&world);
    cluster_read(&world, leader, 80);
    cluster_run(&world, 12);
    cluster_expect(&world, "2486.5 1| follows in term 3, leader 3\n"
                           "2486.5 2| follows in term 3, leader 3\n"
                           "2489.5 3| commits 4.3\n"
                           "2489.5 3| is configured by 1 {voters 1 2 3}\n"
                           "2489.5 3| fetches 1..3\n"
                           "2490.5 1| commits 4.3\n"
                           "2490.5 1| is configured by 1 {voters 1 2 3}\n"
                           "2490.5 1| fetches 1..3\n"
                           "2490.5 2| commits 4.3\n"
                           "2490.5 2| is configured by 1 {voters 1 2 3}\n"
                           "2490.5 2| fetches 1..3\n"
                           "2491.5 3| reads 80 at 4\n");
}
END_TEST

/* A deposed leader that does not know it yet answers nothing: no majority confirms its round. */
START_TEST(a_deposed_leader_answers_no_read)
{
    start();
    world.shows = 0;
    cluster_isolate(&world, 1);
    cluster_run(&world, 700);
    cluster_read(&world, 1, 80);
    cluster_run(&world, 3000);
    cluster_expect(&world, "4530.3 3> 1 PREVOTE term 3, end 2.2\n"
                           "4530.3 3> 2 PREVOTE term 3, end 2.2\n"
                           "4530.3 3| follows in term 2\n"
                           "4531.3 2> 3 PREVOTED term 3\n"
                           "4532.3 3| campaigns in term 3\n"
                           "4534.3 3> 1 VOTE term 3, end 2.2\n"
                           "4534.3 3> 2 VOTE term 3, end 2.2\n"
                           "4535.3 2| follows in term 3\n"
                           "4537.3 2> 3 VOTED term 3\n"
                           "4538.3 3| leads in term 3\n"
                           "4539.3 2| follows in term 3, leader 3\n"
                           "4542.3 3| commits 3.3\n"
                           "4543.3 2| commits 3.3\n"
                           "4929.2 1| refuses 80 BUSY, leader 1\n"
                           "4929.2 1| follows in term 2\n"
                           "6308.9 1> 2 PREVOTE term 3, end 2.2\n"
                           "6308.9 1> 3 PREVOTE term 3, end 2.2\n");
    cluster_read(&world, 1, 81); /* no leader is known */
    cluster_expect(&world, "7140.0 1| refuses 81 BUSY, leader 0\n");
}
END_TEST

/* At a follower: it asks for an index and serves from its own state when it has applied that. */
START_TEST(a_follower_asks_the_leader_for_an_index)
{
    start();
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 10);
    cluster_forget(&world);
    cluster_read(&world, 3, 90);
    cluster_run(&world, 10);
    cluster_expect(&world, "3450.0 3> 1 READ_ASK term 2\n"
                           "3451.0 1> 2 HEARTBEAT term 2, commit 3, round 1\n"
                           "3451.0 1> 3 HEARTBEAT term 2, commit 3, round 1\n"
                           "3452.0 2> 1 HEARTBEATED term 2, round 1\n"
                           "3452.0 3> 1 HEARTBEATED term 2, round 1\n"
                           "3453.0 1> 3 READ_TOLD term 2, index 3\n"
                           "3454.0 3| reads 90 at 3\n");
}
END_TEST

/* The leader is silent, or is not leader any more: the asker is told or gives up, and nobody passes
   the question on (facts: bug 13). */
START_TEST(a_question_that_finds_no_leader_ends)
{
    start();
    world.shows = 0;
    cluster_cut(&world, 3, 1);
    cluster_read(&world, 3, 90);
    cluster_run(&world, 1100);
    cluster_heal(&world);
    cluster_expect(&world, "3440.0 3> 1 READ_ASK term 2\n"
                           "4440.0 3| refuses 90 BUSY, leader 1\n");
    fsp_raft_message_t ask = {.type = FSP_RAFT_READ_ASK, .from = 3, .to = 2, .term = 2, .round = 7};
    cluster_step(&world, 2, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &ask});
    cluster_run(&world, 5);
    cluster_expect(&world, "4540.0 2> 3 READ_TOLD term 2 refused, index 0\n");
}
END_TEST

/* Facts: bug 12.  3 asked in an earlier life; the answer comes after its restart, when it has asked
   again.  Numbers of questions go on from elsewhere in each life, so the old answer is nobody's. */
START_TEST(an_answer_to_an_earlier_life_answers_nothing)
{
    start();
    world.latency_us[1][3] = 400 * 1000; /* the answer is slow */
    cluster_read(&world, 3, 90);
    cluster_run(&world, 5);
    cluster_crash(&world, 3);
    cluster_start(&world, 3);
    world.latency_us[3][1] = 100 * 1000; /* and so is what 3 will ask */
    world.shows = 0;
    fsp_raft_message_t life = {.type = FSP_RAFT_HEARTBEAT, .from = 1, .to = 3, .term = 2};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &life});
    cluster_propose(&world, 1, "written after the first question");
    cluster_run(&world, 380);
    cluster_forget(&world);
    cluster_read(&world, 3, 91);
    cluster_run(&world, 30);
    cluster_expect(&world, "3825.0 3> 1 READ_ASK term 2\n"
                           "3841.0 3| commits 2.2\n"
                           "3841.0 3| is configured by 1 {voters 1 2 3}\n"
                           "3841.0 3| fetches 1..2\n"
                           "3849.0 3| commits 3.2\n");
    cluster_run(&world, 600);
    cluster_expect(&world, "3927.0 1> 3 READ_TOLD term 2, index 3\n"
                           "4327.0 3| reads 91 at 3\n");
}
END_TEST

/* A lost round is confirmed by the next heartbeats, which carry its number. */
START_TEST(a_round_that_was_lost_is_confirmed_by_the_next_heartbeat)
{
    start();
    world.shows = 0;
    cluster_isolate(&world, 1);
    cluster_read(&world, 1, 80);
    cluster_heal(&world);
    cluster_run(&world, 170);
    cluster_expect(&world, "3592.0 1| reads 80 at 2\n");
}
END_TEST

/* -- two nodes --------------------------------------------------------------------------------- */

/* One voter and a synchronous learner: the voter alone commits; COPIED says what the learner has.
 */
START_TEST(a_synchronous_learner_is_a_second_copy)
{
    cluster_init(&world, 1, 1, true);
    cluster_start_all(&world);
    cluster_run(&world, 100);
    cluster_expect(&world, "1000.0 1| writes term 2 vote 1\n"
                           "1000.0 1| campaigns in term 2\n"
                           "1002.0 1| writes 2.2 no-op\n"
                           "1002.0 1> 2 APPEND term 2, behind 1.1, commit 0: 2.2 no-op\n"
                           "1002.0 1| leads in term 2\n"
                           "1003.0 2| writes term 2 vote 0 2.2 no-op\n"
                           "1003.0 2| follows in term 2, leader 1\n"
                           "1004.0 1| commits 2.2\n"
                           "1004.0 1| is configured by 1 {voters 1, sync 2}\n"
                           "1004.0 1| fetches 1..1\n"
                           "1005.0 2> 1 APPENDED term 2 2\n"
                           "1006.0 1| has 2 copied\n"
                           "1006.0 1> 2 APPEND term 2, behind 2.2, commit 2\n"
                           "1007.0 2| commits 2.2\n"
                           "1007.0 2| is configured by 1 {voters 1, sync 2}\n"
                           "1007.0 2| fetches 1..1\n"
                           "1007.0 2> 1 APPENDED term 2 2\n");
    cluster_propose_with(&world, 1, "a", true);
    cluster_run(&world, 20);
    cluster_expect(&world, "1100.0 1| accepts 1 as 3.2\n"
                           "1100.0 1| writes 3.2 'a'\n"
                           "1100.0 1> 2 APPEND term 2, behind 2.2, commit 2: 3.2 'a'\n"
                           "1101.0 2| writes 3.2 'a'\n"
                           "1102.0 1| commits 3.2\n"
                           "1102.0 1> 2 APPEND term 2, behind 3.2, commit 3\n"
                           "1103.0 2> 1 APPENDED term 2 3\n"
                           "1103.0 2| commits 3.2\n"
                           "1103.0 2> 1 APPENDED term 2 3\n"
                           "1104.0 1| has 3 copied\n");
}
END_TEST

/* While it is away, what needs two copies is refused, before it is an entry; the rest goes on, and
   so do reads.  When it is back, all of it is copied. */
START_TEST(without_the_second_copy_only_what_needs_it_is_refused)
{
    cluster_init(&world, 1, 1, true);
    cluster_start_all(&world);
    cluster_run(&world, 100);
    world.shows = 0;
    cluster_crash(&world, 2);
    cluster_run(&world, 1100);
    cluster_forget(&world);
    cluster_propose_with(&world, 1, "a", true);
    cluster_propose(&world, 1, "b");
    cluster_read(&world, 1, 80);
    cluster_run(&world, 10);
    cluster_expect(&world, "2200.0 1| refuses 1 NEEDS_TWO_COPIES, leader 1\n"
                           "2200.0 1| accepts 2 as 3.2\n"
                           "2200.0 1| reads 80 at 2\n"
                           "2202.0 1| commits 3.2\n");
    cluster_start(&world, 2);
    cluster_run(&world, 200);
    cluster_propose_with(&world, 1, "c", true);
    cluster_run(&world, 20);
    cluster_expect(&world, "2351.0 2| commits 2.2\n"
                           "2351.0 2| is configured by 1 {voters 1, sync 2}\n"
                           "2351.0 2| fetches 1..2\n"
                           "2351.0 2| follows in term 2, leader 1\n"
                           "2357.0 2| commits 3.2\n"
                           "2358.0 1| has 3 copied\n"
                           "2410.0 1| accepts 3 as 4.2\n"
                           "2412.0 1| commits 4.2\n"
                           "2413.0 2| commits 4.2\n"
                           "2414.0 1| has 4 copied\n");
}
END_TEST

/* -- do the replicas compute the same? (R4) ---------------------------------------------------- */

static void
digest(uint64_t replica, uint64_t index, uint8_t value)
{
    cluster_step(&world, replica,
                 (fsp_raft_event_t){.type = FSP_RAFT_DIGEST, .index = index, .digest = {{value}}});
}

START_TEST(a_follower_whose_results_differ_stops)
{
    start();
    world.shows = 0;
    digest(1, 1000, 7);
    digest(2, 1000, 7);
    digest(3, 1000, 8);
    cluster_run(&world, 160);
    cluster_expect(&world, "3531.2 1> 3 DIVERGED term 2, index 1000\n"
                           "3532.2 3| stops, for its results differ at 1000\n");
    ck_assert(world.replicas[3].stopped);
    /* It says nothing more, and is no leader's follower. */
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 3000);
    ck_assert_uint_eq(world.replicas[3].disk->last, 2);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[1].raft), 3);
}
END_TEST

START_TEST(a_leader_whose_results_differ_stops)
{
    start();
    world.shows = 0;
    digest(1, 1000, 8);
    digest(2, 1000, 7);
    digest(3, 1000, 7);
    cluster_run(&world, 3000);
    cluster_expect(&world, "3531.2 1| stops, for its results differ at 1000\n"
                           "3531.2 1| follows in term 2\n"
                           "4574.1 2> 1 PREVOTE term 3, end 2.2\n"
                           "4574.1 2> 3 PREVOTE term 3, end 2.2\n"
                           "4574.1 2| follows in term 2\n"
                           "4575.1 3> 2 PREVOTED term 3\n"
                           "4576.1 2| campaigns in term 3\n"
                           "4578.1 2> 1 VOTE term 3, end 2.2\n"
                           "4578.1 2> 3 VOTE term 3, end 2.2\n"
                           "4579.1 3| follows in term 3\n"
                           "4581.1 3> 2 VOTED term 3\n"
                           "4582.1 2| leads in term 3\n"
                           "4583.1 3| follows in term 3, leader 2\n"
                           "4586.1 2| commits 3.3\n"
                           "4587.1 3| commits 3.3\n");
    ck_assert(world.replicas[1].stopped);
    ck_assert_uint_ne(cluster_leader(&world), 1);
    ck_assert_uint_ne(cluster_leader(&world), 0);
}
END_TEST

/* Three that all differ, or windows that nobody can compare: nobody is the minority. */
START_TEST(without_a_majority_nobody_stops)
{
    start();
    world.shows = 0;
    digest(1, 1000, 7);
    digest(2, 1000, 8);
    digest(3, 1000, 9);
    cluster_run(&world, 500);
    digest(1, 2000, 7);
    digest(2, 2000, 7);
    digest(3, 3000, 8); /* ahead; 1 has no digest of it yet */
    cluster_run(&world, 500);
    cluster_expect(&world, "");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("transcript_read");
    TCase *tests = tcase_create("reads and copies");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, a_read_waits_for_a_round_that_began_after_it);
    tcase_add_test(tests, a_read_is_of_the_moment_it_came);
    tcase_add_test(tests, a_new_leader_answers_when_its_own_entry_is_committed);
    tcase_add_test(tests, a_deposed_leader_answers_no_read);
    tcase_add_test(tests, a_follower_asks_the_leader_for_an_index);
    tcase_add_test(tests, a_question_that_finds_no_leader_ends);
    tcase_add_test(tests, an_answer_to_an_earlier_life_answers_nothing);
    tcase_add_test(tests, a_round_that_was_lost_is_confirmed_by_the_next_heartbeat);
    tcase_add_test(tests, a_synchronous_learner_is_a_second_copy);
    tcase_add_test(tests, without_the_second_copy_only_what_needs_it_is_refused);
    tcase_add_test(tests, a_follower_whose_results_differ_stops);
    tcase_add_test(tests, a_leader_whose_results_differ_stops);
    tcase_add_test(tests, without_a_majority_nobody_stops);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
