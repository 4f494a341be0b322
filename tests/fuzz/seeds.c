/* SPDX-License-Identifier: MIT */
/* seeds - writes first inputs for the fuzz targets: fuzz-seeds DIR makes DIR/TARGET/seed-N.
   Layer tests.
 *
 * Everything is made by the encoders, so a seed is valid bytes of today's formats.
 */
#include "core/base/prng.h"
#include "core/data/codec.h"
#include "core/data/details.h"
#include "core/data/objects.h"
#include "core/data/receipt.h"
#include "core/data/tree.h"
#include "core/engine/log_rows.h"
#include "core/engine/replica_message.h"
#include "core/meta/answer.h"
#include "core/meta/changes.h"
#include "core/meta/versions.h"
#include "proto/client.h"
#include "proto/json.h"
#include "proto/peer.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *top;
static const char *target;
static unsigned number;
static fsp_buf_t buf; /* the seed in the making */

static void
begin(const char *name)
{
    target = name;
    number = 0;
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", top, target);
    (void)mkdir(path, 0777);
}

/* Writes what buf holds and empties it. */
static void
done(void)
{
    FSP_ASSERT(fsp_buf_ok(&buf));
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s/seed-%02u", top, target, number++);
    FILE *file = fopen(path, "wb");
    FSP_ASSERT(file && fwrite(buf.data, 1, buf.bytes, file) == buf.bytes);
    (void)fclose(file);
    fsp_buf_reset(&buf);
}

static void
say(const char *text)
{
    fsp_buf_append_slice(&buf, fsp_slice_text(text));
    done();
}

static fsp_slice_t
text(const char *value)
{
    return fsp_slice_text(value);
}

static const fsp_version_id_t version_id = {{0x11, 0x22}};
static const fsp_file_id_t file_id = {{0x33}};
static const fsp_op_id_t op_id = {{0x44}};
static const fsp_space_id_t space_id = {{0x5b, 1}};

static fsp_space_keys_t *
make_keys(void)
{
    fsp_secret_t secret;
    memset(secret.bytes, 1, sizeof(secret.bytes));
    fsp_space_keys_t *keys = fsp_space_keys_new();
    fsp_space_keys_add(keys, 1, &secret);
    return keys;
}

static void
seed_messages(void)
{
    begin("envelope");
    fsp_envelope_t envelope = {
        .service = FSP_SERVICE_CLIENT, .type = FSP_MSG_PUT, .request_id = 7, .body_bytes = 100};
    uint8_t head[FSP_ENVELOPE_BYTES];
    fsp_envelope_encode(&envelope, head);
    fsp_buf_append(&buf, head, sizeof(head));
    done();

    begin("request");
    static const fsp_client_type_t types[] = {
        FSP_MSG_HELLO,   FSP_MSG_PING,    FSP_MSG_PUT,      FSP_MSG_COMMIT,    FSP_MSG_CREDIT,
        FSP_MSG_GET,     FSP_MSG_STAT,    FSP_MSG_LIST,     FSP_MSG_VERSIONS,  FSP_MSG_CHANGES,
        FSP_MSG_SPACES,  FSP_MSG_MKDIR,   FSP_MSG_DELETE,   FSP_MSG_MOVE,      FSP_MSG_COPY,
        FSP_MSG_RESTORE, FSP_MSG_NODE,    FSP_MSG_OFFER,    FSP_MSG_ATTR,      FSP_MSG_SPACE_SET,
        FSP_MSG_COLLECT, FSP_MSG_KEY_ADD, FSP_MSG_KEY_LIST, FSP_MSG_KEY_REMOVE};
    fsp_request_t request = {.versions = {1},
                             .version_count = 1,
                             .client = text("c 1"),
                             .space = text("home"),
                             .path = text("/a/b"),
                             .to_path = text("/c"),
                             .version = text("0123abcd"),
                             .op_id = op_id,
                             .attempt = 1,
                             .since = 300,
                             .create_parents = true,
                             .recursive = true,
                             .replace = true,
                             .exist_ok = true,
                             .kind = FSP_KIND_FILE,
                             .has_attr = true,
                             .mode = 0644,
                             .mtime_s = -5,
                             .mtime_ns = 7,
                             .end = true,
                             .media_type = text("text/plain"),
                             .message = text("m"),
                             .has_size = true,
                             .size = 70000,
                             .has_sha256 = true,
                             .has_range = true,
                             .range_first = 1,
                             .range_last = 300,
                             .credit = 70000,
                             .prefix = text("p"),
                             .after = text("q"),
                             .after_index = 5,
                             .limit = 10,
                             .offset = 70000,
                             .chunks = text("digest of 32 octets of one chunk\1\1\1\1"),
                             .attrs = true,
                             .chunking = {65536, 131072, 262144},
                             .chunking_count = FSP_CHUNKING_VALUES,
                             .set = FSP_SET_QUOTA | FSP_SET_KEEP,
                             .quota_bytes = 1000,
                             .keep = {1, 2, 3, 4, 5, 6},
                             .keep_count = FSP_KEEP_VALUES,
                             .key = {{9}},
                             .name = text("laptop")};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (int conditional = 0; conditional < 2; conditional++) {
            request.condition.type = conditional ? FSP_IF_MATCH : 0;
            request.condition.version_count = conditional ? 1 : 0;
            request.condition.versions[0] = version_id;
            fsp_buf_append_u16(&buf, (uint16_t)types[i]);
            fsp_request_encode(types[i], &request, &buf);
            done();
        }
    }

    begin("reply");
    fsp_reply_t reply = {.version = 1,
                         .node_version = text("0.1"),
                         .frame_bytes_max = 70000,
                         .heartbeat_ms = 10000,
                         .capabilities = {text("a")},
                         .capability_count = 1,
                         .space = text("home"),
                         .change = 9,
                         .code = 404,
                         .symbol = text("not-found"),
                         .text = text("no"),
                         .retry = 2,
                         .has_node = true,
                         .kind = FSP_KIND_FILE,
                         .file_id = file_id,
                         .path = text("/a"),
                         .space_name = text("home"),
                         .version_id = version_id,
                         .number = 3,
                         .size = 5,
                         .modified = 6,
                         .chunks = 1,
                         .chunks_new = 1,
                         .heads = {version_id},
                         .head_count = 1,
                         .has_attr = true,
                         .mode = 0600,
                         .mtime_s = -9,
                         .mtime_ns = 1,
                         .message = text("m"),
                         .from = 1,
                         .to = 2,
                         .credit = 9,
                         .uptime_s = 4,
                         .rss_bytes = 5,
                         .disk_total = 6,
                         .disk_free = 7,
                         .disk_reserve = 8,
                         .disk_state = text("ok"),
                         .sync = true};
    fsp_reply_encode(&reply, &buf);
    done();
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_BODY_BYTES_MAX);
    fsp_entry_info_t entry = {.name = text("n"),
                              .kind = FSP_KIND_FILE,
                              .file_id = file_id,
                              .size = 5,
                              .modified = 6,
                              .version_id = version_id,
                              .number = 1,
                              .head_count = 1};
    fsp_version_info_t version = {.id = version_id,
                                  .file_id = file_id,
                                  .number = 1,
                                  .kind = FSP_VERSION_PUT,
                                  .parents = {version_id},
                                  .parent_count = 1,
                                  .size = 3,
                                  .time = 4,
                                  .op_id = op_id,
                                  .retained = true,
                                  .is_head = true};
    fsp_change_info_t change = {.index = 4,
                                .operation = FSP_COMMAND_MOVE,
                                .time = 5,
                                .op_id = op_id,
                                .kind = FSP_KIND_FILE,
                                .file_id = file_id,
                                .path = text("/a"),
                                .from_path = text("/b")};
    fsp_space_info_t space = {.space_id = space_id,
                              .name = text("home"),
                              .epoch = 1,
                              .change_index = 4,
                              .root_id = file_id,
                              .trash_id = file_id};
    for (int kind = 0; kind < 4; kind++) {
        fsp_buf_reset(&items);
        for (int i = 0; i < 2; i++) {
            if (kind == 0)
                fsp_item_entry_encode(&entry, &items);
            else if (kind == 1)
                fsp_item_version_encode(&version, &items);
            else if (kind == 2)
                fsp_item_change_encode(&change, &items);
            else
                fsp_item_space_encode(&space, &items);
        }
        fsp_reply_t list = {.more = true, .item_count = 2, .items = fsp_buf_slice(&items)};
        fsp_reply_encode(&list, &buf);
        done();
        fsp_reply_encode(&list, &buf);
        begin("wire");
        number = (unsigned)kind;
        done();
        begin("reply");
        number = 2u + (unsigned)kind;
    }
    fsp_buf_clear(&items);

    begin("peer");
    fsp_object_put_t put = {.space_id = space_id, .epoch = 1, .layout_version = 2};
    fsp_buf_append_u8(&buf, 0);
    fsp_object_put_encode(&put, &buf);
    done();
    fsp_object_have_t *have = FSP_NEW(fsp_object_have_t);
    have->key_count = 2;
    have->lengths[1] = 70000;
    fsp_buf_append_u8(&buf, 1);
    fsp_object_have_encode(have, &buf);
    done();
    fsp_free(have);
    fsp_object_get_t get = {.space_id = space_id, .from = 65552, .to = 131104};
    fsp_buf_append_u8(&buf, 2);
    fsp_object_get_encode(&get, &buf);
    done();
    fsp_object_got_t got = {.sealed_from = 1, .sealed_bytes = 70000, .open_bytes = 3};
    fsp_buf_append_u8(&buf, 3);
    fsp_object_got_encode(&got, &buf);
    done();
    fsp_buf_append_u8(&buf, 4);
    fsp_object_have_answer_encode((const uint8_t *)"\0\1", 2, &buf);
    done();
    fsp_buf_append_u8(&buf, 5);
    fsp_peer_error_encode(FSP_NOT_FOUND, &buf);
    done();
}

static void
make_carrier(fsp_root_kind_t kind, fsp_buf_t *ret)
{
    fsp_carrier_t carrier = {
        .root_kind = kind, .sealed_part = text("sealed"), .inline_object = text("inline")};
    fsp_buf_reset(ret);
    fsp_carrier_encode(&carrier, ret);
}

static void
seed_commands(void)
{
    fsp_buf_t carrier;
    fsp_buf_init(&carrier, FSP_CARRIER_BYTES_MAX);
    begin("carrier");
    for (int kind = FSP_ROOT_INLINE; kind <= FSP_ROOT_TREE; kind++) {
        make_carrier((fsp_root_kind_t)kind, &carrier);
        fsp_buf_append_slice(&buf, fsp_buf_slice(&carrier));
        done();
    }
    begin("command");
    for (int type = FSP_COMMAND_SPACE_INIT; type <= FSP_COMMAND_COPY; type++) {
        for (int by_id = 0; by_id < 2; by_id++) {
            fsp_target_t at = {.path = by_id ? fsp_slice(NULL, 0) : text("/a/b"), .id = file_id};
            fsp_target_t to = {.path = text("/c")};
            fsp_condition_t on = {.type = by_id ? FSP_IF_MATCH : FSP_IF_REPLACE,
                                  .versions = {version_id},
                                  .version_count = by_id ? 1 : 0};
            fsp_command_t *command = FSP_NEW(fsp_command_t);
            command->type = (fsp_command_type_t)type;
            command->version = 1;
            command->space_id = space_id;
            command->subject.bytes[0] = 0x50;
            command->op_id = op_id;
            command->attempt = 1;
            command->since = 300;
            switch (command->type) {
            case FSP_COMMAND_SPACE_INIT:
                command->space_init.name = text("home");
                command->space_init.owner = command->subject;
                command->space_init.root_id = file_id;
                command->space_init.trash_id.bytes[0] = 9;
                command->space_init.chunk_bytes_min = FSP_CHUNK_BYTES_MIN;
                command->space_init.chunk_bytes_avg = FSP_CHUNK_BYTES_AVG;
                command->space_init.chunk_bytes_max = FSP_CHUNK_BYTES_MAX;
                command->space_init.key_count = 1;
                command->space_init.keys[0] = (fsp_wrapped_key_t){1, text("wrapped")};
                command->space_init.wrapped_cut_key = text("cut");
                break;
            case FSP_COMMAND_PUT:
                make_carrier(FSP_ROOT_CHUNK, &carrier);
                command->put.target = at;
                command->put.kind = FSP_KIND_FILE;
                command->put.condition = on;
                command->put.ids_seed = file_id;
                command->put.size = 10;
                command->put.carrier = fsp_buf_slice(&carrier);
                command->put.attr = text("attr");
                break;
            case FSP_COMMAND_DELETE:
                command->remove.target = at;
                command->remove.condition = on;
                break;
            case FSP_COMMAND_MKDIR:
                command->mkdir.target = to;
                command->mkdir.ids_seed = file_id;
                break;
            case FSP_COMMAND_MOVE:
                command->move.from = at;
                command->move.to = to;
                command->move.condition = on;
                command->move.ids_seed = file_id;
                break;
            case FSP_COMMAND_RESTORE:
                command->restore.target = at;
                command->restore.version_id = version_id;
                command->restore.condition = on;
                break;
            case FSP_COMMAND_COPY:
                command->copy.from = at;
                command->copy.to = to;
                command->copy.condition.type = by_id ? FSP_IF_NONE_MATCH : FSP_IF_REPLACE;
                command->copy.ids_seed = file_id;
                break;
            default:
                break;
            }
            fsp_command_encode(command, &buf);
            fsp_free(command);
            done();
        }
    }
    begin("result");
    fsp_result_t result = {.status = FSP_OK,
                           .index = 5,
                           .kind = FSP_KIND_FILE,
                           .file_id = file_id,
                           .version_id = version_id,
                           .number = 1,
                           .size = 10,
                           .time = 9,
                           .heads = {version_id},
                           .head_count = 1};
    fsp_result_encode(&result, &buf);
    done();
    begin("query");
    for (int type = FSP_QUERY_RESOLVE; type <= FSP_QUERY_SPACES; type++) {
        fsp_query_t query = {
            .type = (fsp_query_type_t)type,
            .space_id = space_id,
            .target = {.path = type & 1 ? text("/a") : fsp_slice(NULL, 0), .id = file_id},
            .version = text("0123abcd"),
            .prefix = text("p"),
            .after = text("q"),
            .limit = 10};
        fsp_query_encode(&query, &buf);
        done();
    }
    for (int form = 0; form < 3; form++) { /* for attributes: now, then, by a visitor */
        fsp_query_t query = {.type = FSP_QUERY_LIST,
                             .space_id = space_id,
                             .target = {.path = text("/a")},
                             .limit = 10,
                             .attrs = true};
        query.at_index = form == 1 ? 7 : 0;
        query.asker.link_id.bytes[0] = form == 2 ? 1 : 0;
        fsp_query_encode(&query, &buf);
        done();
    }
    fsp_buf_clear(&carrier);
}

static void
seed_keyring(void)
{
    begin("keyring");
    for (uint64_t count = 0; count < 3; count++) {
        fsp_buf_append_u8(&buf, 1); /* items: the target puts the hash to them */
        fsp_canon_array(&buf, count);
        for (uint64_t i = 0; i < count; i++) {
            fsp_key_t key = {{(uint8_t)(i + 3)}};
            fsp_canon_array(&buf, 3);
            fsp_canon_id(&buf, key);
            fsp_canon_text(&buf, i > 0 ? text("phone") : text("laptop"));
            fsp_canon_uint(&buf, 1000 + i);
        }
        done();
    }
}

static void
seed_answers(void)
{
    begin("answer");
    fsp_buf_t record, carrier;
    fsp_buf_init(&record, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&carrier, FSP_CARRIER_BYTES_MAX);
    make_carrier(FSP_ROOT_TREE, &carrier);
    fsp_version_info_t version = {.file_id = file_id,
                                  .number = 2,
                                  .kind = FSP_VERSION_PUT,
                                  .parents = {version_id},
                                  .parent_count = 1,
                                  .size = 3,
                                  .time = 4,
                                  .op_id = op_id,
                                  .retained = true,
                                  .is_head = true,
                                  .carrier = fsp_buf_slice(&carrier)};
    for (int form = 0; form < 7; form++) {
        /* Entries and spaces also with what they have at the end. */
        int kind = form < 5 ? form : form == 5 ? 1 : 4;
        fsp_answering_t answering;
        fsp_answering_init(&answering);
        fsp_node_info_t node = {.kind = FSP_KIND_FILE,
                                .file_id = file_id,
                                .parent_id = file_id,
                                .name = text("a"),
                                .path = text("/a"),
                                .attr = text("attr"),
                                .time = 3,
                                .heads = {version_id},
                                .head_count = 1,
                                .version = version};
        fsp_entry_info_t entry = {.name = text("n"),
                                  .kind = FSP_KIND_FILE,
                                  .file_id = file_id,
                                  .size = 5,
                                  .modified = 6,
                                  .version_id = version_id,
                                  .number = 1,
                                  .head_count = 1};
        fsp_change_info_t change = {.index = 4,
                                    .operation = FSP_COMMAND_MOVE,
                                    .time = 5,
                                    .op_id = op_id,
                                    .kind = FSP_KIND_FILE,
                                    .file_id = file_id,
                                    .path = text("/a"),
                                    .from_path = text("/b"),
                                    .made_ids = {file_id},
                                    .made_count = 1};
        fsp_space_info_t space = {.space_id = space_id,
                                  .name = text("home"),
                                  .epoch = 1,
                                  .change_index = 4,
                                  .root_id = file_id,
                                  .trash_id = file_id,
                                  .keys = {{1, text("w")}},
                                  .key_count = 1,
                                  .wrapped_cut_key = text("c")};
        if (form >= 5) {
            entry.attr = text("attr");
            space.retention.keep_last = 3;
        }
        fsp_buf_reset(&record);
        if (kind == 3)
            fsp_change_row_encode(&change, &record);
        else
            fsp_version_record_encode(&version, &record);
        bool added = kind == 0   ? fsp_answering_add_node(&answering, &node, fsp_buf_slice(&record))
                     : kind == 1 ? fsp_answering_add_entry(&answering, &entry)
                     : kind == 2
                         ? fsp_answering_add_version(&answering, &version, fsp_buf_slice(&record))
                     : kind == 3 ? fsp_answering_add_change(&answering, fsp_buf_slice(&record))
                                 : fsp_answering_add_space(&answering, &space);
        FSP_ASSERT(added);
        fsp_buf_append_u8(&buf, (uint8_t)kind);
        fsp_answering_finish(&answering, FSP_OK, 9, &buf);
        fsp_answering_clear(&answering);
        done();
    }
    fsp_buf_clear(&record);
    fsp_buf_clear(&carrier);
}

static void
seed_rows(void)
{
    begin("metarows");
    fsp_buf_t carrier, record;
    fsp_buf_init(&carrier, FSP_CARRIER_BYTES_MAX);
    fsp_buf_init(&record, FSP_VALUE_BYTES_MAX);
    make_carrier(FSP_ROOT_CHUNK, &carrier);
    fsp_shard_row_t shard = {
        .applied_index = 1, .applied_term = 1, .log_time = 5, .feature_level = 1};
    fsp_buf_append_u8(&buf, 0);
    fsp_shard_row_encode(&shard, &buf);
    done();
    fsp_space_row_t *space = FSP_NEW(fsp_space_row_t);
    space->name = text("home");
    space->owner.bytes[0] = 1;
    space->root_id = file_id;
    space->trash_id.bytes[0] = 9;
    space->change_index = 3;
    space->chunk_bytes_min = FSP_CHUNK_BYTES_MIN;
    space->chunk_bytes_avg = FSP_CHUNK_BYTES_AVG;
    space->chunk_bytes_max = FSP_CHUNK_BYTES_MAX;
    space->key_count = 1;
    space->keys[0] = (fsp_wrapped_key_t){1, text("wrapped")};
    space->wrapped_cut_key = text("cut");
    fsp_buf_append_u8(&buf, 1);
    fsp_space_row_encode(space, &buf);
    fsp_free(space);
    done();
    fsp_entry_row_t entry = {.kind = FSP_KIND_FILE, .id = file_id, .since = 3};
    fsp_buf_append_u8(&buf, 2);
    fsp_entry_row_encode(&entry, &buf);
    done();
    fsp_node_row_t *node = FSP_NEW(fsp_node_row_t);
    node->kind = FSP_KIND_FILE;
    node->parent_id = file_id;
    node->name[0] = 'a';
    node->name_bytes = 1;
    node->index = 3;
    node->time = node->content_time = 9;
    node->head_count = 2;
    node->heads[0] = (fsp_head_t){.number = 2, .id = version_id};
    node->heads[1] = (fsp_head_t){.number = 1, .id = {{7}}};
    node->attr_bytes = 3;
    fsp_buf_append_u8(&buf, 3);
    fsp_node_row_encode(node, &buf);
    done();
    memset(node, 0, sizeof(*node));
    node->kind = FSP_KIND_DIRECTORY;
    fsp_buf_append_u8(&buf, 3);
    fsp_node_row_encode(node, &buf);
    fsp_free(node);
    done();
    fsp_version_info_t version = {.file_id = file_id,
                                  .number = 2,
                                  .kind = FSP_VERSION_MERGE,
                                  .parents = {{{1}}, version_id},
                                  .parent_count = 2,
                                  .size = 3,
                                  .time = 4,
                                  .op_id = op_id};
    fsp_version_record_encode(&version, &record);
    fsp_version_row_t row = {
        .record = fsp_buf_slice(&record), .retained = true, .carrier = fsp_buf_slice(&carrier)};
    fsp_buf_append_u8(&buf, 4);
    fsp_version_row_encode(&row, &buf);
    done();
    fsp_version_index_row_t index = {.file_id = file_id, .number = 2};
    fsp_buf_append_u8(&buf, 5);
    fsp_version_index_row_encode(&index, &buf);
    done();
    fsp_op_row_t op = {.index = 3, .result = fsp_slice(record.data, 3)};
    fsp_buf_append_u8(&buf, 6);
    fsp_op_row_encode(&op, &buf);
    done();
    fsp_change_info_t change = {.index = 4,
                                .operation = FSP_COMMAND_MOVE,
                                .time = 5,
                                .op_id = op_id,
                                .kind = FSP_KIND_FILE,
                                .file_id = file_id,
                                .path = text("/a"),
                                .from_path = text("/b"),
                                .made_ids = {file_id},
                                .made_count = 1};
    fsp_buf_append_u8(&buf, 7);
    fsp_change_row_encode(&change, &buf);
    done();
    fsp_buf_append_u8(&buf, 8);
    fsp_version_record_encode(&version, &buf);
    done();
    begin("canon");
    fsp_version_record_encode(&version, &buf);
    done();
    fsp_change_row_encode(&change, &buf);
    done();
    begin("wire");
    number = 10;
    fsp_change_row_encode(&change, &buf);
    done();

    begin("logrows");
    fsp_log_hard_t hard = {.hard = {.term = 2, .vote = 1}, .start = 0, .start_term = 0};
    fsp_buf_append_u8(&buf, 0);
    fsp_log_hard_encode(&hard, &buf);
    done();
    fsp_blob_t *bytes = fsp_blob_copy("\0\0\0\0\0\0\0\1command", 15);
    fsp_entry_t entries[] = {{.term = 1, .kind = FSP_ENTRY_NOOP},
                             {.term = 2, .kind = FSP_ENTRY_COMMAND, .bytes = bytes}};
    for (int i = 0; i < 2; i++) {
        fsp_buf_append_u8(&buf, 1);
        fsp_log_entry_encode(&entries[i], &buf);
        done();
    }
    fsp_buf_append_u8(&buf, 2);
    fsp_buf_append_u8(&buf, 1);
    for (uint8_t i = 0; i < 3; i++) {
        fsp_buf_reset(&record);
        if (i == 0)
            fsp_log_hard_encode(&hard, &record);
        else
            fsp_log_entry_encode(&entries[i - 1], &record);
        fsp_buf_append_u8(&buf, i);
        fsp_buf_append_u16(&buf, (uint16_t)record.bytes);
        fsp_buf_append_slice(&buf, fsp_buf_slice(&record));
    }
    done();
    fsp_blob_destroy(&bytes);
    fsp_buf_clear(&record);
    fsp_buf_clear(&carrier);
}

static void
seed_replicas(void)
{
    fsp_raft_member_t member = {.node_id = {{1}}, .replica = 1, .store_id = {{2}}};
    fsp_log_base_t base = {.generation = 2, .conf = fsp_raft_conf_single(&member)};
    begin("logrows");
    number = 100;
    fsp_buf_append_u8(&buf, 3);
    fsp_log_base_encode(&base, &buf);
    done();

    begin("replica");
    fsp_buf_append_u8(&buf, 0);
    fsp_raft_conf_encode(&base.conf, &buf);
    done();
    fsp_entry_t entries[] = {
        {.index = 8, .term = 3, .kind = FSP_ENTRY_NOOP},
        {.index = 9, .term = 4, .kind = FSP_ENTRY_COMMAND, .bytes = fsp_blob_copy("12345678x", 9)}};
    fsp_raft_message_t append = {.type = FSP_RAFT_APPEND,
                                 .from = 1,
                                 .to = 2,
                                 .term = 4,
                                 .index = 7,
                                 .index_term = 3,
                                 .entries = entries,
                                 .entry_count = 2};
    fsp_buf_append_u8(&buf, 1);
    fsp_raft_message_encode(&append, &buf);
    done();
    fsp_blob_t *rows = fsp_blob_copy("\xc4\x01k\xc4\x01v", 6);
    fsp_replica_message_t messages[] = {
        {.type = FSP_REPLICA_RAFT, .raft = append},
        {.type = FSP_REPLICA_FRAME,
         .raft = {.type = FSP_RAFT_SNAPSHOT, .from = 1, .to = 2, .term = 4, .index = 9},
         .frame = {.id = 5, .last = true, .digest = {{3}}, .conf = base.conf, .rows = rows}},
        {.type = FSP_REPLICA_TOOK,
         .raft = {.from = 2, .to = 1, .term = 4},
         .took = {.id = 5, .position = 1}},
    };
    for (size_t i = 0; i < 3; i++) {
        fsp_buf_append_u8(&buf, 2);
        fsp_replica_message_encode(&messages[i], &buf);
        done();
    }
    fsp_buf_append_u8(&buf, 3);
    fsp_buf_append_slice(&buf, fsp_blob_slice(rows));
    done();
    fsp_blob_destroy(&rows);
    fsp_blob_destroy(&entries[1].bytes);
}

static void
seed_objects(void)
{
    begin("details");
    fsp_details_t details = {
        .chunk_count = 300, .media_type = text("text/plain"), .message = text("message")};
    fsp_buf_append_u8(&buf, 0);
    fsp_details_encode(&details, &buf);
    done();
    fsp_attr_t attr = {.mode = 0644, .mtime_s = -3, .mtime_ns = 999999999};
    fsp_buf_append_u8(&buf, 1);
    fsp_attr_encode(&attr, &buf);
    done();

    begin("tree");
    fsp_tree_node_t *node = FSP_NEW(fsp_tree_node_t);
    fsp_buf_t open, plain;
    fsp_buf_init(&open, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_buf_init(&plain, FSP_OBJECT_OPEN_BYTES_MAX);
    node->count = 3;
    for (size_t i = 0; i < node->count; i++)
        node->children[i] = (fsp_child_t){
            .key = {{(uint8_t)i}}, .object_bytes = 70000 + i, .content_bytes = 69000 + i};
    for (node->level = 0; node->level < 2; node->level++) {
        fsp_buf_reset(&open);
        fsp_buf_reset(&plain);
        fsp_tree_encode(node, &open, &plain);
        fsp_buf_append_u16(&buf, (uint16_t)plain.bytes);
        fsp_buf_append_slice(&buf, fsp_buf_slice(&plain));
        fsp_buf_append_slice(&buf, fsp_buf_slice(&open));
        done();
    }
    fsp_space_keys_t *keys = make_keys();
    begin("object");
    for (int kind = FSP_OBJECT_CHUNK; kind <= FSP_OBJECT_ATTR; kind++) {
        fsp_key_t key;
        bool tree = kind == FSP_OBJECT_TREE;
        fsp_blob_t *object = fsp_object_seal(
            keys, (fsp_object_kind_t)kind, tree ? fsp_buf_slice(&open) : fsp_slice(NULL, 0),
            tree ? fsp_buf_slice(&plain) : text("some plaintext"), &key, NULL);
        fsp_buf_append_slice(&buf, fsp_blob_slice(object));
        done();
        if (kind == FSP_OBJECT_CHUNK) {
            fsp_object_row_t row = {.kind = FSP_OBJECT_CHUNK,
                                    .sealed_bytes = 30,
                                    .stamp = 1,
                                    .family = FSP_FAMILY_OBJECT};
            FSP_ASSERT(fsp_object_name(fsp_blob_slice(object), &key, row.head) == FSP_OK);
            begin("objectrow");
            fsp_object_row_encode(&row, &buf);
            done();
            begin("object");
            number = 1;
        }
        fsp_blob_destroy(&object);
    }
    begin("opening");
    for (uint8_t kind = 0; kind < 5; kind++) {
        fsp_buf_append(&buf, (const uint8_t[]){kind, (uint8_t)(kind == 0 ? 0x86 : 9), 1, 0, 90, 1},
                       6);
        say("plaintext of an object, of some length");
    }
    fsp_buf_append(&buf, (const uint8_t[]){0, 0xfc, 2, 1, 0, 4, 0, 20, 1}, 9);
    done();
    fsp_space_keys_destroy(&keys);
    fsp_free(node);
    fsp_buf_clear(&open);
    fsp_buf_clear(&plain);

    begin("codec");
    uint8_t *zeros = fsp_alloc(20000);
    size_t packed_bytes = 0;
    uint8_t *packed = fsp_codec_compress(fsp_slice(zeros, 20000), &packed_bytes);
    fsp_buf_append_u16(&buf, 20000);
    if (packed)
        fsp_buf_append(&buf, packed, packed_bytes);
    done();
    fsp_free(packed);
    fsp_free(zeros);

    begin("receipt");
    fsp_secret_t seed = {{7}};
    fsp_sign_key_t key;
    fsp_sign_key_from_seed(&key, &seed);
    fsp_receipt_t receipt = {
        .durable_copies = 1,
        .wanted_copies = 1,
        .class_count = 1,
        .classes = {{.kind = FSP_OBJECT_CHUNK, .count = 2, .node_count = 1, .zone_count = 1}},
        .change = 5,
        .issued = 6};
    fsp_buf_append_u8(&buf, 0);
    fsp_receipt_sign(&receipt, &key, &buf);
    done();
    fsp_buf_append(&buf, (const uint8_t[64]){1, [34] = 1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 1}, 64);
    done();
}

static void
seed_texts(void)
{
    begin("text");
    say("/a/b/c");
    say("/");
    say("name.txt");
    say("18446744073709551615");
    say("0123456789abcdefABCDEF");
    say("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
    say("/\xc3\xbc/\xe2\x82\xac/\xf0\x9f\x98\x80");
    say("\xed\xa0\x80\xc0\x80");
    begin("recovery");
    char code[FSP_RECOVERY_TEXT_BYTES];
    fsp_secret_t bits = {{1, 2, 3}};
    fsp_recovery_encode(&bits, code);
    say(code);
    begin("profile");
    fsp_profile_t profile = {.name = "home",
                             .endpoints = {"tcp://127.0.0.1:7440"},
                             .endpoint_count = 1,
                             .space = "home"};
    memset(profile.server_key, '0', 40);
    memset(profile.public_key, '1', 40);
    memset(profile.secret_key, '2', 40);
    fsp_profile_encode(&profile, &buf);
    done();
    begin("watermark");
    fsp_buf_append_u8(&buf, 0);
    fsp_canon_array(&buf, 2);
    fsp_canon_uint(&buf, 700);
    fsp_canon_array(&buf, 2);
    for (uint64_t i = 1; i < 3; i++) {
        fsp_canon_array(&buf, 3);
        fsp_canon_uint(&buf, i);
        fsp_canon_uint(&buf, 1);
        fsp_canon_uint(&buf, 900);
    }
    done();
    fsp_buf_append_u8(&buf, 6);
    fsp_buf_append_u16(&buf, 48);
    for (uint64_t place = 0; place < 2; place++) {
        fsp_buf_append_u32(&buf, 1);
        fsp_buf_append_u64(&buf, 2 + place);
        fsp_buf_append_u64(&buf, 77);
        fsp_buf_append_u32(&buf, 1);
        fsp_buf_append_u32(&buf, 0);
        fsp_buf_append_u32(&buf, 1);
        fsp_buf_append_u64(&buf, 1);
        fsp_buf_append_u64(&buf, 55);
    }
    done();
}

/* Machines are driven by decisions: any bytes are some. */
static void
seed_machines(void)
{
    static const char *const names[] = {"apply", "transfer", "session", "audit", "identity"};
    fsp_prng_t prng;
    fsp_prng_init(&prng, 4);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        begin(names[i]);
        for (int k = 0; k < 8; k++) {
            fsp_prng_fill(&prng, fsp_buf_extend(&buf, 400), 400);
            done();
        }
    }
}

/* Stories of fuzz_session.c: an event each. */
static void
story_request(uint8_t client, uint8_t type, uint8_t id, uint8_t flags, uint8_t more)
{
    fsp_buf_append(&buf, (const uint8_t[]){(uint8_t)(16 * client), type, id, flags, more}, 5);
}
static void
story_length(uint32_t bytes)
{
    fsp_buf_append_u8(&buf, 19);
    fsp_buf_append_u32(&buf, bytes);
}
static void
story_data(uint8_t client, uint8_t id, uint8_t content, uint32_t bytes)
{
    fsp_buf_append(&buf, (const uint8_t[]){(uint8_t)(16 * client + 5), id, content}, 3);
    story_length(bytes);
}
static void
story_answers(int count, uint8_t how)
{
    for (int i = 0; i < count; i++)
        fsp_buf_append(&buf, (const uint8_t[]){how, 0}, 2);
}

static void
seed_stories(void)
{
    enum {
        PUT = 0,
        GET = 2,
        CREDIT = 4,
        COMMIT = 6,
        STAT = 8,
        LIST = 9,
        ABORT = 15,
        HELLO = 16,
        RESUME = 22,
        OFFER = 34,
        ATTR = 36,
        KEY_REMOVE = 41
    };
    begin("session");
    number = 8;
    /* Contents of one small record, one chunk, a tree; up, a look, down in parts, a range. */
    static const uint32_t sizes[] = {100, 9000, 200000, 262144};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (uint8_t share = 0; share < 2; share++) {
            story_request(0, PUT, 1, 0, 6);
            story_data(0, 1, share, sizes[i]);
            story_data(0, 1, 2, sizes[i]);
            story_answers(3, 8);
            story_request(0, COMMIT, 1, 0, 0);
            story_answers(24, 9);
            story_request(1, STAT, 2, 0, 6);
            story_request(1, LIST, 3, 0, 5);
            story_answers(2, 10);
            story_request(1, GET, 4, 0, 6);
            story_length(1000);
            story_answers(8, 8);
            story_request(1, CREDIT, 4, 0, 6);
            story_length(400000);
            story_answers(12, 8);
            story_request(1, CREDIT, 4, 0, 6);
            story_length(400000);
            story_request(0, GET, 5, 8, 6);
            fsp_buf_append(&buf, "\x10\x00\x40\x00", 4);
            story_length(60000);
            story_answers(9, share ? 8 : 13);
            done();
        }
    }
    /* A chunk that is offered again, known and new; kept, taken up, and given up. */
    for (uint8_t kept = 0; kept < 2; kept++) {
        story_request(0, PUT, 1, 0, 6);
        story_data(0, 1, 0, 6000);
        story_answers(3, 8);
        story_request(0, COMMIT, 1, 0, 0);
        story_answers(24, 9);
        story_request(0, PUT, 2, kept ? 51 : 35, 6);
        fsp_buf_append_u16(&buf, 6000);
        story_answers(24, 8);
        story_request(0, OFFER, 2, 0, 9);
        story_answers(8, 8);
        story_request(0, COMMIT, 2, 19, 9);
        fsp_buf_append_u16(&buf, 6000);
        story_answers(24, 8);
        story_request(0, PUT, 3, 48, 6);
        story_answers(24, 8);
        story_request(0, OFFER, 3, 4, 0);
        story_answers(9, 8);
        story_data(0, 3, 0, 5000);
        story_answers(9, 8);
        story_request(0, PUT, 4, 48, 6);
        story_answers(24, 8);
        story_request(0, ABORT, 4, 0, 0);
        done();
    }
    /* What came with version 3, one after the other; the last takes away a key that is used. */
    for (uint8_t type = ATTR; type <= KEY_REMOVE; type++) {
        story_request(0, type, type % 32, 1, 3);
        story_answers(8, 8);
        story_request(1, STAT, 2, 0, 6);
    }
    done();
    /* A whole PUT; a broken connection taken up again; uploads that wait for memory; giving up. */
    story_request(0, PUT, 1, 128, 7);
    story_length(5000);
    story_answers(3, 8);
    story_request(0, GET, 2, 0, 7);
    story_length(9000);
    story_answers(4, 8);
    done();
    story_request(0, PUT, 1, 0, 6);
    story_data(0, 1, 0, 70000);
    story_request(1, HELLO, 9, 1, 0);
    story_request(1, RESUME, 1, 0, 0);
    story_data(1, 1, 0, 70000);
    story_request(1, COMMIT, 1, 0, 0);
    story_answers(9, 8);
    story_request(1, RESUME, 1, 0, 0);
    done();
    for (uint8_t client = 0; client < 2; client++)
        for (uint8_t id = 0; id < 12; id++)
            story_request(client, PUT, id, 0, id);
    for (uint8_t id = 0; id < 12; id++)
        story_request(0, ABORT, id, 0, 0);
    fsp_buf_append(&buf, "\x0e\x90\x0e\xff", 4);
    done();
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz-seeds DIRECTORY\n");
        return 2;
    }
    top = argv[1];
    fsp_buf_init(&buf, 4 * 1024 * 1024);
    seed_messages();
    seed_commands();
    seed_answers();
    seed_keyring();
    seed_rows();
    seed_replicas();
    seed_objects();
    seed_texts();
    seed_machines();
    seed_stories();
    fsp_buf_clear(&buf);
    return 0;
}
