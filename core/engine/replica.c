/* SPDX-License-Identifier: MIT */
/* replica - one shard's replica: its log and its state machine together.  Layer core/engine.  Pure.
 *
 * The life of a command, with the index of its entry being i:
 *
 *   COMMAND -> raft PROPOSE -> WRITE(entry i; rows of entries < i)    one sync for both
 *   WRITTEN -> raft COMMIT, ENTRIES(i) -> apply -> rows in `pending` (visible) and in `rows`
 *           -> REPLY                                                  entry i is durable
 *           -> WRITE(rows of i), lazy                                 goes with the next group
 *   WRITTEN -> rows of i are in the database: they leave `pending`
 *
 * Rows that a lazy write carried are durable when a later durable write is WRITTEN, because all
 * writes are in order in one write-ahead log.  Until then the log keeps their entries, and a crash
 * that loses the rows applies the entries again, with the same result: apply is deterministic and
 * the applied index is a row of the same batch.
 */
#include "core/engine/replica.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/engine/replica_internal.h"

#include <inttypes.h>

enum {
    /* One batch of entries read back from disk and applied in one step. */
    FETCH_BYTES_MAX = 1024 * 1024,
    FETCH_ENTRIES_MAX = 256,
};

/* -- lifecycle --------------------------------------------------------------------------------- */

static fsp_status_t
make_raft(fsp_replica_t *self, const fsp_replica_config_t *config, const fsp_log_summary_t *log,
          const fsp_shard_row_t *state, fsp_error_t *error)
{
    fsp_raft_config_t raft_config = {
        .shard = config->shard.shard,
        .self = config->self,
        .voters = &config->self,
        .voter_count = 1,
        .cache_bytes_max = config->cache_bytes_max,
        .seed = config->seed,
    };
    fsp_raft_restore_t restore = {
        .hard = log->hard.hard,
        .log_start = log->hard.start,
        .log_start_term = log->hard.start_term,
        .last_index = log->last,
        .last_term = log->last_term,
        .applied_index = state->applied_index,
        .watermark = config->watermark,
        .clean = config->clean,
    };
    fsp_status_t status = fsp_raft_new(&raft_config, &restore, &self->raft, error);
    if (status)
        return status;
    /* Now applied_index is known to lie within the log. */
    if (state->applied_term != log->applied_term)
        return fsp_error_set(error, FSP_DAMAGED,
                             "state is at %" PRIu64 " of term %" PRIu64
                             ", the log has term %" PRIu64 " there",
                             state->applied_index, state->applied_term, log->applied_term);
    return FSP_OK;
}

fsp_status_t
fsp_replica_new(const fsp_replica_config_t *config, fsp_view_t *log_view, fsp_view_t *state_view,
                fsp_replica_t **ret_self, fsp_error_t *error)
{
    FSP_PRE(config);
    FSP_PRE(log_view);
    FSP_PRE(state_view);
    FSP_PRE(ret_self);
    FSP_AUTO(fsp_replica_destroy) fsp_replica_t *self = FSP_NEW(fsp_replica_t);
    self->shard = config->shard;
    self->log_name = fsp_log_name(config->shard, &config->self);
    self->log_view = log_view;
    fsp_fifo_init(&self->writes, sizeof(replica_write_t));
    fsp_fifo_init(&self->commands, sizeof(replica_command_t));
    fsp_fifo_init(&self->reads, sizeof(replica_read_t));
    self->next_token = 1;
    self->next_id = 1;

    fsp_shard_row_t state;
    fsp_status_t status = fsp_meta_shard_row(config->shard, state_view, &state);
    if (status)
        return fsp_error_set(error, status, "row of the shard: %s", fsp_status_text(status));
    fsp_log_summary_t log;
    status = fsp_log_load(&self->log_name, log_view, state.applied_index, &log, error);
    if (!status)
        status = make_raft(self, config, &log, &state, error);
    if (status)
        return status;
    self->hard_row = log.hard;
    self->logged_index = log.last;
    self->proposed_time = log.last_time > state.log_time ? log.last_time : state.log_time;
    self->pending = fsp_overlay_new(state_view);
    self->txn = fsp_overlay_new(fsp_overlay_view(self->pending));
    self->applied_index = state.applied_index;
    self->written_applied = state.applied_index;
    self->durable_applied = state.applied_index;
    *ret_self = self;
    self = NULL;
    return FSP_OK;
}

void
fsp_replica_destroy(fsp_replica_t **self_p)
{
    FSP_PRE(self_p);
    fsp_replica_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->reads.count; i++) {
        replica_read_t *read = fsp_fifo_at(&self->reads, i);
        fsp_blob_destroy(&read->bytes);
    }
    fsp_fifo_clear(&self->reads);
    fsp_fifo_clear(&self->commands);
    fsp_fifo_clear(&self->writes);
    fsp_batch_destroy(&self->rows);
    fsp_overlay_destroy(&self->txn);
    fsp_overlay_destroy(&self->pending);
    fsp_raft_effects_clear(&self->raft_effects);
    fsp_raft_destroy(&self->raft);
    fsp_free(self);
    *self_p = NULL;
}

/* -- raft -------------------------------------------------------------------------------------- */

static replica_command_t *
find_command(const fsp_replica_t *self, uint64_t id)
{
    /* Mostly the youngest. */
    for (size_t i = self->commands.count; i-- > 0;) {
        replica_command_t *command = fsp_fifo_at(&self->commands, i);
        if (command->id == id)
            return command;
        if (command->id < id)
            break;
    }
    return NULL;
}

static replica_read_t *
find_read(const fsp_replica_t *self, uint64_t id)
{
    size_t low = 0;
    size_t high = self->reads.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        replica_read_t *read = fsp_fifo_at(&self->reads, middle);
        if (read->id == id)
            return read;
        if (read->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void
refuse(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect, fsp_replica_effects_t *effects)
{
    replica_command_t *command = find_command(self, raft_effect->token);
    if (command) {
        command->done = true;
        fsp_replica_reply(command->token, raft_effect->status, NULL, effects);
        return;
    }
    replica_read_t *read = find_read(self, raft_effect->token);
    FSP_ASSERT(read && !read->known);
    read->done = true;
    fsp_replica_reply(read->token, raft_effect->status, NULL, effects);
}

static fsp_status_t
carry_out(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect, fsp_replica_effects_t *effects)
{
    replica_command_t *command;
    replica_read_t *read;
    switch (raft_effect->type) {
    case FSP_RAFT_WRITE:
        fsp_replica_write_log(self, raft_effect, effects);
        return FSP_OK;
    case FSP_RAFT_ACCEPTED:
        command = find_command(self, raft_effect->token);
        FSP_ASSERT(command && !command->done);
        command->index = raft_effect->index;
        return FSP_OK;
    case FSP_RAFT_COMMIT:
        self->committed_term = raft_effect->term;
        return FSP_OK;
    case FSP_RAFT_ENTRIES:
        return fsp_replica_apply_entries(self, raft_effect, effects);
    case FSP_RAFT_READ_AT:
        read = find_read(self, raft_effect->token);
        FSP_ASSERT(read && !read->known && !read->done);
        read->known = true;
        read->index = raft_effect->index;
        return FSP_OK;
    case FSP_RAFT_FETCH:
        FSP_ASSERT(self->fetch_from == 0);
        self->fetch_from = raft_effect->from;
        self->fetch_to = raft_effect->to;
        return FSP_OK;
    case FSP_RAFT_REFUSE:
        refuse(self, raft_effect, effects);
        return FSP_OK;
    case FSP_RAFT_ROLE:
        return FSP_OK; /* asked for when it matters */
    }
    FSP_UNREACHABLE();
}

/* One step of raft and all that it wants. */
static fsp_status_t
step_raft(fsp_replica_t *self, const fsp_raft_event_t *raft_event, fsp_replica_effects_t *effects)
{
    fsp_raft_effects_reset(&self->raft_effects);
    fsp_raft_step(self->raft, raft_event, &self->raft_effects);
    for (size_t i = 0; i < self->raft_effects.count; i++) {
        fsp_status_t status = carry_out(self, &self->raft_effects.items[i], effects);
        if (status)
            return status;
    }
    return FSP_OK;
}

/* Reads one batch of what raft asked for.  The rest comes with later steps (deadline), so that a
   long tail does not hold the thread. */
static fsp_status_t
fetch_some(fsp_replica_t *self, fsp_time_t now_us, fsp_replica_effects_t *effects)
{
    fsp_entry_t entries[FETCH_ENTRIES_MAX];
    uint64_t from = self->fetch_from;
    uint64_t to = self->fetch_to;
    if (to - from >= FETCH_ENTRIES_MAX)
        to = from + FETCH_ENTRIES_MAX - 1;
    self->fetch_from = 0;
    self->fetch_to = 0;
    size_t count = 0;
    fsp_status_t status =
        fsp_log_read(&self->log_name, self->log_view, from, to, FETCH_BYTES_MAX, entries, &count);
    if (!status) {
        fsp_raft_event_t fetched = {
            .type = FSP_RAFT_FETCHED,
            .now_us = now_us,
            .entries = entries,
            .entry_count = count,
        };
        status = step_raft(self, &fetched, effects);
    }
    for (size_t i = 0; i < count; i++)
        fsp_blob_destroy(&entries[i].bytes);
    return status;
}

/* -- events ------------------------------------------------------------------------------------ */

static fsp_status_t
on_command(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    if (event->bytes.bytes == 0 || event->bytes.bytes > FSP_COMMAND_BYTES_MAX) {
        fsp_status_t status = event->bytes.bytes ? FSP_TOO_LARGE : FSP_INVALID;
        fsp_replica_reply(event->token, status, NULL, effects);
        return FSP_OK;
    }
    fsp_time_t time = fsp_meta_next_time(self->proposed_time, event->wall_us);
    FSP_ASSERT(time > self->proposed_time);
    FSP_AUTO(fsp_blob_destroy)
    fsp_blob_t *bytes = fsp_blob_new(FSP_LOG_TIME_BYTES + event->bytes.bytes);
    fsp_store_u64(fsp_blob_writable(bytes), time);
    memcpy(fsp_blob_writable(bytes) + FSP_LOG_TIME_BYTES, event->bytes.data, event->bytes.bytes);

    replica_command_t *command = fsp_fifo_push(&self->commands);
    command->id = self->next_id++;
    command->token = event->token;
    fsp_raft_event_t propose = {
        .type = FSP_RAFT_PROPOSE,
        .now_us = event->now_us,
        .token = command->id,
        .bytes = bytes,
    };
    fsp_status_t status = step_raft(self, &propose, effects);
    if (status)
        return status;
    /* Still the youngest; accepted or refused by now. */
    command = fsp_fifo_at(&self->commands, self->commands.count - 1);
    FSP_ASSERT(command->done || command->index > 0);
    if (!command->done)
        self->proposed_time = time;
    return FSP_OK;
}

static fsp_status_t
on_query(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    fsp_query_t query;
    fsp_status_t status = fsp_query_decode(event->bytes, &query);
    if (status) {
        fsp_replica_reply(event->token, status, NULL, effects);
        return FSP_OK;
    }
    replica_read_t *read = fsp_fifo_push(&self->reads);
    read->id = self->next_id++;
    read->token = event->token;
    read->bytes = fsp_blob_copy(event->bytes.data, event->bytes.bytes);
    fsp_raft_event_t ask = {.type = FSP_RAFT_READ, .now_us = event->now_us, .token = read->id};
    return step_raft(self, &ask, effects);
}

static fsp_status_t
on_written(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    const replica_write_t *first = fsp_fifo_first(&self->writes);
    FSP_PRE(first);
    FSP_PRE(first->token == event->token);
    replica_write_t write = *first;
    fsp_fifo_pop(&self->writes);

    fsp_overlay_settle(self->pending, write.token);
    FSP_ASSERT(write.applied_index >= self->written_applied);
    self->written_applied = write.applied_index;
    fsp_raft_event_t written = {
        .type = FSP_RAFT_WRITTEN,
        .now_us = event->now_us,
        .token = write.raft_token,
    };
    fsp_status_t status = write.from_raft ? step_raft(self, &written, effects) : FSP_OK;
    if (status || !write.durable || self->durable_applied == self->written_applied)
        return status;
    self->durable_applied = self->written_applied;
    fsp_raft_event_t applied = {
        .type = FSP_RAFT_APPLIED,
        .now_us = event->now_us,
        .index = self->durable_applied,
    };
    return step_raft(self, &applied, effects);
}

static fsp_status_t
on_event(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    fsp_raft_event_t tick = {.type = FSP_RAFT_TICK, .now_us = event->now_us};
    switch (event->type) {
    case FSP_REPLICA_TICK:
        return step_raft(self, &tick, effects);
    case FSP_REPLICA_COMMAND:
        return on_command(self, event, effects);
    case FSP_REPLICA_QUERY:
        return on_query(self, event, effects);
    case FSP_REPLICA_WRITTEN:
        return on_written(self, event, effects);
    }
    FSP_UNREACHABLE();
}

fsp_status_t
fsp_replica_step(fsp_replica_t *self, const fsp_replica_event_t *event,
                 fsp_replica_effects_t *effects)
{
    FSP_PRE(self);
    FSP_PRE(event);
    FSP_PRE(effects);
    if (self->failure)
        return self->failure;
    uint64_t applied = self->applied_index;
    fsp_status_t status = on_event(self, event, effects);
    if (!status && self->fetch_from > 0)
        status = fetch_some(self, event->now_us, effects);
    if (!status)
        status = fsp_replica_answer_reads(self, effects);
    if (status) {
        self->failure = status;
        return status;
    }
    fsp_replica_write_rest(self, effects);

    FSP_POST(self->applied_index >= applied);
    FSP_POST(self->applied_index <= fsp_raft_commit_index(self->raft));
    FSP_POST(self->durable_applied <= self->written_applied);
    FSP_POST(self->written_applied <= self->applied_index);
    return FSP_OK;
}

/* -- looking at it ----------------------------------------------------------------------------- */

fsp_time_t
fsp_replica_deadline(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return self->fetch_from > 0 ? 0 : fsp_raft_deadline(self->raft);
}

bool
fsp_replica_ready(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return fsp_raft_role(self->raft) == FSP_RAFT_LEADER &&
           self->committed_term == fsp_raft_term(self->raft);
}

uint64_t
fsp_replica_applied_index(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return self->applied_index;
}

uint64_t
fsp_replica_durable_index(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return fsp_raft_durable_index(self->raft);
}

fsp_view_t *
fsp_replica_view(fsp_replica_t *self)
{
    FSP_PRE(self);
    return fsp_overlay_view(self->pending);
}

size_t
fsp_replica_pending_writes(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return self->writes.count;
}
