/* SPDX-License-Identifier: MIT */
/* policy - who may do what, as one pure function.  Layer core/auth.  Pure.
 *
 * Judged where the data is ordered: by the state machine, on the state that the operation itself
 * sees.
 */
#ifndef FSP_CORE_AUTH_POLICY_H
#define FSP_CORE_AUTH_POLICY_H
#include "core/base/status.h"
#include "core/base/types.h"

typedef enum { FSP_ACTION_READ, FSP_ACTION_WRITE, FSP_ACTION_ADMIN } fsp_action_t;

typedef struct {
    fsp_subject_id_t owner; /* of the space */
} fsp_resource_t;

/* FSP_OK or FSP_FORBIDDEN.  A space belongs to its owner, and to nobody else yet: roles, groups and
   share links come with accounts. */
FSP_MUST_CHECK fsp_status_t fsp_policy(fsp_subject_id_t subject, fsp_action_t action,
                                       const fsp_resource_t *resource);
#endif
