/* SPDX-License-Identifier: MIT */
/* download - one get: from a root to bytes in order, in bounded memory.  Layer core/data.  Pure.
 *
 * Two cursors go through the file.  The *plan* walks the tree from the left: a stack with one node
 * a level, at most one node under way; at each chunk in the range it starts an item, as far as the
 * read-ahead and the window allow.  The *output* takes opened items from the front of the queue,
 * as far as the client's credit reaches.
 *
 *   item, node:  FETCHING --part--> OPENING --plaintext--> OPENED
 *   transfer:    RUNNING --all emitted--> ENDED          any error --> FAILED
 *
 * Trust.  A part's head must hash to the key before its header is believed; opening proves the
 * bytes.  A node whose bytes are genuine can still lie about what is below it (a faulty writer), so
 * levels must fall by one, contents must sum up and chunks must have the promised length: DAMAGED
 * otherwise.  The range of a chunk is taken in sub-blocks if its lengths say that it is not
 * compressed; the root, whose object's length nobody told, is fetched whole.
 */
#include "core/data/download.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"

enum { AHEAD_FIRST = 4, AHEAD_MAX = 16, LEVEL_ANY = FSP_TREE_DEPTH_MAX };

typedef enum { RUNNING, ENDED, FAILED } state_t;
typedef enum { FETCHING, OPENING, OPENED } item_state_t;

/* What a parent says about a child. */
typedef struct {
    fsp_key_t key;
    uint64_t object_bytes; /* 0: not known (the root) */
    uint64_t content_bytes;
} place_t;

/* An object under way. */
typedef struct item item_t;
struct item {
    item_t *next;
    uint64_t token;
    item_state_t state;
    fsp_object_kind_t kind;
    place_t place;
    uint64_t offset; /* in the file, of its content */
    unsigned level;  /* TREE: that it must have, or LEVEL_ANY */
    /* CHUNK: */
    bool whole;
    uint64_t sealed_from, sealed_to; /* unless whole */
    uint64_t plain_offset;           /* in the file, of the plaintext fetched */
    uint64_t plain_bytes;            /* as long as it must be; charged to the window */
    uint64_t at, to;                 /* in the file: still to be emitted */
    fsp_blob_t *plain;               /* OPENED */
    bool stalled;                    /* the client's credit kept it waiting */
};

/* An opened node on the path to the plan's place. */
typedef struct {
    unsigned level;
    size_t count, index; /* the child that is next */
    uint64_t offset;     /* in the file, of that child */
    place_t *children;
} frame_t;

struct fsp_download {
    state_t state;
    uint64_t from, to;
    uint64_t window_bytes;
    uint64_t frame_bytes;
    uint64_t credit_bytes;
    uint64_t token; /* last given out */
    /* plan */
    item_t *node; /* under way, or NULL */
    frame_t frames[FSP_TREE_DEPTH_MAX];
    size_t frame_count;
    uint64_t node_bytes; /* of all frames */
    /* output */
    item_t *first, *last; /* chunks in the order of the file */
    size_t item_count, ahead;
    uint64_t plain_bytes; /* charged by them */
    bool counts_lent;     /* somebody says so: */
    uint64_t lent_bytes;  /* of chunks that were emitted whole, and are held by somebody still */
    bool crowded;         /* a chunk waits for those */
    uint64_t at;          /* in the file: next byte to emit */
};

/* -- effects ----------------------------------------------------------------------------------- */

void
fsp_object_part_clear(fsp_object_part_t *self)
{
    FSP_PRE(self != NULL);
    fsp_blob_destroy(&self->open);
    fsp_blob_destroy(&self->sealed);
    *self = (fsp_object_part_t){0};
}

static fsp_download_effect_t *
add_effect(fsp_download_effects_t *effects, fsp_download_effect_type_t type)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? 2 * effects->capacity : 8;
        effects->items = fsp_realloc(effects->items, effects->capacity * sizeof(*effects->items));
    }
    fsp_download_effect_t *effect = &effects->items[effects->count++];
    *effect = (fsp_download_effect_t){.type = type};
    return effect;
}

void
fsp_download_effects_reset(fsp_download_effects_t *self)
{
    FSP_PRE(self != NULL);
    for (size_t i = 0; i < self->count; i++) {
        fsp_object_part_clear(&self->items[i].part);
        fsp_blob_destroy(&self->items[i].blob);
    }
    self->count = 0;
}

void
fsp_download_effects_clear(fsp_download_effects_t *self)
{
    fsp_download_effects_reset(self);
    fsp_free(self->items);
    *self = (fsp_download_effects_t){0};
}

/* -- state ------------------------------------------------------------------------------------- */

static void
check(const fsp_download_t *self)
{
    /* One chunk goes on its way even if it is larger than the window, or nothing would. */
    FSP_ASSERT(self->plain_bytes <= self->window_bytes || self->item_count == 1);
    FSP_ASSERT(self->item_count <= AHEAD_MAX);
    FSP_ASSERT(self->at <= self->to);
    FSP_IMPLIES(self->state == RUNNING, self->node || self->item_count > 0 || self->crowded);
    FSP_IMPLIES(self->crowded, self->lent_bytes > 0);
}

static void
pop_item(fsp_download_t *self)
{
    item_t *item = self->first;
    self->first = item->next;
    if (!self->first)
        self->last = NULL;
    FSP_ASSERT(self->plain_bytes >= item->plain_bytes);
    self->plain_bytes -= item->plain_bytes;
    self->item_count--;
    fsp_blob_destroy(&item->plain);
    fsp_free(item);
}

static void
pop_frame(fsp_download_t *self)
{
    frame_t *frame = &self->frames[--self->frame_count];
    self->node_bytes -= frame->count * sizeof(*frame->children);
    fsp_free(frame->children);
    *frame = (frame_t){0};
}

static void
release(fsp_download_t *self)
{
    while (self->first)
        pop_item(self);
    while (self->frame_count > 0)
        pop_frame(self);
    fsp_free(self->node);
    self->node = NULL;
    FSP_ASSERT(self->plain_bytes == 0);
    FSP_ASSERT(self->node_bytes == 0);
}

static void
fail(fsp_download_t *self, fsp_status_t status, fsp_key_t key, fsp_download_effects_t *effects)
{
    FSP_PRE(self->state == RUNNING);
    FSP_PRE(status != FSP_OK);
    release(self);
    self->state = FAILED;
    fsp_download_effect_t *effect = add_effect(effects, FSP_DOWNLOAD_FAILED);
    effect->status = status;
    effect->key = key;
}

static void
end(fsp_download_t *self, fsp_download_effects_t *effects)
{
    FSP_PRE(self->state == RUNNING);
    release(self);
    self->state = ENDED;
    add_effect(effects, FSP_DOWNLOAD_END);
}

/* -- plan -------------------------------------------------------------------------------------- */

static void
fetch(const item_t *item, fsp_download_effects_t *effects)
{
    fsp_download_effect_t *effect = add_effect(effects, FSP_DOWNLOAD_FETCH);
    effect->token = item->token;
    effect->key = item->place.key;
    effect->sealed_from = item->sealed_from;
    effect->sealed_to = item->sealed_to;
}

static item_t *
new_item(fsp_download_t *self, fsp_object_kind_t kind, const place_t *place, uint64_t offset)
{
    item_t *item = FSP_NEW(item_t);
    item->token = ++self->token;
    item->kind = kind;
    item->place = *place;
    item->offset = offset;
    item->whole = true;
    return item;
}

static void
start_node(fsp_download_t *self, const place_t *place, uint64_t offset, unsigned level,
           fsp_download_effects_t *effects)
{
    FSP_PRE(self->node == NULL);
    self->node = new_item(self, FSP_OBJECT_TREE, place, offset);
    self->node->level = level;
    fetch(self->node, effects);
}

/* Narrows item to the sub-blocks that the range touches, if that is possible and saves some. */
static void
narrow(item_t *item)
{
    uint64_t content = item->place.content_bytes;
    fsp_object_header_t header = {.kind = FSP_OBJECT_CHUNK,
                                  .codec = FSP_CODEC_NONE,
                                  .input_bytes = content,
                                  .plain_bytes = content};
    if (item->place.object_bytes != fsp_object_bytes(&header))
        return;
    uint64_t first = (item->at - item->offset) / FSP_SUBBLOCK_BYTES;
    uint64_t after = (item->to - item->offset - 1) / FSP_SUBBLOCK_BYTES + 1;
    if (first == 0 && after * FSP_SUBBLOCK_BYTES >= content)
        return;
    item->whole = false;
    fsp_object_range(&header, item->at - item->offset, item->to - item->offset, &item->sealed_from,
                     &item->sealed_to);
    uint64_t plain_to = after * FSP_SUBBLOCK_BYTES < content ? after * FSP_SUBBLOCK_BYTES : content;
    item->plain_offset = item->offset + first * FSP_SUBBLOCK_BYTES;
    item->plain_bytes = plain_to - first * FSP_SUBBLOCK_BYTES;
    FSP_ASSERT(item->sealed_from == first * (FSP_SUBBLOCK_BYTES + FSP_GCM_TAG_BYTES));
    FSP_ASSERT(item->sealed_to - item->sealed_from ==
               item->plain_bytes + (after - first) * FSP_GCM_TAG_BYTES);
}

/* Starts a chunk; false if there is no room for it now. */
static bool
start_chunk(fsp_download_t *self, const place_t *place, uint64_t offset,
            fsp_download_effects_t *effects)
{
    if (self->item_count >= self->ahead)
        return false;
    item_t *item = new_item(self, FSP_OBJECT_CHUNK, place, offset);
    uint64_t end_offset = offset + place->content_bytes;
    item->at = offset > self->from ? offset : self->from;
    item->to = end_offset < self->to ? end_offset : self->to;
    item->plain_offset = offset;
    item->plain_bytes = place->content_bytes;
    narrow(item);
    uint64_t held_bytes = self->plain_bytes + self->lent_bytes;
    if (held_bytes > 0 && held_bytes + item->plain_bytes > self->window_bytes) {
        self->crowded = self->lent_bytes > 0;
        fsp_free(item);
        return false;
    }
    if (self->last)
        self->last->next = item;
    else
        self->first = item;
    self->last = item;
    self->item_count++;
    self->plain_bytes += item->plain_bytes;
    fetch(item, effects);
    return true;
}

static void
plan(fsp_download_t *self, fsp_download_effects_t *effects)
{
    self->crowded = false;
    while (!self->node && self->frame_count > 0) {
        frame_t *frame = &self->frames[self->frame_count - 1];
        if (frame->index == frame->count || frame->offset >= self->to) {
            pop_frame(self);
            continue;
        }
        const place_t *place = &frame->children[frame->index];
        bool wanted = frame->offset + place->content_bytes > self->from;
        if (wanted && frame->level > 0)
            start_node(self, place, frame->offset, frame->level - 1, effects);
        else if (wanted && !start_chunk(self, place, frame->offset, effects))
            return;
        frame->offset += place->content_bytes;
        frame->index++;
    }
}

/* Takes children, which must be true to what their parent said. */
static fsp_status_t
push_frame(fsp_download_t *self, unsigned level, uint64_t offset, place_t *children, size_t count,
           uint64_t content_bytes)
{
    FSP_ASSERT(self->frame_count < FSP_TREE_DEPTH_MAX);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = children[i].content_bytes;
        uint64_t bytes_max = level == 0 ? (uint64_t)FSP_CHUNK_BYTES_MAX : content_bytes;
        if (bytes == 0 || bytes > bytes_max || bytes > content_bytes - sum ||
            children[i].object_bytes > FSP_OBJECT_BYTES_MAX) {
            fsp_free(children);
            return FSP_DAMAGED;
        }
        sum += bytes;
    }
    if (sum != content_bytes) {
        fsp_free(children);
        return FSP_DAMAGED;
    }
    self->frames[self->frame_count++] =
        (frame_t){.level = level, .count = count, .offset = offset, .children = children};
    self->node_bytes += count * sizeof(*children);
    return FSP_OK;
}

/* -- output ------------------------------------------------------------------------------------ */

static void
emit(fsp_download_t *self, fsp_download_effects_t *effects)
{
    while (self->first && self->first->state == OPENED) {
        item_t *item = self->first;
        FSP_ASSERT(item->at == self->at);
        if (self->credit_bytes == 0) {
            item->stalled = true;
            return;
        }
        uint64_t bytes = item->to - item->at;
        if (bytes > self->frame_bytes)
            bytes = self->frame_bytes;
        if (bytes > self->credit_bytes)
            bytes = self->credit_bytes;
        fsp_download_effect_t *effect = add_effect(effects, FSP_DOWNLOAD_DATA);
        effect->offset = item->at;
        effect->blob = fsp_blob_ref(item->plain);
        effect->slice =
            fsp_slice(fsp_blob_data(item->plain) + (item->at - item->plain_offset), (size_t)bytes);
        self->credit_bytes -= bytes;
        item->at += bytes;
        self->at += bytes;
        if (item->at < item->to)
            continue;
        /* A client that keeps up is read ahead for further. */
        if (!item->stalled && self->ahead < AHEAD_MAX)
            self->ahead *= 2;
        if (self->counts_lent)
            self->lent_bytes += item->plain_bytes;
        pop_item(self);
    }
}

/* Emits what can be emitted, plans what then has room. */
static void
go_on(fsp_download_t *self, fsp_download_effects_t *effects)
{
    emit(self, effects);
    if (self->at == self->to)
        end(self, effects);
    else
        plan(self, effects);
    check(self);
}

/* -- lifecycle --------------------------------------------------------------------------------- */

fsp_download_t *
fsp_download_new(const fsp_download_config_t *config, fsp_download_effects_t *effects)
{
    FSP_PRE(config != NULL);
    FSP_PRE(config->root_kind == FSP_ROOT_CHUNK || config->root_kind == FSP_ROOT_TREE);
    FSP_PRE(config->from <= config->to);
    FSP_PRE(config->to <= config->size);
    fsp_download_t *self = FSP_NEW(fsp_download_t);
    self->from = self->at = config->from;
    self->to = config->to;
    self->window_bytes = config->window_bytes;
    self->frame_bytes = FSP_FRAME_BYTES_MAX;
    self->ahead = AHEAD_FIRST;
    place_t root = {.key = config->root_key, .content_bytes = config->size};
    if (self->from == self->to) {
        end(self, effects);
    } else if (config->root_kind == FSP_ROOT_TREE) {
        start_node(self, &root, 0, LEVEL_ANY, effects);
    } else {
        /* As if a node had said it. */
        place_t *children = fsp_alloc_array(1, sizeof(*children));
        children[0] = root;
        fsp_status_t status = push_frame(self, 0, 0, children, 1, config->size);
        if (status == FSP_OK)
            plan(self, effects);
        else
            fail(self, status, config->root_key, effects);
    }
    check(self);
    return self;
}

void
fsp_download_destroy(fsp_download_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_download_t *self = *self_p;
    if (!self)
        return;
    release(self);
    fsp_free(self);
    *self_p = NULL;
}

void
fsp_download_credit(fsp_download_t *self, uint64_t bytes, fsp_download_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (self->state != RUNNING)
        return;
    uint64_t room = UINT64_MAX - self->credit_bytes;
    self->credit_bytes += bytes < room ? bytes : room;
    go_on(self, effects);
}

void
fsp_download_lent(fsp_download_t *self, uint64_t alive_bytes, fsp_download_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (self->state != RUNNING)
        return;
    uint64_t opened_bytes = 0;
    for (const item_t *item = self->first; item; item = item->next)
        if (item->state == OPENED)
            opened_bytes += item->plain_bytes;
    FSP_PRE(alive_bytes >= opened_bytes);
    self->counts_lent = true;
    self->lent_bytes = alive_bytes - opened_bytes;
    if (self->crowded)
        plan(self, effects);
    check(self);
}

void
fsp_download_frame(fsp_download_t *self, uint64_t bytes)
{
    FSP_PRE(self != NULL);
    FSP_PRE(bytes > 0 && bytes <= FSP_FRAME_BYTES_MAX);
    self->frame_bytes = bytes;
}

bool
fsp_download_is_crowded(const fsp_download_t *self)
{
    FSP_PRE(self != NULL);
    return self->state == RUNNING && self->crowded;
}

/* -- results ----------------------------------------------------------------------------------- */

static item_t *
find_item(const fsp_download_t *self, uint64_t token, item_state_t state)
{
    item_t *found = self->node && self->node->token == token ? self->node : NULL;
    for (item_t *item = self->first; item && !found; item = item->next)
        if (item->token == token)
            found = item;
    /* An answer to no question is a mistake of the shell. */
    FSP_PRE(found != NULL);
    FSP_PRE(found->state == state);
    return found;
}

/* Is part what was asked for?  Its tags are not checked here. */
static fsp_status_t
check_part(const item_t *item, const fsp_object_part_t *part)
{
    fsp_hash_t name = fsp_sha256(fsp_slice(part->head, FSP_OBJECT_HEAD_BYTES));
    if (memcmp(name.bytes, item->place.key.bytes, sizeof(name.bytes)) != 0)
        return FSP_DAMAGED;
    fsp_object_header_t header;
    fsp_status_t status =
        fsp_object_header_decode(fsp_slice(part->head, FSP_OBJECT_HEADER_BYTES), &header);
    if (status != FSP_OK) /* genuine, so that a newer format is just that */
        return status == FSP_UNSUPPORTED ? status : FSP_DAMAGED;
    uint64_t sealed_bytes = fsp_object_sealed_bytes(&header);
    uint64_t part_bytes = item->whole ? sealed_bytes : item->sealed_to - item->sealed_from;
    bool is_chunk = item->kind == FSP_OBJECT_CHUNK;
    bool fits =
        header.kind == item->kind &&
        (!is_chunk || header.plain_bytes == item->place.content_bytes) &&
        (!item->place.object_bytes || fsp_object_bytes(&header) == item->place.object_bytes) &&
        (item->whole || header.codec == FSP_CODEC_NONE) &&
        (part->open ? fsp_blob_bytes(part->open) : 0) == header.open_bytes &&
        part->sealed_bytes == sealed_bytes && part->sealed_from == item->sealed_from &&
        part->sealed && fsp_blob_bytes(part->sealed) == part_bytes;
    return fits ? FSP_OK : FSP_DAMAGED;
}

void
fsp_download_fetched(fsp_download_t *self, uint64_t token, fsp_status_t status,
                     fsp_object_part_t *part, fsp_download_effects_t *effects)
{
    FSP_PRE(self != NULL);
    FSP_PRE(part != NULL);
    if (self->state != RUNNING) {
        fsp_object_part_clear(part);
        return;
    }
    item_t *item = find_item(self, token, FETCHING);
    if (status == FSP_OK)
        status = check_part(item, part);
    if (status != FSP_OK) {
        fsp_object_part_clear(part);
        fail(self, status, item->place.key, effects);
        return;
    }
    item->state = OPENING;
    fsp_download_effect_t *effect = add_effect(effects, FSP_DOWNLOAD_OPEN);
    effect->token = token;
    effect->key = item->place.key;
    effect->part = *part;
    effect->whole = item->whole;
    *part = (fsp_object_part_t){0};
    check(self);
}

static fsp_status_t
take_node(fsp_download_t *self, const item_t *item, fsp_blob_t *open, fsp_blob_t *plain)
{
    fsp_tree_node_t *node = fsp_alloc_raw(sizeof(*node)); /* large, and filled by decode */
    fsp_slice_t open_slice = open ? fsp_blob_slice(open) : fsp_slice(NULL, 0);
    fsp_status_t status = fsp_tree_decode(open_slice, fsp_blob_slice(plain), node);
    bool level_fits = status == FSP_OK && node->level < FSP_TREE_DEPTH_MAX &&
                      (item->level == LEVEL_ANY || node->level == item->level);
    if (level_fits) {
        place_t *children = fsp_alloc_array(node->count, sizeof(*children));
        for (size_t i = 0; i < node->count; i++)
            children[i] = (place_t){.key = node->children[i].key,
                                    .object_bytes = node->children[i].object_bytes,
                                    .content_bytes = node->children[i].content_bytes};
        status = push_frame(self, node->level, item->offset, children, node->count,
                            item->place.content_bytes);
    } else {
        status = FSP_DAMAGED;
    }
    fsp_free(node);
    return status;
}

void
fsp_download_opened(fsp_download_t *self, uint64_t token, fsp_status_t status, fsp_blob_t *open,
                    fsp_blob_t *plain, fsp_download_effects_t *effects)
{
    FSP_PRE(self != NULL);
    if (self->state != RUNNING)
        return;
    item_t *item = find_item(self, token, OPENING);
    FSP_PRE(status != FSP_OK || plain != NULL);
    if (status == FSP_OK && item->kind == FSP_OBJECT_TREE)
        status = take_node(self, item, open, plain);
    else if (status == FSP_OK && fsp_blob_bytes(plain) != item->plain_bytes)
        status = FSP_DAMAGED;
    if (status != FSP_OK) {
        fail(self, status, item->place.key, effects);
        return;
    }
    if (item == self->node) {
        self->node = NULL;
        fsp_free(item);
    } else {
        item->state = OPENED;
        item->plain = fsp_blob_ref(plain);
    }
    go_on(self, effects);
}

uint64_t
fsp_download_held_bytes(const fsp_download_t *self)
{
    FSP_PRE(self != NULL);
    return self->plain_bytes + self->node_bytes;
}
