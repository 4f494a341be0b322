/* SPDX-License-Identifier: MIT */
/* frontend_offer - puts whose clients cut, and send only what is not there.  Layer actors.
 *
 *   PUT with `offer` -> RESOLVE of the present heads and of `known` -> the nodes of their trees
 *     (core/data/bases) -> first CREDIT, with the cut key if there is anything to offer against
 *   OFFER -> in the bases? -> HAVE, under the session's epoch -> WANT (core/data/offer)
 *
 * A chunk is believed to be there only when its owners have said so for this session: then garbage
 * collection leaves it alone until the version that names it is made.  Whoever may read a base
 * could have fetched its chunks, so that being told that they are there tells nothing new.
 */
#include "actors/clock.h"
#include "actors/frontend.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/data/details.h"

enum { IDS_MAX = FSP_HEADS_MAX + FSP_KNOWN_MAX };

/* -- bases ------------------------------------------------------------------------------------- */

static void
send_base_query(fsp_frontend_t *self, fsp_call_t *call, const fsp_query_t *query)
{
    fsp_buf_reset(&self->scratch);
    fsp_query_encode(query, &self->scratch);
    FSP_ASSERT(fsp_buf_ok(&self->scratch));
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_QUERY,
                     fsp_ask_id(call, ASK_BASE, 0), fsp_buf_slice(&self->scratch), NULL, 0);
}

/* All that can be read was read, or nothing can. */
static void
bases_done(fsp_frontend_t *self, fsp_call_t *call)
{
    size_t count = fsp_bases_count(call->bases);
    FSP_ASSERT(count <= call->bases_chunks);
    self->bases_chunks -= call->bases_chunks - count;
    call->bases_chunks = count;
    if (count > 0)
        call->offer = fsp_offer_new(call->bases, fsp_gear_params(call->space->gear)->bytes_max);
    else
        fsp_bases_destroy(&call->bases);
    fsp_put_start(self, call);
}

static void
read_bases(fsp_frontend_t *self, fsp_call_t *call)
{
    uint64_t token;
    fsp_key_t key;
    bool head_only;
    while (fsp_bases_next(call->bases, &token, &key, &head_only))
        fsp_fetch_ask(self, call, key, head_only, token);
    if (fsp_bases_is_done(call->bases))
        bases_done(self, call);
}

/* Looks up the next version, or reads what was found. */
static void
next_base(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->base_at == call->base_count) {
        size_t left = BASES_CHUNKS - self->bases_chunks;
        size_t bound = fsp_bases_bound(call->bases);
        call->bases_chunks = bound < left ? bound : left;
        self->bases_chunks += call->bases_chunks;
        fsp_bases_limit(call->bases, call->bases_chunks);
        read_bases(self, call);
        return;
    }
    char hex[2 * sizeof(fsp_version_id_t) + 1];
    const fsp_version_id_t *id = &call->base_ids[call->base_at++];
    fsp_hex_encode(id->bytes, sizeof(id->bytes), hex);
    fsp_query_t query;
    fsp_frontend_query_init(call, FSP_QUERY_RESOLVE, &query);
    query.target = (fsp_target_t){.path = fsp_slice(NULL, 0)};
    query.version = fsp_slice(hex, sizeof(hex) - 1);
    send_base_query(self, call, &query);
}

void
fsp_offer_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    uint64_t seed;
    fsp_random(&seed, sizeof(seed));
    call->bases = fsp_bases_new(fsp_gear_params(call->space->gear), seed);
    call->base_ids = fsp_alloc_array(IDS_MAX, sizeof(*call->base_ids));
    memcpy(call->base_ids, call->request.known,
           call->request.known_count * sizeof(*call->base_ids));
    call->base_count = call->request.known_count;
    /* The target first, without a version: its heads are known then. */
    fsp_query_t query;
    fsp_frontend_query_init(call, FSP_QUERY_RESOLVE, &query);
    send_base_query(self, call, &query);
}

/* A version that was found: its content, and, of the target, its other heads in front. */
static void
take_base(fsp_call_t *call, const fsp_node_info_t *node)
{
    fsp_carrier_t carrier;
    fsp_details_t details;
    fsp_blob_t *plain = NULL;
    if (node->kind != FSP_KIND_DIRECTORY &&
        fsp_get_open_version(call, &node->version, &carrier, &details, &plain) == FSP_OK)
        fsp_bases_add(call->bases, carrier.root_kind, carrier.root_key, node->version.size,
                      details.sha256);
    fsp_blob_destroy(&plain);
    if (call->heads_taken)
        return;
    size_t others = 0;
    for (size_t i = 0; i < node->head_count; i++)
        others += !fsp_version_id_eq(node->heads[i], node->version.id);
    FSP_ASSERT(call->base_count + others <= IDS_MAX);
    memmove(call->base_ids + others, call->base_ids, call->base_count * sizeof(*call->base_ids));
    size_t at = 0;
    for (size_t i = 0; i < node->head_count; i++) {
        if (!fsp_version_id_eq(node->heads[i], node->version.id))
            call->base_ids[at++] = node->heads[i];
    }
    call->base_count += others;
}

void
fsp_offer_base_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_mail_t *mail)
{
    if (call->aborting)
        return;
    /* What cannot be had is passed over, for whatever reason: nothing depends on it. */
    fsp_answer_t answer;
    fsp_node_info_t node;
    if (mail->envelope.type == FSP_MSG_OK &&
        fsp_answer_open(fsp_mail_body(mail), &answer) == FSP_OK && answer.status == FSP_OK &&
        fsp_answer_node(&answer, &node) == FSP_OK)
        take_base(call, &node);
    call->heads_taken = true;
    next_base(self, call);
}

void
fsp_offer_base_fetched(fsp_frontend_t *self, fsp_call_t *call, uint64_t token,
                       const fsp_fetched_t *fetched)
{
    fsp_bases_fetched(call->bases, token, fetched);
    read_bases(self, call);
}

void
fsp_offer_fill_credit(const fsp_call_t *call, fsp_reply_t *reply)
{
    if (!call->offer)
        return;
    const fsp_chunk_params_t *params = fsp_gear_params(call->space->gear);
    memcpy(reply->cut_key.bytes, call->space->cut_key.bytes, sizeof(reply->cut_key.bytes));
    reply->chunking[0] = params->bytes_min;
    reply->chunking[1] = params->bytes_avg;
    reply->chunking[2] = params->bytes_max;
    reply->chunking_count = FSP_CHUNKING_VALUES;
}

void
fsp_offer_forget(fsp_frontend_t *self, fsp_call_t *call)
{
    FSP_ASSERT(self->bases_chunks >= call->bases_chunks);
    self->bases_chunks -= call->bases_chunks;
    call->bases_chunks = 0;
    fsp_offer_destroy(&call->offer);
    fsp_bases_destroy(&call->bases);
    fsp_free(call->base_ids);
    call->base_ids = NULL;
}

/* -- offers ------------------------------------------------------------------------------------ */

void
fsp_offer_message(fsp_frontend_t *self, fsp_call_t *call, const fsp_request_t *request)
{
    fsp_status_t status = FSP_PROTOCOL;
    if (call->offer && call->credited && !call->committed)
        status = fsp_offer_add(call->offer, fsp_upload_offset(call->upload), request->offset,
                               request->chunks, fsp_put_size(call));
    if (status != FSP_OK) {
        fsp_frontend_error(self, call, status, NULL);
        return;
    }
    fsp_call_moved(self, call, request->chunks.bytes);
    fsp_put_go_on(self, call);
}

/* Asks the owners for what they have not been asked for yet. */
static void
ask_owners(fsp_frontend_t *self, fsp_call_t *call)
{
    static _Thread_local fsp_object_have_t have; /* 40 KiB: too much for the stack of an actor */
    uint64_t token = 0;
    have.key_count = fsp_offer_ask(call->offer, have.keys, have.lengths, &token);
    if (have.key_count == 0)
        return;
    have.space_id = call->space->space_id;
    have.epoch = call->epoch;
    have.layout_version = self->args->layout_version;
    fsp_buf_reset(&self->scratch);
    fsp_object_have_encode(&have, &self->scratch);
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_HAVE,
                     fsp_ask_id(call, ASK_OFFER, token), fsp_buf_slice(&self->scratch), NULL, 0);
}

void
fsp_offer_have_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token, fsp_status_t status,
                      fsp_slice_t body)
{
    fsp_slice_t yes = fsp_slice(NULL, 0);
    if (status == FSP_OK)
        status = fsp_object_have_answer_decode(body, &yes);
    if (status != FSP_OK) {
        fsp_frontend_error(self, call, status, NULL);
        return;
    }
    fsp_offer_answered(call->offer, token, yes);
    fsp_put_go_on(self, call);
}

static void
tell(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_reply_t reply = {.has_offset = true};
    while (fsp_offer_want(call->offer, &reply.offset, &reply.want))
        fsp_frontend_send_reply(self, call->session, FSP_MSG_WANT, call->request_id, &reply);
}

/* Lets the upload pass what is there; what comes next is then expected. */
static void
pass(fsp_call_t *call)
{
    fsp_child_t child;
    fsp_offer_state_t state;
    while ((state = fsp_offer_first(call->offer, &child)) == FSP_OFFER_KNOWN) {
        fsp_offer_pass(call->offer);
        fsp_upload_known(call->upload, &child, &call->upload_effects);
    }
    if (state == FSP_OFFER_WANTED) {
        fsp_offer_start(call->offer);
        call->offer_end = fsp_upload_offset(call->upload) + child.content_bytes;
        fsp_upload_expect(call->upload, child.content_bytes, child.digest, &call->upload_effects);
    }
}

bool
fsp_offer_turn(fsp_frontend_t *self, fsp_call_t *call)
{
    if (!call->offer || !call->credited || call->over || call->aborting ||
        fsp_offer_pending(call->offer) == 0)
        return false;
    /* While much is under way, nothing more is let in: the records of what passes are memory. */
    if (!fsp_upload_is_crowded(call->upload)) {
        ask_owners(self, call);
        tell(self, call);
    }
    pass(call);
    return call->upload_effects.count > 0;
}

size_t
fsp_offer_room(const fsp_call_t *call, size_t bytes)
{
    fsp_child_t child;
    if (!call->offer)
        return bytes;
    fsp_offer_state_t state = fsp_offer_first(call->offer, &child);
    if (state == FSP_OFFER_NONE)
        return bytes;
    if (state != FSP_OFFER_STARTED)
        return 0;
    uint64_t room = call->offer_end - fsp_upload_offset(call->upload);
    return room < bytes ? (size_t)room : bytes;
}

void
fsp_offer_taken(fsp_call_t *call)
{
    fsp_child_t child;
    if (call->offer && fsp_offer_first(call->offer, &child) == FSP_OFFER_STARTED &&
        fsp_upload_offset(call->upload) == call->offer_end)
        fsp_offer_pass(call->offer);
}
