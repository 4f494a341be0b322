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

int
main(void)
{
    Suite *suite = suite_create("cli_paths");
    TCase *tcase = tcase_create("cli_paths");
    tcase_add_test(tcase, remote_paths_are_taken_apart);
    tcase_add_test(tcase, refuses_what_is_no_remote_path);
    tcase_add_test(tcase, joins_and_splits);
    tcase_add_test(tcase, ranges_are_inclusive);
    tcase_add_test(tcase, local_names_without_a_name_are_empty);
    tcase_add_test(tcase, terminals_see_no_control_characters);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
