/* SPDX-License-Identifier: MIT */
/* overlay - writes above a view.  Layer core/base.
 *
 * Two uses.  A *transaction* holds the rows one command writes until the command is known to
 * succeed.  *Pending rows* are applied and visible, but the store has not written them yet; each
 * carries the number of the write that holds it and is dropped when that write is in the database.
 * An overlay is a view itself, so the two stack: transaction over pending over database.
 *
 * While a cursor on an overlay is open, the overlay may not change (asserted in every call that
 * writes).  A cursor on a transaction holds one on the pending rows below it.
 */
#ifndef FSP_CORE_BASE_OVERLAY_H
#define FSP_CORE_BASE_OVERLAY_H
#include "core/base/batch.h"
#include "core/base/omap.h"
#include "core/base/view.h"

typedef struct fsp_overlay fsp_overlay_t;

/* base outlives the overlay. */
fsp_overlay_t *fsp_overlay_new(fsp_view_t *base);
void fsp_overlay_destroy(fsp_overlay_t **self_p);
fsp_view_t *fsp_overlay_view(fsp_overlay_t *self);
/* Rows of put and delete belong to no write yet: no settle drops them. */
void fsp_overlay_put(fsp_overlay_t *self, fsp_slice_t key, fsp_slice_t value);
void fsp_overlay_delete(fsp_overlay_t *self, fsp_slice_t key);
/* Forgets all writes. */
void fsp_overlay_reset(fsp_overlay_t *self);
/* How many rows it holds. */
size_t fsp_overlay_count(const fsp_overlay_t *self);
/* Moves all rows of self into parent (tagged with tag) and, as rows of family, behind those of
   batch (may be NULL), in the order of their keys; self is empty afterwards.  parent must be the
   overlay that self lies on.  tag < UINT64_MAX, and not below that of an earlier commit into parent
   that is not settled yet (asserted). */
void fsp_overlay_commit(fsp_overlay_t *self, fsp_overlay_t *parent, uint64_t tag,
                        fsp_batch_t *batch, fsp_family_t family);
/* Drops every row whose tag is <= tag: the base has them now.  Costs what was committed with these
   tags, however many rows stay. */
void fsp_overlay_settle(fsp_overlay_t *self, uint64_t tag);
#endif
