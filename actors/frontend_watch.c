/* SPDX-License-Identifier: MIT */
/* frontend_watch - WATCH: changes of a space as they happen.  Layer actors.
 *
 *   WATCH -> NEWS (at once, be it empty) -> NEWS .. as changes come and the client has room
 *
 * A watch is a place in the feed, not a queue: what the client has no room for stays where it is,
 * in the feed, until it grants more.  So a slow client costs nothing, nothing is lost or doubled,
 * and a client whose place is no longer kept is told GONE.  Each look is an ordinary query with the
 * client's rights of that moment.
 */
#include "actors/frontend.h"

#include "core/base/check.h"

#include <utlist.h>

static void
look(fsp_frontend_t *self, fsp_call_t *call)
{
    uint64_t limit = call->watch_credit < WATCH_PAGE ? call->watch_credit : WATCH_PAGE;
    fsp_query_t query;
    fsp_frontend_query_init(call, FSP_QUERY_CHANGES, &query);
    query.after_index = call->watch_index;
    query.limit = (uint32_t)limit;
    call->watch_pending = false;
    call->watch_us = self->shell->now_us;
    fsp_frontend_send_query(self, call, &query);
}

/* Looks if there may be something, the client takes it, and there is room on the way to it. */
static void
go_on(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->over || call->asked > 0 || !call->watch_pending || call->watch_credit == 0)
        return;
    if (fsp_flow_bytes(call->session->flow) > FLOW_FAIR_BYTES) {
        self->credit_waits = true; /* seen to within FLOW_LOOK_US */
        return;
    }
    look(self, call);
}

void
fsp_watch_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_request_t *request = &call->request;
    if (request->credit > WATCH_CREDIT_MAX) {
        fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    call->watch_index = request->after_index;
    call->watch_credit = request->credit;
    call->watch_pending = true;
    DL_APPEND2(self->watches, call, watch_previous, watch_next);
    go_on(self, call);
}

void
fsp_watch_credit(fsp_frontend_t *self, fsp_call_t *call, uint64_t changes)
{
    if (changes > WATCH_CREDIT_MAX || call->watch_credit + changes > WATCH_CREDIT_MAX) {
        fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    call->watch_credit += changes;
    go_on(self, call);
}

/* Sends what was found; false: it cannot be read. */
static bool
send_news(fsp_frontend_t *self, fsp_call_t *call, fsp_answer_t *answer)
{
    size_t count = 0;
    if (answer->count > call->watch_credit)
        return false; /* more than was asked for */
    fsp_buf_reset(&self->scratch2);
    while (count < answer->count && self->scratch2.bytes <= FEED_BYTES) {
        if (fsp_names_change_item(answer, &self->scratch2, &call->watch_index) != FSP_OK)
            return false;
        count++;
    }
    if (!fsp_buf_ok(&self->scratch2))
        return false;
    call->watch_credit -= count;
    call->watch_began = true;
    if (answer->more || count < answer->count || call->watch_index < call->space->change)
        call->watch_pending = true;
    fsp_reply_t reply = {
        .change = answer->index, .item_count = count, .items = fsp_buf_slice(&self->scratch2)};
    fsp_frontend_send_reply(self, call->session, FSP_MSG_NEWS, call->request_id, &reply);
    return true;
}

void
fsp_watch_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body)
{
    fsp_answer_t answer;
    if (fsp_answer_open(body, &answer) != FSP_OK) {
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
        return;
    }
    if (answer.status != FSP_OK) {
        if (answer.status == FSP_NO_SUCH_SPACE)
            fsp_spaces_retire(self->args->spaces, call->space);
        fsp_frontend_error(self, call, answer.status, NULL);
        return;
    }
    if ((answer.count > 0 || !call->watch_began) && !send_news(self, call, &answer)) {
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
        return;
    }
    /* Behind the news: it may look again for this watch, too, from where it stands now. */
    fsp_frontend_note_change(self, call->space, answer.index);
    go_on(self, call);
}

void
fsp_watch_turn(fsp_frontend_t *self)
{
    fsp_call_t *call;
    DL_FOREACH2(self->watches, call, watch_next)
    {
        if (self->shell->now_us >= call->watch_us + WATCH_LOOK_US)
            call->watch_pending = true;
        go_on(self, call);
    }
}

void
fsp_watch_end_all(fsp_frontend_t *self)
{
    fsp_call_t *call;
    DL_FOREACH2(self->watches, call, watch_next)
    {
        fsp_frontend_error(self, call, FSP_CLOSING, NULL);
    }
}
