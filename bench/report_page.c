/* SPDX-License-Identifier: MIT */
/* report_page - results as a page of Markdown: the machine, the goals, a table for each kind of
 * operation. */
#include "bench/report.h"
#include "bench/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_TEXT = 48, NOT_SIZED = 0 };
static const double MIB = 1024 * 1024;

/* -- numbers ----------------------------------------------------------------------------------- */

/* As many figures as mean something; "-" for what is not known. */
static const char *
number(double value, char ret[NUMBER_TEXT])
{
    if (!isfinite(value))
        (void)snprintf(ret, NUMBER_TEXT, "-");
    else if (fabs(value) >= 100 || value == 0)
        (void)snprintf(ret, NUMBER_TEXT, "%.0f", value);
    else if (fabs(value) >= 10)
        (void)snprintf(ret, NUMBER_TEXT, "%.1f", value);
    else if (fabs(value) >= 0.1)
        (void)snprintf(ret, NUMBER_TEXT, "%.2f", value);
    else
        (void)snprintf(ret, NUMBER_TEXT, "%.2g", value);
    return ret;
}

static void
add_number(fsp_buf_t *page, double value)
{
    char text[NUMBER_TEXT];
    fsp_buf_printf(page, " %s |", number(value, text));
}

/* "5390 (5100 to 5600)": the median, and the least and the most when they differ. */
static void
add_spread(fsp_buf_t *page, bench_spread_t spread)
{
    char median[NUMBER_TEXT], low[NUMBER_TEXT], high[NUMBER_TEXT];
    (void)number(spread.median, median);
    (void)number(spread.low, low);
    (void)number(spread.high, high);
    if (strcmp(low, high) == 0)
        fsp_buf_printf(page, " %s |", median);
    else
        fsp_buf_printf(page, " %s (%s to %s) |", median, low, high);
}

static void
add_percent(fsp_buf_t *page, double share)
{
    if (isfinite(share))
        fsp_buf_printf(page, " %.0f %% |", share * 100);
    else
        fsp_buf_printf(page, " - |");
}

static double
median(const bench_cell_t *cell, bench_metric_t metric)
{
    return bench_cell_spread(cell, metric).median;
}

/* The most of one run: a median would hide them. */
static void
add_errors(fsp_buf_t *page, const bench_cell_t *cell)
{
    double errors = bench_cell_spread(cell, BENCH_METRIC_ERRORS).high;
    if (isfinite(errors))
        fsp_buf_printf(page, " %.0f |", errors);
    else
        fsp_buf_printf(page, " - |");
}

/* A text that may hold anything, in a row of a table or in a line. */
static void
add_text(fsp_buf_t *page, const char *text)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '\\' || *text == '`' || *text == '*' || *text == '<')
            fsp_buf_append_u8(page, '\\');
        fsp_buf_append_u8(page, (uint8_t)*text >= ' ' ? (uint8_t)*text : ' ');
    }
}

/* -- the head ---------------------------------------------------------------------------------- */

/* What explains most figures of a put; all others stand at the end. */
static void
add_disk(fsp_buf_t *page, const bench_limits_t *limits)
{
    double write = limits->value[BENCH_DISK_WRITE], read = limits->value[BENCH_DISK_READ];
    double sync = limits->value[BENCH_SYNC];
    if (write > 0 && read > 0 && sync > 0)
        fsp_buf_printf(page,
                       "| disk | writes %.0f and reads %.0f MB/s (1 MiB, O_DIRECT); 4 KiB are "
                       "durable after %.0f us |\n",
                       1e3 / write, 1e3 / read, sync);
}

static void
add_head(fsp_buf_t *page, const bench_results_t *results)
{
    fsp_buf_printf(page, "# Measured: ");
    add_text(page, results->target);
    fsp_buf_printf(page, "\n\nMade by `%s` on %.10s, %.5s UTC. ", results->command,
                   results->started, strlen(results->started) > 16 ? results->started + 11 : "");
    fsp_buf_printf(
        page,
        "A run takes %g s after %g s of warm-up; %llu run%s a cell, and a figure "
        "is their median, with the least and the most of them in brackets. A client is a "
        "connection with one operation under way; clients and server share the "
        "machine.\n",
        results->duration_s, results->warmup_s, (unsigned long long)results->repeat,
        results->repeat == 1 ? "" : "s");
    if (results->s3)
        fsp_buf_printf(page,
                       "\nThe other system is driven by S3: path-style, signed by SigV4. What "
                       "it does before it says that a put is done (fsync, copies), and "
                       "whether it encrypts, is as it was set up by who ran this.\n");
    else
        fsp_buf_printf(page, "\nEach run has a node of its own in a new directory: fsync before an "
                             "answer, sealed contents, versions, and CURVE on the way.\n");
    fsp_buf_printf(page, "\n## The machine\n\n| | |\n|---|---|\n");
    for (size_t i = 0; i < results->machine_rows; i++) {
        fsp_buf_printf(page, "| %s | ", results->machine[i].key);
        add_text(page, results->machine[i].text);
        fsp_buf_printf(page, " |\n");
    }
    add_disk(page, &results->limits);
}

#define BENCH_FIGURE_ROW(id, key, unit, words, note) {unit, words, note},
static const struct {
    const char *unit, *words, *note;
} figure_rows[BENCH_FIGURE_COUNT] = {BENCH_FIGURES(BENCH_FIGURE_ROW)};
#undef BENCH_FIGURE_ROW

static void
add_limits(fsp_buf_t *page, const bench_limits_t *limits)
{
    size_t known = 0;
    for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++)
        known += isfinite(limits->value[i]) ? 1 : 0;
    if (known == 0)
        return;
    fsp_buf_printf(page,
                   "\n## What it allows\n\n`filesphere-bench limits`, just before. ns/B is CPU "
                   "time of one core for a byte.\n\n| | | | | |\n|---|---:|---|---:|---|\n");
    for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++) {
        double value = limits->value[i];
        if (!isfinite(value))
            continue;
        fsp_buf_printf(page, "| %s |", figure_rows[i].words);
        add_number(page, value);
        fsp_buf_printf(page, " %s |", figure_rows[i].unit);
        if (strcmp(figure_rows[i].unit, "ns/B") == 0 && value > 0)
            fsp_buf_printf(page, " %.0f MB/s |", 1e3 / value);
        else
            fsp_buf_printf(page, " |");
        fsp_buf_printf(page, " %s |\n", figure_rows[i].note);
    }
}

/* -- goals ------------------------------------------------------------------------------------- */

typedef struct {
    const char *words, *op;
    uint64_t bytes, clients;
    bench_metric_t metric;
    double unit; /* what a figure is divided by before it is compared */
    double goal;
    bool at_most; /* else at least */
    const char *unit_words;
} goal_t;

static const goal_t goals[] = {
    {"put 4 KiB, 64 clients", "put", 4096, 64, BENCH_METRIC_OPS, 1, 8000, false, "1/s"},
    {"put 4 KiB, 1 client, p50", "put", 4096, 1, BENCH_METRIC_P50, 1, 1, true, "ms"},
    {"put 4 KiB, 64 clients, written", "put", 4096, 64, BENCH_METRIC_WRITTEN, 1, 3, true,
     "bytes a byte"},
    {"get 4 KiB, 64 clients", "get", 4096, 64, BENCH_METRIC_OPS, 1, 15000, false, "1/s"},
    {"put 64 KiB, 16 clients", "put", 65536, 16, BENCH_METRIC_OPS, 1, 2000, false, "1/s"},
    {"put 64 KiB, 16 clients, written", "put", 65536, 16, BENCH_METRIC_WRITTEN, 1, 1.1, true,
     "bytes a byte"},
    {"put 1 MiB, 16 clients", "put", 1 << 20, 16, BENCH_METRIC_OF_LIMIT, 0.01, 70, false,
     "% of the limit"},
    {"get 1 MiB, 16 clients", "get", 1 << 20, 16, BENCH_METRIC_OF_LIMIT, 0.01, 70, false,
     "% of the limit"},
    {"put 1 MiB, 16 clients, written", "put", 1 << 20, 16, BENCH_METRIC_WRITTEN, 1, 1.1, true,
     "bytes a byte"},
    {"put 1 MiB, 16 clients, memory", "put", 1 << 20, 16, BENCH_METRIC_RSS, 1024 * 1024, 256, true,
     "MiB"},
    {"put 1 GiB, 1 client", "put", 1 << 30, 1, BENCH_METRIC_OF_LIMIT, 0.01, 70, false,
     "% of the limit"},
    {"get 1 GiB, 1 client", "get", 1 << 30, 1, BENCH_METRIC_OF_LIMIT, 0.01, 70, false,
     "% of the limit"},
    {"list, 16 clients", "list", NOT_SIZED, 16, BENCH_METRIC_NAMES, 1, 200000, false, "names/s"},
};

static void
add_goal(fsp_buf_t *page, const char *words, const char *unit, double goal, bool at_most,
         bench_spread_t spread)
{
    if (!isfinite(spread.median))
        return;
    bool met = at_most ? spread.median <= goal : spread.median >= goal;
    fsp_buf_printf(page, "| %s | %s %g |", words, at_most ? "at most" : "at least", goal);
    add_spread(page, spread);
    fsp_buf_printf(page, " %s | %s |\n", unit, met ? "met" : "**missed**");
}

static bench_spread_t
one_value(double value)
{
    return (bench_spread_t){value, value, value};
}

static void
add_goals(fsp_buf_t *page, const bench_results_t *results)
{
    fsp_buf_printf(page, "\n## Goals\n\n| | goal | measured | | |\n|---|---:|---:|---|---|\n");
    for (size_t i = 0; i < sizeof goals / sizeof goals[0]; i++) {
        const goal_t *goal = &goals[i];
        const bench_cell_t *cell =
            bench_results_cell(results, goal->op, goal->bytes, goal->clients);
        if (!cell)
            continue;
        bench_spread_t spread = bench_cell_spread(cell, goal->metric);
        spread.median /= goal->unit;
        spread.low /= goal->unit;
        spread.high /= goal->unit;
        add_goal(page, goal->words, goal->unit_words, goal->goal, goal->at_most, spread);
    }
    add_goal(page, "memory 5 s after the start", "MiB", 40, true, one_value(results->idle_mib));
    add_goal(page, "memory right after that load", "MiB", 256, true,
             one_value(results->loaded_mib));
    add_goal(page, "memory 30 s after that load", "MiB", 64, true, one_value(results->after_mib));
    if (isfinite(results->start_ms))
        fsp_buf_printf(page,
                       "\nFrom the start of a new node to its first answer: %.0f ms. \"That "
                       "load\" is put 1 MiB, 16 clients.\n",
                       results->start_ms);
}

/* -- tables ------------------------------------------------------------------------------------ */

/* The same cell of the other system; NULL: it has none that ran. */
static const bench_cell_t *
counterpart(const bench_results_t *other, const bench_cell_t *cell)
{
    const bench_cell_t *same =
        other ? bench_results_cell(other, cell->op, cell->bytes, cell->clients) : NULL;
    return same && same->run_count > 0 ? same : NULL;
}

static void
add_other(fsp_buf_t *page, const bench_results_t *other, const bench_cell_t *cell,
          bench_metric_t metric)
{
    if (!other)
        return;
    const bench_cell_t *same = counterpart(other, cell);
    double theirs = same ? median(same, metric) : NAN;
    double times = median(cell, metric) / theirs;
    add_number(page, theirs);
    if (isfinite(times))
        fsp_buf_printf(page, " %.2f x |", times);
    else
        fsp_buf_printf(page, " - |");
}

static void
add_name_of_cell(fsp_buf_t *page, const bench_cell_t *cell)
{
    char size[BENCH_SIZE_TEXT];
    fsp_buf_printf(page, "| %s | %llu |",
                   cell->bytes == NOT_SIZED ? "" : bench_size_text(cell->bytes, size),
                   (unsigned long long)cell->clients);
}

/* Cells without a good run: why. */
static bool
add_not_run(fsp_buf_t *page, const bench_cell_t *cell)
{
    if (cell->run_count > 0)
        return false;
    if (!cell->too_large) {
        add_name_of_cell(page, cell);
        fsp_buf_printf(page, " failed |\n");
    }
    return true;
}

static bool
is_op(const bench_cell_t *cell, const char *op)
{
    return strcmp(cell->op, op) == 0;
}

static void
add_too_large(fsp_buf_t *page, const bench_results_t *results, const char *op)
{
    char size[BENCH_SIZE_TEXT];
    const char *before = "\nNot run, since a file a client is more than a cell may move: ";
    for (size_t i = 0; i < results->cell_count; i++) {
        const bench_cell_t *cell = &results->cells[i];
        if (!cell->too_large || !is_op(cell, op))
            continue;
        fsp_buf_printf(page, "%s%s with %llu", before, bench_size_text(cell->bytes, size),
                       (unsigned long long)cell->clients);
        before = ", ";
    }
    if (before[0] == ',')
        fsp_buf_printf(page, " clients.\n");
}

/* "curve 2.05, sha256 2.72, disk 0.90" of each size. */
static void
add_terms(fsp_buf_t *page, const bench_results_t *results, const char *op)
{
    char size[BENCH_SIZE_TEXT];
    uint64_t shown = UINT64_MAX;
    for (size_t i = 0; i < results->cell_count; i++) {
        const bench_cell_t *cell = &results->cells[i];
        if (!is_op(cell, op) || cell->term_count == 0 || cell->bytes == shown)
            continue;
        fsp_buf_printf(page, shown == UINT64_MAX ? "\nTerms of the limit, in ns a byte of one core "
                                                   "(disk by the clock), with the fewest clients:\n"
                                                   "\n| size | terms |\n|---|---|\n"
                                                 : "");
        shown = cell->bytes;
        fsp_buf_printf(page, "| %s | ", bench_size_text(cell->bytes, size));
        for (size_t j = 0; j < cell->term_count; j++) {
            char text[NUMBER_TEXT];
            fsp_buf_printf(page, "%s%s %s", j ? ", " : "", cell->term[j].name,
                           number(cell->term[j].ns, text));
        }
        fsp_buf_printf(page, " |\n");
    }
}

static void
add_transfers(fsp_buf_t *page, const bench_results_t *results, const bench_results_t *other,
              const char *op)
{
    fsp_buf_printf(page,
                   "\n| size | clients | 1/s | MB/s | limit, MB/s | of limit | binds | p50, ms "
                   "| p99, ms | memory, MiB | written, B a byte | errors |%s\n",
                   other ? " other, MB/s | |" : "");
    fsp_buf_printf(page, "|---|---:|---:|---:|---:|---:|---|---:|---:|---:|---:|---:|%s\n",
                   other ? "---:|---:|" : "");
    for (size_t i = 0; i < results->cell_count; i++) {
        const bench_cell_t *cell = &results->cells[i];
        if (!is_op(cell, op) || add_not_run(page, cell))
            continue;
        add_name_of_cell(page, cell);
        add_spread(page, bench_cell_spread(cell, BENCH_METRIC_OPS));
        add_number(page, median(cell, BENCH_METRIC_MB));
        add_number(page, median(cell, BENCH_METRIC_LIMIT));
        add_percent(page, median(cell, BENCH_METRIC_OF_LIMIT));
        fsp_buf_printf(page, " %s |", bench_cell_binding(cell));
        add_spread(page, bench_cell_spread(cell, BENCH_METRIC_P50));
        add_spread(page, bench_cell_spread(cell, BENCH_METRIC_P99));
        add_number(page, median(cell, BENCH_METRIC_RSS) / MIB);
        add_number(page, median(cell, BENCH_METRIC_WRITTEN));
        add_errors(page, cell);
        add_other(page, other, cell, BENCH_METRIC_MB);
        fsp_buf_printf(page, "\n");
    }
    add_too_large(page, results, op);
    add_terms(page, results, op);
}

static bool
is_transfer(const bench_cell_t *cell)
{
    return is_op(cell, "put") || is_op(cell, "get");
}

static void
add_others(fsp_buf_t *page, const bench_results_t *results, const bench_results_t *other)
{
    fsp_buf_printf(page,
                   "\n| | size | clients | 1/s | names/s | p50, ms | p99, ms | node, us of CPU "
                   "| sent, B | memory, MiB | errors |%s\n",
                   other ? " other, 1/s | |" : "");
    fsp_buf_printf(page, "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|%s\n",
                   other ? "---:|---:|" : "");
    for (size_t i = 0; i < results->cell_count; i++) {
        const bench_cell_t *cell = &results->cells[i];
        if (is_transfer(cell) || cell->too_large)
            continue;
        fsp_buf_printf(page, "| %s ", cell->op);
        if (add_not_run(page, cell))
            continue;
        add_name_of_cell(page, cell);
        add_spread(page, bench_cell_spread(cell, BENCH_METRIC_OPS));
        add_number(page, median(cell, BENCH_METRIC_NAMES));
        add_spread(page, bench_cell_spread(cell, BENCH_METRIC_P50));
        add_spread(page, bench_cell_spread(cell, BENCH_METRIC_P99));
        add_number(page, median(cell, BENCH_METRIC_NODE_CPU));
        add_number(page, median(cell, BENCH_METRIC_SENT));
        add_number(page, median(cell, BENCH_METRIC_RSS) / MIB);
        add_errors(page, cell);
        add_other(page, other, cell, BENCH_METRIC_OPS);
        fsp_buf_printf(page, "\n");
    }
}

/* -- the page ---------------------------------------------------------------------------------- */

static bool
has_op(const bench_results_t *results, const char *op)
{
    for (size_t i = 0; i < results->cell_count; i++) {
        const bench_cell_t *cell = &results->cells[i];
        if (op ? is_op(cell, op) : !is_transfer(cell))
            return true;
    }
    return false;
}

/* Pictures whose file begins so. */
static void
add_pictures(fsp_buf_t *page, const bench_results_t *results, const char *prefix)
{
    bench_picture_t pictures[BENCH_PICTURES_MAX];
    size_t count = bench_pictures(results, pictures);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(pictures[i].file, prefix, strlen(prefix)) == 0)
            fsp_buf_printf(page, "\n![%s](%s)\n", pictures[i].words, pictures[i].file);
    }
}

void
bench_page(fsp_buf_t *page, const bench_results_t *results, const bench_results_t *other,
           bool charts)
{
    static const char *const transfers[] = {"put", "get"};
    add_head(page, results);
    if (other) {
        fsp_buf_printf(page, "\n\"Other\" in the tables is ");
        add_text(page, other->target);
        fsp_buf_printf(page, ", by `%s`, and how many times as much this one does.\n",
                       other->command);
    }
    if (!results->s3)
        add_goals(page, results);
    for (size_t i = 0; i < 2; i++) {
        if (!has_op(results, transfers[i]))
            continue;
        fsp_buf_printf(page, "\n## %s\n", transfers[i]);
        if (charts)
            add_pictures(page, results, transfers[i]);
        add_transfers(page, results, other, transfers[i]);
    }
    if (has_op(results, NULL)) {
        fsp_buf_printf(page, "\n## Other operations\n");
        if (charts)
            add_pictures(page, results, "other");
        add_others(page, results, other);
    }
    if (!results->s3)
        add_limits(page, &results->limits);
}
