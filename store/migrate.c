/* SPDX-License-Identifier: MIT */
/* migrate - brings a store of an older format to this program's.  Layer store. */
#include "store/migrate.h"

#include "core/base/check.h"
#include "store/recover.h"

#include <sys/statvfs.h>

enum {
    ROOM_SHARE = 16,                   /* heads and ends of records, at 64 KiB each */
    ROOM_BYTES_MIN = 64 * 1024 * 1024, /* rows, and what compaction takes for a while */
    LOG_ROOM_BYTES = 4 * 1024 * 1024,  /* heads and ends of records, a file not filled */
    LOG_BATCH_BYTES = 4 * 1024 * 1024, /* of the log, in one record */
    MIB = 1024 * 1024
};

/* Old bytes that are not in segments yet, about.  What lies in the log only is less than
   ROOM_BYTES_MIN. */
static uint64_t
old_bytes(fsp_db_t *db, uint64_t moved)
{
    uint64_t total = 0, garbage = 0;
    fsp_db_blob_bytes(db, FSP_FAMILY_BYTES, &total, &garbage);
    return total > garbage + moved ? total - garbage - moved : 0;
}

/* what: "... are copied to". */
static fsp_status_t
check_room(const char *what, uint64_t wanted, const char *directory, fsp_error_t *error)
{
    struct statvfs found;
    if (wanted == 0 || statvfs(directory, &found) != 0)
        return FSP_OK; /* a write will say it */
    uint64_t free_bytes = (uint64_t)found.f_bavail * found.f_frsize;
    if (free_bytes >= wanted)
        return FSP_OK;
    return fsp_error_set(error, FSP_DISK_RESERVE,
                         "%.120s: %s copied to files of another format, which wants "
                         "%llu MiB of room, and %llu MiB are free: make room there",
                         directory, what, (unsigned long long)(wanted / MIB + 1),
                         (unsigned long long)(free_bytes / MIB));
}

static fsp_status_t
check_objects_room(uint64_t bytes, const char *directory, fsp_error_t *error)
{
    return check_room("large objects are", bytes ? bytes + bytes / ROOM_SHARE + ROOM_BYTES_MIN : 0,
                      directory, error);
}

static fsp_status_t
read_cursor(fsp_migrate_t *self, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_CURSOR_BYTES_MAX);
    fsp_slice_t key = {NULL, 0};
    fsp_status_t status =
        fsp_db_get(self->db, NULL, FSP_FAMILY_LOCAL, fsp_slice_text("migrated"), &row);
    if (status == FSP_OK)
        status = fsp_migrated_decode(fsp_buf_slice(&row), &key);
    if (status == FSP_OK)
        fsp_buf_append_slice(&self->next, key);
    fsp_buf_clear(&row);
    if (status == FSP_DAMAGED)
        return fsp_recover_damaged(error, "row migrated is damaged");
    return status == FSP_OK || status == FSP_NOT_FOUND
               ? FSP_OK
               : fsp_error_set(error, status, "row migrated: %s", fsp_status_text(status));
}

fsp_status_t
fsp_migrate_check(fsp_db_t *db, const char *directory, fsp_error_t *error)
{
    return check_objects_room(old_bytes(db, 0), directory, error);
}

fsp_status_t
fsp_migrate_begin(fsp_migrate_t *self, fsp_db_t *db, fsp_objstore_t *objects, const char *directory,
                  uint64_t batch_bytes, fsp_error_t *error)
{
    *self = (fsp_migrate_t){.db = db,
                            .objects = objects,
                            .batch_bytes = batch_bytes ? batch_bytes : FSP_MIGRATE_BATCH_BYTES};
    fsp_buf_init(&self->next, FSP_ROW_KEY_BYTES_MAX);
    fsp_segments_info_t moved;
    fsp_segments_info(objects->segments, &moved);
    self->total_bytes = old_bytes(db, moved.live_bytes);
    fsp_status_t status = read_cursor(self, error);
    if (status == FSP_OK)
        status = check_objects_room(self->total_bytes, directory, error);
    if (status != FSP_OK)
        fsp_migrate_end(self);
    return status;
}

static void
set_next(fsp_migrate_t *self, fsp_slice_t key)
{
    fsp_buf_reset(&self->next);
    fsp_buf_append_slice(&self->next, key);
}

static fsp_status_t
move_row(fsp_migrate_t *self, fsp_db_write_t *write, const fsp_objstore_put_t *row,
         fsp_error_t *error)
{
    if (row->key.bytes == 0 || row->key.bytes > FSP_ROW_KEY_BYTES_MAX ||
        row->bytes.bytes > FSP_OBJECT_BYTES_MAX)
        return fsp_recover_damaged(error, "a large object has no possible key or size");
    set_next(self, row->key);
    self->done_bytes += row->bytes.bytes;
    if (self->total_bytes < self->done_bytes)
        self->total_bytes = self->done_bytes;
    return fsp_objstore_adopt(self->objects, write, row, error);
}

/* A value whose checksum is wrong costs no more than that object: it goes as it is, and its reader
   finds it damaged by tag and digest, as before.  skip: that at `next` has gone already.  *ret_end:
   there is none behind it; else `next` is the key of what follows. */
static fsp_status_t
move_damaged(fsp_migrate_t *self, fsp_db_write_t *write, bool skip, bool *ret_end,
             fsp_error_t *error)
{
    fsp_db_iter_t *rows =
        fsp_db_iter_new_sealed(self->db, FSP_FAMILY_BYTES, fsp_buf_slice(&self->next));
    fsp_objstore_put_t row;
    bool found = fsp_db_iter_row(rows, &row.key, &row.bytes);
    if (found && skip && fsp_slice_eq(row.key, fsp_buf_slice(&self->next))) {
        fsp_db_iter_next(rows);
        found = fsp_db_iter_row(rows, &row.key, &row.bytes);
    }
    fsp_status_t status = FSP_OK;
    if (found) {
        status = move_row(self, write, &row, error);
        fsp_db_iter_next(rows);
        found = fsp_db_iter_row(rows, &row.key, &row.bytes);
        if (found)
            set_next(self, row.key);
    }
    *ret_end = !found;
    if (status == FSP_OK && !found && fsp_db_iter_status(rows) != FSP_OK)
        status = fsp_recover_damaged(error, "large objects cannot be read");
    fsp_db_iter_destroy(&rows);
    return status;
}

/* The rows from `next` on, as many as a batch takes.  At its end `next` is the key of a row that
   has not gone: one that has is an index row from now on, and must not be taken for bytes. */
static fsp_status_t
move_rows(fsp_migrate_t *self, fsp_db_write_t *write, bool *ret_more, fsp_error_t *error)
{
    fsp_db_iter_t *rows = NULL;
    fsp_objstore_put_t row;
    uint64_t end_bytes = self->done_bytes + self->batch_bytes;
    fsp_status_t status = FSP_OK;
    bool end = false, full = false, gone = false; /* gone: the row at `next` */
    while (status == FSP_OK && !end && !full) {
        if (!rows)
            rows = fsp_db_iter_new(self->db, NULL, FSP_FAMILY_BYTES, fsp_buf_slice(&self->next),
                                   fsp_slice(NULL, 0));
        if (fsp_db_iter_row(rows, &row.key, &row.bytes)) {
            full = self->done_bytes >= end_bytes;
            if (full)
                set_next(self, row.key);
            else
                status = move_row(self, write, &row, error);
            gone = !full;
            fsp_db_iter_next(rows);
            continue;
        }
        status = fsp_db_iter_status(rows);
        fsp_db_iter_destroy(&rows);
        end = status == FSP_OK;
        if (status == FSP_DAMAGED)
            status = move_damaged(self, write, gone, &end, error);
        else if (status != FSP_OK)
            (void)fsp_error_set(error, status, "large objects cannot be read: %s",
                                fsp_status_text(status));
        full = self->done_bytes >= end_bytes;
        gone = false;
    }
    fsp_db_iter_destroy(&rows);
    *ret_more = !end;
    return status;
}

fsp_status_t
fsp_migrate_step(fsp_migrate_t *self, fsp_db_write_t *write, bool *ret_more, fsp_error_t *error)
{
    fsp_status_t status = move_rows(self, write, ret_more, error);
    if (status != FSP_OK)
        return status;
    if (!*ret_more) {
        fsp_db_write_delete(write, FSP_FAMILY_LOCAL, fsp_slice_text("migrated"));
        fsp_recover_put_format(write, 2);
        return FSP_OK;
    }
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_CURSOR_BYTES_MAX);
    fsp_migrated_encode(fsp_buf_slice(&self->next), &row);
    fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_slice_text("migrated"), fsp_buf_slice(&row));
    fsp_buf_clear(&row);
    return FSP_OK;
}

void
fsp_migrate_end(fsp_migrate_t *self)
{
    fsp_buf_clear(&self->next);
}

/* -- 2 -> 3 ------------------------------------------------------------------------------------ */

fsp_status_t
fsp_migrate_log_check(fsp_db_t *db, const char *directory, fsp_error_t *error)
{
    uint64_t bytes = fsp_db_live_bytes(db, FSP_FAMILY_LOG);
    return check_room("the log is", bytes ? bytes + bytes / ROOM_SHARE + LOG_ROOM_BYTES : 0,
                      directory, error);
}

/* At least one record: a journal without any would read as a lost one. */
static fsp_status_t
copy_log(fsp_db_t *db, fsp_journal_t *journal, uint64_t *sequence, fsp_error_t *error)
{
    static const uint64_t nothing[FSP_FAMILY_COUNT];
    fsp_batch_row_t row = {.op = FSP_ROW_PUT, .family = FSP_FAMILY_LOG};
    fsp_db_iter_t *rows =
        fsp_db_iter_new(db, NULL, FSP_FAMILY_LOG, (fsp_slice_t){0}, (fsp_slice_t){0});
    fsp_status_t status = FSP_OK;
    for (size_t bytes = 0; status == FSP_OK && fsp_db_iter_row(rows, &row.key, &row.value);
         fsp_db_iter_next(rows)) {
        fsp_journal_put(journal, &row);
        bytes += row.key.bytes + row.value.bytes;
        if (bytes < LOG_BATCH_BYTES)
            continue;
        status = fsp_journal_commit(journal, ++*sequence, nothing, error);
        bytes = 0;
    }
    if (status == FSP_OK) {
        status = fsp_db_iter_status(rows);
        if (status == FSP_DAMAGED)
            (void)fsp_recover_damaged(error, "the log cannot be read");
        else if (status != FSP_OK)
            (void)fsp_error_set(error, status, "the log: %s", fsp_status_text(status));
    }
    fsp_db_iter_destroy(&rows);
    return status == FSP_OK ? fsp_journal_commit(journal, ++*sequence, nothing, error) : status;
}

static fsp_status_t
flush_all(fsp_db_t *db, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    for (int i = 0; i < FSP_FAMILY_COUNT && status == FSP_OK; i++)
        status = fsp_db_flush(db, (fsp_family_t)i, true, error);
    return status;
}

/* Kept rows first, for all families; the format row when they are on stable storage. */
static fsp_status_t
say_format(fsp_db_t *db, fsp_db_write_t *write, uint64_t sequence, fsp_error_t *error)
{
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        if (i != FSP_FAMILY_LOG)
            fsp_db_write_keep(write, (fsp_family_t)i, sequence);
    fsp_status_t status = fsp_db_commit(db, write, error);
    if (status == FSP_OK)
        status = flush_all(db, error);
    fsp_recover_put_format(write, 3);
    fsp_db_write_delete(write, FSP_FAMILY_LOCAL, fsp_slice_text("sequence"));
    if (status == FSP_OK)
        status = fsp_db_commit(db, write, error);
    return status == FSP_OK ? fsp_db_flush(db, FSP_FAMILY_LOCAL, true, error) : status;
}

fsp_status_t
fsp_migrate_log(fsp_db_t *db, fsp_db_write_t *write, const fsp_journal_config_t *journal,
                uint64_t *sequence, fsp_journal_t **ret_journal, fsp_error_t *error)
{
    fsp_journal_found_t found;
    *ret_journal = NULL;
    fsp_status_t status = flush_all(db, error); /* nothing is left in RocksDB's log */
    if (status == FSP_OK)
        status = fsp_journal_erase(journal->directory, error);
    if (status == FSP_OK)
        status = fsp_journal_open(journal, NULL, NULL, ret_journal, &found, error);
    if (status == FSP_OK)
        status = copy_log(db, *ret_journal, sequence, error);
    /* With sync off, too: the rows will be nowhere else, and leave the database durably. */
    if (status == FSP_OK && !journal->sync)
        status = fsp_journal_sync(*ret_journal, error);
    return status == FSP_OK ? say_format(db, write, *sequence, error) : status;
}

fsp_status_t
fsp_migrate_clear_log(fsp_db_t *db, fsp_db_write_t *write, bool *ret_any, fsp_error_t *error)
{
    fsp_slice_t key, value;
    fsp_db_iter_t *rows =
        fsp_db_iter_new(db, NULL, FSP_FAMILY_LOG, (fsp_slice_t){0}, (fsp_slice_t){0});
    *ret_any = fsp_db_iter_row(rows, &key, &value);
    fsp_db_iter_destroy(&rows);
    if (!*ret_any)
        return FSP_OK;
    fsp_db_write_delete_range(write, FSP_FAMILY_LOG, (fsp_slice_t){0},
                              fsp_slice(FSP_DB_KEPT_KEY, sizeof(FSP_DB_KEPT_KEY) - 1));
    fsp_status_t status = fsp_db_commit(db, write, error);
    return status == FSP_OK ? fsp_db_flush(db, FSP_FAMILY_LOG, false, error) : status;
}
