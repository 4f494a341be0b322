/* SPDX-License-Identifier: MIT */
/* test_client_journal - puts that a later process takes up.  Layer tests. */
#include "tests/actors/test_client_kept.h"

#include "tests/unit/suite.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>

enum { MIB = 1024 * 1024, BYTES = 12 * MIB + 345, HALF = 6 * MIB };

static char state_home[64];
static filesphere_source_t source;

static void
journal_set_up(void)
{
    kept_set_up();
    (void)snprintf(state_home, sizeof state_home, "/tmp/test_journal_%d_XXXXXX", (int)getpid());
    ck_assert_ptr_nonnull(mkdtemp(state_home));
    ck_assert_int_eq(setenv("XDG_STATE_HOME", state_home, 1), 0);
    source = (filesphere_source_t){.set = true,
                                   .device = 7,
                                   .inode = UINT64_MAX - 1,
                                   .size = BYTES,
                                   .mtime_s = -5,
                                   .mtime_ns = 17,
                                   .ctime_s = 1700000000,
                                   .ctime_ns = 999999999};
}

static void
remove_tree(const char *path)
{
    char command[160];
    (void)snprintf(command, sizeof command, "rm -rf -- '%s'", path);
    ck_assert_int_eq(system(command), 0);
}

static void
journal_tear_down(void)
{
    remove_tree(state_home);
    kept_tear_down();
}

static void
directory_path(char ret[128])
{
    (void)snprintf(ret, 128, "%s/filesphere/transfers", state_home);
}

/* The one file whose name has 64 digits into ret; the number of all files. */
static unsigned
find_journal(char ret[256])
{
    char path[128];
    directory_path(path);
    DIR *directory = opendir(path);
    unsigned count = 0;
    ret[0] = '\0';
    if (!directory)
        return 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        if (strlen(entry->d_name) == 64)
            (void)snprintf(ret, 256, "%s/%.64s", path, entry->d_name);
    }
    (void)closedir(directory);
    return count;
}

static filesphere_code_t
put_file(filesphere_t *handle, stream_t *stream, filesphere_info_t *info, const char *message)
{
    filesphere_put_t put = {.path = "/dir/file",
                            .create_parents = true,
                            .message = message,
                            .attr = {.set = true, .mode = 0644, .mtime_s = -3},
                            .size_hint = BYTES,
                            .source = source};
    return filesphere_put(handle, &put, read_pattern, stream, info);
}

/* A put whose source fails in the middle, as when its user interrupts it. */
static void
interrupt(const char *message)
{
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {
        .bytes = BYTES, .fail_at = HALF, .await = &kept.durable_mib, .await_value = 1};
    expect(handle, put_file(handle, &stream, NULL, message), FSP_CANCELLED, 130);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "it goes on where this one was"));
    ck_assert_str_eq(filesphere_warning(handle), "");
    filesphere_close(&handle);
    ck_assert_uint_eq(fake.aborts, 0);
}

/* The same again, to its end; taken up or begun anew. */
static void
finish(const char *message, bool taken_up)
{
    unsigned before = fake.op_count;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    filesphere_info_t info;
    expect(handle, put_file(handle, &stream, &info, message), FSP_OK, 0);
    kept_expect_pattern(BYTES);
    ck_assert_uint_eq(stream.at, BYTES);
    ck_assert_uint_eq(fake.op_count, before + 1);
    bool same = memcmp(fake.ops[before], fake.ops[0], 16) == 0;
    ck_assert(same == taken_up);
    ck_assert_uint_eq(fake.attempts[before], taken_up ? 2 : 1);
    if (taken_up) {
        ck_assert_uint_eq(fake.sinces[before], fake.sinces[0]);
        ck_assert_uint_ge(info.resumed_at, MIB);
        ck_assert_uint_eq(info.bytes_sent, BYTES - info.resumed_at);
    } else {
        ck_assert_uint_eq(info.resumed_at, 0);
        ck_assert_uint_eq(info.bytes_sent, BYTES);
    }
    ck_assert_str_eq(filesphere_warning(handle), "");
    filesphere_close(&handle);
    char path[256];
    ck_assert_uint_eq(find_journal(path), 0);
}

START_TEST(a_later_call_takes_it_up)
{
    interrupt("a \"word\"\n\x7f \xc3\xa4");
    char path[256], directory[128];
    ck_assert_uint_eq(find_journal(path), 1);
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0600);
    directory_path(directory);
    ck_assert_int_eq(stat(directory, &about), 0);
    ck_assert_uint_eq(about.st_mode & 07777, 0700);
    finish("a \"word\"\n\x7f \xc3\xa4", true);
}
END_TEST

START_TEST(another_put_begins_anew)
{
    interrupt("word");
    switch (_i) {
    case 0:
        source.mtime_s++;
        break;
    case 1:
        source.mtime_ns++;
        break;
    case 2:
        source.ctime_s++;
        break;
    default:
        break;
    }
    finish(_i == 3 ? "other word" : "word", false);
}
END_TEST

START_TEST(another_file_has_a_journal_of_its_own)
{
    interrupt("word");
    source.inode++;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_OK, 0);
    filesphere_close(&handle);
    char path[256];
    ck_assert_uint_eq(find_journal(path), 1); /* the first one's */
}
END_TEST

static void
rewrite(const char *path, size_t keep, size_t flip, const char *text)
{
    char bytes[8192];
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    ssize_t got = read(fd, bytes, sizeof bytes);
    ck_assert_int_gt(got, 100);
    if (flip < (size_t)got)
        bytes[flip] ^= 1;
    size_t count = keep < (size_t)got ? keep : (size_t)got;
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    if (text)
        ck_assert_int_eq(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    else
        ck_assert_int_eq(pwrite(fd, bytes, count, 0), (ssize_t)count);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(what_lies_in_its_place_is_not_believed)
{
    interrupt("word");
    char path[256], victim[128];
    ck_assert_uint_eq(find_journal(path), 1);
    (void)snprintf(victim, sizeof victim, "%s/victim", state_home);
    FILE *file = fopen(victim, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fputs("precious", file), 1);
    ck_assert_int_eq(fclose(file), 0);
    switch (_i) {
    case 0:
        rewrite(path, SIZE_MAX, 300, NULL); /* one bit of what it is about */
        break;
    case 1:
        rewrite(path, 200, SIZE_MAX, NULL);
        break;
    case 2:
        rewrite(path, 0, SIZE_MAX, NULL);
        break;
    case 3:
        rewrite(path, 0, SIZE_MAX, "{\"format\":1,\"op\":\"00\",\"x\":{}}");
        break;
    case 4:
        rewrite(path, 0, SIZE_MAX, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[");
        break;
    case 5: /* a link to it is not followed, not even for deleting */
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(symlink(victim, path), 0);
        break;
    case 6:
        ck_assert_int_eq(truncate(path, 1 << 20), 0); /* large */
        break;
    case 7:
        ck_assert_int_eq(chmod(path, 0666), 0); /* anybody may have written it */
        break;
    default:
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        break;
    }
    finish("word", false);
    char text[16] = "";
    file = fopen(victim, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_str_eq(text, "precious");
}
END_TEST

/* -- without a place --------------------------------------------------------------------------- */

static void
put_without_journal(void)
{
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_OK, 0);
    kept_expect_pattern(BYTES);
    ck_assert_ptr_nonnull(strstr(filesphere_warning(handle), "begins anew"));
    filesphere_close(&handle);
}

START_TEST(a_full_state_disk_is_no_failure)
{
    /* Every write to a file fails, as on a full disk. */
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    filesphere_t *handle = fake_open(&fake, 2000);
    filesphere_close(&handle);
    struct rlimit none = {0, RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    put_without_journal();
    none.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    char path[256];
    ck_assert_uint_eq(find_journal(path), 0); /* and no half of one either */
}
END_TEST

START_TEST(no_state_directory_is_no_failure)
{
    char file[128], directory[128];
    (void)snprintf(file, sizeof file, "%s/file", state_home);
    (void)snprintf(directory, sizeof directory, "%s/filesphere", state_home);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(setenv("XDG_STATE_HOME", file, 1), 0);
    put_without_journal();
    ck_assert_int_eq(setenv("XDG_STATE_HOME", state_home, 1), 0);
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    directory_path(directory);
    ck_assert_int_eq(mkdir(directory, 0777), 0);
    ck_assert_int_eq(chmod(directory, 0777), 0); /* anybody may write there */
    put_without_journal();
}
END_TEST

START_TEST(small_contents_have_none)
{
    source.size = 4 * MIB - 1;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = 4 * MIB - 1, .fail_at = 3 * MIB};
    expect(handle, put_file(handle, &stream, NULL, NULL), FSP_CANCELLED, 130);
    char path[256];
    ck_assert_uint_eq(find_journal(path), 0);
    fake_await(&fake.aborts, 1);
    filesphere_close(&handle);
}
END_TEST

/* -- what becomes of it ------------------------------------------------------------------------ */

START_TEST(two_at_once_do_not_mix)
{
    interrupt("word");
    char path[256], lock[300];
    ck_assert_uint_eq(find_journal(path), 1);
    (void)snprintf(lock, sizeof lock, "%s.lock", path);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* as the other process has it */
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_BUSY, 8);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "another process"));
    filesphere_close(&handle);
    ck_assert_int_eq(close(fd), 0);
    finish("word", true);
}
END_TEST

START_TEST(a_put_that_was_done_is_found)
{
    /* The process ends between COMMIT and its answer. */
    kept.break_type = FSP_MSG_COMMIT;
    kept.break_nth = 1;
    kept.break_after = true;
    fake.deaf_count = 0;
    filesphere_t *handle = fake_open(&fake, 1000);
    filesphere_set_patience(handle, 0);
    stream_t stream = {.bytes = BYTES};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_TIMEOUT, 8);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "goes on where"));
    filesphere_close(&handle);
    handle = fake_open(&fake, 2000);
    filesphere_info_t info;
    stream = (stream_t){.bytes = BYTES};
    expect(handle, put_file(handle, &stream, &info, "word"), FSP_OK, 0);
    ck_assert_uint_eq(info.bytes_sent, 0);
    ck_assert_uint_eq(info.resumed_at, BYTES);
    ck_assert_uint_eq(info.receipt_size, 0);
    ck_assert_uint_eq(info.size, BYTES);
    ck_assert_uint_eq(kept.openings, 1);
    char path[256];
    ck_assert_uint_eq(find_journal(path), 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_refusal_ends_it)
{
    interrupt("word");
    kept.refuse_code = fsp_error_info(FSP_QUOTA)->code;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_QUOTA, 9);
    filesphere_close(&handle);
    char path[256];
    ck_assert_uint_eq(find_journal(path), 0);
    memset(fake.ops[0], 0, 16); /* whatever comes now is another operation */
    finish("word", false);
}
END_TEST

START_TEST(an_upload_that_is_gone_begins_anew)
{
    interrupt("word");
    memset(kept.upload_id, 0, sizeof kept.upload_id); /* the node has dropped it */
    unsigned before = fake.op_count;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    filesphere_info_t info;
    expect(handle, put_file(handle, &stream, &info, "word"), FSP_OK, 0);
    kept_expect_pattern(BYTES);
    ck_assert_mem_eq(fake.ops[before], fake.ops[0], 16);
    ck_assert_uint_eq(info.resumed_at, 0);
    ck_assert_uint_eq(info.bytes_sent, BYTES);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_node_cannot_have_more_than_the_file)
{
    interrupt("word");
    kept.offset_lie = BYTES; /* beyond its end */
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_PROTOCOL, 1);
    filesphere_close(&handle);
}
END_TEST

START_TEST(the_size_that_was_said_is_what_is_stored)
{
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES + 3 * MIB}; /* it has grown */
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_OK, 0);
    kept_expect_pattern(BYTES);
    stream = (stream_t){.bytes = BYTES - 1};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_IO, 1);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "shorter"));
    fake_await(&fake.aborts, 1);
    filesphere_close(&handle);
    char path[256];
    ck_assert_uint_eq(find_journal(path), 0);
}
END_TEST

START_TEST(old_ones_are_swept)
{
    interrupt("word");
    char path[256], directory[128], old[256], foreign[256];
    ck_assert_uint_eq(find_journal(path), 1);
    directory_path(directory);
    (void)snprintf(old, sizeof old, "%s/%064d", directory, 7);
    (void)snprintf(foreign, sizeof foreign, "%s/notes", directory);
    static const char *const ends[] = {"", ".tmp", ".lock"};
    struct timespec times[2] = {{.tv_sec = time(NULL) - 8 * 86400}, {.tv_nsec = 0}};
    times[1] = times[0];
    for (size_t i = 0; i < 4; i++) {
        char name[300];
        (void)snprintf(name, sizeof name, "%s%s", i < 3 ? old : foreign, i < 3 ? ends[i] : "");
        int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(close(fd), 0);
        ck_assert_int_eq(utimensat(AT_FDCWD, name, times, 0), 0);
    }
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    unsigned before = fake.op_count;
    filesphere_t *handle = fake_open(&fake, 2000);
    stream_t stream = {.bytes = BYTES};
    expect(handle, put_file(handle, &stream, NULL, "word"), FSP_OK, 0);
    filesphere_close(&handle);
    ck_assert_int_ne(memcmp(fake.ops[before], fake.ops[0], 16), 0); /* its own was too old, too */
    ck_assert_uint_eq(find_journal(path), 1);                       /* the notes */
    ck_assert_int_eq(access(foreign, F_OK), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("client_journal");
    TCase *tcase = tcase_create("client_journal");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, journal_set_up, journal_tear_down);
    tcase_add_test(tcase, a_later_call_takes_it_up);
    tcase_add_loop_test(tcase, another_put_begins_anew, 0, 4);
    tcase_add_test(tcase, another_file_has_a_journal_of_its_own);
    tcase_add_loop_test(tcase, what_lies_in_its_place_is_not_believed, 0, 9);
    tcase_add_test(tcase, a_full_state_disk_is_no_failure);
    tcase_add_test(tcase, no_state_directory_is_no_failure);
    tcase_add_test(tcase, small_contents_have_none);
    tcase_add_test(tcase, two_at_once_do_not_mix);
    tcase_add_test(tcase, a_put_that_was_done_is_found);
    tcase_add_test(tcase, a_refusal_ends_it);
    tcase_add_test(tcase, an_upload_that_is_gone_begins_anew);
    tcase_add_test(tcase, a_node_cannot_have_more_than_the_file);
    tcase_add_test(tcase, the_size_that_was_said_is_what_is_stored);
    tcase_add_test(tcase, old_ones_are_swept);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
