/* SPDX-License-Identifier: MIT */
/* dbview - one family of the database as a view.  Layer store.
 *
 * A cursor stands on a snapshot from when it was opened: it pins memtables and files, so it must
 * not be kept over waits.
 */
#include "store/dbview.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

typedef struct {
    fsp_cursor_t cursor; /* first */
    fsp_db_iter_t *iter;
} dbcursor_t;

static fsp_status_t
get_value(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    fsp_dbview_t *self = (fsp_dbview_t *)view;
    return fsp_db_get(self->db, self->family, key, ret_value);
}

static void
show_row(dbcursor_t *self)
{
    fsp_cursor_t *cursor = &self->cursor;
    cursor->valid = fsp_db_iter_row(self->iter, &cursor->key, &cursor->value);
    if (cursor->valid)
        return;
    cursor->key = cursor->value = fsp_slice(NULL, 0);
    cursor->status = fsp_db_iter_status(self->iter);
}

static void
next_row(fsp_cursor_t *cursor)
{
    FSP_PRE(cursor->valid);
    dbcursor_t *self = (dbcursor_t *)cursor;
    fsp_db_iter_next(self->iter);
    show_row(self);
}

static void
end_cursor(fsp_cursor_t *cursor)
{
    dbcursor_t *self = (dbcursor_t *)cursor;
    fsp_db_iter_destroy(&self->iter);
    fsp_free(self);
}

static fsp_cursor_t *
scan_rows(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = next_row, .destroy = end_cursor};
    fsp_dbview_t *owner = (fsp_dbview_t *)view;
    dbcursor_t *self = FSP_NEW(dbcursor_t);
    self->cursor.ops = &ops;
    self->cursor.status = FSP_OK;
    self->iter = fsp_db_iter_new(owner->db, owner->family, from, to);
    show_row(self);
    return &self->cursor;
}

void
fsp_dbview_init(fsp_dbview_t *self, fsp_db_t *db, fsp_family_t family)
{
    static const fsp_view_ops_t ops = {.get = get_value, .scan = scan_rows};
    FSP_PRE(self != NULL);
    FSP_PRE(db != NULL);
    FSP_PRE((unsigned)family < FSP_FAMILY_COUNT);
    self->view.ops = &ops;
    self->db = db;
    self->family = family;
}
