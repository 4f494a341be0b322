/* SPDX-License-Identifier: MIT */
/* test_meta_random - long random histories keep every invariant, on any replica.  Tests.
 *
 * Few names, so that commands meet.  FSP_SEED picks the first seed, FSP_COMMANDS how many.
 */
#include <stdlib.h>

#include "core/base/prng.h"
#include "core/base/text.h"
#include "tests/unit/meta/meta_check.h"

enum { RECENT = 64, SEEDS = 4 };

typedef struct {
    fsp_prng_t prng;
    fsp_file_id_t ids[RECENT];         /* what was touched lately, */
    fsp_version_id_t versions[RECENT]; /* and a version of the same file */
    size_t slot;                       /* what this command prefers */
    char paths[2][64];
    fsp_buf_t carrier;
} maker_t;

static uint64_t
setting(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

static uint64_t
below(maker_t *maker, uint64_t bound)
{
    return fsp_prng_below(&maker->prng, bound);
}

static fsp_target_t
some_path(maker_t *maker, size_t slot)
{
    static const char *const names[] = {"/a", "/b", "/c", "/d", "/\xc3\xa4"};
    size_t depth = 1 + below(maker, 4);
    char *path = maker->paths[slot];
    path[0] = 0;
    for (size_t i = 0; i < depth; i++)
        strcat(path, names[below(maker, 5)]);
    return at(below(maker, 100) == 0 ? "/" : path);
}

static fsp_target_t
some_target(maker_t *maker)
{
    bool own = below(maker, 2);
    fsp_file_id_t id = maker->ids[own ? maker->slot : below(maker, RECENT)];
    if ((!own && below(maker, 3) != 0) || fsp_file_id_is_zero(id))
        return some_path(maker, 0);
    return by_id(id);
}

static fsp_version_id_t
some_version(maker_t *maker)
{
    return maker->versions[below(maker, 4) ? maker->slot : below(maker, RECENT)];
}

static fsp_condition_t
some_condition(maker_t *maker, bool only_match)
{
    fsp_version_id_t version = some_version(maker);
    fsp_condition_t result = condition(FSP_IF_REPLACE);
    uint64_t type = below(maker, only_match ? 8 : 5);
    if (only_match)
        return type ? result : condition_on(FSP_IF_MATCH, version);
    if (type == 1)
        return condition_on(FSP_IF_EDIT, version);
    if (type == 2)
        return condition_on(FSP_IF_MATCH, version);
    if (type == 3)
        return condition(FSP_IF_NONE_MATCH);
    if (type != 4)
        return result;
    result.type = FSP_IF_MERGE;
    size_t wanted = 1 + below(maker, 3);
    size_t from = below(maker, RECENT);
    for (size_t i = 0; i < wanted; i++)
        result.versions[result.version_count++] = maker->versions[(from + i) % RECENT];
    for (size_t i = 0; i < wanted; i++)
        for (size_t j = 0; j < i; j++)
            if (fsp_version_id_eq(result.versions[i], result.versions[j]))
                return condition(FSP_IF_REPLACE);
    return result;
}

static fsp_command_t
some_command(world_t *w, maker_t *maker)
{
    static const fsp_command_type_t types[] = {
        FSP_COMMAND_PUT,   FSP_COMMAND_PUT,    FSP_COMMAND_PUT,  FSP_COMMAND_DELETE,
        FSP_COMMAND_MKDIR, FSP_COMMAND_MKDIR,  FSP_COMMAND_MOVE, FSP_COMMAND_MOVE,
        FSP_COMMAND_COPY,  FSP_COMMAND_RESTORE};
    maker->slot = below(maker, RECENT);
    fsp_command_t command = new_command(w, types[below(maker, 10)]);
    if (below(maker, 200) == 0)
        command.type = FSP_COMMAND_SPACE_INIT;
    if (below(maker, 100) == 0)
        command.subject = subject_id(2);
    fsp_file_id_t seed = below(maker, 100) == 0 ? maker->ids[below(maker, RECENT)] : next_seed(w);
    if (fsp_file_id_is_zero(seed))
        seed = next_seed(w);
    bool create = below(maker, 3) == 0;
    switch (command.type) {
    case FSP_COMMAND_SPACE_INIT:
        command = space_init_command(w);
        break;
    case FSP_COMMAND_PUT:
        command.put.target = some_target(maker);
        command.put.kind = below(maker, 8) ? FSP_KIND_FILE : FSP_KIND_SYMLINK;
        command.put.condition = some_condition(maker, false);
        command.put.create_parents = create;
        command.put.ids_seed = seed;
        command.put.size = below(maker, 1000);
        command.put.carrier = carrier_of("content", &maker->carrier);
        command.put.attr = below(maker, 2) ? text("attr") : text("");
        break;
    case FSP_COMMAND_DELETE:
        command.remove.target = some_target(maker);
        command.remove.recursive = below(maker, 2);
        command.remove.condition = some_condition(maker, true);
        break;
    case FSP_COMMAND_MKDIR:
        command.mkdir.target = some_path(maker, 0);
        command.mkdir.create_parents = create;
        command.mkdir.exist_ok = below(maker, 2);
        command.mkdir.ids_seed = seed;
        break;
    case FSP_COMMAND_MOVE:
        command.move.from = some_target(maker);
        command.move.to = some_path(maker, 1);
        command.move.create_parents = create;
        command.move.replace = below(maker, 2);
        command.move.ids_seed = seed;
        command.move.condition = some_condition(maker, true);
        break;
    case FSP_COMMAND_RESTORE:
        command.restore.target = some_target(maker);
        command.restore.version_id = some_version(maker);
        command.restore.condition = some_condition(maker, true);
        break;
    case FSP_COMMAND_COPY:
        command.copy.from = some_target(maker);
        if (below(maker, 3) == 0)
            command.copy.version_id = some_version(maker);
        command.copy.to = some_path(maker, 1);
        command.copy.create_parents = create;
        command.copy.condition = condition(below(maker, 2) ? FSP_IF_REPLACE : FSP_IF_NONE_MATCH);
        command.copy.ids_seed = seed;
        break;
    default:
        break;
    }
    return command;
}

static void
remember(maker_t *maker, const fsp_result_t *result)
{
    if (fsp_file_id_is_zero(result->file_id))
        return;
    size_t slot = below(maker, RECENT);
    if (result->head_count == 0 && below(maker, 4))
        return; /* directories, but not only */
    maker->ids[slot] = result->file_id;
    if (result->head_count)
        maker->versions[slot] = result->heads[below(maker, result->head_count)];
}

static void
ck_equal_states(world_t *a, world_t *b)
{
    const fsp_omap_row_t *x = fsp_omap_first(fsp_memview_map(a->rows));
    const fsp_omap_row_t *y = fsp_omap_first(fsp_memview_map(b->rows));
    for (; x && y; x = fsp_omap_next(x), y = fsp_omap_next(y)) {
        ck_assert(fsp_slice_eq(x->key, y->key));
        ck_assert(fsp_slice_eq(x->value, y->value));
    }
    ck_assert(!x && !y);
}

static void
set_quota(fsp_space_row_t *row, uint64_t value)
{
    row->quota_bytes = value;
}

START_TEST(random_commands_keep_every_invariant_on_two_replicas)
{
    uint64_t seed = setting("FSP_SEED", 1) + (uint64_t)_i;
    uint64_t commands = setting("FSP_COMMANDS", 5000);
    world_t *other = FSP_NEW(world_t);
    world_init(other);
    other->lazy = true;
    maker_t maker = {.prng = {{0}}};
    fsp_prng_init(&maker.prng, seed);
    poke_space(&world, set_quota, 25 * commands);
    poke_space(other, set_quota, 25 * commands);
    uint64_t statuses[128] = {0};
    for (uint64_t i = 1; i <= commands; i++) {
        fsp_command_t command = some_command(&world, &maker);
        fsp_status_t status = apply(&world, &command);
        fsp_result_t result = world.result;
        statuses[status]++;
        ck_assert_int_eq(apply_bytes(other, fsp_buf_slice(&world.bytes)), status);
        ck_assert_mem_eq(&other->result, &result, sizeof(result));
        remember(&maker, &result);
        if (below(&maker, 10) == 0 && fsp_ops_keeps(status) && status != FSP_BAD_NAME &&
            status != FSP_INVALID) {
            command.attempt++;
            command.since = 0;
            fsp_status_t again = apply(&world, &command);
            ck_assert_int_eq(again, status);
            ck_assert(world.result.repeated);
            ck_assert_uint_eq(world.result.index, result.index);
            ck_assert_int_eq(apply_bytes(other, fsp_buf_slice(&world.bytes)), status);
        }
        fsp_buf_clear(&maker.carrier);
        if (below(&maker, 20) == 0) {
            (void)trim_ops(&world, 100, 0, FSP_OPS_TRIM_MAX);
            (void)trim_ops(other, 100, 0, FSP_OPS_TRIM_MAX);
        }
        if (i % 1000 == 0)
            check_state(&world);
        if (below(&maker, 50) == 0)
            settle(other);
    }
    settle(other);
    check_state(&world);
    ck_equal_states(&world, other);
    printf("seed %llu:", (unsigned long long)seed);
    for (unsigned i = 0; i < 128; i++)
        if (statuses[i])
            printf(" %s %llu", fsp_status_name((fsp_status_t)i), (unsigned long long)statuses[i]);
    printf("\n");
    ck_assert_uint_gt(statuses[FSP_OK], commands / 8);
    world_clear(other);
    fsp_free(other);
}
END_TEST

/* One to three random edits of bytes. */
static void
mutate(maker_t *maker, fsp_buf_t *bytes)
{
    for (uint64_t edits = 1 + below(maker, 3); edits > 0 && bytes->bytes > 0; edits--) {
        size_t place = (size_t)below(maker, bytes->bytes);
        switch (below(maker, 5)) {
        case 0:
            bytes->data[place] ^= (uint8_t)(1u << below(maker, 8));
            break;
        case 1:
            bytes->data[place] = (uint8_t)below(maker, 256);
            break;
        case 2:
            bytes->bytes = place;
            break;
        case 3:
            memmove(bytes->data + place, bytes->data + place + 1, bytes->bytes - place - 1);
            bytes->bytes--;
            break;
        default:
            fsp_buf_append_u8(bytes, 0);
            memmove(bytes->data + place + 1, bytes->data + place, bytes->bytes - place - 1);
            break;
        }
    }
}

START_TEST(mutated_commands_are_answered_and_corrupt_nothing)
{
    maker_t maker = {.prng = {{0}}};
    fsp_prng_init(&maker.prng, 1000 + setting("FSP_SEED", 1) + (uint64_t)_i);
    uint64_t commands = setting("FSP_COMMANDS", 5000);
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    uint64_t accepted = 0;
    for (uint64_t i = 0; i < commands; i++) {
        fsp_command_t command = some_command(&world, &maker);
        fsp_buf_reset(&bytes);
        fsp_command_encode(&command, &bytes);
        mutate(&maker, &bytes);
        fsp_command_t decoded;
        if (fsp_command_decode(fsp_buf_slice(&bytes), &decoded) == FSP_OK) {
            fsp_buf_t again;
            fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
            fsp_command_encode(&decoded, &again);
            ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&bytes)));
            fsp_buf_clear(&again);
        }
        if (bytes.bytes > 0)
            accepted += apply_bytes(&world, fsp_buf_slice(&bytes)) == FSP_OK;
        remember(&maker, &world.result);
        fsp_buf_clear(&maker.carrier);
    }
    ck_assert_uint_gt(accepted, 0);
    check_state(&world);
    fsp_buf_clear(&bytes);
}
END_TEST

/* Reads all that an answer holds, as the query's kind of item. */
static void
read_answer(fsp_slice_t bytes, fsp_query_type_t type)
{
    fsp_answer_t answer;
    if (fsp_answer_open(bytes, &answer))
        return;
    for (size_t i = 0; i < answer.count; i++) {
        fsp_node_info_t node;
        fsp_entry_info_t entry;
        fsp_version_info_t version;
        fsp_change_info_t change;
        fsp_space_info_t space;
        fsp_upload_info_t upload;
        fsp_status_t status = FSP_OK;
        switch (type) {
        case FSP_QUERY_RESOLVE:
            status = fsp_answer_node(&answer, &node);
            break;
        case FSP_QUERY_LIST:
            status = fsp_answer_entry(&answer, &entry);
            break;
        case FSP_QUERY_VERSIONS:
            status = fsp_answer_version(&answer, &version);
            break;
        case FSP_QUERY_CHANGES:
            status = fsp_answer_change(&answer, &change);
            break;
        case FSP_QUERY_SPACES:
            status = fsp_answer_space(&answer, &space);
            break;
        case FSP_QUERY_UPLOAD:
            status = fsp_answer_upload(&answer, &upload);
            break;
        default:
            return;
        }
        if (status)
            return;
    }
}

START_TEST(mutated_queries_and_answers_crash_nobody)
{
    maker_t maker = {.prng = {{0}}};
    fsp_prng_init(&maker.prng, 2000 + setting("FSP_SEED", 1) + (uint64_t)_i);
    for (size_t i = 0; i < 300; i++) {
        fsp_command_t command = some_command(&world, &maker);
        (void)apply(&world, &command);
        remember(&maker, &world.result);
        fsp_buf_clear(&maker.carrier);
    }
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_ANSWER_BYTES_MAX);
    for (size_t i = 0; i < 5000; i++) {
        fsp_query_t query = new_query(&world, (fsp_query_type_t)(1 + below(&maker, 5)));
        char hex[65];
        query.target = some_target(&maker);
        if (query.type == FSP_QUERY_RESOLVE && below(&maker, 2)) {
            fsp_hex_encode(maker.versions[below(&maker, RECENT)].bytes, 32, hex);
            query.version = fsp_slice(hex, 8 + below(&maker, 57));
        }
        query.prefix = below(&maker, 4) ? text("") : text("a");
        query.after_index = below(&maker, 200);
        query.limit = 1 + (uint32_t)below(&maker, 20);
        fsp_buf_reset(&bytes);
        fsp_query_encode(&query, &bytes);
        fsp_query_t decoded;
        ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &decoded), FSP_OK);
        if (below(&maker, 4))
            mutate(&maker, &bytes);
        if (fsp_query_decode(fsp_buf_slice(&bytes), &decoded) == FSP_OK) {
            fsp_buf_t again;
            fsp_buf_init(&again, FSP_ANSWER_BYTES_MAX);
            fsp_query_encode(&decoded, &again);
            ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&bytes)));
            fsp_buf_clear(&again);
            (void)ask(&world, &decoded);
            read_answer(fsp_buf_slice(&world.answer), decoded.type);
        } else {
            (void)ask(&world, &query);
        }
        mutate(&maker, &world.answer);
        read_answer(fsp_buf_slice(&world.answer), query.type);
    }
    fsp_buf_clear(&bytes);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("meta_random");
    TCase *tcase = new_case("random", set_up);
    tcase_add_loop_test(tcase, random_commands_keep_every_invariant_on_two_replicas, 0, SEEDS);
    tcase_add_loop_test(tcase, mutated_commands_are_answered_and_corrupt_nothing, 0, SEEDS);
    tcase_add_loop_test(tcase, mutated_queries_and_answers_crash_nobody, 0, SEEDS);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
