/* SPDX-License-Identifier: MIT */
/* reclaim - gives the room of deleted rows of objects back to the file system.  Layer store.
 *
 * RocksDB drops a blob file when compaction has met all its keys, and on its own it may not look at
 * them for days.  So some time after objects were deleted, the memtables are written out (their log
 * goes, too), and a thread compacts OBJECT, again while that finds something.  (Large objects lie
 * in segments: segclean.h.)  Also BYTES, once, if blob files are left there from format 1.
 * Internal to store/; all calls come from the thread that writes.
 */
#ifndef FSP_STORE_RECLAIM_H
#define FSP_STORE_RECLAIM_H
#include "store/db.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {
    fsp_db_t *db;           /* NULL: not begun */
    uint64_t deleted, seen; /* rows since the last run began; what the last tick saw */
    bool old_files;         /* BYTES has blob files: those of format 1 */
    fsp_time_t deleted_us;  /* when a tick saw that more were deleted */
    pthread_t thread;
    bool has_thread; /* to be joined */
    atomic_bool running, stop;
} fsp_reclaim_t;

void fsp_reclaim_init(fsp_reclaim_t *self, fsp_db_t *db);
/* Waits until the thread has ended; what it was doing is given up. */
void fsp_reclaim_end(fsp_reclaim_t *self);
/* So many rows of objects, or ranges of them, were deleted. */
void fsp_reclaim_note(fsp_reclaim_t *self, uint64_t rows);
/* Starts a run when nothing was deleted for a while. */
void fsp_reclaim_tick(fsp_reclaim_t *self, fsp_time_t now_us);
#endif
