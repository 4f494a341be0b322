/* SPDX-License-Identifier: MIT */
/* apply_move - MKDIR, MOVE and DELETE: what changes names only.  Layer core/meta.  Pure.
 *
 * Each touches a handful of rows however large the subtree is: what is inside a directory names its
 * parent by id and moves along.
 */
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/apply_node.h"
#include "core/meta/holds.h"

/* Succeeded, and there was nothing to do: no change number, no change row. */
static fsp_status_t
nothing_to_do(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node)
{
    fsp_machine_show(m, id, node);
    m->unchanged = true;
    return FSP_OK;
}

fsp_status_t
fsp_apply_mkdir(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_walk_t walk;
    fsp_status_t status =
        fsp_namespace_walk(m, command->mkdir.target.path, (fsp_file_id_t){0}, &walk);
    if (status)
        return status;
    fsp_node_row_t node;
    if (walk.found) {
        if (walk.entry.kind != FSP_KIND_DIRECTORY || !command->mkdir.exist_ok)
            return fsp_apply_refuse(m, &walk, FSP_EXISTS);
        status = fsp_machine_need_node(m, walk.entry.id, &node);
        return status ? status : nothing_to_do(m, walk.entry.id, &node);
    }
    status = fsp_namespace_make_parents(m, &walk, command->mkdir.create_parents,
                                        command->mkdir.ids_seed);
    if (status)
        return status;
    fsp_file_id_t id = fsp_derived_id(command->mkdir.ids_seed, 0);
    status = fsp_namespace_check_new(m, id);
    if (status)
        return status;
    memset(&node, 0, offsetof(fsp_node_row_t, attr));
    node.kind = FSP_KIND_DIRECTORY;
    node.content_time = m->time;
    node.attr_bytes = command->mkdir.attr.bytes;
    if (node.attr_bytes)
        memcpy(node.attr, command->mkdir.attr.data, node.attr_bytes);
    fsp_namespace_attach(m, walk.directory_id, walk.name, id, &node);
    fsp_machine_show(m, id, &node);
    fsp_apply_note(m, FSP_KIND_DIRECTORY, id, command->mkdir.target.path, (fsp_slice_t){0});
    return FSP_OK;
}

/* Another node stands at `to`: refuses, or puts it into the trash. */
static fsp_status_t
make_room(fsp_machine_t *m, fsp_kind_t kind, const fsp_walk_t *to)
{
    bool onto_directory = to->entry.kind == FSP_KIND_DIRECTORY;
    if (!m->command->move.replace)
        return fsp_apply_refuse(m, to, FSP_EXISTS);
    if (kind != FSP_KIND_DIRECTORY)
        return onto_directory ? FSP_IS_DIRECTORY : fsp_apply_displace(m, to);
    if (!onto_directory)
        return FSP_NOT_DIRECTORY;
    bool empty;
    fsp_status_t status = fsp_namespace_is_empty(m, to->entry.id, &empty);
    if (status)
        return status;
    /* The root is not empty: what moves is in it, or comes out of the trash. */
    if ((!empty && !FSP_MUTANT(full_directory_replaced)) ||
        fsp_file_id_eq(to->entry.id, m->space.root_id))
        return FSP_NOT_EMPTY;
    return fsp_apply_displace(m, to);
}

fsp_status_t
fsp_apply_move(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    /* By id also out of the trash: until UNDELETE exists, this is the way back. */
    fsp_found_t from;
    fsp_status_t status = fsp_namespace_find(m, &command->move.from, &from);
    if (status)
        return status;
    if (from.fixed)
        return FSP_INVALID;
    status = fsp_holds_check_above(m, from.id, &from.node);
    if (status == FSP_OK)
        status = fsp_lease_check(m, from.id, &from.node, 0);
    if (status)
        return status;
    status = fsp_versions_check_match(m, from.id, &from.node, &command->move.condition);
    if (status)
        return status;

    fsp_walk_t to;
    fsp_file_id_t avoid = FSP_MUTANT(cycle_not_seen) ? (fsp_file_id_t){0} : from.id;
    status = fsp_namespace_walk(m, command->move.to.path, avoid, &to);
    if (status)
        return status;
    if (to.found && fsp_file_id_eq(to.entry.id, from.id))
        return nothing_to_do(m, from.id, &from.node);
    if (to.found)
        status = make_room(m, from.node.kind, &to);
    else
        status = fsp_namespace_make_parents(m, &to, command->move.create_parents,
                                            command->move.ids_seed);
    if (status)
        return status;
    fsp_namespace_detach(m, &from.node);
    fsp_namespace_attach(m, to.directory_id, to.name, from.id, &from.node);
    fsp_machine_show(m, from.id, &from.node);
    fsp_apply_note(m, from.node.kind, from.id, command->move.to.path, from.path);
    return FSP_OK;
}

fsp_status_t
fsp_apply_delete(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_live(m, &command->remove.target, &found);
    if (status)
        return status;
    if (found.fixed)
        return FSP_INVALID;
    status = fsp_holds_check(m, found.id, &found.node);
    if (status == FSP_OK)
        status = fsp_lease_check(m, found.id, &found.node, 0);
    if (status)
        return status;
    status = fsp_versions_check_match(m, found.id, &found.node, &command->remove.condition);
    if (status)
        return status;
    if (found.node.kind == FSP_KIND_DIRECTORY && !command->remove.recursive) {
        bool empty;
        status = fsp_namespace_is_empty(m, found.id, &empty);
        if (status)
            return status;
        if (!empty)
            return FSP_NOT_EMPTY;
    }
    fsp_namespace_trash(m, found.id, &found.node);
    fsp_machine_show(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return FSP_OK;
}
