/* SPDX-License-Identifier: MIT */
/* test_history_prune - versions lose their bytes by a person or the policy; the past ends.  Tests.
 */
#include "tests/unit/meta/history_world.h"

/* Puts `count` versions of 10 bytes; their ids in order. */
static void
put_many(const char *path, size_t count, fsp_version_id_t *ret)
{
    for (size_t i = 0; i < count; i++) {
        ck_status(put(&world, path), FSP_OK);
        if (ret)
            ret[i] = world.result.version_id;
    }
}

/* Retained versions of a file, as bits by number: bit 0 is number 1. */
static uint64_t
retained_bits(const char *path)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_VERSIONS);
    query.target = at(path);
    fsp_answer_t answer = ask(&world, &query);
    uint64_t bits = 0;
    for (size_t i = 0; i < answer.count; i++) {
        fsp_version_info_t version;
        ck_status(fsp_answer_version(&answer, &version), FSP_OK);
        ck_assert_uint_le(version.number, 64);
        bits |= (uint64_t)version.retained << (version.number - 1);
    }
    return bits;
}

/* Steps until the round ends; their number. */
static size_t
prune_round(void)
{
    for (size_t steps = 1;; steps++) {
        ck_status(prune_step(&world), FSP_OK);
        ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
        ck_sound(&world);
        if (!world.result.more)
            return steps;
    }
}

/* -- by a person ------------------------------------------------------------------------------- */

START_TEST(a_version_is_pruned_and_its_record_stays)
{
    fsp_version_id_t ids[3];
    put_many("/a", 3, ids);
    ck_assert_uint_eq(used_bytes(&world), 30);
    ck_status(prune_one(&world, "/a", ids[0]), FSP_OK);
    ck_assert_uint_eq(used_bytes(&world), 20);
    ck_assert_uint_eq(retained_bits("/a"), 6);
    fsp_node_info_t node;
    char hex[65];
    fsp_hex_encode(ids[0].bytes, sizeof(ids[0].bytes), hex);
    ck_status(resolve_target(&world, at("/a"), hex, &node), FSP_GONE);
    ck_status(restore(&world, at("/a"), ids[0], condition(FSP_IF_REPLACE)), FSP_GONE);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, ids[0])), FSP_BASE_GONE);
    /* Never again: not by a second prune, which changes nothing. */
    uint64_t before = change_index(&world);
    ck_status(prune_one(&world, "/a", ids[0]), FSP_OK);
    ck_assert_uint_eq(change_index(&world), before);
    ck_sound(&world);
}
END_TEST

START_TEST(many_versions_are_pruned_in_one_change_that_names_them)
{
    fsp_version_id_t ids[5];
    put_many("/a", 5, ids);
    const fsp_version_id_t wanted[] = {ids[2], ids[0], ids[2]};
    ck_status(prune_versions(&world, at("/a"), wanted, 3), FSP_OK);
    ck_assert_uint_eq(used_bytes(&world), 30);
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = change_index(&world) - 1;
    fsp_answer_t answer = ask(&world, &query);
    fsp_change_info_t change;
    ck_status(fsp_answer_change(&answer, &change), FSP_OK);
    ck_assert_int_eq(change.operation, FSP_COMMAND_PRUNE);
    ck_assert_uint_eq(change.dropped.bytes, 64);
    ck_assert_mem_eq(change.dropped.data, &ids[2], 32);
    ck_assert_mem_eq(change.dropped.data + 32, &ids[0], 32);
    ck_assert(fsp_slice_eq(change.path, text("/a")));
}
END_TEST

START_TEST(prune_refuses)
{
    fsp_version_id_t ids[2], other;
    put_many("/a", 2, ids);
    put_many("/b", 1, &other);
    ck_status(prune_one(&world, "/none", ids[0]), FSP_NOT_FOUND);
    ck_status(prune_one(&world, "/", ids[0]), FSP_IS_DIRECTORY);
    ck_status(prune_one(&world, "/a", other), FSP_NO_SUCH_VERSION);
    ck_status(prune_one(&world, "/a", (fsp_version_id_t){{1}}), FSP_NO_SUCH_VERSION);
    ck_status(prune_one(&world, "/a", ids[1]), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.head_count, 1);
    const fsp_version_id_t good_then_bad[] = {ids[0], ids[1]};
    ck_status(prune_versions(&world, at("/a"), good_then_bad, 2), FSP_MISMATCH);
    ck_assert_uint_eq(retained_bits("/a"), 3); /* all or nothing */
    ck_status(hold(&world, at("/"), true, 0), FSP_OK);
    ck_status(prune_one(&world, "/a", ids[0]), FSP_HELD);
    ck_status(hold(&world, at("/"), false, 0), FSP_OK);
    ck_status(prune_versions(&world, at("/a"), ids, 0), FSP_INVALID);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(prune_versions(&world, by_id(world.result.file_id), ids, 1), FSP_OK);
    ck_sound(&world);
}
END_TEST

START_TEST(more_versions_than_a_command_takes)
{
    static fsp_version_id_t ids[FSP_PRUNE_VERSIONS_MAX + 1];
    put_many("/a", 1, NULL);
    ck_status(prune_versions(&world, at("/a"), ids, FSP_PRUNE_VERSIONS_MAX + 1), FSP_TOO_LARGE);
    ck_status(prune_versions(&world, at("/a"), ids, FSP_PRUNE_VERSIONS_MAX), FSP_NO_SUCH_VERSION);
}
END_TEST

/* -- by the policy ----------------------------------------------------------------------------- */

START_TEST(without_a_policy_nothing_goes)
{
    put_many("/a", 3, NULL);
    ck_assert_uint_eq(prune_round(), 1);
    ck_assert_uint_eq(used_bytes(&world), 30);
    ck_status(set_retention(&world, (fsp_retention_t){.past_days = 1}), FSP_OK);
    ck_assert_uint_eq(prune_round(), 1);
    ck_assert_uint_eq(used_bytes(&world), 30);
}
END_TEST

START_TEST(the_newest_are_kept_and_heads_always)
{
    fsp_version_id_t ids[3];
    put_many("/a", 3, ids);
    /* A second head beside many newer versions. */
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, ids[0])), FSP_OK);
    fsp_version_id_t sibling = world.result.version_id;
    for (int i = 0; i < 3; i++)
        ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, world.result.version_id)), FSP_OK);
    (void)sibling;
    ck_status(set_retention(&world, (fsp_retention_t){.keep_last = 2}), FSP_OK);
    ck_assert_uint_eq(prune_round(), 1);
    /* 3 is the other head; 6 and 7 are the last two. */
    ck_assert_uint_eq(retained_bits("/a"), (1u << 2) | (1u << 5) | (1u << 6));
    ck_assert_uint_eq(used_bytes(&world), 30);
    uint64_t before = change_index(&world);
    ck_assert_uint_eq(prune_round(), 1);
    ck_assert_uint_eq(change_index(&world), before); /* nothing more to do takes no number */
}
END_TEST

START_TEST(days_count_from_when_a_version_was_superseded)
{
    put_many("/a", 1, NULL);
    pass_time(&world, 100 * DAY_US);
    put_many("/a", 1, NULL);
    ck_status(set_retention(&world, (fsp_retention_t){.all_days = 2}), FSP_OK);
    (void)prune_round();
    ck_assert_uint_eq(retained_bits("/a"), 3); /* old, but overwritten only now */
    pass_time(&world, DAY_US);
    (void)prune_round();
    ck_assert_uint_eq(retained_bits("/a"), 3);
    pass_time(&world, DAY_US + 1000000);
    (void)prune_round();
    ck_assert_uint_eq(retained_bits("/a"), 2);
}
END_TEST

START_TEST(one_version_is_kept_for_each_midnight)
{
    /* Days 1, 2, 4 with two versions each: numbers 1 2, 3 4, 5 6; then 7 on day 5. */
    pass_time(&world, DAY_US - world.time + 1000000);
    put_many("/a", 2, NULL);
    pass_time(&world, DAY_US);
    put_many("/a", 2, NULL);
    pass_time(&world, 2 * DAY_US);
    put_many("/a", 2, NULL);
    pass_time(&world, DAY_US);
    put_many("/a", 1, NULL);
    ck_status(set_retention(&world, (fsp_retention_t){.daily = 5}), FSP_OK);
    (void)prune_round();
    /* 2, 4 and 6 stood at a midnight; 4 at two of them. */
    ck_assert_uint_eq(retained_bits("/a"), 0x40 | 0x20 | 0x08 | 0x02);
    ck_status(set_retention(&world, (fsp_retention_t){.daily = 2}), FSP_OK);
    (void)prune_round();
    /* Superseded on day 5 and day 4; today is day 5. */
    ck_assert_uint_eq(retained_bits("/a"), 0x40 | 0x20 | 0x08);
}
END_TEST

START_TEST(weeks_begin_on_monday_and_months_by_the_calendar)
{
    /* 1970-01-04 is a Sunday, 1970-01-05 a Monday; day 31 is the first of February. */
    pass_time(&world, 3 * DAY_US - world.time + 1000000);
    put_many("/a", 2, NULL); /* 1 2: Sunday */
    pass_time(&world, DAY_US);
    put_many("/a", 2, NULL); /* 3 4: Monday */
    pass_time(&world, DAY_US);
    put_many("/a", 1, NULL); /* 5: Tuesday */
    pass_time(&world, 26 * DAY_US);
    put_many("/a", 1, NULL); /* 6: day 31, a Sunday */
    ck_status(set_retention(&world, (fsp_retention_t){.weekly = 10}), FSP_OK);
    (void)prune_round();
    ck_assert_uint_eq(retained_bits("/a"), 0x20 | 0x10 | 0x02);
    ck_status(set_retention(&world, (fsp_retention_t){.monthly = 1}), FSP_OK);
    (void)prune_round();
    ck_assert_uint_eq(retained_bits("/a"), 0x20 | 0x10);
    pass_time(&world, 28 * DAY_US); /* March */
    (void)prune_round();
    ck_assert_uint_eq(retained_bits("/a"), 0x20);
}
END_TEST

START_TEST(what_is_held_is_left_out)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    put_many("/d/a", 3, NULL);
    put_many("/b", 3, NULL);
    ck_status(hold(&world, at("/d"), true, 0), FSP_OK);
    ck_status(set_retention(&world, (fsp_retention_t){.keep_last = 1}), FSP_OK);
    (void)prune_round();
    ck_assert_uint_eq(retained_bits("/d/a"), 7);
    ck_assert_uint_eq(retained_bits("/b"), 4);
}
END_TEST

START_TEST(nothing_goes_while_a_jump_of_time_is_doubted)
{
    put_many("/a", 3, NULL);
    ck_status(set_retention(&world, (fsp_retention_t){.all_days = 1}), FSP_OK);
    world.time += 100 * DAY_US;
    ck_status(prune_step(&world), FSP_HELD);
    ck_assert_uint_eq(retained_bits("/a"), 7);
}
END_TEST

START_TEST(a_long_history_takes_several_steps)
{
    put_many("/a", 700, NULL);
    put_many("/b", 700, NULL);
    ck_status(set_retention(&world, (fsp_retention_t){.keep_last = 1}), FSP_OK);
    uint64_t before = change_index(&world);
    size_t steps = prune_round();
    ck_assert_uint_eq(used_bytes(&world), 20);
    ck_assert_uint_ge(steps, 6); /* 1,398 by 256 */
    ck_assert_uint_eq(change_index(&world), before + 6);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_WORK), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_VERSION), 1400);
}
END_TEST

/* A step that ends between two versions of a file leaves none out: the version looked at last is
   judged by the next step. */
START_TEST(a_step_ends_within_a_file)
{
    static fsp_version_id_t ids[1100];
    put_many("/a", 1100, ids);
    for (size_t i = 0; i < 1010; i += 202)
        ck_status(prune_versions(&world, at("/a"), ids + i, 202), FSP_OK);
    ck_assert_uint_eq(used_bytes(&world), 900);
    ck_status(set_retention(&world, (fsp_retention_t){.keep_last = 1}), FSP_OK);
    ck_status(prune_step(&world), FSP_OK);
    ck_assert(world.result.more);
    /* 1,024 less 2 for file and root: 1,022 rows, of which the last is not judged. */
    ck_assert_uint_eq(used_bytes(&world), 900 - 110);
    (void)prune_round();
    ck_assert_uint_eq(used_bytes(&world), 10);
}
END_TEST

/* -- the past ends ----------------------------------------------------------------------------- */

START_TEST(the_past_ends_where_the_policy_says)
{
    put_many("/a", 3, NULL);                     /* 2 3 4 */
    ck_status(move(&world, "/a", "/b"), FSP_OK); /* 5 */
    pass_time(&world, 10 * DAY_US);
    put_many("/b", 1, NULL);                                                     /* 6 */
    ck_status(set_retention(&world, (fsp_retention_t){.past_days = 5}), FSP_OK); /* 7 */
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_ENTRY), 1);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_HEADS), 3);
    (void)prune_round();
    /* The state at 5 is what there was five days ago: it is still shown, nothing before it. */
    ck_assert_uint_eq(space_history(&world).at_horizon, 5);
    ck_assert_uint_eq(space_history(&world).feed_horizon, 5);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_ENTRY), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_HEADS), 1);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_CHANGE), 3);
    fsp_node_info_t node;
    ck_status(resolve_then(&world, at("/b"), 5, &node), FSP_OK);
    ck_assert_uint_eq(node.version.number, 3);
    ck_status(resolve_then(&world, at("/b"), 4, &node), FSP_GONE);
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = 3;
    ck_status(ask(&world, &query).status, FSP_GONE);
    query.after_index = 4;
    ck_status(ask(&world, &query).status, FSP_OK);
    ck_sound(&world);
}
END_TEST

START_TEST(a_long_past_takes_several_steps)
{
    for (int i = 0; i < 800; i++) {
        ck_status(put(&world, "/a"), FSP_OK);
        ck_status(move(&world, "/a", "/b"), FSP_OK);
        ck_status(move(&world, "/b", "/a"), FSP_OK);
    }
    pass_time(&world, 10 * DAY_US);
    ck_status(set_retention(&world, (fsp_retention_t){.past_days = 5}), FSP_OK);
    size_t steps = prune_round();
    ck_assert_uint_ge(steps, 4); /* 1,600 entries, 799 heads, 2,400 changes by 1,024 */
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_ENTRY), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_HEADS), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_CHANGE), 2);
    ck_assert(exists(&world, "/a"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("history_prune");
    TCase *tcase = new_case("prune", set_up_history);
    tcase_add_test(tcase, a_version_is_pruned_and_its_record_stays);
    tcase_add_test(tcase, many_versions_are_pruned_in_one_change_that_names_them);
    tcase_add_test(tcase, prune_refuses);
    tcase_add_test(tcase, more_versions_than_a_command_takes);
    tcase_add_test(tcase, without_a_policy_nothing_goes);
    tcase_add_test(tcase, the_newest_are_kept_and_heads_always);
    tcase_add_test(tcase, days_count_from_when_a_version_was_superseded);
    tcase_add_test(tcase, one_version_is_kept_for_each_midnight);
    tcase_add_test(tcase, weeks_begin_on_monday_and_months_by_the_calendar);
    tcase_add_test(tcase, what_is_held_is_left_out);
    tcase_add_test(tcase, nothing_goes_while_a_jump_of_time_is_doubted);
    tcase_add_test(tcase, a_long_history_takes_several_steps);
    tcase_add_test(tcase, a_step_ends_within_a_file);
    tcase_add_test(tcase, the_past_ends_where_the_policy_says);
    tcase_add_test(tcase, a_long_past_takes_several_steps);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
