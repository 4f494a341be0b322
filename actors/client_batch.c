/* SPDX-License-Identifier: MIT */
/* client_batch - the client library's batches: many operations, all or nothing.  Layer actors. */
#include "actors/client_internal.h"

#include "core/base/text.h"

#include <stdio.h>

static_assert((int)FILESPHERE_BATCH_MAX == (int)FSP_BATCH_ITEMS_MAX, "one bound");
static_assert((int)FILESPHERE_BATCH_CONTENT_MAX == (int)FSP_INLINE_BYTES_MAX, "one bound");

static fsp_status_t
fill_condition(const filesphere_operation_t *from, fsp_condition_t *ret)
{
    if (from->if_match && from->if_none_match)
        return FSP_INVALID;
    if (from->if_match) {
        ret->type = FSP_IF_MATCH;
        ret->version_count = 1;
        memcpy(ret->versions[0].bytes, from->if_match, sizeof ret->versions[0].bytes);
    } else if (from->if_none_match) {
        ret->type = FSP_IF_NONE_MATCH;
    }
    return FSP_OK;
}

static bool
path_fits(const char *path, fsp_slice_t *ret)
{
    *ret = path ? fsp_slice_text(path) : fsp_slice(NULL, 0);
    return !path || fsp_path_check(*ret) == FSP_OK;
}

/* One operation as the protocol has it; the node judges the rest. */
static fsp_status_t
fill_op(const filesphere_operation_t *from, fsp_request_op_t *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->type = (fsp_client_type_t)from->op;
    fsp_request_t *request = &ret->request;
    if (!fsp_client_type_is_op(ret->type) || (!from->path && !from->file_id))
        return FSP_INVALID;
    if (!path_fits(from->path, &request->path) || !path_fits(from->to, &request->to_path))
        return FSP_BAD_NAME;
    if (from->file_id)
        memcpy(request->file_id.bytes, from->file_id, sizeof request->file_id.bytes);
    if (from->version) {
        request->version = fsp_slice_text(from->version);
        if (request->version.bytes != 64)
            return FSP_INVALID;
    }
    if (from->size > FILESPHERE_BATCH_CONTENT_MAX)
        return FSP_TOO_LARGE;
    if (from->op == FILESPHERE_OP_PUT)
        ret->content = fsp_slice(from->content, from->size);
    request->create_parents = from->create_parents;
    request->recursive = from->recursive;
    request->replace = from->replace;
    request->exist_ok = from->exist_ok;
    request->has_attr = from->attr.set;
    request->mode = from->attr.mode & 07777;
    request->mtime_s = from->attr.mtime_s;
    request->mtime_ns = from->attr.mtime_ns;
    if (from->message)
        request->message = fsp_slice_text(from->message);
    request->token = from->token;
    request->force = from->op == FILESPHERE_OP_UNLOCK && from->token == 0;
    request->duration = from->duration_us;
    return fill_condition(from, &request->condition);
}

static filesphere_code_t
read_answer(filesphere_t *self, const fsp_reply_t *reply, filesphere_did_t *ret, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        fsp_result_item_t did;
        if (fsp_reply_next_did(reply, &at, &did) != FSP_OK)
            return fsp_client_fail_link(self, FSP_PROTOCOL, "batch");
        ret[i] = (filesphere_did_t){
            .kind = (filesphere_kind_t)did.kind, .number = did.number, .size = did.size};
        memcpy(ret[i].file_id, did.file_id.bytes, sizeof ret[i].file_id);
        memcpy(ret[i].version_id, did.version_id.bytes, sizeof ret[i].version_id);
    }
    return FILESPHERE_OK;
}

static filesphere_code_t
run_batch(filesphere_t *self, fsp_request_t *request, filesphere_did_t *ret, uint64_t *ret_change,
          size_t *ret_failed)
{
    fsp_client_message_t message;
    self->failed = 0;
    filesphere_code_t code =
        fsp_client_ask(self, FSP_MSG_BATCH, request, fsp_slice(NULL, 0), "batch", &message);
    if (code != FILESPHERE_OK) {
        *ret_failed = self->failed <= request->op_count ? self->failed : 0;
        return code;
    }
    if (message.type != FSP_MSG_OK || message.reply.item_count != request->op_count)
        code = fsp_client_fail_link(self, FSP_PROTOCOL, "batch");
    else
        code = read_answer(self, &message.reply, ret, request->op_count);
    if (code == FILESPHERE_OK && ret_change)
        *ret_change = message.reply.change;
    fsp_client_message_clear(&message);
    return code;
}

/* The words say which operation it was, in place of "batch". */
static void
name_operation(filesphere_t *self, const filesphere_operation_t *operation)
{
    char words[sizeof self->words];
    const char *text = strstr(self->words, ": ");
    (void)snprintf(words, sizeof words, "%.512s%s", operation->path ? operation->path : "batch",
                   text ? text : "");
    memcpy(self->words, words, sizeof words);
}

filesphere_code_t
filesphere_batch(filesphere_t *handle, const char *space, const filesphere_operation_t *operations,
                 size_t count, filesphere_did_t *ret, uint64_t *ret_change, size_t *ret_failed)
{
    if (!operations || !ret || !ret_failed || count == 0 || count > FILESPHERE_BATCH_MAX ||
        !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    *ret_failed = 0;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    fsp_buf_t ops;
    fsp_buf_init(&ops, FSP_BODY_BYTES_MAX);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, NULL, true);
    for (size_t i = 0; i < count && code == FILESPHERE_OK; i++) {
        fsp_request_op_t op;
        fsp_status_t status = fill_op(&operations[i], &op);
        if (status == FSP_OK) {
            fsp_request_op_encode(&op, &ops);
            if (!fsp_buf_ok(&ops))
                status = FSP_TOO_LARGE;
        }
        if (status != FSP_OK) {
            *ret_failed = i + 1;
            code =
                fsp_client_fail(handle, status, operations[i].path, "%s", fsp_status_text(status));
        }
    }
    request.op_count = count;
    request.ops = fsp_buf_slice(&ops);
    bool asked = code == FILESPHERE_OK;
    if (asked)
        code = run_batch(handle, &request, ret, ret_change, ret_failed);
    if (asked && *ret_failed > 0)
        name_operation(handle, &operations[*ret_failed - 1]);
    fsp_buf_clear(&ops);
    return fsp_client_end(handle, code);
}
