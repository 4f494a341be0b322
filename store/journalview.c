/* SPDX-License-Identifier: MIT */
/* journalview - the rows of LOG as an ordered view, read from the journal's files.  Layer store.
 *
 * A read looks at the index and counts itself as a reader of the file in one section, then reads
 * without the lock: a file that is read is not retired.  Reads come through the page cache; records
 * are written past it, and a page of a record is read only after the record was written whole (no
 * readahead in the newest file), so the cache never holds what a reused file had there before.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "store/journalset.h"

#include <fcntl.h>
#include <unistd.h>

/* -- one row ----------------------------------------------------------------------------------- */

/* A file that a reader is counted in. */
static fsp_status_t
open_file(const fsp_journal_t *self, uint64_t number, bool newest, int *ret_fd)
{
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(self->directory, number, path);
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*ret_fd < 0)
        return FSP_IO;
    if (newest)
        (void)posix_fadvise(*ret_fd, 0, 0, POSIX_FADV_RANDOM);
    return FSP_OK;
}

/* Reads key and value of a row, which lie side by side; the key is compared, and the checksum of
   both. */
static fsp_status_t
read_row(int fd, const fsp_journalplace_t *place, fsp_slice_t key, uint8_t *ret)
{
    size_t bytes = key.bytes + (size_t)place->bytes;
    fsp_status_t status = fsp_journalscan_read(fd, place->at, ret, bytes);
    if (status == FSP_OK && (!fsp_slice_eq(fsp_slice(ret, key.bytes), key) ||
                             fsp_journal_hash(fsp_slice(ret, bytes)) != place->hash))
        status = FSP_DAMAGED;
    return status;
}

static fsp_status_t
append_value(int fd, const fsp_journalplace_t *place, fsp_slice_t key, fsp_buf_t *ret)
{
    uint8_t *octets = fsp_alloc_raw(key.bytes + (size_t)place->bytes);
    fsp_status_t status = read_row(fd, place, key, octets);
    if (status == FSP_OK) {
        fsp_buf_append(ret, octets + key.bytes, (size_t)place->bytes);
        status = fsp_buf_ok(ret) ? FSP_OK : FSP_TOO_LARGE;
    }
    fsp_free(octets);
    return status;
}

/* Counts in; under the lock. */
static void
enter(fsp_journal_t *self, uint64_t number, bool *ret_newest)
{
    fsp_journalset_file_t *file = fsp_journalset_find(self, number);
    FSP_ASSERT(file != NULL);
    file->readers++;
    *ret_newest = file == &self->files[self->count - 1];
}

/* Counts out; under the lock. */
static void
leave(fsp_journal_t *self, uint64_t number)
{
    fsp_journalset_file_t *file = fsp_journalset_find(self, number);
    FSP_ASSERT(file && file->readers > 0);
    file->readers--;
}

static fsp_status_t
get_value(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    fsp_journal_t *self = (fsp_journal_t *)view;
    if (key.bytes > FSP_ROW_KEY_BYTES_MAX)
        return FSP_NOT_FOUND;
    fsp_journalplace_t place;
    bool newest = false;
    (void)pthread_mutex_lock(&self->lock);
    const fsp_omap_row_t *row = fsp_omap_get(self->index, key);
    if (row) {
        place = fsp_journalindex_place(row);
        enter(self, place.file, &newest);
    }
    (void)pthread_mutex_unlock(&self->lock);
    if (!row)
        return FSP_NOT_FOUND;
    int fd = -1;
    fsp_status_t status = open_file(self, place.file, newest, &fd);
    if (status == FSP_OK) {
        status = append_value(fd, &place, key, ret_value);
        (void)close(fd);
    }
    (void)pthread_mutex_lock(&self->lock);
    leave(self, place.file);
    (void)pthread_mutex_unlock(&self->lock);
    return status;
}

/* -- cursors ----------------------------------------------------------------------------------- */

/* Keeps the file of its row open, and is counted in it, until it comes to a row of another one. */
typedef struct {
    fsp_cursor_t cursor; /* first */
    fsp_journal_t *owner;
    fsp_buf_t to;  /* empty: no end */
    fsp_buf_t key; /* of the row it stands on; before the first, where to begin */
    fsp_buf_t row; /* key and value, as read */
    uint64_t file; /* 0: none */
    int fd;        /* -1: not open yet */
    bool newest;
} journalcursor_t;

/* Looks the next row up, and goes over to its file.  False: there is none. */
static bool
find_row(journalcursor_t *self, bool behind, fsp_journalplace_t *ret)
{
    fsp_journal_t *owner = self->owner;
    fsp_slice_t from = fsp_buf_slice(&self->key), to = fsp_buf_slice(&self->to);
    int close_fd = -1;
    (void)pthread_mutex_lock(&owner->lock);
    const fsp_omap_row_t *row = fsp_omap_seek(owner->index, from);
    if (row && behind && fsp_slice_eq(row->key, from))
        row = fsp_omap_next(row);
    if (row && to.bytes > 0 && fsp_slice_cmp(row->key, to) >= 0)
        row = NULL;
    if (row)
        *ret = fsp_journalindex_place(row);
    uint64_t file = row ? ret->file : 0;
    if (file != self->file) {
        if (self->file != 0)
            leave(owner, self->file);
        if (file != 0)
            enter(owner, file, &self->newest);
        close_fd = self->fd;
        self->file = file;
        self->fd = -1;
    }
    if (row) {
        fsp_buf_reset(&self->key);
        fsp_buf_append_slice(&self->key, row->key);
    }
    (void)pthread_mutex_unlock(&owner->lock);
    if (close_fd >= 0)
        (void)close(close_fd);
    return row != NULL;
}

/* Comes to the row from its key on, or behind it. */
static void
show_row(journalcursor_t *self, bool behind)
{
    fsp_cursor_t *cursor = &self->cursor;
    fsp_journalplace_t place = {.file = 0};
    cursor->valid = false;
    cursor->key = cursor->value = fsp_slice(NULL, 0);
    if (!find_row(self, behind, &place))
        return;
    if (self->fd < 0)
        cursor->status = open_file(self->owner, self->file, self->newest, &self->fd);
    if (cursor->status != FSP_OK)
        return;
    fsp_slice_t key = fsp_buf_slice(&self->key);
    fsp_buf_reset(&self->row);
    uint8_t *octets = fsp_buf_extend(&self->row, key.bytes + (size_t)place.bytes);
    cursor->status = read_row(self->fd, &place, key, octets);
    if (cursor->status != FSP_OK)
        return;
    cursor->valid = true;
    cursor->key = fsp_slice(octets, key.bytes);
    cursor->value = fsp_slice(octets + key.bytes, (size_t)place.bytes);
}

static void
next_row(fsp_cursor_t *cursor)
{
    FSP_PRE(cursor->valid);
    show_row((journalcursor_t *)cursor, true);
}

static void
end_cursor(fsp_cursor_t *cursor)
{
    journalcursor_t *self = (journalcursor_t *)cursor;
    if (self->fd >= 0)
        (void)close(self->fd);
    if (self->file != 0) {
        (void)pthread_mutex_lock(&self->owner->lock);
        leave(self->owner, self->file);
        (void)pthread_mutex_unlock(&self->owner->lock);
    }
    fsp_buf_clear(&self->to);
    fsp_buf_clear(&self->key);
    fsp_buf_clear(&self->row);
    fsp_free(self);
}

static fsp_cursor_t *
scan_rows(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = next_row, .destroy = end_cursor};
    journalcursor_t *self = FSP_NEW(journalcursor_t);
    self->cursor.ops = &ops;
    self->cursor.status = FSP_OK;
    self->owner = (fsp_journal_t *)view;
    self->fd = -1;
    /* Bounds are the caller's, and rows were bounded when they were written. */
    fsp_buf_init(&self->to, SIZE_MAX);
    fsp_buf_init(&self->key, SIZE_MAX);
    fsp_buf_init(&self->row, SIZE_MAX);
    fsp_buf_append_slice(&self->to, to);
    fsp_buf_append_slice(&self->key, from);
    show_row(self, false);
    return &self->cursor;
}

void
fsp_journalview_init(fsp_journal_t *self)
{
    static const fsp_view_ops_t ops = {.get = get_value, .scan = scan_rows};
    self->view.ops = &ops;
}

fsp_view_t *
fsp_journal_view(fsp_journal_t *self)
{
    FSP_PRE(self != NULL);
    return &self->view;
}
