/* SPDX-License-Identifier: MIT */
/* upload - one put's bytes on their way to objects, in bounded memory.  Layer core/data.  Pure.
 *
 * bytes -> cut -> SEAL (a job: compress, hash, seal, name) -> HAVE from 64 KiB on -> PUT -> stored
 * -> tree nodes, the same way -> READY with root, size and sha256.  Chunks are in flight in
 * parallel; the client may send only what was granted (CREDIT), and a grant is made only when
 * buffers are free, so a transfer never holds more than its window (plus one tree node a level).
 *
 *   RECEIVING --finish--> DRAINING --all stored--> READY       any --error--> FAILED
 */
#ifndef FSP_CORE_DATA_UPLOAD_H
#define FSP_CORE_DATA_UPLOAD_H
#include "core/base/blob.h"
#include "core/data/chunker.h"
#include "core/data/object.h"
#include "core/data/tree.h"
#include "core/meta/command.h"

typedef struct fsp_upload fsp_upload_t;

typedef enum {
    FSP_UPLOAD_SEAL,   /* token, kind, open (may be NULL), plain: seal, then fsp_upload_sealed */
    FSP_UPLOAD_HAVE,   /* token, kind, key, bytes (of the object): ask the owners, then
                          fsp_upload_have */
    FSP_UPLOAD_PUT,    /* token, kind, key, object: store, then fsp_upload_stored */
    FSP_UPLOAD_CREDIT, /* bytes: the client may send so many more */
    FSP_UPLOAD_READY,  /* the outcome is in fsp_upload_outcome */
    FSP_UPLOAD_FAILED, /* status: the transfer is over */
} fsp_upload_effect_type_t;

typedef struct {
    fsp_upload_effect_type_t type;
    uint64_t token; /* of this transfer: which object */
    fsp_object_kind_t kind;
    fsp_blob_t *open;   /* SEAL: owned by the effect list */
    fsp_blob_t *plain;  /* SEAL: the same */
    fsp_blob_t *object; /* PUT: the same */
    fsp_key_t key;
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
} fsp_upload_config_t;

/* Emits the first CREDIT. */
fsp_upload_t *fsp_upload_new(const fsp_upload_config_t *config, fsp_upload_effects_t *effects);
void fsp_upload_destroy(fsp_upload_t **self_p);
/* The next bytes in order.  Beyond the credit: FAILED with NO_CREDIT. */
void fsp_upload_data(fsp_upload_t *self, fsp_slice_t bytes, fsp_upload_effects_t *effects);
/* No more bytes come. */
void fsp_upload_finish(fsp_upload_t *self, fsp_upload_effects_t *effects);
/* A SEAL job is done: digest = SHA-256 of its plaintext (chunks).  Takes its own reference on
 * object. */
void fsp_upload_sealed(fsp_upload_t *self, uint64_t token, fsp_blob_t *object, fsp_key_t key,
                       fsp_hash_t digest, fsp_upload_effects_t *effects);
/* yes: durable at enough owners under this session's epoch; no: it must be PUT. */
void fsp_upload_have(fsp_upload_t *self, uint64_t token, fsp_status_t status, bool yes,
                     fsp_upload_effects_t *effects);
void fsp_upload_stored(fsp_upload_t *self, uint64_t token, fsp_status_t status,
                       fsp_upload_effects_t *effects);

typedef struct {
    fsp_root_kind_t root_kind;
    fsp_key_t root_key;         /* CHUNK, TREE */
    fsp_slice_t inline_content; /* INLINE: plaintext, borrowed from the upload */
    uint64_t size;
    fsp_hash_t sha256;
    uint64_t chunk_count;     /* 0: inline */
    uint64_t chunk_new_count; /* chunks that had to be stored */
    uint64_t tree_count;      /* tree nodes */
} fsp_upload_outcome_t;
/* Only after READY. */
void fsp_upload_outcome(const fsp_upload_t *self, fsp_upload_outcome_t *ret);
/* Bytes of plaintext and objects held now. */
uint64_t fsp_upload_held_bytes(const fsp_upload_t *self);
/* Bytes received so far. */
uint64_t fsp_upload_received_bytes(const fsp_upload_t *self);
#endif
