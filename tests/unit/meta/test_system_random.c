/* SPDX-License-Identifier: MIT */
/* test_system_random - random commands of the system shard; what must hold after each.  Tests of
   core/meta.

   Judged from outside, on rows and answers alone:
   - a layout version means one set of live lists for ever, and versions rise one by one;
   - live lists are appended at the new end; they retire all together, or not at all;
   - an invitation admits one node; a removed node is never a member again;
   - desired replicas of every shard are distinct members, an odd number of which vote;
   - refusals and repeated commands change nothing but the table of answers. */
#include "core/base/prng.h"
#include "tests/unit/meta/system_world.h"

enum { NODES = 24, INVITATIONS = 40, SPACES = 12, ACCOUNTS = 6, TOKENS = 10, STEPS = 2000 };

static fsp_prng_t dice;

/* What was seen so far. */
static struct {
    uint64_t versions[FSP_LISTS_HARD_MAX]; /* of the live lists */
    fsp_hash_t contents[FSP_LISTS_HARD_MAX];
    size_t list_count;
    uint64_t layout_version;
    uint32_t level;
    uint64_t change_index;
    bool removed[NODES];
    fsp_node_id_t admitted[INVITATIONS]; /* by which code; zero: nobody */
    uint64_t count[128];                 /* by status */
    uint64_t retired, appended, ok, refused;
} seen;

static uint32_t
below(uint32_t bound)
{
    return (uint32_t)fsp_prng_below(&dice, bound);
}

static fsp_hash_t
content_of(const fsp_list_t *list)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_VALUE_BYTES_MAX);
    fsp_list_row_encode(list, &buf);
    fsp_hash_t hash = fsp_sha256(fsp_buf_slice(&buf));
    fsp_buf_clear(&buf);
    return hash;
}

static void
check_replicas(const fsp_list_t *list)
{
    fsp_system_row_t system = system_row();
    for (uint32_t shard = 0; shard < system.shard_count && shard < 4; shard++) {
        fsp_replica_place_t places[FSP_REPLICAS_MAX];
        size_t count = fsp_desired_replicas(system.mesh_id, system.slot_bits,
                                            fsp_list_members(list), shard, places);
        size_t voters = 0;
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_lt(places[i].position, list->count);
            voters += places[i].role != FSP_REPLICA_SYNC_LEARNER;
            for (size_t j = 0; j < i; j++)
                ck_assert_uint_ne(places[i].position, places[j].position);
        }
        ck_assert_uint_eq(voters % 2, 1);
    }
}

/* Lists that were there are there unchanged, or all but the newest are gone. */
static void
check_lists(const fsp_system_row_t *row)
{
    fsp_list_t lists[FSP_LISTS_HARD_MAX];
    size_t count = live_lists(lists);
    ck_assert_uint_ge(count, 1);
    ck_assert_uint_le(row->layout_version, seen.layout_version + 1);
    ck_assert_uint_ge(row->layout_version, seen.layout_version);
    bool moved = row->layout_version != seen.layout_version;
    if (moved && count == 1 && seen.list_count > 1) {
        ck_assert_uint_eq(lists[0].version, seen.versions[seen.list_count - 1]);
        ck_assert(fsp_hash_eq(content_of(&lists[0]), seen.contents[seen.list_count - 1]));
        seen.retired++;
    } else {
        ck_assert_uint_eq(count, seen.list_count + moved);
        for (size_t i = 0; i < seen.list_count; i++) {
            ck_assert_uint_eq(lists[i].version, seen.versions[i]);
            ck_assert(fsp_hash_eq(content_of(&lists[i]), seen.contents[i]));
        }
        if (moved) {
            ck_assert_uint_eq(lists[count - 1].version, row->layout_version);
            seen.appended++;
        }
    }
    if (moved)
        check_replicas(&lists[count - 1]);
    seen.list_count = count;
    for (size_t i = 0; i < count; i++) {
        seen.versions[i] = lists[i].version;
        seen.contents[i] = content_of(&lists[i]);
        fsp_list_clear(&lists[i]);
    }
    seen.layout_version = row->layout_version;
}

static void
check_members(void)
{
    for (uint32_t node = 1; node < NODES; node++) {
        fsp_member_row_t row;
        if (member_row(node, &row) != FSP_OK)
            continue;
        ck_assert_msg(!seen.removed[node], "node %u is back", (unsigned)node);
        bool known = false;
        for (uint32_t code = 0; code < INVITATIONS; code++) {
            if (!fsp_hash_eq(row.invitation, invitation_of(code)))
                continue;
            known = true;
            if (fsp_node_id_is_zero(seen.admitted[code]))
                seen.admitted[code] = node_of(node);
            ck_assert_msg(fsp_node_id_eq(seen.admitted[code], node_of(node)),
                          "code %u admitted two", (unsigned)code);
        }
        ck_assert(known);
    }
}

static void
check_all(fsp_status_t status)
{
    fsp_system_row_t row = system_row();
    bool changed = row.change_index != seen.change_index;
    if (status != FSP_OK) {
        ck_assert(!changed);
        ck_assert_uint_eq(row.layout_version, seen.layout_version);
    }
    ck_assert_uint_le(row.change_index, seen.change_index + 1);
    ck_assert_uint_ge(row.level, seen.level);
    ck_assert_uint_eq(world.result.index, row.change_index);
    if (world.result.size > 0)
        ck_assert_uint_eq(world.result.size, row.change_index);
    seen.change_index = row.change_index;
    seen.level = row.level;
    check_lists(&row);
    check_members();
    *(status == FSP_OK ? &seen.ok : &seen.refused) += 1;
    seen.count[status]++;
}

/* -- steps ------------------------------------------------------------------------------------- */

static fsp_status_t
step_synced(void)
{
    fsp_list_t newest = newest_list(NULL);
    uint64_t version = below(8) ? newest.version : below((uint32_t)newest.version + 2);
    fsp_list_clear(&newest);
    return synced(below(NODES), version);
}

/* Lists whoever might be taken; now and then also somebody who is not. */
static fsp_status_t
step_list(void)
{
    uint32_t nodes[NODES];
    size_t count = 0;
    if (seen.list_count >= FSP_LISTS_MAX && below(8))
        return step_synced(); /* calibrating what will be refused takes most of the time */
    for (uint32_t node = 1; node < NODES; node++) {
        fsp_member_row_t row;
        if (member_row(node, &row) != FSP_OK || !fsp_member_listable(row.roles) ||
            row.state == FSP_MEMBER_ACTIVE)
            continue;
        if ((row.ready && below(4)) || below(12) == 0)
            nodes[count++] = node;
    }
    return list_add(nodes, count);
}

static fsp_status_t
step_invite(void)
{
    static const uint32_t roles[] = {FSP_ROLE_STORAGE, FSP_ROLE_STORAGE | FSP_ROLE_VOTER,
                                     FSP_ROLE_STORAGE | FSP_ROLE_GATEWAY, FSP_ROLE_GATEWAY,
                                     FSP_ROLE_WITNESS};
    /* Some pass before they are used; none is void before the end. */
    fsp_time_t expiry = world.time + (below(8) ? DAY : 20000);
    return invite_full(below(INVITATIONS), roles[below(5)], below(3), (1 + below(4)) * TIB, expiry);
}

static fsp_status_t
step_node(void)
{
    static const fsp_command_type_t types[] = {FSP_COMMAND_OUT, FSP_COMMAND_DRAIN,
                                               FSP_COMMAND_REMOVE};
    fsp_command_type_t type = types[below(3)];
    uint32_t node = below(NODES);
    fsp_status_t status = about_node(type, node);
    if (status == FSP_OK && type == FSP_COMMAND_REMOVE)
        seen.removed[node] = true;
    return status;
}

static fsp_status_t
step_space(void)
{
    uint32_t space = below(SPACES);
    switch (below(5)) {
    case 0:
        return space_new(space);
    case 1:
        return about_space(FSP_COMMAND_SPACE_READY, space);
    case 2:
        return about_space(FSP_COMMAND_SPACE_GONE, space);
    case 3:
        return space_close(space, true, below(2) ? 0 : 100000);
    default:
        return space_close(space, false, 0);
    }
}

static fsp_status_t
step_account(void)
{
    static const char *const names[] = {"admin", "ann", "bob", "cy", "dee", "eve"};
    uint8_t account = (uint8_t)(1 + below(ACCOUNTS));
    const uint8_t members[] = {account, (uint8_t)(account + 1)};
    switch (below(6)) {
    case 0:
        return group_set((uint8_t)(20 + below(3)), names[below(6)], members, 1 + below(2));
    case 1:
        return group_drop((uint8_t)(20 + below(3)));
    case 2:
        return token_make(below(TOKENS), account, 0);
    case 3:
        return token_drop(below(TOKENS));
    case 4:
        return setting_set(names[below(6)], below(2) ? "on" : "");
    default:
        return account_set(account, names[below(6)], below(2), below(4) > 0);
    }
}

static fsp_status_t
step(void)
{
    switch (below(12)) {
    case 0:
    case 1:
        return step_invite();
    case 2:
    case 3:
        return join(below(INVITATIONS), 1 + below(NODES - 1));
    case 4:
    case 5:
    case 6:
        return step_synced();
    case 7:
        return step_list();
    case 8:
        return below(3) ? weigh(below(NODES), (1 + below(4)) * TIB)
                        : move_zone(below(NODES), below(3));
    case 9:
        return below(3) == 0 ? step_node() : shard_add(below(6));
    case 10:
        return step_space();
    default:
        return below(6) ? step_account() : uninvite(below(INVITATIONS));
    }
}

/* The same command again: the same answer, nothing else. */
static void
repeat_last(fsp_status_t status)
{
    fsp_result_t first = world.result;
    if (!fsp_ops_keeps(status) || below(4))
        return;
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_buf_append_slice(&bytes, fsp_buf_slice(&world.bytes));
    fsp_command_t *command = FSP_NEW(fsp_command_t);
    if (fsp_command_decode(fsp_buf_slice(&bytes), command) == FSP_OK) {
        ck_status(apply_bytes(&world, fsp_buf_slice(&bytes)), status);
        ck_assert(world.result.repeated);
        ck_assert_uint_eq(world.result.index, first.index);
        ck_assert_uint_eq(world.result.number, first.number);
        ck_assert_uint_eq(world.rows_written, 1);
    }
    fsp_free(command);
    fsp_buf_clear(&bytes);
}

START_TEST(whatever_happens_the_invariants_hold)
{
    fsp_prng_init(&dice, fsp_suite_seed(20250) + (unsigned)_i);
    memset(&seen, 0, sizeof(seen));
    fsp_system_row_t row = system_row();
    seen.change_index = row.change_index;
    seen.level = row.level;
    seen.list_count = 0;
    seen.layout_version = 0;
    check_lists(&row);
    for (unsigned i = 0; i < STEPS; i++) {
        fsp_status_t status = step();
        check_all(status);
        repeat_last(status);
        if (i % 50 == 49)
            ck_assert_uint_eq(count_faults(), 0);
    }
    /* A run that never did anything has shown nothing. */
    ck_assert_uint_gt(seen.appended, 10);
    ck_assert_uint_gt(seen.retired, 0);
    ck_assert_uint_gt(seen.ok, STEPS / 5);
    ck_assert_uint_gt(seen.count[FSP_SPENT], 0);
    ck_assert_uint_gt(seen.count[FSP_FORBIDDEN], 0);
    ck_assert_uint_gt(seen.count[FSP_PENDING], 0);
    ck_assert_uint_gt(seen.count[FSP_LAYOUT], 0);
    ck_assert_uint_gt(seen.count[FSP_MISMATCH], 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("system_random");
    TCase *tcase = tcase_create("random");
    tcase_add_checked_fixture(tcase, set_up_system, tear_down_system);
    tcase_set_timeout(tcase, 600);
    tcase_add_loop_test(tcase, whatever_happens_the_invariants_hold, 0, 3);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
