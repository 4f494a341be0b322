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
 */
#include "core/data/upload.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"

enum {
    CHUNK_BYTES_FIRST = 64 * 1024, /* room of a file's first chunk: many files are smaller */
    PIECES_MAX = 256,
    NODES_MAX = FSP_TREE_DEPTH_MAX,
    LEVELS = FSP_TREE_DEPTH_MAX + 1 /* chunks, and nodes of each level */
};

typedef enum { RECEIVING, DRAINING, READY, FAILED, STATE_COUNT } state_t;

typedef enum { SEALING, ASKING, STORING, DONE } piece_state_t;

typedef struct piece piece_t;
struct piece {
    piece_t *next;
    uint64_t token;
    piece_state_t state;
    fsp_object_kind_t kind;
    uint64_t open_bytes, plain_bytes; /* what was given to seal */
    uint64_t held_bytes;              /* its share of the upload's */
    fsp_blob_t *object;               /* ASKING only */
    fsp_child_t child;                /* content bytes from the start, the rest from SEALED */
};

typedef struct {
    piece_t *first, *last;
} queue_t;

struct fsp_upload {
    state_t state;
    const fsp_gear_t *gear;
    size_t chunk_bytes_max;
    uint64_t window_bytes, size_max;
    uint64_t received_bytes;
    uint64_t credit_bytes; /* granted, not received */
    uint64_t plain_bytes;  /* plaintext held: head, present chunk, chunks that are not DONE */
    uint64_t held_bytes;   /* of pieces: plaintext before sealing, the object after it */
    fsp_buf_t head;        /* the first bytes, as long as the content may stay inline */
    fsp_chunker_t chunker;
    uint8_t *chunk; /* the present chunk */
    size_t chunk_bytes, chunk_capacity;
    uint64_t token; /* last given out */
    queue_t queues[LEVELS];
    size_t piece_count, node_count; /* in all queues; of these nodes */
    fsp_tree_builder_t *builder;
    fsp_sha256_t *sha256;
    fsp_upload_outcome_t outcome;
};

/* -- effects ----------------------------------------------------------------------------------- */

static fsp_upload_effect_t *
add_effect(fsp_upload_effects_t *effects, fsp_upload_effect_type_t type)
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

static void
move_to(fsp_upload_t *self, state_t to)
{
    static const bool allowed[STATE_COUNT][STATE_COUNT] = {
        /* Inline content has nothing to drain, but goes the same way. */
        [RECEIVING] = {[DRAINING] = true, [FAILED] = true},
        [DRAINING] = {[READY] = true, [FAILED] = true},
    };
    FSP_ASSERT(allowed[self->state][to]);
    self->state = to;
}

static bool
is_over(const fsp_upload_t *self)
{
    return self->state == READY || self->state == FAILED;
}

static void
check(const fsp_upload_t *self)
{
    FSP_ASSERT(is_over(self) || self->credit_bytes + self->plain_bytes <= self->window_bytes);
    FSP_ASSERT(self->chunk_bytes <= self->chunk_bytes_max);
    FSP_IMPLIES(self->state == READY, self->piece_count == 0);
}

static void
set_held(fsp_upload_t *self, piece_t *piece, uint64_t bytes)
{
    FSP_ASSERT(self->held_bytes >= piece->held_bytes);
    self->held_bytes += bytes - piece->held_bytes;
    piece->held_bytes = bytes;
}

static piece_t *
pop_piece(fsp_upload_t *self, queue_t *queue)
{
    piece_t *piece = queue->first;
    queue->first = piece->next;
    if (!queue->first)
        queue->last = NULL;
    self->piece_count--;
    if (piece->kind == FSP_OBJECT_TREE)
        self->node_count--;
    return piece;
}

static void
destroy_piece(fsp_upload_t *self, piece_t *piece)
{
    set_held(self, piece, 0);
    fsp_blob_destroy(&piece->object);
    fsp_free(piece);
}

/* Lets go of everything but the inline content. */
static void
release(fsp_upload_t *self)
{
    for (size_t level = 0; level < LEVELS; level++)
        while (self->queues[level].first)
            destroy_piece(self, pop_piece(self, &self->queues[level]));
    FSP_ASSERT(self->held_bytes == 0);
    fsp_free(self->chunk);
    self->chunk = NULL;
    self->chunk_bytes = self->chunk_capacity = 0;
    fsp_tree_builder_destroy(&self->builder);
    fsp_sha256_destroy(&self->sha256);
    self->credit_bytes = 0;
}

static void
fail(fsp_upload_t *self, fsp_status_t status, fsp_upload_effects_t *effects)
{
    FSP_PRE(status != FSP_OK);
    move_to(self, FAILED);
    release(self);
    fsp_buf_clear(&self->head);
    self->plain_bytes = 0;
    add_effect(effects, FSP_UPLOAD_FAILED)->status = status;
}

/* -- lifecycle --------------------------------------------------------------------------------- */

/* Grants what is free, in lots of a quarter of the window. */
static void
grant(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    if (self->state != RECEIVING || self->piece_count > PIECES_MAX || self->node_count > NODES_MAX)
        return;
    uint64_t bytes = self->window_bytes - self->plain_bytes - self->credit_bytes;
    if (bytes < self->window_bytes / 4 || bytes == 0)
        return;
    self->credit_bytes += bytes;
    add_effect(effects, FSP_UPLOAD_CREDIT)->bytes = bytes;
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
    fsp_buf_init(&self->head, FSP_INLINE_BYTES_MAX);
    fsp_chunker_init(&self->chunker, config->gear);
    self->builder = fsp_tree_builder_new();
    self->sha256 = fsp_sha256_new();
    grant(self, effects);
    check(self);
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

/* Puts a piece at the end of its queue and asks for it to be sealed.  Takes both blobs. */
static piece_t *
start_piece(fsp_upload_t *self, unsigned level, fsp_object_kind_t kind, fsp_blob_t *open,
            fsp_blob_t *plain, fsp_upload_effects_t *effects)
{
    FSP_ASSERT(level < LEVELS);
    piece_t *piece = FSP_NEW(piece_t);
    piece->token = ++self->token;
    piece->state = SEALING;
    piece->kind = kind;
    piece->open_bytes = open ? fsp_blob_bytes(open) : 0;
    piece->plain_bytes = fsp_blob_bytes(plain);
    set_held(self, piece, piece->open_bytes + piece->plain_bytes);
    queue_t *queue = &self->queues[level];
    if (queue->last)
        queue->last->next = piece;
    else
        queue->first = piece;
    queue->last = piece;
    self->piece_count++;
    if (kind == FSP_OBJECT_TREE)
        self->node_count++;

    fsp_upload_effect_t *effect = add_effect(effects, FSP_UPLOAD_SEAL);
    effect->token = piece->token;
    effect->kind = kind;
    effect->open = open;
    effect->plain = plain;
    return piece;
}

static void
start_node(fsp_upload_t *self, const fsp_tree_node_t *node, fsp_upload_effects_t *effects)
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
    self->outcome.tree_count++;
    piece_t *piece =
        start_piece(self, node->level + 1, FSP_OBJECT_TREE, fsp_blob_copy(open.data, open.bytes),
                    fsp_blob_copy(plain.data, plain.bytes), effects);
    piece->child.content_bytes = content_bytes;
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);
}

static void
become_ready(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    move_to(self, READY);
    self->outcome.size = self->received_bytes;
    self->outcome.sha256 = fsp_sha256_finish(self->sha256);
    self->outcome.inline_content = fsp_buf_slice(&self->head);
    release(self);
    add_effect(effects, FSP_UPLOAD_READY);
}

/* Moves DONE pieces into the tree, and the transfer towards its end. */
static void
advance(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        queue_t *queue = &self->queues[level];
        while (queue->first && queue->first->state == DONE) {
            piece_t *piece = pop_piece(self, queue);
            fsp_tree_builder_add(self->builder, level, &piece->child);
            destroy_piece(self, piece);
            const fsp_tree_node_t *node = fsp_tree_builder_full(self->builder);
            if (node) {
                FSP_ASSERT(node->level == level);
                start_node(self, node, effects);
            }
        }
    }
    if (self->state != DRAINING || self->piece_count > 0)
        return;
    fsp_child_t root;
    unsigned level = 0;
    const fsp_tree_node_t *node = fsp_tree_builder_close(self->builder, &root, &level);
    if (node) {
        start_node(self, node, effects);
        return;
    }
    FSP_ASSERT(root.content_bytes == self->received_bytes);
    FSP_ASSERT(self->plain_bytes == 0);
    self->outcome.root_kind = level == 0 ? FSP_ROOT_CHUNK : FSP_ROOT_TREE;
    self->outcome.root_key = root.key;
    become_ready(self, effects);
}

/* The piece is stored: its bytes are let go. */
static void
finish_piece(fsp_upload_t *self, piece_t *piece, fsp_upload_effects_t *effects)
{
    piece->state = DONE;
    fsp_blob_destroy(&piece->object);
    set_held(self, piece, 0);
    if (piece->kind == FSP_OBJECT_CHUNK) {
        FSP_ASSERT(self->plain_bytes >= piece->plain_bytes);
        self->plain_bytes -= piece->plain_bytes;
    }
    advance(self, effects);
    grant(self, effects);
    check(self);
}

/* -- bytes ------------------------------------------------------------------------------------- */

static void
free_chunk(void *data, void *hint)
{
    (void)hint;
    fsp_free(data);
}

static void
append_to_chunk(fsp_upload_t *self, fsp_slice_t bytes)
{
    size_t needed = self->chunk_bytes + bytes.bytes;
    FSP_ASSERT(needed <= self->chunk_bytes_max);
    if (needed > self->chunk_capacity) {
        /* Later chunks of a file start at the average: growing copies. */
        size_t capacity = self->token == 0 ? (size_t)CHUNK_BYTES_FIRST
                                           : (size_t)fsp_gear_params(self->gear)->bytes_avg;
        while (capacity < needed || capacity <= self->chunk_capacity)
            capacity *= 2;
        if (capacity > self->chunk_bytes_max)
            capacity = self->chunk_bytes_max;
        self->chunk = fsp_realloc(self->chunk, capacity);
        self->chunk_capacity = capacity;
    }
    if (bytes.bytes)
        memcpy(self->chunk + self->chunk_bytes, bytes.data, bytes.bytes);
    self->chunk_bytes = needed;
}

static void
close_chunk(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    FSP_ASSERT(self->chunk_bytes > 0);
    size_t bytes = self->chunk_bytes;
    if (bytes < self->chunk_capacity)
        self->chunk = fsp_realloc(self->chunk, bytes);
    fsp_blob_t *plain = fsp_blob_wrap(self->chunk, bytes, free_chunk, NULL);
    self->chunk = NULL;
    self->chunk_bytes = self->chunk_capacity = 0;
    start_piece(self, 0, FSP_OBJECT_CHUNK, NULL, plain, effects)->child.content_bytes = bytes;
    self->outcome.chunk_count++;
}

static void
cut(fsp_upload_t *self, fsp_slice_t bytes, fsp_upload_effects_t *effects)
{
    while (bytes.bytes > 0) {
        bool ends = false;
        size_t used = fsp_chunker_feed(&self->chunker, bytes, &ends);
        FSP_ASSERT(used <= bytes.bytes);
        FSP_ASSERT(used > 0 || ends);
        append_to_chunk(self, fsp_slice(bytes.data, used));
        if (ends)
            close_chunk(self, effects);
        bytes = fsp_slice(bytes.data + used, bytes.bytes - used);
    }
}

void
fsp_upload_data(fsp_upload_t *self, fsp_slice_t bytes, fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (is_over(self) || bytes.bytes == 0)
        return;
    fsp_status_t status = FSP_OK;
    if (self->state != RECEIVING)
        status = FSP_PROTOCOL;
    else if (bytes.bytes > self->credit_bytes)
        status = FSP_NO_CREDIT;
    else if (bytes.bytes > UINT64_MAX - self->received_bytes ||
             (self->size_max && self->received_bytes + bytes.bytes > self->size_max))
        status = FSP_TOO_LARGE;
    if (status != FSP_OK) {
        fail(self, status, effects);
        return;
    }
    self->credit_bytes -= bytes.bytes;
    self->plain_bytes += bytes.bytes;
    self->received_bytes += bytes.bytes;
    fsp_sha256_update(self->sha256, bytes);
    if (self->received_bytes <= FSP_INLINE_BYTES_MAX) {
        fsp_buf_append_slice(&self->head, bytes);
        FSP_ASSERT(fsp_buf_ok(&self->head));
    } else {
        cut(self, fsp_buf_slice(&self->head), effects);
        fsp_buf_clear(&self->head);
        cut(self, bytes, effects);
    }
    check(self);
}

void
fsp_upload_finish(fsp_upload_t *self, fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (is_over(self))
        return;
    if (self->state != RECEIVING) {
        fail(self, FSP_PROTOCOL, effects);
        return;
    }
    move_to(self, DRAINING);
    self->credit_bytes = 0;
    if (self->received_bytes <= FSP_INLINE_BYTES_MAX) {
        self->outcome.root_kind = FSP_ROOT_INLINE;
        become_ready(self, effects);
    } else {
        if (self->chunk_bytes > 0)
            close_chunk(self, effects);
        advance(self, effects);
    }
    check(self);
}

/* -- results ----------------------------------------------------------------------------------- */

/* What is under way is little (PIECES_MAX and a window of chunks), and old tokens come first. */
static piece_t *
find_piece(const fsp_upload_t *self, uint64_t token, piece_state_t state)
{
    for (size_t level = 0; level < LEVELS; level++)
        for (piece_t *piece = self->queues[level].first; piece; piece = piece->next)
            if (piece->token == token) {
                FSP_PRE(piece->state == state);
                return piece;
            }
    /* An answer to no question is a mistake of the shell. */
    FSP_UNREACHABLE();
}

/* Is this the object that was asked for? */
static bool
object_fits(const piece_t *piece, const fsp_blob_t *object)
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
store(fsp_upload_t *self, piece_t *piece, fsp_blob_t *object, fsp_upload_effects_t *effects)
{
    piece->state = STORING;
    fsp_blob_destroy(&piece->object);
    if (piece->kind == FSP_OBJECT_CHUNK)
        self->outcome.chunk_new_count++;
    fsp_upload_effect_t *effect = add_effect(effects, FSP_UPLOAD_PUT);
    effect->token = piece->token;
    effect->kind = piece->kind;
    effect->key = piece->child.key;
    effect->object = object;
}

void
fsp_upload_sealed(fsp_upload_t *self, uint64_t token, fsp_blob_t *object, fsp_key_t key,
                  fsp_hash_t digest, fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (is_over(self))
        return;
    piece_t *piece = find_piece(self, token, SEALING);
    if (!object_fits(piece, object)) {
        fail(self, FSP_INTERNAL, effects);
        return;
    }
    piece->child.key = key;
    piece->child.object_bytes = fsp_blob_bytes(object);
    if (piece->kind == FSP_OBJECT_CHUNK)
        piece->child.digest = digest;
    set_held(self, piece, piece->child.object_bytes);
    if (piece->child.object_bytes >= FSP_HAVE_BYTES_MIN) {
        piece->state = ASKING;
        piece->object = fsp_blob_ref(object);
        fsp_upload_effect_t *effect = add_effect(effects, FSP_UPLOAD_HAVE);
        effect->token = token;
        effect->kind = piece->kind;
        effect->key = key;
        effect->bytes = piece->child.object_bytes;
    } else {
        store(self, piece, fsp_blob_ref(object), effects);
    }
    check(self);
}

void
fsp_upload_have(fsp_upload_t *self, uint64_t token, fsp_status_t status, bool yes,
                fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (is_over(self))
        return;
    piece_t *piece = find_piece(self, token, ASKING);
    if (status != FSP_OK)
        fail(self, status, effects);
    else if (yes)
        finish_piece(self, piece, effects);
    else
        store(self, piece, fsp_blob_ref(piece->object), effects);
}

void
fsp_upload_stored(fsp_upload_t *self, uint64_t token, fsp_status_t status,
                  fsp_upload_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (is_over(self))
        return;
    piece_t *piece = find_piece(self, token, STORING);
    if (status == FSP_OK)
        finish_piece(self, piece, effects);
    else
        fail(self, status, effects);
}

/* -- looking ----------------------------------------------------------------------------------- */

void
fsp_upload_outcome(const fsp_upload_t *self, fsp_upload_outcome_t *ret)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->state == READY);
    *ret = self->outcome;
}

uint64_t
fsp_upload_held_bytes(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->held_bytes + self->chunk_bytes + self->head.bytes;
}

uint64_t
fsp_upload_received_bytes(const fsp_upload_t *self)
{
    FSP_PRE(self != NULL);
    return self->received_bytes;
}
