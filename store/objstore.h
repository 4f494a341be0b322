/* SPDX-License-Identifier: MIT */
/* objstore - the bytes of large objects, behind four calls.  Layer store.
 *
 * DESIGN section 9: the bytes lie in segment files (segments.h), an index row of family BYTES says
 * where.  Nothing outside this file and the cleaner of segments may know that.  put_many and
 * drop_many take part in an atomic write, of the one thread that writes:
 *
 *     put_many | drop_many ...  ->  seal  ->  fsp_db_commit of the same write  ->  done
 *
 * What was put is durable before the write is; a write that is not made leaves nothing.  A failure
 * of any of these is final: the caller fails the database.
 */
#ifndef FSP_STORE_OBJSTORE_H
#define FSP_STORE_OBJSTORE_H
#include "core/base/overlay.h"
#include "core/base/view.h"
#include "store/db.h"
#include "store/dbview.h"
#include "store/segments.h"

typedef struct {
    fsp_dbview_t rows;        /* FAMILY_BYTES: places */
    fsp_overlay_t *group;     /* the rows that the write under way changes, over them */
    fsp_segments_t *segments; /* NULL: not open */
} fsp_objstore_t;

typedef struct {
    fsp_slice_t key;   /* 1..FSP_ROW_KEY_BYTES_MAX octets */
    fsp_slice_t bytes; /* at most FSP_OBJECT_BYTES_MAX */
} fsp_objstore_put_t;

typedef struct {
    fsp_slice_t key; /* this key, or the first one */
    fsp_slice_t to;  /* empty: the key alone; else the first key that stays */
} fsp_objstore_drop_t;

/* As fsp_segments_open. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_open(fsp_objstore_t *self,
                                              const fsp_segments_config_t *config,
                                              fsp_error_t *error);
/* False if not all is durable (fsp_segments_close).  Accepts one that was not opened. */
bool fsp_objstore_close(fsp_objstore_t *self);
/* Adds objects to a write; an object that is there already is replaced.  IO, DAMAGED. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_put_many(fsp_objstore_t *self, fsp_db_write_t *write,
                                                  const fsp_objstore_put_t *puts, size_t count,
                                                  fsp_error_t *error);
/* Adds removals to a write; what is not there is no error.  A range looks at each of its rows.  IO,
   DAMAGED. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_drop_many(fsp_objstore_t *self, fsp_db_write_t *write,
                                                   const fsp_objstore_drop_t *drops, size_t count,
                                                   fsp_error_t *error);
/* Adds rows that say where objects lie now that the cleaner has copied.  *ret_any: it had.  IO,
   DAMAGED. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_move(fsp_objstore_t *self, fsp_db_write_t *write,
                                              bool *ret_any, fsp_error_t *error);
/* The write is complete.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_seal(fsp_objstore_t *self, fsp_db_write_t *write,
                                              fsp_error_t *error);
/* It was made.  synced: it is on stable storage, and with it all before. */
void fsp_objstore_done(fsp_objstore_t *self, bool synced);
/* An object that is there as the bytes themselves (format 1): an index row takes its place.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_adopt(fsp_objstore_t *self, fsp_db_write_t *write,
                                               const fsp_objstore_put_t *put, fsp_error_t *error);
/* A new blob with from..to (0: the end), which costs what it asks for.  Any thread.  NOT_FOUND,
   BAD_RANGE, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_objstore_read(fsp_objstore_t *self, fsp_slice_t key, uint64_t from,
                                              uint64_t to, fsp_blob_t **ret_blob);
/* Objects in the order of their keys; the values are index rows (segrow.h). */
fsp_cursor_t *fsp_objstore_scan(fsp_objstore_t *self, fsp_slice_t from, fsp_slice_t to);
/* The same as a view. */
fsp_view_t *fsp_objstore_view(fsp_objstore_t *self);
#endif
