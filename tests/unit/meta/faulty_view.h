/* SPDX-License-Identifier: MIT */
/* faulty_view - whether a read that fails stops a command or query, each of its reads in turn.
   Tests.
 *
 * "Not read" must never be taken for "not there": if some read failed, nothing but that failure may
 * come out.
 */
#ifndef FSP_TESTS_UNIT_META_FAULTY_VIEW_H
#define FSP_TESTS_UNIT_META_FAULTY_VIEW_H
#include "tests/unit/meta/meta_world.h"

typedef struct {
    fsp_view_t view; /* first */
    fsp_view_t *below;
    uint64_t reads; /* that still succeed */
    bool failed;
} faulty_view_t;

typedef struct {
    fsp_cursor_t cursor; /* first */
    faulty_view_t *owner;
    fsp_cursor_t *below;
} faulty_cursor_t;

static inline bool
faulty_read(faulty_view_t *self)
{
    self->failed = self->failed || self->reads == 0;
    self->reads -= self->reads > 0;
    return !self->failed;
}

static inline fsp_status_t
faulty_get(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    faulty_view_t *self = (faulty_view_t *)view;
    return faulty_read(self) ? fsp_view_get(self->below, key, ret_value) : FSP_IO;
}

static inline void
faulty_settle(faulty_cursor_t *self)
{
    bool sound = faulty_read(self->owner);
    self->cursor.valid = sound && self->below->valid;
    self->cursor.status = sound ? self->below->status : FSP_IO;
    self->cursor.key = self->below->key;
    self->cursor.value = self->below->value;
}

static inline void
faulty_next(fsp_cursor_t *cursor)
{
    faulty_cursor_t *self = (faulty_cursor_t *)cursor;
    fsp_cursor_next(self->below);
    faulty_settle(self);
}

static inline void
faulty_destroy(fsp_cursor_t *cursor)
{
    faulty_cursor_t *self = (faulty_cursor_t *)cursor;
    fsp_cursor_destroy(&self->below);
    fsp_free(self);
}

static inline fsp_cursor_t *
faulty_scan(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = faulty_next, .destroy = faulty_destroy};
    faulty_cursor_t *self = FSP_NEW(faulty_cursor_t);
    self->cursor.ops = &ops;
    self->owner = (faulty_view_t *)view;
    self->below = fsp_view_scan(self->owner->below, from, to);
    faulty_settle(self);
    return &self->cursor;
}

static inline void
faulty_init(faulty_view_t *self, world_t *w)
{
    static const fsp_view_ops_t ops = {.get = faulty_get, .scan = faulty_scan};
    *self = (faulty_view_t){.view.ops = &ops, .below = fsp_memview_view(w->rows)};
}

/* Which of the reads to fail next: all of the first ones, then ever fewer. */
static inline uint64_t
faulty_step(uint64_t reads)
{
    return reads + 1 + reads / 24;
}

/* Applies the bytes as the next entry of the log, without keeping it, as often as it reads. */
static inline void
ck_failed_reads_stop(world_t *w, fsp_slice_t bytes)
{
    faulty_view_t faulty;
    faulty_init(&faulty, w);
    fsp_overlay_t *txn = fsp_overlay_new(&faulty.view);
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    for (uint64_t reads = 0;; reads = faulty_step(reads)) {
        faulty.reads = reads;
        faulty.failed = false;
        fsp_overlay_reset(txn);
        fsp_buf_reset(&result);
        fsp_status_t status =
            fsp_meta_apply(w->shard, txn, w->index + 1, 1, w->time + 1000, bytes, &result);
        ck_status(status, faulty.failed ? FSP_IO : FSP_OK);
        if (!faulty.failed)
            break;
    }
    fsp_buf_clear(&result);
    fsp_overlay_destroy(&txn);
}

static inline void
ck_failed_reads_stop_query(world_t *w, const fsp_query_t *query)
{
    faulty_view_t faulty;
    faulty_init(&faulty, w);
    for (uint64_t reads = 0;; reads = faulty_step(reads)) {
        faulty.reads = reads;
        faulty.failed = false;
        fsp_buf_reset(&w->answer);
        fsp_status_t status = fsp_meta_query(w->shard, &faulty.view, query, &w->answer);
        ck_status(status, faulty.failed ? FSP_IO : FSP_OK);
        if (!faulty.failed)
            break;
    }
}
#endif
