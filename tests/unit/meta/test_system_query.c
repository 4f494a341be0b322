/* SPDX-License-Identifier: MIT */
/* test_system_query - readers of the system shard.  Tests of core/meta. */
#include "tests/unit/meta/system_world.h"

static fsp_query_t
query_by(fsp_query_type_t type, fsp_subject_id_t subject)
{
    fsp_query_t query = {.type = type, .subject = subject, .limit = FSP_LIST_LIMIT_MAX};
    /* The whole way: as bytes. */
    fsp_buf_t buf;
    fsp_query_t decoded;
    fsp_buf_init(&buf, 4096);
    fsp_query_encode(&query, &buf);
    ck_status(fsp_query_decode(fsp_buf_slice(&buf), &decoded), FSP_OK);
    ck_assert_int_eq(decoded.type, type);
    fsp_buf_clear(&buf);
    return query;
}

static fsp_query_t
mesh_query(fsp_query_type_t type)
{
    return query_by(type, (fsp_subject_id_t){0});
}

START_TEST(members_come_by_id_in_pages)
{
    for (uint32_t node = 1; node <= 4; node++) {
        ck_status(invite(node), FSP_OK);
        ck_status(join(node, node), FSP_OK);
    }
    fsp_query_t query = mesh_query(FSP_QUERY_MEMBERS);
    query.limit = 2;
    fsp_node_id_t last = {0};
    size_t seen = 0;
    for (bool more = true; more;) {
        fsp_answer_t answer = ask(&world, &query);
        ck_status(answer.status, FSP_OK);
        ck_assert_uint_eq(answer.index, system_row().change_index);
        more = answer.more;
        for (size_t i = 0; i < answer.count; i++, seen++) {
            fsp_node_id_t id;
            fsp_slice_t bytes;
            fsp_member_row_t row;
            ck_status(fsp_answer_row_of_id(&answer, id.bytes, sizeof(id.bytes), &bytes), FSP_OK);
            ck_status(fsp_member_row_decode(bytes, &row), FSP_OK);
            ck_assert_int_gt(fsp_node_id_cmp(id, last), 0);
            ck_assert(fsp_node_id_eq(id, fsp_system_node_id(row.signing_key)));
            ck_assert_uint_gt(row.member_record.bytes, 0);
            last = id;
        }
        ck_status(fsp_canon_finish(&answer.reader), FSP_OK);
        query.after = FSP_SLICE_OF(last);
    }
    ck_assert_uint_eq(seen, 5);
    query.after = text("short");
    ck_status(ask(&world, &query).status, FSP_INVALID);
}
END_TEST

START_TEST(the_layout_begins_with_what_the_mesh_is)
{
    add_storage(1);
    add_storage(2);
    fsp_query_t query = mesh_query(FSP_QUERY_LAYOUT);
    fsp_answer_t answer = ask(&world, &query);
    ck_status(answer.status, FSP_OK);
    ck_assert_uint_eq(answer.count, 4);
    uint64_t number;
    fsp_slice_t bytes;
    fsp_layout_head_t head;
    ck_status(fsp_answer_row_of_number(&answer, &number, &bytes), FSP_OK);
    ck_status(fsp_layout_head_decode(bytes, &head), FSP_OK);
    ck_assert_uint_eq(number, 3);
    ck_assert_uint_eq(head.slot_bits, 16);
    ck_assert_uint_eq(head.copies, 3);
    ck_assert_uint_eq(head.shard_count, 1);
    ck_assert(fsp_mesh_id_eq(head.mesh_id, system_row().mesh_id));
    for (uint64_t version = 1; version <= 3; version++) {
        fsp_list_t list;
        ck_status(fsp_answer_row_of_number(&answer, &number, &bytes), FSP_OK);
        ck_assert_uint_eq(number, version);
        ck_status(fsp_list_row_decode(bytes, &list), FSP_OK);
        ck_assert_uint_eq(list.count, version);
        fsp_list_clear(&list);
    }
    ck_status(fsp_canon_finish(&answer.reader), FSP_OK);
    query.after_index = 2;
    ck_assert_uint_eq(ask(&world, &query).count, 2);
    query.after_index = UINT64_MAX;
    ck_assert_uint_eq(ask(&world, &query).count, 1);
    query.after_index = 0;
    query.limit = 2;
    answer = ask(&world, &query);
    ck_assert_uint_eq(answer.count, 2);
    ck_assert(answer.more);
}
END_TEST

START_TEST(shards_and_invitations_are_shown)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(shard_add(2), FSP_OK);
    ck_status(invite(1), FSP_OK);
    fsp_query_t query = mesh_query(FSP_QUERY_SHARDS);
    query.after_index = 1;
    fsp_answer_t answer = ask(&world, &query);
    ck_assert_uint_eq(answer.count, 2);
    for (uint64_t expected = 1; expected <= 2; expected++) {
        uint64_t number;
        fsp_slice_t bytes;
        fsp_shards_row_t row;
        ck_status(fsp_answer_row_of_number(&answer, &number, &bytes), FSP_OK);
        ck_assert_uint_eq(number, expected);
        ck_status(fsp_shards_row_decode(bytes, &row), FSP_OK);
        ck_assert_uint_eq(row.replica_count, 1);
    }
    query.after_index = UINT64_MAX;
    ck_assert_uint_eq(ask(&world, &query).count, 0);

    query = mesh_query(FSP_QUERY_INVITATIONS);
    answer = ask(&world, &query);
    ck_assert_uint_eq(answer.count, 1);
    fsp_hash_t id;
    fsp_slice_t bytes;
    fsp_invitation_row_t row;
    ck_status(fsp_answer_row_of_id(&answer, id.bytes, sizeof(id.bytes), &bytes), FSP_OK);
    ck_status(fsp_invitation_row_decode(bytes, &row), FSP_OK);
    ck_assert(fsp_hash_eq(id, invitation_of(1)));
    ck_assert_int_eq(row.state, FSP_INVITATION_OPEN);
}
END_TEST

static size_t
count_of(fsp_query_type_t type, fsp_subject_id_t subject, const char *prefix)
{
    fsp_query_t query = query_by(type, subject);
    query.prefix = text(prefix);
    fsp_answer_t answer = ask(&world, &query);
    ck_status(answer.status, FSP_OK);
    return answer.count;
}

START_TEST(spaces_are_shown_to_their_owners)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_status(space_new_named(1, "admins"), FSP_OK);
    fsp_command_t command = system_command(FSP_COMMAND_SPACE_NEW);
    command.system.space_id = space_of_number(2);
    command.system.name = text("bobs");
    command.system.account = subject_id(2);
    command.system.init = text("init");
    ck_status(apply(&world, &command), FSP_OK);
    const fsp_subject_id_t mesh = {0};
    ck_assert_uint_eq(count_of(FSP_QUERY_SPACE_DIRECTORY, mesh, ""), 2);
    ck_assert_uint_eq(count_of(FSP_QUERY_SPACE_DIRECTORY, admin_id(), ""), 2);
    ck_assert_uint_eq(count_of(FSP_QUERY_SPACE_DIRECTORY, subject_id(2), ""), 1);
    ck_assert_uint_eq(count_of(FSP_QUERY_SPACE_DIRECTORY, mesh, "bo"), 1);
    ck_assert_uint_eq(count_of(FSP_QUERY_SPACE_DIRECTORY, subject_id(2), "ad"), 0);
}
END_TEST

START_TEST(secrets_are_for_the_mesh_alone)
{
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    for (unsigned who = 0; who < 2; who++) {
        fsp_query_t query =
            query_by(FSP_QUERY_ACCOUNTS, who == 0 ? (fsp_subject_id_t){0} : admin_id());
        fsp_answer_t answer = ask(&world, &query);
        ck_assert_uint_eq(answer.count, 2);
        for (size_t i = 0; i < 2; i++) {
            fsp_subject_id_t id;
            fsp_slice_t bytes;
            fsp_account_row_t row;
            ck_status(fsp_answer_row_of_id(&answer, id.bytes, sizeof(id.bytes), &bytes), FSP_OK);
            ck_status(fsp_account_row_decode(bytes, &row), FSP_OK);
            ck_assert(fsp_slice_eq(row.secret, who == 0 ? text("sealed") : text("")));
        }
    }
    ck_assert_uint_eq(count_of(FSP_QUERY_ACCOUNTS, (fsp_subject_id_t){0}, "bo"), 1);
}
END_TEST

START_TEST(who_may_not_ask_learns_nothing)
{
    static const struct {
        fsp_query_type_t type;
        bool open; /* to every account */
    } cases[] = {{FSP_QUERY_MEMBERS, false},     {FSP_QUERY_LAYOUT, true},
                 {FSP_QUERY_INVITATIONS, false}, {FSP_QUERY_SPACE_DIRECTORY, true},
                 {FSP_QUERY_SHARDS, true},       {FSP_QUERY_ACCOUNTS, false},
                 {FSP_QUERY_CHANGES, false}};
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_status(account_set(3, "eve", true, false), FSP_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_query_t query = query_by(cases[i].type, subject_id(2));
        fsp_answer_t answer = ask(&world, &query);
        ck_status(answer.status, cases[i].open ? FSP_OK : FSP_FORBIDDEN);
        ck_assert_uint_eq(answer.index, cases[i].open ? system_row().change_index : 0);
        for (uint8_t who = 3; who <= 4; who++) { /* not enabled; unknown */
            query.subject = subject_id(who);
            answer = ask(&world, &query);
            ck_status(answer.status, FSP_FORBIDDEN);
            ck_assert_uint_eq(answer.index, 0);
        }
        query.subject = admin_id();
        ck_status(ask(&world, &query).status, FSP_OK);
    }
}
END_TEST

START_TEST(a_bounded_credential_learns_what_an_account_may)
{
    fsp_query_t query = query_by(FSP_QUERY_ACCOUNTS, admin_id());
    ck_status(ask(&world, &query).status, FSP_OK);
    query.asker.withheld = FSP_RIGHT_ADMIN;
    ck_status(ask(&world, &query).status, FSP_FORBIDDEN);
    query = query_by(FSP_QUERY_LAYOUT, admin_id());
    query.asker.withheld = FSP_RIGHT_ADMIN;
    ck_status(ask(&world, &query).status, FSP_OK);
    query.asker.link_id = (fsp_link_id_t){{1}};
    fsp_answer_t answer = ask(&world, &query);
    ck_status(answer.status, FSP_FORBIDDEN);
    ck_assert_uint_eq(answer.index, 0);
}
END_TEST

START_TEST(queries_of_the_system_shard_name_no_space)
{
    fsp_query_t query = mesh_query(FSP_QUERY_MEMBERS);
    query.space_id = space_of_number(1);
    ck_status(ask(&world, &query).status, FSP_INVALID);
    query = mesh_query(FSP_QUERY_MEMBERS);
    query.target.id = file_id(1);
    ck_status(ask(&world, &query).status, FSP_INVALID);
    query = mesh_query(FSP_QUERY_MEMBERS);
    query.limit = 0;
    ck_status(ask(&world, &query).status, FSP_INVALID);
}
END_TEST

START_TEST(before_genesis_there_is_nothing)
{
    fsp_query_t query = mesh_query(FSP_QUERY_LAYOUT);
    ck_status(ask(&world, &query).status, FSP_NO_SUCH_SPACE);
    query = mesh_query(FSP_QUERY_CHANGES);
    ck_status(ask(&world, &query).status, FSP_NO_SUCH_SPACE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("system_query");
    TCase *tcase = tcase_create("query");
    tcase_add_checked_fixture(tcase, set_up_system, tear_down_system);
    tcase_add_test(tcase, members_come_by_id_in_pages);
    tcase_add_test(tcase, the_layout_begins_with_what_the_mesh_is);
    tcase_add_test(tcase, shards_and_invitations_are_shown);
    tcase_add_test(tcase, spaces_are_shown_to_their_owners);
    tcase_add_test(tcase, secrets_are_for_the_mesh_alone);
    tcase_add_test(tcase, who_may_not_ask_learns_nothing);
    tcase_add_test(tcase, a_bounded_credential_learns_what_an_account_may);
    tcase_add_test(tcase, queries_of_the_system_shard_name_no_space);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("bare");
    tcase_add_checked_fixture(tcase, set_up_system_bare, tear_down_system);
    tcase_add_test(tcase, before_genesis_there_is_nothing);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
