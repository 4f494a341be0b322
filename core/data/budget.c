/* SPDX-License-Identifier: MIT */
/* budget - who of all transfers may have how much memory now.  Layer core/data.  Pure. */
#include "core/data/budget.h"

#include "core/base/check.h"

void
fsp_budget_init(fsp_budget_t *self, uint64_t bytes_max, uint64_t share_bytes)
{
    FSP_PRE(share_bytes >= FSP_BUDGET_SMALL_BYTES);
    FSP_PRE(bytes_max > share_bytes && bytes_max - share_bytes > FSP_BUDGET_SMALL_BYTES);
    *self = (fsp_budget_t){.bytes_max = bytes_max, .share_bytes = share_bytes};
}

uint64_t
fsp_budget_bytes(const fsp_budget_t *self)
{
    return self->classes[FSP_BUDGET_LARGE].bytes + self->classes[FSP_BUDGET_SMALL].bytes;
}

static bool
fits(const fsp_budget_t *self, fsp_budget_class_t class, uint64_t bytes)
{
    if (bytes > self->bytes_max - fsp_budget_bytes(self))
        return false;
    uint64_t with = self->classes[class].bytes + bytes;
    if (class == FSP_BUDGET_LARGE)
        return with <= self->bytes_max - self->share_bytes;
    return with <= self->share_bytes || !self->classes[FSP_BUDGET_LARGE].first;
}

static void
hold(fsp_budget_t *self, fsp_seat_t *seat)
{
    seat->state = FSP_SEAT_HELD;
    self->classes[seat->class].bytes += seat->bytes;
    FSP_ASSERT(fsp_budget_bytes(self) <= self->bytes_max);
}

static void
leave_line(fsp_budget_t *self, fsp_seat_t *seat)
{
    FSP_PRE(seat->state == FSP_SEAT_WAITS);
    *(seat->before ? &seat->before->behind : &self->classes[seat->class].first) = seat->behind;
    *(seat->behind ? &seat->behind->before : &self->classes[seat->class].last) = seat->before;
    seat->before = seat->behind = NULL;
    self->waiting--;
}

bool
fsp_budget_take(fsp_budget_t *self, fsp_seat_t *seat, uint64_t bytes, void *owner)
{
    FSP_PRE(seat->state == FSP_SEAT_NONE);
    FSP_PRE(bytes <= self->bytes_max - self->share_bytes); /* more would wait for ever */
    fsp_budget_class_t class = bytes > FSP_BUDGET_SMALL_BYTES ? FSP_BUDGET_LARGE : FSP_BUDGET_SMALL;
    *seat = (fsp_seat_t){.bytes = bytes, .owner = owner, .class = class};
    if (!self->classes[class].first && fits(self, class, bytes)) {
        hold(self, seat);
        return true;
    }
    seat->state = FSP_SEAT_WAITS;
    seat->before = self->classes[class].last;
    *(seat->before ? &seat->before->behind : &self->classes[class].first) = seat;
    self->classes[class].last = seat;
    self->waiting++;
    return false;
}

fsp_seat_t *
fsp_budget_next(fsp_budget_t *self)
{
    for (size_t class = 0; class < FSP_BUDGET_CLASSES; class ++) {
        fsp_seat_t *seat = self->classes[class].first;
        if (!seat || !fits(self, (fsp_budget_class_t) class, seat->bytes))
            continue;
        leave_line(self, seat);
        hold(self, seat);
        return seat;
    }
    return NULL;
}

void
fsp_budget_shrink(fsp_budget_t *self, fsp_seat_t *seat, uint64_t bytes)
{
    FSP_PRE(seat->state == FSP_SEAT_HELD);
    if (bytes >= seat->bytes)
        return;
    FSP_ASSERT(self->classes[seat->class].bytes >= seat->bytes);
    self->classes[seat->class].bytes -= seat->bytes - bytes;
    seat->bytes = bytes;
}

void
fsp_budget_move(fsp_seat_t *from, fsp_seat_t *to, void *owner)
{
    FSP_PRE(from->state == FSP_SEAT_HELD && to->state == FSP_SEAT_NONE);
    *to = *from;
    to->owner = owner;
    *from = (fsp_seat_t){0};
}

void
fsp_budget_leave(fsp_budget_t *self, fsp_seat_t *seat)
{
    if (seat->state == FSP_SEAT_WAITS)
        leave_line(self, seat);
    else if (seat->state == FSP_SEAT_HELD)
        fsp_budget_shrink(self, seat, 0);
    *seat = (fsp_seat_t){0};
}
