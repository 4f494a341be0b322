/* SPDX-License-Identifier: MIT */
/* sim_lies - lies of the disk: each breaks one promise of the store.  Layer tests. */
#include "tests/sim/sim_lies.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/engine/log_rows.h"
#include "core/meta/rows.h"

void
sim_lies_init(sim_lies_t *self, sim_lie_t lie, uint64_t seed)
{
    *self = (sim_lies_t){.lie = lie};
    fsp_prng_init(&self->prng, seed);
}

void
sim_lies_clear(sim_lies_t *self)
{
    for (size_t i = 0; i < FSP_FAMILY_COUNT; i++)
        fsp_memview_destroy(&self->old[i]);
}

/* The rows of `from` in place of those of `to`. */
static void
put_back(fsp_memview_t *to, fsp_memview_t *from)
{
    fsp_omap_reset(fsp_memview_map(to));
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(from));
    for (; row; row = fsp_omap_next(row))
        fsp_omap_put(fsp_memview_map(to), row->key, row->value, 0);
}

static fsp_memview_t *
copy_of(fsp_memview_t *view)
{
    fsp_memview_t *copy = fsp_memview_new();
    put_back(copy, view);
    return copy;
}

static bool
is_shard_row(fsp_family_t family, fsp_slice_t key)
{
    return family == FSP_FAMILY_STATE && key.bytes > 8 && key.data[8] == FSP_TABLE_SHARD;
}

static bool
is_hard_row(fsp_family_t family, fsp_slice_t key)
{
    return family == FSP_FAMILY_LOG && key.bytes == FSP_LOG_PREFIX_BYTES + 1 &&
           key.data[FSP_LOG_PREFIX_BYTES] == FSP_LOG_ROW_HARD;
}

static void
copy_row(fsp_batch_t *to, const fsp_batch_row_t *row)
{
    switch (row->op) {
    case FSP_ROW_PUT:
        fsp_batch_put(to, row->family, row->key, row->value);
        return;
    case FSP_ROW_DELETE:
        fsp_batch_delete(to, row->family, row->key);
        return;
    case FSP_ROW_DELETE_RANGE:
        fsp_batch_delete_range(to, row->family, row->key, row->value);
        return;
    }
    FSP_UNREACHABLE();
}

/* Moves the rows for which wanted() is false to another batch, which is returned. */
static fsp_batch_t *
divide(fsp_batch_t **batch_p, bool (*wanted)(fsp_family_t family, fsp_slice_t key))
{
    fsp_batch_t *first = fsp_batch_new();
    fsp_batch_t *second = fsp_batch_new();
    for (size_t i = 0; i < fsp_batch_count(*batch_p); i++) {
        fsp_batch_row_t row = fsp_batch_row(*batch_p, i);
        copy_row(wanted(row.family, row.key) ? first : second, &row);
    }
    fsp_batch_destroy(batch_p);
    *batch_p = first;
    return second;
}

fsp_batch_t *
sim_lies_rows_of(fsp_batch_t *batch, fsp_family_t family)
{
    fsp_batch_t *rows = fsp_batch_new();
    for (size_t i = 0; i < fsp_batch_count(batch); i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        if (row.family == family)
            copy_row(rows, &row);
    }
    return rows;
}

void
sim_lies_falsify(sim_lies_t *self, sim_write_t *write)
{
    bool lazy = !write->durable && !write->keeps_state;
    if (self->lie == SIM_LIE_lose_overlay && lazy)
        write->late = true;
    if (self->lie == SIM_LIE_lost_lazy && lazy) {
        fsp_batch_destroy(&write->batch);
        write->batch = fsp_batch_new();
    }
    if (self->lie == SIM_LIE_lost_vote) {
        fsp_batch_t *rest = divide(&write->batch, is_hard_row);
        fsp_batch_destroy(&write->batch);
        write->batch = rest;
    }
}

fsp_batch_t *
sim_lies_split(sim_lies_t *self, fsp_batch_t **batch_p)
{
    return self->lie == SIM_LIE_applied_outside_batch ? divide(batch_p, is_shard_row) : NULL;
}

bool
sim_lies_about_sync(sim_lies_t *self)
{
    return self->lie == SIM_LIE_lost_sync && fsp_prng_chance(&self->prng, 1, 4);
}

bool
sim_lies_about_keeping(const sim_lies_t *self)
{
    return self->lie == SIM_LIE_kept_too_early;
}

static bool
is_old_copy(sim_lie_t lie)
{
    return lie == SIM_LIE_old_copy || lie == SIM_LIE_old_copy_unmarked ||
           lie == SIM_LIE_double_apply;
}

void
sim_lies_remember(sim_lies_t *self, fsp_memview_t *const *views)
{
    if (!is_old_copy(self->lie) || !fsp_prng_chance(&self->prng, 1, 4))
        return;
    for (size_t i = 0; i < FSP_FAMILY_COUNT; i++) {
        fsp_memview_destroy(&self->old[i]);
        if (views[i])
            self->old[i] = copy_of(views[i]);
    }
}

void
sim_lies_about_crash(sim_lies_t *self, sim_rows_t *rows, size_t count, size_t *kept_p)
{
    if (count == 0)
        return;
    if (self->lie == SIM_LIE_torn_batch && *kept_p > 0) {
        /* The last one that is kept loses its end. */
        sim_rows_t *last = &rows[*kept_p - 1];
        fsp_batch_t *torn = fsp_batch_new();
        size_t row_count = fsp_batch_count(last->batch);
        size_t rows_kept = row_count ? (size_t)fsp_prng_below(&self->prng, row_count) : 0;
        for (size_t i = 0; i < rows_kept; i++) {
            fsp_batch_row_t row = fsp_batch_row(last->batch, i);
            copy_row(torn, &row);
        }
        fsp_batch_destroy(&last->batch);
        last->batch = torn;
    }
    if (self->lie == SIM_LIE_reordered_writes) {
        size_t lost = (size_t)fsp_prng_below(&self->prng, count);
        fsp_batch_destroy(&rows[lost].batch);
        rows[lost].batch = fsp_batch_new();
        *kept_p = count;
    }
}

/* Removes the last rows of the log, at most three. */
static void
cut_log(sim_lies_t *self, fsp_memview_t *log)
{
    size_t wanted = 1 + (size_t)fsp_prng_below(&self->prng, 3);
    for (size_t i = 0; i < wanted; i++) {
        fsp_omap_t *map = fsp_memview_map(log);
        const fsp_omap_row_t *last = NULL;
        for (const fsp_omap_row_t *row = fsp_omap_first(map); row; row = fsp_omap_next(row))
            if (row->key.bytes == FSP_LOG_KEY_BYTES_MAX)
                last = row;
        if (last)
            fsp_omap_remove(map, last->key);
    }
}

static void
bring_back_shard_row(sim_lies_t *self, fsp_memview_t *state)
{
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(self->old[FSP_FAMILY_STATE]));
    for (; row; row = fsp_omap_next(row))
        if (is_shard_row(FSP_FAMILY_STATE, row->key))
            fsp_omap_put(fsp_memview_map(state), row->key, row->value, 0);
}

bool
sim_lies_after_crash(sim_lies_t *self, fsp_memview_t **views)
{
    switch (self->lie) {
    case SIM_LIE_lost_log_tail:
    case SIM_LIE_lost_log_tail_unmarked:
        cut_log(self, views[FSP_FAMILY_LOG]);
        return self->lie == SIM_LIE_lost_log_tail_unmarked;
    case SIM_LIE_old_copy:
    case SIM_LIE_old_copy_unmarked:
        for (size_t i = 0; i < FSP_FAMILY_COUNT; i++) {
            if (!self->old[i])
                continue;
            put_back(views[i], self->old[i]);
        }
        return self->lie == SIM_LIE_old_copy_unmarked;
    case SIM_LIE_double_apply:
        if (self->old[FSP_FAMILY_STATE])
            bring_back_shard_row(self, views[FSP_FAMILY_STATE]);
        return false;
    default:
        return false;
    }
}
