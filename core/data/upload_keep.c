/* SPDX-License-Identifier: MIT */
/* upload_keep - uploads that are taken up again, and chunks that are there already.  Layer
 * core/data.  Pure.
 *
 * A checkpoint is the tree of a prefix: a copy of the builder, closed.  Its nodes are sealed and
 * stored one after the other, beside what goes on; what is full in it is stored already, so these
 * are one node a level.  The place in the middle (PLACE) says what the digest was there.
 *
 * Restoring goes the way back: the nodes down the right edge of that tree, read from the root on,
 * are what the builder held (fsp_tree_builder_resume).  Cutting has no memory across cuts.
 */
#include "core/data/upload_parts.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

/* -- checkpoints ------------------------------------------------------------------------------- */

/* The next node of the checkpoint, or its root, behind which CHECKPOINT comes. */
static void
close_mark(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    fsp_child_t root;
    unsigned level = 0;
    const fsp_tree_node_t *node = fsp_tree_builder_close(self->mark_builder, &root, &level);
    if (node) {
        self->mark_level = node->level + 1;
        self->mark_piece = fsp_upload_make_node(self, node, effects);
        return;
    }
    FSP_ASSERT(root.content_bytes == self->mark.offset);
    fsp_tree_builder_destroy(&self->mark_builder);
    fsp_midstate_t *midstate = &self->mark_midstate;
    midstate->root_kind = level == 0 ? FSP_ROOT_CHUNK : FSP_ROOT_TREE;
    midstate->root_key = root.key;
    midstate->root_object_bytes = root.object_bytes;
    midstate->root_digest = root.digest;
    fsp_upload_add_effect(effects, FSP_UPLOAD_CHECKPOINT);
}

void
fsp_upload_mark(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    if (self->checkpoint_bytes == 0 || self->marking || self->state != FSP_UPLOAD_RECEIVING ||
        self->prefix.offset - self->durable_offset < self->checkpoint_bytes ||
        !fsp_tree_builder_is_settled(self->builder))
        return;
    self->marking = true;
    self->mark = self->prefix;
    self->mark_midstate = (fsp_midstate_t){.offset = self->prefix.offset,
                                           .chunk_count = self->outcome.chunk_count,
                                           .chunk_new_count = self->outcome.chunk_new_count,
                                           .hashed = self->prefix.hashed,
                                           .hash = self->prefix.hash};
    self->mark_builder = fsp_tree_builder_copy(self->builder);
    close_mark(self, effects);
}

void
fsp_upload_mark_stored(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    fsp_piece_t *piece = self->mark_piece;
    self->mark_piece = NULL;
    fsp_tree_builder_add(self->mark_builder, self->mark_level, &piece->child);
    fsp_upload_destroy_piece(self, piece);
    close_mark(self, effects);
    fsp_upload_check(self);
}

void
fsp_upload_midstate(const fsp_upload_t *self, fsp_midstate_t *ret)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->marking && !self->mark_builder);
    *ret = self->mark_midstate;
}

void
fsp_upload_checkpointed(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (fsp_upload_is_over(self))
        return;
    FSP_PRE(self->marking && !self->mark_builder);
    self->marking = false;
    self->durable_offset = self->mark.offset;
    self->durable_data_bytes = self->mark.data_bytes;
    fsp_upload_mark(self, effects);
    fsp_upload_grant(self, true, effects);
    fsp_upload_check(self);
}

uint64_t
fsp_upload_durable_offset(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->durable_offset;
}

/* -- restoring --------------------------------------------------------------------------------- */

static void
fetch_edge(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    fsp_upload_effect_t *effect = fsp_upload_add_effect(effects, FSP_UPLOAD_FETCH);
    effect->token = self->edge_token = ++self->token;
    effect->kind = FSP_OBJECT_TREE;
    effect->key = self->edge_child.key;
}

/* All of the edge is here. */
static void
go_on(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    const fsp_midstate_t *start = &self->start;
    const fsp_child_t root = {.key = start->root_key,
                              .object_bytes = start->root_object_bytes,
                              .content_bytes = start->offset,
                              .digest = start->root_digest};
    const fsp_tree_node_t *edge[FSP_TREE_DEPTH_MAX];
    for (unsigned level = 0; level < self->edge_levels; level++)
        edge[level] = self->edge[level];
    fsp_status_t status = fsp_tree_builder_resume(self->builder, edge, self->edge_levels, &root);
    if (status != FSP_OK) {
        fsp_upload_fail(self, status, effects);
        return;
    }
    fsp_upload_move_to(self, FSP_UPLOAD_RECEIVING);
    for (unsigned level = 0; level < self->edge_levels; level++) {
        fsp_free(self->edge[level]);
        self->edge[level] = NULL;
    }
    self->at.offset = self->cut_at = self->durable_offset = start->offset;
    self->at.hashed = start->hashed;
    self->prefix = self->at;
    if (start->hashed) {
        fsp_sha256_load(self->sha256, &start->hash);
        self->prefix.hash = start->hash;
    }
    self->outcome.chunk_count = start->chunk_count;
    self->outcome.chunk_new_count = start->chunk_new_count;
    fsp_upload_grant(self, false, effects);
}

void
fsp_upload_restore(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    FSP_PRE(self->start.offset > FSP_INLINE_BYTES_MAX);
    if (self->start.root_kind == FSP_ROOT_CHUNK) {
        go_on(self, effects);
        return;
    }
    self->edge_child = (fsp_child_t){.key = self->start.root_key,
                                     .object_bytes = self->start.root_object_bytes,
                                     .content_bytes = self->start.offset};
    fetch_edge(self, effects);
}

/* Takes a node of the edge; what it says of the next one below is then wanted. */
static fsp_status_t
take_edge(fsp_upload_t *self, fsp_slice_t open, fsp_slice_t plain)
{
    fsp_tree_node_t *node = fsp_alloc_raw(sizeof(*node)); /* large, and filled by decode */
    fsp_status_t status = fsp_tree_decode(open, plain, node);
    bool first = self->edge_levels == 0;
    if (status == FSP_OK && !first && node->level != self->edge_level - 1)
        status = FSP_DAMAGED;
    if (status != FSP_OK) {
        fsp_free(node);
        return status == FSP_UNSUPPORTED ? status : FSP_DAMAGED;
    }
    if (first)
        self->edge_levels = node->level + 1;
    self->edge_level = node->level;
    self->edge[node->level] = node;
    self->edge_child = node->children[node->count - 1];
    return FSP_OK;
}

void
fsp_upload_fetched(fsp_upload_t *self, uint64_t token, const fsp_fetched_t *fetched,
                   fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    FSP_PRE(fetched != NULL);
    if (fsp_upload_is_over(self))
        return;
    FSP_PRE(self->state == FSP_UPLOAD_RESTORING && token == self->edge_token);
    fsp_status_t status = fetched->status;
    if (status == FSP_OK && (!fsp_key_eq(fetched->key, self->edge_child.key) ||
                             fetched->header.kind != FSP_OBJECT_TREE ||
                             fsp_object_bytes(&fetched->header) != self->edge_child.object_bytes))
        status = FSP_DAMAGED;
    if (status == FSP_OK)
        status = take_edge(self, fetched->open, fetched->plain);
    if (status != FSP_OK)
        fsp_upload_fail(self, status, effects);
    else if (self->edge_level > 0)
        fetch_edge(self, effects);
    else
        go_on(self, effects);
    fsp_upload_check(self);
}

void
fsp_upload_release_kept(fsp_upload_t *self)
{
    if (self->mark_piece)
        fsp_upload_destroy_piece(self, self->mark_piece);
    self->mark_piece = NULL;
    fsp_tree_builder_destroy(&self->mark_builder);
    for (unsigned level = 0; level < FSP_TREE_DEPTH_MAX; level++) {
        fsp_free(self->edge[level]);
        self->edge[level] = NULL;
    }
    while (self->expected) {
        fsp_expectation_t *next = self->expected->next;
        fsp_free(self->expected);
        self->expected = next;
    }
    self->expected_last = NULL;
}

/* -- chunks that are there already ------------------------------------------------------------- */

bool
fsp_upload_is_crowded(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->piece_count > FSP_UPLOAD_PIECES_MAX;
}

bool
fsp_upload_is_hashed(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->at.hashed;
}

/* Does what came so far end where a cut is?  The head is not cut yet. */
static bool
ends_chunk(const fsp_upload_t *self)
{
    if (self->head.bytes == 0)
        return self->chunk_bytes == 0;
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, self->gear);
    bool ends = false;
    for (size_t at = 0; at < self->head.bytes;)
        at += fsp_chunker_feed(&chunker, fsp_slice(self->head.data + at, self->head.bytes - at),
                               &ends);
    return ends;
}

/* May a chunk begin at the end of what came?  If not, it is because one that was expected does not
   end there, or because none was. */
static fsp_status_t
check_boundary(const fsp_upload_t *self, uint64_t bytes)
{
    if (self->state != FSP_UPLOAD_RECEIVING)
        return FSP_PROTOCOL;
    if (bytes == 0 || bytes > self->chunk_bytes_max)
        return FSP_INVALID;
    if (!ends_chunk(self))
        return self->expected ? FSP_INVALID : FSP_PROTOCOL;
    if (bytes > FSP_SHA256_BYTES_MAX - self->at.offset ||
        (self->size_max && self->at.offset + bytes > self->size_max))
        return FSP_TOO_LARGE;
    return FSP_OK;
}

void
fsp_upload_known(fsp_upload_t *self, const fsp_child_t *child, fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    FSP_PRE(child != NULL);
    if (fsp_upload_is_over(self))
        return;
    FSP_PRE(self->at.offset + child->content_bytes > FSP_INLINE_BYTES_MAX);
    fsp_status_t status = check_boundary(self, child->content_bytes);
    if (status != FSP_OK) {
        fsp_upload_fail(self, status, effects);
        return;
    }
    fsp_upload_cut_head(self, effects);
    if (fsp_upload_is_over(self))
        return;
    if (self->expected) {
        fsp_upload_fail(self, FSP_INVALID, effects); /* it has not come */
        return;
    }
    self->at.offset += child->content_bytes;
    self->cut_at = self->at.offset;
    self->at.hashed = false;
    fsp_piece_t *piece = FSP_NEW(fsp_piece_t);
    piece->state = FSP_PIECE_DONE;
    piece->kind = FSP_OBJECT_CHUNK;
    piece->child = *child;
    piece->end = self->at;
    fsp_upload_push(self, 0, piece);
    fsp_upload_advance(self, effects);
    fsp_upload_check(self);
}

void
fsp_upload_expect(fsp_upload_t *self, uint64_t bytes, fsp_hash_t digest,
                  fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (fsp_upload_is_over(self))
        return;
    fsp_status_t status = check_boundary(self, bytes);
    if (status != FSP_OK) {
        fsp_upload_fail(self, status, effects);
        return;
    }
    fsp_expectation_t *expected = FSP_NEW(fsp_expectation_t);
    expected->from = self->at.offset;
    expected->to = self->at.offset + bytes;
    expected->digest = digest;
    if (self->expected_last)
        self->expected_last->next = expected;
    else
        self->expected = expected;
    self->expected_last = expected;
}

bool
fsp_upload_meet(fsp_upload_t *self, uint64_t from, fsp_piece_t *piece)
{
    fsp_expectation_t *expected = self->expected;
    if (!expected || expected->from >= piece->end.offset)
        return true;
    if (expected->from != from || expected->to != piece->end.offset)
        return false;
    piece->expected = true;
    piece->child.digest = expected->digest;
    self->expected = expected->next;
    if (!self->expected)
        self->expected_last = NULL;
    fsp_free(expected);
    return true;
}
