/* SPDX-License-Identifier: MIT */
/* upload - one put's bytes on their way to objects, in bounded memory.  Layer core/data.  Pure.
 *
 * bytes -> cut -> SEAL (a job: compress, hash, seal, name) -> HAVE from 64 KiB on -> PUT -> stored
 * -> tree nodes, the same way -> READY with root, size and sha256.  Chunks are in flight in
 * parallel; the client may send only what was granted (CREDIT), and a grant is made only when
 * buffers are free, so a transfer never holds more than its window (plus one tree node a level).
 *
 *   RESTORING --nodes--> RECEIVING --finish--> DRAINING --all stored--> READY
 *                                  any --error--> FAILED
 *
 * Kept uploads.  With checkpoint_bytes > 0 the machine now and then closes the tree of all chunks
 * that are stored from the start on without a gap (a *prefix*), stores its unfinished nodes like
 * any others, and says CHECKPOINT: what fsp_upload_midstate then gives is all that another machine,
 * anywhere, needs to go on behind the prefix (config.start).  The client's credit never goes more
 * than the window beyond the last checkpoint that was acknowledged, so that is all it sends twice.
 * The final root does not depend on where an upload was broken off and taken up.
 *
 * Known chunks.  Who vouches for a chunk that is stored already adds it by fsp_upload_known, in its
 * place between two cuts; then the digest of the whole content is not known here.
 */
#ifndef FSP_CORE_DATA_UPLOAD_H
#define FSP_CORE_DATA_UPLOAD_H
#include "core/base/blob.h"
#include "core/data/chunker.h"
#include "core/data/details.h"
#include "core/data/fetched.h"
#include "core/data/tree.h"
#include "core/meta/command.h"

typedef struct fsp_upload fsp_upload_t;

typedef enum {
    FSP_UPLOAD_SEAL,   /* token, kind, open (may be NULL), plain: seal, then fsp_upload_sealed */
    FSP_UPLOAD_HAVE,   /* token, kind, key, bytes (of the object): ask the owners, then
                          fsp_upload_have */
    FSP_UPLOAD_PUT,    /* token, kind, key, head, object: store, then fsp_upload_stored */
    FSP_UPLOAD_CREDIT, /* bytes: the client may send so many more */
    FSP_UPLOAD_FETCH,  /* token, kind, key: read this tree node, then fsp_upload_fetched */
    FSP_UPLOAD_CHECKPOINT, /* fsp_upload_midstate to the log, then fsp_upload_checkpointed */
    FSP_UPLOAD_READY,      /* the outcome is in fsp_upload_outcome */
    FSP_UPLOAD_FAILED,     /* status: the transfer is over */
} fsp_upload_effect_type_t;

typedef struct {
    fsp_upload_effect_type_t type;
    uint64_t token; /* of this transfer: which object */
    fsp_object_kind_t kind;
    fsp_blob_t *open;   /* SEAL: owned by the effect list */
    fsp_blob_t *plain;  /* SEAL: the same */
    fsp_blob_t *object; /* PUT: the same */
    fsp_key_t key;
    uint8_t head[FSP_OBJECT_HEAD_BYTES]; /* PUT: of the object, as sealing gave it */
    uint64_t bytes;
    fsp_status_t status;
} fsp_upload_effect_t;
typedef struct {
    fsp_upload_effect_t *items;
    size_t count, capacity;
} fsp_upload_effects_t;
void fsp_upload_effects_reset(fsp_upload_effects_t *self); /* releases blobs */
void fsp_upload_effects_clear(fsp_upload_effects_t *self);

typedef struct {
    const fsp_gear_t *gear; /* outlives the upload */
    uint64_t window_bytes;  /* plaintext held at most, >= 2 * chunk max */
    uint64_t size_max;      /* TOO_LARGE beyond; 0: no bound */
    /* A checkpoint when so much more of the content is stored; 0: none.  More than inline content
       may have, and chunk max less than three quarters of the window. */
    uint64_t checkpoint_bytes;
    const fsp_midstate_t *start; /* of a checkpoint to go on from; NULL: from nothing */
} fsp_upload_config_t;

/* Emits the first CREDIT, unless tree nodes must be fetched first. */
fsp_upload_t *fsp_upload_new(const fsp_upload_config_t *config, fsp_upload_effects_t *effects);
void fsp_upload_destroy(fsp_upload_t **self_p);
/* The next bytes in order.  Beyond the credit: FAILED with NO_CREDIT. */
void fsp_upload_data(fsp_upload_t *self, fsp_slice_t bytes, fsp_upload_effects_t *effects);
/* A chunk that is stored already, at the end of what came so far, where a chunk must end: else
   INVALID if one was expected to, PROTOCOL if not.  The content with it must be too long to be
   inline (asserted).  child: with its digest. */
void fsp_upload_known(fsp_upload_t *self, const fsp_child_t *child, fsp_upload_effects_t *effects);
/* The next bytes are a chunk of this length and digest; it must begin as a known one.  INVALID if
   it does not end where a cut is, DAMAGED if it has another digest; at once or later. */
void fsp_upload_expect(fsp_upload_t *self, uint64_t bytes, fsp_hash_t digest,
                       fsp_upload_effects_t *effects);
/* No more bytes come. */
void fsp_upload_finish(fsp_upload_t *self, fsp_upload_effects_t *effects);
/* A SEAL job is done.  Takes its own reference on the object. */
void fsp_upload_sealed(fsp_upload_t *self, uint64_t token, const fsp_sealed_t *sealed,
                       fsp_upload_effects_t *effects);
/* yes: durable at enough owners under this session's epoch; no: it must be PUT. */
void fsp_upload_have(fsp_upload_t *self, uint64_t token, fsp_status_t status, bool yes,
                     fsp_upload_effects_t *effects);
void fsp_upload_stored(fsp_upload_t *self, uint64_t token, fsp_status_t status,
                       fsp_upload_effects_t *effects);

/* What a FETCH asked for. */
void fsp_upload_fetched(fsp_upload_t *self, uint64_t token, const fsp_fetched_t *fetched,
                        fsp_upload_effects_t *effects);

/* What CHECKPOINT is about; stays the same until fsp_upload_checkpointed. */
void fsp_upload_midstate(const fsp_upload_t *self, fsp_midstate_t *ret);
/* It is in the log. */
void fsp_upload_checkpointed(fsp_upload_t *self, fsp_upload_effects_t *effects);
/* Up to where the last checkpoint reaches; 0: there is none. */
uint64_t fsp_upload_durable_offset(const fsp_upload_t *self);
/* Too much is under way for more known chunks: try again when something was stored. */
bool fsp_upload_is_crowded(const fsp_upload_t *self);
/* Every byte so far was seen here, or before the start; else the outcome has no digest. */
bool fsp_upload_is_hashed(const fsp_upload_t *self);

typedef struct {
    fsp_root_kind_t root_kind;
    fsp_key_t root_key;         /* CHUNK, TREE */
    fsp_slice_t inline_content; /* INLINE: plaintext, borrowed from the upload */
    uint64_t size;
    bool hashed; /* false: several chunks, some known, and sha256 says nothing */
    fsp_hash_t sha256;
    uint64_t chunk_count;     /* 0: inline */
    uint64_t chunk_new_count; /* chunks that had to be stored */
    uint64_t tree_count;      /* tree nodes */
} fsp_upload_outcome_t;
/* Only after READY. */
void fsp_upload_outcome(const fsp_upload_t *self, fsp_upload_outcome_t *ret);
/* Bytes of plaintext and objects held now. */
uint64_t fsp_upload_held_bytes(const fsp_upload_t *self);
/* Where the next bytes belong: what was received, was known, and lies before the start. */
uint64_t fsp_upload_offset(const fsp_upload_t *self);
/* Granted and not used. */
uint64_t fsp_upload_credit_bytes(const fsp_upload_t *self);
#endif
