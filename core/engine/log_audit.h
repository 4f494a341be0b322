/* SPDX-License-Identifier: MIT */
/* log_audit - does the log fit the watermark and the state?  Layer core/engine.  Pure.
 *
 * Kinds of faults: "log" (whatever stops a node at its start: gaps, terms, watermark, applied
 * index; also the hard state), "stray" (a row that is not of this replica's log), "replay" (an
 * entry behind the applied index cannot be applied).
 */
#ifndef FSP_CORE_ENGINE_LOG_AUDIT_H
#define FSP_CORE_ENGINE_LOG_AUDIT_H
#include "core/engine/replica.h"
#include "core/meta/audit.h"

typedef struct {
    uint64_t start, last;  /* of the log: entries start + 1 .. last */
    uint64_t applied;      /* durable in the state */
    fsp_shard_ref_t shard; /* with the generation of the state, also of a log that is not sound */
    bool sound;            /* no fault */
} fsp_log_audit_t;

/* config: as for the replica that would start.  Reads only. */
void fsp_log_audit(const fsp_replica_config_t *config, fsp_view_t *log_view, fsp_view_t *state_view,
                   fsp_fault_fn *fault, void *context, fsp_log_audit_t *ret);

/* A fault of fsp_audit_state that is none of a store: a stray row of another generation of the
   shard. A crash leaves such rows of a transfer, of the state before a switch, of a recovery; the
   next start of the replica forgets them. */
bool fsp_log_remains(fsp_shard_ref_t shard, const fsp_fault_t *fault);

/* Applies entries ret->applied + 1 .. ret->last to `pending`, which lies on the state, as a node
   would after its start.  Only for a sound log over a state without faults: apply asserts what the
   audit finds.  Memory: the rows those entries write, at most bytes_max bytes of log (the rest is
   left, and *ret_applied says how far it came).  False if an entry cannot be applied (reported). */
bool fsp_log_replay(const fsp_replica_config_t *config, fsp_view_t *log_view,
                    const fsp_log_audit_t *log, fsp_overlay_t *pending, size_t bytes_max,
                    fsp_fault_fn *fault, void *context, uint64_t *ret_applied);
#endif
