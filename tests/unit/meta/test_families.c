/* SPDX-License-Identifier: MIT */
/* test_families - where families of commands meet: what one lets another see or leave.  Tests. */
#include "core/meta/audit.h"
#include "tests/unit/meta/test_apply_access.h"

/* -- commands of the other families ------------------------------------------------------------ */

static fsp_command_t
purge_command(fsp_file_id_t item)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_PURGE);
    command.history.given = true;
    command.history.target = by_id(item);
    command.history.person = true;
    return command;
}

/* Into the trash and out of it, for good. */
static void
destroy(const char *path)
{
    ck_status(remove_target(&world, at(path), true, condition(FSP_IF_REPLACE)), FSP_OK);
    fsp_command_t command = purge_command(world.result.file_id);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(!world.result.more);
}

static fsp_query_t
query_then(fsp_query_type_t type, const char *path, uint64_t index)
{
    fsp_query_t query = new_query(&world, type);
    query.target = at(path);
    query.at_index = index;
    return query;
}

static fsp_status_t
resolve_then(const char *path, uint64_t index)
{
    const fsp_query_t query = query_then(FSP_QUERY_RESOLVE, path, index);
    return ask(&world, &query).status;
}

static fsp_status_t
list_then(const char *path, uint64_t index)
{
    const fsp_query_t query = query_then(FSP_QUERY_LIST, path, index);
    return ask(&world, &query).status;
}

static uint64_t
now_index(void)
{
    return space_row().change_index;
}

static void
on_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    ck_abort_msg("%s: %s (number %llu)", fault->kind, fault->what,
                 (unsigned long long)fault->number);
}

static void
ck_audit(uint64_t spaces)
{
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), on_fault, NULL, &counts);
    ck_assert_uint_eq(counts.spaces, spaces);
}

static void
ck_clean(void)
{
    ck_audit(1);
}

/* -- rights and the past ----------------------------------------------------------------------- */

/* Bob reads everything but what stopped inheriting: /shut, which holds a file. */
static void
set_up_shut(void)
{
    set_up_level_2();
    ck_status(grant("/", BOB, FSP_RIGHT_READ), FSP_OK);
    ck_status(mkdir_at(&world, "/shut"), FSP_OK);
    ck_status(part("/shut"), FSP_OK);
    ck_status(put(&world, "/shut/secret"), FSP_OK);
    ck_status(mkdir_at(&world, "/open"), FSP_OK);
    ck_status(put(&world, "/open/f"), FSP_OK);
}

START_TEST(what_was_shut_is_not_listed_once_it_is_purged)
{
    const uint64_t then = now_index();
    destroy("/shut");
    as(BOB);
    ck_status(list_then("/shut", then), FSP_FORBIDDEN);
    ck_status(resolve_then("/shut", then), FSP_FORBIDDEN);
    ck_status(resolve_then("/shut/secret", then), FSP_FORBIDDEN);
    ck_status(resolve_then("/shut/nothing", then), FSP_FORBIDDEN);
    ck_status(list_then("/open", then), FSP_OK);
    ck_status(resolve_then("/open/nothing", then), FSP_NOT_FOUND);
    as(OWNER);
    ck_clean();
    ck_status(list_then("/shut", then), FSP_OK);
    ck_status(resolve_then("/shut/secret", then), FSP_GONE);
    ck_status(resolve_then("/shut/nothing", then), FSP_NOT_FOUND);
}
END_TEST

START_TEST(names_in_a_shut_directory_are_not_told_by_where_it_was)
{
    const uint64_t then = now_index();
    ck_status(move(&world, "/shut", "/moved"), FSP_OK);
    as(BOB);
    ck_status(resolve_then("/shut/secret", then), FSP_FORBIDDEN);
    ck_status(resolve_then("/shut/nothing", then), FSP_FORBIDDEN);
    ck_status(resolve_then("/shut/secret/below", then), FSP_FORBIDDEN);
    ck_status(list_then("/shut/nothing", then), FSP_FORBIDDEN);
    ck_status(resolve_then("/nothing", then), FSP_NOT_FOUND);
    ck_status(resolve_then("/open/f/below", then), FSP_NOT_DIRECTORY);
    as(OWNER);
    ck_status(resolve_then("/shut/secret", then), FSP_OK);
    ck_status(resolve_then("/shut/nothing", then), FSP_NOT_FOUND);
}
END_TEST

static fsp_status_t
undelete_to(fsp_file_id_t item, const char *to)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_UNDELETE);
    command.history.given = true;
    command.history.target = by_id(item);
    command.history.to.path = text(to);
    return apply(&world, &command);
}

START_TEST(what_was_deleted_in_a_shut_directory_stays_shut_when_that_is_purged)
{
    ck_status(grant("/", ALICE, FSP_RIGHTS_ALL), FSP_OK);
    ck_status(remove_at(&world, "/shut/secret"), FSP_OK);
    const fsp_file_id_t secret = world.result.file_id;
    ck_status(remove_at(&world, "/open/f"), FSP_OK);
    const fsp_file_id_t open = world.result.file_id;
    as(ALICE);
    ck_status(undelete_to(secret, "/s"), FSP_FORBIDDEN);
    as(OWNER);
    destroy("/shut");
    as(ALICE);
    ck_status(undelete_to(secret, "/s"), FSP_FORBIDDEN);
    ck_status(undelete_to(open, "/f"), FSP_OK);
    as(OWNER);
    ck_status(undelete_to(secret, "/s"), FSP_OK);
}
END_TEST

START_TEST(where_nothing_was_ever_shut_a_reader_sees_what_is_gone)
{
    set_up_level_2();
    ck_status(grant("/", BOB, FSP_RIGHT_READ), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    ck_status(put(&world, "/d/f"), FSP_OK);
    const uint64_t then = now_index();
    destroy("/d");
    as(BOB);
    ck_status(list_then("/d", then), FSP_OK);
    ck_status(resolve_then("/d/f", then), FSP_GONE);
    ck_status(resolve_then("/d/g", then), FSP_NOT_FOUND);
}
END_TEST

/* -- ids that come again ----------------------------------------------------------------------- */

static fsp_status_t
put_with_seed(const char *path, fsp_file_id_t seed)
{
    fsp_buf_t carrier;
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.put.target = at(path);
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.ids_seed = seed;
    command.put.size = 10;
    command.put.carrier = carrier_of("content", &carrier);
    fsp_status_t status = apply(&world, &command);
    fsp_buf_clear(&carrier);
    return status;
}

START_TEST(an_id_used_again_does_not_break_the_past)
{
    set_up_level_2();
    const fsp_file_id_t id = file_id(77);
    ck_status(put_with_seed("/f", id), FSP_OK);
    const uint64_t then = now_index();
    destroy("/f");
    ck_status(put_with_seed("/g", id), FSP_OK);
    ck_status(resolve_then("/f", then), FSP_GONE);
    fsp_query_t query = query_then(FSP_QUERY_LIST, "/", then);
    fsp_answer_t answer = ask(&world, &query);
    ck_status(answer.status, FSP_OK);
    ck_assert_uint_eq(answer.count, 1);
    fsp_entry_info_t entry;
    ck_status(fsp_answer_entry(&answer, &entry), FSP_OK);
    ck_assert(!entry.retained);
    ck_assert_uint_eq(entry.number, 0);
    ck_clean();
}
END_TEST

/* -- links and uploads ------------------------------------------------------------------------- */

static fsp_upload_id_t
upload_id(uint8_t number)
{
    return (fsp_upload_id_t){{0x0b, number}};
}

static fsp_status_t
open_upload(uint8_t number, const char *path)
{
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_OPEN);
    command.node.upload_open.id = upload_id(number);
    command.node.upload_open.target = at(path);
    command.node.upload_open.condition = condition(FSP_IF_REPLACE);
    command.node.upload_open.duration = FSP_LEASE_US_MIN;
    return apply(&world, &command);
}

static fsp_query_t
uploads_by_link(uint8_t link)
{
    fsp_query_t query = new_query(&world, FSP_QUERY_UPLOAD);
    query.asker.link_id = link_id(link);
    return query;
}

static fsp_command_t
ending_put(uint8_t upload, const char *path)
{
    static fsp_buf_t carrier;
    fsp_buf_clear(&carrier);
    fsp_command_t command = new_command(&world, FSP_COMMAND_PUT);
    command.version = 2;
    command.put.target = at(path);
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = condition(FSP_IF_REPLACE);
    command.put.ids_seed = next_seed(&world);
    command.put.size = 10;
    command.put.carrier = carrier_of("content", &carrier);
    command.put.upload_id = upload_id(upload);
    return command;
}

START_TEST(a_visitor_sees_and_ends_only_uploads_below_the_link)
{
    set_up_level_2();
    ck_status(mkdir_at(&world, "/a"), FSP_OK);
    ck_status(mkdir_at(&world, "/b"), FSP_OK);
    ck_status(make_link(1, "/a", FSP_RIGHT_READ | FSP_RIGHT_WRITE), FSP_OK);
    ck_status(make_link(2, "/a", FSP_RIGHT_READ), FSP_OK);
    ck_status(open_upload(1, "/a/f"), FSP_OK);
    ck_status(open_upload(2, "/b/f"), FSP_OK);

    fsp_query_t query = uploads_by_link(1);
    ck_assert_uint_eq(ask(&world, &query).count, 1);
    memcpy(query.target.id.bytes, upload_id(1).bytes, sizeof(query.target.id.bytes));
    ck_status(ask(&world, &query).status, FSP_OK);
    memcpy(query.target.id.bytes, upload_id(2).bytes, sizeof(query.target.id.bytes));
    ck_status(ask(&world, &query).status, FSP_NO_SUCH_UPLOAD);
    query = uploads_by_link(2);
    ck_assert_uint_eq(ask(&world, &query).count, 0);
    query.asker.link_id = (fsp_link_id_t){{0}};
    ck_assert_uint_eq(ask(&world, &query).count, 2);

    fsp_command_t command = ending_put(2, "/a/f");
    command.asker.link_id = link_id(1);
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    command = ending_put(1, "/a/f");
    command.asker.link_id = link_id(1);
    ck_status(apply(&world, &command), FSP_OK);
    command = ending_put(2, "/a/g");
    ck_status(apply(&world, &command), FSP_OK);
    ck_clean();
}
END_TEST

/* -- a space with everything in it ------------------------------------------------------------- */

START_TEST(a_space_with_everything_in_it_leaves_its_tombstone_alone)
{
    set_up_level_2();
    ck_status(mkdir_at(&world, "/a"), FSP_OK);
    ck_status(put(&world, "/a/f"), FSP_OK);
    ck_status(put(&world, "/a/f"), FSP_OK);
    ck_status(make_link(1, "/a", FSP_RIGHT_READ), FSP_OK);
    ck_status(open_upload(1, "/a/g"), FSP_OK);
    fsp_command_t command = new_command(&world, FSP_COMMAND_UPLOAD_APPEND);
    fsp_buf_t root;
    fsp_buf_init(&root, 64);
    fsp_upload_root_write(&(fsp_upload_root_t){.kind = FSP_ROOT_CHUNK, .key = {{1}}, .bytes = 5},
                          &root);
    command.node.upload_append.id = upload_id(1);
    command.node.upload_append.roots = fsp_buf_slice(&root);
    command.node.upload_append.root_count = 1;
    command.node.upload_append.midstate = text("state");
    ck_status(apply(&world, &command), FSP_OK);
    fsp_buf_clear(&root);
    command = new_command(&world, FSP_COMMAND_RETENTION);
    command.history.retention.keep_last = 1;
    ck_status(apply(&world, &command), FSP_OK);
    for (int i = 0; i < 600; i++) /* more than a round's step, and than one command purges */
        ck_status(put(&world, "/a/h"), FSP_OK);
    command = new_command(&world, FSP_COMMAND_PRUNE);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(world.result.more);
    ck_status(remove_at(&world, "/a/h"), FSP_OK);
    command = purge_command(world.result.file_id);
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(world.result.more);
    ck_clean();

    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_CLOSING, 1), FSP_OK);
    do
        ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_OK);
    while (world.result.number > 0);
    /* The shard's row and the tombstone. */
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(world.rows)), 2);
    ck_audit(0);
}
END_TEST

static TCase *
families_case(void)
{
    TCase *tcase = new_case("past", set_up_shut);
    tcase_add_test(tcase, what_was_shut_is_not_listed_once_it_is_purged);
    tcase_add_test(tcase, names_in_a_shut_directory_are_not_told_by_where_it_was);
    tcase_add_test(tcase, what_was_deleted_in_a_shut_directory_stays_shut_when_that_is_purged);
    return tcase;
}

static TCase *
others_case(void)
{
    TCase *tcase = new_case("others", NULL);
    tcase_add_test(tcase, where_nothing_was_ever_shut_a_reader_sees_what_is_gone);
    tcase_add_test(tcase, an_id_used_again_does_not_break_the_past);
    tcase_add_test(tcase, a_visitor_sees_and_ends_only_uploads_below_the_link);
    tcase_add_test(tcase, a_space_with_everything_in_it_leaves_its_tombstone_alone);
    return tcase;
}

int
main(void)
{
    Suite *suite = suite_create("families");
    suite_add_tcase(suite, families_case());
    suite_add_tcase(suite, others_case());
    return fsp_suite_main(suite);
}
