/* SPDX-License-Identifier: MIT */
/* view - an ordered key-value space as the state machine sees it.  Layer core/base.
 *
 * One view covers one family.  Implementations: memory (memview.h), overlay (overlay.h: writes
 * above another view), RocksDB (store/).  Reads are consistent with what was written before them on
 * the same thread.  A read that fails for any reason but "not there" (IO, DAMAGED) must stop the
 * node.
 */
#ifndef FSP_CORE_BASE_VIEW_H
#define FSP_CORE_BASE_VIEW_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

typedef struct fsp_view fsp_view_t;
typedef struct fsp_cursor fsp_cursor_t;

typedef struct {
    /* Appends the value to ret_value; NOT_FOUND, IO, DAMAGED, TOO_LARGE (value does not fit the
       buffer). */
    fsp_status_t (*get)(fsp_view_t *self, fsp_slice_t key, fsp_buf_t *ret_value);
    /* A cursor at the first key >= from; sees from <= key < to (an empty `to` means no end).  The
       cursor need not see writes made after it was opened. */
    fsp_cursor_t *(*scan)(fsp_view_t *self, fsp_slice_t from, fsp_slice_t to);
    /* A view of the rows as they are now, which later writes do not reach; ended by thaw, when no
       cursor stands on it.  Its life may be bounded: then reads answer GONE.  freeze is NULL where
       nobody needs it: overlays cannot, and what is frozen is not frozen again. */
    fsp_view_t *(*freeze)(fsp_view_t *self);
    void (*thaw)(fsp_view_t *frozen);
} fsp_view_ops_t;

/* Embed as the first member of an implementation. */
struct fsp_view {
    const fsp_view_ops_t *ops;
};

typedef struct {
    void (*next)(fsp_cursor_t *self);
    void (*destroy)(fsp_cursor_t *self);
} fsp_cursor_ops_t;

/* Embed as the first member of an implementation, which keeps the fields up to date. */
struct fsp_cursor {
    const fsp_cursor_ops_t *ops;
    bool valid;          /* key and value are there */
    fsp_status_t status; /* OK, or why the scan ended early */
    fsp_slice_t key;     /* valid until next or destroy */
    fsp_slice_t value;
};

static inline FSP_MUST_CHECK fsp_status_t
fsp_view_get(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    return view->ops->get(view, key, ret_value);
}
static inline fsp_cursor_t *
fsp_view_scan(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    return view->ops->scan(view, from, to);
}
/* NULL if this view cannot.  Ended by fsp_view_thaw, before the view itself ends. */
static inline fsp_view_t *
fsp_view_freeze(fsp_view_t *view)
{
    return view->ops->freeze ? view->ops->freeze(view) : NULL;
}

static inline void
fsp_view_thaw(fsp_view_t **frozen_p)
{
    if (*frozen_p) {
        (*frozen_p)->ops->thaw(*frozen_p);
        *frozen_p = NULL;
    }
}

static inline void
fsp_cursor_next(fsp_cursor_t *cursor)
{
    cursor->ops->next(cursor);
}
static inline void
fsp_cursor_destroy(fsp_cursor_t **cursor_p)
{
    if (*cursor_p) {
        (*cursor_p)->ops->destroy(*cursor_p);
        *cursor_p = NULL;
    }
}
/* First key after every key that starts with prefix, appended to ret; empty if there is none (all
   0xff). */
void fsp_view_prefix_end(fsp_slice_t prefix, fsp_buf_t *ret);
#endif
