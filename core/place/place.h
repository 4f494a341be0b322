/* SPDX-License-Identifier: MIT */
/* place - who owns a slot: calibrated rendezvous in integers.  Layer core/place.  Pure.
 *
 * Mix of (mesh id M, slot, node id N), all arithmetic modulo 2^64; M0..M3 and N0..N3 are the ids as
 * four big-endian 64-bit words, mix64 is fsp_mix64 (SplitMix64's finaliser, core/base/prng.h):
 *
 *   m = mix64(mix64(mix64(mix64(M0) ^ M1) ^ M2) ^ M3)
 *   s = mix64(m + slot x 0x9e3779b97f4a7c15)
 *   u = mix64(s ^ N0 ^ N1 ^ N2 ^ N3)
 *
 * rank(slot, member) = 2^96 + u x inverse weight (a 128-bit number), or u if the inverse weight is
 * 0: such a member comes before all others, and several of them take turns to be first instead of
 * following their ids.  The smallest ranks own, within q = ceil(R / min(R, zones with capacity)) a
 * zone; where quotas end the walk too early, the rest follows by rank without them.  Ties by node
 * id.  The order of the walk is also the order of preference.  A shorter walk is the beginning of a
 * longer one.  (docs/protocol/placement.md)
 */
#ifndef FSP_CORE_PLACE_PLACE_H
#define FSP_CORE_PLACE_PLACE_H
#include "core/base/types.h"

enum { FSP_ROLE_STORAGE = 1, FSP_ROLE_VOTER = 2, FSP_ROLE_GATEWAY = 4, FSP_ROLE_WITNESS = 8 };
enum { FSP_SLOT_BITS_DEFAULT = 16, FSP_OWNERS_MAX = 16, FSP_MEMBERS_MAX = 10000 };

typedef struct {
    fsp_node_id_t node_id;
    uint32_t zone;
    uint64_t capacity_bytes; /* 0: stores nothing */
    uint32_t inverse_weight; /* smaller owns more; 0 owns every slot */
    uint32_t roles;
} fsp_member_t;

/* One list of members; those without FSP_ROLE_STORAGE or capacity are skipped. */
typedef struct {
    const fsp_member_t *members;
    size_t count;
} fsp_member_list_t;

/* First slot_bits (1..32) bits: of an object's key, or, for the slot at which shard i is placed, of
   SHA-256("fsp shard" || i as u32 big-endian). */
uint32_t fsp_slot_of(fsp_key_t key, unsigned slot_bits);
/* u of the formula above. */
uint64_t fsp_place_mix(fsp_mesh_id_t mesh_id, uint32_t slot, fsp_node_id_t node_id);
/* Writes the first owner_count_max positions (into list.members) of the walk, best first;
   returns how many.  copies = R decides the zone quota; owner_count_max may be up to 2R (guests
   follow owners).  One pass over the members (two if quotas end it early), no memory. */
size_t fsp_place_walk(fsp_mesh_id_t mesh_id, fsp_member_list_t list, uint32_t slot, unsigned copies,
                      uint32_t *ret_positions, size_t owner_count_max);
#endif
