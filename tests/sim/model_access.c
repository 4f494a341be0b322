/* SPDX-License-Identifier: MIT */
/* model_access - rights, share links, spaces and shards as a whole, log time.  Layer tests.
 *
 * docs/protocol/commands-access.md.  Not modelled: SPACE_DROP, whose answers count rows.
 */
#include "tests/sim/model_parts.h"

static const fsp_time_t day_us = 86400ull * 1000000, hour_us = 3600ull * 1000000;

/* -- log time ---------------------------------------------------------------------------------- */

fsp_time_t
model_now(const model_t *self)
{
    return self->jump_time ? self->frozen_time + self->elapsed_us : self->log_time;
}

void
model_pass_time(model_t *self, bool first, fsp_time_t time)
{
    fsp_time_t passed = time - self->log_time;
    if (!first && self->feature_level >= 2 && passed > day_us) {
        self->frozen_time = model_now(self);
        self->elapsed_us = 0;
        self->jump_time = time;
    } else if (self->jump_time) {
        self->elapsed_us += passed < hour_us ? passed : hour_us;
        if (self->elapsed_us >= day_us)
            self->jump_time = 0;
    }
    self->log_time = time;
}

/* -- rights ------------------------------------------------------------------------------------ */

model_link_t *
model_link(const model_space_t *space, fsp_link_id_t id)
{
    for (model_link_t *link = space->links; link; link = link->next)
        if (fsp_link_id_eq(link->info.link_id, id))
            return link;
    return NULL;
}

fsp_status_t
model_asking_begin(model_asking_t *ret, const model_t *model, const model_space_t *space,
                   const model_tree_t *tree, fsp_subject_id_t subject, const fsp_asker_t *asker)
{
    *ret = (model_asking_t){
        .model = model, .space = space, .tree = tree, .subject = subject, .asker = asker};
    if (fsp_link_id_is_zero(asker->link_id))
        return FSP_OK;
    ret->link = model_link(space, asker->link_id);
    if (!ret->link)
        return FSP_NO_SUCH_LINK;
    if (!fsp_subject_id_eq(ret->link->info.maker, subject))
        return FSP_FORBIDDEN;
    fsp_time_t expiry = ret->link->info.expiry;
    return expiry && expiry <= model_now(model) ? FSP_SPENT : FSP_OK;
}

/* What the rules of one directory give the asker. */
static uint32_t
s_granted_by(const model_asking_t *self, const model_node_t *directory)
{
    uint32_t granted = 0;
    if (fsp_subject_id_is_zero(self->subject))
        return 0;
    for (size_t i = 0; i < directory->rule_count; i++) {
        const fsp_rule_t *rule = &directory->rules[i];
        bool meant = fsp_subject_id_eq(rule->id, self->subject);
        for (size_t j = 0; j < self->asker->group_count; j++)
            meant |= fsp_subject_id_eq(rule->id, self->asker->groups[j]);
        granted |= meant ? rule->rights : 0;
    }
    return granted;
}

/* The next directory on the way up: from an item of the trash the one it came from. */
static const model_node_t *
s_up(const model_asking_t *self, const model_node_t *node, bool *ret_trashed)
{
    if (fsp_file_id_eq(node->parent_id, self->space->info.trash_id)) {
        *ret_trashed = true;
        const model_node_t *origin = model_tree_find(self->tree, node->origin_id);
        if (origin)
            return origin;
    }
    return model_tree_find(self->tree, node->parent_id);
}

/* At a directory, or at a file or link: where it lies is what counts then. */
static uint32_t
s_rights_at(const model_asking_t *self, const model_node_t *node)
{
    const model_space_t *space = self->space;
    bool by_link = self->link && fsp_file_id_eq(node->id, self->link->info.file_id);
    bool stopped = false, trashed = false, at_root = false, at_trash = false;
    uint32_t granted = 0;
    if (node->kind != FSP_KIND_DIRECTORY)
        node = s_up(self, node, &trashed);
    for (size_t i = 0; node && i <= FSP_PATH_DEPTH_MAX; i++) {
        by_link |= self->link && fsp_file_id_eq(node->id, self->link->info.file_id);
        if (!stopped)
            granted |= s_granted_by(self, node);
        stopped |= node->stops;
        at_root = fsp_file_id_eq(node->id, space->info.root_id);
        at_trash = fsp_file_id_eq(node->id, space->info.trash_id);
        node = s_up(self, node, &trashed);
    }
    const model_node_t *root = model_tree_find(self->tree, space->info.root_id);
    if (at_trash && !stopped && (s_granted_by(self, root) & FSP_RIGHT_ADMIN))
        granted = FSP_RIGHTS_ALL;
    if (fsp_subject_id_eq(self->subject, space->info.owner))
        granted = FSP_RIGHTS_ALL;
    if (self->link)
        granted &= by_link && at_root && !trashed ? self->link->info.rights : 0;
    return granted & ~self->asker->withheld;
}

uint32_t
model_rights_at_root(const model_asking_t *self)
{
    return s_rights_at(self, model_tree_find(self->tree, self->space->info.root_id));
}

/* The node of a target; NULL: nothing is there, and *ret_directory is the deepest on the way. */
static const model_node_t *
s_node_at(const model_asking_t *self, const fsp_target_t *target,
          const model_node_t **ret_directory)
{
    *ret_directory = model_tree_find(self->tree, self->space->info.root_id);
    if (target->path.bytes == 0)
        return model_tree_find(self->tree, target->id);
    model_walk_t walk;
    fsp_status_t status = model_walk(self->tree, self->space->info.root_id, target->path,
                                     (fsp_file_id_t){{0}}, &walk);
    *ret_directory = walk.directory;
    return status ? NULL : walk.node;
}

uint32_t
model_rights_at(const model_asking_t *self, const fsp_target_t *target)
{
    const model_node_t *directory;
    const model_node_t *node = s_node_at(self, target, &directory);
    return s_rights_at(self, node ? node : directory);
}

/* At the place of a node. */
static uint32_t
s_rights_at_place(const model_asking_t *self, const model_node_t *node)
{
    bool trashed;
    const model_node_t *above = s_up(self, node, &trashed);
    uint32_t rights = s_rights_at(self, node);
    return above ? rights & s_rights_at(self, above) : rights;
}

/* At the place of what the target is; of nothing: at the target. */
static uint32_t
s_rights_at_target_place(const model_asking_t *self, const fsp_target_t *target)
{
    const model_node_t *directory;
    const model_node_t *node = s_node_at(self, target, &directory);
    return node ? s_rights_at_place(self, node) : s_rights_at(self, directory);
}

/* Of a node by its id; an id that no node has: as the root. */
static uint32_t
s_rights_at_id(const model_asking_t *self, fsp_file_id_t id)
{
    fsp_target_t target = {.id = id};
    return model_rights_at(self, &target);
}

static bool
s_has(uint32_t rights, uint32_t wanted)
{
    return (rights & wanted) == wanted;
}

/* Read at the file of a version; what is no version is nothing. */
static bool
s_may_read_version(const model_asking_t *asking, fsp_version_id_t id)
{
    const model_node_t *node = model_owner_of(asking->tree, id);
    return !node || (s_rights_at(asking, node) & FSP_RIGHT_READ);
}

/* What a PUT would take out of the trash; NULL: nothing. */
static const model_node_t *
s_revived(const model_asking_t *asking, const fsp_command_t *command)
{
    const fsp_condition_t *condition = &command->put.condition;
    if (!command->put.revive || condition->type != FSP_IF_EDIT)
        return NULL;
    const fsp_target_t *target = &command->put.target;
    const model_node_t *node;
    if (target->path.bytes) {
        model_walk_t walk;
        if (model_walk(asking->tree, asking->space->info.root_id, target->path,
                       (fsp_file_id_t){{0}}, &walk) ||
            walk.node)
            return NULL;
        node = model_owner_of(asking->tree, condition->versions[0]);
    } else {
        node = model_tree_find(asking->tree, target->id);
    }
    if (!node || model_is_purging(asking->tree, node))
        return NULL;
    model_place_t place;
    model_place_of(asking->space, asking->tree, node, &place);
    return place.trashed && !place.fixed ? node : NULL;
}

static bool
s_may_put(const model_asking_t *asking, const fsp_command_t *command)
{
    const fsp_target_t *target = &command->put.target;
    if (!(model_rights_at(asking, target) & FSP_RIGHT_WRITE))
        return false;
    const model_node_t *directory;
    const model_node_t *node = s_node_at(asking, target, &directory);
    for (size_t i = 0; i < command->put.condition.version_count; i++)
        if (!s_may_read_version(asking, command->put.condition.versions[i]))
            return false;
    for (size_t i = 0; i < command->put.base_count; i++)
        if (!s_may_read_version(asking, command->put.bases[i]))
            return false;
    const model_upload_t *upload = model_upload(asking->space, command->put.upload_id);
    if (upload && !s_has(model_rights_at(asking, &upload->info.target), FSP_RIGHT_WRITE))
        return false;
    const uint32_t leave = FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE;
    const model_node_t *revived = s_revived(asking, command);
    if (revived && !s_has(s_rights_at_place(asking, revived), leave))
        return false;
    bool displaces = target->path.bytes && node && node->kind != FSP_KIND_DIRECTORY &&
                     node->kind != command->put.kind &&
                     command->put.condition.type == FSP_IF_REPLACE;
    return !displaces || (s_rights_at_place(asking, node) & FSP_RIGHT_DELETE);
}

static bool
s_may_move(const model_asking_t *asking, const fsp_command_t *command)
{
    const uint32_t leave = FSP_RIGHT_READ | FSP_RIGHT_DELETE;
    if ((s_rights_at_target_place(asking, &command->move.from) & leave) != leave ||
        !(model_rights_at(asking, &command->move.to) & FSP_RIGHT_WRITE))
        return false;
    const model_node_t *directory;
    const model_node_t *from = s_node_at(asking, &command->move.from, &directory);
    const model_node_t *there = s_node_at(asking, &command->move.to, &directory);
    if (!command->move.replace || !from || !there || there == from)
        return true;
    return s_rights_at_place(asking, there) & FSP_RIGHT_DELETE;
}

static bool
s_may_copy(const model_asking_t *asking, const fsp_command_t *command)
{
    if (!(model_rights_at(asking, &command->copy.from) & FSP_RIGHT_READ) ||
        !(model_rights_at(asking, &command->copy.to) & FSP_RIGHT_WRITE))
        return false;
    const model_node_t *directory;
    const model_node_t *there = s_node_at(asking, &command->copy.to, &directory);
    if (command->copy.condition.type != FSP_IF_REPLACE || !there)
        return true;
    return s_rights_at_place(asking, there) & FSP_RIGHT_DELETE;
}

/* What is at a path from the trash, or at an id; nothing: the root. */
static const model_node_t *
s_item_at(const model_asking_t *self, const fsp_target_t *target)
{
    const model_node_t *node = NULL;
    model_walk_t walk;
    if (target->path.bytes == 0)
        node = model_tree_find(self->tree, target->id);
    else if (!model_walk(self->tree, self->space->info.trash_id, target->path, (fsp_file_id_t){{0}},
                         &walk))
        node = walk.node;
    return node ? node : model_tree_find(self->tree, self->space->info.root_id);
}

static bool
s_may_undelete(const model_asking_t *asking, const fsp_command_t *command)
{
    const uint32_t leave = FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE;
    const fsp_target_t *to = &command->history.to;
    return s_has(s_rights_at_place(asking, s_item_at(asking, &command->history.target)), leave) &&
           (to->path.bytes == 0 || s_has(model_rights_at(asking, to), FSP_RIGHT_WRITE));
}

/* PRUNE, PURGE, HOLD. */
static bool
s_may_administer(const model_asking_t *asking, const fsp_command_t *command)
{
    const fsp_target_t *target = &command->history.target;
    if (command->type != FSP_COMMAND_HOLD && !command->history.given)
        return fsp_subject_id_is_zero(command->subject) ||
               s_has(model_rights_at_root(asking), FSP_RIGHT_ADMIN);
    if (command->type != FSP_COMMAND_PURGE)
        return s_has(model_rights_at(asking, target), FSP_RIGHT_ADMIN);
    return s_has(s_rights_at_place(asking, s_item_at(asking, target)), FSP_RIGHT_ADMIN);
}

static bool
s_may_upload(const model_asking_t *asking, const fsp_command_t *command)
{
    bool aborts = command->type == FSP_COMMAND_UPLOAD_ABORT;
    fsp_upload_id_t id = aborts ? command->node.upload_abort.id : command->node.upload_append.id;
    if (aborts && fsp_subject_id_is_zero(command->subject))
        return true;
    const model_upload_t *upload = model_upload(asking->space, id);
    return !upload || s_has(model_rights_at(asking, &upload->info.target), FSP_RIGHT_WRITE);
}

/* LINK_DROP and LINK_USE, which know rights of their own. */
static fsp_status_t
s_judge_link_command(const model_asking_t *asking, const fsp_command_t *command)
{
    if (command->type == FSP_COMMAND_LINK_USE)
        return FSP_OK; /* judged with the command */
    const model_link_t *link = model_link(asking->space, command->access.link_id);
    if (!link)
        return FSP_NO_SUCH_LINK;
    if (asking->link || (asking->asker->withheld & FSP_RIGHT_SHARE))
        return FSP_FORBIDDEN;
    bool may = fsp_subject_id_eq(link->info.maker, asking->subject) ||
               s_has(s_rights_at_id(asking, link->info.file_id), FSP_RIGHT_SHARE);
    return may ? FSP_OK : FSP_FORBIDDEN;
}

/* Commands on one node, by one right at their target. */
static bool
s_may(const model_asking_t *asking, const fsp_command_t *command)
{
    switch (command->type) {
    case FSP_COMMAND_PUT:
        return s_may_put(asking, command);
    case FSP_COMMAND_DELETE:
        return s_has(s_rights_at_target_place(asking, &command->remove.target), FSP_RIGHT_DELETE);
    case FSP_COMMAND_MKDIR:
        return s_has(model_rights_at(asking, &command->mkdir.target), FSP_RIGHT_WRITE);
    case FSP_COMMAND_MOVE:
        return s_may_move(asking, command);
    case FSP_COMMAND_RESTORE:
        return s_has(model_rights_at(asking, &command->restore.target), FSP_RIGHT_WRITE);
    case FSP_COMMAND_COPY:
        return s_may_copy(asking, command);
    case FSP_COMMAND_ATTR:
        return s_has(model_rights_at(asking, &command->node.attr.target), FSP_RIGHT_WRITE);
    case FSP_COMMAND_RMDIR:
        return s_has(s_rights_at_target_place(asking, &command->node.rmdir.target),
                     FSP_RIGHT_DELETE);
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_RENEW:
    case FSP_COMMAND_UNLOCK:
        return s_has(model_rights_at(asking, &command->node.lease.target),
                     command->node.lease.force ? FSP_RIGHT_ADMIN : FSP_RIGHT_WRITE);
    case FSP_COMMAND_BATCH:
        return true;
    case FSP_COMMAND_UPLOAD_APPEND:
    case FSP_COMMAND_UPLOAD_ABORT:
        return s_may_upload(asking, command);
    case FSP_COMMAND_UNDELETE:
        return s_may_undelete(asking, command);
    case FSP_COMMAND_PRUNE:
    case FSP_COMMAND_PURGE:
    case FSP_COMMAND_HOLD:
        return s_may_administer(asking, command);
    case FSP_COMMAND_UPLOAD_OPEN:
        return s_has(model_rights_at(asking, &command->node.upload_open.target), FSP_RIGHT_WRITE);
    case FSP_COMMAND_RULES:
        return s_has(model_rights_at(asking, &command->access.target), FSP_RIGHT_ADMIN);
    case FSP_COMMAND_LINK_MAKE:
        return s_has(model_rights_at(asking, &command->access.target),
                     FSP_RIGHT_SHARE | command->access.rights);
    case FSP_COMMAND_SPACE_STATE:
    case FSP_COMMAND_GC_OPEN:
    case FSP_COMMAND_GC_CLOSE:
        return fsp_subject_id_is_zero(command->subject);
    default:
        return s_has(model_rights_at_root(asking), FSP_RIGHT_ADMIN);
    }
}

fsp_status_t
model_judge_rights(model_step_t *self)
{
    const fsp_command_t *command = self->command;
    model_asking_t asking;
    fsp_status_t status = model_asking_begin(&asking, self->model, self->space, &self->tree,
                                             command->subject, &command->asker);
    if (status)
        return status;
    if (command->type == FSP_COMMAND_LINK_DROP || command->type == FSP_COMMAND_LINK_USE)
        return s_judge_link_command(&asking, command);
    return s_may(&asking, command) ? FSP_OK : FSP_FORBIDDEN;
}

/* -- rules and links --------------------------------------------------------------------------- */

static fsp_status_t
s_rules(model_step_t *self)
{
    const fsp_access_body_t *body = &self->command->access;
    model_place_t place;
    fsp_status_t status = model_find_live(self, &body->target, &place);
    if (status)
        return status;
    const model_node_t *old = place.node;
    if (old->kind != FSP_KIND_DIRECTORY)
        return FSP_NOT_DIRECTORY;
    if (place.fixed && !body->inherit)
        return FSP_INVALID;
    bool same = old->stops == !body->inherit && old->rule_count == body->rule_count;
    for (size_t i = 0; same && i < body->rule_count; i++)
        same = fsp_subject_id_eq(old->rules[i].id, body->rules[i].id) &&
               old->rules[i].rights == body->rules[i].rights;
    self->unchanged = same;
    model_node_t *node = model_touch(self, old);
    node->stops = !body->inherit;
    node->rule_count = body->rule_count;
    memcpy(node->rules, body->rules, sizeof(node->rules));
    if (!same) {
        model_tree_put(&self->tree, node);
        self->space->parted |= node->stops;
    }
    model_tell(self, node, model_keep_path(self->path_text, place.path));
    return FSP_OK;
}

static fsp_status_t
s_link_make(model_step_t *self)
{
    const fsp_access_body_t *body = &self->command->access;
    model_place_t place;
    fsp_status_t status = model_find_live(self, &body->target, &place);
    if (status)
        return status;
    if (model_link(self->space, body->link_id))
        return FSP_EXISTS;
    if (body->expiry && body->expiry <= model_now(self->model))
        return FSP_SPENT;
    model_link_t *link = model_alloc(self->model, sizeof(*link));
    link->info = (fsp_link_info_t){.link_id = body->link_id,
                                   .file_id = place.node->id,
                                   .kind = place.node->kind,
                                   .rights = body->rights,
                                   .expiry = body->expiry,
                                   .uses_max = body->uses_max,
                                   .maker = self->command->subject,
                                   .made = self->time,
                                   .password = model_copy(self->model, body->password)};
    model_link_t **at = &self->space->links;
    while (*at && fsp_link_id_cmp((*at)->info.link_id, body->link_id) < 0)
        at = &(*at)->next;
    link->next = *at;
    *at = link;
    model_tell(self, place.node, model_keep_path(self->path_text, place.path));
    return FSP_OK;
}

/* Names the link's node in change and result, without heads. */
static void
s_tell_link(model_step_t *self, const model_link_t *link)
{
    const model_node_t *node = model_tree_find(&self->tree, link->info.file_id);
    model_place_t place = {.path = fsp_slice(NULL, 0)};
    if (node && !model_is_purging(&self->tree, node))
        model_place_of(self->space, &self->tree, node, &place);
    self->change.kind = self->result->kind = link->info.kind;
    self->change.file_id = self->result->file_id = link->info.file_id;
    self->change.path = model_keep_path(self->path_text, place.path);
}

static fsp_status_t
s_link_drop(model_step_t *self)
{
    model_link_t **at = &self->space->links;
    while (!fsp_link_id_eq((*at)->info.link_id, self->command->access.link_id))
        at = &(*at)->next;
    s_tell_link(self, *at);
    *at = (*at)->next;
    return FSP_OK;
}

static fsp_status_t
s_link_use(model_step_t *self)
{
    model_link_t *link = model_link(self->space, self->command->asker.link_id);
    const model_node_t *node = model_tree_find(&self->tree, link->info.file_id);
    model_place_t place;
    if (!node || model_is_purging(&self->tree, node))
        return FSP_NOT_FOUND;
    model_place_of(self->space, &self->tree, node, &place);
    if (place.trashed)
        return FSP_NOT_FOUND;
    model_asking_t asking;
    if (model_asking_begin(&asking, self->model, self->space, &self->tree, self->command->subject,
                           &self->command->asker) ||
        !s_rights_at(&asking, node))
        return FSP_FORBIDDEN;
    if (link->info.uses_max && link->info.uses >= link->info.uses_max)
        return FSP_SPENT;
    link->info.uses++;
    s_tell_link(self, link);
    self->result->number = link->info.uses;
    return FSP_OK;
}

/* -- spaces and shards ------------------------------------------------------------------------- */

static fsp_status_t
s_space_state(model_step_t *self)
{
    model_space_t *space = self->space;
    bool closing = self->command->access.value == 1;
    self->unchanged = space->closing == closing && space->deadline == self->command->access.detail;
    space->closing = closing;
    space->deadline = self->command->access.detail;
    model_tell(self, model_tree_find(&self->tree, space->info.root_id), fsp_slice_text("/"));
    return FSP_OK;
}

static fsp_status_t
s_gc_open(model_step_t *self)
{
    model_space_t *space = self->space;
    uint64_t epoch = self->command->access.value, layout = self->command->access.detail;
    self->unchanged = true;
    if (epoch == space->info.epoch && layout == space->gc_layout_version)
        return FSP_OK;
    if (epoch <= space->info.epoch)
        return FSP_EPOCH;
    if (epoch - space->info.epoch > 1)
        return FSP_MISMATCH;
    if (layout < space->gc_layout_version)
        return FSP_LAYOUT;
    space->info.epoch = epoch;
    space->gc_layout_version = layout;
    return FSP_OK;
}

fsp_status_t
model_apply_access(model_step_t *self)
{
    switch (self->command->type) {
    case FSP_COMMAND_RULES:
        return s_rules(self);
    case FSP_COMMAND_LINK_MAKE:
        return s_link_make(self);
    case FSP_COMMAND_LINK_DROP:
        return s_link_drop(self);
    case FSP_COMMAND_LINK_USE:
        return s_link_use(self);
    case FSP_COMMAND_SPACE_STATE:
        return s_space_state(self);
    case FSP_COMMAND_GC_OPEN:
        return s_gc_open(self);
    case FSP_COMMAND_GC_CLOSE:
        self->unchanged = true;
        return self->command->access.value > self->space->info.epoch ? FSP_MISMATCH : FSP_OK;
    default:
        return FSP_UNSUPPORTED; /* not modelled */
    }
}

fsp_status_t
model_apply_shard_wide(model_t *self, const fsp_command_t *command, fsp_result_t *ret)
{
    uint64_t value = command->access.value;
    if (!fsp_subject_id_is_zero(command->subject))
        return FSP_FORBIDDEN;
    switch (command->type) {
    case FSP_COMMAND_SUBJECT_FLOOR:
        if (value > self->subject_floor)
            self->subject_floor = value;
        ret->number = self->subject_floor;
        return FSP_OK;
    case FSP_COMMAND_LEVEL_RAISE:
        if (value > self->feature_level && value - self->feature_level > 1)
            return FSP_MISMATCH;
        if (value > self->feature_level)
            self->feature_level = value;
        ret->number = self->feature_level;
        return FSP_OK;
    case FSP_COMMAND_TIME_CONFIRM:
        if (self->jump_time && self->jump_time != value)
            return FSP_MISMATCH;
        self->jump_time = 0;
        return FSP_OK;
    default:
        return FSP_UNSUPPORTED; /* not modelled */
    }
}
