/* SPDX-License-Identifier: MIT */
/* raft_member - configurations in the log, and driving them towards a target.
 *
 * Layer core/raft.  Pure.  A configuration is in force from the moment its entry is appended
 * (dissertation 4.1); the ones before are kept until that entry is committed, and come back, last
 * one first, when entries are cut (facts: bugs 16, 31).  So no replica ever decides by a
 * configuration that its log does not have.
 *
 * The leader drives, one change at a time, each only when the one before is committed and an entry
 * of its own term is (bug 28):
 *
 *   1 a member of the target has no seat, or lost what its number had promised: add a learner
 *   2 every newcomer has matched what was committed when it came, and lags little; a majority of
 *     the target answers: enter the joint configuration
 *   3 the joint one is committed: leave it.  Any leader does that, also one without a target
 *   4 learners that the target does not name: drop
 *
 * All of it is looked at anew after each event, so a leader that takes over goes on wherever the
 * log stands.  A learner that stalls is dropped and tried again later: a closed laptop blocks
 * nobody.  A leader that the target does not have hands over first.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

/* -- configurations of the log ----------------------------------------------------------------- */

const fsp_raft_conf_t *
fsp_raft_conf_now(const fsp_raft_t *self)
{
    FSP_PRE(self->conf_count > 0);
    return &self->confs[self->conf_count - 1].conf;
}

uint64_t
fsp_raft_conf_now_index(const fsp_raft_t *self)
{
    FSP_PRE(self->conf_count > 0);
    return self->confs[self->conf_count - 1].index;
}

void
fsp_raft_conf_push(fsp_raft_t *self, uint64_t index, const fsp_raft_conf_t *conf)
{
    FSP_PRE(fsp_raft_conf_sound(conf));
    FSP_IMPLIES(self->conf_count > 0, fsp_raft_conf_now_index(self) < index);
    if (self->conf_count == self->conf_capacity) {
        self->conf_capacity = self->conf_capacity ? 2 * self->conf_capacity : 4;
        self->confs = fsp_realloc(self->confs, self->conf_capacity * sizeof(*self->confs));
    }
    self->confs[self->conf_count].index = index;
    self->confs[self->conf_count].conf = *conf;
    self->conf_count++;
}

void
fsp_raft_conf_cut(fsp_raft_t *self, uint64_t from)
{
    while (fsp_raft_conf_now_index(self) >= from) {
        FSP_ASSERT(self->conf_count > 1); /* the first one is committed */
        self->conf_count--;
    }
}

void
fsp_raft_conf_trim(fsp_raft_t *self, uint64_t start)
{
    size_t gone = 0;
    while (gone + 1 < self->conf_count && self->confs[gone + 1].index <= start)
        gone++;
    self->conf_count -= gone;
    memmove(self->confs, self->confs + gone, self->conf_count * sizeof(*self->confs));
}

const fsp_raft_conf_t *
fsp_raft_conf_as_of(const fsp_raft_t *self, uint64_t index)
{
    FSP_PRE(self);
    FSP_PRE(index >= self->log.start);
    size_t i = self->conf_count;
    while (i > 1 && self->confs[i - 1].index > index)
        i--;
    return &self->confs[i - 1].conf;
}

/* A number that was given and has no seat any more. */
static bool
was_removed(const fsp_raft_t *self, const fsp_raft_conf_t *conf)
{
    return self->self.replica < conf->next_replica && !fsp_raft_conf_seat(conf, self->self.replica);
}

void
fsp_raft_conf_committed(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    for (size_t i = 0; i < self->conf_count; i++) {
        const fsp_raft_conf_at_t *at = &self->confs[i];
        if (at->index <= self->told_conf || at->index > self->commit)
            continue;
        self->told_conf = at->index;
        fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_CONFIGURED);
        effect->index = at->index;
        fsp_raft_effect_conf(effect, &at->conf);
        if (was_removed(self, &at->conf) && !self->removed) {
            self->removed = true;
            (void)fsp_raft_effects_add(effects, FSP_RAFT_REMOVED);
        }
    }
    bool gone = self->role == FSP_RAFT_LEADER && fsp_raft_conf_now_index(self) <= self->commit &&
                was_removed(self, fsp_raft_conf_now(self));
    if (!gone)
        return;
    /* 4.2.2: it led until its own going was decided; the best of those who stay goes on. */
    uint64_t best = fsp_raft_best_peer(self);
    fsp_raft_replicate(self, effects); /* that this is committed */
    if (best != 0)
        (void)fsp_raft_send(self, (fsp_raft_message_t){.type = FSP_RAFT_TIMEOUT_NOW, .to = best},
                            effects);
    fsp_raft_follow(self, self->hard.term, 0, effects);
}

/* -- target ------------------------------------------------------------------------------------ */

void
fsp_raft_on_configure(fsp_raft_t *self, const fsp_raft_target_t *target)
{
    FSP_PRE(target && target->count > 0 && target->count <= FSP_RAFT_SEATS_MAX);
    if (self->role != FSP_RAFT_LEADER)
        return;
    /* What aims at less than the present was overtaken (3.3). */
    if (target->aim < fsp_raft_conf_now(self)->aim)
        return;
    self->has_target = true;
    self->target = *target;
}

static bool
is_lost(const fsp_raft_t *self, uint64_t replica)
{
    for (size_t i = 0; i < self->lost_count; i++)
        if (self->lost[i] == replica)
            return true;
    return false;
}

/* Those that have been replaced: a leader's configurations do not come back, nor do numbers. */
static void
forget_replaced(fsp_raft_t *self, const fsp_raft_conf_t *conf)
{
    size_t count = 0;
    for (size_t i = 0; i < self->lost_count; i++)
        if (fsp_raft_conf_seat(conf, self->lost[i]))
            self->lost[count++] = self->lost[i];
    self->lost_count = count;
}

void
fsp_raft_on_replace(fsp_raft_t *self, uint64_t replica)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    if (self->role != FSP_RAFT_LEADER || !fsp_raft_conf_seat(conf, replica) ||
        replica == self->self.replica || is_lost(self, replica))
        return;
    forget_replaced(self, conf);
    FSP_ASSERT(self->lost_count < FSP_RAFT_LOST_MAX); /* there are no more seats than that */
    self->lost[self->lost_count++] = replica;
}

/* What the leader aims at: the target, or without one the present members under the layout that
   they serve, so that a lost one is replaced all the same. */
static fsp_raft_target_t
aimed_at(const fsp_raft_t *self)
{
    if (self->has_target)
        return self->target;
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    fsp_raft_target_t target = {.aim = conf->aim};
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_seat_t *seat = &conf->seats[i];
        if (seat->flags & (FSP_RAFT_VOTER | FSP_RAFT_SYNC))
            target.members[target.count++] = (fsp_raft_wanted_t){
                .node_id = seat->member.node_id,
                .store_id = seat->member.store_id,
                .sync = (seat->flags & FSP_RAFT_SYNC) != 0,
            };
    }
    return target;
}

/* The seat that serves a member of the target; NULL: it needs one.  The youngest number counts. */
static const fsp_raft_seat_t *
serving_seat(const fsp_raft_t *self, const fsp_raft_conf_t *conf, const fsp_raft_wanted_t *wanted)
{
    for (size_t i = conf->count; i-- > 0;) {
        const fsp_raft_seat_t *seat = &conf->seats[i];
        if (!fsp_node_id_eq(seat->member.node_id, wanted->node_id) ||
            !fsp_store_id_eq(seat->member.store_id, wanted->store_id) ||
            is_lost(self, seat->member.replica))
            continue;
        /* A synchronous learner may become a voter; a voter becomes one only under a new number. */
        if (!wanted->sync || seat->flags == FSP_RAFT_SYNC)
            return seat;
    }
    return NULL;
}

/* -- driving ----------------------------------------------------------------------------------- */

static void
propose_conf(fsp_raft_t *self, const fsp_raft_conf_t *conf, fsp_raft_effects_t *effects)
{
    /* R7: two configurations that are adjacent in any log decide with a common member. */
    FSP_ASSERT(fsp_raft_conf_adjacent(fsp_raft_conf_now(self), conf));
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(conf, &buf);
    FSP_ASSERT(fsp_buf_ok(&buf));
    fsp_slice_t slice = fsp_buf_slice(&buf);
    fsp_blob_t *bytes = fsp_blob_copy(slice.data, slice.bytes);
    fsp_buf_clear(&buf);
    uint64_t index = fsp_raft_append(self, FSP_ENTRY_CONFIG, bytes, effects);
    fsp_blob_destroy(&bytes);
    fsp_raft_conf_push(self, index, conf);
    fsp_raft_sync_peers(self);
}

/* 1. One seat a step; the next when this is committed. */
static bool
add_missing(fsp_raft_t *self, const fsp_raft_target_t *target, fsp_raft_effects_t *effects)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    if (self->now < self->retry_at || conf->count == FSP_RAFT_SEATS_MAX)
        return false;
    for (size_t i = 0; i < target->count; i++) {
        const fsp_raft_wanted_t *wanted = &target->members[i];
        if (serving_seat(self, conf, wanted))
            continue;
        fsp_raft_conf_t next = fsp_raft_conf_add(conf, &wanted->node_id, &wanted->store_id,
                                                 wanted->sync ? FSP_RAFT_SYNC : 0);
        propose_conf(self, &next, effects);
        return true;
    }
    return false;
}

static bool
caught_up(const fsp_raft_t *self, uint64_t replica)
{
    if (replica == self->self.replica)
        return true;
    const fsp_raft_peer_t *peer = fsp_raft_peer(self, replica);
    return peer && peer->match >= peer->join_commit && peer->match > 0 &&
           peer->match + self->limits.lag_max >= self->log.last;
}

/* The voters that the target asks for; false: one of them has no seat or is not ready for a vote.
 */
static bool
wanted_voters(const fsp_raft_t *self, const fsp_raft_target_t *target, uint64_t *ret_numbers,
              size_t *ret_count)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    *ret_count = 0;
    for (size_t i = 0; i < target->count; i++) {
        if (target->members[i].sync)
            continue;
        const fsp_raft_seat_t *seat = serving_seat(self, conf, &target->members[i]);
        if (!seat || (!caught_up(self, seat->member.replica) && !FSP_MUTANT(vote_before_caught_up)))
            return false;
        ret_numbers[(*ret_count)++] = seat->member.replica;
    }
    if (*ret_count == 0)
        return false;
    /* A majority of the target answers, else the change would stop the shard. */
    fsp_raft_conf_t asked = {.next_replica = conf->next_replica};
    for (size_t i = 0; i < conf->count; i++)
        for (size_t j = 0; j < *ret_count; j++)
            if (conf->seats[i].member.replica == ret_numbers[j]) {
                asked.seats[asked.count] = conf->seats[i];
                asked.seats[asked.count++].flags = FSP_RAFT_VOTER;
            }
    return fsp_raft_quorum_active(self, &asked);
}

static bool
has_number(const uint64_t *numbers, size_t count, uint64_t replica)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == replica)
            return true;
    return false;
}

static bool
same_voters(const fsp_raft_conf_t *conf, const uint64_t *numbers, size_t count)
{
    if (fsp_raft_conf_voters(conf, FSP_RAFT_VOTER) != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!fsp_raft_conf_votes(conf, numbers[i]))
            return false;
    return true;
}

/* A voter of both sets that could lead in place of this one. */
static uint64_t
heir(const fsp_raft_t *self, const uint64_t *numbers, size_t count)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    for (size_t i = 0; i < count; i++) {
        const fsp_raft_peer_t *peer = fsp_raft_peer(self, numbers[i]);
        if (fsp_raft_conf_votes(conf, numbers[i]) && peer && peer->active_at != 0 &&
            self->now - peer->active_at <= self->limits.election_us)
            return numbers[i];
    }
    return 0;
}

/* 2. */
static bool
enter_joint(fsp_raft_t *self, const fsp_raft_target_t *target, fsp_raft_effects_t *effects)
{
    uint64_t numbers[FSP_RAFT_SEATS_MAX];
    size_t count;
    if (!wanted_voters(self, target, numbers, &count))
        return false;
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    if (same_voters(conf, numbers, count))
        return false;
    if (!has_number(numbers, count, self->self.replica)) {
        uint64_t next = heir(self, numbers, count);
        if (next != 0 && self->handed_over_at != self->hard.term) {
            self->handed_over_at = self->hard.term;
            fsp_raft_start_transfer(self, next);
            return true;
        }
        /* Nobody of the target votes yet, or who does could not be elected (tried once a term, for
           commands wait meanwhile): lead through the change, then go. */
    }
    fsp_raft_conf_t next = fsp_raft_conf_enter(conf, numbers, count, target->aim);
    propose_conf(self, &next, effects);
    return true;
}

/* 4, and learners that make no progress. */
static bool
drop_learner(fsp_raft_t *self, const fsp_raft_target_t *target, fsp_raft_effects_t *effects)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_seat_t *seat = &conf->seats[i];
        if (seat->flags & (FSP_RAFT_VOTER | FSP_RAFT_OLD))
            continue;
        bool wanted = false;
        for (size_t j = 0; j < target->count; j++)
            wanted = wanted || serving_seat(self, conf, &target->members[j]) == seat;
        const fsp_raft_peer_t *peer = fsp_raft_peer(self, seat->member.replica);
        bool stalled = seat->flags == 0 && peer && peer->match < self->log.last &&
                       self->now - peer->progress_at >= self->limits.stall_us;
        if (wanted && !stalled)
            continue;
        if (wanted)
            self->retry_at = self->now + self->limits.retry_us;
        fsp_raft_conf_t next = fsp_raft_conf_drop(conf, seat->member.replica);
        propose_conf(self, &next, effects);
        return true;
    }
    return false;
}

void
fsp_raft_drive_membership(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->role != FSP_RAFT_LEADER)
        return;
    bool own_term = fsp_raft_ready(self) || FSP_MUTANT(change_before_own_commit);
    bool settled = fsp_raft_conf_now_index(self) <= self->commit || FSP_MUTANT(two_changes);
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    /* 3. */
    if (fsp_raft_conf_joint(conf) && (settled || FSP_MUTANT(joint_left_early)) &&
        (own_term || FSP_MUTANT(joint_left_early))) {
        fsp_raft_conf_t next = fsp_raft_conf_leave(conf);
        propose_conf(self, &next, effects);
        return;
    }
    if (!settled || !own_term || self->transfer_to != 0 || fsp_raft_conf_joint(conf))
        return;
    fsp_raft_target_t target = aimed_at(self);
    if (target.aim < conf->aim)
        return;
    /* Before it is told anew, a leader that took over does not know what the learners are for: they
       stay, with what they were sent. */
    if (self->has_target && drop_learner(self, &target, effects))
        return;
    if (add_missing(self, &target, effects))
        return;
    (void)enter_joint(self, &target, effects);
}
