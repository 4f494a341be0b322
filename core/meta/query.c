/* SPDX-License-Identifier: MIT */
/* query - readers of the state machine.  Layer core/meta.  Pure. */
#include "core/meta/query.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/answer.h"
#include "core/meta/asof.h"
#include "core/meta/apply_access.h"
#include "core/meta/namespace.h"
#include "core/meta/query_list.h"
#include "core/meta/query_system.h"
#include "core/meta/versions.h"

/* -- RESOLVE ----------------------------------------------------------------------------------- */

static bool
is_head(const fsp_node_row_t *node, fsp_version_id_t id)
{
    for (size_t i = 0; i < node->head_count; i++)
        if (fsp_version_id_eq(node->heads[i].id, id))
            return true;
    return false;
}

/* The version asked for, by prefix or the preferred head. */
static fsp_status_t
pick_version(fsp_machine_t *m, const fsp_query_t *query, const fsp_found_t *found,
             fsp_version_info_t *ret, fsp_version_row_t *ret_row)
{
    uint64_t number = found->node.heads[0].number;
    fsp_status_t status = FSP_OK;
    if (query->version.bytes)
        status = fsp_versions_by_prefix(m, found->id, query->version, &number);
    if (status == FSP_OK)
        status = fsp_versions_get(m, found->id, number, ret, ret_row);
    if (status)
        return status;
    if (!ret->retained)
        return FSP_GONE;
    ret->is_head = is_head(&found->node, ret->id);
    return FSP_OK;
}

static fsp_status_t
resolve(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find(m, &query->target, &found);
    if (status)
        return status;
    fsp_node_info_t node = {
        .kind = found.node.kind,
        .file_id = found.id,
        .parent_id = found.node.parent_id,
        .name = fsp_node_row_name(&found.node),
        .path = found.path,
        .attr = fsp_slice(found.node.attr, found.node.attr_bytes),
        .time = found.node.time,
        .head_count = found.node.head_count,
        .lease = found.node.lease,
    };
    fsp_version_row_t row = {0};
    if (found.node.kind != FSP_KIND_DIRECTORY) {
        for (size_t i = 0; i < found.node.head_count; i++)
            node.heads[i] = found.node.heads[i].id;
        status = pick_version(m, query, &found, &node.version, &row);
        if (status)
            return status;
    } else if (query->version.bytes) {
        return FSP_IS_DIRECTORY;
    }
    bool fits = fsp_answering_add_node(answering, &node, row.record);
    FSP_ASSERT(fits); /* one node is far smaller than an answer */
    return FSP_OK;
}

/* -- VERSIONS and CHANGES ---------------------------------------------------------------------- */

static fsp_status_t
versions(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find(m, &query->target, &found);
    if (status)
        return status;
    if (found.node.kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    /* Numbers are dense, so the next lower one is a key and not a backward scan. */
    uint64_t number = found.node.heads[0].number;
    if (query->after_index && query->after_index - 1 < number)
        number = query->after_index - 1;
    for (; number > 0; number--) {
        if (answering->count == query->limit) {
            answering->more = true;
            break;
        }
        fsp_version_info_t version;
        fsp_version_row_t row;
        status = fsp_versions_get(m, found.id, number, &version, &row);
        if (status)
            return status == FSP_NO_SUCH_VERSION ? fsp_machine_fail(m, FSP_DAMAGED) : status;
        version.is_head = is_head(&found.node, version.id);
        version.carrier = (fsp_slice_t){0};
        if (!fsp_answering_add_version(answering, &version, row.record))
            break;
    }
    return FSP_OK;
}

static fsp_status_t
changes(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    if (query->after_index >= m->space.change_index)
        return FSP_OK;
    if (query->after_index + 1 < m->space.history.feed_horizon)
        return FSP_GONE;
    fsp_row_key_t to = fsp_machine_key(m, FSP_TABLE_CHANGE);
    fsp_row_key_t from = to;
    fsp_row_key_to_prefix_end(&to);
    fsp_row_key_add_u64(&from, query->after_index + 1);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        if (answering->count == query->limit) {
            answering->more = true;
            break;
        }
        if (!fsp_answering_add_change(answering, cursor->value))
            break;
    }
    return cursor->status ? fsp_machine_fail(m, cursor->status) : FSP_OK;
}

/* -- SPACES ------------------------------------------------------------------------------------ */

static fsp_space_info_t
space_info(fsp_space_id_t space_id, const fsp_space_row_t *row)
{
    fsp_space_info_t info = {
        .space_id = space_id,
        .name = row->name,
        .owner = row->owner,
        .epoch = row->epoch,
        .change_index = row->change_index,
        .quota_bytes = row->quota_bytes,
        .used_bytes = row->used_bytes,
        .root_id = row->root_id,
        .trash_id = row->trash_id,
        .chunk_bytes_min = row->chunk_bytes_min,
        .chunk_bytes_avg = row->chunk_bytes_avg,
        .chunk_bytes_max = row->chunk_bytes_max,
        .key_count = row->key_count,
        .wrapped_cut_key = row->wrapped_cut_key,
        .retention = row->history.retention,
    };
    memcpy(info.keys, row->keys, sizeof(info.keys));
    return info;
}

static fsp_status_t
space_wanted(fsp_machine_t *m, const fsp_query_t *query, fsp_space_id_t space_id,
             const fsp_space_row_t *row, bool *ret_wanted)
{
    *ret_wanted = false;
    if (row->name.bytes < query->prefix.bytes ||
        !fsp_slice_eq(fsp_slice(row->name.data, query->prefix.bytes), query->prefix))
        return FSP_OK;
    m->space_id = space_id;
    m->space = *row;
    fsp_status_t status = fsp_access_shows_space(m, ret_wanted);
    m->space = (fsp_space_row_t){0};
    return status;
}

static fsp_status_t
spaces(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    static const uint8_t nul[1] = {0};
    if (query->after.bytes && query->after.bytes != sizeof(fsp_space_id_t))
        return FSP_INVALID;
    fsp_row_key_t from = fsp_row_key(m->shard, FSP_TABLE_SPACE, (fsp_space_id_t){0});
    fsp_row_key_t to = from;
    to.used = FSP_ROW_PREFIX_BYTES - sizeof(fsp_space_id_t); /* of the table, whatever the space */
    fsp_row_key_to_prefix_end(&to);
    if (query->after.bytes) {
        from.used = FSP_ROW_PREFIX_BYTES - sizeof(fsp_space_id_t);
        fsp_row_key_add(&from, query->after);
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
    }
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_space_id_t space_id;
        fsp_space_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES || fsp_space_row_decode(cursor->value, &row))
            return fsp_machine_fail(m, FSP_DAMAGED);
        memcpy(space_id.bytes, cursor->key.data + cursor->key.bytes - sizeof(space_id.bytes),
               sizeof(space_id.bytes));
        bool wanted;
        fsp_status_t status = space_wanted(m, query, space_id, &row, &wanted);
        if (status)
            return status;
        if (!wanted)
            continue;
        if (answering->count == query->limit) {
            answering->more = true;
            break;
        }
        const fsp_space_info_t info = space_info(space_id, &row);
        if (!fsp_answering_add_space(answering, &info))
            break;
    }
    return cursor->status ? fsp_machine_fail(m, cursor->status) : FSP_OK;
}

/* True for what a visitor or stranger is refused with. */
static bool
tells_nothing(fsp_status_t status)
{
    return status == FSP_FORBIDDEN || status == FSP_NO_SUCH_LINK || status == FSP_SPENT ||
           status == FSP_SPACE_CLOSING;
}

/* -- one query --------------------------------------------------------------------------------- */

static bool
asks_at(const fsp_query_t *query)
{
    return query->at_index > 0 || query->at_time > 0;
}

static fsp_status_t
look_back(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    uint64_t index;
    fsp_status_t status = fsp_asof_index(m, query, &index);
    if (status)
        return status;
    return query->type == FSP_QUERY_LIST ? fsp_asof_list(m, query, index, answering)
                                         : fsp_asof_resolve(m, query, index, answering);
}

/* What fsp_query_decode has checked of a query that came as bytes; others are checked here. */
static fsp_status_t
check_query(const fsp_query_t *query)
{
    if (!fsp_query_known(query->type))
        return FSP_UNSUPPORTED;
    if (query->target.path.bytes && fsp_path_check(query->target.path))
        return FSP_BAD_NAME;
    if (query->prefix.bytes > FSP_NAME_BYTES_MAX || query->after.bytes > FSP_NAME_BYTES_MAX)
        return FSP_TOO_LARGE;
    if (query->type != FSP_QUERY_RESOLVE && (query->limit < 1 || query->limit > FSP_LIST_LIMIT_MAX))
        return FSP_INVALID;
    bool looks_back = query->type == FSP_QUERY_LIST ||
                      (query->type == FSP_QUERY_RESOLVE && query->version.bytes == 0);
    if (asks_at(query) && (!looks_back || (query->at_index > 0 && query->at_time > 0)))
        return FSP_INVALID;
    return query->attrs && query->type != FSP_QUERY_LIST ? FSP_INVALID : FSP_OK;
}

/* RESOLVE of a version by its whole id and nothing else: it becomes one of its file.  A version
   that is not there is left as it was asked for, which finds nothing. */
static fsp_status_t
find_by_version(fsp_machine_t *m, fsp_query_t *query)
{
    fsp_version_id_t id;
    fsp_version_index_row_t owner;
    if (query->type != FSP_QUERY_RESOLVE || query->target.path.bytes > 0 ||
        !fsp_file_id_is_zero(query->target.id) ||
        fsp_hex_decode(query->version, id.bytes, sizeof(id.bytes)) != FSP_OK)
        return FSP_OK;
    fsp_status_t status = fsp_versions_owner(m, id, &owner);
    if (status == FSP_OK)
        query->target.id = owner.file_id;
    return status == FSP_NO_SUCH_VERSION ? FSP_OK : status;
}

static fsp_status_t
run_query(fsp_machine_t *m, fsp_query_t *query, fsp_answering_t *answering)
{
    fsp_status_t status = check_query(query);
    if (status == FSP_OK)
        status = fsp_machine_load_shard(m);
    if (status)
        return status;
    if (m->shard_row.feature_level < 2 &&
        (query->type == FSP_QUERY_LINKS || query->attrs || !fsp_asker_is_empty(&query->asker)))
        return FSP_LEVEL;
    if (query->system_index < m->shard_row.subject_floor)
        return FSP_STALE;
    if (fsp_query_is_system(query)) {
        bool all = false;
        status = fsp_query_system_admit(m, query, &all);
        if (status)
            return status;
        return query->type == FSP_QUERY_CHANGES ? changes(m, query, answering)
                                                : fsp_query_system(m, query, all, answering);
    }
    if (query->type == FSP_QUERY_SPACES) {
        fsp_access_note(m, query->subject, &query->asker);
        return spaces(m, query, answering);
    }

    status = fsp_machine_load_space(m);
    if (status == FSP_OK)
        status = find_by_version(m, query);
    if (status)
        return status;
    status = fsp_access_judge_query(m, query);
    if (status)
        return status;
    if (query->type == FSP_QUERY_UPLOAD)
        return fsp_query_uploads(m, query, answering); /* everybody's own; judged there */
    if (query->type == FSP_QUERY_LINKS)
        return fsp_access_list_links(m, query, answering);
    if (asks_at(query))
        return look_back(m, query, answering);
    switch (query->type) {
    case FSP_QUERY_RESOLVE:
        return resolve(m, query, answering);
    case FSP_QUERY_LIST:
        return fsp_query_list(m, query, answering);
    case FSP_QUERY_VERSIONS:
        return versions(m, query, answering);
    case FSP_QUERY_CHANGES:
        return changes(m, query, answering);
    case FSP_QUERY_SPACES:
    case FSP_QUERY_UPLOAD:
    case FSP_QUERY_LINKS:
    default:
        break;
    }
    FSP_UNREACHABLE();
}

fsp_status_t
fsp_meta_query(fsp_shard_ref_t shard, fsp_view_t *view, const fsp_query_t *query,
               fsp_buf_t *ret_answer)
{
    FSP_PRE(query);
    FSP_PRE(ret_answer);
    fsp_machine_t m;
    fsp_machine_init(&m, shard, view, query->space_id);
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    fsp_query_t asked = *query;
    fsp_status_t status = run_query(&m, &asked, &answering);
    fsp_status_t failure = m.failure;
    /* Who may not read learns nothing, not even how much happens there. */
    uint64_t index = tells_nothing(status) ? 0 : m.space.change_index;
    if (failure == FSP_OK)
        fsp_answering_finish(&answering, status, index, ret_answer);
    fsp_answering_clear(&answering);
    fsp_machine_clear(&m);
    return failure;
}
