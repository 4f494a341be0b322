/* SPDX-License-Identifier: MIT */
/* cli_files - local files: complete or not at all, never through a symbolic link.  Layer cmd. */
#include "cmd/cli_files.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <sys/random.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NAMES_BYTES_MAX = 1024 * 1024 * 1024,
    TRIES = 16,
};

/* ".fsp-" and 16 random digits: nobody else's, and never too long whatever the target is called. */
static int
temp_name(char ret[32])
{
    uint8_t random[8];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return -1;
    memcpy(ret, ".fsp-", 5);
    fsp_hex_encode(random, sizeof random, ret + 5);
    return 0;
}

int
cli_temp_open(int directory_fd, cli_temp_t *ret)
{
    *ret = (cli_temp_t){.directory_fd = directory_fd, .fd = -1};
    for (int i = 0; i < TRIES; i++) {
        if (temp_name(ret->name) != 0)
            return -1;
        ret->fd = openat(directory_fd, ret->name,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (ret->fd >= 0 || errno != EEXIST)
            break;
    }
    return ret->fd >= 0 ? 0 : -1;
}

int
cli_apply_attr(int fd, const filesphere_attr_t *attr)
{
    if (!attr->set)
        return 0;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = (time_t)attr->mtime_s, .tv_nsec = (long)attr->mtime_ns}};
    return fchmod(fd, attr->mode & 0777) == 0 && futimens(fd, times) == 0 ? 0 : -1;
}

int
cli_temp_commit(cli_temp_t *self, const char *name, const filesphere_attr_t *attr,
                mode_t default_mode)
{
    int rc = attr->set ? cli_apply_attr(self->fd, attr) : fchmod(self->fd, default_mode);
    int error = errno;
    if (close(self->fd) != 0 &&
        rc == 0) { /* a full disk or a network file system may say so only here */
        rc = -1;
        error = errno;
    }
    self->fd = -1;
    if (rc == 0) {
        rc = renameat(self->directory_fd, self->name, self->directory_fd, name);
        error = errno;
    }
    if (rc != 0)
        (void)unlinkat(self->directory_fd, self->name, 0); /* the first error is the one to tell */
    self->name[0] = '\0';
    errno = error;
    return rc;
}

void
cli_temp_drop(cli_temp_t *self)
{
    if (self->fd >= 0)
        (void)close(self->fd); /* its content is thrown away */
    if (self->name[0])
        (void)unlinkat(self->directory_fd, self->name, 0);
    *self = (cli_temp_t){.fd = -1};
}

int
cli_symlink(int directory_fd, const char *target, const char *name, const filesphere_attr_t *attr)
{
    char temp[32];
    if (temp_name(temp) != 0 || symlinkat(target, directory_fd, temp) != 0)
        return -1;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                {.tv_sec = (time_t)attr->mtime_s, .tv_nsec = (long)attr->mtime_ns}};
    if (attr->set) /* few look at it, and not every file system has it */
        (void)utimensat(directory_fd, temp, times, AT_SYMLINK_NOFOLLOW);
    if (renameat(directory_fd, temp, directory_fd, name) == 0)
        return 0;
    int error = errno;
    (void)unlinkat(directory_fd, temp, 0);
    errno = error;
    return -1;
}

int
cli_directory(int directory_fd, const char *name, mode_t default_mode, mode_t *ret_mode,
              bool *ret_made)
{
    *ret_made = mkdirat(directory_fd, name, 0700) == 0;
    if (!*ret_made && errno != EEXIST)
        return -1;
    int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0)
        return fd;
    *ret_mode = *ret_made ? default_mode : about.st_mode & 07777;
    if ((about.st_mode & 0700) != 0700)
        (void)fchmod(fd, (about.st_mode & 07777) | 0700); /* not ours: writing will tell */
    return fd;
}

/* Everything in the directory, which fd takes. */
static int
remove_content(int fd)
{
    struct stat about;
    if (fstat(fd, &about) == 0 && (about.st_mode & 0700) != 0700)
        (void)fchmod(fd, (about.st_mode & 07777) | 0700);
    cli_names_t names;
    int names_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = names_fd >= 0 ? cli_names_read(names_fd, &names) : -1;
    if (rc == 0) {
        const char *name = (const char *)names.text.data;
        for (size_t i = 0; i < names.count && rc == 0; i++, name += strlen(name) + 1)
            rc = cli_remove(fd, name);
    }
    int error = errno;
    if (names_fd >= 0)
        cli_names_clear(&names);
    (void)close(fd); /* nothing was written through it */
    errno = error;
    return rc;
}

int
cli_remove(int directory_fd, const char *name)
{
    struct stat about;
    if (fstatat(directory_fd, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1; /* gone is gone */
    if (!S_ISDIR(about.st_mode))
        return unlinkat(directory_fd, name, 0);
    int fd = openat(directory_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || remove_content(fd) != 0)
        return -1;
    return unlinkat(directory_fd, name, AT_REMOVEDIR);
}

int
cli_write_all(int fd, const void *data, size_t bytes, bool (*interrupted)(void))
{
    const uint8_t *at = data;
    while (bytes > 0) {
        ssize_t wrote = write(fd, at, bytes);
        if (wrote < 0 && errno != EINTR)
            return -1;
        if (wrote < 0 && interrupted && interrupted()) {
            errno = EINTR;
            return -1;
        }
        if (wrote > 0) {
            at += wrote;
            bytes -= (size_t)wrote;
        }
    }
    return 0;
}

/* -- names ------------------------------------------------------------------------------------- */

void
cli_names_init(cli_names_t *self)
{
    fsp_buf_init(&self->text, NAMES_BYTES_MAX);
    self->count = 0;
}

void
cli_names_clear(cli_names_t *self)
{
    fsp_buf_clear(&self->text);
    self->count = 0;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Puts the packed names into order, in new memory. */
static void
sort_names(cli_names_t *self)
{
    const char **names = fsp_alloc_array(self->count, sizeof *names);
    const char *at = (const char *)self->text.data;
    for (size_t i = 0; i < self->count; i++) {
        names[i] = at;
        at += strlen(at) + 1;
    }
    qsort(names, self->count, sizeof *names, compare_names);
    cli_names_t sorted;
    cli_names_init(&sorted);
    for (size_t i = 0; i < self->count; i++)
        fsp_buf_append(&sorted.text, names[i], strlen(names[i]) + 1);
    sorted.count = self->count;
    fsp_free(names);
    cli_names_clear(self);
    *self = sorted;
}

int
cli_names_read(int directory_fd, cli_names_t *ret)
{
    cli_names_init(ret);
    DIR *directory = fdopendir(directory_fd);
    if (!directory) {
        int error = errno;
        (void)close(directory_fd); /* was only read */
        errno = error;
        return -1;
    }
    int error;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        error = errno;
        if (!entry)
            break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        fsp_buf_append(&ret->text, entry->d_name, strlen(entry->d_name) + 1);
        ret->count++;
        if (!fsp_buf_ok(&ret->text)) {
            error = EOVERFLOW;
            break;
        }
    }
    (void)closedir(directory); /* was only read */
    if (error == 0 && ret->count > 1)
        sort_names(ret);
    errno = error;
    return error == 0 ? 0 : -1;
}
