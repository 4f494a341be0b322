/* SPDX-License-Identifier: MIT */
/* test_client_fake - a node for the client's tests, with faults on demand.  Layer tests.
 *
 * Knobs are set before fake_start or between calls; counters are read when a call has ended.
 */
#ifndef FSP_TESTS_ACTORS_TEST_CLIENT_FAKE_H
#define FSP_TESTS_ACTORS_TEST_CLIENT_FAKE_H
#include "actors/filesphere.h"
#include "core/base/buf.h"
#include "core/crypto/digest.h"
#include "proto/client.h"
#include "proto/errors.h"
#include "proto/json.h"

#include <czmq.h>

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FAKE_CONTENT_MAX = 64 * 1024 * 1024, FAKE_OPS_MAX = 64 };

typedef struct fake {
    pthread_t thread;
    pthread_mutex_t
        mutex; /* over content and counters: sanitizers do not see what ZeroMQ synchronises */
    atomic_bool stop, restart;
    zsock_t *router;
    void *socket;
    char endpoint[64], public_key[41], secret_key[41];
    char profile_path[64];

    /* Knobs. */
    _Atomic uint64_t credit_step;  /* CREDIT of this size, a new one when it is used; 0: 8 MiB */
    _Atomic unsigned deaf_count;   /* connections that hear nothing after WELCOME */
    _Atomic unsigned forget_count; /* requests answered with PROTOCOL until HELLO comes again */
    _Atomic unsigned ignore_count; /* requests that are never answered (PING is) */
    _Atomic unsigned error_code;   /* ERROR instead of CREDIT renewal or DATA, once */
    _Atomic unsigned expired_count;
    atomic_bool wrong_sha, wrong_receipt, wrong_offset, too_much, garbage, endless_list,
        backward_list;
    _Atomic unsigned minor;       /* version of the protocol that WELCOME chooses; 0: 1 */
    _Atomic unsigned watch_count; /* changes that the first NEWS of a WATCH brings */
    _Atomic unsigned watch_error; /* ERROR that then ends it; 0: it stays */
    atomic_bool watch_gap;        /* the first change is left out */
    _Atomic uint64_t beat_ms;
    _Atomic uint64_t break_at; /* the node restarts when a download is here; once */
    /* Sees what a welcomed client says before the rest does; true: and has dealt with it. */
    bool (*_Atomic first)(struct fake *self, const fsp_envelope_t *envelope, fsp_slice_t body,
                          fsp_slice_t payload);
    _Atomic size_t list_count;

    /* What was seen. */
    _Atomic unsigned hellos, pings, aborts, requests, single_puts, stream_puts;
    uint8_t ops[FAKE_OPS_MAX][16];
    uint64_t attempts[FAKE_OPS_MAX], sinces[FAKE_OPS_MAX];
    _Atomic unsigned op_count;
    atomic_bool overrun;    /* the client sent more than its credit */
    atomic_bool list_attrs; /* the last LIST asked for attributes */

    /* State of the thread. */
    fsp_buf_t content;
    bool welcomed;
    uint8_t deaf_id[16];
    size_t deaf_bytes;
    uint64_t upload_id, upload_credit;
    fsp_buf_t upload;
    uint64_t download_id, download_at, download_to, download_credit;
    uint8_t routing_id[16];
    size_t routing_bytes;
} fake_t;

static inline void
fake_send(fake_t *self, fsp_client_type_t type, uint64_t id, fsp_slice_t body, fsp_slice_t payload)
{
    fsp_envelope_t envelope = {.service = FSP_SERVICE_CLIENT,
                               .type = (uint16_t)type,
                               .request_id = id,
                               .body_bytes = (uint32_t)body.bytes};
    uint8_t head[FSP_ENVELOPE_BYTES];
    fsp_envelope_encode(&envelope, head);
    (void)zmq_send(self->socket, self->routing_id, self->routing_bytes, ZMQ_SNDMORE);
    (void)zmq_send(self->socket, head, sizeof head, body.bytes || payload.bytes ? ZMQ_SNDMORE : 0);
    if (body.bytes)
        (void)zmq_send(self->socket, body.data, body.bytes, payload.bytes ? ZMQ_SNDMORE : 0);
    if (payload.bytes)
        (void)zmq_send(self->socket, payload.data, payload.bytes, 0);
}

static inline void
fake_reply(fake_t *self, fsp_client_type_t type, uint64_t id, const fsp_reply_t *reply,
           fsp_slice_t payload)
{
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_BODY_BYTES_MAX);
    fsp_reply_encode(reply, &body);
    ck_assert(fsp_buf_ok(&body));
    fake_send(self, type, id, fsp_buf_slice(&body), payload);
    fsp_buf_clear(&body);
}

static inline void
fake_error(fake_t *self, uint64_t id, unsigned code, uint64_t change)
{
    fsp_reply_t reply = {
        .code = code, .text = fsp_slice_text("words of the node"), .change = change};
    fake_reply(self, FSP_MSG_ERROR, id, &reply, fsp_slice(NULL, 0));
}

/* What a node says about its one content. */
static inline fsp_reply_t
fake_about(fake_t *self, fsp_slice_t path)
{
    fsp_reply_t reply = {.has_node = true,
                         .kind = FSP_KIND_FILE,
                         .path = path,
                         .space_name = fsp_slice_text("home"),
                         .number = 3,
                         .size = self->content.bytes,
                         .change = 41,
                         .head_count = 1};
    memset(reply.file_id.bytes, 7, sizeof reply.file_id.bytes);
    memset(reply.version_id.bytes, 8, sizeof reply.version_id.bytes);
    reply.heads[0] = reply.version_id;
    reply.sha256 = fsp_sha256(fsp_buf_slice(&self->content));
    if (self->wrong_sha)
        reply.sha256.bytes[5] ^= 1;
    return reply;
}

/* The node's key: its public half is in the profile. */
static inline void
fake_sign_key(fsp_sign_key_t *ret)
{
    fsp_secret_t seed;
    memset(seed.bytes, 2, sizeof seed.bytes);
    fsp_sign_key_from_seed(ret, &seed);
}

/* Signs a receipt for what reply says; bytes keeps it. */
static inline void
fake_receipt(fake_t *self, fsp_reply_t *reply, fsp_buf_t *bytes)
{
    fsp_sign_key_t key;
    fake_sign_key(&key);
    if (self->wrong_receipt)
        key.seed.bytes[0] ^= 1; /* signs with another key than it names */
    fsp_receipt_t receipt = {.version_id = reply->version_id,
                             .durable_copies = 1,
                             .wanted_copies = 1,
                             .change = reply->change,
                             .issued = 1700000000000000};
    fsp_buf_init(bytes, FSP_RECEIPT_BYTES_MAX);
    fsp_receipt_sign(&receipt, &key, bytes);
    reply->receipt = fsp_buf_slice(bytes);
}

static inline void
fake_send_data(fake_t *self)
{
    while (self->download_id && self->download_at < self->download_to &&
           self->download_credit > 0) {
        if (self->error_code && self->download_at > 0) {
            fake_error(self, self->download_id, self->error_code, 0);
            self->error_code = 0;
            self->download_id = 0;
            return;
        }
        if (self->break_at && self->download_at >= self->break_at) {
            self->break_at = 0;
            self->restart = true;
            return;
        }
        uint64_t bytes = self->download_to - self->download_at;
        if (bytes > FSP_FRAME_BYTES_MAX)
            bytes = FSP_FRAME_BYTES_MAX;
        if (bytes > self->download_credit)
            bytes = self->download_credit;
        uint8_t offset[8];
        fsp_store_u64(offset, self->download_at + (self->wrong_offset ? 1 : 0));
        fsp_slice_t payload = fsp_slice(self->content.data + self->download_at, bytes);
        if (self->too_much && self->download_at + bytes == self->download_to)
            payload = fsp_slice(self->content.data, FSP_FRAME_BYTES_MAX);
        fake_send(self, FSP_MSG_DATA, self->download_id, fsp_slice(offset, 8), payload);
        self->download_at += bytes;
        self->download_credit -= bytes;
    }
}

static inline void
fake_get(fake_t *self, uint64_t id, const fsp_request_t *request)
{
    fsp_reply_t reply = fake_about(self, request->path);
    reply.from = request->has_range ? request->range_first : 0;
    reply.to = request->has_range && request->range_last < reply.size ? request->range_last + 1
                                                                      : reply.size;
    uint64_t first = reply.to - reply.from < 1000 ? reply.to - reply.from : 1000;
    fake_reply(self, FSP_MSG_OK, id, &reply, fsp_slice(self->content.data + reply.from, first));
    self->download_id = id;
    self->download_at = reply.from + first;
    self->download_to = reply.to;
    self->download_credit = request->credit - first;
    fake_send_data(self);
}

static inline void
fake_grant(fake_t *self)
{
    if (self->error_code && self->upload.bytes > 0) {
        fake_error(self, self->upload_id, self->error_code, 0);
        self->error_code = 0;
        self->upload_id = 0;
        return;
    }
    uint64_t step = self->credit_step ? self->credit_step : 8 * 1024 * 1024;
    if (self->upload_credit > step / 2)
        return;
    fsp_reply_t reply = {.credit = step};
    self->upload_credit += step;
    fake_reply(self, FSP_MSG_CREDIT, self->upload_id, &reply, fsp_slice(NULL, 0));
}

static inline void
fake_stored(fake_t *self, uint64_t id, const fsp_request_t *request)
{
    fsp_hash_t sha256 = fsp_sha256(fsp_buf_slice(&self->content));
    if (!request->has_size || request->size != self->content.bytes || !request->has_sha256 ||
        !fsp_hash_eq(sha256, request->sha256)) {
        fake_error(self, id, fsp_error_info(FSP_DAMAGED)->code, 0);
        return;
    }
    fsp_reply_t reply = fake_about(self, fsp_slice_text("/file"));
    fsp_buf_t receipt;
    fake_receipt(self, &reply, &receipt);
    fake_reply(self, FSP_MSG_OK, id, &reply, fsp_slice(NULL, 0));
    fsp_buf_clear(&receipt);
}

static inline void
fake_put(fake_t *self, uint64_t id, const fsp_request_t *request, fsp_slice_t payload)
{
    if (request->end) {
        self->single_puts++;
        fsp_buf_reset(&self->content);
        fsp_buf_append_slice(&self->content, payload);
        fake_stored(self, id, request);
        return;
    }
    self->stream_puts++;
    self->upload_id = id;
    self->upload_credit = 0;
    fsp_buf_reset(&self->upload);
    fake_grant(self);
}

static inline void
fake_data(fake_t *self, uint64_t id, fsp_slice_t body, fsp_slice_t payload)
{
    if (id != self->upload_id)
        return;
    ck_assert_uint_eq(body.bytes, 8);
    ck_assert_uint_eq(fsp_load_u64(body.data), self->upload.bytes);
    ck_assert(payload.bytes > 0 && payload.bytes <= FSP_FRAME_BYTES_MAX);
    if (payload.bytes > self->upload_credit)
        self->overrun = true;
    self->upload_credit -= payload.bytes;
    fsp_buf_append_slice(&self->upload, payload);
    fake_grant(self);
}

static inline void
fake_list(fake_t *self, uint64_t id, const fsp_request_t *request)
{
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_reply_t reply = {.change = 41};
    size_t start = 0;
    if (request->after.bytes > 0)
        start = strtoul((const char *)request->after.data + 4, NULL, 10) + 1;
    for (size_t i = start; i < self->list_count && reply.item_count < 100; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "name%06zu",
                       self->backward_list ? self->list_count - i : i);
        fsp_entry_info_t entry = {
            .name = fsp_slice_text(name), .kind = FSP_KIND_FILE, .size = i, .number = 1};
        memset(entry.file_id.bytes, 1, sizeof entry.file_id.bytes);
        fsp_item_entry_encode(&entry, &items);
        reply.item_count++;
    }
    reply.items = fsp_buf_slice(&items);
    reply.more = start + reply.item_count < self->list_count || self->endless_list;
    fake_reply(self, FSP_MSG_OK, id, &reply, fsp_slice(NULL, 0));
    fsp_buf_clear(&items);
}

static inline void
fake_watch(fake_t *self, uint64_t id, const fsp_request_t *request)
{
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_reply_t reply = {.change = request->after_index};
    for (unsigned i = 0; i < self->watch_count; i++) {
        fsp_change_info_t change = {.index = request->after_index + 1 + i + self->watch_gap,
                                    .operation = FSP_COMMAND_PUT,
                                    .kind = FSP_KIND_FILE,
                                    .path = fsp_slice_text("/a")};
        fsp_item_change_encode(&change, &items);
        reply.change = change.index;
        reply.item_count++;
    }
    reply.items = fsp_buf_slice(&items);
    fake_reply(self, FSP_MSG_NEWS, id, &reply, fsp_slice(NULL, 0));
    fsp_buf_clear(&items);
    if (self->watch_error)
        fake_error(self, id, self->watch_error, 0);
}

/* Counts a knob down; true while it was not 0. */
static inline bool
fake_once(_Atomic unsigned *knob)
{
    if (*knob == 0)
        return false;
    (*knob)--;
    return true;
}

static inline void
fake_request(fake_t *self, const fsp_envelope_t *envelope, fsp_slice_t body, fsp_slice_t payload)
{
    fsp_request_t request;
    uint64_t id = envelope->request_id;
    fsp_client_type_t type = (fsp_client_type_t)envelope->type;
    ck_assert_int_eq(fsp_request_decode(type, body, &request), FSP_OK);
    if (!fsp_op_id_is_zero(request.op_id) && self->op_count < FAKE_OPS_MAX) {
        memcpy(self->ops[self->op_count], request.op_id.bytes, 16);
        self->attempts[self->op_count] = request.attempt;
        self->sinces[self->op_count] = request.since;
        self->op_count++;
    }
    if (type != FSP_MSG_COMMIT && type != FSP_MSG_CREDIT && type != FSP_MSG_ABORT) {
        self->requests++;
        if (self->garbage) {
            (void)zmq_send(self->socket, self->routing_id, self->routing_bytes, ZMQ_SNDMORE);
            (void)zmq_send(self->socket, "FSP?", 4, 0);
            return;
        }
        if (fake_once(&self->ignore_count))
            return;
        if (fake_once(&self->expired_count)) {
            fake_error(self, id, fsp_error_info(FSP_EXPIRED)->code, 77);
            return;
        }
    }
    fsp_reply_t reply = fake_about(self, request.path);
    switch (type) {
    case FSP_MSG_PUT:
        fake_put(self, id, &request, payload);
        break;
    case FSP_MSG_COMMIT:
        if (id != self->upload_id)
            break;
        self->upload_id = 0;
        fsp_buf_reset(&self->content);
        fsp_buf_append_slice(&self->content, fsp_buf_slice(&self->upload));
        fake_stored(self, id, &request);
        break;
    case FSP_MSG_GET:
        fake_get(self, id, &request);
        break;
    case FSP_MSG_CREDIT:
        if (id == self->download_id) {
            self->download_credit += request.credit;
            fake_send_data(self);
        }
        break;
    case FSP_MSG_ABORT:
        self->aborts++;
        self->download_id = self->upload_id = 0;
        break;
    case FSP_MSG_WATCH:
        fake_watch(self, id, &request);
        break;
    case FSP_MSG_LIST:
        self->list_attrs = request.attrs;
        fake_list(self, id, &request);
        break;
    case FSP_MSG_STAT:
    case FSP_MSG_MKDIR:
    case FSP_MSG_MOVE:
        fake_reply(self, FSP_MSG_OK, id, &reply, fsp_slice(NULL, 0));
        break;
    case FSP_MSG_NODE:
        reply = (fsp_reply_t){.node_version = fsp_slice_text("9.9"),
                              .uptime_s = 12,
                              .disk_total = 100,
                              .disk_state = fsp_slice_text("ok"),
                              .sync = true};
        fake_reply(self, FSP_MSG_OK, id, &reply, fsp_slice(NULL, 0));
        break;
    default:
        fake_error(self, id, fsp_error_info(FSP_NOT_FOUND)->code, 0);
        break;
    }
}

static inline void
fake_message(fake_t *self, zmsg_t *message)
{
    zframe_t *id = zmsg_pop(message);
    bool known = zframe_size(id) == self->routing_bytes &&
                 memcmp(zframe_data(id), self->routing_id, self->routing_bytes) == 0;
    self->welcomed = self->welcomed && known;
    self->routing_bytes = zframe_size(id);
    memcpy(self->routing_id, zframe_data(id), self->routing_bytes);
    zframe_destroy(&id);
    bool deaf = self->routing_bytes == self->deaf_bytes &&
                memcmp(self->routing_id, self->deaf_id, self->deaf_bytes) == 0;
    zframe_t *head = zmsg_first(message);
    fsp_envelope_t envelope;
    ck_assert_int_eq(
        fsp_envelope_decode(fsp_slice(zframe_data(head), zframe_size(head)), &envelope), FSP_OK);
    fsp_slice_t body = fsp_slice(NULL, 0), payload = body;
    if (envelope.body_bytes > 0) {
        zframe_t *frame = zmsg_next(message);
        ck_assert_ptr_nonnull(frame);
        body = fsp_slice(zframe_data(frame), zframe_size(frame));
    }
    zframe_t *frame = zmsg_next(message);
    if (frame)
        payload = fsp_slice(zframe_data(frame), zframe_size(frame));
    if (envelope.type == FSP_MSG_HELLO) {
        self->hellos++;
        self->welcomed = true;
        fsp_reply_t reply = {.version = self->minor ? self->minor : 1,
                             .node_version = fsp_slice_text("9.9"),
                             .frame_bytes_max = FSP_FRAME_BYTES_MAX,
                             .heartbeat_ms = self->beat_ms ? self->beat_ms : 10000,
                             .space = fsp_slice_text("home")};
        fake_reply(self, FSP_MSG_WELCOME, envelope.request_id, &reply, fsp_slice(NULL, 0));
        if (fake_once(&self->deaf_count)) {
            memcpy(self->deaf_id, self->routing_id, self->routing_bytes);
            self->deaf_bytes = self->routing_bytes;
        }
        return;
    }
    if (deaf)
        return;
    if (fake_once(&self->forget_count))
        self->welcomed = false;
    if (!self->welcomed) {
        fake_error(self, envelope.request_id, fsp_error_info(FSP_PROTOCOL)->code, 0);
    } else if (envelope.type == FSP_MSG_PING) {
        self->pings++;
        fake_send(self, FSP_MSG_PONG, envelope.request_id, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    } else if (self->first && self->first(self, &envelope, body, payload)) {
        return;
    } else if (envelope.type == FSP_MSG_DATA) {
        fake_data(self, envelope.request_id, body, payload);
    } else {
        fake_request(self, &envelope, body, payload);
    }
}

/* Binds to endpoint, or to a port of its own. */
static inline void
fake_bind(fake_t *self)
{
    int64_t deadline = zclock_mono() + 5000;
    do {
        self->router = zsock_new(ZMQ_ROUTER);
        ck_assert_ptr_nonnull(self->router);
        zsock_set_curve_server(self->router, 1);
        zsock_set_curve_secretkey(self->router, self->secret_key);
        zsock_set_rcvhwm(self->router, 0);
        zsock_set_sndhwm(self->router, 0);
        self->socket = zsock_resolve(self->router);
        if (zsock_bind(self->router, "%s",
                       self->endpoint[0] ? self->endpoint : "tcp://127.0.0.1:*") != -1) {
            (void)snprintf(self->endpoint, sizeof self->endpoint, "%s",
                           zsock_endpoint(self->router));
            return;
        }
        zsock_destroy(&self->router); /* the old one is not quite gone */
    } while (zclock_mono() < deadline);
    ck_abort_msg("cannot bind %s", self->endpoint);
}

/* What was sent and not read: libzmq 4.3.4 leaks a message that a socket has in part at its end. */
static inline void
fake_discard(fake_t *self)
{
    zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};
    while (zmq_poll(&item, 1, 20) > 0) {
        zmsg_t *message = zmsg_recv(self->router);
        zmsg_destroy(&message);
    }
}

static inline void *
fake_run(void *self_)
{
    fake_t *self = self_;
    while (!self->stop) {
        if (self->restart) {
            fake_discard(self);
            zsock_destroy(&self->router);
            self->welcomed = false;
            self->download_id = self->upload_id = 0;
            fake_bind(self);
            self->restart = false;
        }
        zmq_pollitem_t item = {.socket = self->socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 10) <= 0)
            continue;
        zmsg_t *message = zmsg_recv(self->router);
        (void)pthread_mutex_lock(&self->mutex);
        if (message)
            fake_message(self, message);
        (void)pthread_mutex_unlock(&self->mutex);
        zmsg_destroy(&message);
    }
    fake_discard(self);
    zsock_destroy(&self->router);
    return NULL;
}

/* A profile with these endpoints and keys in a file. */
static inline void
fake_write_profile(fake_t *self, const char *first, const char *second, const char *server_key)
{
    fsp_profile_t profile = {.name = "test", .endpoint_count = second ? 2 : 1, .space = "home"};
    (void)snprintf(profile.endpoints[0], sizeof profile.endpoints[0], "%s", first);
    if (second)
        (void)snprintf(profile.endpoints[1], sizeof profile.endpoints[1], "%s", second);
    memcpy(profile.server_key, server_key, 41);
    ck_assert_int_eq(zmq_curve_keypair(profile.public_key, profile.secret_key), 0);
    memset(profile.mesh_id, 1, sizeof profile.mesh_id);
    fsp_sign_key_t sign_key;
    fake_sign_key(&sign_key);
    memcpy(profile.node_key, sign_key.public_key, sizeof profile.node_key);
    fsp_buf_t text;
    fsp_buf_init(&text, FSP_PROFILE_BYTES_MAX);
    fsp_profile_encode(&profile, &text);
    (void)snprintf(self->profile_path, sizeof self->profile_path, "/tmp/test_client_%d_XXXXXX",
                   (int)getpid());
    int fd = mkstemp(self->profile_path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text.data, text.bytes), (ssize_t)text.bytes);
    ck_assert_int_eq(close(fd), 0);
    fsp_buf_clear(&text);
}

static inline void
fake_start(fake_t *self)
{
    ck_assert_int_eq(zmq_curve_keypair(self->public_key, self->secret_key), 0);
    fsp_buf_init(&self->content, FAKE_CONTENT_MAX);
    fsp_buf_init(&self->upload, FAKE_CONTENT_MAX);
    ck_assert_int_eq(pthread_mutex_init(&self->mutex, NULL), 0);
    (void)fsp_sha256(fsp_slice(NULL, 0)); /* fetches the algorithm before there are threads */
    zsys_handler_set(NULL);
    fake_bind(self);
    fake_write_profile(self, self->endpoint, NULL, self->public_key);
    ck_assert_int_eq(pthread_create(&self->thread, NULL, fake_run, self), 0);
}

static inline void
fake_stop(fake_t *self)
{
    self->stop = true;
    ck_assert_int_eq(pthread_join(self->thread, NULL), 0);
    (void)pthread_mutex_destroy(&self->mutex);
    fsp_buf_clear(&self->content);
    fsp_buf_clear(&self->upload);
    (void)unlink(self->profile_path);
}

static inline filesphere_t *
fake_open(fake_t *self, uint64_t timeout_ms)
{
    filesphere_config_t config = {.profile_path = self->profile_path, .timeout_ms = timeout_ms};
    filesphere_t *handle = NULL;
    filesphere_code_t code = filesphere_open(&config, &handle);
    ck_assert_msg(code == FILESPHERE_OK, "%s", filesphere_error(handle));
    return handle;
}

/* Waits for a counter to reach a value, at most 5 s. */
static inline void
fake_await(_Atomic unsigned *counter, unsigned value)
{
    int64_t deadline = zclock_mono() + 5000;
    while (*counter < value && zclock_mono() < deadline)
        (void)poll(NULL, 0, 1);
    ck_assert_uint_ge(*counter, value);
}
#endif
