/* SPDX-License-Identifier: MIT */
/* frontend_batch - requests that are more than one operation: BATCH, PURGE.  Layer actors.
 *
 * A BATCH is one command of many operations, all or nothing.  A PURGE is the reverse: one request
 * that takes many commands, because what lies in the trash may be more than one command can drop.
 * Their operation ids follow from the request's, so a PURGE that is sent again goes on where its
 * first attempt ended.
 */
#include "actors/frontend.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

/* -- BATCH ------------------------------------------------------------------------------------- */

/* A PUT's content lies beside it: small enough to be sealed into the command. */
static fsp_status_t
fill_put(fsp_frontend_t *self, const fsp_call_t *call, fsp_request_op_t *op,
         fsp_put_records_t *ret_records, fsp_command_t *command)
{
    fsp_request_t *request = &op->request;
    fsp_upload_outcome_t outcome = {.size = op->content.bytes,
                                    .root_kind = FSP_ROOT_INLINE,
                                    .inline_content = op->content,
                                    .hashed = true,
                                    .sha256 = fsp_sha256(op->content)};
    if (request->kind == 0)
        request->kind = FSP_KIND_FILE;
    if (request->condition.type == 0)
        request->condition.type = FSP_IF_REPLACE;
    if ((request->kind != FSP_KIND_FILE && request->kind != FSP_KIND_SYMLINK) ||
        (request->has_size && request->size != outcome.size))
        return FSP_INVALID;
    if (request->has_sha256 && !fsp_hash_eq(request->sha256, outcome.sha256))
        return FSP_DAMAGED;
    fsp_put_fill(self, call, request, &outcome, ret_records, command);
    return FSP_OK;
}

/* Adds one operation to the items; its digest to `digests`. */
static fsp_status_t
add_op(fsp_frontend_t *self, const fsp_call_t *call, fsp_request_op_t *op, fsp_buf_t *items,
       fsp_buf_t *digests)
{
    fsp_command_t command;
    fsp_command_type_t type =
        op->type == FSP_MSG_PUT ? FSP_COMMAND_PUT : fsp_names_command_type(op->type);
    fsp_frontend_command_init(call, type, &command);
    fsp_put_records_t records = {.details = NULL};
    fsp_blob_t *attr = NULL;
    fsp_version_id_t version_id = {0};
    fsp_status_t status = FSP_OK;
    /* What a prefix means could change until the batch is applied, so it takes whole ids. */
    if (op->request.version.bytes > 0)
        status = fsp_hex_decode(op->request.version, version_id.bytes, sizeof(version_id.bytes));
    if (status == FSP_OK && op->type == FSP_MSG_PUT)
        status = fill_put(self, call, op, &records, &command);
    else if (status == FSP_OK)
        fsp_names_fill(self, call, op->type, &op->request, &version_id, &command, &attr);
    if (status == FSP_OK) {
        fsp_batch_add(&command, items);
        fsp_canon_id(digests, command.request_digest);
    }
    fsp_put_records_clear(&records);
    fsp_blob_destroy(&attr);
    return status;
}

/* Refuses a batch because of one operation, which nobody else has seen. */
static void
refuse(fsp_frontend_t *self, fsp_call_t *call, fsp_status_t status, size_t failed)
{
    fsp_result_t result = {.status = status, .failed = (uint32_t)failed};
    fsp_frontend_error(self, call, status, &result);
}

void
fsp_batch_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    fsp_buf_t items, digests;
    fsp_buf_init(&items, FSP_COMMAND_BYTES_MAX);
    fsp_buf_init(&digests, FSP_BATCH_ITEMS_MAX * 64);
    fsp_canon_array(&digests, 2);
    fsp_canon_uint(&digests, FSP_COMMAND_BATCH);
    fsp_canon_array(&digests, call->request.op_count);
    fsp_status_t status = FSP_OK;
    size_t count = 0;
    for (size_t at = 0; count < call->request.op_count && status == FSP_OK; count++) {
        fsp_request_op_t op;
        status = fsp_request_next_op(&call->request, &at, &op);
        FSP_ASSERT(status != FSP_NOT_FOUND);
        if (status == FSP_OK)
            status = add_op(self, call, &op, &items, &digests);
        if (status == FSP_OK && !fsp_buf_ok(&items))
            status = FSP_TOO_LARGE;
    }
    if (status != FSP_OK) {
        refuse(self, call, status, count);
    } else {
        fsp_command_t command;
        fsp_frontend_command_init(call, FSP_COMMAND_BATCH, &command);
        command.layout_version = self->args->layout_version;
        command.request_digest = fsp_sha256(fsp_buf_slice(&digests));
        command.node.batch.items = fsp_buf_slice(&items);
        command.node.batch.count = count;
        fsp_frontend_send_command(self, call, &command);
    }
    fsp_buf_clear(&items);
    fsp_buf_clear(&digests);
}

void
fsp_batch_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    fsp_canon_t reader = fsp_canon_reader(result->items);
    fsp_buf_reset(&self->scratch2);
    for (size_t i = 0; i < result->item_count; i++) {
        fsp_result_item_t item = {.number = 0};
        fsp_result_item_next(&reader, &item);
        fsp_item_did_encode(&item, &self->scratch2);
    }
    if (fsp_canon_finish(&reader) != FSP_OK || !fsp_buf_ok(&self->scratch2)) {
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
        return;
    }
    fsp_reply_t reply = {.change = result->index,
                         .space_name = fsp_slice_text(call->space->name),
                         .modified = result->time,
                         .item_count = result->item_count,
                         .items = fsp_buf_slice(&self->scratch2)};
    fsp_frontend_ok(self, call, &reply);
}

/* -- PURGE ------------------------------------------------------------------------------------- */

fsp_op_id_t
fsp_step_op(fsp_op_id_t op_id, uint32_t step)
{
    static const char what[] = "fsp step";
    uint8_t bytes[sizeof(what) - 1 + sizeof(op_id.bytes) + 4];
    memcpy(bytes, what, sizeof(what) - 1);
    memcpy(bytes + sizeof(what) - 1, op_id.bytes, sizeof(op_id.bytes));
    fsp_store_u32(bytes + sizeof(bytes) - 4, step);
    fsp_hash_t hash = fsp_sha256(fsp_slice(bytes, sizeof(bytes)));
    fsp_op_id_t ret;
    memcpy(ret.bytes, hash.bytes, sizeof(ret.bytes));
    return ret;
}

static void
send_step(fsp_frontend_t *self, fsp_call_t *call, bool items)
{
    const fsp_request_t *request = &call->request;
    bool one = request->path.bytes > 0 || !fsp_file_id_is_zero(request->file_id);
    fsp_command_t command;
    fsp_frontend_command_init(call, FSP_COMMAND_PURGE, &command);
    command.layout_version = self->args->layout_version;
    if (call->step > 0)
        command.op_id = fsp_step_op(request->op_id, call->step);
    command.request_digest = fsp_names_digest(request, FSP_COMMAND_PURGE, &self->scratch2);
    command.history.person = true;
    if (one && call->step == 0) {
        command.history.given = true;
        command.history.target.path = request->path;
        command.history.target.id = request->file_id;
    } else if (!one && items) {
        command.history.before = request->before > 0 ? request->before : UINT64_MAX;
        command.history.after = fsp_slice(call->after, call->after_bytes);
    }
    fsp_frontend_send_command(self, call, &command);
}

void
fsp_purge_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    send_step(self, call, true);
}

void
fsp_purge_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    if (result->more && ++call->step < PURGE_STEPS_MAX) {
        /* A path names the last item that was looked at; without one only work is left. */
        bool items = result->path.bytes > 1 && result->path.bytes - 1 <= sizeof(call->after);
        call->after_bytes = items ? result->path.bytes - 1 : 0;
        if (items)
            memcpy(call->after, result->path.data + 1, call->after_bytes);
        send_step(self, call, items);
        return;
    }
    fsp_reply_t reply = {.change = result->index,
                         .space_name = fsp_slice_text(call->space->name),
                         .modified = result->time,
                         .more = result->more};
    fsp_frontend_ok(self, call, &reply);
}
