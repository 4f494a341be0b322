/* SPDX-License-Identifier: MIT */
/* powercut - this process loses power at a chosen call: what was not synced is gone.  Layer tests.
 *
 * kill -9 leaves the page cache, so it cannot show that a sync is missing or comes too late.  Here
 * the calls that change files stand between the program, RocksDB included, and libc: each is done,
 * and what it changed is noted until fsync or fdatasync of that file (names: fsync of their
 * directory).  At the call that was chosen, all that is still noted is taken back, and the process
 * ends with POWERCUT_EXIT.  The directory is then what a disk might hold.
 *
 * Model: files are apart from each other.  KEEP: all is there, as after kill -9.  LOSE: nothing
 * that was not synced.  MIX: of each file some pages, of each directory its first changes.  Not
 * modelled: writes through a mapping, stdio (RocksDB's LOG), metadata that a file system drags
 * along.
 *
 * One file of a program includes this; calls are counted from powercut_begin on, over all threads.
 */
#ifndef FSP_TESTS_UNIT_STORE_POWERCUT_H
#define FSP_TESTS_UNIT_STORE_POWERCUT_H
#include "core/base/prng.h"
#include "tests/unit/store/scratch.h"

#include <errno.h>
#include <limits.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/syscall.h>

enum { POWERCUT_EXIT = 77, POWERCUT_PAGE_BYTES = 4096 };
typedef enum { POWERCUT_KEEP, POWERCUT_LOSE, POWERCUT_MIX, POWERCUT_HOW_COUNT } powercut_how_t;

/* One change of a file's content: what was in at..at+bytes, and what is now (NULL: zeros). */
typedef struct powercut_change {
    struct powercut_change *before;
    off_t at, size_before, size_after;
    size_t bytes, old_bytes; /* old_bytes: of them lay within size_before */
    uint8_t *old_data, *new_data;
    bool appended;
} powercut_change_t;

typedef struct powercut_file {
    struct powercut_file *next;
    dev_t device;
    ino_t inode;
    int fd; /* of our own, so that neither a close nor an unlink takes the file away */
    powercut_change_t *newest;
} powercut_file_t;

typedef enum {
    POWERCUT_CREATED,
    POWERCUT_MADE,
    POWERCUT_LINKED,
    POWERCUT_UNLINKED,
    POWERCUT_RENAMED,
    POWERCUT_REMOVED
} powercut_name_kind_t;

/* One change of names; `kept` holds what was unlinked or replaced. */
typedef struct {
    powercut_name_kind_t kind;
    char *path, *to, *kept;
    ino_t parent;
    bool synced;
} powercut_name_t;

static struct {
    pthread_mutex_t mutex;
    char directory[PATH_MAX], stash[PATH_MAX + 16];
    size_t directory_bytes; /* 0: not begun */
    uint64_t calls, cut_at;
    powercut_how_t how;
    bool unsynced; /* syncs do nothing, although it has not begun */
    fsp_prng_t prng;
    powercut_file_t *files;
    powercut_name_t *names;
    size_t name_count;
} powercut = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* A harness that fails must not look like a power cut. */
static void
powercut_need(bool condition, const char *what)
{
    if (condition)
        return;
    (void)dprintf(STDERR_FILENO, "powercut: %s: %s\n", what, strerror(errno));
    _exit(78);
}

/* -- what is noted ----------------------------------------------------------------------------- */

static bool
powercut_below(const char *path)
{
    return powercut.directory_bytes > 0 &&
           strncmp(path, powercut.directory, powercut.directory_bytes) == 0 &&
           (path[powercut.directory_bytes] == '/' || path[powercut.directory_bytes] == '\0');
}

/* The path of name at the descriptor of a directory; false: not one of ours. */
static bool
powercut_path(int fd, const char *name, char *ret)
{
    char link_path[64], base[PATH_MAX / 2];
    if (powercut.directory_bytes == 0)
        return false;
    if (name[0] == '/' || fd == AT_FDCWD) {
        (void)snprintf(ret, PATH_MAX, "%s", name);
        return powercut_below(ret);
    }
    (void)snprintf(link_path, sizeof(link_path), "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link_path, base, sizeof(base) - 1);
    if (bytes < 0)
        return false;
    base[bytes] = '\0';
    (void)snprintf(ret, PATH_MAX, "%s/%.2000s", base, name);
    return powercut_below(ret);
}

/* The file behind a descriptor, if it is one of ours. */
static powercut_file_t *
powercut_file(int fd)
{
    struct stat found;
    char link_path[64], path[PATH_MAX];
    if (powercut.directory_bytes == 0 || fstat(fd, &found) != 0 || !S_ISREG(found.st_mode))
        return NULL;
    for (powercut_file_t *file = powercut.files; file; file = file->next)
        if (file->device == found.st_dev && file->inode == found.st_ino)
            return file->fd < 0 ? NULL : file;
    (void)snprintf(link_path, sizeof(link_path), "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link_path, path, sizeof(path) - 1);
    powercut_need(bytes > 0, "readlink");
    path[bytes] = '\0';
    if (!powercut_below(path))
        return NULL;
    powercut_file_t *file = calloc(1, sizeof(*file));
    *file = (powercut_file_t){
        .next = powercut.files,
        .device = found.st_dev,
        .inode = found.st_ino,
        .fd = (int)syscall(SYS_openat, AT_FDCWD, link_path, O_RDWR | O_CLOEXEC, 0)};
    powercut_need(file->fd >= 0, path);
    powercut.files = file;
    return file;
}

static void
powercut_forget(powercut_file_t *file)
{
    while (file->newest) {
        powercut_change_t *change = file->newest;
        file->newest = change->before;
        free(change->old_data);
        free(change->new_data);
        free(change);
    }
}

static off_t
powercut_size(const powercut_file_t *file)
{
    struct stat found;
    powercut_need(fstat(file->fd, &found) == 0, "fstat");
    return found.st_size;
}

/* Before a change of at..at+bytes: what is there. */
static powercut_change_t *
powercut_change(powercut_file_t *file, off_t at, size_t bytes)
{
    powercut_change_t *change = calloc(1, sizeof(*change));
    *change = (powercut_change_t){.at = at, .bytes = bytes, .size_before = powercut_size(file)};
    if (at < change->size_before) {
        off_t there = change->size_before - at;
        change->old_bytes = (size_t)there < bytes ? (size_t)there : bytes;
        change->old_data = malloc(change->old_bytes + 1);
        powercut_need(pread(file->fd, change->old_data, change->old_bytes, at) ==
                          (ssize_t)change->old_bytes,
                      "pread");
    }
    return change;
}

/* After it: it happened, or it did not. */
static void
powercut_note(powercut_file_t *file, powercut_change_t *change, bool done)
{
    if (!done) {
        free(change->old_data);
        free(change->new_data);
        free(change);
        return;
    }
    change->size_after = powercut_size(file);
    change->before = file->newest;
    file->newest = change;
}

static ino_t
powercut_parent(const char *path)
{
    char parent[PATH_MAX];
    struct stat found;
    (void)snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    *slash = '\0';
    powercut_need(stat(parent, &found) == 0, parent);
    return found.st_ino;
}

/* Keeps what lies at path under another name; NULL if nothing does. */
static char *
powercut_keep(const char *path)
{
    char kept[PATH_MAX + 64];
    (void)snprintf(kept, sizeof(kept), "%s/%zu", powercut.stash, powercut.name_count);
    return syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, kept, 0) == 0 ? strdup(kept) : NULL;
}

static void
powercut_note_name(powercut_name_kind_t kind, const char *path, const char *to, char *kept)
{
    if (powercut.name_count % 256 == 0)
        powercut.names =
            realloc(powercut.names, (powercut.name_count + 256) * sizeof(*powercut.names));
    powercut.names[powercut.name_count++] = (powercut_name_t){.kind = kind,
                                                              .path = strdup(path),
                                                              .to = to ? strdup(to) : NULL,
                                                              .kept = kept,
                                                              .parent = powercut_parent(path)};
}

/* -- the cut ----------------------------------------------------------------------------------- */

static void
powercut_put(const powercut_file_t *file, const uint8_t *data, size_t bytes, off_t at)
{
    static const uint8_t zeros[POWERCUT_PAGE_BYTES];
    while (bytes > 0) {
        size_t piece = bytes;
        if (!data && piece > sizeof(zeros))
            piece = sizeof(zeros);
        powercut_need(syscall(SYS_pwrite64, file->fd, data ? data : zeros, piece, at) ==
                          (ssize_t)piece,
                      "pwrite");
        data = data ? data + piece : NULL;
        at += (off_t)piece;
        bytes -= piece;
    }
}

/* Of a change some pages reach the disk; of what was appended, the first bytes. */
static void
powercut_redo(const powercut_file_t *file, const powercut_change_t *change)
{
    if (change->bytes == 0 || change->size_after < change->size_before) {
        if (fsp_prng_chance(&powercut.prng, 1, 2))
            powercut_need(syscall(SYS_ftruncate, file->fd, change->size_after) == 0, "ftruncate");
        return;
    }
    if (change->appended) {
        powercut_put(file, change->new_data,
                     (size_t)fsp_prng_below(&powercut.prng, change->bytes + 1), change->at);
        return;
    }
    for (size_t from = 0; from < change->bytes; from += POWERCUT_PAGE_BYTES) {
        size_t bytes = change->bytes - from;
        if (bytes > POWERCUT_PAGE_BYTES)
            bytes = POWERCUT_PAGE_BYTES;
        if (fsp_prng_chance(&powercut.prng, 1, 2))
            powercut_put(file, change->new_data ? change->new_data + from : NULL, bytes,
                         change->at + (off_t)from);
    }
}

static void
powercut_cut_file(powercut_file_t *file)
{
    powercut_change_t *oldest = NULL;
    while (file->newest) { /* back to what was synced, newest first */
        powercut_change_t *change = file->newest;
        powercut_need(syscall(SYS_ftruncate, file->fd, change->size_before) == 0, "ftruncate");
        if (change->old_bytes > 0)
            powercut_put(file, change->old_data, change->old_bytes, change->at);
        file->newest = change->before;
        change->before = oldest; /* the list turns round */
        oldest = change;
    }
    if (powercut.how != POWERCUT_MIX)
        return;
    for (powercut_change_t *change = oldest; change; change = change->before) {
        /* What was appended comes in order: behind a piece that is missing nothing is there. */
        if (change->appended && powercut_size(file) < change->at)
            break;
        powercut_redo(file, change);
    }
}

static void
powercut_take_back(const powercut_name_t *name)
{
    switch (name->kind) {
    case POWERCUT_CREATED:
    case POWERCUT_LINKED:
        (void)syscall(SYS_unlinkat, AT_FDCWD, name->path, 0);
        break;
    case POWERCUT_MADE:
        scratch_remove(name->path);
        break;
    case POWERCUT_REMOVED:
        (void)syscall(SYS_mkdirat, AT_FDCWD, name->path, 0700);
        break;
    case POWERCUT_RENAMED:
        (void)syscall(SYS_renameat, AT_FDCWD, name->to, AT_FDCWD, name->path);
        if (name->kept)
            (void)syscall(SYS_linkat, AT_FDCWD, name->kept, AT_FDCWD, name->to, 0);
        break;
    case POWERCUT_UNLINKED:
        if (name->kept)
            (void)syscall(SYS_linkat, AT_FDCWD, name->kept, AT_FDCWD, name->path, 0);
        break;
    }
}

/* Of each directory the changes behind the same point are gone. */
static void
powercut_cut_names(void)
{
    for (size_t i = powercut.name_count; i-- > 0;) {
        powercut_name_t *name = &powercut.names[i];
        if (name->synced)
            continue;
        if (powercut.how == POWERCUT_MIX && fsp_prng_chance(&powercut.prng, 1, 4)) {
            for (size_t j = 0; j <= i; j++) /* this one stays, and so does all before it */
                powercut.names[j].synced |= powercut.names[j].parent == name->parent;
            continue;
        }
        powercut_take_back(name);
    }
}

static void
powercut_cut(void)
{
    if (powercut.how != POWERCUT_KEEP) {
        for (powercut_file_t *file = powercut.files; file; file = file->next)
            powercut_cut_file(file);
        powercut_cut_names();
    }
    _exit(POWERCUT_EXIT); /* the mutex is held: no other thread comes through meanwhile */
}

/* Each call of ours begins here. */
static void
powercut_count(void)
{
    if (powercut.directory_bytes > 0 && ++powercut.calls == powercut.cut_at)
        powercut_cut();
}

/* From now on calls below directory count; the cut comes in place of the cut_at-th (0: never). */
static inline void
powercut_begin(const char *directory, uint64_t cut_at, powercut_how_t how, uint64_t seed)
{
    (void)snprintf(powercut.stash, sizeof(powercut.stash), "%s.stash", directory);
    scratch_remove(powercut.stash);
    powercut_need(mkdir(powercut.stash, 0700) == 0, powercut.stash);
    powercut.cut_at = cut_at;
    powercut.how = how;
    fsp_prng_init(&powercut.prng, seed);
    (void)snprintf(powercut.directory, sizeof(powercut.directory), "%s", directory);
    powercut.directory_bytes = strlen(directory);
}

/* In a process that is never cut: it need not wait for the disk either. */
static inline void
powercut_never(void)
{
    powercut.unsynced = true;
}

/* -- the calls --------------------------------------------------------------------------------- */

int powercut_openat(int fd, const char *name, int flags, ...) __asm__("openat");
int powercut_open(const char *name, int flags, ...) __asm__("open");
ssize_t powercut_write(int fd, const void *data, size_t bytes) __asm__("write");
ssize_t powercut_pwrite(int fd, const void *data, size_t bytes, off_t at) __asm__("pwrite");
int powercut_fsync(int fd) __asm__("fsync");
int powercut_fdatasync(int fd) __asm__("fdatasync");
int powercut_ftruncate(int fd, off_t size) __asm__("ftruncate");
int powercut_fallocate(int fd, int mode, off_t at, off_t bytes) __asm__("fallocate");
int powercut_unlinkat(int fd, const char *name, int flags) __asm__("unlinkat");
int powercut_unlink(const char *name) __asm__("unlink");
int powercut_rmdir(const char *name) __asm__("rmdir");
int powercut_renameat(int from_fd, const char *from, int to_fd, const char *to) __asm__("renameat");
int powercut_rename(const char *from, const char *to) __asm__("rename");
int powercut_mkdirat(int fd, const char *name, mode_t mode) __asm__("mkdirat");
int powercut_mkdir(const char *name, mode_t mode) __asm__("mkdir");
int powercut_link(const char *from, const char *to) __asm__("link");

static int
powercut_open_at(int fd, const char *name, int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat found;
    pthread_mutex_lock(&powercut.mutex);
    bool ours = powercut_path(fd, name, path) && (flags & O_TMPFILE) != O_TMPFILE;
    bool creates = ours && (flags & O_CREAT) && stat(path, &found) != 0;
    if (creates || (ours && (flags & O_TRUNC)))
        powercut_count();
    int opened = (int)syscall(SYS_openat, fd, name, flags & ~(ours ? O_TRUNC : 0), mode);
    int why = errno;
    if (opened >= 0 && creates) {
        powercut_note_name(POWERCUT_CREATED, path, NULL, NULL);
    } else if (opened >= 0 && ours && (flags & O_TRUNC)) {
        powercut_file_t *file = powercut_file(opened);
        powercut_change_t *change = powercut_change(file, 0, (size_t)powercut_size(file));
        powercut_note(file, change, syscall(SYS_ftruncate, opened, 0) == 0);
    }
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return opened;
}

static mode_t
powercut_mode(int flags, va_list arguments)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

int
powercut_openat(int fd, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = powercut_mode(flags, arguments);
    va_end(arguments);
    return powercut_open_at(fd, name, flags, mode);
}

int
powercut_open(const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = powercut_mode(flags, arguments);
    va_end(arguments);
    return powercut_open_at(AT_FDCWD, name, flags, mode);
}

/* at -1: where the descriptor stands. */
static ssize_t
powercut_write_at(int fd, const void *data, size_t bytes, off_t at)
{
    pthread_mutex_lock(&powercut.mutex);
    powercut_file_t *file = powercut_file(fd);
    powercut_change_t *change = NULL;
    if (file) {
        powercut_count();
        off_t where = at;
        if (at < 0)
            where = fcntl(fd, F_GETFL) & O_APPEND ? powercut_size(file) : lseek(fd, 0, SEEK_CUR);
        change = powercut_change(file, where, bytes);
        change->appended = at < 0;
        change->new_data = malloc(bytes + 1);
        memcpy(change->new_data, data, bytes);
    }
    ssize_t written =
        at < 0 ? syscall(SYS_write, fd, data, bytes) : syscall(SYS_pwrite64, fd, data, bytes, at);
    int why = errno;
    if (file) {
        powercut_need(written < 0 || (size_t)written == bytes, "a short write");
        powercut_note(file, change, written >= 0);
    }
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return written;
}

ssize_t
powercut_write(int fd, const void *data, size_t bytes)
{
    return powercut_write_at(fd, data, bytes, -1);
}

ssize_t
powercut_pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    return powercut_write_at(fd, data, bytes, at);
}

static int
powercut_sync(int fd, bool data_only)
{
    pthread_mutex_lock(&powercut.mutex);
    struct stat found;
    powercut_file_t *file = powercut_file(fd);
    bool directory =
        !file && powercut.directory_bytes > 0 && fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
    if (file || directory)
        powercut_count();
    /* Nothing is really waited for: the power is not really cut. */
    bool real = !file && !directory && !powercut.unsynced;
    int result = real ? (int)syscall(data_only ? SYS_fdatasync : SYS_fsync, fd) : 0;
    if (file)
        powercut_forget(file);
    for (size_t i = 0; directory && i < powercut.name_count; i++)
        powercut.names[i].synced |= powercut.names[i].parent == found.st_ino;
    pthread_mutex_unlock(&powercut.mutex);
    return result;
}

int
powercut_fsync(int fd)
{
    return powercut_sync(fd, false);
}

int
powercut_fdatasync(int fd)
{
    return powercut_sync(fd, true);
}

int
powercut_ftruncate(int fd, off_t size)
{
    pthread_mutex_lock(&powercut.mutex);
    powercut_file_t *file = powercut_file(fd);
    powercut_change_t *change = NULL;
    if (file) {
        powercut_count();
        off_t before = powercut_size(file);
        change = powercut_change(file, size, size < before ? (size_t)(before - size) : 0);
    }
    int result = (int)syscall(SYS_ftruncate, fd, size);
    int why = errno;
    if (file)
        powercut_note(file, change, result == 0);
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return result;
}

int
powercut_fallocate(int fd, int mode, off_t at, off_t bytes)
{
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    pthread_mutex_lock(&powercut.mutex);
    powercut_file_t *file = mode == FALLOC_FL_KEEP_SIZE ? NULL : powercut_file(fd);
    powercut_change_t *change = NULL;
    if (file) {
        powercut_count();
        powercut_need(mode == 0 || mode == punch, "a mode of fallocate that is not modelled");
        off_t end = powercut_size(file);
        size_t there = at < end ? (size_t)(end - at < bytes ? end - at : bytes) : 0;
        change = powercut_change(file, at, mode == punch ? there : 0);
    }
    int result = (int)syscall(SYS_fallocate, fd, mode, at, bytes);
    int why = errno;
    if (file)
        powercut_note(file, change, result == 0);
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return result;
}

int
powercut_unlinkat(int fd, const char *name, int flags)
{
    char path[PATH_MAX];
    pthread_mutex_lock(&powercut.mutex);
    bool ours = powercut_path(fd, name, path);
    char *kept = NULL;
    if (ours) {
        powercut_count();
        kept = flags & AT_REMOVEDIR ? NULL : powercut_keep(path);
    }
    int result = (int)syscall(SYS_unlinkat, fd, name, flags);
    int why = errno;
    if (ours && result == 0)
        powercut_note_name(flags & AT_REMOVEDIR ? POWERCUT_REMOVED : POWERCUT_UNLINKED, path, NULL,
                           kept);
    else
        free(kept);
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return result;
}

int
powercut_unlink(const char *name)
{
    return powercut_unlinkat(AT_FDCWD, name, 0);
}

int
powercut_rmdir(const char *name)
{
    return powercut_unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

int
powercut_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    char path[PATH_MAX], to_path[PATH_MAX];
    pthread_mutex_lock(&powercut.mutex);
    bool ours = powercut_path(from_fd, from, path) && powercut_path(to_fd, to, to_path);
    char *kept = NULL;
    if (ours) {
        powercut_count();
        powercut_need(powercut_parent(path) == powercut_parent(to_path),
                      "a rename between directories is not modelled");
        kept = powercut_keep(to_path);
    }
    int result = (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
    int why = errno;
    if (ours && result == 0)
        powercut_note_name(POWERCUT_RENAMED, path, to_path, kept);
    else
        free(kept);
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return result;
}

int
powercut_rename(const char *from, const char *to)
{
    return powercut_renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int
powercut_mkdirat(int fd, const char *name, mode_t mode)
{
    char path[PATH_MAX];
    struct stat found;
    pthread_mutex_lock(&powercut.mutex);
    bool ours = powercut_path(fd, name, path) && stat(path, &found) != 0;
    if (ours)
        powercut_count();
    int result = (int)syscall(SYS_mkdirat, fd, name, mode);
    int why = errno;
    if (ours && result == 0)
        powercut_note_name(POWERCUT_MADE, path, NULL, NULL);
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return result;
}

int
powercut_mkdir(const char *name, mode_t mode)
{
    return powercut_mkdirat(AT_FDCWD, name, mode);
}

int
powercut_link(const char *from, const char *to)
{
    char path[PATH_MAX];
    pthread_mutex_lock(&powercut.mutex);
    bool ours = powercut_path(AT_FDCWD, to, path);
    if (ours)
        powercut_count();
    int result = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    int why = errno;
    if (ours && result == 0)
        powercut_note_name(POWERCUT_LINKED, path, NULL, NULL);
    pthread_mutex_unlock(&powercut.mutex);
    errno = why;
    return result;
}
#endif
