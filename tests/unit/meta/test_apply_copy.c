/* SPDX-License-Identifier: MIT */
/* test_apply_copy - COPY.  Tests. */
#include "tests/unit/meta/meta_world.h"

static const fsp_version_id_t preferred;

START_TEST(a_copy_is_a_new_file_with_the_same_carrier)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t first = world.result.version_id;
    ck_status(put_full(&world, at("/a"), FSP_KIND_FILE, condition(FSP_IF_REPLACE), 33), FSP_OK);
    fsp_file_id_t source = world.result.file_id;
    ck_status(copy(&world, at("/a"), preferred, "/b", FSP_IF_NONE_MATCH), FSP_OK);
    ck_assert(!fsp_file_id_eq(world.result.file_id, source));
    ck_assert_uint_eq(world.result.number, 1);
    ck_assert_uint_eq(world.result.size, 33);
    fsp_node_info_t a, b;
    ck_status(resolve_at(&world, "/b", &b), FSP_OK);
    fsp_hash_t hash = b.version.carrier_hash;
    ck_assert_uint_eq(b.version.parent_count, 0);
    ck_status(resolve_at(&world, "/a", &a), FSP_OK);
    ck_assert(fsp_hash_eq(a.version.carrier_hash, hash));
    ck_assert_uint_eq(a.version.number, 2);
    ck_status(copy(&world, by_id(source), first, "/c", FSP_IF_NONE_MATCH), FSP_OK);
    ck_assert_uint_eq(world.result.size, 10);
    ck_assert_uint_eq(space_of(&world).used_bytes, 10 + 33 + 33 + 10);
}
END_TEST

START_TEST(a_copy_onto_a_file_needs_replace_and_trashes_it)
{
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(put(&world, "/b"), FSP_OK);
    fsp_file_id_t lost = world.result.file_id;
    ck_status(copy(&world, at("/a"), preferred, "/b", FSP_IF_NONE_MATCH), FSP_EXISTS);
    ck_assert(fsp_file_id_eq(world.result.file_id, lost));
    ck_status(copy(&world, at("/a"), preferred, "/b", FSP_IF_REPLACE), FSP_OK);
    fsp_node_info_t node;
    ck_status(resolve_target(&world, by_id(lost), "", &node), FSP_OK);
    ck_assert(fsp_file_id_eq(node.parent_id, world.trash_id));
    /* Onto itself: the old file with its history goes to the trash. */
    ck_status(copy(&world, at("/a"), preferred, "/a", FSP_IF_REPLACE), FSP_OK);
    ck_status(resolve_at(&world, "/a", &node), FSP_OK);
    ck_assert(fsp_file_id_eq(node.file_id, world.result.file_id));
}
END_TEST

START_TEST(copy_refuses_directories_and_what_is_not_there)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t other = world.result.version_id;
    ck_status(put(&world, "/b"), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(copy(&world, at("/d"), preferred, "/e", FSP_IF_REPLACE), FSP_IS_DIRECTORY);
    ck_status(copy(&world, at("/a"), preferred, "/d", FSP_IF_REPLACE), FSP_IS_DIRECTORY);
    ck_status(copy(&world, at("/a"), preferred, "/d", FSP_IF_NONE_MATCH), FSP_EXISTS);
    ck_status(copy(&world, at("/a"), preferred, "/", FSP_IF_REPLACE), FSP_IS_DIRECTORY);
    ck_status(copy(&world, at("/no"), preferred, "/e", FSP_IF_REPLACE), FSP_NOT_FOUND);
    ck_status(copy(&world, at("/a"), preferred, "/x/e", FSP_IF_REPLACE), FSP_NO_PARENT);
    ck_status(copy(&world, at("/a"), preferred, "/b/e", FSP_IF_REPLACE), FSP_NOT_DIRECTORY);
    ck_status(copy(&world, at("/b"), other, "/e", FSP_IF_REPLACE), FSP_NO_SUCH_VERSION);
}
END_TEST

START_TEST(copy_reads_out_of_the_trash_and_keeps_the_kind)
{
    ck_status(put_full(&world, at("/l"), FSP_KIND_SYMLINK, condition(FSP_IF_REPLACE), 4), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    ck_status(remove_at(&world, "/l"), FSP_OK);
    fsp_command_t command = new_command(&world, FSP_COMMAND_COPY);
    command.copy.from = by_id(id);
    command.copy.to = at("/x/y/l");
    command.copy.create_parents = true;
    command.copy.condition = condition(FSP_IF_NONE_MATCH);
    command.copy.ids_seed = next_seed(&world);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert_int_eq(world.result.kind, FSP_KIND_SYMLINK);
    ck_assert(exists(&world, "/x/y/l"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_copy");
    TCase *tcase = new_case("copy", set_up);
    tcase_add_test(tcase, a_copy_is_a_new_file_with_the_same_carrier);
    tcase_add_test(tcase, a_copy_onto_a_file_needs_replace_and_trashes_it);
    tcase_add_test(tcase, copy_refuses_directories_and_what_is_not_there);
    tcase_add_test(tcase, copy_reads_out_of_the_trash_and_keeps_the_kind);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
