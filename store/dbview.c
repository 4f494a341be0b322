/* SPDX-License-Identifier: MIT */
/* dbview - one family of the database as a view.  Layer store.
 *
 * A cursor stands on a snapshot from when it was opened: it pins memtables and files, so it must
 * not be kept over waits.  Who needs the same rows over waits freezes the view.  That costs disk
 * instead: what is written over stays as long as the snapshot lives, and a shard writes a few of
 * its rows over with every command.  Therefore the life of a frozen view is bounded, by its reader:
 * the one thread that has it looks at the clock when it reads.  A reader that does not read any
 * more is bounded by its own patience (core/engine/snapshot_send.h), so there is no other thread to
 * give the snapshot back under its hands, and no lock.
 */
#include "store/dbview.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <time.h>

typedef struct {
    fsp_view_t view; /* first */
    fsp_db_t *db;
    fsp_family_t family;
    fsp_db_snapshot_t *snapshot; /* NULL: its time is over */
    fsp_time_t end_us;           /* of its time, monotonic */
    size_t cursors;              /* that stand on it */
} frozen_t;

typedef struct {
    fsp_cursor_t cursor; /* first */
    fsp_db_iter_t *iter; /* NULL: there was nothing to stand on */
    frozen_t *frozen;    /* that it stands on, or NULL */
} dbcursor_t;

/* -- cursors ----------------------------------------------------------------------------------- */

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
    if (self->frozen) {
        FSP_ASSERT(self->frozen->cursors > 0);
        self->frozen->cursors--;
    }
    fsp_free(self);
}

/* Without rows, until it is told where to stand. */
static dbcursor_t *
new_cursor(void)
{
    static const fsp_cursor_ops_t ops = {.next = next_row, .destroy = end_cursor};
    dbcursor_t *self = FSP_NEW(dbcursor_t);
    self->cursor.ops = &ops;
    self->cursor.status = FSP_OK;
    return self;
}

/* -- frozen ------------------------------------------------------------------------------------ */

static fsp_time_t
now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (fsp_time_t)now.tv_sec * 1000000 + (fsp_time_t)now.tv_nsec / 1000;
}

/* GONE once its time is over; the snapshot goes as soon as no cursor stands on it. */
static fsp_status_t
look_at_clock(frozen_t *self)
{
    if (self->snapshot && now_us() < self->end_us)
        return FSP_OK;
    self->end_us = 0;
    if (self->cursors == 0)
        fsp_db_snapshot_destroy(&self->snapshot);
    return FSP_GONE;
}

static fsp_status_t
get_frozen(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    frozen_t *self = (frozen_t *)view;
    fsp_status_t status = look_at_clock(self);
    return status ? status : fsp_db_get(self->db, self->snapshot, self->family, key, ret_value);
}

static fsp_cursor_t *
scan_frozen(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    frozen_t *owner = (frozen_t *)view;
    dbcursor_t *self = new_cursor();
    self->cursor.status = look_at_clock(owner);
    if (self->cursor.status)
        return &self->cursor;
    self->frozen = owner;
    owner->cursors++;
    self->iter = fsp_db_iter_new(owner->db, owner->snapshot, owner->family, from, to);
    show_row(self);
    return &self->cursor;
}

static void
thaw_rows(fsp_view_t *view)
{
    frozen_t *self = (frozen_t *)view;
    FSP_PRE(self->cursors == 0);
    fsp_db_snapshot_destroy(&self->snapshot);
    fsp_free(self);
}

static fsp_view_t *
freeze_rows(fsp_view_t *view)
{
    static const fsp_view_ops_t ops = {.get = get_frozen, .scan = scan_frozen, .thaw = thaw_rows};
    const fsp_dbview_t *owner = (const fsp_dbview_t *)view;
    frozen_t *self = FSP_NEW(frozen_t);
    self->view.ops = &ops;
    self->db = owner->db;
    self->family = owner->family;
    self->end_us = now_us() + owner->frozen_us_max;
    self->snapshot = fsp_db_snapshot_new(owner->db);
    return &self->view;
}

/* -- the view ---------------------------------------------------------------------------------- */

static fsp_status_t
get_value(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    fsp_dbview_t *self = (fsp_dbview_t *)view;
    return fsp_db_get(self->db, NULL, self->family, key, ret_value);
}

static fsp_cursor_t *
scan_rows(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    fsp_dbview_t *owner = (fsp_dbview_t *)view;
    dbcursor_t *self = new_cursor();
    self->iter = fsp_db_iter_new(owner->db, NULL, owner->family, from, to);
    show_row(self);
    return &self->cursor;
}

void
fsp_dbview_init(fsp_dbview_t *self, fsp_db_t *db, fsp_family_t family)
{
    static const fsp_view_ops_t ops = {
        .get = get_value, .scan = scan_rows, .freeze = freeze_rows, .thaw = thaw_rows};
    FSP_PRE(self != NULL);
    FSP_PRE(db != NULL);
    FSP_PRE((unsigned)family < FSP_FAMILY_COUNT);
    self->view.ops = &ops;
    self->db = db;
    self->family = family;
    self->frozen_us_max = (fsp_time_t)FSP_DBVIEW_FROZEN_S * 1000 * 1000;
}
