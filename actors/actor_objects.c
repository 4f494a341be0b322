/* SPDX-License-Identifier: MIT */
/* actor_objects - the shell around this node's object rules.  Layer actors.
 *
 * Messages in: OBJECT_PUT, OBJECT_HAVE, OBJECT_GET (from the gateway, later from any node),
 * OBJECT_MARK, OBJECT_DONE, OBJECT_GONE (from who collects), WRITTEN (from the store).  Messages
 * out: OK or ERROR, WRITE (to the store).  Sweeps go on by themselves, a piece at a time.  The
 * bytes of a GET are lent by the database and cross without a copy.  A name is taken as verified,
 * and a head at all, only from this process's own gateway, which has just made them: the sender is
 * known from the return address, never from the message.
 */
#include "actors/clock.h"
#include "actors/log.h"
#include "actors/node.h"
#include "actors/waiters.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/data/objects.h"
#include "proto/peer.h"

/* The least pause between two pieces of a sweep; it is also as long as the piece took (at most 256
   rows, 1 to 5 ms), so that puts and gets have at least half of this thread. */
enum { SWEEP_PAUSE_US = 2 * 1000 };

typedef struct {
    fsp_shell_t *shell;
    fsp_objects_actor_args_t *args;
    fsp_objects_t *objects;
    fsp_objects_effects_t effects;
    fsp_waiters_t waiters;
    size_t pending_writes;
    fsp_object_have_t have; /* decoded here: it is large */
    fsp_object_mark_t mark; /* the same */
    fsp_time_t sweep_us;    /* when the next piece is due */
} objects_actor_t;

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    (void)error;
    objects_actor_t *self = self_;
    self->shell = shell;
    self->args = args;
    self->objects =
        fsp_objects_new(fsp_store_view(self->args->store, FSP_FAMILY_OBJECT), self->args->slot_bits,
                        self->args->layout_version, self->args->store_id);
    return FSP_OK;
}

static void
reply_error(objects_actor_t *self, fsp_actor_id_t to, uint64_t request_id, fsp_status_t status)
{
    fsp_buf_t body;
    fsp_buf_init(&body, 64);
    fsp_peer_error_encode(status, &body);
    fsp_mailbox_send(self->shell->mailbox, to, FSP_SERVICE_OBJECTS, FSP_MSG_ERROR, request_id,
                     fsp_buf_slice(&body), NULL, 0);
    fsp_buf_clear(&body);
}

/* The open part and the wanted bytes of the sealed part, from the database or from a write under
 * way. */
static fsp_status_t
read_parts(objects_actor_t *self, const fsp_objects_effect_t *effect, uint64_t sealed_from,
           uint64_t sealed_to, fsp_blob_t *ret_parts[2], size_t *ret_count)
{
    uint64_t open_bytes = effect->row.open_bytes;
    uint64_t sealed_at = FSP_OBJECT_HEADER_BYTES + open_bytes;
    if (sealed_from > sealed_to || sealed_to > effect->row.sealed_bytes)
        return FSP_BAD_RANGE;
    /* No more than is asked for: a range of a large object costs its own bytes. */
    uint64_t from = open_bytes > 0 ? (uint64_t)FSP_OBJECT_HEADER_BYTES : sealed_at + sealed_from;
    uint64_t to = sealed_at + sealed_to;
    fsp_blob_t *bytes = NULL;
    if (effect->pending) {
        FSP_ASSERT(fsp_blob_bytes(effect->pending) == sealed_at + effect->row.sealed_bytes);
        bytes = fsp_blob_part(effect->pending, from, to - from);
    } else {
        fsp_status_t status =
            fsp_store_read_bytes(self->args->store, effect->row.family,
                                 fsp_buf_slice(&effect->bytes_key), from, to, &bytes);
        if (status == FSP_NOT_FOUND || status == FSP_BAD_RANGE)
            status = FSP_DAMAGED; /* the row says that they are here */
        if (status != FSP_OK)
            return status;
    }
    *ret_count = 0;
    if (open_bytes > 0)
        ret_parts[(*ret_count)++] = fsp_blob_part(bytes, 0, open_bytes);
    ret_parts[(*ret_count)++] =
        fsp_blob_part(bytes, sealed_at + sealed_from - from, sealed_to - sealed_from);
    fsp_blob_destroy(&bytes);
    return FSP_OK;
}

static void
answer_get(objects_actor_t *self, fsp_objects_effect_t *effect, const fsp_waiter_t *waiter)
{
    fsp_blob_t *parts[2] = {0};
    size_t count = 0;
    fsp_status_t status = effect->status;
    uint64_t to = waiter->range_to == 0 ? effect->row.sealed_bytes : waiter->range_to;
    if (status == FSP_OK)
        status = read_parts(self, effect, waiter->range_from, to, parts, &count);
    if (status != FSP_OK) {
        if (status == FSP_DAMAGED || status == FSP_IO)
            fsp_log(FSP_LOG_ERROR, "objects", "msg=\"object cannot be read\" reason=%s",
                    fsp_status_name(status));
        reply_error(self, waiter->from, waiter->request_id, status);
        return;
    }
    fsp_object_got_t got = {.sealed_from = waiter->range_from,
                            .sealed_bytes = effect->row.sealed_bytes,
                            .open_bytes = effect->row.open_bytes};
    memcpy(got.head, effect->row.head, sizeof(got.head));
    fsp_buf_t body;
    fsp_buf_init(&body, 1024);
    fsp_object_got_encode(&got, &body);
    fsp_mailbox_send(self->shell->mailbox, waiter->from, FSP_SERVICE_OBJECTS, FSP_MSG_OK,
                     waiter->request_id, fsp_buf_slice(&body), parts, count);
    fsp_buf_clear(&body);
}

static void
answer_collection(objects_actor_t *self, const fsp_objects_effect_t *effect,
                  const fsp_waiter_t *waiter)
{
    if (effect->status != FSP_OK) {
        reply_error(self, waiter->from, waiter->request_id, effect->status);
        return;
    }
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_HAVE_KEYS_MAX + 64);
    if (effect->type == FSP_OBJECTS_MARKED)
        fsp_object_marked_encode(
            &(fsp_object_marked_t){.store_id = self->args->store_id,
                                   .marks = fsp_slice(effect->yes, effect->yes_count)},
            &body);
    else
        fsp_object_swept_encode(&effect->swept, &body);
    fsp_mailbox_send(self->shell->mailbox, waiter->from, FSP_SERVICE_OBJECTS, FSP_MSG_OK,
                     waiter->request_id, fsp_buf_slice(&body), NULL, 0);
    fsp_buf_clear(&body);
}

static void
carry_out(objects_actor_t *self)
{
    for (size_t i = 0; i < self->effects.count; i++) {
        fsp_objects_effect_t *effect = &self->effects.items[i];
        fsp_waiter_t *waiter = fsp_waiter_of(effect->token);
        switch (effect->type) {
        case FSP_OBJECTS_WRITE: {
            fsp_store_job_t *job = fsp_store_job_new(effect->token, &effect->batch, true);
            self->pending_writes++;
            if (!fsp_mailbox_hand(self->shell->mailbox, FSP_ACTOR_STORE, FSP_SERVICE_STORE,
                                  FSP_STORE_WRITE, effect->token, job))
                fsp_store_job_destroy(&job); /* the node is ending: nothing of it was promised */
            continue;                        /* its token is a write's */
        }
        case FSP_OBJECTS_STORED:
            if (effect->status == FSP_OK)
                fsp_mailbox_send(self->shell->mailbox, waiter->from, FSP_SERVICE_OBJECTS,
                                 FSP_MSG_OK, waiter->request_id, fsp_slice(NULL, 0), NULL, 0);
            else
                reply_error(self, waiter->from, waiter->request_id, effect->status);
            break;
        case FSP_OBJECTS_ANSWER: {
            if (effect->status != FSP_OK) {
                reply_error(self, waiter->from, waiter->request_id, effect->status);
                break;
            }
            fsp_buf_t body;
            fsp_buf_init(&body, FSP_HAVE_KEYS_MAX + 16);
            fsp_object_have_answer_encode(effect->yes, effect->yes_count, &body);
            fsp_mailbox_send(self->shell->mailbox, waiter->from, FSP_SERVICE_OBJECTS, FSP_MSG_OK,
                             waiter->request_id, fsp_buf_slice(&body), NULL, 0);
            fsp_buf_clear(&body);
            break;
        }
        case FSP_OBJECTS_READ:
            answer_get(self, effect, waiter);
            break;
        case FSP_OBJECTS_MARKED:
        case FSP_OBJECTS_SWEPT:
            answer_collection(self, effect, waiter);
            break;
        }
        fsp_waiters_remove(&self->waiters, &waiter);
    }
    fsp_objects_effects_reset(&self->effects);
}

static void
step(objects_actor_t *self, const fsp_objects_event_t *event)
{
    fsp_status_t status = fsp_objects_step(self->objects, event, &self->effects);
    if (status != FSP_OK) {
        fsp_error_t error;
        (void)fsp_error_set(&error, status, "object rows cannot be read: %s",
                            fsp_status_text(status));
        fsp_objects_effects_reset(&self->effects);
        fsp_actor_fail(self->shell, &error);
        return;
    }
    carry_out(self);
}

/* Each of these either takes the request (its answer comes by an effect) or refuses it. */

static fsp_status_t
request_put(objects_actor_t *self, fsp_mail_t *message, fsp_waiter_t *waiter)
{
    fsp_object_put_t put;
    fsp_status_t status = fsp_object_put_decode(fsp_mail_body(message), &put);
    bool ours = message->from == FSP_ACTOR_FRONTEND;
    if (status == FSP_OK && message->payload_count != (ours ? 2 : 1))
        status = FSP_INVALID;
    if (status != FSP_OK)
        return status;
    uint8_t head[FSP_OBJECT_HEAD_BYTES];
    if (ours) {
        FSP_ASSERT(zmq_msg_size(&message->payload[1]) == sizeof(head));
        memcpy(head, zmq_msg_data(&message->payload[1]), sizeof(head));
    }
    fsp_blob_t *object = fsp_mail_take_payload(message, 0);
    fsp_objects_event_t event = {.type = FSP_OBJECTS_PUT,
                                 .token = fsp_waiter_token(waiter),
                                 .space_id = put.space_id,
                                 .epoch = put.epoch,
                                 .layout_version = put.layout_version,
                                 .keys = &put.key,
                                 .key_count = 1,
                                 .object = object,
                                 .verified = ours,
                                 .head = ours ? head : NULL};
    step(self, &event);
    fsp_blob_destroy(&object);
    return FSP_OK;
}

static fsp_status_t
request_have(objects_actor_t *self, fsp_mail_t *message, fsp_waiter_t *waiter)
{
    fsp_status_t status = fsp_object_have_decode(fsp_mail_body(message), &self->have);
    if (status != FSP_OK)
        return status;
    fsp_objects_event_t event = {.type = FSP_OBJECTS_HAVE,
                                 .token = fsp_waiter_token(waiter),
                                 .space_id = self->have.space_id,
                                 .epoch = self->have.epoch,
                                 .layout_version = self->have.layout_version,
                                 .keys = self->have.keys,
                                 .key_count = self->have.key_count,
                                 .lengths = self->have.lengths};
    step(self, &event);
    return FSP_OK;
}

static fsp_status_t
request_get(objects_actor_t *self, fsp_mail_t *message, fsp_waiter_t *waiter)
{
    fsp_object_get_t get;
    fsp_status_t status = fsp_object_get_decode(fsp_mail_body(message), &get);
    if (status != FSP_OK)
        return status;
    waiter->range_from = get.from;
    waiter->range_to = get.to;
    fsp_objects_event_t event = {.type = FSP_OBJECTS_GET,
                                 .token = fsp_waiter_token(waiter),
                                 .space_id = get.space_id,
                                 .keys = &get.key,
                                 .key_count = 1};
    step(self, &event);
    return FSP_OK;
}

static fsp_status_t
request_mark(objects_actor_t *self, fsp_mail_t *message, fsp_waiter_t *waiter)
{
    fsp_status_t status = fsp_object_mark_decode(fsp_mail_body(message), &self->mark);
    if (status != FSP_OK)
        return status;
    fsp_objects_event_t event = {.type = FSP_OBJECTS_MARK,
                                 .token = fsp_waiter_token(waiter),
                                 .space_id = self->mark.space_id,
                                 .round = self->mark.round,
                                 .layout_version = self->mark.layout_version,
                                 .store_id = self->mark.store_id,
                                 .look = self->mark.look,
                                 .keys = self->mark.keys,
                                 .key_count = self->mark.key_count};
    step(self, &event);
    return FSP_OK;
}

static fsp_status_t
request_done(objects_actor_t *self, fsp_mail_t *message, fsp_waiter_t *waiter)
{
    fsp_object_done_t done;
    fsp_status_t status = fsp_object_done_decode(fsp_mail_body(message), &done);
    if (status != FSP_OK)
        return status;
    fsp_objects_event_t event = {.type = FSP_OBJECTS_DONE,
                                 .token = fsp_waiter_token(waiter),
                                 .space_id = done.space_id,
                                 .round = done.round,
                                 .layout_version = done.layout_version,
                                 .store_id = done.store_id};
    step(self, &event);
    return FSP_OK;
}

static fsp_status_t
request_gone(objects_actor_t *self, fsp_mail_t *message, fsp_waiter_t *waiter)
{
    fsp_space_id_t space_id;
    fsp_status_t status = fsp_object_gone_decode(fsp_mail_body(message), &space_id);
    if (status != FSP_OK)
        return status;
    fsp_objects_event_t event = {
        .type = FSP_OBJECTS_GONE, .token = fsp_waiter_token(waiter), .space_id = space_id};
    step(self, &event);
    return FSP_OK;
}

static fsp_status_t
handle_request(objects_actor_t *self, fsp_mail_t *message)
{
    fsp_waiter_t *waiter = fsp_waiters_add(&self->waiters, message);
    if (!waiter)
        return FSP_BUSY;
    fsp_status_t status = FSP_UNSUPPORTED;
    if (message->envelope.type == FSP_OBJECT_PUT)
        status = request_put(self, message, waiter);
    else if (message->envelope.type == FSP_OBJECT_HAVE)
        status = request_have(self, message, waiter);
    else if (message->envelope.type == FSP_OBJECT_GET)
        status = request_get(self, message, waiter);
    else if (message->envelope.type == FSP_OBJECT_MARK)
        status = request_mark(self, message, waiter);
    else if (message->envelope.type == FSP_OBJECT_DONE)
        status = request_done(self, message, waiter);
    else if (message->envelope.type == FSP_OBJECT_GONE)
        status = request_gone(self, message, waiter);
    if (status != FSP_OK)
        fsp_waiters_remove(&self->waiters, &waiter);
    return status;
}

static void
mail(void *self_, fsp_mail_t *message)
{
    objects_actor_t *self = self_;
    if (message->envelope.service == FSP_SERVICE_STORE) {
        fsp_store_job_t *job = fsp_mail_pointer(message);
        fsp_objects_event_t event = {.type = FSP_OBJECTS_WRITTEN, .token = job->token};
        fsp_store_job_destroy(&job);
        FSP_ASSERT(self->pending_writes > 0);
        self->pending_writes--;
        step(self, &event);
        return;
    }
    fsp_status_t status = FSP_UNSUPPORTED;
    if (message->envelope.service == FSP_SERVICE_OBJECTS)
        status = handle_request(self, message);
    if (status != FSP_OK)
        reply_error(self, message->from, message->envelope.request_id, status);
}

static void
turn(void *self_)
{
    objects_actor_t *self = self_;
    if (!fsp_objects_sweeping(self->objects) || self->shell->now_us < self->sweep_us)
        return;
    fsp_objects_event_t event = {.type = FSP_OBJECTS_SWEEP};
    fsp_time_t began_us = fsp_clock_mono_us();
    step(self, &event);
    fsp_time_t now_us = fsp_clock_mono_us();
    fsp_time_t pause_us = now_us - began_us;
    self->sweep_us = now_us + (pause_us > SWEEP_PAUSE_US ? pause_us : SWEEP_PAUSE_US);
}

static fsp_time_t
deadline(void *self_)
{
    objects_actor_t *self = self_;
    return fsp_objects_sweeping(self->objects) ? self->sweep_us : FSP_TIME_NEVER;
}

static bool
idle(void *self_)
{
    return ((objects_actor_t *)self_)->pending_writes == 0;
}

static void
stop(void *self_)
{
    objects_actor_t *self = self_;
    fsp_waiters_clear(&self->waiters);
    fsp_objects_effects_clear(&self->effects);
    fsp_objects_destroy(&self->objects);
    fsp_store_jobs_drop(self->shell->mailbox);
}

const fsp_actor_class_t fsp_objects_actor_class = {
    .name = "objects",
    .state_bytes = sizeof(objects_actor_t),
    .start = start,
    .mail = mail,
    .turn = turn,
    .deadline = deadline,
    .idle = idle,
    .stop = stop,
};
