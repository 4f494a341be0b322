/* SPDX-License-Identifier: MIT */
/* scale - what an operation costs as files become many: shared by the files of `scale`.
 *
 * File k is /MMM/DDD/fNNN, or mNNN once it was renamed an odd number of times: directories of
 * 1,000 at every level.  What is put to be measured lies among them as zCC-SERIAL, behind them in
 * the order of names, so that a page of 1,000 names always shows the same files.
 */
#ifndef FSP_BENCH_SCALE_H
#define FSP_BENCH_SCALE_H
#include "bench/bench.h"

enum { BENCH_SCALE_CLIENTS = 16, BENCH_SCALE_POINTS_MAX = 8, BENCH_SCALE_ROUNDS_MAX = 100 };

typedef enum {
    BENCH_SCALE_NOTHING, /* a call that touches no file: what the machine itself did meanwhile */
    BENCH_SCALE_PUT,     /* 4 KiB, a new name in a random directory */
    BENCH_SCALE_GET,     /* a random file, small */
    BENCH_SCALE_STAT,
    BENCH_SCALE_LIST,   /* a page of 1,000 of a random directory */
    BENCH_SCALE_RENAME, /* within its directory */
    BENCH_SCALE_OPS
} bench_scale_op_t;
const char *bench_scale_op_name(bench_scale_op_t op); /* "put" */

/* One operation at one number of files. */
typedef struct {
    double p50_ms, p99_ms;                    /* one client, all rounds together */
    double per_s, least_per_s, most_per_s;    /* 16 clients: all rounds, the slowest, the fastest */
    double cpu_us, least_cpu_us, most_cpu_us; /* of the node, an operation, with 16 clients */
    uint64_t operations, errors;
} bench_scale_figure_t;

/* All that is measured at one number of files. */
typedef struct {
    uint64_t files; /* of the fill */
    uint64_t puts;  /* files of 4 KiB that were put to be measured, here and before */
    double fill_per_s, fill_cpu_us;
    double written_bytes;         /* by the node, for each file of the fill */
    double amplification;         /* written_bytes for each of disk_bytes */
    double disk_bytes;            /* for each file: what 4 KiB files hold is not counted */
    double quiet_mib, peak_mib;   /* resident: a while after the fill; the most of fill and load */
    double stopped_ms, killed_ms; /* start to first answer: after a clean stop, after kill -9 */
    bench_scale_figure_t ops[BENCH_SCALE_OPS];
} bench_scale_point_t;

/* -- clients (scale_load.c) -------------------------------------------------------------------- */

typedef struct bench_scale_clients bench_scale_clients_t;

/* For at most files_max files, on the node, which is borrowed. */
bench_scale_clients_t *bench_scale_clients_new(const bench_node_t *node, uint64_t files_max);
void bench_scale_clients_destroy(bench_scale_clients_t **self_p);
/* Connects all; false: words are on standard error. */
bool bench_scale_open(bench_scale_clients_t *self);
void bench_scale_close(bench_scale_clients_t *self);
/* Fills up from what is there to files, in batches; says how far it is.  False as above, or
   interrupted. */
bool bench_scale_fill(bench_scale_clients_t *self, uint64_t files);
/* rounds x (each operation by one client, then by all), into ret's figures and puts.  False: one
   could not be measured, or interrupted. */
bool bench_scale_measure(bench_scale_clients_t *self, unsigned rounds, bench_scale_point_t *ret);
/* One round of puts by all, so that a start after a kill has something to read; returns how many
   were answered. */
uint64_t bench_scale_put_some(bench_scale_clients_t *self);

/* -- words (scale_table.c) --------------------------------------------------------------------- */

enum { BENCH_SCALE_GOAL_PERCENT = 130 };
void bench_scale_json(const bench_scale_point_t *point);
/* The last line: the worst ratio of each operation to the first point. */
void bench_scale_json_ratios(const bench_scale_point_t *points, size_t count);
void bench_scale_table(const bench_scale_point_t *points, size_t count);
#endif
