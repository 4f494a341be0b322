/* SPDX-License-Identifier: MIT */
/* sim_events - what is due, in a total order: time, then the order in which it was asked for.
   Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_EVENTS_H
#define FSP_TESTS_SIM_SIM_EVENTS_H
#include "core/base/types.h"

/* In the world, not in a replica: what a replica is told follows from these.  Those of a replica
   name it in `node`: replicas of the world are numbered through. */
typedef enum {
    SIM_EVENT_START,     /* node: the process starts */
    SIM_EVENT_TICK,      /* replica, boot */
    SIM_EVENT_GROUP,     /* replica, boot: its store takes the next group of writes */
    SIM_EVENT_SYNCED,    /* replica, boot: that group is done */
    SIM_EVENT_WRITTEN,   /* replica, boot, value: token; extra: its place */
    SIM_EVENT_KEEP,      /* replica, boot: its store keeps rows of the state */
    SIM_EVENT_KEPT,      /* replica, boot, value: the place up to which they are kept */
    SIM_EVENT_MESSAGE,   /* node, value: parcel number; arrives whoever lives there */
    SIM_EVENT_REQUEST,   /* node, value: request number; arrives whoever lives there */
    SIM_EVENT_ANSWER,    /* value: request number; arrives at its client */
    SIM_EVENT_CLIENT,    /* value: client number; something is due there */
    SIM_EVENT_LAYOUT,    /* node: hears of the layout */
    SIM_EVENT_REPLACE,   /* node, value: replica of the world that lost its rows */
    SIM_EVENT_HINT,      /* node, value: node that seems unreachable */
    SIM_EVENT_FAULT,     /* the next one is due */
    SIM_EVENT_FAULT_END, /* value: what ends */
    SIM_EVENT_POLL,      /* is everything at rest? */
} sim_event_type_t;

typedef struct {
    fsp_time_t time_us;
    uint64_t sequence;
    sim_event_type_t type;
    uint32_t node;
    uint64_t boot; /* life of the process it is meant for; of another one it is void */
    uint64_t value;
    uint64_t extra;
} sim_event_t;

typedef struct {
    sim_event_t *heap;
    size_t count, capacity;
    uint64_t next_sequence;
} sim_events_t;

void sim_events_clear(sim_events_t *self);
void sim_events_push(sim_events_t *self, sim_event_t event);
/* False if nothing is due any more. */
bool sim_events_pop(sim_events_t *self, sim_event_t *ret);
#endif
