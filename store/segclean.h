/* SPDX-License-Identifier: MIT */
/* segclean - gives back what is dead in segments, in a thread of its own.  Layer store.
 *
 * Internal to segments.c.  Three kinds of work, in this order:
 *
 *     dead places and files    punched out, deleted: as soon as no reader is on its way there
 *     a sweep                  of a segment whose dead places are not known one by one (a crash
 * came between the rows and the holes): what is not found to live goes, if the octets that live are
 * those that the segment's row says a copy                   of what lives in a segment with little
 * life, to one file of the cleaner's own; the writing thread switches the rows; a segment without
 * life is then deleted like any other
 *
 * Only this thread deletes and punches, so it reads segments without entering.
 */
#ifndef FSP_STORE_SEGCLEAN_H
#define FSP_STORE_SEGCLEAN_H
#include "store/segset.h"

/* Under the lock. */
bool fsp_segclean_is_sparse(const fsp_segments_t *self, const fsp_segment_t *segment);
bool fsp_segclean_has_work(const fsp_segments_t *self);
/* By the writing thread, not under the lock: starts it if it does not run.  Where there is no room
   for a thread it is tried again at the next tick. */
void fsp_segclean_begin(fsp_segments_t *self);
/* Waits until it has ended. */
void fsp_segclean_end(fsp_segments_t *self);
#endif
