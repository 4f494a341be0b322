/* SPDX-License-Identifier: MIT */
/* report_charts - which pictures are made of results. */
#include "bench/chart.h"
#include "bench/report.h"
#include "bench/units.h"

#include "core/base/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LARGE_BYTES = 64 * 1024, POINTS_MAX = BENCH_LIST_MAX };

typedef enum { RATE, THROUGHPUT, LATENCY, SHARE } kind_t;

typedef struct {
    const char *file, *op; /* op NULL: all that are neither put nor get */
    kind_t kind;
    const char *words;
} picture_t;

static const picture_t pictures[] = {
    {"put-rate.svg", "put", RATE, "put: operations per second against clients, small files"},
    {"put-throughput.svg", "put", THROUGHPUT, "put: MB per second against clients, large files"},
    {"put-latency.svg", "put", LATENCY, "put: time of an operation against clients"},
    {"put-limit.svg", "put", SHARE, "put: share of what the machine allows"},
    {"get-rate.svg", "get", RATE, "get: operations per second against clients, small files"},
    {"get-throughput.svg", "get", THROUGHPUT, "get: MB per second against clients, large files"},
    {"get-latency.svg", "get", LATENCY, "get: time of an operation against clients"},
    {"get-limit.svg", "get", SHARE, "get: share of what the machine allows"},
    {"other-rate.svg", NULL, RATE, "other operations per second against clients"},
    {"other-latency.svg", NULL, LATENCY, "time of other operations against clients"},
};
enum { PICTURES = sizeof pictures / sizeof pictures[0] };
_Static_assert((int)PICTURES <= (int)BENCH_PICTURES_MAX, "room for all pictures");

/* Lines of a picture while it is made. */
typedef struct {
    bench_point_t point[BENCH_SERIES_MAX][POINTS_MAX];
    char name[BENCH_SERIES_MAX][BENCH_OP_TEXT + BENCH_SIZE_TEXT];
    bench_series_t series[BENCH_SERIES_MAX];
    size_t count;
} lines_t;

static bool
belongs(const picture_t *picture, const bench_cell_t *cell)
{
    bool transfer = strcmp(cell->op, "put") == 0 || strcmp(cell->op, "get") == 0;
    if (picture->op ? strcmp(cell->op, picture->op) != 0 : transfer)
        return false;
    if (picture->op && picture->kind == RATE)
        return cell->bytes <= LARGE_BYTES;
    return picture->kind != THROUGHPUT || cell->bytes >= LARGE_BYTES;
}

/* The value of a cell, in the middle of its spread; NAN: not known. */
static bench_point_t
point_of(const picture_t *picture, const bench_cell_t *cell)
{
    static const bench_metric_t metrics[] = {[RATE] = BENCH_METRIC_OPS,
                                             [THROUGHPUT] = BENCH_METRIC_MB,
                                             [LATENCY] = BENCH_METRIC_P50,
                                             [SHARE] = BENCH_METRIC_OF_LIMIT};
    bench_spread_t spread = bench_cell_spread(cell, metrics[picture->kind]);
    bench_point_t point = {
        .x = (double)cell->clients, .y = spread.median, .low = spread.low, .high = spread.high};
    if (picture->kind == LATENCY) { /* how much worse it gets for one of a hundred */
        point.low = point.y;
        point.high = bench_cell_spread(cell, BENCH_METRIC_P99).median;
    }
    return point;
}

/* The series of that name, made if need be; NULL: there is no room.  All of the grid that is run
   without options have theirs; what has none is in the tables. */
static bench_series_t *
series_of(lines_t *lines, const char *name)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (strcmp(lines->name[i], name) == 0)
            return &lines->series[i];
    }
    if (lines->count == BENCH_SERIES_MAX)
        return NULL;
    size_t number = lines->count++;
    (void)snprintf(lines->name[number], sizeof lines->name[number], "%s", name);
    lines->series[number] =
        (bench_series_t){.name = lines->name[number], .points = lines->point[number]};
    return &lines->series[number];
}

/* Keeps the points of a series in the order of x. */
static void
add_point(lines_t *lines, bench_series_t *series, bench_point_t point)
{
    if (series->count == POINTS_MAX)
        return;
    bench_point_t *points = lines->point[series - lines->series];
    size_t at = series->count++;
    for (; at > 0 && points[at - 1].x > point.x; at--)
        points[at] = points[at - 1];
    points[at] = point;
}

static void
collect(const picture_t *picture, const bench_results_t *results, lines_t *lines)
{
    for (size_t i = 0; i < results->cell_count; i++) {
        const bench_cell_t *cell = &results->cells[i];
        char name[BENCH_OP_TEXT + BENCH_SIZE_TEXT], size[BENCH_SIZE_TEXT];
        if (!belongs(picture, cell) || cell->run_count == 0)
            continue;
        bench_point_t point = point_of(picture, cell);
        if (!isfinite(point.y))
            continue;
        const char *bytes = cell->bytes > 0 ? bench_size_text(cell->bytes, size) : "";
        (void)snprintf(name, sizeof name, "%s%s%s", picture->op ? "" : cell->op,
                       picture->op || !*bytes ? "" : " ", bytes);
        bench_series_t *series = series_of(lines, name);
        if (series)
            add_point(lines, series, point);
    }
}

size_t
bench_pictures(const bench_results_t *results, bench_picture_t ret[BENCH_PICTURES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < PICTURES; i++) {
        lines_t lines = {.count = 0};
        collect(&pictures[i], results, &lines);
        if (lines.count > 0)
            ret[count++] = (bench_picture_t){.file = pictures[i].file, .words = pictures[i].words};
    }
    return count;
}

static void
draw_lines(fsp_buf_t *svg, const picture_t *picture, const bench_results_t *results)
{
    static const char *const units[] = {[RATE] = "operations per second",
                                        [THROUGHPUT] = "MB per second",
                                        [LATENCY] = "milliseconds"};
    char subtitle[BENCH_MACHINE_TEXT + 64];
    lines_t lines = {.count = 0};
    collect(picture, results, &lines);
    (void)snprintf(subtitle, sizeof subtitle, "%.120s; %s", results->target,
                   picture->kind == LATENCY ? "half of all are faster than the mark, 99 % than "
                                              "the end of its whisker"
                                            : "median of the runs, whiskers from least to most");
    bench_lines_t chart = {.title = picture->words,
                           .subtitle = subtitle,
                           .x_label = "clients",
                           .y_label = units[picture->kind],
                           .log_y = true,
                           .series = lines.series,
                           .series_count = lines.count};
    bench_chart_lines(svg, &chart);
}

static void
draw_shares(fsp_buf_t *svg, const picture_t *picture, const bench_results_t *results)
{
    bench_bar_t bars[BENCH_BARS_MAX];
    char labels[BENCH_BARS_MAX][BENCH_OP_TEXT + BENCH_SIZE_TEXT + 32];
    size_t count = 0;
    for (size_t i = 0; i < results->cell_count && count < BENCH_BARS_MAX; i++) {
        const bench_cell_t *cell = &results->cells[i];
        char size[BENCH_SIZE_TEXT];
        double share = point_of(picture, cell).y;
        if (!belongs(picture, cell) || !isfinite(share))
            continue;
        (void)snprintf(labels[count], sizeof labels[count], "%s, %llu client%s",
                       bench_size_text(cell->bytes, size), (unsigned long long)cell->clients,
                       cell->clients == 1 ? "" : "s");
        bars[count] =
            (bench_bar_t){.label = labels[count], .note = bench_cell_binding(cell), .share = share};
        count++;
    }
    bench_bars_t chart = {.title = picture->words,
                          .subtitle = "and what binds there; the line is the goal of 70 %",
                          .goal = 0.7,
                          .bars = bars,
                          .count = count};
    bench_chart_bars(svg, &chart);
}

void
bench_picture_draw(fsp_buf_t *svg, const bench_results_t *results, const char *file)
{
    for (size_t i = 0; i < PICTURES; i++) {
        if (strcmp(pictures[i].file, file) != 0)
            continue;
        if (pictures[i].kind == SHARE)
            draw_shares(svg, &pictures[i], results);
        else
            draw_lines(svg, &pictures[i], results);
        return;
    }
    FSP_UNREACHABLE();
}
