/* SPDX-License-Identifier: MIT */
/* snapshot_take - frames become rows, and rows are read back.  Layer core/engine.  Pure. */
#include "core/engine/snapshot_take.h"

#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/meta/rows.h"

enum {
    /* Read back in one step. */
    VERIFY_BYTES_MAX = 1024 * 1024,
};

static fsp_row_key_t
generation_key(uint32_t shard, uint32_t generation)
{
    fsp_row_key_t key = {.used = FSP_SNAPSHOT_PREFIX_BYTES};
    fsp_store_u32(key.bytes, shard);
    fsp_store_u32(key.bytes + 4, generation);
    return key;
}

fsp_status_t
fsp_snapshot_take_rows(const fsp_snapshot_take_t *self, fsp_shard_ref_t shard, fsp_slice_t rows,
                       fsp_batch_t *batch)
{
    fsp_canon_t in = fsp_canon_reader(rows);
    while (fsp_canon_peek(&in) != FSP_CANON_END && in.status == FSP_OK) {
        fsp_slice_t key =
            fsp_canon_read_bin(&in, FSP_ROW_KEY_BYTES_MAX - FSP_SNAPSHOT_PREFIX_BYTES);
        fsp_slice_t value = fsp_canon_read_bin(&in, FSP_VALUE_BYTES_MAX);
        if (in.status || key.bytes == 0)
            return FSP_INVALID;
        fsp_row_key_t full = generation_key(shard.shard, self->generation);
        fsp_row_key_add(&full, key);
        fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_row_key_slice(&full), value);
    }
    return fsp_canon_finish(&in) ? FSP_INVALID : FSP_OK;
}

fsp_status_t
fsp_snapshot_take_verify(fsp_snapshot_take_t *self, fsp_shard_ref_t shard, fsp_view_t *view,
                         bool *ret_done, bool *ret_equal)
{
    FSP_PRE(self->phase == FSP_TAKE_VERIFY);
    *ret_done = false;
    *ret_equal = false;
    fsp_row_key_t from = generation_key(shard.shard, self->generation);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    if (self->after_bytes > 0) {
        static const uint8_t nul[1] = {0};
        fsp_row_key_add(&from, fsp_slice(self->after, self->after_bytes));
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
    }
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    size_t bytes = 0;
    for (; cursor->valid && bytes < VERIFY_BYTES_MAX; fsp_cursor_next(cursor)) {
        FSP_ASSERT(cursor->key.bytes > FSP_SNAPSHOT_PREFIX_BYTES);
        fsp_slice_t key = fsp_slice(cursor->key.data + FSP_SNAPSHOT_PREFIX_BYTES,
                                    cursor->key.bytes - FSP_SNAPSHOT_PREFIX_BYTES);
        fsp_snapshot_digest(&self->verified, key, cursor->value);
        memcpy(self->after, key.data, key.bytes);
        self->after_bytes = key.bytes;
        bytes += cursor->key.bytes + cursor->value.bytes;
    }
    if (cursor->status)
        return cursor->status;
    *ret_done = !cursor->valid;
    *ret_equal = *ret_done && fsp_hash_eq(self->verified, self->digest);
    return FSP_OK;
}

void
fsp_snapshot_forget(uint32_t shard, uint32_t from, uint32_t to, fsp_batch_t *batch)
{
    FSP_PRE(from <= to);
    if (from == to)
        return;
    fsp_row_key_t first = generation_key(shard, from);
    fsp_row_key_t end = generation_key(shard, to);
    fsp_batch_delete_range(batch, FSP_FAMILY_STATE, fsp_row_key_slice(&first),
                           fsp_row_key_slice(&end));
}

fsp_status_t
fsp_snapshot_sweep(uint32_t shard, uint32_t from, uint32_t to, fsp_view_t *view, fsp_batch_t *batch)
{
    FSP_PRE(from <= to);
    fsp_row_key_t first = generation_key(shard, from);
    fsp_row_key_t end = generation_key(shard, to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_row_key_slice(&first), fsp_row_key_slice(&end));
    if (cursor->valid)
        fsp_snapshot_forget(shard, from, to, batch);
    return cursor->status;
}
