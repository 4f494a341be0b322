/* SPDX-License-Identifier: MIT */
/* load_plan - what the parent of a load and its workers share: one piece of memory, made by
 * memfd_create and mapped by all of them.
 *
 * The parent fills the first part before it starts a worker.  Then: every worker prepares, counts
 * its clients in `ready`; when all are, the parent sets the instants and GO; clients run until
 * `until_s` or STOP, and count themselves in `done`. */
#ifndef FSP_BENCH_LOAD_PLAN_H
#define FSP_BENCH_LOAD_PLAN_H
#include "bench/arrivals.h"
#include "bench/content.h"
#include "bench/load.h"

#include <stdatomic.h>

enum { BENCH_PHASE_PREPARE, BENCH_PHASE_GO, BENCH_PHASE_STOP };
enum { BENCH_ENDPOINT_BYTES = 1024, BENCH_BUCKET_BYTES = 128 };

/* What one client notes; only its thread writes. */
typedef struct {
    bench_histogram_t times; /* of operations that began after the warm-up */
    uint64_t errors;
    uint64_t put_bytes, got_bytes; /* content, of those operations */
    uint64_t sent_bytes;           /* of it, what crossed the network to the node */
    uint64_t names;
    uint64_t late, dropped; /* open loop, as in bench_load_result_t; dropped: that it had taken */
    double late_max_s;
    double first_s, last_s; /* when the first of those began, and the last one ended */
    char error[BENCH_WORDS_MAX];
} bench_client_notes_t;

typedef struct {
    /* Written before the workers start. */
    bench_op_t op;
    bool s3, signed_payload, verify;
    uint64_t bytes, clients, processes, files, entries, rate, moved_max;
    uint64_t seed; /* keys of contents follow from it: no two runs have any in common */
    char root[64]; /* directory below which all paths lie */
    char endpoint[BENCH_TARGETS_MAX][BENCH_ENDPOINT_BYTES];
    char bucket[BENCH_TARGETS_MAX][BENCH_BUCKET_BYTES];
    size_t target_count;
    pid_t parent;
    /* Written by the parent before GO. */
    double start_s, measure_s, until_s; /* of the warm-up; of what counts; its end */
    /* Shared. */
    bench_arrivals_t arrivals; /* from start_s on, with rate > 0 */
    _Atomic uint32_t phase;
    _Atomic uint32_t ready, done, failed; /* clients; failed: it could not prepare */
    _Atomic uint64_t moved;
    struct {
        double cpu_s; /* from the end of the warm-up to its last answer */
    } workers[BENCH_CLIENTS_MAX];
    bench_client_notes_t notes[BENCH_CLIENTS_MAX];
    uint8_t pool[BENCH_POOL_BYTES];
} bench_plan_t;

/* One client of a worker. */
typedef struct {
    bench_plan_t *plan;
    const bench_driver_t *driver;
    bench_target_t target;
    void *session;
    uint64_t number;
    bench_client_notes_t *notes;
    uint64_t random;     /* state of its own choices */
    uint64_t made;       /* files so far; the next one has this number */
    uint64_t oldest;     /* BENCH_MIXED: files below are deleted */
    uint64_t turn;       /* BENCH_GET: how many so far */
    uint64_t edits;      /* BENCH_EDIT: inserts in the file now */
    uint64_t insert_key; /* of the next insert */
    bool moved_away;     /* BENCH_RENAME */
    bool measuring;      /* operations are noted */
    double due_s;        /* open loop: when this operation was; 0: it is timed from its beginning */
} bench_client_t;

/* What has to be there before the first operation.  False: the notes say why. */
bool bench_client_prepare(bench_client_t *self);
/* One operation (BENCH_LIST: a whole listing, whose pages are noted one by one).  False: it failed,
   and the notes have the words. */
bool bench_client_step(bench_client_t *self);
/* From when the operation that begins now is timed. */
double bench_client_start(const bench_client_t *self);
/* Notes a success that began at start_s, for which so much content was put and got. */
void bench_client_note(bench_client_t *self, double start_s, uint64_t put, uint64_t got);
#endif
