/* SPDX-License-Identifier: MIT */
/* store - a node's durable memory: one RocksDB, and segments with the bytes of large objects.
 * Layer store.
 *
 * Rows of the store itself, in LOCAL (canonical values, docs: README.md; of segments: segrow.h):
 *     "format"     [2]                      read before anything else
 *     "sequence"   n                        raised by every write, in its batch
 *     "watermark"  [n, [[shard, replica, index], ...]]   in the next batch after a change
 *
 * What the file says is true on stable storage already (`durable`, not `sequence`): with sync off
 * it stays behind until a clean stop.
 */
#include "store/store.h"

#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "store/datadir.h"
#include "store/db.h"
#include "store/dbview.h"
#include "store/migrate.h"
#include "store/objstore.h"
#include "store/reclaim.h"
#include "store/recover.h"
#include "store/watermark.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMORY_BYTES_DEFAULT = 96 * 1024 * 1024,
    MEMORY_BYTES_MIN = 12 * 1024 * 1024,
    OPEN_RETRY_US = 20 * 1000,
    WATERMARK_US = 100 * 1000, /* at most this much may read as a torn tail after a crash */
    QUIET_US = 5 * 1000 * 1000,
    ROOM_US = 500 * 1000,
    START_BYTES_MIN = 16 * 1024 * 1024,     /* less, and RocksDB would end us in its own words */
    QUIET_GROUPS = 50,                      /* a store that wrote fewer in QUIET_US is quiet */
    QUIET_READS = 500,                      /* and so is one that nobody reads, as to its cache */
    MEMTABLE_QUIET_BYTES = 8 * 1024 * 1024, /* what it may keep; five touched ones hold 2 MiB */
    CACHE_QUIET_BYTES = 8 * 1024 * 1024,
    PUTS_MAX = 64 /* object rows handed on at a time */
};

struct fsp_store {
    char *directory;
    bool sync;
    int lock_fd;
    fsp_db_t *db;
    fsp_db_write_t *write; /* used again for every group */
    fsp_dbview_t views[FSP_FAMILY_COUNT];
    fsp_objstore_t objects;
    fsp_reclaim_t reclaim;
    _Atomic uint64_t sequence; /* of the last write; read by any thread */
    fsp_watermark_file_t file;
    fsp_watermark_t opened;  /* what the watermark said at open; does not change */
    fsp_watermark_t noted;   /* reported WRITTEN; its sequence is the last synced one */
    fsp_watermark_t durable; /* the part of noted that is on stable storage for certain */
    bool row_behind;         /* noted has marks the row has not */
    bool file_behind;        /* durable is ahead of the file */
    fsp_time_t file_us;      /* when the file was looked at last */
    fsp_time_t quiet_us;     /* start of the time over which groups are counted */
    uint64_t quiet_sequence; /* the sequence then */
    uint64_t quiet_reads;    /* and how much had been read */
    fsp_time_t room_us;      /* when the disk was looked at last */
    bool tight;              /* there was little room */
};

static uint64_t
now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
sleep_us(long us)
{
    struct timespec wait = {.tv_nsec = us * 1000};
    (void)nanosleep(&wait, NULL); /* shorter is fine */
}

/* Opening. */

/* Compaction copies what lives in the oldest blob files before it lets go of them: on a full disk,
   half of the reserve has to be enough for that. */
static unsigned
relocate_permille(const char *directory)
{
    struct statvfs found;
    if (statvfs(directory, &found) != 0 || found.f_blocks == 0)
        return 0;
    uint64_t total_bytes = (uint64_t)found.f_blocks * found.f_frsize;
    uint64_t reserve_bytes = fsp_disk_reserve(total_bytes);
    return (unsigned)((double)reserve_bytes * 500 / (double)(total_bytes - reserve_bytes));
}

/* RocksDB's lock outlives a killed process by some milliseconds. */
static fsp_status_t
open_database(fsp_store_t *self, const fsp_store_config_t *config, const char *path,
              uint64_t start_us, fsp_error_t *error)
{
    uint64_t memory = config->memory_bytes ? config->memory_bytes : MEMORY_BYTES_DEFAULT;
    if (memory < MEMORY_BYTES_MIN)
        memory = MEMORY_BYTES_MIN;
    fsp_db_config_t wanted = {.path = path,
                              .cache_bytes = (size_t)(memory / 3),
                              .write_buffer_bytes = (size_t)(memory - memory / 3),
                              .relocate_permille = relocate_permille(self->directory),
                              .create = self->opened.sequence == 0};
    struct statvfs found;
    if (statvfs(self->directory, &found) == 0 &&
        (uint64_t)found.f_bavail * found.f_frsize < START_BYTES_MIN)
        return fsp_error_set(error, FSP_DISK_RESERVE,
                             "%.150s: no space left to start: make %d MiB of room there",
                             self->directory, START_BYTES_MIN / (1024 * 1024));
    fsp_status_t status = fsp_db_open(&wanted, &self->db, error);
    while (status == FSP_LOCK_HELD && now_us() - start_us < config->lock_wait_us) {
        sleep_us(OPEN_RETRY_US);
        status = fsp_db_open(&wanted, &self->db, error);
    }
    return status;
}

static fsp_status_t write_group(fsp_store_t *self, bool sync, fsp_error_t *error);

/* Format row and sequence 1 in one batch, then the file: from now on the database must be there. */
static fsp_status_t
write_first(fsp_store_t *self, fsp_error_t *error)
{
    fsp_recover_put_format(self->write);
    fsp_status_t status = write_group(self, true, error);
    if (status == FSP_OK)
        status = fsp_watermark_file_write(&self->file, &self->durable, error);
    self->file_behind = false;
    return status;
}

/* An old store: checked, and marked as in use before it is written.  What lies in the database
   beyond the file's sequence counts as durable only after the next synced write.  One that is to be
   migrated, and has no room for it, is left as it was. */
static fsp_status_t
take_over(fsp_store_t *self, uint64_t format, fsp_error_t *error)
{
    uint64_t sequence = 0;
    fsp_status_t status = fsp_recover_sequence(self->db, &self->opened, &sequence, error);
    if (status == FSP_OK && format < FSP_STORE_FORMAT && !fsp_recover_is_migrating(self->db))
        status = fsp_migrate_check(self->db, self->directory, error);
    if (status != FSP_OK)
        return status;
    atomic_store(&self->sequence, sequence);
    self->noted = self->opened;
    self->noted.clean = false;
    self->durable = self->noted;
    return self->opened.clean ? fsp_watermark_file_write(&self->file, &self->durable, error)
                              : FSP_OK;
}

static fsp_status_t
open_objects(fsp_store_t *self, const fsp_store_config_t *config, fsp_error_t *error)
{
    fsp_segments_config_t wanted = {.directory = self->directory,
                                    .db = self->db,
                                    .segment_bytes = config->segment_bytes,
                                    .sync = config->sync};
    return fsp_objstore_open(&self->objects, &wanted, error);
}

/* Before the first batch both slots of the file say the new format: no older program may meet rows
   that it would take for bytes. */
static fsp_status_t
migrate(fsp_store_t *self, const fsp_store_config_t *config, fsp_error_t *error)
{
    fsp_migrate_t work;
    fsp_status_t status = fsp_migrate_begin(&work, self->db, &self->objects, self->directory,
                                            config->migrate_batch_bytes, error);
    if (status != FSP_OK)
        return status;
    for (int i = 0; i < 2 && status == FSP_OK; i++)
        status = fsp_watermark_file_write(&self->file, &self->durable, error);
    for (bool more = true; more && status == FSP_OK;) {
        status = fsp_migrate_step(&work, self->write, &more, error);
        if (status == FSP_OK)
            status = write_group(self, true, error);
        if (status == FSP_OK && config->progress)
            config->progress(config->progress_context, work.done_bytes, work.total_bytes);
    }
    fsp_migrate_end(&work);
    return status;
}

/* What the database says decides: nothing beside it is touched before it has been checked. */
static fsp_status_t
open_rows(fsp_store_t *self, const fsp_store_config_t *config, fsp_error_t *error)
{
    uint64_t format = 0;
    self->write = fsp_db_write_new(self->db);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        fsp_dbview_init(&self->views[i], self->db, (fsp_family_t)i);
    fsp_status_t status = fsp_recover_format(self->db, &format, error);
    bool first = status == FSP_NOT_FOUND && self->opened.sequence == 0;
    if (status == FSP_NOT_FOUND && !first)
        return fsp_recover_damaged(error, "format row is missing");
    if (status == FSP_OK)
        status = take_over(self, format, error);
    if (status == FSP_OK || first)
        status = open_objects(self, config, error);
    if (status == FSP_OK && first)
        return write_first(self, error);
    if (status == FSP_OK && format < FSP_STORE_FORMAT)
        status = migrate(self, config, error);
    return status;
}

static fsp_status_t
open_all(fsp_store_t *self, const fsp_store_config_t *config, bool *ret_fresh, fsp_error_t *error)
{
    uint64_t start_us = now_us();
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/db", config->directory);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    fsp_status_t status =
        fsp_datadir_lock(config->directory, config->lock_wait_us, &self->lock_fd, error);
    if (status == FSP_OK)
        status = fsp_recover_watermark(config->directory, path, &self->file, &self->opened, error);
    if (status == FSP_OK && self->opened.sequence == 0)
        status = fsp_datadir_make(path, error);
    if (status == FSP_OK)
        status = open_database(self, config, path, start_us, error);
    if (status == FSP_OK)
        status = open_rows(self, config, error);
    if (status != FSP_OK)
        return status;
    /* Fresh until its owner writes, also when the first start was cut short. */
    *ret_fresh = fsp_store_sequence(self) == 1;
    fsp_reclaim_init(&self->reclaim, self->db);
    return FSP_OK;
}

static void
release(fsp_store_t *self)
{
    fsp_reclaim_end(&self->reclaim);
    (void)fsp_objstore_close(&self->objects);
    fsp_db_write_destroy(&self->write);
    fsp_db_close(&self->db);
    fsp_watermark_file_close(&self->file);
    if (self->lock_fd >= 0)
        (void)close(self->lock_fd); /* last: the next process may open now */
    fsp_free(self->directory);
    fsp_free(self);
}

fsp_status_t
fsp_store_open(const fsp_store_config_t *config, fsp_store_t **ret_self, bool *ret_fresh,
               fsp_error_t *error)
{
    FSP_PRE(config != NULL);
    FSP_PRE(config->directory != NULL);
    FSP_PRE(ret_self != NULL);
    FSP_PRE(ret_fresh != NULL);
    fsp_store_t *self = FSP_NEW(fsp_store_t);
    self->directory = fsp_strdup(config->directory);
    self->sync = config->sync;
    self->lock_fd = -1;
    self->file.fd = -1;
    fsp_status_t status = open_all(self, config, ret_fresh, error);
    if (status != FSP_OK) {
        release(self);
        return status;
    }
    *ret_self = self;
    return FSP_OK;
}

/* Closing. */

/* Both slots get the mark, so that one that rots does not take it away.  A failure only loses the
   mark: the next start then takes what it finds for the remains of a crash. */
static void
write_clean_mark(fsp_store_t *self)
{
    fsp_error_t error;
    if (fsp_db_poll(self->db, &error) != FSP_OK || fsp_db_sync(self->db, &error) != FSP_OK)
        return;
    self->durable = self->noted;
    self->durable.sequence = fsp_store_sequence(self);
    self->durable.clean = true;
    for (int i = 0; i < 2; i++)
        if (fsp_watermark_file_write(&self->file, &self->durable, &error) != FSP_OK)
            return;
}

void
fsp_store_close(fsp_store_t **self_p, bool clean, uint64_t wait_us)
{
    FSP_PRE(self_p != NULL);
    fsp_store_t *self = *self_p;
    if (!self)
        return;
    uint64_t start_us = now_us();
    while (fsp_db_lent(self->db) > 0 && now_us() - start_us < wait_us)
        sleep_us(1000);
    FSP_ASSERT(fsp_db_lent(self->db) == 0);
    bool whole = fsp_objstore_close(&self->objects);
    if (clean && whole)
        write_clean_mark(self);
    release(self);
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
    uint64_t free_bytes = (uint64_t)found.f_bavail * found.f_frsize + segments.ahead_bytes;
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

/* Writes what was put into self->write, with the store's own rows.  First the bytes of large
   objects, then the rows that say where they are. */
static fsp_status_t
write_group(fsp_store_t *self, bool sync, fsp_error_t *error)
{
    uint64_t sequence = fsp_store_sequence(self) + 1;
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_canon_uint(&row, sequence);
    fsp_db_write_put(self->write, FSP_FAMILY_LOCAL, fsp_slice_text("sequence"),
                     fsp_buf_slice(&row));
    if (self->row_behind) {
        fsp_buf_reset(&row);
        fsp_watermark_encode_row(&self->noted, &row);
        FSP_ASSERT(fsp_buf_ok(&row));
        fsp_db_write_put(self->write, FSP_FAMILY_LOCAL, fsp_slice_text("watermark"),
                         fsp_buf_slice(&row));
    }
    fsp_buf_clear(&row);
    fsp_error_t why;
    if (fsp_objstore_seal(&self->objects, self->write, &why) != FSP_OK)
        return fail_with(self, &why, error);
    fsp_status_t status = fsp_db_commit(self->db, self->write, sync, error);
    if (status != FSP_OK)
        return status;
    fsp_objstore_done(&self->objects, sync);
    self->row_behind = false;
    atomic_store(&self->sequence, sequence);
    if (sync) {
        self->noted.sequence = sequence;
        promote(self);
    }
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
    if (row->op != FSP_ROW_PUT && row->family == FSP_FAMILY_OBJECT)
        fsp_reclaim_note(&self->reclaim, 1);
    if (row->op == FSP_ROW_PUT)
        fsp_db_write_put(self->write, row->family, row->key, row->value);
    else if (row->op == FSP_ROW_DELETE)
        fsp_db_write_delete(self->write, row->family, row->key);
    else
        fsp_db_write_delete_range(self->write, row->family, row->key, row->value);
    return FSP_OK;
}

fsp_status_t
fsp_store_write(fsp_store_t *self, fsp_batch_t *const *batches, size_t count, bool sync,
                fsp_error_t *error)
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
    return write_group(self, sync && self->sync, error);
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
    /* If every write is synced, so is the one that held this index. */
    if (self->noted.sequence == fsp_store_sequence(self))
        promote(self);
}

/* A load leaves memtables and cache full.  When it is over, the former are written out and most of
   the latter is let go: the node's idle memory is promised (DESIGN section 8), and the next start
   has no long WAL to read.  True if nothing is written. */
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

/* Close to the reserve, what lies in the log as well as in the memtables would decide whether bytes
   are taken: it is written out early, and the log goes. */
static void
keep_log_short(fsp_store_t *self, fsp_time_t now)
{
    fsp_disk_t disk;
    if (self->room_us != 0 && now < self->room_us + ROOM_US)
        return;
    self->room_us = now;
    self->tight = fsp_store_disk(self, &disk) == FSP_OK && disk.free_bytes < 2 * disk.reserve_bytes;
    if (self->tight)
        fsp_db_flush_above(self->db, MEMTABLE_QUIET_BYTES);
}

/* A group of the store's own, if the segments want one. */
static fsp_status_t
write_own(fsp_store_t *self, fsp_error_t *error)
{
    bool moved = false;
    fsp_error_t why;
    if (fsp_objstore_move(&self->objects, self->write, &moved, &why) != FSP_OK)
        return fail_with(self, &why, error);
    if (!moved && !fsp_segments_waiting(self->objects.segments))
        return FSP_OK;
    return write_group(self, self->sync, error);
}

fsp_status_t
fsp_store_tick(fsp_store_t *self, fsp_time_t now, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    fsp_status_t status = fsp_db_check(self->db, error);
    if (status != FSP_OK || (self->file_us != 0 && now < self->file_us + WATERMARK_US))
        return status;
    self->file_us = now;
    bool quiet = give_memory_back(self, now);
    keep_log_short(self, now);
    fsp_reclaim_tick(&self->reclaim, now);
    fsp_segments_tick(self->objects.segments, quiet, self->tight);
    status = fsp_db_poll(self->db, error);
    if (status == FSP_OK)
        status = write_own(self, error);
    if (status != FSP_OK || !self->file_behind)
        return status;
    return write_marks(self, error);
}
