/* SPDX-License-Identifier: MIT */
/* test_objstore - the four calls under large objects.  Layer tests. */
#include "core/base/prng.h"
#include "store/objstore.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/suite.h"

enum { OBJECTS = 40 };

static char *directory;
static fsp_db_t *db;
static fsp_db_write_t *writing;
static fsp_objstore_t objects;

static void
open_db(void)
{
    fsp_db_config_t config = {
        .path = directory, .cache_bytes = 4 << 20, .write_buffer_bytes = 8 << 20, .create = true};
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_db_open(&config, &db, &error) == FSP_OK, "%s", error.text);
    writing = fsp_db_write_new(db);
    fsp_objstore_init(&objects, db);
}

static void
close_db(void)
{
    fsp_db_write_destroy(&writing);
    fsp_db_close(&db);
}

static void
set_up(void)
{
    directory = scratch_make();
    open_db();
}

static void
tear_down(void)
{
    close_db();
    scratch_end(&directory);
}

static void
commit(void)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_db_commit(db, writing, true, &error) == FSP_OK, "%s", error.text);
}

/* Object i has i * 9,000 bytes that depend on i. */
static size_t
make_object(unsigned i, uint8_t *key, uint8_t *bytes)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, i);
    fsp_store_u32(key, i);
    fsp_prng_fill(&prng, bytes, i * 9000);
    return i * 9000;
}

static void
put_objects(void)
{
    static uint8_t keys[OBJECTS][4];
    static uint8_t bytes[OBJECTS][OBJECTS * 9000];
    fsp_objstore_put_t puts[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        size_t size = make_object(i, keys[i], bytes[i]);
        puts[i] =
            (fsp_objstore_put_t){.key = fsp_slice(keys[i], 4), .bytes = fsp_slice(bytes[i], size)};
    }
    fsp_objstore_put_many(&objects, writing, puts, OBJECTS);
    commit();
}

static void
expect_object(unsigned i, bool there)
{
    static uint8_t expected[OBJECTS * 9000];
    uint8_t key[4];
    size_t size = make_object(i, key, expected);
    fsp_blob_t *blob = NULL;
    fsp_status_t status = fsp_objstore_read(&objects, fsp_slice(key, 4), 0, 0, &blob);
    ck_assert_int_eq(status, there ? FSP_OK : FSP_NOT_FOUND);
    ck_assert(!there || fsp_slice_eq(fsp_blob_slice(blob), fsp_slice(expected, size)));
    fsp_blob_destroy(&blob);
    if (there && size > 100) {
        ck_assert_int_eq(fsp_objstore_read(&objects, fsp_slice(key, 4), 50, size - 7, &blob),
                         FSP_OK);
        ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_slice(expected + 50, size - 57)));
        fsp_blob_destroy(&blob);
    }
}

static unsigned
scan_count(const char *from, const char *to)
{
    unsigned count = 0;
    fsp_cursor_t *cursor =
        fsp_objstore_scan(&objects, fsp_slice(from, from ? 4 : 0), fsp_slice(to, to ? 4 : 0));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        uint32_t number = fsp_load_u32(cursor->key.data);
        ck_assert_uint_eq(cursor->value.bytes, number * 9000);
        count++;
    }
    ck_assert_int_eq(cursor->status, FSP_OK);
    fsp_cursor_destroy(&cursor);
    return count;
}

START_TEST(objects_are_read_back_in_ranges)
{
    put_objects();
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < OBJECTS; i++)
            expect_object(i, true);
        expect_object(OBJECTS, false);
        close_db();
        open_db();
    }
}
END_TEST

START_TEST(dropped_objects_are_gone_alone_and_in_ranges)
{
    put_objects();
    uint8_t keys[5][4];
    static const uint32_t numbers[] = {3, 10, 20, 38, 99};
    for (int i = 0; i < 5; i++)
        fsp_store_u32(keys[i], numbers[i]);
    const fsp_objstore_drop_t drops[] = {
        {.key = fsp_slice(keys[0], 4)},                              /* 3 */
        {.key = fsp_slice(keys[1], 4), .to = fsp_slice(keys[2], 4)}, /* 10..19 */
        {.key = fsp_slice(keys[2], 4), .to = fsp_slice(keys[2], 4)}, /* nothing */
        {.key = fsp_slice(keys[3], 4), .to = fsp_slice(keys[4], 4)}, /* 38.. */
        {.key = fsp_slice(keys[4], 4)},                              /* not there */
    };
    fsp_objstore_drop_many(&objects, writing, drops, 5);
    expect_object(3, true); /* not before the write */
    commit();
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < OBJECTS; i++)
            expect_object(i, i != 3 && (i < 10 || i > 19) && i < 38);
        ck_assert_uint_eq(scan_count(NULL, NULL), OBJECTS - 13);
        close_db();
        open_db();
    }
}
END_TEST

START_TEST(scans_keep_to_their_range)
{
    put_objects();
    char from[4] = {0, 0, 0, 5}, to[4] = {0, 0, 0, 9};
    ck_assert_uint_eq(scan_count(NULL, NULL), OBJECTS);
    ck_assert_uint_eq(scan_count(from, to), 4);
    ck_assert_uint_eq(scan_count(from, NULL), OBJECTS - 5);
    ck_assert_uint_eq(scan_count(NULL, to), 9);
    ck_assert_uint_eq(scan_count(to, from), 0);
}
END_TEST

START_TEST(a_second_put_replaces_the_first)
{
    uint8_t key[4] = {0, 0, 0, 1};
    for (int i = 0; i < 2; i++) {
        const fsp_objstore_put_t put = {.key = fsp_slice(key, 4),
                                        .bytes = fsp_slice_text(i ? "second" : "first")};
        fsp_objstore_put_many(&objects, writing, &put, 1);
        commit();
    }
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(fsp_objstore_read(&objects, fsp_slice(key, 4), 0, 0, &blob), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_slice_text("second")));
    fsp_blob_destroy(&blob);
}
END_TEST

START_TEST(blob_files_hold_the_bytes_and_are_freed)
{
    put_objects();
    close_db();
    open_db(); /* recovery writes tables and blob files */
    const char *blob_file = scratch_newest(directory, ".blob");
    ck_assert_int_gt(scratch_size(blob_file), 1000000);
    /* A lost blob file is damage of its objects. */
    ck_assert_int_eq(unlink(blob_file), 0);
    uint8_t key[4] = {0, 0, 0, OBJECTS - 1};
    fsp_blob_t *blob = NULL;
    fsp_status_t status = fsp_objstore_read(&objects, fsp_slice(key, 4), 0, 0, &blob);
    ck_assert_int_eq(status, FSP_DAMAGED);
    ck_assert(!blob);
    ck_assert_uint_eq(fsp_db_lent(db), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("objstore");
    TCase *tests = tcase_create("objstore");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, objects_are_read_back_in_ranges);
    tcase_add_test(tests, dropped_objects_are_gone_alone_and_in_ranges);
    tcase_add_test(tests, scans_keep_to_their_range);
    tcase_add_test(tests, a_second_put_replaces_the_first);
    tcase_add_test(tests, blob_files_hold_the_bytes_and_are_freed);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
