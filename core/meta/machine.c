/* SPDX-License-Identifier: MIT */
/* machine - what one apply or one query carries through its files.  Layer core/meta.  Pure. */
#include "core/meta/machine.h"

#include "core/base/check.h"
#include "core/meta/past.h"

static void
forget_reads(fsp_machine_t *self)
{
    for (size_t i = 0; i < FSP_READS_KEPT; i++)
        self->reads[i].key.used = 0;
}

void
fsp_machine_init(fsp_machine_t *self, fsp_shard_ref_t shard, fsp_view_t *view,
                 fsp_space_id_t space_id)
{
    FSP_PRE(view);
    memset(self, 0, offsetof(fsp_machine_t, reads));
    forget_reads(self);
    self->shard = shard;
    self->view = view;
    self->space_id = space_id;
    fsp_buf_init(&self->in, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&self->out, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&self->space_in, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&self->path, FSP_PATH_BYTES_MAX);
    fsp_buf_init(&self->from_path, FSP_PATH_BYTES_MAX);
    fsp_buf_init(&self->dropped, FSP_PRUNE_VERSIONS_MAX * sizeof(fsp_version_id_t));
    fsp_buf_init(&self->items, FSP_RESULT_BYTES_MAX);
    fsp_buf_init(&self->change_items, FSP_CHANGE_ITEMS_BYTES_MAX);
}

void
fsp_machine_clear(fsp_machine_t *self)
{
    fsp_buf_clear(&self->in);
    fsp_buf_clear(&self->out);
    fsp_buf_clear(&self->space_in);
    fsp_buf_clear(&self->path);
    fsp_buf_clear(&self->from_path);
    fsp_buf_clear(&self->dropped);
    fsp_buf_clear(&self->items);
    fsp_buf_clear(&self->change_items);
}

fsp_status_t
fsp_machine_fail(fsp_machine_t *self, fsp_status_t status)
{
    FSP_PRE(status != FSP_OK);
    if (self->failure == FSP_OK)
        self->failure = status;
    return status;
}

fsp_row_key_t
fsp_machine_key(const fsp_machine_t *self, fsp_table_t table)
{
    return fsp_row_key(self->shard, table, self->space_id);
}

/* What is kept of the row, NULL: nothing. */
static fsp_read_t *
find_read(fsp_machine_t *self, const fsp_row_key_t *key)
{
    for (size_t i = 0; i < FSP_READS_KEPT; i++) {
        fsp_read_t *kept = &self->reads[i];
        if (kept->key.used == key->used && memcmp(kept->key.bytes, key->bytes, key->used) == 0)
            return kept;
    }
    return NULL;
}

/* Keeps the row in the place of the one read longest ago. */
static void
keep_read(fsp_machine_t *self, const fsp_row_key_t *key, fsp_status_t status, fsp_slice_t value)
{
    if (value.bytes > FSP_READ_KEPT_BYTES_MAX)
        return;
    fsp_read_t *kept = &self->reads[self->next_read];
    self->next_read = (self->next_read + 1) % FSP_READS_KEPT;
    memcpy(kept->key.bytes, key->bytes, key->used);
    kept->key.used = key->used;
    kept->status = status;
    kept->bytes = value.bytes;
    if (value.bytes)
        memcpy(kept->value, value.data, value.bytes);
}

fsp_status_t
fsp_machine_get(fsp_machine_t *self, const fsp_row_key_t *key, fsp_slice_t *ret)
{
    fsp_buf_reset(&self->in);
    const fsp_read_t *kept = find_read(self, key);
    if (kept) {
        if (kept->status)
            return kept->status;
        fsp_buf_append(&self->in, kept->value, kept->bytes);
        *ret = fsp_buf_slice(&self->in);
        return FSP_OK;
    }
    fsp_status_t status = fsp_view_get(self->view, fsp_row_key_slice(key), &self->in);
    if (status == FSP_NOT_FOUND) {
        keep_read(self, key, status, (fsp_slice_t){0});
        return status;
    }
    if (status)
        return fsp_machine_fail(self, status);
    *ret = fsp_buf_slice(&self->in);
    keep_read(self, key, status, *ret);
    return FSP_OK;
}

fsp_buf_t *
fsp_machine_value(fsp_machine_t *self)
{
    fsp_buf_reset(&self->out);
    return &self->out;
}

void
fsp_machine_put(fsp_machine_t *self, const fsp_row_key_t *key)
{
    FSP_PRE(self->txn);
    /* Every value is made of parts with limits of their own, far below that of a row. */
    FSP_ASSERT(fsp_buf_ok(&self->out));
    fsp_read_t *kept = find_read(self, key);
    if (kept)
        kept->key.used = 0;
    fsp_overlay_put(self->txn, fsp_row_key_slice(key), fsp_buf_slice(&self->out));
}

void
fsp_machine_delete(fsp_machine_t *self, const fsp_row_key_t *key)
{
    FSP_PRE(self->txn);
    fsp_read_t *kept = find_read(self, key);
    if (kept)
        kept->key.used = 0;
    fsp_overlay_delete(self->txn, fsp_row_key_slice(key));
}

void
fsp_machine_forget_writes(fsp_machine_t *self)
{
    FSP_PRE(self->txn);
    fsp_overlay_reset(self->txn);
    forget_reads(self); /* some may have been of what was written */
}

/* A row that we wrote and that does not decode is damage, whatever the decoder calls it. */
static fsp_status_t
decoded(fsp_machine_t *self, fsp_status_t status)
{
    return status ? fsp_machine_fail(self, FSP_DAMAGED) : FSP_OK;
}

/* -- shard and space --------------------------------------------------------------------------- */

static fsp_row_key_t
shard_key(fsp_shard_ref_t shard)
{
    return fsp_row_key(shard, FSP_TABLE_SHARD, (fsp_space_id_t){0});
}

fsp_status_t
fsp_machine_load_shard(fsp_machine_t *self)
{
    fsp_row_key_t key = shard_key(self->shard);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(self, &key, &value);
    if (status == FSP_NOT_FOUND) {
        self->shard_row = (fsp_shard_row_t){.feature_level = FSP_FEATURE_LEVEL_INITIAL};
        return FSP_OK;
    }
    if (status)
        return status;
    status = decoded(self, fsp_shard_row_decode(value, &self->shard_row));
    /* The last net under "a node below the level on its disk does not start" (4.1). */
    if (status == FSP_OK && self->shard_row.feature_level > FSP_FEATURE_LEVEL)
        return fsp_machine_fail(self, FSP_FORMAT_NEWER);
    return status;
}

void
fsp_machine_store_shard(fsp_machine_t *self)
{
    fsp_row_key_t key = shard_key(self->shard);
    fsp_shard_row_encode(&self->shard_row, fsp_machine_value(self));
    fsp_machine_put(self, &key);
}

fsp_status_t
fsp_machine_load_space(fsp_machine_t *self)
{
    fsp_row_key_t key = fsp_machine_key(self, FSP_TABLE_SPACE);
    fsp_buf_reset(&self->space_in);
    fsp_status_t status = fsp_view_get(self->view, fsp_row_key_slice(&key), &self->space_in);
    if (status == FSP_NOT_FOUND)
        return FSP_NO_SUCH_SPACE;
    if (status)
        return fsp_machine_fail(self, status);
    return decoded(self, fsp_space_row_decode(fsp_buf_slice(&self->space_in), &self->space));
}

void
fsp_machine_store_space(fsp_machine_t *self)
{
    fsp_row_key_t key = fsp_machine_key(self, FSP_TABLE_SPACE);
    fsp_space_row_encode(&self->space, fsp_machine_value(self));
    fsp_machine_put(self, &key);
}

/* -- entries and nodes ------------------------------------------------------------------------- */

static fsp_row_key_t
entry_key(const fsp_machine_t *self, fsp_file_id_t directory_id, fsp_slice_t name)
{
    FSP_PRE(name.bytes > 0 && name.bytes <= FSP_NAME_BYTES_MAX);
    fsp_row_key_t key = fsp_machine_key(self, FSP_TABLE_ENTRY);
    fsp_row_key_add(&key, FSP_SLICE_OF(directory_id));
    fsp_row_key_add(&key, name);
    return key;
}

static fsp_row_key_t
node_key(const fsp_machine_t *self, fsp_file_id_t id)
{
    FSP_PRE(!fsp_file_id_is_zero(id));
    fsp_row_key_t key = fsp_machine_key(self, FSP_TABLE_NODE);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    return key;
}

fsp_status_t
fsp_machine_get_entry(fsp_machine_t *self, fsp_file_id_t directory_id, fsp_slice_t name,
                      fsp_entry_row_t *ret)
{
    fsp_row_key_t key = entry_key(self, directory_id, name);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(self, &key, &value);
    if (status)
        return status;
    return decoded(self, fsp_entry_row_decode(value, ret));
}

void
fsp_machine_put_entry(fsp_machine_t *self, fsp_file_id_t directory_id, fsp_slice_t name,
                      const fsp_entry_row_t *row)
{
    fsp_past_keep_entry(self, directory_id, name);
    fsp_row_key_t key = entry_key(self, directory_id, name);
    fsp_entry_row_encode(row, fsp_machine_value(self));
    fsp_machine_put(self, &key);
}

void
fsp_machine_delete_entry(fsp_machine_t *self, fsp_file_id_t directory_id, fsp_slice_t name)
{
    fsp_past_keep_entry(self, directory_id, name);
    fsp_row_key_t key = entry_key(self, directory_id, name);
    fsp_machine_delete(self, &key);
}

fsp_status_t
fsp_machine_get_node(fsp_machine_t *self, fsp_file_id_t id, fsp_node_row_t *ret)
{
    fsp_row_key_t key = node_key(self, id);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(self, &key, &value);
    if (status)
        return status;
    return decoded(self, fsp_node_row_decode(value, ret));
}

fsp_status_t
fsp_machine_need_node(fsp_machine_t *self, fsp_file_id_t id, fsp_node_row_t *ret)
{
    fsp_status_t status = fsp_machine_get_node(self, id, ret);
    return status == FSP_NOT_FOUND ? fsp_machine_fail(self, FSP_DAMAGED) : status;
}

void
fsp_machine_put_node(fsp_machine_t *self, fsp_file_id_t id, fsp_node_row_t *row)
{
    /* A row that was never written: files say since when they have their heads, in versions.c. */
    if (row->index == 0 && row->kind == FSP_KIND_DIRECTORY && fsp_past_is_kept(self))
        row->history.since = fsp_machine_next_index(self);
    row->index = fsp_machine_next_index(self);
    row->time = self->time;
    fsp_row_key_t key = node_key(self, id);
    fsp_node_row_encode(row, fsp_machine_value(self));
    fsp_machine_put(self, &key);
}

void
fsp_machine_drop(fsp_machine_t *self, fsp_slice_t id)
{
    fsp_buf_append_slice(&self->dropped, id);
    FSP_ASSERT(fsp_buf_ok(&self->dropped));
    self->change.dropped = fsp_buf_slice(&self->dropped);
}

void
fsp_machine_show(fsp_machine_t *self, fsp_file_id_t id, const fsp_node_row_t *node)
{
    fsp_result_t *result = &self->result;
    result->kind = node->kind;
    result->file_id = id;
    result->head_count = node->head_count;
    for (size_t i = 0; i < node->head_count; i++)
        result->heads[i] = node->heads[i].id;
}
