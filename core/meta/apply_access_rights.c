/* SPDX-License-Identifier: MIT */
/* apply_access_rights - the way up from a node, and what rules grant on it.  Layer core/meta.
   Pure. */
#include "core/base/check.h"
#include "core/meta/apply_access.h"

/* -- who asks ---------------------------------------------------------------------------------- */

fsp_time_t
fsp_access_now(const fsp_machine_t *m)
{
    return fsp_meta_expiry_time(&m->shard_row, m->shard_row.log_time);
}

bool
fsp_access_is_node(const fsp_machine_t *m)
{
    return fsp_subject_id_is_zero(m->who.id);
}

fsp_row_key_t
fsp_access_link_key(const fsp_machine_t *m, fsp_link_id_t id)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_LINK);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    return key;
}

fsp_status_t
fsp_access_get_link(fsp_machine_t *m, fsp_link_id_t id, fsp_link_row_t *ret)
{
    fsp_row_key_t key = fsp_access_link_key(m, id);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_NO_SUCH_LINK : status;
    return fsp_link_row_decode(value, ret) ? fsp_machine_fail(m, FSP_DAMAGED) : FSP_OK;
}

void
fsp_access_note(fsp_machine_t *m, fsp_subject_id_t subject, const fsp_asker_t *asker)
{
    FSP_PRE(asker->group_count <= FSP_GROUPS_MAX);
    m->who.id = subject;
    m->who.ceiling = FSP_RIGHTS_ALL & ~asker->withheld;
    m->who.group_count = asker->group_count;
    memcpy(m->who.groups, asker->groups, sizeof(m->who.groups));
    m->linked = !fsp_link_id_is_zero(asker->link_id);
}

fsp_status_t
fsp_access_begin(fsp_machine_t *m, fsp_subject_id_t subject, const fsp_asker_t *asker)
{
    fsp_access_note(m, subject, asker);
    if (!m->linked)
        return FSP_OK;
    fsp_link_row_t link;
    fsp_status_t status = fsp_access_get_link(m, asker->link_id, &link);
    if (status)
        return status;
    if (!fsp_subject_id_eq(link.maker, subject))
        return FSP_FORBIDDEN;
    if (fsp_link_row_passed(&link, fsp_access_now(m)))
        return FSP_SPENT;
    m->link_file_id = link.file_id;
    m->link_rights = link.rights;
    return FSP_OK;
}

/* -- the way up -------------------------------------------------------------------------------- */

/* One way up, while it is walked. */
typedef struct {
    uint32_t granted;
    bool parted;  /* a directory stopped inheriting: nothing above grants */
    bool under;   /* the link's node was on the way */
    bool trashed; /* it led through the trash */
    bool reached; /* it led to the root */
} way_t;

/* True if the subject has all rights everywhere, so that no row needs to be read. */
static bool
owns_all(const fsp_machine_t *m)
{
    return !m->linked && !fsp_access_is_node(m) && fsp_subject_id_eq(m->who.id, m->space.owner);
}

static void
pass(const fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node, way_t *way)
{
    way->under = way->under || (m->linked && fsp_file_id_eq(id, m->link_file_id));
    if (way->parted)
        return;
    way->granted |= fsp_policy_grant(&m->who, node->access.rules, node->access.rule_count);
    way->parted = node->access.parted;
}

/* Where the way goes on above a node: its directory; from an item of the trash the directory it
   came from, if that is known and there, else the trash.  Zero for what is being purged. */
static fsp_status_t
step_up(fsp_machine_t *m, const fsp_node_row_t *node, way_t *way, fsp_file_id_t *ret)
{
    *ret = node->parent_id;
    if (!fsp_file_id_eq(*ret, m->space.trash_id))
        return FSP_OK;
    way->trashed = true;
    if (fsp_file_id_is_zero(node->history.origin_id))
        return FSP_OK;
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_NODE);
    fsp_row_key_add(&key, FSP_SLICE_OF(node->history.origin_id));
    fsp_slice_t ignored;
    fsp_status_t status = fsp_machine_get(m, &key, &ignored);
    if (status == FSP_OK)
        *ret = node->history.origin_id;
    if (status != FSP_NOT_FOUND)
        return status;
    /* That directory is gone, and what closed it or one above it: nobody can say that it did not.
     */
    way->parted = way->parted || m->space.access.parted;
    return FSP_OK;
}

/* The way ended in the trash: all for who administers the whole space. */
static fsp_status_t
end_in_trash(fsp_machine_t *m, way_t *way)
{
    way->trashed = true;
    if (way->parted)
        return FSP_OK;
    fsp_node_row_t root;
    fsp_status_t status = fsp_machine_need_node(m, m->space.root_id, &root);
    if (status)
        return status;
    if (fsp_policy_grant(&m->who, root.access.rules, root.access.rule_count) & FSP_RIGHT_ADMIN)
        way->granted = FSP_RIGHTS_ALL;
    return FSP_OK;
}

/* From the directory `id` up; it and at most FSP_PATH_DEPTH_MAX above it count. */
static fsp_status_t
climb(fsp_machine_t *m, fsp_file_id_t id, way_t *way)
{
    fsp_node_row_t node;
    for (size_t depth = 0; depth <= FSP_PATH_DEPTH_MAX && !fsp_file_id_is_zero(id); depth++) {
        if (fsp_file_id_eq(id, m->space.trash_id))
            return end_in_trash(m, way);
        fsp_status_t status = fsp_machine_need_node(m, id, &node);
        if (status)
            return status;
        pass(m, id, &node, way);
        if (fsp_file_id_eq(id, m->space.root_id)) {
            way->reached = true;
            return FSP_OK;
        }
        status = step_up(m, &node, way, &id);
        if (status)
            return status;
    }
    return FSP_OK;
}

/* Rights at the directory `id`; `way` may have begun below it. */
static fsp_status_t
at_directory(fsp_machine_t *m, fsp_file_id_t id, way_t way, uint32_t *ret_rights)
{
    fsp_status_t status = climb(m, id, &way);
    if (status)
        return status;
    fsp_resource_t resource = {
        .owner = m->space.owner, .granted = way.granted, .bounds = FSP_RIGHTS_ALL};
    if (m->linked)
        resource.bounds = way.under && way.reached && !way.trashed ? m->link_rights : 0;
    *ret_rights = fsp_policy_rights(&m->who, &resource);
    return FSP_OK;
}

/* -- rights ------------------------------------------------------------------------------------ */

/* Where a node lies, seen from below: the way begins with the node itself if that is linked. */
static fsp_status_t
above(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node, bool itself,
      uint32_t *ret_rights)
{
    way_t way = {.under = itself && m->linked && fsp_file_id_eq(id, m->link_file_id)};
    fsp_file_id_t directory_id;
    fsp_status_t status = step_up(m, node, &way, &directory_id);
    return status ? status : at_directory(m, directory_id, way, ret_rights);
}

fsp_status_t
fsp_access_at_node(fsp_machine_t *m, fsp_file_id_t id, uint32_t *ret_rights)
{
    if (owns_all(m)) {
        *ret_rights = m->who.ceiling;
        return FSP_OK;
    }
    *ret_rights = 0;
    fsp_node_row_t node;
    fsp_status_t status = FSP_NOT_FOUND;
    if (!fsp_file_id_is_zero(id))
        status = fsp_machine_get_node(m, id, &node);
    if (status == FSP_NOT_FOUND)
        return at_directory(m, m->space.root_id, (way_t){0}, ret_rights);
    if (status)
        return status;
    if (node.kind == FSP_KIND_DIRECTORY)
        return at_directory(m, id, (way_t){0}, ret_rights);
    return above(m, id, &node, true, ret_rights);
}

fsp_status_t
fsp_access_at(fsp_machine_t *m, const fsp_target_t *target, uint32_t *ret_rights)
{
    if (target->path.bytes == 0 || owns_all(m))
        return fsp_access_at_node(m, target->id, ret_rights);
    *ret_rights = 0;
    fsp_walk_t walk;
    fsp_status_t status = fsp_namespace_walk(m, target->path, (fsp_file_id_t){0}, &walk);
    if (status && status != FSP_NOT_DIRECTORY)
        return status;
    return fsp_access_at_node(m, status == FSP_OK && walk.found ? walk.entry.id : walk.directory_id,
                              ret_rights);
}

fsp_status_t
fsp_access_at_place(fsp_machine_t *m, fsp_file_id_t id, uint32_t *ret_rights)
{
    fsp_status_t status = fsp_access_at_node(m, id, ret_rights);
    if (status || owns_all(m) || fsp_file_id_is_zero(id) || fsp_file_id_eq(id, m->space.root_id) ||
        fsp_file_id_eq(id, m->space.trash_id))
        return status;
    fsp_node_row_t node;
    status = fsp_machine_get_node(m, id, &node);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_OK : status; /* judged as the root */
    uint32_t around;
    status = above(m, id, &node, false, &around);
    if (status)
        return status;
    *ret_rights &= around;
    return FSP_OK;
}

/* -- demands ----------------------------------------------------------------------------------- */

static fsp_status_t
demand(fsp_status_t status, uint32_t rights, uint32_t wanted)
{
    if (status)
        return status;
    return (rights & wanted) == wanted ? FSP_OK : FSP_FORBIDDEN;
}

fsp_status_t
fsp_access_need(fsp_machine_t *m, const fsp_target_t *target, uint32_t wanted)
{
    uint32_t rights = 0;
    fsp_status_t status = fsp_access_at(m, target, &rights);
    return demand(status, rights, wanted);
}

fsp_status_t
fsp_access_need_root(fsp_machine_t *m, uint32_t wanted)
{
    return fsp_access_need(m, &(fsp_target_t){.id = m->space.root_id}, wanted);
}

fsp_status_t
fsp_access_need_place(fsp_machine_t *m, const fsp_target_t *target, uint32_t wanted)
{
    fsp_file_id_t id = target->id;
    if (target->path.bytes) {
        fsp_walk_t walk;
        fsp_status_t status = fsp_namespace_walk(m, target->path, (fsp_file_id_t){0}, &walk);
        if (status == FSP_NOT_DIRECTORY || (status == FSP_OK && !walk.found))
            return fsp_access_need(m, target, wanted);
        if (status)
            return status;
        id = walk.entry.id;
    }
    uint32_t rights = 0;
    fsp_status_t status = fsp_access_at_place(m, id, &rights);
    return demand(status, rights, wanted);
}

fsp_status_t
fsp_access_need_whole(fsp_machine_t *m, uint32_t wanted)
{
    if (m->space.access.parted && !owns_all(m))
        return FSP_FORBIDDEN;
    return fsp_access_need_root(m, wanted);
}
