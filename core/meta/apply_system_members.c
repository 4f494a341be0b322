/* SPDX-License-Identifier: MIT */
/* apply_system_members - genesis, invitations, joining, and what members report of themselves.
   Layer core/meta.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/meta/replicas.h"
#include "core/meta/system.h"

/* -- GENESIS ----------------------------------------------------------------------------------- */

static void
make_first_member(fsp_system_t *self, fsp_node_id_t node_id)
{
    const fsp_system_body_t *body = self->body;
    fsp_member_row_t row = {
        .signing_key = body->signing_key,
        .store_id = body->store_id,
        .roles = body->roles,
        .zone = body->zone,
        .capacity = body->capacity,
        .level = body->level,
        .state = FSP_MEMBER_ACTIVE,
        .synced = 1, /* of the first list, made below */
        .joined = 1,
        .member_record = body->member_record,
    };
    fsp_system_put_member(self, node_id, &row);
    fsp_list_t list = {.members = FSP_NEW(fsp_member_t), .count = 1};
    list.members[0] = (fsp_member_t){
        .node_id = node_id,
        .zone = body->zone,
        .capacity_bytes = body->capacity,
        .roles = body->roles,
    };
    fsp_layout_append(self, &list);
    fsp_shards_row_t shard = {
        .slot = fsp_shard_slot(FSP_SYSTEM_SHARD, body->slot_bits),
        .list_version = self->newest.version,
        .replica_count = 1,
    };
    shard.replicas[0] = (fsp_first_replica_t){
        .node_id = node_id, .number = 1, .store_id = body->store_id, .role = FSP_REPLICA_VOTER};
    fsp_system_put_shard(self, FSP_SYSTEM_SHARD, &shard);
}

static void
make_settings(fsp_system_t *self)
{
    size_t count = 0;
    fsp_canon_t reader = fsp_entries_open(self->body->settings, &count);
    for (size_t i = 0; i < count; i++) {
        fsp_setting_t setting = fsp_setting_next(&reader);
        fsp_canon_bin(fsp_machine_value(self->m), setting.value);
        fsp_system_put(self, FSP_TABLE_SETTING, setting.name);
    }
}

fsp_status_t
fsp_system_genesis(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    if (self->row.layout_version > 0)
        return FSP_EXISTS;
    if (body->level > FSP_FEATURE_LEVEL)
        return FSP_LEVEL;
    fsp_hash_t mesh_id = fsp_sha256(body->genesis_record);
    memcpy(self->row.mesh_id.bytes, mesh_id.bytes, sizeof(mesh_id.bytes));
    self->row.slot_bits = body->slot_bits;
    self->row.copies = body->copies;
    self->row.level = body->level;
    self->row.shard_count = 1;
    self->row.member_count = 1;
    self->row.admin_count = 1;
    fsp_node_id_t node_id = fsp_system_node_id(body->signing_key);
    make_first_member(self, node_id);

    fsp_account_row_t admin = {
        .name = body->name, .admin = true, .enabled = true, .secret = body->secret};
    fsp_account_row_encode(&admin, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_ACCOUNT, FSP_SLICE_OF(body->account));
    fsp_system_take_name(self, FSP_TABLE_ACCOUNT, body->name, body->account.bytes);
    make_settings(self);

    fsp_system_about_hash(self, node_id.bytes);
    fsp_system_about(self, FSP_SLICE_OF(self->row.mesh_id));
    self->m->result.number = self->row.layout_version;
    return FSP_OK;
}

/* -- invitations ------------------------------------------------------------------------------- */

static fsp_status_t
get_invitation(fsp_system_t *self, fsp_invitation_row_t *ret)
{
    fsp_slice_t value;
    fsp_status_t status =
        fsp_system_get(self, FSP_TABLE_INVITATION, FSP_SLICE_OF(self->body->invitation), &value);
    if (status == FSP_NOT_FOUND)
        return FSP_NO_SUCH_NODE;
    return status ? status : fsp_system_decoded(self, fsp_invitation_row_decode(value, ret));
}

static void
put_invitation(fsp_system_t *self, const fsp_invitation_row_t *row)
{
    fsp_invitation_row_encode(row, fsp_machine_value(self->m));
    fsp_system_put(self, FSP_TABLE_INVITATION, FSP_SLICE_OF(self->body->invitation));
}

/* True once nobody could be admitted by it even if its row were not there to say so. */
static bool
is_void(const fsp_system_t *self, const fsp_invitation_row_t *row)
{
    return self->now > FSP_INVITATION_KEPT_US && self->now - FSP_INVITATION_KEPT_US > row->expiry;
}

/* Picks the void ones (no write may happen while a cursor is open) and counts all. */
static fsp_status_t
pick_void(fsp_system_t *self, fsp_hash_t *ret_ids, size_t *ret_void, size_t *ret_all)
{
    fsp_row_key_t from = fsp_system_key(self, FSP_TABLE_INVITATION, (fsp_slice_t){0});
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(self->m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_invitation_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + sizeof(fsp_hash_t) ||
            fsp_invitation_row_decode(cursor->value, &row) || *ret_all == FSP_INVITATIONS_MAX)
            return fsp_machine_fail(self->m, FSP_DAMAGED);
        ++*ret_all;
        if (is_void(self, &row))
            memcpy(ret_ids[(*ret_void)++].bytes, cursor->key.data + FSP_ROW_PREFIX_BYTES,
                   sizeof(fsp_hash_t));
    }
    return cursor->status ? fsp_machine_fail(self->m, cursor->status) : FSP_OK;
}

/* Deletes what is void; counts what stays. */
static fsp_status_t
drop_void(fsp_system_t *self, size_t *ret_left)
{
    fsp_hash_t *ids = fsp_alloc_array(FSP_INVITATIONS_MAX, sizeof(*ids));
    size_t void_count = 0, all = 0;
    fsp_status_t status = pick_void(self, ids, &void_count, &all);
    for (size_t i = 0; status == FSP_OK && i < void_count; i++)
        fsp_system_delete(self, FSP_TABLE_INVITATION, FSP_SLICE_OF(ids[i]));
    fsp_free(ids);
    *ret_left = all - void_count;
    return status;
}

fsp_status_t
fsp_system_invite(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    size_t left = 0;
    fsp_status_t status = drop_void(self, &left);
    if (status)
        return status;
    if (body->expiry <= self->now)
        return FSP_SPENT;
    fsp_invitation_row_t row;
    status = get_invitation(self, &row);
    if (status == FSP_OK)
        return FSP_EXISTS;
    if (status != FSP_NO_SUCH_NODE)
        return status;
    if (left >= FSP_INVITATIONS_MAX)
        return FSP_TOO_LARGE;
    row = (fsp_invitation_row_t){
        .roles = body->roles,
        .zone = body->zone,
        .ceiling = body->capacity,
        .expiry = body->expiry,
        .state = FSP_INVITATION_OPEN,
    };
    put_invitation(self, &row);
    fsp_system_about_hash(self, body->invitation.bytes);
    return FSP_OK;
}

fsp_status_t
fsp_system_uninvite(fsp_system_t *self)
{
    fsp_invitation_row_t row;
    fsp_status_t status = get_invitation(self, &row);
    if (status)
        return status;
    if (row.state == FSP_INVITATION_SPENT)
        return FSP_SPENT;
    self->m->unchanged = row.state == FSP_INVITATION_TAKEN_BACK;
    if (!self->m->unchanged) {
        row.state = FSP_INVITATION_TAKEN_BACK;
        put_invitation(self, &row);
    }
    fsp_system_about_hash(self, self->body->invitation.bytes);
    return FSP_OK;
}

/* -- JOIN -------------------------------------------------------------------------------------- */

/* NO_SUCH_NODE: it may be admitted.  FSP_OK: it was, by this very invitation. */
static fsp_status_t
find_admitted(fsp_system_t *self, uint64_t *ret_joined)
{
    const fsp_system_body_t *body = self->body;
    fsp_status_t status = fsp_system_find_removed(self, body->node_id);
    if (status != FSP_NOT_FOUND)
        return status ? status : FSP_FORBIDDEN;
    fsp_member_row_t row;
    status = fsp_system_get_member(self, body->node_id, &row);
    if (status)
        return status;
    *ret_joined = row.joined;
    bool same = fsp_hash_eq(row.invitation, body->invitation) &&
                fsp_store_id_eq(row.store_id, body->store_id);
    return same ? FSP_OK : FSP_EXISTS;
}

static fsp_status_t
check_invitation(fsp_system_t *self, const fsp_invitation_row_t *row)
{
    const fsp_system_body_t *body = self->body;
    if (row->state != FSP_INVITATION_OPEN || self->now > row->expiry)
        return FSP_SPENT;
    if (body->level < self->row.level)
        return FSP_LEVEL;
    if (body->capacity > row->ceiling)
        return FSP_TOO_LARGE;
    if (body->capacity == 0 && (row->roles & FSP_ROLE_STORAGE))
        return FSP_INVALID;
    return self->row.member_count < FSP_SYSTEM_MEMBERS_MAX ? FSP_OK : FSP_TOO_LARGE;
}

fsp_status_t
fsp_system_join(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_machine_t *m = self->m;
    uint64_t joined = fsp_machine_next_index(m);
    fsp_status_t status = find_admitted(self, &joined);
    if (status != FSP_OK && status != FSP_NO_SUCH_NODE)
        return status;
    m->unchanged = status == FSP_OK;
    if (!m->unchanged) {
        fsp_invitation_row_t row;
        status = get_invitation(self, &row);
        if (status == FSP_OK)
            status = check_invitation(self, &row);
        if (status)
            return status;
        row.state = FSP_INVITATION_SPENT;
        row.node_id = body->node_id;
        put_invitation(self, &row);
        bool listable = fsp_member_listable(row.roles);
        fsp_member_row_t member = {
            .signing_key = body->signing_key,
            .store_id = body->store_id,
            .roles = row.roles,
            .zone = row.zone,
            .capacity = body->capacity,
            .level = body->level,
            .state = listable ? FSP_MEMBER_JOINING : FSP_MEMBER_ACTIVE,
            .joined = joined,
            .invitation = body->invitation,
            .member_record = body->member_record,
        };
        fsp_system_put_member(self, body->node_id, &member);
        self->row.member_count++;
    }
    fsp_system_about_hash(self, body->node_id.bytes);
    m->result.number = joined;
    return FSP_OK;
}

/* -- what members are -------------------------------------------------------------------------- */

fsp_status_t
fsp_system_node_level(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_member_row_t row;
    fsp_status_t status = fsp_system_get_member(self, body->node_id, &row);
    if (status)
        return status;
    if (body->level < self->row.level)
        return FSP_LEVEL;
    self->m->unchanged = row.level == body->level;
    if (!self->m->unchanged) {
        row.level = body->level;
        fsp_system_put_member(self, body->node_id, &row);
        status = fsp_system_raise_level(self);
        if (status)
            return status;
    }
    fsp_system_about_hash(self, body->node_id.bytes);
    self->m->result.number = self->row.level;
    return FSP_OK;
}

static void
change_member(fsp_system_t *self, const fsp_member_row_t *row, bool differs)
{
    self->m->unchanged = !differs;
    if (differs)
        fsp_system_put_member(self, self->body->node_id, row);
    fsp_system_about_hash(self, self->body->node_id.bytes);
    self->m->result.number = self->row.layout_version;
}

fsp_status_t
fsp_system_weight(fsp_system_t *self)
{
    fsp_member_row_t row;
    fsp_status_t status = fsp_system_get_member(self, self->body->node_id, &row);
    if (status)
        return status;
    bool differs = row.capacity != self->body->capacity;
    row.capacity = self->body->capacity;
    change_member(self, &row, differs);
    return FSP_OK;
}

fsp_status_t
fsp_system_zone(fsp_system_t *self)
{
    fsp_member_row_t row;
    fsp_status_t status = fsp_system_get_member(self, self->body->node_id, &row);
    if (status)
        return status;
    bool differs = row.zone != self->body->zone;
    row.zone = self->body->zone;
    change_member(self, &row, differs);
    return FSP_OK;
}
