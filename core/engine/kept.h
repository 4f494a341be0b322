/* SPDX-License-Identifier: MIT */
/* kept - up to which entry the state is on stable storage.  Layer core/engine.  Pure.
 *
 * The rows of the state machine have no write-ahead log.  The store numbers its groups of writes
 * (places) and says now and then up to which of them their state rows are kept; all rows of the
 * state up to there are, in the order in which they were written.  Which entry that is, only the
 * replica knows: it notes the applied index with each place.
 *
 *   written   (place, applied index), in order of places
 *   told      a place: the index is that of the last one noted up to there
 *
 * Bounded: of more than places_max neighbours are merged under the later place, which promises
 * nothing too early, only some of it later.
 */
#ifndef FSP_CORE_ENGINE_KEPT_H
#define FSP_CORE_ENGINE_KEPT_H
#include "core/engine/fifo.h"

enum { FSP_KEPT_PLACES_MAX = 1024 };

typedef struct {
    uint64_t applied;  /* kept up to this entry; never falls */
    uint64_t place;    /* the highest that was told */
    uint64_t noted;    /* the place noted last */
    fsp_fifo_t places; /* noted and not told yet: places and indexes both rise */
    size_t places_max;
} fsp_kept_t;

/* applied: what was found on stable storage.  places_max: at least 2; 0: FSP_KEPT_PLACES_MAX. */
void fsp_kept_init(fsp_kept_t *self, uint64_t applied, size_t places_max);
void fsp_kept_clear(fsp_kept_t *self);
/* A write of this place is in the database, with the rows of all entries up to applied that earlier
   ones did not have.  Places are above 0 and do not fall from one call to the next (asserted). */
void fsp_kept_written(fsp_kept_t *self, uint64_t place, uint64_t applied);
/* The store says so: late, twice, out of order, also of a place that is not noted yet. */
void fsp_kept_told(fsp_kept_t *self, uint64_t place);
/* Another state took the place of the one before: all of it is kept, up to applied. */
void fsp_kept_switch(fsp_kept_t *self, uint64_t applied);
#endif
