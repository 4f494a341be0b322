/* SPDX-License-Identifier: MIT */
/* test_place - who owns a slot.  Layer tests.
 *
 * Vectors by tests/unit/data/vectors.py; random lists against a walk that sorts everybody.
 */
#include "core/base/prng.h"
#include "core/crypto/digest.h"
#include "core/place/place.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

enum { WALK_MAX = 2 * FSP_OWNERS_MAX };

static fsp_hash_t
hash_of(const char *text, int byte)
{
    uint8_t last = (uint8_t)byte;
    fsp_slice_t pieces[] = {fsp_slice_text(text), fsp_slice(&last, byte < 0 ? 0 : 1)};
    return fsp_sha256_pieces(pieces, 2);
}

static fsp_mesh_id_t
mesh(void)
{
    fsp_hash_t digest = hash_of("mesh", -1);
    fsp_mesh_id_t mesh_id;
    memcpy(mesh_id.bytes, digest.bytes, 32);
    return mesh_id;
}

static fsp_node_id_t
node(const char *text, int byte)
{
    fsp_hash_t digest = hash_of(text, byte);
    fsp_node_id_t node_id;
    memcpy(node_id.bytes, digest.bytes, 32);
    return node_id;
}

START_TEST(slot_is_the_first_bits)
{
    fsp_key_t key = {{0xab, 0xcd, 0xef, 0x01, 0xff}};
    ck_assert_uint_eq(fsp_slot_of(key, 16), 0xabcd);
    ck_assert_uint_eq(fsp_slot_of(key, 18), 0xabcd << 2 | 3);
    ck_assert_uint_eq(fsp_slot_of(key, 20), 0xabcde);
    ck_assert_uint_eq(fsp_slot_of(key, 1), 1);
    ck_assert_uint_eq(fsp_slot_of(key, 32), 0xabcdef01);
    FSP_EXPECT_ABORT((void)fsp_slot_of(key, 0));
    FSP_EXPECT_ABORT((void)fsp_slot_of(key, 33));
}
END_TEST

START_TEST(mix_fits_the_vectors)
{
    ck_assert_uint_eq(fsp_place_mix(mesh(), 0, node("", 0)), 0x62606041b1ecc902);
    ck_assert_uint_eq(fsp_place_mix(mesh(), 1, node("", 0)), 0x4893b96ce7c7c1d4);
    ck_assert_uint_eq(fsp_place_mix(mesh(), 65535, node("", 9)), 0x80d1408f19d003b3);
    ck_assert_uint_eq(fsp_place_mix(mesh(), 262143, node("", 200)), 0xc34fae601a2ec368);
}
END_TEST

START_TEST(walks_fit_the_vectors)
{
    static const uint32_t zones[12] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3};
    static const struct {
        uint32_t slot;
        unsigned copies;
        size_t count_max, count;
        uint32_t walk[16];
    } vectors[] = {{0, 3, 3, 3, {2, 8, 10}},
                   {0, 3, 6, 6, {2, 8, 10, 11, 1, 3}},
                   {1, 3, 6, 6, {2, 9, 6, 11, 1, 3}},
                   {77, 1, 2, 2, {2, 11}},
                   {65535, 5, 10, 10, {2, 1, 6, 9, 8, 10, 11, 0, 5, 3}},
                   {4242, 16, 16, 10, {2, 3, 10, 8, 9, 1, 5, 11, 6, 0}}};
    fsp_member_t members[12];
    for (int i = 0; i < 12; i++)
        members[i] = (fsp_member_t){.node_id = node("node", i),
                                    .zone = zones[i],
                                    .capacity_bytes = i == 4 ? 0 : UINT64_C(1) << 40,
                                    .inverse_weight = i == 2 ? 0 : 1000 + 300 * (uint32_t)i,
                                    .roles = i == 7 ? FSP_ROLE_VOTER : FSP_ROLE_STORAGE};
    for (size_t v = 0; v < sizeof(vectors) / sizeof(vectors[0]); v++) {
        uint32_t walk[WALK_MAX];
        size_t count = fsp_place_walk(mesh(), (fsp_member_list_t){members, 12}, vectors[v].slot,
                                      vectors[v].copies, walk, vectors[v].count_max);
        ck_assert_uint_eq(count, vectors[v].count);
        for (size_t i = 0; i < count; i++)
            ck_assert_uint_eq(walk[i], vectors[v].walk[i]);
    }
}
END_TEST

/* -- the plain way ----------------------------------------------------------------------------- */

typedef struct {
    unsigned __int128 rank;
    fsp_node_id_t node_id;
    uint32_t position, zone;
} entry_t;

static int
compare_entries(const void *a_, const void *b_)
{
    const entry_t *a = a_, *b = b_;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    return fsp_node_id_cmp(a->node_id, b->node_id);
}

static size_t
plain_walk(fsp_mesh_id_t mesh_id, fsp_member_list_t list, uint32_t slot, unsigned copies,
           uint32_t *ret, size_t count_max)
{
    static entry_t entries[FSP_MEMBERS_MAX];
    static bool taken[FSP_MEMBERS_MAX];
    size_t entry_count = 0;
    unsigned zones = 0;
    for (size_t i = 0; i < list.count; i++) {
        const fsp_member_t *member = &list.members[i];
        if (!(member->roles & FSP_ROLE_STORAGE) || !member->capacity_bytes)
            continue;
        unsigned __int128 u = fsp_place_mix(mesh_id, slot, member->node_id);
        entries[entry_count] = (entry_t){
            member->inverse_weight ? ((unsigned __int128)1 << 96) + u * member->inverse_weight : u,
            member->node_id, (uint32_t)i, member->zone};
        bool known = false;
        for (size_t k = 0; k < entry_count; k++)
            known |= entries[k].zone == member->zone;
        zones += !known;
        entry_count++;
    }
    if (!entry_count)
        return 0;
    qsort(entries, entry_count, sizeof(entries[0]), compare_entries);
    unsigned spread = zones < copies ? zones : copies, quota = (copies + spread - 1) / spread;
    size_t count = 0;
    memset(taken, 0, sizeof(taken));
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < entry_count && count < count_max; i++) {
            unsigned in_zone = 0;
            for (size_t k = 0; k < count; k++)
                in_zone += list.members[ret[k]].zone == entries[i].zone;
            if (taken[i] || (round == 0 && in_zone >= quota))
                continue;
            taken[i] = true;
            ret[count++] = entries[i].position;
        }
    }
    return count;
}

static void
fill_members(fsp_prng_t *prng, fsp_member_t *members, size_t count)
{
    uint64_t zones = 1 + fsp_prng_below(prng, 6);
    for (size_t i = 0; i < count; i++) {
        fsp_prng_fill(prng, members[i].node_id.bytes, 32);
        members[i].zone = (uint32_t)(fsp_prng_below(prng, zones) * fsp_prng_below(prng, 2));
        members[i].capacity_bytes = fsp_prng_chance(prng, 1, 8) ? 0 : 1 + fsp_prng_next(prng) / 2;
        members[i].inverse_weight =
            fsp_prng_chance(prng, 1, 10) ? 0 : 1 + (uint32_t)(fsp_prng_next(prng) >> 33);
        members[i].roles = (uint32_t)fsp_prng_below(prng, 8) | !fsp_prng_chance(prng, 1, 8);
    }
}

START_TEST(walks_are_those_of_the_plain_way_and_begin_alike)
{
    static fsp_member_t members[80];
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    for (int turn = 0; turn < 4000; turn++) {
        fsp_member_list_t list = {members, (size_t)fsp_prng_below(&prng, turn % 8 ? 12 : 80)};
        fill_members(&prng, members, list.count);
        unsigned copies = 1 + (unsigned)fsp_prng_below(&prng, turn % 3 ? 5 : FSP_OWNERS_MAX);
        uint32_t slot = (uint32_t)fsp_prng_next(&prng), walk[WALK_MAX], plain[WALK_MAX];
        size_t count = fsp_place_walk(mesh(), list, slot, copies, walk, 2 * copies);
        size_t expected = plain_walk(mesh(), list, slot, copies, plain, 2 * copies);
        ck_assert_uint_eq(count, expected);
        for (size_t i = 0; i < count; i++)
            ck_assert_uint_eq(walk[i], plain[i]);
        size_t shorter = (size_t)fsp_prng_below(&prng, 2 * copies + 1);
        uint32_t begin[WALK_MAX];
        size_t begin_count = fsp_place_walk(mesh(), list, slot, copies, begin, shorter);
        ck_assert_uint_eq(begin_count, shorter < count ? shorter : count);
        for (size_t i = 0; i < begin_count; i++)
            ck_assert_uint_eq(begin[i], walk[i]);
    }
}
END_TEST

START_TEST(ten_thousand_members_in_one_pass)
{
    static fsp_member_t members[FSP_MEMBERS_MAX];
    fsp_prng_t prng;
    fsp_prng_init(&prng, 3);
    for (size_t i = 0; i < FSP_MEMBERS_MAX; i++) {
        fsp_prng_fill(&prng, members[i].node_id.bytes, 32);
        members[i].zone = (uint32_t)i % 40;
        members[i].capacity_bytes = 1;
        members[i].inverse_weight = UINT32_MAX - (uint32_t)i;
        members[i].roles = FSP_ROLE_STORAGE;
    }
    fsp_member_list_t list = {members, FSP_MEMBERS_MAX};
    uint32_t walk[WALK_MAX], plain[WALK_MAX];
    ck_assert_uint_eq(fsp_place_walk(mesh(), list, 5, 16, walk, 32), 32);
    ck_assert_uint_eq(plain_walk(mesh(), list, 5, 16, plain, 32), 32);
    ck_assert_mem_eq(walk, plain, sizeof(walk));
}
END_TEST

/* -- shares ------------------------------------------------------------------------------------ */

enum { SLOTS = 1 << FSP_SLOT_BITS_DEFAULT };

static void
count_shares(uint32_t member_count, uint32_t zone_count, uint32_t inverse_weight, unsigned copies,
             uint32_t *ret_owned, uint32_t *ret_first)
{
    fsp_member_t members[32];
    for (uint32_t i = 0; i < member_count; i++)
        members[i] = (fsp_member_t){.node_id = node("share", (int)i),
                                    .zone = i % zone_count,
                                    .capacity_bytes = 1,
                                    .inverse_weight = inverse_weight,
                                    .roles = FSP_ROLE_STORAGE};
    memset(ret_owned, 0, 32 * sizeof(*ret_owned));
    memset(ret_first, 0, 32 * sizeof(*ret_first));
    fsp_mesh_id_t mesh_id = mesh();
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        uint32_t walk[WALK_MAX];
        size_t count = fsp_place_walk(mesh_id, (fsp_member_list_t){members, member_count}, slot,
                                      copies, walk, copies);
        ck_assert_uint_eq(count, copies);
        ret_first[walk[0]]++;
        for (size_t i = 0; i < count; i++)
            ret_owned[walk[i]]++;
    }
}

START_TEST(three_equal_nodes_own_all_and_take_turns_to_be_first)
{
    uint32_t owned[32], first[32];
    /* Calibration gives them the inverse weight 0; equal weights come to the same. */
    for (uint32_t inverse_weight = 0; inverse_weight < 2; inverse_weight++) {
        count_shares(3, 1, inverse_weight, 3, owned, first);
        for (int i = 0; i < 3; i++) {
            ck_assert_uint_eq(owned[i], SLOTS);
            ck_assert_uint_gt(first[i], SLOTS / 3 * 97 / 100);
            ck_assert_uint_lt(first[i], SLOTS / 3 * 103 / 100);
        }
    }
}
END_TEST

START_TEST(sixteen_equal_nodes_own_equal_shares)
{
    uint32_t owned[32], first[32];
    count_shares(16, 4, 1000, 3, owned, first);
    for (int i = 0; i < 16; i++) {
        ck_assert_uint_gt(owned[i], SLOTS * 3 / 16 * 97 / 100);
        ck_assert_uint_lt(owned[i], SLOTS * 3 / 16 * 103 / 100);
        ck_assert_uint_gt(first[i], SLOTS / 16 * 94 / 100);
        ck_assert_uint_lt(first[i], SLOTS / 16 * 106 / 100);
    }
}
END_TEST

START_TEST(a_node_that_leaves_moves_only_what_it_owned)
{
    fsp_member_t members[16];
    for (int i = 0; i < 16; i++)
        members[i] = (fsp_member_t){.node_id = node("move", i),
                                    .zone = (uint32_t)i % 4,
                                    .capacity_bytes = 1,
                                    .inverse_weight = 100 + (uint32_t)i,
                                    .roles = FSP_ROLE_STORAGE};
    for (uint32_t slot = 0; slot < 4096; slot++) {
        uint32_t before[3], after[3];
        fsp_member_list_t all = {members, 16}, fewer = {members, 15};
        ck_assert_uint_eq(fsp_place_walk(mesh(), all, slot, 3, before, 3), 3);
        ck_assert_uint_eq(fsp_place_walk(mesh(), fewer, slot, 3, after, 3), 3);
        for (int i = 0; i < 3; i++) {
            bool stays = false;
            for (int k = 0; k < 3; k++)
                stays |= before[i] == after[k];
            ck_assert(stays || before[i] == 15);
        }
    }
}
END_TEST

START_TEST(nobody_to_walk_to)
{
    uint32_t walk[WALK_MAX];
    fsp_member_t member = {.capacity_bytes = 0, .roles = FSP_ROLE_STORAGE};
    ck_assert_uint_eq(fsp_place_walk(mesh(), (fsp_member_list_t){NULL, 0}, 1, 3, walk, 3), 0);
    ck_assert_uint_eq(fsp_place_walk(mesh(), (fsp_member_list_t){&member, 1}, 1, 3, walk, 3), 0);
    member.capacity_bytes = 1;
    ck_assert_uint_eq(fsp_place_walk(mesh(), (fsp_member_list_t){&member, 1}, 1, 3, walk, 6), 1);
    ck_assert_uint_eq(fsp_place_walk(mesh(), (fsp_member_list_t){&member, 1}, 1, 3, NULL, 0), 0);
    FSP_EXPECT_ABORT((void)fsp_place_walk(mesh(), (fsp_member_list_t){&member, 1}, 1, 3, walk, 7));
    FSP_EXPECT_ABORT((void)fsp_place_walk(mesh(), (fsp_member_list_t){&member, 1}, 1, 17, walk, 7));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("place");
    TCase *tests = tcase_create("place");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, slot_is_the_first_bits);
    tcase_add_test(tests, mix_fits_the_vectors);
    tcase_add_test(tests, walks_fit_the_vectors);
    tcase_add_test(tests, walks_are_those_of_the_plain_way_and_begin_alike);
    tcase_add_test(tests, ten_thousand_members_in_one_pass);
    tcase_add_test(tests, three_equal_nodes_own_all_and_take_turns_to_be_first);
    tcase_add_test(tests, sixteen_equal_nodes_own_equal_shares);
    tcase_add_test(tests, a_node_that_leaves_moves_only_what_it_owned);
    tcase_add_test(tests, nobody_to_walk_to);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
