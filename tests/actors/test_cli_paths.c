/* SPDX-License-Identifier: MIT */
/* test_cli_paths - what the command line client makes of what is typed.  Layer tests. */
#include "cmd/cli_paths.c" /* cmd has no library */

#include "tests/unit/suite.h"

START_TEST(remote_paths_are_taken_apart)
{
    cli_remote_t remote;
    ck_assert_int_eq(cli_remote_parse("/a/b", &remote), FSP_OK);
    ck_assert_ptr_null(remote.space);
    ck_assert_str_eq(remote.path, "/a/b");
    ck_assert(!remote.into);
    ck_assert_int_eq(cli_remote_parse("team.x:/a/b///", &remote), FSP_OK);
    ck_assert_str_eq(remote.space, "team.x");
    ck_assert_str_eq(remote.path, "/a/b");
    ck_assert(remote.into);
    ck_assert_int_eq(cli_remote_parse("/", &remote), FSP_OK);
    ck_assert_str_eq(remote.path, "/");
    ck_assert(remote.into);
    ck_assert_int_eq(cli_remote_parse("//", &remote), FSP_OK);
    ck_assert_str_eq(remote.path, "/");
    ck_assert_int_eq(cli_remote_parse("home:/a:b", &remote), FSP_OK);
    ck_assert_str_eq(remote.path, "/a:b");
}
END_TEST

START_TEST(refuses_what_is_no_remote_path)
{
    static const char *const invalid[] = {"", "a", "a/b", "home:", "home:a", "./x", "~"};
    static const char *const bad[] = {"/a//b", "/a/../b", "/.",     "/a/./b", "HOME:/a",
                                      ":/a",   "-x:/a",   "a b:/c", "/\xff"};
    cli_remote_t remote;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        ck_assert_msg(cli_remote_parse(invalid[i], &remote) == FSP_INVALID, "%s", invalid[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(cli_remote_parse(bad[i], &remote) == FSP_BAD_NAME, "%s", bad[i]);
    char huge[2 * FSP_PATH_BYTES_MAX];
    memset(huge, 'a', sizeof huge);
    huge[0] = '/';
    huge[sizeof huge - 1] = '\0';
    ck_assert_int_eq(cli_remote_parse(huge, &remote), FSP_BAD_NAME);
}
END_TEST

START_TEST(says_what_is_wrong_with_a_path)
{
    static const struct {
        const char *text, *part;
    } rows[] = {{"", "begins with '/'"},
                {"docs", "did you mean /docs?"},
                {"./docs", "did you mean /docs?"},
                {".", "did you mean /?"},
                {"team:docs", "did you mean team:/docs?"},
                {"a//b", "begins with '/' or with SPACE:/"},
                {"UP:/a", "'UP' is not a name of a space"},
                {":/a", "'' is not a name of a space"},
                {"/a//b", "empty"},
                {"/a/./b/", "'..'"},
                {"home:/..", "'..'"},
                {"/a/\xff", "UTF-8"}};
    char fault[CLI_FAULT_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cli_remote_fault(rows[i].text, fault);
        ck_assert_msg(strstr(fault, rows[i].part), "%s: %s", rows[i].text, fault);
    }
    char deep[2 * FSP_PATH_DEPTH_MAX + 3];
    for (size_t i = 0; i < sizeof deep - 1; i++)
        deep[i] = i % 2 ? 'a' : '/';
    deep[sizeof deep - 1] = '\0';
    cli_remote_fault(deep, fault);
    ck_assert_msg(strstr(fault, "64 parts"), "%s", fault);
}
END_TEST

START_TEST(joins_and_splits)
{
    char path[FSP_PATH_BYTES_MAX + 1];
    ck_assert_int_eq(cli_remote_join("/", "a", path), FSP_OK);
    ck_assert_str_eq(path, "/a");
    ck_assert_int_eq(cli_remote_join(path, "b", path), FSP_OK);
    ck_assert_str_eq(path, "/a/b");
    ck_assert_int_eq(cli_remote_join("/a", "..", path), FSP_BAD_NAME);
    ck_assert_int_eq(cli_remote_join("/a", "b/c", path), FSP_BAD_NAME);
    ck_assert_int_eq(cli_remote_join("/a", "", path), FSP_BAD_NAME);
    ck_assert_str_eq(cli_remote_base("/a/b"), "b");
    ck_assert_str_eq(cli_remote_base("/"), "");
    /* 64 names are the most. */
    path[0] = '\0';
    for (int i = 0; i < FSP_PATH_DEPTH_MAX; i++)
        ck_assert_int_eq(cli_remote_join(i ? path : "/", "x", path), FSP_OK);
    ck_assert_int_eq(cli_remote_join(path, "x", path), FSP_BAD_NAME);
}
END_TEST

START_TEST(ranges_are_inclusive)
{
    uint64_t first, last;
    ck_assert_int_eq(cli_range_parse("0-99", &first, &last), FSP_OK);
    ck_assert_uint_eq(first, 0);
    ck_assert_uint_eq(last, 99);
    ck_assert_int_eq(cli_range_parse("5-5", &first, &last), FSP_OK);
    ck_assert_int_eq(cli_range_parse("5-", &first, &last), FSP_OK);
    ck_assert_uint_eq(first, 5);
    ck_assert(last > UINT64_MAX / 2);
    static const char *const invalid[] = {
        "",    "-",     "5",    "-5",   "9-5",
        "a-b", "1-2-3", " 1-2", "1--2", "99999999999999999999-99999999999999999999"};
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++)
        ck_assert_msg(cli_range_parse(invalid[i], &first, &last) == FSP_INVALID, "%s", invalid[i]);
}
END_TEST

START_TEST(local_names_without_a_name_are_empty)
{
    static const struct {
        const char *path, *base;
    } table[] = {{"a", "a"},   {"a/b", "b"}, {"a/b//", "b"}, {"/", ""},
                 {".", ""},    {"..", ""},   {"a/..", ""},   {"./", ""},
                 {"./a", "a"}, {"", ""},     {"...", "..."}, {"/a", "a"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        ck_assert_msg(fsp_slice_eq(cli_local_base(table[i].path), fsp_slice_text(table[i].base)),
                      "%s", table[i].path);
}
END_TEST

START_TEST(terminals_see_no_control_characters)
{
    static const struct {
        const char *text, *escaped;
    } table[] = {{"plain \xc3\xa9\xe2\x82\xac", "plain \xc3\xa9\xe2\x82\xac"},
                 {"a\nb\tc\\d", "a\\nb\\tc\\\\d"},
                 {"\x1b[31m", "\\x1b[31m"},
                 {"\x7f", "\\x7f"},
                 {"\xc2\x9b", "\\xc2\\x9b"},
                 {"\xff\xc3", "\\xff\\xc3"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        fsp_buf_t escaped;
        fsp_buf_init(&escaped, 1024);
        cli_escape(fsp_slice_text(table[i].text), &escaped);
        ck_assert_msg(fsp_slice_eq(fsp_buf_slice(&escaped), fsp_slice_text(table[i].escaped)),
                      "%zu", i);
        fsp_buf_clear(&escaped);
    }
}
END_TEST

START_TEST(moments_are_changes_or_times)
{
    static const uint64_t now = UINT64_C(1764083916000000); /* 2025-11-25T15:18:36Z */
    static const struct {
        const char *text;
        uint64_t change, time_us;
    } table[] = {
        {"@1", 1, 0},
        {"@18446744073709551615", UINT64_MAX, 0},
        {"2025-11-25T15:18:36Z", 0, now},
        {"2025-11-25t15:18:36z", 0, now},
        {"2025-11-25 15:18:36Z", 0, now},
        {"2025-11-25T15:18:36.5Z", 0, now + 500000},
        {"2025-11-25T15:18:36.0000019Z", 0, now + 1},
        {"2025-11-25T17:48:36+02:30", 0, now},
        {"2025-11-25T10:18:36-05:00", 0, now},
        {"2025-11-25", 0, UINT64_C(1764028800000000)},
        {"2024-02-29", 0, UINT64_C(1709164800000000)},
        {"2000-02-29", 0, UINT64_C(951782400000000)},
        {"1970-01-02", 0, UINT64_C(86400000000)},
        {"9999-12-31T23:59:59Z", 0, UINT64_C(253402300799000000)},
        {"-90s", 0, now - 90000000},
        {"-2h", 0, now - UINT64_C(7200000000)},
        {"-3d", 0, now - UINT64_C(259200000000)},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t change = 5, time_us = 5;
        ck_assert_msg(cli_at_parse(table[i].text, now, &change, &time_us) == FSP_OK, "%s",
                      table[i].text);
        ck_assert_msg(change == table[i].change && time_us == table[i].time_us, "%s: @%llu, %llu",
                      table[i].text, (unsigned long long)change, (unsigned long long)time_us);
    }
    static const char *const invalid[] = {
        "",
        "@",
        "@0",
        "@x",
        "@-1",
        "-",
        "-0s",
        "-5",
        "-5y",
        "-s",
        "2025-11-31",
        "2023-02-29",
        "2100-02-29",
        "2025-13-01",
        "2025-1-1",
        "25-11-25",
        "1969-12-31",
        "now",
        "2025-11-25T15:18Z",
        "2025-11-25T15:18:36",
        "2025-11-25T24:00:00Z",
        "2025-11-25T15:18:36.Z",
        "2025-11-25T15:18:36Zx",
        "2025-11-25T15:18:36+2:30",
    };
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        uint64_t change = 5, time_us = 5;
        ck_assert_msg(cli_at_parse(invalid[i], now, &change, &time_us) == FSP_INVALID, "%s",
                      invalid[i]);
        ck_assert(change == 5 && time_us == 5);
    }
    static const char *const early[] = {"1970-01-01", "1970-01-01T00:00:01+00:01",
                                        "-99999999999999w", "-99999999999999999999s", "-9999w"};
    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
        uint64_t change = 5, time_us = 5;
        ck_assert_msg(cli_at_parse(early[i], now, &change, &time_us) == FSP_BAD_RANGE, "%s",
                      early[i]);
        ck_assert(change == 5 && time_us == 5);
    }
}
END_TEST

START_TEST(durations_and_sizes_have_units)
{
    uint64_t value = 5;
    ck_assert_int_eq(cli_duration_parse("10m", &value), FSP_OK);
    ck_assert_uint_eq(value, 600000000);
    ck_assert_int_eq(cli_duration_parse("2w", &value), FSP_OK);
    ck_assert_uint_eq(value, UINT64_C(1209600000000));
    ck_assert_int_eq(cli_size_parse("0", &value), FSP_OK);
    ck_assert_uint_eq(value, 0);
    ck_assert_int_eq(cli_size_parse("4096", &value), FSP_OK);
    ck_assert_uint_eq(value, 4096);
    ck_assert_int_eq(cli_size_parse("10G", &value), FSP_OK);
    ck_assert_uint_eq(value, UINT64_C(10737418240));
    static const char *const durations[] = {"",    "s",    "0s",  "10", "1 s",
                                            "-1s", "1.5h", "1hh", "1H", "99999999999999w"};
    static const char *const sizes[] = {"", "K", "1k", "1KB", "-1", "1.5G", "99999999999999T"};
    value = 5;
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        ck_assert_msg(cli_duration_parse(durations[i], &value) == FSP_INVALID, "%s", durations[i]);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        ck_assert_msg(cli_size_parse(sizes[i], &value) != FSP_OK, "%s", sizes[i]);
    ck_assert_uint_eq(value, 5);
}
END_TEST

START_TEST(a_path_is_within_whole_names)
{
    ck_assert(cli_path_within("/a", "/a"));
    ck_assert(cli_path_within("/a/b", "/a"));
    ck_assert(cli_path_within("/a", "/"));
    ck_assert(cli_path_within("/", "/"));
    ck_assert(!cli_path_within("/ab", "/a"));
    ck_assert(!cli_path_within("/", "/a"));
    ck_assert(!cli_path_within("/b/a", "/a"));
}
END_TEST

START_TEST(words_differ_by_letters)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {{"", "", 0},
                 {"", "abc", 3},
                 {"abc", "", 3},
                 {"ls", "ls", 0},
                 {"lss", "ls", 1},
                 {"sl", "ls", 1},
                 {"vresion", "version", 1},
                 {"mv", "rm", 2},
                 {"stta", "stat", 1},
                 {"kitten", "sitting", 3},
                 {"ca", "abc", 3} /* exchanged ones are not changed further */};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_uint_eq(cli_distance(cases[i].a, cases[i].b), cases[i].distance);
        ck_assert_uint_eq(cli_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
    char huge[5000];
    memset(huge, 'a', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    ck_assert_uint_eq(cli_distance(huge, "b"), 64); /* no more is looked at */
}
END_TEST

START_TEST(sizes_for_people_are_short)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0 B"},
                 {1023, "1023 B"},
                 {1024, "1.0 KiB"},
                 {1535, "1.4 KiB"},
                 {1536, "1.5 KiB"},
                 {10239, "9.9 KiB"},
                 {10240, "10 KiB"},
                 {1048575, "1023 KiB"},
                 {1048576, "1.0 MiB"},
                 {UINT64_C(5) << 40, "5.0 TiB"},
                 {UINT64_MAX, "15 EiB"}};
    char text[24];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cli_size_format(cases[i].bytes, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(chunk_sizes_are_one_or_three)
{
    uint64_t sizes[3] = {7, 7, 7};
    static const char *const wrong[] = {
        "",         ",", "1,2",   "1,2,3,4", "1,2,",  ",1,2",   "3,2,1",
        "64K,1M,x", "0", "0,0,0", "1 ,2,3",  "2,2,1", "1,2,3,", "9999999999999999999999999,1,1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(cli_chunking_parse(wrong[i], sizes) == FSP_INVALID, "%s", wrong[i]);
    ck_assert_uint_eq(sizes[0] + sizes[1] + sizes[2], 21); /* untouched */
    ck_assert_int_eq(cli_chunking_parse("64K,256K,1M", sizes), FSP_OK);
    ck_assert(sizes[0] == 65536 && sizes[1] == 262144 && sizes[2] == 1048576);
    ck_assert_int_eq(cli_chunking_parse("1M", sizes), FSP_OK);
    ck_assert(sizes[0] == 1048576 && sizes[1] == 1048576 && sizes[2] == 1048576);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli_paths");
    TCase *tcase = tcase_create("cli_paths");
    tcase_add_test(tcase, remote_paths_are_taken_apart);
    tcase_add_test(tcase, refuses_what_is_no_remote_path);
    tcase_add_test(tcase, says_what_is_wrong_with_a_path);
    tcase_add_test(tcase, joins_and_splits);
    tcase_add_test(tcase, ranges_are_inclusive);
    tcase_add_test(tcase, local_names_without_a_name_are_empty);
    tcase_add_test(tcase, terminals_see_no_control_characters);
    tcase_add_test(tcase, moments_are_changes_or_times);
    tcase_add_test(tcase, durations_and_sizes_have_units);
    tcase_add_test(tcase, a_path_is_within_whole_names);
    tcase_add_test(tcase, words_differ_by_letters);
    tcase_add_test(tcase, sizes_for_people_are_short);
    tcase_add_test(tcase, chunk_sizes_are_one_or_three);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
