/* SPDX-License-Identifier: MIT */
/* test_vectors_system - golden vectors of the system shard.  Layer tests.
 *
 * docs/protocol/commands-system.md.
 */
#include "tests/unit/proto/vectors_families.h"

enum { STORES = FSP_ROLE_STORAGE | FSP_ROLE_VOTER };

/* -- commands ---------------------------------------------------------------------------------- */

/* [1, time, slot bits, signing key, admin's key, random] in static memory. */
static fsp_slice_t
genesis_record(uint64_t slot_bits)
{
    static uint8_t bytes[256];
    fsp_hash_t key;
    fsp_buf_t buf;
    fsp_buf_init(&buf, sizeof(bytes));
    fsp_canon_array(&buf, 6);
    fsp_canon_uint(&buf, 1);
    fsp_canon_uint(&buf, TIME);
    fsp_canon_uint(&buf, slot_bits);
    for (int i = 0; i < 3; i++) {
        FILL(key, 0xe0 + i);
        fsp_canon_id(&buf, key);
    }
    memcpy(bytes, buf.data, buf.bytes);
    fsp_slice_t record = fsp_slice(bytes, buf.bytes);
    fsp_buf_clear(&buf);
    return record;
}

static void
make_genesis(json_t *entries)
{
    static const uint8_t record[] = {0x4e, 0x0d}, secret[] = {0x5e, 0xc4}, value[] = {0x01};
    const fsp_setting_t settings[] = {
        {fsp_slice_text("a"), fsp_slice(value, 1)},
        {fsp_slice_text("b.c"), fsp_slice(secret, 2)},
    };
    fsp_buf_t encoded;
    fsp_buf_init(&encoded, FSP_COMMAND_BYTES_MAX);
    fsp_settings_encode(settings, 2, &encoded);
    begin_command(FSP_COMMAND_GENESIS);
    command.system.genesis_record = genesis_record(16);
    command.system.copies = 3;
    command.system.level = 2;
    FILL(command.system.signing_key, 0xe0);
    FILL(command.system.store_id, 0x0f);
    command.system.roles = STORES | FSP_ROLE_GATEWAY;
    command.system.zone = 4;
    command.system.capacity = UINT64_C(1) << 40;
    command.system.member_record = fsp_slice(record, sizeof(record));
    FILL(command.system.account, 0x22);
    command.system.name = fsp_slice_text("admin");
    command.system.secret = fsp_slice(secret, sizeof(secret));
    command.system.settings = fsp_buf_slice(&encoded);
    add_command(entries, "genesis");
    command.system.level = 1;
    add_command(entries, "refused: genesis at level 1");
    command.system.level = 2;
    command.system.copies = 17;
    add_command(entries, "refused: genesis with 17 copies");
    command.system.copies = 3;
    FILL(command.system.signing_key, 0xe1);
    add_command(entries, "refused: genesis, another key in its record");
    FILL(command.system.signing_key, 0xe0);
    command.system.genesis_record = genesis_record(15);
    add_command(entries, "refused: genesis with 15 slot bits");
    command.system.genesis_record = genesis_record(16);
    command.system.roles = FSP_ROLE_GATEWAY;
    add_command(entries, "refused: genesis of a node that stores nothing");
    fsp_buf_clear(&encoded);
}

static void
make_joining(json_t *entries)
{
    static const uint8_t record[] = {0x4e, 0x0d};
    begin_command(FSP_COMMAND_INVITE);
    FILL(command.system.invitation, 0x1f);
    command.system.roles = STORES;
    command.system.zone = UINT32_MAX;
    command.system.capacity = INT64_MAX;
    command.system.expiry = TIME;
    add_command(entries, "invite");
    command.system.roles = FSP_ROLE_STORAGE | FSP_ROLE_WITNESS;
    add_command(entries, "refused: invite of a witness that stores");
    command.system.roles = STORES;
    command.system.capacity = 0;
    add_command(entries, "refused: invite of storage without room");
    command.system.roles = FSP_ROLE_WITNESS | FSP_ROLE_VOTER;
    add_command(entries, "refused: invite of a voter that stores nothing");
    begin_command(FSP_COMMAND_UNINVITE);
    FILL(command.system.invitation, 0x1f);
    add_command(entries, "uninvite");
    begin_command(FSP_COMMAND_JOIN);
    FILL(command.system.invitation, 0x1f);
    FILL(command.system.signing_key, 0xe1);
    FILL(command.system.store_id, 0x0f);
    command.system.capacity = UINT64_C(1) << 40;
    command.system.level = 2;
    command.system.member_record = fsp_slice(record, sizeof(record));
    add_command(entries, "join");
    command.system.level = 0;
    add_command(entries, "refused: join at level 0");
}

static void
make_lists(json_t *entries)
{
    fsp_list_entry_t members[2] = {{.inverse_weight = 0}, {.inverse_weight = UINT32_MAX}};
    FILL(members[0].node_id, 0xd0);
    FILL(members[1].node_id, 0xd1);
    fsp_buf_t list;
    fsp_buf_init(&list, FSP_COMMAND_BYTES_MAX);
    fsp_list_entries_encode(members, 2, &list);
    begin_command(FSP_COMMAND_LIST_ADD);
    command.system.list_version = 5;
    command.system.list = fsp_buf_slice(&list);
    add_command(entries, "list-add");
    fsp_buf_reset(&list);
    FILL(members[1].node_id, 0xd0);
    fsp_list_entries_encode(members, 2, &list);
    command.system.list = fsp_buf_slice(&list);
    add_command(entries, "refused: list-add, a node twice");
    fsp_buf_reset(&list);
    fsp_list_entries_encode(members, 0, &list);
    command.system.list = fsp_buf_slice(&list);
    add_command(entries, "refused: list-add of nobody");
    fsp_buf_clear(&list);
}

static void
make_node_orders(json_t *entries)
{
    static const struct {
        fsp_command_type_t type;
        const char *name;
    } orders[] = {
        {FSP_COMMAND_NODE_SYNCED, "node-synced"},
        {FSP_COMMAND_OUT, "out"},
        {FSP_COMMAND_WEIGHT, "weight"},
        {FSP_COMMAND_ZONE, "zone"},
        {FSP_COMMAND_DRAIN, "drain"},
        {FSP_COMMAND_REMOVE, "remove"},
        {FSP_COMMAND_NODE_LEVEL, "node-level"},
    };
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        begin_command(orders[i].type);
        FILL(command.system.node_id, 0xd0);
        command.system.list_version = 5;
        command.system.capacity = 1;
        command.system.zone = 6;
        command.system.level = 2;
        add_command(entries, orders[i].name);
    }
    begin_command(FSP_COMMAND_WEIGHT);
    FILL(command.system.node_id, 0xd0);
    add_command(entries, "refused: weight of nothing");
    begin_command(FSP_COMMAND_OUT);
    add_command(entries, "refused: out of the zero node");
    begin_command(FSP_COMMAND_SHARD_ADD);
    command.system.shard = 1;
    add_command(entries, "shard-add");
    FILL(command.space_id, 0x11);
    add_command(entries, "refused: shard-add of a space");
}

static void
make_space_orders(json_t *entries)
{
    static const uint8_t init[] = {0x9a};
    begin_command(FSP_COMMAND_SPACE_NEW);
    FILL(command.system.space_id, 0x11);
    command.system.name = fsp_slice_text("home");
    FILL(command.system.account, 0x22);
    command.system.init = fsp_slice(init, sizeof(init));
    add_command(entries, "space-new");
    command.system.name = fsp_slice_text("-");
    add_command(entries, "refused: space-new, a bad name");
    command.system.name = fsp_slice_text("home");
    command.system.init.bytes = 0;
    add_command(entries, "refused: space-new of nothing");
    begin_command(FSP_COMMAND_SPACE_READY);
    FILL(command.system.space_id, 0x11);
    add_command(entries, "space-ready");
    begin_command(FSP_COMMAND_SPACE_CLOSE);
    FILL(command.system.space_id, 0x11);
    command.system.grace = FSP_SPACE_GRACE_US_MAX;
    add_command(entries, "space-close in a year");
    command.system.drop = true;
    add_command(entries, "refused: space-close taken back, with a grace");
    command.system.grace = 0;
    add_command(entries, "space-close taken back");
    begin_command(FSP_COMMAND_SPACE_GONE);
    FILL(command.system.space_id, 0x11);
    add_command(entries, "space-gone");
}

static void
make_accounts(json_t *entries)
{
    static const uint8_t secret[] = {0x5e, 0xc4}, scope[] = {0x01};
    fsp_subject_id_t ids_of[2];
    FILL(ids_of[0], 0x22);
    FILL(ids_of[1], 0x23);
    fsp_buf_t accounts;
    fsp_buf_init(&accounts, FSP_COMMAND_BYTES_MAX);
    fsp_account_ids_encode(ids_of, 2, &accounts);
    begin_command(FSP_COMMAND_ACCOUNT);
    FILL(command.system.account, 0x22);
    command.system.name = fsp_slice_text("eva");
    command.system.enabled = true;
    command.system.secret = fsp_slice(secret, sizeof(secret));
    add_command(entries, "account");
    begin_command(FSP_COMMAND_GROUP);
    FILL(command.system.group, 0x80);
    command.system.name = fsp_slice_text("team");
    command.system.accounts = fsp_buf_slice(&accounts);
    add_command(entries, "group of two");
    command.system.drop = true;
    add_command(entries, "refused: group dropped, with accounts");
    fsp_buf_reset(&accounts);
    fsp_account_ids_encode(ids_of, 0, &accounts);
    command.system.accounts = fsp_buf_slice(&accounts);
    add_command(entries, "group dropped");
    fsp_buf_clear(&accounts);
    begin_command(FSP_COMMAND_TOKEN);
    FILL(command.system.token, 0x70);
    FILL(command.system.account, 0x22);
    command.system.scope = fsp_slice(scope, sizeof(scope));
    command.system.label = fsp_slice_text("d\xc3\xa9j\xc3\xa0");
    add_command(entries, "token that does not expire");
    begin_command(FSP_COMMAND_TOKEN_DROP);
    FILL(command.system.token, 0x70);
    add_command(entries, "token-drop");
    begin_command(FSP_COMMAND_SETTING);
    command.system.name = fsp_slice_text("a");
    add_command(entries, "setting deleted");
    command.system.value = fsp_slice(scope, sizeof(scope));
    add_command(entries, "setting");
}

/* -- rows -------------------------------------------------------------------------------------- */

static fsp_member_row_t
example_member(void)
{
    static const uint8_t record[] = {0x4e, 0x0d};
    fsp_member_row_t row = {.roles = STORES,
                            .zone = 4,
                            .capacity = UINT64_C(1) << 40,
                            .level = 2,
                            .state = FSP_MEMBER_ACTIVE,
                            .synced = 5,
                            .joined = 3,
                            .member_record = fsp_slice(record, sizeof(record))};
    FILL(row.signing_key, 0xe1);
    FILL(row.store_id, 0x0f);
    FILL(row.invitation, 0x1f);
    return row;
}

static fsp_shards_row_t
example_shard(void)
{
    fsp_shards_row_t row = {.slot = 40000, .list_version = 5, .space_count = 2, .replica_count = 2};
    for (size_t i = 0; i < 2; i++) {
        FILL(row.replicas[i].node_id, (int)(0xd0 + i));
        FILL(row.replicas[i].store_id, (int)(0x0e + i));
        row.replicas[i].number = 1 + i;
        row.replicas[i].role = (fsp_replica_role_t)(1 + i);
    }
    return row;
}

static void
make_member_rows(json_t *entries)
{
    fsp_system_row_t system = {.slot_bits = 16,
                               .copies = 3,
                               .layout_version = 5,
                               .level = 2,
                               .shard_count = 2,
                               .member_count = 3,
                               .admin_count = 1,
                               .change_index = 301,
                               .horizon = 12,
                               .op_count = 300};
    FILL(system.mesh_id, 0x3e);
    FILL(system.head_hash, 0xc0);
    ADD(entries, "system row", "row-system", fsp_system_row_encode, &system);
    system.copies = 0;
    ADD(entries, "refused: system row without copies", "row-system", fsp_system_row_encode,
        &system);
    fsp_member_row_t member = example_member();
    ADD(entries, "member row", "row-member", fsp_member_row_encode, &member);
    memset(&member.invitation, 0, sizeof(member.invitation));
    ADD(entries, "member row of the first member", "row-member", fsp_member_row_encode, &member);
    member.roles = FSP_ROLE_VOTER;
    ADD(entries, "refused: member row of a voter that stores nothing", "row-member",
        fsp_member_row_encode, &member);
    fsp_invitation_row_t invitation = {.roles = STORES,
                                       .zone = 4,
                                       .ceiling = INT64_MAX,
                                       .expiry = TIME,
                                       .state = FSP_INVITATION_OPEN};
    ADD(entries, "invitation row, open", "row-invitation", fsp_invitation_row_encode, &invitation);
    invitation.state = FSP_INVITATION_SPENT;
    ADD(entries, "refused: invitation row, spent by nobody", "row-invitation",
        fsp_invitation_row_encode, &invitation);
    FILL(invitation.node_id, 0xd1);
    ADD(entries, "invitation row, spent", "row-invitation", fsp_invitation_row_encode, &invitation);
    fsp_member_t members[2] = {{.zone = 4, .capacity_bytes = 7, .roles = STORES},
                               {.zone = 5, .inverse_weight = 9, .roles = FSP_ROLE_WITNESS}};
    FILL(members[0].node_id, 0xd0);
    FILL(members[1].node_id, 0xd1);
    const fsp_list_t list = {.members = members, .count = 2};
    ADD(entries, "list row", "row-list", fsp_list_row_encode, &list);
    vectors_add_hex(entries, "refused: list row of nobody", "row-list", "90");
    const fsp_shards_row_t shard = example_shard();
    ADD(entries, "shard row of two members", "row-placed-shard", fsp_shards_row_encode, &shard);
    vectors_add_hex(entries, "refused: shard row of nobody", "row-placed-shard", "9400010090");
}

static void
make_account_rows(json_t *entries)
{
    static const uint8_t bytes[] = {0x5e, 0xc4};
    fsp_directory_row_t space = {.name = fsp_slice_text("home"),
                                 .shard = 1,
                                 .state = FSP_DIRECTORY_CREATING,
                                 .init = fsp_slice(bytes, sizeof(bytes))};
    FILL(space.owner, 0x22);
    ADD(entries, "directory row, creating", "row-directory", fsp_directory_row_encode, &space);
    space.state = FSP_DIRECTORY_GONE;
    space.deadline = TIME;
    ADD(entries, "refused: directory row, gone with a name", "row-directory",
        fsp_directory_row_encode, &space);
    space.name.bytes = space.init.bytes = 0;
    memset(&space.owner, 0, sizeof(space.owner));
    ADD(entries, "directory row, gone", "row-directory", fsp_directory_row_encode, &space);
    const fsp_account_row_t account = {
        .name = fsp_slice_text("eva"), .enabled = true, .secret = fsp_slice(bytes, sizeof(bytes))};
    ADD(entries, "account row", "row-account", fsp_account_row_encode, &account);
    fsp_subject_id_t ids_of[2];
    FILL(ids_of[0], 0x22);
    FILL(ids_of[1], 0x23);
    fsp_buf_t accounts;
    fsp_buf_init(&accounts, FSP_VALUE_BYTES_MAX);
    fsp_account_ids_encode(ids_of, 2, &accounts);
    fsp_group_row_t group = {.name = fsp_slice_text("team"), .accounts = fsp_buf_slice(&accounts)};
    ADD(entries, "group row", "row-group", fsp_group_row_encode, &group);
    fsp_buf_reset(&accounts);
    FILL(ids_of[1], 0x22);
    fsp_account_ids_encode(ids_of, 2, &accounts);
    group.accounts = fsp_buf_slice(&accounts);
    ADD(entries, "refused: group row, an account twice", "row-group", fsp_group_row_encode, &group);
    fsp_buf_clear(&accounts);
    fsp_token_row_t token = {
        .scope = fsp_slice(bytes, 1), .label = fsp_slice_text("d\xc3\xa9j\xc3\xa0"), .made = TIME};
    FILL(token.account, 0x22);
    ADD(entries, "token row", "row-token", fsp_token_row_encode, &token);
    fsp_system_change_t row = {.index = 301,
                               .operation = FSP_COMMAND_SPACE_NEW,
                               .time = TIME,
                               .id = fsp_slice_text("0123456789abcdef"),
                               .layout_version = 5,
                               .level = 2};
    FILL(row.author, 0x22);
    FILL(row.op_id, 0x33);
    FILL(row.previous, 0xc0);
    ADD(entries, "change row of the system shard", "row-system-change", fsp_system_change_encode,
        &row);
    row.operation = FSP_COMMAND_PUT;
    ADD(entries, "refused: change row of the system shard: a put", "row-system-change",
        fsp_system_change_encode, &row);
}

static void
add_system_key(json_t *entries, const char *name, fsp_table_t table, const char *what,
               json_t *value)
{
    json_t *given = json_object();
    say_u64(given, "shard", 0);
    say_u64(given, "generation", 1);
    say_u64(given, "table", table);
    say(given, "space", json_string("00000000000000000000000000000000"));
    if (what)
        say(given, what, value);
    vectors_add_computed(entries, name, "row-key", given);
}

static void
make_keys(json_t *entries)
{
    add_system_key(entries, "key of the system row", FSP_TABLE_SYSTEM, NULL, NULL);
    add_system_key(entries, "key of a list row", FSP_TABLE_LAYOUT, "number_first", json_integer(5));
    add_system_key(entries, "key of a shard row: number of 4 octets", FSP_TABLE_SHARDS, "ids",
                   json_string("00000001"));
    add_system_key(entries, "key of a name row: table of what has it, name", FSP_TABLE_SYSTEM_NAME,
                   "ids", json_string("24686f6d65"));
    add_system_key(entries, "key of a setting row", FSP_TABLE_SETTING, "name", json_string("b.c"));
}

/* -- asking ------------------------------------------------------------------------------------ */

static void
add_rows(json_t *entries, const char *name, fsp_slice_t id, uint64_t number, fsp_buf_t *row)
{
    fsp_answering_t answering;
    fsp_answering_init(&answering);
    (void)fsp_answering_add_row(&answering, id, number, fsp_buf_slice(row));
    finish_answer(entries, name, "answer-row", &answering, FSP_OK);
    fsp_answering_clear(&answering);
    fsp_buf_reset(row);
}

static void
make_system_asking(json_t *entries)
{
    static const char *const names[] = {"members",         "layout", "invitations",
                                        "space-directory", "shards", "accounts"};
    for (int i = 0; i < 6; i++) {
        begin_query((fsp_query_type_t)(FSP_QUERY_MEMBERS + i));
        memset(&query.space_id, 0, sizeof(query.space_id));
        query.limit = 100;
        query.after_index = FSP_QUERY_MEMBERS + i == FSP_QUERY_LAYOUT ? 4 : 0;
        add_query(entries, names[i]);
    }
    begin_query((fsp_query_type_t)38);
    add_query(entries, "refused: query of type 38");
    fsp_node_id_t node_id;
    FILL(node_id, 0xd0);
    fsp_subject_id_t account_id;
    FILL(account_id, 0x22);
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_VALUE_BYTES_MAX);
    const fsp_member_row_t member = example_member();
    fsp_member_row_encode(&member, &row);
    add_rows(entries, "answer: members", FSP_SLICE_OF(node_id), 0, &row);
    const fsp_account_row_t account = {.name = fsp_slice_text("eva"), .enabled = true};
    fsp_account_row_encode(&account, &row);
    add_rows(entries, "answer: accounts", FSP_SLICE_OF(account_id), 0, &row);
    fsp_canon_array(&row, 5); /* the first item of LAYOUT */
    fsp_canon_id(&row, node_id);
    fsp_canon_uint(&row, 16);
    fsp_canon_uint(&row, 3);
    fsp_canon_uint(&row, 2);
    fsp_canon_uint(&row, 1);
    add_rows(entries, "answer: layout", (fsp_slice_t){0}, 5, &row);
    const fsp_shards_row_t shard = example_shard();
    fsp_shards_row_encode(&shard, &row);
    add_rows(entries, "answer: shards", (fsp_slice_t){0}, 0, &row);
    fsp_buf_clear(&row);
}

static void
make_system(json_t *entries)
{
    make_genesis(entries);
    make_joining(entries);
    make_lists(entries);
    make_node_orders(entries);
    make_space_orders(entries);
    make_accounts(entries);
    make_member_rows(entries);
    make_account_rows(entries);
    make_keys(entries);
    make_system_asking(entries);
}

static const vectors_kind_t kinds[] = {VECTORS_FAMILY_KINDS, {NULL, NULL, NULL}};

static const vectors_file_t files[] = {{"system", make_system}, {NULL, NULL}};

int
main(int argc, char **argv)
{
    return vectors_main("vectors_system", files, kinds, argc, argv);
}
