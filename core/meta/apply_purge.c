/* SPDX-License-Identifier: MIT */
/* apply_purge - PURGE: out of the trash for good.  Layer core/meta.  Pure.
 *
 * A node that is to go loses its name and its parent at once, so that nobody finds it or what lies
 * below it, and gets a work row.  The work rows are the list of what is left to do: a directory
 * hands its entries over to that list, a file loses its versions; what is empty goes.  So a command
 * is bounded whatever the size or depth of the tree, and no place in it must be kept.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/apply_history.h"
#include "core/meta/apply_steps.h"
#include "core/meta/holds.h"
#include "core/meta/past.h"

typedef struct {
    fsp_machine_t *m;
    size_t units;   /* left to this command */
    bool changed;   /* something was marked or deleted */
    bool rescued;   /* something held went back to the trash: the work ends */
    bool work_left; /* work rows are left */
} purge_t;

/* -- marking ----------------------------------------------------------------------------------- */

static void
mark(purge_t *purge, fsp_file_id_t id, fsp_node_row_t *node)
{
    fsp_machine_t *m = purge->m;
    fsp_namespace_detach(m, node);
    node->parent_id = (fsp_file_id_t){0};
    node->name_bytes = 0;
    node->history.purging = true;
    node->history.origin_id = (fsp_file_id_t){0};
    node->history.origin_name_bytes = 0;
    fsp_machine_put_node(m, id, node);
    fsp_row_key_t key = fsp_work_key(m, FSP_WORK_PURGE, id);
    fsp_buf_t *value = fsp_machine_value(m);
    fsp_canon_array(value, 1);
    fsp_canon_uint(value, fsp_machine_next_index(m));
    fsp_machine_put(m, &key);
    purge->changed = true;
}

static bool
is_young(const fsp_machine_t *m, const fsp_node_row_t *node, fsp_time_t top_time)
{
    fsp_time_t now = fsp_holds_now(m);
    /* Nothing in the trash gets versions, so none in a directory is newer than its going there. */
    fsp_time_t newest = node->kind == FSP_KIND_DIRECTORY ? top_time : node->content_time;
    return newest > now || now - newest < FSP_PURGE_YOUNG_US;
}

/* -- the work ---------------------------------------------------------------------------------- */

/* Rows that go one by one: each is deleted before the next is looked for. */
typedef struct {
    fsp_row_key_t from; /* behind the rows that this command deleted */
    fsp_row_key_t to;
    fsp_entry_row_t entry; /* of an entry table's row */
} queue_t;

static queue_t
open_queue(const fsp_row_key_t *prefix)
{
    queue_t queue = {.from = *prefix, .to = *prefix};
    fsp_row_key_to_prefix_end(&queue.to);
    return queue;
}

/* Moves to the first row that is left: its key is queue->from; NOT_FOUND. */
static fsp_status_t
next_row(fsp_machine_t *m, queue_t *queue, bool entries)
{
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(m->view, fsp_row_key_slice(&queue->from), fsp_row_key_slice(&queue->to));
    if (cursor->status)
        return fsp_machine_fail(m, cursor->status);
    if (!cursor->valid)
        return FSP_NOT_FOUND;
    if (cursor->key.bytes > FSP_ROW_KEY_BYTES_MAX ||
        (entries && fsp_entry_row_decode(cursor->value, &queue->entry)))
        return fsp_machine_fail(m, FSP_DAMAGED);
    queue->from.used = 0;
    fsp_row_key_add(&queue->from, cursor->key);
    return FSP_OK;
}

/* One entry of a directory that is being purged joins the list, or is saved by its hold. */
static fsp_status_t
hand_over(purge_t *purge, fsp_file_id_t id)
{
    fsp_machine_t *m = purge->m;
    fsp_node_row_t node;
    fsp_status_t status = fsp_machine_need_node(m, id, &node);
    if (status)
        return status;
    purge->units--;
    if (!fsp_holds_node(m, &node)) {
        mark(purge, id, &node);
        return FSP_OK;
    }
    fsp_namespace_trash(m, id, &node);
    m->change.displaced_id = id;
    purge->changed = true;
    purge->rescued = true;
    return FSP_OK;
}

/* Deletes a node of which nothing is left. */
static void
finish(purge_t *purge, fsp_file_id_t id)
{
    fsp_machine_t *m = purge->m;
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_NODE);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_machine_delete(m, &key);
    key = fsp_work_key(m, FSP_WORK_PURGE, id);
    fsp_machine_delete(m, &key);
    purge->units--;
    purge->changed = true;
}

static fsp_status_t
work_on_directory(purge_t *purge, fsp_file_id_t id)
{
    fsp_row_key_t prefix = fsp_machine_key(purge->m, FSP_TABLE_ENTRY);
    fsp_row_key_add(&prefix, FSP_SLICE_OF(id));
    queue_t queue = open_queue(&prefix);
    while (purge->units > 0 && !purge->rescued) {
        fsp_status_t status = next_row(purge->m, &queue, true);
        if (status == FSP_NOT_FOUND) {
            finish(purge, id);
            return FSP_OK;
        }
        if (status == FSP_OK)
            status = hand_over(purge, queue.entry.id);
        if (status)
            return status;
    }
    return FSP_OK;
}

static fsp_status_t
work_on_file(purge_t *purge, fsp_file_id_t id)
{
    fsp_machine_t *m = purge->m;
    size_t rows;
    fsp_status_t status = fsp_versions_delete(m, id, purge->units, &rows);
    if (status)
        return status;
    purge->units -= rows;
    purge->changed = purge->changed || rows > 0;
    fsp_row_key_t prefix = fsp_machine_key(m, FSP_TABLE_PAST_HEADS);
    fsp_row_key_add(&prefix, FSP_SLICE_OF(id));
    queue_t queue = open_queue(&prefix);
    while (purge->units > 0) {
        status = next_row(m, &queue, false);
        if (status == FSP_NOT_FOUND) {
            finish(purge, id);
            return FSP_OK;
        }
        if (status)
            return status;
        fsp_machine_delete(m, &queue.from);
        purge->units--;
        purge->changed = true;
    }
    return FSP_OK;
}

/* Work rows in the order of their keys, while units are left. */
static fsp_status_t
work(purge_t *purge)
{
    enum { KIND_BYTES = 1 };
    fsp_machine_t *m = purge->m;
    fsp_row_key_t prefix = fsp_work_key(m, FSP_WORK_PURGE, (fsp_file_id_t){0});
    prefix.used = FSP_ROW_PREFIX_BYTES + KIND_BYTES;
    for (;;) {
        queue_t queue = open_queue(&prefix); /* anew: the list grows at any place */
        fsp_status_t status = next_row(m, &queue, false);
        purge->work_left = status == FSP_OK;
        if (status)
            return status == FSP_NOT_FOUND ? FSP_OK : status;
        if (purge->units == 0 || purge->rescued)
            return FSP_OK;
        fsp_file_id_t id;
        fsp_node_row_t node;
        if (queue.from.used != prefix.used + sizeof(id.bytes))
            return fsp_machine_fail(m, FSP_DAMAGED);
        memcpy(id.bytes, queue.from.bytes + prefix.used, sizeof(id.bytes));
        status = fsp_machine_need_node(m, id, &node);
        if (status == FSP_OK)
            status = node.kind == FSP_KIND_DIRECTORY ? work_on_directory(purge, id)
                                                     : work_on_file(purge, id);
        if (status)
            return status;
    }
}

/* -- the command ------------------------------------------------------------------------------- */

/* Marks the item that a person or the leader named. */
static fsp_status_t
mark_named(purge_t *purge, fsp_found_t *found)
{
    fsp_machine_t *m = purge->m;
    const fsp_history_body_t *body = &m->command->history;
    fsp_status_t status = fsp_namespace_find_in_trash(m, &body->target, found);
    if (status)
        return status;
    if (found->fixed)
        return FSP_INVALID;
    if (found->deep)
        return FSP_TOO_LARGE;
    if (!found->trashed) {
        fsp_machine_show(m, found->id, &found->node);
        return FSP_MISMATCH;
    }
    fsp_cover_t cover;
    status = fsp_holds_cover(m, found->id, &found->node, &cover);
    if (status)
        return status;
    if (cover.covered || (!body->person && is_young(m, &found->node, cover.top_time)))
        return FSP_HELD;
    mark(purge, found->id, &found->node);
    fsp_machine_drop(m, FSP_SLICE_OF(found->id));
    return FSP_OK;
}

/* Items of the trash that were looked at and are to go, and where looking ended. */
typedef struct {
    fsp_file_id_t ids[FSP_PURGE_ITEMS_MAX];
    size_t count;
    uint8_t last[FSP_NAME_BYTES_MAX]; /* name looked at last */
    size_t last_bytes;
    bool more; /* items lie behind it */
} chosen_t;

static fsp_status_t
choose_item(purge_t *purge, fsp_slice_t value, chosen_t *ret)
{
    fsp_machine_t *m = purge->m;
    const fsp_history_body_t *body = &m->command->history;
    fsp_entry_row_t entry;
    fsp_node_row_t node;
    if (fsp_entry_row_decode(value, &entry))
        return fsp_machine_fail(m, FSP_DAMAGED);
    fsp_status_t status = fsp_machine_need_node(m, entry.id, &node);
    if (status)
        return status;
    if (node.time <= body->before && !fsp_holds_node(m, &node) &&
        (body->person || !is_young(m, &node, node.time)))
        ret->ids[ret->count++] = entry.id;
    return FSP_OK;
}

static fsp_status_t
choose(purge_t *purge, chosen_t *ret)
{
    static const uint8_t nul[1] = {0};
    fsp_machine_t *m = purge->m;
    fsp_slice_t after = m->command->history.after;
    fsp_row_key_t from = fsp_machine_key(m, FSP_TABLE_ENTRY);
    fsp_row_key_add(&from, FSP_SLICE_OF(m->space.trash_id));
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    const size_t name_at = from.used;
    if (after.bytes) {
        fsp_row_key_add(&from, after);
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul))); /* the next possible name */
    }
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (size_t looks = 0; cursor->valid; looks++, fsp_cursor_next(cursor)) {
        ret->more = looks == FSP_PURGE_LOOKS_MAX || ret->count == FSP_PURGE_ITEMS_MAX;
        if (ret->more)
            break;
        fsp_status_t status = choose_item(purge, cursor->value, ret);
        if (status)
            return status;
        ret->last_bytes = cursor->key.bytes - name_at;
        memcpy(ret->last, cursor->key.data + name_at, ret->last_bytes);
    }
    return cursor->status ? fsp_machine_fail(m, cursor->status) : FSP_OK;
}

/* Marks what is old in the trash. */
static fsp_status_t
mark_old(purge_t *purge, chosen_t *chosen)
{
    chosen->count = 0;
    chosen->more = false;
    fsp_machine_t *m = purge->m;
    if (m->command->history.before == 0)
        return FSP_OK;
    fsp_status_t status = choose(purge, chosen);
    for (size_t i = 0; i < chosen->count && status == FSP_OK; i++) {
        fsp_node_row_t node;
        status = fsp_machine_need_node(m, chosen->ids[i], &node);
        if (status)
            break;
        mark(purge, chosen->ids[i], &node);
        fsp_machine_drop(m, FSP_SLICE_OF(chosen->ids[i]));
    }
    return status;
}

static void
say_where(fsp_machine_t *m, const chosen_t *chosen)
{
    fsp_buf_reset(&m->from_path);
    fsp_buf_append_u8(&m->from_path, '/');
    fsp_buf_append(&m->from_path, chosen->last, chosen->last_bytes);
    m->result.path = fsp_buf_slice(&m->from_path);
}

static fsp_status_t
purge_all(purge_t *purge)
{
    fsp_machine_t *m = purge->m;
    chosen_t chosen;
    fsp_status_t status = mark_old(purge, &chosen);
    if (status == FSP_OK)
        status = work(purge);
    if (status)
        return status;
    m->result.kind = FSP_KIND_DIRECTORY;
    m->result.file_id = m->space.trash_id;
    fsp_apply_note(m, FSP_KIND_DIRECTORY, m->space.trash_id, (fsp_slice_t){0}, (fsp_slice_t){0});
    if (chosen.more)
        say_where(m, &chosen);
    m->result.more = chosen.more || purge->work_left;
    return FSP_OK;
}

static fsp_status_t
purge_one(purge_t *purge)
{
    fsp_machine_t *m = purge->m;
    fsp_found_t found;
    fsp_status_t status = mark_named(purge, &found);
    if (status == FSP_OK)
        status = work(purge);
    if (status)
        return status;
    m->result.kind = found.node.kind; /* no heads: they are gone, or on the way */
    m->result.file_id = found.id;
    fsp_apply_note(m, found.node.kind, found.id, (fsp_slice_t){0}, (fsp_slice_t){0});
    m->result.more = purge->work_left;
    return FSP_OK;
}

fsp_status_t
fsp_apply_purge(fsp_machine_t *m)
{
    const fsp_history_body_t *body = &m->command->history;
    if (!body->person && !fsp_meta_may_expire(&m->shard_row, m->time))
        return FSP_HELD;
    purge_t purge = {.m = m, .units = FSP_PURGE_UNITS_MAX};
    fsp_status_t status = body->given ? purge_one(&purge) : purge_all(&purge);
    if (status)
        return status;
    m->unchanged = !purge.changed;
    return FSP_OK;
}
