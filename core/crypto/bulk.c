/* SPDX-License-Identifier: MIT */
/* bulk - SHA-256 and AES-256-GCM by libcrypto: the one door to that library.  Layer core/crypto.
 *
 * Every byte of content passes here two to four times, so these two are the only primitives that
 * come from libcrypto: with SHA-NI and AES-NI it is 6 and 18 times as fast as mbedTLS 2.28
 * (digest.h, gcm.h; numbers in README.md).
 *
 * The cipher is fetched once for the process, in a library context of our own: a fetch costs
 * microseconds, and the default context would first read openssl.cnf, which core may not do.  The
 * context stays until the process ends.
 *
 * None of the calls below can fail for what they are given; when one fails, memory has run out or
 * the library is not the one we were built for.  Both end the process, as alloc.h has it.
 */
#include "core/crypto/digest.h"
#include "core/crypto/gcm.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"

/* SHA256_CTX is deprecated for new programs, since it is one algorithm and no abstraction.  It is
   also the only door of the library behind which the state of a digest can be seen and set, and
   that needs no memory of its own, with the same assembly below it; and it has been the same struct
   since SHA-256 came to OpenSSL. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <limits.h>
#include <threads.h>

static_assert((int)FSP_GCM_TAG_BYTES == 16, "the tag is written at full length");

/* Set once, before first use, and never changed. */
static once_flag fetch_once = ONCE_FLAG_INIT;
static EVP_CIPHER *aes_256_gcm;

static void
must(int one)
{
    FSP_ASSERT(one == 1);
}

static void
fetch(void)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    FSP_ASSERT(library != NULL);
    aes_256_gcm = EVP_CIPHER_fetch(library, "AES-256-GCM", NULL);
    FSP_ASSERT(aes_256_gcm != NULL);
    FSP_ASSERT(EVP_CIPHER_get_key_length(aes_256_gcm) == FSP_GCM_KEY_BYTES);
    FSP_ASSERT(EVP_CIPHER_get_iv_length(aes_256_gcm) == FSP_GCM_NONCE_BYTES);
}

/* -- SHA-256 ----------------------------------------------------------------------------------- */

fsp_hash_t
fsp_sha256_pieces(const fsp_slice_t *pieces, size_t count)
{
    FSP_PRE(pieces != NULL || count == 0);
    /* On the stack: most digests are of some hundred octets, and a context of the other kind costs
       as much as they do. */
    SHA256_CTX context;
    must(SHA256_Init(&context));
    for (size_t i = 0; i < count; i++)
        must(SHA256_Update(&context, pieces[i].data, pieces[i].bytes));
    fsp_hash_t digest;
    must(SHA256_Final(digest.bytes, &context));
    return digest;
}

fsp_hash_t
fsp_sha256(fsp_slice_t bytes)
{
    return fsp_sha256_pieces(&bytes, 1);
}

/* -- SHA-256 in the making --------------------------------------------------------------------- */

/* The library gets whole blocks only; so of its struct only the words and the count ever matter,
   and both are what the standard says (FIPS 180-4, 6.2), not how the library buffers. */
struct fsp_sha256 {
    SHA256_CTX context;
    uint64_t bytes;
    uint8_t tail[FSP_SHA256_BLOCK_BYTES]; /* bytes % 64 of them */
};
static_assert(sizeof(((SHA256_CTX *)NULL)->h) == 8 * sizeof(SHA_LONG), "eight words");
static_assert((int)SHA256_CBLOCK == FSP_SHA256_BLOCK_BYTES, "blocks of 64 octets");

static void
begin_empty(fsp_sha256_t *self)
{
    must(SHA256_Init(&self->context));
    self->bytes = 0;
}

fsp_sha256_t *
fsp_sha256_new(void)
{
    fsp_sha256_t *self = FSP_NEW(fsp_sha256_t);
    begin_empty(self);
    return self;
}

void
fsp_sha256_destroy(fsp_sha256_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_sha256_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    fsp_wipe(self, sizeof(*self)); /* HMAC puts keys into it */
    fsp_free(self);
}

void
fsp_sha256_update(fsp_sha256_t *self, fsp_slice_t bytes)
{
    FSP_PRE(self != NULL);
    FSP_PRE(bytes.bytes <= FSP_SHA256_BYTES_MAX - self->bytes);
    size_t at = self->bytes % FSP_SHA256_BLOCK_BYTES, used = 0;
    self->bytes += bytes.bytes;
    if (at > 0) {
        used = FSP_SHA256_BLOCK_BYTES - at;
        if (used > bytes.bytes)
            used = bytes.bytes;
        if (used > 0)
            memcpy(self->tail + at, bytes.data, used);
        if (at + used < FSP_SHA256_BLOCK_BYTES)
            return;
        must(SHA256_Update(&self->context, self->tail, FSP_SHA256_BLOCK_BYTES));
    }
    size_t whole = (bytes.bytes - used) / FSP_SHA256_BLOCK_BYTES * FSP_SHA256_BLOCK_BYTES;
    if (whole > 0)
        must(SHA256_Update(&self->context, bytes.data + used, whole));
    used += whole;
    if (used < bytes.bytes)
        memcpy(self->tail, bytes.data + used, bytes.bytes - used);
}

fsp_hash_t
fsp_sha256_finish(fsp_sha256_t *self)
{
    FSP_PRE(self != NULL);
    fsp_hash_t digest;
    must(SHA256_Update(&self->context, self->tail, self->bytes % FSP_SHA256_BLOCK_BYTES));
    must(SHA256_Final(digest.bytes, &self->context));
    begin_empty(self);
    return digest;
}

void
fsp_sha256_save(const fsp_sha256_t *self, fsp_sha256_state_t *ret)
{
    FSP_PRE(self != NULL);
    FSP_PRE(ret != NULL);
    memset(ret, 0, sizeof(*ret));
    ret->bytes = self->bytes;
    for (size_t i = 0; i < 8; i++)
        fsp_store_u32(ret->words + 4 * i, (uint32_t)self->context.h[i]);
    memcpy(ret->tail, self->tail, self->bytes % FSP_SHA256_BLOCK_BYTES);
}

void
fsp_sha256_load(fsp_sha256_t *self, const fsp_sha256_state_t *state)
{
    FSP_PRE(self != NULL);
    FSP_PRE(state != NULL);
    FSP_PRE(state->bytes <= FSP_SHA256_BYTES_MAX);
    begin_empty(self);
    self->bytes = state->bytes;
    for (size_t i = 0; i < 8; i++)
        self->context.h[i] = fsp_load_u32(state->words + 4 * i);
    /* The library counts bits, low word first. */
    uint64_t bits = state->bytes / FSP_SHA256_BLOCK_BYTES * FSP_SHA256_BLOCK_BYTES * 8;
    self->context.Nl = (SHA_LONG)(bits & UINT32_MAX);
    self->context.Nh = (SHA_LONG)(bits >> 32);
    memcpy(self->tail, state->tail, sizeof(self->tail));
}

/* -- AES-256-GCM ------------------------------------------------------------------------------- */

struct fsp_gcm {
    EVP_CIPHER_CTX *context; /* holds the expanded key, which libcrypto wipes when it is freed */
};

fsp_gcm_t *
fsp_gcm_new(const uint8_t *key)
{
    FSP_PRE(key != NULL);
    call_once(&fetch_once, fetch);
    fsp_gcm_t *self = FSP_NEW(fsp_gcm_t);
    self->context = EVP_CIPHER_CTX_new();
    FSP_ASSERT(self->context != NULL);
    must(EVP_EncryptInit_ex2(self->context, aes_256_gcm, key, NULL, NULL));
    return self;
}

void
fsp_gcm_destroy(fsp_gcm_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_gcm_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    EVP_CIPHER_CTX_free(self->context);
    fsp_free(self);
}

/* One nonce under the key that is set, in either direction: GCM runs AES forwards in both, so one
   key schedule serves. */
static void
start(fsp_gcm_t *self, const uint8_t *nonce, fsp_slice_t aad, bool seal)
{
    int bytes = 0;
    must(EVP_CipherInit_ex2(self->context, NULL, NULL, nonce, seal ? 1 : 0, NULL));
    if (aad.bytes)
        must(EVP_CipherUpdate(self->context, NULL, &bytes, aad.data, (int)aad.bytes));
}

static void
crypt(fsp_gcm_t *self, const uint8_t *from, size_t bytes, uint8_t *to)
{
    int done = 0;
    if (bytes)
        must(EVP_CipherUpdate(self->context, to, &done, from, (int)bytes));
    FSP_POST((size_t)done == bytes);
}

void
fsp_gcm_seal(fsp_gcm_t *self, const uint8_t *nonce, fsp_slice_t aad, fsp_slice_t plain,
             uint8_t *ret)
{
    FSP_PRE(self != NULL);
    FSP_PRE(nonce != NULL);
    FSP_PRE(aad.bytes <= INT_MAX);
    FSP_PRE(plain.bytes <= INT_MAX);
    FSP_PRE(ret != NULL);
    int bytes = 0;
    start(self, nonce, aad, true);
    crypt(self, plain.data, plain.bytes, ret);
    must(EVP_CipherFinal_ex(self->context, ret + plain.bytes, &bytes));
    must(EVP_CIPHER_CTX_ctrl(self->context, EVP_CTRL_AEAD_GET_TAG, FSP_GCM_TAG_BYTES,
                             ret + plain.bytes));
}

fsp_status_t
fsp_gcm_open(fsp_gcm_t *self, const uint8_t *nonce, fsp_slice_t aad, fsp_slice_t sealed,
             uint8_t *ret)
{
    FSP_PRE(self != NULL);
    FSP_PRE(nonce != NULL);
    FSP_PRE(aad.bytes <= INT_MAX);
    FSP_PRE(sealed.bytes <= INT_MAX);
    if (sealed.bytes < FSP_GCM_TAG_BYTES)
        return FSP_DAMAGED;
    size_t bytes = sealed.bytes - FSP_GCM_TAG_BYTES;
    FSP_PRE(ret != NULL || bytes == 0);
    uint8_t tag[FSP_GCM_TAG_BYTES];
    memcpy(tag, sealed.data + bytes, sizeof(tag)); /* the library takes it without const */
    start(self, nonce, aad, false);
    crypt(self, sealed.data, bytes, ret);
    must(EVP_CIPHER_CTX_ctrl(self->context, EVP_CTRL_AEAD_SET_TAG, FSP_GCM_TAG_BYTES, tag));
    uint8_t nothing[FSP_GCM_TAG_BYTES];
    int more = 0;
    if (EVP_CipherFinal_ex(self->context, nothing, &more) == 1)
        return FSP_OK;
    /* Plaintext nobody vouches for must not be used by mistake. */
    if (bytes)
        memset(ret, 0, bytes);
    return FSP_DAMAGED;
}
