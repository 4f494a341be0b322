/* SPDX-License-Identifier: MIT */
/* asof - what was true at a change number.  Layer core/meta.  Pure. */
#include "core/meta/asof.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/base/text.h"
#include "core/meta/apply_access.h"
#include "core/meta/changes.h"
#include "core/meta/namespace.h"
#include "core/meta/versions.h"

/* Names that one answer looks at: most of them may have meant nothing at that time. */
enum { LOOKS_MAX = 4096 };

/* -- when -------------------------------------------------------------------------------------- */

static fsp_status_t
time_of_change(fsp_machine_t *m, uint64_t index, fsp_time_t *ret)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_CHANGE);
    fsp_row_key_add_u64(&key, index);
    fsp_slice_t value;
    fsp_change_info_t change;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status && status != FSP_NOT_FOUND)
        return status;
    if (status == FSP_NOT_FOUND || fsp_change_row_decode(value, &change))
        return fsp_machine_fail(m, FSP_DAMAGED);
    *ret = change.time;
    return FSP_OK;
}

fsp_status_t
fsp_asof_change_at(fsp_machine_t *m, fsp_time_t time, uint64_t *ret)
{
    /* Times of changes never fall: the answer is in [low, high), 0 standing for none. */
    uint64_t low = m->space.history.feed_horizon ? m->space.history.feed_horizon - 1 : 0;
    uint64_t high = m->space.change_index + 1;
    const uint64_t none = low;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        fsp_time_t made;
        fsp_status_t status = time_of_change(m, middle, &made);
        if (status)
            return status;
        if (FSP_MUTANT(at_time_off_by_one) ? made < time : made <= time)
            low = middle;
        else
            high = middle;
    }
    *ret = low == none ? 0 : low;
    return FSP_OK;
}

fsp_status_t
fsp_asof_index(fsp_machine_t *m, const fsp_query_t *query, uint64_t *ret)
{
    uint64_t horizon =
        m->space.history.at_horizon ? m->space.history.at_horizon : m->space.change_index;
    *ret = query->at_index;
    if (query->at_index == 0) {
        fsp_status_t status = fsp_asof_change_at(m, query->at_time, ret);
        if (status)
            return status;
    }
    if (*ret > m->space.change_index)
        return FSP_INVALID;
    return *ret < horizon || *ret == 0 ? FSP_GONE : FSP_OK;
}

/* -- what names meant -------------------------------------------------------------------------- */

/* The past entry of the name at `index`; NOT_FOUND. */
static fsp_status_t
past_entry(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name, uint64_t index,
           fsp_entry_row_t *ret)
{
    uint64_t behind = FSP_MUTANT(as_of_off_by_one) ? index : index + 1;
    fsp_row_key_t from = fsp_past_entry_key(m, directory_id, name, behind);
    fsp_row_key_t to = from;
    to.used -= sizeof(uint64_t);
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    if (cursor->status)
        return fsp_machine_fail(m, cursor->status);
    if (!cursor->valid)
        return FSP_NOT_FOUND;
    if (fsp_entry_row_decode(cursor->value, ret))
        return fsp_machine_fail(m, FSP_DAMAGED);
    return ret->since <= index ? FSP_OK : FSP_NOT_FOUND;
}

fsp_status_t
fsp_asof_entry(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name, uint64_t index,
               fsp_entry_row_t *ret)
{
    fsp_status_t status = fsp_machine_get_entry(m, directory_id, name, ret);
    if (status == FSP_OK && ret->since <= index)
        return FSP_OK;
    if (status && status != FSP_NOT_FOUND)
        return status;
    return past_entry(m, directory_id, name, index, ret);
}

fsp_status_t
fsp_asof_heads(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node, uint64_t index,
               fsp_past_heads_row_t *ret)
{
    FSP_PRE(node->kind != FSP_KIND_DIRECTORY);
    if (node->history.since <= index) {
        ret->since = node->history.since;
        ret->head_count = node->head_count;
        memcpy(ret->heads, node->heads, node->head_count * sizeof(node->heads[0]));
        return FSP_OK;
    }
    fsp_row_key_t from = fsp_past_heads_key(m, id, index + 1);
    fsp_row_key_t to = from;
    to.used -= sizeof(uint64_t);
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    if (cursor->status)
        return fsp_machine_fail(m, cursor->status);
    if (!cursor->valid)
        return FSP_NOT_FOUND;
    if (fsp_past_heads_row_decode(cursor->value, ret))
        return fsp_machine_fail(m, FSP_DAMAGED);
    return ret->since <= index ? FSP_OK : FSP_NOT_FOUND;
}

/* -- targets ----------------------------------------------------------------------------------- */

/* What a target meant. */
typedef struct {
    fsp_entry_row_t entry;
    fsp_file_id_t parent_id;
    fsp_slice_t name;
    bool kept;         /* its node is there, and not marked for purging: */
    fsp_found_t found; /* node; path: as asked, or by id that of now */
} past_target_t;

/* The node of an id that was met on the way, unless it is gone: purged, about to be, or (*ret_kept
   too) another one that took the id since. */
static fsp_status_t
load_node(fsp_machine_t *m, fsp_file_id_t id, uint64_t index, fsp_node_row_t *ret, bool *ret_kept)
{
    fsp_status_t status = fsp_machine_get_node(m, id, ret);
    if (status && status != FSP_NOT_FOUND)
        return status;
    *ret_kept = status == FSP_OK && !ret->history.purging &&
                (ret->kind != FSP_KIND_DIRECTORY || ret->history.since <= index);
    return FSP_OK;
}

/* Where the node lies now must let the subject read too: what moved to a closed place is closed.
   Of what is gone nobody can say what closed it: then only who sees the whole space. */
static fsp_status_t
check_present(fsp_machine_t *m, fsp_file_id_t id, bool kept)
{
    return kept ? fsp_access_need(m, &(fsp_target_t){.id = id}, FSP_RIGHT_READ)
                : fsp_access_need_whole(m, FSP_RIGHT_READ);
}

/* A walk ended at `id`: what names there meant nothing is told to who may read there. */
static fsp_status_t
refuse(fsp_machine_t *m, fsp_file_id_t id, uint64_t index, fsp_status_t refusal)
{
    fsp_node_row_t node;
    bool kept;
    fsp_status_t status = load_node(m, id, index, &node, &kept);
    if (status == FSP_OK)
        status = check_present(m, id, kept);
    return status ? status : refusal;
}

static fsp_status_t
walk_back(fsp_machine_t *m, fsp_slice_t path, uint64_t index, past_target_t *ret)
{
    fsp_slice_t rest = path;
    ret->entry = (fsp_entry_row_t){.kind = FSP_KIND_DIRECTORY, .id = m->space.root_id};
    ret->parent_id = (fsp_file_id_t){0};
    ret->name = (fsp_slice_t){0};
    while (fsp_path_next(&rest, &ret->name)) {
        if (ret->entry.kind != FSP_KIND_DIRECTORY)
            return refuse(m, ret->entry.id, index, FSP_NOT_DIRECTORY);
        ret->parent_id = ret->entry.id;
        fsp_status_t status = fsp_asof_entry(m, ret->parent_id, ret->name, index, &ret->entry);
        if (status == FSP_NOT_FOUND)
            return refuse(m, ret->parent_id, index, FSP_NOT_FOUND);
        if (status)
            return status;
    }
    ret->found.path = path;
    ret->found.id = ret->entry.id;
    return load_node(m, ret->entry.id, index, &ret->found.node, &ret->kept);
}

static fsp_status_t
find_back(fsp_machine_t *m, const fsp_target_t *target, uint64_t index, past_target_t *ret)
{
    if (target->path.bytes)
        return walk_back(m, target->path, index, ret);
    fsp_status_t status = fsp_namespace_find(m, target, &ret->found);
    if (status)
        return status;
    const fsp_node_row_t *node = &ret->found.node;
    ret->kept = true;
    ret->entry = (fsp_entry_row_t){.kind = node->kind, .id = ret->found.id};
    ret->parent_id = node->parent_id;
    ret->name = fsp_node_row_name(node);
    if (node->kind == FSP_KIND_DIRECTORY)
        return node->history.since <= index ? FSP_OK : FSP_NOT_FOUND;
    fsp_past_heads_row_t heads;
    return fsp_asof_heads(m, ret->found.id, node, index, &heads);
}

/* -- RESOLVE ----------------------------------------------------------------------------------- */

static fsp_status_t
pick_version(fsp_machine_t *m, const past_target_t *target, uint64_t index, fsp_node_info_t *info,
             fsp_version_row_t *ret_row)
{
    fsp_past_heads_row_t heads;
    fsp_status_t status = fsp_asof_heads(m, target->found.id, &target->found.node, index, &heads);
    if (status == FSP_NOT_FOUND)
        return FSP_GONE; /* a younger file with its id */
    if (status)
        return status;
    status = fsp_versions_get(m, target->found.id, heads.heads[0].number, &info->version, ret_row);
    if (status == FSP_NO_SUCH_VERSION)
        return fsp_machine_fail(m, FSP_DAMAGED);
    if (status)
        return status;
    if (!ret_row->retained)
        return FSP_GONE;
    info->version.is_head = true;
    info->time = info->version.time;
    info->head_count = heads.head_count;
    for (size_t i = 0; i < heads.head_count; i++)
        info->heads[i] = heads.heads[i].id;
    return FSP_OK;
}

fsp_status_t
fsp_asof_resolve(fsp_machine_t *m, const fsp_query_t *query, uint64_t index,
                 fsp_answering_t *answering)
{
    past_target_t target;
    fsp_status_t status = find_back(m, &query->target, index, &target);
    if (status == FSP_OK)
        status = check_present(m, target.entry.id, target.kept);
    if (status)
        return status;
    if (!target.kept)
        return FSP_GONE;
    const fsp_node_row_t *node = &target.found.node;
    fsp_node_info_t info = {
        .kind = node->kind,
        .file_id = target.found.id,
        .parent_id = target.parent_id,
        .name = target.name,
        .path = target.found.path,
        .attr = fsp_slice(node->attr, node->attr_bytes),
        .time = node->content_time,
    };
    fsp_version_row_t row = {0};
    if (node->kind != FSP_KIND_DIRECTORY) {
        status = pick_version(m, &target, index, &info, &row);
        if (status)
            return status;
    }
    answering->at_index = index;
    bool fits = fsp_answering_add_node(answering, &info, row.record);
    FSP_ASSERT(fits); /* one node is far smaller than an answer */
    return FSP_OK;
}

/* -- LIST -------------------------------------------------------------------------------------- */

/* Two cursors in the order of names: entries, and names that have past entries. */
typedef struct {
    fsp_machine_t *m;
    fsp_file_id_t directory_id;
    uint64_t index;
    fsp_cursor_t *present;
    fsp_cursor_t *past; /* at the first past row of a name */
    fsp_row_key_t past_to;
} merge_t;

enum { NAME_AT = FSP_ROW_PREFIX_BYTES + 16 };

static void
merge_open(merge_t *merge, const fsp_query_t *query)
{
    static const uint8_t nul[1] = {0}, one[1] = {1};
    fsp_row_key_t from = fsp_machine_key(merge->m, FSP_TABLE_ENTRY);
    fsp_row_key_add(&from, FSP_SLICE_OF(merge->directory_id));
    fsp_row_key_t to = from;
    fsp_row_key_add(&to, query->prefix);
    bool go_on = query->after.bytes && fsp_slice_cmp(query->after, query->prefix) >= 0;
    fsp_row_key_add(&from, go_on ? query->after : query->prefix);
    /* The same range in both tables but for what ends a name. */
    fsp_row_key_t past_from = from;
    merge->past_to = to;
    past_from.bytes[8] = merge->past_to.bytes[8] = FSP_TABLE_PAST_ENTRY;
    if (go_on) {
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
        fsp_row_key_add(&past_from, fsp_slice(one, sizeof(one)));
    }
    fsp_row_key_to_prefix_end(&to);
    fsp_row_key_to_prefix_end(&merge->past_to);
    merge->present =
        fsp_view_scan(merge->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    merge->past = fsp_view_scan(merge->m->view, fsp_row_key_slice(&past_from),
                                fsp_row_key_slice(&merge->past_to));
}

static void
merge_close(merge_t *merge)
{
    fsp_cursor_destroy(&merge->present);
    fsp_cursor_destroy(&merge->past);
}

/* To the first past row of the next name, however many this one has. */
static void
skip_past_name(merge_t *merge, fsp_slice_t name)
{
    fsp_row_key_t from = fsp_past_entry_key(merge->m, merge->directory_id, name, 0);
    from.used -= sizeof(uint64_t);
    fsp_row_key_to_prefix_end(&from);
    fsp_cursor_destroy(&merge->past);
    merge->past =
        fsp_view_scan(merge->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&merge->past_to));
}

/* The least name that one of the cursors is at, into ret_text, and what it meant (*ret_hit).  Moves
   both behind it.  NOT_FOUND: no name is left. */
static fsp_status_t
merge_next(merge_t *merge, uint8_t *ret_text, fsp_slice_t *ret_name, fsp_entry_row_t *ret_entry,
           bool *ret_hit)
{
    fsp_slice_t present = {0}, past = {0};
    if (merge->present->status || merge->past->status)
        return fsp_machine_fail(merge->m, merge->present->status ? merge->present->status
                                                                 : merge->past->status);
    if (!merge->present->valid && !merge->past->valid)
        return FSP_NOT_FOUND;
    if (merge->present->valid)
        present =
            fsp_slice(merge->present->key.data + NAME_AT, merge->present->key.bytes - NAME_AT);
    fsp_file_id_t directory_id;
    uint64_t until;
    if (merge->past->valid &&
        !fsp_past_entry_split(fsp_slice(merge->past->key.data + FSP_ROW_PREFIX_BYTES,
                                        merge->past->key.bytes - FSP_ROW_PREFIX_BYTES),
                              &directory_id, &past, &until))
        return fsp_machine_fail(merge->m, FSP_DAMAGED);
    int order = !past.bytes ? -1 : !present.bytes ? 1 : fsp_slice_cmp(present, past);
    fsp_slice_t name = order <= 0 ? present : past;
    if (!fsp_name_valid(name))
        return fsp_machine_fail(merge->m, FSP_DAMAGED);
    memcpy(ret_text, name.data, name.bytes);
    *ret_name = fsp_slice(ret_text, name.bytes);
    *ret_hit = false;
    if (order <= 0) {
        if (fsp_entry_row_decode(merge->present->value, ret_entry))
            return fsp_machine_fail(merge->m, FSP_DAMAGED);
        *ret_hit = ret_entry->since <= merge->index;
        fsp_cursor_next(merge->present);
    }
    if (order < 0)
        return FSP_OK;
    if (!*ret_hit) {
        fsp_status_t status =
            past_entry(merge->m, merge->directory_id, *ret_name, merge->index, ret_entry);
        if (status && status != FSP_NOT_FOUND)
            return status;
        *ret_hit = status == FSP_OK;
    }
    skip_past_name(merge, *ret_name);
    return FSP_OK;
}

/* Size, number and time of then, as far as they are kept.  NOT_FOUND: a younger file has its id. */
static fsp_status_t
describe_file(fsp_machine_t *m, const fsp_node_row_t *node, uint64_t index, fsp_entry_info_t *ret)
{
    fsp_past_heads_row_t heads;
    fsp_status_t status = fsp_asof_heads(m, ret->file_id, node, index, &heads);
    if (status)
        return status;
    ret->version_id = heads.heads[0].id;
    ret->number = heads.heads[0].number;
    ret->head_count = heads.head_count;
    fsp_version_info_t version;
    fsp_version_row_t row;
    status = fsp_versions_get(m, ret->file_id, ret->number, &version, &row);
    if (status)
        return status == FSP_NO_SUCH_VERSION ? fsp_machine_fail(m, FSP_DAMAGED) : status;
    ret->size = version.size;
    ret->modified = version.time;
    ret->retained = version.retained;
    return FSP_OK;
}

static fsp_status_t
list_name(const merge_t *merge, fsp_slice_t name, const fsp_entry_row_t *entry, bool attrs,
          fsp_answering_t *answering, bool *ret_fits)
{
    fsp_entry_info_t info = {.name = name, .kind = entry->kind, .file_id = entry->id};
    fsp_node_row_t node;
    bool kept;
    fsp_status_t status = load_node(merge->m, entry->id, merge->index, &node, &kept);
    if (status == FSP_OK && kept && attrs)
        info.attr = fsp_slice(node.attr, node.attr_bytes);
    if (status == FSP_OK && kept && node.kind == FSP_KIND_DIRECTORY) {
        info.retained = true;
        info.modified = node.content_time;
    } else if (status == FSP_OK && kept) {
        status = describe_file(merge->m, &node, merge->index, &info);
    }
    if (status == FSP_NOT_FOUND)
        info.attr = (fsp_slice_t){0}; /* a younger file with its id: not what is listed */
    else if (status)
        return status;
    *ret_fits = fsp_answering_add_entry(answering, &info);
    return FSP_OK;
}

static void
set_next(fsp_answering_t *answering, fsp_slice_t name)
{
    answering->next_bytes = name.bytes;
    memcpy(answering->next, name.data, name.bytes);
}

static fsp_status_t
list_merged(merge_t *merge, const fsp_query_t *query, fsp_answering_t *answering)
{
    uint8_t text[FSP_NAME_BYTES_MAX];
    fsp_slice_t name;
    fsp_entry_row_t entry;
    for (size_t looks = 0;; looks++) {
        if (looks == LOOKS_MAX) {
            answering->more = merge->present->valid || merge->past->valid;
            return FSP_OK;
        }
        bool hit = false, fits = false;
        fsp_status_t status = merge_next(merge, text, &name, &entry, &hit);
        if (status)
            return status == FSP_NOT_FOUND ? FSP_OK : status;
        if (hit && answering->count == query->limit) {
            answering->more = true;
            return FSP_OK;
        }
        if (hit)
            status = list_name(merge, name, &entry, query->attrs, answering, &fits);
        if (status)
            return status;
        if (hit && !fits)
            return FSP_OK; /* `more` is set */
        set_next(answering, name);
    }
}

fsp_status_t
fsp_asof_list(fsp_machine_t *m, const fsp_query_t *query, uint64_t index,
              fsp_answering_t *answering)
{
    past_target_t target;
    fsp_status_t status = find_back(m, &query->target, index, &target);
    if (status == FSP_OK)
        status = check_present(m, target.entry.id, target.kept);
    if (status)
        return status;
    if (target.entry.kind != FSP_KIND_DIRECTORY)
        return FSP_NOT_DIRECTORY;
    answering->at_index = index;
    merge_t merge = {.m = m, .directory_id = target.entry.id, .index = index};
    if (query->after.bytes && fsp_slice_cmp(query->after, query->prefix) >= 0 &&
        (query->after.bytes < query->prefix.bytes ||
         !fsp_slice_eq(fsp_slice(query->after.data, query->prefix.bytes), query->prefix)))
        return FSP_OK; /* all that begins with the prefix lies before it */
    merge_open(&merge, query);
    status = list_merged(&merge, query, answering);
    merge_close(&merge);
    if (!answering->more)
        answering->next_bytes = 0;
    return status;
}
