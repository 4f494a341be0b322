/* SPDX-License-Identifier: MIT */
/* world_net - messages between nodes: late, lost, doubled, out of order, or not at all.
   Layer tests. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "tests/sim/world_internal.h"

#include <inttypes.h>

enum {
    PARCELS_MAX = 50000, /* P14: more under way mean that somebody sends without end */
    SLOWER = 20,
    MESSAGE_BYTES_MAX = 16 * 1024 * 1024,
};

static uint32_t
new_parcel(world_t *self)
{
    uint32_t number = self->free_parcel;
    if (number) {
        self->free_parcel = self->parcels[number].next_free;
    } else {
        if (self->parcel_count == self->parcel_capacity) {
            self->parcel_capacity *= 2;
            self->parcels =
                fsp_realloc(self->parcels, self->parcel_capacity * sizeof(*self->parcels));
        }
        number = self->parcel_count++;
    }
    if (++self->parcels_under_way > PARCELS_MAX)
        sim_fail(&self->trace, "P14: %d messages are under way", (int)PARCELS_MAX);
    return number;
}

static void
end_parcel(world_t *self, uint32_t number)
{
    parcel_t *parcel = &self->parcels[number];
    if (parcel->bytes)
        fsp_blob_destroy(&parcel->bytes);
    else
        fsp_replica_message_clear(&parcel->message);
    parcel->next_free = self->free_parcel;
    self->free_parcel = number;
    self->parcels_under_way--;
}

void
world_net_clear(world_t *self)
{
    sim_event_t event;
    while (sim_events_pop(&self->events, &event))
        if (event.type == SIM_EVENT_MESSAGE)
            end_parcel(self, (uint32_t)event.value);
    FSP_ASSERT(self->parcels_under_way == 0);
    fsp_free(self->parcels);
}

static fsp_blob_t *
encode(const fsp_replica_message_t *message)
{
    FSP_AUTO(fsp_buf_clear) fsp_buf_t bytes;
    fsp_buf_init(&bytes, MESSAGE_BYTES_MAX);
    fsp_replica_message_encode(message, &bytes);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    return fsp_blob_copy(bytes.data, bytes.bytes);
}

static fsp_time_t
arrival_delay(world_t *self, link_t *link)
{
    fsp_time_t delay = world_network_delay(self);
    if (link->slow > 0)
        delay *= SLOWER;
    fsp_time_t at = self->trace.now_us + delay;
    if (self->config.ordered && at <= link->last_at)
        at = link->last_at + 1;
    link->last_at = at;
    return at - self->trace.now_us;
}

/* Takes *message. */
static void
post(world_t *self, uint32_t from, uint32_t to, const fsp_raft_conf_t *conf,
     fsp_replica_message_t *message)
{
    uint32_t number = new_parcel(self);
    parcel_t *parcel = &self->parcels[number];
    parcel->from = from;
    parcel->to = to;
    parcel->conf = conf;
    parcel->bytes = NULL;
    if (self->config.bytes) {
        parcel->bytes = encode(message);
        fsp_replica_message_clear(message);
    } else {
        parcel->message = *message;
    }
    memset(message, 0, sizeof(*message));
    world_push(self, SIM_EVENT_MESSAGE, to, arrival_delay(self, &self->links[from][to]), number);
}

/* The node that has the replica, as the sender knows; SIM_NODES_MAX: it does not. */
static uint32_t
route(world_t *self, const replica_t *from, const fsp_raft_conf_t *conf, uint64_t to)
{
    const fsp_raft_seat_t *seat = conf ? fsp_raft_conf_seat(conf, to) : NULL;
    if (seat)
        return world_node_of(self, &seat->member.node_id);
    if (to < WORLD_NUMBERS_MAX && from->routes[to])
        return from->routes[to] - 1u;
    return SIM_NODES_MAX;
}

static void
say_message(const world_t *self, const replica_t *from, uint32_t to,
            const fsp_replica_message_t *message, uint32_t copies)
{
    static const char *const names[] = {
        "?",         "PREVOTE",     "PREVOTED",    "VOTE",     "VOTED",     "APPEND",   "APPENDED",
        "HEARTBEAT", "HEARTBEATED", "TIMEOUT_NOW", "READ_ASK", "READ_TOLD", "SNAPSHOT", "DIVERGED"};
    const fsp_raft_message_t *m = &message->raft;
    const char *name = message->type == FSP_REPLICA_TOOK ? "TOOK" : names[m->type];
    sim_trace_say(&self->trace,
                  "  node %u -> node %u: %s to %" PRIu64 " term %" PRIu64 " at %" PRIu64 "/%" PRIu64
                  " commit %" PRIu64 " entries %zu%s, %u times",
                  from->node, to, name, m->to, m->term, m->index, m->index_term, m->commit,
                  m->entry_count, m->refused ? " REFUSED" : "", copies);
}

/* Fewer entries than were meant: what a leader with other limits would send. */
static void
shorten(world_t *self, fsp_raft_message_t *m)
{
    if (m->type != FSP_RAFT_APPEND || m->entry_count == 0 ||
        !world_fault(self, self->config.shorten_in))
        return;
    size_t count = (size_t)fsp_prng_below(&self->prng, m->entry_count);
    while (m->entry_count > count)
        fsp_blob_destroy(&m->entries[--m->entry_count].bytes);
}

/* Another digest than that of its results: for all that others can see, it computed others. */
static void
falsify(replica_t *from, fsp_raft_message_t *m)
{
    if (m->type != FSP_RAFT_HEARTBEATED)
        return;
    from->digest_told = m->index;
    if (from->diverges && m->index > 0)
        m->digest.bytes[0] ^= 1;
}

void
world_send(world_t *self, replica_t *from, fsp_replica_message_t *message)
{
    const fsp_raft_message_t *m = &message->raft;
    if (from->state != REPLICA_LIVE || m->from != from->member.replica)
        sim_fail(&self->trace, "R8: replica %" PRIu64 " sends for %" PRIu64, from->member.replica,
                 m->from);
    if (message->type == FSP_REPLICA_RAFT) {
        shorten(self, &message->raft);
        falsify(from, &message->raft);
    }
    uint64_t conf_index;
    const fsp_raft_conf_t *conf = sim_log_conf(&from->written, &conf_index);
    uint32_t to = route(self, from, conf, m->to);
    sim_trace_mix(&self->trace, m->term * 31 + m->index * 17 + m->type + m->to * 64);
    if (to != SIM_NODES_MAX && message->type == FSP_REPLICA_RAFT)
        world_promise_send(self, from, to, m);
    if (to == SIM_NODES_MAX)
        return; /* an answer to somebody unknown */
    uint32_t copies = 1;
    if (self->links[from->node][to].closed > 0 || world_fault(self, self->config.lose_in))
        copies = 0;
    else
        copies += world_fault(self, self->config.duplicate_in);
    if (__builtin_expect(self->trace.print, 0))
        say_message(self, from, to, message, copies);
    for (; copies > 1; copies--) {
        fsp_replica_message_t copy = fsp_replica_message_copy(message);
        post(self, from->node, to, conf, &copy);
    }
    if (copies == 1)
        post(self, from->node, to, conf, message);
}

void
world_deliver(world_t *self, const sim_event_t *event)
{
    uint32_t number = (uint32_t)event->value;
    parcel_t parcel = self->parcels[number];
    node_t *node = &self->nodes[parcel.to];
    bool arrives = node->up && !node->stopping && self->links[parcel.from][parcel.to].closed == 0;
    if (arrives && parcel.bytes) {
        fsp_replica_message_t message;
        if (fsp_replica_message_decode(fsp_blob_slice(parcel.bytes), &message))
            sim_fail(&self->trace, "bytes: a message does not decode");
        world_node_receive(self, node, parcel.from, parcel.conf, &message);
        fsp_replica_message_clear(&message);
    } else if (arrives) {
        world_node_receive(self, node, parcel.from, parcel.conf, &parcel.message);
    }
    end_parcel(self, number);
}
