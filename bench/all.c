/* SPDX-License-Identifier: MIT */
/* all - what `make bench` runs: limits, then the loads that have a goal on a node of its own, the
 * command line, and a table of what was wanted, achieved and possible. */
#include "bench/bench.h"
#include "bench/interrupt.h"
#include "bench/load.h"
#include "bench/options.h"
#include "bench/units.h"
#include "bench/usage.h"

#include "core/base/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TREE_FILES = 10000,
    LARGE_MIB = 1024,
    ROWS_MAX = 40,
    WHAT_BYTES = 48,
    KIB = 1024,
    MIB = 1024 * 1024,
};
static const double IDLE_S = 5, AFTER_S = 30, SHARE_GOAL = 0.7;

/* One row of the table; NAN or NULL: there is none. */
typedef struct {
    char what[WHAT_BYTES];
    const char *unit;
    double goal, achieved, limit;
    bool at_most; /* the goal is not to be more */
    const char *binding;
} row_t;

typedef struct {
    bool json, report;
    double seconds;
    bench_node_t *node;
    bench_limits_t limits;
    row_t rows[ROWS_MAX];
    size_t row_count;
    double rss_mib; /* the most under load */
    bool failed;
} all_t;

static row_t *
add_row(all_t *self, const char *what, const char *unit, double goal, double achieved)
{
    FSP_ASSERT(self->row_count < ROWS_MAX);
    row_t *row = &self->rows[self->row_count++];
    *row = (row_t){.unit = unit, .goal = goal, .achieved = achieved, .limit = NAN};
    (void)snprintf(row->what, sizeof(row->what), "%s", what);
    return row;
}

static bool
missed(const row_t *row)
{
    return row->at_most ? row->achieved > row->goal : row->achieved < row->goal;
}

/* -- the table --------------------------------------------------------------------------------- */

static void
print_cell(double value, int width)
{
    char text[32] = "";
    if (!isnan(value))
        (void)snprintf(text, sizeof(text), "%.*f", value < 10 ? 2 : value < 100 ? 1 : 0, value);
    (void)printf(" %*s", width, text);
}

static void
print_table(const all_t *self)
{
    (void)printf("\n%-36s %-5s %9s %9s %9s %9s  %s\n", "what", "unit", "goal", "achieved", "limit",
                 "of limit", "binding");
    for (size_t i = 0; i < self->row_count; i++) {
        const row_t *row = &self->rows[i];
        char share[16] = "";
        if (!isnan(row->limit))
            (void)snprintf(share, sizeof(share), "%.0f %%", 100 * row->achieved / row->limit);
        (void)printf("%-36s %-5s", row->what, row->unit);
        print_cell(row->goal, 9);
        print_cell(row->achieved, 9);
        print_cell(row->limit, 9);
        (void)printf(" %9s  %-8s%s\n", share, row->binding ? row->binding : "",
                     !isnan(row->goal) && missed(row) ? " missed" : "");
    }
    (void)fflush(stdout);
}

static void
print_number(const char *key, double value)
{
    if (isnan(value))
        (void)printf(",\"%s\":null", key);
    else
        (void)printf(",\"%s\":%.6g", key, value);
}

static void
print_json(const all_t *self)
{
    (void)printf("{\"type\":\"all\",\"cores\":%u,\"rows\":[", self->limits.cores);
    for (size_t i = 0; i < self->row_count; i++) {
        const row_t *row = &self->rows[i];
        (void)printf("%s{\"what\":\"%s\",\"unit\":\"%s\"", i ? "," : "", row->what, row->unit);
        print_number("goal", row->goal);
        print_number("achieved", row->achieved);
        print_number("limit", row->limit);
        print_number("of_limit", row->achieved / row->limit);
        (void)printf(",\"binding\":\"%s\",\"met\":%s}", row->binding ? row->binding : "",
                     isnan(row->goal) ? "null"
                     : missed(row)    ? "false"
                                      : "true");
    }
    (void)printf("]}\n");
    (void)fflush(stdout);
}

/* -- loads ------------------------------------------------------------------------------------- */

/* Goals of a load; 0: none.  Shares are of the limit. */
typedef struct {
    bench_op_t op;
    uint64_t bytes, clients;
    double rate_goal; /* operations a second; BENCH_LIST: names */
    double share_goal;
    double p50_ms_goal;
    double written_goal; /* bytes written a byte put */
} goal_t;

static const goal_t goals[] = {
    {BENCH_PUT, 4 * KIB, 1, 0, 0, 1, 0},
    {BENCH_GET, 4 * KIB, 1, 0, 0, 0, 0},
    {BENCH_PUT, 4 * KIB, 64, 8000, 0, 0, 3},
    {BENCH_GET, 4 * KIB, 64, 15000, 0, 0, 0},
    {BENCH_PUT, 64 * KIB, 16, 2000, 0, 0, 1.1},
    {BENCH_PUT, MIB, 1, 0, 0, 0, 0},
    {BENCH_GET, MIB, 1, 0, 0, 0, 0},
    {BENCH_PUT, MIB, 16, 0, SHARE_GOAL, 0, 1.1},
    {BENCH_GET, MIB, 16, 0, SHARE_GOAL, 0, 0},
    {BENCH_LIST, 1, 4, 200000, 0, 0, 0},
};

static double
or_none(double goal)
{
    return goal > 0 ? goal : NAN;
}

static void
add_load_rows(all_t *self, const goal_t *goal, const bench_load_result_t *result)
{
    char what[WHAT_BYTES], size[BENCH_SIZE_TEXT], name[WHAT_BYTES + 16];
    if (goal->op == BENCH_LIST)
        (void)snprintf(what, sizeof(what), "list, %llu clients", (unsigned long long)goal->clients);
    else
        (void)snprintf(what, sizeof(what), "%s %s, %llu client%s", bench_op_name(goal->op),
                       bench_size_text(goal->bytes, size), (unsigned long long)goal->clients,
                       goal->clients > 1 ? "s" : "");
    const bench_terms_t *terms = &result->terms;
    if (goal->op == BENCH_LIST) {
        add_row(self, what, "1/s", or_none(goal->rate_goal), result->names_per_s);
        return;
    }
    bool large = goal->bytes >= MIB;
    double each = large ? 1 : (double)goal->bytes / 1e6; /* MB an operation */
    row_t *row =
        add_row(self, what, large ? "MB/s" : "1/s",
                large ? or_none(goal->share_goal * terms->limit_mb_s) : or_none(goal->rate_goal),
                large ? result->mb_per_s : result->ops_per_s);
    row->limit = terms->limit_mb_s / each;
    row->binding = terms->binding;
    (void)snprintf(name, sizeof(name), "  p50");
    add_row(self, name, "ms", or_none(goal->p50_ms_goal),
            bench_histogram_quantile(&result->times, 0.5) * 1e3)
        ->at_most = true;
    add_row(self, "  p99", "ms", NAN, bench_histogram_quantile(&result->times, 0.99) * 1e3);
    if (goal->written_goal > 0)
        add_row(self, "  written a byte put", "", goal->written_goal, result->write_amplification)
            ->at_most = true;
}

static void
run_goal(all_t *self, const goal_t *goal)
{
    static bench_load_result_t result;
    bench_load_t load = {.op = goal->op,
                         .driver = &bench_driver_filesphere,
                         .targets = {{.endpoint = self->node->profile}},
                         .target_count = 1,
                         .bytes = goal->bytes,
                         .clients = goal->clients,
                         .processes = goal->clients < self->limits.cores ? goal->clients
                                                                         : self->limits.cores,
                         .entries = 10000,
                         .warmup_s = 1,
                         .seconds = self->seconds,
                         .verify = true,
                         .node_count = 1,
                         .limits = &self->limits};
    load.nodes[0].pid = self->node->pid;
    load.nodes[0].data = self->node->directory;
    bool good = bench_load_run(&load, &result);
    self->failed = self->failed || !good || result.errors > 0;
    if (result.times.count == 0)
        return; /* it has said why */
    bench_load_print(&load, &result, self->json);
    add_load_rows(self, goal, &result);
    if (result.rss_bytes / MIB > self->rss_mib)
        self->rss_mib = result.rss_bytes / MIB;
}

/* -- the run ----------------------------------------------------------------------------------- */

static void
rest(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds};
    if (!bench_interrupted())
        (void)nanosleep(&pause, NULL); /* a signal ends it */
}

static void
add_memory(all_t *self, const char *what, double goal_mib)
{
    bench_usage_t usage;
    bool known = bench_usage(self->node->pid, &usage);
    add_row(self, what, "MiB", goal_mib, known ? (double)usage.rss_bytes / MIB : NAN)->at_most =
        true;
}

static void
run_tree(all_t *self)
{
    bench_tree_result_t tree;
    bool good =
        bench_tree(self->json, self->node->profile, &self->limits, TREE_FILES, LARGE_MIB, &tree);
    self->failed = self->failed || !good;
    row_t *row = add_row(self, "put 1 GiB, command line", "MB/s", SHARE_GOAL * tree.put_limit_mb_s,
                         tree.put_mb_per_s);
    row->limit = tree.put_limit_mb_s;
    row->binding = tree.put_binding;
    row = add_row(self, "get 1 GiB, command line", "MB/s", SHARE_GOAL * tree.get_limit_mb_s,
                  tree.get_mb_per_s);
    row->limit = tree.get_limit_mb_s;
    row->binding = tree.get_binding;
    add_row(self, "put -r, files of 10 KiB", "1/s", 2000, tree.put_files_per_s);
    add_row(self, "get -r, files of 10 KiB", "1/s", 2000, tree.get_files_per_s);
    add_row(self, "cat, first byte", "ms", 40, tree.first_byte_ms)->at_most = true;
}

static int
run_all(void *arg, bench_node_t *node)
{
    all_t *self = arg;
    self->node = node;
    bench_measure_t measure = {.limits = &self->limits,
                               .output = self->json ? BENCH_JSON : BENCH_TABLE,
                               .directory = node->directory};
    if (!bench_limits(&measure) || !bench_node_start(node))
        return 1;
    bench_catch_signals();
    add_row(self, "start to first answer", "ms", NAN, node->start_s * 1e3);
    rest(IDLE_S);
    add_memory(self, "memory, 5 s after start", 40);
    for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]) && !bench_interrupted(); i++)
        run_goal(self, &goals[i]);
    add_row(self, "memory, at most under load", "MiB", 256, self->rss_mib)->at_most = true;
    rest(AFTER_S);
    add_memory(self, "memory, 30 s after it", 64);
    if (!bench_interrupted())
        run_tree(self);
    if (self->json)
        print_json(self);
    else
        print_table(self);
    return self->failed || bench_interrupted() ? 1 : 0;
}

int
bench_cmd_all(int argc, char **argv)
{
    static all_t self;
    self = (all_t){.seconds = 5, .report = true};
    const bench_option_t options[] = {
        {.name = "duration",
         .value = "TIME",
         .help = "of each load (5s)",
         .seconds = &self.seconds,
         .least = 1,
         .most = 3600},
        {.name = "report", .help = "with a short report at the end (on)", .on = &self.report},
        {.name = "json", .help = "a JSON object a line; the last has all", .flag = &self.json},
        {.name = NULL}};
    int code = bench_take_options(
        argc, argv, "Limits, then the loads that have a goal on a node of its own", options);
    if (code != BENCH_GO_ON)
        return code;
    code = bench_in_directory(run_all, &self);
    if (code != 0 || !self.report || self.json)
        return code;
    char *words[] = {"report", "--short", NULL};
    return bench_cmd_report(2, words);
}
