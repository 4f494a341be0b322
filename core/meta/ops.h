/* SPDX-License-Identifier: MIT */
/* ops - what was answered to whom: exactly once (docs/consensus.md 7).  Layer core/meta.  Pure.
 *
 * The table keeps (subject, op id) -> (index, digest, result) for every answer that a retry must
 * get again, in the order of `index`, the change number of the space when it was answered: its
 * own number if it made a change, else that of the last change before it.
 *
 * Horizon.  A client says `since`: a change number it knew before it first sent.  Whatever that
 * operation did or was answered, it was at apply when the space was at `since` or later; so its
 * row, if there ever was one, has index >= since.  Rows go in the order of their index, and
 *
 *     horizon = 1 + (highest index of a row that was trimmed), 0 before the first
 *
 * is the lowest `since` for which every row is still there: since >= horizon and no row means that
 * the operation was never answered.  since == horizon - 1 is not covered: the row trimmed last may
 * have been its refusal.
 *
 * A row whose index is the present change number is never trimmed.  So horizon <= change number,
 * and a client that knows the last change can always send.  (Otherwise 100,000 refusals in a row
 * would lift the horizon above the last change, every command would be EXPIRED, and no change
 * could ever come to lift it again.)  Weak: refusals without any change between them are kept
 * beyond the minimum until one comes; then each apply trims more rows than it adds.
 */
#ifndef FSP_CORE_META_OPS_H
#define FSP_CORE_META_OPS_H
#include "core/meta/machine.h"

enum {
    /* Trimmed per apply; an apply adds at most one row, so that a backlog shrinks. */
    FSP_OPS_TRIM_MAX = 4,
};
/* So many rows are kept, and each for so long by log time, at least.  The simulator is built with
   FSP_OPS_SOON_GONE, over a core of its own: its runs, of hundreds of operations and some seconds,
   would never get beyond the horizon. */
#ifdef FSP_OPS_SOON_GONE
enum { FSP_OPS_KEPT = 12 };
#define FSP_OPS_KEPT_US ((fsp_time_t)1000 * 1000)
#else
enum { FSP_OPS_KEPT = FSP_OPS_KEPT_MIN };
#define FSP_OPS_KEPT_US ((fsp_time_t)24 * 3600 * 1000 * 1000)
#endif

/* Looks the command up.  FSP_OK: new, apply it.  EXISTS: *ret is the stored answer.  OP_REUSED,
   EXPIRED, OUTCOME_UNKNOWN: refuse, keep nothing. */
FSP_MUST_CHECK fsp_status_t fsp_ops_find(fsp_machine_t *m, fsp_result_t *ret);
/* True if an answer of this status must be given again to a retry.  Results of class `again` are
   about the sender's knowledge, not about the operation: nothing was decided. */
bool fsp_ops_keeps(fsp_status_t status);
/* Keeps m->result as the answer to the command. */
void fsp_ops_store(fsp_machine_t *m);
/* Trims at most rows_max of the oldest rows, while more than kept_min are left and the oldest is
   older than kept_us before the log time of this apply. */
FSP_MUST_CHECK fsp_status_t fsp_ops_trim(fsp_machine_t *m, uint64_t kept_min, fsp_time_t kept_us,
                                         size_t rows_max);
#endif
