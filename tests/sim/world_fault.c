/* SPDX-License-Identifier: MIT */
/* world_fault - what goes wrong, when, and how it ends.  Layer tests.
 *
 * The atlas of faults never destroys the last good copy: of each voter set that may still decide
 * anything, at most a minority is lost at any time (world_may_lose).  All else is allowed at once.
 */
#include "core/base/check.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

static uint32_t
any_node(world_t *self)
{
    return (uint32_t)fsp_prng_below(&self->prng, self->config.node_count);
}

static uint32_t
all_nodes(const world_t *self)
{
    return (1u << self->config.node_count) - 1;
}

/* -- the last good copy ------------------------------------------------------------------------ */

/* The replica is lost already, or is the one in question, or is on a node in question. */
static bool
is_gone(world_t *self, const fsp_raft_member_t *member, const replica_t *also, uint32_t nodes)
{
    uint32_t number = world_node_of(self, &member->node_id);
    const replica_t *replica = world_replica_numbered(self, &self->nodes[number], member->replica);
    return !replica || replica == also || replica->state != REPLICA_LIVE || replica->harmed ||
           (nodes & 1u << number);
}

static bool
survives(world_t *self, const fsp_raft_conf_t *conf, const replica_t *also, uint32_t nodes)
{
    bool there[FSP_RAFT_SEATS_MAX];
    for (size_t i = 0; i < conf->count; i++)
        there[i] = !is_gone(self, &conf->seats[i].member, also, nodes);
    return sim_log_majority(conf, there);
}

/* A node whose replica is lost, or will be found to be. */
static bool
is_hurt(world_t *self, const node_t *node)
{
    for (uint32_t i = 0; i < node->replica_count; i++) {
        const replica_t *replica = self->replicas[node->replicas[i]];
        if (replica->state == REPLICA_LOST || (replica->state == REPLICA_LIVE && replica->harmed))
            return true;
    }
    return false;
}

/* Whether a layout can be led to: fewer than half of its members are hurt, or have `also`, or are
   among `nodes`. */
static bool
layout_survives(world_t *self, const fsp_raft_target_t *target, const replica_t *also,
                uint32_t nodes)
{
    size_t voters = 0, hurt = 0;
    for (size_t i = 0; i < target->count; i++) {
        const fsp_raft_wanted_t *member = &target->members[i];
        uint32_t number = world_node_of(self, &member->node_id);
        const node_t *node = &self->nodes[number];
        /* A layout may want a store that its node has lost since: nobody will answer for that. */
        bool gone = !fsp_store_id_eq(member->store_id, node->store_id) || is_hurt(self, node) ||
                    (also && also->node == number) || (nodes & 1u << number);
        voters += !member->sync;
        hurt += !member->sync && gone;
    }
    return 2 * hurt < voters || target->count == 0;
}

/* Of all layouts that somebody may still be led by. */
static bool
layouts_survive(world_t *self, const replica_t *also, uint32_t nodes)
{
    for (uint32_t i = 0; i < self->config.node_count; i++)
        if (!layout_survives(self, &self->nodes[i].target, also, nodes))
            return false;
    return layout_survives(self, &self->target, also, nodes) &&
           layout_survives(self, &self->earlier_target, also, nodes);
}

/* Whether each configuration that may still decide has a majority without `also` (may be NULL) and
   without these nodes. */
static bool
may_lose(world_t *self, const replica_t *also, uint32_t nodes)
{
    if (self->config.lie == SIM_LIE_losses_without_bound)
        return true;
    if (self->conf && !survives(self, self->conf, also, nodes))
        return false;
    if (!layouts_survive(self, also, nodes))
        return false;
    for (uint32_t i = 0; i < self->replica_count; i++) {
        const replica_t *replica = self->replicas[i];
        if (replica->state != REPLICA_LIVE)
            continue;
        const sim_log_t *logs[] = {&replica->written, &replica->durable};
        for (size_t j = 0; j < 2; j++) {
            for (size_t k = 0; k < logs[j]->conf_count; k++)
                if (logs[j]->confs[k].index >= self->conf_index &&
                    !survives(self, logs[j]->confs[k].conf, also, nodes))
                    return false;
            if (logs[j]->start >= self->conf_index && logs[j]->base && logs[j]->base->count > 0 &&
                !survives(self, logs[j]->base, also, nodes))
                return false;
        }
    }
    return self->conf != NULL;
}

/* A live replica that may be lost, chosen at random; NULL: none. */
static replica_t *
pick_victim(world_t *self)
{
    node_t *node = &self->nodes[any_node(self)];
    for (uint32_t i = node->replica_count; i-- > 0;) {
        replica_t *replica = self->replicas[node->replicas[i]];
        if (replica->state == REPLICA_LIVE && !replica->harmed && replica->reported > 0 &&
            replica->replica)
            return may_lose(self, replica, 0) ? replica : NULL;
    }
    return NULL;
}

/* What is lost was settled long ago: the file outside the database knows of it. */
static void
settle_watermark(replica_t *replica)
{
    if (replica->reported > replica->watermark)
        replica->watermark = replica->reported;
}

static void
empty_disk(world_t *self, replica_t *replica)
{
    fsp_omap_reset(fsp_memview_map(sim_disk_rows(replica->disk, FSP_FAMILY_LOG)));
    fsp_omap_reset(fsp_memview_map(sim_disk_rows(replica->disk, FSP_FAMILY_STATE)));
    sim_log_load(&replica->durable, &self->entries, sim_disk_rows(replica->disk, FSP_FAMILY_LOG));
    sim_log_load(&replica->written, &self->entries, sim_disk_rows(replica->disk, FSP_FAMILY_LOG));
}

static bool
lose_replica(world_t *self)
{
    replica_t *replica = pick_victim(self);
    if (!replica)
        return false;
    settle_watermark(replica);
    world_node_crash(self, &self->nodes[replica->node]);
    empty_disk(self, replica);
    if (self->config.lie == SIM_LIE_lost_comes_back) {
        replica->watermark = replica->durable_applied = 0;
        return true;
    }
    replica->harmed = true;
    return true;
}

/* The list is gone with it, so it is another store, and the layout has to want that one. */
static bool
lose_store(world_t *self)
{
    uint32_t number = any_node(self);
    node_t *node = &self->nodes[number];
    if (!node->up || !may_lose(self, NULL, 1u << number))
        return false;
    world_node_crash(self, node);
    for (uint32_t i = 0; i < node->replica_count; i++) {
        replica_t *replica = self->replicas[node->replicas[i]];
        if (replica->state == REPLICA_LEFT)
            continue;
        self->outcome.losses += replica->state == REPLICA_LIVE;
        replica->state = REPLICA_LEFT; /* nobody there knows of it any more */
        sim_disk_destroy(&replica->disk);
    }
    fsp_store_id_t old = node->store_id;
    fsp_prng_fill(&self->prng, node->store_id.bytes, sizeof(node->store_id.bytes));
    fsp_raft_target_t target = self->target;
    for (size_t i = 0; i < target.count; i++)
        if (fsp_store_id_eq(target.members[i].store_id, old))
            target.members[i].store_id = node->store_id;
    world_publish_layout(self, target);
    return true;
}

static bool
damage(world_t *self)
{
    replica_t *replica = pick_victim(self);
    if (!replica)
        return false;
    replica->harmed = true;
    settle_watermark(replica);
    sim_disk_damage(replica->disk);
    return true;
}

/* Removes the last rows of a log, of which one at least was acknowledged. */
static bool
shorten_log(world_t *self)
{
    replica_t *replica = pick_victim(self);
    if (!replica || sim_log_last(&replica->durable) == replica->durable.start)
        return false;
    settle_watermark(replica);
    world_node_crash(self, &self->nodes[replica->node]);
    uint64_t last = sim_log_last(&replica->durable);
    if (replica->watermark <= replica->durable.start || last < replica->watermark)
        return true; /* nothing to take that was promised */
    uint64_t from = replica->durable.start + 1 +
                    fsp_prng_below(&self->prng, replica->watermark - replica->durable.start);
    fsp_omap_t *map = fsp_memview_map(sim_disk_rows(replica->disk, FSP_FAMILY_LOG));
    fsp_log_name_t name = fsp_log_name(self->shard, &replica->member);
    for (uint64_t i = from; i <= last; i++) {
        fsp_log_key_t key = fsp_log_entry_key(&name, i);
        fsp_omap_remove(map, fsp_log_key_slice(&key));
    }
    sim_log_load(&replica->durable, &self->entries, sim_disk_rows(replica->disk, FSP_FAMILY_LOG));
    sim_log_load(&replica->written, &self->entries, sim_disk_rows(replica->disk, FSP_FAMILY_LOG));
    replica->harmed = true;
    return true;
}

/* -- processes --------------------------------------------------------------------------------- */

static bool
arm_crash(world_t *self, node_t *node)
{
    if (!node->up || node->crash_in > 0)
        return false;
    node->crash_in = 1 + (uint32_t)fsp_prng_below(&self->prng, 12);
    return true;
}

static bool
arm_all(world_t *self)
{
    for (uint32_t i = 0; i < self->config.node_count; i++)
        (void)arm_crash(self, &self->nodes[i]);
    return true;
}

static bool
stall(world_t *self)
{
    static const uint32_t parts[] = {1000, 10, 1};
    node_t *node = &self->nodes[any_node(self)];
    if (!node->up || node->stalled_until > self->trace.now_us)
        return false;
    fsp_time_t most = 8 * self->config.limits.election_us / parts[fsp_prng_below(&self->prng, 3)];
    fsp_time_t length = 1000 + fsp_prng_below(&self->prng, most);
    node->stalled_until = self->trace.now_us + length;
    node->ticks_first = fsp_prng_chance(&self->prng, 1, 2);
    /* Now and then the clock stands still with it; nobody looks at it meanwhile. */
    node->clock_stands = fsp_prng_chance(&self->prng, 1, 4) && node->mono_base > length;
    if (node->clock_stands)
        node->mono_base -= length;
    return true;
}

static void
end_stall(world_t *self, node_t *node)
{
    if (node->stalled_until <= self->trace.now_us)
        return;
    if (node->clock_stands)
        node->mono_base += node->stalled_until - self->trace.now_us;
    node->stalled_until = self->trace.now_us;
}

/* -- the network ------------------------------------------------------------------------------- */

static void
set_links(world_t *self, const ending_t *ending, bool begin)
{
    for (uint32_t i = 0; i < self->config.node_count; i++)
        for (uint32_t j = 0; j < self->config.node_count; j++) {
            if (!(ending->links[i] & 1u << j))
                continue;
            uint32_t *count = ending->fault == SIM_FAULT_slow_link ? &self->links[i][j].slow
                                                                   : &self->links[i][j].closed;
            *count += begin ? 1u : UINT32_MAX;
        }
}

static void
draw_links(world_t *self, ending_t *ending)
{
    uint32_t all = all_nodes(self);
    uint32_t part = 1 + (uint32_t)fsp_prng_below(&self->prng, all);
    uint32_t one = any_node(self), other = any_node(self);
    uint32_t bridge = ending->fault == SIM_FAULT_bridge ? 1u << one : 0;
    switch (ending->fault) {
    case SIM_FAULT_halves:
    case SIM_FAULT_bridge:
        for (uint32_t i = 0; i < self->config.node_count; i++) {
            uint32_t mine = 1u << i;
            uint32_t far = mine & part ? all & ~part : part;
            ending->links[i] = mine & bridge ? 0 : far & ~bridge;
        }
        return;
    case SIM_FAULT_one_way:
        for (uint32_t i = 0; i < self->config.node_count; i++)
            ending->links[i] = i != one && fsp_prng_chance(&self->prng, 2, 3) ? 1u << one : 0;
        if (fsp_prng_chance(&self->prng, 1, 2)) {
            memset(ending->links, 0, sizeof(ending->links));
            ending->links[one] = part & ~(1u << one);
        }
        return;
    default:
        ending->links[one] = 1u << other;
        ending->links[other] |= 1u << one;
    }
}

static fsp_time_t
lasting(world_t *self)
{
    static const uint32_t parts[] = {20, 2, 1};
    fsp_time_t most = 6 * self->config.limits.election_us / parts[fsp_prng_below(&self->prng, 3)];
    return 1 + fsp_prng_below(&self->prng, most);
}

/* Begins a fault that ends by itself. */
static bool
begin_lasting(world_t *self, sim_fault_t fault)
{
    for (uint32_t i = 0; i < WORLD_ENDINGS_MAX; i++) {
        ending_t *ending = &self->endings[i];
        if (ending->active)
            continue;
        *ending = (ending_t){.active = true, .fault = fault, .node = any_node(self)};
        if (fault == SIM_FAULT_flapping)
            ending->times = 2 * (1 + (uint32_t)fsp_prng_below(&self->prng, 20));
        if (fault == SIM_FAULT_slow_disk) {
            self->slow_disks[ending->node] = true;
        } else {
            draw_links(self, ending);
            set_links(self, ending, true);
            ending->closed = true;
        }
        world_push(self, SIM_EVENT_FAULT_END, 0, lasting(self), i);
        return true;
    }
    return false;
}

void
world_end_fault(world_t *self, uint64_t number)
{
    ending_t *ending = &self->endings[number];
    if (!ending->active)
        return;
    if (ending->times > 0 && !self->calm) {
        ending->times--;
        ending->closed = !ending->closed;
        set_links(self, ending, ending->closed);
        world_push(self, SIM_EVENT_FAULT_END, 0, lasting(self) / 8 + 1, number);
        return;
    }
    sim_trace_note(&self->trace, "fault: %s ends", sim_fault_name(ending->fault));
    if (ending->closed)
        set_links(self, ending, false);
    if (ending->fault == SIM_FAULT_slow_disk)
        self->slow_disks[ending->node] = false;
    ending->active = false;
}

/* -- members ----------------------------------------------------------------------------------- */

/* The layout with this set of nodes. */
static fsp_raft_target_t
target_of(world_t *self, uint32_t nodes)
{
    fsp_raft_target_t target = {0};
    for (uint32_t i = 0; i < self->config.node_count; i++)
        if (nodes & 1u << i)
            target.members[target.count++] = world_wanted(self, i, false);
    return target;
}

static uint32_t
nodes_of(const world_t *self, const fsp_raft_target_t *target)
{
    uint32_t nodes = 0;
    for (size_t i = 0; i < target->count; i++)
        nodes |= 1u << world_node_of(self, &target->members[i].node_id);
    return nodes;
}

static bool
change_members(world_t *self)
{
    uint32_t count = self->config.node_count;
    if (count == 1)
        return false;
    uint32_t nodes = nodes_of(self, &self->target);
    switch (fsp_prng_below(&self->prng, 5)) {
    case 0: /* join, or leave */
        nodes ^= 1u << any_node(self);
        break;
    case 1: /* replace */
        nodes ^= 1u << any_node(self);
        nodes ^= 1u << any_node(self);
        break;
    case 2: /* several */
        nodes = 1 + (uint32_t)fsp_prng_below(&self->prng, all_nodes(self));
        break;
    case 3: /* undo the last one, perhaps half-way */
        nodes = nodes_of(self, &self->earlier_target);
        break;
    default:
        nodes = all_nodes(self);
    }
    while (__builtin_popcount(nodes) > 5)
        nodes &= ~(1u << any_node(self));
    if (nodes == 0)
        return false;
    fsp_raft_target_t target = target_of(self, nodes);
    /* Two nodes: one voter and a second copy is a layout too. */
    if (count == 2 && target.count == 2 && fsp_prng_chance(&self->prng, 2, 3))
        target.members[fsp_prng_below(&self->prng, 2)].sync = true;
    if (!layout_survives(self, &target, NULL, 0))
        return false;
    world_publish_layout(self, target);
    return true;
}

static bool
ask_transfer(world_t *self)
{
    replica_t *leader = world_leader(self);
    replica_t *heir = world_serving_replica(self, &self->nodes[any_node(self)]);
    if (!leader || !heir || heir == leader || world_stands(self, &self->nodes[leader->node]))
        return false;
    world_replica_step(
        self, leader,
        (fsp_replica_event_t){.type = FSP_REPLICA_TRANSFER, .replica = heir->member.replica}, NULL);
    return true;
}

/* -- one after the other ----------------------------------------------------------------------- */

static bool
cause(world_t *self, sim_fault_t fault)
{
    uint32_t number = any_node(self);
    node_t *node = &self->nodes[number];
    switch (fault) {
    case SIM_FAULT_crash:
        return arm_crash(self, node);
    case SIM_FAULT_crash_loop:
        node->loop = 1 + (uint32_t)fsp_prng_below(&self->prng, 6);
        return arm_crash(self, node);
    case SIM_FAULT_all_down:
        return arm_all(self);
    case SIM_FAULT_clean_stop:
        if (!node->up || node->stopping)
            return false;
        world_node_stop(self, node);
        return true;
    case SIM_FAULT_stall:
        return stall(self);
    case SIM_FAULT_clock_jump:
        node->clock_offset_us = (int64_t)fsp_prng_below(&self->prng, 20000000000u) - 10000000000;
        return true;
    case SIM_FAULT_halves:
    case SIM_FAULT_bridge:
    case SIM_FAULT_one_way:
    case SIM_FAULT_flapping:
    case SIM_FAULT_slow_link:
    case SIM_FAULT_slow_disk:
        return begin_lasting(self, fault);
    case SIM_FAULT_hint:
        world_push(self, SIM_EVENT_HINT, number, 0, any_node(self));
        return true;
    case SIM_FAULT_transfer:
        return ask_transfer(self);
    case SIM_FAULT_membership:
        return change_members(self);
    case SIM_FAULT_lose_replica:
        return lose_replica(self);
    case SIM_FAULT_lose_store:
        return lose_store(self);
    case SIM_FAULT_damage:
        return damage(self);
    case SIM_FAULT_old_log:
        return shorten_log(self);
    case SIM_FAULT_read_error: {
        replica_t *replica = world_serving_replica(self, node);
        if (replica)
            sim_disk_fail_read(replica->disk, 1 + fsp_prng_below(&self->prng, 20));
        return replica != NULL;
    }
    case SIM_FAULT_COUNT:
        break;
    }
    FSP_UNREACHABLE();
}

void
world_next_fault(world_t *self)
{
    if (self->calm)
        return;
    world_push(self, SIM_EVENT_FAULT, 0,
               1 + fsp_prng_below(&self->prng, 2 * self->config.fault_every_us), 0);
    uint32_t sum = 0;
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++)
        sum += self->config.faults[i];
    if (sum == 0)
        return;
    uint32_t dice = (uint32_t)fsp_prng_below(&self->prng, sum);
    unsigned fault = 0;
    while (dice >= self->config.faults[fault])
        dice -= self->config.faults[fault++];
    sim_trace_note(&self->trace, "fault: %s", sim_fault_name((sim_fault_t)fault));
    self->outcome.faults += cause(self, (sim_fault_t)fault);
}

/* -- the end of it ----------------------------------------------------------------------------- */

/* Nodes that may stay away for ever: everybody who decides has a majority without them, and the
   layout does not want them any more. */
static uint32_t
stay_away(world_t *self)
{
    if (self->config.heal_all)
        return 0;
    uint32_t away = (uint32_t)fsp_prng_below(&self->prng, all_nodes(self) + 1);
    while (away != 0 && (away == all_nodes(self) || !may_lose(self, NULL, away) ||
                         (nodes_of(self, &self->target) & ~away) == 0))
        away &= away - 1;
    return away;
}

void
world_heal(world_t *self)
{
    for (uint32_t i = 0; i < WORLD_ENDINGS_MAX; i++)
        world_end_fault(self, i);
    for (uint32_t i = 0; i < self->replica_count; i++)
        if (self->replicas[i]->disk)
            sim_disk_fail_read(self->replicas[i]->disk, 0); /* one that has not come yet */
    uint32_t away = self->config.lie == SIM_LIE_losses_without_bound ? 0 : stay_away(self);
    for (uint32_t i = 0; i < self->config.node_count; i++) {
        node_t *node = &self->nodes[i];
        node->crash_in = node->loop = 0;
        if (away & 1u << i) {
            sim_trace_note(&self->trace, "node %u stays away", i);
            if (node->up)
                world_node_crash(self, node);
            node->stays_down = true;
            continue;
        }
        end_stall(self, node);
        if (!node->up)
            world_push(self, SIM_EVENT_START, i, 1, 0);
    }
    uint32_t wanted = nodes_of(self, &self->target);
    if (wanted & away)
        world_publish_layout(self, target_of(self, wanted & ~away));
}
