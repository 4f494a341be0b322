/* SPDX-License-Identifier: MIT */
/* apply_undelete - UNDELETE: out of the trash, to where it was or elsewhere.  Layer core/meta.
   Pure. */
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/apply_history.h"
#include "core/meta/apply_steps.h"
#include "core/meta/changes.h"
#include "core/meta/holds.h"

enum { ITEM_NAME_DIGITS = 20, SUFFIX_BYTES_MAX = 8 };

/* Where the node is to lie: a directory that is there, and its path. */
typedef struct {
    fsp_file_id_t directory_id;
    uint8_t path[FSP_PATH_BYTES_MAX]; /* of the directory; room for the whole */
    size_t path_bytes;                /* 0 for the root */
    uint8_t name[FSP_NAME_BYTES_MAX];
    size_t name_bytes;
} place_t;

static void
set_place(place_t *place, fsp_file_id_t directory_id, fsp_slice_t directory_path, fsp_slice_t name)
{
    bool root = directory_path.bytes == 1;
    place->directory_id = directory_id;
    place->path_bytes = root ? 0 : directory_path.bytes;
    if (place->path_bytes)
        memcpy(place->path, directory_path.data, directory_path.bytes);
    place->name_bytes = name.bytes;
    memcpy(place->name, name.data, name.bytes);
}

/* The place that a path names; its parents are made if they may. */
static fsp_status_t
place_at_path(fsp_machine_t *m, fsp_slice_t path, bool create_parents, fsp_file_id_t ids_seed,
              place_t *ret)
{
    fsp_walk_t walk;
    fsp_status_t status = fsp_namespace_walk(m, path, (fsp_file_id_t){0}, &walk);
    if (status)
        return status;
    if (walk.name.bytes == 0)
        return fsp_apply_refuse(m, &walk, FSP_EXISTS); /* the root */
    status = fsp_namespace_make_parents(m, &walk, create_parents, ids_seed);
    if (status)
        return status;
    fsp_slice_t parents, name;
    fsp_path_split(path, &parents, &name);
    set_place(ret, walk.directory_id, parents, name);
    return FSP_OK;
}

/* The directory that the node was in, wherever that is now. */
static fsp_status_t
place_at_origin(fsp_machine_t *m, const fsp_node_row_t *node, place_t *ret)
{
    fsp_found_t directory;
    fsp_status_t status =
        fsp_namespace_find(m, &(fsp_target_t){.id = node->history.origin_id}, &directory);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_NO_PARENT : status;
    if (directory.trashed)
        return FSP_NO_PARENT;
    if (directory.deep)
        return FSP_TOO_LARGE;
    set_place(ret, directory.id, directory.path,
              fsp_slice(node->history.origin_name, node->history.origin_name_bytes));
    return FSP_OK;
}

/* The number in an item's name; 0 if that is another kind of name. */
static uint64_t
item_number(fsp_slice_t name)
{
    if (name.bytes != ITEM_NAME_DIGITS)
        return 0;
    uint64_t number = 0;
    for (size_t i = 0; i < name.bytes; i++) {
        if (name.data[i] < '0' || name.data[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(name.data[i] - '0');
    }
    return number;
}

/* What went to the trash at level 1 has no origin; the change that did it says where it was. */
static fsp_status_t
path_in_feed(fsp_machine_t *m, const fsp_found_t *found, uint8_t *ret_text, fsp_slice_t *ret)
{
    uint64_t number = item_number(fsp_node_row_name(&found->node));
    if (number == 0 || !fsp_file_id_eq(found->node.parent_id, m->space.trash_id))
        return FSP_NO_PARENT;
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_CHANGE);
    fsp_row_key_add_u64(&key, number);
    fsp_slice_t value;
    fsp_status_t status = fsp_machine_get(m, &key, &value);
    if (status)
        return status == FSP_NOT_FOUND ? FSP_NO_PARENT : status;
    fsp_change_info_t change;
    if (fsp_change_row_decode(value, &change))
        return fsp_machine_fail(m, FSP_DAMAGED);
    if (change.path.bytes == 0 || (!fsp_file_id_eq(change.file_id, found->id) &&
                                   !fsp_file_id_eq(change.displaced_id, found->id)))
        return FSP_NO_PARENT;
    memcpy(ret_text, change.path.data, change.path.bytes);
    *ret = fsp_slice(ret_text, change.path.bytes);
    return FSP_OK;
}

/* `name (n)`, cut to whole characters so that it fits; n 0: the name itself. */
static fsp_slice_t
numbered(const place_t *place, unsigned n, uint8_t *ret_text)
{
    uint8_t digits[SUFFIX_BYTES_MAX];
    size_t at = sizeof(digits);
    if (n > 0) {
        digits[--at] = ')';
        for (; n > 0; n /= 10)
            digits[--at] = (uint8_t)('0' + n % 10);
        digits[--at] = '(';
        digits[--at] = ' ';
    }
    size_t suffix = sizeof(digits) - at;
    size_t bytes = place->name_bytes;
    if (bytes + suffix > FSP_NAME_BYTES_MAX) {
        bytes = FSP_NAME_BYTES_MAX - suffix;
        while (bytes > 0 && (place->name[bytes] & 0xc0) == 0x80)
            bytes--; /* a byte within a character */
    }
    memcpy(ret_text, place->name, bytes);
    if (suffix)
        memcpy(ret_text + bytes, digits + at, suffix);
    return fsp_slice(ret_text, bytes + suffix);
}
static_assert(FSP_UNDELETE_NAMES_MAX < 1000, "three digits");

/* The first name that is free there. */
static fsp_status_t
free_name(fsp_machine_t *m, const place_t *place, uint8_t *ret_text, fsp_slice_t *ret)
{
    fsp_entry_row_t entry;
    for (unsigned n = 0; n <= FSP_UNDELETE_NAMES_MAX; n++) {
        *ret = numbered(place, n, ret_text);
        fsp_status_t status = fsp_machine_get_entry(m, place->directory_id, *ret, &entry);
        if (status)
            return status == FSP_NOT_FOUND ? FSP_OK : status;
    }
    fsp_slice_t name = fsp_slice(place->name, place->name_bytes);
    fsp_status_t status = fsp_machine_get_entry(m, place->directory_id, name, &entry);
    if (status)
        return status;
    fsp_node_row_t node;
    status = fsp_machine_need_node(m, entry.id, &node);
    if (status)
        return status;
    fsp_machine_show(m, entry.id, &node);
    return FSP_EXISTS;
}

/* Into found->text, which the old path does not use any more. */
static fsp_status_t
join_path(const place_t *place, fsp_slice_t name, fsp_found_t *found)
{
    size_t bytes = place->path_bytes + 1 + name.bytes;
    if (bytes > sizeof(found->text))
        return FSP_TOO_LARGE;
    memcpy(found->text, place->path, place->path_bytes);
    found->text[place->path_bytes] = '/';
    memcpy(found->text + place->path_bytes + 1, name.data, name.bytes);
    found->path = fsp_slice(found->text, bytes);
    return fsp_path_check(found->path) ? FSP_TOO_LARGE : FSP_OK;
}

static fsp_status_t
find_place(fsp_machine_t *m, const fsp_found_t *found, fsp_slice_t to, bool create_parents,
           fsp_file_id_t ids_seed, place_t *ret)
{
    if (to.bytes)
        return place_at_path(m, to, create_parents, ids_seed, ret);
    if (found->node.history.origin_name_bytes > 0)
        return place_at_origin(m, &found->node, ret);
    uint8_t text[FSP_PATH_BYTES_MAX];
    fsp_slice_t path;
    fsp_status_t status = path_in_feed(m, found, text, &path);
    return status ? status : place_at_path(m, path, create_parents, ids_seed, ret);
}

fsp_status_t
fsp_apply_take_out(fsp_machine_t *m, fsp_found_t *found, fsp_slice_t to, bool create_parents,
                   fsp_file_id_t ids_seed)
{
    FSP_PRE(found->trashed && !found->fixed);
    place_t place;
    fsp_status_t status = find_place(m, found, to, create_parents, ids_seed, &place);
    if (status)
        return status;
    uint8_t text[FSP_NAME_BYTES_MAX];
    fsp_slice_t name;
    status = free_name(m, &place, text, &name);
    if (status == FSP_OK)
        status = join_path(&place, name, found);
    if (status)
        return status;
    fsp_namespace_detach(m, &found->node);
    fsp_namespace_attach(m, place.directory_id, name, found->id, &found->node);
    found->trashed = false;
    return FSP_OK;
}

fsp_status_t
fsp_apply_undelete(fsp_machine_t *m)
{
    const fsp_history_body_t *body = &m->command->history;
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find_in_trash(m, &body->target, &found);
    if (status)
        return status;
    if (found.fixed)
        return FSP_INVALID;
    if (found.deep)
        return FSP_TOO_LARGE;
    if (!found.trashed) {
        fsp_machine_show(m, found.id, &found.node);
        return FSP_EXISTS;
    }
    status = fsp_holds_check_above(m, found.id, &found.node);
    if (status == FSP_OK)
        status = fsp_apply_take_out(m, &found, body->to.path, body->create_parents, body->ids_seed);
    if (status)
        return status;
    fsp_machine_show(m, found.id, &found.node);
    fsp_apply_note(m, found.node.kind, found.id, found.path, (fsp_slice_t){0});
    m->result.path = m->change.path;
    return FSP_OK;
}
