/* SPDX-License-Identifier: MIT */
/* test_system_layout - lists, their retirement, shards and their replicas.  Tests of core/meta. */
#include "core/base/prng.h"
#include "tests/unit/meta/system_world.h"

static size_t
list_count(void)
{
    fsp_list_t lists[FSP_LISTS_HARD_MAX];
    size_t count = live_lists(lists);
    for (size_t i = 0; i < count; i++)
        fsp_list_clear(&lists[i]);
    return count;
}

/* A storage node that has been admitted and is ready. */
static void
admit(uint32_t node)
{
    ck_status(invite(node), FSP_OK);
    ck_status(join(node, node), FSP_OK);
    fsp_list_t newest = newest_list(NULL);
    ck_status(synced(node, newest.version), FSP_OK);
    fsp_list_clear(&newest);
}

static void
admit_witness(uint32_t node)
{
    ck_status(invite_full(node, FSP_ROLE_WITNESS, 0, TIB, world.time + DAY), FSP_OK);
    ck_status(join(node, node), FSP_OK);
}

/* -- LIST_ADD ---------------------------------------------------------------------------------- */

START_TEST(a_list_is_appended_and_the_old_one_stays)
{
    admit(1);
    const uint32_t node = 1;
    ck_status(list_add(&node, 1), FSP_OK);
    ck_assert_uint_eq(world.result.number, 2);
    size_t lists;
    fsp_list_t list = newest_list(&lists);
    ck_assert_uint_eq(lists, 2);
    ck_assert_uint_eq(list.version, 2);
    ck_assert_uint_eq(list.count, 2);
    ck_assert(fsp_node_id_eq(list.members[0].node_id, node_of(0))); /* by age, not by id */
    ck_assert(fsp_node_id_eq(list.members[1].node_id, node_of(1)));
    fsp_list_clear(&list);
    ck_assert_int_eq(need_member(1).state, FSP_MEMBER_ACTIVE);
    ck_assert(!need_member(1).ready);
}
END_TEST

START_TEST(elders_come_first_whatever_their_ids)
{
    for (uint32_t node = 1; node <= 9; node++) {
        add_storage(node);
        sync_all(node);
    }
    fsp_list_t list = newest_list(NULL);
    bool by_id = true;
    for (uint32_t i = 0; i < list.count; i++) {
        ck_assert(fsp_node_id_eq(list.members[i].node_id, node_of(i)));
        by_id &=
            i == 0 || fsp_node_id_cmp(list.members[i - 1].node_id, list.members[i].node_id) < 0;
    }
    ck_assert(!by_id); /* else this test could not tell */
    fsp_list_clear(&list);
}
END_TEST

START_TEST(list_add_is_refused_for_many_reasons)
{
    fsp_list_entry_t entries[3] = {{.node_id = node_of(0)}, {.node_id = node_of(1)}};
    ck_status(list_add_entries(2, entries, 1), FSP_LAYOUT);
    ck_status(list_add_entries(1, entries, 2), FSP_NO_SUCH_NODE);
    ck_status(invite(1), FSP_OK);
    ck_status(join(1, 1), FSP_OK);
    entries[0].node_id = node_of(0), entries[1].node_id = node_of(1);
    ck_status(list_add_entries(1, entries, 2), FSP_PENDING); /* not ready */
    ck_status(synced(1, 1), FSP_OK);
    entries[0].node_id = node_of(1);
    ck_status(list_add_entries(1, entries, 1), FSP_MISMATCH); /* node 0 is not named */
    ck_status(invite_full(2, FSP_ROLE_GATEWAY, 0, TIB, world.time + DAY), FSP_OK);
    ck_status(join(2, 2), FSP_OK);
    entries[0].node_id = node_of(0), entries[1].node_id = node_of(2);
    ck_status(list_add_entries(1, entries, 2), FSP_INVALID); /* a gateway */
    entries[0].node_id = node_of(0);
    ck_status(list_add_entries(1, entries, 1), FSP_OK); /* as it is: no change */
    ck_assert_uint_eq(world.result.number, 1);
    ck_assert_uint_eq(list_count(), 1);
    /* Twice the same node, or none. */
    entries[0].node_id = entries[1].node_id = node_of(0);
    ck_status(list_add_entries(1, entries, 2), FSP_INVALID);
    ck_status(list_add_entries(1, entries, 0), FSP_INVALID);
    ck_assert_int_eq(need_member(1).state, FSP_MEMBER_JOINING);
    ck_assert(need_member(1).ready); /* no refusal took it away */
}
END_TEST

START_TEST(a_list_that_is_out_of_balance_is_refused)
{
    for (uint32_t node = 1; node <= 4; node++)
        add_storage(node);
    sync_all(4);
    fsp_system_row_t system = system_row();
    fsp_list_t list = newest_list(NULL);
    fsp_list_entry_t entries[5];
    for (size_t i = 0; i < 5; i++)
        entries[i] = (fsp_list_entry_t){.node_id = list.members[i].node_id,
                                        .inverse_weight = list.members[i].inverse_weight};
    entries[0].inverse_weight = 0; /* always an owner: 1.67 of its target */
    fsp_list_clear(&list);
    ck_status(list_add_entries(system.layout_version, entries, 5), FSP_MISMATCH);
    ck_assert_uint_eq(list_count(), 1);
    ck_assert_uint_eq(system_row().layout_version, system.layout_version);
}
END_TEST

START_TEST(a_list_that_cannot_be_balanced_is_taken)
{
    /* Three members of 1, 1 and 100: everybody owns everything, whatever the weights are. */
    ck_status(weigh(0, 8 * TIB), FSP_OK);
    add_storage(1);
    add_storage(2);
    fsp_list_t list = newest_list(NULL);
    ck_assert_uint_eq(list.count, 3);
    fsp_list_clear(&list);
}
END_TEST

START_TEST(at_eight_lists_only_leaving_is_taken)
{
    for (uint32_t node = 1; node <= 7; node++)
        add_storage(node);
    ck_assert_uint_eq(list_count(), FSP_LISTS_MAX);
    admit(8);
    const uint32_t node = 8;
    ck_status(list_add(&node, 1), FSP_PENDING);
    ck_status(about_node(FSP_COMMAND_OUT, 7), FSP_OK);
    ck_status(about_node(FSP_COMMAND_DRAIN, 6), FSP_OK);
    ck_status(about_node(FSP_COMMAND_REMOVE, 5), FSP_OK);
    ck_assert_uint_eq(list_count(), FSP_LISTS_MAX + 3);
    ck_status(list_add(&node, 1), FSP_PENDING);
    sync_all(8);
    ck_assert_uint_eq(list_count(), 1);
    ck_status(list_add(&node, 1), FSP_OK);
}
END_TEST

START_TEST(thirty_two_lists_are_the_end)
{
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t node = 1; node <= 7; node++)
            add_storage(round * 7 + node);
        if (round < 4)
            sync_all(35);
    }
    ck_assert_uint_eq(list_count(), 8);
    uint32_t node = 35;
    for (; list_count() < FSP_LISTS_HARD_MAX; node--)
        ck_status(about_node(FSP_COMMAND_OUT, node), FSP_OK);
    uint64_t version = system_row().layout_version;
    ck_status(about_node(FSP_COMMAND_OUT, node), FSP_PENDING);
    ck_status(about_node(FSP_COMMAND_DRAIN, node), FSP_PENDING);
    ck_status(about_node(FSP_COMMAND_REMOVE, node), FSP_PENDING);
    ck_assert_int_eq(need_member(node).state, FSP_MEMBER_ACTIVE);
    ck_assert_uint_eq(system_row().layout_version, version);
    /* Who is in no list may go. */
    ck_status(about_node(FSP_COMMAND_REMOVE, 35), FSP_OK);
    sync_all(35);
    ck_status(about_node(FSP_COMMAND_OUT, node), FSP_OK);
}
END_TEST

/* -- NODE_SYNCED ------------------------------------------------------------------------------- */

START_TEST(lists_retire_together_when_all_have_reported)
{
    add_storage(1);
    add_storage(2);
    ck_assert_uint_eq(list_count(), 3);
    ck_status(synced(0, 2), FSP_LAYOUT); /* of an older list */
    ck_status(synced(0, 4), FSP_LAYOUT);
    ck_status(synced(0, 3), FSP_OK);
    ck_status(synced(1, 3), FSP_OK);
    ck_status(synced(1, 3), FSP_OK); /* no change */
    ck_assert_uint_eq(list_count(), 3);
    ck_assert_uint_eq(world.result.number, 3);
    ck_status(synced(2, 3), FSP_OK);
    ck_assert_uint_eq(list_count(), 1);
    ck_assert_uint_eq(world.result.number, 4); /* retiring is a version of its own */
    fsp_list_t list = newest_list(NULL);
    ck_assert_uint_eq(list.version, 3);
    fsp_list_clear(&list);
    ck_status(synced(9, 3), FSP_NO_SUCH_NODE);
    /* The version of the layout is not that of a list. */
    ck_status(synced(0, 4), FSP_LAYOUT);
}
END_TEST

START_TEST(reports_of_an_older_list_do_not_count_for_a_newer_one)
{
    add_storage(1);
    ck_status(synced(0, 2), FSP_OK);
    admit(2);
    const uint32_t node = 2;
    ck_status(list_add(&node, 1), FSP_OK);
    ck_status(synced(1, 3), FSP_OK);
    ck_status(synced(2, 3), FSP_OK);
    ck_assert_uint_eq(list_count(), 3);
    ck_status(synced(0, 3), FSP_OK);
    ck_assert_uint_eq(list_count(), 1);
}
END_TEST

START_TEST(nobody_waits_for_a_witness)
{
    admit_witness(1);
    const uint32_t node = 1;
    ck_status(list_add(&node, 1), FSP_OK);
    ck_assert_uint_eq(list_count(), 2);
    ck_status(synced(0, 2), FSP_OK);
    ck_assert_uint_eq(list_count(), 1);
}
END_TEST

/* -- OUT, DRAIN, REMOVE ------------------------------------------------------------------------ */

START_TEST(out_keeps_the_member_and_it_comes_back_when_it_is_ready)
{
    add_storage(1);
    add_storage(2);
    ck_status(about_node(FSP_COMMAND_OUT, 1), FSP_OK);
    ck_assert_uint_eq(world.result.number, 4);
    ck_assert_int_eq(need_member(1).state, FSP_MEMBER_OUT);
    ck_status(about_node(FSP_COMMAND_OUT, 1), FSP_OK); /* no change */
    ck_assert_uint_eq(world.result.number, 4);
    ck_status(about_node(FSP_COMMAND_DRAIN, 1), FSP_MISMATCH);
    const uint32_t node = 1;
    ck_status(list_add(&node, 1), FSP_PENDING);
    ck_status(synced(1, 4), FSP_OK);
    ck_assert(need_member(1).ready);
    ck_status(list_add(&node, 1), FSP_OK);
    ck_assert_int_eq(need_member(1).state, FSP_MEMBER_ACTIVE);
    fsp_list_t list = newest_list(NULL);
    ck_assert(fsp_node_id_eq(list.members[1].node_id, node_of(1))); /* in its old place */
    fsp_list_clear(&list);
    ck_status(about_node(FSP_COMMAND_OUT, 9), FSP_NO_SUCH_NODE);
}
END_TEST

START_TEST(drain_can_be_undone_and_ends_in_remove)
{
    add_storage(1);
    add_storage(2);
    sync_all(2);
    ck_status(about_node(FSP_COMMAND_DRAIN, 2), FSP_OK);
    ck_assert_int_eq(need_member(2).state, FSP_MEMBER_DRAINING);
    ck_assert_uint_eq(need_member(2).synced, 0);
    ck_status(about_node(FSP_COMMAND_DRAIN, 2), FSP_OK); /* no change */
    const uint32_t node = 2;
    ck_status(list_add(&node, 1), FSP_OK); /* it has all bytes still: no need to be ready */
    ck_assert_int_eq(need_member(2).state, FSP_MEMBER_ACTIVE);
    ck_status(about_node(FSP_COMMAND_DRAIN, 2), FSP_OK);
    fsp_list_t list = newest_list(NULL);
    ck_status(synced(2, list.version), FSP_OK); /* its bytes are confirmed */
    ck_assert_uint_eq(need_member(2).synced, list.version);
    fsp_list_clear(&list);
    ck_status(about_node(FSP_COMMAND_REMOVE, 2), FSP_OK);
    fsp_member_row_t row;
    ck_status(member_row(2, &row), FSP_NOT_FOUND);
    ck_status(about_node(FSP_COMMAND_DRAIN, 2), FSP_NO_SUCH_NODE);
    admit(3);
    ck_status(about_node(FSP_COMMAND_DRAIN, 3), FSP_MISMATCH); /* in no list */
}
END_TEST

START_TEST(the_last_one_that_stores_cannot_leave)
{
    admit_witness(1);
    const uint32_t node = 1;
    ck_status(list_add(&node, 1), FSP_OK);
    ck_status(about_node(FSP_COMMAND_OUT, 0), FSP_MISMATCH);
    ck_status(about_node(FSP_COMMAND_DRAIN, 0), FSP_MISMATCH);
    ck_status(about_node(FSP_COMMAND_REMOVE, 0), FSP_MISMATCH);
    ck_assert_int_eq(need_member(0).state, FSP_MEMBER_ACTIVE);
    ck_status(about_node(FSP_COMMAND_REMOVE, 1), FSP_OK);
}
END_TEST

/* -- shards and replicas ----------------------------------------------------------------------- */

static fsp_shards_row_t
shard_of(uint32_t number)
{
    uint8_t key[4];
    fsp_buf_t buf;
    fsp_shards_row_t row;
    fsp_store_u32(key, number);
    ck_status(read_row(FSP_TABLE_SHARDS, fsp_slice(key, 4), &buf), FSP_OK);
    ck_status(fsp_shards_row_decode(fsp_buf_slice(&buf), &row), FSP_OK);
    fsp_buf_clear(&buf);
    return row;
}

START_TEST(a_shard_has_its_first_configuration_for_ever)
{
    for (uint32_t node = 1; node <= 4; node++)
        add_storage(node);
    ck_status(shard_add(0), FSP_EXISTS);
    ck_status(shard_add(2), FSP_MISMATCH);
    ck_status(shard_add(1), FSP_OK);
    ck_assert_uint_eq(world.result.number, 1);
    fsp_shards_row_t row = shard_of(1);
    ck_assert_uint_eq(row.replica_count, 3);
    ck_assert_uint_eq(row.list_version, 5);
    ck_assert_uint_eq(row.slot, fsp_shard_slot(1, 16));
    fsp_system_row_t system = system_row();
    fsp_list_t list = newest_list(NULL);
    uint32_t owners[3];
    ck_assert_uint_eq(
        fsp_place_walk(system.mesh_id, fsp_list_members(&list), row.slot, 3, owners, 3), 3);
    for (size_t i = 0; i < 3; i++) {
        const fsp_member_t *member = &list.members[owners[i]];
        ck_assert(fsp_node_id_eq(row.replicas[i].node_id, member->node_id));
        ck_assert_uint_eq(row.replicas[i].number, i + 1);
        ck_assert_int_eq(row.replicas[i].role, FSP_REPLICA_VOTER);
        ck_assert(fsp_store_id_eq(row.replicas[i].store_id, store_of(owners[i])));
    }
    fsp_node_id_t first = row.replicas[0].node_id;
    fsp_list_clear(&list);
    for (uint32_t node = 1; node <= 2; node++)
        ck_status(about_node(FSP_COMMAND_OUT, node), FSP_OK);
    ck_assert(fsp_node_id_eq(shard_of(1).replicas[0].node_id, first));
    ck_status(shard_add(2), FSP_OK);
    ck_assert_uint_eq(system_row().shard_count, 3);
}
END_TEST

static size_t
voters_of(const fsp_replica_place_t *places, size_t count)
{
    size_t voters = 0;
    for (size_t i = 0; i < count; i++)
        voters += places[i].role != FSP_REPLICA_SYNC_LEARNER;
    return voters;
}

START_TEST(replicas_are_those_of_the_table)
{
    fsp_member_t members[8];
    const fsp_mesh_id_t mesh = {{1}};
    fsp_replica_place_t places[FSP_REPLICAS_MAX];
    for (uint32_t i = 0; i < 8; i++)
        members[i] = (fsp_member_t){.node_id = node_of(i),
                                    .zone = i % 3,
                                    .capacity_bytes = TIB,
                                    .inverse_weight = 1000,
                                    .roles = FSP_ROLE_STORAGE};
    fsp_member_list_t list = {.members = members};
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 1, places), 0);
    list.count = 1;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 1, places), 1);
    ck_assert_int_eq(places[0].role, FSP_REPLICA_VOTER);
    list.count = 2;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 1, places), 2);
    ck_assert_uint_eq(places[0].position, 0); /* the older one */
    ck_assert_int_eq(places[0].role, FSP_REPLICA_VOTER);
    ck_assert_uint_eq(places[1].position, 1);
    ck_assert_int_eq(places[1].role, FSP_REPLICA_SYNC_LEARNER);
    /* A witness makes both of them voters; a second one and gateways are nothing. */
    members[1].roles = FSP_ROLE_WITNESS;
    members[3].roles = FSP_ROLE_WITNESS;
    list.count = 4;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 0, places), 3);
    ck_assert_uint_eq(places[0].position, 0);
    ck_assert_uint_eq(places[1].position, 2);
    ck_assert_int_eq(places[1].role, FSP_REPLICA_VOTER);
    ck_assert_uint_eq(places[2].position, 1);
    ck_assert_int_eq(places[2].role, FSP_REPLICA_WITNESS);
    /* One storage member and a witness: one voter, an even number decides nothing more. */
    list.count = 2;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 0, places), 1);
    /* From three storage members on the witness is left out. */
    list.count = 5;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 7, places), 3);
    ck_assert_uint_eq(voters_of(places, 3), 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(places[i].role, FSP_REPLICA_VOTER);
    members[1].roles = members[3].roles = FSP_ROLE_STORAGE;
    list.count = 4;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 0, places), 3);
    list.count = 5;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 0, places), 5);
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 1, places), 3);
    list.count = 8;
    ck_assert_uint_eq(fsp_desired_replicas(mesh, 16, list, 0, places), 5);
}
END_TEST

START_TEST(replicas_are_distinct_and_odd_in_random_lists)
{
    static fsp_member_t members[40];
    fsp_prng_t random;
    fsp_prng_init(&random, fsp_suite_seed(11));
    for (unsigned round = 0; round < 3000; round++) {
        size_t count = fsp_prng_below(&random, 41);
        size_t storing = 0;
        for (size_t i = 0; i < count; i++) {
            static const uint32_t roles[] = {FSP_ROLE_STORAGE, FSP_ROLE_STORAGE, FSP_ROLE_WITNESS};
            members[i] = (fsp_member_t){.node_id = node_of((uint32_t)i + round),
                                        .zone = (uint32_t)fsp_prng_below(&random, 4),
                                        .capacity_bytes = 1 + fsp_prng_below(&random, 100),
                                        .inverse_weight = (uint32_t)fsp_prng_below(&random, 50),
                                        .roles = roles[fsp_prng_below(&random, 3)]};
            storing += members[i].roles == FSP_ROLE_STORAGE;
        }
        const fsp_member_list_t list = {.members = members, .count = count};
        const fsp_mesh_id_t mesh = {{(uint8_t)round}};
        uint32_t shard = (uint32_t)fsp_prng_below(&random, 3);
        fsp_replica_place_t places[FSP_REPLICAS_MAX];
        size_t found = fsp_desired_replicas(mesh, 16, list, shard, places);
        ck_assert_uint_eq(found == 0, storing == 0);
        if (found > 0)
            ck_assert_uint_eq(voters_of(places, found) % 2, 1);
        for (size_t i = 0; i < found; i++)
            for (size_t j = 0; j < i; j++)
                ck_assert_uint_ne(places[i].position, places[j].position);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("system_layout");
    TCase *tcase = tcase_create("layout");
    tcase_add_checked_fixture(tcase, set_up_system, tear_down_system);
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, a_list_is_appended_and_the_old_one_stays);
    tcase_add_test(tcase, elders_come_first_whatever_their_ids);
    tcase_add_test(tcase, list_add_is_refused_for_many_reasons);
    tcase_add_test(tcase, a_list_that_is_out_of_balance_is_refused);
    tcase_add_test(tcase, a_list_that_cannot_be_balanced_is_taken);
    tcase_add_test(tcase, at_eight_lists_only_leaving_is_taken);
    tcase_add_test(tcase, thirty_two_lists_are_the_end);
    tcase_add_test(tcase, lists_retire_together_when_all_have_reported);
    tcase_add_test(tcase, reports_of_an_older_list_do_not_count_for_a_newer_one);
    tcase_add_test(tcase, nobody_waits_for_a_witness);
    tcase_add_test(tcase, out_keeps_the_member_and_it_comes_back_when_it_is_ready);
    tcase_add_test(tcase, drain_can_be_undone_and_ends_in_remove);
    tcase_add_test(tcase, the_last_one_that_stores_cannot_leave);
    tcase_add_test(tcase, a_shard_has_its_first_configuration_for_ever);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("replicas");
    tcase_add_test(tcase, replicas_are_those_of_the_table);
    tcase_add_test(tcase, replicas_are_distinct_and_odd_in_random_lists);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
