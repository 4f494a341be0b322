/* SPDX-License-Identifier: MIT */
/* omap - ordered map from bytes to bytes, in memory.  Layer core/base.
 *
 * A skip list (Pugh 1990) with p = 1/4.  One allocation holds a node with its links and its key;
 * the value has its own, because it is replaced more often than the key.  Why not a balanced tree:
 * the same cost, a third of the code, and an iterator is one pointer.
 */
#include "core/base/omap.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"

enum { OMAP_HEIGHT_MAX = 16 /* 4^16 rows before searches get longer than log4 */ };

typedef struct node node_t;

struct node {
    fsp_omap_row_t row; /* first, so that a row is its node */
    uint8_t *value;     /* what row.value points to; NULL if it is empty */
    size_t height;      /* links in next, 1..OMAP_HEIGHT_MAX */
    node_t *next[];     /* then the bytes of the key */
};

struct fsp_omap {
    node_t *head[OMAP_HEIGHT_MAX]; /* first node of each level */
    size_t height;                 /* levels in use */
    size_t count;
    size_t bytes;    /* of all keys and values */
    fsp_prng_t prng; /* heights */
};

/* The links that lead to the place of a key: links[i] points at the pointer of level i. */
typedef struct {
    node_t **links[OMAP_HEIGHT_MAX];
} path_t;

fsp_omap_t *
fsp_omap_new(void)
{
    fsp_omap_t *self = FSP_NEW(fsp_omap_t);
    /* A fixed seed, for equal memory after equal histories.  A peer that chooses keys gains nothing
       by knowing it: heights do not depend on keys.  One that also chooses which rows are deleted
       could, at most, leave a list of low nodes behind; maps live as short as a transaction or a
       pending write. */
    fsp_prng_init(&self->prng, 1);
    return self;
}

void
fsp_omap_reset(fsp_omap_t *self)
{
    FSP_PRE(self != NULL);
    node_t *node = self->head[0];
    while (node) {
        node_t *next = node->next[0];
        fsp_free(node->value);
        fsp_free(node);
        node = next;
    }
    memset(self->head, 0, sizeof(self->head));
    self->height = 0;
    self->count = 0;
    self->bytes = 0;
}

void
fsp_omap_destroy(fsp_omap_t **self_p)
{
    FSP_PRE(self_p != NULL);
    if (!*self_p)
        return;
    fsp_omap_reset(*self_p);
    fsp_free(*self_p);
    *self_p = NULL;
}

/* First node with a key >= key; fills path for the levels in use if it is given. */
static node_t *
find(const fsp_omap_t *self, fsp_slice_t key, path_t *path)
{
    /* The map is not written here; the links are handed to callers that may write it. */
    node_t **links = ((fsp_omap_t *)(uintptr_t)self)->head;
    node_t *known_after = NULL; /* already found to be >= key on the level above */
    for (size_t level = self->height; level-- > 0;) {
        node_t *node = links[level];
        while (node && node != known_after && fsp_slice_cmp(node->row.key, key) < 0) {
            links = node->next;
            node = links[level];
        }
        known_after = node;
        if (path)
            path->links[level] = &links[level];
    }
    return known_after;
}

static node_t *
find_equal(const fsp_omap_t *self, fsp_slice_t key, path_t *path)
{
    node_t *node = find(self, key, path);
    return node && fsp_slice_eq(node->row.key, key) ? node : NULL;
}

static size_t
pick_height(fsp_omap_t *self)
{
    uint64_t bits = fsp_prng_next(&self->prng);
    size_t height = 1;
    while (height < OMAP_HEIGHT_MAX && (bits & 3) == 0) {
        height++;
        bits >>= 2;
    }
    return height;
}

static node_t *
insert_node(fsp_omap_t *self, fsp_slice_t key, path_t *path)
{
    size_t height = pick_height(self);
    size_t links_bytes = height * sizeof(node_t *);
    FSP_PRE(key.bytes <= SIZE_MAX - sizeof(node_t) - links_bytes);
    node_t *node = fsp_alloc_raw(sizeof(node_t) + links_bytes + key.bytes);
    uint8_t *key_bytes = (uint8_t *)(node->next + height);
    if (key.bytes)
        memcpy(key_bytes, key.data, key.bytes);
    node->row = (fsp_omap_row_t){.key = fsp_slice(key_bytes, key.bytes)};
    node->value = NULL;
    node->height = height;
    for (; self->height < height; self->height++)
        path->links[self->height] = &self->head[self->height];
    for (size_t level = 0; level < height; level++) {
        node->next[level] = *path->links[level];
        *path->links[level] = node;
    }
    self->count++;
    self->bytes += key.bytes;
    FSP_CHECK_SLOW(!node->next[0] || fsp_slice_cmp(node->row.key, node->next[0]->row.key) < 0);
    return node;
}

static void
put_row(fsp_omap_t *self, fsp_slice_t key, fsp_slice_t value, uint64_t tag, bool deleted)
{
    FSP_PRE(self != NULL);
    FSP_PRE(key.data != NULL || key.bytes == 0);
    FSP_PRE(value.data != NULL || value.bytes == 0);
    path_t path;
    node_t *node = find_equal(self, key, &path);
    if (!node)
        node = insert_node(self, key, &path);
    /* Copy first, free then: value may be a slice of the row that is replaced. */
    uint8_t *copy = NULL;
    if (value.bytes) {
        copy = fsp_alloc_raw(value.bytes);
        memcpy(copy, value.data, value.bytes);
    }
    self->bytes -= node->row.value.bytes;
    self->bytes += value.bytes;
    fsp_free(node->value);
    node->value = copy;
    node->row.value = fsp_slice(copy, value.bytes);
    node->row.tag = tag;
    node->row.deleted = deleted;
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
fsp_omap_remove(fsp_omap_t *self, fsp_slice_t key)
{
    FSP_PRE(self != NULL);
    path_t path;
    node_t *node = find_equal(self, key, &path);
    if (!node)
        return;
    FSP_ASSERT(node->height <= self->height);
    for (size_t level = 0; level < node->height; level++) {
        FSP_ASSERT(*path.links[level] == node);
        *path.links[level] = node->next[level];
    }
    while (self->height > 0 && !self->head[self->height - 1])
        self->height--;
    self->count--;
    self->bytes -= node->row.key.bytes + node->row.value.bytes;
    fsp_free(node->value);
    fsp_free(node);
}

/* A row is the first member of its node. */
static const fsp_omap_row_t *
row_of(const node_t *node)
{
    return node ? &node->row : NULL;
}

const fsp_omap_row_t *
fsp_omap_get(const fsp_omap_t *self, fsp_slice_t key)
{
    FSP_PRE(self != NULL);
    return row_of(find_equal(self, key, NULL));
}

const fsp_omap_row_t *
fsp_omap_seek(const fsp_omap_t *self, fsp_slice_t from)
{
    FSP_PRE(self != NULL);
    return row_of(find(self, from, NULL));
}

const fsp_omap_row_t *
fsp_omap_first(const fsp_omap_t *self)
{
    FSP_PRE(self != NULL);
    return row_of(self->head[0]);
}

const fsp_omap_row_t *
fsp_omap_next(const fsp_omap_row_t *row)
{
    FSP_PRE(row != NULL);
    return row_of(((const node_t *)row)->next[0]);
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
