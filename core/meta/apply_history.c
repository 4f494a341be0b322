/* SPDX-License-Identifier: MIT */
/* apply_history - RETENTION and HOLD, and which command of the family goes where.  Layer core/meta.
   Pure. */
#include "core/meta/apply_history.h"

#include "core/base/check.h"
#include "core/meta/apply_steps.h"
#include "core/meta/holds.h"

static fsp_status_t
nothing_to_do(fsp_machine_t *m, fsp_file_id_t id, fsp_kind_t kind)
{
    m->result.kind = kind;
    m->result.file_id = id;
    m->unchanged = true;
    return FSP_OK;
}

static fsp_status_t
apply_retention(fsp_machine_t *m)
{
    const fsp_retention_t *wanted = &m->command->history.retention;
    fsp_retention_t *present = &m->space.history.retention;
    if (memcmp(wanted, present, sizeof(*wanted)) == 0)
        return nothing_to_do(m, m->space.root_id, FSP_KIND_DIRECTORY);
    *present = *wanted;
    fsp_apply_note(m, FSP_KIND_DIRECTORY, m->space.root_id, fsp_slice_text("/"), (fsp_slice_t){0});
    m->result.kind = FSP_KIND_DIRECTORY;
    m->result.file_id = m->space.root_id;
    return FSP_OK;
}
static_assert(sizeof(fsp_retention_t) == 6 * sizeof(uint64_t), "no padding: memcmp compares it");

static fsp_status_t
apply_hold(fsp_machine_t *m)
{
    const fsp_history_body_t *body = &m->command->history;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find(m, &body->target, &found);
    if (status)
        return status;
    if (fsp_file_id_eq(found.id, m->space.trash_id))
        return FSP_INVALID;
    if (found.deep)
        return FSP_TOO_LARGE;
    fsp_node_history_t *part = &found.node.history;
    if (body->worm_until < part->worm_until && part->worm_until > fsp_holds_now(m)) {
        fsp_machine_show(m, found.id, &found.node);
        return FSP_HELD;
    }
    fsp_machine_show(m, found.id, &found.node);
    if (body->worm_until == part->worm_until && body->legal_hold == part->legal_hold) {
        m->unchanged = true;
        return FSP_OK;
    }
    part->legal_hold = body->legal_hold;
    part->worm_until = body->worm_until;
    fsp_machine_put_node(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return FSP_OK;
}

fsp_status_t
fsp_apply_history(fsp_machine_t *m)
{
    switch ((int)m->command->type) {
    case FSP_COMMAND_UNDELETE:
        return fsp_apply_undelete(m);
    case FSP_COMMAND_PRUNE:
        return fsp_apply_prune(m);
    case FSP_COMMAND_PURGE:
        return fsp_apply_purge(m);
    case FSP_COMMAND_RETENTION:
        return apply_retention(m);
    case FSP_COMMAND_HOLD:
        return apply_hold(m);
    default:
        FSP_UNREACHABLE();
    }
}
