/* SPDX-License-Identifier: MIT */
/* policy - who may do what, as one pure function.  Layer core/auth.  Pure.
 *
 * Judged where the data is ordered: by the state machine, on the state that the operation itself
 * sees.  Rights of a request = (all for the owner, else what rules grant to the subject or one of
 * its groups) within what the way there, the share link and the credential leave
 * (docs/protocol/commands-access.md, section 3).
 */
#ifndef FSP_CORE_AUTH_POLICY_H
#define FSP_CORE_AUTH_POLICY_H
#include "core/base/status.h"
#include "core/base/types.h"

/* Bits; they are in rows and commands for ever. */
enum {
    FSP_RIGHT_READ = 1,
    FSP_RIGHT_WRITE = 2,
    FSP_RIGHT_DELETE = 4,
    FSP_RIGHT_SHARE = 8,  /* make share links */
    FSP_RIGHT_ADMIN = 16, /* set rules; what concerns a space as a whole */
    FSP_RIGHTS_ALL = 31,
    FSP_RIGHTS_LINK = FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE, /* a link may carry */

    FSP_GROUPS_MAX = 16, /* of a subject, in one request */
    FSP_RULES_MAX = 64,  /* of a directory */
};

/* Who acts, as the sender built it at its system index. */
typedef struct {
    fsp_subject_id_t id; /* zero: nobody in particular; it has no rights by rules */
    fsp_subject_id_t groups[FSP_GROUPS_MAX];
    size_t group_count;
    uint32_t ceiling; /* rights that the credential (a token) leaves; binds the owner too */
} fsp_subject_t;

/* One access rule of a directory. */
typedef struct {
    fsp_subject_id_t id; /* of a subject or a group */
    uint32_t rights;     /* 1..FSP_RIGHTS_ALL */
} fsp_rule_t;

/* What rules are about: a directory, with what was found on the way up from it. */
typedef struct {
    fsp_subject_id_t owner; /* of the space */
    uint32_t granted;       /* union of fsp_policy_grant over the directories that count */
    uint32_t bounds;        /* rights that a share link leaves here; FSP_RIGHTS_ALL without one */
} fsp_resource_t;

/* What the rules of one directory grant to the subject. */
uint32_t fsp_policy_grant(const fsp_subject_t *subject, const fsp_rule_t *rules, size_t rule_count);
/* All rights that the subject has there. */
uint32_t fsp_policy_rights(const fsp_subject_t *subject, const fsp_resource_t *resource);
/* FSP_OK if it has all of `wanted` (not 0), else FSP_FORBIDDEN. */
FSP_MUST_CHECK fsp_status_t fsp_policy(const fsp_subject_t *subject, uint32_t wanted,
                                       const fsp_resource_t *resource);
#endif
