/* SPDX-License-Identifier: MIT */
/* frontend_call - calls of the gateway: their answers, their questions to other actors, their
 * memory.  Layer actors. */
#include "actors/frontend.h"

#include "actors/clock.h"
#include "core/base/alloc.h"
#include "core/base/check.h"

#include <utlist.h>

enum { ID_TIME_BYTES = 7 }; /* of a file id: microseconds until the year 4253, big-endian */

/* -- sending ----------------------------------------------------------------------------------- */

static bool
send_part(fsp_frontend_t *self, zmq_msg_t *part, bool more)
{
    int rc;
    do {
        rc = zmq_msg_send(part, self->router_handle, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0));
    } while (rc == -1 && errno == EINTR);
    if (rc == -1) {
        int why = errno;
        (void)zmq_msg_close(part);
        errno = why;
    }
    return rc != -1;
}

/* Sends a blob as a frame that is charged until it has left; takes over one reference. */
static bool
send_parcel(fsp_frontend_t *self, fsp_session_t *session, fsp_blob_t *blob, bool more)
{
    zmq_msg_t part;
    fsp_blob_t *parcel = fsp_flow_parcel(session->flow, &blob);
    fsp_blob_to_msg(&parcel, &part);
    return send_part(self, &part, more);
}

/* The client does not read.  What is lost on a living connection would be a hole in what it gets,
   so the session is over: the client is told when it speaks again (it is not welcome then). */
static void
give_up(fsp_frontend_t *self, fsp_session_t *session)
{
    session->welcomed = false;
    fsp_call_t *call;
    DL_FOREACH(session->calls, call)
    {
        fsp_frontend_end(self, call);
    }
}

static bool
send_bytes(fsp_frontend_t *self, const void *data, size_t bytes, bool more)
{
    zmq_msg_t part;
    int rc = zmq_msg_init_size(&part, bytes);
    FSP_ASSERT(rc == 0);
    memcpy(zmq_msg_data(&part), data, bytes);
    return send_part(self, &part, more);
}

void
fsp_frontend_send(fsp_frontend_t *self, fsp_session_t *session, fsp_client_type_t type,
                  uint64_t request_id, fsp_slice_t body, fsp_blob_t **payload_p)
{
    bool has_payload = payload_p && *payload_p;
    bool ok = !session->detached;
    bool reads = fsp_flow_bytes(session->flow) <= FLOW_LOST_BYTES;
    if (ok && reads) {
        uint8_t head[FSP_ENVELOPE_BYTES];
        fsp_envelope_t envelope = {.service = FSP_SERVICE_CLIENT,
                                   .type = (uint16_t)type,
                                   .request_id = request_id,
                                   .body_bytes = (uint32_t)body.bytes};
        fsp_envelope_encode(&envelope, head);
        /* Only the first part can fail: the pipe is checked there. */
        ok = send_bytes(self, session->routing_id, session->routing_id_bytes, true);
        reads = ok || errno != EAGAIN;
        ok = ok && send_bytes(self, head, sizeof(head), body.bytes > 0 || has_payload) &&
             (body.bytes == 0 ||
              send_parcel(self, session, fsp_blob_copy(body.data, body.bytes), has_payload));
        if (ok && has_payload) {
            ok = send_parcel(self, session, *payload_p, false);
            *payload_p = NULL;
        }
    }
    if (payload_p)
        fsp_blob_destroy(payload_p);
    if (!reads)
        give_up(self, session);
    else if (!ok)
        session->detached = true;
}

void
fsp_frontend_send_reply(fsp_frontend_t *self, fsp_session_t *session, fsp_client_type_t type,
                        uint64_t request_id, const fsp_reply_t *reply)
{
    fsp_buf_reset(&self->scratch);
    fsp_reply_encode(reply, &self->scratch);
    FSP_ASSERT(fsp_buf_ok(&self->scratch));
    fsp_frontend_send(self, session, type, request_id, fsp_buf_slice(&self->scratch), NULL);
}

void
fsp_frontend_send_error(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id,
                        fsp_status_t status, const fsp_result_t *result)
{
    const fsp_error_info_t *info = fsp_error_info(status);
    fsp_reply_t reply = {.code = info->code,
                         .symbol = fsp_slice_text(info->symbol),
                         .text = fsp_slice_text(info->text),
                         .retry = info->retry};
    if (result) {
        reply.change = result->index;
        reply.failed = result->failed;
        reply.head_count = result->head_count;
        memcpy(reply.heads, result->heads, result->head_count * sizeof(reply.heads[0]));
    }
    fsp_frontend_send_reply(self, session, FSP_MSG_ERROR, request_id, &reply);
}

/* -- calls ------------------------------------------------------------------------------------- */

/* Serials are part of ids; they begin anew long after their first owners have gone. */
static const uint64_t SERIAL_MAX = UINT64_MAX >> (FSP_ASK_TOKEN_BITS + FSP_ASK_KIND_BITS);

/* What may live for long counts on its own. */
static bool
lasts(fsp_client_type_t type)
{
    return type == FSP_MSG_PUT || type == FSP_MSG_GET || type == FSP_MSG_WATCH;
}

void
fsp_call_use_space(fsp_call_t *call, fsp_gateway_space_t *space)
{
    FSP_PRE(!call->space && space);
    call->space = space;
    call->epoch = space->epoch;
    space->uses++;
}

void
fsp_frontend_note_change(fsp_frontend_t *self, fsp_gateway_space_t *space, uint64_t change)
{
    if (change <= space->change)
        return;
    space->change = change;
    bool watched = false;
    fsp_call_t *watch;
    DL_FOREACH2(self->watches, watch, watch_next)
    {
        if (watch->space == space)
            watched = watch->watch_pending = true;
    }
    if (watched)
        fsp_watch_turn(self);
}

fsp_call_t *
fsp_call_new(fsp_frontend_t *self, fsp_session_t *session, uint64_t request_id,
             fsp_client_type_t type)
{
    fsp_call_t *call = FSP_NEW(fsp_call_t);
    fsp_call_t *same = NULL;
    do { /* a WATCH may outlive a whole round of them */
        self->last_serial = (self->last_serial + 1) & SERIAL_MAX;
        HASH_FIND(hh, self->calls, &self->last_serial, sizeof(self->last_serial), same);
    } while (same);
    call->serial = self->last_serial;
    call->session = session;
    call->request_id = request_id;
    call->type = type;
    call->moved_us = self->shell->now_us;
    fsp_buf_init(&call->body, FSP_BODY_BYTES_MAX);
    DL_APPEND(session->calls, call);
    session->call_count++;
    session->transfer_count += lasts(type);
    HASH_ADD(hh, self->calls, serial, sizeof(call->serial), call);
    return call;
}

/* Lets go of what nobody will ask for again. */
static void
release(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->seat.state == FSP_SEAT_WAITS)
        fsp_budget_leave(&self->budget, &call->seat);
    if (call->watch_previous) {
        DL_DELETE2(self->watches, call, watch_previous, watch_next);
        call->watch_previous = NULL;
    }
    if (call->session) {
        FSP_ASSERT(call->session->given_bytes >= call->credit_given);
        call->session->given_bytes -= call->credit_given;
    }
    call->credit_held = call->credit_given = 0;
    fsp_kept_forget(self, call);
    fsp_offer_forget(self, call);
    fsp_upload_destroy(&call->upload);
    fsp_upload_effects_clear(&call->upload_effects);
    fsp_upload_effects_clear(&call->upload_more);
    fsp_download_destroy(&call->download);
    fsp_download_effects_clear(&call->download_effects);
    fsp_download_effects_clear(&call->download_more);
    fsp_buf_clear(&call->body);
    fsp_free(call->reply);
    call->reply = NULL;
}

static void
leave_session(fsp_call_t *call)
{
    fsp_session_t *session = call->session;
    if (!session)
        return;
    DL_DELETE(session->calls, call);
    session->call_count--;
    session->transfer_count -= lasts(call->type);
    call->session = NULL;
}

void
fsp_call_destroy(fsp_frontend_t *self, fsp_call_t *call)
{
    release(self, call);
    leave_session(call);
    HASH_DEL(self->calls, call);
    if (call->space)
        call->space->uses--;
    fsp_frontend_give_back(self, call);
    fsp_free(call);
}

void
fsp_call_sweep(fsp_frontend_t *self, fsp_call_t *call)
{
    FSP_PRE(call->over);
    if (call->asked == 0) {
        fsp_call_destroy(self, call);
        return;
    }
    /* Objects and jobs of it are in other actors' hands: until they come back, it counts. */
    release(self, call);
    call->leaving = true;
}

void
fsp_call_drop(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->over && !call->leaving)
        LL_DELETE2(self->over, call, over_next);
    call->over = true;
    fsp_session_t *session = call->session;
    if (call->leaving) {
        leave_session(call);
        return;
    }
    bool stays = call->asked > 0;
    fsp_call_sweep(self, call);
    if (stays && session)
        leave_session(call);
}

fsp_call_t *
fsp_call_answered(fsp_frontend_t *self, uint64_t serial)
{
    fsp_call_t *call = NULL;
    HASH_FIND(hh, self->calls, &serial, sizeof(serial), call);
    if (!call)
        return NULL;
    FSP_ASSERT(call->asked > 0);
    call->asked--;
    if (call->leaving && call->asked == 0)
        fsp_call_destroy(self, call);
    else if (!call->over)
        return call;
    return NULL;
}

/* A call may be ended in the middle of its own handling, so it is only marked here. */
void
fsp_frontend_end(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->over)
        return;
    call->over = true;
    LL_PREPEND2(self->over, call, over_next);
}

/* Keeps the answer that was just sent (it stands in scratch): an upload's client may have lost its
 * connection. */
static void
keep_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_client_type_t type)
{
    if (call->type == FSP_MSG_PUT && !call->request.end)
        fsp_session_keep_answer(call->session, call->request_id, type,
                                fsp_buf_slice(&self->scratch));
}

void
fsp_frontend_ok(fsp_frontend_t *self, fsp_call_t *call, const fsp_reply_t *reply)
{
    if (!call->over) {
        fsp_frontend_send_reply(self, call->session, FSP_MSG_OK, call->request_id, reply);
        keep_answer(self, call, FSP_MSG_OK);
    }
    fsp_frontend_end(self, call);
}

void
fsp_frontend_error(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t status,
                   const fsp_result_t *result)
{
    if (!call->over && fsp_kept_give_up(self, call, status, result))
        return; /* to come back when the upload has gone */
    if (!call->over) {
        fsp_frontend_send_error(self, call->session, call->request_id, status, result);
        keep_answer(self, call, FSP_MSG_ERROR);
    }
    fsp_frontend_end(self, call);
}

fsp_call_t *
fsp_call_by_serial(fsp_frontend_t *self, uint64_t serial)
{
    fsp_call_t *call = NULL;
    HASH_FIND(hh, self->calls, &serial, sizeof(serial), call);
    return call && !call->over ? call : NULL;
}

fsp_call_t *
fsp_call_of_session(fsp_session_t *session, uint64_t request_id)
{
    fsp_call_t *call;
    DL_FOREACH(session->calls, call)
    {
        if (call->request_id == request_id && !call->over)
            return call;
    }
    return NULL;
}

/* -- questions to other actors ----------------------------------------------------------------- */

uint64_t
fsp_ask_id(fsp_call_t *call, fsp_ask_t ask, uint64_t token)
{
    FSP_PRE(token < (uint64_t)1 << FSP_ASK_TOKEN_BITS);
    call->asked++;
    return call->serial << (FSP_ASK_TOKEN_BITS + FSP_ASK_KIND_BITS) |
           (uint64_t)ask << FSP_ASK_TOKEN_BITS | token;
}

void
fsp_frontend_ask_shard(fsp_frontend_t *self, fsp_call_t *call, fsp_ask_t ask, fsp_slice_t body)
{
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD,
                     ask == ASK_COMMAND ? FSP_SHARD_COMMAND : FSP_SHARD_QUERY,
                     fsp_ask_id(call, ask, 0), body, NULL, 0);
}

void
fsp_frontend_query_init(const fsp_call_t *call, fsp_query_type_t type, fsp_query_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->type = type;
    ret->space_id = call->space->space_id;
    ret->subject = call->session->subject;
    ret->target.path = call->request.path;
    ret->target.id = call->request.file_id;
    ret->limit = 1;
}

void
fsp_frontend_command_init(const fsp_call_t *call, fsp_command_type_t type, fsp_command_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->type = type;
    ret->version = FSP_COMMAND_VERSION;
    ret->space_id = call->space->space_id;
    ret->subject = call->session->subject;
    ret->op_id = call->request.op_id;
    ret->attempt =
        call->request.attempt > UINT32_MAX ? UINT32_MAX : (uint32_t)call->request.attempt;
    ret->since = call->request.since;
    ret->epoch = call->epoch;
}

fsp_file_id_t
fsp_frontend_new_id(fsp_frontend_t *self)
{
    /* The time of the turn is the same for all its requests, and a wall clock may be set back. */
    fsp_time_t us = self->shell->wall_us;
    if (us <= self->last_id_us)
        us = self->last_id_us + 1;
    self->last_id_us = us;
    fsp_file_id_t id;
    uint8_t time[sizeof(uint64_t)];
    fsp_store_u64(time, us);
    memcpy(id.bytes, time + 1, ID_TIME_BYTES);
    fsp_random(id.bytes + ID_TIME_BYTES, sizeof(id.bytes) - ID_TIME_BYTES);
    return id;
}

void
fsp_frontend_send_query(fsp_frontend_t *self, fsp_call_t *call, const fsp_query_t *query)
{
    fsp_buf_reset(&self->scratch);
    fsp_query_encode(query, &self->scratch);
    FSP_ASSERT(fsp_buf_ok(&self->scratch));
    fsp_frontend_ask_shard(self, call, ASK_QUERY, fsp_buf_slice(&self->scratch));
}

void
fsp_frontend_send_command(fsp_frontend_t *self, fsp_call_t *call, const fsp_command_t *command)
{
    fsp_buf_reset(&self->scratch);
    fsp_command_encode(command, &self->scratch);
    if (!fsp_buf_ok(&self->scratch) || self->scratch.bytes > FSP_COMMAND_BYTES_MAX) {
        fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    call->commanded = true;
    fsp_frontend_ask_shard(self, call, ASK_COMMAND, fsp_buf_slice(&self->scratch));
}

bool
fsp_frontend_run_job(fsp_frontend_t *self, fsp_job_t *job)
{
    if (fsp_job_bytes(job) <= INLINE_JOB_BYTES_MAX || self->args->worker_count == 0) {
        fsp_job_run(job);
        return true;
    }
    size_t best = 0;
    for (size_t i = 1; i < self->args->worker_count; i++) {
        if (self->worker_jobs[i] < self->worker_jobs[best])
            best = i;
    }
    fsp_call_t *call = fsp_call_by_serial(self, job->owner);
    FSP_ASSERT(call != NULL); /* it is what runs the job */
    if (!fsp_mailbox_hand(self->shell->mailbox, (fsp_actor_id_t)(FSP_ACTOR_WORKER + best),
                          FSP_SERVICE_WORKERS, FSP_WORKER_JOB, job->token, job)) {
        fsp_job_run(job);
        return true;
    }
    call->asked++;
    self->worker_jobs[best]++;
    return false;
}
