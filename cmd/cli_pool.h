/* SPDX-License-Identifier: MIT */
/* cli_pool - many transfers at once, told in the order they were asked for.  Layer cmd.
 *
 *   main thread:  submit ... submit, finish        workers:  run, run, ...
 *                     \__ report, in order  <---------------/
 *
 * A worker is a thread with a connection of its own, both made when there is work for them.  The
 * main thread waits while enough is queued, and uses that time to report what has ended, to draw
 * the progress, and to see Ctrl-C: then every call is cancelled, what runs ends, and what waits is
 * dropped.  The same, without the cancelling, when a job says that going on makes no sense.
 */
#ifndef FSP_CMD_CLI_POOL_H
#define FSP_CMD_CLI_POOL_H
#include "cmd/cli_common.h"
#include "cmd/cli_progress.h"

enum {
    CLI_POOL_WORKERS = 16,      /* in flight */
    CLI_POOL_WAITING = 64,      /* queued besides: with open files */
    CLI_POOL_UNREPORTED = 16384 /* things that have ended, but are behind one that has not */
};

typedef struct cli_pool cli_pool_t;
typedef struct cli_job cli_job_t;

typedef struct {
    /* In a thread of the pool, with its connection, or in the main thread.  False: it makes no
       sense to go on with others (cli_code_is_hopeless). */
    bool (*run)(cli_job_t *self, filesphere_t *handle, size_t lane);
    /* In the main thread.  NULL: nothing to tell. */
    void (*report)(cli_job_t *self, cli_t *cli);
    /* In the main thread, last, also when it was dropped without having run. */
    void (*destroy)(cli_job_t *self);
} cli_job_class_t;

/* The head of what a caller makes of it. */
struct cli_job {
    const cli_job_class_t *class;
    filesphere_code_t code; /* why no connection could be made for it; else 0 */
    char *words;            /* in words; end with fsp_free, by the pool */
    size_t weight;          /* how many things it is about; 0 counts as 1 */
    bool ended;             /* the pool's: run has returned, or never will be called */
    bool dropped;           /* the pool's: run was not called */
    cli_job_t *next_waiting, *next_reported;
};

/* progress may be NULL.  Ends with cli_pool_destroy. */
cli_pool_t *cli_pool_new(cli_t *cli, cli_progress_t *progress);
/* Ends what is there as cli_pool_finish does. */
void cli_pool_destroy(cli_pool_t **self_p);
/* Takes the job.  Waits while too much is waiting; drops it if the pool is ending. */
void cli_pool_submit(cli_pool_t *self, cli_job_t *job);
/* Takes a job that needs no run, so that it is reported in its place. */
void cli_pool_note(cli_pool_t *self, cli_job_t *job);
/* Waits for all jobs and reports them. */
void cli_pool_finish(cli_pool_t *self);
/* Nothing more is begun: what waits is dropped, what runs ends by itself. */
void cli_pool_end(cli_pool_t *self);
/* True when nothing more should be submitted. */
bool cli_pool_is_ending(cli_pool_t *self);
/* Any thread: a warning that the main thread says at its next chance. */
__attribute__((format(printf, 2, 3))) void cli_pool_warn(cli_pool_t *self, const char *format, ...);
/* In the main thread while it does something else that takes long. */
void cli_pool_tick(cli_pool_t *self);
#endif
