/* SPDX-License-Identifier: MIT */
/* actor_auth - who may connect: the ZAP handler (ZeroMQ RFC 27).  Layer actors.
 *
 * Asked once per connection by libzmq, before any of its messages is seen.  Only CURVE is let in,
 * and only keys that are known; the User-Id of the answer is the subject (32 hex), which the
 * frontend reads from the connection, never from a field.  It answers 200 or 400, never 300: a
 * client refused with 300 hangs without a retry.  It never blocks.
 */
#include "actors/log.h"
#include "actors/node.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <czmq.h>

enum { REQUESTS_PER_TURN = 64 };

typedef struct {
    fsp_shell_t *shell;
    zsock_t *handler;
    void *handle;
    uint8_t admin_public_key[32];
    uint64_t refused_count;
} auth_t;

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    auth_t *self = self_;
    self->shell = shell;
    memcpy(self->admin_public_key, ((fsp_auth_actor_args_t *)args)->admin_public_key, 32);
    self->handler = zsock_new(ZMQ_REP);
    if (!self->handler || zsock_bind(self->handler, "inproc://zeromq.zap.01") == -1)
        return fsp_error_set(error, FSP_INTERNAL, "cannot bind the authentication handler: %s",
                             zmq_strerror(errno));
    self->handle = zsock_resolve(self->handler);
    return FSP_OK;
}

/* RFC 27: version, request id, domain, address, identity, mechanism, credentials. */
static bool
accepts(auth_t *self, zframe_t *mechanism, zframe_t *key, char ret_user[33])
{
    if (!mechanism || !key || !zframe_streq(mechanism, "CURVE") || zframe_size(key) != 32)
        return false;
    if (!fsp_equal_secret(zframe_data(key), self->admin_public_key, 32))
        return false;
    fsp_subject_id_t subject = fsp_subject_of(self->admin_public_key);
    fsp_hex_encode(subject.bytes, sizeof(subject.bytes), ret_user);
    return true;
}

static void
answer_one(auth_t *self, zmsg_t *request)
{
    char *version = zmsg_popstr(request);
    zframe_t *request_id = zmsg_pop(request);
    char *domain = zmsg_popstr(request);
    char *address = zmsg_popstr(request);
    zframe_t *identity = zmsg_pop(request);
    zframe_t *mechanism = zmsg_pop(request);
    zframe_t *key = zmsg_pop(request);
    char user[33] = "";
    bool ok = version && streq(version, "1.0") && request_id && accepts(self, mechanism, key, user);
    if (!ok && self->refused_count++ % 100 == 0)
        fsp_log(FSP_LOG_WARNING, "auth",
                "msg=\"connection refused: unknown key\" address=%s count=%llu",
                address ? address : "?", (unsigned long long)self->refused_count);
    zmsg_t *reply = zmsg_new();
    (void)zmsg_addstr(reply, "1.0");
    (void)zmsg_addmem(reply, request_id ? zframe_data(request_id) : NULL,
                      request_id ? zframe_size(request_id) : 0);
    (void)zmsg_addstr(reply, ok ? "200" : "400");
    (void)zmsg_addstr(reply, ok ? "OK" : "unknown key");
    (void)zmsg_addstr(reply, user);
    (void)zmsg_addmem(reply, NULL, 0);
    (void)zmsg_send(&reply, self->handler);
    zmsg_destroy(&reply);
    zframe_destroy(&key);
    zframe_destroy(&mechanism);
    zframe_destroy(&identity);
    zframe_destroy(&request_id);
    zstr_free(&address);
    zstr_free(&domain);
    zstr_free(&version);
}

static void
readable(void *self_)
{
    auth_t *self = self_;
    for (int i = 0; i < REQUESTS_PER_TURN; i++) {
        zmq_pollitem_t item = {.socket = self->handle, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 0) <= 0)
            return;
        zmsg_t *request = zmsg_recv(self->handler);
        if (!request)
            return;
        answer_one(self, request);
        zmsg_destroy(&request);
    }
}

static void *
socket_of(void *self_)
{
    return ((auth_t *)self_)->handle;
}

static void
mail(void *self_, fsp_mail_t *message)
{
    (void)self_;
    (void)message; /* nobody writes to it yet: keys are added with accounts */
}

static void
stop(void *self_)
{
    auth_t *self = self_;
    /* Closing is the reaper's, later; the name must be free now. */
    if (self->handler)
        (void)zsock_unbind(self->handler, "inproc://zeromq.zap.01");
    zsock_destroy(&self->handler);
}

const fsp_actor_class_t fsp_auth_actor_class = {
    .name = "auth",
    .state_bytes = sizeof(auth_t),
    .start = start,
    .mail = mail,
    .socket = socket_of,
    .readable = readable,
    .stop = stop,
};
