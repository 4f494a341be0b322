/* SPDX-License-Identifier: MIT */
/* download - one get: from a root to bytes in order, in bounded memory.  Layer core/data.  Pure.
 *
 * Walks the tree from the root towards the range, fetches objects ahead (4, doubling to 16 while
 * the client keeps up, never more than the window), opens them (a job), and emits DATA in order as
 * far as the client granted credit.  A range touches only the tree nodes and sub-blocks it needs.
 * Every byte was verified before it is emitted.  Inline content never comes here.
 */
#ifndef FSP_CORE_DATA_DOWNLOAD_H
#define FSP_CORE_DATA_DOWNLOAD_H
#include "core/base/blob.h"
#include "core/data/object.h"
#include "core/data/tree.h"
#include "core/meta/command.h"

typedef struct fsp_download fsp_download_t;

/* An object, or some sub-blocks of it, as a storage node answers. */
typedef struct {
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_blob_t *open;   /* NULL if empty */
    fsp_blob_t *sealed; /* the sealed part from sealed_from on */
    uint64_t sealed_from;
    uint64_t sealed_bytes; /* of the whole sealed part */
} fsp_object_part_t;
void fsp_object_part_clear(fsp_object_part_t *self);

typedef enum {
    FSP_DOWNLOAD_FETCH,  /* token, key, range of the sealed part (to 0: whole object); then
                            fsp_download_fetched */
    FSP_DOWNLOAD_OPEN,   /* token, key, part, whole: open it (tree: open part and plaintext), then
                            fsp_download_opened */
    FSP_DOWNLOAD_DATA,   /* offset, blob, slice: plaintext for the client */
    FSP_DOWNLOAD_END,    /* everything was emitted */
    FSP_DOWNLOAD_FAILED, /* status, key of the object that could not be read */
} fsp_download_effect_type_t;

typedef struct {
    fsp_download_effect_type_t type;
    uint64_t token;
    fsp_key_t key;
    uint64_t sealed_from, sealed_to; /* FETCH */
    fsp_object_part_t part; /* OPEN: owned by the effect list (moved to whoever takes it) */
    bool whole;             /* OPEN: fsp_object_open, else fsp_object_open_range */
    uint64_t offset;        /* DATA: in the file */
    fsp_blob_t *blob;       /* DATA: owned by the effect list */
    fsp_slice_t slice;      /* DATA: within blob, at most FSP_FRAME_BYTES_MAX */
    fsp_status_t status;
} fsp_download_effect_t;
typedef struct {
    fsp_download_effect_t *items;
    size_t count, capacity;
} fsp_download_effects_t;
void fsp_download_effects_reset(fsp_download_effects_t *self);
void fsp_download_effects_clear(fsp_download_effects_t *self);

typedef struct {
    fsp_root_kind_t root_kind; /* CHUNK or TREE */
    fsp_key_t root_key;
    uint64_t size;         /* of the file */
    uint64_t from, to;     /* bytes wanted, to exclusive, from <= to <= size */
    uint64_t window_bytes; /* plaintext fetched, waiting for credit, or lent (fsp_download_lent) at
                              most; should hold a chunk: one alone goes on its way whatever its
                              size */
} fsp_download_config_t;

fsp_download_t *fsp_download_new(const fsp_download_config_t *config,
                                 fsp_download_effects_t *effects);
void fsp_download_destroy(fsp_download_t **self_p);
void fsp_download_credit(fsp_download_t *self, uint64_t bytes, fsp_download_effects_t *effects);
/* What went out is not gone: alive_bytes are of all plaintext that was given to fsp_download_opened
   and that somebody still holds, here or where DATA went.  It counts towards the window; from the
   first call on, so does every chunk that goes out later, until a call says that it is gone.  May
   plan what then has room. */
void fsp_download_lent(fsp_download_t *self, uint64_t alive_bytes, fsp_download_effects_t *effects);
/* So much in one DATA at most from now on; FSP_FRAME_BYTES_MAX at first, and at most. */
void fsp_download_frame(fsp_download_t *self, uint64_t bytes);
/* A chunk waits for what is held elsewhere: call fsp_download_lent again when that is less. */
bool fsp_download_is_crowded(const fsp_download_t *self);
/* Moves what part holds. status other than OK: the object cannot be read anywhere. */
void fsp_download_fetched(fsp_download_t *self, uint64_t token, fsp_status_t status,
                          fsp_object_part_t *part, fsp_download_effects_t *effects);
/* plain as fsp_object_open or _open_range gave it; open: the open part (tree nodes).  Takes own
 * references. */
void fsp_download_opened(fsp_download_t *self, uint64_t token, fsp_status_t status,
                         fsp_blob_t *open, fsp_blob_t *plain, fsp_download_effects_t *effects);
/* Bytes of plaintext under way or waiting, and of the nodes on the path. */
uint64_t fsp_download_held_bytes(const fsp_download_t *self);
#endif
