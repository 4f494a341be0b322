/* SPDX-License-Identifier: MIT */
/* test_vectors_machine - golden vectors of commands, results, queries, records and rows.  Layer
 * tests.
 *
 * docs/protocol/records.md, commands.md, store.md.
 */
#include "core/base/canon.h"
#include "core/data/details.h"
#include "core/meta/answer.h"
#include "core/meta/changes.h"
#include "core/meta/rows.h"
#include "core/meta/versions.h"
#include "tests/unit/proto/vectors.h"

/* Large structs live here, not on a stack of their own. */
static fsp_command_t command;
static fsp_result_t result;
static fsp_query_t query;
static fsp_answer_t answer;
static fsp_version_info_t version;
static fsp_change_info_t change;
static fsp_node_info_t node_info;
static fsp_space_info_t space_info;
static fsp_node_row_t node_row;
static fsp_space_row_t space_row;

static json_t *
ids(const void *data, size_t count, size_t bytes)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array,
                              vectors_hex(fsp_slice((const uint8_t *)data + i * bytes, bytes)));
    return array;
}
#define say_ids(object, key, array, count)                                                         \
    say((object), (key), ids((array), (count), sizeof((array)[0])))

/* -- canon ------------------------------------------------------------------------------------- */

/* One value of any type, as {type, value}; arrays hold such objects. */
static json_t *
read_value(fsp_canon_t *reader, fsp_buf_t *again, unsigned depth)
{
    json_t *value = json_object();
    fsp_slice_t bytes;
    size_t count;
    uint64_t number;
    switch (depth > FSP_MSGPACK_DEPTH_MAX ? FSP_CANON_INVALID : fsp_canon_peek(reader)) {
    case FSP_CANON_NIL:
        (void)fsp_canon_read_nil(reader);
        fsp_canon_nil(again);
        say(value, "nil", json_null());
        break;
    case FSP_CANON_BOOL: {
        bool truth = fsp_canon_read_bool(reader);
        fsp_canon_bool(again, truth);
        say_bool(value, "bool", truth);
        break;
    }
    case FSP_CANON_UINT:
        number = fsp_canon_read_uint(reader, UINT64_MAX);
        fsp_canon_uint(again, number);
        say_u64(value, "uint", number);
        break;
    case FSP_CANON_BIN:
        bytes = fsp_canon_read_bin(reader, VECTORS_BYTES_MAX);
        fsp_canon_bin(again, bytes);
        say_hex(value, "bin", bytes);
        break;
    case FSP_CANON_TEXT:
        bytes = fsp_canon_read_text(reader, VECTORS_BYTES_MAX);
        fsp_canon_text(again, bytes);
        say_text(value, "text", bytes);
        break;
    case FSP_CANON_ARRAY: {
        count = fsp_canon_read_array(reader, 0, VECTORS_BYTES_MAX);
        fsp_canon_array(again, count);
        json_t *array = json_array();
        for (size_t i = 0; i < count && reader->status == FSP_OK; i++)
            json_array_append_new(array, read_value(reader, again, depth + 1));
        say(value, "array", array);
        break;
    }
    case FSP_CANON_END:
    case FSP_CANON_INVALID:
        fsp_canon_fail(reader, FSP_INVALID);
        break;
    }
    return value;
}

static fsp_status_t
read_canon(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    /* What read_any refuses is refused, whatever this reader thinks. */
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_any(&reader);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    reader = fsp_canon_reader(bytes);
    json_t *value = read_value(&reader, again, 1);
    (void)json_object_update(meaning, value);
    json_decref(value);
    return fsp_canon_finish(&reader);
}

static void
make_canon(json_t *entries)
{
    static const struct {
        const char *name, *hex;
    } values[] = {
        {"nil", "c0"},
        {"false", "c2"},
        {"true", "c3"},
        {"0", "00"},
        {"127", "7f"},
        {"128", "cc80"},
        {"255", "ccff"},
        {"256", "cd0100"},
        {"65535", "cdffff"},
        {"65536", "ce00010000"},
        {"2^32 - 1", "ceffffffff"},
        {"2^32", "cf0000000100000000"},
        {"2^53 - 1", "cf001fffffffffffff"},
        {"2^64 - 1", "cfffffffffffffffff"},
        {"empty bin", "c400"},
        {"bin of 3", "c403010203"},
        {"empty text", "a0"},
        {"text of 31", "bf61616161616161616161616161616161616161616161616161616161616161"},
        {"text of 32", "d9206161616161616161616161616161616161616161616161616161616161616161"},
        {"text with umlaut and NUL", "a4c3a90041"},
        {"empty array", "90"},
        {"array in array", "9291c001"},
        {"array of 16", "dc001000000000000000000000000000000000"},
        {"8 arrays deep", "9191919191919190"},
        {"refused: 0 in two bytes", "cc00"},
        {"refused: 127 in two bytes", "cc7f"},
        {"refused: 255 in three bytes", "cd00ff"},
        {"refused: 65535 in five bytes", "ce0000ffff"},
        {"refused: 2^32 - 1 in nine bytes", "cf00000000ffffffff"},
        {"refused: -1", "ff"},
        {"refused: int8", "d0ff"},
        {"refused: int64", "d3ffffffffffffffff"},
        {"refused: float", "ca3f800000"},
        {"refused: double", "cb3ff0000000000000"},
        {"refused: map", "80"},
        {"refused: map16", "de0000"},
        {"refused: fixext", "d40100"},
        {"refused: unused first byte", "c1"},
        {"refused: bin16 that fits bin8", "c5000101"},
        {"refused: bin32 that fits bin16", "c600000100"},
        {"refused: str8 that fits fixstr", "d90161"},
        {"refused: str16 that fits str8", "da000161"},
        {"refused: array16 that fits fixarray", "dc0000"},
        {"refused: overlong UTF-8", "a2c080"},
        {"refused: surrogate", "a3eda080"},
        {"refused: beyond U+10FFFF", "a4f4908080"},
        {"refused: cut number", "cd01"},
        {"refused: cut bin", "c40301"},
        {"refused: cut array", "92c0"},
        {"refused: array of 2^32 - 1", "ddffffffff"},
        {"refused: something behind", "c0c0"},
        {"refused: nothing", ""},
        {"refused: 9 arrays deep", "919191919191919190"},
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        vectors_add_hex(entries, values[i].name, "canon", values[i].hex);
}

/* -- commands ---------------------------------------------------------------------------------- */

static void
say_target(json_t *object, const char *key, const fsp_target_t *target)
{
    json_t *value = json_object();
    if (target->path.bytes)
        say_text(value, "path", target->path);
    else
        say_id(value, "file", target->id);
    say(object, key, value);
}

static void
say_condition(json_t *object, const fsp_condition_t *condition)
{
    json_t *value = json_object();
    say_u64(value, "type", condition->type);
    say_ids(value, "versions", condition->versions, condition->version_count);
    say(object, "condition", value);
}

static json_t *
wrapped_keys(const fsp_wrapped_key_t *keys, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *key = json_object();
        say_u64(key, "generation", keys[i].generation);
        say_hex(key, "wrapped", keys[i].wrapped);
        json_array_append_new(array, key);
    }
    return array;
}

static json_t *
command_body(void)
{
    json_t *body = json_object();
    switch (command.type) {
    case FSP_COMMAND_SPACE_INIT:
        say_text(body, "name", command.space_init.name);
        say_id(body, "owner", command.space_init.owner);
        say_id(body, "root", command.space_init.root_id);
        say_id(body, "trash", command.space_init.trash_id);
        say_u64(body, "quota", command.space_init.quota_bytes);
        say_u64(body, "chunk_min", command.space_init.chunk_bytes_min);
        say_u64(body, "chunk_avg", command.space_init.chunk_bytes_avg);
        say_u64(body, "chunk_max", command.space_init.chunk_bytes_max);
        say(body, "keys", wrapped_keys(command.space_init.keys, command.space_init.key_count));
        say_hex(body, "cut_key", command.space_init.wrapped_cut_key);
        break;
    case FSP_COMMAND_PUT:
        say_target(body, "target", &command.put.target);
        say_u64(body, "node_kind", command.put.kind);
        say_condition(body, &command.put.condition);
        say_bool(body, "create_parents", command.put.create_parents);
        say_id(body, "ids_seed", command.put.ids_seed);
        say_u64(body, "size", command.put.size);
        say_hex(body, "carrier", command.put.carrier);
        say_hex(body, "attr", command.put.attr);
        break;
    case FSP_COMMAND_DELETE:
        say_target(body, "target", &command.remove.target);
        say_bool(body, "recursive", command.remove.recursive);
        say_condition(body, &command.remove.condition);
        break;
    case FSP_COMMAND_MKDIR:
        say_target(body, "target", &command.mkdir.target);
        say_bool(body, "create_parents", command.mkdir.create_parents);
        say_bool(body, "exist_ok", command.mkdir.exist_ok);
        say_id(body, "ids_seed", command.mkdir.ids_seed);
        say_hex(body, "attr", command.mkdir.attr);
        break;
    case FSP_COMMAND_MOVE:
        say_target(body, "from", &command.move.from);
        say_target(body, "to", &command.move.to);
        say_bool(body, "create_parents", command.move.create_parents);
        say_bool(body, "replace", command.move.replace);
        say_id(body, "ids_seed", command.move.ids_seed);
        say_condition(body, &command.move.condition);
        break;
    case FSP_COMMAND_RESTORE:
        say_target(body, "target", &command.restore.target);
        say_id(body, "version", command.restore.version_id);
        say_condition(body, &command.restore.condition);
        break;
    case FSP_COMMAND_COPY:
        say_target(body, "from", &command.copy.from);
        say_id(body, "version", command.copy.version_id);
        say_target(body, "to", &command.copy.to);
        say_bool(body, "create_parents", command.copy.create_parents);
        say_condition(body, &command.copy.condition);
        say_id(body, "ids_seed", command.copy.ids_seed);
        break;
    }
    return body;
}

static fsp_status_t
read_command(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_command_decode(bytes, &command);
    if (status)
        return status;
    say_u64(meaning, "type", command.type);
    say_u64(meaning, "version", command.version);
    say_id(meaning, "space", command.space_id);
    say_id(meaning, "subject", command.subject);
    say_u64(meaning, "system_index", command.system_index);
    say_id(meaning, "op", command.op_id);
    say_u64(meaning, "attempt", command.attempt);
    say_u64(meaning, "since", command.since);
    say_id(meaning, "request_digest", command.request_digest);
    say_u64(meaning, "epoch", command.epoch);
    say_u64(meaning, "layout", command.layout_version);
    say(meaning, "body", command_body());
    fsp_command_encode(&command, again);
    return FSP_OK;
}

static void
begin_command(fsp_command_type_t type)
{
    memset(&command, 0, sizeof(command));
    command.type = type;
    command.version = 1;
    FILL(command.space_id, 0x11);
    FILL(command.subject, 0x22);
    command.system_index = 7;
    FILL(command.op_id, 0x33);
    command.attempt = 1;
    command.since = 300;
    FILL(command.request_digest, 0x44);
    command.epoch = 2;
    command.layout_version = 1;
}

static void
add_command(json_t *entries, const char *name)
{
    static fsp_command_t kept; /* reading it back overwrites it */
    kept = command;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &bytes);
    vectors_add(entries, name, "command", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    command = kept;
}

static uint8_t carrier_bytes[FSP_CARRIER_BYTES_MAX];

/* A carrier in static memory. */
static fsp_slice_t
example_carrier(fsp_root_kind_t kind)
{
    static const uint8_t sealed[] = {0x5e, 0xa1, 0xed}, inlined[] = {0x11, 0x1e};
    fsp_carrier_t carrier = {.root_kind = kind};
    FILL(carrier.root_key, 0x77);
    carrier.sealed_part = fsp_slice(sealed, sizeof(sealed));
    if (kind == FSP_ROOT_INLINE)
        carrier.inline_object = fsp_slice(inlined, sizeof(inlined));
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(&carrier, &buf);
    memcpy(carrier_bytes, buf.data, buf.bytes);
    fsp_slice_t slice = fsp_slice(carrier_bytes, buf.bytes);
    fsp_buf_clear(&buf);
    return slice;
}

static void
begin_put(fsp_condition_type_t condition, size_t base_count)
{
    static const uint8_t attr[] = {0xa7, 0x72};
    begin_command(FSP_COMMAND_PUT);
    command.put.target.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    command.put.kind = FSP_KIND_FILE;
    command.put.condition.type = condition;
    command.put.condition.version_count = base_count;
    for (size_t i = 0; i < base_count; i++)
        FILL(command.put.condition.versions[i], (int)(0xb0 + i));
    FILL(command.put.ids_seed, 0x55);
    command.put.size = 5000000;
    command.put.carrier = example_carrier(FSP_ROOT_TREE);
    command.put.attr = fsp_slice(attr, sizeof(attr));
}

static void
make_puts(json_t *entries)
{
    begin_put(FSP_IF_REPLACE, 0);
    add_command(entries, "put, replace");
    command.put.create_parents = true;
    command.put.attr.bytes = 0;
    command.put.size = 3;
    command.put.carrier = example_carrier(FSP_ROOT_INLINE);
    add_command(entries, "put, inline, parents, attributes kept");
    command.put.carrier = example_carrier(FSP_ROOT_CHUNK);
    command.put.kind = FSP_KIND_SYMLINK;
    add_command(entries, "put, symbolic link of one chunk");
    begin_put(FSP_IF_EDIT, 1);
    command.put.target.path.bytes = 0;
    FILL(command.put.target.id, 0x66);
    add_command(entries, "put, edit, by file");
    begin_put(FSP_IF_MATCH, 1);
    command.attempt = UINT32_MAX;
    command.since = UINT64_MAX;
    add_command(entries, "put, match, greatest attempt and since");
    begin_put(FSP_IF_NONE_MATCH, 0);
    command.put.size = INT64_MAX;
    add_command(entries, "put, none-match, greatest size");
    begin_put(FSP_IF_MERGE, 1);
    add_command(entries, "put, merge of one");
    begin_put(FSP_IF_MERGE, FSP_PARENTS_MAX);
    add_command(entries, "put, merge of 64");

    begin_put(FSP_IF_EDIT, 0);
    add_command(entries, "refused: edit without a base");
    begin_put(FSP_IF_MERGE, 2);
    command.put.condition.versions[1] = command.put.condition.versions[0];
    add_command(entries, "refused: merge of the same base twice");
    begin_put(FSP_IF_REPLACE, 0);
    command.put.target.path = fsp_slice_text("/a/../b");
    add_command(entries, "refused: path with ..");
    begin_put(FSP_IF_REPLACE, 0);
    command.put.kind = FSP_KIND_DIRECTORY;
    add_command(entries, "refused: put of a directory");
    begin_put(FSP_IF_REPLACE, 0);
    command.put.carrier = example_carrier(FSP_ROOT_INLINE);
    add_command(entries, "refused: inline of more than 4096 bytes");
    begin_put(FSP_IF_REPLACE, 0);
    command.version = 2;
    add_command(entries, "refused: version 2 of a command");
    begin_put(FSP_IF_REPLACE, 0);
    command.attempt = 0;
    add_command(entries, "refused: attempt 0");
    begin_put(FSP_IF_REPLACE, 0);
    memset(&command.op_id, 0, sizeof(command.op_id));
    add_command(entries, "refused: no operation id");
    vectors_add_hex(entries, "refused: type 8", "command",
                    "9c0801c41011111111111111111111111111111111c41022222222222222222222222222222222"
                    "07c4103333333333333333"
                    "333333333333333301cd012cc42044444444444444444444444444444444444444444444444444"
                    "44444444444444020190");
}

static void
make_names(json_t *entries)
{
    static const uint8_t attr[] = {0xa7, 0x72};
    begin_command(FSP_COMMAND_DELETE);
    command.remove.target.path = fsp_slice_text("/a");
    command.remove.condition.type = FSP_IF_REPLACE;
    add_command(entries, "delete");
    command.remove.recursive = true;
    command.remove.condition.type = FSP_IF_MATCH;
    command.remove.condition.version_count = 1;
    FILL(command.remove.condition.versions[0], 0xb0);
    command.remove.target.path.bytes = 0;
    FILL(command.remove.target.id, 0x66);
    add_command(entries, "delete, recursive, match, by file");
    command.remove.condition.type = FSP_IF_EDIT;
    add_command(entries, "refused: delete, edit");

    begin_command(FSP_COMMAND_MKDIR);
    command.mkdir.target.path = fsp_slice_text("/a/b");
    command.mkdir.create_parents = true;
    command.mkdir.exist_ok = true;
    FILL(command.mkdir.ids_seed, 0x55);
    command.mkdir.attr = fsp_slice(attr, sizeof(attr));
    add_command(entries, "mkdir");

    begin_command(FSP_COMMAND_MOVE);
    command.move.from.path = fsp_slice_text("/a");
    command.move.to.path = fsp_slice_text("/b/c");
    command.move.condition.type = FSP_IF_REPLACE;
    add_command(entries, "move, no seed");
    command.move.create_parents = true;
    add_command(entries, "refused: move, parents without a seed");
    FILL(command.move.ids_seed, 0x55);
    command.move.replace = true;
    command.move.condition.type = FSP_IF_MATCH;
    command.move.condition.version_count = 1;
    FILL(command.move.condition.versions[0], 0xb0);
    command.move.from.path.bytes = 0;
    FILL(command.move.from.id, 0x66);
    add_command(entries, "move, by file, match");

    begin_command(FSP_COMMAND_RESTORE);
    command.restore.target.path = fsp_slice_text("/a");
    FILL(command.restore.version_id, 0xb1);
    command.restore.condition.type = FSP_IF_MATCH;
    command.restore.condition.version_count = 1;
    FILL(command.restore.condition.versions[0], 0xb0);
    add_command(entries, "restore, match");
    command.restore.condition.type = FSP_IF_REPLACE;
    command.restore.condition.version_count = 0;
    add_command(entries, "restore, replace");

    begin_command(FSP_COMMAND_COPY);
    command.copy.from.path = fsp_slice_text("/a");
    command.copy.to.path = fsp_slice_text("/b");
    command.copy.condition.type = FSP_IF_NONE_MATCH;
    FILL(command.copy.ids_seed, 0x55);
    add_command(entries, "copy of the preferred head, none-match");
    FILL(command.copy.version_id, 0xb1);
    command.copy.condition.type = FSP_IF_REPLACE;
    command.copy.create_parents = true;
    add_command(entries, "copy of a version, replace");
}

static void
make_commands(json_t *entries)
{
    static const uint8_t wrapped[80] = {0x01, 0x02}, cut[80] = {0x03};
    begin_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.name = fsp_slice_text("home");
    FILL(command.space_init.owner, 0x22);
    FILL(command.space_init.root_id, 0x88);
    FILL(command.space_init.trash_id, 0x99);
    command.space_init.chunk_bytes_min = FSP_CHUNK_BYTES_MIN;
    command.space_init.chunk_bytes_avg = FSP_CHUNK_BYTES_AVG;
    command.space_init.chunk_bytes_max = FSP_CHUNK_BYTES_MAX;
    command.space_init.keys[0] = (fsp_wrapped_key_t){1, fsp_slice(wrapped, sizeof(wrapped))};
    command.space_init.keys[1] = (fsp_wrapped_key_t){5, fsp_slice(wrapped, sizeof(wrapped))};
    command.space_init.key_count = 2;
    command.space_init.wrapped_cut_key = fsp_slice(cut, sizeof(cut));
    add_command(entries, "space-init");
    command.space_init.keys[1].generation = 1;
    add_command(entries, "refused: space-init, generations that do not rise");
    command.space_init.key_count = 1;
    command.space_init.name = fsp_slice_text("Home");
    add_command(entries, "refused: space-init, capital letter");
    make_puts(entries);
    make_names(entries);
}

/* -- results, queries, answers ----------------------------------------------------------------- */

static fsp_status_t
read_result(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_result_decode(bytes, &result);
    if (status)
        return status;
    say_u64(meaning, "status", result.status);
    say_u64(meaning, "change", result.index);
    say_u64(meaning, "node_kind", result.kind);
    say_optional_id(meaning, "file", result.file_id);
    say_optional_id(meaning, "version", result.version_id);
    say_u64(meaning, "number", result.number);
    say_u64(meaning, "size", result.size);
    say_u64(meaning, "time", result.time);
    say_ids(meaning, "heads", result.heads, result.head_count);
    say_bool(meaning, "repeated", result.repeated);
    fsp_result_encode(&result, again);
    return FSP_OK;
}

static void
add_result(json_t *entries, const char *name)
{
    static fsp_result_t kept; /* reading it back overwrites it */
    kept = result;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_RESULT_BYTES_MAX);
    fsp_result_encode(&result, &bytes);
    vectors_add(entries, name, "result", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    result = kept;
}

static void
make_results(json_t *entries)
{
    result = (fsp_result_t){.status = FSP_OK,
                            .index = 301,
                            .kind = FSP_KIND_FILE,
                            .number = 2,
                            .size = 5000000,
                            .time = UINT64_C(1764083916000000),
                            .head_count = 1};
    FILL(result.file_id, 0x66);
    FILL(result.version_id, 0xb0);
    FILL(result.heads[0], 0xb0);
    add_result(entries, "result of a put");
    result.repeated = true;
    add_result(entries, "the same from the operation table");
    result = (fsp_result_t){.status = FSP_OK, .index = 302, .kind = FSP_KIND_DIRECTORY, .time = 1};
    FILL(result.file_id, 0x88);
    add_result(entries, "result of a mkdir");
    result = (fsp_result_t){
        .status = FSP_MISMATCH, .index = UINT64_MAX, .kind = FSP_KIND_FILE, .head_count = 2};
    FILL(result.file_id, 0x66);
    FILL(result.heads[0], 0xb1);
    FILL(result.heads[1], 0xb0);
    add_result(entries, "mismatch with two heads");
    result = (fsp_result_t){.status = FSP_NO_SUCH_SPACE};
    add_result(entries, "no such space");
    result = (fsp_result_t){.status = (fsp_status_t)99};
    add_result(entries, "refused: a status that is not listed");
    vectors_add_hex(entries, "refused: a zero file id that is not nil", "result",
                    "9a000001c41000000000000000000000000000000000c000000090c2");
}

static fsp_status_t
read_query(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_query_decode(bytes, &query);
    if (status)
        return status;
    say_u64(meaning, "type", query.type);
    say_optional_id(meaning, "space", query.space_id);
    say_id(meaning, "subject", query.subject);
    say_u64(meaning, "system_index", query.system_index);
    if (query.target.path.bytes) {
        say_target(meaning, "target", &query.target);
    } else {
        json_t *target = json_object();
        say_optional_id(target, "file", query.target.id);
        say(meaning, "target", target);
    }
    say_hex(meaning, "version", query.version);
    say_hex(meaning, "prefix", query.prefix);
    say_hex(meaning, "after", query.after);
    say_u64(meaning, "after_index", query.after_index);
    say_u64(meaning, "limit", query.limit);
    fsp_query_encode(&query, again);
    return FSP_OK;
}

static void
begin_query(fsp_query_type_t type)
{
    memset(&query, 0, sizeof(query));
    query.type = type;
    FILL(query.space_id, 0x11);
    FILL(query.subject, 0x22);
}

static void
add_query(json_t *entries, const char *name)
{
    static fsp_query_t kept; /* reading it back overwrites it */
    kept = query;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_query_encode(&query, &bytes);
    vectors_add(entries, name, "query", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    query = kept;
}

static void
make_queries(json_t *entries)
{
    begin_query(FSP_QUERY_RESOLVE);
    query.target.path = fsp_slice_text("/a");
    query.version = fsp_slice_text("b0b0b0b0");
    add_query(entries, "resolve, by path, a version by prefix");
    begin_query(FSP_QUERY_RESOLVE);
    FILL(query.target.id, 0x66);
    query.system_index = 9;
    add_query(entries, "resolve, by file");
    begin_query(FSP_QUERY_LIST);
    query.target.path = fsp_slice_text("/");
    query.prefix = fsp_slice_text("a");
    query.after = fsp_slice_text("ab");
    query.limit = FSP_LIST_LIMIT_MAX;
    add_query(entries, "list");
    begin_query(FSP_QUERY_VERSIONS);
    query.target.path = fsp_slice_text("/a");
    query.after_index = 12;
    query.limit = 10;
    add_query(entries, "versions");
    begin_query(FSP_QUERY_CHANGES);
    query.after_index = 300;
    query.limit = 2;
    add_query(entries, "changes");
    begin_query(FSP_QUERY_SPACES);
    memset(&query.space_id, 0, sizeof(query.space_id));
    query.limit = 100;
    add_query(entries, "spaces");
    query.type = (fsp_query_type_t)6;
    add_query(entries, "refused: query of type 6");
}

/* The fields of a version in an answer. */
static json_t *
version_item(void)
{
    json_t *item = json_object(), *record = json_object();
    say_id(item, "id", version.id);
    say_id(record, "file", version.file_id);
    say_u64(record, "number", version.number);
    say_u64(record, "how", version.kind);
    say_ids(record, "parents", version.parents, version.parent_count);
    say_u64(record, "size", version.size);
    say_id(record, "author", version.author);
    say_u64(record, "time", version.time);
    say_id(record, "op", version.op_id);
    say_id(record, "carrier_hash", version.carrier_hash);
    say(item, "record", record);
    say_bool(item, "retained", version.retained);
    say_bool(item, "head", version.is_head);
    say_hex(item, "carrier", version.carrier);
    return item;
}

static json_t *
change_meaning(void)
{
    json_t *row = json_object();
    say_u64(row, "change", change.index);
    say_u64(row, "what", change.operation);
    say_u64(row, "time", change.time);
    say_id(row, "author", change.author);
    say_id(row, "op", change.op_id);
    say_u64(row, "node_kind", change.kind);
    say_id(row, "file", change.file_id);
    say_text(row, "path", change.path);
    say_text(row, "from_path", change.from_path);
    say_optional_id(row, "version", change.version_id);
    say_optional_id(row, "displaced", change.displaced_id);
    say_ids(row, "made", change.made_ids, change.made_count);
    say_id(row, "previous", change.previous);
    say_id(row, "hash", change.hash);
    return row;
}

static void
record_bytes(fsp_buf_t *buf)
{
    fsp_buf_init(buf, FSP_VALUE_BYTES_MAX);
    fsp_version_record_encode(&version, buf);
}

static fsp_status_t
read_node_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_node(&answer, &node_info);
    if (status)
        return status;
    say_u64(item, "node_kind", node_info.kind);
    say_id(item, "file", node_info.file_id);
    say_optional_id(item, "parent", node_info.parent_id);
    say_text(item, "name", node_info.name);
    say_text(item, "path", node_info.path);
    say_hex(item, "attr", node_info.attr);
    say_u64(item, "time", node_info.time);
    say_ids(item, "heads", node_info.heads, node_info.head_count);
    fsp_buf_t record;
    fsp_buf_init(&record, FSP_VALUE_BYTES_MAX);
    if (fsp_version_id_is_zero(node_info.version.id)) {
        say(item, "version", json_null());
    } else {
        version = node_info.version;
        say(item, "version", version_item());
        fsp_version_record_encode(&version, &record);
    }
    (void)fsp_answering_add_node(answering, &node_info, fsp_buf_slice(&record));
    fsp_buf_clear(&record);
    return FSP_OK;
}

static fsp_status_t
read_entry_item(json_t *item, fsp_answering_t *answering)
{
    fsp_entry_info_t entry;
    fsp_status_t status = fsp_answer_entry(&answer, &entry);
    if (status)
        return status;
    say_text(item, "name", entry.name);
    say_u64(item, "node_kind", entry.kind);
    say_id(item, "file", entry.file_id);
    say_u64(item, "size", entry.size);
    say_u64(item, "modified", entry.modified);
    say_optional_id(item, "version", entry.version_id);
    say_u64(item, "number", entry.number);
    say_u64(item, "heads", entry.head_count);
    (void)fsp_answering_add_entry(answering, &entry);
    return FSP_OK;
}

static fsp_status_t
read_version_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_version(&answer, &version);
    if (status)
        return status;
    json_t *value = version_item();
    (void)json_object_update(item, value);
    json_decref(value);
    fsp_buf_t record;
    record_bytes(&record);
    (void)fsp_answering_add_version(answering, &version, fsp_buf_slice(&record));
    fsp_buf_clear(&record);
    return FSP_OK;
}

static fsp_status_t
read_change_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_change(&answer, &change);
    if (status)
        return status;
    json_t *value = change_meaning();
    (void)json_object_update(item, value);
    json_decref(value);
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_VALUE_BYTES_MAX);
    fsp_change_row_encode(&change, &row);
    (void)fsp_answering_add_change(answering, fsp_buf_slice(&row));
    fsp_buf_clear(&row);
    return FSP_OK;
}

static fsp_status_t
read_space_item(json_t *item, fsp_answering_t *answering)
{
    fsp_status_t status = fsp_answer_space(&answer, &space_info);
    if (status)
        return status;
    say_id(item, "space", space_info.space_id);
    say_text(item, "name", space_info.name);
    say_id(item, "owner", space_info.owner);
    say_u64(item, "epoch", space_info.epoch);
    say_u64(item, "change", space_info.change_index);
    say_u64(item, "quota", space_info.quota_bytes);
    say_u64(item, "used", space_info.used_bytes);
    say_id(item, "root", space_info.root_id);
    say_id(item, "trash", space_info.trash_id);
    say_u64(item, "chunk_min", space_info.chunk_bytes_min);
    say_u64(item, "chunk_avg", space_info.chunk_bytes_avg);
    say_u64(item, "chunk_max", space_info.chunk_bytes_max);
    say(item, "keys", wrapped_keys(space_info.keys, space_info.key_count));
    say_hex(item, "cut_key", space_info.wrapped_cut_key);
    (void)fsp_answering_add_space(answering, &space_info);
    return FSP_OK;
}

typedef fsp_status_t(read_item_t)(json_t *item, fsp_answering_t *answering);

static fsp_status_t
read_answer(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again, read_item_t *read_item)
{
    fsp_status_t status = fsp_answer_open(bytes, &answer);
    if (status)
        return status;
    say_u64(meaning, "status", answer.status);
    say_u64(meaning, "change", answer.index);
    say_bool(meaning, "more", answer.more);
    json_t *items = json_array();
    say(meaning, "items", items);
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    for (size_t i = 0; i < answer.count && status == FSP_OK; i++) {
        json_t *item = json_object();
        status = read_item(item, &answering);
        json_array_append_new(items, item);
    }
    answering.more = answer.more;
    if (status == FSP_OK)
        fsp_answering_finish(&answering, answer.status, answer.index, again);
    fsp_answering_clear(&answering);
    return status;
}

#define READ_ANSWER(what)                                                                          \
    static fsp_status_t read_answer_##what(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)   \
    {                                                                                              \
        return read_answer(bytes, meaning, again, read_##what##_item);                             \
    }
READ_ANSWER(node)
READ_ANSWER(entry)
READ_ANSWER(version)
READ_ANSWER(change)
READ_ANSWER(space)

static void
begin_version(void)
{
    memset(&version, 0, sizeof(version));
    FILL(version.file_id, 0x66);
    version.number = 2;
    version.kind = FSP_VERSION_PUT;
    version.parent_count = 1;
    FILL(version.parents[0], 0xaf);
    version.size = 5000000;
    FILL(version.author, 0x22);
    version.time = UINT64_C(1764083916000000);
    FILL(version.op_id, 0x33);
    version.carrier = example_carrier(FSP_ROOT_TREE);
    version.carrier_hash = fsp_sha256(version.carrier);
    version.retained = true;
    version.is_head = true;
}

static void
begin_change(void)
{
    memset(&change, 0, sizeof(change));
    change.index = 301;
    change.operation = FSP_COMMAND_PUT;
    change.time = UINT64_C(1764083916000000);
    FILL(change.author, 0x22);
    FILL(change.op_id, 0x33);
    change.kind = FSP_KIND_FILE;
    FILL(change.file_id, 0x66);
    change.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    FILL(change.version_id, 0xb0);
    FILL(change.previous, 0xc0);
}

static void
finish_answer(json_t *entries, const char *name, const char *kind, fsp_answering_t *answering,
              fsp_status_t status)
{
    static fsp_version_info_t kept; /* reading it back overwrites it */
    kept = version;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_ANSWER_BYTES_MAX);
    fsp_answering_finish(answering, status, status == FSP_FORBIDDEN ? 0 : 301, &bytes);
    fsp_answering_clear(answering);
    vectors_add(entries, name, kind, fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    fsp_answering_init(answering);
    version = kept;
}

static void
make_answers(json_t *entries)
{
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    finish_answer(entries, "answer: forbidden", "answer-node", &answering, FSP_FORBIDDEN);

    fsp_buf_t record;
    begin_version();
    record_bytes(&record);
    static const uint8_t attr[] = {0xa7, 0x72};
    memset(&node_info, 0, sizeof(node_info));
    node_info.kind = FSP_KIND_FILE;
    FILL(node_info.file_id, 0x66);
    FILL(node_info.parent_id, 0x88);
    node_info.name = fsp_slice_text("vu.txt");
    node_info.path = fsp_slice_text("/vu.txt");
    node_info.attr = fsp_slice(attr, sizeof(attr));
    node_info.time = version.time;
    FILL(node_info.heads[0], 0xb0);
    node_info.head_count = 1;
    node_info.version = version;
    (void)fsp_answering_add_node(&answering, &node_info, fsp_buf_slice(&record));
    finish_answer(entries, "answer: resolve of a file", "answer-node", &answering, FSP_OK);
    memset(&node_info, 0, sizeof(node_info));
    node_info.kind = FSP_KIND_DIRECTORY;
    FILL(node_info.file_id, 0x88);
    node_info.path = fsp_slice_text("/");
    node_info.time = 1;
    (void)fsp_answering_add_node(&answering, &node_info, fsp_slice(NULL, 0));
    finish_answer(entries, "answer: resolve of the root", "answer-node", &answering, FSP_OK);

    fsp_entry_info_t entry = {
        .name = fsp_slice_text("b"), .kind = FSP_KIND_DIRECTORY, .modified = 1000000};
    FILL(entry.file_id, 0x88);
    (void)fsp_answering_add_entry(&answering, &entry);
    entry = (fsp_entry_info_t){.name = fsp_slice_text("c"),
                               .kind = FSP_KIND_FILE,
                               .size = 5,
                               .modified = 2000000,
                               .number = 1,
                               .head_count = 1};
    FILL(entry.file_id, 0x99);
    FILL(entry.version_id, 0xaa);
    (void)fsp_answering_add_entry(&answering, &entry);
    answering.more = true;
    finish_answer(entries, "answer: list", "answer-entry", &answering, FSP_OK);

    version.carrier.bytes = 0;
    (void)fsp_answering_add_version(&answering, &version, fsp_buf_slice(&record));
    finish_answer(entries, "answer: versions", "answer-version", &answering, FSP_OK);
    fsp_buf_clear(&record);

    fsp_buf_t row;
    fsp_buf_init(&row, FSP_VALUE_BYTES_MAX);
    begin_change();
    fsp_change_row_encode(&change, &row);
    (void)fsp_answering_add_change(&answering, fsp_buf_slice(&row));
    finish_answer(entries, "answer: changes", "answer-change", &answering, FSP_OK);
    fsp_buf_clear(&row);

    static const uint8_t wrapped[80] = {0x01, 0x02};
    memset(&space_info, 0, sizeof(space_info));
    FILL(space_info.space_id, 0x11);
    space_info.name = fsp_slice_text("home");
    FILL(space_info.owner, 0x22);
    space_info.change_index = 301;
    space_info.used_bytes = 5000000;
    FILL(space_info.root_id, 0x88);
    FILL(space_info.trash_id, 0x99);
    space_info.chunk_bytes_min = FSP_CHUNK_BYTES_MIN;
    space_info.chunk_bytes_avg = FSP_CHUNK_BYTES_AVG;
    space_info.chunk_bytes_max = FSP_CHUNK_BYTES_MAX;
    space_info.keys[0] = (fsp_wrapped_key_t){1, fsp_slice(wrapped, sizeof(wrapped))};
    space_info.key_count = 1;
    space_info.wrapped_cut_key = fsp_slice(wrapped, sizeof(wrapped));
    (void)fsp_answering_add_space(&answering, &space_info);
    finish_answer(entries, "answer: spaces", "answer-space", &answering, FSP_OK);
    fsp_answering_clear(&answering);
}

static void
make_asking(json_t *entries)
{
    make_results(entries);
    make_queries(entries);
    make_answers(entries);
}

/* -- records ----------------------------------------------------------------------------------- */

static fsp_status_t
read_record(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_version_record_decode(bytes, &version);
    if (status)
        return status;
    json_t *item = version_item();
    (void)json_object_update(meaning, json_object_get(item, "record"));
    say_id(meaning, "id", version.id);
    json_decref(item);
    fsp_version_record_encode(&version, again);
    return FSP_OK;
}

static fsp_status_t
read_change(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_change_row_decode(bytes, &change);
    if (status)
        return status;
    json_t *row = change_meaning();
    (void)json_object_update(meaning, row);
    json_decref(row);
    fsp_change_row_encode(&change, again);
    return FSP_OK;
}

static fsp_status_t
read_carrier(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_carrier_t carrier;
    fsp_status_t status = fsp_carrier_decode(bytes, &carrier);
    if (status)
        return status;
    say_u64(meaning, "root_kind", carrier.root_kind);
    say_id(meaning, "root_key", carrier.root_key);
    say(meaning, "inline_object",
        carrier.root_kind == FSP_ROOT_INLINE ? vectors_hex(carrier.inline_object) : json_null());
    say_hex(meaning, "sealed_part", carrier.sealed_part);
    fsp_carrier_encode(&carrier, again);
    return FSP_OK;
}

static fsp_status_t
read_details(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_details_t details;
    fsp_status_t status = fsp_details_decode(bytes, &details);
    if (status)
        return status;
    say_id(meaning, "sha256", details.sha256);
    say_u64(meaning, "chunks", details.chunk_count);
    say_text(meaning, "media_type", details.media_type);
    say_text(meaning, "message", details.message);
    fsp_details_encode(&details, again);
    return FSP_OK;
}

static fsp_status_t
read_attr(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_attr_t attr;
    fsp_status_t status = fsp_attr_decode(bytes, &attr);
    if (status)
        return status;
    say_u64(meaning, "mode", attr.mode);
    /* As it is stored, 2^62 added; the number itself is in mtime_s. */
    say_u64(meaning, "mtime_biased", (uint64_t)(attr.mtime_s + (INT64_C(1) << 62)));
    char digits[24];
    (void)snprintf(digits, sizeof(digits), "%" PRId64, attr.mtime_s);
    say(meaning, "mtime_s", json_string(digits));
    say_u64(meaning, "mtime_ns", attr.mtime_ns);
    fsp_attr_encode(&attr, again);
    return FSP_OK;
}

static void
add_attr(json_t *entries, const char *name, uint32_t mode, int64_t mtime_s, uint32_t mtime_ns)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 64);
    fsp_attr_encode(&(fsp_attr_t){.mode = mode, .mtime_s = mtime_s, .mtime_ns = mtime_ns}, &bytes);
    vectors_add(entries, name, "attr", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
}

static void
add_record(json_t *entries, const char *name)
{
    static fsp_version_info_t kept; /* reading it back overwrites it */
    kept = version;
    fsp_buf_t bytes;
    record_bytes(&bytes);
    vectors_add(entries, name, "version-record", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);
    version = kept;
}

static void
add_change(json_t *entries, const char *name)
{
    static fsp_change_info_t kept; /* reading it back overwrites it */
    kept = change;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_VALUE_BYTES_MAX);
    fsp_change_row_encode(&change, &bytes);
    kept.previous = fsp_sha256(fsp_buf_slice(&bytes));
    vectors_add(entries, name, "change-row", fsp_buf_slice(&bytes));
    change = kept;
    fsp_buf_clear(&bytes);
}

static void
make_change_rows(json_t *entries)
{
    memset(&change, 0, sizeof(change));
    change.index = 1;
    change.operation = FSP_COMMAND_SPACE_INIT;
    change.time = UINT64_C(1764083916000000);
    FILL(change.author, 0x22);
    FILL(change.op_id, 0x33);
    change.kind = FSP_KIND_DIRECTORY;
    FILL(change.file_id, 0x88);
    change.path = fsp_slice_text("/");
    add_change(entries, "change 1: the space is made, nothing before it");
    /* add_change leaves the hash of its row, the next one's previous. */
    change.index = 2;
    change.operation = FSP_COMMAND_PUT;
    change.kind = FSP_KIND_FILE;
    FILL(change.file_id, 0x66);
    change.path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    FILL(change.version_id, 0xb0);
    change.made_count = 1;
    FILL(change.made_ids[0], 0x67);
    change.time++;
    add_change(entries, "change 2: a put that made a directory");
    change.index = 3;
    change.operation = FSP_COMMAND_MOVE;
    change.path = fsp_slice_text("/x");
    change.from_path = fsp_slice_text("/d\xc3\xa9j\xc3\xa0/vu.txt");
    change.made_count = 0;
    memset(&change.version_id, 0, sizeof(change.version_id));
    FILL(change.displaced_id, 0x68);
    change.time++;
    add_change(entries, "change 3: a move that displaced a file");
}

static void
make_records(json_t *entries)
{
    begin_version();
    add_record(entries, "version record of a put");
    version.number = 1;
    version.parent_count = 0;
    version.size = 0;
    add_record(entries, "version record, the first of a file, empty");
    version.number = UINT64_MAX;
    version.kind = FSP_VERSION_MERGE;
    version.parent_count = FSP_PARENTS_MAX;
    for (size_t i = 0; i < FSP_PARENTS_MAX; i++)
        FILL(version.parents[i], (int)(0x40 + i));
    add_record(entries, "version record of a merge of 64");
    version.number = 3;
    version.kind = FSP_VERSION_RESTORE;
    version.parent_count = 2;
    add_record(entries, "version record of a restore");
    version.number = 0;
    add_record(entries, "refused: version record with number 0");
    make_change_rows(entries);

    vectors_add(entries, "carrier of a tree", "carrier", example_carrier(FSP_ROOT_TREE));
    vectors_add(entries, "carrier of one chunk", "carrier", example_carrier(FSP_ROOT_CHUNK));
    vectors_add(entries, "carrier of inline content", "carrier", example_carrier(FSP_ROOT_INLINE));
    vectors_add_hex(
        entries, "refused: carrier of a tree with inline content", "carrier",
        "9403c4207777777777777777777777777777777777777777777777777777777777777777c4021111c40100");

    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_INLINE_BYTES_MAX);
    fsp_details_t details = {.chunk_count = 5,
                             .media_type = fsp_slice_text("text/plain"),
                             .message = fsp_slice_text("d\xc3\xa9j\xc3\xa0 vu")};
    FILL(details.sha256, 0x0d);
    fsp_details_encode(&details, &bytes);
    vectors_add(entries, "details", "details", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    details = (fsp_details_t){.chunk_count = 0};
    details.sha256 = fsp_sha256(fsp_slice(NULL, 0));
    fsp_details_encode(&details, &bytes);
    vectors_add(entries, "details of empty content", "details", fsp_buf_slice(&bytes));
    fsp_buf_clear(&bytes);

    add_attr(entries, "attributes", 0644, 1764083916, 5);
    add_attr(entries, "attributes before 1970", 07777, -1, 999999999);
    add_attr(entries, "attributes, earliest time", 0, -(INT64_C(1) << 62), 0);
    add_attr(entries, "attributes, latest time", 0, (INT64_C(1) << 62) - 1, 0);
    vectors_add_hex(entries, "refused: mode above 07777", "attr", "93cd1000cf400000000000000000");
}

/* -- rows -------------------------------------------------------------------------------------- */

static json_t *
compute_row_key(const json_t *given)
{
    fsp_shard_ref_t shard = {.shard = (uint32_t)take_u64(given, "shard"),
                             .generation = (uint32_t)take_u64(given, "generation")};
    fsp_space_id_t space_id;
    take_hex(given, "space", &space_id, sizeof(space_id));
    fsp_row_key_t key = fsp_row_key(shard, (fsp_table_t)take_u64(given, "table"), space_id);
    if (json_object_get(given, "number_first"))
        fsp_row_key_add_u64(&key, take_u64(given, "number_first"));
    if (json_object_get(given, "ids")) {
        fsp_buf_t bytes;
        fsp_buf_init(&bytes, 256);
        vectors_unhex(take_text(given, "ids"), &bytes);
        fsp_row_key_add(&key, fsp_buf_slice(&bytes));
        fsp_buf_clear(&bytes);
    }
    if (json_object_get(given, "name"))
        fsp_row_key_add(&key, fsp_slice_text(take_text(given, "name")));
    if (json_object_get(given, "number_last"))
        fsp_row_key_add_u64(&key, take_u64(given, "number_last"));
    json_t *object = json_object();
    say_hex(object, "hex", fsp_row_key_slice(&key));
    return object;
}

static fsp_status_t
read_shard_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_shard_row_t row;
    fsp_status_t status = fsp_shard_row_decode(bytes, &row);
    say_u64(meaning, "applied_index", row.applied_index);
    say_u64(meaning, "applied_term", row.applied_term);
    say_u64(meaning, "log_time", row.log_time);
    say_u64(meaning, "feature_level", row.feature_level);
    say_u64(meaning, "subject_floor", row.subject_floor);
    fsp_shard_row_encode(&row, again);
    return status;
}

static fsp_status_t
read_space_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_space_row_decode(bytes, &space_row);
    if (status)
        return status;
    say_text(meaning, "name", space_row.name);
    say_id(meaning, "owner", space_row.owner);
    say_u64(meaning, "epoch", space_row.epoch);
    say_u64(meaning, "gc_layout", space_row.gc_layout_version);
    say_u64(meaning, "quota", space_row.quota_bytes);
    say_u64(meaning, "used", space_row.used_bytes);
    say_u64(meaning, "change", space_row.change_index);
    say_id(meaning, "head_hash", space_row.head_hash);
    say_u64(meaning, "horizon", space_row.horizon);
    say_u64(meaning, "ops", space_row.op_count);
    say_id(meaning, "root", space_row.root_id);
    say_id(meaning, "trash", space_row.trash_id);
    say_u64(meaning, "chunk_min", space_row.chunk_bytes_min);
    say_u64(meaning, "chunk_avg", space_row.chunk_bytes_avg);
    say_u64(meaning, "chunk_max", space_row.chunk_bytes_max);
    say(meaning, "keys", wrapped_keys(space_row.keys, space_row.key_count));
    say_hex(meaning, "cut_key", space_row.wrapped_cut_key);
    fsp_space_row_encode(&space_row, again);
    return FSP_OK;
}

static fsp_status_t
read_entry_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_entry_row_t row;
    fsp_status_t status = fsp_entry_row_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "node_kind", row.kind);
    say_id(meaning, "file", row.id);
    say_u64(meaning, "since", row.since);
    fsp_entry_row_encode(&row, again);
    return FSP_OK;
}

static fsp_status_t
read_node_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_status_t status = fsp_node_row_decode(bytes, &node_row);
    if (status)
        return status;
    say_u64(meaning, "node_kind", node_row.kind);
    say_optional_id(meaning, "parent", node_row.parent_id);
    say_text(meaning, "name", fsp_node_row_name(&node_row));
    say_u64(meaning, "change", node_row.index);
    say_u64(meaning, "time", node_row.time);
    say_u64(meaning, "content_time", node_row.content_time);
    say_u64(meaning, "size", node_row.size);
    json_t *heads = json_array();
    for (size_t i = 0; i < node_row.head_count; i++) {
        json_t *head = json_object();
        say_u64(head, "number", node_row.heads[i].number);
        say_id(head, "version", node_row.heads[i].id);
        json_array_append_new(heads, head);
    }
    say(meaning, "heads", heads);
    say_hex(meaning, "attr", fsp_slice(node_row.attr, node_row.attr_bytes));
    fsp_node_row_encode(&node_row, again);
    return FSP_OK;
}

static fsp_status_t
read_version_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_version_row_t row;
    fsp_status_t status = fsp_version_row_decode(bytes, &row);
    if (status)
        return status;
    say_hex(meaning, "record", row.record);
    say_bool(meaning, "retained", row.retained);
    say_hex(meaning, "carrier", row.carrier);
    fsp_version_row_encode(&row, again);
    return FSP_OK;
}

static fsp_status_t
read_version_index_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_version_index_row_t row;
    fsp_status_t status = fsp_version_index_row_decode(bytes, &row);
    if (status)
        return status;
    say_id(meaning, "file", row.file_id);
    say_u64(meaning, "number", row.number);
    fsp_version_index_row_encode(&row, again);
    return FSP_OK;
}

static fsp_status_t
read_op_row(fsp_slice_t bytes, json_t *meaning, fsp_buf_t *again)
{
    fsp_op_row_t row;
    fsp_status_t status = fsp_op_row_decode(bytes, &row);
    if (status)
        return status;
    say_u64(meaning, "change", row.index);
    say_id(meaning, "digest", row.digest);
    say_hex(meaning, "result", row.result);
    fsp_op_row_encode(&row, again);
    return FSP_OK;
}

static void
add_row_key(json_t *entries, const char *name, fsp_table_t table, const char *what, json_t *value)
{
    json_t *given = json_object();
    say_u64(given, "shard", 1);
    say_u64(given, "generation", 2);
    say_u64(given, "table", table);
    bool whole = table == FSP_TABLE_SHARD || table == FSP_TABLE_SPACE_NAME;
    say(given, "space",
        json_string(whole ? "00000000000000000000000000000000"
                          : "11111111111111111111111111111111"));
    if (what)
        say(given, what, value);
    if (table == FSP_TABLE_ENTRY)
        say(given, "name", json_string("d\xc3\xa9j\xc3\xa0"));
    if (table == FSP_TABLE_VERSION)
        say_u64(given, "number_last", 2);
    if (table == FSP_TABLE_OP_ORDER)
        say_u64(given, "number_first", 301);
    vectors_add_computed(entries, name, "row-key", given);
}

static void
make_row_keys(json_t *entries)
{
    const char *file = "66666666666666666666666666666666";
    const char *subject_and_op = "2222222222222222222222222222222233333333333333333333333333333333";
    add_row_key(entries, "key of the shard row", FSP_TABLE_SHARD, NULL, NULL);
    add_row_key(entries, "key of a space row", FSP_TABLE_SPACE, NULL, NULL);
    add_row_key(entries, "key of a space name row", FSP_TABLE_SPACE_NAME, "name",
                json_string("home"));
    add_row_key(entries, "key of an entry row", FSP_TABLE_ENTRY, "ids", json_string(file));
    add_row_key(entries, "key of a node row", FSP_TABLE_NODE, "ids", json_string(file));
    add_row_key(entries, "key of a version row", FSP_TABLE_VERSION, "ids", json_string(file));
    add_row_key(entries, "key of a version index row", FSP_TABLE_VERSION_INDEX, "ids",
                json_string("b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0"));
    add_row_key(entries, "key of a change row", FSP_TABLE_CHANGE, "number_first",
                json_integer(301));
    add_row_key(entries, "key of an operation row", FSP_TABLE_OP, "ids",
                json_string(subject_and_op));
    add_row_key(entries, "key of an operation order row", FSP_TABLE_OP_ORDER, "ids",
                json_string(subject_and_op));
}

static void
make_node_rows(json_t *entries, fsp_buf_t *bytes)
{
    memset(&node_row, 0, sizeof(node_row));
    node_row.kind = FSP_KIND_DIRECTORY;
    node_row.index = 1;
    node_row.time = node_row.content_time = UINT64_C(1764083916000000);
    fsp_node_row_encode(&node_row, bytes);
    vectors_add(entries, "node row of the root", "row-node", fsp_buf_slice(bytes));
    fsp_buf_reset(bytes);
    node_row.kind = FSP_KIND_FILE;
    FILL(node_row.parent_id, 0x88);
    memcpy(node_row.name, "vu.txt", 6);
    node_row.name_bytes = 6;
    node_row.size = 5000000;
    node_row.head_count = 2;
    node_row.heads[0].number = 3;
    FILL(node_row.heads[0].id, 0xb1);
    node_row.heads[1].number = 2;
    FILL(node_row.heads[1].id, 0xb0);
    node_row.attr_bytes = 2;
    memcpy(node_row.attr, "\xa7\x72", 2);
    fsp_node_row_encode(&node_row, bytes);
    vectors_add(entries, "node row of a file with two heads", "row-node", fsp_buf_slice(bytes));
    fsp_buf_reset(bytes);
    vectors_add_hex(entries, "refused: node row of a file without heads", "row-node",
                    "9901c0a00000000090c400");
}

static void
make_rows(json_t *entries)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_VALUE_BYTES_MAX);
    make_row_keys(entries);
    fsp_shard_row_encode(&(fsp_shard_row_t){.applied_index = 1000,
                                            .applied_term = 3,
                                            .log_time = UINT64_C(1764083916000000),
                                            .feature_level = 1},
                         &bytes);
    vectors_add(entries, "shard row", "row-shard", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);

    static const uint8_t wrapped[80] = {0x01, 0x02};
    space_row = (fsp_space_row_t){.name = fsp_slice_text("home"),
                                  .used_bytes = 5000000,
                                  .change_index = 301,
                                  .horizon = 12,
                                  .op_count = 301,
                                  .chunk_bytes_min = FSP_CHUNK_BYTES_MIN,
                                  .chunk_bytes_avg = FSP_CHUNK_BYTES_AVG,
                                  .chunk_bytes_max = FSP_CHUNK_BYTES_MAX,
                                  .key_count = 1};
    FILL(space_row.owner, 0x22);
    FILL(space_row.head_hash, 0xc0);
    FILL(space_row.root_id, 0x88);
    FILL(space_row.trash_id, 0x99);
    space_row.keys[0] = (fsp_wrapped_key_t){1, fsp_slice(wrapped, sizeof(wrapped))};
    space_row.wrapped_cut_key = fsp_slice(wrapped, sizeof(wrapped));
    fsp_space_row_encode(&space_row, &bytes);
    vectors_add(entries, "space row", "row-space", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);

    fsp_entry_row_t entry = {.kind = FSP_KIND_FILE, .since = 301};
    FILL(entry.id, 0x66);
    fsp_entry_row_encode(&entry, &bytes);
    vectors_add(entries, "entry row", "row-entry", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);
    make_node_rows(entries, &bytes);

    fsp_buf_t record;
    begin_version();
    record_bytes(&record);
    fsp_version_row_encode(&(fsp_version_row_t){.record = fsp_buf_slice(&record),
                                                .retained = true,
                                                .carrier = version.carrier},
                           &bytes);
    fsp_buf_clear(&record);
    vectors_add(entries, "version row", "row-version", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);

    fsp_version_index_row_t index = {.number = 2};
    FILL(index.file_id, 0x66);
    fsp_version_index_row_encode(&index, &bytes);
    vectors_add(entries, "version index row", "row-version-index", fsp_buf_slice(&bytes));
    fsp_buf_reset(&bytes);

    fsp_buf_t answered;
    fsp_buf_init(&answered, FSP_RESULT_BYTES_MAX);
    result = (fsp_result_t){.status = FSP_NOT_FOUND, .index = 301, .time = 9};
    fsp_result_encode(&result, &answered);
    fsp_op_row_t op = {.index = 301, .result = fsp_buf_slice(&answered)};
    FILL(op.digest, 0x44);
    fsp_op_row_encode(&op, &bytes);
    vectors_add(entries, "operation row", "row-op", fsp_buf_slice(&bytes));
    fsp_buf_clear(&answered);
    fsp_buf_clear(&bytes);
    /* Rows of one value: their codec is the value's. */
    vectors_add_hex(entries, "space name row: the space", "canon",
                    "c41011111111111111111111111111111111");
    vectors_add_hex(entries, "operation order row: log time", "canon", "cf0006446ccb2acb00");
}

static const vectors_kind_t kinds[] = {
    {"canon", read_canon, NULL},
    {"command", read_command, NULL},
    {"result", read_result, NULL},
    {"query", read_query, NULL},
    {"answer-node", read_answer_node, NULL},
    {"answer-entry", read_answer_entry, NULL},
    {"answer-version", read_answer_version, NULL},
    {"answer-change", read_answer_change, NULL},
    {"answer-space", read_answer_space, NULL},
    {"version-record", read_record, NULL},
    {"change-row", read_change, NULL},
    {"carrier", read_carrier, NULL},
    {"details", read_details, NULL},
    {"attr", read_attr, NULL},
    {"row-key", NULL, compute_row_key},
    {"row-shard", read_shard_row, NULL},
    {"row-space", read_space_row, NULL},
    {"row-entry", read_entry_row, NULL},
    {"row-node", read_node_row, NULL},
    {"row-version", read_version_row, NULL},
    {"row-version-index", read_version_index_row, NULL},
    {"row-op", read_op_row, NULL},
    {NULL, NULL, NULL},
};

static const vectors_file_t files[] = {
    {"canon", make_canon},     {"commands", make_commands}, {"asking", make_asking},
    {"records", make_records}, {"rows", make_rows},         {NULL, NULL},
};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_machine", files, kinds, argc, argv);
}
