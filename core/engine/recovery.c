/* SPDX-License-Identifier: MIT */
/* recovery - what becomes the truth when a majority is lost for good.  Layer core/engine.  Pure. */
#include "core/engine/recovery.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <inttypes.h>
#include <stdlib.h>

/* -- what is given ----------------------------------------------------------------------------- */

static int
by_node(const void *a, const void *b)
{
    return fsp_node_id_cmp(((const fsp_era_survivor_t *)a)->node_id,
                           ((const fsp_era_survivor_t *)b)->node_id);
}

static int
by_id(const void *a, const void *b)
{
    return fsp_node_id_cmp(*(const fsp_node_id_t *)a, *(const fsp_node_id_t *)b);
}

/* By binary search; NULL. */
static const void *
find(const void *wanted, const void *items, size_t count, size_t bytes,
     int (*order)(const void *, const void *))
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const void *item = (const uint8_t *)items + middle * bytes;
        int is = order(wanted, item);
        if (is == 0)
            return item;
        if (is < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static const fsp_era_survivor_t *
find_survivor(const fsp_era_record_t *record, fsp_node_id_t node_id)
{
    fsp_era_survivor_t wanted = {.node_id = node_id};
    return find(&wanted, record->survivors, record->survivor_count, sizeof(wanted), by_node);
}

/* All of one era, which is the previous one then. */
static fsp_status_t
judge_eras(const fsp_recovery_input_t *input, fsp_era_t *ret, fsp_error_t *error)
{
    fsp_era_t era = input->survivors[0].era;
    fsp_era_t least = era;
    for (size_t i = 0; i < input->survivor_count; i++) {
        const fsp_era_t *one = &input->survivors[i].era;
        for (size_t j = 0; j < i; j++)
            if (fsp_era_compare(one, &input->survivors[j].era) == FSP_ERA_FORKED)
                return fsp_error_set(error, FSP_MISMATCH,
                                     "two recoveries made an era %" PRIu64
                                     ": give the directories of one of them",
                                     one->number);
        era = one->number > era.number ? *one : era;
        least = one->number < least.number ? *one : least;
    }
    if (least.number != era.number)
        return fsp_error_set(error, FSP_STALE,
                             "a directory of era %" PRIu64 " was left behind by era %" PRIu64,
                             least.number, era.number);
    if (era.number >= UINT64_MAX - 1)
        return fsp_error_set(error, FSP_TOO_LARGE, "no era follows");
    *ret = era;
    return FSP_OK;
}

static fsp_status_t
take_survivors(const fsp_recovery_input_t *input, fsp_era_record_t *record, fsp_error_t *error)
{
    record->survivors = fsp_alloc_array(input->survivor_count, sizeof(*record->survivors));
    for (size_t i = 0; i < input->survivor_count; i++)
        record->survivors[i] = (fsp_era_survivor_t){.node_id = input->survivors[i].node_id,
                                                    .store_id = input->survivors[i].store_id};
    record->survivor_count = input->survivor_count;
    qsort(record->survivors, record->survivor_count, sizeof(*record->survivors), by_node);
    for (size_t i = 1; i < record->survivor_count; i++)
        if (by_node(&record->survivors[i - 1], &record->survivors[i]) == 0)
            return fsp_error_set(error, FSP_INVALID, "two directories of one node");
    for (size_t i = 0; i < record->survivor_count; i++)
        for (size_t j = 0; j < i; j++)
            if (fsp_store_id_eq(record->survivors[i].store_id, record->survivors[j].store_id))
                return fsp_error_set(error, FSP_INVALID, "one store was given twice");
    return FSP_OK;
}

static fsp_status_t
judge_states(const fsp_recovery_input_t *input, const fsp_era_record_t *record, fsp_error_t *error)
{
    for (size_t i = 0; i < input->state_count; i++) {
        const fsp_recovery_state_t *state = &input->states[i];
        const fsp_era_survivor_t *survivor = find_survivor(record, state->member.node_id);
        if (!survivor || !fsp_store_id_eq(survivor->store_id, state->member.store_id))
            return fsp_error_set(error, FSP_INVALID,
                                 "shard %" PRIu32 ": a replica of a directory that was not given",
                                 state->shard);
        if (state->member.replica == 0 || !fsp_raft_conf_sound(&state->conf))
            return fsp_error_set(error, FSP_INVALID,
                                 "shard %" PRIu32 ": no member, or no "
                                 "configuration",
                                 state->shard);
    }
    return FSP_OK;
}

/* -- one shard --------------------------------------------------------------------------------- */

/* Positions of states, by shard, then by old number. */
typedef struct {
    uint32_t shard;
    uint64_t replica;
    fsp_node_id_t node_id;
    size_t position;
} seat_t;

static int
by_shard(const void *a_, const void *b_)
{
    const seat_t *a = a_, *b = b_;
    if (a->shard != b->shard)
        return a->shard < b->shard ? -1 : 1;
    if (a->replica != b->replica)
        return a->replica < b->replica ? -1 : 1;
    return fsp_node_id_cmp(a->node_id, b->node_id);
}

/* Whole, and plausible: what does not fit together is damaged, whoever called it whole. */
static bool
may_be_taken(const fsp_recovery_state_t *state)
{
    return state->whole && state->last_index > 0 && state->last_term > 0 &&
           state->applied_index <= state->last_index && state->hard.term >= state->last_term &&
           fsp_raft_conf_voters(&state->conf, FSP_RAFT_VOTER) > 0;
}

/* The order of logs that elections go by; among equal ones the least work is left. */
static bool
is_better(const fsp_recovery_state_t *a, const fsp_recovery_state_t *b)
{
    if (a->last_term != b->last_term)
        return a->last_term > b->last_term;
    if (a->last_index != b->last_index)
        return a->last_index > b->last_index;
    return a->applied_index > b->applied_index; /* else who comes first: the lower number */
}

static bool
could_decide(const fsp_raft_conf_t *conf, const fsp_recovery_input_t *input, const seat_t *seats,
             size_t count)
{
    bool there[FSP_RAFT_SEATS_MAX] = {false};
    for (size_t i = 0; i < conf->count; i++)
        for (size_t j = 0; j < count; j++) {
            const fsp_recovery_state_t *state = &input->states[seats[j].position];
            if (may_be_taken(state) && fsp_raft_member_eq(&state->member, &conf->seats[i].member))
                there[i] = true;
        }
    return fsp_raft_conf_majority(conf, there);
}

/* All survivors of the shard, under numbers from `next` on.  The number of voters is odd: of an
   even number the youngest does not vote; where it is one of two, answers wait for its copy. */
static fsp_raft_conf_t
make_conf(uint64_t aim, uint64_t next, const fsp_recovery_input_t *input, const seat_t *seats,
          size_t count)
{
    fsp_raft_conf_t conf = {.aim = aim, .next_replica = next};
    for (size_t i = 0; i < count; i++) {
        const fsp_raft_member_t *old = &input->states[seats[i].position].member;
        bool votes = count % 2 == 1 || i + 1 < count;
        uint32_t otherwise = count == 2 ? FSP_RAFT_SYNC : 0;
        conf.seats[conf.count++] = (fsp_raft_seat_t){
            .member = {.node_id = old->node_id,
                       .replica = conf.next_replica++,
                       .store_id = old->store_id},
            .flags = votes ? FSP_RAFT_VOTER : otherwise,
        };
    }
    FSP_POST(fsp_raft_conf_sound(&conf));
    FSP_POST(fsp_raft_conf_voters(&conf, FSP_RAFT_VOTER) % 2 == 1);
    return conf;
}

static fsp_status_t
decide_shard(const fsp_recovery_input_t *input, const seat_t *seats, size_t count,
             fsp_recovered_shard_t *ret, fsp_error_t *error)
{
    uint32_t shard = seats[0].shard;
    const fsp_recovery_state_t *taken = NULL;
    uint64_t term = 0, next = 1;
    for (size_t i = 0; i < count; i++) {
        const fsp_recovery_state_t *state = &input->states[seats[i].position];
        for (size_t j = 0; j < i; j++)
            if (fsp_node_id_eq(seats[i].node_id, seats[j].node_id))
                return fsp_error_set(error, FSP_INVALID,
                                     "shard %" PRIu32 ": two replicas of a node", shard);
        /* Also what a damaged one has seen. */
        term = state->hard.term > term ? state->hard.term : term;
        term = state->last_term > term ? state->last_term : term;
        next = state->conf.next_replica > next ? state->conf.next_replica : next;
        next = state->member.replica >= next ? state->member.replica + 1 : next;
        if (may_be_taken(state) && (!taken || is_better(state, taken)))
            taken = state;
    }
    if (!taken)
        return fsp_error_set(error, FSP_GONE, "shard %" PRIu32 ": no survivor has a whole replica",
                             shard);
    if (count > FSP_RAFT_SEATS_MAX)
        return fsp_error_set(error, FSP_TOO_LARGE, "shard %" PRIu32 ": %zu replicas", shard, count);
    fsp_recovered_shard_t made = {.shard = shard, .taken = (size_t)(taken - input->states)};
    if (next == 0 || next >= UINT64_MAX - FSP_RAFT_SEATS_MAX ||
        fsp_era_step(taken->last_index, FSP_ERA_INDEX_STEP, &made.start_index) ||
        fsp_era_step(term, 1, &made.start_term))
        return fsp_error_set(error, FSP_TOO_LARGE,
                             "shard %" PRIu32 ": its numbers are at their end", shard);
    made.conf = make_conf(taken->conf.aim, next, input, seats, count);
    made.could_decide = could_decide(&taken->conf, input, seats, count);
    *ret = made;
    return FSP_OK;
}

static fsp_status_t
decide_shards(const fsp_recovery_input_t *input, fsp_recovery_t *self, fsp_error_t *error)
{
    size_t count = input->state_count;
    seat_t *seats = fsp_alloc_array(count, sizeof(*seats));
    for (size_t i = 0; i < count; i++)
        seats[i] = (seat_t){.shard = input->states[i].shard,
                            .replica = input->states[i].member.replica,
                            .node_id = input->states[i].member.node_id,
                            .position = i};
    qsort(seats, count, sizeof(*seats), by_shard);
    size_t shards = 0;
    for (size_t i = 0; i < count; i++)
        shards += i == 0 || seats[i].shard != seats[i - 1].shard;
    fsp_status_t status = FSP_OK;
    if (shards > FSP_ERA_SHARDS_MAX)
        status = fsp_error_set(error, FSP_TOO_LARGE, "%zu shards", shards);
    else {
        self->shards = fsp_alloc_array(shards, sizeof(*self->shards));
        self->record.shards = fsp_alloc_array(shards, sizeof(*self->record.shards));
    }
    for (size_t from = 0, to; from < count && !status; from = to) {
        for (to = from + 1; to < count && seats[to].shard == seats[from].shard;)
            to++;
        fsp_recovered_shard_t *shard = &self->shards[self->shard_count];
        status = decide_shard(input, seats + from, to - from, shard, error);
        if (status)
            break;
        const fsp_recovery_state_t *taken = &input->states[shard->taken];
        self->record.shards[self->record.shard_count++] = (fsp_era_shard_t){
            .shard = shard->shard, .last_term = taken->last_term, .last_index = taken->last_index};
        self->needed |= !shard->could_decide;
        self->shard_count++;
    }
    fsp_free(seats);
    return status;
}

/* -- the mesh ---------------------------------------------------------------------------------- */

/* Whoever is a member of the mesh, or of a configuration, and was not given. */
static void
find_left_behind(const fsp_recovery_input_t *input, fsp_recovery_t *self)
{
    size_t capacity = input->member_count;
    for (size_t i = 0; i < input->state_count; i++)
        capacity += input->states[i].conf.count;
    fsp_node_id_t *ids = fsp_alloc_array(capacity, sizeof(*ids));
    size_t count = 0;
    for (size_t i = 0; i < input->member_count; i++)
        ids[count++] = input->members[i];
    for (size_t i = 0; i < input->state_count; i++)
        for (size_t j = 0; j < input->states[i].conf.count; j++)
            ids[count++] = input->states[i].conf.seats[j].member.node_id;
    qsort(ids, count, sizeof(*ids), by_id);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool again = kept > 0 && fsp_node_id_eq(ids[i], ids[kept - 1]);
        if (!again && !find_survivor(&self->record, ids[i]))
            ids[kept++] = ids[i];
    }
    self->left_behind = ids;
    self->left_behind_count = kept;
}

static fsp_status_t
decide_layout(const fsp_recovery_input_t *input, fsp_recovery_t *self, fsp_error_t *error)
{
    uint64_t version = 0;
    for (size_t i = 0; i < input->survivor_count; i++)
        if (input->survivors[i].layout_version > version)
            version = input->survivors[i].layout_version;
    if (fsp_era_step(version, FSP_ERA_LAYOUT_STEP, &self->layout_version))
        return fsp_error_set(error, FSP_TOO_LARGE, "layout versions are at their end");
    return FSP_OK;
}

fsp_status_t
fsp_recovery_decide(const fsp_recovery_input_t *input, fsp_recovery_t *ret, fsp_error_t *error)
{
    FSP_PRE(input);
    FSP_PRE(ret);
    if (input->survivor_count == 0 || input->state_count == 0)
        return fsp_error_set(error, FSP_INVALID, "no directory, or none with a replica");
    if (input->survivor_count > FSP_ERA_SURVIVORS_MAX ||
        input->state_count > FSP_RECOVERY_STATES_MAX ||
        input->member_count > FSP_RECOVERY_MEMBERS_MAX)
        return fsp_error_set(error, FSP_TOO_LARGE, "%zu directories with %zu replicas",
                             input->survivor_count, input->state_count);
    FSP_AUTO(fsp_recovery_clear) fsp_recovery_t self = {0};
    fsp_status_t status = judge_eras(input, &self.record.previous, error);
    if (!status)
        status = take_survivors(input, &self.record, error);
    if (!status)
        status = judge_states(input, &self.record, error);
    if (!status)
        status = decide_shards(input, &self, error);
    if (!status)
        status = decide_layout(input, &self, error);
    if (status)
        return status;
    find_left_behind(input, &self);
    self.era = fsp_era_of(&self.record);
    *ret = self;
    self = (fsp_recovery_t){0};
    return FSP_OK;
}

void
fsp_recovery_clear(fsp_recovery_t *self)
{
    FSP_PRE(self);
    fsp_era_record_clear(&self->record);
    fsp_free(self->shards);
    fsp_free(self->left_behind);
    *self = (fsp_recovery_t){0};
}

const fsp_raft_member_t *
fsp_recovered_member(const fsp_recovered_shard_t *shard, fsp_node_id_t node_id)
{
    FSP_PRE(shard);
    for (size_t i = 0; i < shard->conf.count; i++)
        if (fsp_node_id_eq(shard->conf.seats[i].member.node_id, node_id))
            return &shard->conf.seats[i].member;
    return NULL;
}

bool
fsp_recovery_left_behind(const fsp_recovery_t *self, fsp_node_id_t node_id)
{
    FSP_PRE(self);
    return find(&node_id, self->left_behind, self->left_behind_count, sizeof(node_id), by_id) !=
           NULL;
}

unsigned
fsp_recovery_duties(uint32_t shard)
{
    unsigned all = FSP_RECOVERY_RAISE_EPOCHS | FSP_RECOVERY_CHECK_OBJECTS;
    unsigned system = FSP_RECOVERY_RAISE_LAYOUT | FSP_RECOVERY_REFUSE_NODES |
                      FSP_RECOVERY_VOID_TOKENS | FSP_RECOVERY_VOID_INVITATIONS |
                      FSP_RECOVERY_ADOPT_SPACES;
    return shard == 0 ? all | system : all;
}
