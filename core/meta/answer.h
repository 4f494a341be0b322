/* SPDX-License-Identifier: MIT */
/* answer - bytes of queries and answers.  Layer core/meta.  Pure.
 *
 * An answer is the canonical array [status, change number, more, [item...]].  Versions and changes
 * travel as the very bytes that were hashed, so that a reader computes ids and hashes on its own.
 */
#ifndef FSP_CORE_META_ANSWER_H
#define FSP_CORE_META_ANSWER_H
#include "core/meta/machine.h"
#include "core/meta/query.h"

/* An answer being made. */
typedef struct {
    fsp_buf_t items;
    size_t count;
    bool more;

    /* Of queries with `at`. */
    uint64_t at_index; /* 0: another query */
    uint8_t next[FSP_NAME_BYTES_MAX];
    size_t next_bytes;
} fsp_answering_t;

void fsp_answering_init(fsp_answering_t *self);
void fsp_answering_clear(fsp_answering_t *self);
/* Each adds one item.  False: it did not fit, `more` is set, nothing was added. */
bool fsp_answering_add_node(fsp_answering_t *self, const fsp_node_info_t *node,
                            fsp_slice_t version_record);
bool fsp_answering_add_entry(fsp_answering_t *self, const fsp_entry_info_t *entry);
bool fsp_answering_add_version(fsp_answering_t *self, const fsp_version_info_t *version,
                               fsp_slice_t version_record);
bool fsp_answering_add_change(fsp_answering_t *self, fsp_slice_t row);
bool fsp_answering_add_space(fsp_answering_t *self, const fsp_space_info_t *space);
bool fsp_answering_add_link(fsp_answering_t *self, const fsp_link_info_t *link);
/* [id (or number, if id is empty), row]; row: canonical bytes of one value. */
bool fsp_answering_add_row(fsp_answering_t *self, fsp_slice_t id, uint64_t number, fsp_slice_t row);
/* An item whose bytes are made. */
bool fsp_answering_add_item(fsp_answering_t *self, fsp_slice_t item);
/* Appends the whole answer to ret; a refusal has no items. */
void fsp_answering_finish(const fsp_answering_t *self, fsp_status_t status, uint64_t index,
                          fsp_buf_t *ret);

/* Queries with a file of their own. */
FSP_MUST_CHECK fsp_status_t fsp_query_uploads(fsp_machine_t *m, const fsp_query_t *query,
                                              fsp_answering_t *answering); /* query_uploads.c */
#endif
