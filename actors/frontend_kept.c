/* SPDX-License-Identifier: MIT */
/* frontend_kept - uploads that are kept in the log, to be taken up again.  Layer actors.
 *
 *   PUT with an upload id -> nobody else is at it -> query UPLOAD
 *     -> not there: upload from nothing
 *     -> there: its midstate -> upload that restores itself from the root (core/data/upload_keep)
 *   CHECKPOINT -> the first one: UPLOAD_OPEN -> UPLOAD_APPEND of one root (the tree of the prefix)
 *     -> CREDIT with `durable`
 *   the end -> PUT version 2, which ends the upload; version 1 if it never came to a checkpoint
 *
 * An upload of which the log says nothing and one that is open there without a byte are taken up
 * alike, so contents that end before their first checkpoint cost one command and not two.
 *
 * How a call ends says what becomes of its upload.  OK: it became a version.  An ERROR that says
 * "the same again" (or the same under a new operation id: EXPIRED), or that somebody else took the
 * upload over: it stays, and so it does when nobody is there to be told anything; housekeeping
 * clears it away when it has passed.  Every other ERROR is final for the client, so the upload is
 * given up before it is sent.
 *
 * These commands are the gateway's own: each has a fresh operation id, is sent once, and is
 * repeated by nobody.  What an APPEND did that was not answered is found by whoever takes the
 * upload up.
 */
#include "actors/clock.h"
#include "actors/frontend.h"
#include "actors/log.h"
#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/data/details.h"
#include "core/meta/ops.h"

/* What of an upload was asked: token of an ASK_KEPT. */
enum { KEPT_LOOK = 0, KEPT_OPEN = 1, KEPT_APPEND = 2, KEPT_ABORT = 3 };

/* From the last checkpoint on. */
#define KEPT_US ((fsp_time_t)7 * 24 * 3600 * 1000 * 1000)

bool
fsp_kept_is(const fsp_call_t *call)
{
    return !fsp_upload_id_is_zero(call->upload_id);
}

bool
fsp_kept_in_log(const fsp_call_t *call)
{
    return call->upload_logged;
}

/* -- commands ---------------------------------------------------------------------------------- */

static void
init_command(fsp_frontend_t *self, const fsp_call_t *call, fsp_command_type_t type,
             fsp_command_t *ret)
{
    fsp_frontend_command_init(call, type, ret);
    fsp_random(ret->op_id.bytes, sizeof(ret->op_id.bytes));
    ret->attempt = 1;
    ret->since = call->space->change;
    ret->layout_version = self->args->layout_version;
    /* Nobody asks a second time under this operation id. */
    ret->request_digest = fsp_sha256(FSP_SLICE_OF(call->upload_id));
}

static void
send_command(fsp_frontend_t *self, fsp_call_t *call, const fsp_command_t *command, uint64_t token)
{
    fsp_buf_reset(&self->scratch);
    fsp_command_encode(command, &self->scratch);
    FSP_ASSERT(fsp_buf_ok(&self->scratch));
    FSP_ASSERT(self->scratch.bytes <= FSP_COMMAND_BYTES_MAX);
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_COMMAND,
                     fsp_ask_id(call, ASK_KEPT, token), fsp_buf_slice(&self->scratch), NULL, 0);
}

static void
send_look(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_query_t query;
    fsp_frontend_query_init(call, FSP_QUERY_UPLOAD, &query);
    query.target = (fsp_target_t){.path = fsp_slice(NULL, 0)};
    static_assert(sizeof(query.target.id) == sizeof(call->upload_id), "a target holds either");
    memcpy(query.target.id.bytes, call->upload_id.bytes, sizeof(query.target.id.bytes));
    fsp_buf_reset(&self->scratch);
    fsp_query_encode(&query, &self->scratch);
    FSP_ASSERT(fsp_buf_ok(&self->scratch));
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_QUERY,
                     fsp_ask_id(call, ASK_KEPT, KEPT_LOOK), fsp_buf_slice(&self->scratch), NULL, 0);
}

static void
send_open(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_request_t *request = &call->request;
    fsp_command_t command;
    init_command(self, call, FSP_COMMAND_UPLOAD_OPEN, &command);
    command.node.upload_open.id = call->upload_id;
    command.node.upload_open.target.path = request->path;
    command.node.upload_open.target.id = request->file_id;
    command.node.upload_open.condition = request->condition;
    command.node.upload_open.size = request->has_size ? request->size : 0;
    command.node.upload_open.duration = KEPT_US;
    call->upload_opening = true;
    send_command(self, call, &command, KEPT_OPEN);
}

static void
send_abort(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_command_t command;
    init_command(self, call, FSP_COMMAND_UPLOAD_ABORT, &command);
    command.node.upload_abort.id = call->upload_id;
    send_command(self, call, &command, KEPT_ABORT);
}

void
fsp_kept_checkpoint(fsp_frontend_t *self, fsp_call_t *call)
{
    if (!call->upload_logged) {
        send_open(self, call); /* and then again */
        return;
    }
    fsp_midstate_t midstate;
    fsp_upload_midstate(call->upload, &midstate);
    fsp_key_t key;
    fsp_buf_reset(&self->scratch2);
    fsp_midstate_encode(&midstate, &self->scratch2);
    fsp_blob_t *sealed = fsp_object_seal(call->space->keys, FSP_OBJECT_DETAILS, fsp_slice(NULL, 0),
                                         fsp_buf_slice(&self->scratch2), &key, NULL);
    fsp_upload_root_t root = {
        .kind = midstate.root_kind, .key = midstate.root_key, .bytes = midstate.offset};
    fsp_buf_reset(&self->scratch2);
    fsp_upload_root_write(&root, &self->scratch2);
    fsp_command_t command;
    init_command(self, call, FSP_COMMAND_UPLOAD_APPEND, &command);
    command.node.upload_append.id = call->upload_id;
    command.node.upload_append.offset = fsp_upload_durable_offset(call->upload);
    command.node.upload_append.roots = fsp_buf_slice(&self->scratch2);
    command.node.upload_append.root_count = 1;
    command.node.upload_append.midstate = fsp_blob_slice(sealed);
    send_command(self, call, &command, KEPT_APPEND);
    fsp_blob_destroy(&sealed);
}

/* -- one at a time ----------------------------------------------------------------------------- */

/* Another call about the same upload, also one that is over but for what it has asked. */
static fsp_call_t *
other_call(fsp_frontend_t *self, const fsp_call_t *call)
{
    fsp_call_t *other, *next;
    HASH_ITER(hh, self->calls, other, next)
    {
        if (other != call && fsp_upload_id_eq(other->upload_id, call->upload_id) &&
            fsp_subject_id_eq(other->upload_subject, call->upload_subject) &&
            other->space == call->space && !(other->waits_for_upload && !other->over))
            return other;
    }
    return NULL;
}

/* Those that wait for the same upload: the last one to come is the one that is meant. */
static void
end_waiting(fsp_frontend_t *self, const fsp_call_t *call)
{
    fsp_call_t *other, *next;
    HASH_ITER(hh, self->calls, other, next)
    {
        if (other != call && !other->over && other->waits_for_upload &&
            fsp_upload_id_eq(other->upload_id, call->upload_id) &&
            fsp_subject_id_eq(other->upload_subject, call->upload_subject) &&
            other->space == call->space) {
            other->leaves_upload = true;
            fsp_frontend_error(self, other, FSP_CANCELLED, NULL);
        }
    }
}

void
fsp_kept_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    call->upload_id = call->request.upload_id;
    call->upload_subject = call->session->subject;
    call->upload_logged = true; /* as far as is known: who gives it up now means what is there */
    end_waiting(self, call);
    fsp_call_t *other = other_call(self, call);
    if (!other) {
        send_look(self, call);
        return;
    }
    /* Its client has come back on another connection.  What it has on the way to the log must be
       there before it is looked up how far the upload is; if that is its PUT, it takes effect. */
    if (!other->over && !other->commanded) {
        other->leaves_upload = true;
        fsp_frontend_error(self, other, FSP_CANCELLED, NULL);
    }
    call->waits_for_upload = true;
    self->uploads_waiting++;
}

void
fsp_kept_forget(fsp_frontend_t *self, fsp_call_t *call)
{
    if (call->waits_for_upload) {
        FSP_ASSERT(self->uploads_waiting > 0);
        self->uploads_waiting--;
        call->waits_for_upload = false;
    }
    fsp_free(call->start);
    call->start = NULL;
    fsp_free(call->ending_result);
    call->ending_result = NULL;
}

void
fsp_kept_start_waiting(fsp_frontend_t *self)
{
    if (self->uploads_waiting == 0)
        return;
    fsp_call_t *call, *next;
    HASH_ITER(hh, self->calls, call, next)
    {
        if (!call->waits_for_upload || call->over || call->aborting || other_call(self, call))
            continue;
        call->waits_for_upload = false;
        self->uploads_waiting--;
        send_look(self, call);
    }
}

/* -- taking up --------------------------------------------------------------------------------- */

/* Whatever stands there is no use: away with it, and from nothing. */
static void
begin_anew(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t why)
{
    fsp_log(FSP_LOG_WARNING, "frontend",
            "msg=\"an upload cannot be taken up, it begins anew\" reason=%s path=\"%.*s\"",
            fsp_status_name(why), (int)call->request.path.bytes,
            (const char *)call->request.path.data);
    call->begins_anew = true;
    send_abort(self, call);
}

bool
fsp_kept_restart(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t why)
{
    bool can = fsp_kept_is(call) && !call->credited && !call->begun_anew &&
               (why == FSP_DAMAGED || why == FSP_NOT_FOUND || why == FSP_UNSUPPORTED);
    if (!can)
        return false;
    fsp_upload_destroy(&call->upload);
    fsp_free(call->start);
    call->start = NULL;
    begin_anew(self, call, why);
    return true;
}

/* Opens the midstate, which must be that of the one root that is there. */
static fsp_status_t
open_midstate(const fsp_call_t *call, const fsp_upload_info_t *info, fsp_midstate_t *ret)
{
    fsp_canon_t roots = fsp_canon_reader(info->roots);
    fsp_upload_root_t root = {.bytes = 0};
    fsp_upload_root_read(&roots, &root);
    if (info->root_count != 1 || info->tail_bytes > 0 || fsp_canon_finish(&roots) != FSP_OK)
        return FSP_UNSUPPORTED; /* sound, but not as this program makes them */
    fsp_key_t key;
    fsp_blob_t *plain = NULL;
    fsp_status_t status = fsp_object_name(info->midstate, &key, NULL);
    if (status == FSP_OK)
        status = fsp_object_open_whole(call->space->keys, key, info->midstate, &plain, NULL);
    if (status == FSP_OK)
        status = fsp_midstate_decode(fsp_blob_slice(plain), ret);
    fsp_blob_destroy(&plain);
    if (status != FSP_OK)
        return status == FSP_UNSUPPORTED ? status : FSP_DAMAGED;
    bool fits = ret->offset == info->offset && root.bytes == info->offset &&
                ret->root_kind == root.kind && fsp_key_eq(ret->root_key, root.key) &&
                ret->offset > FSP_INLINE_BYTES_MAX;
    return fits ? FSP_OK : FSP_DAMAGED;
}

/* The id is somebody else's upload. */
static void
refuse_foreign(fsp_frontend_t *self, fsp_call_t *call)
{
    call->leaves_upload = true;
    fsp_frontend_error(self, call, FSP_EXISTS, NULL);
}

static void
take_up(fsp_frontend_t *self, fsp_call_t *call, const fsp_upload_info_t *info)
{
    const fsp_request_t *request = &call->request;
    if (!fsp_subject_id_eq(info->subject, call->upload_subject)) {
        refuse_foreign(self, call); /* shown to who administers; not theirs to go on with */
        return;
    }
    if (info->size > 0 && request->has_size && info->size != request->size) {
        /* Another content under the operation id of this one. */
        call->leaves_upload = true;
        fsp_frontend_error(self, call, FSP_OP_REUSED, NULL);
        return;
    }
    if (info->offset == 0) {
        fsp_put_log_ready(self, call);
        return;
    }
    call->start = FSP_NEW(fsp_midstate_t);
    fsp_status_t status = open_midstate(call, info, call->start);
    if (status == FSP_OK) {
        fsp_put_log_ready(self, call);
    } else {
        fsp_free(call->start);
        call->start = NULL;
        begin_anew(self, call, status);
    }
}

static void
looked(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body)
{
    fsp_answer_t answer;
    fsp_upload_info_t info;
    fsp_status_t status = fsp_answer_open(body, &answer);
    if (status != FSP_OK) {
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
        return;
    }
    fsp_frontend_note_change(self, call->space, answer.index);
    if (answer.status == FSP_NO_SUCH_SPACE)
        fsp_spaces_retire(self->args->spaces, call->space);
    call->upload_logged = answer.status != FSP_NO_SUCH_UPLOAD;
    if (!call->upload_logged)
        fsp_put_log_ready(self, call);
    else if (answer.status != FSP_OK)
        fsp_frontend_error(self, call, answer.status, NULL);
    else if (answer.count != 1 || fsp_answer_upload(&answer, &info) != FSP_OK)
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
    else
        take_up(self, call, &info);
}

/* -- the end ----------------------------------------------------------------------------------- */

bool
fsp_kept_give_up(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t status,
                 const fsp_result_t *result)
{
    bool is_there = call->upload_logged || call->upload_opening;
    if (!is_there || call->aborting || call->leaves_upload || status == FSP_EXPIRED ||
        fsp_error_info(status)->retry == FSP_RETRY_SAME)
        return false;
    call->aborting = true;
    call->committed = call->commanded = true; /* nothing that its client says matters any more */
    call->ending = status;
    if (result) {
        call->ending_result = FSP_NEW(fsp_result_t);
        *call->ending_result = *result;
        call->ending_result->path = call->ending_result->items = fsp_slice(NULL, 0);
    }
    send_abort(self, call);
    return true;
}

void
fsp_kept_drop(fsp_frontend_t *self, fsp_call_t *call)
{
    send_abort(self, call);
}

static void
aborted(fsp_frontend_t *self, fsp_call_t *call)
{
    /* Whatever was answered: it is gone, or nobody can say that it is. */
    if (call->aborting) {
        fsp_frontend_error(self, call, call->ending, call->ending_result);
    } else if (call->begins_anew) {
        call->begins_anew = false;
        call->begun_anew = true;
        call->upload_logged = false;
        fsp_put_log_ready(self, call);
    }
}

/* It is in the log: on with the checkpoint, or with the end that came meanwhile. */
static void
opened(fsp_frontend_t *self, fsp_call_t *call)
{
    call->upload_logged = true;
    if (call->ready_waits)
        fsp_put_ready(self, call);
    else
        fsp_kept_checkpoint(self, call);
}

static void
appended(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_upload_checkpointed(call->upload, &call->upload_effects);
    fsp_put_go_on(self, call);
    if (!call->over && !call->aborting)
        fsp_put_tell_durable(self, call);
}

void
fsp_kept_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token, fsp_mail_t *mail)
{
    fsp_slice_t body = fsp_mail_body(mail);
    if (token == KEPT_ABORT) {
        aborted(self, call);
        return;
    }
    if (call->aborting)
        return; /* what it was about does not matter any more */
    if (mail->envelope.type != FSP_MSG_OK) {
        fsp_frontend_error(self, call, fsp_peer_error_decode(body), NULL);
        return;
    }
    if (token == KEPT_LOOK) {
        looked(self, call, body);
        return;
    }
    fsp_result_t result;
    if (fsp_result_decode(body, &result) != FSP_OK) {
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
        return;
    }
    fsp_frontend_note_change(self, call->space, result.index);
    if (token == KEPT_OPEN)
        call->upload_opening = false;
    if (result.status == FSP_NO_SUCH_SPACE)
        fsp_spaces_retire(self->args->spaces, call->space);
    if (result.status == FSP_MISMATCH && token == KEPT_APPEND && !call->commanded)
        /* Somebody goes on with it elsewhere: whoever takes it up again looks where it stands. */
        fsp_frontend_error(self, call, FSP_BUSY, NULL);
    else if (result.status == FSP_EXISTS && token == KEPT_OPEN)
        refuse_foreign(self, call);
    else if (result.status != FSP_OK && !call->commanded)
        fsp_frontend_error(self, call, result.status, &result);
    else if (result.status == FSP_OK && token == KEPT_APPEND)
        appended(self, call);
    else if (result.status == FSP_OK)
        opened(self, call);
}
