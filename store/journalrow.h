/* SPDX-License-Identifier: MIT */
/* journalrow - the octets of the journal: heads of records, and rows.  Layer store.  Pure.
 *
 * A file of the journal is DIR/journal/NUMBER (16 hex digits) of records, each at a multiple of
 * 4,096:
 *
 *     0 magic "FSJR" | 4 format u32 | 8 file u64 | 16 sequence u64 | 24 previous u64
 *     32 oldest u64 | 40 kept u64, of LOCAL, STATE, OBJECT, BYTES | 72 payload bytes u32
 *     76 rows u32 | 80 XXH3-64 of the payload | 88 XXH3-64 of octets 0..87
 *     96 payload | zeros to a multiple of 4,096
 *
 *     row: op u8 | family u8 | key bytes u16 | value bytes u32
 *          XXH3-64 of key and value, if it is a put of LOG | key | value
 *
 * Integers are big-endian, XXH3 has seed 0; op and family are the numbers of core/base/batch.h.
 * `file` is the number of the file, so that what a reused file held before is not taken for its
 * own.  `previous` is the sequence of the record before (0: there was none), `oldest` the number of
 * the oldest file that counts, `kept` what the writer knew the database had on stable storage.  The
 * row's own checksum serves reads of one row.  A checksum behind another format would lie
 * elsewhere, therefore that is no record; a newer store is refused by its WATERMARK before
 * (watermark.h).
 */
#ifndef FSP_STORE_JOURNALROW_H
#define FSP_STORE_JOURNALROW_H
#include "core/base/batch.h"
#include "core/base/status.h"

enum {
    FSP_JOURNAL_PAGE_BYTES = 4096, /* records begin at multiples of it */
    FSP_JOURNAL_HEAD_BYTES = 96,   /* of a record; then its rows */
    FSP_JOURNAL_FORMAT = 1,        /* of records */
    FSP_JOURNAL_ROW_BYTES = 16     /* of a row, beside key and value: at most */
};

typedef struct {
    uint64_t file;                   /* from 1 */
    uint64_t sequence;               /* > previous, or equal if there are no rows; from 1 */
    uint64_t previous;               /* 0: none */
    uint64_t oldest;                 /* 1..file */
    uint64_t kept[FSP_FAMILY_COUNT]; /* that of LOG is 0 */
    uint32_t payload_bytes;          /* at most FSP_JOURNAL_PAYLOAD_BYTES_MAX */
    uint32_t row_count;
    uint64_t hash; /* XXH3-64 of the payload */
} fsp_journalhead_t;

/* Octets of the whole record: head, payload and zeros. */
uint64_t fsp_journalrecord_bytes(uint64_t payload_bytes);
uint64_t fsp_journal_hash(fsp_slice_t octets);

void fsp_journalhead_encode(const fsp_journalhead_t *head, uint8_t ret[FSP_JOURNAL_HEAD_BYTES]);
/* NOT_FOUND: encode does not make this, so no record begins here; *ret is untouched then. */
FSP_MUST_CHECK fsp_status_t fsp_journalhead_decode(const uint8_t octets[FSP_JOURNAL_HEAD_BYTES],
                                                   fsp_journalhead_t *ret);

/* Octets of a row in a payload. */
uint64_t fsp_journalrow_bytes(const fsp_batch_row_t *row);
/* Writes them to ret.  Family is not STATE; key of at most FSP_ROW_KEY_BYTES_MAX octets. */
void fsp_journalrow_encode(const fsp_batch_row_t *row, uint8_t *ret);

/* Where a row lies in its payload. */
typedef struct {
    fsp_batch_row_t row; /* key and value point into the payload; blob NULL */
    uint32_t at;         /* of the key; the value follows it */
    uint64_t hash;       /* of key and value, as written; 0 unless it is a put of LOG */
} fsp_journalrow_t;
/* Reads the row at *at and moves on behind it.  NOT_FOUND: the payload ends there; DAMAGED: encode
   does not make this.  The row's hash is not verified. */
FSP_MUST_CHECK fsp_status_t fsp_journalrow_next(fsp_slice_t payload, size_t *at,
                                                fsp_journalrow_t *ret);
#endif
