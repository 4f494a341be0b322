/* SPDX-License-Identifier: MIT */
/* object - immutable, sealed, named by SHA-256.  Layer core/data.  (Layout: object.h)
 *
 * Sealing passes three times over the bytes: SHA-256 of what is sealed (the salt depends on it),
 * AES-GCM, SHA-256 of the sealed part.  The last two go sub-block by sub-block, so that the second
 * finds its input in the cache.  Compression: codec.h.
 */
#include "core/data/object.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/crypto/gcm.h"
#include "core/data/codec.h"

enum {
    FORMAT = 1,
    ALGORITHM = 1, /* SHA-256, HKDF, AES-256-GCM */

    /* Where fields lie in the header. */
    AT_FORMAT = 4,
    AT_KIND = 5,
    AT_CODEC = 6,
    AT_ALGORITHM = 7,
    AT_GENERATION = 8,
    AT_OPEN_BYTES = 12,
    AT_INPUT_BYTES = 16,
    AT_PLAIN_BYTES = 24,
    AT_RESERVED = 32,
    AT_SALT = 40,

    SALT_BYTES = 32,
    HASH_BYTES = sizeof(fsp_hash_t),
    SEALED_BLOCK_BYTES = FSP_SUBBLOCK_BYTES + FSP_GCM_TAG_BYTES,
    AAD_PREFIX_BYTES = FSP_OBJECT_HEADER_BYTES + HASH_BYTES,
    AAD_BYTES = AAD_PREFIX_BYTES + 8 + 1
};
static_assert((int)AT_SALT + SALT_BYTES == FSP_OBJECT_HEADER_BYTES, "the salt ends the header");
static_assert((int)FSP_OBJECT_HEADER_BYTES + 2 * HASH_BYTES == FSP_OBJECT_HEAD_BYTES,
              "a head is a header and two digests");
static const uint8_t magic[4] = {'F', 'S', 'P', 'O'};

/* What each kind may be.  Only a tree node has anything to show to those without a key, and only
   chunks are compressed: a change here is a change of the format. */
typedef struct {
    uint32_t plain_bytes_max;
    uint32_t open_bytes_max;
    bool compressible;
} rule_t;
static const rule_t rules[] = {
    [FSP_OBJECT_CHUNK] = {FSP_CHUNK_BYTES_MAX, 0, true},
    [FSP_OBJECT_TREE] = {FSP_CHUNK_BYTES_MAX, FSP_OBJECT_OPEN_BYTES_MAX, false},
    [FSP_OBJECT_INLINE] = {FSP_INLINE_BYTES_MAX, 0, false},
    [FSP_OBJECT_DETAILS] = {FSP_INLINE_BYTES_MAX, 0, false},
    [FSP_OBJECT_ATTR] = {FSP_ATTR_BYTES_MAX, 0, false},
};
static_assert(FSP_INLINE_BYTES_MAX >= FSP_MESSAGE_BYTES_MAX + FSP_MEDIA_TYPE_BYTES_MAX + 64,
              "details fit their kind");

/* -- header ------------------------------------------------------------------------------------ */

static uint64_t
block_count(uint64_t input_bytes)
{
    return input_bytes ? (input_bytes - 1) / FSP_SUBBLOCK_BYTES + 1 : 1;
}

uint64_t
fsp_object_sealed_bytes(const fsp_object_header_t *header)
{
    FSP_PRE(header != NULL);
    return header->input_bytes + block_count(header->input_bytes) * FSP_GCM_TAG_BYTES;
}

uint64_t
fsp_object_bytes(const fsp_object_header_t *header)
{
    FSP_PRE(header != NULL);
    return FSP_OBJECT_HEADER_BYTES + header->open_bytes + fsp_object_sealed_bytes(header);
}

/* Lengths against the rule of the kind and against each other. */
static fsp_status_t
check_lengths(const fsp_object_header_t *header)
{
    const rule_t *rule = &rules[header->kind];
    if (header->open_bytes && !rule->open_bytes_max)
        return FSP_INVALID;
    if (header->plain_bytes > rule->plain_bytes_max || header->open_bytes > rule->open_bytes_max)
        return FSP_TOO_LARGE;
    if (header->codec == FSP_CODEC_NONE) {
        if (header->input_bytes != header->plain_bytes)
            return FSP_INVALID;
    } else if (!rule->compressible || header->input_bytes == 0 ||
               header->input_bytes >= header->plain_bytes) {
        return FSP_INVALID;
    }
    return fsp_object_bytes(header) <= FSP_OBJECT_BYTES_MAX ? FSP_OK : FSP_TOO_LARGE;
}

fsp_status_t
fsp_object_header_decode(fsp_slice_t bytes, fsp_object_header_t *ret)
{
    FSP_PRE(ret != NULL);
    if (bytes.bytes < FSP_OBJECT_HEADER_BYTES || memcmp(bytes.data, magic, sizeof(magic)) != 0)
        return FSP_INVALID;
    const uint8_t *from = bytes.data;
    if (from[AT_FORMAT] > FORMAT)
        return FSP_UNSUPPORTED;
    if (from[AT_FORMAT] != FORMAT)
        return FSP_INVALID;
    if (from[AT_ALGORITHM] > ALGORITHM)
        return FSP_UNSUPPORTED;
    if (from[AT_ALGORITHM] != ALGORITHM)
        return FSP_INVALID;
    if (from[AT_KIND] < FSP_OBJECT_CHUNK || from[AT_KIND] > FSP_OBJECT_ATTR ||
        from[AT_CODEC] > FSP_CODEC_ZSTD || fsp_load_u64(from + AT_RESERVED) != 0)
        return FSP_INVALID;
    fsp_object_header_t header = {.kind = (fsp_object_kind_t)from[AT_KIND],
                                  .codec = (fsp_codec_t)from[AT_CODEC],
                                  .generation = fsp_load_u32(from + AT_GENERATION),
                                  .open_bytes = fsp_load_u32(from + AT_OPEN_BYTES),
                                  .input_bytes = fsp_load_u64(from + AT_INPUT_BYTES),
                                  .plain_bytes = fsp_load_u64(from + AT_PLAIN_BYTES)};
    memcpy(header.salt, from + AT_SALT, SALT_BYTES);
    fsp_status_t status = check_lengths(&header);
    if (status == FSP_OK)
        *ret = header;
    return status;
}

void
fsp_object_header_encode(const fsp_object_header_t *header, uint8_t ret[FSP_OBJECT_HEADER_BYTES])
{
    FSP_PRE(header != NULL);
    FSP_PRE(ret != NULL);
    FSP_PRE(header->kind >= FSP_OBJECT_CHUNK && header->kind <= FSP_OBJECT_ATTR);
    FSP_PRE(header->codec <= FSP_CODEC_ZSTD);
    FSP_PRE(check_lengths(header) == FSP_OK);
    memcpy(ret, magic, sizeof(magic));
    ret[AT_FORMAT] = FORMAT;
    ret[AT_KIND] = (uint8_t)header->kind;
    ret[AT_CODEC] = (uint8_t)header->codec;
    ret[AT_ALGORITHM] = ALGORITHM;
    fsp_store_u32(ret + AT_GENERATION, header->generation);
    fsp_store_u32(ret + AT_OPEN_BYTES, header->open_bytes);
    fsp_store_u64(ret + AT_INPUT_BYTES, header->input_bytes);
    fsp_store_u64(ret + AT_PLAIN_BYTES, header->plain_bytes);
    fsp_store_u64(ret + AT_RESERVED, 0);
    memcpy(ret + AT_SALT, header->salt, SALT_BYTES);
}

static fsp_key_t
key_of(const uint8_t head[FSP_OBJECT_HEAD_BYTES])
{
    fsp_hash_t digest = fsp_sha256(fsp_slice(head, FSP_OBJECT_HEAD_BYTES));
    fsp_key_t key;
    memcpy(key.bytes, digest.bytes, sizeof(key.bytes));
    return key;
}

/* -- sub-blocks -------------------------------------------------------------------------------- */

typedef struct {
    fsp_gcm_t *gcm;
    uint64_t block_count;
    uint8_t aad[AAD_BYTES]; /* header | SHA-256(open part) | index | last */
    uint8_t nonce[FSP_GCM_NONCE_BYTES];
} cipher_t;

static void
cipher_init(cipher_t *self, const fsp_space_key_t *key, const fsp_object_header_t *header,
            const uint8_t prefix[AAD_PREFIX_BYTES])
{
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t sealing_key;
    fsp_hkdf(FSP_SLICE_OF(key->data_key), fsp_slice(header->salt, SALT_BYTES),
             fsp_slice_text("fsp object v1"), sealing_key.bytes, sizeof(sealing_key.bytes));
    self->gcm = fsp_gcm_new(sealing_key.bytes);
    self->block_count = block_count(header->input_bytes);
    memcpy(self->aad, prefix, AAD_PREFIX_BYTES);
    memset(self->nonce, 0, sizeof(self->nonce));
}

static void
cipher_clear(cipher_t *self)
{
    fsp_gcm_destroy(&self->gcm);
}

static void
cipher_turn_to(cipher_t *self, uint64_t index)
{
    FSP_ASSERT(index < self->block_count);
    fsp_store_u64(self->nonce + FSP_GCM_NONCE_BYTES - 8, index);
    fsp_store_u64(self->aad + AAD_PREFIX_BYTES, index);
    self->aad[AAD_BYTES - 1] = index + 1 == self->block_count;
}

/* Writes the sealed part of input; returns its digest. */
static fsp_hash_t
seal_blocks(cipher_t *cipher, fsp_slice_t input, uint8_t *to)
{
    fsp_sha256_t *sha256 = fsp_sha256_new();
    for (uint64_t index = 0; index < cipher->block_count; index++) {
        size_t at = (size_t)index * FSP_SUBBLOCK_BYTES, left = input.bytes - at;
        size_t bytes = left < FSP_SUBBLOCK_BYTES ? left : FSP_SUBBLOCK_BYTES;
        cipher_turn_to(cipher, index);
        fsp_gcm_seal(cipher->gcm, cipher->nonce, fsp_slice(cipher->aad, AAD_BYTES),
                     fsp_slice(bytes ? input.data + at : NULL, bytes), to);
        fsp_sha256_update(sha256, fsp_slice(to, bytes + FSP_GCM_TAG_BYTES));
        to += bytes + FSP_GCM_TAG_BYTES;
    }
    fsp_hash_t digest = fsp_sha256_finish(sha256);
    fsp_sha256_destroy(&sha256);
    return digest;
}

/* Opens whole sub-blocks from index on, whose lengths were checked. */
static fsp_status_t
open_blocks(cipher_t *cipher, uint64_t index, fsp_slice_t sealed, uint8_t *to)
{
    for (size_t at = 0; at < sealed.bytes; index++) {
        size_t left = sealed.bytes - at;
        size_t bytes = left < SEALED_BLOCK_BYTES ? left : SEALED_BLOCK_BYTES;
        cipher_turn_to(cipher, index);
        fsp_status_t status =
            fsp_gcm_open(cipher->gcm, cipher->nonce, fsp_slice(cipher->aad, AAD_BYTES),
                         fsp_slice(sealed.data + at, bytes), to);
        if (status != FSP_OK)
            return status;
        to += bytes - FSP_GCM_TAG_BYTES;
        at += bytes;
    }
    return FSP_OK;
}

/* -- sealing and naming ------------------------------------------------------------------------ */

/* known: the digest of plain, or NULL. */
static void
seal(const fsp_space_keys_t *keys, fsp_object_kind_t kind, fsp_slice_t open, fsp_slice_t plain,
     const fsp_hash_t *known, fsp_sealed_t *ret)
{
    FSP_PRE(keys != NULL);
    FSP_PRE(kind >= FSP_OBJECT_CHUNK && kind <= FSP_OBJECT_ATTR);
    FSP_PRE(open.bytes <= rules[kind].open_bytes_max);
    FSP_PRE(plain.bytes <= rules[kind].plain_bytes_max);
    FSP_PRE(ret != NULL);
    const fsp_space_key_t *space_key = fsp_space_keys_newest(keys);
    FSP_PRE(space_key != NULL);

    fsp_slice_t input = plain;
    size_t frame_bytes = 0;
    uint8_t *frame = rules[kind].compressible ? fsp_codec_compress(plain, &frame_bytes) : NULL;
    if (frame)
        input = fsp_slice(frame, frame_bytes);
    fsp_object_header_t header = {.kind = kind,
                                  .codec = frame ? FSP_CODEC_ZSTD : FSP_CODEC_NONE,
                                  .generation = space_key->generation,
                                  .open_bytes = (uint32_t)open.bytes,
                                  .input_bytes = input.bytes,
                                  .plain_bytes = plain.bytes};

    uint8_t *head = ret->head;
    fsp_object_header_encode(&header, head);
    fsp_hash_t open_digest = fsp_sha256(open);
    fsp_hash_t input_digest = known && !frame ? *known : fsp_sha256(input);
    fsp_slice_t salted[] = {fsp_slice(head, AT_SALT), FSP_SLICE_OF(open_digest),
                            FSP_SLICE_OF(input_digest)};
    fsp_hash_t salt = fsp_hmac(FSP_SLICE_OF(space_key->naming_key), salted, 3);
    memcpy(header.salt, salt.bytes, SALT_BYTES);
    memcpy(head + AT_SALT, salt.bytes, SALT_BYTES);
    memcpy(head + FSP_OBJECT_HEADER_BYTES, open_digest.bytes, HASH_BYTES);

    ret->object = fsp_blob_new((size_t)fsp_object_bytes(&header));
    uint8_t *to = fsp_blob_writable(ret->object);
    memcpy(to, head, FSP_OBJECT_HEADER_BYTES);
    if (open.bytes)
        memcpy(to + FSP_OBJECT_HEADER_BYTES, open.data, open.bytes);
    cipher_t cipher;
    cipher_init(&cipher, space_key, &header, head);
    fsp_hash_t sealed_digest =
        seal_blocks(&cipher, input, to + FSP_OBJECT_HEADER_BYTES + open.bytes);
    cipher_clear(&cipher);
    memcpy(head + AAD_PREFIX_BYTES, sealed_digest.bytes, HASH_BYTES);
    ret->key = key_of(head);
    ret->digest = frame ? fsp_sha256(plain) : input_digest;
    fsp_free(frame);
}

void
fsp_object_seal_all(const fsp_space_keys_t *keys, fsp_object_kind_t kind, fsp_slice_t open,
                    fsp_slice_t plain, fsp_sealed_t *ret)
{
    seal(keys, kind, open, plain, NULL, ret);
}

fsp_blob_t *
fsp_object_seal_inline(const fsp_space_keys_t *keys, fsp_slice_t plain, fsp_hash_t digest,
                       fsp_key_t *ret_key)
{
    FSP_PRE(ret_key != NULL);
    FSP_CHECK_SLOW(fsp_hash_eq(digest, fsp_sha256(plain)));
    fsp_sealed_t sealed;
    seal(keys, FSP_OBJECT_INLINE, fsp_slice(NULL, 0), plain, &digest, &sealed);
    *ret_key = sealed.key;
    return sealed.object;
}

fsp_blob_t *
fsp_object_seal(const fsp_space_keys_t *keys, fsp_object_kind_t kind, fsp_slice_t open,
                fsp_slice_t plain, fsp_key_t *ret_key, fsp_hash_t *ret_digest)
{
    FSP_PRE(ret_key != NULL);
    fsp_sealed_t sealed;
    fsp_object_seal_all(keys, kind, open, plain, &sealed);
    *ret_key = sealed.key;
    if (ret_digest)
        *ret_digest = sealed.digest;
    return sealed.object;
}

fsp_status_t
fsp_object_name(fsp_slice_t object, fsp_key_t *ret_key, uint8_t ret_head[FSP_OBJECT_HEAD_BYTES])
{
    FSP_PRE(ret_key != NULL);
    fsp_object_header_t header;
    fsp_status_t status = fsp_object_header_decode(object, &header);
    if (status != FSP_OK)
        return status;
    if (fsp_object_bytes(&header) != object.bytes)
        return FSP_INVALID;
    const uint8_t *open = object.data + FSP_OBJECT_HEADER_BYTES;
    fsp_hash_t open_digest = fsp_sha256(fsp_slice(open, header.open_bytes));
    fsp_hash_t sealed_digest =
        fsp_sha256(fsp_slice(open + header.open_bytes, (size_t)fsp_object_sealed_bytes(&header)));
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    memcpy(head, object.data, FSP_OBJECT_HEADER_BYTES);
    memcpy(head + FSP_OBJECT_HEADER_BYTES, open_digest.bytes, HASH_BYTES);
    memcpy(head + AAD_PREFIX_BYTES, sealed_digest.bytes, HASH_BYTES);
    *ret_key = key_of(head);
    if (ret_head)
        memcpy(ret_head, head, sizeof(head));
    return FSP_OK;
}

/* -- opening ----------------------------------------------------------------------------------- */

/* Head against key, header against the limits, open part against head; then asks for the key. */
static fsp_status_t
check_head(const fsp_space_keys_t *keys, fsp_key_t key, const uint8_t head[FSP_OBJECT_HEAD_BYTES],
           fsp_slice_t open, fsp_object_header_t *ret_header, const fsp_space_key_t **ret_space_key)
{
    FSP_PRE(keys != NULL);
    FSP_PRE(head != NULL);
    if (!fsp_key_eq(key_of(head), key))
        return FSP_DAMAGED;
    fsp_slice_t header = fsp_slice(head, FSP_OBJECT_HEADER_BYTES);
    fsp_status_t status = fsp_object_header_decode(header, ret_header);
    if (status != FSP_OK)
        return status == FSP_UNSUPPORTED ? status : FSP_DAMAGED;
    if (open.bytes != ret_header->open_bytes)
        return FSP_DAMAGED;
    fsp_hash_t digest = fsp_sha256(open);
    if (memcmp(digest.bytes, head + FSP_OBJECT_HEADER_BYTES, HASH_BYTES) != 0)
        return FSP_DAMAGED;
    *ret_space_key = fsp_space_keys_get(keys, ret_header->generation);
    return *ret_space_key ? FSP_OK : FSP_UNKNOWN_KEY;
}

/* The sealed part of a header that was checked; prefix is what its tags vouch for besides. */
static fsp_status_t
open_sealed(const fsp_space_key_t *space_key, const fsp_object_header_t *header,
            const uint8_t prefix[AAD_PREFIX_BYTES], fsp_slice_t sealed, fsp_blob_t **ret_plain)
{
    if (sealed.bytes != fsp_object_sealed_bytes(header))
        return FSP_DAMAGED;
    cipher_t cipher;
    cipher_init(&cipher, space_key, header, prefix);
    fsp_blob_t *plain = fsp_blob_new((size_t)header->plain_bytes);
    uint8_t *to = fsp_blob_writable(plain);
    fsp_status_t status;
    if (header->codec == FSP_CODEC_NONE) {
        status = open_blocks(&cipher, 0, sealed, to);
    } else {
        uint8_t *frame = fsp_alloc_raw((size_t)header->input_bytes);
        status = open_blocks(&cipher, 0, sealed, frame);
        if (status == FSP_OK && !fsp_codec_decompress(fsp_slice(frame, (size_t)header->input_bytes),
                                                      to, (size_t)header->plain_bytes))
            status = FSP_DAMAGED;
        fsp_free(frame);
    }
    cipher_clear(&cipher);
    if (status == FSP_OK)
        *ret_plain = plain;
    else
        fsp_blob_destroy(&plain);
    return status;
}

fsp_status_t
fsp_object_open(const fsp_space_keys_t *keys, fsp_key_t key,
                const uint8_t head[FSP_OBJECT_HEAD_BYTES], fsp_slice_t open, fsp_slice_t sealed,
                fsp_blob_t **ret_plain)
{
    FSP_PRE(ret_plain != NULL);
    fsp_object_header_t header;
    const fsp_space_key_t *space_key;
    fsp_status_t status = check_head(keys, key, head, open, &header, &space_key);
    return status == FSP_OK ? open_sealed(space_key, &header, head, sealed, ret_plain) : status;
}

fsp_status_t
fsp_object_open_whole(const fsp_space_keys_t *keys, fsp_key_t key, fsp_slice_t object,
                      fsp_blob_t **ret_plain, fsp_slice_t *ret_open)
{
    fsp_key_t name;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    fsp_status_t status = fsp_object_name(object, &name, head);
    if (status != FSP_OK)
        return status == FSP_UNSUPPORTED ? status : FSP_DAMAGED;
    size_t open_bytes = fsp_load_u32(head + AT_OPEN_BYTES);
    fsp_slice_t open = fsp_slice(object.data + FSP_OBJECT_HEADER_BYTES, open_bytes);
    size_t before = FSP_OBJECT_HEADER_BYTES + open_bytes;
    fsp_slice_t sealed = fsp_slice(object.data + before, object.bytes - before);
    status = fsp_object_open(keys, key, head, open, sealed, ret_plain);
    if (status == FSP_OK && ret_open)
        *ret_open = open;
    return status;
}

fsp_status_t
fsp_object_open_unnamed(const fsp_space_keys_t *keys, fsp_slice_t object, fsp_blob_t **ret_plain)
{
    FSP_PRE(keys != NULL);
    FSP_PRE(ret_plain != NULL);
    fsp_object_header_t header;
    fsp_status_t status = fsp_object_header_decode(object, &header);
    if (status != FSP_OK)
        return status == FSP_UNSUPPORTED ? status : FSP_DAMAGED;
    if (fsp_object_bytes(&header) != object.bytes)
        return FSP_DAMAGED;
    const fsp_space_key_t *space_key = fsp_space_keys_get(keys, header.generation);
    if (!space_key)
        return FSP_UNKNOWN_KEY;
    const uint8_t *open = object.data + FSP_OBJECT_HEADER_BYTES;
    fsp_hash_t digest = fsp_sha256(fsp_slice(open, header.open_bytes));
    uint8_t prefix[AAD_PREFIX_BYTES];
    memcpy(prefix, object.data, FSP_OBJECT_HEADER_BYTES);
    memcpy(prefix + FSP_OBJECT_HEADER_BYTES, digest.bytes, HASH_BYTES);
    fsp_slice_t sealed =
        fsp_slice(open + header.open_bytes, (size_t)fsp_object_sealed_bytes(&header));
    return open_sealed(space_key, &header, prefix, sealed, ret_plain);
}

void
fsp_object_range(const fsp_object_header_t *header, uint64_t from, uint64_t to,
                 uint64_t *ret_sealed_from, uint64_t *ret_sealed_to)
{
    FSP_PRE(header != NULL);
    FSP_PRE(from <= to);
    FSP_PRE(to <= header->plain_bytes);
    FSP_PRE(ret_sealed_from != NULL);
    FSP_PRE(ret_sealed_to != NULL);
    uint64_t sealed_bytes = fsp_object_sealed_bytes(header);
    uint64_t sealed_from = from / FSP_SUBBLOCK_BYTES * SEALED_BLOCK_BYTES;
    uint64_t sealed_to =
        (to / FSP_SUBBLOCK_BYTES + (to % FSP_SUBBLOCK_BYTES != 0)) * SEALED_BLOCK_BYTES;
    if (sealed_to > sealed_bytes)
        sealed_to = sealed_bytes;
    if (from == to)
        sealed_from = sealed_to;
    FSP_POST(sealed_from <= sealed_to);
    *ret_sealed_from = sealed_from;
    *ret_sealed_to = sealed_to;
}

fsp_status_t
fsp_object_open_range(const fsp_space_keys_t *keys, fsp_key_t key,
                      const uint8_t head[FSP_OBJECT_HEAD_BYTES], fsp_slice_t open,
                      uint64_t sealed_from, fsp_slice_t sealed, fsp_blob_t **ret_plain)
{
    FSP_PRE(ret_plain != NULL);
    fsp_object_header_t header;
    const fsp_space_key_t *space_key;
    fsp_status_t status = check_head(keys, key, head, open, &header, &space_key);
    if (status != FSP_OK)
        return status;
    uint64_t sealed_bytes = fsp_object_sealed_bytes(&header);
    if (header.codec != FSP_CODEC_NONE || sealed_from % SEALED_BLOCK_BYTES != 0 ||
        sealed_from >= sealed_bytes)
        return FSP_INVALID;
    /* Whole sub-blocks, at least one, none behind the end. */
    uint64_t left = sealed_bytes - sealed_from;
    if (sealed.bytes == 0 || sealed.bytes > left ||
        (sealed.bytes < left && sealed.bytes % SEALED_BLOCK_BYTES != 0))
        return FSP_DAMAGED;
    size_t blocks = (sealed.bytes - 1) / SEALED_BLOCK_BYTES + 1;
    fsp_blob_t *plain = fsp_blob_new(sealed.bytes - blocks * FSP_GCM_TAG_BYTES);
    cipher_t cipher;
    cipher_init(&cipher, space_key, &header, head);
    status =
        open_blocks(&cipher, sealed_from / SEALED_BLOCK_BYTES, sealed, fsp_blob_writable(plain));
    cipher_clear(&cipher);
    if (status == FSP_OK)
        *ret_plain = plain;
    else
        fsp_blob_destroy(&plain);
    return status;
}
