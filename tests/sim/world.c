/* SPDX-License-Identifier: MIT */
/* world - nodes, disks, a network, clients and time, all in one process and from one seed.
 *
 * Layer tests.  Two phases.  In the storm clients work and faults happen.  When the clients are
 * done, or it has lasted long enough, the world is healed: no more faults, a good network, and
 * everybody back, or a majority of each voter set.  From then on progress is demanded: a leader, an
 * answer for every client, the members that the layout wants, equal states, empty queues.  Then
 * all processes end at once, and it must come to rest again with nothing lost.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "tests/sim/world_internal.h"

enum {
    STORM_STEPS_MAX = 60000, /* then faults end, whatever is left to do */
    STORM_LASTS = 3,         /* or after so many times the planned duration */
    CALM_STEPS_MAX = 400000, /* and by then all must be done */
    LEADER_TIMEOUTS = 60,    /* election timeouts until somebody leads */
    REST_TIMEOUTS = 600,     /* and until everything is done */
    POLLS_IN_TIMEOUT = 2,
};

bool
world_fault(world_t *self, uint32_t in)
{
    if (self->calm || in == 0 || fsp_prng_below(&self->prng, in) != 0)
        return false;
    self->outcome.faults++;
    return true;
}

fsp_time_t
world_network_delay(world_t *self)
{
    return 1 + (self->lockstep ? self->config.network_us_max / 2
                               : fsp_prng_below(&self->prng, self->config.network_us_max));
}

void
world_push(world_t *self, sim_event_type_t type, uint32_t node, fsp_time_t delay_us, uint64_t value)
{
    sim_event_t event = {
        .time_us = self->trace.now_us + delay_us,
        .type = type,
        .node = node,
        .boot = self->nodes[node].boot,
        .value = value,
    };
    sim_events_push(&self->events, event);
}

void
world_push_to_replica(world_t *self, sim_event_type_t type, const replica_t *replica,
                      fsp_time_t delay_us, uint64_t value, uint64_t extra)
{
    sim_event_t event = {
        .time_us = self->trace.now_us + delay_us,
        .type = type,
        .node = replica->id,
        .boot = self->nodes[replica->node].boot,
        .value = value,
        .extra = extra,
    };
    sim_events_push(&self->events, event);
}

/* -- lifecycle --------------------------------------------------------------------------------- */

static void
make_nodes(world_t *self)
{
    for (uint32_t i = 0; i < self->config.node_count; i++) {
        node_t *node = &self->nodes[i];
        node->number = i;
        fsp_prng_fill(&self->prng, node->id.bytes, sizeof(node->id.bytes));
        node->id.bytes[0] = (uint8_t)i;
        fsp_prng_fill(&self->prng, node->store_id.bytes, sizeof(node->store_id.bytes));
        node->clock_offset_us = (int64_t)fsp_prng_below(&self->prng, 2000000) - 1000000;
        world_push(self, SIM_EVENT_START, i, 0, 0);
    }
}

static void
world_init(world_t *self, const sim_config_t *config, bool print)
{
    self->config = *config;
    sim_trace_init(&self->trace, config->seed, print);
    fsp_prng_init(&self->prng, config->seed);
    self->shard = (fsp_shard_ref_t){.shard = 3, .generation = 1};
    sim_entries_init(&self->entries, &self->trace);
    self->oracle = sim_oracle_new(&self->trace, self->shard, config->model);
    self->request_count = 1;
    self->request_capacity = 512;
    self->requests = fsp_alloc_array(self->request_capacity, sizeof(*self->requests));
    self->parcel_count = 1;
    self->parcel_capacity = 64;
    self->parcels = fsp_alloc_array(self->parcel_capacity, sizeof(*self->parcels));
    sim_space_init(&self->space, &self->config, &self->trace, &self->prng);
    sim_operation_watch(&self->space, self->oracle);
    for (uint32_t i = 0; i < config->client_count; i++) {
        sim_client_init(&self->clients[i], i, &self->space, fsp_prng_next(&self->prng));
        world_plan_client(self, &self->clients[i]);
    }
    make_nodes(self);
    world_first_replicas(self);
    world_push(self, SIM_EVENT_FAULT, 0, config->fault_every_us, 0);
}

static void
world_clear(world_t *self)
{
    for (uint32_t i = 0; i < self->replica_count; i++)
        world_replica_destroy(&self->replicas[i]);
    world_clients_clear(self);
    world_net_clear(self);
    for (size_t i = 0; i < sizeof(self->old_answers) / sizeof(self->old_answers[0]); i++)
        fsp_blob_destroy(&self->old_answers[i].answer);
    fsp_replica_effects_clear(&self->effects);
    fsp_free(self->leaders);
    sim_oracle_destroy(&self->oracle);
    sim_entries_clear(&self->entries);
    sim_events_clear(&self->events);
    sim_trace_end();
}

/* -- running ----------------------------------------------------------------------------------- */

/* True: the process stands still; the event comes again when it goes on. */
static bool
put_off(world_t *self, const node_t *node, const sim_event_t *event)
{
    if (!world_stands(self, node))
        return false;
    sim_event_t later = *event;
    bool tick = event->type == SIM_EVENT_TICK;
    later.time_us = node->stalled_until + (tick ? (node->ticks_first ? 0 : 2) : 1);
    if (tick)
        self->replicas[event->node]->tick_at = later.time_us;
    sim_events_push(&self->events, later);
    return true;
}

static void
handle_replicas_event(world_t *self, const sim_event_t *event)
{
    replica_t *replica = self->replicas[event->node];
    node_t *node = &self->nodes[replica->node];
    if (!replica->replica || event->boot != node->boot)
        return; /* meant for a life that is over */
    if (event->type == SIM_EVENT_TICK && event->time_us != replica->tick_at)
        return; /* planned anew since */
    if (!put_off(self, node, event))
        world_replica_event(self, replica, event);
}

static void
handle(world_t *self, const sim_event_t *event)
{
    node_t *node = &self->nodes[event->node < SIM_NODES_MAX ? event->node : 0];
    switch (event->type) {
    case SIM_EVENT_START:
        if (!node->up && !node->stays_down)
            world_node_start(self, node);
        return;
    case SIM_EVENT_TICK:
    case SIM_EVENT_GROUP:
    case SIM_EVENT_SYNCED:
    case SIM_EVENT_WRITTEN:
    case SIM_EVENT_KEEP:
    case SIM_EVENT_KEPT:
        handle_replicas_event(self, event);
        return;
    case SIM_EVENT_MESSAGE:
        if (!put_off(self, node, event))
            world_deliver(self, event);
        return;
    case SIM_EVENT_REQUEST:
        if (!put_off(self, node, event))
            world_deliver_request(self, node, event->value);
        return;
    case SIM_EVENT_ANSWER:
        world_deliver_answer(self, event->value);
        return;
    case SIM_EVENT_CLIENT:
        world_client_wake(self, (uint32_t)event->value);
        return;
    case SIM_EVENT_LAYOUT:
        if (!put_off(self, node, event))
            world_hear_layout(self, node);
        return;
    case SIM_EVENT_REPLACE:
        if (!put_off(self, node, event))
            world_ask_replacement(self, node, (uint32_t)event->value);
        return;
    case SIM_EVENT_HINT: {
        replica_t *replica = world_serving_replica(self, node);
        replica_t *other = world_serving_replica(self, &self->nodes[event->value]);
        if (replica && other && !put_off(self, node, event)) {
            replica->promises.leader_us = 0;
            world_replica_step(self, replica,
                               (fsp_replica_event_t){.type = FSP_REPLICA_UNREACHABLE,
                                                     .replica = other->member.replica},
                               NULL);
        }
        return;
    }
    case SIM_EVENT_FAULT:
        world_next_fault(self);
        return;
    case SIM_EVENT_FAULT_END:
        world_end_fault(self, event->value);
        return;
    case SIM_EVENT_POLL:
        self->rests = world_unrest(self) == NULL;
        if (!self->rests)
            world_push(self, SIM_EVENT_POLL, 0, self->config.limits.election_us / POLLS_IN_TIMEOUT,
                       0);
        return;
    }
    FSP_UNREACHABLE();
}

static void
become_calm(world_t *self)
{
    self->calm = true;
    self->calm_at = self->trace.now_us;
    sim_trace_note(&self->trace, "-- faults end --");
    for (uint32_t i = 0; i < self->config.client_count; i++)
        sim_client_calm(&self->clients[i]);
    world_heal(self);
    world_push(self, SIM_EVENT_POLL, 0, 1, 0);
}

static void
demand_progress(world_t *self)
{
    fsp_time_t since = self->trace.now_us - self->calm_at;
    fsp_time_t timeout = self->config.limits.election_us;
    if (!self->leader_since_calm && since > LEADER_TIMEOUTS * timeout)
        sim_fail(&self->trace, "no leader: %u election timeouts after the last fault",
                 (unsigned)LEADER_TIMEOUTS);
    if (since > REST_TIMEOUTS * timeout || self->steps > CALM_STEPS_MAX) {
        const char *why = world_unrest(self);
        sim_fail(&self->trace, "no progress: %s", why ? why : "it rests, too late");
    }
}

static bool
next_event(world_t *self, sim_event_t *ret)
{
    if (!sim_events_pop(&self->events, ret))
        return false;
    FSP_ASSERT(ret->time_us >= self->trace.now_us);
    self->trace.now_us = ret->time_us;
    self->steps++;
    sim_trace_mix(&self->trace, ret->time_us * 31 + ret->type + (uint64_t)ret->node * 64);
    return true;
}

/* Until everything is at rest. */
static void
run_events(world_t *self)
{
    sim_event_t event;
    fsp_time_t storm_us = STORM_LASTS * self->config.duration_us;
    self->rests = false;
    while (!self->rests && next_event(self, &event)) {
        if (self->calm)
            demand_progress(self);
        else if (self->steps > STORM_STEPS_MAX || event.time_us > storm_us ||
                 world_clients_done(self))
            become_calm(self);
        handle(self, &event);
    }
    if (!self->rests)
        sim_fail(&self->trace, "no progress: nothing is due");
}

static void
end_all_processes(world_t *self)
{
    sim_trace_note(&self->trace, "-- everybody's power fails --");
    for (uint32_t i = 0; i < self->config.node_count; i++)
        if (self->nodes[i].up)
            world_node_crash(self, &self->nodes[i]);
    self->calm_at = self->trace.now_us;
    self->leader_since_calm = false;
    world_push(self, SIM_EVENT_POLL, 0, self->config.limits.election_us, 0);
}

void
world_run_for(world_t *self, fsp_time_t us)
{
    fsp_time_t until = self->trace.now_us + us;
    sim_event_t event;
    while (self->events.count > 0 && self->events.heap[0].time_us <= until &&
           next_event(self, &event))
        handle(self, &event);
    self->trace.now_us = until;
}

/* Something goes wrong once more, and all comes to rest again. */
static void
run_trial(world_t *self)
{
    if (self->config.trial == SIM_TRIAL_NONE)
        return;
    world_trial(self);
    self->calm_at = self->trace.now_us;
    world_push(self, SIM_EVENT_POLL, 0, 1, 0);
    run_events(self);
}

world_outcome_t
world_run(const sim_config_t *config, bool print)
{
    world_t *self = FSP_NEW(world_t);
    world_init(self, config, print);
    run_events(self);
    run_trial(self);
    world_check_end(self);
    /* Once more after a last crash: what was answered is still there. */
    end_all_processes(self);
    run_events(self);
    world_check_end(self);
    world_trial_divergent(self);

    self->outcome.queries = self->space.queries;
    self->outcome.operations = self->space.operations + self->space.queries;
    self->outcome.resends = self->space.resends;
    self->outcome.events = self->steps;
    sim_trace_mix(&self->trace, self->outcome.operations);
    self->outcome.hash = self->trace.hash;
    world_outcome_t outcome = self->outcome;
    world_clear(self);
    fsp_free(self);
    return outcome;
}
