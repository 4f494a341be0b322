/* SPDX-License-Identifier: MIT */
/* test_transcript_log - how logs become equal, and what commits: stories in virtual time.  Tests.
 */
#include "tests/unit/raft/cluster.h"

static cluster_t world;

static void
tear_down(void)
{
    cluster_clear(&world);
}

static void
receive(uint64_t replica, fsp_raft_message_t message)
{
    message.to = replica;
    cluster_step(&world, replica,
                 (fsp_raft_event_t){.type = FSP_RAFT_MESSAGE, .message = &message});
}

static fsp_entry_t
command(uint64_t index, uint64_t term, const char *text)
{
    return (fsp_entry_t){.index = index,
                         .term = term,
                         .kind = FSP_ENTRY_COMMAND,
                         .bytes = fsp_blob_copy(text, strlen(text))};
}

/* Replicas 1 .. count with these logs behind their first entry; 1 leads. */
static void
start_with(size_t count, const char *const *logs)
{
    cluster_init(&world, 1, count, false);
    for (uint64_t i = 1; i <= count; i++)
        cluster_log(&world, i, logs[i - 1]);
    cluster_start(&world, 1);
    cluster_run_to(&world, 2000 * 1000);
}

/* Figure 7 of the Raft paper: followers that lack entries, that have more, and both.  The leader's
   log is 1 1 1 4 4 5 5 6 6 6.  A hint names the last entry whose term is not above the one that was
   asked for, and the leader looks from there in its own: here one refusal is enough for each. */
START_TEST(six_logs_that_differ_become_the_leaders)
{
    static const char *const logs[] = {
        "114455666",   /* leads term 8 */
        "11445566",    /* (a) lacks one */
        "114",         /* (b) lacks many */
        "1144556666",  /* (c) has one more of term 6 */
        "11445566677", /* (d) has two of a later term */
        "11444444",    /* (e) has others of term 4 */
        "11222333333", /* (f) has whole terms that nobody knows */
    };
    start_with(7, logs);
    for (uint64_t i = 1; i <= 7; i++)
        world.replicas[i].disk->hard.term = 7;
    cluster_crash(&world, 1);
    cluster_start(&world, 1);
    cluster_run_to(&world, 2990 * 1000);
    cluster_start_all(&world);
    for (int i = 0; i < 300 && cluster_leader(&world) == 0; i++)
        cluster_run(&world, 10);
    ck_assert_uint_eq(cluster_leader(&world), 1);
    ck_assert_uint_eq(fsp_raft_term(world.replicas[1].raft), 8);
    cluster_run(&world, 60);
    cluster_expect(
        &world, "3397.1 1> 2 PREVOTE term 8, end 10.6\n"
                "3397.1 1> 3 PREVOTE term 8, end 10.6\n"
                "3397.1 1> 4 PREVOTE term 8, end 10.6\n"
                "3397.1 1> 5 PREVOTE term 8, end 10.6\n"
                "3397.1 1> 6 PREVOTE term 8, end 10.6\n"
                "3397.1 1> 7 PREVOTE term 8, end 10.6\n"
                "3398.1 2> 1 PREVOTED term 8\n"
                "3398.1 3> 1 PREVOTED term 8\n"
                "3398.1 4> 1 PREVOTED term 7 refused\n"
                "3398.1 5> 1 PREVOTED term 7 refused\n"
                "3398.1 6> 1 PREVOTED term 8\n"
                "3398.1 7> 1 PREVOTED term 8\n"
                "3399.1 1| writes term 8 vote 1\n"
                "3399.1 1| campaigns in term 8\n"
                "3401.1 1> 2 VOTE term 8, end 10.6\n"
                "3401.1 1> 3 VOTE term 8, end 10.6\n"
                "3401.1 1> 4 VOTE term 8, end 10.6\n"
                "3401.1 1> 5 VOTE term 8, end 10.6\n"
                "3401.1 1> 6 VOTE term 8, end 10.6\n"
                "3401.1 1> 7 VOTE term 8, end 10.6\n"
                "3402.1 2| writes term 8 vote 1\n"
                "3402.1 2| follows in term 8\n"
                "3402.1 3| writes term 8 vote 1\n"
                "3402.1 3| follows in term 8\n"
                "3402.1 4| writes term 8 vote 0\n"
                "3402.1 4| follows in term 8\n"
                "3402.1 5| writes term 8 vote 0\n"
                "3402.1 5| follows in term 8\n"
                "3402.1 6| writes term 8 vote 1\n"
                "3402.1 6| follows in term 8\n"
                "3402.1 7| writes term 8 vote 1\n"
                "3402.1 7| follows in term 8\n"
                "3404.1 2> 1 VOTED term 8\n"
                "3404.1 3> 1 VOTED term 8\n"
                "3404.1 4> 1 VOTED term 8 refused\n"
                "3404.1 5> 1 VOTED term 8 refused\n"
                "3404.1 6> 1 VOTED term 8\n"
                "3404.1 7> 1 VOTED term 8\n"
                "3405.1 1| writes 11.8 no-op\n"
                "3405.1 1> 2 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3405.1 1> 3 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3405.1 1> 4 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3405.1 1> 5 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3405.1 1> 6 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3405.1 1> 7 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3405.1 1| leads in term 8\n"
                "3406.1 2> 1 APPENDED term 8 refused 10, hint 9.6\n"
                "3406.1 2| follows in term 8, leader 1\n"
                "3406.1 3> 1 APPENDED term 8 refused 10, hint 4.4\n"
                "3406.1 3| follows in term 8, leader 1\n"
                "3406.1 4| writes cut from 11 11.8 no-op\n"
                "3406.1 4| follows in term 8, leader 1\n"
                "3406.1 5| writes cut from 11 11.8 no-op\n"
                "3406.1 5| follows in term 8, leader 1\n"
                "3406.1 6> 1 APPENDED term 8 refused 10, hint 9.4\n"
                "3406.1 6| follows in term 8, leader 1\n"
                "3406.1 7> 1 APPENDED term 8 refused 10, hint 10.3\n"
                "3406.1 7| follows in term 8, leader 1\n"
                "3407.1 1| fetches 10..10\n"
                "3407.1 1> 2 APPEND term 8, behind 9.6, commit 0: 10.6 '10.6'\n"
                "3407.1 1| fetches 5..10\n"
                "3407.1 1> 3 APPEND term 8, behind 4.4, commit 0: 5.4 '5.4' 6.5 '6.5' 7.5 '7.5' "
                "8.6 '8.6' 9.6 '9.6' 10.6 '10.6'\n"
                "3407.1 1| fetches 6..10\n"
                "3407.1 1> 6 APPEND term 8, behind 5.4, commit 0: 6.5 '6.5' 7.5 '7.5' 8.6 '8.6' "
                "9.6 '9.6' 10.6 '10.6'\n"
                "3407.1 1| fetches 4..10\n"
                "3407.1 1> 7 APPEND term 8, behind 3.1, commit 0: 4.4 '4.4' 5.4 '5.4' ... 9.6 "
                "'9.6' 10.6 '10.6'\n"
                "3408.1 4> 1 APPENDED term 8 11\n"
                "3408.1 5> 1 APPENDED term 8 11\n"
                "3408.1 2| writes 10.6 '10.6'\n"
                "3408.1 3| writes 5.4 '5.4' 6.5 '6.5' 7.5 '7.5' 8.6 '8.6' 9.6 '9.6' 10.6 '10.6'\n"
                "3408.1 6| writes cut from 6 6.5 '6.5' 7.5 '7.5' 8.6 '8.6' 9.6 '9.6' 10.6 '10.6'\n"
                "3408.1 7| writes cut from 4 4.4 '4.4' 5.4 '5.4' ... 9.6 '9.6' 10.6 '10.6'\n"
                "3410.1 2> 1 APPENDED term 8 10\n"
                "3410.1 3> 1 APPENDED term 8 10\n"
                "3410.1 6> 1 APPENDED term 8 10\n"
                "3410.1 7> 1 APPENDED term 8 10\n"
                "3411.1 1> 2 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3411.1 1> 3 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3411.1 1> 6 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3411.1 1> 7 APPEND term 8, behind 10.6, commit 0: 11.8 no-op\n"
                "3412.1 2| writes 11.8 no-op\n"
                "3412.1 3| writes 11.8 no-op\n"
                "3412.1 6| writes 11.8 no-op\n"
                "3412.1 7| writes 11.8 no-op\n"
                "3414.1 2> 1 APPENDED term 8 11\n"
                "3414.1 3> 1 APPENDED term 8 11\n"
                "3414.1 6> 1 APPENDED term 8 11\n"
                "3414.1 7> 1 APPENDED term 8 11\n"
                "3415.1 1| commits 11.8\n"
                "3415.1 1| is configured by 1 {voters 1 2 3 4 5 6 7}\n"
                "3415.1 1| fetches 1..10\n"
                "3415.1 1> 2 APPEND term 8, behind 11.8, commit 11\n"
                "3415.1 1> 3 APPEND term 8, behind 11.8, commit 11\n"
                "3415.1 1> 4 APPEND term 8, behind 11.8, commit 11\n"
                "3415.1 1> 5 APPEND term 8, behind 11.8, commit 11\n"
                "3415.1 1> 6 APPEND term 8, behind 11.8, commit 11\n"
                "3415.1 1> 7 APPEND term 8, behind 11.8, commit 11\n"
                "3416.1 2| commits 11.8\n"
                "3416.1 2| is configured by 1 {voters 1 2 3 4 5 6 7}\n"
                "3416.1 2| fetches 1..9\n"
                "3416.1 2> 1 APPENDED term 8 11\n"
                "3416.1 3| commits 11.8\n"
                "3416.1 3| is configured by 1 {voters 1 2 3 4 5 6 7}\n"
                "3416.1 3| fetches 1..4\n"
                "3416.1 3> 1 APPENDED term 8 11\n"
                "3416.1 4| commits 11.8\n"
                "3416.1 4| is configured by 1 {voters 1 2 3 4 5 6 7}\n"
                "3416.1 4| fetches 1..10\n"
                "3416.1 4> 1 APPENDED term 8 11\n"
                "3416.1 5| commits 11.8\n"
                "3416.1 5| is configured by 1 {voters 1 2 3 4 5 6 7}\n"
                "3416.1 5| fetches 1..10\n"
                "3416.1 5> 1 APPENDED term 8 11\n"
                "3416.1 6| commits 11.8\n"
                "3416.1 6| is configured by 1 {voters 1 2 3 4 5 6 7}\n"
                "3416.1 6| fetches 1..5\n"
                "3416.1 6> 1 APPENDED term 8 11\n"
                "3416.1 7| commits 11.8\n"
                "3416.1 7| is configured by 1 {voters 1 2 3 4 5 6 7}\n"
                "3416.1 7| fetches 1..3\n"
                "3416.1 7> 1 APPENDED term 8 11\n");
    for (uint64_t i = 2; i <= 7; i++) {
        ck_assert_uint_eq(world.replicas[i].disk->last, 11);
        ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[i].raft), 11);
    }
}
END_TEST

/* Figure 8 of the paper.  (c): 1 leads term 4 and brings entry 3 of term 2 to a majority.  It must
   not commit: 5, with an entry of term 3, could still be elected and cut it (d).  It commits only
   with an entry of term 4 behind it (e). */
START_TEST(an_old_entry_on_a_majority_is_not_committed_by_counting)
{
    cluster_init(&world, 1, 5, false);
    cluster_log(&world, 1, "12");
    cluster_log(&world, 2, "12");
    cluster_log(&world, 3, "1");
    cluster_log(&world, 4, "1");
    cluster_log(&world, 5, "13");
    for (uint64_t i = 1; i <= 5; i++)
        world.replicas[i].disk->hard.term = 3;
    cluster_isolate(&world, 5);
    cluster_start_led_by(&world, 1);
    ck_assert_uint_eq(fsp_raft_term(world.replicas[1].raft), 4);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[1].raft), 4);
    cluster_clear(&world);

    /* Now step by step: what is written of term 4 is kept from the others. */
    cluster_init(&world, 1, 5, false);
    cluster_log(&world, 1, "12");
    world.replicas[1].disk->hard.term = 3;
    cluster_start(&world, 1);
    world.shows = CLUSTER_SHOWS_WRITES;
    receive(1, (fsp_raft_message_t){.type = FSP_RAFT_TIMEOUT_NOW, .from = 2, .term = 3});
    cluster_run(&world, 3);
    receive(1, (fsp_raft_message_t){.type = FSP_RAFT_VOTED, .from = 2, .term = 4});
    receive(1, (fsp_raft_message_t){.type = FSP_RAFT_VOTED, .from = 3, .term = 4});
    cluster_run(&world, 3);
    for (uint64_t from = 2; from <= 5; from++) /* all have 3.2, nobody has 4.4 */
        receive(1, (fsp_raft_message_t){
                       .type = FSP_RAFT_APPENDED, .from = from, .term = 4, .index = 3});
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[1].raft), 0);
    receive(1, (fsp_raft_message_t){.type = FSP_RAFT_APPENDED, .from = 2, .term = 4, .index = 4});
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[1].raft), 0);
    receive(1, (fsp_raft_message_t){.type = FSP_RAFT_APPENDED, .from = 3, .term = 4, .index = 4});
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[1].raft), 4);
    cluster_expect(&world, "1000.0 1| writes term 4 vote 1\n"
                           "1000.0 1| campaigns in term 4\n"
                           "1002.0 1> 2 VOTE term 4 forced, end 3.2\n"
                           "1002.0 1> 3 VOTE term 4 forced, end 3.2\n"
                           "1002.0 1> 4 VOTE term 4 forced, end 3.2\n"
                           "1002.0 1> 5 VOTE term 4 forced, end 3.2\n"
                           "1003.0 1| writes 4.4 no-op\n"
                           "1003.0 1| leads in term 4\n"
                           "1006.0 1| commits 4.4\n"
                           "1006.0 1| is configured by 1 {voters 1 2 3 4 5}\n"
                           "1006.0 1| fetches 1..3\n");
}
END_TEST

/* The leader's own disk is the last: the others have the entry, it commits with its own write. */
START_TEST(nothing_is_committed_before_it_is_on_the_own_disk)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    world.replicas[1].disk_us = 40000;
    cluster_propose(&world, 1, "a");
    cluster_run(&world, 60);
    cluster_expect(&world, "3440.0 1| accepts 1 as 3.2\n"
                           "3440.0 1| writes 3.2 'a'\n"
                           "3440.0 1> 2 APPEND term 2, behind 2.2, commit 2: 3.2 'a'\n"
                           "3440.0 1> 3 APPEND term 2, behind 2.2, commit 2: 3.2 'a'\n"
                           "3441.0 2| writes 3.2 'a'\n"
                           "3441.0 3| writes 3.2 'a'\n"
                           "3443.0 2> 1 APPENDED term 2 3\n"
                           "3443.0 3> 1 APPENDED term 2 3\n"
                           "3480.0 1| commits 3.2\n"
                           "3480.0 1> 2 APPEND term 2, behind 3.2, commit 3\n"
                           "3480.0 1> 3 APPEND term 2, behind 3.2, commit 3\n"
                           "3481.0 2| commits 3.2\n"
                           "3481.0 2> 1 APPENDED term 2 3\n"
                           "3481.0 3| commits 3.2\n"
                           "3481.0 3> 1 APPENDED term 2 3\n");
}
END_TEST

/* Facts: bugs 2 and 3.  3 has a tail of an older leader behind what it is sent.  It says how far
   the message went, not where its log ends, and takes no commit index beyond that. */
START_TEST(only_what_the_message_covered_is_acknowledged_and_committed)
{
    cluster_init(&world, 1, 3, false);
    cluster_log(&world, 3, "1222");
    cluster_start(&world, 3);
    receive(3, (fsp_raft_message_t){.type = FSP_RAFT_APPEND,
                                    .from = 1,
                                    .term = 3,
                                    .index = 2,
                                    .index_term = 1,
                                    .commit = 5});
    cluster_run(&world, 3);
    cluster_expect(&world, "1000.0 3| commits 2.1\n"
                           "1000.0 3| is configured by 1 {voters 1 2 3}\n"
                           "1000.0 3| fetches 1..2\n"
                           "1000.0 3| writes term 3 vote 0\n"
                           "1000.0 3| follows in term 3, leader 1\n"
                           "1002.0 3> 1 APPENDED term 3 2\n");
    ck_assert_uint_eq(world.replicas[3].disk->last, 5); /* and cuts nothing for it (bug 20) */
}
END_TEST

/* Facts: bugs 19, 20.  Old, doubled and reordered messages cut nothing and lower nothing. */
START_TEST(late_and_doubled_messages_change_nothing)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    fsp_entry_t entries[] = {command(2, 2, "a"), command(3, 2, "b"), command(4, 2, "c")};
    fsp_raft_message_t all = {.type = FSP_RAFT_APPEND,
                              .from = 1,
                              .term = 2,
                              .index = 1,
                              .index_term = 1,
                              .commit = 3,
                              .entries = entries,
                              .entry_count = 3};
    fsp_raft_message_t first = all;
    first.entry_count = 1;
    first.commit = 1;
    receive(3, all);
    cluster_run(&world, 3);
    receive(3, first);
    receive(3, all);
    first.entry_count = 0;
    receive(3, first);
    cluster_run(&world, 3);
    cluster_expect(&world, "1000.0 3| writes term 2 vote 0 2.2 'a' 3.2 'b' 4.2 'c'\n"
                           "1000.0 3| commits 1.1\n"
                           "1000.0 3| is configured by 1 {voters 1 2 3}\n"
                           "1000.0 3| fetches 1..1\n"
                           "1000.0 3| follows in term 2, leader 1\n"
                           "1002.0 3| commits 3.2\n"
                           "1002.0 3> 1 APPENDED term 2 4\n"
                           "1003.0 3> 1 APPENDED term 2 3\n"
                           "1003.0 3> 1 APPENDED term 2 3\n"
                           "1003.0 3> 1 APPENDED term 2 3\n");
    ck_assert_uint_eq(fsp_raft_last_index(world.replicas[3].raft), 4);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 3);
    for (size_t i = 0; i < 3; i++)
        fsp_blob_destroy(&entries[i].bytes);
}
END_TEST

/* Facts: bug 21 (ABA).  3's disk is slow.  An entry is written, cut and written anew; the answer of
   the disk to the first write acknowledges nothing of the second. */
START_TEST(an_answer_of_the_disk_is_for_what_was_written_then)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    world.replicas[3].disk_us = 10000;
    fsp_entry_t old = command(2, 2, "old");
    fsp_entry_t new = command(2, 3, "new");
    fsp_raft_message_t m = {.type = FSP_RAFT_APPEND,
                            .from = 1,
                            .term = 2,
                            .index = 1,
                            .index_term = 1,
                            .entries = &old,
                            .entry_count = 1};
    receive(3, m);
    cluster_run(&world, 5);
    m.from = 2;
    m.term = 3;
    m.entries = &new;
    receive(3, m);
    cluster_run(&world, 6); /* the first write is there, of an entry that is no more */
    ck_assert_uint_eq(fsp_raft_durable_index(world.replicas[3].raft), 1);
    cluster_run(&world, 10);
    ck_assert_uint_eq(fsp_raft_durable_index(world.replicas[3].raft), 2);
    cluster_expect(&world, "1000.0 3| writes term 2 vote 0 2.2 'old'\n"
                           "1000.0 3| follows in term 2, leader 1\n"
                           "1005.0 3| writes term 3 vote 0 cut from 2 2.3 'new'\n"
                           "1005.0 3| follows in term 3, leader 2\n"
                           "1015.0 3> 2 APPENDED term 3 2\n");
    fsp_blob_destroy(&old.bytes);
    fsp_blob_destroy(&new.bytes);
}
END_TEST

/* A message is lost while all is optimistic.  The next one is refused for it; if there is none, the
   answer to a heartbeat leads to a question, and its refusal back to probing. */
START_TEST(a_lost_message_is_found_by_the_next_one_or_by_a_heartbeat)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    world.shows = CLUSTER_SHOWS_APPENDS;
    cluster_part(&world, 1, 3);
    cluster_propose(&world, 1, "a");
    cluster_heal(&world);
    cluster_part(&world, 1, 2);
    cluster_propose(&world, 1, "b");
    cluster_run(&world, 20);
    cluster_expect(&world, "3440.0 1| accepts 1 as 3.2\n"
                           "3440.0 1> 2 APPEND term 2, behind 2.2, commit 2: 3.2 'a'\n"
                           "3440.0 1> 3 APPEND term 2, behind 2.2, commit 2: 3.2 'a'\n"
                           "3440.0 1| accepts 2 as 4.2\n"
                           "3440.0 1> 2 APPEND term 2, behind 3.2, commit 2: 4.2 'b'\n"
                           "3440.0 1> 3 APPEND term 2, behind 3.2, commit 2: 4.2 'b'\n"
                           "3441.0 3> 1 APPENDED term 2 refused 3, hint 2.2\n"
                           "3442.0 1> 3 APPEND term 2, behind 2.2, commit 2: 3.2 'a' 4.2 'b'\n"
                           "3443.0 2> 1 APPENDED term 2 3\n"
                           "3445.0 3> 1 APPENDED term 2 4\n"
                           "3446.0 1| commits 4.2\n"
                           "3446.0 1> 2 APPEND term 2, behind 4.2, commit 4\n"
                           "3446.0 1> 3 APPEND term 2, behind 4.2, commit 4\n"
                           "3447.0 3| commits 4.2\n"
                           "3447.0 3> 1 APPENDED term 2 4\n");
    world.shows = CLUSTER_SHOWS_APPENDS | CLUSTER_SHOWS_HEARTBEATS;
    cluster_part(&world, 1, 3);
    cluster_propose(&world, 1, "c");
    cluster_heal(&world);
    cluster_part(&world, 1, 2);
    cluster_run(&world, 160);
    cluster_expect(&world, "3460.0 1| accepts 3 as 5.2\n"
                           "3460.0 1> 2 APPEND term 2, behind 4.2, commit 4: 5.2 'c'\n"
                           "3460.0 1> 3 APPEND term 2, behind 4.2, commit 4: 5.2 'c'\n"
                           "3529.2 1> 2 HEARTBEAT term 2, commit 2, round 0\n"
                           "3529.2 1> 3 HEARTBEAT term 2, commit 4, round 0\n"
                           "3530.2 3> 1 HEARTBEATED term 2, round 0\n"
                           "3531.2 1> 3 APPEND term 2, behind 5.2, commit 4\n"
                           "3532.2 3> 1 APPENDED term 2 refused 5, hint 4.2\n"
                           "3533.2 1> 3 APPEND term 2, behind 4.2, commit 4: 5.2 'c'\n"
                           "3536.2 3> 1 APPENDED term 2 5\n"
                           "3537.2 1| commits 5.2\n"
                           "3537.2 1> 2 APPEND term 2, behind 5.2, commit 5\n"
                           "3537.2 1> 3 APPEND term 2, behind 5.2, commit 5\n"
                           "3538.2 3| commits 5.2\n"
                           "3538.2 3> 1 APPENDED term 2 5\n");
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 5);
}
END_TEST

/* Windows: a follower that does not answer is sent so much and no more; when it answers, the rest.
   Afterwards nothing is left of what was counted (facts: bug 33). */
START_TEST(what_is_on_its_way_to_a_follower_is_bounded)
{
    cluster_init(&world, 1, 3, false);
    world.limits.window_messages_max = 4;
    world.limits.message_entries_max = 8;
    cluster_start_led_by(&world, 1);
    world.shows = 0;
    world.replicas[3].disk_us = 100000;
    for (int i = 0; i < 200; i++)
        cluster_propose(&world, 1, "x");
    size_t on_its_way = 0;
    for (size_t i = 0; i < world.item_count; i++)
        on_its_way += world.items[i].type == ITEM_MESSAGE && world.items[i].replica == 3 &&
                      world.items[i].message.type == FSP_RAFT_APPEND;
    ck_assert_uint_eq(on_its_way, 4);
    cluster_run(&world, 100);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[1].raft), 202);
    cluster_run(&world, 5000);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 202);
    /* As open as ever. */
    cluster_forget(&world);
    world.shows = CLUSTER_SHOWS_APPENDS;
    world.replicas[3].disk_us = 2000;
    for (int i = 0; i < 4; i++)
        cluster_propose(&world, 1, "y");
    on_its_way = 0;
    for (size_t i = 0; i < world.item_count; i++)
        on_its_way += world.items[i].type == ITEM_MESSAGE && world.items[i].replica == 3 &&
                      world.items[i].message.type == FSP_RAFT_APPEND;
    ck_assert_uint_eq(on_its_way, 4);
}
END_TEST

/* A follower so far behind that the entries are on the leader's disk only: they are read from
   there, one batch at a time. */
START_TEST(entries_that_left_memory_are_read_from_disk)
{
    cluster_init(&world, 1, 3, false);
    world.cache_bytes_max = 0;
    world.limits.message_entries_max = 3;
    cluster_start_led_by(&world, 1);
    cluster_isolate(&world, 3);
    world.shows = 0;
    for (int i = 0; i < 8; i++) {
        cluster_propose(&world, 1, "x");
        cluster_run(&world, 10);
    }
    cluster_forget(&world);
    world.shows = CLUSTER_SHOWS_APPENDS;
    cluster_heal(&world);
    cluster_part(&world, 1, 2);
    cluster_run(&world, 170);
    cluster_expect(&world,
                   "3531.2 1> 3 APPEND term 2, behind 10.2, commit 10\n"
                   "3532.2 3> 1 APPENDED term 2 refused 10, hint 2.2\n"
                   "3533.2 1| fetches 3..5\n"
                   "3533.2 1> 3 APPEND term 2, behind 2.2, commit 10: 3.2 'x' 4.2 'x' 5.2 'x'\n"
                   "3536.2 3| commits 5.2\n"
                   "3536.2 3> 1 APPENDED term 2 5\n"
                   "3537.2 1| fetches 6..8\n"
                   "3537.2 1> 3 APPEND term 2, behind 5.2, commit 10: 6.2 'x' 7.2 'x' 8.2 'x'\n"
                   "3537.2 1| fetches 9..10\n"
                   "3537.2 1> 3 APPEND term 2, behind 8.2, commit 10: 9.2 'x' 10.2 'x'\n"
                   "3540.2 3| commits 8.2\n"
                   "3540.2 3> 1 APPENDED term 2 8\n"
                   "3540.2 3| commits 10.2\n"
                   "3540.2 3> 1 APPENDED term 2 10\n");
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 10);
}
END_TEST

/* A heartbeat's commit index is at most what the follower is known to hold; one that says more than
   its log has is not believed. */
START_TEST(a_heartbeat_commits_only_what_is_known_to_match)
{
    cluster_init(&world, 1, 3, false);
    cluster_log(&world, 3, "1222");
    cluster_start(&world, 3);
    receive(3,
            (fsp_raft_message_t){.type = FSP_RAFT_HEARTBEAT, .from = 1, .term = 3, .commit = 99});
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 0);
    cluster_clear(&world);
    cluster_init(&world, 1, 3, false);
    cluster_log(&world, 3, "2222");
    world.replicas[1].disk->hard.term = 2;
    world.replicas[2].disk->hard.term = 2;
    cluster_log(&world, 1, "333");
    cluster_log(&world, 2, "333");
    world.limits.heartbeat_us = 1000; /* many before the logs have met */
    cluster_start_led_by(&world, 1);
    ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[3].raft), 5);
}
END_TEST

/* Crashes at every step of a small history, each replica in turn; what is committed stays. */
START_TEST(a_crash_at_any_write_loses_nothing_committed)
{
    for (uint64_t victim = 1; victim <= 3; victim++)
        for (int after_ms = 0; after_ms <= 12; after_ms++) {
            cluster_init(&world, 1, 3, false);
            cluster_start_led_by(&world, 1);
            cluster_propose(&world, 1, "a");
            cluster_run(&world, (uint64_t)after_ms);
            uint64_t committed = world.committed_last;
            cluster_crash(&world, victim);
            cluster_run(&world, 1);
            cluster_start(&world, victim);
            cluster_run(&world, 3000);
            uint64_t leader = cluster_elect(&world);
            ck_assert_uint_ge(fsp_raft_commit_index(world.replicas[leader].raft), committed);
            cluster_propose(&world, leader, "b");
            cluster_run(&world, 500);
            uint64_t last = world.replicas[leader].disk->last;
            for (uint64_t i = 1; i <= 3; i++) {
                ck_assert_uint_eq(fsp_raft_commit_index(world.replicas[i].raft), last);
                ck_assert_uint_eq(world.replicas[i].applied, last);
            }
            cluster_clear(&world);
        }
    cluster_init(&world, 1, 1, false);
}
END_TEST

/* Messages that nobody honest sends. */
START_TEST(what_cannot_be_is_ignored)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 3);
    fsp_entry_t entry = command(3, 2, "gap");
    fsp_raft_message_t m = {.type = FSP_RAFT_APPEND,
                            .from = 1,
                            .term = 2,
                            .index = 1,
                            .index_term = 1,
                            .entries = &entry,
                            .entry_count = 1};
    receive(3, m);
    entry.index = 2;
    entry.term = 9; /* above the message's */
    receive(3, m);
    entry.term = 0;
    receive(3, m);
    entry.term = 2;
    entry.kind = FSP_ENTRY_CONFIG; /* and is none */
    receive(3, m);
    entry.kind = FSP_ENTRY_NOOP; /* with bytes */
    receive(3, m);
    m.entry_count = 0;
    m.index = UINT64_MAX;
    receive(3, m);
    m.from = 3; /* itself */
    receive(3, m);
    m.from = 0;
    receive(3, m);
    m = (fsp_raft_message_t){.type = FSP_RAFT_SNAPSHOT, .from = 1, .term = 2, .index = 9};
    receive(3, m);
    m.index_term = 3;
    receive(3, m);
    m = (fsp_raft_message_t){.type = FSP_RAFT_APPENDED, .from = 1, .term = 2, .index = 9};
    receive(3, m);
    m = (fsp_raft_message_t){.type = FSP_RAFT_READ_TOLD, .from = 1, .term = 2, .index = 9};
    receive(3, m);
    m = (fsp_raft_message_t){.type = 99, .from = 1, .term = 2};
    receive(3, m);
    cluster_run(&world, 10);
    cluster_expect(&world, "1000.0 3| writes term 2 vote 0\n"
                           "1000.0 3| follows in term 2\n"
                           "1000.0 3| follows in term 2, leader 1\n");
    ck_assert_uint_eq(fsp_raft_last_index(world.replicas[3].raft), 1);
    fsp_blob_destroy(&entry.bytes);
}
END_TEST

/* Facts: bug 19.  A refusal that is older than what matched since moves nothing. */
START_TEST(an_old_refusal_moves_nothing)
{
    cluster_init(&world, 1, 3, false);
    cluster_start_led_by(&world, 1);
    receive(1, (fsp_raft_message_t){.type = FSP_RAFT_APPENDED,
                                    .from = 2,
                                    .term = fsp_raft_term(world.replicas[1].raft),
                                    .refused = true,
                                    .index = 1});
    cluster_expect(&world, "");
    fsp_raft_progress_t progress[2];
    ck_assert_uint_eq(fsp_raft_progress(world.replicas[1].raft, progress, 2), 2);
    ck_assert_uint_eq(progress[0].replica, 2);
    ck_assert_uint_eq(progress[0].match, 2);
    ck_assert_uint_eq(progress[0].next, 3);
}
END_TEST

/* Somebody else won the term: a candidate follows it. */
START_TEST(a_candidate_follows_the_leader_of_its_term)
{
    cluster_init(&world, 1, 3, false);
    cluster_start(&world, 1);
    receive(1, (fsp_raft_message_t){.type = FSP_RAFT_TIMEOUT_NOW, .from = 2, .term = 1});
    ck_assert_int_eq(fsp_raft_role(world.replicas[1].raft), FSP_RAFT_CANDIDATE);
    receive(1, (fsp_raft_message_t){
                   .type = FSP_RAFT_APPEND, .from = 3, .term = 2, .index = 1, .index_term = 1});
    ck_assert_int_eq(fsp_raft_role(world.replicas[1].raft), FSP_RAFT_FOLLOWER);
    ck_assert_uint_eq(fsp_raft_leader(world.replicas[1].raft), 3);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("transcript_log");
    TCase *tests = tcase_create("logs");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_add_test(tests, six_logs_that_differ_become_the_leaders);
    tcase_add_test(tests, an_old_entry_on_a_majority_is_not_committed_by_counting);
    tcase_add_test(tests, nothing_is_committed_before_it_is_on_the_own_disk);
    tcase_add_test(tests, only_what_the_message_covered_is_acknowledged_and_committed);
    tcase_add_test(tests, late_and_doubled_messages_change_nothing);
    tcase_add_test(tests, an_answer_of_the_disk_is_for_what_was_written_then);
    tcase_add_test(tests, a_lost_message_is_found_by_the_next_one_or_by_a_heartbeat);
    tcase_add_test(tests, what_is_on_its_way_to_a_follower_is_bounded);
    tcase_add_test(tests, entries_that_left_memory_are_read_from_disk);
    tcase_add_test(tests, a_heartbeat_commits_only_what_is_known_to_match);
    tcase_add_test(tests, a_crash_at_any_write_loses_nothing_committed);
    tcase_add_test(tests, what_cannot_be_is_ignored);
    tcase_add_test(tests, an_old_refusal_moves_nothing);
    tcase_add_test(tests, a_candidate_follows_the_leader_of_its_term);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
