/* SPDX-License-Identifier: MIT */
/* segopen - opens and closes the set of segments.  Layer store.
 *
 * The rows say what there is; the files are compared with them.  No file is read: what a row says
 * was synced before the row was written.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/datadir.h"
#include "store/recover.h"
#include "store/segclean.h"
#include "store/segset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    SEGMENT_BYTES_MIN = 16 * 1024 * 1024,
    SEGMENT_BYTES_MAX = 1024 * 1024 * 1024,
    DISK_SHARE = 1024,       /* a segment is a thousandth of the disk */
    SLACK_BYTES = 64 * 1024, /* of a file, that need not be dead places */
    SLACK_SHARE = 16,        /* as pages that are dead in part, or end a group */
    ROOM_SHARE = 8           /* of a segment, that make it worth while to go on there */
};

static uint64_t
segment_bytes_for(const char *directory)
{
    struct statvfs found;
    uint64_t bytes = SEGMENT_BYTES_MIN;
    if (statvfs(directory, &found) != 0)
        return bytes;
    uint64_t share = (uint64_t)found.f_blocks * found.f_frsize / DISK_SHARE;
    while (bytes < SEGMENT_BYTES_MAX && 2 * bytes <= share)
        bytes *= 2;
    return bytes;
}

/* The rows. */

static fsp_status_t
say_row(fsp_status_t status, const char *row, fsp_error_t *error)
{
    if (status == FSP_DAMAGED)
        return fsp_error_set(error, status,
                             "row %.40s is damaged: restore from a replica or backup", row);
    return fsp_error_set(error, status, "row %.40s: %s", row, fsp_status_text(status));
}

/* In format 1 the values are the objects themselves, and none is as short as an index row. */
static bool
has_index_rows(fsp_db_t *db)
{
    fsp_slice_t key, value;
    fsp_place_t place;
    fsp_db_iter_t *rows =
        fsp_db_iter_new(db, NULL, FSP_FAMILY_BYTES, (fsp_slice_t){NULL, 0}, (fsp_slice_t){NULL, 0});
    bool found = fsp_db_iter_row(rows, &key, &value) && fsp_place_decode(value, &place) == FSP_OK;
    fsp_db_iter_destroy(&rows);
    return found;
}

static fsp_status_t
read_next(fsp_segments_t *self, fsp_error_t *error)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_status_t status =
        fsp_db_get(self->db, NULL, FSP_FAMILY_LOCAL, fsp_slice_text("segments"), &row);
    self->next = 1;
    if (status == FSP_OK)
        status = fsp_segments_decode(fsp_buf_slice(&row), &self->next);
    else if (status == FSP_NOT_FOUND)
        status = has_index_rows(self->db) ? FSP_DAMAGED : FSP_OK; /* there was none yet */
    fsp_buf_clear(&row);
    return status == FSP_OK ? FSP_OK : say_row(status, "segments", error);
}

static fsp_status_t
read_row(fsp_segments_t *self, fsp_slice_t key, fsp_slice_t value)
{
    uint64_t number = 0, used = 0, live = 0;
    fsp_status_t status = fsp_segment_parse_key(key, &number);
    if (status == FSP_OK)
        status = fsp_segment_decode(value, &used, &live);
    if (status == FSP_OK && number >= self->next)
        status = FSP_DAMAGED;
    if (status != FSP_OK)
        return status;
    uint64_t next = self->next;
    self->next = number; /* rows come in the order of their numbers */
    fsp_segment_t *segment = fsp_segset_add(self);
    self->next = next;
    self->next_changed = false;
    segment->used = segment->told = used;
    segment->live = segment->told_live = live;
    segment->has_row = true;
    return FSP_OK;
}

static fsp_status_t
read_rows(fsp_segments_t *self, fsp_error_t *error)
{
    fsp_slice_t key, value;
    fsp_status_t status = read_next(self, error);
    if (status != FSP_OK)
        return status;
    fsp_db_iter_t *rows = fsp_db_iter_new(self->db, NULL, FSP_FAMILY_LOCAL,
                                          fsp_slice_text("segment/"), fsp_slice_text("segment0"));
    for (; status == FSP_OK && fsp_db_iter_row(rows, &key, &value); fsp_db_iter_next(rows)) {
        status = read_row(self, key, value);
        char name[41];
        (void)snprintf(name, sizeof(name), "%.*s", (int)(key.bytes < 40 ? key.bytes : 40),
                       (const char *)key.data);
        if (status != FSP_OK)
            (void)say_row(status, name, error);
    }
    if (status == FSP_OK) {
        status = fsp_db_iter_status(rows);
        if (status != FSP_OK)
            (void)say_row(status, "segment/...", error);
    }
    fsp_db_iter_destroy(&rows);
    return status;
}

/* The files. */

static fsp_status_t
say_file(const char *path, const char *words, fsp_status_t status, fsp_error_t *error)
{
    const char *more = status == FSP_DAMAGED ? ": restore from a replica or backup" : "";
    return fsp_error_set(error, status, "%.150s %s%s", path, words, more);
}

static fsp_status_t
cut_file(const char *path, uint64_t used, fsp_error_t *error)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    fsp_status_t status = FSP_OK;
    if (fd < 0 || ftruncate(fd, (off_t)used) != 0)
        status = say_file(path, strerror(errno), FSP_IO, error);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

/* Compares a file with its row, and cuts off what was never acknowledged.  Blocks of the disk that
   are neither in living places nor behind the end are dead ones that a crash left there. */
static fsp_status_t
check_file(const char *path, fsp_segment_t *segment, fsp_error_t *error)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return errno == ENOENT ? say_file(path, "is missing", FSP_DAMAGED, error)
                               : say_file(path, strerror(errno), FSP_IO, error);
    if (!S_ISREG(found.st_mode) || (uint64_t)found.st_size < segment->used)
        return say_file(path, "is shorter than its row says", FSP_DAMAGED, error);
    fsp_status_t status = FSP_OK;
    if ((uint64_t)found.st_size > segment->used) {
        status = cut_file(path, segment->used, error);
        if (status == FSP_OK && stat(path, &found) != 0)
            status = say_file(path, strerror(errno), FSP_IO, error);
    }
    uint64_t slack = SLACK_BYTES + segment->used / SLACK_SHARE;
    segment->sweep = (uint64_t)found.st_blocks * 512 > segment->live + slack;
    return status;
}

/* No row names them: made and not used, or dead. */
static fsp_status_t
delete_unnamed(fsp_segments_t *self, fsp_error_t *error)
{
    DIR *files = opendir(self->directory);
    if (!files)
        return say_file(self->directory, strerror(errno), FSP_IO, error);
    fsp_status_t status = FSP_OK;
    for (const struct dirent *entry; status == FSP_OK && (entry = readdir(files)) != NULL;) {
        uint64_t number = 0;
        char path[FSP_SEGFILE_PATH_BYTES];
        if (fsp_segment_parse_name(entry->d_name, &number) != FSP_OK ||
            fsp_segset_find(self, number))
            continue;
        fsp_segfile_path(self->directory, number, path);
        if (unlink(path) != 0)
            status = say_file(path, strerror(errno), FSP_IO, error);
    }
    (void)closedir(files);
    return status;
}

/* The youngest two that have some room: the writing thread and the cleaner go on there. */
static fsp_status_t
open_growing(fsp_segments_t *self, fsp_error_t *error)
{
    fsp_segfile_t *files[] = {&self->active, &self->clean.file};
    fsp_status_t status = FSP_OK;
    size_t opened = 0;
    for (size_t i = self->count; i-- > 0 && status == FSP_OK;) {
        fsp_segment_t *segment = &self->set[i];
        if (opened < 2 && segment->used <= self->segment_bytes - self->segment_bytes / ROOM_SHARE) {
            segment->growing = true;
            status = fsp_segfile_open(files[opened++], segment->number, segment->used,
                                      self->segment_bytes, error);
        } else if (segment->live == 0) {
            fsp_segset_change(self, segment); /* its row goes with the next write */
        }
    }
    return status;
}

static fsp_status_t
open_all(fsp_segments_t *self, fsp_error_t *error)
{
    fsp_status_t status = fsp_datadir_make(self->directory, error);
    if (status == FSP_OK)
        status = read_rows(self, error);
    for (size_t i = 0; i < self->count && status == FSP_OK; i++) {
        char path[FSP_SEGFILE_PATH_BYTES];
        fsp_segfile_path(self->directory, self->set[i].number, path);
        status = check_file(path, &self->set[i], error);
    }
    if (status == FSP_OK)
        status = delete_unnamed(self, error);
    if (status == FSP_OK)
        status = open_growing(self, error);
    return status;
}

static void
release(fsp_segments_t *self)
{
    fsp_segfile_clear(&self->active);
    fsp_segfile_clear(&self->clean.file);
    fsp_segread_clear(&self->read);
    (void)pthread_mutex_destroy(&self->lock);
    (void)pthread_cond_destroy(&self->wake);
    (void)pthread_cond_destroy(&self->rested);
    fsp_free(self->clean.moves);
    fsp_free(self->clean.keys);
    fsp_free(self->dying.holes);
    fsp_free(self->dead.holes);
    fsp_free(self->set);
    fsp_free(self);
}

fsp_status_t
fsp_segments_open(const fsp_segments_config_t *config, fsp_segments_t **ret_self,
                  fsp_error_t *error)
{
    FSP_PRE(config->segment_bytes % FSP_SEGMENT_PAGE_BYTES == 0);
    char directory[FSP_SEGFILE_PATH_BYTES];
    int length = snprintf(directory, sizeof(directory), "%s/segments", config->directory);
    if (length < 0 || (size_t)length + 1 + FSP_SEGMENT_NAME_BYTES > sizeof(directory))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    fsp_segments_t *self = FSP_NEW(fsp_segments_t);
    memcpy(self->directory, directory, (size_t)length + 1);
    self->db = config->db;
    self->sync = config->sync;
    self->segment_bytes =
        config->segment_bytes ? config->segment_bytes : segment_bytes_for(config->directory);
    FSP_ASSERT(pthread_mutex_init(&self->lock, NULL) == 0);
    FSP_ASSERT(pthread_cond_init(&self->wake, NULL) == 0);
    FSP_ASSERT(pthread_cond_init(&self->rested, NULL) == 0);
    fsp_segread_init(&self->read, self->directory);
    fsp_segfile_init(&self->active, self->directory);
    fsp_segfile_init(&self->clean.file, self->directory);
    fsp_status_t status = open_all(self, error);
    if (status != FSP_OK)
        release(self);
    else
        *ret_self = self;
    return status;
}

/* Cuts the file to what its row says.  A store that has failed does not know what it says. */
static bool
close_file(fsp_segments_t *self, fsp_segfile_t *file)
{
    fsp_error_t why;
    if (file->segment == 0)
        return true;
    const fsp_segment_t *segment = fsp_segset_find(self, file->segment);
    file->fill = 0; /* copies that were not offered */
    bool whole = fsp_segfile_flush(file, true, &why) == FSP_OK;
    fsp_segfile_cut(file, segment->told);
    return whole;
}

bool
fsp_segments_close(fsp_segments_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_segments_t *self = *self_p;
    if (!self)
        return true;
    fsp_segclean_end(self);
    fsp_error_t why;
    bool whole = fsp_db_check(self->db, &why) == FSP_OK;
    if (whole) {
        whole = close_file(self, &self->active);
        whole = close_file(self, &self->clean.file) && whole;
    }
    release(self);
    *self_p = NULL;
    return whole;
}
