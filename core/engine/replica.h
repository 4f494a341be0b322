/* SPDX-License-Identifier: MIT */
/* replica - one shard's replica: its log and its state machine together.  Layer core/engine.  Pure.
 *
 * The part that ships unchanged in the daemon and in the simulator.  Request -> command entry ->
 * raft -> WRITE -> WRITTEN -> commit -> apply -> REPLY; the rows that apply wrote travel with the
 * next WRITE, together with the applied index in the same batch, so state is never ahead of the log
 * and a put costs one sync.  Until those rows are in the database they are visible through an
 * overlay.
 *
 *   keys, family LOG:   shard u32 | generation u32 | replica u64 | store id 16 | kind u8 [| index
 * u64] kind 1 hard state and log start, kind 2 entry keys, family STATE: core/meta/rows.h
 */
#ifndef FSP_CORE_ENGINE_REPLICA_H
#define FSP_CORE_ENGINE_REPLICA_H
#include "core/base/batch.h"
#include "core/base/overlay.h"
#include "core/meta/apply.h"
#include "core/meta/query.h"
#include "core/raft/raft.h"

typedef struct fsp_replica fsp_replica_t;

typedef struct {
    fsp_shard_ref_t shard;
    fsp_raft_member_t self;
    uint64_t seed;
    size_t cache_bytes_max;
    /* From the store's own rows (store/): */
    uint64_t watermark;
    bool clean;
} fsp_replica_config_t;

typedef enum {
    FSP_REPLICA_TICK,
    FSP_REPLICA_COMMAND, /* token, bytes: an encoded command */
    FSP_REPLICA_QUERY,   /* token, bytes: an encoded query; answered linearizably */
    FSP_REPLICA_WRITTEN, /* token of a WRITE, in order */
} fsp_replica_event_type_t;

typedef struct {
    fsp_replica_event_type_t type;
    fsp_time_t now_us;  /* monotonic */
    fsp_time_t wall_us; /* Unix time, for log time */
    uint64_t token;
    fsp_slice_t bytes; /* borrowed */
} fsp_replica_event_t;

typedef enum {
    FSP_REPLICA_WRITE, /* token, batch, durable: true = sync before WRITTEN; false = with the next
                          group */
    FSP_REPLICA_REPLY, /* token, status; bytes = encoded result or answer when status is OK */
} fsp_replica_effect_type_t;

typedef struct {
    fsp_replica_effect_type_t type;
    uint64_t token;
    fsp_batch_t *batch; /* owned by the effect list; the shell may take it and leave NULL */
    bool durable;
    uint64_t
        durable_index; /* WRITE: log index that is durable once it is WRITTEN (for the watermark) */
    fsp_status_t status;
    fsp_buf_t bytes;
} fsp_replica_effect_t;
typedef struct {
    fsp_replica_effect_t *items;
    size_t count, capacity;
} fsp_replica_effects_t;
void fsp_replica_effects_reset(fsp_replica_effects_t *self);
void fsp_replica_effects_clear(fsp_replica_effects_t *self);

/* Reads hard state, log and applied index from the two views (which outlive self), checks them
   against the watermark (DAMAGED with a text), applies committed entries that the state lacks as
   they become known. Effects of the first step (its own election) come with the first TICK. */
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
/* Writes that are not WRITTEN yet. */
size_t fsp_replica_pending_writes(const fsp_replica_t *self);
#endif
