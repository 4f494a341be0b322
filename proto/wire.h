/* SPDX-License-Identifier: MIT */
/* wire - msgpack of message bodies, and the one door to msgpack-c.  Layer proto.  Pure.
 *
 * Bodies are maps with short text keys, read in any order.  (What is hashed, signed or logged is
 * written by core/base/canon instead.)  Bytes of a peer are skimmed before msgpack-c sees any of
 * them: every length and count against the bytes that are there, depth against
 * FSP_MSGPACK_DEPTH_MAX, number of values against FSP_MSGPACK_ITEMS_MAX.  msgpack-c then unpacks
 * single numbers and booleans only, never what has a length, so it allocates nothing.
 *
 * A reader is a cursor over borrowed bytes; a value is the slice of its encoding.
 */
#ifndef FSP_PROTO_WIRE_H
#define FSP_PROTO_WIRE_H
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"

/* Writers: append one value, or the head of a container whose values follow. */
void fsp_wire_map(fsp_buf_t *buf, size_t count);   /* then count pairs of key and value */
void fsp_wire_array(fsp_buf_t *buf, size_t count); /* then count values */
void fsp_wire_uint(fsp_buf_t *buf, uint64_t value);
void fsp_wire_int(fsp_buf_t *buf, int64_t value);
void fsp_wire_bool(fsp_buf_t *buf, bool value);
void fsp_wire_text(fsp_buf_t *buf, fsp_slice_t value); /* the caller vouches for UTF-8 */
void fsp_wire_bin(fsp_buf_t *buf, fsp_slice_t value);

/* Walks values that lie one after the other. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} fsp_wire_reader_t;

/* Skims the whole of body, which must be exactly one map; empty bytes are an empty map.  The
   reader then walks its pairs.  INVALID: no msgpack, no map, or bytes behind it; TOO_LARGE: over
   a limit. */
FSP_MUST_CHECK fsp_status_t fsp_wire_open_map(fsp_slice_t body, fsp_wire_reader_t *ret);
/* The same for an array of at most count_max values. */
FSP_MUST_CHECK fsp_status_t fsp_wire_open_array(fsp_slice_t value, size_t count_max,
                                                fsp_wire_reader_t *ret, size_t *ret_count);
/* Bytes of values one after the other (the items of a reply). */
fsp_wire_reader_t fsp_wire_open_values(fsp_slice_t values);
/* The next value's bytes, skimmed; NOT_FOUND at the end. */
FSP_MUST_CHECK fsp_status_t fsp_wire_next(fsp_wire_reader_t *self, fsp_slice_t *ret_value);
/* The next pair; INVALID if the key is not text.  NOT_FOUND at the end. */
FSP_MUST_CHECK fsp_status_t fsp_wire_next_pair(fsp_wire_reader_t *self, fsp_slice_t *ret_key,
                                               fsp_slice_t *ret_value);

/* One scalar.  INVALID: another type, or a number outside its range; TOO_LARGE: longer than
   bytes_max. */
FSP_MUST_CHECK fsp_status_t fsp_wire_read_uint(fsp_slice_t value, uint64_t max, uint64_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_wire_read_int(fsp_slice_t value, int64_t min, int64_t max,
                                              int64_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_wire_read_bool(fsp_slice_t value, bool *ret);
/* Also INVALID unless UTF-8. */
FSP_MUST_CHECK fsp_status_t fsp_wire_read_text(fsp_slice_t value, size_t bytes_max,
                                               fsp_slice_t *ret);
/* Binary of exactly bytes. */
/* Binary of at most bytes_max, borrowed. */
FSP_MUST_CHECK fsp_status_t fsp_wire_read_bin(fsp_slice_t value, size_t bytes_max,
                                              fsp_slice_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_wire_read_fixed(fsp_slice_t value, void *ret, size_t bytes);
#endif
