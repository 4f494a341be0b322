/* SPDX-License-Identifier: MIT */
/* segments - the files that large objects lie in, each byte written once.  Layer store.
 *
 * Internal to store/; objstore.h is what others call.  The thread that writes appends records to
 * one active segment, through an aligned buffer past the page cache, and syncs it once a group,
 * before the batch with the rows of that group is written.  So no index row ever points to bytes
 * that are not durable, and where each segment's log ends is a row of the same batch: at open what
 * lies behind is forgotten, without a scan (segrow.h; docs/decisions/0010).
 *
 * A group, all calls by the thread that writes:
 *
 *     append | drop ...  ->  seal (write, sync, rows into the batch)  ->  the batch  ->  done
 *
 * A failure in append or seal is final: the caller fails the database (fsp_db_fail).
 *
 * What is dead is given back by a thread of its own (segclean.h): punched out of its file, or the
 * file deleted, when no reader can still be on its way there.  It also copies what is left in
 * segments with little life to a segment of its own; the writing thread then switches the rows
 * (moves, in a group of its own), where they still say the old place.
 *
 * Readers, any thread: enter, look the row up, read, leave.  They never wait for the cleaner.
 */
#ifndef FSP_STORE_SEGMENTS_H
#define FSP_STORE_SEGMENTS_H
#include "core/base/blob.h"
#include "store/db.h"
#include "store/segrow.h"

typedef struct fsp_segments fsp_segments_t;

typedef struct {
    const char *directory;  /* the node's: files go to directory/segments, which is made */
    fsp_db_t *db;           /* outlives it */
    uint64_t segment_bytes; /* nominal size, a multiple of a page; 0: by the disk */
    bool sync;              /* false: nothing is ever synced (benchmarks) */
} fsp_segments_config_t;

/* Reads the rows, and compares them with the files: one that a row names and that is missing or
   shorter than the row says is DAMAGED, naming it; one that no row names is deleted; what lies
   behind the end of a log is cut off.  DAMAGED, FORMAT_NEWER, IO; always with text. */
FSP_MUST_CHECK fsp_status_t fsp_segments_open(const fsp_segments_config_t *config,
                                              fsp_segments_t **ret_self, fsp_error_t *error);
/* Ends the cleaner (what it has begun goes on at the next start), gives back room that was taken
   ahead.  No reader may be inside.  False if not all that rows name is durable: the database has
   failed, or a sync did that was never asked for before. */
bool fsp_segments_close(fsp_segments_t **self_p);

/* Copies an object to the end of the active segment; on stable storage after seal.  A key has at
   least one octet.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_segments_append(fsp_segments_t *self, fsp_slice_t key,
                                                fsp_slice_t bytes, fsp_place_t *ret,
                                                fsp_error_t *error);
/* The group takes away the row that points there; key_bytes are those of its key.  DAMAGED if that
   place cannot be. */
FSP_MUST_CHECK fsp_status_t fsp_segments_drop(fsp_segments_t *self, const fsp_place_t *place,
                                              size_t key_bytes, fsp_error_t *error);
/* Makes what was appended durable and adds the changed rows of segments to the batch.  IO. */
FSP_MUST_CHECK fsp_status_t fsp_segments_seal(fsp_segments_t *self, fsp_db_write_t *write,
                                              fsp_error_t *error);
/* The batch was written.  synced: it, and all before, is on stable storage: what they dropped may
   be overwritten now. */
void fsp_segments_done(fsp_segments_t *self, bool synced);
/* A synced write is wanted, even an empty one: dropped places wait for it, or rows of segments. */
bool fsp_segments_waiting(fsp_segments_t *self);

/* A record that was copied, durably. */
typedef struct {
    fsp_slice_t key;
    fsp_place_t from, to;
} fsp_move_t;

/* What the cleaner has copied, valid until seal; NULL: nothing.  The caller switches those rows
   that still say `from` and calls fsp_segments_moved for each move, then seal and so on. */
const fsp_move_t *fsp_segments_moves(fsp_segments_t *self, size_t *ret_count);
/* switched: the row says `to` now, and did say `from`; else the copy is dead. */
void fsp_segments_moved(fsp_segments_t *self, const fsp_move_t *move, bool switched);

/* To be called every 100 ms or so.  quiet: nothing was written for a while, memory and room taken
   ahead go back.  tight: little room is left, so none is taken ahead.  Starts the cleaner where
   there is work. */
void fsp_segments_tick(fsp_segments_t *self, bool quiet, bool tight);
/* Waits until the cleaner has nothing to do, as far as it can without the writing thread (moves).
   For tests. */
void fsp_segments_rest(fsp_segments_t *self);

/* What a reader has looked up stays until it leaves. */
unsigned fsp_segments_enter(fsp_segments_t *self);
void fsp_segments_leave(fsp_segments_t *self, unsigned entered);
/* Bytes from..to (0: the end) of the object there, into one new blob.  Checksums are not verified.
   BAD_RANGE, DAMAGED (file or bytes are not there), IO. */
FSP_MUST_CHECK fsp_status_t fsp_segments_read(fsp_segments_t *self, const fsp_place_t *place,
                                              size_t key_bytes, uint64_t from, uint64_t to,
                                              fsp_blob_t **ret_blob);

typedef struct {
    uint64_t files;
    uint64_t used_bytes, live_bytes; /* of records; of those that rows point to */
    uint64_t ahead_bytes;            /* on the disk, and not used yet: free */
} fsp_segments_info_t;
/* Any thread. */
void fsp_segments_info(fsp_segments_t *self, fsp_segments_info_t *ret);
#endif
