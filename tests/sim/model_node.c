/* SPDX-License-Identifier: MIT */
/* model_node - attributes, leases, batches, uploads, quota, keys.  Layer tests.
 *
 * docs/protocol/commands-node.md.
 */
#include "tests/sim/model_parts.h"

static fsp_time_t
s_expiry(const model_step_t *self, fsp_time_t duration)
{
    fsp_time_t now = model_now(self->model);
    return now > UINT64_MAX - duration ? UINT64_MAX : now + duration;
}

/* -- leases ------------------------------------------------------------------------------------ */

static bool
s_has_passed(const model_step_t *self, const fsp_lease_t *lease)
{
    return lease->expiry <= model_now(self->model);
}

static bool
s_is_holder(const model_step_t *self, const fsp_lease_t *lease)
{
    return fsp_subject_id_eq(lease->holder, self->command->subject);
}

fsp_status_t
model_check_lease(model_step_t *self, const model_node_t *node, uint64_t token)
{
    const fsp_lease_t *lease = &node->lease;
    fsp_status_t status = FSP_OK;
    if (token && (lease->token != token || !s_is_holder(self, lease) || s_has_passed(self, lease)))
        status = FSP_LEASE_LOST;
    else if (lease->token && !s_is_holder(self, lease) && !s_has_passed(self, lease))
        status = FSP_LOCKED;
    if (status)
        model_show(self, node);
    return status;
}

void
model_end_lease(const model_step_t *self, model_node_t *node)
{
    if (node->lease.token && !s_is_holder(self, &node->lease))
        node->lease = (fsp_lease_t){0};
}

/* The file that a lease is about. */
static fsp_status_t
s_find_file(model_step_t *self, model_place_t *ret)
{
    fsp_status_t status = model_find_live(self, &self->command->node.lease.target, ret);
    if (status)
        return status;
    return ret->node->kind == FSP_KIND_DIRECTORY ? FSP_IS_DIRECTORY : FSP_OK;
}

/* Writes the lease into the node at the place. */
static fsp_status_t
s_set_lease(model_step_t *self, const model_place_t *place, fsp_lease_t lease)
{
    model_node_t *node = model_touch(self, place->node);
    node->lease = lease;
    model_tree_put(&self->tree, node);
    model_tell(self, node, model_keep_path(self->path_text, place->path));
    return FSP_OK;
}

static fsp_status_t
s_lock(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = s_find_file(self, &place);
    if (!status)
        status = model_check_lease(self, place.node, 0);
    if (status)
        return status;
    fsp_lease_t lease = {.token = model_next_change(self),
                         .holder = self->command->subject,
                         .expiry = s_expiry(self, self->command->node.lease.duration)};
    return s_set_lease(self, &place, lease);
}

static fsp_status_t
s_lease_lost(model_step_t *self, const model_node_t *node)
{
    model_show(self, node);
    return FSP_LEASE_LOST;
}

static fsp_status_t
s_renew(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = s_find_file(self, &place);
    if (status)
        return status;
    fsp_lease_t lease = place.node->lease;
    if (lease.token != self->command->node.lease.token || !s_is_holder(self, &lease))
        return s_lease_lost(self, place.node);
    lease.expiry = s_expiry(self, self->command->node.lease.duration);
    return s_set_lease(self, &place, lease);
}

static fsp_status_t
s_unlock(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = s_find_file(self, &place);
    if (status)
        return status;
    const fsp_lease_t *lease = &place.node->lease;
    if (self->command->node.lease.force && !lease->token) {
        model_show(self, place.node);
        self->unchanged = true;
        return FSP_OK;
    }
    if (!self->command->node.lease.force &&
        (lease->token != self->command->node.lease.token || !s_is_holder(self, lease)))
        return s_lease_lost(self, place.node);
    return s_set_lease(self, &place, (fsp_lease_t){0});
}

/* -- attributes, directories ------------------------------------------------------------------- */

static fsp_status_t
s_attr(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = model_find_live(self, &self->command->node.attr.target, &place);
    if (!status)
        status = model_check_lease(self, place.node, 0);
    if (!status)
        status = model_check_match(self, place.node, &self->command->node.attr.condition);
    if (status)
        return status;
    if (fsp_slice_eq(place.node->attr, self->command->node.attr.attr)) {
        model_show(self, place.node);
        self->unchanged = true;
        return FSP_OK;
    }
    model_node_t *node = model_touch(self, place.node);
    model_end_lease(self, node);
    node->attr = model_copy(self->model, self->command->node.attr.attr);
    model_tree_put(&self->tree, node);
    model_tell(self, node, model_keep_path(self->path_text, place.path));
    return FSP_OK;
}

static fsp_status_t
s_rmdir(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = model_find_live(self, &self->command->node.rmdir.target, &place);
    if (status)
        return status;
    if (place.node->kind != FSP_KIND_DIRECTORY)
        return FSP_NOT_DIRECTORY;
    if (place.fixed)
        return FSP_INVALID;
    if (model_is_covered(self, place.node))
        return FSP_HELD;
    if (!model_tree_is_empty(&self->tree, place.node->id))
        return FSP_NOT_EMPTY;
    model_tell(self, place.node, model_keep_path(self->path_text, place.path));
    model_tree_remove(&self->tree, place.node->id);
    return FSP_OK;
}

/* -- BATCH ------------------------------------------------------------------------------------- */

/* What the item did, for the change row. */
static void
s_write_item(model_step_t *self)
{
    const fsp_change_info_t *change = &self->change;
    fsp_buf_t *row = &self->items;
    fsp_canon_array(row, 8);
    fsp_canon_uint(row, self->command->type);
    fsp_canon_uint(row, change->kind);
    fsp_canon_id(row, change->file_id);
    fsp_canon_text(row, change->path);
    fsp_canon_text(row, change->from_path);
    model_write_optional(row, FSP_SLICE_OF(change->version_id));
    model_write_optional(row, FSP_SLICE_OF(change->displaced_id));
    fsp_canon_array(row, change->made_count);
    for (size_t i = 0; i < change->made_count; i++)
        fsp_canon_id(row, change->made_ids[i]);
    self->item_count++;
}

/* One item, on what those before it left. */
static fsp_status_t
s_apply_item(model_step_t *self, fsp_command_t *item, const fsp_command_t *whole)
{
    item->space_id = whole->space_id;
    item->subject = whole->subject;
    item->op_id = whole->op_id;
    item->asker = whole->asker;
    self->command = item;
    self->change = (fsp_change_info_t){0};
    self->unchanged = false;
    *self->result = (fsp_result_t){.index = self->result->index, .time = self->time};
    fsp_status_t status = model_perform(self);
    if (status) {
        fsp_result_t *result = self->result;
        result->version_id = (fsp_version_id_t){{0}};
        result->number = result->size = 0;
        return status;
    }
    fsp_result_item_t done = {.kind = self->result->kind,
                              .file_id = self->result->file_id,
                              .version_id = self->result->version_id,
                              .number = self->result->number,
                              .size = self->result->size};
    fsp_result_item_write(&done, &self->result_items);
    if (!self->unchanged)
        s_write_item(self);
    return FSP_OK;
}

static fsp_status_t
s_batch(model_step_t *self)
{
    const fsp_command_t *whole = self->command;
    fsp_command_t *item = FSP_NEW(fsp_command_t);
    fsp_canon_t items = fsp_canon_reader(whole->node.batch.items);
    fsp_status_t status = FSP_OK;
    uint32_t number = 0;
    while (!status && number < whole->node.batch.count) {
        status = fsp_batch_next(&items, item);
        FSP_ASSERT(status == FSP_OK);
        number++;
        status = s_apply_item(self, item, whole);
    }
    fsp_free(item);
    self->command = whole;
    self->change = (fsp_change_info_t){.kind = FSP_KIND_DIRECTORY,
                                       .file_id = self->space->info.root_id,
                                       .path = fsp_slice_text("/")};
    if (status) {
        self->result->failed = number;
        return status;
    }
    if (self->items.bytes > 1000000) {
        *self->result = (fsp_result_t){.index = self->result->index, .time = self->time};
        return FSP_TOO_LARGE;
    }
    *self->result =
        (fsp_result_t){.index = self->result->index,
                       .time = self->time,
                       .kind = FSP_KIND_DIRECTORY,
                       .file_id = self->space->info.root_id,
                       .items = model_copy(self->model, fsp_buf_slice(&self->result_items)),
                       .item_count = number};
    self->unchanged = self->item_count == 0;
    return FSP_OK;
}

/* -- uploads ----------------------------------------------------------------------------------- */

model_upload_t *
model_upload(const model_space_t *space, fsp_upload_id_t id)
{
    for (model_upload_t *upload = space->uploads; upload; upload = upload->next)
        if (!upload->gone && fsp_upload_id_eq(upload->info.id, id))
            return upload;
    return NULL;
}

static model_upload_t *
s_own_upload(const model_step_t *self, fsp_upload_id_t id)
{
    model_upload_t *upload = model_upload(self->space, id);
    return upload && fsp_subject_id_eq(upload->info.subject, self->command->subject) ? upload
                                                                                     : NULL;
}

fsp_status_t
model_begin_put(model_step_t *self, model_upload_t **ret_upload)
{
    const fsp_command_t *command = self->command;
    if (!fsp_upload_id_is_zero(command->put.upload_id)) {
        model_upload_t *upload = s_own_upload(self, command->put.upload_id);
        if (!upload)
            return FSP_NO_SUCH_UPLOAD;
        if (upload->info.offset > command->put.size ||
            (upload->info.size && upload->info.size != command->put.size)) {
            self->result->offset = upload->info.offset;
            return FSP_MISMATCH;
        }
        *ret_upload = upload;
    }
    for (size_t i = 0; i < command->put.base_count; i++) {
        const model_node_t *node = model_owner_of(&self->tree, command->put.bases[i]);
        if (!node || model_is_purging(&self->tree, node) ||
            !model_version_of(node, command->put.bases[i])->info.retained)
            return FSP_BASE_GONE;
    }
    return FSP_OK;
}

void
model_end_upload(model_step_t *self, model_upload_t *upload)
{
    upload->gone = true;
    self->ended[self->ended_count++] = upload;
}

static fsp_status_t
s_upload_open(model_step_t *self)
{
    const fsp_command_t *command = self->command;
    self->unchanged = true;
    if (model_upload(self->space, command->node.upload_open.id))
        return FSP_EXISTS;
    model_upload_t *upload = model_alloc(self->model, sizeof(*upload));
    upload->info = (fsp_upload_info_t){
        .id = command->node.upload_open.id,
        .subject = command->subject,
        .target = command->node.upload_open.target,
        .condition = command->node.upload_open.condition,
        .size = command->node.upload_open.size,
        .duration = command->node.upload_open.duration,
        .expiry = s_expiry(self, command->node.upload_open.duration),
    };
    upload->info.target.path = model_copy(self->model, upload->info.target.path);
    model_upload_t **place = &self->space->uploads;
    while (*place && fsp_upload_id_cmp((*place)->info.id, upload->info.id) < 0)
        place = &(*place)->next;
    upload->next = *place;
    *place = upload;
    return FSP_OK;
}

/* The number of roots in front of keep; NULL if keep lies inside one. */
static bool
s_kept_roots(const model_upload_t *upload, uint64_t keep, size_t *ret_count)
{
    uint64_t at = 0;
    for (size_t i = 0; i <= upload->info.root_count; i++) {
        if (at == keep) {
            *ret_count = i;
            return true;
        }
        at += i < upload->info.root_count ? upload->roots[i].bytes : 0;
    }
    return false;
}

static fsp_status_t
s_upload_append(model_step_t *self)
{
    const fsp_command_t *command = self->command;
    self->unchanged = true;
    model_upload_t *upload = s_own_upload(self, command->node.upload_append.id);
    if (!upload)
        return FSP_NO_SUCH_UPLOAD;
    uint64_t offset = command->node.upload_append.offset, keep = command->node.upload_append.keep;
    uint64_t end =
        keep + command->node.upload_append.root_bytes + command->node.upload_append.tail_bytes;
    fsp_upload_info_t *info = &upload->info;
    size_t kept = 0, brought = command->node.upload_append.root_count;
    self->result->offset = info->offset;
    if (upload->before == offset && info->offset == end &&
        fsp_key_eq(info->tail, command->node.upload_append.tail) &&
        fsp_slice_eq(info->midstate, command->node.upload_append.midstate))
        return FSP_OK;
    if (offset != info->offset || !s_kept_roots(upload, keep, &kept))
        return FSP_MISMATCH;
    self->result->offset = 0;
    if ((info->size && info->size < end) || kept + brought > FSP_UPLOAD_ROOTS_MAX)
        return FSP_TOO_LARGE;
    uint64_t quota = self->space->info.quota_bytes ? self->space->info.quota_bytes : UINT64_MAX;
    if (end - offset > quota || self->used > quota - (end - offset))
        return FSP_QUOTA;
    fsp_canon_t reader = fsp_canon_reader(command->node.upload_append.roots);
    for (size_t i = 0; i < brought; i++)
        fsp_upload_root_read(&reader, &upload->roots[kept + i]);
    info->root_count = kept + brought;
    info->tail = command->node.upload_append.tail;
    info->tail_bytes = command->node.upload_append.tail_bytes;
    info->midstate = model_copy(self->model, command->node.upload_append.midstate);
    info->offset = end;
    info->expiry = s_expiry(self, info->duration);
    upload->before = offset;
    self->space->info.used_bytes += end - offset;
    self->result->offset = end;
    return FSP_OK;
}

static fsp_status_t
s_upload_abort(model_step_t *self)
{
    const fsp_command_t *command = self->command;
    self->unchanged = true;
    model_upload_t *upload = model_upload(self->space, command->node.upload_abort.id);
    if (!upload)
        return FSP_NO_SUCH_UPLOAD;
    if (!fsp_subject_id_eq(upload->info.subject, command->subject)) {
        model_asking_t asking;
        bool admin = !model_asking_begin(&asking, self->model, self->space, &self->tree,
                                         command->subject, &command->asker) &&
                     (model_rights_at_root(&asking) & FSP_RIGHT_ADMIN);
        bool clears = fsp_subject_id_is_zero(command->subject) &&
                      upload->info.expiry <= model_now(self->model);
        if (!admin && !clears)
            return FSP_NO_SUCH_UPLOAD;
    }
    upload->gone = true;
    self->space->info.used_bytes -= upload->info.offset;
    self->result->offset = upload->info.offset;
    return FSP_OK;
}

/* -- quota, keys ------------------------------------------------------------------------------- */

static fsp_status_t
s_quota(model_step_t *self)
{
    const model_node_t *root = model_tree_find(&self->tree, self->space->info.root_id);
    self->unchanged = self->space->info.quota_bytes == self->command->node.quota.bytes;
    self->space->info.quota_bytes = self->command->node.quota.bytes;
    model_tell(self, root, fsp_slice_text("/"));
    return FSP_OK;
}

static fsp_status_t
s_rekey(model_step_t *self)
{
    const fsp_command_t *command = self->command;
    const model_node_t *node = NULL;
    model_version_t *version = NULL;
    for (size_t i = 0; i < self->tree.count && !version; i++) {
        node = self->tree.nodes[i];
        if (!model_is_purging(&self->tree, node))
            version = model_version_of(node, command->node.rekey.version_id);
    }
    if (!version)
        return FSP_NO_SUCH_VERSION;
    if (!version->info.retained)
        return FSP_GONE;
    model_place_t place;
    model_place_of(self->space, &self->tree, node, &place);
    fsp_hash_t there = fsp_sha256(version->info.carrier);
    model_show(self, node);
    if (fsp_slice_eq(version->info.carrier, command->node.rekey.carrier)) {
        self->unchanged = true;
        return FSP_OK;
    }
    fsp_carrier_t old, new;
    if (!fsp_hash_eq(there, command->node.rekey.present))
        return FSP_MISMATCH;
    if (fsp_carrier_decode(version->info.carrier, &old) ||
        fsp_carrier_decode(command->node.rekey.carrier, &new) || old.root_kind != new.root_kind)
        return FSP_INVALID;
    self->change.old_carrier = there;
    self->change.new_carrier = fsp_sha256(command->node.rekey.carrier);
    self->change.earlier = version->rekeyed;
    version->info.carrier = model_copy(self->model, command->node.rekey.carrier);
    version->rekeyed = model_next_change(self);
    model_tell(self, node, model_keep_path(self->path_text, place.path));
    self->change.version_id = version->info.id;
    self->result->version_id = version->info.id;
    self->result->number = version->info.number;
    self->result->size = version->info.size;
    return FSP_OK;
}

fsp_status_t
model_apply_node(model_step_t *self)
{
    switch (self->command->type) {
    case FSP_COMMAND_ATTR:
        return s_attr(self);
    case FSP_COMMAND_RMDIR:
        return s_rmdir(self);
    case FSP_COMMAND_LOCK:
        return s_lock(self);
    case FSP_COMMAND_RENEW:
        return s_renew(self);
    case FSP_COMMAND_UNLOCK:
        return s_unlock(self);
    case FSP_COMMAND_BATCH:
        return s_batch(self);
    case FSP_COMMAND_UPLOAD_OPEN:
        return s_upload_open(self);
    case FSP_COMMAND_UPLOAD_APPEND:
        return s_upload_append(self);
    case FSP_COMMAND_UPLOAD_ABORT:
        return s_upload_abort(self);
    case FSP_COMMAND_QUOTA:
        return s_quota(self);
    case FSP_COMMAND_REKEY:
        return s_rekey(self);
    default:
        FSP_UNREACHABLE();
    }
}
