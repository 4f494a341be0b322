/* SPDX-License-Identifier: MIT */
/* world - nodes, disks, clients and time, all in one process and from one seed.  Layer tests. */
#include "tests/sim/world_internal.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"

#include <inttypes.h>

enum {
    STORMY_STEPS_MAX = 6000, /* then faults end, whatever is left to do */
    CALM_STEPS_MAX = 60000,  /* and by then all must be done */
    STORMY_US_MAX = 60 * 1000 * 1000,
};

bool
world_fault(world_t *self, uint32_t in)
{
    if (self->calm || in == 0 || fsp_prng_below(&self->prng, in) != 0)
        return false;
    self->outcome.faults++;
    return true;
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

/* -- messages ---------------------------------------------------------------------------------- */

static fsp_time_t
network_delay(world_t *self)
{
    return 1 + fsp_prng_below(&self->prng, self->config.network_us_max);
}

static uint64_t
add_request(world_t *self, request_t request)
{
    if (self->request_count == self->request_capacity) {
        self->request_capacity *= 2;
        self->requests =
            fsp_realloc(self->requests, self->request_capacity * sizeof(*self->requests));
    }
    fsp_buf_init(&request.answer, FSP_ANSWER_BYTES_MAX);
    self->requests[self->request_count] = request;
    return self->request_count++;
}

/* A lie of the network: another operation id than the client's. */
static fsp_blob_t *
forge(const world_t *self, fsp_slice_t bytes)
{
    fsp_command_t command;
    fsp_status_t status = fsp_command_decode(bytes, &command);
    FSP_ASSERT(status == FSP_OK);
    command.op_id.bytes[1] ^= 1;
    fsp_buf_t forged;
    fsp_buf_init(&forged, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &forged);
    fsp_blob_t *blob = fsp_blob_copy(forged.data, forged.bytes);
    fsp_buf_clear(&forged);
    (void)self;
    return blob;
}

static void
send_request(world_t *self, const sim_client_t *client, const sim_message_t *message)
{
    request_t request = {
        .client = client->number, .operation = message->operation, .is_query = message->is_query};
    uint32_t copies = world_fault(self, self->config.lose_in) ? 0 : 1;
    copies += world_fault(self, self->config.duplicate_in);
    sim_trace_note(&self->trace, "client %u sends %s %" PRIu64 ", %u times", client->number,
                   message->is_query ? "query" : "operation", message->operation, copies);
    while (copies-- > 0) {
        bool forged = self->config.mutant == SIM_MUTANT_forged_request && !message->is_query &&
                      fsp_prng_chance(&self->prng, 1, 20);
        request.bytes = forged ? forge(self, fsp_buf_slice(&message->bytes))
                               : fsp_blob_copy(message->bytes.data, message->bytes.bytes);
        world_push(self, SIM_EVENT_REQUEST, 0, network_delay(self), add_request(self, request));
    }
}

static void
wake_client(world_t *self, sim_client_t *client)
{
    sim_message_t message = {0};
    fsp_buf_init(&message.bytes, FSP_COMMAND_BYTES_MAX);
    sim_client_wake(client, self->trace.now_us, &message);
    if (message.wanted)
        send_request(self, client, &message);
    fsp_buf_clear(&message.bytes);
}

/* The client has an event in the heap for the time at which it wants to wake. */
static void
plan_client(world_t *self, const sim_client_t *client)
{
    if (sim_client_done(client))
        return;
    fsp_time_t now = self->trace.now_us;
    world_push(self, SIM_EVENT_CLIENT, 0, client->wake_us > now ? client->wake_us - now : 0,
               client->number);
}

static void
deliver_answer(world_t *self, uint64_t number)
{
    request_t *request = &self->requests[number];
    sim_client_t *client = &self->clients[request->client];
    fsp_time_t planned = client->wake_us;
    sim_client_answer(client, self->trace.now_us, request->operation, request->is_query,
                      request->status, fsp_buf_slice(&request->answer));
    if (client->wake_us != planned)
        plan_client(self, client);
}

static void
deliver_request(world_t *self, node_t *node, const sim_event_t *event)
{
    if (node->replica && !node->stopping) {
        world_node_event(self, node, event);
        return;
    }
    /* Nobody is there; that is noticed, or the message is lost. */
    request_t *request = &self->requests[event->value];
    if (fsp_prng_chance(&self->prng, 1, 2)) {
        request->status = FSP_UNREACHABLE;
        world_push(self, SIM_EVENT_ANSWER, node->number, network_delay(self), event->value);
    }
}

/* -- lifecycle --------------------------------------------------------------------------------- */

/* No-ops that were in the log and in the state before the run began: so a short run comes to the
   point where the log is dropped. */
static void
prefill(world_t *self, node_t *node)
{
    uint32_t count = self->config.prefill + (uint32_t)fsp_prng_below(&self->prng, 60);
    fsp_log_name_t name = fsp_log_name(self->shard, &self->members[node->number]);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_hard_t hard = {.hard = {.term = 1, .vote = self->members[node->number].replica}};
    fsp_log_hard_encode(&hard, &value);
    fsp_log_key_t key = fsp_log_hard_key(&name);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    for (uint64_t i = 1; i <= count; i++) {
        fsp_entry_t entry = {.index = i, .term = 1, .kind = FSP_ENTRY_NOOP};
        fsp_buf_reset(&value);
        fsp_log_entry_encode(&entry, &value);
        key = fsp_log_entry_key(&name, i);
        fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    }
    (void)sim_oracle_write(self->oracle, batch, true);
    sim_oracle_applied(self->oracle, count, NULL);
    fsp_cursor_t *cursor =
        fsp_view_scan(sim_oracle_state(self->oracle), (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid; fsp_cursor_next(cursor))
        fsp_batch_put(batch, FSP_FAMILY_STATE, cursor->key, cursor->value);
    fsp_cursor_destroy(&cursor);
    sim_disk_prepare(node->disk, batch);
    node->watermark = node->reported = count;
    fsp_buf_clear(&value);
    fsp_batch_destroy(&batch);
}

static void
world_init(world_t *self, const sim_config_t *config, bool print)
{
    memset(self, 0, sizeof(*self));
    self->config = *config;
    const char *mutant = config->mutant ? sim_mutant_name(config->mutant) : NULL;
    sim_trace_init(&self->trace, config->seed, mutant, print);
    fsp_prng_init(&self->prng, config->seed);
    self->shard = (fsp_shard_ref_t){.shard = 3, .generation = 1};
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        fsp_raft_member_t *member = &self->members[i];
        member->replica = i + 1;
        fsp_prng_fill(&self->prng, member->node_id.bytes, sizeof(member->node_id.bytes));
        fsp_prng_fill(&self->prng, member->store_id.bytes, sizeof(member->store_id.bytes));
    }
    self->oracle =
        sim_oracle_new(&self->trace, self->shard, fsp_log_name(self->shard, &self->members[0]));
    self->request_count = 1;
    self->request_capacity = 64;
    self->requests = fsp_alloc_array(self->request_capacity, sizeof(*self->requests));
    sim_space_init(&self->space, &self->config, &self->trace, &self->prng);
    for (uint32_t i = 0; i < config->client_count; i++) {
        sim_client_init(&self->clients[i], i, &self->space, fsp_prng_next(&self->prng));
        plan_client(self, &self->clients[i]);
    }
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        self->nodes[i].number = i;
        world_node_init(self, &self->nodes[i]);
        if (config->prefill)
            prefill(self, &self->nodes[i]);
        world_push(self, SIM_EVENT_START, i, 0, 0);
    }
}

static void
world_clear(world_t *self)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++)
        world_node_clear(&self->nodes[i]);
    for (uint32_t i = 0; i < self->config.client_count; i++)
        sim_client_clear(&self->clients[i]);
    sim_space_clear(&self->space);
    for (size_t i = 1; i < self->request_count; i++) {
        fsp_blob_destroy(&self->requests[i].bytes);
        fsp_buf_clear(&self->requests[i].answer);
    }
    fsp_free(self->requests);
    sim_oracle_destroy(&self->oracle);
    sim_events_clear(&self->events);
}

/* -- running ----------------------------------------------------------------------------------- */

static void
handle(world_t *self, const sim_event_t *event)
{
    node_t *node = &self->nodes[event->node];
    sim_trace_mix(&self->trace, event->time_us);
    sim_trace_mix(&self->trace, (uint64_t)event->type << 56 ^ event->node);
    sim_trace_mix(&self->trace, event->value);
    switch (event->type) {
    case SIM_EVENT_START:
        if (!node->replica)
            world_node_start(self, node);
        return;
    case SIM_EVENT_REQUEST:
        deliver_request(self, node, event);
        return;
    case SIM_EVENT_ANSWER:
        deliver_answer(self, event->value);
        return;
    case SIM_EVENT_CLIENT: {
        sim_client_t *client = &self->clients[event->value];
        if (client->wake_us > self->trace.now_us)
            return; /* it has planned anew */
        wake_client(self, client);
        plan_client(self, client);
        return;
    }
    case SIM_EVENT_TICK:
    case SIM_EVENT_GROUP:
    case SIM_EVENT_SYNCED:
    case SIM_EVENT_WRITTEN:
        if (node->replica && event->boot == node->boot)
            world_node_event(self, node, event);
        return;
    }
    FSP_UNREACHABLE();
}

static bool
clients_done(const world_t *self)
{
    for (uint32_t i = 0; i < self->config.client_count; i++)
        if (!sim_client_done(&self->clients[i]))
            return false;
    return true;
}

/* Until nothing is due any more.  Fails if the clients are not done by then. */
static void
run_events(world_t *self)
{
    sim_event_t event;
    while (sim_events_pop(&self->events, &event)) {
        FSP_ASSERT(event.time_us >= self->trace.now_us);
        self->trace.now_us = event.time_us;
        self->steps++;
        if (self->steps > STORMY_STEPS_MAX || event.time_us > STORMY_US_MAX)
            self->calm = true;
        if (clients_done(self))
            self->calm = true;
        for (uint32_t i = 0; i < WORLD_NODES; i++)
            sim_disk_set_read_errors(self->nodes[i].disk, !self->calm);
        if (self->steps > CALM_STEPS_MAX)
            sim_fail(&self->trace, "no progress: clients are not answered although faults ended");
        handle(self, &event);
    }
    if (!clients_done(self))
        sim_fail(&self->trace, "no progress: nothing is due, and clients are not answered");
}

/* Everybody is answered and every node is at rest. */
static void
check_rest(world_t *self)
{
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        node_t *node = &self->nodes[i];
        if (!node->replica || !fsp_replica_ready(node->replica))
            sim_fail(&self->trace, "node %u is not ready at the end", i);
        if (fsp_replica_pending_writes(node->replica) > 0 || !sim_disk_idle(node->disk))
            sim_fail(&self->trace, "node %u still has writes at the end", i);
        world_node_verify(self, node);
        /* All rows are in the database: it alone is the state. */
        if (!sim_oracle_compare(self->oracle, fsp_replica_applied_index(node->replica),
                                sim_disk_plain_view(node->disk, FSP_FAMILY_STATE)))
            sim_fail(&self->trace, "node %u has not applied everything", i);
    }
}

world_outcome_t
world_run(const sim_config_t *config, bool print)
{
    world_t *self = FSP_NEW(world_t);
    world_init(self, config, print);
    run_events(self);
    check_rest(self);
    /* Once more after a last crash: what was answered is still there. */
    world_node_crash(self, &self->nodes[0]);
    run_events(self);
    check_rest(self);

    sim_trace_mix(&self->trace, self->space.operations);
    self->outcome.hash = self->trace.hash;
    self->outcome.operations = self->space.operations;
    self->outcome.queries = self->space.queries;
    self->outcome.resends = self->space.resends;
    self->outcome.events = self->steps;
    world_outcome_t outcome = self->outcome;
    world_clear(self);
    fsp_free(self);
    return outcome;
}
