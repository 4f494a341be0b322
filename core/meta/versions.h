/* SPDX-License-Identifier: MIT */
/* versions - version records, and which heads a new one leaves.  Layer core/meta.  Pure.
 *
 * A record is the canonical array [file id, number, kind, parents ascending, size, author, time,
 * op id, carrier hash]; the version's id is its SHA-256.  It is built at apply, so number,
 * parents and time are decided by the log.  Its bytes are hashed by everybody who verifies a
 * history: this array never changes; something new to say goes into another array length with a
 * feature level.
 */
#ifndef FSP_CORE_META_VERSIONS_H
#define FSP_CORE_META_VERSIONS_H
#include "core/meta/machine.h"

/* Only the fields of the record. */
void fsp_version_record_encode(const fsp_version_info_t *version, fsp_buf_t *buf);
/* Fills the fields of the record and the id; the others are zero. */
FSP_MUST_CHECK fsp_status_t fsp_version_record_decode(fsp_slice_t record, fsp_version_info_t *ret);

/* What a new version follows. */
typedef struct {
    fsp_version_kind_t kind;
    fsp_version_id_t parents[FSP_PARENTS_MAX]; /* ascending */
    size_t parent_count;
    fsp_head_t stay[FSP_HEADS_MAX]; /* heads that stay beside it, descending numbers */
    size_t stay_count;
} fsp_succession_t;

/* Judges a condition (REPLACE, EDIT, MATCH, MERGE) on a file's heads: MISMATCH (the result shows
   the heads), BASE_GONE, TOO_MANY_HEADS. */
FSP_MUST_CHECK fsp_status_t fsp_versions_judge(fsp_machine_t *m, fsp_file_id_t id,
                                               const fsp_node_row_t *node,
                                               const fsp_condition_t *condition,
                                               fsp_succession_t *ret);
/* MATCH for commands that make no version: MISMATCH unless REPLACE or heads = {base}. */
FSP_MUST_CHECK fsp_status_t fsp_versions_check_match(fsp_machine_t *m, fsp_file_id_t id,
                                                     const fsp_node_row_t *node,
                                                     const fsp_condition_t *condition);

/* Counts size as used in place of what is set free; QUOTA if that grows beyond the quota.  What
   does not grow is taken even where a quota was set below what is used. */
FSP_MUST_CHECK fsp_status_t fsp_versions_charge(fsp_space_row_t *space, uint64_t freed,
                                                uint64_t size);
/* Writes the next version of the file and makes it a head of node, which the caller then writes.
   QUOTA.  author, time and op id come from the command. */
FSP_MUST_CHECK fsp_status_t fsp_versions_add(fsp_machine_t *m, fsp_file_id_t id,
                                             fsp_node_row_t *node,
                                             const fsp_succession_t *succession, uint64_t size,
                                             fsp_slice_t carrier);

/* Lets go of a version's bytes: it is retained no more, its carrier is emptied, used bytes fall.
   The record stays.  False in *ret_dropped if that had been done before. */
FSP_MUST_CHECK fsp_status_t fsp_versions_drop(fsp_machine_t *m, fsp_file_id_t id, uint64_t number,
                                              bool *ret_dropped);
/* Deletes at most `rows_max` versions of a file, lowest numbers first, records and index too.
 *ret_rows: how many there were; fewer than rows_max: none is left. */
FSP_MUST_CHECK fsp_status_t fsp_versions_delete(fsp_machine_t *m, fsp_file_id_t id, size_t rows_max,
                                                size_t *ret_rows);

/* File and number of a version; NO_SUCH_VERSION. */
FSP_MUST_CHECK fsp_status_t fsp_versions_owner(fsp_machine_t *m, fsp_version_id_t version_id,
                                               fsp_version_index_row_t *ret);
/* Version of a file by number; NO_SUCH_VERSION.  is_head is left false.  Borrows until the next
   read. */
FSP_MUST_CHECK fsp_status_t fsp_versions_get(fsp_machine_t *m, fsp_file_id_t id, uint64_t number,
                                             fsp_version_info_t *ret, fsp_version_row_t *ret_row);
/* The number of the version of this file whose id starts with so many hex digits: NO_SUCH_VERSION,
   AMBIGUOUS, INVALID (no hex, fewer than 8 or more than 64 digits). */
FSP_MUST_CHECK fsp_status_t fsp_versions_by_prefix(fsp_machine_t *m, fsp_file_id_t id,
                                                   fsp_slice_t hex, uint64_t *ret_number);
#endif
