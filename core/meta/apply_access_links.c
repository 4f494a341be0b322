/* SPDX-License-Identifier: MIT */
/* apply_access_links - share links: made, dropped, used.  Layer core/meta.  Pure.
 *
 * A link acts with what its maker may do now, within its own rights and below its own node; so
 * there is nothing to keep up to date when rights change.
 */
#include "core/base/check.h"
#include "core/meta/apply_access.h"
#include "core/meta/apply_steps.h"

/* Writes the row; row->password may borrow from the machine's read buffer. */
static void
put_link(fsp_machine_t *m, fsp_link_id_t id, const fsp_link_row_t *row)
{
    fsp_row_key_t key = fsp_access_link_key(m, id);
    fsp_link_row_encode(row, fsp_machine_value(m));
    fsp_machine_put(m, &key);
}

fsp_status_t
fsp_apply_link_make(fsp_machine_t *m)
{
    const fsp_access_body_t *body = &m->command->access;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_live(m, &body->target, &found);
    if (status)
        return status;
    fsp_link_row_t row;
    status = fsp_access_get_link(m, body->link_id, &row);
    if (status != FSP_NO_SUCH_LINK)
        return status ? status : FSP_EXISTS;
    row = (fsp_link_row_t){.file_id = found.id,
                           .kind = found.node.kind,
                           .rights = body->rights,
                           .expiry = body->expiry,
                           .uses_max = body->uses_max,
                           .maker = m->command->subject,
                           .made = m->time,
                           .password = body->password};
    if (fsp_link_row_passed(&row, fsp_access_now(m)))
        return FSP_SPENT;
    if (m->space.access.link_count >= FSP_LINKS_MAX)
        return FSP_TOO_LARGE;
    m->space.access.link_count++;
    put_link(m, body->link_id, &row);
    fsp_machine_show(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return FSP_OK;
}

/* Says in result and change what a link is about; the path is empty of what has none now. */
static void
note_link(fsp_machine_t *m, const fsp_link_row_t *link, fsp_slice_t path)
{
    m->result.kind = link->kind;
    m->result.file_id = link->file_id;
    fsp_apply_note(m, link->kind, link->file_id, path, (fsp_slice_t){0});
}

/* The link's node; ret->path is empty if it has none.  NOT_FOUND: it is nowhere. */
static fsp_status_t
find_node(fsp_machine_t *m, const fsp_link_row_t *link, fsp_found_t *ret)
{
    return fsp_namespace_find(m, &(fsp_target_t){.id = link->file_id}, ret);
}

/* Whoever made it, and whoever could make another one there. */
static fsp_status_t
may_drop(fsp_machine_t *m, const fsp_link_row_t *link)
{
    if (m->linked || !(m->who.ceiling & FSP_RIGHT_SHARE))
        return FSP_FORBIDDEN;
    if (fsp_subject_id_eq(link->maker, m->who.id))
        return FSP_OK;
    return fsp_access_need(m, &(fsp_target_t){.id = link->file_id}, FSP_RIGHT_SHARE);
}

fsp_status_t
fsp_apply_link_drop(fsp_machine_t *m)
{
    fsp_link_id_t id = m->command->access.link_id;
    fsp_link_row_t link;
    fsp_status_t status = fsp_access_get_link(m, id, &link);
    if (status)
        return status;
    status = may_drop(m, &link);
    if (status)
        return status;
    fsp_found_t found;
    status = find_node(m, &link, &found);
    if (status && status != FSP_NOT_FOUND)
        return status;
    FSP_ASSERT(m->space.access.link_count > 0);
    m->space.access.link_count--;
    fsp_row_key_t key = fsp_access_link_key(m, id);
    fsp_machine_delete(m, &key);
    note_link(m, &link, status == FSP_OK ? found.path : (fsp_slice_t){0});
    return FSP_OK;
}

fsp_status_t
fsp_apply_link_use(fsp_machine_t *m)
{
    FSP_PRE(m->linked); /* fsp_access_begin has judged the link itself */
    fsp_link_id_t id = m->command->asker.link_id;
    uint32_t rights = 0;
    fsp_status_t status = fsp_access_at_node(m, m->link_file_id, &rights);
    if (status)
        return status;
    fsp_link_row_t link;
    fsp_found_t found;
    status = fsp_namespace_find(m, &(fsp_target_t){.id = m->link_file_id}, &found);
    if (status)
        return status;
    if (found.trashed)
        return FSP_NOT_FOUND;
    if (rights == 0)
        return FSP_FORBIDDEN;
    status = fsp_access_get_link(m, id, &link);
    if (status)
        return status;
    if (link.uses_max > 0 && link.uses >= link.uses_max)
        return FSP_SPENT;
    link.uses++;
    put_link(m, id, &link);
    m->result.number = link.uses;
    note_link(m, &link, found.path);
    return FSP_OK;
}
