/* SPDX-License-Identifier: MIT */
/* holds - what may not be deleted: legal hold, and worm until a time.  Layer core/meta.  Pure.
 *
 * A hold on a directory covers all below it.  It is found by going up, so that holding a large tree
 * and moving within it cost nothing.
 */
#ifndef FSP_CORE_META_HOLDS_H
#define FSP_CORE_META_HOLDS_H
#include "core/meta/machine.h"

/* The time by which holds and ages are judged (3.6): of this command or query. */
fsp_time_t fsp_holds_now(const fsp_machine_t *m);
/* True if the node itself is held. */
bool fsp_holds_node(const fsp_machine_t *m, const fsp_node_row_t *node);

typedef struct {
    bool covered;        /* the node or a directory above it is held */
    bool above;          /* a directory above it is held */
    bool purging;        /* it or a directory above it is being purged */
    bool deep;           /* more directories above it than are looked at */
    fsp_time_t top_time; /* last change of the node highest up but for root and trash: of an item
                            of the trash, for what lies in one */
    size_t rows;         /* nodes looked at, the node included */
} fsp_cover_t;
/* Goes up from the node, which is loaded. */
FSP_MUST_CHECK fsp_status_t fsp_holds_cover(fsp_machine_t *m, fsp_file_id_t id,
                                            const fsp_node_row_t *node, fsp_cover_t *ret);
/* HELD if the node is covered.  At level 1 there are no holds and nothing is read. */
FSP_MUST_CHECK fsp_status_t fsp_holds_check(fsp_machine_t *m, fsp_file_id_t id,
                                            const fsp_node_row_t *node);
/* HELD if a directory above the node is held: it may not leave. */
FSP_MUST_CHECK fsp_status_t fsp_holds_check_above(fsp_machine_t *m, fsp_file_id_t id,
                                                  const fsp_node_row_t *node);
#endif
