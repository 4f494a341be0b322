/* SPDX-License-Identifier: MIT */
/* frontend_put - a put's way through the gateway.  Layer actors.
 *
 *   PUT -> reserve memory -> CREDIT .. DATA .. COMMIT -> (core/data/upload: cut, seal, have, put)
 * -> carrier -> one command in the space's log -> OK with the receipt.
 *
 * Content of up to 4 KiB travels in the command itself: one hop to the shard, one sync.
 */
#include "actors/clock.h"
#include "actors/frontend.h"
#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/data/details.h"
#include "core/data/receipt.h"

enum {
    COPIES_WANTED = 1,
    COPIES_DURABLE = 1,                 /* one node: W of R = 1 of 1 */
    CHECKPOINT_BYTES = 2 * 1024 * 1024, /* of a kept upload: when so much more is stored */
};

/* -- what upload wants done -------------------------------------------------------------------- */

/* What CREDIT says besides: how far a kept upload is in the log. */
static void
fill_durable(fsp_call_t *call, fsp_reply_t *reply)
{
    if (!fsp_kept_is(call))
        return;
    reply->has_durable = true;
    reply->durable = call->durable_told = fsp_upload_durable_offset(call->upload);
}

static void
send_credit(fsp_frontend_t *self, fsp_call_t *call, uint64_t bytes)
{
    if (call->request.end)
        return; /* nothing more will come */
    if (fsp_upload_credit_bytes(call->upload) == bytes)
        call->moved_us = self->shell->now_us; /* it was the node's turn until now */
    fsp_reply_t reply = {.credit = bytes};
    fill_durable(call, &reply);
    if (!call->credited && fsp_kept_is(call)) {
        reply.has_offset = true;
        reply.offset = fsp_upload_offset(call->upload);
    }
    if (!call->credited)
        fsp_offer_fill_credit(call, &reply);
    call->credited = true;
    fsp_frontend_send_reply(self, call->session, FSP_MSG_CREDIT, call->request_id, &reply);
}

void
fsp_put_tell_durable(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->durable_told == fsp_upload_durable_offset(call->upload))
        return;
    fsp_reply_t reply = {.credit = 0};
    fill_durable(call, &reply);
    fsp_frontend_send_reply(self, call->session, FSP_MSG_CREDIT, call->request_id, &reply);
}

static void
ask_have(fsp_frontend_t *self, fsp_call_t *call, const fsp_upload_effect_t *effect)
{
    static _Thread_local fsp_object_have_t have; /* 40 KiB: too much for the stack of an actor */
    have.space_id = call->space->space_id;
    have.epoch = call->epoch;
    have.layout_version = self->args->layout_version;
    have.key_count = 1;
    have.keys[0] = effect->key;
    have.lengths[0] = effect->bytes;
    fsp_buf_reset(&self->scratch);
    fsp_object_have_encode(&have, &self->scratch);
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_HAVE,
                     fsp_ask_id(call, ASK_HAVE, effect->token), fsp_buf_slice(&self->scratch), NULL,
                     0);
}

static void
ask_put(fsp_frontend_t *self, fsp_call_t *call, fsp_upload_effect_t *effect)
{
    fsp_object_put_t put = {.space_id = call->space->space_id,
                            .epoch = call->epoch,
                            .layout_version = self->args->layout_version,
                            .key = effect->key};
    fsp_buf_reset(&self->scratch);
    fsp_object_put_encode(&put, &self->scratch);
    fsp_blob_t *payloads[] = {effect->object, fsp_blob_copy(effect->head, sizeof(effect->head))};
    effect->object = NULL;
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_PUT,
                     fsp_ask_id(call, ASK_OBJECT, effect->token), fsp_buf_slice(&self->scratch),
                     payloads, 2);
}

/* Carries out call->upload_effects; what small jobs bring about comes into upload_more and is
 * carried out as well. */
void
fsp_put_go_on(fsp_frontend_t *self, fsp_call_t *call)
{
    while (call->upload_effects.count > 0 || fsp_offer_turn(self, call)) {
        for (size_t i = 0; i < call->upload_effects.count; i++) {
            if (call->over || call->aborting)
                break;
            fsp_upload_effect_t *effect = &call->upload_effects.items[i];
            switch (effect->type) {
            case FSP_UPLOAD_SEAL: {
                fsp_job_t *job =
                    fsp_job_new(FSP_JOB_SEAL, call->serial, effect->token, call->space->keys);
                job->kind = effect->kind;
                job->open = effect->open;
                job->plain = effect->plain;
                effect->open = effect->plain = NULL;
                if (fsp_frontend_run_job(self, job)) {
                    fsp_upload_sealed(call->upload, job->token, &job->made, &call->upload_more);
                    fsp_job_destroy(&job);
                }
                break;
            }
            case FSP_UPLOAD_HAVE:
                ask_have(self, call, effect);
                break;
            case FSP_UPLOAD_PUT:
                ask_put(self, call, effect);
                break;
            case FSP_UPLOAD_CREDIT:
                send_credit(self, call, effect->bytes);
                break;
            case FSP_UPLOAD_FETCH:
                fsp_fetch_ask(self, call, effect->key, false, effect->token);
                break;
            case FSP_UPLOAD_CHECKPOINT:
                fsp_kept_checkpoint(self, call);
                break;
            case FSP_UPLOAD_READY:
                fsp_put_ready(self, call);
                break;
            case FSP_UPLOAD_FAILED:
                if (!fsp_kept_restart(self, call, effect->status))
                    fsp_frontend_error(self, call, effect->status, NULL);
                break;
            }
        }
        fsp_upload_effects_reset(&call->upload_effects);
        fsp_upload_effects_t swap = call->upload_effects;
        call->upload_effects = call->upload_more;
        call->upload_more = swap;
    }
}

/* -- receipt ----------------------------------------------------------------------------------- */

static void
add_class(fsp_frontend_t *self, fsp_receipt_t *receipt, fsp_object_kind_t kind, uint64_t count)
{
    if (count == 0)
        return;
    fsp_receipt_class_t *class = &receipt->classes[receipt->class_count++];
    class->kind = kind;
    class->count = count;
    class->nodes[class->node_count++] = self->args->node_id;
    class->zone_count = 1;
}

/* Signs what was durable where when the answer is made; call->receipt holds the bytes. */
static void
make_receipt(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    fsp_upload_outcome_t outcome;
    fsp_upload_outcome(call->upload, &outcome);
    fsp_receipt_t receipt = {.version_id = result->version_id,
                             .content_root = call->reply->content_root,
                             .sha256 = call->reply->sha256,
                             .durable_copies = COPIES_DURABLE,
                             .wanted_copies = COPIES_WANTED,
                             .change = result->index,
                             .issued = self->shell->wall_us};
    add_class(self, &receipt, FSP_OBJECT_CHUNK, outcome.chunk_count);
    add_class(self, &receipt, FSP_OBJECT_TREE, outcome.tree_count);
    add_class(self, &receipt, FSP_OBJECT_INLINE, outcome.root_kind == FSP_ROOT_INLINE);
    fsp_buf_reset(&self->scratch2);
    fsp_receipt_sign(&receipt, &self->args->sign_key, &self->scratch2);
    FSP_ASSERT(fsp_buf_ok(&self->scratch2));
    call->reply->receipt = fsp_buf_slice(&self->scratch2);
}

/* -- from the client --------------------------------------------------------------------------- */

void
fsp_put_begin(fsp_frontend_t *self, fsp_call_t *call, zmq_msg_t *payload)
{
    fsp_request_t *request = &call->request;
    if (request->kind == 0)
        request->kind = FSP_KIND_FILE;
    bool whole = request->end;
    if ((request->path.bytes == 0 && fsp_file_id_is_zero(request->file_id)) ||
        (request->kind != FSP_KIND_FILE && request->kind != FSP_KIND_SYMLINK) ||
        (!whole && payload)) {
        fsp_frontend_error(self, call, FSP_INVALID, NULL);
        return;
    }
    if (request->condition.type == 0)
        request->condition.type = FSP_IF_REPLACE;
    if (whole) {
        /* Everything is here: it is cut, sealed and stored at once, without a wait for memory. */
        fsp_status_t room =
            fsp_frontend_reserve_whole(self, call, payload ? zmq_msg_size(payload) : 0);
        if (room != FSP_OK) {
            fsp_frontend_error(self, call, room, NULL);
            return;
        }
        fsp_put_opened(self, call);
        if (!call->over && payload)
            fsp_put_data(self, call, 0, fsp_slice(zmq_msg_data(payload), zmq_msg_size(payload)));
        if (!call->over)
            fsp_put_commit(self, call, request);
        return;
    }
    uint64_t bytes = FSP_UPLOAD_WINDOW_BYTES;
    if (request->has_size && request->size < bytes)
        bytes = request->size;
    if (request->offer && bytes < OFFER_BYTES)
        bytes = OFFER_BYTES;
    bool now = false;
    fsp_status_t status = fsp_frontend_reserve(self, call, bytes, &now);
    if (status != FSP_OK)
        fsp_frontend_error(self, call, status, NULL);
    else if (now)
        fsp_put_opened(self, call);
}

void
fsp_put_opened(fsp_frontend_t *self, fsp_call_t *call)
{
    if (fsp_upload_id_is_zero(call->request.upload_id))
        fsp_put_log_ready(self, call);
    else
        fsp_kept_begin(self, call);
}

void
fsp_put_log_ready(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->request.offer && !call->heads_taken)
        fsp_offer_begin(self, call);
    else
        fsp_put_start(self, call);
}

void
fsp_put_start(fsp_frontend_t *self, fsp_call_t *call)
{
    /* Its objects are numbered within FSP_ASK_TOKEN_BITS: at most one a smallest chunk, and the
     * tree's nodes. */
    uint64_t chunks_max = (uint64_t)1 << (FSP_ASK_TOKEN_BITS - 1);
    fsp_upload_config_t config = {.gear = call->space->gear,
                                  .window_bytes = FSP_UPLOAD_WINDOW_BYTES,
                                  .size_max =
                                      chunks_max * fsp_gear_params(call->space->gear)->bytes_min,
                                  .checkpoint_bytes = fsp_kept_is(call) ? CHECKPOINT_BYTES : 0,
                                  .start = call->start};
    call->upload = fsp_upload_new(&config, &call->upload_effects);
    fsp_put_go_on(self, call);
}

void
fsp_put_data(fsp_frontend_t *self, fsp_call_t *call, uint64_t offset, fsp_slice_t bytes)
{
    if (!call->upload || (!call->credited && !call->request.end)) { /* nothing was granted yet */
        fsp_frontend_error(self, call, FSP_NO_CREDIT, NULL);
        return;
    }
    if (call->committed || bytes.bytes == 0 || offset != fsp_upload_offset(call->upload)) {
        if (!(call->request.end && bytes.bytes == 0))
            fsp_frontend_error(self, call, FSP_PROTOCOL, NULL);
        return;
    }
    /* Memory was reserved for what the client announced. */
    if (call->request.has_size && offset + bytes.bytes > call->request.size) {
        fsp_frontend_error(self, call, FSP_INVALID, NULL);
        return;
    }
    /* An upload may go on for days: the disk that had room when it began may have none now. */
    if (!fsp_frontend_has_room(self, bytes.bytes)) {
        fsp_frontend_error(self, call, FSP_DISK_RESERVE, NULL);
        return;
    }
    fsp_call_moved(self, call, bytes.bytes);
    while (bytes.bytes > 0 && !call->over && !call->aborting) {
        size_t room = fsp_offer_room(call, bytes.bytes);
        if (room == 0 || offset != fsp_upload_offset(call->upload)) {
            /* Not asked for yet, or not at all. */
            fsp_frontend_error(self, call, FSP_PROTOCOL, NULL);
            return;
        }
        fsp_upload_data(call->upload, fsp_slice(bytes.data, room), &call->upload_effects);
        fsp_offer_taken(call);
        fsp_put_go_on(self, call);
        bytes = fsp_slice(bytes.data + room, bytes.bytes - room);
        offset += room;
    }
}

uint64_t
fsp_put_size(const fsp_call_t *call)
{
    return call->request.has_size ? call->request.size : UINT64_MAX;
}

void
fsp_put_resume(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->request.end || !call->credited)
        return; /* CREDIT comes when it opens */
    if (call->offer)
        fsp_offer_reset(call->offer); /* WANT may have been lost: the client offers anew */
    fsp_reply_t reply = {.has_offset = true,
                         .offset = fsp_upload_offset(call->upload),
                         .credit = fsp_upload_credit_bytes(call->upload)};
    fill_durable(call, &reply);
    fsp_frontend_send_reply(self, call->session, FSP_MSG_CREDIT, call->request_id, &reply);
}

void
fsp_put_commit(fsp_frontend_t *self, fsp_call_t *call, const fsp_request_t *commit)
{
    if (call->committed)
        return; /* said again, since its sender could not know whether it had arrived
                   (docs/protocol/client.md 4.4) */
    if (!call->upload || (!call->credited && !call->request.end)) {
        fsp_frontend_error(self, call, FSP_PROTOCOL, NULL);
        return;
    }
    call->committed = true;
    if (commit->has_size) {
        call->request.has_size = true;
        call->request.size = commit->size;
    }
    if (commit->has_sha256) {
        call->request.has_sha256 = true;
        call->request.sha256 = commit->sha256;
    }
    if (call->offer && fsp_offer_pending(call->offer) > 0) {
        fsp_frontend_error(self, call, FSP_PROTOCOL, NULL);
        return;
    }
    if (call->request.has_size && call->request.size != fsp_upload_offset(call->upload)) {
        fsp_frontend_error(self, call, FSP_INVALID, NULL);
        return;
    }
    /* Of what was known the node has not seen a byte. */
    if (!fsp_upload_is_hashed(call->upload) &&
        !(call->request.has_size && call->request.has_sha256)) {
        fsp_frontend_error(self, call, FSP_INVALID, NULL);
        return;
    }
    fsp_upload_finish(call->upload, &call->upload_effects);
    fsp_put_go_on(self, call);
}

/* -- from the node's services ------------------------------------------------------------------ */

void
fsp_put_job_done(fsp_frontend_t *self, fsp_call_t *call, fsp_job_t *job)
{
    if (call->aborting)
        return;
    fsp_upload_sealed(call->upload, job->token, &job->made, &call->upload_effects);
    fsp_put_go_on(self, call);
}

void
fsp_put_object_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_ask_t ask, uint64_t token,
                      fsp_status_t status, fsp_mail_t *mail)
{
    if (call->aborting)
        return;
    if (ask == ASK_FETCH) {
        fsp_fetch_answer(self, call, token, status, mail);
        return;
    }
    if (ask == ASK_OFFER) {
        fsp_offer_have_answer(self, call, token, status, fsp_mail_body(mail));
        return;
    }
    if (ask == ASK_HAVE) {
        fsp_slice_t yes = fsp_slice(NULL, 0);
        if (status == FSP_OK)
            status = fsp_object_have_answer_decode(fsp_mail_body(mail), &yes);
        if (status == FSP_OK && yes.bytes != 1)
            status = FSP_INTERNAL;
        fsp_upload_have(call->upload, token, status, status == FSP_OK && yes.data[0] == 1,
                        &call->upload_effects);
    } else {
        fsp_upload_stored(call->upload, token, status, &call->upload_effects);
    }
    fsp_put_go_on(self, call);
}

void
fsp_put_fetched(fsp_frontend_t *self, fsp_call_t *call, uint64_t token,
                const fsp_fetched_t *fetched)
{
    if (call->aborting)
        return;
    if (!call->upload) {
        fsp_offer_base_fetched(self, call, token, fetched); /* before anything else */
        return;
    }
    fsp_upload_fetched(call->upload, token, fetched, &call->upload_effects);
    fsp_put_go_on(self, call);
}

/* Seals a small record of the gateway's own, where it stands. */
static fsp_blob_t *
seal_record(const fsp_call_t *call, fsp_object_kind_t kind, fsp_slice_t plain, fsp_key_t *ret_key)
{
    return fsp_object_seal(call->space->keys, kind, fsp_slice(NULL, 0), plain, ret_key, NULL);
}

/* (docs/protocol/commands.md, section 6) */
fsp_hash_t
fsp_put_digest(const fsp_request_t *request, const fsp_upload_outcome_t *outcome, fsp_buf_t *buf)
{
    fsp_buf_reset(buf);
    fsp_canon_array(buf, request->token > 0 ? 16 : 15);
    fsp_canon_uint(buf, FSP_COMMAND_PUT);
    fsp_canon_text(buf, request->path);
    fsp_canon_id(buf, request->file_id);
    fsp_canon_uint(buf, request->kind);
    fsp_canon_uint(buf, request->condition.type);
    fsp_canon_bin(buf, fsp_slice(request->condition.versions,
                                 request->condition.version_count * sizeof(fsp_version_id_t)));
    fsp_canon_bool(buf, request->create_parents);
    fsp_canon_uint(buf, outcome->size);
    fsp_canon_id(buf, outcome->sha256);
    fsp_canon_text(buf, request->media_type);
    fsp_canon_text(buf, request->message);
    fsp_canon_bool(buf, request->has_attr);
    fsp_canon_uint(buf, request->mode);
    fsp_canon_uint(buf, (uint64_t)request->mtime_s);
    fsp_canon_uint(buf, request->mtime_ns);
    if (request->token > 0)
        fsp_canon_uint(buf, request->token);
    FSP_ASSERT(fsp_buf_ok(buf));
    return fsp_sha256(fsp_buf_slice(buf));
}

/* The sealed records of a version, and the carrier that names them. */
static void
seal_records(fsp_frontend_t *self, const fsp_call_t *call, const fsp_request_t *request,
             const fsp_upload_outcome_t *outcome, fsp_put_records_t *records)
{
    fsp_details_t details = {.sha256 = outcome->sha256,
                             .chunk_count = outcome->chunk_count,
                             .media_type = request->media_type,
                             .message = request->message};
    fsp_buf_reset(&self->scratch2);
    fsp_details_encode(&details, &self->scratch2);
    fsp_key_t key;
    records->details = seal_record(call, FSP_OBJECT_DETAILS, fsp_buf_slice(&self->scratch2), &key);
    fsp_carrier_t carrier = {.root_kind = outcome->root_kind,
                             .root_key = outcome->root_key,
                             .sealed_part = fsp_blob_slice(records->details)};
    if (outcome->root_kind == FSP_ROOT_INLINE) {
        const fsp_space_keys_t *keys = call->space->keys;
        records->content =
            outcome->hashed
                ? fsp_object_seal_inline(keys, outcome->inline_content, outcome->sha256,
                                         &carrier.root_key)
                : seal_record(call, FSP_OBJECT_INLINE, outcome->inline_content, &carrier.root_key);
        carrier.inline_object = fsp_blob_slice(records->content);
    }
    records->root_key = carrier.root_key;
    fsp_carrier_encode(&carrier, &records->carrier);
    FSP_ASSERT(fsp_buf_ok(&records->carrier));
    if (request->has_attr) {
        fsp_attr_t attributes = {
            .mode = request->mode, .mtime_s = request->mtime_s, .mtime_ns = request->mtime_ns};
        fsp_buf_reset(&self->scratch2);
        fsp_attr_encode(&attributes, &self->scratch2);
        records->attr = seal_record(call, FSP_OBJECT_ATTR, fsp_buf_slice(&self->scratch2), &key);
    }
}

void
fsp_put_fill(fsp_frontend_t *self, const fsp_call_t *call, const fsp_request_t *request,
             const fsp_upload_outcome_t *outcome, fsp_put_records_t *ret_records,
             fsp_command_t *command)
{
    memset(ret_records, 0, sizeof(*ret_records));
    fsp_buf_init(&ret_records->carrier, FSP_CARRIER_BYTES_MAX);
    seal_records(self, call, request, outcome, ret_records);
    command->request_digest = fsp_put_digest(request, outcome, &self->scratch2);
    command->put.target.path = request->path;
    command->put.target.id = request->file_id;
    command->put.kind = (fsp_kind_t)request->kind;
    command->put.condition = request->condition;
    command->put.create_parents = request->create_parents;
    command->put.ids_seed = fsp_frontend_new_id(self);
    command->put.size = outcome->size;
    command->put.carrier = fsp_buf_slice(&ret_records->carrier);
    if (ret_records->attr)
        command->put.attr = fsp_blob_slice(ret_records->attr);
    if (request->token > 0 || fsp_kept_in_log(call)) {
        command->version = 2;
        command->put.lease_token = request->token;
        if (fsp_kept_in_log(call))
            command->put.upload_id = call->upload_id;
    }
}

void
fsp_put_records_clear(fsp_put_records_t *self)
{
    fsp_blob_destroy(&self->details);
    fsp_blob_destroy(&self->content);
    fsp_blob_destroy(&self->attr);
    fsp_buf_clear(&self->carrier);
}

void
fsp_put_ready(fsp_frontend_t *self, fsp_call_t *call)
{
    call->ready_waits = call->upload_opening; /* the command must say whether it ends an upload */
    if (call->ready_waits)
        return;
    const fsp_request_t *request = &call->request;
    fsp_upload_outcome_t outcome;
    fsp_upload_outcome(call->upload, &outcome);
    if (!outcome.hashed)
        outcome.sha256 = request->sha256; /* its word; the chunks were compared one by one */
    if (request->has_sha256 && !fsp_hash_eq(request->sha256, outcome.sha256)) {
        fsp_frontend_error(self, call, FSP_DAMAGED, NULL); /* what arrived is not what was sent */
        return;
    }
    fsp_command_t command;
    fsp_put_records_t records;
    fsp_frontend_command_init(call, FSP_COMMAND_PUT, &command);
    command.layout_version = self->args->layout_version;
    fsp_put_fill(self, call, request, &outcome, &records, &command);
    call->reply = FSP_NEW(fsp_reply_t);
    call->reply->sha256 = outcome.sha256;
    call->reply->content_root = records.root_key;
    call->reply->chunks = outcome.chunk_count;
    call->reply->chunks_new = outcome.chunk_new_count;
    fsp_frontend_send_command(self, call, &command);
    fsp_put_records_clear(&records);
}

void
fsp_put_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    fsp_reply_t *reply = call->reply;
    FSP_ASSERT(reply != NULL);
    reply->has_node = true;
    reply->kind = result->kind;
    reply->file_id = result->file_id;
    reply->path = call->request.path;
    reply->space_name = fsp_slice_text(call->space->name);
    reply->version_id = result->version_id;
    reply->number = result->number;
    reply->size = result->size;
    reply->modified = result->time;
    reply->change = result->index;
    reply->head_count = result->head_count;
    memcpy(reply->heads, result->heads, result->head_count * sizeof(reply->heads[0]));
    if (result->repeated && fsp_kept_in_log(call))
        fsp_kept_drop(self, call); /* the first one made it: what came again is not wanted */
    make_receipt(self, call, result);
    fsp_frontend_ok(self, call, reply);
}
