/* SPDX-License-Identifier: MIT */
/* replica_apply - committed entries become state, commands get results, queries get answers.
   Layer core/engine.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/crypto/digest.h"
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

/* The command whose entry has this index, NULL: it did not come through this process.  Indexes
   ascend. */
static replica_command_t *
find_command(const fsp_replica_t *self, uint64_t index)
{
    size_t low = 0;
    size_t high = self->commands.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        replica_command_t *command = fsp_fifo_at(&self->commands, middle);
        if (command->index == index)
            return command;
        if (command->index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void
finish_command(replica_command_t *command, fsp_status_t status, fsp_replica_effects_t *effects)
{
    FSP_PRE(!command->done);
    fsp_replica_reply(command->token, status, status ? NULL : &command->result, effects);
    fsp_buf_clear(&command->result);
    command->done = true;
}

static void
drop_finished(fsp_replica_t *self)
{
    const replica_command_t *command;
    while ((command = fsp_fifo_first(&self->commands)) && command->done)
        fsp_fifo_pop(&self->commands);
}

/* Replies to the command of the entry just applied, if it came through this process. */
static void
reply_to_command(fsp_replica_t *self, const fsp_entry_t *entry, fsp_buf_t *result,
                 fsp_replica_effects_t *effects)
{
    replica_command_t *command = find_command(self, entry->index);
    if (!command || command->done)
        return;
    if (command->term != entry->term) {
        /* Another leader's entry took its place.  It may yet come back (3.6): who asked sends it
           again under its op id. */
        finish_command(command, FSP_NOT_LEADER, effects);
        drop_finished(self);
        return;
    }
    command->applied = true;
    command->result = *result;
    *result = (fsp_buf_t){.bytes_max = result->bytes_max};
    bool waits = command->two_copies && self->copied_index < entry->index &&
                 fsp_raft_conf_voters(fsp_raft_conf(self->raft), FSP_RAFT_SYNC) > 0 &&
                 !FSP_MUTANT(answer_with_one_copy);
    if (!waits)
        finish_command(command, FSP_OK, effects);
    drop_finished(self);
}

void
fsp_replica_copied(fsp_replica_t *self, uint64_t index, fsp_replica_effects_t *effects)
{
    FSP_PRE(index >= self->copied_index);
    self->copied_index = index;
    for (size_t i = 0; i < self->commands.count; i++) {
        replica_command_t *command = fsp_fifo_at(&self->commands, i);
        if (command->index > index)
            break;
        if (command->applied && !command->done)
            finish_command(command, FSP_OK, effects);
    }
    drop_finished(self);
}

void
fsp_replica_uncopied(fsp_replica_t *self, fsp_status_t status, fsp_replica_effects_t *effects)
{
    for (size_t i = 0; i < self->commands.count; i++) {
        replica_command_t *command = fsp_fifo_at(&self->commands, i);
        if (command->applied && !command->done)
            finish_command(command, status, effects);
    }
    drop_finished(self);
}

void
fsp_replica_lose_commands(fsp_replica_t *self, uint64_t from, fsp_replica_effects_t *effects)
{
    while (self->commands.count > 0) {
        replica_command_t *command = fsp_fifo_at(&self->commands, self->commands.count - 1);
        if (command->index < from)
            break;
        FSP_ASSERT(!command->applied);
        if (!command->done)
            finish_command(command, FSP_NOT_LEADER, effects);
        fsp_fifo_drop_last(&self->commands);
    }
    drop_finished(self);
}

void
fsp_replica_skip_commands(fsp_replica_t *self, uint64_t upto, fsp_replica_effects_t *effects)
{
    for (size_t i = 0; i < self->commands.count; i++) {
        replica_command_t *command = fsp_fifo_at(&self->commands, i);
        if (command->index <= upto && !command->done)
            finish_command(command, FSP_NOT_LEADER, effects);
    }
    drop_finished(self);
}

static fsp_status_t
answer_read(fsp_replica_t *self, const replica_read_t *read, fsp_replica_effects_t *effects)
{
    fsp_query_t query;
    fsp_status_t status = fsp_query_decode(fsp_blob_slice(read->bytes), &query);
    FSP_ASSERT(status == FSP_OK); /* it was looked at when it came */
    FSP_AUTO(fsp_buf_clear) fsp_buf_t answer;
    fsp_buf_init(&answer, FSP_ANSWER_BYTES_MAX);
    status = fsp_meta_query(self->shard, fsp_overlay_view(self->fresh), &query, &answer);
    if (status)
        return status;
    fsp_replica_reply(read->token, FSP_OK, &answer, effects);
    return FSP_OK;
}

fsp_status_t
fsp_replica_answer_reads(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    for (size_t i = 0; i < self->reads.count; i++) {
        replica_read_t *read = fsp_fifo_at(&self->reads, i);
        if (read->done || !read->known || read->index > self->applied_index)
            continue;
        fsp_status_t status = answer_read(self, read, effects);
        if (status)
            return status;
        read->done = true;
    }
    replica_read_t *first;
    while ((first = fsp_fifo_first(&self->reads)) && first->done) {
        fsp_blob_destroy(&first->bytes);
        fsp_fifo_pop(&self->reads);
    }
    return FSP_OK;
}

/* -- applying ---------------------------------------------------------------------------------- */

/* R4: digest(i) = SHA-256(digest(i - 1) || term || result), from zero at the start of a window. */
static fsp_status_t
digest_result(fsp_replica_t *self, const fsp_entry_t *entry, fsp_slice_t result,
              fsp_replica_effects_t *effects)
{
    if (self->digesting) {
        uint8_t term[8];
        fsp_store_u64(term, entry->term);
        const fsp_slice_t pieces[] = {FSP_SLICE_OF(self->digest), fsp_slice(term, sizeof(term)),
                                      result};
        self->digest = fsp_sha256_pieces(pieces, 3);
    }
    if (entry->index % self->limits.digest_every != 0)
        return FSP_OK;
    fsp_raft_event_t event = {
        .type = FSP_RAFT_DIGEST, .index = entry->index, .digest = self->digest};
    bool told = self->digesting;
    self->digesting = true;
    self->digest = (fsp_hash_t){0};
    return told ? fsp_replica_step_raft(self, &event, effects) : FSP_OK;
}

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
        /* A no-op or a configuration has no time of its own: that of the state, which every replica
           has. */
        fsp_shard_row_t row;
        status = fsp_meta_shard_row(self->shard, fsp_overlay_view(self->fresh), &row);
        if (status)
            return status;
        time = row.log_time;
    }
    FSP_AUTO(fsp_buf_clear) fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    status = fsp_meta_apply_with(self->oldest_ops, self->shard, self->txn, entry->index,
                                 entry->term, time, command, &result);
    if (status)
        return status;
    FSP_ASSERT(fsp_overlay_count(self->txn) > 0); /* the shard row at least */
    fsp_overlay_commit(self->txn, self->fresh, 0, NULL, FSP_FAMILY_STATE);
    self->applied_index = entry->index;
    status = digest_result(self, entry, fsp_buf_slice(&result), effects);
    if (status)
        return status;
    reply_to_command(self, entry, &result, effects);
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
