/* SPDX-License-Identifier: MIT */
/* batch - rows that become durable together or not at all.  Layer core/base.
 *
 * Families are the tables of a node's database.  Keys of LOG and STATE begin with shard (u32) and
 * generation (u32); keys of OBJECT with slot (u32) and space tag.  Values may be counted blobs, so
 * that payload is not copied on its way to the store.
 */
#ifndef FSP_CORE_BASE_BATCH_H
#define FSP_CORE_BASE_BATCH_H
#include "core/base/blob.h"
#include "core/base/types.h"

typedef enum {
    FSP_FAMILY_LOCAL,  /* this node's own rows: format, identity, store sequence, watermark */
    FSP_FAMILY_LOG,    /* hard state and entries of every shard's log */
    FSP_FAMILY_STATE,  /* rows of the state machines */
    FSP_FAMILY_OBJECT, /* object rows (and bytes below FSP_BLOB_BYTES_MIN) */
    FSP_FAMILY_BYTES,  /* object bytes from FSP_BLOB_BYTES_MIN on */
    FSP_FAMILY_COUNT
} fsp_family_t;

typedef enum {
    FSP_ROW_PUT,
    FSP_ROW_DELETE,
    FSP_ROW_DELETE_RANGE /* value = first key that stays */
} fsp_row_op_t;

typedef struct {
    fsp_row_op_t op;
    fsp_family_t family;
    fsp_slice_t key;   /* owned by the batch */
    fsp_slice_t value; /* owned by the batch, or the blob's */
    fsp_blob_t *blob;  /* NULL, or what value points into */
} fsp_batch_row_t;

typedef struct fsp_batch fsp_batch_t;

fsp_batch_t *fsp_batch_new(void);
void fsp_batch_destroy(fsp_batch_t **self_p);
void fsp_batch_put(fsp_batch_t *self, fsp_family_t family, fsp_slice_t key, fsp_slice_t value);
/* Takes one reference of its own on blob; the value is the whole blob. */
void fsp_batch_put_blob(fsp_batch_t *self, fsp_family_t family, fsp_slice_t key, fsp_blob_t *blob);
void fsp_batch_delete(fsp_batch_t *self, fsp_family_t family, fsp_slice_t key);
/* Deletes from <= key < to.  from <= to is asserted: an empty `to` is no end here, other than in
   fsp_view_scan. */
void fsp_batch_delete_range(fsp_batch_t *self, fsp_family_t family, fsp_slice_t from,
                            fsp_slice_t to);
/* Moves all rows of *other_p behind those of self; destroys *other_p. */
void fsp_batch_append(fsp_batch_t *self, fsp_batch_t **other_p);
size_t fsp_batch_count(const fsp_batch_t *self);
/* Bytes of keys and values together. */
size_t fsp_batch_bytes(const fsp_batch_t *self);
/* Row by position; its bytes do not move and live as long as self, or as the batch that self was
   appended to. */
fsp_batch_row_t fsp_batch_row(const fsp_batch_t *self, size_t position);
#endif
