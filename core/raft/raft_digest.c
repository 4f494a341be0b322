/* SPDX-License-Identifier: MIT */
/* raft_digest - do the replicas compute the same? (R4).  Layer core/raft.  Pure.
 *
 * The shell digests the results of every window of `digest_every` entries; windows end at multiples
 * of that.  A window is digested by itself, so nothing has to survive a restart: a replica that
 * began to apply in the middle of one has no digest of it and says nothing.
 *
 * Followers report their newest digest with each answer to a heartbeat.  When a majority of the
 * voters agree about a window, whoever differs - a follower, or the leader itself - is told to
 * stop: it computes something else from the same entries, and everything it answers from now on may
 * be wrong.  Without a majority nobody is stopped.
 */
#include "core/base/check.h"
#include "core/raft/raft_internal.h"

static size_t
slot_of(const fsp_raft_t *self, uint64_t index)
{
    return (size_t)(index / self->limits.digest_every % FSP_RAFT_DIGESTS_KEPT);
}

void
fsp_raft_on_digest(fsp_raft_t *self, uint64_t index, const fsp_hash_t *digest)
{
    FSP_PRE(index > 0 && index % self->limits.digest_every == 0);
    if (index <= self->digest_last)
        return; /* applied again after a restart of the shell's own count */
    self->digest_index[slot_of(self, index)] = index;
    self->digest[slot_of(self, index)] = *digest;
    self->digest_last = index;
}

static bool
own_digest(const fsp_raft_t *self, uint64_t index, fsp_hash_t *ret)
{
    size_t slot = slot_of(self, index);
    *ret = self->digest[slot];
    return self->digest_index[slot] == index;
}

/* What a replica said of the window that ends at index. */
static bool
digest_of(const fsp_raft_t *self, uint64_t replica, uint64_t index, fsp_hash_t *ret)
{
    if (replica == self->self.replica)
        return own_digest(self, index, ret);
    const fsp_raft_peer_t *peer = fsp_raft_peer(self, replica);
    if (!peer || peer->digest_index != index)
        return false;
    *ret = peer->digest;
    return true;
}

/* True if a majority says `digest` of this window. */
static bool
majority_says(const fsp_raft_t *self, uint64_t index, const fsp_hash_t *digest)
{
    const fsp_raft_conf_t *conf = fsp_raft_conf_now(self);
    bool yes[FSP_RAFT_SEATS_MAX] = {false};
    for (size_t i = 0; i < conf->count; i++) {
        fsp_hash_t other;
        yes[i] = digest_of(self, conf->seats[i].member.replica, index, &other) &&
                 fsp_hash_eq(other, *digest);
    }
    return fsp_raft_conf_majority(conf, yes);
}

void
fsp_raft_tell_stop(fsp_raft_t *self, uint64_t index, fsp_raft_effects_t *effects)
{
    if (self->stopped)
        return;
    self->stopped = true;
    fsp_raft_effects_add(effects, FSP_RAFT_STOP)->index = index;
}

void
fsp_raft_compare_digests(fsp_raft_t *self, fsp_raft_effects_t *effects)
{
    if (self->role != FSP_RAFT_LEADER || FSP_MUTANT(digests_not_compared))
        return;
    for (size_t i = 0; i < self->peer_count; i++) {
        uint64_t index = self->peers[i].digest_index;
        fsp_hash_t own;
        if (index == 0 || !own_digest(self, index, &own) || fsp_hash_eq(own, self->peers[i].digest))
            continue;
        if (majority_says(self, index, &own)) {
            (void)fsp_raft_send(self,
                                (fsp_raft_message_t){
                                    .type = FSP_RAFT_DIVERGED,
                                    .to = self->peers[i].replica,
                                    .index = index,
                                },
                                effects);
        } else if (majority_says(self, index, &self->peers[i].digest)) {
            fsp_raft_tell_stop(self, index, effects);
            fsp_raft_follow(self, self->hard.term, 0, effects);
            return;
        }
    }
}
