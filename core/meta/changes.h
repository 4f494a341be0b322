/* SPDX-License-Identifier: MIT */
/* changes - the feed: one row per applied command that changed something.  Layer core/meta.  Pure.
 *
 * A row is the canonical array [index, operation, time, author, op id, kind, file id, path, from
 * path, version id | nil, displaced id | nil, [ids of parents made], hash of the row before].
 * Its hash is the SHA-256 of exactly these bytes; the hash of the last row is in the space row.
 * So one hash fixes the whole history of a space.  Readers get the bytes themselves and compute
 * the hash on their own.  The rows are complete: whoever applies them in order has the tree, ids
 * and trash included.
 * How to change: as version records.
 */
#ifndef FSP_CORE_META_CHANGES_H
#define FSP_CORE_META_CHANGES_H
#include "core/meta/machine.h"

/* Ids in `dropped`. */
enum { FSP_CHANGE_DROPPED_MAX = FSP_PRUNE_VERSIONS_MAX };

void fsp_change_row_encode(const fsp_change_info_t *change, fsp_buf_t *buf);
/* Also fills hash. */
FSP_MUST_CHECK fsp_status_t fsp_change_row_decode(fsp_slice_t bytes, fsp_change_info_t *ret);

/* Appends what one item of a batch did: operation, kind, ids and paths of m->change. */
void fsp_change_item_write(const fsp_change_info_t *item, fsp_buf_t *buf);
/* Reads the next from a reader over change.items, which keeps the error.  Only these fields are
   filled. */
void fsp_change_item_next(fsp_canon_t *items, fsp_change_info_t *ret);

/* Completes m->change, writes it under the next number and moves the space on. */
void fsp_changes_append(fsp_machine_t *m);
#endif
