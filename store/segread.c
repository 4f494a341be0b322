/* SPDX-License-Identifier: MIT */
/* segread - reads of segments: open files, and who may still be on the way to them.  Layer store.
 */
#include "store/segread.h"

#include "core/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FILES_MIN = 4, POLL_US = 200 };

void
fsp_segread_init(fsp_segread_t *self, const char *directory)
{
    memset(self, 0, sizeof(*self));
    FSP_PRE(strlen(directory) < sizeof(self->directory));
    memcpy(self->directory, directory, strlen(directory) + 1);
    atomic_init(&self->turn, 0);
    atomic_init(&self->inside[0], 0);
    atomic_init(&self->inside[1], 0);
    FSP_ASSERT(pthread_mutex_init(&self->lock, NULL) == 0);
    struct rlimit limit; /* an eighth; the database has a half */
    self->files_max = FSP_SEGREAD_FILES_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 8 < FSP_SEGREAD_FILES_MAX)
        self->files_max = limit.rlim_cur / 8 < FILES_MIN ? FILES_MIN : (unsigned)limit.rlim_cur / 8;
}

void
fsp_segread_clear(fsp_segread_t *self)
{
    FSP_PRE(atomic_load(&self->inside[0]) == 0 && atomic_load(&self->inside[1]) == 0);
    for (size_t i = 0; i < FSP_SEGREAD_FILES_MAX; i++)
        if (self->files[i].segment != 0)
            (void)close(self->files[i].fd);
    (void)pthread_mutex_destroy(&self->lock);
}

/* Who is inside. */

/* All in one order (seq_cst): either the turn has not changed since the count was raised, then the
   next wait sees the count; or it has, then the reader tries again, and its look at the row comes
   after the change. */
unsigned
fsp_segread_enter(fsp_segread_t *self)
{
    for (;;) {
        unsigned turn = atomic_load(&self->turn);
        (void)atomic_fetch_add(&self->inside[turn % 2], 1);
        if (atomic_load(&self->turn) == turn)
            return turn;
        (void)atomic_fetch_sub(&self->inside[turn % 2], 1);
    }
}

void
fsp_segread_leave(fsp_segread_t *self, unsigned entered)
{
    unsigned was = atomic_fetch_sub(&self->inside[entered % 2], 1);
    FSP_ASSERT(was > 0);
}

void
fsp_segread_wait(fsp_segread_t *self)
{
    unsigned before = atomic_fetch_add(&self->turn, 1);
    static const struct timespec poll = {.tv_nsec = POLL_US * 1000};
    while (atomic_load(&self->inside[before % 2]) > 0)
        (void)nanosleep(&poll, NULL); /* shorter is fine */
}

/* Open files. */

static void
end_file(fsp_segread_file_t *file)
{
    (void)close(file->fd); /* only read */
    file->segment = 0;
}

/* The open file, counted as used; NULL if it is not among them. */
static fsp_segread_file_t *
find_file(fsp_segread_t *self, uint64_t segment)
{
    for (size_t i = 0; i < self->files_max; i++) {
        fsp_segread_file_t *file = &self->files[i];
        if (file->segment != segment || file->forgotten)
            continue;
        file->users++;
        file->used = ++self->uses;
        return file;
    }
    return NULL;
}

/* A free place, or that of the file that nobody has used for the longest time; NULL: all are in
   use. */
static fsp_segread_file_t *
free_file(fsp_segread_t *self)
{
    fsp_segread_file_t *oldest = NULL;
    for (size_t i = 0; i < self->files_max; i++) {
        fsp_segread_file_t *file = &self->files[i];
        if (file->segment == 0)
            return file;
        if (file->users == 0 && (!oldest || file->used < oldest->used))
            oldest = file;
    }
    if (oldest)
        end_file(oldest);
    return oldest;
}

/* The file for a read: one that stays open, or *ret_fd alone, which the caller closes. */
static fsp_status_t
take_file(fsp_segread_t *self, uint64_t segment, fsp_segread_file_t **ret, int *ret_fd)
{
    (void)pthread_mutex_lock(&self->lock);
    *ret = find_file(self, segment);
    *ret_fd = *ret ? (*ret)->fd : -1;
    (void)pthread_mutex_unlock(&self->lock);
    if (*ret)
        return FSP_OK;
    char path[FSP_SEGFILE_PATH_BYTES];
    fsp_segfile_path(self->directory, segment, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? FSP_DAMAGED : FSP_IO;
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* objects lie there in no order */
    (void)pthread_mutex_lock(&self->lock);
    fsp_segread_file_t *file = find_file(self, segment); /* somebody was faster */
    if (file) {
        (void)close(fd);
    } else if ((file = free_file(self))) {
        *file = (fsp_segread_file_t){.segment = segment, .fd = fd, .users = 1};
        file->used = ++self->uses;
    }
    *ret = file;
    *ret_fd = file ? file->fd : fd;
    (void)pthread_mutex_unlock(&self->lock);
    return FSP_OK;
}

static void
give_file(fsp_segread_t *self, fsp_segread_file_t *file, int fd)
{
    if (!file) {
        (void)close(fd);
        return;
    }
    (void)pthread_mutex_lock(&self->lock);
    FSP_ASSERT(file->users > 0);
    file->users--;
    if (file->forgotten && file->users == 0)
        end_file(file);
    (void)pthread_mutex_unlock(&self->lock);
}

void
fsp_segread_forget(fsp_segread_t *self, uint64_t segment)
{
    (void)pthread_mutex_lock(&self->lock);
    for (size_t i = 0; i < self->files_max; i++) {
        fsp_segread_file_t *file = &self->files[i];
        if (file->segment != segment)
            continue;
        file->forgotten = true;
        if (file->users == 0)
            end_file(file);
    }
    (void)pthread_mutex_unlock(&self->lock);
}

/* Reading. */

/* Exactly these octets of a segment. */
static fsp_status_t
read_octets(fsp_segread_t *self, uint64_t segment, uint64_t at, uint8_t *ret, size_t count)
{
    fsp_segread_file_t *file = NULL;
    int fd = -1;
    fsp_status_t status = take_file(self, segment, &file, &fd);
    if (status != FSP_OK)
        return status;
    size_t done = 0;
    while (done < count && status == FSP_OK) {
        ssize_t got = pread(fd, ret + done, count - done, (off_t)(at + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            status = FSP_DAMAGED; /* shorter than a row says */
        else if (errno != EINTR)
            status = FSP_IO;
    }
    give_file(self, file, fd);
    return status;
}

fsp_status_t
fsp_segread_read(fsp_segread_t *self, const fsp_place_t *place, size_t key_bytes, uint64_t from,
                 uint64_t to, fsp_blob_t **ret_blob)
{
    if (to == 0)
        to = place->bytes;
    if (from > to || to > place->bytes)
        return FSP_BAD_RANGE;
    fsp_blob_t *blob = fsp_blob_new((size_t)(to - from));
    fsp_status_t status = FSP_OK;
    if (from < to)
        status = read_octets(self, place->segment, fsp_segrecord_data(place, key_bytes) + from,
                             fsp_blob_writable(blob), (size_t)(to - from));
    if (status == FSP_OK)
        *ret_blob = blob;
    else
        fsp_blob_destroy(&blob);
    return status;
}
