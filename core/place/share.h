/* SPDX-License-Identifier: MIT */
/* share - does a list give every member its share of the slots?  Layer core/place.  Pure.
 *
 * The target of a member is its capacity's share of all copies, at most one copy of each slot, and
 * within the quotas of zones; what does not fit is spread over the others (water filling).
 * docs/protocol/commands-system.md, section 6, says it exactly: lists are refused by it, so these
 * integers are part of the state machine of shard 0 and never change.
 */
#ifndef FSP_CORE_PLACE_SHARE_H
#define FSP_CORE_PLACE_SHARE_H
#include "core/place/place.h"

/* One copy of every slot. */
#define FSP_SHARE_ONE (UINT64_C(1) << 32)

/* Targets of list.count members, as parts of FSP_SHARE_ONE; 0 for those that store nothing.
   False, with zeroes, if quotas cannot hold: then nobody's share is to be judged. */
bool fsp_place_targets(fsp_member_list_t list, unsigned copies, uint64_t *ret_targets);
/* How many slots each member owns, of those that were looked at; returns how many these are: all,
   or in large meshes every 2nd, 4th, ... (at most 2^28 ranks are computed: 1.2 s for three
   copies, 4 s for sixteen). */
uint64_t fsp_place_counts(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_list_t list,
                          unsigned copies, uint32_t *ret_counts);
/* False if some member owns more than 1.15 times its target and 16 slots.  At most 2^26 ranks are
   computed (0.3 s for three copies, 1 s for sixteen), since all apply it at once; where slots are
   left out for that, 64 slots in the place of 16. */
bool fsp_place_share_fits(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_list_t list,
                          unsigned copies);
/* Gives the members of a list to be proposed their inverse weights.  Those that have one keep it
   (inverse weight 0 and a target below one: a newcomer) unless somebody would then own more than
   5 percent (10 above 300 members) too much; then all are calibrated on the slots themselves. */
void fsp_place_calibrate(fsp_mesh_id_t mesh_id, unsigned slot_bits, fsp_member_t *members,
                         size_t count, unsigned copies);
#endif
