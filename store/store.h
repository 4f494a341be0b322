/* SPDX-License-Identifier: MIT */
/* store - a node's durable memory: a journal, one RocksDB, segments with the bytes of large
 * objects. Layer store.
 *
 * Reads may come from any thread.  Writes come from one thread (the store actor), which drains what
 * waits, writes one group, syncs once and answers all; it also ticks and closes.
 *
 * A group is durable when it is in the journal, but for its rows of STATE: those are in memory
 * until the database has written them out, for whoever writes them can make them again from rows of
 * LOG. How far they are durable says fsp_store_state_kept.  What a crash leaves of STATE is what
 * some group left, between that one and the last.
 *
 * Store sequence: a counter raised by every group.  Durable watermark: (store sequence, per shard
 * the highest log index of its replica that was reported WRITTEN), a row of the next group and also
 * a small two-slot file beside the database (WATERMARK), rewritten by a tick at most every 100 ms
 * and at a clean stop with a `clean` mark.  A journal that ends before what that file says is
 * damaged, not torn: DAMAGED.
 */
#ifndef FSP_STORE_STORE_H
#define FSP_STORE_STORE_H
#include "core/base/batch.h"
#include "core/base/status.h"
#include "core/base/view.h"

enum {
    FSP_STORE_FORMAT = 3, /* older ones are migrated at open: migrate.h */
    FSP_STORE_SHARDS_MAX = 64
};

typedef struct fsp_store fsp_store_t;

typedef struct {
    const char *directory; /* exists; files go to directory/db, /journal and /segments */
    uint64_t memory_bytes; /* block cache and write buffers together; 0: default 80 MiB */
    bool sync; /* false only in benchmarks, says so in node status: groups outlive the process, but
                  not a power loss, after which the store may refuse to open */
    uint64_t lock_wait_us; /* how long a held lock is retried: 2 s */
    uint64_t
        segment_bytes; /* nominal size of a segment file, a multiple of 4,096; 0: by the disk */
    uint64_t
        journal_bytes; /* nominal size of a journal file, a multiple of 4,096; 0: by the disk */
    uint64_t migrate_batch_bytes; /* moved at once from an older format; 0: 32 MiB */
    /* Told now and then, by the thread that opens, how far a migration is; NULL: nobody. */
    void (*progress)(void *context, uint64_t done_bytes, uint64_t total_bytes);
    void *progress_context;
} fsp_store_config_t;

/* Opens or makes the database; one of an older format is migrated first, which goes on where it was
   cut short and cannot be undone; from format 1 it takes as long as copying its large objects.
   LOCK_HELD (text names the holder's pid), FORMAT_NEWER, DAMAGED, DISK_RESERVE (no room to start,
   or to migrate), IO; always with text.  A new database gets a format row; *ret_fresh is true until
   its owner has written to it, also when the first start was cut short.  Takes DIR/lock
   (fsp_datadir_lock) itself: the caller must not. */
FSP_MUST_CHECK fsp_status_t fsp_store_open(const fsp_store_config_t *config, fsp_store_t **ret_self,
                                           bool *ret_fresh, fsp_error_t *error);
/* Ends a store: waits until no blob made by fsp_store_read_bytes and no cursor is lent out (at most
   wait_us; then it aborts, since RocksDB must not be closed under them), writes the watermark with
   the clean mark if `clean`, closes. */
void fsp_store_close(fsp_store_t **self_p, bool clean, uint64_t wait_us);

/* A view of one family for reading; thread-safe; belongs to the store.  That of BYTES has index
   rows as its values (segrow.h). */
fsp_view_t *fsp_store_view(fsp_store_t *self, fsp_family_t family);

/* Writes the rows of all batches atomically: one group.  If the store syncs, all but those of STATE
   are on stable storage on return; rows of STATE alone cost no input or output.  Visible are all.
   After any failure the store refuses everything (IO): the process must stop, never retry.  Bytes
   put into family BYTES have at most FSP_OBJECT_BYTES_MAX, and a key that is not empty.  The rows
   "format", "migrated", "sequence", "watermark" and those that begin with "segment" of LOCAL are
   the store's own: a batch that touches them asserts. */
FSP_MUST_CHECK fsp_status_t fsp_store_write(fsp_store_t *self, fsp_batch_t *const *batches,
                                            size_t count, fsp_error_t *error);
/* Rows of STATE of every group with a sequence up to this one are on stable storage.  Raised by
   ticks, and by groups without such rows if none waits; never falls.  Any thread. */
uint64_t fsp_store_state_kept(const fsp_store_t *self);
/* Writes all rows of STATE out and waits: then fsp_store_state_kept is the store's sequence.  IO,
   final as with fsp_store_write. */
FSP_MUST_CHECK fsp_status_t fsp_store_keep_state(fsp_store_t *self, fsp_error_t *error);
/* Before a write after which the log of a shard's replica may end at index: if more was noted, the
   mark outside the database is index durably on return, in both slots, and the row says so in the
   batch of that write.  A crash in between leaves a mark below the log's end, never above it.  IO
   is final as with fsp_store_write. */
FSP_MUST_CHECK fsp_status_t fsp_store_lower(fsp_store_t *self, uint32_t shard, uint64_t replica,
                                            uint64_t index, fsp_error_t *error);
/* Log index of a shard's replica that was reported WRITTEN.  A shard keeps its highest replica
   number only. */
void fsp_store_note_durable(fsp_store_t *self, uint32_t shard, uint64_t replica, uint64_t index);
/* To be called every 100 ms or so (now_us monotonic), also when idle.  If 100 ms have passed since
   it last did: asks RocksDB for background errors (IO, sticky) and for what it has kept, lets the
   journal go as far as it is not needed, rewrites the watermark file if it is behind, and gives
   memtable memory back when the store is quiet. */
FSP_MUST_CHECK fsp_status_t fsp_store_tick(fsp_store_t *self, fsp_time_t now_us,
                                           fsp_error_t *error);
/* What the watermark said at open: highest WRITTEN index of this replica (0: none), and whether the
   stop was clean. */
void fsp_store_watermark(const fsp_store_t *self, uint32_t shard, uint64_t replica,
                         uint64_t *ret_index, bool *ret_clean);

/* The bytes under a key of OBJECT or BYTES, from..to (to 0: the end; an empty range is an empty
   blob).  Those of BYTES cost what is asked for; those of OBJECT are lent by the database, and the
   blob counts as lent until it is released (on any thread).  Checksums are not verified: the bytes
   are sealed, and who reads them checks.  NOT_FOUND, BAD_RANGE, DAMAGED, IO. */
FSP_MUST_CHECK fsp_status_t fsp_store_read_bytes(fsp_store_t *self, fsp_family_t family,
                                                 fsp_slice_t key, uint64_t from, uint64_t to,
                                                 fsp_blob_t **ret_blob);

typedef struct {
    uint64_t total_bytes, reserve_bytes;
    uint64_t free_bytes; /* when the memtables have been written out, too: what they hold lies in
                            the journal at most, and needs its room a second time.  With what
                            segments and the journal hold ahead */
    bool at_reserve;     /* free < reserve: no new bytes are taken */
} fsp_disk_t;
/* Of the file system the store lies on.  reserve = min(max(256 MiB, 2 %), 25 %).  Any thread. */
FSP_MUST_CHECK fsp_status_t fsp_store_disk(fsp_store_t *self, fsp_disk_t *ret);
/* That formula. */
uint64_t fsp_disk_reserve(uint64_t total_bytes);
bool fsp_store_sync(const fsp_store_t *self);
uint64_t fsp_store_sequence(const fsp_store_t *self);
#endif
