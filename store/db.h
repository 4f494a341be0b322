/* SPDX-License-Identifier: MIT */
/* db - the one door to RocksDB: its errors become statuses, its slices counted blobs.  Layer store.
 *
 * Internal to store/.  Reads come from any thread; a write object belongs to the one thread that
 * writes.  After fsp_db_fail, or a write that failed, every call returns IO.
 *
 * RocksDB's write-ahead log is not used: what is written lies in memory until RocksDB has flushed
 * it, each family by itself and in the order of its writes.  How far a family is, says a row of its
 * own that rides along: the kept row (fsp_db_write_keep, fsp_db_kept).  It has the last of all keys
 * and is met by no read and no scan.
 */
#ifndef FSP_STORE_DB_H
#define FSP_STORE_DB_H
#include "core/base/batch.h"
#include "core/base/buf.h"
#include "core/base/status.h"

/* 16 octets: behind every key of a row. */
#define FSP_DB_KEPT_KEY "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"

typedef struct fsp_db fsp_db_t;
typedef struct fsp_db_write fsp_db_write_t; /* rows of one atomic write, in order */
typedef struct fsp_db_iter fsp_db_iter_t;
typedef struct fsp_db_snapshot fsp_db_snapshot_t; /* the rows of all families at one moment */

typedef struct {
    const char *path;           /* exists */
    size_t cache_bytes;         /* blocks, indexes and filters of all families */
    size_t write_buffer_bytes;  /* memtables of all families */
    unsigned relocate_permille; /* of the blob files: how many of the oldest compaction may empty */
    bool create;                /* make what is missing; false: what is missing is damage */
    bool read_only; /* writes nothing, verifies all checksums, keeps errors' words; one thread */
} fsp_db_config_t;

/* LOCK_HELD (RocksDB's own lock), DAMAGED, FORMAT_NEWER (families nobody knows here), IO. */
FSP_MUST_CHECK fsp_status_t fsp_db_open(const fsp_db_config_t *config, fsp_db_t **ret_self,
                                        fsp_error_t *error);
/* Nothing may be lent out (fsp_db_lent): RocksDB aborts or worse. */
void fsp_db_close(fsp_db_t **self_p);
/* Slices, iterators and snapshots that still point into the database. */
size_t fsp_db_lent(const fsp_db_t *self);

/* Sticky failure: the first reason wins. */
void fsp_db_fail(fsp_db_t *self, const char *reason);
/* OK, or IO with the reason. */
FSP_MUST_CHECK fsp_status_t fsp_db_check(const fsp_db_t *self, fsp_error_t *error);
/* The same after asking RocksDB whether a flush or compaction failed. */
FSP_MUST_CHECK fsp_status_t fsp_db_poll(fsp_db_t *self, fsp_error_t *error);
/* Read-only: RocksDB's words about the last read that failed since this was asked (they name the
   file); "" if none did. */
void fsp_db_take_words(fsp_db_t *self, fsp_error_t *ret);
/* What the memtables hold, and tables and blob files do not have yet.  Any thread. */
uint64_t fsp_db_unwritten_bytes(fsp_db_t *self);
/* Rows of a family, about. */
uint64_t fsp_db_rows(fsp_db_t *self, fsp_family_t family);
/* What a family would take if nothing in it were dead, about. */
uint64_t fsp_db_live_bytes(fsp_db_t *self, fsp_family_t family);
/* Starts to write all memtables out, in the background, if they hold more than that. */
void fsp_db_flush_above(fsp_db_t *self, uint64_t bytes_max);
/* Writes the memtables of a family out; wait: and waits until they are on stable storage, else in
   the background.  A failure is sticky. */
FSP_MUST_CHECK fsp_status_t fsp_db_flush(fsp_db_t *self, fsp_family_t family, bool wait,
                                         fsp_error_t *error);
/* The kept row of a family as it is on stable storage; 0: there is none.  DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_db_kept(fsp_db_t *self, fsp_family_t family, uint64_t *ret,
                                        fsp_error_t *error);
/* Rows and ranges that were asked for since the open, whoever asked.  Any thread. */
uint64_t fsp_db_reads(const fsp_db_t *self);
/* Blocks, indexes and filters in memory. */
size_t fsp_db_cached_bytes(const fsp_db_t *self);
/* Lets go of all but so much of them, the longest unread first; what is pinned stays. */
void fsp_db_forget_above(fsp_db_t *self, size_t bytes_max);
/* Compacts all of a family, in the background; waits until that is done, or was stopped.  Failures
   are background errors (fsp_db_poll).  Any thread. */
void fsp_db_compact(fsp_db_t *self, fsp_family_t family);
/* Ends compactions of fsp_db_compact, also later ones: before a close. */
void fsp_db_compact_stop(fsp_db_t *self);
/* Bytes of a family's blob files, and how many of them nobody can reach any more as far as is
 * known.
 */
void fsp_db_blob_bytes(fsp_db_t *self, fsp_family_t family, uint64_t *ret_total,
                       uint64_t *ret_garbage);

/* Counts as lent.  While it lives, compaction keeps every row that it sees, also the many that have
   been written over since: whoever takes one bounds its life. */
fsp_db_snapshot_t *fsp_db_snapshot_new(fsp_db_t *self);
/* No iterator may stand on it any more. */
void fsp_db_snapshot_destroy(fsp_db_snapshot_t **self_p);

/* Appends the value, checksums verified; at NULL: as of now.  NOT_FOUND, TOO_LARGE, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_db_get(fsp_db_t *self, const fsp_db_snapshot_t *at,
                                       fsp_family_t family, fsp_slice_t key, fsp_buf_t *ret_value);
/* Lends from..to (0: the end) of a sealed value: its reader checks tag or digest, so checksums are
   not verified here.  NOT_FOUND, BAD_RANGE, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_db_lend(fsp_db_t *self, fsp_family_t family, fsp_slice_t key,
                                        uint64_t from, uint64_t to, fsp_blob_t **ret_blob);

/* Stands on the first key >= from; `to` empty: no end; at NULL: as of now. */
fsp_db_iter_t *fsp_db_iter_new(fsp_db_t *self, const fsp_db_snapshot_t *at, fsp_family_t family,
                               fsp_slice_t from, fsp_slice_t to);
/* The same over sealed values, whose readers check them: checksums are not verified, also those of
   keys, so only for what a verified iterator could not pass. */
fsp_db_iter_t *fsp_db_iter_new_sealed(fsp_db_t *self, fsp_family_t family, fsp_slice_t from);
void fsp_db_iter_destroy(fsp_db_iter_t **self_p);
/* True and the row (valid until the next call); false at the end or at an error. */
bool fsp_db_iter_row(fsp_db_iter_t *self, fsp_slice_t *ret_key, fsp_slice_t *ret_value);
void fsp_db_iter_next(fsp_db_iter_t *self);
FSP_MUST_CHECK fsp_status_t fsp_db_iter_status(fsp_db_iter_t *self);

fsp_db_write_t *fsp_db_write_new(fsp_db_t *db);
void fsp_db_write_destroy(fsp_db_write_t **self_p);
void fsp_db_write_put(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t key,
                      fsp_slice_t value);
void fsp_db_write_delete(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t key);
/* from <= key < to; nothing if the range is empty. */
void fsp_db_write_delete_range(fsp_db_write_t *self, fsp_family_t family, fsp_slice_t from,
                               fsp_slice_t to);
/* The kept row of a family says this from now on: with this write it has all rows up to there. */
void fsp_db_write_keep(fsp_db_write_t *self, fsp_family_t family, uint64_t sequence);
/* A row of this family was put into it, or deleted. */
bool fsp_db_write_touches(const fsp_db_write_t *self, fsp_family_t family);
/* Bytes of keys and values put into it. */
size_t fsp_db_write_bytes(const fsp_db_write_t *self);
/* From now on every row that is put into self, or deleted, is shown there, too, but kept rows;
   NULL: no more. */
typedef void fsp_db_tee_fn(void *context, const fsp_batch_row_t *row);
void fsp_db_write_tee(fsp_db_write_t *self, fsp_db_tee_fn *tee, void *context);
/* Writes and empties self: visible on return, durable when its families are flushed.  A failure is
   sticky. */
FSP_MUST_CHECK fsp_status_t fsp_db_commit(fsp_db_t *self, fsp_db_write_t *write,
                                          fsp_error_t *error);
/* The same through RocksDB's write-ahead log, synced: durable on return.  Only a store of format 1
   or 2 is written so.  All families must be flushed between the last of these and the first other
   write: fsp_db_kept would not see the rows of either. */
FSP_MUST_CHECK fsp_status_t fsp_db_commit_logged(fsp_db_t *self, fsp_db_write_t *write,
                                                 fsp_error_t *error);
#endif
