/* SPDX-License-Identifier: MIT */
/* world_internal - the state of the world, shared by the files world*.c.  Layer tests. */
#ifndef FSP_TESTS_SIM_WORLD_INTERNAL_H
#define FSP_TESTS_SIM_WORLD_INTERNAL_H
#include "core/engine/replica.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/sim_events.h"
#include "tests/sim/sim_oracle.h"
#include "tests/sim/world.h"

enum { WORLD_NODES = 1 };

/* One node: a process that comes and goes, and a disk that stays. */
typedef struct {
    uint32_t number;
    sim_disk_t *disk;
    fsp_replica_t *replica;   /* NULL: down */
    uint64_t boot;            /* lives so far */
    bool stopping;            /* takes no requests; ends when its writes are done */
    bool stopped_clean;       /* how it ended last */
    bool verified;            /* compared since its start */
    bool tick_due;            /* a TICK is in the heap */
    uint64_t applied;         /* at the last step of this life */
    uint64_t durable_applied; /* that a restart must find at least */
    uint64_t reported;        /* log index reported durable, in memory of the process */
    uint64_t watermark;       /* and in the file outside the database */
    fsp_time_t watermark_at;
    int64_t clock_offset_us;
    uint64_t read_errors_seen;
} node_t;

/* A message of a client to a node, and what came back.  Its number is its token there. */
typedef struct {
    uint32_t client;
    uint64_t operation;
    bool is_query;
    fsp_blob_t *bytes;
    uint64_t entry; /* log index of the command, 0 none yet */
    bool replied;
    fsp_status_t status;
    fsp_buf_t answer;
} request_t;

typedef struct {
    sim_config_t config;
    sim_trace_t trace;
    fsp_prng_t prng;
    sim_events_t events;
    bool calm; /* no more faults */
    uint64_t steps;
    fsp_shard_ref_t shard;
    fsp_raft_member_t members[WORLD_NODES];
    sim_oracle_t *oracle;
    uint64_t feed_checked; /* committed index at the last look at the feed */
    node_t nodes[WORLD_NODES];
    sim_space_t space;
    sim_client_t clients[SIM_CLIENTS_MAX];
    request_t *requests; /* 0 is unused */
    size_t request_count, request_capacity;
    world_outcome_t outcome;
} world_t;

/* True once in n, while there are faults. */
bool world_fault(world_t *self, uint32_t in);
void world_push(world_t *self, sim_event_type_t type, uint32_t node, fsp_time_t delay_us,
                uint64_t value);

/* world_node.c */
void world_node_init(world_t *self, node_t *node);
void world_node_clear(node_t *node);
void world_node_start(world_t *self, node_t *node);
void world_node_crash(world_t *self, node_t *node);
/* One event of the world for a node that is up. */
void world_node_event(world_t *self, node_t *node, const sim_event_t *event);
/* Compares state and feed with what they must be; the node is ready and has applied everything. */
void world_node_verify(world_t *self, node_t *node);

/* world_feed.c */
/* Reads the change feed through the replica and checks:
     C3  an operation answered OK is in it exactly once, at the index of its answer
     C4  one answered otherwise is not in it; none is in it twice; none that nobody sent
     C5  indexes have no gap, and each row names the hash of the one before */
void world_check_feed(world_t *self, node_t *node);
#endif
