/* SPDX-License-Identifier: MIT */
/* report_cells - cells and their runs: kept, summed up, written as JSON lines and read again. */
#include "bench/report.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 256 * 1024 };

#define BENCH_METRIC_KEY(id, key) key,
static const char *const metric_keys[BENCH_METRIC_COUNT] = {BENCH_METRICS(BENCH_METRIC_KEY)};
#undef BENCH_METRIC_KEY
#define BENCH_FIGURE_KEY(id, key, unit, words, note) key,
static const char *const figure_keys[BENCH_FIGURE_COUNT] = {BENCH_FIGURES(BENCH_FIGURE_KEY)};
#undef BENCH_FIGURE_KEY

/* Figures of the node itself, as members of the results. */
static const struct {
    const char *key;
    size_t offset;
} node_figures[] = {{"start_ms", offsetof(bench_results_t, start_ms)},
                    {"idle_mib", offsetof(bench_results_t, idle_mib)},
                    {"loaded_mib", offsetof(bench_results_t, loaded_mib)},
                    {"after_mib", offsetof(bench_results_t, after_mib)},
                    {"duration_s", offsetof(bench_results_t, duration_s)},
                    {"warmup_s", offsetof(bench_results_t, warmup_s)}};
enum { NODE_FIGURES = sizeof node_figures / sizeof node_figures[0] };

static double
node_figure(const bench_results_t *self, size_t number)
{
    double value;
    memcpy(&value, (const char *)self + node_figures[number].offset, sizeof value);
    return value;
}

static void
set_node_figure(bench_results_t *self, size_t number, double value)
{
    memcpy((char *)self + node_figures[number].offset, &value, sizeof value);
}

void
bench_machine_row(bench_results_t *self, const char *key, const char *text)
{
    if (self->machine_rows == BENCH_MACHINE_ROWS_MAX)
        return;
    bench_machine_row_t *row = &self->machine[self->machine_rows++];
    (void)snprintf(row->key, sizeof row->key, "%s", key);
    (void)snprintf(row->text, sizeof row->text, "%s", text);
}

void
bench_results_init(bench_results_t *self)
{
    memset(self, 0, sizeof *self);
    bench_figures_clear(&self->limits);
    for (size_t i = 0; i < NODE_FIGURES; i++)
        set_node_figure(self, i, NAN);
    self->cells = fsp_alloc_array(BENCH_CELLS_MAX, sizeof(bench_cell_t));
}

void
bench_results_clear(bench_results_t *self)
{
    fsp_free(self->cells);
    self->cells = NULL;
    self->cell_count = 0;
}

/* -- cells ------------------------------------------------------------------------------------- */

bench_cell_t *
bench_results_cell(const bench_results_t *self, const char *op, uint64_t bytes, uint64_t clients)
{
    for (size_t i = 0; i < self->cell_count; i++) {
        bench_cell_t *cell = &self->cells[i];
        if (cell->bytes == bytes && cell->clients == clients && strcmp(cell->op, op) == 0)
            return cell;
    }
    return NULL;
}

bench_cell_t *
bench_results_add(bench_results_t *self, const char *op, uint64_t bytes, uint64_t clients)
{
    if (self->cell_count == BENCH_CELLS_MAX)
        return NULL;
    bench_cell_t *cell = &self->cells[self->cell_count++];
    *cell = (bench_cell_t){.bytes = bytes, .clients = clients};
    (void)snprintf(cell->op, sizeof cell->op, "%s", op);
    return cell;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

bench_spread_t
bench_cell_spread(const bench_cell_t *self, bench_metric_t metric)
{
    double known[BENCH_RUNS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < self->run_count; i++) {
        if (isfinite(self->run[i].value[metric]))
            known[count++] = self->run[i].value[metric];
    }
    if (count == 0)
        return (bench_spread_t){NAN, NAN, NAN};
    qsort(known, count, sizeof known[0], compare);
    double median = count % 2 ? known[count / 2] : (known[count / 2 - 1] + known[count / 2]) / 2;
    return (bench_spread_t){.median = median, .low = known[0], .high = known[count - 1]};
}

const char *
bench_cell_binding(const bench_cell_t *self)
{
    double middle = bench_cell_spread(self, BENCH_METRIC_OPS).median;
    const bench_run_t *nearest = NULL;
    for (size_t i = 0; i < self->run_count; i++) {
        const bench_run_t *run = &self->run[i];
        if (!nearest || fabs(run->value[BENCH_METRIC_OPS] - middle) <
                            fabs(nearest->value[BENCH_METRIC_OPS] - middle))
            nearest = run;
    }
    return nearest ? nearest->binding : "";
}

/* -- from and to JSON -------------------------------------------------------------------------- */

static void
copy_text(const json_t *object, const char *key, char *ret, size_t bytes_max)
{
    const char *text = json_string_value(json_object_get(object, key));
    (void)snprintf(ret, bytes_max, "%s", text ? text : "");
}

static double
number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static void
take_terms(bench_cell_t *self, json_t *terms)
{
    const char *name;
    json_t *value;
    self->term_count = 0;
    json_object_foreach(terms, name, value)
    {
        if (!json_is_number(value) || self->term_count == BENCH_CELL_TERMS_MAX)
            continue;
        (void)snprintf(self->term[self->term_count].name, BENCH_BINDING_TEXT, "%s", name);
        self->term[self->term_count++].ns = json_number_value(value);
    }
}

static bool
take_run(bench_cell_t *self, const json_t *object)
{
    double rate = number_of(object, metric_keys[BENCH_METRIC_OPS]);
    if (self->run_count == BENCH_RUNS_MAX || !(rate >= 0))
        return false;
    bench_run_t *run = &self->run[self->run_count++];
    for (size_t i = 0; i < BENCH_METRIC_COUNT; i++)
        run->value[i] = number_of(object, metric_keys[i]);
    copy_text(object, "binding", run->binding, sizeof run->binding);
    if (json_is_object(json_object_get(object, "terms")))
        take_terms(self, json_object_get(object, "terms"));
    return true;
}

bool
bench_cell_take(bench_cell_t *self, fsp_slice_t line)
{
    json_t *object = json_loadb((const char *)line.data, line.bytes, 0, NULL);
    bool good = object && take_run(self, object);
    json_decref(object);
    return good;
}

static void
set_number(json_t *object, const char *key, double value)
{
    if (isfinite(value))
        (void)json_object_set_new(object, key, json_real(value));
}

static void
set_text(json_t *object, const char *key, const char *text)
{
    if (*text) /* what is no UTF-8 gives NULL, and is not set */
        (void)json_object_set_new(object, key, json_string(text));
}

static int
append(const char *bytes, size_t count, void *arg)
{
    fsp_buf_append(arg, bytes, count);
    return 0;
}

/* One line; takes the object. */
static void
write_line(fsp_buf_t *lines, json_t *object)
{
    int rc = json_dump_callback(object, append, lines, JSON_COMPACT | JSON_REAL_PRECISION(6));
    FSP_ASSERT(rc == 0);
    fsp_buf_append_u8(lines, '\n');
    json_decref(object);
}

static json_t *
line_of_type(const char *type)
{
    json_t *object = json_object();
    set_text(object, "type", type);
    return object;
}

static json_t *
run_object(const bench_run_t *run)
{
    json_t *object = json_object();
    for (size_t i = 0; i < BENCH_METRIC_COUNT; i++)
        set_number(object, metric_keys[i], run->value[i]);
    set_text(object, "binding", run->binding);
    return object;
}

/* The medians stand beside the runs that they were made of. */
static void
write_cell(fsp_buf_t *lines, const bench_cell_t *cell)
{
    json_t *object = line_of_type("cell"), *terms = json_object(), *runs = json_array();
    set_text(object, "op", cell->op);
    (void)json_object_set_new(object, "size", json_integer((json_int_t)cell->bytes));
    (void)json_object_set_new(object, "concurrency", json_integer((json_int_t)cell->clients));
    (void)json_object_set_new(object, "failures", json_integer((json_int_t)cell->failures));
    (void)json_object_set_new(object, "too_large", json_boolean(cell->too_large));
    for (size_t i = 0; i < BENCH_METRIC_COUNT; i++)
        set_number(object, metric_keys[i], bench_cell_spread(cell, (bench_metric_t)i).median);
    set_text(object, "binding", bench_cell_binding(cell));
    for (size_t i = 0; i < cell->term_count; i++)
        set_number(terms, cell->term[i].name, cell->term[i].ns);
    (void)json_object_set_new(object, "terms", terms);
    for (size_t i = 0; i < cell->run_count; i++)
        (void)json_array_append_new(runs, run_object(&cell->run[i]));
    (void)json_object_set_new(object, "runs", runs);
    write_line(lines, object);
}

void
bench_results_write(const bench_results_t *self, fsp_buf_t *lines)
{
    json_t *object = line_of_type("machine"), *rows = json_object();
    set_text(object, "target", self->target);
    (void)json_object_set_new(object, "s3", json_boolean(self->s3));
    set_text(object, "started", self->started);
    set_text(object, "command", self->command);
    (void)json_object_set_new(object, "repeat", json_integer((json_int_t)self->repeat));
    for (size_t i = 0; i < NODE_FIGURES; i++)
        set_number(object, node_figures[i].key, node_figure(self, i));
    for (size_t i = 0; i < self->machine_rows; i++)
        set_text(rows, self->machine[i].key, self->machine[i].text);
    (void)json_object_set_new(object, "machine", rows);
    write_line(lines, object);
    object = line_of_type("limits");
    (void)json_object_set_new(object, "cores", json_integer((json_int_t)self->limits.cores));
    for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++)
        set_number(object, figure_keys[i], self->limits.value[i]);
    write_line(lines, object);
    for (size_t i = 0; i < self->cell_count; i++)
        write_cell(lines, &self->cells[i]);
}

static void
take_machine(bench_results_t *self, json_t *object)
{
    const char *key;
    json_t *value;
    copy_text(object, "target", self->target, sizeof self->target);
    copy_text(object, "started", self->started, sizeof self->started);
    copy_text(object, "command", self->command, sizeof self->command);
    self->s3 = json_is_true(json_object_get(object, "s3"));
    double repeat = number_of(object, "repeat");
    self->repeat = repeat >= 0 && repeat <= BENCH_RUNS_MAX ? (uint64_t)repeat : 0;
    for (size_t i = 0; i < NODE_FIGURES; i++)
        set_node_figure(self, i, number_of(object, node_figures[i].key));
    json_object_foreach(json_object_get(object, "machine"), key, value)
    {
        if (json_is_string(value) && self->machine_rows < BENCH_MACHINE_ROWS_MAX)
            bench_machine_row(self, key, json_string_value(value));
    }
}

/* False: it is no cell, or there are too many. */
static bool
take_cell(bench_results_t *self, json_t *object)
{
    char op[BENCH_OP_TEXT];
    copy_text(object, "op", op, sizeof op);
    json_int_t bytes = json_integer_value(json_object_get(object, "size"));
    json_int_t clients = json_integer_value(json_object_get(object, "concurrency"));
    json_int_t failures = json_integer_value(json_object_get(object, "failures"));
    if (!*op || bytes < 0 || clients < 1 || failures < 0)
        return false;
    bench_cell_t *cell = bench_results_add(self, op, (uint64_t)bytes, (uint64_t)clients);
    if (!cell)
        return false;
    size_t index;
    json_t *run;
    json_array_foreach(json_object_get(object, "runs"), index, run)
    {
        if (!take_run(cell, run))
            return false;
    }
    cell->failures = (size_t)failures;
    cell->too_large = json_is_true(json_object_get(object, "too_large"));
    take_terms(cell, json_object_get(object, "terms"));
    return true;
}

static bool
take_line(bench_results_t *self, json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "type"));
    if (type && strcmp(type, "machine") == 0)
        take_machine(self, object);
    else if (type && strcmp(type, "cell") == 0)
        return take_cell(self, object);
    else if (type && strcmp(type, "limits") == 0) {
        double cores = number_of(object, "cores");
        self->limits.cores = cores >= 1 && cores < 65536 ? (unsigned)cores : 1;
        for (size_t i = 0; i < BENCH_FIGURE_COUNT; i++)
            self->limits.value[i] = number_of(object, figure_keys[i]);
    } else
        return false;
    return true;
}

bool
bench_results_read(const char *path, bench_results_t *ret)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        perror(path);
        return false;
    }
    char *line = fsp_alloc_raw(LINE_BYTES);
    size_t number = 0;
    bool good = true;
    while (good && fgets(line, LINE_BYTES, file)) {
        json_t *object = json_loads(line, 0, NULL);
        number++;
        good = object && take_line(ret, object);
        json_decref(object);
    }
    good = good && !ferror(file) && ret->cell_count > 0;
    if (!good)
        (void)fprintf(stderr, "%s, line %zu: not what `report` writes\n", path, number);
    fsp_free(line);
    (void)fclose(file); /* was only read */
    return good;
}
