/* SPDX-License-Identifier: MIT */
/* test_node_random - random histories of leases, batches, uploads, quotas and new keys, looked at
   whole after each command, on two replicas.  Tests.
 *
 * Few names and subjects, so that commands meet.  FSP_SEED picks the first seed.
 */
#include "core/base/prng.h"
#include "tests/unit/meta/faulty_view.h"
#include "tests/unit/meta/node_world.h"

enum { SEEDS = 4, COMMANDS = 600, STATUSES = 128, RECENT = 8 };

typedef struct {
    fsp_prng_t prng;
    char paths[2][32];
    fsp_version_id_t versions[RECENT];
    uint64_t tokens[RECENT];
    uint64_t carriers; /* how many were made */
    fsp_buf_t carrier, roots;
    unsigned seen[STATUSES];
} maker_t;

static uint64_t
below(maker_t *maker, uint64_t bound)
{
    return fsp_prng_below(&maker->prng, bound);
}

static const char *
some_path(maker_t *maker, size_t slot)
{
    static const char *const paths[] = {"/f", "/g", "/a/f", "/a/g", "/h", "/f", "/a", "/b/f"};
    char *path = maker->paths[slot];
    snprintf(path, sizeof(maker->paths[slot]), "%s", paths[below(maker, 8)]);
    return path;
}

static fsp_slice_t
some_carrier(maker_t *maker)
{
    char content[32];
    snprintf(content, sizeof(content), "%llu", (unsigned long long)below(maker, 4));
    fsp_buf_clear(&maker->carrier);
    return carrier_of(content, &maker->carrier);
}

/* A command that a batch may hold. */
static fsp_command_t
some_item(maker_t *maker)
{
    const char *path = some_path(maker, 0);
    world.last_op++;
    fsp_command_t command;
    switch (below(maker, 12)) {
    case 0:
    case 1:
    case 2:
        path = strcmp(path, "/a") == 0 ? "/f" : path; /* that stays a directory */
        command = put_command(&world, path, condition(FSP_IF_REPLACE), below(maker, 100));
        command.put.create_parents = below(maker, 4) > 0;
        command.put.carrier = some_carrier(maker);
        command.put.kind = below(maker, 6) ? FSP_KIND_FILE : FSP_KIND_SYMLINK;
        if (below(maker, 4) == 0)
            command.put.lease_token = maker->tokens[below(maker, RECENT)];
        if (below(maker, 4) == 0)
            command.put.upload_id = (fsp_upload_id_t){{0x0b, (uint8_t)(1 + below(maker, 2))}};
        if (below(maker, 8) == 0)
            command.put.bases[command.put.base_count++] = maker->versions[below(maker, RECENT)];
        return command;
    case 3:
        return delete_command(&world, path);
    case 4:
        return mkdir_command(&world, below(maker, 2) ? "/a" : "/b");
    case 5:
        return move_command(&world, path, some_path(maker, 1), below(maker, 2));
    case 6:
        return attr_command(&world, at(path), below(maker, 2) ? "x" : "y");
    case 7:
        return rmdir_command(&world, at(below(maker, 2) ? "/a" : "/b"));
    case 8:
    case 9:
    case 10:
        return lock_command(&world, path, (1 + below(maker, 30)) * SECOND);
    default:
        return lease_command(&world, FSP_COMMAND_UNLOCK, at(path),
                             below(maker, 4) ? maker->tokens[below(maker, RECENT)] : 0, 0);
    }
}

static fsp_command_t
some_append(maker_t *maker, fsp_upload_id_t id)
{
    fsp_upload_info_t info = {.offset = below(maker, 50)};
    fsp_query_t query = new_query(&world, FSP_QUERY_UPLOAD);
    memcpy(query.target.id.bytes, id.bytes, sizeof(id.bytes));
    fsp_answer_t answer = ask(&world, &query);
    if (answer.status == FSP_OK)
        ck_status(fsp_answer_upload(&answer, &info), FSP_OK);
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_APPEND);
    fsp_buf_reset(&maker->roots);
    command.node.upload_append.id = id;
    command.node.upload_append.offset = info.offset - (info.offset > 0 && below(maker, 8) == 0);
    uint64_t keep = below(maker, 2) ? info.offset - info.tail_bytes : 0;
    uint64_t wanted = command.node.upload_append.offset + 1 + below(maker, 20);
    command.node.upload_append.keep = keep;
    if (wanted > keep + 5) {
        fsp_upload_root_write(&(fsp_upload_root_t){.kind = keep ? FSP_ROOT_CHUNK : FSP_ROOT_TREE,
                                                   .key = {{1}},
                                                   .bytes = wanted - keep - 5},
                              &maker->roots);
        command.node.upload_append.root_count = 1;
        keep = wanted - 5;
    }
    command.node.upload_append.roots = fsp_buf_slice(&maker->roots);
    command.node.upload_append.tail_bytes = wanted - keep;
    command.node.upload_append.tail = (fsp_key_t){{2}};
    command.node.upload_append.midstate = text(below(maker, 2) ? "m" : "n");
    return command;
}

static fsp_command_t
some_command(maker_t *maker, batch_t *batch)
{
    const fsp_upload_id_t id = {{0x0b, (uint8_t)(1 + below(maker, 2))}};
    fsp_command_t command;
    switch (below(maker, 12)) {
    case 0:
    case 1:
    case 2:
        for (size_t i = 1 + below(maker, 6); i > 0; i--)
            batch_item(batch, some_item(maker));
        command = new_command(&world, FSP_COMMAND_BATCH);
        command.node.batch.items = fsp_buf_slice(&batch->items);
        command.node.batch.count = batch->count;
        return command;
    case 3:
        command = new_command(&world, FSP_COMMAND_UPLOAD_OPEN);
        command.node.upload_open.id = id;
        command.node.upload_open.target = at(some_path(maker, 0));
        command.node.upload_open.condition = condition(FSP_IF_REPLACE);
        command.node.upload_open.size = below(maker, 3) ? 0 : 40;
        command.node.upload_open.duration = 3 * SECOND;
        return command;
    case 4:
    case 5:
        return some_append(maker, id);
    case 6:
        if (below(maker, 3))
            return some_append(maker, id);
        command = new_command(&world, FSP_COMMAND_UPLOAD_ABORT);
        command.node.upload_abort.id = id;
        return command;
    case 7:
        return quota_command(&world, below(maker, 3) ? 0 : space_row(&world).used_bytes + 50);
    case 8:
        command = new_command(&world, FSP_COMMAND_REKEY);
        command.node.rekey.version_id = maker->versions[below(maker, RECENT)];
        command.node.rekey.present = fsp_sha256(some_carrier(maker));
        command.node.rekey.carrier = some_carrier(maker);
        return command;
    case 9:
        return lease_command(&world, FSP_COMMAND_RENEW, at(some_path(maker, 0)),
                             1 + maker->tokens[below(maker, RECENT)] % 1000, SECOND);
    default:
        return some_item(maker);
    }
}

/* Keeps what later commands may name. */
static void
remember(maker_t *maker, const fsp_command_t *command)
{
    const fsp_result_t *result = &world.result;
    maker->seen[result->status]++;
    if (result->status != FSP_OK)
        return;
    if (!fsp_version_id_is_zero(result->version_id))
        maker->versions[below(maker, RECENT)] = result->version_id;
    if (command->type == FSP_COMMAND_LOCK || command->type == FSP_COMMAND_BATCH)
        maker->tokens[below(maker, RECENT)] = result->index;
}

/* The same commands on a fresh replica give the same rows. */
static void
compare_rows(fsp_memview_t *a, fsp_memview_t *b)
{
    const fsp_omap_row_t *left = fsp_omap_first(fsp_memview_map(a));
    const fsp_omap_row_t *right = fsp_omap_first(fsp_memview_map(b));
    for (; left && right; left = fsp_omap_next(left), right = fsp_omap_next(right)) {
        ck_assert(fsp_slice_eq(left->key, right->key));
        ck_assert(fsp_slice_eq(left->value, right->value));
    }
    ck_assert_ptr_null(left);
    ck_assert_ptr_null(right);
}

START_TEST(random_histories_are_whole_after_each_command)
{
    static world_t other;
    node_world_init(&other);
    maker_t maker = {.prng = {{0}}};
    for (size_t i = 0; i < RECENT; i++)
        maker.tokens[i] = 1 + i; /* no token yet */
    fsp_prng_init(&maker.prng, (uint64_t)fsp_suite_seed(1) + (unsigned)_i);
    fsp_buf_init(&maker.roots, 4096);
    for (size_t i = 0; i < COMMANDS; i++) {
        batch_t batch;
        batch_init(&batch);
        fsp_command_t command = some_command(&maker, &batch);
        uint64_t who = below(&maker, 20);
        command.subject = who == 0 ? (fsp_subject_id_t){0} : subject_id(who < 8 ? 2 : 1);
        fsp_time_t pause = below(&maker, 5) == 0 ? below(&maker, 3) * SECOND : 0;
        world.time += pause;
        other.time += pause;
        if (below(&maker, 4) == 0) {
            fsp_buf_reset(&world.bytes);
            fsp_command_encode(&command, &world.bytes);
            ck_failed_reads_stop(&world, fsp_buf_slice(&world.bytes));
        }
        (void)apply(&world, &command);
        remember(&maker, &command);
        (void)apply_bytes(&other, fsp_buf_slice(&world.bytes));
        whole(&world);
        fsp_buf_clear(&batch.items);
    }
    compare_rows(world.rows, other.rows);
    world_clear(&other);
    fsp_buf_clear(&maker.roots);
    fsp_buf_clear(&maker.carrier);
    printf("seed %d:", _i + 1);
    for (int i = 0; i < STATUSES; i++)
        if (maker.seen[i] > 0)
            printf(" %s %u", fsp_status_name((fsp_status_t)i), maker.seen[i]);
    printf("\n");
    fflush(stdout);
    /* What was looked for did happen. */
    static const fsp_status_t wanted[] = {FSP_LOCKED,         FSP_LEASE_LOST, FSP_NOT_EMPTY,
                                          FSP_NO_SUCH_UPLOAD, FSP_FORBIDDEN,  FSP_MISMATCH,
                                          FSP_EXISTS,         FSP_QUOTA};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && !getenv("FSP_SEED"); i++)
        ck_assert_msg(maker.seen[wanted[i]] > 0, "%s did not occur", fsp_status_name(wanted[i]));
    ck_assert_uint_gt(maker.seen[FSP_OK], COMMANDS / 8);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("node_random");
    TCase *tcase = new_case("random", set_up_node);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, random_histories_are_whole_after_each_command, 0, SEEDS);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
