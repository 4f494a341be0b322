/* SPDX-License-Identifier: MIT */
/* raft - the step function: events, terms, roles.  Layer core/raft.  Pure.
 *
 * One event changes little; then fsp_raft_settle looks at the whole and does what has become
 * possible: commit, hand out, configure, read, send, drop.  It is level-triggered, so no event has
 * to know what may have waited for it.
 *
 *              patience ends            a majority would vote           a majority voted
 *   FOLLOWER ----------------> pre-ballot --------------> CANDIDATE ----------------> LEADER
 *      ^  ^                        |           term + 1       |        no-op of the term   |
 *      |  +---- heard of a leader -+--------------------------+                            |
 *      +------------- a higher term, or no majority answers for an election timeout -------+
 *
 * A single voter skips the pre-ballot and is its own majority when its vote is WRITTEN.
 */
#include "core/raft/raft.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

#include <inttypes.h>

fsp_raft_limits_t
fsp_raft_limits_default(void)
{
    return (fsp_raft_limits_t){
        .election_us = 1000 * 1000,
        .heartbeat_us = 150 * 1000,
        .stall_us = 30 * 1000 * 1000,
        .retry_us = 60 * 1000 * 1000,
        .keep_entries = 1000,
        .drop_entries_min = 2000,
        .drop_alone_min = 500,
        .keep_bytes_max = 64 * 1024 * 1024,
        .lag_max = 1000,
        .message_bytes_max = 256 * 1024,
        .message_entries_max = 256,
        .window_bytes_max = 4 * 1024 * 1024,
        .window_messages_max = 32,
        .waiting_entries_max = 8192,
        .waiting_bytes_max = 32 * 1024 * 1024,
        .reads_max = 4096,
        .digest_every = 1000,
    };
}

/* -- lifecycle --------------------------------------------------------------------------------- */

/* Runs cover log_start + 1 .. last_index, and their terms rise. */
static bool
runs_fit(const fsp_raft_restore_t *restore)
{
    uint64_t index = restore->log_start;
    uint64_t term = restore->log_start_term;
    for (size_t i = 0; i < restore->run_count; i++) {
        const fsp_raft_run_t *run = &restore->runs[i];
        if (run->first != index + 1 || run->last < run->first || run->term < term ||
            (i > 0 && run->term == term))
            return false;
        index = run->last;
        term = run->term;
    }
    return index == restore->last_index && term == restore->last_term;
}

/* What the disk holds is input: it is judged with statuses, not assertions.
 *
 * Everything that was ever reported WRITTEN must be there: last_index >= watermark.  What lies
 * beyond the watermark may be missing (a torn tail) or be there (written, not yet reported, or the
 * watermark lags), and is then kept and committed by the no-op of the next term.  After a clean
 * stop one expects last_index == watermark, and yet a longer log is accepted: nothing is missing
 * from it, and it is honest.  The simulator found how: crash with entries beyond the watermark,
 * start, clean stop before the first WRITTEN.  So `clean` asks nothing here that the watermark does
 * not; it forbids the shell to take anything for a torn tail. */
static fsp_status_t
check_restore(const fsp_raft_restore_t *restore, fsp_error_t *error)
{
    const fsp_raft_restore_t *r = restore;
    if (r->last_index < r->watermark)
        return fsp_error_set(error, FSP_DAMAGED,
                             "log ends at %" PRIu64 " but %" PRIu64 " was acknowledged%s",
                             r->last_index, r->watermark, r->clean ? " before a clean stop" : "");
    if (r->log_start > r->last_index)
        return fsp_error_set(error, FSP_DAMAGED,
                             "log ends at %" PRIu64 ", before its start at %" PRIu64, r->last_index,
                             r->log_start);
    if (r->applied_index > r->last_index)
        return fsp_error_set(error, FSP_DAMAGED,
                             "state is at %" PRIu64 " but the log ends at %" PRIu64,
                             r->applied_index, r->last_index);
    if (r->applied_index < r->log_start)
        return fsp_error_set(error, FSP_DAMAGED,
                             "state is at %" PRIu64 " but the log starts after %" PRIu64,
                             r->applied_index, r->log_start);
    bool terms_fit = r->last_term >= r->log_start_term && r->hard.term >= r->last_term &&
                     (r->last_index == 0) == (r->last_term == 0) &&
                     (r->log_start == 0) == (r->log_start_term == 0) &&
                     (r->log_start < r->last_index || r->log_start_term == r->last_term);
    if (!terms_fit)
        return fsp_error_set(error, FSP_DAMAGED,
                             "terms do not fit: log from %" PRIu64 " to %" PRIu64
                             ", hard state %" PRIu64,
                             r->log_start_term, r->last_term, r->hard.term);
    if (r->hard.term == 0 && r->hard.vote != 0)
        return fsp_error_set(error, FSP_DAMAGED, "a vote without a term");
    if (!runs_fit(r))
        return fsp_error_set(error, FSP_DAMAGED, "terms of the log have gaps or fall");
    return FSP_OK;
}

static void
check_config(const fsp_raft_config_t *config)
{
    const fsp_raft_limits_t *limits = &config->limits;
    FSP_PRE(config->self.replica > 0);
    FSP_PRE(limits->election_us >= 2 * limits->heartbeat_us);
    FSP_PRE(limits->heartbeat_us > 0);
    FSP_PRE(limits->message_entries_max > 0);
    FSP_PRE(limits->message_entries_max <= FSP_RAFT_MESSAGE_ENTRIES_MAX);
    FSP_PRE(limits->window_messages_max > 0);
    FSP_PRE(limits->window_messages_max <= FSP_RAFT_WINDOW_MESSAGES_MAX);
    FSP_PRE(limits->digest_every > 0);
    FSP_PRE(limits->drop_entries_min > 0 && limits->drop_alone_min > 0);
}

fsp_status_t
fsp_raft_new(const fsp_raft_config_t *config, const fsp_raft_restore_t *restore,
             fsp_raft_t **ret_self, fsp_error_t *error)
{
    FSP_PRE(config);
    FSP_PRE(restore && restore->base);
    FSP_PRE(ret_self);
    check_config(config);
    fsp_status_t status = check_restore(restore, error);
    if (status)
        return status;
    fsp_raft_t *self = FSP_NEW(fsp_raft_t);
    self->shard = config->shard;
    self->self = config->self;
    self->limits = config->limits;
    fsp_prng_init(&self->prng, config->seed);
    self->role = FSP_RAFT_FOLLOWER;
    self->hard = restore->hard;
    if (FSP_MUTANT(vote_forgotten_at_restart))
        self->hard.vote = 0;
    self->emitted_hard = self->hard;
    self->durable_hard = self->hard;
    self->told_term = self->hard.term;
    fsp_raft_log_init(&self->log, restore, config->cache_bytes_max);
    fsp_raft_conf_push(self, restore->log_start, restore->base);
    for (size_t i = 0; i < restore->conf_count; i++)
        fsp_raft_conf_push(self, restore->confs[i].index, &restore->confs[i].conf);
    /* What was applied was committed. */
    self->known_commit = restore->applied_index;
    self->commit = restore->applied_index;
    self->handed = restore->applied_index;
    self->durable_applied = restore->applied_index;
    self->peers = fsp_alloc_array(FSP_RAFT_PEERS_MAX, sizeof(*self->peers));
    self->next_token = 1;
    /* A delayed answer to an earlier life must not answer this one (facts: bug 12): numbers go on
       from somewhere else in each life.  Upwards from there, they do not wrap. */
    self->next_ask = (fsp_prng_next(&self->prng) >> 1) + 1;
    *ret_self = self;
    return FSP_OK;
}

void
fsp_raft_destroy(fsp_raft_t **self_p)
{
    FSP_PRE(self_p);
    fsp_raft_t *self = *self_p;
    if (!self)
        return;
    fsp_raft_log_clear(&self->log);
    fsp_free(self->confs);
    fsp_free(self->peers);
    fsp_free(self->pending);
    fsp_free(self->held);
    fsp_free(self->reads);
    fsp_free(self->asks);
    fsp_free(self);
    *self_p = NULL;
}

/* -- terms and roles --------------------------------------------------------------------------- */

/* What only a leader has. */
static void
abdicate(fsp_raft_t *self)
{
    self->peer_count = 0;
    self->transfer_to = 0;
    self->copied = 0;
    self->has_target = false; /* whoever leads is told anew */
    self->lost_count = 0;
    if (self->fetch == FSP_RAFT_FETCH_SEND)
        self->fetch_replica = 0; /* its answer serves nobody */
}

void
fsp_raft_follow(fsp_raft_t *self, uint64_t term, uint64_t leader, fsp_raft_effects_t *effects)
{
    FSP_PRE(term >= self->hard.term);
    bool news = term > self->hard.term;
    if (news) {
        /* Term and vote in one record (facts: bug 5); a vote belongs to its term. */
        uint64_t vote = FSP_MUTANT(vote_kept_over_term) ? self->hard.vote : 0;
        self->hard = (fsp_hard_state_t){.term = term, .vote = vote};
        self->heard_at = 0;
        self->leader = 0;
    }
    /* R1: one leader in a term. */
    FSP_ASSERT(leader == 0 || self->leader == 0 || self->leader == leader);
    FSP_IMPLIES(self->role == FSP_RAFT_LEADER && !news, leader == 0);
    if (news || self->leader != leader || self->role != FSP_RAFT_FOLLOWER)
        fsp_raft_drop_reads(self, effects);
    if (self->role == FSP_RAFT_LEADER) {
        abdicate(self);
        self->leader = 0;
    }
    if (self->role != FSP_RAFT_FOLLOWER || news || leader != 0)
        self->ballot = FSP_RAFT_NO_BALLOT;
    if (self->role != FSP_RAFT_FOLLOWER)
        fsp_raft_wait_for_leader(self);
    self->role = FSP_RAFT_FOLLOWER;
    if (leader != 0)
        self->leader = leader;
}

uint64_t
fsp_raft_append(fsp_raft_t *self, fsp_entry_kind_t kind, fsp_blob_t *bytes,
                fsp_raft_effects_t *effects)
{
    FSP_PRE(self->role == FSP_RAFT_LEADER);
    fsp_raft_log_append(&self->log, self->hard.term, kind, bytes);
    const fsp_entry_t *entry = fsp_raft_log_cached(&self->log, self->log.last);
    self->waiting_bytes += fsp_raft_entry_cost(entry);
    fsp_raft_pending_t write = {.term = entry->term, .last_index = entry->index, .durable = true};
    fsp_raft_effect_t *effect = fsp_raft_emit_write(self, effects, write);
    fsp_raft_effect_reserve(effect, 1);
    fsp_raft_effect_entry(effect, entry);
    return entry->index;
}

void
fsp_raft_refuse(const fsp_raft_t *self, uint64_t token, fsp_status_t status,
                fsp_raft_effects_t *effects)
{
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_REFUSE);
    effect->token = token;
    effect->status = status;
    effect->leader = self->leader;
}

/* -- messages ---------------------------------------------------------------------------------- */

/* Messages that only the leader of their term sends. */
static bool
from_leader(fsp_raft_message_type_t type)
{
    return type == FSP_RAFT_APPEND || type == FSP_RAFT_HEARTBEAT || type == FSP_RAFT_SNAPSHOT ||
           type == FSP_RAFT_TIMEOUT_NOW || type == FSP_RAFT_DIVERGED;
}

/* Of an older term.  A sender that may be waiting for an answer gets one, so that it learns of the
   term: without it a node that raised its term alone and a leader that it no longer hears would
   stay apart for ever (facts: bug 32). */
static void
answer_old(fsp_raft_t *self, const fsp_raft_message_t *m)
{
    if (m->type == FSP_RAFT_VOTE)
        fsp_raft_reply(
            self, FSP_RAFT_GATE_HARD,
            (fsp_raft_message_t){.type = FSP_RAFT_VOTED, .to = m->from, .refused = true});
    else if (from_leader(m->type))
        fsp_raft_reply(
            self, FSP_RAFT_GATE_HARD,
            (fsp_raft_message_t){.type = FSP_RAFT_APPENDED, .to = m->from, .refused = true});
}

static void
on_leaders_message(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    if (m->type == FSP_RAFT_APPEND && !fsp_raft_append_sound(m))
        return;
    if (FSP_MUTANT(candidate_ignores_leader) && self->role == FSP_RAFT_CANDIDATE)
        return;
    fsp_raft_follow(self, m->term, m->from, effects);
    self->heard_at = self->now;
    fsp_raft_wait_for_leader(self);
    switch (m->type) {
    case FSP_RAFT_APPEND:
        fsp_raft_on_append(self, m, effects);
        return;
    case FSP_RAFT_HEARTBEAT:
        fsp_raft_on_heartbeat(self, m);
        return;
    case FSP_RAFT_SNAPSHOT:
        fsp_raft_on_snapshot(self, m, effects);
        return;
    case FSP_RAFT_TIMEOUT_NOW:
        fsp_raft_on_timeout_now(self, m, effects);
        return;
    default:
        FSP_ASSERT(m->type == FSP_RAFT_DIVERGED);
        fsp_raft_tell_stop(self, m->index, effects);
        return;
    }
}

/* Of the own term. */
static void
on_present(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    if (from_leader(m->type)) {
        on_leaders_message(self, m, effects);
        return;
    }
    switch (m->type) {
    case FSP_RAFT_VOTE:
        fsp_raft_on_vote(self, m);
        return;
    case FSP_RAFT_VOTED:
        fsp_raft_on_voted(self, m, effects);
        return;
    case FSP_RAFT_APPENDED:
        fsp_raft_on_appended(self, m);
        return;
    case FSP_RAFT_HEARTBEATED:
        fsp_raft_on_heartbeated(self, m);
        fsp_raft_compare_digests(self, effects);
        return;
    case FSP_RAFT_READ_ASK:
        fsp_raft_on_read_ask(self, m);
        return;
    case FSP_RAFT_READ_TOLD:
        fsp_raft_on_read_told(self, m, effects);
        return;
    default:
        return; /* PREVOTE and PREVOTED were dealt with; nothing else exists */
    }
}

static void
on_message(fsp_raft_t *self, const fsp_raft_message_t *m, fsp_raft_effects_t *effects)
{
    FSP_PRE(m);
    if (m->to != self->self.replica || m->from == self->self.replica || m->from == 0 ||
        m->term == 0 || self->stopped)
        return;
    if (m->type == FSP_RAFT_PREVOTE) {
        fsp_raft_on_prevote(self, m);
        return;
    }
    if (m->type == FSP_RAFT_PREVOTED && !m->refused) {
        fsp_raft_on_prevoted(self, m, effects); /* its term is one that may never be */
        return;
    }
    if (m->term < self->hard.term) {
        answer_old(self, m);
        return;
    }
    if (m->term > self->hard.term) {
        /* Stickiness: who has a leader takes no part in an election, not even by its term; except
           in one that the leader itself asked for (dissertation 4.2.3). */
        if (m->type == FSP_RAFT_VOTE && !m->force && fsp_raft_sticky(self) &&
            !FSP_MUTANT(no_stickiness))
            return;
        fsp_raft_follow(self, m->term, 0, effects);
    }
    on_present(self, m, effects);
}

/* -- other events ------------------------------------------------------------------------------ */

static void
on_tick(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (!self->started) {
        self->started = true;
        fsp_raft_wait_for_leader(self);
        /* Nobody else could lead: do not wait. */
        const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
        if (fsp_raft_conf_voters(conf, FSP_RAFT_VOTER | FSP_RAFT_OLD) == 1 &&
            fsp_raft_conf_votes(conf, self->self.replica))
            self->election_at = self->now;
    }
    fsp_raft_expire_asks(self, effects);
    if (self->role == FSP_RAFT_LEADER)
        fsp_raft_tick_leader(self, effects);
    else
        fsp_raft_tick_follower(self, effects);
}

static void
on_written(fsp_raft_t *self, uint64_t token, fsp_raft_effects_t *effects)
{
    fsp_raft_pending_t write = fsp_raft_take_pending(self, token);
    if (write.has_hard) {
        FSP_ASSERT(write.hard.term >= self->durable_hard.term);
        self->durable_hard = write.hard;
    }
    if (write.install)
        fsp_raft_finish_install(self, effects);
    else if (write.last_index > 0)
        fsp_raft_log_written(&self->log, write.last_index, write.term);
    fsp_raft_consider_ballot(self, effects);
}

static fsp_status_t
judge_proposal(const fsp_raft_t *self, const fsp_raft_event_t *event)
{
    if (self->role != FSP_RAFT_LEADER)
        return self->leader != 0 ? FSP_NOT_LEADER : FSP_BUSY;
    if (self->transfer_to != 0)
        return FSP_BUSY; /* the target must catch up with something that ends */
    if (self->log.last - self->handed >= self->limits.waiting_entries_max ||
        self->waiting_bytes >= self->limits.waiting_bytes_max)
        return FSP_BUSY;
    if (!event->two_copies)
        return FSP_OK;
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    for (size_t i = 0; i < conf->count; i++) {
        if (!(conf->seats[i].flags & FSP_RAFT_SYNC))
            continue;
        const fsp_raft_peer_t *peer = fsp_raft_peer(self, conf->seats[i].member.replica);
        if (!peer || peer->active_at == 0 ||
            self->now - peer->active_at >= self->limits.election_us)
            return FSP_NEEDS_TWO_COPIES;
    }
    return FSP_OK;
}

static void
on_propose(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    FSP_PRE(event->bytes);
    fsp_status_t status = judge_proposal(self, event);
    if (status) {
        fsp_raft_refuse(self, event->token, status, effects);
        return;
    }
    /* ACCEPTED goes before the WRITE, so that the caller knows the index first. */
    fsp_raft_effect_t *accepted = fsp_raft_effects_add(effects, FSP_RAFT_ACCEPTED);
    accepted->token = event->token;
    accepted->index = self->log.last + 1;
    accepted->term = self->hard.term;
    (void)fsp_raft_append(self, FSP_ENTRY_COMMAND, event->bytes, effects);
}

static void
on_fetched(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    FSP_PRE(self->fetch != FSP_RAFT_FETCH_NONE);
    FSP_PRE(event->entry_count > 0 || self->fetch == FSP_RAFT_FETCH_SEND);
    FSP_PRE(event->entry_count <= self->fetch_to - self->fetch_from + 1);
    for (size_t i = 0; i < event->entry_count; i++)
        FSP_PRE(event->entries[i].index == self->fetch_from + i);
    fsp_raft_fetch_t fetch = self->fetch;
    self->fetch = FSP_RAFT_FETCH_NONE;
    if (fetch == FSP_RAFT_FETCH_SEND) {
        fsp_raft_send_fetched(self, event, effects);
        return;
    }
    if (self->fetch_from != self->handed + 1)
        return; /* a snapshot overtook it */
    fsp_raft_effect_t *effect = fsp_raft_effects_add(effects, FSP_RAFT_ENTRIES);
    fsp_raft_effect_reserve(effect, event->entry_count);
    for (size_t i = 0; i < event->entry_count; i++)
        fsp_raft_effect_entry(effect, &event->entries[i]);
    self->handed += event->entry_count;
    FSP_POST(self->handed <= self->commit);
}

static void
on_event(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    switch (event->type) {
    case FSP_RAFT_TICK:
        on_tick(self, effects);
        return;
    case FSP_RAFT_MESSAGE:
        on_message(self, event->message, effects);
        return;
    case FSP_RAFT_WRITTEN:
        on_written(self, event->token, effects);
        return;
    case FSP_RAFT_PROPOSE:
        on_propose(self, event, effects);
        return;
    case FSP_RAFT_READ:
        fsp_raft_on_read(self, event->token, effects);
        return;
    case FSP_RAFT_CONFIGURE:
        fsp_raft_on_configure(self, event->target);
        return;
    case FSP_RAFT_REPLACE:
        fsp_raft_on_replace(self, event->replica);
        return;
    case FSP_RAFT_TRANSFER:
        fsp_raft_start_transfer(self, event->replica);
        return;
    case FSP_RAFT_UNREACHABLE:
        fsp_raft_on_unreachable(self, event->replica);
        return;
    case FSP_RAFT_FETCHED:
        on_fetched(self, event, effects);
        return;
    case FSP_RAFT_APPLIED:
        FSP_PRE(event->index >= self->durable_applied);
        FSP_PRE(event->index <= self->handed);
        self->durable_applied = event->index;
        return;
    case FSP_RAFT_DIGEST:
        fsp_raft_on_digest(self, event->index, &event->digest);
        return;
    case FSP_RAFT_INSTALL:
        fsp_raft_on_install(self, event, effects);
        return;
    case FSP_RAFT_PROGRESS:
        fsp_raft_on_progress(self, event->replica);
        return;
    case FSP_RAFT_SENT:
        fsp_raft_on_sent(self, event);
        return;
    }
    FSP_UNREACHABLE();
}

void
fsp_raft_step(fsp_raft_t *self, const fsp_raft_event_t *event, fsp_raft_effects_t *effects)
{
    FSP_PRE(self);
    FSP_PRE(event);
    FSP_PRE(effects);
    FSP_PRE(event->now_us >= self->now);
    uint64_t term = self->hard.term;
    uint64_t commit = self->commit;
    self->now = event->now_us;
    on_event(self, event, effects);
    fsp_raft_settle(self, event->more, effects);
    FSP_POST(self->hard.term >= term);
    FSP_POST(self->commit >= commit || FSP_MUTANT(snapshot_lowers_commit));
}

static fsp_time_t
sooner(fsp_time_t a, fsp_time_t b)
{
    return a < b ? a : b;
}

fsp_time_t
fsp_raft_deadline(const fsp_raft_t *self)
{
    FSP_PRE(self);
    if (!self->started)
        return 0;
    fsp_time_t at = fsp_raft_ask_deadline(self);
    if (self->role == FSP_RAFT_LEADER) {
        if (fsp_raft_conf_now(self)->count > 1 || self->peer_count > 0)
            at = sooner(at, sooner(self->heartbeat_at, self->quorum_at));
        if (self->transfer_to != 0)
            at = sooner(at, self->transfer_until);
        if (self->retry_at > self->now)
            at = sooner(at, self->retry_at); /* a learner stalled: try again */
        return at;
    }
    if (fsp_raft_may_lead(self))
        at = sooner(at, self->election_at);
    return at;
}

/* -- looking at it ----------------------------------------------------------------------------- */
fsp_raft_role_t
fsp_raft_role(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->role;
}

uint64_t
fsp_raft_term(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->hard.term;
}

uint64_t
fsp_raft_last_index(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->log.last;
}

uint64_t
fsp_raft_durable_index(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->log.durable;
}

uint64_t
fsp_raft_commit_index(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->commit;
}

uint64_t
fsp_raft_leader(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->leader;
}

uint64_t
fsp_raft_log_start(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return self->log.start;
}

fsp_status_t
fsp_raft_term_at(const fsp_raft_t *self, uint64_t index, uint64_t *ret_term)
{
    FSP_PRE(self);
    return fsp_raft_log_term(&self->log, index, ret_term);
}

const fsp_raft_conf_t *
fsp_raft_conf(const fsp_raft_t *self)
{
    FSP_PRE(self);
    return fsp_raft_conf_now(self);
}

size_t
fsp_raft_progress(const fsp_raft_t *self, fsp_raft_progress_t *ret, size_t capacity)
{
    FSP_PRE(self);
    for (size_t i = 0; i < self->peer_count && i < capacity; i++) {
        const fsp_raft_peer_t *peer = &self->peers[i];
        ret[i] = (fsp_raft_progress_t){
            .replica = peer->replica,
            .match = peer->match,
            .next = peer->next,
            .active =
                peer->active_at != 0 && self->now - peer->active_at < self->limits.election_us,
            .snapshot = peer->flow == FSP_RAFT_CATCH_UP,
        };
    }
    return self->peer_count;
}
