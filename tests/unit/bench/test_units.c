/* SPDX-License-Identifier: MIT */
/* test_units - sizes and durations as people write them. */
#include "bench/units.h"

#include "tests/unit/suite.h"

static const uint64_t UNTOUCHED = 77;

START_TEST(sizes_are_read)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } rows[] = {{"0", 0},
                {"1", 1},
                {"100B", 100},
                {"4KiB", 4096},
                {"4kib", 4096},
                {"64K", 65536},
                {"64kB", 65536},
                {"1M", 1 << 20},
                {"1MiB", 1 << 20},
                {"1MB", 1 << 20},
                {"1GiB", 1 << 30},
                {"2g", UINT64_C(2) << 30},
                {"16GB", UINT64_C(16) << 30},
                {"18446744073709551615", UINT64_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t bytes = UNTOUCHED;
        ck_assert_msg(bench_parse_size(rows[i].text, UINT64_MAX, &bytes), "%s", rows[i].text);
        ck_assert_uint_eq(bytes, rows[i].bytes);
    }
}
END_TEST

START_TEST(what_is_no_size_is_refused)
{
    static const char *const texts[] = {"",
                                        "KiB",
                                        "-1",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1 KiB",
                                        "1.5K",
                                        "0x10",
                                        "1KiBB",
                                        "1T",
                                        "4Ki",
                                        "1e3",
                                        "18446744073709551616",
                                        "18014398509481984K"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t bytes = UNTOUCHED;
        ck_assert_msg(!bench_parse_size(texts[i], UINT64_MAX, &bytes), "%s", texts[i]);
        ck_assert_uint_eq(bytes, UNTOUCHED);
    }
}
END_TEST

START_TEST(sizes_have_a_bound)
{
    uint64_t bytes = UNTOUCHED;
    ck_assert(bench_parse_size("1GiB", 1 << 30, &bytes));
    ck_assert_uint_eq(bytes, 1 << 30);
    bytes = UNTOUCHED;
    ck_assert(!bench_parse_size("1073741825", 1 << 30, &bytes));
    ck_assert(!bench_parse_size("2GiB", 1 << 30, &bytes));
    ck_assert_uint_eq(bytes, UNTOUCHED);
}
END_TEST

START_TEST(durations_are_read)
{
    static const struct {
        const char *text;
        double seconds;
    } rows[] = {{"0", 0},       {"5", 5},          {"5s", 5},   {"0.5", 0.5}, {"1.25s", 1.25},
                {"500ms", 0.5}, {"0.5ms", 0.0005}, {"2m", 120}, {"1.5m", 90}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        double seconds = -1;
        ck_assert_msg(bench_parse_seconds(rows[i].text, 3600, &seconds), "%s", rows[i].text);
        ck_assert_double_eq_tol(seconds, rows[i].seconds, 1e-12);
    }
}
END_TEST

START_TEST(what_is_no_duration_is_refused)
{
    static const char *const texts[] = {"",      "s",    ".5",  "5.",        "-1",  "1h",
                                        "1 s",   "nan",  "1,5", "1e3",       "inf", "0x5",
                                        "1.2.3", "3601", "61m", "9999999999"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        double seconds = -1;
        ck_assert_msg(!bench_parse_seconds(texts[i], 3600, &seconds), "%s", texts[i]);
        ck_assert_double_eq(seconds, -1);
    }
}
END_TEST

START_TEST(sizes_are_written_in_the_largest_unit_that_divides_them)
{
    char text[BENCH_SIZE_TEXT];
    ck_assert_str_eq(bench_size_text(1, text), "1 B");
    ck_assert_str_eq(bench_size_text(0, text), "0 B");
    ck_assert_str_eq(bench_size_text(1500, text), "1500 B");
    ck_assert_str_eq(bench_size_text(4096, text), "4 KiB");
    ck_assert_str_eq(bench_size_text(1 << 20, text), "1 MiB");
    ck_assert_str_eq(bench_size_text(1 << 30, text), "1 GiB");
    ck_assert_str_eq(bench_size_text(UINT64_C(1) << 42, text), "4096 GiB");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("units");
    TCase *tests = tcase_create("units");
    tcase_add_test(tests, sizes_are_read);
    tcase_add_test(tests, what_is_no_size_is_refused);
    tcase_add_test(tests, sizes_have_a_bound);
    tcase_add_test(tests, durations_are_read);
    tcase_add_test(tests, what_is_no_duration_is_refused);
    tcase_add_test(tests, sizes_are_written_in_the_largest_unit_that_divides_them);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
