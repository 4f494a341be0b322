/* SPDX-License-Identifier: MIT */
/* test_history_purge - out of the trash for good, in bounded commands.  Tests. */
#include "tests/unit/meta/history_world.h"

/* Goes on until nothing is left to do; every command is bounded and leaves a sound state. */
static size_t
finish_purge(void)
{
    size_t commands = 0;
    while (world.result.more) {
        ck_status(purge_all(&world, 0, "", false), FSP_OK);
        ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
        ck_sound(&world);
        commands++;
    }
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_WORK), 0);
    return commands;
}

static void
many_files(const char *directory, size_t count)
{
    char path[64];
    ck_status(mkdir_at(&world, directory), FSP_OK);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(path, sizeof(path), "%s/%zu", directory, i);
        ck_status(put(&world, path), FSP_OK);
    }
}

static fsp_status_t
trash_tree(const char *path)
{
    return remove_target(&world, at(path), true, condition(FSP_IF_REPLACE));
}

START_TEST(a_file_goes_with_all_it_had)
{
    for (int i = 0; i < 3; i++)
        ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t version = world.result.version_id;
    ck_status(remove_at(&world, "/a"), FSP_OK); /* 5 */
    fsp_file_id_t id = world.result.file_id;
    ck_status(purge_one(&world, by_id(id), true), FSP_OK);
    ck_assert(!world.result.more);
    ck_assert_uint_eq(used_bytes(&world), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_VERSION), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_VERSION_INDEX), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_PAST_HEADS), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 2);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(id), "", &node), FSP_NOT_FOUND);
    ck_status(undelete(&world, by_id(id), "/a", false), FSP_NOT_FOUND);
    ck_status(purge_one(&world, by_id(id), true), FSP_NOT_FOUND);
    ck_status(put_if(&world, "/a", condition_on(FSP_IF_EDIT, version)), FSP_MISMATCH);
    /* That the name meant it then is still known. */
    ck_status(resolve_then(&world, at("/a"), 4, &node), FSP_GONE);
    ck_sound(&world);
}
END_TEST

START_TEST(purge_refuses)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(purge_one(&world, by_id(id), true), FSP_MISMATCH);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_status(purge_one(&world, by_id(world.root_id), true), FSP_INVALID);
    ck_status(purge_one(&world, at("/"), true), FSP_INVALID);
    ck_status(purge_one(&world, at("/x"), true), FSP_NOT_FOUND);
    ck_status(purge_one(&world, by_id(file_id(7)), true), FSP_NOT_FOUND);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(purge_one(&world, at("/00000000000000000003/x"), true), FSP_NOT_DIRECTORY);
    ck_status(purge_one(&world, by_id(id), false), FSP_HELD); /* too young */
    ck_status(hold(&world, by_id(id), true, 0), FSP_OK);
    ck_status(purge_one(&world, by_id(id), true), FSP_HELD);
    ck_status(purge_all(&world, UINT64_MAX, "", true), FSP_OK);
    ck_assert(!world.result.more);
    ck_status(hold(&world, by_id(id), false, 0), FSP_OK);
    fsp_command_t command = new_command(&world, FSP_COMMAND_PURGE);
    command.history.given = true;
    command.history.target = by_id(id);
    command.history.before = 1;
    ck_status(apply(&world, &command), FSP_INVALID);
    char name[FSP_NAME_BYTES_MAX + 2];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    ck_status(purge_all(&world, 1, name, true), FSP_BAD_NAME);
    ck_status(purge_one(&world, by_id(id), true), FSP_OK);
}
END_TEST

START_TEST(thirty_days_from_the_newest_version)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    pass_time(&world, 29 * DAY_US);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(remove_at(&world, "/d"), FSP_OK);
    fsp_file_id_t directory = world.result.file_id;
    ck_status(purge_one(&world, by_id(id), false), FSP_HELD);
    pass_time(&world, DAY_US);
    ck_status(purge_one(&world, by_id(id), false), FSP_OK);
    /* A directory may hold anything that was there when it was deleted. */
    ck_status(purge_one(&world, by_id(directory), false), FSP_HELD);
    ck_status(purge_all(&world, UINT64_MAX, "", false), FSP_OK);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 3);
    pass_time(&world, 29 * DAY_US);
    ck_status(purge_all(&world, UINT64_MAX, "", false), FSP_OK);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 2);
}
END_TEST

START_TEST(a_jump_of_time_purges_nothing_but_what_a_person_asks)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    world.time += 1000 * DAY_US;
    ck_status(purge_one(&world, by_id(id), false), FSP_HELD);
    ck_status(purge_all(&world, UINT64_MAX, "", false), FSP_HELD);
    ck_status(purge_one(&world, by_id(id), true), FSP_OK);
}
END_TEST

START_TEST(a_big_tree_goes_in_bounded_commands_and_nobody_sees_it)
{
    many_files("/d", 700);
    ck_status(mkdir_at(&world, "/d/e"), FSP_OK);
    ck_status(put(&world, "/d/e/x"), FSP_OK);
    fsp_file_id_t inner = world.result.file_id;
    fsp_version_id_t version = world.result.version_id;
    fsp_file_id_t top = id_of(&world, "/d");
    ck_status(trash_tree("/d"), FSP_OK);
    ck_status(purge_one(&world, by_id(top), true), FSP_OK);
    ck_assert(world.result.more);
    ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
    ck_sound(&world);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(top), "", &node), FSP_NOT_FOUND);
    ck_status(resolve_target(&world, by_id(inner), "", &node), FSP_NOT_FOUND);
    ck_status(undelete(&world, by_id(inner), "/x", false), FSP_NOT_FOUND);
    ck_status(move_full(&world, by_id(inner), "/x", false, false), FSP_NOT_FOUND);
    ck_status(copy(&world, by_id(inner), version, "/x", FSP_IF_NONE_MATCH), FSP_NOT_FOUND);
    ck_status(hold(&world, by_id(inner), true, 0), FSP_NOT_FOUND);
    ck_status(put_if(&world, "/x", condition_on(FSP_IF_EDIT, version)), FSP_MISMATCH);
    world.result.more = true;
    size_t commands = finish_purge();
    ck_assert_uint_ge(commands, 3); /* 701 + 702 x 2 units by 512 */
    ck_assert_uint_eq(used_bytes(&world), 0);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 2);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_ENTRY), 0);
    uint64_t before = change_index(&world);
    ck_status(purge_all(&world, 0, "", true), FSP_OK);
    ck_assert_uint_eq(change_index(&world), before); /* nothing to do */
}
END_TEST

START_TEST(a_file_with_many_versions_goes_in_bounded_commands)
{
    for (int i = 0; i < 1200; i++)
        ck_status(put(&world, "/a"), FSP_OK);
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_status(purge_one(&world, by_id(world.result.file_id), true), FSP_OK);
    ck_assert(world.result.more);
    ck_assert_uint_eq(used_bytes(&world), 12000 - 5120);
    ck_sound(&world);
    ck_assert_uint_eq(finish_purge(), 4); /* 1,200 versions, 1,199 past heads, 1 node */
    ck_assert_uint_eq(used_bytes(&world), 0);
}
END_TEST

START_TEST(a_tree_deeper_than_a_path_goes_too)
{
    char path[2 * 64 + 8] = "";
    for (int i = 0; i < 60; i++) {
        (void)strcat(path, "/d");
        ck_status(mkdir_at(&world, path), FSP_OK);
    }
    ck_status(mkdir_at(&world, "/t"), FSP_OK);
    for (int i = 0; i < 3; i++) { /* under a chain of its own: 180 deep below the last */
        char deep[2 * 64 + 8];
        (void)snprintf(deep, sizeof(deep), "/t%d", i);
        ck_status(mkdir_at(&world, deep), FSP_OK);
        for (int j = 0; j < 58; j++) {
            (void)strcat(deep, "/e");
            ck_status(mkdir_at(&world, deep), FSP_OK);
        }
        ck_status(move(&world, "/d", strcat(deep, "/d")), FSP_OK);
        (void)snprintf(deep, sizeof(deep), "/t%d", i);
        ck_status(move(&world, deep, "/d"), FSP_OK);
    }
    ck_status(trash_tree("/d"), FSP_OK);
    ck_status(purge_one(&world, by_id(world.result.file_id), true), FSP_OK);
    (void)finish_purge();
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 3);
    ck_sound(&world);
}
END_TEST

START_TEST(what_is_held_inside_a_tree_goes_back_to_the_trash)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/a"), FSP_OK);
    ck_status(put(&world, "/d/b"), FSP_OK);
    ck_status(mkdir_at(&world, "/d/e"), FSP_OK);
    ck_status(put(&world, "/d/e/x"), FSP_OK);
    ck_status(hold(&world, at("/d/a"), true, 0), FSP_OK);
    ck_status(hold(&world, at("/d/e"), false, world.time + DAY_US), FSP_OK);
    fsp_file_id_t a = id_of(&world, "/d/a"), x = id_of(&world, "/d/e/x");
    ck_status(trash_tree("/d"), FSP_OK);
    ck_status(purge_one(&world, by_id(world.result.file_id), true), FSP_OK);
    ck_assert(world.result.more);
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = change_index(&world) - 1;
    fsp_answer_t answer = ask(&world, &query);
    fsp_change_info_t change;
    ck_status(fsp_answer_change(&answer, &change), FSP_OK);
    ck_assert(fsp_file_id_eq(change.displaced_id, a));
    ck_assert_uint_eq(change.dropped.bytes, 16);
    world.result.more = true;
    (void)finish_purge();
    /* Both are items now, each under the number of the change that saved it; b is gone. */
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 5);
    ck_status(undelete(&world, by_id(a), "", false), FSP_NO_PARENT);
    ck_status(undelete(&world, by_id(a), "/a", false), FSP_OK);
    ck_status(undelete(&world, by_id(x), "/x", false), FSP_HELD); /* its directory is held */
    pass_time(&world, DAY_US);
    ck_status(undelete(&world, by_id(x), "/x", false), FSP_OK);
    ck_sound(&world);
}
END_TEST

START_TEST(all_that_is_old_in_a_long_trash)
{
    char path[48];
    for (int i = 0; i < 300; i++) {
        (void)snprintf(path, sizeof(path), "/%d", i);
        ck_status(put(&world, path), FSP_OK);
        ck_status(remove_at(&world, path), FSP_OK);
    }
    fsp_time_t before = world.time;
    ck_status(put(&world, "/late"), FSP_OK);
    ck_status(remove_at(&world, "/late"), FSP_OK);
    char after[48] = "";
    size_t commands = 0;
    for (;; commands++) {
        ck_status(purge_all(&world, before, after, true), FSP_OK);
        ck_assert_uint_le(world.rows_written, FSP_COMMAND_ROWS_MAX);
        if (commands < 4) {
            /* 64 items at a time: the names are the numbers of the changes 3, 5, ... */
            (void)snprintf(after, sizeof(after), "/%020zu", 3 + 2 * (64 * (commands + 1) - 1));
            ck_result_path(after);
            memmove(after, after + 1, strlen(after));
            ck_assert(world.result.more);
            continue;
        }
        ck_result_path("");
        break;
    }
    world.result.more = count_rows(&world, FSP_TABLE_WORK) > 0;
    (void)finish_purge();
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 3); /* root, trash, late */
    ck_sound(&world);
}
END_TEST

START_TEST(looking_goes_on_behind_what_stays)
{
    char path[48];
    for (int i = 0; i < 260; i++) {
        (void)snprintf(path, sizeof(path), "/%d", i);
        ck_status(put(&world, path), FSP_OK);
        ck_status(remove_at(&world, path), FSP_OK);
        if (i < 258)
            ck_status(hold(&world, by_id(world.result.file_id), true, 0), FSP_OK);
    }
    ck_status(purge_all(&world, UINT64_MAX, "", true), FSP_OK);
    ck_assert(world.result.more);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 262);
    /* The 256th: changes come in threes from 2 on, the second of which deletes. */
    (void)snprintf(path, sizeof(path), "/%020d", 3 * 255 + 3);
    ck_result_path(path);
    ck_status(purge_all(&world, UINT64_MAX, path + 1, true), FSP_OK);
    ck_assert(!world.result.more);
    ck_assert_uint_eq(count_rows(&world, FSP_TABLE_NODE), 260);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("history_purge");
    TCase *tcase = new_case("purge", set_up_history);
    tcase_add_test(tcase, a_file_goes_with_all_it_had);
    tcase_add_test(tcase, purge_refuses);
    tcase_add_test(tcase, thirty_days_from_the_newest_version);
    tcase_add_test(tcase, a_jump_of_time_purges_nothing_but_what_a_person_asks);
    tcase_add_test(tcase, a_big_tree_goes_in_bounded_commands_and_nobody_sees_it);
    tcase_add_test(tcase, a_file_with_many_versions_goes_in_bounded_commands);
    tcase_add_test(tcase, a_tree_deeper_than_a_path_goes_too);
    tcase_add_test(tcase, what_is_held_inside_a_tree_goes_back_to_the_trash);
    tcase_add_test(tcase, all_that_is_old_in_a_long_trash);
    tcase_add_test(tcase, looking_goes_on_behind_what_stays);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
