/* SPDX-License-Identifier: MIT */
/* report - what `filesphere-bench report` measures and keeps: cells, each run some times, on a
 * machine.  report.c runs them, report_page.c and report_charts.c show them. */
#ifndef FSP_BENCH_REPORT_H
#define FSP_BENCH_REPORT_H
#include "bench/figures.h"

#include "core/base/buf.h"

/* What is kept of a run: the members of the last line of `load --json`. */
#define BENCH_METRICS(X)                                                                           \
    X(OPS, "ops_per_s")                                                                            \
    X(MB, "mb_per_s")                                                                              \
    X(NAMES, "names_per_s")                                                                        \
    X(P50, "p50_ms")                                                                               \
    X(P99, "p99_ms")                                                                               \
    X(P999, "p999_ms")                                                                             \
    X(ERRORS, "errors")                                                                            \
    X(OF_LIMIT, "of_limit")                                                                        \
    X(LIMIT, "limit_mb_per_s")                                                                     \
    X(RSS, "rss_bytes")                                                                            \
    X(WRITTEN, "write_amplification")                                                              \
    X(NODE_CPU, "node_cpu_us_per_op")                                                              \
    X(SENT, "bytes_sent_per_op")
#define BENCH_METRIC_ID(id, key) BENCH_METRIC_##id,
typedef enum { BENCH_METRICS(BENCH_METRIC_ID) BENCH_METRIC_COUNT } bench_metric_t;
#undef BENCH_METRIC_ID

enum {
    BENCH_RUNS_MAX = 16,
    BENCH_CELLS_MAX = 256,
    BENCH_LIST_MAX = 8, /* sizes, clients */
    BENCH_OP_TEXT = 16,
    BENCH_BINDING_TEXT = 32,
    BENCH_CELL_TERMS_MAX = 12,
    BENCH_MACHINE_ROWS_MAX = 16,
    BENCH_MACHINE_TEXT = 160,
};

typedef struct {
    double value[BENCH_METRIC_COUNT]; /* NAN: not known */
    char binding[BENCH_BINDING_TEXT]; /* "": not known */
} bench_run_t;

/* One operation on one size by so many clients. */
typedef struct {
    char op[BENCH_OP_TEXT];
    uint64_t bytes, clients;
    bool too_large; /* one file a client is more than a cell may move: not run */
    bench_run_t run[BENCH_RUNS_MAX];
    size_t run_count; /* good ones */
    size_t failures;
    struct {
        char name[BENCH_BINDING_TEXT];
        double ns;                /* a byte, of one core */
    } term[BENCH_CELL_TERMS_MAX]; /* of the last run */
    size_t term_count;
} bench_cell_t;

typedef struct {
    char key[32], text[BENCH_MACHINE_TEXT];
} bench_machine_row_t;

typedef struct {
    char target[BENCH_MACHINE_TEXT]; /* "FileSphere 0.1.0", "S3 at http://..." */
    bool s3;
    char started[32]; /* RFC 3339 */
    char command[512];
    double duration_s, warmup_s; /* of a run */
    uint64_t repeat;
    bench_machine_row_t machine[BENCH_MACHINE_ROWS_MAX];
    size_t machine_rows;
    bench_limits_t limits;
    /* Of a node that does nothing, under the load of goals, and after it; NAN: not measured. */
    double start_ms, idle_mib, loaded_mib, after_mib;
    bench_cell_t *cells; /* BENCH_CELLS_MAX of them */
    size_t cell_count;
} bench_results_t;

void bench_results_init(bench_results_t *self);
void bench_results_clear(bench_results_t *self);

/* -- cells (report_cells.c) -------------------------------------------------------------------- */

/* Over the good runs; all NAN: none of them knows it. */
typedef struct {
    double median, low, high;
} bench_spread_t;
bench_spread_t bench_cell_spread(const bench_cell_t *self, bench_metric_t metric);
/* What binds in the run in the middle; "" if not known. */
const char *bench_cell_binding(const bench_cell_t *self);
/* NULL: there is none. */
bench_cell_t *bench_results_cell(const bench_results_t *self, const char *op, uint64_t bytes,
                                 uint64_t clients);
/* Appends an empty one; NULL when there is no room. */
bench_cell_t *bench_results_add(bench_results_t *self, const char *op, uint64_t bytes,
                                uint64_t clients);
/* Takes the last line of `load --json` as one more run.  False: it is none. */
bool bench_cell_take(bench_cell_t *self, fsp_slice_t line);

/* Lines of results.jsonl: machine, limits, then the cells; and back.  Reading is false, with words
   on standard error, for what is no such file. */
void bench_results_write(const bench_results_t *self, fsp_buf_t *lines);
bool bench_results_read(const char *path, bench_results_t *ret);

/* -- the machine (report_machine.c) ------------------------------------------------------------ */

/* Appends a row; dropped when there are BENCH_MACHINE_ROWS_MAX (report_cells.c). */
void bench_machine_row(bench_results_t *self, const char *key, const char *text);
/* Processor, memory, kernel, the file system of directory, and what else explains figures. */
void bench_machine_describe(const char *directory, bench_results_t *results);

/* -- what is made of it ------------------------------------------------------------------------ */

/* The page; charts: with pictures, whose files are beside it; other: another system's results for
   the same cells, shown in columns of its own (NULL: none). */
void bench_page(fsp_buf_t *page, const bench_results_t *results, const bench_results_t *other,
                bool charts);

/* One picture.  The list of them is fixed; a picture without figures is not made. */
typedef struct {
    const char *file;  /* "put-rate.svg" */
    const char *words; /* below it, for who cannot see it */
} bench_picture_t;
enum { BENCH_PICTURES_MAX = 16 };
size_t bench_pictures(const bench_results_t *results, bench_picture_t ret[BENCH_PICTURES_MAX]);
void bench_picture_draw(fsp_buf_t *svg, const bench_results_t *results, const char *file);
#endif
