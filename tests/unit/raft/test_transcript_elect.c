/* SPDX-License-Identifier: MIT */
/* test_transcript_elect - who leads: stories in virtual time.  Layer tests. */
#include "tests/unit/raft/cluster.h"

static cluster_t world;

static void
tear_down(void)
{
    cluster_clear(&world);
}

/* Pre-vote first, and nobody's term rises for it; the vote is asked for when the own one is on disk
   (2 ms), answered when the voter's is; then the no-op, and with its answer the first commit. */
START_TEST(three_replicas_elect_a_leader)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_all(&world);
    cluster_run(&world, 2000);
    cluster_expect(&world, "2477.5 3> 1 PREVOTE term 2, end 1.1\n"
                           "2477.5 3> 2 PREVOTE term 2, end 1.1\n"
                           "2478.5 1> 3 PREVOTED term 2\n"
                           "2478.5 2> 3 PREVOTED term 2\n"
                           "2479.5 3| writes term 2 vote 3\n"
                           "2479.5 3| campaigns in term 2\n"
                           "2481.5 3> 1 VOTE term 2, end 1.1\n"
                           "2481.5 3> 2 VOTE term 2, end 1.1\n"
                           "2482.5 1| writes term 2 vote 3\n"
                           "2482.5 1| follows in term 2\n"
                           "2482.5 2| writes term 2 vote 3\n"
                           "2482.5 2| follows in term 2\n"
                           "2484.5 1> 3 VOTED term 2\n"
                           "2484.5 2> 3 VOTED term 2\n"
                           "2485.5 3| writes 2.2 no-op\n"
                           "2485.5 3> 1 APPEND term 2, behind 1.1, commit 0: 2.2 no-op\n"
                           "2485.5 3> 2 APPEND term 2, behind 1.1, commit 0: 2.2 no-op\n"
                           "2485.5 3| leads in term 2\n"
                           "2486.5 1| writes 2.2 no-op\n"
                           "2486.5 1| follows in term 2, leader 3\n"
                           "2486.5 2| writes 2.2 no-op\n"
                           "2486.5 2| follows in term 2, leader 3\n"
                           "2488.5 1> 3 APPENDED term 2 2\n"
                           "2488.5 2> 3 APPENDED term 2 2\n"
                           "2489.5 3| commits 2.2\n"
                           "2489.5 3| is configured by 1 {voters 1 2 3}\n"
                           "2489.5 3| fetches 1..1\n"
                           "2489.5 3> 1 APPEND term 2, behind 2.2, commit 2\n"
                           "2489.5 3> 2 APPEND term 2, behind 2.2, commit 2\n"
                           "2490.5 1| commits 2.2\n"
                           "2490.5 1| is configured by 1 {voters 1 2 3}\n"
                           "2490.5 1| fetches 1..1\n"
                           "2490.5 1> 3 APPENDED term 2 2\n"
                           "2490.5 2| commits 2.2\n"
                           "2490.5 2| is configured by 1 {voters 1 2 3}\n"
                           "2490.5 2| fetches 1..1\n"
                           "2490.5 2> 3 APPENDED term 2 2\n");
    /* Then nothing but heartbeats. */
    cluster_run(&world, 60000);
    cluster_expect(&world, "");
}
END_TEST

/* 3 led term 1, handed over to 1, heard nothing, and handed over to 2: both orders arrive now.  1
   and 2 each find one friend, which is half of four and no majority. */
START_TEST(a_split_vote_is_settled_by_new_patience)
{
    cluster_init(&world, 4, 4, false);
    world.shows = 0;
    cluster_start_all(&world);
    cluster_run(&world, 100);
    world.latency_us[1][4] = world.latency_us[2][3] = 5000;
    world.latency_us[1][2] = world.latency_us[2][1] = 5000;
    fsp_raft_message_t now = {.type = FSP_RAFT_TIMEOUT_NOW, .from = 3, .to = 1, .term = 1};
    cluster_step(&world, 1, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &now});
    now.to = 2;
    cluster_step(&world, 2, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &now});
    cluster_run(&world, 900);
    cluster_expect(&world, "1100.0 1| campaigns in term 2\n"
                           "1100.0 2| campaigns in term 2\n"
                           "1102.0 1> 2 VOTE term 2 forced, end 1.1\n"
                           "1102.0 1> 3 VOTE term 2 forced, end 1.1\n"
                           "1102.0 1> 4 VOTE term 2 forced, end 1.1\n"
                           "1102.0 2> 1 VOTE term 2 forced, end 1.1\n"
                           "1102.0 2> 3 VOTE term 2 forced, end 1.1\n"
                           "1102.0 2> 4 VOTE term 2 forced, end 1.1\n"
                           "1103.0 3| follows in term 2\n"
                           "1103.0 4| follows in term 2\n"
                           "1105.0 3> 1 VOTED term 2\n"
                           "1105.0 4> 2 VOTED term 2\n"
                           "1107.0 2> 1 VOTED term 2 refused\n"
                           "1107.0 4> 1 VOTED term 2 refused\n"
                           "1107.0 1> 2 VOTED term 2 refused\n"
                           "1107.0 3> 2 VOTED term 2 refused\n");
    cluster_run(&world, 2000);
    cluster_expect(&world, "2518.7 2> 1 PREVOTE term 3, end 1.1\n"
                           "2518.7 2> 3 PREVOTE term 3, end 1.1\n"
                           "2518.7 2> 4 PREVOTE term 3, end 1.1\n"
                           "2518.7 2| follows in term 2\n"
                           "2519.7 4> 2 PREVOTED term 3\n"
                           "2523.7 1> 2 PREVOTED term 3\n"
                           "2523.7 3> 2 PREVOTED term 3\n"
                           "2524.7 2| campaigns in term 3\n"
                           "2526.7 2> 1 VOTE term 3, end 1.1\n"
                           "2526.7 2> 3 VOTE term 3, end 1.1\n"
                           "2526.7 2> 4 VOTE term 3, end 1.1\n"
                           "2527.7 4| follows in term 3\n"
                           "2529.7 4> 2 VOTED term 3\n"
                           "2531.7 1| follows in term 3\n"
                           "2531.7 3| follows in term 3\n"
                           "2533.7 1> 2 VOTED term 3\n"
                           "2533.7 3> 2 VOTED term 3\n"
                           "2534.7 2| leads in term 3\n"
                           "2535.7 4| follows in term 3, leader 2\n"
                           "2539.7 1| follows in term 3, leader 2\n"
                           "2539.7 3| follows in term 3, leader 2\n"
                           "2542.7 2| commits 2.3\n"
                           "2542.7 2| is configured by 1 {voters 1 2 3 4}\n"
                           "2542.7 2| fetches 1..1\n"
                           "2543.7 4| commits 2.3\n"
                           "2543.7 4| is configured by 1 {voters 1 2 3 4}\n"
                           "2543.7 4| fetches 1..1\n"
                           "2547.7 3| commits 2.3\n"
                           "2547.7 3| is configured by 1 {voters 1 2 3 4}\n"
                           "2547.7 3| fetches 1..1\n"
                           "2551.7 1| commits 2.3\n"
                           "2551.7 1| is configured by 1 {voters 1 2 3 4}\n"
                           "2551.7 1| fetches 1..1\n");
    ck_assert_uint_ne(cluster_leader(&world), 0);
}
END_TEST

/* A leader that is cut off looks once an election timeout whether a majority answers, so it steps
   down within two; what it took meanwhile is cut when it comes back. */
START_TEST(a_deposed_leader_steps_down_and_loses_what_nobody_else_had)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    world.shows = CLUSTER_SHOWS_WRITES;
    cluster_isolate(&world, 1);
    cluster_propose(&world, 1, "lost");
    cluster_run(&world, 2500);
    cluster_expect(&world, "3440.0 1| accepts 1 as 3.2\n"
                           "3440.0 1| writes 3.2 'lost'\n"
                           "4530.3 3> 1 PREVOTE term 3, end 2.2\n"
                           "4530.3 3> 2 PREVOTE term 3, end 2.2\n"
                           "4530.3 3| follows in term 2\n"
                           "4531.3 2> 3 PREVOTED term 3\n"
                           "4532.3 3| writes term 3 vote 3\n"
                           "4532.3 3| campaigns in term 3\n"
                           "4534.3 3> 1 VOTE term 3, end 2.2\n"
                           "4534.3 3> 2 VOTE term 3, end 2.2\n"
                           "4535.3 2| writes term 3 vote 3\n"
                           "4535.3 2| follows in term 3\n"
                           "4537.3 2> 3 VOTED term 3\n"
                           "4538.3 3| writes 3.3 no-op\n"
                           "4538.3 3| leads in term 3\n"
                           "4539.3 2| writes 3.3 no-op\n"
                           "4539.3 2| follows in term 3, leader 3\n"
                           "4542.3 3| commits 3.3\n"
                           "4543.3 2| commits 3.3\n"
                           "4929.2 1| follows in term 2\n");
    uint64_t leader = cluster_leader(&world);
    ck_assert_uint_ne(leader, 1);
    cluster_propose(&world, leader, "kept");
    cluster_run(&world, 100);
    cluster_forget(&world);
    world.shows = CLUSTER_SHOWS_MOST;
    cluster_heal(&world);
    cluster_run(&world, 300);
    cluster_expect(&world, "6189.3 1| writes term 3 vote 0\n"
                           "6189.3 1| follows in term 3, leader 3\n"
                           "6192.3 3> 1 APPEND term 3, behind 2.2, commit 4: 3.3 no-op 4.3 'kept'\n"
                           "6193.3 1| writes cut from 3 3.3 no-op 4.3 'kept'\n"
                           "6195.3 1| commits 4.3\n"
                           "6195.3 1> 3 APPENDED term 3 4\n");
}
END_TEST

/* 3 does not hear the leader but is heard: its ballots come to nothing, for the others have a
   leader.  With stickiness the term never rises; with check-quorum alone it would. */
START_TEST(an_asymmetric_partition_disturbs_nobody)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    uint64_t term = fsp_raft_term(world.replicas[1].raft);
    cluster_cut(&world, 1, 3);
    cluster_run(&world, 3000);
    cluster_expect(&world, "4530.3 3> 1 PREVOTE term 3, end 2.2\n"
                           "4530.3 3> 2 PREVOTE term 3, end 2.2\n"
                           "4530.3 3| follows in term 2\n"
                           "5813.5 3> 1 PREVOTE term 3, end 2.2\n"
                           "5813.5 3> 2 PREVOTE term 3, end 2.2\n");
    ck_assert_uint_eq(fsp_raft_term(world.replicas[1].raft), term);
    ck_assert_uint_eq(cluster_leader(&world), 1);
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 100);
    cluster_forget(&world);
    cluster_heal(&world);
    cluster_run(&world, 400);
    cluster_expect(&world, "6680.2 3| follows in term 2, leader 1\n"
                           "6681.2 1> 3 APPEND term 2, behind 3.2, commit 3\n"
                           "6682.2 3> 1 APPENDED term 2 refused 3, hint 2.2\n"
                           "6683.2 1> 3 APPEND term 2, behind 2.2, commit 3: 3.2 'a'\n"
                           "6684.2 3| writes 3.2 'a'\n"
                           "6686.2 3| commits 3.2\n"
                           "6686.2 3> 1 APPENDED term 2 3\n");
    ck_assert_uint_eq(fsp_raft_leader(world.replicas[3].raft), 1);
}
END_TEST

/* The leader hears nobody, and is heard by all: its heartbeats alone would hold the others for
   ever. Check-quorum ends that. */
START_TEST(a_leader_that_hears_nobody_gives_way)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    world.shows = 0;
    cluster_cut(&world, 2, 1);
    cluster_cut(&world, 3, 1);
    cluster_run(&world, 5000);
    cluster_expect(&world, "4929.2 1| follows in term 2\n"
                           "6308.9 1> 2 PREVOTE term 3, end 2.2\n"
                           "6308.9 1> 3 PREVOTE term 3, end 2.2\n"
                           "6309.9 2> 1 PREVOTED term 3\n"
                           "6309.9 3> 1 PREVOTED term 3\n"
                           "6567.9 2> 1 PREVOTE term 3, end 2.2\n"
                           "6567.9 2> 3 PREVOTE term 3, end 2.2\n"
                           "6567.9 2| follows in term 2\n"
                           "6568.9 3> 2 PREVOTED term 3\n"
                           "6569.9 2| campaigns in term 3\n"
                           "6571.9 2> 1 VOTE term 3, end 2.2\n"
                           "6571.9 2> 3 VOTE term 3, end 2.2\n"
                           "6572.9 3| follows in term 3\n"
                           "6574.9 3> 2 VOTED term 3\n"
                           "6575.9 2| leads in term 3\n"
                           "6576.9 3| follows in term 3, leader 2\n"
                           "6579.9 2| commits 3.3\n"
                           "6580.9 3| commits 3.3\n"
                           "7319.8 1> 2 PREVOTE term 3, end 2.2\n"
                           "7319.8 1> 3 PREVOTE term 3, end 2.2\n"
                           "7320.8 2> 1 PREVOTED term 3 refused\n"
                           "7320.8 3> 1 PREVOTED term 3 refused\n");
    ck_assert_uint_ne(cluster_leader(&world), 1);
}
END_TEST

/* Facts: bug 32.  A forced ballot raised 3's term and nobody heard of it.  3 refuses what is of an
   older term, with its own, so that the leader learns of it and a new one is found. */
START_TEST(a_replica_of_a_higher_term_is_heard)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    cluster_isolate(&world, 3);
    world.cut[1][3] = false;
    cluster_about(&world, 1, FSP_RAFT_TRANSFER, 3);
    cluster_run(&world, 100);
    cluster_cut(&world, 1, 3);
    cluster_run(&world, 1000);
    cluster_forget(&world);
    ck_assert_uint_eq(fsp_raft_term(world.replicas[3].raft), 3);
    ck_assert_uint_eq(fsp_raft_term(world.replicas[1].raft), 2);
    cluster_heal(&world);
    cluster_run(&world, 170);
    cluster_expect(&world, "4580.2 3> 1 APPENDED term 3 refused 0, hint 0.0\n"
                           "4581.2 1| writes term 3 vote 0\n"
                           "4581.2 1| follows in term 3\n");
    cluster_run(&world, 4000);
    ck_assert_uint_ne(cluster_leader(&world), 0);
    for (uint64_t i = 1; i <= 3; i++)
        ck_assert_uint_ge(fsp_raft_term(world.replicas[i].raft), 4);
}
END_TEST

/* Proposals stop until the target has everything; it skips pre-vote and the others' stickiness. */
START_TEST(leadership_is_handed_over)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    cluster_propose(&world, 1, "a");
    cluster_about(&world, 1, FSP_RAFT_TRANSFER, 2);
    cluster_propose(&world, 1, "b");
    cluster_run(&world, 30);
    cluster_expect(&world, "3440.0 1| accepts 1 as 3.2\n"
                           "3440.0 1| writes 3.2 'a'\n"
                           "3440.0 1> 2 APPEND term 2, behind 2.2, commit 2: 3.2 'a'\n"
                           "3440.0 1> 3 APPEND term 2, behind 2.2, commit 2: 3.2 'a'\n"
                           "3440.0 1| refuses 2 BUSY, leader 1\n"
                           "3441.0 2| writes 3.2 'a'\n"
                           "3441.0 3| writes 3.2 'a'\n"
                           "3443.0 2> 1 APPENDED term 2 3\n"
                           "3443.0 3> 1 APPENDED term 2 3\n"
                           "3444.0 1| commits 3.2\n"
                           "3444.0 1> 2 APPEND term 2, behind 3.2, commit 3\n"
                           "3444.0 1> 3 APPEND term 2, behind 3.2, commit 3\n"
                           "3444.0 1> 2 TIMEOUT_NOW term 2\n"
                           "3445.0 2| commits 3.2\n"
                           "3445.0 2> 1 APPENDED term 2 3\n"
                           "3445.0 3| commits 3.2\n"
                           "3445.0 3> 1 APPENDED term 2 3\n"
                           "3445.0 2| writes term 3 vote 2\n"
                           "3445.0 2| campaigns in term 3\n"
                           "3447.0 2> 1 VOTE term 3 forced, end 3.2\n"
                           "3447.0 2> 3 VOTE term 3 forced, end 3.2\n"
                           "3448.0 1| writes term 3 vote 2\n"
                           "3448.0 1| follows in term 3\n"
                           "3448.0 3| writes term 3 vote 2\n"
                           "3448.0 3| follows in term 3\n"
                           "3450.0 1> 2 VOTED term 3\n"
                           "3450.0 3> 2 VOTED term 3\n"
                           "3451.0 2| writes 4.3 no-op\n"
                           "3451.0 2> 1 APPEND term 3, behind 3.2, commit 3: 4.3 no-op\n"
                           "3451.0 2> 3 APPEND term 3, behind 3.2, commit 3: 4.3 no-op\n"
                           "3451.0 2| leads in term 3\n"
                           "3452.0 1| writes 4.3 no-op\n"
                           "3452.0 1| follows in term 3, leader 2\n"
                           "3452.0 3| writes 4.3 no-op\n"
                           "3452.0 3| follows in term 3, leader 2\n"
                           "3454.0 1> 2 APPENDED term 3 4\n"
                           "3454.0 3> 2 APPENDED term 3 4\n"
                           "3455.0 2| commits 4.3\n"
                           "3455.0 2> 1 APPEND term 3, behind 4.3, commit 4\n"
                           "3455.0 2> 3 APPEND term 3, behind 4.3, commit 4\n"
                           "3456.0 1| commits 4.3\n"
                           "3456.0 1> 2 APPENDED term 3 4\n"
                           "3456.0 3| commits 4.3\n"
                           "3456.0 3> 2 APPENDED term 3 4\n");
    ck_assert_uint_eq(cluster_leader(&world), 2);
}
END_TEST

START_TEST(a_handover_that_comes_to_nothing_ends_after_an_election_timeout)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    cluster_isolate(&world, 2);
    cluster_about(&world, 1, FSP_RAFT_TRANSFER, 2);
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 1001);
    cluster_propose(&world, 1, "b");
    cluster_run(&world, 20);
    cluster_expect(&world, "3440.0 1> 2 TIMEOUT_NOW term 2\n"
                           "3440.0 1| refuses 1 BUSY, leader 1\n"
                           "4441.0 1| accepts 2 as 3.2\n"
                           "4441.0 1| writes 3.2 'b'\n"
                           "4441.0 1> 2 APPEND term 2, behind 2.2, commit 2: 3.2 'b'\n"
                           "4441.0 1> 3 APPEND term 2, behind 2.2, commit 2: 3.2 'b'\n"
                           "4442.0 3| writes 3.2 'b'\n"
                           "4444.0 3> 1 APPENDED term 2 3\n"
                           "4445.0 1| commits 3.2\n"
                           "4445.0 1> 2 APPEND term 2, behind 3.2, commit 3\n"
                           "4445.0 1> 3 APPEND term 2, behind 3.2, commit 3\n"
                           "4446.0 3| commits 3.2\n"
                           "4446.0 3> 1 APPENDED term 2 3\n");
    /* Never to who does not vote, nor to itself. */
    cluster_about(&world, 1, FSP_RAFT_TRANSFER, 1);
    cluster_about(&world, 1, FSP_RAFT_TRANSFER, 7);
    cluster_propose(&world, 1, "c");
    cluster_run(&world, 20);
    cluster_expect(&world, "4461.0 1| accepts 3 as 4.2\n"
                           "4461.0 1| writes 4.2 'c'\n"
                           "4461.0 1> 2 APPEND term 2, behind 3.2, commit 3: 4.2 'c'\n"
                           "4461.0 1> 3 APPEND term 2, behind 3.2, commit 3: 4.2 'c'\n"
                           "4462.0 3| writes 4.2 'c'\n"
                           "4464.0 3> 1 APPENDED term 2 4\n"
                           "4465.0 1| commits 4.2\n"
                           "4465.0 1> 2 APPEND term 2, behind 4.2, commit 4\n"
                           "4465.0 1> 3 APPEND term 2, behind 4.2, commit 4\n"
                           "4466.0 3| commits 4.2\n"
                           "4466.0 3> 1 APPENDED term 2 4\n");
}
END_TEST

/* A process that is killed: its connections break at once.  One round of pre-votes and one of
   votes, a few disk writes: no timeout. */
START_TEST(a_killed_leader_costs_a_round_of_votes_and_no_timeout)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    fsp_time_t killed = world.now_us;
    cluster_crash(&world, 1);
    cluster_about(&world, 2, FSP_RAFT_UNREACHABLE, 1);
    cluster_about(&world, 3, FSP_RAFT_UNREACHABLE, 1);
    cluster_expect(&world, "");
    uint64_t leader = cluster_elect(&world);
    ck_assert_uint_ne(leader, 1);
    ck_assert_uint_le(world.now_us - killed, 100 * 1000);
}
END_TEST

/* A wrong hint does nothing: the leader lives, the others have heard from it. */
START_TEST(a_wrong_hint_is_harmless)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    uint64_t term = fsp_raft_term(world.replicas[1].raft);
    cluster_about(&world, 2, FSP_RAFT_UNREACHABLE, 1);
    cluster_run(&world, 2000);
    ck_assert_uint_eq(fsp_raft_term(world.replicas[2].raft), term);
    ck_assert_uint_eq(fsp_raft_leader(world.replicas[2].raft), 1);
}
END_TEST

/* Facts: bug 4.  1 has entry 5 in memory only and asks for votes: it advertises what is on its
   disk, so 2, which has 5 on its own, does not vote for it, and leads itself. */
START_TEST(only_what_is_on_disk_is_advertised)
{
    cluster_init(&world, 1, 3, false);
    cluster_log(&world, 1, "1");
    cluster_log(&world, 2, "11");
    cluster_log(&world, 3, "11");
    cluster_start_led_by(&world, 3);
    world.replicas[1].disk_us = 60 * 1000 * 1000;
    cluster_propose(&world, 3, "a");
    cluster_run(&world, 10);
    ck_assert_uint_eq(fsp_raft_last_index(world.replicas[1].raft), 5);
    ck_assert_uint_eq(fsp_raft_durable_index(world.replicas[1].raft), 4);
    cluster_crash(&world, 3);
    cluster_forget(&world);
    world.shows = 0;
    cluster_run(&world, 1000); /* nobody is sticky any more */
    cluster_about(&world, 1, FSP_RAFT_UNREACHABLE, 3);
    cluster_run(&world, 1000);
    cluster_expect(&world, "4058.3 1> 2 PREVOTE term 3, end 4.2\n"
                           "4058.3 1> 3 PREVOTE term 3, end 4.2\n"
                           "4058.3 1| follows in term 2\n"
                           "4059.3 2> 1 PREVOTED term 2 refused\n"
                           "4240.8 2> 1 PREVOTE term 3, end 5.2\n"
                           "4240.8 2> 3 PREVOTE term 3, end 5.2\n"
                           "4240.8 2| follows in term 2\n"
                           "4241.8 1> 2 PREVOTED term 3\n"
                           "4242.8 2| campaigns in term 3\n"
                           "4244.8 2> 1 VOTE term 3, end 5.2\n"
                           "4244.8 2> 3 VOTE term 3, end 5.2\n"
                           "4245.8 1| follows in term 3\n");
}
END_TEST

/* Facts: bugs 5, 11 (mutants): a vote is on disk before it is said, and a restart knows it. */
START_TEST(a_vote_survives_a_restart_and_is_not_given_twice)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    cluster_step(&world, 3,
                 (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE,
                                    .message = &(fsp_raft_message_t){.type = FSP_RAFT_VOTE,
                                                                     .from = 1,
                                                                     .to = 3,
                                                                     .term = 5,
                                                                     .index = 1,
                                                                     .index_term = 1}});
    cluster_expect(&world, "1000.0 3| writes term 5 vote 1\n"
                           "1000.0 3| follows in term 5\n");
    cluster_run(&world, 3);
    cluster_expect(&world, "1002.0 3> 1 VOTED term 5\n");
    cluster_crash(&world, 3);
    cluster_start(&world, 3);
    fsp_raft_message_t rival = {
        .type = FSP_RAFT_VOTE, .from = 2, .to = 3, .term = 5, .index = 9, .index_term = 4};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &rival});
    rival.from = 1; /* the same candidate asks again: granted again */
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &rival});
    cluster_expect(&world, "1003.0 3> 2 VOTED term 5 refused\n"
                           "1003.0 3> 1 VOTED term 5\n");
}
END_TEST

/* The term is known and written already; the vote alone is new, and is written too. */
START_TEST(a_vote_in_a_known_term_is_written_before_it_is_said)
{
    cluster_init(&world, 1, 3, false);
    world.replicas[3].disk->hard.term = 5;
    cluster_start(&world, 3);
    fsp_raft_message_t vote = {
        .type = FSP_RAFT_VOTE, .from = 1, .to = 3, .term = 5, .index = 1, .index_term = 1};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &vote});
    cluster_run(&world, 3);
    cluster_expect(&world, "1000.0 3| writes term 5 vote 1\n"
                           "1002.0 3> 1 VOTED term 5\n");
    ck_assert_uint_eq(world.replicas[3].disk->hard.vote, 1);
}
END_TEST

/* The crash comes before the vote is on disk: it was never said, and is free again. */
START_TEST(a_vote_that_was_not_written_was_never_said)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    fsp_raft_message_t vote = {
        .type = FSP_RAFT_VOTE, .from = 1, .to = 3, .term = 5, .index = 1, .index_term = 1};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &vote});
    cluster_run(&world, 1);
    cluster_crash(&world, 3);
    cluster_start(&world, 3);
    vote.from = 2;
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &vote});
    cluster_run(&world, 3);
    cluster_expect(&world, "1000.0 3| writes term 5 vote 1\n"
                           "1000.0 3| follows in term 5\n"
                           "1001.0 3| writes term 5 vote 2\n"
                           "1001.0 3| follows in term 5\n"
                           "1003.0 3> 2 VOTED term 5\n");
}
END_TEST

/* By the term of the last entry first, then by length. */
START_TEST(votes_go_to_logs_that_are_not_older)
{
    static const struct {
        uint64_t index, term;
        bool granted;
    } asked[] = {
        {4, 3, true}, {5, 3, true}, {3, 3, false}, {2, 4, true}, {99, 2, false}, {0, 0, false},
    };
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        cluster_init(&world, 1, 3, false);
        cluster_log(&world, 3, "133");
        cluster_start(&world, 3);
        cluster_step(
            &world, 3,
            (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE,
                               .message = &(fsp_raft_message_t){.type = FSP_RAFT_VOTE,
                                                                .from = 1,
                                                                .to = 3,
                                                                .term = 9,
                                                                .index = asked[i].index,
                                                                .index_term = asked[i].term}});
        cluster_run(&world, 3);
        ck_assert_uint_eq(world.replicas[3].disk->hard.term, 9);
        ck_assert_uint_eq(world.replicas[3].disk->hard.vote, asked[i].granted ? 1 : 0);
        cluster_clear(&world);
    }
    cluster_init(&world, 1, 1, false);
}
END_TEST

/* R8: a replica without a log grants nothing, whatever it is asked. */
START_TEST(an_empty_replica_has_no_vote)
{
    cluster_init(&world, 1, 3, false);
    cluster_add(&world, 4, 4, NULL);
    cluster_start(&world, 4);
    fsp_raft_message_t m = {
        .type = FSP_RAFT_PREVOTE, .from = 1, .to = 4, .term = 7, .index = 9, .index_term = 6};
    cluster_step(&world, 4, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    m.type = FSP_RAFT_VOTE;
    cluster_step(&world, 4, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    cluster_run(&world, 3);
    cluster_expect(&world, "1000.0 4| writes term 7 vote 0\n"
                           "1000.0 4| follows in term 7\n"
                           "1002.0 4> 1 VOTED term 7 refused\n");
}
END_TEST

/* The leader's own disk stalls: with the longest log it would be elected again and again, so it
   hands over. */
START_TEST(a_leader_whose_disk_stalls_hands_over)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    world.shows = 0;
    world.replicas[1].disk_us = 30 * 1000 * 1000;
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 1300);
    cluster_expect(&world, "3440.0 1| accepts 1 as 3.2\n"
                           "4579.2 1> 2 TIMEOUT_NOW term 2\n"
                           "4580.2 2| campaigns in term 3\n"
                           "4582.2 2> 1 VOTE term 3 forced, end 3.2\n"
                           "4582.2 2> 3 VOTE term 3 forced, end 3.2\n"
                           "4583.2 1| follows in term 3\n"
                           "4583.2 3| follows in term 3\n"
                           "4585.2 3> 2 VOTED term 3\n"
                           "4586.2 2| leads in term 3\n"
                           "4587.2 1| follows in term 3, leader 2\n"
                           "4587.2 3| follows in term 3, leader 2\n"
                           "4590.2 2| commits 4.3\n"
                           "4591.2 3| commits 4.3\n");
    ck_assert_uint_ne(cluster_leader(&world), 1);
}
END_TEST

/* No two candidates keep the same patience for ever. */
START_TEST(someone_leads_whatever_the_seed)
{
    for (uint64_t seed = 1; seed <= 200; seed++) {
        cluster_init(&world, seed, 5, false);
        cluster_start_all(&world);
        (void)cluster_elect(&world);
        ck_assert_uint_le(world.now_us, 1000 * 1000 + 6 * 1000 * 1000);
        cluster_clear(&world);
    }
    cluster_init(&world, 1, 1, false);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("transcript_elect");
    TCase *tests = tcase_create("elections");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, three_replicas_elect_a_leader);
    tcase_add_test(tests, a_split_vote_is_settled_by_new_patience);
    tcase_add_test(tests, a_deposed_leader_steps_down_and_loses_what_nobody_else_had);
    tcase_add_test(tests, an_asymmetric_partition_disturbs_nobody);
    tcase_add_test(tests, a_leader_that_hears_nobody_gives_way);
    tcase_add_test(tests, a_replica_of_a_higher_term_is_heard);
    tcase_add_test(tests, leadership_is_handed_over);
    tcase_add_test(tests, a_handover_that_comes_to_nothing_ends_after_an_election_timeout);
    tcase_add_test(tests, a_killed_leader_costs_a_round_of_votes_and_no_timeout);
    tcase_add_test(tests, a_wrong_hint_is_harmless);
    tcase_add_test(tests, only_what_is_on_disk_is_advertised);
    tcase_add_test(tests, a_vote_survives_a_restart_and_is_not_given_twice);
    tcase_add_test(tests, a_vote_in_a_known_term_is_written_before_it_is_said);
    tcase_add_test(tests, a_vote_that_was_not_written_was_never_said);
    tcase_add_test(tests, votes_go_to_logs_that_are_not_older);
    tcase_add_test(tests, an_empty_replica_has_no_vote);
    tcase_add_test(tests, a_leader_whose_disk_stalls_hands_over);
    tcase_add_test(tests, someone_leads_whatever_the_seed);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
