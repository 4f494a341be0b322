/* SPDX-License-Identifier: MIT */
/* test_apply_batch - BATCH: all or nothing, one change, and its bounds.  Tests. */
#include "tests/unit/meta/node_world.h"

static fsp_result_item_t
item_of_result(size_t index)
{
    fsp_canon_t items = fsp_canon_reader(world.result.items);
    fsp_result_item_t item;
    for (size_t i = 0; i <= index; i++)
        fsp_result_item_next(&items, &item);
    ck_assert_int_eq(items.status, FSP_OK);
    return item;
}

/* The last change. */
static fsp_change_info_t
last_change(void)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = space_row(&world).change_index - 1;
    fsp_answer_t answer = ask(&world, &query);
    fsp_change_info_t change;
    ck_assert_uint_eq(answer.count, 1);
    ck_status(fsp_answer_change(&answer, &change), FSP_OK);
    return change;
}

/* world.result borrows from bytes that are gone after apply: items are looked at through the answer
   that is kept. */
static void
load_kept_result(void)
{
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(world.rows));
    for (; row; row = fsp_omap_next(row)) {
        if (row->key.data[8] != FSP_TABLE_OP)
            continue;
        fsp_op_row_t op;
        ck_status(fsp_op_row_decode(row->value, &op), FSP_OK);
        if (fsp_load_u64(row->key.data + FSP_ROW_PREFIX_BYTES + 16) == world.last_op)
            ck_status(fsp_result_decode(op.result, &world.result), FSP_OK);
    }
}

START_TEST(items_take_effect_together_as_one_change)
{
    ck_status(put(&world, "/old"), FSP_OK);
    uint64_t last = world.result.index;
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, mkdir_command(&world, "/d"));
    world.last_op++; /* another seed */
    batch_item(&batch, put_command(&world, "/d/f", condition(FSP_IF_NONE_MATCH), 7));
    batch_item(&batch, put_command(&world, "/d/f", condition(FSP_IF_REPLACE), 8));
    batch_item(&batch, move_command(&world, "/old", "/d/new", false));
    batch_item(&batch, lock_command(&world, "/d/new", SECOND));
    ck_status(batch_apply(&world, &batch), FSP_OK);
    load_kept_result();
    ck_assert_uint_eq(world.result.index, last + 1);
    ck_assert_uint_eq(world.result.item_count, 5);
    ck_assert_uint_eq(world.result.failed, 0);
    ck_assert(fsp_file_id_eq(world.result.file_id, world.root_id));
    ck_assert_uint_eq(item_of_result(1).number, 1);
    ck_assert_uint_eq(item_of_result(2).number, 2);
    ck_assert_uint_eq(item_of_result(2).size, 8);
    ck_assert(fsp_file_id_eq(item_of_result(1).file_id, item_of_result(2).file_id));
    ck_assert(fsp_version_id_is_zero(item_of_result(3).version_id));

    fsp_change_info_t change = last_change();
    ck_assert_int_eq(change.operation, FSP_COMMAND_BATCH);
    ck_assert_uint_eq(change.item_count, 5);
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/d/new", &node), FSP_OK);
    ck_assert_uint_eq(node.lease.token, last + 1);
    ck_status(resolve_at(&world, "/d/f", &node), FSP_OK);
    ck_assert_uint_eq(node.version.parent_count, 1);
    whole(&world);
}
END_TEST

START_TEST(the_first_refusal_undoes_all_and_is_named)
{
    ck_status(put(&world, "/f"), FSP_OK);
    uint64_t last = world.result.index;
    uint64_t used = space_row(&world).used_bytes;
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, put_command(&world, "/f", condition(FSP_IF_REPLACE), 7));
    batch_item(&batch, delete_command(&world, "/none"));
    batch_item(&batch, put_command(&world, "/f", condition(FSP_IF_NONE_MATCH), 7));
    ck_status(batch_apply(&world, &batch), FSP_NOT_FOUND);
    ck_assert_uint_eq(world.result.failed, 2);
    ck_assert_uint_eq(world.result.item_count, 0);
    ck_assert_uint_eq(world.result.index, last);
    ck_assert_uint_eq(space_row(&world).used_bytes, used);

    batch_init(&batch);
    batch_item(&batch,
               put_command(&world, "/f", condition_on(FSP_IF_MATCH, (fsp_version_id_t){{1}}), 7));
    ck_status(batch_apply(&world, &batch), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.failed, 1);
    ck_assert_uint_eq(world.result.head_count, 1); /* those of the item's file */
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/f", &node), FSP_OK);
    ck_assert_uint_eq(node.version.number, 1);
    whole(&world);
}
END_TEST

START_TEST(a_retry_gets_the_results_of_all_items_again)
{
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, mkdir_command(&world, "/d"));
    ck_status(batch_apply(&world, &batch), FSP_OK);
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_RESULT_BYTES_MAX);
    ck_status(fsp_meta_apply(world.shard, world.txn, world.index + 1, 1, world.time + 1,
                             fsp_buf_slice(&world.bytes), &again),
              FSP_OK);
    fsp_result_t result;
    ck_status(fsp_result_decode(fsp_buf_slice(&again), &result), FSP_OK);
    ck_assert(result.repeated);
    ck_assert_uint_eq(result.item_count, 1);
    fsp_overlay_reset(world.txn);
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(rights_are_judged_item_by_item)
{
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, mkdir_command(&world, "/d"));
    ck_status(batch_apply_as(&world, 3, &batch), FSP_FORBIDDEN);
    ck_assert_uint_eq(world.result.failed, 1);
    ck_status(put(&world, "/f"), FSP_OK);
    batch_init(&batch);
    batch_item(&batch, mkdir_command(&world, "/d"));
    batch_item(&batch, lease_command(&world, FSP_COMMAND_UNLOCK, at("/f"), 0, 0));
    ck_status(batch_apply_as(&world, 2, &batch), FSP_FORBIDDEN);
    ck_assert_uint_eq(world.result.failed, 2);
    ck_assert(!exists(&world, "/d"));
    whole(&world);
}
END_TEST

START_TEST(a_batch_that_changes_nothing_takes_no_number)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    uint64_t last = world.result.index;
    batch_t batch;
    batch_init(&batch);
    fsp_command_t command = mkdir_command(&world, "/d");
    command.mkdir.exist_ok = true;
    batch_item(&batch, command);
    batch_item(&batch, move_command(&world, "/d", "/d", false));
    ck_status(batch_apply(&world, &batch), FSP_OK);
    ck_assert_uint_eq(world.result.index, last);
    ck_assert_uint_eq(world.result.item_count, 2);
    /* One that changes something is alone in the row. */
    batch_init(&batch);
    batch_item(&batch, command);
    batch_item(&batch, move_command(&world, "/d", "/e", false));
    ck_status(batch_apply(&world, &batch), FSP_OK);
    ck_assert_uint_eq(last_change().item_count, 1);
    whole(&world);
}
END_TEST

START_TEST(names_in_the_trash_count_on)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(put(&world, "/b"), FSP_OK);
    fsp_file_id_t b = world.result.file_id;
    ck_status(put(&world, "/c"), FSP_OK);
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, delete_command(&world, "/a"));
    batch_item(&batch, move_command(&world, "/c", "/b", true));
    batch_item(&batch, delete_command(&world, "/b"));
    ck_status(batch_apply(&world, &batch), FSP_OK);
    char name[32];
    snprintf(name, sizeof(name), "%020llu.0001", (unsigned long long)world.result.index);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(b), "", &node), FSP_OK);
    ck_assert(fsp_slice_eq(node.name, text(name)));
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_ENTRY), 3);
    whole(&world);
}
END_TEST

/* A name and heads that change many times under one number leave one past row each. */
START_TEST(one_number_leaves_one_past_row)
{
    ck_status(put(&world, "/f"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    uint64_t before = world.result.index;
    size_t entries = rows_of(&world, FSP_TABLE_PAST_ENTRY);
    batch_t batch;
    batch_init(&batch);
    for (size_t i = 0; i < 3; i++) {
        fsp_command_t command = put_command(&world, "/f", condition(FSP_IF_REPLACE), i);
        command.put.target = by_id(id);
        batch_item(&batch, command);
        batch_item(&batch, move_command(&world, "/f", "/g", false));
        batch_item(&batch, move_command(&world, "/g", "/f", false));
    }
    ck_status(batch_apply(&world, &batch), FSP_OK);
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_PAST_ENTRY), entries + 1);
    ck_assert_uint_eq(rows_of(&world, FSP_TABLE_PAST_HEADS), 1);
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = at("/f");
    query.at_index = before;
    fsp_answer_t answer = ask(&world, &query);
    ck_assert_int_eq(answer.status, FSP_OK);
    fsp_node_info_t node;
    ck_status(fsp_answer_node(&answer, &node), FSP_OK);
    ck_assert_uint_eq(node.version.number, 1);
    whole(&world);
}
END_TEST

START_TEST(fences_hold_for_a_batch_that_publishes)
{
    batch_t batch;
    batch_init(&batch);
    batch_item(&batch, put_command(&world, "/f", condition(FSP_IF_REPLACE), 7));
    fsp_command_t command = new_command(&world, FSP_COMMAND_GC_OPEN);
    command.access.value = 1;
    command.access.detail = 5;
    ck_status(apply_as(&world, 0, command), FSP_OK);
    ck_status(batch_apply(&world, &batch), FSP_LAYOUT);
    batch_init(&batch);
    batch_item(&batch, mkdir_command(&world, "/d"));
    ck_status(batch_apply(&world, &batch), FSP_OK);
}
END_TEST

/* -- bounds ------------------------------------------------------------------------------------ */

START_TEST(two_hundred_and_fifty_six_items_and_no_more)
{
    batch_t batch;
    char path[32];
    batch_init(&batch);
    for (size_t i = 0; i < FSP_BATCH_ITEMS_MAX; i++) {
        snprintf(path, sizeof(path), "/f%03zu", i);
        world.last_op++;
        batch_item(&batch, put_command(&world, path, condition(FSP_IF_REPLACE), 1));
    }
    uint64_t last = space_row(&world).change_index;
    ck_status(batch_apply(&world, &batch), FSP_OK);
    ck_assert_uint_eq(world.result.index, last + 1);
    ck_assert_uint_eq(last_change().item_count, FSP_BATCH_ITEMS_MAX);
    whole(&world);

    batch_init(&batch);
    for (size_t i = 0; i < FSP_BATCH_ITEMS_MAX; i++) {
        snprintf(path, sizeof(path), "/f%03zu", i);
        batch_item(&batch, delete_command(&world, path));
    }
    ck_status(batch_apply(&world, &batch), FSP_OK);
    whole(&world);

    batch_init(&batch);
    for (size_t i = 0; i <= FSP_BATCH_ITEMS_MAX; i++)
        batch_item(&batch, delete_command(&world, "/f"));
    ck_status(batch_apply(&world, &batch), FSP_TOO_LARGE);
    batch_init(&batch);
    ck_status(batch_apply(&world, &batch), FSP_INVALID);
}
END_TEST

/* "/a/a/..." with so many names, or /b... */
static void
deep_path(char *path, char letter, size_t names)
{
    for (size_t i = 0; i < names; i++) {
        path[2 * i] = '/';
        path[2 * i + 1] = letter;
    }
    path[2 * names] = 0;
}

/* 29 items of 10 + 2 * 63 rows are 3,944; 13 items of 10 more make 4,074, and a 14th is too much.
 */
START_TEST(rows_are_counted_before_anything_is_applied)
{
    char path[4 + 2 * FSP_PATH_DEPTH_MAX];
    for (size_t extra = 13; extra <= 14; extra++) {
        batch_t batch;
        batch_init(&batch);
        for (size_t i = 0; i < 29; i++) {
            deep_path(path, (char)((extra == 13 ? 'A' : 'a') + (int)(i % 26)), FSP_PATH_DEPTH_MAX);
            path[1] = i < 26 ? path[1] : (char)('0' + (int)(i - 26));
            world.last_op++;
            fsp_command_t command = put_command(&world, path, condition(FSP_IF_REPLACE), 1);
            command.put.create_parents = true;
            batch_item(&batch, command);
        }
        for (size_t i = 0; i < extra; i++)
            batch_item(&batch, attr_command(&world, at("/"), i % 2 ? "one" : "two"));
        uint64_t last = space_row(&world).change_index;
        ck_status(batch_apply(&world, &batch), extra == 13 ? FSP_OK : FSP_TOO_LARGE);
        ck_assert_uint_eq(space_row(&world).change_index, extra == 13 ? last + 1 : last);
        if (extra == 13) {
            ck_assert_uint_gt(world.rows_written, 3700);
            ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
        }
    }
    whole(&world);
}
END_TEST

START_TEST(one_mebibyte_is_the_most)
{
    /* Attributes fill a batch to just below the limit of a command. */
    static char attr[FSP_ATTR_BYTES_MAX + 1];
    memset(attr, 'x', FSP_ATTR_BYTES_MAX);
    batch_t batch;
    batch_init(&batch);
    for (size_t i = 0; i < 254; i++) {
        attr[0] = (char)('a' + (int)(i % 2));
        batch_item(&batch, attr_command(&world, at("/"), attr));
    }
    ck_assert_uint_gt(batch.items.bytes, FSP_COMMAND_BYTES_MAX - 8 * 1024);
    ck_status(batch_apply(&world, &batch), FSP_OK);

    fsp_buf_t bytes;
    fsp_buf_init(&bytes, 2 * FSP_COMMAND_BYTES_MAX);
    fsp_buf_append_slice(&bytes, fsp_buf_slice(&world.bytes));
    (void)fsp_buf_extend(&bytes, FSP_COMMAND_BYTES_MAX + 1 - world.bytes.bytes);
    ck_status(apply_bytes(&world, fsp_buf_slice(&bytes)), FSP_TOO_LARGE);
    fsp_buf_clear(&bytes);
}
END_TEST

/* A path of about `bytes`, of directories that are made. */
static fsp_file_id_t
make_long_path(size_t bytes)
{
    static char path[FSP_PATH_BYTES_MAX + 1];
    size_t used = 0;
    while (used + 1 < bytes) {
        size_t name = bytes - used - 1;
        name = name > 200 ? 200 : name;
        path[used++] = '/';
        memset(path + used, 'n', name);
        used += name;
    }
    path[used] = 0;
    fsp_command_t command = mkdir_command(&world, path);
    command.mkdir.create_parents = true;
    ck_status(apply(&world, &command), FSP_OK);
    return world.result.file_id;
}

/* Targets by id have paths that the command's bytes do not show. */
START_TEST(a_change_row_that_nobody_could_read_is_refused)
{
    fsp_file_id_t id = make_long_path(4000);
    for (size_t count = 240; count <= FSP_BATCH_ITEMS_MAX; count += 16) {
        batch_t batch;
        batch_init(&batch);
        for (size_t i = 0; i < count; i++)
            batch_item(&batch, attr_command(&world, by_id(id), i % 2 ? "one" : "two"));
        bool fits = count < 245;
        ck_status(batch_apply(&world, &batch), fits ? FSP_OK : FSP_TOO_LARGE);
        ck_assert_uint_eq(world.result.failed, 0);
        ck_assert_int_eq(world.result.kind, fits ? FSP_KIND_DIRECTORY : 0);
        if (fits)
            ck_assert_uint_eq(last_change().item_count, count);
    }
    whole(&world);
}
END_TEST

START_TEST(what_no_batch_may_hold)
{
    static const fsp_command_type_t types[] = {
        FSP_COMMAND_SPACE_INIT,  FSP_COMMAND_BATCH,        FSP_COMMAND_RENEW, FSP_COMMAND_QUOTA,
        FSP_COMMAND_UPLOAD_OPEN, FSP_COMMAND_UPLOAD_ABORT, FSP_COMMAND_REKEY, FSP_COMMAND_PRUNE};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        fsp_command_t command = new_command(&world, FSP_COMMAND_BATCH);
        fsp_buf_t items;
        fsp_buf_init(&items, 1024);
        fsp_canon_array(&items, 3);
        fsp_canon_uint(&items, types[i]);
        fsp_canon_uint(&items, 1);
        fsp_canon_array(&items, 0);
        command.node.batch.items = fsp_buf_slice(&items);
        command.node.batch.count = 1;
        ck_status(apply(&world, &command), FSP_INVALID);
        fsp_buf_clear(&items);
    }
    batch_t batch;
    batch_init(&batch);
    fsp_command_t newer = mkdir_command(&world, "/d");
    newer.version = 2;
    batch_item(&batch, newer);
    ck_status(batch_apply(&world, &batch), FSP_LEVEL);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_batch");
    TCase *tcase = new_case("batch", set_up_node);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, items_take_effect_together_as_one_change);
    tcase_add_test(tcase, the_first_refusal_undoes_all_and_is_named);
    tcase_add_test(tcase, a_retry_gets_the_results_of_all_items_again);
    tcase_add_test(tcase, rights_are_judged_item_by_item);
    tcase_add_test(tcase, a_batch_that_changes_nothing_takes_no_number);
    tcase_add_test(tcase, names_in_the_trash_count_on);
    tcase_add_test(tcase, one_number_leaves_one_past_row);
    tcase_add_test(tcase, fences_hold_for_a_batch_that_publishes);
    tcase_add_test(tcase, two_hundred_and_fifty_six_items_and_no_more);
    tcase_add_test(tcase, rows_are_counted_before_anything_is_applied);
    tcase_add_test(tcase, one_mebibyte_is_the_most);
    tcase_add_test(tcase, a_change_row_that_nobody_could_read_is_refused);
    tcase_add_test(tcase, what_no_batch_may_hold);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
