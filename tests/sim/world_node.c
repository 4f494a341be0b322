/* SPDX-License-Identifier: MIT */
/* world_node - a process around its replicas, their stores, and the ways in which it ends.
   Layer tests. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

/* Unix time at which every run begins. */
static const fsp_time_t wall_start_us = 1800000000000000u;

/* P14: more writes than this in a queue mean that nobody holds back. */
enum { WRITES_WAITING_MAX = 20000 };

bool
world_stands(const world_t *self, const node_t *node)
{
    return node->up && node->stalled_until > self->trace.now_us;
}

static fsp_time_t
mono_of(const world_t *self, const node_t *node)
{
    return self->trace.now_us + node->mono_base;
}

static fsp_time_t
wall_of(const world_t *self, const node_t *node)
{
    return wall_start_us + self->config.wall_rate * self->trace.now_us +
           (fsp_time_t)node->clock_offset_us;
}

/* The clocks of all that are up; a replica hears them from the others now and then. */
static size_t
get_walls(const world_t *self, fsp_time_t ret[SIM_NODES_MAX])
{
    size_t count = 0;
    for (uint32_t i = 0; i < self->config.node_count; i++)
        if (self->nodes[i].up)
            ret[count++] = wall_of(self, &self->nodes[i]);
    return count > 1 ? count : 0;
}

/* -- ends and beginnings ----------------------------------------------------------------------- */

static void
restart_later(world_t *self, node_t *node)
{
    node->up = false;
    node->stopping = false;
    node->boot++;
    node->stalled_until = 0;
    node->target.count = 0; /* it hears of the layout anew */
    world_push(self, SIM_EVENT_START, node->number,
               1 + fsp_prng_below(&self->prng, self->config.down_us_max), 0);
}

static void
end_replica(replica_t *replica)
{
    fsp_replica_destroy(&replica->replica);
    replica->tick_at = FSP_TIME_NEVER;
    replica->group_due = false;
    replica->keep_due = false;
}

/* Connections to it break, which the others may notice. */
static void
hint_others(world_t *self, const node_t *node)
{
    if (!self->config.hints)
        return;
    for (uint32_t i = 0; i < self->config.node_count; i++)
        if (i != node->number)
            world_push(self, SIM_EVENT_HINT, i, world_network_delay(self), node->number);
}

void
world_node_crash(world_t *self, node_t *node)
{
    FSP_PRE(node->up);
    sim_trace_note(&self->trace, "node %u crashes", node->number);
    self->outcome.crashes++;
    for (uint32_t i = 0; i < node->replica_count; i++) {
        replica_t *replica = self->replicas[node->replicas[i]];
        if (!replica->disk)
            continue;
        end_replica(replica);
        bool watermark_lost = false;
        sim_disk_crash(replica->disk, &watermark_lost);
        if (watermark_lost)
            replica->watermark = 0;
        sim_log_load(&replica->durable, &self->entries,
                     sim_disk_rows(replica->disk, FSP_FAMILY_LOG));
        sim_log_load(&replica->written, &self->entries,
                     sim_disk_rows(replica->disk, FSP_FAMILY_LOG));
    }
    node->stopped_clean = false;
    restart_later(self, node);
    hint_others(self, node);
}

/* Ends it if it wanted to end and nothing is under way any more. */
static void
finish_stopping(world_t *self, node_t *node)
{
    if (!node->stopping)
        return;
    for (uint32_t i = 0; i < node->replica_count; i++) {
        const replica_t *replica = self->replicas[node->replicas[i]];
        if (replica->replica &&
            (fsp_replica_pending_writes(replica->replica) > 0 || !sim_disk_idle(replica->disk)))
            return;
    }
    sim_trace_note(&self->trace, "node %u stops cleanly", node->number);
    self->outcome.clean_stops++;
    for (uint32_t i = 0; i < node->replica_count; i++) {
        replica_t *replica = self->replicas[node->replicas[i]];
        if (!replica->replica)
            continue;
        end_replica(replica);
        sim_disk_sync_all(replica->disk);
        replica->watermark = replica->reported;
    }
    node->stopped_clean = true;
    restart_later(self, node);
    hint_others(self, node);
}

void
world_node_stop(world_t *self, node_t *node)
{
    node->stopping = true;
    finish_stopping(self, node);
}

static void
plan_tick(world_t *self, replica_t *replica)
{
    const node_t *node = &self->nodes[replica->node];
    fsp_time_t deadline = fsp_replica_deadline(replica->replica);
    if (deadline == FSP_TIME_NEVER)
        return;
    fsp_time_t now = mono_of(self, node);
    fsp_time_t delay = deadline > now ? deadline - now : 0;
    if (replica->tick_at <= self->trace.now_us + delay)
        return; /* one comes before, and plans the next */
    replica->tick_at = self->trace.now_us + delay;
    world_push_to_replica(self, SIM_EVENT_TICK, replica, delay, 0, 0);
}

/* True if a replica that does not start has a reason that the world gave it. */
static bool
may_fail(replica_t *replica)
{
    uint64_t errors = sim_disk_read_errors(replica->disk);
    bool failed = errors != replica->read_errors_seen;
    replica->read_errors_seen = errors;
    return failed;
}

static void
check_start(world_t *self, replica_t *replica)
{
    uint64_t last = fsp_replica_durable_index(replica->replica);
    uint64_t applied = fsp_replica_applied_index(replica->replica);
    sim_trace_note(&self->trace,
                   "node %u starts replica %" PRIu64 ": log %" PRIu64 " to %" PRIu64
                   ", applied %" PRIu64,
                   replica->node, replica->member.replica, replica->durable.start, last, applied);
    if (replica->harmed)
        sim_fail(&self->trace, "R8: replica %" PRIu64 " starts although its rows were harmed",
                 replica->member.replica);
    if (applied < replica->durable_applied)
        sim_fail(&self->trace, "R5: applied %" PRIu64 " was durable, a restart finds %" PRIu64,
                 replica->durable_applied, applied);
    if (last != sim_log_last(&replica->durable) || last < replica->watermark)
        sim_fail(&self->trace,
                 "R5: log ends at %" PRIu64 ", watermark is %" PRIu64 ", on disk is %" PRIu64, last,
                 replica->watermark, sim_log_last(&replica->durable));
    replica->durable_applied = applied; /* more may have been kept than was promised */
    replica->applied = applied;
    replica->commit = fsp_raft_commit_index(fsp_replica_raft(replica->replica));
    replica->rows_applied = applied;
    replica->reported = replica->watermark;
    replica->verified = true;
    world_check_rows(self, replica);
}

/* False: its node must end again. */
static bool
start_replica(world_t *self, node_t *node, replica_t *replica)
{
    fsp_replica_config_t config = {
        .shard = self->shard,
        .self = replica->member,
        .base = replica->base,
        .limits = self->config.limits,
        .seed = fsp_prng_next(&self->prng),
        .cache_bytes_max = self->config.cache_bytes_max,
        .places_max = self->config.places_max,
        .watermark = replica->watermark,
        .clean = node->stopped_clean,
    };
    fsp_error_t error = {0};
    fsp_status_t status =
        fsp_replica_new(&config, sim_disk_view(replica->disk, FSP_FAMILY_LOG),
                        sim_disk_view(replica->disk, FSP_FAMILY_STATE), &replica->replica, &error);
    sim_trace_mix(&self->trace, (uint64_t)status);
    if (status == FSP_OK) {
        check_start(self, replica);
        plan_tick(self, replica);
        return true;
    }
    bool reason = may_fail(replica);
    if (replica->harmed && status == FSP_DAMAGED) {
        world_replica_lost(self, replica);
        return true;
    }
    if (!reason)
        sim_fail(&self->trace, "start: replica %" PRIu64 " does not start: %s: %s",
                 replica->member.replica, fsp_status_name(status), error.text);
    return false;
}

void
world_replica_begin(world_t *self, replica_t *replica)
{
    bool started = start_replica(self, &self->nodes[replica->node], replica);
    FSP_ASSERT(started); /* nothing can be wrong with no rows */
}

void
world_node_start(world_t *self, node_t *node)
{
    node->up = true;
    node->mono_base = fsp_prng_below(&self->prng, 1000000000);
    if (node->loop > 0 && !self->calm) {
        node->loop--;
        node->crash_in = 1 + (uint32_t)fsp_prng_below(&self->prng, 12);
    } else {
        node->crash_in = 0;
    }
    for (uint32_t i = 0; i < node->replica_count; i++) {
        replica_t *replica = self->replicas[node->replicas[i]];
        if (replica->state == REPLICA_LIVE && !start_replica(self, node, replica)) {
            world_node_crash(self, node);
            return;
        }
        if (replica->state == REPLICA_LOST)
            world_push(self, SIM_EVENT_REPLACE, node->number, 1, replica->id);
    }
    world_push(self, SIM_EVENT_LAYOUT, node->number, 1, 0);
}

/* -- effects ----------------------------------------------------------------------------------- */

static void
do_write(world_t *self, replica_t *replica, fsp_replica_effect_t *effect, request_t *cause)
{
    sim_trace_note(&self->trace, "  node %u WRITE %" PRIu64 "%s%s%s: %zu rows, log to %" PRIu64,
                   replica->node, effect->token, effect->durable ? "" : " lazy",
                   effect->keeps_state ? " keeps" : "", effect->cuts ? " cuts" : "",
                   fsp_batch_count(effect->batch), effect->durable_index);
    sim_log_change_t change = world_check_write(self, replica, effect);
    sim_trace_mix(&self->trace, sim_log_last(&replica->written) * 31 + replica->rows_applied);
    if (change.command && cause) {
        cause->entry = change.command;
        cause->term = sim_log_term(&replica->written, change.command);
    }
    /* The file outside the database never promises more than the log will have. */
    if (effect->cuts && effect->durable_index < replica->watermark)
        replica->watermark = effect->durable_index;
    if (effect->cuts && effect->durable_index < replica->reported)
        replica->reported = effect->durable_index;
    if (sim_disk_waiting(replica->disk) > WRITES_WAITING_MAX)
        sim_fail(&self->trace, "P14: %d writes wait", (int)WRITES_WAITING_MAX);
    if (self->config.lie == SIM_LIE_reply_before_written)
        world_push_to_replica(self, SIM_EVENT_WRITTEN, replica, 0, effect->token, effect->token);
    sim_disk_submit(replica->disk, (sim_submit_t){.token = effect->token,
                                                  .batch = effect->batch,
                                                  .durable = effect->durable,
                                                  .keeps_state = effect->keeps_state,
                                                  .durable_index = effect->durable_index});
    effect->batch = NULL;
    if (replica->group_due)
        return;
    replica->group_due = true;
    world_push_to_replica(self, SIM_EVENT_GROUP, replica, 1, 0, 0);
}

static void
do_effect(world_t *self, replica_t *replica, fsp_replica_effect_t *effect, request_t *cause)
{
    node_t *node = &self->nodes[replica->node];
    switch (effect->type) {
    case FSP_REPLICA_WRITE:
        do_write(self, replica, effect, cause);
        return;
    case FSP_REPLICA_REPLY:
        world_reply(self, replica, effect);
        return;
    case FSP_REPLICA_SEND:
        world_send(self, replica, &effect->message);
        return;
    case FSP_REPLICA_ROLE:
        sim_trace_note(&self->trace,
                       "  node %u replica %" PRIu64 " is %s of term %" PRIu64 ", leader %" PRIu64,
                       replica->node, replica->member.replica,
                       effect->role == FSP_RAFT_LEADER      ? "LEADER"
                       : effect->role == FSP_RAFT_CANDIDATE ? "candidate"
                                                            : "follower",
                       effect->term, effect->leader);
        if (effect->role == FSP_RAFT_LEADER)
            world_push(self, SIM_EVENT_LAYOUT, node->number, 1, 0);
        return;
    case FSP_REPLICA_CONFIGURED:
        sim_trace_note(&self->trace, "  node %u sees configuration %" PRIu64 ": %zu seats%s",
                       replica->node, effect->index, effect->conf.count,
                       fsp_raft_conf_joint(&effect->conf) ? ", joint" : "");
        return;
    case FSP_REPLICA_REMOVED:
        sim_trace_note(&self->trace, "  node %u replica %" PRIu64 " is removed", replica->node,
                       replica->member.replica);
        replica->removed = true;
        return;
    case FSP_REPLICA_STOP:
        replica->stopped = replica->diverges;
        if (replica->stopped)
            return;
        sim_fail(&self->trace,
                 "R4: replica %" PRIu64 " is told to stop at %" PRIu64 ": its results differ",
                 replica->member.replica, effect->index);
    }
    FSP_UNREACHABLE();
}

/* In order, and the process may end before each one and after the last.  False: it did. */
static bool
do_effects(world_t *self, replica_t *replica, fsp_replica_effects_t *effects, request_t *cause)
{
    node_t *node = &self->nodes[replica->node];
    for (size_t i = 0; i < effects->count; i++) {
        if (node->crash_in > 0 && --node->crash_in == 0)
            return false;
        fsp_replica_effect_t *effect = &effects->items[i];
        sim_trace_mix(&self->trace, (uint64_t)effect->type << 32 ^ effect->token);
        do_effect(self, replica, effect, cause);
    }
    return node->crash_in != 1;
}

/* -- steps ------------------------------------------------------------------------------------- */

/* A read failed, as the world wanted; the process ends. */
static void
fail_step(world_t *self, replica_t *replica, fsp_status_t status)
{
    if (!may_fail(replica))
        sim_fail(&self->trace, "step: replica %" PRIu64 ": step fails: %s", replica->member.replica,
                 fsp_status_name(status));
    sim_trace_note(&self->trace, "node %u cannot read: %s", replica->node, fsp_status_name(status));
    self->outcome.read_errors++;
}

void
world_replica_step(world_t *self, replica_t *replica, fsp_replica_event_t event, request_t *cause)
{
    node_t *node = &self->nodes[replica->node];
    event.now_us = mono_of(self, node);
    event.wall_us = wall_of(self, node);
    fsp_time_t walls[SIM_NODES_MAX];
    if (event.type == FSP_REPLICA_COMMAND) {
        event.walls = walls;
        event.wall_count = get_walls(self, walls);
    }
    fsp_replica_effects_reset(&self->effects);
    fsp_status_t status = fsp_replica_step(replica->replica, &event, &self->effects);
    bool up = status == FSP_OK;
    if (up) {
        world_check_step(self, replica, event.type);
        up = do_effects(self, replica, &self->effects, cause);
    } else {
        fail_step(self, replica, status);
    }
    if (!up) {
        world_node_crash(self, node);
        return;
    }
    if (replica->removed) {
        world_replica_leave(self, replica);
    } else {
        if (!replica->verified || fsp_prng_below(&self->prng, self->config.compare_in) == 0)
            world_check_state(self, replica);
        plan_tick(self, replica);
    }
    finish_stopping(self, node);
}

static void
begin_group(world_t *self, replica_t *replica)
{
    bool sync;
    replica->group_due = false;
    if (!sim_disk_begin(replica->disk, &sync))
        return;
    fsp_time_t most = sync ? self->config.sync_us_max : self->config.write_us_max;
    if (self->slow_disks[replica->node])
        most *= 50;
    world_push_to_replica(self, SIM_EVENT_SYNCED, replica, 1 + fsp_prng_below(&self->prng, most), 0,
                          0);
}

static void
note_reported(world_t *self, replica_t *replica, uint64_t index)
{
    /* What was cut since is not promised any more. */
    if (index > sim_log_last(&replica->written))
        index = sim_log_last(&replica->written);
    if (index > replica->reported)
        replica->reported = index;
    if (self->trace.now_us - replica->watermark_at < self->config.watermark_us)
        return;
    replica->watermark = replica->reported;
    replica->watermark_at = self->trace.now_us;
}

static void
keep_later(world_t *self, replica_t *replica)
{
    if (replica->keep_due || !sim_disk_lags(replica->disk))
        return;
    replica->keep_due = true;
    world_push_to_replica(self, SIM_EVENT_KEEP, replica,
                          1 + fsp_prng_below(&self->prng, self->config.keep_us_max), 0, 0);
}

/* The replica hears of it once or twice, and of two times in any order. */
static void
keep(world_t *self, replica_t *replica)
{
    replica->keep_due = false;
    uint64_t place = sim_disk_keep(replica->disk);
    for (uint64_t times = 1 + fsp_prng_below(&self->prng, 2); times > 0; times--)
        world_push_to_replica(self, SIM_EVENT_KEPT, replica,
                              fsp_prng_below(&self->prng, self->config.told_us_max), place, 0);
    keep_later(self, replica);
}

static void
end_group(world_t *self, replica_t *replica)
{
    sim_done_t done[64];
    FSP_ASSERT(self->config.group_max <= 64);
    size_t count = sim_disk_end(replica->disk, done);
    keep_later(self, replica);
    /* Told early already? */
    bool told = self->config.lie == SIM_LIE_reply_before_written;
    uint64_t boot = self->nodes[replica->node].boot;
    if (!replica->group_due && !sim_disk_idle(replica->disk)) {
        replica->group_due = true;
        world_push_to_replica(self, SIM_EVENT_GROUP, replica, 1, 0, 0);
    }
    for (size_t i = 0; i < count && !told; i++) {
        note_reported(self, replica, done[i].durable_index);
        world_replica_step(self, replica,
                           (fsp_replica_event_t){.type = FSP_REPLICA_WRITTEN,
                                                 .token = done[i].token,
                                                 .place = done[i].place},
                           NULL);
        if (!replica->replica || self->nodes[replica->node].boot != boot)
            return;
    }
}

void
world_replica_event(world_t *self, replica_t *replica, const sim_event_t *event)
{
    switch (event->type) {
    case SIM_EVENT_TICK:
        replica->tick_at = FSP_TIME_NEVER;
        if (fsp_replica_deadline(replica->replica) > mono_of(self, &self->nodes[replica->node])) {
            plan_tick(self, replica); /* something else has happened first */
            return;
        }
        world_replica_step(self, replica, (fsp_replica_event_t){.type = FSP_REPLICA_TICK}, NULL);
        return;
    case SIM_EVENT_GROUP:
        begin_group(self, replica);
        return;
    case SIM_EVENT_SYNCED:
        end_group(self, replica);
        return;
    case SIM_EVENT_WRITTEN:
        world_replica_step(self, replica,
                           (fsp_replica_event_t){.type = FSP_REPLICA_WRITTEN,
                                                 .token = event->value,
                                                 .place = event->extra},
                           NULL);
        return;
    case SIM_EVENT_KEEP:
        keep(self, replica);
        return;
    case SIM_EVENT_KEPT:
        sim_trace_note(&self->trace, "node %u hears that its state is kept up to %" PRIu64,
                       replica->node, event->value);
        world_replica_step(
            self, replica,
            (fsp_replica_event_t){.type = FSP_REPLICA_STATE_KEPT, .place = event->value}, NULL);
        return;
    default:
        FSP_UNREACHABLE();
    }
}
