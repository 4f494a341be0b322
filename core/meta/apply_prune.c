/* SPDX-License-Identifier: MIT */
/* apply_prune - PRUNE: versions lose their bytes, the past its oldest rows.  Layer core/meta.
   Pure.
 *
 * Either a person names versions, or the leader lets the space's policy do a bounded step of a
 * round over all versions and past rows.  The round's place is a work row: whoever leads next goes
 * on there.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/apply_history.h"
#include "core/meta/apply_steps.h"
#include "core/meta/asof.h"
#include "core/meta/holds.h"

#define DAY_US ((fsp_time_t)24 * 3600 * 1000 * 1000)

/* -- by a person ------------------------------------------------------------------------------- */

static bool
is_head(const fsp_head_t *heads, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++)
        if (heads[i].number == number)
            return true;
    return false;
}

static fsp_status_t
drop_named(fsp_machine_t *m, const fsp_found_t *found, fsp_version_id_t version_id)
{
    fsp_version_index_row_t owner;
    fsp_status_t status = fsp_versions_owner(m, version_id, &owner);
    if (status)
        return status;
    if (!fsp_file_id_eq(owner.file_id, found->id))
        return FSP_NO_SUCH_VERSION;
    if (is_head(found->node.heads, found->node.head_count, owner.number)) {
        fsp_machine_show(m, found->id, &found->node);
        return FSP_MISMATCH;
    }
    bool dropped;
    status = fsp_versions_drop(m, found->id, owner.number, &dropped);
    if (status == FSP_OK && dropped)
        fsp_machine_drop(m, FSP_SLICE_OF(version_id));
    return status;
}

static fsp_status_t
prune_named(fsp_machine_t *m)
{
    const fsp_history_body_t *body = &m->command->history;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find(m, &body->target, &found);
    if (status)
        return status;
    if (found.deep)
        return FSP_TOO_LARGE;
    if (found.node.kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    status = fsp_holds_check(m, found.id, &found.node);
    if (status)
        return status;
    fsp_version_id_t version_id;
    for (size_t at = 0; at < body->versions.bytes; at += sizeof(version_id)) {
        memcpy(version_id.bytes, body->versions.data + at, sizeof(version_id));
        status = drop_named(m, &found, version_id);
        if (status)
            return status;
    }
    fsp_machine_show(m, found.id, &found.node);
    m->unchanged = m->change.dropped.bytes == 0;
    if (!m->unchanged)
        fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    return FSP_OK;
}

/* -- the policy -------------------------------------------------------------------------------- */

static uint64_t
week_of(uint64_t day)
{
    return (day + 3) / 7; /* day 0 was a Thursday */
}

/* Months since year 0, by the proleptic Gregorian calendar; years begin in March while counting, so
   that the leap day comes last. */
static uint64_t
month_of(uint64_t day)
{
    uint64_t shifted = day + 719468; /* since 0000-03-01 */
    uint64_t era = shifted / 146097;
    uint64_t of_era = shifted % 146097;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153; /* 0: March */
    return 12 * (era * 400 + year) + month + 2;
}

static uint64_t
since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

/* A version made at `made` was the newest when a period ended that lies fewer than `count` periods
   back. */
static bool
stood_at_end(uint64_t made, uint64_t superseded, uint64_t now, uint64_t count)
{
    return made != superseded && since(now, superseded) < count;
}

/* A version with this number, superseded as the newest at `superseded`. */
static bool
policy_keeps(const fsp_retention_t *keep, fsp_time_t now, uint64_t newest, uint64_t number,
             fsp_time_t made, fsp_time_t superseded)
{
    if ((keep->keep_last | keep->all_days | keep->daily | keep->weekly | keep->monthly) == 0)
        return true;
    uint64_t day = made / DAY_US, end = superseded / DAY_US, today = now / DAY_US;
    return newest - number < keep->keep_last || since(now, superseded) < keep->all_days * DAY_US ||
           stood_at_end(day, end, today, keep->daily) ||
           stood_at_end(week_of(day), week_of(end), week_of(today), keep->weekly) ||
           stood_at_end(month_of(day), month_of(end), month_of(today), keep->monthly);
}

/* -- a step of a round ------------------------------------------------------------------------- */

typedef struct {
    fsp_machine_t *m;
    fsp_prune_work_t work;
    fsp_time_t now;
    size_t cost;
    bool ended; /* the step, not the round */

    /* Phase 1: the version looked at last, to be judged when the next one's time is known. */
    bool pending;
    fsp_version_info_t before;
    bool may_drop; /* from its file */
    fsp_head_t heads[FSP_HEADS_MAX];
    size_t head_count;
    /* What was judged to go: no row may be written while a cursor is open. */
    struct {
        fsp_file_id_t file_id;
        uint64_t number;
        fsp_version_id_t version_id;
    } dropped[FSP_PRUNE_VERSIONS_MAX];
    size_t dropped_count;
} step_t;

enum { FILE_KEY_BYTES = 16, VERSION_KEY_BYTES = FILE_KEY_BYTES + 8 };

static void
set_cursor(step_t *step, fsp_slice_t rest)
{
    FSP_PRE(rest.bytes <= sizeof(step->work.key));
    step->work.key_bytes = rest.bytes;
    if (rest.bytes)
        memcpy(step->work.key, rest.data, rest.bytes);
}

static void
next_phase(step_t *step)
{
    step->work.phase++;
    set_cursor(step, (fsp_slice_t){0});
}

/* From the cursor to the end of a table. */
static fsp_cursor_t *
open_cursor(const step_t *step, fsp_table_t table)
{
    fsp_row_key_t to = fsp_machine_key(step->m, table);
    fsp_row_key_t from = to;
    fsp_row_key_to_prefix_end(&to);
    fsp_row_key_add(&from, fsp_slice(step->work.key, step->work.key_bytes));
    return fsp_view_scan(step->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
}

static fsp_slice_t
rest_of_key(const fsp_cursor_t *cursor)
{
    return fsp_slice(cursor->key.data + FSP_ROW_PREFIX_BYTES,
                     cursor->key.bytes - FSP_ROW_PREFIX_BYTES);
}

/* The first row of a file in this step: may anything of it go?  *ret_cost: rows read. */
static fsp_status_t
open_file(step_t *step, fsp_file_id_t id, size_t *ret_cost)
{
    fsp_node_row_t node;
    fsp_cover_t cover;
    fsp_status_t status = fsp_machine_need_node(step->m, id, &node);
    if (status == FSP_OK)
        status = fsp_holds_cover(step->m, id, &node, &cover);
    if (status)
        return status;
    *ret_cost = cover.rows;
    step->may_drop = !cover.covered && !cover.purging && !cover.deep;
    step->head_count = node.head_count;
    memcpy(step->heads, node.heads, node.head_count * sizeof(node.heads[0]));
    return FSP_OK;
}

/* Judges the version before, now that it is known when it was superseded. */
static void
judge(step_t *step, fsp_time_t superseded)
{
    const fsp_version_info_t *version = &step->before;
    if (!step->may_drop || !version->retained ||
        (is_head(step->heads, step->head_count, version->number) && !FSP_MUTANT(heads_pruned)) ||
        policy_keeps(&step->m->space.history.retention, step->now, step->heads[0].number,
                     version->number, version->time, superseded))
        return;
    step->dropped[step->dropped_count].file_id = version->file_id;
    step->dropped[step->dropped_count].number = version->number;
    step->dropped[step->dropped_count].version_id = version->id;
    step->dropped_count++;
}

/* One version row, whose key's rest is `rest`.  Sets step->ended before or behind it. */
static fsp_status_t
look_at_version(step_t *step, fsp_slice_t rest, fsp_slice_t value)
{
    fsp_machine_t *m = step->m;
    fsp_version_row_t row;
    fsp_version_info_t version;
    if (rest.bytes != VERSION_KEY_BYTES || fsp_version_row_decode(value, &row) ||
        fsp_version_record_decode(row.record, &version))
        return fsp_machine_fail(m, FSP_DAMAGED);
    version.retained = row.retained;
    bool same = step->pending && fsp_file_id_eq(step->before.file_id, version.file_id);
    size_t cost = 0;
    if (!same) {
        fsp_status_t status = open_file(step, version.file_id, &cost);
        if (status)
            return status;
    }
    if (step->cost + 1 + cost > FSP_PRUNE_COST_MAX) {
        step->ended = true; /* the cursor stays on what is not judged yet */
        if (!same)
            set_cursor(step, rest);
        return FSP_OK;
    }
    step->cost += 1 + cost;
    if (same)
        judge(step, version.time);
    step->before = version;
    step->pending = true;
    set_cursor(step, rest);
    step->ended = step->dropped_count == FSP_PRUNE_VERSIONS_MAX;
    return FSP_OK;
}

static fsp_status_t
walk_versions(step_t *step)
{
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = open_cursor(step, FSP_TABLE_VERSION);
    for (; cursor->valid && !step->ended; fsp_cursor_next(cursor)) {
        fsp_status_t status = look_at_version(step, rest_of_key(cursor), cursor->value);
        if (status)
            return status;
    }
    if (cursor->status)
        return fsp_machine_fail(step->m, cursor->status);
    if (!step->ended)
        next_phase(step);
    return FSP_OK;
}

static fsp_status_t
phase_versions(step_t *step)
{
    fsp_status_t status = walk_versions(step);
    for (size_t i = 0; i < step->dropped_count && status == FSP_OK; i++) {
        bool dropped = false;
        status =
            fsp_versions_drop(step->m, step->dropped[i].file_id, step->dropped[i].number, &dropped);
        FSP_ASSERT(dropped || status != FSP_OK);
        fsp_machine_drop(step->m, FSP_SLICE_OF(step->dropped[i].version_id));
    }
    return status;
}

/* True if a row of the phase's table has served its time. */
static bool
row_is_past(const step_t *step, fsp_slice_t rest)
{
    if (rest.bytes < 8)
        return false;
    uint64_t number = fsp_load_u64(rest.data + rest.bytes - 8); /* all three keys end so */
    if (step->work.phase == FSP_PHASE_CHANGES)
        return number < step->m->space.history.feed_horizon;
    return number <= step->m->space.history.at_horizon;
}

/* Looks at a few rows and deletes what is past; the phase may end. */
static fsp_status_t
look_at_rows(step_t *step, fsp_table_t table)
{
    enum { ROWS = 32 };
    fsp_row_key_t past[ROWS];
    size_t past_count = 0;
    fsp_cursor_t *cursor = open_cursor(step, table);
    for (; cursor->valid && past_count < ROWS; fsp_cursor_next(cursor)) {
        fsp_slice_t rest = rest_of_key(cursor);
        set_cursor(step, rest);
        bool gone = row_is_past(step, rest);
        /* Numbers of changes rise: the first that is kept is the end. */
        if (!gone && step->work.phase == FSP_PHASE_CHANGES)
            break;
        step->ended = step->cost == FSP_PRUNE_COST_MAX;
        if (step->ended)
            break;
        step->cost++;
        if (gone) {
            past[past_count].used = 0;
            fsp_row_key_add(&past[past_count++], cursor->key);
        }
    }
    bool end = !step->ended && past_count < ROWS;
    fsp_status_t status = cursor->status;
    fsp_cursor_destroy(&cursor);
    if (status)
        return fsp_machine_fail(step->m, status);
    for (size_t i = 0; i < past_count; i++)
        fsp_machine_delete(step->m, &past[i]);
    if (end)
        next_phase(step);
    return FSP_OK;
}

static fsp_status_t
run_step(step_t *step)
{
    static const fsp_table_t tables[] = {[FSP_PHASE_PAST_ENTRIES] = FSP_TABLE_PAST_ENTRY,
                                         [FSP_PHASE_PAST_HEADS] = FSP_TABLE_PAST_HEADS,
                                         [FSP_PHASE_CHANGES] = FSP_TABLE_CHANGE};
    fsp_status_t status = FSP_OK;
    while (status == FSP_OK && !step->ended && step->work.phase <= FSP_PHASE_CHANGES) {
        if (step->work.phase == FSP_PHASE_VERSIONS)
            status = phase_versions(step);
        else
            status = look_at_rows(step, tables[step->work.phase]);
    }
    return status;
}

/* A round begins: from here on the past reaches back as far as the policy says. */
static fsp_status_t
begin_round(step_t *step)
{
    fsp_space_history_t *part = &step->m->space.history;
    const fsp_retention_t *keep = &part->retention;
    bool versions =
        (keep->keep_last | keep->all_days | keep->daily | keep->weekly | keep->monthly) != 0;
    step->work.phase = versions ? FSP_PHASE_VERSIONS : FSP_PHASE_PAST_ENTRIES;
    step->work.key_bytes = 0;
    if (keep->past_days == 0 || step->now < keep->past_days * DAY_US)
        return FSP_OK;
    uint64_t index;
    fsp_status_t status = fsp_asof_change_at(step->m, step->now - keep->past_days * DAY_US, &index);
    if (status || index == 0)
        return status;
    if (index > part->feed_horizon)
        part->feed_horizon = index;
    if (part->at_horizon > 0 && index > part->at_horizon)
        part->at_horizon = index;
    return FSP_OK;
}

static fsp_status_t
load_round(step_t *step)
{
    fsp_row_key_t key = fsp_work_key(step->m, FSP_WORK_PRUNE, (fsp_file_id_t){0});
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(step->m, &key, &value);
    if (status == FSP_NOT_FOUND)
        return begin_round(step);
    if (status)
        return status;
    return fsp_prune_work_decode(value, &step->work) ? fsp_machine_fail(step->m, FSP_DAMAGED)
                                                     : FSP_OK;
}

static fsp_status_t
prune_step(fsp_machine_t *m, step_t *step)
{
    static const fsp_retention_t none;
    fsp_row_key_t key = fsp_work_key(m, FSP_WORK_PRUNE, (fsp_file_id_t){0});
    step->m = m;
    step->now = fsp_holds_now(m);
    if (memcmp(&m->space.history.retention, &none, sizeof(none)) == 0) {
        step->work.phase = FSP_PHASE_CHANGES + 1;
    } else {
        fsp_status_t status = load_round(step);
        if (status == FSP_OK)
            status = run_step(step);
        if (status)
            return status;
    }
    m->result.more = step->work.phase <= FSP_PHASE_CHANGES;
    if (m->result.more) {
        fsp_prune_work_encode(&step->work, fsp_machine_value(m));
        fsp_machine_put(m, &key);
    } else {
        fsp_machine_delete(m, &key);
    }
    m->result.kind = FSP_KIND_DIRECTORY;
    m->result.file_id = m->space.root_id;
    m->unchanged = m->change.dropped.bytes == 0;
    fsp_apply_note(m, FSP_KIND_DIRECTORY, m->space.root_id, fsp_slice_text("/"), (fsp_slice_t){0});
    return FSP_OK;
}

fsp_status_t
fsp_apply_prune(fsp_machine_t *m)
{
    if (m->command->history.given)
        return prune_named(m);
    if (!fsp_meta_may_expire(&m->shard_row, m->time))
        return FSP_HELD;
    step_t *step = FSP_NEW(step_t);
    fsp_status_t status = prune_step(m, step);
    fsp_free(step);
    return status;
}
