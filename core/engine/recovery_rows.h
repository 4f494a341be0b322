/* SPDX-License-Identifier: MIT */
/* recovery_rows - a recovered replica as rows.  Layer core/engine.  Pure.
 *
 * Looking at a survivor gives what recovery.h decides from.  What it decided is carried out at one
 * survivor after the other:
 *
 *   source   the state of the replica that was taken, with the whole of its log applied, at the new
 *            start; nothing of it is written to where it came from
 *   copy     the rows of the source, in pieces, under a generation that the survivor does not have
 *   keep     the copy is on stable storage: rows of the state are not when they are written
 *   digest   of what the survivor's database then says, compared with that of the copy
 *   switch   one batch: the old log goes; hard row, base row of the new member.  Its rows of the
 * old generation go at the first step of the replica (it looks for them)
 *
 * The same road at all of them, also at the one that was taken: until its switch is durable, a
 * survivor is what it was, and behind it its start needs nothing but its own rows.
 * Weak: while it lasts a survivor needs room for the state twice.
 */
#ifndef FSP_CORE_ENGINE_RECOVERY_ROWS_H
#define FSP_CORE_ENGINE_RECOVERY_ROWS_H
#include "core/base/batch.h"
#include "core/engine/recovery.h"
#include "core/engine/replica.h"
#include "core/meta/audit.h"

enum {
    FSP_RECOVERY_PIECE_BYTES = 1024 * 1024,
    FSP_RECOVERY_TAIL_BYTES_MAX = 256 * 1024 * 1024, /* of log that the state lacks; in memory */
};

/* What a survivor's rows say of its replica; config: as for the replica that would start there.  It
   is whole if neither the log nor the state has a fault; each fault is reported (log_audit.h,
   core/meta/audit.h).  Reads only. */
void fsp_recovery_look(const fsp_replica_config_t *config, fsp_view_t *log_view,
                       fsp_view_t *state_view, fsp_fault_fn *fault, void *context,
                       fsp_recovery_state_t *ret);

typedef struct fsp_recovery_source fsp_recovery_source_t;

/* taken: as for the replica that would start there, which was looked at and is whole: apply asserts
   what a look reports.  Reads log and state, which outlive the source.  DAMAGED with words: a fault
   (it was not whole); MISMATCH: it is not the one that was taken, its log ends elsewhere;
   TOO_LARGE: the state lacks too much; IO. */
FSP_MUST_CHECK fsp_status_t fsp_recovery_source_new(const fsp_recovered_shard_t *shard,
                                                    const fsp_replica_config_t *taken,
                                                    fsp_view_t *log_view, fsp_view_t *state_view,
                                                    fsp_recovery_source_t **ret_self,
                                                    fsp_error_t *error);
void fsp_recovery_source_destroy(fsp_recovery_source_t **self_p);

typedef struct {
    const fsp_recovery_source_t *source;
    uint32_t generation;  /* under which the rows go */
    fsp_cursor_t *cursor; /* over the rows of the source */
    fsp_hash_t digest;    /* of the rows so far (snapshot_send.h) */
    uint64_t row_count;
} fsp_recovery_copy_t;

/* A generation above all that the survivor's state has of this shard, and above that of a log.
   TOO_LARGE, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_recovery_generation(uint32_t shard, fsp_view_t *state_view,
                                                    uint32_t *ret);
/* source outlives the copy; several may be under way.  End with fsp_recovery_copy_clear. */
void fsp_recovery_copy_init(fsp_recovery_copy_t *self, const fsp_recovery_source_t *source,
                            uint32_t generation);
void fsp_recovery_copy_clear(fsp_recovery_copy_t *self);
/* Appends about FSP_RECOVERY_PIECE_BYTES of rows to batch; *ret_done: there are no more. */
FSP_MUST_CHECK fsp_status_t fsp_recovery_copy_next(fsp_recovery_copy_t *self, fsp_batch_t *batch,
                                                   bool *ret_done);
/* What a database says of a generation of the shard. */
FSP_MUST_CHECK fsp_status_t fsp_recovery_digest(fsp_shard_ref_t shard, fsp_view_t *state_view,
                                                fsp_hash_t *ret_digest, uint64_t *ret_row_count);
/* The rows on which fsp_replica_new starts as `member`, over the state of that generation; written
   durably, in one batch, after those of the state are kept (replica.h, keeps_state).  The log is
   the survivor's only one of this shard: whatever rows of it there are go.  The watermark of the
   new number is start_index. */
void fsp_recovery_switch(const fsp_recovered_shard_t *shard, const fsp_raft_member_t *member,
                         uint32_t log_generation, uint32_t generation, fsp_batch_t *batch);
#endif
