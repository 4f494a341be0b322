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
        fsp_free(effect->conf);
        fsp_raft_message_clear(&effect->message);
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

void
fsp_raft_effect_conf(fsp_raft_effect_t *self, const fsp_raft_conf_t *conf)
{
    FSP_PRE(self && !self->conf);
    FSP_PRE(conf);
    self->conf = FSP_NEW(fsp_raft_conf_t);
    *self->conf = *conf;
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

/* Term and vote change together, in one record: a crash cannot part them (facts: bug 5). */
static bool
hard_changed(const fsp_raft_t *self)
{
    if (FSP_MUTANT(vote_not_durable) && self->hard.term == self->emitted_hard.term)
        return false;
    return self->hard.term != self->emitted_hard.term || self->hard.vote != self->emitted_hard.vote;
}

fsp_raft_effect_t *
fsp_raft_emit_write(fsp_raft_t *self, fsp_raft_effects_t *effects, fsp_raft_pending_t write)
{
    write.token = self->next_token++;
    write.hard = self->hard;
    write.has_hard = hard_changed(self);
    write.durable = write.durable || write.has_hard;
    write.at = self->now;
    self->emitted_hard = self->hard;
    if (write.has_hard)
        self->hard_token = write.token;
    if (write.durable)
        self->durable_token = write.token;
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
    self->written_token = token;
    return write;
}

fsp_time_t
fsp_raft_oldest_write(const fsp_raft_t *self)
{
    for (size_t i = 0; i < self->pending_count; i++)
        if (pending_at(self, i)->durable)
            return pending_at(self, i)->at;
    return FSP_TIME_NEVER;
}

/* -- messages ---------------------------------------------------------------------------------- */

fsp_raft_effect_t *
fsp_raft_send(fsp_raft_t *self, fsp_raft_message_t message, fsp_raft_effects_t *effects)
{
    FSP_PRE(message.to > 0 && message.to != self->self.replica);
    FSP_PRE(message.entry_count == 0);
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_SEND);
    effect->message = message;
    effect->message.from = self->self.replica;
    if (effect->message.term == 0)
        effect->message.term = self->hard.term;
    return effect;
}

void
fsp_raft_reply(fsp_raft_t *self, fsp_raft_gate_t gate, fsp_raft_message_t message)
{
    FSP_PRE(message.entry_count == 0);
    /* A disk that stands still holds everything up; what is too much is as good as lost, and will
       be asked for again. */
    if (self->held_count == FSP_RAFT_HELD_MAX)
        return;
    if (self->held_count == self->held_capacity) {
        self->held_capacity = self->held_capacity ? 2 * self->held_capacity : 8;
        self->held = fsp_realloc(self->held, self->held_capacity * sizeof(*self->held));
    }
    if (message.term == 0)
        message.term = self->hard.term;
    self->held[self->held_count++] = (fsp_raft_held_t){.kind = gate, .message = message};
}

/* A promise of an older term is void: this replica has promised something else since. */
static bool
still_meant(const fsp_raft_t *self, const fsp_raft_message_t *message)
{
    if (message->type == FSP_RAFT_PREVOTED)
        return true; /* promises nothing; its term is one that may never be */
    return message->term == self->hard.term;
}

void
fsp_raft_release(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->held_count; i++) {
        fsp_raft_held_t held = self->held[i];
        if (held.token == 0 && !FSP_MUTANT(reply_before_sync))
            held.token = held.kind == FSP_RAFT_GATE_HARD ? self->hard_token : self->durable_token;
        if (held.token > self->written_token)
            self->held[kept++] = held;
        else if (still_meant(self, &held.message))
            (void)fsp_raft_send(self, held.message, effects);
    }
    self->held_count = kept;
}

void
fsp_raft_flush(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (hard_changed(self))
        (void)fsp_raft_emit_write(self, effects, (fsp_raft_pending_t){0});
    fsp_raft_release(self, effects);
}
