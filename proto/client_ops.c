/* SPDX-License-Identifier: MIT */
/* client_ops - operations of a batch, and what belongs to which minor version.  Layer proto.  Pure.
 *
 * An operation is [type, body] or [type, body, content]: the body is that of the request of this
 * type, so that a client that can make a request can put it into a batch.
 */
#include "core/base/check.h"
#include "proto/client.h"
#include "proto/wire.h"

enum { OP_VALUES_MIN = 2, OP_VALUES_MAX = 3 };

bool
fsp_client_type_is_op(fsp_client_type_t type)
{
    switch ((int)type) {
    case FSP_MSG_PUT:
    case FSP_MSG_MKDIR:
    case FSP_MSG_DELETE:
    case FSP_MSG_MOVE:
    case FSP_MSG_COPY:
    case FSP_MSG_RESTORE:
    case FSP_MSG_LOCK:
    case FSP_MSG_UNLOCK:
    case FSP_MSG_UNDELETE:
    case FSP_MSG_ATTR:
        return true;
    default:
        return false;
    }
}

void
fsp_request_op_encode(const fsp_request_op_t *op, fsp_buf_t *ops)
{
    FSP_PRE(fsp_client_type_is_op(op->type));
    bool has_content = op->content.bytes > 0;
    fsp_wire_array(ops, has_content ? OP_VALUES_MAX : OP_VALUES_MIN);
    fsp_wire_uint(ops, op->type);
    fsp_request_encode(op->type, &op->request, ops);
    if (has_content)
        fsp_wire_bin(ops, op->content);
}

static fsp_status_t
decode_body(const fsp_request_t *batch, fsp_client_type_t type, fsp_slice_t body,
            fsp_request_t *ret)
{
    fsp_status_t status = fsp_request_decode_op(type, body, ret);
    if (status)
        return status;
    /* Each of these is the batch's; to overlook them would be to do something else. */
    if (ret->space.bytes > 0 || !fsp_op_id_is_zero(ret->op_id) || ret->attempt > 0 || ret->end)
        return FSP_INVALID;
    /* These come in parts, and the content of an operation lies beside it. */
    if (!fsp_upload_id_is_zero(ret->upload_id) || ret->offer || ret->known_count > 0)
        return FSP_INVALID;
    ret->op_id = batch->op_id;
    ret->attempt = batch->attempt;
    ret->since = batch->since;
    return FSP_OK;
}

fsp_status_t
fsp_request_next_op(const fsp_request_t *request, size_t *at, fsp_request_op_t *ret)
{
    FSP_PRE(at && *at <= request->ops.bytes);
    FSP_PRE(ret);
    fsp_wire_reader_t reader = fsp_wire_open_values(request->ops);
    const uint8_t *start = reader.at;
    reader.at += *at;
    fsp_slice_t value;
    fsp_status_t status = fsp_wire_next(&reader, &value);
    if (status)
        return status;
    fsp_wire_reader_t parts;
    size_t count;
    status = fsp_wire_open_array(value, OP_VALUES_MAX, &parts, &count);
    if (!status && count < OP_VALUES_MIN)
        status = FSP_INVALID;
    if (status)
        return status == FSP_TOO_LARGE ? FSP_INVALID : status;
    fsp_slice_t type_value, body, content_value;
    status = fsp_wire_next(&parts, &type_value);
    FSP_ASSERT(status == FSP_OK); /* open_array has skimmed them */
    status = fsp_wire_next(&parts, &body);
    FSP_ASSERT(status == FSP_OK);
    fsp_request_op_t op = {.content = fsp_slice(NULL, 0)};
    uint64_t type;
    status = fsp_wire_read_uint(type_value, UINT16_MAX, &type);
    if (status)
        return status;
    op.type = (fsp_client_type_t)type;
    if (!fsp_client_type_is_op(op.type))
        return FSP_INVALID;
    if (count == OP_VALUES_MAX) {
        status = fsp_wire_next(&parts, &content_value);
        FSP_ASSERT(status == FSP_OK);
        status = fsp_wire_read_bin(content_value, FSP_INLINE_BYTES_MAX, &op.content);
        if (status)
            return status;
        if (op.type != FSP_MSG_PUT)
            return FSP_INVALID;
    }
    status = decode_body(request, op.type, body, &op.request);
    if (status)
        return status;
    *at = (size_t)(reader.at - start);
    *ret = op;
    return FSP_OK;
}

/* -- minor versions ---------------------------------------------------------------------------- */

unsigned
fsp_client_type_minor(fsp_client_type_t type)
{
    switch ((int)type) {
    case FSP_MSG_NEWS:
    case FSP_MSG_WATCH:
    case FSP_MSG_LOCK:
    case FSP_MSG_RENEW:
    case FSP_MSG_UNLOCK:
    case FSP_MSG_UNDELETE:
    case FSP_MSG_PRUNE:
    case FSP_MSG_PURGE:
    case FSP_MSG_BATCH:
    case FSP_MSG_SPACE_CREATE:
    case FSP_MSG_SPACE_REMOVE:
        return 2;
    case FSP_MSG_OFFER:
    case FSP_MSG_WANT:
    case FSP_MSG_ATTR:
    case FSP_MSG_SPACE_SET:
    case FSP_MSG_COLLECT:
    case FSP_MSG_KEY_ADD:
    case FSP_MSG_KEY_LIST:
    case FSP_MSG_KEY_REMOVE:
        return 3;
    default:
        return FSP_CLIENT_MINOR_FIRST;
    }
}

/* The newest type among a batch's operations; what cannot be read is refused when it is read. */
static unsigned
ops_minor(const fsp_request_t *batch)
{
    unsigned newest = FSP_CLIENT_MINOR_FIRST;
    fsp_wire_reader_t ops = fsp_wire_open_values(batch->ops), parts;
    fsp_slice_t op, first;
    size_t count;
    uint64_t type;
    while (fsp_wire_next(&ops, &op) == FSP_OK) {
        if (fsp_wire_open_array(op, OP_VALUES_MAX, &parts, &count) != FSP_OK ||
            fsp_wire_next(&parts, &first) != FSP_OK ||
            fsp_wire_read_uint(first, UINT16_MAX, &type) != FSP_OK)
            continue;
        unsigned minor = fsp_client_type_minor((fsp_client_type_t)type);
        if (fsp_client_type_is_op((fsp_client_type_t)type) && minor > newest)
            newest = minor;
    }
    return newest;
}

unsigned
fsp_request_minor(fsp_client_type_t type, const fsp_request_t *request)
{
    unsigned minor = fsp_client_type_minor(type);
    if (type == FSP_MSG_BATCH) {
        unsigned newest = ops_minor(request);
        minor = newest > minor ? newest : minor;
    }
    if (minor < 2 && (request->at_index > 0 || request->at_time > 0 || request->token > 0))
        minor = 2;
    bool third = !fsp_upload_id_is_zero(request->upload_id) || request->offer ||
                 request->known_count > 0 || request->attrs || request->chunking_count > 0;
    return third ? 3 : minor;
}
