/* SPDX-License-Identifier: MIT */
/* offer - what a client that cuts by itself need not send.  Layer core/data.  Pure.
 *
 *   OFFER (chunks) -> in the bases? -> HAVE -> WANT (1: send it, 0: it is there) -> passed
 *
 * Chunks are offered in the order of the content, one behind the other, and stay here until the
 * upload has passed them: those that are there at once, the others when their bytes have come.
 */
#ifndef FSP_CORE_DATA_OFFER_H
#define FSP_CORE_DATA_OFFER_H
#include "core/data/bases.h"

enum { FSP_OFFER_RECORD_BYTES = 36, FSP_OFFER_PENDING_MAX = 1024 };
static_assert((int)FSP_OFFER_PENDING_MAX <= (int)FSP_HAVE_KEYS_MAX, "one HAVE may ask for all");

typedef struct fsp_offer fsp_offer_t;

/* bases outlive self. */
fsp_offer_t *fsp_offer_new(const fsp_bases_t *bases, uint64_t chunk_bytes_max);
void fsp_offer_destroy(fsp_offer_t **self_p);
/* An OFFER: records of SHA-256 and length (u32).  at: where the upload is; size: of the content,
   UINT64_MAX: not known.  PROTOCOL unless offset is where the last one ended (or `at`); INVALID for
   a length that no chunk has or that leads beyond size; TOO_LARGE if too many are pending.  Nothing
   of it is taken then. */
FSP_MUST_CHECK fsp_status_t fsp_offer_add(fsp_offer_t *self, uint64_t at, uint64_t offset,
                                          fsp_slice_t chunks, uint64_t size);
/* What the owners are to be asked for next: keys and object lengths, both of
   FSP_OFFER_PENDING_MAX; returns how many, 0: nothing.  The answer comes by fsp_offer_answered. */
size_t fsp_offer_ask(fsp_offer_t *self, fsp_key_t *ret_keys, uint64_t *ret_lengths,
                     uint64_t *ret_token);
/* yes: an octet for each that was asked for, 1: it is there.  Late ones after a reset are
   ignored. */
void fsp_offer_answered(fsp_offer_t *self, uint64_t token, fsp_slice_t yes);
/* The next piece of WANT: false if there is none now.  ret_want is valid until the next call. */
bool fsp_offer_want(fsp_offer_t *self, uint64_t *ret_offset, fsp_slice_t *ret_want);

typedef enum {
    FSP_OFFER_NONE,    /* nothing is pending */
    FSP_OFFER_OPEN,    /* the first one was not answered yet */
    FSP_OFFER_KNOWN,   /* it is there: *ret */
    FSP_OFFER_WANTED,  /* it is to come: digest and content bytes of *ret */
    FSP_OFFER_STARTED, /* the same, and fsp_offer_start was called */
} fsp_offer_state_t;
/* The first chunk that is pending. */
fsp_offer_state_t fsp_offer_first(const fsp_offer_t *self, fsp_child_t *ret);
void fsp_offer_start(fsp_offer_t *self);
/* It is passed. */
void fsp_offer_pass(fsp_offer_t *self);
/* Forgets what is pending. */
void fsp_offer_reset(fsp_offer_t *self);
size_t fsp_offer_pending(const fsp_offer_t *self);
#endif
