/* SPDX-License-Identifier: MIT */
/* test_segdamage - segment files cut, deleted, swapped, older, strange; rows that lie.  Layer
 * tests.
 *
 * Nothing may be made empty, or be served as what it is not: the store refuses to open, or reads
 * say DAMAGED, or `check` (readonly.h) names file and key.  Bytes that are merely wrong are lent by
 * a store, since they are sealed; that a node never serves them is shown by
 * tests/system/test_check.py.
 */
#include "store/db.h"
#include "store/readonly.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

enum { OBJECTS = 12, OBJECT_BYTES = 300000, SEGMENT_BYTES = 1 << 20, IN_SEGMENT = 3 };

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

static fsp_store_config_t
config_of(void)
{
    fsp_store_config_t config = storekit_config(directory);
    config.segment_bytes = SEGMENT_BYTES;
    return config;
}

static fsp_store_t *
open_store(void)
{
    fsp_store_config_t config = config_of();
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_store_open(&config, &store, &fresh, &error) == FSP_OK, "%s", error.text);
    return store;
}

static fsp_slice_t
key_of(unsigned i)
{
    static char keys[OBJECTS + 8][16];
    (void)snprintf(keys[i], sizeof(keys[i]), "object %02u", i);
    return fsp_slice_text(keys[i]);
}

static void
put_objects(fsp_store_t *store, unsigned from, unsigned to)
{
    static uint8_t bytes[OBJECT_BYTES];
    for (unsigned i = from; i < to; i++) {
        memset(bytes, 'a' + (int)i, sizeof(bytes));
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put(batch, FSP_FAMILY_BYTES, key_of(i), fsp_slice(bytes, sizeof(bytes)));
        storekit_write(store, &batch);
    }
}

/* Objects 0..2 in segment 1, and so on; the last segment, 4, is full. */
static void
make_store(bool clean)
{
    fsp_store_t *store = open_store();
    put_objects(store, 0, OBJECTS);
    fsp_store_close(&store, clean, 0);
}

static const char *
segment_path(unsigned number)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "segments/%016x", number);
    return scratch_path(directory, name);
}

static bool
exists(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0;
}

static void
expect_object(fsp_status_t status, fsp_blob_t *blob, unsigned i)
{
    ck_assert_msg(status == FSP_OK, "object %u: %s", i, fsp_status_name(status));
    ck_assert_uint_eq(fsp_blob_bytes(blob), OBJECT_BYTES);
    size_t wrong = 0;
    for (size_t at = 0; at < OBJECT_BYTES; at++)
        wrong += fsp_blob_data(blob)[at] != 'a' + i;
    ck_assert_msg(wrong == 0, "object %u: %zu octets are wrong", i, wrong);
    fsp_blob_destroy(&blob);
}

static void
expect_objects(fsp_store_t *store, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        fsp_blob_t *blob = NULL;
        fsp_status_t status = fsp_store_read_bytes(store, FSP_FAMILY_BYTES, key_of(i), 0, 0, &blob);
        expect_object(status, blob, i);
    }
}

/* -- what check says --------------------------------------------------------------------------- */

static char said[8192];

static void
on_fault(void *context, fsp_slice_t key, const char *words)
{
    (void)context;
    size_t used = strlen(said);
    (void)snprintf(said + used, sizeof(said) - used, "[%.*s] %s\n", (int)key.bytes,
                   key.bytes ? (const char *)key.data : "", words);
}

/* Objects of the segments in the mask (bit 0: segment 1) are damaged, the others are read; the rows
   against the files have at least one fault that says these words, or none at all (NULL). */
static void
expect_check(unsigned damaged, const char *words)
{
    fsp_readonly_t *store = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_readonly_open(directory, 0, &store, &error) == FSP_OK, "%s", error.text);
    for (unsigned i = 0; i < OBJECTS; i++) {
        fsp_blob_t *blob = NULL;
        fsp_status_t status = fsp_readonly_bytes(store, FSP_FAMILY_BYTES, key_of(i), &blob);
        if (damaged & 1u << i / IN_SEGMENT) {
            ck_assert_msg(status == FSP_DAMAGED, "object %u: %s", i, fsp_status_name(status));
            fsp_readonly_take_words(store, &error);
            ck_assert_msg(strstr(error.text, "segments/") != NULL, "%s", error.text);
        } else {
            expect_object(status, blob, i);
        }
    }
    said[0] = '\0';
    fsp_segcheck_t check = {.depth = FSP_SEGCHECK_BYTES, .fault = on_fault};
    fsp_readonly_segments(store, &check);
    ck_assert_msg((check.fault_count > 0) == (words != NULL), "%s", said);
    ck_assert_msg(!words || strstr(said, words) != NULL, "\"%s\" lacks \"%s\"", said, words);
    fsp_readonly_close(&store);
}

/* -- files ------------------------------------------------------------------------------------- */

START_TEST(a_missing_segment_is_refused_and_named)
{
    make_store(_i);
    expect_check(0, NULL);
    ck_assert_int_eq(unlink(segment_path(2)), 0);
    storekit_refuse(directory, FSP_DAMAGED, "segments/0000000000000002 is missing");
    storekit_refuse(directory, FSP_DAMAGED, "segments/0000000000000002 is missing");
    expect_check(2, "segments/0000000000000002 is missing");
    for (unsigned number = 1; number <= 4; number++) /* the others wait for it */
        ck_assert(exists(segment_path(number)) == (number != 2));
}
END_TEST

START_TEST(a_cut_segment_is_refused_and_named)
{
    make_store(_i);
    off_t bytes = scratch_size(segment_path(3));
    ck_assert_int_eq(truncate(segment_path(3), bytes - 4096), 0);
    storekit_refuse(directory, FSP_DAMAGED, "segments/0000000000000003");
    ck_assert_int_eq(scratch_size(segment_path(3)), bytes - 4096);
    ck_assert_int_eq(truncate(segment_path(3), 0), 0);
    storekit_refuse(directory, FSP_DAMAGED, "segments/0000000000000003");
    expect_check(4, "segments/0000000000000003 has 0 bytes");
}
END_TEST

START_TEST(swapped_segments_are_found)
{
    make_store(true);
    const char *aside = scratch_path(directory, "aside");
    ck_assert_int_eq(rename(segment_path(1), aside), 0);
    ck_assert_int_eq(rename(segment_path(2), segment_path(1)), 0);
    ck_assert_int_eq(rename(scratch_path(directory, "aside"), segment_path(2)), 0);
    expect_check(3, "another record than the index row says");
}
END_TEST

/* The active segment as it was when it had one object. */
START_TEST(an_older_copy_is_refused_or_named)
{
    fsp_store_t *store = open_store();
    put_objects(store, 0, OBJECTS - 2);
    fsp_store_close(&store, true, 0);
    scratch_copy(segment_path(4), scratch_path(directory, "old"));
    store = open_store();
    put_objects(store, OBJECTS - 2, OBJECTS);
    fsp_store_close(&store, _i, 0);
    off_t bytes = scratch_size(segment_path(4));
    scratch_copy(scratch_path(directory, "old"), segment_path(4));
    ck_assert_int_lt(scratch_size(segment_path(4)), bytes);
    storekit_refuse(directory, FSP_DAMAGED, "segments/0000000000000004");
    /* As long as it should be, its end is not what rows say. */
    ck_assert_int_eq(truncate(segment_path(4), bytes), 0);
    fsp_readonly_t *reader = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_readonly_open(directory, 0, &reader, &error), FSP_OK);
    for (unsigned i = 0; i < OBJECTS; i++) {
        fsp_blob_t *blob = NULL;
        fsp_status_t status = fsp_readonly_bytes(reader, FSP_FAMILY_BYTES, key_of(i), &blob);
        if (i < OBJECTS - 2)
            expect_object(status, blob, i);
        else
            ck_assert_int_eq(status, FSP_DAMAGED);
    }
    fsp_readonly_close(&reader);
}
END_TEST

/* What a crash left behind the end of a log, or in a file that no row names yet. */
START_TEST(what_was_never_acknowledged_is_harmless)
{
    fsp_store_t *store = open_store();
    put_objects(store, 0, OBJECTS - 1);
    fsp_store_close(&store, false, 0);
    off_t bytes = scratch_size(segment_path(4));
    scratch_copy(segment_path(1), scratch_path(directory, "piece"));
    int fd = open(segment_path(4), O_WRONLY | O_APPEND);
    int piece = open(scratch_path(directory, "piece"), O_RDONLY);
    static uint8_t record[OBJECT_BYTES + 100]; /* a whole head and a torn record */
    ck_assert_int_eq(read(piece, record, sizeof(record)), sizeof(record));
    ck_assert_int_eq(write(fd, record, sizeof(record)), sizeof(record));
    (void)close(fd);
    (void)close(piece);
    scratch_copy(segment_path(1), segment_path(9));
    scratch_copy(segment_path(1), scratch_path(directory, "segments/mine"));
    store = open_store();
    ck_assert_int_eq(scratch_size(segment_path(4)), bytes);
    ck_assert(!exists(segment_path(9)));
    ck_assert(exists(scratch_path(directory, "segments/mine")));
    expect_objects(store, OBJECTS - 1);
    put_objects(store, OBJECTS - 1, OBJECTS);
    expect_objects(store, OBJECTS);
    fsp_store_close(&store, _i, 0);
    expect_check(0, NULL);
}
END_TEST

/* Somebody, or a disk, took the rows away: the bytes are not swept up behind them. */
START_TEST(a_store_without_database_keeps_its_segments)
{
    make_store(true);
    scratch_remove(scratch_path(directory, "db"));
    if (_i > 0)
        ck_assert_int_eq(unlink(scratch_path(directory, "WATERMARK")), 0);
    if (_i > 1)
        ck_assert_int_eq(unlink(scratch_path(directory, "lock")), 0);
    for (int again = 0; again < 2; again++)
        storekit_refuse(directory, FSP_DAMAGED, "database is missing");
    for (unsigned number = 1; number <= 4; number++)
        ck_assert_int_gt(scratch_size(segment_path(number)), IN_SEGMENT * OBJECT_BYTES);
    ck_assert(!exists(scratch_path(directory, "db/CURRENT")));
}
END_TEST

/* -- rows -------------------------------------------------------------------------------------- */

/* Writes a row behind the store's back. */
static void
set_row(fsp_family_t family, fsp_slice_t key, fsp_slice_t value)
{
    const fsp_db_config_t config = {.path = scratch_path(directory, "db"),
                                    .cache_bytes = 1 << 20,
                                    .write_buffer_bytes = 4 << 20};
    fsp_db_t *db = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_db_open(&config, &db, &error) == FSP_OK, "%s", error.text);
    fsp_db_write_t *write = fsp_db_write_new(db);
    if (value.bytes > 0)
        fsp_db_write_put(write, family, key, value);
    else
        fsp_db_write_delete(write, family, key);
    ck_assert_int_eq(fsp_db_commit_logged(db, write, &error), FSP_OK);
    fsp_db_write_destroy(&write);
    fsp_db_close(&db);
}

static void
set_segment_row(unsigned number, uint64_t used, uint64_t live)
{
    fsp_buf_t key, value;
    fsp_buf_init(&key, 64);
    fsp_buf_init(&value, 64);
    fsp_segment_key(number, &key);
    fsp_segment_encode(used, live, &value);
    set_row(FSP_FAMILY_LOCAL, fsp_buf_slice(&key), fsp_buf_slice(&value));
    fsp_buf_clear(&key);
    fsp_buf_clear(&value);
}

START_TEST(rows_of_segments_that_lie_are_refused)
{
    make_store(true);
    uint64_t used = (uint64_t)scratch_size(segment_path(2));
    const fsp_place_t place = {.bytes = OBJECT_BYTES};
    uint64_t live = IN_SEGMENT * fsp_segrecord_bytes(&place, key_of(0).bytes);
    set_segment_row(2, used + 4096, used);
    storekit_refuse(directory, FSP_DAMAGED, "segments/0000000000000002");
    expect_check(0, "segments/0000000000000002 has");
    set_segment_row(2, used, live);
    set_segment_row(77, 4096, 4096);
    storekit_refuse(directory, FSP_DAMAGED, "segment/000000000000004d");
    set_row(FSP_FAMILY_LOCAL, fsp_slice_text("segment/000000000000004d"), (fsp_slice_t){0});
    set_row(FSP_FAMILY_LOCAL, fsp_slice_text("segment/0000000000000002"), fsp_slice_text("?"));
    storekit_refuse(directory, FSP_DAMAGED, "segment/0000000000000002");
    expect_check(0, "segment/0000000000000002"); /* not believed, but the records are there */
    set_segment_row(2, used, live);
    set_row(FSP_FAMILY_LOCAL, fsp_slice_text("segments"), fsp_slice_text("\x92\x02\x05"));
    storekit_refuse(directory, FSP_FORMAT_NEWER, "segments");
    set_row(FSP_FAMILY_LOCAL, fsp_slice_text("segments"), fsp_slice_text("\x92\x01\x05"));
    expect_check(0, NULL);
    fsp_store_t *store = open_store();
    expect_objects(store, OBJECTS);
    fsp_store_close(&store, true, 0);
}
END_TEST

/* All rows of segments are gone, or the next number is: the files must not go after them. */
START_TEST(lost_rows_of_segments_take_no_file_away)
{
    make_store(true);
    for (unsigned number = 1; number <= 4; number++) {
        fsp_buf_t key;
        fsp_buf_init(&key, 64);
        fsp_segment_key(number, &key);
        set_row(FSP_FAMILY_LOCAL, fsp_buf_slice(&key), (fsp_slice_t){0});
        fsp_buf_clear(&key);
    }
    set_row(FSP_FAMILY_LOCAL, fsp_slice_text("segments"), (fsp_slice_t){0});
    storekit_refuse(directory, FSP_DAMAGED, "segments");
    for (unsigned number = 1; number <= 4; number++)
        ck_assert(exists(segment_path(number)));
}
END_TEST

START_TEST(index_rows_that_lie_cost_one_object)
{
    make_store(true);
    fsp_buf_t row;
    fsp_buf_init(&row, 64);
    const fsp_place_t places[] = {
        {.segment = 77, .offset = 0, .bytes = OBJECT_BYTES},
        {.segment = 1, .offset = UINT64_C(1) << 40, .bytes = OBJECT_BYTES},
        {.segment = 1, .offset = 0, .bytes = FSP_OBJECT_BYTES_MAX},
    };
    fsp_slice_t value = fsp_slice_text("?");
    if ((size_t)_i < sizeof(places) / sizeof(places[0])) {
        fsp_place_encode(&places[_i], &row);
        value = fsp_buf_slice(&row);
    }
    set_row(FSP_FAMILY_BYTES, key_of(0), value);
    fsp_store_t *store = open_store();
    fsp_blob_t *blob = NULL;
    fsp_status_t status = fsp_store_read_bytes(store, FSP_FAMILY_BYTES, key_of(0), 0, 0, &blob);
    ck_assert_msg(status == FSP_DAMAGED, "%s", fsp_status_name(status));
    for (unsigned i = 1; i < OBJECTS; i++) {
        status = fsp_store_read_bytes(store, FSP_FAMILY_BYTES, key_of(i), 0, 0, &blob);
        expect_object(status, blob, i);
    }
    fsp_store_close(&store, true, 0);
    fsp_buf_clear(&row);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("segdamage");
    TCase *tests = tcase_create("segdamage");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, a_missing_segment_is_refused_and_named, 0, 2);
    tcase_add_loop_test(tests, a_cut_segment_is_refused_and_named, 0, 2);
    tcase_add_test(tests, swapped_segments_are_found);
    tcase_add_loop_test(tests, an_older_copy_is_refused_or_named, 0, 2);
    tcase_add_loop_test(tests, what_was_never_acknowledged_is_harmless, 0, 2);
    tcase_add_loop_test(tests, a_store_without_database_keeps_its_segments, 0, 3);
    tcase_add_test(tests, rows_of_segments_that_lie_are_refused);
    tcase_add_test(tests, lost_rows_of_segments_take_no_file_away);
    tcase_add_loop_test(tests, index_rows_that_lie_cost_one_object, 0, 4);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
