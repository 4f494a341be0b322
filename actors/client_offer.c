/* SPDX-License-Identifier: MIT */
/* client_offer - cutting and offering: what the node has is not sent.  Layer actors.
 *
 * The node says with the first CREDIT by which key the space's contents are cut.  The content is
 * cut as it is read; digests and lengths of the chunks are offered well ahead of what is sent, so
 * that the node's answers are there when their turn comes.  The front of the ring is then passed
 * over (the node has it) or sent within the credit.  DATA never crosses the end of a chunk.
 *
 * Bounds: the ring has as many chunks as the protocol lets a client offer ahead, and the window as
 * many bytes as the library may hold.  Both stop cutting, never what is due.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "actors/client_put.h"

enum {
    OFFER_TOGETHER = 8, /* chunks, while an earlier offer has no answer yet */
    /* Cut ahead, both: of the usual chunks, as many as the node passes over between two words. */
    AHEAD_CHUNKS = 8,
    AHEAD_BYTES = 16 * 1024 * 1024,
};

static fsp_client_chunk_t *
chunk_at(fsp_client_offer_t *self, size_t index)
{
    return &self->ring[(self->first + index) % FSP_OFFER_CHUNKS_MAX];
}

void
fsp_client_offer_clear(fsp_client_offer_t *self)
{
    if (self->gear)
        fsp_gear_destroy(&self->gear);
    fsp_sha256_destroy(&self->digest);
    fsp_secret_wipe(&self->cut_key);
    fsp_buf_clear(&self->packed);
    fsp_free(self->ring);
    self->ring = NULL;
    self->active = false;
}

/* How the space cuts, as the node says it: within what any space may have. */
static bool
take_params(const fsp_reply_t *reply, fsp_chunk_params_t *ret)
{
    const uint64_t *sizes = reply->chunking;
    if (reply->chunking_count != FSP_CHUNKING_VALUES || sizes[0] < FSP_CLIENT_CHUNK_BYTES_MIN ||
        sizes[0] > sizes[1] || sizes[1] > sizes[2] || sizes[2] > FSP_CHUNK_BYTES_MAX)
        return false;
    *ret = (fsp_chunk_params_t){.bytes_min = (uint32_t)sizes[0],
                                .bytes_avg = (uint32_t)sizes[1],
                                .bytes_max = (uint32_t)sizes[2]};
    return fsp_chunk_params_valid(ret);
}

filesphere_code_t
fsp_client_offer_open(fsp_client_put_t *self, const fsp_reply_t *reply)
{
    fsp_client_offer_t *offer = &self->offer;
    static const fsp_key_t none;
    offer->active = memcmp(reply->cut_key.bytes, none.bytes, sizeof none.bytes) != 0;
    if (!offer->active)
        return FILESPHERE_OK;
    fsp_chunk_params_t params;
    fsp_secret_t key;
    static_assert(sizeof key.bytes == sizeof reply->cut_key.bytes, "a cut key is 32 octets");
    memcpy(key.bytes, reply->cut_key.bytes, sizeof key.bytes);
    if (!take_params(reply, &params))
        return fsp_client_put_broke(self, FSP_PROTOCOL);
    bool same = offer->gear && memcmp(&params, &offer->params, sizeof params) == 0 &&
                memcmp(key.bytes, offer->cut_key.bytes, sizeof key.bytes) == 0;
    if (!same) {
        if (offer->gear)
            fsp_gear_destroy(&offer->gear);
        offer->gear = fsp_gear_new(&key, &params);
        offer->params = params;
        offer->cut_key = key;
    }
    fsp_secret_wipe(&key);
    if (!offer->digest) {
        offer->digest = fsp_sha256_new();
        offer->ring = fsp_alloc_array(FSP_OFFER_CHUNKS_MAX, sizeof *offer->ring);
        fsp_buf_init(&offer->packed, FSP_OFFER_CHUNKS_MAX * FSP_OFFER_CHUNK_BYTES);
    }
    if (offer->making > 0)
        (void)fsp_sha256_finish(offer->digest); /* begins again empty */
    fsp_chunker_init(&offer->chunker, offer->gear);
    offer->making = 0;
    offer->cut_to = offer->front = offer->asked = self->at;
    offer->first = offer->answered = offer->offered = offer->count = 0;
    return FILESPHERE_OK;
}

bool
fsp_client_offer_wants_more(const fsp_client_put_t *self)
{
    return self->offer.count <= AHEAD_CHUNKS || self->window.to < self->at + AHEAD_BYTES;
}

bool
fsp_client_offer_done(const fsp_client_put_t *self)
{
    return !self->offer.active ||
           (self->offer.count == 0 && self->offer.making == 0 && self->offer.front == self->at);
}

/* -- cutting ----------------------------------------------------------------------------------- */

/* The chunk that is being made begins where the content does. */
static bool
is_first_chunk(const fsp_client_offer_t *self)
{
    return self->cut_to == self->making;
}

/* The digest of the first chunk is the content's, if there is no other; else its bytes, which were
   not hashed for it so far, are in the window. */
static void
digest_first_chunk(fsp_client_put_t *self, bool only)
{
    fsp_client_offer_t *offer = &self->offer;
    fsp_sha256_state_t state;
    if (only) {
        fsp_sha256_save(self->digest, &state);
        fsp_sha256_load(offer->digest, &state);
        return;
    }
    for (uint64_t at = 0; at < offer->making;) {
        fsp_slice_t piece = fsp_client_window_at(&self->window, at, offer->making - at);
        fsp_sha256_update(offer->digest, piece);
        at += piece.bytes;
    }
}

static void
end_chunk(fsp_client_put_t *self, bool last)
{
    fsp_client_offer_t *offer = &self->offer;
    FSP_PRE(offer->making > 0 && offer->count < FSP_OFFER_CHUNKS_MAX);
    fsp_client_chunk_t *chunk = chunk_at(offer, offer->count++);
    if (is_first_chunk(offer))
        digest_first_chunk(self, last && !self->has_sha256);
    chunk->digest = fsp_sha256_finish(offer->digest);
    chunk->bytes = offer->making;
    chunk->wanted = false;
    offer->making = 0;
}

/* What was read and not looked at, as far as the ring has room. */
static void
cut(fsp_client_put_t *self)
{
    fsp_client_offer_t *offer = &self->offer;
    while (offer->cut_to < self->window.to && offer->count < FSP_OFFER_CHUNKS_MAX) {
        fsp_slice_t piece = fsp_client_window_at(&self->window, offer->cut_to, UINT64_MAX);
        bool ends = false;
        size_t used = fsp_chunker_feed(&offer->chunker, piece, &ends);
        if (!is_first_chunk(offer))
            fsp_sha256_update(offer->digest, fsp_slice(piece.data, used));
        offer->cut_to += used;
        offer->making += (uint32_t)used;
        if (ends)
            end_chunk(self, false);
    }
    if (self->source_ended && offer->cut_to == self->window.to && offer->making > 0 &&
        offer->count < FSP_OFFER_CHUNKS_MAX) {
        end_chunk(self, true);
        fsp_chunker_init(&offer->chunker, offer->gear);
    }
}

/* -- offering ---------------------------------------------------------------------------------- */

static filesphere_code_t
send_offer(fsp_client_put_t *self)
{
    fsp_client_offer_t *offer = &self->offer;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.offset = offer->front;
    uint64_t end = offer->front;
    fsp_buf_reset(&offer->packed);
    for (size_t i = 0; i < offer->count; i++) {
        const fsp_client_chunk_t *chunk = chunk_at(offer, i);
        end += chunk->bytes;
        if (i < offer->offered) {
            request.offset = end;
            continue;
        }
        fsp_buf_append(&offer->packed, chunk->digest.bytes, sizeof chunk->digest.bytes);
        fsp_buf_append_u32(&offer->packed, chunk->bytes);
    }
    request.chunks = fsp_buf_slice(&offer->packed);
    fsp_buf_t *body = &self->handle->body;
    fsp_buf_reset(body);
    fsp_request_encode(FSP_MSG_OFFER, &request, body);
    FSP_ASSERT(fsp_buf_ok(body));
    fsp_status_t status =
        fsp_client_send(self->handle, FSP_MSG_OFFER, self->request_id, fsp_buf_slice(body), NULL);
    if (status != FSP_OK)
        return fsp_client_put_broke(self, status);
    self->bytes_sent += request.chunks.bytes;
    offer->offered = offer->count;
    if (end > self->reach)
        self->reach = end;
    return FILESPHERE_OK;
}

/* One chunk at once when nothing is asked; else several in a message. */
static bool
is_time_to_offer(const fsp_client_put_t *self)
{
    const fsp_client_offer_t *offer = &self->offer;
    size_t fresh = offer->count - offer->offered;
    return fresh > 0 && (offer->offered == offer->answered || fresh >= OFFER_TOGETHER ||
                         (self->source_ended && offer->cut_to == self->window.to));
}

static void
pop_front(fsp_client_put_t *self)
{
    fsp_client_offer_t *offer = &self->offer;
    offer->front += chunk_at(offer, 0)->bytes;
    offer->first = (offer->first + 1) % FSP_OFFER_CHUNKS_MAX;
    offer->answered--;
    offer->offered--;
    offer->count--;
}

/* Chunks at the front that the node has. */
static void
pass_known(fsp_client_put_t *self)
{
    fsp_client_offer_t *offer = &self->offer;
    while (offer->answered > 0 && !chunk_at(offer, 0)->wanted) {
        pop_front(self);
        fsp_client_put_pass(self, offer->front);
    }
}

filesphere_code_t
fsp_client_offer_want(fsp_client_put_t *self, const fsp_reply_t *reply)
{
    fsp_client_offer_t *offer = &self->offer;
    size_t open = self->opened && offer->active ? offer->offered - offer->answered : 0;
    if (reply->want.bytes == 0 || reply->want.bytes > open || reply->offset != offer->asked)
        return fsp_client_put_broke(self, FSP_PROTOCOL);
    for (size_t i = 0; i < reply->want.bytes; i++) {
        if (reply->want.data[i] > 1)
            return fsp_client_put_broke(self, FSP_PROTOCOL);
        fsp_client_chunk_t *chunk = chunk_at(offer, offer->answered++);
        chunk->wanted = reply->want.data[i] == 1;
        offer->asked += chunk->bytes;
    }
    pass_known(self); /* before the CREDIT behind it, whose `durable` may lie there */
    return FILESPHERE_OK;
}

/* -- sending ----------------------------------------------------------------------------------- */

/* A piece of the chunk at the front, which the node wants. */
static filesphere_code_t
send_front(fsp_client_put_t *self, bool *ret_moved)
{
    fsp_client_offer_t *offer = &self->offer;
    if (offer->answered == 0 || self->credit == 0)
        return FILESPHERE_OK;
    uint64_t end = offer->front + chunk_at(offer, 0)->bytes;
    uint64_t bytes = end - self->at < self->credit ? end - self->at : self->credit;
    *ret_moved = true;
    filesphere_code_t code =
        fsp_client_put_data(self, fsp_client_window_at(&self->window, self->at, bytes).bytes);
    if (code == FILESPHERE_OK && self->at == end) {
        pop_front(self);
        pass_known(self);
    }
    return code;
}

filesphere_code_t
fsp_client_offer_step(fsp_client_put_t *self, bool *ret_moved)
{
    cut(self);
    if (is_time_to_offer(self)) {
        *ret_moved = true;
        filesphere_code_t code = send_offer(self);
        if (code != FILESPHERE_OK)
            return code;
    }
    return send_front(self, ret_moved);
}
