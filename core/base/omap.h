/* SPDX-License-Identifier: MIT */
/* omap - ordered map from bytes to bytes, in memory.  Layer core/base.
 *
 * A B-tree.  It carries the memory view, the writes of a transaction, and the rows that were
 * applied but are not yet in the database (overlay.h): hence the tombstone and the tag of each row.
 */
#ifndef FSP_CORE_BASE_OMAP_H
#define FSP_CORE_BASE_OMAP_H
#include "core/base/types.h"

typedef struct fsp_omap fsp_omap_t;

typedef struct fsp_omap_row {
    fsp_slice_t key;   /* owned by the map */
    fsp_slice_t value; /* owned by the map; empty for a tombstone */
    uint64_t tag;      /* what the last put said */
    bool deleted;      /* a tombstone: the key is known to be absent */
} fsp_omap_row_t;

fsp_omap_t *fsp_omap_new(void);
void fsp_omap_destroy(fsp_omap_t **self_p);
/* Inserts or replaces; copies key and value. */
void fsp_omap_put(fsp_omap_t *self, fsp_slice_t key, fsp_slice_t value, uint64_t tag);
/* Inserts or replaces with a tombstone. */
void fsp_omap_put_tombstone(fsp_omap_t *self, fsp_slice_t key, uint64_t tag);
/* Moves all rows of `from`, tombstones too, over those of self, with this tag; `from` is empty
   afterwards. */
void fsp_omap_take(fsp_omap_t *self, fsp_omap_t *from, uint64_t tag);
/* Forgets the row; no effect if there is none. */
void fsp_omap_remove(fsp_omap_t *self, fsp_slice_t key);
void fsp_omap_reset(fsp_omap_t *self);
/* NULL if there is no row.  Valid until the row is replaced or removed. */
const fsp_omap_row_t *fsp_omap_get(const fsp_omap_t *self, fsp_slice_t key);
/* First row with key >= from, NULL at the end. */
const fsp_omap_row_t *fsp_omap_seek(const fsp_omap_t *self, fsp_slice_t from);
const fsp_omap_row_t *fsp_omap_first(const fsp_omap_t *self);
/* Row after this one, NULL at the end. */
const fsp_omap_row_t *fsp_omap_next(const fsp_omap_row_t *row);
size_t fsp_omap_count(const fsp_omap_t *self);
/* Bytes of keys and values. */
size_t fsp_omap_bytes(const fsp_omap_t *self);
#endif
