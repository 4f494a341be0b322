/* SPDX-License-Identifier: MIT */
/* world_trial - one thing goes wrong in a world at rest, and what must follow does.  Layer tests.
 *
 * In a storm nobody can say who should lead.  Here one can, so here availability is judged, and not
 * only that everything comes to rest in the end:
 *
 *   deaf follower   does not hear its leader: nothing changes, for the others do (stickiness)
 *   away            a follower is cut off and comes back: nothing changes (pre-vote)
 *   deaf leader     hears nobody, and is heard: another one leads (check-quorum)
 *   lockstep        a leader ends, messages all take the same time: another one leads (patience)
 *   behind          the log is dropped beyond a follower that is down: it comes back (snapshot)
 *   divergent       a replica tells other digests than those of its results: it is stopped (R4)
 */
#include "core/base/check.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

enum {
    QUIET_TIMEOUTS = 6,   /* in which nothing may change */
    LEADER_TIMEOUTS = 60, /* until another one leads */
    WRITES = 6,           /* of each client */
};

/* Each client goes on, with so many operations. */
static void
go_on(world_t *self, uint32_t operations)
{
    for (uint32_t i = 0; i < self->config.client_count; i++) {
        sim_client_t *client = &self->clients[i];
        client->left = operations;
        client->wake_us = self->trace.now_us + 1;
        world_plan_client(self, client);
    }
}

static fsp_time_t
timeouts(const world_t *self, uint32_t count)
{
    return count * self->config.limits.election_us;
}

static const fsp_raft_conf_t *
conf_of(const replica_t *leader)
{
    return fsp_raft_conf(fsp_replica_raft(leader->replica));
}

static replica_t *
replica_at(world_t *self, const fsp_raft_seat_t *seat)
{
    const node_t *node = &self->nodes[world_node_of(self, &seat->member.node_id)];
    return world_replica_numbered(self, node, seat->member.replica);
}

/* A member that does not lead, of these flags if any; NULL: there is none. */
static replica_t *
pick_follower(world_t *self, const replica_t *leader, uint32_t flags)
{
    const fsp_raft_conf_t *conf = conf_of(leader);
    size_t first = (size_t)fsp_prng_below(&self->prng, conf->count);
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_seat_t *seat = &conf->seats[(first + i) % conf->count];
        replica_t *replica = replica_at(self, seat);
        if (replica && replica != leader && replica->replica &&
            (flags == 0 || (seat->flags & flags)))
            return replica;
    }
    return NULL;
}

/* Cuts or mends what leads to a node, and what leads away from it. */
static void
cut(world_t *self, uint32_t node, bool in, bool out, bool begin)
{
    for (uint32_t i = 0; i < self->config.node_count; i++) {
        if (i == node)
            continue;
        self->links[i][node].closed += in ? (begin ? 1u : UINT32_MAX) : 0;
        self->links[node][i].closed += out ? (begin ? 1u : UINT32_MAX) : 0;
    }
}

/* -- nothing may change ------------------------------------------------------------------------ */

static void
demand_no_change(world_t *self, const replica_t *leader, uint64_t term, const char *what)
{
    bool leads = leader->replica && leader->led_term == term &&
                 fsp_raft_role(fsp_replica_raft(leader->replica)) == FSP_RAFT_LEADER;
    if (!leads)
        sim_fail(&self->trace, "trial: %s, and node %u leads term %" PRIu64 " no more", what,
                 leader->node, term);
    const fsp_raft_conf_t *conf = conf_of(leader);
    for (size_t i = 0; i < conf->count; i++) {
        const replica_t *replica = replica_at(self, &conf->seats[i]);
        if (replica && replica->replica && fsp_raft_term(fsp_replica_raft(replica->replica)) > term)
            sim_fail(&self->trace, "trial: %s, and node %u has left term %" PRIu64, what,
                     replica->node, term);
    }
}

static void
try_deaf_follower(world_t *self, const replica_t *leader, const replica_t *follower)
{
    link_t *link = &self->links[leader->node][follower->node];
    uint64_t term = leader->led_term;
    link->closed++;
    world_run_for(self, timeouts(self, QUIET_TIMEOUTS));
    link->closed--;
    demand_no_change(self, leader, term, "a follower does not hear its leader");
}

static void
try_away(world_t *self, const replica_t *leader, const replica_t *follower)
{
    uint64_t term = leader->led_term;
    cut(self, follower->node, true, true, true);
    go_on(self, WRITES);
    world_run_for(self, timeouts(self, QUIET_TIMEOUTS));
    cut(self, follower->node, true, true, false);
    world_run_for(self, timeouts(self, QUIET_TIMEOUTS / 2));
    demand_no_change(self, leader, term, "a follower was away");
}

/* -- somebody else leads ----------------------------------------------------------------------- */

static void
demand_another_leader(world_t *self, const replica_t *before, uint64_t term, const char *what)
{
    for (unsigned i = 0; i < 2 * LEADER_TIMEOUTS; i++) {
        world_run_for(self, timeouts(self, 1) / 2);
        const replica_t *leader = world_leader(self);
        if (leader && leader != before && leader->led_term > term)
            return;
    }
    sim_fail(&self->trace, "trial: %s, and nobody else leads after %u election timeouts", what,
             (unsigned)LEADER_TIMEOUTS);
}

static void
try_deaf_leader(world_t *self, const replica_t *leader)
{
    cut(self, leader->node, true, false, true);
    go_on(self, WRITES);
    demand_another_leader(self, leader, leader->led_term, "a leader hears nobody");
    cut(self, leader->node, true, false, false);
}

/* Without hints, whose delays are drawn, all followers lose patience by themselves. */
static void
try_lockstep(world_t *self, const replica_t *leader)
{
    node_t *node = &self->nodes[leader->node];
    uint64_t term = leader->led_term;
    bool hints = self->config.hints;
    self->config.hints = false;
    self->lockstep = true;
    world_run_for(self, timeouts(self, 2));
    demand_no_change(self, leader, term, "messages all take the same time");
    node->stays_down = true;
    world_node_crash(self, node);
    demand_another_leader(self, leader, term, "a leader ends");
    node->stays_down = false;
    world_push(self, SIM_EVENT_START, node->number, 1, 0);
    self->lockstep = false;
    self->config.hints = hints;
}

/* -- a snapshot -------------------------------------------------------------------------------- */

static void
try_behind(world_t *self, const replica_t *leader, const replica_t *follower)
{
    node_t *node = &self->nodes[follower->node];
    node->stays_down = true;
    world_node_crash(self, node);
    go_on(self, 2 * WRITES);
    for (unsigned i = 0; i < 2 * QUIET_TIMEOUTS && leader->replica; i++) {
        if (leader->written.start > sim_log_last(&follower->durable))
            break;
        world_run_for(self, timeouts(self, 1) / 2);
    }
    node->stays_down = false;
    world_push(self, SIM_EVENT_START, node->number, 1, 0);
}

/* -- one of them ------------------------------------------------------------------------------- */

/* No member has rows that cannot be read: it would end in the middle, whenever it reads them. */
static bool
all_sound(world_t *self, const replica_t *leader)
{
    const fsp_raft_conf_t *conf = conf_of(leader);
    for (size_t i = 0; i < conf->count; i++) {
        const replica_t *replica = replica_at(self, &conf->seats[i]);
        if (!replica || replica->harmed)
            return false;
    }
    return true;
}

void
world_trial(world_t *self)
{
    replica_t *leader = world_leader(self);
    FSP_ASSERT(leader); /* it is at rest */
    if (fsp_raft_conf_voters(conf_of(leader), FSP_RAFT_VOTER) < 3 || !all_sound(self, leader))
        return;
    replica_t *voter = pick_follower(self, leader, FSP_RAFT_VOTER);
    FSP_ASSERT(voter);
    sim_trace_note(&self->trace, "-- trial %u, about node %u led by node %u --",
                   (unsigned)self->config.trial, voter->node, leader->node);
    switch (self->config.trial) {
    case SIM_TRIAL_NONE:
    case SIM_TRIAL_DIVERGENT:
        return;
    case SIM_TRIAL_DEAF_FOLLOWER:
        try_deaf_follower(self, leader, voter);
        return;
    case SIM_TRIAL_AWAY:
        try_away(self, leader, voter);
        return;
    case SIM_TRIAL_DEAF_LEADER:
        try_deaf_leader(self, leader);
        return;
    case SIM_TRIAL_LOCKSTEP:
        try_lockstep(self, leader);
        return;
    case SIM_TRIAL_BEHIND:
        try_behind(self, leader, voter);
        return;
    }
    FSP_UNREACHABLE();
}

/* -- results that differ (R4) ------------------------------------------------------------------ */

/* A majority without the replica has told the digest of its window: the leader, which tells none,
   has it too. */
static bool
is_comparable(world_t *self, const replica_t *replica, const replica_t *leader)
{
    const fsp_raft_conf_t *conf = conf_of(leader);
    bool told[FSP_RAFT_SEATS_MAX];
    for (size_t i = 0; i < conf->count; i++) {
        const replica_t *other = replica_at(self, &conf->seats[i]);
        told[i] = other && other != replica &&
                  (other == leader || other->digest_told == replica->digest_told);
    }
    return sim_log_majority(conf, told);
}

void
world_trial_divergent(world_t *self)
{
    enum { WINDOWS = 5, EVERY_MAX = 16, STOP_TIMEOUTS = 20 };
    replica_t *leader = world_leader(self);
    uint64_t every = self->config.limits.digest_every;
    bool wanted = self->config.trial == SIM_TRIAL_DIVERGENT && every <= EVERY_MAX;
    if (!wanted || fsp_raft_conf_voters(conf_of(leader), FSP_RAFT_VOTER) < 3)
        return;
    replica_t *replica = pick_follower(self, leader, 0);
    FSP_ASSERT(replica);
    sim_trace_note(&self->trace, "-- replica %" PRIu64 " computes something else --",
                   replica->member.replica);
    /* From then on all have seen the window from its first entry. */
    uint64_t whole = sim_oracle_committed(self->oracle) + every;
    replica->diverges = true;
    go_on(self, (uint32_t)(WINDOWS * every) / self->config.client_count + 1);
    unsigned left = 2 * STOP_TIMEOUTS;
    while (!replica->stopped && left > 0) {
        world_run_for(self, timeouts(self, 1) / 2);
        left -= world_clients_done(self);
    }
    leader = world_leader(self);
    if (!replica->stopped && replica->digest_told >= whole && leader &&
        is_comparable(self, replica, leader))
        sim_fail(&self->trace,
                 "R4: replica %" PRIu64 " computed something else up to %" PRIu64
                 ", and nobody stops it",
                 replica->member.replica, replica->digest_told);
}
