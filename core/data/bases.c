/* SPDX-License-Identifier: MIT */
/* bases - which chunks a new version may share with older ones.  Layer core/data.
 *
 * What is to be read lies on a stack, the leftmost on top: a node that has come puts its children
 * there, or its chunks into the index.  So the stack holds at most what is to the right of one path
 * down each tree.  The index is an array of chunks and a table of places in it (open addressing).
 */
#include "core/data/bases.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/data/keyset.h"

enum {
    LEVEL_ANY = FSP_TREE_DEPTH_MAX, /* of a root */
    LEVEL_CHUNK = FSP_TREE_DEPTH_MAX + 1,
    ROOTS_MAX = 128,
    NODES_BYTES = 64 * 1024, /* to remember which nodes were read */
    SLOTS_FIRST = 64
};

/* Something to read. */
typedef struct {
    fsp_child_t child; /* object bytes 0: not known; digest: of a chunk that is a root */
    unsigned level;
    bool ends; /* the end of a version is below it */
} place_t;

typedef struct {
    fsp_child_t child;
    bool is_cut;
} chunk_t;
static_assert(sizeof(chunk_t) + 4 * sizeof(uint32_t) <= FSP_BASES_CHUNK_BYTES,
              "a chunk, and up to four slots for it while the table grows");

struct fsp_bases {
    fsp_chunk_params_t params;
    uint64_t seed;
    uint64_t bound;
    size_t chunks_max;
    place_t *stack;
    size_t stack_count, stack_capacity;
    bool began;
    struct {
        uint64_t token; /* 0: none */
        place_t place;
    } fetching[FSP_BASES_AHEAD];
    size_t fetching_count;
    uint64_t token;
    fsp_keyset_t *nodes; /* read or under way */
    chunk_t *chunks;
    size_t count, capacity;
    uint32_t *slots; /* place in chunks plus 1; 0: free */
    size_t slot_count;
};

fsp_bases_t *
fsp_bases_new(const fsp_chunk_params_t *params, uint64_t seed)
{
    FSP_PRE(params != NULL);
    fsp_bases_t *self = FSP_NEW(fsp_bases_t);
    self->params = *params;
    self->seed = seed;
    self->chunks_max = FSP_BASES_CHUNKS_MAX;
    self->nodes = fsp_keyset_new(NODES_BYTES);
    return self;
}

void
fsp_bases_destroy(fsp_bases_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_bases_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    fsp_keyset_destroy(&self->nodes);
    fsp_free(self->stack);
    fsp_free(self->chunks);
    fsp_free(self->slots);
    fsp_free(self);
}

/* -- index ------------------------------------------------------------------------------------- */

/* The slot of a digest, or the free one where it would be. */
static size_t
slot_of(const fsp_bases_t *self, fsp_hash_t digest)
{
    uint64_t mixed = (fsp_load_u64(digest.bytes) ^ self->seed) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(mixed >> 32) & (self->slot_count - 1);
    while (self->slots[slot] != 0 &&
           !fsp_hash_eq(self->chunks[self->slots[slot] - 1].child.digest, digest))
        slot = (slot + 1) & (self->slot_count - 1);
    return slot;
}

/* Keeps the table at most half full. */
static void
make_room(fsp_bases_t *self)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : SLOTS_FIRST / 2;
        if (self->capacity > self->chunks_max)
            self->capacity = self->chunks_max;
        self->chunks = fsp_realloc(self->chunks, self->capacity * sizeof(*self->chunks));
    }
    if (2 * (self->count + 1) <= self->slot_count)
        return;
    self->slot_count = self->slot_count ? 2 * self->slot_count : SLOTS_FIRST;
    fsp_free(self->slots);
    self->slots = fsp_alloc_array(self->slot_count, sizeof(*self->slots));
    for (size_t i = 0; i < self->count; i++)
        self->slots[slot_of(self, self->chunks[i].child.digest)] = (uint32_t)i + 1;
}

static void
add_chunk(fsp_bases_t *self, const fsp_child_t *child, bool is_cut)
{
    if (child->content_bytes == self->params.bytes_max)
        is_cut = true;
    if (self->slot_count > 0) {
        uint32_t there = self->slots[slot_of(self, child->digest)];
        if (there > 0) {
            self->chunks[there - 1].is_cut |= is_cut;
            return;
        }
    }
    if (self->count >= self->chunks_max)
        return;
    make_room(self);
    self->chunks[self->count] = (chunk_t){.child = *child, .is_cut = is_cut};
    self->slots[slot_of(self, child->digest)] = (uint32_t)++self->count;
}

size_t
fsp_bases_count(const fsp_bases_t *self)
{
    FSP_PRE(self != NULL);
    return self->count;
}

const fsp_child_t *
fsp_bases_find(const fsp_bases_t *self, fsp_hash_t digest, bool *ret_is_cut)
{
    FSP_PRE(self != NULL);
    FSP_PRE(ret_is_cut != NULL);
    if (self->slot_count == 0)
        return NULL;
    uint32_t there = self->slots[slot_of(self, digest)];
    if (there == 0)
        return NULL;
    *ret_is_cut = self->chunks[there - 1].is_cut;
    return &self->chunks[there - 1].child;
}

/* -- reading ----------------------------------------------------------------------------------- */

static void
push(fsp_bases_t *self, const place_t *place)
{
    if (self->stack_count == self->stack_capacity) {
        self->stack_capacity = self->stack_capacity ? 2 * self->stack_capacity : 16;
        self->stack = fsp_realloc(self->stack, self->stack_capacity * sizeof(*self->stack));
    }
    self->stack[self->stack_count++] = *place;
}

void
fsp_bases_add(fsp_bases_t *self, fsp_root_kind_t root_kind, fsp_key_t root_key, uint64_t size,
              fsp_hash_t sha256)
{
    FSP_PRE(self != NULL);
    FSP_PRE(!self->began);
    if (root_kind == FSP_ROOT_INLINE || size == 0 || self->stack_count == ROOTS_MAX)
        return;
    place_t place = {
        .child = {.key = root_key, .content_bytes = size}, .level = LEVEL_ANY, .ends = true};
    if (root_kind == FSP_ROOT_CHUNK) {
        place.level = LEVEL_CHUNK;
        place.child.digest = sha256;
    }
    push(self, &place);
    uint64_t more = size / self->params.bytes_min + 1;
    self->bound =
        more < FSP_BASES_CHUNKS_MAX - self->bound ? self->bound + more : FSP_BASES_CHUNKS_MAX;
}

size_t
fsp_bases_bound(const fsp_bases_t *self)
{
    FSP_PRE(self != NULL);
    return (size_t)self->bound;
}

void
fsp_bases_limit(fsp_bases_t *self, size_t chunks_max)
{
    FSP_PRE(self != NULL);
    FSP_PRE(!self->began);
    if (chunks_max < self->chunks_max)
        self->chunks_max = chunks_max;
}

/* The versions were pushed from the first on: now the first is on top. */
static void
begin(fsp_bases_t *self)
{
    self->began = true;
    for (size_t i = 0; i < self->stack_count / 2; i++) {
        place_t swap = self->stack[i];
        self->stack[i] = self->stack[self->stack_count - 1 - i];
        self->stack[self->stack_count - 1 - i] = swap;
    }
}

bool
fsp_bases_next(fsp_bases_t *self, uint64_t *ret_token, fsp_key_t *ret_key, bool *ret_head_only)
{
    FSP_PRE(self != NULL);
    if (!self->began)
        begin(self);
    if (self->count >= self->chunks_max)
        self->stack_count = 0; /* the index is full */
    while (self->stack_count > 0 && self->fetching_count < FSP_BASES_AHEAD) {
        const place_t *place = &self->stack[--self->stack_count];
        if (!fsp_keyset_add(self->nodes, place->child.key))
            continue; /* versions share most of their trees */
        size_t i = 0;
        while (self->fetching[i].token != 0)
            i++;
        self->fetching[i].token = ++self->token;
        self->fetching[i].place = *place;
        self->fetching_count++;
        *ret_token = self->token;
        *ret_key = place->child.key;
        *ret_head_only = place->level == LEVEL_CHUNK;
        return true;
    }
    return false;
}

/* A node is what its parent said. */
static bool
node_fits(const place_t *place, const fsp_tree_node_t *node)
{
    uint64_t bytes = 0; /* decoding saw to it that it does not overflow */
    for (size_t i = 0; i < node->count; i++)
        bytes += node->children[i].content_bytes;
    return bytes == place->child.content_bytes &&
           (place->level == LEVEL_ANY || place->level == node->level);
}

static void
take_node(fsp_bases_t *self, const place_t *place, const fsp_fetched_t *fetched)
{
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    bool fits = fetched->header.kind == FSP_OBJECT_TREE &&
                fsp_tree_decode(fetched->open, fetched->plain, node) == FSP_OK &&
                node_fits(place, node);
    for (size_t i = 0; fits && node->level == 0 && i < node->count; i++)
        add_chunk(self, &node->children[i], !place->ends || i + 1 < node->count);
    for (size_t i = node->count; fits && node->level > 0 && i > 0; i--)
        push(self, &(place_t){.child = node->children[i - 1],
                              .level = node->level - 1,
                              .ends = place->ends && i == node->count});
    fsp_free(node);
}

void
fsp_bases_fetched(fsp_bases_t *self, uint64_t token, const fsp_fetched_t *fetched)
{
    FSP_PRE(self != NULL);
    FSP_PRE(token != 0);
    FSP_PRE(fetched != NULL);
    size_t i = 0;
    while (i < FSP_BASES_AHEAD && self->fetching[i].token != token)
        i++;
    FSP_PRE(i < FSP_BASES_AHEAD); /* an answer to no question is a mistake of the shell */
    place_t place = self->fetching[i].place;
    self->fetching[i].token = 0;
    self->fetching_count--;
    if (fetched->status != FSP_OK || !fsp_key_eq(fetched->key, place.child.key))
        return;
    uint64_t object_bytes = fsp_object_bytes(&fetched->header);
    if (place.level != LEVEL_CHUNK) {
        if (place.child.object_bytes == 0 || place.child.object_bytes == object_bytes)
            take_node(self, &place, fetched);
    } else if (fetched->header.kind == FSP_OBJECT_CHUNK &&
               fetched->header.plain_bytes == place.child.content_bytes) {
        place.child.object_bytes = object_bytes;
        add_chunk(self, &place.child, false);
    }
}

bool
fsp_bases_is_done(const fsp_bases_t *self)
{
    FSP_PRE(self != NULL);
    return self->stack_count == 0 && self->fetching_count == 0;
}
