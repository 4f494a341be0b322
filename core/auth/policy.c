/* SPDX-License-Identifier: MIT */
/* policy - who may do what, as one pure function.  Layer core/auth.  Pure. */
#include "core/auth/policy.h"

#include "core/base/check.h"

static bool
names(const fsp_rule_t *rule, const fsp_subject_t *subject)
{
    if (fsp_subject_id_eq(rule->id, subject->id))
        return true;
    for (size_t i = 0; i < subject->group_count; i++)
        if (fsp_subject_id_eq(rule->id, subject->groups[i]))
            return true;
    return false;
}

uint32_t
fsp_policy_grant(const fsp_subject_t *subject, const fsp_rule_t *rules, size_t rule_count)
{
    FSP_PRE(subject);
    FSP_PRE(subject->group_count <= FSP_GROUPS_MAX);
    /* The zero subject is nobody, also where a damaged rule names it. */
    if (fsp_subject_id_is_zero(subject->id))
        return 0;
    uint32_t rights = 0;
    for (size_t i = 0; i < rule_count; i++)
        if (names(&rules[i], subject))
            rights |= rules[i].rights;
    return rights & FSP_RIGHTS_ALL;
}

uint32_t
fsp_policy_rights(const fsp_subject_t *subject, const fsp_resource_t *resource)
{
    FSP_PRE(subject);
    FSP_PRE(resource);
    /* Nor does a damaged space that nobody owns belong to nobody. */
    if (fsp_subject_id_is_zero(subject->id))
        return 0;
    uint32_t rights = fsp_subject_id_eq(subject->id, resource->owner) ? (uint32_t)FSP_RIGHTS_ALL
                                                                      : resource->granted;
    return rights & resource->bounds & subject->ceiling & FSP_RIGHTS_ALL;
}

fsp_status_t
fsp_policy(const fsp_subject_t *subject, uint32_t wanted, const fsp_resource_t *resource)
{
    FSP_PRE(wanted > 0 && wanted <= FSP_RIGHTS_ALL);
    return (fsp_policy_rights(subject, resource) & wanted) == wanted ? FSP_OK : FSP_FORBIDDEN;
}
