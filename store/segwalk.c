/* SPDX-License-Identifier: MIT */
/* segwalk - what lives in a segment, found in its file.  Layer store. */
#include "store/segwalk.h"

#include "core/base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static fsp_status_t
read_octets(int fd, uint64_t at, uint8_t *ret, size_t count)
{
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(fd, ret + done, count - done, (off_t)(at + done));
        if (got == 0)
            return FSP_DAMAGED; /* shorter than its row says */
        if (got < 0 && errno != EINTR)
            return FSP_IO;
        if (got > 0)
            done += (size_t)got;
    }
    return FSP_OK;
}

fsp_status_t
fsp_segwalk_bytes(int fd, const fsp_segrecord_t *record, uint8_t *ret)
{
    size_t bytes = (size_t)record->place.bytes;
    fsp_status_t status =
        read_octets(fd, fsp_segrecord_data(&record->place, record->key.bytes), ret, bytes);
    if (status == FSP_OK && fsp_segrecord_hash(fsp_slice(ret, bytes)) != record->place.hash)
        status = FSP_DAMAGED;
    return status;
}

/* *ret: the row of this key says that it is here. */
static fsp_status_t
lives(fsp_db_t *db, const fsp_segrecord_t *record, bool *ret)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_status_t status = fsp_db_get(db, NULL, FSP_FAMILY_BYTES, record->key, &row);
    fsp_place_t place;
    *ret = status == FSP_OK && fsp_place_decode(fsp_buf_slice(&row), &place) == FSP_OK &&
           fsp_place_eq(&place, &record->place);
    fsp_buf_clear(&row);
    return status == FSP_NOT_FOUND ? FSP_OK : status;
}

/* The next place from `at` on that is in no hole; as far as the file system says. */
static uint64_t
next_data(int fd, uint64_t at, uint64_t used)
{
    off_t found = lseek(fd, (off_t)at, SEEK_DATA);
    if (found < 0)
        return errno == ENXIO ? used : at;
    uint64_t page = (uint64_t)found - (uint64_t)found % FSP_SEGMENT_PAGE_BYTES;
    return page > at ? page : at;
}

typedef struct {
    int fd;
    uint64_t segment, used;
    /* The rest of a page and the longest head that begins there: */
    uint8_t octets[FSP_SEGMENT_PAGE_BYTES + FSP_SEGMENT_HEAD_BYTES_MAX];
} walk_t;

/* Does a record of this segment begin at `at`, of which `bytes` octets are there? */
static bool
begins(const walk_t *self, uint64_t at, const uint8_t *octets, size_t bytes, fsp_segrecord_t *ret)
{
    return fsp_segrecord_decode(fsp_slice(octets, bytes), ret) == FSP_OK &&
           ret->place.segment == self->segment && ret->place.offset == at;
}

/* The first record from `at` on; its key is good until the next call.  Mostly it lies right there,
   behind the one before.  Else what lies there is passed over, unit by unit: the zeros at the end
   of a group, or the rest of a record that was punched in part or whose head is damaged.  Who
   relies on what was found compares it with what should live.  NOT_FOUND, DAMAGED, IO. */
static fsp_status_t
find_record(walk_t *self, uint64_t at, fsp_segrecord_t *ret)
{
    size_t wanted = FSP_SEGMENT_HEAD_BYTES_MAX;
    for (at = next_data(self->fd, at, self->used); at < self->used;) {
        uint64_t left = self->used - at; /* nothing behind the log is read, which may be growing */
        size_t bytes = left < wanted ? (size_t)left : wanted;
        fsp_status_t status = read_octets(self->fd, at, self->octets, bytes);
        if (status != FSP_OK)
            return status;
        if (wanted == FSP_SEGMENT_HEAD_BYTES_MAX) {
            if (begins(self, at, self->octets, bytes, ret))
                return FSP_OK;
            wanted = sizeof(self->octets);
            continue; /* there again, and further */
        }
        uint64_t end = at - at % FSP_SEGMENT_PAGE_BYTES + FSP_SEGMENT_PAGE_BYTES;
        for (size_t i = 0; at + i < end && i < bytes; i += FSP_SEGMENT_UNIT_BYTES)
            if (begins(self, at + i, self->octets + i, bytes - i, ret))
                return FSP_OK;
        at = next_data(self->fd, end, self->used);
    }
    return FSP_NOT_FOUND;
}

static fsp_status_t
walk(walk_t *self, fsp_db_t *db, fsp_segwalk_fn *fn, void *context)
{
    fsp_segrecord_t record;
    fsp_status_t status = find_record(self, 0, &record);
    while (status == FSP_OK) {
        bool alive = false;
        status = lives(db, &record, &alive);
        if (status != FSP_OK)
            return status;
        if (alive && !fn(context, self->fd, &record))
            return FSP_CANCELLED;
        uint64_t end = record.place.offset + fsp_segrecord_bytes(&record.place, record.key.bytes);
        status = find_record(self, end, &record);
    }
    return status == FSP_NOT_FOUND ? FSP_OK : status;
}

fsp_status_t
fsp_segwalk(const char *directory, fsp_db_t *db, uint64_t segment, uint64_t used,
            fsp_segwalk_fn *fn, void *context)
{
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(directory, segment, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? FSP_DAMAGED : FSP_IO;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    walk_t self = {.fd = fd, .segment = segment, .used = used};
    fsp_status_t status = walk(&self, db, fn, context);
    (void)close(fd);
    return status;
}
