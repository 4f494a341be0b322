/* SPDX-License-Identifier: MIT */
/* test_transcript_snapshot - followers that need what the log no longer holds.  Layer tests. */
#include "tests/unit/raft/cluster.h"

static cluster_t world;

static void
tear_down(void)
{
    cluster_clear(&world);
}

/* Three replicas whose leader, 1, keeps little of its log. */
static void
start_forgetful(void)
{
    cluster_init(&world, 1, 3, false);
    world.limits.keep_entries = 2;
    world.limits.drop_entries_min = 5;
    cluster_start_led_by(&world, 1);
}

static void
propose_many(int count)
{
    unsigned shows = world.shows;
    world.shows = 0;
    for (int i = 0; i < count; i++) {
        cluster_propose(&world, cluster_leader(&world), "x");
        cluster_run(&world, 10);
    }
    world.shows = shows;
    cluster_forget(&world);
}

static fsp_raft_event_t
install(uint64_t index, uint64_t term, const fsp_raft_conf_t *conf)
{
    return (fsp_raft_event_t){.type = FSP_RAFT_INSTALL, .index = index, .term = term, .conf = conf};
}

/* 3 was away so long that its leader dropped what it needs. */
START_TEST(who_fell_behind_gets_a_snapshot)
{
    start_forgetful();
    cluster_isolate(&world, 3);
    propose_many(1);
    cluster_run(&world, 1500); /* 3 is no longer live: nothing is kept for it */
    propose_many(30);
    ck_assert_uint_gt(fsp_raft_log_start(world.replicas[1].raft), 10);
    cluster_heal(&world);
    cluster_run(&world, 600);
    cluster_expect(&world, "5330.2 3| follows in term 2, leader 1\n"
                           "5331.2 1> 3 APPEND term 2, behind 33.2, commit 33\n"
                           "5332.2 3> 1 APPENDED term 2 refused 33, hint 2.2\n"
                           "5333.2 1> 3 APPEND term 2, behind 25.2, commit 33: 26.2 'x' 27.2 'x' "
                           "... 32.2 'x' 33.2 'x'\n"
                           "5334.2 3> 1 APPENDED term 2 refused 25, hint 2.2\n"
                           "5335.2 1| wants a snapshot sent to 3\n"
                           "5335.2 1> 3 SNAPSHOT term 2 of 32.2\n"
                           "5345.2 3| takes the snapshot of 32\n"
                           "5345.2 3| writes snapshot of 32.2, log goes\n"
                           "5347.2 3| commits 32.2\n"
                           "5347.2 3| is configured by 32 {voters 1 2 3}\n"
                           "5347.2 3> 1 APPENDED term 2 32\n"
                           "5348.2 1> 3 APPEND term 2, behind 32.2, commit 33: 33.2 'x'\n"
                           "5349.2 3| writes 33.2 'x'\n"
                           "5351.2 3| commits 33.2\n"
                           "5351.2 3> 1 APPENDED term 2 33\n");
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 33);
    /* And a restart finds it so. */
    cluster_crash(&world, 3);
    cluster_start(&world, 3);
    ck_assert_uint_eq(fsp_raft_log_start(world.replicas[3].raft), world.replicas[3].disk->start);
    cluster_propose(&world, 1, "y");
    cluster_run(&world, 400);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 34);
}
END_TEST

/* A live follower that is slow keeps the log from being dropped. */
START_TEST(the_log_waits_for_a_live_follower_that_is_slow)
{
    start_forgetful();
    world.replicas[3].disk_us = 300 * 1000;
    propose_many(30);
    ck_assert_uint_le(fsp_raft_log_start(world.replicas[1].raft), world.replicas[3].disk->last);
    world.replicas[3].disk_us = 2000;
    cluster_run(&world, 1000);
    propose_many(3);
    ck_assert_uint_ge(fsp_raft_log_start(world.replicas[1].raft), 20);
    ck_assert_uint_le(world.replicas[3].disk->start, 36);
    cluster_expect(&world, "");
}
END_TEST

/* A transfer fails: not at once again, but after the next answer. */
START_TEST(a_snapshot_that_failed_is_tried_again)
{
    start_forgetful();
    cluster_isolate(&world, 3);
    propose_many(1);
    cluster_run(&world, 1500);
    propose_many(20);
    world.shows = 0;
    cluster_heal(&world);
    for (int i = 0; i < 400; i++) {
        cluster_run(&world, 1);
        bool under_way = false;
        for (size_t j = world.item_count; j-- > 0;)
            if (world.items[j].type == ITEM_MESSAGE &&
                world.items[j].message.type == FSP_RAFT_SNAPSHOT) {
                under_way = true;
                cluster_remove_item(&world, j);
            }
        if (!under_way)
            continue;
        for (size_t j = 0; j < world.item_count; j++)
            if (world.items[j].type == ITEM_SENT)
                world.items[j].ok = false;
        break;
    }
    cluster_run(&world, 600);
    cluster_expect(&world, "5180.2 3| follows in term 2, leader 1\n"
                           "5185.2 1| wants a snapshot sent to 3\n"
                           "5185.2 1> 3 SNAPSHOT term 2 of 22.2\n"
                           "5331.2 1| wants a snapshot sent to 3\n"
                           "5331.2 1> 3 SNAPSHOT term 2 of 22.2\n"
                           "5341.2 3| takes the snapshot of 22\n"
                           "5343.2 3| commits 22.2\n"
                           "5343.2 3| is configured by 22 {voters 1 2 3}\n"
                           "5347.2 3| commits 23.2\n");
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 23);
}
END_TEST

/* The log behind a snapshot stays if its entry there is the snapshot's; else it is another history
   and goes whole. */
START_TEST(a_log_that_has_the_snapshots_entry_stays)
{
    for (int keeps = 0; keeps <= 1; keeps++) {
        cluster_init(&world, 1, 3, false);
        cluster_log(&world, 3, "122222"); /* to 7 */
        cluster_start(&world, 3);
        fsp_raft_conf_t conf = *fsp_raft_conf(world.replicas[3].raft);
        cluster_step(
            &world, 3,
            (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE,
                               .message = &(fsp_raft_message_t){
                                   .type = FSP_RAFT_HEARTBEAT, .from = 1, .to = 3, .term = 4}});
        cluster_step(&world, 3, install(5, keeps ? 2 : 3, &conf));
        cluster_run(&world, 5);
        if (keeps)
            cluster_expect(&world, "1000.0 3| writes term 4 vote 0\n"
                                   "1000.0 3| follows in term 4, leader 1\n"
                                   "1000.0 3| writes snapshot of 5.2, log stays\n"
                                   "1002.0 3| commits 5.2\n"
                                   "1002.0 3| is configured by 1 {voters 1 2 3}\n"
                                   "1002.0 3> 1 APPENDED term 4 5\n");
        else
            cluster_expect(&world, "1000.0 3| writes term 4 vote 0\n"
                                   "1000.0 3| follows in term 4, leader 1\n"
                                   "1000.0 3| writes snapshot of 5.3, log goes\n"
                                   "1002.0 3| commits 5.3\n"
                                   "1002.0 3| is configured by 5 {voters 1 2 3}\n"
                                   "1002.0 3> 1 APPENDED term 4 5\n");
        ck_assert_uint_eq(fsp_raft_last_index(world.replicas[3].raft), keeps ? 7 : 5);
        ck_assert_uint_eq(fsp_raft_log_start(world.replicas[3].raft), 5);
        ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 5);
        cluster_crash(&world, 3);
        cluster_start(&world, 3);
        ck_assert_uint_eq(fsp_raft_last_index(world.replicas[3].raft), keeps ? 7 : 5);
        cluster_clear(&world);
    }
    cluster_init(&world, 1, 1, false);
}
END_TEST

/* Facts: bugs 6, 24 and 29 (mutants).  Between INSTALL and its WRITTEN nothing is appended, voted
   for or campaigned for; term, vote and commit never fall. */
START_TEST(nothing_happens_to_the_log_while_it_is_switched)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    world.replicas[3].disk_us = 5000 * 1000;
    fsp_raft_message_t m = {
        .type = FSP_RAFT_VOTE, .from = 1, .to = 3, .term = 4, .index = 9, .index_term = 3};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    m = (fsp_raft_message_t){.type = FSP_RAFT_HEARTBEAT, .from = 1, .to = 3, .term = 4};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    fsp_raft_conf_t conf = *fsp_raft_conf(world.replicas[3].raft);
    cluster_step(&world, 3, install(9, 3, &conf));
    cluster_step(&world, 3, install(12, 3, &conf)); /* one at a time */
    m = (fsp_raft_message_t){.type = FSP_RAFT_APPEND,
                             .from = 1,
                             .to = 3,
                             .term = 4,
                             .index = 1,
                             .index_term = 1,
                             .commit = 1};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    m.type = FSP_RAFT_TIMEOUT_NOW;
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    cluster_run(&world, 4000); /* patience ends, and is renewed */
    m = (fsp_raft_message_t){
        .type = FSP_RAFT_PREVOTE, .from = 2, .to = 3, .term = 5, .index = 50, .index_term = 4};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    cluster_run(&world, 2000);
    cluster_expect(&world, "1000.0 3| writes term 4 vote 1\n"
                           "1000.0 3| follows in term 4\n"
                           "1000.0 3| follows in term 4, leader 1\n"
                           "1000.0 3| writes snapshot of 9.3, log goes\n"
                           "6000.0 3> 1 VOTED term 4\n"
                           "6000.0 3> 2 PREVOTED term 4 refused\n"
                           "6000.0 3| commits 9.3\n"
                           "6000.0 3| is configured by 9 {voters 1 2 3}\n"
                           "6000.0 3> 1 APPENDED term 4 9\n");
    ck_assert_uint_eq(world.replicas[3].disk->hard.vote, 1);
    ck_assert_uint_eq(world.replicas[3].disk->hard.term, 4);
    cluster_step(&world, 3, install(8, 3, &conf)); /* behind what is committed */
    cluster_expect(&world, "");
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 9);
}
END_TEST

/* A pre-ballot that is out when the snapshot comes asked for another log: its answers are void. */
START_TEST(a_snapshot_ends_a_pre_ballot)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    world.replicas[3].disk_us = 500 * 1000;
    cluster_run(&world, 1990);
    fsp_raft_conf_t conf = *fsp_raft_conf(world.replicas[3].raft);
    cluster_step(&world, 3, install(1, 1, &conf));
    cluster_run(&world, 1);
    fsp_raft_message_t m = {.type = FSP_RAFT_PREVOTED, .from = 1, .to = 3, .term = 2};
    cluster_step(&world, 3, (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &m});
    cluster_expect(&world, "2477.5 3> 1 PREVOTE term 2, end 1.1\n"
                           "2477.5 3> 2 PREVOTE term 2, end 1.1\n"
                           "2990.0 3| writes snapshot of 1.1, log stays\n");
}
END_TEST

/* Facts: bug 25.  The snapshot is taken while two voter sets decide; who gets it knows of both. */
START_TEST(a_snapshot_carries_the_joint_configuration)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    fsp_raft_conf_t conf = *fsp_raft_conf(world.replicas[3].raft);
    fsp_raft_conf_t next =
        fsp_raft_conf_add(&conf, &(fsp_node_id_t){{4}}, &(fsp_store_id_t){{4, 1}}, 0);
    const uint64_t numbers[] = {2, 3, 4};
    fsp_raft_conf_t joint = fsp_raft_conf_enter(&next, numbers, 3, 2);
    cluster_step(
        &world, 3,
        (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE,
                           .message = &(fsp_raft_message_t){
                               .type = FSP_RAFT_HEARTBEAT, .from = 1, .to = 3, .term = 4}});
    cluster_step(&world, 3, install(9, 3, &joint));
    cluster_run(&world, 5);
    ck_assert(fsp_raft_conf_eq(fsp_raft_conf(world.replicas[3].raft), &joint));
    cluster_crash(&world, 3);
    cluster_start(&world, 3);
    ck_assert(fsp_raft_conf_eq(fsp_raft_conf(world.replicas[3].raft), &joint));
    cluster_forget(&world);
    /* It asks the voters of both. */
    cluster_run(&world, 2100);
    cluster_expect(&world, "1005.0 3| is configured by 9 {voters 2 3 4, old 1 2 3}\n"
                           "2102.0 3> 1 PREVOTE term 5, end 9.3\n"
                           "2102.0 3> 2 PREVOTE term 5, end 9.3\n"
                           "2102.0 3> 4 PREVOTE term 5, end 9.3\n");
}
END_TEST

/* A newcomer to a shard whose log begins late starts with a snapshot. */
START_TEST(a_newcomer_starts_with_a_snapshot)
{
    start_forgetful();
    propose_many(20);
    cluster_add(&world, 4, 4, NULL);
    cluster_start(&world, 4);
    world.shows = 0;
    fsp_raft_target_t target = cluster_target(2, 4, false);
    cluster_configure(&world, 1, &target);
    cluster_run(&world, 400);
    cluster_expect(&world, "3641.0 4| follows in term 2, leader 1\n"
                           "3644.0 1| commits 23.2\n"
                           "3644.0 1| is configured by 23 {voters 1 2 3, learners 4}\n"
                           "3645.0 2| commits 23.2\n"
                           "3645.0 2| is configured by 23 {voters 1 2 3, learners 4}\n"
                           "3645.0 3| commits 23.2\n"
                           "3645.0 3| is configured by 23 {voters 1 2 3, learners 4}\n"
                           "3646.0 1| wants a snapshot sent to 4\n"
                           "3646.0 1> 4 SNAPSHOT term 2 of 22.2\n"
                           "3656.0 4| takes the snapshot of 22\n"
                           "3658.0 4| commits 22.2\n"
                           "3658.0 4| is configured by 22 {voters 1 2 3}\n"
                           "3662.0 4| commits 23.2\n"
                           "3662.0 4| is configured by 23 {voters 1 2 3, learners 4}\n"
                           "3663.0 1| commits 24.2\n"
                           "3663.0 1| is configured by 24 {voters 1 2 3 4, old 1 2 3}\n"
                           "3664.0 2| commits 24.2\n"
                           "3664.0 2| is configured by 24 {voters 1 2 3 4, old 1 2 3}\n"
                           "3664.0 3| commits 24.2\n"
                           "3664.0 3| is configured by 24 {voters 1 2 3 4, old 1 2 3}\n"
                           "3664.0 4| commits 24.2\n"
                           "3664.0 4| is configured by 24 {voters 1 2 3 4, old 1 2 3}\n"
                           "3667.0 1| commits 25.2\n"
                           "3667.0 1| is configured by 25 {voters 1 2 3 4}\n"
                           "3668.0 2| commits 25.2\n"
                           "3668.0 2| is configured by 25 {voters 1 2 3 4}\n"
                           "3668.0 3| commits 25.2\n"
                           "3668.0 3| is configured by 25 {voters 1 2 3 4}\n"
                           "3668.0 4| commits 25.2\n"
                           "3668.0 4| is configured by 25 {voters 1 2 3 4}\n");
    ck_assert_uint_eq(fsp_raft_conf_voters(fsp_raft_conf(world.replicas[4].raft), FSP_RAFT_VOTER),
                      4);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("transcript_snapshot");
    TCase *tests = tcase_create("snapshots");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, who_fell_behind_gets_a_snapshot);
    tcase_add_test(tests, the_log_waits_for_a_live_follower_that_is_slow);
    tcase_add_test(tests, a_snapshot_that_failed_is_tried_again);
    tcase_add_test(tests, a_log_that_has_the_snapshots_entry_stays);
    tcase_add_test(tests, nothing_happens_to_the_log_while_it_is_switched);
    tcase_add_test(tests, a_snapshot_ends_a_pre_ballot);
    tcase_add_test(tests, a_snapshot_carries_the_joint_configuration);
    tcase_add_test(tests, a_newcomer_starts_with_a_snapshot);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
