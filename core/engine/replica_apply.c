/* SPDX-License-Identifier: MIT */
/* replica_apply - committed entries become state, commands get results, queries get answers.
   Layer core/engine.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/engine/replica_internal.h"

/* -- replies ----------------------------------------------------------------------------------- */

void
fsp_replica_reply(uint64_t token, fsp_status_t status, fsp_buf_t *bytes,
                  fsp_replica_effects_t *effects)
{
    fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_REPLY);
    effect->token = token;
    effect->status = status;
    if (bytes) {
        FSP_PRE(fsp_buf_ok(bytes));
        effect->bytes = *bytes;
        *bytes = (fsp_buf_t){.bytes_max = bytes->bytes_max};
    }
}

/* Replies to the command of the entry just applied, if it came through this process. */
static void
reply_to_command(fsp_replica_t *self, uint64_t index, fsp_buf_t *result,
                 fsp_replica_effects_t *effects)
{
    const replica_command_t *command;
    while ((command = fsp_fifo_first(&self->commands)) && command->done)
        fsp_fifo_pop(&self->commands);
    if (!command || command->index != index) {
        FSP_ASSERT(!command || command->index > index);
        return;
    }
    fsp_replica_reply(command->token, FSP_OK, result, effects);
    fsp_fifo_pop(&self->commands);
}

static fsp_status_t
answer_read(fsp_replica_t *self, const replica_read_t *read, fsp_replica_effects_t *effects)
{
    fsp_query_t query;
    fsp_status_t status = fsp_query_decode(fsp_blob_slice(read->bytes), &query);
    FSP_ASSERT(status == FSP_OK); /* it was looked at when it came */
    FSP_AUTO(fsp_buf_clear) fsp_buf_t answer;
    fsp_buf_init(&answer, FSP_ANSWER_BYTES_MAX);
    status = fsp_meta_query(self->shard, fsp_overlay_view(self->pending), &query, &answer);
    if (status)
        return status;
    fsp_replica_reply(read->token, FSP_OK, &answer, effects);
    return FSP_OK;
}

fsp_status_t
fsp_replica_answer_reads(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    replica_read_t *read;
    while ((read = fsp_fifo_first(&self->reads))) {
        if (!read->done) {
            if (!read->known || read->index > self->applied_index)
                break;
            fsp_status_t status = answer_read(self, read, effects);
            if (status)
                return status;
        }
        fsp_blob_destroy(&read->bytes);
        fsp_fifo_pop(&self->reads);
    }
    return FSP_OK;
}

/* -- applying ---------------------------------------------------------------------------------- */

static fsp_status_t
apply_entry(fsp_replica_t *self, const fsp_entry_t *entry, fsp_replica_effects_t *effects)
{
    FSP_ASSERT(entry->index == self->applied_index + 1);
    fsp_time_t time = 0;
    fsp_slice_t command = {0};
    fsp_status_t status = FSP_OK;
    if (entry->kind == FSP_ENTRY_COMMAND) {
        fsp_slice_t bytes = fsp_blob_slice(entry->bytes);
        FSP_ASSERT(bytes.bytes > FSP_LOG_TIME_BYTES);
        time = fsp_load_u64(bytes.data);
        command = fsp_slice(bytes.data + FSP_LOG_TIME_BYTES, bytes.bytes - FSP_LOG_TIME_BYTES);
    } else {
        /* A no-op has no time of its own: that of the state, which every replica has. */
        fsp_shard_row_t row;
        status = fsp_meta_shard_row(self->shard, fsp_overlay_view(self->pending), &row);
        if (status)
            return status;
        time = row.log_time;
    }
    FSP_AUTO(fsp_buf_clear) fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    status =
        fsp_meta_apply(self->shard, self->txn, entry->index, entry->term, time, command, &result);
    if (status)
        return status;
    FSP_ASSERT(fsp_overlay_count(self->txn) > 0); /* the shard row at least */
    if (!self->rows)
        self->rows = fsp_batch_new();
    fsp_overlay_commit(self->txn, self->pending, self->next_token, self->rows, FSP_FAMILY_STATE);
    self->applied_index = entry->index;
    reply_to_command(self, entry->index, &result, effects);
    return FSP_OK;
}

fsp_status_t
fsp_replica_apply_entries(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect,
                          fsp_replica_effects_t *effects)
{
    for (size_t i = 0; i < raft_effect->entry_count; i++) {
        fsp_status_t status = apply_entry(self, &raft_effect->entries[i], effects);
        if (status)
            return status;
    }
    return FSP_OK;
}
