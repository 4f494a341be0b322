/* SPDX-License-Identifier: MIT */
/* replica_write - the replica's effects: what goes to the database, and with what.
   Layer core/engine.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/engine/replica_internal.h"

/* -- list of effects --------------------------------------------------------------------------- */

void
fsp_replica_effects_reset(fsp_replica_effects_t *self)
{
    FSP_PRE(self);
    for (size_t i = 0; i < self->count; i++) {
        fsp_batch_destroy(&self->items[i].batch);
        fsp_buf_clear(&self->items[i].bytes);
    }
    self->count = 0;
}

void
fsp_replica_effects_clear(fsp_replica_effects_t *self)
{
    FSP_PRE(self);
    fsp_replica_effects_reset(self);
    fsp_free(self->items);
    *self = (fsp_replica_effects_t){0};
}

fsp_replica_effect_t *
fsp_replica_effects_add(fsp_replica_effects_t *self, fsp_replica_effect_type_t type)
{
    FSP_PRE(self);
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 8;
        self->items = fsp_realloc(self->items, self->capacity * sizeof(*self->items));
    }
    fsp_replica_effect_t *effect = &self->items[self->count++];
    *effect = (fsp_replica_effect_t){.type = type};
    return effect;
}

/* -- writes ------------------------------------------------------------------------------------ */

/* A WRITE of batch and of the state rows that waited: one batch, so the state and its applied index
   are never ahead of the log they come from, nor apart from each other (facts: bug 39). */
static void
emit_write(fsp_replica_t *self, fsp_batch_t **batch_p, const fsp_raft_effect_t *raft_effect,
           bool durable, fsp_replica_effects_t *effects)
{
    fsp_batch_t *batch = self->rows;
    self->rows = NULL;
    if (!batch) {
        batch = *batch_p;
        *batch_p = NULL;
    } else if (*batch_p) {
        fsp_batch_append(batch, batch_p);
    }
    replica_write_t *write = fsp_fifo_push(&self->writes);
    write->token = self->next_token++;
    write->from_raft = raft_effect != NULL;
    write->raft_token = raft_effect ? raft_effect->token : 0;
    write->durable = durable;
    write->applied_index = self->applied_index;

    fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_WRITE);
    effect->token = write->token;
    effect->batch = batch;
    effect->durable = durable;
    effect->durable_index = self->logged_index;
}

static void
put_hard_row(fsp_replica_t *self, fsp_batch_t *batch)
{
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_hard_encode(&self->hard_row, &value);
    FSP_ASSERT(fsp_buf_ok(&value));
    fsp_log_key_t key = fsp_log_hard_key(&self->log_name);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
}

static void
put_entry_row(fsp_replica_t *self, const fsp_entry_t *entry, fsp_batch_t *batch)
{
    FSP_ASSERT(entry->index == self->logged_index + 1);
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_entry_encode(entry, &value);
    FSP_ASSERT(fsp_buf_ok(&value)); /* commands were measured when they came */
    fsp_log_key_t key = fsp_log_entry_key(&self->log_name, entry->index);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    self->logged_index = entry->index;
}

static void
delete_entry_rows(fsp_replica_t *self, fsp_log_key_t from, fsp_log_key_t to, fsp_batch_t *batch)
{
    (void)self;
    fsp_batch_delete_range(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&from), fsp_log_key_slice(&to));
}

void
fsp_replica_write_log(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect,
                      fsp_replica_effects_t *effects)
{
    FSP_PRE(self);
    FSP_PRE(raft_effect && raft_effect->type == FSP_RAFT_WRITE);
    fsp_batch_t *batch = fsp_batch_new();
    self->hard_row.hard = raft_effect->hard;
    if (raft_effect->drop_below > 0) {
        FSP_ASSERT(raft_effect->drop_below <= self->durable_applied + 1);
        self->hard_row.start = raft_effect->drop_below - 1;
        self->hard_row.start_term = raft_effect->drop_term;
        delete_entry_rows(self, fsp_log_entry_key(&self->log_name, 0),
                          fsp_log_entry_key(&self->log_name, raft_effect->drop_below), batch);
    }
    if (raft_effect->has_hard || raft_effect->drop_below > 0)
        put_hard_row(self, batch);
    if (raft_effect->truncate_from > 0) {
        delete_entry_rows(self, fsp_log_entry_key(&self->log_name, raft_effect->truncate_from),
                          fsp_log_end_key(&self->log_name), batch);
        self->logged_index = raft_effect->truncate_from - 1;
    }
    for (size_t i = 0; i < raft_effect->entry_count; i++)
        put_entry_row(self, &raft_effect->entries[i], batch);
    /* Dropping alone can wait: nothing is promised by it. */
    bool durable =
        raft_effect->has_hard || raft_effect->truncate_from > 0 || raft_effect->entry_count > 0;
    emit_write(self, &batch, raft_effect, durable, effects);
    fsp_batch_destroy(&batch);
}

void
fsp_replica_write_rest(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    FSP_PRE(self);
    fsp_batch_t *none = NULL;
    if (self->rows)
        emit_write(self, &none, NULL, false, effects);
}
