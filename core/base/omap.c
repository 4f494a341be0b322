/* SPDX-License-Identifier: MIT */
/* omap - ordered map from bytes to bytes, in memory.  Layer core/base.
 *
 * A B-tree over rows that lie elsewhere and never move: a row is one allocation with its key, its
 * value where that fits, and a link to the row after it, so that an iterator is one pointer.  Keys
 * of one table share 25 bytes and more; therefore a node keeps what all its keys share once
 * (`prefix`), and of each key the eight bytes behind that as a number (`heads`).  A search compares
 * numbers that lie side by side and looks at a row's own bytes only where two are equal.
 *
 * Why not a skip list, which this was: at a million rows a search there touches some 25 rows, each
 * two cache misses away; here it touches five nodes and one row (bench/README.md, apply).
 *
 * Invariants: an inner node names for each child the first row below it, exactly; no node but an
 * empty root is empty; a node that falls below FANOUT_MIN is merged with a neighbour that has room.
 */
#include "core/base/omap.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

enum {
    FANOUT = 64,
    FANOUT_MIN = 16,
    MERGED_MAX = 48, /* so that the next insertion does not split again what was merged */
    PREFIX_BYTES = 60,
    DEPTH_MAX = 24, /* a level more takes 8 times the insertions that the one before took */
    HEAD_BYTES = sizeof(uint64_t),
};

typedef struct item item_t;

struct item {
    fsp_omap_row_t row; /* first, so that a row is its item */
    item_t *after;
    size_t room;    /* for a value, behind the key; a longer one has its own allocation */
    uint8_t data[]; /* the key, then room */
};

typedef struct node node_t;

struct node {
    uint16_t count;
    bool leaf;
    uint8_t skip; /* bytes that all keys here begin with; in prefix, and left out of heads */
    uint8_t prefix[PREFIX_BYTES];
    uint64_t heads[FANOUT];
    item_t *items[FANOUT]; /* of a leaf: its rows; else the first row below each child */
    node_t *children[];    /* FANOUT, none in a leaf */
};

struct fsp_omap {
    node_t *root; /* NULL before the first row */
    item_t *first;
    size_t count;
    size_t bytes; /* of all keys and values */
};

/* The way from the root to a leaf. */
typedef struct {
    struct {
        node_t *node;
        size_t at; /* the child that was taken; in the leaf the place of the key */
    } steps[DEPTH_MAX];
    size_t depth; /* steps; the last one is the leaf */
    bool found;   /* the key is there */
} path_t;

fsp_omap_t *
fsp_omap_new(void)
{
    return FSP_NEW(fsp_omap_t);
}

/* -- nodes ------------------------------------------------------------------------------------- */

static node_t *
new_node(bool leaf)
{
    node_t *node = fsp_alloc_raw(sizeof(node_t) + (leaf ? 0 : FANOUT * sizeof(node_t *)));
    node->count = 0;
    node->leaf = leaf;
    node->skip = 0;
    return node;
}

/* The eight bytes of a key from `skip` on as a number, zeros behind its end.  Where two such
   numbers differ, they are in the order of the keys; equal ones say nothing, since zeros may be
   bytes. */
static uint64_t
head_of(fsp_slice_t key, size_t skip)
{
    if (key.bytes >= skip + HEAD_BYTES)
        return fsp_load_u64(key.data + skip);
    uint8_t padded[HEAD_BYTES] = {0};
    if (key.bytes > skip)
        memcpy(padded, key.data + skip, key.bytes - skip);
    return fsp_load_u64(padded);
}

static size_t
common_bytes(fsp_slice_t a, fsp_slice_t b)
{
    size_t most = a.bytes < b.bytes ? a.bytes : b.bytes;
    if (most > PREFIX_BYTES)
        most = PREFIX_BYTES;
    size_t bytes = 0;
    while (bytes < most && a.data[bytes] == b.data[bytes])
        bytes++;
    return bytes;
}

/* Prefix and heads anew: all keys lie between the first and the last and share what these share. */
static void
rehead(node_t *node)
{
    fsp_slice_t first = node->items[0]->row.key;
    size_t skip = common_bytes(first, node->items[node->count - 1]->row.key);
    node->skip = (uint8_t)skip;
    if (skip)
        memcpy(node->prefix, first.data, skip);
    for (size_t i = 0; i < node->count; i++)
        node->heads[i] = head_of(node->items[i]->row.key, skip);
}

/* By words, without a call: nearly always it has. */
static inline bool
has_prefix(const node_t *node, fsp_slice_t key)
{
    size_t skip = node->skip;
    if (key.bytes < skip)
        return false;
    if (skip < sizeof(uint64_t))
        return skip == 0 || memcmp(key.data, node->prefix, skip) == 0;
    uint64_t differ = 0;
    for (size_t i = 0; i + sizeof(uint64_t) < skip; i += sizeof(uint64_t))
        differ |= fsp_load_u64(key.data + i) ^ fsp_load_u64(node->prefix + i);
    size_t last = skip - sizeof(uint64_t);
    differ |= fsp_load_u64(key.data + last) ^ fsp_load_u64(node->prefix + last);
    return differ == 0;
}

/* The entry at `at` has a new key. */
static void
head_entry(node_t *node, size_t at)
{
    fsp_slice_t key = node->items[at]->row.key;
    if (has_prefix(node, key))
        node->heads[at] = head_of(key, node->skip);
    else
        rehead(node);
}

static void
add_entry(node_t *node, size_t at, item_t *item, node_t *child)
{
    FSP_ASSERT(node->count < FANOUT && at <= node->count);
    size_t behind = node->count - at;
    memmove(node->heads + at + 1, node->heads + at, behind * sizeof(node->heads[0]));
    memmove(node->items + at + 1, node->items + at, behind * sizeof(node->items[0]));
    node->items[at] = item;
    if (!node->leaf) {
        memmove(node->children + at + 1, node->children + at, behind * sizeof(node->children[0]));
        node->children[at] = child;
    }
    node->count++;
    if (node->count == 1)
        rehead(node);
    else
        head_entry(node, at);
}

static void
drop_entry(node_t *node, size_t at)
{
    size_t behind = --node->count - at;
    memmove(node->heads + at, node->heads + at + 1, behind * sizeof(node->heads[0]));
    memmove(node->items + at, node->items + at + 1, behind * sizeof(node->items[0]));
    if (!node->leaf)
        memmove(node->children + at, node->children + at + 1, behind * sizeof(node->children[0]));
}

/* Entries from..count of `from_node` go behind those of `to`. */
static void
move_entries(node_t *from_node, size_t from, node_t *to)
{
    size_t count = from_node->count - from;
    FSP_ASSERT(to->count + count <= FANOUT);
    memcpy(to->items + to->count, from_node->items + from, count * sizeof(to->items[0]));
    if (!to->leaf)
        memcpy(to->children + to->count, from_node->children + from,
               count * sizeof(to->children[0]));
    to->count = (uint16_t)(to->count + count);
    from_node->count = (uint16_t)from;
    rehead(to);
    if (from > 0)
        rehead(from_node);
}

/* Recursive, at most DEPTH_MAX deep. */
static void
free_nodes(node_t *node)
{
    if (!node->leaf)
        for (size_t i = 0; i < node->count; i++)
            free_nodes(node->children[i]);
    fsp_free(node);
}

/* Makes a map empty whose items are gone. */
static void
drop_nodes(fsp_omap_t *self)
{
    self->count = 0;
    self->bytes = 0;
    if (!self->root)
        return;
    if (self->root->leaf) {
        self->root->count = 0; /* a transaction ends with each command: it keeps its one node */
        return;
    }
    free_nodes(self->root);
    self->root = NULL;
}

/* -- searching --------------------------------------------------------------------------------- */

/* How many keys of the node are below `key`; *ret_found if the next one is equal. */
static size_t
lower_bound(const node_t *node, fsp_slice_t key, bool *ret_found)
{
    *ret_found = false;
    size_t skip = node->skip;
    if (!has_prefix(node, key)) {
        /* Then it lies on one side of all keys; the prefix itself is on the lower one. */
        int order = fsp_slice_cmp(key, fsp_slice(node->prefix, skip));
        FSP_ASSERT(order != 0);
        return order < 0 ? 0 : node->count;
    }
    uint64_t head = head_of(key, skip);
    size_t low = 0, high = node->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (node->heads[middle] != head) {
            if (node->heads[middle] < head)
                low = middle + 1;
            else
                high = middle;
            continue;
        }
        int order = fsp_slice_cmp(node->items[middle]->row.key, key);
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Place of the child below which the key is or belongs. */
static size_t
child_for(const node_t *node, fsp_slice_t key)
{
    bool found;
    size_t at = lower_bound(node, key, &found);
    at = found || at == 0 ? at : at - 1;
    /* What the search in it reads, asked for at once: in a large map these are cache misses. */
    const uint8_t *child = (const uint8_t *)node->children[at];
    for (size_t line = 0; line < offsetof(node_t, items) + 64; line += 64)
        __builtin_prefetch(child + line);
    return at;
}

/* First item with a key >= key. */
static item_t *
find(const fsp_omap_t *self, fsp_slice_t key, bool *ret_found)
{
    *ret_found = false;
    const node_t *node = self->root;
    if (!node || node->count == 0)
        return NULL;
    while (!node->leaf)
        node = node->children[child_for(node, key)];
    size_t at = lower_bound(node, key, ret_found);
    return at < node->count ? node->items[at] : node->items[at - 1]->after;
}

/* The way to a key in a tree that has a root. */
static void
trace(const fsp_omap_t *self, fsp_slice_t key, path_t *ret)
{
    node_t *node = self->root;
    ret->depth = 0;
    for (;;) {
        FSP_ASSERT(ret->depth < DEPTH_MAX);
        ret->steps[ret->depth].node = node;
        if (node->leaf)
            break;
        size_t at = child_for(node, key);
        ret->steps[ret->depth++].at = at;
        node = node->children[at];
    }
    ret->steps[ret->depth++].at = lower_bound(node, key, &ret->found);
}

/* -- rows -------------------------------------------------------------------------------------- */

static item_t *
new_item(fsp_slice_t key, size_t room)
{
    FSP_PRE(key.bytes <= SIZE_MAX - sizeof(item_t) - room);
    item_t *item = fsp_alloc_raw(sizeof(item_t) + key.bytes + room);
    if (key.bytes)
        memcpy(item->data, key.data, key.bytes);
    item->row = (fsp_omap_row_t){.key = fsp_slice(item->data, key.bytes)};
    item->room = room;
    return item;
}

static bool
value_is_apart(const item_t *item)
{
    return item->row.value.bytes > item->room;
}

static void
free_item(item_t *item)
{
    if (value_is_apart(item))
        fsp_free((void *)(uintptr_t)item->row.value.data);
    fsp_free(item);
}

static void
set_value(item_t *item, fsp_slice_t value)
{
    uint8_t *old = value_is_apart(item) ? (uint8_t *)(uintptr_t)item->row.value.data : NULL;
    uint8_t *to = NULL;
    if (value.bytes > item->room)
        to = fsp_alloc_raw(value.bytes);
    else if (value.bytes)
        to = item->data + item->row.key.bytes;
    /* Copied before the old one is freed: value may be a slice of it. */
    if (value.bytes)
        memmove(to, value.data, value.bytes);
    fsp_free(old);
    item->row.value = fsp_slice(to, value.bytes);
}

/* The last item before the place that a path leads to, NULL if that is the first of all. */
static item_t *
item_before(const path_t *path)
{
    size_t depth = path->depth - 1;
    if (path->steps[depth].at > 0)
        return path->steps[depth].node->items[path->steps[depth].at - 1];
    while (depth > 0 && path->steps[depth - 1].at == 0)
        depth--;
    if (depth == 0)
        return NULL;
    const node_t *node = path->steps[depth - 1].node->children[path->steps[depth - 1].at - 1];
    while (!node->leaf)
        node = node->children[node->count - 1];
    return node->items[node->count - 1];
}

/* Where the link to the item of a path stands, or is to stand. */
static item_t **
link_to(fsp_omap_t *self, const path_t *path)
{
    item_t *before = item_before(path);
    return before ? &before->after : &self->first;
}

/* -- growing ----------------------------------------------------------------------------------- */

/* Halves the full node at `depth` of the path, and those above it that are full too. */
static void
split(fsp_omap_t *self, const path_t *path, size_t depth)
{
    node_t *node = path->steps[depth].node;
    if (depth == 0) {
        node_t *root = new_node(false);
        add_entry(root, 0, node->items[0], node);
        self->root = root;
        node_t *right = new_node(node->leaf);
        move_entries(node, FANOUT / 2, right);
        add_entry(root, 1, right->items[0], right);
        return;
    }
    node_t *parent = path->steps[depth - 1].node;
    FSP_ASSERT(parent->count < FANOUT);
    node_t *right = new_node(node->leaf);
    move_entries(node, FANOUT / 2, right);
    add_entry(parent, path->steps[depth - 1].at + 1, right->items[0], right);
}

/* Makes room for one more in the leaf of the path, which is that of key, and finds the way again.
 */
static void
make_room(fsp_omap_t *self, fsp_slice_t key, path_t *path)
{
    while (path->steps[path->depth - 1].node->count == FANOUT) {
        /* The highest of the full nodes above the leaf that hang together: it has room above it. */
        size_t depth = path->depth - 1;
        while (depth > 0 && path->steps[depth - 1].node->count == FANOUT)
            depth--;
        split(self, path, depth);
        trace(self, key, path);
    }
}

/* The first row below the node at `depth` may be another one now: those above say so. */
static void
rename_first(const path_t *path, size_t depth)
{
    for (; depth > 0; depth--) {
        node_t *parent = path->steps[depth - 1].node;
        size_t at = path->steps[depth - 1].at;
        item_t *first = path->steps[depth].node->items[0];
        if (parent->items[at] == first)
            return;
        parent->items[at] = first;
        head_entry(parent, at);
    }
}

/* Puts an item into the place that the path of its key leads to; counts its key only. */
static void
insert(fsp_omap_t *self, item_t *item, path_t *path)
{
    fsp_slice_t key = item->row.key;
    make_room(self, key, path);
    node_t *leaf = path->steps[path->depth - 1].node;
    size_t at = path->steps[path->depth - 1].at;
    item_t **link = link_to(self, path);
    item->after = *link;
    *link = item;
    add_entry(leaf, at, item, NULL);
    if (at == 0)
        rename_first(path, path->depth - 1);
    self->count++;
    self->bytes += key.bytes;
    FSP_CHECK_SLOW(!item_before(path) || fsp_slice_cmp(item_before(path)->row.key, key) < 0);
    FSP_CHECK_SLOW(!item->after || fsp_slice_cmp(key, item->after->row.key) < 0);
}

/* The item that a path found. */
static item_t *
found_item(const path_t *path)
{
    return path->steps[path->depth - 1].node->items[path->steps[path->depth - 1].at];
}

/* The way to a key; makes the root of an empty map. */
static void
trace_new(fsp_omap_t *self, fsp_slice_t key, path_t *ret)
{
    if (!self->root)
        self->root = new_node(true);
    trace(self, key, ret);
}

static void
put_at(fsp_omap_t *self, item_t *item, fsp_slice_t value, uint64_t tag, bool deleted)
{
    self->bytes -= item->row.value.bytes;
    self->bytes += value.bytes;
    set_value(item, value);
    item->row.tag = tag;
    item->row.deleted = deleted;
}

static void
put_row(fsp_omap_t *self, fsp_slice_t key, fsp_slice_t value, uint64_t tag, bool deleted)
{
    FSP_PRE(self != NULL);
    FSP_PRE(key.data != NULL || key.bytes == 0);
    FSP_PRE(value.data != NULL || value.bytes == 0);
    path_t path;
    trace_new(self, key, &path);
    item_t *item = path.found ? found_item(&path) : new_item(key, value.bytes);
    if (!path.found)
        insert(self, item, &path);
    put_at(self, item, value, tag, deleted);
}

void
fsp_omap_put(fsp_omap_t *self, fsp_slice_t key, fsp_slice_t value, uint64_t tag)
{
    put_row(self, key, value, tag, false);
}

void
fsp_omap_put_tombstone(fsp_omap_t *self, fsp_slice_t key, uint64_t tag)
{
    put_row(self, key, fsp_slice(NULL, 0), tag, true);
}

void
fsp_omap_take(fsp_omap_t *self, fsp_omap_t *from, uint64_t tag)
{
    FSP_PRE(self != NULL && from != NULL && self != from);
    for (item_t *item = from->first; item;) {
        item_t *after = item->after;
        path_t path;
        trace_new(self, item->row.key, &path);
        if (path.found) {
            put_at(self, found_item(&path), item->row.value, tag, item->row.deleted);
            free_item(item);
        } else {
            insert(self, item, &path);
            self->bytes += item->row.value.bytes;
            item->row.tag = tag;
        }
        item = after;
    }
    from->first = NULL;
    drop_nodes(from);
}

/* -- shrinking --------------------------------------------------------------------------------- */

/* Merges a child with few entries and a neighbour of it, if one node has room for both. */
static void
merge(node_t *parent, size_t at)
{
    if (parent->count < 2)
        return;
    size_t left_at = at + 1 < parent->count ? at : at - 1;
    node_t *left = parent->children[left_at];
    node_t *right = parent->children[left_at + 1];
    if (left->count + right->count > MERGED_MAX)
        return;
    move_entries(right, 0, left);
    drop_entry(parent, left_at + 1);
    fsp_free(right);
}

/* One entry of the leaf was dropped: what that means above it. */
static void
settle_path(fsp_omap_t *self, const path_t *path)
{
    for (size_t depth = path->depth - 1; depth > 0; depth--) {
        node_t *node = path->steps[depth].node;
        node_t *parent = path->steps[depth - 1].node;
        size_t at = path->steps[depth - 1].at;
        if (node->count == 0) {
            drop_entry(parent, at);
            fsp_free(node);
            continue;
        }
        if (parent->items[at] != node->items[0]) {
            parent->items[at] = node->items[0];
            head_entry(parent, at);
        }
        if (node->count < FANOUT_MIN)
            merge(parent, at);
    }
    while (!self->root->leaf && self->root->count == 1) {
        node_t *only = self->root->children[0];
        fsp_free(self->root);
        self->root = only;
    }
    FSP_POST(self->root->leaf || self->root->count > 1);
}

void
fsp_omap_remove(fsp_omap_t *self, fsp_slice_t key)
{
    FSP_PRE(self != NULL);
    if (!self->root)
        return;
    path_t path;
    trace(self, key, &path);
    if (!path.found)
        return;
    node_t *leaf = path.steps[path.depth - 1].node;
    size_t at = path.steps[path.depth - 1].at;
    item_t *item = leaf->items[at];
    *link_to(self, &path) = item->after;
    drop_entry(leaf, at);
    settle_path(self, &path);
    self->count--;
    self->bytes -= item->row.key.bytes + item->row.value.bytes;
    free_item(item); /* last: key may be its own */
}

void
fsp_omap_reset(fsp_omap_t *self)
{
    FSP_PRE(self != NULL);
    for (item_t *item = self->first; item;) {
        item_t *after = item->after;
        free_item(item);
        item = after;
    }
    self->first = NULL;
    drop_nodes(self);
}

void
fsp_omap_destroy(fsp_omap_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_omap_t *self = *self_p;
    if (!self)
        return;
    fsp_omap_reset(self);
    fsp_free(self->root);
    fsp_free(self);
    *self_p = NULL;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* A row is the first member of its item. */
static const fsp_omap_row_t *
row_of(const item_t *item)
{
    return item ? &item->row : NULL;
}

const fsp_omap_row_t *
fsp_omap_get(const fsp_omap_t *self, fsp_slice_t key)
{
    FSP_PRE(self != NULL);
    bool found;
    const item_t *item = find(self, key, &found);
    return found ? &item->row : NULL;
}

const fsp_omap_row_t *
fsp_omap_seek(const fsp_omap_t *self, fsp_slice_t from)
{
    FSP_PRE(self != NULL);
    bool found;
    return row_of(find(self, from, &found));
}

const fsp_omap_row_t *
fsp_omap_first(const fsp_omap_t *self)
{
    FSP_PRE(self != NULL);
    return row_of(self->first);
}

const fsp_omap_row_t *
fsp_omap_next(const fsp_omap_row_t *row)
{
    FSP_PRE(row != NULL);
    return row_of(((const item_t *)row)->after);
}

size_t
fsp_omap_count(const fsp_omap_t *self)
{
    FSP_PRE(self != NULL);
    return self->count;
}

size_t
fsp_omap_bytes(const fsp_omap_t *self)
{
    FSP_PRE(self != NULL);
    return self->bytes;
}
