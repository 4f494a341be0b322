/* SPDX-License-Identifier: MIT */
/* objstore - the bytes of large objects, behind four calls.  Layer store.
 *
 * DESIGN section 9: today blob files of RocksDB lie behind the calls, later segment files of our
 * own (3 to 4 times the write rate).  Nothing outside this file may know which.  put_many and
 * drop_many take part in an atomic write; they are durable when it is.
 */
#ifndef FSP_STORE_OBJSTORE_H
#define FSP_STORE_OBJSTORE_H
#include "core/base/view.h"
#include "store/db.h"
#include "store/dbview.h"

typedef struct {
    fsp_dbview_t rows; /* FAMILY_BYTES */
} fsp_objstore_t;

typedef struct {
    fsp_slice_t key;
    fsp_slice_t bytes;
} fsp_objstore_put_t;

typedef struct {
    fsp_slice_t key; /* this key, or the first one */
    fsp_slice_t to;  /* empty: the key alone; else the first key that stays */
} fsp_objstore_drop_t;

/* db outlives it. */
void fsp_objstore_init(fsp_objstore_t *self, fsp_db_t *db);
/* Adds objects to a write; an object that is there already is replaced. */
void fsp_objstore_put_many(fsp_objstore_t *self, fsp_db_write_t *write,
                           const fsp_objstore_put_t *puts, size_t count);
/* Adds removals to a write; what is not there is no error. */
void fsp_objstore_drop_many(fsp_objstore_t *self, fsp_db_write_t *write,
                            const fsp_objstore_drop_t *drops, size_t count);
/* Lends from..to (0: the end).  NOT_FOUND, BAD_RANGE, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_read(fsp_objstore_t *self, fsp_slice_t key, uint64_t from,
                                              uint64_t to, fsp_blob_t **ret_blob);
/* Objects in the order of their keys.  Weak: this layout reads each value as it passes, so a scan
   costs as much as reading everything; who only wants keys asks the rows of OBJECT. */
fsp_cursor_t *fsp_objstore_scan(fsp_objstore_t *self, fsp_slice_t from, fsp_slice_t to);
/* The scan and whole-value gets as a view. */
fsp_view_t *fsp_objstore_view(fsp_objstore_t *self);
#endif
