/* SPDX-License-Identifier: MIT */
/* frontend_session - sessions of the gateway: who is connected, and who has gone.  Layer actors. */
#include "actors/frontend.h"

#include "actors/clock.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"

#include <utlist.h>

void
fsp_session_destroy(fsp_frontend_t *self, fsp_session_t *session)
{
    fsp_call_t *call, *next;
    DL_FOREACH_SAFE(session->calls, call, next)
    {
        fsp_call_drop(self, call);
    }
    HASH_DEL(self->sessions, session);
    for (size_t i = 0; i < ANSWERS_KEPT; i++)
        fsp_buf_clear(&session->answers[i].body);
    fsp_flow_destroy(&session->flow);
    fsp_free(session);
}

/* The session of a routing id, made if need be; moved behind all others, since it was heard last.
 */
fsp_session_t *
fsp_session_touch(fsp_frontend_t *self, const uint8_t *routing_id, size_t bytes,
                  const char *user_id)
{
    fsp_session_t *session = NULL;
    fsp_subject_id_t subject;
    fsp_key_t key;
    if (fsp_user_id_decode(user_id, &subject, &key) != FSP_OK)
        return NULL;
    HASH_FIND(hh, self->sessions, routing_id, bytes, session);
    if (session &&
        (!fsp_subject_id_eq(session->subject, subject) || !fsp_key_eq(session->key, key))) {
        /* A client may name its routing id, so somebody else may come under one that was just left.
         */
        fsp_session_destroy(self, session);
        session = NULL;
    }
    if (session) {
        HASH_DELETE(hh, self->sessions, session);
    } else {
        if (HASH_COUNT(self->sessions) >= FSP_SESSIONS_MAX) {
            /* Full of silent sessions: the one that was heard longest ago and has nothing under way
             * goes. */
            fsp_session_t *old, *next;
            HASH_ITER(hh, self->sessions, old, next)
            {
                if (!old->calls) {
                    fsp_session_destroy(self, old);
                    break;
                }
            }
            if (HASH_COUNT(self->sessions) >= FSP_SESSIONS_MAX)
                return NULL;
        }
        session = FSP_NEW(fsp_session_t);
        fsp_random(session->id.bytes, sizeof(session->id.bytes));
        memcpy(session->routing_id, routing_id, bytes);
        session->routing_id_bytes = bytes;
        session->subject = subject;
        session->key = key;
        /* A connection that was let in before its key was removed. */
        session->revoked = !fsp_key_is_zero(key) && !fsp_keyring_find(&self->args->keyring, key);
        session->flow = fsp_flow_new();
    }
    session->seen_us = self->shell->now_us;
    session->detached = false;
    HASH_ADD_KEYPTR(hh, self->sessions, session->routing_id, session->routing_id_bytes, session);
    return session;
}

/* Calls that cannot live on a new connection: what was sent to the old one may be lost.  Commands
   that are on their way take effect all the same; the client asks again with the same op id. */
static void
end_unresumable(fsp_frontend_t *self, fsp_session_t *session)
{
    fsp_call_t *call;
    DL_FOREACH(session->calls, call)
    {
        bool lives_on = call->type == FSP_MSG_PUT && !call->request.end;
        if (!lives_on)
            fsp_frontend_end(self, call);
    }
}

fsp_session_t *
fsp_session_resume(fsp_frontend_t *self, fsp_session_t *session, fsp_op_id_t id, bool *ret_resumed)
{
    *ret_resumed = false;
    if (fsp_op_id_is_zero(id) || session->calls)
        return session;
    fsp_session_t *old, *next;
    HASH_ITER(hh, self->sessions, old, next)
    {
        if (old != session && old->welcomed && fsp_op_id_eq(old->id, id) &&
            fsp_subject_id_eq(old->subject, session->subject) && fsp_key_eq(old->key, session->key))
            break;
    }
    if (!old)
        return session;
    /* The old session takes the new connection's place. */
    uint8_t routing_id[ROUTING_ID_BYTES_MAX];
    size_t bytes = session->routing_id_bytes;
    memcpy(routing_id, session->routing_id, bytes);
    fsp_session_destroy(self, session);
    HASH_DELETE(hh, self->sessions, old);
    memcpy(old->routing_id, routing_id, bytes);
    old->routing_id_bytes = bytes;
    old->detached = false;
    old->seen_us = self->shell->now_us;
    HASH_ADD_KEYPTR(hh, self->sessions, old->routing_id, old->routing_id_bytes, old);
    end_unresumable(self, old);
    *ret_resumed = true;
    return old;
}

void
fsp_session_keep_answer(fsp_session_t *session, uint64_t request_id, fsp_client_type_t type,
                        fsp_slice_t body)
{
    for (size_t i = 0; i < ANSWERS_KEPT; i++) {
        if (session->answers[i].request_id == request_id)
            session->answers[i].type = 0; /* of another upload that had this id before */
    }
    size_t slot = session->answer_count++ % ANSWERS_KEPT;
    session->answers[slot].request_id = request_id;
    session->answers[slot].type = type;
    fsp_buf_clear(&session->answers[slot].body);
    fsp_buf_init(&session->answers[slot].body, FSP_BODY_BYTES_MAX);
    fsp_buf_append_slice(&session->answers[slot].body, body);
}

/* Does the transfer wait for its client?  A put does while it has credit that was not used; a get
   while it has none, or while what it sent has not left: then nobody in the node has anything to do
   for it. */
static bool
waits_for_client(const fsp_call_t *call)
{
    if (call->type == FSP_MSG_PUT)
        return !call->committed && call->upload && fsp_upload_credit_bytes(call->upload) > 0;
    return call->credit_given == 0 || call->asked == 0;
}

/* A get goes on as its client takes bytes away, also while the next chunk waits for room. */
static void
note_taken(fsp_frontend_t *self, fsp_call_t *call)
{
    uint64_t left = fsp_flow_left(call->session_flow);
    fsp_call_moved(self, call, left - call->left_seen);
    call->left_seen = left;
}

void
fsp_call_moved(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes)
{
    call->moved_bytes += bytes;
    if (call->moved_bytes < MOVED_BYTES)
        return;
    call->moved_bytes = 0;
    call->moved_us = self->shell->now_us;
}

void
fsp_frontend_evict_stalled(fsp_frontend_t *self)
{
    fsp_call_t *call, *next;
    HASH_ITER(hh, self->calls, call, next)
    {
        if (call->download && !call->over)
            note_taken(self, call);
        if (self->budget.waiting > 0 && call->seat.state == FSP_SEAT_HELD && !call->over &&
            waits_for_client(call) && call->moved_us + STALLED_US <= self->shell->now_us)
            fsp_frontend_error(self, call, FSP_BUSY, NULL);
    }
}

/* Ends what was answered.  Called when no call or session is on the stack. */
void
fsp_frontend_sweep(fsp_frontend_t *self)
{
    do {
        while (self->over) {
            fsp_call_t *call = self->over;
            self->over = call->over_next;
            fsp_call_sweep(self, call);
        }
        fsp_kept_start_waiting(self);
        fsp_frontend_start_waiting(self);
    } while (self->over); /* who waited may have ended at once */
}
