/* SPDX-License-Identifier: MIT */
/* peer - bodies of the services that nodes offer each other: shard and objects.  Layer proto. Pure.
 *
 * Bodies are canonical arrays (core/base/canon), so that commands and queries travel as the very
 * bytes that the log and the state machine know.  SHARD_COMMAND: the body is the command; OK: the
 * encoded result.  SHARD_QUERY: the body is the query; OK: the answer.  ERROR (either service): [1,
 * status].  Payload: raw frames, see each message.
 */
#ifndef FSP_PROTO_PEER_H
#define FSP_PROTO_PEER_H
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"
#include "core/data/objects.h"

/* OBJECT_PUT [space, epoch, layout, key]; payload: the object.  OK: empty body. */
typedef struct {
    fsp_space_id_t space_id;
    uint64_t epoch, layout_version;
    fsp_key_t key;
} fsp_object_put_t;
void fsp_object_put_encode(const fsp_object_put_t *put, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_put_decode(fsp_slice_t body, fsp_object_put_t *ret);

/* OBJECT_HAVE [space, epoch, layout, bin of keys (32 octets each), bin of lengths (u64 each)].
   OK: bin of one octet a key, 1 = YES, 0 = NEED. */
typedef struct {
    fsp_space_id_t space_id;
    uint64_t epoch, layout_version;
    fsp_key_t keys[FSP_HAVE_KEYS_MAX];
    uint64_t lengths[FSP_HAVE_KEYS_MAX];
    size_t key_count;
} fsp_object_have_t;
void fsp_object_have_encode(const fsp_object_have_t *have, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_have_decode(fsp_slice_t body, fsp_object_have_t *ret);
void fsp_object_have_answer_encode(const uint8_t *yes, size_t count, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_have_answer_decode(fsp_slice_t body, fsp_slice_t *ret_yes);

/* OBJECT_GET [space, key, from, to]: bytes from..to of the sealed part, to 0 = to its end.
   OK: [head, sealed from, sealed bytes of the whole part, open bytes]; payload: open part (absent
   if open bytes is 0), then the sealed bytes. */
typedef struct {
    fsp_space_id_t space_id;
    fsp_key_t key;
    uint64_t from, to;
} fsp_object_get_t;
void fsp_object_get_encode(const fsp_object_get_t *get, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_get_decode(fsp_slice_t body, fsp_object_get_t *ret);
typedef struct {
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    uint64_t sealed_from, sealed_bytes, open_bytes;
} fsp_object_got_t;
void fsp_object_got_encode(const fsp_object_got_t *got, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_got_decode(fsp_slice_t body, fsp_object_got_t *ret);

/* OBJECT_MARK [space, round, layout, store id (optional), look, bin of keys].  OK: [store id, bin
   of one octet a key: fsp_mark_t]. */
typedef struct {
    fsp_space_id_t space_id;
    uint64_t round, layout_version;
    fsp_store_id_t store_id; /* zero: none was asked yet */
    bool look;
    fsp_key_t keys[FSP_HAVE_KEYS_MAX];
    size_t key_count;
} fsp_object_mark_t;
void fsp_object_mark_encode(const fsp_object_mark_t *mark, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_mark_decode(fsp_slice_t body, fsp_object_mark_t *ret);
typedef struct {
    fsp_store_id_t store_id;
    fsp_slice_t marks; /* borrows */
} fsp_object_marked_t;
void fsp_object_marked_encode(const fsp_object_marked_t *marked, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_marked_decode(fsp_slice_t body, fsp_object_marked_t *ret);

/* OBJECT_DONE [space, round, layout, store id]; OBJECT_GONE [space].  OK of both: [objects that
   went, their bytes, live objects, young ones], when the sweep is over. */
typedef struct {
    fsp_space_id_t space_id;
    uint64_t round, layout_version;
    fsp_store_id_t store_id;
} fsp_object_done_t;
void fsp_object_done_encode(const fsp_object_done_t *done, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_done_decode(fsp_slice_t body, fsp_object_done_t *ret);
void fsp_object_gone_encode(const fsp_space_id_t *space_id, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_gone_decode(fsp_slice_t body, fsp_space_id_t *ret);
void fsp_object_swept_encode(const fsp_swept_t *swept, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_object_swept_decode(fsp_slice_t body, fsp_swept_t *ret);

/* ERROR of either service: [1, status]. */
void fsp_peer_error_encode(fsp_status_t status, fsp_buf_t *buf);
/* The status it names; INVALID if it names none or OK. */
fsp_status_t fsp_peer_error_decode(fsp_slice_t body);
#endif
