/* SPDX-License-Identifier: MIT */
/* sim_events - what is due, in a total order.  Layer tests. */
#include "tests/sim/sim_events.h"

#include "core/base/alloc.h"

void
sim_events_clear(sim_events_t *self)
{
    fsp_free(self->heap);
    *self = (sim_events_t){0};
}

static bool
before(const sim_event_t *a, const sim_event_t *b)
{
    return a->time_us != b->time_us ? a->time_us < b->time_us : a->sequence < b->sequence;
}

static void
swap(sim_event_t *a, sim_event_t *b)
{
    sim_event_t kept = *a;
    *a = *b;
    *b = kept;
}

void
sim_events_push(sim_events_t *self, sim_event_t event)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 64;
        self->heap = fsp_realloc(self->heap, self->capacity * sizeof(event));
    }
    event.sequence = self->next_sequence++;
    size_t at = self->count++;
    self->heap[at] = event;
    while (at > 0 && before(&self->heap[at], &self->heap[(at - 1) / 2])) {
        swap(&self->heap[at], &self->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

bool
sim_events_pop(sim_events_t *self, sim_event_t *ret)
{
    if (self->count == 0)
        return false;
    *ret = self->heap[0];
    self->heap[0] = self->heap[--self->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= self->count)
            return true;
        if (child + 1 < self->count && before(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (!before(&self->heap[child], &self->heap[at]))
            return true;
        swap(&self->heap[at], &self->heap[child]);
        at = child;
    }
}
