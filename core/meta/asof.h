/* SPDX-License-Identifier: MIT */
/* asof - what was true at a change number.  Layer core/meta.  Pure.
 *
 * What a name meant at T is the entry, if it is that old, else the past row with since <= T <
 * until; heads likewise (past.h).  Attributes and rights are always those of now.
 */
#ifndef FSP_CORE_META_ASOF_H
#define FSP_CORE_META_ASOF_H
#include "core/meta/answer.h"
#include "core/meta/past.h"

/* The last change with time <= `time` among those whose rows are kept; 0 if there is none. */
FSP_MUST_CHECK fsp_status_t fsp_asof_change_at(fsp_machine_t *m, fsp_time_t time, uint64_t *ret);

/* The change number that a query asks for: INVALID (later than the last), GONE (below the at
   horizon). */
FSP_MUST_CHECK fsp_status_t fsp_asof_index(fsp_machine_t *m, const fsp_query_t *query,
                                           uint64_t *ret);

/* What the name meant; NOT_FOUND. */
FSP_MUST_CHECK fsp_status_t fsp_asof_entry(fsp_machine_t *m, fsp_file_id_t directory_id,
                                           fsp_slice_t name, uint64_t index, fsp_entry_row_t *ret);
/* Heads of a file, whose node is loaded; NOT_FOUND if it was not there yet. */
FSP_MUST_CHECK fsp_status_t fsp_asof_heads(fsp_machine_t *m, fsp_file_id_t id,
                                           const fsp_node_row_t *node, uint64_t index,
                                           fsp_past_heads_row_t *ret);

/* RESOLVE and LIST with `at`. */
FSP_MUST_CHECK fsp_status_t fsp_asof_resolve(fsp_machine_t *m, const fsp_query_t *query,
                                             uint64_t index, fsp_answering_t *answering);
FSP_MUST_CHECK fsp_status_t fsp_asof_list(fsp_machine_t *m, const fsp_query_t *query,
                                          uint64_t index, fsp_answering_t *answering);
#endif
