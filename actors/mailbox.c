/* SPDX-License-Identifier: MIT */
/* mailbox - how actors of one node reach each other.  Layer actors. */
#include "actors/mailbox.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <czmq.h>

/* What one actor wrote before it sent, another may read after it received.  libzmq sees to that,
   but ThreadSanitizer cannot look into it, so it is told. */
#ifdef FSP_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
static char doors[FSP_ACTOR_COUNT];
#define DOOR_OUT(to) __tsan_release(&doors[to])
#define DOOR_IN(self) __tsan_acquire(&doors[self])
#define BLOB_OUT(blob) __tsan_release(blob)
#define BLOB_IN(blob) __tsan_acquire(blob)
#else
#define DOOR_OUT(to) ((void)(to))
#define DOOR_IN(self) ((void)(self))
#define BLOB_OUT(blob) ((void)(blob))
#define BLOB_IN(blob) ((void)(blob))
#endif

struct fsp_mailbox {
    fsp_actor_id_t self;
    zsock_t *inbox;
    void *inbox_handle;
    zsock_t *outboxes[FSP_ACTOR_COUNT];
    void *outbox_handles[FSP_ACTOR_COUNT];
};

static void
name_endpoint(fsp_actor_id_t id, char *ret, size_t bytes)
{
    (void)snprintf(ret, bytes, "inproc://fsp-%d", (int)id);
}

/* Bounded by credits and request counts, not by high-water marks; nothing is lost when a sender
 * stops. */
static void
set_internal_options(zsock_t *socket)
{
    zsock_set_sndhwm(socket, 0);
    zsock_set_rcvhwm(socket, 0);
    zsock_set_linger(socket, -1);
}

fsp_mailbox_t *
fsp_mailbox_new(fsp_actor_id_t self_id)
{
    FSP_PRE(self_id < FSP_ACTOR_COUNT);
    char endpoint[32];
    name_endpoint(self_id, endpoint, sizeof(endpoint));
    fsp_mailbox_t *self = FSP_NEW(fsp_mailbox_t);
    self->self = self_id;
    self->inbox = zsock_new(ZMQ_PULL);
    FSP_ASSERT(self->inbox != NULL);
    set_internal_options(self->inbox);
    int rc = zsock_bind(self->inbox, "%s", endpoint);
    FSP_ASSERT(rc != -1);
    self->inbox_handle = zsock_resolve(self->inbox);
    return self;
}

void
fsp_mailbox_destroy(fsp_mailbox_t **self_p)
{
    fsp_mailbox_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < FSP_ACTOR_COUNT; i++)
        zsock_destroy(&self->outboxes[i]);
    /* Closing is the reaper's, later; the name must be free now. */
    char endpoint[32];
    name_endpoint(self->self, endpoint, sizeof(endpoint));
    (void)zsock_unbind(self->inbox, "%s", endpoint);
    zsock_destroy(&self->inbox);
    fsp_free(self);
    *self_p = NULL;
}

void *
fsp_mailbox_socket(fsp_mailbox_t *self)
{
    return self->inbox_handle;
}

static void *
outbox(fsp_mailbox_t *self, fsp_actor_id_t to)
{
    FSP_PRE(to < FSP_ACTOR_COUNT);
    if (!self->outboxes[to]) {
        char endpoint[32];
        name_endpoint(to, endpoint, sizeof(endpoint));
        self->outboxes[to] = zsock_new(ZMQ_PUSH);
        FSP_ASSERT(self->outboxes[to] != NULL);
        set_internal_options(self->outboxes[to]);
        int rc = zsock_connect(self->outboxes[to], "%s", endpoint);
        FSP_ASSERT(rc == 0);
        self->outbox_handles[to] = zsock_resolve(self->outboxes[to]);
    }
    return self->outbox_handles[to];
}

/* Sends a payload; if the receiver ended meanwhile, libzmq drops the rest of the message. */
static void
send_payload(void *socket, fsp_actor_id_t to, zmq_msg_t *frame, bool more)
{
    int rc;
    DOOR_OUT(to);
    do {
        rc = zmq_msg_send(frame, socket, more ? ZMQ_SNDMORE : 0);
    } while (rc == -1 && errno == EINTR);
    FSP_ASSERT(rc != -1);
}

/* Sends the first frame.  An internal pipe is never full, so what would wait has no receiver any
   more, and would wait for ever. */
static bool
send_head(void *socket, fsp_actor_id_t to, uint8_t address, const fsp_envelope_t *envelope,
          fsp_slice_t body, bool more)
{
    zmq_msg_t frame;
    int rc = zmq_msg_init_size(&frame, FSP_MAIL_HEAD_BYTES + body.bytes);
    FSP_ASSERT(rc == 0);
    uint8_t *at = zmq_msg_data(&frame);
    at[0] = address;
    fsp_envelope_encode(envelope, at + 1);
    if (body.bytes > 0)
        memcpy(at + FSP_MAIL_HEAD_BYTES, body.data, body.bytes);
    DOOR_OUT(to);
    do {
        rc = zmq_msg_send(&frame, socket, (more ? ZMQ_SNDMORE : 0) | ZMQ_DONTWAIT);
    } while (rc == -1 && errno == EINTR);
    FSP_ASSERT(rc != -1 || errno == EAGAIN);
    if (rc == -1)
        (void)zmq_msg_close(&frame);
    return rc != -1;
}

static void
release_blob(void *data, void *hint)
{
    (void)data;
    fsp_blob_t *blob = hint;
    BLOB_IN(blob);
    fsp_blob_destroy(&blob);
}

void
fsp_blob_to_msg(fsp_blob_t **blob_p, zmq_msg_t *ret)
{
    fsp_blob_t *blob = *blob_p;
    *blob_p = NULL;
    /* libzmq wants a writable pointer but never writes to it. */
    union {
        const uint8_t *in;
        void *out;
    } data = {.in = fsp_blob_data(blob)};
    BLOB_OUT(blob);
    int rc = zmq_msg_init_data(ret, data.out, fsp_blob_bytes(blob), release_blob, blob);
    FSP_ASSERT(rc == 0);
}

fsp_blob_t *
fsp_blob_part(fsp_blob_t *whole, size_t from, size_t bytes)
{
    FSP_PRE(from <= fsp_blob_bytes(whole) && bytes <= fsp_blob_bytes(whole) - from);
    union {
        const uint8_t *in;
        void *out;
    } data = {.in = fsp_blob_data(whole) + from};
    return fsp_blob_wrap(data.out, bytes, release_blob, fsp_blob_ref(whole));
}

static void
release_msg(void *data, void *hint)
{
    (void)data;
    zmq_msg_t *msg = hint;
    (void)zmq_msg_close(msg);
    fsp_free(msg);
}

fsp_blob_t *
fsp_blob_from_msg(zmq_msg_t *msg)
{
    zmq_msg_t *held = FSP_NEW(zmq_msg_t);
    (void)zmq_msg_init(held);
    int rc = zmq_msg_move(held, msg);
    FSP_ASSERT(rc == 0);
    return fsp_blob_wrap(zmq_msg_data(held), zmq_msg_size(held), release_msg, held);
}

bool
fsp_mailbox_send(fsp_mailbox_t *self, fsp_actor_id_t to, fsp_service_t service, unsigned type,
                 uint64_t request_id, fsp_slice_t body, fsp_blob_t **payloads, size_t payload_count)
{
    FSP_PRE(body.bytes <= FSP_BODY_BYTES_MAX);
    FSP_PRE(payload_count <= 2);
    void *socket = outbox(self, to);
    fsp_envelope_t envelope = {.service = (uint8_t)service,
                               .type = (uint16_t)type,
                               .request_id = request_id,
                               .body_bytes = (uint32_t)body.bytes};
    if (!send_head(socket, to, (uint8_t)self->self, &envelope, body, payload_count > 0)) {
        for (size_t i = 0; i < payload_count; i++)
            fsp_blob_destroy(&payloads[i]);
        return false;
    }
    for (size_t i = 0; i < payload_count; i++) {
        zmq_msg_t frame;
        fsp_blob_to_msg(&payloads[i], &frame);
        send_payload(socket, to, &frame, i + 1 < payload_count);
    }
    return true;
}

bool
fsp_mailbox_hand(fsp_mailbox_t *self, fsp_actor_id_t to, fsp_service_t service, unsigned type,
                 uint64_t request_id, void *pointer)
{
    FSP_PRE(service == FSP_SERVICE_STORE || service == FSP_SERVICE_WORKERS);
    return fsp_mailbox_send(self, to, service, type, request_id,
                            fsp_slice(&pointer, sizeof(pointer)), NULL, 0);
}

/* Receives one frame; returns whether more follow. */
static bool
receive_frame(void *socket, zmq_msg_t *frame, int flags, bool *ret_got)
{
    int rc;
    do {
        rc = zmq_msg_recv(frame, socket, flags);
    } while (rc == -1 && errno == EINTR);
    *ret_got = rc != -1;
    return *ret_got && zmq_msg_more(frame);
}

bool
fsp_mailbox_receive(fsp_mailbox_t *self, fsp_mail_t *ret)
{
    bool got = false;
    (void)zmq_msg_init(&ret->head);
    bool more = receive_frame(self->inbox_handle, &ret->head, ZMQ_DONTWAIT, &got);
    if (!got)
        return false;
    DOOR_IN(self->self);
    /* Inside the process a malformed message is our own mistake. */
    size_t bytes = zmq_msg_size(&ret->head);
    FSP_ASSERT(bytes >= FSP_MAIL_HEAD_BYTES);
    const uint8_t *at = zmq_msg_data(&ret->head);
    ret->from = (fsp_actor_id_t)at[0];
    FSP_ASSERT(ret->from < FSP_ACTOR_COUNT);
    fsp_status_t status =
        fsp_envelope_decode(fsp_slice(at + 1, FSP_ENVELOPE_BYTES), &ret->envelope);
    FSP_ASSERT(status == FSP_OK && ret->envelope.body_bytes == bytes - FSP_MAIL_HEAD_BYTES);
    ret->payload_count = 0;
    while (more) {
        FSP_ASSERT(ret->payload_count < 2);
        zmq_msg_t *payload = &ret->payload[ret->payload_count++];
        (void)zmq_msg_init(payload);
        more = receive_frame(self->inbox_handle, payload, 0, &got);
        FSP_ASSERT(got);
    }
    DOOR_IN(self->self);
    return true;
}

void
fsp_mail_clear(fsp_mail_t *mail)
{
    (void)zmq_msg_close(&mail->head);
    for (size_t i = 0; i < mail->payload_count; i++)
        (void)zmq_msg_close(&mail->payload[i]);
    mail->payload_count = 0;
}

fsp_slice_t
fsp_mail_body(fsp_mail_t *mail)
{
    return fsp_slice((const uint8_t *)zmq_msg_data(&mail->head) + FSP_MAIL_HEAD_BYTES,
                     zmq_msg_size(&mail->head) - FSP_MAIL_HEAD_BYTES);
}

fsp_blob_t *
fsp_mail_take_payload(fsp_mail_t *mail, size_t position)
{
    FSP_PRE(position < mail->payload_count);
    return fsp_blob_from_msg(&mail->payload[position]);
}

void *
fsp_mail_pointer(fsp_mail_t *mail)
{
    FSP_PRE(mail->envelope.service == FSP_SERVICE_STORE ||
            mail->envelope.service == FSP_SERVICE_WORKERS);
    void *pointer;
    fsp_slice_t body = fsp_mail_body(mail);
    FSP_ASSERT(body.bytes == sizeof(pointer));
    memcpy(&pointer, body.data, sizeof(pointer));
    return pointer;
}
