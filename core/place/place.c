/* SPDX-License-Identifier: MIT */
/* place - who owns a slot.  Layer core/place.
 *
 * "The smallest ranks, at most q a zone" is the greedy basis of a matroid (a truncated partition),
 * and such a basis can be kept while members go by in any order: put the next one in, and if that
 * is one too many in its zone, or in all, take out the largest rank of those.  So a walk is one
 * pass over the members and an array of at most 2R entries, also for 10,000 members.
 */
#include "core/place/place.h"

#include "core/base/check.h"
#include "core/base/prng.h"

#include <assert.h>

typedef unsigned __int128 rank_t;

enum { WALK_MAX = 2 * FSP_OWNERS_MAX };
static_assert(WALK_MAX <= 64, "the walk is kept in a sorted array");

uint32_t
fsp_slot_of(fsp_key_t key, unsigned slot_bits)
{
    FSP_PRE(slot_bits >= 1);
    FSP_PRE(slot_bits <= 32);
    return fsp_load_u32(key.bytes) >> (32 - slot_bits);
}

/* -- ranks ------------------------------------------------------------------------------------- */

/* What all members share. */
static uint64_t
mix_slot(fsp_mesh_id_t mesh_id, uint32_t slot)
{
    uint64_t mixed = 0;
    for (size_t i = 0; i < sizeof(mesh_id.bytes); i += 8)
        mixed = fsp_mix64(mixed ^ fsp_load_u64(mesh_id.bytes + i));
    return fsp_mix64(mixed + (uint64_t)slot * UINT64_C(0x9e3779b97f4a7c15));
}

/* A node id is a hash already: its words need no mixing among themselves.  They are folded as they
   lie in memory, for the order of bytes in a word commutes with exclusive or. */
static uint64_t
mix_node(uint64_t mixed_slot, const fsp_node_id_t *node_id)
{
    uint64_t words[4];
    static_assert(sizeof(words) == sizeof(node_id->bytes), "four words");
    memcpy(words, node_id->bytes, sizeof(words));
    uint64_t folded = words[0] ^ words[1] ^ words[2] ^ words[3];
    uint8_t bytes[8];
    memcpy(bytes, &folded, sizeof(bytes));
    return fsp_mix64(mixed_slot ^ fsp_load_u64(bytes));
}

uint64_t
fsp_place_mix(fsp_mesh_id_t mesh_id, uint32_t slot, fsp_node_id_t node_id)
{
    return mix_node(mix_slot(mesh_id, slot), &node_id);
}

static rank_t
rank_of(uint64_t mixed_slot, const fsp_member_t *member)
{
    uint64_t mixed = mix_node(mixed_slot, &member->node_id);
    if (member->inverse_weight == 0)
        return mixed;
    return ((rank_t)1 << 96) + (rank_t)mixed * member->inverse_weight;
}

static bool
stores(const fsp_member_t *member)
{
    return (member->roles & FSP_ROLE_STORAGE) && member->capacity_bytes > 0;
}

/* -- the walk ---------------------------------------------------------------------------------- */

typedef struct {
    rank_t rank;
    uint32_t position;
    uint32_t zone;
} candidate_t;

typedef struct {
    const fsp_member_t *members;
    size_t count, count_max;
    unsigned quota;                 /* a zone */
    candidate_t best[WALK_MAX + 1]; /* ascending */
} pick_t;

static bool
comes_before(const pick_t *pick, const candidate_t *a, const candidate_t *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    int order =
        fsp_node_id_cmp(pick->members[a->position].node_id, pick->members[b->position].node_id);
    return order != 0 ? order < 0 : a->position < b->position;
}

static void
offer(pick_t *pick, const candidate_t *candidate)
{
    bool full = pick->count == pick->count_max;
    if (full && !comes_before(pick, candidate, &pick->best[pick->count - 1]))
        return;
    size_t at = pick->count++;
    for (; at > 0 && comes_before(pick, candidate, &pick->best[at - 1]); at--)
        pick->best[at] = pick->best[at - 1];
    pick->best[at] = *candidate;
    unsigned in_zone = 0;
    size_t last = 0;
    for (size_t i = 0; i < pick->count; i++) {
        if (pick->best[i].zone == candidate->zone) {
            in_zone++;
            last = i;
        }
    }
    if (in_zone > pick->quota) {
        pick->count--;
        for (size_t i = last; i < pick->count; i++)
            pick->best[i] = pick->best[i + 1];
    } else if (pick->count > pick->count_max) {
        pick->count--;
    }
}

/* The count_max smallest ranks with at most quota a zone. */
static void
pick_best(pick_t *pick, uint64_t mixed_slot, fsp_member_list_t list, unsigned quota,
          size_t count_max)
{
    pick->members = list.members;
    pick->count = 0;
    pick->count_max = count_max;
    pick->quota = quota;
    for (size_t i = 0; i < list.count; i++) {
        const fsp_member_t *member = &list.members[i];
        if (!stores(member))
            continue;
        const candidate_t candidate = {
            .rank = rank_of(mixed_slot, member), .position = (uint32_t)i, .zone = member->zone};
        /* Nearly all of many members end here. */
        if (pick->count == count_max && candidate.rank > pick->best[count_max - 1].rank)
            continue;
        offer(pick, &candidate);
    }
}

/* Zones in which something can be stored, as far as zone_max. */
static unsigned
count_zones(fsp_member_list_t list, unsigned zone_max)
{
    uint32_t zones[FSP_OWNERS_MAX];
    unsigned count = 0;
    for (size_t i = 0; i < list.count && count < zone_max; i++) {
        if (!stores(&list.members[i]))
            continue;
        unsigned k = 0;
        while (k < count && zones[k] != list.members[i].zone)
            k++;
        if (k == count)
            zones[count++] = list.members[i].zone;
    }
    return count;
}

static bool
is_picked(const pick_t *pick, uint32_t position)
{
    for (size_t i = 0; i < pick->count; i++) {
        if (pick->best[i].position == position)
            return true;
    }
    return false;
}

size_t
fsp_place_walk(fsp_mesh_id_t mesh_id, fsp_member_list_t list, uint32_t slot, unsigned copies,
               uint32_t *ret_positions, size_t owner_count_max)
{
    FSP_PRE(list.members != NULL || list.count == 0);
    FSP_PRE(list.count <= FSP_MEMBERS_MAX);
    FSP_PRE(copies >= 1);
    FSP_PRE(copies <= FSP_OWNERS_MAX);
    FSP_PRE(owner_count_max <= 2 * (size_t)copies);
    FSP_PRE(ret_positions != NULL || owner_count_max == 0);
    unsigned zones = count_zones(list, copies);
    if (zones == 0 || owner_count_max == 0)
        return 0;
    uint64_t mixed_slot = mix_slot(mesh_id, slot);
    unsigned quota = (copies + zones - 1) / zones;
    pick_t within;
    pick_best(&within, mixed_slot, list, quota, owner_count_max);
    size_t count = 0;
    for (; count < within.count; count++)
        ret_positions[count] = within.best[count].position;
    if (count == owner_count_max)
        return count;
    /* Again without quotas: among the first owner_count_max there are enough that are new. */
    pick_t rest;
    pick_best(&rest, mixed_slot, list, WALK_MAX, owner_count_max);
    for (size_t i = 0; i < rest.count && count < owner_count_max; i++) {
        if (!is_picked(&within, rest.best[i].position))
            ret_positions[count++] = rest.best[i].position;
    }
    return count;
}
