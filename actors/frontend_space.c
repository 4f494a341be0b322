/* SPDX-License-Identifier: MIT */
/* frontend_space - spaces are made, set and removed.  Layer actors.
 *
 *   SPACE_CREATE -> SPACE_INIT with fresh keys -> SPACES (its keys come back wrapped) -> OK
 *   SPACE_SET    -> QUOTA, then RETENTION, as far as asked for -> OK
 *   SPACE_REMOVE -> SPACE_STATE closing, with a deadline -> OK; housekeeping drops it later
 *
 * The id of a space follows from who makes it and the operation id, so that a request that is sent
 * again, to any gateway, finds the space that its first attempt made.
 */
#include "actors/frontend.h"
#include "actors/housekeeping.h"

#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"

/* -- SPACE_CREATE ------------------------------------------------------------------------------ */

static fsp_space_id_t
space_id_of(fsp_subject_id_t subject, fsp_op_id_t op_id)
{
    static const char what[] = "fsp space id";
    uint8_t bytes[sizeof(what) - 1 + sizeof(subject.bytes) + sizeof(op_id.bytes)];
    memcpy(bytes, what, sizeof(what) - 1);
    memcpy(bytes + sizeof(what) - 1, subject.bytes, sizeof(subject.bytes));
    memcpy(bytes + sizeof(bytes) - sizeof(op_id.bytes), op_id.bytes, sizeof(op_id.bytes));
    fsp_hash_t hash = fsp_sha256(fsp_slice(bytes, sizeof(bytes)));
    fsp_space_id_t ret;
    memcpy(ret.bytes, hash.bytes, sizeof(ret.bytes));
    return ret;
}

/* docs/protocol/commands.md, section 6. */
static fsp_hash_t
digest(fsp_frontend_t *self, const fsp_call_t *call, fsp_command_type_t type)
{
    const fsp_request_t *request = &call->request;
    fsp_buf_t *buf = &self->scratch2;
    fsp_buf_reset(buf);
    switch ((int)call->type) {
    case FSP_MSG_SPACE_CREATE:
        fsp_canon_array(buf, 3 + request->chunking_count);
        fsp_canon_uint(buf, type);
        fsp_canon_text(buf, request->space);
        fsp_canon_uint(buf, request->quota_bytes);
        for (size_t i = 0; i < request->chunking_count; i++)
            fsp_canon_uint(buf, request->chunking[i]);
        break;
    case FSP_MSG_SPACE_SET: /* of both commands: the request is one */
        fsp_canon_array(buf, 3 + FSP_KEEP_VALUES);
        fsp_canon_uint(buf, FSP_COMMAND_QUOTA);
        fsp_canon_uint(buf, request->set);
        fsp_canon_uint(buf, request->quota_bytes);
        for (size_t i = 0; i < FSP_KEEP_VALUES; i++)
            fsp_canon_uint(buf, request->keep[i]);
        break;
    default:
        fsp_canon_array(buf, 3);
        fsp_canon_uint(buf, type);
        fsp_canon_bool(buf, request->cancel);
        fsp_canon_uint(buf, request->duration);
        break;
    }
    FSP_ASSERT(fsp_buf_ok(buf));
    return fsp_sha256(fsp_buf_slice(buf));
}

/* What all commands have in common, for a call that may have no space yet. */
static void
init_command(fsp_frontend_t *self, const fsp_call_t *call, fsp_command_type_t type,
             fsp_command_t *ret)
{
    *ret = (fsp_command_t){.type = type,
                           .version = FSP_COMMAND_VERSION,
                           .space_id = call->space_id,
                           .subject = call->session->subject,
                           .op_id = call->request.op_id,
                           .attempt = (uint32_t)call->request.attempt,
                           .since = call->request.since,
                           .layout_version = self->args->layout_version};
    ret->request_digest = digest(self, call, type);
}

/* Chunks of less than this would cost more in trees and questions than they save. */
enum { CHUNK_BYTES_LEAST = 64 * 1024 };

/* Lengths of chunks that a space may be made with (docs/protocol/content.md, 3.1).  Sets them. */
static bool
take_chunking(const fsp_request_t *request, fsp_command_t *command)
{
    if (request->chunking_count == 0)
        return true;
    for (size_t i = 0; i < FSP_CHUNKING_VALUES; i++) {
        if (request->chunking[i] < CHUNK_BYTES_LEAST || request->chunking[i] > FSP_CHUNK_BYTES_MAX)
            return false;
    }
    const fsp_chunk_params_t params = {(uint32_t)request->chunking[0],
                                       (uint32_t)request->chunking[1],
                                       (uint32_t)request->chunking[2]};
    command->space_init.chunk_bytes_min = params.bytes_min;
    command->space_init.chunk_bytes_avg = params.bytes_avg;
    command->space_init.chunk_bytes_max = params.bytes_max;
    return fsp_chunk_params_valid(&params);
}

/* Spaces that there are, and that other calls are making: those come all at once. */
static size_t
count_spaces(fsp_frontend_t *self, const fsp_call_t *call)
{
    fsp_spaces_sweep(self->args->spaces);
    size_t count = fsp_spaces_count(self->args->spaces);
    fsp_call_t *other, *next;
    HASH_ITER(hh, self->calls, other, next)
    {
        if (other != call && other->type == FSP_MSG_SPACE_CREATE && other->asked > 0)
            count++;
    }
    return count;
}

void
fsp_space_create_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    if (!call->space && count_spaces(self, call) >= FSP_SPACES_MAX) {
        fsp_frontend_error(self, call, FSP_BUSY, NULL);
        return;
    }
    call->space_id = space_id_of(call->session->subject, call->request.op_id);
    fsp_command_t command;
    init_command(self, call, FSP_COMMAND_SPACE_INIT, &command);
    command.space_init.name = call->request.space;
    command.space_init.owner = call->session->subject;
    command.space_init.quota_bytes = call->request.quota_bytes;
    if (!take_chunking(&call->request, &command)) {
        fsp_frontend_error(self, call, FSP_INVALID, NULL);
        return;
    }
    fsp_buf_reset(&self->scratch);
    fsp_spaces_make(self->args->spaces, &command, &self->scratch);
    call->commanded = true;
    fsp_frontend_ask_shard(self, call, ASK_COMMAND, fsp_buf_slice(&self->scratch));
}

/* The space is there, made now or by an earlier attempt: its own keys are taken, not those that
   were just made. */
static void
ask_for_keys(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_space_id_t before = call->space_id; /* the greatest id that is smaller */
    for (size_t i = sizeof(before.bytes); i-- > 0 && before.bytes[i]-- == 0;)
        continue;
    fsp_query_t query = {.type = FSP_QUERY_SPACES,
                         .subject = call->session->subject,
                         .prefix = call->request.space,
                         .after = FSP_SLICE_OF(before),
                         .limit = 1};
    fsp_frontend_send_query(self, call, &query);
}

void
fsp_space_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body)
{
    fsp_answer_t answer;
    fsp_space_info_t info;
    fsp_gateway_space_t *space = NULL;
    fsp_status_t status = fsp_answer_open(body, &answer);
    if (status == FSP_OK)
        status = answer.status;
    if (status == FSP_OK && answer.count == 0)
        status = FSP_NO_SUCH_SPACE; /* removed since it was made */
    if (status == FSP_OK)
        status = fsp_answer_space(&answer, &info);
    if (status == FSP_OK && !fsp_space_id_eq(info.space_id, call->space_id))
        status = FSP_NO_SUCH_SPACE;
    if (status == FSP_OK)
        status = fsp_spaces_take(self->args->spaces, &info, &space);
    if (status != FSP_OK) {
        fsp_frontend_error(self, call, status, NULL);
        return;
    }
    fsp_reply_t reply = {.has_node = true,
                         .kind = FSP_KIND_DIRECTORY,
                         .file_id = info.root_id,
                         .path = fsp_slice_text("/"),
                         .space_name = fsp_slice_text(space->name),
                         .change = info.change_index};
    fsp_frontend_ok(self, call, &reply);
}

/* -- SPACE_SET --------------------------------------------------------------------------------- */

/* The command of the call's present step.  What the second one is refused with is the answer, and
   the first has taken effect then: who sends the request again, with its op, goes on behind it. */
static void
send_setting(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_request_t *request = &call->request;
    bool quota = call->step == 0 && request->set & FSP_SET_QUOTA;
    fsp_command_t command;
    init_command(self, call, quota ? FSP_COMMAND_QUOTA : FSP_COMMAND_RETENTION, &command);
    if (call->step > 0)
        command.op_id = fsp_step_op(request->op_id, call->step);
    if (quota)
        command.node.quota.bytes = request->quota_bytes;
    else
        command.history.retention = (fsp_retention_t){.keep_last = request->keep[0],
                                                      .all_days = request->keep[1],
                                                      .daily = request->keep[2],
                                                      .weekly = request->keep[3],
                                                      .monthly = request->keep[4],
                                                      .past_days = request->keep[5]};
    fsp_frontend_send_command(self, call, &command);
}

void
fsp_space_set_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_request_t *request = &call->request;
    bool fits = (request->set & ~(uint64_t)(FSP_SET_QUOTA | FSP_SET_KEEP)) == 0;
    for (size_t i = 0; i < FSP_KEEP_VALUES; i++)
        fits = fits && request->keep[i] <= FSP_RETENTION_MAX;
    if (!fits) {
        fsp_frontend_error(self, call, FSP_INVALID, NULL);
        return;
    }
    call->space_id = call->space->space_id;
    send_setting(self, call);
}

static void
setting_done(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    if (call->step == 0 && call->request.set == (FSP_SET_QUOTA | FSP_SET_KEEP)) {
        call->step = 1;
        send_setting(self, call);
        return;
    }
    fsp_reply_t reply = {.change = result->index,
                         .space_name = fsp_slice_text(call->space->name),
                         .modified = result->time};
    fsp_frontend_ok(self, call, &reply);
}

/* -- SPACE_REMOVE ------------------------------------------------------------------------------ */

/* Who may: the owner.  Closing is the node's own command, so its gateway judges. */
static fsp_status_t
judge_remove(fsp_frontend_t *self, const fsp_call_t *call)
{
    if (!fsp_subject_id_eq(call->space->owner, call->session->subject))
        return FSP_FORBIDDEN;
    if (call->space == fsp_spaces_home(self->args->spaces) && !call->request.cancel)
        return FSP_INVALID; /* clients without a space of their own would have none */
    return FSP_OK;
}

void
fsp_space_remove_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_request_t *request = &call->request;
    fsp_status_t status = judge_remove(self, call);
    if (status != FSP_OK) {
        fsp_frontend_error(self, call, status, NULL);
        return;
    }
    call->space_id = call->space->space_id;
    fsp_time_t now = self->shell->wall_us;
    call->deadline = request->duration > UINT64_MAX - now ? UINT64_MAX : now + request->duration;
    fsp_command_t command;
    init_command(self, call, FSP_COMMAND_SPACE_STATE, &command);
    command.subject = (fsp_subject_id_t){0};
    command.access.value = request->cancel ? 0 : 1;
    command.access.detail = request->cancel ? 0 : call->deadline;
    fsp_frontend_send_command(self, call, &command);
}

/* -- results ----------------------------------------------------------------------------------- */

void
fsp_space_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    if (call->type == FSP_MSG_SPACE_CREATE) {
        ask_for_keys(self, call);
        return;
    }
    if (call->type == FSP_MSG_SPACE_SET) {
        setting_done(self, call, result);
        return;
    }
    /* Of a repeated answer the deadline is that of the first attempt, which was noted then. */
    if (call->request.cancel)
        call->space->closes = 0;
    else if (!result->repeated || call->space->closes == 0)
        call->space->closes = call->deadline;
    if (!call->request.cancel)
        fsp_housekeeping_tell(self->shell->mailbox, call->space_id, call->space->closes);
    fsp_reply_t reply = {.change = result->index,
                         .space_name = fsp_slice_text(call->space->name),
                         .modified = result->time,
                         .expires = call->space->closes};
    fsp_frontend_ok(self, call, &reply);
}

/* -- what nobody here asked for ---------------------------------------------------------------- */

void
fsp_space_gone(fsp_frontend_t *self, fsp_slice_t body)
{
    fsp_space_id_t space_id;
    FSP_PRE(body.bytes == sizeof(space_id));
    memcpy(space_id.bytes, body.data, sizeof(space_id));
    fsp_gateway_space_t *space = fsp_spaces_by_id(self->args->spaces, space_id);
    if (space)
        fsp_spaces_retire(self->args->spaces, space);
}
