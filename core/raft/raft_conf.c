/* SPDX-License-Identifier: MIT */
/* raft_conf - configurations and their majorities.  Layer core/raft.  Pure. */
#include "core/raft/raft_conf.h"

#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/base/mutant.h"

enum {
    CONF_VERSION = 1,
    CONF_FIELDS = 4,
    SEAT_FIELDS = 4,
    FLAGS_KNOWN = FSP_RAFT_VOTER | FSP_RAFT_OLD | FSP_RAFT_SYNC,
};

/* -- making ------------------------------------------------------------------------------------ */

static void
add_seat(fsp_raft_conf_t *conf, fsp_node_id_t node_id, fsp_store_id_t store_id, uint32_t flags)
{
    FSP_PRE(conf->count < FSP_RAFT_SEATS_MAX);
    conf->seats[conf->count++] = (fsp_raft_seat_t){
        .member = {.node_id = node_id, .replica = conf->next_replica++, .store_id = store_id},
        .flags = flags,
    };
}

fsp_raft_conf_t
fsp_raft_conf_first(const fsp_raft_target_t *target)
{
    FSP_PRE(target);
    FSP_PRE(target->count > 0 && target->count <= FSP_RAFT_SEATS_MAX);
    fsp_raft_conf_t conf = {.aim = target->aim, .next_replica = 1};
    for (int sync = 0; sync <= 1; sync++)
        for (size_t i = 0; i < target->count; i++)
            if (target->members[i].sync == (sync == 1))
                add_seat(&conf, target->members[i].node_id, target->members[i].store_id,
                         sync ? FSP_RAFT_SYNC : FSP_RAFT_VOTER);
    FSP_POST(fsp_raft_conf_sound(&conf));
    return conf;
}

fsp_raft_conf_t
fsp_raft_conf_single(const fsp_raft_member_t *member)
{
    FSP_PRE(member && member->replica > 0);
    fsp_raft_conf_t conf = {.next_replica = member->replica + 1, .count = 1};
    conf.seats[0] = (fsp_raft_seat_t){.member = *member, .flags = FSP_RAFT_VOTER};
    return conf;
}

/* -- bytes ------------------------------------------------------------------------------------- */

void
fsp_raft_conf_encode(const fsp_raft_conf_t *conf, fsp_buf_t *buf)
{
    FSP_PRE(conf && buf);
    FSP_PRE(conf->count <= FSP_RAFT_SEATS_MAX);
    fsp_canon_array(buf, CONF_FIELDS);
    fsp_canon_uint(buf, CONF_VERSION);
    fsp_canon_uint(buf, conf->aim);
    fsp_canon_uint(buf, conf->next_replica);
    fsp_canon_array(buf, conf->count);
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_seat_t *seat = &conf->seats[i];
        fsp_canon_array(buf, SEAT_FIELDS);
        fsp_canon_id(buf, seat->member.node_id);
        fsp_canon_uint(buf, seat->member.replica);
        fsp_canon_id(buf, seat->member.store_id);
        fsp_canon_uint(buf, seat->flags);
    }
}

fsp_status_t
fsp_raft_conf_decode(fsp_slice_t bytes, fsp_raft_conf_t *ret)
{
    FSP_PRE(ret);
    if (bytes.bytes > FSP_RAFT_CONF_BYTES_MAX)
        return FSP_TOO_LARGE;
    *ret = (fsp_raft_conf_t){0};
    fsp_canon_t in = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&in, CONF_FIELDS, CONF_FIELDS); /* sticky */
    uint64_t version = fsp_canon_read_uint(&in, UINT64_MAX);
    if (in.status == FSP_OK && version != CONF_VERSION)
        fsp_canon_fail(&in, FSP_UNSUPPORTED);
    ret->aim = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->next_replica = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->count = fsp_canon_read_array(&in, 0, FSP_RAFT_SEATS_MAX);
    for (size_t i = 0; i < ret->count; i++) {
        fsp_raft_seat_t *seat = &ret->seats[i];
        (void)fsp_canon_read_array(&in, SEAT_FIELDS, SEAT_FIELDS);
        fsp_canon_read_id(&in, &seat->member.node_id);
        seat->member.replica = fsp_canon_read_uint(&in, UINT64_MAX);
        fsp_canon_read_id(&in, &seat->member.store_id);
        seat->flags = (uint32_t)fsp_canon_read_uint(&in, FLAGS_KNOWN);
    }
    fsp_status_t status = fsp_canon_finish(&in);
    if (status)
        return status;
    return fsp_raft_conf_sound(ret) ? FSP_OK : FSP_INVALID;
}

/* -- looking ----------------------------------------------------------------------------------- */

bool
fsp_raft_member_eq(const fsp_raft_member_t *a, const fsp_raft_member_t *b)
{
    return a->replica == b->replica && fsp_node_id_eq(a->node_id, b->node_id) &&
           fsp_store_id_eq(a->store_id, b->store_id);
}

bool
fsp_raft_conf_eq(const fsp_raft_conf_t *a, const fsp_raft_conf_t *b)
{
    if (a->aim != b->aim || a->next_replica != b->next_replica || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->seats[i].flags != b->seats[i].flags ||
            !fsp_raft_member_eq(&a->seats[i].member, &b->seats[i].member))
            return false;
    return true;
}

static bool
flags_sound(uint32_t flags)
{
    if (flags & ~(uint32_t)FLAGS_KNOWN)
        return false;
    return !(flags & FSP_RAFT_SYNC) || flags == FSP_RAFT_SYNC;
}

bool
fsp_raft_conf_sound(const fsp_raft_conf_t *conf)
{
    FSP_PRE(conf);
    if (conf->count > FSP_RAFT_SEATS_MAX)
        return false;
    uint64_t before = 0;
    for (size_t i = 0; i < conf->count; i++) {
        const fsp_raft_seat_t *seat = &conf->seats[i];
        if (seat->member.replica <= before || seat->member.replica >= conf->next_replica ||
            !flags_sound(seat->flags))
            return false;
        before = seat->member.replica;
    }
    return !fsp_raft_conf_joint(conf) || fsp_raft_conf_voters(conf, FSP_RAFT_VOTER) > 0;
}

bool
fsp_raft_conf_joint(const fsp_raft_conf_t *conf)
{
    return fsp_raft_conf_voters(conf, FSP_RAFT_OLD) > 0;
}

const fsp_raft_seat_t *
fsp_raft_conf_seat(const fsp_raft_conf_t *conf, uint64_t replica)
{
    for (size_t i = 0; i < conf->count; i++)
        if (conf->seats[i].member.replica == replica)
            return &conf->seats[i];
    return NULL;
}

bool
fsp_raft_conf_votes(const fsp_raft_conf_t *conf, uint64_t replica)
{
    const fsp_raft_seat_t *seat = fsp_raft_conf_seat(conf, replica);
    return seat && (seat->flags & (FSP_RAFT_VOTER | FSP_RAFT_OLD));
}

size_t
fsp_raft_conf_voters(const fsp_raft_conf_t *conf, uint32_t set)
{
    FSP_PRE(conf);
    size_t count = 0;
    for (size_t i = 0; i < conf->count; i++)
        count += (conf->seats[i].flags & set) != 0;
    return count;
}

/* -- majorities -------------------------------------------------------------------------------- */

/* Whether a seat counts in a voter set. */
static bool
counts(const fsp_raft_seat_t *seat, uint32_t set)
{
    if (FSP_MUTANT(learner_counts) && set == FSP_RAFT_VOTER && seat->flags == 0)
        return true;
    return (seat->flags & set) != 0;
}

static size_t
set_size(const fsp_raft_conf_t *conf, uint32_t set)
{
    size_t size = 0;
    for (size_t i = 0; i < conf->count; i++)
        size += counts(&conf->seats[i], set);
    return size;
}

/* A majority is more than half (dissertation 3.4); of 4 voters 3, for 2 do not intersect. */
static bool
enough(size_t have, size_t size)
{
    if (FSP_MUTANT(half_is_majority))
        return 2 * have >= size;
    return 2 * have > size;
}

bool
fsp_raft_conf_majority(const fsp_raft_conf_t *conf, const bool *yes)
{
    FSP_PRE(conf && yes);
    const uint32_t sets[] = {FSP_RAFT_VOTER, FSP_RAFT_OLD};
    for (size_t s = 0; s < 2; s++) {
        size_t size = set_size(conf, sets[s]);
        if (sets[s] == FSP_RAFT_OLD && (size == 0 || FSP_MUTANT(joint_one_quorum)))
            continue;
        size_t have = 0;
        for (size_t i = 0; i < conf->count; i++)
            have += yes[i] && counts(&conf->seats[i], sets[s]);
        if (!enough(have, size))
            return false;
    }
    return true;
}

/* The highest value that so many of the set have reached that they are enough. */
static uint64_t
reached_in(const fsp_raft_conf_t *conf, const uint64_t *values, uint32_t set)
{
    size_t size = set_size(conf, set);
    uint64_t best = 0;
    for (size_t i = 0; i < conf->count; i++) {
        if (!counts(&conf->seats[i], set) || values[i] <= best)
            continue;
        size_t have = 0;
        for (size_t j = 0; j < conf->count; j++)
            have += counts(&conf->seats[j], set) && values[j] >= values[i];
        if (enough(have, size))
            best = values[i];
    }
    return best;
}

uint64_t
fsp_raft_conf_reached(const fsp_raft_conf_t *conf, const uint64_t *values)
{
    FSP_PRE(conf && values);
    uint64_t reached = reached_in(conf, values, FSP_RAFT_VOTER);
    if (!fsp_raft_conf_joint(conf) || FSP_MUTANT(joint_one_quorum))
        return reached;
    uint64_t old = reached_in(conf, values, FSP_RAFT_OLD);
    return old < reached ? old : reached;
}

/* Subsets of the voters of both: is there one that decides in a while the rest decides in b? */
bool
fsp_raft_conf_adjacent(const fsp_raft_conf_t *a, const fsp_raft_conf_t *b)
{
    uint64_t numbers[2 * FSP_RAFT_SEATS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++)
        if (fsp_raft_conf_votes(a, a->seats[i].member.replica))
            numbers[count++] = a->seats[i].member.replica;
    for (size_t i = 0; i < b->count; i++)
        if (fsp_raft_conf_votes(b, b->seats[i].member.replica) &&
            !fsp_raft_conf_votes(a, b->seats[i].member.replica))
            numbers[count++] = b->seats[i].member.replica;
    FSP_ASSERT(count <= 20); /* 2^20 subsets at worst; in practice 2^6 */
    for (uint32_t chosen = 0; chosen < (1u << count); chosen++) {
        bool in_a[FSP_RAFT_SEATS_MAX] = {false};
        bool in_b[FSP_RAFT_SEATS_MAX] = {false};
        for (size_t n = 0; n < count; n++) {
            bool first = (chosen >> n) & 1;
            for (size_t i = 0; i < a->count; i++)
                in_a[i] = in_a[i] || (first && a->seats[i].member.replica == numbers[n]);
            for (size_t i = 0; i < b->count; i++)
                in_b[i] = in_b[i] || (!first && b->seats[i].member.replica == numbers[n]);
        }
        if (fsp_raft_conf_majority(a, in_a) && fsp_raft_conf_majority(b, in_b))
            return false;
    }
    return true;
}

/* -- changing ---------------------------------------------------------------------------------- */

fsp_raft_conf_t
fsp_raft_conf_add(const fsp_raft_conf_t *conf, const fsp_node_id_t *node_id,
                  const fsp_store_id_t *store_id, uint32_t flags)
{
    FSP_PRE(flags == 0 || flags == FSP_RAFT_SYNC);
    fsp_raft_conf_t next = *conf;
    add_seat(&next, *node_id, *store_id, flags);
    FSP_POST(fsp_raft_conf_sound(&next));
    return next;
}

static bool
listed(const uint64_t *numbers, size_t count, uint64_t replica)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == replica)
            return true;
    return false;
}

fsp_raft_conf_t
fsp_raft_conf_enter(const fsp_raft_conf_t *conf, const uint64_t *numbers, size_t count,
                    uint64_t aim)
{
    FSP_PRE(!fsp_raft_conf_joint(conf));
    FSP_PRE(count > 0);
    fsp_raft_conf_t next = *conf;
    next.aim = aim;
    for (size_t i = 0; i < next.count; i++) {
        fsp_raft_seat_t *seat = &next.seats[i];
        bool wanted = listed(numbers, count, seat->member.replica);
        if (seat->flags & FSP_RAFT_SYNC) {
            seat->flags = wanted ? FSP_RAFT_VOTER : FSP_RAFT_SYNC;
            continue;
        }
        uint32_t flags = seat->flags & FSP_RAFT_VOTER ? FSP_RAFT_OLD : 0;
        seat->flags = flags | (wanted ? FSP_RAFT_VOTER : 0);
    }
    FSP_POST(fsp_raft_conf_voters(&next, FSP_RAFT_VOTER) == count);
    FSP_POST(fsp_raft_conf_sound(&next));
    return next;
}

fsp_raft_conf_t
fsp_raft_conf_leave(const fsp_raft_conf_t *conf)
{
    FSP_PRE(fsp_raft_conf_joint(conf));
    fsp_raft_conf_t next = {.aim = conf->aim, .next_replica = conf->next_replica};
    for (size_t i = 0; i < conf->count; i++) {
        fsp_raft_seat_t seat = conf->seats[i];
        if (seat.flags == FSP_RAFT_OLD)
            continue; /* voted before, votes no more: gone, and its number with it */
        seat.flags &= ~(uint32_t)FSP_RAFT_OLD;
        next.seats[next.count++] = seat;
    }
    FSP_POST(fsp_raft_conf_sound(&next));
    return next;
}

fsp_raft_conf_t
fsp_raft_conf_drop(const fsp_raft_conf_t *conf, uint64_t replica)
{
    FSP_PRE(!fsp_raft_conf_votes(conf, replica));
    fsp_raft_conf_t next = {.aim = conf->aim, .next_replica = conf->next_replica};
    for (size_t i = 0; i < conf->count; i++)
        if (conf->seats[i].member.replica != replica)
            next.seats[next.count++] = conf->seats[i];
    FSP_POST(fsp_raft_conf_sound(&next));
    return next;
}
