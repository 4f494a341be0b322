/* SPDX-License-Identifier: MIT */
/* keys - identities and wrapped keys.  Layer core/crypto.  Pure: seeds and nonces are passed in.
 *
 * Ed25519 signs (node identity), X25519 receives sealed boxes (a gateway's sealing key), CURVE keys
 * are X25519 pairs written in Z85 (ZeroMQ RFC 26).  Secrets live in structs that are wiped, never
 * in text that could reach a log.
 */
#ifndef FSP_CORE_CRYPTO_KEYS_H
#define FSP_CORE_CRYPTO_KEYS_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

/* 32 secret bytes.  Wipe with fsp_secret_wipe before they go out of scope. */
typedef struct {
    uint8_t bytes[32];
} fsp_secret_t;
void fsp_secret_wipe(fsp_secret_t *self); /* fits FSP_AUTO */

typedef struct {
    uint8_t public_key[32];
    fsp_secret_t seed; /* RFC 8032 private key */
} fsp_sign_key_t;
typedef struct {
    uint8_t public_key[32];
    fsp_secret_t secret_key;
} fsp_box_key_t; /* X25519: sealing keys and CURVE keys */

enum { FSP_SIGNATURE_BYTES = 64, FSP_CURVE_TEXT_BYTES = 41 };

void fsp_sign_key_from_seed(fsp_sign_key_t *ret, const fsp_secret_t *seed);
void fsp_box_key_from_secret(fsp_box_key_t *ret, const fsp_secret_t *secret);
fsp_node_id_t fsp_node_id_of(const uint8_t sign_public_key[32]);
/* Subject of a client key: first 16 bytes of SHA-256("fsp subject" || public key). */
fsp_subject_id_t fsp_subject_of(const uint8_t curve_public_key[32]);

void fsp_sign(const fsp_sign_key_t *key, fsp_slice_t message,
              uint8_t ret_signature[FSP_SIGNATURE_BYTES]);
bool fsp_verify(const uint8_t public_key[32], fsp_slice_t message,
                const uint8_t signature[FSP_SIGNATURE_BYTES]);

/* Sealed to the holder of a box key by an ephemeral pair made from `ephemeral` (32 fresh random
   bytes): ephemeral public key (32) | AES-256-GCM under HKDF(X25519(ephemeral, receiver), salt =
   ephemeral public key | receiver public key, info = "fsp box"), zero nonce, no additional data
   | tag.  Appends message + 48 bytes to ret (overflow is the buffer's).  INVALID, and nothing
   appended, if the receiver's key is a point of small order: it came from a peer, and what is
   sealed to it everybody could open. */
FSP_MUST_CHECK fsp_status_t fsp_box_seal(const uint8_t receiver_public_key[32],
                                         const fsp_secret_t *ephemeral, fsp_slice_t message,
                                         fsp_buf_t *ret);
/* Appends the message to ret.  DAMAGED if it was not sealed to this key or was changed;
   TOO_LARGE if it does not fit ret.  ret holds a secret then: fsp_wipe before fsp_buf_clear (a
   buffer that grew left copies behind, so give secrets one of their own). */
FSP_MUST_CHECK fsp_status_t fsp_box_open(const fsp_box_key_t *key, fsp_slice_t sealed,
                                         fsp_buf_t *ret);

/* Wrapped under a 32-byte key-encryption key with a fresh random 32-byte salt: salt |
   AES-256-GCM under HKDF(kek, salt, info = context), zero nonce, no additional data | tag.
   context says what is wrapped; the key depends on it, so it is authenticated.  Appends plain +
   48 bytes (overflow is the buffer's). */
void fsp_wrap(const fsp_secret_t *kek, const uint8_t salt[32], const char *context,
              fsp_slice_t plain, fsp_buf_t *ret);
/* As fsp_box_open. */
FSP_MUST_CHECK fsp_status_t fsp_unwrap(const fsp_secret_t *kek, const char *context,
                                       fsp_slice_t wrapped, fsp_buf_t *ret);

/* Context for a key of a space: "WHAT SPACE GENERATION" (32 hex digits, decimal).  So a wrapped key
   opens only as what it is: who may write rows cannot exchange keys of two spaces or two
   generations. */
enum { FSP_WRAP_CONTEXT_BYTES = 96 };
void fsp_wrap_context(const char *what, fsp_space_id_t space_id, uint32_t generation,
                      char ret[FSP_WRAP_CONTEXT_BYTES]);

/* Recovery code: 256 random bits as text, in Crockford's base 32: 52 digits (the bits, first bit
   first, and four zeros) and a checksum of 4 digits (first 20 bits of SHA-256("fsp recovery" ||
   bits)); 56 digits in 14 groups of 4 joined by '-'.  ret_text has room for
   FSP_RECOVERY_TEXT_BYTES. */
enum { FSP_RECOVERY_TEXT_BYTES = 56 + 13 + 1 };
void fsp_recovery_encode(const fsp_secret_t *bits, char ret_text[FSP_RECOVERY_TEXT_BYTES]);
/* Accepts lower case, I/L for 1, O for 0, and dashes and blanks anywhere or nowhere; INVALID
   otherwise. */
FSP_MUST_CHECK fsp_status_t fsp_recovery_decode(fsp_slice_t text, fsp_secret_t *ret_bits);
/* Key-encryption key that the code stands for: HKDF(bits, no salt, info = "fsp recovery kek"). */
void fsp_recovery_kek(const fsp_secret_t *bits, fsp_secret_t *ret_kek);
#endif
