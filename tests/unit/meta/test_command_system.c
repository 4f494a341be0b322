/* SPDX-License-Identifier: MIT */
/* test_command_system - bytes of the system family.  Tests of core/meta. */
#include "core/base/prng.h"
#include "tests/unit/meta/system_world.h"

static fsp_buf_t list_bytes, account_bytes, setting_bytes, record_bytes;

static void
make_parts(void)
{
    fsp_list_entry_t entries[40];
    fsp_subject_id_t accounts[40];
    const fsp_setting_t settings[] = {{text("a"), text("1")}, {text("b"), text("2")}};
    for (uint32_t i = 0; i < 40; i++) {
        entries[i] = (fsp_list_entry_t){.node_id = node_of(i), .inverse_weight = i * 1000};
        accounts[i] = subject_id((uint8_t)(i + 1));
    }
    qsort(entries, 40, sizeof(*entries), compare_entries);
    fsp_buf_init(&list_bytes, 65536);
    fsp_buf_init(&account_bytes, 65536);
    fsp_buf_init(&setting_bytes, 65536);
    fsp_list_entries_encode(entries, 40, &list_bytes);
    fsp_account_ids_encode(accounts, 40, &account_bytes);
    fsp_settings_encode(settings, 2, &setting_bytes);
    (void)genesis_record(&record_bytes, 17);
}

static void
clear_parts(void)
{
    fsp_buf_clear(&list_bytes);
    fsp_buf_clear(&account_bytes);
    fsp_buf_clear(&setting_bytes);
    fsp_buf_clear(&record_bytes);
}

/* A command with every field of its body set to something that is valid. */
static fsp_command_t
full_command(fsp_command_type_t type)
{
    fsp_command_t command = genesis_command(fsp_buf_slice(&record_bytes));
    command.type = type;
    fsp_system_body_t *body = &command.system;
    body->settings = fsp_buf_slice(&setting_bytes);
    body->list = fsp_buf_slice(&list_bytes);
    body->accounts = fsp_buf_slice(&account_bytes);
    body->node_id = node_of(3);
    body->invitation = invitation_of(3);
    body->token = token_of(3);
    body->space_id = space_of_number(3);
    body->group = subject_id(77);
    body->shard = 5;
    body->list_version = 300;
    body->expiry = 70000;
    body->zone = 9;
    body->init = text("init");
    body->scope = text("scope");
    body->label = text("label");
    body->value = text("value");
    body->admin = true;
    body->grace = 5000;
    return command;
}

START_TEST(every_command_survives_its_bytes)
{
    fsp_command_t command = full_command((fsp_command_type_t)_i);
    fsp_buf_t bytes, again;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &bytes);
    fsp_command_t *decoded = FSP_NEW(fsp_command_t);
    ck_status(fsp_command_decode(fsp_buf_slice(&bytes), decoded), FSP_OK);
    fsp_command_encode(decoded, &again);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&bytes), fsp_buf_slice(&again)));
    /* No shorter one, no longer one. */
    for (size_t length = 0; length < bytes.bytes; length++)
        ck_assert_int_ne(fsp_command_decode(fsp_slice(bytes.data, length), decoded), FSP_OK);
    fsp_buf_append_u8(&bytes, 0);
    ck_status(fsp_command_decode(fsp_buf_slice(&bytes), decoded), FSP_INVALID);
    /* Under a space: these belong to none. */
    command.space_id = space_of_number(1);
    fsp_buf_reset(&bytes);
    fsp_command_encode(&command, &bytes);
    ck_status(fsp_command_decode(fsp_buf_slice(&bytes), decoded), FSP_INVALID);
    fsp_free(decoded);
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(changed_bytes_are_refused_or_mean_one_thing)
{
    fsp_prng_t dice;
    fsp_prng_init(&dice, fsp_suite_seed(5) + (unsigned)_i);
    fsp_command_t command = full_command((fsp_command_type_t)_i);
    fsp_buf_t bytes, again;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_buf_init(&again, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &bytes);
    fsp_command_t *decoded = FSP_NEW(fsp_command_t);
    for (unsigned round = 0; round < 4000; round++) {
        size_t at = fsp_prng_below(&dice, bytes.bytes);
        uint8_t before = bytes.data[at];
        bytes.data[at] ^= (uint8_t)(1u << fsp_prng_below(&dice, 8));
        if (fsp_command_decode(fsp_buf_slice(&bytes), decoded) == FSP_OK) {
            fsp_buf_reset(&again);
            fsp_command_encode(decoded, &again);
            ck_assert(fsp_slice_eq(fsp_buf_slice(&bytes), fsp_buf_slice(&again)));
        }
        bytes.data[at] = before;
    }
    fsp_free(decoded);
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&again);
}
END_TEST

/* One field that is wrong, and what it is called. */
static void
expect(fsp_command_type_t type, void (*spoil)(fsp_system_body_t *body), fsp_status_t expected)
{
    fsp_command_t command = full_command(type);
    spoil(&command.system);
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &bytes);
    ck_assert(fsp_buf_ok(&bytes));
    fsp_command_t *decoded = FSP_NEW(fsp_command_t);
    ck_status(fsp_command_decode(fsp_buf_slice(&bytes), decoded), expected);
    fsp_free(decoded);
    fsp_buf_clear(&bytes);
}

static uint8_t filler[8192];

#define SPOIL(name, statement)                                                                     \
    static void name(fsp_system_body_t *body)                                                      \
    {                                                                                              \
        statement;                                                                                 \
    }
SPOIL(zero_node, body->node_id = (fsp_node_id_t){0})
SPOIL(zero_invitation, body->invitation = (fsp_hash_t){0})
SPOIL(zero_key, body->signing_key = (fsp_hash_t){0})
SPOIL(zero_store, body->store_id = (fsp_store_id_t){0})
SPOIL(zero_space, body->space_id = (fsp_space_id_t){0})
SPOIL(zero_account, body->account = (fsp_subject_id_t){0})
SPOIL(zero_group, body->group = (fsp_subject_id_t){0})
SPOIL(zero_token, body->token = (fsp_hash_t){0})
SPOIL(zero_level, body->level = 0)
SPOIL(large_capacity, body->capacity = (uint64_t)INT64_MAX + 1)
SPOIL(long_record, body->member_record = fsp_slice(filler, FSP_MEMBER_RECORD_BYTES_MAX + 1))
SPOIL(long_genesis, body->genesis_record = fsp_slice(filler, FSP_GENESIS_RECORD_BYTES_MAX + 1))
SPOIL(long_secret, body->secret = fsp_slice(filler, FSP_ACCOUNT_SECRET_BYTES_MAX + 1))
SPOIL(long_init, body->init = fsp_slice(filler, FSP_SPACE_INIT_BYTES_MAX + 1))
SPOIL(long_scope, body->scope = fsp_slice(filler, FSP_TOKEN_SCOPE_BYTES_MAX + 1))
SPOIL(long_label, body->label = fsp_slice(filler, FSP_TOKEN_LABEL_BYTES_MAX + 1))
SPOIL(long_value, body->value = fsp_slice(filler, FSP_SETTING_BYTES_MAX + 1))
SPOIL(long_name, body->name = fsp_slice(filler, FSP_SPACE_NAME_BYTES_MAX + 1))
SPOIL(long_grace, body->grace = FSP_SPACE_GRACE_US_MAX + 1)
SPOIL(no_list, body->list = fsp_slice(empty_array, 1))

START_TEST(each_bound_is_judged)
{
    memset(filler, 'a', sizeof(filler));
    expect(FSP_COMMAND_OUT, zero_node, FSP_INVALID);
    expect(FSP_COMMAND_INVITE, zero_invitation, FSP_INVALID);
    expect(FSP_COMMAND_UNINVITE, zero_invitation, FSP_INVALID);
    expect(FSP_COMMAND_JOIN, zero_invitation, FSP_INVALID);
    expect(FSP_COMMAND_JOIN, zero_key, FSP_INVALID);
    expect(FSP_COMMAND_JOIN, zero_store, FSP_INVALID);
    expect(FSP_COMMAND_JOIN, zero_level, FSP_INVALID);
    expect(FSP_COMMAND_NODE_LEVEL, zero_level, FSP_INVALID);
    expect(FSP_COMMAND_JOIN, large_capacity, FSP_INVALID);
    expect(FSP_COMMAND_WEIGHT, large_capacity, FSP_INVALID);
    expect(FSP_COMMAND_JOIN, long_record, FSP_TOO_LARGE);
    expect(FSP_COMMAND_GENESIS, long_record, FSP_TOO_LARGE);
    expect(FSP_COMMAND_GENESIS, long_genesis, FSP_TOO_LARGE);
    expect(FSP_COMMAND_GENESIS, zero_account, FSP_INVALID);
    expect(FSP_COMMAND_SPACE_NEW, zero_space, FSP_INVALID);
    expect(FSP_COMMAND_SPACE_NEW, zero_account, FSP_INVALID);
    expect(FSP_COMMAND_SPACE_NEW, long_init, FSP_TOO_LARGE);
    expect(FSP_COMMAND_SPACE_NEW, long_name, FSP_TOO_LARGE);
    expect(FSP_COMMAND_SPACE_READY, zero_space, FSP_INVALID);
    expect(FSP_COMMAND_SPACE_CLOSE, long_grace, FSP_INVALID);
    expect(FSP_COMMAND_ACCOUNT, zero_account, FSP_INVALID);
    expect(FSP_COMMAND_ACCOUNT, long_secret, FSP_TOO_LARGE);
    expect(FSP_COMMAND_GROUP, zero_group, FSP_INVALID);
    expect(FSP_COMMAND_TOKEN, zero_token, FSP_INVALID);
    expect(FSP_COMMAND_TOKEN, long_scope, FSP_TOO_LARGE);
    expect(FSP_COMMAND_TOKEN, long_label, FSP_TOO_LARGE);
    expect(FSP_COMMAND_TOKEN_DROP, zero_token, FSP_INVALID);
    expect(FSP_COMMAND_SETTING, long_value, FSP_TOO_LARGE);
    expect(FSP_COMMAND_LIST_ADD, no_list, FSP_INVALID);
}
END_TEST

START_TEST(lists_are_bounded)
{
    static fsp_list_entry_t entries[FSP_SYSTEM_MEMBERS_MAX + 1];
    for (uint32_t i = 0; i <= FSP_SYSTEM_MEMBERS_MAX; i++) {
        entries[i] = (fsp_list_entry_t){.node_id = {{1}}, .inverse_weight = UINT32_MAX};
        fsp_store_u32(entries[i].node_id.bytes + 4, i);
    }
    for (size_t over = 0; over < 2; over++) {
        fsp_buf_t list, bytes;
        fsp_buf_init(&list, FSP_COMMAND_BYTES_MAX);
        fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
        fsp_list_entries_encode(entries, FSP_SYSTEM_MEMBERS_MAX + over, &list);
        fsp_command_t command = full_command(FSP_COMMAND_LIST_ADD);
        command.system.list = fsp_buf_slice(&list);
        fsp_command_encode(&command, &bytes);
        fsp_command_t *decoded = FSP_NEW(fsp_command_t);
        ck_status(fsp_command_decode(fsp_buf_slice(&bytes), decoded),
                  over ? FSP_TOO_LARGE : FSP_OK);
        fsp_free(decoded);
        fsp_buf_clear(&list);
        fsp_buf_clear(&bytes);
    }
}
END_TEST

START_TEST(roles_are_those_of_the_table)
{
    for (uint32_t roles = 0; roles < 40; roles++) {
        bool storage = roles & 1, voter = roles & 2, witness = roles & 8;
        bool valid = roles > 0 && roles < 16 && !(storage && witness) && (!voter || storage);
        ck_assert_int_eq(fsp_roles_valid(roles), valid);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("command_system");
    TCase *tcase = tcase_create("bytes");
    tcase_add_checked_fixture(tcase, make_parts, clear_parts);
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, every_command_survives_its_bytes, FSP_COMMAND_GENESIS,
                        FSP_COMMAND_SYSTEM_END);
    tcase_add_loop_test(tcase, changed_bytes_are_refused_or_mean_one_thing, FSP_COMMAND_GENESIS,
                        FSP_COMMAND_SYSTEM_END);
    tcase_add_test(tcase, each_bound_is_judged);
    tcase_add_test(tcase, lists_are_bounded);
    tcase_add_test(tcase, roles_are_those_of_the_table);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
