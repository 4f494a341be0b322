/* SPDX-License-Identifier: MIT */
/* test_share - targets, counts and calibration of lists.  Tests of core/place. */
#include "core/place/share.h"
#include "tests/unit/suite.h"

enum { MEMBERS_MAX = 64, BITS = 16 };
#define SLOTS (1u << BITS)

static fsp_member_t members[MEMBERS_MAX];
static uint64_t targets[MEMBERS_MAX];
static uint32_t counts[MEMBERS_MAX];
static const fsp_mesh_id_t mesh = {{7, 7, 7}};

static fsp_member_list_t
list_of(size_t count)
{
    return (fsp_member_list_t){.members = members, .count = count};
}

static void
set_member(size_t i, uint64_t capacity, uint32_t zone)
{
    members[i] =
        (fsp_member_t){.zone = zone, .capacity_bytes = capacity, .roles = FSP_ROLE_STORAGE};
    /* Ids are hashes; this is mixed enough for words that are folded. */
    fsp_store_u64(members[i].node_id.bytes, (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    fsp_store_u64(members[i].node_id.bytes + 8, (i + 1) * UINT64_C(0xbf58476d1ce4e5b9));
}

static uint64_t
mixed_capacity(size_t i)
{
    return (UINT64_C(1) << 40) << i % 4;
}

static uint64_t
sum_of_targets(size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += targets[i];
    return sum;
}

/* Greatest count over target, in percent; all slots counted. */
static unsigned
worst_percent(size_t count, unsigned copies)
{
    ck_assert(fsp_place_targets(list_of(count), copies, targets));
    ck_assert_uint_eq(fsp_place_counts(mesh, BITS, list_of(count), copies, counts), SLOTS);
    uint64_t worst = 0;
    for (size_t i = 0; i < count; i++) {
        if (targets[i] == 0) {
            ck_assert_uint_eq(counts[i], 0);
            continue;
        }
        uint64_t wanted = (targets[i] * SLOTS) >> 32;
        uint64_t percent = (uint64_t)counts[i] * 100 / wanted;
        if (percent > worst)
            worst = percent;
    }
    return (unsigned)worst;
}

START_TEST(targets_are_shares_of_capacity)
{
    for (size_t i = 0; i < 10; i++)
        set_member(i, (i + 1) << 30, (uint32_t)i); /* 55 parts; 3 copies */
    ck_assert(fsp_place_targets(list_of(10), 3, targets));
    for (size_t i = 0; i < 10; i++) {
        uint64_t exact = FSP_SHARE_ONE * 3 * (i + 1) / 55;
        ck_assert_uint_le(exact, targets[i] + 16);
        ck_assert_uint_le(targets[i], exact + 16);
    }
    uint64_t sum = sum_of_targets(10);
    ck_assert_uint_ge(sum, 3 * FSP_SHARE_ONE);
    ck_assert_uint_lt(sum, 3 * FSP_SHARE_ONE + 160);
}
END_TEST

START_TEST(a_large_member_gets_one_copy_and_the_rest_is_spread)
{
    set_member(0, UINT64_C(100) << 40, 0);
    for (size_t i = 1; i < 6; i++)
        set_member(i, UINT64_C(1) << 40, (uint32_t)i);
    ck_assert(fsp_place_targets(list_of(6), 3, targets));
    ck_assert_uint_eq(targets[0], FSP_SHARE_ONE);
    for (size_t i = 1; i < 6; i++)
        ck_assert_uint_eq(targets[i] >> 12, (FSP_SHARE_ONE * 2 / 5) >> 12);
}
END_TEST

START_TEST(no_more_than_the_quota_lies_in_a_zone)
{
    /* Two zones, 3 copies: at most 2 in one.  Zone 0 has nine tenths of the capacity. */
    for (size_t i = 0; i < 9; i++)
        set_member(i, UINT64_C(1) << 40, 0);
    set_member(9, UINT64_C(1) << 40, 1);
    ck_assert(fsp_place_targets(list_of(10), 3, targets));
    ck_assert_uint_eq(targets[9], FSP_SHARE_ONE);
    for (size_t i = 0; i < 9; i++)
        ck_assert_uint_eq(targets[i] >> 12, (FSP_SHARE_ONE * 2 / 9) >> 12);
}
END_TEST

START_TEST(quotas_that_cannot_hold_judge_nobody)
{
    /* 5 copies in 3 zones: 2 each, but two zones have one member: 4. */
    for (size_t i = 0; i < 5; i++)
        set_member(i, UINT64_C(1) << 40, 0);
    set_member(5, UINT64_C(1) << 40, 1);
    set_member(6, UINT64_C(1) << 40, 2);
    ck_assert(!fsp_place_targets(list_of(7), 5, targets));
    ck_assert_uint_eq(sum_of_targets(7), 0);
    ck_assert(fsp_place_share_fits(mesh, BITS, list_of(7), 5));
    ck_assert(!fsp_place_targets(list_of(0), 3, targets));
}
END_TEST

START_TEST(who_stores_nothing_has_no_target)
{
    for (size_t i = 0; i < 4; i++)
        set_member(i, UINT64_C(1) << 40, (uint32_t)i);
    members[1].roles = FSP_ROLE_GATEWAY;
    members[2].capacity_bytes = 0;
    ck_assert(fsp_place_targets(list_of(4), 3, targets));
    ck_assert_uint_eq(targets[0], FSP_SHARE_ONE);
    ck_assert_uint_eq(targets[1], 0);
    ck_assert_uint_eq(targets[2], 0);
    ck_assert_uint_eq(targets[3], FSP_SHARE_ONE);
}
END_TEST

START_TEST(capacities_far_apart_are_scaled)
{
    set_member(0, INT64_MAX, 0);
    set_member(1, INT64_MAX, 1);
    set_member(2, INT64_MAX, 2);
    set_member(3, 1, 3); /* 2^-63 of the others; still a share that is not 0 */
    ck_assert(fsp_place_targets(list_of(4), 3, targets));
    ck_assert_uint_gt(targets[3], 0);
    ck_assert_uint_lt(targets[3], 100);
}
END_TEST

START_TEST(calibrated_lists_fit_and_plain_ones_do_not)
{
    static const size_t sizes[] = {3, 4, 5, 7, 16, 40};
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        for (unsigned mixed = 0; mixed < 2; mixed++) {
            size_t count = sizes[k];
            for (size_t i = 0; i < count; i++)
                set_member(i, mixed ? mixed_capacity(i) : UINT64_C(1) << 40, (uint32_t)i);
            fsp_place_calibrate(mesh, BITS, members, count, 3);
            ck_assert_uint_le(worst_percent(count, 3), 105);
            ck_assert(fsp_place_share_fits(mesh, BITS, list_of(count), 3));
        }
    }
    /* Five mixed members by their capacities alone: the table of the design has 1.30. */
    for (size_t i = 0; i < 5; i++) {
        set_member(i, mixed_capacity(i), (uint32_t)i);
        members[i].inverse_weight = UINT32_C(1) << 20 >> i % 4;
    }
    ck_assert_uint_gt(worst_percent(5, 3), 115);
    ck_assert(!fsp_place_share_fits(mesh, BITS, list_of(5), 3));
}
END_TEST

START_TEST(the_bound_is_15_percent_and_16_slots)
{
    for (size_t i = 0; i < 4; i++) {
        set_member(i, UINT64_C(1) << 40, (uint32_t)i);
        members[i].inverse_weight = 1000;
    }
    ck_assert(fsp_place_share_fits(mesh, BITS, list_of(4), 3));
    /* Somebody who always owns has 1.33 of its target. */
    members[0].inverse_weight = 0;
    ck_assert_uint_eq(worst_percent(4, 3), 133);
    ck_assert(!fsp_place_share_fits(mesh, BITS, list_of(4), 3));
}
END_TEST

START_TEST(growing_keeps_weights_and_moves_little)
{
    /* From 3 to 20 members, one at a time; as a list grows in life. */
    static uint8_t owns[SLOTS][MEMBERS_MAX];
    uint64_t moved = 0, least = 0;
    for (size_t i = 0; i < 3; i++)
        set_member(i, mixed_capacity(i), (uint32_t)i);
    fsp_place_calibrate(mesh, BITS, members, 3, 3);
    for (size_t count = 3; count <= 20; count++) {
        if (count > 3) {
            set_member(count - 1, mixed_capacity(count - 1), (uint32_t)count - 1);
            uint64_t before[MEMBERS_MAX] = {0};
            ck_assert(fsp_place_targets(list_of(count - 1), 3, before));
            fsp_place_calibrate(mesh, BITS, members, count, 3);
            ck_assert(fsp_place_targets(list_of(count), 3, targets));
            for (size_t i = 0; i < count; i++)
                least += targets[i] > before[i] ? (targets[i] - before[i]) * SLOTS >> 32 : 0;
        }
        ck_assert_uint_le(worst_percent(count, 3), 106);
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            uint32_t owners[3];
            uint8_t now[MEMBERS_MAX] = {0};
            size_t found = fsp_place_walk(mesh, list_of(count), slot, 3, owners, 3);
            for (size_t i = 0; i < found; i++) {
                now[owners[i]] = 1;
                moved += count > 3 && !owns[slot][owners[i]];
            }
            memcpy(owns[slot], now, sizeof(now));
        }
    }
    ck_assert_uint_lt(moved * 100, least * 125); /* property P3 of the design */
}
END_TEST

START_TEST(large_meshes_are_counted_in_part)
{
    static fsp_member_t many[600];
    static uint32_t many_counts[600];
    for (size_t i = 0; i < 600; i++) {
        many[i] = (fsp_member_t){.zone = (uint32_t)i % 5,
                                 .capacity_bytes = 1,
                                 .inverse_weight = 1,
                                 .roles = FSP_ROLE_STORAGE};
        fsp_store_u64(many[i].node_id.bytes, (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    }
    fsp_member_list_t list = {.members = many, .count = 600};
    /* 2^20 slots by 600 members: every 4th. */
    ck_assert_uint_eq(fsp_place_counts(mesh, 20, list, 1, many_counts), UINT32_C(1) << 18);
    uint64_t sum = 0;
    for (size_t i = 0; i < 600; i++)
        sum += many_counts[i];
    ck_assert_uint_eq(sum, UINT32_C(1) << 18);
}
END_TEST

START_TEST(large_meshes_are_judged_in_part)
{
    enum { COUNT = 1024 };
    static fsp_member_t many[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        many[i] = (fsp_member_t){.zone = (uint32_t)i,
                                 .capacity_bytes = 1,
                                 .inverse_weight = 1 << 16,
                                 .roles = FSP_ROLE_STORAGE};
        fsp_store_u64(many[i].node_id.bytes, (i + 1) * UINT64_C(0x9e3779b97f4a7c15));
    }
    fsp_member_list_t list = {.members = many, .count = COUNT};
    /* 2^18 slots by 1024 members: every 4th, 192 copies for each. */
    ck_assert(fsp_place_share_fits(mesh, 18, list, 3));
    many[5].inverse_weight /= 2; /* twice its share */
    ck_assert(!fsp_place_share_fits(mesh, 18, list, 3));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("share");
    TCase *tcase = tcase_create("share");
    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, targets_are_shares_of_capacity);
    tcase_add_test(tcase, a_large_member_gets_one_copy_and_the_rest_is_spread);
    tcase_add_test(tcase, no_more_than_the_quota_lies_in_a_zone);
    tcase_add_test(tcase, quotas_that_cannot_hold_judge_nobody);
    tcase_add_test(tcase, who_stores_nothing_has_no_target);
    tcase_add_test(tcase, capacities_far_apart_are_scaled);
    tcase_add_test(tcase, calibrated_lists_fit_and_plain_ones_do_not);
    tcase_add_test(tcase, the_bound_is_15_percent_and_16_slots);
    tcase_add_test(tcase, growing_keeps_weights_and_moves_little);
    tcase_add_test(tcase, large_meshes_are_counted_in_part);
    tcase_add_test(tcase, large_meshes_are_judged_in_part);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
