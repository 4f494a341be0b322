/* SPDX-License-Identifier: MIT */
/* system_world - a system shard in memory for the suites of core/meta.  Tests. */
#ifndef FSP_TESTS_UNIT_META_SYSTEM_WORLD_H
#define FSP_TESTS_UNIT_META_SYSTEM_WORLD_H
#include "core/meta/audit.h"
#include "core/meta/query_system.h"
#include "core/meta/replicas.h"
#include "core/meta/rows_system.h"
#include "core/place/share.h"
#include "tests/unit/meta/meta_world.h"

#define SECOND ((fsp_time_t)1000 * 1000)
#define DAY (24 * 3600 * SECOND)
#define TIB ((uint64_t)1 << 40)

static inline fsp_hash_t
key_of(uint32_t number)
{
    fsp_hash_t key = {{0x6e}};
    fsp_store_u32(key.bytes + 8, number);
    return key;
}

static inline fsp_node_id_t
node_of(uint32_t number)
{
    return fsp_system_node_id(key_of(number));
}

static inline fsp_hash_t
invitation_of(uint32_t number)
{
    fsp_hash_t key = {{0x1a}};
    fsp_store_u32(key.bytes + 8, number);
    return key;
}

static inline fsp_store_id_t
store_of(uint32_t number)
{
    fsp_store_id_t id = {{0x57}};
    fsp_store_u32(id.bytes + 8, number);
    return id;
}

static inline fsp_space_id_t
space_of_number(uint32_t number)
{
    fsp_space_id_t id = {{0x5b}};
    fsp_store_u32(id.bytes + 8, number);
    return id;
}

static inline fsp_hash_t
token_of(uint32_t number)
{
    fsp_hash_t id = {{0x70}};
    fsp_store_u32(id.bytes + 8, number);
    return id;
}

/* The admin of the mesh. */
static inline fsp_subject_id_t
admin_id(void)
{
    return subject_id(1);
}

/* A command of the mesh itself. */
static inline fsp_command_t
system_command(fsp_command_type_t type)
{
    fsp_command_t command = new_command(&world, type);
    command.subject = (fsp_subject_id_t){0};
    return command;
}

/* -- commands ---------------------------------------------------------------------------------- */

/* A genesis record of the first member, key_of(0); bytes live in *buf. */
static inline fsp_slice_t
genesis_record(fsp_buf_t *buf, uint32_t slot_bits)
{
    fsp_buf_init(buf, FSP_GENESIS_RECORD_BYTES_MAX);
    fsp_canon_array(buf, 6);
    fsp_canon_uint(buf, 1);
    fsp_canon_uint(buf, 1000);
    fsp_canon_uint(buf, slot_bits);
    fsp_canon_id(buf, key_of(0));
    fsp_canon_id(buf, invitation_of(0));
    fsp_canon_id(buf, token_of(0));
    return fsp_buf_slice(buf);
}

/* No settings, no accounts: an empty array. */
static const uint8_t empty_array[1] = {0x90};

static inline fsp_command_t
genesis_command(fsp_slice_t record)
{
    fsp_command_t command = system_command(FSP_COMMAND_GENESIS);
    command.system.genesis_record = record;
    command.system.copies = 3;
    command.system.level = FSP_FEATURE_LEVEL;
    command.system.signing_key = key_of(0);
    command.system.store_id = store_of(0);
    command.system.roles = FSP_ROLE_STORAGE | FSP_ROLE_VOTER | FSP_ROLE_GATEWAY;
    command.system.capacity = TIB;
    command.system.member_record = text("record 0");
    command.system.account = admin_id();
    command.system.name = text("admin");
    command.system.secret = text("sealed");
    command.system.settings = fsp_slice(empty_array, 1);
    return command;
}

static inline fsp_status_t
genesis(void)
{
    fsp_buf_t record;
    fsp_command_t command = genesis_command(genesis_record(&record, 16));
    fsp_status_t status = apply(&world, &command);
    fsp_buf_clear(&record);
    return status;
}

static inline fsp_status_t
invite_full(uint32_t number, uint32_t roles, uint32_t zone, uint64_t ceiling, fsp_time_t expiry)
{
    fsp_command_t command = system_command(FSP_COMMAND_INVITE);
    command.system.invitation = invitation_of(number);
    command.system.roles = roles;
    command.system.zone = zone;
    command.system.capacity = ceiling;
    command.system.expiry = expiry;
    return apply(&world, &command);
}

static inline fsp_status_t
invite(uint32_t number)
{
    return invite_full(number, FSP_ROLE_STORAGE | FSP_ROLE_VOTER, 0, 8 * TIB, world.time + DAY);
}

static inline fsp_status_t
uninvite(uint32_t number)
{
    fsp_command_t command = system_command(FSP_COMMAND_UNINVITE);
    command.system.invitation = invitation_of(number);
    return apply(&world, &command);
}

static inline fsp_command_t
join_command(uint32_t invitation, uint32_t node)
{
    fsp_command_t command = system_command(FSP_COMMAND_JOIN);
    command.system.invitation = invitation_of(invitation);
    command.system.signing_key = key_of(node);
    command.system.store_id = store_of(node);
    command.system.capacity = TIB;
    command.system.level = FSP_FEATURE_LEVEL;
    command.system.member_record = text("record");
    return command;
}

static inline fsp_status_t
join(uint32_t invitation, uint32_t node)
{
    fsp_command_t command = join_command(invitation, node);
    return apply(&world, &command);
}

static inline fsp_status_t
about_node(fsp_command_type_t type, uint32_t node)
{
    fsp_command_t command = system_command(type);
    command.system.node_id = node_of(node);
    return apply(&world, &command);
}

static inline fsp_status_t
synced(uint32_t node, uint64_t version)
{
    fsp_command_t command = system_command(FSP_COMMAND_NODE_SYNCED);
    command.system.node_id = node_of(node);
    command.system.list_version = version;
    return apply(&world, &command);
}

static inline fsp_status_t
report_level(uint32_t node, uint32_t level)
{
    fsp_command_t command = system_command(FSP_COMMAND_NODE_LEVEL);
    command.system.node_id = node_of(node);
    command.system.level = level;
    return apply(&world, &command);
}

static inline fsp_status_t
weigh(uint32_t node, uint64_t capacity)
{
    fsp_command_t command = system_command(FSP_COMMAND_WEIGHT);
    command.system.node_id = node_of(node);
    command.system.capacity = capacity;
    return apply(&world, &command);
}

static inline fsp_status_t
move_zone(uint32_t node, uint32_t zone)
{
    fsp_command_t command = system_command(FSP_COMMAND_ZONE);
    command.system.node_id = node_of(node);
    command.system.zone = zone;
    return apply(&world, &command);
}

static inline fsp_status_t
shard_add(uint32_t number)
{
    fsp_command_t command = system_command(FSP_COMMAND_SHARD_ADD);
    command.system.shard = number;
    return apply(&world, &command);
}

static inline fsp_status_t
space_new_named(uint32_t number, const char *name)
{
    fsp_command_t command = system_command(FSP_COMMAND_SPACE_NEW);
    command.system.space_id = space_of_number(number);
    command.system.name = text(name);
    command.system.account = admin_id();
    command.system.init = text("init");
    return apply(&world, &command);
}

static inline fsp_status_t
space_new(uint32_t number)
{
    char name[24];
    (void)snprintf(name, sizeof(name), "space-%u", (unsigned)number);
    return space_new_named(number, name);
}

static inline fsp_status_t
about_space(fsp_command_type_t type, uint32_t number)
{
    fsp_command_t command = system_command(type);
    command.system.space_id = space_of_number(number);
    return apply(&world, &command);
}

static inline fsp_status_t
space_close(uint32_t number, bool closes, fsp_time_t grace)
{
    fsp_command_t command = system_command(FSP_COMMAND_SPACE_CLOSE);
    command.system.space_id = space_of_number(number);
    command.system.drop = !closes;
    command.system.grace = grace;
    return apply(&world, &command);
}

static inline fsp_status_t
account_set(uint8_t number, const char *name, bool admin, bool enabled)
{
    fsp_command_t command = system_command(FSP_COMMAND_ACCOUNT);
    command.system.account = subject_id(number);
    command.system.name = text(name);
    command.system.admin = admin;
    command.system.enabled = enabled;
    command.system.secret = text("sealed");
    return apply(&world, &command);
}

static inline fsp_status_t
group_set(uint8_t number, const char *name, const uint8_t *accounts, size_t count)
{
    fsp_subject_id_t ids[32];
    fsp_buf_t list;
    fsp_buf_init(&list, 4096);
    for (size_t i = 0; i < count; i++)
        ids[i] = subject_id(accounts[i]);
    fsp_account_ids_encode(ids, count, &list);
    fsp_command_t command = system_command(FSP_COMMAND_GROUP);
    command.system.group = subject_id(number);
    command.system.name = text(name);
    command.system.accounts = fsp_buf_slice(&list);
    fsp_status_t status = apply(&world, &command);
    fsp_buf_clear(&list);
    return status;
}

static inline fsp_status_t
group_drop(uint8_t number)
{
    fsp_command_t command = system_command(FSP_COMMAND_GROUP);
    command.system.group = subject_id(number);
    command.system.name = text("any");
    command.system.drop = true;
    command.system.accounts = fsp_slice(empty_array, 1);
    return apply(&world, &command);
}

static inline fsp_status_t
token_make(uint32_t number, uint8_t account, fsp_time_t expiry)
{
    fsp_command_t command = system_command(FSP_COMMAND_TOKEN);
    command.system.token = token_of(number);
    command.system.account = subject_id(account);
    command.system.expiry = expiry;
    command.system.label = text("laptop");
    return apply(&world, &command);
}

static inline fsp_status_t
token_drop(uint32_t number)
{
    fsp_command_t command = system_command(FSP_COMMAND_TOKEN_DROP);
    command.system.token = token_of(number);
    return apply(&world, &command);
}

static inline fsp_status_t
setting_set(const char *name, const char *value)
{
    fsp_command_t command = system_command(FSP_COMMAND_SETTING);
    command.system.name = text(name);
    command.system.value = text(value);
    return apply(&world, &command);
}

/* -- rows -------------------------------------------------------------------------------------- */

/* The value of a row, in *buf; NOT_FOUND. */
static inline fsp_status_t
read_row(fsp_table_t table, fsp_slice_t id, fsp_buf_t *buf)
{
    fsp_row_key_t key = fsp_row_key(world.shard, table, (fsp_space_id_t){0});
    fsp_row_key_add(&key, id);
    fsp_buf_init(buf, FSP_VALUE_BYTES_MAX);
    return fsp_view_get(fsp_memview_view(world.rows), fsp_row_key_slice(&key), buf);
}

static inline fsp_system_row_t
system_row(void)
{
    fsp_buf_t buf;
    fsp_system_row_t row;
    ck_assert_int_eq(read_row(FSP_TABLE_SYSTEM, (fsp_slice_t){0}, &buf), FSP_OK);
    ck_assert_int_eq(fsp_system_row_decode(fsp_buf_slice(&buf), &row), FSP_OK);
    fsp_buf_clear(&buf);
    return row;
}

/* Without its record, which lives in freed memory. */
static inline fsp_status_t
member_row(uint32_t node, fsp_member_row_t *ret)
{
    fsp_buf_t buf;
    fsp_status_t status = read_row(FSP_TABLE_MEMBER, FSP_SLICE_OF(node_of(node)), &buf);
    if (status == FSP_OK)
        ck_assert_int_eq(fsp_member_row_decode(fsp_buf_slice(&buf), ret), FSP_OK);
    ret->member_record = (fsp_slice_t){0};
    fsp_buf_clear(&buf);
    return status;
}

static inline fsp_member_row_t
need_member(uint32_t node)
{
    fsp_member_row_t row;
    ck_assert_int_eq(member_row(node, &row), FSP_OK);
    return row;
}

/* All live lists, oldest first; clear each.  Returns how many. */
static inline size_t
live_lists(fsp_list_t ret[FSP_LISTS_HARD_MAX])
{
    fsp_row_key_t from = fsp_row_key(world.shard, FSP_TABLE_LAYOUT, (fsp_space_id_t){0});
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    size_t count = 0;
    fsp_cursor_t *cursor = fsp_view_scan(fsp_memview_view(world.rows), fsp_row_key_slice(&from),
                                         fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        ck_assert_uint_lt(count, FSP_LISTS_HARD_MAX);
        ck_assert_int_eq(fsp_list_row_decode(cursor->value, &ret[count]), FSP_OK);
        ret[count++].version = fsp_load_u64(cursor->key.data + FSP_ROW_PREFIX_BYTES);
    }
    fsp_cursor_destroy(&cursor);
    return count;
}

/* The newest list; to be cleared.  *ret_count: live lists. */
static inline fsp_list_t
newest_list(size_t *ret_count)
{
    fsp_list_t lists[FSP_LISTS_HARD_MAX];
    size_t count = live_lists(lists);
    ck_assert_uint_gt(count, 0);
    for (size_t i = 0; i + 1 < count; i++)
        fsp_list_clear(&lists[i]);
    if (ret_count)
        *ret_count = count;
    return lists[count - 1];
}

/* -- lists ------------------------------------------------------------------------------------- */

static inline int
compare_entries(const void *a, const void *b)
{
    return fsp_node_id_cmp(((const fsp_list_entry_t *)a)->node_id,
                           ((const fsp_list_entry_t *)b)->node_id);
}

static inline fsp_status_t
list_add_entries(uint64_t base, fsp_list_entry_t *entries, size_t count)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    qsort(entries, count, sizeof(*entries), compare_entries);
    fsp_list_entries_encode(entries, count, &bytes);
    fsp_command_t command = system_command(FSP_COMMAND_LIST_ADD);
    command.system.list_version = base;
    command.system.list = fsp_buf_slice(&bytes);
    fsp_status_t status = apply(&world, &command);
    fsp_buf_clear(&bytes);
    return status;
}

/* Proposes the newest list with these nodes besides, calibrated as a leader does it. */
static inline fsp_status_t
list_add(const uint32_t *nodes, size_t count)
{
    fsp_list_t newest = newest_list(NULL);
    fsp_system_row_t system = system_row();
    fsp_member_t members[256];
    fsp_list_entry_t entries[256];
    size_t total = newest.count + count;
    ck_assert_uint_le(total, 256);
    memset(members, 0, sizeof(members));
    for (size_t i = 0; i < newest.count; i++)
        members[i] = newest.members[i];
    for (size_t i = 0; i < count; i++)
        members[newest.count + i].node_id = node_of(nodes[i]);
    fsp_list_clear(&newest);
    for (size_t i = 0; i < total; i++) {
        fsp_buf_t buf;
        fsp_member_row_t row;
        ck_assert_int_eq(read_row(FSP_TABLE_MEMBER, FSP_SLICE_OF(members[i].node_id), &buf),
                         FSP_OK);
        ck_assert_int_eq(fsp_member_row_decode(fsp_buf_slice(&buf), &row), FSP_OK);
        fsp_buf_clear(&buf);
        members[i].roles = row.roles;
        members[i].zone = row.zone;
        members[i].capacity_bytes = row.capacity;
    }
    fsp_place_calibrate(system.mesh_id, system.slot_bits, members, total, system.copies);
    for (size_t i = 0; i < total; i++)
        entries[i] = (fsp_list_entry_t){.node_id = members[i].node_id,
                                        .inverse_weight = members[i].inverse_weight};
    return list_add_entries(system.layout_version, entries, total);
}

/* Invites, admits, syncs and lists one storage node. */
static inline void
add_storage(uint32_t node)
{
    ck_status(invite(node), FSP_OK);
    ck_status(join(node, node), FSP_OK);
    fsp_list_t newest = newest_list(NULL);
    ck_status(synced(node, newest.version), FSP_OK);
    fsp_list_clear(&newest);
    ck_status(list_add(&node, 1), FSP_OK);
}

/* All that store in the newest list report it: older lists retire. */
static inline void
sync_all(uint32_t node_max)
{
    fsp_list_t newest = newest_list(NULL);
    for (uint32_t node = 0; node <= node_max; node++) {
        fsp_member_row_t row;
        if (member_row(node, &row) == FSP_OK && row.state == FSP_MEMBER_ACTIVE &&
            (row.roles & FSP_ROLE_STORAGE))
            ck_status(synced(node, newest.version), FSP_OK);
    }
    fsp_list_clear(&newest);
}

/* -- audit ------------------------------------------------------------------------------------- */

static inline void
fault_seen(void *context, const fsp_fault_t *fault)
{
    size_t *count = context;
    if (++*count <= 5)
        fprintf(stderr, "fault %s: %s\n", fault->kind, fault->what);
}

static inline size_t
count_faults(void)
{
    size_t count = 0;
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), fault_seen, &count, &counts);
    return count;
}

/* -- life -------------------------------------------------------------------------------------- */

static inline void
set_up_system_bare(void)
{
    world_init_bare(&world);
    world.shard = (fsp_shard_ref_t){.shard = FSP_SYSTEM_SHARD, .generation = 1};
    world.space_id = (fsp_space_id_t){0};
}

static inline void
set_up_system(void)
{
    set_up_system_bare();
    ck_status(genesis(), FSP_OK);
    ck_assert_uint_eq(world.result.index, 1);
}

/* Every test ends with an audit: whatever it did, the rows fit each other. */
static inline void
tear_down_system(void)
{
    ck_assert_uint_eq(count_faults(), 0);
    world_clear(&world);
}
#endif
