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
        fsp_replica_message_clear(&self->items[i].message);
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
static replica_write_t *
emit_write(fsp_replica_t *self, fsp_batch_t **batch_p, const fsp_raft_effect_t *raft_effect,
           bool durable, fsp_replica_effects_t *effects)
{
    fsp_batch_t *batch = *batch_p;
    *batch_p = NULL;
    replica_write_t *write = fsp_fifo_push(&self->writes);
    write->token = self->next_token++;
    if (fsp_overlay_count(self->fresh) > 0) {
        fsp_batch_t *rows = fsp_batch_new();
        fsp_overlay_commit(self->fresh, self->pending, write->token, rows, FSP_FAMILY_STATE);
        for (size_t i = 0; i < fsp_batch_count(rows) && !FSP_MUTANT(cache_keeps_old_rows); i++) {
            fsp_batch_row_t row = fsp_batch_row(rows, i);
            fsp_rowcache_note(self->cache, &row); /* read only when pending has let go of it */
        }
        if (batch)
            fsp_batch_append(rows, &batch);
        batch = rows;
    }
    write->from_raft = raft_effect != NULL;
    write->raft_token = raft_effect ? raft_effect->token : 0;
    write->applied_index = self->applied_index;

    fsp_replica_effect_t *effect = fsp_replica_effects_add(effects, FSP_REPLICA_WRITE);
    effect->token = write->token;
    effect->batch = batch;
    effect->durable = durable;
    effect->durable_index = self->logged_index;
    return write;
}

replica_write_t *
fsp_replica_write_apart(fsp_replica_t *self, fsp_batch_t **batch_p, bool durable,
                        fsp_replica_effects_t *effects)
{
    return emit_write(self, batch_p, NULL, durable, effects);
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
put_base_row(fsp_replica_t *self, fsp_batch_t *batch)
{
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_base_encode(&self->base_row, &value);
    FSP_ASSERT(fsp_buf_ok(&value));
    fsp_log_key_t key = fsp_log_base_key(&self->log_name);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
}

static void
delete_entry_rows(fsp_log_key_t from, fsp_log_key_t to, fsp_batch_t *batch)
{
    fsp_batch_delete_range(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&from), fsp_log_key_slice(&to));
}

/* The log starts behind `start`: hard row, base row, and the entries before it. */
static void
move_start(fsp_replica_t *self, uint64_t start, uint64_t term, const fsp_raft_conf_t *conf,
           fsp_batch_t *batch)
{
    self->hard_row.start = start;
    self->hard_row.start_term = term;
    put_hard_row(self, batch);
    if (!fsp_raft_conf_eq(&self->base_row.conf, conf)) {
        self->base_row.conf = *conf;
        put_base_row(self, batch);
    }
}

/* What raft drops, cuts and adds. */
static void
put_changes(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect, fsp_batch_t *batch)
{
    const fsp_log_name_t *name = &self->log_name;
    if (raft_effect->drop_below > 0) {
        FSP_ASSERT(raft_effect->drop_below <= self->durable_applied + 1 ||
                   FSP_MUTANT(log_cut_beyond_durable));
        delete_entry_rows(fsp_log_entry_key(name, 0),
                          fsp_log_entry_key(name, raft_effect->drop_below), batch);
        move_start(self, raft_effect->drop_below - 1, raft_effect->drop_term, raft_effect->conf,
                   batch);
    } else if (raft_effect->has_hard) {
        put_hard_row(self, batch);
    }
    if (raft_effect->truncate_from > 0) {
        delete_entry_rows(fsp_log_entry_key(name, raft_effect->truncate_from),
                          fsp_log_end_key(name), batch);
        self->logged_index = raft_effect->truncate_from - 1;
    }
    for (size_t i = 0; i < raft_effect->entry_count; i++)
        put_entry_row(self, &raft_effect->entries[i], batch);
}

/* The switch to a snapshot: one durable write holds generation, configuration, log start; the rows
   with applied index and horizons are on stable storage already (3.4). */
static void
put_switch(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect, fsp_batch_t *batch)
{
    const fsp_log_name_t *name = &self->log_name;
    self->base_row.generation = self->take.generation;
    self->base_row.conf = *raft_effect->conf;
    put_base_row(self, batch);
    self->hard_row.start = raft_effect->index;
    self->hard_row.start_term = raft_effect->term;
    put_hard_row(self, batch);
    fsp_log_key_t to = raft_effect->install_keeps ? fsp_log_entry_key(name, raft_effect->index + 1)
                                                  : fsp_log_end_key(name);
    delete_entry_rows(fsp_log_entry_key(name, 0), to, batch);
    if (!raft_effect->install_keeps)
        self->logged_index = raft_effect->index;
}

/* Commands that wait on entries that go, and times of entries that came from a leader. */
static void
note_entries(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect,
             fsp_replica_effects_t *effects)
{
    if (raft_effect->truncate_from > 0)
        fsp_replica_lose_commands(self, raft_effect->truncate_from, effects);
    for (size_t i = 0; i < raft_effect->entry_count; i++) {
        const fsp_entry_t *entry = &raft_effect->entries[i];
        if (entry->kind != FSP_ENTRY_COMMAND)
            continue;
        fsp_time_t time = fsp_load_u64(fsp_blob_data(entry->bytes));
        if (time > self->proposed_time) {
            self->proposed_time = time;
            self->proposed_at = self->now_us;
        }
    }
}

void
fsp_replica_write_log(fsp_replica_t *self, const fsp_raft_effect_t *raft_effect,
                      fsp_replica_effects_t *effects)
{
    FSP_PRE(self);
    FSP_PRE(raft_effect && raft_effect->type == FSP_RAFT_WRITE);
    note_entries(self, raft_effect, effects);
    fsp_batch_t *batch = fsp_batch_new();
    self->hard_row.hard = raft_effect->hard;
    if (raft_effect->install)
        put_switch(self, raft_effect, batch);
    else
        put_changes(self, raft_effect, batch);
    /* Dropping alone can wait: nothing is promised by it. */
    bool durable = raft_effect->has_hard || raft_effect->truncate_from > 0 ||
                   raft_effect->entry_count > 0 || raft_effect->install;
    bool cuts = raft_effect->truncate_from > 0 || raft_effect->install;
    replica_write_t *write = emit_write(self, &batch, raft_effect, durable, effects);
    write->install = raft_effect->install;
    effects->items[effects->count - 1].cuts = cuts;
    fsp_batch_destroy(&batch);
}

void
fsp_replica_write_rest(fsp_replica_t *self, fsp_replica_effects_t *effects)
{
    FSP_PRE(self);
    fsp_batch_t *none = NULL;
    if (fsp_overlay_count(self->fresh) > 0)
        (void)emit_write(self, &none, NULL, false, effects);
}
