/* SPDX-License-Identifier: MIT */
/* recovery_rows - a recovered replica as rows.  Layer core/engine.  Pure. */
#include "core/engine/recovery_rows.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/engine/log_audit.h"
#include "core/engine/log_rows.h"
#include "core/engine/snapshot_send.h"
#include "core/meta/rows.h"

#include <inttypes.h>

struct fsp_recovery_source {
    fsp_shard_ref_t shard;  /* whose rows those are */
    fsp_overlay_t *pending; /* over the state that was taken: the rest of the log, the new start */
};

static fsp_row_key_t
generation_key(fsp_shard_ref_t shard)
{
    fsp_row_key_t key = {.used = FSP_SNAPSHOT_PREFIX_BYTES};
    fsp_store_u32(key.bytes, shard.shard);
    fsp_store_u32(key.bytes + 4, shard.generation);
    return key;
}

/* -- looking ----------------------------------------------------------------------------------- */

typedef struct {
    fsp_fault_fn *fault;
    void *context;
    fsp_slice_t own; /* what keys of the replica's rows begin with */
    size_t count;
} counter_t;

/* Rows beside its own are of other shards, or what a crash left of a transfer, a switch or a
   recovery: no matter of this replica. */
static void
count_fault(void *context, const fsp_fault_t *fault)
{
    counter_t *counter = context;
    fsp_slice_t own = counter->own;
    if (strcmp(fault->kind, "stray") == 0 &&
        (fault->key.bytes < own.bytes || memcmp(fault->key.data, own.data, own.bytes) != 0))
        return;
    counter->count++;
    counter->fault(counter->context, fault);
}

/* Of a log with faults, what stands before the first of them: a term that was seen counts. */
static void
look_at_log(const fsp_replica_config_t *config, fsp_view_t *log_view, uint64_t applied,
            fsp_recovery_state_t *ret)
{
    fsp_log_name_t name = fsp_log_name(config->shard, &config->self);
    fsp_log_base_t base = {.conf = config->base};
    fsp_log_summary_t log;
    fsp_error_t unsaid; /* the audit said it */
    bool based;
    if (!fsp_log_load_base(&name, log_view, &based, &base, &unsaid))
        ret->conf = base.conf;
    bool read = !fsp_log_load(&name, log_view, applied, &log, &unsaid);
    ret->hard = log.hard.hard;
    ret->last_term = log.last_term;
    ret->last_index = log.last;
    /* The last one may be what did not decode. */
    size_t confs = read || log.conf_count == 0 ? log.conf_count : log.conf_count - 1;
    if (confs > 0)
        ret->conf = log.confs[confs - 1].conf;
    fsp_log_summary_clear(&log);
}

void
fsp_recovery_look(const fsp_replica_config_t *config, fsp_view_t *log_view, fsp_view_t *state_view,
                  fsp_fault_fn *fault, void *context, fsp_recovery_state_t *ret)
{
    FSP_PRE(config && fault && ret);
    FSP_PRE(log_view && state_view);
    *ret = (fsp_recovery_state_t){.shard = config->shard.shard, .member = config->self};
    fsp_log_name_t name = fsp_log_name(config->shard, &config->self);
    counter_t counter = {
        .fault = fault, .context = context, .own = fsp_slice(name.prefix, sizeof(name.prefix))};
    fsp_log_audit_t log;
    fsp_log_audit(config, log_view, state_view, count_fault, &counter, &log);
    ret->applied_index = log.applied;
    look_at_log(config, log_view, log.applied, ret);
    fsp_row_key_t own = generation_key(log.shard);
    counter.own = fsp_row_key_slice(&own);
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(log.shard, state_view, count_fault, &counter, &counts);
    ret->whole = counter.count == 0;
}

/* -- source ------------------------------------------------------------------------------------ */

typedef struct {
    fsp_fault_t first;
    size_t count;
} faults_t;

static void
on_fault(void *context, const fsp_fault_t *fault)
{
    faults_t *faults = context;
    if (faults->count++ == 0)
        faults->first = *fault;
}

static fsp_status_t
say_fault(const faults_t *faults, uint32_t shard, fsp_error_t *error)
{
    return fsp_error_set(error, FSP_DAMAGED, "shard %" PRIu32 ": %.160s", shard,
                         faults->first.what);
}

/* The log is the one that was decided on. */
static fsp_status_t
judge_log(const fsp_recovered_shard_t *shard, const fsp_replica_config_t *taken,
          fsp_view_t *log_view, fsp_view_t *state_view, fsp_log_audit_t *ret, fsp_error_t *error)
{
    faults_t faults = {.count = 0};
    fsp_log_name_t name = fsp_log_name(taken->shard, &taken->self);
    counter_t counter = {
        .fault = on_fault, .context = &faults, .own = fsp_slice(name.prefix, sizeof(name.prefix))};
    fsp_log_audit(taken, log_view, state_view, count_fault, &counter, ret);
    if (faults.count > 0)
        return say_fault(&faults, shard->shard, error);
    ret->sound = true; /* whatever lies beside it */
    if (taken->shard.shard != shard->shard || ret->last + FSP_ERA_INDEX_STEP != shard->start_index)
        return fsp_error_set(error, FSP_MISMATCH,
                             "shard %" PRIu32 ": the log ends at %" PRIu64
                             ", which is not where it was taken",
                             shard->shard, ret->last);
    return FSP_OK;
}

/* As a node would after its start, if a majority had the entries: they are decided now. */
static fsp_status_t
apply_rest(fsp_recovery_source_t *self, const fsp_replica_config_t *taken, fsp_view_t *log_view,
           const fsp_log_audit_t *log, fsp_error_t *error)
{
    faults_t faults = {.count = 0};
    uint64_t applied = 0;
    if (!fsp_log_replay(taken, log_view, log, self->pending, FSP_RECOVERY_TAIL_BYTES_MAX, on_fault,
                        &faults, &applied))
        return say_fault(&faults, taken->shard.shard, error);
    if (applied < log->last)
        return fsp_error_set(error, FSP_TOO_LARGE,
                             "shard %" PRIu32 ": the state is at %" PRIu64
                             " and the log ends at %" PRIu64,
                             taken->shard.shard, log->applied, log->last);
    return FSP_OK;
}

/* The state stands for everything before the first entry of the recovered log. */
static fsp_status_t
move_start(fsp_recovery_source_t *self, const fsp_recovered_shard_t *shard, fsp_error_t *error)
{
    fsp_shard_row_t row;
    fsp_status_t status = fsp_meta_shard_row(self->shard, fsp_overlay_view(self->pending), &row);
    if (status)
        return fsp_error_set(error, status, "row of the shard: %s", fsp_status_text(status));
    FSP_ASSERT(row.applied_index < shard->start_index);
    if (row.applied_term >= shard->start_term)
        return fsp_error_set(error, FSP_MISMATCH,
                             "shard %" PRIu32 ": its term is not below that of the recovery",
                             shard->shard);
    row.applied_index = shard->start_index;
    row.applied_term = shard->start_term;
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_shard_row_encode(&row, &value);
    FSP_ASSERT(fsp_buf_ok(&value));
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_SHARD, (fsp_space_id_t){{0}});
    fsp_overlay_put(self->pending, fsp_row_key_slice(&key), fsp_buf_slice(&value));
    return FSP_OK;
}

fsp_status_t
fsp_recovery_source_new(const fsp_recovered_shard_t *shard, const fsp_replica_config_t *taken,
                        fsp_view_t *log_view, fsp_view_t *state_view,
                        fsp_recovery_source_t **ret_self, fsp_error_t *error)
{
    FSP_PRE(shard && taken);
    FSP_PRE(log_view && state_view);
    FSP_PRE(ret_self);
    fsp_log_audit_t log;
    fsp_status_t status = judge_log(shard, taken, log_view, state_view, &log, error);
    if (status)
        return status;
    FSP_AUTO(fsp_recovery_source_destroy)
    fsp_recovery_source_t *self = FSP_NEW(fsp_recovery_source_t);
    self->shard = log.shard;
    self->pending = fsp_overlay_new(state_view);
    status = apply_rest(self, taken, log_view, &log, error);
    if (!status)
        status = move_start(self, shard, error);
    if (status)
        return status;
    *ret_self = self;
    self = NULL;
    return FSP_OK;
}

void
fsp_recovery_source_destroy(fsp_recovery_source_t **self_p)
{
    FSP_PRE(self_p);
    fsp_recovery_source_t *self = *self_p;
    if (!self)
        return;
    fsp_overlay_destroy(&self->pending);
    fsp_free(self);
    *self_p = NULL;
}

/* -- copy -------------------------------------------------------------------------------------- */

static fsp_cursor_t *
scan_generation(fsp_shard_ref_t shard, fsp_view_t *view)
{
    fsp_row_key_t from = generation_key(shard);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    return fsp_view_scan(view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
}

/* The key behind shard and generation. */
static fsp_slice_t
plain_key(fsp_slice_t key)
{
    FSP_PRE(key.bytes >= FSP_SNAPSHOT_PREFIX_BYTES);
    return fsp_slice(key.data + FSP_SNAPSHOT_PREFIX_BYTES, key.bytes - FSP_SNAPSHOT_PREFIX_BYTES);
}

fsp_status_t
fsp_recovery_generation(uint32_t shard, fsp_view_t *state_view, uint32_t *ret)
{
    FSP_PRE(state_view && ret);
    uint32_t free = 2; /* a log has generation 1 */
    fsp_row_key_t to = generation_key((fsp_shard_ref_t){.shard = shard});
    to.used = sizeof(shard);
    fsp_row_key_to_prefix_end(&to);
    for (;;) {
        fsp_row_key_t from = generation_key((fsp_shard_ref_t){.shard = shard, .generation = free});
        fsp_cursor_t *cursor =
            fsp_view_scan(state_view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
        fsp_status_t status = cursor->status;
        bool more = cursor->valid;
        uint32_t found = 0;
        if (more && cursor->key.bytes < FSP_SNAPSHOT_PREFIX_BYTES)
            status = FSP_DAMAGED;
        else if (more)
            found = fsp_load_u32(cursor->key.data + 4);
        fsp_cursor_destroy(&cursor);
        if (!status && more && found == UINT32_MAX)
            status = FSP_TOO_LARGE;
        if (status || !more) {
            *ret = free;
            return status;
        }
        free = found + 1;
    }
}

void
fsp_recovery_copy_init(fsp_recovery_copy_t *self, const fsp_recovery_source_t *source,
                       uint32_t generation)
{
    FSP_PRE(self && source);
    FSP_PRE(generation > 1);
    *self = (fsp_recovery_copy_t){
        .source = source,
        .generation = generation,
        .cursor = scan_generation(source->shard, fsp_overlay_view(source->pending)),
    };
}

void
fsp_recovery_copy_clear(fsp_recovery_copy_t *self)
{
    FSP_PRE(self);
    fsp_cursor_destroy(&self->cursor);
}

fsp_status_t
fsp_recovery_copy_next(fsp_recovery_copy_t *self, fsp_batch_t *batch, bool *ret_done)
{
    FSP_PRE(self && self->cursor);
    FSP_PRE(batch && ret_done);
    fsp_shard_ref_t to = {.shard = self->source->shard.shard, .generation = self->generation};
    size_t end = fsp_batch_bytes(batch) + FSP_RECOVERY_PIECE_BYTES;
    fsp_cursor_t *cursor = self->cursor;
    for (; cursor->valid && fsp_batch_bytes(batch) < end; fsp_cursor_next(cursor)) {
        if (cursor->key.bytes > FSP_ROW_KEY_BYTES_MAX)
            return FSP_DAMAGED;
        fsp_slice_t plain = plain_key(cursor->key);
        fsp_row_key_t key = generation_key(to);
        fsp_row_key_add(&key, plain);
        fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_row_key_slice(&key), cursor->value);
        fsp_snapshot_digest(&self->digest, plain, cursor->value);
        self->row_count++;
    }
    *ret_done = !cursor->valid;
    return cursor->status;
}

fsp_status_t
fsp_recovery_digest(fsp_shard_ref_t shard, fsp_view_t *state_view, fsp_hash_t *ret_digest,
                    uint64_t *ret_row_count)
{
    FSP_PRE(state_view);
    FSP_PRE(ret_digest && ret_row_count);
    fsp_hash_t digest = {{0}};
    uint64_t rows = 0;
    FSP_AUTO(fsp_cursor_destroy) fsp_cursor_t *cursor = scan_generation(shard, state_view);
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_snapshot_digest(&digest, plain_key(cursor->key), cursor->value);
        rows++;
    }
    if (cursor->status)
        return cursor->status;
    *ret_digest = digest;
    *ret_row_count = rows;
    return FSP_OK;
}

/* -- switch ------------------------------------------------------------------------------------ */

static void
put_row(fsp_log_key_t key, fsp_buf_t *value, fsp_batch_t *batch)
{
    FSP_ASSERT(fsp_buf_ok(value));
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(value));
    fsp_buf_reset(value);
}

void
fsp_recovery_switch(const fsp_recovered_shard_t *shard, const fsp_raft_member_t *member,
                    uint32_t log_generation, uint32_t generation, fsp_batch_t *batch)
{
    FSP_PRE(shard && member && batch);
    const fsp_raft_seat_t *seat = fsp_raft_conf_seat(&shard->conf, member->replica);
    FSP_PRE(seat && fsp_raft_member_eq(&seat->member, member));
    FSP_PRE(generation > 1);
    /* Logs of the shard's every number: two replicas of one shard never live in one store. */
    fsp_row_key_t from = generation_key((fsp_shard_ref_t){.shard = shard->shard});
    from.used = sizeof(shard->shard);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    fsp_batch_delete_range(batch, FSP_FAMILY_LOG, fsp_row_key_slice(&from), fsp_row_key_slice(&to));

    fsp_log_name_t name = fsp_log_name(
        (fsp_shard_ref_t){.shard = shard->shard, .generation = log_generation}, member);
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_hard_t hard = {
        .hard = {.term = shard->start_term},
        .start = shard->start_index,
        .start_term = shard->start_term,
    };
    fsp_log_hard_encode(&hard, &value);
    put_row(fsp_log_hard_key(&name), &value, batch);
    fsp_log_base_t base = {.generation = generation, .conf = shard->conf};
    fsp_log_base_encode(&base, &value);
    put_row(fsp_log_base_key(&name), &value, batch);
}
