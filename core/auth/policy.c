/* SPDX-License-Identifier: MIT */
/* policy - who may do what, as one pure function.  Layer core/auth.  Pure. */
#include "core/auth/policy.h"

#include "core/base/check.h"

fsp_status_t
fsp_policy(fsp_subject_id_t subject, fsp_action_t action, const fsp_resource_t *resource)
{
    FSP_PRE(resource);
    FSP_PRE(action == FSP_ACTION_READ || action == FSP_ACTION_WRITE || action == FSP_ACTION_ADMIN);
    /* The zero subject is nobody, also where a damaged space says that nobody owns it. */
    if (fsp_subject_id_is_zero(subject))
        return FSP_FORBIDDEN;
    return fsp_subject_id_eq(subject, resource->owner) ? FSP_OK : FSP_FORBIDDEN;
}
