/* SPDX-License-Identifier: MIT */
/* raft_read - linearizable reads without an entry in the log (dissertation 6.4).
 *
 * Layer core/raft.  Pure.
 *
 *   READ -> index := commit -> a round of heartbeats that starts after the READ came
 *        -> a majority answers this very round -> READ_AT(index): answer once applied >= index
 *
 * The round proves that nobody else led when the index was read, so no later write can be missed.
 * One round serves all reads that wait when it starts; with one voter none is needed.  Rounds are
 * numbered within a term and a number is never used twice (facts: bug 12).  Before an entry of its
 * own term is committed, a leader does not know what was committed, and reads wait (bug 10).
 *
 * A follower asks the leader for an index and waits for its own state; an ask that reaches somebody
 * who does not lead is refused, never passed on (bug 13).  No clocks, no leases.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

static void
add_read(fsp_raft_t *self, uint64_t token, uint64_t from)
{
    if (self->read_count == self->read_capacity) {
        self->read_capacity = self->read_capacity ? 2 * self->read_capacity : 16;
        self->reads = fsp_realloc(self->reads, self->read_capacity * sizeof(*self->reads));
    }
    self->reads[self->read_count++] = (fsp_raft_read_t){.token = token, .from = from};
}

static void
emit_read_at(uint64_t token, uint64_t index, fsp_raft_effects_t *effects)
{
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_READ_AT);
    effect->token = token;
    effect->index = index;
}

static void
ask_leader(fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects)
{
    if (self->ask_count == self->ask_capacity) {
        self->ask_capacity = self->ask_capacity ? 2 * self->ask_capacity : 16;
        self->asks = fsp_realloc(self->asks, self->ask_capacity * sizeof(*self->asks));
    }
    uint64_t number = self->next_ask++;
    self->asks[self->ask_count++] = (fsp_raft_ask_t){
        .token = token, .number = number, .until = self->now + self->limits.election_us};
    (void)fsp_raft_send(
        self, (fsp_raft_message_t){.type = FSP_RAFT_READ_ASK, .to = self->leader, .round = number},
        effects);
}

void
fsp_raft_on_read(fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects)
{
    bool leads = self->role == FSP_RAFT_LEADER;
    if ((!leads && self->leader == 0) ||
        self->read_count + self->ask_count >= self->limits.reads_max) {
        fsp_raft_refuse(self, token, FSP_BUSY, effects);
        return;
    }
    if (leads)
        add_read(self, token, 0);
    else
        ask_leader(self, token, effects);
}

static void
tell(fsp_raft_t *self, uint64_t to, uint64_t number, uint64_t index, bool refused)
{
    fsp_raft_reply(self, FSP_RAFT_GATE_HARD,
                   (fsp_raft_message_t){
                       .type = FSP_RAFT_READ_TOLD,
                       .to = to,
                       .round = number,
                       .index = index,
                       .refused = refused,
                   });
}

void
fsp_raft_on_read_ask(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    if (self->role != FSP_RAFT_LEADER || self->read_count >= self->limits.reads_max)
        tell(self, m->from, m->round, 0, true);
    else
        add_read(self, m->round, m->from);
}

void
fsp_raft_on_read_told(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    for (size_t i = 0; i < self->ask_count; i++) {
        if (self->asks[i].number != m->round)
            continue;
        if (m->refused)
            fsp_raft_refuse(self, self->asks[i].token, FSP_BUSY, effects);
        else
            emit_read_at(self->asks[i].token, m->index, effects);
        self->ask_count--;
        memmove(&self->asks[i], &self->asks[i + 1], (self->ask_count - i) * sizeof(*self->asks));
        return;
    }
}

/* -- rounds ------------------------------------------------------------------------------------ */

/* The highest round that a majority confirmed. */
static uint64_t
confirmed(const fsp_raft_t *self)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    uint64_t rounds[FSP_RAFT_SEATS_MAX];
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_peer_t *peer = fsp_raft_peer(self, conf->seats[i].member.replica);
        rounds[i] = peer ? peer->round : 0;
        if (conf->seats[i].member.replica == self->self.replica)
            rounds[i] = self->round_started;
    }
    return fsp_raft_conf_reached(conf, rounds);
}

static void
answer(fsp_raft_t *self, uint64_t done, fsp_raft_effects_t *effects)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->read_count; i++) {
        fsp_raft_read_t read = self->reads[i];
        bool proven = read.round != 0 && read.round <= done;
        if (!proven && !FSP_MUTANT(read_without_round)) {
            self->reads[kept++] = read;
            continue;
        }
        if (read.from == 0)
            emit_read_at(read.token, read.index, effects);
        else
            tell(self, read.from, read.token, read.index, false);
    }
    self->read_count = kept;
}

void
fsp_raft_drive_reads(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->role != FSP_RAFT_LEADER || self->read_count == 0)
        return;
    if (!fsp_raft_ready(self) && !FSP_MUTANT(read_before_own_commit))
        return;
    uint64_t done = confirmed(self);
    FSP_ASSERT(done <= self->round_started);
    if (done > self->round_done)
        self->round_done = done;
    bool waiting = false;
    for (size_t i = 0; i < self->read_count; i++) {
        fsp_raft_read_t *read = &self->reads[i];
        if (read->round == 0) {
            read->index = self->commit;
            bool reused = FSP_MUTANT(round_reused) && self->round_started > 0; /* 0 is no round */
            read->round = self->round_started + (reused ? 0 : 1);
        }
        waiting = waiting || read->round > self->round_started;
    }
    /* The next round starts when the one before is through, so that it serves all that came
       meanwhile. */
    if (waiting && self->round_done == self->round_started) {
        self->round_started++;
        fsp_raft_send_heartbeats(self, effects);
        self->round_done = confirmed(self); /* alone: at once */
    }
    answer(self, self->round_done, effects);
}

/* -- ends -------------------------------------------------------------------------------------- */

void
fsp_raft_drop_reads(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    for (size_t i = 0; i < self->read_count; i++) {
        if (self->reads[i].from == 0)
            fsp_raft_refuse(self, self->reads[i].token, FSP_BUSY, effects);
        else
            tell(self, self->reads[i].from, self->reads[i].token, 0, true);
    }
    self->read_count = 0;
    for (size_t i = 0; i < self->ask_count; i++)
        fsp_raft_refuse(self, self->asks[i].token, FSP_BUSY, effects);
    self->ask_count = 0;
}

void
fsp_raft_expire_asks(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->ask_count; i++) {
        if (self->asks[i].until > self->now)
            self->asks[kept++] = self->asks[i];
        else
            fsp_raft_refuse(self, self->asks[i].token, FSP_BUSY, effects);
    }
    self->ask_count = kept;
}

fsp_time_t
fsp_raft_ask_deadline(const fsp_raft_t *self)
{
    fsp_time_t at = FSP_TIME_NEVER;
    for (size_t i = 0; i < self->ask_count; i++)
        at = self->asks[i].until < at ? self->asks[i].until : at;
    return at;
}
