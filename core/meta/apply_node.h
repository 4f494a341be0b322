/* SPDX-License-Identifier: MIT */
/* apply_node - one function per command of single nodes, batches, uploads, quota and keys, and what
   other commands ask of leases and uploads.  Layer core/meta.  Pure.
 *
 * As in apply_steps.h: each judges and writes in one pass, and apply forgets the writes of a
 * refusal.
 */
#ifndef FSP_CORE_META_APPLY_NODE_H
#define FSP_CORE_META_APPLY_NODE_H
#include "core/meta/apply_steps.h"

FSP_MUST_CHECK fsp_status_t fsp_apply_attr(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_rmdir(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_lock(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_renew(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_unlock(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_batch(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_upload_open(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_upload_append(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_upload_abort(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_quota(fsp_machine_t *m);
FSP_MUST_CHECK fsp_status_t fsp_apply_rekey(fsp_machine_t *m);

/* An expiry so long from now (holds.h), at most UINT64_MAX. */
fsp_time_t fsp_apply_expiry(const fsp_machine_t *m, fsp_time_t duration);
/* May this command change the node, under its lease?  token: that the sender holds, 0: none.
   LEASE_LOST, LOCKED (the result shows the node).  A lease that has passed and was another one's is
   taken out of `node`, which the caller then writes: so a token that is still good says that nobody
   but its holder changed the file. */
FSP_MUST_CHECK fsp_status_t fsp_lease_check(fsp_machine_t *m, fsp_file_id_t id,
                                            fsp_node_row_t *node, uint64_t token);

/* What a PUT of version 2 asks before its target is looked at: its upload, which ends (its bytes
   are the credit of the version to come), and its bases: NO_SUCH_UPLOAD, MISMATCH, BASE_GONE. */
FSP_MUST_CHECK fsp_status_t fsp_apply_put_begin(fsp_machine_t *m);

/* Key of an upload, and of its root at an offset. */
fsp_row_key_t fsp_upload_key(const fsp_machine_t *m, fsp_upload_id_t id);
fsp_row_key_t fsp_upload_root_key(const fsp_machine_t *m, fsp_upload_id_t id, uint64_t offset);
#endif
