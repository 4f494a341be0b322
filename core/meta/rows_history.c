/* SPDX-License-Identifier: MIT */
/* rows_history - what rows of spaces and nodes say of the past.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/meta/rows.h"

enum { SPACE_PART_FIELDS = 8, NODE_PART_FIELDS = 6 };

bool
fsp_retention_is_set(const fsp_retention_t *keep)
{
    return (keep->keep_last | keep->all_days | keep->daily | keep->weekly | keep->monthly |
            keep->past_days) != 0;
}

void
fsp_retention_write(const fsp_retention_t *keep, fsp_buf_t *buf)
{
    fsp_canon_uint(buf, keep->keep_last);
    fsp_canon_uint(buf, keep->all_days);
    fsp_canon_uint(buf, keep->daily);
    fsp_canon_uint(buf, keep->weekly);
    fsp_canon_uint(buf, keep->monthly);
    fsp_canon_uint(buf, keep->past_days);
}

void
fsp_retention_read(fsp_canon_t *reader, fsp_retention_t *ret)
{
    ret->keep_last = fsp_canon_read_uint(reader, FSP_RETENTION_MAX);
    ret->all_days = fsp_canon_read_uint(reader, FSP_RETENTION_MAX);
    ret->daily = fsp_canon_read_uint(reader, FSP_RETENTION_MAX);
    ret->weekly = fsp_canon_read_uint(reader, FSP_RETENTION_MAX);
    ret->monthly = fsp_canon_read_uint(reader, FSP_RETENTION_MAX);
    ret->past_days = fsp_canon_read_uint(reader, FSP_RETENTION_MAX);
}

bool
fsp_space_history_is_empty(const fsp_space_history_t *part)
{
    return (part->at_horizon | part->feed_horizon) == 0 && !fsp_retention_is_set(&part->retention);
}

void
fsp_space_history_write(const fsp_space_history_t *part, fsp_buf_t *buf)
{
    if (fsp_space_history_is_empty(part)) {
        fsp_canon_nil(buf);
        return;
    }
    fsp_canon_array(buf, SPACE_PART_FIELDS);
    fsp_canon_uint(buf, part->at_horizon);
    fsp_canon_uint(buf, part->feed_horizon);
    fsp_retention_write(&part->retention, buf);
}

void
fsp_space_history_read(fsp_canon_t *reader, fsp_space_history_t *ret)
{
    *ret = (fsp_space_history_t){0};
    if (fsp_canon_read_nil(reader))
        return;
    (void)fsp_canon_read_array(reader, SPACE_PART_FIELDS, SPACE_PART_FIELDS); /* sticky */
    ret->at_horizon = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->feed_horizon = fsp_canon_read_uint(reader, UINT64_MAX);
    fsp_retention_read(reader, &ret->retention);
    if (fsp_space_history_is_empty(ret))
        fsp_canon_fail(reader, FSP_INVALID); /* that is a nil */
}

bool
fsp_node_history_is_empty(const fsp_node_history_t *part)
{
    return part->since == 0 && !part->legal_hold && part->worm_until == 0 && !part->purging &&
           fsp_file_id_is_zero(part->origin_id) && part->origin_name_bytes == 0;
}

void
fsp_node_history_write(const fsp_node_history_t *part, fsp_buf_t *buf)
{
    FSP_PRE(part->origin_name_bytes <= FSP_NAME_BYTES_MAX);
    FSP_PRE(fsp_file_id_is_zero(part->origin_id) == (part->origin_name_bytes == 0));
    if (fsp_node_history_is_empty(part)) {
        fsp_canon_nil(buf);
        return;
    }
    fsp_canon_array(buf, NODE_PART_FIELDS);
    fsp_canon_uint(buf, part->since);
    fsp_canon_bool(buf, part->legal_hold);
    fsp_canon_uint(buf, part->worm_until);
    fsp_canon_bool(buf, part->purging);
    FSP_ROW_WRITE_ID(buf, part->origin_id);
    fsp_canon_text(buf, fsp_slice(part->origin_name, part->origin_name_bytes));
}

void
fsp_node_history_read(fsp_canon_t *reader, fsp_node_history_t *ret)
{
    memset(ret, 0, offsetof(fsp_node_history_t, origin_name));
    if (fsp_canon_read_nil(reader))
        return;
    (void)fsp_canon_read_array(reader, NODE_PART_FIELDS, NODE_PART_FIELDS); /* sticky */
    ret->since = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->legal_hold = fsp_canon_read_bool(reader);
    ret->worm_until = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->purging = fsp_canon_read_bool(reader);
    FSP_ROW_READ_ID(reader, &ret->origin_id);
    fsp_slice_t name = fsp_canon_read_text(reader, FSP_NAME_BYTES_MAX);
    ret->origin_name_bytes = name.bytes;
    if (name.bytes)
        memcpy(ret->origin_name, name.data, name.bytes);
    if (fsp_node_history_is_empty(ret) ||
        fsp_file_id_is_zero(ret->origin_id) != (ret->origin_name_bytes == 0))
        fsp_canon_fail(reader, FSP_INVALID);
}
