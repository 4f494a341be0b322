/* SPDX-License-Identifier: MIT */
/* test_apply_revive - an edit of what lies in the trash brings it back.  Tests.
 *
 * docs/protocol/commands-history.md, section 5.1.
 */
#include "tests/unit/meta/history_world.h"

#define BOB subject_id(3)

/* An edit with `revive`; its carrier is static. */
static fsp_command_t
edit_command(fsp_target_t target, fsp_version_id_t base)
{
    static fsp_buf_t carrier;
    fsp_buf_clear(&carrier);
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.version = 2;
    command.put.target = target;
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition_on(FSP_IF_EDIT, base);
    command.put.ids_seed = next_seed(&world);
    command.put.size = 7;
    command.put.carrier = carrier_of("edited", &carrier);
    command.put.revive = true;
    return command;
}

static fsp_status_t
edit(fsp_target_t target, fsp_version_id_t base)
{
    fsp_command_t command = edit_command(target, base);
    return apply(&world, &command);
}

/* A file of one version, deleted: its id and version. */
static fsp_file_id_t
deleted(const char *path, fsp_version_id_t *ret_version)
{
    ck_status(put(&world, path), FSP_OK);
    *ret_version = world.result.version_id;
    fsp_file_id_t id = world.result.file_id;
    ck_status(remove_at(&world, path), FSP_OK);
    return id;
}

static fsp_change_info_t
last_change(void)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.after_index = change_index(&world) - 1;
    fsp_answer_t answer = ask(&world, &query);
    fsp_change_info_t change;
    ck_assert_uint_eq(answer.count, 1);
    ck_status(fsp_answer_change(&answer, &change), FSP_OK);
    return change;
}

static bool
path_is(fsp_slice_t path, const char *expected)
{
    return fsp_slice_eq(path, text(expected));
}

START_TEST(by_path_it_comes_back_there_with_the_edit)
{
    fsp_version_id_t base;
    fsp_file_id_t id = deleted("/a", &base);
    uint64_t before = change_index(&world);
    ck_status(edit(at("/a"), base), FSP_OK);
    ck_assert_uint_eq(world.result.index, before + 1);
    ck_assert_uint_eq(world.result.number, 2);
    ck_assert_uint_eq(world.result.head_count, 1);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    ck_assert(fsp_version_id_eq(world.result.heads[0], world.result.version_id));
    ck_result_path("/a");
    fsp_change_info_t change = last_change();
    ck_assert_int_eq(change.operation, FSP_COMMAND_PUT);
    ck_assert(path_is(change.path, "/a") && change.from_path.bytes == 0);
    ck_assert(fsp_file_id_eq(change.file_id, id));
    ck_assert(fsp_version_id_eq(change.version_id, world.result.version_id));
    ck_assert(fsp_file_id_eq(id_of(&world, "/a"), id));
    /* Before this change the name meant nothing. */
    fsp_node_info_t node;
    ck_status(resolve_then(&world, at("/a"), before, &node), FSP_NOT_FOUND);
    ck_status(resolve_then(&world, at("/a"), before + 1, &node), FSP_OK);
    ck_sound(&world);
}
END_TEST

START_TEST(by_another_path_it_goes_there_and_parents_are_made)
{
    fsp_version_id_t base;
    fsp_file_id_t id = deleted("/a", &base);
    ck_status(edit(at("/x/y/b"), base), FSP_NO_PARENT);
    ck_assert(fsp_file_id_eq(world.result.file_id, id));
    fsp_command_t command = edit_command(at("/x/y/b"), base);
    command.put.create_parents = true;
    ck_status(apply(&world, &command), FSP_OK);
    ck_result_path("/x/y/b");
    ck_assert(fsp_file_id_eq(id_of(&world, "/x/y/b"), id));
    ck_assert(!exists(&world, "/a"));
    fsp_change_info_t change = last_change();
    ck_assert_uint_eq(change.made_count, 2);
    ck_assert(fsp_file_id_eq(change.made_ids[0], id_of(&world, "/x")));
    ck_sound(&world);
}
END_TEST

START_TEST(by_id_it_goes_where_it_was_under_a_name_that_is_free)
{
    fsp_version_id_t base;
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    fsp_file_id_t id = deleted("/d/a", &base);
    ck_status(put(&world, "/d/a"), FSP_OK);
    fsp_file_id_t other = world.result.file_id;
    ck_status(move(&world, "/d", "/e"), FSP_OK);
    ck_status(edit(by_id(id), base), FSP_OK);
    ck_result_path("/e/a (1)");
    ck_assert(path_is(last_change().path, "/e/a (1)"));
    ck_assert(fsp_file_id_eq(id_of(&world, "/e/a (1)"), id));
    ck_assert(fsp_file_id_eq(id_of(&world, "/e/a"), other));
    ck_assert_uint_eq(used_bytes(&world), 10 + 10 + 7);
    ck_sound(&world);
}
END_TEST

START_TEST(out_of_a_directory_in_the_trash_only_by_path)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/a"), FSP_OK);
    fsp_file_id_t id = world.result.file_id;
    fsp_version_id_t base = world.result.version_id;
    ck_status(remove_target(&world, at("/d"), true, condition(FSP_IF_REPLACE)), FSP_OK);
    fsp_file_id_t directory = world.result.file_id;
    ck_status(edit(by_id(id), base), FSP_NO_PARENT);
    ck_status(edit(by_id(directory), base), FSP_IS_DIRECTORY);
    ck_status(edit(by_id(world.trash_id), base), FSP_TRASHED);
    ck_assert(!exists(&world, "/d"));
    ck_status(hold(&world, by_id(directory), true, 0), FSP_OK);
    ck_status(edit(at("/a"), base), FSP_HELD);
    ck_status(hold(&world, by_id(directory), false, 0), FSP_OK);
    ck_status(edit(at("/a"), base), FSP_OK);
    ck_assert(fsp_file_id_eq(id_of(&world, "/a"), id));
    ck_sound(&world);
}
END_TEST

START_TEST(what_is_refused_stays_in_the_trash)
{
    fsp_version_id_t base, foreign;
    ck_status(put(&world, "/other"), FSP_OK);
    foreign = world.result.version_id;
    fsp_file_id_t id = deleted("/a", &base);
    uint64_t before = change_index(&world);
    fsp_command_t command = edit_command(at("/a"), base);
    command.put.revive = false;
    ck_status(apply(&world, &command), FSP_TRASHED);
    command = edit_command(at("/a"), base);
    command.put.condition.type = FSP_IF_MERGE; /* only an edit revives */
    ck_status(apply(&world, &command), FSP_TRASHED);
    command = edit_command(by_id(id), base);
    command.put.condition = condition(FSP_IF_REPLACE);
    ck_status(apply(&world, &command), FSP_TRASHED);
    command = edit_command(at("/a"), base);
    command.put.kind = FSP_KIND_SYMLINK;
    ck_status(apply(&world, &command), FSP_MISMATCH);
    ck_assert_uint_eq(world.result.head_count, 1);
    command = edit_command(at("/a"), base);
    command.put.lease_token = 1; /* by path nothing is there that could be leased */
    ck_status(apply(&world, &command), FSP_LEASE_LOST);
    ck_status(edit(by_id(id), foreign), FSP_MISMATCH);
    ck_status(edit(at("/other/a"), base), FSP_NOT_DIRECTORY);
    ck_assert(!exists(&world, "/a"));
    ck_assert_uint_eq(change_index(&world), before);
    ck_status(edit(by_id(id), base), FSP_OK);
    ck_sound(&world);
}
END_TEST

START_TEST(a_lease_holds_in_the_trash)
{
    ck_status(put(&world, "/a"), FSP_OK);
    fsp_version_id_t base = world.result.version_id;
    fsp_file_id_t id = world.result.file_id;
    fsp_command_t command = new_command(&world, FSP_COMMAND_RULES);
    command.access.target = at("/");
    command.access.inherit = true;
    command.access.rule_count = 1;
    command.access.rules[0] = (fsp_rule_t){.id = BOB, .rights = 7};
    ck_status(apply(&world, &command), FSP_OK);
    command = new_command(&world, FSP_COMMAND_LOCK);
    command.node.lease.target = at("/a");
    command.node.lease.duration = FSP_LEASE_US_MAX;
    ck_status(apply(&world, &command), FSP_OK);
    uint64_t token = world.result.index;
    ck_status(remove_at(&world, "/a"), FSP_OK);
    command = edit_command(by_id(id), base);
    command.subject = BOB;
    ck_status(apply(&world, &command), FSP_LOCKED);
    command = edit_command(at("/a"), base);
    command.subject = BOB;
    ck_status(apply(&world, &command), FSP_LOCKED);
    command = edit_command(by_id(id), base);
    command.put.lease_token = token + 1;
    ck_status(apply(&world, &command), FSP_LEASE_LOST);
    command = edit_command(by_id(id), base);
    command.put.lease_token = token;
    ck_status(apply(&world, &command), FSP_OK);
    ck_sound(&world);
}
END_TEST

/* Write at the path and read at the base are enough for an edit; not to take out what another
   directory lost. */
START_TEST(it_needs_the_rights_of_an_undelete)
{
    fsp_version_id_t base;
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(mkdir_at(&world, "/mine"), FSP_OK);
    fsp_file_id_t id = deleted("/d/a", &base);
    const struct {
        uint32_t rights;
        fsp_status_t by_path, by_id;
    } cases[] = {
        {FSP_RIGHT_READ, FSP_FORBIDDEN, FSP_FORBIDDEN},
        {FSP_RIGHT_READ | FSP_RIGHT_WRITE, FSP_FORBIDDEN, FSP_FORBIDDEN},
        {FSP_RIGHT_READ | FSP_RIGHT_DELETE, FSP_FORBIDDEN, FSP_FORBIDDEN},
        {FSP_RIGHT_WRITE | FSP_RIGHT_DELETE, FSP_FORBIDDEN, FSP_FORBIDDEN},
        {FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE, FSP_OK, FSP_OK},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        bool named = i % 2;
        fsp_command_t command = new_command(&world, FSP_COMMAND_RULES);
        command.access.target = at("/d");
        command.access.inherit = true;
        command.access.rule_count = 1;
        command.access.rules[0] = (fsp_rule_t){.id = BOB, .rights = cases[i / 2].rights};
        (void)apply(&world, &command);
        command.access.target = at("/mine");
        command.access.rules[0].rights = FSP_RIGHT_READ | FSP_RIGHT_WRITE;
        fsp_store_u64(command.op_id.bytes, ++world.last_op);
        (void)apply(&world, &command);
        command = edit_command(named ? by_id(id) : at("/mine/a"), base);
        command.subject = BOB;
        ck_status(apply(&world, &command), named ? cases[i / 2].by_id : cases[i / 2].by_path);
        if (world.result.status == FSP_OK) {
            base = world.result.version_id;
            ck_assert(exists(&world, named ? "/d/a" : "/mine/a"));
            if (!named) /* back, so that its origin is /d again */
                ck_status(move(&world, "/mine/a", "/d/a"), FSP_OK);
            ck_status(remove_at(&world, "/d/a"), FSP_OK);
        }
    }
    ck_sound(&world);
}
END_TEST

/* What went to the trash at level 1 has its place in the feed only, whose parents may be gone. */
START_TEST(in_a_batch_the_rows_of_parents_are_counted)
{
    enum { DEPTH = 40 };
    char path[2 * DEPTH + 1];
    for (size_t i = 0; i < DEPTH; i++)
        memcpy(path + 2 * i, "/p", 3);
    set_level(&world, 1);
    fsp_command_t command = edit_command(at(path), (fsp_version_id_t){{0}});
    command.version = 1;
    command.put.revive = false;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.create_parents = true;
    ck_status(apply(&world, &command), FSP_OK);
    fsp_version_id_t base = world.result.version_id;
    fsp_file_id_t id = world.result.file_id;
    ck_status(remove_at(&world, path), FSP_OK);
    ck_status(remove_target(&world, at("/p"), true, condition(FSP_IF_REPLACE)), FSP_OK);
    set_level(&world, 2);

    fsp_command_t item = edit_command(by_id(id), base);
    ck_assert_uint_eq(fsp_command_rows(&item), 10);
    item.put.create_parents = true;
    ck_assert_uint_eq(fsp_command_rows(&item), 10 + 2 * 63);
    fsp_buf_t items;
    fsp_buf_init(&items, FSP_COMMAND_BYTES_MAX);
    fsp_batch_add(&item, &items);
    command = new_command(&world, FSP_COMMAND_BATCH);
    command.node.batch.items = fsp_buf_slice(&items);
    command.node.batch.count = 1;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(fsp_file_id_eq(id_of(&world, path), id));
    fsp_buf_clear(&items);
    ck_sound(&world);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_revive");
    TCase *tcase = new_case("revive", set_up_history);
    tcase_add_test(tcase, by_path_it_comes_back_there_with_the_edit);
    tcase_add_test(tcase, by_another_path_it_goes_there_and_parents_are_made);
    tcase_add_test(tcase, by_id_it_goes_where_it_was_under_a_name_that_is_free);
    tcase_add_test(tcase, out_of_a_directory_in_the_trash_only_by_path);
    tcase_add_test(tcase, what_is_refused_stays_in_the_trash);
    tcase_add_test(tcase, a_lease_holds_in_the_trash);
    tcase_add_test(tcase, it_needs_the_rights_of_an_undelete);
    tcase_add_test(tcase, in_a_batch_the_rows_of_parents_are_counted);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
