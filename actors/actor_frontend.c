/* SPDX-License-Identifier: MIT */
/* actor_frontend - the gateway: messages of clients to calls, answers of services to calls.  Layer
 * actors.
 *
 * One ROUTER (CURVE) to the outside; identity comes from the connection (ZAP User-Id), never from a
 * field.  Everything a client sizes is bounded before it is allocated.  Nothing here decides about
 * data: transfers are pure machines (core/data), names are the state machine's (core/meta).
 */
#include "actors/frontend.h"

#include "actors/clock.h"
#include "actors/log.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

#include <czmq.h>

enum {
    MESSAGES_PER_ROUND = 128,
    TICK_EVERY_US = 1000 * 1000,
    DRAIN_STILL_US = 2 * 1000 * 1000,
    JOBS_BACK_US = 5 * 1000 * 1000,
    JOBS_POLL_MS = 10,
    DISK_EVERY_BYTES = 32 * 1024 * 1024, /* or when so many bytes were taken */
};

/* -- messages of clients ----------------------------------------------------------------------- */

static void
welcome(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id,
        const fsp_request_t *hello)
{
    /* What only a higher level of the shard can do is not offered before it is there. */
    uint64_t newest = self->args->feature_level >= 2 ? FSP_CLIENT_MINOR : FSP_CLIENT_MINOR_FIRST;
    uint64_t minor = 0;
    for (size_t i = 0; i < hello->version_count; i++) {
        if (hello->versions[i] > minor && hello->versions[i] <= newest)
            minor = hello->versions[i];
    }
    if (minor == 0) {
        fsp_frontend_send_error(self, session, request_id, FSP_UNSUPPORTED, NULL);
        return;
    }
    bool resumed = false;
    session = fsp_session_resume(self, session, hello->session_id, &resumed);
    session->welcomed = true;
    session->minor = (unsigned)minor;
    fsp_gateway_space_t *home = fsp_spaces_home(self->args->spaces);
    fsp_reply_t reply = {.version = minor,
                         .node_version = fsp_slice_text(FSP_VERSION),
                         .node_id = self->args->node_id,
                         .mesh_id = self->args->mesh_id,
                         .frame_bytes_max = FSP_FRAME_BYTES_MAX,
                         .heartbeat_ms = HEARTBEAT_MS,
                         .session_id = session->id,
                         .grace_ms = SESSION_GRACE_US / 1000,
                         .resumed = resumed,
                         .change = home ? home->change : 0,
                         .space = fsp_slice_text(home ? home->name : "")};
    fsp_frontend_send_reply(self, session, FSP_MSG_WELCOME, request_id, &reply);
}

static void
node_status(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id)
{
    fsp_reply_t reply = {.node_version = fsp_slice_text(FSP_VERSION),
                         .node_id = self->args->node_id,
                         .mesh_id = self->args->mesh_id,
                         .uptime_s = (self->shell->now_us - self->started_us) / 1000000u,
                         .rss_bytes = fsp_resident_bytes(),
                         .disk_total = self->disk.total_bytes,
                         .disk_free = self->disk.free_bytes,
                         .disk_reserve = self->disk.reserve_bytes,
                         .disk_state = fsp_slice_text(self->disk.at_reserve ? "reserve" : "ok"),
                         .sync = fsp_store_sync(self->args->store)};
    fsp_frontend_send_reply(self, session, FSP_MSG_OK, request_id, &reply);
}

/* Requests that bring bytes or names, which the disk's reserve is not for. */
static bool
needs_room(fsp_client_type_t type)
{
    switch ((int)type) {
    case FSP_MSG_PUT:
    case FSP_MSG_MKDIR:
    case FSP_MSG_MOVE:
    case FSP_MSG_COPY:
    case FSP_MSG_RESTORE:
    case FSP_MSG_UNDELETE:
    case FSP_MSG_ATTR:
    case FSP_MSG_BATCH:
    case FSP_MSG_SPACE_CREATE:
        return true;
    default:
        return false;
    }
}

static bool
is_transfer(fsp_client_type_t type)
{
    return type == FSP_MSG_PUT || type == FSP_MSG_GET || type == FSP_MSG_WATCH;
}

/* What is wrong with a request before anything is done for it. */
static fsp_status_t
judge(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id, fsp_client_type_t type,
      const fsp_request_t *request)
{
    if (self->draining)
        return FSP_CLOSING;
    if (session->call_count >= CALLS_PER_SESSION_MAX ||
        (is_transfer(type) && session->transfer_count >= FSP_TRANSFERS_PER_SESSION_MAX))
        return FSP_BUSY;
    if (fsp_call_of_session(session, request_id))
        return FSP_PROTOCOL;
    if (request->path.bytes > 0 && fsp_path_check(request->path) != FSP_OK)
        return FSP_BAD_NAME;
    if (request->to_path.bytes > 0 && fsp_path_check(request->to_path) != FSP_OK)
        return FSP_BAD_NAME;
    if (needs_room(type) && self->disk.at_reserve)
        return FSP_DISK_RESERVE;
    return FSP_OK;
}

static void
begin_by_type(fsp_frontend_t *self, fsp_call_t *call, zmq_msg_t *payload)
{
    switch ((int)call->type) {
    case FSP_MSG_PUT:
        fsp_put_begin(self, call, payload);
        break;
    case FSP_MSG_GET:
        fsp_get_begin(self, call);
        break;
    case FSP_MSG_WATCH:
        fsp_watch_begin(self, call);
        break;
    case FSP_MSG_BATCH:
        fsp_batch_begin(self, call);
        break;
    case FSP_MSG_PURGE:
        fsp_purge_begin(self, call);
        break;
    case FSP_MSG_SPACE_CREATE:
        fsp_space_create_begin(self, call);
        break;
    case FSP_MSG_SPACE_SET:
        fsp_space_set_begin(self, call);
        break;
    case FSP_MSG_SPACE_REMOVE:
        fsp_space_remove_begin(self, call);
        break;
    case FSP_MSG_COLLECT:
        fsp_collect_begin(self, call);
        break;
    case FSP_MSG_KEY_ADD:
    case FSP_MSG_KEY_LIST:
    case FSP_MSG_KEY_REMOVE:
        fsp_keys_begin(self, call);
        break;
    default:
        fsp_names_begin(self, call);
        break;
    }
}

static void
begin_call(fsp_frontend_t *self, fsp_session_t *session, const fsp_envelope_t *envelope,
           const fsp_request_t *request, fsp_slice_t body, zmq_msg_t *payload)
{
    fsp_client_type_t type = (fsp_client_type_t)envelope->type;
    fsp_status_t status = judge(self, session, envelope->request_id, type, request);
    fsp_gateway_space_t *space = NULL;
    if (status == FSP_OK) {
        space = fsp_spaces_find(self->args->spaces, request->space);
        if (!space && type != FSP_MSG_SPACE_CREATE)
            status = FSP_NO_SUCH_SPACE;
    }
    if (status != FSP_OK) {
        fsp_frontend_send_error(self, session, envelope->request_id, status, NULL);
        return;
    }
    fsp_call_t *call = fsp_call_new(self, session, envelope->request_id, type);
    if (space)
        fsp_call_use_space(call, space);
    /* The message is gone before the answer comes: the call keeps the body that its fields point
     * into. */
    if (body.bytes <= REQUEST_KEPT_BYTES)
        fsp_buf_append_slice(&call->body, body);
    else
        fsp_request_encode(type, request, &call->body);
    status = fsp_request_decode(type, fsp_buf_slice(&call->body), &call->request);
    FSP_ASSERT(status == FSP_OK);
    begin_by_type(self, call, payload);
}

/* Gives a transfer up, unless its command is on the way to the log already: then what comes of it
 * is the answer. */
static void
abort_call(fsp_frontend_t *self, fsp_call_t *call)
{
    if (is_transfer(call->type) && !call->reply)
        fsp_frontend_error(self, call, FSP_CANCELLED, NULL);
}

/* The answer of an upload that ended, if it is still kept. */
static void
repeat_answer(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id)
{
    for (size_t i = 0; i < ANSWERS_KEPT; i++) {
        if (session->answers[i].type != 0 && session->answers[i].request_id == request_id) {
            fsp_frontend_send(self, session, session->answers[i].type, request_id,
                              fsp_buf_slice(&session->answers[i].body), NULL);
            return;
        }
    }
    fsp_frontend_send_error(self, session, request_id, FSP_GONE, NULL);
}

/* Types that are about a call which another message began. */
static bool
continues_call(uint16_t type)
{
    return (type >= FSP_MSG_DATA && type <= FSP_MSG_RESUME) || type == FSP_MSG_OFFER;
}

static void
continue_call(fsp_frontend_t *self, fsp_session_t *session, const fsp_envelope_t *envelope,
              fsp_slice_t body, zmq_msg_t *payload)
{
    fsp_call_t *call = fsp_call_of_session(session, envelope->request_id);
    if (!call) {
        /* The transfer has ended, and its one ERROR is on the way (docs/protocol/client.md).  Who
           asks with RESUME has perhaps not got it. */
        if (envelope->type == FSP_MSG_RESUME)
            repeat_answer(self, session, envelope->request_id);
        return;
    }
    if (call->commanded && envelope->type != FSP_MSG_RESUME)
        return; /* too late: an ERROR now would deny what may take effect */
    if (envelope->type == FSP_MSG_DATA) {
        bool fits = call->type == FSP_MSG_PUT && body.bytes == 8 && payload;
        if (!fits)
            fsp_frontend_error(self, call, FSP_PROTOCOL, NULL);
        else
            fsp_put_data(self, call, fsp_load_u64(body.data),
                         fsp_slice(zmq_msg_data(payload), zmq_msg_size(payload)));
        return;
    }
    fsp_request_t request;
    fsp_status_t status = fsp_request_decode((fsp_client_type_t)envelope->type, body, &request);
    if (status != FSP_OK)
        fsp_frontend_error(self, call, status, NULL);
    else if (envelope->type == FSP_MSG_ABORT)
        abort_call(self, call);
    else if (envelope->type == FSP_MSG_RESUME && call->type == FSP_MSG_PUT)
        fsp_put_resume(self, call);
    else if (envelope->type == FSP_MSG_CREDIT && call->type == FSP_MSG_GET)
        fsp_get_credit(self, call, request.credit);
    else if (envelope->type == FSP_MSG_CREDIT && call->type == FSP_MSG_WATCH)
        fsp_watch_credit(self, call, request.credit);
    else if (envelope->type == FSP_MSG_OFFER && call->type == FSP_MSG_PUT)
        fsp_offer_message(self, call, &request);
    else if (envelope->type == FSP_MSG_COMMIT && call->type == FSP_MSG_PUT)
        fsp_put_commit(self, call, &request);
    else
        fsp_frontend_error(self, call, FSP_PROTOCOL, NULL);
}

static void
handle_message(fsp_frontend_t *self, fsp_session_t *session, const fsp_envelope_t *envelope,
               fsp_slice_t body, zmq_msg_t *payload)
{
    if (envelope->service != FSP_SERVICE_CLIENT) {
        fsp_frontend_send_error(self, session, envelope->request_id, FSP_UNSUPPORTED, NULL);
        return;
    }
    if (session->revoked) {
        /* Its client may talk on; a transfer that is not open is told nothing. */
        if (!continues_call(envelope->type) || envelope->type == FSP_MSG_RESUME)
            fsp_frontend_send_error(self, session, envelope->request_id, FSP_FORBIDDEN, NULL);
        return;
    }
    if (!session->welcomed && envelope->type != FSP_MSG_HELLO) {
        fsp_frontend_send_error(self, session, envelope->request_id, FSP_PROTOCOL, NULL);
        return;
    }
    /* What came later than the version that is spoken is as unknown as if nobody knew it. */
    fsp_client_type_t type = (fsp_client_type_t)envelope->type;
    unsigned minor = envelope->type == FSP_MSG_HELLO ? FSP_CLIENT_MINOR : session->minor;
    if (continues_call(envelope->type) && fsp_client_type_minor(type) <= minor) {
        continue_call(self, session, envelope, body, payload);
        return;
    }
    /* The decoder tells what only nodes send from what nobody knows. */
    fsp_request_t request;
    fsp_status_t status = FSP_UNSUPPORTED;
    if (fsp_client_type_minor(type) <= minor)
        status = fsp_request_decode(type, body, &request);
    if (status == FSP_OK && fsp_request_minor(type, &request) > minor)
        status = FSP_UNSUPPORTED;
    if (status != FSP_OK) {
        fsp_frontend_send_error(self, session, envelope->request_id, status, NULL);
        return;
    }
    if (envelope->type == FSP_MSG_HELLO)
        welcome(self, session, envelope->request_id, &request);
    else if (envelope->type == FSP_MSG_PING)
        fsp_frontend_send(self, session, FSP_MSG_PONG, envelope->request_id, fsp_slice(NULL, 0),
                          NULL);
    else if (envelope->type == FSP_MSG_NODE)
        node_status(self, session, envelope->request_id);
    else
        begin_call(self, session, envelope, &request, body, payload);
}

/* A message that cannot be read: it ends the transfer that it names; a transfer that is not open is
 * told nothing. */
static void
refuse_message(fsp_frontend_t *self, fsp_session_t *session, const fsp_envelope_t *envelope,
               fsp_status_t status)
{
    if (!continues_call(envelope->type) || envelope->service != FSP_SERVICE_CLIENT ||
        !session->welcomed) {
        fsp_frontend_send_error(self, session, envelope->request_id, status, NULL);
        return;
    }
    fsp_call_t *call = fsp_call_of_session(session, envelope->request_id);
    if (call && !call->commanded)
        fsp_frontend_error(self, call, status, NULL);
}

/* Frames of one client message; more than fit are read and dropped. */
typedef struct {
    zmq_msg_t frames[FSP_MESSAGE_FRAMES_MAX]; /* routing id, envelope, body, payload */
    size_t count;
    bool too_many;
} incoming_t;

static bool
receive(fsp_frontend_t *self, incoming_t *ret)
{
    ret->count = 0;
    ret->too_many = false;
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        (void)zmq_msg_init(&frame);
        int rc;
        do {
            rc = zmq_msg_recv(&frame, self->router_handle, ZMQ_DONTWAIT);
        } while (rc == -1 && errno == EINTR);
        if (rc == -1) {
            (void)zmq_msg_close(&frame);
            return ret->count > 0;
        }
        more = zmq_msg_more(&frame);
        if (ret->count == FSP_MESSAGE_FRAMES_MAX) {
            ret->too_many = true;
            (void)zmq_msg_close(&frame);
            continue;
        }
        ret->frames[ret->count++] =
            frame; /* a zmq_msg_t may be moved as bytes while it is not shared */
    }
    return true;
}

void
fsp_frontend_message(fsp_frontend_t *self, fsp_slice_t routing_id, const char *user_id,
                     zmq_msg_t *frames, size_t frame_count, bool too_many)
{
    fsp_session_t *session = fsp_session_touch(self, routing_id.data, routing_id.bytes, user_id);
    if (!session)
        return;
    fsp_line_note(&session->line, zmq_msg_gets(&frames[0], "__fd"));
    fsp_envelope_t envelope = {0};
    fsp_status_t status = fsp_envelope_decode(
        fsp_slice(zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0])), &envelope);
    size_t body_at = envelope.body_bytes > 0 ? 1 : 0;
    size_t payload_at = body_at + 1;
    if (status == FSP_OK && (too_many || frame_count > payload_at + 1))
        status = FSP_INVALID;
    if (status == FSP_OK && body_at &&
        (frame_count <= body_at || zmq_msg_size(&frames[body_at]) != envelope.body_bytes))
        status = FSP_INVALID;
    zmq_msg_t *payload = frame_count > payload_at ? &frames[payload_at] : NULL;
    /* The socket's own limit does not hold on inproc, and is wider than a frame may be. */
    if (status == FSP_OK && payload && zmq_msg_size(payload) > FSP_FRAME_BYTES_MAX)
        status = FSP_TOO_LARGE;
    if (status != FSP_OK) {
        refuse_message(self, session, &envelope, status);
        return;
    }
    fsp_slice_t body = body_at ? fsp_slice(zmq_msg_data(&frames[body_at]), envelope.body_bytes)
                               : fsp_slice(NULL, 0);
    handle_message(self, session, &envelope, body, payload);
}

static void
dispatch(fsp_frontend_t *self, incoming_t *in)
{
    if (in->count < 2 || zmq_msg_size(&in->frames[0]) > ROUTING_ID_BYTES_MAX)
        return; /* nobody to answer, or nothing said */
    /* The connection says who it is, on its body frames; a client has no other way to be somebody.
     */
    const char *user_id = zmq_msg_gets(&in->frames[1], "User-Id");
    const char *peer = zmq_msg_gets(&in->frames[1], "Peer-Address");
    if (!user_id || !peer)
        return;
    fsp_frontend_message(self,
                         fsp_slice(zmq_msg_data(&in->frames[0]), zmq_msg_size(&in->frames[0])),
                         user_id, &in->frames[1], in->count - 1, in->too_many);
}

static void
readable(void *self_)
{
    fsp_frontend_t *self = self_;
    if (!self->serving)
        return;
    incoming_t in;
    for (int i = 0; i < MESSAGES_PER_ROUND; i++) {
        if (!receive(self, &in))
            break;
        dispatch(self, &in);
        for (size_t f = 0; f < in.count; f++)
            (void)zmq_msg_close(&in.frames[f]);
        fsp_frontend_sweep(self);
    }
}

/* -- answers of other actors ------------------------------------------------------------------- */

static void
job_done(fsp_frontend_t *self, fsp_mail_t *mail)
{
    fsp_job_t *job = fsp_mail_pointer(mail);
    size_t worker = (size_t)mail->from - FSP_ACTOR_WORKER;
    FSP_ASSERT(worker < FSP_WORKERS_MAX && self->worker_jobs[worker] > 0);
    self->worker_jobs[worker]--;
    fsp_call_t *call = fsp_call_answered(self, job->owner);
    if (call && call->type == FSP_MSG_PUT && job->type != FSP_JOB_SEAL)
        fsp_fetch_opened(self, call, job);
    else if (call && call->type == FSP_MSG_PUT)
        fsp_put_job_done(self, call, job);
    else if (call)
        fsp_get_job_done(self, call, job);
    fsp_job_destroy(&job);
}

static void
query_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body)
{
    if (call->type == FSP_MSG_WATCH)
        fsp_watch_answer(self, call, body);
    else if (call->type == FSP_MSG_SPACE_CREATE)
        fsp_space_answer(self, call, body);
    else
        fsp_names_answer(self, call, body);
}

static void
command_done(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    switch ((int)call->type) {
    case FSP_MSG_PUT:
        fsp_put_result(self, call, result);
        break;
    case FSP_MSG_BATCH:
        fsp_batch_result(self, call, result);
        break;
    case FSP_MSG_PURGE:
        fsp_purge_result(self, call, result);
        break;
    case FSP_MSG_SPACE_CREATE:
    case FSP_MSG_SPACE_SET:
    case FSP_MSG_SPACE_REMOVE:
        fsp_space_result(self, call, result);
        break;
    default:
        fsp_names_result(self, call, result);
        break;
    }
}

static void
shard_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_ask_t ask, fsp_mail_t *mail)
{
    fsp_slice_t body = fsp_mail_body(mail);
    if (mail->envelope.type != FSP_MSG_OK) {
        fsp_frontend_error(self, call, fsp_peer_error_decode(body), NULL);
        return;
    }
    if (ask == ASK_QUERY) {
        query_answer(self, call, body);
        return;
    }
    fsp_result_t result;
    fsp_status_t status = fsp_result_decode(body, &result);
    if (status == FSP_OK && call->space)
        fsp_frontend_note_change(self, call->space, result.index);
    if (status == FSP_OK && result.status == FSP_NO_SUCH_SPACE && call->space)
        fsp_spaces_retire(self->args->spaces, call->space);
    if (status != FSP_OK)
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
    else if (result.status != FSP_OK)
        fsp_frontend_error(self, call, result.status, &result);
    else
        command_done(self, call, &result);
}

static void
mail(void *self_, fsp_mail_t *message)
{
    fsp_frontend_t *self = self_;
    if (message->envelope.service == FSP_SERVICE_WORKERS) {
        job_done(self, message);
        fsp_frontend_sweep(self);
        return;
    }
    if (message->envelope.service == FSP_SERVICE_AUTH && message->envelope.type == FSP_MSG_OK)
        fsp_keys_changed(self, fsp_mail_body(message));
    if (message->envelope.service == FSP_SERVICE_NODE && message->envelope.type == FSP_NODE_GONE) {
        fsp_space_gone(self, fsp_mail_body(message));
        return;
    }
    if (message->envelope.service == FSP_SERVICE_NODE && message->envelope.type == FSP_NODE_EPOCH) {
        fsp_collect_epoch(self, fsp_mail_body(message));
        return;
    }
    uint64_t id = message->envelope.request_id;
    uint64_t token = id & (((uint64_t)1 << FSP_ASK_TOKEN_BITS) - 1);
    fsp_ask_t ask = (fsp_ask_t)(id >> FSP_ASK_TOKEN_BITS & ((1u << FSP_ASK_KIND_BITS) - 1));
    fsp_call_t *call = fsp_call_answered(self, id >> (FSP_ASK_TOKEN_BITS + FSP_ASK_KIND_BITS));
    if (!call) {
        fsp_frontend_sweep(self); /* its memory may be what somebody waits for */
        return;
    }
    if (message->envelope.service == FSP_SERVICE_SHARD && ask == ASK_BASE) {
        fsp_offer_base_answer(self, call, message);
    } else if (message->envelope.service == FSP_SERVICE_SHARD && ask == ASK_KEPT) {
        fsp_kept_answer(self, call, token, message);
    } else if (message->envelope.service == FSP_SERVICE_SHARD) {
        shard_answer(self, call, ask, message);
    } else if (message->envelope.service == FSP_SERVICE_NODE) {
        fsp_collect_answer(self, call, message);
    } else if (message->envelope.service == FSP_SERVICE_AUTH) {
        fsp_status_t status = FSP_OK;
        if (message->envelope.type != FSP_MSG_OK)
            status = fsp_peer_error_decode(fsp_mail_body(message));
        fsp_keys_answer(self, call, status, fsp_mail_body(message));
    } else if (message->envelope.service == FSP_SERVICE_OBJECTS) {
        fsp_status_t status = FSP_OK;
        if (message->envelope.type != FSP_MSG_OK)
            status = fsp_peer_error_decode(fsp_mail_body(message));
        if (call->type == FSP_MSG_PUT)
            fsp_put_object_answer(self, call, ask, token, status, message);
        else
            fsp_get_object_answer(self, call, token, status, message);
    }
    fsp_frontend_sweep(self);
}

/* -- the actor --------------------------------------------------------------------------------- */

static fsp_status_t
start(void *self_, fsp_shell_t *shell, void *args, fsp_error_t *error)
{
    fsp_frontend_t *self = self_;
    self->shell = shell;
    self->args = args;
    self->started_us = shell->now_us;
    fsp_budget_init(&self->budget, FSP_TRANSFER_MEMORY_BYTES, SMALL_SHARE_BYTES);
    fsp_buf_init(&self->scratch, FSP_BODY_BYTES_MAX);
    fsp_buf_init(&self->scratch2, FSP_BODY_BYTES_MAX);
    if (fsp_store_disk(self->args->store, &self->disk) != FSP_OK)
        return fsp_error_set(error, FSP_IO, "cannot read the free space of the data directory");
    self->tick_us = shell->now_us;
    return fsp_frontend_listen(self, error);
}

/* Something is under way that its client can still see the end of.  A transfer that stands still
   because of its client is not waited for: the client may have vanished, which libzmq does not
   tell, and nothing of it was acknowledged. */
static bool
is_busy(fsp_frontend_t *self)
{
    fsp_call_t *call, *next;
    HASH_ITER(hh, self->calls, call, next)
    {
        bool still = call->seat.state == FSP_SEAT_HELD && !call->committed &&
                     call->moved_us + DRAIN_STILL_US <= self->shell->now_us;
        if (call->asked > 0 || (!call->over && !call->session->detached && !still))
            return true;
    }
    return false;
}

static fsp_status_t
command(void *self_, const char *name, fsp_error_t *reply)
{
    fsp_frontend_t *self = self_;
    if (streq(name, "SERVE")) {
        self->serving = true;
        return FSP_OK;
    }
    if (streq(name, "DRAIN")) {
        self->draining = true;
        fsp_watch_end_all(self);
        fsp_collect_end_all(self);
        fsp_frontend_sweep(self);
        return FSP_OK;
    }
    if (streq(name, "IDLE"))
        return is_busy(self) ? FSP_BUSY : FSP_OK;
    return fsp_error_set(reply, FSP_UNSUPPORTED, "%s", name);
}

static void
look_at_disk(fsp_frontend_t *self)
{
    self->disk_bytes = 0;
    bool was = self->disk.at_reserve;
    if (fsp_store_disk(self->args->store, &self->disk) == FSP_OK && was != self->disk.at_reserve)
        fsp_log(FSP_LOG_WARNING, "frontend", "msg=\"%s\" free_bytes=%llu reserve_bytes=%llu",
                self->disk.at_reserve ? "disk is at its reserve: no new bytes are taken"
                                      : "disk has room again: new bytes are taken",
                (unsigned long long)self->disk.free_bytes,
                (unsigned long long)self->disk.reserve_bytes);
}

bool
fsp_frontend_has_room(fsp_frontend_t *self, uint64_t bytes)
{
    /* Bytes are written twice, to the log and to where they stay. */
    self->disk_bytes += 2 * bytes;
    uint64_t free_bytes = self->disk.free_bytes, reserve_bytes = self->disk.reserve_bytes;
    if (self->disk_bytes >= DISK_EVERY_BYTES || free_bytes < reserve_bytes + self->disk_bytes)
        look_at_disk(self);
    return !self->disk.at_reserve;
}

/* What waited until something had left for its client. */
static void
use_held_credit(fsp_frontend_t *self)
{
    if (!self->credit_waits || self->shell->now_us < self->flow_us + FLOW_LOOK_US)
        return;
    self->flow_us = self->shell->now_us;
    self->credit_waits = false;
    fsp_call_t *call, *next;
    HASH_ITER(hh, self->calls, call, next)
    {
        if (call->download)
            fsp_get_go_on(self, call);
    }
    fsp_watch_turn(self);
    fsp_frontend_sweep(self);
}

static void
forget_silent_sessions(fsp_frontend_t *self)
{
    fsp_session_t *session, *next;
    HASH_ITER(hh, self->sessions, session, next)
    {
        fsp_time_t kept_us = session->detached ? SESSION_GRACE_US : SESSION_IDLE_US;
        if (session->seen_us + kept_us <= self->shell->now_us)
            fsp_session_destroy(self, session);
    }
}

static void
turn(void *self_)
{
    fsp_frontend_t *self = self_;
    use_held_credit(self);
    if (self->shell->now_us < self->tick_us + TICK_EVERY_US)
        return;
    self->tick_us = self->shell->now_us;
    look_at_disk(self);
    forget_silent_sessions(self);
    fsp_frontend_evict_stalled(self);
    fsp_watch_turn(self);
    fsp_frontend_sweep(self);
    fsp_spaces_sweep(self->args->spaces);
}

static fsp_time_t
deadline(void *self_)
{
    fsp_frontend_t *self = self_;
    return self->credit_waits ? self->flow_us + FLOW_LOOK_US : self->tick_us + TICK_EVERY_US;
}

static void *
socket_of(void *self_)
{
    fsp_frontend_t *self = self_;
    return self->serving ? self->router_handle : NULL;
}

static bool
idle(void *self_)
{
    /* What was asked comes back; clients are not waited for. */
    fsp_frontend_t *self = self_;
    fsp_call_t *call, *next;
    HASH_ITER(hh, self->calls, call, next)
    {
        if (call->asked > 0)
            return false;
    }
    return true;
}

static bool
workers_have_jobs(const fsp_frontend_t *self)
{
    for (size_t i = 0; i < FSP_WORKERS_MAX; i++) {
        if (self->worker_jobs[i] > 0)
            return true;
    }
    return false;
}

/* Also those that workers still have: what is handed to an inbox that goes is lost.  Workers end
   after this actor and a job waits for nothing, so it takes as long as the work does. */
static void
take_jobs_back(fsp_frontend_t *self)
{
    fsp_mail_t message;
    fsp_time_t until_us = fsp_clock_mono_us() + JOBS_BACK_US;
    do {
        while (fsp_mailbox_receive(self->shell->mailbox, &message)) {
            if (message.envelope.service == FSP_SERVICE_WORKERS) {
                fsp_job_t *job = fsp_mail_pointer(&message);
                self->worker_jobs[message.from - FSP_ACTOR_WORKER]--;
                fsp_job_destroy(&job);
            }
            fsp_mail_clear(&message);
        }
        if (!workers_have_jobs(self))
            break;
        zmq_pollitem_t inbox = {.socket = fsp_mailbox_socket(self->shell->mailbox),
                                .events = ZMQ_POLLIN};
        (void)zmq_poll(&inbox, 1, JOBS_POLL_MS);
    } while (fsp_clock_mono_us() < until_us);
}

static void
stop(void *self_)
{
    fsp_frontend_t *self = self_;
    fsp_session_t *session, *next;
    HASH_ITER(hh, self->sessions, session, next) fsp_session_destroy(self, session);
    fsp_call_t *call, *next_call;
    HASH_ITER(hh, self->calls, call, next_call)
    fsp_call_destroy(self, call); /* whose answers do not come */
    fsp_frontend_forget_partings(self);
    zsock_t *router = self->router;
    zsock_destroy(&router);
    fsp_buf_clear(&self->scratch);
    fsp_buf_clear(&self->scratch2);
    take_jobs_back(self);
}

const fsp_actor_class_t fsp_frontend_actor_class = {
    .name = "frontend",
    .state_bytes = sizeof(fsp_frontend_t),
    .start = start,
    .mail = mail,
    .socket = socket_of,
    .readable = readable,
    .turn = turn,
    .deadline = deadline,
    .command = command,
    .idle = idle,
    .stop = stop,
};
