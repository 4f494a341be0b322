/* SPDX-License-Identifier: MIT */
/* model_tree - trees as arrays of node states, and ways through them.  Layer tests. */
#include "tests/sim/model_parts.h"

void
model_tree_copy(model_tree_t *to, const model_tree_t *from)
{
    *to = (model_tree_t){.count = from->count, .capacity = from->count + 8};
    to->nodes = fsp_alloc_raw(to->capacity * sizeof(to->nodes[0]));
    if (from->count)
        memcpy(to->nodes, from->nodes, from->count * sizeof(to->nodes[0]));
}

const model_node_t *
model_tree_find(const model_tree_t *self, fsp_file_id_t id)
{
    for (size_t i = 0; i < self->count; i++)
        if (fsp_file_id_eq(self->nodes[i]->id, id))
            return self->nodes[i];
    return NULL;
}

const model_node_t *
model_tree_child(const model_tree_t *self, fsp_file_id_t directory_id, fsp_slice_t name)
{
    for (size_t i = 0; i < self->count; i++) {
        const model_node_t *node = self->nodes[i];
        if (fsp_file_id_eq(node->parent_id, directory_id) && node->name_bytes == name.bytes &&
            memcmp(node->name_data, name.data, name.bytes) == 0)
            return node;
    }
    return NULL;
}

bool
model_tree_is_empty(const model_tree_t *self, fsp_file_id_t directory_id)
{
    for (size_t i = 0; i < self->count; i++)
        if (fsp_file_id_eq(self->nodes[i]->parent_id, directory_id))
            return false;
    return true;
}

void
model_tree_put(model_tree_t *self, const model_node_t *node)
{
    for (size_t i = 0; i < self->count; i++)
        if (fsp_file_id_eq(self->nodes[i]->id, node->id)) {
            self->nodes[i] = node;
            return;
        }
    if (self->count == self->capacity) {
        self->capacity = 2 * self->capacity + 8;
        self->nodes = fsp_realloc(self->nodes, self->capacity * sizeof(self->nodes[0]));
    }
    self->nodes[self->count++] = node;
}

void
model_tree_remove(model_tree_t *self, fsp_file_id_t id)
{
    for (size_t i = 0; i < self->count; i++)
        if (fsp_file_id_eq(self->nodes[i]->id, id)) {
            self->nodes[i] = self->nodes[--self->count];
            return;
        }
}

fsp_status_t
model_walk(const model_tree_t *tree, fsp_file_id_t start, fsp_slice_t path, fsp_file_id_t avoid,
           model_walk_t *ret)
{
    ret->directory = model_tree_find(tree, start);
    ret->node = ret->directory;
    ret->name = fsp_slice(NULL, 0);
    ret->missing_count = 0;
    fsp_slice_t name;
    while (fsp_path_next(&path, &name)) {
        if (ret->name.bytes) { /* the name before this one was not the last */
            if (!ret->node) {
                ret->missing[ret->missing_count++] = ret->name;
            } else {
                if (ret->node->kind != FSP_KIND_DIRECTORY)
                    return FSP_NOT_DIRECTORY;
                if (fsp_file_id_eq(ret->node->id, avoid))
                    return FSP_CYCLE;
                ret->directory = ret->node;
            }
        }
        ret->name = name;
        ret->node = ret->missing_count ? NULL : model_tree_child(tree, ret->directory->id, name);
    }
    return FSP_OK;
}

void
model_place_of(const model_space_t *space, const model_tree_t *tree, const model_node_t *node,
               model_place_t *ret)
{
    size_t at = sizeof(ret->text), depth = 0;
    ret->node = node;
    ret->fixed = ret->trashed = ret->deep = false;
    ret->path = fsp_slice(NULL, 0);
    while (!fsp_file_id_is_zero(node->parent_id)) {
        if (++depth > FSP_PATH_DEPTH_MAX || node->name_bytes + 1 > at) {
            ret->deep = true;
            return;
        }
        at -= node->name_bytes;
        memcpy(ret->text + at, node->name_data, node->name_bytes);
        ret->text[--at] = '/';
        node = model_tree_find(tree, node->parent_id);
    }
    ret->fixed = depth == 0;
    ret->trashed = fsp_file_id_eq(node->id, space->info.trash_id);
    if (ret->trashed)
        return;
    if (depth == 0)
        ret->text[--at] = '/';
    ret->path = fsp_slice(ret->text + at, sizeof(ret->text) - at);
}

fsp_status_t
model_find(const model_space_t *space, const model_tree_t *tree, const fsp_target_t *target,
           model_place_t *ret)
{
    if (target->path.bytes == 0) {
        const model_node_t *node = model_tree_find(tree, target->id);
        if (!node || model_is_purging(tree, node))
            return FSP_NOT_FOUND;
        model_place_of(space, tree, node, ret);
        return FSP_OK;
    }
    model_walk_t walk;
    fsp_status_t status =
        model_walk(tree, space->info.root_id, target->path, (fsp_file_id_t){{0}}, &walk);
    if (status)
        return status;
    if (!walk.node)
        return FSP_NOT_FOUND;
    *ret = (model_place_t){.node = walk.node, .fixed = walk.name.bytes == 0, .path = target->path};
    return FSP_OK;
}

model_version_t *
model_version_of(const model_node_t *node, fsp_version_id_t id)
{
    for (model_version_t *v = node->newest; v; v = v->older)
        if (fsp_version_id_eq(v->info.id, id))
            return v;
    return NULL;
}

const model_node_t *
model_owner_of(const model_tree_t *tree, fsp_version_id_t id)
{
    for (size_t i = 0; i < tree->count; i++)
        if (model_version_of(tree->nodes[i], id))
            return tree->nodes[i];
    return NULL;
}
