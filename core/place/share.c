/* SPDX-License-Identifier: MIT */
/* share - does a list give every member its share of the slots?  Layer core/place.  Pure. */
#include "core/place/share.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <stdlib.h>

/* Levels go to 2^64 inclusive. */
typedef unsigned __int128 level_t;

enum {
    RANKS_BITS_MAX = 28, /* to calibrate, outside of the state machine */
    JUDGE_BITS_MAX = 26, /* to judge: every member of the mesh waits for it */
    ROUNDS_MAX = 20,
    SLACK_SLOTS = 16,
    /* Where slots are left out, chance may give a member of a good list that many: more than six
       standard deviations, with the 15 percent, for any size of member. */
    SLACK_SAMPLED = 64,
};

/* -- targets ----------------------------------------------------------------------------------- */

typedef struct {
    uint64_t capacity; /* scaled: below 2^32 */
    uint32_t zone;
    uint32_t position;
} item_t;

static int
compare_items(const void *a_p, const void *b_p)
{
    const item_t *a = a_p, *b = b_p;
    if (a->zone != b->zone)
        return a->zone < b->zone ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

/* Members that store, by zone, capacities scaled; returns how many. */
static size_t
collect(fsp_member_list_t list, item_t *ret_items)
{
    size_t count = 0;
    uint64_t greatest = 0;
    for (size_t i = 0; i < list.count; i++) {
        const fsp_member_t *member = &list.members[i];
        if (!(member->roles & FSP_ROLE_STORAGE) || member->capacity_bytes == 0)
            continue;
        ret_items[count++] = (item_t){
            .capacity = member->capacity_bytes, .zone = member->zone, .position = (uint32_t)i};
        if (member->capacity_bytes > greatest)
            greatest = member->capacity_bytes;
    }
    unsigned shift = 0;
    while (greatest >> shift >= FSP_SHARE_ONE)
        shift++;
    for (size_t i = 0; i < count; i++) {
        ret_items[i].capacity >>= shift;
        if (ret_items[i].capacity == 0)
            ret_items[i].capacity = 1;
    }
    if (count > 0)
        qsort(ret_items, count, sizeof(*ret_items), compare_items);
    return count;
}

static uint64_t
filled(const item_t *item, level_t level)
{
    level_t part = (level * item->capacity) >> 32;
    return part < FSP_SHARE_ONE ? (uint64_t)part : FSP_SHARE_ONE;
}

static uint64_t
filled_zone(const item_t *items, size_t count, level_t level)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += filled(&items[i], level);
    return sum;
}

/* Length of the run of items in the zone of the first. */
static size_t
zone_length(const item_t *items, size_t count)
{
    size_t length = 1;
    while (length < count && items[length].zone == items[0].zone)
        length++;
    return length;
}

static uint64_t
filled_all(const item_t *items, size_t count, level_t level, uint64_t quota)
{
    uint64_t sum = 0;
    for (size_t at = 0; at < count;) {
        size_t length = zone_length(items + at, count - at);
        uint64_t zone = filled_zone(items + at, length, level);
        sum += zone < quota ? zone : quota;
        at += length;
    }
    return sum;
}

/* The least level at which `wanted` is filled; false if none is high enough.  quota 0: all items
   are one zone without a quota. */
static bool
find_level(const item_t *items, size_t count, uint64_t quota, uint64_t wanted, level_t *ret)
{
    level_t low = 0, high = (level_t)1 << 64;
    FSP_PRE(wanted > 0);
#define FILLED(level)                                                                              \
    (quota ? filled_all(items, count, (level), quota) : filled_zone(items, count, (level)))
    if (FILLED(high) < wanted)
        return false;
    while (high - low > 1) {
        level_t middle = low + (high - low) / 2;
        if (FILLED(middle) >= wanted)
            high = middle;
        else
            low = middle;
    }
#undef FILLED
    *ret = high;
    return true;
}

static size_t
count_zones(const item_t *items, size_t count)
{
    size_t zones = 0;
    for (size_t at = 0; at < count; at += zone_length(items + at, count - at))
        zones++;
    return zones;
}

static bool
fill(const item_t *items, size_t count, unsigned copies, uint64_t *ret_targets)
{
    size_t zones = count_zones(items, count);
    size_t spread = zones < copies ? zones : copies;
    uint64_t quota = (copies + spread - 1) / spread * FSP_SHARE_ONE;
    uint64_t wanted = (count < copies ? count : copies) * FSP_SHARE_ONE;
    level_t level;
    if (!find_level(items, count, quota, wanted, &level))
        return false;
    for (size_t at = 0; at < count;) {
        size_t length = zone_length(items + at, count - at);
        level_t own = level;
        if (filled_zone(items + at, length, level) > quota) {
            bool found = find_level(items + at, length, 0, quota, &own);
            FSP_ASSERT(found); /* it was filled higher */
        }
        for (size_t i = at; i < at + length; i++)
            ret_targets[items[i].position] = filled(&items[i], own);
        at += length;
    }
    return true;
}

bool
fsp_place_targets(fsp_member_list_t list, unsigned copies, uint64_t *ret_targets)
{
    FSP_PRE(copies >= 1);
    FSP_PRE(copies <= FSP_OWNERS_MAX);
    FSP_PRE(list.count <= FSP_MEMBERS_MAX);
    for (size_t i = 0; i < list.count; i++)
        ret_targets[i] = 0;
    item_t *items = fsp_alloc_array(list.count, sizeof(*items));
    size_t count = collect(list, items);
    bool holds = count > 0 && fill(items, count, copies, ret_targets);
    fsp_free(items);
    return holds;
}

/* -- counts ------------------------------------------------------------------------------------ */

static uint64_t
count_slots(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_list_t list, unsigned copies,
            unsigned ranks_bits, uint32_t *ret_counts)
{
    FSP_PRE(slot_bits >= 1);
    FSP_PRE(slot_bits <= JUDGE_BITS_MAX);
    size_t storing = 0;
    for (size_t i = 0; i < list.count; i++) {
        ret_counts[i] = 0;
        storing += (list.members[i].roles & FSP_ROLE_STORAGE) && list.members[i].capacity_bytes > 0;
    }
    uint64_t slots = UINT64_C(1) << slot_bits, step = 1;
    while (slots / step * storing > UINT64_C(1) << ranks_bits)
        step *= 2;
    for (uint64_t slot = 0; slot < slots; slot += step) {
        uint32_t owners[FSP_OWNERS_MAX];
        size_t count = fsp_place_walk(mesh_id, list, (uint32_t)slot, copies, owners, copies);
        for (size_t i = 0; i < count; i++)
            ret_counts[owners[i]]++;
    }
    return slots / step;
}

uint64_t
fsp_place_counts(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_list_t list, unsigned copies,
                 uint32_t *ret_counts)
{
    return count_slots(mesh_id, slot_bits, list, copies, RANKS_BITS_MAX, ret_counts);
}

/* True if `count` of `slots` slots is at most percent / 100 of the target and `slack` slots. */
static bool
within(uint32_t count, uint64_t target, uint64_t slots, unsigned percent, unsigned slack)
{
    level_t have = (level_t)count * 100 * FSP_SHARE_ONE;
    level_t may = (level_t)percent * target * slots;
    return have <= may + (level_t)slack * 100 * FSP_SHARE_ONE;
}

static bool
all_within(const uint32_t *counts, const uint64_t *targets, size_t count, uint64_t slots,
           unsigned percent, unsigned slack)
{
    for (size_t i = 0; i < count; i++)
        if (!within(counts[i], targets[i], slots, percent, slack))
            return false;
    return true;
}

bool
fsp_place_share_fits(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_list_t list,
                     unsigned copies)
{
    enum { PERCENT_MAX = 115 };
    uint64_t *targets = fsp_alloc_array(list.count, sizeof(*targets));
    uint32_t *counts = fsp_alloc_array(list.count, sizeof(*counts));
    bool fits = true;
    if (fsp_place_targets(list, copies, targets)) {
        uint64_t slots = count_slots(mesh_id, slot_bits, list, copies, JUDGE_BITS_MAX, counts);
        bool all = slots == UINT64_C(1) << slot_bits;
        fits = all_within(counts, targets, list.count, slots, PERCENT_MAX,
                          all ? SLACK_SLOTS : SLACK_SAMPLED);
    }
    fsp_free(targets);
    fsp_free(counts);
    return fits;
}

/* -- calibration ------------------------------------------------------------------------------- */

static uint32_t
clamp_weight(level_t weight)
{
    if (weight == 0)
        return 1; /* 0 means always an owner */
    return weight < UINT32_MAX ? (uint32_t)weight : UINT32_MAX;
}

/* (numerator / denominator)^0.8 as parts of 2^16: the fifth root of the fourth power. */
static uint64_t
power_four_fifths(uint64_t numerator, uint64_t denominator)
{
    enum { ONE_BITS = 16, RATIO_BITS_MAX = 22 };
    level_t ratio = ((level_t)numerator << ONE_BITS) / denominator;
    if (ratio >= (level_t)1 << RATIO_BITS_MAX)
        ratio = ((level_t)1 << RATIO_BITS_MAX) - 1;
    level_t wanted = (ratio * ratio * ratio * ratio) << ONE_BITS;
    uint64_t low = 0, high = UINT64_C(1) << RATIO_BITS_MAX; /* low^5 <= wanted < high^5 */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        level_t fifth = (level_t)middle * middle * middle * middle * middle;
        if (fifth <= wanted)
            low = middle;
        else
            high = middle;
    }
    return low > 0 ? low : 1;
}

/* Inverse weight of Pareto sampling, (1 - p) / p: right but for the noise of finitely many slots.
 */
static uint32_t
first_weight(uint64_t target)
{
    enum { SCALE_BITS = 20 };
    return clamp_weight(((level_t)(FSP_SHARE_ONE - target) << SCALE_BITS) / target);
}

/* 1 / (capacity x mean weight per unit), from those that have a weight; 0: nobody has. */
static uint32_t
mean_weight(const fsp_member_t *members, size_t count, uint64_t capacity)
{
    level_t weights = 0, capacities = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].inverse_weight == 0 || !(members[i].roles & FSP_ROLE_STORAGE))
            continue;
        weights += ((level_t)1 << 64) / members[i].inverse_weight;
        capacities += members[i].capacity_bytes;
    }
    if (weights == 0)
        return 0;
    /* 2^64 x capacities / (capacity x weights), kept below 128 bits. */
    while (capacities >> 62 != 0) {
        capacities >>= 1;
        capacity = capacity > 1 ? capacity >> 1 : 1;
    }
    return clamp_weight((capacities << 64) / weights / capacity);
}

static void
weigh_newcomers(fsp_member_t *members, size_t count, const uint64_t *targets)
{
    uint32_t *fresh = fsp_alloc_array(count, sizeof(*fresh));
    for (size_t i = 0; i < count; i++) {
        fresh[i] = members[i].inverse_weight;
        if (targets[i] == FSP_SHARE_ONE || targets[i] == 0) {
            fresh[i] = 0;
        } else if (fresh[i] == 0) {
            fresh[i] = mean_weight(members, count, members[i].capacity_bytes);
            if (fresh[i] == 0)
                fresh[i] = first_weight(targets[i]);
        }
    }
    for (size_t i = 0; i < count; i++)
        members[i].inverse_weight = fresh[i];
    fsp_free(fresh);
}

void
fsp_place_calibrate(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_t *members, size_t count,
                    unsigned copies)
{
    enum { MANY = 300, KEEP = 105, KEEP_MANY = 110, GOOD = 101 };
    uint64_t *targets = fsp_alloc_array(count, sizeof(*targets));
    uint32_t *counts = fsp_alloc_array(count, sizeof(*counts));
    fsp_member_list_t list = {.members = members, .count = count};
    (void)fsp_place_targets(list, copies, targets); /* zeroes: all weights are equal then */
    weigh_newcomers(members, count, targets);
    unsigned percent = count > MANY ? KEEP_MANY : KEEP;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        uint64_t slots = fsp_place_counts(mesh_id, slot_bits, list, copies, counts);
        if (all_within(counts, targets, count, slots, percent, SLACK_SLOTS))
            break;
        percent = GOOD; /* once begun, it is done well */
        for (size_t i = 0; i < count; i++) {
            uint64_t wanted = (uint64_t)(((level_t)targets[i] * slots) >> 32);
            if (members[i].inverse_weight == 0 || wanted == 0)
                continue;
            uint64_t actual = counts[i] > 0 ? counts[i] : 1;
            members[i].inverse_weight = clamp_weight(
                ((level_t)members[i].inverse_weight * power_four_fifths(actual, wanted)) >> 16);
        }
    }
    fsp_free(targets);
    fsp_free(counts);
}
