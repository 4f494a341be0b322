/* SPDX-License-Identifier: MIT */
/* test_segrow - what records and rows of segments may look like, and what is refused.  Layer tests.
 *
 * Their octets themselves are frozen in tests/vectors/store.json
 * (tests/actors/test_vectors_disk.c).
 */
#include "core/base/canon.h"
#include "store/segrow.h"
#include "tests/unit/suite.h"

#include <string.h>
#include <xxhash.h>

enum { KEY_BYTES = 53, HEAD_BYTES = FSP_SEGMENT_HEADER_BYTES + KEY_BYTES };

static const uint64_t page = FSP_SEGMENT_PAGE_BYTES;

/* -- records ----------------------------------------------------------------------------------- */

static fsp_segrecord_t
example(uint8_t *key)
{
    memset(key, 0x4b, KEY_BYTES);
    return (fsp_segrecord_t){.place = {.segment = 0x0102030405060708,
                                       .offset = 3 * page,
                                       .bytes = 70000,
                                       .hash = 0x1112131415161718},
                             .key = fsp_slice(key, KEY_BYTES)};
}

/* The checksum of a head that was changed by hand. */
static void
sign(uint8_t *head, size_t key_bytes)
{
    uint8_t covered[48 + FSP_ROW_KEY_BYTES_MAX];
    memcpy(covered, head, 48);
    memcpy(covered + 48, head + FSP_SEGMENT_HEADER_BYTES, key_bytes);
    fsp_store_u64(head + 48, XXH3_64bits(covered, 48 + key_bytes));
}

static void
expect_decoded(const uint8_t *head, size_t bytes, fsp_status_t expected)
{
    fsp_segrecord_t record = {.place = {.segment = 99}};
    ck_assert_int_eq(fsp_segrecord_decode(fsp_slice(head, bytes), &record), expected);
    if (expected != FSP_OK)
        ck_assert_uint_eq(record.place.segment, 99); /* untouched */
}

START_TEST(a_record_head_is_read_as_it_was_written)
{
    uint8_t key[KEY_BYTES], head[HEAD_BYTES + 100];
    fsp_segrecord_t record = example(key), found;
    memset(head, 0xaa, sizeof(head));
    fsp_segrecord_encode(&record, head);
    ck_assert_uint_eq(head[HEAD_BYTES], 0xaa); /* not an octet more */
    ck_assert_uint_eq(head[11], 3);
    for (size_t bytes = HEAD_BYTES; bytes <= sizeof(head); bytes += 100) {
        ck_assert_int_eq(fsp_segrecord_decode(fsp_slice(head, bytes), &found), FSP_OK);
        ck_assert(fsp_place_eq(&found.place, &record.place));
        ck_assert(fsp_slice_eq(found.key, record.key));
    }
}
END_TEST

START_TEST(each_bit_of_a_record_head_counts)
{
    uint8_t key[KEY_BYTES], head[HEAD_BYTES];
    fsp_segrecord_t record = example(key), found;
    fsp_segrecord_encode(&record, head);
    for (size_t bit = 0; bit < 8 * sizeof(head); bit++) {
        head[bit / 8] ^= (uint8_t)(1u << bit % 8);
        fsp_status_t status = fsp_segrecord_decode(fsp_slice(head, sizeof(head)), &found);
        ck_assert_msg(status == (bit < 64 ? FSP_NOT_FOUND : status) && status != FSP_OK,
                      "bit %zu: %s", bit, fsp_status_name(status));
        head[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    expect_decoded(head, sizeof(head), FSP_OK);
}
END_TEST

START_TEST(too_few_octets_are_no_record)
{
    uint8_t key[KEY_BYTES], head[HEAD_BYTES];
    fsp_segrecord_t record = example(key);
    fsp_segrecord_encode(&record, head);
    for (size_t bytes = 0; bytes < sizeof(head); bytes++)
        expect_decoded(head, bytes, bytes < 8 ? FSP_NOT_FOUND : FSP_DAMAGED);
    memset(head, 0, sizeof(head)); /* what was punched out */
    expect_decoded(head, sizeof(head), FSP_NOT_FOUND);
}
END_TEST

typedef struct {
    size_t at;
    unsigned bytes;
    uint64_t value;
    fsp_status_t status;
} change_t;

/* Heads with a right checksum that encode does not make. */
static const change_t changes[] = {
    {8, 4, 0, FSP_DAMAGED}, /* format */
    {8, 4, 2, FSP_FORMAT_NEWER},
    {8, 4, 4, FSP_FORMAT_NEWER},
    {8, 4, 1, FSP_OK},       /* it begins a page */
    {12, 4, 0, FSP_DAMAGED}, /* octets of the key */
    {12, 4, FSP_ROW_KEY_BYTES_MAX + 1, FSP_DAMAGED},
    {12, 4, UINT32_MAX, FSP_DAMAGED},
    {16, 8, FSP_OBJECT_BYTES_MAX + UINT64_C(1), FSP_DAMAGED}, /* of the object */
    {16, 8, UINT64_MAX, FSP_DAMAGED},
    {32, 8, 0, FSP_DAMAGED}, /* segment */
    {40, 8, 1, FSP_DAMAGED}, /* offset */
    {40, 8, 128, FSP_DAMAGED},
    {40, 8, 256, FSP_OK},
    {40, 8, UINT64_MAX - 4095, FSP_DAMAGED},
    {16, 8, FSP_OBJECT_BYTES_MAX, FSP_OK},
    {40, 8, UINT64_C(1) << 62, FSP_OK},
    {32, 8, UINT64_MAX, FSP_OK},
};

START_TEST(a_head_out_of_bounds_is_refused)
{
    uint8_t key[KEY_BYTES], head[FSP_SEGMENT_HEADER_BYTES + FSP_ROW_KEY_BYTES_MAX] = {0};
    fsp_segrecord_t record = example(key);
    fsp_segrecord_encode(&record, head);
    const change_t *change = &changes[_i];
    if (change->bytes == 4)
        fsp_store_u32(head + change->at, (uint32_t)change->value);
    else
        fsp_store_u64(head + change->at, change->value);
    sign(head, KEY_BYTES);
    expect_decoded(head, sizeof(head), change->status);
}
END_TEST

/* As stores of format 2 wrote it: only at the begin of a page. */
START_TEST(a_paged_head_is_read_as_it_was_written)
{
    uint8_t key[KEY_BYTES], head[HEAD_BYTES];
    fsp_segrecord_t record = example(key), found;
    record.place.paged = true;
    fsp_segrecord_encode(&record, head);
    ck_assert_uint_eq(head[11], 1);
    ck_assert_int_eq(fsp_segrecord_decode(fsp_slice(head, sizeof(head)), &found), FSP_OK);
    ck_assert(found.place.paged && fsp_place_eq(&found.place, &record.place));
    found.place.paged = false;
    ck_assert(!fsp_place_eq(&found.place, &record.place));
    fsp_store_u64(head + 40, 3 * page + FSP_SEGMENT_UNIT_BYTES);
    sign(head, KEY_BYTES);
    expect_decoded(head, sizeof(head), FSP_DAMAGED);
}
END_TEST

/* _i 1: whole pages, as stores of format 2 wrote them. */
START_TEST(records_fill_whole_units)
{
    uint64_t unit = _i ? page : FSP_SEGMENT_UNIT_BYTES;
    fsp_place_t place = {.segment = 1, .offset = 5 * page, .paged = _i};
    ck_assert_uint_eq(fsp_segrecord_bytes(&place, KEY_BYTES), unit);
    ck_assert_uint_eq(fsp_segrecord_data(&place, KEY_BYTES), 5 * page + HEAD_BYTES);
    place.bytes = unit - HEAD_BYTES;
    ck_assert_uint_eq(fsp_segrecord_bytes(&place, KEY_BYTES), unit);
    place.bytes++;
    ck_assert_uint_eq(fsp_segrecord_bytes(&place, KEY_BYTES), 2 * unit);
    place.bytes = FSP_OBJECT_BYTES_MAX;
    uint64_t octets = fsp_segrecord_bytes(&place, FSP_ROW_KEY_BYTES_MAX);
    ck_assert(octets % unit == 0 && octets - place.bytes < FSP_SEGMENT_HEAD_BYTES_MAX + unit);
    ck_assert_uint_eq(fsp_segment_page_up(0), 0);
    ck_assert_uint_eq(fsp_segment_page_up(1), page);
    ck_assert_uint_eq(fsp_segment_page_up(page), page);
}
END_TEST

/* -- rows -------------------------------------------------------------------------------------- */

/* The array of these numbers. */
static void
make_row(fsp_buf_t *row, size_t count, const uint64_t *values)
{
    fsp_buf_reset(row);
    fsp_canon_array(row, count);
    for (size_t i = 0; i < count; i++)
        fsp_canon_uint(row, values[i]);
}

typedef struct {
    size_t count;
    uint64_t values[6];
    fsp_status_t status;
} row_case_t;

static const row_case_t places[] = {
    {5, {1, 7, 4096, 70000, UINT64_MAX}, FSP_OK},
    {5, {1, UINT64_MAX, UINT64_C(1) << 62, 0, 0}, FSP_OK},
    {5, {3, 7, 4096, 70000, 5}, FSP_OK},
    {5, {3, 7, 4352, 70000, 5}, FSP_OK},
    {5, {3, 7, 4351, 70000, 5}, FSP_DAMAGED},
    {5, {1, 7, 4352, 70000, 5}, FSP_DAMAGED},
    {5, {4, 7, 4096, 70000, 5}, FSP_FORMAT_NEWER},
    {5, {2, 7, 4096, 70000, 5}, FSP_FORMAT_NEWER},
    {6, {2, 7, 4096, 70000, 5, 6}, FSP_FORMAT_NEWER},
    {1, {2}, FSP_FORMAT_NEWER},
    {5, {0, 7, 4096, 70000, 5}, FSP_DAMAGED},
    {4, {1, 7, 4096, 70000}, FSP_DAMAGED},
    {6, {1, 7, 4096, 70000, 5, 6}, FSP_DAMAGED},
    {5, {1, 0, 4096, 70000, 5}, FSP_DAMAGED},
    {5, {1, 7, 4095, 70000, 5}, FSP_DAMAGED},
    {5, {1, 7, (UINT64_C(1) << 62) + 4096, 70000, 5}, FSP_DAMAGED},
    {5, {1, 7, 4096, FSP_OBJECT_BYTES_MAX + UINT64_C(1), 5}, FSP_DAMAGED},
};

START_TEST(index_rows_are_bounded)
{
    fsp_buf_t row, again;
    fsp_buf_init(&row, 4096);
    fsp_buf_init(&again, FSP_SEGMENT_ROW_BYTES_MAX);
    const row_case_t *test = &places[_i];
    make_row(&row, test->count, test->values);
    fsp_place_t place = {.segment = 99};
    ck_assert_int_eq(fsp_place_decode(fsp_buf_slice(&row), &place), test->status);
    if (test->status == FSP_OK) {
        fsp_place_encode(&place, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&row), fsp_buf_slice(&again)));
        fsp_buf_append_u8(&row, 0); /* something behind it */
        ck_assert_int_eq(fsp_place_decode(fsp_buf_slice(&row), &place), FSP_DAMAGED);
    } else {
        ck_assert_uint_eq(place.segment, 99);
    }
    fsp_buf_clear(&row);
    fsp_buf_clear(&again);
}
END_TEST

static const row_case_t segments[] = {
    {3, {3, 8192, 4096}, FSP_OK},
    {3, {3, 0, 0}, FSP_OK},
    {3, {3, 4096, 4096}, FSP_OK},
    {3, {3, 8192, 4352}, FSP_OK},
    {3, {3, 8192, 4353}, FSP_DAMAGED},
    {3, {3, 8192 + 256, 4096}, FSP_DAMAGED},
    {3, {3, 4096, 4352}, FSP_DAMAGED}, /* more lives than there is */
    {3, {1, 8192, 4096}, FSP_OK},
    {3, {1, 0, 0}, FSP_OK},
    {3, {1, 4096, 4096}, FSP_OK},
    {3, {1, 8192, 4352}, FSP_DAMAGED}, /* there was nothing packed */
    {3, {1, 4096, 8192}, FSP_DAMAGED},
    {3, {1, 4097, 4096}, FSP_DAMAGED},
    {3, {1, 8192, 4097}, FSP_DAMAGED},
    {3, {1, UINT64_MAX - 4095, 0}, FSP_DAMAGED},
    {2, {1, 8192}, FSP_DAMAGED},
    {4, {1, 8192, 4096, 0}, FSP_DAMAGED},
    {3, {0, 8192, 4096}, FSP_DAMAGED},
    {4, {2, 8192, 4096, 0}, FSP_FORMAT_NEWER},
    {4, {4, 8192, 4096, 0}, FSP_FORMAT_NEWER},
};

START_TEST(rows_of_segments_are_bounded)
{
    fsp_buf_t row, again;
    fsp_buf_init(&row, 4096);
    fsp_buf_init(&again, FSP_SEGMENT_ROW_BYTES_MAX);
    const row_case_t *test = &segments[_i];
    make_row(&row, test->count, test->values);
    uint64_t used = 99, live = 99;
    ck_assert_int_eq(fsp_segment_decode(fsp_buf_slice(&row), &used, &live), test->status);
    if (test->status == FSP_OK) {
        ck_assert(used == test->values[1] && live == test->values[2]);
        row.data[1] = 3; /* whatever it was */
        fsp_segment_encode(used, live, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&row), fsp_buf_slice(&again)));
    } else {
        ck_assert(used == 99 && live == 99);
    }
    fsp_buf_clear(&row);
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(the_next_number_and_the_cursor_are_read_back)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_CURSOR_BYTES_MAX);
    uint64_t next = 0;
    fsp_segments_encode(UINT64_MAX, &row);
    ck_assert_int_eq(fsp_segments_decode(fsp_buf_slice(&row), &next), FSP_OK);
    ck_assert_uint_eq(next, UINT64_MAX);
    make_row(&row, 2, (uint64_t[]){1, 0});
    ck_assert_int_eq(fsp_segments_decode(fsp_buf_slice(&row), &next), FSP_DAMAGED);
    make_row(&row, 2, (uint64_t[]){3, 1});
    ck_assert_int_eq(fsp_segments_decode(fsp_buf_slice(&row), &next), FSP_FORMAT_NEWER);
    make_row(&row, 2, (uint64_t[]){2, 1});
    ck_assert_int_eq(fsp_segments_decode(fsp_buf_slice(&row), &next), FSP_FORMAT_NEWER);
    uint8_t key[FSP_ROW_KEY_BYTES_MAX];
    memset(key, 0x4b, sizeof(key));
    for (size_t bytes = 0; bytes <= sizeof(key); bytes += sizeof(key)) {
        fsp_slice_t found = {0};
        fsp_buf_reset(&row);
        fsp_migrated_encode(fsp_slice(key, bytes), &row);
        ck_assert(fsp_buf_ok(&row));
        ck_assert_int_eq(fsp_migrated_decode(fsp_buf_slice(&row), &found), FSP_OK);
        ck_assert(fsp_slice_eq(found, fsp_slice(key, bytes)));
    }
    make_row(&row, 2, (uint64_t[]){1, 1});
    fsp_slice_t found = {0};
    ck_assert_int_eq(fsp_migrated_decode(fsp_buf_slice(&row), &found), FSP_DAMAGED);
    fsp_buf_clear(&row);
}
END_TEST

/* -- names ------------------------------------------------------------------------------------- */

START_TEST(names_rise_with_their_numbers)
{
    static const uint64_t numbers[] = {1, 9, 10, 15, 16, 255, 256, UINT32_MAX, UINT64_MAX};
    char before[FSP_SEGMENT_NAME_BYTES] = "0000000000000000", name[FSP_SEGMENT_NAME_BYTES];
    fsp_buf_t key;
    fsp_buf_init(&key, 64);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint64_t found = 0;
        fsp_segment_name(numbers[i], name);
        ck_assert_int_lt(strcmp(before, name), 0);
        memcpy(before, name, sizeof(name));
        ck_assert_int_eq(fsp_segment_parse_name(name, &found), FSP_OK);
        ck_assert_uint_eq(found, numbers[i]);
        fsp_buf_reset(&key);
        fsp_segment_key(numbers[i], &key);
        ck_assert_int_eq(fsp_segment_parse_key(fsp_buf_slice(&key), &found), FSP_OK);
        ck_assert_uint_eq(found, numbers[i]);
    }
    fsp_buf_clear(&key);
}
END_TEST

START_TEST(other_names_are_somebody_elses)
{
    static const char *const names[] = {"",
                                        "1",
                                        "0000000000000000",
                                        "000000000000001",
                                        "00000000000000001",
                                        "000000000000000A",
                                        "000000000000000g",
                                        "0x00000000000001",
                                        "0000000000000001~",
                                        ".000000000000001",
                                        "lost+found"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t found = 99;
        char key[64];
        ck_assert_int_eq(fsp_segment_parse_name(names[i], &found), FSP_NOT_FOUND);
        (void)snprintf(key, sizeof(key), "segment/%s", names[i]);
        ck_assert_int_eq(fsp_segment_parse_key(fsp_slice_text(key), &found), FSP_DAMAGED);
        ck_assert_uint_eq(found, 99);
    }
    uint64_t found = 99;
    ck_assert_int_eq(fsp_segment_parse_key(fsp_slice_text("segments"), &found), FSP_DAMAGED);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("segrow");
    TCase *tests = tcase_create("segrow");
    tcase_add_test(tests, a_record_head_is_read_as_it_was_written);
    tcase_add_test(tests, each_bit_of_a_record_head_counts);
    tcase_add_test(tests, too_few_octets_are_no_record);
    tcase_add_loop_test(tests, a_head_out_of_bounds_is_refused, 0,
                        sizeof(changes) / sizeof(changes[0]));
    tcase_add_test(tests, a_paged_head_is_read_as_it_was_written);
    tcase_add_loop_test(tests, records_fill_whole_units, 0, 2);
    tcase_add_loop_test(tests, index_rows_are_bounded, 0, sizeof(places) / sizeof(places[0]));
    tcase_add_loop_test(tests, rows_of_segments_are_bounded, 0,
                        sizeof(segments) / sizeof(segments[0]));
    tcase_add_test(tests, the_next_number_and_the_cursor_are_read_back);
    tcase_add_test(tests, names_rise_with_their_numbers);
    tcase_add_test(tests, other_names_are_somebody_elses);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
