/* SPDX-License-Identifier: MIT */
/* rows_system - keys and values of the system shard's tables.  Layer core/meta.  Pure. */
#include "core/meta/rows_system.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"

enum {
    SYSTEM_FIELDS = 12,
    MEMBER_FIELDS = 12,
    LIST_MEMBER_FIELDS = 5,
    INVITATION_FIELDS = 6,
    SHARDS_FIELDS = 4,
    REPLICA_FIELDS = 4,
    DIRECTORY_FIELDS = 6,
    ACCOUNT_FIELDS = 4,
    GROUP_FIELDS = 2,
    TOKEN_FIELDS = 5,
    CHANGE_FIELDS = 9,
};

static fsp_canon_t
open_row(fsp_slice_t bytes, size_t fields)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, fields, fields); /* the reader keeps the error */
    return reader;
}

static uint32_t
read_u32(fsp_canon_t *reader)
{
    return (uint32_t)fsp_canon_read_uint(reader, UINT32_MAX);
}

/* A number in 1..max. */
static uint32_t
read_choice(fsp_canon_t *reader, uint32_t max)
{
    uint32_t value = (uint32_t)fsp_canon_read_uint(reader, max);
    if (value == 0)
        fsp_canon_fail(reader, FSP_INVALID);
    return value;
}

static uint32_t
read_roles(fsp_canon_t *reader)
{
    uint32_t roles = read_u32(reader);
    if (!fsp_roles_valid(roles))
        fsp_canon_fail(reader, FSP_INVALID);
    return roles;
}

/* -- system ------------------------------------------------------------------------------------ */

void
fsp_system_row_encode(const fsp_system_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, SYSTEM_FIELDS);
    fsp_canon_id(buf, row->mesh_id);
    fsp_canon_uint(buf, row->slot_bits);
    fsp_canon_uint(buf, row->copies);
    fsp_canon_uint(buf, row->layout_version);
    fsp_canon_uint(buf, row->level);
    fsp_canon_uint(buf, row->shard_count);
    fsp_canon_uint(buf, row->member_count);
    fsp_canon_uint(buf, row->admin_count);
    fsp_canon_uint(buf, row->change_index);
    fsp_canon_id(buf, row->head_hash);
    fsp_canon_uint(buf, row->horizon);
    fsp_canon_uint(buf, row->op_count);
}

fsp_status_t
fsp_system_row_decode(fsp_slice_t bytes, fsp_system_row_t *ret)
{
    fsp_system_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, SYSTEM_FIELDS);
    fsp_canon_read_id(&reader, &row.mesh_id);
    row.slot_bits = read_choice(&reader, 20);
    row.copies = read_choice(&reader, FSP_OWNERS_MAX);
    row.layout_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.level = read_u32(&reader);
    row.shard_count = read_choice(&reader, FSP_SHARDS_MAX);
    row.member_count = read_choice(&reader, FSP_SYSTEM_MEMBERS_MAX);
    row.admin_count = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.change_index = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &row.head_hash);
    row.horizon = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.op_count = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

/* -- member ------------------------------------------------------------------------------------ */

void
fsp_member_row_encode(const fsp_member_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, MEMBER_FIELDS);
    fsp_canon_id(buf, row->signing_key);
    fsp_canon_id(buf, row->store_id);
    fsp_canon_uint(buf, row->roles);
    fsp_canon_uint(buf, row->zone);
    fsp_canon_uint(buf, row->capacity);
    fsp_canon_uint(buf, row->level);
    fsp_canon_uint(buf, row->state);
    fsp_canon_bool(buf, row->ready);
    fsp_canon_uint(buf, row->synced);
    fsp_canon_uint(buf, row->joined);
    FSP_ROW_WRITE_ID(buf, row->invitation);
    fsp_canon_bin(buf, row->member_record);
}

fsp_status_t
fsp_member_row_decode(fsp_slice_t bytes, fsp_member_row_t *ret)
{
    fsp_member_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, MEMBER_FIELDS);
    fsp_canon_read_id(&reader, &row.signing_key);
    fsp_canon_read_id(&reader, &row.store_id);
    row.roles = read_roles(&reader);
    row.zone = read_u32(&reader);
    row.capacity = fsp_canon_read_uint(&reader, INT64_MAX);
    row.level = read_choice(&reader, UINT32_MAX);
    row.state = (fsp_member_state_t)read_choice(&reader, FSP_MEMBER_OUT);
    row.ready = fsp_canon_read_bool(&reader);
    row.synced = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.joined = fsp_canon_read_uint(&reader, UINT64_MAX);
    FSP_ROW_READ_ID(&reader, &row.invitation);
    row.member_record = fsp_canon_read_bin(&reader, FSP_MEMBER_RECORD_BYTES_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

/* -- list -------------------------------------------------------------------------------------- */

void
fsp_list_clear(fsp_list_t *self)
{
    fsp_free(self->members);
    *self = (fsp_list_t){0};
}

void
fsp_list_row_encode(const fsp_list_t *list, fsp_buf_t *buf)
{
    FSP_PRE(list->count > 0 && list->count <= FSP_SYSTEM_MEMBERS_MAX);
    fsp_canon_array(buf, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const fsp_member_t *member = &list->members[i];
        fsp_canon_array(buf, LIST_MEMBER_FIELDS);
        fsp_canon_id(buf, member->node_id);
        fsp_canon_uint(buf, member->zone);
        fsp_canon_uint(buf, member->capacity_bytes);
        fsp_canon_uint(buf, member->inverse_weight);
        fsp_canon_uint(buf, member->roles);
    }
}

fsp_status_t
fsp_list_row_decode(fsp_slice_t bytes, fsp_list_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t count = fsp_canon_read_array(&reader, 1, FSP_SYSTEM_MEMBERS_MAX);
    fsp_list_t list = {.members = fsp_alloc_array(count, sizeof(fsp_member_t)), .count = count};
    for (size_t i = 0; i < count; i++) {
        fsp_member_t *member = &list.members[i];
        (void)fsp_canon_read_array(&reader, LIST_MEMBER_FIELDS, LIST_MEMBER_FIELDS); /* sticky */
        fsp_canon_read_id(&reader, &member->node_id);
        member->zone = read_u32(&reader);
        member->capacity_bytes = fsp_canon_read_uint(&reader, INT64_MAX);
        member->inverse_weight = read_u32(&reader);
        member->roles = read_roles(&reader);
    }
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        fsp_list_clear(&list);
    else
        *ret = list;
    return status;
}

/* -- invitation -------------------------------------------------------------------------------- */

void
fsp_invitation_row_encode(const fsp_invitation_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, INVITATION_FIELDS);
    fsp_canon_uint(buf, row->roles);
    fsp_canon_uint(buf, row->zone);
    fsp_canon_uint(buf, row->ceiling);
    fsp_canon_uint(buf, row->expiry);
    fsp_canon_uint(buf, row->state);
    FSP_ROW_WRITE_ID(buf, row->node_id);
}

fsp_status_t
fsp_invitation_row_decode(fsp_slice_t bytes, fsp_invitation_row_t *ret)
{
    fsp_invitation_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, INVITATION_FIELDS);
    row.roles = read_roles(&reader);
    row.zone = read_u32(&reader);
    row.ceiling = fsp_canon_read_uint(&reader, INT64_MAX);
    row.expiry = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.state = (fsp_invitation_state_t)read_choice(&reader, FSP_INVITATION_TAKEN_BACK);
    FSP_ROW_READ_ID(&reader, &row.node_id);
    if ((row.state == FSP_INVITATION_SPENT) == fsp_node_id_is_zero(row.node_id))
        fsp_canon_fail(&reader, FSP_INVALID);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

/* -- shard ------------------------------------------------------------------------------------- */

void
fsp_shards_row_encode(const fsp_shards_row_t *row, fsp_buf_t *buf)
{
    FSP_PRE(row->replica_count <= FSP_REPLICAS_MAX);
    fsp_canon_array(buf, SHARDS_FIELDS);
    fsp_canon_uint(buf, row->slot);
    fsp_canon_uint(buf, row->list_version);
    fsp_canon_uint(buf, row->space_count);
    fsp_canon_array(buf, row->replica_count);
    for (size_t i = 0; i < row->replica_count; i++) {
        const fsp_first_replica_t *replica = &row->replicas[i];
        fsp_canon_array(buf, REPLICA_FIELDS);
        fsp_canon_id(buf, replica->node_id);
        fsp_canon_uint(buf, replica->number);
        fsp_canon_id(buf, replica->store_id);
        fsp_canon_uint(buf, replica->role);
    }
}

fsp_status_t
fsp_shards_row_decode(fsp_slice_t bytes, fsp_shards_row_t *ret)
{
    fsp_shards_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, SHARDS_FIELDS);
    row.slot = read_u32(&reader);
    row.list_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.space_count = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.replica_count = fsp_canon_read_array(&reader, 1, FSP_REPLICAS_MAX);
    for (size_t i = 0; i < row.replica_count; i++) {
        fsp_first_replica_t *replica = &row.replicas[i];
        (void)fsp_canon_read_array(&reader, REPLICA_FIELDS, REPLICA_FIELDS); /* sticky */
        fsp_canon_read_id(&reader, &replica->node_id);
        replica->number = fsp_canon_read_uint(&reader, UINT64_MAX);
        fsp_canon_read_id(&reader, &replica->store_id);
        replica->role = (fsp_replica_role_t)read_choice(&reader, FSP_REPLICA_WITNESS);
    }
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

/* -- spaces directory -------------------------------------------------------------------------- */

void
fsp_directory_row_encode(const fsp_directory_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, DIRECTORY_FIELDS);
    fsp_canon_text(buf, row->name);
    FSP_ROW_WRITE_ID(buf, row->owner);
    fsp_canon_uint(buf, row->shard);
    fsp_canon_uint(buf, row->state);
    fsp_canon_uint(buf, row->deadline);
    fsp_canon_bin(buf, row->init);
}

fsp_status_t
fsp_directory_row_decode(fsp_slice_t bytes, fsp_directory_row_t *ret)
{
    fsp_directory_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, DIRECTORY_FIELDS);
    row.name = fsp_canon_read_text(&reader, FSP_SPACE_NAME_BYTES_MAX);
    FSP_ROW_READ_ID(&reader, &row.owner);
    row.shard = read_u32(&reader);
    row.state = (fsp_directory_state_t)read_choice(&reader, FSP_DIRECTORY_GONE);
    row.deadline = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.init = fsp_canon_read_bin(&reader, FSP_SPACE_INIT_BYTES_MAX);
    if (row.state == FSP_DIRECTORY_GONE) {
        if (row.name.bytes || row.init.bytes || !fsp_subject_id_is_zero(row.owner))
            fsp_canon_fail(&reader, FSP_INVALID);
    } else if (!fsp_space_name_valid(row.name) || fsp_subject_id_is_zero(row.owner)) {
        fsp_canon_fail(&reader, FSP_INVALID);
    }
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

/* -- accounts, groups, tokens ------------------------------------------------------------------ */

void
fsp_account_row_encode(const fsp_account_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, ACCOUNT_FIELDS);
    fsp_canon_text(buf, row->name);
    fsp_canon_bool(buf, row->admin);
    fsp_canon_bool(buf, row->enabled);
    fsp_canon_bin(buf, row->secret);
}

fsp_status_t
fsp_account_row_decode(fsp_slice_t bytes, fsp_account_row_t *ret)
{
    fsp_account_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, ACCOUNT_FIELDS);
    row.name = fsp_canon_read_text(&reader, FSP_SPACE_NAME_BYTES_MAX);
    row.admin = fsp_canon_read_bool(&reader);
    row.enabled = fsp_canon_read_bool(&reader);
    row.secret = fsp_canon_read_bin(&reader, FSP_ACCOUNT_SECRET_BYTES_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

void
fsp_group_row_encode(const fsp_group_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, GROUP_FIELDS);
    fsp_canon_text(buf, row->name);
    fsp_buf_append_slice(buf, row->accounts);
}

fsp_status_t
fsp_group_row_decode(fsp_slice_t bytes, fsp_group_row_t *ret)
{
    fsp_group_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, GROUP_FIELDS);
    row.name = fsp_canon_read_text(&reader, FSP_SPACE_NAME_BYTES_MAX);
    const uint8_t *from = reader.at;
    size_t count = fsp_canon_read_array(&reader, 0, FSP_GROUP_ACCOUNTS_MAX);
    fsp_subject_id_t last = {0};
    for (size_t i = 0; i < count && reader.status == FSP_OK; i++) {
        fsp_subject_id_t id = fsp_account_id_next(&reader);
        if (fsp_subject_id_cmp(last, id) >= 0)
            fsp_canon_fail(&reader, FSP_INVALID);
        last = id;
    }
    row.accounts = fsp_slice(from, (size_t)(reader.at - from));
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

void
fsp_token_row_encode(const fsp_token_row_t *row, fsp_buf_t *buf)
{
    fsp_canon_array(buf, TOKEN_FIELDS);
    fsp_canon_id(buf, row->account);
    fsp_canon_uint(buf, row->expiry);
    fsp_canon_bin(buf, row->scope);
    fsp_canon_text(buf, row->label);
    fsp_canon_uint(buf, row->made);
}

fsp_status_t
fsp_token_row_decode(fsp_slice_t bytes, fsp_token_row_t *ret)
{
    fsp_token_row_t row = {0};
    fsp_canon_t reader = open_row(bytes, TOKEN_FIELDS);
    fsp_canon_read_id(&reader, &row.account);
    row.expiry = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.scope = fsp_canon_read_bin(&reader, FSP_TOKEN_SCOPE_BYTES_MAX);
    row.label = fsp_canon_read_text(&reader, FSP_TOKEN_LABEL_BYTES_MAX);
    row.made = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = row;
    return FSP_OK;
}

/* -- change and single values ------------------------------------------------------------------ */

void
fsp_system_change_encode(const fsp_system_change_t *change, fsp_buf_t *buf)
{
    fsp_canon_array(buf, CHANGE_FIELDS);
    fsp_canon_uint(buf, change->index);
    fsp_canon_uint(buf, change->operation);
    fsp_canon_uint(buf, change->time);
    fsp_canon_id(buf, change->author);
    fsp_canon_id(buf, change->op_id);
    fsp_canon_bin(buf, change->id);
    fsp_canon_uint(buf, change->layout_version);
    fsp_canon_uint(buf, change->level);
    fsp_canon_id(buf, change->previous);
}

fsp_status_t
fsp_system_change_decode(fsp_slice_t bytes, fsp_system_change_t *ret)
{
    fsp_system_change_t change = {0};
    fsp_canon_t reader = open_row(bytes, CHANGE_FIELDS);
    change.index = fsp_canon_read_uint(&reader, UINT64_MAX);
    change.operation = (fsp_command_type_t)fsp_canon_read_uint(&reader, UINT16_MAX);
    if (fsp_command_family(change.operation) != FSP_FAMILY_SYSTEM)
        fsp_canon_fail(&reader, FSP_INVALID);
    change.time = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &change.author);
    fsp_canon_read_id(&reader, &change.op_id);
    change.id = fsp_canon_read_bin(&reader, FSP_SYSTEM_CHANGE_ID_BYTES_MAX);
    change.layout_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    change.level = read_u32(&reader);
    fsp_canon_read_id(&reader, &change.previous);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = change;
    return FSP_OK;
}

void
fsp_system_id_encode(const uint8_t id[16], fsp_buf_t *buf)
{
    fsp_canon_bin(buf, fsp_slice(id, 16));
}

fsp_status_t
fsp_system_id_decode(fsp_slice_t bytes, uint8_t ret_id[16])
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    fsp_canon_read_fixed(&reader, ret_id, 16);
    return fsp_canon_finish(&reader);
}

fsp_status_t
fsp_removed_row_decode(fsp_slice_t bytes, uint64_t *ret_number)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    *ret_number = fsp_canon_read_uint(&reader, UINT64_MAX);
    return fsp_canon_finish(&reader);
}

fsp_status_t
fsp_setting_row_decode(fsp_slice_t bytes, fsp_slice_t *ret_value)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    *ret_value = fsp_canon_read_bin(&reader, FSP_SETTING_BYTES_MAX);
    return fsp_canon_finish(&reader);
}
