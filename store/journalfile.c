/* SPDX-License-Identifier: MIT */
/* journalfile - one file of the journal that records are appended to.  Layer store. */
#include "store/journalfile.h"

#include "core/base/check.h"
#include "store/directio.h"
#include "store/journalrow.h"
#include "store/segfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static fsp_status_t
say_errno(const char *doing, const char *path, fsp_error_t *error)
{
    return fsp_error_set(error, FSP_IO, "%s %.180s: %s", doing, path, strerror(errno));
}

static fsp_status_t
say_file(const fsp_journalfile_t *self, const char *doing, fsp_error_t *error)
{
    int why = errno;
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(self->directory, self->number, path);
    errno = why;
    return say_errno(doing, path, error);
}

void
fsp_journalfile_init(fsp_journalfile_t *self, const char *directory)
{
    FSP_PRE(strlen(directory) + 1 + FSP_SEGMENT_NAME_BYTES <= FSP_SEGFILE_PATH_BYTES);
    *self = (fsp_journalfile_t){.directory = directory, .fd = -1};
}

static fsp_status_t
open_file(fsp_journalfile_t *self, uint64_t number, int flags, const char *doing,
          fsp_error_t *error)
{
    FSP_PRE(self->number == 0);
    FSP_PRE(number > 0);
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(self->directory, number, path);
    self->fd = fsp_directio_open(path, flags | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, &self->direct);
    if (self->fd < 0)
        return say_errno(doing, path, error);
    self->number = number;
    self->bytes = self->size = 0;
    return FSP_OK;
}

fsp_status_t
fsp_journalfile_make(fsp_journalfile_t *self, uint64_t number, uint64_t ahead, fsp_error_t *error)
{
    fsp_status_t status = open_file(self, number, O_CREAT | O_EXCL, "make", error);
    /* Best effort: without room ahead the file grows with its records. */
    if (status == FSP_OK && ahead > 0 && fallocate(self->fd, 0, 0, (off_t)ahead) == 0)
        self->size = ahead;
    return status;
}

fsp_status_t
fsp_journalfile_take(fsp_journalfile_t *self, uint64_t from, uint64_t size, uint64_t number,
                     fsp_error_t *error)
{
    FSP_PRE(from > 0 && from < number);
    char path[FSP_SEGFILE_PATH_BYTES], to[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(self->directory, from, path);
    fsp_segfile_path(self->directory, number, to);
    if (rename(path, to) != 0)
        return say_errno("rename", path, error);
    fsp_status_t status = open_file(self, number, 0, "open", error);
    if (status == FSP_OK)
        self->size = size;
    return status;
}

fsp_status_t
fsp_journalfile_append(fsp_journalfile_t *self, const uint8_t *record, uint64_t count, bool sync,
                       fsp_error_t *error)
{
    FSP_PRE(self->number > 0);
    FSP_PRE(count > 0 && count % FSP_JOURNAL_PAGE_BYTES == 0);
    FSP_PRE((uintptr_t)record % FSP_JOURNAL_PAGE_BYTES == 0);
    if (!fsp_directio_write(self->fd, &self->direct, record, count, self->bytes))
        return say_file(self, "write", error);
    if (sync && fdatasync(self->fd) != 0)
        return say_file(self, "sync", error);
    self->bytes += count;
    if (self->size < self->bytes)
        self->size = self->bytes;
    return FSP_OK;
}

void
fsp_journalfile_close(fsp_journalfile_t *self)
{
    if (self->fd >= 0)
        (void)close(self->fd); /* synced as far as anybody was told */
    self->fd = -1;
    self->number = 0;
}

fsp_status_t
fsp_journalfile_sync(const char *directory, uint64_t number, fsp_error_t *error)
{
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(directory, number, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    fsp_status_t status = FSP_OK;
    if (fd < 0 || fdatasync(fd) != 0)
        status = say_errno("sync", path, error);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

fsp_status_t
fsp_journalfile_sync_names(const char *directory, fsp_error_t *error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) == 0) {
        (void)close(fd);
        return FSP_OK;
    }
    fsp_status_t status = say_errno("sync the names in", directory, error);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

fsp_status_t
fsp_journalfile_make_directory(const char *directory, bool sync, fsp_error_t *error)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return say_errno("make directory", directory, error);
    if (!sync)
        return FSP_OK;
    /* Also if it was there: a process that was killed may have made it just before it could sync.
     */
    char parent[FSP_SEGFILE_PATH_BYTES];
    (void)snprintf(parent, sizeof(parent), "%s", directory);
    char *slash = strrchr(parent, '/');
    if (slash && slash != parent)
        *slash = '\0';
    return fsp_journalfile_sync_names(slash ? (slash == parent ? "/" : parent) : ".", error);
}
