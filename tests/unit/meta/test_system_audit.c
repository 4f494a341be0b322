/* SPDX-License-Identifier: MIT */
/* test_system_audit - each fault that rows of the system shard can have is found.  Tests of
   core/meta. */
#include "tests/unit/meta/system_world.h"

/* A mesh with something in every table. */
static void
set_up_full(void)
{
    static const uint8_t accounts[] = {1, 2};
    set_up_system();
    for (uint32_t node = 1; node <= 3; node++)
        add_storage(node);
    ck_status(invite(8), FSP_OK);
    ck_status(join(8, 8), FSP_OK);
    ck_status(about_node(FSP_COMMAND_REMOVE, 8), FSP_OK);
    ck_status(invite(9), FSP_OK);
    ck_status(shard_add(1), FSP_OK);
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_status(group_set(7, "staff", accounts, 2), FSP_OK);
    ck_status(token_make(1, 2, 0), FSP_OK);
    ck_status(setting_set("grace", "7d"), FSP_OK);
    ck_status(space_new_named(1, "home"), FSP_OK);
    ck_status(space_new_named(2, "gone"), FSP_OK);
    ck_status(space_close(2, true, 0), FSP_OK);
    ck_status(about_space(FSP_COMMAND_SPACE_GONE, 2), FSP_OK);
    ck_status(invite(9), FSP_EXISTS);
}

static fsp_row_key_t
key_at(fsp_table_t table, fsp_slice_t id)
{
    fsp_row_key_t key = fsp_row_key(world.shard, table, (fsp_space_id_t){0});
    fsp_row_key_add(&key, id);
    return key;
}

/* -- what was found ---------------------------------------------------------------------------- */

static struct {
    const char *kind, *part;
    size_t hits;
} wanted;

static void
look(void *context, const fsp_fault_t *fault)
{
    (void)context;
    if (strcmp(fault->kind, wanted.kind) == 0 && strstr(fault->what, wanted.part))
        wanted.hits++;
}

static void
expect_fault(const char *kind, const char *part)
{
    fsp_audit_counts_t counts = {0};
    wanted.kind = kind;
    wanted.part = part;
    wanted.hits = 0;
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), look, NULL, &counts);
    ck_assert_msg(wanted.hits > 0, "no fault %s: %s", kind, part);
}

static void
put_row(fsp_table_t table, fsp_slice_t id, fsp_slice_t value)
{
    fsp_row_key_t key = key_at(table, id);
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), value, 0);
}

/* Takes a row away, looks, and puts it back. */
static void
expect_without(fsp_table_t table, fsp_slice_t id, const char *kind, const char *part)
{
    fsp_buf_t buf;
    ck_status(read_row(table, id, &buf), FSP_OK);
    fsp_row_key_t key = key_at(table, id);
    fsp_omap_remove(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    expect_fault(kind, part);
    put_row(table, id, fsp_buf_slice(&buf));
    fsp_buf_clear(&buf);
    ck_assert_uint_eq(count_faults(), 0);
}

/* Puts another value in its place (or a row that was not there), looks, and undoes it. */
static void
expect_with(fsp_table_t table, fsp_slice_t id, const fsp_buf_t *value, const char *kind,
            const char *part)
{
    fsp_buf_t buf;
    fsp_status_t status = read_row(table, id, &buf);
    ck_assert(fsp_buf_ok(value));
    put_row(table, id, fsp_buf_slice(value));
    expect_fault(kind, part);
    fsp_row_key_t key = key_at(table, id);
    if (status == FSP_OK)
        put_row(table, id, fsp_buf_slice(&buf));
    else
        fsp_omap_remove(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    fsp_buf_clear(&buf);
    ck_assert_uint_eq(count_faults(), 0);
}

static fsp_buf_t new_value;
static fsp_buf_t *
value(void)
{
    fsp_buf_clear(&new_value);
    fsp_buf_init(&new_value, FSP_VALUE_BYTES_MAX);
    return &new_value;
}

/* A key of its own kind: name rows begin with what they name, the rest are numbers or ids. */
static fsp_slice_t
name_id(fsp_table_t table, const char *name)
{
    static uint8_t bytes[64];
    bytes[0] = (uint8_t)table;
    memcpy(bytes + 1, name, strlen(name));
    return fsp_slice(bytes, 1 + strlen(name));
}

static fsp_slice_t
number_u32(uint32_t number)
{
    static uint8_t bytes[4];
    fsp_store_u32(bytes, number);
    return fsp_slice(bytes, 4);
}

static fsp_slice_t
number_u64(uint64_t number)
{
    static uint8_t bytes[8];
    fsp_store_u64(bytes, number);
    return fsp_slice(bytes, 8);
}

/* -- tests ------------------------------------------------------------------------------------- */

START_TEST(a_whole_state_has_no_fault)
{
    ck_assert_uint_eq(count_faults(), 0);
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), NULL, NULL, &counts);
    ck_assert_uint_eq(counts.changes, system_row().change_index);
    ck_assert_uint_eq(counts.operations, system_row().op_count);
}
END_TEST

START_TEST(rows_that_are_missed)
{
    const fsp_node_id_t node = node_of(1), removed = node_of(8);
    const fsp_hash_t spent = invitation_of(8);
    const fsp_subject_id_t bob = subject_id(2);
    const fsp_space_id_t space = space_of_number(1);
    expect_without(FSP_TABLE_SYSTEM, (fsp_slice_t){0}, "stray", "not there");
    expect_without(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), "system", "who is no member");
    expect_without(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), "system", "number of members");
    expect_without(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), "system", "never was a member");
    expect_without(FSP_TABLE_REMOVED, FSP_SLICE_OF(removed), "system", "never was a member");
    expect_without(FSP_TABLE_LAYOUT, number_u64(4), "system", "state and newest list");
    expect_without(FSP_TABLE_SHARDS, number_u32(0), "system", "gap");
    expect_without(FSP_TABLE_SHARDS, number_u32(1), "system", "number of shards");
    expect_without(FSP_TABLE_SPACE_DIRECTORY, FSP_SLICE_OF(space), "system", "number of spaces");
    expect_without(FSP_TABLE_SPACE_DIRECTORY, FSP_SLICE_OF(space), "system", "a name leads");
    expect_without(FSP_TABLE_ACCOUNT, FSP_SLICE_OF(bob), "system", "who has no account");
    expect_without(FSP_TABLE_ACCOUNT, FSP_SLICE_OF(bob), "system", "without its account");
    const fsp_subject_id_t admin = admin_id();
    expect_without(FSP_TABLE_ACCOUNT, FSP_SLICE_OF(admin), "system", "number of admins");
    expect_without(FSP_TABLE_ACCOUNT, FSP_SLICE_OF(admin), "system", "owner is no account");
    expect_without(FSP_TABLE_SYSTEM_NAME, name_id(FSP_TABLE_ACCOUNT, "bob"), "system", "its name");
    expect_without(FSP_TABLE_SYSTEM_NAME, name_id(FSP_TABLE_GROUP, "staff"), "system", "its name");
    expect_without(FSP_TABLE_SYSTEM_NAME, name_id(FSP_TABLE_SPACE_DIRECTORY, "home"), "system",
                   "its name");
    expect_without(FSP_TABLE_CHANGE, number_u64(3), "change", "missing");
    expect_without(FSP_TABLE_CHANGE, number_u64(system_row().change_index), "change", "end where");
    (void)spent;
}
END_TEST

START_TEST(rows_that_say_something_else)
{
    const fsp_node_id_t node = node_of(1), removed = node_of(8);
    fsp_member_row_t member = need_member(1);
    member.state = FSP_MEMBER_OUT;
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "newest list");
    member = need_member(1);
    member.signing_key = key_of(77);
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "signing key");
    member = need_member(1);
    member.roles = FSP_ROLE_WITNESS;
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "other roles");
    member = need_member(1);
    member.level = FSP_FEATURE_LEVEL - 1;
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "level of the mesh");
    member = need_member(1);
    member.joined = 1000;
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "joined at a change");
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "order of age");
    member = need_member(1);
    member.synced = 1000;
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "list that is not");
    member = need_member(1);
    member.invitation = invitation_of(3);
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(node), &new_value, "system", "by another one");
    member = need_member(2);
    member.signing_key = key_of(8);
    member.state = FSP_MEMBER_OUT;
    fsp_member_row_encode(&member, value());
    expect_with(FSP_TABLE_MEMBER, FSP_SLICE_OF(removed), &new_value, "system", "is a member");
    fsp_canon_uint(value(), 0);
    expect_with(FSP_TABLE_REMOVED, FSP_SLICE_OF(removed), &new_value, "system", "removed by");

    fsp_list_t list = newest_list(NULL);
    fsp_list_row_encode(&list, value());
    expect_with(FSP_TABLE_LAYOUT, number_u64(99), &new_value, "system", "newer than the layout");
    list.members[3].roles = FSP_ROLE_GATEWAY;
    fsp_list_row_encode(&list, value());
    expect_with(FSP_TABLE_LAYOUT, number_u64(4), &new_value, "system", "stores nothing");
    for (size_t i = 0; i < list.count; i++)
        list.members[i].roles = FSP_ROLE_WITNESS;
    fsp_list_row_encode(&list, value());
    expect_with(FSP_TABLE_LAYOUT, number_u64(4), &new_value, "system", "nobody stores");
    fsp_list_clear(&list);
    fsp_buf_clear(&new_value);
}
END_TEST

START_TEST(shards_and_spaces_that_say_something_else)
{
    fsp_buf_t buf;
    fsp_shards_row_t shard;
    ck_status(read_row(FSP_TABLE_SHARDS, number_u32(1), &buf), FSP_OK);
    ck_status(fsp_shards_row_decode(fsp_buf_slice(&buf), &shard), FSP_OK);
    fsp_shards_row_t other = shard;
    other.slot++;
    fsp_shards_row_encode(&other, value());
    expect_with(FSP_TABLE_SHARDS, number_u32(1), &new_value, "system", "another slot");
    other = shard;
    other.space_count++;
    fsp_shards_row_encode(&other, value());
    expect_with(FSP_TABLE_SHARDS, number_u32(1), &new_value, "system", "number of spaces");
    other = shard;
    other.replicas[0].number = 9;
    fsp_shards_row_encode(&other, value());
    expect_with(FSP_TABLE_SHARDS, number_u32(1), &new_value, "system", "first replicas");
    other = shard;
    other.replica_count = 2;
    fsp_shards_row_encode(&other, value());
    expect_with(FSP_TABLE_SHARDS, number_u32(1), &new_value, "system", "even number");
    fsp_shards_row_encode(&shard, value());
    expect_with(FSP_TABLE_SHARDS, number_u32(2), &new_value, "system", "one too many");
    fsp_buf_clear(&buf);

    const fsp_space_id_t space = space_of_number(1);
    fsp_directory_row_t row = {.name = text("home"),
                               .owner = admin_id(),
                               .shard = 0,
                               .state = FSP_DIRECTORY_CREATING,
                               .init = text("init")};
    fsp_directory_row_encode(&row, value());
    expect_with(FSP_TABLE_SPACE_DIRECTORY, FSP_SLICE_OF(space), &new_value, "system", "shard that");
    row.shard = 1;
    row.state = FSP_DIRECTORY_READY;
    fsp_directory_row_encode(&row, value());
    expect_with(FSP_TABLE_SPACE_DIRECTORY, FSP_SLICE_OF(space), &new_value, "system", "made from");
    fsp_buf_clear(&new_value);
}
END_TEST

START_TEST(a_system_row_that_says_something_else)
{
    static const char *const parts[] = {"number of members", "number of admins",
                                        "number of shards",  "another layout",
                                        "end where",         "hash that the system"};
    for (size_t i = 0; i < 6; i++) {
        fsp_system_row_t row = system_row();
        row.member_count += i == 0;
        row.admin_count += i == 1;
        row.shard_count += i == 2;
        row.layout_version += i == 3;
        row.change_index += i == 4;
        row.head_hash.bytes[0] ^= i == 5;
        fsp_system_row_encode(&row, value());
        expect_with(FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &new_value, i > 2 ? "change" : "system",
                    parts[i]);
    }
    fsp_system_row_t row = system_row();
    row.op_count++;
    fsp_system_row_encode(&row, value());
    expect_with(FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &new_value, "operation", "operations");
    fsp_buf_clear(&new_value);
}
END_TEST

START_TEST(bytes_that_are_no_row)
{
    static const fsp_table_t tables[] = {
        FSP_TABLE_MEMBER,  FSP_TABLE_INVITATION,  FSP_TABLE_LAYOUT,          FSP_TABLE_SHARDS,
        FSP_TABLE_ACCOUNT, FSP_TABLE_SYSTEM_NAME, FSP_TABLE_GROUP,           FSP_TABLE_TOKEN,
        FSP_TABLE_SETTING, FSP_TABLE_REMOVED,     FSP_TABLE_SPACE_DIRECTORY, FSP_TABLE_CHANGE};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        fsp_buf_append_u8(value(), 0xc1);
        expect_with(tables[i], text("x"), &new_value, "row", "row");
    }
    fsp_buf_append_u8(value(), 0xc1);
    expect_with(FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &new_value, "row", "system row");
    fsp_buf_clear(&new_value);
}
END_TEST

START_TEST(system_rows_in_another_shard_are_strays)
{
    world.shard.shard = 3;
    fsp_canon_uint(value(), 5);
    put_row(FSP_TABLE_REMOVED, FSP_SLICE_OF(node_of(1)), fsp_buf_slice(&new_value));
    expect_fault("stray", "not there");
    fsp_buf_clear(&new_value);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("system_audit");
    TCase *tcase = tcase_create("audit");
    tcase_add_checked_fixture(tcase, set_up_full, tear_down_system);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, a_whole_state_has_no_fault);
    tcase_add_test(tcase, rows_that_are_missed);
    tcase_add_test(tcase, rows_that_say_something_else);
    tcase_add_test(tcase, shards_and_spaces_that_say_something_else);
    tcase_add_test(tcase, a_system_row_that_says_something_else);
    tcase_add_test(tcase, bytes_that_are_no_row);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("elsewhere");
    tcase_add_checked_fixture(tcase, set_up_system_bare, tear_down);
    tcase_add_test(tcase, system_rows_in_another_shard_are_strays);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
