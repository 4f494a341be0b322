/* SPDX-License-Identifier: MIT */
/* replicas - where the replicas of a shard belong.  Layer core/meta.  Pure. */
#include "core/meta/replicas.h"

#include "core/base/check.h"
#include "core/crypto/digest.h"

enum { VOTERS = 3, SYSTEM_VOTERS = 5, SYSTEM_VOTERS_FROM = 5 };

uint32_t
fsp_shard_slot(uint32_t shard, unsigned slot_bits)
{
    uint8_t number[4];
    fsp_store_u32(number, shard);
    const fsp_slice_t pieces[] = {fsp_slice_text("fsp shard"), fsp_slice(number, sizeof(number))};
    fsp_hash_t hash = fsp_sha256_pieces(pieces, 2);
    fsp_key_t key;
    static_assert(sizeof(key) == sizeof(hash), "slots are cut from 32 octets");
    memcpy(key.bytes, hash.bytes, sizeof(key.bytes));
    return fsp_slot_of(key, slot_bits);
}

/* With one or two members that store nothing is computed: the older votes. */
static size_t
place_few(const uint32_t *storing, size_t count, const uint32_t *witness, fsp_replica_place_t *ret)
{
    if (count > 0)
        ret[0] = (fsp_replica_place_t){.position = storing[0], .role = FSP_REPLICA_VOTER};
    if (count < 2)
        return count;
    ret[1] = (fsp_replica_place_t){.position = storing[1], .role = FSP_REPLICA_SYNC_LEARNER};
    if (!witness)
        return 2;
    ret[1].role = FSP_REPLICA_VOTER;
    ret[2] = (fsp_replica_place_t){.position = *witness, .role = FSP_REPLICA_WITNESS};
    return 3;
}

size_t
fsp_desired_replicas(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_list_t list,
                     uint32_t shard, fsp_replica_place_t ret[FSP_REPLICAS_MAX])
{
    uint32_t storing[2] = {0}, witness = 0;
    size_t count = 0;
    bool witnessed = false;
    for (size_t i = 0; i < list.count; i++) {
        const fsp_member_t *member = &list.members[i];
        if ((member->roles & FSP_ROLE_STORAGE) && member->capacity_bytes > 0) {
            if (count < 2)
                storing[count] = (uint32_t)i;
            count++;
        } else if ((member->roles & FSP_ROLE_WITNESS) && !witnessed) {
            witness = (uint32_t)i;
            witnessed = true;
        }
    }
    if (count < VOTERS)
        return place_few(storing, count, witnessed ? &witness : NULL, ret);

    unsigned voters =
        shard == FSP_SYSTEM_SHARD && count >= SYSTEM_VOTERS_FROM ? SYSTEM_VOTERS : VOTERS;
    uint32_t owners[SYSTEM_VOTERS];
    static_assert((size_t)SYSTEM_VOTERS <= FSP_REPLICAS_MAX, "ret holds them");
    size_t found =
        fsp_place_walk(mesh_id, list, fsp_shard_slot(shard, slot_bits), voters, owners, voters);
    FSP_ASSERT(found == voters);
    for (size_t i = 0; i < found; i++)
        ret[i] = (fsp_replica_place_t){.position = owners[i], .role = FSP_REPLICA_VOTER};
    return found;
}
