/* SPDX-License-Identifier: MIT */
/* changes - the feed: one row per applied command that changed something.  Layer core/meta.
   Pure. */
#include "core/meta/changes.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

enum { CHANGE_FIELDS = 13 };

void
fsp_change_row_encode(const fsp_change_info_t *change, fsp_buf_t *buf)
{
    fsp_canon_array(buf, CHANGE_FIELDS);
    fsp_canon_uint(buf, change->index);
    fsp_canon_uint(buf, change->operation);
    fsp_canon_uint(buf, change->time);
    fsp_canon_id(buf, change->author);
    fsp_canon_id(buf, change->op_id);
    fsp_canon_uint(buf, change->kind);
    fsp_canon_id(buf, change->file_id);
    fsp_canon_text(buf, change->path);
    fsp_canon_text(buf, change->from_path);
    FSP_ROW_WRITE_ID(buf, change->version_id);
    FSP_ROW_WRITE_ID(buf, change->displaced_id);
    FSP_PRE(change->made_count <= FSP_PATH_DEPTH_MAX);
    fsp_canon_array(buf, change->made_count);
    for (size_t i = 0; i < change->made_count; i++)
        fsp_canon_id(buf, change->made_ids[i]);
    fsp_canon_id(buf, change->previous);
}

fsp_status_t
fsp_change_row_decode(fsp_slice_t bytes, fsp_change_info_t *ret)
{
    FSP_PRE(ret);
    memset(ret, 0, sizeof(*ret));
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, CHANGE_FIELDS, CHANGE_FIELDS); /* sticky */
    ret->index = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->operation = (fsp_command_type_t)fsp_canon_read_uint(&reader, UINT16_MAX);
    ret->time = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->author);
    fsp_canon_read_id(&reader, &ret->op_id);
    ret->kind = (fsp_kind_t)fsp_canon_read_uint(&reader, FSP_KIND_SYMLINK);
    fsp_canon_read_id(&reader, &ret->file_id);
    ret->path = fsp_canon_read_text(&reader, FSP_PATH_BYTES_MAX);
    ret->from_path = fsp_canon_read_text(&reader, FSP_PATH_BYTES_MAX);
    if ((ret->path.bytes > 0 && fsp_path_check(ret->path) != FSP_OK) ||
        (ret->from_path.bytes > 0 && fsp_path_check(ret->from_path) != FSP_OK))
        fsp_canon_fail(&reader, FSP_INVALID);
    FSP_ROW_READ_ID(&reader, &ret->version_id);
    FSP_ROW_READ_ID(&reader, &ret->displaced_id);
    ret->made_count = fsp_canon_read_array(&reader, 0, FSP_PATH_DEPTH_MAX);
    for (size_t i = 0; i < ret->made_count; i++)
        fsp_canon_read_id(&reader, &ret->made_ids[i]);
    fsp_canon_read_id(&reader, &ret->previous);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        ret->hash = fsp_sha256(bytes);
    return status;
}

void
fsp_changes_append(fsp_machine_t *m)
{
    fsp_change_info_t *change = &m->change;
    FSP_PRE(!fsp_file_id_is_zero(change->file_id));
    FSP_PRE(change->kind != 0);
    FSP_PRE(change->path.bytes > 0);
    change->index = fsp_machine_next_index(m);
    change->operation = m->command->type;
    change->time = m->time;
    change->author = m->command->subject;
    change->op_id = m->command->op_id;
    change->previous = m->space.head_hash;

    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_CHANGE);
    fsp_row_key_add_u64(&key, change->index);
    fsp_buf_t *row = fsp_machine_value(m);
    fsp_change_row_encode(change, row);
    m->space.head_hash = fsp_sha256(fsp_buf_slice(row));
    m->space.change_index = change->index;
    fsp_machine_put(m, &key);
}
