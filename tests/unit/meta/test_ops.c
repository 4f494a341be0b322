/* SPDX-License-Identifier: MIT */
/* test_ops - exactly once, and the horizon to the number.  Tests. */
#include "tests/unit/meta/meta_world.h"

static fsp_command_t
mkdir_command(const char *path, uint64_t since)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at(path);
    command.mkdir.ids_seed = next_seed(&world);
    command.since = since;
    return command;
}

static uint64_t
op_rows(void)
{
    fsp_row_key_t from = fsp_row_key(world.shard, FSP_TABLE_OP, world.space_id);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    uint64_t count = 0;
    const fsp_omap_row_t *row =
        fsp_omap_seek(fsp_memview_map(world.rows), fsp_row_key_slice(&from));
    for (; row && fsp_slice_cmp(row->key, fsp_row_key_slice(&to)) < 0; row = fsp_omap_next(row))
        count++;
    return count;
}

static fsp_space_row_t trimmed_space;

/* Trims outside a command, as apply does, with another minimum. */
static void
trim(uint64_t kept_min, fsp_time_t kept_us, size_t rows_max)
{
    trimmed_space = trim_ops(&world, kept_min, kept_us, rows_max);
    ck_assert_uint_eq(trimmed_space.op_count, op_rows());
}

START_TEST(a_retry_gets_the_stored_answer)
{
    fsp_command_t command = mkdir_command("/d", 1);
    ck_status(apply(&world, &command), FSP_OK);
    fsp_result_t first = world.result;
    ck_status(put(&world, "/f"), FSP_OK);
    /* What a retry may differ in: attempt, since, epoch, layout, ids of the gateway. */
    command.attempt = 2;
    command.since = 0;
    command.epoch = 7;
    command.layout_version = 9;
    command.system_index = 4;
    command.mkdir.ids_seed = file_id(4711);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(world.result.repeated);
    ck_assert(fsp_file_id_eq(world.result.file_id, first.file_id));
    ck_assert_uint_eq(world.result.index, first.index);
    ck_assert_uint_eq(world.result.time, first.time);
    ck_assert_uint_eq(world.rows_written, 1); /* the shard's own row */
}
END_TEST

START_TEST(a_refusal_is_an_answer_and_stays_one)
{
    fsp_command_t command = mkdir_command("/x/y", 1);
    ck_status(apply(&world, &command), FSP_NO_PARENT);
    ck_status(mkdir_at(&world, "/x"), FSP_OK);
    command.attempt = 2;
    ck_status(apply(&world, &command), FSP_NO_PARENT);
    ck_assert(world.result.repeated);
    ck_assert_uint_eq(world.result.index, 1);
    ck_assert(!exists(&world, "/x/y"));
}
END_TEST

START_TEST(an_operation_id_serves_one_request_of_one_subject)
{
    fsp_command_t command = mkdir_command("/d", 1);
    ck_status(apply(&world, &command), FSP_OK);
    command.request_digest.bytes[0] ^= 1;
    ck_status(apply(&world, &command), FSP_OP_REUSED);
    ck_assert(!world.result.repeated);
    /* Somebody else with the same id is somebody else. */
    command.subject = subject_id(2);
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    command.request_digest.bytes[0] ^= 1;
    ck_status(apply(&world, &command), FSP_OP_REUSED);
}
END_TEST

static void
set_epoch(fsp_space_row_t *row, uint64_t value)
{
    row->epoch = value;
}

static void
set_gc_layout(fsp_space_row_t *row, uint64_t value)
{
    row->gc_layout_version = value;
}

START_TEST(answers_of_class_again_are_not_stored)
{
    poke_space(&world, set_epoch, 5);
    poke_space(&world, set_gc_layout, 3);
    fsp_buf_t carrier;
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.put.target = at("/a");
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.ids_seed = next_seed(&world);
    command.put.carrier = carrier_of("content", &carrier);
    command.epoch = 3; /* u < e - 1 */
    uint64_t rows = op_rows();
    ck_status(apply(&world, &command), FSP_EPOCH);
    ck_assert_uint_eq(op_rows(), rows);
    ck_assert_uint_eq(world.rows_written, 1);
    command.epoch = 4; /* u = e - 1 */
    command.layout_version = 2;
    ck_status(apply(&world, &command), FSP_LAYOUT);
    command.layout_version = 3;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(!world.result.repeated);
    /* The stored answer comes before the fence. */
    command.epoch = 0;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(world.result.repeated);
    fsp_buf_clear(&carrier);
    /* What brings no roots passes the fence. */
    command = mkdir_command("/d", 1);
    ck_status(apply(&world, &command), FSP_OK);
    static const fsp_status_t again[] = {FSP_EPOCH, FSP_BASE_GONE, FSP_STALE, FSP_LEVEL,
                                         FSP_LAYOUT};
    for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
        ck_assert(!fsp_ops_keeps(again[i]));
    ck_assert(fsp_ops_keeps(FSP_OK));
    ck_assert(fsp_ops_keeps(FSP_FORBIDDEN));
    ck_assert(fsp_ops_keeps(FSP_QUOTA));
}
END_TEST

START_TEST(the_horizon_is_exact_to_one)
{
    /* Changes 2..6, each an operation with its own number; SPACE_INIT was 1. */
    static const char *const paths[] = {"/2", "/3", "/4", "/5", "/6"};
    fsp_command_t old[5];
    for (size_t i = 0; i < 5; i++) {
        old[i] = mkdir_command(paths[i], i + 1);
        ck_status(apply(&world, &old[i]), FSP_OK);
        ck_assert_uint_eq(world.result.index, i + 2);
    }
    ck_assert_uint_eq(op_rows(), 6);
    trim(3, 0, 4);
    ck_assert_uint_eq(trimmed_space.op_count, 3);
    ck_assert_uint_eq(trimmed_space.horizon, 4); /* the row of change 3 went last */

    /* since = 3: the trimmed row of index 3 may have been this operation's. */
    fsp_command_t command = mkdir_command("/new", 3);
    ck_status(apply(&world, &command), FSP_EXPIRED);
    ck_assert_uint_eq(world.result.index, 6);
    command.attempt = 2;
    ck_status(apply(&world, &command), FSP_OUTCOME_UNKNOWN);
    ck_assert(!exists(&world, "/new"));
    ck_assert_uint_eq(op_rows(), 3);
    /* since = 4: covered. */
    command.since = 4;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(!world.result.repeated);

    /* Retries of what was trimmed are refused, of what is kept answered, by since or not. */
    for (size_t i = 0; i < 5; i++) {
        old[i].attempt = 2;
        ck_status(apply(&world, &old[i]), i < 2 ? FSP_OUTCOME_UNKNOWN : FSP_OK);
        ck_assert(i < 2 || world.result.repeated);
    }
    old[4].since = 0;
    ck_status(apply(&world, &old[4]), FSP_OK);
    ck_assert(world.result.repeated);
    /* A retry that lost its since counts as 0. */
    command = mkdir_command("/lost", 0);
    command.attempt = 3;
    ck_status(apply(&world, &command), FSP_OUTCOME_UNKNOWN);
}
END_TEST

START_TEST(without_any_trimming_since_0_is_covered)
{
    fsp_command_t command = mkdir_command("/d", 0);
    command.attempt = 5;
    ck_status(apply(&world, &command), FSP_OK);
}
END_TEST

START_TEST(trimming_is_bounded_and_respects_both_minimums)
{
    for (size_t i = 0; i < 10; i++) {
        char path[] = "/a";
        path[1] = (char)('a' + i);
        ck_status(mkdir_at(&world, path), FSP_OK);
    }
    ck_assert_uint_eq(op_rows(), 11);
    trim(11, 0, 4);
    ck_assert_uint_eq(op_rows(), 11);
    trim(10, 0, 4);
    ck_assert_uint_eq(op_rows(), 10);
    trim(0, 0, 4);
    ck_assert_uint_eq(op_rows(), 6);
    trim(5, 0, 4);
    ck_assert_uint_eq(op_rows(), 5);
    /* Ten milliseconds apart each: the oldest of 5 is 4,000 us old, which is not more than 4,000.
     */
    trim(0, 4000, 4);
    ck_assert_uint_eq(op_rows(), 5);
    trim(0, 3999, 4);
    ck_assert_uint_eq(op_rows(), 4);
    trim(0, FSP_OPS_KEPT_US, 4);
    ck_assert_uint_eq(op_rows(), 4);
}
END_TEST

START_TEST(refusals_do_not_lift_the_horizon_above_the_last_change)
{
    for (size_t i = 0; i < 20; i++)
        ck_status(mkdir_at(&world, "/x/y"), FSP_NO_PARENT);
    world.time += 2 * FSP_OPS_KEPT_US;
    for (size_t i = 0; i < 10; i++)
        trim(0, 0, 4);
    ck_assert_uint_eq(trimmed_space.horizon, 0);
    fsp_command_t command = mkdir_command("/d", 1);
    ck_status(apply(&world, &command), FSP_OK);
    /* One change later they go. */
    for (size_t i = 0; i < 10; i++)
        trim(0, 0, 4);
    ck_assert_uint_eq(op_rows(), 1);
    ck_assert_uint_eq(trimmed_space.horizon, 2);
    command = mkdir_command("/e", 2);
    ck_status(apply(&world, &command), FSP_OK);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ops");
    TCase *tcase = new_case("exactly once", set_up);
    tcase_add_test(tcase, a_retry_gets_the_stored_answer);
    tcase_add_test(tcase, a_refusal_is_an_answer_and_stays_one);
    tcase_add_test(tcase, an_operation_id_serves_one_request_of_one_subject);
    tcase_add_test(tcase, answers_of_class_again_are_not_stored);
    tcase_add_test(tcase, the_horizon_is_exact_to_one);
    tcase_add_test(tcase, without_any_trimming_since_0_is_covered);
    tcase_add_test(tcase, trimming_is_bounded_and_respects_both_minimums);
    tcase_add_test(tcase, refusals_do_not_lift_the_horizon_above_the_last_change);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
