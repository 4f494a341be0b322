/* SPDX-License-Identifier: MIT */
/* test_store - writes, loans and failures of a store (damage: test_storecrash).  Layer tests. */
#include "core/base/alloc.h"
#include "store/store.h"
#include "tests/unit/aborts.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <sys/resource.h>

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

START_TEST(a_new_store_is_fresh_until_it_is_written)
{
    for (int i = 0; i < 2; i++) {
        bool fresh = false;
        fsp_store_t *store = storekit_open(directory, &fresh);
        ck_assert(fresh);
        ck_assert(fsp_store_sync(store));
        ck_assert_uint_eq(fsp_store_sequence(store), 1);
        fsp_store_close(&store, i == 0, 0);
        ck_assert(!store);
    }
    bool fresh = true;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_LOCAL, "id", "x");
    fsp_store_close(&store, true, 0);
    store = storekit_open(directory, &fresh);
    ck_assert(!fresh);
    ck_assert_uint_eq(fsp_store_sequence(store), 2);
    fsp_store_close(&store, true, 0);
    fsp_store_close(&store, true, 0); /* accepts NULL */
}
END_TEST

START_TEST(rows_of_all_families_outlive_the_process)
{
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        storekit_put(store, (fsp_family_t)i, "key", i % 2 ? "odd" : "even");
    fsp_store_close(&store, true, 0);
    store = storekit_open(directory, &fresh);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        storekit_expect(store, (fsp_family_t)i, "key", i % 2 ? "odd" : "even");
    fsp_store_close(&store, true, 0);
}
END_TEST

START_TEST(later_rows_of_a_group_win)
{
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    for (int i = 0; i < FSP_FAMILY_COUNT; i++) {
        fsp_family_t family = (fsp_family_t)i;
        fsp_batch_t *batches[2] = {fsp_batch_new(), fsp_batch_new()};
        fsp_batch_put(batches[0], family, fsp_slice_text("a"), fsp_slice_text("1"));
        fsp_batch_put(batches[0], family, fsp_slice_text("b"), fsp_slice_text("1"));
        fsp_batch_put(batches[0], family, fsp_slice_text("c"), fsp_slice_text("1"));
        fsp_batch_delete_range(batches[0], family, fsp_slice_text("b"), fsp_slice_text("d"));
        fsp_batch_put(batches[0], family, fsp_slice_text("c"), fsp_slice_text("2"));
        fsp_batch_delete(batches[1], family, fsp_slice_text("a"));
        fsp_batch_put(batches[1], family, fsp_slice_text("e"), fsp_slice_text("3"));
        fsp_batch_put(batches[1], family, fsp_slice_text("e"), fsp_slice_text("4"));
        /* Empty ranges: nothing. */
        fsp_batch_delete_range(batches[1], family, fsp_slice_text("e"), fsp_slice_text("e"));
        fsp_batch_delete_range(batches[1], family, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
        fsp_error_t error;
        ck_assert_int_eq(fsp_store_write(store, batches, 2, &error), FSP_OK);
        fsp_batch_destroy(&batches[0]);
        fsp_batch_destroy(&batches[1]);
        storekit_expect(store, family, "a", NULL);
        storekit_expect(store, family, "b", NULL);
        storekit_expect(store, family, "c", "2");
        storekit_expect(store, family, "e", "4");
    }
    ck_assert_uint_eq(fsp_store_sequence(store), 1 + FSP_FAMILY_COUNT);
    fsp_store_close(&store, true, 0);
}
END_TEST

START_TEST(rows_of_the_store_itself_are_refused)
{
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    fsp_error_t error;
    static const char *const own[] = {"format",   "sequence", "watermark",
                                      "migrated", "segments", "segment/0000000000000001"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put(batch, FSP_FAMILY_LOCAL, fsp_slice_text(own[i]), fsp_slice_text("1"));
        FSP_EXPECT_ABORT((void)(fsp_store_write(store, &batch, 1, &error) == FSP_OK));
        fsp_batch_destroy(&batch);
    }
    static const char *const ranges[][2] = {{"a", "z"}, {"seg", "seh"}, {"segment/5", "segment/6"}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_delete_range(batch, FSP_FAMILY_LOCAL, fsp_slice_text(ranges[i][0]),
                               fsp_slice_text(ranges[i][1]));
        FSP_EXPECT_ABORT((void)(fsp_store_write(store, &batch, 1, &error) == FSP_OK));
        fsp_batch_destroy(&batch);
    }
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete_range(batch, FSP_FAMILY_LOCAL, fsp_slice_text("x"), fsp_slice_text("z"));
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text("sequence"), fsp_slice_text("1"));
    ck_assert_int_eq(fsp_store_write(store, &batch, 1, &error), FSP_OK);
    fsp_batch_destroy(&batch);
    fsp_store_close(&store, true, 0);
}
END_TEST

static fsp_status_t
read_range(fsp_store_t *store, fsp_family_t family, uint64_t from, uint64_t to, fsp_blob_t **ret)
{
    return fsp_store_read_bytes(store, family, fsp_slice_text("key"), from, to, ret);
}

START_TEST(bytes_are_lent_by_range)
{
    enum { BYTES = 300 * 1024 };
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    fsp_blob_t *bytes = fsp_blob_new(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        fsp_blob_writable(bytes)[i] = (uint8_t)(i * 31 ^ i >> 8);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put_blob(batch, FSP_FAMILY_OBJECT, fsp_slice_text("key"), bytes);
    fsp_batch_put_blob(batch, FSP_FAMILY_BYTES, fsp_slice_text("key"), bytes);
    fsp_batch_put(batch, FSP_FAMILY_BYTES, fsp_slice_text("none"), fsp_slice(NULL, 0));
    storekit_write(store, &batch);
    static const struct {
        uint64_t from, to;
        fsp_status_t status;
    } cases[] = {{0, 0, FSP_OK},
                 {0, 1, FSP_OK},
                 {1, BYTES, FSP_OK},
                 {BYTES - 1, 0, FSP_OK},
                 {5, 5, FSP_OK},
                 {70000, 140001, FSP_OK},
                 {BYTES, 0, FSP_OK},
                 {BYTES + 1, 0, FSP_BAD_RANGE},
                 {6, 5, FSP_BAD_RANGE},
                 {0, BYTES + 1, FSP_BAD_RANGE},
                 {UINT64_MAX, 0, FSP_BAD_RANGE},
                 {1, UINT64_MAX, FSP_BAD_RANGE}};
    /* In the memtable, then from the files. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
            fsp_family_t family = i % 2 ? FSP_FAMILY_BYTES : FSP_FAMILY_OBJECT;
            uint64_t from = cases[i / 2].from, to = cases[i / 2].to;
            fsp_blob_t *blob = NULL;
            ck_assert_int_eq(read_range(store, family, from, to, &blob), cases[i / 2].status);
            ck_assert((blob != NULL) == (cases[i / 2].status == FSP_OK));
            if (!blob)
                continue;
            ck_assert(
                fsp_slice_eq(fsp_blob_slice(blob), fsp_slice(fsp_blob_data(bytes) + from,
                                                             (size_t)((to ? to : BYTES) - from))));
            fsp_blob_destroy(&blob);
        }
        fsp_blob_t *blob = NULL;
        ck_assert_int_eq(
            fsp_store_read_bytes(store, FSP_FAMILY_BYTES, fsp_slice_text("none"), 0, 0, &blob),
            FSP_OK);
        ck_assert_uint_eq(fsp_blob_bytes(blob), 0);
        fsp_blob_destroy(&blob);
        ck_assert_int_eq(
            fsp_store_read_bytes(store, FSP_FAMILY_BYTES, fsp_slice_text("no"), 0, 0, &blob),
            FSP_NOT_FOUND);
        fsp_store_close(&store, true, 0);
        store = storekit_open(directory, &fresh);
    }
    fsp_store_close(&store, true, 0);
    fsp_blob_destroy(&bytes);
}
END_TEST

static void *
release_later(void *blob)
{
    fsp_suite_pause_us(100000);
    fsp_blob_t *mine = blob;
    ck_assert_uint_eq(fsp_blob_data(mine)[0], 'v');
    fsp_blob_destroy(&mine);
    return NULL;
}

START_TEST(close_waits_for_blobs_that_are_lent)
{
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_OBJECT, "key", "value");
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(read_range(store, FSP_FAMILY_OBJECT, 0, 0, &blob), FSP_OK);
    FSP_EXPECT_ABORT(fsp_store_close(&store, true, 2000));
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, release_later, blob), 0);
    fsp_store_close(&store, true, 20000000);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    store = storekit_open(directory, &fresh);
    fsp_store_close(&store, true, 0);
}
END_TEST

enum { READERS = 3, READS = 300 };

typedef struct {
    fsp_store_t *store;
    int found;
} reader_t;

/* Lends, looks at a row and scans, while another thread writes. */
static void *
read_on(void *argument)
{
    reader_t *self = argument;
    fsp_view_t *view = fsp_store_view(self->store, FSP_FAMILY_STATE);
    for (int i = 0; i < READS; i++) {
        fsp_blob_t *blob = NULL;
        if (read_range(self->store, FSP_FAMILY_OBJECT, 0, 0, &blob) == FSP_OK)
            self->found += fsp_blob_bytes(blob) == 5;
        fsp_blob_destroy(&blob);
        fsp_buf_t buf;
        fsp_buf_init(&buf, 100);
        self->found += fsp_view_get(view, fsp_slice_text("key"), &buf) == FSP_OK;
        fsp_buf_clear(&buf);
        fsp_cursor_t *cursor = fsp_view_scan(view, fsp_slice_text("k"), fsp_slice_text("l"));
        self->found += cursor->valid && fsp_slice_eq(cursor->key, fsp_slice_text("key"));
        fsp_cursor_destroy(&cursor);
        self->found += fsp_store_sequence(self->store) > 1;
    }
    return NULL;
}

START_TEST(threads_read_while_one_writes)
{
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_OBJECT, "key", "value");
    storekit_put(store, FSP_FAMILY_STATE, "key", "value");
    reader_t readers[READERS] = {{.store = NULL}};
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++) {
        readers[i].store = store;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
    }
    for (int i = 0; i < 50; i++)
        storekit_put(store, FSP_FAMILY_STATE, "key", i % 2 ? "a" : "b");
    for (int i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(readers[i].found, 4 * READS);
    }
    fsp_store_close(&store, true, 0);
}
END_TEST

/* Child: the file size limit makes a write fail half-way; then nothing may work. */
static int
run_into_file_limit(const char *path)
{
    fsp_store_t *store = storekit_child_open(path);
    if (!store || !storekit_child_put(store, FSP_FAMILY_OBJECT, "key", "value"))
        return 1;
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 64 * 1024, .rlim_max = RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    fsp_blob_t *big = fsp_blob_new(1024 * 1024);
    memset(fsp_blob_writable(big), 7, fsp_blob_bytes(big));
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put_blob(batch, FSP_FAMILY_BYTES, fsp_slice_text("big"), big);
    fsp_blob_destroy(&big);
    fsp_error_t error = {.text = ""};
    if (fsp_store_write(store, &batch, 1, &error) != FSP_IO ||
        !strstr(error.text, "File too large"))
        return 3;
    uint64_t sequence = fsp_store_sequence(store);
    limit.rlim_cur = RLIM_INFINITY;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        return 2;
    /* There is room again, but what lies on disk is not known. */
    error.text[0] = '\0';
    if (fsp_store_write(store, &batch, 1, &error) != FSP_IO ||
        !strstr(error.text, "File too large") || fsp_store_sequence(store) != sequence)
        return 4;
    fsp_batch_destroy(&batch);
    if (fsp_store_tick(store, 1, &error) != FSP_IO)
        return 5;
    fsp_buf_t buf;
    fsp_buf_init(&buf, 10);
    fsp_view_t *view = fsp_store_view(store, FSP_FAMILY_OBJECT);
    if (fsp_view_get(view, fsp_slice_text("key"), &buf) != FSP_IO)
        return 6;
    fsp_buf_clear(&buf);
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    if (cursor->valid || cursor->status != FSP_IO)
        return 7;
    fsp_cursor_destroy(&cursor);
    fsp_blob_t *blob = NULL;
    if (read_range(store, FSP_FAMILY_BYTES, 0, 0, &blob) != FSP_IO)
        return 8;
    fsp_store_close(&store, true, 0);
    return 0;
}

START_TEST(after_a_failed_write_nothing_works)
{
    int fd = -1;
    pid_t child = scratch_again("limit", directory, &fd);
    int how = 0;
    ck_assert_int_eq(waitpid(child, &how, 0), child);
    ck_assert_msg(WIFEXITED(how) && WEXITSTATUS(how) == 0, "child: %d", how);
    (void)close(fd);
    /* What was acknowledged is there, the mark is not clean. */
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_expect(store, FSP_FAMILY_OBJECT, "key", "value");
    storekit_expect(store, FSP_FAMILY_BYTES, "big", NULL);
    ck_assert(!storekit_clean(store));
    fsp_store_close(&store, true, 0);
}
END_TEST

static void
put_big_rows(fsp_store_t *store, int count)
{
    fsp_blob_t *value = fsp_blob_new(512 * 1024);
    memset(fsp_blob_writable(value), 7, fsp_blob_bytes(value));
    for (int i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i);
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put_blob(batch, FSP_FAMILY_OBJECT, fsp_slice_text(key), value);
        storekit_write(store, &batch);
    }
    fsp_blob_destroy(&value);
}

START_TEST(a_failed_flush_is_noticed_by_a_tick)
{
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    /* Directories where the next tables should go. */
    for (int i = 1; i < 60; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "db/%06d.sst", i);
        (void)mkdir(scratch_path(directory, name), 0700);
    }
    put_big_rows(store, 9); /* the family's memtable holds 4 MiB */
    fsp_error_t error = {.text = ""};
    fsp_status_t status = FSP_OK;
    for (fsp_time_t now = 1; now < 500 * 200000 && status == FSP_OK; now += 200000) {
        status = fsp_store_tick(store, now, &error);
        fsp_suite_pause_us(10000);
    }
    ck_assert_int_eq(status, FSP_IO);
    ck_assert_msg(strstr(error.text, "a flush or compaction failed") != NULL, "%s", error.text);
    fsp_store_close(&store, true, 0);
}
END_TEST

static int
table_count(void)
{
    int count = 0;
    for (int i = 1; i < 100; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "db/%06d.sst", i);
        count += access(scratch_path(directory, name), F_OK) == 0;
    }
    return count;
}

START_TEST(a_quiet_store_writes_its_memtables_out)
{
    bool fresh = false;
    fsp_store_config_t config = storekit_config(directory);
    config.memory_bytes = 0; /* default: no flush before 16 MiB */
    fsp_store_t *store = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_store_open(&config, &store, &fresh, &error), FSP_OK);
    ck_assert_int_eq(fsp_store_tick(store, 1000000, &error), FSP_OK);
    put_big_rows(store, 20);
    for (int i = 0; i < 50; i++) /* that many groups are no quiet */
        storekit_put(store, FSP_FAMILY_STATE, "key", "value");
    ck_assert_int_eq(fsp_store_tick(store, 6100000, &error), FSP_OK);
    fsp_suite_pause_us(50000);
    ck_assert_int_eq(table_count(), 0);
    ck_assert_int_eq(fsp_store_tick(store, 11200000, &error), FSP_OK);
    for (int i = 0; i < 500 && table_count() < 2; i++)
        fsp_suite_pause_us(10000);
    ck_assert_int_ge(table_count(), 2); /* OBJECT and STATE at least */
    fsp_store_close(&store, true, 0);
}
END_TEST

START_TEST(a_second_process_is_told_who_is_there)
{
    bool fresh = false;
    int fd = -1;
    pid_t child = scratch_again("hold", directory, &fd);
    char byte = 0;
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    fsp_store_config_t config = storekit_config(directory);
    config.lock_wait_us = 100000;
    fsp_store_t *store = NULL;
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_open(&config, &store, &fresh, &error), FSP_LOCK_HELD);
    char expected[64];
    (void)snprintf(expected, sizeof(expected), "is in use by process %ld", (long)child);
    ck_assert_msg(strstr(error.text, expected) != NULL, "%s", error.text);
    /* Killed in the meantime: the next one waits until its locks are gone. */
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    store = storekit_open(directory, &fresh);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    (void)close(fd);
    fsp_store_close(&store, true, 0);
}
END_TEST

START_TEST(reserve_follows_its_formula)
{
    const uint64_t mib = 1024 * 1024;
    ck_assert_uint_eq(fsp_disk_reserve(0), 0);
    ck_assert_uint_eq(fsp_disk_reserve(400 * mib), 100 * mib);
    ck_assert_uint_eq(fsp_disk_reserve(1024 * mib), 256 * mib);
    ck_assert_uint_eq(fsp_disk_reserve(10 * 1024 * mib), 256 * mib);
    ck_assert_uint_eq(fsp_disk_reserve(50 * 1024 * mib), 1024 * mib);
    ck_assert_uint_eq(fsp_disk_reserve(UINT64_MAX), UINT64_MAX / 50);
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    fsp_disk_t disk;
    ck_assert_int_eq(fsp_store_disk(store, &disk), FSP_OK);
    ck_assert_uint_gt(disk.total_bytes, 0);
    ck_assert_uint_le(disk.free_bytes, disk.total_bytes);
    ck_assert_uint_eq(disk.reserve_bytes, fsp_disk_reserve(disk.total_bytes));
    ck_assert(disk.at_reserve == (disk.free_bytes < disk.reserve_bytes));
    fsp_store_close(&store, true, 0);
}
END_TEST

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "limit") == 0)
        return run_into_file_limit(argv[2]);
    if (argc == 3 && strcmp(argv[1], "hold") == 0)
        return storekit_hold(argv[2]);
    Suite *suite = suite_create("store");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, a_new_store_is_fresh_until_it_is_written);
    tcase_add_test(tests, rows_of_all_families_outlive_the_process);
    tcase_add_test(tests, later_rows_of_a_group_win);
    tcase_add_test(tests, rows_of_the_store_itself_are_refused);
    tcase_add_test(tests, bytes_are_lent_by_range);
    tcase_add_test(tests, close_waits_for_blobs_that_are_lent);
    tcase_add_test(tests, threads_read_while_one_writes);
    tcase_add_test(tests, after_a_failed_write_nothing_works);
    tcase_add_test(tests, a_failed_flush_is_noticed_by_a_tick);
    tcase_add_test(tests, a_quiet_store_writes_its_memtables_out);
    tcase_add_test(tests, a_second_process_is_told_who_is_there);
    tcase_add_test(tests, reserve_follows_its_formula);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
