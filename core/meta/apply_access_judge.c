/* SPDX-License-Identifier: MIT */
/* apply_access_judge - the rights that each command needs, before it runs.  Layer core/meta.  Pure.
 *
 * The tables of docs/protocol/commands-access.md, section 3.  A command that is not named here
 * needs admin at the root.
 */
#include "core/base/check.h"
#include "core/meta/apply_access.h"
#include "core/meta/versions.h"

/* A right at the place of what stands at the path, other than `but` (zero: whatever it is). */
static fsp_status_t
need_displaced(fsp_machine_t *m, const fsp_target_t *to, fsp_file_id_t but)
{
    fsp_walk_t walk;
    fsp_status_t status = fsp_namespace_walk(m, to->path, (fsp_file_id_t){0}, &walk);
    if (status == FSP_NOT_DIRECTORY || (status == FSP_OK && !walk.found))
        return FSP_OK;
    if (status)
        return status;
    if (fsp_file_id_eq(walk.entry.id, but))
        return FSP_OK;
    return fsp_access_need_place(m, &(fsp_target_t){.id = walk.entry.id}, FSP_RIGHT_DELETE);
}

/* Versions below which a PUT justifies its objects: the subject must be able to read them.  What is
   no version is for the command to refuse. */
static fsp_status_t
need_bases(fsp_machine_t *m, const fsp_version_id_t *bases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fsp_version_index_row_t owner;
        fsp_status_t status = fsp_versions_owner(m, bases[i], &owner);
        if (status == FSP_NO_SUCH_VERSION)
            continue;
        if (status == FSP_OK)
            status = fsp_access_need(m, &(fsp_target_t){.id = owner.file_id}, FSP_RIGHT_READ);
        if (status)
            return status;
    }
    return FSP_OK;
}

/* The file that a PUT with `revive` takes out of the trash; *ret_there false if it does not. */
static fsp_status_t
find_revived(fsp_machine_t *m, fsp_target_t *ret, bool *ret_there)
{
    const fsp_command_t *command = m->command;
    *ret_there = false;
    *ret = command->put.target;
    if (!command->put.revive || command->put.condition.type != FSP_IF_EDIT)
        return FSP_OK;
    fsp_status_t status;
    if (ret->path.bytes) {
        fsp_walk_t walk;
        status = fsp_namespace_walk(m, ret->path, (fsp_file_id_t){0}, &walk);
        if (status == FSP_NOT_DIRECTORY || (status == FSP_OK && walk.found))
            return FSP_OK; /* that is what the PUT is about */
        fsp_version_index_row_t owner;
        if (status == FSP_OK)
            status = fsp_versions_owner(m, command->put.condition.versions[0], &owner);
        if (status)
            return status == FSP_NO_SUCH_VERSION ? FSP_OK : status;
        *ret = (fsp_target_t){.id = owner.file_id};
    }
    fsp_found_t found;
    status = fsp_namespace_find(m, ret, &found);
    *ret_there = status == FSP_OK && found.trashed && !found.fixed;
    return status == FSP_NOT_FOUND ? FSP_OK : status;
}

static fsp_status_t
judge_put(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    const fsp_target_t *target = &command->put.target;
    fsp_status_t status = fsp_access_need(m, target, FSP_RIGHT_WRITE);
    if (status == FSP_OK)
        status =
            need_bases(m, command->put.condition.versions, command->put.condition.version_count);
    if (status == FSP_OK)
        status = need_bases(m, command->put.bases, command->put.base_count);
    if (status == FSP_OK && !fsp_upload_id_is_zero(command->put.upload_id))
        status = fsp_access_need_upload(m, command->put.upload_id);
    fsp_target_t revived;
    bool there = false;
    if (status == FSP_OK)
        status = find_revived(m, &revived, &there);
    if (status == FSP_OK && there) /* as an UNDELETE would: it is no other way around its rights */
        return fsp_access_need_place(m, &revived,
                                     FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE);
    if (status || target->path.bytes == 0 || command->put.condition.type != FSP_IF_REPLACE)
        return status;
    fsp_walk_t walk;
    status = fsp_namespace_walk(m, target->path, (fsp_file_id_t){0}, &walk);
    if (status == FSP_NOT_DIRECTORY || (status == FSP_OK && !walk.found))
        return FSP_OK;
    if (status || walk.entry.kind == FSP_KIND_DIRECTORY || walk.entry.kind == command->put.kind)
        return status;
    return fsp_access_need_place(m, target, FSP_RIGHT_DELETE);
}

static fsp_status_t
judge_move(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_status_t status =
        fsp_access_need_place(m, &command->move.from, FSP_RIGHT_READ | FSP_RIGHT_DELETE);
    if (status == FSP_OK)
        status = fsp_access_need(m, &command->move.to, FSP_RIGHT_WRITE);
    if (status || !command->move.replace)
        return status;
    fsp_file_id_t from_id = command->move.from.id;
    if (command->move.from.path.bytes) {
        fsp_walk_t walk;
        status = fsp_namespace_walk(m, command->move.from.path, (fsp_file_id_t){0}, &walk);
        if (status == FSP_NOT_DIRECTORY || (status == FSP_OK && !walk.found))
            return FSP_OK; /* there is nothing to move */
        if (status)
            return status;
        from_id = walk.entry.id;
    }
    return need_displaced(m, &command->move.to, from_id);
}

static fsp_status_t
judge_copy(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    fsp_status_t status = fsp_access_need(m, &command->copy.from, FSP_RIGHT_READ);
    if (status == FSP_OK)
        status = fsp_access_need(m, &command->copy.to, FSP_RIGHT_WRITE);
    if (status || command->copy.condition.type != FSP_IF_REPLACE)
        return status;
    return need_displaced(m, &command->copy.to, (fsp_file_id_t){0});
}

/* -- history ----------------------------------------------------------------------------------- */

/* A target whose path starts at the trash, as an id; `*ret` stays the root's where nothing is, so
   that it is judged as that. */
static fsp_status_t
in_trash(fsp_machine_t *m, const fsp_target_t *target, fsp_target_t *ret)
{
    *ret = (fsp_target_t){.id = m->space.root_id};
    if (target->path.bytes == 0) {
        *ret = *target;
        return FSP_OK;
    }
    fsp_walk_t walk;
    fsp_status_t status =
        fsp_namespace_walk_from(m, m->space.trash_id, target->path, (fsp_file_id_t){0}, &walk);
    if (status == FSP_NOT_DIRECTORY || (status == FSP_OK && !walk.found))
        return FSP_OK;
    if (status == FSP_OK)
        ret->id = walk.entry.id;
    return status;
}

static fsp_status_t
judge_undelete(fsp_machine_t *m)
{
    const fsp_history_body_t *body = &m->command->history;
    fsp_target_t from;
    fsp_status_t status = in_trash(m, &body->target, &from);
    uint32_t wanted = FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE;
    if (status == FSP_OK)
        status = fsp_access_need_place(m, &from, wanted);
    if (status || body->to.path.bytes == 0)
        return status;
    return fsp_access_need(m, &body->to, FSP_RIGHT_WRITE);
}

static fsp_status_t
judge_history(fsp_machine_t *m)
{
    const fsp_history_body_t *body = &m->command->history;
    fsp_target_t item;
    fsp_status_t status;
    switch ((int)m->command->type) {
    case FSP_COMMAND_UNDELETE:
        return judge_undelete(m);
    case FSP_COMMAND_PRUNE:
        if (body->given)
            return fsp_access_need(m, &body->target, FSP_RIGHT_ADMIN);
        break; /* a step of a round */
    case FSP_COMMAND_PURGE:
        if (!body->given)
            break;
        status = in_trash(m, &body->target, &item);
        return status ? status : fsp_access_need_place(m, &item, FSP_RIGHT_ADMIN);
    case FSP_COMMAND_HOLD:
        return fsp_access_need(m, &body->target, FSP_RIGHT_ADMIN);
    default:
        return fsp_access_need_root(m, FSP_RIGHT_ADMIN);
    }
    /* The leader's own work goes by the policy that the space has. */
    return fsp_access_is_node(m) ? FSP_OK : fsp_access_need_root(m, FSP_RIGHT_ADMIN);
}

/* -- nodes ------------------------------------------------------------------------------------- */

fsp_status_t
fsp_access_need_upload(fsp_machine_t *m, fsp_upload_id_t id)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_UPLOAD);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_OK : status;
    fsp_upload_row_t row;
    if (fsp_upload_row_decode(value, &row))
        return fsp_machine_fail(m, FSP_DAMAGED);
    /* The target borrows from the value, which the walk reads over. */
    uint8_t path[FSP_PATH_BYTES_MAX];
    fsp_target_t target = row.target;
    if (target.path.bytes) {
        FSP_ASSERT(target.path.bytes <= sizeof(path));
        memcpy(path, target.path.data, target.path.bytes);
        target.path = fsp_slice(path, target.path.bytes);
    }
    return fsp_access_need(m, &target, FSP_RIGHT_WRITE);
}

static fsp_status_t
judge_node(fsp_machine_t *m)
{
    const fsp_node_body_t *body = &m->command->node;
    switch ((int)m->command->type) {
    case FSP_COMMAND_ATTR:
        return fsp_access_need(m, &body->attr.target, FSP_RIGHT_WRITE);
    case FSP_COMMAND_RMDIR:
        return fsp_access_need_place(m, &body->rmdir.target, FSP_RIGHT_DELETE);
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_RENEW:
        return fsp_access_need(m, &body->lease.target, FSP_RIGHT_WRITE);
    case FSP_COMMAND_UNLOCK:
        return fsp_access_need(m, &body->lease.target,
                               body->lease.force ? FSP_RIGHT_ADMIN : FSP_RIGHT_WRITE);
    case FSP_COMMAND_BATCH:
        return FSP_OK; /* each item in its turn, by fsp_access_judge */
    case FSP_COMMAND_UPLOAD_OPEN:
        return fsp_access_need(m, &body->upload_open.target, FSP_RIGHT_WRITE);
    case FSP_COMMAND_UPLOAD_APPEND:
        return fsp_access_need_upload(m, body->upload_append.id);
    case FSP_COMMAND_UPLOAD_ABORT:
        return fsp_access_is_node(m) ? FSP_OK : fsp_access_need_upload(m, body->upload_abort.id);
    default: /* QUOTA, REKEY */
        return fsp_access_need_root(m, FSP_RIGHT_ADMIN);
    }
}

/* -- access ------------------------------------------------------------------------------------ */

static fsp_status_t
judge_access(fsp_machine_t *m)
{
    const fsp_access_body_t *body = &m->command->access;
    switch ((int)m->command->type) {
    case FSP_COMMAND_RULES:
        return fsp_access_need(m, &body->target, FSP_RIGHT_ADMIN);
    case FSP_COMMAND_LINK_MAKE:
        return fsp_access_need(m, &body->target, FSP_RIGHT_SHARE | body->rights);
    case FSP_COMMAND_LINK_DROP:
    case FSP_COMMAND_LINK_USE:
        return FSP_OK; /* judged with the link: apply_access_links.c */
    default:
        return fsp_access_is_node(m) ? FSP_OK : FSP_FORBIDDEN;
    }
}

fsp_status_t
fsp_access_judge(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    switch ((int)command->type) {
    case FSP_COMMAND_PUT:
        return judge_put(m);
    case FSP_COMMAND_DELETE:
        return fsp_access_need_place(m, &command->remove.target, FSP_RIGHT_DELETE);
    case FSP_COMMAND_MKDIR:
        return fsp_access_need(m, &command->mkdir.target, FSP_RIGHT_WRITE);
    case FSP_COMMAND_MOVE:
        return judge_move(m);
    case FSP_COMMAND_RESTORE:
        return fsp_access_need(m, &command->restore.target, FSP_RIGHT_WRITE);
    case FSP_COMMAND_COPY:
        return judge_copy(m);
    default:
        break;
    }
    switch (fsp_command_family(command->type)) {
    case FSP_FAMILY_HISTORY:
        return judge_history(m);
    case FSP_FAMILY_NODE:
        return judge_node(m);
    case FSP_FAMILY_ACCESS:
        return judge_access(m);
    default:
        return fsp_access_need_root(m, FSP_RIGHT_ADMIN);
    }
}
