/* SPDX-License-Identifier: MIT */
/* world_shell - what a node does around its replicas: making, losing, leaving.  Layer tests.
 *
 * Replica identity (docs/consensus.md 3).  A member is (node, number, store).  A node keeps a list
 * of numbers, live or left, for ever; a number that is not in it is made only out of a message
 * whose configuration lists it, for this node and this store, as a learner; the list row first.
 * What was lost sends nothing: its node asks the leader for another number.
 *
 * "A message whose configuration": messages of raft carry none, but a newcomer must hear of its
 * seat before it can answer anything, so the sender's shell sends its configuration along.
 *
 * Each replica has a disk of its own here.  In a real store the rows of two numbers of one node
 * would lie in one database.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/rows.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

/* -- making ------------------------------------------------------------------------------------ */

/* The log and the applied index that are on stable storage: what a restart must find. */
static void
on_durable(void *context, const fsp_batch_t *batch, fsp_family_t family)
{
    replica_t *replica = context;
    if (family == FSP_FAMILY_LOG)
        (void)sim_log_apply(&replica->durable, &replica->world->entries, batch);
    uint32_t generation = replica->durable.generation ? replica->durable.generation
                                                      : replica->world->shard.generation;
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        if (family != FSP_FAMILY_STATE || row.family != family || row.op != FSP_ROW_PUT ||
            row.key.data[8] != FSP_TABLE_SHARD || fsp_load_u32(row.key.data + 4) != generation)
            continue;
        fsp_shard_row_t shard;
        if (fsp_shard_row_decode(row.value, &shard) == FSP_OK &&
            shard.applied_index > replica->durable_applied)
            replica->durable_applied = shard.applied_index;
    }
    if (replica->durable.start > replica->durable_applied)
        replica->durable_applied = replica->durable.start;
}

static replica_t *
make_replica(world_t *self, node_t *node, const fsp_raft_member_t *member)
{
    if (self->replica_count == WORLD_REPLICAS_MAX ||
        node->replica_count == WORLD_NODE_REPLICAS_MAX || member->replica >= WORLD_NUMBERS_MAX)
        sim_fail(&self->trace, "P14: %u replicas were made", self->replica_count);
    replica_t *replica = FSP_NEW(replica_t);
    *replica = (replica_t){
        .world = self,
        .id = self->replica_count,
        .node = node->number,
        .member = *member,
        .tick_at = FSP_TIME_NEVER,
    };
    replica->disk = sim_disk_new(&self->config, fsp_prng_next(&self->prng), on_durable, replica);
    self->replicas[self->replica_count++] = replica;
    node->replicas[node->replica_count++] = replica->id;
    self->outcome.replicas++;
    return replica;
}

void
world_replica_destroy(replica_t **self_p)
{
    replica_t *self = *self_p;
    fsp_replica_destroy(&self->replica);
    sim_disk_destroy(&self->disk);
    sim_log_clear(&self->written);
    sim_log_clear(&self->durable);
    world_promise_clear(self);
    fsp_free(self);
    *self_p = NULL;
}

/* Rows of a new shard, the same at all of its first members. */
static void
bootstrap(world_t *self, replica_t *replica, const fsp_raft_conf_t *first)
{
    fsp_replica_config_t config = {.shard = self->shard, .self = replica->member};
    fsp_batch_t *batch = fsp_batch_new();
    fsp_replica_bootstrap(&config, first, batch);
    (void)sim_log_apply(&replica->written, &self->entries, batch);
    sim_disk_prepare(replica->disk, batch);
    fsp_batch_destroy(&batch);
}

fsp_raft_wanted_t
world_wanted(const world_t *self, uint32_t node, bool sync)
{
    return (fsp_raft_wanted_t){
        .node_id = self->nodes[node].id, .store_id = self->nodes[node].store_id, .sync = sync};
}

uint32_t
world_node_of(const world_t *self, const fsp_node_id_t *id)
{
    uint32_t node = id->bytes[0];
    FSP_ASSERT(node < self->config.node_count);
    FSP_ASSERT(fsp_node_id_eq(*id, self->nodes[node].id));
    return node;
}

void
world_learn_routes(world_t *self, replica_t *replica, const fsp_raft_conf_t *conf)
{
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_member_t *member = &conf->seats[i].member;
        if (member->replica < WORLD_NUMBERS_MAX)
            replica->routes[member->replica] = (uint8_t)(world_node_of(self, &member->node_id) + 1);
    }
}

void
world_first_replicas(world_t *self)
{
    fsp_raft_target_t target = {0};
    for (uint32_t i = 0; i < self->config.voter_count; i++)
        target.members[target.count++] = world_wanted(self, i, false);
    if (self->config.sync_learner)
        target.members[target.count++] = world_wanted(self, 1, true);
    self->target = self->earlier_target = target;
    fsp_raft_conf_t first = fsp_raft_conf_first(&target);
    for (size_t i = 0; i < first.count; i++) {
        node_t *node = &self->nodes[world_node_of(self, &first.seats[i].member.node_id)];
        replica_t *replica = make_replica(self, node, &first.seats[i].member);
        if (self->config.bootstrapped)
            bootstrap(self, replica, &first);
        else
            replica->base = first;
        world_learn_routes(self, replica, &first);
    }
}

/* -- finding ----------------------------------------------------------------------------------- */

replica_t *
world_replica_numbered(world_t *self, const node_t *node, uint64_t number)
{
    for (uint32_t i = node->replica_count; i-- > 0;)
        if (self->replicas[node->replicas[i]]->member.replica == number)
            return self->replicas[node->replicas[i]];
    return NULL;
}

replica_t *
world_serving_replica(world_t *self, node_t *node)
{
    replica_t *found = NULL;
    for (uint32_t i = node->replica_count; i-- > 0;) {
        replica_t *replica = self->replicas[node->replicas[i]];
        if (!replica->replica)
            continue;
        if (fsp_raft_role(fsp_replica_raft(replica->replica)) == FSP_RAFT_LEADER)
            return replica;
        found = found ? found : replica;
    }
    return found;
}

replica_t *
world_leader(world_t *self)
{
    replica_t *leader = NULL;
    for (uint32_t i = 0; i < self->replica_count; i++) {
        replica_t *replica = self->replicas[i];
        if (!replica->replica || !fsp_replica_ready(replica->replica))
            continue;
        if (!leader || fsp_raft_term(fsp_replica_raft(replica->replica)) >
                           fsp_raft_term(fsp_replica_raft(leader->replica)))
            leader = replica;
    }
    return leader;
}

/* -- leaving and losing ------------------------------------------------------------------------ */

/* A committed configuration has this member. */
static bool
is_member(const world_t *self, const replica_t *replica)
{
    const fsp_raft_seat_t *seat =
        self->conf ? fsp_raft_conf_seat(self->conf, replica->member.replica) : NULL;
    return seat && fsp_raft_member_eq(&seat->member, &replica->member);
}

static void
drop_rows(replica_t *replica)
{
    fsp_replica_destroy(&replica->replica);
    sim_disk_destroy(&replica->disk);
    replica->tick_at = FSP_TIME_NEVER;
}

void
world_replica_leave(world_t *self, replica_t *replica)
{
    if (is_member(self, replica))
        sim_fail(&self->trace, "R8: replica %" PRIu64 " leaves and is a member",
                 replica->member.replica);
    sim_trace_note(&self->trace, "node %u deletes the rows of replica %" PRIu64, replica->node,
                   replica->member.replica);
    replica->state = REPLICA_LEFT;
    drop_rows(replica);
}

void
world_replica_lost(world_t *self, replica_t *replica)
{
    sim_trace_note(&self->trace, "node %u has lost replica %" PRIu64, replica->node,
                   replica->member.replica);
    self->outcome.losses++;
    replica->state = REPLICA_LOST;
    drop_rows(replica);
    world_push(self, SIM_EVENT_REPLACE, replica->node, 1, replica->id);
}

void
world_ask_replacement(world_t *self, node_t *node, uint32_t replica_id)
{
    replica_t *lost = self->replicas[replica_id];
    if (!node->up || lost->state != REPLICA_LOST)
        return;
    /* A committed configuration has given the number away, and this replica does not have it. */
    const fsp_raft_seat_t *seat =
        self->conf ? fsp_raft_conf_seat(self->conf, lost->member.replica) : NULL;
    bool gone = self->conf && lost->member.replica < self->conf->next_replica &&
                (!seat || !fsp_raft_member_eq(&seat->member, &lost->member));
    if (gone) {
        lost->state = REPLICA_LEFT;
        return;
    }
    world_push(self, SIM_EVENT_REPLACE, node->number, self->config.limits.election_us / 2,
               replica_id);
    uint32_t other = (uint32_t)fsp_prng_below(&self->prng, self->config.node_count);
    if (self->links[node->number][other].closed > 0 || world_fault(self, self->config.lose_in))
        return;
    node_t *asked_node = &self->nodes[other];
    replica_t *asked = world_serving_replica(self, asked_node);
    if (!asked || world_stands(self, asked_node))
        return;
    sim_trace_note(&self->trace, "node %u asks node %u to replace %" PRIu64, node->number, other,
                   lost->member.replica);
    world_replica_step(
        self, asked,
        (fsp_replica_event_t){.type = FSP_REPLICA_REPLACE, .replica = lost->member.replica}, NULL);
}

/* -- messages ---------------------------------------------------------------------------------- */

/* A number that the list does not have: made if the configuration lists it for this node and this
   store, as a learner.  Numbers of this node that it does not list any more have left, unless it is
   not committed yet: then their vote may still be needed for it. */
static replica_t *
consider_making(world_t *self, node_t *node, uint64_t number, const fsp_raft_conf_t *conf)
{
    const fsp_raft_seat_t *seat = conf ? fsp_raft_conf_seat(conf, number) : NULL;
    if (!seat || !fsp_node_id_eq(seat->member.node_id, node->id) ||
        !fsp_store_id_eq(seat->member.store_id, node->store_id) ||
        (seat->flags & (FSP_RAFT_VOTER | FSP_RAFT_OLD)))
        return NULL;
    for (uint32_t i = 0; i < node->replica_count; i++) {
        replica_t *old = self->replicas[node->replicas[i]];
        const fsp_raft_seat_t *old_seat = fsp_raft_conf_seat(conf, old->member.replica);
        bool listed = old_seat && fsp_raft_member_eq(&old_seat->member, &old->member);
        if (old->state == REPLICA_LIVE && old->member.replica < number && !listed &&
            !is_member(self, old))
            world_replica_leave(self, old);
    }
    sim_trace_note(&self->trace, "node %u makes replica %" PRIu64, node->number, number);
    return make_replica(self, node, &seat->member);
}

void
world_node_receive(world_t *self, node_t *node, uint32_t from, const fsp_raft_conf_t *conf,
                   const fsp_replica_message_t *message)
{
    replica_t *replica = world_replica_numbered(self, node, message->raft.to);
    if (!replica) {
        replica = consider_making(self, node, message->raft.to, conf);
        if (!replica)
            return;
        world_replica_begin(self, replica);
    }
    if (!replica->replica)
        return; /* lost, or left */
    if (message->raft.from < WORLD_NUMBERS_MAX)
        replica->routes[message->raft.from] = (uint8_t)(from + 1);
    self->outcome.messages++;
    uint64_t boot = node->boot;
    if (message->type == FSP_REPLICA_RAFT)
        world_promise_hear(self, replica, &message->raft);
    world_replica_step(self, replica,
                       (fsp_replica_event_t){.type = FSP_REPLICA_MESSAGE, .message = message},
                       NULL);
    if (message->type == FSP_REPLICA_RAFT && replica->replica && node->boot == boot)
        world_promise_heard(self, replica, &message->raft);
}

/* -- the layout -------------------------------------------------------------------------------- */

void
world_hear_layout(world_t *self, node_t *node)
{
    if (!node->up)
        return;
    node->target = self->target;
    replica_t *replica = world_serving_replica(self, node);
    if (!replica || fsp_raft_role(fsp_replica_raft(replica->replica)) != FSP_RAFT_LEADER)
        return;
    fsp_raft_target_t target = node->target;
    world_replica_step(self, replica,
                       (fsp_replica_event_t){.type = FSP_REPLICA_CONFIGURE, .target = &target},
                       NULL);
}

void
world_publish_layout(world_t *self, fsp_raft_target_t target)
{
    self->earlier_target = self->target;
    target.aim = self->target.aim + 1;
    self->target = target;
    for (uint32_t i = 0; i < self->config.node_count; i++)
        world_push(self, SIM_EVENT_LAYOUT, i,
                   1 + fsp_prng_below(&self->prng, self->config.limits.election_us), 0);
    if (!self->trace.print)
        return;
    printf("[layout %" PRIu64 ":", target.aim);
    for (size_t i = 0; i < target.count; i++)
        printf(" %u%s", world_node_of(self, &target.members[i].node_id),
               target.members[i].sync ? " (second copy)" : "");
    printf("]\n");
}
