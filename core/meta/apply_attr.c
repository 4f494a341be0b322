/* SPDX-License-Identifier: MIT */
/* apply_attr - ATTR, RMDIR and QUOTA.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/meta/apply_node.h"
#include "core/meta/holds.h"

fsp_status_t
fsp_apply_attr(fsp_machine_t *m)
{
    const fsp_node_body_t *body = &m->command->node;
    fsp_slice_t attr = body->attr.attr;
    FSP_PRE(attr.bytes <= FSP_ATTR_BYTES_MAX);
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_live(m, &body->attr.target, &found);
    if (status == FSP_OK)
        status = fsp_lease_check(m, found.id, &found.node, 0);
    if (status == FSP_OK)
        status = fsp_versions_check_match(m, found.id, &found.node, &body->attr.condition);
    if (status)
        return status;
    fsp_machine_show(m, found.id, &found.node);
    if (fsp_slice_eq(attr, fsp_slice(found.node.attr, found.node.attr_bytes))) {
        m->unchanged = true;
        return FSP_OK;
    }
    found.node.attr_bytes = attr.bytes;
    if (attr.bytes)
        memcpy(found.node.attr, attr.data, attr.bytes);
    fsp_machine_put_node(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return FSP_OK;
}

/* Gone at once: an empty directory has neither history nor content to want back. */
fsp_status_t
fsp_apply_rmdir(fsp_machine_t *m)
{
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_live(m, &m->command->node.rmdir.target, &found);
    if (status)
        return status;
    if (found.node.kind != FSP_KIND_DIRECTORY)
        return FSP_NOT_DIRECTORY;
    if (found.fixed)
        return FSP_INVALID;
    status = fsp_holds_check(m, found.id, &found.node);
    if (status)
        return status;
    bool empty;
    status = fsp_namespace_is_empty(m, found.id, &empty);
    if (status)
        return status;
    if (!empty)
        return FSP_NOT_EMPTY;
    fsp_machine_show(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    fsp_namespace_remove(m, found.id, &found.node);
    return FSP_OK;
}

fsp_status_t
fsp_apply_quota(fsp_machine_t *m)
{
    fsp_node_row_t root;
    fsp_status_t status = fsp_machine_need_node(m, m->space.root_id, &root);
    if (status)
        return status;
    fsp_machine_show(m, m->space.root_id, &root);
    m->unchanged = m->space.quota_bytes == m->command->node.quota.bytes;
    m->space.quota_bytes = m->command->node.quota.bytes;
    fsp_apply_note(m, FSP_KIND_DIRECTORY, m->space.root_id, fsp_slice_text("/"), (fsp_slice_t){0});
    return FSP_OK;
}
