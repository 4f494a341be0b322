/* SPDX-License-Identifier: MIT */
/* rowcache - the rows read last, above a view that is slow.  Layer core/base.
 *
 * A view of its base that keeps small rows that were found there.  Whoever writes to the base tells
 * it (note), before the write can be read there; until it can, the writer holds the row above the
 * cache (overlay.h).  So what is kept is never older than the base.  A row that is not there is not
 * kept: nobody asks twice for what is new.
 *
 * Bounded: rows_max rows of at most FSP_ROWCACHE_BYTES_MAX bytes.  Scans go to the base.
 */
#ifndef FSP_CORE_BASE_ROWCACHE_H
#define FSP_CORE_BASE_ROWCACHE_H
#include "core/base/batch.h"
#include "core/base/view.h"

enum { FSP_ROWCACHE_BYTES_MAX = 512 }; /* key and value of a row that is kept */

typedef struct fsp_rowcache fsp_rowcache_t;

/* rows_max: a power of two, at least 4.  base outlives it. */
fsp_rowcache_t *fsp_rowcache_new(fsp_view_t *base, size_t rows_max);
void fsp_rowcache_destroy(fsp_rowcache_t **self_p);
fsp_view_t *fsp_rowcache_view(fsp_rowcache_t *self);
/* A row that is about to be written to the base: what is kept of it follows.  Ranges are not
   followed: reset. */
void fsp_rowcache_note(fsp_rowcache_t *self, const fsp_batch_row_t *row);
/* Keeps nothing any more. */
void fsp_rowcache_reset(fsp_rowcache_t *self);
#endif
