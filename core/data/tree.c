/* SPDX-License-Identifier: MIT */
/* tree - a file's chunks as a tree.  Layer core/data. */
#include "core/data/tree.h"

#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/data/object.h"

enum {
    FORMAT = 1,
    NODE_FIELDS = 3,
    CHILD_FIELDS = 3,
    PLAIN_FIELDS = 1,
    LEVEL_MAX = FSP_TREE_DEPTH_MAX - 1
};

/* The smallest object: a header and one empty sub-block. */
enum { OBJECT_BYTES_MIN = FSP_OBJECT_HEADER_BYTES + FSP_GCM_TAG_BYTES };

/* -- codec ------------------------------------------------------------------------------------- */

static bool
child_valid(unsigned level, const fsp_child_t *child)
{
    return child->object_bytes >= OBJECT_BYTES_MIN && child->object_bytes <= FSP_OBJECT_BYTES_MAX &&
           child->content_bytes > 0 && (level > 0 || child->content_bytes <= FSP_CHUNK_BYTES_MAX);
}

void
fsp_tree_encode(const fsp_tree_node_t *node, fsp_buf_t *ret_open, fsp_buf_t *ret_plain)
{
    FSP_PRE(node != NULL);
    FSP_PRE(ret_open != NULL);
    FSP_PRE(ret_plain != NULL);
    FSP_PRE(node->level <= LEVEL_MAX);
    FSP_PRE(node->count > 0);
    FSP_PRE(node->count <= FSP_TREE_FANOUT_MAX);
    fsp_canon_array(ret_open, NODE_FIELDS);
    fsp_canon_uint(ret_open, FORMAT);
    fsp_canon_uint(ret_open, node->level);
    fsp_canon_array(ret_open, node->count);
    uint8_t digests[FSP_TREE_FANOUT_MAX * sizeof(fsp_hash_t)];
    for (size_t i = 0; i < node->count; i++) {
        const fsp_child_t *child = &node->children[i];
        FSP_PRE(child_valid(node->level, child));
        fsp_canon_array(ret_open, CHILD_FIELDS);
        fsp_canon_id(ret_open, child->key);
        fsp_canon_uint(ret_open, child->object_bytes);
        fsp_canon_uint(ret_open, child->content_bytes);
        memcpy(digests + i * sizeof(fsp_hash_t), child->digest.bytes, sizeof(fsp_hash_t));
    }
    size_t digest_count = node->level == 0 ? node->count : 0;
    fsp_canon_array(ret_plain, PLAIN_FIELDS);
    fsp_canon_bin(ret_plain, fsp_slice(digests, digest_count * sizeof(fsp_hash_t)));
}

/* Everything but the children, which the reader is then at. */
static size_t
read_front(fsp_canon_t *reader, unsigned *ret_level)
{
    size_t fields = fsp_canon_read_array(reader, 1, 64); /* a newer format may have more */
    uint64_t format = fsp_canon_read_uint(reader, UINT32_MAX);
    if (reader->status == FSP_OK && format > FORMAT)
        fsp_canon_fail(reader, FSP_UNSUPPORTED);
    else if (format != FORMAT || fields != NODE_FIELDS)
        fsp_canon_fail(reader, FSP_INVALID);
    *ret_level = (unsigned)fsp_canon_read_uint(reader, LEVEL_MAX);
    return fsp_canon_read_array(reader, 1, FSP_TREE_FANOUT_MAX);
}

static fsp_child_t
read_child(fsp_canon_t *reader)
{
    fsp_child_t child = {.digest = {{0}}};
    (void)fsp_canon_read_array(reader, CHILD_FIELDS, CHILD_FIELDS);
    fsp_canon_read_id(reader, &child.key);
    child.object_bytes = fsp_canon_read_uint(reader, FSP_OBJECT_BYTES_MAX);
    child.content_bytes = fsp_canon_read_uint(reader, UINT64_MAX);
    return child;
}

/* The open part without a word to the outside. */
static fsp_status_t
check_open(fsp_slice_t open)
{
    fsp_canon_t reader = fsp_canon_reader(open);
    unsigned level;
    size_t count = read_front(&reader, &level);
    uint64_t content_bytes = 0;
    for (size_t i = 0; i < count && reader.status == FSP_OK; i++) {
        fsp_child_t child = read_child(&reader);
        if (reader.status == FSP_OK &&
            (!child_valid(level, &child) || child.content_bytes > UINT64_MAX - content_bytes))
            fsp_canon_fail(&reader, FSP_INVALID);
        content_bytes += child.content_bytes;
    }
    return fsp_canon_finish(&reader);
}

/* The digests in the sealed part, which must be as many as children at level 0 and none above. */
static fsp_status_t
read_digests(fsp_slice_t plain, size_t digest_count, fsp_slice_t *ret_digests)
{
    size_t bytes = digest_count * sizeof(fsp_hash_t);
    fsp_canon_t reader = fsp_canon_reader(plain);
    (void)fsp_canon_read_array(&reader, PLAIN_FIELDS, PLAIN_FIELDS);
    *ret_digests = fsp_canon_read_bin(&reader, bytes);
    if (ret_digests->bytes != bytes)
        fsp_canon_fail(&reader, FSP_INVALID);
    return fsp_canon_finish(&reader);
}

fsp_status_t
fsp_tree_decode(fsp_slice_t open, fsp_slice_t plain, fsp_tree_node_t *ret)
{
    FSP_PRE(ret != NULL);
    if (open.bytes > FSP_OBJECT_OPEN_BYTES_MAX)
        return FSP_TOO_LARGE;
    /* Twice through, so that the output is untouched on failure. */
    fsp_status_t status = check_open(open);
    if (status != FSP_OK)
        return status;
    fsp_canon_t reader = fsp_canon_reader(open);
    unsigned level;
    size_t count = read_front(&reader, &level);
    fsp_slice_t digests = fsp_slice(NULL, 0);
    if (plain.bytes) {
        status = read_digests(plain, level == 0 ? count : 0, &digests);
        if (status != FSP_OK)
            return status;
    }
    ret->level = level;
    ret->count = count;
    for (size_t i = 0; i < count; i++) {
        ret->children[i] = read_child(&reader);
        if (digests.bytes)
            memcpy(ret->children[i].digest.bytes, digests.data + i * sizeof(fsp_hash_t),
                   sizeof(fsp_hash_t));
    }
    FSP_POST(fsp_canon_finish(&reader) == FSP_OK);
    return FSP_OK;
}

/* -- builder ----------------------------------------------------------------------------------- */

/* A root of the highest level waits one level above. */
enum { BUILDER_LEVELS = FSP_TREE_DEPTH_MAX + 1 };

struct fsp_tree_builder {
    fsp_tree_node_t *nodes[BUILDER_LEVELS]; /* unfinished; NULL until the level is used */
    unsigned sealing_count[BUILDER_LEVELS]; /* handed out, their names not yet added above */
    fsp_tree_node_t *lent;                  /* what the last call returned; emptied by the next */
};

fsp_tree_builder_t *
fsp_tree_builder_new(void)
{
    return FSP_NEW(fsp_tree_builder_t);
}

void
fsp_tree_builder_destroy(fsp_tree_builder_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_tree_builder_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < BUILDER_LEVELS; i++)
        fsp_free(self->nodes[i]);
    fsp_free(self);
}

static void
take_back(fsp_tree_builder_t *self)
{
    if (self->lent)
        self->lent->count = 0;
    self->lent = NULL;
}

static const fsp_tree_node_t *
lend(fsp_tree_builder_t *self, unsigned level)
{
    FSP_ASSERT(level <= LEVEL_MAX);
    self->lent = self->nodes[level];
    self->sealing_count[level]++;
    return self->lent;
}

static size_t
count_at(const fsp_tree_builder_t *self, unsigned level)
{
    return self->nodes[level] ? self->nodes[level]->count : 0;
}

/* 88 KiB, of which small files use a child: the rest is not touched. */
static fsp_tree_node_t *
new_node(unsigned level)
{
    fsp_tree_node_t *node = fsp_alloc_raw(sizeof(*node));
    node->level = level;
    node->count = 0;
    return node;
}

/* Room for one child more at a level. */
static fsp_child_t *
add_place(fsp_tree_builder_t *self, unsigned level)
{
    if (!self->nodes[level])
        self->nodes[level] = new_node(level);
    fsp_tree_node_t *node = self->nodes[level];
    FSP_PRE(node->count < FSP_TREE_FANOUT_MAX);
    return &node->children[node->count++];
}

void
fsp_tree_builder_add(fsp_tree_builder_t *self, unsigned level, const fsp_child_t *child)
{
    FSP_PRE(self != NULL);
    FSP_PRE(level < BUILDER_LEVELS);
    FSP_PRE(child != NULL);
    FSP_PRE(child_valid(level, child));
    take_back(self);
    if (level > 0) {
        FSP_PRE(self->sealing_count[level - 1] > 0);
        self->sealing_count[level - 1]--;
    }
    *add_place(self, level) = *child;
}

const fsp_tree_node_t *
fsp_tree_builder_full(fsp_tree_builder_t *self)
{
    FSP_PRE(self != NULL);
    take_back(self);
    for (unsigned level = 0; level <= LEVEL_MAX; level++) {
        if (count_at(self, level) == FSP_TREE_FANOUT_MAX)
            return lend(self, level);
    }
    return NULL;
}

const fsp_tree_node_t *
fsp_tree_builder_close(fsp_tree_builder_t *self, fsp_child_t *ret_root, unsigned *ret_level)
{
    FSP_PRE(self != NULL);
    FSP_PRE(ret_root != NULL);
    FSP_PRE(ret_level != NULL);
    take_back(self);
    unsigned lowest = BUILDER_LEVELS, highest = 0;
    for (unsigned level = 0; level < BUILDER_LEVELS; level++) {
        /* Else a name would come behind one that belongs after it. */
        FSP_PRE(self->sealing_count[level] == 0);
        if (count_at(self, level) == 0)
            continue;
        if (lowest == BUILDER_LEVELS)
            lowest = level;
        highest = level;
    }
    FSP_PRE(lowest < BUILDER_LEVELS); /* a file without a byte is inline */
    if (lowest == highest && count_at(self, lowest) == 1) {
        *ret_root = self->nodes[lowest]->children[0];
        *ret_level = lowest;
        return NULL;
    }
    return lend(self, lowest);
}

bool
fsp_tree_builder_is_settled(const fsp_tree_builder_t *self)
{
    FSP_PRE(self != NULL);
    for (unsigned level = 0; level < BUILDER_LEVELS; level++) {
        if (self->sealing_count[level] > 0)
            return false;
    }
    return true;
}

/* Puts the first `count` children of from in place at its level. */
static void
put_node(fsp_tree_builder_t *self, unsigned level, const fsp_tree_node_t *from, size_t count)
{
    FSP_PRE(self->nodes[level] == NULL);
    if (count == 0)
        return;
    self->nodes[level] = new_node(level);
    self->nodes[level]->count = count;
    memcpy(self->nodes[level]->children, from->children, count * sizeof(from->children[0]));
}

fsp_tree_builder_t *
fsp_tree_builder_copy(const fsp_tree_builder_t *self)
{
    FSP_PRE(fsp_tree_builder_is_settled(self));
    FSP_ASSERT(self->lent == NULL); /* its name has come, and took it back */
    fsp_tree_builder_t *copy = fsp_tree_builder_new();
    for (unsigned level = 0; level < BUILDER_LEVELS; level++) {
        if (self->nodes[level])
            put_node(copy, level, self->nodes[level], self->nodes[level]->count);
    }
    return copy;
}

/* -- resume ------------------------------------------------------------------------------------ */

static uint64_t
content_of(const fsp_tree_node_t *node)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < node->count; i++)
        bytes += node->children[i].content_bytes;
    return bytes;
}

static bool
edge_fits(const fsp_tree_node_t *const *edge, size_t levels, const fsp_child_t *root)
{
    for (size_t level = 0; level < levels; level++) {
        const fsp_tree_node_t *node = edge[level];
        const fsp_tree_node_t *above = level + 1 < levels ? edge[level + 1] : NULL;
        const fsp_child_t *said = root;
        if (above && (above->count == 0 || above->count > FSP_TREE_FANOUT_MAX))
            return false;
        if (above)
            said = &above->children[above->count - 1];
        if (node->level != level || node->count == 0 || node->count > FSP_TREE_FANOUT_MAX ||
            content_of(node) != said->content_bytes)
            return false;
        for (size_t i = 0; i < node->count; i++) {
            if (!child_valid(node->level, &node->children[i]))
                return false;
        }
    }
    return levels > 0 || child_valid(0, root);
}

fsp_status_t
fsp_tree_builder_resume(fsp_tree_builder_t *self, const fsp_tree_node_t *const *edge, size_t levels,
                        const fsp_child_t *root)
{
    FSP_PRE(self != NULL);
    FSP_PRE(levels <= FSP_TREE_DEPTH_MAX);
    FSP_PRE(root != NULL);
    if (!edge_fits(edge, levels, root))
        return FSP_DAMAGED;
    /* What was closed though it was not full is taken apart again; what was full stays a name. */
    bool whole = true;
    for (unsigned level = 0; level < levels; level++) {
        size_t count = edge[level]->count - (whole ? 0 : 1);
        whole = whole && count == FSP_TREE_FANOUT_MAX;
        if (!whole)
            put_node(self, level, edge[level], count);
    }
    if (whole)
        *add_place(self, (unsigned)levels) = *root;
    return FSP_OK;
}

uint64_t
fsp_tree_node_count(uint64_t chunk_count)
{
    uint64_t nodes = 0;
    while (chunk_count > 1) {
        chunk_count = (chunk_count - 1) / FSP_TREE_FANOUT_MAX + 1;
        nodes += chunk_count;
    }
    return nodes;
}
