/* SPDX-License-Identifier: MIT */
/* overlay - writes above a view.  Layer core/base.
 *
 * The writes are an ordered map with tombstones; a scan merges it with a scan of the base.  Which
 * rows a settled write lets go is not searched for: each commit leaves a list of the keys it wrote,
 * the lists wait in the order of their tags, and settling takes them from the front.  A row whose
 * tag is no longer that of the list was written again since and stays.  So settling costs what was
 * written, however much else is pending.
 */
#include "core/base/overlay.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

/* The tag of rows that no write holds yet.  No settled tag reaches it. */
#define OVERLAY_UNTAGGED UINT64_MAX

typedef struct keylist keylist_t;

/* The keys of one commit. */
struct keylist {
    keylist_t *next;
    uint64_t tag;
    size_t bytes;
    uint8_t data[]; /* for each key its length (u32) and its bytes */
};

struct fsp_overlay {
    fsp_view_t view; /* first: a view of it is it */
    fsp_view_t *base;
    fsp_omap_t *rows;
    keylist_t *first; /* commits not yet settled; tags do not fall from first to last */
    keylist_t *last;
    size_t cursors; /* open ones; no write while there is one */
};

typedef struct {
    fsp_cursor_t cursor; /* first */
    fsp_overlay_t *owner;
    const fsp_omap_row_t *row; /* where the overlay's side stands; NULL at its end */
    fsp_cursor_t *base;        /* where the base's side stands */
    fsp_buf_t to;              /* empty: no end */
} merge_t;

/* -- reading ----------------------------------------------------------------------------------- */

static fsp_status_t
get_value(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    fsp_overlay_t *self = (fsp_overlay_t *)view;
    const fsp_omap_row_t *row = fsp_omap_get(self->rows, key);
    if (!row)
        return fsp_view_get(self->base, key, ret_value);
    if (row->deleted)
        return FSP_NOT_FOUND;
    fsp_buf_append_slice(ret_value, row->value);
    return fsp_buf_ok(ret_value) ? FSP_OK : FSP_TOO_LARGE;
}

static const fsp_omap_row_t *
within(const merge_t *self, const fsp_omap_row_t *row)
{
    bool before_end =
        row && (self->to.bytes == 0 || fsp_slice_cmp(row->key, fsp_buf_slice(&self->to)) < 0);
    return before_end ? row : NULL;
}

/* The order of the two sides: negative if the overlay's row comes first.  One side is not at its
   end. */
static int
compare_sides(const merge_t *self)
{
    if (!self->base->valid)
        return -1;
    if (!self->row)
        return 1;
    return fsp_slice_cmp(self->row->key, self->base->key);
}

/* Steps over what hides or is hidden, until one side has the next visible row. */
static void
show_front(merge_t *self)
{
    fsp_cursor_t *shown = &self->cursor;
    *shown = (fsp_cursor_t){.ops = shown->ops};
    for (;;) {
        /* A base that failed has unknown rows before our next one: the scan ends here. */
        if (self->base->status != FSP_OK) {
            shown->status = self->base->status;
            return;
        }
        if (!self->row && !self->base->valid)
            return;
        int order = compare_sides(self);
        if (order > 0) {
            shown->key = self->base->key;
            shown->value = self->base->value;
            break;
        }
        if (!self->row->deleted) {
            shown->key = self->row->key;
            shown->value = self->row->value;
            break;
        }
        if (order == 0)
            fsp_cursor_next(self->base);
        self->row = within(self, fsp_omap_next(self->row));
    }
    shown->valid = true;
}

static void
next_row(fsp_cursor_t *cursor)
{
    merge_t *self = (merge_t *)cursor;
    FSP_PRE(cursor->valid);
    int order = compare_sides(self);
    if (order >= 0)
        fsp_cursor_next(self->base);
    if (order <= 0)
        self->row = within(self, fsp_omap_next(self->row));
    show_front(self);
}

static void
destroy_cursor(fsp_cursor_t *cursor)
{
    merge_t *self = (merge_t *)cursor;
    FSP_ASSERT(self->owner->cursors > 0);
    self->owner->cursors--;
    fsp_cursor_destroy(&self->base);
    fsp_buf_clear(&self->to);
    fsp_free(self);
}

static fsp_cursor_t *
scan_rows(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = next_row, .destroy = destroy_cursor};
    fsp_overlay_t *owner = (fsp_overlay_t *)view;
    merge_t *self = FSP_NEW(merge_t);
    self->cursor.ops = &ops;
    self->owner = owner;
    owner->cursors++;
    fsp_buf_init(&self->to, SIZE_MAX); /* as long as the caller's slice */
    fsp_buf_append_slice(&self->to, to);
    self->row = within(self, fsp_omap_seek(owner->rows, from));
    self->base = fsp_view_scan(owner->base, from, to);
    show_front(self);
    return &self->cursor;
}

/* -- writing ----------------------------------------------------------------------------------- */

fsp_overlay_t *
fsp_overlay_new(fsp_view_t *base)
{
    static const fsp_view_ops_t ops = {.get = get_value, .scan = scan_rows};
    FSP_PRE(base != NULL);
    fsp_overlay_t *self = FSP_NEW(fsp_overlay_t);
    self->view.ops = &ops;
    self->base = base;
    self->rows = fsp_omap_new();
    return self;
}

static void
drop_first_keylist(fsp_overlay_t *self)
{
    keylist_t *list = self->first;
    self->first = list->next;
    if (!self->first)
        self->last = NULL;
    fsp_free(list);
}

void
fsp_overlay_reset(fsp_overlay_t *self)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->cursors == 0);
    while (self->first)
        drop_first_keylist(self);
    fsp_omap_reset(self->rows);
}

void
fsp_overlay_destroy(fsp_overlay_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_overlay_t *self = *self_p;
    if (!self)
        return;
    fsp_overlay_reset(self);
    fsp_omap_destroy(&self->rows);
    fsp_free(self);
    *self_p = NULL;
}

fsp_view_t *
fsp_overlay_view(fsp_overlay_t *self)
{
    FSP_PRE(self != NULL);
    return &self->view;
}

void
fsp_overlay_put(fsp_overlay_t *self, fsp_slice_t key, fsp_slice_t value)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->cursors == 0);
    fsp_omap_put(self->rows, key, value, OVERLAY_UNTAGGED);
}

void
fsp_overlay_delete(fsp_overlay_t *self, fsp_slice_t key)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->cursors == 0);
    /* Also for a key the base does not have: to look first would cost a read. */
    fsp_omap_put_tombstone(self->rows, key, OVERLAY_UNTAGGED);
}

size_t
fsp_overlay_count(const fsp_overlay_t *self)
{
    FSP_PRE(self != NULL);
    return fsp_omap_count(self->rows);
}

/* The keys of all rows, as one list with tag. */
static keylist_t *
list_keys(const fsp_omap_t *rows, uint64_t tag)
{
    size_t bytes = 0;
    for (const fsp_omap_row_t *row = fsp_omap_first(rows); row; row = fsp_omap_next(row)) {
        FSP_ASSERT(row->key.bytes <= UINT32_MAX);
        bytes += sizeof(uint32_t) + row->key.bytes;
    }
    keylist_t *list = fsp_alloc_raw(sizeof(*list) + bytes);
    list->next = NULL;
    list->tag = tag;
    list->bytes = bytes;
    uint8_t *to = list->data;
    for (const fsp_omap_row_t *row = fsp_omap_first(rows); row; row = fsp_omap_next(row)) {
        fsp_store_u32(to, (uint32_t)row->key.bytes);
        to += sizeof(uint32_t);
        if (row->key.bytes)
            memcpy(to, row->key.data, row->key.bytes);
        to += row->key.bytes;
    }
    FSP_POST(to == list->data + bytes);
    return list;
}

void
fsp_overlay_commit(fsp_overlay_t *self, fsp_overlay_t *parent, uint64_t tag, fsp_batch_t *batch,
                   fsp_family_t family)
{
    FSP_PRE(self != NULL);
    FSP_PRE(parent != NULL);
    FSP_PRE(self->base == &parent->view);
    FSP_PRE(self->cursors == 0);
    FSP_PRE(parent->cursors == 0);
    FSP_PRE(tag < OVERLAY_UNTAGGED);
    /* Writes are numbered in the order in which they are made. */
    FSP_PRE(!parent->last || parent->last->tag <= tag);
    if (fsp_omap_count(self->rows) == 0)
        return;
    keylist_t *list = list_keys(self->rows, tag);
    if (parent->last)
        parent->last->next = list;
    else
        parent->first = list;
    parent->last = list;
    for (const fsp_omap_row_t *row = fsp_omap_first(self->rows); batch && row;
         row = fsp_omap_next(row)) {
        if (row->deleted)
            fsp_batch_delete(batch, family, row->key);
        else
            fsp_batch_put(batch, family, row->key, row->value);
    }
    fsp_omap_take(parent->rows, self->rows, tag);
    fsp_overlay_reset(self);
}

void
fsp_overlay_settle(fsp_overlay_t *self, uint64_t tag)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->cursors == 0);
    FSP_PRE(tag < OVERLAY_UNTAGGED);
    while (self->first && self->first->tag <= tag) {
        keylist_t *list = self->first;
        for (size_t at = 0; at < list->bytes;) {
            size_t bytes = fsp_load_u32(list->data + at);
            at += sizeof(uint32_t);
            fsp_slice_t key = fsp_slice(list->data + at, bytes);
            at += bytes;
            const fsp_omap_row_t *row = fsp_omap_get(self->rows, key);
            /* Gone: the same tag wrote it twice.  Another tag: written again, not yet settled. */
            if (row && row->tag == list->tag)
                fsp_omap_remove(self->rows, key);
        }
        drop_first_keylist(self);
    }
}
