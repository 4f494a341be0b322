/* SPDX-License-Identifier: MIT */
/* rows - keys and values of the state machine's tables.  Layer core/meta.  Pure. */
#include "core/meta/rows.h"

#include "core/base/check.h"

enum {
    SHARD_FIELDS = 5,
    SHARD_FIELDS_HOLD = 8, /* level 2 */
    SPACE_FIELDS = 17,
    SPACE_FIELDS_HISTORY = 18, /* level 2 */
    SPACE_FIELDS_ACCESS = 19,  /* level 2 */
    ENTRY_FIELDS = 3,
    NODE_FIELDS = 9,
    NODE_FAMILIES = 3, /* level 2, behind them: history, nodes, access */
    VERSION_FIELDS = 3,
    VERSION_FIELDS_REKEYED = 4,
    VERSION_INDEX_FIELDS = 2,
    OP_FIELDS = 3,
};

/* -- keys -------------------------------------------------------------------------------------- */

fsp_row_key_t
fsp_row_key(fsp_shard_ref_t shard, fsp_table_t table, fsp_space_id_t space_id)
{
    fsp_row_key_t key;
    fsp_store_u32(key.bytes, shard.shard);
    fsp_store_u32(key.bytes + 4, shard.generation);
    key.bytes[8] = (uint8_t)table;
    memcpy(key.bytes + 9, space_id.bytes, sizeof(space_id.bytes));
    static_assert(FSP_ROW_PREFIX_BYTES == 9 + sizeof(space_id.bytes), "keys are on disk for ever");
    key.used = FSP_ROW_PREFIX_BYTES;
    return key;
}

void
fsp_row_key_add(fsp_row_key_t *key, fsp_slice_t bytes)
{
    FSP_PRE(key->used + bytes.bytes <= sizeof(key->bytes));
    if (bytes.bytes)
        memcpy(key->bytes + key->used, bytes.data, bytes.bytes);
    key->used += bytes.bytes;
}

void
fsp_row_key_add_u64(fsp_row_key_t *key, uint64_t value)
{
    FSP_PRE(key->used + sizeof(value) <= sizeof(key->bytes));
    fsp_store_u64(key->bytes + key->used, value);
    key->used += sizeof(value);
}

void
fsp_row_key_to_prefix_end(fsp_row_key_t *key)
{
    while (key->used > 0 && key->bytes[key->used - 1] == UINT8_MAX)
        key->used--;
    FSP_ASSERT(key->used > 0);
    key->bytes[key->used - 1]++;
}

/* -- fields ------------------------------------------------------------------------------------ */

static bool
all_zero(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (data[i])
            return false;
    return true;
}

void
fsp_row_write_optional(fsp_buf_t *buf, const uint8_t *id, size_t bytes)
{
    if (all_zero(id, bytes))
        fsp_canon_nil(buf);
    else
        fsp_canon_bin(buf, fsp_slice(id, bytes));
}

void
fsp_row_read_optional(fsp_canon_t *reader, uint8_t *ret_id, size_t bytes)
{
    if (fsp_canon_read_nil(reader)) {
        memset(ret_id, 0, bytes);
        return;
    }
    fsp_canon_read_fixed(reader, ret_id, bytes);
    if (reader->status == FSP_OK && all_zero(ret_id, bytes))
        fsp_canon_fail(reader, FSP_INVALID);
}

static fsp_kind_t
read_kind(fsp_canon_t *reader)
{
    uint64_t kind = fsp_canon_read_uint(reader, FSP_KIND_SYMLINK);
    if (kind == 0)
        fsp_canon_fail(reader, FSP_INVALID);
    return (fsp_kind_t)kind;
}

/* Starts reading a row of so many fields; errors stay in the reader. */
static fsp_canon_t
open_row(fsp_slice_t bytes, size_t fields)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, fields, fields);
    return reader;
}

/* -- shard ------------------------------------------------------------------------------------- */

void
fsp_shard_row_encode(const fsp_shard_row_t *row, fsp_buf_t *buf)
{
    bool hold = row->hold_left_us > 0;
    fsp_canon_array(buf, hold ? SHARD_FIELDS_HOLD : SHARD_FIELDS);
    fsp_canon_uint(buf, row->applied_index);
    fsp_canon_uint(buf, row->applied_term);
    fsp_canon_uint(buf, row->log_time);
    fsp_canon_uint(buf, row->feature_level);
    fsp_canon_uint(buf, row->subject_floor);
    if (hold) {
        fsp_canon_uint(buf, row->jump_time);
        fsp_canon_uint(buf, row->frozen_time);
        fsp_canon_uint(buf, row->hold_left_us);
    }
}

fsp_status_t
fsp_shard_row_decode(fsp_slice_t bytes, fsp_shard_row_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, SHARD_FIELDS, SHARD_FIELDS_HOLD);
    ret->applied_index = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->applied_term = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->log_time = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->feature_level = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->subject_floor = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->jump_time = ret->frozen_time = ret->hold_left_us = 0;
    if (fields == SHARD_FIELDS)
        return fsp_canon_finish(&reader);
    if (fields != SHARD_FIELDS_HOLD)
        fsp_canon_fail(&reader, FSP_INVALID);
    ret->jump_time = fsp_canon_read_uint(&reader, ret->log_time);
    ret->frozen_time = fsp_canon_read_uint(&reader, ret->jump_time);
    ret->hold_left_us = fsp_canon_read_uint(&reader, FSP_META_HOLD_US);
    if (ret->hold_left_us == 0 || ret->jump_time - ret->frozen_time <= FSP_META_HOLD_US)
        fsp_canon_fail(&reader, FSP_INVALID);
    return fsp_canon_finish(&reader);
}

/* -- space ------------------------------------------------------------------------------------- */

void
fsp_space_row_encode(const fsp_space_row_t *row, fsp_buf_t *buf)
{
    FSP_PRE(row->key_count <= FSP_SPACE_KEYS_MAX);
    bool access = !fsp_space_access_is_empty(&row->access);
    bool history = access || !fsp_space_history_is_empty(&row->history);
    fsp_canon_array(buf, access    ? SPACE_FIELDS_ACCESS
                         : history ? SPACE_FIELDS_HISTORY
                                   : SPACE_FIELDS);
    fsp_canon_text(buf, row->name);
    fsp_canon_id(buf, row->owner);
    fsp_canon_uint(buf, row->epoch);
    fsp_canon_uint(buf, row->gc_layout_version);
    fsp_canon_uint(buf, row->quota_bytes);
    fsp_canon_uint(buf, row->used_bytes);
    fsp_canon_uint(buf, row->change_index);
    fsp_canon_id(buf, row->head_hash);
    fsp_canon_uint(buf, row->horizon);
    fsp_canon_uint(buf, row->op_count);
    fsp_canon_id(buf, row->root_id);
    fsp_canon_id(buf, row->trash_id);
    fsp_canon_uint(buf, row->chunk_bytes_min);
    fsp_canon_uint(buf, row->chunk_bytes_avg);
    fsp_canon_uint(buf, row->chunk_bytes_max);
    fsp_canon_array(buf, row->key_count);
    for (size_t i = 0; i < row->key_count; i++) {
        fsp_canon_array(buf, 2);
        fsp_canon_uint(buf, row->keys[i].generation);
        fsp_canon_bin(buf, row->keys[i].wrapped);
    }
    fsp_canon_bin(buf, row->wrapped_cut_key);
    if (history)
        fsp_space_history_write(&row->history, buf);
    if (access)
        fsp_space_access_write(&row->access, buf);
}

fsp_status_t
fsp_space_row_decode(fsp_slice_t bytes, fsp_space_row_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, SPACE_FIELDS, SPACE_FIELDS_ACCESS);
    ret->name = fsp_canon_read_text(&reader, FSP_SPACE_NAME_BYTES_MAX);
    fsp_canon_read_id(&reader, &ret->owner);
    ret->epoch = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->gc_layout_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->quota_bytes = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->used_bytes = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->change_index = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->head_hash);
    ret->horizon = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->op_count = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->root_id);
    fsp_canon_read_id(&reader, &ret->trash_id);
    ret->chunk_bytes_min = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
    ret->chunk_bytes_avg = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
    ret->chunk_bytes_max = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
    ret->key_count = fsp_canon_read_array(&reader, 0, FSP_SPACE_KEYS_MAX);
    for (size_t i = 0; i < ret->key_count; i++) {
        (void)fsp_canon_read_array(&reader, 2, 2); /* sticky */
        ret->keys[i].generation = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
        ret->keys[i].wrapped = fsp_canon_read_bin(&reader, FSP_WRAPPED_BYTES_MAX);
        if (i > 0 && ret->keys[i].generation <= ret->keys[i - 1].generation)
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    ret->wrapped_cut_key = fsp_canon_read_bin(&reader, FSP_WRAPPED_BYTES_MAX);
    ret->history = (fsp_space_history_t){0};
    if (fields >= SPACE_FIELDS_HISTORY) {
        fsp_space_history_read(&reader, &ret->history);
        if (fields == SPACE_FIELDS_HISTORY && fsp_space_history_is_empty(&ret->history))
            fsp_canon_fail(&reader, FSP_INVALID); /* it has a shorter form */
    }
    ret->access = (fsp_space_access_t){0};
    if (fields >= SPACE_FIELDS_ACCESS) {
        fsp_space_access_read(&reader, &ret->access);
        if (fsp_space_access_is_empty(&ret->access))
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    return fsp_canon_finish(&reader);
}

/* -- entry ------------------------------------------------------------------------------------- */

void
fsp_entry_row_encode(const fsp_entry_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, ENTRY_FIELDS);
    fsp_canon_uint(buf, row->kind);
    fsp_canon_id(buf, row->id);
    fsp_canon_uint(buf, row->since);
}

fsp_status_t
fsp_entry_row_decode(fsp_slice_t bytes, fsp_entry_row_t *ret)
{
    fsp_canon_t reader = open_row(bytes, ENTRY_FIELDS);
    ret->kind = read_kind(&reader);
    fsp_canon_read_id(&reader, &ret->id);
    ret->since = fsp_canon_read_uint(&reader, UINT64_MAX);
    return fsp_canon_finish(&reader);
}

/* -- node -------------------------------------------------------------------------------------- */

/* How many values of later families stand behind the fields of level 1: one of each up to the last
   that says something, nil where one in between does not. */
static size_t
node_families(const fsp_node_row_t *row)
{
    if (!fsp_node_access_is_empty(&row->access))
        return 3;
    if (row->lease.token)
        return 2;
    return fsp_node_history_is_empty(&row->history) ? 0 : 1;
}

static void
write_node_families(const fsp_node_row_t *row, size_t count, fsp_buf_t *buf)
{
    if (count > 0)
        fsp_node_history_write(&row->history, buf);
    if (count > 1)
        fsp_lease_write(&row->lease, buf);
    if (count > 2)
        fsp_node_access_write(&row->access, buf);
}

static void
read_node_families(fsp_canon_t *reader, size_t count, fsp_node_row_t *ret)
{
    memset(&ret->history, 0, offsetof(fsp_node_history_t, origin_name));
    ret->lease = (fsp_lease_t){0};
    if (count > 0)
        fsp_node_history_read(reader, &ret->history);
    if (count > 1)
        fsp_lease_read(reader, &ret->lease);
    ret->access.parted = false;
    ret->access.rule_count = 0;
    if (count > 2)
        fsp_node_access_read(reader, &ret->access);
    if (!fsp_node_access_is_empty(&ret->access) && ret->kind != FSP_KIND_DIRECTORY)
        fsp_canon_fail(reader, FSP_INVALID);
    if (ret->lease.token && ret->kind == FSP_KIND_DIRECTORY)
        fsp_canon_fail(reader, FSP_INVALID);
    if (node_families(ret) != count)
        fsp_canon_fail(reader, FSP_INVALID); /* it has a shorter form */
}

void
fsp_node_row_encode(const fsp_node_row_t *row, fsp_buf_t *buf)
{
    FSP_PRE(row->name_bytes <= FSP_NAME_BYTES_MAX);
    FSP_PRE(row->attr_bytes <= FSP_ATTR_BYTES_MAX);
    FSP_PRE(row->head_count <= FSP_HEADS_MAX);
    FSP_PRE((row->kind == FSP_KIND_DIRECTORY) == (row->head_count == 0));
    const size_t families = node_families(row);
    fsp_canon_array(buf, NODE_FIELDS + families);
    fsp_canon_uint(buf, row->kind);
    FSP_ROW_WRITE_ID(buf, row->parent_id);
    fsp_canon_text(buf, fsp_node_row_name(row));
    fsp_canon_uint(buf, row->index);
    fsp_canon_uint(buf, row->time);
    fsp_canon_uint(buf, row->content_time);
    fsp_canon_uint(buf, row->size);
    fsp_canon_array(buf, 2 * row->head_count);
    for (size_t i = 0; i < row->head_count; i++) {
        FSP_PRE(i == 0 || row->heads[i - 1].number > row->heads[i].number);
        fsp_canon_uint(buf, row->heads[i].number);
        fsp_canon_id(buf, row->heads[i].id);
    }
    fsp_canon_bin(buf, fsp_slice(row->attr, row->attr_bytes));
    write_node_families(row, families, buf);
}

fsp_status_t
fsp_node_row_decode(fsp_slice_t bytes, fsp_node_row_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, NODE_FIELDS, NODE_FIELDS + NODE_FAMILIES);
    ret->kind = read_kind(&reader);
    FSP_ROW_READ_ID(&reader, &ret->parent_id);
    fsp_slice_t name = fsp_canon_read_text(&reader, FSP_NAME_BYTES_MAX);
    ret->name_bytes = name.bytes;
    if (name.bytes)
        memcpy(ret->name, name.data, name.bytes);
    ret->index = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->time = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->content_time = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->size = fsp_canon_read_uint(&reader, UINT64_MAX);
    size_t count = fsp_canon_read_array(&reader, 0, (size_t)2 * FSP_HEADS_MAX);
    if (count % 2 != 0)
        fsp_canon_fail(&reader, FSP_INVALID);
    ret->head_count = count / 2;
    for (size_t i = 0; i < ret->head_count; i++) {
        ret->heads[i].number = fsp_canon_read_uint(&reader, UINT64_MAX);
        fsp_canon_read_id(&reader, &ret->heads[i].id);
        if (i > 0 && ret->heads[i - 1].number <= ret->heads[i].number)
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    if ((ret->kind == FSP_KIND_DIRECTORY) != (ret->head_count == 0))
        fsp_canon_fail(&reader, FSP_INVALID);
    fsp_slice_t attr = fsp_canon_read_bin(&reader, FSP_ATTR_BYTES_MAX);
    ret->attr_bytes = attr.bytes;
    if (attr.bytes)
        memcpy(ret->attr, attr.data, attr.bytes);
    read_node_families(&reader, fields > NODE_FIELDS ? fields - NODE_FIELDS : 0, ret);
    return fsp_canon_finish(&reader);
}

/* -- version ----------------------------------------------------------------------------------- */

void
fsp_version_row_encode(const fsp_version_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, row->rekeyed ? VERSION_FIELDS_REKEYED : VERSION_FIELDS);
    fsp_canon_bin(buf, row->record);
    fsp_canon_bool(buf, row->retained);
    fsp_canon_bin(buf, row->carrier);
    if (row->rekeyed)
        fsp_canon_uint(buf, row->rekeyed);
}

fsp_status_t
fsp_version_row_decode(fsp_slice_t bytes, fsp_version_row_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, VERSION_FIELDS, VERSION_FIELDS_REKEYED);
    ret->record = fsp_canon_read_bin(&reader, FSP_VALUE_BYTES_MAX);
    ret->retained = fsp_canon_read_bool(&reader);
    ret->carrier = fsp_canon_read_bin(&reader, FSP_CARRIER_BYTES_MAX);
    ret->rekeyed = 0;
    if (fields == VERSION_FIELDS_REKEYED) {
        ret->rekeyed = fsp_canon_read_uint(&reader, UINT64_MAX);
        if (ret->rekeyed == 0)
            fsp_canon_fail(&reader, FSP_INVALID); /* it has a shorter form */
    }
    return fsp_canon_finish(&reader);
}

void
fsp_version_index_row_encode(const fsp_version_index_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, VERSION_INDEX_FIELDS);
    fsp_canon_id(buf, row->file_id);
    fsp_canon_uint(buf, row->number);
}

fsp_status_t
fsp_version_index_row_decode(fsp_slice_t bytes, fsp_version_index_row_t *ret)
{
    fsp_canon_t reader = open_row(bytes, VERSION_INDEX_FIELDS);
    fsp_canon_read_id(&reader, &ret->file_id);
    ret->number = fsp_canon_read_uint(&reader, UINT64_MAX);
    return fsp_canon_finish(&reader);
}

/* -- operation --------------------------------------------------------------------------------- */

void
fsp_op_row_encode(const fsp_op_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, OP_FIELDS);
    fsp_canon_uint(buf, row->index);
    fsp_canon_id(buf, row->digest);
    fsp_canon_bin(buf, row->result);
}

fsp_status_t
fsp_op_row_decode(fsp_slice_t bytes, fsp_op_row_t *ret)
{
    fsp_canon_t reader = open_row(bytes, OP_FIELDS);
    ret->index = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->digest);
    ret->result = fsp_canon_read_bin(&reader, FSP_RESULT_BYTES_MAX);
    return fsp_canon_finish(&reader);
}
