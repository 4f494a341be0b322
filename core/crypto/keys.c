/* SPDX-License-Identifier: MIT */
/* keys - identities and wrapped keys.  Layer core/crypto.
 *
 * Ed25519 and X25519 by libsodium.  sodium_init() is never called: it opens /dev/urandom and picks
 * faster code for ciphers we do not use; what is used here needs neither (tests/unit/crypto runs
 * without it).
 */
#include "core/crypto/keys.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/crypto/gcm.h"

#include <sodium.h>

#include <assert.h>
#include <stdio.h>

static_assert(sizeof(fsp_secret_t) == crypto_sign_SEEDBYTES, "an Ed25519 seed is a secret");
static_assert(sizeof(fsp_secret_t) == crypto_scalarmult_SCALARBYTES, "so is an X25519 key");
static_assert(sizeof(fsp_secret_t) == FSP_GCM_KEY_BYTES, "and a sealing key");
static_assert((int)FSP_SIGNATURE_BYTES == crypto_sign_BYTES, "Ed25519 signatures");

enum { PUBLIC_BYTES = 32, TAG_BYTES = 16, SALT_BYTES = 32 };
/* A key that is derived for one message seals only this one: its nonce need not vary. */
static const uint8_t zero_nonce[FSP_GCM_NONCE_BYTES];

void
fsp_secret_wipe(fsp_secret_t *self)
{
    FSP_PRE(self != NULL);
    fsp_wipe(self, sizeof(*self));
}

/* -- identities -------------------------------------------------------------------------------- */

void
fsp_sign_key_from_seed(fsp_sign_key_t *ret, const fsp_secret_t *seed)
{
    FSP_PRE(ret != NULL);
    FSP_PRE(seed != NULL);
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    int result = crypto_sign_seed_keypair(ret->public_key, secret_key, seed->bytes);
    FSP_ASSERT(result == 0);
    ret->seed = *seed;
    fsp_wipe(secret_key, sizeof(secret_key));
}

void
fsp_box_key_from_secret(fsp_box_key_t *ret, const fsp_secret_t *secret)
{
    FSP_PRE(ret != NULL);
    FSP_PRE(secret != NULL);
    int result = crypto_scalarmult_base(ret->public_key, secret->bytes);
    FSP_ASSERT(result == 0);
    ret->secret_key = *secret;
}

fsp_node_id_t
fsp_node_id_of(const uint8_t sign_public_key[32])
{
    FSP_PRE(sign_public_key != NULL);
    fsp_hash_t digest = fsp_sha256(fsp_slice(sign_public_key, PUBLIC_BYTES));
    fsp_node_id_t node_id;
    memcpy(node_id.bytes, digest.bytes, sizeof(node_id.bytes));
    return node_id;
}

fsp_subject_id_t
fsp_subject_of(const uint8_t curve_public_key[32])
{
    FSP_PRE(curve_public_key != NULL);
    fsp_slice_t pieces[] = {fsp_slice_text("fsp subject"),
                            fsp_slice(curve_public_key, PUBLIC_BYTES)};
    fsp_hash_t digest = fsp_sha256_pieces(pieces, 2);
    fsp_subject_id_t subject_id;
    memcpy(subject_id.bytes, digest.bytes, sizeof(subject_id.bytes));
    return subject_id;
}

void
fsp_sign(const fsp_sign_key_t *key, fsp_slice_t message, uint8_t ret_signature[FSP_SIGNATURE_BYTES])
{
    FSP_PRE(key != NULL);
    FSP_PRE(ret_signature != NULL);
    /* The library's secret key is seed and public key in one. */
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    memcpy(secret_key, key->seed.bytes, sizeof(key->seed));
    memcpy(secret_key + sizeof(key->seed), key->public_key, PUBLIC_BYTES);
    int result = crypto_sign_detached(ret_signature, NULL, message.data, message.bytes, secret_key);
    FSP_ASSERT(result == 0);
    fsp_wipe(secret_key, sizeof(secret_key));
}

bool
fsp_verify(const uint8_t public_key[32], fsp_slice_t message,
           const uint8_t signature[FSP_SIGNATURE_BYTES])
{
    FSP_PRE(public_key != NULL);
    FSP_PRE(signature != NULL);
    return crypto_sign_verify_detached(signature, message.data, message.bytes, public_key) == 0;
}

/* -- one message under one key ----------------------------------------------------------------- */

/* Appends ciphertext and tag. */
static void
seal_once(const fsp_secret_t *key, fsp_slice_t message, fsp_buf_t *ret)
{
    uint8_t *room = fsp_buf_extend(ret, message.bytes + TAG_BYTES);
    if (!room)
        return;
    fsp_gcm_t *gcm = fsp_gcm_new(key->bytes);
    fsp_gcm_seal(gcm, zero_nonce, fsp_slice(NULL, 0), message, room);
    fsp_gcm_destroy(&gcm);
}

/* Appends plaintext.  TOO_LARGE if it does not fit ret, which then has overflowed. */
static fsp_status_t
open_once(const fsp_secret_t *key, fsp_slice_t sealed, fsp_buf_t *ret)
{
    FSP_PRE(sealed.bytes >= TAG_BYTES);
    size_t bytes = sealed.bytes - TAG_BYTES;
    uint8_t *room = bytes ? fsp_buf_extend(ret, bytes) : NULL;
    if (bytes && !room)
        return FSP_TOO_LARGE;
    fsp_gcm_t *gcm = fsp_gcm_new(key->bytes);
    fsp_status_t status = fsp_gcm_open(gcm, zero_nonce, fsp_slice(NULL, 0), sealed, room);
    fsp_gcm_destroy(&gcm);
    if (status != FSP_OK)
        ret->bytes -= bytes;
    return status;
}

/* -- boxes ------------------------------------------------------------------------------------- */

/* INVALID if the other side's point has a small order, which would make a key that all know. */
static fsp_status_t
box_key(const fsp_secret_t *own, const uint8_t *other, const uint8_t *ephemeral_public_key,
        const uint8_t *receiver_public_key, fsp_secret_t *ret)
{
    fsp_secret_t shared;
    if (crypto_scalarmult(shared.bytes, own->bytes, other) != 0)
        return FSP_INVALID;
    uint8_t salt[2 * PUBLIC_BYTES];
    memcpy(salt, ephemeral_public_key, PUBLIC_BYTES);
    memcpy(salt + PUBLIC_BYTES, receiver_public_key, PUBLIC_BYTES);
    fsp_hkdf(FSP_SLICE_OF(shared), fsp_slice(salt, sizeof(salt)), fsp_slice_text("fsp box"),
             ret->bytes, sizeof(ret->bytes));
    fsp_secret_wipe(&shared);
    return FSP_OK;
}

fsp_status_t
fsp_box_seal(const uint8_t receiver_public_key[32], const fsp_secret_t *ephemeral,
             fsp_slice_t message, fsp_buf_t *ret)
{
    FSP_PRE(receiver_public_key != NULL);
    FSP_PRE(ephemeral != NULL);
    FSP_PRE(ret != NULL);
    uint8_t ephemeral_public_key[PUBLIC_BYTES];
    int result = crypto_scalarmult_base(ephemeral_public_key, ephemeral->bytes);
    FSP_ASSERT(result == 0);
    fsp_secret_t key;
    fsp_status_t status =
        box_key(ephemeral, receiver_public_key, ephemeral_public_key, receiver_public_key, &key);
    if (status != FSP_OK)
        return status;
    fsp_buf_append(ret, ephemeral_public_key, PUBLIC_BYTES);
    seal_once(&key, message, ret);
    fsp_secret_wipe(&key);
    return FSP_OK;
}

fsp_status_t
fsp_box_open(const fsp_box_key_t *key, fsp_slice_t sealed, fsp_buf_t *ret)
{
    FSP_PRE(key != NULL);
    FSP_PRE(ret != NULL);
    if (sealed.bytes < PUBLIC_BYTES + TAG_BYTES)
        return FSP_DAMAGED;
    fsp_secret_t box;
    if (box_key(&key->secret_key, sealed.data, sealed.data, key->public_key, &box) != FSP_OK)
        return FSP_DAMAGED;
    fsp_slice_t rest = fsp_slice(sealed.data + PUBLIC_BYTES, sealed.bytes - PUBLIC_BYTES);
    fsp_status_t status = open_once(&box, rest, ret);
    fsp_secret_wipe(&box);
    return status;
}

/* -- wrapped keys ------------------------------------------------------------------------------ */

static void
wrapping_key(const fsp_secret_t *kek, const uint8_t *salt, const char *context, fsp_secret_t *ret)
{
    fsp_hkdf(FSP_SLICE_OF(*kek), fsp_slice(salt, SALT_BYTES), fsp_slice_text(context), ret->bytes,
             sizeof(ret->bytes));
}

void
fsp_wrap(const fsp_secret_t *kek, const uint8_t salt[32], const char *context, fsp_slice_t plain,
         fsp_buf_t *ret)
{
    FSP_PRE(kek != NULL);
    FSP_PRE(salt != NULL);
    FSP_PRE(context != NULL);
    FSP_PRE(ret != NULL);
    fsp_secret_t key;
    wrapping_key(kek, salt, context, &key);
    fsp_buf_append(ret, salt, SALT_BYTES);
    seal_once(&key, plain, ret);
    fsp_secret_wipe(&key);
}

void
fsp_wrap_context(const char *what, fsp_space_id_t space_id, uint32_t generation,
                 char ret[FSP_WRAP_CONTEXT_BYTES])
{
    char hex[2 * sizeof(space_id.bytes) + 1];
    fsp_hex_encode(space_id.bytes, sizeof(space_id.bytes), hex);
    int bytes = snprintf(ret, FSP_WRAP_CONTEXT_BYTES, "%s %s %u", what, hex, generation);
    FSP_ASSERT(bytes > 0 && bytes < FSP_WRAP_CONTEXT_BYTES);
}

fsp_status_t
fsp_unwrap(const fsp_secret_t *kek, const char *context, fsp_slice_t wrapped, fsp_buf_t *ret)
{
    FSP_PRE(kek != NULL);
    FSP_PRE(context != NULL);
    FSP_PRE(ret != NULL);
    if (wrapped.bytes < SALT_BYTES + TAG_BYTES)
        return FSP_DAMAGED;
    fsp_secret_t key;
    wrapping_key(kek, wrapped.data, context, &key);
    fsp_slice_t rest = fsp_slice(wrapped.data + SALT_BYTES, wrapped.bytes - SALT_BYTES);
    fsp_status_t status = open_once(&key, rest, ret);
    fsp_secret_wipe(&key);
    return status;
}

/* -- recovery code ----------------------------------------------------------------------------- */

/* Crockford's base 32: no I, L, O, U. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static_assert(sizeof(digits) == 32 + 1, "the base is 32");

enum {
    SECRET_DIGITS = 52, /* 260 bits: the secret and four zeros */
    CHECK_DIGITS = 4,   /* 20 bits */
    CODE_DIGITS = SECRET_DIGITS + CHECK_DIGITS,
    GROUP_DIGITS = 4
};
static_assert(CODE_DIGITS + CODE_DIGITS / GROUP_DIGITS - 1 + 1 == FSP_RECOVERY_TEXT_BYTES,
              "groups of four, dashes between, NUL");

/* First 20 bits of SHA-256("fsp recovery" || bits). */
static uint32_t
recovery_check(const fsp_secret_t *bits)
{
    fsp_slice_t pieces[] = {fsp_slice_text("fsp recovery"), FSP_SLICE_OF(*bits)};
    fsp_hash_t digest = fsp_sha256_pieces(pieces, 2);
    return fsp_load_u32(digest.bytes) >> 12;
}

/* The i-th 5 bits of 32 bytes, the first bit first; zeros behind the end. */
static unsigned
five_bits(const fsp_secret_t *bits, unsigned i)
{
    unsigned byte = i * 5 / 8, shift = i * 5 % 8;
    unsigned next = byte + 1 < sizeof(bits->bytes) ? bits->bytes[byte + 1] : 0;
    return ((unsigned)bits->bytes[byte] << 8 | next) >> (11 - shift) & 31;
}

void
fsp_recovery_encode(const fsp_secret_t *bits, char ret_text[FSP_RECOVERY_TEXT_BYTES])
{
    FSP_PRE(bits != NULL);
    FSP_PRE(ret_text != NULL);
    uint32_t check = recovery_check(bits);
    char *to = ret_text;
    for (unsigned i = 0; i < CODE_DIGITS; i++) {
        if (i && i % GROUP_DIGITS == 0)
            *to++ = '-';
        *to++ = i < SECRET_DIGITS ? digits[five_bits(bits, i)]
                                  : digits[check >> 5 * (CODE_DIGITS - 1 - i) & 31];
    }
    *to = '\0';
    FSP_POST(to == ret_text + FSP_RECOVERY_TEXT_BYTES - 1);
}

/* 0..31, or 32 for no digit. */
static unsigned
digit_value(uint8_t digit)
{
    if (digit >= 'a' && digit <= 'z')
        digit = (uint8_t)(digit - 'a' + 'A');
    if (digit == 'I' || digit == 'L')
        digit = '1';
    if (digit == 'O')
        digit = '0';
    for (unsigned value = 0; value < 32; value++) {
        if ((uint8_t)digits[value] == digit)
            return value;
    }
    return 32;
}

/* The digits in text as values; false if there is another letter or another number of digits. */
static bool
read_digits(fsp_slice_t text, uint8_t ret_values[CODE_DIGITS])
{
    unsigned count = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t letter = text.data[i];
        if (letter == '-' || letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n')
            continue;
        unsigned value = digit_value(letter);
        if (value > 31 || count == CODE_DIGITS)
            return false;
        ret_values[count++] = (uint8_t)value;
    }
    return count == CODE_DIGITS;
}

fsp_status_t
fsp_recovery_decode(fsp_slice_t text, fsp_secret_t *ret_bits)
{
    FSP_PRE(ret_bits != NULL);
    uint8_t values[CODE_DIGITS];
    FSP_AUTO(fsp_secret_wipe) fsp_secret_t bits = {{0}};
    fsp_status_t status = FSP_INVALID;
    if (read_digits(text, values)) {
        uint32_t check = 0;
        for (unsigned i = 0; i < SECRET_DIGITS; i++) {
            unsigned byte = i * 5 / 8, shift = i * 5 % 8;
            unsigned two = (unsigned)values[i] << (11 - shift);
            bits.bytes[byte] |= (uint8_t)(two >> 8);
            if (byte + 1 < sizeof(bits.bytes))
                bits.bytes[byte + 1] |= (uint8_t)two;
        }
        for (unsigned i = SECRET_DIGITS; i < CODE_DIGITS; i++)
            check = check << 5 | values[i];
        /* The last digit of the secret has one bit of it and four that must be zero. */
        if ((values[SECRET_DIGITS - 1] & 15) == 0 && check == recovery_check(&bits)) {
            *ret_bits = bits;
            status = FSP_OK;
        }
    }
    fsp_wipe(values, sizeof(values));
    return status;
}

void
fsp_recovery_kek(const fsp_secret_t *bits, fsp_secret_t *ret_kek)
{
    FSP_PRE(bits != NULL);
    FSP_PRE(ret_kek != NULL);
    fsp_hkdf(FSP_SLICE_OF(*bits), fsp_slice(NULL, 0), fsp_slice_text("fsp recovery kek"),
             ret_kek->bytes, sizeof(ret_kek->bytes));
}
