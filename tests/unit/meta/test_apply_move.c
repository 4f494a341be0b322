/* SPDX-License-Identifier: MIT */
/* test_apply_move - MKDIR, MOVE and DELETE.  Tests. */
#include "tests/unit/meta/meta_world.h"

static fsp_condition_t
always(void)
{
    return condition(FSP_IF_REPLACE);
}

START_TEST(mkdir_makes_one_directory)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_assert_int_eq(world.result.kind, FSP_KIND_DIRECTORY);
    ck_assert_uint_eq(world.result.head_count, 0);
    ck_status(mkdir_at(&world, "/d"), FSP_EXISTS);
    ck_status(mkdir_at(&world, "/"), FSP_EXISTS);
    ck_status(mkdir_at(&world, "/x/y"), FSP_NO_PARENT);
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(mkdir_at(&world, "/f"), FSP_EXISTS);
    ck_status(mkdir_at(&world, "/f/d"), FSP_NOT_DIRECTORY);
}
END_TEST

START_TEST(mkdir_of_what_exists_takes_no_change_number)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_command_t command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/d");
    command.mkdir.exist_ok = true;
    command.mkdir.ids_seed = next_seed(&world);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_assert_uint_eq(world.result.index, 2);
    ck_status(put(&world, "/f"), FSP_OK);
    ck_assert_uint_eq(world.result.index, 3);
    command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/f");
    command.mkdir.exist_ok = true;
    command.mkdir.ids_seed = next_seed(&world);
    ck_status(apply(&world, &command), FSP_EXISTS);
    command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/p/q/r");
    command.mkdir.create_parents = true;
    command.mkdir.ids_seed = next_seed(&world);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert_uint_eq(world.result.index, 4);
    ck_assert(exists(&world, "/p/q/r"));
}
END_TEST

START_TEST(move_keeps_the_file_and_frees_the_name)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(move(&world, "/a", "/b"), FSP_OK);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_assert(!exists(&world, "/a"));
    ck_assert(exists(&world, "/b"));
    ck_status(move(&world, "/a", "/c"), FSP_NOT_FOUND);
    ck_status(move(&world, "/b", "/x/c"), FSP_NO_PARENT);
    ck_status(move_full(&world, at("/b"), "/x/y/c", true, false), FSP_OK);
    ck_assert(exists(&world, "/x/y/c"));
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(move(&world, "/f", "/x/y/c/f"), FSP_NOT_DIRECTORY);
    ck_status(move(&world, "/f", "/f/f"), FSP_NOT_DIRECTORY);
}
END_TEST

START_TEST(a_directory_moves_with_what_is_in_it)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(mkdir_at(&world, "/d/e"), FSP_OK);
    ck_status(put(&world, "/d/e/f"), FSP_OK);
    ck_status(move(&world, "/d", "/g"), FSP_OK);
    ck_assert_uint_le(world.rows_written, 9);
    ck_assert(exists(&world, "/g/e/f"));
    ck_assert(!exists(&world, "/d/e/f"));
}
END_TEST

START_TEST(a_directory_does_not_move_into_itself)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(mkdir_at(&world, "/d/e"), FSP_OK);
    ck_status(move(&world, "/d", "/d/x"), FSP_CYCLE);
    ck_status(move(&world, "/d", "/d/e/x"), FSP_CYCLE);
    ck_status(move_full(&world, at("/d"), "/d/n/m/x", true, true), FSP_CYCLE);
    ck_status(move_full(&world, at("/d"), "/d/e", false, true), FSP_CYCLE);
    ck_status(move_full(&world, at("/d/e"), "/d", false, true), FSP_NOT_EMPTY);
    ck_status(move_full(&world, at("/d"), "/", false, true), FSP_NOT_EMPTY);
    ck_status(move(&world, "/", "/x"), FSP_INVALID);
    ck_status(move_full(&world, by_id(world.trash_id), "/x", false, false), FSP_INVALID);
}
END_TEST

START_TEST(move_onto_itself_changes_nothing)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    uint64_t index = world.result.index;
    ck_status(move(&world, "/a", "/a"), FSP_OK);
    ck_assert_uint_eq(world.result.index, index);
    ck_status(move_full(&world, by_id(id), "/a", false, true), FSP_OK);
    ck_assert_uint_eq(world.result.index, index);
    ck_assert(exists(&world, "/a"));
}
END_TEST

START_TEST(move_replaces_only_where_asked_and_like_by_like)
{
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(put(&world, "/g"), FSP_OK);
    fsp_file_id_t lost = world.result.file_id;
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(mkdir_at(&world, "/e"), FSP_OK);
    ck_status(mkdir_at(&world, "/full"), FSP_OK);
    ck_status(put(&world, "/full/x"), FSP_OK);
    ck_status(move(&world, "/f", "/g"), FSP_EXISTS);
    ck_assert(fsp_file_id_eq(world.result.file_id, lost));
    ck_status(move(&world, "/d", "/e"), FSP_EXISTS);
    ck_status(move_full(&world, at("/f"), "/d", false, true), FSP_IS_DIRECTORY);
    ck_status(move_full(&world, at("/d"), "/f", false, true), FSP_NOT_DIRECTORY);
    ck_status(move_full(&world, at("/d"), "/full", false, true), FSP_NOT_EMPTY);
    ck_status(move_full(&world, at("/f"), "/g", false, true), FSP_OK);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(lost), "", &node), FSP_OK);
    ck_assert(fsp_file_id_eq(node.parent_id, world.trash_id));
    ck_status(move_full(&world, at("/d"), "/e", false, true), FSP_OK);
    ck_assert(!exists(&world, "/d"));
    ck_assert(exists(&world, "/e"));
}
END_TEST

START_TEST(move_and_delete_match_the_head)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = world.result.version_id;
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t present = world.result.version_id;
    fsp_command_t command = new_command(&world, FSP_COMMAND_MOVE);
    command.move.from = at("/a");
    command.move.to = at("/b");
    command.move.condition = condition_on(FSP_IF_MATCH, base);
    ck_status(apply(&world, &command), FSP_MISMATCH);
    ck_assert(fsp_version_id_eq(world.result.heads[0], present));
    ck_status(remove_target(&world, at("/a"), false, condition_on(FSP_IF_MATCH, base)),
              FSP_MISMATCH);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(remove_target(&world, at("/d"), false, condition_on(FSP_IF_MATCH, base)),
              FSP_MISMATCH);
    ck_status(remove_target(&world, at("/a"), false, condition_on(FSP_IF_MATCH, present)), FSP_OK);
    ck_assert(!exists(&world, "/a"));
}
END_TEST

START_TEST(delete_moves_to_the_trash_under_its_change_number)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(remove_at(&world, "/a"), FSP_OK);
    ck_assert_uint_eq(world.result.index, 3);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_status(remove_at(&world, "/a"), FSP_NOT_FOUND);
    fsp_query_t query = new_query(&world, FSP_QUERY_LIST);
    query.target = by_id(world.trash_id);
    fsp_answer_t answer = ask(&world, &query);
    fsp_entry_info_t entry;
    ck_assert_uint_eq(answer.count, 1);
    ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
    ck_assert(fsp_slice_eq(entry.name, text("00000000000000000003")));
    ck_assert(fsp_file_id_eq(entry.file_id, id));
    /* The history is kept. */
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(id), "", &node), FSP_OK);
    ck_assert_uint_eq(node.version.number, 1);
    ck_assert_uint_eq(node.path.bytes, 0);
}
END_TEST

START_TEST(a_directory_is_deleted_empty_or_as_a_whole)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(mkdir_at(&world, "/d/e"), FSP_OK);
    ck_status(put(&world, "/d/e/f"), FSP_OK);
    fsp_file_id_t inner = world.result.file_id;
    ck_status(remove_at(&world, "/d"), FSP_NOT_EMPTY);
    ck_status(remove_target(&world, at("/d"), true, always()), FSP_OK);
    ck_assert_uint_le(world.rows_written, 9);
    ck_assert(!exists(&world, "/d"));
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(inner), "", &node), FSP_OK);
    ck_assert(fsp_slice_eq(node.name, text("f")));
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(remove_at(&world, "/d"), FSP_OK);
    ck_status(remove_at(&world, "/"), FSP_INVALID);
    ck_status(remove_target(&world, by_id(world.trash_id), true, always()), FSP_TRASHED);
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(remove_at(&world, "/f/x"), FSP_NOT_DIRECTORY);
    ck_status(remove_target(&world, by_id(file_id(99)), true, always()), FSP_NOT_FOUND);
}
END_TEST

START_TEST(move_by_id_takes_things_out_of_the_trash)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    fsp_file_id_t directory = world.result.file_id;
    ck_status(put(&world, "/d/f"), FSP_OK);
    fsp_file_id_t inner = world.result.file_id;
    ck_status(remove_target(&world, at("/d"), true, always()), FSP_OK);
    ck_status(move_full(&world, by_id(inner), "/saved", false, false), FSP_OK);
    ck_assert(exists(&world, "/saved"));
    ck_status(move_full(&world, by_id(directory), "/back", false, false), FSP_OK);
    ck_assert(exists(&world, "/back"));
    ck_assert(!exists(&world, "/back/f"));
    ck_status(move_full(&world, by_id(directory), "/", false, true), FSP_NOT_EMPTY);
}
END_TEST

/* "/n1/n2/.../nDEPTH" with the given name everywhere. */
static const char *
deep_path(const char *name, size_t depth)
{
    static char path[2][FSP_PATH_BYTES_MAX + 300];
    static size_t turn;
    char *out = path[turn++ % 2];
    out[0] = 0;
    for (size_t i = 0; i < depth; i++) {
        strcat(out, "/");
        strcat(out, name);
    }
    return out;
}

static fsp_status_t
mkdir_deep(const char *path)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at(path);
    command.mkdir.create_parents = true;
    command.mkdir.ids_seed = next_seed(&world);
    return apply(&world, &command);
}

START_TEST(what_a_move_pushed_below_depth_64_is_read_by_id_and_saved_by_moving_a_parent)
{
    ck_status(mkdir_deep(deep_path("a", 64)), FSP_OK);
    fsp_file_id_t bottom = world.result.file_id;
    ck_assert_uint_le(world.rows_written, 2 * 64 + 6);
    ck_status(mkdir_deep(deep_path("b", 65)), FSP_BAD_NAME);
    ck_status(mkdir_deep(deep_path("b", 63)), FSP_OK);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(bottom), "", &node), FSP_OK);
    ck_assert(fsp_slice_eq(node.path, text(deep_path("a", 64))));
    ck_status(move(&world, "/a", strcat((char *)(uintptr_t)deep_path("b", 63), "/a")), FSP_OK);
    ck_status(resolve_target(&world, by_id(bottom), "", &node), FSP_OK);
    ck_assert_uint_eq(node.path.bytes, 0);
    ck_status(remove_target(&world, by_id(bottom), false, always()), FSP_TOO_LARGE);
    ck_status(move_full(&world, by_id(bottom), "/up", false, false), FSP_OK);
    ck_assert(exists(&world, "/up"));
    ck_status(remove_target(&world, at("/b"), true, always()), FSP_OK);
}
END_TEST

START_TEST(paths_longer_than_4096_bytes_are_not_made_up)
{
    char name[101];
    memset(name, 'n', 100);
    name[100] = 0;
    ck_status(mkdir_deep(deep_path(name, 40)), FSP_OK); /* 4,040 bytes */
    fsp_file_id_t bottom = world.result.file_id;
    ck_status(mkdir_at(&world, "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
              FSP_OK);
    char to[300] = "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/";
    ck_status(move(&world, deep_path(name, 1), strcat(to, name)), FSP_OK);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(bottom), "", &node), FSP_OK);
    ck_assert_uint_eq(node.path.bytes, 0);
    ck_status(remove_target(&world, by_id(bottom), false, always()), FSP_TOO_LARGE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_move");
    TCase *tcase = new_case("names", set_up);
    tcase_add_test(tcase, mkdir_makes_one_directory);
    tcase_add_test(tcase, mkdir_of_what_exists_takes_no_change_number);
    tcase_add_test(tcase, move_keeps_the_file_and_frees_the_name);
    tcase_add_test(tcase, a_directory_moves_with_what_is_in_it);
    tcase_add_test(tcase, a_directory_does_not_move_into_itself);
    tcase_add_test(tcase, move_onto_itself_changes_nothing);
    tcase_add_test(tcase, move_replaces_only_where_asked_and_like_by_like);
    tcase_add_test(tcase, move_and_delete_match_the_head);
    tcase_add_test(tcase, delete_moves_to_the_trash_under_its_change_number);
    tcase_add_test(tcase, a_directory_is_deleted_empty_or_as_a_whole);
    tcase_add_test(tcase, move_by_id_takes_things_out_of_the_trash);
    tcase_add_test(tcase,
                   what_a_move_pushed_below_depth_64_is_read_by_id_and_saved_by_moving_a_parent);
    tcase_add_test(tcase, paths_longer_than_4096_bytes_are_not_made_up);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
