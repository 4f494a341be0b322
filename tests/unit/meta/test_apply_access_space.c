/* SPDX-License-Identifier: MIT */
/* test_apply_access_space - a space closes and goes; rounds of collection; commands on a shard; log
   time.  Tests. */
#include "tests/unit/meta/test_apply_access.h"

#include "core/meta/audit.h"

#define HOUR_US ((fsp_time_t)3600 * 1000 * 1000)
#define DAY_US (24 * HOUR_US)

/* -- who --------------------------------------------------------------------------------------- */

START_TEST(only_the_node_itself_orders)
{
    const fsp_command_type_t types[] = {
        FSP_COMMAND_SUBJECT_FLOOR, FSP_COMMAND_LEVEL_RAISE, FSP_COMMAND_SPACE_STATE,
        FSP_COMMAND_SPACE_DROP,    FSP_COMMAND_GC_OPEN,     FSP_COMMAND_GC_CLOSE,
        FSP_COMMAND_TIME_CONFIRM,
    };
    fsp_command_t command = new_order(types[_i], 1, types[_i] == FSP_COMMAND_SPACE_STATE ? 9 : 0);
    command.subject = OWNER;
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    ck_assert_uint_eq(space_row().epoch, 0);
    ck_assert_int_eq(space_row().access.state, FSP_LIFE_OPEN);
    ck_assert_uint_eq(shard_row().subject_floor, 0);
}
END_TEST

START_TEST(shard_wide_commands_name_no_space)
{
    fsp_command_t command = new_order(FSP_COMMAND_SUBJECT_FLOOR, 1, 0);
    command.space_id = world.space_id;
    ck_status(apply(&world, &command), FSP_INVALID);
    command = new_order(FSP_COMMAND_GC_CLOSE, 1, 0);
    command.space_id = (fsp_space_id_t){{0}};
    ck_status(apply(&world, &command), FSP_INVALID);
    ck_status(order(FSP_COMMAND_LEVEL_RAISE, 0, 0), FSP_INVALID);
    ck_status(order(FSP_COMMAND_TIME_CONFIRM, 0, 0), FSP_INVALID);
    ck_status(order(FSP_COMMAND_GC_OPEN, 0, 0), FSP_INVALID);
    ck_status(order(FSP_COMMAND_GC_CLOSE, 0, 0), FSP_INVALID);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_CLOSING, 0), FSP_INVALID);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_OPEN, 5), FSP_INVALID);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_DROPPING, 5), FSP_INVALID);
}
END_TEST

/* -- floor and level --------------------------------------------------------------------------- */

START_TEST(the_subject_floor_only_rises_and_fences)
{
    ck_status(order(FSP_COMMAND_SUBJECT_FLOOR, 7, 0), FSP_OK);
    ck_assert_uint_eq(world.result.number, 7);
    ck_assert_uint_eq(world.result.index, 0);
    ck_status(order(FSP_COMMAND_SUBJECT_FLOOR, 5, 0), FSP_OK);
    ck_assert_uint_eq(world.result.number, 7);
    ck_assert_uint_eq(shard_row().subject_floor, 7);
    ck_status(put(&world, "/f"), FSP_STALE);
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = at("/");
    ck_status(ask(&world, &query).status, FSP_STALE);
    query.system_index = 7;
    ck_status(ask(&world, &query).status, FSP_OK);
}
END_TEST

START_TEST(the_level_rises_by_one_and_never_falls)
{
    ck_status(order(FSP_COMMAND_SUBJECT_FLOOR, 1, 0), FSP_LEVEL);
    ck_status(order(FSP_COMMAND_LEVEL_RAISE, 3, 0), FSP_MISMATCH);
    ck_status(order(FSP_COMMAND_LEVEL_RAISE, 1, 0), FSP_OK);
    ck_assert_uint_eq(world.result.number, 1);
    ck_status(order(FSP_COMMAND_LEVEL_RAISE, 2, 0), FSP_OK);
    ck_assert_uint_eq(world.result.number, 2);
    ck_status(order(FSP_COMMAND_LEVEL_RAISE, 1, 0), FSP_OK);
    ck_assert_uint_eq(shard_row().feature_level, 2);
    ck_status(order(FSP_COMMAND_SUBJECT_FLOOR, 1, 0), FSP_OK);
}
END_TEST

/* A level that this program does not know stops it, before the entry. */
START_TEST(a_level_above_the_program_stops_it)
{
    /* It rises by one, so the program's own level comes first. */
    ck_status(order(FSP_COMMAND_LEVEL_RAISE, FSP_FEATURE_LEVEL, 0), FSP_OK);
    fsp_command_t command = new_order(FSP_COMMAND_LEVEL_RAISE, FSP_FEATURE_LEVEL + 1, 0);
    fsp_buf_reset(&world.bytes);
    fsp_command_encode(&command, &world.bytes);
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    ck_status(fsp_meta_apply(world.shard, world.txn, world.index + 1, 1, world.time + 1,
                             fsp_buf_slice(&world.bytes), &result),
              FSP_FORMAT_NEWER);
    fsp_overlay_reset(world.txn);
    fsp_buf_clear(&result);
    ck_assert_uint_eq(shard_row().feature_level, FSP_FEATURE_LEVEL);
    ck_assert_uint_eq(shard_row().applied_index, world.index);
    /* From others it is refused: nobody can stop a shard by asking. */
    command.subject = OWNER;
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
}
END_TEST

/* -- collection -------------------------------------------------------------------------------- */

static fsp_status_t
publish(uint64_t epoch, uint64_t layout_version)
{
    fsp_buf_t carrier;
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.put.target = at("/f");
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.ids_seed = next_seed(&world);
    command.put.carrier = carrier_of("x", &carrier);
    command.epoch = epoch;
    command.layout_version = layout_version;
    fsp_status_t status = apply(&world, &command);
    fsp_buf_clear(&carrier);
    return status;
}

START_TEST(rounds_raise_the_epoch_by_one)
{
    uint64_t index = space_row().change_index;
    ck_status(order(FSP_COMMAND_GC_OPEN, 2, 1), FSP_MISMATCH);
    ck_status(order(FSP_COMMAND_GC_OPEN, 1, 5), FSP_OK);
    ck_status(order(FSP_COMMAND_GC_OPEN, 1, 5), FSP_OK); /* again */
    ck_status(order(FSP_COMMAND_GC_OPEN, 1, 6), FSP_EPOCH);
    ck_status(order(FSP_COMMAND_GC_OPEN, 2, 4), FSP_LAYOUT);
    ck_assert_uint_eq(space_row().epoch, 1);
    ck_assert(space_row().access.round_open);
    ck_status(order(FSP_COMMAND_GC_CLOSE, 2, 0), FSP_MISMATCH);
    ck_status(order(FSP_COMMAND_GC_CLOSE, 1, 0), FSP_OK);
    ck_assert(!space_row().access.round_open);
    ck_status(order(FSP_COMMAND_GC_CLOSE, 1, 0), FSP_OK);
    ck_status(order(FSP_COMMAND_GC_OPEN, 2, 5), FSP_OK);
    ck_status(order(FSP_COMMAND_GC_CLOSE, 1, 0), FSP_OK); /* of a round that was overtaken */
    ck_assert(space_row().access.round_open);
    ck_assert_uint_eq(space_row().change_index, index);
    ck_assert_uint_eq(space_row().op_count, 1); /* that of SPACE_INIT: no answer was kept */
    ck_status(publish(0, 5), FSP_EPOCH);
    ck_status(publish(1, 4), FSP_LAYOUT);
    ck_status(publish(1, 5), FSP_OK);
    check_state(&world);
}
END_TEST

/* -- closing ----------------------------------------------------------------------------------- */

START_TEST(a_closing_space_is_read_and_opened_again)
{
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_CLOSING, world.time + DAY_US), FSP_OK);
    ck_assert_uint_eq(world.result.index, 3);
    ck_status(put(&world, "/g"), FSP_SPACE_CLOSING);
    ck_status(grant("/", ALICE, 1), FSP_SPACE_CLOSING);
    ck_status(order(FSP_COMMAND_GC_OPEN, 1, 0), FSP_OK);
    ck_assert(exists(&world, "/f"));
    fsp_query_t query = new_query(&world, FSP_QUERY_SPACES);
    ck_assert_uint_eq(ask(&world, &query).count, 1);
    fsp_time_t deadline = space_row().access.deadline;
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_CLOSING, deadline), FSP_OK);
    ck_assert_uint_eq(world.result.index, 3); /* as it is already */
    ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_MISMATCH);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_OPEN, 0), FSP_OK);
    ck_status(put(&world, "/g"), FSP_OK);
    ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_MISMATCH);
    check_state(&world);
}
END_TEST

static uint64_t
rows_of_space(void)
{
    uint64_t count = 0;
    for (unsigned table = 0; table <= UINT8_MAX; table++) {
        fsp_row_key_t from = fsp_row_key(world.shard, (fsp_table_t)table, world.space_id);
        fsp_row_key_t to = from;
        fsp_row_key_to_prefix_end(&to);
        fsp_cursor_t *cursor = fsp_view_scan(fsp_memview_view(world.rows), fsp_row_key_slice(&from),
                                             fsp_row_key_slice(&to));
        for (; cursor->valid; fsp_cursor_next(cursor))
            count++;
        fsp_cursor_destroy(&cursor);
    }
    return count;
}

static void
count_fault(void *context, const fsp_fault_t *fault)
{
    printf("%s: %s\n", fault->kind, fault->what);
    ++*(unsigned *)context;
}

static unsigned
faults(void)
{
    unsigned count = 0;
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), count_fault, &count, &counts);
    return count;
}

START_TEST(a_space_is_dropped_in_bounded_steps_and_leaves_a_tombstone)
{
    /* More rows than one step removes. */
    for (int i = 0; i < 1200; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "/%d", i);
        ck_status(put(&world, path), FSP_OK);
    }
    ck_status(make_link(1, "/1", FSP_RIGHT_READ), FSP_OK);
    fsp_command_t again = space_init_command(&world);
    uint64_t rows = rows_of_space();
    ck_assert_uint_gt(rows, 6000);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_CLOSING, world.time + 1500), FSP_OK);
    ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_OK);
    ck_assert_uint_eq(world.result.number, 1);
    ck_assert_uint_eq(world.result.index, space_row().change_index);
    ck_assert_int_eq(space_row().access.state, FSP_LIFE_DROPPING);
    ck_assert_uint_eq(space_row().key_count, 0); /* keys first */
    ck_assert_uint_eq(space_row().wrapped_cut_key.bytes, 0);

    ck_status(put(&world, "/g"), FSP_SPACE_CLOSING);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_OPEN, 0), FSP_SPACE_CLOSING);
    ck_status(order(FSP_COMMAND_GC_OPEN, 1, 1), FSP_SPACE_CLOSING);
    ck_status(apply(&world, &again), FSP_SPACE_CLOSING);
    ck_status(resolve_status("/1"), FSP_SPACE_CLOSING);
    fsp_query_t query = new_query(&world, FSP_QUERY_SPACES);
    ck_assert_uint_eq(ask(&world, &query).count, 0);

    uint64_t steps = 0;
    for (;; steps++) {
        rows = rows_of_space();
        ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_OK);
        ck_assert_uint_eq(world.result.index, 0);
        ck_assert_uint_le(world.result.number, 4000);
        ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
        ck_assert_uint_eq(rows_of_space(), rows - world.result.number);
        ck_assert_uint_eq(faults(), 0);
        if (world.result.number == 0)
            break;
    }
    ck_assert_uint_ge(steps, 2);
    ck_assert_uint_eq(rows_of_space(), 1); /* the tombstone */
    ck_assert_int_eq(space_row().access.state, FSP_LIFE_GONE);
    ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_OK);
    ck_assert_uint_eq(world.result.number, 0);
    ck_status(put(&world, "/g"), FSP_NO_SUCH_SPACE);
    ck_status(order(FSP_COMMAND_GC_OPEN, 1, 1), FSP_NO_SUCH_SPACE);
    ck_status(apply(&world, &again), FSP_SPACE_CLOSING);
    ck_status(resolve_status("/1"), FSP_NO_SUCH_SPACE);
    ck_assert_uint_eq(ask(&world, &query).count, 0);
    ck_assert_uint_eq(rows_of_space(), 1);

    /* Its name is free, its id for ever taken. */
    world.space_id = (fsp_space_id_t){{0x5b, 2}};
    fsp_command_t other = space_init_command(&world);
    ck_status(apply(&world, &other), FSP_OK);
}
END_TEST

/* -- log time ---------------------------------------------------------------------------------- */

START_TEST(log_time_follows_the_median_and_never_falls)
{
    const fsp_time_t minutes = 60 * 1000000ull;
    const fsp_time_t three[] = {900 * minutes, 100 * minutes, 101 * minutes};
    /* The own clock, but at most ten minutes ahead of the median. */
    ck_assert_uint_eq(fsp_meta_next_time_voters(5, 1, 101 * minutes, three, 3), 101 * minutes);
    ck_assert_uint_eq(fsp_meta_next_time_voters(5, 1, 900 * minutes, three, 3), 111 * minutes);
    ck_assert_uint_eq(fsp_meta_next_time_voters(5, 1, 111 * minutes, three, 3), 111 * minutes);
    /* Behind the previous: the time that passed. */
    ck_assert_uint_eq(fsp_meta_next_time_voters(500 * minutes, 77, 900 * minutes, three, 3),
                      500 * minutes + 77);
    ck_assert_uint_eq(fsp_meta_next_time_voters(111 * minutes, 0, 900 * minutes, three, 3),
                      111 * minutes + 1);
    /* Of an even number the lower middle one. */
    const fsp_time_t two[] = {300 * minutes, 200 * minutes};
    ck_assert_uint_eq(fsp_meta_next_time_voters(5, 1, 300 * minutes, two, 2), 210 * minutes);
    const fsp_time_t one[] = {9};
    ck_assert_uint_eq(fsp_meta_next_time_voters(5, 1, 9, one, 1), 9);
    const fsp_time_t far[] = {UINT64_MAX};
    ck_assert_uint_eq(fsp_meta_next_time_voters(5, 1, UINT64_MAX, far, 1), UINT64_MAX);
    ck_assert_uint_eq(fsp_meta_next_time_voters(UINT64_MAX, 9, 3, one, 1), UINT64_MAX);
}
END_TEST

/* An empty entry at a log time. */
static void
tick(fsp_time_t time)
{
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    ck_status(
        fsp_meta_apply(world.shard, world.txn, world.index + 1, 1, time, (fsp_slice_t){0}, &result),
        FSP_OK);
    world.index++;
    world.time = time;
    commit(&world);
    fsp_buf_clear(&result);
}

static bool
may_expire(void)
{
    fsp_shard_row_t row = shard_row();
    return fsp_meta_may_expire(&row, row.log_time);
}

static fsp_time_t
expiry_time(void)
{
    fsp_shard_row_t row = shard_row();
    return fsp_meta_expiry_time(&row, row.log_time);
}

START_TEST(a_jump_of_more_than_a_day_holds)
{
    fsp_time_t start = world.time;
    tick(start + DAY_US); /* a day is none */
    ck_assert(may_expire());
    fsp_shard_row_t before = shard_row();
    ck_assert(!fsp_meta_may_expire(&before, world.time + DAY_US + 1)); /* asked ahead */
    ck_assert_uint_eq(fsp_meta_expiry_time(&before, world.time + DAY_US + 1), world.time);
    tick(world.time + DAY_US + 1);
    ck_assert(!may_expire());
    ck_assert_uint_eq(shard_row().jump_time, world.time);
    ck_assert_uint_eq(expiry_time(), start + DAY_US);
    for (int hour = 1; hour < 24; hour++) {
        tick(world.time + HOUR_US);
        ck_assert(!may_expire());
        ck_assert_uint_eq(expiry_time(), start + DAY_US + (fsp_time_t)hour * HOUR_US);
    }
    tick(world.time + HOUR_US - 1);
    ck_assert(!may_expire());
    tick(world.time + 1);
    ck_assert(may_expire());
    ck_assert_uint_eq(expiry_time(), world.time);
    ck_assert_uint_eq(shard_row().jump_time, 0);
}
END_TEST

START_TEST(further_jumps_do_not_end_a_hold)
{
    tick(world.time + 2 * DAY_US);
    fsp_time_t first = shard_row().jump_time;
    for (int i = 0; i < 23; i++) {
        tick(world.time + DAY_US); /* counts an hour */
        ck_assert(!may_expire());
    }
    fsp_time_t expiry = expiry_time();
    tick(world.time + DAY_US + 1); /* begins again */
    ck_assert(!may_expire());
    ck_assert_uint_gt(shard_row().jump_time, first);
    ck_assert_uint_eq(expiry_time(), expiry);
    ck_assert_uint_eq(shard_row().hold_left_us, DAY_US);
    ck_status(order(FSP_COMMAND_TIME_CONFIRM, first, 0), FSP_MISMATCH);
    ck_assert(!may_expire());
    ck_status(order(FSP_COMMAND_TIME_CONFIRM, shard_row().jump_time, 0), FSP_OK);
    ck_assert(may_expire());
    ck_assert_uint_eq(expiry_time(), world.time);
    ck_status(order(FSP_COMMAND_TIME_CONFIRM, first, 0), FSP_OK); /* nothing is held */
}
END_TEST

START_TEST(level_1_and_the_first_entry_know_no_jump)
{
    fsp_shard_row_t row = {.feature_level = 2};
    fsp_meta_advance(&row, 50 * DAY_US);
    ck_assert(fsp_meta_may_expire(&row, row.log_time));
    row = (fsp_shard_row_t){.feature_level = 1, .log_time = 5};
    fsp_meta_advance(&row, 50 * DAY_US);
    ck_assert_uint_eq(row.hold_left_us, 0);
    fsp_meta_advance(&row, 5); /* never falls */
    ck_assert_uint_eq(row.log_time, 50 * DAY_US);
}
END_TEST

START_TEST(links_and_deadlines_wait_for_a_doubted_clock)
{
    ck_status(mkdir_at(&world, "/a"), FSP_OK);
    fsp_command_t command = link_command(1, at("/a"), FSP_RIGHT_READ);
    command.access.expiry = world.time + 2000;
    ck_status(apply(&world, &command), FSP_OK); /* passed before the jump */
    command = link_command(2, at("/a"), FSP_RIGHT_READ);
    command.access.expiry = world.time + DAY_US;
    ck_status(apply(&world, &command), FSP_OK);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_CLOSING, world.time + DAY_US), FSP_OK);
    tick(world.time + 30 * DAY_US);
    ck_status(resolve_by_link(1, "/a"), FSP_SPENT);
    ck_status(resolve_by_link(2, "/a"), FSP_OK);
    ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_MISMATCH);
    ck_status(order(FSP_COMMAND_TIME_CONFIRM, shard_row().jump_time, 0), FSP_OK);
    ck_status(resolve_by_link(2, "/a"), FSP_SPENT);
    ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_OK);
}
END_TEST

/* -- rows -------------------------------------------------------------------------------------- */

START_TEST(shard_rows_with_a_hold_travel_and_are_checked)
{
    fsp_shard_row_t row = {.applied_index = 1,
                           .applied_term = 2,
                           .log_time = 9 * DAY_US,
                           .feature_level = 2,
                           .jump_time = 8 * DAY_US,
                           .frozen_time = DAY_US,
                           .hold_left_us = HOUR_US};
    fsp_buf_t buf;
    fsp_buf_init(&buf, 256);
    fsp_shard_row_encode(&row, &buf);
    fsp_shard_row_t back;
    ck_status(fsp_shard_row_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    ck_assert_mem_eq(&back, &row, sizeof(row));
    fsp_shard_row_t bad[4] = {row, row, row, row};
    bad[0].jump_time = row.log_time + 1;
    bad[1].frozen_time = 7 * DAY_US; /* a day is no jump */
    bad[2].hold_left_us = DAY_US + 1;
    bad[3].frozen_time = 8 * DAY_US + 1;
    for (size_t i = 0; i < 4; i++) {
        fsp_buf_reset(&buf);
        fsp_shard_row_encode(&bad[i], &buf);
        ck_status(fsp_shard_row_decode(fsp_buf_slice(&buf), &back), FSP_INVALID);
    }
    fsp_buf_clear(&buf);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_access_space");
    TCase *tcase = new_case("orders", set_up_level_2);
    tcase_add_loop_test(tcase, only_the_node_itself_orders, 0, 7);
    tcase_add_test(tcase, shard_wide_commands_name_no_space);
    tcase_add_test(tcase, the_subject_floor_only_rises_and_fences);
    tcase_add_test(tcase, a_level_above_the_program_stops_it);
    tcase_add_test(tcase, rounds_raise_the_epoch_by_one);
    tcase_add_test(tcase, a_closing_space_is_read_and_opened_again);
    tcase_add_test(tcase, a_space_is_dropped_in_bounded_steps_and_leaves_a_tombstone);
    suite_add_tcase(suite, tcase);
    tcase = new_case("level 1", set_up);
    tcase_add_test(tcase, the_level_rises_by_one_and_never_falls);
    suite_add_tcase(suite, tcase);
    tcase = new_case("log time", set_up_level_2);
    tcase_add_test(tcase, log_time_follows_the_median_and_never_falls);
    tcase_add_test(tcase, a_jump_of_more_than_a_day_holds);
    tcase_add_test(tcase, further_jumps_do_not_end_a_hold);
    tcase_add_test(tcase, level_1_and_the_first_entry_know_no_jump);
    tcase_add_test(tcase, links_and_deadlines_wait_for_a_doubted_clock);
    tcase_add_test(tcase, shard_rows_with_a_hold_travel_and_are_checked);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
