/* SPDX-License-Identifier: MIT */
/* frontend_session - sessions of the gateway: who is connected, and who has gone.  Layer actors. */
#include "actors/frontend.h"

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
        if (call->over)
            LL_DELETE2(self->over, call, over_next);
        fsp_call_destroy(self, call);
    }
    HASH_DEL(self->sessions, session);
    fsp_free(session);
}

/* The session of a routing id, made if need be; moved behind all others, since it was heard last. */
fsp_session_t *
fsp_session_touch(fsp_frontend_t *self, const uint8_t *routing_id, size_t bytes, const char *user_id)
{
    fsp_session_t *session = NULL;
    HASH_FIND(hh, self->sessions, routing_id, bytes, session);
    if (session) {
        HASH_DELETE(hh, self->sessions, session);
    } else {
        if (HASH_COUNT(self->sessions) >= FSP_SESSIONS_MAX) {
            /* Full of silent sessions: the one that was heard longest ago and has nothing under way goes. */
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
        memcpy(session->routing_id, routing_id, bytes);
        session->routing_id_bytes = bytes;
        if (fsp_hex_decode(fsp_slice_text(user_id), session->subject.bytes, sizeof(session->subject.bytes)) !=
            FSP_OK) {
            fsp_free(session);
            return NULL;
        }
    }
    session->seen_us = self->shell->now_us;
    HASH_ADD_KEYPTR(hh, self->sessions, session->routing_id, session->routing_id_bytes, session);
    return session;
}

/* Ends what was answered and who is gone.  Called when no call or session is on the stack. */
void
fsp_frontend_sweep(fsp_frontend_t *self)
{
    while (self->over) {
        fsp_call_t *call = self->over;
        self->over = call->over_next;
        fsp_call_destroy(self, call);
    }
    if (self->any_gone) {
        self->any_gone = false;
        fsp_session_t *session, *next;
        HASH_ITER(hh, self->sessions, session, next)
        {
            if (session->gone)
                fsp_session_destroy(self, session);
        }
    }
    fsp_frontend_start_waiting(self);
}

