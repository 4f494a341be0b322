/* SPDX-License-Identifier: MIT */
/* digest - SHA-256, HMAC, HKDF.  Layer core/crypto.  Pure. */
#ifndef FSP_CORE_CRYPTO_DIGEST_H
#define FSP_CORE_CRYPTO_DIGEST_H
#include "core/base/types.h"

/* SHA-256 (FIPS 180-4) of one piece; the hot path: libcrypto with SHA-NI. */
fsp_hash_t fsp_sha256(fsp_slice_t bytes);
/* SHA-256 of pieces one after the other. */
fsp_hash_t fsp_sha256_pieces(const fsp_slice_t *pieces, size_t count);

typedef struct fsp_sha256 fsp_sha256_t;
fsp_sha256_t *fsp_sha256_new(void);
void fsp_sha256_destroy(fsp_sha256_t **self_p);
void fsp_sha256_update(fsp_sha256_t *self, fsp_slice_t bytes);
/* The digest of all that came so far; self starts again empty. */
fsp_hash_t fsp_sha256_finish(fsp_sha256_t *self);

/* All there is to know of a digest in the making, in the words of FIPS 180-4, whatever library
   makes it: who has this goes on with it in another process, version or machine. */
enum { FSP_SHA256_WORDS_BYTES = 32, FSP_SHA256_BLOCK_BYTES = 64 };
typedef struct {
    uint64_t bytes;                        /* so far, at most FSP_SHA256_BYTES_MAX */
    uint8_t words[FSP_SHA256_WORDS_BYTES]; /* H0..H7 behind the whole blocks, big-endian */
    uint8_t tail[FSP_SHA256_BLOCK_BYTES];  /* the last bytes % 64 octets; zeros behind them */
} fsp_sha256_state_t;
#define FSP_SHA256_BYTES_MAX (UINT64_MAX / 8)
void fsp_sha256_save(const fsp_sha256_t *self, fsp_sha256_state_t *ret);
/* Replaces whatever came so far. */
void fsp_sha256_load(fsp_sha256_t *self, const fsp_sha256_state_t *state);

/* HMAC-SHA-256 (RFC 2104) over pieces one after the other. */
fsp_hash_t fsp_hmac(fsp_slice_t key, const fsp_slice_t *pieces, size_t count);
/* HKDF-SHA-256 (RFC 5869), extract and expand to bytes <= 8160. */
void fsp_hkdf(fsp_slice_t input_key, fsp_slice_t salt, fsp_slice_t info, void *ret, size_t bytes);
/* Equal, in time that depends on the length only. */
bool fsp_equal_secret(const void *a, const void *b, size_t bytes);
/* Overwrites, and is not optimised away. */
void fsp_wipe(void *data, size_t bytes);
#endif
