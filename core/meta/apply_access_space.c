/* SPDX-License-Identifier: MIT */
/* apply_access_space - a space closes and goes; rounds of collection; what concerns the whole
 * shard. Layer core/meta.  Pure.
 *
 * All of it is ordered by the node itself.  Everything but SPACE_STATE may be sent again at any
 * time and ends in the same state, so its answers are not kept.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/apply_access.h"
#include "core/meta/apply_steps.h"

enum {
    /* Rows that one SPACE_DROP removes; the rest of FSP_COMMAND_ROWS_MAX is for space and shard. */
    DROP_ROWS_MAX = 4000,
    /* Tables whose rows lie behind the id of a space; those of the system shard come later. */
    DROP_TABLE_FIRST = FSP_TABLE_ENTRY,
    DROP_TABLE_LAST = FSP_TABLE_MEMBER - 1,
};
static_assert(DROP_ROWS_MAX + 2 <= FSP_COMMAND_ROWS_MAX, "space and shard row are written too");

/* -- open, closing ----------------------------------------------------------------------------- */

fsp_status_t
fsp_apply_space_state(fsp_machine_t *m)
{
    const fsp_access_body_t *body = &m->command->access;
    fsp_space_access_t *part = &m->space.access;
    m->result.kind = FSP_KIND_DIRECTORY;
    m->result.file_id = m->space.root_id;
    if (part->state == (fsp_life_t)body->value && part->deadline == body->detail) {
        m->unchanged = true;
        return FSP_OK;
    }
    part->state = (fsp_life_t)body->value;
    part->deadline = body->detail;
    fsp_apply_note(m, FSP_KIND_DIRECTORY, m->space.root_id, fsp_slice_text("/"), (fsp_slice_t){0});
    return FSP_OK;
}

/* -- dropping ---------------------------------------------------------------------------------- */

/* Without keys what is left of the space cannot be read by anybody; without a name nobody finds it.
 */
static void
drop_keys(fsp_machine_t *m)
{
    fsp_row_key_t key = fsp_row_key(m->shard, FSP_TABLE_SPACE_NAME, (fsp_space_id_t){0});
    fsp_row_key_add(&key, m->space.name);
    fsp_machine_delete(m, &key);
    m->space.name = (fsp_slice_t){0};
    m->space.key_count = 0;
    m->space.wrapped_cut_key = (fsp_slice_t){0};
    m->space.access.state = FSP_LIFE_DROPPING;
    m->result.number = 1;
}

/* Keys to remove, one behind the other: length u16, then the bytes behind the space id. */
typedef struct {
    fsp_buf_t keys;
    size_t count;
} doomed_t;

/* Picks keys of one table from the cursor on, until enough are there. */
static fsp_status_t
pick_rows(fsp_machine_t *m, unsigned table, fsp_slice_t after, doomed_t *doomed)
{
    static const uint8_t nul[1] = {0};
    fsp_row_key_t from = fsp_machine_key(m, (fsp_table_t)table);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    if (after.bytes) {
        fsp_row_key_add(&from, after);
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
    }
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid && doomed->count < DROP_ROWS_MAX; fsp_cursor_next(cursor)) {
        size_t bytes = cursor->key.bytes - FSP_ROW_PREFIX_BYTES;
        if (cursor->key.bytes < FSP_ROW_PREFIX_BYTES || bytes > FSP_ROW_KEY_BYTES_MAX)
            return fsp_machine_fail(m, FSP_DAMAGED);
        const uint8_t head[3] = {(uint8_t)table, (uint8_t)(bytes >> 8), (uint8_t)bytes};
        fsp_buf_append(&doomed->keys, head, sizeof(head));
        fsp_buf_append(&doomed->keys, cursor->key.data + FSP_ROW_PREFIX_BYTES, bytes);
        doomed->count++;
    }
    FSP_ASSERT(fsp_buf_ok(&doomed->keys));
    return cursor->status ? fsp_machine_fail(m, cursor->status) : FSP_OK;
}

/* Removes what was picked; the last one becomes the cursor. */
static void
remove_rows(fsp_machine_t *m, const doomed_t *doomed)
{
    const uint8_t *at = doomed->keys.data;
    fsp_slice_t rest = {0};
    unsigned table = 0;
    for (size_t i = 0; i < doomed->count; i++) {
        table = at[0];
        rest = fsp_slice(at + 3, (size_t)at[1] << 8 | at[2]);
        fsp_row_key_t key = fsp_machine_key(m, (fsp_table_t)table);
        fsp_row_key_add(&key, rest);
        fsp_machine_delete(m, &key);
        at = rest.data + rest.bytes;
    }
    /* The space row borrows it until it is written; the path's buffer is free here. */
    fsp_buf_reset(&m->path);
    fsp_buf_append_u8(&m->path, (uint8_t)table);
    fsp_buf_append_slice(&m->path, rest);
    m->space.access.cursor = fsp_buf_slice(&m->path);
}

static fsp_status_t
drop_rows(fsp_machine_t *m)
{
    unsigned table = DROP_TABLE_FIRST;
    fsp_slice_t after = {0};
    fsp_slice_t cursor = m->space.access.cursor;
    if (cursor.bytes) {
        table = cursor.data[0];
        after = fsp_slice(cursor.data + 1, cursor.bytes - 1);
    }
    doomed_t doomed = {0};
    fsp_buf_init(&doomed.keys, (size_t)DROP_ROWS_MAX * (3 + FSP_ROW_KEY_BYTES_MAX));
    fsp_status_t status = FSP_OK;
    for (; status == FSP_OK && table <= DROP_TABLE_LAST && doomed.count < DROP_ROWS_MAX; table++) {
        status = pick_rows(m, table, after, &doomed);
        after = (fsp_slice_t){0};
    }
    m->result.number = doomed.count;
    if (status == FSP_OK && doomed.count > 0)
        remove_rows(m, &doomed);
    else if (status == FSP_OK)
        m->space = (fsp_space_row_t){.access.state = FSP_LIFE_GONE};
    fsp_buf_clear(&doomed.keys);
    return status;
}

fsp_status_t
fsp_apply_space_drop(fsp_machine_t *m)
{
    const fsp_space_access_t *part = &m->space.access;
    m->unchanged = true;
    switch (part->state) {
    case FSP_LIFE_OPEN:
        return FSP_MISMATCH;
    case FSP_LIFE_CLOSING:
        if (part->deadline > fsp_access_now(m))
            return FSP_MISMATCH;
        drop_keys(m);
        return FSP_OK;
    case FSP_LIFE_DROPPING:
        return drop_rows(m);
    case FSP_LIFE_GONE:
        return FSP_OK;
    }
    FSP_UNREACHABLE();
}

/* -- collection -------------------------------------------------------------------------------- */

fsp_status_t
fsp_apply_gc_open(fsp_machine_t *m)
{
    const fsp_access_body_t *body = &m->command->access;
    m->unchanged = true;
    if (body->value == m->space.epoch && body->detail == m->space.gc_layout_version)
        return FSP_OK;
    if (body->value <= m->space.epoch)
        return FSP_EPOCH;
    if (body->value - m->space.epoch > 1)
        return FSP_MISMATCH;
    if (body->detail < m->space.gc_layout_version)
        return FSP_LAYOUT;
    m->space.epoch = body->value;
    m->space.gc_layout_version = body->detail;
    m->space.access.round_open = true;
    return FSP_OK;
}

fsp_status_t
fsp_apply_gc_close(fsp_machine_t *m)
{
    uint64_t epoch = m->command->access.value;
    m->unchanged = true;
    if (epoch > m->space.epoch)
        return FSP_MISMATCH;
    if (epoch == m->space.epoch)
        m->space.access.round_open = false;
    return FSP_OK;
}

/* -- the whole shard --------------------------------------------------------------------------- */

static fsp_status_t
raise_level(fsp_machine_t *m, uint64_t level)
{
    m->result.number = m->shard_row.feature_level;
    if (level <= m->shard_row.feature_level)
        return FSP_OK;
    if (level - m->shard_row.feature_level > 1)
        return FSP_MISMATCH;
    /* From the next entry on the others do what this program does not know: it must stop here, at
       the entry before, and goes on when it has been replaced. */
    if (level > FSP_FEATURE_LEVEL)
        return fsp_machine_fail(m, FSP_FORMAT_NEWER);
    m->shard_row.feature_level = level;
    m->result.number = level;
    return FSP_OK;
}

static fsp_status_t
confirm_time(fsp_machine_t *m, fsp_time_t jump_time)
{
    fsp_shard_row_t *row = &m->shard_row;
    if (row->hold_left_us == 0)
        return FSP_OK;
    /* The person has seen another jump than this one. */
    if (jump_time != row->jump_time)
        return FSP_MISMATCH;
    row->jump_time = row->frozen_time = row->hold_left_us = 0;
    return FSP_OK;
}

fsp_status_t
fsp_apply_shard(fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    uint64_t value = command->access.value;
    if (fsp_command_level(command->type, command->version) > m->shard_row.feature_level ||
        (!fsp_asker_is_empty(&command->asker) && m->shard_row.feature_level < 2))
        return FSP_LEVEL;
    if (!fsp_subject_id_is_zero(command->subject))
        return FSP_FORBIDDEN;
    switch ((int)command->type) {
    case FSP_COMMAND_SUBJECT_FLOOR:
        if (value > m->shard_row.subject_floor)
            m->shard_row.subject_floor = value;
        m->result.number = m->shard_row.subject_floor;
        return FSP_OK;
    case FSP_COMMAND_LEVEL_RAISE:
        return raise_level(m, value);
    case FSP_COMMAND_TIME_CONFIRM:
        return confirm_time(m, value);
    default:
        FSP_UNREACHABLE();
    }
}
