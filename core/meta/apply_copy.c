/* SPDX-License-Identifier: MIT */
/* apply_copy - COPY: a new file with the bytes of a version.  Layer core/meta.  Pure.
 *
 * Nothing is copied but the carrier: the new file names the same objects, which its source keeps
 * alive at this very apply (collection rule iii).
 */
#include "core/base/check.h"
#include "core/meta/apply_steps.h"

fsp_status_t
fsp_apply_source(fsp_machine_t *m, fsp_file_id_t id, fsp_version_id_t version_id,
                 fsp_version_info_t *ret, fsp_buf_t *ret_carrier)
{
    fsp_version_index_row_t owner;
    fsp_status_t status = fsp_versions_owner(m, version_id, &owner);
    if (status)
        return status;
    if (!fsp_file_id_eq(owner.file_id, id))
        return FSP_NO_SUCH_VERSION;
    fsp_version_row_t row;
    status = fsp_versions_get(m, id, owner.number, ret, &row);
    if (status)
        return status == FSP_NO_SUCH_VERSION ? fsp_machine_fail(m, FSP_DAMAGED) : status;
    if (!ret->retained)
        return FSP_GONE;
    fsp_buf_append_slice(ret_carrier, row.carrier);
    FSP_ASSERT(fsp_buf_ok(ret_carrier));
    ret->carrier = fsp_buf_slice(ret_carrier);
    return FSP_OK;
}

/* Makes the place at `to` free: nothing there, or what is there goes to the trash. */
static fsp_status_t
make_room(fsp_machine_t *m, fsp_walk_t *ret)
{
    const fsp_command_t *command = m->command;
    fsp_status_t status = fsp_namespace_walk(m, command->copy.to.path, (fsp_file_id_t){0}, ret);
    if (status)
        return status;
    if (!ret->found)
        return fsp_namespace_make_parents(m, ret, command->copy.create_parents,
                                          command->copy.ids_seed);
    if (command->copy.condition.type == FSP_IF_NONE_MATCH)
        return fsp_apply_refuse(m, ret, FSP_EXISTS);
    if (ret->entry.kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    return fsp_apply_displace(m, ret);
}

/* The source is found and its carrier read, before anything is written. */
static fsp_status_t
copy_from(fsp_machine_t *m, const fsp_found_t *from, fsp_buf_t *carrier)
{
    const fsp_command_t *command = m->command;
    fsp_version_id_t version_id = fsp_version_id_is_zero(command->copy.version_id)
                                      ? from->node.heads[0].id
                                      : command->copy.version_id;
    fsp_version_info_t source;
    fsp_status_t status = fsp_apply_source(m, from->id, version_id, &source, carrier);
    if (status)
        return status;
    fsp_walk_t walk;
    status = make_room(m, &walk);
    if (status)
        return status;
    fsp_file_id_t id = fsp_derived_id(command->copy.ids_seed, 0);
    status = fsp_apply_make_file(m, &walk, from->node.kind, id, source.size, source.carrier,
                                 fsp_slice(from->node.attr, from->node.attr_bytes));
    if (status)
        return status;
    fsp_apply_note(m, from->node.kind, id, command->copy.to.path, from->path);
    return FSP_OK;
}

fsp_status_t
fsp_apply_copy(fsp_machine_t *m)
{
    /* Also out of the trash: a copy only reads. */
    fsp_found_t from;
    fsp_status_t status = fsp_namespace_find(m, &m->command->copy.from, &from);
    if (status)
        return status;
    if (from.node.kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    fsp_buf_t carrier;
    fsp_buf_init(&carrier, FSP_CARRIER_BYTES_MAX);
    status = copy_from(m, &from, &carrier);
    fsp_buf_clear(&carrier);
    return status;
}
