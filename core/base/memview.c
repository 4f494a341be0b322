/* SPDX-License-Identifier: MIT */
/* memview - a view in memory, for tests and the simulator's disk.  Layer core/base. */
#include "core/base/memview.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

struct fsp_memview {
    fsp_view_t view; /* first: a view of it is it */
    fsp_omap_t *map; /* without tombstones, unless a test puts them */
    size_t cursors;  /* open ones */
};

/* Holds copies of key and value and finds its place again by key, so that rows may be applied while
   it is open, as with an iterator of the database.  Unlike that one it may see them. */
typedef struct {
    fsp_cursor_t cursor; /* first */
    fsp_memview_t *owner;
    fsp_buf_t to; /* empty: no end */
    fsp_buf_t key;
    fsp_buf_t value;
} memcursor_t;

static fsp_status_t
get_value(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    fsp_memview_t *self = (fsp_memview_t *)view;
    const fsp_omap_row_t *row = fsp_omap_get(self->map, key);
    if (!row || row->deleted)
        return FSP_NOT_FOUND;
    fsp_buf_append_slice(ret_value, row->value);
    return fsp_buf_ok(ret_value) ? FSP_OK : FSP_TOO_LARGE;
}

/* Takes row, or the next one that is no tombstone, as long as it lies before the end. */
static void
settle_on(memcursor_t *self, const fsp_omap_row_t *row)
{
    while (row && row->deleted)
        row = fsp_omap_next(row);
    fsp_buf_reset(&self->key);
    fsp_buf_reset(&self->value);
    self->cursor.valid =
        row && (self->to.bytes == 0 || fsp_slice_cmp(row->key, fsp_buf_slice(&self->to)) < 0);
    if (self->cursor.valid) {
        fsp_buf_append_slice(&self->key, row->key);
        fsp_buf_append_slice(&self->value, row->value);
    }
    self->cursor.key = fsp_buf_slice(&self->key);
    self->cursor.value = fsp_buf_slice(&self->value);
}

static void
next_row(fsp_cursor_t *cursor)
{
    memcursor_t *self = (memcursor_t *)cursor;
    FSP_PRE(cursor->valid);
    const fsp_omap_row_t *row = fsp_omap_seek(self->owner->map, cursor->key);
    if (row && fsp_slice_eq(row->key, cursor->key))
        row = fsp_omap_next(row);
    settle_on(self, row);
}

static void
destroy_cursor(fsp_cursor_t *cursor)
{
    memcursor_t *self = (memcursor_t *)cursor;
    FSP_ASSERT(self->owner->cursors > 0);
    self->owner->cursors--;
    fsp_buf_clear(&self->to);
    fsp_buf_clear(&self->key);
    fsp_buf_clear(&self->value);
    fsp_free(self);
}

static fsp_cursor_t *
scan_rows(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = next_row, .destroy = destroy_cursor};
    fsp_memview_t *owner = (fsp_memview_t *)view;
    memcursor_t *self = FSP_NEW(memcursor_t);
    self->cursor.ops = &ops;
    self->owner = owner;
    owner->cursors++;
    /* The rows are in memory already, so they bound their copies. */
    fsp_buf_init(&self->to, SIZE_MAX);
    fsp_buf_init(&self->key, SIZE_MAX);
    fsp_buf_init(&self->value, SIZE_MAX);
    fsp_buf_append_slice(&self->to, to);
    settle_on(self, fsp_omap_seek(owner->map, from));
    return &self->cursor;
}

static void
thaw_copy(fsp_view_t *frozen)
{
    fsp_memview_t *copy = (fsp_memview_t *)frozen;
    fsp_memview_destroy(&copy);
}

/* In memory a frozen view is a copy. */
static fsp_view_t *
freeze_rows(fsp_view_t *view)
{
    fsp_memview_t *self = (fsp_memview_t *)view;
    fsp_memview_t *copy = fsp_memview_new();
    for (const fsp_omap_row_t *row = fsp_omap_first(self->map); row; row = fsp_omap_next(row))
        if (!row->deleted)
            fsp_omap_put(copy->map, row->key, row->value, row->tag);
    return &copy->view;
}

fsp_memview_t *
fsp_memview_new(void)
{
    static const fsp_view_ops_t ops = {
        .get = get_value, .scan = scan_rows, .freeze = freeze_rows, .thaw = thaw_copy};
    fsp_memview_t *self = FSP_NEW(fsp_memview_t);
    self->view.ops = &ops;
    self->map = fsp_omap_new();
    return self;
}

void
fsp_memview_destroy(fsp_memview_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_memview_t *self = *self_p;
    if (!self)
        return;
    FSP_PRE(self->cursors == 0);
    fsp_omap_destroy(&self->map);
    fsp_free(self);
    *self_p = NULL;
}

fsp_view_t *
fsp_memview_view(fsp_memview_t *self)
{
    FSP_PRE(self != NULL);
    return &self->view;
}

static void
remove_range(fsp_omap_t *map, fsp_slice_t from, fsp_slice_t to)
{
    const fsp_omap_row_t *row = fsp_omap_seek(map, from);
    while (row && fsp_slice_cmp(row->key, to) < 0) {
        const fsp_omap_row_t *next = fsp_omap_next(row);
        fsp_omap_remove(map, row->key);
        row = next;
    }
}

void
fsp_memview_apply(fsp_memview_t *self, const fsp_batch_t *batch, fsp_family_t family)
{
    FSP_PRE(self != NULL);
    FSP_PRE(batch != NULL);
    size_t count = fsp_batch_count(batch);
    for (size_t i = 0; i < count; i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        if (row.family != family)
            continue;
        switch (row.op) {
        case FSP_ROW_PUT:
            fsp_omap_put(self->map, row.key, row.value, 0);
            break;
        case FSP_ROW_DELETE:
            fsp_omap_remove(self->map, row.key);
            break;
        case FSP_ROW_DELETE_RANGE:
            remove_range(self->map, row.key, row.value);
            break;
        default:
            FSP_UNREACHABLE();
        }
    }
}

fsp_omap_t *
fsp_memview_map(fsp_memview_t *self)
{
    FSP_PRE(self != NULL);
    return self->map;
}
