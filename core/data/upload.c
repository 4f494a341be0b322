/* SPDX-License-Identifier: MIT */
/* upload - one put's bytes on their way to objects, in bounded memory.  Layer core/data.  Pure.
 *
 * A *piece* is an object in the making: a chunk or a tree node.
 *
 *   SEALING --small--> STORING --> DONE      SEALING --large--> ASKING --no--> STORING
 *                                                               ASKING --yes-> DONE
 *
 * Pieces wait in one queue a level of the tree (chunks in queue 0, nodes of level n - 1 in queue
 * n), in the order of the file.  They become DONE in any order, but leave from the front only, into
 * the tree builder, so that equal bytes give an equal root whatever the network did.  A node is
 * sealed when all objects below it are stored: whoever sees a node may expect its children.
 *
 * Memory.  granted + held plaintext <= window holds by construction: only what is free is granted.
 * A chunk is held until it is DONE.  One slow piece would let the queue behind it grow by records
 * of DONE pieces (though by no bytes); from PIECES_MAX on nothing more is granted until it moves,
 * likewise while NODES_MAX nodes are under way.  This cannot stall: what is under way ends, and
 * when nothing is, both counts are zero and at least half the window is free.
 *
 * The digest of the content is made where it is cut, so that its state at the end of each chunk is
 * at hand for a checkpoint (upload_keep.c).  The first chunk gets into it only when a second one
 * begins: a content of one chunk has that chunk's digest, which sealing gives.
 */
#include "core/data/upload_parts.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

/* Room of a file's first chunk at first: many files are smaller. */
enum { CHUNK_BYTES_FIRST = 64 * 1024 };

/* -- effects ----------------------------------------------------------------------------------- */

fsp_upload_effect_t *
fsp_upload_add_effect(fsp_upload_effects_t *effects, fsp_upload_effect_type_t type)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? 2 * effects->capacity : 8;
        effects->items = fsp_realloc(effects->items, effects->capacity * sizeof(*effects->items));
    }
    fsp_upload_effect_t *effect = &effects->items[effects->count++];
    *effect = (fsp_upload_effect_t){.type = type};
    return effect;
}

void
fsp_upload_effects_reset(fsp_upload_effects_t *self)
{
    FSP_PRE(self != NULL);
    for (size_t i = 0; i < self->count; i++) {
        fsp_blob_destroy(&self->items[i].open);
        fsp_blob_destroy(&self->items[i].plain);
        fsp_blob_destroy(&self->items[i].object);
    }
    self->count = 0;
}

void
fsp_upload_effects_clear(fsp_upload_effects_t *self)
{
    fsp_upload_effects_reset(self);
    fsp_free(self->items);
    *self = (fsp_upload_effects_t){0};
}

/* -- state ------------------------------------------------------------------------------------- */

void
fsp_upload_move_to(fsp_upload_t *self, fsp_upload_state_t to)
{
    static const bool allowed[FSP_UPLOAD_STATE_COUNT][FSP_UPLOAD_STATE_COUNT] = {
        [FSP_UPLOAD_RESTORING] = {[FSP_UPLOAD_RECEIVING] = true, [FSP_UPLOAD_OVER_FAILED] = true},
        /* Inline content has nothing to drain, but goes the same way. */
        [FSP_UPLOAD_RECEIVING] = {[FSP_UPLOAD_DRAINING] = true, [FSP_UPLOAD_OVER_FAILED] = true},
        [FSP_UPLOAD_DRAINING] = {[FSP_UPLOAD_OVER_READY] = true, [FSP_UPLOAD_OVER_FAILED] = true},
    };
    FSP_ASSERT(allowed[self->state][to]);
    self->state = to;
}

bool
fsp_upload_is_over(const fsp_upload_t *self)
{
    return self->state == FSP_UPLOAD_OVER_READY || self->state == FSP_UPLOAD_OVER_FAILED;
}

void
fsp_upload_check(const fsp_upload_t *self)
{
    FSP_ASSERT(fsp_upload_is_over(self) ||
               self->credit_bytes + self->plain_bytes <= self->window_bytes);
    FSP_ASSERT(self->chunk_bytes <= self->chunk_bytes_max);
    FSP_IMPLIES(self->state == FSP_UPLOAD_OVER_READY, self->piece_count == 0);
}

static void
set_held(fsp_upload_t *self, fsp_piece_t *piece, uint64_t bytes)
{
    FSP_ASSERT(self->held_bytes >= piece->held_bytes);
    self->held_bytes += bytes - piece->held_bytes;
    piece->held_bytes = bytes;
}

static fsp_piece_t *
pop_piece(fsp_upload_t *self, fsp_piece_queue_t *queue)
{
    fsp_piece_t *piece = queue->first;
    queue->first = piece->next;
    if (!queue->first)
        queue->last = NULL;
    self->piece_count--;
    if (piece->kind == FSP_OBJECT_TREE)
        self->node_count--;
    return piece;
}

void
fsp_upload_destroy_piece(fsp_upload_t *self, fsp_piece_t *piece)
{
    set_held(self, piece, 0);
    fsp_blob_destroy(&piece->object);
    fsp_free(piece);
}

/* Lets go of everything but the inline content. */
static void
release(fsp_upload_t *self)
{
    for (size_t level = 0; level < FSP_UPLOAD_LEVELS; level++)
        while (self->queues[level].first)
            fsp_upload_destroy_piece(self, pop_piece(self, &self->queues[level]));
    fsp_upload_release_kept(self);
    FSP_ASSERT(self->held_bytes == 0);
    fsp_free(self->chunk);
    self->chunk = NULL;
    self->chunk_bytes = self->chunk_capacity = 0;
    fsp_tree_builder_destroy(&self->builder);
    fsp_sha256_destroy(&self->sha256);
    self->credit_bytes = 0;
}

void
fsp_upload_fail(fsp_upload_t *self, fsp_status_t status, fsp_upload_effects_t *effects)
{
    FSP_PRE(status != FSP_OK);
    fsp_upload_move_to(self, FSP_UPLOAD_OVER_FAILED);
    release(self);
    fsp_buf_clear(&self->head);
    self->plain_bytes = 0;
    fsp_upload_add_effect(effects, FSP_UPLOAD_FAILED)->status = status;
}

/* -- lifecycle --------------------------------------------------------------------------------- */

void
fsp_upload_grant(fsp_upload_t *self, bool rides, fsp_upload_effects_t *effects)
{
    if (self->state != FSP_UPLOAD_RECEIVING || self->piece_count > FSP_UPLOAD_PIECES_MAX ||
        self->node_count > FSP_UPLOAD_NODES_MAX)
        return;
    uint64_t bytes = self->window_bytes - self->plain_bytes - self->credit_bytes;
    if (self->checkpoint_bytes > 0) {
        /* So much at most is sent twice. */
        uint64_t behind = self->at.data_bytes - self->durable_data_bytes + self->credit_bytes;
        uint64_t room = self->window_bytes > behind ? self->window_bytes - behind : 0;
        if (bytes > room)
            bytes = room;
    }
    uint64_t worth_it = self->window_bytes / (rides ? 32 : 4);
    if (bytes < worth_it || bytes == 0)
        return;
    self->credit_bytes += bytes;
    fsp_upload_add_effect(effects, FSP_UPLOAD_CREDIT)->bytes = bytes;
}

fsp_upload_t *
fsp_upload_new(const fsp_upload_config_t *config, fsp_upload_effects_t *effects)
{
    FSP_PRE(config != NULL);
    FSP_PRE(config->gear != NULL);
    const fsp_chunk_params_t *params = fsp_gear_params(config->gear);
    FSP_PRE(config->window_bytes >= 2 * (uint64_t)params->bytes_max);
    fsp_upload_t *self = FSP_NEW(fsp_upload_t);
    self->gear = config->gear;
    self->chunk_bytes_max = params->bytes_max;
    self->window_bytes = config->window_bytes;
    self->size_max = config->size_max;
    self->checkpoint_bytes = config->checkpoint_bytes;
    FSP_PRE(config->checkpoint_bytes == 0 ||
            (config->checkpoint_bytes > FSP_INLINE_BYTES_MAX &&
             config->checkpoint_bytes + params->bytes_max <= config->window_bytes / 4 * 3));
    fsp_buf_init(&self->head, FSP_INLINE_BYTES_MAX);
    fsp_chunker_init(&self->chunker, config->gear);
    self->builder = fsp_tree_builder_new();
    self->sha256 = fsp_sha256_new();
    self->at.hashed = true;
    self->state = FSP_UPLOAD_RESTORING;
    if (config->start) {
        self->start = *config->start;
        fsp_upload_restore(self, effects);
    } else {
        fsp_upload_move_to(self, FSP_UPLOAD_RECEIVING);
        fsp_upload_grant(self, false, effects);
    }
    fsp_upload_check(self);
    return self;
}

void
fsp_upload_destroy(fsp_upload_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_upload_t *self = *self_p;
    if (!self)
        return;
    release(self);
    fsp_buf_clear(&self->head);
    fsp_free(self);
    *self_p = NULL;
}

/* -- pieces ------------------------------------------------------------------------------------ */

void
fsp_upload_push(fsp_upload_t *self, unsigned level, fsp_piece_t *piece)
{
    FSP_ASSERT(level < FSP_UPLOAD_LEVELS);
    fsp_piece_queue_t *queue = &self->queues[level];
    if (queue->last)
        queue->last->next = piece;
    else
        queue->first = piece;
    queue->last = piece;
    self->piece_count++;
    if (piece->kind == FSP_OBJECT_TREE)
        self->node_count++;
}

/* A piece that is to be sealed.  Takes both blobs. */
static fsp_piece_t *
make_piece(fsp_upload_t *self, fsp_object_kind_t kind, fsp_blob_t *open, fsp_blob_t *plain,
           fsp_upload_effects_t *effects)
{
    fsp_piece_t *piece = FSP_NEW(fsp_piece_t);
    piece->token = ++self->token;
    piece->state = FSP_PIECE_SEALING;
    piece->kind = kind;
    piece->open_bytes = open ? fsp_blob_bytes(open) : 0;
    piece->plain_bytes = fsp_blob_bytes(plain);
    set_held(self, piece, piece->open_bytes + piece->plain_bytes);
    fsp_upload_effect_t *effect = fsp_upload_add_effect(effects, FSP_UPLOAD_SEAL);
    effect->token = piece->token;
    effect->kind = kind;
    effect->open = open;
    effect->plain = plain;
    return piece;
}

fsp_piece_t *
fsp_upload_make_node(fsp_upload_t *self, const fsp_tree_node_t *node, fsp_upload_effects_t *effects)
{
    fsp_buf_t open, plain;
    fsp_buf_init(&open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_tree_encode(node, &open, &plain);
    FSP_ASSERT(fsp_buf_ok(&open));
    FSP_ASSERT(fsp_buf_ok(&plain));
    uint64_t content_bytes = 0;
    for (size_t i = 0; i < node->count; i++)
        content_bytes += node->children[i].content_bytes;
    fsp_piece_t *piece = make_piece(self, FSP_OBJECT_TREE, fsp_blob_copy(open.data, open.bytes),
                                    fsp_blob_copy(plain.data, plain.bytes), effects);
    piece->child.content_bytes = content_bytes;
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
    return piece;
}

static void
start_node(fsp_upload_t *self, const fsp_tree_node_t *node, fsp_upload_effects_t *effects)
{
    fsp_upload_push(self, node->level + 1, fsp_upload_make_node(self, node, effects));
}

static void
become_ready(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    fsp_upload_move_to(self, FSP_UPLOAD_OVER_READY);
    self->outcome.size = self->at.offset;
    self->outcome.hashed = self->at.hashed;
    self->outcome.sha256 = fsp_sha256_finish(self->sha256);
    self->outcome.tree_count = fsp_tree_node_count(self->outcome.chunk_count);
    self->outcome.inline_content = fsp_buf_slice(&self->head);
    release(self);
    fsp_upload_add_effect(effects, FSP_UPLOAD_READY);
}

/* Moves FSP_PIECE_DONE pieces into the tree, and the transfer towards its end. */
void
fsp_upload_advance(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    for (unsigned level = 0; level < FSP_UPLOAD_LEVELS; level++) {
        fsp_piece_queue_t *queue = &self->queues[level];
        while (queue->first && queue->first->state == FSP_PIECE_DONE) {
            fsp_piece_t *piece = pop_piece(self, queue);
            fsp_tree_builder_add(self->builder, level, &piece->child);
            if (level == 0) {
                self->prefix = piece->end;
                self->outcome.chunk_count++;
                self->outcome.chunk_new_count += piece->stored;
            }
            fsp_upload_destroy_piece(self, piece);
            const fsp_tree_node_t *node = fsp_tree_builder_full(self->builder);
            if (node) {
                FSP_ASSERT(node->level == level);
                start_node(self, node, effects);
            }
        }
    }
    fsp_upload_mark(self, effects);
    if (self->state != FSP_UPLOAD_DRAINING || self->piece_count > 0)
        return;
    fsp_child_t root;
    unsigned level = 0;
    const fsp_tree_node_t *node = fsp_tree_builder_close(self->builder, &root, &level);
    if (node) {
        start_node(self, node, effects);
        return;
    }
    FSP_ASSERT(root.content_bytes == self->at.offset);
    FSP_ASSERT(self->plain_bytes == 0);
    self->outcome.root_kind = level == 0 ? FSP_ROOT_CHUNK : FSP_ROOT_TREE;
    self->outcome.root_key = root.key;
    become_ready(self, effects);
    if (level == 0) {
        /* One chunk: its digest is that of the whole, also if it was known.  It will be that of a
           chunk that others offer against, so nobody's word may stand for it. */
        self->outcome.hashed = true;
        self->outcome.sha256 = root.digest;
    }
}

/* The piece is stored: its bytes are let go. */
static void
finish_piece(fsp_upload_t *self, fsp_piece_t *piece, fsp_upload_effects_t *effects)
{
    piece->state = FSP_PIECE_DONE;
    fsp_blob_destroy(&piece->object);
    set_held(self, piece, 0);
    if (piece == self->mark_piece) {
        fsp_upload_mark_stored(self, effects);
        return;
    }
    if (piece->kind == FSP_OBJECT_CHUNK) {
        FSP_ASSERT(self->plain_bytes >= piece->plain_bytes);
        self->plain_bytes -= piece->plain_bytes;
    }
    fsp_upload_advance(self, effects);
    fsp_upload_grant(self, false, effects);
    fsp_upload_check(self);
}

/* -- bytes ------------------------------------------------------------------------------------- */

static void
free_chunk(void *data, void *hint)
{
    (void)hint;
    fsp_free(data);
}

/* Growing copies, so it is done in few steps; what is not touched costs nothing.  Five of six
   chunks are shorter than one and a half of the average. */
static size_t
room_for(const fsp_upload_t *self, size_t needed)
{
    size_t average = fsp_gear_params(self->gear)->bytes_avg;
    size_t room = average + average / 2;
    if (self->token == 0 && needed <= FSP_FRAME_BYTES_MAX && needed < room)
        room = needed <= CHUNK_BYTES_FIRST ? (size_t)CHUNK_BYTES_FIRST : FSP_FRAME_BYTES_MAX;
    return needed > room || room > self->chunk_bytes_max ? self->chunk_bytes_max : room;
}

static void
append_to_chunk(fsp_upload_t *self, fsp_slice_t bytes)
{
    size_t needed = self->chunk_bytes + bytes.bytes;
    FSP_ASSERT(needed <= self->chunk_bytes_max);
    if (needed > self->chunk_capacity) {
        self->chunk_capacity = room_for(self, needed);
        self->chunk = fsp_realloc(self->chunk, self->chunk_capacity);
    }
    if (bytes.bytes)
        memcpy(self->chunk + self->chunk_bytes, bytes.data, bytes.bytes);
    self->chunk_bytes = needed;
}

/* Nothing lies before the present chunk. */
static bool
is_first_chunk(const fsp_upload_t *self)
{
    return self->cut_at == 0;
}

/* The present chunk is whole. */
static void
close_chunk(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    FSP_ASSERT(self->chunk_bytes > 0);
    size_t bytes = self->chunk_bytes;
    if (is_first_chunk(self) && self->state == FSP_UPLOAD_RECEIVING)
        fsp_sha256_update(self->sha256, fsp_slice(self->chunk, bytes));
    if (bytes < self->chunk_capacity)
        self->chunk = fsp_realloc(self->chunk, bytes);
    fsp_blob_t *plain = fsp_blob_wrap(self->chunk, bytes, free_chunk, NULL);
    self->chunk = NULL;
    self->chunk_bytes = self->chunk_capacity = 0;
    fsp_piece_t *piece = make_piece(self, FSP_OBJECT_CHUNK, NULL, plain, effects);
    piece->child.content_bytes = bytes;
    fsp_upload_push(self, 0, piece);
    self->cut_at += bytes;
    piece->end = self->at;
    piece->end.offset = self->cut_at;
    piece->end.data_bytes = self->at.data_bytes - (self->at.offset - self->cut_at);
    if (self->checkpoint_bytes > 0 && self->at.hashed)
        fsp_sha256_save(self->sha256, &piece->end.hash);
    if (!fsp_upload_meet(self, self->cut_at - bytes, piece))
        fsp_upload_fail(self, FSP_INVALID, effects);
}

static void
cut(fsp_upload_t *self, fsp_slice_t bytes, fsp_upload_effects_t *effects)
{
    while (bytes.bytes > 0 && !fsp_upload_is_over(self)) {
        bool ends = false;
        size_t used = fsp_chunker_feed(&self->chunker, bytes, &ends);
        FSP_ASSERT(used <= bytes.bytes);
        FSP_ASSERT(used > 0 || ends);
        append_to_chunk(self, fsp_slice(bytes.data, used));
        if (self->at.hashed && !is_first_chunk(self))
            fsp_sha256_update(self->sha256, fsp_slice(bytes.data, used));
        if (ends)
            close_chunk(self, effects);
        bytes = fsp_slice(bytes.data + used, bytes.bytes - used);
    }
}

void
fsp_upload_cut_head(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    fsp_buf_t head = self->head;
    fsp_buf_init(&self->head, FSP_INLINE_BYTES_MAX); /* a failure would clear it meanwhile */
    cut(self, fsp_buf_slice(&head), effects);
    fsp_buf_clear(&head);
}

void
fsp_upload_data(fsp_upload_t *self, fsp_slice_t bytes, fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (fsp_upload_is_over(self) || bytes.bytes == 0)
        return;
    fsp_status_t status = FSP_OK;
    if (self->state != FSP_UPLOAD_RECEIVING)
        status = FSP_PROTOCOL;
    else if (bytes.bytes > self->credit_bytes)
        status = FSP_NO_CREDIT;
    else if (bytes.bytes > FSP_SHA256_BYTES_MAX - self->at.offset ||
             (self->size_max && self->at.offset + bytes.bytes > self->size_max))
        status = FSP_TOO_LARGE;
    if (status != FSP_OK) {
        fsp_upload_fail(self, status, effects);
        return;
    }
    self->credit_bytes -= bytes.bytes;
    self->plain_bytes += bytes.bytes;
    self->at.offset += bytes.bytes;
    self->at.data_bytes += bytes.bytes;
    if (self->at.offset <= FSP_INLINE_BYTES_MAX) {
        fsp_buf_append_slice(&self->head, bytes);
        FSP_ASSERT(fsp_buf_ok(&self->head));
    } else {
        fsp_upload_cut_head(self, effects);
        cut(self, bytes, effects);
    }
    fsp_upload_check(self);
}

void
fsp_upload_finish(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (fsp_upload_is_over(self))
        return;
    if (self->state != FSP_UPLOAD_RECEIVING) {
        fsp_upload_fail(self, FSP_PROTOCOL, effects);
        return;
    }
    fsp_upload_move_to(self, FSP_UPLOAD_DRAINING);
    self->credit_bytes = 0;
    if (self->at.offset > FSP_INLINE_BYTES_MAX && self->chunk_bytes > 0)
        close_chunk(self, effects);
    else if (self->at.offset <= FSP_INLINE_BYTES_MAX)
        fsp_sha256_update(self->sha256, fsp_buf_slice(&self->head));
    if (fsp_upload_is_over(self))
        return;
    if (self->expected && self->at.offset > FSP_INLINE_BYTES_MAX) {
        fsp_upload_fail(self, FSP_INVALID, effects); /* some of it did not come */
    } else if (self->at.offset <= FSP_INLINE_BYTES_MAX) {
        self->outcome.root_kind = FSP_ROOT_INLINE;
        become_ready(self, effects);
    } else {
        fsp_upload_advance(self, effects);
    }
    fsp_upload_check(self);
}

/* -- results ----------------------------------------------------------------------------------- */

/* What is under way is little (FSP_UPLOAD_PIECES_MAX and a window of chunks), and old tokens come
 * first. */
static fsp_piece_t *
find_piece(const fsp_upload_t *self, uint64_t token, fsp_piece_state_t state)
{
    if (self->mark_piece && self->mark_piece->token == token) {
        FSP_PRE(self->mark_piece->state == state);
        return self->mark_piece;
    }
    for (size_t level = 0; level < FSP_UPLOAD_LEVELS; level++)
        for (fsp_piece_t *piece = self->queues[level].first; piece; piece = piece->next)
            if (piece->token == token) {
                FSP_PRE(piece->state == state);
                return piece;
            }
    /* An answer to no question is a mistake of the shell. */
    FSP_UNREACHABLE();
}

/* Is this the object that was asked for? */
static bool
object_fits(const fsp_piece_t *piece, const fsp_blob_t *object)
{
    fsp_object_header_t header;
    if (!object || fsp_blob_bytes(object) < FSP_OBJECT_HEADER_BYTES)
        return false;
    if (fsp_object_header_decode(fsp_slice(fsp_blob_data(object), FSP_OBJECT_HEADER_BYTES),
                                 &header) != FSP_OK)
        return false;
    return header.kind == piece->kind && header.open_bytes == piece->open_bytes &&
           header.plain_bytes == piece->plain_bytes &&
           fsp_object_bytes(&header) == fsp_blob_bytes(object);
}

/* Takes the reference on object: from here on the shell keeps it. */
static void
store(fsp_piece_t *piece, fsp_blob_t *object, fsp_upload_effects_t *effects)
{
    piece->state = FSP_PIECE_STORING;
    fsp_blob_destroy(&piece->object);
    piece->stored = true;
    fsp_upload_effect_t *effect = fsp_upload_add_effect(effects, FSP_UPLOAD_PUT);
    effect->token = piece->token;
    effect->kind = piece->kind;
    effect->key = piece->child.key;
    memcpy(effect->head, piece->head, sizeof(effect->head));
    effect->object = object;
}

void
fsp_upload_sealed(fsp_upload_t *self, uint64_t token, const fsp_sealed_t *sealed,
                  fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    FSP_PRE(sealed != NULL);
    if (fsp_upload_is_over(self))
        return;
    fsp_piece_t *piece = find_piece(self, token, FSP_PIECE_SEALING);
    if (!object_fits(piece, sealed->object)) {
        fsp_upload_fail(self, FSP_INTERNAL, effects);
        return;
    }
    piece->child.key = sealed->key;
    memcpy(piece->head, sealed->head, sizeof(piece->head));
    piece->child.object_bytes = fsp_blob_bytes(sealed->object);
    if (piece->expected && !fsp_hash_eq(piece->child.digest, sealed->digest)) {
        fsp_upload_fail(self, FSP_DAMAGED, effects);
        return;
    }
    if (piece->kind == FSP_OBJECT_CHUNK)
        piece->child.digest = sealed->digest;
    set_held(self, piece, piece->child.object_bytes);
    if (piece->child.object_bytes >= FSP_HAVE_BYTES_MIN) {
        piece->state = FSP_PIECE_ASKING;
        piece->object = fsp_blob_ref(sealed->object);
        fsp_upload_effect_t *effect = fsp_upload_add_effect(effects, FSP_UPLOAD_HAVE);
        effect->token = token;
        effect->kind = piece->kind;
        effect->key = sealed->key;
        effect->bytes = piece->child.object_bytes;
    } else {
        store(piece, fsp_blob_ref(sealed->object), effects);
    }
    fsp_upload_check(self);
}

void
fsp_upload_have(fsp_upload_t *self, uint64_t token, fsp_status_t status, bool yes,
                fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (fsp_upload_is_over(self))
        return;
    fsp_piece_t *piece = find_piece(self, token, FSP_PIECE_ASKING);
    if (status != FSP_OK)
        fsp_upload_fail(self, status, effects);
    else if (yes)
        finish_piece(self, piece, effects);
    else
        store(piece, fsp_blob_ref(piece->object), effects);
}

void
fsp_upload_stored(fsp_upload_t *self, uint64_t token, fsp_status_t status,
                  fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (fsp_upload_is_over(self))
        return;
    fsp_piece_t *piece = find_piece(self, token, FSP_PIECE_STORING);
    if (status == FSP_OK)
        finish_piece(self, piece, effects);
    else
        fsp_upload_fail(self, status, effects);
}

/* -- looking ----------------------------------------------------------------------------------- */

void
fsp_upload_outcome(const fsp_upload_t *self, fsp_upload_outcome_t *ret)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->state == FSP_UPLOAD_OVER_READY);
    *ret = self->outcome;
}

uint64_t
fsp_upload_held_bytes(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->held_bytes + self->chunk_bytes + self->head.bytes;
}

uint64_t
fsp_upload_offset(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->at.offset;
}

uint64_t
fsp_upload_credit_bytes(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->credit_bytes;
}
