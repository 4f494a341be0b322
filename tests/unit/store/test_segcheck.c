/* SPDX-License-Identifier: MIT */
/* test_segcheck - rows against files of segments, and reads with all checksums.  Layer tests.
 *
 * Files and rows are made by hand from segrow alone, so that what `check` says is not what the
 * program that writes them believes.
 */
#include "store/segcheck.h"

#include "core/base/memview.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/suite.h"

enum {
    RECORDS = 3,
    BYTES = 10000,
    RECORD_BYTES = 40 * 256, /* two and a half pages */
    LIVE = RECORDS * RECORD_BYTES,
    USED = 8 * 4096 /* with the zeros at the end of the group */
};

static char *directory;
static fsp_memview_t *local, *rows;
static fsp_place_t places[RECORDS];
static fsp_segcheck_t result;
static char said[2048];

static void
on_fault(void *context, fsp_slice_t key, const char *words)
{
    (void)context;
    size_t used = strlen(said);
    (void)snprintf(said + used, sizeof(said) - used, "[%.*s] %s\n", (int)key.bytes,
                   key.bytes ? (const char *)key.data : "", words);
}

static fsp_slice_t
key_of(unsigned i)
{
    static const char *const keys[] = {"alpha", "beta", "gamma", "delta"};
    return fsp_slice_text(keys[i]);
}

/* Rows of LOCAL and BYTES; value empty: the row goes. */
static void
set_row(fsp_memview_t *view, fsp_slice_t key, fsp_slice_t value)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_family_t family = view == local ? FSP_FAMILY_LOCAL : FSP_FAMILY_BYTES;
    if (value.bytes > 0)
        fsp_batch_put(batch, family, key, value);
    else
        fsp_batch_delete(batch, family, key);
    fsp_memview_apply(view, batch, family);
    fsp_batch_destroy(&batch);
}

static void
set_text(fsp_memview_t *view, const char *key, const char *value)
{
    set_row(view, fsp_slice_text(key), fsp_slice_text(value));
}

static void
put(fsp_memview_t *view, fsp_slice_t key, fsp_buf_t *value)
{
    set_row(view, key, fsp_buf_slice(value));
    fsp_buf_clear(value);
}

static fsp_buf_t
new_buf(void)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 4096);
    return buf;
}

static void
put_segment(uint64_t number, uint64_t used, uint64_t live)
{
    fsp_buf_t key = new_buf(), value = new_buf();
    fsp_segment_key(number, &key);
    fsp_segment_encode(used, live, &value);
    put(local, fsp_buf_slice(&key), &value);
    fsp_buf_clear(&key);
}

static void
put_next(uint64_t next)
{
    fsp_buf_t value = new_buf();
    fsp_segments_encode(next, &value);
    put(local, fsp_slice_text("segments"), &value);
}

static void
put_place(unsigned i, const fsp_place_t *place)
{
    fsp_buf_t value = new_buf();
    fsp_place_encode(place, &value);
    put(rows, key_of(i), &value);
}

static const char *
segment_path(void)
{
    return scratch_path(directory, "segments/0000000000000007");
}

/* Segment 7 with three records, and its rows. */
static void
set_up(void)
{
    static uint8_t file[USED + 4096];
    directory = scratch_make();
    ck_assert_int_eq(mkdir(scratch_path(directory, "segments"), 0700), 0);
    local = fsp_memview_new();
    rows = fsp_memview_new();
    memset(file, 0, sizeof(file));
    for (unsigned i = 0; i < RECORDS; i++) {
        fsp_segrecord_t record = {.place = {.segment = 7, .offset = i * RECORD_BYTES}};
        record.key = key_of(i);
        record.place.bytes = BYTES;
        uint8_t *at = file + record.place.offset;
        uint8_t *bytes = at + FSP_SEGMENT_HEADER_BYTES + record.key.bytes;
        memset(bytes, 'a' + (int)i, BYTES);
        record.place.hash = fsp_segrecord_hash(fsp_slice(bytes, BYTES));
        fsp_segrecord_encode(&record, at);
        places[i] = record.place;
        put_place(i, &record.place);
    }
    memset(file + USED, 0xbd, 4096); /* behind the log: a torn tail */
    int fd = open(segment_path(), O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, file, sizeof(file)), sizeof(file));
    (void)close(fd);
    put_segment(7, USED, LIVE);
    put_next(8);
}

static void
tear_down(void)
{
    fsp_memview_destroy(&local);
    fsp_memview_destroy(&rows);
    scratch_end(&directory);
}

static void
look(fsp_segcheck_depth_t depth, fsp_slice_t until)
{
    said[0] = '\0';
    result = (fsp_segcheck_t){.depth = depth, .fault = on_fault};
    fsp_segcheck_run(&result, directory, fsp_memview_view(local), fsp_memview_view(rows), until);
}

static void
expect_faults(fsp_segcheck_depth_t depth, uint64_t count, const char *words)
{
    look(depth, (fsp_slice_t){0});
    ck_assert_msg(result.fault_count == count, "%s", said);
    ck_assert_msg(strstr(said, words) != NULL, "\"%s\" lacks \"%s\"", said, words);
}

START_TEST(what_is_sound_has_no_faults)
{
    for (int depth = FSP_SEGCHECK_ROWS; depth <= FSP_SEGCHECK_BYTES; depth++) {
        expect_faults((fsp_segcheck_depth_t)depth, 0, "");
        ck_assert_uint_eq(result.files, 1);
        ck_assert_uint_eq(result.objects, RECORDS);
        ck_assert_uint_eq(result.live_bytes, LIVE);
        ck_assert_uint_eq(result.dead_bytes, USED - LIVE);
        ck_assert_uint_eq(result.stray_files, 0);
    }
}
END_TEST

START_TEST(dead_records_and_strays_are_counted)
{
    set_row(rows, key_of(1), (fsp_slice_t){0});
    put_segment(7, USED, LIVE - RECORD_BYTES);
    scratch_copy(segment_path(), scratch_path(directory, "segments/0000000000000009"));
    scratch_copy(segment_path(), scratch_path(directory, "segments/notes"));
    expect_faults(FSP_SEGCHECK_BYTES, 0, "");
    ck_assert_uint_eq(result.objects, RECORDS - 1);
    ck_assert_uint_eq(result.dead_bytes, USED - LIVE + RECORD_BYTES);
    ck_assert_uint_eq(result.stray_files, 1);
}
END_TEST

START_TEST(accounting_must_add_up)
{
    put_segment(7, USED, LIVE - RECORD_BYTES);
    expect_faults(FSP_SEGCHECK_ROWS, 1, "segments/0000000000000007: its row says 20480 live");
}
END_TEST

START_TEST(rows_must_decode)
{
    set_row(rows, key_of(3), fsp_slice_text("?"));
    expect_faults(FSP_SEGCHECK_ROWS, 1, "[delta] index row does not decode");
    set_row(rows, key_of(3), (fsp_slice_t){0});
    set_text(local, "segment/0000000000000008", "?");
    set_text(local, "segment/eight", "?");
    expect_faults(FSP_SEGCHECK_ROWS, 2, "row segment/eight of a segment");
    set_text(local, "segment/0000000000000008", "");
    set_text(local, "segment/eight", "");
    set_text(local, "segments", "?");
    expect_faults(FSP_SEGCHECK_ROWS, 2, "row segments");
    put_next(7);
    expect_faults(FSP_SEGCHECK_ROWS, 1, "row segments says 7");
}
END_TEST

START_TEST(rows_lead_into_the_log_of_a_segment)
{
    fsp_place_t place = places[2];
    place.segment = 6;
    put_place(3, &place);
    expect_faults(FSP_SEGCHECK_ROWS, 1, "[delta] index row names a segment that is not there");
    place = (fsp_place_t){.segment = 7, .offset = USED, .bytes = 1};
    put_place(3, &place);
    expect_faults(FSP_SEGCHECK_ROWS, 1,
                  "[delta] segments/0000000000000007 at 32768: the record "
                  "lies behind the end of the log");
    place.offset = USED - 4096;
    place.bytes = BYTES;
    put_place(3, &place);
    expect_faults(FSP_SEGCHECK_ROWS, 1, "behind the end of the log");
    place.offset = UINT64_C(1) << 62;
    put_place(3, &place);
    expect_faults(FSP_SEGCHECK_ROWS, 1, "behind the end of the log");
}
END_TEST

START_TEST(records_do_not_overlap)
{
    put_place(3, &places[1]);
    put_segment(7, USED + 3 * 4096, LIVE + RECORD_BYTES);
    ck_assert_int_eq(truncate(segment_path(), USED + 3 * 4096), 0);
    expect_faults(FSP_SEGCHECK_ROWS, 1,
                  "[delta] segments/0000000000000007 at 10240: two index rows point to");
    fsp_place_t place = places[1];
    place.offset += 256;
    put_place(3, &place);
    expect_faults(FSP_SEGCHECK_ROWS, 2, "two index rows point to"); /* with gamma, too */
}
END_TEST

START_TEST(files_are_there_and_long_enough)
{
    ck_assert_int_eq(truncate(segment_path(), USED - 1), 0); /* zeros that no record has */
    expect_faults(FSP_SEGCHECK_ROWS, 1, "segments/0000000000000007 has 32767 bytes, its row says");
    ck_assert_int_eq(truncate(segment_path(), LIVE - 1), 0);
    expect_faults(FSP_SEGCHECK_ROWS, 2, "segments/0000000000000007 has 30719 bytes, its row says");
    ck_assert_ptr_nonnull(strstr(said, "[gamma]"));
    ck_assert_int_eq(unlink(segment_path()), 0);
    expect_faults(FSP_SEGCHECK_ROWS, 4, "segments/0000000000000007 is missing");
    ck_assert_int_eq(mkdir(segment_path(), 0700), 0);
    look(FSP_SEGCHECK_BYTES, (fsp_slice_t){0});
    ck_assert_ptr_nonnull(strstr(said, "is no file"));
    ck_assert_int_eq(rmdir(segment_path()), 0);
    ck_assert_int_eq(rmdir(scratch_path(directory, "segments")), 0);
    expect_faults(FSP_SEGCHECK_ROWS, 4, "segments/0000000000000007 is missing");
}
END_TEST

/* Each byte of a record: head, key, bytes, zeros. */
START_TEST(flipped_bits_are_found_and_named)
{
    static const off_t at[] = {0, 9, 13, 20, 30, 39, 47, 50, 56, 59, 61, 5000, 10059, 10060, 10239};
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        scratch_flip(segment_path(), RECORD_BYTES + at[i]);
        expect_faults(FSP_SEGCHECK_ROWS, 0, "");
        expect_faults(FSP_SEGCHECK_HEADS, at[i] < 60, "");
        expect_faults(FSP_SEGCHECK_BYTES, 1, "[beta] segments/0000000000000007 at 10240: ");
        scratch_flip(segment_path(), RECORD_BYTES + at[i]);
    }
    scratch_flip(segment_path(), USED + 5);
    expect_faults(FSP_SEGCHECK_BYTES, 0, "");
}
END_TEST

/* Whole records at other places, or of other keys, are not what the rows say. */
START_TEST(swapped_records_are_found)
{
    put_place(0, &places[1]);
    put_place(1, &places[0]);
    expect_faults(FSP_SEGCHECK_ROWS, 0, "");
    expect_faults(FSP_SEGCHECK_HEADS, 2,
                  "[alpha] segments/0000000000000007 at 10240: another record");
    put_place(0, &places[0]);
    put_place(1, &places[1]);
    /* The file under another number, as if somebody had copied it. */
    ck_assert_int_eq(rename(segment_path(), scratch_path(directory, "segments/0000000000000006")),
                     0);
    set_text(local, "segment/0000000000000007", "");
    put_segment(6, USED, LIVE);
    for (unsigned i = 0; i < RECORDS; i++) {
        fsp_place_t place = places[i];
        place.segment = 6;
        put_place(i, &place);
    }
    expect_faults(FSP_SEGCHECK_HEADS, RECORDS, "another record than the index row says");
}
END_TEST

START_TEST(bytes_are_lent_only_if_they_are_right)
{
    fsp_segverify_t reader;
    fsp_error_t error = {.text = ""};
    fsp_blob_t *blob = NULL;
    fsp_segverify_init(&reader, directory);
    ck_assert_int_eq(fsp_segverify_bytes(&reader, key_of(1), &places[1], &blob, &error), FSP_OK);
    ck_assert_uint_eq(fsp_blob_bytes(blob), BYTES);
    ck_assert_uint_eq(fsp_blob_data(blob)[BYTES - 1], 'b');
    fsp_blob_destroy(&blob);
    ck_assert_int_eq(fsp_segverify_bytes(&reader, key_of(0), &places[1], &blob, &error),
                     FSP_DAMAGED);
    fsp_place_t longer = places[1];
    longer.bytes++;
    ck_assert_int_eq(fsp_segverify_bytes(&reader, key_of(1), &longer, &blob, &error), FSP_DAMAGED);
    fsp_place_t behind = {.segment = 7, .offset = USED + 4096, .bytes = 1};
    ck_assert_int_eq(fsp_segverify_bytes(&reader, key_of(1), &behind, &blob, &error), FSP_DAMAGED);
    ck_assert_ptr_nonnull(strstr(error.text, "the file ends within the record"));
    behind.segment = 8;
    ck_assert_int_eq(fsp_segverify_head(&reader, key_of(1), &behind, &error), FSP_DAMAGED);
    ck_assert_ptr_nonnull(strstr(error.text, "segments/0000000000000008"));
    ck_assert_ptr_null(blob);
    fsp_segverify_clear(&reader);
}
END_TEST

/* A record of a store of format 2 behind the packed ones: it has whole pages. */
START_TEST(paged_records_are_read_too)
{
    enum { PAGES = 12288 };
    static uint8_t octets[PAGES];
    fsp_segrecord_t record = {.place = {.segment = 7, .offset = USED, .bytes = BYTES}};
    record.place.paged = true;
    record.key = key_of(3);
    uint8_t *bytes = octets + FSP_SEGMENT_HEADER_BYTES + record.key.bytes;
    memset(bytes, 'd', BYTES);
    record.place.hash = fsp_segrecord_hash(fsp_slice(bytes, BYTES));
    fsp_segrecord_encode(&record, octets);
    int fd = open(segment_path(), O_WRONLY);
    ck_assert_int_eq(pwrite(fd, octets, sizeof(octets), USED), sizeof(octets));
    (void)close(fd);
    put_place(3, &record.place);
    put_segment(7, USED + PAGES, LIVE + PAGES);
    expect_faults(FSP_SEGCHECK_BYTES, 0, "");
    scratch_flip(segment_path(), USED + PAGES - 1);
    expect_faults(FSP_SEGCHECK_BYTES, 1, "[delta] segments/0000000000000007 at 32768: no zeros");
    scratch_flip(segment_path(), USED + PAGES - 1);
    record.place.paged = false; /* the row says that it is packed */
    put_place(3, &record.place);
    put_segment(7, USED + PAGES, LIVE + RECORD_BYTES);
    expect_faults(FSP_SEGCHECK_ROWS, 0, "");
    expect_faults(FSP_SEGCHECK_HEADS, 1, "[delta] segments/0000000000000007 at 32768: another");
}
END_TEST

/* Under migration rows from some key on are not index rows yet. */
START_TEST(only_keys_below_the_cursor_are_index_rows)
{
    set_row(rows, key_of(2), fsp_slice_text("the bytes themselves"));
    put_segment(7, USED, LIVE - RECORD_BYTES);
    look(FSP_SEGCHECK_BYTES, key_of(2));
    ck_assert_msg(result.fault_count == 0, "%s", said);
    ck_assert_uint_eq(result.objects, RECORDS - 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("segcheck");
    TCase *tests = tcase_create("segcheck");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, what_is_sound_has_no_faults);
    tcase_add_test(tests, dead_records_and_strays_are_counted);
    tcase_add_test(tests, accounting_must_add_up);
    tcase_add_test(tests, rows_must_decode);
    tcase_add_test(tests, rows_lead_into_the_log_of_a_segment);
    tcase_add_test(tests, records_do_not_overlap);
    tcase_add_test(tests, paged_records_are_read_too);
    tcase_add_test(tests, files_are_there_and_long_enough);
    tcase_add_test(tests, flipped_bits_are_found_and_named);
    tcase_add_test(tests, swapped_records_are_found);
    tcase_add_test(tests, bytes_are_lent_only_if_they_are_right);
    tcase_add_test(tests, only_keys_below_the_cursor_are_index_rows);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
