/* SPDX-License-Identifier: MIT */
/* segkit - a store of objects in small segments, and doors for what must be able to fail.  Layer
 * tests.
 *
 * Segments of 1 MiB, so that a few objects make many of them.  To be included once, by the one file
 * of a test program: it defines the system calls that its doors stand for.
 */
#ifndef FSP_TESTS_UNIT_STORE_SEGKIT_H
#define FSP_TESTS_UNIT_STORE_SEGKIT_H
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"
#include "store/objstore.h"
#include "store/segset.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>

enum {
    MIB = 1024 * 1024,
    SEGMENT_BYTES = MIB,
    OBJECT_BYTES = 100 * 1000, /* 24.4 pages: ten of them fill a segment, in whatever groups */
    OBJECT_OCTETS = 391 * 256, /* of its record */
    ALONE_OCTETS = 25 * 4096,  /* of a group with it alone */
    IN_SEGMENT = SEGMENT_BYTES / OBJECT_OCTETS,
    WHOLE_PAGES = (IN_SEGMENT * OBJECT_OCTETS + 4095) / 4096, /* of a full segment, one group */
    TICKS = 60 /* more than the cleaner waits for quiet */
};

static char *directory;
static fsp_db_t *db;
static fsp_db_write_t *writing;
static fsp_objstore_t objects;
static bool synced; /* stores are opened so */

/* -- doors ------------------------------------------------------------------------------------- */

static struct {
    /* 0: as the system says */
    atomic_int fallocate_errno, punch_errno, fdatasync_errno, pwrite_errno;
    atomic_int open_errno; /* of files of segments that are there */
    atomic_uint fallocates, punches, fdatasyncs;
    atomic_bool cleaner_fails; /* each third of its calls, by chance */
    atomic_uint cleaner_calls, failed;
} doors;

static _Thread_local bool may_fail = true; /* not the thread of the test, nor a reader */

/* Is this a call of the cleaner that has to fail?  RocksDB's threads call for other files. */
static inline bool
cleaner_fails(int fd)
{
    char link[64], path[512];
    if (!doors.cleaner_fails || !may_fail)
        return false;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, path, sizeof(path) - 1);
    path[bytes > 0 ? bytes : 0] = '\0';
    bool fails = strstr(path, "/segments/") && fsp_mix64(doors.cleaner_calls++) % 3 == 0;
    doors.failed += fails;
    return fails;
}

int
fallocate(int fd, int mode, off_t at, off_t bytes)
{
    bool punch = (mode & FALLOC_FL_PUNCH_HOLE) != 0;
    doors.fallocates += !punch;
    doors.punches += punch;
    errno = punch ? doors.punch_errno : doors.fallocate_errno;
    if (cleaner_fails(fd))
        errno = ENOSPC;
    return errno ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, bytes);
}

int
fdatasync(int fd)
{
    doors.fdatasyncs++;
    errno = doors.fdatasync_errno;
    if (cleaner_fails(fd))
        errno = EIO;
    return errno ? -1 : (int)syscall(SYS_fdatasync, fd);
}

ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    errno = doors.pwrite_errno;
    if (cleaner_fails(fd))
        errno = ENOSPC;
    return errno ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, data, bytes, at);
}

int
open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    errno = strstr(path, "/segments/") && !(flags & O_CREAT) ? doors.open_errno : 0;
    return errno ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* -- a store of objects ------------------------------------------------------------------------ */

static inline fsp_status_t
try_open(fsp_error_t *error)
{
    fsp_db_config_t config = {.path = scratch_path(directory, "db"),
                              .cache_bytes = 4 << 20,
                              .write_buffer_bytes = 8 << 20,
                              .create = true};
    (void)mkdir(config.path, 0700);
    ck_assert_msg(fsp_db_open(&config, &db, error) == FSP_OK, "%s", error->text);
    writing = fsp_db_write_new(db);
    const fsp_segments_config_t segments = {
        .directory = directory, .db = db, .segment_bytes = SEGMENT_BYTES, .sync = synced};
    return fsp_objstore_open(&objects, &segments, error);
}

static inline void
open_all(void)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(try_open(&error) == FSP_OK, "%s", error.text);
}

static inline bool
close_all(void)
{
    bool whole = fsp_objstore_close(&objects);
    fsp_db_write_destroy(&writing);
    fsp_db_close(&db);
    return whole;
}

static inline void
reopen(void)
{
    ck_assert(close_all());
    open_all();
}

static inline void
set_up(void)
{
    memset(&doors, 0, sizeof(doors));
    directory = scratch_make();
    may_fail = false;
    synced = true;
    open_all();
}

static inline void
tear_down(void)
{
    memset(&doors, 0, sizeof(doors));
    (void)close_all();
    scratch_end(&directory);
}

/* Opening must fail with these words; then the door to the database is shut again. */
static inline void
refuse(const char *words)
{
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(try_open(&error), FSP_DAMAGED);
    ck_assert_msg(strstr(error.text, words) != NULL, "\"%s\" lacks \"%s\"", error.text, words);
    (void)close_all();
}

static inline fsp_slice_t
key_of(unsigned number, uint8_t key[4])
{
    fsp_store_u32(key, number);
    return fsp_slice(key, 4);
}

/* What object `number` is in its `version`; static, until the next call of the same thread. */
static inline fsp_slice_t
bytes_of(unsigned number, unsigned version, size_t bytes)
{
    static _Thread_local uint8_t data[OBJECT_BYTES];
    fsp_prng_t prng;
    fsp_prng_init(&prng, (uint64_t)version << 32 | number);
    fsp_prng_fill(&prng, data, bytes);
    return fsp_slice(data, bytes);
}

static inline void
add_put(unsigned number, unsigned version)
{
    uint8_t key[4];
    fsp_error_t error = {.text = ""};
    const fsp_objstore_put_t put = {.key = key_of(number, key),
                                    .bytes = bytes_of(number, version, OBJECT_BYTES)};
    ck_assert_msg(fsp_objstore_put_many(&objects, writing, &put, 1, &error) == FSP_OK, "%s",
                  error.text);
}

static inline void
add_drop(unsigned number)
{
    uint8_t key[4];
    fsp_error_t error = {.text = ""};
    const fsp_objstore_drop_t drop = {.key = key_of(number, key)};
    ck_assert_msg(fsp_objstore_drop_many(&objects, writing, &drop, 1, &error) == FSP_OK, "%s",
                  error.text);
}

static inline void
commit(bool sync)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_objstore_seal(&objects, writing, &error) == FSP_OK, "%s", error.text);
    ck_assert_msg(fsp_db_commit_logged(db, writing, &error) == FSP_OK, "%s", error.text);
    fsp_objstore_done(&objects, sync);
}

static inline void
put(unsigned from, unsigned to, unsigned version)
{
    for (unsigned i = from; i < to; i++)
        add_put(i, version);
    commit(true);
}

static inline void
drop(unsigned from, unsigned to, unsigned step)
{
    for (unsigned i = from; i < to; i += step)
        add_drop(i);
    commit(true);
}

/* As the store does at a tick; true if there was something to write. */
static inline bool
tick(bool quiet, bool tight)
{
    fsp_error_t error = {.text = ""};
    bool moved = false;
    fsp_segments_tick(objects.segments, quiet, tight);
    ck_assert_msg(fsp_objstore_move(&objects, writing, &moved, &error) == FSP_OK, "%s", error.text);
    bool wanted = moved || fsp_segments_waiting(objects.segments);
    if (wanted)
        commit(true);
    return wanted;
}

/* Until the cleaner has nothing to do any more. */
static inline void
settle(void)
{
    for (int i = 0; i < TICKS; i++)
        (void)tick(false, false);
    for (bool wanted = true; wanted;) {
        fsp_segments_rest(objects.segments);
        wanted = tick(false, false);
        fsp_segments_rest(objects.segments);
    }
}

/* version 0: not there. */
static inline void
expect(unsigned number, unsigned version)
{
    uint8_t key[4];
    fsp_blob_t *blob = NULL;
    fsp_status_t status = fsp_objstore_read(&objects, key_of(number, key), 0, 0, &blob);
    ck_assert_msg(status == (version ? FSP_OK : FSP_NOT_FOUND), "%u: %s", number,
                  fsp_status_name(status));
    ck_assert_msg(!blob ||
                      fsp_slice_eq(fsp_blob_slice(blob), bytes_of(number, version, OBJECT_BYTES)),
                  "%u is not what was put", number);
    fsp_blob_destroy(&blob);
}

static inline fsp_place_t
place_of(unsigned number)
{
    uint8_t key[4];
    fsp_buf_t row;
    fsp_buf_init(&row, 100);
    ck_assert_int_eq(fsp_view_get(fsp_objstore_view(&objects), key_of(number, key), &row), FSP_OK);
    fsp_place_t place;
    ck_assert_int_eq(fsp_place_decode(fsp_buf_slice(&row), &place), FSP_OK);
    fsp_buf_clear(&row);
    return place;
}

static inline const char *
file_of(uint64_t segment)
{
    char name[FSP_SEGMENT_NAME_BYTES], path[64];
    fsp_segment_name(segment, name);
    (void)snprintf(path, sizeof(path), "segments/%s", name);
    return scratch_path(directory, path);
}

static inline bool
has_file(uint64_t segment)
{
    return access(file_of(segment), F_OK) == 0;
}

/* Of the disk, in pages. */
static inline unsigned
blocks_of(uint64_t segment)
{
    struct stat found;
    ck_assert_int_eq(stat(file_of(segment), &found), 0);
    return (unsigned)(found.st_blocks * 512 / 4096);
}

static inline fsp_segments_info_t
info(void)
{
    fsp_segments_info_t found;
    fsp_segments_info(objects.segments, &found);
    return found;
}
#endif
