/* SPDX-License-Identifier: MIT */
/* apply_access_time - log time and its guards (3.6): a wrong clock deletes nothing.  Layer
   core/meta.  Pure. */
#include "core/base/check.h"
#include "core/meta/apply_steps.h"

#define HOUR_US ((fsp_time_t)3600 * 1000 * 1000)
#define AHEAD_US ((fsp_time_t)600 * 1000 * 1000) /* of the median, at most */

static fsp_time_t
add_saturated(fsp_time_t time, fsp_time_t us)
{
    return time > UINT64_MAX - us ? UINT64_MAX : time + us;
}

/* -- proposing --------------------------------------------------------------------------------- */

fsp_time_t
fsp_meta_next_time(fsp_time_t previous, fsp_time_t wall_us)
{
    return wall_us > previous ? wall_us : add_saturated(previous, 1);
}

/* Lower middle one of an even number: the cautious choice, for being behind deletes nothing. */
static fsp_time_t
median(const fsp_time_t *walls, size_t count)
{
    fsp_time_t sorted[FSP_META_WALLS_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && sorted[at - 1] > walls[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = walls[i];
    }
    return sorted[(count - 1) / 2];
}

fsp_time_t
fsp_meta_next_time_voters(fsp_time_t previous, fsp_time_t elapsed_us, fsp_time_t wall_us,
                          const fsp_time_t *walls, size_t wall_count)
{
    FSP_PRE(walls);
    FSP_PRE(wall_count > 0 && wall_count <= FSP_META_WALLS_MAX);
    fsp_time_t bound = add_saturated(median(walls, wall_count), AHEAD_US);
    fsp_time_t time = wall_us < bound ? wall_us : bound;
    if (time > previous)
        return time;
    return add_saturated(previous, elapsed_us > 0 ? elapsed_us : 1);
}

/* -- judging ----------------------------------------------------------------------------------- */

void
fsp_meta_advance(fsp_shard_row_t *row, fsp_time_t time)
{
    FSP_PRE(row);
    if (time <= row->log_time)
        return;
    fsp_time_t step = time - row->log_time;
    bool first = row->log_time == 0;
    if (row->feature_level >= 2 && !first && step > FSP_META_HOLD_US) {
        row->frozen_time = fsp_meta_expiry_time(row, row->log_time);
        row->jump_time = time;
        row->hold_left_us = FSP_META_HOLD_US;
    } else if (row->hold_left_us > 0) {
        fsp_time_t elapsed = step < HOUR_US ? step : HOUR_US;
        if (elapsed < row->hold_left_us)
            row->hold_left_us -= elapsed;
        else
            row->hold_left_us = row->frozen_time = row->jump_time = 0;
    }
    row->log_time = time;
}

fsp_time_t
fsp_meta_expiry_time(const fsp_shard_row_t *row, fsp_time_t time)
{
    FSP_PRE(row);
    fsp_shard_row_t then = *row;
    /* No recursion without end: a row that stands at its own log time is not advanced. */
    if (time > row->log_time)
        fsp_meta_advance(&then, time);
    if (then.hold_left_us == 0)
        return then.log_time;
    return then.frozen_time + (FSP_META_HOLD_US - then.hold_left_us);
}

bool
fsp_meta_may_expire(const fsp_shard_row_t *row, fsp_time_t time)
{
    FSP_PRE(row);
    fsp_shard_row_t then = *row;
    fsp_meta_advance(&then, time);
    return then.hold_left_us == 0;
}
