/* SPDX-License-Identifier: MIT */
/* frontend_memory - memory of transfers: who has how much, who waits.  Layer actors.
 *
 * A transfer takes a seat of the budget (core/data/budget) before it is opened, for all that it
 * will ever hold at a time, wherever that lies: of a PUT what its client may send, what is being
 * cut and sealed, and objects that wait for the store; of a GET what is read ahead and what libzmq
 * has not let go yet.  A seat is given back when the last of that is gone.  For a GET this may be
 * after its end: what its client still has to take away is a *parting*.  libzmq cannot be told to
 * drop what it has for a client that does not read; so the connection of one that stands still
 * while others wait is cut, and its bytes go with it.
 *
 * Content of whole PUTs has a pool of its own: they do not wait, and so they may be refused.
 */
#include "actors/frontend.h"
#include "core/base/alloc.h"
#include "core/base/check.h"

struct fsp_parting {
    fsp_parting_t *next;
    fsp_seat_t seat;
    fsp_flow_t *flow;
    fsp_flow_t *session_flow; /* of all that goes the same way: others may be before it */
    uint64_t left;            /* of that, when it moved last */
    fsp_time_t moved_us;
    fsp_line_t line;
    bool cut;
};

static void
forget_parting(fsp_frontend_t *self, fsp_parting_t **at)
{
    fsp_parting_t *parting = *at;
    *at = parting->next;
    fsp_budget_leave(&self->budget, &parting->seat);
    fsp_flow_destroy(&parting->flow);
    fsp_flow_destroy(&parting->session_flow);
    self->gets--;
    fsp_free(parting);
}

/* It has stood still for STALLED_US, and somebody waits. */
static bool
is_stuck(const fsp_frontend_t *self, fsp_parting_t *parting)
{
    uint64_t left = fsp_flow_left(parting->session_flow);
    if (left - parting->left >= MOVED_BYTES) {
        parting->left = left;
        parting->moved_us = self->shell->now_us;
    }
    return self->budget.waiting > 0 && parting->moved_us + STALLED_US <= self->shell->now_us;
}

/* Takes back what has left.  The connection of a client that takes nothing away is cut; should that
   be of no use for another STALLED_US (it was gone already, and libzmq has not seen it), the seat
   goes without the bytes. */
static void
look_at_partings(fsp_frontend_t *self)
{
    self->partings_us = self->shell->now_us;
    fsp_parting_t **at = &self->partings;
    while (*at) {
        fsp_parting_t *parting = *at;
        uint64_t bytes = fsp_flow_bytes(parting->flow);
        bool stuck = is_stuck(self, parting);
        if (bytes == 0 || (stuck && parting->cut)) {
            forget_parting(self, at);
            continue;
        }
        if (stuck) {
            fsp_line_cut(&parting->line);
            parting->cut = true;
            parting->moved_us = self->shell->now_us;
        }
        fsp_budget_shrink(&self->budget, &parting->seat, bytes);
        at = &parting->next;
    }
}

void
fsp_frontend_forget_partings(fsp_frontend_t *self)
{
    while (self->partings)
        forget_parting(self, &self->partings);
}

fsp_status_t
fsp_frontend_reserve(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes, bool *ret_now)
{
    *ret_now = fsp_budget_take(&self->budget, &call->seat, bytes, call);
    if (*ret_now)
        return FSP_OK;
    if (self->budget.waiting > OPENS_WAITING_MAX) {
        fsp_budget_leave(&self->budget, &call->seat);
        return FSP_BUSY;
    }
    self->credit_waits |= self->partings != NULL; /* they are looked at soon */
    return FSP_OK;
}

fsp_status_t
fsp_frontend_reserve_whole(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes)
{
    FSP_PRE(call->whole_bytes == 0);
    if (self->whole_bytes + bytes > WHOLE_PUTS_BYTES)
        return FSP_BUSY;
    call->whole_bytes = bytes;
    self->whole_bytes += bytes;
    return FSP_OK;
}

void
fsp_frontend_give_back(fsp_frontend_t *self, fsp_call_t *call)
{
    FSP_ASSERT(self->whole_bytes >= call->whole_bytes);
    self->whole_bytes -= call->whole_bytes;
    call->whole_bytes = 0;
    bool opened = call->flow != NULL;
    uint64_t bytes = opened ? fsp_flow_bytes(call->flow) : 0;
    if (call->seat.state == FSP_SEAT_HELD && bytes > 0) {
        fsp_parting_t *parting = FSP_NEW(fsp_parting_t);
        fsp_budget_shrink(&self->budget, &call->seat, bytes);
        fsp_budget_move(&call->seat, &parting->seat, NULL);
        parting->flow = call->flow;
        parting->session_flow = call->session_flow;
        parting->left = fsp_flow_left(call->session_flow);
        parting->moved_us = call->moved_us;
        parting->line = call->line;
        parting->next = self->partings;
        self->partings = parting;
        call->flow = call->session_flow = NULL;
        self->gets++; /* counts on, as a parting */
    }
    self->gets -= opened;
    fsp_budget_leave(&self->budget, &call->seat);
    fsp_flow_destroy(&call->flow);
    fsp_flow_destroy(&call->session_flow);
}

void
fsp_frontend_start_waiting(fsp_frontend_t *self)
{
    if (self->partings && self->shell->now_us >= self->partings_us + FLOW_LOOK_US)
        look_at_partings(self);
    fsp_seat_t *seat;
    while ((seat = fsp_budget_next(&self->budget)) != NULL) {
        fsp_call_t *call = seat->owner;
        fsp_time_t moved_us = call->moved_us;
        call->moved_us = self->shell->now_us; /* it could not before */
        if (!call->over)
            fsp_frontend_opened(self, call);
        if (call->session && call->session->detached)
            call->moved_us = moved_us; /* nobody was there to be told: those behind it do not wait
                                          as long again */
    }
    self->credit_waits |= self->partings && self->budget.waiting > 0;
}

void
fsp_frontend_opened(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->type == FSP_MSG_PUT)
        fsp_put_opened(self, call);
    else
        fsp_get_opened(self, call);
}
