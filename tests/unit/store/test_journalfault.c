/* SPDX-License-Identifier: MIT */
/* test_journalfault - the system refuses: writes, syncs, names, room, direct writes.  Layer tests.
 *
 * The calls stand between the journal and libc, as in powercut.h; each can be told to fail.
 */
#include "tests/unit/store/journalkit.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>

typedef enum { PWRITE, FDATASYNC, FSYNC, FALLOCATE, RENAME, OPEN_DIRECT, MKDIR, CALLS } call_t;

/* Of each call: how often it came, and what the next ones answer. */
static struct {
    unsigned count[CALLS];
    int error[CALLS];   /* 0: as it is */
    bool once[CALLS];   /* then as it is again */
    size_t short_bytes; /* pwrite writes no more than that at a time; 0: all */
} fault;

/* True: it fails, and errno says why. */
static bool
fails(call_t call)
{
    fault.count[call]++;
    if (fault.error[call] == 0)
        return false;
    errno = fault.error[call];
    if (fault.once[call])
        fault.error[call] = 0;
    return true;
}

ssize_t fault_pwrite(int fd, const void *data, size_t bytes, off_t at) __asm__("pwrite");
int fault_fdatasync(int fd) __asm__("fdatasync");
int fault_fsync(int fd) __asm__("fsync");
int fault_fallocate(int fd, int mode, off_t at, off_t bytes) __asm__("fallocate");
int fault_rename(const char *from, const char *to) __asm__("rename");
int fault_mkdir(const char *name, mode_t mode) __asm__("mkdir");
int fault_open(const char *name, int flags, ...) __asm__("open");

ssize_t
fault_pwrite(int fd, const void *data, size_t bytes, off_t at)
{
    if (fails(PWRITE))
        return -1;
    if (fault.short_bytes > 0 && bytes > fault.short_bytes)
        bytes = fault.short_bytes;
    return syscall(SYS_pwrite64, fd, data, bytes, at);
}

int
fault_fdatasync(int fd)
{
    return fails(FDATASYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
fault_fsync(int fd)
{
    return fails(FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fault_fallocate(int fd, int mode, off_t at, off_t bytes)
{
    return fails(FALLOCATE) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, bytes);
}

int
fault_rename(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int
fault_mkdir(const char *name, mode_t mode)
{
    return fails(MKDIR) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, name, mode);
}

int
fault_open(const char *name, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    if ((flags & O_DIRECT) && fails(OPEN_DIRECT)) {
        int why = errno;
        if (flags & O_CREAT) /* as some file systems do */
            (void)close((int)syscall(SYS_openat, AT_FDCWD, name, flags & ~O_DIRECT, mode));
        errno = why;
        return -1;
    }
    return (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}

/* -- the journal ------------------------------------------------------------------------------- */

static char *directory;
static char path[600];
static journalkit_t kit;

static void
set_up(void)
{
    memset(&fault, 0, sizeof(fault));
    directory = scratch_make();
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    journalkit_init(&kit, path, 1);
    (void)journalkit_open(&kit);
}

static void
tear_down(void)
{
    memset(&fault, 0, sizeof(fault));
    journalkit_clear(&kit);
    scratch_end(&directory);
}

static void
write_next(void)
{
    uint64_t sequence = kit.sequence + 1;
    journalkit_write(&kit, sequence, journalkit_group(kit.seed, sequence));
}

static void
put_row(const char *key)
{
    fsp_batch_row_t row = {.op = FSP_ROW_PUT, .family = FSP_FAMILY_LOG};
    row.key = row.value = fsp_slice_text(key);
    fsp_journal_put(kit.journal, &row);
}

/* The group fails with these words; then nothing else is tried, and its rows never count. */
static void
expect_failed(const char *words)
{
    fsp_error_t error = {.text = ""};
    put_row("lost");
    ck_assert_int_eq(fsp_journal_commit(kit.journal, kit.sequence + 1, kit.kept, &error), FSP_IO);
    ck_assert_int_eq(error.status, FSP_IO);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
    memset(&fault, 0, sizeof(fault));
    ck_assert_int_eq(fsp_journal_commit(kit.journal, kit.sequence + 2, kit.kept, &error), FSP_IO);
    ck_assert_msg(strstr(error.text, "failed before") != NULL, "%s", error.text);
    fsp_journal_release(kit.journal, kit.kept, true);
    for (call_t call = 0; call < CALLS; call++)
        ck_assert_uint_eq(fault.count[call], 0);
    journalkit_check(&kit);
}

/* The last group may be there after all, if it was written; the others are. */
static void
expect_there(bool written)
{
    fsp_journal_close(&kit.journal);
    if (written) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text("lost"), fsp_slice_text("lost"));
        journalkit_model(&kit, kit.sequence + 1, batch);
    }
    (void)journalkit_open(&kit);
    write_next();
}

START_TEST(a_failed_write_is_final)
{
    write_next();
    fault.error[PWRITE] = ENOSPC;
    expect_failed("No space left");
    expect_there(false);
}
END_TEST

START_TEST(a_failed_sync_is_final)
{
    write_next();
    fault.error[FDATASYNC] = EIO;
    fault.once[FDATASYNC] = true;
    expect_failed("sync");
    expect_there(true);
}
END_TEST

START_TEST(a_failed_name_is_final)
{
    write_next();
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit); /* the next group begins a file */
    fault.error[FSYNC] = EIO;
    expect_failed("sync the names");
    ck_assert_uint_eq(fault.count[PWRITE], 0); /* nothing was written before its name was durable */
    expect_there(false);
}
END_TEST

START_TEST(a_failed_rename_is_final)
{
    while (kit.sequence < 200)
        write_next();
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete_range(batch, FSP_FAMILY_LOG, fsp_slice_text(""), fsp_slice_text("z"));
    journalkit_write(&kit, kit.sequence + 1, batch);
    journalkit_keep_all(&kit);
    fsp_journal_release(kit.journal, kit.kept, false);
    journalkit_commit(&kit, kit.sequence);
    fsp_journal_release(kit.journal, kit.kept, false);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit); /* the next file is one of the spare ones */
    fault.error[RENAME] = EIO;
    expect_failed("rename");
    expect_there(false);
}
END_TEST

START_TEST(a_failed_directory_is_said)
{
    fault.error[MKDIR] = EACCES;
    expect_failed("make directory");
    ck_assert_int_ne(access(path, F_OK), 0);
    expect_there(false);
}
END_TEST

/* No room ahead: the files grow as they are written. */
START_TEST(without_room_ahead_the_journal_goes_on)
{
    fault.error[FALLOCATE] = ENOSPC;
    while (kit.sequence < 60)
        write_next();
    ck_assert_uint_gt(fault.count[FALLOCATE], 2);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* Writes are cut short and interrupted. */
START_TEST(short_writes_are_finished)
{
    fault.short_bytes = FSP_JOURNAL_PAGE_BYTES;
    while (kit.sequence < 40) {
        fault.error[PWRITE] = EINTR;
        fault.once[PWRITE] = true;
        write_next();
    }
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* Some file systems refuse to open so, others to write. */
START_TEST(without_direct_writes_the_cache_will_do)
{
    fault.error[OPEN_DIRECT] = EINVAL;
    while (kit.sequence < 40)
        write_next();
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
    fault.error[OPEN_DIRECT] = 0;
    fault.error[PWRITE] = EINVAL;
    fault.once[PWRITE] = true;
    while (kit.sequence < 80)
        write_next();
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* A commit is one write and one sync; a new file costs the sync of its name besides. */
START_TEST(a_commit_costs_one_write_and_one_sync)
{
    put_row("first");
    journalkit_commit(&kit, 1);
    unsigned names = fault.count[FSYNC];
    ck_assert_uint_eq(names, 2); /* of the directory, and in it */
    for (uint64_t i = 2; i <= JOURNALKIT_FILE_BYTES / FSP_JOURNAL_PAGE_BYTES; i++) {
        put_row("row");
        journalkit_commit(&kit, i);
        ck_assert_uint_eq(fault.count[PWRITE], i);
        ck_assert_uint_eq(fault.count[FDATASYNC], i);
        ck_assert_uint_eq(fault.count[FSYNC], names);
    }
    put_row("in another file");
    journalkit_commit(&kit, 100);
    ck_assert_uint_eq(fault.count[FSYNC], names + 1);
}
END_TEST

static fsp_status_t
count_syncs(void *context, uint64_t sequence, const fsp_batch_row_t *row, fsp_error_t *error)
{
    (void)row;
    (void)error;
    if (sequence == *(uint64_t *)context) /* of the newest file: all are synced by now */
        ck_assert_uint_gt(fault.count[FDATASYNC], 0);
    return FSP_OK;
}

/* Who wrote it may have been killed before it could sync: what is replayed must not vanish later.
 */
START_TEST(what_is_replayed_was_synced_before)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_LOCAL, fsp_slice_text("key"), fsp_slice_text("value"));
    journalkit_write(&kit, 1, batch);
    fsp_journal_close(&kit.journal);
    memset(&fault, 0, sizeof(fault));
    fsp_journal_found_t found;
    fsp_error_t error;
    uint64_t sequence = 1;
    ck_assert_int_eq(
        fsp_journal_open(&kit.config, count_syncs, &sequence, &kit.journal, &found, &error),
        FSP_OK);
    ck_assert_uint_eq(fault.count[FDATASYNC], 1);
    ck_assert_uint_eq(fault.count[FSYNC], 1); /* names */
    fsp_journal_close(&kit.journal);
    fault.error[FDATASYNC] = EIO;
    ck_assert_int_eq(
        fsp_journal_open(&kit.config, count_syncs, &sequence, &kit.journal, &found, &error),
        FSP_IO);
    kit.config.read_only = true; /* writes nothing, so it syncs nothing */
    ck_assert_int_eq(fsp_journal_open(&kit.config, NULL, NULL, &kit.journal, &found, &error),
                     FSP_OK);
    ck_assert_uint_eq(fault.count[FDATASYNC], 2);
}
END_TEST

static Suite *
journalfault_suite(void)
{
    Suite *suite = suite_create("journalfault");
    TCase *group = tcase_create("journalfault");
    tcase_set_timeout(group, 300);
    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_add_test(group, a_failed_write_is_final);
    tcase_add_test(group, a_failed_sync_is_final);
    tcase_add_test(group, a_failed_name_is_final);
    tcase_add_test(group, a_failed_rename_is_final);
    tcase_add_test(group, a_failed_directory_is_said);
    tcase_add_test(group, without_room_ahead_the_journal_goes_on);
    tcase_add_test(group, short_writes_are_finished);
    tcase_add_test(group, without_direct_writes_the_cache_will_do);
    tcase_add_test(group, a_commit_costs_one_write_and_one_sync);
    tcase_add_test(group, what_is_replayed_was_synced_before);
    suite_add_tcase(suite, group);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(journalfault_suite());
}
