/* SPDX-License-Identifier: MIT */
/* figures - what `limits` measures: one list of keys, units and words; printed, written as JSON and
 * read again. */
#include "bench/figures.h"

#include "core/base/check.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 16 * 1024 };

#define BENCH_FIGURE_ROW(id, key, unit, words, note) {key, unit, words, note},
static const struct {
    const char *key, *unit, *words, *note;
} rows[BENCH_FIGURE_COUNT] = {BENCH_FIGURES(BENCH_FIGURE_ROW)};
#undef BENCH_FIGURE_ROW

void
bench_figures_clear(bench_limits_t *self)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    self->cores = cores > 0 ? (unsigned)cores : 1;
    for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++)
        self->value[i] = NAN;
}

/* "0.61 ns/B    1639 MB/s": beside a time a byte the rate, of all cores together where all work. */
static void
print_row(bench_figure_t figure, double value, unsigned cores)
{
    char other[32] = "";
    size_t length = strlen(rows[figure].key);
    bool all = length > 4 && strcmp(rows[figure].key + length - 4, "_all") == 0;
    if (strcmp(rows[figure].unit, "ns/B") == 0 && value > 0)
        (void)snprintf(other, sizeof(other), "%.0f MB/s", (all ? cores : 1) * 1e3 / value);
    (void)printf("%-34s %10.*f %-5s %12s  %s\n", rows[figure].words, value < 100 ? 2 : 0, value,
                 rows[figure].unit, other, rows[figure].note);
    (void)fflush(stdout);
}

void
bench_figure(bench_limits_t *self, bench_output_t output, bench_figure_t figure, double value)
{
    FSP_PRE(figure < BENCH_FIGURE_COUNT);
    self->value[figure] = value;
    if (output == BENCH_TABLE)
        print_row(figure, value, self->cores);
    if (output != BENCH_JSON)
        return;
    (void)printf("{\"type\":\"figure\",\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"note\":"
                 "\"%s\"}\n",
                 rows[figure].key, value, rows[figure].unit, rows[figure].note);
    (void)fflush(stdout);
}

void
bench_figures_print(const bench_limits_t *self)
{
    (void)printf("{\"type\":\"limits\",\"cores\":%u", self->cores);
    for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++) {
        if (!isnan(self->value[i]))
            (void)printf(",\"%s\":%.6g", rows[i].key, self->value[i]);
    }
    (void)printf("}\n");
    (void)fflush(stdout);
}

/* False: the line is no such object. */
static bool
read_line(const char *line, bench_limits_t *ret)
{
    json_t *object = json_loads(line, 0, NULL);
    const char *type = json_string_value(json_object_get(object, "type"));
    bool good = type && strcmp(type, "limits") == 0;
    for (size_t i = 0; good && i < BENCH_FIGURE_COUNT; i++) {
        const json_t *value = json_object_get(object, rows[i].key);
        if (json_is_number(value))
            ret->value[i] = json_number_value(value);
    }
    json_decref(object);
    return good;
}

bool
bench_figures_read(const char *path, bench_limits_t *ret)
{
    static char line[LINE_BYTES];
    bench_figures_clear(ret);
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        return false;
    }
    bool found = false;
    while (fgets(line, sizeof(line), file))
        found = read_line(line, ret) || found;
    (void)fclose(file); /* was only read */
    if (!found)
        (void)fprintf(stderr, "%s: no line of `limits --json`\n", path);
    return found;
}
