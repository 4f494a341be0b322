/* SPDX-License-Identifier: MIT */
/* kept - up to which entry the state is on stable storage.  Layer core/engine.  Pure. */
#include "core/engine/kept.h"

#include "core/base/check.h"
#include "core/base/mutant.h"

/* Once the store has kept all groups up to place, the state is kept up to entry applied. */
typedef struct {
    uint64_t place;
    uint64_t applied;
} place_t;

void
fsp_kept_init(fsp_kept_t *self, uint64_t applied, size_t places_max)
{
    FSP_PRE(self);
    FSP_PRE(places_max != 1);
    *self = (fsp_kept_t){
        .applied = applied,
        .places_max = places_max ? places_max : FSP_KEPT_PLACES_MAX,
    };
    fsp_fifo_init(&self->places, sizeof(place_t));
}

void
fsp_kept_clear(fsp_kept_t *self)
{
    FSP_PRE(self);
    fsp_fifo_clear(&self->places);
}

/* Every second one goes, and its entries wait for the place behind it. */
static void
merge(fsp_kept_t *self)
{
    size_t left = (self->places.count + 1) / 2;
    for (size_t i = 0; i < left; i++) {
        size_t last = self->places.count - 1;
        size_t of_two = 2 * i + 1 < last ? 2 * i + 1 : last;
        place_t merged = *(const place_t *)fsp_fifo_at(&self->places, of_two);
        if (FSP_MUTANT(places_merged_early))
            merged.place = ((const place_t *)fsp_fifo_at(&self->places, 2 * i))->place;
        *(place_t *)fsp_fifo_at(&self->places, i) = merged;
    }
    while (self->places.count > left)
        fsp_fifo_drop_last(&self->places);
}

void
fsp_kept_written(fsp_kept_t *self, uint64_t place, uint64_t applied)
{
    FSP_PRE(self);
    FSP_PRE(place > 0 && place >= self->noted);
    self->noted = place;
    place_t *last =
        self->places.count > 0 ? fsp_fifo_at(&self->places, self->places.count - 1) : NULL;
    if (applied <= (last ? last->applied : self->applied))
        return; /* no rows that an earlier one did not have */
    if (place <= self->place || FSP_MUTANT(log_cut_at_written)) {
        FSP_ASSERT(!last); /* of lower places, which were told */
        self->applied = applied;
    } else if (last && last->place == place) {
        last->applied = applied;
    } else {
        *(place_t *)fsp_fifo_push(&self->places) = (place_t){.place = place, .applied = applied};
        if (self->places.count > self->places_max)
            merge(self);
    }
    FSP_POST(self->places.count <= self->places_max);
}

void
fsp_kept_told(fsp_kept_t *self, uint64_t place)
{
    FSP_PRE(self);
    if (place <= self->place)
        return;
    self->place = place;
    const place_t *first;
    while ((first = fsp_fifo_first(&self->places)) && first->place <= place) {
        FSP_ASSERT(first->applied > self->applied);
        self->applied = first->applied;
        fsp_fifo_pop(&self->places);
    }
}

void
fsp_kept_switch(fsp_kept_t *self, uint64_t applied)
{
    FSP_PRE(self);
    FSP_PRE(applied > self->applied || FSP_MUTANT(snapshot_lowers_commit));
    while (self->places.count > 0)
        fsp_fifo_pop(&self->places);
    self->applied = applied;
}
