/* SPDX-License-Identifier: MIT */
/* raft_settle - what has become possible after an event: commit, configure, hand out, read, send,
   drop; and what must hold after each.  Layer core/raft.  Pure. */
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

bool
fsp_raft_ready(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->role == FSP_RAFT_LEADER && self->commit > 0 &&
           fsp_raft_log_known_term(&self->log, self->commit) == self->hard.term;
}

/* -- commit ------------------------------------------------------------------------------------ */

/* What a majority holds durably.  Only an entry of the own term is committed by counting, older
   ones with it: an older one that a majority has may still be overwritten (dissertation 3.6.2,
   figure 3.7; facts: bug 1). */
static uint64_t
counted(const fsp_raft_t *self)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    uint64_t matches[FSP_RAFT_SEATS_MAX];
    fsp_raft_matches(self, conf, matches);
    uint64_t index = fsp_raft_conf_reached(conf, matches);
    if (index <= self->commit)
        return self->commit;
    uint64_t term = fsp_raft_log_known_term(&self->log, index);
    if (term != self->hard.term && !FSP_MUTANT(old_term_counted))
        return self->commit;
    return index;
}

static void
advance_commit(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->installing)
        return;
    uint64_t index = self->known_commit;
    if (self->role == FSP_RAFT_LEADER) {
        index = counted(self);
        if (index > self->known_commit)
            self->known_commit = index; /* others may be ahead of the own disk */
        index = self->known_commit;
    }
    if (index > self->log.durable && !FSP_MUTANT(leader_counts_undurable))
        index = self->log.durable;
    if (index <= self->commit)
        return;
    self->commit = index;
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_COMMIT);
    effect->index = index;
    effect->term = fsp_raft_log_known_term(&self->log, index);
}

/* The least that the synchronous learners hold (docs/consensus.md 4). */
static void
tell_copied(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    if (self->role != FSP_RAFT_LEADER || fsp_raft_conf_voters(conf, FSP_RAFT_SYNC) == 0)
        return;
    uint64_t matches[FSP_RAFT_SEATS_MAX];
    fsp_raft_matches(self, conf, matches);
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < conf->count; i++)
        if ((conf->seats[i].flags & FSP_RAFT_SYNC) && matches[i] < least)
            least = matches[i];
    if (least <= self->copied)
        return;
    self->copied = least;
    fsp_raft_effects_add(effects, FSP_RAFT_COPIED)->index = least;
}

/* -- handing out ------------------------------------------------------------------------------- */

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
    if (self->installing)
        return;
    uint64_t cached_first = fsp_raft_log_cached_first(&self->log);
    while (self->handed < self->commit && self->handed + 1 >= cached_first)
        hand_out_cached(self, effects);
    fsp_raft_log_trim(&self->log,
                      self->handed < self->log.durable ? self->handed : self->log.durable);
    if (self->handed == self->commit || self->fetch != FSP_RAFT_FETCH_NONE)
        return;
    uint64_t to = self->handed + FSP_RAFT_BATCH_ENTRIES_MAX;
    if (to > self->commit)
        to = self->commit;
    if (to >= cached_first)
        to = cached_first - 1;
    self->fetch = FSP_RAFT_FETCH_APPLY;
    self->fetch_from = self->handed + 1;
    self->fetch_to = to;
    FSP_ASSERT(self->fetch_from <= to && to <= self->log.durable);
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_FETCH);
    effect->from = self->fetch_from;
    effect->to = to;
}

/* -- dropping ---------------------------------------------------------------------------------- */

/* The oldest entry that a live follower still needs and that is not too far back (3.4). */
static uint64_t
needed_by_followers(const fsp_raft_t *self)
{
    uint64_t needed = UINT64_MAX;
    for (size_t i = 0; i < self->peer_count; i++) {
        const fsp_raft_peer_t *peer = &self->peers[i];
        bool live = peer->active_at != 0 && self->now - peer->active_at <= self->limits.election_us;
        if (live && peer->flow != FSP_RAFT_CATCH_UP && peer->match + 1 < needed)
            needed = peer->match + 1;
    }
    uint64_t within = fsp_raft_log_within(&self->log, self->limits.keep_bytes_max);
    return needed > within ? needed : within;
}

/* The state that holds the effect of these entries is synced; the applied index in memory would not
   do (facts: section 5). */
static void
consider_drop(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    uint64_t upto = FSP_MUTANT(log_cut_beyond_durable) ? self->handed : self->durable_applied;
    if (self->installing || upto <= self->log.start)
        return;
    if (self->role == FSP_RAFT_LEADER) {
        uint64_t needed = needed_by_followers(self);
        upto = needed - 1 < upto ? needed - 1 : upto;
    }
    /* What the shell is about to read stays. */
    if (self->fetch != FSP_RAFT_FETCH_NONE && self->fetch_from - 1 < upto)
        upto = self->fetch_from - 1;
    /* Nobody else needs it: what is dropped at once need not be moved by the store's journal. */
    bool alone = self->role == FSP_RAFT_LEADER && self->peer_count == 0;
    uint64_t keep = alone || FSP_MUTANT(log_cut_beyond_durable) ? 0 : self->limits.keep_entries;
    uint64_t least = alone ? self->limits.drop_alone_min : self->limits.drop_entries_min;
    if (upto < self->log.start + least + 1 + keep)
        return;
    uint64_t below = upto - keep;
    fsp_raft_log_drop(&self->log, below);
    fsp_raft_conf_trim(self, below - 1);
    fsp_raft_effect_t *effect = fsp_raft_emit_write(self, effects, (fsp_raft_pending_t){0});
    effect->drop_below = below;
    effect->drop_term = self->log.start_term;
    fsp_raft_effect_conf(effect, fsp_raft_conf_as_of(self, below - 1));
}

/* -- the whole --------------------------------------------------------------------------------- */

static void
tell_role(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->told_role == self->role && self->told_term == self->hard.term &&
        self->told_leader == self->leader)
        return;
    self->told_role = self->role;
    self->told_term = self->hard.term;
    self->told_leader = self->leader;
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_ROLE);
    effect->role = self->role;
    effect->term = self->hard.term;
    effect->leader = self->leader;
}

static void
check(const fsp_raft_t *self)
{
    FSP_POST(self->log.start <= self->durable_applied || FSP_MUTANT(log_cut_beyond_durable));
    FSP_POST(self->durable_applied <= self->handed);
    FSP_POST(self->handed <= self->commit);
    FSP_POST(self->commit <= self->log.durable || FSP_MUTANT(leader_counts_undurable));
    FSP_POST(self->commit <= self->known_commit);
    FSP_POST(self->known_commit <= self->log.last);
    FSP_POST(self->log.durable <= self->log.last);
    FSP_POST(self->log.last_term <= self->hard.term);
    FSP_POST(self->durable_hard.term <= self->hard.term);
    FSP_IMPLIES(self->role == FSP_RAFT_LEADER, self->leader == self->self.replica);
    FSP_IMPLIES(self->role == FSP_RAFT_LEADER, self->hard.vote == self->self.replica);
    FSP_IMPLIES(self->role == FSP_RAFT_LEADER, !self->installing);
    FSP_IMPLIES(self->role != FSP_RAFT_LEADER, self->peer_count == 0);
    FSP_IMPLIES(self->conf_count > 1, self->confs[1].index > self->log.start);
    for (size_t i = 0; i < self->peer_count; i++) {
        FSP_POST(self->peers[i].match < self->peers[i].next || FSP_MUTANT(stale_refusal_taken));
        FSP_POST(self->peers[i].match <= self->log.last);
        FSP_POST(self->peers[i].next <= self->log.last + 1);
    }
}

void
fsp_raft_settle(fsp_raft_t *self, bool more, fsp_raft_effects_t *effects)
{
    advance_commit(self, effects);
    tell_copied(self, effects);
    fsp_raft_conf_committed(self, effects);
    hand_out(self, effects);
    fsp_raft_drive_membership(self, effects);
    fsp_raft_drive_reads(self, effects);
    if (!more)
        fsp_raft_replicate(self, effects);
    fsp_raft_drive_transfer(self, effects);
    consider_drop(self, effects);
    fsp_raft_flush(self, effects);
    tell_role(self, effects);
    check(self);
}
