/* SPDX-License-Identifier: MIT */
/* test_transcript_member - configurations change: stories in virtual time.  Layer tests. */
#include "tests/unit/raft/cluster.h"

static cluster_t world;

static void
tear_down(void)
{
    cluster_clear(&world);
}

/* Nodes of a target, one digit each. */
static fsp_raft_target_t
target_of(uint64_t aim, const char *nodes)
{
    fsp_raft_target_t target = {.aim = aim};
    for (; *nodes; nodes++) {
        fsp_raft_member_t member = cluster_member((uint64_t)(*nodes - '0'), 0);
        target.members[target.count++] =
            (fsp_raft_wanted_t){.node_id = member.node_id, .store_id = member.store_id};
    }
    return target;
}

static void
configure(uint64_t replica, uint64_t aim, const char *nodes)
{
    fsp_raft_target_t target = target_of(aim, nodes);
    cluster_configure(&world, replica, &target);
}

/* A replica of this number that waits to be told. */
static void
start_newcomer(uint64_t node, uint64_t replica)
{
    cluster_add(&world, node, replica, NULL);
    cluster_start(&world, replica);
}

static void
expect_voters(uint64_t replica, const char *words)
{
    fsp_buf_t text;
    fsp_buf_init(&text, 1000);
    cluster_words_conf(&text, fsp_raft_conf(world.replicas[replica].raft));
    fsp_buf_append_u8(&text, 0);
    ck_assert_str_eq((const char *)text.data, words);
    fsp_buf_clear(&text);
}

/* One learner at a time; each must have what was committed when it came; then the joint
   configuration, and when that is committed, the final one. */
START_TEST(one_replica_becomes_three)
{
    cluster_init(&world, 1, 1, false);
    cluster_start(&world, 1);
    cluster_run(&world, 10);
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 10);
    start_newcomer(2, 2);
    start_newcomer(3, 3);
    cluster_forget(&world);
    configure(1, 2, "123");
    cluster_run(&world, 60);
    cluster_expect(&world,
                   "1020.0 1| writes 4.2 {voters 1, learners 2}\n"
                   "1020.0 1> 2 APPEND term 2, behind 4.2, commit 3\n"
                   "1021.0 2| writes term 2 vote 0\n"
                   "1021.0 2| follows in term 2, leader 1\n"
                   "1022.0 1| commits 4.2\n"
                   "1022.0 1| is configured by 4 {voters 1, learners 2}\n"
                   "1022.0 1| writes 5.2 {voters 1, learners 2 3}\n"
                   "1022.0 1> 3 APPEND term 2, behind 5.2, commit 4\n"
                   "1023.0 2> 1 APPENDED term 2 refused 4, hint 0.0\n"
                   "1023.0 3| writes term 2 vote 0\n"
                   "1023.0 3| follows in term 2, leader 1\n"
                   "1024.0 1| commits 5.2\n"
                   "1024.0 1| is configured by 5 {voters 1, learners 2 3}\n"
                   "1024.0 1| fetches 1..1\n"
                   "1024.0 1> 2 APPEND term 2, behind 0.0, commit 5: 1.1 {voters 1}\n"
                   "1025.0 3> 1 APPENDED term 2 refused 5, hint 0.0\n"
                   "1025.0 2| writes 1.1 {voters 1}\n"
                   "1026.0 1| fetches 1..1\n"
                   "1026.0 1> 3 APPEND term 2, behind 0.0, commit 5: 1.1 {voters 1}\n"
                   "1027.0 2| commits 1.1\n"
                   "1027.0 2| is configured by 1 {voters 1}\n"
                   "1027.0 2> 1 APPENDED term 2 1\n"
                   "1027.0 3| writes 1.1 {voters 1}\n"
                   "1028.0 1> 2 APPEND term 2, behind 1.1, commit 5: 2.2 no-op 3.2 'a' 4.2 {voters "
                   "1, learners 2} 5.2 {voters 1, learners 2 3}\n"
                   "1029.0 3| commits 1.1\n"
                   "1029.0 3| is configured by 1 {voters 1}\n"
                   "1029.0 3> 1 APPENDED term 2 1\n"
                   "1029.0 2| writes 2.2 no-op 3.2 'a' 4.2 {voters 1, learners 2} 5.2 {voters 1, "
                   "learners 2 3}\n"
                   "1030.0 1> 3 APPEND term 2, behind 1.1, commit 5: 2.2 no-op 3.2 'a' 4.2 {voters "
                   "1, learners 2} 5.2 {voters 1, learners 2 3}\n"
                   "1031.0 2| commits 5.2\n"
                   "1031.0 2| is configured by 4 {voters 1, learners 2}\n"
                   "1031.0 2| is configured by 5 {voters 1, learners 2 3}\n"
                   "1031.0 2> 1 APPENDED term 2 5\n"
                   "1031.0 3| writes 2.2 no-op 3.2 'a' 4.2 {voters 1, learners 2} 5.2 {voters 1, "
                   "learners 2 3}\n"
                   "1033.0 3| commits 5.2\n"
                   "1033.0 3| is configured by 4 {voters 1, learners 2}\n"
                   "1033.0 3| is configured by 5 {voters 1, learners 2 3}\n"
                   "1033.0 3> 1 APPENDED term 2 5\n"
                   "1034.0 1| writes 6.2 {voters 1 2 3, old 1}\n"
                   "1034.0 1> 2 APPEND term 2, behind 5.2, commit 5: 6.2 {voters 1 2 3, old 1}\n"
                   "1034.0 1> 3 APPEND term 2, behind 5.2, commit 5: 6.2 {voters 1 2 3, old 1}\n"
                   "1035.0 2| writes 6.2 {voters 1 2 3, old 1}\n"
                   "1035.0 3| writes 6.2 {voters 1 2 3, old 1}\n"
                   "1037.0 2> 1 APPENDED term 2 6\n"
                   "1037.0 3> 1 APPENDED term 2 6\n"
                   "1038.0 1| commits 6.2\n"
                   "1038.0 1| is configured by 6 {voters 1 2 3, old 1}\n"
                   "1038.0 1| writes 7.2 {voters 1 2 3}\n"
                   "1038.0 1> 2 APPEND term 2, behind 6.2, commit 6: 7.2 {voters 1 2 3}\n"
                   "1038.0 1> 3 APPEND term 2, behind 6.2, commit 6: 7.2 {voters 1 2 3}\n"
                   "1039.0 2| writes 7.2 {voters 1 2 3}\n"
                   "1039.0 2| commits 6.2\n"
                   "1039.0 2| is configured by 6 {voters 1 2 3, old 1}\n"
                   "1039.0 3| writes 7.2 {voters 1 2 3}\n"
                   "1039.0 3| commits 6.2\n"
                   "1039.0 3| is configured by 6 {voters 1 2 3, old 1}\n"
                   "1041.0 2> 1 APPENDED term 2 7\n"
                   "1041.0 3> 1 APPENDED term 2 7\n"
                   "1042.0 1| commits 7.2\n"
                   "1042.0 1| is configured by 7 {voters 1 2 3}\n"
                   "1042.0 1> 2 APPEND term 2, behind 7.2, commit 7\n"
                   "1042.0 1> 3 APPEND term 2, behind 7.2, commit 7\n"
                   "1043.0 2| commits 7.2\n"
                   "1043.0 2| is configured by 7 {voters 1 2 3}\n"
                   "1043.0 2> 1 APPENDED term 2 7\n"
                   "1043.0 3| commits 7.2\n"
                   "1043.0 3| is configured by 7 {voters 1 2 3}\n"
                   "1043.0 3> 1 APPENDED term 2 7\n");
    expect_voters(3, "voters 1 2 3");
}
END_TEST

/* 1 leads and shall go: it hands over first, for two of the target vote already.  The new leader
   keeps the learner until it is told the target anew, then drives the change; 1 is told, and is
   gone. */
START_TEST(a_leader_that_shall_go_hands_over_first)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    start_newcomer(4, 4);
    world.shows = 0;
    configure(1, 2, "234");
    cluster_run(&world, 100);
    cluster_expect(&world, "3441.0 4| follows in term 2, leader 1\n"
                           "3444.0 1| commits 3.2\n"
                           "3444.0 1| is configured by 3 {voters 1 2 3, learners 4}\n"
                           "3444.0 1| fetches 1..1\n"
                           "3445.0 2| commits 3.2\n"
                           "3445.0 2| is configured by 3 {voters 1 2 3, learners 4}\n"
                           "3445.0 3| commits 3.2\n"
                           "3445.0 3| is configured by 3 {voters 1 2 3, learners 4}\n"
                           "3447.0 4| commits 1.1\n"
                           "3447.0 4| is configured by 1 {voters 1 2 3}\n"
                           "3451.0 4| commits 3.2\n"
                           "3451.0 4| is configured by 3 {voters 1 2 3, learners 4}\n"
                           "3452.0 1> 2 TIMEOUT_NOW term 2\n"
                           "3453.0 2| campaigns in term 3\n"
                           "3455.0 2> 1 VOTE term 3 forced, end 3.2\n"
                           "3455.0 2> 3 VOTE term 3 forced, end 3.2\n"
                           "3456.0 1| follows in term 3\n"
                           "3456.0 3| follows in term 3\n"
                           "3458.0 1> 2 VOTED term 3\n"
                           "3458.0 3> 2 VOTED term 3\n"
                           "3459.0 2| leads in term 3\n"
                           "3460.0 1| follows in term 3, leader 2\n"
                           "3460.0 3| follows in term 3, leader 2\n"
                           "3460.0 4| follows in term 3, leader 2\n"
                           "3463.0 2| commits 4.3\n"
                           "3464.0 1| commits 4.3\n"
                           "3464.0 3| commits 4.3\n"
                           "3464.0 4| commits 4.3\n");
    uint64_t leader = cluster_leader(&world);
    ck_assert_uint_ne(leader, 1);
    configure(leader, 2, "234");
    cluster_run(&world, 200);
    cluster_expect(&world, "3544.0 2| commits 5.3\n"
                           "3544.0 2| is configured by 5 {voters 2 3 4, old 1 2 3}\n"
                           "3545.0 1| commits 5.3\n"
                           "3545.0 1| is configured by 5 {voters 2 3 4, old 1 2 3}\n"
                           "3545.0 3| commits 5.3\n"
                           "3545.0 3| is configured by 5 {voters 2 3 4, old 1 2 3}\n"
                           "3545.0 4| commits 5.3\n"
                           "3545.0 4| is configured by 5 {voters 2 3 4, old 1 2 3}\n"
                           "3548.0 2| commits 6.3\n"
                           "3548.0 2| is configured by 6 {voters 2 3 4}\n"
                           "3549.0 1| commits 6.3\n"
                           "3549.0 1| is configured by 6 {voters 2 3 4}\n"
                           "3549.0 1| is removed\n"
                           "3549.0 3| commits 6.3\n"
                           "3549.0 3| is configured by 6 {voters 2 3 4}\n"
                           "3549.0 4| commits 6.3\n"
                           "3549.0 4| is configured by 6 {voters 2 3 4}\n");
    ck_assert(world.replicas[1].removed);
    cluster_run(&world, 60000); /* it disturbs nobody */
    cluster_expect(&world, "");
}
END_TEST

/* Nobody of the target votes yet: the leader leads through the change, does not count itself in the
   new set, and goes when the final configuration is committed (dissertation 4.2.2). */
START_TEST(a_leader_replaced_altogether_goes_when_its_going_is_committed)
{
    cluster_init(&world, 1, 1, false);
    cluster_start(&world, 1);
    cluster_run(&world, 10);
    start_newcomer(2, 2);
    cluster_forget(&world);
    configure(1, 2, "2");
    cluster_run(&world, 400);
    cluster_expect(
        &world,
        "1010.0 1| writes 3.2 {voters 1, learners 2}\n"
        "1010.0 1> 2 APPEND term 2, behind 3.2, commit 2\n"
        "1011.0 2| writes term 2 vote 0\n"
        "1011.0 2| follows in term 2, leader 1\n"
        "1012.0 1| commits 3.2\n"
        "1012.0 1| is configured by 3 {voters 1, learners 2}\n"
        "1013.0 2> 1 APPENDED term 2 refused 3, hint 0.0\n"
        "1014.0 1| fetches 1..1\n"
        "1014.0 1> 2 APPEND term 2, behind 0.0, commit 3: 1.1 {voters 1}\n"
        "1015.0 2| writes 1.1 {voters 1}\n"
        "1017.0 2| commits 1.1\n"
        "1017.0 2| is configured by 1 {voters 1}\n"
        "1017.0 2> 1 APPENDED term 2 1\n"
        "1018.0 1> 2 APPEND term 2, behind 1.1, commit 3: 2.2 no-op 3.2 {voters 1, learners 2}\n"
        "1019.0 2| writes 2.2 no-op 3.2 {voters 1, learners 2}\n"
        "1021.0 2| commits 3.2\n"
        "1021.0 2| is configured by 3 {voters 1, learners 2}\n"
        "1021.0 2> 1 APPENDED term 2 3\n"
        "1022.0 1| writes 4.2 {voters 2, old 1}\n"
        "1022.0 1> 2 APPEND term 2, behind 3.2, commit 3: 4.2 {voters 2, old 1}\n"
        "1023.0 2| writes 4.2 {voters 2, old 1}\n"
        "1025.0 2> 1 APPENDED term 2 4\n"
        "1026.0 1| commits 4.2\n"
        "1026.0 1| is configured by 4 {voters 2, old 1}\n"
        "1026.0 1| writes 5.2 {voters 2}\n"
        "1026.0 1> 2 APPEND term 2, behind 4.2, commit 4: 5.2 {voters 2}\n"
        "1027.0 2| writes 5.2 {voters 2}\n"
        "1027.0 2| commits 4.2\n"
        "1027.0 2| is configured by 4 {voters 2, old 1}\n"
        "1029.0 2> 1 APPENDED term 2 5\n"
        "1030.0 1| commits 5.2\n"
        "1030.0 1| is configured by 5 {voters 2}\n"
        "1030.0 1| is removed\n"
        "1030.0 1> 2 APPEND term 2, behind 5.2, commit 5\n"
        "1030.0 1> 2 TIMEOUT_NOW term 2\n"
        "1030.0 1| follows in term 2\n"
        "1031.0 2| commits 5.2\n"
        "1031.0 2| is configured by 5 {voters 2}\n"
        "1031.0 2> 1 APPENDED term 2 5\n"
        "1031.0 2| writes term 3 vote 2\n"
        "1031.0 2| campaigns in term 3\n"
        "1033.0 2| writes 6.3 no-op\n"
        "1033.0 2| leads in term 3\n"
        "1035.0 2| commits 6.3\n");
    ck_assert(world.replicas[1].removed);
    ck_assert_uint_eq(cluster_leader(&world), 2);
}
END_TEST

/* R8.  3 lost its disk and says so: the same node gets number 4, and 3 never votes again. */
START_TEST(a_lost_replica_comes_back_under_a_new_number)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 20);
    cluster_crash(&world, 3);
    start_newcomer(3, 4);
    cluster_forget(&world);
    world.shows = 0;
    cluster_about(&world, 1, FSP_RAFT_REPLACE, 3);
    cluster_about(&world, 1, FSP_RAFT_REPLACE, 3); /* asked twice: once is enough */
    cluster_run(&world, 200);
    cluster_expect(&world, "3461.0 4| follows in term 2, leader 1\n"
                           "3464.0 1| commits 4.2\n"
                           "3464.0 1| is configured by 4 {voters 1 2 3, learners 4}\n"
                           "3464.0 1| fetches 1..1\n"
                           "3465.0 2| commits 4.2\n"
                           "3465.0 2| is configured by 4 {voters 1 2 3, learners 4}\n"
                           "3467.0 4| commits 1.1\n"
                           "3467.0 4| is configured by 1 {voters 1 2 3}\n"
                           "3471.0 4| commits 4.2\n"
                           "3471.0 4| is configured by 4 {voters 1 2 3, learners 4}\n"
                           "3476.0 1| commits 5.2\n"
                           "3476.0 1| is configured by 5 {voters 1 2 4, old 1 2 3}\n"
                           "3477.0 2| commits 5.2\n"
                           "3477.0 2| is configured by 5 {voters 1 2 4, old 1 2 3}\n"
                           "3477.0 4| commits 5.2\n"
                           "3477.0 4| is configured by 5 {voters 1 2 4, old 1 2 3}\n"
                           "3480.0 1| commits 6.2\n"
                           "3480.0 1| is configured by 6 {voters 1 2 4}\n"
                           "3481.0 2| commits 6.2\n"
                           "3481.0 2| is configured by 6 {voters 1 2 4}\n"
                           "3481.0 4| commits 6.2\n"
                           "3481.0 4| is configured by 6 {voters 1 2 4}\n");
    expect_voters(1, "voters 1 2 4");
    ck_assert_uint_eq(fsp_raft_conf(world.replicas[1].raft)->next_replica, 5);
}
END_TEST

/* A leader that leads for long hears of more losses than there are seats; those that were made good
   count no more. */
START_TEST(one_leader_replaces_any_number_of_lost_replicas)
{
    enum { LOSSES = FSP_RAFT_SEATS_MAX + 2 };
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    world.shows = 0;
    uint64_t term = fsp_raft_term(world.replicas[1].raft);
    for (uint64_t lost = 3; lost < 3 + LOSSES; lost++) {
        cluster_crash(&world, lost);
        start_newcomer(3, lost + 1);
        cluster_about(&world, 1, FSP_RAFT_REPLACE, lost);
        cluster_run(&world, 200);
        const fsp_raft_conf_t *conf = fsp_raft_conf(world.replicas[1].raft);
        ck_assert(fsp_raft_conf_votes(conf, lost + 1) && !fsp_raft_conf_seat(conf, lost));
        ck_assert_uint_eq(conf->count, 3);
    }
    ck_assert_uint_eq(fsp_raft_term(world.replicas[1].raft), term);
}
END_TEST

/* Facts: bugs 26, 27.  The leader dies in the joint configuration; whoever leads then leaves it,
   without a target and only after an entry of its own term is committed. */
START_TEST(any_leader_leaves_the_joint_configuration)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    start_newcomer(4, 4);
    world.shows = 0;
    configure(1, 2, "124");
    for (int i = 0; i < 1000 && !fsp_raft_conf_joint(fsp_raft_conf(world.replicas[1].raft)); i++)
        cluster_run_to(&world, world.now_us + 500);
    cluster_run_to(&world, world.now_us + 1500); /* it is on its way to the others */
    cluster_crash(&world, 1);
    cluster_forget(&world);
    cluster_run(&world, 4000);
    cluster_expect(&world, "4512.1 2> 1 PREVOTE term 3, end 4.2\n"
                           "4512.1 2> 3 PREVOTE term 3, end 4.2\n"
                           "4512.1 2> 4 PREVOTE term 3, end 4.2\n"
                           "4512.1 2| follows in term 2\n"
                           "4513.1 3> 2 PREVOTED term 3\n"
                           "4513.1 4> 2 PREVOTED term 3\n"
                           "4514.1 2| campaigns in term 3\n"
                           "4516.1 2> 1 VOTE term 3, end 4.2\n"
                           "4516.1 2> 3 VOTE term 3, end 4.2\n"
                           "4516.1 2> 4 VOTE term 3, end 4.2\n"
                           "4517.1 3| follows in term 3\n"
                           "4517.1 4| follows in term 3\n"
                           "4519.1 3> 2 VOTED term 3\n"
                           "4519.1 4> 2 VOTED term 3\n"
                           "4520.1 2| leads in term 3\n"
                           "4521.1 3| follows in term 3, leader 2\n"
                           "4521.1 4| follows in term 3, leader 2\n"
                           "4524.1 2| commits 5.3\n"
                           "4524.1 2| is configured by 4 {voters 1 2 4, old 1 2 3}\n"
                           "4525.1 3| commits 5.3\n"
                           "4525.1 3| is configured by 4 {voters 1 2 4, old 1 2 3}\n"
                           "4525.1 4| commits 5.3\n"
                           "4525.1 4| is configured by 4 {voters 1 2 4, old 1 2 3}\n"
                           "4528.1 2| commits 6.3\n"
                           "4528.1 2| is configured by 6 {voters 1 2 4}\n"
                           "4529.1 3| commits 6.3\n"
                           "4529.1 3| is configured by 6 {voters 1 2 4}\n"
                           "4529.1 3| is removed\n"
                           "4529.1 4| commits 6.3\n"
                           "4529.1 4| is configured by 6 {voters 1 2 4}\n");
    expect_voters(cluster_leader(&world), "voters 1 2 4");
}
END_TEST

/* Facts: bugs 16, 31.  1 appended two configurations that nobody else has.  They are cut, and the
   one before is in force again, at once. */
START_TEST(configurations_that_are_cut_are_void)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    start_newcomer(4, 4);
    cluster_isolate(&world, 1);
    world.shows = CLUSTER_SHOWS_WRITES;
    configure(1, 2, "1234");
    expect_voters(1, "voters 1 2 3, learners 4");
    cluster_run(&world, 4000);
    expect_voters(1, "voters 1 2 3, learners 4");
    cluster_forget(&world);
    cluster_heal(&world);
    cluster_run(&world, 300);
    expect_voters(1, "voters 1 2 3");
    ck_assert_uint_eq(fsp_raft_conf(world.replicas[1].raft)->next_replica, 4);
    cluster_expect(&world, "7539.3 1| writes term 3 vote 0\n"
                           "7539.3 1| follows in term 3, leader 3\n"
                           "7543.3 1| writes cut from 3 3.3 no-op\n"
                           "7545.3 1| commits 3.3\n");
}
END_TEST

/* Two in one cut: undone from the last one backwards, to the one of a snapshot. */
START_TEST(two_configurations_are_undone_backwards)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    fsp_raft_conf_t confs[2];
    fsp_entry_t entries[2];
    const fsp_raft_conf_t *before = fsp_raft_conf(world.replicas[3].raft);
    for (size_t i = 0; i < 2; i++) {
        fsp_raft_member_t member = cluster_member(4 + i, 0);
        confs[i] = fsp_raft_conf_add(i ? &confs[0] : before, &member.node_id, &member.store_id, 0);
        fsp_buf_t buf;
        fsp_buf_init(&buf, FSP_RAFT_CONF_BYTES_MAX);
        fsp_raft_conf_encode(&confs[i], &buf);
        entries[i] = (fsp_entry_t){.index = 2 + i,
                                   .term = 2,
                                   .kind = FSP_ENTRY_CONFIG,
                                   .bytes = fsp_blob_copy(buf.data, buf.bytes)};
        fsp_buf_clear(&buf);
    }
    fsp_raft_message_t m = {.type = FSP_RAFT_APPEND,
                            .from = 1,
                            .to = 3,
                            .term = 2,
                            .index = 1,
                            .index_term = 1,
                            .commit = 1,
                            .entries = entries,
                            .entry_count = 2};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    expect_voters(3, "voters 1 2 3, learners 4 5");
    cluster_run(&world, 5);
    cluster_crash(&world, 3); /* a restart finds them in the log */
    cluster_start(&world, 3);
    expect_voters(3, "voters 1 2 3, learners 4 5");
    fsp_entry_t other = {.index = 2, .term = 3, .kind = FSP_ENTRY_NOOP};
    m.from = 2;
    m.term = 3;
    m.entries = &other;
    m.entry_count = 1;
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    expect_voters(3, "voters 1 2 3");
    for (size_t i = 0; i < 2; i++)
        fsp_blob_destroy(&entries[i].bytes);
}
END_TEST

/* Facts: bug 28.  No change before an entry of the own term is committed; one at a time. */
START_TEST(no_change_before_an_own_entry_is_committed)
{
    cluster_init(&world, 1, 3, false);
    /* The configuration is committed, and all know it. */
    for (uint64_t i = 1; i <= 3; i++)
        world.replicas[i].disk->applied = 1;
    world.committed[1] = world.replicas[1].disk->log[1];
    (void)fsp_blob_ref(world.committed[1].bytes);
    world.committed_last = 1;
    cluster_start(&world, 1);
    cluster_run_to(&world, 2000 * 1000);
    cluster_start_all(&world);
    for (int i = 0; i < 2000 && cluster_leader(&world) == 0; i++)
        cluster_run(&world, 1);
    ck_assert_uint_eq(cluster_leader(&world), 1);
    ck_assert(!fsp_raft_ready(world.replicas[1].raft));
    world.shows = CLUSTER_SHOWS_WRITES;
    cluster_forget(&world);
    configure(1, 2, "12345");
    cluster_expect(&world, "");
    cluster_run(&world, 5);
    ck_assert(fsp_raft_ready(world.replicas[1].raft));
    expect_voters(1, "voters 1 2 3, learners 4");
    configure(1, 3, "12356");
    expect_voters(1, "voters 1 2 3, learners 4"); /* until that is committed */
    cluster_run(&world, 4);
    expect_voters(1, "voters 1 2 3");
    cluster_run(&world, 4);
    expect_voters(1, "voters 1 2 3, learners 5");
}
END_TEST

/* What aims at less than the present configuration was overtaken. */
START_TEST(an_old_target_is_not_followed)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    start_newcomer(4, 4);
    configure(1, 5, "124");
    cluster_run(&world, 200);
    expect_voters(1, "voters 1 2 4");
    configure(1, 4, "123");
    cluster_run(&world, 200);
    expect_voters(1, "voters 1 2 4");
    ck_assert_uint_eq(fsp_raft_conf(world.replicas[1].raft)->aim, 5);
}
END_TEST

/* A closed laptop: the learner makes no progress, is dropped after 30 s and tried again a minute
   later.  Nobody waits for it. */
START_TEST(a_learner_that_stalls_is_dropped_and_tried_again)
{
    cluster_init(&world, 1, 1, false);
    cluster_start(&world, 1);
    cluster_run(&world, 10);
    cluster_forget(&world);
    world.shows = CLUSTER_SHOWS_WRITES;
    configure(1, 2, "12");
    cluster_run(&world, 95000);
    cluster_expect(&world, "1010.0 1| writes 3.2 {voters 1, learners 2}\n"
                           "1012.0 1| commits 3.2\n"
                           "1012.0 1| is configured by 3 {voters 1, learners 2}\n"
                           "31152.0 1| writes 4.2 {voters 1}\n"
                           "31154.0 1| commits 4.2\n"
                           "31154.0 1| is configured by 4 {voters 1}\n"
                           "91152.0 1| writes 5.2 {voters 1, learners 3}\n"
                           "91154.0 1| commits 5.2\n"
                           "91154.0 1| is configured by 5 {voters 1, learners 3}\n");
    /* Now somebody is there, under the number of the second try. */
    start_newcomer(2, 3);
    cluster_run(&world, 1000);
    expect_voters(1, "voters 1 3");
}
END_TEST

/* A newcomer that lags gets no vote: it would hold up commits. */
START_TEST(a_newcomer_votes_only_when_it_has_caught_up)
{
    cluster_init(&world, 1, 1, false);
    world.limits.lag_max = 10;
    world.limits.message_entries_max = 1;
    world.limits.window_messages_max = 1;
    cluster_start(&world, 1);
    cluster_run(&world, 10);
    world.shows = 0;
    for (int i = 0; i < 100; i++)
        cluster_propose(&world, 1, "x");
    cluster_run(&world, 10);
    start_newcomer(2, 2);
    configure(1, 2, "12");
    cluster_run(&world, 100);
    expect_voters(1, "voters 1, learners 2");
    ck_assert_uint_lt(world.replicas[2].disk->last, 92);
    cluster_run(&world, 600);
    expect_voters(1, "voters 1 2");
}
END_TEST

/* A majority of the target must answer, else the change would stop the shard. */
START_TEST(no_change_to_a_majority_that_is_silent)
{
    cluster_init(&world, 1, 1, false);
    cluster_start(&world, 1);
    cluster_run(&world, 10);
    start_newcomer(2, 2);
    start_newcomer(3, 3);
    configure(1, 2, "123");
    for (int i = 0; i < 1000 && fsp_raft_conf(world.replicas[1].raft)->count < 3; i++)
        cluster_run_to(&world, world.now_us + 500);
    cluster_run(&world, 5);
    cluster_isolate(&world, 2);
    cluster_isolate(&world, 3);
    cluster_run(&world, 5000);
    expect_voters(1, "voters 1, learners 2 3");
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 10);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[1].raft),
                      fsp_raft_last_index(world.replicas[1].raft));
}
END_TEST

/* Facts: bug 30.  A learner neither campaigns nor takes over, but it votes: it may be a voter and
   not know it yet. */
START_TEST(a_learner_votes_when_asked_and_never_leads)
{
    cluster_init(&world, 1, 1, false);
    cluster_start(&world, 1);
    cluster_run(&world, 10);
    start_newcomer(2, 2);
    fsp_raft_target_t target = cluster_target(2, 1, true);
    cluster_configure(&world, 1, &target);
    cluster_run(&world, 500);
    expect_voters(2, "voters 1, sync 2");
    cluster_crash(&world, 1);
    cluster_forget(&world);
    cluster_run(&world, 20000);
    cluster_expect(&world, "");
    fsp_raft_message_t m = {.type = FSP_RAFT_TIMEOUT_NOW, .from = 1, .to = 2, .term = 2};
    cluster_step(&world, 2, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    cluster_expect(&world, "");
    cluster_run(&world, 2000); /* that was a sign of life of 1 */
    m = (fsp_raft_message_t){
        .type = FSP_RAFT_VOTE, .from = 1, .to = 2, .term = 9, .index = 90, .index_term = 8};
    cluster_step(&world, 2, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    cluster_run(&world, 3);
    cluster_expect(&world, "23510.0 2| writes term 9 vote 1\n"
                           "23510.0 2| follows in term 9\n"
                           "23512.0 2> 1 VOTED term 9\n");
}
END_TEST

/* Changes under load, with a crash of whoever leads at any moment of it: always one history, and in
   the end the target. */
START_TEST(a_crash_at_any_moment_of_a_change_does_no_harm)
{
    for (uint64_t after = 1; after <= 60; after += 1) {
        cluster_init(&world, after, 3, false);
        cluster_start_led_by(&world, 1);
        start_newcomer(4, 4);
        start_newcomer(5, 5);
        world.shows = 0;
        configure(1, 2, "345");
        for (uint64_t i = 0; i < after; i++) {
            cluster_run(&world, 1);
            uint64_t leader = cluster_leader(&world);
            if (leader && i % 7 == 0)
                configure(leader, 2, "345");
            if (leader && i % 3 == 0)
                cluster_propose(&world, leader, "x");
        }
        uint64_t victim = cluster_leader(&world) ? cluster_leader(&world) : 1;
        cluster_crash(&world, victim);
        cluster_run(&world, 3000);
        cluster_start(&world, victim);
        for (int i = 0; i < 400; i++) {
            cluster_run(&world, 25);
            uint64_t leader = cluster_leader(&world);
            if (leader && i % 10 == 0)
                configure(leader, 2, "345");
        }
        uint64_t leader = cluster_leader(&world);
        ck_assert_uint_ge(leader, 3);
        expect_voters(leader, "voters 3 4 5");
        cluster_clear(&world);
    }
    cluster_init(&world, 1, 1, false);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("transcript_member");
    TCase *tests = tcase_create("configurations");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, one_replica_becomes_three);
    tcase_add_test(tests, a_leader_that_shall_go_hands_over_first);
    tcase_add_test(tests, one_leader_replaces_any_number_of_lost_replicas);
    tcase_add_test(tests, a_leader_replaced_altogether_goes_when_its_going_is_committed);
    tcase_add_test(tests, a_lost_replica_comes_back_under_a_new_number);
    tcase_add_test(tests, any_leader_leaves_the_joint_configuration);
    tcase_add_test(tests, configurations_that_are_cut_are_void);
    tcase_add_test(tests, two_configurations_are_undone_backwards);
    tcase_add_test(tests, no_change_before_an_own_entry_is_committed);
    tcase_add_test(tests, an_old_target_is_not_followed);
    tcase_add_test(tests, a_learner_that_stalls_is_dropped_and_tried_again);
    tcase_add_test(tests, a_newcomer_votes_only_when_it_has_caught_up);
    tcase_add_test(tests, no_change_to_a_majority_that_is_silent);
    tcase_add_test(tests, a_learner_votes_when_asked_and_never_leads);
    tcase_add_test(tests, a_crash_at_any_moment_of_a_change_does_no_harm);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
