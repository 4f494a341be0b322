/* SPDX-License-Identifier: MIT */
/* journalrecord - the record under way: octets as they go to the file, aligned.  Layer store.
 *
 * Internal to store/; belongs to one thread.
 */
#ifndef FSP_STORE_JOURNALRECORD_H
#define FSP_STORE_JOURNALRECORD_H
#include "store/journalrow.h"

typedef struct {
    uint8_t *memory, *data; /* as allocated, or NULL; aligned to a page */
    uint64_t capacity;      /* of data, a multiple of a page */
    uint64_t payload_bytes;
    uint32_t row_count;
} fsp_journalrecord_t; /* begins zeroed */

/* Copies the row.  More than FSP_JOURNAL_PAYLOAD_BYTES_MAX in one record asserts. */
void fsp_journalrecord_put(fsp_journalrecord_t *self, const fsp_batch_row_t *row);
/* Its rows so far; valid until the next call. */
fsp_slice_t fsp_journalrecord_payload(const fsp_journalrecord_t *self);
/* Puts the head before the rows (payload_bytes, row_count and hash are filled in) and zeros behind
   them.  The octets to write, fsp_journalrecord_bytes of them; valid until the next call. */
const uint8_t *fsp_journalrecord_finish(fsp_journalrecord_t *self, fsp_journalhead_t *head);
/* Without rows again; memory stays. */
void fsp_journalrecord_reset(fsp_journalrecord_t *self);
/* Gives memory above bytes_max back, if there are no rows. */
void fsp_journalrecord_rest(fsp_journalrecord_t *self, uint64_t bytes_max);
#endif
