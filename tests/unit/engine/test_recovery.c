/* SPDX-License-Identifier: MIT */
/* test_recovery - what is decided when a majority is lost.  Layer tests. */
#include "core/base/prng.h"
#include "core/engine/recovery.h"
#include "tests/unit/suite.h"

enum { NODES_MAX = 9, SHARDS_MAX = 6, STATES_MAX = NODES_MAX * SHARDS_MAX };

/* What lies in the directories; tests change it before they decide. */
static fsp_recovery_survivor_t survivors[NODES_MAX];
static fsp_recovery_state_t states[STATES_MAX];
static fsp_node_id_t members[64];
static fsp_recovery_input_t input;
static fsp_recovery_t recovery;
static fsp_error_t error;

static fsp_node_id_t
node(size_t i)
{
    return (fsp_node_id_t){.bytes = {(uint8_t)(i + 1)}};
}

static fsp_raft_member_t
member(size_t i, uint64_t replica)
{
    return (fsp_raft_member_t){
        .node_id = node(i), .replica = replica, .store_id = {{(uint8_t)(0x40 + i)}}};
}

/* Nodes 0 .. count - 1 as voters 1 .. count. */
static fsp_raft_conf_t
voters(size_t count)
{
    fsp_raft_target_t target = {.aim = 12, .count = count};
    for (size_t i = 0; i < count; i++) {
        target.members[i].node_id = node(i);
        target.members[i].store_id = member(i, 1).store_id;
    }
    return fsp_raft_conf_first(&target);
}

static fsp_recovery_state_t
state_of(uint32_t shard, size_t i, size_t of, uint64_t term, uint64_t index)
{
    return (fsp_recovery_state_t){.shard = shard,
                                  .member = member(i, i + 1),
                                  .whole = true,
                                  .hard = {.term = term},
                                  .last_term = term,
                                  .last_index = index,
                                  .applied_index = index,
                                  .conf = voters(of)};
}

/* The first `count` of five nodes are left, with shards 0 and 3; node i ends at (2, 100 + i). */
static void
make_input(size_t count)
{
    input = (fsp_recovery_input_t){.survivors = survivors, .states = states, .members = members};
    for (size_t i = 0; i < count; i++) {
        survivors[i] = (fsp_recovery_survivor_t){
            .node_id = node(i), .store_id = member(i, 1).store_id, .layout_version = 70 + i};
        states[input.state_count++] = state_of(3, i, 5, 2, 100 + i);
        states[input.state_count++] = state_of(0, i, 5, 2, 200 - i);
    }
    input.survivor_count = count;
    for (size_t i = 0; i < 6; i++)
        members[input.member_count++] = node(i);
}

static fsp_status_t
decide(void)
{
    fsp_recovery_clear(&recovery);
    error = (fsp_error_t){.text = ""};
    fsp_status_t status = fsp_recovery_decide(&input, &recovery, &error);
    ck_assert((status == FSP_OK) == (error.text[0] == '\0'));
    ck_assert(status == FSP_OK || recovery.shard_count == 0);
    return status;
}

static void
tear_down(void)
{
    fsp_recovery_clear(&recovery);
}

static void
expect_refused(fsp_status_t status, const char *words)
{
    ck_assert_int_eq(decide(), status);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
    make_input(2);
}

/* -- what is decided --------------------------------------------------------------------------- */

START_TEST(two_of_five_go_on)
{
    make_input(2);
    ck_assert_int_eq(decide(), FSP_OK);
    ck_assert(recovery.needed);
    ck_assert_uint_eq(recovery.shard_count, 2);
    const fsp_recovered_shard_t *system = &recovery.shards[0], *shard = &recovery.shards[1];
    ck_assert_uint_eq(system->shard, 0);
    ck_assert(fsp_node_id_eq(states[system->taken].member.node_id, node(0)));
    ck_assert_uint_eq(system->start_index, 200 + (UINT64_C(1) << 32));
    ck_assert_uint_eq(shard->shard, 3);
    ck_assert(fsp_node_id_eq(states[shard->taken].member.node_id, node(1)));
    ck_assert_uint_eq(shard->start_index, 101 + (UINT64_C(1) << 32));
    ck_assert_uint_eq(shard->start_term, 3);
    ck_assert(!shard->could_decide);
    /* The older one votes, answers wait for the other. */
    ck_assert_uint_eq(shard->conf.aim, 12);
    ck_assert_uint_eq(shard->conf.next_replica, 8);
    ck_assert_uint_eq(shard->conf.count, 2);
    ck_assert_uint_eq(shard->conf.seats[0].flags, FSP_RAFT_VOTER);
    ck_assert_uint_eq(shard->conf.seats[1].flags, FSP_RAFT_SYNC);
    fsp_raft_member_t expected = member(0, 6);
    ck_assert(fsp_raft_member_eq(fsp_recovered_member(shard, node(0)), &expected));
    expected = member(1, 7);
    ck_assert(fsp_raft_member_eq(fsp_recovered_member(shard, node(1)), &expected));
    ck_assert_ptr_null(fsp_recovered_member(shard, node(2)));
    /* The mesh. */
    ck_assert_uint_eq(recovery.layout_version, 71 + 65536);
    ck_assert_uint_eq(recovery.era.number, 1);
    fsp_era_t era = fsp_era_of(&recovery.record);
    ck_assert_int_eq(fsp_era_compare(&era, &recovery.era), FSP_ERA_SAME);
    ck_assert_uint_eq(recovery.record.shards[1].last_index, 101);
    ck_assert_uint_eq(recovery.record.shards[1].last_term, 2);
    ck_assert_uint_eq(recovery.record.survivor_count, 2);
    /* 2, 3 and 4 from the configurations, 5 from the members. */
    ck_assert_uint_eq(recovery.left_behind_count, 4);
    for (size_t i = 0; i < 7; i++)
        ck_assert(fsp_recovery_left_behind(&recovery, node(i)) == (i >= 2 && i < 6));
}
END_TEST

START_TEST(the_number_of_voters_is_odd)
{
    static const struct {
        size_t count, voters;
        uint32_t last; /* flags of the youngest */
    } cases[] = {{1, 1, FSP_RAFT_VOTER}, {2, 1, FSP_RAFT_SYNC},
                 {3, 3, FSP_RAFT_VOTER}, {4, 3, 0},
                 {5, 5, FSP_RAFT_VOTER}, {6, 5, 0},
                 {9, 9, FSP_RAFT_VOTER}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_input(cases[i].count);
        ck_assert_int_eq(decide(), FSP_OK);
        const fsp_raft_conf_t *conf = &recovery.shards[0].conf;
        ck_assert_uint_eq(conf->count, cases[i].count);
        ck_assert_uint_eq(fsp_raft_conf_voters(conf, FSP_RAFT_VOTER), cases[i].voters);
        ck_assert_uint_eq(conf->seats[conf->count - 1].flags, cases[i].last);
        ck_assert(!fsp_raft_conf_joint(conf));
        ck_assert(recovery.needed == (cases[i].count < 3));
    }
}
END_TEST

START_TEST(the_best_whole_log_is_taken)
{
    static const struct {
        struct {
            uint64_t term, index, applied;
            bool whole;
        } of[3];
        size_t taken;
    } cases[] = {
        {{{2, 100, 100, true}, {2, 101, 101, true}, {2, 99, 99, true}}, 1},
        {{{3, 50, 50, true}, {2, 101, 101, true}, {2, 99, 99, true}}, 0}, /* term first */
        {{{3, 50, 50, false}, {2, 101, 101, true}, {2, 99, 99, true}}, 1},
        {{{3, 50, 50, false}, {2, 101, 101, false}, {2, 99, 0, true}}, 2},
        {{{2, 100, 40, true}, {2, 100, 80, true}, {2, 100, 60, true}}, 1}, /* the same log */
        {{{2, 100, 80, true}, {2, 100, 80, true}, {2, 100, 80, true}}, 0},
        {{{2, 100, 101, true}, {2, 90, 90, true}, {1, 300, 9, true}}, 1}, /* it cannot be whole */
        {{{0, 0, 0, true}, {1, 1, 0, true}, {0, 0, 0, true}}, 1},         /* learners */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        make_input(3);
        for (size_t j = 0; j < 3; j++) {
            fsp_recovery_state_t *state = &states[2 * j];
            state->last_term = state->hard.term = cases[i].of[j].term;
            state->last_index = cases[i].of[j].index;
            state->applied_index = cases[i].of[j].applied;
            state->whole = cases[i].of[j].whole;
        }
        ck_assert_int_eq(decide(), FSP_OK);
        ck_assert_uint_eq(recovery.shards[1].taken, 2 * cases[i].taken);
    }
}
END_TEST

START_TEST(what_a_damaged_replica_has_seen_counts_and_it_votes_anew)
{
    make_input(3);
    states[2].whole = false;
    states[2].hard.term = 40;
    states[2].conf.next_replica = 90;
    ck_assert_int_eq(decide(), FSP_OK);
    ck_assert_uint_eq(recovery.shards[1].start_term, 41);
    ck_assert_uint_eq(recovery.shards[1].conf.seats[0].member.replica, 90);
    ck_assert_uint_eq(recovery.shards[1].conf.next_replica, 93);
    ck_assert_uint_eq(fsp_raft_conf_voters(&recovery.shards[1].conf, FSP_RAFT_VOTER), 3);
    ck_assert(!recovery.shards[1].could_decide); /* two whole ones of five */
    ck_assert(recovery.shards[0].could_decide);
    ck_assert(recovery.needed);
    /* Nothing of its configuration could be read: its own number was given. */
    make_input(3);
    states[2].whole = false;
    states[2].conf = (fsp_raft_conf_t){0};
    states[2].member.replica = 50;
    ck_assert_int_eq(decide(), FSP_OK);
    ck_assert_uint_eq(recovery.shards[1].conf.seats[0].member.replica, 51);
}
END_TEST

START_TEST(eras_follow_each_other)
{
    make_input(2);
    ck_assert_int_eq(decide(), FSP_OK);
    fsp_era_t first = recovery.era;
    make_input(2);
    survivors[0].era = survivors[1].era = first;
    ck_assert_int_eq(decide(), FSP_OK);
    ck_assert_uint_eq(recovery.era.number, 2);
    ck_assert_int_eq(fsp_era_compare(&recovery.record.previous, &first), FSP_ERA_SAME);
    /* Two halves, recovered apart. */
    make_input(2);
    states[0].last_index = states[0].applied_index = 150;
    ck_assert_int_eq(decide(), FSP_OK);
    ck_assert_int_eq(fsp_era_compare(&first, &recovery.era), FSP_ERA_FORKED);
}
END_TEST

START_TEST(duties_of_the_system_shard_and_of_the_others)
{
    unsigned spaces = FSP_RECOVERY_RAISE_EPOCHS | FSP_RECOVERY_CHECK_OBJECTS;
    ck_assert_uint_eq(fsp_recovery_duties(7), spaces);
    ck_assert_uint_eq(fsp_recovery_duties(0), 127);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    make_input(2);
    input.survivor_count = 0;
    expect_refused(FSP_INVALID, "no directory");
    input.state_count = 0;
    expect_refused(FSP_INVALID, "none with a replica");
    survivors[1].node_id = node(0);
    expect_refused(FSP_INVALID, "two directories of one node");
    survivors[1].store_id = survivors[0].store_id;
    expect_refused(FSP_INVALID, "one store was given twice");
    states[0].member = member(4, 5);
    expect_refused(FSP_INVALID, "a directory that was not given");
    states[0].member.store_id.bytes[0]++;
    expect_refused(FSP_INVALID, "a directory that was not given");
    states[0].member.replica = 0;
    expect_refused(FSP_INVALID, "no member");
    states[0].conf.next_replica = 2;
    expect_refused(FSP_INVALID, "no configuration");
    states[2].member = member(0, 9);
    expect_refused(FSP_INVALID, "two replicas of a node");
    states[0].whole = states[2].whole = false;
    expect_refused(FSP_GONE, "shard 3: no survivor has a whole replica");
    states[2].last_index = UINT64_MAX - 5;
    expect_refused(FSP_TOO_LARGE, "numbers are at their end");
    states[2].hard.term = UINT64_MAX - 1;
    expect_refused(FSP_TOO_LARGE, "numbers are at their end");
    states[2].conf.next_replica = UINT64_MAX - 3;
    expect_refused(FSP_TOO_LARGE, "numbers are at their end");
    states[2].member.replica = UINT64_MAX;
    expect_refused(FSP_TOO_LARGE, "numbers are at their end");
    survivors[1].layout_version = UINT64_MAX - 7;
    expect_refused(FSP_TOO_LARGE, "layout versions are at their end");
    survivors[1].era.number = 1;
    expect_refused(FSP_STALE, "a directory of era 0 was left behind by era 1");
    survivors[0].era.number = survivors[1].era.number = 1;
    survivors[1].era.hash.bytes[0] = 1;
    expect_refused(FSP_MISMATCH, "two recoveries made an era 1");
    input.survivor_count = FSP_ERA_SURVIVORS_MAX + 1;
    expect_refused(FSP_TOO_LARGE, "1025 directories");
    input.member_count = FSP_RECOVERY_MEMBERS_MAX + 1;
    expect_refused(FSP_TOO_LARGE, "2 directories");
}
END_TEST

START_TEST(a_fork_is_found_in_any_order)
{
    static const uint64_t numbers[3] = {1, 2, 1};
    static const uint8_t hashes[3] = {7, 9, 8};
    for (size_t i = 0; i < 3; i++) {
        make_input(3);
        for (size_t j = 0; j < 3; j++)
            survivors[j].era =
                (fsp_era_t){.number = numbers[(i + j) % 3], .hash = {{hashes[(i + j) % 3]}}};
        ck_assert_int_eq(decide(), FSP_MISMATCH);
        survivors[(3 - i) % 3].era.hash.bytes[0] = 8;
        ck_assert_int_eq(decide(), FSP_STALE);
    }
}
END_TEST

/* -- at random --------------------------------------------------------------------------------- */

static void
random_input(fsp_prng_t *prng)
{
    input = (fsp_recovery_input_t){.survivors = survivors, .states = states, .members = members};
    size_t count = 1 + (size_t)fsp_prng_below(prng, NODES_MAX);
    size_t shards = 1 + (size_t)fsp_prng_below(prng, SHARDS_MAX);
    for (size_t i = 0; i < count; i++) {
        survivors[i] = (fsp_recovery_survivor_t){.node_id = node(i),
                                                 .store_id = member(i, 1).store_id,
                                                 .layout_version = fsp_prng_below(prng, 50)};
        for (uint32_t shard = 0; shard < shards; shard++) {
            if (fsp_prng_chance(prng, 1, 4))
                continue;
            /* Few values, so that they meet. */
            uint64_t term = 1 + fsp_prng_below(prng, 3);
            fsp_recovery_state_t *state = &states[input.state_count++];
            *state = state_of(shard, i, 3 + (size_t)fsp_prng_below(prng, 7), term,
                              1 + fsp_prng_below(prng, 4));
            state->member.replica = 1 + fsp_prng_below(prng, 12);
            state->hard.term += fsp_prng_below(prng, 3);
            state->applied_index = fsp_prng_below(prng, state->last_index + 2);
            state->whole = fsp_prng_chance(prng, 3, 4);
            state->conf.next_replica += fsp_prng_below(prng, 4);
        }
    }
    input.survivor_count = count;
    while (fsp_prng_chance(prng, 3, 4) && input.member_count < 64)
        members[input.member_count++] = node((size_t)fsp_prng_below(prng, 20));
}

/* Fisher and Yates; taken follows where the taken states went. */
static void
shuffle(fsp_prng_t *prng)
{
    for (size_t i = input.state_count; i > 1; i--) {
        size_t j = (size_t)fsp_prng_below(prng, i);
        fsp_recovery_state_t state = states[i - 1];
        states[i - 1] = states[j];
        states[j] = state;
    }
    for (size_t i = input.survivor_count; i > 1; i--) {
        size_t j = (size_t)fsp_prng_below(prng, i);
        fsp_recovery_survivor_t survivor = survivors[i - 1];
        survivors[i - 1] = survivors[j];
        survivors[j] = survivor;
    }
}

static bool
plausible(const fsp_recovery_state_t *state)
{
    return state->whole && state->applied_index <= state->last_index;
}

/* The rules, each in words of its own, over all states. */
static void
check_shard(const fsp_recovered_shard_t *shard)
{
    const fsp_recovery_state_t *taken = &states[shard->taken];
    ck_assert(plausible(taken) && taken->shard == shard->shard);
    ck_assert_uint_eq(shard->start_index - taken->last_index, 4294967296ULL);
    ck_assert(fsp_raft_conf_sound(&shard->conf));
    size_t there = 0, whole = 0;
    uint64_t first = shard->conf.seats[0].member.replica, term = 0, given = 0;
    for (size_t i = 0; i < input.state_count; i++) {
        const fsp_recovery_state_t *state = &states[i];
        if (state->shard != shard->shard)
            continue;
        there++;
        uint64_t seen = state->hard.term > state->last_term ? state->hard.term : state->last_term;
        term = seen > term ? seen : term;
        uint64_t next = state->conf.next_replica > state->member.replica
                            ? state->conf.next_replica
                            : state->member.replica + 1;
        given = next > given ? next : given;
        const fsp_raft_member_t *is = fsp_recovered_member(shard, state->member.node_id);
        ck_assert(is && fsp_store_id_eq(is->store_id, state->member.store_id));
        const fsp_raft_seat_t *seat = NULL;
        for (size_t k = 0; k < taken->conf.count; k++)
            if (fsp_raft_member_eq(&taken->conf.seats[k].member, &state->member))
                seat = &taken->conf.seats[k];
        whole += seat && plausible(state);
        if (!plausible(state) || state == taken)
            continue;
        /* One number orders (term, index, applied, lower number first): all are small. */
        uint64_t key = state->last_term * 1000000 + state->last_index * 10000 +
                       state->applied_index * 100 + (99 - state->member.replica);
        uint64_t best = taken->last_term * 1000000 + taken->last_index * 10000 +
                        taken->applied_index * 100 + (99 - taken->member.replica);
        ck_assert(key < best || (key == best && fsp_node_id_cmp(state->member.node_id,
                                                                taken->member.node_id) > 0));
    }
    ck_assert_uint_eq(shard->conf.count, there);
    ck_assert_uint_eq(shard->start_term, term + 1);
    ck_assert_uint_eq(first, given);
    ck_assert_uint_eq(fsp_raft_conf_voters(&shard->conf, FSP_RAFT_VOTER), (there - 1) / 2 * 2 + 1);
    ck_assert(shard->could_decide == (2 * whole > taken->conf.count));
}

static void
check_left_behind(void)
{
    for (size_t i = 0; i < 25; i++) {
        bool known = false, left = true;
        for (size_t j = 0; j < input.member_count; j++)
            known |= fsp_node_id_eq(members[j], node(i));
        for (size_t j = 0; j < input.state_count; j++)
            for (size_t k = 0; k < states[j].conf.count; k++)
                known |= fsp_node_id_eq(states[j].conf.seats[k].member.node_id, node(i));
        for (size_t j = 0; j < input.survivor_count; j++)
            left &= !fsp_node_id_eq(survivors[j].node_id, node(i));
        ck_assert(fsp_recovery_left_behind(&recovery, node(i)) == (known && left));
    }
    for (size_t i = 1; i < recovery.left_behind_count; i++)
        ck_assert_int_lt(fsp_node_id_cmp(recovery.left_behind[i - 1], recovery.left_behind[i]), 0);
}

START_TEST(random_states_are_decided_as_by_brute_force)
{
    enum { ROUNDS = 20000 };
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(77));
    size_t decided = 0, lost = 0;
    for (int round = 0; round < ROUNDS; round++) {
        random_input(&prng);
        bool hopeless = input.state_count == 0;
        for (size_t i = 0; i < input.state_count; i++) {
            bool any = false;
            for (size_t j = 0; j < input.state_count; j++)
                any |= states[j].shard == states[i].shard && plausible(&states[j]);
            hopeless |= !any;
        }
        fsp_status_t status = decide();
        ck_assert_msg((status != FSP_OK) == hopeless, "%s", error.text);
        lost += hopeless;
        if (hopeless)
            continue;
        decided++;
        for (size_t i = 0; i < recovery.shard_count; i++) {
            ck_assert(i == 0 || recovery.shards[i - 1].shard < recovery.shards[i].shard);
            check_shard(&recovery.shards[i]);
        }
        check_left_behind();
        /* In another order it is the same. */
        fsp_era_t era = recovery.era;
        fsp_raft_conf_t conf = recovery.shards[0].conf;
        fsp_raft_member_t taken = states[recovery.shards[0].taken].member;
        shuffle(&prng);
        ck_assert_int_eq(decide(), FSP_OK);
        ck_assert_int_eq(fsp_era_compare(&era, &recovery.era), FSP_ERA_SAME);
        ck_assert(fsp_raft_conf_eq(&conf, &recovery.shards[0].conf));
        ck_assert(fsp_raft_member_eq(&taken, &states[recovery.shards[0].taken].member));
    }
    ck_assert_uint_gt(decided, ROUNDS / 4);
    ck_assert_uint_gt(lost, ROUNDS / 50);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("recovery");
    TCase *tests = tcase_create("recovery");
    tcase_add_checked_fixture(tests, NULL, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, two_of_five_go_on);
    tcase_add_test(tests, the_number_of_voters_is_odd);
    tcase_add_test(tests, the_best_whole_log_is_taken);
    tcase_add_test(tests, what_a_damaged_replica_has_seen_counts_and_it_votes_anew);
    tcase_add_test(tests, eras_follow_each_other);
    tcase_add_test(tests, duties_of_the_system_shard_and_of_the_others);
    tcase_add_test(tests, what_does_not_fit_is_refused);
    tcase_add_test(tests, a_fork_is_found_in_any_order);
    tcase_add_test(tests, random_states_are_decided_as_by_brute_force);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
