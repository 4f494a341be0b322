/* SPDX-License-Identifier: MIT */
/* test_apply - order of judgement, fences, the shard's row, SPACE_INIT.  Tests. */
#include "tests/unit/meta/meta_world.h"

static fsp_shard_row_t
shard_row(void)
{
    fsp_shard_row_t row;
    ck_status(fsp_meta_shard_row(world.shard, fsp_memview_view(world.rows), &row), FSP_OK);
    return row;
}

static void
poke_shard(fsp_shard_row_t row)
{
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_SHARD, (fsp_space_id_t){{0}});
    fsp_buf_t value;
    fsp_buf_init(&value, 100);
    fsp_shard_row_encode(&row, &value);
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), fsp_buf_slice(&value), 0);
    fsp_buf_clear(&value);
}

START_TEST(a_shard_without_a_row_is_all_zero)
{
    fsp_shard_row_t row = shard_row();
    ck_assert_uint_eq(row.applied_index, 0);
    ck_assert_uint_eq(row.log_time, 0);
    ck_assert_uint_eq(row.feature_level, 0);
}
END_TEST

START_TEST(an_entry_without_a_command_moves_only_the_shard_row)
{
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    ck_status(fsp_meta_apply(world.shard, world.txn, 8, 3, 500, (fsp_slice_t){0}, &result), FSP_OK);
    ck_assert_uint_eq(result.bytes, 0);
    ck_assert_uint_eq(fsp_overlay_count(world.txn), 1);
    commit(&world);
    fsp_shard_row_t row = shard_row();
    ck_assert_uint_eq(row.applied_index, 8);
    ck_assert_uint_eq(row.applied_term, 3);
    ck_assert_uint_eq(row.log_time, 500);
    ck_assert_uint_eq(row.feature_level, FSP_FEATURE_LEVEL_INITIAL);
    /* Log time does not fall, whatever a leader says. */
    ck_status(fsp_meta_apply(world.shard, world.txn, 9, 3, 400, (fsp_slice_t){0}, &result), FSP_OK);
    commit(&world);
    ck_assert_uint_eq(shard_row().log_time, 500);
    fsp_buf_clear(&result);
}
END_TEST

START_TEST(log_time_is_strictly_after_the_previous)
{
    ck_assert_uint_eq(fsp_meta_next_time(10, 50), 50);
    ck_assert_uint_eq(fsp_meta_next_time(50, 50), 51);
    ck_assert_uint_eq(fsp_meta_next_time(50, 10), 51);
    ck_assert_uint_eq(fsp_meta_next_time(0, 0), 1);
    ck_assert_uint_eq(fsp_meta_next_time(UINT64_MAX, 10), UINT64_MAX);
}
END_TEST

START_TEST(undecodable_bytes_have_a_result_and_leave_only_the_shard_row)
{
    static const struct {
        const char *bytes;
        size_t count;
        fsp_status_t status;
    } cases[] = {
        {"\xc1", 1, FSP_INVALID},
        {"garbage", 7, FSP_INVALID},
        {"\x90", 1, FSP_INVALID},
        /* Arrays of 12 whose first values are type and version. */
        {"\x9c\x63\x01          ", 13, FSP_UNSUPPORTED},
        {"\x9c\x02\x03          ", 13, FSP_LEVEL},
        {"\x9c\x02\x01          ", 13, FSP_INVALID},
        {"\x9c\x02\x02", 3, FSP_INVALID}, /* cannot hold 12 values */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_status(apply_bytes(&world, fsp_slice(cases[i].bytes, cases[i].count)), cases[i].status);
        ck_assert_uint_eq(world.rows_written, 1);
        ck_assert_uint_eq(shard_row().applied_index, world.index);
    }
}
END_TEST

START_TEST(a_space_that_is_not_there_takes_no_command)
{
    ck_status(put(&world, "/a"), FSP_NO_SUCH_SPACE);
    ck_assert_uint_eq(world.rows_written, 1);
}
END_TEST

START_TEST(a_space_begins_once_and_its_name_is_its_own)
{
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert_uint_eq(world.result.index, 1);
    ck_assert(fsp_file_id_eq(world.result.file_id, world.root_id));
    command.attempt = 2;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(world.result.repeated);
    command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_EXISTS);
    command = space_init_command(&world);
    command.space_id.bytes[0] ^= 1;
    ck_status(apply(&world, &command), FSP_EXISTS); /* the name */
    ck_assert_uint_eq(world.rows_written, 1);
    command.space_init.name = text("other");
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert_uint_eq(world.result.index, 1);
}
END_TEST

START_TEST(a_space_begins_with_its_owner_only)
{
    fsp_command_t command = space_init_command(&world);
    command.subject = subject_id(2);
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    ck_assert_uint_eq(world.rows_written, 1);
    command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
}
END_TEST

START_TEST(a_stranger_may_change_nothing)
{
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    world.owner = subject_id(2);
    ck_status(mkdir_at(&world, "/d"), FSP_FORBIDDEN);
    ck_status(put(&world, "/a"), FSP_FORBIDDEN);
    ck_status(remove_at(&world, "/"), FSP_FORBIDDEN);
    ck_status(move(&world, "/a", "/b"), FSP_FORBIDDEN);
    world.owner = (fsp_subject_id_t){{0}};
    ck_status(mkdir_at(&world, "/d"), FSP_FORBIDDEN);
    world.owner = subject_id(1);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
}
END_TEST

START_TEST(what_was_built_below_the_subject_floor_is_stale)
{
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    fsp_shard_row_t row = shard_row();
    row.subject_floor = 10;
    poke_shard(row);
    command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/d");
    command.mkdir.ids_seed = next_seed(&world);
    command.system_index = 9;
    ck_status(apply(&world, &command), FSP_STALE);
    ck_assert_uint_eq(world.rows_written, 1);
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/");
    query.system_index = 9;
    ck_status(ask(&world, &query).status, FSP_STALE);
    query.system_index = 10;
    ck_status(ask(&world, &query).status, FSP_OK);
    command.system_index = 10;
    command.attempt = 2;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(!world.result.repeated);
    ck_assert_uint_eq(shard_row().subject_floor, 10); /* applying keeps it */
}
END_TEST

static void
set_epoch(fsp_space_row_t *row, uint64_t value)
{
    row->epoch = value;
}

START_TEST(the_epoch_fence_lets_the_present_and_the_last_epoch_pass)
{
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    fsp_buf_t carrier;
    (void)carrier_of("content", &carrier);
    for (uint64_t e = 0; e < 4; e++) {
        poke_space(&world, set_epoch, e);
        for (uint64_t u = 0; u < 6; u++) {
            command = new_command(&world, FSP_COMMAND_PUT);
            command.put.target = at("/a");
            command.put.kind = FSP_KIND_FILE;
            command.put.condition = condition(FSP_IF_REPLACE);
            command.put.ids_seed = next_seed(&world);
            command.put.carrier = fsp_buf_slice(&carrier);
            command.epoch = u;
            ck_status(apply(&world, &command), u + 1 < e ? FSP_EPOCH : FSP_OK);
        }
    }
    fsp_buf_clear(&carrier);
}
END_TEST

/* A view whose reads fail after a countdown. */
typedef struct {
    fsp_view_t view;
    fsp_view_t *below;
    size_t reads_left;
} broken_t;

static fsp_status_t
broken_get(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    broken_t *self = (broken_t *)view;
    if (self->reads_left == 0)
        return FSP_IO;
    self->reads_left--;
    return fsp_view_get(self->below, key, ret_value);
}

static fsp_cursor_t *
broken_scan(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    return fsp_view_scan(((broken_t *)view)->below, from, to);
}

START_TEST(a_failed_read_is_reported_and_never_taken_for_absence)
{
    static const fsp_view_ops_t ops = {.get = broken_get, .scan = broken_scan};
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/b"), FSP_OK);

    command = new_command(&world, FSP_COMMAND_MOVE);
    command.move.from = by_id(world.result.file_id);
    command.move.to = at("/a");
    command.move.replace = true;
    command.move.condition = condition(FSP_IF_REPLACE);
    fsp_buf_t bytes, result;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &bytes);
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    broken_t broken = {.view = {.ops = &ops}, .below = fsp_memview_view(world.rows)};
    size_t failures = 0;
    for (size_t reads = 0;; reads++) {
        fsp_overlay_t *txn = fsp_overlay_new(&broken.view);
        broken.reads_left = reads;
        fsp_buf_reset(&result);
        fsp_status_t status = fsp_meta_apply(world.shard, txn, world.index + 1, 1, world.time + 1,
                                             fsp_buf_slice(&bytes), &result);
        fsp_overlay_destroy(&txn);
        if (status == FSP_OK)
            break;
        ck_status(status, FSP_IO);
        failures++;
    }
    ck_assert_uint_gt(failures, 6);
    fsp_result_t last;
    ck_status(fsp_result_decode(fsp_buf_slice(&result), &last), FSP_OK);
    ck_status(last.status, FSP_OK);

    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = at("/d");
    failures = 0;
    for (size_t reads = 0;; reads++, failures++) {
        broken.reads_left = reads;
        fsp_buf_reset(&world.answer);
        fsp_status_t status = fsp_meta_query(world.shard, &broken.view, &query, &world.answer);
        if (status == FSP_OK)
            break;
        ck_status(status, FSP_IO);
        ck_assert_uint_eq(world.answer.bytes, 0);
    }
    ck_assert_uint_gt(failures, 3);
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&result);
}
END_TEST

START_TEST(damaged_rows_stop_apply)
{
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_NODE, world.space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(world.result.file_id));
    if (_i == 0)
        fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), text("rot"), 0);
    else
        fsp_omap_remove(fsp_memview_map(world.rows), fsp_row_key_slice(&key)); /* entry, no node */
    command = new_command(&world, FSP_COMMAND_DELETE);
    command.remove.target = at("/a");
    command.remove.condition = condition(FSP_IF_REPLACE);
    fsp_buf_reset(&world.bytes);
    fsp_command_encode(&command, &world.bytes);
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    ck_status(fsp_meta_apply(world.shard, world.txn, world.index + 1, 1, world.time + 1,
                             fsp_buf_slice(&world.bytes), &result),
              FSP_DAMAGED);
    fsp_buf_clear(&result);
    fsp_overlay_reset(world.txn);
}
END_TEST

START_TEST(a_command_above_the_shards_level_is_refused_and_not_kept)
{
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    /* A shard that has not reached the level of any command known here. */
    fsp_shard_row_t row = shard_row();
    row.feature_level = 0;
    poke_shard(row);
    ck_status(put(&world, "/a"), FSP_LEVEL);
    row = shard_row();
    row.feature_level = fsp_command_level(FSP_COMMAND_PUT, FSP_COMMAND_VERSION);
    poke_shard(row);
    /* LEVEL is of the class "again": the same operation may come once more, and is done. */
    world.last_op--;
    ck_status(put(&world, "/a"), FSP_OK);
}
END_TEST

START_TEST(a_state_of_a_newer_program_is_left_alone)
{
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
    fsp_shard_row_t row = shard_row();
    row.feature_level = FSP_FEATURE_LEVEL + 1;
    poke_shard(row);
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    ck_status(fsp_meta_apply(world.shard, world.txn, world.index + 1, 1, world.time + 1,
                             fsp_buf_slice(&world.bytes), &result),
              FSP_FORMAT_NEWER);
    ck_assert_uint_eq(result.bytes, 0);
    fsp_buf_clear(&result);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply");
    TCase *tcase = new_case("apply", set_up_bare);
    tcase_add_test(tcase, a_command_above_the_shards_level_is_refused_and_not_kept);
    tcase_add_test(tcase, a_shard_without_a_row_is_all_zero);
    tcase_add_test(tcase, an_entry_without_a_command_moves_only_the_shard_row);
    tcase_add_test(tcase, log_time_is_strictly_after_the_previous);
    tcase_add_test(tcase, undecodable_bytes_have_a_result_and_leave_only_the_shard_row);
    tcase_add_test(tcase, a_space_that_is_not_there_takes_no_command);
    tcase_add_test(tcase, a_space_begins_once_and_its_name_is_its_own);
    tcase_add_test(tcase, a_space_begins_with_its_owner_only);
    tcase_add_test(tcase, a_stranger_may_change_nothing);
    tcase_add_test(tcase, what_was_built_below_the_subject_floor_is_stale);
    tcase_add_test(tcase, the_epoch_fence_lets_the_present_and_the_last_epoch_pass);
    tcase_add_test(tcase, a_failed_read_is_reported_and_never_taken_for_absence);
    tcase_add_loop_test(tcase, damaged_rows_stop_apply, 0, 2);
    tcase_add_test(tcase, a_state_of_a_newer_program_is_left_alone);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
