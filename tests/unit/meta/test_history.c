/* SPDX-License-Identifier: MIT */
/* test_history - UNDELETE, RETENTION, HOLD, and what level 1 does not do.  Tests. */
#include "tests/unit/meta/history_world.h"

static const char *const item_2 = "/00000000000000000002";

/* -- level 1 ----------------------------------------------------------------------------------- */

START_TEST(level_1_refuses_and_keeps_nothing)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t first = world.result.version_id;
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(undelete(&world, by_id(world.result.file_id), "", false), FSP_LEVEL);
    ck_status(prune_one(&world, "/a", first), FSP_LEVEL);
    ck_status(purge_all(&world, 1, "", true), FSP_LEVEL);
    ck_status(set_retention(&world, (fsp_retention_t){.keep_last = 1}), FSP_LEVEL);
    ck_status(hold(&world, at("/"), true, 0), FSP_LEVEL);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_ENTRY), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_HEADS), 0);
    ck_assert_uint_eq(space_history(&world).at_horizon, 0);
    /* What is now can be shown, what was cannot. */
    fsp_node_info_t node;
    ck_status(resolve_then(&world, at("/"), change_index(&world), &node), FSP_OK);
    ck_status(resolve_then(&world, at("/a"), change_index(&world) - 1, &node), FSP_GONE);
}
END_TEST

START_TEST(a_space_of_level_1_can_be_looked_back_at_from_its_first_change_under_level_2)
{
    fsp_node_info_t node;
    ck_status(put(&world, "/a"), FSP_OK); /* 2 */
    fsp_version_id_t old = world.result.version_id;
    ck_status(put(&world, "/b"), FSP_OK); /* 3 */
    set_level(&world, 2);
    ck_status(put(&world, "/a"), FSP_OK);       /* 4 */
    ck_status(remove_at(&world, "/b"), FSP_OK); /* 5 */
    ck_assert_uint_eq(space_history(&world).at_horizon, 3);
    ck_status(resolve_then(&world, at("/a"), 2, &node), FSP_GONE);
    ck_status(resolve_then(&world, at("/a"), 3, &node), FSP_OK);
    ck_assert(fsp_version_id_eq(node.version.id, old));
    ck_status(resolve_then(&world, at("/b"), 4, &node), FSP_OK);
    ck_status(resolve_then(&world, at("/b"), 5, &node), FSP_NOT_FOUND);
    ck_sound(&world);
}
END_TEST

START_TEST(what_was_deleted_at_level_1_comes_back_by_the_feed)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(remove_at(&world, "/d/a"), FSP_OK);
    ck_status(put(&world, "/d/l"), FSP_OK);
    fsp_file_id_t displaced = world.result.file_id;
    ck_status(put_full(&world, at("/d/l"), FSP_KIND_SYMLINK, condition(FSP_IF_REPLACE), 3), FSP_OK);
    set_level(&world, 2);
    ck_status(undelete(&world, by_id(id), "", false), FSP_OK);
    ck_result_path("/d/a");
    ck_assert(fsp_file_id_eq(id_of(&world, "/d/a"), id));
    ck_status(undelete(&world, by_id(displaced), "", false), FSP_OK);
    ck_result_path("/d/l (1)");
    ck_assert(fsp_file_id_eq(id_of(&world, "/d/l (1)"), displaced));
    ck_sound(&world);
}
END_TEST

/* -- UNDELETE ---------------------------------------------------------------------------------- */

START_TEST(undelete_goes_back_to_the_directory_wherever_that_is_now)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(remove_at(&world, "/d/a"), FSP_OK);
    ck_status(move(&world, "/d", "/e"), FSP_OK);
    uint64_t before = change_index(&world);
    ck_status(undelete(&world, by_id(id), "", false), FSP_OK);
    ck_assert_uint_eq(world.result.index, before + 1);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert(fsp_file_id_eq(id_of(&world, "/e/a"), id));
    ck_sound(&world);
}
END_TEST

START_TEST(undelete_by_the_name_of_an_item_or_from_within_it)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK); /* 2 */
    ck_status(put(&world, "/d/a"), FSP_OK);
    ck_status(put(&world, "/d/b"), FSP_OK);
    ck_status(remove_target(&world, at("/d"), true, condition(FSP_IF_REPLACE)), FSP_OK); /* 5 */
    ck_status(undelete(&world, at("/00000000000000000005/a"), "", true), FSP_NO_PARENT);
    ck_status(undelete(&world, at("/00000000000000000005/a"), "/x/y", false), FSP_NO_PARENT);
    ck_status(undelete(&world, at("/00000000000000000005/a"), "/x/y", true), FSP_OK);
    ck_assert(exists(&world, "/x/y"));
    ck_status(undelete(&world, at("/00000000000000000005"), "", false), FSP_OK);
    ck_assert(exists(&world, "/d/b"));
    ck_assert(!exists(&world, "/d/a"));
    ck_sound(&world);
}
END_TEST

START_TEST(undelete_takes_the_next_name_that_is_free)
{
    char name[FSP_NAME_BYTES_MAX + 2] = "/";
    /* 254 bytes and a character of two: " (1)" must not cut it in half. */
    memset(name + 1, 'n', 250);
    memcpy(name + 251, "\xc3\xa9", 3);
    for (int i = 0; i < 3; i++) {
        ck_status(put(&world, "/a"), FSP_OK);
        ck_status(remove_at(&world, "/a"), FSP_OK);
    }
    for (int i = 0; i < 3; i++) {
        char item[40];
        (void)snprintf(item, sizeof(item), "/%020d", 3 + 2 * i);
        ck_status(undelete(&world, at(item), "", false), FSP_OK);
    }
    ck_assert(exists(&world, "/a") && exists(&world, "/a (1)") && exists(&world, "/a (2)"));
    ck_status(put(&world, name), FSP_OK);
    ck_status(remove_at(&world, name), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(put(&world, name), FSP_OK);
    ck_status(undelete(&world, by_id(id), "", false), FSP_OK);
    memcpy(name + 251, " (1)", 5);
    ck_assert(fsp_file_id_eq(id_of(&world, name), id));
    ck_sound(&world);
}
END_TEST

START_TEST(undelete_gives_up_when_a_hundred_names_are_taken)
{
    char path[32] = "/a";
    ck_status(put(&world, path), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(remove_at(&world, path), FSP_OK);
    ck_status(put(&world, path), FSP_OK);
    fsp_file_id_t other = world.result.file_id;
    for (int n = 1; n <= 100; n++) {
        (void)snprintf(path, sizeof(path), "/a (%d)", n);
        ck_status(put(&world, path), FSP_OK);
    }
    ck_status(undelete(&world, by_id(id), "", false), FSP_EXISTS);
    ck_assert(fsp_file_id_eq(world.result.file_id, other));
    ck_status(remove_at(&world, "/a (100)"), FSP_OK);
    ck_status(undelete(&world, by_id(id), "", false), FSP_OK);
    ck_assert(fsp_file_id_eq(id_of(&world, "/a (100)"), id));
}
END_TEST

START_TEST(undelete_refuses)
{
    ck_status(undelete(&world, by_id(file_id(99)), "", false), FSP_NOT_FOUND);
    ck_status(undelete(&world, at(item_2), "", false), FSP_NOT_FOUND);
    ck_status(undelete(&world, at("/"), "/x", false), FSP_INVALID);
    ck_status(undelete(&world, by_id(world.root_id), "/x", false), FSP_INVALID);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(undelete(&world, by_id(id), "/x", false), FSP_EXISTS);
    ck_status(remove_at(&world, "/d/a"), FSP_OK);
    ck_status(remove_at(&world, "/d"), FSP_OK);
    ck_status(undelete(&world, by_id(id), "", true), FSP_NO_PARENT); /* /d lies in the trash */
    ck_status(undelete(&world, by_id(id), "/", false), FSP_EXISTS);
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(undelete(&world, by_id(id), "/f/a", true), FSP_NOT_DIRECTORY);
    ck_status(undelete(&world, by_id(id), "/f", false), FSP_OK);
    ck_assert(fsp_file_id_eq(id_of(&world, "/f (1)"), id));
    fsp_command_t command = new_command(&world, FSP_COMMAND_UNDELETE);
    command.history.target = by_id(id);
    command.history.create_parents = true;
    ck_status(apply(&world, &command), FSP_INVALID); /* no seed for them */
}
END_TEST

START_TEST(the_feed_says_where_an_undeleted_node_is)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(undelete(&world, at("/00000000000000000003"), "", false), FSP_OK);
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = 4;
    fsp_answer_t answer = ask(&world, &query);
    fsp_change_info_t change;
    ck_assert_uint_eq(answer.count, 1);
    ck_status(fsp_answer_change(&answer, &change), FSP_OK);
    ck_assert_int_eq(change.operation, FSP_COMMAND_UNDELETE);
    ck_assert(fsp_slice_eq(change.path, text("/a (1)")));
    ck_assert_uint_eq(change.from_path.bytes, 0);
}
END_TEST

/* -- RETENTION and HOLD ------------------------------------------------------------------------ */

START_TEST(retention_is_kept_once)
{
    const fsp_retention_t policy = {.keep_last = 3, .all_days = 7, .past_days = 30};
    uint64_t before = change_index(&world);
    ck_status(set_retention(&world, policy), FSP_OK);
    ck_assert_uint_eq(change_index(&world), before + 1);
    fsp_retention_t kept = space_history(&world).retention;
    ck_assert_mem_eq(&kept, &policy, sizeof(kept));
    ck_status(set_retention(&world, policy), FSP_OK);
    ck_assert_uint_eq(change_index(&world), before + 1);
    ck_status(set_retention(&world, (fsp_retention_t){.daily = FSP_RETENTION_MAX + 1}),
              FSP_INVALID);
    ck_sound(&world);
}
END_TEST

START_TEST(a_listing_of_spaces_shows_retention)
{
    const fsp_retention_t policy = {1, 2, 3, 4, 5, FSP_RETENTION_MAX}, none = {0};
    fsp_query_t query = new_query(&world, FSP_QUERY_SPACES);
    fsp_space_info_t info;
    fsp_answer_t answer = ask(&world, &query);
    ck_status(fsp_answer_space(&answer, &info), FSP_OK);
    ck_assert_mem_eq(&info.retention, &none, sizeof(none));
    size_t before = world.answer.bytes;
    ck_status(set_retention(&world, policy), FSP_OK);
    answer = ask(&world, &query);
    ck_status(fsp_answer_space(&answer, &info), FSP_OK);
    ck_assert_mem_eq(&info.retention, &policy, sizeof(policy));
    ck_status(set_retention(&world, none), FSP_OK);
    (void)ask(&world, &query);
    ck_assert_uint_eq(world.answer.bytes, before); /* the form of those who never had one */
}
END_TEST

START_TEST(a_hold_stops_deleting)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/a"), FSP_OK);
    ck_status(put(&world, "/b"), FSP_OK);
    ck_status(hold(&world, at("/d"), true, 0), FSP_OK);
    ck_status(remove_at(&world, "/d/a"), FSP_HELD);
    ck_status(remove_target(&world, at("/d"), true, condition(FSP_IF_REPLACE)), FSP_HELD);
    ck_status(move(&world, "/d/a", "/a"), FSP_HELD);
    ck_status(move(&world, "/d/a", "/d/c"), FSP_HELD);
    ck_status(move_full(&world, at("/b"), "/d/a", false, true), FSP_HELD);
    ck_status(copy(&world, at("/b"), (fsp_version_id_t){0}, "/d/a", FSP_IF_REPLACE), FSP_HELD);
    ck_status(put_full(&world, at("/d/a"), FSP_KIND_SYMLINK, condition(FSP_IF_REPLACE), 3),
              FSP_HELD);
    ck_assert(exists(&world, "/d/a"));
    /* What adds is free: also a new version of what is held, and moving the directory itself. */
    ck_status(put(&world, "/d/a"), FSP_OK);
    ck_status(move(&world, "/d", "/e"), FSP_OK);
    ck_status(hold(&world, at("/e"), false, 0), FSP_OK);
    ck_status(remove_at(&world, "/e/a"), FSP_OK);
    ck_sound(&world);
}
END_TEST

START_TEST(a_worm_time_is_only_lengthened_until_it_has_passed)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_time_t until = world.time + DAY_US;
    ck_status(hold(&world, at("/a"), false, until), FSP_OK);
    ck_status(remove_at(&world, "/a"), FSP_HELD);
    ck_status(hold(&world, at("/a"), false, until - 1), FSP_HELD);
    ck_status(hold(&world, at("/a"), false, 0), FSP_HELD);
    uint64_t before = change_index(&world);
    ck_status(hold(&world, at("/a"), false, until), FSP_OK);
    ck_assert_uint_eq(change_index(&world), before);
    ck_status(hold(&world, at("/a"), false, until + DAY_US), FSP_OK);
    pass_time(&world, DAY_US);
    ck_status(remove_at(&world, "/a"), FSP_HELD);
    pass_time(&world, DAY_US);
    ck_status(hold(&world, at("/a"), false, 0), FSP_OK);
    ck_status(remove_at(&world, "/a"), FSP_OK);
}
END_TEST

START_TEST(a_worm_time_does_not_pass_by_a_jump_of_the_clock)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(hold(&world, at("/a"), false, world.time + DAY_US), FSP_OK);
    world.time += 400 * DAY_US;
    ck_status(remove_at(&world, "/a"), FSP_HELD);
}
END_TEST

START_TEST(hold_refuses)
{
    ck_status(hold(&world, at("/none"), true, 0), FSP_NOT_FOUND);
    ck_status(hold(&world, by_id(world.trash_id), true, 0), FSP_INVALID);
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(hold(&world, at("/a/b"), true, 0), FSP_NOT_DIRECTORY);
    ck_status(hold(&world, at("/"), true, 0), FSP_OK);
    ck_status(remove_at(&world, "/a"), FSP_HELD);
}
END_TEST

START_TEST(others_may_not)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t id = world.result.version_id;
    world.owner = subject_id(2);
    ck_status(prune_one(&world, "/a", id), FSP_FORBIDDEN);
    ck_status(purge_all(&world, 1, "", true), FSP_FORBIDDEN);
    ck_status(set_retention(&world, (fsp_retention_t){.keep_last = 1}), FSP_FORBIDDEN);
    ck_status(hold(&world, at("/a"), true, 0), FSP_FORBIDDEN);
    ck_status(undelete(&world, at(item_2), "", false), FSP_FORBIDDEN);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("history");
    TCase *level_1 = new_case("level 1", set_up);
    tcase_add_test(level_1, level_1_refuses_and_keeps_nothing);
    tcase_add_test(level_1,
                   a_space_of_level_1_can_be_looked_back_at_from_its_first_change_under_level_2);
    tcase_add_test(level_1, what_was_deleted_at_level_1_comes_back_by_the_feed);
    suite_add_tcase(suite, level_1);
    TCase *tcase = new_case("commands", set_up_history);
    tcase_add_test(tcase, undelete_goes_back_to_the_directory_wherever_that_is_now);
    tcase_add_test(tcase, undelete_by_the_name_of_an_item_or_from_within_it);
    tcase_add_test(tcase, undelete_takes_the_next_name_that_is_free);
    tcase_add_test(tcase, undelete_gives_up_when_a_hundred_names_are_taken);
    tcase_add_test(tcase, undelete_refuses);
    tcase_add_test(tcase, the_feed_says_where_an_undeleted_node_is);
    tcase_add_test(tcase, retention_is_kept_once);
    tcase_add_test(tcase, a_listing_of_spaces_shows_retention);
    tcase_add_test(tcase, a_hold_stops_deleting);
    tcase_add_test(tcase, a_worm_time_is_only_lengthened_until_it_has_passed);
    tcase_add_test(tcase, a_worm_time_does_not_pass_by_a_jump_of_the_clock);
    tcase_add_test(tcase, hold_refuses);
    tcase_add_test(tcase, others_may_not);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
