/* SPDX-License-Identifier: MIT */
/* query_system - readers of the system shard.  Layer core/meta.  Pure. */
#include "core/meta/query_system.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/system.h"

enum { HEAD_FIELDS = 5 };

/* -- items ------------------------------------------------------------------------------------- */

static void
encode_head(const fsp_system_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, HEAD_FIELDS);
    fsp_canon_id(buf, row->mesh_id);
    fsp_canon_uint(buf, row->slot_bits);
    fsp_canon_uint(buf, row->copies);
    fsp_canon_uint(buf, row->level);
    fsp_canon_uint(buf, row->shard_count);
}

fsp_status_t
fsp_layout_head_decode(fsp_slice_t bytes, fsp_layout_head_t *ret)
{
    fsp_layout_head_t head = {0};
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, HEAD_FIELDS, HEAD_FIELDS); /* sticky */
    fsp_canon_read_id(&reader, &head.mesh_id);
    head.slot_bits = (uint32_t)fsp_canon_read_uint(&reader, 20); /* as the system row */
    head.copies = (uint32_t)fsp_canon_read_uint(&reader, FSP_OWNERS_MAX);
    head.level = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
    head.shard_count = (uint32_t)fsp_canon_read_uint(&reader, FSP_SHARDS_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = head;
    return FSP_OK;
}

fsp_status_t
fsp_answer_row_of_id(fsp_answer_t *self, void *ret_id, size_t bytes, fsp_slice_t *ret_row)
{
    (void)fsp_canon_read_array(&self->reader, 2, 2); /* sticky */
    fsp_canon_read_fixed(&self->reader, ret_id, bytes);
    *ret_row = fsp_canon_read_any(&self->reader);
    return self->reader.status;
}

fsp_status_t
fsp_answer_row_of_number(fsp_answer_t *self, uint64_t *ret_number, fsp_slice_t *ret_row)
{
    (void)fsp_canon_read_array(&self->reader, 2, 2); /* sticky */
    *ret_number = fsp_canon_read_uint(&self->reader, UINT64_MAX);
    *ret_row = fsp_canon_read_any(&self->reader);
    return self->reader.status;
}

/* -- who asks ---------------------------------------------------------------------------------- */

bool
fsp_query_is_system(const fsp_query_t *query)
{
    if (query->type == FSP_QUERY_CHANGES)
        return fsp_space_id_is_zero(query->space_id);
    return query->type >= FSP_QUERY_MEMBERS && query->type <= FSP_QUERY_ACCOUNTS;
}

/* NOT_FOUND before GENESIS. */
static fsp_status_t
load_row(fsp_system_t *system)
{
    fsp_slice_t value;
    fsp_status_t status = fsp_system_get(system, FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &value);
    return status ? status : fsp_system_decoded(system, fsp_system_row_decode(value, &system->row));
}

fsp_status_t
fsp_query_system_admit(fsp_machine_t *m, const fsp_query_t *query, bool *ret_all)
{
    if (!fsp_space_id_is_zero(query->space_id) || query->target.path.bytes > 0 ||
        !fsp_file_id_is_zero(query->target.id) || query->version.bytes > 0)
        return FSP_INVALID;
    fsp_system_t system = {.m = m};
    fsp_status_t status = load_row(&system);
    if (status == FSP_NOT_FOUND)
        return FSP_NO_SUCH_SPACE;
    if (status)
        return status;
    m->space.change_index = system.row.change_index;
    *ret_all = fsp_subject_id_is_zero(query->subject);
    if (*ret_all)
        return FSP_OK;
    fsp_account_row_t account;
    status = fsp_system_get_account(&system, query->subject, &account);
    if (status == FSP_NOT_FOUND || (status == FSP_OK && !account.enabled))
        return FSP_FORBIDDEN;
    if (status)
        return status;
    if (!fsp_link_id_is_zero(query->asker.link_id))
        return FSP_FORBIDDEN;
    *ret_all = account.admin && !(query->asker.withheld & FSP_RIGHT_ADMIN);
    bool open = query->type == FSP_QUERY_LAYOUT || query->type == FSP_QUERY_SHARDS ||
                query->type == FSP_QUERY_SPACE_DIRECTORY;
    return *ret_all || open ? FSP_OK : FSP_FORBIDDEN;
}

/* -- walks ------------------------------------------------------------------------------------- */

/* One table being shown. */
typedef struct walk walk_t;
struct walk {
    fsp_machine_t *m;
    const fsp_query_t *query;
    fsp_answering_t *answering;
    bool all;
    size_t key_bytes; /* behind the prefix */
    bool by_number;   /* the key is a number */
    /* DAMAGED if the row is none; *ret_row: what is shown of it, its own bytes unless it says
       otherwise, empty to pass over it. */
    fsp_status_t (*show)(walk_t *walk, fsp_slice_t value, fsp_slice_t *ret_row);
    fsp_buf_t shown;
};

/* True if the row was shown or passed over; false: the answer is full. */
static fsp_status_t
show_row(walk_t *walk, const fsp_cursor_t *cursor, bool *ret_full)
{
    if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + walk->key_bytes)
        return FSP_DAMAGED;
    fsp_slice_t row = cursor->value;
    fsp_status_t status = walk->show(walk, cursor->value, &row);
    if (status)
        return FSP_DAMAGED;
    if (row.bytes == 0)
        return FSP_OK;
    if (walk->answering->count == walk->query->limit) {
        walk->answering->more = true;
        *ret_full = true;
        return FSP_OK;
    }
    const uint8_t *id = cursor->key.data + FSP_ROW_PREFIX_BYTES;
    uint64_t number = 0;
    if (walk->by_number)
        number = walk->key_bytes == 4 ? fsp_load_u32(id) : fsp_load_u64(id);
    fsp_slice_t key = walk->by_number ? (fsp_slice_t){0} : fsp_slice(id, walk->key_bytes);
    *ret_full = !fsp_answering_add_row(walk->answering, key, number, row);
    return FSP_OK;
}

static fsp_status_t
walk_table(walk_t *walk, fsp_table_t table, fsp_slice_t first)
{
    fsp_row_key_t from = fsp_machine_key(walk->m, table);
    fsp_row_key_t to = from;
    fsp_row_key_add(&from, first);
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(walk->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    bool full = false;
    for (; cursor->valid && !full; fsp_cursor_next(cursor)) {
        fsp_status_t status = show_row(walk, cursor, &full);
        if (status)
            return fsp_machine_fail(walk->m, status);
    }
    return cursor->status ? fsp_machine_fail(walk->m, cursor->status) : FSP_OK;
}

/* A table by ids: those greater than query->after. */
static fsp_status_t
walk_ids(walk_t *walk, fsp_table_t table, size_t key_bytes)
{
    uint8_t first[sizeof(fsp_node_id_t) + 1] = {0}; /* and NUL: the next possible key */
    fsp_slice_t after = walk->query->after;
    FSP_PRE(key_bytes < sizeof(first));
    if (after.bytes != 0 && after.bytes != key_bytes)
        return FSP_INVALID;
    if (after.bytes > 0)
        memcpy(first, after.data, after.bytes);
    walk->key_bytes = key_bytes;
    return walk_table(walk, table, fsp_slice(first, after.bytes > 0 ? after.bytes + 1 : 0));
}

/* -- tables ------------------------------------------------------------------------------------ */

static fsp_status_t
show_member(walk_t *walk, fsp_slice_t value, fsp_slice_t *ret_row)
{
    (void)walk, (void)ret_row;
    fsp_member_row_t row;
    return fsp_member_row_decode(value, &row);
}

static fsp_status_t
show_invitation(walk_t *walk, fsp_slice_t value, fsp_slice_t *ret_row)
{
    (void)walk, (void)ret_row;
    fsp_invitation_row_t row;
    return fsp_invitation_row_decode(value, &row);
}

static fsp_status_t
show_shard(walk_t *walk, fsp_slice_t value, fsp_slice_t *ret_row)
{
    (void)walk, (void)ret_row;
    fsp_shards_row_t row;
    return fsp_shards_row_decode(value, &row);
}

static fsp_status_t
show_list(walk_t *walk, fsp_slice_t value, fsp_slice_t *ret_row)
{
    (void)walk, (void)ret_row;
    fsp_list_t list;
    fsp_status_t status = fsp_list_row_decode(value, &list);
    if (status == FSP_OK)
        fsp_list_clear(&list);
    return status;
}

static bool
begins_with(fsp_slice_t name, fsp_slice_t prefix)
{
    return name.bytes >= prefix.bytes && fsp_slice_eq(fsp_slice(name.data, prefix.bytes), prefix);
}

static fsp_status_t
show_space(walk_t *walk, fsp_slice_t value, fsp_slice_t *ret_row)
{
    fsp_directory_row_t row;
    fsp_status_t status = fsp_directory_row_decode(value, &row);
    if (status)
        return status;
    bool wanted = begins_with(row.name, walk->query->prefix) &&
                  (walk->all || fsp_subject_id_eq(row.owner, walk->query->subject));
    if (!wanted)
        *ret_row = (fsp_slice_t){0};
    return FSP_OK;
}

static fsp_status_t
show_account(walk_t *walk, fsp_slice_t value, fsp_slice_t *ret_row)
{
    fsp_account_row_t row;
    fsp_status_t status = fsp_account_row_decode(value, &row);
    if (status)
        return status;
    if (!begins_with(row.name, walk->query->prefix)) {
        *ret_row = (fsp_slice_t){0};
    } else if (!fsp_subject_id_is_zero(walk->query->subject)) {
        row.secret = (fsp_slice_t){0}; /* for gateways alone */
        fsp_buf_reset(&walk->shown);
        fsp_account_row_encode(&row, &walk->shown);
        FSP_ASSERT(fsp_buf_ok(&walk->shown));
        *ret_row = fsp_buf_slice(&walk->shown);
    }
    return FSP_OK;
}

static fsp_status_t
layout(walk_t *walk)
{
    fsp_system_t system = {.m = walk->m};
    fsp_status_t status = load_row(&system);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_NO_SUCH_SPACE : status;
    encode_head(&system.row, &walk->shown);
    bool fits = fsp_answering_add_row(walk->answering, (fsp_slice_t){0}, system.row.layout_version,
                                      fsp_buf_slice(&walk->shown));
    FSP_ASSERT(fits); /* an answer holds more than its first item */
    if (walk->query->after_index == UINT64_MAX)
        return FSP_OK;
    uint8_t first[8];
    fsp_store_u64(first, walk->query->after_index + 1);
    walk->show = show_list;
    walk->by_number = true;
    walk->key_bytes = sizeof(first);
    return walk_table(walk, FSP_TABLE_LAYOUT, fsp_slice(first, sizeof(first)));
}

static fsp_status_t
shards(walk_t *walk)
{
    if (walk->query->after_index > UINT32_MAX)
        return FSP_OK;
    uint8_t first[4];
    fsp_store_u32(first, (uint32_t)walk->query->after_index);
    walk->show = show_shard;
    walk->by_number = true;
    walk->key_bytes = sizeof(first);
    return walk_table(walk, FSP_TABLE_SHARDS, fsp_slice(first, sizeof(first)));
}

static fsp_status_t
show_table(walk_t *walk)
{
    switch ((int)walk->query->type) {
    case FSP_QUERY_MEMBERS:
        walk->show = show_member;
        return walk_ids(walk, FSP_TABLE_MEMBER, sizeof(fsp_node_id_t));
    case FSP_QUERY_LAYOUT:
        return layout(walk);
    case FSP_QUERY_INVITATIONS:
        walk->show = show_invitation;
        return walk_ids(walk, FSP_TABLE_INVITATION, sizeof(fsp_hash_t));
    case FSP_QUERY_SPACE_DIRECTORY:
        walk->show = show_space;
        return walk_ids(walk, FSP_TABLE_SPACE_DIRECTORY, sizeof(fsp_space_id_t));
    case FSP_QUERY_SHARDS:
        return shards(walk);
    case FSP_QUERY_ACCOUNTS:
        walk->show = show_account;
        return walk_ids(walk, FSP_TABLE_ACCOUNT, sizeof(fsp_subject_id_t));
    default:
        FSP_UNREACHABLE();
    }
}

fsp_status_t
fsp_query_system(fsp_machine_t *m, const fsp_query_t *query, bool all, fsp_answering_t *answering)
{
    walk_t walk = {.m = m, .query = query, .answering = answering, .all = all};
    fsp_buf_init(&walk.shown, FSP_VALUE_BYTES_MAX);
    fsp_status_t status = show_table(&walk);
    fsp_buf_clear(&walk.shown);
    return status;
}
