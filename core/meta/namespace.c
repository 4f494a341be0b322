/* SPDX-License-Identifier: MIT */
/* namespace - paths, entries and parents.  Layer core/meta.  Pure. */
#include "core/meta/namespace.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/past.h"

enum { TRASH_NAME_DIGITS = 20, TRASH_COUNT_DIGITS = 4 };

fsp_status_t
fsp_namespace_walk(fsp_machine_t *m, fsp_slice_t path, fsp_file_id_t avoid, fsp_walk_t *ret)
{
    return fsp_namespace_walk_from(m, m->space.root_id, path, avoid, ret);
}

fsp_status_t
fsp_namespace_walk_from(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t path,
                        fsp_file_id_t avoid, fsp_walk_t *ret)
{
    FSP_PRE(ret);
    *ret = (fsp_walk_t){.directory_id = directory_id};
    fsp_slice_t rest = path;
    fsp_slice_t name;
    if (!fsp_path_next(&rest, &name)) {
        ret->found = true;
        ret->entry = (fsp_entry_row_t){.kind = FSP_KIND_DIRECTORY, .id = directory_id};
        return FSP_OK;
    }
    for (;;) {
        /* "/name..." to the end of the path. */
        const uint8_t *slash = name.data - 1;
        fsp_slice_t from_here = fsp_slice(slash, (size_t)(path.data + path.bytes - slash));
        bool last = rest.bytes == 0;
        fsp_status_t status = fsp_machine_get_entry(m, ret->directory_id, name, &ret->entry);
        if (status && status != FSP_NOT_FOUND)
            return status;
        if (status == FSP_NOT_FOUND) {
            fsp_slice_t parents;
            fsp_path_split(from_here, &parents, &ret->name);
            if (!last)
                ret->missing = parents;
            return FSP_OK;
        }
        if (last) {
            ret->name = name;
            ret->found = true;
            return FSP_OK;
        }
        if (ret->entry.kind != FSP_KIND_DIRECTORY)
            return FSP_NOT_DIRECTORY;
        if (fsp_file_id_eq(ret->entry.id, avoid))
            return FSP_CYCLE;
        ret->directory_id = ret->entry.id;
        (void)fsp_path_next(&rest, &name); /* there is one: rest is not empty */
    }
}

/* Prepends "/name" to the text that fills `text` from `at` on.  False if it does not fit. */
static bool
prepend_name(uint8_t *text, size_t *at, fsp_slice_t name)
{
    if (*at < name.bytes + 1)
        return false;
    *at -= name.bytes;
    memcpy(text + *at, name.data, name.bytes);
    text[--*at] = '/';
    return true;
}

/* Walks up from ret->node, which is loaded: path, trashed, deep. */
static fsp_status_t
locate(fsp_machine_t *m, fsp_found_t *ret)
{
    fsp_file_id_t id = ret->id;
    fsp_file_id_t parent_id = ret->node.parent_id;
    fsp_slice_t name = fsp_node_row_name(&ret->node);
    size_t at = sizeof(ret->text);
    fsp_node_row_t above;
    bool fits = true;
    bool purging = ret->node.history.purging;

    for (size_t depth = 0; depth <= FSP_PATH_DEPTH_MAX; depth++) {
        if (purging)
            return FSP_NOT_FOUND;
        if (fsp_file_id_eq(id, m->space.trash_id)) {
            ret->trashed = true;
            return FSP_OK;
        }
        if (fsp_file_id_eq(id, m->space.root_id)) {
            if (!fits) {
                ret->deep = true;
                return FSP_OK;
            }
            if (at == sizeof(ret->text))
                ret->text[--at] = '/';
            ret->path = fsp_slice(ret->text + at, sizeof(ret->text) - at);
            return FSP_OK;
        }
        fits = fits && prepend_name(ret->text, &at, name);
        id = parent_id;
        if (fsp_file_id_is_zero(id))
            return fsp_machine_fail(m, FSP_DAMAGED);
        fsp_status_t status = fsp_machine_need_node(m, id, &above);
        if (status)
            return status;
        parent_id = above.parent_id;
        name = fsp_node_row_name(&above);
        purging = above.history.purging;
    }
    ret->deep = true;
    return FSP_OK;
}

fsp_status_t
fsp_namespace_find(fsp_machine_t *m, const fsp_target_t *target, fsp_found_t *ret)
{
    ret->path = (fsp_slice_t){0};
    ret->trashed = false;
    ret->deep = false;
    fsp_status_t status;
    if (target->path.bytes) {
        fsp_walk_t walk;
        status = fsp_namespace_walk(m, target->path, (fsp_file_id_t){0}, &walk);
        if (status)
            return status;
        if (!walk.found)
            return FSP_NOT_FOUND;
        ret->id = walk.entry.id;
        ret->path = target->path;
        status = fsp_machine_need_node(m, ret->id, &ret->node);
    } else {
        if (fsp_file_id_is_zero(target->id))
            return FSP_NOT_FOUND;
        ret->id = target->id;
        status = fsp_machine_get_node(m, ret->id, &ret->node);
        if (status == FSP_OK)
            status = locate(m, ret);
    }
    ret->fixed =
        fsp_file_id_eq(ret->id, m->space.root_id) || fsp_file_id_eq(ret->id, m->space.trash_id);
    return status;
}

fsp_status_t
fsp_namespace_find_in_trash(fsp_machine_t *m, const fsp_target_t *target, fsp_found_t *ret)
{
    if (target->path.bytes == 0)
        return fsp_namespace_find(m, target, ret);
    fsp_walk_t walk;
    fsp_status_t status =
        fsp_namespace_walk_from(m, m->space.trash_id, target->path, (fsp_file_id_t){0}, &walk);
    if (status)
        return status;
    if (!walk.found)
        return FSP_NOT_FOUND;
    ret->id = walk.entry.id;
    ret->path = (fsp_slice_t){0};
    ret->deep = false;
    ret->trashed = true;
    ret->fixed = fsp_file_id_eq(ret->id, m->space.trash_id);
    return fsp_machine_need_node(m, ret->id, &ret->node);
}

fsp_status_t
fsp_namespace_find_live(fsp_machine_t *m, const fsp_target_t *target, fsp_found_t *ret)
{
    fsp_status_t status = fsp_namespace_find(m, target, ret);
    if (status)
        return status;
    if (ret->trashed) {
        fsp_machine_show(m, ret->id, &ret->node);
        return FSP_TRASHED;
    }
    return ret->deep ? FSP_TOO_LARGE : FSP_OK;
}

fsp_status_t
fsp_namespace_is_empty(fsp_machine_t *m, fsp_file_id_t directory_id, bool *ret_empty)
{
    fsp_row_key_t from = fsp_machine_key(m, FSP_TABLE_ENTRY);
    fsp_row_key_add(&from, FSP_SLICE_OF(directory_id));
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    if (cursor->status)
        return fsp_machine_fail(m, cursor->status);
    *ret_empty = !cursor->valid;
    return FSP_OK;
}

fsp_status_t
fsp_namespace_check_new(fsp_machine_t *m, fsp_file_id_t id)
{
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_NODE);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status == FSP_NOT_FOUND)
        return FSP_OK;
    return status ? status : FSP_INVALID;
}

fsp_status_t
fsp_namespace_make_parents(fsp_machine_t *m, fsp_walk_t *walk, bool create, fsp_file_id_t seed)
{
    if (walk->missing.bytes == 0)
        return FSP_OK;
    if (!create)
        return FSP_NO_PARENT;
    fsp_slice_t rest = walk->missing;
    fsp_slice_t name;
    for (uint32_t k = 1; fsp_path_next(&rest, &name); k++) {
        FSP_ASSERT(m->change.made_count < FSP_PATH_DEPTH_MAX);
        fsp_file_id_t id = fsp_derived_id(seed, k);
        fsp_status_t status = fsp_namespace_check_new(m, id);
        if (status)
            return status;
        fsp_node_row_t node = {.kind = FSP_KIND_DIRECTORY, .content_time = m->time};
        fsp_namespace_attach(m, walk->directory_id, name, id, &node);
        m->change.made_ids[m->change.made_count++] = id;
        walk->directory_id = id;
    }
    walk->missing = (fsp_slice_t){0};
    return FSP_OK;
}

/* Writes entry and node, whatever the node says of its origin. */
static void
place(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name, fsp_file_id_t id,
      fsp_node_row_t *node)
{
    FSP_PRE(name.bytes > 0 && name.bytes <= FSP_NAME_BYTES_MAX);
    FSP_PRE(!fsp_file_id_eq(directory_id, id));
    node->parent_id = directory_id;
    node->name_bytes = name.bytes;
    memmove(node->name, name.data, name.bytes);
    fsp_machine_put_entry(
        m, directory_id, name,
        &(fsp_entry_row_t){.kind = node->kind, .id = id, .since = fsp_machine_next_index(m)});
    fsp_machine_put_node(m, id, node);
}

static void
set_origin(fsp_node_row_t *node, fsp_file_id_t directory_id, fsp_slice_t name)
{
    FSP_PRE(name.bytes <= FSP_NAME_BYTES_MAX);
    node->history.origin_id = directory_id;
    node->history.origin_name_bytes = name.bytes;
    if (name.bytes)
        memcpy(node->history.origin_name, name.data, name.bytes);
}

void
fsp_namespace_attach(fsp_machine_t *m, fsp_file_id_t directory_id, fsp_slice_t name,
                     fsp_file_id_t id, fsp_node_row_t *node)
{
    set_origin(node, (fsp_file_id_t){0}, (fsp_slice_t){0});
    place(m, directory_id, name, id, node);
}

void
fsp_namespace_detach(fsp_machine_t *m, const fsp_node_row_t *node)
{
    FSP_PRE(!fsp_file_id_is_zero(node->parent_id));
    fsp_machine_delete_entry(m, node->parent_id, fsp_node_row_name(node));
}

void
fsp_namespace_remove(fsp_machine_t *m, fsp_file_id_t id, const fsp_node_row_t *node)
{
    FSP_PRE(node->kind == FSP_KIND_DIRECTORY);
    fsp_namespace_detach(m, node);
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_NODE);
    fsp_row_key_add(&key, FSP_SLICE_OF(id));
    fsp_machine_delete(m, &key);
}

static void
write_digits(uint8_t *text, size_t count, uint64_t number)
{
    for (size_t i = count; i-- > 0; number /= 10)
        text[i] = (uint8_t)('0' + number % 10);
    FSP_ASSERT(number == 0); /* 20 digits hold any u64, 4 any item of a batch */
}

void
fsp_namespace_trash(fsp_machine_t *m, fsp_file_id_t id, fsp_node_row_t *node)
{
    FSP_PRE(!fsp_file_id_eq(id, m->space.root_id));
    FSP_PRE(!fsp_file_id_eq(id, m->space.trash_id));
    uint8_t name[TRASH_NAME_DIGITS + 1 + TRASH_COUNT_DIGITS];
    size_t name_bytes = TRASH_NAME_DIGITS;
    write_digits(name, TRASH_NAME_DIGITS, fsp_machine_next_index(m));
    /* A batch may bring several here under one number. */
    if (m->trashed > 0) {
        name[name_bytes++] = '.';
        write_digits(name + name_bytes, TRASH_COUNT_DIGITS, m->trashed);
        name_bytes += TRASH_COUNT_DIGITS;
    }
    m->trashed++;
    fsp_namespace_detach(m, node);
    if (fsp_past_is_kept(m))
        set_origin(node, node->parent_id, fsp_node_row_name(node));
    place(m, m->space.trash_id, fsp_slice(name, name_bytes), id, node);
}
