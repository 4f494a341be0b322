/* SPDX-License-Identifier: MIT */
/* store - a node's durable memory: a journal, one RocksDB, segments with the bytes of large
 * objects. Layer store.
 *
 * Rows of the store itself, in LOCAL (canonical values, docs: README.md; of segments: segrow.h):
 *     "format"     [3]                      read before anything else
 *     "sequence"   n                        formats 1 and 2: raised by every write, in its batch
 *     "watermark"  [n, [[shard, replica, index], ...]]   in the next journaled group after a change
 *
 * What the file says is true on stable storage already (`durable`, not `sequence`): with sync off
 * it stays behind until a clean stop.
 */
#include "store/store.h"

#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "store/storeset.h"

#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    WATERMARK_US = 100 * 1000, /* at most this much may read as a torn tail after a crash */
    QUIET_US = 5 * 1000 * 1000,
    ROOM_US = 500 * 1000,
    QUIET_GROUPS = 50,                      /* a store that wrote fewer in QUIET_US is quiet */
    QUIET_READS = 500,                      /* and so is one that nobody reads, as to its cache */
    MEMTABLE_QUIET_BYTES = 8 * 1024 * 1024, /* what it may keep; five touched ones hold 2 MiB */
    CACHE_QUIET_BYTES = 8 * 1024 * 1024,
    PUTS_MAX = 64,        /* object rows handed on at a time */
    FULL_TICKS_WAIT = 10, /* so long may the shards take to cut their logs, before rows are moved */
    FULL_TICKS_AGAIN = 100 /* and after that STATE is written out once more */
};

uint64_t
fsp_storeset_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void
fsp_storeset_sleep_us(long us)
{
    struct timespec wait = {.tv_nsec = us * 1000};
    (void)nanosleep(&wait, NULL); /* shorter is fine */
}

/* Closing. */

void
fsp_storeset_release(fsp_store_t *self)
{
    fsp_reclaim_end(&self->reclaim);
    (void)fsp_objstore_close(&self->objects);
    fsp_db_write_destroy(&self->write);
    fsp_journal_close(&self->journal);
    fsp_db_close(&self->db);
    fsp_watermark_file_close(&self->file);
    if (self->lock_fd >= 0)
        (void)close(self->lock_fd); /* last: the next process may open now */
    fsp_free(self->directory);
    fsp_free(self);
}

/* All rows of the database on stable storage, and an empty record that says so. */
static fsp_status_t
write_all_out(fsp_store_t *self, fsp_error_t *error)
{
    uint64_t sequence = fsp_store_sequence(self);
    fsp_status_t status = fsp_db_poll(self->db, error);
    for (int i = 0; i < FSP_FAMILY_COUNT && status == FSP_OK; i++)
        status = fsp_dbkept_flush(&self->kept, (fsp_family_t)i, true, error);
    if (status == FSP_OK)
        status = fsp_dbkept_look(&self->kept, sequence, error);
    if (status != FSP_OK)
        return status;
    fsp_journal_release(self->journal, self->kept.upto, self->tight);
    status = fsp_journal_commit(self->journal, sequence, self->kept.rows, error);
    /* With sync off, too: the file will say that it is there, and rows of LOG are nowhere else. */
    return status == FSP_OK && !self->sync ? fsp_journal_sync(self->journal, error) : status;
}

/* Both slots get the mark, so that one that rots does not take it away.  A failure only loses the
   mark: the next start then takes what it finds for the remains of a crash. */
static void
write_clean_mark(fsp_store_t *self)
{
    fsp_error_t error;
    if (write_all_out(self, &error) != FSP_OK)
        return;
    self->durable = self->noted;
    self->durable.sequence = fsp_store_sequence(self);
    self->durable.clean = true;
    for (int i = 0; i < 2; i++)
        if (fsp_watermark_file_write(&self->file, &self->durable, &error) != FSP_OK)
            return;
}

static size_t
count_lent(fsp_store_t *self)
{
    return fsp_db_lent(self->db) + fsp_journal_lent(self->journal);
}

void
fsp_store_close(fsp_store_t **self_p, bool clean, uint64_t wait_us)
{
    FSP_PRE(self_p != NULL);
    fsp_store_t *self = *self_p;
    if (!self)
        return;
    uint64_t start_us = fsp_storeset_now_us();
    while (count_lent(self) > 0 && fsp_storeset_now_us() - start_us < wait_us)
        fsp_storeset_sleep_us(1000);
    FSP_ASSERT(count_lent(self) == 0);
    bool whole = fsp_objstore_close(&self->objects);
    if (clean && whole)
        write_clean_mark(self);
    fsp_storeset_release(self);
    *self_p = NULL;
}

/* Reading. */

fsp_view_t *
fsp_store_view(fsp_store_t *self, fsp_family_t family)
{
    FSP_PRE(self != NULL);
    FSP_PRE((unsigned)family < FSP_FAMILY_COUNT);
    if (family == FSP_FAMILY_BYTES)
        return fsp_objstore_view(&self->objects);
    if (family == FSP_FAMILY_LOG)
        return fsp_journal_view(self->journal);
    return &self->views[family].view;
}

fsp_status_t
fsp_store_read_bytes(fsp_store_t *self, fsp_family_t family, fsp_slice_t key, uint64_t from,
                     uint64_t to, fsp_blob_t **ret_blob)
{
    FSP_PRE(self != NULL);
    FSP_PRE(family == FSP_FAMILY_OBJECT || family == FSP_FAMILY_BYTES);
    FSP_PRE(ret_blob != NULL);
    if (family == FSP_FAMILY_BYTES)
        return fsp_objstore_read(&self->objects, key, from, to, ret_blob);
    return fsp_db_lend(self->db, family, key, from, to, ret_blob);
}

bool
fsp_store_sync(const fsp_store_t *self)
{
    return self->sync;
}

uint64_t
fsp_store_sequence(const fsp_store_t *self)
{
    return atomic_load(&self->sequence);
}

uint64_t
fsp_store_state_kept(const fsp_store_t *self)
{
    return atomic_load(&self->state_kept);
}

void
fsp_store_watermark(const fsp_store_t *self, uint32_t shard, uint64_t replica, uint64_t *ret_index,
                    bool *ret_clean)
{
    FSP_PRE(self != NULL);
    *ret_index = fsp_watermark_index(&self->opened, shard, replica);
    *ret_clean = self->opened.clean;
}

uint64_t
fsp_disk_reserve(uint64_t total_bytes)
{
    uint64_t reserve = total_bytes / 50;
    if (reserve < 256ULL * 1024 * 1024)
        reserve = 256ULL * 1024 * 1024;
    return reserve < total_bytes / 4 ? reserve : total_bytes / 4;
}

fsp_status_t
fsp_store_disk(fsp_store_t *self, fsp_disk_t *ret)
{
    FSP_PRE(self != NULL);
    FSP_PRE(ret != NULL);
    struct statvfs found;
    if (statvfs(self->directory, &found) != 0)
        return FSP_IO;
    ret->total_bytes = (uint64_t)found.f_blocks * found.f_frsize;
    fsp_segments_info_t segments;
    fsp_segments_info(self->objects.segments, &segments);
    fsp_journal_info_t journal;
    fsp_journal_info(self->journal, &journal);
    uint64_t free_bytes =
        (uint64_t)found.f_bavail * found.f_frsize + segments.ahead_bytes + journal.spare_bytes;
    uint64_t unwritten = fsp_db_unwritten_bytes(self->db);
    ret->free_bytes = free_bytes > unwritten ? free_bytes - unwritten : 0;
    ret->reserve_bytes = fsp_disk_reserve(ret->total_bytes);
    ret->at_reserve = ret->free_bytes < ret->reserve_bytes;
    return FSP_OK;
}

/* Writing. */

/* Everything noted so far was in writes that are synced now. */
static void
promote(fsp_store_t *self)
{
    if (fsp_watermark_merge(&self->durable, &self->noted))
        self->file_behind = true;
}

/* Nobody knows any more what lies on disk. */
static fsp_status_t
fail_with(fsp_store_t *self, const fsp_error_t *why, fsp_error_t *error)
{
    fsp_db_fail(self->db, why->text);
    return fsp_db_check(self->db, error);
}

static void
put_marks(fsp_store_t *self)
{
    if (!self->row_behind)
        return;
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_watermark_encode_row(&self->noted, &row);
    FSP_ASSERT(fsp_buf_ok(&row));
    fsp_db_write_put(self->write, FSP_FAMILY_LOCAL, fsp_slice_text("watermark"),
                     fsp_buf_slice(&row));
    fsp_buf_clear(&row);
    self->row_behind = false;
}

/* A group of a store of format 1 or 2, which is being migrated. */
static fsp_status_t
write_old_group(fsp_store_t *self, uint64_t sequence, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_canon_uint(&row, sequence);
    fsp_db_write_put(self->write, FSP_FAMILY_LOCAL, fsp_slice_text("sequence"),
                     fsp_buf_slice(&row));
    fsp_buf_clear(&row);
    put_marks(self);
    return fsp_db_commit_logged(self->db, self->write, error);
}

/* The record that makes a group durable.  It comes first: the database may write out what it gets
   whenever it likes, and must not be ahead, else part of a group could be all that is left of it.
 */
static fsp_status_t
write_record(fsp_store_t *self, uint64_t sequence, fsp_error_t *error)
{
    fsp_error_t why;
    if (fsp_journal_commit(self->journal, sequence, self->kept.rows, &why) != FSP_OK)
        return fail_with(self, &why, error);
    self->let_go = false;
    if (self->sync) {
        self->noted.sequence = sequence;
        promote(self);
    }
    return FSP_OK;
}

/* Everything in it is in the database, or in the journal's index, on return. */
static fsp_status_t
write_new_group(fsp_store_t *self, uint64_t sequence, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    if (fsp_journal_waiting(self->journal)) {
        put_marks(self);
        status = write_record(self, sequence, error);
    }
    if (status != FSP_OK)
        return status;
    fsp_dbkept_mark(&self->kept, self->write, sequence);
    status = fsp_db_commit(self->db, self->write, error);
    if (status != FSP_OK)
        return status;
    fsp_dbkept_pass(&self->kept, sequence, self->log_bytes);
    self->log_bytes = 0;
    atomic_store(&self->state_kept, self->kept.upto[FSP_FAMILY_STATE]);
    return FSP_OK;
}

fsp_status_t
fsp_storeset_write(fsp_store_t *self, fsp_error_t *error)
{
    uint64_t sequence = fsp_store_sequence(self) + 1;
    fsp_error_t why;
    if (fsp_objstore_seal(&self->objects, self->write, &why) != FSP_OK)
        return fail_with(self, &why, error);
    fsp_status_t status = self->journal ? write_new_group(self, sequence, error)
                                        : write_old_group(self, sequence, error);
    if (status != FSP_OK)
        return status;
    fsp_objstore_done(&self->objects, self->sync || !self->journal);
    atomic_store(&self->sequence, sequence);
    return FSP_OK;
}

/* The store's own rows are written by nobody else. */
static bool
is_own(const fsp_batch_row_t *row)
{
    static const char *const own[] = {"format", "migrated", "segment", "sequence", "watermark"};
    static const char segment[] = "segment"; /* with whatever follows */
    if (row->family != FSP_FAMILY_LOCAL)
        return false;
    if (row->key.bytes >= sizeof(segment) - 1 &&
        memcmp(row->key.data, segment, sizeof(segment) - 1) == 0)
        return true;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        int order = fsp_slice_cmp(row->key, fsp_slice_text(own[i]));
        if (order == 0 || (row->op == FSP_ROW_DELETE_RANGE && order < 0 &&
                           fsp_slice_cmp(fsp_slice_text(own[i]), row->value) < 0))
            return true;
    }
    return false;
}

/* Rows of BYTES wait here until the kind changes, so that the object store gets them together. */
typedef struct {
    fsp_objstore_put_t puts[PUTS_MAX];
    fsp_objstore_drop_t drops[PUTS_MAX];
    size_t put_count, drop_count;
} waiting_t;

static fsp_status_t
hand_on(fsp_store_t *self, waiting_t *waiting, fsp_error_t *error)
{
    FSP_ASSERT(waiting->put_count == 0 || waiting->drop_count == 0);
    fsp_status_t status = fsp_objstore_put_many(&self->objects, self->write, waiting->puts,
                                                waiting->put_count, error);
    if (status == FSP_OK)
        status = fsp_objstore_drop_many(&self->objects, self->write, waiting->drops,
                                        waiting->drop_count, error);
    waiting->put_count = waiting->drop_count = 0;
    return status;
}

static fsp_status_t
add_bytes_row(fsp_store_t *self, waiting_t *waiting, const fsp_batch_row_t *row, fsp_error_t *error)
{
    bool put = row->op == FSP_ROW_PUT;
    fsp_status_t status = FSP_OK;
    if ((put ? waiting->drop_count : waiting->put_count) > 0 || waiting->put_count == PUTS_MAX ||
        waiting->drop_count == PUTS_MAX)
        status = hand_on(self, waiting, error);
    if (put)
        waiting->puts[waiting->put_count++] =
            (fsp_objstore_put_t){.key = row->key, .bytes = row->value};
    else if (row->op == FSP_ROW_DELETE)
        waiting->drops[waiting->drop_count++] = (fsp_objstore_drop_t){.key = row->key};
    else if (row->value.bytes > 0) /* an empty end is an empty range here, not a single key */
        waiting->drops[waiting->drop_count++] =
            (fsp_objstore_drop_t){.key = row->key, .to = row->value};
    return status;
}

static fsp_status_t
add_row(fsp_store_t *self, waiting_t *waiting, const fsp_batch_row_t *row, fsp_error_t *error)
{
    FSP_PRE(!is_own(row));
    if (row->family == FSP_FAMILY_BYTES)
        return add_bytes_row(self, waiting, row, error);
    if (row->family == FSP_FAMILY_LOG) {
        fsp_journal_put(self->journal, row);
        self->log_bytes += row->key.bytes + row->value.bytes;
        return FSP_OK;
    }
    if (row->op != FSP_ROW_PUT &&
        (row->family == FSP_FAMILY_OBJECT || row->family == FSP_FAMILY_STATE))
        fsp_reclaim_note(&self->reclaim, row->family, row->op == FSP_ROW_DELETE_RANGE);
    if (row->op == FSP_ROW_PUT)
        fsp_db_write_put(self->write, row->family, row->key, row->value);
    else if (row->op == FSP_ROW_DELETE)
        fsp_db_write_delete(self->write, row->family, row->key);
    else
        fsp_db_write_delete_range(self->write, row->family, row->key, row->value);
    return FSP_OK;
}

fsp_status_t
fsp_store_write(fsp_store_t *self, fsp_batch_t *const *batches, size_t count, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    FSP_PRE(batches != NULL || count == 0);
    fsp_status_t status = fsp_db_check(self->db, error);
    if (status != FSP_OK)
        return status;
    waiting_t waiting = {.put_count = 0};
    fsp_error_t why;
    for (size_t i = 0; i < count && status == FSP_OK; i++) {
        size_t rows = fsp_batch_count(batches[i]);
        for (size_t j = 0; j < rows && status == FSP_OK; j++) {
            fsp_batch_row_t row = fsp_batch_row(batches[i], j);
            status = add_row(self, &waiting, &row, &why);
        }
    }
    if (status == FSP_OK)
        status = hand_on(self, &waiting, &why);
    if (status != FSP_OK)
        return fail_with(self, &why, error);
    return fsp_storeset_write(self, error);
}

fsp_status_t
fsp_store_keep_state(fsp_store_t *self, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    fsp_error_t why;
    fsp_status_t status = fsp_dbkept_flush(&self->kept, FSP_FAMILY_STATE, true, error);
    if (status == FSP_OK && fsp_dbkept_look(&self->kept, fsp_store_sequence(self), &why) != FSP_OK)
        return fail_with(self, &why, error);
    if (status != FSP_OK)
        return status;
    FSP_ASSERT(!fsp_dbkept_waits(&self->kept, FSP_FAMILY_STATE));
    atomic_store(&self->state_kept, self->kept.upto[FSP_FAMILY_STATE]);
    return FSP_OK;
}

/* The same rule as for a write: what a failed sync left behind is not known. */
static fsp_status_t
write_marks(fsp_store_t *self, fsp_error_t *error)
{
    fsp_error_t why;
    if (fsp_watermark_file_write(&self->file, &self->durable, &why) != FSP_OK)
        return fail_with(self, &why, error);
    self->file_behind = false;
    return FSP_OK;
}

/* Both slots: if the newer one rots, the older must not say more than the log has.  The row may
   still say more until the cut, which carries the lowered one. */
fsp_status_t
fsp_store_lower(fsp_store_t *self, uint32_t shard, uint64_t replica, uint64_t index,
                fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    fsp_status_t status = fsp_db_check(self->db, error);
    if (status != FSP_OK)
        return status;
    self->row_behind |= fsp_watermark_lower(&self->noted, shard, replica, index);
    if (!fsp_watermark_lower(&self->durable, shard, replica, index))
        return FSP_OK;
    for (int i = 0; i < 2 && status == FSP_OK; i++)
        status = write_marks(self, error);
    return status;
}

void
fsp_store_note_durable(fsp_store_t *self, uint32_t shard, uint64_t replica, uint64_t index)
{
    FSP_PRE(self != NULL);
    if (!fsp_watermark_note(&self->noted, shard, replica, index))
        return;
    self->row_behind = true;
    if (self->sync) /* so the group that held this index is */
        promote(self);
}

/* A load leaves memtables and cache full.  When it is over, the former are written out and most of
   the latter is let go: the node's idle memory is promised (DESIGN section 8), and the next start
   has no long journal to read.  True if nothing is written. */
static bool
give_memory_back(fsp_store_t *self, fsp_time_t now)
{
    if (self->quiet_us != 0 && now < self->quiet_us + QUIET_US)
        return false;
    uint64_t sequence = fsp_store_sequence(self);
    bool quiet = self->quiet_us != 0 && sequence - self->quiet_sequence < QUIET_GROUPS;
    uint64_t reads = fsp_db_reads(self->db);
    if (quiet)
        fsp_db_flush_above(self->db, MEMTABLE_QUIET_BYTES);
    if (quiet && reads - self->quiet_reads < QUIET_READS)
        fsp_db_forget_above(self->db, CACHE_QUIET_BYTES);
    self->quiet_us = now;
    self->quiet_sequence = sequence;
    self->quiet_reads = reads;
    return quiet;
}

bool
fsp_storeset_is_tight(fsp_store_t *self)
{
    fsp_disk_t disk;
    return fsp_store_disk(self, &disk) == FSP_OK && disk.free_bytes < 2 * disk.reserve_bytes;
}

/* Close to the reserve, what lies in the journal as well as in the memtables would decide whether
   bytes are taken: it is written out early, and the journal goes. */
static void
keep_journal_short(fsp_store_t *self, fsp_time_t now)
{
    if (self->room_us != 0 && now < self->room_us + ROOM_US)
        return;
    self->room_us = now;
    self->tight = fsp_storeset_is_tight(self);
    if (self->tight)
        fsp_db_flush_above(self->db, MEMTABLE_QUIET_BYTES);
}

/* Rows of LOG that are in the way are waited for at first: when the shards know that STATE has been
   kept, they cut their logs.  True if that did not help, and they are to be copied. */
static fsp_status_t
make_room(fsp_store_t *self, bool *ret_move, fsp_error_t *error)
{
    *ret_move = false;
    if (!fsp_journal_full(self->journal)) {
        self->full_ticks = 0;
        return FSP_OK;
    }
    if (self->full_ticks++ % FULL_TICKS_AGAIN == 0)
        self->full_sequence = fsp_store_sequence(self);
    fsp_status_t status = fsp_dbkept_make_room(&self->kept, self->journal, error);
    if (status != FSP_OK || fsp_journal_holds(self->journal, FSP_FAMILY_LOG) == 0)
        return status;
    if (self->kept.upto[FSP_FAMILY_STATE] < self->full_sequence)
        return fsp_dbkept_flush(&self->kept, FSP_FAMILY_STATE, false, error);
    *ret_move = self->full_ticks > FULL_TICKS_WAIT;
    return FSP_OK;
}

/* What the database has kept, and what that lets go of. */
static fsp_status_t
look_at_journal(fsp_store_t *self, bool quiet, bool *ret_move, fsp_error_t *error)
{
    fsp_error_t why;
    if (fsp_dbkept_look(&self->kept, fsp_store_sequence(self), &why) != FSP_OK)
        return fail_with(self, &why, error);
    atomic_store(&self->state_kept, self->kept.upto[FSP_FAMILY_STATE]);
    fsp_journal_release(self->journal, self->kept.upto, self->tight);
    fsp_journal_info_t info;
    fsp_journal_info(self->journal, &info);
    self->let_go = (quiet || self->tight) && info.released_bytes > 0;
    fsp_status_t status = fsp_dbkept_keep_up(&self->kept, error);
    return status == FSP_OK ? make_room(self, ret_move, error) : status;
}

/* A group of the store's own: rows of the journal that are in the way, or what the segments want;
   or an empty record. */
static fsp_status_t
write_own(fsp_store_t *self, bool move, fsp_error_t *error)
{
    bool moved = false;
    fsp_error_t why;
    if (move && fsp_journal_move(self->journal, &moved, &why) != FSP_OK)
        return fail_with(self, &why, error);
    if (!moved && fsp_objstore_move(&self->objects, self->write, &moved, &why) != FSP_OK)
        return fail_with(self, &why, error);
    if (moved || fsp_segments_waiting(self->objects.segments))
        return fsp_storeset_write(self, error);
    return self->let_go ? write_record(self, fsp_store_sequence(self), error) : FSP_OK;
}

fsp_status_t
fsp_store_tick(fsp_store_t *self, fsp_time_t now, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    bool move = false;
    fsp_status_t status = fsp_db_check(self->db, error);
    if (status != FSP_OK || (self->file_us != 0 && now < self->file_us + WATERMARK_US))
        return status;
    self->file_us = now;
    bool quiet = give_memory_back(self, now);
    keep_journal_short(self, now);
    fsp_reclaim_tick(&self->reclaim, now);
    fsp_segments_tick(self->objects.segments, quiet, self->tight);
    status = fsp_db_poll(self->db, error);
    if (status == FSP_OK)
        status = look_at_journal(self, quiet, &move, error);
    if (status == FSP_OK)
        status = write_own(self, move, error);
    if (status != FSP_OK || !self->file_behind)
        return status;
    return write_marks(self, error);
}
