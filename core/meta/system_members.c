/* SPDX-License-Identifier: MIT */
/* system_members - who is a member, and what all of them know.  Layer core/meta.  Pure. */
#include "core/base/alloc.h"
#include "core/meta/system.h"

fsp_status_t
fsp_system_get_member(fsp_system_t *self, fsp_node_id_t id, fsp_member_row_t *ret)
{
    fsp_slice_t value;
    fsp_status_t status = fsp_system_get(self, FSP_TABLE_MEMBER, FSP_SLICE_OF(id), &value);
    if (status == FSP_NOT_FOUND)
        return FSP_NO_SUCH_NODE;
    return status ? status : fsp_system_decoded(self, fsp_member_row_decode(value, ret));
}

void
fsp_system_put_member(fsp_system_t *self, fsp_node_id_t id, const fsp_member_row_t *row)
{
    fsp_member_row_encode(row, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_MEMBER, FSP_SLICE_OF(id));
}

fsp_status_t
fsp_system_find_removed(fsp_system_t *self, fsp_node_id_t id)
{
    fsp_slice_t ignored;
    return fsp_system_get(self, FSP_TABLE_REMOVED, FSP_SLICE_OF(id), &ignored);
}

fsp_status_t
fsp_system_raise_level(fsp_system_t *self)
{
    fsp_row_key_t from = fsp_system_key(self, FSP_TABLE_MEMBER, (fsp_slice_t){0});
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    uint32_t least = 0;
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(self->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_member_row_t row;
        if (fsp_member_row_decode(cursor->value, &row))
            return fsp_machine_fail(self->m, FSP_DAMAGED);
        if (row.state != FSP_MEMBER_OUT && (least == 0 || row.level < least))
            least = row.level;
    }
    if (cursor->status)
        return fsp_machine_fail(self->m, cursor->status);
    if (least > self->row.level)
        self->row.level = least;
    return FSP_OK;
}
