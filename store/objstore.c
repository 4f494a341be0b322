/* SPDX-License-Identifier: MIT */
/* objstore - the bytes of large objects, behind four calls.  Layer store. */
#include "store/objstore.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

enum { RANGE_PAGE = 256 }; /* rows of a range looked at in one go */

fsp_status_t
fsp_objstore_open(fsp_objstore_t *self, const fsp_segments_config_t *config, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    fsp_dbview_init(&self->rows, config->db, FSP_FAMILY_BYTES);
    self->group = fsp_overlay_new(&self->rows.view);
    self->segments = NULL;
    fsp_status_t status = fsp_segments_open(config, &self->segments, error);
    if (status != FSP_OK)
        fsp_overlay_destroy(&self->group);
    return status;
}

bool
fsp_objstore_close(fsp_objstore_t *self)
{
    fsp_overlay_destroy(&self->group);
    return fsp_segments_close(&self->segments);
}

/* The row of this key, as the write will find it.  NOT_FOUND. */
static fsp_status_t
find_place(fsp_view_t *view, fsp_slice_t key, fsp_place_t *ret)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_status_t status = fsp_view_get(view, key, &row);
    if (status == FSP_OK)
        status = fsp_place_decode(fsp_buf_slice(&row), ret);
    fsp_buf_clear(&row);
    return status == FSP_TOO_LARGE ? FSP_DAMAGED : status;
}

static fsp_status_t
say_row(fsp_status_t status, fsp_error_t *error)
{
    return fsp_error_set(error, status, "row of an object: %s", fsp_status_text(status));
}

/* What the key says now, if anything, is dead with this write. */
static fsp_status_t
drop_old(fsp_objstore_t *self, fsp_slice_t key, bool *ret_was, fsp_error_t *error)
{
    fsp_place_t old;
    fsp_status_t status = find_place(fsp_overlay_view(self->group), key, &old);
    *ret_was = status == FSP_OK;
    if (status == FSP_OK)
        return fsp_segments_drop(self->segments, &old, key.bytes, error);
    return status == FSP_NOT_FOUND ? FSP_OK : say_row(status, error);
}

static void
put_row(fsp_objstore_t *self, fsp_db_write_t *write, fsp_slice_t key, const fsp_place_t *place)
{
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_SEGMENT_ROW_BYTES_MAX);
    fsp_place_encode(place, &row);
    FSP_ASSERT(fsp_buf_ok(&row));
    fsp_db_write_put(write, FSP_FAMILY_BYTES, key, fsp_buf_slice(&row));
    fsp_overlay_put(self->group, key, fsp_buf_slice(&row));
    fsp_buf_clear(&row);
}

fsp_status_t
fsp_objstore_adopt(fsp_objstore_t *self, fsp_db_write_t *write, const fsp_objstore_put_t *put,
                   fsp_error_t *error)
{
    fsp_place_t place;
    fsp_status_t status = fsp_segments_append(self->segments, put->key, put->bytes, &place, error);
    if (status == FSP_OK)
        put_row(self, write, put->key, &place);
    return status;
}

fsp_status_t
fsp_objstore_put_many(fsp_objstore_t *self, fsp_db_write_t *write, const fsp_objstore_put_t *puts,
                      size_t count, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    FSP_PRE(puts != NULL || count == 0);
    fsp_status_t status = FSP_OK;
    for (size_t i = 0; i < count && status == FSP_OK; i++) {
        bool was = false;
        status = drop_old(self, puts[i].key, &was, error);
        if (status == FSP_OK)
            status = fsp_objstore_adopt(self, write, &puts[i], error);
    }
    return status;
}

static fsp_status_t
drop_one(fsp_objstore_t *self, fsp_db_write_t *write, fsp_slice_t key, fsp_error_t *error)
{
    bool was = false;
    fsp_status_t status = drop_old(self, key, &was, error);
    if (status != FSP_OK || !was)
        return status;
    fsp_db_write_delete(write, FSP_FAMILY_BYTES, key);
    fsp_overlay_delete(self->group, key);
    return FSP_OK;
}

/* The keys of the first rows from there on; they are together in *ret, each behind its length. */
static fsp_status_t
list_keys(fsp_objstore_t *self, fsp_slice_t from, fsp_slice_t to, fsp_buf_t *ret, size_t *ret_count)
{
    fsp_cursor_t *rows = fsp_view_scan(fsp_overlay_view(self->group), from, to);
    fsp_buf_reset(ret);
    size_t count = 0;
    for (; rows->valid && count < RANGE_PAGE; fsp_cursor_next(rows), count++) {
        fsp_buf_append_u16(ret, (uint16_t)rows->key.bytes);
        fsp_buf_append_slice(ret, rows->key);
    }
    fsp_status_t status = rows->status;
    fsp_cursor_destroy(&rows);
    *ret_count = count;
    return status;
}

/* The overlay may not change under a cursor: page by page.  What was dropped is not met again. */
static fsp_status_t
drop_range(fsp_objstore_t *self, fsp_db_write_t *write, const fsp_objstore_drop_t *drop,
           fsp_error_t *error)
{
    fsp_buf_t keys;
    fsp_buf_init(&keys, (size_t)RANGE_PAGE * (2 + FSP_ROW_KEY_BYTES_MAX));
    fsp_buf_t from; /* the last key that was dropped */
    fsp_buf_init(&from, FSP_ROW_KEY_BYTES_MAX);
    fsp_buf_append_slice(&from, drop->key);
    fsp_status_t status = FSP_OK;
    size_t count = RANGE_PAGE;
    while (status == FSP_OK && count == RANGE_PAGE) {
        status = list_keys(self, fsp_buf_slice(&from), drop->to, &keys, &count);
        if (status != FSP_OK)
            (void)say_row(status, error);
        FSP_ASSERT(fsp_buf_ok(&keys));
        const uint8_t *at = keys.data;
        for (size_t i = 0; i < count && status == FSP_OK; i++) {
            size_t bytes = fsp_load_u16(at);
            status = drop_one(self, write, fsp_slice(at + 2, bytes), error);
            fsp_buf_reset(&from);
            fsp_buf_append(&from, at + 2, bytes);
            at += 2 + bytes;
        }
    }
    fsp_buf_clear(&from);
    fsp_buf_clear(&keys);
    return status;
}

fsp_status_t
fsp_objstore_drop_many(fsp_objstore_t *self, fsp_db_write_t *write,
                       const fsp_objstore_drop_t *drops, size_t count, fsp_error_t *error)
{
    FSP_PRE(self != NULL);
    FSP_PRE(drops != NULL || count == 0);
    fsp_status_t status = FSP_OK;
    for (size_t i = 0; i < count && status == FSP_OK; i++) {
        if (drops[i].to.bytes == 0)
            status = drop_one(self, write, drops[i].key, error);
        else if (fsp_slice_cmp(drops[i].key, drops[i].to) < 0)
            status = drop_range(self, write, &drops[i], error);
    }
    return status;
}

fsp_status_t
fsp_objstore_move(fsp_objstore_t *self, fsp_db_write_t *write, bool *ret_any, fsp_error_t *error)
{
    size_t count = 0;
    const fsp_move_t *moves = fsp_segments_moves(self->segments, &count);
    *ret_any = moves != NULL;
    for (size_t i = 0; i < count; i++) {
        fsp_place_t now;
        fsp_status_t status = find_place(fsp_overlay_view(self->group), moves[i].key, &now);
        if (status != FSP_OK && status != FSP_NOT_FOUND)
            return say_row(status, error);
        bool same = status == FSP_OK && fsp_place_eq(&now, &moves[i].from);
        if (same)
            put_row(self, write, moves[i].key, &moves[i].to);
        fsp_segments_moved(self->segments, &moves[i], same);
    }
    return FSP_OK;
}

fsp_status_t
fsp_objstore_seal(fsp_objstore_t *self, fsp_db_write_t *write, fsp_error_t *error)
{
    return fsp_segments_seal(self->segments, write, error);
}

void
fsp_objstore_done(fsp_objstore_t *self, bool synced)
{
    fsp_overlay_reset(self->group);
    fsp_segments_done(self->segments, synced);
}

fsp_status_t
fsp_objstore_read(fsp_objstore_t *self, fsp_slice_t key, uint64_t from, uint64_t to,
                  fsp_blob_t **ret_blob)
{
    unsigned entered = fsp_segments_enter(self->segments);
    fsp_place_t place;
    fsp_status_t status = find_place(&self->rows.view, key, &place);
    if (status == FSP_OK)
        status = fsp_segments_read(self->segments, &place, key.bytes, from, to, ret_blob);
    fsp_segments_leave(self->segments, entered);
    return status;
}

fsp_cursor_t *
fsp_objstore_scan(fsp_objstore_t *self, fsp_slice_t from, fsp_slice_t to)
{
    return fsp_view_scan(&self->rows.view, from, to);
}

fsp_view_t *
fsp_objstore_view(fsp_objstore_t *self)
{
    return &self->rows.view;
}
