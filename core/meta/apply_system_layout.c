/* SPDX-License-Identifier: MIT */
/* apply_system_layout - lists and shards.  Layer core/meta.  Pure. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/replicas.h"
#include "core/meta/system.h"
#include "core/place/share.h"

#include <stdlib.h>

/* -- LIST_ADD ---------------------------------------------------------------------------------- */

/* A member of the list to come; age decides its place in it. */
typedef struct {
    fsp_member_t member;
    uint64_t joined;
} proposed_t;

static int
compare_age(const void *a_p, const void *b_p)
{
    const proposed_t *a = a_p, *b = b_p;
    return a->joined < b->joined ? -1 : a->joined > b->joined;
}

static fsp_status_t
check_proposed(const fsp_system_t *self, const fsp_member_row_t *row, bool listed)
{
    if (!fsp_member_listable(row->roles))
        return FSP_INVALID;
    if ((row->roles & FSP_ROLE_STORAGE) && !listed && row->state != FSP_MEMBER_DRAINING &&
        !row->ready)
        return FSP_PENDING;
    return row->level < self->row.level ? FSP_LEVEL : FSP_OK;
}

/* Reads and judges one node that the proposal names; it becomes active. */
static fsp_status_t
take_proposed(fsp_system_t *self, const fsp_list_entry_t *entry, bool listed, proposed_t *ret)
{
    fsp_member_row_t row;
    fsp_status_t status = fsp_system_get_member(self, entry->node_id, &row);
    if (status == FSP_OK)
        status = check_proposed(self, &row, listed);
    if (status)
        return status;
    *ret = (proposed_t){
        .member = {.node_id = entry->node_id,
                   .zone = row.zone,
                   .capacity_bytes = row.capacity,
                   .inverse_weight = entry->inverse_weight,
                   .roles = row.roles},
        .joined = row.joined,
    };
    if (row.state != FSP_MEMBER_ACTIVE || row.ready) {
        row.state = FSP_MEMBER_ACTIVE;
        row.ready = false;
        fsp_system_put_member(self, entry->node_id, &row);
    }
    return FSP_OK;
}

static fsp_status_t
take_all(fsp_system_t *self, proposed_t *ret, size_t *ret_count)
{
    size_t count = 0, listed_count = 0, storing = 0;
    fsp_canon_t reader = fsp_entries_open(self->body->list, &count);
    for (size_t i = 0; i < count; i++) {
        const fsp_list_entry_t entry = fsp_list_entry_next(&reader);
        size_t position;
        bool listed = fsp_layout_find(self, entry.node_id, &position);
        fsp_status_t status = take_proposed(self, &entry, listed, &ret[i]);
        if (status)
            return status;
        listed_count += listed;
        storing += (ret[i].member.roles & FSP_ROLE_STORAGE) != 0;
    }
    *ret_count = count;
    if (listed_count < self->newest.count)
        return FSP_MISMATCH; /* whoever is to leave is put out, drained or removed by name */
    return storing > 0 ? FSP_OK : FSP_MISMATCH;
}

static bool
lists_equal(const fsp_list_t *a, const fsp_list_t *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const fsp_member_t *x = &a->members[i], *y = &b->members[i];
        if (!fsp_node_id_eq(x->node_id, y->node_id) || x->zone != y->zone || x->roles != y->roles ||
            x->capacity_bytes != y->capacity_bytes || x->inverse_weight != y->inverse_weight)
            return false;
    }
    return true;
}

static fsp_status_t
propose(fsp_system_t *self, fsp_list_t *list)
{
    proposed_t *proposed = fsp_alloc_array(FSP_SYSTEM_MEMBERS_MAX, sizeof(*proposed));
    size_t count = 0;
    fsp_status_t status = take_all(self, proposed, &count);
    if (status == FSP_OK) {
        qsort(proposed, count, sizeof(*proposed),
              compare_age); /* admissions have distinct numbers */
        list->members = fsp_alloc_array(count, sizeof(fsp_member_t));
        list->count = count;
        for (size_t i = 0; i < count; i++)
            list->members[i] = proposed[i].member;
    }
    fsp_free(proposed);
    return status;
}

fsp_status_t
fsp_system_list_add(fsp_system_t *self)
{
    if (self->body->list_version != self->row.layout_version)
        return FSP_LAYOUT;
    fsp_status_t status = fsp_layout_load(self);
    if (status)
        return status;
    if (self->list_count >= FSP_LISTS_MAX)
        return FSP_PENDING;
    fsp_list_t list = {0};
    status = propose(self, &list);
    if (status == FSP_OK) {
        self->m->unchanged = lists_equal(&list, &self->newest);
        if (!self->m->unchanged && !fsp_place_share_fits(self->row.mesh_id, self->row.slot_bits,
                                                         fsp_list_members(&list), self->row.copies))
            status = FSP_MISMATCH;
    }
    if (status == FSP_OK && !self->m->unchanged)
        fsp_layout_append(self, &list);
    fsp_list_clear(&list);
    self->m->result.number = self->row.layout_version;
    return status;
}

/* -- NODE_SYNCED ------------------------------------------------------------------------------- */

fsp_status_t
fsp_system_node_synced(fsp_system_t *self)
{
    const fsp_system_body_t *body = self->body;
    fsp_machine_t *m = self->m;
    fsp_status_t status = fsp_layout_load(self);
    fsp_member_row_t row;
    if (status == FSP_OK)
        status = fsp_system_get_member(self, body->node_id, &row);
    if (status)
        return status;
    if (body->list_version != self->newest.version)
        return FSP_LAYOUT;
    size_t position;
    if (fsp_layout_find(self, body->node_id, &position) || row.state == FSP_MEMBER_DRAINING) {
        m->unchanged = row.synced == body->list_version;
        row.synced = body->list_version;
    } else if (fsp_member_listable(row.roles)) {
        m->unchanged = row.ready;
        row.ready = true;
    } else {
        return FSP_MISMATCH;
    }
    if (!m->unchanged) {
        fsp_system_put_member(self, body->node_id, &row);
        status = fsp_layout_retire(self);
        if (status)
            return status;
    }
    fsp_system_about_hash(self, body->node_id.bytes);
    m->result.number = self->row.layout_version;
    return FSP_OK;
}

/* -- OUT, DRAIN, REMOVE ------------------------------------------------------------------------ */

static void
note_node(fsp_system_t *self)
{
    fsp_system_about_hash(self, self->body->node_id.bytes);
    self->m->result.number = self->row.layout_version;
}

/* Takes the node out of the newest list if it is there. */
static fsp_status_t
leave_list(fsp_system_t *self)
{
    size_t position;
    if (!fsp_layout_find(self, self->body->node_id, &position))
        return FSP_OK;
    return fsp_layout_shorten(self, position);
}

fsp_status_t
fsp_system_out(fsp_system_t *self)
{
    fsp_status_t status = fsp_layout_load(self);
    fsp_member_row_t row;
    if (status == FSP_OK)
        status = fsp_system_get_member(self, self->body->node_id, &row);
    if (status)
        return status;
    if (!fsp_member_listable(row.roles))
        return FSP_MISMATCH;
    self->m->unchanged = row.state == FSP_MEMBER_OUT;
    if (!self->m->unchanged) {
        row.state = FSP_MEMBER_OUT;
        row.ready = false;
        fsp_system_put_member(self, self->body->node_id, &row);
        status = leave_list(self);
        if (status == FSP_OK)
            status = fsp_system_raise_level(self);
    }
    note_node(self);
    return status;
}

fsp_status_t
fsp_system_drain(fsp_system_t *self)
{
    fsp_status_t status = fsp_layout_load(self);
    fsp_member_row_t row;
    if (status == FSP_OK)
        status = fsp_system_get_member(self, self->body->node_id, &row);
    if (status)
        return status;
    size_t position;
    self->m->unchanged = row.state == FSP_MEMBER_DRAINING;
    if (!self->m->unchanged) {
        if (!fsp_layout_find(self, self->body->node_id, &position))
            return FSP_MISMATCH;
        row.state = FSP_MEMBER_DRAINING;
        row.synced = 0;
        fsp_system_put_member(self, self->body->node_id, &row);
        status = fsp_layout_shorten(self, position);
    }
    note_node(self);
    return status;
}

fsp_status_t
fsp_system_remove(fsp_system_t *self)
{
    const fsp_node_id_t node_id = self->body->node_id;
    fsp_status_t status = fsp_system_find_removed(self, node_id);
    if (status == FSP_OK) {
        self->m->unchanged = true;
        note_node(self);
        return FSP_OK;
    }
    if (status != FSP_NOT_FOUND)
        return status;
    status = fsp_layout_load(self);
    fsp_member_row_t row;
    if (status == FSP_OK)
        status = fsp_system_get_member(self, node_id, &row);
    if (status)
        return status;
    bool gateway = row.roles & FSP_ROLE_GATEWAY;
    status = leave_list(self);
    if (status)
        return status;
    fsp_system_delete(self, FSP_TABLE_MEMBER, FSP_SLICE_OF(node_id));
    fsp_canon_uint(fsp_machine_value(self->m), fsp_machine_next_index(self->m));
    fsp_system_put(self, FSP_TABLE_REMOVED, FSP_SLICE_OF(node_id));
    self->row.member_count--;
    status = fsp_system_raise_level(self);
    note_node(self);
    if (gateway)
        fsp_system_takes_rights(self);
    return status;
}

/* -- SHARD_ADD --------------------------------------------------------------------------------- */

/* The first configuration of a shard: who may bootstrap, with which store. */
static fsp_status_t
fill_replicas(fsp_system_t *self, uint32_t number, fsp_shards_row_t *row)
{
    fsp_replica_place_t places[FSP_REPLICAS_MAX];
    const fsp_member_list_t list = fsp_list_members(&self->newest);
    row->replica_count =
        fsp_desired_replicas(self->row.mesh_id, self->row.slot_bits, list, number, places);
    FSP_ASSERT(row->replica_count > 0); /* no list without a member that stores is ever made */
    for (size_t i = 0; i < row->replica_count; i++) {
        const fsp_node_id_t node_id = list.members[places[i].position].node_id;
        fsp_member_row_t member;
        fsp_status_t status = fsp_system_get_member(self, node_id, &member);
        if (status == FSP_NO_SUCH_NODE)
            return fsp_machine_fail(self->m, FSP_DAMAGED); /* whoever is listed is a member */
        if (status)
            return status;
        row->replicas[i] = (fsp_first_replica_t){.node_id = node_id,
                                                 .number = i + 1,
                                                 .store_id = member.store_id,
                                                 .role = places[i].role};
    }
    return FSP_OK;
}

fsp_status_t
fsp_system_shard_add(fsp_system_t *self)
{
    const uint32_t number = self->body->shard;
    if (number < self->row.shard_count)
        return FSP_EXISTS;
    if (self->row.shard_count >= FSP_SHARDS_MAX)
        return FSP_TOO_LARGE;
    if (number > self->row.shard_count)
        return FSP_MISMATCH;
    fsp_status_t status = fsp_layout_load(self);
    if (status)
        return status;
    fsp_shards_row_t row = {.slot = fsp_shard_slot(number, self->row.slot_bits),
                            .list_version = self->newest.version};
    status = fill_replicas(self, number, &row);
    if (status)
        return status;
    fsp_system_put_shard(self, number, &row);
    self->row.shard_count++;
    uint8_t id[4];
    fsp_store_u32(id, number);
    fsp_system_about(self, fsp_slice(id, sizeof(id)));
    self->m->result.number = number;
    return FSP_OK;
}
