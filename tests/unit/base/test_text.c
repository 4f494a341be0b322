/* SPDX-License-Identifier: MIT */
/* test_text - hexadecimal, Z85, UTF-8, numbers, names, times.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/limits.h"
#include "core/base/prng.h"
#include "core/base/text.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* A literal with NULs inside, as a slice. */
#define BYTES(literal) fsp_slice(literal, sizeof(literal) - 1)

/* -- hexadecimal and Z85 ----------------------------------------------------------------------- */

START_TEST(hex_goes_there_and_back)
{
    uint8_t bytes[256];
    uint8_t back[256];
    char text[2 * 256 + 1];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    fsp_hex_encode(bytes, sizeof(bytes), text);
    ck_assert_uint_eq(strlen(text), 512);
    ck_assert_mem_eq(text, "000102030405060708090a0b", 24);
    ck_assert_str_eq(text + 508, "feff");
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(text), back, sizeof(back)), FSP_OK);
    ck_assert_mem_eq(bytes, back, sizeof(bytes));
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text("aBCdeF"), back, 3), FSP_OK);
    ck_assert_mem_eq(back, "\xab\xcd\xef", 3);
    fsp_hex_encode(NULL, 0, text);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(fsp_hex_decode(fsp_slice(NULL, 0), NULL, 0), FSP_OK);
}
END_TEST

START_TEST(hex_takes_only_digits_and_the_exact_length)
{
    uint8_t back[3] = {1, 2, 3};
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text("abcd"), back, 3), FSP_INVALID);
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text("abcde"), back, 2), FSP_INVALID);
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text("abcdef"), back, 2), FSP_INVALID);
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(" abcde"), back, 3), FSP_INVALID);
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text("0xabcd"), back, 3), FSP_INVALID);
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(""), back, 3), FSP_INVALID);
    unsigned digits = 0;
    for (int letter = 0; letter < 256; letter++) {
        uint8_t pair[2] = {'0', (uint8_t)letter};
        uint8_t one;
        digits += fsp_hex_decode(fsp_slice(pair, 2), &one, 1) == FSP_OK;
    }
    ck_assert_uint_eq(digits, 22);
    /* Untouched on failure, also when the mistake stands at the end. */
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text("abcdeg"), back, 3), FSP_INVALID);
    ck_assert_mem_eq(back, "\1\2\3", 3);
}
END_TEST

START_TEST(z85_fits_the_vector_of_rfc_32)
{
    static const uint8_t bytes[8] = {0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b};
    char text[11];
    uint8_t back[8];
    fsp_z85_encode(bytes, sizeof(bytes), text);
    ck_assert_str_eq(text, "HelloWorld");
    ck_assert_int_eq(fsp_z85_decode(fsp_slice_text(text), back, sizeof(back)), FSP_OK);
    ck_assert_mem_eq(back, bytes, sizeof(bytes));
}
END_TEST

START_TEST(z85_covers_the_word_and_no_more)
{
    static const struct {
        uint32_t word;
        const char *text;
    } edges[] = {{0, "00000"}, {84, "0000#"}, {85, "00010"}, {UINT32_MAX, "%nSc0"}};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        uint8_t bytes[4];
        char text[6];
        fsp_store_u32(bytes, edges[i].word);
        fsp_z85_encode(bytes, 4, text);
        ck_assert_str_eq(text, edges[i].text);
        memset(bytes, 0xee, sizeof(bytes));
        ck_assert_int_eq(fsp_z85_decode(fsp_slice_text(text), bytes, 4), FSP_OK);
        ck_assert_uint_eq(fsp_load_u32(bytes), edges[i].word);
    }
    uint8_t back[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    ck_assert_int_eq(fsp_z85_decode(fsp_slice_text("%nSc1"), back, 4), FSP_INVALID);
    ck_assert_int_eq(fsp_z85_decode(fsp_slice_text("#####"), back, 4), FSP_INVALID);
    ck_assert_int_eq(fsp_z85_decode(fsp_slice_text("0000"), back, 4), FSP_INVALID);
    ck_assert_int_eq(fsp_z85_decode(fsp_slice_text("000000"), back, 4), FSP_INVALID);
    ck_assert_int_eq(fsp_z85_decode(fsp_slice_text("Hello0000 "), back, 8), FSP_INVALID);
    ck_assert_int_eq(fsp_z85_decode(fsp_slice_text("Hello#####"), back, 8), FSP_INVALID);
    ck_assert_int_eq(fsp_z85_decode(BYTES("000\0"
                                          "0"),
                                    back, 4),
                     FSP_INVALID);
    ck_assert_mem_eq(back, "\1\2\3\4\5\6\7\10", 8);
    unsigned digits = 0;
    for (int letter = 0; letter < 256; letter++) {
        uint8_t text[5] = {'0', '0', '0', '0', (uint8_t)letter};
        digits += fsp_z85_decode(fsp_slice(text, 5), back, 4) == FSP_OK;
    }
    ck_assert_uint_eq(digits, 85);
    FSP_EXPECT_ABORT(fsp_z85_encode(back, 3, (char *)back));
}
END_TEST

START_TEST(z85_goes_there_and_back)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(4));
    for (size_t bytes = 0; bytes <= 64; bytes += 4) {
        uint8_t data[64];
        uint8_t back[64];
        char text[64 * 5 / 4 + 1];
        fsp_prng_fill(&prng, data, bytes);
        fsp_z85_encode(data, bytes, text);
        ck_assert_uint_eq(strlen(text), bytes * 5 / 4);
        ck_assert_int_eq(fsp_z85_decode(fsp_slice_text(text), back, bytes), FSP_OK);
        ck_assert(fsp_slice_eq(fsp_slice(data, bytes), fsp_slice(back, bytes)));
    }
}
END_TEST

/* -- UTF-8 and numbers ------------------------------------------------------------------------- */

/* The encoding of a code point by the definition, surrogates and long forms too. */
static size_t
encode_point(uint32_t point, size_t bytes, uint8_t *to)
{
    static const uint8_t heads[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (bytes == 1) {
        to[0] = (uint8_t)point;
        return 1;
    }
    for (size_t i = bytes - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    to[0] = (uint8_t)(heads[bytes] | point);
    return bytes;
}

static size_t
shortest(uint32_t point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

START_TEST(every_code_point_is_valid_in_its_shortest_form_alone)
{
    for (uint32_t point = 0; point < 0x200000; point++) {
        for (size_t bytes = shortest(point); bytes <= 4; bytes++) {
            uint8_t text[4];
            (void)encode_point(point, bytes, text);
            bool valid =
                bytes == shortest(point) && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
            if (fsp_utf8_valid(fsp_slice(text, bytes)) != valid)
                ck_abort_msg("U+%X in %zu bytes", point, bytes);
        }
    }
}
END_TEST

START_TEST(every_two_bytes_and_cut_sequences)
{
    for (unsigned pair = 0; pair < 0x10000; pair++) {
        uint8_t *text = fsp_alloc_raw(2);
        text[0] = (uint8_t)(pair >> 8);
        text[1] = (uint8_t)pair;
        bool ascii = text[0] < 0x80 && text[1] < 0x80;
        bool two = text[0] >= 0xc2 && text[0] <= 0xdf && text[1] >= 0x80 && text[1] <= 0xbf;
        ck_assert_int_eq(fsp_utf8_valid(fsp_slice(text, 2)), ascii || two);
        fsp_free(text);
    }
    static const char whole[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x88";
    static const bool valid_at[] = {true, true,  false, true,  false, false,
                                    true, false, false, false, true};
    for (size_t bytes = 0; bytes < sizeof(whole); bytes++) {
        uint8_t *text = fsp_alloc_raw(bytes);
        memcpy(text, whole, bytes);
        ck_assert_int_eq(fsp_utf8_valid(fsp_slice(text, bytes)), valid_at[bytes]);
        fsp_free(text);
    }
    ck_assert(fsp_utf8_valid(fsp_slice(NULL, 0)));
    ck_assert(fsp_utf8_valid(BYTES("a\0b")));
    ck_assert(!fsp_utf8_valid(BYTES("a\x80")));
}
END_TEST

START_TEST(numbers_are_parsed_strictly)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool valid;
        uint64_t value;
    } cases[] = {{"0", 0, true, 0},
                 {"1", 0, false, 0},
                 {"7", 7, true, 7},
                 {"8", 7, false, 0},
                 {"10", 9, false, 0},
                 {"99", 100, true, 99},
                 {"100", 100, true, 100},
                 {"101", 100, false, 0},
                 {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
                 {"18446744073709551616", UINT64_MAX, false, 0},
                 {"18446744073709551620", UINT64_MAX, false, 0},
                 {"99999999999999999999", UINT64_MAX, false, 0},
                 {"184467440737095516150", UINT64_MAX, false, 0},
                 {"", 10, false, 0},
                 {"00", 10, false, 0},
                 {"01", 10, false, 0},
                 {"+1", 10, false, 0},
                 {"-1", 10, false, 0},
                 {" 1", 10, false, 0},
                 {"1 ", 10, false, 0},
                 {"0x1", 10, false, 0},
                 {"1.0", 10, false, 0},
                 {"/", 100, false, 0},
                 {":", 100, false, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 4711;
        fsp_status_t status = fsp_parse_u64(fsp_slice_text(cases[i].text), cases[i].max, &value);
        ck_assert_msg((status == FSP_OK) == cases[i].valid, "'%s'", cases[i].text);
        ck_assert_uint_eq(value, cases[i].valid ? cases[i].value : 4711);
    }
    uint64_t value = 0;
    ck_assert_int_eq(fsp_parse_u64(BYTES("1\0"), 10, &value), FSP_INVALID);
    ck_assert_int_eq(fsp_parse_u64(fsp_slice(NULL, 0), 10, &value), FSP_INVALID);
}
END_TEST

/* -- names and paths --------------------------------------------------------------------------- */

START_TEST(names_of_entries)
{
    char longest[257];
    memset(longest, 'n', sizeof(longest) - 1);
    longest[256] = '\0';
    ck_assert(fsp_name_valid(fsp_slice(longest, 255)));
    ck_assert(!fsp_name_valid(fsp_slice(longest, 256)));
    static const char *const valid[] = {"a",  "...", "..a", ".a", " ", "a b", "\xc3\xa4",
                                        "\n", "a.",  "~",   "\\", "*", ":"};
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
        ck_assert_msg(fsp_name_valid(fsp_slice_text(valid[i])), "'%s'", valid[i]);
    static const char *const invalid[] = {"", ".", "..", "/", "a/b", "/a", "a/", "\xff", "a\xc3"};
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
        ck_assert_msg(!fsp_name_valid(fsp_slice_text(invalid[i])), "'%s'", invalid[i]);
    ck_assert(!fsp_name_valid(BYTES("a\0b")));
    ck_assert(!fsp_name_valid(BYTES("\0")));
    ck_assert(!fsp_name_valid(fsp_slice(NULL, 0)));
}
END_TEST

START_TEST(paths_are_checked)
{
    static const char *const valid[] = {"/", "/a", "/a/b", "/...", "/a b/\xc3\xa4"};
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
        ck_assert_msg(fsp_path_check(fsp_slice_text(valid[i])) == FSP_OK, "'%s'", valid[i]);
    static const char *const invalid[] = {"",      "a",       "a/b",   "//",       "/a/",
                                          "/a//b", "//a",     "/.",    "/..",      "/a/..",
                                          "/./a",  "/a/../b", "/\xff", "/a/\xc3/b"};
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        ck_assert_msg(fsp_path_check(fsp_slice_text(invalid[i])) == FSP_BAD_NAME, "'%s'",
                      invalid[i]);
    }
    ck_assert_int_eq(fsp_path_check(BYTES("/a\0")), FSP_BAD_NAME);
    ck_assert_int_eq(fsp_path_check(fsp_slice(NULL, 0)), FSP_BAD_NAME);
}
END_TEST

START_TEST(paths_are_bounded)
{
    char path[FSP_PATH_BYTES_MAX + 2];
    /* Parts of 127 bytes: 32 of them, with their slashes, are 4,096 bytes. */
    memset(path, 'p', sizeof(path));
    for (size_t i = 0; i < sizeof(path); i += 128)
        path[i] = '/';
    ck_assert_int_eq(fsp_path_check(fsp_slice(path, FSP_PATH_BYTES_MAX)), FSP_OK);
    path[FSP_PATH_BYTES_MAX] = 'p';
    ck_assert_int_eq(fsp_path_check(fsp_slice(path, FSP_PATH_BYTES_MAX + 1)), FSP_BAD_NAME);
    for (size_t i = 0; i < 130; i += 2)
        memcpy(path + i, "/a", 2);
    ck_assert_int_eq(fsp_path_check(fsp_slice(path, 2 * FSP_PATH_DEPTH_MAX)), FSP_OK);
    ck_assert_int_eq(fsp_path_check(fsp_slice(path, 2 * FSP_PATH_DEPTH_MAX + 2)), FSP_BAD_NAME);
    memset(path, 'n', 300);
    path[0] = '/';
    ck_assert_int_eq(fsp_path_check(fsp_slice(path, 256)), FSP_OK);
    ck_assert_int_eq(fsp_path_check(fsp_slice(path, 257)), FSP_BAD_NAME);
}
END_TEST

START_TEST(paths_are_walked)
{
    fsp_slice_t path = fsp_slice_text("/ab/c/def");
    const uint8_t *end = path.data + path.bytes;
    fsp_slice_t name = fsp_slice_text("untouched");
    ck_assert(fsp_path_next(&path, &name));
    ck_assert(fsp_slice_eq(name, fsp_slice_text("ab")));
    ck_assert(fsp_slice_eq(path, fsp_slice_text("/c/def")));
    ck_assert(fsp_path_next(&path, &name));
    ck_assert(fsp_slice_eq(name, fsp_slice_text("c")));
    ck_assert(fsp_path_next(&path, &name));
    ck_assert(fsp_slice_eq(name, fsp_slice_text("def")));
    ck_assert_uint_eq(path.bytes, 0);
    ck_assert_ptr_eq(path.data, end);
    ck_assert(!fsp_path_next(&path, &name));
    ck_assert(fsp_slice_eq(name, fsp_slice_text("def")));
    path = fsp_slice_text("/");
    ck_assert(!fsp_path_next(&path, &name));
}
END_TEST

START_TEST(paths_are_split)
{
    static const char *const cases[][3] = {
        {"/a", "/", "a"}, {"/a/b", "/a", "b"}, {"/abc/de/f", "/abc/de", "f"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_slice_t parent;
        fsp_slice_t name;
        fsp_path_split(fsp_slice_text(cases[i][0]), &parent, &name);
        ck_assert(fsp_slice_eq(parent, fsp_slice_text(cases[i][1])));
        ck_assert(fsp_slice_eq(name, fsp_slice_text(cases[i][2])));
        ck_assert_int_eq(fsp_path_check(parent), FSP_OK);
    }
}
END_TEST

START_TEST(names_of_spaces)
{
    char longest[65];
    memset(longest, 's', 64);
    longest[64] = '\0';
    ck_assert(fsp_space_name_valid(fsp_slice(longest, 63)));
    ck_assert(!fsp_space_name_valid(fsp_slice(longest, 64)));
    static const char *const valid[] = {"a", "7", "a-b", "a.b", "0a9", "a..b", "a--b"};
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
        ck_assert_msg(fsp_space_name_valid(fsp_slice_text(valid[i])), "'%s'", valid[i]);
    static const char *const invalid[] = {"",         "-",  ".",  "-a",  "a-",  ".a",
                                          "a.",       "aB", "A",  "a_b", "a b", "a/b",
                                          "\xc3\xa4", "a`", "a{", "a:",  "..",  "a\n"};
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
        ck_assert_msg(!fsp_space_name_valid(fsp_slice_text(invalid[i])), "'%s'", invalid[i]);
    ck_assert(!fsp_space_name_valid(BYTES("a\0b")));
}
END_TEST

/* -- time -------------------------------------------------------------------------------------- */

START_TEST(times_have_their_date)
{
    static const struct {
        fsp_time_t unix_us;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {999, "1970-01-01T00:00:00.000Z"},
                 {1000, "1970-01-01T00:00:00.001Z"},
                 {999999, "1970-01-01T00:00:00.999Z"},
                 {68169600000000, "1972-02-29T00:00:00.000Z"},
                 {94694399999999, "1972-12-31T23:59:59.999Z"},
                 {951782399999999, "2000-02-28T23:59:59.999Z"},
                 {951782400000000, "2000-02-29T00:00:00.000Z"},
                 {951868800000000, "2000-03-01T00:00:00.000Z"},
                 {1000000000000000, "2001-09-09T01:46:40.000Z"},
                 {1709164800000000, "2024-02-29T00:00:00.000Z"},
                 {1764083916000000, "2025-11-25T15:18:36.000Z"},
                 {4107542399999999, "2100-02-28T23:59:59.999Z"},
                 {4107542400000000, "2100-03-01T00:00:00.000Z"},
                 {253402300799999999, "9999-12-31T23:59:59.999Z"},
                 /* Behind the last year: its last moment. */
                 {253402300800000000, "9999-12-31T23:59:59.999Z"},
                 {FSP_TIME_NEVER, "9999-12-31T23:59:59.999Z"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[FSP_RFC3339_BYTES];
        fsp_rfc3339(cases[i].unix_us, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(every_day_of_eight_thousand_years_is_that_of_the_libc)
{
    for (uint64_t day = 0; day < 2932897; day++) {
        time_t second = (time_t)(day * 86400 + day % 86400);
        struct tm parts;
        ck_assert(gmtime_r(&second, &parts));
        char expected[64];
        char text[FSP_RFC3339_BYTES];
        if (strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &parts) != 24)
            ck_abort_msg("libc wrote %s", expected);
        fsp_rfc3339((fsp_time_t)second * 1000000, text);
        if (strcmp(text, expected) != 0)
            ck_abort_msg("%s is not %s", text, expected);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, hex_goes_there_and_back);
    tcase_add_test(tests, hex_takes_only_digits_and_the_exact_length);
    tcase_add_test(tests, z85_fits_the_vector_of_rfc_32);
    tcase_add_test(tests, z85_covers_the_word_and_no_more);
    tcase_add_test(tests, z85_goes_there_and_back);
    tcase_add_test(tests, every_code_point_is_valid_in_its_shortest_form_alone);
    tcase_add_test(tests, every_two_bytes_and_cut_sequences);
    tcase_add_test(tests, numbers_are_parsed_strictly);
    tcase_add_test(tests, names_of_entries);
    tcase_add_test(tests, paths_are_checked);
    tcase_add_test(tests, paths_are_bounded);
    tcase_add_test(tests, paths_are_walked);
    tcase_add_test(tests, paths_are_split);
    tcase_add_test(tests, names_of_spaces);
    tcase_add_test(tests, times_have_their_date);
    tcase_add_test(tests, every_day_of_eight_thousand_years_is_that_of_the_libc);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
