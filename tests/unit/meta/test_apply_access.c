/* SPDX-License-Identifier: MIT */
/* test_apply_access - rules of directories and share links: who may, and every refusal.  Tests. */
#include "tests/unit/meta/test_apply_access.h"

/* -- rules ------------------------------------------------------------------------------------- */

static void
set_up_tree(void)
{
    set_up_level_2();
    ck_status(mkdir_at(&world, "/a"), FSP_OK);
    ck_status(mkdir_at(&world, "/a/b"), FSP_OK);
    ck_status(put(&world, "/a/f"), FSP_OK);
    ck_status(put(&world, "/a/b/g"), FSP_OK);
    ck_status(mkdir_at(&world, "/c"), FSP_OK);
}

START_TEST(nobody_but_the_owner_may_do_anything_at_first)
{
    as(ALICE);
    ck_status(resolve_status("/a/f"), FSP_FORBIDDEN);
    ck_status(resolve_status("/a/nothing"), FSP_FORBIDDEN);
    ck_status(put(&world, "/a/f"), FSP_FORBIDDEN);
    ck_status(mkdir_at(&world, "/d"), FSP_FORBIDDEN);
    ck_status(remove_at(&world, "/a/f"), FSP_FORBIDDEN);
    ck_status(grant("/a", ALICE, FSP_RIGHTS_ALL), FSP_FORBIDDEN);
    ck_status(make_link(1, "/a", FSP_RIGHT_READ), FSP_FORBIDDEN);
    as((fsp_subject_id_t){{0}});
    ck_status(put(&world, "/a/f"), FSP_FORBIDDEN);
    ck_status(resolve_status("/a/f"), FSP_FORBIDDEN);
}
END_TEST

START_TEST(a_rule_holds_for_what_lies_below_and_nothing_else)
{
    ck_status(grant("/a", ALICE, FSP_RIGHT_READ), FSP_OK);
    ck_assert_int_eq(world.result.kind, FSP_KIND_DIRECTORY);
    as(ALICE);
    ck_status(resolve_status("/a"), FSP_OK);
    ck_status(resolve_status("/a/f"), FSP_OK);
    ck_status(resolve_status("/a/b/g"), FSP_OK);
    ck_status(resolve_status("/a/nothing"), FSP_NOT_FOUND);
    ck_status(resolve_status("/a/f/under"), FSP_NOT_DIRECTORY);
    ck_status(resolve_status("/"), FSP_FORBIDDEN);
    ck_status(resolve_status("/c"), FSP_FORBIDDEN);
    ck_status(resolve_status("/nothing"), FSP_FORBIDDEN);
    ck_status(put(&world, "/a/f"), FSP_FORBIDDEN);
    as(BOB);
    ck_status(resolve_status("/a"), FSP_FORBIDDEN);
}
END_TEST

START_TEST(rights_are_the_rules_of_now)
{
    ck_status(grant("/a", ALICE, FSP_RIGHT_READ), FSP_OK);
    as(ALICE);
    ck_status(resolve_status("/a/f"), FSP_OK);
    as(OWNER);
    ck_status(grant("/a", BOB, FSP_RIGHT_READ), FSP_OK);
    as(ALICE);
    ck_status(resolve_status("/a/f"), FSP_FORBIDDEN);
    /* A move takes the file to other rules, and its id with it. */
    as(OWNER);
    fsp_node_info_t file;
    ck_status(resolve_at(&world, "/a/f", &file), FSP_OK);
    ck_status(grant("/c", ALICE, FSP_RIGHT_READ), FSP_OK);
    ck_status(move(&world, "/a/f", "/c/f"), FSP_OK);
    fsp_node_info_t node;
    as(ALICE);
    ck_status(resolve_target(&world, by_id(file.file_id), "", &node), FSP_OK);
    as(BOB);
    ck_status(resolve_target(&world, by_id(file.file_id), "", &node), FSP_FORBIDDEN);
}
END_TEST

START_TEST(a_directory_that_does_not_inherit_cuts_off_what_is_above)
{
    ck_status(grant("/a", ALICE, FSP_RIGHTS_ALL), FSP_OK);
    ck_status(part("/a/b"), FSP_OK);
    ck_assert(space_row().access.parted);
    as(ALICE);
    ck_status(resolve_status("/a/f"), FSP_OK);
    ck_status(resolve_status("/a/b"), FSP_FORBIDDEN);
    ck_status(resolve_status("/a/b/g"), FSP_FORBIDDEN);
    ck_status(resolve_status("/a/b/nothing"), FSP_FORBIDDEN);
    /* Nor can the name be taken away by who may not delete in it. */
    ck_status(remove_target(&world, at("/a/b"), true, condition(FSP_IF_REPLACE)), FSP_FORBIDDEN);
    ck_status(move(&world, "/a/b", "/a/mine"), FSP_FORBIDDEN);
    ck_status(grant("/a/b", ALICE, FSP_RIGHTS_ALL), FSP_FORBIDDEN);
    as(OWNER);
    ck_status(resolve_status("/a/b/g"), FSP_OK);
    ck_status(grant("/a/b", ALICE, FSP_RIGHT_WRITE), FSP_OK);
    ck_assert(space_row().access.parted); /* the feed keeps the names of that time */
    as(ALICE);
    ck_status(resolve_status("/a/b/g"), FSP_OK);
}
END_TEST

START_TEST(each_change_needs_its_right)
{
    const struct {
        uint32_t right;
        fsp_status_t put, mkdir, remove, move, rules, link, versions;
    } rows[] = {
        {FSP_RIGHT_READ, 71, 71, 71, 71, 71, 71, 0},
        {FSP_RIGHT_WRITE, 0, 0, 71, 71, 71, 71, 71},
        {FSP_RIGHT_DELETE, 71, 71, 0, 71, 71, 71, 71},
        {FSP_RIGHT_SHARE, 71, 71, 71, 71, 71, 71, 71},
        {FSP_RIGHT_ADMIN, 71, 71, 71, 71, 0, 71, 71},
    };
    ck_status(grant("/a", ALICE, rows[_i].right), FSP_OK);
    as(ALICE);
    fsp_query_t query = new_query(&world, FSP_QUERY_VERSIONS);
    query.target = at("/a/f");
    ck_status(ask(&world, &query).status, rows[_i].versions);
    ck_status(put(&world, "/a/f"), rows[_i].put);
    ck_status(put(&world, "/a/new"), rows[_i].put);
    ck_status(mkdir_at(&world, "/a/dir"), rows[_i].mkdir);
    ck_status(make_link(1, "/a/f", FSP_RIGHT_READ), rows[_i].link);
    ck_status(move(&world, "/a/f", "/a/h"), rows[_i].move);
    ck_status(remove_at(&world, "/a/f"), rows[_i].remove);
    ck_status(grant("/a", ALICE, FSP_RIGHT_READ), rows[_i].rules);
    check_state(&world);
}
END_TEST

START_TEST(moves_and_copies_need_rights_at_both_ends)
{
    ck_status(grant("/a", ALICE, FSP_RIGHT_READ | FSP_RIGHT_DELETE), FSP_OK);
    as(ALICE);
    ck_status(move(&world, "/a/f", "/c/f"), FSP_FORBIDDEN);
    ck_status(copy(&world, at("/a/f"), (fsp_version_id_t){{0}}, "/c/f", FSP_IF_NONE_MATCH),
              FSP_FORBIDDEN);
    as(OWNER);
    ck_status(put(&world, "/c/there"), FSP_OK);
    ck_status(grant("/c", ALICE, FSP_RIGHT_WRITE), FSP_OK);
    as(ALICE);
    ck_status(copy(&world, at("/a/f"), (fsp_version_id_t){{0}}, "/c/f", FSP_IF_NONE_MATCH), FSP_OK);
    /* What is replaced goes to the trash, and that is a deletion. */
    ck_status(copy(&world, at("/a/f"), (fsp_version_id_t){{0}}, "/c/there", FSP_IF_REPLACE),
              FSP_FORBIDDEN);
    ck_status(move_full(&world, at("/a/f"), "/c/there", false, true), FSP_FORBIDDEN);
    ck_status(put_full(&world, at("/c/there"), FSP_KIND_SYMLINK, condition(FSP_IF_REPLACE), 1),
              FSP_FORBIDDEN);
    ck_status(put(&world, "/c/there"), FSP_OK);
    as(OWNER);
    ck_status(grant("/c", ALICE, FSP_RIGHT_WRITE | FSP_RIGHT_DELETE), FSP_OK);
    as(ALICE);
    ck_status(move_full(&world, at("/a/f"), "/c/there", false, true), FSP_OK);
    check_state(&world);
}
END_TEST

START_TEST(who_may_delete_inside_may_not_delete_the_directory)
{
    ck_status(grant("/a/b", ALICE, FSP_RIGHTS_ALL), FSP_OK);
    as(ALICE);
    ck_status(remove_target(&world, at("/a/b"), true, condition(FSP_IF_REPLACE)), FSP_FORBIDDEN);
    ck_status(move(&world, "/a/b", "/a/b/c"), FSP_FORBIDDEN);
    ck_status(remove_at(&world, "/a/b/g"), FSP_OK);
}
END_TEST

/* Or a thing could be moved to where it can be read. */
START_TEST(what_is_moved_must_be_readable)
{
    ck_status(grant("/a", ALICE, FSP_RIGHT_WRITE | FSP_RIGHT_DELETE), FSP_OK);
    as(ALICE);
    ck_status(move(&world, "/a/f", "/a/h"), FSP_FORBIDDEN);
    as(OWNER);
    ck_status(grant("/a", ALICE, FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE), FSP_OK);
    as(ALICE);
    ck_status(move(&world, "/a/f", "/a/h"), FSP_OK);
}
END_TEST

/* What a new version builds on justifies its objects: only what the writer can read. */
START_TEST(bases_must_be_readable)
{
    fsp_node_info_t node;
    ck_status(resolve_at(&world, "/a/f", &node), FSP_OK);
    ck_status(grant("/a", ALICE, FSP_RIGHT_WRITE), FSP_OK);
    as(ALICE);
    ck_status(put_if(&world, "/a/f", condition_on(FSP_IF_EDIT, node.heads[0])), FSP_FORBIDDEN);
    as(OWNER);
    ck_status(grant("/a", ALICE, FSP_RIGHT_WRITE | FSP_RIGHT_READ), FSP_OK);
    as(ALICE);
    ck_status(put_if(&world, "/a/f", condition_on(FSP_IF_EDIT, node.heads[0])), FSP_OK);
}
END_TEST

START_TEST(deleted_things_keep_their_readers)
{
    ck_status(grant("/a", ALICE, FSP_RIGHT_READ), FSP_OK);
    fsp_node_info_t file, node;
    ck_status(resolve_at(&world, "/a/b/g", &file), FSP_OK);
    ck_status(remove_at(&world, "/a/b/g"), FSP_OK);
    as(ALICE);
    ck_status(resolve_target(&world, by_id(file.file_id), "", &node), FSP_OK);
    ck_assert_uint_eq(node.path.bytes, 0);
    as(BOB);
    ck_status(resolve_target(&world, by_id(file.file_id), "", &node), FSP_FORBIDDEN);
    /* Also where the directory followed it. */
    as(OWNER);
    ck_status(remove_target(&world, at("/a"), true, condition(FSP_IF_REPLACE)), FSP_OK);
    as(ALICE);
    ck_status(resolve_target(&world, by_id(file.file_id), "", &node), FSP_OK);
    ck_status(resolve_target(&world, by_id(world.trash_id), "", &node), FSP_FORBIDDEN);
    /* The trash as a whole is for who administers the space. */
    as(OWNER);
    ck_status(grant("/", BOB, FSP_RIGHT_ADMIN), FSP_OK);
    as(BOB);
    ck_status(resolve_target(&world, by_id(world.trash_id), "", &node), FSP_OK);
    ck_status(resolve_target(&world, by_id(file.file_id), "", &node), FSP_FORBIDDEN);
}
END_TEST

START_TEST(rules_are_for_directories_that_can_be_found)
{
    ck_status(grant("/a/f", ALICE, FSP_RIGHT_READ), FSP_NOT_DIRECTORY);
    ck_status(grant("/a/f/x", ALICE, FSP_RIGHT_READ), FSP_NOT_DIRECTORY);
    ck_status(grant("/nothing", ALICE, FSP_RIGHT_READ), FSP_NOT_FOUND);
    ck_status(part("/"), FSP_INVALID);
    fsp_command_t command = rules_command(by_id(world.trash_id), true, 1, ALICE, 1, ALICE, 1);
    ck_status(apply(&world, &command), FSP_TRASHED);
    ck_status(grant("/", ALICE, FSP_RIGHT_READ), FSP_OK);
    uint64_t index = world.result.index;
    ck_status(grant("/", ALICE, FSP_RIGHT_READ), FSP_OK);
    ck_assert_uint_eq(world.result.index, index); /* they were there */
    command = rules_command(at("/"), true, 0, ALICE, 1, ALICE, 1);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert_uint_eq(world.result.index, index + 1);
    as(ALICE);
    ck_status(resolve_status("/"), FSP_FORBIDDEN);
    check_state(&world);
}
END_TEST

START_TEST(malformed_rules_are_refused)
{
    const fsp_subject_id_t nobody = {{0}};
    fsp_command_t bad[] = {
        rules_command(at("/a"), true, 2, BOB, 1, ALICE, 1),    /* descending */
        rules_command(at("/a"), true, 2, ALICE, 1, ALICE, 2),  /* twice */
        rules_command(at("/a"), true, 1, nobody, 1, ALICE, 1), /* zero */
        rules_command(at("/a"), true, 1, ALICE, 0, ALICE, 1),  /* no right */
        rules_command(at("/a"), true, 1, ALICE, 32, ALICE, 1), /* unknown right */
    };
    ck_status(apply(&world, &bad[_i]), FSP_INVALID);
}
END_TEST

START_TEST(groups_and_ceiling_come_with_the_request)
{
    ck_status(grant("/a", TEAM, FSP_RIGHT_READ | FSP_RIGHT_WRITE), FSP_OK);
    as(ALICE);
    ck_status(resolve_status("/a"), FSP_FORBIDDEN);
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = at("/a");
    query.asker.group_count = 2;
    query.asker.groups[0] = subject_id(0x70);
    query.asker.groups[1] = TEAM;
    ck_status(ask(&world, &query).status, FSP_OK);
    query.asker.withheld = FSP_RIGHT_READ;
    ck_status(ask(&world, &query).status, FSP_FORBIDDEN);
    fsp_command_t command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/a/new");
    command.mkdir.ids_seed = next_seed(&world);
    command.asker = query.asker;
    ck_status(apply(&world, &command), FSP_OK);
    /* A ceiling binds the owner too. */
    as(OWNER);
    command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/a/other");
    command.mkdir.ids_seed = next_seed(&world);
    command.asker.withheld = FSP_RIGHT_WRITE;
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
}
END_TEST

START_TEST(askers_have_one_encoding)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 1024);
    fsp_asker_t back;
    const fsp_asker_t empty = {0};
    fsp_asker_write(&empty, &buf);
    fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&buf));
    fsp_asker_read(&reader, &back);
    ck_status(reader.status, FSP_INVALID);
    const fsp_asker_t unsorted = {.group_count = 2, .groups = {TEAM, ALICE}};
    fsp_buf_reset(&buf);
    fsp_asker_write(&unsorted, &buf);
    reader = fsp_canon_reader(fsp_buf_slice(&buf));
    fsp_asker_read(&reader, &back);
    ck_status(reader.status, FSP_INVALID);
    fsp_asker_t full = {.withheld = FSP_RIGHT_ADMIN, .link_id = link_id(1)};
    for (full.group_count = 0; full.group_count < FSP_GROUPS_MAX; full.group_count++)
        full.groups[full.group_count] = subject_id((uint8_t)(full.group_count + 1));
    fsp_buf_reset(&buf);
    fsp_asker_write(&full, &buf);
    reader = fsp_canon_reader(fsp_buf_slice(&buf));
    fsp_asker_read(&reader, &back);
    ck_status(fsp_canon_finish(&reader), FSP_OK);
    ck_assert_mem_eq(&back, &full, sizeof(back));
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(level_1_knows_nothing_of_all_this)
{
    fsp_command_t command = rules_command(at("/"), true, 1, ALICE, 1, ALICE, 1);
    ck_status(apply(&world, &command), FSP_LEVEL);
    command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/d");
    command.mkdir.ids_seed = next_seed(&world);
    command.asker.withheld = FSP_RIGHT_ADMIN;
    ck_status(apply(&world, &command), FSP_LEVEL);
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = at("/");
    query.asker.withheld = FSP_RIGHT_ADMIN;
    ck_status(ask(&world, &query).status, FSP_LEVEL);
    query = new_query(&world, FSP_QUERY_LINKS);
    ck_status(ask(&world, &query).status, FSP_LEVEL);
    as((fsp_subject_id_t){{0}});
    query = new_query(&world, FSP_QUERY_SPACES);
    ck_assert_uint_eq(ask(&world, &query).count, 0);
}
END_TEST

START_TEST(spaces_and_the_feed_are_for_who_may_read_all)
{
    fsp_query_t spaces = new_query(&world, FSP_QUERY_SPACES);
    fsp_query_t changes = new_query(&world, FSP_QUERY_CHANGES);
    spaces.subject = changes.subject = ALICE;
    ck_assert_uint_eq(ask(&world, &spaces).count, 0);
    ck_status(grant("/a", ALICE, FSP_RIGHTS_ALL), FSP_OK);
    ck_assert_uint_eq(ask(&world, &spaces).count, 0);
    ck_status(ask(&world, &changes).status, FSP_FORBIDDEN);
    ck_assert_uint_eq(ask(&world, &changes).index, 0);
    ck_status(grant("/", ALICE, FSP_RIGHT_READ), FSP_OK);
    ck_assert_uint_eq(ask(&world, &spaces).count, 1);
    ck_status(ask(&world, &changes).status, FSP_OK);
    ck_status(part("/a/b"), FSP_OK);
    ck_status(ask(&world, &changes).status, FSP_FORBIDDEN);
    changes.subject = OWNER;
    ck_status(ask(&world, &changes).status, FSP_OK);
    spaces.subject = (fsp_subject_id_t){{0}};
    ck_assert_uint_eq(ask(&world, &spaces).count, 1); /* the node itself */
}
END_TEST

/* -- links ------------------------------------------------------------------------------------- */

START_TEST(a_link_opens_its_node_and_what_lies_below)
{
    ck_status(make_link(1, "/a/b", FSP_RIGHT_READ), FSP_OK);
    ck_assert_uint_eq(space_row().access.link_count, 1);
    ck_status(resolve_by_link(1, "/a/b"), FSP_OK);
    ck_status(resolve_by_link(1, "/a/b/g"), FSP_OK);
    ck_status(resolve_by_link(1, "/a/f"), FSP_FORBIDDEN);
    ck_status(resolve_by_link(1, "/"), FSP_FORBIDDEN);
    ck_status(make_link(2, "/a/f", FSP_RIGHT_READ), FSP_OK);
    ck_status(resolve_by_link(2, "/a/f"), FSP_OK);
    ck_status(resolve_by_link(2, "/a"), FSP_FORBIDDEN);
    ck_status(resolve_by_link(2, "/a/other"), FSP_FORBIDDEN);
    fsp_command_t command = new_command(&world, FSP_COMMAND_MKDIR);
    command.mkdir.target = at("/a/b/new");
    command.mkdir.ids_seed = next_seed(&world);
    command.asker.link_id = link_id(1);
    ck_status(apply(&world, &command), FSP_FORBIDDEN); /* read only */
    check_state(&world);
}
END_TEST

START_TEST(a_link_acts_with_what_its_maker_may_now)
{
    ck_status(grant("/a", ALICE, FSP_RIGHT_READ | FSP_RIGHT_SHARE), FSP_OK);
    as(ALICE);
    ck_status(make_link(1, "/a", FSP_RIGHT_READ | FSP_RIGHT_WRITE), FSP_FORBIDDEN);
    ck_status(make_link(1, "/a", FSP_RIGHT_READ), FSP_OK);
    ck_status(resolve_by_link(1, "/a/f"), FSP_OK);
    as(BOB);
    ck_status(resolve_by_link(1, "/a/f"), FSP_FORBIDDEN); /* not its maker */
    as(OWNER);
    ck_status(grant("/a", BOB, FSP_RIGHT_READ), FSP_OK);
    as(ALICE);
    ck_status(resolve_by_link(1, "/a/f"), FSP_FORBIDDEN);
    ck_status(use_link(1), FSP_FORBIDDEN);
}
END_TEST

START_TEST(a_link_ends_when_its_node_is_trashed)
{
    ck_status(make_link(1, "/a/b", FSP_RIGHT_READ), FSP_OK);
    fsp_node_info_t file;
    ck_status(resolve_at(&world, "/a/b/g", &file), FSP_OK);
    ck_status(remove_target(&world, at("/a/b"), true, condition(FSP_IF_REPLACE)), FSP_OK);
    fsp_query_t query = new_query(&world, FSP_QUERY_RESOLVE);
    query.target = by_id(file.file_id);
    query.asker.link_id = link_id(1);
    ck_status(ask(&world, &query).status, FSP_FORBIDDEN);
    ck_status(use_link(1), FSP_NOT_FOUND);
    ck_status(drop_link(1), FSP_OK);
    check_state(&world);
}
END_TEST

START_TEST(uses_are_counted_and_end)
{
    fsp_command_t command = link_command(1, at("/a"), FSP_RIGHT_READ);
    command.access.uses_max = 2;
    ck_status(apply(&world, &command), FSP_OK);
    ck_status(use_link(1), FSP_OK);
    ck_assert_uint_eq(world.result.number, 1);
    command = new_command(&world, FSP_COMMAND_LINK_USE);
    command.asker.link_id = link_id(1);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert_uint_eq(world.result.number, 2);
    ck_status(apply(&world, &command), FSP_OK); /* the same use, sent again */
    ck_assert(world.result.repeated);
    ck_status(use_link(1), FSP_SPENT);
    /* Who has used it may go on. */
    ck_status(resolve_by_link(1, "/a/f"), FSP_OK);
    command = new_command(&world, FSP_COMMAND_LINK_USE);
    ck_status(apply(&world, &command), FSP_INVALID); /* of no link */
    ck_status(use_link(9), FSP_NO_SUCH_LINK);
    check_state(&world);
}
END_TEST

START_TEST(a_link_expires_by_log_time)
{
    fsp_command_t command = link_command(1, at("/a"), FSP_RIGHT_READ);
    command.access.expiry = world.time + 1000; /* the log time of this very command */
    ck_status(apply(&world, &command), FSP_SPENT);
    command = link_command(1, at("/a"), FSP_RIGHT_READ);
    command.access.expiry = world.time + 3000;
    ck_status(apply(&world, &command), FSP_OK);
    ck_status(use_link(1), FSP_OK);
    ck_status(resolve_by_link(1, "/a"), FSP_OK);
    ck_status(use_link(1), FSP_SPENT);
    ck_status(resolve_by_link(1, "/a"), FSP_SPENT);
    ck_status(drop_link(1), FSP_OK);
    ck_status(resolve_by_link(1, "/a"), FSP_NO_SUCH_LINK);
}
END_TEST

START_TEST(links_are_made_once_and_dropped_by_who_may)
{
    ck_status(make_link(1, "/a", FSP_RIGHT_READ), FSP_OK);
    ck_status(make_link(1, "/c", FSP_RIGHT_READ), FSP_EXISTS);
    ck_status(make_link(2, "/nothing", FSP_RIGHT_READ), FSP_NOT_FOUND);
    ck_status(make_link(2, "/a", FSP_RIGHT_SHARE), FSP_INVALID);
    ck_status(make_link(2, "/a", 0), FSP_INVALID);
    ck_status(drop_link(7), FSP_NO_SUCH_LINK);
    as(ALICE);
    ck_status(drop_link(1), FSP_FORBIDDEN);
    as(OWNER);
    ck_status(grant("/a", ALICE, FSP_RIGHT_SHARE), FSP_OK);
    fsp_command_t command = new_command(&world, FSP_COMMAND_LINK_DROP);
    command.access.link_id = link_id(1);
    command.asker.withheld = FSP_RIGHT_SHARE;
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    command = new_command(&world, FSP_COMMAND_LINK_DROP);
    command.access.link_id = link_id(1);
    command.asker.link_id = link_id(1);
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    as(ALICE);
    ck_status(drop_link(1), FSP_OK);
    ck_assert_uint_eq(space_row().access.link_count, 0);
    as(OWNER);
    fsp_node_info_t file;
    ck_status(resolve_at(&world, "/a/f", &file), FSP_OK);
    ck_status(remove_at(&world, "/a/f"), FSP_OK);
    command = link_command(3, by_id(file.file_id), FSP_RIGHT_READ);
    ck_status(apply(&world, &command), FSP_TRASHED);
    check_state(&world);
}
END_TEST

static void
pretend_links(fsp_space_row_t *row, uint64_t value)
{
    row->access.link_count = value;
}

START_TEST(a_space_has_so_many_links)
{
    poke_space(&world, pretend_links, FSP_LINKS_MAX - 1);
    ck_status(make_link(1, "/a", FSP_RIGHT_READ), FSP_OK);
    ck_status(make_link(2, "/a", FSP_RIGHT_READ), FSP_TOO_LARGE);
}
END_TEST

static fsp_answer_t
links(fsp_target_t target, uint32_t limit)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_LINKS);
    query.target = target;
    query.limit = limit;
    return ask(&world, &query);
}

START_TEST(links_are_listed_for_who_may_share)
{
    ck_status(make_link(1, "/a", FSP_RIGHT_READ), FSP_OK);
    ck_status(make_link(2, "/a/b", FSP_RIGHT_READ | FSP_RIGHT_WRITE), FSP_OK);
    ck_status(make_link(3, "/a", FSP_RIGHT_READ), FSP_OK);
    fsp_answer_t answer = links((fsp_target_t){0}, 2);
    ck_status(answer.status, FSP_OK);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(answer.more);
    fsp_link_info_t link;
    ck_status(fsp_answer_link(&answer, &link), FSP_OK);
    ck_assert(fsp_link_id_eq(link.link_id, link_id(1)));
    ck_assert(fsp_subject_id_eq(link.maker, OWNER));
    ck_assert(fsp_slice_eq(link.password, text("sealed password")));
    ck_status(fsp_answer_link(&answer, &link), FSP_OK);
    ck_assert_uint_eq(link.rights, FSP_RIGHT_READ | FSP_RIGHT_WRITE);
    fsp_query_t query = new_query(&world, FSP_QUERY_LINKS);
    query.after = FSP_SLICE_OF(link.link_id);
    fsp_link_id_t after = link.link_id;
    query.after = FSP_SLICE_OF(after);
    ck_assert_uint_eq(ask(&world, &query).count, 1);
    query.after = text("short");
    ck_status(ask(&world, &query).status, FSP_INVALID);
    ck_assert_uint_eq(links(at("/a"), 10).count, 2);
    ck_assert_uint_eq(links(at("/a/b"), 10).count, 1);
    ck_status(links(at("/nothing"), 10).status, FSP_NOT_FOUND);
    ck_status(links(at("/a/f/x"), 10).status, FSP_NOT_DIRECTORY);

    ck_status(grant("/a/b", ALICE, FSP_RIGHT_SHARE), FSP_OK);
    as(ALICE);
    ck_assert_uint_eq(links(at("/a/b"), 10).count, 1);
    ck_status(links(at("/a"), 10).status, FSP_FORBIDDEN);
    ck_assert_uint_eq(links(at("/a"), 10).index, 0);
    ck_status(links((fsp_target_t){0}, 10).status, FSP_FORBIDDEN);
    as(OWNER);
    ck_status(grant("/", ALICE, FSP_RIGHT_SHARE), FSP_OK);
    as(ALICE);
    ck_assert_uint_eq(links((fsp_target_t){0}, 10).count, 3);
    as(OWNER);
    ck_status(part("/a/b"), FSP_OK);
    as(ALICE);
    ck_status(links((fsp_target_t){0}, 10).status, FSP_FORBIDDEN);
}
END_TEST

START_TEST(a_gateway_opens_a_link_before_it_knows_for_whom)
{
    ck_status(make_link(1, "/a", FSP_RIGHT_READ), FSP_OK);
    fsp_query_t query = new_query(&world, FSP_QUERY_LINKS);
    query.subject = (fsp_subject_id_t){{0}};
    query.asker.link_id = link_id(1);
    fsp_answer_t answer = ask(&world, &query);
    ck_status(answer.status, FSP_OK);
    fsp_link_info_t link;
    ck_status(fsp_answer_link(&answer, &link), FSP_OK);
    ck_assert(fsp_subject_id_eq(link.maker, OWNER));
    query.asker.link_id = link_id(2);
    answer = ask(&world, &query);
    ck_status(answer.status, FSP_NO_SUCH_LINK);
    ck_assert_uint_eq(answer.index, 0);
}
END_TEST

START_TEST(long_queries_travel)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_LINKS);
    query.asker = (fsp_asker_t){.withheld = 1, .link_id = link_id(4), .group_count = 1};
    query.asker.groups[0] = TEAM;
    fsp_buf_t buf;
    fsp_buf_init(&buf, 4096);
    fsp_query_encode(&query, &buf);
    fsp_query_t back;
    ck_status(fsp_query_decode(fsp_buf_slice(&buf), &back), FSP_OK);
    ck_assert_mem_eq(&back.asker, &query.asker, sizeof(back.asker));
    fsp_buf_clear(&buf);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_access");
    TCase *tcase = new_case("rules", set_up_tree);
    tcase_add_test(tcase, nobody_but_the_owner_may_do_anything_at_first);
    tcase_add_test(tcase, a_rule_holds_for_what_lies_below_and_nothing_else);
    tcase_add_test(tcase, rights_are_the_rules_of_now);
    tcase_add_test(tcase, a_directory_that_does_not_inherit_cuts_off_what_is_above);
    tcase_add_loop_test(tcase, each_change_needs_its_right, 0, 5);
    tcase_add_test(tcase, moves_and_copies_need_rights_at_both_ends);
    tcase_add_test(tcase, who_may_delete_inside_may_not_delete_the_directory);
    tcase_add_test(tcase, what_is_moved_must_be_readable);
    tcase_add_test(tcase, bases_must_be_readable);
    tcase_add_test(tcase, deleted_things_keep_their_readers);
    tcase_add_test(tcase, rules_are_for_directories_that_can_be_found);
    tcase_add_loop_test(tcase, malformed_rules_are_refused, 0, 5);
    tcase_add_test(tcase, groups_and_ceiling_come_with_the_request);
    tcase_add_test(tcase, askers_have_one_encoding);
    tcase_add_test(tcase, spaces_and_the_feed_are_for_who_may_read_all);
    suite_add_tcase(suite, tcase);
    tcase = new_case("level 1", set_up);
    tcase_add_test(tcase, level_1_knows_nothing_of_all_this);
    suite_add_tcase(suite, tcase);
    tcase = new_case("links", set_up_tree);
    tcase_add_test(tcase, a_link_opens_its_node_and_what_lies_below);
    tcase_add_test(tcase, a_link_acts_with_what_its_maker_may_now);
    tcase_add_test(tcase, a_link_ends_when_its_node_is_trashed);
    tcase_add_test(tcase, uses_are_counted_and_end);
    tcase_add_test(tcase, a_link_expires_by_log_time);
    tcase_add_test(tcase, links_are_made_once_and_dropped_by_who_may);
    tcase_add_test(tcase, a_space_has_so_many_links);
    tcase_add_test(tcase, links_are_listed_for_who_may_share);
    tcase_add_test(tcase, a_gateway_opens_a_link_before_it_knows_for_whom);
    tcase_add_test(tcase, long_queries_travel);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
