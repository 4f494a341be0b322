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
    /* Level 2: a forward jump of log time that nobody has confirmed yet (see fsp_meta_expiry_time).
       All zero: none. */
    fsp_time_t jump_time;    /* log time of the entry that jumped; names the jump */
    fsp_time_t frozen_time;  /* expiry time just before it */
    fsp_time_t hold_left_us; /* elapsed time that must still pass, greater than 0 during a hold */
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

/* What whoever applies one entry after the other remembers between them, to read less (see
   core/meta/ops_oldest.h).  Results do not depend on it. */
typedef struct fsp_ops_oldest fsp_ops_oldest_t;
fsp_ops_oldest_t *fsp_ops_oldest_new(void);
void fsp_ops_oldest_destroy(fsp_ops_oldest_t **self_p);
/* The same with such a memory.  What txn holds must become part of the state, or nothing may be
   applied with this memory any more. */
FSP_MUST_CHECK fsp_status_t fsp_meta_apply_with(fsp_ops_oldest_t *oldest, fsp_shard_ref_t shard,
                                                fsp_overlay_t *txn, uint64_t index, uint64_t term,
                                                fsp_time_t time, fsp_slice_t command,
                                                fsp_buf_t *ret_result);

/* -- log time (3.6) ---------------------------------------------------------------------------- */

/* The next log time where there is one voter: max(previous + 1, wall). */
fsp_time_t fsp_meta_next_time(fsp_time_t previous, fsp_time_t wall_us);

enum { FSP_META_WALLS_MAX = 16 };
/* A jump is more than this; a hold lasts so long. */
#define FSP_META_HOLD_US ((fsp_time_t)24 * 3600 * 1000 * 1000)
/* The next log time where there are several: min(own wall, median of the voters' walls + 10 min) if
   that is later than previous, else previous + max(1, elapsed_us); elapsed_us = monotonic time
   since the entry that had `previous`.  walls: clocks of the voters, own included, 1 ..
   FSP_META_WALLS_MAX; of an even number the lower middle one counts. */
fsp_time_t fsp_meta_next_time_voters(fsp_time_t previous, fsp_time_t elapsed_us, fsp_time_t wall_us,
                                     const fsp_time_t *walls, size_t wall_count);

/* The shard row as an entry with this log time finds it, its log_time raised to it.
   An entry whose log time is more than a day after that of the entry before is a *jump*: from it on
   a *hold* lasts until 24 h of elapsed time have passed or TIME_CONFIRM names it.  An entry counts
   at most 1 h of elapsed time, so that further jumps do not end a hold; one of more than a day
   begins it again.  A shard that is alive takes an entry (empty, if need be) at least once an hour:
   its leader sees to that.  Below level 2 and for the first entry of all: no holds. */
void fsp_meta_advance(fsp_shard_row_t *row, fsp_time_t time);
/* The time by which leases, uploads, links and retention are judged in an entry with this log time,
   or in a query (time = row->log_time): the log time itself, and during a hold the time before the
   jump plus what has elapsed since.  It never falls.  Takes a row before or after
   fsp_meta_advance. */
fsp_time_t fsp_meta_expiry_time(const fsp_shard_row_t *row, fsp_time_t time);
/* False during a hold: then nothing is pruned, purged or trimmed, whatever its age. */
bool fsp_meta_may_expire(const fsp_shard_row_t *row, fsp_time_t time);
#endif
