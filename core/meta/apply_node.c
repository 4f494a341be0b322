/* SPDX-License-Identifier: MIT */
/* apply_node - attributes, leases, batches, uploads, quota, keys: which function.  Layer core/meta.
   Pure. */
#include "core/meta/apply_node.h"

#include "core/base/check.h"

fsp_status_t
fsp_apply_node(fsp_machine_t *m)
{
    switch (m->command->type) {
    case FSP_COMMAND_ATTR:
        return fsp_apply_attr(m);
    case FSP_COMMAND_RMDIR:
        return fsp_apply_rmdir(m);
    case FSP_COMMAND_LOCK:
        return fsp_apply_lock(m);
    case FSP_COMMAND_RENEW:
        return fsp_apply_renew(m);
    case FSP_COMMAND_UNLOCK:
        return fsp_apply_unlock(m);
    case FSP_COMMAND_BATCH:
        return fsp_apply_batch(m);
    case FSP_COMMAND_UPLOAD_OPEN:
        return fsp_apply_upload_open(m);
    case FSP_COMMAND_UPLOAD_APPEND:
        return fsp_apply_upload_append(m);
    case FSP_COMMAND_UPLOAD_ABORT:
        return fsp_apply_upload_abort(m);
    case FSP_COMMAND_QUOTA:
        return fsp_apply_quota(m);
    case FSP_COMMAND_REKEY:
        return fsp_apply_rekey(m);
    default:
        FSP_UNREACHABLE();
    }
}
