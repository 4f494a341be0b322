/* SPDX-License-Identifier: MIT */
/* audit - is a shard's state whole?  Reads all rows and trusts none.  Layer core/meta.  Pure.
 *
 * Every table is walked with a cursor; what rows say of each other is looked up, so memory does not
 * grow with the state.  A fault is reported and the walk goes on; only behind a row that cannot be
 * read at all the rest of its table is skipped (sums over that table are then not judged).
 *
 * Kinds of faults (fixed words; a script may look for them):
 *
 *   unreadable    the database cannot read a row
 *   row           key or value is not what this table holds
 *   stray         a row of no shard, space or table that exists
 *   space         the space row and its name, root and trash do not fit
 *   entry, node   a name and its node do not say the same of each other
 *   cycle         going up from a node never ends
 *   heads         the heads of a file are not its versions without successor
 *   version       record, number, parents or owner of a version
 *   carrier       the carrier is not the one the record was made with
 *   index         version index and versions do not pair
 *   change        a gap in the change rows, or a broken hash chain
 *   used          used bytes of the space are not the sum of its retained versions and uploads
 *   lease         a lease of a change that is not known, of nobody, or on a directory
 *   upload        an upload and its roots do not fit each other
 *   link          a share link and its node do not fit
 *   operation     operation rows, their order rows, count and horizon
 *   past          past entries and heads, and what is there now, do not follow on each other
 *   work          a work row and what it is about do not fit
 *   system        members, lists, invitations, shards, directory and accounts of shard 0
 *
 * core/engine/log_audit, core/data/proof and actors/storecheck add kinds of their own.
 */
#ifndef FSP_CORE_META_AUDIT_H
#define FSP_CORE_META_AUDIT_H
#include "core/meta/rows.h"

enum { FSP_FAULT_TEXT_BYTES = 240 };

typedef struct {
    const char *kind;
    fsp_space_id_t space_id; /* zero: of no space */
    fsp_file_id_t file_id;   /* zero: of no file */
    uint64_t number;         /* of a version, a change or a log entry; 0: none */
    fsp_slice_t key;         /* of a row or an object; may be empty; valid during the call */
    char what[FSP_FAULT_TEXT_BYTES];
} fsp_fault_t;
typedef void(fsp_fault_fn)(void *context, const fsp_fault_t *fault);

typedef struct {
    uint64_t spaces, directories, files, symlinks, versions, changes, operations, uploads;
    uint64_t used_bytes; /* of retained versions and uploads */
} fsp_audit_counts_t;

/* Counts are added to *counts.  No status: what could not be read was reported. */
void fsp_audit_state(fsp_shard_ref_t shard, fsp_view_t *view, fsp_fault_fn *fault, void *context,
                     fsp_audit_counts_t *counts);

/* Where a node lies, as text for people: "/a/b"; "trash: 00...7/b" if it was deleted; "lost: ..."
   if going up ends nowhere.  Appended to ret, whose maximum cuts it; never fails. */
void fsp_audit_path(fsp_shard_ref_t shard, fsp_view_t *view, fsp_space_id_t space_id,
                    fsp_file_id_t file_id, fsp_buf_t *ret);
#endif
