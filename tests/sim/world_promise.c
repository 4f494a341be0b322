/* SPDX-License-Identifier: MIT */
/* world_promise - what a replica says is compared with what the disks hold when it says so.
 *
 * Layer tests.  Breaking a rule of consensus does harm only when a crash, a race and a partition
 * meet; seeds in which they do are rare.  So the rule itself is checked, where it would be broken
 * first: in the message that leaves, in the row that is written.  All of it in constant time.
 *
 *   V1  a vote that is sent is on the voter's disk; one candidate has it in a term, ever
 *   V2  terms in hard rows never fall; a vote in a term never changes, and was asked for
 *   V3  a refusal has a reason, and so has a grant: the voter's log is not newer
 *   V4  a candidate advertises what its disk holds
 *   V5  who hears its leader takes part in no election, and who hears the leader follows it
 *   V6  a term is new by an own ballot or by a message, not by asking whether one may
 *   V7  who may be needed as leader loses patience, after a time that is drawn anew
 *   V8  a leader that no majority has answered for two election timeouts does not lead
 *   V9  leadership is handed to a log that is whole
 *   L1  an accepted append is on the follower's disk and equal to the leader's log
 *   L2  a log loses entries at its end only to another entry
 *   L3  what a leader knows of a follower never falls; what it has it commit is on its disk
 *   L4  what a replica takes for durable is its log as its disk has it
 *   L5  a log is dropped as far as the state on the disk goes, not further
 *   L6  a snapshot that is installed is ahead of what is committed there
 *   L7  a log names a state only when the disk holds all of it
 *   C6  a configuration comes after a committed one and after a commit of the leader's own
 *       term; the voters of a joint one have the log
 *   C7  an answer knows all that was committed when its question came
 *   C8  an answer that promises a second copy has one
 *   C9  who has taken a snapshot knows the configuration that came with it
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

static bool
has_bit(const uint64_t *bits, uint64_t number)
{
    return number < WORLD_NUMBERS_MAX && (bits[number / 64] >> number % 64) & 1;
}

static void
set_bit(uint64_t *bits, uint64_t number)
{
    if (number < WORLD_NUMBERS_MAX)
        bits[number / 64] |= 1ull << number % 64;
}

static fsp_time_t
mono_of(const world_t *self, const replica_t *replica)
{
    return self->trace.now_us + self->nodes[replica->node].mono_base;
}

static bool
leads_term(const replica_t *replica, uint64_t term)
{
    if (!replica->replica || replica->led_term != term)
        return false;
    const fsp_raft_t *raft = fsp_replica_raft(replica->replica);
    return fsp_raft_role(raft) == FSP_RAFT_LEADER && fsp_raft_term(raft) == term;
}

/* Its disk is what it says: not lost, not harmed by the world. */
static bool
is_sound(const replica_t *replica)
{
    return replica && replica->state == REPLICA_LIVE && !replica->harmed;
}

void
world_promise_clear(replica_t *replica)
{
    fsp_free(replica->promises.votes);
}

void
world_promise_lead(world_t *self, replica_t *replica)
{
    promises_t *own = &replica->promises;
    memset(own->matched, 0, sizeof(own->matched));
    memset(own->told, 0, sizeof(own->told));
    memset(own->joined, 0, sizeof(own->joined));
    memset(own->heard_us, 0, sizeof(own->heard_us));
    own->lead_commit = replica->commit;
    own->conf_us = mono_of(self, replica);
}

/* -- votes ------------------------------------------------------------------------------------- */

static void
begin_term(promises_t *own, uint64_t term)
{
    if (term <= own->asked_term)
        return;
    own->asked_term = term;
    memset(own->asked, 0, sizeof(own->asked));
    memset(own->may_refuse, 0, sizeof(own->may_refuse));
    memset(own->may_grant, 0, sizeof(own->may_grant));
}

/* The log is empty, or newer than the candidate's. */
static bool
log_forbids(const sim_log_t *log, const fsp_raft_message_t *m)
{
    uint64_t last = sim_log_last(log), last_term = sim_log_term(log, last);
    return last == 0 || (last_term != m->index_term ? last_term > m->index_term : last > m->index);
}

/* Whether a VOTE that arrives now may be refused. */
static bool
may_refuse(const replica_t *replica, const fsp_raft_message_t *m)
{
    const fsp_raft_t *raft = fsp_replica_raft(replica->replica);
    const sim_log_t *log = &replica->written;
    if (m->term < fsp_raft_term(raft))
        return true;
    uint64_t vote = log->hard.term == m->term ? log->hard.vote : 0;
    bool present = m->term == fsp_raft_term(raft);
    bool leader_known = present && fsp_raft_leader(raft) != 0;
    bool installing = log->generation != replica->durable.generation;
    return (vote != 0 && vote != m->from) || (vote == 0 && leader_known) || installing ||
           log_forbids(log, m) || (present && fsp_raft_role(raft) == FSP_RAFT_LEADER);
}

static void
hear_vote(replica_t *replica, const fsp_raft_message_t *m)
{
    promises_t *own = &replica->promises;
    uint64_t present = fsp_raft_term(fsp_replica_raft(replica->replica));
    begin_term(own, m->term > present ? m->term : present);
    if (m->term == own->asked_term)
        set_bit(own->asked, m->from);
    /* An answer to an old one speaks of the present term. */
    if (may_refuse(replica, m))
        set_bit(own->may_refuse, m->from);
    if (m->term == own->asked_term && !log_forbids(&replica->written, m))
        set_bit(own->may_grant, m->from);
}

/* Whether it hears its leader, and so wants no other one. */
static bool
hears_leader(const world_t *self, const replica_t *replica)
{
    const fsp_raft_t *raft = fsp_replica_raft(replica->replica);
    if (fsp_raft_role(raft) == FSP_RAFT_LEADER)
        return true;
    fsp_time_t heard = replica->promises.leader_us;
    return fsp_raft_leader(raft) != 0 && heard != 0 &&
           mono_of(self, replica) - heard < self->config.limits.election_us;
}

/* A PREVOTE arrives. */
static void
hear_prevote(const world_t *self, replica_t *replica, const fsp_raft_message_t *m)
{
    if (m->from >= WORLD_NUMBERS_MAX)
        return;
    if (hears_leader(self, replica))
        replica->promises.kept[m->from] = m->term;
    else
        replica->promises.free[m->from] = m->term;
}

static void
check_pregranted(world_t *self, const replica_t *from, const fsp_raft_message_t *m)
{
    const promises_t *own = &from->promises;
    if (m->to < WORLD_NUMBERS_MAX && own->kept[m->to] == m->term && own->free[m->to] != m->term)
        sim_fail(&self->trace,
                 "V5: replica %" PRIu64 " would vote for %" PRIu64 " in term %" PRIu64
                 " although it hears its leader",
                 m->from, m->to, m->term);
}

static void
check_granted(world_t *self, replica_t *from, const fsp_raft_message_t *m)
{
    const fsp_hard_state_t *hard = &from->durable.hard;
    if (hard->term != m->term || hard->vote != m->to)
        sim_fail(&self->trace,
                 "V1: replica %" PRIu64 " votes for %" PRIu64 " in term %" PRIu64
                 ", its disk says %" PRIu64 " in term %" PRIu64,
                 m->from, m->to, m->term, hard->vote, hard->term);
    promises_t *own = &from->promises;
    if (m->term == own->asked_term && has_bit(own->asked, m->to) && !has_bit(own->may_grant, m->to))
        sim_fail(&self->trace,
                 "V3: replica %" PRIu64 " votes for %" PRIu64 " in term %" PRIu64
                 ", whose log is older than its own",
                 m->from, m->to, m->term);
    if (m->term >= own->vote_count) {
        size_t count = own->vote_count ? own->vote_count : 64;
        while (count <= m->term)
            count *= 2;
        own->votes = fsp_realloc(own->votes, count);
        memset(own->votes + own->vote_count, 0, count - own->vote_count);
        own->vote_count = count;
    }
    if (own->votes[m->term] != 0 && own->votes[m->term] != (uint8_t)m->to)
        sim_fail(&self->trace,
                 "V1: replica %" PRIu64 " votes for %" PRIu64 " in term %" PRIu64
                 ", and did for %u before",
                 m->from, m->to, m->term, own->votes[m->term]);
    own->votes[m->term] = (uint8_t)m->to;
}

static void
check_refused(world_t *self, const replica_t *from, const fsp_raft_message_t *m)
{
    const promises_t *own = &from->promises;
    if (m->term == own->asked_term && has_bit(own->asked, m->to) &&
        !has_bit(own->may_refuse, m->to))
        sim_fail(&self->trace,
                 "V3: replica %" PRIu64 " refuses its vote to %" PRIu64 " in term %" PRIu64
                 " for no reason",
                 m->from, m->to, m->term);
}

static void
check_advertised(world_t *self, const replica_t *from, const fsp_raft_message_t *m)
{
    const sim_log_t *log = &from->durable;
    bool there = m->index <= sim_log_last(log) &&
                 (m->index < log->start || sim_log_term(log, m->index) == m->index_term);
    if (!there)
        sim_fail(&self->trace,
                 "V4: replica %" PRIu64 " is a candidate with entry %" PRIu64 " of term %" PRIu64
                 ", which its disk does not have",
                 m->from, m->index, m->index_term);
}

static void
check_hard(world_t *self, const replica_t *replica, const fsp_hard_state_t *before)
{
    const fsp_hard_state_t *now = &replica->written.hard;
    if (now->term == before->term && now->vote == before->vote)
        return;
    const promises_t *own = &replica->promises;
    bool falls = now->term < before->term;
    bool changes = now->term == before->term && before->vote != 0;
    bool asked = now->vote == 0 || now->vote == replica->member.replica ||
                 now->term < own->asked_term ||
                 (now->term == own->asked_term && has_bit(own->asked, now->vote));
    if (falls || changes || !asked)
        sim_fail(&self->trace,
                 "V2: replica %" PRIu64 " writes term %" PRIu64 ", vote %" PRIu64
                 " behind term %" PRIu64 ", vote %" PRIu64 "%s",
                 replica->member.replica, now->term, now->vote, before->term, before->vote,
                 falls || changes ? "" : ", which nobody asked for");
    bool campaigns = now->vote == replica->member.replica;
    if (now->term > before->term && !campaigns && now->term > own->heard_term)
        sim_fail(&self->trace,
                 "V6: replica %" PRIu64 " writes term %" PRIu64
                 ", which nobody has named and in which it does not vote for itself",
                 replica->member.replica, now->term);
}

/* -- logs -------------------------------------------------------------------------------------- */

static void
hear_follower(const world_t *self, replica_t *replica, const fsp_raft_message_t *m)
{
    if (!leads_term(replica, m->term) || m->from >= WORLD_NUMBERS_MAX)
        return;
    replica->promises.heard_us[m->from] = mono_of(self, replica);
    if (m->refused || m->type != FSP_RAFT_APPENDED || m->index > sim_log_last(&replica->written))
        return;
    if (m->index > replica->promises.matched[m->from])
        replica->promises.matched[m->from] = m->index;
}

static void
check_accepted(world_t *self, const replica_t *from, const fsp_raft_message_t *m)
{
    if (m->index <= from->durable.start)
        return; /* the state on its disk has it */
    const sim_entry_t *entry = sim_log_at(&from->durable, m->index);
    if (!entry)
        sim_fail(&self->trace,
                 "L1: replica %" PRIu64 " accepts up to %" PRIu64 ", its disk ends at %" PRIu64,
                 m->from, m->index, sim_log_last(&from->durable));
    uint32_t led = m->term < self->leader_count ? self->leaders[m->term] : 0;
    const replica_t *leader = led ? self->replicas[led - 1] : NULL;
    if (!leader || !leads_term(leader, m->term) || m->index <= leader->written.start)
        return;
    if (sim_log_at(&leader->written, m->index) != entry)
        sim_fail(&self->trace,
                 "L1: replica %" PRIu64 " accepts up to %" PRIu64 " of term %" PRIu64
                 ", where it has what its leader has not",
                 m->from, m->index, m->term);
}

static void
check_handed_over(world_t *self, const replica_t *from, uint32_t to, const fsp_raft_message_t *m)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf(fsp_replica_raft(from->replica));
    if (!leads_term(from, m->term) || !fsp_raft_conf_seat(conf, m->from))
        return; /* it has to go, whoever comes */
    const replica_t *heir = world_replica_numbered(self, &self->nodes[to], m->to);
    uint64_t last = sim_log_last(&from->written);
    if (!is_sound(heir) || heir->written.hard.term > m->term || heir->durable.start >= last)
        return;
    if (sim_log_at(&heir->durable, last) != sim_log_at(&from->written, last))
        sim_fail(&self->trace,
                 "V9: replica %" PRIu64 " shall lead without entry %" PRIu64 " of its leader",
                 m->to, last);
}

/* A HEARTBEAT or APPEND. */
static void
check_led(world_t *self, replica_t *from, uint32_t to, const fsp_raft_message_t *m)
{
    promises_t *own = &from->promises;
    if (m->to >= WORLD_NUMBERS_MAX || !leads_term(from, m->term))
        return;
    if (m->type == FSP_RAFT_APPEND) {
        if (m->index < own->matched[m->to])
            sim_fail(&self->trace,
                     "L3: the leader sends replica %" PRIu64 " what follows %" PRIu64
                     ", it has accepted %" PRIu64,
                     m->to, m->index, own->matched[m->to]);
        return;
    }
    if (m->commit < own->told[m->to])
        sim_fail(&self->trace,
                 "L3: the commit told to replica %" PRIu64 " falls from %" PRIu64 " to %" PRIu64,
                 m->to, own->told[m->to], m->commit);
    own->told[m->to] = m->commit;
    const replica_t *follower = world_replica_numbered(self, &self->nodes[to], m->to);
    if (!is_sound(follower) || m->commit <= follower->durable.start)
        return;
    if (sim_log_at(&follower->durable, m->commit) != sim_oracle_entry(self->oracle, m->commit))
        sim_fail(&self->trace,
                 "L3: replica %" PRIu64 " is told to commit %" PRIu64
                 ", which its disk does not have",
                 m->to, m->commit);
}

/* -- patience ---------------------------------------------------------------------------------- */

/* V8, when a leader has looked at the time. */
static void
check_quorum(world_t *self, const replica_t *leader)
{
    const promises_t *own = &leader->promises;
    fsp_time_t now = mono_of(self, leader), timeout = self->config.limits.election_us;
    /* It looks once a timeout, back to one timeout, and by the members of then. */
    if (now < own->conf_us + timeout || now < 2 * timeout)
        return;
    uint64_t index;
    const fsp_raft_conf_t *conf = sim_log_conf(&leader->written, &index);
    bool there[FSP_RAFT_SEATS_MAX];
    for (size_t i = 0; i < conf->count; i++) {
        uint64_t number = conf->seats[i].member.replica;
        there[i] = number == leader->member.replica ||
                   (own->heard_us[number] != 0 && own->heard_us[number] + 2 * timeout >= now);
    }
    if (!sim_log_majority(conf, there))
        sim_fail(&self->trace,
                 "V8: replica %" PRIu64 " leads term %" PRIu64
                 " although no majority has answered for two election timeouts",
                 leader->member.replica, leader->led_term);
}

/* V7: left out by a configuration that is not committed, it may still be needed. */
static void
check_needed(world_t *self, const replica_t *replica)
{
    const sim_log_t *log = &replica->written;
    uint64_t number = replica->member.replica;
    if (log->conf_count == 0 || log->generation != replica->durable.generation ||
        fsp_raft_conf_votes(log->confs[log->conf_count - 1].conf, number))
        return;
    bool needed = false;
    for (size_t i = log->conf_count; !needed && i-- > 0 && log->confs[i].index > replica->commit;) {
        const fsp_raft_conf_t *before = i > 0 ? log->confs[i - 1].conf : log->base;
        needed = before && fsp_raft_conf_votes(before, number);
    }
    fsp_time_t at = fsp_replica_deadline(replica->replica);
    if (needed && at > mono_of(self, replica) + 2 * self->config.limits.election_us)
        sim_fail(&self->trace,
                 "V7: replica %" PRIu64 " waits for ever, and may be needed as leader until "
                 "configuration %" PRIu64 " is committed",
                 number, log->confs[log->conf_count - 1].index);
}

/* V7: it has just heard its leader. */
static void
check_patience(world_t *self, replica_t *replica)
{
    enum { SAME_MAX = 24 }; /* each of them by a chance of 1 in 100000 */
    promises_t *own = &replica->promises;
    fsp_time_t now = mono_of(self, replica), at = fsp_replica_deadline(replica->replica);
    if (at == FSP_TIME_NEVER || at <= now)
        return; /* it has none, or has not begun */
    if (now == own->patience_at)
        return; /* after a stall; what it waits for may be something else, begun at this moment */
    own->patience_at = now;
    fsp_time_t patience = at - now;
    own->same_patience = patience == own->patience_us ? own->same_patience + 1 : 0;
    own->patience_us = patience;
    if (own->same_patience >= SAME_MAX)
        sim_fail(&self->trace,
                 "V7: replica %" PRIu64 " has the same patience of %" PRIu64 " again and again",
                 replica->member.replica, patience);
}

/* -- steps ------------------------------------------------------------------------------------- */

void
world_promise_step(world_t *self, replica_t *replica, fsp_replica_event_type_t event)
{
    const sim_log_t *written = &replica->written, *disk = &replica->durable;
    const fsp_raft_t *raft = fsp_replica_raft(replica->replica);
    if (event == FSP_REPLICA_TICK && leads_term(replica, fsp_raft_term(raft)))
        check_quorum(self, replica);
    /* From WRITTEN on its log begins where the rows say. */
    if (written->start > 0 && fsp_raft_log_start(raft) == written->start &&
        fsp_raft_conf(raft)->count == 0 && written->base && written->base->count > 0)
        sim_fail(&self->trace,
                 "C9: replica %" PRIu64 " has a snapshot at %" PRIu64 " and no configuration",
                 replica->member.replica, written->start);
    uint64_t durable = fsp_replica_durable_index(replica->replica);
    /* A snapshot that is being switched to has replaced the log as written, not yet as known. */
    if (durable > sim_log_last(written) || durable <= written->start || durable <= disk->start)
        return;
    if (sim_log_at(disk, durable) != sim_log_at(written, durable))
        sim_fail(&self->trace,
                 "L4: replica %" PRIu64 " takes entry %" PRIu64
                 " for durable, its disk does not have it",
                 replica->member.replica, durable);
}

/* -- configurations ---------------------------------------------------------------------------- */

static void
check_joint(world_t *self, const replica_t *leader, const sim_conf_at_t *at)
{
    const promises_t *own = &leader->promises;
    for (size_t i = 0; i < at->conf->count; i++) {
        const fsp_raft_seat_t *seat = &at->conf->seats[i];
        uint64_t number = seat->member.replica;
        if (!(seat->flags & FSP_RAFT_VOTER) || number == leader->member.replica)
            continue;
        const node_t *node = &self->nodes[world_node_of(self, &seat->member.node_id)];
        const replica_t *voter = world_replica_numbered(self, node, number);
        /* It may have been lost since, or cut by a later leader: this one cannot know. */
        if (voter && (!is_sound(voter) || !fsp_raft_member_eq(&voter->member, &seat->member) ||
                      voter->written.hard.term > leader->led_term))
            continue;
        uint64_t has = voter ? sim_log_last(&voter->durable) : 0;
        uint64_t joined = own->joined[number] ? own->joined[number] - 1 : own->lead_commit;
        if (has == 0 || has < joined || has + self->config.limits.lag_max + 1 < at->index)
            sim_fail(&self->trace,
                     "C6: replica %" PRIu64 " gets a vote by entry %" PRIu64
                     ", its disk ends at %" PRIu64,
                     number, at->index, has);
    }
}

static void
check_conf(world_t *self, replica_t *leader, const fsp_raft_conf_t *before, uint64_t before_index,
           const sim_conf_at_t *at)
{
    if (before_index > leader->commit)
        sim_fail(&self->trace,
                 "C6: configuration %" PRIu64 " comes before configuration %" PRIu64
                 " is committed",
                 at->index, before_index);
    if (sim_log_term(&leader->written, leader->commit) != leader->led_term)
        sim_fail(&self->trace,
                 "C6: configuration %" PRIu64 " comes before a commit of term %" PRIu64, at->index,
                 leader->led_term);
    for (size_t i = 0; before && i < at->conf->count; i++) {
        uint64_t number = at->conf->seats[i].member.replica;
        if (number < WORLD_NUMBERS_MAX && !fsp_raft_conf_seat(before, number))
            leader->promises.joined[number] = leader->commit + 1;
    }
    leader->promises.conf_us = mono_of(self, leader);
    if (fsp_raft_conf_joint(at->conf))
        check_joint(self, leader, at);
}

void
world_promise_write(world_t *self, replica_t *replica, const fsp_hard_state_t *before,
                    const sim_log_change_t *change, bool install)
{
    check_hard(self, replica, before);
    const sim_log_t *log = &replica->written;
    if (install && log->start <= replica->commit)
        sim_fail(&self->trace,
                 "L6: replica %" PRIu64 " installs a snapshot at %" PRIu64
                 " and has committed %" PRIu64,
                 replica->member.replica, log->start, replica->commit);
    if (install && sim_disk_lacks(replica->disk, log->generation))
        sim_fail(&self->trace,
                 "L7: replica %" PRIu64 " switches to the snapshot at %" PRIu64
                 ", whose rows are not all kept",
                 replica->member.replica, log->start);
    if (install)
        return;
    if (change->dropped && log->start > replica->durable_applied)
        sim_fail(&self->trace,
                 "L5: replica %" PRIu64 " drops its log up to %" PRIu64
                 ", the state on its disk is at %" PRIu64,
                 replica->member.replica, log->start, replica->durable_applied);
    if (change->cut) {
        uint64_t other = sim_log_term(log, change->cut->index);
        if (sim_log_last(log) < change->cut->index || other == change->cut->term)
            sim_fail(&self->trace,
                     "L2: replica %" PRIu64 " cuts entry %" PRIu64 " of its log for no other one",
                     replica->member.replica, change->cut->index);
    }
    if (!change->first_new ||
        !leads_term(replica, fsp_raft_term(fsp_replica_raft(replica->replica))))
        return;
    for (size_t i = log->conf_count; i-- > 0 && log->confs[i].index >= change->first_new;) {
        bool first = i == 0;
        check_conf(self, replica, first ? log->base : log->confs[i - 1].conf,
                   first ? log->start : log->confs[i - 1].index, &log->confs[i]);
    }
}

/* -- messages and answers ---------------------------------------------------------------------- */

static bool
is_leaders(fsp_raft_message_type_t type)
{
    return type == FSP_RAFT_APPEND || type == FSP_RAFT_HEARTBEAT || type == FSP_RAFT_TIMEOUT_NOW ||
           type == FSP_RAFT_DIVERGED || type == FSP_RAFT_SNAPSHOT;
}

void
world_promise_hear(world_t *self, replica_t *replica, const fsp_raft_message_t *m)
{
    promises_t *own = &replica->promises;
    uint64_t term = fsp_raft_term(fsp_replica_raft(replica->replica));
    bool asks = m->type == FSP_RAFT_PREVOTE || (m->type == FSP_RAFT_PREVOTED && !m->refused);
    if (!asks && m->term > own->heard_term)
        own->heard_term = m->term; /* what is asked about may never be */
    own->sticks =
        m->type == FSP_RAFT_VOTE && !m->force && m->term > term && hears_leader(self, replica);
    if (is_leaders(m->type) && m->term >= term)
        own->leader_us = mono_of(self, replica);
    else if (m->type == FSP_RAFT_PREVOTE)
        hear_prevote(self, replica, m);
    else if (m->type == FSP_RAFT_VOTE)
        hear_vote(replica, m);
    else if (m->type == FSP_RAFT_APPENDED || m->type == FSP_RAFT_HEARTBEATED)
        hear_follower(self, replica, m);
}

void
world_promise_heard(world_t *self, replica_t *replica, const fsp_raft_message_t *m)
{
    const fsp_raft_t *raft = fsp_replica_raft(replica->replica);
    if (replica->promises.sticks && fsp_raft_term(raft) >= m->term)
        sim_fail(&self->trace,
                 "V5: replica %" PRIu64 " goes along with %" PRIu64 " into term %" PRIu64
                 " although it hears its leader",
                 replica->member.replica, m->from, m->term);
    bool led = m->type == FSP_RAFT_APPEND || m->type == FSP_RAFT_HEARTBEAT;
    if (!led || fsp_raft_term(raft) != m->term)
        return;
    if (fsp_raft_leader(raft) != m->from || fsp_raft_role(raft) != FSP_RAFT_FOLLOWER)
        sim_fail(&self->trace,
                 "V5: replica %" PRIu64 " hears %" PRIu64 ", the leader of its term %" PRIu64
                 ", and does not follow it",
                 replica->member.replica, m->from, m->term);
    check_needed(self, replica);
    if (m->type == FSP_RAFT_HEARTBEAT)
        check_patience(self, replica);
}

void
world_promise_send(world_t *self, replica_t *from, uint32_t to, const fsp_raft_message_t *m)
{
    switch (m->type) {
    case FSP_RAFT_PREVOTE:
    case FSP_RAFT_VOTE:
        check_advertised(self, from, m);
        return;
    case FSP_RAFT_PREVOTED:
        if (!m->refused)
            check_pregranted(self, from, m);
        return;
    case FSP_RAFT_TIMEOUT_NOW:
        check_handed_over(self, from, to, m);
        return;
    case FSP_RAFT_VOTED:
        if (m->refused)
            check_refused(self, from, m);
        else
            check_granted(self, from, m);
        return;
    case FSP_RAFT_APPENDED:
        if (!m->refused)
            check_accepted(self, from, m);
        return;
    case FSP_RAFT_APPEND:
    case FSP_RAFT_HEARTBEAT:
        check_led(self, from, to, m);
        return;
    default:
        return;
    }
}

void
world_promise_answer(world_t *self, const replica_t *replica, const request_t *request)
{
    uint64_t applied = fsp_replica_applied_index(replica->replica);
    if (applied < request->floor)
        sim_fail(&self->trace,
                 "C7: a query is answered at %" PRIu64 ", %" PRIu64 " was committed when it came",
                 applied, request->floor);
}

void
world_promise_copied(world_t *self, const replica_t *replica, const sim_entry_t *entry)
{
    uint64_t index;
    const fsp_raft_conf_t *conf = sim_log_conf(&replica->written, &index);
    for (size_t i = 0; i < conf->count && index < entry->index; i++)
        if ((conf->seats[i].flags & FSP_RAFT_SYNC) &&
            !world_has_durably(self, &conf->seats[i], entry))
            sim_fail(&self->trace,
                     "C8: a reply to entry %" PRIu64 ", which replica %" PRIu64 " has no copy of",
                     entry->index, conf->seats[i].member.replica);
}
