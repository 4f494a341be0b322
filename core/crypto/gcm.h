/* SPDX-License-Identifier: MIT */
/* gcm - AES-256-GCM (NIST SP 800-38D), 96-bit nonce, 128-bit tag.  Layer core/crypto.  Pure.
 *
 * The hot path of sealing: libcrypto.  One context serves many blocks under one key.
 */
#ifndef FSP_CORE_CRYPTO_GCM_H
#define FSP_CORE_CRYPTO_GCM_H
#include "core/base/status.h"
#include "core/base/types.h"

enum { FSP_GCM_KEY_BYTES = 32, FSP_GCM_NONCE_BYTES = 12 };

typedef struct fsp_gcm fsp_gcm_t;
/* key has 32 bytes; it is copied into the context and wiped with it. */
fsp_gcm_t *fsp_gcm_new(const uint8_t *key);
void fsp_gcm_destroy(fsp_gcm_t **self_p);
/* ret has room for plain.bytes + 16: ciphertext, then tag.  May not overlap plain. */
void fsp_gcm_seal(fsp_gcm_t *self, const uint8_t *nonce, fsp_slice_t aad, fsp_slice_t plain,
                  uint8_t *ret);
/* sealed = ciphertext and tag (at least 16 bytes, else DAMAGED); ret has room for sealed.bytes -
   16. DAMAGED if the tag does not fit; then ret is zeroed. */
FSP_MUST_CHECK fsp_status_t fsp_gcm_open(fsp_gcm_t *self, const uint8_t *nonce, fsp_slice_t aad,
                                         fsp_slice_t sealed, uint8_t *ret);
#endif
