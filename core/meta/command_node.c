/* SPDX-License-Identifier: MIT */
/* command_node - bytes of commands: attributes, leases, batches, uploads, quota, keys.
   Layer core/meta.  Pure.
 *
 * Items of a batch and roots of an upload stay bytes: 256 decoded commands would be megabytes.  A
 * decoder walks them once and checks all; who needs them walks them again.
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/command_codec.h"

enum {
    ATTR_FIELDS = 3,
    RMDIR_FIELDS = 1,
    LOCK_FIELDS = 2,
    RENEW_FIELDS = 3,
    UNLOCK_FIELDS = 3,
    ITEM_FIELDS = 3,
    OPEN_FIELDS = 5,
    APPEND_FIELDS = 7,
    ROOT_FIELDS = 3,
    ABORT_FIELDS = 1,
    QUOTA_FIELDS = 1,
    REKEY_FIELDS = 3,
    /* fsp_command_rows, without parents and roots. */
    ROWS_EACH = 10,
};

/* -- nodes and leases -------------------------------------------------------------------------- */

static void
code_attr(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, ATTR_FIELDS);
    fsp_code_target(codec, &body->attr.target, false);
    fsp_code_bin(codec, &body->attr.attr, FSP_ATTR_BYTES_MAX);
    fsp_code_condition(codec, &body->attr.condition,
                       FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_MATCH));
}

static void
code_rmdir(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, RMDIR_FIELDS);
    fsp_code_target(codec, &body->rmdir.target, false);
}

static void
code_duration(fsp_codec_t *codec, fsp_time_t *duration)
{
    fsp_code_u64(codec, duration, FSP_LEASE_US_MAX);
    fsp_code_require(codec, *duration >= FSP_LEASE_US_MIN, FSP_INVALID);
}

static void
code_lock(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, LOCK_FIELDS);
    fsp_code_target(codec, &body->lease.target, false);
    code_duration(codec, &body->lease.duration);
}

static void
code_renew(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, RENEW_FIELDS);
    fsp_code_target(codec, &body->lease.target, false);
    fsp_code_u64(codec, &body->lease.token, UINT64_MAX);
    code_duration(codec, &body->lease.duration);
    fsp_code_require(codec, body->lease.token > 0, FSP_INVALID);
}

static void
code_unlock(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, UNLOCK_FIELDS);
    fsp_code_target(codec, &body->lease.target, false);
    fsp_code_u64(codec, &body->lease.token, UINT64_MAX);
    fsp_code_bool(codec, &body->lease.force);
    fsp_code_require(codec, (body->lease.token == 0) == body->lease.force, FSP_INVALID);
}

/* -- batch ------------------------------------------------------------------------------------- */

static bool
batchable(uint64_t type)
{
    switch (type) {
    case FSP_COMMAND_PUT:
    case FSP_COMMAND_DELETE:
    case FSP_COMMAND_MKDIR:
    case FSP_COMMAND_MOVE:
    case FSP_COMMAND_RESTORE:
    case FSP_COMMAND_COPY:
    case FSP_COMMAND_UNDELETE:
    case FSP_COMMAND_ATTR:
    case FSP_COMMAND_RMDIR:
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_UNLOCK:
        return true;
    default:
        return false;
    }
}

/* How many directories may be made above the node of a path. */
static size_t
parents_at_most(fsp_slice_t path, bool create)
{
    size_t names = 0;
    fsp_slice_t rest = path;
    fsp_slice_t name;
    while (create && fsp_path_next(&rest, &name))
        names++;
    return names > 0 ? names - 1 : 0;
}

/* Why ROWS_EACH is enough, with past rows (`at`) of names and heads counted, and rows that are
   written twice counted once:
     PUT, new      entry, node, version, index; the entry before, the displaced node, its entry in
                   the trash: 7.  A new version: node, version, index, past heads: 4.
     PUT, revive   entry in the trash and the name before, entry, node, past entry of either,
                   version, index, past heads: 9
     DELETE        entry, past entry, node, entry in the trash: 4
     MKDIR         entry, node: 2
     MOVE          two entries, two past entries, node, displaced node and its entry: 7
     RESTORE       as PUT of a version: 4
     COPY          as PUT of a new file: 7
     UNDELETE      as PUT, revive, without version and index: 7
     ATTR, LOCK, UNLOCK: 1.  RMDIR: entry, past entry, node: 3.
   Each parent that is made on the way is an entry and a node.  An upload that ends is its row and
   those of its roots. */
size_t
fsp_command_rows(const fsp_command_t *command)
{
    FSP_PRE(batchable(command->type));
    size_t parents = 0;
    size_t upload = 0;
    switch (command->type) {
    case FSP_COMMAND_PUT:
        parents = parents_at_most(command->put.target.path, command->put.create_parents);
        if (command->put.target.path.bytes == 0 && command->put.create_parents &&
            command->put.revive)
            parents = FSP_PATH_DEPTH_MAX - 1; /* of a place that the feed knows */
        if (!fsp_upload_id_is_zero(command->put.upload_id))
            upload = 1 + FSP_UPLOAD_ROOTS_MAX;
        break;
    case FSP_COMMAND_MKDIR:
        parents = parents_at_most(command->mkdir.target.path, command->mkdir.create_parents);
        break;
    case FSP_COMMAND_MOVE:
        parents = parents_at_most(command->move.to.path, command->move.create_parents);
        break;
    case FSP_COMMAND_COPY:
        parents = parents_at_most(command->copy.to.path, command->copy.create_parents);
        break;
    case FSP_COMMAND_UNDELETE:
        parents = FSP_PATH_DEPTH_MAX - 1;
        break;
    default:
        break;
    }
    return ROWS_EACH + 2 * parents + upload;
}

void
fsp_batch_add(const fsp_command_t *item, fsp_buf_t *items)
{
    FSP_PRE(batchable(item->type));
    fsp_codec_t codec = {.out = items};
    fsp_canon_array(items, ITEM_FIELDS);
    fsp_canon_uint(items, item->type);
    fsp_canon_uint(items, item->version);
    fsp_code_body(&codec, (fsp_command_t *)(uintptr_t)item); /* a writer only reads */
}

/* Reads an item into ret, of which only type, version and body are filled. */
static void
read_item(fsp_codec_t *codec, fsp_command_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    (void)fsp_canon_read_array(&codec->in, ITEM_FIELDS, ITEM_FIELDS); /* sticky */
    uint64_t type = fsp_canon_read_uint(&codec->in, UINT32_MAX);
    uint32_t version = (uint32_t)fsp_canon_read_uint(&codec->in, UINT32_MAX);
    fsp_code_require(codec, batchable(type) && version > 0, FSP_INVALID);
    if (codec->in.status)
        return;
    ret->type = (fsp_command_type_t)type;
    ret->version = version;
    fsp_code_require(codec, version <= fsp_command_newest(ret->type), FSP_LEVEL);
    if (codec->in.status == FSP_OK)
        fsp_code_body(codec, ret);
}

fsp_status_t
fsp_batch_next(fsp_canon_t *items, fsp_command_t *ret)
{
    if (fsp_canon_peek(items) == FSP_CANON_END)
        return FSP_NOT_FOUND;
    fsp_codec_t codec = {.in = *items};
    read_item(&codec, ret);
    *items = codec.in;
    return items->status;
}

static void
read_batch(fsp_codec_t *codec, fsp_node_body_t *body)
{
    size_t count = fsp_canon_read_array(&codec->in, 1, FSP_BATCH_ITEMS_MAX);
    body->batch.items.data = codec->in.at;
    fsp_command_t *item = FSP_NEW(fsp_command_t);
    for (size_t i = 0; i < count && codec->in.status == FSP_OK; i++) {
        read_item(codec, item);
        if (codec->in.status)
            break;
        uint64_t level = fsp_command_level(item->type, item->version);
        body->batch.level = level > body->batch.level ? level : body->batch.level;
        body->batch.publishes = body->batch.publishes || fsp_command_publishes(item);
        body->batch.rows += fsp_command_rows(item);
    }
    fsp_free(item);
    body->batch.count = count;
    body->batch.items.bytes = (size_t)(codec->in.at - body->batch.items.data);
    fsp_code_require(codec, body->batch.rows <= FSP_BATCH_ROWS_MAX, FSP_TOO_LARGE);
}

static void
code_batch(fsp_codec_t *codec, fsp_node_body_t *body)
{
    if (!codec->out) {
        read_batch(codec, body);
        return;
    }
    fsp_canon_array(codec->out, body->batch.count);
    fsp_buf_append_slice(codec->out, body->batch.items);
}

/* -- uploads ----------------------------------------------------------------------------------- */

void
fsp_upload_root_write(const fsp_upload_root_t *root, fsp_buf_t *buf)
{
    fsp_canon_array(buf, ROOT_FIELDS);
    fsp_canon_uint(buf, root->kind);
    fsp_canon_id(buf, root->key);
    fsp_canon_uint(buf, root->bytes);
}

void
fsp_upload_root_read(fsp_canon_t *reader, fsp_upload_root_t *ret)
{
    (void)fsp_canon_read_array(reader, ROOT_FIELDS, ROOT_FIELDS); /* sticky */
    uint64_t kind = fsp_canon_read_uint(reader, FSP_ROOT_TREE);
    fsp_canon_read_id(reader, &ret->key);
    ret->bytes = fsp_canon_read_uint(reader, INT64_MAX);
    if (kind < FSP_ROOT_CHUNK || ret->bytes == 0)
        fsp_canon_fail(reader, FSP_INVALID);
    ret->kind = (fsp_root_kind_t)kind;
}

static void
code_open(fsp_codec_t *codec, fsp_node_body_t *body)
{
    const unsigned any = FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_EDIT) |
                         FSP_CODE_ALLOW(FSP_IF_MATCH) | FSP_CODE_ALLOW(FSP_IF_NONE_MATCH) |
                         FSP_CODE_ALLOW(FSP_IF_MERGE);
    fsp_code_array(codec, OPEN_FIELDS);
    FSP_CODE_ID(codec, &body->upload_open.id);
    fsp_code_target(codec, &body->upload_open.target, false);
    fsp_code_condition(codec, &body->upload_open.condition, any);
    fsp_code_u64(codec, &body->upload_open.size, INT64_MAX);
    code_duration(codec, &body->upload_open.duration);
    fsp_code_require(codec, !fsp_upload_id_is_zero(body->upload_open.id), FSP_INVALID);
}

static void
code_roots(fsp_codec_t *codec, fsp_node_body_t *body)
{
    if (codec->out) {
        fsp_canon_array(codec->out, body->upload_append.root_count);
        fsp_buf_append_slice(codec->out, body->upload_append.roots);
        return;
    }
    size_t count = fsp_canon_read_array(&codec->in, 0, FSP_APPEND_ROOTS_MAX);
    const uint8_t *from = codec->in.at;
    uint64_t sum = 0;
    for (size_t i = 0; i < count && codec->in.status == FSP_OK; i++) {
        fsp_upload_root_t root;
        fsp_upload_root_read(&codec->in, &root);
        fsp_code_require(codec, root.bytes <= INT64_MAX - sum, FSP_TOO_LARGE);
        if (codec->in.status == FSP_OK)
            sum += root.bytes;
    }
    body->upload_append.root_count = count;
    body->upload_append.root_bytes = sum;
    body->upload_append.roots = fsp_slice(from, (size_t)(codec->in.at - from));
}

static void
check_append(fsp_codec_t *codec, const fsp_node_body_t *body)
{
    if (codec->out)
        return;
    bool tail = !fsp_key_is_zero(body->upload_append.tail);
    fsp_code_require(codec, !fsp_upload_id_is_zero(body->upload_append.id), FSP_INVALID);
    fsp_code_require(codec, tail == (body->upload_append.tail_bytes > 0), FSP_INVALID);
    fsp_code_require(codec, body->upload_append.midstate.bytes > 0, FSP_INVALID);
    /* Each term is below 2^63, so the sum of the first two does not wrap, nor does the third. */
    uint64_t end = body->upload_append.keep + body->upload_append.root_bytes;
    fsp_code_require(codec, end <= INT64_MAX, FSP_TOO_LARGE);
    end += body->upload_append.tail_bytes;
    fsp_code_require(codec, end <= INT64_MAX, FSP_TOO_LARGE);
    fsp_code_require(codec, end > body->upload_append.offset, FSP_INVALID);
}

static void
code_append(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, APPEND_FIELDS);
    FSP_CODE_ID(codec, &body->upload_append.id);
    fsp_code_u64(codec, &body->upload_append.offset, INT64_MAX);
    fsp_code_u64(codec, &body->upload_append.keep, INT64_MAX);
    code_roots(codec, body);
    fsp_code_optional(codec, body->upload_append.tail.bytes,
                      sizeof(body->upload_append.tail.bytes));
    fsp_code_u64(codec, &body->upload_append.tail_bytes, FSP_CHUNK_BYTES_MAX);
    fsp_code_bin(codec, &body->upload_append.midstate, FSP_MIDSTATE_BYTES_MAX);
    check_append(codec, body);
}

static void
code_abort(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, ABORT_FIELDS);
    FSP_CODE_ID(codec, &body->upload_abort.id);
    fsp_code_require(codec, !fsp_upload_id_is_zero(body->upload_abort.id), FSP_INVALID);
}

/* -- quota and keys ---------------------------------------------------------------------------- */

static void
code_quota(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, QUOTA_FIELDS);
    fsp_code_u64(codec, &body->quota.bytes, UINT64_MAX);
}

static void
code_rekey(fsp_codec_t *codec, fsp_node_body_t *body)
{
    fsp_code_array(codec, REKEY_FIELDS);
    FSP_CODE_ID(codec, &body->rekey.version_id);
    FSP_CODE_ID(codec, &body->rekey.present);
    fsp_code_bin(codec, &body->rekey.carrier, FSP_CARRIER_BYTES_MAX);
    if (codec->out || codec->in.status)
        return;
    fsp_carrier_t carrier;
    fsp_status_t status = fsp_carrier_decode(body->rekey.carrier, &carrier);
    if (status)
        fsp_canon_fail(&codec->in, status);
}

void
fsp_code_node(fsp_codec_t *codec, fsp_command_t *command)
{
    fsp_node_body_t *body = &command->node;
    switch (command->type) {
    case FSP_COMMAND_ATTR:
        code_attr(codec, body);
        return;
    case FSP_COMMAND_RMDIR:
        code_rmdir(codec, body);
        return;
    case FSP_COMMAND_LOCK:
        code_lock(codec, body);
        return;
    case FSP_COMMAND_RENEW:
        code_renew(codec, body);
        return;
    case FSP_COMMAND_UNLOCK:
        code_unlock(codec, body);
        return;
    case FSP_COMMAND_BATCH:
        code_batch(codec, body);
        return;
    case FSP_COMMAND_UPLOAD_OPEN:
        code_open(codec, body);
        return;
    case FSP_COMMAND_UPLOAD_APPEND:
        code_append(codec, body);
        return;
    case FSP_COMMAND_UPLOAD_ABORT:
        code_abort(codec, body);
        return;
    case FSP_COMMAND_QUOTA:
        code_quota(codec, body);
        return;
    case FSP_COMMAND_REKEY:
        code_rekey(codec, body);
        return;
    default:
        FSP_UNREACHABLE();
    }
}
