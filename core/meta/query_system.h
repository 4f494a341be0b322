/* SPDX-License-Identifier: MIT */
/* query_system - what readers of the system shard ask and get.  Layer core/meta.  Pure.
 *
 * Every item of an answer is [key, row]: the id or number of a row and the row itself, as
 * rows_system.h decodes it.  docs/protocol/commands-system.md, section 9.
 */
#ifndef FSP_CORE_META_QUERY_SYSTEM_H
#define FSP_CORE_META_QUERY_SYSTEM_H
#include "core/meta/answer.h"
#include "core/meta/machine.h"
#include "core/meta/rows_system.h"

/* First item of LAYOUT; its key is the layout version. */
typedef struct {
    fsp_mesh_id_t mesh_id;
    uint32_t slot_bits;
    uint32_t copies;
    uint32_t level;
    uint32_t shard_count;
} fsp_layout_head_t;
FSP_MUST_CHECK fsp_status_t fsp_layout_head_decode(fsp_slice_t bytes, fsp_layout_head_t *ret);

/* The next item, whose key is an id of so many bytes, or a number.  *ret_row borrows.  INVALID. */
FSP_MUST_CHECK fsp_status_t fsp_answer_row_of_id(fsp_answer_t *self, void *ret_id, size_t bytes,
                                                 fsp_slice_t *ret_row);
FSP_MUST_CHECK fsp_status_t fsp_answer_row_of_number(fsp_answer_t *self, uint64_t *ret_number,
                                                     fsp_slice_t *ret_row);

/* -- for query.c ------------------------------------------------------------------------------- */
/* True for queries of the system shard, CHANGES of no space among them. */
bool fsp_query_is_system(const fsp_query_t *query);
/* Loads the system row and judges who asks: NO_SUCH_SPACE before GENESIS, FORBIDDEN.  *ret_all:
   the subject may see everything, not just its own. */
FSP_MUST_CHECK fsp_status_t fsp_query_system_admit(fsp_machine_t *m, const fsp_query_t *query,
                                                   bool *ret_all);
FSP_MUST_CHECK fsp_status_t fsp_query_system(fsp_machine_t *m, const fsp_query_t *query, bool all,
                                             fsp_answering_t *answering);
#endif
