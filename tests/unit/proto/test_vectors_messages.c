/* SPDX-License-Identifier: MIT */
/* test_vectors_messages - golden vectors of envelopes, client messages and what nodes say to each
 * other.  Layer tests.
 *
 * docs/protocol/client.md, peer.md.
 */
#include "core/data/receipt.h"
#include "proto/client.h"
#include "proto/client_fields.h"
#include "proto/peer.h"
#include "tests/unit/proto/vectors.h"

/* Large structs live here.  Those named got_ are what the readers fill. */
static fsp_request_t request, got_request;
static fsp_reply_t reply, got_reply;

/* -- envelope ---------------------------------------------------------------------------------- */

static void
say_envelope(json_t *object, const fsp_envelope_t *envelope)
{
    say_u64(object, "service", envelope->service);
    say_u64(object, "type", envelope->type);
    say_u64(object, "request_id", envelope->request_id);
    say_u64(object, "body_bytes", envelope->body_bytes);
}

static void
append_envelope(const fsp_envelope_t *envelope, fsp_buf_t *buf)
{
    uint8_t bytes[FSP_ENVELOPE_BYTES];
    fsp_envelope_encode(envelope, bytes);
    fsp_buf_append(buf, bytes, sizeof(bytes));
}

static fsp_status_t
read_envelope(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_envelope_t envelope;
    fsp_status_t status = fsp_envelope_decode(bytes, &envelope);
    if (status)
        return status;
    say_envelope(meaning, &envelope);
    append_envelope(&envelope, again);
    return FSP_OK;
}

static void
make_envelopes(json_t *entries)
{
    static const struct {
        const char *name, *hex;
    } values[] = {
        {"envelope without a body", "4653500101000003000000000000000900000000"},
        {"envelope, greatest request id and body", "465350010200ffffffffffffffffffff00200000"},
        {"refused: envelope of 19 octets", "46535001010000030000000000000009000000"},
        {"refused: envelope of 21 octets", "465350010100000300000000000000090000000000"},
        {"refused: other magic", "4653580101000003000000000000000900000000"},
        {"refused: major version 2", "4653500201000003000000000000000900000000"},
        {"refused: flags", "4653500101010003000000000000000900000000"},
        {"refused: body of 2097153 octets", "4653500101000003000000000000000900200001"},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        vectors_add_hex(entries, values[i].name, "envelope", values[i].hex);
}

/* -- fields of a map --------------------------------------------------------------------------- */

static const void *
member(const void *self, size_t at)
{
    return (const uint8_t *)self + at;
}

static json_t *
list_of(const fsp_field_t *field, const void *self)
{
    const void *value = member(self, field->at);
    size_t count = *(const size_t *)member(self, field->also);
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        if (field->type == FSP_FIELD_IDS)
            json_array_append_new(array,
                                  vectors_hex(fsp_slice((const uint8_t *)value + 32 * i, 32)));
        else if (field->type == FSP_FIELD_UINTS)
            json_array_append_new(array, vectors_u64(((const uint64_t *)value)[i]));
        else
            json_array_append_new(array, vectors_text(((const fsp_slice_t *)value)[i]));
    }
    return array;
}

/* NULL for a field that is more than one member. */
static json_t *
value_of(const fsp_field_t *field, const void *self)
{
    const void *value = member(self, field->at);
    switch ((fsp_field_type_t)field->type) {
    case FSP_FIELD_UINT:
        return vectors_u64(*(const uint64_t *)value);
    case FSP_FIELD_U32:
        return vectors_u64(*(const uint32_t *)value);
    case FSP_FIELD_BOOL:
        return json_boolean(*(const bool *)value);
    case FSP_FIELD_TEXT:
    case FSP_FIELD_NAME:
    case FSP_FIELD_PATH:
    case FSP_FIELD_SPACE:
    case FSP_FIELD_HEX:
        return vectors_text(*(const fsp_slice_t *)value);
    case FSP_FIELD_BIN:
        return vectors_hex(*(const fsp_slice_t *)value);
    case FSP_FIELD_FIXED:
        return vectors_hex(fsp_slice(value, (size_t)field->bound));
    case FSP_FIELD_IDS:
    case FSP_FIELD_UINTS:
    case FSP_FIELD_TEXTS:
        return list_of(field, self);
    case FSP_FIELD_CUSTOM:
        break;
    }
    return NULL;
}

static json_t *
signed_tuple(uint64_t mode, int64_t mtime_s, uint64_t mtime_ns)
{
    json_t *tuple = json_array();
    json_array_append_new(tuple, json_integer((json_int_t)mode));
    /* Beyond 2^53 a string, as everywhere. */
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%" PRId64, mtime_s);
    bool exact = mtime_s > -(INT64_C(1) << 53) && mtime_s < INT64_C(1) << 53;
    json_array_append_new(tuple, exact ? json_integer((json_int_t)mtime_s) : json_string(digits));
    json_array_append_new(tuple, json_integer((json_int_t)mtime_ns));
    return tuple;
}

static json_t *say_fields(fsp_fields_t table, unsigned type, const void *self);

/* The row of answers with that key. */
static const fsp_field_t *
reply_field(const char *key)
{
    fsp_fields_t table = fsp_reply_fields();
    for (size_t i = 0; i < table.count; i++)
        if (strcmp(table.fields[i].key, key) == 0)
            return &table.fields[i];
    ck_abort_msg("answers have no \"%s\"", key);
    return NULL;
}

static json_t *
numbers(const uint64_t *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, vectors_u64(values[i]));
    return array;
}

static json_t *
custom_of(const fsp_field_t *field, const void *self)
{
    bool of_request = field->types != 0;
    if (strcmp(field->key, "attr") == 0) {
        const fsp_request_t *asked = self;
        const fsp_reply_t *answered = self;
        const fsp_entry_info_t *entry = self;
        if (field->custom != reply_field("attr")->custom && !of_request)
            return signed_tuple(entry->mode, entry->mtime_s, entry->mtime_ns);
        return of_request ? signed_tuple(asked->mode, asked->mtime_s, asked->mtime_ns)
                          : signed_tuple(answered->mode, answered->mtime_s, answered->mtime_ns);
    }
    if (strcmp(field->key, "range") == 0) {
        const fsp_request_t *asked = self;
        json_t *tuple = json_array();
        json_array_append_new(tuple, vectors_u64(asked->range_first));
        json_array_append_new(tuple, vectors_u64(asked->range_last));
        return tuple;
    }
    if (strcmp(field->key, "chunking") == 0) {
        const fsp_space_info_t *space = self;
        return numbers((const uint64_t[]){space->chunk_bytes_min, space->chunk_bytes_avg,
                                          space->chunk_bytes_max},
                       FSP_CHUNKING_VALUES);
    }
    if (strcmp(field->key, "keep") == 0) {
        const fsp_retention_t *keep = &((const fsp_space_info_t *)self)->retention;
        return numbers((const uint64_t[]){keep->keep_last, keep->all_days, keep->daily,
                                          keep->weekly, keep->monthly, keep->past_days},
                       FSP_KEEP_VALUES);
    }
    if (strcmp(field->key, "disk") == 0)
        return say_fields(fsp_reply_disk_fields(), 0, self);
    if (strcmp(field->key, "items") == 0)
        return json_array(); /* filled by the caller, who knows what they are */
    if (strcmp(field->key, "lost") == 0)
        return json_true();
    ck_abort_msg("field \"%s\" has no form in the vectors", field->key);
    return NULL;
}

/* The fields that are there, in the order in which they are written. */
static json_t *
say_fields(fsp_fields_t table, unsigned type, const void *self)
{
    json_t *map = json_object();
    for (size_t i = 0; i < table.count; i++) {
        const fsp_field_t *field = &table.fields[i];
        /* One field alone is written if it is there and this message may carry it. */
        fsp_buf_t alone;
        fsp_buf_init(&alone, FSP_BODY_BYTES_MAX);
        fsp_fields_encode((fsp_fields_t){field, 1}, type, self, &alone);
        bool present = alone.bytes > 1;
        fsp_buf_clear(&alone);
        if (!present)
            continue;
        json_t *value = value_of(field, self);
        say(map, field->key, value ? value : custom_of(field, self));
    }
    return map;
}

/* -- client messages --------------------------------------------------------------------------- */

static const char *
type_name(unsigned type)
{
    static const struct {
        unsigned type;
        const char *name;
    } names[] = {
        {FSP_MSG_HELLO, "HELLO"},
        {FSP_MSG_WELCOME, "WELCOME"},
        {FSP_MSG_PING, "PING"},
        {FSP_MSG_PONG, "PONG"},
        {FSP_MSG_OK, "OK"},
        {FSP_MSG_ERROR, "ERROR"},
        {FSP_MSG_PUT, "PUT"},
        {FSP_MSG_DATA, "DATA"},
        {FSP_MSG_COMMIT, "COMMIT"},
        {FSP_MSG_ABORT, "ABORT"},
        {FSP_MSG_CREDIT, "CREDIT"},
        {FSP_MSG_RESUME, "RESUME"},
        {FSP_MSG_GET, "GET"},
        {FSP_MSG_STAT, "STAT"},
        {FSP_MSG_LIST, "LIST"},
        {FSP_MSG_VERSIONS, "VERSIONS"},
        {FSP_MSG_CHANGES, "CHANGES"},
        {FSP_MSG_SPACES, "SPACES"},
        {FSP_MSG_MKDIR, "MKDIR"},
        {FSP_MSG_DELETE, "DELETE"},
        {FSP_MSG_MOVE, "MOVE"},
        {FSP_MSG_COPY, "COPY"},
        {FSP_MSG_RESTORE, "RESTORE"},
        {FSP_MSG_NODE, "NODE"},
        {FSP_MSG_NEWS, "NEWS"},
        {FSP_MSG_WATCH, "WATCH"},
        {FSP_MSG_LOCK, "LOCK"},
        {FSP_MSG_RENEW, "RENEW"},
        {FSP_MSG_UNLOCK, "UNLOCK"},
        {FSP_MSG_UNDELETE, "UNDELETE"},
        {FSP_MSG_PRUNE, "PRUNE"},
        {FSP_MSG_PURGE, "PURGE"},
        {FSP_MSG_BATCH, "BATCH"},
        {FSP_MSG_SPACE_CREATE, "SPACE_CREATE"},
        {FSP_MSG_SPACE_REMOVE, "SPACE_REMOVE"},
        {FSP_MSG_OFFER, "OFFER"},
        {FSP_MSG_WANT, "WANT"},
        {FSP_MSG_ATTR, "ATTR"},
        {FSP_MSG_SPACE_SET, "SPACE_SET"},
        {FSP_MSG_COLLECT, "COLLECT"},
        {FSP_MSG_KEY_ADD, "KEY_ADD"},
        {FSP_MSG_KEY_LIST, "KEY_LIST"},
        {FSP_MSG_KEY_REMOVE, "KEY_REMOVE"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].type == type)
            return names[i].name;
    return "?";
}

/* Envelope and body; the payload frames are not part of a vector. */
static fsp_status_t
open_message(fsp_slice_t bytes, json_t *meaning, fsp_envelope_t *ret, fsp_slice_t *ret_body,
             fsp_buf_t *again)
{
    if (bytes.bytes < FSP_ENVELOPE_BYTES)
        return FSP_INVALID;
    fsp_status_t status = fsp_envelope_decode(fsp_slice(bytes.data, FSP_ENVELOPE_BYTES), ret);
    if (status)
        return status;
    *ret_body = fsp_slice(bytes.data + FSP_ENVELOPE_BYTES, bytes.bytes - FSP_ENVELOPE_BYTES);
    if (ret_body->bytes != ret->body_bytes)
        return FSP_INVALID;
    say(meaning, "message", json_string(type_name(ret->type)));
    say_envelope(meaning, ret);
    append_envelope(ret, again);
    return FSP_OK;
}

static fsp_status_t
read_request(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_envelope_t envelope;
    fsp_slice_t body;
    fsp_status_t status = open_message(bytes, meaning, &envelope, &body, again);
    if (!status)
        status = fsp_request_decode((fsp_client_type_t)envelope.type, body, &got_request);
    if (status)
        return status;
    say(meaning, "body", say_fields(fsp_request_fields(), envelope.type, &got_request));
    if (body.bytes > 0)
        fsp_request_encode((fsp_client_type_t)envelope.type, &got_request, again);
    return FSP_OK;
}

typedef fsp_status_t(read_items_t)(json_t *items, fsp_buf_t *again);

static fsp_status_t
read_reply_with(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again, read_items_t *read_items)
{
    fsp_envelope_t envelope;
    fsp_slice_t body;
    fsp_status_t status = open_message(bytes, meaning, &envelope, &body, again);
    if (!status)
        status = fsp_reply_decode(body, &got_reply);
    if (status)
        return status;
    say(meaning, "body", say_fields(fsp_reply_fields(), 0, &got_reply));
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    if (read_items) {
        status = read_items(json_object_get(json_object_get(meaning, "body"), "items"), &items);
        got_reply.items = fsp_buf_slice(&items);
    } else if (got_reply.item_count > 0) {
        status = FSP_INVALID;
    }
    if (!status && body.bytes > 0)
        fsp_reply_encode(&got_reply, again);
    fsp_buf_clear(&items);
    return status;
}

static fsp_status_t
read_reply(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    return read_reply_with(bytes, meaning, again, NULL);
}

#define READ_ITEMS(what, type)                                                                     \
    static fsp_status_t read_##what##_items(json_t *items, fsp_buf_t *again)                       \
    {                                                                                              \
        static type item;                                                                          \
        size_t at = 0;                                                                             \
        fsp_status_t status = FSP_OK;                                                              \
        while (!status) {                                                                          \
            status = fsp_reply_next_##what(&got_reply, &at, &item);                                \
            if (status)                                                                            \
                break;                                                                             \
            json_array_append_new(items, say_fields(fsp_item_##what##_fields(), 0, &item));        \
            fsp_item_##what##_encode(&item, again);                                                \
        }                                                                                          \
        return status == FSP_NOT_FOUND ? FSP_OK : status;                                          \
    }                                                                                              \
    static fsp_status_t read_reply_##what(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)    \
    {                                                                                              \
        return read_reply_with(bytes, meaning, again, read_##what##_items);                        \
    }
READ_ITEMS(entry, fsp_entry_info_t)
READ_ITEMS(version, fsp_version_info_t)
READ_ITEMS(change, fsp_change_info_t)
READ_ITEMS(space, fsp_space_info_t)
READ_ITEMS(key, fsp_key_info_t)

static fsp_status_t
read_data(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_envelope_t envelope;
    fsp_slice_t body;
    fsp_status_t status = open_message(bytes, meaning, &envelope, &body, again);
    if (status)
        return status;
    if (envelope.type != FSP_MSG_DATA || body.bytes != 8)
        return FSP_INVALID;
    uint64_t offset = fsp_load_u64(body.data);
    say_u64(meaning, "offset", offset);
    fsp_buf_append_u64(again, offset);
    return FSP_OK;
}

static void
add_message(json_t *entries, const char *name, const char *kind, unsigned type, fsp_slice_t body)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_ENVELOPE_BYTES + FSP_BODY_BYTES_MAX);
    append_envelope(&(fsp_envelope_t){.service = FSP_SERVICE_CLIENT,
                                      .type = (uint16_t)type,
                                      .request_id = 2,
                                      .body_bytes = (uint32_t)body.bytes},
                    &bytes);
    fsp_buf_append_slice(&bytes, body);
    vectors_add(entries, name, kind, fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
}

static void
add_request(json_t *entries, const char *name, fsp_client_type_t type)
{
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_BODY_BYTES_MAX);
    fsp_request_encode(type, &request, &body);
    add_message(entries, name, "client-request", type, fsp_buf_slice(&body));
    fsp_buf_clear(&body);
}

static void
add_reply(json_t *entries, const char *name, const char *kind, fsp_client_type_t type)
{
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_BODY_BYTES_MAX);
    fsp_reply_encode(&reply, &body);
    add_message(entries, name, kind, type, fsp_buf_slice(&body));
    fsp_buf_clear(&body);
}

static void
begin_request(bool changes)
{
    memset(&request, 0, sizeof(request));
    request.space = fsp_slice_text("home");
    request.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    if (changes) {
        FILL(request.op_id, 0x11);
        request.attempt = 1;
        request.since = 300;
    }
}

static void
make_transfers(json_t *entries)
{
    begin_request(true);
    add_request(entries, "C:PUT, nothing but what it must have", FSP_MSG_PUT);
    request.create_parents = true;
    request.has_attr = true;
    request.mode = 0644;
    request.mtime_s = -1;
    request.mtime_ns = 999999999;
    request.end = true;
    request.media_type = fsp_slice_text("text/plain");
    request.message = fsp_slice_text("first");
    request.has_size = true;
    request.size = 5;
    request.has_sha256 = true;
    FILL(request.sha256, 0x33);
    request.condition.type = FSP_IF_MATCH;
    request.condition.version_count = 1;
    FILL(request.condition.versions[0], 0x22);
    request.attempt = UINT32_MAX;
    request.since = UINT64_MAX;
    add_request(entries, "C:PUT, whole, with everything", FSP_MSG_PUT);
    begin_request(true);
    request.kind = FSP_KIND_SYMLINK;
    request.path.bytes = 0;
    FILL(request.file_id, 0x44);
    request.condition.type = FSP_IF_MERGE;
    request.condition.version_count = 2;
    FILL(request.condition.versions[0], 0x22);
    FILL(request.condition.versions[1], 0x23);
    request.mtime_s = (INT64_C(1) << 62) - 1;
    request.has_attr = true;
    add_request(entries, "C:PUT, symbolic link by file, merge, latest time", FSP_MSG_PUT);

    memset(&request, 0, sizeof(request));
    add_message(entries, "C:DATA at 262144", "client-data", FSP_MSG_DATA,
                fsp_slice("\0\0\0\0\0\x04\0\0", 8));
    request.has_size = true;
    request.size = 262149;
    request.has_sha256 = true;
    FILL(request.sha256, 0x33);
    add_request(entries, "C:COMMIT", FSP_MSG_COMMIT);
    memset(&request, 0, sizeof(request));
    add_message(entries, "C:ABORT without a body", "client-request", FSP_MSG_ABORT,
                fsp_slice(NULL, 0));
    request.credit = 1048576;
    add_request(entries, "C:CREDIT", FSP_MSG_CREDIT);
    begin_request(false);
    request.version = fsp_slice_text("55555555");
    request.has_range = true;
    request.range_first = 10;
    request.range_last = UINT64_MAX;
    request.credit = UINT32_MAX;
    add_request(entries, "C:GET, a range of a version", FSP_MSG_GET);
}

static void
make_looks(json_t *entries)
{
    begin_request(false);
    add_request(entries, "C:STAT", FSP_MSG_STAT);
    request.prefix = fsp_slice_text("a");
    request.after = fsp_slice_text("ab");
    request.limit = 2;
    add_request(entries, "C:LIST", FSP_MSG_LIST);
    request.after_index = 12;
    add_request(entries, "C:VERSIONS", FSP_MSG_VERSIONS);
    request.path.bytes = 0;
    request.after_index = 301;
    add_request(entries, "C:CHANGES", FSP_MSG_CHANGES);
    memset(&request, 0, sizeof(request));
    add_request(entries, "C:SPACES with an empty map", FSP_MSG_SPACES);
    add_message(entries, "C:NODE without a body", "client-request", FSP_MSG_NODE,
                fsp_slice(NULL, 0));
    request.versions[0] = 1;
    request.version_count = 1;
    request.client = fsp_slice_text("example/1.0");
    add_request(entries, "C:HELLO", FSP_MSG_HELLO);
    FILL(request.session_id, 0x5e);
    add_request(entries, "C:HELLO that takes a session up again", FSP_MSG_HELLO);
    memset(&request, 0, sizeof(request));
    add_message(entries, "C:RESUME without a body", "client-request", FSP_MSG_RESUME,
                fsp_slice(NULL, 0));
    add_request(entries, "C:PING", FSP_MSG_PING);
}

/* Minor version 2; a batch's operations are in docs/protocol/client.md. */
static void
make_newer_requests(json_t *entries)
{
    begin_request(false);
    request.at_index = 300;
    add_request(entries, "C:STAT as it was at a change", FSP_MSG_STAT);
    begin_request(false);
    request.at_time = UINT64_C(1764083916000000);
    add_request(entries, "C:LIST as it was at a time", FSP_MSG_LIST);
    begin_request(true);
    request.token = 127;
    add_request(entries, "C:PUT under a lease", FSP_MSG_PUT);
    memset(&request, 0, sizeof(request));
    request.after_index = 300;
    request.credit = 1000;
    add_request(entries, "C:WATCH", FSP_MSG_WATCH);
    begin_request(true);
    request.duration = 600000000;
    add_request(entries, "C:LOCK", FSP_MSG_LOCK);
    request.token = 127;
    add_request(entries, "C:RENEW", FSP_MSG_RENEW);
    request.duration = 0;
    add_request(entries, "C:UNLOCK", FSP_MSG_UNLOCK);
    request.token = 0;
    request.force = true;
    add_request(entries, "C:UNLOCK by force", FSP_MSG_UNLOCK);
    begin_request(true);
    request.path.bytes = 0;
    FILL(request.file_id, 0x44);
    request.to_path = fsp_slice_text("/x");
    request.create_parents = true;
    add_request(entries, "C:UNDELETE", FSP_MSG_UNDELETE);
    begin_request(true);
    request.version = fsp_slice_text("55555555");
    add_request(entries, "C:PRUNE", FSP_MSG_PRUNE);
    begin_request(true);
    request.path.bytes = 0;
    request.before = UINT64_C(1764083916000000);
    add_request(entries, "C:PURGE", FSP_MSG_PURGE);
    request.before = 0;
    request.space = fsp_slice_text("team");
    request.quota_bytes = 1073741824;
    add_request(entries, "C:SPACE_CREATE", FSP_MSG_SPACE_CREATE);
    request.quota_bytes = 0;
    request.duration = UINT64_C(604800000000);
    add_request(entries, "C:SPACE_REMOVE", FSP_MSG_SPACE_REMOVE);
    request.duration = 0;
    request.cancel = true;
    add_request(entries, "C:SPACE_REMOVE, not after all", FSP_MSG_SPACE_REMOVE);
}

/* Minor version 3. */
static uint8_t offered[FSP_OFFER_CHUNKS_MAX * FSP_OFFER_CHUNK_BYTES];

static void
make_third_requests(json_t *entries)
{
    begin_request(true);
    FILL(request.upload_id, 0x15);
    add_request(entries, "C:PUT that is kept", FSP_MSG_PUT);
    request.offer = true;
    request.known_count = 2;
    FILL(request.known[0], 0x31);
    FILL(request.known[1], 0x32);
    add_request(entries, "C:PUT that is kept, with an offer and known versions", FSP_MSG_PUT);
    memset(&request, 0, sizeof(request));
    for (size_t i = 0; i < 2; i++) {
        memset(offered + i * FSP_OFFER_CHUNK_BYTES, (int)(0x61 + i), 32);
        fsp_store_u32(offered + i * FSP_OFFER_CHUNK_BYTES + 32, i == 0 ? 262145 : 1);
    }
    request.chunks = fsp_slice(offered, 2 * FSP_OFFER_CHUNK_BYTES);
    add_request(entries, "C:OFFER from the beginning", FSP_MSG_OFFER);
    request.offset = INT64_MAX;
    add_request(entries, "C:OFFER at the greatest offset", FSP_MSG_OFFER);
    begin_request(true);
    request.has_attr = true;
    request.mode = 07777;
    request.mtime_s = 1764083916;
    request.condition.type = FSP_IF_MATCH;
    request.condition.version_count = 1;
    FILL(request.condition.versions[0], 0x22);
    add_request(entries, "C:ATTR", FSP_MSG_ATTR);
    begin_request(false);
    request.attrs = true;
    add_request(entries, "C:LIST with attributes", FSP_MSG_LIST);
    begin_request(true);
    request.path.bytes = 0;
    request.space = fsp_slice_text("team");
    request.chunking_count = FSP_CHUNKING_VALUES;
    for (size_t i = 0; i < FSP_CHUNKING_VALUES; i++)
        request.chunking[i] = 65536;
    add_request(entries, "C:SPACE_CREATE with chunks of one size", FSP_MSG_SPACE_CREATE);
    request.chunking_count = 0;
    request.set = FSP_SET_QUOTA;
    add_request(entries, "C:SPACE_SET, no quota any more", FSP_MSG_SPACE_SET);
    request.set = FSP_SET_QUOTA | FSP_SET_KEEP;
    request.quota_bytes = 1073741824;
    request.keep_count = FSP_KEEP_VALUES;
    for (size_t i = 0; i < FSP_KEEP_VALUES; i++)
        request.keep[i] = 3 * i;
    add_request(entries, "C:SPACE_SET, quota and what is kept", FSP_MSG_SPACE_SET);
    memset(&request, 0, sizeof(request));
    add_message(entries, "C:COLLECT of the home space", "client-request", FSP_MSG_COLLECT,
                fsp_slice(NULL, 0));
    request.space = fsp_slice_text("team");
    add_request(entries, "C:COLLECT", FSP_MSG_COLLECT);
    request.space.bytes = 0;
    add_request(entries, "C:KEY_LIST", FSP_MSG_KEY_LIST);
    FILL(request.key, 0x71);
    add_request(entries, "C:KEY_REMOVE", FSP_MSG_KEY_REMOVE);
    request.name = fsp_slice_text("laptop");
    add_request(entries, "C:KEY_ADD", FSP_MSG_KEY_ADD);
}

static void
make_requests(json_t *entries)
{
    make_transfers(entries);
    make_looks(entries);
    begin_request(true);
    request.exist_ok = true;
    request.create_parents = true;
    request.has_attr = true;
    request.mode = 0755;
    add_request(entries, "C:MKDIR", FSP_MSG_MKDIR);
    begin_request(true);
    request.recursive = true;
    request.condition.type = FSP_IF_MATCH;
    request.condition.version_count = 1;
    FILL(request.condition.versions[0], 0x22);
    add_request(entries, "C:DELETE", FSP_MSG_DELETE);
    begin_request(true);
    request.to_path = fsp_slice_text("/x");
    request.replace = true;
    add_request(entries, "C:MOVE", FSP_MSG_MOVE);
    request.version =
        fsp_slice_text("5555555555555555555555555555555555555555555555555555555555555555");
    add_request(entries, "C:COPY", FSP_MSG_COPY);
    request.to_path.bytes = 0;
    request.replace = false;
    add_request(entries, "C:RESTORE", FSP_MSG_RESTORE);
    make_newer_requests(entries);
    make_third_requests(entries);

    static const struct {
        const char *name;
        unsigned type;
        const char *body;
    } refused[] = {
        {"refused: STAT by nothing", FSP_MSG_STAT, "80"},
        {"refused: STAT by path and file", FSP_MSG_STAT,
         "82a470617468a22f61a466696c65c41044444444444444444444444444444444"},
        {"refused: body that is no map", FSP_MSG_STAT, "90"},
        {"refused: something behind the map", FSP_MSG_STAT, "81a470617468a22f61c0"},
        {"refused: key twice", FSP_MSG_STAT, "82a470617468a22f61a470617468a22f62"},
        {"refused: path with ..", FSP_MSG_STAT, "81a470617468a52f612f2e2e"},
        {"refused: path in binary", FSP_MSG_STAT, "81a470617468c4022f61"},
        {"refused: file of 15 octets", FSP_MSG_STAT,
         "81a466696c65c40f444444444444444444444444444444"},
        {"refused: map of 2^32 - 1", FSP_MSG_STAT, "dfffffffff"},
        {"refused: 9 deep", FSP_MSG_STAT, "82a470617468a22f61a1789191919191919191c0"},
        {"refused: version in a LIST", FSP_MSG_LIST,
         "82a470617468a22f61a776657273696f6ea83535353535353535"},
        {"refused: limit 1001", FSP_MSG_LIST, "82a470617468a22f61a56c696d6974cd03e9"},
        {"refused: CREDIT of nothing", FSP_MSG_CREDIT, "80"},
        {"refused: MKDIR without op", FSP_MSG_MKDIR, "82a470617468a22f61a7617474656d707401"},
        {"refused: type 65535, which is never given", 65535, "80"},
        {"refused: OK from a client", FSP_MSG_OK, "80"},
        {"refused: WANT from a client", FSP_MSG_WANT, "80"},
        {"refused: OFFER of nothing", FSP_MSG_OFFER, "80"},
        {"refused: OFFER of a chunk and an octet", FSP_MSG_OFFER,
         "81a66368756e6b73c425"
         "61616161616161616161616161616161616161616161616161616161616161610000000100"},
        {"refused: offset of 2^63", FSP_MSG_OFFER,
         "82a66f6666736574cf8000000000000000a66368756e6b73c424"
         "616161616161616161616161616161616161616161616161616161616161616100000001"},
        {"refused: whole PUT that is kept", FSP_MSG_PUT,
         "85a470617468a22f61a26f70c41011111111111111111111111111111111a7617474656d707401a3656e64c3"
         "a675706c6f6164c41015151515151515151515151515151515"},
        {"refused: chunking of two numbers", FSP_MSG_SPACE_CREATE,
         "84a57370616365a47465616da26f70c41011111111111111111111111111111111a7617474656d707401"
         "a86368756e6b696e6792ce00010000ce00010000"},
        {"refused: KEY_ADD without a name", FSP_MSG_KEY_ADD,
         "81a36b6579c4207171717171717171717171717171717171717171717171717171717171717171"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        fsp_buf_t body;
        fsp_buf_init(&body, 1024);
        vectors_unhex(refused[i].body, &body);
        add_message(entries, refused[i].name, "client-request", refused[i].type,
                    fsp_buf_slice(&body));
        fsp_buf_clear(&body);
    }
}

/* Of the version that is put below, by the node whose seed is 42 42 .. 42. */
static void
sign_receipt(fsp_buf_t *ret)
{
    fsp_secret_t seed;
    FILL(seed, 0x42);
    fsp_sign_key_t key;
    fsp_sign_key_from_seed(&key, &seed);
    static fsp_receipt_t receipt = {.durable_copies = 1,
                                    .wanted_copies = 1,
                                    .class_count = 1,
                                    .change = 301,
                                    .issued = UINT64_C(1764083916000000)};
    receipt.version_id = reply.version_id;
    receipt.content_root = reply.content_root;
    receipt.sha256 = reply.sha256;
    receipt.classes[0] = (fsp_receipt_class_t){
        .kind = FSP_OBJECT_CHUNK, .count = 1, .node_count = 1, .zone_count = 1};
    receipt.classes[0].nodes[0] = fsp_node_id_of(key.public_key);
    fsp_buf_init(ret, FSP_RECEIPT_BYTES_MAX);
    fsp_receipt_sign(&receipt, &key, ret);
}

static void
make_results(json_t *entries)
{
    memset(&reply, 0, sizeof(reply));
    reply.version = 1;
    reply.frame_bytes_max = 262144;
    reply.heartbeat_ms = 10000;
    reply.node_version = fsp_slice_text("0.1.0");
    FILL(reply.node_id, 0xa1);
    FILL(reply.mesh_id, 0xa2);
    reply.capabilities[0] = fsp_slice_text("files");
    reply.capability_count = 1;
    reply.space = fsp_slice_text("home");
    add_reply(entries, "S:WELCOME", "client-reply", FSP_MSG_WELCOME);
    FILL(reply.session_id, 0x5e);
    reply.grace_ms = 60000;
    reply.resumed = true;
    reply.change = 301;
    add_reply(entries, "S:WELCOME to a session that was taken up again", "client-reply",
              FSP_MSG_WELCOME);
    memset(&reply, 0, sizeof(reply));
    add_message(entries, "S:PONG without a body", "client-reply", FSP_MSG_PONG, fsp_slice(NULL, 0));
    reply.credit = 8388608;
    add_reply(entries, "S:CREDIT", "client-reply", FSP_MSG_CREDIT);
    reply.has_offset = true;
    add_reply(entries, "S:CREDIT to a RESUME, from the beginning", "client-reply", FSP_MSG_CREDIT);
    reply.offset = 262144;
    add_reply(entries, "S:CREDIT to a RESUME", "client-reply", FSP_MSG_CREDIT);
    reply.offset = 0;
    reply.has_durable = true;
    FILL(reply.cut_key, 0x51);
    static const uint64_t chunking[FSP_CHUNKING_VALUES] = {262144, 1048576, 4194304};
    memcpy(reply.chunking, chunking, sizeof(chunking));
    reply.chunking_count = FSP_CHUNKING_VALUES;
    add_reply(entries, "S:CREDIT, the first of an upload that is kept and offered", "client-reply",
              FSP_MSG_CREDIT);
    memset(&reply, 0, sizeof(reply));
    reply.has_durable = true;
    reply.durable = 4194304;
    add_reply(entries, "S:CREDIT of nothing but what is durable", "client-reply", FSP_MSG_CREDIT);
    memset(&reply, 0, sizeof(reply));
    reply.has_offset = true;
    reply.want = fsp_slice("\1\0", 2);
    add_reply(entries, "S:WANT", "client-reply", FSP_MSG_WANT);
    memset(&reply, 0, sizeof(reply));
    reply.space_name = fsp_slice_text("team");
    reply.change = 305;
    reply.epoch = 4;
    reply.live = 12345;
    reply.swept = 67;
    reply.swept_bytes = 71303168;
    add_reply(entries, "S:OK of a COLLECT", "client-reply", FSP_MSG_OK);

    memset(&reply, 0, sizeof(reply));
    reply.has_node = true;
    reply.kind = FSP_KIND_FILE;
    reply.path = fsp_slice_text("/vu.txt");
    reply.space_name = fsp_slice_text("home");
    reply.number = 2;
    reply.size = 262149;
    reply.modified = UINT64_C(1764083916000000);
    reply.chunks = 1;
    reply.chunks_new = 1;
    reply.change = 301;
    FILL(reply.file_id, 0x44);
    FILL(reply.version_id, 0x55);
    FILL(reply.sha256, 0x33);
    FILL(reply.content_root, 0x66);
    reply.heads[0] = reply.version_id;
    reply.head_count = 1;
    add_reply(entries, "S:OK of a PUT", "client-reply", FSP_MSG_OK);
    fsp_buf_t receipt;
    sign_receipt(&receipt);
    reply.receipt = fsp_buf_slice(&receipt);
    add_reply(entries, "S:OK of a PUT with its receipt", "client-reply", FSP_MSG_OK);
    reply.receipt.bytes = 0;
    fsp_buf_clear(&receipt);
    reply.chunks_new = 0;
    reply.has_attr = true;
    reply.mode = 0644;
    reply.mtime_s = 1764083916;
    reply.mtime_ns = 5;
    reply.message = fsp_slice_text("first");
    reply.from = 10;
    reply.to = 262149;
    add_reply(entries, "S:OK of a GET", "client-reply", FSP_MSG_OK);

    memset(&reply, 0, sizeof(reply));
    reply.code = 3002;
    reply.retry = 2;
    reply.symbol = fsp_slice_text("mismatch");
    reply.text = fsp_slice_text("condition does not hold");
    reply.head_count = 2;
    FILL(reply.heads[0], 0x77);
    FILL(reply.heads[1], 0x76);
    reply.change = 301;
    add_reply(entries, "S:ERROR mismatch", "client-reply", FSP_MSG_ERROR);

    memset(&reply, 0, sizeof(reply));
    reply.node_version = fsp_slice_text("0.1.0");
    FILL(reply.node_id, 0xa1);
    FILL(reply.mesh_id, 0xa2);
    reply.uptime_s = 60;
    reply.rss_bytes = 12345678;
    reply.disk_total = UINT64_C(1) << 40;
    reply.disk_free = UINT64_C(1) << 39;
    reply.disk_reserve = 268435456;
    reply.disk_state = fsp_slice_text("ok");
    reply.sync = true;
    add_reply(entries, "S:OK of a NODE", "client-reply", FSP_MSG_OK);
}

static void
add_list(json_t *entries, const char *name, const char *kind, fsp_buf_t *items, size_t count)
{
    memset(&reply, 0, sizeof(reply));
    reply.change = 301;
    reply.more = count > 1;
    reply.item_count = count;
    reply.items = fsp_buf_slice(items);
    add_reply(entries, name, kind, FSP_MSG_OK);
    fsp_buf_reset(items);
}

static void
make_lists(json_t *entries)
{
    static fsp_version_info_t version;
    static fsp_change_info_t change;
    static fsp_space_info_t space;
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_entry_info_t entry = {.name = fsp_slice_text("b"),
                              .kind = FSP_KIND_DIRECTORY,
                              .modified = 1000000,
                              .retained = true};
    FILL(entry.file_id, 0x88);
    fsp_item_entry_encode(&entry, &items);
    entry = (fsp_entry_info_t){.name = fsp_slice_text("d\xc3\xa9j\xc3\xa0"),
                               .kind = FSP_KIND_FILE,
                               .size = 5,
                               .modified = 2000000,
                               .number = 1,
                               .head_count = 1,
                               .retained = true};
    FILL(entry.file_id, 0x99);
    FILL(entry.version_id, 0xaa);
    fsp_item_entry_encode(&entry, &items);
    add_list(entries, "S:OK of a LIST", "client-reply-entry", &items, 2);
    entry.retained = false;
    fsp_item_entry_encode(&entry, &items);
    add_list(entries, "S:OK of a LIST as it was, of what is no longer kept", "client-reply-entry",
             &items, 1);
    entry.retained = true;
    entry.has_attr = true;
    entry.mode = 0640;
    entry.mtime_s = -1;
    entry.mtime_ns = 999999999;
    fsp_item_entry_encode(&entry, &items);
    add_list(entries, "S:OK of a LIST with attributes", "client-reply-entry", &items, 1);

    FILL(version.id, 0x55);
    FILL(version.file_id, 0x44);
    version.number = 2;
    version.kind = FSP_VERSION_PUT;
    FILL(version.parents[0], 0x54);
    version.parent_count = 1;
    version.size = 262149;
    FILL(version.author, 0x22);
    version.time = UINT64_C(1764083916000000);
    FILL(version.op_id, 0x11);
    FILL(version.carrier_hash, 0x0c);
    version.retained = true;
    version.is_head = true;
    fsp_item_version_encode(&version, &items);
    add_list(entries, "S:OK of a VERSIONS", "client-reply-version", &items, 1);

    change.index = 301;
    change.operation = FSP_COMMAND_MOVE;
    change.time = UINT64_C(1764083916000000);
    FILL(change.author, 0x22);
    FILL(change.op_id, 0x11);
    change.kind = FSP_KIND_FILE;
    FILL(change.file_id, 0x44);
    change.path = fsp_slice_text("/x");
    change.from_path = fsp_slice_text("/vu.txt");
    FILL(change.previous, 0xc0);
    FILL(change.hash, 0xc1);
    fsp_item_change_encode(&change, &items);
    add_list(entries, "S:OK of a CHANGES", "client-reply-change", &items, 1);

    space.name = fsp_slice_text("home");
    FILL(space.space_id, 0x12);
    FILL(space.owner, 0x22);
    space.change_index = 301;
    space.used_bytes = 262149;
    FILL(space.root_id, 0x88);
    FILL(space.trash_id, 0x98);
    fsp_item_space_encode(&space, &items);
    add_list(entries, "S:OK of a SPACES", "client-reply-space", &items, 1);
    space.chunk_bytes_min = 262144;
    space.chunk_bytes_avg = 1048576;
    space.chunk_bytes_max = 4194304;
    space.retention = (fsp_retention_t){.keep_last = 3, .all_days = 30, .past_days = 400};
    fsp_item_space_encode(&space, &items);
    add_list(entries, "S:OK of a SPACES with cuts and what is kept", "client-reply-space", &items,
             1);

    fsp_key_info_t key = {.name = fsp_slice_text("admin"), .own = true};
    FILL(key.key, 0x70);
    fsp_item_key_encode(&key, &items);
    key = (fsp_key_info_t){.name = fsp_slice_text("laptop"), .added = UINT64_C(1764083916000000)};
    FILL(key.key, 0x71);
    fsp_item_key_encode(&key, &items);
    add_list(entries, "S:OK of a KEY_LIST", "client-reply-key", &items, 2);
    fsp_buf_clear(&items);
}

static void
make_client(json_t *entries)
{
    make_requests(entries);
    make_results(entries);
    make_lists(entries);
}

/* -- peers ------------------------------------------------------------------------------------- */

static fsp_status_t
read_object_put(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_object_put_t put;
    fsp_status_t status = fsp_object_put_decode(bytes, &put);
    if (status)
        return status;
    say_id(meaning, "space", put.space_id);
    say_u64(meaning, "epoch", put.epoch);
    say_u64(meaning, "layout", put.layout_version);
    say_id(meaning, "key", put.key);
    fsp_object_put_encode(&put, again);
    return FSP_OK;
}

static fsp_status_t
read_object_have(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    static fsp_object_have_t have;
    fsp_status_t status = fsp_object_have_decode(bytes, &have);
    if (status)
        return status;
    say_id(meaning, "space", have.space_id);
    say_u64(meaning, "epoch", have.epoch);
    say_u64(meaning, "layout", have.layout_version);
    json_t *objects = json_array();
    for (size_t i = 0; i < have.key_count; i++) {
        json_t *object = json_object();
        say_id(object, "key", have.keys[i]);
        say_u64(object, "bytes", have.lengths[i]);
        json_array_append_new(objects, object);
    }
    say(meaning, "objects", objects);
    fsp_object_have_encode(&have, again);
    return FSP_OK;
}

static fsp_status_t
read_have_answer(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_slice_t yes;
    fsp_status_t status = fsp_object_have_answer_decode(bytes, &yes);
    if (status)
        return status;
    say_hex(meaning, "yes", yes);
    fsp_object_have_answer_encode(yes.data, yes.bytes, again);
    return FSP_OK;
}

static fsp_status_t
read_object_get(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_object_get_t get;
    fsp_status_t status = fsp_object_get_decode(bytes, &get);
    if (status)
        return status;
    say_id(meaning, "space", get.space_id);
    say_id(meaning, "key", get.key);
    say_u64(meaning, "from", get.from);
    say_u64(meaning, "to", get.to);
    fsp_object_get_encode(&get, again);
    return FSP_OK;
}

static fsp_status_t
read_object_got(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_object_got_t got;
    fsp_status_t status = fsp_object_got_decode(bytes, &got);
    if (status)
        return status;
    say_hex(meaning, "head", fsp_slice(got.head, sizeof(got.head)));
    say_u64(meaning, "sealed_from", got.sealed_from);
    say_u64(meaning, "sealed_bytes", got.sealed_bytes);
    say_u64(meaning, "open_bytes", got.open_bytes);
    fsp_object_got_encode(&got, again);
    return FSP_OK;
}

static fsp_status_t
read_peer_error(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t named = fsp_peer_error_decode(bytes);
    if (named == FSP_INVALID)
        return FSP_INVALID; /* also what it says of an error that it cannot read */
    say_u64(meaning, "status", named);
    say(meaning, "status_name", json_string(fsp_status_name(named)));
    fsp_peer_error_encode(named, again);
    return FSP_OK;
}

static void
make_peer(json_t *entries)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_BODY_BYTES_MAX);
    fsp_object_put_t put = {.epoch = 2, .layout_version = 1};
    FILL(put.space_id, 0x11);
    FILL(put.key, 0x77);
    fsp_object_put_encode(&put, &bytes);
    vectors_add(entries, "OBJECT_PUT", "peer-object-put", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);

    static fsp_object_have_t have = {
        .epoch = 2, .layout_version = 1, .key_count = 2, .lengths = {88, 4325376}};
    FILL(have.space_id, 0x11);
    FILL(have.keys[0], 0x77);
    FILL(have.keys[1], 0x78);
    fsp_object_have_encode(&have, &bytes);
    vectors_add(entries, "OBJECT_HAVE of two", "peer-object-have", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    vectors_add_hex(entries, "refused: OBJECT_HAVE, one key and no length", "peer-object-have",
                    "95c410111111111111111111111111111111110201c42077777777777777777777777777777777"
                    "77777777777777777777777777"
                    "777777c400");
    fsp_object_have_answer_encode((const uint8_t *)"\1\0", 2, &bytes);
    vectors_add(entries, "OK of an OBJECT_HAVE", "peer-object-have-answer", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);

    fsp_object_get_t get = {.from = 65552, .to = 131104};
    FILL(get.space_id, 0x11);
    FILL(get.key, 0x77);
    fsp_object_get_encode(&get, &bytes);
    vectors_add(entries, "OBJECT_GET of a sub-block", "peer-object-get", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    get.to = 10;
    fsp_object_get_encode(&get, &bytes);
    vectors_add(entries, "refused: OBJECT_GET that ends before it begins", "peer-object-get",
                fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);

    fsp_object_got_t got = {.sealed_from = 65552, .sealed_bytes = 200064, .open_bytes = 0};
    memset(got.head, 0x4e, sizeof(got.head));
    fsp_object_got_encode(&got, &bytes);
    vectors_add(entries, "OK of an OBJECT_GET", "peer-object-got", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    fsp_peer_error_encode(FSP_LAYOUT, &bytes);
    vectors_add(entries, "ERROR layout", "peer-error", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    vectors_add_hex(entries, "refused: ERROR that says OK", "peer-error", "920100");
    vectors_add_hex(entries, "refused: ERROR with a status that is not listed", "peer-error",
                    "920163");
}

static const vectors_kind_t kinds[] = {
    {"envelope", read_envelope, NULL},
    {"client-request", read_request, NULL},
    {"client-reply", read_reply, NULL},
    {"client-reply-entry", read_reply_entry, NULL},
    {"client-reply-version", read_reply_version, NULL},
    {"client-reply-change", read_reply_change, NULL},
    {"client-reply-space", read_reply_space, NULL},
    {"client-reply-key", read_reply_key, NULL},
    {"client-data", read_data, NULL},
    {"peer-object-put", read_object_put, NULL},
    {"peer-object-have", read_object_have, NULL},
    {"peer-object-have-answer", read_have_answer, NULL},
    {"peer-object-get", read_object_get, NULL},
    {"peer-object-got", read_object_got, NULL},
    {"peer-error", read_peer_error, NULL},
    {NULL, NULL, NULL},
};

static const vectors_file_t files[] = {
    {"envelope", make_envelopes}, {"client", make_client}, {"peer", make_peer}, {NULL, NULL}};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_messages", files, kinds, argc, argv);
}
