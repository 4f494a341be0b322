/* SPDX-License-Identifier: MIT */
/* segfile - one segment that records are appended to.  Layer store. */
#include "store/segfile.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/directio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static fsp_status_t
say_errno(const fsp_segfile_t *self, const char *doing, fsp_error_t *error)
{
    return fsp_error_set(error, FSP_IO, "%s %.150s/%016llx: %s", doing, self->directory,
                         (unsigned long long)self->segment, strerror(errno));
}

void
fsp_segfile_path(const char *directory, uint64_t segment, char ret[FSP_SEGFILE_PATH_BYTES])
{
    char name[FSP_SEGMENT_NAME_BYTES];
    fsp_segment_name(segment, name);
    (void)snprintf(ret, FSP_SEGFILE_PATH_BYTES, "%s/%s", directory, name);
}

void
fsp_segfile_init(fsp_segfile_t *self, const char *directory)
{
    FSP_PRE(strlen(directory) + 1 + FSP_SEGMENT_NAME_BYTES <= FSP_SEGFILE_PATH_BYTES);
    memset(self, 0, sizeof(*self));
    self->fd = -1;
    (void)snprintf(self->directory, sizeof(self->directory), "%s", directory);
}

static int
open_file(fsp_segfile_t *self, int flags)
{
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(self->directory, self->segment, path);
    return fsp_directio_open(path, flags | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, &self->direct);
}

fsp_status_t
fsp_segfile_make(fsp_segfile_t *self, uint64_t segment, uint64_t limit, fsp_error_t *error)
{
    FSP_PRE(self->segment == 0);
    FSP_PRE(segment > 0);
    self->segment = segment;
    self->limit = limit;
    self->bytes = self->out = self->size = 0;
    self->unsynced = false;
    self->unnamed = true;
    self->fd = open_file(self, O_CREAT | O_EXCL);
    if (self->fd >= 0)
        return FSP_OK;
    fsp_status_t status = say_errno(self, "make", error);
    self->segment = 0;
    return status;
}

fsp_status_t
fsp_segfile_open(fsp_segfile_t *self, uint64_t segment, uint64_t used, uint64_t limit,
                 fsp_error_t *error)
{
    FSP_PRE(self->segment == 0);
    FSP_PRE(segment > 0);
    FSP_PRE(used % FSP_SEGMENT_PAGE_BYTES == 0);
    self->segment = segment;
    self->limit = limit;
    self->bytes = self->out = self->size = used;
    self->unsynced = self->unnamed = false;
    self->fd = open_file(self, 0);
    if (self->fd >= 0 && ftruncate(self->fd, (off_t)used) == 0)
        return FSP_OK;
    fsp_status_t status = say_errno(self, "open", error);
    fsp_segfile_clear(self);
    return status;
}

/* Best effort: without it the file grows with the log. */
static void
take_ahead(fsp_segfile_t *self, uint64_t end)
{
    if (self->tight || end <= self->size)
        return;
    uint64_t to = self->size + FSP_SEGFILE_AHEAD_BYTES;
    if (to > self->limit)
        to = self->limit;
    if (to < end)
        to = end;
    if (fallocate(self->fd, 0, (off_t)self->size, (off_t)(to - self->size)) == 0)
        self->size = to;
}

/* Writes count octets at the end of what is out. */
static fsp_status_t
write_out(fsp_segfile_t *self, const uint8_t *data, size_t count, fsp_error_t *error)
{
    take_ahead(self, self->out + count);
    self->unsynced = true;
    if (!fsp_directio_write(self->fd, &self->direct, data, count, self->out))
        return say_errno(self, "write", error);
    self->out += count;
    if (self->size < self->out)
        self->size = self->out;
    return FSP_OK;
}

static fsp_status_t
empty_buffer(fsp_segfile_t *self, fsp_error_t *error)
{
    if (self->fill == 0)
        return FSP_OK;
    fsp_status_t status = write_out(self, self->buffer, self->fill, error);
    self->fill = 0;
    return status;
}

/* data NULL: zeros. */
static fsp_status_t
push(fsp_segfile_t *self, const uint8_t *data, size_t count, fsp_error_t *error)
{
    fsp_status_t status = FSP_OK;
    while (count > 0 && status == FSP_OK) {
        size_t part = FSP_SEGFILE_BUFFER_BYTES - self->fill;
        if (part > count)
            part = count;
        if (data)
            memcpy(self->buffer + self->fill, data, part);
        else
            memset(self->buffer + self->fill, 0, part);
        self->fill += part;
        self->bytes += part;
        count -= part;
        if (data)
            data += part;
        if (self->fill == FSP_SEGFILE_BUFFER_BYTES)
            status = empty_buffer(self, error);
    }
    return status;
}

static void
need_buffer(fsp_segfile_t *self)
{
    if (self->buffer)
        return;
    self->memory = fsp_alloc_raw(FSP_SEGFILE_BUFFER_BYTES + FSP_SEGMENT_PAGE_BYTES);
    self->buffer =
        self->memory + (FSP_SEGMENT_PAGE_BYTES - (uintptr_t)self->memory % FSP_SEGMENT_PAGE_BYTES);
}

fsp_status_t
fsp_segfile_append(fsp_segfile_t *self, fsp_slice_t key, fsp_slice_t bytes, fsp_place_t *ret,
                   fsp_error_t *error)
{
    FSP_PRE(self->segment > 0);
    FSP_PRE(self->bytes % FSP_SEGMENT_UNIT_BYTES == 0);
    need_buffer(self);
    fsp_segrecord_t record = {.place = {.segment = self->segment,
                                        .offset = self->bytes,
                                        .bytes = bytes.bytes,
                                        .hash = fsp_segrecord_hash(bytes)},
                              .key = key};
    uint8_t head[FSP_SEGMENT_HEAD_BYTES_MAX];
    fsp_segrecord_encode(&record, head);
    uint64_t end = self->bytes + fsp_segrecord_bytes(&record.place, key.bytes);
    fsp_status_t status = push(self, head, FSP_SEGMENT_HEADER_BYTES + key.bytes, error);
    if (status == FSP_OK)
        status = push(self, bytes.data, bytes.bytes, error);
    if (status == FSP_OK)
        status = push(self, NULL, (size_t)(end - self->bytes), error);
    if (status == FSP_OK)
        *ret = record.place;
    return status;
}

static fsp_status_t
sync_name(const fsp_segfile_t *self, fsp_error_t *error)
{
    int fd = open(self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        fsp_status_t status = say_errno(self, "sync the name of", error);
        if (fd >= 0)
            (void)close(fd);
        return status;
    }
    (void)close(fd);
    return FSP_OK;
}

fsp_status_t
fsp_segfile_flush(fsp_segfile_t *self, bool sync, fsp_error_t *error)
{
    if (self->segment == 0)
        return FSP_OK;
    size_t rest = (size_t)(fsp_segment_page_up(self->fill) - self->fill);
    fsp_status_t status = push(self, NULL, rest, error);
    if (status == FSP_OK)
        status = empty_buffer(self, error);
    if (status != FSP_OK || !sync)
        return status;
    if (self->unsynced && (self->unnamed ? fsync(self->fd) : fdatasync(self->fd)) != 0)
        return say_errno(self, "sync", error);
    self->unsynced = false;
    if (self->unnamed)
        status = sync_name(self, error);
    self->unnamed = self->unnamed && status != FSP_OK;
    return status;
}

void
fsp_segfile_trim(fsp_segfile_t *self)
{
    if (fsp_segfile_ahead(self) > 0 && ftruncate(self->fd, (off_t)self->out) == 0)
        self->size = self->out;
}

void
fsp_segfile_rest(fsp_segfile_t *self)
{
    FSP_PRE(self->fill == 0);
    fsp_free(self->memory);
    self->memory = self->buffer = NULL;
}

uint64_t
fsp_segfile_ahead(const fsp_segfile_t *self)
{
    return self->segment ? self->size - self->out : 0;
}

fsp_status_t
fsp_segfile_finish(fsp_segfile_t *self, fsp_error_t *error)
{
    if (self->segment == 0)
        return FSP_OK;
    fsp_status_t status = fsp_segfile_flush(self, false, error);
    if (status != FSP_OK)
        return status;
    fsp_segfile_trim(self);
    status = fsp_segfile_flush(self, true, error);
    if (status != FSP_OK)
        return status;
    (void)close(self->fd); /* synced: nothing is left that could fail */
    self->fd = -1;
    self->segment = 0;
    return FSP_OK;
}

void
fsp_segfile_cut(fsp_segfile_t *self, uint64_t used)
{
    if (self->segment != 0 && self->size > used)
        (void)!ftruncate(self->fd, (off_t)used); /* else the next start cuts it */
    fsp_segfile_clear(self);
}

void
fsp_segfile_clear(fsp_segfile_t *self)
{
    if (self->fd >= 0)
        (void)close(self->fd);
    self->fd = -1;
    self->segment = 0;
    self->fill = 0;
    fsp_segfile_rest(self);
}
