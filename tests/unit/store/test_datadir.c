/* SPDX-License-Identifier: MIT */
/* test_datadir - files of a data directory.  Layer tests. */
#include "store/datadir.h"
#include "tests/unit/suite.h"
#include "tests/unit/store/scratch.h"

#include <sys/file.h>
#include <time.h>

static char *directory;

static void
set_up(void)
{
    directory = scratch_make();
}

static void
tear_down(void)
{
    scratch_end(&directory);
}

START_TEST(makes_missing_parents_for_the_owner_only)
{
    const char *path = scratch_path(directory, "a/b//c/");
    fsp_error_t error;
    ck_assert_int_eq(fsp_datadir_make(path, &error), FSP_OK);
    struct stat found;
    ck_assert_int_eq(stat(path, &found), 0);
    ck_assert_uint_eq(found.st_mode & 0777, 0700);
    ck_assert_int_eq(fsp_datadir_make(path, &error), FSP_OK);
}
END_TEST

START_TEST(refuses_a_file_in_the_way)
{
    fsp_error_t error;
    ck_assert_int_eq(fsp_datadir_write(directory, "a", 0600, fsp_slice_text("x"), &error), FSP_OK);
    ck_assert_int_eq(fsp_datadir_make(scratch_path(directory, "a/b"), &error), FSP_IO);
    ck_assert(strstr(error.text, "not a directory") != NULL);
    ck_assert_int_eq(fsp_datadir_make("", &error), FSP_INVALID);
    char long_name[5000];
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    ck_assert_int_eq(fsp_datadir_make(long_name, &error), FSP_INVALID);
}
END_TEST

START_TEST(reads_what_was_written)
{
    fsp_error_t error;
    static const char *const values[] = {"first", "", "the third, longer than the first"};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        fsp_slice_t value = fsp_slice_text(values[i]);
        ck_assert_int_eq(fsp_datadir_write(directory, "key", 0600, value, &error), FSP_OK);
        fsp_buf_t buf;
        fsp_buf_init(&buf, 100);
        ck_assert_int_eq(fsp_datadir_read(directory, "key", true, &buf, &error), FSP_OK);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), value));
        fsp_buf_clear(&buf);
    }
    /* No temporary file stays. */
    ck_assert_int_ne(access(scratch_path(directory, ".key.new"), F_OK), 0);
}
END_TEST

START_TEST(mode_does_not_depend_on_umask)
{
    fsp_error_t error;
    mode_t old = umask(0);
    ck_assert_int_eq(fsp_datadir_write(directory, "a", 0600, fsp_slice_text("x"), &error), FSP_OK);
    (void)umask(0777);
    ck_assert_int_eq(fsp_datadir_write(directory, "b", 0644, fsp_slice_text("x"), &error), FSP_OK);
    (void)umask(old);
    struct stat found;
    ck_assert_int_eq(stat(scratch_path(directory, "a"), &found), 0);
    ck_assert_uint_eq(found.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(scratch_path(directory, "b"), &found), 0);
    ck_assert_uint_eq(found.st_mode & 0777, 0644);
}
END_TEST

START_TEST(a_secret_that_others_can_read_is_refused)
{
    static const unsigned modes[] = {0640, 0604, 0620, 0601};
    fsp_error_t error;
    fsp_buf_t buf;
    fsp_buf_init(&buf, 100);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ck_assert_int_eq(fsp_datadir_write(directory, "key", modes[i], fsp_slice_text("x"), &error),
                         FSP_OK);
        ck_assert_int_eq(fsp_datadir_read(directory, "key", true, &buf, &error), FSP_FORBIDDEN);
        ck_assert(strstr(error.text, "chmod 600") != NULL);
        ck_assert_uint_eq(buf.bytes, 0);
    }
    ck_assert_int_eq(fsp_datadir_read(directory, "key", false, &buf, &error), FSP_OK);
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(missing_large_and_strange_files_are_told_apart)
{
    fsp_error_t error;
    fsp_buf_t buf;
    fsp_buf_init(&buf, 4);
    ck_assert_int_eq(fsp_datadir_read(directory, "none", false, &buf, &error), FSP_NOT_FOUND);
    ck_assert_int_eq(fsp_datadir_write(directory, "five", 0600, fsp_slice_text("12345"), &error),
                     FSP_OK);
    ck_assert_int_eq(fsp_datadir_read(directory, "five", false, &buf, &error), FSP_TOO_LARGE);
    ck_assert_int_eq(mkfifo(scratch_path(directory, "pipe"), 0600), 0);
    ck_assert_int_eq(fsp_datadir_read(directory, "pipe", false, &buf, &error), FSP_IO);
    fsp_buf_clear(&buf);
    ck_assert_int_eq(
        fsp_datadir_write(scratch_path(directory, "no"), "a", 0600, fsp_slice_text("x"), &error),
        FSP_IO);
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file)
{
    fsp_error_t error;
    /* A directory in the place of the target cannot be renamed over. */
    ck_assert_int_eq(mkdir(scratch_path(directory, "a"), 0700), 0);
    ck_assert_int_eq(fsp_datadir_write(directory, "a", 0600, fsp_slice_text("x"), &error), FSP_IO);
    struct stat found;
    ck_assert_int_eq(stat(scratch_path(directory, "a"), &found), 0);
    ck_assert(S_ISDIR(found.st_mode));
    ck_assert_int_ne(access(scratch_path(directory, ".a.new"), F_OK), 0);
}
END_TEST

static uint64_t
now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

START_TEST(a_held_lock_names_its_holder)
{
    int first = -1, second = -1;
    fsp_error_t error;
    ck_assert_int_eq(fsp_datadir_lock(directory, 0, &first, &error), FSP_OK);
    uint64_t start = now_us();
    ck_assert_int_eq(fsp_datadir_lock(directory, 50000, &second, &error), FSP_LOCK_HELD);
    uint64_t passed = now_us() - start;
    ck_assert_uint_ge(passed, 50000);
    ck_assert_uint_lt(passed, 5000000);
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "is in use by process %ld", (long)getpid());
    ck_assert_msg(strstr(error.text, expected) != NULL, "%s", error.text);
    ck_assert_int_eq(second, -1);
    ck_assert_int_eq(close(first), 0);
    ck_assert_int_eq(fsp_datadir_lock(directory, 0, &second, &error), FSP_OK);
    ck_assert_int_eq(close(second), 0);
}
END_TEST

START_TEST(a_lock_that_is_let_go_in_time_is_taken)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        int fd = -1;
        fsp_error_t ignored;
        if (fsp_datadir_lock(directory, 0, &fd, &ignored) != FSP_OK || write(ends[1], "x", 1) != 1)
            _exit(1);
        fsp_suite_pause_us(100000);
        _exit(0);
    }
    char byte = 0;
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    int fd = -1;
    fsp_error_t error;
    ck_assert_int_eq(fsp_datadir_lock(directory, 10000000, &fd, &error), FSP_OK);
    int how = 0;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert_int_eq(how, 0);
    (void)close(fd);
    (void)close(ends[0]);
    (void)close(ends[1]);
}
END_TEST

START_TEST(no_lock_without_directory)
{
    int fd = -1;
    fsp_error_t error;
    ck_assert_int_eq(fsp_datadir_lock(scratch_path(directory, "none"), 0, &fd, &error), FSP_IO);
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(files_of_somebody_else_are_told_from_our_own)
{
    fsp_error_t error;
    ck_assert_int_eq(fsp_datadir_check_own(directory, &error), FSP_OK); /* empty */
    ck_assert_int_eq(fsp_datadir_write(directory, "node.keys", 0600, fsp_slice_text("x"), &error),
                     FSP_OK);
    ck_assert_int_eq(
        fsp_datadir_write(directory, ".recovery-code.new", 0600, fsp_slice_text("x"), &error),
        FSP_OK);
    ck_assert_int_eq(fsp_datadir_check_own(directory, &error),
                     FSP_OK); /* a first start that was cut short */
    ck_assert_int_eq(fsp_datadir_write(directory, "letter.txt", 0600, fsp_slice_text("x"), &error),
                     FSP_OK);
    ck_assert_int_eq(fsp_datadir_check_own(directory, &error), FSP_EXISTS);
    ck_assert_ptr_nonnull(strstr(error.text, "letter.txt"));
    ck_assert_int_eq(fsp_datadir_make(scratch_path(directory, "db"), &error), FSP_OK);
    ck_assert_int_eq(fsp_datadir_check_own(directory, &error),
                     FSP_OK); /* a node lives here already */
    ck_assert_int_eq(fsp_datadir_check_own(scratch_path(directory, "none"), &error), FSP_IO);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("datadir");
    TCase *tests = tcase_create("datadir");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, makes_missing_parents_for_the_owner_only);
    tcase_add_test(tests, refuses_a_file_in_the_way);
    tcase_add_test(tests, reads_what_was_written);
    tcase_add_test(tests, mode_does_not_depend_on_umask);
    tcase_add_test(tests, a_secret_that_others_can_read_is_refused);
    tcase_add_test(tests, missing_large_and_strange_files_are_told_apart);
    tcase_add_test(tests, a_failed_write_leaves_the_old_file);
    tcase_add_test(tests, a_held_lock_names_its_holder);
    tcase_add_test(tests, a_lock_that_is_let_go_in_time_is_taken);
    tcase_add_test(tests, no_lock_without_directory);
    tcase_add_test(tests, files_of_somebody_else_are_told_from_our_own);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
