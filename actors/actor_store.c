/* SPDX-License-Identifier: MIT */
/* actor_store - makes durable: one group commit for everybody.  Layer actors.
 *
 * All jobs that wait are written as one batch with one sync, then all are answered.  So groups grow
 * with the load and a quiet node pays one sync a job.  A job that need not be durable goes with
 * whatever group it meets; one that cuts a log begins a group.  Rows of the state are not durable
 * when they are written (store/store.h): how far they are is told to the replicas by ticks, and at
 * once, by writing them all out, only to a job that asks for it.  A write that fails is never
 * retried: the page cache lies after a failed fsync (Rebello et al., ATC 2020); the node stops.
 */
#include "actors/clock.h"
#include "actors/log.h"
#include "actors/node.h"
#include "core/base/alloc.h"
#include "core/base/check.h"

enum { GROUP_JOBS_MAX = 1024, GROUP_BYTES_MAX = 32 * 1024 * 1024, WATERMARK_EVERY_US = 100 * 1000 };

typedef struct {
    fsp_store_job_t *job;
    fsp_actor_id_t from;
} waiting_t;

typedef struct {
    fsp_shell_t *shell;
    fsp_store_t *store;
    waiting_t group[GROUP_JOBS_MAX];
    fsp_batch_t *batches[GROUP_JOBS_MAX];
    size_t count;
    size_t bytes;
    fsp_time_t tick_us;             /* next look at the watermark file and at what is kept */
    uint64_t kept;                  /* told last */
    bool replicas[FSP_ACTOR_COUNT]; /* who wrote for one, and is told */
} store_actor_t;

fsp_store_job_t *
fsp_store_job_new(uint64_t token, fsp_batch_t **batch_p, bool durable)
{
    fsp_store_job_t *self = FSP_NEW(fsp_store_job_t);
    self->token = token;
    self->batch = *batch_p;
    self->durable = durable;
    *batch_p = NULL;
    return self;
}

void
fsp_store_job_destroy(fsp_store_job_t **self_p)
{
    if (!*self_p)
        return;
    fsp_batch_destroy(&(*self_p)->batch);
    fsp_free(*self_p);
    *self_p = NULL;
}

void
fsp_store_jobs_drop(fsp_mailbox_t *mailbox)
{
    fsp_mail_t message;
    while (fsp_mailbox_receive(mailbox, &message)) {
        if (message.envelope.service == FSP_SERVICE_STORE &&
            message.envelope.type != FSP_STORE_KEPT) {
            fsp_store_job_t *job = fsp_mail_pointer(&message);
            fsp_store_job_destroy(&job);
        }
        fsp_mail_clear(&message);
    }
}

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    (void)error;
    store_actor_t *self = self_;
    self->shell = shell;
    self->store = ((fsp_store_actor_args_t *)args)->store;
    self->tick_us = shell->now_us + WATERMARK_EVERY_US;
    self->kept = fsp_store_state_kept(self->store);
    return FSP_OK;
}

/* Before a log is cut, nothing may say any more that it was longer: a crash behind the cut would
   then read as the loss of entries that were acknowledged. */
static fsp_status_t
lower_watermark(store_actor_t *self, const fsp_store_job_t *first, fsp_error_t *error)
{
    if (!first->cuts)
        return FSP_OK;
    return fsp_store_lower(self->store, first->shard, first->replica, first->durable_index, error);
}

/* Writes the group and answers everybody in it, in order. */
static void
commit_group(store_actor_t *self)
{
    if (self->count == 0)
        return;
    bool durable = false, keeps_state = false;
    for (size_t i = 0; i < self->count; i++) {
        self->batches[i] = self->group[i].job->batch;
        durable |= self->group[i].job->durable;
        keeps_state |= self->group[i].job->keeps_state;
    }
    fsp_error_t error = {0};
    fsp_status_t status = lower_watermark(self, self->group[0].job, &error);
    if (status == FSP_OK)
        status = fsp_store_write(self->store, self->batches, self->count, &error);
    if (status == FSP_OK && keeps_state)
        status = fsp_store_keep_state(self->store, &error);
    if (status != FSP_OK) {
        fsp_actor_fail(self->shell, &error);
        return; /* Nobody is answered: what was not written was not promised. */
    }
    for (size_t i = 0; i < self->count; i++) {
        fsp_store_job_t *job = self->group[i].job;
        if (durable && job->durable_index > 0)
            fsp_store_note_durable(self->store, job->shard, job->replica, job->durable_index);
        fsp_batch_destroy(&job->batch);
        job->place = fsp_store_sequence(self->store);
        self->replicas[self->group[i].from] |= job->replica > 0;
        if (!fsp_mailbox_hand(self->shell->mailbox, self->group[i].from, FSP_SERVICE_STORE,
                              FSP_STORE_WRITTEN, job->token, job))
            fsp_store_job_destroy(&job); /* its sender has ended */
    }
    self->count = 0;
    self->bytes = 0;
}

static void
mail(void *self_, fsp_mail_t *message)
{
    store_actor_t *self = self_;
    FSP_ASSERT(message->envelope.service == FSP_SERVICE_STORE);
    FSP_ASSERT(message->envelope.type == FSP_STORE_WRITE);
    fsp_store_job_t *job = fsp_mail_pointer(message);
    FSP_IMPLIES(job->cuts, job->durable);
    /* A job that cuts begins a group: what came before is noted first, and then lowered with it. */
    if (job->cuts)
        commit_group(self);
    self->group[self->count++] = (waiting_t){.job = job, .from = message->from};
    self->bytes += fsp_batch_bytes(job->batch);
    if (self->shell->failed)
        return; /* ended with the actor */
    if (self->count == GROUP_JOBS_MAX || self->bytes >= GROUP_BYTES_MAX)
        commit_group(self);
}

/* Entries of the log whose effect is kept may go. */
static void
tell_kept(store_actor_t *self)
{
    uint64_t kept = fsp_store_state_kept(self->store);
    if (kept == self->kept)
        return;
    self->kept = kept;
    for (fsp_actor_id_t to = 0; to < FSP_ACTOR_COUNT; to++)
        if (self->replicas[to])
            (void)fsp_mailbox_send(self->shell->mailbox, to, FSP_SERVICE_STORE, FSP_STORE_KEPT,
                                   kept, fsp_slice(NULL, 0), NULL, 0);
}

static void
turn(void *self_)
{
    store_actor_t *self = self_;
    commit_group(self);
    fsp_time_t now = fsp_clock_mono_us();
    if (self->shell->failed || now < self->tick_us)
        return;
    self->tick_us = now + WATERMARK_EVERY_US;
    fsp_error_t error = {0};
    if (fsp_store_tick(self->store, now, &error) != FSP_OK)
        fsp_actor_fail(self->shell, &error);
    else
        tell_kept(self);
}

static fsp_time_t
deadline(void *self_)
{
    return ((store_actor_t *)self_)->tick_us;
}

static void
stop(void *self_)
{
    store_actor_t *self = self_;
    /* Jobs whose senders have gone; after an orderly stop there are none. */
    for (size_t i = 0; i < self->count; i++)
        fsp_store_job_destroy(&self->group[i].job);
    self->count = 0;
    if (!self->shell)
        return;
    fsp_store_jobs_drop(self->shell->mailbox);
}

const fsp_actor_class_t fsp_store_actor_class = {
    .name = "store",
    .state_bytes = sizeof(store_actor_t),
    .start = start,
    .mail = mail,
    .turn = turn,
    .deadline = deadline,
    .stop = stop,
};
