/* SPDX-License-Identifier: MIT */
/* reclaim - gives the room of deleted rows of objects back to the file system.  Layer store.
 *
 * RocksDB drops a blob file when compaction has met all its keys, and on its own it may not look at
 * them for days.  So some time after objects were deleted, the memtables are written out (then the
 * journal goes, too), and a thread compacts OBJECT, again while that finds something.  (Large
 * objects lie in segments: segclean.h.)  The same for STATE, but not for each of its rows: many are
 * deleted all the time, of which few have content.  Also BYTES and LOG, once, if an older format
 * has left something there.  Internal to store/; all calls come from the thread that writes.
 */
#ifndef FSP_STORE_RECLAIM_H
#define FSP_STORE_RECLAIM_H
#include "store/db.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct {
    fsp_db_t *db;           /* NULL: not begun */
    uint64_t deleted, seen; /* rows since the last run began; what the last tick saw */
    uint64_t state_deleted; /* rows of STATE since it was compacted here */
    bool state;             /* this run compacts STATE, too */
    bool old_files;         /* BYTES has blob files: those of format 1 */
    bool old_log;           /* LOG has had rows: those of formats 1 and 2 */
    fsp_time_t deleted_us;  /* when a tick saw that more were deleted */
    pthread_t thread;
    bool has_thread; /* to be joined */
    atomic_bool running, stop;
} fsp_reclaim_t;

/* old_log: rows of LOG have just been deleted, for ever. */
void fsp_reclaim_init(fsp_reclaim_t *self, fsp_db_t *db, bool old_log);
/* Waits until the thread has ended; what it was doing is given up. */
void fsp_reclaim_end(fsp_reclaim_t *self);
/* A row of OBJECT or STATE was deleted, or a range. */
void fsp_reclaim_note(fsp_reclaim_t *self, fsp_family_t family, bool range);
/* Starts a run when nothing was deleted for a while. */
void fsp_reclaim_tick(fsp_reclaim_t *self, fsp_time_t now_us);
#endif
