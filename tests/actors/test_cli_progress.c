/* SPDX-License-Identifier: MIT */
/* test_cli_progress - the words and the bar of transfers.  Layer tests. */
#include "cmd/cli_paths.c" /* cmd has no library */
#include "cmd/cli_progress.c"

#include "tests/unit/suite.h"

START_TEST(sizes_are_short)
{
    static const struct {
        uint64_t bytes;
        const char *words;
    } cases[] = {{0, "0 B"},
                 {1, "1 B"},
                 {1023, "1023 B"},
                 {1024, "1.0 KiB"},
                 {1536, "1.5 KiB"},
                 {10 * 1024 - 1, "9.9 KiB"},
                 {10 * 1024, "10 KiB"},
                 {1024 * 1024 - 1, "1023 KiB"},
                 {1024 * 1024, "1.0 MiB"},
                 {5ull << 40, "5.0 TiB"},
                 {UINT64_MAX, "15 EiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[16];
        cli_bytes_words(cases[i].bytes, words);
        ck_assert_str_eq(words, cases[i].words);
    }
}
END_TEST

START_TEST(durations_are_short)
{
    static const struct {
        uint64_t seconds;
        const char *words;
    } cases[] = {{0, "0:00"},          {7, "0:07"},
                 {59, "0:59"},         {60, "1:00"},
                 {754, "12:34"},       {3599, "59:59"},
                 {3600, "1:00:00"},    {3723, "1:02:03"},
                 {86399, "23:59:59"},  {86400, "1d 0h"},
                 {364000, "4d 5h"},    {86400ull * 999, "999d 0h"},
                 {UINT64_MAX, "long"}, {86400ull * 1000, "long"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[16];
        cli_duration_words(cases[i].seconds, words);
        ck_assert_str_eq(words, cases[i].words);
    }
}
END_TEST

static void
check_bar(const cli_progress_now_t *now, size_t width, const char *wanted)
{
    fsp_buf_t line;
    fsp_buf_init(&line, LINE_BYTES_MAX);
    cli_progress_bar(now, width, &line);
    fsp_buf_append_u8(&line, 0);
    ck_assert_str_eq((const char *)line.data, wanted);
    fsp_buf_clear(&line);
}

START_TEST(the_bar_says_what_is_known)
{
    cli_progress_now_t now = {.files_done = 3,
                              .files_total = 12,
                              .bytes_done = 1024 * 1024,
                              .bytes_total = 4 * 1024 * 1024,
                              .total_known = true,
                              .elapsed_ms = 2000,
                              .rate = 512 * 1024,
                              .name = "a/b"};
    check_bar(&now, 120,
              "[=====               ]  25%  3/12 files  1.0 MiB of 4.0 MiB  512 KiB/s  0:06 left  "
              "a/b");
    now.total_known = false; /* the walk goes on: no bar, and the time that has passed */
    check_bar(&now, 120, "3 files  1.0 MiB  512 KiB/s  0:02  a/b");
    now.rate = 0;
    check_bar(&now, 120, "3 files  1.0 MiB  0:02  a/b");
    now = (cli_progress_now_t){.files_total = 1, .total_known = true, .bytes_total = 0, .name = ""};
    check_bar(&now, 80, "[                    ]   0%  0 B of 0 B  0:00");
    now.files_done = 1; /* an empty file that is done */
    check_bar(&now, 80, "[====================] 100%  0 B of 0 B  0:00");
    now.bytes_total = UINT64_MAX; /* without an overflow */
    now.bytes_done = UINT64_MAX / 2;
    check_bar(&now, 80, "[==========          ]  50%  7.9 EiB of 15 EiB  0:00");
}
END_TEST

START_TEST(the_bar_fits_the_terminal)
{
    cli_progress_now_t now = {.files_done = 123,
                              .files_total = 1234,
                              .bytes_done = 1 << 20,
                              .bytes_total = 1 << 30,
                              .total_known = true,
                              .rate = 1 << 20,
                              .name = "日本語/ein sehr langer Name/ünïcode\n\x1b[31m\xff"};
    for (size_t width = 0; width < 200; width++) {
        fsp_buf_t line;
        fsp_buf_init(&line, LINE_BYTES_MAX);
        cli_progress_bar(&now, width, &line);
        size_t columns = 0;
        for (size_t i = 0; i < line.bytes; i++) {
            uint8_t c = line.data[i];
            ck_assert_msg(c >= 0x20 && c != 0x7f, "byte %u at width %zu", c, width);
            columns += c < 0x80 ? 1 : c >= 0xc0 ? 2 : 0;
        }
        ck_assert_uint_le(columns, width);
        ck_assert(fsp_utf8_valid(fsp_buf_slice(&line)));
        fsp_buf_clear(&line);
    }
    now.name = "0123456789abcdef"; /* of a name that does not fit, its end */
    check_bar(&now, 98,
              "[                    ]   0%  123/1234 files  1.0 MiB of 1.0 GiB  1.0 MiB/s  17:03 "
              "left  6789abcdef");
}
END_TEST

START_TEST(counting_adds_up_over_lanes)
{
    cli_progress_t progress;
    cli_progress_init(&progress, "none", false);
    ck_assert_int_eq(progress.style, CLI_PROGRESS_NONE);
    cli_progress_add(&progress, 100);
    cli_progress_add(&progress, 50);
    cli_progress_at(&progress, 0, 30);
    cli_progress_at(&progress, CLI_PROGRESS_LANES - 1, 20);
    cli_progress_now_t now = look(&progress, progress.began_ms + 5);
    ck_assert_uint_eq(now.bytes_done, 50);
    ck_assert_uint_eq(now.bytes_total, 150);
    ck_assert_uint_eq(now.files_total, 2);
    ck_assert_uint_eq(now.elapsed_ms, 5);
    cli_progress_ended(&progress, 0, 100);
    now = look(&progress, progress.began_ms);
    ck_assert_uint_eq(now.bytes_done, 120);
    ck_assert_uint_eq(now.files_done, 1);
    cli_progress_at(&progress, 1, 500); /* it grew */
    now = look(&progress, progress.began_ms);
    ck_assert_uint_eq(now.bytes_total, 620);
}
END_TEST

START_TEST(the_choice_is_kept)
{
    cli_progress_t progress;
    cli_progress_init(&progress, "plain", true);
    ck_assert_int_eq(progress.style, CLI_PROGRESS_PLAIN);
    cli_progress_init(&progress, "json", false);
    ck_assert_int_eq(progress.style, CLI_PROGRESS_JSON);
    cli_progress_init(&progress, "auto", true); /* quiet */
    ck_assert_int_eq(progress.style, CLI_PROGRESS_NONE);
    cli_progress_tick(&progress); /* nothing is drawn, and nothing is there to be hidden */
    cli_progress_hide(&progress);
    cli_progress_hide(NULL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli_progress");
    TCase *tcase = tcase_create("cli_progress");
    tcase_add_test(tcase, sizes_are_short);
    tcase_add_test(tcase, durations_are_short);
    tcase_add_test(tcase, the_bar_says_what_is_known);
    tcase_add_test(tcase, the_bar_fits_the_terminal);
    tcase_add_test(tcase, counting_adds_up_over_lanes);
    tcase_add_test(tcase, the_choice_is_kept);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
