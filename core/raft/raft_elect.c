/* SPDX-License-Identifier: MIT */
/* raft_elect - votes, patience, check-quorum, transfer.  Layer core/raft.  Pure.
 *
 * Who may lead.  A voter votes once in a term, durably, and only for a log that is not older than
 * its own: by the term of the last entry first, then by length (dissertation 3.6.1).  So whoever
 * has a majority has every committed entry.
 *
 * Who may disturb.  Before it raises the term, a node asks whether a majority would vote for it
 * (pre-vote, 9.6); nobody would that has heard from a leader within an election timeout
 * (stickiness, 4.2.3).  A leader in turn steps down when no majority answers it for so long
 * (check-quorum, 6.2).  One without the other leaves asymmetric partitions without a leader.
 *
 * What is advertised is durable: a vote for entries that a crash takes back would be a vote for
 * somebody who does not have them.
 */
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

void
fsp_raft_wait_for_leader(fsp_raft_t *self)
{
    /* Drawn anew each time, or two candidates with the same patience would split the vote for
       ever (9.3). */
    fsp_time_t more =
        FSP_MUTANT(same_patience) ? 0 : fsp_prng_below(&self->prng, self->limits.election_us);
    self->election_at = self->now + self->limits.election_us + more;
}

/* One that the configuration in force leaves out may still be needed until that is committed: its
   log may be the only one new enough to be elected by those who stay (dissertation 4.2.2).  It does
   not count for itself. */
bool
fsp_raft_may_lead(const fsp_raft_t *self)
{
    for (size_t i = self->conf_count; i-- > 0;) {
        if (fsp_raft_conf_votes(&self->confs[i].conf, self->self.replica))
            return true;
        if (self->confs[i].index <= self->commit || FSP_MUTANT(left_out_never_leads))
            return false;
    }
    return false;
}

bool
fsp_raft_sticky(const fsp_raft_t *self)
{
    if (self->role == FSP_RAFT_LEADER)
        return true;
    return self->leader != 0 && self->heard_at != 0 &&
           self->now - self->heard_at < self->limits.election_us;
}

/* -- ballots ----------------------------------------------------------------------------------- */

static bool
log_as_new(const fsp_raft_t *self, const fsp_raft_message_t *m)
{
    if (FSP_MUTANT(compare_length_first))
        return m->index != self->log.last ? m->index > self->log.last
                                          : m->index_term >= self->log.last_term;
    if (m->index_term != self->log.last_term)
        return m->index_term > self->log.last_term;
    return m->index >= self->log.last;
}

/* What both kinds of ballot ask of the voter's log.  An empty one has no say: it may be what is
   left of a replica that lost its disk (R8, 3.2). */
static bool
would_follow(const fsp_raft_t *self, const fsp_raft_message_t *m)
{
    return self->log.last > 0 && !self->installing && log_as_new(self, m);
}

static void
count_vote(fsp_raft_t *self, uint64_t replica)
{
    for (size_t i = 0; i < self->granted_count; i++)
        if (self->granted[i] == replica)
            return;
    if (self->granted_count < FSP_RAFT_SEATS_MAX)
        self->granted[self->granted_count++] = replica;
}

static bool
elected(const fsp_raft_t *self)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    bool yes[FSP_RAFT_SEATS_MAX] = {false};
    for (size_t i = 0; i < conf->count; i++)
        for (size_t j = 0; j < self->granted_count; j++)
            yes[i] = yes[i] || conf->seats[i].member.replica == self->granted[j];
    return fsp_raft_conf_majority(conf, yes);
}

/* To every other voter, with the durable end of the own log. */
static void
ask_voters(fsp_raft_t *self, fsp_raft_message_t message, fsp_raft_effects_t *effects)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    message.index = FSP_MUTANT(advertise_undurable) ? self->log.last : self->log.durable;
    message.index_term = fsp_raft_log_known_term(&self->log, message.index);
    for (size_t i = 0; i < conf->count; i++) {
        message.to = conf->seats[i].member.replica;
        if (message.to != self->self.replica && fsp_raft_conf_votes(conf, message.to))
            (void)fsp_raft_send(self, message, effects);
    }
}

/* The no-op makes the term's first commit, and with it every entry of older terms commits
   (3.6.2, 6.4; facts: bug 9). */
static void
lead(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->role == FSP_RAFT_CANDIDATE);
    FSP_ASSERT(self->led_term < self->hard.term);
    FSP_ASSERT(self->durable_hard.term == self->hard.term);
    FSP_ASSERT(self->durable_hard.vote == self->self.replica || FSP_MUTANT(vote_not_durable));
    fsp_raft_drop_reads(self, effects); /* what was asked of another leader */
    self->led_term = self->hard.term;
    self->role = FSP_RAFT_LEADER;
    self->leader = self->self.replica;
    self->ballot = FSP_RAFT_NO_BALLOT;
    self->peer_count = 0;
    self->round_started = 0;
    self->round_done = 0;
    self->heartbeat_at = self->now + self->limits.heartbeat_us;
    self->quorum_at = self->now + self->limits.election_us;
    self->retry_at = 0;
    /* Peers first: so the first message to each builds on what came before the no-op and carries
       it, instead of asking for an entry that nobody can have. */
    fsp_raft_sync_peers(self);
    if (!FSP_MUTANT(no_noop))
        (void)fsp_raft_append(self, FSP_ENTRY_NOOP, NULL, effects);
}

/* Every election raises the term, also that of a single voter: else two lives of one replica would
   lead in the same term with different entries (facts: bug 8). */
static void
campaign(fsp_raft_t *self, bool forced)
{
    FSP_PRE(self->role != FSP_RAFT_LEADER);
    FSP_ASSERT(self->hard.term < UINT64_MAX);
    self->hard = (fsp_hard_state_t){.term = self->hard.term + 1, .vote = self->self.replica};
    self->role = FSP_RAFT_CANDIDATE;
    self->leader = 0;
    self->heard_at = 0;
    self->ballot = FSP_RAFT_BALLOT;
    self->forced = forced;
    self->vote_asked = false;
    self->granted_count = 0;
    fsp_raft_wait_for_leader(self);
}

void
fsp_raft_consider_ballot(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->ballot != FSP_RAFT_BALLOT || self->vote_asked)
        return;
    if (self->durable_hard.term != self->hard.term)
        return;
    self->vote_asked = true;
    count_vote(self, self->self.replica);
    if (elected(self)) {
        lead(self, effects);
        return;
    }
    fsp_raft_message_t message = {.type = FSP_RAFT_VOTE, .force = self->forced};
    ask_voters(self, message, effects);
}

static void
start_pre_ballot(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    self->granted_count = 0;
    count_vote(self, self->self.replica);
    if (elected(self)) {
        campaign(self, false); /* alone: nobody to be asked, nobody to be disturbed */
        return;
    }
    if (FSP_MUTANT(prevote_raises_term))
        self->hard = (fsp_hard_state_t){.term = self->hard.term + 1};
    self->ballot = FSP_RAFT_PRE_BALLOT;
    self->leader = 0;
    self->role = FSP_RAFT_FOLLOWER;
    fsp_raft_message_t message = {.type = FSP_RAFT_PREVOTE, .term = self->hard.term + 1};
    ask_voters(self, message, effects);
    fsp_raft_wait_for_leader(self);
}

void
fsp_raft_tick_follower(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->now < self->election_at)
        return;
    /* A ballot whose own vote is not on disk has not begun: raising the term once more would only
       queue another write, and on a disk slower than patience it would never begin. */
    bool writing = self->ballot == FSP_RAFT_BALLOT && !self->vote_asked;
    bool may = fsp_raft_may_lead(self) && !self->installing && !self->stopped && !writing;
    if (!may) {
        fsp_raft_wait_for_leader(self);
        return;
    }
    if (self->leader != 0 || self->role == FSP_RAFT_CANDIDATE)
        fsp_raft_drop_reads(self, effects);
    start_pre_ballot(self, effects);
}

void
fsp_raft_on_prevote(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    bool grant = m->term > self->hard.term && would_follow(self, m) &&
                 (!fsp_raft_sticky(self) || FSP_MUTANT(no_stickiness));
    if (m->term > self->hard.term && !grant && fsp_raft_sticky(self))
        return; /* it will hear from the leader */
    /* A refusal carries the own term, a grant that of the request: answering with the own one, a
       grant of a node that lags would be thrown away as old (facts: bug 32). */
    uint64_t term = grant && !FSP_MUTANT(prevote_own_term) ? m->term : self->hard.term;
    if (term == 0)
        return; /* no message is of term 0 */
    fsp_raft_reply(self, FSP_RAFT_GATE_HARD,
                   (fsp_raft_message_t){
                       .type = FSP_RAFT_PREVOTED, .to = m->from, .term = term, .refused = !grant});
}

void
fsp_raft_on_prevoted(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    FSP_PRE(!m->refused);
    (void)effects;
    if (self->ballot != FSP_RAFT_PRE_BALLOT || m->term != self->hard.term + 1)
        return;
    count_vote(self, m->from);
    if (elected(self))
        campaign(self, false);
}

void
fsp_raft_on_vote(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    FSP_PRE(m->term == self->hard.term);
    bool free = self->hard.vote == m->from || (self->hard.vote == 0 && self->leader == 0) ||
                FSP_MUTANT(votes_twice);
    bool learner = !fsp_raft_conf_votes(fsp_raft_conf_now(self), self->self.replica);
    /* A learner answers too: it may be a voter and not know it yet. */
    bool grant = free && self->role != FSP_RAFT_LEADER && would_follow(self, m) &&
                 !(FSP_MUTANT(learner_refuses_vote) && learner);
    if (grant) {
        self->hard.vote = m->from;
        fsp_raft_wait_for_leader(self);
    }
    fsp_raft_reply(self, FSP_RAFT_GATE_HARD,
                   (fsp_raft_message_t){.type = FSP_RAFT_VOTED, .to = m->from, .refused = !grant});
}

void
fsp_raft_on_voted(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    if (self->ballot != FSP_RAFT_BALLOT || !self->vote_asked || m->refused)
        return;
    count_vote(self, m->from);
    if (elected(self))
        lead(self, effects);
}

/* -- hints ------------------------------------------------------------------------------------- */

void
fsp_raft_on_unreachable(fsp_raft_t *self, uint64_t replica)
{
    fsp_raft_peer_t *peer = fsp_raft_peer(self, replica);
    if (peer && peer->flow == FSP_RAFT_REPLICATE) {
        peer->flow = FSP_RAFT_PROBE;
        peer->next = peer->match + 1;
        peer->window_count = 0;
        peer->window_bytes = 0;
        peer->probed = false;
    }
    if (self->role != FSP_RAFT_FOLLOWER || self->leader != replica)
        return;
    /* The connection to the leader broke: it does not count as heard, and patience ends soon, a
       little differently for each (3.1).  Pre-vote makes a wrong hint harmless. */
    self->heard_at = 0;
    fsp_time_t soon = self->now + fsp_prng_below(&self->prng, self->limits.election_us / 16 + 1);
    if (soon < self->election_at)
        self->election_at = soon;
}

/* -- leading ----------------------------------------------------------------------------------- */

bool
fsp_raft_quorum_active(const fsp_raft_t *self, const fsp_raft_conf_t *conf)
{
    bool yes[FSP_RAFT_SEATS_MAX] = {false};
    for (size_t i = 0; i < conf->count; i++) {
        uint64_t replica = conf->seats[i].member.replica;
        const fsp_raft_peer_t *peer = fsp_raft_peer(self, replica);
        yes[i] = replica == self->self.replica ||
                 (peer && peer->active_at != 0 &&
                  self->now - peer->active_at <= self->limits.election_us);
    }
    return fsp_raft_conf_majority(conf, yes);
}

uint64_t
fsp_raft_best_peer(const fsp_raft_t *self)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    const fsp_raft_peer_t *best = NULL;
    for (size_t i = 0; i < self->peer_count; i++) {
        const fsp_raft_peer_t *peer = &self->peers[i];
        const fsp_raft_seat_t *seat = fsp_raft_conf_seat(conf, peer->replica);
        if (!seat || !(seat->flags & FSP_RAFT_VOTER) || peer->active_at == 0 ||
            self->now - peer->active_at > self->limits.election_us)
            continue;
        if (!best || peer->match > best->match)
            best = peer;
    }
    return best ? best->replica : 0;
}

/* The own disk holds everybody up: somebody else may lead (3.1).  Stepping down alone would not do,
   for with the longest log this node would be elected again. */
static void
check_own_disk(fsp_raft_t *self)
{
    fsp_time_t oldest = fsp_raft_oldest_write(self);
    if (oldest == FSP_TIME_NEVER || self->now - oldest < self->limits.election_us ||
        self->transfer_to != 0)
        return;
    uint64_t best = fsp_raft_best_peer(self);
    if (best != 0)
        fsp_raft_start_transfer(self, best);
}

void
fsp_raft_tick_leader(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->now >= self->quorum_at) {
        self->quorum_at = self->now + self->limits.election_us;
        if (!fsp_raft_quorum_active(self, fsp_raft_conf_now(self)) &&
            !FSP_MUTANT(no_check_quorum)) {
            fsp_raft_follow(self, self->hard.term, 0, effects);
            return;
        }
    }
    if (self->transfer_to != 0 && self->now >= self->transfer_until)
        self->transfer_to = 0; /* it did not come to it; go on leading */
    check_own_disk(self);
    if (self->now >= self->heartbeat_at)
        fsp_raft_send_heartbeats(self, effects);
}

/* -- transfer (3.10) --------------------------------------------------------------------------- */

void
fsp_raft_start_transfer(fsp_raft_t *self, uint64_t replica)
{
    const fsp_raft_seat_t *seat = fsp_raft_conf_seat(fsp_raft_conf_now(self), replica);
    if (self->role != FSP_RAFT_LEADER || replica == self->self.replica || !seat ||
        !(seat->flags & FSP_RAFT_VOTER) || !fsp_raft_peer(self, replica))
        return;
    self->transfer_to = replica;
    self->transfer_until = self->now + self->limits.election_us;
    self->transfer_sent = false;
}

void
fsp_raft_drive_transfer(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->role != FSP_RAFT_LEADER || self->transfer_to == 0 || self->transfer_sent)
        return;
    const fsp_raft_peer_t *peer = fsp_raft_peer(self, self->transfer_to);
    if (!peer) {
        self->transfer_to = 0;
        return;
    }
    if (peer->match < self->log.last && !FSP_MUTANT(transfer_to_lagging))
        return;
    self->transfer_sent = true;
    (void)fsp_raft_send(
        self, (fsp_raft_message_t){.type = FSP_RAFT_TIMEOUT_NOW, .to = self->transfer_to}, effects);
}

void
fsp_raft_on_timeout_now(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    (void)m;
    const fsp_raft_seat_t *seat = fsp_raft_conf_seat(fsp_raft_conf_now(self), self->self.replica);
    if (!seat || !(seat->flags & FSP_RAFT_VOTER) || self->installing)
        return;
    fsp_raft_drop_reads(self, effects);
    campaign(self, true);
}
