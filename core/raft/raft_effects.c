/* SPDX-License-Identifier: MIT */
/* raft_effects - the list of what must be done, in order, and the writes that are on their way.
   Layer core/raft.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

enum { PENDING_SLOTS_MIN = 16 };

/* -- the list ---------------------------------------------------------------------------------- */

void
fsp_raft_effects_reset(fsp_raft_effects_t *self)
{
    FSP_PRE(self);
    for (size_t i = 0; i < self->count; i++) {
        fsp_raft_effect_t *effect = &self->items[i];
        for (size_t j = 0; j < effect->entry_count; j++)
            fsp_blob_destroy(&effect->entries[j].bytes);
        fsp_free(effect->entries);
    }
    self->count = 0;
}

void
fsp_raft_effects_clear(fsp_raft_effects_t *self)
{
    FSP_PRE(self);
    fsp_raft_effects_reset(self);
    fsp_free(self->items);
    *self = (fsp_raft_effects_t){0};
}

fsp_raft_effect_t *
fsp_raft_effects_add(fsp_raft_effects_t *self, fsp_raft_effect_type_t type)
{
    FSP_PRE(self);
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 8;
        self->items = fsp_realloc(self->items, self->capacity * sizeof(*self->items));
    }
    fsp_raft_effect_t *effect = &self->items[self->count++];
    *effect = (fsp_raft_effect_t){.type = type};
    return effect;
}

void
fsp_raft_effect_reserve(fsp_raft_effect_t *self, size_t count)
{
    FSP_PRE(self);
    FSP_PRE(!self->entries);
    self->entries = fsp_alloc_array(count, sizeof(*self->entries));
}

void
fsp_raft_effect_entry(fsp_raft_effect_t *self, const fsp_entry_t *entry)
{
    FSP_PRE(self && self->entries);
    FSP_PRE(entry);
    fsp_entry_t *copy = &self->entries[self->entry_count++];
    *copy = *entry;
    if (copy->bytes)
        (void)fsp_blob_ref(copy->bytes);
}

/* -- writes on their way ----------------------------------------------------------------------- */

static fsp_raft_pending_t *
pending_at(const fsp_raft_t *self, size_t position)
{
    return &self->pending[(self->pending_first + position) & (self->pending_slots - 1)];
}

static void
push_pending(fsp_raft_t *self, fsp_raft_pending_t write)
{
    if (self->pending_count == self->pending_slots) {
        size_t slots = self->pending_slots ? 2 * self->pending_slots : PENDING_SLOTS_MIN;
        fsp_raft_pending_t *ring = fsp_alloc_array(slots, sizeof(*ring));
        for (size_t i = 0; i < self->pending_count; i++)
            ring[i] = *pending_at(self, i);
        fsp_free(self->pending);
        self->pending = ring;
        self->pending_slots = slots;
        self->pending_first = 0;
    }
    *pending_at(self, self->pending_count++) = write;
}

fsp_raft_effect_t *
fsp_raft_emit_write(fsp_raft_t *self, fsp_raft_effects_t *effects, fsp_raft_pending_t write)
{
    write.token = self->next_token++;
    write.hard = self->hard;
    push_pending(self, write);
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_WRITE);
    effect->token = write.token;
    effect->has_hard = write.has_hard;
    effect->hard = write.hard;
    return effect;
}

fsp_raft_pending_t
fsp_raft_take_pending(fsp_raft_t *self, uint64_t token)
{
    FSP_PRE(self);
    FSP_PRE(self->pending_count > 0);
    fsp_raft_pending_t write = *pending_at(self, 0);
    FSP_PRE(write.token == token);
    self->pending_first = (self->pending_first + 1) & (self->pending_slots - 1);
    self->pending_count--;
    return write;
}
