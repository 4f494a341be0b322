/* SPDX-License-Identifier: MIT */
/* details - the small sealed records: a version's details, a node's attributes.  Layer
   core/data.  Pure. */
#ifndef FSP_CORE_DATA_DETAILS_H
#define FSP_CORE_DATA_DETAILS_H
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"
#include "core/crypto/digest.h"
#include "core/meta/command.h"

/* Plaintext of an object of kind DETAILS: canonical array [sha256 bin, chunk count, media type
   text, message text]. */
typedef struct {
    fsp_hash_t sha256;    /* of the whole plaintext */
    uint64_t chunk_count; /* 0: inline */
    fsp_slice_t media_type;
    fsp_slice_t message;
} fsp_details_t;
/* The caller vouches for lengths (limits.h) and UTF-8. */
void fsp_details_encode(const fsp_details_t *details, fsp_buf_t *buf);
/* The texts borrow from bytes. */
FSP_MUST_CHECK fsp_status_t fsp_details_decode(fsp_slice_t bytes, fsp_details_t *ret);

/* Plaintext of an object of kind ATTR: canonical array [mode, mtime seconds since 1970 + 2^62,
   nanoseconds]. */
typedef struct {
    uint32_t mode;     /* permission bits, 0..07777 */
    int64_t mtime_s;   /* -2^62 .. 2^62 - 1 */
    uint32_t mtime_ns; /* 0 .. 999,999,999 */
} fsp_attr_t;
/* What a user gave must be asked for this before it is encoded. */
bool fsp_attr_valid(const fsp_attr_t *attr);
void fsp_attr_encode(const fsp_attr_t *attr, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_attr_decode(fsp_slice_t bytes, fsp_attr_t *ret);

/* How far an upload is, sealed into the log beside its root (an object of kind DETAILS, which is
   nowhere stored; its length as an array tells it from a version's details): canonical array
   [root kind, root key, root object bytes, root digest bin or nil, offset, chunk count, chunk new
   count, hash words bin or nil, hash tail bin]. */
typedef struct {
    fsp_root_kind_t root_kind; /* CHUNK or TREE: of all chunks up to offset */
    fsp_key_t root_key;
    uint64_t root_object_bytes;
    fsp_hash_t root_digest; /* CHUNK: of its plaintext, which no tree says; else zero */
    uint64_t offset;        /* a chunk ends here; > 0 */
    uint64_t chunk_count, chunk_new_count;
    bool hashed; /* false: not all of the content was seen, and hash says nothing */
    fsp_sha256_state_t hash;
} fsp_midstate_t;
void fsp_midstate_encode(const fsp_midstate_t *midstate, fsp_buf_t *buf);
FSP_MUST_CHECK fsp_status_t fsp_midstate_decode(fsp_slice_t bytes, fsp_midstate_t *ret);
#endif
