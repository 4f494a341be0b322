/* SPDX-License-Identifier: MIT */
/* objects - the rules of a node that stores: PUT, HAVE, GET (distributed core 5.1).  Layer
 * core/data.  Pure.
 *
 * One row per object: key = slot u32 | space tag 16 | object key 32; value, canonical array:
 *   [1, kind, open bytes, sealed bytes, where, stamp, mark, flags, SHA-256(open), SHA-256(sealed),
 * header] The object's bytes lie beside it: below FSP_BLOB_BYTES_MIN in the family OBJECT under the
 * row's key followed by 0x01, else in the family BYTES under the row's key.  (The row's own key is
 * followed by 0x00.) All rows of a slot have one writer, this engine; conditions are judged on its
 * own view including writes that are not WRITTEN yet.  A stamp only rises.  STORED and YES leave
 * only in the step that handles WRITTEN for what they promise.
 */
#ifndef FSP_CORE_DATA_OBJECTS_H
#define FSP_CORE_DATA_OBJECTS_H
#include "core/base/batch.h"
#include "core/base/overlay.h"
#include "core/data/object.h"

typedef struct fsp_objects fsp_objects_t;

typedef enum {
    FSP_OBJECTS_PUT,
    FSP_OBJECTS_HAVE,
    FSP_OBJECTS_GET,
    FSP_OBJECTS_WRITTEN
} fsp_objects_event_type_t;

typedef struct {
    fsp_objects_event_type_t type;
    uint64_t token; /* of the request; WRITTEN: of the write */
    fsp_space_id_t space_id;
    uint64_t epoch; /* u of the session: PUT, HAVE */
    uint64_t layout_version;
    const fsp_key_t *keys; /* PUT, GET: one; HAVE: key_count */
    size_t key_count;
    const uint64_t *lengths; /* HAVE: expected object bytes, or NULL */
    fsp_blob_t *object;      /* PUT: borrowed */
    bool verified;           /* PUT: the name was computed in this process, from these bytes */
    const uint8_t
        *head; /* PUT: FSP_OBJECT_HEAD_BYTES, as fsp_object_name gave it; with verified it saves the
                  hashing (a row keeps both hashes).  NULL: computed here, whatever verified says */
} fsp_objects_event_t;

typedef enum {
    FSP_OBJECTS_WRITE,  /* token, batch: durable; answer WRITTEN in order */
    FSP_OBJECTS_STORED, /* token, status: answer of PUT */
    FSP_OBJECTS_ANSWER, /* token, yes[]: answer of HAVE (0 = NEED, 1 = YES) */
    FSP_OBJECTS_READ,   /* token, status; row (on OK): where the bytes are, for the shell to read:
                           answer of GET */
} fsp_objects_effect_type_t;

/* GUEST: kept for somebody else.  SUSPECT: the bytes are bad; HAVE says NEED, the next PUT replaces
 * them. */
enum { FSP_OBJECT_GUEST = 1, FSP_OBJECT_SUSPECT = 2 };

typedef struct {
    fsp_object_kind_t kind;
    uint64_t open_bytes, sealed_bytes;
    uint64_t stamp, mark;
    uint64_t flags;
    fsp_family_t family; /* of the bytes */
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
} fsp_object_row_t;

typedef struct {
    fsp_objects_effect_type_t type;
    uint64_t token;
    fsp_batch_t *batch; /* WRITE: owned by the effect list; the shell may take it and leave NULL */
    fsp_status_t status;
    uint8_t *yes; /* ANSWER: owned by the effect list */
    size_t yes_count;
    fsp_object_row_t row;
    fsp_buf_t bytes_key; /* READ: key in row.family */
    fsp_blob_t
        *pending; /* READ: the object itself, if its write is not in the database yet; owned */
} fsp_objects_effect_t;
typedef struct {
    fsp_objects_effect_t *items;
    size_t count, capacity;
} fsp_objects_effects_t;
void fsp_objects_effects_reset(fsp_objects_effects_t *self);
void fsp_objects_effects_clear(fsp_objects_effects_t *self);

/* view: family OBJECT of this node; outlives self. */
fsp_objects_t *fsp_objects_new(fsp_view_t *view, unsigned slot_bits, uint64_t layout_version);
void fsp_objects_destroy(fsp_objects_t **self_p);
/* This node adopted a layout: PUT and HAVE under an older one are answered LAYOUT.  It only rises.
 */
void fsp_objects_set_layout_version(fsp_objects_t *self, uint64_t layout_version);
/* Bytes of objects whose write is not WRITTEN yet: the shell bounds what it takes in by this. */
uint64_t fsp_objects_pending_bytes(const fsp_objects_t *self);
/* A status other than OK: reading a row failed; the node must stop (every later step gives it
   again). PUT is answered LAYOUT, TOO_LARGE, INVALID, UNSUPPORTED, or DAMAGED if the bytes do not
   have that name; HAVE is answered LAYOUT or TOO_LARGE (FSP_HAVE_KEYS_MAX), without yes then; GET
   NOT_FOUND. */
FSP_MUST_CHECK fsp_status_t fsp_objects_step(fsp_objects_t *self, const fsp_objects_event_t *event,
                                             fsp_objects_effects_t *effects);

/* Row codec, for `check` and tests.  Keys and rows are appended to ret.  `where` in a row: 1
   OBJECT, 2 BYTES. Decoding gives DAMAGED or FORMAT_NEWER. */
void fsp_object_row_key(unsigned slot_bits, fsp_space_id_t space_id, fsp_key_t key, uint8_t suffix,
                        fsp_buf_t *ret);
void fsp_object_row_encode(const fsp_object_row_t *row, fsp_buf_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_object_row_decode(fsp_slice_t bytes, fsp_object_row_t *ret);
#endif
