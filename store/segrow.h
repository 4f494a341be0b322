/* SPDX-License-Identifier: MIT */
/* segrow - the octets of the segment store: records, and the rows that speak of them.  Layer store.
 *
 * A segment is a file DIR/segments/NUMBER (16 hex digits) of records.  Those of one group lie one
 * behind the other; the next group begins at the next multiple of 4,096 (a page).  A record:
 *
 *     0 magic "FSPBYTES" | 8 format u32 | 12 key bytes u32 | 16 bytes u64
 *     24 XXH3-64 of the bytes | 32 segment u64 | 40 offset of the record u64
 *     48 XXH3-64 of octets 0..47 and the key | 56 key | bytes | zeros
 *
 * Format 3, packed: it begins at a multiple of 256, and the zeros go to the next one.  Format 1,
 * as stores of format 2 wrote it: the same with 4,096.  There is no 2.
 *
 * Integers are big-endian, XXH3 has seed 0.  A record says where it lies, so that one that is read
 * at another place is not taken for what was there.
 *
 * Rows (canonical values):
 *     BYTES  key of the object   [format of the record, segment, offset, bytes, XXH3-64 of them]
 *     LOCAL  "segments"          [1, next]: no segment has that number or a higher one
 *     LOCAL  "segment/" NUMBER   [3, used, live]: where its log ends, and octets of the records
 * that index rows point to; as stores of format 2 wrote it: [1, ...] LOCAL  "migrated"          [1,
 * key]: values of BYTES below it are rows, from there on they are the bytes themselves, as in
 * format 1; gone with "format" [2]
 *
 * What lies in a file behind `used`, and a file that no row names, were never acknowledged.
 * How to change it: magic, format and key bytes keep their places, and the number in front of each
 * row says which form it has; a greater one is FORMAT_NEWER.  Golden bytes: test_segrow.c.
 */
#ifndef FSP_STORE_SEGROW_H
#define FSP_STORE_SEGROW_H
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"

enum {
    FSP_SEGMENT_PAGE_BYTES = 4096, /* groups begin at multiples of it: written and punched whole */
    FSP_SEGMENT_UNIT_BYTES = 256,  /* packed records do */
    FSP_SEGMENT_HEADER_BYTES = 56, /* of a record; then its key */
    FSP_SEGMENT_HEAD_BYTES_MAX = FSP_SEGMENT_HEADER_BYTES + FSP_ROW_KEY_BYTES_MAX,
    FSP_SEGMENT_NAME_BYTES = 17, /* of a file, with NUL */
    FSP_SEGMENT_ROW_BYTES_MAX = 64,
    FSP_SEGMENT_CURSOR_BYTES_MAX = FSP_ROW_KEY_BYTES_MAX + 8
};

/* Where an object lies, as its index row says.  segment 0: nowhere. */
typedef struct {
    uint64_t segment; /* from 1 */
    uint64_t offset;  /* of the record: a multiple of a unit, or of a page */
    uint64_t bytes;   /* of the object, at most FSP_OBJECT_BYTES_MAX */
    uint64_t hash;    /* XXH3-64 of them */
    bool paged;       /* the record has format 1 and whole pages; else it is packed */
} fsp_place_t;

typedef struct {
    fsp_place_t place;
    fsp_slice_t key; /* 1..FSP_ROW_KEY_BYTES_MAX; borrowed */
} fsp_segrecord_t;

/* The next multiple of a page, from octets on. */
uint64_t fsp_segment_page_up(uint64_t octets);
/* Octets of the whole record: header, key, bytes and zeros.  Of place only what it takes: bytes and
   paged. */
uint64_t fsp_segrecord_bytes(const fsp_place_t *place, size_t key_bytes);
/* Where the object's own bytes begin in the file. */
uint64_t fsp_segrecord_data(const fsp_place_t *place, size_t key_bytes);
bool fsp_place_eq(const fsp_place_t *a, const fsp_place_t *b);

/* Writes header and key, FSP_SEGMENT_HEADER_BYTES + key.bytes octets, to ret. */
void fsp_segrecord_encode(const fsp_segrecord_t *record, uint8_t *ret);
/* Reads them back from the first octets of a record; the key points into octets.  NOT_FOUND: no
   record begins with these (no magic); FORMAT_NEWER; DAMAGED: anything else that encode does not
   make, or too few octets (FSP_SEGMENT_HEAD_BYTES_MAX are always enough).
   Whether it is the record that was meant, the caller compares: place and key. */
FSP_MUST_CHECK fsp_status_t fsp_segrecord_decode(fsp_slice_t octets, fsp_segrecord_t *ret);
uint64_t fsp_segrecord_hash(fsp_slice_t bytes);

/* Index row.  FORMAT_NEWER, DAMAGED. */
void fsp_place_encode(const fsp_place_t *place, fsp_buf_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_place_decode(fsp_slice_t row, fsp_place_t *ret);

/* Row of a segment: used a multiple of a page, live of a unit, live <= used.  Encodes number 3;
   decodes 1, too, where live is a multiple of a page.  FORMAT_NEWER, DAMAGED. */
void fsp_segment_encode(uint64_t used, uint64_t live, fsp_buf_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_segment_decode(fsp_slice_t row, uint64_t *ret_used,
                                               uint64_t *ret_live);
/* Appends its key, "segment/" and the name. */
void fsp_segment_key(uint64_t segment, fsp_buf_t *ret);
/* DAMAGED unless key is what fsp_segment_key makes; segment from 1. */
FSP_MUST_CHECK fsp_status_t fsp_segment_parse_key(fsp_slice_t key, uint64_t *ret_segment);
void fsp_segment_name(uint64_t segment, char ret[FSP_SEGMENT_NAME_BYTES]);
/* NOT_FOUND unless name is what fsp_segment_name makes: somebody else's file. */
FSP_MUST_CHECK fsp_status_t fsp_segment_parse_name(const char *name, uint64_t *ret_segment);

/* Row "segments".  FORMAT_NEWER, DAMAGED. */
void fsp_segments_encode(uint64_t next, fsp_buf_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_segments_decode(fsp_slice_t row, uint64_t *ret_next);

/* Row "migrated".  FORMAT_NEWER, DAMAGED. */
void fsp_migrated_encode(fsp_slice_t key, fsp_buf_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_migrated_decode(fsp_slice_t row, fsp_slice_t *ret_key);
#endif
