/* SPDX-License-Identifier: MIT */
/* client - bodies of the client protocol: msgpack maps with short keys.  Layer proto.  Pure.
 *
 * Two tables say all about the fields; what remains here is what one field cannot say alone:
 * attributes, ranges and maps in maps, and which fields a request needs or excludes.
 *
 * How to change: a new field is a row with a new key, in docs/protocol/client.md too (test_client
 * compares); it must be safe for an old server to overlook it, else it needs a capability or a
 * minor version.
 */
#include "proto/client.h"

#include "core/base/check.h"
#include "proto/client_fields.h"

enum {
    CLIENT_NAME_BYTES_MAX = 128,
    SYMBOL_BYTES_MAX = 64,
    ERROR_TEXT_BYTES_MAX = 1024,
    DISK_STATE_BYTES_MAX = 16,
    VERSION_HEX_MAX = 64,
    MODE_MAX = 07777,
    VERSIONS_MAX = 4,
    RETRY_MAX = 2,
};
static_assert(sizeof(fsp_condition_type_t) == sizeof(uint32_t), "enumerations are read as u32");
static_assert(sizeof(fsp_kind_t) == sizeof(uint32_t), "enumerations are read as u32");
static_assert(sizeof(((fsp_request_t *)0)->versions) == VERSIONS_MAX * sizeof(uint64_t),
              "the bound of \"versions\" is the array's");

/* -- attributes: [mode, mtime seconds (signed), nanoseconds] ----------------------------------- */

static const int64_t MTIME_S_MAX = (INT64_C(1) << 62) - 1; /* what a sealed attribute can hold */
static const uint64_t NANOSECONDS_MAX = 999999999;

void
fsp_client_attr_encode(uint32_t mode, int64_t mtime_s, uint32_t mtime_ns, fsp_buf_t *buf)
{
    fsp_wire_array(buf, 3);
    fsp_wire_uint(buf, mode);
    fsp_wire_int(buf, mtime_s);
    fsp_wire_uint(buf, mtime_ns);
}

/* The `count` values of an array, which must have exactly that many. */
static fsp_status_t
open_tuple(fsp_slice_t value, size_t count, fsp_slice_t *ret_values)
{
    fsp_wire_reader_t reader;
    size_t got;
    fsp_status_t status = fsp_wire_open_array(value, FSP_MSGPACK_ITEMS_MAX, &reader, &got);
    if (status)
        return status;
    if (got != count)
        return FSP_INVALID;
    for (size_t i = 0; i < count; i++) {
        status = fsp_wire_next(&reader, &ret_values[i]);
        FSP_ASSERT(status == FSP_OK); /* open_array has skimmed it */
    }
    return FSP_OK;
}

fsp_status_t
fsp_client_attr_decode(fsp_slice_t value, uint32_t *ret_mode, int64_t *ret_mtime_s,
                       uint32_t *ret_mtime_ns)
{
    fsp_slice_t parts[3];
    uint64_t mode, nanoseconds;
    fsp_status_t status = open_tuple(value, 3, parts);
    if (!status)
        status = fsp_wire_read_uint(parts[0], MODE_MAX, &mode);
    if (!status)
        status = fsp_wire_read_int(parts[1], -MTIME_S_MAX, MTIME_S_MAX, ret_mtime_s);
    if (!status)
        status = fsp_wire_read_uint(parts[2], NANOSECONDS_MAX, &nanoseconds);
    if (status)
        return status;
    *ret_mode = (uint32_t)mode;
    *ret_mtime_ns = (uint32_t)nanoseconds;
    return FSP_OK;
}

static bool
request_attr_present(const void *self)
{
    return ((const fsp_request_t *)self)->has_attr;
}

static void
request_attr_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_request_t *request = self;
    fsp_client_attr_encode(request->mode, request->mtime_s, request->mtime_ns, buf);
}

static fsp_status_t
request_attr_decode(void *self, fsp_slice_t value)
{
    fsp_request_t *request = self;
    request->has_attr = true;
    return fsp_client_attr_decode(value, &request->mode, &request->mtime_s, &request->mtime_ns);
}

static bool
reply_attr_present(const void *self)
{
    return ((const fsp_reply_t *)self)->has_attr;
}

static void
reply_attr_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_reply_t *reply = self;
    fsp_client_attr_encode(reply->mode, reply->mtime_s, reply->mtime_ns, buf);
}

static fsp_status_t
reply_attr_decode(void *self, fsp_slice_t value)
{
    fsp_reply_t *reply = self;
    reply->has_attr = true;
    return fsp_client_attr_decode(value, &reply->mode, &reply->mtime_s, &reply->mtime_ns);
}

static const fsp_field_custom_t REQUEST_ATTR = {FSP_CLIENT_ATTR_TEXT, request_attr_present,
                                                request_attr_encode, request_attr_decode};
static const fsp_field_custom_t REPLY_ATTR = {FSP_CLIENT_ATTR_TEXT, reply_attr_present,
                                              reply_attr_encode, reply_attr_decode};

/* -- range: [first, last], both inclusive ------------------------------------------------------ */

static bool
range_present(const void *self)
{
    return ((const fsp_request_t *)self)->has_range;
}

static void
range_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_request_t *request = self;
    fsp_wire_array(buf, 2);
    fsp_wire_uint(buf, request->range_first);
    fsp_wire_uint(buf, request->range_last);
}

static fsp_status_t
range_decode(void *self, fsp_slice_t value)
{
    fsp_request_t *request = self;
    fsp_slice_t parts[2];
    fsp_status_t status = open_tuple(value, 2, parts);
    if (!status)
        status = fsp_wire_read_uint(parts[0], UINT64_MAX, &request->range_first);
    if (!status)
        status = fsp_wire_read_uint(parts[1], UINT64_MAX, &request->range_last);
    if (status)
        return status;
    if (request->range_first > request->range_last)
        return FSP_BAD_RANGE;
    request->has_range = true;
    return FSP_OK;
}

static const fsp_field_custom_t RANGE = {"array [first, last]", range_present, range_encode,
                                         range_decode};

/* -- ops: what a batch does, in order ---------------------------------------------------------- */

static bool
ops_present(const void *self)
{
    return ((const fsp_request_t *)self)->op_count > 0;
}

static void
ops_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_request_t *request = self;
    FSP_PRE(request->op_count <= FSP_BATCH_ITEMS_MAX);
    fsp_wire_array(buf, request->op_count);
    fsp_buf_append_slice(buf, request->ops);
}

static fsp_status_t
ops_decode(void *self, fsp_slice_t value)
{
    fsp_request_t *request = self;
    fsp_wire_reader_t reader;
    fsp_status_t status =
        fsp_wire_open_array(value, FSP_BATCH_ITEMS_MAX, &reader, &request->op_count);
    if (!status)
        request->ops = fsp_slice(reader.at, (size_t)(reader.end - reader.at));
    return status;
}

static const fsp_field_custom_t OPS = {"array of [type, body, content], at most 256", ops_present,
                                       ops_encode, ops_decode};

/* -- requests ---------------------------------------------------------------------------------- */

#define ON(type) (UINT64_C(1) << FSP_MSG_##type)
/* What changes something and therefore has an op id. */
#define ON_CHANGES_SOMETHING                                                                       \
    (ON(PUT) | ON(MKDIR) | ON(DELETE) | ON(MOVE) | ON(COPY) | ON(RESTORE) | ON(LOCK) | ON(RENEW) | \
     ON(UNLOCK) | ON(UNDELETE) | ON(PRUNE) | ON(PURGE) | ON(BATCH) | ON(SPACE_CREATE) |            \
     ON(SPACE_REMOVE) | ON(ATTR) | ON(SPACE_SET))
/* What acts on one node, by path or by id. */
#define ON_TARGET                                                                                  \
    (ON(PUT) | ON(GET) | ON(STAT) | ON(LIST) | ON(VERSIONS) | ON(DELETE) | ON(MOVE) | ON(COPY) |   \
     ON(RESTORE) | ON(LOCK) | ON(RENEW) | ON(UNLOCK) | ON(UNDELETE) | ON(PRUNE) | ON(ATTR))
/* Where it may also be missing. */
#define ON_TARGET_OR_NONE (ON_TARGET | ON(PURGE))
#define ON_CONDITION (ON(PUT) | ON(DELETE) | ON(MOVE) | ON(COPY) | ON(RESTORE) | ON(ATTR))
#define ON_AT (ON(GET) | ON(STAT) | ON(LIST))
#define ON_SPACE                                                                                   \
    (ON_TARGET_OR_NONE | ON(MKDIR) | ON(CHANGES) | ON(WATCH) | ON(BATCH) | ON(SPACE_CREATE) |      \
     ON(SPACE_REMOVE) | ON(SPACE_SET) | ON(COLLECT))
#define ON_REQUEST                                                                                 \
    (ON_SPACE | ON(HELLO) | ON(PING) | ON(COMMIT) | ON(ABORT) | ON(CREDIT) | ON(RESUME) |          \
     ON(SPACES) | ON(NODE) | ON(OFFER) | ON(KEY_ADD) | ON(KEY_LIST) | ON(KEY_REMOVE))
#define ON_OTHER (ON(WELCOME) | ON(PONG) | ON(OK) | ON(ERROR) | ON(DATA) | ON(NEWS) | ON(WANT))

#define REQUEST(type, member, key, bound) FSP_FIELD(type, fsp_request_t, member, key, bound)
#define REQUEST_ALSO(type, member, key, bound, flag)                                               \
    FSP_FIELD_ALSO(type, fsp_request_t, member, key, bound, offsetof(fsp_request_t, flag))

/* Strict: what the request acts on, and under which condition.  Overlooking one of these would
   do something else than what was asked. */
static const fsp_field_t REQUEST_FIELDS[] = {
    {REQUEST(SPACE, space, "space", FSP_SPACE_NAME_BYTES_MAX), .types = ON_SPACE, .strict = true},
    {REQUEST(PATH, path, "path", FSP_PATH_BYTES_MAX), .types = ON_TARGET_OR_NONE | ON(MKDIR),
     .strict = true},
    {REQUEST(FIXED, file_id, "file", sizeof(fsp_file_id_t)), .types = ON_TARGET_OR_NONE,
     .strict = true},
    {REQUEST(PATH, to_path, "to", FSP_PATH_BYTES_MAX), .types = ON(MOVE) | ON(COPY) | ON(UNDELETE),
     .strict = true},
    {REQUEST(HEX, version, "version", VERSION_HEX_MAX),
     .types = ON(GET) | ON(STAT) | ON(COPY) | ON(RESTORE) | ON(PRUNE), .strict = true},
    {REQUEST(FIXED, op_id, "op", sizeof(fsp_op_id_t)), .types = ON_CHANGES_SOMETHING},
    {REQUEST(UINT, attempt, "attempt", UINT32_MAX), .types = ON_CHANGES_SOMETHING},
    {REQUEST(UINT, since, "since", UINT64_MAX), .types = ON_CHANGES_SOMETHING},
    {REQUEST(U32, condition.type, "if", FSP_IF_MERGE), .types = ON_CONDITION, .strict = true},
    {REQUEST_ALSO(IDS, condition.versions, "bases", FSP_PARENTS_MAX, condition.version_count),
     .types = ON_CONDITION, .strict = true},
    {REQUEST(BOOL, create_parents, "parents", 0),
     .types = ON(PUT) | ON(MKDIR) | ON(MOVE) | ON(COPY) | ON(UNDELETE)},
    {REQUEST(BOOL, recursive, "recursive", 0), .types = ON(DELETE)},
    {REQUEST(BOOL, replace, "replace", 0), .types = ON(MOVE) | ON(COPY)},
    {REQUEST(BOOL, exist_ok, "exist_ok", 0), .types = ON(MKDIR)},
    {REQUEST(UINT, kind, "kind", FSP_KIND_SYMLINK), .types = ON(PUT)},
    {FSP_FIELD_OF(&REQUEST_ATTR, "attr"), .types = ON(PUT) | ON(MKDIR) | ON(ATTR)},
    {REQUEST(BOOL, end, "end", 0), .types = ON(PUT)},
    {REQUEST(TEXT, media_type, "media", FSP_MEDIA_TYPE_BYTES_MAX), .types = ON(PUT)},
    {REQUEST(TEXT, message, "message", FSP_MESSAGE_BYTES_MAX), .types = ON(PUT)},
    {REQUEST_ALSO(UINT, size, "size", INT64_MAX, has_size), .types = ON(PUT) | ON(COMMIT)},
    {REQUEST_ALSO(FIXED, sha256, "sha256", sizeof(fsp_hash_t), has_sha256),
     .types = ON(PUT) | ON(COMMIT)},
    {FSP_FIELD_OF(&RANGE, "range"), .types = ON(GET), .strict = true},
    {REQUEST(UINT, credit, "credit", UINT32_MAX), .types = ON(GET) | ON(CREDIT) | ON(WATCH)},
    {REQUEST(TEXT, prefix, "prefix", FSP_NAME_BYTES_MAX), .types = ON(LIST)},
    {REQUEST(TEXT, after, "after", FSP_NAME_BYTES_MAX), .types = ON(LIST)},
    {REQUEST(UINT, after_index, "after_index", UINT64_MAX),
     .types = ON(VERSIONS) | ON(CHANGES) | ON(WATCH)},
    {REQUEST(UINT, limit, "limit", FSP_LIST_LIMIT_MAX),
     .types = ON(LIST) | ON(VERSIONS) | ON(CHANGES) | ON(SPACES)},
    {REQUEST_ALSO(UINTS, versions, "versions", VERSIONS_MAX, version_count), .types = ON(HELLO)},
    {REQUEST(TEXT, client, "client", CLIENT_NAME_BYTES_MAX), .types = ON(HELLO)},
    {REQUEST(FIXED, session_id, "session", sizeof(fsp_op_id_t)), .types = ON(HELLO)},
    /* Minor version 2. */
    {REQUEST(UINT, at_index, "at", UINT64_MAX), .types = ON_AT, .strict = true},
    {REQUEST(UINT, at_time, "at_time", UINT64_MAX), .types = ON_AT, .strict = true},
    {REQUEST(UINT, token, "token", UINT64_MAX), .types = ON(PUT) | ON(RENEW) | ON(UNLOCK),
     .strict = true},
    {REQUEST(UINT, duration, "duration", UINT64_MAX),
     .types = ON(LOCK) | ON(RENEW) | ON(SPACE_REMOVE)},
    {REQUEST(BOOL, force, "force", 0), .types = ON(UNLOCK), .strict = true},
    {REQUEST(UINT, before, "before", UINT64_MAX), .types = ON(PURGE), .strict = true},
    {REQUEST(UINT, quota_bytes, "quota", UINT64_MAX), .types = ON(SPACE_CREATE) | ON(SPACE_SET),
     .strict = true},
    {REQUEST(BOOL, cancel, "cancel", 0), .types = ON(SPACE_REMOVE), .strict = true},
    {FSP_FIELD_OF(&OPS, "ops"), .types = ON(BATCH), .strict = true},
    /* Minor version 3. */
    {REQUEST(FIXED, upload_id, "upload", sizeof(fsp_upload_id_t)), .types = ON(PUT)},
    {REQUEST(BOOL, offer, "offer", 0), .types = ON(PUT)},
    {REQUEST_ALSO(IDS, known, "known", FSP_KNOWN_MAX, known_count), .types = ON(PUT)},
    {REQUEST(UINT, offset, "offset", INT64_MAX), .types = ON(OFFER)},
    {REQUEST(BIN, chunks, "chunks", FSP_OFFER_CHUNKS_MAX *FSP_OFFER_CHUNK_BYTES),
     .types = ON(OFFER)},
    {REQUEST(BOOL, attrs, "attrs", 0), .types = ON(LIST)},
    {REQUEST_ALSO(UINTS, chunking, "chunking", FSP_CHUNKING_VALUES, chunking_count),
     .types = ON(SPACE_CREATE), .strict = true},
    {REQUEST(UINT, set, "set", FSP_SET_QUOTA | FSP_SET_KEEP), .types = ON(SPACE_SET),
     .strict = true},
    {REQUEST_ALSO(UINTS, keep, "keep", FSP_KEEP_VALUES, keep_count), .types = ON(SPACE_SET),
     .strict = true},
    {REQUEST(FIXED, key, "key", sizeof(fsp_key_t)), .types = ON(KEY_ADD) | ON(KEY_REMOVE),
     .strict = true},
    {REQUEST(TEXT, name, "name", FSP_KEY_NAME_BYTES_MAX), .types = ON(KEY_ADD)},
};

fsp_fields_t
fsp_request_fields(void)
{
    return (fsp_fields_t){REQUEST_FIELDS, sizeof(REQUEST_FIELDS) / sizeof(REQUEST_FIELDS[0])};
}

static bool
is_on(fsp_client_type_t type, uint64_t types)
{
    return (unsigned)type < 64 && (types >> type & 1);
}

/* "if" and "bases" together. */
static bool
condition_fits(const fsp_condition_t *condition)
{
    switch (condition->type) {
    case FSP_IF_EDIT:
    case FSP_IF_MATCH:
        return condition->version_count == 1;
    case FSP_IF_MERGE:
        return condition->version_count > 0;
    case FSP_IF_REPLACE:
    case FSP_IF_NONE_MATCH:
    default: /* 0: absent */
        return condition->version_count == 0;
    }
}

/* What is not to be set is not said. */
static bool
space_set_fits(const fsp_request_t *request)
{
    if (request->keep_count != 0 && request->keep_count != FSP_KEEP_VALUES)
        return false;
    return request->set > 0 && (request->quota_bytes == 0 || request->set & FSP_SET_QUOTA) &&
           (request->keep_count == 0 || request->set & FSP_SET_KEEP);
}

/* Fields that need or exclude each other. */
static bool
request_fits(fsp_client_type_t type, const fsp_request_t *request)
{
    bool by_path = request->path.bytes > 0;
    bool by_id = !fsp_file_id_is_zero(request->file_id);
    if (is_on(type, ON_TARGET) && by_path == by_id)
        return false;
    if (request->at_index > 0 && (request->at_time > 0 || request->version.bytes > 0))
        return false;
    if (request->at_time > 0 && request->version.bytes > 0)
        return false;
    if (!condition_fits(&request->condition))
        return false;
    switch (type) {
    case FSP_MSG_HELLO:
        return request->version_count > 0;
    case FSP_MSG_MKDIR:
        return by_path;
    case FSP_MSG_MOVE:
    case FSP_MSG_COPY:
        return request->to_path.bytes > 0;
    case FSP_MSG_RESTORE:
    case FSP_MSG_PRUNE:
        return request->version.bytes > 0;
    case FSP_MSG_CREDIT:
    case FSP_MSG_WATCH:
        return request->credit > 0;
    case FSP_MSG_LOCK:
        return request->duration > 0;
    case FSP_MSG_RENEW:
        return request->duration > 0 && request->token > 0;
    case FSP_MSG_UNLOCK:
        return (request->token > 0) != request->force;
    case FSP_MSG_PURGE:
        return !(by_path && by_id) && !(request->before > 0 && (by_path || by_id));
    case FSP_MSG_BATCH:
        return request->op_count > 0;
    case FSP_MSG_SPACE_CREATE:
        return request->space.bytes > 0 &&
               (request->chunking_count == 0 || request->chunking_count == FSP_CHUNKING_VALUES);
    case FSP_MSG_SPACE_REMOVE:
        return request->space.bytes > 0 && !(request->cancel && request->duration > 0);
    case FSP_MSG_PUT:
        /* What is kept, offered or built upon comes in parts. */
        return !request->end || (fsp_upload_id_is_zero(request->upload_id) && !request->offer &&
                                 request->known_count == 0);
    case FSP_MSG_OFFER:
        return request->chunks.bytes > 0 && request->chunks.bytes % FSP_OFFER_CHUNK_BYTES == 0;
    case FSP_MSG_ATTR:
        return request->has_attr &&
               (request->condition.type == 0 || request->condition.type == FSP_IF_REPLACE ||
                request->condition.type == FSP_IF_MATCH);
    case FSP_MSG_SPACE_SET:
        return request->space.bytes > 0 && space_set_fits(request);
    case FSP_MSG_COLLECT:
        return true;
    case FSP_MSG_KEY_ADD:
        return !fsp_key_is_zero(request->key) && request->name.bytes > 0;
    case FSP_MSG_KEY_REMOVE:
        return !fsp_key_is_zero(request->key);
    default:
        return true;
    }
}

void
fsp_request_encode(fsp_client_type_t type, const fsp_request_t *request, fsp_buf_t *buf)
{
    FSP_PRE(is_on(type, ON_REQUEST));
    fsp_fields_encode(fsp_request_fields(), type, request, buf);
}

fsp_status_t
fsp_request_decode_op(fsp_client_type_t type, fsp_slice_t body, fsp_request_t *ret)
{
    FSP_PRE(ret);
    FSP_PRE(is_on(type, ON_CHANGES_SOMETHING));
    fsp_request_t request;
    memset(&request, 0, sizeof(request));
    fsp_status_t status = fsp_fields_decode(fsp_request_fields(), type, body, &request);
    if (!status && !request_fits(type, &request))
        status = FSP_INVALID;
    if (!status)
        *ret = request;
    return status;
}

fsp_status_t
fsp_request_decode(fsp_client_type_t type, fsp_slice_t body, fsp_request_t *ret)
{
    FSP_PRE(ret);
    if (!is_on(type, ON_REQUEST))
        return is_on(type, ON_OTHER) ? FSP_PROTOCOL : FSP_UNSUPPORTED;
    fsp_request_t request;
    memset(&request, 0, sizeof(request));
    fsp_status_t status = fsp_fields_decode(fsp_request_fields(), type, body, &request);
    if (status)
        return status;
    if (is_on(type, ON_CHANGES_SOMETHING) &&
        (fsp_op_id_is_zero(request.op_id) || request.attempt == 0))
        return FSP_INVALID;
    if (!request_fits(type, &request))
        return FSP_INVALID;
    *ret = request;
    return FSP_OK;
}

/* -- replies ----------------------------------------------------------------------------------- */

#define REPLY(type, member, key, bound) FSP_FIELD(type, fsp_reply_t, member, key, bound)
#define REPLY_ALSO(type, member, key, bound, flag)                                                 \
    FSP_FIELD_ALSO(type, fsp_reply_t, member, key, bound, offsetof(fsp_reply_t, flag))

static const fsp_field_t DISK_FIELDS[] = {
    {REPLY(UINT, disk_total, "total", UINT64_MAX)},
    {REPLY(UINT, disk_free, "free", UINT64_MAX)},
    {REPLY(UINT, disk_reserve, "reserve", UINT64_MAX)},
    {REPLY(TEXT, disk_state, "state", DISK_STATE_BYTES_MAX)},
};

fsp_fields_t
fsp_reply_disk_fields(void)
{
    return (fsp_fields_t){DISK_FIELDS, sizeof(DISK_FIELDS) / sizeof(DISK_FIELDS[0])};
}

static bool
disk_present(const void *self)
{
    const fsp_reply_t *reply = self;
    return reply->disk_total > 0 || reply->disk_free > 0 || reply->disk_reserve > 0 ||
           reply->disk_state.bytes > 0;
}

static void
disk_encode(const void *self, fsp_buf_t *buf)
{
    fsp_fields_encode(fsp_reply_disk_fields(), 0, self, buf);
}

static fsp_status_t
disk_decode(void *self, fsp_slice_t value)
{
    return fsp_fields_decode(fsp_reply_disk_fields(), 0, value, self);
}

static bool
items_present(const void *self)
{
    return ((const fsp_reply_t *)self)->item_count > 0;
}

static void
items_encode(const void *self, fsp_buf_t *buf)
{
    const fsp_reply_t *reply = self;
    FSP_PRE(reply->item_count <= FSP_LIST_LIMIT_MAX);
    fsp_wire_array(buf, reply->item_count);
    fsp_buf_append_slice(buf, reply->items);
}

static fsp_status_t
items_decode(void *self, fsp_slice_t value)
{
    fsp_reply_t *reply = self;
    fsp_wire_reader_t reader;
    fsp_status_t status =
        fsp_wire_open_array(value, FSP_LIST_LIMIT_MAX, &reader, &reply->item_count);
    if (!status)
        reply->items = fsp_slice(reader.at, (size_t)(reader.end - reader.at));
    return status;
}

static const fsp_field_custom_t DISK = {"map", disk_present, disk_encode, disk_decode};
static const fsp_field_custom_t ITEMS = {"array of maps, at most 1000", items_present, items_encode,
                                         items_decode};

static const fsp_field_t REPLY_FIELDS[] = {
    {REPLY(UINT, code, "code", UINT32_MAX)},
    {REPLY(TEXT, symbol, "symbol", SYMBOL_BYTES_MAX)},
    {REPLY(TEXT, text, "text", ERROR_TEXT_BYTES_MAX)},
    {REPLY(UINT, retry, "retry", RETRY_MAX)},
    {REPLY(U32, kind, "kind", FSP_KIND_SYMLINK)},
    {REPLY_ALSO(FIXED, file_id, "file", sizeof(fsp_file_id_t), has_node)},
    {REPLY(PATH, path, "path", FSP_PATH_BYTES_MAX)},
    {REPLY(SPACE, space_name, "sp", FSP_SPACE_NAME_BYTES_MAX)},
    {REPLY(FIXED, version_id, "version", sizeof(fsp_version_id_t))},
    {REPLY(UINT, number, "number", UINT64_MAX)},
    {REPLY(UINT, size, "size", INT64_MAX)},
    {REPLY(UINT, modified, "modified", UINT64_MAX)},
    {REPLY(FIXED, sha256, "sha256", sizeof(fsp_hash_t))},
    {REPLY(FIXED, content_root, "root", sizeof(fsp_key_t))},
    {REPLY(UINT, chunks, "chunks", UINT64_MAX)},
    {REPLY(UINT, chunks_new, "chunks_new", UINT64_MAX)},
    {REPLY_ALSO(IDS, heads, "heads", FSP_HEADS_MAX, head_count)},
    {FSP_FIELD_OF(&REPLY_ATTR, "attr")},
    {REPLY(TEXT, message, "message", FSP_MESSAGE_BYTES_MAX)},
    {REPLY(UINT, from, "from", INT64_MAX)},
    {REPLY(UINT, to, "to", INT64_MAX)},
    {REPLY(BIN, receipt, "receipt", FSP_RECEIPT_BYTES_MAX)},
    {REPLY(UINT, credit, "credit", UINT32_MAX)},
    {REPLY_ALSO(UINT, offset, "offset", INT64_MAX, has_offset)},
    {REPLY(UINT, change, "change", UINT64_MAX)},
    {REPLY(BOOL, more, "more", 0)},
    {FSP_FIELD_OF(&ITEMS, "items")},
    {REPLY(UINT, version, "v", UINT64_MAX)},
    {REPLY(TEXT, node_version, "server", CLIENT_NAME_BYTES_MAX)},
    {REPLY(FIXED, node_id, "node", sizeof(fsp_node_id_t))},
    {REPLY(FIXED, mesh_id, "mesh", sizeof(fsp_mesh_id_t))},
    {REPLY(UINT, frame_bytes_max, "frame", UINT32_MAX)},
    {REPLY(UINT, heartbeat_ms, "beat", UINT32_MAX)},
    {REPLY_ALSO(TEXTS, capabilities, "caps", FSP_CAPABILITIES_MAX, capability_count)},
    {REPLY(SPACE, space, "space", FSP_SPACE_NAME_BYTES_MAX)},
    {REPLY(FIXED, session_id, "session", sizeof(fsp_op_id_t))},
    {REPLY(UINT, grace_ms, "grace", UINT32_MAX)},
    {REPLY(BOOL, resumed, "resumed", 0)},
    {REPLY(UINT, uptime_s, "uptime", UINT64_MAX)},
    {REPLY(UINT, rss_bytes, "rss", UINT64_MAX)},
    {FSP_FIELD_OF(&DISK, "disk")},
    {REPLY(BOOL, sync, "sync", 0)},
    /* Minor version 2. */
    {REPLY(UINT, token, "token", UINT64_MAX)},
    {REPLY(FIXED, holder, "holder", sizeof(fsp_subject_id_t))},
    {REPLY(UINT, expires, "expires", UINT64_MAX)},
    {REPLY(UINT, at_index, "at", UINT64_MAX)},
    {REPLY(NAME, next, "next", FSP_NAME_BYTES_MAX)},
    {REPLY(UINT, failed, "failed", FSP_BATCH_ITEMS_MAX)},
    /* Minor version 3. */
    {REPLY(FIXED, cut_key, "cut", sizeof(fsp_key_t))},
    {REPLY_ALSO(UINTS, chunking, "chunking", FSP_CHUNKING_VALUES, chunking_count)},
    {REPLY_ALSO(UINT, durable, "durable", INT64_MAX, has_durable)},
    {REPLY(BIN, want, "want", FSP_OFFER_CHUNKS_MAX)},
    {REPLY(UINT, epoch, "epoch", UINT64_MAX)},
    {REPLY(UINT, live, "live", UINT64_MAX)},
    {REPLY(UINT, swept, "swept", UINT64_MAX)},
    {REPLY(UINT, swept_bytes, "swept_bytes", UINT64_MAX)},
};

fsp_fields_t
fsp_reply_fields(void)
{
    return (fsp_fields_t){REPLY_FIELDS, sizeof(REPLY_FIELDS) / sizeof(REPLY_FIELDS[0])};
}

void
fsp_reply_encode(const fsp_reply_t *reply, fsp_buf_t *buf)
{
    fsp_fields_encode(fsp_reply_fields(), 0, reply, buf);
}

fsp_status_t
fsp_reply_decode(fsp_slice_t body, fsp_reply_t *ret)
{
    FSP_PRE(ret);
    fsp_reply_t reply;
    memset(&reply, 0, sizeof(reply));
    fsp_status_t status = fsp_fields_decode(fsp_reply_fields(), 0, body, &reply);
    if (!status && reply.chunking_count != 0 && reply.chunking_count != FSP_CHUNKING_VALUES)
        status = FSP_INVALID;
    if (!status)
        *ret = reply;
    return status;
}
