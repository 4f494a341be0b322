/* SPDX-License-Identifier: MIT */
/* test_vectors_machine - golden vectors of commands, results, queries, records and rows.  Layer
 * tests.
 *
 * docs/protocol/records.md, commands.md, store.md.
 */
#include "core/base/canon.h"
#include "core/data/details.h"
#include "tests/unit/proto/vectors_rows.h"

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
    command.version = 3;
    add_command(entries, "refused: version 3 of a command");
    begin_put(FSP_IF_REPLACE, 0);
    command.attempt = 0;
    add_command(entries, "refused: attempt 0");
    begin_put(FSP_IF_REPLACE, 0);
    memset(&command.op_id, 0, sizeof(command.op_id));
    add_command(entries, "refused: no operation id");
    vectors_add_hex(entries, "refused: type 13", "command",
                    "9c0d01c41011111111111111111111111111111111c41022222222222222222222222222222222"
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
add_space_init(json_t *entries, const char *name, uint32_t form, uint32_t min, uint32_t avg,
               uint32_t max)
{
    command.version = form;
    command.space_init.chunk_bytes_min = min;
    command.space_init.chunk_bytes_avg = avg;
    command.space_init.chunk_bytes_max = max;
    add_command(entries, name);
}

/* Version 2 (level 3): lengths of chunks of which two are equal, or all three. */
static void
make_fixed_spaces(json_t *entries)
{
    static const uint8_t wrapped[80] = {0x01, 0x02}, cut[80] = {0x03};
    begin_command(FSP_COMMAND_SPACE_INIT);
    command.space_init.name = fsp_slice_text("disks");
    FILL(command.space_init.owner, 0x22);
    FILL(command.space_init.root_id, 0x88);
    FILL(command.space_init.trash_id, 0x99);
    command.space_init.keys[0] = (fsp_wrapped_key_t){1, fsp_slice(wrapped, sizeof(wrapped))};
    command.space_init.key_count = 1;
    command.space_init.wrapped_cut_key = fsp_slice(cut, sizeof(cut));
    add_space_init(entries, "space-init of version 2, chunks of one length", 2, 100000, 100000,
                   100000);
    add_space_init(entries, "space-init of version 2, least and average equal", 2, 65536, 65536,
                   262144);
    add_space_init(entries, "space-init of version 2, average and most equal", 2, 65536, 262144,
                   262144);
    add_space_init(entries, "space-init of version 2, three lengths", 2, 65536, 131072, 262144);
    add_space_init(entries, "refused: space-init of version 1, chunks of one length", 1, 65536,
                   65536, 65536);
    add_space_init(entries, "refused: space-init of version 1, average and most equal", 1, 65536,
                   262144, 262144);
    add_space_init(entries, "refused: space-init of version 2, an average of no power of 2", 2,
                   100000, 100000, 262144);
    add_space_init(entries, "refused: space-init of version 2, chunks of 63 octets", 2, 63, 63, 63);
    add_space_init(entries, "refused: space-init of version 2, chunks of more than 4 MiB", 2,
                   4194305, 4194305, 4194305);
    add_space_init(entries, "refused: space-init of version 3", 3, 65536, 65536, 65536);
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
    make_fixed_spaces(entries);
}

/* -- results, queries, answers ----------------------------------------------------------------- */

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

/* Reading one back overwrites it. */
static void
begin_space_info(void)
{
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

    begin_space_info();
    (void)fsp_answering_add_space(&answering, &space_info);
    finish_answer(entries, "answer: spaces", "answer-space", &answering, FSP_OK);
    fsp_answering_clear(&answering);
}

/* LIST with attributes, a space with a retention policy: what makes these longer. */
static void
make_longer_asking(json_t *entries)
{
    static const uint8_t attr[] = {0xa7, 0x72};
    begin_query(FSP_QUERY_LIST);
    query.target.path = fsp_slice_text("/");
    query.limit = 100;
    query.attrs = true;
    add_query(entries, "list with attributes");
    query.at_index = 12;
    add_query(entries, "list with attributes, as of a change");
    query.asker.withheld = 2;
    FILL(query.asker.link_id, 0x77);
    add_query(entries, "list with attributes, as of a change, by a link");
    query.at_index = 0;
    add_query(entries, "list with attributes, by a link");
    vectors_add_hex(entries, "refused: list with attributes, false", "query",
                    "9d02c41011111111111111111111111111111111c4102222222222222222222222222222222200"
                    "a12fc400c400c4000064c0c0c2");
    vectors_add_hex(entries, "refused: list, nil behind its form", "query",
                    "9c02c41011111111111111111111111111111111c4102222222222222222222222222222222200"
                    "a12fc400c400c4000064c0c0");

    fsp_answering_t answering;
    fsp_answering_init(&answering);
    fsp_entry_info_t entry = {.name = fsp_slice_text("c"),
                              .kind = FSP_KIND_FILE,
                              .size = 5,
                              .modified = 2000000,
                              .number = 1,
                              .head_count = 1,
                              .retained = true,
                              .attr = fsp_slice(attr, sizeof(attr))};
    FILL(entry.file_id, 0x99);
    FILL(entry.version_id, 0xaa);
    fsp_entry_info_t plain = {.name = fsp_slice_text("d"), .kind = FSP_KIND_DIRECTORY};
    FILL(plain.file_id, 0x98);
    (void)fsp_answering_add_entry(&answering, &entry);
    (void)fsp_answering_add_entry(&answering, &plain);
    finish_answer(entries, "answer: list with attributes", "answer-entry", &answering, FSP_OK);
    answering.at_index = 12;
    (void)fsp_answering_add_entry(&answering, &entry);
    (void)fsp_answering_add_entry(&answering, &plain);
    finish_answer(entries, "answer: list with attributes as of a change", "answer-entry",
                  &answering, FSP_OK);
    vectors_add_hex(entries, "refused: answer: list, empty attributes", "answer-entry",
                    "9400cd012dc29199a16402c4109898989898989898989898989898989800"
                    "00c00000c400");

    begin_space_info();
    space_info.quota_bytes = UINT64_C(1) << 40;
    space_info.chunk_bytes_min = space_info.chunk_bytes_avg = space_info.chunk_bytes_max = 100000;
    space_info.retention = (fsp_retention_t){.keep_last = 3, .past_days = 1000000};
    (void)fsp_answering_add_space(&answering, &space_info);
    space_info.retention = (fsp_retention_t){.keep_last = 0};
    (void)fsp_answering_add_space(&answering, &space_info);
    finish_answer(entries, "answer: spaces, with a policy and without", "answer-space", &answering,
                  FSP_OK);
    fsp_answering_clear(&answering);
}

static void
make_asking(json_t *entries)
{
    make_results(entries);
    make_queries(entries);
    make_answers(entries);
    make_longer_asking(entries);
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
    vectors_add_hex(entries, "work row of a purge: the change that marked", "canon", "91cd012d");
    vectors_add_hex(entries, "system name row: the id", "canon",
                    "c41080808080808080808080808080808080");
    vectors_add_hex(entries, "setting row: the value", "canon", "c40101");
    vectors_add_hex(entries, "removed row: the change", "canon", "cd012d");
}

static const vectors_kind_t kinds[] = {
    {"canon", read_canon, NULL},
    {"command", read_command, NULL},
    VECTORS_ASKING_KINDS,
    {"version-record", read_record, NULL},
    {"carrier", read_carrier, NULL},
    {"details", read_details, NULL},
    {"attr", read_attr, NULL},
    VECTORS_ROW_KINDS,
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
