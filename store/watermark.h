/* SPDX-License-Identifier: MIT */
/* watermark - how far the store was durable, kept outside the database too.  Layer store.
 *
 * Design: docs/consensus.md 3.  The file tells a torn tail (never acknowledged, may be cut) from a
 * database that went backwards (damaged: it must not vote).
 *
 * File WATERMARK: two slots of 4,096 bytes, written in turn, each complete in itself:
 *
 *     0 magic "FSPWMARK" | 8 format u32 | 12 flags u32 (1: clean) | 16 counter u64
 *     24 store sequence u64 | 32 count u32 | 36 zero u32
 *     40 count * (shard u32, replica u64, index u64), zeros
 *     4088 XXH3-64 of bytes 0..4087
 *
 * Formats 1 and 2 have the same fields and are read, too; written is FSP_STORE_FORMAT.
 *
 * Big-endian.  Slot i holds the counters with counter % 2 == i; the highest valid one counts.
 * Row in LOCAL: canonical [sequence, [[shard, replica, index], ...]].
 * How to change it: magic, format and checksum keep their places for ever, so that an older program
 * can say FORMAT_NEWER; raise FSP_STORE_FORMAT, keep the old reader, add golden bytes to its test.
 */
#ifndef FSP_STORE_WATERMARK_H
#define FSP_STORE_WATERMARK_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "store/store.h"

enum {
    FSP_WATERMARK_SLOT_BYTES = 4096,
    FSP_WATERMARK_FILE_BYTES = 2 * FSP_WATERMARK_SLOT_BYTES,
    FSP_WATERMARK_MARK_BYTES = 20,
    FSP_WATERMARK_ROW_BYTES_MAX = 4096
};

typedef struct {
    uint32_t shard;
    uint64_t replica;
    uint64_t index; /* highest that was reported WRITTEN */
} fsp_replica_mark_t;

typedef struct {
    uint64_t sequence; /* the database is durable up to here at least */
    bool clean;        /* in the file: nothing was written after it */
    uint32_t count;
    fsp_replica_mark_t marks[FSP_STORE_SHARDS_MAX]; /* one a shard */
} fsp_watermark_t;

/* True if it changed self.  A shard keeps the mark of its highest replica number alone: numbers are
   never used again, and a replaced replica is lost for ever. */
bool fsp_watermark_note(fsp_watermark_t *self, uint32_t shard, uint64_t replica, uint64_t index);
/* The log of this very replica is about to be cut: its mark becomes index if it is above.  True if
   it changed self. */
bool fsp_watermark_lower(fsp_watermark_t *self, uint32_t shard, uint64_t replica, uint64_t index);
/* 0 if nothing is known of that replica. */
uint64_t fsp_watermark_index(const fsp_watermark_t *self, uint32_t shard, uint64_t replica);
/* Notes all marks of other and takes the higher sequence; true if it changed self. */
bool fsp_watermark_merge(fsp_watermark_t *self, const fsp_watermark_t *other);

void fsp_watermark_encode_row(const fsp_watermark_t *self, fsp_buf_t *ret);
FSP_MUST_CHECK fsp_status_t fsp_watermark_decode_row(fsp_slice_t row, fsp_watermark_t *ret);

/* The open file. */
typedef struct {
    int fd;
    uint64_t counter; /* of the newest valid slot */
} fsp_watermark_file_t;

/* Makes DIR/WATERMARK with both slots, durably; replaces one that is there. */
FSP_MUST_CHECK fsp_status_t fsp_watermark_file_make(const char *directory, fsp_error_t *error);
/* Opens it and reads the newest valid slot.  NOT_FOUND, DAMAGED (no slot is whole), FORMAT_NEWER,
   IO. */
FSP_MUST_CHECK fsp_status_t fsp_watermark_file_open(const char *directory,
                                                    fsp_watermark_file_t *ret_self,
                                                    fsp_watermark_t *ret_mark, fsp_error_t *error);
/* The same without opening it for writing: *ret_whole says how many slots are whole. */
FSP_MUST_CHECK fsp_status_t fsp_watermark_file_read(const char *directory,
                                                    fsp_watermark_t *ret_mark, unsigned *ret_whole,
                                                    fsp_error_t *error);
void fsp_watermark_file_close(fsp_watermark_file_t *self);
/* Writes the next slot and waits until it is on stable storage. */
FSP_MUST_CHECK fsp_status_t fsp_watermark_file_write(fsp_watermark_file_t *self,
                                                     const fsp_watermark_t *mark,
                                                     fsp_error_t *error);
#endif
