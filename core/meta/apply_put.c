/* SPDX-License-Identifier: MIT */
/* apply_put - PUT and RESTORE: a file gets a new version.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/apply_history.h"
#include "core/meta/apply_node.h"
#include "core/meta/holds.h"

/* A new version of the file `id`, whose node is loaded. */
static fsp_status_t
put_version(fsp_machine_t *m, fsp_file_id_t id, fsp_node_row_t *node, fsp_slice_t path)
{
    const fsp_command_t *command = m->command;
    fsp_succession_t succession;
    fsp_status_t status = fsp_versions_judge(m, id, node, &command->put.condition, &succession);
    if (status)
        return status;
    status = fsp_versions_add(m, id, node, &succession, command->put.size, command->put.carrier);
    if (status)
        return status;
    if (command->put.attr.bytes) {
        node->attr_bytes = command->put.attr.bytes;
        memcpy(node->attr, command->put.attr.data, command->put.attr.bytes);
    }
    fsp_machine_put_node(m, id, node);
    fsp_machine_show(m, id, node);
    fsp_apply_note(m, node->kind, id, path, (fsp_slice_t){0});
    return FSP_OK;
}

/* A file that is meant itself, whatever its path: by its id, or as what was in the trash. */
static fsp_status_t
put_onto(fsp_machine_t *m, fsp_found_t *found)
{
    const fsp_command_t *command = m->command;
    if (found->node.kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    fsp_status_t status = fsp_lease_check(m, found->id, &found->node, command->put.lease_token);
    if (status)
        return status;
    if (command->put.condition.type == FSP_IF_NONE_MATCH) {
        fsp_machine_show(m, found->id, &found->node);
        return FSP_EXISTS;
    }
    /* An id means this very file, so it cannot be replaced by another one of another kind. */
    if (found->node.kind != command->put.kind) {
        fsp_machine_show(m, found->id, &found->node);
        return FSP_MISMATCH;
    }
    return put_version(m, found->id, &found->node, found->path);
}

/* True if what lies in the trash is to come back instead of being refused. */
static bool
revives(const fsp_command_t *command)
{
    return command->put.revive && command->put.condition.type == FSP_IF_EDIT;
}

/* What lies in the trash comes back, then gets its version: so an edit made where nobody heard of
   the deletion is not lost.  to: as of fsp_apply_take_out. */
static fsp_status_t
put_revived(fsp_machine_t *m, fsp_found_t *found, fsp_slice_t to)
{
    const fsp_command_t *command = m->command;
    fsp_status_t status = fsp_holds_check_above(m, found->id, &found->node);
    if (status == FSP_OK)
        status =
            fsp_apply_take_out(m, found, to, command->put.create_parents, command->put.ids_seed);
    if (status == FSP_OK)
        status = put_onto(m, found);
    if (status)
        return status;
    m->result.path = m->change.path; /* its name may be another one now */
    return FSP_OK;
}

static fsp_status_t
put_by_id(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_live(m, &command->put.target, &found);
    if (status == FSP_TRASHED && revives(command) && !found.fixed)
        return put_revived(m, &found, (fsp_slice_t){0});
    return status ? status : put_onto(m, &found);
}

/* Something stands at the path. */
static fsp_status_t
put_over(fsp_machine_t *m, const fsp_walk_t *walk, bool *ret_displaced)
{
    const fsp_command_t *command = m->command;
    *ret_displaced = false;
    if (walk->entry.kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    fsp_node_row_t node;
    fsp_status_t status = fsp_machine_need_node(m, walk->entry.id, &node);
    if (status == FSP_OK)
        status = fsp_lease_check(m, walk->entry.id, &node, command->put.lease_token);
    if (status)
        return status;
    if (command->put.condition.type == FSP_IF_NONE_MATCH && !FSP_MUTANT(none_match_overwrites))
        return fsp_apply_refuse(m, walk, FSP_EXISTS);
    if (walk->entry.kind == command->put.kind)
        return put_version(m, walk->entry.id, &node, command->put.target.path);
    if (command->put.condition.type != FSP_IF_REPLACE)
        return fsp_apply_refuse(m, walk, FSP_MISMATCH);
    *ret_displaced = true;
    return fsp_apply_displace(m, walk);
}

/* Nothing stands at the path, but the command builds on versions: TRASHED if the file of the first
   one lies in the trash (`*ret`), else MISMATCH with no heads. */
static fsp_status_t
base_without_file(fsp_machine_t *m, fsp_found_t *ret)
{
    const fsp_condition_t *condition = &m->command->put.condition;
    if (condition->type == FSP_IF_MATCH)
        return FSP_MISMATCH;
    fsp_version_index_row_t owner;
    fsp_status_t status = fsp_versions_owner(m, condition->versions[0], &owner);
    if (status)
        return status == FSP_NO_SUCH_VERSION ? FSP_MISMATCH : status;
    status = fsp_namespace_find(m, &(fsp_target_t){.id = owner.file_id}, ret);
    if (status == FSP_NOT_FOUND || (status == FSP_OK && !ret->trashed))
        return FSP_MISMATCH;
    if (status)
        return status;
    fsp_machine_show(m, ret->id, &ret->node);
    return FSP_TRASHED;
}

static fsp_status_t
put_on_nothing(fsp_machine_t *m)
{
    fsp_found_t found;
    fsp_status_t status = base_without_file(m, &found);
    if (status == FSP_TRASHED && revives(m->command))
        return put_revived(m, &found, m->command->put.target.path);
    return status;
}

fsp_status_t
fsp_apply_put(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_status_t status = fsp_apply_put_begin(m);
    if (status)
        return status;
    if (command->put.target.path.bytes == 0)
        return put_by_id(m);

    fsp_walk_t walk;
    status = fsp_namespace_walk(m, command->put.target.path, (fsp_file_id_t){0}, &walk);
    if (status)
        return status;
    if (walk.found) {
        bool displaced;
        status = put_over(m, &walk, &displaced);
        if (status || !displaced)
            return status;
    } else {
        if (command->put.lease_token != 0)
            return FSP_LEASE_LOST;
        if (command->put.condition.version_count > 0)
            return put_on_nothing(m);
        status = fsp_namespace_make_parents(m, &walk, command->put.create_parents,
                                            command->put.ids_seed);
        if (status)
            return status;
    }
    fsp_file_id_t id = fsp_derived_id(command->put.ids_seed, 0);
    status = fsp_apply_make_file(m, &walk, command->put.kind, id, command->put.size,
                                 command->put.carrier, command->put.attr);
    if (status)
        return status;
    fsp_apply_note(m, command->put.kind, id, command->put.target.path, (fsp_slice_t){0});
    return FSP_OK;
}

fsp_status_t
fsp_apply_restore(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_live(m, &command->restore.target, &found);
    if (status)
        return status;
    if (found.node.kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    status = fsp_lease_check(m, found.id, &found.node, 0);
    if (status == FSP_OK)
        status = fsp_versions_check_match(m, found.id, &found.node, &command->restore.condition);
    if (status)
        return status;

    /* The record says "restore" and its parents are all heads: nothing is lost, all are
       superseded. */
    const fsp_condition_t all_heads = {.type = FSP_IF_REPLACE};
    fsp_succession_t succession;
    status = fsp_versions_judge(m, found.id, &found.node, &all_heads, &succession);
    if (status)
        return status;
    succession.kind = FSP_VERSION_RESTORE;

    fsp_version_info_t source;
    fsp_buf_t carrier;
    fsp_buf_init(&carrier, FSP_CARRIER_BYTES_MAX);
    status = fsp_apply_source(m, found.id, command->restore.version_id, &source, &carrier);
    if (status == FSP_OK)
        status = fsp_versions_add(m, found.id, &found.node, &succession, source.size,
                                  fsp_buf_slice(&carrier));
    fsp_buf_clear(&carrier);
    if (status)
        return status;
    fsp_machine_put_node(m, found.id, &found.node);
    fsp_machine_show(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return FSP_OK;
}
