/* SPDX-License-Identifier: MIT */
/* object - immutable, sealed, named by SHA-256: how content is stored.  Layer core/data.  Pure.
 *
 *   object = header (72) | open part | sealed part
 *   head   = header | SHA-256(open part) | SHA-256(sealed part)            136 bytes
 *   key    = SHA-256(head)                                                  the object's name
 *
 *   header, integers big-endian:
 *     0  magic "FSPO"          4  format 1     5  kind     6  codec     7  algorithm 1
 *     8  key generation u32   12  open part bytes u32
 *    16  sealed input bytes u64 (what was sealed, after the codec)
 *    24  plaintext bytes u64 (before the codec)
 *    32  reserved, zero u64                     40  salt 32
 *
 *   salt        = HMAC-SHA-256(naming key of the generation, header[0..40) | SHA-256(open part) |
 *                 SHA-256(the exact bytes that are sealed))
 *   sealing key = HKDF-SHA-256(data key of the generation, salt, "fsp object v1")
 *   naming key  = HKDF-SHA-256(data key of the generation, "", "fsp naming v1")
 *   sealed part = sub-blocks of 65,536 bytes of input (the last one shorter, at least one block
 *                 also for empty input), each AES-256-GCM with its 16-byte tag; nonce = sub-block
 *                 index as 96-bit big-endian; additional data = header | SHA-256(open part) | index
 *                 u64 | last flag u8.
 *
 * So one (key, nonce) pair never seals two messages, whatever a compressor did; equal bytes in one
 * space give equal objects; whoever has the space's keys opens any object from the object alone;
 * any node verifies any object without a secret.  Frozen byte by byte by tests/unit/data
 * (docs/protocol/objects.md).
 */
#ifndef FSP_CORE_DATA_OBJECT_H
#define FSP_CORE_DATA_OBJECT_H
#include "core/base/blob.h"
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"
#include "core/data/spacekeys.h"

enum { FSP_OBJECT_HEADER_BYTES = 72, FSP_OBJECT_HEAD_BYTES = 136 };

typedef enum {
    FSP_OBJECT_CHUNK = 1,
    FSP_OBJECT_TREE = 2,
    FSP_OBJECT_INLINE = 3,  /* content of up to 4 KiB, kept in a carrier */
    FSP_OBJECT_DETAILS = 4, /* sealed part of a carrier: sha256, media type, message */
    FSP_OBJECT_ATTR = 5,    /* attributes of a node: mode, mtime */
} fsp_object_kind_t;
typedef enum { FSP_CODEC_NONE = 0, FSP_CODEC_ZSTD = 1 } fsp_codec_t;

typedef struct {
    fsp_object_kind_t kind;
    fsp_codec_t codec;
    uint32_t generation;
    uint32_t open_bytes;
    uint64_t input_bytes; /* sealed input: after the codec */
    uint64_t plain_bytes;
    uint8_t salt[32];
} fsp_object_header_t;
/* Reads the first 72 bytes.  Checks magic, format, kinds and every bound; INVALID, UNSUPPORTED
   (newer format or algorithm), TOO_LARGE.  What it lets pass is safe to allocate for.  Bounds by
   kind: plaintext FSP_CHUNK_BYTES_MAX (chunks, tree nodes), FSP_INLINE_BYTES_MAX (inline,
   details), FSP_ATTR_BYTES_MAX; an open part only in tree nodes; a codec only on chunks, and
   then input < plaintext; the whole FSP_OBJECT_BYTES_MAX. */
FSP_MUST_CHECK fsp_status_t fsp_object_header_decode(fsp_slice_t bytes, fsp_object_header_t *ret);
void fsp_object_header_encode(const fsp_object_header_t *header,
                              uint8_t ret[FSP_OBJECT_HEADER_BYTES]);
/* Bytes of the sealed part: input and one tag per sub-block. */
uint64_t fsp_object_sealed_bytes(const fsp_object_header_t *header);
uint64_t fsp_object_bytes(const fsp_object_header_t *header); /* of the whole object */

/* What sealing gives. */
typedef struct {
    fsp_blob_t *object; /* the whole object, with count 1 */
    fsp_key_t key;
    fsp_hash_t digest;                   /* SHA-256 of the plaintext */
    uint8_t head[FSP_OBJECT_HEAD_BYTES]; /* as fsp_object_name would give it */
} fsp_sealed_t;
/* Seals plain with open beside it (trees only) under the newest key; tries zstd level 1 for
   chunks when a fixed sample of the chunk's own bytes promises to save, and keeps it if it saves
   1/16.  The digest costs nothing unless plain was compressed, and then one pass.  Keeps no
   state: any number of threads may seal under one set of keys. */
void fsp_object_seal_all(const fsp_space_keys_t *keys, fsp_object_kind_t kind, fsp_slice_t open,
                         fsp_slice_t plain, fsp_sealed_t *ret);
/* The same for who wants no head.  ret_digest may be NULL. */
fsp_blob_t *fsp_object_seal(const fsp_space_keys_t *keys, fsp_object_kind_t kind, fsp_slice_t open,
                            fsp_slice_t plain, fsp_key_t *ret_key, fsp_hash_t *ret_digest);
/* An inline content whose SHA-256 the caller has made already, which saves a pass. */
fsp_blob_t *fsp_object_seal_inline(const fsp_space_keys_t *keys, fsp_slice_t plain,
                                   fsp_hash_t digest, fsp_key_t *ret_key);

/* Name of a whole object, without a secret: checks header and lengths, hashes both parts.
   ret_head may be NULL. INVALID, UNSUPPORTED, TOO_LARGE. */
FSP_MUST_CHECK fsp_status_t fsp_object_name(fsp_slice_t object, fsp_key_t *ret_key,
                                            uint8_t ret_head[FSP_OBJECT_HEAD_BYTES]);
/* Whole object -> plaintext (codec undone), verified against key first through its head, then by
   the tags. The hash over the sealed part is not needed: tags under a checked head prove it.
   ret_open (may be NULL) borrows from object.  DAMAGED if anything does not fit; UNKNOWN_KEY if
   the generation is not held; UNSUPPORTED if it is a sound object of a newer format.  The salt
   is not recomputed: it only has to differ, not to be ours. */
FSP_MUST_CHECK fsp_status_t fsp_object_open(const fsp_space_keys_t *keys, fsp_key_t key,
                                            const uint8_t head[FSP_OBJECT_HEAD_BYTES],
                                            fsp_slice_t open, fsp_slice_t sealed,
                                            fsp_blob_t **ret_plain);
/* The same from one piece. */
FSP_MUST_CHECK fsp_status_t fsp_object_open_whole(const fsp_space_keys_t *keys, fsp_key_t key,
                                                  fsp_slice_t object, fsp_blob_t **ret_plain,
                                                  fsp_slice_t *ret_open);
/* The same for an object without a name of its own, which came inside of something that was
   verified, or need not be: the tags alone vouch for it.  A name made from what came would vouch
   for nothing more, and takes as long as opening. */
FSP_MUST_CHECK fsp_status_t fsp_object_open_unnamed(const fsp_space_keys_t *keys,
                                                    fsp_slice_t object, fsp_blob_t **ret_plain);
/* A range of an uncompressed object: which bytes of the sealed part hold plaintext from..to
   (exclusive), from <= to <= plain_bytes.  An empty range gives an empty one. */
void fsp_object_range(const fsp_object_header_t *header, uint64_t from, uint64_t to,
                      uint64_t *ret_sealed_from, uint64_t *ret_sealed_to);
/* Opens sub-blocks: `sealed` are the bytes of the sealed part from sealed_from (a multiple of
   65,552) on, whole sub-blocks.  ret_plain starts at plaintext offset sealed_from / 65,552 *
   65,536. Codec NONE only, else INVALID, as for a sealed_from that cannot be; the rest as
   fsp_object_open. */
FSP_MUST_CHECK fsp_status_t fsp_object_open_range(const fsp_space_keys_t *keys, fsp_key_t key,
                                                  const uint8_t head[FSP_OBJECT_HEAD_BYTES],
                                                  fsp_slice_t open, uint64_t sealed_from,
                                                  fsp_slice_t sealed, fsp_blob_t **ret_plain);
#endif
