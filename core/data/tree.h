/* SPDX-License-Identifier: MIT */
/* tree - a file's chunks as a tree of up to 1,024 children a node.  Layer core/data.  Pure.
 *
 * Open part, canonical array:
 *   [1, level, [[child key, child object bytes u64, child content bytes u64], ...]]
 *   level 0: children are chunks; level n: children are nodes of level n - 1.  Repair and
 *   collection walk it.
 * Sealed part, canonical array: level 0: one bin of 32 bytes a child (SHA-256 of each plaintext
 *   chunk) concatenated; higher levels: an empty bin.
 * Levels 0..FSP_TREE_DEPTH_MAX - 1.  A file of one chunk has no tree.  All nodes but the last of a
 * level are full: equal content, equal root.
 */
#ifndef FSP_CORE_DATA_TREE_H
#define FSP_CORE_DATA_TREE_H
#include "core/base/buf.h"
#include "core/base/limits.h"
#include "core/base/status.h"
#include "core/base/types.h"

typedef struct {
    fsp_key_t key;
    uint64_t object_bytes;  /* of the sealed object */
    uint64_t content_bytes; /* plaintext below it */
    fsp_hash_t digest;      /* level 0: SHA-256 of the plaintext chunk; else zero */
} fsp_child_t;

/* One node, decoded. */
typedef struct {
    unsigned level;
    size_t count;
    fsp_child_t children[FSP_TREE_FANOUT_MAX];
} fsp_tree_node_t;

void fsp_tree_encode(const fsp_tree_node_t *node, fsp_buf_t *ret_open, fsp_buf_t *ret_plain);
/* plain may be empty (open part alone, as storage nodes see it): digests are zero then.
   INVALID, TOO_LARGE: also for a child that no object can be (by its bytes), one without
   content, and when the sum of content overflows. */
FSP_MUST_CHECK fsp_status_t fsp_tree_decode(fsp_slice_t open, fsp_slice_t plain,
                                            fsp_tree_node_t *ret);

/* Builds a tree from the left, holding at most one unfinished node a level. */
typedef struct fsp_tree_builder fsp_tree_builder_t;
fsp_tree_builder_t *fsp_tree_builder_new(void);
void fsp_tree_builder_destroy(fsp_tree_builder_t **self_p);
/* Adds a child at a level (chunks at 0; a sealed node of level n at n + 1).  Children of a level
   come in order.  After each add, take what is full: a node has room for no child more. */
void fsp_tree_builder_add(fsp_tree_builder_t *self, unsigned level, const fsp_child_t *child);
/* A node that is full and must be sealed now, or NULL; valid until the next call.  After it was
   sealed, its name goes in by add(level + 1). */
const fsp_tree_node_t *fsp_tree_builder_full(fsp_tree_builder_t *self);
/* At the end, when the names of all nodes handed out so far were added (asserted), again and again
   until it returns NULL: the next unfinished node from below to be sealed (add its name one level
   up), or NULL when a single root remains, which *ret_root then is (a chunk if *ret_level is 0,
   else a node of level *ret_level - 1). */
const fsp_tree_node_t *fsp_tree_builder_close(fsp_tree_builder_t *self, fsp_child_t *ret_root,
                                              unsigned *ret_level);
/* True if the names of all nodes handed out were added: what self holds is all of the tree. */
bool fsp_tree_builder_is_settled(const fsp_tree_builder_t *self);
/* A second builder with the same tree so far, to be closed while the first goes on: the tree of a
   prefix.  Only of one that is settled. */
fsp_tree_builder_t *fsp_tree_builder_copy(const fsp_tree_builder_t *self);
/* Makes self, which is empty, what the builder was that was closed over the root: edge holds the
   nodes down the right edge, edge[i] of level i, the last one being the root; levels 0: the root is
   a chunk.  DAMAGED if they do not fit each other. */
FSP_MUST_CHECK fsp_status_t fsp_tree_builder_resume(fsp_tree_builder_t *self,
                                                    const fsp_tree_node_t *const *edge,
                                                    size_t levels, const fsp_child_t *root);
/* How many nodes a tree of so many chunks has. */
uint64_t fsp_tree_node_count(uint64_t chunk_count);
#endif
