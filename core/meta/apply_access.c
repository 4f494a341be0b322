/* SPDX-License-Identifier: MIT */
/* apply_access - RULES, and which command of the family goes where.  Layer core/meta.  Pure. */
#include "core/meta/apply_access.h"

#include "core/base/check.h"
#include "core/meta/apply_steps.h"

static bool
rules_equal(const fsp_node_access_t *part, const fsp_access_body_t *body)
{
    if (part->parted == body->inherit || part->rule_count != body->rule_count)
        return false;
    for (size_t i = 0; i < part->rule_count; i++)
        if (!fsp_subject_id_eq(part->rules[i].id, body->rules[i].id) ||
            part->rules[i].rights != body->rules[i].rights)
            return false;
    return true;
}

static fsp_status_t
apply_rules(fsp_machine_t *m)
{
    const fsp_access_body_t *body = &m->command->access;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_live(m, &body->target, &found);
    if (status)
        return status;
    if (found.node.kind != FSP_KIND_DIRECTORY)
        return FSP_NOT_DIRECTORY;
    /* Above the root there is nothing to inherit. */
    if (found.fixed && !body->inherit)
        return FSP_INVALID;
    fsp_machine_show(m, found.id, &found.node);
    if (rules_equal(&found.node.access, body)) {
        m->unchanged = true;
        return FSP_OK;
    }
    found.node.access.parted = !body->inherit;
    found.node.access.rule_count = body->rule_count;
    memcpy(found.node.access.rules, body->rules, sizeof(body->rules));
    static_assert(sizeof(found.node.access.rules) == sizeof(body->rules), "the same rules");
    if (!body->inherit)
        m->space.access.parted = true; /* for ever: the feed keeps the names of that time */
    fsp_machine_put_node(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return FSP_OK;
}

fsp_status_t
fsp_apply_access(fsp_machine_t *m)
{
    switch ((int)m->command->type) {
    case FSP_COMMAND_RULES:
        return apply_rules(m);
    case FSP_COMMAND_LINK_MAKE:
        return fsp_apply_link_make(m);
    case FSP_COMMAND_LINK_DROP:
        return fsp_apply_link_drop(m);
    case FSP_COMMAND_LINK_USE:
        return fsp_apply_link_use(m);
    case FSP_COMMAND_SPACE_STATE:
        return fsp_apply_space_state(m);
    case FSP_COMMAND_SPACE_DROP:
        return fsp_apply_space_drop(m);
    case FSP_COMMAND_GC_OPEN:
        return fsp_apply_gc_open(m);
    case FSP_COMMAND_GC_CLOSE:
        return fsp_apply_gc_close(m);
    default:
        FSP_UNREACHABLE(); /* shard-wide ones: fsp_apply_shard */
    }
}
