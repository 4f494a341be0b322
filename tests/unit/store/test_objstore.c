/* SPDX-License-Identifier: MIT */
/* test_objstore - the four calls under large objects.  Layer tests. */
#include "core/base/memview.h"
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
    fsp_db_config_t config = {.path = scratch_path(directory, "db"),
                              .cache_bytes = 4 << 20,
                              .write_buffer_bytes = 8 << 20,
                              .create = true};
    (void)mkdir(config.path, 0700);
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_db_open(&config, &db, &error) == FSP_OK, "%s", error.text);
    writing = fsp_db_write_new(db);
    const fsp_segments_config_t segments = {
        .directory = directory, .db = db, .segment_bytes = 1 << 20, .sync = true};
    ck_assert_msg(fsp_objstore_open(&objects, &segments, &error) == FSP_OK, "%s", error.text);
}

static void
close_db(void)
{
    ck_assert(fsp_objstore_close(&objects));
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
    ck_assert_msg(fsp_objstore_seal(&objects, writing, &error) == FSP_OK, "%s", error.text);
    ck_assert_msg(fsp_db_commit_logged(db, writing, &error) == FSP_OK, "%s", error.text);
    fsp_objstore_done(&objects, true);
}

static void
put_many(const fsp_objstore_put_t *puts, size_t count)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_objstore_put_many(&objects, writing, puts, count, &error) == FSP_OK, "%s",
                  error.text);
}

static void
drop_many(const fsp_objstore_drop_t *drops, size_t count)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_objstore_drop_many(&objects, writing, drops, count, &error) == FSP_OK, "%s",
                  error.text);
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
    put_many(puts, OBJECTS);
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
        fsp_place_t place;
        ck_assert_int_eq(fsp_place_decode(cursor->value, &place), FSP_OK);
        ck_assert_uint_eq(place.bytes, number * 9000);
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
    drop_many(drops, 5);
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
        put_many(&put, 1);
        commit();
    }
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(fsp_objstore_read(&objects, fsp_slice(key, 4), 0, 0, &blob), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_slice_text("second")));
    fsp_blob_destroy(&blob);
}
END_TEST

START_TEST(a_lost_file_is_damage_of_its_objects)
{
    put_objects();
    ck_assert_int_eq(unlink(scratch_path(directory, "segments/0000000000000002")), 0);
    unsigned damaged = 0;
    for (unsigned i = 0; i < OBJECTS; i++) {
        uint8_t key[4];
        fsp_store_u32(key, i);
        fsp_blob_t *blob = NULL;
        fsp_status_t status = fsp_objstore_read(&objects, fsp_slice(key, 4), 0, 0, &blob);
        ck_assert(status == FSP_OK || status == FSP_DAMAGED);
        ck_assert((blob != NULL) == (status == FSP_OK));
        damaged += status == FSP_DAMAGED;
        fsp_blob_destroy(&blob);
    }
    ck_assert_uint_gt(damaged, 0);
    ck_assert_uint_lt(damaged, OBJECTS / 2);
    put_objects(); /* goes on; leaves a file in its place for tear_down */
    FILE *file = fopen(scratch_path(directory, "segments/0000000000000002"), "w");
    ck_assert(file && fclose(file) == 0);
}
END_TEST

START_TEST(what_was_written_wrongly_by_others_is_damage)
{
    uint8_t key[4] = {0, 0, 0, 1};
    static const char *const rows[] = {"", "nonsense", "\x95\x01\x00\x00\x05\x00"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fsp_db_write_put(writing, FSP_FAMILY_BYTES, fsp_slice(key, 4), fsp_slice_text(rows[i]));
        commit();
        fsp_blob_t *blob = NULL;
        ck_assert_int_eq(fsp_objstore_read(&objects, fsp_slice(key, 4), 0, 0, &blob), FSP_DAMAGED);
        fsp_error_t error = {.text = ""};
        const fsp_objstore_drop_t drop = {.key = fsp_slice(key, 4)};
        ck_assert_int_eq(fsp_objstore_drop_many(&objects, writing, &drop, 1, &error), FSP_DAMAGED);
        ck_assert_msg(strstr(error.text, "row of an object") != NULL, "%s", error.text);
    }
    /* A place that cannot be: in a segment that there is not. */
    const fsp_place_t place = {.segment = 77, .offset = 4096, .bytes = 5};
    fsp_buf_t row;
    fsp_buf_init(&row, 100);
    fsp_place_encode(&place, &row);
    fsp_db_write_put(writing, FSP_FAMILY_BYTES, fsp_slice(key, 4), fsp_buf_slice(&row));
    commit();
    fsp_buf_clear(&row);
    fsp_error_t error = {.text = ""};
    const fsp_objstore_drop_t drop = {.key = fsp_slice(key, 4)};
    ck_assert_int_eq(fsp_objstore_drop_many(&objects, writing, &drop, 1, &error), FSP_DAMAGED);
    ck_assert_msg(strstr(error.text, "segment 4d, offset 4096") != NULL, "%s", error.text);
}
END_TEST

/* A random group of puts, removals and ranges over few keys, for both. */
static void
add_random_row(fsp_prng_t *prng, fsp_batch_t *batch)
{
    static uint8_t bytes[20000];
    uint8_t key[4], to[4];
    fsp_store_u32(key, (uint32_t)fsp_prng_below(prng, OBJECTS));
    fsp_store_u32(to, (uint32_t)fsp_prng_below(prng, OBJECTS));
    uint64_t kind = fsp_prng_below(prng, 20);
    if (kind < 12) {
        size_t size = (size_t)fsp_prng_below(prng, sizeof(bytes));
        fsp_prng_fill(prng, bytes, size);
        const fsp_objstore_put_t put = {.key = fsp_slice(key, 4), .bytes = fsp_slice(bytes, size)};
        put_many(&put, 1);
        fsp_batch_put(batch, FSP_FAMILY_BYTES, put.key, put.bytes);
    } else if (kind < 19) {
        const fsp_objstore_drop_t drop = {.key = fsp_slice(key, 4)};
        drop_many(&drop, 1);
        fsp_batch_delete(batch, FSP_FAMILY_BYTES, drop.key);
    } else if (memcmp(key, to, 4) < 0) {
        const fsp_objstore_drop_t drop = {.key = fsp_slice(key, 4), .to = fsp_slice(to, 4)};
        drop_many(&drop, 1);
        fsp_batch_delete_range(batch, FSP_FAMILY_BYTES, drop.key, drop.to);
    }
}

/* Every object, and the account of the segments. */
static void
expect_as_in(fsp_view_t *memory)
{
    fsp_cursor_t *wanted = fsp_view_scan(memory, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    fsp_cursor_t *rows = fsp_objstore_scan(&objects, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    uint64_t live = 0;
    for (; wanted->valid && rows->valid; fsp_cursor_next(wanted), fsp_cursor_next(rows)) {
        ck_assert(fsp_slice_eq(wanted->key, rows->key));
        fsp_blob_t *blob = NULL;
        ck_assert_int_eq(fsp_objstore_read(&objects, rows->key, 0, 0, &blob), FSP_OK);
        ck_assert(fsp_slice_eq(wanted->value, fsp_blob_slice(blob)));
        live += fsp_segrecord_bytes(&(fsp_place_t){.bytes = fsp_blob_bytes(blob)}, 4);
        fsp_blob_destroy(&blob);
    }
    ck_assert(!wanted->valid && !rows->valid);
    fsp_cursor_destroy(&wanted);
    fsp_cursor_destroy(&rows);
    fsp_segments_info_t info;
    fsp_segments_info(objects.segments, &info);
    ck_assert_uint_eq(info.live_bytes, live);
}

START_TEST(random_groups_read_as_from_memory)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(20260303));
    fsp_memview_t *memory = fsp_memview_new();
    for (int round = 0; round < 300; round++) {
        fsp_batch_t *batch = fsp_batch_new();
        for (uint64_t rows = fsp_prng_below(&prng, 12); rows > 0; rows--)
            add_random_row(&prng, batch);
        commit();
        fsp_memview_apply(memory, batch, FSP_FAMILY_BYTES);
        fsp_batch_destroy(&batch);
        fsp_segments_tick(objects.segments, fsp_prng_chance(&prng, 1, 50), false);
        if (fsp_prng_chance(&prng, 1, 40)) {
            close_db();
            open_db();
        }
        if (round % 10 == 9)
            expect_as_in(fsp_memview_view(memory));
    }
    fsp_memview_destroy(&memory);
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
    tcase_add_test(tests, a_lost_file_is_damage_of_its_objects);
    tcase_add_test(tests, what_was_written_wrongly_by_others_is_damage);
    tcase_add_test(tests, random_groups_read_as_from_memory);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
