/* SPDX-License-Identifier: MIT */
/* raft_conf - configurations: who is in a shard, who votes, what a majority is.  Layer core/raft.
 *
 * A member is (node id, replica number, store id).  Numbers are given by configurations, upwards,
 * and never again: what a replica lost, it cannot vote on under another one's number (R8).
 *
 *   simple   voters = seats with VOTER
 *   joint    two voter sets: VOTER (incoming) and OLD (outgoing); a decision needs a majority of
 *            each (dissertation 4.3), so that any two adjacent configurations intersect (R7)
 *
 * Seats with neither flag are learners: they receive and do not count.  SYNC marks the synchronous
 * learner of a mesh of two nodes, whose copy is waited for (docs/consensus.md 4).
 *
 * Pure values: no function here knows of terms, logs or time.
 */
#ifndef FSP_CORE_RAFT_RAFT_CONF_H
#define FSP_CORE_RAFT_RAFT_CONF_H
#include "core/base/buf.h"
#include "core/base/status.h"
#include "core/base/types.h"

typedef struct {
    fsp_node_id_t node_id;
    uint64_t replica;
    fsp_store_id_t store_id;
} fsp_raft_member_t;

enum {
    FSP_RAFT_SEATS_MAX = 16, /* 5 old and 5 new voters, a witness, learners */
    FSP_RAFT_VOTER = 1,
    FSP_RAFT_OLD = 2,
    FSP_RAFT_SYNC = 4, /* never together with another flag */
    FSP_RAFT_CONF_BYTES_MAX = 4096,
};

typedef struct {
    fsp_raft_member_t member;
    uint32_t flags;
} fsp_raft_seat_t;

typedef struct {
    uint64_t aim;          /* version of the layout that it serves */
    uint64_t next_replica; /* number that the next newcomer gets */
    size_t count;
    fsp_raft_seat_t seats[FSP_RAFT_SEATS_MAX]; /* ascending replica numbers */
} fsp_raft_conf_t;

/* Whom a shard shall consist of (the owners of its slot, docs/consensus.md 4). */
typedef struct {
    fsp_node_id_t node_id;
    fsp_store_id_t store_id;
    bool sync; /* a synchronous learner, no voter */
} fsp_raft_wanted_t;
typedef struct {
    uint64_t aim;
    size_t count;
    fsp_raft_wanted_t members[FSP_RAFT_SEATS_MAX];
} fsp_raft_target_t;

/* The first configuration of a shard: voters numbered 1.. in the order of target, or the sync
   learner behind them. */
fsp_raft_conf_t fsp_raft_conf_first(const fsp_raft_target_t *target);
/* One voter. */
fsp_raft_conf_t fsp_raft_conf_single(const fsp_raft_member_t *member);

/* Canonical array [1, aim, next replica, [[node, replica, store, flags]...]]. */
void fsp_raft_conf_encode(const fsp_raft_conf_t *conf, fsp_buf_t *buf);
/* INVALID, TOO_LARGE: only what fsp_raft_conf_sound takes. */
FSP_MUST_CHECK fsp_status_t fsp_raft_conf_decode(fsp_slice_t bytes, fsp_raft_conf_t *ret);
/* Numbers ascend, are not 0 and below next_replica; flags are known and fit each other; not more
   seats than there may be; a configuration with an OLD voter has a VOTER. */
bool fsp_raft_conf_sound(const fsp_raft_conf_t *conf);
bool fsp_raft_conf_eq(const fsp_raft_conf_t *a, const fsp_raft_conf_t *b);
bool fsp_raft_member_eq(const fsp_raft_member_t *a, const fsp_raft_member_t *b);

bool fsp_raft_conf_joint(const fsp_raft_conf_t *conf);
/* NULL: no seat of that number. */
const fsp_raft_seat_t *fsp_raft_conf_seat(const fsp_raft_conf_t *conf, uint64_t replica);
/* In one of the voter sets. */
bool fsp_raft_conf_votes(const fsp_raft_conf_t *conf, uint64_t replica);
size_t fsp_raft_conf_voters(const fsp_raft_conf_t *conf, uint32_t set);

/* True if the seats for which `yes` holds are a majority of every voter set.  yes[i] belongs to
   seats[i].  A configuration without voters decides nothing. */
bool fsp_raft_conf_majority(const fsp_raft_conf_t *conf, const bool *yes);
/* The highest value that a majority of every voter set has reached; values[i] of seats[i]. */
uint64_t fsp_raft_conf_reached(const fsp_raft_conf_t *conf, const uint64_t *values);

/* One step of a change.  Each returns a new configuration. */
/* A new learner with the next number. */
fsp_raft_conf_t fsp_raft_conf_add(const fsp_raft_conf_t *conf, const fsp_node_id_t *node_id,
                                  const fsp_store_id_t *store_id, uint32_t flags);
/* Joint: voters := the seats of `numbers`; the present voters become OLD. */
fsp_raft_conf_t fsp_raft_conf_enter(const fsp_raft_conf_t *conf, const uint64_t *numbers,
                                    size_t count, uint64_t aim);
/* Simple again: who was a voter and shall be none goes; learners stay. */
fsp_raft_conf_t fsp_raft_conf_leave(const fsp_raft_conf_t *conf);
/* Without a learner. */
fsp_raft_conf_t fsp_raft_conf_drop(const fsp_raft_conf_t *conf, uint64_t replica);

/* R7: whether every majority of a intersects every majority of b. */
bool fsp_raft_conf_adjacent(const fsp_raft_conf_t *a, const fsp_raft_conf_t *b);
#endif
