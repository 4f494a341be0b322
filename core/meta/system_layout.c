/* SPDX-License-Identifier: MIT */
/* system_layout - live lists: appended, shortened, retired (docs/protocol/commands-system.md).
   Layer core/meta. Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/system.h"

static fsp_row_key_t
list_key(const fsp_system_t *self, uint64_t version)
{
    fsp_row_key_t key = fsp_system_key(self, FSP_TABLE_LAYOUT, (fsp_slice_t){0});
    fsp_row_key_add_u64(&key, version);
    return key;
}

/* Versions of the live lists, oldest first. */
static fsp_status_t
load_versions(fsp_system_t *self)
{
    fsp_row_key_t from = fsp_system_key(self, FSP_TABLE_LAYOUT, (fsp_slice_t){0});
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(self->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    self->list_count = 0;
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + 8 || self->list_count == FSP_LISTS_HARD_MAX)
            return fsp_machine_fail(self->m, FSP_DAMAGED);
        self->versions[self->list_count++] = fsp_load_u64(cursor->key.data + FSP_ROW_PREFIX_BYTES);
    }
    if (cursor->status)
        return fsp_machine_fail(self->m, cursor->status);
    return self->list_count > 0 ? FSP_OK : fsp_machine_fail(self->m, FSP_DAMAGED);
}

fsp_status_t
fsp_layout_load(fsp_system_t *self)
{
    FSP_PRE(self->newest.members == NULL);
    fsp_status_t status = load_versions(self);
    if (status)
        return status;
    uint64_t version = self->versions[self->list_count - 1];
    fsp_row_key_t key = list_key(self, version);
    fsp_slice_t value;
    status = fsp_machine_get(self->m, &key, &value);
    if (status == FSP_NOT_FOUND)
        return fsp_machine_fail(self->m, FSP_DAMAGED); /* the scan has just seen it */
    if (status == FSP_OK)
        status = fsp_system_decoded(self, fsp_list_row_decode(value, &self->newest));
    if (status == FSP_OK)
        self->newest.version = version;
    return status;
}

bool
fsp_layout_find(const fsp_system_t *self, fsp_node_id_t id, size_t *ret_position)
{
    for (size_t i = 0; i < self->newest.count; i++) {
        if (fsp_node_id_eq(self->newest.members[i].node_id, id)) {
            *ret_position = i;
            return true;
        }
    }
    return false;
}

void
fsp_layout_append(fsp_system_t *self, fsp_list_t *list)
{
    FSP_PRE(self->list_count < FSP_LISTS_HARD_MAX);
    list->version = ++self->row.layout_version;
    fsp_row_key_t key = list_key(self, list->version);
    fsp_list_row_encode(list, fsp_machine_value(self->m));
    fsp_machine_put(self->m, &key);
    fsp_list_clear(&self->newest);
    self->newest = *list;
    *list = (fsp_list_t){0};
    self->versions[self->list_count++] = self->newest.version;
}

static bool
stores(const fsp_member_t *member)
{
    return (member->roles & FSP_ROLE_STORAGE) && member->capacity_bytes > 0;
}

fsp_status_t
fsp_layout_shorten(fsp_system_t *self, size_t position)
{
    const fsp_list_t *newest = &self->newest;
    FSP_PRE(position < newest->count);
    size_t storing = 0;
    for (size_t i = 0; i < newest->count; i++)
        storing += i != position && stores(&newest->members[i]);
    if (storing == 0)
        return FSP_MISMATCH;
    if (self->list_count >= FSP_LISTS_HARD_MAX)
        return FSP_PENDING;
    fsp_list_t list = {.members = fsp_alloc_array(newest->count - 1, sizeof(fsp_member_t))};
    for (size_t i = 0; i < newest->count; i++)
        if (i != position)
            list.members[list.count++] = newest->members[i];
    fsp_layout_append(self, &list);
    return FSP_OK;
}

fsp_status_t
fsp_layout_retire(fsp_system_t *self)
{
    if (self->list_count < 2)
        return FSP_OK;
    for (size_t i = 0; i < self->newest.count; i++) {
        if (!stores(&self->newest.members[i]))
            continue;
        fsp_member_row_t row;
        fsp_status_t status = fsp_system_get_member(self, self->newest.members[i].node_id, &row);
        if (status == FSP_NO_SUCH_NODE)
            return fsp_machine_fail(self->m, FSP_DAMAGED); /* whoever is listed is a member */
        if (status)
            return status;
        if (row.synced != self->newest.version)
            return FSP_OK;
    }
    for (size_t i = 0; i + 1 < self->list_count; i++) {
        fsp_row_key_t key = list_key(self, self->versions[i]);
        fsp_machine_delete(self->m, &key);
    }
    self->versions[0] = self->newest.version;
    self->list_count = 1;
    self->row.layout_version++;
    return FSP_OK;
}
