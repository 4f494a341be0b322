/* SPDX-License-Identifier: MIT */
/* test_wire - msgpack written, skimmed and read.  Layer tests. */
#include "proto/wire.h"
#include "tests/unit/proto/mutate.h"
#include "tests/unit/suite.h"

static fsp_buf_t buf;

static void
set_up(void)
{
    fsp_buf_init(&buf, FSP_BODY_BYTES_MAX);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
}

#define BYTES(...) fsp_slice((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void
expect(fsp_slice_t bytes)
{
    ck_assert_uint_eq(buf.bytes, bytes.bytes);
    ck_assert_mem_eq(buf.data, bytes.data, bytes.bytes);
    fsp_buf_reset(&buf);
}

START_TEST(writes_the_shortest_forms)
{
    fsp_wire_uint(&buf, 0);
    fsp_wire_uint(&buf, 127);
    fsp_wire_uint(&buf, 128);
    fsp_wire_uint(&buf, 256);
    fsp_wire_uint(&buf, 65536);
    expect(BYTES(0, 0x7f, 0xcc, 0x80, 0xcd, 1, 0, 0xce, 0, 1, 0, 0));
    fsp_wire_uint(&buf, UINT64_MAX);
    expect(BYTES(0xcf, 255, 255, 255, 255, 255, 255, 255, 255));
    fsp_wire_int(&buf, -1);
    fsp_wire_int(&buf, -33);
    fsp_wire_int(&buf, 5);
    fsp_wire_int(&buf, INT64_MIN);
    expect(BYTES(0xff, 0xd0, 0xdf, 5, 0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0));
    fsp_wire_bool(&buf, true);
    fsp_wire_bool(&buf, false);
    fsp_wire_text(&buf, fsp_slice_text("ab"));
    fsp_wire_text(&buf, fsp_slice(NULL, 0));
    fsp_wire_bin(&buf, fsp_slice_text("ab"));
    fsp_wire_bin(&buf, fsp_slice(NULL, 0));
    expect(BYTES(0xc3, 0xc2, 0xa2, 'a', 'b', 0xa0, 0xc4, 2, 'a', 'b', 0xc4, 0));
    fsp_wire_map(&buf, 2);
    fsp_wire_map(&buf, 16);
    fsp_wire_array(&buf, 15);
    fsp_wire_array(&buf, 65536);
    expect(BYTES(0x82, 0xde, 0, 16, 0x9f, 0xdd, 0, 1, 0, 0));
}
END_TEST

START_TEST(overflow_of_the_buffer_is_sticky)
{
    fsp_buf_t small;
    fsp_buf_init(&small, 4);
    fsp_wire_text(&small, fsp_slice_text("abcdef"));
    fsp_wire_uint(&small, 1);
    ck_assert(!fsp_buf_ok(&small));
    fsp_buf_clear(&small);
}
END_TEST

START_TEST(walks_a_map)
{
    fsp_wire_map(&buf, 3);
    fsp_wire_text(&buf, fsp_slice_text("a"));
    fsp_wire_uint(&buf, 7);
    fsp_wire_text(&buf, fsp_slice_text("list"));
    fsp_wire_array(&buf, 2);
    fsp_wire_bool(&buf, true);
    fsp_wire_int(&buf, -5);
    fsp_wire_text(&buf, fsp_slice_text("z"));
    fsp_wire_text(&buf, fsp_slice_text("\xc3\xbc"));

    fsp_wire_reader_t map, array;
    fsp_slice_t key, value;
    uint64_t number;
    int64_t signed_number;
    bool truth;
    size_t count;
    ck_assert_int_eq(fsp_wire_open_map(fsp_buf_slice(&buf), &map), FSP_OK);
    ck_assert_int_eq(fsp_wire_next_pair(&map, &key, &value), FSP_OK);
    ck_assert(fsp_slice_eq(key, fsp_slice_text("a")));
    ck_assert_int_eq(fsp_wire_read_uint(value, 7, &number), FSP_OK);
    ck_assert_uint_eq(number, 7);
    ck_assert_int_eq(fsp_wire_read_uint(value, 6, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_bool(value, &truth), FSP_INVALID);

    ck_assert_int_eq(fsp_wire_next_pair(&map, &key, &value), FSP_OK);
    ck_assert_int_eq(fsp_wire_open_array(value, 1, &array, &count), FSP_TOO_LARGE);
    ck_assert_int_eq(fsp_wire_open_array(value, 2, &array, &count), FSP_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(fsp_wire_read_uint(value, UINT64_MAX, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_next(&array, &value), FSP_OK);
    ck_assert_int_eq(fsp_wire_read_bool(value, &truth), FSP_OK);
    ck_assert(truth);
    ck_assert_int_eq(fsp_wire_next(&array, &value), FSP_OK);
    ck_assert_int_eq(fsp_wire_read_int(value, -5, 0, &signed_number), FSP_OK);
    ck_assert_int_eq(signed_number, -5);
    ck_assert_int_eq(fsp_wire_read_int(value, -4, 0, &signed_number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_uint(value, UINT64_MAX, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_next(&array, &value), FSP_NOT_FOUND);

    fsp_slice_t text;
    ck_assert_int_eq(fsp_wire_next_pair(&map, &key, &value), FSP_OK);
    ck_assert_int_eq(fsp_wire_read_text(value, 2, &text), FSP_OK);
    ck_assert(fsp_slice_eq(text, fsp_slice_text("\xc3\xbc")));
    ck_assert_int_eq(fsp_wire_read_text(value, 1, &text), FSP_TOO_LARGE);
    ck_assert_int_eq(fsp_wire_next_pair(&map, &key, &value), FSP_NOT_FOUND);
}
END_TEST

START_TEST(reads_scalars_of_every_width)
{
    uint64_t number;
    int64_t signed_number;
    ck_assert_int_eq(fsp_wire_read_uint(BYTES(0xcf, 0, 0, 0, 0, 0, 0, 0, 5), 9, &number), FSP_OK);
    ck_assert_uint_eq(number, 5);
    /* A signed form of a number that is not negative is that number. */
    ck_assert_int_eq(fsp_wire_read_uint(BYTES(0xd3, 0, 0, 0, 0, 0, 0, 0, 6), 9, &number), FSP_OK);
    ck_assert_uint_eq(number, 6);
    ck_assert_int_eq(fsp_wire_read_int(BYTES(0xcf, 255, 0, 0, 0, 0, 0, 0, 0), INT64_MIN, INT64_MAX,
                                       &signed_number),
                     FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_int(BYTES(0xd1, 0x80, 0), INT64_MIN, INT64_MAX, &signed_number),
                     FSP_OK);
    ck_assert_int_eq(signed_number, -32768);
    ck_assert_int_eq(fsp_wire_read_uint(BYTES(0xc0), 9, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_uint(BYTES(0xca, 0, 0, 0, 0), 9, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_uint(BYTES(0xd4, 1, 1), 9, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_uint(BYTES(1, 1), 9, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_uint(BYTES(0x90), 9, &number), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_uint(fsp_slice(NULL, 0), 9, &number), FSP_INVALID);
    uint8_t two[2];
    fsp_slice_t text;
    ck_assert_int_eq(fsp_wire_read_fixed(BYTES(0xc4, 2, 8, 9), two, 2), FSP_OK);
    ck_assert_uint_eq(two[1], 9);
    ck_assert_int_eq(fsp_wire_read_fixed(BYTES(0xc5, 0, 2, 8, 9), two, 2), FSP_OK);
    ck_assert_int_eq(fsp_wire_read_fixed(BYTES(0xc4, 1, 8), two, 2), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_fixed(BYTES(0xa2, 8, 9), two, 2), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_text(BYTES(0xc4, 1, 'a'), 9, &text), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_text(BYTES(0xa2, 0xc3, 0x28), 9, &text), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_read_text(BYTES(0xd9, 1, 'a'), 9, &text), FSP_OK);
    ck_assert_int_eq(fsp_wire_read_text(BYTES(0xdb, 0, 0, 0, 0), 9, &text), FSP_OK);
    ck_assert_uint_eq(text.bytes, 0);
}
END_TEST

START_TEST(skims_all_forms_of_msgpack)
{
    fsp_wire_reader_t reader;
    size_t count;
    fsp_slice_t all =
        BYTES(0xdc, 0, 25,                                                                  //
              0xc0, 0xc2, 0xc3, 0x00, 0xff, 0xcc, 1, 0xcd, 1, 2, 0xce, 1, 2, 3, 4,          //
              0xcf, 1, 2, 3, 4, 5, 6, 7, 8, 0xd0, 1, 0xd1, 1, 2, 0xd2, 1, 2, 3, 4,          //
              0xd3, 1, 2, 3, 4, 5, 6, 7, 8, 0xca, 1, 2, 3, 4, 0xcb, 1, 2, 3, 4, 5, 6, 7, 8, //
              0xc4, 1, 0, 0xc5, 0, 1, 0, 0xc6, 0, 0, 0, 1, 0,                               //
              0xc7, 1, 9, 0, 0xc8, 0, 1, 9, 0, 0xc9, 0, 0, 0, 1, 9, 0,                      //
              0xd4, 9, 1, 0xd8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,   //
              0xde, 0, 1, 0xd9, 1, 'a', 0xdd, 0, 0, 0, 1, 0x90,                             //
              0xdf, 0, 0, 0, 1, 0xda, 0, 1, 'a', 0xdb, 0, 0, 0, 1, 'a');
    ck_assert_int_eq(fsp_wire_open_array(all, 100, &reader, &count), FSP_OK);
    ck_assert_uint_eq(count, 25);
    size_t seen = 0;
    fsp_slice_t value;
    while (fsp_wire_next(&reader, &value) == FSP_OK)
        seen++;
    ck_assert_uint_eq(seen, 25);
    ck_assert(reader.at == reader.end);
    /* Each prefix is not enough. */
    for (size_t bytes = 0; bytes < all.bytes; bytes++) {
        uint8_t *cut = fsp_exact_copy(fsp_slice(all.data, bytes));
        ck_assert_int_eq(fsp_wire_open_array(fsp_slice(cut, bytes), 100, &reader, &count),
                         FSP_INVALID);
        free(cut);
    }
}
END_TEST

START_TEST(refuses_what_is_no_single_map)
{
    fsp_wire_reader_t reader;
    fsp_slice_t key, value;
    ck_assert_int_eq(fsp_wire_open_map(fsp_slice(NULL, 0), &reader), FSP_OK);
    ck_assert_int_eq(fsp_wire_next_pair(&reader, &key, &value), FSP_NOT_FOUND);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x80), &reader), FSP_OK);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x90), &reader), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0xc1), &reader), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x80, 0), &reader), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x81, 0xa1, 'a'), &reader), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x81, 0xa1, 'a', 0xc1), &reader), FSP_INVALID);
    fsp_slice_t key_is_number = BYTES(0x81, 0x01, 0x02);
    ck_assert_int_eq(fsp_wire_open_map(key_is_number, &reader), FSP_OK);
    ck_assert_int_eq(fsp_wire_next_pair(&reader, &key, &value), FSP_INVALID);
}
END_TEST

/* What made msgpack-c ask for 137 GB, and its kin: refused at once, and nothing is allocated. */
START_TEST(refuses_announcements_without_the_bytes)
{
    fsp_wire_reader_t reader;
    size_t count;
    fsp_slice_t hostile = BYTES(0xdd, 255, 255, 255, 255);
    ck_assert_int_eq(fsp_wire_open_array(hostile, SIZE_MAX, &reader, &count), FSP_TOO_LARGE);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0xdf, 255, 255, 255, 255), &reader), FSP_TOO_LARGE);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0xde, 0x40, 0), &reader), FSP_INVALID);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x81, 0xa1, 'a', 0xc6, 255, 255, 255, 255), &reader),
                     FSP_INVALID);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x81, 0xa1, 'a', 0xc9, 255, 255, 255, 255), &reader),
                     FSP_INVALID);
    ck_assert_int_eq(fsp_wire_open_map(BYTES(0x81, 0xdb, 255, 255, 255, 255, 'a'), &reader),
                     FSP_INVALID);
}
END_TEST

START_TEST(bounds_depth_and_number_of_values)
{
    fsp_wire_reader_t reader;
    size_t count;
    uint8_t nested[FSP_MSGPACK_DEPTH_MAX + 1];
    memset(nested, 0x91, sizeof(nested));
    nested[FSP_MSGPACK_DEPTH_MAX - 1] = 0x90;
    fsp_slice_t deepest = fsp_slice(nested, FSP_MSGPACK_DEPTH_MAX);
    ck_assert_int_eq(fsp_wire_open_array(deepest, 1, &reader, &count), FSP_OK);
    nested[FSP_MSGPACK_DEPTH_MAX - 1] = 0x91;
    nested[FSP_MSGPACK_DEPTH_MAX] = 0x90;
    ck_assert_int_eq(fsp_wire_open_array(fsp_slice(nested, sizeof(nested)), 1, &reader, &count),
                     FSP_TOO_LARGE);
    nested[FSP_MSGPACK_DEPTH_MAX] = 0x01;
    ck_assert_int_eq(fsp_wire_open_array(fsp_slice(nested, sizeof(nested)), 1, &reader, &count),
                     FSP_OK);

    /* The array itself counts, too. */
    fsp_wire_array(&buf, FSP_MSGPACK_ITEMS_MAX - 1);
    for (size_t i = 1; i < FSP_MSGPACK_ITEMS_MAX; i++)
        fsp_wire_uint(&buf, 0);
    ck_assert_int_eq(fsp_wire_open_array(fsp_buf_slice(&buf), SIZE_MAX, &reader, &count), FSP_OK);
    fsp_buf_reset(&buf);
    fsp_wire_array(&buf, FSP_MSGPACK_ITEMS_MAX);
    for (size_t i = 0; i < FSP_MSGPACK_ITEMS_MAX; i++)
        fsp_wire_uint(&buf, 0);
    ck_assert_int_eq(fsp_wire_open_array(fsp_buf_slice(&buf), SIZE_MAX, &reader, &count),
                     FSP_TOO_LARGE);
}
END_TEST

START_TEST(bounds_the_body)
{
    fsp_wire_reader_t reader;
    fsp_buf_t large;
    fsp_buf_init(&large, FSP_BODY_BYTES_MAX + 1);
    fsp_wire_map(&large, 1);
    fsp_wire_text(&large, fsp_slice_text("a"));
    /* What remains of the maximum, less the head of a long binary. */
    static uint8_t filler[FSP_BODY_BYTES_MAX];
    fsp_wire_bin(&large, fsp_slice(filler, FSP_BODY_BYTES_MAX - large.bytes - 5));
    ck_assert_uint_eq(large.bytes, FSP_BODY_BYTES_MAX);
    ck_assert_int_eq(fsp_wire_open_map(fsp_buf_slice(&large), &reader), FSP_OK);
    fsp_buf_append_u8(&large, 0);
    ck_assert_int_eq(fsp_wire_open_map(fsp_buf_slice(&large), &reader), FSP_TOO_LARGE);
    fsp_buf_clear(&large);
}
END_TEST

/* Reads every value as everything. */
static void
read_all(fsp_slice_t value)
{
    uint64_t number;
    int64_t signed_number;
    bool truth;
    fsp_slice_t text;
    uint8_t fixed[16];
    size_t count;
    fsp_wire_reader_t reader;
    int ok = 0;
    ok += fsp_wire_read_bool(value, &truth) == FSP_OK;
    ok += fsp_wire_read_text(value, 1000, &text) == FSP_OK;
    ok += fsp_wire_read_fixed(value, fixed, sizeof(fixed)) == FSP_OK;
    bool is_uint = fsp_wire_read_uint(value, UINT64_MAX, &number) == FSP_OK;
    bool is_int = fsp_wire_read_int(value, INT64_MIN, INT64_MAX, &signed_number) == FSP_OK;
    if (is_uint && is_int)
        ck_assert_uint_eq(number, (uint64_t)signed_number);
    ok += is_uint || is_int;
    if (fsp_wire_open_array(value, 1000, &reader, &count) == FSP_OK) {
        ok++;
        fsp_slice_t item;
        size_t seen = 0;
        while (fsp_wire_next(&reader, &item) == FSP_OK) {
            seen++;
            read_all(item);
        }
        ck_assert_uint_eq(seen, count);
    }
    ck_assert_int_le(ok, 1);
}

START_TEST(survives_random_bytes)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    size_t opened = 0;
    for (size_t round = 0; round < 200000; round++) {
        uint8_t bytes[24];
        size_t count = (size_t)fsp_prng_below(&prng, sizeof(bytes) + 1);
        fsp_prng_fill(&prng, bytes, count);
        if (count > 0 && round % 2)
            bytes[0] = (uint8_t)(0x80 | (bytes[0] & 3)); /* a small map */
        uint8_t *copy = fsp_exact_copy(fsp_slice(bytes, count));
        fsp_wire_reader_t reader;
        read_all(fsp_slice(copy, count));
        if (count > 0 && fsp_wire_open_map(fsp_slice(copy, count), &reader) == FSP_OK) {
            fsp_slice_t key, value;
            while (fsp_wire_next_pair(&reader, &key, &value) == FSP_OK)
                read_all(value);
            opened++;
        }
        free(copy);
    }
    ck_assert_uint_gt(opened, 100);
}
END_TEST

static Suite *
wire_suite(void)
{
    Suite *suite = suite_create("wire");
    TCase *tcase = tcase_create("wire");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, writes_the_shortest_forms);
    tcase_add_test(tcase, overflow_of_the_buffer_is_sticky);
    tcase_add_test(tcase, walks_a_map);
    tcase_add_test(tcase, reads_scalars_of_every_width);
    tcase_add_test(tcase, skims_all_forms_of_msgpack);
    tcase_add_test(tcase, refuses_what_is_no_single_map);
    tcase_add_test(tcase, refuses_announcements_without_the_bytes);
    tcase_add_test(tcase, bounds_depth_and_number_of_values);
    tcase_add_test(tcase, bounds_the_body);
    tcase_add_test(tcase, survives_random_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(wire_suite());
}
