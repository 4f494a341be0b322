/* SPDX-License-Identifier: MIT */
/* changes - the feed: one row per applied command that changed something.  Layer core/meta.
   Pure. */
#include "core/meta/changes.h"

#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/past.h"

enum { CHANGE_FIELDS = 13, CHANGE_FIELDS_MORE = 14, ITEM_FIELDS = 8, REKEY_FIELDS = 3 };

/* -- bytes ------------------------------------------------------------------------------------- */

/* The fields that a row and an item of a batch have alike. */
static void
write_what(const fsp_change_info_t *change, fsp_buf_t *buf)
{
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
}

static void
read_what(fsp_canon_t *reader, fsp_change_info_t *ret)
{
    ret->kind = (fsp_kind_t)fsp_canon_read_uint(reader, FSP_KIND_SYMLINK);
    fsp_canon_read_id(reader, &ret->file_id);
    ret->path = fsp_canon_read_text(reader, FSP_PATH_BYTES_MAX);
    ret->from_path = fsp_canon_read_text(reader, FSP_PATH_BYTES_MAX);
    if ((ret->path.bytes > 0 && fsp_path_check(ret->path) != FSP_OK) ||
        (ret->from_path.bytes > 0 && fsp_path_check(ret->from_path) != FSP_OK))
        fsp_canon_fail(reader, FSP_INVALID);
    FSP_ROW_READ_ID(reader, &ret->version_id);
    FSP_ROW_READ_ID(reader, &ret->displaced_id);
    ret->made_count = fsp_canon_read_array(reader, 0, FSP_PATH_DEPTH_MAX);
    for (size_t i = 0; i < ret->made_count; i++)
        fsp_canon_read_id(reader, &ret->made_ids[i]);
}

void
fsp_change_item_write(const fsp_change_info_t *item, fsp_buf_t *buf)
{
    fsp_canon_array(buf, ITEM_FIELDS);
    fsp_canon_uint(buf, item->operation);
    write_what(item, buf);
}

void
fsp_change_item_next(fsp_canon_t *items, fsp_change_info_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    (void)fsp_canon_read_array(items, ITEM_FIELDS, ITEM_FIELDS); /* sticky */
    ret->operation = (fsp_command_type_t)fsp_canon_read_uint(items, UINT16_MAX);
    read_what(items, ret);
}

/* True if the row has a value behind all others. */
static bool
has_more(const fsp_change_info_t *change)
{
    return change->operation == FSP_COMMAND_BATCH || change->operation == FSP_COMMAND_REKEY ||
           change->dropped.bytes > 0;
}

static void
write_more(const fsp_change_info_t *change, fsp_buf_t *buf)
{
    if (change->operation == FSP_COMMAND_BATCH) {
        fsp_canon_array(buf, change->item_count);
        fsp_buf_append_slice(buf, change->items);
    } else if (change->operation == FSP_COMMAND_REKEY) {
        fsp_canon_array(buf, REKEY_FIELDS);
        fsp_canon_id(buf, change->old_carrier);
        fsp_canon_id(buf, change->new_carrier);
        fsp_canon_uint(buf, change->earlier);
    } else {
        fsp_canon_bin(buf, change->dropped);
    }
}

void
fsp_change_row_encode(const fsp_change_info_t *change, fsp_buf_t *buf)
{
    bool more = has_more(change);
    fsp_canon_array(buf, more ? CHANGE_FIELDS_MORE : CHANGE_FIELDS);
    fsp_canon_uint(buf, change->index);
    fsp_canon_uint(buf, change->operation);
    fsp_canon_uint(buf, change->time);
    fsp_canon_id(buf, change->author);
    fsp_canon_id(buf, change->op_id);
    write_what(change, buf);
    fsp_canon_id(buf, change->previous);
    if (more)
        write_more(change, buf);
}

static void
read_items(fsp_canon_t *reader, fsp_change_info_t *ret)
{
    ret->item_count = fsp_canon_read_array(reader, 1, FSP_BATCH_ITEMS_MAX);
    const uint8_t *from = reader->at;
    fsp_change_info_t item;
    for (size_t i = 0; i < ret->item_count && reader->status == FSP_OK; i++)
        fsp_change_item_next(reader, &item);
    ret->items = fsp_slice(from, (size_t)(reader->at - from));
}

static void
read_rekey(fsp_canon_t *reader, fsp_change_info_t *ret)
{
    (void)fsp_canon_read_array(reader, REKEY_FIELDS, REKEY_FIELDS); /* sticky */
    fsp_canon_read_id(reader, &ret->old_carrier);
    fsp_canon_read_id(reader, &ret->new_carrier);
    ret->earlier = fsp_canon_read_uint(reader, UINT64_MAX);
}

/* The field behind the first thirteen, which is by operation. */
static void
read_more(fsp_canon_t *reader, fsp_change_info_t *ret)
{
    if (ret->operation == FSP_COMMAND_BATCH) {
        read_items(reader, ret);
        return;
    }
    if (ret->operation == FSP_COMMAND_REKEY) {
        read_rekey(reader, ret);
        return;
    }
    size_t id_bytes = ret->operation == FSP_COMMAND_PRUNE   ? sizeof(fsp_version_id_t)
                      : ret->operation == FSP_COMMAND_PURGE ? sizeof(fsp_file_id_t)
                                                            : 0;
    if (id_bytes == 0) {
        fsp_canon_fail(reader, FSP_INVALID);
        return;
    }
    ret->dropped = fsp_canon_read_bin(reader, FSP_CHANGE_DROPPED_MAX * id_bytes);
    if (ret->dropped.bytes == 0 || ret->dropped.bytes % id_bytes != 0)
        fsp_canon_fail(reader, FSP_INVALID);
}

fsp_status_t
fsp_change_row_decode(fsp_slice_t bytes, fsp_change_info_t *ret)
{
    FSP_PRE(ret);
    memset(ret, 0, sizeof(*ret));
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, CHANGE_FIELDS, CHANGE_FIELDS_MORE);
    ret->index = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->operation = (fsp_command_type_t)fsp_canon_read_uint(&reader, UINT16_MAX);
    ret->time = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &ret->author);
    fsp_canon_read_id(&reader, &ret->op_id);
    read_what(&reader, ret);
    fsp_canon_read_id(&reader, &ret->previous);
    if (fields == CHANGE_FIELDS_MORE)
        read_more(&reader, ret);
    if (has_more(ret) != (fields == CHANGE_FIELDS_MORE))
        fsp_canon_fail(&reader, FSP_INVALID);
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
    /* Of the first seven only what is live is touched. */
    FSP_PRE(change->path.bytes > 0 || fsp_command_family(m->command->type) != FSP_FAMILY_FIRST);
    /* What was before this change can be shown from now on. */
    if (fsp_past_is_kept(m) && m->space.history.at_horizon == 0)
        m->space.history.at_horizon = m->space.change_index ? m->space.change_index : 1;
    change->index = fsp_machine_next_index(m);
    change->operation = m->command->type;
    change->time = FSP_MUTANT(time_of_the_change_before) ? m->shard_row.applied_index : m->time;
    change->author = m->command->subject;
    change->op_id = m->command->op_id;
    change->previous = FSP_MUTANT(feed_not_chained) ? (fsp_hash_t){0} : m->space.head_hash;

    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_CHANGE);
    fsp_row_key_add_u64(&key, change->index);
    fsp_buf_t *row = fsp_machine_value(m);
    fsp_change_row_encode(change, row);
    m->space.head_hash = fsp_sha256(fsp_buf_slice(row));
    m->space.change_index = change->index;
    if (!(FSP_MUTANT(feed_misses_copies) && change->operation == FSP_COMMAND_COPY))
        fsp_machine_put(m, &key);
}
