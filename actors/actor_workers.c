/* SPDX-License-Identifier: MIT */
/* actor_workers - jobs that are too large for the frontend's own thread: seal and open.  Layer
 * actors.
 *
 * A job is handed over whole and comes back whole; whoever holds it owns it.
 */
#include "actors/node.h"
#include "core/base/alloc.h"
#include "core/base/check.h"

typedef struct {
    fsp_shell_t *shell;
} worker_t;

fsp_job_t *
fsp_job_new(fsp_job_type_t type, uint64_t owner, uint64_t token, const fsp_space_keys_t *keys)
{
    fsp_job_t *self = FSP_NEW(fsp_job_t);
    self->type = type;
    self->owner = owner;
    self->token = token;
    self->keys = keys;
    return self;
}

void
fsp_job_destroy(fsp_job_t **self_p)
{
    fsp_job_t *self = *self_p;
    if (!self)
        return;
    fsp_blob_destroy(&self->open);
    fsp_blob_destroy(&self->plain);
    fsp_blob_destroy(&self->made.object);
    fsp_blob_destroy(&self->sealed);
    fsp_free(self);
    *self_p = NULL;
}

static fsp_slice_t
slice_of(const fsp_blob_t *blob)
{
    return blob ? fsp_blob_slice(blob) : fsp_slice(NULL, 0);
}

/* What a job was made from goes as soon as the job is done: it may lie in the inbox of who wanted
   it for a while, and the memory of transfers counts every chunk once. */
void
fsp_job_run(fsp_job_t *self)
{
    switch (self->type) {
    case FSP_JOB_SEAL:
        fsp_object_seal_all(self->keys, self->kind, slice_of(self->open), slice_of(self->plain),
                            &self->made);
        fsp_blob_destroy(&self->open);
        fsp_blob_destroy(&self->plain);
        break;
    case FSP_JOB_OPEN:
        self->status = fsp_object_open(self->keys, self->key, self->head, slice_of(self->open),
                                       slice_of(self->sealed), &self->plain);
        fsp_blob_destroy(&self->sealed); /* the open part is part of what was wanted */
        break;
    case FSP_JOB_OPEN_RANGE:
        self->status =
            fsp_object_open_range(self->keys, self->key, self->head, slice_of(self->open),
                                  self->sealed_from, slice_of(self->sealed), &self->plain);
        fsp_blob_destroy(&self->sealed);
        break;
    }
}

size_t
fsp_job_bytes(const fsp_job_t *self)
{
    return slice_of(self->type == FSP_JOB_SEAL ? self->plain : self->sealed).bytes;
}

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    (void)args;
    (void)error;
    ((worker_t *)self_)->shell = shell;
    return FSP_OK;
}

static void
mail(void *self_, fsp_mail_t *message)
{
    worker_t *self = self_;
    FSP_ASSERT(message->envelope.service == FSP_SERVICE_WORKERS);
    FSP_ASSERT(message->envelope.type == FSP_WORKER_JOB);
    fsp_job_t *job = fsp_mail_pointer(message);
    fsp_job_run(job);
    if (!fsp_mailbox_hand(self->shell->mailbox, message->from, FSP_SERVICE_WORKERS, FSP_WORKER_DONE,
                          job->token, job))
        fsp_job_destroy(&job); /* who wanted it has ended */
}

static void
stop(void *self_)
{
    worker_t *self = self_;
    fsp_mail_t message;
    while (fsp_mailbox_receive(self->shell->mailbox, &message)) {
        fsp_job_t *job = fsp_mail_pointer(&message);
        fsp_job_destroy(&job);
        fsp_mail_clear(&message);
    }
}

const fsp_actor_class_t fsp_worker_actor_class = {
    .name = "worker",
    .state_bytes = sizeof(worker_t),
    .start = start,
    .mail = mail,
    .stop = stop,
};
