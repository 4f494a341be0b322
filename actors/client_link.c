/* SPDX-License-Identifier: MIT */
/* client_link - the client's connection: socket, HELLO, signs of life.  Layer actors.
 *
 * IMMEDIATE is on and SNDHWM is 0, so the socket is writable exactly while there is an
 * authenticated connection: a broken one shows as "not writable" within one slice, without a socket
 * monitor (which can crash 4.3.4) and without ZMTP heartbeats (which abort it).  ZeroMQ reconnects
 * by itself after 100 ms at the earliest; as the node knows its clients by connection, that new
 * connection is of no use, and the socket is replaced by a fresh one with a new HELLO. A reconnect
 * that happens between two calls goes unseen: the node then answers PROTOCOL, and ask says HELLO
 * again.
 */
#include "actors/client_internal.h"

#include "core/base/check.h"
#include "core/base/text.h"

#include <czmq.h>

#include <limits.h>
#include <poll.h>
#include <time.h>

uint64_t
fsp_client_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool
fsp_client_overdue(const filesphere_t *self)
{
    return self->call_end_ms != 0 && fsp_client_now_ms() >= self->call_end_ms;
}

/* -- the shared context ------------------------------------------------------------------------ */

static pthread_once_t context_once = PTHREAD_ONCE_INIT;
/* This process is a child by fork of one that had the context: it has a copy of it, but not its
   threads.  CZMQ would abort on the next socket, so nothing is asked of it any more. */
static atomic_bool is_orphan;

static void
in_child(void)
{
    atomic_store(&is_orphan, true);
}

/* CZMQ's context is the only one of the process: two with CURVE can crash 4.3.4.  CZMQ ends it at
   exit; ending it with the last handle would take it away from others in the process who use CZMQ.
 */
static void
start_context(void)
{
    zsys_handler_set(NULL); /* signals belong to the program */
    (void)zsys_init();
    zsys_handler_set(NULL); /* again: a program may have initialised CZMQ in between */
    (void)pthread_atfork(NULL, NULL, in_child); /* no memory: such a child is then not told */
}

/* -- socket ------------------------------------------------------------------------------------ */

static void
set_int(void *socket, int option, int value)
{
    int rc = zmq_setsockopt(socket, option, &value, sizeof value);
    FSP_ASSERT(rc == 0);
}

static fsp_status_t
open_socket(filesphere_t *self, const char *endpoint)
{
    (void)pthread_once(&context_once, start_context);
    self->sock = zsock_new(ZMQ_DEALER);
    if (!self->sock)
        return FSP_IO; /* out of descriptors */
    void *socket = zsock_resolve(self->sock);
    self->socket = socket;
    int timeout_ms = self->timeout_ms > 3600000 ? 3600000 : (int)self->timeout_ms;
    set_int(socket, ZMQ_LINGER, 0);
    set_int(socket, ZMQ_IMMEDIATE, 1);
    set_int(socket, ZMQ_SNDHWM, 0); /* bounded by the node's credit and FSP_CLIENT_CREDIT_MAX */
    set_int(socket, ZMQ_RCVHWM,
            0); /* bounded by our credit; a bound here can abort 4.3.4 on reconnect */
    set_int(socket, ZMQ_HANDSHAKE_IVL, timeout_ms);
    set_int(socket, ZMQ_CONNECT_TIMEOUT, timeout_ms);
    set_int(socket, ZMQ_RECONNECT_IVL, 100);
    set_int(socket, ZMQ_RECONNECT_IVL_MAX, 1000);
    set_int(socket, ZMQ_TCP_KEEPALIVE, 1);
    set_int(socket, ZMQ_TCP_KEEPALIVE_IDLE, 30);
    set_int(socket, ZMQ_TCP_MAXRT,
            2 * timeout_ms); /* unacknowledged data for so long: the peer is gone */
    set_int(socket, ZMQ_IPV6, 1);
    int64_t message_bytes_max = FSP_SOCKET_MESSAGE_BYTES_MAX;
    FSP_ASSERT(
        zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_bytes_max, sizeof message_bytes_max) == 0);
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, self->profile.server_key, 40) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, self->profile.public_key, 40) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, self->profile.secret_key, 40) != 0 ||
        zmq_connect(socket, endpoint) != 0)
        return FSP_INVALID;
    return FSP_OK;
}

void
fsp_client_drop_link(filesphere_t *self)
{
    if (self->sock && !atomic_load(&is_orphan)) /* else it is the parent's */
        zsock_destroy(&self->sock);
    self->sock = NULL;
    self->socket = NULL;
    self->welcomed = false;
    self->aborted = false;
}

void
fsp_client_leave(filesphere_t *self)
{
    /* A node that does not hear of an ABORT keeps the transfer's memory until the session is old.
     */
    if (self->socket && self->aborted && !atomic_load(&is_orphan))
        set_int(self->socket, ZMQ_LINGER, FSP_CLIENT_LINGER_MS);
    fsp_client_drop_link(self);
}

uint64_t
fsp_client_next_id(filesphere_t *self)
{
    return ++self->last_id;
}

/* What the socket can do now: ZMQ_POLLIN, ZMQ_POLLOUT. */
static int
look(filesphere_t *self)
{
    int events = 0;
    size_t bytes = sizeof events;
    return zmq_getsockopt(self->socket, ZMQ_EVENTS, &events, &bytes) == 0 ? events : 0;
}

static bool
is_writable(filesphere_t *self)
{
    return (look(self) & ZMQ_POLLOUT) != 0;
}

/* Sleeps until something changes at the socket, filesphere_cancel was called, or time is up.  The
   caller has just looked and found nothing to do: the descriptor tells changes only.  zmq_poll
   would look again, three times for one sleep, and each look is a system call. */
static void
sleep_on(filesphere_t *self, uint64_t wait_ms)
{
    struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}, {.fd = self->wake_fd, .events = POLLIN}};
    size_t bytes = sizeof fds[0].fd;
    if (zmq_getsockopt(self->socket, ZMQ_FD, &fds[0].fd, &bytes) != 0)
        return;
    /* Failure (a signal) is as good as time being up: the caller looks again. */
    (void)poll(fds, 2, wait_ms > INT_MAX ? INT_MAX : (int)wait_ms);
}

void
fsp_client_pause(filesphere_t *self, uint64_t wait_ms)
{
    zmq_pollitem_t item = {.fd = self->wake_fd, .events = ZMQ_POLLIN};
    /* A signal may end it early. */
    (void)zmq_poll(&item, self->wake_fd >= 0 ? 1 : 0, (long)wait_ms);
}

/* -- messages ---------------------------------------------------------------------------------- */

void
fsp_client_message_clear(fsp_client_message_t *self)
{
    for (size_t i = 0; i < self->frame_count; i++)
        (void)zmq_msg_close(&self->frames[i]);
    self->frame_count = 0;
    self->payload = fsp_slice(NULL, 0);
}

fsp_status_t
fsp_client_send(filesphere_t *self, fsp_client_type_t type, uint64_t request_id, fsp_slice_t body,
                zmq_msg_t *payload)
{
    FSP_PRE(body.bytes <= FSP_BODY_BYTES_MAX);
    fsp_envelope_t envelope = {.service = FSP_SERVICE_CLIENT,
                               .type = (uint16_t)type,
                               .request_id = request_id,
                               .body_bytes = (uint32_t)body.bytes};
    uint8_t head[FSP_ENVELOPE_BYTES];
    fsp_envelope_encode(&envelope, head);
    int more = body.bytes > 0 || payload ? ZMQ_SNDMORE : 0;
    int rc = self->socket ? zmq_send(self->socket, head, sizeof head, ZMQ_DONTWAIT | more) : -1;
    if (rc >= 0 && body.bytes > 0)
        rc = zmq_send(self->socket, body.data, body.bytes,
                      ZMQ_DONTWAIT | (payload ? ZMQ_SNDMORE : 0));
    if (payload && rc >= 0)
        rc = zmq_msg_send(payload, self->socket, ZMQ_DONTWAIT);
    if (payload && rc < 0)
        (void)zmq_msg_close(payload);
    if (rc >= 0)
        self->spoke_ms = fsp_client_now_ms();
    return rc >= 0 ? FSP_OK : FSP_TIMEOUT;
}

void
fsp_client_beat(filesphere_t *self)
{
    if (!self->welcomed || fsp_client_now_ms() - self->spoke_ms < self->beat_ms / 2)
        return;
    /* A link that is gone shows where the next message is awaited. */
    (void)!fsp_client_send(self, FSP_MSG_PING, fsp_client_next_id(self), fsp_slice(NULL, 0), NULL);
}

static fsp_slice_t
frame_slice(fsp_client_message_t *message, size_t index)
{
    return fsp_slice(zmq_msg_data(&message->frames[index]), zmq_msg_size(&message->frames[index]));
}

/* Gives each frame its meaning. */
static fsp_status_t
check_message(fsp_client_message_t *message)
{
    fsp_envelope_t envelope;
    if (fsp_envelope_decode(frame_slice(message, 0), &envelope) != FSP_OK ||
        envelope.service != FSP_SERVICE_CLIENT)
        return FSP_PROTOCOL;
    message->type = envelope.type;
    message->request_id = envelope.request_id;
    size_t at = 1;
    fsp_slice_t body = fsp_slice(NULL, 0);
    if (envelope.body_bytes > 0) {
        if (message->frame_count < 2)
            return FSP_PROTOCOL;
        body = frame_slice(message, at++);
    }
    if (body.bytes != envelope.body_bytes)
        return FSP_PROTOCOL;
    if (at < message->frame_count) {
        message->payload = frame_slice(message, at);
        if (message->payload.bytes > FSP_FRAME_BYTES_MAX)
            return FSP_PROTOCOL;
    }
    switch (message->type) {
    case FSP_MSG_DATA:
        if (body.bytes != 8 || message->payload.bytes == 0)
            return FSP_PROTOCOL;
        message->offset = fsp_load_u64(body.data);
        return FSP_OK;
    case FSP_MSG_WELCOME:
    case FSP_MSG_OK:
    case FSP_MSG_ERROR:
    case FSP_MSG_CREDIT:
    case FSP_MSG_WANT:
    case FSP_MSG_NEWS:
        if (body.bytes > 0 && fsp_reply_decode(body, &message->reply) != FSP_OK)
            return FSP_PROTOCOL;
        return FSP_OK;
    default:
        return FSP_OK; /* PONG, or what a newer node says: without meaning here */
    }
}

/* One whole message off the socket: OK, NOT_FOUND, PROTOCOL (message is cleared). */
static fsp_status_t
take_message(filesphere_t *self, fsp_client_message_t *message)
{
    memset(message, 0, sizeof *message);
    bool fits = true;
    for (int more = 1; more;) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, self->socket, ZMQ_DONTWAIT) < 0) {
            bool first = message->frame_count == 0 && fits;
            (void)zmq_msg_close(&frame);
            fsp_client_message_clear(message);
            return first ? FSP_NOT_FOUND : FSP_PROTOCOL;
        }
        more = zmq_msg_more(&frame);
        if (message->frame_count < FSP_MESSAGE_FRAMES_MAX) {
            zmq_msg_t *place = &message->frames[message->frame_count++];
            (void)zmq_msg_init(place);
            (void)zmq_msg_move(place, &frame);
        } else {
            fits = false;
        }
        (void)zmq_msg_close(&frame);
    }
    fsp_status_t status = fits ? check_message(message) : FSP_PROTOCOL;
    if (status != FSP_OK)
        fsp_client_message_clear(message);
    return status;
}

/* Anything of the request; *ret_alive is set if anything at all came. */
static fsp_status_t
receive(filesphere_t *self, uint64_t request_id, bool *ret_alive, fsp_client_message_t *ret)
{
    if (atomic_load(&self->cancelled))
        return FSP_CANCELLED;
    if (!self->socket || fsp_client_overdue(self))
        return FSP_TIMEOUT;
    for (;;) {
        fsp_status_t status = take_message(self, ret);
        if (status != FSP_OK)
            return status;
        *ret_alive = true;
        self->heard_ms = fsp_client_now_ms();
        if (ret->request_id == request_id && ret->type != FSP_MSG_PONG)
            return FSP_OK;
        /* An ERROR for a PING says that the node does not know this connection any more; the other
           ERRORs end requests that were given up. */
        bool forgotten = ret->type == FSP_MSG_ERROR && ret->request_id > request_id;
        fsp_client_message_clear(ret);
        if (forgotten)
            return FSP_TIMEOUT;
    }
}

fsp_status_t
fsp_client_receive(filesphere_t *self, uint64_t request_id, fsp_client_message_t *ret)
{
    bool alive;
    return receive(self, request_id, &alive, ret);
}

fsp_status_t
fsp_client_wait(filesphere_t *self, uint64_t request_id, uint64_t quiet_ms,
                fsp_client_message_t *ret)
{
    uint64_t start = fsp_client_now_ms();
    uint64_t life = start, asked = 0;
    for (;;) {
        bool alive = false;
        fsp_status_t status = receive(self, request_id, &alive, ret);
        if (status != FSP_NOT_FOUND)
            return status;
        uint64_t now = fsp_client_now_ms();
        if (alive)
            life = now;
        int events = look(self);
        if (!(events & ZMQ_POLLOUT)) { /* the link broke; what came before that counts */
            status = receive(self, request_id, &alive, ret);
            return status == FSP_NOT_FOUND ? FSP_TIMEOUT : status;
        }
        if (now - life >= quiet_ms || now - start >= quiet_ms * FSP_CLIENT_TIMEOUTS)
            return FSP_TIMEOUT;
        if (now - life >= quiet_ms / 2 && asked <= life) {
            asked = now;
            uint64_t id = fsp_client_next_id(self);
            if (fsp_client_send(self, FSP_MSG_PING, id, fsp_slice(NULL, 0), NULL) != FSP_OK)
                return FSP_TIMEOUT;
            continue; /* sending may have taken the change that sleep_on would wait for */
        }
        if (!(events & ZMQ_POLLIN))
            sleep_on(self, FSP_CLIENT_SLICE_MS);
    }
}

fsp_status_t
fsp_client_await(filesphere_t *self, uint64_t request_id, uint64_t quiet_ms, uint64_t *life_ms,
                 fsp_client_message_t *ret)
{
    bool alive = false;
    fsp_status_t status = receive(self, request_id, &alive, ret);
    uint64_t now = fsp_client_now_ms();
    if (alive || *life_ms == 0)
        *life_ms = now;
    if (status != FSP_NOT_FOUND)
        return status;
    int events = look(self);
    if (!(events & ZMQ_POLLOUT)) { /* the link broke; what came before that counts */
        status = receive(self, request_id, &alive, ret);
        return status == FSP_NOT_FOUND ? FSP_TIMEOUT : status;
    }
    if (now - *life_ms >= quiet_ms)
        return FSP_TIMEOUT;
    /* Asked once for each silence; the answer, or its absence, is seen in later calls. */
    if (now - *life_ms >= quiet_ms / 2 && self->spoke_ms <= *life_ms)
        return fsp_client_send(self, FSP_MSG_PING, fsp_client_next_id(self), fsp_slice(NULL, 0),
                               NULL) == FSP_OK
                   ? FSP_NOT_FOUND /* sending may have taken the change to sleep for */
                   : FSP_TIMEOUT;
    if (!(events & ZMQ_POLLIN))
        sleep_on(self, FSP_CLIENT_SLICE_MS);
    return FSP_NOT_FOUND;
}

/* -- connecting -------------------------------------------------------------------------------- */

/* What WELCOME says is checked and kept. */
static filesphere_code_t
welcome(filesphere_t *self, const fsp_reply_t *reply, const char *endpoint)
{
    static const fsp_mesh_id_t none;
    if (reply->version < FSP_CLIENT_MINOR_FIRST || reply->version > FSP_CLIENT_MINOR)
        return fsp_client_fail(
            self, FSP_UNSUPPORTED, endpoint,
            "the node chose a protocol version this program does not speak; update it");
    if (!fsp_mesh_id_eq(reply->mesh_id, none) &&
        memcmp(self->profile.mesh_id, none.bytes, sizeof none.bytes) != 0 &&
        memcmp(reply->mesh_id.bytes, self->profile.mesh_id, sizeof none.bytes) != 0)
        return fsp_client_fail(
            self, FSP_FORBIDDEN, endpoint,
            "the node belongs to another mesh than the profile; check its endpoints");
    if (reply->space.bytes > 0 && fsp_space_name_valid(reply->space)) {
        memcpy(self->home, reply->space.data, reply->space.bytes);
        self->home[reply->space.bytes] = '\0';
        fsp_client_note_change(self, reply->space, reply->change);
    }
    self->beat_ms = reply->heartbeat_ms >= 100 ? reply->heartbeat_ms : FSP_CLIENT_BEAT_MS;
    self->minor = (unsigned)reply->version;
    self->welcomed = self->known = true;
    return FILESPHERE_OK;
}

/* One endpoint: connect, authenticate, HELLO.  UNREACHABLE's words are set by the caller. */
static filesphere_code_t
try_endpoint(filesphere_t *self, const char *endpoint, uint64_t deadline_ms)
{
    filesphere_code_t unreachable = fsp_error_info(FSP_UNREACHABLE)->code;
    fsp_status_t status = open_socket(self, endpoint);
    if (status != FSP_OK)
        return fsp_client_fail(self, status, endpoint,
                               status == FSP_IO
                                   ? "no socket; too many are open"
                                   : "cannot connect there; check the profile's endpoint and keys");
    while (!is_writable(self)) {
        uint64_t now = fsp_client_now_ms();
        if (atomic_load(&self->cancelled))
            return fsp_client_fail_link(self, FSP_CANCELLED, endpoint);
        if (now >= deadline_ms)
            return unreachable;
        sleep_on(self, deadline_ms - now);
    }
    fsp_request_t hello = {.versions = {FSP_CLIENT_MINOR_FIRST, 2, FSP_CLIENT_MINOR},
                           .version_count = 3,
                           .client = fsp_slice_text(self->client_name)};
    fsp_buf_reset(&self->body);
    fsp_request_encode(FSP_MSG_HELLO, &hello, &self->body);
    uint64_t id = fsp_client_next_id(self);
    if (fsp_client_send(self, FSP_MSG_HELLO, id, fsp_buf_slice(&self->body), NULL) != FSP_OK)
        return unreachable;
    for (;;) {
        fsp_client_message_t message;
        status = fsp_client_receive(self, id, &message);
        if (status == FSP_OK) {
            filesphere_code_t code;
            if (message.type == FSP_MSG_WELCOME)
                code = welcome(self, &message.reply, endpoint);
            else if (message.type == FSP_MSG_ERROR)
                code = fsp_client_fail_reply(self, &message.reply, endpoint);
            else
                code = fsp_client_fail_link(self, FSP_PROTOCOL, endpoint);
            fsp_client_message_clear(&message);
            return code;
        }
        if (status == FSP_TIMEOUT)
            return unreachable;
        if (status != FSP_NOT_FOUND)
            return fsp_client_fail_link(self, status, endpoint);
        uint64_t now = fsp_client_now_ms();
        int events = look(self);
        if (now >= deadline_ms || !(events & ZMQ_POLLOUT))
            return unreachable;
        uint64_t wait_ms = deadline_ms - now;
        if (!(events & ZMQ_POLLIN))
            sleep_on(self, wait_ms < FSP_CLIENT_SLICE_MS ? wait_ms : FSP_CLIENT_SLICE_MS);
    }
}

filesphere_code_t
fsp_client_ready(filesphere_t *self, uint64_t deadline_ms)
{
    if (atomic_load(&is_orphan))
        return fsp_client_fail(self, FSP_UNSUPPORTED, NULL,
                               "the process was forked from one that had used the library; fork "
                               "first, or exec");
    if (self->socket && self->welcomed)
        return FILESPHERE_OK;
    FSP_PRE(self->has_profile && self->profile.endpoint_count > 0);
    if (self->call_end_ms != 0 && deadline_ms > self->call_end_ms)
        deadline_ms = self->call_end_ms;
    uint64_t start = fsp_client_now_ms();
    filesphere_code_t unreachable = fsp_error_info(FSP_UNREACHABLE)->code;
    size_t count = self->profile.endpoint_count;
    /* A node that greets and goes away again (it is just starting or ending) is asked again while
     * there is time. */
    do {
        for (size_t tried = 0; tried < count; tried++) {
            fsp_client_drop_link(self);
            uint64_t now = fsp_client_now_ms();
            uint64_t left = deadline_ms > now ? deadline_ms - now : 0;
            const char *endpoint = self->profile.endpoints[self->endpoint];
            filesphere_code_t code = try_endpoint(self, endpoint, now + left / (count - tried));
            if (code == FILESPHERE_OK)
                return code;
            fsp_client_drop_link(self);
            if (code != unreachable)
                return code;
            self->endpoint = (self->endpoint + 1) % count;
        }
        fsp_client_pause(self, FSP_CLIENT_SLICE_MS);
    } while (fsp_client_now_ms() < deadline_ms);
    return fsp_client_fail(
        self, FSP_UNREACHABLE, self->profile.endpoints[self->endpoint],
        "no node answered within %llu ms; is it running, and does it know the key of %s?",
        (unsigned long long)(fsp_client_now_ms() - start), self->profile_path);
}
