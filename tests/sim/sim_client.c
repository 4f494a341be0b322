/* SPDX-License-Identifier: MIT */
/* sim_client - somebody who uses a space: one operation at a time, again until it is answered, or
   given up.  Layer tests. */
#include "tests/sim/sim_client.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "tests/sim/sim_operation.h"
#include "tests/sim/sim_record.h"

#include <inttypes.h>

/* Patience doubles from attempt to attempt, up to so many election timeouts. */
enum { PATIENCE_MAX = 4, BACKOFFS = 8, LEFT_WHEN_CALM_MAX = 5 };

/* Now and then a client is away for so long that what it was told meanwhile is no longer kept. */
enum { AWAY_IN = 120, AWAY_TIMEOUTS = 6 };

/* -- the space --------------------------------------------------------------------------------- */

void
sim_space_init(sim_space_t *self, const sim_config_t *config, const sim_trace_t *trace,
               fsp_prng_t *prng)
{
    *self = (sim_space_t){.config = config, .trace = trace, .known.level = 1};
    fsp_prng_fill(prng, self->space_id.bytes, sizeof(self->space_id.bytes));
    fsp_prng_fill(prng, self->subject.bytes, sizeof(self->subject.bytes));
    sim_history_init(&self->history);
}

void
sim_space_clear(sim_space_t *self)
{
    for (size_t i = 0; i < self->acked_count; i++)
        fsp_blob_destroy(&self->acked[i].result);
    for (size_t i = 0; i < self->abandoned_count; i++)
        fsp_blob_destroy(&self->abandoned[i].command);
    fsp_free(self->abandoned);
    fsp_free(self->acked);
    fsp_free(self->issued);
    sim_history_clear(&self->history);
    *self = (sim_space_t){0};
}

const sim_acked_t *
sim_space_acked(const sim_space_t *self, fsp_op_id_t op_id)
{
    for (size_t i = self->acked_count; i-- > 0;)
        if (fsp_op_id_eq(self->acked[i].op_id, op_id))
            return &self->acked[i];
    return NULL;
}

bool
sim_space_issued(const sim_space_t *self, fsp_op_id_t op_id)
{
    for (size_t i = self->issued_count; i-- > 0;)
        if (fsp_op_id_eq(self->issued[i], op_id))
            return true;
    return false;
}

static void
note_issued(sim_space_t *self, fsp_op_id_t op_id)
{
    if (self->issued_count == self->issued_capacity) {
        self->issued_capacity = self->issued_capacity ? 2 * self->issued_capacity : 64;
        self->issued = fsp_realloc(self->issued, self->issued_capacity * sizeof(op_id));
    }
    self->issued[self->issued_count++] = op_id;
}

static void
note_acked(sim_space_t *self, sim_acked_t acked)
{
    if (self->acked_count == self->acked_capacity) {
        self->acked_capacity = self->acked_capacity ? 2 * self->acked_capacity : 64;
        self->acked = fsp_realloc(self->acked, self->acked_capacity * sizeof(acked));
    }
    self->acked[self->acked_count++] = acked;
}

/* -- the client -------------------------------------------------------------------------------- */

void
sim_client_init(sim_client_t *self, uint32_t number, sim_space_t *space, uint64_t seed)
{
    memset(self, 0, sizeof(*self));
    self->number = number;
    self->space = space;
    self->left = space->config->operations;
    fsp_prng_init(&self->prng, seed);
    fsp_buf_init(&self->query, 64 * 1024);
    fsp_buf_init(&self->parts, 64 * 1024);
    self->node = (uint32_t)fsp_prng_below(&self->prng, space->config->node_count);
    self->wake_us = 1 + fsp_prng_below(&self->prng, space->config->think_us_max);
}

void
sim_client_clear(sim_client_t *self)
{
    fsp_buf_clear(&self->query);
    fsp_buf_clear(&self->parts);
}

void
sim_client_calm(sim_client_t *self)
{
    self->calm = true;
    if (self->left > LEFT_WHEN_CALM_MAX)
        self->left = LEFT_WHEN_CALM_MAX;
}

bool
sim_client_done(const sim_client_t *self)
{
    return self->left == 0 && !self->waiting && !self->echo;
}

static void
begin_operation(sim_client_t *self, fsp_time_t now_us)
{
    self->operation++;
    self->left--;
    self->floor = self->space->floor;
    self->began_us = now_us;
    self->patience_us = self->space->config->timeout_us;
    self->is_query = self->space->space_made &&
                     fsp_prng_below(&self->prng, 100) < self->space->config->query_percent;
    if (self->is_query) {
        sim_operation_make_query(self);
        return;
    }
    sim_operation_make(self);
    if (!self->reuses)
        note_issued(self->space, self->command.op_id);
}

/* Where to send it: who is said to lead; a query anywhere; somebody else after a silence. */
static uint32_t
pick_node(sim_client_t *self)
{
    uint32_t nodes = self->space->config->node_count;
    uint32_t any = (uint32_t)fsp_prng_below(&self->prng, nodes);
    if (self->elsewhere)
        self->node = any;
    self->elsewhere = false;
    return self->is_query && fsp_prng_chance(&self->prng, 1, 2) ? any : self->node;
}

/* Its client has lost patience for good. */
static bool
gives_up(sim_client_t *self)
{
    const sim_config_t *config = self->space->config;
    bool may = self->waiting && !self->echo && !self->calm && config->give_up_in > 0 &&
               self->command.type != FSP_COMMAND_SPACE_INIT &&
               self->command.type != FSP_COMMAND_LEVEL_RAISE;
    return may && fsp_prng_below(&self->prng, config->give_up_in) == 0;
}

static void
abandon(sim_client_t *self)
{
    sim_space_t *space = self->space;
    self->waiting = false;
    if (self->is_query || self->reuses)
        return;
    if (space->abandoned_count == space->abandoned_capacity) {
        space->abandoned_capacity = space->abandoned_capacity ? 2 * space->abandoned_capacity : 8;
        space->abandoned =
            fsp_realloc(space->abandoned, space->abandoned_capacity * sizeof(*space->abandoned));
    }
    FSP_AUTO(fsp_buf_clear) fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&self->command, &bytes);
    space->abandoned[space->abandoned_count++] = (sim_abandoned_t){
        .client = self->number,
        .number = self->operation,
        .began_us = self->began_us,
        .command = fsp_blob_copy(bytes.data, bytes.bytes),
    };
}

void
sim_client_wake(sim_client_t *self, fsp_time_t now_us, sim_message_t *message)
{
    const sim_config_t *config = self->space->config;
    message->wanted = false;
    if (now_us < self->wake_us || sim_client_done(self))
        return;
    if (gives_up(self)) {
        abandon(self);
        if (sim_client_done(self))
            return;
    }
    if (self->waiting || self->echo) {
        self->elsewhere |= self->waiting;
        if (!self->is_query)
            self->command.attempt++;
        self->space->resends++;
        if (config->lie == SIM_LIE_repeated_operation && !self->is_query)
            self->command.op_id.bytes[0] ^= 1;
    } else {
        /* The first client makes the space, the others wait for it. */
        if (self->number > 0 && !self->space->space_made) {
            self->wake_us = now_us + config->limits.election_us / BACKOFFS;
            return;
        }
        begin_operation(self, now_us);
    }
    self->waiting = true;
    /* Longer from attempt to attempt, or a slow disk would drown in what it cannot keep up with. */
    bool longer = self->patience_us < PATIENCE_MAX * config->limits.election_us;
    self->patience_us *= longer ? 2 : 1;
    self->wake_us = now_us + self->patience_us + fsp_prng_below(&self->prng, self->patience_us);
    if (config->old_in > 0 && !self->calm && fsp_prng_below(&self->prng, AWAY_IN) == 0)
        self->wake_us += AWAY_TIMEOUTS * config->limits.election_us;
    message->wanted = true;
    message->is_query = self->is_query;
    message->operation = self->operation;
    message->node = pick_node(self);
    if (self->is_query)
        fsp_buf_append_slice(&message->bytes, fsp_buf_slice(&self->query));
    else
        fsp_command_encode(&self->command, &message->bytes);
    FSP_ASSERT(fsp_buf_ok(&message->bytes));
}

static void
finish(sim_client_t *self, fsp_time_t now_us)
{
    self->waiting = false;
    self->echo = false;
    self->wake_us = now_us + 1 + fsp_prng_below(&self->prng, self->space->config->think_us_max);
}

static void
learn(sim_client_t *self, const fsp_result_t *result)
{
    sim_known_learn(&self->space->known, &self->command, result);
    if (result->status)
        return;
    if (self->command.type == FSP_COMMAND_SPACE_INIT)
        self->space->space_made = true;
    if (self->name < SIM_NAMES_MAX && !fsp_version_id_is_zero(result->version_id)) {
        self->space->names[self->name].known = true;
        self->space->names[self->name].version_id = result->version_id;
        self->space->names[self->name].file_id = result->file_id;
    }
}

/* The result without what differs between a first answer and a repeated one. */
static fsp_blob_t *
normalise(fsp_result_t result)
{
    result.repeated = false;
    FSP_AUTO(fsp_buf_clear) fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_RESULT_BYTES_MAX);
    fsp_result_encode(&result, &bytes);
    return fsp_blob_copy(bytes.data, bytes.bytes);
}

/* The answer's row may be gone by now. */
static bool
is_forgotten(fsp_status_t status)
{
    return status == FSP_EXPIRED || status == FSP_OUTCOME_UNKNOWN;
}

/* Sent again, it would be judged anew. */
static bool
is_not_kept(const sim_client_t *self, fsp_status_t status)
{
    return sim_command_judged_anew(self->command.type) || status == FSP_EPOCH ||
           status == FSP_LAYOUT || status == FSP_STALE || status == FSP_BASE_GONE;
}

/* The answer does not say whether it has happened, or will: an earlier message, or one that comes
   late, may have another fate. */
static bool
says_nothing(const sim_client_t *self, fsp_status_t status)
{
    if (status == FSP_EXPIRED) /* the only message that there ever was? */
        return self->command.attempt > 1 || self->space->config->duplicate_in > 0;
    return status == FSP_OUTCOME_UNKNOWN || status == FSP_LEVEL;
}

/* What these operations are never answered. */
static void
check_status(const sim_client_t *self, fsp_status_t status)
{
    const sim_space_t *space = self->space;
    bool first = fsp_command_family(self->command.type) == FSP_FAMILY_FIRST;
    bool wrong = status == FSP_UNSUPPORTED || (status == FSP_INVALID && first) ||
                 (status == FSP_OP_REUSED && !self->reuses) ||
                 (status == FSP_LEVEL && !space->config->raised);
    if (self->reuses) /* another request: neither done nor answered as the first one was */
        wrong = status != FSP_OP_REUSED && !is_forgotten(status);
    if (wrong)
        sim_fail(space->trace, "client %u: operation %" PRIu64 " of type %d: %s", self->number,
                 self->operation, (int)self->command.type, fsp_status_name(status));
}

/* C1: the second answer to one operation. */
static void
check_again(const sim_client_t *self, const sim_acked_t *before, const fsp_result_t *result)
{
    FSP_AUTO(fsp_blob_destroy) fsp_blob_t *normal = normalise(*result);
    if (!is_forgotten(result->status) &&
        !fsp_slice_eq(fsp_blob_slice(before->result), fsp_blob_slice(normal)))
        sim_fail(self->space->trace, "C1: client %u: operation %" PRIu64 " has two results",
                 self->number, self->operation);
}

/* The operation is over, and this is what became of it. */
static void
settle(sim_client_t *self, fsp_time_t now_us, const fsp_result_t *result)
{
    sim_space_t *space = self->space;
    learn(self, result);
    if (sim_command_judged_anew(self->command.type))
        return;
    note_acked(space, (sim_acked_t){.op_id = self->command.op_id,
                                    .type = self->command.type,
                                    .status = result->status,
                                    .index = result->index,
                                    .result = normalise(*result)});
    sim_record_command(&space->history, self->number, self->operation, self->began_us, now_us,
                       &self->command, result);
    if (is_not_kept(self, result->status) || result->status == FSP_EXPIRED)
        return;
    self->earlier.op_id = self->command.op_id;
    self->earlier.since = self->command.since;
    self->earlier.subject = self->command.subject;
    self->has_earlier = true;
}

static void
take_result(sim_client_t *self, fsp_time_t now_us, fsp_slice_t bytes)
{
    sim_space_t *space = self->space;
    fsp_result_t result;
    if (fsp_result_decode(bytes, &result))
        sim_fail(space->trace, "a result that does not decode");
    if (self->echo) {
        const sim_acked_t *before = sim_space_acked(space, self->command.op_id);
        if (before) /* not if a lie changed the id */
            check_again(self, before, &result);
        finish(self, now_us);
        return;
    }
    if (result.index < self->floor && !fsp_command_is_shard_wide(self->command.type))
        sim_fail(space->trace,
                 "C2: client %u: result at %" PRIu64 ", %" PRIu64 " was known when it asked",
                 self->number, result.index, self->floor);
    check_status(self, result.status);
    if (result.index > space->floor)
        space->floor = result.index;
    space->operations++;
    bool kept = !self->reuses && !says_nothing(self, result.status);
    if (kept)
        settle(self, now_us, &result);
    else
        abandon(self);
    finish(self, now_us);
    self->echo = kept && !is_not_kept(self, result.status) && fsp_prng_chance(&self->prng, 1, 8);
}

static void
take_answer(sim_client_t *self, fsp_time_t now_us, fsp_slice_t bytes)
{
    fsp_answer_t answer;
    if (fsp_answer_open(bytes, &answer))
        sim_fail(self->space->trace, "an answer that does not decode");
    bool of_space = answer.status == FSP_OK || answer.status == FSP_NOT_FOUND;
    /* SPACES speaks of no one space: its index is 0. */
    if (of_space && answer.index > 0 && answer.index < self->floor)
        sim_fail(self->space->trace,
                 "C2: client %u: answer at %" PRIu64 ", %" PRIu64 " was known when it asked",
                 self->number, answer.index, self->floor);
    if (answer.index > self->space->floor)
        self->space->floor = answer.index;
    fsp_query_t query;
    fsp_status_t status = fsp_query_decode(fsp_buf_slice(&self->query), &query);
    FSP_ASSERT(status == FSP_OK);
    sim_known_learn_answer(&self->space->known, &query, bytes);
    if (query.type != FSP_QUERY_LIST || self->space->config->lists)
        sim_record_query(&self->space->history, self->number, self->operation, self->began_us,
                         now_us, &query, bytes);
    self->space->queries++;
    finish(self, now_us);
}

void
sim_client_answer(sim_client_t *self, fsp_time_t now_us, uint64_t operation, bool is_query,
                  fsp_status_t status, uint32_t leader, fsp_slice_t bytes)
{
    const sim_config_t *config = self->space->config;
    /* Answers to what is long over are dropped; the oracle has seen them when they left. */
    if (!self->waiting || operation != self->operation)
        return;
    FSP_ASSERT(is_query == self->is_query);
    switch ((int)status) {
    case FSP_OK:
        if (is_query)
            take_answer(self, now_us, bytes);
        else
            take_result(self, now_us, bytes);
        return;
    case FSP_NOT_LEADER:
    case FSP_UNREACHABLE: {
        bool other = leader < SIM_NODES_MAX && leader != self->node;
        fsp_time_t most = other ? config->network_us_max : config->limits.election_us / BACKOFFS;
        self->elsewhere = leader == SIM_NODES_MAX;
        if (other)
            self->node = leader;
        self->wake_us = now_us + 1 + fsp_prng_below(&self->prng, most);
        return;
    }
    case FSP_BUSY:
    case FSP_NEEDS_TWO_COPIES:
        self->elsewhere = fsp_prng_chance(&self->prng, 1, 2);
        self->wake_us =
            now_us + 1 + fsp_prng_below(&self->prng, config->limits.election_us / BACKOFFS);
        return;
    default:
        sim_fail(self->space->trace, "client %u: refused with %s", self->number,
                 fsp_status_name(status));
    }
}
