/* SPDX-License-Identifier: MIT */
/* test_views_equal - the state machine cannot tell RocksDB from memory.
 *
 * One random history of commands and queries is applied twice: over the memory view, row by row,
 * and over RocksDB with the rows pending in an overlay and written in groups, as the shard does.
 * Every result, every answer and in the end every row must be equal, byte for byte, as must the
 * rows of both when they were frozen on the way.  FSP_SEED picks the history.
 */
#include "core/base/memview.h"
#include "core/base/overlay.h"
#include "core/base/prng.h"
#include "core/meta/query.h"
#include "store/store.h"
#include "tests/unit/suite.h"

#include <ftw.h>
#include <unistd.h>

enum { COMMANDS = 4000, IDS = 48, GROUP_MAX = 40 };

/* One of the two worlds. */
typedef struct {
    fsp_view_t *base;
    fsp_overlay_t *pending, *txn;
    fsp_batch_t *batch;
} world_t;

typedef struct {
    fsp_prng_t prng;
    fsp_file_id_t files[IDS];
    fsp_version_id_t versions[IDS];
    uint64_t last_change;
    char paths[2][64];
    fsp_buf_t carrier;
} maker_t;

static const fsp_shard_ref_t shard = {.shard = 1, .generation = 1};
static const fsp_space_id_t space_id = {{7}};
static const fsp_subject_id_t owner = {{9}};
static char directory[64];

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static void
world_init(world_t *world, fsp_view_t *base)
{
    world->base = base;
    world->pending = fsp_overlay_new(base);
    world->txn = fsp_overlay_new(fsp_overlay_view(world->pending));
    world->batch = fsp_batch_new();
}

static void
world_clear(world_t *world)
{
    fsp_overlay_destroy(&world->txn);
    fsp_overlay_destroy(&world->pending);
    fsp_batch_destroy(&world->batch);
}

static fsp_target_t
some_target(maker_t *maker, size_t slot)
{
    static const char *const names[] = {"/a", "/b", "/c", "/\xc3\xa4"};
    char *path = maker->paths[slot];
    path[0] = '\0';
    size_t used = 0, depth = 1 + fsp_prng_below(&maker->prng, 3);
    for (size_t i = 0; i < depth; i++)
        used +=
            (size_t)snprintf(path + used, 64 - used, "%s", names[fsp_prng_below(&maker->prng, 4)]);
    return (fsp_target_t){.path = fsp_slice(path, used)};
}

static fsp_condition_t
some_condition(maker_t *maker)
{
    fsp_condition_t condition = {.type = FSP_IF_REPLACE};
    uint64_t draw = fsp_prng_below(&maker->prng, 6);
    if (draw == 1 || draw == 2) {
        condition.type = draw == 1 ? FSP_IF_EDIT : FSP_IF_MATCH;
        condition.version_count = 1;
        condition.versions[0] = maker->versions[fsp_prng_below(&maker->prng, IDS)];
    } else if (draw == 3) {
        condition.type = FSP_IF_NONE_MATCH;
    }
    return condition;
}

static void
some_command(maker_t *maker, fsp_command_t *ret)
{
    static const fsp_command_type_t types[] = {
        FSP_COMMAND_PUT,  FSP_COMMAND_PUT,  FSP_COMMAND_PUT,    FSP_COMMAND_MKDIR,
        FSP_COMMAND_MOVE, FSP_COMMAND_COPY, FSP_COMMAND_DELETE, FSP_COMMAND_RESTORE};
    memset(ret, 0, sizeof(*ret));
    ret->type = types[fsp_prng_below(&maker->prng, 8)];
    ret->version = FSP_COMMAND_VERSION;
    ret->space_id = space_id;
    ret->subject = owner;
    ret->attempt = 1;
    ret->since = maker->last_change;
    fsp_prng_fill(&maker->prng, ret->op_id.bytes, sizeof(ret->op_id.bytes));
    if (fsp_prng_chance(&maker->prng, 1, 10)) /* few ids, so that operations are met again */
        memset(ret->op_id.bytes + 1, 1, sizeof(ret->op_id.bytes) - 1);
    fsp_file_id_t seed;
    fsp_prng_fill(&maker->prng, seed.bytes, sizeof(seed.bytes));
    bool flag = fsp_prng_chance(&maker->prng, 1, 2);
    fsp_target_t from = some_target(maker, 0), to = some_target(maker, 1);
    size_t slot = fsp_prng_below(&maker->prng, IDS);
    switch (ret->type) {
    case FSP_COMMAND_PUT:
        fsp_buf_reset(&maker->carrier);
        fsp_carrier_encode(&(fsp_carrier_t){.root_kind = FSP_ROOT_INLINE,
                                            .root_key = {{(uint8_t)fsp_prng_next(&maker->prng)}},
                                            .inline_object = fsp_slice_text("object"),
                                            .sealed_part = fsp_slice_text("sealed")},
                           &maker->carrier);
        ret->put.target = from;
        ret->put.kind = FSP_KIND_FILE;
        ret->put.condition = some_condition(maker);
        ret->put.create_parents = flag;
        ret->put.ids_seed = seed;
        ret->put.size = fsp_prng_below(&maker->prng, FSP_INLINE_BYTES_MAX + 1);
        ret->put.carrier = fsp_buf_slice(&maker->carrier);
        break;
    case FSP_COMMAND_MKDIR:
        ret->mkdir.target = from;
        ret->mkdir.create_parents = flag;
        ret->mkdir.exist_ok = !flag;
        ret->mkdir.ids_seed = seed;
        break;
    case FSP_COMMAND_MOVE:
        ret->move.from = from;
        ret->move.to = to;
        ret->move.replace = flag;
        ret->move.create_parents = flag;
        ret->move.ids_seed = seed;
        ret->move.condition.type = FSP_IF_REPLACE;
        break;
    case FSP_COMMAND_COPY:
        ret->copy.from = from;
        ret->copy.to = to;
        ret->copy.create_parents = flag;
        ret->copy.ids_seed = seed;
        ret->copy.condition.type = flag ? FSP_IF_REPLACE : FSP_IF_NONE_MATCH;
        break;
    case FSP_COMMAND_DELETE:
        ret->remove.target = from;
        ret->remove.recursive = flag;
        ret->remove.condition.type = FSP_IF_REPLACE;
        break;
    default:
        ret->restore.target.id = maker->files[slot];
        ret->restore.version_id = maker->versions[slot];
        ret->restore.condition.type = FSP_IF_REPLACE;
        break;
    }
}

static void
apply(world_t *world, uint64_t index, fsp_slice_t bytes, fsp_buf_t *ret_result)
{
    fsp_buf_reset(ret_result);
    fsp_status_t status =
        fsp_meta_apply(shard, world->txn, index, 1, index * 1000, bytes, ret_result);
    ck_assert_int_eq(status, FSP_OK);
    fsp_overlay_commit(world->txn, world->pending, index, world->batch, FSP_FAMILY_STATE);
}

static void
ask_both(world_t worlds[2], maker_t *maker, fsp_buf_t answers[2])
{
    fsp_query_t query = {.type = (fsp_query_type_t)(1 + fsp_prng_below(&maker->prng, 5)),
                         .space_id = space_id,
                         .subject = owner,
                         .target = some_target(maker, 0),
                         .after_index = fsp_prng_below(&maker->prng, 100),
                         .limit = 1 + (uint32_t)fsp_prng_below(&maker->prng, 50)};
    if (fsp_prng_chance(&maker->prng, 1, 5))
        query.target.path = fsp_slice_text("/");
    for (int i = 0; i < 2; i++) {
        fsp_buf_reset(&answers[i]);
        fsp_status_t status =
            fsp_meta_query(shard, fsp_overlay_view(worlds[i].pending), &query, &answers[i]);
        ck_assert_int_eq(status, FSP_OK);
    }
    ck_assert(fsp_slice_eq(fsp_buf_slice(&answers[0]), fsp_buf_slice(&answers[1])));
}

/* Every row of both, side by side; returns how many there are. */
static size_t
compare_rows(fsp_view_t *a, fsp_view_t *b)
{
    fsp_cursor_t *x = fsp_view_scan(a, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    fsp_cursor_t *y = fsp_view_scan(b, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    size_t count = 0;
    while (x->valid && y->valid) {
        ck_assert(fsp_slice_eq(x->key, y->key));
        ck_assert(fsp_slice_eq(x->value, y->value));
        count++;
        fsp_cursor_next(x);
        fsp_cursor_next(y);
    }
    ck_assert(!x->valid && !y->valid);
    ck_assert_int_eq(x->status, FSP_OK);
    ck_assert_int_eq(y->status, FSP_OK);
    fsp_cursor_destroy(&x);
    fsp_cursor_destroy(&y);
    return count;
}

static void
remember(maker_t *maker, fsp_slice_t bytes)
{
    fsp_result_t result;
    ck_assert_int_eq(fsp_result_decode(bytes, &result), FSP_OK);
    maker->last_change = result.index;
    if (result.status == FSP_OK && !fsp_version_id_is_zero(result.version_id)) {
        size_t slot = fsp_prng_below(&maker->prng, IDS);
        maker->files[slot] = result.file_id;
        maker->versions[slot] = result.version_id;
    }
}

static void
write_group(fsp_store_t *store, world_t *world, uint64_t index)
{
    fsp_error_t error = {0};
    ck_assert_msg(fsp_store_write(store, &world->batch, 1, &error) == FSP_OK, "%s", error.text);
    fsp_overlay_settle(world->pending, index);
    fsp_batch_destroy(&world->batch);
    world->batch = fsp_batch_new();
}

START_TEST(random_histories_give_equal_results_answers_and_rows)
{
    fsp_store_t *store = NULL;
    fsp_error_t error = {0};
    bool fresh;
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-views-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    fsp_store_config_t config = {.directory = directory, .sync = false, .lock_wait_us = 2000000};
    ck_assert_msg(fsp_store_open(&config, &store, &fresh, &error) == FSP_OK, "%s", error.text);
    fsp_memview_t *memory = fsp_memview_new();
    world_t worlds[2];
    world_init(&worlds[0], fsp_memview_view(memory));
    world_init(&worlds[1], fsp_store_view(store, FSP_FAMILY_STATE));

    maker_t maker = {0};
    fsp_prng_init(&maker.prng, fsp_suite_seed(42));
    fsp_buf_init(&maker.carrier, FSP_CARRIER_BYTES_MAX);
    fsp_buf_t bytes, results[2], answers[2];
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    for (int i = 0; i < 2; i++) {
        fsp_buf_init(&results[i], FSP_RESULT_BYTES_MAX);
        fsp_buf_init(&answers[i], FSP_BODY_BYTES_MAX);
    }
    static fsp_command_t command;
    command = (fsp_command_t){.type = FSP_COMMAND_SPACE_INIT,
                              .version = FSP_COMMAND_VERSION,
                              .space_id = space_id,
                              .subject = owner,
                              .op_id = {{1}},
                              .attempt = 1};
    command.space_init.name = fsp_slice_text("home");
    command.space_init.owner = owner;
    command.space_init.root_id = (fsp_file_id_t){{1}};
    command.space_init.trash_id = (fsp_file_id_t){{2}};
    command.space_init.chunk_bytes_min = 256 * 1024;
    command.space_init.chunk_bytes_avg = 1024 * 1024;
    command.space_init.chunk_bytes_max = 4 * 1024 * 1024;
    command.space_init.keys[0] =
        (fsp_wrapped_key_t){.generation = 1, .wrapped = fsp_slice_text("wrapped")};
    command.space_init.key_count = 1;
    command.space_init.wrapped_cut_key = fsp_slice_text("cut");

    size_t done = 0;
    fsp_view_t *frozen[2] = {NULL};
    size_t rows_frozen = 0;
    for (uint64_t index = 1; index <= COMMANDS; index++) {
        if (index > 1)
            some_command(&maker, &command);
        fsp_buf_reset(&bytes);
        fsp_command_encode(&command, &bytes);
        for (int i = 0; i < 2; i++)
            apply(&worlds[i], index, fsp_buf_slice(&bytes), &results[i]);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&results[0]), fsp_buf_slice(&results[1])));
        fsp_result_t result;
        ck_assert_int_eq(fsp_result_decode(fsp_buf_slice(&results[0]), &result), FSP_OK);
        done += result.status == FSP_OK;
        remember(&maker, fsp_buf_slice(&results[0]));
        /* Memory settles each time; the database in groups, so that rows are read through the
         * overlay as well. */
        fsp_memview_apply(memory, worlds[0].batch, FSP_FAMILY_STATE);
        fsp_overlay_settle(worlds[0].pending, index);
        fsp_batch_destroy(&worlds[0].batch);
        worlds[0].batch = fsp_batch_new();
        if (fsp_prng_chance(&maker.prng, 1, GROUP_MAX)) {
            write_group(store, &worlds[1], index);
            /* Both have the same rows now, and are frozen with them. */
            for (int i = 0; i < 2 && !frozen[i] && index > COMMANDS / 2; i++)
                frozen[i] = fsp_view_freeze(worlds[i].base);
            if (frozen[1] && rows_frozen == 0)
                rows_frozen = compare_rows(worlds[0].base, worlds[1].base);
        }
        if (fsp_prng_chance(&maker.prng, 1, 3))
            ask_both(worlds, &maker, answers);
    }
    write_group(store, &worlds[1], COMMANDS);
    size_t rows = compare_rows(worlds[0].base, worlds[1].base);
    ck_assert_uint_gt(rows_frozen, COMMANDS / 4);
    ck_assert_uint_lt(rows_frozen, rows);
    ck_assert_uint_eq(compare_rows(frozen[0], frozen[1]), rows_frozen);
    printf("%d commands, %zu of them done, %zu rows equal, %zu of them frozen before\n", COMMANDS,
           done, rows, rows_frozen);
    ck_assert_uint_gt(done, COMMANDS / 8);
    ck_assert_uint_gt(rows, COMMANDS / 2);

    for (int i = 0; i < 2; i++) {
        fsp_view_thaw(&frozen[i]);
        world_clear(&worlds[i]);
        fsp_buf_clear(&results[i]);
        fsp_buf_clear(&answers[i]);
    }
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&maker.carrier);
    fsp_memview_destroy(&memory);
    fsp_store_close(&store, true, 1000000);
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("views_equal");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, random_histories_give_equal_results_answers_and_rows);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
