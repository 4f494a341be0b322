/* SPDX-License-Identifier: MIT */
/* storeopen - opens a store: what lies there is checked, redone, migrated.  Layer store. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/datadir.h"
#include "store/migrate.h"
#include "store/recover.h"
#include "store/replay.h"
#include "store/storeset.h"

#include <stdio.h>
#include <sys/statvfs.h>

enum {
    MEMORY_BYTES_DEFAULT = 80 * 1024 * 1024,
    MEMORY_BYTES_MIN = 12 * 1024 * 1024,
    OPEN_RETRY_US = 20 * 1000,
    START_BYTES_MIN = 16 * 1024 * 1024, /* less, and RocksDB would end us in its own words */
    JOURNAL_BYTES_MIN = 1024 * 1024,    /* of a file */
    JOURNAL_SHARE = 16                  /* of the reserve */
};

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
    while (status == FSP_LOCK_HELD && fsp_storeset_now_us() - start_us < config->lock_wait_us) {
        fsp_storeset_sleep_us(OPEN_RETRY_US);
        status = fsp_db_open(&wanted, &self->db, error);
    }
    return status;
}

/* A row that goes to the database is redone from the journal, unless it can be made again. */
static void
put_redo(void *self_, const fsp_batch_row_t *row)
{
    fsp_store_t *self = self_;
    if (row->family != FSP_FAMILY_STATE)
        fsp_journal_put(self->journal, row);
}

/* Everything that was redone goes to stable storage, and rows of LOG that are in the way to a file
   of this life. */
static fsp_status_t
shorten_journal(fsp_store_t *self, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    for (int i = 0; i < FSP_FAMILY_COUNT && status == FSP_OK; i++)
        status = fsp_dbkept_flush(&self->kept, (fsp_family_t)i, true, error);
    for (bool moved = true; status == FSP_OK && moved;) {
        status = fsp_dbkept_look(&self->kept, fsp_store_sequence(self), error);
        fsp_journal_release(self->journal, self->kept.upto, self->tight);
        if (status == FSP_OK)
            status = fsp_journal_move(self->journal, &moved, error);
        if (status == FSP_OK && moved)
            status = fsp_storeset_write(self, error);
    }
    return status;
}

/* Each life makes a file of the journal, and one that ends before its first tick lets go of none.
   So this is the place to see to it that there are not more and more of them; and on a full disk
   none of them takes room ahead, else a few such lives could be the last ones. */
static fsp_status_t
settle_journal(fsp_store_t *self, fsp_error_t *error)
{
    self->tight = fsp_storeset_is_tight(self);
    fsp_status_t status = fsp_dbkept_look(&self->kept, fsp_store_sequence(self), error);
    if (status != FSP_OK)
        return status;
    fsp_journal_release(self->journal, self->kept.upto, self->tight);
    return fsp_journal_full(self->journal) ? shorten_journal(self, error) : FSP_OK;
}

/* From now on groups go through the journal.  Rows of LOG that are left in the database go. */
static fsp_status_t
begin_journal(fsp_store_t *self, fsp_error_t *error)
{
    bool old_log = false;
    fsp_status_t status = fsp_migrate_clear_log(self->db, self->write, &old_log, error);
    fsp_db_write_tee(self->write, put_redo, self);
    fsp_reclaim_init(&self->reclaim, self->db, old_log);
    return status == FSP_OK ? settle_journal(self, error) : status;
}

/* Format row in the first group, then the file: from now on journal and database must be there. */
static fsp_status_t
write_first(fsp_store_t *self, fsp_error_t *error)
{
    fsp_recover_put_format(self->write, FSP_STORE_FORMAT);
    fsp_status_t status = fsp_storeset_write(self, error);
    self->durable.sequence = fsp_store_sequence(self); /* with sync off, too: it is there */
    if (status == FSP_OK)
        status = fsp_watermark_file_write(&self->file, &self->durable, error);
    self->file_behind = false;
    return status;
}

/* A store that was there, checked: it is marked as in use before it is written.  What lies there
   beyond the file's sequence counts as durable only after the next synced group. */
static fsp_status_t
take_over(fsp_store_t *self, uint64_t sequence, fsp_error_t *error)
{
    fsp_status_t status =
        fsp_recover_marks(&self->views[FSP_FAMILY_LOCAL].view, &self->opened, error);
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

/* Both slots of the file say this program's format: no older one may meet what it would misread. So
   before the first batch, and behind the last thing that may refuse. */
static fsp_status_t
shut_out_older(fsp_store_t *self, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    for (int i = 0; i < 2 && status == FSP_OK; i++)
        status = fsp_watermark_file_write(&self->file, &self->durable, error);
    return status;
}

/* 1 -> 2: large objects go to segments.  The last batch says format 2. */
static fsp_status_t
migrate_objects(fsp_store_t *self, const fsp_store_config_t *config, fsp_error_t *error)
{
    fsp_migrate_t work;
    fsp_status_t status = fsp_migrate_begin(&work, self->db, &self->objects, self->directory,
                                            config->migrate_batch_bytes, error);
    if (status != FSP_OK)
        return status;
    status = shut_out_older(self, error);
    for (bool more = true; more && status == FSP_OK;) {
        status = fsp_migrate_step(&work, self->write, &more, error);
        if (status == FSP_OK)
            status = fsp_storeset_write(self, error);
        if (status == FSP_OK && config->progress)
            config->progress(config->progress_context, work.done_bytes, work.total_bytes);
    }
    fsp_migrate_end(&work);
    return status;
}

/* From `format` to this program's, one step after the other: the last batch of each says which
   format the rows have now, and the next start goes on from there. */
static fsp_status_t
migrate(fsp_store_t *self, const fsp_store_config_t *config, uint64_t format,
        const fsp_journal_config_t *journal, fsp_error_t *error)
{
    fsp_status_t status =
        format < 2 ? migrate_objects(self, config, error) : shut_out_older(self, error);
    if (status != FSP_OK)
        return status;
    uint64_t sequence = fsp_store_sequence(self);
    status = fsp_migrate_log(self->db, self->write, journal, &sequence, &self->journal, error);
    atomic_store(&self->sequence, sequence);
    if (status == FSP_OK)
        status =
            fsp_dbkept_open(&self->kept, self->db, FSP_JOURNAL_FILES * self->journal_bytes, error);
    return status == FSP_OK ? begin_journal(self, error) : status;
}

/* Format 1 or 2.  If there is no room to migrate it, it is left as it was. */
static fsp_status_t
open_old(fsp_store_t *self, const fsp_store_config_t *config, uint64_t format,
         const fsp_journal_config_t *journal, fsp_error_t *error)
{
    uint64_t sequence = 0;
    fsp_status_t status = fsp_recover_sequence(self->db, &self->opened, &sequence, error);
    if (status == FSP_OK && format < 2 && !fsp_recover_is_migrating(self->db))
        status = fsp_migrate_check(self->db, self->directory, error);
    if (status == FSP_OK)
        status = fsp_migrate_log_check(self->db, self->directory, error);
    if (status == FSP_OK)
        status = take_over(self, sequence, error);
    if (status == FSP_OK)
        status = open_objects(self, config, error);
    return status == FSP_OK ? migrate(self, config, format, journal, error) : status;
}

/* The journal, and what the database lacks of it. */
static fsp_status_t
replay(fsp_store_t *self, const fsp_journal_config_t *journal, fsp_journal_found_t *ret_found,
       fsp_error_t *error)
{
    fsp_replay_t work = {
        .kept = &self->kept, .write = self->write, .mark = &self->opened, .found = ret_found};
    fsp_status_t status =
        fsp_dbkept_open(&self->kept, self->db, FSP_JOURNAL_FILES * self->journal_bytes, error);
    if (status == FSP_OK)
        status = fsp_journal_open(journal, fsp_replay_row, &work, &self->journal, ret_found, error);
    return status == FSP_OK ? fsp_replay_end(&work, error) : status;
}

/* This program's format, or nothing yet. */
static fsp_status_t
open_new(fsp_store_t *self, const fsp_store_config_t *config, const fsp_journal_config_t *journal,
         fsp_error_t *error)
{
    fsp_journal_found_t found = {.any = false};
    fsp_status_t status = replay(self, journal, &found, error);
    uint64_t format = 0;
    if (status == FSP_OK)
        status = fsp_recover_format(&self->views[FSP_FAMILY_LOCAL].view, &format,
                                    error); /* it may have been in the journal */
    bool first = status == FSP_NOT_FOUND && !found.any;
    if (status == FSP_NOT_FOUND && !first)
        return fsp_recover_damaged(error, "format row is missing");
    if (status == FSP_OK)
        status = take_over(self, fsp_recover_last(&found, &self->kept), error);
    if (status == FSP_OK || first)
        status = open_objects(self, config, error);
    if (status == FSP_OK)
        status = begin_journal(self, error);
    if (status == FSP_OK && first)
        return write_first(self, error);
    return status;
}

/* A file that is full is written out and let go while there is room in the reserve. */
static uint64_t
journal_bytes_for(const fsp_store_t *self)
{
    struct statvfs found;
    uint64_t bytes = JOURNAL_BYTES_MIN;
    if (statvfs(self->directory, &found) != 0)
        return bytes;
    uint64_t share = fsp_disk_reserve((uint64_t)found.f_blocks * found.f_frsize) / JOURNAL_SHARE;
    while (bytes < FSP_JOURNAL_FILE_BYTES && 2 * bytes <= share)
        bytes *= 2;
    return bytes;
}

/* What the database says decides: nothing beside it is touched before it has been checked. */
static fsp_status_t
open_rows(fsp_store_t *self, const fsp_store_config_t *config, fsp_error_t *error)
{
    char path[4096];
    uint64_t format = 0;
    int length = snprintf(path, sizeof(path), "%s/journal", config->directory);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    self->journal_bytes = config->journal_bytes ? config->journal_bytes : journal_bytes_for(self);
    const fsp_journal_config_t journal = {
        .directory = path, .file_bytes = self->journal_bytes, .sync = config->sync};
    self->write = fsp_db_write_new(self->db);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        fsp_dbview_init(&self->views[i], self->db, (fsp_family_t)i);
    fsp_status_t status = fsp_recover_format(&self->views[FSP_FAMILY_LOCAL].view, &format, error);
    if (status == FSP_OK && format < FSP_STORE_FORMAT)
        status = open_old(self, config, format, &journal, error);
    else if (status == FSP_OK || status == FSP_NOT_FOUND)
        status = open_new(self, config, &journal, error);
    if (status != FSP_OK)
        return status;
    fsp_dbkept_pass(&self->kept, fsp_store_sequence(self), 0);
    atomic_store(&self->state_kept, self->kept.upto[FSP_FAMILY_STATE]);
    return FSP_OK;
}

static fsp_status_t
open_all(fsp_store_t *self, const fsp_store_config_t *config, bool *ret_fresh, fsp_error_t *error)
{
    uint64_t start_us = fsp_storeset_now_us();
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
    return FSP_OK;
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
        fsp_storeset_release(self);
        return status;
    }
    *ret_self = self;
    return FSP_OK;
}
