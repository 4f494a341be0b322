/* SPDX-License-Identifier: MIT */
/* test_system_members - genesis, invitations, joining, levels, rights.  Tests of core/meta. */
#include "tests/unit/meta/system_world.h"

/* Time goes by in steps below a day: no jump, so nothing is held. */
static void
pass(unsigned half_days)
{
    for (unsigned i = 0; i < half_days; i++) {
        world.time += DAY / 2;
        ck_status(setting_set("clock", i % 2 ? "tick" : "tock"), FSP_OK);
    }
}

/* -- GENESIS ----------------------------------------------------------------------------------- */

START_TEST(genesis_makes_a_mesh_of_one)
{
    fsp_system_row_t row = system_row();
    fsp_buf_t record;
    fsp_hash_t mesh_id = fsp_sha256(genesis_record(&record, 16));
    fsp_buf_clear(&record);
    ck_assert_mem_eq(row.mesh_id.bytes, mesh_id.bytes, 32);
    ck_assert_uint_eq(row.slot_bits, 16);
    ck_assert_uint_eq(row.copies, 3);
    ck_assert_uint_eq(row.layout_version, 1);
    ck_assert_uint_eq(row.level, FSP_FEATURE_LEVEL);
    ck_assert_uint_eq(row.shard_count, 1);
    ck_assert_uint_eq(row.member_count, 1);
    ck_assert_uint_eq(row.admin_count, 1);
    ck_assert_mem_eq(world.result.version_id.bytes, node_of(0).bytes, 32);
    ck_assert_uint_eq(world.result.number, 1);
    fsp_member_row_t member = need_member(0);
    ck_assert_int_eq(member.state, FSP_MEMBER_ACTIVE);
    ck_assert_uint_eq(member.synced, 1);
    size_t lists;
    fsp_list_t list = newest_list(&lists);
    ck_assert_uint_eq(lists, 1);
    ck_assert_uint_eq(list.version, 1);
    ck_assert_uint_eq(list.count, 1);
    ck_assert_uint_eq(list.members[0].inverse_weight, 0);
    fsp_list_clear(&list);
    fsp_shard_row_t shard;
    ck_status(fsp_meta_shard_row(world.shard, fsp_memview_view(world.rows), &shard), FSP_OK);
    ck_assert_uint_eq(shard.feature_level, FSP_FEATURE_LEVEL);
}
END_TEST

START_TEST(genesis_happens_once)
{
    ck_status(genesis(), FSP_EXISTS);
    ck_assert_uint_eq(world.result.index, 1);
    ck_assert_uint_eq(system_row().op_count, 2); /* the refusal is kept */
}
END_TEST

START_TEST(genesis_repeated_is_answered_again)
{
    fsp_buf_t record;
    fsp_command_t command = genesis_command(genesis_record(&record, 16));
    fsp_store_u64(command.op_id.bytes, 1); /* that of the set-up */
    command.request_digest = fsp_sha256(FSP_SLICE_OF(command.op_id));
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(world.result.repeated);
    ck_assert_uint_eq(world.result.number, 1);
    fsp_buf_clear(&record);
}
END_TEST

static void
try_genesis(void (*change)(fsp_command_t *command), uint32_t slot_bits, fsp_status_t expected)
{
    fsp_buf_t record;
    fsp_command_t command = genesis_command(genesis_record(&record, slot_bits));
    if (change)
        change(&command);
    ck_status(apply(&world, &command), expected);
    fsp_buf_clear(&record);
}

static void
other_key(fsp_command_t *command)
{
    command->system.signing_key = key_of(9);
}
static void
no_copies(fsp_command_t *command)
{
    command->system.copies = 0;
}
static void
many_copies(fsp_command_t *command)
{
    command->system.copies = FSP_OWNERS_MAX + 1;
}
static void
low_level(fsp_command_t *command)
{
    command->system.level = 1;
}
static void
high_level(fsp_command_t *command)
{
    command->system.level = FSP_FEATURE_LEVEL + 1;
}
static void
no_storage(fsp_command_t *command)
{
    command->system.roles = FSP_ROLE_GATEWAY;
}
static void
no_capacity(fsp_command_t *command)
{
    command->system.capacity = 0;
}
static void
bad_name(fsp_command_t *command)
{
    command->system.name = text("Admin!");
}
static void
no_record(fsp_command_t *command)
{
    command->system.genesis_record = text("none");
}
static void
low_since(fsp_command_t *command)
{
    command->system.settings = text("\x91\x92\xa1x\xc4"); /* cut off */
}

START_TEST(genesis_refuses_what_makes_no_mesh)
{
    try_genesis(other_key, 16, FSP_INVALID);
    try_genesis(no_copies, 16, FSP_INVALID);
    try_genesis(many_copies, 16, FSP_INVALID);
    try_genesis(low_level, 16, FSP_INVALID);
    try_genesis(high_level, 16, FSP_LEVEL);
    try_genesis(no_storage, 16, FSP_INVALID);
    try_genesis(no_capacity, 16, FSP_INVALID);
    try_genesis(bad_name, 16, FSP_BAD_NAME);
    try_genesis(no_record, 16, FSP_INVALID);
    try_genesis(low_since, 16, FSP_INVALID);
    try_genesis(NULL, 15, FSP_INVALID);
    try_genesis(NULL, 21, FSP_INVALID);
    /* Nothing of all that was kept. */
    fsp_buf_t buf;
    ck_status(read_row(FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &buf), FSP_NOT_FOUND);
    fsp_buf_clear(&buf);
    ck_assert_uint_eq(world.rows_written, 1);
    try_genesis(NULL, 20, FSP_OK);
    ck_assert_uint_eq(system_row().slot_bits, 20);
}
END_TEST

START_TEST(nothing_happens_before_genesis)
{
    ck_status(invite(1), FSP_NO_SUCH_SPACE);
    ck_assert_uint_eq(world.rows_written, 1);
    ck_status(genesis(), FSP_OK);
}
END_TEST

START_TEST(nothing_happens_in_another_shard)
{
    world.shard.shard = 3;
    ck_status(genesis(), FSP_INVALID);
    ck_status(invite(1), FSP_INVALID);
    ck_assert_uint_eq(world.rows_written, 1);
}
END_TEST

START_TEST(genesis_keeps_settings)
{
    const fsp_setting_t settings[] = {{text("closing-grace"), text("7d")},
                                      {text("out-after"), text("1h")}};
    fsp_buf_t record, bytes, value;
    fsp_buf_init(&bytes, 4096);
    fsp_settings_encode(settings, 2, &bytes);
    fsp_command_t command = genesis_command(genesis_record(&record, 16));
    command.system.settings = fsp_buf_slice(&bytes);
    ck_status(apply(&world, &command), FSP_OK);
    ck_status(read_row(FSP_TABLE_SETTING, text("out-after"), &value), FSP_OK);
    fsp_slice_t kept;
    ck_status(fsp_setting_row_decode(fsp_buf_slice(&value), &kept), FSP_OK);
    ck_assert(fsp_slice_eq(kept, text("1h")));
    fsp_buf_clear(&value);
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&record);
}
END_TEST

/* -- invitations and joining ------------------------------------------------------------------- */

START_TEST(an_invitation_admits_one)
{
    ck_status(invite(1), FSP_OK);
    ck_assert_mem_eq(world.result.version_id.bytes, invitation_of(1).bytes, 32);
    ck_status(join(1, 1), FSP_OK);
    uint64_t joined = world.result.number;
    ck_assert_uint_eq(joined, world.result.index);
    ck_assert_mem_eq(world.result.version_id.bytes, node_of(1).bytes, 32);
    /* Another node with the same code, and the same node again, by another operation. */
    ck_status(join(1, 2), FSP_SPENT);
    ck_status(join(1, 1), FSP_OK);
    ck_assert_uint_eq(world.result.number, joined);
    ck_assert_uint_eq(world.result.index, joined); /* no change */
    ck_status(uninvite(1), FSP_SPENT);
    fsp_member_row_t row = need_member(1);
    ck_assert_int_eq(row.state, FSP_MEMBER_JOINING);
    ck_assert_uint_eq(row.roles, FSP_ROLE_STORAGE | FSP_ROLE_VOTER);
    ck_assert_uint_eq(row.capacity, TIB);
    ck_assert(!row.ready);
    ck_assert_uint_eq(system_row().member_count, 2);
    ck_status(member_row(2, &row), FSP_NOT_FOUND);
}
END_TEST

START_TEST(a_spent_code_stays_spent_until_it_is_void)
{
    ck_status(invite(1), FSP_OK);
    ck_status(join(1, 1), FSP_OK);
    pass(3); /* its expiry has passed, by half a day */
    ck_status(invite(2), FSP_OK);
    ck_status(join(1, 2), FSP_SPENT);
    ck_status(invite(1), FSP_EXISTS);
    pass(2); /* by more than a day: the next INVITE drops it */
    ck_status(join(1, 2), FSP_SPENT);
    ck_status(invite(3), FSP_OK);
    ck_status(join(1, 2), FSP_NO_SUCH_NODE);
    ck_status(join(1, 1), FSP_OK); /* the one it admitted is still the one */
}
END_TEST

START_TEST(a_refused_invite_drops_nothing)
{
    ck_status(invite(1), FSP_OK);
    pass(6);
    ck_status(invite_full(2, FSP_ROLE_GATEWAY, 0, 0, world.time), FSP_SPENT);
    ck_status(join(1, 2), FSP_SPENT);
}
END_TEST

START_TEST(joining_is_refused_for_many_reasons)
{
    ck_status(join(1, 1), FSP_NO_SUCH_NODE);
    ck_status(invite_full(1, FSP_ROLE_STORAGE, 4, TIB, world.time + 10 * SECOND), FSP_OK);
    fsp_command_t command = join_command(1, 1);
    command.system.level = FSP_FEATURE_LEVEL - 1;
    ck_status(apply(&world, &command), FSP_LEVEL);
    command = join_command(1, 1);
    command.system.capacity = TIB + 1;
    ck_status(apply(&world, &command), FSP_TOO_LARGE);
    command = join_command(1, 1);
    command.system.capacity = 0;
    ck_status(apply(&world, &command), FSP_INVALID);
    world.time += 11 * SECOND;
    ck_status(join(1, 1), FSP_SPENT);
    ck_status(invite(2), FSP_OK);
    ck_status(uninvite(2), FSP_OK);
    ck_status(uninvite(2), FSP_OK); /* no change */
    ck_status(join(2, 1), FSP_SPENT);
    ck_status(uninvite(9), FSP_NO_SUCH_NODE);
    /* None of these spent anything or admitted anybody. */
    ck_assert_uint_eq(system_row().member_count, 1);
    ck_status(invite(3), FSP_OK);
    ck_status(join(3, 1), FSP_OK);
    ck_status(invite(4), FSP_OK);
    ck_status(join(4, 1), FSP_EXISTS); /* a member, by another code */
    command = join_command(3, 1);
    command.system.store_id = store_of(99);
    ck_status(apply(&world, &command), FSP_EXISTS); /* with another store */
    ck_status(join(4, 2), FSP_OK);                  /* so the code was not spent */
}
END_TEST

START_TEST(a_removed_node_never_comes_back)
{
    ck_status(invite(1), FSP_OK);
    ck_status(join(1, 1), FSP_OK);
    ck_status(about_node(FSP_COMMAND_REMOVE, 1), FSP_OK);
    ck_status(about_node(FSP_COMMAND_REMOVE, 1), FSP_OK); /* no change */
    ck_status(join(1, 1), FSP_FORBIDDEN);
    ck_status(invite(2), FSP_OK);
    ck_status(join(2, 1), FSP_FORBIDDEN);
    ck_status(join(2, 2), FSP_OK);
    ck_status(about_node(FSP_COMMAND_OUT, 1), FSP_NO_SUCH_NODE);
    ck_status(report_level(1, FSP_FEATURE_LEVEL), FSP_NO_SUCH_NODE);
    ck_assert_uint_eq(system_row().member_count, 2);
}
END_TEST

START_TEST(invite_refuses_what_admits_nobody)
{
    ck_status(invite_full(1, 0, 0, 0, world.time + DAY), FSP_INVALID);
    ck_status(invite_full(1, 16, 0, 0, world.time + DAY), FSP_INVALID);
    ck_status(invite_full(1, FSP_ROLE_STORAGE | FSP_ROLE_WITNESS, 0, TIB, world.time + DAY),
              FSP_INVALID);
    ck_status(invite_full(1, FSP_ROLE_VOTER, 0, 0, world.time + DAY), FSP_INVALID);
    ck_status(invite_full(1, FSP_ROLE_STORAGE, 0, 0, world.time + DAY), FSP_INVALID);
    ck_status(invite_full(1, FSP_ROLE_GATEWAY, 0, 0, world.time), FSP_SPENT);
    ck_status(invite_full(1, FSP_ROLE_GATEWAY, 0, 0, world.time + DAY), FSP_OK);
    ck_status(invite(1), FSP_EXISTS);
}
END_TEST

START_TEST(invitations_are_bounded)
{
    fsp_time_t expiry = world.time + DAY;
    for (uint32_t i = 0; i < FSP_INVITATIONS_MAX; i++)
        ck_status(invite_full(i, FSP_ROLE_GATEWAY, 0, 0, expiry), FSP_OK);
    ck_status(invite_full(FSP_INVITATIONS_MAX, FSP_ROLE_GATEWAY, 0, 0, expiry), FSP_TOO_LARGE);
    pass(5);
    ck_status(invite(FSP_INVITATIONS_MAX), FSP_OK);
    ck_assert_uint_gt(world.rows_written, FSP_INVITATIONS_MAX); /* the void ones went */
}
END_TEST

START_TEST(members_are_bounded)
{
    for (uint32_t i = 1; i < FSP_SYSTEM_MEMBERS_MAX; i++) {
        ck_status(invite_full(i, FSP_ROLE_GATEWAY, 0, TIB, world.time + DAY), FSP_OK);
        ck_status(join(i, i), FSP_OK);
    }
    ck_status(invite_full(5000, FSP_ROLE_GATEWAY, 0, TIB, world.time + DAY), FSP_OK);
    ck_status(join(5000, 5000), FSP_TOO_LARGE);
    ck_status(about_node(FSP_COMMAND_REMOVE, 7), FSP_OK);
    ck_status(join(5000, 5000), FSP_OK);
}
END_TEST

START_TEST(who_stores_nothing_is_active_at_once)
{
    ck_status(invite_full(1, FSP_ROLE_GATEWAY, 0, 0, world.time + DAY), FSP_OK);
    fsp_command_t command = join_command(1, 1);
    command.system.capacity = 0;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert_int_eq(need_member(1).state, FSP_MEMBER_ACTIVE);
    ck_status(synced(1, 1), FSP_MISMATCH);
    ck_status(about_node(FSP_COMMAND_OUT, 1), FSP_MISMATCH);
    ck_status(about_node(FSP_COMMAND_DRAIN, 1), FSP_MISMATCH);
    /* Whoever was a gateway had rights. */
    ck_status(about_node(FSP_COMMAND_REMOVE, 1), FSP_OK);
    ck_assert_uint_eq(world.result.size, world.result.index);
    ck_status(about_node(FSP_COMMAND_REMOVE, 1), FSP_OK);
    ck_assert_uint_eq(world.result.size, 0);
}
END_TEST

/* -- levels ------------------------------------------------------------------------------------ */

/* Levels above that of this program cannot be set: nobody could read the rows then.  So the mesh
   starts where the family does and the members report what they know. */
static uint64_t
shard_level(void)
{
    fsp_shard_row_t shard;
    ck_status(fsp_meta_shard_row(world.shard, fsp_memview_view(world.rows), &shard), FSP_OK);
    return shard.feature_level;
}

START_TEST(a_level_below_that_of_the_mesh_is_refused)
{
    ck_status(report_level(0, FSP_FEATURE_LEVEL - 1), FSP_LEVEL);
    ck_status(report_level(0, FSP_FEATURE_LEVEL), FSP_OK);
    ck_assert_uint_eq(world.result.number, FSP_FEATURE_LEVEL);
    ck_assert_uint_eq(world.result.index, 1); /* no change */
    ck_status(report_level(4, FSP_FEATURE_LEVEL), FSP_NO_SUCH_NODE);
}
END_TEST

START_TEST(the_mesh_waits_for_its_slowest_member)
{
    add_storage(1);
    add_storage(2);
    ck_status(report_level(0, FSP_FEATURE_LEVEL + 1), FSP_OK);
    ck_status(report_level(1, FSP_FEATURE_LEVEL + 2), FSP_OK);
    ck_assert_uint_eq(system_row().level, FSP_FEATURE_LEVEL);
    ck_assert_uint_eq(shard_level(), FSP_FEATURE_LEVEL);
    ck_status(report_level(1, FSP_FEATURE_LEVEL + 3), FSP_OK);
    ck_assert_uint_eq(system_row().level, FSP_FEATURE_LEVEL);
    /* The slowest is put out: all others know the next one.  Rows above our own level stop this
       program, so this is the last thing that happens here. */
    ck_status(about_node(FSP_COMMAND_OUT, 2), FSP_OK);
    ck_assert_uint_eq(system_row().level, FSP_FEATURE_LEVEL + 1);
    ck_assert_uint_eq(shard_level(), FSP_FEATURE_LEVEL + 1);
    fsp_buf_t result;
    fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
    ck_status(fsp_meta_apply(world.shard, world.txn, world.index + 1, 1, world.time + 1, text("x"),
                             &result),
              FSP_FORMAT_NEWER);
    fsp_buf_clear(&result);
    fsp_overlay_reset(world.txn);
}
END_TEST

/* -- WEIGHT and ZONE --------------------------------------------------------------------------- */

START_TEST(weight_and_zone_wait_for_the_next_list)
{
    ck_status(weigh(0, 2 * TIB), FSP_OK);
    ck_status(move_zone(0, 7), FSP_OK);
    ck_assert_uint_eq(world.result.number, 1);
    uint64_t index = world.result.index;
    ck_status(weigh(0, 2 * TIB), FSP_OK);
    ck_status(move_zone(0, 7), FSP_OK);
    ck_assert_uint_eq(world.result.index, index);
    ck_status(weigh(3, TIB), FSP_NO_SUCH_NODE);
    ck_status(move_zone(3, 1), FSP_NO_SUCH_NODE);
    ck_status(weigh(0, 0), FSP_INVALID);
    fsp_list_t list = newest_list(NULL);
    ck_assert_uint_eq(list.members[0].zone, 0);
    fsp_list_clear(&list);
    ck_status(list_add(NULL, 0), FSP_OK);
    list = newest_list(NULL);
    ck_assert_uint_eq(list.version, 2);
    ck_assert_uint_eq(list.members[0].zone, 7);
    ck_assert_uint_eq(list.members[0].capacity_bytes, 2 * TIB);
    fsp_list_clear(&list);
}
END_TEST

/* -- rights ------------------------------------------------------------------------------------ */

static fsp_status_t
setting_by(fsp_subject_id_t subject)
{
    fsp_command_t command = system_command(FSP_COMMAND_SETTING);
    command.subject = subject;
    command.system.name = text("by");
    command.system.value = FSP_SLICE_OF(command.op_id);
    return apply(&world, &command);
}

START_TEST(only_admins_that_are_enabled_may)
{
    ck_status(setting_by(admin_id()), FSP_OK);
    ck_status(setting_by(subject_id(9)), FSP_FORBIDDEN);
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_status(setting_by(subject_id(2)), FSP_FORBIDDEN);
    ck_status(account_set(2, "bob", true, true), FSP_OK);
    ck_status(setting_by(subject_id(2)), FSP_OK);
    ck_status(account_set(2, "bob", true, false), FSP_OK);
    ck_status(setting_by(subject_id(2)), FSP_FORBIDDEN);
}
END_TEST

START_TEST(what_the_mesh_says_nobody_else_says)
{
    static const fsp_command_type_t types[] = {FSP_COMMAND_NODE_SYNCED, FSP_COMMAND_NODE_LEVEL};
    ck_status(invite(1), FSP_OK);
    fsp_command_t command = join_command(1, 1);
    command.subject = admin_id();
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    for (size_t i = 0; i < 2; i++) {
        command = system_command(types[i]);
        command.subject = admin_id();
        command.system.node_id = node_of(0);
        command.system.level = FSP_FEATURE_LEVEL;
        ck_status(apply(&world, &command), FSP_FORBIDDEN);
    }
    command = system_command(FSP_COMMAND_SHARD_ADD);
    command.subject = admin_id();
    command.system.shard = 1;
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    ck_status(shard_add(1), FSP_OK);
    ck_status(space_new(1), FSP_OK);
    for (fsp_command_type_t type = FSP_COMMAND_SPACE_READY; type <= FSP_COMMAND_SPACE_GONE;
         type += FSP_COMMAND_SPACE_GONE - FSP_COMMAND_SPACE_READY) {
        command = system_command(type);
        command.subject = admin_id();
        command.system.space_id = space_of_number(1);
        ck_status(apply(&world, &command), FSP_FORBIDDEN);
    }
}
END_TEST

START_TEST(everybody_may_do_what_is_ones_own)
{
    ck_status(shard_add(1), FSP_OK);
    ck_status(account_set(2, "bob", false, true), FSP_OK);
    ck_status(account_set(3, "eve", false, true), FSP_OK);
    fsp_command_t command = system_command(FSP_COMMAND_SPACE_NEW);
    command.system.space_id = space_of_number(1);
    command.system.name = text("bobs");
    command.system.account = subject_id(2);
    command.system.init = text("init");
    fsp_command_t by_eve = command;
    by_eve.subject = subject_id(3);
    ck_status(apply(&world, &by_eve), FSP_FORBIDDEN);
    command.subject = subject_id(2);
    fsp_store_u64(command.op_id.bytes, ++world.last_op);
    ck_status(apply(&world, &command), FSP_OK);

    command = system_command(FSP_COMMAND_SPACE_CLOSE);
    command.system.space_id = space_of_number(1);
    command.subject = subject_id(3);
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    command = system_command(FSP_COMMAND_SPACE_CLOSE);
    command.system.space_id = space_of_number(2); /* not there: the same answer */
    command.subject = subject_id(3);
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    command = system_command(FSP_COMMAND_SPACE_CLOSE);
    command.system.space_id = space_of_number(1);
    command.subject = subject_id(2);
    ck_status(apply(&world, &command), FSP_OK);

    command = system_command(FSP_COMMAND_TOKEN);
    command.system.token = token_of(1);
    command.system.account = subject_id(2);
    command.subject = subject_id(3);
    ck_status(apply(&world, &command), FSP_FORBIDDEN);
    command = system_command(FSP_COMMAND_TOKEN);
    command.system.token = token_of(1);
    command.system.account = subject_id(2);
    command.subject = subject_id(2);
    ck_status(apply(&world, &command), FSP_OK);
    for (uint8_t who = 3; who >= 2; who--) {
        command = system_command(FSP_COMMAND_TOKEN_DROP);
        command.system.token = token_of(1);
        command.subject = subject_id(who);
        ck_status(apply(&world, &command), who == 2 ? FSP_OK : FSP_FORBIDDEN);
    }
}
END_TEST

/* -- exactly once and the feed ----------------------------------------------------------------- */

START_TEST(a_repeated_command_is_answered_from_the_table)
{
    ck_status(invite(1), FSP_OK);
    fsp_command_t command = join_command(1, 1);
    ck_status(apply(&world, &command), FSP_OK);
    fsp_result_t first = world.result;
    ck_status(about_node(FSP_COMMAND_REMOVE, 1), FSP_OK);
    command.attempt = 2;
    ck_status(apply(&world, &command), FSP_OK);
    ck_assert(world.result.repeated);
    ck_assert_uint_eq(world.result.number, first.number);
    ck_assert_uint_eq(world.rows_written, 1);
    command.request_digest = fsp_sha256(text("another request"));
    ck_status(apply(&world, &command), FSP_OP_REUSED);
}
END_TEST

START_TEST(answers_about_knowledge_are_not_kept)
{
    uint64_t kept = system_row().op_count;
    fsp_list_entry_t entry = {.node_id = node_of(0)};
    ck_status(list_add_entries(7, &entry, 1), FSP_LAYOUT);
    ck_status(synced(0, 7), FSP_LAYOUT);
    ck_status(report_level(0, 1), FSP_LEVEL);
    ck_assert_uint_eq(system_row().op_count, kept);
    ck_status(weigh(9, 1), FSP_NO_SUCH_NODE);
    ck_assert_uint_eq(system_row().op_count, kept + 1);
}
END_TEST

START_TEST(the_feed_names_every_change)
{
    ck_status(invite(1), FSP_OK);
    ck_status(join(1, 1), FSP_OK);
    ck_status(join(1, 2), FSP_SPENT); /* no change */
    ck_status(synced(1, 1), FSP_OK);
    uint32_t node = 1;
    ck_status(list_add(&node, 1), FSP_OK);
    static const struct {
        fsp_command_type_t operation;
        uint64_t layout_version;
    } expected[] = {{FSP_COMMAND_GENESIS, 1},
                    {FSP_COMMAND_INVITE, 1},
                    {FSP_COMMAND_JOIN, 1},
                    {FSP_COMMAND_NODE_SYNCED, 1},
                    {FSP_COMMAND_LIST_ADD, 2}};
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    query.subject = (fsp_subject_id_t){0};
    fsp_answer_t answer = ask(&world, &query);
    ck_status(answer.status, FSP_OK);
    ck_assert_uint_eq(answer.index, 5);
    ck_assert_uint_eq(answer.count, 5);
    fsp_hash_t previous = {0};
    for (size_t i = 0; i < 5; i++) {
        fsp_slice_t row = fsp_canon_read_bin(&answer.reader, FSP_VALUE_BYTES_MAX);
        fsp_system_change_t change;
        ck_status(fsp_system_change_decode(row, &change), FSP_OK);
        ck_assert_uint_eq(change.index, i + 1);
        ck_assert_int_eq(change.operation, expected[i].operation);
        ck_assert_uint_eq(change.layout_version, expected[i].layout_version);
        ck_assert(fsp_hash_eq(change.previous, previous));
        previous = fsp_sha256(row);
        if (i == 2)
            ck_assert(fsp_slice_eq(change.id, FSP_SLICE_OF(node_of(1))));
    }
    ck_status(fsp_canon_finish(&answer.reader), FSP_OK);
    ck_assert(fsp_hash_eq(previous, system_row().head_hash));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("system_members");
    TCase *tcase = tcase_create("bare");
    tcase_add_checked_fixture(tcase, set_up_system_bare, tear_down_system);
    tcase_add_test(tcase, genesis_refuses_what_makes_no_mesh);
    tcase_add_test(tcase, nothing_happens_before_genesis);
    tcase_add_test(tcase, nothing_happens_in_another_shard);
    tcase_add_test(tcase, genesis_keeps_settings);
    suite_add_tcase(suite, tcase);

    tcase = tcase_create("members");
    tcase_add_checked_fixture(tcase, set_up_system, tear_down_system);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, genesis_makes_a_mesh_of_one);
    tcase_add_test(tcase, genesis_happens_once);
    tcase_add_test(tcase, genesis_repeated_is_answered_again);
    tcase_add_test(tcase, an_invitation_admits_one);
    tcase_add_test(tcase, a_spent_code_stays_spent_until_it_is_void);
    tcase_add_test(tcase, a_refused_invite_drops_nothing);
    tcase_add_test(tcase, joining_is_refused_for_many_reasons);
    tcase_add_test(tcase, a_removed_node_never_comes_back);
    tcase_add_test(tcase, invite_refuses_what_admits_nobody);
    tcase_add_test(tcase, invitations_are_bounded);
    tcase_add_test(tcase, members_are_bounded);
    tcase_add_test(tcase, who_stores_nothing_is_active_at_once);
    tcase_add_test(tcase, a_level_below_that_of_the_mesh_is_refused);
    tcase_add_test(tcase, weight_and_zone_wait_for_the_next_list);
    tcase_add_test(tcase, only_admins_that_are_enabled_may);
    tcase_add_test(tcase, what_the_mesh_says_nobody_else_says);
    tcase_add_test(tcase, everybody_may_do_what_is_ones_own);
    tcase_add_test(tcase, a_repeated_command_is_answered_from_the_table);
    tcase_add_test(tcase, answers_about_knowledge_are_not_kept);
    tcase_add_test(tcase, the_feed_names_every_change);
    suite_add_tcase(suite, tcase);

    /* Ends in rows that this program must not read. */
    tcase = tcase_create("levels");
    tcase_add_checked_fixture(tcase, set_up_system, tear_down);
    tcase_add_test(tcase, the_mesh_waits_for_its_slowest_member);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
