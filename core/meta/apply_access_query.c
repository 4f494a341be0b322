/* SPDX-License-Identifier: MIT */
/* apply_access_query - rights of queries, and the query LINKS.  Layer core/meta.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/apply_access.h"

fsp_status_t
fsp_access_judge_query(fsp_machine_t *m, const fsp_query_t *query)
{
    if (m->space.access.state == FSP_LIFE_GONE)
        return FSP_NO_SUCH_SPACE;
    if (m->space.access.state == FSP_LIFE_DROPPING)
        return FSP_SPACE_CLOSING;
    if (query->type == FSP_QUERY_LINKS) {
        fsp_access_note(m, query->subject, &query->asker);
        return FSP_OK;
    }
    fsp_status_t status = fsp_access_begin(m, query->subject, &query->asker);
    if (status)
        return status;
    switch ((int)query->type) {
    case FSP_QUERY_RESOLVE:
    case FSP_QUERY_LIST:
    case FSP_QUERY_VERSIONS:
        return fsp_access_need(m, &query->target, FSP_RIGHT_READ);
    case FSP_QUERY_CHANGES:
        return fsp_access_need_whole(m, FSP_RIGHT_READ);
    default:
        return FSP_OK; /* each item by itself, or by its own function */
    }
}

fsp_status_t
fsp_access_shows_space(fsp_machine_t *m, bool *ret_shows)
{
    *ret_shows = false;
    if (m->space.access.state >= FSP_LIFE_DROPPING || m->linked)
        return FSP_OK;
    if (fsp_access_is_node(m)) {
        *ret_shows = m->shard_row.feature_level >= 2;
        return FSP_OK;
    }
    uint32_t rights = 0;
    fsp_status_t status = fsp_access_at_node(m, m->space.root_id, &rights);
    *ret_shows = rights != 0;
    return status;
}

/* -- LINKS ------------------------------------------------------------------------------------- */

static fsp_link_info_t
link_info(fsp_link_id_t id, const fsp_link_row_t *row)
{
    return (fsp_link_info_t){.link_id = id,
                             .file_id = row->file_id,
                             .kind = row->kind,
                             .rights = row->rights,
                             .expiry = row->expiry,
                             .uses_max = row->uses_max,
                             .uses = row->uses,
                             .maker = row->maker,
                             .made = row->made,
                             .password = row->password};
}

/* The one link that a visitor came with: nobody is known yet. */
static fsp_status_t
show_link(fsp_machine_t *m, fsp_link_id_t id, fsp_answering_t *answering)
{
    fsp_link_row_t row;
    fsp_status_t status = fsp_access_get_link(m, id, &row);
    if (status)
        return status;
    if (fsp_link_row_passed(&row, fsp_access_now(m)))
        return FSP_SPENT;
    const fsp_link_info_t info = link_info(id, &row);
    bool fits = fsp_answering_add_link(answering, &info);
    FSP_ASSERT(fits); /* one link is far smaller than an answer */
    return FSP_OK;
}

/* Links behind query->after, those on `file_id` only unless it is zero. */
static fsp_status_t
scan_links(fsp_machine_t *m, const fsp_query_t *query, fsp_file_id_t file_id,
           fsp_answering_t *answering)
{
    static const uint8_t nul[1] = {0};
    fsp_row_key_t from = fsp_machine_key(m, FSP_TABLE_LINK);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    if (query->after.bytes) {
        fsp_row_key_add(&from, query->after);
        fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
    }
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_link_id_t id;
        fsp_link_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + sizeof(id.bytes) ||
            fsp_link_row_decode(cursor->value, &row))
            return fsp_machine_fail(m, FSP_DAMAGED);
        memcpy(id.bytes, cursor->key.data + FSP_ROW_PREFIX_BYTES, sizeof(id.bytes));
        if (!fsp_file_id_is_zero(file_id) && !fsp_file_id_eq(row.file_id, file_id))
            continue;
        if (answering->count == query->limit) {
            answering->more = true;
            break;
        }
        const fsp_link_info_t info = link_info(id, &row);
        if (!fsp_answering_add_link(answering, &info))
            break;
    }
    return cursor->status ? fsp_machine_fail(m, cursor->status) : FSP_OK;
}

fsp_status_t
fsp_access_list_links(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    if (query->after.bytes && query->after.bytes != sizeof(fsp_link_id_t))
        return FSP_INVALID;
    if (m->linked)
        return show_link(m, query->asker.link_id, answering);
    if (query->target.path.bytes == 0 && fsp_file_id_is_zero(query->target.id)) {
        fsp_status_t status = fsp_access_need_whole(m, FSP_RIGHT_SHARE);
        return status ? status : scan_links(m, query, (fsp_file_id_t){0}, answering);
    }
    fsp_status_t status = fsp_access_need(m, &query->target, FSP_RIGHT_SHARE);
    if (status)
        return status;
    fsp_found_t found;
    status = fsp_namespace_find(m, &query->target, &found);
    return status ? status : scan_links(m, query, found.id, answering);
}
