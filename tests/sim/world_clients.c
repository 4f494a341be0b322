/* SPDX-License-Identifier: MIT */
/* world_clients - messages between clients and nodes, and what they say.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

static uint64_t
add_request(world_t *self, request_t request)
{
    if (self->request_count == self->request_capacity) {
        self->request_capacity *= 2;
        self->requests =
            fsp_realloc(self->requests, self->request_capacity * sizeof(*self->requests));
    }
    fsp_buf_init(&request.answer, FSP_ANSWER_BYTES_MAX);
    request.leader = SIM_NODES_MAX;
    self->requests[self->request_count] = request;
    return self->request_count++;
}

void
world_clients_clear(world_t *self)
{
    for (uint32_t i = 0; i < self->config.client_count; i++)
        sim_client_clear(&self->clients[i]);
    sim_space_clear(&self->space);
    for (size_t i = 1; i < self->request_count; i++) {
        fsp_blob_destroy(&self->requests[i].bytes);
        fsp_buf_clear(&self->requests[i].answer);
    }
    fsp_free(self->requests);
}

/* A lie of the network: another operation id than the client's. */
static fsp_blob_t *
forge(fsp_slice_t bytes)
{
    fsp_command_t command;
    fsp_status_t status = fsp_command_decode(bytes, &command);
    FSP_ASSERT(status == FSP_OK);
    command.op_id.bytes[1] ^= 1;
    FSP_AUTO(fsp_buf_clear) fsp_buf_t forged;
    fsp_buf_init(&forged, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &forged);
    return fsp_blob_copy(forged.data, forged.bytes);
}

static void
send_request(world_t *self, const sim_client_t *client, const sim_message_t *message)
{
    request_t request = {
        .client = client->number, .operation = message->operation, .is_query = message->is_query};
    uint32_t copies = world_fault(self, self->config.lose_in) ? 0 : 1;
    copies += world_fault(self, self->config.duplicate_in);
    sim_trace_note(&self->trace, "client %u sends %s %" PRIu64 " to node %u, %u times",
                   client->number, message->is_query ? "query" : "operation", message->operation,
                   message->node, copies);
    while (copies-- > 0) {
        bool forged = self->config.lie == SIM_LIE_forged_request && !message->is_query &&
                      fsp_prng_chance(&self->prng, 1, 20);
        request.bytes = forged ? forge(fsp_buf_slice(&message->bytes))
                               : fsp_blob_copy(message->bytes.data, message->bytes.bytes);
        world_push(self, SIM_EVENT_REQUEST, message->node, world_network_delay(self),
                   add_request(self, request));
    }
}

/* The client has an event in the heap for the time at which it wants to wake. */
void
world_plan_client(world_t *self, const sim_client_t *client)
{
    if (sim_client_done(client))
        return;
    fsp_time_t now = self->trace.now_us;
    world_push(self, SIM_EVENT_CLIENT, 0, client->wake_us > now ? client->wake_us - now : 0,
               client->number);
}

void
world_client_wake(world_t *self, uint32_t number)
{
    sim_client_t *client = &self->clients[number];
    if (client->wake_us > self->trace.now_us)
        return; /* it has planned anew */
    sim_message_t message = {0};
    fsp_buf_init(&message.bytes, FSP_COMMAND_BYTES_MAX);
    sim_client_wake(client, self->trace.now_us, &message);
    if (message.wanted)
        send_request(self, client, &message);
    fsp_buf_clear(&message.bytes);
    world_plan_client(self, client);
}

bool
world_clients_done(const world_t *self)
{
    for (uint32_t i = 0; i < self->config.client_count; i++)
        if (!sim_client_done(&self->clients[i]))
            return false;
    return true;
}

/* -- at the node ------------------------------------------------------------------------------- */

void
world_deliver_request(world_t *self, node_t *node, uint64_t number)
{
    request_t *request = &self->requests[number];
    replica_t *replica = node->up && !node->stopping ? world_serving_replica(self, node) : NULL;
    if (replica) {
        request->floor = sim_oracle_committed(self->oracle);
        world_replica_step(self, replica,
                           (fsp_replica_event_t){
                               .type = request->is_query ? FSP_REPLICA_QUERY : FSP_REPLICA_COMMAND,
                               .token = number,
                               .two_copies = !request->is_query && self->config.two_copies,
                               .bytes = fsp_blob_slice(request->bytes),
                           },
                           request);
        return;
    }
    /* A node without the shard knows from the layout who has it. */
    if (node->up && !node->stopping && node->target.count > 0) {
        uint64_t any = fsp_prng_below(&self->prng, node->target.count);
        request->status = FSP_NOT_LEADER;
        request->leader = world_node_of(self, &node->target.members[any].node_id);
        world_push(self, SIM_EVENT_ANSWER, node->number, world_network_delay(self), number);
        return;
    }
    /* Nobody is there; that is noticed, or the message is lost. */
    if (fsp_prng_chance(&self->prng, 1, 2)) {
        request->status = FSP_UNREACHABLE;
        world_push(self, SIM_EVENT_ANSWER, node->number, world_network_delay(self), number);
    }
}

/* A lie: the answer that this very question had before. */
static void
give_old_answer(world_t *self, request_t *request)
{
    enum { OLD_ANSWERS = sizeof(self->old_answers) / sizeof(self->old_answers[0]) };
    if (self->config.lie != SIM_LIE_stale_answer || !request->is_query || request->status)
        return;
    uint64_t query = sim_trace_hash(0, fsp_blob_slice(request->bytes));
    fsp_blob_t *now = fsp_blob_copy(request->answer.data, request->answer.bytes);
    size_t at = query % OLD_ANSWERS;
    if (self->old_answers[at].answer && self->old_answers[at].query == query) {
        fsp_buf_reset(&request->answer);
        fsp_buf_append_slice(&request->answer, fsp_blob_slice(self->old_answers[at].answer));
    }
    fsp_blob_destroy(&self->old_answers[at].answer);
    self->old_answers[at].answer = now;
    self->old_answers[at].query = query;
}

static void
check_reply(world_t *self, replica_t *replica, const request_t *request, fsp_slice_t bytes)
{
    if (request->is_query) {
        world_promise_answer(self, replica, request);
        sim_oracle_answer(self->oracle, fsp_replica_applied_index(replica->replica),
                          fsp_replica_view(replica->replica), fsp_replica_shard(replica->replica),
                          fsp_blob_slice(request->bytes), bytes);
        return;
    }
    if (request->entry == 0 || request->entry > sim_oracle_committed(self->oracle) ||
        sim_oracle_entry(self->oracle, request->entry)->term != request->term)
        sim_fail(&self->trace,
                 "R6: a reply to entry %" PRIu64 " of term %" PRIu64 ", which is not committed",
                 request->entry, request->term);
    if (self->config.two_copies)
        world_promise_copied(self, replica, sim_oracle_entry(self->oracle, request->entry));
    sim_oracle_reply(self->oracle, request->entry, bytes);
}

void
world_reply(world_t *self, replica_t *replica, fsp_replica_effect_t *effect)
{
    if (effect->token == 0 || effect->token >= self->request_count)
        sim_fail(&self->trace, "reply: to nobody");
    request_t *request = &self->requests[effect->token];
    if (request->replied)
        sim_fail(&self->trace, "reply: a second one");
    sim_trace_note(&self->trace, "  node %u REPLY to client %u, %" PRIu64 ": %s, entry %" PRIu64,
                   replica->node, request->client, request->operation,
                   fsp_status_name(effect->status), request->entry);
    sim_trace_mix(&self->trace,
                  sim_trace_hash((uint64_t)effect->status, fsp_buf_slice(&effect->bytes)));
    if (effect->status == FSP_OK)
        check_reply(self, replica, request, fsp_buf_slice(&effect->bytes));
    request->replied = true;
    request->status = effect->status;
    if (effect->leader > 0 && effect->leader < WORLD_NUMBERS_MAX &&
        replica->routes[effect->leader] > 0)
        request->leader = replica->routes[effect->leader] - 1u;
    fsp_buf_append_slice(&request->answer, fsp_buf_slice(&effect->bytes));
    give_old_answer(self, request);
    uint32_t copies = world_fault(self, self->config.lose_in) ? 0 : 1;
    copies += world_fault(self, self->config.duplicate_in);
    while (copies-- > 0)
        world_push(self, SIM_EVENT_ANSWER, replica->node, world_network_delay(self), effect->token);
}

void
world_deliver_answer(world_t *self, uint64_t number)
{
    request_t *request = &self->requests[number];
    sim_client_t *client = &self->clients[request->client];
    fsp_time_t planned = client->wake_us;
    sim_client_answer(client, self->trace.now_us, request->operation, request->is_query,
                      request->status, request->leader, fsp_buf_slice(&request->answer));
    if (client->wake_us != planned)
        world_plan_client(self, client);
}
