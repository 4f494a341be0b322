/* SPDX-License-Identifier: MIT */
/* world_internal - the state of the world, shared by the files world*.c.  Layer tests. */
#ifndef FSP_TESTS_SIM_WORLD_INTERNAL_H
#define FSP_TESTS_SIM_WORLD_INTERNAL_H
#include "core/engine/replica.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/sim_events.h"
#include "tests/sim/sim_operation.h"
#include "tests/sim/sim_oracle.h"
#include "tests/sim/world.h"

enum {
    WORLD_REPLICAS_MAX = 250,     /* over a whole run */
    WORLD_NODE_REPLICAS_MAX = 64, /* on one node, over a whole run */
    WORLD_NUMBERS_MAX = 256,
    WORLD_ENDINGS_MAX = 32, /* faults that last and must end */
};

typedef struct world world_t;

/* -- nodes and replicas ------------------------------------------------------------------------ */

/* What the node's durable list says of a replica number (docs/consensus.md 3). */
typedef enum { REPLICA_LIVE, REPLICA_LOST, REPLICA_LEFT } replica_state_t;

/* What a replica was asked and has said (world_promise.c). */
typedef struct {
    uint8_t *votes; /* by term: the number it voted for, 0 none */
    size_t vote_count;
    uint64_t asked_term; /* newest in which it was asked for a vote; in it, by number: */
    uint64_t asked[WORLD_NUMBERS_MAX / 64];
    uint64_t may_refuse[WORLD_NUMBERS_MAX / 64];
    uint64_t may_grant[WORLD_NUMBERS_MAX / 64];
    uint64_t heard_term;  /* newest in any message that means it */
    fsp_time_t leader_us; /* heard of the leader, by the clock of the node; 0 not */
    uint64_t
        kept[WORLD_NUMBERS_MAX]; /* by number: a pre-vote of this term came while it heard one */
    uint64_t free[WORLD_NUMBERS_MAX]; /* or while it did not */
    bool sticks;                      /* the message at hand must not raise its term */
    fsp_time_t patience_us;           /* drawn last */
    fsp_time_t patience_at;
    uint32_t same_patience; /* so many times in a row */
    /* As leader of led_term, by number: */
    uint64_t matched[WORLD_NUMBERS_MAX];    /* what the other one has accepted */
    uint64_t told[WORLD_NUMBERS_MAX];       /* and was told to commit */
    uint64_t joined[WORLD_NUMBERS_MAX];     /* commit index when it was given a seat, + 1 */
    fsp_time_t heard_us[WORLD_NUMBERS_MAX]; /* answered last, by the clock of the node */
    uint64_t lead_commit;                   /* commit index when it began to lead */
    fsp_time_t conf_us;                     /* began to lead, or changed members last */
} promises_t;

/* One replica of the shard, from its making on; a number is never used for another one. */
typedef struct {
    world_t *world;
    uint32_t id; /* position in the world */
    uint32_t node;
    fsp_raft_member_t member;
    replica_state_t state;
    fsp_raft_conf_t base;
    sim_disk_t *disk;
    fsp_replica_t *replica; /* NULL: not running */
    sim_log_t written;      /* the log, as its writes say */
    sim_log_t durable;      /* and as it would survive */
    bool harmed;            /* the world damaged its disk: it must notice */

    /* Of the present life. */
    fsp_time_t tick_at; /* a TICK is in the heap; FSP_TIME_NEVER: none */
    bool group_due;     /* a GROUP is */
    bool keep_due;      /* a KEEP is */
    bool verified;      /* compared as a whole since it took a snapshot */
    bool removed;       /* it said so */
    uint64_t applied, commit;
    uint64_t rows_applied; /* up to where its writes bring the state */
    uint64_t led_term;
    uint64_t read_errors_seen;
    uint64_t digest_told; /* end of the last window whose digest it told (R4) */
    bool diverges;        /* the world says so, and it must be told to stop */
    bool stopped;         /* it was */

    /* Over lives. */
    uint64_t durable_applied; /* that a restart must find at least */
    uint64_t reported;        /* log index reported durable, in memory of the process */
    uint64_t watermark;       /* and in the file outside the database */
    fsp_time_t watermark_at;
    uint8_t routes[WORLD_NUMBERS_MAX]; /* replica number -> node + 1, 0 not known */
    promises_t promises;
} replica_t;

/* A process that comes and goes, and what stays. */
typedef struct {
    uint32_t number;
    fsp_node_id_t id;
    fsp_store_id_t store_id;
    bool up;
    bool stopping;      /* takes no requests; ends when its writes are done */
    bool stopped_clean; /* how it ended last */
    bool stays_down;    /* also when the others are healed */
    uint64_t boot;      /* lives so far */
    uint32_t crash_in;  /* effects until the process ends, 0 it does not */
    uint32_t loop;      /* and so many times again */
    fsp_time_t mono_base;
    fsp_time_t stalled_until;
    bool clock_stands; /* meanwhile */
    bool ticks_first;  /* after a stall, before what has come meanwhile */
    int64_t clock_offset_us;
    fsp_raft_target_t target; /* the newest layout it knows; count 0: none */
    uint32_t replicas[WORLD_NODE_REPLICAS_MAX];
    uint32_t replica_count;
} node_t;

/* -- messages ---------------------------------------------------------------------------------- */

/* A message of a client to a node, and what came back.  Its number is its token there. */
typedef struct {
    uint32_t client;
    uint64_t operation;
    bool is_query;
    fsp_blob_t *bytes;
    uint64_t entry, term; /* of the log, of the command; 0 none yet */
    uint64_t floor;       /* committed when the query came to the node */
    bool replied;
    fsp_status_t status;
    uint32_t leader; /* a node; SIM_NODES_MAX not known */
    fsp_buf_t answer;
} request_t;

/* A message between replicas on its way. */
typedef struct {
    fsp_replica_message_t message;
    fsp_blob_t *bytes;           /* instead of message */
    const fsp_raft_conf_t *conf; /* the sender's, then */
    uint32_t from, to;           /* nodes */
    uint32_t next_free;
} parcel_t;

typedef struct {
    uint32_t closed; /* by so many faults */
    uint32_t slow;
    fsp_time_t last_at; /* arrival of the last message */
} link_t;

/* A fault that lasts. */
typedef struct {
    bool active;
    sim_fault_t fault;
    uint32_t links[SIM_NODES_MAX]; /* bit j of [i]: from i to j */
    uint32_t node;
    uint32_t times; /* flapping: changes left */
    bool closed;
} ending_t;

/* -- the world --------------------------------------------------------------------------------- */

struct world {
    sim_config_t config;
    sim_trace_t trace;
    fsp_prng_t prng;
    sim_events_t events;
    bool calm;     /* no more faults */
    bool rests;    /* nothing is left to do */
    bool lockstep; /* all messages take the same time */
    fsp_time_t calm_at;
    uint64_t steps;
    fsp_shard_ref_t shard;

    node_t nodes[SIM_NODES_MAX];
    replica_t *replicas[WORLD_REPLICAS_MAX];
    uint32_t replica_count;
    link_t links[SIM_NODES_MAX][SIM_NODES_MAX];
    bool slow_disks[SIM_NODES_MAX];
    ending_t endings[WORLD_ENDINGS_MAX];

    sim_entries_t entries;
    sim_oracle_t *oracle;
    const fsp_raft_conf_t *conf; /* the newest that is committed */
    uint64_t conf_index;
    uint32_t *leaders; /* by term: replica of the world + 1 */
    size_t leader_count;
    bool leader_since_calm;
    uint64_t feed_checked; /* committed index at the last look at the feed */

    fsp_raft_target_t target; /* the newest layout */
    fsp_raft_target_t earlier_target;

    sim_space_t space;
    sim_client_t clients[SIM_CLIENTS_MAX];
    request_t *requests; /* 0 is unused */
    size_t request_count, request_capacity;
    parcel_t *parcels; /* 0 is unused */
    uint32_t parcel_count, parcel_capacity, free_parcel;
    size_t parcels_under_way;
    fsp_replica_effects_t effects;
    struct {
        uint64_t query;
        fsp_blob_t *answer;
    } old_answers[32]; /* for the lie of that name */
    world_outcome_t outcome;
};

/* world.c */
/* True once in n, while there are faults. */
bool world_fault(world_t *self, uint32_t in);
fsp_time_t world_network_delay(world_t *self);
/* delay_us from now; about a node or, if the event type says so, a replica of the world. */
void world_push(world_t *self, sim_event_type_t type, uint32_t node, fsp_time_t delay_us,
                uint64_t value);
void world_push_to_replica(world_t *self, sim_event_type_t type, const replica_t *replica,
                           fsp_time_t delay_us, uint64_t value, uint64_t extra);

/* Time passes; for the trials. */
void world_run_for(world_t *self, fsp_time_t us);

/* world_node.c */
/* The process stands still. */
bool world_stands(const world_t *self, const node_t *node);
void world_node_start(world_t *self, node_t *node);
void world_node_crash(world_t *self, node_t *node);
void world_node_stop(world_t *self, node_t *node);
/* One step of a replica and what follows from it; cause: the request that it is about, or NULL. */
void world_replica_step(world_t *self, replica_t *replica, fsp_replica_event_t event,
                        request_t *cause);
/* A replica that was made just now starts. */
void world_replica_begin(world_t *self, replica_t *replica);
/* A TICK, GROUP, SYNCED or WRITTEN. */
void world_replica_event(world_t *self, replica_t *replica, const sim_event_t *event);

/* world_shell.c: what a node does around its replicas (docs/consensus.md 3) */
void world_first_replicas(world_t *self);
void world_replica_destroy(replica_t **self_p);
/* Where the members of a configuration are. */
void world_learn_routes(world_t *self, replica_t *replica, const fsp_raft_conf_t *conf);
/* The one that answers clients; NULL: none runs. */
replica_t *world_serving_replica(world_t *self, node_t *node);
replica_t *world_leader(world_t *self);
/* NULL: the node has none of that number. */
replica_t *world_replica_numbered(world_t *self, const node_t *node, uint64_t number);
/* A message of another node: to a replica, or the reason to make one. */
void world_node_receive(world_t *self, node_t *node, uint32_t from, const fsp_raft_conf_t *conf,
                        const fsp_replica_message_t *message);
/* It is no longer a member: its rows go. */
void world_replica_leave(world_t *self, replica_t *replica);
/* Its node sees that it lost what it had promised. */
void world_replica_lost(world_t *self, replica_t *replica);
void world_ask_replacement(world_t *self, node_t *node, uint32_t replica_id);
/* The node hears of the newest layout; its leader, if it has one, is told. */
void world_hear_layout(world_t *self, node_t *node);
void world_publish_layout(world_t *self, fsp_raft_target_t target);
fsp_raft_wanted_t world_wanted(const world_t *self, uint32_t node, bool sync);
uint32_t world_node_of(const world_t *self, const fsp_node_id_t *id);

/* world_net.c */
/* Takes *message. */
void world_send(world_t *self, replica_t *from, fsp_replica_message_t *message);
void world_deliver(world_t *self, const sim_event_t *event);
void world_net_clear(world_t *self);

/* world_fault.c */
void world_next_fault(world_t *self);
void world_end_fault(world_t *self, uint64_t ending);
/* All faults end, and all nodes come back, or enough of them. */
void world_heal(world_t *self);

/* world_clients.c */
void world_client_wake(world_t *self, uint32_t client);
void world_plan_client(world_t *self, const sim_client_t *client);
void world_deliver_request(world_t *self, node_t *node, uint64_t request);
void world_deliver_answer(world_t *self, uint64_t request);
void world_reply(world_t *self, replica_t *replica, fsp_replica_effect_t *effect);
bool world_clients_done(const world_t *self);
void world_clients_clear(world_t *self);

/* world_check.c */
/* After a step, before its effects: R1, R3, R5, commits judged on the disks. */
void world_check_step(world_t *self, replica_t *replica, fsp_replica_event_type_t event);
/* Whether a seat's disk has the entry.  What a lost number had promised counts as kept: it is gone
   with the number. */
bool world_has_durably(world_t *self, const fsp_raft_seat_t *seat, const sim_entry_t *entry);
/* A WRITE: R2, R4, R6, R7. */
sim_log_change_t world_check_write(world_t *self, replica_t *replica,
                                   const fsp_replica_effect_t *effect);
/* A whole state on a disk, all of whose writes are done. */
void world_check_rows(world_t *self, const replica_t *replica);
/* A whole state as the replica sees it, and the feed. */
void world_check_state(world_t *self, replica_t *replica);
/* NULL: everything is done and at rest, else what is missing. */
const char *world_unrest(world_t *self);
void world_check_end(world_t *self);

/* world_promise.c: V1-V9, L1-L6, C6-C9 */
void world_promise_clear(replica_t *replica);
/* It begins to lead. */
void world_promise_lead(world_t *self, replica_t *replica);
/* After a step. */
void world_promise_step(world_t *self, replica_t *replica, fsp_replica_event_type_t event);
/* A WRITE: the hard state before it, what it did, and whether it switches to a snapshot. */
void world_promise_write(world_t *self, replica_t *replica, const fsp_hard_state_t *before,
                         const sim_log_change_t *change, bool install);
/* A message, before the step that it is for, and after it. */
void world_promise_hear(world_t *self, replica_t *replica, const fsp_raft_message_t *message);
void world_promise_heard(world_t *self, replica_t *replica, const fsp_raft_message_t *message);
/* A message that leaves, to a replica of this node. */
void world_promise_send(world_t *self, replica_t *from, uint32_t to,
                        const fsp_raft_message_t *message);
/* An answer to a command that asked for two copies. */
void world_promise_copied(world_t *self, const replica_t *replica, const sim_entry_t *entry);
/* An answer to a query. */
void world_promise_answer(world_t *self, const replica_t *replica, const request_t *request);

/* world_trial.c: in a world at rest; it may not rest afterwards. */
void world_trial(world_t *self);
/* The last act: nothing can be judged after it. */
void world_trial_divergent(world_t *self);

/* world_feed.c */
/* Reads the change feed through the replica and checks:
     C3  an operation answered OK is in it exactly once, at the index of its answer
     C4  one answered otherwise is not in it; none is in it twice; none that nobody sent
     C5  indexes have no gap, and each row names the hash of the one before */
void world_check_feed(world_t *self, replica_t *replica);
#endif
