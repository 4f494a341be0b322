/* SPDX-License-Identifier: MIT */
/* test_system_spaces - directory of spaces, accounts, groups, tokens, settings.  Tests of
   core/meta. */
#include "tests/unit/meta/system_world.h"

static fsp_directory_row_t
directory_row(uint32_t number, fsp_buf_t *buf)
{
    fsp_directory_row_t row;
    ck_status(read_row(FSP_TABLE_SPACE_DIRECTORY, FSP_SLICE_OF(space_of_number(number)), buf),
              FSP_OK);
    ck_status(fsp_directory_row_decode(fsp_buf_slice(buf), &row), FSP_OK);
    return row;
}

static fsp_directory_state_t
state_of(uint32_t number)
{
    fsp_buf_t buf;
    fsp_directory_state_t state = directory_row(number, &buf).state;
    fsp_buf_clear(&buf);
    return state;
}

static bool
keeps_init(uint32_t number)
{
    fsp_buf_t buf;
    bool keeps = directory_row(number, &buf).init.bytes > 0;
    fsp_buf_clear(&buf);
    return keeps;
}

/* -- spaces ------------------------------------------------------------------------------------ */

START_TEST(a_space_goes_where_there_are_fewest)
{
    static const uint32_t expected[] = {1, 2, 3, 1, 2, 3, 1};
    ck_status(space_new(0), FSP_MISMATCH); /* no shard but this one */
    for (uint32_t i = 1; i <= 3; i++)
        ck_status(shard_add(i), FSP_OK);
    for (uint32_t i = 0; i < 7; i++) {
        ck_status(space_new(i), FSP_OK);
        ck_assert_uint_eq(world.result.number, expected[i]);
        ck_assert_mem_eq(world.result.file_id.bytes, space_of_number(i).bytes, 16);
    }
    ck_status(space_close(1, true, 0), FSP_OK);
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 1), FSP_OK);
    ck_assert_uint_eq(world.result.number, 2);
    ck_status(space_new(7), FSP_OK);
    ck_assert_uint_eq(world.result.number, 2);
}
END_TEST

START_TEST(space_new_is_refused_for_many_reasons)
{
    ck_status(shard_add(1), FSP_OK);
    fsp_command_t command = system_command(FSP_COMMAND_SPACE_NEW);
    command.system.space_id = space_of_number(1);
    command.system.name = text("home");
    command.system.account = subject_id(9);
    command.system.init = text("init");
    ck_status(apply(&world, &command), FSP_NOT_FOUND);
    ck_status(account_set(9, "nine", false, false), FSP_OK);
    fsp_store_u64(command.op_id.bytes, ++world.last_op);
    ck_status(apply(&world, &command), FSP_NOT_FOUND); /* not enabled */
    ck_assert_mem_eq(world.result.file_id.bytes, space_of_number(1).bytes, 16);
    ck_assert_uint_eq(world.result.number, 0);
    command.system.init = text("");
    ck_status(apply(&world, &command), FSP_INVALID);
    ck_status(space_new_named(1, "Home"), FSP_BAD_NAME);
    ck_status(space_new_named(1, "home"), FSP_OK);
    ck_status(space_new_named(1, "other"), FSP_EXISTS);
    ck_status(space_new_named(2, "home"), FSP_EXISTS);
    ck_status(space_new_named(2, "other"), FSP_OK);
}
END_TEST

START_TEST(a_space_is_made_in_steps)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(about_space(FSP_COMMAND_SPACE_READY, 1), FSP_NO_SUCH_SPACE);
    ck_status(space_new(1), FSP_OK);
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_CREATING);
    ck_assert(keeps_init(1));
    ck_status(about_space(FSP_COMMAND_SPACE_READY, 1), FSP_OK);
    uint64_t index = world.result.index;
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_READY);
    ck_assert(!keeps_init(1));
    ck_status(about_space(FSP_COMMAND_SPACE_READY, 1), FSP_OK);
    ck_assert_uint_eq(world.result.index, index); /* no change */
    ck_assert_uint_eq(world.result.number, 1);
}
END_TEST

START_TEST(closing_has_a_deadline_and_can_be_taken_back)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(space_close(1, true, 0), FSP_NO_SUCH_SPACE);
    ck_status(space_new(1), FSP_OK);
    ck_status(about_space(FSP_COMMAND_SPACE_READY, 1), FSP_OK);
    ck_status(space_close(1, true, FSP_SPACE_GRACE_US_MAX + 1), FSP_INVALID);
    ck_status(space_close(1, false, 1), FSP_INVALID);
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 1), FSP_MISMATCH);
    ck_status(space_close(1, true, DAY / 2), FSP_OK);
    fsp_time_t deadline = world.time + DAY / 2;
    fsp_buf_t buf;
    ck_assert_uint_eq(directory_row(1, &buf).deadline, deadline);
    fsp_buf_clear(&buf);
    ck_status(space_close(1, true, DAY), FSP_OK); /* no change: the first deadline holds */
    ck_assert_uint_eq(directory_row(1, &buf).deadline, deadline);
    fsp_buf_clear(&buf);
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 1), FSP_PENDING);
    ck_status(space_close(1, false, 0), FSP_OK);
    ck_status(space_close(1, false, 0), FSP_OK);
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_READY);
    ck_status(space_close(1, true, DAY / 2), FSP_OK);
    world.time += DAY / 2;
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 1), FSP_OK);
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_GONE);
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 1), FSP_OK); /* no change */
}
END_TEST

START_TEST(a_gone_space_is_gone_for_ever_and_its_name_is_free)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(space_new_named(1, "home"), FSP_OK);
    ck_status(space_close(1, true, 0), FSP_OK);
    ck_status(space_new_named(2, "home"), FSP_EXISTS); /* until it is gone */
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 1), FSP_OK);
    ck_status(about_space(FSP_COMMAND_SPACE_READY, 1), FSP_GONE);
    ck_status(space_close(1, true, 0), FSP_GONE);
    ck_status(space_close(1, false, 0), FSP_GONE);
    ck_status(space_new_named(1, "home"), FSP_EXISTS);
    ck_status(space_new_named(2, "home"), FSP_OK);
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 3), FSP_NO_SUCH_SPACE);
}
END_TEST

START_TEST(a_half_made_space_can_be_closed_finished_and_taken_back)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(space_new(1), FSP_OK);
    ck_status(space_close(1, true, DAY), FSP_OK);
    ck_assert(keeps_init(1));
    ck_status(space_close(1, false, 0), FSP_OK);
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_CREATING);
    ck_status(space_close(1, true, DAY), FSP_OK);
    ck_status(about_space(FSP_COMMAND_SPACE_READY, 1), FSP_OK);
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_CLOSING);
    ck_assert(!keeps_init(1));
    ck_status(space_close(1, false, 0), FSP_OK);
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_READY);
}
END_TEST

START_TEST(a_wrong_clock_ends_no_grace)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(space_new(1), FSP_OK);
    ck_status(space_close(1, true, DAY), FSP_OK);
    world.time += 30 * DAY; /* a jump: nothing expires until a person says so, or a day is over */
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 1), FSP_PENDING);
    ck_assert_int_eq(state_of(1), FSP_DIRECTORY_CLOSING);
}
END_TEST

/* -- accounts ---------------------------------------------------------------------------------- */

START_TEST(accounts_are_made_and_changed)
{
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_assert_mem_eq(world.result.file_id.bytes, subject_id(2).bytes, 16);
    ck_assert_uint_eq(world.result.size, 0);
    uint64_t index = world.result.index;
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_assert_uint_eq(world.result.index, index);
    ck_status(account_set(3, "bob", false, true), FSP_EXISTS);
    ck_status(account_set(2, "rob", false, true), FSP_OK);
    ck_status(account_set(3, "bob", false, true), FSP_OK); /* the old name is free */
    ck_status(account_set(3, "rob", false, true), FSP_EXISTS);
    ck_status(account_set(3, "-bob", false, true), FSP_BAD_NAME);
}
END_TEST

START_TEST(taking_rights_away_has_a_floor)
{
    ck_status(account_set(2, "bob", true, true), FSP_OK);
    ck_assert_uint_eq(world.result.size, 0);
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_assert_uint_eq(world.result.size, world.result.index);
    ck_status(account_set(2, "bob", false, false), FSP_OK);
    ck_assert_uint_eq(world.result.size, world.result.index);
    ck_status(account_set(2, "bob", false, false), FSP_OK); /* no change */
    ck_assert_uint_eq(world.result.size, 0);
    ck_status(account_set(2, "bob", true, true), FSP_OK);
    ck_assert_uint_eq(world.result.size, 0);
}
END_TEST

START_TEST(one_admin_stays)
{
    ck_status(account_set(1, "admin", false, true), FSP_MISMATCH);
    ck_status(account_set(1, "admin", true, false), FSP_MISMATCH);
    ck_assert_uint_eq(system_row().admin_count, 1);
    ck_status(account_set(2, "bob", true, false), FSP_OK); /* not enabled: counts for nothing */
    ck_status(account_set(1, "admin", true, false), FSP_MISMATCH);
    ck_status(account_set(2, "bob", true, true), FSP_OK);
    ck_assert_uint_eq(system_row().admin_count, 2);
    ck_status(account_set(1, "admin", true, false), FSP_OK);
    ck_assert_uint_eq(system_row().admin_count, 1);
}
END_TEST

/* -- groups ------------------------------------------------------------------------------------ */

START_TEST(groups_hold_accounts)
{
    static const uint8_t all[] = {1, 2, 3}, some[] = {1, 3}, others[] = {1, 3, 4};
    ck_status(group_set(7, "staff", all, 3), FSP_NOT_FOUND);
    for (uint8_t i = 2; i <= 4; i++) {
        char name[] = {'u', (char)('0' + i), 0};
        ck_status(account_set(i, name, false, true), FSP_OK);
    }
    ck_status(group_set(7, "staff", all, 3), FSP_OK);
    ck_assert_uint_eq(world.result.size, 0);
    ck_assert_mem_eq(world.result.file_id.bytes, subject_id(7).bytes, 16);
    uint64_t index = world.result.index;
    ck_status(group_set(7, "staff", all, 3), FSP_OK);
    ck_assert_uint_eq(world.result.index, index);
    ck_status(group_set(8, "staff", all, 3), FSP_EXISTS);
    ck_status(group_set(7, "team", all, 3), FSP_OK); /* a name takes no rights */
    ck_assert_uint_eq(world.result.size, 0);
    ck_status(group_set(7, "team", some, 2), FSP_OK);
    ck_assert_uint_eq(world.result.size, world.result.index);
    ck_status(group_set(7, "team", others, 3), FSP_OK); /* more: takes none */
    ck_assert_uint_eq(world.result.size, 0);
    ck_status(group_set(7, "team", all, 3), FSP_OK); /* 4 left */
    ck_assert_uint_eq(world.result.size, world.result.index);
    ck_status(group_set(8, "staff", NULL, 0), FSP_OK);
    ck_status(group_drop(7), FSP_OK);
    ck_assert_uint_eq(world.result.size, world.result.index);
    ck_status(group_drop(7), FSP_NOT_FOUND);
    ck_status(group_set(9, "team", all, 3), FSP_OK);
}
END_TEST

START_TEST(groups_are_read_strictly)
{
    static const struct {
        const char *accounts;
        size_t bytes;
        bool drop;
        fsp_status_t status;
    } cases[] = {
        {"\x91\xc4\x10\x50\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19, true, FSP_INVALID},
        {"\x91\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19, false, FSP_INVALID},
        {"\x91\xc4\x02\x50\x01", 5, false, FSP_INVALID},
        {"\x90", 1, true, FSP_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_command_t command = system_command(FSP_COMMAND_GROUP);
        command.system.group = subject_id(7);
        command.system.name = text("staff");
        command.system.drop = cases[i].drop;
        command.system.accounts = fsp_slice(cases[i].accounts, cases[i].bytes);
        ck_status(apply(&world, &command), cases[i].status);
    }
    static const uint8_t twice[] = {1, 1}, falling[] = {2, 1};
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_status(group_set(7, "staff", twice, 2), FSP_INVALID);
    ck_status(group_set(7, "staff", falling, 2), FSP_INVALID);
}
END_TEST

/* -- tokens and settings ----------------------------------------------------------------------- */

START_TEST(tokens_belong_to_accounts)
{
    ck_status(token_make(1, 9, 0), FSP_NOT_FOUND);
    ck_status(token_make(1, 1, world.time), FSP_INVALID);
    ck_status(token_make(1, 1, 0), FSP_OK);
    ck_assert_mem_eq(world.result.version_id.bytes, token_of(1).bytes, 32);
    ck_assert_mem_eq(world.result.file_id.bytes, admin_id().bytes, 16);
    ck_status(token_make(1, 1, 0), FSP_EXISTS);
    ck_status(token_make(2, 1, world.time + DAY), FSP_OK);
    ck_status(token_drop(3), FSP_NOT_FOUND);
    ck_status(token_drop(1), FSP_OK);
    ck_assert_uint_eq(world.result.size, world.result.index);
    ck_assert_mem_eq(world.result.file_id.bytes, admin_id().bytes, 16);
    ck_status(token_drop(1), FSP_NOT_FOUND);
    ck_status(account_set(2, "bob", false, false), FSP_OK);
    ck_status(token_make(3, 2, 0), FSP_NOT_FOUND);
}
END_TEST

/* A token of a scope must not make one without: what is bounded administers nothing here. */
START_TEST(a_bounded_credential_changes_nothing_in_the_mesh)
{
    fsp_command_t command = system_command(FSP_COMMAND_TOKEN);
    command.subject = admin_id();
    command.system.token = token_of(1);
    command.system.account = admin_id();
    command.system.label = text("label");
    command.asker.withheld = FSP_RIGHT_DELETE;
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    fsp_store_u64(command.op_id.bytes, ++world.last_op);
    command.asker.withheld = 0;
    command.asker.link_id = (fsp_link_id_t){{1}};
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    fsp_store_u64(command.op_id.bytes, ++world.last_op);
    command.asker.link_id = (fsp_link_id_t){{0}};
    command.asker.group_count = 1;
    command.asker.groups[0] = subject_id(9);
    ck_status(apply(&world, &command), FSP_OK);
}
END_TEST

START_TEST(settings_are_set_and_deleted)
{
    ck_status(setting_set("grace", ""), FSP_OK); /* none was there: no change */
    ck_assert_uint_eq(world.result.index, 1);
    ck_status(setting_set("grace", "7d"), FSP_OK);
    ck_assert_uint_eq(world.result.index, 2);
    ck_status(setting_set("grace", "7d"), FSP_OK);
    ck_assert_uint_eq(world.result.index, 2);
    ck_status(setting_set("grace", ""), FSP_OK);
    ck_assert_uint_eq(world.result.index, 3);
    fsp_buf_t buf;
    ck_status(read_row(FSP_TABLE_SETTING, text("grace"), &buf), FSP_NOT_FOUND);
    fsp_buf_clear(&buf);
    ck_status(setting_set("Grace", "1"), FSP_BAD_NAME);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("system_spaces");
    TCase *tcase = tcase_create("spaces");
    tcase_add_checked_fixture(tcase, set_up_system, tear_down_system);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, a_space_goes_where_there_are_fewest);
    tcase_add_test(tcase, space_new_is_refused_for_many_reasons);
    tcase_add_test(tcase, a_space_is_made_in_steps);
    tcase_add_test(tcase, closing_has_a_deadline_and_can_be_taken_back);
    tcase_add_test(tcase, a_gone_space_is_gone_for_ever_and_its_name_is_free);
    tcase_add_test(tcase, a_half_made_space_can_be_closed_finished_and_taken_back);
    tcase_add_test(tcase, a_wrong_clock_ends_no_grace);
    tcase_add_test(tcase, accounts_are_made_and_changed);
    tcase_add_test(tcase, taking_rights_away_has_a_floor);
    tcase_add_test(tcase, one_admin_stays);
    tcase_add_test(tcase, groups_hold_accounts);
    tcase_add_test(tcase, groups_are_read_strictly);
    tcase_add_test(tcase, tokens_belong_to_accounts);
    tcase_add_test(tcase, a_bounded_credential_changes_nothing_in_the_mesh);
    tcase_add_test(tcase, settings_are_set_and_deleted);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
