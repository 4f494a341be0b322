/* SPDX-License-Identifier: MIT */
/* replicas - where the replicas of a shard belong (docs/consensus.md 4).  Layer core/meta.  Pure.
 *
 * A function of the newest list and the shard's number alone, so that the leader of a shard, its
 * members and SHARD_ADD agree.  docs/protocol/commands-system.md, section 7.
 */
#ifndef FSP_CORE_META_REPLICAS_H
#define FSP_CORE_META_REPLICAS_H
#include "core/meta/rows_system.h"

typedef struct {
    uint32_t position; /* in the list */
    fsp_replica_role_t role;
} fsp_replica_place_t;

/* First slot_bits bits of SHA-256("fsp shard" || shard as u32). */
uint32_t fsp_shard_slot(uint32_t shard, unsigned slot_bits);
/* The replicas that the shard should have, best first; returns how many (0: nobody stores).
   list: members by age, as decided lists are.  Voters and witness together are 1, 3 or 5. */
size_t fsp_desired_replicas(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_list_t list,
                            uint32_t shard, fsp_replica_place_t ret[FSP_REPLICAS_MAX]);
#endif
