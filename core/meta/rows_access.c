/* SPDX-License-Identifier: MIT */
/* rows_access - rows of rights and links, and what spaces and nodes keep of them.  Layer core/meta.
   Pure. */
#include "core/meta/rows_access.h"

#include "core/base/check.h"
#include "core/meta/rows.h"

enum { SPACE_ACCESS_FIELDS = 6, NODE_ACCESS_FIELDS = 2, LINK_FIELDS = 9 };

static uint32_t
read_rights(fsp_canon_t *reader, uint32_t allowed)
{
    uint64_t rights = fsp_canon_read_uint(reader, allowed);
    if (rights == 0)
        fsp_canon_fail(reader, FSP_INVALID);
    return (uint32_t)rights;
}

/* -- space ------------------------------------------------------------------------------------- */

bool
fsp_space_access_is_empty(const fsp_space_access_t *part)
{
    return part->state == FSP_LIFE_OPEN && part->deadline == 0 && !part->parted &&
           part->link_count == 0 && !part->round_open && part->cursor.bytes == 0;
}

void
fsp_space_access_write(const fsp_space_access_t *part, fsp_buf_t *buf)
{
    if (fsp_space_access_is_empty(part)) {
        fsp_canon_nil(buf);
        return;
    }
    fsp_canon_array(buf, SPACE_ACCESS_FIELDS);
    fsp_canon_uint(buf, part->state);
    fsp_canon_uint(buf, part->deadline);
    fsp_canon_bool(buf, part->parted);
    fsp_canon_uint(buf, part->link_count);
    fsp_canon_bool(buf, part->round_open);
    fsp_canon_bin(buf, part->cursor);
}

void
fsp_space_access_read(fsp_canon_t *reader, fsp_space_access_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (fsp_canon_read_nil(reader))
        return;
    (void)fsp_canon_read_array(reader, SPACE_ACCESS_FIELDS, SPACE_ACCESS_FIELDS); /* sticky */
    ret->state = (fsp_life_t)fsp_canon_read_uint(reader, FSP_LIFE_GONE);
    ret->deadline = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->parted = fsp_canon_read_bool(reader);
    ret->link_count = fsp_canon_read_uint(reader, FSP_LINKS_MAX);
    ret->round_open = fsp_canon_read_bool(reader);
    ret->cursor = fsp_canon_read_bin(reader, FSP_ROW_KEY_BYTES_MAX);
    /* A deadline goes with closing; a cursor with dropping. */
    bool dated = ret->state == FSP_LIFE_CLOSING || ret->state == FSP_LIFE_DROPPING;
    if (dated != (ret->deadline != 0) ||
        (ret->cursor.bytes > 0 && ret->state != FSP_LIFE_DROPPING) ||
        fsp_space_access_is_empty(ret))
        fsp_canon_fail(reader, FSP_INVALID);
}

/* -- node -------------------------------------------------------------------------------------- */

bool
fsp_node_access_is_empty(const fsp_node_access_t *part)
{
    return !part->parted && part->rule_count == 0;
}

void
fsp_node_access_write(const fsp_node_access_t *part, fsp_buf_t *buf)
{
    if (fsp_node_access_is_empty(part)) {
        fsp_canon_nil(buf);
        return;
    }
    FSP_PRE(part->rule_count <= FSP_RULES_MAX);
    fsp_canon_array(buf, NODE_ACCESS_FIELDS);
    fsp_canon_bool(buf, !part->parted);
    fsp_canon_array(buf, 2 * part->rule_count);
    for (size_t i = 0; i < part->rule_count; i++) {
        FSP_PRE(i == 0 || fsp_subject_id_cmp(part->rules[i - 1].id, part->rules[i].id) < 0);
        fsp_canon_id(buf, part->rules[i].id);
        fsp_canon_uint(buf, part->rules[i].rights);
    }
}

void
fsp_node_access_read(fsp_canon_t *reader, fsp_node_access_t *ret)
{
    ret->parted = false;
    ret->rule_count = 0;
    if (fsp_canon_read_nil(reader))
        return;
    (void)fsp_canon_read_array(reader, NODE_ACCESS_FIELDS, NODE_ACCESS_FIELDS); /* sticky */
    ret->parted = !fsp_canon_read_bool(reader);
    size_t fields = fsp_canon_read_array(reader, 0, (size_t)2 * FSP_RULES_MAX);
    if (fields % 2 != 0)
        fsp_canon_fail(reader, FSP_INVALID);
    ret->rule_count = fields / 2;
    for (size_t i = 0; i < ret->rule_count; i++) {
        fsp_rule_t *rule = &ret->rules[i];
        fsp_canon_read_id(reader, &rule->id);
        rule->rights = read_rights(reader, FSP_RIGHTS_ALL);
        if (fsp_subject_id_is_zero(rule->id) ||
            (i > 0 && fsp_subject_id_cmp(rule[-1].id, rule->id) >= 0))
            fsp_canon_fail(reader, FSP_INVALID);
    }
    if (reader->status == FSP_OK && fsp_node_access_is_empty(ret))
        fsp_canon_fail(reader, FSP_INVALID);
}

/* -- link -------------------------------------------------------------------------------------- */

void
fsp_link_row_encode(const fsp_link_row_t *row, fsp_buf_t *buf)
{
    FSP_PRE(row->rights > 0 && row->rights <= FSP_RIGHTS_LINK);
    FSP_PRE(row->password.bytes <= FSP_LINK_PASSWORD_BYTES_MAX);
    fsp_canon_array(buf, LINK_FIELDS);
    fsp_canon_id(buf, row->file_id);
    fsp_canon_uint(buf, row->kind);
    fsp_canon_uint(buf, row->rights);
    fsp_canon_uint(buf, row->expiry);
    fsp_canon_uint(buf, row->uses_max);
    fsp_canon_uint(buf, row->uses);
    fsp_canon_id(buf, row->maker);
    fsp_canon_uint(buf, row->made);
    fsp_canon_bin(buf, row->password);
}

fsp_status_t
fsp_link_row_decode(fsp_slice_t bytes, fsp_link_row_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, LINK_FIELDS, LINK_FIELDS); /* sticky */
    fsp_canon_read_id(&reader, &ret->file_id);
    ret->kind = (fsp_kind_t)fsp_canon_read_uint(&reader, FSP_KIND_SYMLINK);
    ret->rights = read_rights(&reader, FSP_RIGHTS_LINK);
    ret->expiry = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->uses_max = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->uses = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->maker);
    ret->made = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->password = fsp_canon_read_bin(&reader, FSP_LINK_PASSWORD_BYTES_MAX);
    if (ret->kind == 0 || fsp_file_id_is_zero(ret->file_id) || fsp_subject_id_is_zero(ret->maker) ||
        (ret->uses_max > 0 && ret->uses > ret->uses_max))
        fsp_canon_fail(&reader, FSP_INVALID);
    return fsp_canon_finish(&reader);
}
