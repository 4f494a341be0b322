/* SPDX-License-Identifier: MIT */
/* query_list - LIST: the entries of a directory.  Layer core/meta.  Pure.
 *
 * An entry names a node, and most of what is told of it stands in the node's row.  Entries lie in
 * the order of names, nodes in that of ids, and gateways make ids that rise with time: the nodes of
 * what was made together lie together, though seldom quite in the order of names.  So entries are
 * taken many at a time, and their nodes read in the order of ids, by one cursor as long as the next
 * node is a few steps ahead: a step takes a sixth of the time of a read by key.  Where names were
 * made at different times that does not pay: after a few jumps of the cursor in vain, the rest of
 * the page is read by key.
 */
#include "core/meta/query_list.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/namespace.h"

#include <stdlib.h>

enum {
    TAKEN_MAX = 256,      /* entries at a time */
    CURSOR_TAKEN_MIN = 8, /* fewer are read by key */
    STEPS_MAX = 8,        /* so many cost as much as one read by key */
    JUMPS_FREE = 2,       /* ... and one for each HITS_PER_JUMP nodes found a few steps ahead */
    HITS_PER_JUMP = 4,
};

/* An entry on its way into the answer. */
typedef struct {
    fsp_entry_info_t info;   /* name and attr: see below */
    size_t name_at, attr_at; /* in texts, since those may move */
} taken_t;

typedef struct {
    fsp_file_id_t id;
    size_t at; /* of the entry in taken */
} wanted_t;

typedef struct {
    fsp_machine_t *m;
    bool attrs;
    taken_t *taken; /* in the order of names */
    wanted_t *wanted;
    size_t count;
    fsp_buf_t texts;     /* names and attributes, one behind the other */
    fsp_cursor_t *nodes; /* NULL: none yet */
    fsp_row_key_t nodes_to;
    size_t jumps, hits;
    fsp_node_row_t node; /* read last */
} lister_t;

/* -- nodes ------------------------------------------------------------------------------------- */

/* Moves the cursor to `key`; false if that is behind it, too far ahead or nowhere. */
static bool
step_to(lister_t *self, fsp_slice_t key)
{
    fsp_cursor_t *cursor = self->nodes;
    for (size_t steps = 0; cursor->valid; steps++) {
        int order = fsp_slice_cmp(cursor->key, key);
        if (order >= 0 || steps == STEPS_MAX)
            return order == 0;
        fsp_cursor_next(cursor);
    }
    return false;
}

/* False: it does not pay to go on with a cursor, and there is none any more. */
static bool
jump_to(lister_t *self, fsp_slice_t key)
{
    fsp_cursor_destroy(&self->nodes);
    if (self->jumps > JUMPS_FREE + self->hits / HITS_PER_JUMP)
        return false;
    self->jumps++;
    self->nodes = fsp_view_scan(self->m->view, key, fsp_row_key_slice(&self->nodes_to));
    return true;
}

static fsp_status_t
read_node(lister_t *self, fsp_file_id_t id)
{
    fsp_machine_t *m = self->m;
    if (self->count < CURSOR_TAKEN_MIN)
        return fsp_machine_need_node(m, id, &self->node);
    fsp_row_key_t row_key = fsp_machine_key(m, FSP_TABLE_NODE);
    fsp_row_key_add(&row_key, FSP_SLICE_OF(id));
    fsp_slice_t key = fsp_row_key_slice(&row_key);
    bool there = self->nodes && step_to(self, key);
    if (self->nodes && self->nodes->status)
        return fsp_machine_fail(m, self->nodes->status);
    if (there)
        self->hits++;
    else if (!jump_to(self, key))
        return fsp_machine_need_node(m, id, &self->node);
    const fsp_cursor_t *cursor = self->nodes;
    if (cursor->status)
        return fsp_machine_fail(m, cursor->status);
    if (!cursor->valid || !fsp_slice_eq(cursor->key, key) ||
        fsp_node_row_decode(cursor->value, &self->node))
        return fsp_machine_fail(m, FSP_DAMAGED);
    return FSP_OK;
}

static int
by_id(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(fsp_file_id_t)); /* the first member */
}

/* What the nodes say of the entries. */
static fsp_status_t
fill(lister_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->wanted[i] = (wanted_t){.id = self->taken[i].info.file_id, .at = i};
    qsort(self->wanted, self->count, sizeof(*self->wanted), by_id);
    for (size_t i = 0; i < self->count; i++) {
        fsp_status_t status = read_node(self, self->wanted[i].id);
        if (status)
            return status;
        const fsp_node_row_t *node = &self->node;
        taken_t *taken = &self->taken[self->wanted[i].at];
        taken->info.size = node->size;
        taken->info.modified = node->content_time;
        taken->info.head_count = node->head_count;
        if (node->head_count) {
            taken->info.version_id = node->heads[0].id;
            taken->info.number = node->heads[0].number;
        }
        if (self->attrs && node->attr_bytes) {
            taken->attr_at = self->texts.bytes;
            taken->info.attr.bytes = node->attr_bytes;
            fsp_buf_append(&self->texts, node->attr, node->attr_bytes);
        }
    }
    FSP_ASSERT(fsp_buf_ok(&self->texts));
    return FSP_OK;
}

/* -- entries ----------------------------------------------------------------------------------- */

/* Takes the entries where the cursor stands, at most so many. */
static fsp_status_t
take(lister_t *self, fsp_cursor_t *cursor, size_t count_max)
{
    const size_t name_at = FSP_ROW_PREFIX_BYTES + sizeof(fsp_file_id_t);
    self->count = 0;
    fsp_buf_reset(&self->texts);
    for (; cursor->valid && self->count < count_max; fsp_cursor_next(cursor)) {
        fsp_entry_row_t row;
        if (cursor->key.bytes <= name_at || fsp_entry_row_decode(cursor->value, &row))
            return fsp_machine_fail(self->m, FSP_DAMAGED);
        fsp_slice_t name = fsp_slice(cursor->key.data + name_at, cursor->key.bytes - name_at);
        if (!fsp_name_valid(name))
            return fsp_machine_fail(self->m, FSP_DAMAGED);
        self->taken[self->count++] =
            (taken_t){.info = {.name = name, .kind = row.kind, .file_id = row.id},
                      .name_at = self->texts.bytes};
        fsp_buf_append_slice(&self->texts, name);
    }
    return cursor->status ? fsp_machine_fail(self->m, cursor->status) : FSP_OK;
}

/* Into the answer, as far as they fit. */
static bool
give(lister_t *self, fsp_answering_t *answering)
{
    for (size_t i = 0; i < self->count; i++) {
        taken_t *taken = &self->taken[i];
        taken->info.name.data = self->texts.data + taken->name_at;
        taken->info.attr.data = self->texts.data + taken->attr_at;
        if (!fsp_answering_add_entry(answering, &taken->info))
            return false;
    }
    return true;
}

static fsp_status_t
list_entries(lister_t *self, fsp_cursor_t *cursor, size_t limit, fsp_answering_t *answering)
{
    while (cursor->valid) {
        size_t left = limit - answering->count;
        if (left == 0) {
            answering->more = true;
            break;
        }
        fsp_status_t status = take(self, cursor, left < TAKEN_MAX ? left : TAKEN_MAX);
        if (status == FSP_OK)
            status = fill(self);
        if (status)
            return status;
        if (!give(self, answering))
            break;
    }
    return cursor->status ? fsp_machine_fail(self->m, cursor->status) : FSP_OK;
}

/* -- the range --------------------------------------------------------------------------------- */

/* Keys of a directory's entries from max(prefix, after) to the end of prefix. */
static void
list_range(const fsp_machine_t *m, fsp_file_id_t directory_id, const fsp_query_t *query,
           fsp_row_key_t *ret_from, fsp_row_key_t *ret_to)
{
    static const uint8_t nul[1] = {0};
    fsp_row_key_t key = fsp_machine_key(m, FSP_TABLE_ENTRY);
    fsp_row_key_add(&key, FSP_SLICE_OF(directory_id));
    *ret_from = key;
    *ret_to = key;
    fsp_row_key_add(ret_to, query->prefix);
    fsp_row_key_to_prefix_end(ret_to);
    if (query->after.bytes && fsp_slice_cmp(query->after, query->prefix) >= 0) {
        fsp_row_key_add(ret_from, query->after);
        fsp_row_key_add(ret_from, fsp_slice(nul, sizeof(nul))); /* the next possible name */
    } else {
        fsp_row_key_add(ret_from, query->prefix);
    }
}

fsp_status_t
fsp_query_list(fsp_machine_t *m, const fsp_query_t *query, fsp_answering_t *answering)
{
    FSP_PRE(query->limit > 0);
    fsp_found_t found;
    fsp_status_t status = fsp_namespace_find(m, &query->target, &found);
    if (status)
        return status;
    if (found.node.kind != FSP_KIND_DIRECTORY)
        return FSP_NOT_DIRECTORY;
    fsp_row_key_t from, to;
    list_range(m, found.id, query, &from, &to);
    if (fsp_slice_cmp(fsp_row_key_slice(&from), fsp_row_key_slice(&to)) >= 0)
        return FSP_OK;
    size_t taken_max = query->limit < TAKEN_MAX ? query->limit : TAKEN_MAX;
    lister_t *lister = FSP_NEW(lister_t);
    lister->m = m;
    lister->attrs = query->attrs;
    lister->taken = fsp_alloc_array(taken_max, sizeof(taken_t));
    lister->wanted = fsp_alloc_array(taken_max, sizeof(wanted_t));
    lister->nodes_to = fsp_machine_key(m, FSP_TABLE_NODE);
    fsp_row_key_to_prefix_end(&lister->nodes_to);
    fsp_buf_init(&lister->texts, taken_max * (FSP_NAME_BYTES_MAX + FSP_ATTR_BYTES_MAX));
    fsp_cursor_t *cursor = fsp_view_scan(m->view, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    status = list_entries(lister, cursor, query->limit, answering);
    fsp_cursor_destroy(&cursor);
    fsp_cursor_destroy(&lister->nodes);
    fsp_buf_clear(&lister->texts);
    fsp_free(lister->wanted);
    fsp_free(lister->taken);
    fsp_free(lister);
    return status;
}
