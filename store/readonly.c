/* SPDX-License-Identifier: MIT */
/* readonly - a stopped store, opened without writing a byte.  Layer store. */
#include "store/readonly.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/base/overlay.h"
#include "store/datadir.h"
#include "store/db.h"
#include "store/dbview.h"
#include "store/journal.h"
#include "store/recover.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The write buffer is that of the node: options that differ would read the same log differently. */
enum {
    CACHE_BYTES = 32 * 1024 * 1024,
    WRITE_BUFFER_BYTES = 64 * 1024 * 1024,
    RANGE_PAGE = 256 /* keys of a range deleted in one go */
};

struct fsp_readonly {
    int lock_fd;
    fsp_db_t *db;
    fsp_dbview_t views[FSP_FAMILY_COUNT];
    fsp_journal_t *journal; /* NULL: an older format */
    fsp_dbkept_t kept;
    fsp_overlay_t *newer[FSP_FAMILY_COUNT]; /* rows of the journal over those; NULL: none */
    fsp_watermark_t mark;
    unsigned whole_slots;
    uint64_t sequence;
    char *directory;
    fsp_segverify_t segments;
    fsp_error_t words; /* of its last failure; text "": none */
    bool in_rows;      /* format 1: rows of BYTES from this key on are the bytes themselves */
    uint8_t migrated[FSP_ROW_KEY_BYTES_MAX];
    size_t migrated_bytes; /* 0: all rows */
};

static bool
exists(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0;
}

/* Sequence 0: the database was being made, and nothing was ever acknowledged. */
static fsp_status_t
nothing_yet(const char *directory, fsp_error_t *error)
{
    return fsp_error_set(error, FSP_NOT_FOUND,
                         "the first start in %.150s was cut short: there is nothing yet",
                         directory);
}

static fsp_status_t
read_mark(fsp_readonly_t *self, const char *directory, const char *current, fsp_error_t *error)
{
    fsp_status_t status =
        fsp_watermark_file_read(directory, &self->mark, &self->whole_slots, error);
    if (status == FSP_NOT_FOUND)
        return exists(current)
                   ? fsp_recover_damaged(error, "WATERMARK is missing beside its database")
                   : fsp_error_set(error, FSP_NOT_FOUND, "there is no store in %.180s", directory);
    if (status == FSP_OK && !exists(current))
        return self->mark.sequence > 0
                   ? fsp_recover_damaged(error, "database is missing beside its WATERMARK")
                   : nothing_yet(directory, error);
    return status;
}

/* How far a migration to format 2 has come: before its first batch the row is not there. */
static fsp_status_t
read_migrated(fsp_readonly_t *self, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_CURSOR_BYTES_MAX);
    fsp_status_t status =
        fsp_db_get(self->db, NULL, FSP_FAMILY_LOCAL, fsp_slice_text("migrated"), &row);
    fsp_slice_t key = {0};
    self->in_rows = true;
    if (status == FSP_OK)
        status = fsp_migrated_decode(fsp_buf_slice(&row), &key);
    if (status == FSP_OK) {
        self->migrated_bytes = key.bytes;
        memcpy(self->migrated, key.data, key.bytes);
    }
    fsp_buf_clear(&row);
    if (status != FSP_OK && status != FSP_NOT_FOUND)
        return fsp_error_set(error, status, "row migrated: %s", fsp_status_text(status));
    return FSP_OK;
}

/* Deletes what lies there now.  An overlay may not change under a cursor: page by page. */
static fsp_status_t
delete_range(fsp_overlay_t *rows, fsp_slice_t from, fsp_slice_t to)
{
    fsp_buf_t keys; /* each behind its length */
    fsp_buf_init(&keys, (size_t)RANGE_PAGE * (2 + FSP_ROW_KEY_BYTES_MAX));
    fsp_status_t status = FSP_OK;
    size_t count = RANGE_PAGE;
    while (status == FSP_OK && count == RANGE_PAGE) {
        fsp_cursor_t *found = fsp_view_scan(fsp_overlay_view(rows), from, to);
        fsp_buf_reset(&keys);
        for (count = 0; found->valid && count < RANGE_PAGE; fsp_cursor_next(found), count++) {
            fsp_buf_append_u16(&keys, (uint16_t)found->key.bytes);
            fsp_buf_append_slice(&keys, found->key);
        }
        status = found->status;
        fsp_cursor_destroy(&found);
        const uint8_t *at = keys.data;
        for (size_t i = 0; i < count && status == FSP_OK; i++) {
            fsp_overlay_delete(rows, fsp_slice(at + 2, fsp_load_u16(at)));
            at += 2 + fsp_load_u16(at);
        }
    }
    fsp_buf_clear(&keys);
    return status;
}

/* A row that the database may lack: the same as a node redoes at its start (replay.h). */
static fsp_status_t
add_newer(void *self_, uint64_t sequence, const fsp_batch_row_t *row, fsp_error_t *error)
{
    fsp_readonly_t *self = self_;
    if (sequence <= self->kept.rows[row->family])
        return FSP_OK;
    if (!self->newer[row->family])
        self->newer[row->family] = fsp_overlay_new(&self->views[row->family].view);
    fsp_overlay_t *rows = self->newer[row->family];
    fsp_status_t status = FSP_OK;
    if (row->op == FSP_ROW_PUT)
        fsp_overlay_put(rows, row->key, row->value);
    else if (row->op == FSP_ROW_DELETE)
        fsp_overlay_delete(rows, row->key);
    else
        status = delete_range(rows, row->key, row->value);
    return status == FSP_OK
               ? status
               : fsp_error_set(error, status, "rows of the journal: %s", fsp_status_text(status));
}

/* Of this format: the journal, and what the database lacks of it. */
static fsp_status_t
read_journal(fsp_readonly_t *self, fsp_error_t *error)
{
    char path[4096];
    fsp_journal_found_t found = {.any = false};
    (void)snprintf(path, sizeof(path), "%.4000s/journal", self->directory);
    const fsp_journal_config_t wanted = {.directory = path, .read_only = true};
    fsp_status_t status = fsp_dbkept_open(&self->kept, self->db, 0, error);
    if (status == FSP_OK)
        status = fsp_journal_open(&wanted, add_newer, self, &self->journal, &found, error);
    if (status == FSP_OK)
        status = fsp_recover_journal(&found, &self->kept, &self->mark, error);
    self->sequence = fsp_recover_last(&found, &self->kept);
    return status;
}

/* What the format row says, and what follows from it. */
static fsp_status_t
read_rows(fsp_readonly_t *self, const char *directory, fsp_error_t *error)
{
    uint64_t format = 0;
    fsp_status_t status = fsp_recover_format(&self->views[FSP_FAMILY_LOCAL].view, &format, error);
    if (status == FSP_OK && format < FSP_STORE_FORMAT) {
        if (format < 2)
            status = read_migrated(self, error);
        if (status == FSP_OK)
            status = fsp_recover_sequence(self->db, &self->mark, &self->sequence, error);
        return status;
    }
    if (status == FSP_OK || status == FSP_NOT_FOUND)
        status = read_journal(self, error);
    if (status == FSP_OK)
        status = fsp_recover_format(fsp_readonly_view(self, FSP_FAMILY_LOCAL), &format, error);
    if (status == FSP_NOT_FOUND)
        return self->mark.sequence == 0 ? nothing_yet(directory, error)
                                        : fsp_recover_damaged(error, "format row is missing");
    return status;
}

static fsp_status_t
open_all(fsp_readonly_t *self, const char *directory, uint64_t lock_wait_us, fsp_error_t *error)
{
    char path[4096], current[4096 + 16];
    int length = snprintf(path, sizeof(path), "%s/db", directory);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    (void)snprintf(current, sizeof(current), "%s/CURRENT", path);
    fsp_status_t status = fsp_datadir_lock_shared(directory, lock_wait_us, &self->lock_fd, error);
    if (status == FSP_OK)
        status = read_mark(self, directory, current, error);
    if (status != FSP_OK)
        return status;
    fsp_db_config_t wanted = {.path = path,
                              .cache_bytes = CACHE_BYTES,
                              .write_buffer_bytes = WRITE_BUFFER_BYTES,
                              .read_only = true};
    status = fsp_db_open(&wanted, &self->db, error);
    if (status == FSP_DAMAGED && self->mark.sequence == 0)
        return nothing_yet(directory, error);
    if (status != FSP_OK)
        return status;
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        fsp_dbview_init(&self->views[i], self->db, (fsp_family_t)i);
    status = read_rows(self, directory, error);
    if (status == FSP_OK)
        status = fsp_recover_marks(fsp_readonly_view(self, FSP_FAMILY_LOCAL), &self->mark, error);
    return status;
}

fsp_status_t
fsp_readonly_open(const char *directory, uint64_t lock_wait_us, fsp_readonly_t **ret_self,
                  fsp_error_t *error)
{
    FSP_PRE(directory != NULL);
    FSP_PRE(ret_self != NULL);
    fsp_readonly_t *self = FSP_NEW(fsp_readonly_t);
    self->lock_fd = -1;
    self->directory = fsp_strdup(directory);
    fsp_segverify_init(&self->segments, self->directory);
    fsp_status_t status = open_all(self, directory, lock_wait_us, error);
    if (status != FSP_OK)
        fsp_readonly_close(&self);
    else
        *ret_self = self;
    return status;
}

void
fsp_readonly_close(fsp_readonly_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_readonly_t *self = *self_p;
    if (!self)
        return;
    fsp_segverify_clear(&self->segments);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        fsp_overlay_destroy(&self->newer[i]);
    fsp_journal_close(&self->journal);
    fsp_db_close(&self->db);
    if (self->lock_fd >= 0)
        (void)close(self->lock_fd);
    fsp_free(self->directory);
    fsp_free(self);
    *self_p = NULL;
}

fsp_view_t *
fsp_readonly_view(fsp_readonly_t *self, fsp_family_t family)
{
    FSP_PRE(self != NULL);
    FSP_PRE((unsigned)family < FSP_FAMILY_COUNT);
    if (family == FSP_FAMILY_LOG && self->journal)
        return fsp_journal_view(self->journal);
    return self->newer[family] ? fsp_overlay_view(self->newer[family]) : &self->views[family].view;
}

static bool
lies_in_row(const fsp_readonly_t *self, fsp_slice_t key)
{
    return self->in_rows &&
           fsp_slice_cmp(key, fsp_slice(self->migrated, self->migrated_bytes)) >= 0;
}

/* An object in a segment, by its index row. */
static fsp_status_t
read_segment(fsp_readonly_t *self, fsp_slice_t key, fsp_blob_t **ret_blob)
{
    fsp_buf_t row;
    fsp_place_t place;
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_status_t status = fsp_view_get(fsp_readonly_view(self, FSP_FAMILY_BYTES), key, &row);
    if (status == FSP_TOO_LARGE)
        status = FSP_DAMAGED; /* no index row has that many octets */
    if (status == FSP_OK)
        status = fsp_place_decode(fsp_buf_slice(&row), &place);
    if (status == FSP_OK)
        status = fsp_segverify_bytes(&self->segments, key, &place, ret_blob, &self->words);
    fsp_buf_clear(&row);
    return status;
}

/* An object in a row, where the journal may have a newer one. */
static fsp_status_t
read_newer(fsp_readonly_t *self, fsp_family_t family, fsp_slice_t key, fsp_blob_t **ret_blob)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_OBJECT_BYTES_MAX);
    fsp_status_t status = fsp_view_get(fsp_readonly_view(self, family), key, &bytes);
    if (status == FSP_OK) {
        *ret_blob = fsp_blob_new(bytes.bytes);
        if (bytes.bytes > 0)
            memcpy(fsp_blob_writable(*ret_blob), bytes.data, bytes.bytes);
    }
    fsp_buf_clear(&bytes);
    return status == FSP_TOO_LARGE ? FSP_DAMAGED : status;
}

fsp_status_t
fsp_readonly_bytes(fsp_readonly_t *self, fsp_family_t family, fsp_slice_t key,
                   fsp_blob_t **ret_blob)
{
    FSP_PRE(self != NULL);
    FSP_PRE(family == FSP_FAMILY_OBJECT || family == FSP_FAMILY_BYTES);
    if (family == FSP_FAMILY_BYTES && !lies_in_row(self, key))
        return read_segment(self, key, ret_blob);
    if (self->newer[family])
        return read_newer(self, family, key, ret_blob);
    return fsp_db_lend(self->db, family, key, 0, 0, ret_blob);
}

void
fsp_readonly_segments(fsp_readonly_t *self, fsp_segcheck_t *check)
{
    FSP_PRE(self != NULL);
    /* An empty `until` would be all rows: in format 1 before its migration it is none of them. */
    static const uint8_t least[1] = {0};
    fsp_slice_t until = {0};
    if (self->in_rows)
        until = self->migrated_bytes ? fsp_slice(self->migrated, self->migrated_bytes)
                                     : fsp_slice(least, sizeof(least));
    fsp_segcheck_run(check, self->directory, fsp_readonly_view(self, FSP_FAMILY_LOCAL),
                     fsp_readonly_view(self, FSP_FAMILY_BYTES), until);
}

const fsp_watermark_t *
fsp_readonly_watermark(const fsp_readonly_t *self)
{
    return &self->mark;
}

bool
fsp_readonly_slots_whole(const fsp_readonly_t *self)
{
    return self->whole_slots == 2;
}

uint64_t
fsp_readonly_sequence(const fsp_readonly_t *self)
{
    return self->sequence;
}

void
fsp_readonly_take_words(fsp_readonly_t *self, fsp_error_t *ret)
{
    fsp_db_take_words(self->db, ret);
    if (self->words.text[0] != '\0')
        *ret = self->words;
    self->words.text[0] = '\0';
}
