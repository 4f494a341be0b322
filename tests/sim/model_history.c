/* SPDX-License-Identifier: MIT */
/* model_history - holds, trash and back, pruning, purging.  Layer tests.
 *
 * docs/protocol/commands-history.md.  Past rows are kept only to count them: they decide how far a
 * step of PRUNE and PURGE comes.  What was true then is read from the trees of each change.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/model_parts.h"

enum {
    NAMES_TRIED = 100,
    ITEMS_LOOKED_AT = 256,
    ITEMS_MARKED = 64,
    UNITS = 512,
    PRUNE_COST = 1024
};
static const uint64_t day_us = 86400ull * 1000000;

/* -- going up ---------------------------------------------------------------------------------- */

bool
model_is_held(const model_step_t *self, const model_node_t *node)
{
    return node->legal_hold || node->worm_until > model_now(self->model);
}

bool
model_is_covered_above(const model_step_t *self, const model_node_t *node)
{
    for (size_t up = 0; up < FSP_PATH_DEPTH_MAX; up++) {
        node = model_tree_find(&self->tree, node->parent_id);
        if (!node)
            return false;
        if (model_is_held(self, node))
            return true;
    }
    return false;
}

bool
model_is_covered(const model_step_t *self, const model_node_t *node)
{
    return model_is_held(self, node) || model_is_covered_above(self, node);
}

bool
model_is_purging(const model_tree_t *tree, const model_node_t *node)
{
    for (size_t up = 0; node && up <= FSP_PATH_DEPTH_MAX; up++) {
        if (node->purging)
            return true;
        node = model_tree_find(tree, node->parent_id);
    }
    return false; /* or it lies too deep to tell */
}

/* What UNDELETE and PURGE name: an id, or a path from the trash directory. */
static fsp_status_t
s_find_item(model_step_t *self, model_place_t *ret)
{
    const fsp_target_t *target = &self->command->history.target;
    if (target->path.bytes == 0)
        return model_find(self->space, &self->tree, target, ret);
    model_walk_t walk;
    fsp_status_t status = model_walk(&self->tree, self->space->info.trash_id, target->path,
                                     (fsp_file_id_t){{0}}, &walk);
    if (status)
        return status;
    if (!walk.node)
        return FSP_NOT_FOUND;
    model_place_of(self->space, &self->tree, walk.node, ret);
    return FSP_OK;
}

/* The node just below the trash directory on the way up. */
static const model_node_t *
s_item_of(const model_step_t *self, const model_node_t *node)
{
    while (!fsp_file_id_eq(node->parent_id, self->space->info.trash_id))
        node = model_tree_find(&self->tree, node->parent_id);
    return node;
}

static fsp_status_t
s_refuse_showing(model_step_t *self, const model_node_t *node, fsp_status_t status)
{
    model_show(self, node);
    return status;
}

/* -- UNDELETE ---------------------------------------------------------------------------------- */

/* The path that the change said for which an item of the trash is named; empty if it says none. */
static fsp_slice_t
s_path_of_change(const model_step_t *self, const model_node_t *node)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 20 && i < node->name_bytes; i++)
        number = 10 * number + (uint64_t)(node->name_data[i] - '0');
    const model_space_t *space = self->space;
    if (number == 0 || number > space->info.change_index || number < space->first_change)
        return fsp_slice(NULL, 0);
    const model_change_t *change = &space->changes[number];
    if (!fsp_file_id_eq(change->file_id, node->id) &&
        !fsp_file_id_eq(change->displaced_id, node->id))
        return fsp_slice(NULL, 0);
    return change->path;
}

/* Directory and name where the node goes. */
static fsp_status_t
s_find_place(model_step_t *self, const model_place_t *from, fsp_slice_t to, bool create_parents,
             fsp_file_id_t seed, fsp_file_id_t *ret_directory, fsp_slice_t *ret_name)
{
    const model_node_t *node = from->node;
    if (to.bytes == 0 && !fsp_file_id_is_zero(node->origin_id)) {
        const model_node_t *directory = model_tree_find(&self->tree, node->origin_id);
        if (!directory || model_is_purging(&self->tree, directory))
            return FSP_NO_PARENT;
        model_place_t place;
        model_place_of(self->space, &self->tree, directory, &place);
        if (place.deep)
            return FSP_TOO_LARGE;
        if (place.trashed)
            return FSP_NO_PARENT;
        *ret_directory = directory->id;
        *ret_name = fsp_slice(node->origin_data, node->origin_bytes);
        return FSP_OK;
    }
    if (to.bytes == 0 && fsp_file_id_eq(node->parent_id, self->space->info.trash_id))
        to = s_path_of_change(self, node);
    if (to.bytes == 0)
        return FSP_NO_PARENT;
    model_walk_t walk;
    fsp_status_t status =
        model_walk(&self->tree, self->space->info.root_id, to, (fsp_file_id_t){{0}}, &walk);
    if (status)
        return status;
    if (walk.name.bytes == 0)
        return s_refuse_showing(self, walk.node, FSP_EXISTS);
    status = model_make_parents(self, &walk, create_parents, seed);
    *ret_directory = walk.directory->id;
    *ret_name = walk.name;
    return status;
}

/* `name (n)`, with the name cut to whole characters so that it fits. */
static fsp_slice_t
s_other_name(fsp_slice_t name, int n, uint8_t memory[FSP_NAME_BYTES_MAX])
{
    char tail[16];
    size_t tail_bytes = (size_t)snprintf(tail, sizeof(tail), " (%d)", n);
    size_t bytes = name.bytes;
    if (bytes + tail_bytes > FSP_NAME_BYTES_MAX) {
        bytes = FSP_NAME_BYTES_MAX - tail_bytes;
        while (bytes > 0 && (name.data[bytes] & 0xc0) == 0x80)
            bytes--;
    }
    memcpy(memory, name.data, bytes);
    memcpy(memory + bytes, tail, tail_bytes);
    return fsp_slice(memory, bytes + tail_bytes);
}

/* Places the node as `wanted` in the directory, or as `wanted (n)`. */
static fsp_status_t
s_take_out(model_step_t *self, const model_node_t *node, fsp_file_id_t directory_id,
           fsp_slice_t wanted, model_node_t **ret)
{
    uint8_t memory[FSP_NAME_BYTES_MAX];
    fsp_slice_t name = wanted;
    for (int n = 1; n <= NAMES_TRIED && model_tree_child(&self->tree, directory_id, name); n++)
        name = s_other_name(wanted, n, memory);
    if (model_tree_child(&self->tree, directory_id, name))
        return s_refuse_showing(self, model_tree_child(&self->tree, directory_id, wanted),
                                FSP_EXISTS);
    model_node_t *back = model_touch(self, node);
    model_put_at(self, back, directory_id, model_copy(self->model, name));
    model_tree_put(&self->tree, back);
    *ret = back;
    return FSP_OK;
}

fsp_status_t
model_undelete(model_step_t *self, const model_place_t *from, fsp_slice_t to, bool create_parents,
               fsp_file_id_t seed, model_place_t *ret)
{
    if (model_is_covered_above(self, from->node))
        return FSP_HELD;
    fsp_file_id_t directory_id;
    fsp_slice_t wanted;
    model_node_t *back;
    fsp_status_t status =
        s_find_place(self, from, to, create_parents, seed, &directory_id, &wanted);
    if (!status)
        status = s_take_out(self, from->node, directory_id, wanted, &back);
    if (status)
        return status;
    model_place_of(self->space, &self->tree, back, ret);
    return ret->deep ? FSP_TOO_LARGE : FSP_OK;
}

static fsp_status_t
s_undelete(model_step_t *self)
{
    const fsp_history_body_t *body = &self->command->history;
    model_place_t place, now;
    fsp_status_t status = s_find_item(self, &place);
    if (status)
        return status;
    if (place.fixed)
        return FSP_INVALID;
    if (place.deep)
        return FSP_TOO_LARGE;
    if (!place.trashed)
        return s_refuse_showing(self, place.node, FSP_EXISTS);
    status =
        model_undelete(self, &place, body->to.path, body->create_parents, body->ids_seed, &now);
    if (status)
        return status;
    model_tell(self, now.node, model_keep_path(self->path_text, now.path));
    self->result->path = model_copy(self->model, now.path);
    return FSP_OK;
}

/* -- PRUNE ------------------------------------------------------------------------------------- */

static bool
s_is_head(const model_node_t *node, const model_version_t *version)
{
    for (size_t i = 0; i < node->head_count; i++)
        if (node->heads[i] == version)
            return true;
    return false;
}

static void
s_drop(model_step_t *self, model_version_t *version)
{
    version->info.retained = false;
    self->used -= version->info.size;
    fsp_buf_append_slice(&self->dropped, FSP_SLICE_OF(version->info.id));
}

static fsp_status_t
s_prune_by_person(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status =
        model_find(self->space, &self->tree, &self->command->history.target, &place);
    if (status)
        return status;
    const model_node_t *node = place.node;
    if (place.deep)
        return FSP_TOO_LARGE;
    if (node->kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    if (model_is_covered(self, node))
        return FSP_HELD;
    fsp_slice_t ids = self->command->history.versions;
    model_version_t *versions[FSP_PRUNE_VERSIONS_MAX];
    size_t count = ids.bytes / 32;
    for (size_t i = 0; i < count; i++) {
        fsp_version_id_t id;
        memcpy(id.bytes, ids.data + 32 * i, 32);
        versions[i] = model_version_of(node, id);
        if (!versions[i])
            return FSP_NO_SUCH_VERSION;
        if (s_is_head(node, versions[i]))
            return s_refuse_showing(self, node, FSP_MISMATCH);
    }
    for (size_t i = 0; i < count; i++)
        if (versions[i]->info.retained)
            s_drop(self, versions[i]);
    self->unchanged = self->dropped.bytes == 0;
    model_tell(self, node, model_keep_path(self->path_text, place.path));
    return FSP_OK;
}

/* Days, weeks and months since some beginning. */
static uint64_t
s_week(uint64_t day)
{
    return (day + 3) / 7;
}

static uint64_t
s_month(uint64_t day)
{
    uint64_t year = 1970;
    for (;; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (day < 365u + leap) {
            static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
            uint64_t month = 0;
            for (; day >= (uint64_t)days[month] + (month == 1 && leap); month++)
                day -= (uint64_t)days[month] + (month == 1 && leap);
            return 12 * year + month;
        }
        day -= 365u + leap;
    }
}

/* Whether the policy keeps version v of a file, w being the one after it. */
static bool
s_is_kept(const model_step_t *self, uint64_t highest, const model_version_t *v,
          const model_version_t *w)
{
    const fsp_retention_t *policy = &self->space->retention;
    fsp_time_t now = model_now(self->model);
    if (now < w->info.time)
        now = w->info.time;
    uint64_t t = v->info.time / day_us, u = w->info.time / day_us, today = now / day_us;
    if (!(policy->keep_last | policy->all_days | policy->daily | policy->weekly | policy->monthly))
        return true;
    return highest - v->info.number < policy->keep_last ||
           now - w->info.time < policy->all_days * day_us || (t < u && today - u < policy->daily) ||
           (s_week(t) < s_week(u) && s_week(today) - s_week(u) < policy->weekly) ||
           (s_month(t) < s_month(u) && s_month(today) - s_month(u) < policy->monthly);
}

/* A row of the table of versions: a node and one of its versions. */
typedef struct {
    const model_node_t *node;
    model_version_t *version;
} version_row_t;

static int
s_compare_rows(const void *a, const void *b)
{
    const version_row_t *x = a, *y = b;
    int order = fsp_file_id_cmp(x->node->id, y->node->id);
    uint64_t m = x->version->info.number, n = y->version->info.number;
    return order ? order : (m > n) - (m < n);
}

/* All of them, in the order of their keys. */
static version_row_t *
s_version_rows(const model_step_t *self, size_t *ret_count)
{
    size_t count = 0, used = 0;
    for (size_t i = 0; i < self->tree.count; i++)
        for (model_version_t *v = self->tree.nodes[i]->newest; v; v = v->older)
            count++;
    version_row_t *rows = fsp_alloc_array(count + 1, sizeof(*rows));
    for (size_t i = 0; i < self->tree.count; i++)
        for (model_version_t *v = self->tree.nodes[i]->newest; v; v = v->older)
            rows[used++] = (version_row_t){.node = self->tree.nodes[i], .version = v};
    qsort(rows, count, sizeof(*rows), s_compare_rows);
    *ret_count = count;
    return rows;
}

/* The node and the directories that are looked at above it. */
static size_t
s_nodes_up(const model_step_t *self, const model_node_t *node)
{
    size_t count = 0;
    for (; node && count <= FSP_PATH_DEPTH_MAX; count++)
        node = model_tree_find(&self->tree, node->parent_id);
    return count;
}

static void
s_judge_version(model_step_t *self, const version_row_t *row, const model_version_t *next)
{
    const model_node_t *node = row->node;
    if (!row->version->info.retained || s_is_head(node, row->version) ||
        model_is_covered(self, node) || model_is_purging(&self->tree, node) ||
        s_nodes_up(self, node) > FSP_PATH_DEPTH_MAX)
        return;
    if (!s_is_kept(self, node->newest->info.number, row->version, next))
        s_drop(self, row->version);
}

static void
s_stop_at(fsp_prune_work_t *round, fsp_slice_t key)
{
    memcpy(round->key, key.data, key.bytes);
    round->key_bytes = key.bytes;
}

static void
s_stop_at_version(fsp_prune_work_t *round, const version_row_t *row)
{
    uint8_t key[16 + 8];
    memcpy(key, row->node->id.bytes, 16);
    fsp_store_u64(key + 16, row->version->info.number);
    s_stop_at(round, fsp_slice(key, sizeof(key)));
}

static bool
s_is_before(const version_row_t *row, const fsp_prune_work_t *round)
{
    fsp_prune_work_t own;
    s_stop_at_version(&own, row);
    return fsp_slice_cmp(fsp_slice(own.key, own.key_bytes),
                         fsp_slice(round->key, round->key_bytes)) < 0;
}

/* Phase 1: true if it came to its end within the cost. */
static bool
s_prune_versions(model_step_t *self, size_t *cost)
{
    fsp_prune_work_t *round = &self->space->round;
    size_t count;
    version_row_t *rows = s_version_rows(self, &count);
    const version_row_t *before = NULL;
    bool ended = true;
    for (size_t i = 0; i < count && ended; i++) {
        const version_row_t *row = &rows[i];
        if (!before && s_is_before(row, round))
            continue;
        bool first = !before || before->node != row->node;
        size_t price = 1 + (first ? s_nodes_up(self, row->node) : 0);
        if (*cost + price > PRUNE_COST) {
            s_stop_at_version(round, first ? row : before);
            ended = false;
            break;
        }
        *cost += price;
        if (!first)
            s_judge_version(self, before, row->version);
        before = row;
        if (self->dropped.bytes / 32 == FSP_PRUNE_VERSIONS_MAX) {
            s_stop_at_version(round, row);
            ended = false;
        }
    }
    fsp_free(rows);
    return ended;
}

/* Phases 2 and 3. */
static bool
s_prune_past(model_step_t *self, fsp_omap_t *rows, size_t *cost)
{
    fsp_prune_work_t *round = &self->space->round;
    const fsp_omap_row_t *row = fsp_omap_seek(rows, fsp_slice(round->key, round->key_bytes));
    while (row) {
        if (*cost == PRUNE_COST) {
            s_stop_at(round, row->key);
            return false;
        }
        ++*cost;
        const fsp_omap_row_t *next = fsp_omap_next(row);
        if (fsp_load_u64(row->key.data + row->key.bytes - 8) <= self->space->at_horizon)
            fsp_omap_remove(rows, row->key);
        row = next;
    }
    return true;
}

static bool
s_prune_changes(model_step_t *self, size_t *cost)
{
    model_space_t *space = self->space;
    while (space->first_change < space->feed_horizon) {
        if (*cost == PRUNE_COST)
            return false;
        ++*cost;
        space->first_change++;
    }
    return true;
}

static void
s_begin_round(model_step_t *self)
{
    model_space_t *space = self->space;
    const fsp_retention_t *policy = &space->retention;
    bool versions = (policy->keep_last | policy->all_days | policy->daily | policy->weekly |
                     policy->monthly) != 0;
    space->round =
        (fsp_prune_work_t){.phase = versions ? FSP_PHASE_VERSIONS : FSP_PHASE_PAST_ENTRIES};
    fsp_time_t now = model_now(self->model);
    if (policy->past_days == 0 || now < policy->past_days * day_us)
        return;
    uint64_t last = 0;
    for (uint64_t i = space->first_change; i <= space->info.change_index; i++)
        if (space->changes[i].time <= now - policy->past_days * day_us)
            last = i;
    if (last > space->feed_horizon)
        space->feed_horizon = last;
    if (space->at_horizon && last > space->at_horizon)
        space->at_horizon = last;
}

static fsp_status_t
s_prune_round(model_step_t *self)
{
    model_space_t *space = self->space;
    const fsp_retention_t *policy = &space->retention;
    size_t cost = 0;
    bool ended = true;
    self->unchanged = true;
    model_tell(self, model_tree_find(&self->tree, space->info.root_id), fsp_slice_text("/"));
    if (!(policy->keep_last | policy->all_days | policy->daily | policy->weekly | policy->monthly |
          policy->past_days)) {
        space->round.phase = 0;
        return FSP_OK;
    }
    if (space->round.phase == 0)
        s_begin_round(self);
    while (ended && space->round.phase) {
        fsp_prune_phase_t phase = space->round.phase;
        if (phase == FSP_PHASE_VERSIONS)
            ended = s_prune_versions(self, &cost);
        else if (phase == FSP_PHASE_CHANGES)
            ended = s_prune_changes(self, &cost);
        else
            ended = s_prune_past(
                self, phase == FSP_PHASE_PAST_HEADS ? space->past_heads : space->past_entries,
                &cost);
        if (ended)
            space->round = (fsp_prune_work_t){.phase = phase == FSP_PHASE_CHANGES ? 0 : phase + 1};
    }
    self->unchanged = self->dropped.bytes == 0;
    self->result->more = space->round.phase != 0;
    return FSP_OK;
}

/* -- past rows --------------------------------------------------------------------------------- */

static void
s_keep_past_entry(model_step_t *self, const model_node_t *old)
{
    uint8_t key[16 + FSP_NAME_BYTES_MAX + 1 + 8] = {0};
    memcpy(key, old->parent_id.bytes, 16);
    memcpy(key + 16, old->name_data, old->name_bytes);
    fsp_store_u64(key + 16 + old->name_bytes + 1, model_next_change(self));
    fsp_omap_put(self->space->past_entries, fsp_slice(key, 16 + old->name_bytes + 1 + 8),
                 fsp_slice(NULL, 0), 0);
}

static void
s_keep_past_heads(model_step_t *self, const model_node_t *old)
{
    uint8_t key[16 + 8];
    memcpy(key, old->id.bytes, 16);
    fsp_store_u64(key + 16, model_next_change(self));
    fsp_omap_put(self->space->past_heads, fsp_slice(key, sizeof(key)), fsp_slice(NULL, 0), 0);
}

void
model_keep_past(model_step_t *self)
{
    const model_tree_t *before = &self->space->tree;
    for (size_t i = 0; i < before->count && model_is_new_level(self); i++) {
        const model_node_t *old = before->nodes[i];
        const model_node_t *new = model_tree_find(&self->tree, old->id);
        if (old == new)
            continue;
        if (!fsp_file_id_is_zero(old->parent_id) && (!new || new->since != old->since))
            s_keep_past_entry(self, old);
        if (new &&new->newest != old->newest)
            s_keep_past_heads(self, old);
    }
}

/* -- PURGE ------------------------------------------------------------------------------------- */

static bool
s_is_young(const model_step_t *self, const model_node_t *node)
{
    fsp_time_t since = node->newest ? node->newest->info.time : s_item_of(self, node)->time;
    fsp_time_t now = model_now(self->model);
    return now < since || now - since < 30 * day_us;
}

static void
s_mark(model_step_t *self, const model_node_t *node)
{
    model_node_t *marked = model_touch(self, node);
    model_put_at(self, marked, (fsp_file_id_t){{0}}, fsp_slice(NULL, 0));
    marked->purging = true;
    model_tree_put(&self->tree, marked);
}

/* The node in a directory with the least name above `after`. */
static const model_node_t *
s_next_in(const model_step_t *self, fsp_file_id_t directory_id, fsp_slice_t after)
{
    const model_node_t *best = NULL;
    for (size_t i = 0; i < self->tree.count; i++) {
        const model_node_t *node = self->tree.nodes[i];
        fsp_slice_t name = fsp_slice(node->name_data, node->name_bytes);
        if (fsp_file_id_eq(node->parent_id, directory_id) && fsp_slice_cmp(name, after) > 0 &&
            (!best || fsp_slice_cmp(name, fsp_slice(best->name_data, best->name_bytes)) < 0))
            best = node;
    }
    return best;
}

static const model_node_t *
s_next_marked(const model_step_t *self)
{
    const model_node_t *best = NULL;
    for (size_t i = 0; i < self->tree.count; i++) {
        const model_node_t *node = self->tree.nodes[i];
        if (node->purging && (!best || fsp_file_id_cmp(node->id, best->id) < 0))
            best = node;
    }
    return best;
}

/* Deletes versions, oldest first, and past heads of a marked node, one unit each; true if none is
   left.  Nobody can ask for them any more, so the list of versions is cut where it stands. */
static bool
s_delete_parts(model_step_t *self, const model_node_t *node, size_t *units)
{
    model_node_t *left = model_touch(self, node);
    model_tree_put(&self->tree, left);
    for (; left->newest && *units < UNITS; ++*units) {
        model_version_t **last = &left->newest;
        while ((*last)->older)
            last = &(*last)->older;
        self->used -= (*last)->info.retained ? (*last)->info.size : 0;
        *last = NULL;
    }
    if (left->newest)
        return false;
    const fsp_omap_row_t *row;
    while ((row = fsp_omap_seek(self->space->past_heads, FSP_SLICE_OF(left->id))) &&
           memcmp(row->key.data, left->id.bytes, 16) == 0) {
        if (*units == UNITS)
            return false;
        fsp_omap_remove(self->space->past_heads, row->key);
        ++*units;
    }
    return true;
}

/* Deletes what is marked, as far as one command goes; true if it did anything. */
static bool
s_work(model_step_t *self)
{
    const model_node_t *node;
    size_t units = 0;
    while (units < UNITS && (node = s_next_marked(self))) {
        const model_node_t *child;
        while (units < UNITS && (child = s_next_in(self, node->id, fsp_slice(NULL, 0)))) {
            units++;
            if (model_is_held(self, child)) {
                model_trash(self, child, false);
                self->change.displaced_id = child->id;
                return true;
            }
            s_mark(self, child);
        }
        if (units == UNITS || !s_delete_parts(self, node, &units) || units == UNITS)
            break;
        model_tree_remove(&self->tree, node->id);
        units++;
    }
    return units > 0;
}

static fsp_status_t
s_purge_one(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = s_find_item(self, &place);
    if (status)
        return status;
    const model_node_t *node = place.node;
    if (place.fixed)
        return FSP_INVALID;
    if (place.deep)
        return FSP_TOO_LARGE;
    if (!place.trashed)
        return s_refuse_showing(self, node, FSP_MISMATCH);
    if (model_is_covered(self, node) || (s_is_young(self, node) && !self->command->history.person))
        return FSP_HELD;
    self->change.kind = self->result->kind = node->kind;
    self->change.file_id = self->result->file_id = node->id;
    fsp_buf_append_slice(&self->dropped, FSP_SLICE_OF(node->id));
    s_mark(self, node);
    (void)s_work(self);
    self->result->more = s_next_marked(self) != NULL;
    return FSP_OK;
}

static fsp_status_t
s_purge_all(model_step_t *self)
{
    fsp_file_id_t trash_id = self->space->info.trash_id;
    fsp_time_t before = self->command->history.before;
    fsp_slice_t after = self->command->history.after;
    const model_node_t *node = before ? s_next_in(self, trash_id, after) : NULL;
    size_t looked_at = 0, marked = 0;
    for (; node && looked_at < ITEMS_LOOKED_AT && marked < ITEMS_MARKED; looked_at++) {
        after = fsp_slice(node->name_data, node->name_bytes);
        if (node->time <= before && !model_is_held(self, node) &&
            (self->command->history.person || !s_is_young(self, node))) {
            fsp_buf_append_slice(&self->dropped, FSP_SLICE_OF(node->id));
            s_mark(self, node);
            marked++;
        }
        node = s_next_in(self, trash_id, after);
    }
    bool worked = s_work(self);
    self->unchanged = !worked && marked == 0;
    self->change.kind = self->result->kind = FSP_KIND_DIRECTORY;
    self->change.file_id = self->result->file_id = trash_id;
    if (node) {
        uint8_t path[1 + FSP_NAME_BYTES_MAX] = "/";
        memcpy(path + 1, after.data, after.bytes);
        self->result->path = model_copy(self->model, fsp_slice(path, 1 + after.bytes));
    }
    self->result->more = node || s_next_marked(self);
    return FSP_OK;
}

/* -- RETENTION, HOLD --------------------------------------------------------------------------- */

static fsp_status_t
s_retention(model_step_t *self)
{
    const fsp_retention_t *wanted = &self->command->history.retention;
    self->unchanged = memcmp(&self->space->retention, wanted, sizeof(*wanted)) == 0;
    self->space->retention = *wanted;
    model_tell(self, model_tree_find(&self->tree, self->space->info.root_id), fsp_slice_text("/"));
    return FSP_OK;
}

static fsp_status_t
s_hold(model_step_t *self)
{
    const fsp_history_body_t *body = &self->command->history;
    model_place_t place;
    fsp_status_t status = model_find(self->space, &self->tree, &body->target, &place);
    if (status)
        return status;
    const model_node_t *node = place.node;
    if (place.fixed && place.trashed)
        return FSP_INVALID;
    if (place.deep)
        return FSP_TOO_LARGE;
    if (body->worm_until < node->worm_until && node->worm_until > model_now(self->model))
        return s_refuse_showing(self, node, FSP_HELD);
    if (body->worm_until == node->worm_until && body->legal_hold == node->legal_hold) {
        model_show(self, node);
        self->unchanged = true;
        return FSP_OK;
    }
    model_node_t *held = model_touch(self, node);
    held->legal_hold = body->legal_hold;
    held->worm_until = body->worm_until;
    model_tree_put(&self->tree, held);
    model_tell(self, held, model_keep_path(self->path_text, place.path));
    return FSP_OK;
}

fsp_status_t
model_apply_history(model_step_t *self)
{
    const fsp_command_t *command = self->command;
    bool doubted = self->model->jump_time != 0;
    switch (command->type) {
    case FSP_COMMAND_UNDELETE:
        return s_undelete(self);
    case FSP_COMMAND_PRUNE:
        if (command->history.given)
            return s_prune_by_person(self);
        return doubted ? FSP_HELD : s_prune_round(self);
    case FSP_COMMAND_PURGE:
        if (doubted && !command->history.person)
            return FSP_HELD;
        return command->history.given ? s_purge_one(self) : s_purge_all(self);
    case FSP_COMMAND_RETENTION:
        return s_retention(self);
    case FSP_COMMAND_HOLD:
        return s_hold(self);
    default:
        FSP_UNREACHABLE();
    }
}
