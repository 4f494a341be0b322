/* SPDX-License-Identifier: MIT */
/* raft_settle - what has become possible after an event: commit, hand out, answer reads, drop.
   Layer core/raft.  Pure. */
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

bool
fsp_raft_ready(const fsp_raft_t *self)
{
    uint64_t term;
    return self->role == FSP_RAFT_LEADER &&
           fsp_raft_log_term(&self->log, self->commit, &term) == FSP_OK && term == self->hard.term;
}

/* With one voter the quorum's index is the own durable one.  Only an entry of the own term is
   committed by counting, older ones with it (dissertation 3.6.2; facts: bug 1). */
static void
advance_commit(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    uint64_t index = self->log.durable;
    if (self->role != FSP_RAFT_LEADER || index <= self->commit)
        return;
    uint64_t term;
    fsp_status_t status = fsp_raft_log_term(&self->log, index, &term);
    FSP_ASSERT(status == FSP_OK);
    if (term != self->hard.term)
        return;
    self->commit = index;
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_COMMIT);
    effect->index = index;
    effect->term = term;
}

static void
emit_fetch(fsp_raft_t *self, fsp_raft_fetch_t fetch, uint64_t from, uint64_t to,
           fsp_raft_effects_t *effects)
{
    FSP_PRE(self->fetch == FSP_RAFT_FETCH_NONE);
    FSP_PRE(from > self->log.start && from <= to && to <= self->log.durable);
    self->fetch = fetch;
    self->fetch_from = from;
    self->fetch_to = to;
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_FETCH);
    effect->from = from;
    effect->to = to;
}

/* One ENTRIES effect from the cache, bounded in entries and bytes. */
static void
hand_out_cached(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    uint64_t count = self->commit - self->handed;
    if (count > FSP_RAFT_BATCH_ENTRIES_MAX)
        count = FSP_RAFT_BATCH_ENTRIES_MAX;
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_ENTRIES);
    fsp_raft_effect_reserve(effect, (size_t)count);
    size_t bytes = 0;
    for (uint64_t i = 0; i < count && bytes < FSP_RAFT_BATCH_BYTES_MAX; i++) {
        const fsp_entry_t *entry = fsp_raft_log_cached(&self->log, ++self->handed);
        fsp_raft_effect_entry(effect, entry);
        bytes += fsp_raft_entry_cost(entry);
    }
    FSP_ASSERT(bytes <= self->waiting_bytes);
    self->waiting_bytes -= bytes;
}

static void
hand_out(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    uint64_t cached_first = fsp_raft_log_cached_first(&self->log);
    while (self->handed < self->commit && self->handed + 1 >= cached_first)
        hand_out_cached(self, effects);
    fsp_raft_log_trim(&self->log, self->handed);
    if (self->handed == self->commit || self->fetch != FSP_RAFT_FETCH_NONE)
        return;
    uint64_t to = self->handed + FSP_RAFT_BATCH_ENTRIES_MAX;
    if (to > self->commit)
        to = self->commit;
    if (to >= cached_first)
        to = cached_first - 1;
    emit_fetch(self, FSP_RAFT_FETCH_APPLY, self->handed + 1, to, effects);
}

void
fsp_raft_emit_read_at(const fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects)
{
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_READ_AT);
    effect->token = token;
    effect->index = self->commit;
}

static void
answer_reads(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->read_count == 0 || !fsp_raft_ready(self))
        return;
    for (size_t i = 0; i < self->read_count; i++)
        fsp_raft_emit_read_at(self, self->reads[i], effects);
    self->read_count = 0;
}

/* The state that holds the effect of these entries is synced; the applied index in memory would not
   do (facts: section 5). */
void
fsp_raft_drop(fsp_raft_t *self, uint64_t below, uint64_t term, fsp_raft_effects_t *effects)
{
    FSP_ASSERT(below <= self->durable_applied + 1);
    fsp_raft_log_drop(&self->log, below, term);
    fsp_raft_effect_t *effect = fsp_raft_emit_write(self, effects, (fsp_raft_pending_t){0});
    effect->drop_below = below;
    effect->drop_term = term;
}

static void
consider_drop(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    uint64_t wanted = self->log.start + FSP_RAFT_DROP_ENTRIES_MIN + 1 + FSP_RAFT_KEEP_ENTRIES;
    if (self->durable_applied < wanted)
        return;
    uint64_t below = self->durable_applied - FSP_RAFT_KEEP_ENTRIES;
    uint64_t term;
    fsp_status_t status = fsp_raft_log_term(&self->log, below - 1, &term);
    if (status == FSP_OK) {
        fsp_raft_drop(self, below, term, effects);
        return;
    }
    FSP_ASSERT(status == FSP_BUSY);
    /* From before the restart: the log's start needs its term, so it is looked at once more. */
    if (self->fetch == FSP_RAFT_FETCH_NONE)
        emit_fetch(self, FSP_RAFT_FETCH_DROP, below - 1, below - 1, effects);
}

void
fsp_raft_settle(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    advance_commit(self, effects);
    hand_out(self, effects);
    answer_reads(self, effects);
    consider_drop(self, effects);

    FSP_POST(self->log.start <= self->durable_applied);
    FSP_POST(self->durable_applied <= self->handed);
    FSP_POST(self->handed <= self->commit);
    FSP_POST(self->commit <= self->log.durable);
    FSP_POST(self->log.durable <= self->log.last);
    FSP_POST(self->log.last_term <= self->hard.term);
}
