/* SPDX-License-Identifier: MIT */
/* test_client_docs - docs/protocol/client.md says what proto/client does.  Layer tests.
 *
 * Each row of a table of fields must begin as the code's table says; the words behind are the
 * author's.  The golden messages of the appendix must be the very octets that the codec makes.
 * `test_client_docs --print` prints both.
 */
#include "core/base/text.h"
#include "proto/client.h"
#include "proto/client_fields.h"
#include "tests/unit/proto/docs.h"
#include "tests/unit/suite.h"

#include <inttypes.h>

static const char DOCUMENT[] = "docs/protocol/client.md";

/* -- tables ------------------------------------------------------------------------------------ */

typedef struct {
    const char *name;
    fsp_fields_t (*fields)(void);
} table_t;

static const table_t TABLES[] = {
    {"request", fsp_request_fields},      {"reply", fsp_reply_fields},
    {"disk", fsp_reply_disk_fields},      {"entry", fsp_item_entry_fields},
    {"version", fsp_item_version_fields}, {"change", fsp_item_change_fields},
    {"space", fsp_item_space_fields},     {"part", fsp_item_part_fields},
    {"did", fsp_item_did_fields},         {"key", fsp_item_key_fields},
};
enum { TABLE_COUNT = sizeof(TABLES) / sizeof(TABLES[0]) };

/* Names of request types by number, for the column "in". */
static const char *const TYPE_NAMES[64] = {
    [FSP_MSG_HELLO] = "HELLO",
    [FSP_MSG_PUT] = "PUT",
    [FSP_MSG_COMMIT] = "COMMIT",
    [FSP_MSG_ABORT] = "ABORT",
    [FSP_MSG_CREDIT] = "CREDIT",
    [FSP_MSG_GET] = "GET",
    [FSP_MSG_STAT] = "STAT",
    [FSP_MSG_LIST] = "LIST",
    [FSP_MSG_VERSIONS] = "VERSIONS",
    [FSP_MSG_CHANGES] = "CHANGES",
    [FSP_MSG_SPACES] = "SPACES",
    [FSP_MSG_MKDIR] = "MKDIR",
    [FSP_MSG_DELETE] = "DELETE",
    [FSP_MSG_MOVE] = "MOVE",
    [FSP_MSG_COPY] = "COPY",
    [FSP_MSG_RESTORE] = "RESTORE",
    [FSP_MSG_NODE] = "NODE",
    [FSP_MSG_RESUME] = "RESUME",
    [FSP_MSG_PING] = "PING",
    [FSP_MSG_WATCH] = "WATCH",
    [FSP_MSG_LOCK] = "LOCK",
    [FSP_MSG_RENEW] = "RENEW",
    [FSP_MSG_UNLOCK] = "UNLOCK",
    [FSP_MSG_UNDELETE] = "UNDELETE",
    [FSP_MSG_PRUNE] = "PRUNE",
    [FSP_MSG_PURGE] = "PURGE",
    [FSP_MSG_BATCH] = "BATCH",
    [FSP_MSG_SPACE_CREATE] = "SPACE_CREATE",
    [FSP_MSG_SPACE_REMOVE] = "SPACE_REMOVE",
    [FSP_MSG_OFFER] = "OFFER",
    [FSP_MSG_ATTR] = "ATTR",
    [FSP_MSG_SPACE_SET] = "SPACE_SET",
    [FSP_MSG_COLLECT] = "COLLECT",
    [FSP_MSG_KEY_ADD] = "KEY_ADD",
    [FSP_MSG_KEY_LIST] = "KEY_LIST",
    [FSP_MSG_KEY_REMOVE] = "KEY_REMOVE",
};

static const char *
type_words(const fsp_field_t *field)
{
    switch ((fsp_field_type_t)field->type) {
    case FSP_FIELD_UINT:
    case FSP_FIELD_U32:
        return "uint";
    case FSP_FIELD_BOOL:
        return "bool";
    case FSP_FIELD_TEXT:
        return "text";
    case FSP_FIELD_NAME:
        return "text (name)";
    case FSP_FIELD_PATH:
        return "text (path)";
    case FSP_FIELD_SPACE:
        return "text (space)";
    case FSP_FIELD_HEX:
        return "text (hex)";
    case FSP_FIELD_BIN:
    case FSP_FIELD_FIXED:
        return "bin";
    case FSP_FIELD_IDS:
        return "array of bin 32";
    case FSP_FIELD_UINTS:
        return "array of uint";
    case FSP_FIELD_TEXTS:
        return "array of text 64";
    case FSP_FIELD_CUSTOM:
        return field->custom->text;
    }
    return "?";
}

static void
render_bound(const fsp_field_t *field, fsp_buf_t *buf)
{
    switch ((fsp_field_type_t)field->type) {
    case FSP_FIELD_UINT:
    case FSP_FIELD_U32:
        if (field->bound == UINT64_MAX)
            fsp_buf_printf(buf, "2^64 - 1");
        else if (field->bound == INT64_MAX)
            fsp_buf_printf(buf, "2^63 - 1");
        else if (field->bound == UINT32_MAX)
            fsp_buf_printf(buf, "2^32 - 1");
        else
            fsp_buf_printf(buf, "%" PRIu64, field->bound);
        return;
    case FSP_FIELD_TEXT:
    case FSP_FIELD_NAME:
    case FSP_FIELD_PATH:
    case FSP_FIELD_SPACE:
    case FSP_FIELD_BIN:
        fsp_buf_printf(buf, "%" PRIu64 " octets", field->bound);
        return;
    case FSP_FIELD_HEX:
        fsp_buf_printf(buf, "%d..%" PRIu64 " octets", FSP_VERSION_PREFIX_HEX_MIN, field->bound);
        return;
    case FSP_FIELD_FIXED:
        fsp_buf_printf(buf, "%" PRIu64 " octets exactly", field->bound);
        return;
    case FSP_FIELD_IDS:
    case FSP_FIELD_UINTS:
    case FSP_FIELD_TEXTS:
        fsp_buf_printf(buf, "%" PRIu64 " values", field->bound);
        return;
    case FSP_FIELD_BOOL:
    case FSP_FIELD_CUSTOM:
        return;
    }
}

/* "| `key` | type | bound | " and, for requests, the messages that carry it. */
static void
render_row(const fsp_field_t *field, fsp_buf_t *buf)
{
    fsp_buf_printf(buf, "| `%s`%s | %s | ", field->key, field->strict ? " !" : "",
                   type_words(field));
    render_bound(field, buf);
    fsp_buf_printf(buf, " | ");
    bool first = true;
    for (unsigned type = 0; type < 64; type++) {
        if (!(field->types >> type & 1))
            continue;
        fsp_buf_printf(buf, "%s%s", first ? "" : " ", TYPE_NAMES[type] ? TYPE_NAMES[type] : "?");
        first = false;
    }
    if (!first)
        fsp_buf_printf(buf, " | ");
}

static fsp_buf_t document;
static fsp_buf_t buf;

static void
set_up(void)
{
    fsp_buf_init(&document, 1024 * 1024);
    fsp_buf_init(&buf, 64 * 1024);
    fsp_docs_read(DOCUMENT, &document);
    fsp_buf_append_u8(&document, '\0');
}

static void
tear_down(void)
{
    fsp_buf_clear(&document);
    fsp_buf_clear(&buf);
}

START_TEST(fields_are_those_of_the_code)
{
    const table_t *table = &TABLES[_i];
    char marker[64];
    (void)snprintf(marker, sizeof(marker), "<!-- fields: %s -->", table->name);
    const char *at = strstr((const char *)document.data, marker);
    ck_assert_msg(at != NULL, "%s has no %s", DOCUMENT, marker);
    const char *end = strstr(at, "\n\n");
    ck_assert(end);
    fsp_fields_t fields = table->fields();
    ck_assert_uint_gt(fields.count, 0);
    for (size_t i = 0; i < fields.count; i++) {
        at = strstr(at, "\n| `");
        ck_assert_msg(at != NULL && at < end, "%s: no row for \"%s\"", marker,
                      fields.fields[i].key);
        at++;
        fsp_buf_reset(&buf);
        render_row(&fields.fields[i], &buf);
        ck_assert_msg(strncmp(at, (const char *)buf.data, buf.bytes) == 0,
                      "%s: row should begin %.*s", marker, (int)buf.bytes, (const char *)buf.data);
        /* And something must be said about it. */
        ck_assert_int_ne(at[buf.bytes], '|');
        ck_assert_int_ne(at[buf.bytes], '\n');
    }
    at = strstr(at, "\n| `");
    ck_assert_msg(at == NULL || at >= end, "%s: a row too many", marker);
}
END_TEST

/* -- golden messages --------------------------------------------------------------------------- */

static void
append_hex(fsp_buf_t *out, fsp_slice_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.bytes; i++) {
        fsp_buf_append_u8(out, (uint8_t)digits[bytes.data[i] >> 4]);
        fsp_buf_append_u8(out, (uint8_t)digits[bytes.data[i] & 15]);
    }
}

/* "NAME\n  envelope\n  body\n" in hex; bodies in lines of 45 octets. */
static void
append_message(const char *name, fsp_client_type_t type, uint64_t request_id, fsp_slice_t body,
               fsp_buf_t *out)
{
    enum { LINE_OCTETS = 45 };
    uint8_t bytes[FSP_ENVELOPE_BYTES];
    fsp_envelope_t envelope = {.service = FSP_SERVICE_CLIENT,
                               .type = (uint16_t)type,
                               .request_id = request_id,
                               .body_bytes = (uint32_t)body.bytes};
    fsp_envelope_encode(&envelope, bytes);
    fsp_buf_printf(out, "%s\n  ", name);
    append_hex(out, fsp_slice(bytes, sizeof(bytes)));
    fsp_buf_printf(out, "\n");
    for (size_t at = 0; at < body.bytes; at += LINE_OCTETS) {
        size_t piece = body.bytes - at < LINE_OCTETS ? body.bytes - at : LINE_OCTETS;
        fsp_buf_printf(out, "  ");
        append_hex(out, fsp_slice(body.data + at, piece));
        fsp_buf_printf(out, "\n");
    }
}

static void
append_request(const char *name, fsp_client_type_t type, uint64_t request_id,
               const fsp_request_t *request, fsp_buf_t *out)
{
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_BODY_BYTES_MAX);
    fsp_request_encode(type, request, &body);
    append_message(name, type, request_id, fsp_buf_slice(&body), out);
    fsp_buf_clear(&body);
}

static void
append_reply(const char *name, fsp_client_type_t type, uint64_t request_id,
             const fsp_reply_t *reply, fsp_buf_t *out)
{
    fsp_buf_t body;
    fsp_buf_init(&body, FSP_BODY_BYTES_MAX);
    fsp_reply_encode(reply, &body);
    append_message(name, type, request_id, fsp_buf_slice(&body), out);
    fsp_buf_clear(&body);
}

#define FILL(id, value) memset((id).bytes, value, sizeof((id).bytes))

static void
append_golden_session(fsp_buf_t *out)
{
    fsp_request_t hello = {.versions = {1}, .version_count = 1};
    hello.client = fsp_slice_text("example/1.0");
    append_request("C:HELLO", FSP_MSG_HELLO, 1, &hello, out);

    fsp_reply_t welcome = {.version = 1, .frame_bytes_max = 262144, .heartbeat_ms = 10000};
    welcome.node_version = fsp_slice_text("0.1.0");
    FILL(welcome.node_id, 0xa1);
    FILL(welcome.mesh_id, 0xa2);
    welcome.capabilities[0] = fsp_slice_text("files");
    welcome.capability_count = 1;
    welcome.space = fsp_slice_text("home");
    append_reply("S:WELCOME", FSP_MSG_WELCOME, 1, &welcome, out);

    fsp_request_t ping = {.version_count = 0};
    append_request("C:PING", FSP_MSG_PING, 9, &ping, out);
}

static void
append_golden_put(fsp_buf_t *out)
{
    fsp_request_t put = {.attempt = 1, .since = 300, .create_parents = true, .has_attr = true};
    put.space = fsp_slice_text("home");
    put.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    FILL(put.op_id, 0x11);
    put.condition.type = FSP_IF_MATCH;
    put.condition.version_count = 1;
    FILL(put.condition.versions[0], 0x22);
    put.mode = 0644;
    put.mtime_s = -1;
    put.mtime_ns = 999999999;
    append_request("C:PUT", FSP_MSG_PUT, 2, &put, out);

    fsp_reply_t credit = {.credit = 8388608};
    append_reply("S:CREDIT", FSP_MSG_CREDIT, 2, &credit, out);

    static const uint8_t offset[8] = {0, 0, 0, 0, 0, 4, 0, 0};
    append_message("C:DATA (offset 262144)", FSP_MSG_DATA, 2, fsp_slice(offset, 8), out);

    fsp_request_t commit = {.has_size = true, .size = 262149, .has_sha256 = true};
    FILL(commit.sha256, 0x33);
    append_request("C:COMMIT", FSP_MSG_COMMIT, 2, &commit, out);

    fsp_reply_t ok = {.has_node = true, .kind = FSP_KIND_FILE, .number = 2, .size = 262149};
    FILL(ok.file_id, 0x44);
    FILL(ok.version_id, 0x55);
    ok.modified = UINT64_C(1764083916000000);
    FILL(ok.sha256, 0x33);
    FILL(ok.content_root, 0x66);
    ok.chunks = 1;
    ok.chunks_new = 1;
    ok.heads[0] = ok.version_id;
    ok.head_count = 1;
    static const uint8_t receipt[] = {0x92, 0xc4, 0x00, 0xc4, 0x00}; /* a real one has keys.md */
    ok.receipt = fsp_slice(receipt, sizeof(receipt));
    ok.change = 301;
    append_reply("S:OK", FSP_MSG_OK, 2, &ok, out);

    fsp_reply_t error = {.code = 3002, .retry = 2, .head_count = 1};
    error.symbol = fsp_slice_text("mismatch");
    error.text = fsp_slice_text("condition does not hold");
    FILL(error.heads[0], 0x77);
    append_reply("S:ERROR", FSP_MSG_ERROR, 2, &error, out);
}

static void
append_golden_reading(fsp_buf_t *out)
{
    fsp_request_t get = {.has_range = true, .range_first = 10, .range_last = 99, .credit = 1048576};
    FILL(get.file_id, 0x44);
    get.version = fsp_slice_text("55555555");
    append_request("C:GET", FSP_MSG_GET, 3, &get, out);

    fsp_request_t list = {.limit = 2};
    list.path = fsp_slice_text("/");
    list.after = fsp_slice_text("a");
    append_request("C:LIST", FSP_MSG_LIST, 4, &list, out);

    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_entry_info_t directory = {
        .kind = FSP_KIND_DIRECTORY, .modified = 1000000, .retained = true};
    directory.name = fsp_slice_text("b");
    FILL(directory.file_id, 0x88);
    fsp_item_entry_encode(&directory, &items);
    fsp_entry_info_t file = {
        .kind = FSP_KIND_FILE, .size = 5, .modified = 2000000, .number = 1, .retained = true};
    file.name = fsp_slice_text("c");
    FILL(file.file_id, 0x99);
    FILL(file.version_id, 0xaa);
    file.head_count = 1;
    fsp_item_entry_encode(&file, &items);
    fsp_reply_t listed = {.change = 301, .more = true, .item_count = 2};
    listed.items = fsp_buf_slice(&items);
    append_reply("S:OK (of LIST)", FSP_MSG_OK, 4, &listed, out);
    fsp_buf_clear(&items);
}

/* Minor version 2. */
static void
append_golden_batch(fsp_buf_t *out)
{
    fsp_buf_t ops;
    fsp_buf_init(&ops, FSP_BODY_BYTES_MAX);
    fsp_request_op_t put = {.type = FSP_MSG_PUT, .content = fsp_slice_text("hello")};
    put.request.path = fsp_slice_text("/a");
    put.request.condition.type = FSP_IF_NONE_MATCH;
    fsp_request_op_encode(&put, &ops);
    fsp_request_op_t move = {.type = FSP_MSG_MOVE};
    move.request.path = fsp_slice_text("/b");
    move.request.to_path = fsp_slice_text("/c/d");
    move.request.create_parents = true;
    fsp_request_op_encode(&move, &ops);
    fsp_request_t batch = {.attempt = 1, .since = 301, .op_count = 2};
    FILL(batch.op_id, 0x12);
    batch.ops = fsp_buf_slice(&ops);
    append_request("C:BATCH", FSP_MSG_BATCH, 5, &batch, out);

    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_result_item_t did = {.kind = FSP_KIND_FILE, .number = 1, .size = 5};
    FILL(did.file_id, 0x21);
    FILL(did.version_id, 0x31);
    fsp_item_did_encode(&did, &items);
    fsp_result_item_t moved = {.kind = FSP_KIND_DIRECTORY};
    FILL(moved.file_id, 0x22);
    fsp_item_did_encode(&moved, &items);
    fsp_reply_t ok = {.change = 302, .item_count = 2, .items = fsp_buf_slice(&items)};
    append_reply("S:OK (of BATCH)", FSP_MSG_OK, 5, &ok, out);
    fsp_buf_clear(&ops);
    fsp_buf_clear(&items);
}

static void
append_golden_watch(fsp_buf_t *out)
{
    fsp_request_t watch = {.after_index = 301, .credit = 100};
    append_request("C:WATCH", FSP_MSG_WATCH, 6, &watch, out);

    fsp_buf_t parts, items;
    fsp_buf_init(&parts, FSP_BODY_BYTES_MAX);
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_change_info_t part = {.operation = FSP_COMMAND_PUT, .kind = FSP_KIND_FILE};
    part.path = fsp_slice_text("/a");
    FILL(part.file_id, 0x21);
    FILL(part.version_id, 0x31);
    fsp_item_part_encode(&part, &parts);
    fsp_change_info_t change = {
        .index = 302, .operation = FSP_COMMAND_BATCH, .time = 3000000, .kind = FSP_KIND_DIRECTORY};
    change.path = fsp_slice_text("/");
    FILL(change.file_id, 0x23);
    FILL(change.op_id, 0x12);
    FILL(change.hash, 0x41);
    change.item_count = 1;
    change.items = fsp_buf_slice(&parts);
    fsp_item_change_encode(&change, &items);
    fsp_reply_t news = {.change = 302, .item_count = 1, .items = fsp_buf_slice(&items)};
    append_reply("S:NEWS", FSP_MSG_NEWS, 6, &news, out);
    fsp_buf_clear(&parts);
    fsp_buf_clear(&items);
}

static void
append_golden_newer(fsp_buf_t *out)
{
    append_golden_batch(out);
    append_golden_watch(out);
    fsp_request_t list = {.at_time = UINT64_C(1764083916000000)};
    list.path = fsp_slice_text("/");
    append_request("C:LIST (as it was)", FSP_MSG_LIST, 7, &list, out);

    fsp_request_t lock = {.attempt = 1, .since = 302, .duration = 600000000};
    FILL(lock.op_id, 0x13);
    lock.path = fsp_slice_text("/a");
    append_request("C:LOCK", FSP_MSG_LOCK, 8, &lock, out);

    fsp_request_t create = {.attempt = 1, .quota_bytes = 1073741824};
    FILL(create.op_id, 0x14);
    create.space = fsp_slice_text("team");
    append_request("C:SPACE_CREATE", FSP_MSG_SPACE_CREATE, 9, &create, out);
}

/* Minor version 3: an upload of three chunks that is kept, of which the node has the second. */
static void
append_golden_offer(fsp_buf_t *out)
{
    fsp_request_t put = {.attempt = 1, .since = 302, .offer = true, .known_count = 1};
    FILL(put.op_id, 0x15);
    FILL(put.upload_id, 0x15);
    put.path = fsp_slice_text("/a");
    FILL(put.known[0], 0x31);
    append_request("C:PUT (kept, with an offer)", FSP_MSG_PUT, 10, &put, out);

    fsp_reply_t first = {.credit = 8388608,
                         .has_offset = true,
                         .has_durable = true,
                         .chunking = {262144, 1048576, 4194304},
                         .chunking_count = FSP_CHUNKING_VALUES};
    FILL(first.cut_key, 0x51);
    append_reply("S:CREDIT (the first)", FSP_MSG_CREDIT, 10, &first, out);

    static uint8_t chunks[3 * FSP_OFFER_CHUNK_BYTES];
    static const uint32_t lengths[] = {1048577, 700000, 41};
    for (size_t i = 0; i < 3; i++) {
        memset(chunks + i * FSP_OFFER_CHUNK_BYTES, (int)(0x61 + i), 32);
        fsp_store_u32(chunks + i * FSP_OFFER_CHUNK_BYTES + 32, lengths[i]);
    }
    fsp_request_t offer = {.chunks = fsp_slice(chunks, sizeof(chunks))};
    append_request("C:OFFER", FSP_MSG_OFFER, 10, &offer, out);

    static const uint8_t wanted[] = {1, 0, 1};
    fsp_reply_t want = {.has_offset = true, .want = fsp_slice(wanted, sizeof(wanted))};
    append_reply("S:WANT", FSP_MSG_WANT, 10, &want, out);

    fsp_reply_t durable = {.has_durable = true, .durable = 1748577};
    append_reply("S:CREDIT (durable)", FSP_MSG_CREDIT, 10, &durable, out);
}

static void
append_golden_attr(fsp_buf_t *out)
{
    fsp_request_t attr = {.attempt = 1, .since = 303, .has_attr = true, .mode = 0600};
    FILL(attr.op_id, 0x16);
    attr.path = fsp_slice_text("/a");
    attr.mtime_s = 1764083916;
    append_request("C:ATTR", FSP_MSG_ATTR, 11, &attr, out);

    fsp_request_t list = {.attrs = true};
    list.path = fsp_slice_text("/");
    append_request("C:LIST (with attributes)", FSP_MSG_LIST, 12, &list, out);

    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_entry_info_t file = {.kind = FSP_KIND_FILE,
                             .size = 1748618,
                             .modified = 4000000,
                             .number = 2,
                             .head_count = 1,
                             .retained = true,
                             .has_attr = true,
                             .mode = 0600,
                             .mtime_s = 1764083916};
    file.name = fsp_slice_text("a");
    FILL(file.file_id, 0x21);
    FILL(file.version_id, 0x32);
    fsp_item_entry_encode(&file, &items);
    fsp_reply_t listed = {.change = 304, .item_count = 1, .items = fsp_buf_slice(&items)};
    append_reply("S:OK (of LIST with attributes)", FSP_MSG_OK, 12, &listed, out);
    fsp_buf_clear(&items);
}

static void
append_golden_spaces(fsp_buf_t *out)
{
    fsp_request_t set = {.attempt = 1,
                         .since = 304,
                         .set = FSP_SET_QUOTA | FSP_SET_KEEP,
                         .quota_bytes = 1073741824,
                         .keep = {3, 30, 7, 4, 12, 400},
                         .keep_count = FSP_KEEP_VALUES};
    FILL(set.op_id, 0x17);
    set.space = fsp_slice_text("team");
    append_request("C:SPACE_SET", FSP_MSG_SPACE_SET, 13, &set, out);

    fsp_request_t collect = {.space = fsp_slice_text("team")};
    append_request("C:COLLECT", FSP_MSG_COLLECT, 14, &collect, out);
    fsp_reply_t collected = {
        .change = 305, .epoch = 4, .live = 12345, .swept = 67, .swept_bytes = 71303168};
    collected.space_name = fsp_slice_text("team");
    append_reply("S:OK (of COLLECT)", FSP_MSG_OK, 14, &collected, out);
}

static void
append_golden_keys(fsp_buf_t *out)
{
    fsp_request_t add = {.name = fsp_slice_text("laptop")};
    FILL(add.key, 0x71);
    append_request("C:KEY_ADD", FSP_MSG_KEY_ADD, 15, &add, out);
    fsp_request_t nothing = {.attempt = 0};
    append_request("C:KEY_LIST", FSP_MSG_KEY_LIST, 16, &nothing, out);

    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_key_info_t first = {.name = fsp_slice_text("admin"), .own = true};
    FILL(first.key, 0x70);
    fsp_item_key_encode(&first, &items);
    fsp_key_info_t added = {.name = add.name, .key = add.key, .added = UINT64_C(1764083916000000)};
    fsp_item_key_encode(&added, &items);
    fsp_reply_t listed = {.item_count = 2, .items = fsp_buf_slice(&items)};
    append_reply("S:OK (of KEY_LIST)", FSP_MSG_OK, 16, &listed, out);
    fsp_buf_clear(&items);

    fsp_request_t removed = {.key = add.key};
    append_request("C:KEY_REMOVE", FSP_MSG_KEY_REMOVE, 17, &removed, out);
}

static void
append_golden(fsp_buf_t *out)
{
    append_golden_session(out);
    append_golden_put(out);
    append_golden_reading(out);
    append_golden_newer(out);
    append_golden_offer(out);
    append_golden_attr(out);
    append_golden_spaces(out);
    append_golden_keys(out);
}

START_TEST(golden_messages_are_what_the_codec_makes)
{
    append_golden(&buf);
    fsp_buf_append_u8(&buf, '\0');
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_msg(strstr((const char *)document.data, (const char *)buf.data) != NULL,
                  "the appendix of %s should be:\n%s", DOCUMENT, (const char *)buf.data);
}
END_TEST

static Suite *
client_docs_suite(void)
{
    Suite *suite = suite_create("client_docs");
    TCase *tcase = tcase_create("document");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, fields_are_those_of_the_code, 0, TABLE_COUNT);
    tcase_add_test(tcase, golden_messages_are_what_the_codec_makes);
    suite_add_tcase(suite, tcase);
    return suite;
}

static void
print_all(void)
{
    fsp_buf_init(&buf, 64 * 1024);
    for (size_t t = 0; t < TABLE_COUNT; t++) {
        fsp_buf_printf(&buf, "<!-- fields: %s -->\n", TABLES[t].name);
        fsp_fields_t fields = TABLES[t].fields();
        for (size_t i = 0; i < fields.count; i++) {
            render_row(&fields.fields[i], &buf);
            fsp_buf_printf(&buf, "\n");
        }
    }
    append_golden(&buf);
    printf("%.*s", (int)buf.bytes, (const char *)buf.data);
    fsp_buf_clear(&buf);
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        print_all();
        return 0;
    }
    return fsp_suite_main(client_docs_suite());
}
