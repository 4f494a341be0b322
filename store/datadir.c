/* SPDX-License-Identifier: MIT */
/* datadir - files of a data directory beside the database, each written durably.  Layer store. */
#include "store/datadir.h"

#include "core/base/text.h"

#include "core/base/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_RETRY_US = 20 * 1000, DATADIR_PATH_BYTES = 4096, DATADIR_NAME_BYTES = 64 };

/* What the system said, as IO. */
static fsp_status_t
say_errno(fsp_error_t *error, const char *doing, const char *directory, const char *name)
{
    return fsp_error_set(error, FSP_IO, "%s %.120s/%.60s: %s", doing, directory, name,
                         strerror(errno));
}

static fsp_status_t
sync_directory(const char *path, fsp_error_t *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return say_errno(error, "open", path, "");
    fsp_status_t status = fsync(fd) == 0 ? FSP_OK : say_errno(error, "sync", path, "");
    (void)close(fd);
    return status;
}

/* Makes one directory and syncs the one it lies in. */
static fsp_status_t
make_one(char *path, fsp_error_t *error)
{
    if (mkdir(path, 0700) != 0) {
        if (errno != EEXIST)
            return fsp_error_set(error, FSP_IO, "make directory %.150s: %s", path, strerror(errno));
        struct stat found;
        if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
            return fsp_error_set(error, FSP_IO, "%.180s is there and is not a directory", path);
        return FSP_OK;
    }
    char *slash = strrchr(path, '/');
    if (!slash)
        return sync_directory(".", error);
    if (slash == path)
        return sync_directory("/", error);
    *slash = '\0';
    fsp_status_t status = sync_directory(path, error);
    *slash = '/';
    return status;
}

fsp_status_t
fsp_datadir_make(const char *directory, fsp_error_t *error)
{
    FSP_PRE(directory != NULL);
    char path[DATADIR_PATH_BYTES];
    size_t length = strlen(directory);
    if (length == 0 || length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is empty or too long");
    memcpy(path, directory, length + 1);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    for (size_t i = 1; i <= length; i++) {
        if ((path[i] != '/' && path[i] != '\0') || path[i - 1] == '/')
            continue;
        char end = path[i];
        path[i] = '\0';
        fsp_status_t status = make_one(path, error);
        path[i] = end;
        if (status != FSP_OK)
            return status;
    }
    return FSP_OK;
}

static uint64_t
now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void
sleep_us(uint64_t us)
{
    struct timespec wait = {.tv_sec = (time_t)(us / 1000000),
                            .tv_nsec = (long)(us % 1000000) * 1000};
    (void)nanosleep(&wait, NULL); /* shorter is fine */
}

/* LOCK_HELD, with the pid that its holder wrote into the file. */
static fsp_status_t
name_holder(int fd, const char *directory, fsp_error_t *error)
{
    char text[24] = "";
    ssize_t bytes = pread(fd, text, sizeof(text) - 1, 0);
    size_t digits = 0;
    while (bytes > 0 && digits < (size_t)bytes && text[digits] >= '0' && text[digits] <= '9')
        digits++;
    uint64_t pid = 0;
    if (fsp_parse_u64(fsp_slice(text, digits), INT32_MAX, &pid) != FSP_OK || pid == 0)
        return fsp_error_set(error, FSP_LOCK_HELD, "directory %.150s is in use by another process",
                             directory);
    return fsp_error_set(error, FSP_LOCK_HELD, "directory %.150s is in use by process %lu",
                         directory, (unsigned long)pid);
}

/* Opens DIR/lock and holds it.  NOT_FOUND, without words, if it is not there and not made. */
static fsp_status_t
take_lock(const char *directory, int flags, int how, uint64_t wait_us, int *ret_fd,
          fsp_error_t *error)
{
    char path[DATADIR_PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/lock", directory);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOENT && (flags & O_CREAT) == 0
                   ? FSP_NOT_FOUND
                   : say_errno(error, "open", directory, "lock");
    uint64_t start = now_us();
    while (flock(fd, how | LOCK_NB) != 0) {
        fsp_status_t status = FSP_OK;
        uint64_t passed = now_us() - start;
        if (errno != EWOULDBLOCK && errno != EINTR)
            status = say_errno(error, "lock", directory, "lock");
        else if (passed >= wait_us)
            status = name_holder(fd, directory, error);
        if (status != FSP_OK) {
            (void)close(fd);
            return status;
        }
        sleep_us(wait_us - passed < LOCK_RETRY_US ? wait_us - passed : LOCK_RETRY_US);
    }
    *ret_fd = fd;
    return FSP_OK;
}

fsp_status_t
fsp_datadir_lock(const char *directory, uint64_t wait_us, int *ret_fd, fsp_error_t *error)
{
    FSP_PRE(directory != NULL);
    FSP_PRE(ret_fd != NULL);
    int fd = -1;
    fsp_status_t status = take_lock(directory, O_RDWR | O_CREAT, LOCK_EX, wait_us, &fd, error);
    if (status != FSP_OK)
        return status;
    char pid[24];
    int length = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)length, 0) != length) {
        status = say_errno(error, "write", directory, "lock");
        (void)close(fd);
        return status;
    }
    *ret_fd = fd;
    return FSP_OK;
}

fsp_status_t
fsp_datadir_lock_shared(const char *directory, uint64_t wait_us, int *ret_fd, fsp_error_t *error)
{
    FSP_PRE(directory != NULL);
    FSP_PRE(ret_fd != NULL);
    *ret_fd = -1;
    fsp_status_t status = take_lock(directory, O_RDONLY, LOCK_SH, wait_us, ret_fd, error);
    return status == FSP_NOT_FOUND ? FSP_OK : status;
}

static bool
write_all(int fd, fsp_slice_t bytes)
{
    size_t done = 0;
    while (done < bytes.bytes) {
        ssize_t wrote = write(fd, bytes.data + done, bytes.bytes - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        done += (size_t)wrote;
    }
    return true;
}

/* The mode is set before the first byte is there, whatever the umask; O_EXCL after unlink, so that
   nobody holds the file open from before. */
static fsp_status_t
write_temporary(int at, const char *directory, const char *name, unsigned mode, fsp_slice_t bytes,
                fsp_error_t *error)
{
    (void)unlinkat(at, name, 0);
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0600);
    if (fd < 0)
        return say_errno(error, "make", directory, name);
    fsp_status_t status = FSP_OK;
    if (fchmod(fd, mode) != 0 || !write_all(fd, bytes) || fsync(fd) != 0)
        status = say_errno(error, "write", directory, name);
    if (close(fd) != 0 && status == FSP_OK)
        status = say_errno(error, "close", directory, name);
    return status;
}

static bool
name_fits(const char *name)
{
    return name && name[0] && !strchr(name, '/') && strlen(name) < DATADIR_NAME_BYTES;
}

fsp_status_t
fsp_datadir_write(const char *directory, const char *name, unsigned mode, fsp_slice_t bytes,
                  fsp_error_t *error)
{
    FSP_PRE(directory != NULL);
    FSP_PRE(name_fits(name));
    FSP_PRE((mode & ~0777U) == 0);
    char temporary[DATADIR_NAME_BYTES + 8];
    (void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
    int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return say_errno(error, "open", directory, "");
    fsp_status_t status = write_temporary(at, directory, temporary, mode, bytes, error);
    if (status == FSP_OK && renameat(at, temporary, at, name) != 0)
        status = say_errno(error, "rename to", directory, name);
    if (status != FSP_OK)
        (void)unlinkat(at, temporary, 0);
    else if (fsync(at) != 0)
        status = say_errno(error, "sync", directory, "");
    (void)close(at);
    return status;
}

static fsp_status_t
read_open(int fd, const char *directory, const char *name, bool secret, fsp_buf_t *ret,
          fsp_error_t *error)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return say_errno(error, "look at", directory, name);
    if (!S_ISREG(found.st_mode))
        return fsp_error_set(error, FSP_IO, "%.150s/%.60s is not a file", directory, name);
    if (secret && (found.st_mode & 077) != 0)
        return fsp_error_set(error, FSP_FORBIDDEN,
                             "%.150s/%.60s can be read by others: chmod 600 it", directory, name);
    size_t bytes = (size_t)found.st_size;
    uint8_t *to = fsp_buf_extend(ret, bytes);
    if (bytes > 0 && !to)
        return fsp_error_set(error, FSP_TOO_LARGE, "%.150s/%.60s is too large", directory, name);
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = read(fd, to + done, bytes - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return say_errno(error, "read", directory, name);
        if (got == 0)
            return fsp_error_set(error, FSP_IO, "%.150s/%.60s shrank", directory, name);
        done += (size_t)got;
    }
    return FSP_OK;
}

fsp_status_t
fsp_datadir_read(const char *directory, const char *name, bool secret, fsp_buf_t *ret,
                 fsp_error_t *error)
{
    FSP_PRE(directory != NULL);
    FSP_PRE(name_fits(name));
    FSP_PRE(ret != NULL);
    char path[DATADIR_PATH_BYTES];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return fsp_error_set(error, FSP_INVALID, "directory name is too long");
    /* Not blocking: a pipe put in the file's place must not hang the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return fsp_error_set(error, FSP_NOT_FOUND, "%.150s/%.60s is not there", directory, name);
    if (fd < 0)
        return say_errno(error, "open", directory, name);
    fsp_status_t status = read_open(fd, directory, name, secret, ret, error);
    (void)close(fd);
    return status;
}

/* Files that a node makes before it has a database, or that may be left without one, and what mkfs
   leaves. */
static bool
is_own_file(const char *name)
{
    static const char *const own[] = {
        ".",          "..",          "lock",          "WATERMARK",     "node.keys",
        "lost+found", "client-keys", "admin.profile", "recovery-code", "admin.profile.init",
        "segments",   "journal"};
    size_t bytes = strlen(name);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(name, own[i]) == 0)
            return true;
        /* The temporary file of a write that was cut short: ".NAME.new". */
        size_t own_bytes = strlen(own[i]);
        if (bytes == own_bytes + 5 && name[0] == '.' && strncmp(name + 1, own[i], own_bytes) == 0 &&
            strcmp(name + 1 + own_bytes, ".new") == 0)
            return true;
    }
    return false;
}

fsp_status_t
fsp_datadir_check_own(const char *directory, fsp_error_t *error)
{
    DIR *entries = opendir(directory);
    if (!entries)
        return fsp_error_set(error, FSP_IO, "%.150s: cannot be read: %s", directory,
                             strerrordesc_np(errno));
    const struct dirent *entry;
    char foreign[64] = "";
    bool has_database = false;
    while ((entry = readdir(entries))) {
        if (strcmp(entry->d_name, "db") == 0)
            has_database = true;
        else if (foreign[0] == '\0' && !is_own_file(entry->d_name))
            (void)snprintf(foreign, sizeof(foreign), "%.63s", entry->d_name);
    }
    (void)closedir(entries);
    if (has_database || foreign[0] == '\0')
        return FSP_OK;
    return fsp_error_set(
        error, FSP_EXISTS,
        "%.100s holds files of something else (%s): give an empty or missing directory", directory,
        foreign);
}
