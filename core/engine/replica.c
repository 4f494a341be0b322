/* SPDX-License-Identifier: MIT */
/* replica - one shard's replica: its log and its state machine together.  Layer core/engine.  Pure.
 *
 * The life of a command, with the index of its entry being i:
 *
 *   COMMAND -> raft PROPOSE -> WRITE(entry i; rows of entries < i)    one sync for both
 *   WRITTEN -> raft COMMIT, ENTRIES(i) -> apply -> rows in `fresh` (visible)
 *           -> REPLY                                                  entry i is durable
 *           -> WRITE(rows of i), lazy; they are in `pending` now      goes with the next group
 *   WRITTEN -> rows of i are in the database: they leave `pending`
 *
 * With several voters the middle differs: WRITTEN counts as the own acknowledgement, a majority
 * commits.  A follower goes through the same lines without PROPOSE and REPLY.
 *
 *   STATE_KEPT -> rows of i are on stable storage: raft may drop the entry
 *
 * Until then, for seconds or for thousands of entries, the log keeps what a crash would take from
 * the state, and the next start applies it again, with the same result: apply is deterministic and
 * the applied index is a row of the same batch.
 */
#include "core/engine/replica.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/engine/replica_internal.h"

#include <inttypes.h>

enum {
    /* One batch of entries read back from disk in one step. */
    FETCH_BYTES_MAX = 1024 * 1024,
    FETCH_ENTRIES_MAX = FSP_RAFT_MESSAGE_ENTRIES_MAX,
    /* WRITEs that may wait for the store while a tail is read back to be applied: more would not
       be faster, only fill memory. */
    FETCH_WRITES_MAX = 16,
    /* Of state, 4 MiB at most and 1.5 as they are: names and nodes, which every command reads on
       its way down a path. */
    ROWS_KEPT = 8192,
};

/* -- lifecycle --------------------------------------------------------------------------------- */

static fsp_status_t
make_raft(fsp_replica_t *self, const fsp_replica_config_t *config, const fsp_log_summary_t *log,
          const fsp_shard_row_t *state, fsp_error_t *error)
{
    fsp_raft_config_t raft_config = {
        .shard = config->shard.shard,
        .self = config->self,
        .cache_bytes_max = config->cache_bytes_max,
        .limits = self->limits,
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
        .base = &self->base_row.conf,
        .runs = log->runs,
        .run_count = log->run_count,
        .confs = log->confs,
        .conf_count = log->conf_count,
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

/* Base row, state row and log, and a raft on them. */
static fsp_status_t
load(fsp_replica_t *self, const fsp_replica_config_t *config, fsp_error_t *error)
{
    bool based;
    self->base_row = (fsp_log_base_t){.generation = config->shard.generation, .conf = config->base};
    fsp_status_t status =
        fsp_log_load_base(&self->log_name, self->log_view, &based, &self->base_row, error);
    if (status)
        return status;
    self->shard.generation = self->base_row.generation;
    fsp_shard_row_t state;
    status = fsp_meta_shard_row(self->shard, self->state_view, &state);
    if (status)
        return fsp_error_set(error, status, "row of the shard: %s", fsp_status_text(status));
    fsp_log_summary_t log;
    status = fsp_log_load(&self->log_name, self->log_view, state.applied_index, &log, error);
    if (!status)
        status = make_raft(self, config, &log, &state, error);
    if (!status) {
        self->hard_row = log.hard;
        self->logged_index = log.last;
        self->proposed_time = log.last_time > state.log_time ? log.last_time : state.log_time;
        self->applied_index = state.applied_index;
        self->written_applied = state.applied_index;
        self->durable_applied = state.applied_index;
        fsp_kept_init(&self->kept, state.applied_index, config->places_max);
    }
    fsp_log_summary_clear(&log);
    return status;
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
    self->self = config->self;
    self->log_name = fsp_log_name(config->shard, &config->self);
    self->log_view = log_view;
    self->state_view = state_view;
    self->limits = config->limits.election_us ? config->limits : fsp_raft_limits_default();
    fsp_fifo_init(&self->writes, sizeof(replica_write_t));
    fsp_fifo_init(&self->commands, sizeof(replica_command_t));
    fsp_fifo_init(&self->reads, sizeof(replica_read_t));
    fsp_fifo_init(&self->told, sizeof(fsp_raft_event_t));
    fsp_prng_init(&self->prng, config->seed);
    self->next_token = 1;
    self->next_read = 1;
    fsp_status_t status = load(self, config, error);
    if (status)
        return status;
    self->digesting = self->applied_index % self->limits.digest_every == 0;
    self->cache = fsp_rowcache_new(state_view, ROWS_KEPT);
    self->pending = fsp_overlay_new(fsp_rowcache_view(self->cache));
    self->fresh = fsp_overlay_new(fsp_overlay_view(self->pending));
    self->txn = fsp_overlay_new(fsp_overlay_view(self->fresh));
    self->oldest_ops = fsp_ops_oldest_new();
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
    for (size_t i = 0; i < self->commands.count; i++) {
        replica_command_t *command = fsp_fifo_at(&self->commands, i);
        fsp_buf_clear(&command->result);
    }
    fsp_replica_drop_sends(self);
    fsp_fifo_clear(&self->reads);
    fsp_fifo_clear(&self->commands);
    fsp_fifo_clear(&self->writes);
    fsp_fifo_clear(&self->told);
    fsp_kept_clear(&self->kept);
    fsp_ops_oldest_destroy(&self->oldest_ops);
    fsp_overlay_destroy(&self->txn);
    fsp_overlay_destroy(&self->fresh);
    fsp_overlay_destroy(&self->pending);
    fsp_rowcache_destroy(&self->cache);
    fsp_raft_effects_clear(&self->raft_effects);
    fsp_raft_destroy(&self->raft);
    fsp_free(self);
    *self_p = NULL;
}

void
fsp_replica_bootstrap(const fsp_replica_config_t *config, const fsp_raft_conf_t *first,
                      fsp_batch_t *batch)
{
    FSP_PRE(config && batch);
    FSP_PRE(first && fsp_raft_conf_sound(first));
    fsp_log_name_t name = fsp_log_name(config->shard, &config->self);
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    /* Term 1 begins with the configuration: a log that is not empty, and so may vote. */
    fsp_log_hard_encode(&(fsp_log_hard_t){.hard = {.term = 1}}, &value);
    fsp_log_key_t key = fsp_log_hard_key(&name);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));

    fsp_buf_t conf;
    fsp_buf_init(&conf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(first, &conf);
    FSP_ASSERT(fsp_buf_ok(&conf));
    fsp_slice_t bytes = fsp_buf_slice(&conf);
    fsp_blob_t *blob = fsp_blob_copy(bytes.data, bytes.bytes);
    fsp_entry_t entry = {.index = 1, .term = 1, .kind = FSP_ENTRY_CONFIG, .bytes = blob};
    fsp_buf_reset(&value);
    fsp_log_entry_encode(&entry, &value);
    key = fsp_log_entry_key(&name, 1);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    FSP_ASSERT(fsp_buf_ok(&value));
    fsp_blob_destroy(&blob);
    fsp_buf_clear(&conf);
    fsp_buf_clear(&value);
}

/* -- effects of raft --------------------------------------------------------------------------- */

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
reply_refused(uint64_t token, const fsp_raft_effect_t *raft_effect, fsp_replica_effects_t *effects)
{
    fsp_replica_reply(token, raft_effect->status, NULL, effects);
    effects->items[effects->count - 1].leader = raft_effect->leader;
}

/* Raft knows reads by their id, and the one proposal that it is judging as 0. */
static void
refuse(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect, fsp_replica_effects_t *effects)
{
    if (raft_effect->token == 0) {
        reply_refused(self->proposing, raft_effect, effects);
        return;
    }
    replica_read_t *read = find_read(self, raft_effect->token);
    FSP_ASSERT(read && !read->known && !read->done);
    read->done = true;
    reply_refused(read->token, raft_effect, effects);
}

static void
accept(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect)
{
    const replica_command_t *before =
        self->commands.count > 0 ? fsp_fifo_at(&self->commands, self->commands.count - 1) : NULL;
    FSP_ASSERT(!before || before->index < raft_effect->index);
    replica_command_t *command = fsp_fifo_push(&self->commands);
    command->token = self->proposing;
    command->index = raft_effect->index;
    command->term = raft_effect->term;
    command->two_copies = self->proposing_two_copies;
    self->accepted = true;
}

static void
on_role(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect, fsp_replica_effects_t *effects)
{
    if (raft_effect->role != FSP_RAFT_LEADER) {
        fsp_replica_drop_sends(self);
        fsp_replica_uncopied(self, FSP_NOT_LEADER, effects);
        self->copied_index = 0;
    }
    fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_ROLE);
    effect->role = raft_effect->role;
    effect->term = raft_effect->term;
    effect->leader = raft_effect->leader;
}

static void
send_raft(const fsp_raft_effect_t *raft_effect, fsp_replica_effects_t *effects)
{
    fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_SEND);
    effect->message.type = FSP_REPLICA_RAFT;
    effect->message.raft = fsp_raft_message_copy(&raft_effect->message);
}

static fsp_status_t
carry_out(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect, fsp_replica_effects_t *effects)
{
    replica_read_t *read;
    fsp_replica_effect_t *effect;
    switch (raft_effect->type) {
    case FSP_RAFT_SEND:
        send_raft(raft_effect, effects);
        return FSP_OK;
    case FSP_RAFT_WRITE:
        fsp_replica_write_log(self, raft_effect, effects);
        return FSP_OK;
    case FSP_RAFT_ACCEPTED:
        accept(self, raft_effect);
        return FSP_OK;
    case FSP_RAFT_COMMIT:
        return FSP_OK; /* ENTRIES follow */
    case FSP_RAFT_ENTRIES:
        return fsp_replica_apply_entries(self, raft_effect, effects);
    case FSP_RAFT_READ_AT:
        read = find_read(self, raft_effect->token);
        FSP_ASSERT(read && !read->known && !read->done);
        read->known = true;
        read->index = FSP_MUTANT(read_before_applied) ? 0 : raft_effect->index;
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
        on_role(self, raft_effect, effects);
        return FSP_OK;
    case FSP_RAFT_COPIED:
        fsp_replica_copied(self, raft_effect->index, effects);
        return FSP_OK;
    case FSP_RAFT_CONFIGURED:
        effect = fsp_replica_effects_add(effects, FSP_REPLICA_CONFIGURED);
        effect->index = raft_effect->index;
        effect->conf = *raft_effect->conf;
        /* No synchronous learner any more: what waited for one has waited long enough. */
        if (fsp_raft_conf_voters(raft_effect->conf, FSP_RAFT_SYNC) == 0)
            fsp_replica_uncopied(self, FSP_OK, effects);
        return FSP_OK;
    case FSP_RAFT_REMOVED:
        self->ended = true;
        (void)fsp_replica_effects_add(effects, FSP_REPLICA_REMOVED);
        return FSP_OK;
    case FSP_RAFT_STOP:
        self->ended = true;
        fsp_replica_effects_add(effects, FSP_REPLICA_STOP)->index = raft_effect->index;
        return FSP_OK;
    case FSP_RAFT_SEND_SNAPSHOT:
        return fsp_replica_start_send(self, raft_effect->replica, effects);
    case FSP_RAFT_TAKE_SNAPSHOT:
        self->take_wanted = true;
        return FSP_OK;
    }
    FSP_UNREACHABLE();
}

static fsp_status_t
step_once(fsp_replica_t *self, const fsp_raft_event_t *raft_event, fsp_replica_effects_t *effects)
{
    fsp_raft_event_t event = *raft_event;
    event.now_us = self->now_us;
    fsp_raft_effects_reset(&self->raft_effects);
    fsp_raft_step(self->raft, &event, &self->raft_effects);
    for (size_t i = 0; i < self->raft_effects.count; i++) {
        fsp_status_t status = carry_out(self, &self->raft_effects.items[i], effects);
        if (status)
            return status;
    }
    return FSP_OK;
}

/* What an effect has to tell raft waits until all effects of its step are carried out: raft's
   writes and entries are in order, and a step between them would be a step ahead. */
fsp_status_t
fsp_replica_step_raft(fsp_replica_t *self, const fsp_raft_event_t *raft_event,
                      fsp_replica_effects_t *effects)
{
    if (self->stepping) {
        FSP_PRE(raft_event->type == FSP_RAFT_DIGEST || raft_event->type == FSP_RAFT_SENT);
        *(fsp_raft_event_t *)fsp_fifo_push(&self->told) = *raft_event;
        return FSP_OK;
    }
    self->stepping = true;
    fsp_status_t status = step_once(self, raft_event, effects);
    while (!status && self->told.count > 0) {
        fsp_raft_event_t event = *(const fsp_raft_event_t *)fsp_fifo_first(&self->told);
        fsp_fifo_pop(&self->told);
        status = step_once(self, &event, effects);
    }
    self->stepping = false;
    return status;
}

/* Reads one batch of what raft asked for.  The rest comes with later steps (deadline), so that a
   long tail does not hold the thread. */
static fsp_status_t
fetch_some(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    uint64_t from = self->fetch_from;
    uint64_t to = self->fetch_to;
    if (to - from >= FETCH_ENTRIES_MAX)
        to = from + FETCH_ENTRIES_MAX - 1;
    self->fetch_from = 0;
    self->fetch_to = 0;
    size_t count = 0;
    fsp_entry_t *entries = fsp_alloc_array((size_t)(to - from + 1), sizeof(*entries));
    fsp_status_t status = FSP_OK;
    if (from > fsp_raft_log_start(self->raft)) /* else: for a slow follower, and dropped since */
        status = fsp_log_read(&self->log_name, self->log_view, from, to, FETCH_BYTES_MAX, entries,
                              &count);
    if (!status) {
        fsp_raft_event_t fetched = {
            .type = FSP_RAFT_FETCHED, .entries = entries, .entry_count = count};
        status = fsp_replica_step_raft(self, &fetched, effects);
    }
    for (size_t i = 0; i < count; i++)
        fsp_blob_destroy(&entries[i].bytes);
    fsp_free(entries);
    return status;
}

/* What is read for a slow follower does not wait: that writes nothing here. */
static bool
may_fetch(const fsp_replica_t *self)
{
    if (self->fetch_from == 0)
        return false;
    bool to_apply = self->fetch_from == self->applied_index + 1;
    return !to_apply || self->writes.count < FETCH_WRITES_MAX;
}

/* -- events ------------------------------------------------------------------------------------ */

/* Chosen once, by who proposes, and in the entry: apply knows no other time (3.6). */
static fsp_time_t
next_time(const fsp_replica_t *self, const fsp_replica_event_t *event)
{
    if (event->wall_count == 0)
        return fsp_meta_next_time(self->proposed_time, event->wall_us);
    fsp_time_t elapsed = self->proposed_at ? event->now_us - self->proposed_at : 0;
    return fsp_meta_next_time_voters(self->proposed_time, elapsed, event->wall_us, event->walls,
                                     event->wall_count);
}

static fsp_status_t
on_command(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    if (event->bytes.bytes == 0 || event->bytes.bytes > FSP_COMMAND_BYTES_MAX) {
        fsp_status_t status = event->bytes.bytes ? FSP_TOO_LARGE : FSP_INVALID;
        fsp_replica_reply(event->token, status, NULL, effects);
        return FSP_OK;
    }
    fsp_time_t time = next_time(self, event);
    FSP_ASSERT(time > self->proposed_time);
    FSP_AUTO(fsp_blob_destroy)
    fsp_blob_t *bytes = fsp_blob_new(FSP_LOG_TIME_BYTES + event->bytes.bytes);
    fsp_store_u64(fsp_blob_writable(bytes), time);
    memcpy(fsp_blob_writable(bytes) + FSP_LOG_TIME_BYTES, event->bytes.data, event->bytes.bytes);

    self->proposing = event->token;
    self->proposing_two_copies = event->two_copies;
    self->accepted = false;
    fsp_raft_event_t propose = {
        .type = FSP_RAFT_PROPOSE,
        .bytes = bytes,
        .two_copies = event->two_copies,
        .more = event->more,
    };
    fsp_status_t status = fsp_replica_step_raft(self, &propose, effects);
    if (!status && self->accepted) {
        self->proposed_time = time;
        self->proposed_at = event->now_us;
    }
    return status;
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
    read->id = self->next_read++;
    read->token = event->token;
    read->bytes = fsp_blob_copy(event->bytes.data, event->bytes.bytes);
    fsp_raft_event_t ask = {.type = FSP_RAFT_READ, .token = read->id, .more = event->more};
    return fsp_replica_step_raft(self, &ask, effects);
}

/* Which entries raft may drop. */
static fsp_status_t
tell_applied(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    if (self->durable_applied == self->kept.applied)
        return FSP_OK;
    self->durable_applied = self->kept.applied;
    fsp_raft_event_t applied = {
        .type = FSP_RAFT_APPLIED, .index = self->durable_applied, .more = event->more};
    return fsp_replica_step_raft(self, &applied, effects);
}

static fsp_status_t
on_written(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    const replica_write_t *first = fsp_fifo_first(&self->writes);
    FSP_PRE(first);
    FSP_PRE(first->token == event->token);
    replica_write_t write = *first;
    fsp_fifo_pop(&self->writes);

    fsp_status_t status = write.install ? fsp_replica_installed(self, effects) : FSP_OK;
    if (status)
        return status;
    fsp_overlay_settle(self->pending, write.token);
    if (write.applied_index > self->written_applied)
        self->written_applied = write.applied_index;
    fsp_kept_written(&self->kept, event->place, self->written_applied);
    fsp_raft_event_t written = {
        .type = FSP_RAFT_WRITTEN, .token = write.raft_token, .more = event->more};
    if (write.from_raft)
        status = fsp_replica_step_raft(self, &written, effects);
    if (!status && write.frame_of != 0)
        status = fsp_replica_frame_written(self, write.frame_of, effects);
    return status ? status : tell_applied(self, event, effects);
}

static fsp_status_t
on_state_kept(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    fsp_kept_told(&self->kept, event->place);
    return tell_applied(self, event, effects);
}

/* What raft does not look at: a command begins with its log time. */
static bool
entries_sound(const fsp_raft_message_t *message)
{
    for (size_t i = 0; i < message->entry_count; i++)
        if (message->entries[i].kind == FSP_ENTRY_COMMAND &&
            (!message->entries[i].bytes ||
             fsp_blob_bytes(message->entries[i].bytes) <= FSP_LOG_TIME_BYTES))
            return false;
    return true;
}

static fsp_status_t
on_message(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    FSP_PRE(event->message);
    fsp_raft_event_t raft_event = {
        .type = FSP_RAFT_MESSAGE, .message = &event->message->raft, .more = event->more};
    switch (event->message->type) {
    case FSP_REPLICA_RAFT:
        if (event->message->raft.type == FSP_RAFT_SNAPSHOT)
            return FSP_OK; /* comes with a frame only */
        if (!entries_sound(&event->message->raft))
            return FSP_OK;
        return fsp_replica_step_raft(self, &raft_event, effects);
    case FSP_REPLICA_FRAME:
        return fsp_replica_on_frame(self, event->message, effects);
    case FSP_REPLICA_TOOK:
        return fsp_replica_on_took(self, event->message, effects);
    }
    return FSP_OK; /* of no known type: as if it was lost */
}

static fsp_status_t
on_event(fsp_replica_t *self, const fsp_replica_event_t *event, fsp_replica_effects_t *effects)
{
    fsp_raft_event_t raft_event = {
        .replica = event->replica, .target = event->target, .more = event->more};
    switch (event->type) {
    case FSP_REPLICA_TICK:
        raft_event.type = FSP_RAFT_TICK;
        break;
    case FSP_REPLICA_COMMAND:
        return on_command(self, event, effects);
    case FSP_REPLICA_QUERY:
        return on_query(self, event, effects);
    case FSP_REPLICA_WRITTEN:
        return on_written(self, event, effects);
    case FSP_REPLICA_STATE_KEPT:
        return on_state_kept(self, event, effects);
    case FSP_REPLICA_MESSAGE:
        return on_message(self, event, effects);
    case FSP_REPLICA_CONFIGURE:
        raft_event.type = FSP_RAFT_CONFIGURE;
        break;
    case FSP_REPLICA_REPLACE:
        raft_event.type = FSP_RAFT_REPLACE;
        break;
    case FSP_REPLICA_TRANSFER:
        raft_event.type = FSP_RAFT_TRANSFER;
        break;
    case FSP_REPLICA_UNREACHABLE:
        raft_event.type = FSP_RAFT_UNREACHABLE;
        break;
    default:
        FSP_UNREACHABLE();
    }
    return fsp_replica_step_raft(self, &raft_event, effects);
}

fsp_status_t
fsp_replica_step(fsp_replica_t *self, const fsp_replica_event_t *event,
                 fsp_replica_effects_t *effects)
{
    FSP_PRE(self);
    FSP_PRE(event);
    FSP_PRE(effects);
    FSP_PRE(event->now_us >= self->now_us);
    if (self->failure)
        return self->failure;
    uint64_t applied = self->applied_index;
    self->now_us = event->now_us;
    fsp_status_t status = fsp_replica_sweep_generations(self, effects);
    if (!status)
        status = on_event(self, event, effects);
    if (!status)
        status = fsp_replica_drive_snapshots(self, effects);
    if (!status && may_fetch(self))
        status = fetch_some(self, effects);
    if (!status)
        status = fsp_replica_answer_reads(self, effects);
    if (status) {
        self->failure = status;
        return status;
    }
    if (!event->more)
        fsp_replica_write_rest(self, effects);

    FSP_POST(self->applied_index >= applied || FSP_MUTANT(snapshot_lowers_commit));
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
    if (may_fetch(self))
        return 0; /* else WRITTEN comes, and the next part with it */
    fsp_time_t raft = fsp_raft_deadline(self->raft);
    fsp_time_t snapshots = fsp_replica_snapshot_deadline(self);
    return raft < snapshots ? raft : snapshots;
}

bool
fsp_replica_ready(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return fsp_raft_ready(self->raft);
}

fsp_shard_ref_t
fsp_replica_shard(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return self->shard;
}

const fsp_raft_t *
fsp_replica_raft(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return self->raft;
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
    return fsp_overlay_view(self->fresh);
}

size_t
fsp_replica_pending_writes(const fsp_replica_t *self)
{
    FSP_PRE(self);
    return self->writes.count;
}
