/* SPDX-License-Identifier: MIT */
/* replica - one shard's replica: its log and its state machine together.  Layer core/engine.  Pure.
 *
 * The part that ships unchanged in the daemon and in the simulator.  Request -> command entry ->
 * raft -> WRITE -> WRITTEN -> commit -> apply -> REPLY; the rows that apply wrote travel with the
 * next WRITE, together with the applied index in the same batch, so state is never ahead of the log
 * and a put costs one sync.  Until those rows are in the database they are visible through an
 * overlay.
 *
 * Two kinds of rows, two promises of the store.  Those of LOG survive from WRITTEN of a durable
 * WRITE on.  Those of STATE have no write-ahead log: WRITTEN says that they can be read, and
 * STATE_KEPT, much later, that they survive.  What a crash takes of them is their end, at a border
 * between WRITEs, and is applied again from the log.
 *
 * Keys, family LOG: log_rows.h; family STATE: core/meta/rows.h.  The generation of a shard's state
 * changes when a snapshot is switched to (snapshot_take.h); that of its log never does.
 */
#ifndef FSP_CORE_ENGINE_REPLICA_H
#define FSP_CORE_ENGINE_REPLICA_H
#include "core/base/batch.h"
#include "core/base/overlay.h"
#include "core/engine/replica_message.h"
#include "core/meta/apply.h"
#include "core/meta/query.h"
#include "core/raft/raft.h"

typedef struct fsp_replica fsp_replica_t;

typedef struct {
    fsp_shard_ref_t shard; /* generation: that of the log, and of a state never replaced */
    fsp_raft_member_t self;
    fsp_raft_conf_t base;     /* what a log without any configuration starts from: one voter, or
                                 nothing for a learner that waits to be told */
    fsp_raft_limits_t limits; /* zero: fsp_raft_limits_default */
    uint64_t seed;            /* other in each life of the process */
    size_t cache_bytes_max;
    size_t places_max; /* kept.h; 0: FSP_KEPT_PLACES_MAX */
    /* From the store's own rows (store/): */
    uint64_t watermark;
    bool clean;
} fsp_replica_config_t;

/* Appends to batch the rows of a replica of a new shard: one entry, its first configuration, the
   same at all of them.  Durable before fsp_replica_new (docs/protocol/commands-system.md,
   SHARD_ADD). */
void fsp_replica_bootstrap(const fsp_replica_config_t *config, const fsp_raft_conf_t *first,
                           fsp_batch_t *batch);

typedef enum {
    FSP_REPLICA_TICK,
    FSP_REPLICA_COMMAND, /* token, bytes: an encoded command; two_copies */
    FSP_REPLICA_QUERY,   /* token, bytes: an encoded query; answered linearizably, at any replica */
    FSP_REPLICA_WRITTEN, /* token of a WRITE, in order; place */
    FSP_REPLICA_STATE_KEPT,  /* place: state rows of all WRITEs up to it are on stable storage */
    FSP_REPLICA_MESSAGE,     /* message from another replica of the shard */
    FSP_REPLICA_CONFIGURE,   /* target; only a leader heeds it */
    FSP_REPLICA_REPLACE,     /* replica: its node lost it and asks for a new number */
    FSP_REPLICA_TRANSFER,    /* replica: shall lead */
    FSP_REPLICA_UNREACHABLE, /* replica: a hint */
} fsp_replica_event_type_t;

typedef struct {
    fsp_replica_event_type_t type;
    fsp_time_t now_us;       /* monotonic */
    fsp_time_t wall_us;      /* Unix time, for log time */
    const fsp_time_t *walls; /* the voters' wall clocks, own included; borrowed */
    size_t wall_count;       /* 0: one voter, or not known */
    uint64_t token;
    uint64_t place; /* of the store's group that carried the WRITE: rises, equal in one group */
    uint64_t replica;
    bool two_copies;   /* the answer waits for synchronous learners */
    bool more;         /* more events follow at once: the rows of this one go with their WRITE */
    fsp_slice_t bytes; /* borrowed */
    const fsp_replica_message_t *message; /* borrowed */
    const fsp_raft_target_t *target;      /* borrowed */
} fsp_replica_event_t;

typedef enum {
    FSP_REPLICA_WRITE,      /* token, batch; durable, keeps_state: what WRITTEN will say */
    FSP_REPLICA_REPLY,      /* token, status; bytes = encoded result or answer when status is OK.
                               NOT_LEADER (leader: a hint, replica number or 0): a command may or
                               may not take effect; BUSY, NEEDS_TWO_COPIES: it surely did not */
    FSP_REPLICA_SEND,       /* message */
    FSP_REPLICA_ROLE,       /* role, term, leader */
    FSP_REPLICA_CONFIGURED, /* conf, index: committed */
    FSP_REPLICA_REMOVED, /* no longer a member: stop it, then its rows may go, those of STATE first:
                            a log may be without state, a state without log is damage */
    FSP_REPLICA_STOP,    /* index: its state differs from the majority's: alarm, stop, keep rows */
} fsp_replica_effect_type_t;

typedef struct {
    fsp_replica_effect_type_t type;
    uint64_t token;
    fsp_batch_t *batch; /* owned by the effect list; the shell may take it and leave NULL */
    bool durable; /* WRITE: its log rows are on stable storage when it is WRITTEN; false: they go
                     with the next group that is synced */
    bool keeps_state; /* WRITE: and all state rows up to and in it are, too */
    uint64_t
        durable_index; /* WRITE: log index that is durable once it is WRITTEN (for the watermark) */
    bool cuts; /* WRITE: the log may be shorter after it; before it is written, the watermark, also
                  the one outside the database, is lowered to durable_index if it is above */
    fsp_status_t status;
    fsp_buf_t bytes;
    fsp_replica_message_t message; /* owned by the effect list; the shell may take it (zeroing) */
    fsp_raft_role_t role;
    uint64_t term, leader, index;
    fsp_raft_conf_t conf;
} fsp_replica_effect_t;
typedef struct {
    fsp_replica_effect_t *items;
    size_t count, capacity;
} fsp_replica_effects_t;
void fsp_replica_effects_reset(fsp_replica_effects_t *self);
void fsp_replica_effects_clear(fsp_replica_effects_t *self);

/* Reads hard state, log and applied index from the two views (which outlive self), checks them
   against the watermark (DAMAGED with a text), applies committed entries that the state lacks as
   they become known.  What the views show is on stable storage: that of a store that was opened
   since it was written.  Effects of the first step (its own election) come with the first TICK. */
FSP_MUST_CHECK fsp_status_t fsp_replica_new(const fsp_replica_config_t *config,
                                            fsp_view_t *log_view, fsp_view_t *state_view,
                                            fsp_replica_t **ret_self, fsp_error_t *error);
void fsp_replica_destroy(fsp_replica_t **self_p);
/* A status other than OK: a read or apply failed; the node must stop. */
FSP_MUST_CHECK fsp_status_t fsp_replica_step(fsp_replica_t *self, const fsp_replica_event_t *event,
                                             fsp_replica_effects_t *effects);
fsp_time_t fsp_replica_deadline(const fsp_replica_t *self);

/* Serving: leader with a committed entry of its own term. */
bool fsp_replica_ready(const fsp_replica_t *self);
uint64_t fsp_replica_applied_index(const fsp_replica_t *self);
uint64_t fsp_replica_durable_index(const fsp_replica_t *self);
/* The state with all that was applied. */
fsp_view_t *fsp_replica_view(fsp_replica_t *self);
/* Whose rows those are: the generation may have risen. */
fsp_shard_ref_t fsp_replica_shard(const fsp_replica_t *self);
/* The log and elections, to look at. */
const fsp_raft_t *fsp_replica_raft(const fsp_replica_t *self);
/* Writes that are not WRITTEN yet. */
size_t fsp_replica_pending_writes(const fsp_replica_t *self);
#endif
