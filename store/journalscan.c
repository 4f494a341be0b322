/* SPDX-License-Identifier: MIT */
/* journalscan - reads the records of one file of the journal, in order.  Layer store. */
#include "store/journalscan.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/segfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CAPACITY_MIN = 64 * 1024 };
/* No journal comes that far; so that the number behind one of them is one. */
#define NUMBER_MAX ((uint64_t)1 << 62)

static fsp_status_t
say_errno(const char *doing, const char *path, fsp_error_t *error)
{
    return fsp_error_set(error, FSP_IO, "%s %.180s: %s", doing, path, strerror(errno));
}

fsp_status_t
fsp_journal_say_damaged(const char *directory, uint64_t number, const char *words,
                        fsp_error_t *error)
{
    return fsp_error_set(error, FSP_DAMAGED,
                         "journal %.100s/%016llx %s: restore from a replica or backup", directory,
                         (unsigned long long)number, words);
}

static void
close_file(fsp_journalscan_t *self)
{
    if (self->number != 0)
        (void)close(self->fd); /* only read */
    self->number = 0;
}

fsp_status_t
fsp_journalscan_open(fsp_journalscan_t *self, const char *directory, uint64_t number,
                     fsp_error_t *error)
{
    close_file(self);
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(directory, number, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return FSP_NOT_FOUND;
    struct stat found;
    if (fd < 0 || fstat(fd, &found) != 0) {
        fsp_status_t status = say_errno("open", path, error);
        if (fd >= 0)
            (void)close(fd);
        return status;
    }
    self->directory = directory;
    self->number = number;
    self->fd = fd;
    self->size = (uint64_t)found.st_size;
    self->at = self->next = 0;
    return FSP_OK;
}

fsp_status_t
fsp_journalscan_read(int fd, uint64_t at, uint8_t *ret, size_t count)
{
    size_t done = 0;
    while (done < count) {
        ssize_t got = pread(fd, ret + done, count - done, (off_t)(at + done));
        if (got == 0)
            return FSP_DAMAGED;
        if (got < 0 && errno != EINTR)
            return FSP_IO;
        if (got > 0)
            done += (size_t)got;
    }
    return FSP_OK;
}

/* A file that has become shorter since it was opened ends here, too. */
static fsp_status_t
read_octets(const fsp_journalscan_t *self, uint64_t at, uint8_t *ret, size_t count,
            fsp_error_t *error)
{
    fsp_status_t status = fsp_journalscan_read(self->fd, at, ret, count);
    if (status != FSP_IO)
        return status == FSP_DAMAGED ? FSP_NOT_FOUND : status;
    char path[FSP_SEGFILE_PATH_BYTES];
    int why = errno;
    fsp_segfile_path(self->directory, self->number, path);
    errno = why;
    return say_errno("read", path, error);
}

/* The head of a record that fits what is left of the file. */
static fsp_status_t
read_head(const fsp_journalscan_t *self, fsp_journalhead_t *ret, fsp_error_t *error)
{
    uint8_t octets[FSP_JOURNAL_HEAD_BYTES];
    if (self->size < self->at || self->size - self->at < sizeof(octets))
        return FSP_NOT_FOUND;
    fsp_status_t status = read_octets(self, self->at, octets, sizeof(octets), error);
    if (status == FSP_OK)
        status = fsp_journalhead_decode(octets, ret);
    if (status == FSP_OK &&
        (ret->file != self->number || ret->payload_bytes > self->size - self->at - sizeof(octets)))
        status = FSP_NOT_FOUND;
    return status;
}

fsp_status_t
fsp_journalscan_next(fsp_journalscan_t *self, fsp_error_t *error)
{
    FSP_PRE(self->number > 0);
    self->at = self->next;
    fsp_journalhead_t head;
    fsp_status_t status = read_head(self, &head, error);
    if (status != FSP_OK)
        return status;
    if (head.payload_bytes > self->capacity || !self->payload) {
        fsp_free(self->payload);
        self->capacity = head.payload_bytes < CAPACITY_MIN ? CAPACITY_MIN : head.payload_bytes;
        self->payload = fsp_alloc_raw((size_t)self->capacity);
    }
    status = read_octets(self, self->at + FSP_JOURNAL_HEAD_BYTES, self->payload, head.payload_bytes,
                         error);
    if (status == FSP_OK &&
        fsp_journal_hash(fsp_slice(self->payload, head.payload_bytes)) != head.hash)
        status = FSP_NOT_FOUND;
    if (status != FSP_OK)
        return status;
    self->head = head;
    self->next = self->at + fsp_journalrecord_bytes(head.payload_bytes);
    return FSP_OK;
}

fsp_slice_t
fsp_journalscan_payload(const fsp_journalscan_t *self)
{
    return fsp_slice(self->payload, self->head.payload_bytes);
}

void
fsp_journalscan_clear(fsp_journalscan_t *self)
{
    close_file(self);
    fsp_free(self->payload);
    *self = (fsp_journalscan_t){.number = 0};
}

static int
compare(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

fsp_status_t
fsp_journalscan_list(const char *directory, uint64_t **ret_numbers, size_t *ret_count,
                     fsp_error_t *error)
{
    uint64_t *numbers = NULL;
    size_t count = 0, capacity = 0;
    DIR *names = opendir(directory);
    if (!names && errno != ENOENT)
        return say_errno("open", directory, error);
    const struct dirent *entry = NULL;
    errno = 0;
    while (names && (entry = readdir(names)) != NULL) {
        uint64_t number = 0;
        if (fsp_segment_parse_name(entry->d_name, &number) == FSP_OK && number <= NUMBER_MAX) {
            if (count == capacity) {
                capacity = capacity ? 2 * capacity : 16;
                numbers = fsp_realloc(numbers, capacity * sizeof(*numbers));
            }
            numbers[count++] = number;
        }
        errno = 0;
    }
    fsp_status_t status = names && errno != 0 ? say_errno("read", directory, error) : FSP_OK;
    if (names)
        (void)closedir(names);
    if (status != FSP_OK) {
        fsp_free(numbers);
        return status;
    }
    if (count > 0)
        qsort(numbers, count, sizeof(*numbers), compare);
    *ret_numbers = numbers;
    *ret_count = count;
    return FSP_OK;
}
