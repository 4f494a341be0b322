/* SPDX-License-Identifier: MIT */
/* digest - HMAC, HKDF, compare, wipe.  Layer core/crypto.  (SHA-256 itself: bulk.c)
 *
 * HMAC and HKDF are built on our SHA-256 rather than taken from mbedTLS: both are a dozen lines
 * over the digest, sealing an object does three HMACs, and with SHA-NI below them HKDF of 32 bytes
 * costs a third of mbedTLS's (README.md).  Vectors of RFC 4231 and RFC 5869 hold them, and
 * mbedTLS is the second opinion in the tests.
 */
#include "core/crypto/digest.h"

#include "core/base/check.h"

#include <sodium.h>

enum { BLOCK_BYTES = 64, DIGEST_BYTES = sizeof(fsp_hash_t), EXPAND_BYTES_MAX = 255 * DIGEST_BYTES };

/* HMAC with a context that is empty before and after. */
static fsp_hash_t
hmac(fsp_sha256_t *sha256, fsp_slice_t key, const fsp_slice_t *pieces, size_t count)
{
    uint8_t block[BLOCK_BYTES] = {0};
    if (key.bytes > BLOCK_BYTES) {
        fsp_sha256_update(sha256, key);
        fsp_hash_t digest = fsp_sha256_finish(sha256);
        memcpy(block, digest.bytes, sizeof(digest));
        fsp_wipe(&digest, sizeof(digest));
    } else if (key.bytes) {
        memcpy(block, key.data, key.bytes);
    }
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36;
    fsp_sha256_update(sha256, fsp_slice(block, sizeof(block)));
    for (size_t i = 0; i < count; i++)
        fsp_sha256_update(sha256, pieces[i]);
    fsp_hash_t inner = fsp_sha256_finish(sha256);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36 ^ 0x5c;
    fsp_sha256_update(sha256, fsp_slice(block, sizeof(block)));
    fsp_sha256_update(sha256, FSP_SLICE_OF(inner));
    fsp_wipe(block, sizeof(block));
    fsp_wipe(&inner, sizeof(inner));
    return fsp_sha256_finish(sha256);
}

fsp_hash_t
fsp_hmac(fsp_slice_t key, const fsp_slice_t *pieces, size_t count)
{
    FSP_PRE(pieces != NULL || count == 0);
    fsp_sha256_t *sha256 = fsp_sha256_new();
    fsp_hash_t digest = hmac(sha256, key, pieces, count);
    fsp_sha256_destroy(&sha256);
    return digest;
}

void
fsp_hkdf(fsp_slice_t input_key, fsp_slice_t salt, fsp_slice_t info, void *ret, size_t bytes)
{
    FSP_PRE(ret != NULL);
    FSP_PRE(bytes <= EXPAND_BYTES_MAX);
    fsp_sha256_t *sha256 = fsp_sha256_new();
    /* RFC 5869, 2.2.  No salt stands for 32 zeros there; HMAC pads a short key with zeros, so the
       empty key is the same. */
    fsp_hash_t key = hmac(sha256, salt, &input_key, 1);
    /* 2.3: T(i) = HMAC(key, T(i - 1) | info | i). */
    fsp_hash_t block = {{0}};
    uint8_t *to = ret;
    uint8_t index = 1;
    for (size_t at = 0; at < bytes; at += DIGEST_BYTES, index++) {
        size_t before = at ? DIGEST_BYTES : 0;
        fsp_slice_t pieces[] = {fsp_slice(block.bytes, before), info, fsp_slice(&index, 1)};
        block = hmac(sha256, FSP_SLICE_OF(key), pieces, 3);
        size_t left = bytes - at;
        memcpy(to + at, block.bytes, left < DIGEST_BYTES ? left : DIGEST_BYTES);
    }
    fsp_wipe(&block, sizeof(block));
    fsp_wipe(&key, sizeof(key));
    fsp_sha256_destroy(&sha256);
}

bool
fsp_equal_secret(const void *a, const void *b, size_t bytes)
{
    FSP_PRE((a != NULL && b != NULL) || bytes == 0);
    return sodium_memcmp(a, b, bytes) == 0;
}

void
fsp_wipe(void *data, size_t bytes)
{
    FSP_PRE(data != NULL || bytes == 0);
    sodium_memzero(data, bytes);
}
