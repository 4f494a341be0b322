/* SPDX-License-Identifier: MIT */
/* apply - the state machine of a shard.  Layer core/meta.  Pure and deterministic.
 *
 * No clock, no randomness, no float, no pointer order, no locale.  Errors are results like any
 * other. Keys of all rows: shard u32 | generation u32 | table u8 | space id 16 | ... (meta/rows.h).
 */
#ifndef FSP_CORE_META_APPLY_H
#define FSP_CORE_META_APPLY_H
#include "core/base/overlay.h"
#include "core/meta/command.h"

typedef struct {
    uint32_t shard;
    uint32_t generation;
} fsp_shard_ref_t;

/* The shard's own row: how far the state machine is. */
typedef struct {
    uint64_t applied_index; /* of the log */
    uint64_t applied_term;
    fsp_time_t log_time; /* of the last command */
    uint64_t feature_level;
    uint64_t subject_floor;
} fsp_shard_row_t;
/* FSP_OK with zeroes for a shard that has no row yet. */
FSP_MUST_CHECK fsp_status_t fsp_meta_shard_row(fsp_shard_ref_t shard, fsp_view_t *view,
                                               fsp_shard_row_t *ret);

/* Applies the entry (index, term) to txn, whose base is the state before it.  bytes empty: an entry
   without a command (no-op): only the shard row moves.  time = log time of the entry.
   index is greater than the applied one, term not lower, txn empty (all asserted).
   On FSP_OK txn holds every row to write, the shard row with the new applied index among them, and
   ret_result the encoded fsp_result_t (empty for a no-op).  A command that is refused leaves only
   what must be kept of it (operation row).  Any other status: a read failed, nothing may be used,
   stop. */
FSP_MUST_CHECK fsp_status_t fsp_meta_apply(fsp_shard_ref_t shard, fsp_overlay_t *txn,
                                           uint64_t index, uint64_t term, fsp_time_t time,
                                           fsp_slice_t command, fsp_buf_t *ret_result);

/* The next log time: max(previous + 1, min(wall, ...)) for one voter: max(previous + 1, wall)
 * (3.6). */
fsp_time_t fsp_meta_next_time(fsp_time_t previous, fsp_time_t wall_us);
#endif
