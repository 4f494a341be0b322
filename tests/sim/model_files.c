/* SPDX-License-Identifier: MIT */
/* model_files - PUT, DELETE, MKDIR, MOVE, RESTORE, COPY by the tables of the protocol.  Layer
 * tests.
 *
 * docs/protocol/commands.md, sections 2 to 4 and 7.  Each function reads like the rows of the table
 * there, in their order.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/model_parts.h"

void
model_show(model_step_t *self, const model_node_t *node)
{
    self->result->kind = node->kind;
    self->result->file_id = node->id;
    self->result->head_count = node->head_count;
    for (size_t i = 0; i < node->head_count; i++)
        self->result->heads[i] = node->heads[i]->info.id;
}

/* -- changing nodes ---------------------------------------------------------------------------- */

/* A copy of the node, or a new one, that this change makes. */
model_node_t *
model_touch(model_step_t *self, const model_node_t *node)
{
    model_node_t *copy = model_alloc(self->model, sizeof(*copy));
    if (node)
        *copy = *node;
    else
        copy->made_time = self->time;
    copy->time = self->time;
    return copy;
}

void
model_put_at(const model_step_t *self, model_node_t *node, fsp_file_id_t directory_id,
             fsp_slice_t name)
{
    node->parent_id = directory_id;
    node->since = model_next_change(self);
    node->name_bytes = name.bytes;
    if (name.bytes)
        memcpy(node->name_data, name.data, name.bytes);
    node->origin_id = (fsp_file_id_t){{0}};
    node->origin_bytes = 0;
}

/* To the trash, under the number of this change. */
void
model_trash(model_step_t *self, const model_node_t *node, bool ends_lease)
{
    char name[48];
    int used = snprintf(name, sizeof(name), "%020" PRIu64, model_next_change(self));
    if (self->trashed)
        (void)snprintf(name + used, sizeof(name) - (size_t)used, ".%04zu", self->trashed);
    self->trashed++;
    model_node_t *moved = model_touch(self, node);
    if (ends_lease)
        model_end_lease(self, moved);
    model_put_at(self, moved, self->space->info.trash_id, fsp_slice_text(name));
    if (model_is_new_level(self)) {
        moved->origin_id = node->parent_id;
        moved->origin_bytes = node->name_bytes;
        memcpy(moved->origin_data, node->name_data, node->name_bytes);
    }
    model_tree_put(&self->tree, moved);
}

/* Makes room: HELD, LOCKED. */
static fsp_status_t
s_displace(model_step_t *self, const model_node_t *node)
{
    if (model_is_covered(self, node))
        return FSP_HELD;
    fsp_status_t status = model_check_lease(self, node, 0);
    if (status)
        return status;
    model_trash(self, node, true);
    self->change.displaced_id = node->id;
    return FSP_OK;
}

/* Makes the directories that are missing on the way: NO_PARENT, INVALID (an id is taken). */
fsp_status_t
model_make_parents(model_step_t *self, model_walk_t *walk, bool create, fsp_file_id_t seed)
{
    if (walk->missing_count && !create)
        return FSP_NO_PARENT;
    for (size_t i = 0; i < walk->missing_count; i++) {
        fsp_file_id_t id = fsp_derived_id(seed, (uint32_t)i + 1);
        if (model_tree_find(&self->tree, id))
            return FSP_INVALID;
        model_node_t *made = model_touch(self, NULL);
        made->id = id;
        made->kind = FSP_KIND_DIRECTORY;
        model_put_at(self, made, walk->directory->id, walk->missing[i]);
        model_tree_put(&self->tree, made);
        self->change.made_ids[self->change.made_count++] = id;
        walk->directory = made;
    }
    return FSP_OK;
}

/* -- conditions and versions ------------------------------------------------------------------- */

static bool
s_names(const fsp_condition_t *condition, fsp_version_id_t id)
{
    for (size_t i = 0; i < condition->version_count; i++)
        if (fsp_version_id_eq(condition->versions[i], id))
            return true;
    return false;
}

/* MATCH: the base is the only head. */
fsp_status_t
model_check_match(model_step_t *self, const model_node_t *node, const fsp_condition_t *condition)
{
    if (condition->type != FSP_IF_MATCH)
        return FSP_OK;
    if (node->head_count == 1 && s_names(condition, node->heads[0]->info.id))
        return FSP_OK;
    model_show(self, node);
    return FSP_MISMATCH;
}

/* The heads that stay beside a new version go to stay, the parents to version. */
static fsp_status_t
s_judge_condition(model_step_t *self, const model_node_t *node, const fsp_condition_t *condition,
                  fsp_version_info_t *version, const model_version_t **stay, size_t *stay_count)
{
    *stay_count = 0;
    fsp_status_t status = model_check_match(self, node, condition);
    if (status)
        return status;
    if (condition->type == FSP_IF_REPLACE || condition->type == FSP_IF_MATCH) {
        version->parent_count = node->head_count;
        for (size_t i = 0; i < node->head_count; i++)
            version->parents[i] = node->heads[i]->info.id;
        return FSP_OK;
    }
    for (size_t i = 0; i < condition->version_count; i++) {
        const model_version_t *base = model_version_of(node, condition->versions[i]);
        if (!base) {
            model_show(self, node);
            return FSP_MISMATCH;
        }
        if (!base->info.retained)
            return FSP_BASE_GONE;
        version->parents[version->parent_count++] = base->info.id;
    }
    for (size_t i = 0; i < node->head_count; i++)
        if (!s_names(condition, node->heads[i]->info.id))
            stay[(*stay_count)++] = node->heads[i];
    if (*stay_count < FSP_HEADS_MAX)
        return FSP_OK;
    model_show(self, node);
    return FSP_TOO_MANY_HEADS;
}

/* Ascending by octets. */
static void
s_sort_ids(fsp_version_id_t *ids, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && fsp_version_id_cmp(ids[j - 1], ids[j]) > 0; j--) {
            fsp_version_id_t id = ids[j];
            ids[j] = ids[j - 1];
            ids[j - 1] = id;
        }
}

/* Gives the node a new version of how, parents, size and carrier in *version: QUOTA. */
static fsp_status_t
s_add_version(model_step_t *self, model_node_t *node, const fsp_version_info_t *version,
              const model_version_t *const *stay, size_t stay_count)
{
    uint64_t quota = self->space->info.quota_bytes;
    if (quota == 0)
        quota = UINT64_MAX; /* what is used is counted in 64 bits */
    uint64_t used = self->used - self->credit;
    bool grows = version->size > self->credit || !model_is_new_level(self);
    if (grows && (version->size > quota || used > quota - version->size))
        return FSP_QUOTA;
    model_version_t *made = model_alloc(self->model, sizeof(*made));
    made->info = *version;
    made->info.file_id = node->id;
    made->info.number = node->head_count ? node->heads[0]->info.number + 1 : 1;
    made->info.author = self->command->subject;
    made->info.time = self->time;
    made->info.op_id = self->command->op_id;
    made->info.carrier = model_copy(self->model, version->carrier);
    made->info.carrier_hash = fsp_sha256(version->carrier);
    made->info.retained = true;
    s_sort_ids(made->info.parents, made->info.parent_count);
    fsp_buf_t record;
    fsp_buf_init(&record, FSP_VALUE_BYTES_MAX);
    fsp_version_record_encode(&made->info, &record);
    made->record = model_copy(self->model, fsp_buf_slice(&record));
    fsp_buf_clear(&record);
    fsp_hash_t hash = fsp_sha256(made->record);
    memcpy(made->info.id.bytes, hash.bytes, sizeof(hash.bytes));
    made->older = node->newest;
    node->newest = made;
    node->heads[0] = made;
    for (size_t i = 0; i < stay_count; i++)
        node->heads[i + 1] = stay[i];
    node->head_count = stay_count + 1;
    self->used = used + version->size;
    self->credit = 0;
    self->change.version_id = made->info.id;
    self->result->version_id = made->info.id;
    self->result->number = made->info.number;
    self->result->size = made->info.size;
    return FSP_OK;
}

/* What the change and the result say: this node, there. */
void
model_tell(model_step_t *self, const model_node_t *node, fsp_slice_t path)
{
    self->change.kind = node->kind;
    self->change.file_id = node->id;
    self->change.path = path;
    model_show(self, node);
}

/* A path that outlives the place it was found in. */
fsp_slice_t
model_keep_path(uint8_t memory[FSP_PATH_BYTES_MAX], fsp_slice_t path)
{
    if (path.bytes)
        memcpy(memory, path.data, path.bytes);
    return fsp_slice(memory, path.bytes);
}

/* Finds a node that is no longer or not yet out of reach: TRASHED, TOO_LARGE. */
fsp_status_t
model_find_live(model_step_t *self, const fsp_target_t *target, model_place_t *ret)
{
    fsp_status_t status = model_find(self->space, &self->tree, target, ret);
    if (status)
        return status;
    if (ret->deep)
        return FSP_TOO_LARGE;
    if (ret->trashed) {
        model_show(self, ret->node);
        return FSP_TRASHED;
    }
    return FSP_OK;
}

/* A new file or link where walk leads. */
static fsp_status_t
s_new_file(model_step_t *self, const model_walk_t *walk, fsp_kind_t kind, fsp_file_id_t id,
           fsp_slice_t attr, const fsp_version_info_t *version, fsp_slice_t path)
{
    if (model_tree_find(&self->tree, id))
        return FSP_INVALID;
    model_node_t *node = model_touch(self, NULL);
    node->id = id;
    node->kind = kind;
    node->attr = model_copy(self->model, attr);
    model_put_at(self, node, walk->directory->id, walk->name);
    fsp_status_t status = s_add_version(self, node, version, NULL, 0);
    if (status)
        return status;
    model_tree_put(&self->tree, node);
    model_tell(self, node, path);
    return FSP_OK;
}

/* -- PUT --------------------------------------------------------------------------------------- */

/* A new version of a file that is there. */
static fsp_status_t
s_put_onto(model_step_t *self, const model_node_t *old, fsp_slice_t path,
           fsp_version_info_t *version)
{
    const model_version_t *stay[FSP_HEADS_MAX];
    size_t stay_count;
    fsp_status_t status =
        s_judge_condition(self, old, &self->command->put.condition, version, stay, &stay_count);
    if (status)
        return status;
    model_node_t *node = model_touch(self, old);
    model_end_lease(self, node);
    if (self->command->put.attr.bytes)
        node->attr = model_copy(self->model, self->command->put.attr);
    status = s_add_version(self, node, version, stay, stay_count);
    if (status)
        return status;
    model_tree_put(&self->tree, node);
    model_tell(self, node, path);
    return FSP_OK;
}

/* The condition of a PUT where nothing is.  TRASHED: *ret_trashed is the first base's file. */
static fsp_status_t
s_judge_nothing(model_step_t *self, const fsp_condition_t *condition, model_place_t *ret_trashed)
{
    if (condition->type == FSP_IF_REPLACE || condition->type == FSP_IF_NONE_MATCH)
        return FSP_OK;
    if (condition->type == FSP_IF_MATCH)
        return FSP_MISMATCH;
    const model_node_t *node = model_owner_of(&self->tree, condition->versions[0]);
    if (!node || model_is_purging(&self->tree, node))
        return FSP_MISMATCH;
    model_place_of(self->space, &self->tree, node, ret_trashed);
    if (!ret_trashed->trashed)
        return FSP_MISMATCH;
    model_show(self, node);
    return FSP_TRASHED;
}

/* The file comes back, then the version is made: `to` empty: to where it was. */
static fsp_status_t
s_revive(model_step_t *self, const model_place_t *trashed, fsp_slice_t to,
         fsp_version_info_t *version)
{
    model_place_t now;
    fsp_status_t status = model_undelete(self, trashed, to, self->command->put.create_parents,
                                         self->command->put.ids_seed, &now);
    if (!status && now.node->kind == FSP_KIND_DIRECTORY)
        status = FSP_IS_DIRECTORY;
    if (!status)
        status = model_check_lease(self, now.node, self->command->put.lease_token);
    if (!status && now.node->kind != self->command->put.kind)
        status = FSP_MISMATCH;
    if (status) {
        model_show(self, trashed->node);
        return status;
    }
    fsp_slice_t path = model_keep_path(self->path_text, now.path);
    status = s_put_onto(self, now.node, path, version);
    if (!status)
        self->result->path = model_copy(self->model, path);
    return status;
}

static fsp_status_t
s_put_by_path(model_step_t *self, fsp_version_info_t *version)
{
    const fsp_condition_t *condition = &self->command->put.condition;
    fsp_kind_t kind = self->command->put.kind;
    fsp_slice_t path = self->command->put.target.path;
    model_walk_t walk;
    fsp_status_t status =
        model_walk(&self->tree, self->space->info.root_id, path, (fsp_file_id_t){{0}}, &walk);
    if (status)
        return status;
    const model_node_t *there = walk.node;
    if (there && there->kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    model_place_t trashed;
    uint64_t token = self->command->put.lease_token;
    if (there)
        status = model_check_lease(self, there, token);
    else if (token)
        status = FSP_LEASE_LOST;
    if (status)
        return status;
    if (there && condition->type == FSP_IF_NONE_MATCH) {
        model_show(self, there);
        return FSP_EXISTS;
    }
    if (there && there->kind == kind)
        return s_put_onto(self, there, path, version);
    if (there && condition->type != FSP_IF_REPLACE) {
        model_show(self, there);
        return FSP_MISMATCH;
    }
    if (there)
        status = s_displace(self, there);
    else
        status = s_judge_nothing(self, condition, &trashed);
    if (status == FSP_TRASHED && self->command->put.revive && condition->type == FSP_IF_EDIT)
        return s_revive(self, &trashed, path, version);
    if (!status)
        status = model_make_parents(self, &walk, self->command->put.create_parents,
                                    self->command->put.ids_seed);
    if (status)
        return status;
    return s_new_file(self, &walk, kind, self->command->put.ids_seed, self->command->put.attr,
                      version, path);
}

static fsp_status_t
s_put_version(model_step_t *self)
{
    fsp_version_info_t version = {.kind = FSP_VERSION_PUT,
                                  .size = self->command->put.size,
                                  .carrier = self->command->put.carrier};
    if (self->command->put.condition.type == FSP_IF_MERGE)
        version.kind = FSP_VERSION_MERGE;
    if (self->command->put.target.path.bytes)
        return s_put_by_path(self, &version);
    model_place_t place;
    fsp_status_t status = model_find_live(self, &self->command->put.target, &place);
    if (status == FSP_TRASHED && self->command->put.revive && !place.fixed &&
        self->command->put.condition.type == FSP_IF_EDIT)
        return s_revive(self, &place, fsp_slice(NULL, 0), &version);
    if (status)
        return status;
    if (place.node->kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    status = model_check_lease(self, place.node, self->command->put.lease_token);
    if (status)
        return status;
    if (self->command->put.condition.type == FSP_IF_NONE_MATCH) {
        model_show(self, place.node);
        return FSP_EXISTS;
    }
    if (place.node->kind != self->command->put.kind) {
        model_show(self, place.node);
        return FSP_MISMATCH;
    }
    return s_put_onto(self, place.node, model_keep_path(self->path_text, place.path), &version);
}

static fsp_status_t
s_put(model_step_t *self)
{
    model_upload_t *upload = NULL;
    fsp_status_t status = model_begin_put(self, &upload);
    if (status)
        return status;
    self->credit = upload ? upload->info.offset : 0;
    status = s_put_version(self);
    if (!status && upload)
        model_end_upload(self, upload);
    return status;
}

/* -- DELETE, MKDIR ----------------------------------------------------------------------------- */

static fsp_status_t
s_delete(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = model_find_live(self, &self->command->remove.target, &place);
    if (status)
        return status;
    if (place.fixed)
        return FSP_INVALID;
    if (model_is_covered(self, place.node))
        return FSP_HELD;
    status = model_check_lease(self, place.node, 0);
    if (!status)
        status = model_check_match(self, place.node, &self->command->remove.condition);
    if (status)
        return status;
    if (place.node->kind == FSP_KIND_DIRECTORY && !self->command->remove.recursive &&
        !model_tree_is_empty(&self->tree, place.node->id))
        return FSP_NOT_EMPTY;
    model_trash(self, place.node, true);
    model_tell(self, place.node, model_keep_path(self->path_text, place.path));
    return FSP_OK;
}

static fsp_status_t
s_mkdir(model_step_t *self)
{
    fsp_slice_t path = self->command->mkdir.target.path;
    model_walk_t walk;
    fsp_status_t status =
        model_walk(&self->tree, self->space->info.root_id, path, (fsp_file_id_t){{0}}, &walk);
    if (status)
        return status;
    if (walk.node) {
        model_show(self, walk.node);
        self->unchanged = walk.node->kind == FSP_KIND_DIRECTORY && self->command->mkdir.exist_ok;
        return self->unchanged ? FSP_OK : FSP_EXISTS;
    }
    status = model_make_parents(self, &walk, self->command->mkdir.create_parents,
                                self->command->mkdir.ids_seed);
    if (status)
        return status;
    if (model_tree_find(&self->tree, self->command->mkdir.ids_seed))
        return FSP_INVALID;
    model_node_t *node = model_touch(self, NULL);
    node->id = self->command->mkdir.ids_seed;
    node->kind = FSP_KIND_DIRECTORY;
    node->attr = model_copy(self->model, self->command->mkdir.attr);
    model_put_at(self, node, walk.directory->id, walk.name);
    model_tree_put(&self->tree, node);
    model_tell(self, node, path);
    return FSP_OK;
}

/* -- MOVE -------------------------------------------------------------------------------------- */

/* Whether `from` may take the place of what is there. */
static fsp_status_t
s_may_replace(model_step_t *self, const model_node_t *from, const model_node_t *there)
{
    if (!self->command->move.replace) {
        model_show(self, there);
        return FSP_EXISTS;
    }
    bool onto_directory = there->kind == FSP_KIND_DIRECTORY;
    if (from->kind != FSP_KIND_DIRECTORY)
        return onto_directory ? FSP_IS_DIRECTORY : FSP_OK;
    if (!onto_directory)
        return FSP_NOT_DIRECTORY;
    bool root = fsp_file_id_is_zero(there->parent_id);
    return root || !model_tree_is_empty(&self->tree, there->id) ? FSP_NOT_EMPTY : FSP_OK;
}

static fsp_status_t
s_move(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = model_find(self->space, &self->tree, &self->command->move.from, &place);
    if (status)
        return status;
    if (place.fixed)
        return FSP_INVALID;
    if (model_is_covered_above(self, place.node))
        return FSP_HELD;
    status = model_check_lease(self, place.node, 0);
    if (!status)
        status = model_check_match(self, place.node, &self->command->move.condition);
    if (status)
        return status;
    model_walk_t walk;
    fsp_slice_t to = self->command->move.to.path;
    status = model_walk(&self->tree, self->space->info.root_id, to, place.node->id, &walk);
    if (status)
        return status;
    if (walk.node == place.node) {
        model_show(self, place.node);
        self->unchanged = true;
        return FSP_OK;
    }
    if (walk.node) {
        status = s_may_replace(self, place.node, walk.node);
        if (status)
            return status;
        status = s_displace(self, walk.node);
        if (status)
            return status;
    }
    status = model_make_parents(self, &walk, self->command->move.create_parents,
                                self->command->move.ids_seed);
    if (status)
        return status;
    model_node_t *moved = model_touch(self, place.node);
    model_end_lease(self, moved);
    model_put_at(self, moved, walk.directory->id, walk.name);
    model_tree_put(&self->tree, moved);
    model_tell(self, moved, to);
    self->change.from_path = model_keep_path(self->from_text, place.path);
    return FSP_OK;
}

/* -- RESTORE, COPY ----------------------------------------------------------------------------- */

static fsp_status_t
s_restore(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = model_find_live(self, &self->command->restore.target, &place);
    if (status)
        return status;
    if (place.node->kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    status = model_check_lease(self, place.node, 0);
    if (status)
        return status;
    fsp_version_info_t version = {.kind = FSP_VERSION_RESTORE};
    const model_version_t *stay[FSP_HEADS_MAX];
    size_t stay_count;
    status = s_judge_condition(self, place.node, &self->command->restore.condition, &version, stay,
                               &stay_count);
    if (status)
        return status;
    const model_version_t *old = model_version_of(place.node, self->command->restore.version_id);
    if (!old)
        return FSP_NO_SUCH_VERSION;
    if (!old->info.retained)
        return FSP_GONE;
    version.size = old->info.size;
    version.carrier = old->info.carrier;
    model_node_t *node = model_touch(self, place.node);
    model_end_lease(self, node);
    status = s_add_version(self, node, &version, stay, stay_count);
    if (status)
        return status;
    model_tree_put(&self->tree, node);
    model_tell(self, node, model_keep_path(self->path_text, place.path));
    return FSP_OK;
}

static fsp_status_t
s_copy(model_step_t *self)
{
    model_place_t place;
    fsp_status_t status = model_find(self->space, &self->tree, &self->command->copy.from, &place);
    if (status)
        return status;
    if (place.node->kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    const model_version_t *source = place.node->heads[0];
    if (!fsp_version_id_is_zero(self->command->copy.version_id))
        source = model_version_of(place.node, self->command->copy.version_id);
    if (!source)
        return FSP_NO_SUCH_VERSION;
    if (!source->info.retained)
        return FSP_GONE;
    model_walk_t walk;
    fsp_slice_t to = self->command->copy.to.path;
    status = model_walk(&self->tree, self->space->info.root_id, to, (fsp_file_id_t){{0}}, &walk);
    if (status)
        return status;
    if (walk.node && self->command->copy.condition.type == FSP_IF_NONE_MATCH) {
        model_show(self, walk.node);
        return FSP_EXISTS;
    }
    if (walk.node && walk.node->kind == FSP_KIND_DIRECTORY)
        return FSP_IS_DIRECTORY;
    if (walk.node)
        status = s_displace(self, walk.node);
    if (status)
        return status;
    status = model_make_parents(self, &walk, self->command->copy.create_parents,
                                self->command->copy.ids_seed);
    if (status)
        return status;
    fsp_version_info_t version = {
        .kind = FSP_VERSION_PUT, .size = source->info.size, .carrier = source->info.carrier};
    self->change.from_path = model_keep_path(self->from_text, place.path);
    return s_new_file(self, &walk, place.node->kind, self->command->copy.ids_seed, place.node->attr,
                      &version, to);
}

fsp_status_t
model_apply_file(model_step_t *self)
{
    switch (self->command->type) {
    case FSP_COMMAND_PUT:
        return s_put(self);
    case FSP_COMMAND_DELETE:
        return s_delete(self);
    case FSP_COMMAND_MKDIR:
        return s_mkdir(self);
    case FSP_COMMAND_MOVE:
        return s_move(self);
    case FSP_COMMAND_RESTORE:
        return s_restore(self);
    case FSP_COMMAND_COPY:
        return s_copy(self);
    default:
        FSP_UNREACHABLE();
    }
}
