/* SPDX-License-Identifier: MIT */
/* scale_table - the figures of `scale` as a table in Markdown, or as JSON. */
#include "bench/scale.h"

#include "core/base/check.h"

#include <inttypes.h>
#include <stdio.h>

/* -- ratios ------------------------------------------------------------------------------------ */

/* How many times the cost of the first; 1 where one of them is too small to be told. */
static double
ratio(double now, double first)
{
    return now > 0 && first > 0 ? now / first : 1;
}

typedef struct {
    double cpu, p50, per_s; /* the worst over all points; per_s: how many times slower */
} worst_t;

static worst_t
find_worst(const bench_scale_point_t *points, size_t count, bench_scale_op_t op)
{
    const bench_scale_figure_t *first = &points[0].ops[op];
    worst_t worst = {1, 1, 1};
    for (size_t i = 1; i < count; i++) {
        const bench_scale_figure_t *now = &points[i].ops[op];
        double cpu = ratio(now->cpu_us, first->cpu_us), p50 = ratio(now->p50_ms, first->p50_ms);
        double per_s = ratio(first->per_s, now->per_s);
        worst.cpu = cpu > worst.cpu ? cpu : worst.cpu;
        worst.p50 = p50 > worst.p50 ? p50 : worst.p50;
        worst.per_s = per_s > worst.per_s ? per_s : worst.per_s;
    }
    return worst;
}

static bool
is_flat(const bench_scale_point_t *points, size_t count)
{
    bool flat = true;
    for (int op = BENCH_SCALE_PUT; op < BENCH_SCALE_OPS; op++)
        flat = flat && find_worst(points, count, (bench_scale_op_t)op).cpu * 100 <=
                           BENCH_SCALE_GOAL_PERCENT;
    return flat;
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void
figure_json(const char *name, const bench_scale_figure_t *figure)
{
    (void)printf(",\"%s\":{\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"ops_per_s\":%.1f,"
                 "\"ops_per_s_least\":%.1f,\"ops_per_s_most\":%.1f,\"cpu_us\":%.1f,"
                 "\"cpu_us_least\":%.1f,\"cpu_us_most\":%.1f,\"operations\":%" PRIu64
                 ",\"errors\":%" PRIu64 "}",
                 name, figure->p50_ms, figure->p99_ms, figure->per_s, figure->least_per_s,
                 figure->most_per_s, figure->cpu_us, figure->least_cpu_us, figure->most_cpu_us,
                 figure->operations, figure->errors);
}

void
bench_scale_json(const bench_scale_point_t *point)
{
    (void)printf("{\"type\":\"scale\",\"files\":%" PRIu64 ",\"puts\":%" PRIu64
                 ",\"fill_per_s\":%.1f,\"fill_cpu_us\":%.1f,\"written_bytes_per_file\":%.1f,"
                 "\"write_amplification\":%.3f,\"disk_bytes_per_file\":%.1f,"
                 "\"rss_quiet_mib\":%.1f,\"rss_peak_mib\":%.1f,\"start_stopped_ms\":%.1f,"
                 "\"start_killed_ms\":%.1f",
                 point->files, point->puts, point->fill_per_s, point->fill_cpu_us,
                 point->written_bytes, point->amplification, point->disk_bytes, point->quiet_mib,
                 point->peak_mib, point->stopped_ms, point->killed_ms);
    for (int op = 0; op < BENCH_SCALE_OPS; op++)
        figure_json(bench_scale_op_name((bench_scale_op_t)op), &point->ops[op]);
    (void)puts("}");
    (void)fflush(stdout);
}

void
bench_scale_json_ratios(const bench_scale_point_t *points, size_t count)
{
    FSP_PRE(count > 0);
    (void)printf("{\"type\":\"ratios\",\"files\":%" PRIu64 ",\"goal\":%.2f,\"flat\":%s",
                 points[0].files, BENCH_SCALE_GOAL_PERCENT / 100.0,
                 is_flat(points, count) ? "true" : "false");
    for (int op = 0; op < BENCH_SCALE_OPS; op++) {
        worst_t worst = find_worst(points, count, (bench_scale_op_t)op);
        (void)printf(",\"%s\":{\"cpu\":%.3f,\"p50\":%.3f,\"ops_per_s\":%.3f}",
                     bench_scale_op_name((bench_scale_op_t)op), worst.cpu, worst.p50, worst.per_s);
    }
    (void)puts("}");
}

/* -- Markdown ---------------------------------------------------------------------------------- */

/* A value with as many digits as mean something. */
static void
cell(double value)
{
    (void)printf(" %.*f |", value < 10 ? 2 : value < 100 ? 1 : 0, value);
}

/* One figure at each number, and how many times the first one it is. */
static void
line(const bench_scale_point_t *points, size_t count, const char *name, const char *unit,
     double (*of)(const bench_scale_point_t *point, bench_scale_op_t op), bench_scale_op_t op,
     bool more_is_better)
{
    (void)printf("| %s | %s |", name, unit);
    double first = of(&points[0], op);
    for (size_t i = 0; i < count; i++) {
        double now = of(&points[i], op);
        cell(now);
        if (i > 0)
            (void)printf(" %.2f |", more_is_better ? ratio(first, now) : ratio(now, first));
    }
    (void)puts("");
}

#define FIGURE(member)                                                                             \
    static double of_##member(const bench_scale_point_t *point, bench_scale_op_t op)               \
    {                                                                                              \
        return point->ops[op].member;                                                              \
    }
#define VALUE(member)                                                                              \
    static double of_##member(const bench_scale_point_t *point, bench_scale_op_t op)               \
    {                                                                                              \
        (void)op;                                                                                  \
        return point->member;                                                                      \
    }
FIGURE(p50_ms)
FIGURE(p99_ms)
FIGURE(per_s)
FIGURE(cpu_us)
VALUE(fill_per_s)
VALUE(fill_cpu_us)
VALUE(written_bytes)
VALUE(amplification)
VALUE(disk_bytes)
VALUE(quiet_mib)
VALUE(peak_mib)
VALUE(stopped_ms)
VALUE(killed_ms)

static void
operation_lines(const bench_scale_point_t *points, size_t count, bench_scale_op_t op)
{
    char name[64];
    const char *verb = bench_scale_op_name(op);
    (void)snprintf(name, sizeof(name), "%s, 1 client, p50", verb);
    line(points, count, name, "ms", of_p50_ms, op, false);
    (void)snprintf(name, sizeof(name), "%s, 1 client, p99", verb);
    line(points, count, name, "ms", of_p99_ms, op, false);
    (void)snprintf(name, sizeof(name), "%s, %d clients", verb, BENCH_SCALE_CLIENTS);
    line(points, count, name, "1/s", of_per_s, op, true);
    (void)snprintf(name, sizeof(name), "%s, CPU of the node", verb);
    line(points, count, name, "us", of_cpu_us, op, false);
}

/* How far the rounds of one number lie apart. */
static void
spread_line(const bench_scale_point_t *points, size_t count, bench_scale_op_t op)
{
    (void)printf("| %s, CPU: least to most round | us |", bench_scale_op_name(op));
    for (size_t i = 0; i < count; i++)
        (void)printf(" %.0f to %.0f |%s", points[i].ops[op].least_cpu_us,
                     points[i].ops[op].most_cpu_us, i > 0 ? " |" : "");
    (void)puts("");
}

void
bench_scale_table(const bench_scale_point_t *points, size_t count)
{
    FSP_PRE(count > 0);
    (void)fputs("| files | |", stdout);
    for (size_t i = 0; i < count; i++)
        (void)printf(" %" PRIu64 " |%s", points[i].files, i > 0 ? " x |" : "");
    (void)fputs("\n|---|---|", stdout);
    for (size_t i = 0; i < count; i++)
        (void)fputs(i > 0 ? "---:|---:|" : "---:|", stdout);
    (void)puts("");
    for (int op = 0; op < BENCH_SCALE_OPS; op++) {
        operation_lines(points, count, (bench_scale_op_t)op);
        spread_line(points, count, (bench_scale_op_t)op);
    }
    const bench_scale_op_t none = BENCH_SCALE_NOTHING;
    line(points, count, "fill, batches of 250, 8 clients", "1/s", of_fill_per_s, none, true);
    line(points, count, "fill, CPU of the node a file", "us", of_fill_cpu_us, none, false);
    line(points, count, "fill, bytes written a file", "B", of_written_bytes, none, false);
    line(points, count, "fill, written for each byte kept", "", of_amplification, none, false);
    line(points, count, "disk a file", "B", of_disk_bytes, none, false);
    line(points, count, "memory, quiet after the fill", "MiB", of_quiet_mib, none, false);
    line(points, count, "memory, most", "MiB", of_peak_mib, none, false);
    line(points, count, "start after a clean stop", "ms", of_stopped_ms, none, false);
    line(points, count, "start after kill -9", "ms", of_killed_ms, none, false);
    uint64_t errors = 0;
    for (size_t i = 0; i < count; i++)
        for (int op = 0; op < BENCH_SCALE_OPS; op++)
            errors += points[i].ops[op].errors;
    (void)printf("\n%s within %.1f x by the node's CPU; %" PRIu64 " errors\n",
                 is_flat(points, count) ? "flat" : "NOT flat", BENCH_SCALE_GOAL_PERCENT / 100.0,
                 errors);
}
