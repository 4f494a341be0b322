/* SPDX-License-Identifier: MIT */
/* actor_auth - who may connect: the ZAP handler (ZeroMQ RFC 27).  Layer actors.
 *
 * Asked once per connection by libzmq, before any of its messages is seen.  Only CURVE is let in,
 * and only keys that are known; the User-Id of the answer is subject and key, which the frontend
 * reads from the connection, never from a field.  It answers 200 or 400, never 300: a client
 * refused with 300 hangs without a retry.
 *
 * Keys are added and removed by messages of the frontend (FSP_SERVICE_AUTH); the answer leaves when
 * the file is durable.  Connections wait for that long at most, and it is rare.
 */
#include "actors/log.h"
#include "actors/node.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "proto/peer.h"

#include <czmq.h>

enum { REQUESTS_PER_TURN = 64 };

typedef struct {
    fsp_shell_t *shell;
    zsock_t *handler;
    void *handle;
    fsp_auth_actor_args_t *args;
    uint64_t refused_count;
} auth_t;

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    auth_t *self = self_;
    self->shell = shell;
    self->args = args;
    self->handler = zsock_new(ZMQ_REP);
    if (!self->handler || zsock_bind(self->handler, "inproc://zeromq.zap.01") == -1)
        return fsp_error_set(error, FSP_INTERNAL, "cannot bind the authentication handler: %s",
                             zmq_strerror(errno));
    self->handle = zsock_resolve(self->handler);
    return FSP_OK;
}

void
fsp_user_id_encode(fsp_subject_id_t subject, fsp_key_t key, char ret[FSP_USER_ID_BYTES + 1])
{
    fsp_hex_encode(subject.bytes, sizeof(subject.bytes), ret);
    ret[2 * sizeof(subject.bytes)] = ':';
    fsp_hex_encode(key.bytes, sizeof(key.bytes), ret + 2 * sizeof(subject.bytes) + 1);
}

fsp_status_t
fsp_user_id_decode(const char *user_id, fsp_subject_id_t *ret_subject, fsp_key_t *ret_key)
{
    fsp_slice_t text = fsp_slice_text(user_id);
    const size_t subject_digits = 2 * sizeof(ret_subject->bytes);
    *ret_key = (fsp_key_t){{0}};
    if (text.bytes == FSP_USER_ID_BYTES) {
        if (text.data[subject_digits] != ':' ||
            fsp_hex_decode(fsp_slice(text.data + subject_digits + 1, 2 * sizeof(ret_key->bytes)),
                           ret_key->bytes, sizeof(ret_key->bytes)) != FSP_OK)
            return FSP_INVALID;
        text.bytes = subject_digits;
    }
    return fsp_hex_decode(text, ret_subject->bytes, sizeof(ret_subject->bytes));
}

/* RFC 27: version, request id, domain, address, identity, mechanism, credentials. */
static bool
accepts(auth_t *self, zframe_t *mechanism, zframe_t *key, char ret_user[FSP_USER_ID_BYTES + 1])
{
    if (!mechanism || !key || !zframe_streq(mechanism, "CURVE") || zframe_size(key) != 32)
        return false;
    fsp_key_t given;
    memcpy(given.bytes, zframe_data(key), sizeof(given.bytes));
    const fsp_keyring_t *keyring = &self->args->keyring;
    if (!fsp_keyring_find(keyring, given))
        return false;
    /* Whichever it is, it stands for the admin's account. */
    fsp_user_id_encode(fsp_subject_of(keyring->items[0].key.bytes), given, ret_user);
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
    char user[FSP_USER_ID_BYTES + 1] = "";
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

/* -- keys -------------------------------------------------------------------------------------- */

static fsp_key_t
key_of(fsp_slice_t body)
{
    fsp_key_t key;
    memcpy(key.bytes, body.data, sizeof(key.bytes));
    return key;
}

/* Changes a copy, which takes the ring's place when it is durable. */
static fsp_status_t
change_keys(auth_t *self, unsigned type, fsp_slice_t body)
{
    FSP_PRE(body.bytes >= (type == FSP_AUTH_ADD ? FSP_AUTH_ADD_BYTES_MIN : sizeof(fsp_key_t)));
    fsp_keyring_t *keyring = &self->args->keyring, *next = FSP_NEW(fsp_keyring_t);
    *next = *keyring;
    fsp_status_t status;
    if (type == FSP_AUTH_ADD) {
        fsp_slice_t name =
            fsp_slice(body.data + FSP_AUTH_ADD_BYTES_MIN, body.bytes - FSP_AUTH_ADD_BYTES_MIN);
        status = fsp_keyring_add(next, key_of(body), name, fsp_load_u64(body.data + 32));
    } else {
        status = fsp_keyring_remove(next, key_of(body));
    }
    if (status == FSP_OK && next->count != keyring->count) {
        fsp_error_t error = {.text = ""};
        status = fsp_keyring_save(self->args->directory, next, &error);
        if (status == FSP_OK)
            *keyring = *next;
        const char *what = type == FSP_AUTH_ADD ? "added" : "removed";
        if (status == FSP_OK)
            fsp_log(FSP_LOG_INFO, "auth", "msg=\"client key %s\" count=%zu", what, keyring->count);
        else
            fsp_log(FSP_LOG_ERROR, "auth", "msg=\"client key cannot be %s\" reason=\"%s\"", what,
                    error.text);
    }
    fsp_free(next);
    return status;
}

static void
mail(void *self_, fsp_mail_t *message)
{
    auth_t *self = self_;
    FSP_PRE(message->envelope.service == FSP_SERVICE_AUTH);
    fsp_slice_t body = fsp_mail_body(message);
    unsigned type = message->envelope.type;
    fsp_status_t status = change_keys(self, type, body);
    fsp_buf_t answer;
    fsp_buf_init(&answer, 256);
    if (status == FSP_OK) {
        uint8_t what = (uint8_t)type;
        fsp_buf_append(&answer, &what, 1);
        fsp_buf_append_slice(&answer, body);
        const fsp_keyring_item_t *item = fsp_keyring_find(&self->args->keyring, key_of(body));
        if (item) /* it may be there since long before */
            fsp_store_u64(answer.data + 1 + sizeof(item->key.bytes), item->added);
    } else {
        fsp_peer_error_encode(status, &answer);
    }
    fsp_mailbox_send(self->shell->mailbox, message->from, FSP_SERVICE_AUTH,
                     status == FSP_OK ? FSP_MSG_OK : FSP_MSG_ERROR, message->envelope.request_id,
                     fsp_buf_slice(&answer), NULL, 0);
    fsp_buf_clear(&answer);
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
