/* SPDX-License-Identifier: MIT */
/* meta_world - one shard in memory for the suites of core/meta: commands in, results out.  Tests.
 *
 * Every command goes the whole way: encode, decode, encode again (equal bytes), apply on a
 * transaction over pending rows over a memory view, commit.
 */
#ifndef FSP_TESTS_UNIT_META_WORLD_H
#define FSP_TESTS_UNIT_META_WORLD_H
#include "core/base/alloc.h"
#include "core/base/memview.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/meta/apply.h"
#include "core/meta/ops.h"
#include "core/meta/query.h"
#include "core/meta/rows.h"
#include "tests/unit/suite.h"

typedef struct {
    fsp_memview_t *rows;
    fsp_overlay_t *pending;
    fsp_overlay_t *txn;
    fsp_shard_ref_t shard;
    uint64_t index;
    fsp_time_t time;
    uint64_t last_op;
    fsp_space_id_t space_id;
    fsp_subject_id_t owner;
    fsp_file_id_t root_id, trash_id;
    fsp_result_t result; /* of the last command */
    fsp_buf_t bytes;     /* of the last command */
    fsp_buf_t answer;    /* of the last query */
    size_t rows_written; /* by the last command */
    bool lazy;           /* commands stay pending until settle(); no queries meanwhile */
    fsp_batch_t *batch;  /* what is pending */
} world_t;

static inline fsp_file_id_t
file_id(uint64_t number)
{
    fsp_file_id_t id = {{0xf1}};
    fsp_store_u64(id.bytes + 8, number);
    return id;
}

static inline fsp_subject_id_t
subject_id(uint8_t number)
{
    fsp_subject_id_t id = {{0x50, number}};
    return id;
}

static inline fsp_slice_t
text(const char *value)
{
    return fsp_slice_text(value);
}

/* A command with everything that is not its body, and an operation id of its own. */
static inline fsp_command_t
new_command(world_t *world, fsp_command_type_t type)
{
    fsp_command_t command = {.type = type,
                             .version = FSP_COMMAND_VERSION,
                             .space_id = world->space_id,
                             .subject = world->owner,
                             .attempt = 1,
                             .since = UINT64_MAX};
    fsp_store_u64(command.op_id.bytes, ++world->last_op);
    command.request_digest = fsp_sha256(FSP_SLICE_OF(command.op_id));
    return command;
}

/* Makes all that is pending part of the memory view, as the store does. */
static inline void
settle(world_t *world)
{
    fsp_memview_apply(world->rows, world->batch, FSP_FAMILY_STATE);
    fsp_overlay_settle(world->pending, world->index);
    fsp_batch_destroy(&world->batch);
    world->batch = fsp_batch_new();
    ck_assert_uint_eq(fsp_overlay_count(world->pending), 0);
}

/* Moves the transaction to the pending rows, and on unless the world is lazy. */
static inline void
commit(world_t *world)
{
    fsp_overlay_commit(world->txn, world->pending, world->index, world->batch, FSP_FAMILY_STATE);
    if (!world->lazy)
        settle(world);
}

/* Applies bytes as the next entry of the log; the result is in world->result. */
static inline fsp_status_t
apply_bytes(world_t *world, fsp_slice_t bytes)
{
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    fsp_status_t status = fsp_meta_apply(world->shard, world->txn, world->index + 1, 1,
                                         world->time + 1000, bytes, &result);
    ck_assert_int_eq(status, FSP_OK);
    world->index++;
    world->time += 1000;
    world->rows_written = fsp_overlay_count(world->txn);
    commit(world);
    ck_assert_int_eq(fsp_result_decode(fsp_buf_slice(&result), &world->result), FSP_OK);
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_RESULT_BYTES_MAX);
    fsp_result_encode(&world->result, &again);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&result)));
    fsp_buf_clear(&again);
    fsp_buf_clear(&result);
    return world->result.status;
}

static inline fsp_status_t
apply(world_t *world, const fsp_command_t *command)
{
    fsp_buf_reset(&world->bytes);
    fsp_command_encode(command, &world->bytes);
    ck_assert(fsp_buf_ok(&world->bytes));
    fsp_command_t *decoded = FSP_NEW(fsp_command_t);
    if (fsp_command_decode(fsp_buf_slice(&world->bytes), decoded) == FSP_OK) {
        fsp_buf_t again;
        fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
        fsp_command_encode(decoded, &again);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&world->bytes)));
        fsp_buf_clear(&again);
    }
    fsp_free(decoded);
    return apply_bytes(world, fsp_buf_slice(&world->bytes));
}

/* -- commands ---------------------------------------------------------------------------------- */

static inline fsp_condition_t
condition(fsp_condition_type_t type)
{
    return (fsp_condition_t){.type = type};
}

static inline fsp_condition_t
condition_on(fsp_condition_type_t type, fsp_version_id_t version)
{
    fsp_condition_t result = {.type = type, .version_count = 1};
    result.versions[0] = version;
    return result;
}

/* A carrier that says `content`; its bytes are in `buf`. */
static inline fsp_slice_t
carrier_of(const char *content, fsp_buf_t *buf)
{
    fsp_carrier_t carrier = {.root_kind = FSP_ROOT_CHUNK, .sealed_part = text("sealed")};
    fsp_hash_t hash = fsp_sha256(text(content));
    memcpy(carrier.root_key.bytes, hash.bytes, sizeof(hash.bytes));
    fsp_buf_init(buf, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(&carrier, buf);
    return fsp_buf_slice(buf);
}

static inline fsp_target_t
at(const char *path)
{
    return (fsp_target_t){.path = text(path)};
}

static inline fsp_target_t
by_id(fsp_file_id_t id)
{
    return (fsp_target_t){.id = id};
}

static inline fsp_file_id_t
next_seed(const world_t *world)
{
    return file_id(1000 + world->last_op);
}

static inline fsp_status_t
put_full(world_t *world, fsp_target_t target, fsp_kind_t kind, fsp_condition_t on, uint64_t size)
{
    fsp_buf_t carrier;
    fsp_command_t command = new_command(world, FSP_COMMAND_PUT);
    command.put.target = target;
    command.put.kind = kind;
    command.put.condition = on;
    command.put.ids_seed = next_seed(world);
    command.put.size = size;
    command.put.carrier = carrier_of("content", &carrier);
    fsp_status_t status = apply(world, &command);
    fsp_buf_clear(&carrier);
    return status;
}

static inline fsp_status_t
put_if(world_t *world, const char *path, fsp_condition_t on)
{
    return put_full(world, at(path), FSP_KIND_FILE, on, 10);
}

static inline fsp_status_t
put(world_t *world, const char *path)
{
    return put_if(world, path, condition(FSP_IF_REPLACE));
}

static inline fsp_status_t
mkdir_at(world_t *world, const char *path)
{
    fsp_command_t command = new_command(world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at(path);
    command.mkdir.ids_seed = next_seed(world);
    return apply(world, &command);
}

static inline fsp_status_t
remove_target(world_t *world, fsp_target_t target, bool recursive, fsp_condition_t on)
{
    fsp_command_t command = new_command(world, FSP_COMMAND_DELETE);
    command.remove.target = target;
    command.remove.recursive = recursive;
    command.remove.condition = on;
    return apply(world, &command);
}

static inline fsp_status_t
remove_at(world_t *world, const char *path)
{
    return remove_target(world, at(path), false, condition(FSP_IF_REPLACE));
}

static inline fsp_status_t
move_full(world_t *world, fsp_target_t from, const char *to, bool create_parents, bool replace)
{
    fsp_command_t command = new_command(world, FSP_COMMAND_MOVE);
    command.move.from = from;
    command.move.to = at(to);
    command.move.create_parents = create_parents;
    command.move.replace = replace;
    command.move.ids_seed = next_seed(world);
    command.move.condition = condition(FSP_IF_REPLACE);
    return apply(world, &command);
}

static inline fsp_status_t
move(world_t *world, const char *from, const char *to)
{
    return move_full(world, at(from), to, false, false);
}

static inline fsp_status_t
restore(world_t *world, fsp_target_t target, fsp_version_id_t version, fsp_condition_t on)
{
    fsp_command_t command = new_command(world, FSP_COMMAND_RESTORE);
    command.restore.target = target;
    command.restore.version_id = version;
    command.restore.condition = on;
    return apply(world, &command);
}

static inline fsp_status_t
copy(world_t *world, fsp_target_t from, fsp_version_id_t version, const char *to,
     fsp_condition_type_t on)
{
    fsp_command_t command = new_command(world, FSP_COMMAND_COPY);
    command.copy.from = from;
    command.copy.version_id = version;
    command.copy.to = at(to);
    command.copy.condition = condition(on);
    command.copy.ids_seed = next_seed(world);
    return apply(world, &command);
}

/* -- queries ----------------------------------------------------------------------------------- */

static inline fsp_query_t
new_query(const world_t *world, fsp_query_type_t type)
{
    return (fsp_query_t){.type = type,
                         .space_id = world->space_id,
                         .subject = world->owner,
                         .limit = FSP_LIST_LIMIT_MAX};
}

static inline fsp_answer_t
ask(world_t *world, const fsp_query_t *query)
{
    fsp_answer_t answer;
    fsp_buf_reset(&world->answer);
    ck_assert_int_eq(
        fsp_meta_query(world->shard, fsp_memview_view(world->rows), query, &world->answer), FSP_OK);
    ck_assert_int_eq(fsp_answer_open(fsp_buf_slice(&world->answer), &answer), FSP_OK);
    return answer;
}

/* Status of RESOLVE; the node is in *ret if it is there. */
static inline fsp_status_t
resolve_target(world_t *world, fsp_target_t target, const char *version, fsp_node_info_t *ret)
{
    fsp_query_t query = new_query(world, FSP_QUERY_RESOLVE);
    query.target = target;
    query.version = text(version);
    fsp_answer_t answer = ask(world, &query);
    if (answer.status == FSP_OK) {
        ck_assert_uint_eq(answer.count, 1);
        ck_assert_int_eq(fsp_answer_node(&answer, ret), FSP_OK);
        ck_assert_int_eq(fsp_canon_finish(&answer.reader), FSP_OK);
    }
    return answer.status;
}

static inline fsp_status_t
resolve_at(world_t *world, const char *path, fsp_node_info_t *ret)
{
    return resolve_target(world, at(path), "", ret);
}

static inline bool
exists(world_t *world, const char *path)
{
    fsp_node_info_t node;
    return resolve_at(world, path, &node) == FSP_OK;
}

static inline fsp_space_info_t
space_of(world_t *world)
{
    fsp_query_t query = new_query(world, FSP_QUERY_SPACES);
    fsp_answer_t answer = ask(world, &query);
    fsp_space_info_t space;
    ck_assert_int_eq(answer.status, FSP_OK);
    ck_assert_uint_eq(answer.count, 1);
    ck_assert_int_eq(fsp_answer_space(&answer, &space), FSP_OK);
    return space;
}

/* Reads the space row, lets the test change it, writes it back: for what no command sets yet. */
static inline void
poke_space(world_t *world, void (*change)(fsp_space_row_t *row, uint64_t value), uint64_t value)
{
    fsp_row_key_t key = fsp_row_key(world->shard, FSP_TABLE_SPACE, world->space_id);
    fsp_buf_t in, out;
    fsp_buf_init(&in, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&out, FSP_VALUE_BYTES_MAX);
    ck_assert_int_eq(fsp_view_get(fsp_memview_view(world->rows), fsp_row_key_slice(&key), &in),
                     FSP_OK);
    fsp_space_row_t row;
    ck_assert_int_eq(fsp_space_row_decode(fsp_buf_slice(&in), &row), FSP_OK);
    change(&row, value);
    fsp_space_row_encode(&row, &out);
    fsp_omap_put(fsp_memview_map(world->rows), fsp_row_key_slice(&key), fsp_buf_slice(&out), 0);
    fsp_buf_clear(&in);
    fsp_buf_clear(&out);
}

/* Trims operation rows outside a command, as apply does, with other minimums; returns the space. */
static inline fsp_space_row_t
trim_ops(world_t *world, uint64_t kept_min, fsp_time_t kept_us, size_t rows_max)
{
    fsp_machine_t m;
    fsp_machine_init(&m, world->shard, fsp_overlay_view(world->txn), world->space_id);
    m.txn = world->txn;
    m.time = world->time;
    ck_assert_int_eq(fsp_machine_load_space(&m), FSP_OK);
    ck_assert_int_eq(fsp_ops_trim(&m, kept_min, kept_us, rows_max), FSP_OK);
    fsp_machine_store_space(&m);
    fsp_space_row_t space = m.space;
    fsp_machine_clear(&m);
    commit(world);
    return space;
}

/* -- life -------------------------------------------------------------------------------------- */

static inline fsp_command_t
space_init_command(world_t *world)
{
    fsp_command_t command = new_command(world, FSP_COMMAND_SPACE_INIT);
    command.space_init.name = text("home");
    command.space_init.owner = world->owner;
    command.space_init.root_id = world->root_id;
    command.space_init.trash_id = world->trash_id;
    command.space_init.chunk_bytes_min = FSP_CHUNK_BYTES_MIN;
    command.space_init.chunk_bytes_avg = FSP_CHUNK_BYTES_AVG;
    command.space_init.chunk_bytes_max = FSP_CHUNK_BYTES_MAX;
    command.space_init.key_count = 1;
    command.space_init.keys[0] = (fsp_wrapped_key_t){.generation = 1, .wrapped = text("wrapped")};
    command.space_init.wrapped_cut_key = text("cut");
    return command;
}

/* A shard without a space. */
static inline void
world_init_bare(world_t *world)
{
    memset(world, 0, sizeof(*world));
    world->rows = fsp_memview_new();
    world->pending = fsp_overlay_new(fsp_memview_view(world->rows));
    world->txn = fsp_overlay_new(fsp_overlay_view(world->pending));
    world->batch = fsp_batch_new();
    world->shard = (fsp_shard_ref_t){.shard = 3, .generation = 1};
    world->time = 1000000;
    world->space_id = (fsp_space_id_t){{0x5b, 1}};
    world->owner = subject_id(1);
    world->root_id = file_id(1);
    world->trash_id = file_id(2);
    fsp_buf_init(&world->bytes, FSP_COMMAND_BYTES_MAX);
    fsp_buf_init(&world->answer, FSP_ANSWER_BYTES_MAX);
}

/* A shard with a space; its first change is number 1. */
static inline void
world_init(world_t *world)
{
    world_init_bare(world);
    fsp_command_t command = space_init_command(world);
    ck_assert_int_eq(apply(world, &command), FSP_OK);
    ck_assert_uint_eq(world->result.index, 1);
}

static inline void
world_clear(world_t *world)
{
    fsp_batch_destroy(&world->batch);
    fsp_overlay_destroy(&world->txn);
    fsp_overlay_destroy(&world->pending);
    fsp_memview_destroy(&world->rows);
    fsp_buf_clear(&world->bytes);
    fsp_buf_clear(&world->answer);
}

#define ck_status(expression, expected)                                                            \
    do {                                                                                           \
        fsp_status_t ck_status_ = (expression);                                                    \
        ck_assert_msg(ck_status_ == (expected), "%s is %s, not %s", #expression,                   \
                      fsp_status_name(ck_status_), fsp_status_name(expected));                     \
    } while (0)

/* The world of a suite, fresh for each test. */
static world_t world;
static inline void
set_up(void)
{
    world_init(&world);
}
static inline void
set_up_bare(void)
{
    world_init_bare(&world);
}
static inline void
tear_down(void)
{
    world_clear(&world);
}
/* A suite of one case, with its fixture. */
static inline TCase *
new_case(const char *name, void (*up)(void))
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, up, tear_down);
    tcase_set_timeout(tcase, 300);
    return tcase;
}
#endif
