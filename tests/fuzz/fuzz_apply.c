/* SPDX-License-Identifier: MIT */
/* fuzz_apply - the state machine under commands from anywhere.  Layer tests.
 *
 * A shard with a few files, then entries of the input: how u8, and what it says (below).  apply
 * must answer whatever the log holds, and the state must stay one consistent state (meta_check,
 * and core/meta/audit).  In between, queries: raw bytes, and some that fit.
 */
#include "tests/fuzz/ck.h"

#include "core/meta/answer.h"
#include "core/meta/audit.h"
#include "tests/unit/meta/meta_check.h"

enum { ENTRIES_MAX = 40 };

static const char *const paths[] = {
    "/",    "/a",     "/b",   "/d",       "/d/a",      "/d/e",   "/d/e/f", "/x/y/z",
    "/new", "/d/new", "/a/b", "/d/d/d/d", "/\xc3\xbc", "/d/e/g", "/c",     "/e",
};

static fsp_target_t
some_target(fuzz_input_t *input)
{
    uint8_t choice = fuzz_u8(input);
    if (choice < 192)
        return at(paths[choice % (sizeof(paths) / sizeof(paths[0]))]);
    if (choice < 224)
        return by_id(file_id(1 + choice % 3)); /* root, trash, nobody */
    return by_id(file_id(1000 + fuzz_u8(input)));
}

/* A version that was a head of some file, or one that never was. */
static fsp_version_id_t
some_version(fuzz_input_t *input)
{
    fsp_version_id_t id = {{fuzz_u8(input)}};
    size_t skip = id.bytes[0] % 16;
    fsp_row_key_t from = fsp_row_key(world.shard, FSP_TABLE_VERSION_INDEX, world.space_id);
    const fsp_omap_row_t *row =
        fsp_omap_seek(fsp_memview_map(world.rows), fsp_row_key_slice(&from));
    for (; row && skip > 0; skip--)
        row = fsp_omap_next(row);
    if (row && row->key.bytes == FSP_ROW_PREFIX_BYTES + sizeof(id) &&
        memcmp(row->key.data, from.bytes, from.used) == 0)
        memcpy(id.bytes, row->key.data + FSP_ROW_PREFIX_BYTES, sizeof(id));
    return id;
}

static fsp_condition_t
some_condition(fuzz_input_t *input)
{
    uint8_t choice = fuzz_u8(input);
    fsp_condition_t result = {.type = (fsp_condition_type_t)(choice % 7)};
    result.version_count = choice % 7 <= 1 ? 0 : (choice / 7) % 4;
    if (choice >= 250)
        result.version_count = FSP_PARENTS_MAX;
    for (size_t i = 0; i < result.version_count; i++)
        result.versions[i] = some_version(input);
    return result;
}

static void
apply_made(fuzz_input_t *input)
{
    fsp_command_type_t type = (fsp_command_type_t)(FSP_COMMAND_PUT + fuzz_u8(input) % 6);
    uint8_t flags = fuzz_u8(input);
    fsp_command_t *command = FSP_NEW(fsp_command_t);
    fsp_buf_t carrier;
    fsp_slice_t carrier_bytes = carrier_of(flags & 1 ? "one" : "two", &carrier);
    *command = new_command(&world, type);
    if (flags & 2) { /* again, or another request under the same name */
        fsp_store_u64(command->op_id.bytes, 1 + fuzz_u8(input) % (world.last_op + 1));
        if (flags & 4)
            command->request_digest = fsp_sha256(FSP_SLICE_OF(command->op_id));
        command->attempt = fuzz_u8(input);
        command->since = fuzz_u8(input) % 32;
    }
    if (flags & 8)
        command->subject = subject_id(flags >> 4);
    if ((flags & 0xf0) == 0xf0)
        command->epoch = fuzz_u8(input);
    fsp_target_t target = some_target(input);
    fsp_file_id_t seed = flags & 64 ? next_seed(&world) : file_id(fuzz_u8(input));
    fsp_condition_t on = some_condition(input);
    switch (type) {
    case FSP_COMMAND_PUT:
        command->put.target = target;
        command->put.kind = flags & 128 ? FSP_KIND_SYMLINK : FSP_KIND_FILE;
        command->put.condition = on;
        command->put.create_parents = flags & 16;
        command->put.ids_seed = seed;
        command->put.size = flags & 32 ? fuzz_u64(input) >> 1 : fuzz_u16(input);
        command->put.carrier = carrier_bytes;
        break;
    case FSP_COMMAND_DELETE:
        command->remove.target = target;
        command->remove.recursive = flags & 16;
        command->remove.condition = on;
        break;
    case FSP_COMMAND_MKDIR:
        command->mkdir.target = target;
        command->mkdir.create_parents = flags & 16;
        command->mkdir.exist_ok = flags & 32;
        command->mkdir.ids_seed = seed;
        break;
    case FSP_COMMAND_MOVE:
        command->move.from = target;
        command->move.to = some_target(input);
        command->move.create_parents = flags & 16;
        command->move.replace = flags & 32;
        command->move.ids_seed = seed;
        command->move.condition = on;
        break;
    case FSP_COMMAND_RESTORE:
        command->restore.target = target;
        command->restore.version_id = some_version(input);
        command->restore.condition = on;
        break;
    default:
        command->copy.from = target;
        if (flags & 32)
            command->copy.version_id = some_version(input);
        command->copy.to = some_target(input);
        command->copy.create_parents = flags & 16;
        command->copy.condition = on;
        command->copy.ids_seed = seed;
        break;
    }
    (void)apply(&world, command);
    fsp_buf_clear(&carrier);
    fsp_free(command);
}

static void
query_bytes(fsp_slice_t bytes)
{
    fsp_query_t *query = FSP_NEW(fsp_query_t);
    if (fsp_query_decode(bytes, query) == FSP_OK)
        (void)ask(&world, query);
    fsp_free(query);
}

static void
query_made(fuzz_input_t *input)
{
    fsp_query_t query =
        new_query(&world, (fsp_query_type_t)(FSP_QUERY_RESOLVE + fuzz_u8(input) % 5));
    uint8_t flags = fuzz_u8(input);
    char hex[65];
    query.target = some_target(input);
    query.limit = flags & 1 ? FSP_LIST_LIMIT_MAX : fuzz_u8(input);
    query.after_index = flags & 2 ? fuzz_u8(input) : 0;
    if (flags & 4) {
        fsp_version_id_t id = some_version(input);
        fsp_hex_encode(id.bytes, sizeof(id.bytes), hex);
        query.version = fsp_slice(hex, fuzz_u8(input) % 65);
    }
    if (flags & 8)
        query.prefix = fuzz_slice(input, flags >> 4);
    if (flags & 16)
        query.after = fuzz_slice(input, flags >> 5);
    fsp_answer_t answer = ask(&world, &query);
    fsp_node_info_t node;
    fsp_entry_info_t entry;
    fsp_version_info_t version;
    fsp_change_info_t change;
    fsp_space_info_t space;
    ck_assert(answer.count <= FSP_LIST_LIMIT_MAX);
    ck_assert(query.limit == 0 || answer.count <= query.limit);
    for (size_t i = 0; i < answer.count; i++) {
        fsp_status_t status = FSP_INVALID;
        if (query.type == FSP_QUERY_RESOLVE)
            status = fsp_answer_node(&answer, &node);
        else if (query.type == FSP_QUERY_LIST)
            status = fsp_answer_entry(&answer, &entry);
        else if (query.type == FSP_QUERY_VERSIONS)
            status = fsp_answer_version(&answer, &version);
        else if (query.type == FSP_QUERY_CHANGES)
            status = fsp_answer_change(&answer, &change);
        else
            status = fsp_answer_space(&answer, &space);
        ck_assert_int_eq(status, FSP_OK);
    }
    ck_assert_int_eq(fsp_canon_finish(&answer.reader), FSP_OK);
}

static void
set_quota(fsp_space_row_t *row, uint64_t value)
{
    row->quota_bytes = value < row->used_bytes ? row->used_bytes : value;
}

/* The checker of stores must find nothing in a state that apply made. */
static void
refuse_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    fprintf(stderr, "fault %s: %s\n", fault->kind, fault->what);
    FUZZ_CHECK(false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input_t input = fuzz_input(data, bytes);
    world_init(&world);
    (void)put(&world, "/a");
    (void)mkdir_at(&world, "/d");
    (void)mkdir_at(&world, "/d/e");
    (void)put(&world, "/d/e/f");
    (void)put(&world, "/a");
    for (int i = 0; i < ENTRIES_MAX && input.left > 0; i++) {
        uint8_t how = fuzz_u8(&input) % 8;
        if (how == 0 && input.left > 2) /* bytes of a command as they are */
            (void)apply_bytes(&world, fuzz_slice(&input, 1 + fuzz_u16(&input) % 2048u));
        else if (how == 1)
            query_bytes(fuzz_slice(&input, fuzz_u8(&input)));
        else if (how == 2)
            query_made(&input);
        else if (how == 3 && fuzz_u8(&input) < 16)
            poke_space(&world, set_quota, fuzz_u16(&input));
        else
            apply_made(&input);
    }
    check_state(&world);
    fsp_audit_counts_t counts;
    memset(&counts, 0, sizeof(counts));
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), refuse_fault, NULL, &counts);
    world_clear(&world);
    return 0;
}
