/* SPDX-License-Identifier: MIT */
/* cli_pool - many transfers at once, told in the order they were asked for.  Layer cmd.
 *
 * One mutex guards all that is shared; it is never held while a job runs, reports, or while
 * anything is written.  Workers wake the main thread only when it waits and what it waits for has
 * come: half of the queue is free, the oldest job has ended, or all have.
 */
#include "cmd/cli_pool.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "proto/errors.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <time.h>

enum { TICK_MS = 100, WARNINGS_BYTES_MAX = 1024 * 1024 };

typedef struct {
    cli_pool_t *pool;
    pthread_t thread;
    size_t lane;          /* 1 ..; 0 is the main thread's */
    filesphere_t *handle; /* under the mutex; set once it is open, closed by the main thread */
} worker_t;

/* What the main thread waits for. */
typedef enum { NOTHING, ROOM, OLDEST, ALL } waiting_t;

struct cli_pool {
    cli_t *cli;
    cli_progress_t *progress;
    pthread_mutex_t mutex;
    pthread_cond_t work; /* for workers */
    pthread_cond_t done; /* for the main thread */
    waiting_t waiting;
    worker_t workers[CLI_POOL_WORKERS];
    size_t worker_count, idle_count;
    bool ending;             /* nothing more is begun */
    bool closing;            /* workers end */
    bool cancelled;          /* every call was told to end */
    cli_job_t *first, *last; /* not yet begun */
    size_t waiting_count;
    cli_job_t *oldest, *newest; /* not yet reported, in order */
    size_t unreported_count, unended_count;
    fsp_buf_t warnings; /* NUL after each */
};

static void
lock(cli_pool_t *self)
{
    int rc = pthread_mutex_lock(&self->mutex);
    FSP_ASSERT(rc == 0);
}

static void
unlock(cli_pool_t *self)
{
    int rc = pthread_mutex_unlock(&self->mutex);
    FSP_ASSERT(rc == 0);
}

/* -- workers ----------------------------------------------------------------------------------- */

static bool
has_come(const cli_pool_t *self)
{
    switch (self->waiting) {
    case ROOM:
        return self->waiting_count <= CLI_POOL_WAITING / 2 || self->ending;
    case OLDEST:
        return !self->oldest || self->oldest->ended;
    case ALL:
        return self->unended_count == 0;
    case NOTHING:
        return false;
    }
    FSP_UNREACHABLE();
}

static void
end_job(cli_pool_t *self, cli_job_t *job)
{
    FSP_ASSERT(!job->ended);
    job->ended = true;
    self->unended_count--;
    if (has_come(self))
        (void)pthread_cond_signal(&self->done);
}

/* Nothing is begun any more: what waits is dropped. */
static void
end_all(cli_pool_t *self)
{
    self->ending = true;
    while (self->first) {
        cli_job_t *job = self->first;
        self->first = job->next_waiting;
        job->dropped = true;
        self->waiting_count--;
        end_job(self, job);
    }
    self->last = NULL;
}

/* A connection of the worker's own.  False: it could not be made, the job has the reason. */
static bool
connect(worker_t *self, cli_job_t *job)
{
    const cli_t *cli = self->pool->cli;
    filesphere_t *handle = NULL;
    filesphere_config_t config = {.profile_path = cli->profile_path,
                                  .timeout_ms = cli->timeout_s * 1000,
                                  .client_name = "filesphere/" FSP_VERSION};
    job->code = filesphere_open(&config, &handle);
    if (job->code != FILESPHERE_OK) {
        job->words = fsp_strdup(filesphere_error(handle));
        filesphere_close(&handle);
        return false;
    }
    lock(self->pool);
    self->handle = handle;
    if (self->pool->cancelled)
        filesphere_cancel(handle);
    unlock(self->pool);
    return true;
}

static bool
run_job(worker_t *self, cli_job_t *job)
{
    if (!self->handle && !connect(self, job))
        return false;
    return job->class->run(job, self->handle, self->lane);
}

static void *
work(void *arg)
{
    worker_t *self = arg;
    cli_pool_t *pool = self->pool;
    lock(pool);
    for (;;) {
        pool->idle_count++;
        while (!pool->first && !pool->closing)
            (void)pthread_cond_wait(&pool->work, &pool->mutex);
        pool->idle_count--;
        cli_job_t *job = pool->first;
        if (!job)
            break;
        pool->first = job->next_waiting;
        if (!pool->first)
            pool->last = NULL;
        pool->waiting_count--;
        unlock(pool);
        bool go_on = run_job(self, job);
        lock(pool);
        end_job(pool, job);
        if (!go_on)
            end_all(pool);
    }
    unlock(pool);
    return NULL;
}

/* One more worker.  Signals are the main thread's: it must be the one whose calls they end. */
static void
start_worker(cli_pool_t *self)
{
    worker_t *worker = &self->workers[self->worker_count];
    *worker = (worker_t){.pool = self, .lane = self->worker_count + 1};
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before); /* cannot fail for these */
    int rc = pthread_create(&worker->thread, NULL, work, worker);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        self->worker_count++;
    FSP_ASSERT(self->worker_count > 0); /* not even one: as without memory */
}

static size_t
weight_of(const cli_job_t *job)
{
    return job->weight > 0 ? job->weight : 1;
}

/* -- the main thread --------------------------------------------------------------------------- */

static void
say_warnings(cli_pool_t *self)
{
    fsp_buf_t taken = self->warnings;
    fsp_buf_init(&self->warnings, WARNINGS_BYTES_MAX);
    unlock(self);
    for (size_t at = 0; at < taken.bytes;) {
        const char *text = (const char *)taken.data + at;
        cli_warn(self->cli, "%s", text);
        at += strlen(text) + 1;
    }
    fsp_buf_clear(&taken);
    lock(self);
}

/* Everything that has ended and that nothing older is in front of.  Called and ends with the mutex
   held, which is given up meanwhile. */
static void
report(cli_pool_t *self)
{
    for (;;) {
        if (self->warnings.bytes > 0)
            say_warnings(self);
        cli_job_t *job = self->oldest;
        if (!job || !job->ended)
            break;
        self->oldest = job->next_reported;
        if (!self->oldest)
            self->newest = NULL;
        self->unreported_count -= weight_of(job);
        unlock(self);
        if (job->code != FILESPHERE_OK)
            cli_fail(self->cli, job->code, "%s", job->words);
        else if (!job->dropped && job->class->report)
            job->class->report(job, self->cli);
        fsp_free(job->words);
        job->class->destroy(job);
        lock(self);
    }
}

/* Ctrl-C: every call ends. */
static void
look_for_interrupt(cli_pool_t *self)
{
    if (!cli_interrupted() || self->cancelled)
        return;
    self->cancelled = true;
    for (size_t i = 0; i < self->worker_count; i++) {
        if (self->workers[i].handle)
            filesphere_cancel(self->workers[i].handle);
    }
    end_all(self);
}

static void
wait_for(cli_pool_t *self, waiting_t what)
{
    self->waiting = what;
    for (;;) {
        look_for_interrupt(self);
        report(self);
        if (has_come(self))
            break;
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail with this clock */
        until.tv_nsec += TICK_MS * 1000000L;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&self->done, &self->mutex, &until);
        unlock(self);
        cli_progress_tick(self->progress);
        lock(self);
    }
    self->waiting = NOTHING;
}

static void
enqueue_report(cli_pool_t *self, cli_job_t *job)
{
    if (self->newest)
        self->newest->next_reported = job;
    else
        self->oldest = job;
    self->newest = job;
    self->unreported_count += weight_of(job);
}

void
cli_pool_submit(cli_pool_t *self, cli_job_t *job)
{
    FSP_PRE(job->class && !job->next_waiting && !job->next_reported);
    lock(self);
    if (self->waiting_count >= CLI_POOL_WAITING)
        wait_for(self, ROOM);
    while (self->unreported_count >= CLI_POOL_UNREPORTED)
        wait_for(self, OLDEST);
    look_for_interrupt(self);
    enqueue_report(self, job);
    self->unended_count++;
    if (self->ending) {
        job->dropped = true;
        end_job(self, job);
    } else {
        if (self->last)
            self->last->next_waiting = job;
        else
            self->first = job;
        self->last = job;
        self->waiting_count++;
        if (self->idle_count < self->waiting_count && self->worker_count < CLI_POOL_WORKERS)
            start_worker(self);
        (void)pthread_cond_signal(&self->work);
    }
    unlock(self);
    cli_progress_tick(self->progress);
}

void
cli_pool_note(cli_pool_t *self, cli_job_t *job)
{
    FSP_PRE(job->class && !job->next_waiting && !job->next_reported);
    lock(self);
    while (self->unreported_count >= CLI_POOL_UNREPORTED)
        wait_for(self, OLDEST);
    job->ended = true;
    enqueue_report(self, job);
    report(self);
    unlock(self);
    cli_progress_tick(self->progress);
}

void
cli_pool_tick(cli_pool_t *self)
{
    lock(self);
    look_for_interrupt(self);
    report(self);
    unlock(self);
    cli_progress_tick(self->progress);
}

void
cli_pool_finish(cli_pool_t *self)
{
    lock(self);
    wait_for(self, ALL);
    report(self);
    FSP_POST(!self->oldest);
    unlock(self);
}

void
cli_pool_end(cli_pool_t *self)
{
    lock(self);
    end_all(self);
    unlock(self);
}

bool
cli_pool_is_ending(cli_pool_t *self)
{
    lock(self);
    look_for_interrupt(self);
    bool ending = self->ending;
    unlock(self);
    return ending;
}

void
cli_pool_warn(cli_pool_t *self, const char *format, ...)
{
    char words[900];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof words, format, args);
    va_end(args);
    lock(self);
    fsp_buf_append(&self->warnings, words, strlen(words) + 1);
    unlock(self);
}

/* -- beginning and end ------------------------------------------------------------------------- */

cli_pool_t *
cli_pool_new(cli_t *cli, cli_progress_t *progress)
{
    cli_pool_t *self = FSP_NEW(cli_pool_t);
    self->cli = cli;
    self->progress = progress;
    fsp_buf_init(&self->warnings, WARNINGS_BYTES_MAX);
    pthread_condattr_t attributes;
    int rc = pthread_condattr_init(&attributes);
    FSP_ASSERT(rc == 0);
    rc = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    FSP_ASSERT(rc == 0);
    rc = pthread_mutex_init(&self->mutex, NULL);
    FSP_ASSERT(rc == 0);
    rc = pthread_cond_init(&self->work, NULL);
    FSP_ASSERT(rc == 0);
    rc = pthread_cond_init(&self->done, &attributes);
    FSP_ASSERT(rc == 0);
    (void)pthread_condattr_destroy(&attributes); /* cannot fail */
    return self;
}

void
cli_pool_destroy(cli_pool_t **self_p)
{
    cli_pool_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    cli_pool_finish(self);
    lock(self);
    self->closing = true;
    (void)pthread_cond_broadcast(&self->work);
    unlock(self);
    for (size_t i = 0; i < self->worker_count; i++) {
        int rc = pthread_join(self->workers[i].thread, NULL);
        FSP_ASSERT(rc == 0);
        filesphere_close(&self->workers[i].handle);
    }
    (void)pthread_cond_destroy(&self->work); /* nobody waits */
    (void)pthread_cond_destroy(&self->done);
    (void)pthread_mutex_destroy(&self->mutex);
    fsp_buf_clear(&self->warnings);
    fsp_free(self);
}
