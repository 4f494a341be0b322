/* SPDX-License-Identifier: MIT */
/* objects - the rules of a node that stores: PUT, HAVE, GET, MARK, DONE and the sweep.  Layer
 * core/data.  Pure.
 *
 * One row per object: key = slot u32 | space tag 16 | object key 32; value, canonical array:
 *   [1, kind, open bytes, sealed bytes, where, stamp, mark, flags, SHA-256(open), SHA-256(sealed),
 * header] The object's bytes lie beside it: below FSP_BLOB_BYTES_MIN in the family OBJECT under the
 * row's key followed by 0x01, else in the family BYTES under the row's key.  (The row's own key is
 * followed by 0x00.) All rows of a slot have one writer, this engine; conditions are judged on its
 * own view including writes that are not WRITTEN yet.  A stamp only rises, and so does a mark.
 * STORED, YES and what MARK says leave only in the step that handles WRITTEN for what they promise.
 *
 * Collection of garbage (core/data/collect has the other half).  MARK raises marks to the round's
 * number.  DONE says that everything reachable has the mark of round g, on this very disk (store
 * id), under this very layout: from then on a sweep passes over the rows of the space in key order,
 * a bounded piece with each SWEEP, and deletes, in one step with looking,
 *
 *     what has mark < g and stamp < g - 1, is nobody else's (no guest), and waits for no write.
 *
 * DONE and how far the sweep came are not kept: after a restart the round's marker says it again,
 * and the sweep begins anew.  A space that is GONE has its objects deleted by their tag, and takes
 * no more.
 */
#ifndef FSP_CORE_DATA_OBJECTS_H
#define FSP_CORE_DATA_OBJECTS_H
#include "core/base/batch.h"
#include "core/base/overlay.h"
#include "core/data/object.h"

typedef struct fsp_objects fsp_objects_t;
enum { FSP_SWEEPS_MAX = 64 /* spaces that are swept, or wait for it */ };

typedef enum {
    FSP_OBJECTS_PUT,
    FSP_OBJECTS_HAVE,
    FSP_OBJECTS_GET,
    FSP_OBJECTS_WRITTEN,
    FSP_OBJECTS_MARK,  /* keys: reachable in this round; with `look` nothing is raised */
    FSP_OBJECTS_DONE,  /* everything reachable has the mark of the round */
    FSP_OBJECTS_GONE,  /* the space is no more */
    FSP_OBJECTS_SWEEP, /* the next piece of the sweeps under way */
} fsp_objects_event_type_t;

/* What MARK says of each key; numbers of the wire. */
typedef enum {
    FSP_MARK_MISSING = 0, /* no such object here */
    FSP_MARK_UNSOUND = 1, /* its bytes are bad; the row is marked */
    FSP_MARK_NEW = 2,     /* marked now (a look: not marked in this round) */
    FSP_MARK_BEFORE = 3,  /* had a mark of this round, or of a later one */
} fsp_mark_t;

typedef struct {
    fsp_objects_event_type_t type;
    uint64_t token; /* of the request; WRITTEN: of the write */
    fsp_space_id_t space_id;
    uint64_t epoch; /* u of the session: PUT, HAVE */
    uint64_t layout_version;
    uint64_t round;          /* MARK, DONE */
    fsp_store_id_t store_id; /* DONE: of the disk that acknowledged the marks; MARK: of that which
                                has the marks before, zero: none was asked yet */
    bool look;               /* MARK */
    const fsp_key_t *keys;   /* PUT, GET: one; HAVE, MARK: key_count */
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
    FSP_OBJECTS_MARKED, /* token, status, yes[]: answer of MARK (fsp_mark_t each) */
    FSP_OBJECTS_SWEPT,  /* token, status, swept: answer of DONE and GONE, when the sweep is over */
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

/* What a sweep did. */
typedef struct {
    uint64_t objects, bytes; /* that went; bytes of the objects */
    uint64_t live;           /* objects with the mark of the round */
    uint64_t young;          /* not marked, and touched too lately to go */
} fsp_swept_t;

typedef struct {
    fsp_objects_effect_type_t type;
    uint64_t token;
    fsp_batch_t *batch; /* WRITE: owned by the effect list; the shell may take it and leave NULL */
    fsp_status_t status;
    uint8_t *yes; /* ANSWER, MARKED: owned by the effect list */
    size_t yes_count;
    fsp_object_row_t row;
    fsp_buf_t bytes_key; /* READ: key in row.family */
    fsp_blob_t
        *pending; /* READ: the object itself, if its write is not in the database yet; owned */
    fsp_swept_t swept;
} fsp_objects_effect_t;
typedef struct {
    fsp_objects_effect_t *items;
    size_t count, capacity;
} fsp_objects_effects_t;
void fsp_objects_effects_reset(fsp_objects_effects_t *self);
void fsp_objects_effects_clear(fsp_objects_effects_t *self);

/* view: family OBJECT of this node, which lies on the disk store_id; outlives self. */
fsp_objects_t *fsp_objects_new(fsp_view_t *view, unsigned slot_bits, uint64_t layout_version,
                               fsp_store_id_t store_id);
void fsp_objects_destroy(fsp_objects_t **self_p);
/* This node adopted a layout: PUT and HAVE under an older one are answered LAYOUT.  It only rises.
 */
void fsp_objects_set_layout_version(fsp_objects_t *self, uint64_t layout_version);
/* Bytes of objects whose write is not WRITTEN yet: the shell bounds what it takes in by this. */
uint64_t fsp_objects_pending_bytes(const fsp_objects_t *self);
/* A sweep has not come to its end: SWEEP goes on with it.  The shell says when. */
bool fsp_objects_sweeping(const fsp_objects_t *self);
/* A status other than OK: reading a row failed; the node must stop (every later step gives it
   again). PUT is answered LAYOUT, TOO_LARGE, INVALID, UNSUPPORTED, or DAMAGED if the bytes do not
   have that name; HAVE is answered LAYOUT or TOO_LARGE (FSP_HAVE_KEYS_MAX), without yes then; GET
   NOT_FOUND; all of them but GET NO_SUCH_SPACE for one that is gone.  MARK: INVALID (round 0),
   TOO_LARGE, LAYOUT for any layout but this node's, STALE (marks on another disk).  DONE: the same,
   EPOCH (another round is swept here, or came later), BUSY (FSP_SWEEPS_MAX). */
FSP_MUST_CHECK fsp_status_t fsp_objects_step(fsp_objects_t *self, const fsp_objects_event_t *event,
                                             fsp_objects_effects_t *effects);

/* Row codec, for `check` and tests.  Keys and rows are appended to ret.  `where` in a row: 1
   OBJECT, 2 BYTES. Decoding gives DAMAGED or FORMAT_NEWER. */
void fsp_object_row_key(unsigned slot_bits, fsp_space_id_t space_id, fsp_key_t key, uint8_t suffix,
                        fsp_buf_t *ret);
void fsp_object_row_encode(const fsp_object_row_t *row, fsp_buf_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_object_row_decode(fsp_slice_t bytes, fsp_object_row_t *ret);
#endif
