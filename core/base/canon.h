/* SPDX-License-Identifier: MIT */
/* canon - canonical msgpack: all that is hashed, signed, logged or stored.  Layer core/base.
 *
 * The subset: nil, boolean, unsigned integer, binary, UTF-8 text, array.  No maps, floats, negative
 * numbers or extensions.  Every value has exactly one encoding: the shortest.  The reader refuses
 * any other, so decode(encode(x)) == x and encode(decode(y)) == y (docs/protocol/records.md).
 * Maps live in messages only (proto/wire), where a door to msgpack-c reads them.
 *
 * The reader borrows: slices point into the input.  Its status is sticky: after the first error
 * every read returns a zero value and the reader stays where it was.
 */
#ifndef FSP_CORE_BASE_CANON_H
#define FSP_CORE_BASE_CANON_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

/* Writer: appends to buf; overflow is the buffer's. */
void fsp_canon_nil(fsp_buf_t *buf);
void fsp_canon_bool(fsp_buf_t *buf, bool value);
void fsp_canon_uint(fsp_buf_t *buf, uint64_t value);
void fsp_canon_bin(fsp_buf_t *buf, fsp_slice_t value);
void fsp_canon_text(fsp_buf_t *buf, fsp_slice_t value); /* the caller vouches for UTF-8 */
void fsp_canon_array(fsp_buf_t *buf, size_t count);     /* then count values */
#define fsp_canon_id(buf, id) fsp_canon_bin(buf, FSP_SLICE_OF(id))

typedef enum {
    FSP_CANON_NIL,
    FSP_CANON_BOOL,
    FSP_CANON_UINT,
    FSP_CANON_BIN,
    FSP_CANON_TEXT,
    FSP_CANON_ARRAY,
    FSP_CANON_END,    /* no bytes left */
    FSP_CANON_INVALID /* a type outside the subset, or an error before */
} fsp_canon_type_t;

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    fsp_status_t status; /* FSP_OK, FSP_INVALID or FSP_TOO_LARGE */
} fsp_canon_t;

fsp_canon_t fsp_canon_reader(fsp_slice_t bytes);
/* What comes next, without reading it. */
fsp_canon_type_t fsp_canon_peek(const fsp_canon_t *self);
/* True and consumed if the next value is nil. */
bool fsp_canon_read_nil(fsp_canon_t *self);
bool fsp_canon_read_bool(fsp_canon_t *self);
/* INVALID if it is more than max. */
uint64_t fsp_canon_read_uint(fsp_canon_t *self, uint64_t max);
/* TOO_LARGE if longer than bytes_max, whether or not the bytes are there. */
fsp_slice_t fsp_canon_read_bin(fsp_canon_t *self, size_t bytes_max);
/* Also INVALID unless valid UTF-8 (shortest form, no surrogates). */
fsp_slice_t fsp_canon_read_text(fsp_canon_t *self, size_t bytes_max);
/* Binary of exactly bytes, copied to ret; ret is zeroed on error. */
void fsp_canon_read_fixed(fsp_canon_t *self, void *ret, size_t bytes);
#define fsp_canon_read_id(self, ret_id)                                                            \
    fsp_canon_read_fixed(self, (ret_id)->bytes, sizeof((ret_id)->bytes))
/* The count, within count_min..count_max; checked against the bytes left (one byte a value at
   least).  TOO_LARGE if above count_max where there is a choice; INVALID if below count_min, or if
   count_min == count_max and it is another: the wrong form. */
size_t fsp_canon_read_array(fsp_canon_t *self, size_t count_min, size_t count_max);
/* Skips one whole value and returns its bytes, all of which were checked as the typed reads check
   them.  TOO_LARGE if more than FSP_MSGPACK_DEPTH_MAX arrays lie in each other. */
fsp_slice_t fsp_canon_read_any(fsp_canon_t *self);
/* Marks the input as wrong from the caller's side (a value out of its range). */
void fsp_canon_fail(fsp_canon_t *self, fsp_status_t status);
/* FSP_OK only if nothing failed and no byte is left. */
FSP_MUST_CHECK fsp_status_t fsp_canon_finish(const fsp_canon_t *self);
#endif
