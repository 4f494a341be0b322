/* SPDX-License-Identifier: MIT */
/* frontend_get - a get's way through the gateway.  Layer actors.
 *
 *   GET -> RESOLVE at the shard (path, version, rights in one message) -> OK -> DATA as far as the
 * client grants.
 *
 * Inline content travels beside OK.  Every byte was verified before it leaves (core/data/download,
 * core/data/object).
 */
#include "actors/frontend.h"

#include "actors/log.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/data/details.h"

/* -- what download wants done ------------------------------------------------------------------ */

static void
ask_fetch(fsp_frontend_t *self, fsp_call_t *call, const fsp_download_effect_t *effect)
{
    fsp_object_get_t get = {.space_id = call->space->space_id,
                            .key = effect->key,
                            .from = effect->sealed_from,
                            .to = effect->sealed_to};
    fsp_buf_reset(&self->scratch);
    fsp_object_get_encode(&get, &self->scratch);
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_GET,
                     fsp_ask_id(call, ASK_OBJECT, effect->token), fsp_buf_slice(&self->scratch),
                     NULL, 0);
}

static void
send_data(fsp_frontend_t *self, fsp_call_t *call, const fsp_download_effect_t *effect)
{
    uint8_t offset[8];
    fsp_store_u64(offset, effect->offset);
    size_t from = (size_t)(effect->slice.data - fsp_blob_data(effect->blob));
    fsp_blob_t *part = fsp_blob_part(effect->blob, from, effect->slice.bytes);
    FSP_ASSERT(call->credit_given >= effect->slice.bytes);
    call->credit_given -= effect->slice.bytes;
    call->session->given_bytes -= effect->slice.bytes;
    fsp_call_moved(self, call, effect->slice.bytes);
    fsp_frontend_send(self, call->session, FSP_MSG_DATA, call->request_id,
                      fsp_slice(offset, sizeof(offset)), &part);
}

static void
log_damage(fsp_call_t *call, fsp_key_t key, fsp_status_t status)
{
    char hex[65];
    fsp_hex_encode(key.bytes, sizeof(key.bytes), hex);
    fsp_log(FSP_LOG_ERROR, "frontend",
            "msg=\"object cannot be served\" object=%s reason=%s path=\"%.*s\"", hex,
            fsp_status_name(status), (int)call->request.path.bytes,
            (const char *)call->request.path.data);
}

/* libzmq holds one sealed frame a connection that nobody counts: the more GETs are under way, the
   smaller are frames. */
static uint64_t
frame_bytes(const fsp_frontend_t *self)
{
    uint64_t bytes = FSP_FRAME_BYTES_MAX;
    while (bytes > FRAME_BYTES_LEAST && bytes * self->gets > FRAMES_BYTES)
        bytes /= 2;
    return bytes;
}

/* What a job has opened counts as the call's until nobody holds it any more. */
static void
take_opened(const fsp_frontend_t *self, fsp_call_t *call, fsp_job_t *job,
            fsp_download_effects_t *effects)
{
    if (job->plain)
        job->plain = fsp_flow_hold(call->flow, &job->plain);
    fsp_download_frame(call->download, frame_bytes(self));
    fsp_download_opened(call->download, job->token, job->status, job->open, job->plain, effects);
}

/* Carries out what download_effects say, first of all what has room since bytes have left. */
static void
carry_out(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_download_lent(call->download, fsp_flow_bytes(call->flow), &call->download_effects);
    while (call->download_effects.count > 0) {
        for (size_t i = 0; i < call->download_effects.count && !call->over; i++) {
            fsp_download_effect_t *effect = &call->download_effects.items[i];
            switch (effect->type) {
            case FSP_DOWNLOAD_FETCH:
                ask_fetch(self, call, effect);
                break;
            case FSP_DOWNLOAD_OPEN: {
                fsp_job_t *job = fsp_job_new(effect->whole ? FSP_JOB_OPEN : FSP_JOB_OPEN_RANGE,
                                             call->serial, effect->token, call->space->keys);
                job->key = effect->key;
                memcpy(job->head, effect->part.head, sizeof(job->head));
                job->open = effect->part.open;
                job->sealed = effect->part.sealed;
                job->sealed_from = effect->part.sealed_from;
                effect->part.open = effect->part.sealed = NULL;
                if (fsp_frontend_run_job(self, job)) {
                    take_opened(self, call, job, &call->download_more);
                    fsp_job_destroy(&job);
                }
                break;
            }
            case FSP_DOWNLOAD_DATA:
                send_data(self, call, effect);
                break;
            case FSP_DOWNLOAD_END:
                fsp_frontend_end(self, call); /* OK went out first; the client counts */
                break;
            case FSP_DOWNLOAD_FAILED:
                log_damage(call, effect->key, effect->status);
                fsp_frontend_error(self, call,
                                   effect->status == FSP_NOT_FOUND ? FSP_DAMAGED : effect->status,
                                   NULL);
                break;
            }
        }
        fsp_download_effects_reset(&call->download_effects);
        fsp_download_effects_t swap = call->download_effects;
        call->download_effects = call->download_more;
        call->download_more = swap;
    }
    self->credit_waits |= !call->over && fsp_download_is_crowded(call->download);
}

/* -- from the client --------------------------------------------------------------------------- */

/* What a GET asks of the memory of transfers: the bytes it wants, for a range a chunk more, but not
   more than the file has.  A large one gets half a window while many are under way. */
static uint64_t
seat_bytes(const fsp_frontend_t *self, const fsp_reply_t *reply)
{
    const fsp_budget_t *budget = &self->budget;
    uint64_t bytes = reply->to - reply->from + FSP_CHUNK_BYTES_MAX;
    if (bytes > reply->size)
        bytes = reply->size;
    bool crowded = budget->waiting > 0 || fsp_budget_bytes(budget) > budget->bytes_max / 2;
    uint64_t most = crowded ? FSP_DOWNLOAD_WINDOW_BYTES / 2 : FSP_DOWNLOAD_WINDOW_BYTES;
    return bytes < most ? bytes : most;
}

void
fsp_get_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_query_t query;
    fsp_frontend_query_init(call, FSP_QUERY_RESOLVE, &query);
    query.version = call->request.version;
    query.at_index = call->request.at_index;
    query.at_time = call->request.at_time;
    fsp_frontend_send_query(self, call, &query);
}

void
fsp_get_go_on(fsp_frontend_t *self, fsp_call_t *call)
{
    if (!call->over && call->download && fsp_download_is_crowded(call->download))
        carry_out(self, call);
    while (!call->over && call->download && call->credit_held > 0) {
        uint64_t used = fsp_flow_bytes(call->session->flow) + call->session->given_bytes;
        uint64_t bytes =
            call->credit_held < FSP_FRAME_BYTES_MAX ? call->credit_held : FSP_FRAME_BYTES_MAX;
        if (used + bytes > FLOW_SESSION_BYTES) {
            self->credit_waits = true;
            return;
        }
        call->credit_held -= bytes;
        call->credit_given += bytes;
        call->session->given_bytes += bytes;
        fsp_download_frame(call->download, frame_bytes(self));
        fsp_download_credit(call->download, bytes, &call->download_effects);
        carry_out(self, call);
    }
}

void
fsp_get_credit(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes)
{
    if (bytes > FSP_DOWNLOAD_WINDOW_BYTES) {
        fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    if (!call->download) {
        call->request.credit += bytes; /* it waits for memory; its credit is used when it opens */
        if (call->request.credit > FSP_DOWNLOAD_WINDOW_BYTES)
            fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    if (call->credit_held + call->credit_given + bytes > FSP_DOWNLOAD_WINDOW_BYTES) {
        fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    call->credit_held += bytes;
    fsp_get_go_on(self, call);
}

/* -- from the node's services ------------------------------------------------------------------ */

/* Opens a small object that came with a record: the record's hash vouches for it. */
static fsp_status_t
open_record(const fsp_call_t *call, fsp_slice_t object, fsp_blob_t **ret_plain)
{
    return fsp_object_open_unnamed(call->space->keys, object, ret_plain);
}

fsp_status_t
fsp_get_open_attr(const fsp_call_t *call, fsp_slice_t sealed, fsp_attr_t *ret)
{
    fsp_blob_t *plain = NULL;
    fsp_status_t status = open_record(call, sealed, &plain);
    if (status == FSP_OK)
        status = fsp_attr_decode(fsp_blob_slice(plain), ret);
    fsp_blob_destroy(&plain);
    return status == FSP_OK ? FSP_OK : FSP_DAMAGED;
}

fsp_status_t
fsp_get_open_version(const fsp_call_t *call, const fsp_version_info_t *version,
                     fsp_carrier_t *ret_carrier, fsp_details_t *ret_details, fsp_blob_t **ret_plain)
{
    /* The record binds its carrier by a hash, and the record's own hash is the version's name. */
    if (!fsp_hash_eq(fsp_sha256(version->carrier), version->carrier_hash) ||
        fsp_carrier_decode(version->carrier, ret_carrier) != FSP_OK)
        return FSP_DAMAGED;
    fsp_status_t status = open_record(call, ret_carrier->sealed_part, ret_plain);
    if (status == FSP_OK)
        status = fsp_details_decode(fsp_blob_slice(*ret_plain), ret_details);
    return status == FSP_OK ? FSP_OK : FSP_DAMAGED;
}

/* Fills what the sealed records say: details of the version, attributes of the node.  *ret_details
   keeps the bytes that reply->message borrows. */
static fsp_status_t
fill_sealed(const fsp_call_t *call, const fsp_node_info_t *node, fsp_carrier_t *ret_carrier,
            fsp_reply_t *reply, fsp_blob_t **ret_details)
{
    if (node->attr.bytes > 0) {
        fsp_attr_t attr;
        fsp_status_t status = fsp_get_open_attr(call, node->attr, &attr);
        if (status != FSP_OK)
            return status;
        reply->has_attr = true;
        reply->mode = attr.mode;
        reply->mtime_s = attr.mtime_s;
        reply->mtime_ns = attr.mtime_ns;
    }
    if (node->kind == FSP_KIND_DIRECTORY)
        return FSP_OK;
    fsp_details_t details;
    fsp_status_t status =
        fsp_get_open_version(call, &node->version, ret_carrier, &details, ret_details);
    if (status != FSP_OK)
        return status;
    reply->sha256 = details.sha256;
    reply->chunks = details.chunk_count;
    reply->message = details.message;
    reply->content_root = ret_carrier->root_key;
    return FSP_OK;
}

static void
fill_node(const fsp_call_t *call, const fsp_node_info_t *node, uint64_t change, fsp_reply_t *reply)
{
    reply->has_node = true;
    reply->change = change;
    reply->kind = node->kind;
    reply->file_id = node->file_id;
    reply->path = node->path;
    reply->space_name = fsp_slice_text(call->space->name);
    reply->modified = node->time;
    reply->token = node->lease.token;
    reply->holder = node->lease.holder;
    reply->expires = node->lease.expiry;
    if (node->kind == FSP_KIND_DIRECTORY)
        return;
    reply->version_id = node->version.id;
    reply->number = node->version.number;
    reply->size = node->version.size;
    reply->modified = node->version.time;
    reply->head_count = node->head_count;
    memcpy(reply->heads, node->heads, node->head_count * sizeof(reply->heads[0]));
}

/* The wanted range as from, to (exclusive). */
static fsp_status_t
wanted_range(const fsp_request_t *request, uint64_t size, uint64_t *ret_from, uint64_t *ret_to)
{
    *ret_from = 0;
    *ret_to = size;
    if (!request->has_range)
        return FSP_OK;
    if (request->range_first > request->range_last || request->range_first >= size)
        return FSP_BAD_RANGE;
    *ret_from = request->range_first;
    if (request->range_last < size - 1)
        *ret_to = request->range_last + 1;
    return FSP_OK;
}

static void
answer_inline(fsp_frontend_t *self, fsp_call_t *call, const fsp_carrier_t *carrier,
              fsp_reply_t *reply)
{
    fsp_blob_t *plain = NULL;
    fsp_status_t status = fsp_object_open_whole(call->space->keys, carrier->root_key,
                                                carrier->inline_object, &plain, NULL);
    if (status == FSP_OK && fsp_blob_bytes(plain) != reply->size) {
        fsp_blob_destroy(&plain);
        status = FSP_DAMAGED;
    }
    if (status != FSP_OK) {
        log_damage(call, carrier->root_key, status);
        fsp_frontend_error(self, call, FSP_DAMAGED, NULL);
        return;
    }
    fsp_blob_t *part = NULL;
    if (reply->to > reply->from)
        part = fsp_blob_part(plain, (size_t)reply->from, (size_t)(reply->to - reply->from));
    fsp_buf_reset(&self->scratch);
    fsp_reply_encode(reply, &self->scratch);
    fsp_frontend_send(self, call->session, FSP_MSG_OK, call->request_id,
                      fsp_buf_slice(&self->scratch), &part);
    fsp_blob_destroy(&plain);
    fsp_frontend_end(self, call);
}

void
fsp_get_resolved(fsp_frontend_t *self, fsp_call_t *call, const fsp_node_info_t *node,
                 uint64_t change, uint64_t at_index)
{
    fsp_reply_t reply = {0};
    fsp_carrier_t carrier = {0};
    fsp_blob_t *details = NULL;
    fill_node(call, node, change, &reply);
    reply.at_index = at_index;
    fsp_status_t status = FSP_OK;
    if (call->type == FSP_MSG_GET && node->kind == FSP_KIND_DIRECTORY)
        status = FSP_IS_DIRECTORY;
    if (status == FSP_OK)
        status = fill_sealed(call, node, &carrier, &reply, &details);
    if (status == FSP_DAMAGED)
        fsp_log(FSP_LOG_ERROR, "frontend",
                "msg=\"version record or carrier is damaged\" path=\"%.*s\"",
                (int)call->request.path.bytes, (const char *)call->request.path.data);
    if (status == FSP_OK && call->type == FSP_MSG_GET)
        status = wanted_range(&call->request, reply.size, &reply.from, &reply.to);
    if (status == FSP_OK && call->type == FSP_MSG_GET &&
        call->request.credit > FSP_DOWNLOAD_WINDOW_BYTES)
        status = FSP_TOO_LARGE;
    if (status != FSP_OK) {
        fsp_frontend_error(self, call, status, NULL);
    } else if (call->type == FSP_MSG_STAT) {
        fsp_frontend_ok(self, call, &reply);
    } else if (carrier.root_kind == FSP_ROOT_INLINE) {
        answer_inline(self, call, &carrier, &reply);
    } else {
        /* OK first, then bytes as memory and credit allow. */
        fsp_buf_reset(&self->scratch);
        fsp_reply_encode(&reply, &self->scratch);
        fsp_frontend_send(self, call->session, FSP_MSG_OK, call->request_id,
                          fsp_buf_slice(&self->scratch), NULL);
        call->root_kind = carrier.root_kind;
        call->root_key = carrier.root_key;
        call->size = reply.size;
        call->from = reply.from;
        call->to = reply.to;
        bool now = false;
        status = fsp_frontend_reserve(self, call, seat_bytes(self, &reply), &now);
        if (status != FSP_OK)
            fsp_frontend_error(self, call, status, NULL);
        else if (now)
            fsp_get_opened(self, call);
    }
    fsp_blob_destroy(&details);
}

void
fsp_get_opened(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_download_config_t config = {.root_kind = call->root_kind,
                                    .root_key = call->root_key,
                                    .size = call->size,
                                    .from = call->from,
                                    .to = call->to,
                                    .window_bytes = call->seat.bytes};
    self->gets++;
    call->flow = fsp_flow_new();
    call->session_flow = fsp_flow_ref(call->session->flow);
    call->line = call->session->line;
    call->left_seen = fsp_flow_left(call->session_flow);
    call->download = fsp_download_new(&config, &call->download_effects);
    carry_out(self, call);
    call->credit_held = call->request.credit;
    fsp_get_go_on(self, call);
}

void
fsp_get_job_done(fsp_frontend_t *self, fsp_call_t *call, fsp_job_t *job)
{
    take_opened(self, call, job, &call->download_effects);
    carry_out(self, call);
}

void
fsp_get_object_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token, fsp_status_t status,
                      fsp_mail_t *mail)
{
    fsp_object_part_t part = {0};
    if (status == FSP_OK)
        status = fsp_fetch_take_part(mail, &part);
    fsp_download_fetched(call->download, token, status, &part, &call->download_effects);
    fsp_object_part_clear(&part);
    carry_out(self, call);
}
