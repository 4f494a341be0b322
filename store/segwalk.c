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

/* Where the next page is that is no hole; as far as the file system says. */
static uint64_t
next_data(int fd, uint64_t at, uint64_t used)
{
    off_t found = lseek(fd, (off_t)at, SEEK_DATA);
    if (found < 0)
        return errno == ENXIO ? used : at;
    return (uint64_t)found / FSP_SEGMENT_PAGE_BYTES * FSP_SEGMENT_PAGE_BYTES;
}

/* A page that begins no record is passed over: the rest of one that was punched in part, or whose
   head is damaged.  Who relies on what was found compares it with what should live. */
static fsp_status_t
walk(int fd, fsp_db_t *db, uint64_t segment, uint64_t used, fsp_segwalk_fn *fn, void *context)
{
    uint8_t page[FSP_SEGMENT_PAGE_BYTES];
    for (uint64_t at = next_data(fd, 0, used); at < used;) {
        fsp_status_t status = read_octets(fd, at, page, sizeof(page));
        if (status != FSP_OK)
            return status;
        fsp_segrecord_t record;
        if (fsp_segrecord_decode(fsp_slice(page, sizeof(page)), &record) != FSP_OK ||
            record.place.segment != segment || record.place.offset != at) {
            at = next_data(fd, at + sizeof(page), used);
            continue;
        }
        bool alive = false;
        status = lives(db, &record, &alive);
        if (status != FSP_OK)
            return status;
        if (alive && !fn(context, fd, &record))
            return FSP_CANCELLED;
        at = next_data(fd, at + fsp_segrecord_bytes(record.key.bytes, record.place.bytes), used);
    }
    return FSP_OK;
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
    fsp_status_t status = walk(fd, db, segment, used, fn, context);
    (void)close(fd);
    return status;
}
