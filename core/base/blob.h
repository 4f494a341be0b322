/* SPDX-License-Identifier: MIT */
/* blob - counted bytes that several owners read and nobody writes.  Layer core/base.
 *
 * The count is a C11 atomic, so a blob may be handed from one actor to another and be released on
 * any thread (ZeroMQ's I/O thread does).  The bytes are written only before the blob is shared.
 */
#ifndef FSP_CORE_BASE_BLOB_H
#define FSP_CORE_BASE_BLOB_H
#include "core/base/types.h"

typedef struct fsp_blob fsp_blob_t;
typedef void(fsp_blob_free_fn)(void *data, void *hint);

/* Uninitialised bytes, count 1.  bytes may be 0. */
fsp_blob_t *fsp_blob_new(size_t bytes);
/* A copy of data, count 1. */
fsp_blob_t *fsp_blob_copy(const void *data, size_t bytes);
/* Bytes owned by somebody else, who is told by free_fn(data, hint) when the count falls to 0. */
fsp_blob_t *fsp_blob_wrap(void *data, size_t bytes, fsp_blob_free_fn *free_fn, void *hint);
/* One owner more; returns self. */
fsp_blob_t *fsp_blob_ref(fsp_blob_t *self);
/* One owner less; accepts NULL; nulls the caller's pointer. */
void fsp_blob_destroy(fsp_blob_t **self_p);
const uint8_t *fsp_blob_data(const fsp_blob_t *self);
size_t fsp_blob_bytes(const fsp_blob_t *self);
fsp_slice_t fsp_blob_slice(const fsp_blob_t *self);
/* Writable while the caller is the only owner (asserted). */
uint8_t *fsp_blob_writable(fsp_blob_t *self);
/* Shortens; only while the caller is the only owner (asserted). */
void fsp_blob_shrink(fsp_blob_t *self, size_t bytes);
#endif
