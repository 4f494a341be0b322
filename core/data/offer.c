/* SPDX-License-Identifier: MIT */
/* offer - what a client that cuts by itself need not send.  Layer core/data. */
#include "core/data/offer.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

typedef enum { NEW, ASKED, HAD, NEEDED } state_t;

typedef struct {
    fsp_child_t child; /* key and object bytes: if it is in the bases */
    state_t state;
    uint64_t token; /* ASKED: of the question */
    bool started;
} chunk_t;

/* Chunks are numbered; number i lies at i modulo the size of the ring. */
struct fsp_offer {
    const fsp_bases_t *bases;
    uint64_t chunk_bytes_max;
    chunk_t *ring;
    uint64_t first, told, end; /* numbers: first pending; behind the last WANT; behind the last */
    uint64_t told_offset, end_offset;
    uint64_t token;
    uint8_t want[FSP_OFFER_PENDING_MAX];
};

static chunk_t *
chunk_at(const fsp_offer_t *self, uint64_t number)
{
    return &self->ring[number % FSP_OFFER_PENDING_MAX];
}

static void
check(const fsp_offer_t *self)
{
    FSP_ASSERT(self->first <= self->told);
    FSP_ASSERT(self->told <= self->end);
    FSP_ASSERT(self->end - self->first <= FSP_OFFER_PENDING_MAX);
}

fsp_offer_t *
fsp_offer_new(const fsp_bases_t *bases, uint64_t chunk_bytes_max)
{
    FSP_PRE(bases != NULL);
    fsp_offer_t *self = FSP_NEW(fsp_offer_t);
    self->bases = bases;
    self->chunk_bytes_max = chunk_bytes_max;
    self->ring = fsp_alloc_array(FSP_OFFER_PENDING_MAX, sizeof(*self->ring));
    return self;
}

void
fsp_offer_destroy(fsp_offer_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_offer_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    fsp_free(self->ring);
    fsp_free(self);
}

size_t
fsp_offer_pending(const fsp_offer_t *self)
{
    FSP_PRE(self != NULL);
    return (size_t)(self->end - self->first);
}

/* Can the chunk be had, if its object is there?  What may stay inline comes as bytes: its root is
   another one.  And what may be no cut has no place but at the end. */
static bool
find(const fsp_offer_t *self, chunk_t *chunk, uint64_t end, uint64_t size)
{
    bool is_cut = false;
    const fsp_child_t *found = fsp_bases_find(self->bases, chunk->child.digest, &is_cut);
    if (!found || found->content_bytes != chunk->child.content_bytes ||
        end <= FSP_INLINE_BYTES_MAX || (!is_cut && end != size))
        return false;
    chunk->child = *found;
    return true;
}

static fsp_status_t
check_lengths(const fsp_offer_t *self, uint64_t offset, fsp_slice_t chunks, uint64_t size)
{
    const uint64_t end = size < INT64_MAX ? size : INT64_MAX;
    for (size_t at = 0; at < chunks.bytes; at += FSP_OFFER_RECORD_BYTES) {
        uint64_t bytes = fsp_load_u32(chunks.data + at + sizeof(fsp_hash_t));
        if (bytes == 0 || bytes > self->chunk_bytes_max || offset > end || bytes > end - offset)
            return FSP_INVALID;
        offset += bytes;
    }
    return FSP_OK;
}

fsp_status_t
fsp_offer_add(fsp_offer_t *self, uint64_t at, uint64_t offset, fsp_slice_t chunks, uint64_t size)
{
    FSP_PRE(self != NULL);
    if (chunks.bytes == 0 || chunks.bytes % FSP_OFFER_RECORD_BYTES != 0)
        return FSP_INVALID;
    if (offset != (self->first < self->end ? self->end_offset : at))
        return FSP_PROTOCOL;
    if (chunks.bytes / FSP_OFFER_RECORD_BYTES > FSP_OFFER_PENDING_MAX - fsp_offer_pending(self))
        return FSP_TOO_LARGE;
    fsp_status_t status = check_lengths(self, offset, chunks, size);
    if (status != FSP_OK)
        return status;
    if (self->first == self->end)
        self->told_offset = offset;
    for (size_t from = 0; from < chunks.bytes; from += FSP_OFFER_RECORD_BYTES) {
        chunk_t *chunk = chunk_at(self, self->end++);
        *chunk = (chunk_t){.state = NEW};
        memcpy(chunk->child.digest.bytes, chunks.data + from, sizeof(fsp_hash_t));
        chunk->child.content_bytes = fsp_load_u32(chunks.data + from + sizeof(fsp_hash_t));
        offset += chunk->child.content_bytes;
        if (!find(self, chunk, offset, size))
            chunk->state = NEEDED;
    }
    self->end_offset = offset;
    check(self);
    return FSP_OK;
}

size_t
fsp_offer_ask(fsp_offer_t *self, fsp_key_t *ret_keys, uint64_t *ret_lengths, uint64_t *ret_token)
{
    FSP_PRE(self != NULL);
    size_t count = 0;
    for (uint64_t i = self->told; i < self->end; i++) {
        chunk_t *chunk = chunk_at(self, i);
        if (chunk->state != NEW)
            continue;
        if (count == 0)
            *ret_token = ++self->token;
        chunk->state = ASKED;
        chunk->token = self->token;
        ret_keys[count] = chunk->child.key;
        ret_lengths[count++] = chunk->child.object_bytes;
    }
    return count;
}

void
fsp_offer_answered(fsp_offer_t *self, uint64_t token, fsp_slice_t yes)
{
    FSP_PRE(self != NULL);
    size_t at = 0;
    for (uint64_t i = self->told; i < self->end; i++) {
        chunk_t *chunk = chunk_at(self, i);
        if (chunk->state != ASKED || chunk->token != token)
            continue;
        chunk->state = at < yes.bytes && yes.data[at] == 1 ? HAD : NEEDED;
        at++;
    }
}

bool
fsp_offer_want(fsp_offer_t *self, uint64_t *ret_offset, fsp_slice_t *ret_want)
{
    FSP_PRE(self != NULL);
    size_t count = 0;
    *ret_offset = self->told_offset;
    for (; self->told < self->end; self->told++) {
        const chunk_t *chunk = chunk_at(self, self->told);
        if (chunk->state != HAD && chunk->state != NEEDED)
            break;
        self->want[count++] = chunk->state == NEEDED;
        self->told_offset += chunk->child.content_bytes;
    }
    *ret_want = fsp_slice(self->want, count);
    check(self);
    return count > 0;
}

fsp_offer_state_t
fsp_offer_first(const fsp_offer_t *self, fsp_child_t *ret)
{
    FSP_PRE(self != NULL);
    if (self->first == self->end)
        return FSP_OFFER_NONE;
    if (self->first == self->told)
        return FSP_OFFER_OPEN;
    const chunk_t *chunk = chunk_at(self, self->first);
    *ret = chunk->child;
    if (chunk->state == HAD)
        return FSP_OFFER_KNOWN;
    return chunk->started ? FSP_OFFER_STARTED : FSP_OFFER_WANTED;
}

void
fsp_offer_start(fsp_offer_t *self)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->first < self->told);
    FSP_PRE(chunk_at(self, self->first)->state == NEEDED);
    chunk_at(self, self->first)->started = true;
}

void
fsp_offer_pass(fsp_offer_t *self)
{
    FSP_PRE(self != NULL);
    FSP_PRE(self->first < self->told);
    self->first++;
}

void
fsp_offer_reset(fsp_offer_t *self)
{
    FSP_PRE(self != NULL);
    self->first = self->told = self->end;
}
