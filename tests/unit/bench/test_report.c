/* SPDX-License-Identifier: MIT */
/* test_report - cells and their runs: summed up, written, read again, and shown. */
#include "bench/report.h"

#include "tests/unit/suite.h"

#include <math.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 1 << 20 };

static bench_results_t results, other;
static fsp_buf_t text;

static void
set_up(void)
{
    bench_results_init(&results);
    bench_results_init(&other);
    fsp_buf_init(&text, TEXT_BYTES_MAX);
}

static void
tear_down(void)
{
    bench_results_clear(&results);
    bench_results_clear(&other);
    fsp_buf_clear(&text);
}

static const char *
text_of(void)
{
    fsp_buf_append_u8(&text, '\0');
    ck_assert(fsp_buf_ok(&text));
    return (const char *)text.data;
}

static bool
take(bench_cell_t *cell, const char *line)
{
    return bench_cell_take(cell, fsp_slice_text(line));
}

/* A cell of three runs, the middle one bound by its disk. */
static bench_cell_t *
three_runs(const char *op, uint64_t bytes, uint64_t clients)
{
    bench_cell_t *cell = bench_results_add(&results, op, bytes, clients);
    ck_assert_ptr_nonnull(cell);
    ck_assert(take(cell, "{\"ops_per_s\":300,\"mb_per_s\":30,\"p50_ms\":2,\"p99_ms\":9,"
                         "\"of_limit\":0.8,\"binding\":\"curve\",\"rss_bytes\":104857600,"
                         "\"errors\":0}\n"));
    ck_assert(take(cell, "{\"ops_per_s\":100,\"mb_per_s\":10,\"p50_ms\":4,\"p99_ms\":7,"
                         "\"of_limit\":null,\"binding\":null,\"errors\":2}"));
    ck_assert(take(cell, "{\"ops_per_s\":200,\"mb_per_s\":20,\"p50_ms\":3,\"p99_ms\":8,"
                         "\"of_limit\":0.6,\"binding\":\"disk\",\"errors\":0,"
                         "\"terms\":{\"curve\":2.05,\"disk\":0.9}}"));
    return cell;
}

START_TEST(a_figure_is_the_median_of_what_is_known)
{
    bench_cell_t *cell = three_runs("put", 4096, 64);
    bench_spread_t rate = bench_cell_spread(cell, BENCH_METRIC_OPS);
    ck_assert(rate.median == 200 && rate.low == 100 && rate.high == 300);
    bench_spread_t share = bench_cell_spread(cell, BENCH_METRIC_OF_LIMIT);
    ck_assert_msg(fabs(share.median - 0.7) < 1e-9, "%g", share.median);
    ck_assert(share.low == 0.6 && share.high == 0.8);
    ck_assert(isnan(bench_cell_spread(cell, BENCH_METRIC_NAMES).median));
    ck_assert_str_eq(bench_cell_binding(cell), "disk");
    ck_assert_uint_eq(cell->term_count, 2);
}
END_TEST

START_TEST(what_is_no_run_is_refused)
{
    bench_cell_t *cell = bench_results_add(&results, "get", 1, 1);
    static const char *const wrong[] = {"",
                                        "x",
                                        "[]",
                                        "{}",
                                        "{\"ops_per_s\":\"7\"}",
                                        "{\"ops_per_s\":null}",
                                        "{\"ops_per_s\":-1}",
                                        "{\"ops_per_s\":7"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(!take(cell, wrong[i]), "%s", wrong[i]);
    ck_assert_uint_eq(cell->run_count, 0);
    for (size_t i = 0; i < BENCH_RUNS_MAX; i++)
        ck_assert(take(cell, "{\"ops_per_s\":7}"));
    ck_assert(!take(cell, "{\"ops_per_s\":7}"));
    ck_assert_uint_eq(cell->run_count, BENCH_RUNS_MAX);
}
END_TEST

START_TEST(there_is_room_for_so_many_cells)
{
    for (uint64_t i = 0; i < BENCH_CELLS_MAX; i++)
        ck_assert_ptr_nonnull(bench_results_add(&results, "put", i, 1));
    ck_assert_ptr_null(bench_results_add(&results, "put", BENCH_CELLS_MAX, 1));
    ck_assert_ptr_eq(bench_results_cell(&results, "put", 7, 1), &results.cells[7]);
    ck_assert_ptr_null(bench_results_cell(&results, "get", 7, 1));
}
END_TEST

/* Writes text to a file of its own, and reads it as results. */
static bool
read_back(const char *lines, bench_results_t *ret)
{
    char path[] = "/tmp/fsp-report-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
    (void)close(fd);
    bool good = bench_results_read(path, ret);
    (void)unlink(path);
    return good;
}

static void
fill(void)
{
    (void)snprintf(results.target, sizeof results.target, "A \"store\" | 1");
    (void)snprintf(results.started, sizeof results.started, "2026-11-26T01:02:03.000Z");
    (void)snprintf(results.command, sizeof results.command, "filesphere-bench report");
    results.duration_s = 5;
    results.warmup_s = 0.5;
    results.repeat = 3;
    results.idle_mib = 24.5;
    bench_machine_row(&results, "processor", "two | cores");
    results.limits.cores = 2;
    results.limits.value[BENCH_SHA_1M] = 0.625;
    results.limits.value[BENCH_DISK_WRITE] = 1;
    results.limits.value[BENCH_DISK_READ] = 0.5;
    results.limits.value[BENCH_SYNC] = 130.4;
    (void)three_runs("put", 1 << 20, 16);
    (void)three_runs("put", 4096, 1);
    (void)three_runs("list", 0, 16);
    bench_results_add(&results, "put", 1 << 30, 256)->too_large = true;
    bench_results_add(&results, "get", 4096, 1)->failures = 3;
}

START_TEST(what_is_written_is_read_again)
{
    fill();
    bench_results_write(&results, &text);
    const char *first = text_of();
    ck_assert(read_back(first, &other));
    ck_assert_uint_eq(other.cell_count, 5);
    ck_assert_uint_eq(other.cells[0].run_count, 3);
    ck_assert(other.cells[3].too_large && other.cells[4].failures == 3);
    fsp_buf_t again;
    fsp_buf_init(&again, TEXT_BYTES_MAX);
    bench_results_write(&other, &again);
    fsp_buf_append_u8(&again, '\0');
    ck_assert_str_eq((const char *)again.data, first);
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(other_files_are_refused)
{
    static const char *const wrong[] = {
        "",
        "no JSON\n",
        "{\"type\":\"figure\"}\n",
        "{\"type\":\"machine\"}\n", /* and no cell */
        "{\"type\":\"cell\",\"op\":\"put\",\"size\":-1,\"concurrency\":1}\n",
        "{\"type\":\"cell\",\"size\":1,\"concurrency\":1}\n",
        "{\"type\":\"cell\",\"op\":\"put\",\"size\":1,\"concurrency\":0}\n",
        "{\"type\":\"cell\",\"op\":\"put\",\"size\":1,\"concurrency\":1,\"runs\":[7]}\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_msg(!read_back(wrong[i], &other), "%s", wrong[i]);
        bench_results_clear(&other);
        bench_results_init(&other);
    }
    ck_assert(!bench_results_read("/nonexistent/results.jsonl", &other));
}
END_TEST

START_TEST(the_page_says_what_was_measured)
{
    fill();
    ck_assert(read_back((bench_results_write(&results, &text), text_of()), &other));
    fsp_buf_reset(&text);
    bench_page(&text, &results, &other, true);
    const char *page = text_of();
    static const char *const wanted[] = {
        "# Measured: A \"store\" \\| 1\n",
        "| processor | two \\| cores |\n",
        "| disk | writes 1000 and reads 2000 MB/s (1 MiB, O_DIRECT); 4 KiB are durable after 130 "
        "us |",
        "on 2026-11-26, 01:02 UTC.",
        /* size, clients, rate, MB/s, limit, of it, what binds, p50, p99, memory, written, errors */
        "| 1 MiB | 16 | 200 (100 to 300) | 20.0 | - | 70 % | disk | 3.00 (2.00 to 4.00) "
        "| 8.00 (7.00 to 9.00) | 100 | - | 2 | 20.0 | 1.00 x |\n",
        "\n| 4 KiB | 1 | failed |\n",
        "| list |  | 16 | 200 (100 to 300) |",
        "Not run, since a file a client is more than a cell may move: 1 GiB with 256 clients.\n",
        "| put 1 MiB, 16 clients | at least 70 | 70.0 (60.0 to 80.0) | % of the limit | met |\n",
        "| put 4 KiB, 1 client, p50 | at most 1 | 3.00 (2.00 to 4.00) | ms | **missed** |\n",
        "| memory 5 s after the start | at most 40 | 24.5 | MiB | met |\n",
        "| SHA-256, 1 MiB | 0.62 | ns/B | 1600 MB/s |",
        "| 1 MiB | curve 2.05, disk 0.90 |\n",
        "](put-limit.svg)\n",
        "](other-rate.svg)\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        ck_assert_msg(strstr(page, wanted[i]), "%s\nis not in\n%s", wanted[i], page);
    ck_assert_msg(!strstr(page, "nan") && !strstr(page, "inf"), "%s", page);
    ck_assert_ptr_null(strstr(page, "get-rate.svg")); /* nothing is known of it */
}
END_TEST

START_TEST(each_picture_can_be_drawn)
{
    fill();
    bench_picture_t pictures[BENCH_PICTURES_MAX];
    size_t count = bench_pictures(&results, pictures);
    ck_assert_uint_eq(count, 6); /* put: rate, throughput, latency, limit; other: rate, latency */
    for (size_t i = 0; i < count; i++) {
        fsp_buf_reset(&text);
        bench_picture_draw(&text, &results, pictures[i].file);
        const char *svg = text_of();
        ck_assert(strncmp(svg, "<svg ", 5) == 0 && strstr(svg, "</svg>\n"));
        ck_assert_ptr_null(strstr(svg, "nothing was measured"));
        ck_assert_ptr_nonnull(strstr(svg, pictures[i].words));
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("report");
    TCase *tcase = tcase_create("report");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_figure_is_the_median_of_what_is_known);
    tcase_add_test(tcase, what_is_no_run_is_refused);
    tcase_add_test(tcase, there_is_room_for_so_many_cells);
    tcase_add_test(tcase, what_is_written_is_read_again);
    tcase_add_test(tcase, other_files_are_refused);
    tcase_add_test(tcase, the_page_says_what_was_measured);
    tcase_add_test(tcase, each_picture_can_be_drawn);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
