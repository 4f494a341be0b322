/* SPDX-License-Identifier: MIT */
/* report - a grid of loads, each on a fresh node or on another system by S3, and a page about it.
 *
 *   report.c          the command: which cells, in which order, what is written
 *   report_run.c      one measurement: this program once more, as `load`
 *   report_cells.c    what came of them; results.jsonl
 *   report_machine.c  what they ran on
 *   report_page.c     report.md
 *   report_charts.c   its pictures, over chart.c
 *
 * All cells run once, then all once more, and so on: what disturbs the machine for a while does not
 * fall on all runs of one cell. */
#include "bench/report.h"
#include "bench/bench.h"
#include "bench/interrupt.h"
#include "bench/measure.h"
#include "bench/options.h"
#include "bench/report_run.h"
#include "bench/units.h"
#include "bench/usage.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    PATH_BYTES = 512,
    NUMBER_BYTES = 32,
    ARGUMENTS_MAX = 32,
    PAGE_BYTES_MAX = 16 * 1024 * 1024,
    LINE_BYTES_MAX = 1024 * 1024,
    SMALL_FILE = 4096,
    SECONDS_MOST = 3600,
    IDLE_S = 5,
    AFTER_S = 30,
};
static const uint64_t GIB = 1024 * 1024 * 1024ull;
static const double MIB_BYTES = 1024 * 1024;

typedef struct {
    const char *out, *from, *beside, *s3, *bucket, *s3_payload;
    const char *ops_text, *sizes_text, *clients_text;
    bool brief;
    double duration_s, warmup_s, cell_s;
    uint64_t repeat, moved_max;
    uint64_t sizes[BENCH_LIST_MAX], clients[BENCH_LIST_MAX];
    size_t size_count, client_count;
    bench_results_t results, other;
    char limits_path[PATH_BYTES]; /* a file of what this machine allows */
} report_t;

typedef struct {
    size_t done, runs;
    double start_s;
} progress_t;

/* -- which cells ------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    bool sized;         /* of each size within these; else without one */
    uint64_t from, to;  /* bytes */
    uint64_t share_max; /* of moved_max that one file a client may be: the rest is for the runs */
} kinds[] = {
    {"put", true, 1, UINT64_MAX, 1},
    {"get", true, 1, UINT64_MAX, 2}, /* files are made first */
    {"edit", true, 1024 * 1024, 64 * 1024 * 1024, 2},
    {"mixed", true, SMALL_FILE, 1024 * 1024, 2},
    {"list", false, 0, 0, 1},
    {"stat", false, 0, 0, 1},
    {"rename", false, 0, 0, 1},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* What `make bench` shows. */
static const struct {
    const char *op;
    uint64_t bytes, clients;
} brief_cells[] = {
    {"put", SMALL_FILE, 1},   {"put", SMALL_FILE, 64},  {"put", 65536, 16},
    {"put", 1024 * 1024, 16}, {"get", SMALL_FILE, 1},   {"get", SMALL_FILE, 64},
    {"get", 1024 * 1024, 16}, {"edit", 1024 * 1024, 1}, {"mixed", SMALL_FILE, 64},
    {"list", 0, 16},          {"stat", 0, 64},          {"rename", 0, 64},
};

/* A word of a list with commas; ret has room for all of list. */
static const char *
next_word(const char *list, char *ret)
{
    size_t length = strcspn(list, ",");
    memcpy(ret, list, length);
    ret[length] = '\0';
    return list + length + (list[length] == ',');
}

static bool
in_list(const char *list, const char *word)
{
    char one[PATH_BYTES];
    if (!list)
        return true;
    while (*list) {
        list = next_word(list, one);
        if (strcmp(one, word) == 0)
            return true;
    }
    return false;
}

static bool
take_sizes(const char *list, uint64_t ret[BENCH_LIST_MAX], size_t *ret_count)
{
    char word[PATH_BYTES];
    *ret_count = 0;
    while (*list && *ret_count < BENCH_LIST_MAX) {
        list = next_word(list, word);
        if (!bench_parse_size(word, 64 * GIB, &ret[*ret_count]) || ret[*ret_count] == 0)
            return false;
        (*ret_count)++;
    }
    return !*list && *ret_count > 0;
}

/* False, with words: the lists make no sense. */
static bool
take_lists(report_t *self)
{
    char op[PATH_BYTES];
    if (strlen(self->sizes_text) >= PATH_BYTES || strlen(self->clients_text) >= PATH_BYTES ||
        (self->ops_text && strlen(self->ops_text) >= PATH_BYTES) ||
        !take_sizes(self->sizes_text, self->sizes, &self->size_count) ||
        !take_sizes(self->clients_text, self->clients, &self->client_count)) {
        (void)fputs("filesphere-bench report: a list is like 4KiB,1MiB or 1,16\n", stderr);
        return false;
    }
    for (const char *list = self->ops_text; list && *list;) {
        bool known = false;
        list = next_word(list, op);
        for (size_t i = 0; i < KINDS; i++)
            known = known || strcmp(op, kinds[i].op) == 0;
        if (!known) {
            (void)fprintf(stderr, "filesphere-bench report: no operation \"%s\"\n", op);
            return false;
        }
    }
    return true;
}

static void
plan_kind(report_t *self, size_t kind, uint64_t bytes)
{
    for (size_t i = 0; i < self->client_count; i++) {
        bench_cell_t *cell =
            bench_results_add(&self->results, kinds[kind].op, bytes, self->clients[i]);
        if (cell)
            cell->too_large = bytes > self->moved_max / kinds[kind].share_max / self->clients[i];
    }
}

static void
plan(report_t *self)
{
    if (self->brief) {
        for (size_t i = 0; i < sizeof brief_cells / sizeof brief_cells[0]; i++)
            (void)bench_results_add(&self->results, brief_cells[i].op, brief_cells[i].bytes,
                                    brief_cells[i].clients);
        return;
    }
    for (size_t kind = 0; kind < KINDS; kind++) {
        if (!in_list(self->ops_text, kinds[kind].op))
            continue;
        if (!kinds[kind].sized)
            plan_kind(self, kind, 0);
        for (size_t i = 0; kinds[kind].sized && i < self->size_count; i++) {
            if (self->sizes[i] >= kinds[kind].from && self->sizes[i] <= kinds[kind].to)
                plan_kind(self, kind, self->sizes[i]);
        }
    }
}

/* -- one run ----------------------------------------------------------------------------------- */

/* The command line of a load. */
typedef struct {
    const char *word[ARGUMENTS_MAX];
    size_t count;
    char program[PATH_BYTES];
    char number[8][NUMBER_BYTES];
    size_t number_count;
} arguments_t;

static void
add(arguments_t *self, const char *option, const char *value)
{
    self->word[self->count++] = option;
    if (value)
        self->word[self->count++] = value;
}

__attribute__((format(printf, 3, 4))) static void
add_number(arguments_t *self, const char *option, const char *format, ...)
{
    char *text = self->number[self->number_count++];
    va_list values;
    va_start(values, format);
    (void)vsnprintf(text, NUMBER_BYTES, format, values);
    va_end(values);
    add(self, option, text);
}

/* profile NULL: a node of its own, or the other system. */
static void
make_arguments(const report_t *self, const bench_cell_t *cell, const char *profile,
               arguments_t *ret)
{
    *ret = (arguments_t){.count = 0};
    bench_beside("filesphere-bench", ret->program, sizeof ret->program);
    add(ret, ret->program, "load");
    add(ret, "--op", cell->op);
    if (cell->bytes > 0)
        add_number(ret, "--size", "%" PRIu64, cell->bytes);
    add_number(ret, "--concurrency", "%" PRIu64, cell->clients);
    add_number(ret, "--duration", "%gs", self->duration_s);
    add_number(ret, "--warmup", "%gs", self->warmup_s);
    add_number(ret, "--moved-max", "%" PRIu64, self->moved_max);
    add(ret, "--json", NULL);
    if (self->s3) {
        add(ret, "--s3", self->s3);
        add(ret, "--s3-payload", self->s3_payload);
        if (self->bucket)
            add(ret, "--bucket", self->bucket);
    } else if (profile) {
        add(ret, "--profile", profile);
    } else {
        add(ret, "--node", NULL);
    }
    /* The terms of a limit are FileSphere's. */
    if (self->s3)
        add(ret, "--no-limits", NULL);
    else
        add(ret, "--limits-from", self->limits_path);
    ret->word[ret->count] = NULL;
}

/* Which of all runs it was, and how long the others take if they take as long as those so far. */
static void
say_run(const progress_t *progress, const bench_cell_t *cell, bool good)
{
    char size[BENCH_SIZE_TEXT];
    double each_s = (bench_seconds() - progress->start_s) / (double)progress->done;
    (void)fprintf(stderr, "%3zu/%zu  %3.0f min left  %-6s %8s %4" PRIu64 " clients  ",
                  progress->done, progress->runs,
                  each_s * (double)(progress->runs - progress->done) / 60, cell->op,
                  cell->bytes > 0 ? bench_size_text(cell->bytes, size) : "", cell->clients);
    if (!good) {
        (void)fputs("failed\n", stderr);
        return;
    }
    const bench_run_t *run = &cell->run[cell->run_count - 1];
    double share = run->value[BENCH_METRIC_OF_LIMIT];
    (void)fprintf(stderr, "%10.1f/s", run->value[BENCH_METRIC_OPS]);
    if (cell->bytes > 0)
        (void)fprintf(stderr, " %9.2f MB/s", run->value[BENCH_METRIC_MB]);
    (void)fprintf(stderr, "  p50 %.2f ms  p99 %.2f ms", run->value[BENCH_METRIC_P50],
                  run->value[BENCH_METRIC_P99]);
    if (isfinite(share))
        (void)fprintf(stderr, "  %3.0f %% of the limit (%s)", share * 100, run->binding);
    (void)fputs("\n", stderr);
}

static bool
run_load(const report_t *self, bench_cell_t *cell, const char *profile)
{
    arguments_t arguments;
    fsp_buf_t line;
    make_arguments(self, cell, profile, &arguments);
    fsp_buf_init(&line, LINE_BYTES_MAX);
    bool good = bench_run_last_line(arguments.word, self->cell_s, &line) &&
                bench_cell_take(cell, fsp_buf_slice(&line));
    fsp_buf_clear(&line);
    if (!good && !bench_interrupted())
        cell->failures++;
    return good;
}

/* -- the node itself --------------------------------------------------------------------------- */

static double
resident_mib(pid_t pid)
{
    bench_usage_t usage;
    return bench_usage(pid, &usage) ? (double)usage.rss_bytes / MIB_BYTES : NAN;
}

/* Returns early for a signal. */
static void
wait_s(double seconds)
{
    double until = bench_seconds() + seconds;
    while (bench_seconds() < until && !bench_interrupted())
        (void)poll(NULL, 0, 100);
}

/* Memory of a node that does nothing, and after a load. */
static int
measure_node(void *arg, bench_node_t *node)
{
    report_t *self = arg;
    bench_results_t *results = &self->results;
    bench_cell_t load = {.op = "put", .bytes = 1024 * 1024, .clients = 16};
    if (!bench_node_start(node))
        return 1;
    results->start_ms = node->start_s * 1e3;
    wait_s(IDLE_S);
    results->idle_mib = resident_mib(node->pid);
    if (!run_load(self, &load, node->profile))
        return 1;
    results->loaded_mib = resident_mib(node->pid);
    if (!self->brief) {
        wait_s(AFTER_S);
        results->after_mib = resident_mib(node->pid);
    }
    return 0;
}

/* -- files ------------------------------------------------------------------------------------- */

static bool
write_file(const char *directory, const char *name, fsp_slice_t content)
{
    char path[PATH_BYTES];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = length > 0 && (size_t)length < sizeof path ? fopen(path, "we") : NULL;
    bool good = file && fwrite(content.data, 1, content.bytes, file) == content.bytes;
    if (file)
        good = fclose(file) == 0 && good;
    if (!good)
        (void)fprintf(stderr, "filesphere-bench report: %s/%s: %s\n", directory, name,
                      strerror(errno));
    return good;
}

static bool
write_lines(const report_t *self, const char *directory, const char *name)
{
    fsp_buf_t lines;
    fsp_buf_init(&lines, PAGE_BYTES_MAX);
    bench_results_write(&self->results, &lines);
    bool good = write_file(directory, name, fsp_buf_slice(&lines));
    fsp_buf_clear(&lines);
    return good;
}

/* The page and its pictures; without a directory, the page alone on standard output. */
static bool
write_page(const report_t *self)
{
    fsp_buf_t text;
    bench_picture_t pictures[BENCH_PICTURES_MAX];
    size_t count = self->out ? bench_pictures(&self->results, pictures) : 0;
    fsp_buf_init(&text, PAGE_BYTES_MAX);
    bench_page(&text, &self->results, self->beside ? &self->other : NULL, self->out != NULL);
    bool good = self->out ? write_file(self->out, "report.md", fsp_buf_slice(&text))
                          : fwrite(text.data, 1, text.bytes, stdout) == text.bytes;
    for (size_t i = 0; i < count && good; i++) {
        fsp_buf_reset(&text);
        bench_picture_draw(&text, &self->results, pictures[i].file);
        good = write_file(self->out, pictures[i].file, fsp_buf_slice(&text));
    }
    fsp_buf_clear(&text);
    if (good && self->out)
        (void)fprintf(stderr, "%s/report.md, results.jsonl, %zu pictures\n", self->out, count);
    return good;
}

/* As `mkdir -p`. */
static bool
make_directory(const char *path)
{
    char part[PATH_BYTES];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return false;
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            perror(part);
            return false;
        }
    }
    return true;
}

/* -- the command ------------------------------------------------------------------------------- */

static bool
measure_limits(report_t *self, const char *directory)
{
    bench_measure_t measure = {.limits = &self->results.limits,
                               .output = BENCH_SILENT,
                               .brief = self->brief,
                               .directory = directory};
    (void)fputs("what the machine allows\n", stderr);
    if (!bench_limits(&measure) || !write_lines(self, directory, "limits.jsonl"))
        return false;
    (void)snprintf(self->limits_path, sizeof self->limits_path, "%s/limits.jsonl", directory);
    return true;
}

/* In a directory that ends with it; its node is not started. */
static int
run_report(void *arg, bench_node_t *node)
{
    report_t *self = arg;
    bench_results_t *results = &self->results;
    bool good = true;
    bench_machine_describe(node->directory, results);
    if (!self->s3) {
        if (!measure_limits(self, node->directory))
            return 1;
        good = bench_in_directory(measure_node, self) == 0;
    }
    plan(self);
    progress_t progress = {.start_s = bench_seconds()};
    for (size_t i = 0; i < results->cell_count; i++)
        progress.runs += results->cells[i].too_large ? 0 : (size_t)self->repeat;
    for (uint64_t number = 1; number <= self->repeat; number++) {
        for (size_t i = 0; i < results->cell_count && !bench_interrupted(); i++) {
            bench_cell_t *cell = &results->cells[i];
            if (cell->too_large)
                continue;
            bool ran = run_load(self, cell, NULL);
            progress.done++;
            if (!bench_interrupted())
                say_run(&progress, cell, ran);
            good = ran && good;
            /* Kept after each run: a long report may end early. */
            if (self->out && !write_lines(self, self->out, "results.jsonl"))
                return 1;
        }
    }
    if (bench_interrupted()) {
        (void)fputs("ended early; results.jsonl has what was measured, --from makes a page of it\n",
                    stderr);
        return 1;
    }
    return write_page(self) && good ? 0 : 1;
}

/* The command as others would type it: where files of this machine lie is left out. */
static void
note_command(bench_results_t *results, int argc, char **argv)
{
    size_t used = (size_t)snprintf(results->command, sizeof results->command, "filesphere-bench");
    for (int i = 0; i < argc && used < sizeof results->command; i++) {
        const char *word = argv[i], *value = strchr(word, '=');
        if (strcmp(word, "--out") == 0) { /* says nothing about figures */
            i++;
            continue;
        }
        if (strncmp(word, "--out=", 6) == 0)
            continue;
        value = word[0] == '-' && value ? value + 1 : word;
        const char *name = value[0] == '/' ? strrchr(value, '/') + 1 : value;
        used += (size_t)snprintf(results->command + used, sizeof results->command - used, " %.*s%s",
                                 (int)(value - word), word, name);
    }
}

static void
note_start(report_t *self, int argc, char **argv)
{
    bench_results_t *results = &self->results;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    fsp_rfc3339((fsp_time_t)now.tv_sec * 1000000, results->started);
    note_command(results, argc, argv);
    results->duration_s = self->duration_s;
    results->warmup_s = self->warmup_s;
    results->repeat = self->repeat;
    results->s3 = self->s3 != NULL;
    if (self->s3)
        (void)snprintf(results->target, sizeof results->target, "S3 at %.100s, payload %s",
                       self->s3, self->s3_payload);
    else
        (void)snprintf(results->target, sizeof results->target, "FileSphere %s", FSP_VERSION);
}

static int
take_options(int argc, char **argv, report_t *self)
{
    const bench_option_t options[] = {
        {.name = "out",
         .value = "DIR",
         .help = "where to (bench/results; --short: only the page, to standard output)",
         .text = &self->out},
        {.name = "short", .help = "a few cells, within 2 minutes", .flag = &self->brief},
        {.name = "ops",
         .value = "LIST",
         .help = "of put,get,edit,mixed,list,stat,rename (all)",
         .text = &self->ops_text},
        {.name = "sizes",
         .value = "LIST",
         .help = "(1B,4KiB,64KiB,1MiB,64MiB,1GiB)",
         .text = &self->sizes_text},
        {.name = "clients", .value = "LIST", .help = "(1,16,64,256)", .text = &self->clients_text},
        {.name = "duration",
         .value = "TIME",
         .help = "of each run (5s; --short: 3s)",
         .seconds = &self->duration_s,
         .most = SECONDS_MOST},
        {.name = "warmup",
         .value = "TIME",
         .help = "before it (1s)",
         .seconds = &self->warmup_s,
         .most = SECONDS_MOST},
        {.name = "repeat",
         .value = "N",
         .help = "runs a cell (3; --short: 1)",
         .count = &self->repeat,
         .least = 1,
         .most = BENCH_RUNS_MAX},
        {.name = "moved-max",
         .value = "SIZE",
         .help = "what a run moves at most (4GiB)",
         .size = &self->moved_max,
         .least = 1,
         .most = 1024 * GIB},
        {.name = "cell-max",
         .value = "TIME",
         .help = "how long a run may take with its preparation (180s)",
         .seconds = &self->cell_s,
         .least = 1,
         .most = SECONDS_MOST},
        {.name = "s3",
         .value = "URL",
         .help = "another system instead, at http://HOST:PORT; AWS_ACCESS_KEY_ID,\n                "
                 "          AWS_SECRET_ACCESS_KEY and AWS_REGION are used",
         .text = &self->s3},
        {.name = "bucket",
         .value = "NAME",
         .help = "of it; made and removed if it is not there (one of its own)",
         .text = &self->bucket},
        {.name = "s3-payload",
         .value = "HOW",
         .help = "signed or unsigned (signed)",
         .text = &self->s3_payload},
        {.name = "beside",
         .value = "FILE",
         .help = "results.jsonl of another system, for columns beside these",
         .text = &self->beside},
        {.name = "from",
         .value = "FILE",
         .help = "measure nothing: the page anew from results.jsonl",
         .text = &self->from},
        {.name = NULL}};
    int code = bench_take_options(
        argc, argv, "A grid of loads on fresh nodes, as a page with tables and pictures", options);
    if (code != BENCH_GO_ON)
        return code;
    if (self->duration_s == 0)
        self->duration_s = self->brief ? 3 : 5;
    if (self->repeat == 0)
        self->repeat = self->brief ? 1 : 3;
    if (!self->out && !self->brief)
        self->out = "bench/results";
    return take_lists(self) ? BENCH_GO_ON : 2;
}

/* After options: reads, measures, writes. */
static int
make_report(report_t *self)
{
    if (self->beside && !bench_results_read(self->beside, &self->other))
        return 1;
    if (self->out && !make_directory(self->out))
        return 1;
    if (self->from)
        return bench_results_read(self->from, &self->results) && write_page(self) ? 0 : 1;
    bench_catch_signals();
    return bench_in_directory(run_report, self);
}

int
bench_cmd_report(int argc, char **argv)
{
    report_t *self = FSP_NEW(report_t);
    self->s3_payload = "signed";
    self->sizes_text = "1B,4KiB,64KiB,1MiB,64MiB,1GiB";
    self->clients_text = "1,16,64,256";
    self->warmup_s = 1;
    self->cell_s = 180;
    self->moved_max = 4 * GIB;
    bench_results_init(&self->results);
    bench_results_init(&self->other);
    int code = take_options(argc, argv, self);
    if (code == BENCH_GO_ON) {
        if (!self->from)
            note_start(self, argc, argv);
        code = make_report(self);
    }
    bench_results_clear(&self->results);
    bench_results_clear(&self->other);
    fsp_free(self);
    return code;
}
