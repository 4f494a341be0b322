/* SPDX-License-Identifier: MIT */
/* actor_shard - the shell around one shard's replica.  Layer actors.
 *
 * Messages in: SHARD_COMMAND, SHARD_QUERY (from any actor, later from any node), WRITTEN and KEPT
 * (from the store). Messages out: OK with result or answer, ERROR with a status, WRITE (to the
 * store). All decisions are in core/engine/replica; this file only carries events and effects.
 */
#include "actors/clock.h"
#include "actors/log.h"
#include "actors/node.h"
#include "actors/waiters.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/engine/replica.h"
#include "proto/peer.h"

enum { CACHE_BYTES_MAX = 8 * 1024 * 1024 };

typedef struct {
    fsp_shell_t *shell;
    fsp_store_t *store;
    fsp_shard_actor_args_t *args;
    fsp_replica_t *replica;
    fsp_replica_effects_t effects;
    fsp_waiters_t waiters;
    bool more; /* the replica was told that more follows in this turn */
} shard_actor_t;

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    shard_actor_t *self = self_;
    self->shell = shell;
    self->args = args;
    self->store = self->args->store;
    fsp_replica_config_t config = {.shard = self->args->shard,
                                   .self = self->args->self,
                                   .base = fsp_raft_conf_single(&self->args->self),
                                   .cache_bytes_max = CACHE_BYTES_MAX};
    fsp_random(&config.seed, sizeof(config.seed));
    fsp_store_watermark(self->store, config.shard.shard, config.self.replica, &config.watermark,
                        &config.clean);
    return fsp_replica_new(&config, fsp_store_view(self->store, FSP_FAMILY_LOG),
                           fsp_store_view(self->store, FSP_FAMILY_STATE), &self->replica, error);
}

static void
reply(shard_actor_t *self, fsp_actor_id_t to, uint64_t request_id, fsp_status_t status,
      fsp_slice_t bytes)
{
    if (status == FSP_OK) {
        fsp_mailbox_send(self->shell->mailbox, to, FSP_SERVICE_SHARD, FSP_MSG_OK, request_id, bytes,
                         NULL, 0);
        return;
    }
    fsp_buf_t body;
    fsp_buf_init(&body, 64);
    fsp_peer_error_encode(status, &body);
    fsp_mailbox_send(self->shell->mailbox, to, FSP_SERVICE_SHARD, FSP_MSG_ERROR, request_id,
                     fsp_buf_slice(&body), NULL, 0);
    fsp_buf_clear(&body);
}

static void
carry_out(shard_actor_t *self)
{
    for (size_t i = 0; i < self->effects.count; i++) {
        fsp_replica_effect_t *effect = &self->effects.items[i];
        switch (effect->type) {
        case FSP_REPLICA_WRITE: {
            fsp_store_job_t *job =
                fsp_store_job_new(effect->token, &effect->batch, effect->durable);
            job->shard = self->args->shard.shard;
            job->replica = self->args->self.replica;
            job->durable_index = effect->durable_index;
            job->keeps_state = effect->keeps_state;
            job->cuts = effect->cuts;
            if (!fsp_mailbox_hand(self->shell->mailbox, FSP_ACTOR_STORE, FSP_SERVICE_STORE,
                                  FSP_STORE_WRITE, effect->token, job))
                fsp_store_job_destroy(&job); /* the node is ending: nothing of it was promised */
            break;
        }
        case FSP_REPLICA_REPLY: {
            fsp_waiter_t *waiter = fsp_waiter_of(effect->token);
            reply(self, waiter->from, waiter->request_id, effect->status,
                  fsp_buf_slice(&effect->bytes));
            fsp_waiters_remove(&self->waiters, &waiter);
            break;
        }
        case FSP_REPLICA_ROLE:
        case FSP_REPLICA_CONFIGURED:
            break; /* one voter: asked for when it matters */
        case FSP_REPLICA_SEND:
        case FSP_REPLICA_REMOVED:
        case FSP_REPLICA_STOP:
            FSP_UNREACHABLE(); /* there is nobody else */
        }
    }
    fsp_replica_effects_reset(&self->effects);
}

static void
step(shard_actor_t *self, fsp_replica_event_t event)
{
    event.now_us = self->shell->now_us;
    event.wall_us = self->shell->wall_us;
    event.more = event.type != FSP_REPLICA_TICK;
    self->more = event.more;
    fsp_status_t status = fsp_replica_step(self->replica, &event, &self->effects);
    if (status != FSP_OK) {
        /* A local read failed: skipping the entry would fork the state, so the node stops. */
        fsp_error_t error;
        (void)fsp_error_set(&error, status, "shard %u: state cannot be read: %s",
                            self->args->shard.shard, fsp_status_text(status));
        fsp_replica_effects_reset(&self->effects);
        fsp_actor_fail(self->shell, &error);
        return;
    }
    carry_out(self);
}

/* What the store says. */
static void
stored(shard_actor_t *self, fsp_mail_t *message)
{
    if (message->envelope.type == FSP_STORE_KEPT) {
        step(self, (fsp_replica_event_t){.type = FSP_REPLICA_STATE_KEPT,
                                         .place = message->envelope.request_id});
        return;
    }
    fsp_store_job_t *job = fsp_mail_pointer(message);
    fsp_replica_event_t written = {
        .type = FSP_REPLICA_WRITTEN, .token = job->token, .place = job->place};
    fsp_store_job_destroy(&job);
    step(self, written);
}

static void
mail(void *self_, fsp_mail_t *message)
{
    shard_actor_t *self = self_;
    if (message->envelope.service == FSP_SERVICE_STORE) {
        stored(self, message);
        return;
    }
    if (message->envelope.service != FSP_SERVICE_SHARD ||
        (message->envelope.type != FSP_SHARD_COMMAND &&
         message->envelope.type != FSP_SHARD_QUERY)) {
        reply(self, message->from, message->envelope.request_id, FSP_UNSUPPORTED,
              fsp_slice(NULL, 0));
        return;
    }
    fsp_waiter_t *waiter = fsp_waiters_add(&self->waiters, message);
    if (!waiter) {
        reply(self, message->from, message->envelope.request_id, FSP_BUSY, fsp_slice(NULL, 0));
        return;
    }
    bool command = message->envelope.type == FSP_SHARD_COMMAND;
    step(self, (fsp_replica_event_t){.type = command ? FSP_REPLICA_COMMAND : FSP_REPLICA_QUERY,
                                     .token = fsp_waiter_token(waiter),
                                     .bytes = fsp_mail_body(message)});
}

static void
turn(void *self_)
{
    shard_actor_t *self = self_;
    /* All that came in one turn goes with one WRITE, of which the tick is the last event. */
    if (self->more || fsp_replica_deadline(self->replica) <= self->shell->now_us)
        step(self, (fsp_replica_event_t){.type = FSP_REPLICA_TICK});
}

static fsp_time_t
deadline(void *self_)
{
    return fsp_replica_deadline(((shard_actor_t *)self_)->replica);
}

/* IDLE: node.h. */
static fsp_status_t
command(void *self_, const char *name, fsp_error_t *reply)
{
    shard_actor_t *self = self_;
    if (strcmp(name, "IDLE") != 0)
        return fsp_error_set(reply, FSP_UNSUPPORTED, "%s", name);
    /* A turn that is due may apply more, or send what was applied on its way. */
    bool due = self->more || fsp_replica_deadline(self->replica) <= self->shell->now_us;
    return due || fsp_replica_pending_writes(self->replica) > 0 ? FSP_BUSY : FSP_OK;
}

static bool
idle(void *self_)
{
    shard_actor_t *self = self_;
    return fsp_replica_pending_writes(self->replica) == 0;
}

static void
stop(void *self_)
{
    shard_actor_t *self = self_;
    fsp_waiters_clear(&self->waiters);
    fsp_replica_effects_clear(&self->effects);
    fsp_replica_destroy(&self->replica);
    fsp_store_jobs_drop(self->shell->mailbox);
}

const fsp_actor_class_t fsp_shard_actor_class = {
    .name = "shard",
    .state_bytes = sizeof(shard_actor_t),
    .start = start,
    .mail = mail,
    .turn = turn,
    .deadline = deadline,
    .command = command,
    .idle = idle,
    .stop = stop,
};
