/* SPDX-License-Identifier: MIT */
/* snapshot_send - one snapshot on its way to one replica.  Layer core/engine.  Pure.
 *
 * The rows of a shard's state in key order, from a frozen view at one applied index, in frames of
 * about 256 KiB.  At most WINDOW frames are out; each acknowledgement says which position is wanted
 * next, and so is credit, progress and request to go back at once.  Going back costs no memory: for
 * each frame that is out, the key it began behind and the digest before it are kept.
 *
 *   digest(n) = SHA-256(digest(n - 1) || key bytes u32 || key || value), over rows, so that it does
 *   not depend on where frames end; keys without shard and generation.
 */
#ifndef FSP_CORE_ENGINE_SNAPSHOT_SEND_H
#define FSP_CORE_ENGINE_SNAPSHOT_SEND_H
#include "core/base/limits.h"
#include "core/base/view.h"
#include "core/engine/replica_message.h"
#include "core/meta/rows.h"

enum {
    FSP_SNAPSHOT_WINDOW = 4,
    FSP_SNAPSHOT_FRAME_BYTES = 256 * 1024,
    FSP_SNAPSHOT_SILENCES_MAX = 8, /* times without an answer before it is given up */
    FSP_SNAPSHOT_PREFIX_BYTES = 8, /* shard and generation, which keys of frames do not have */
};

/* Where a frame begins. */
typedef struct {
    uint8_t after[FSP_ROW_KEY_BYTES_MAX]; /* the row before it, without prefix */
    size_t after_bytes;
    fsp_hash_t digest;
} fsp_snapshot_place_t;

typedef struct {
    uint64_t replica; /* the receiver */
    uint64_t id;
    fsp_view_t *frozen;
    fsp_shard_ref_t shard;
    uint64_t index, term; /* of the log, that the rows stand for */
    fsp_raft_conf_t conf;
    uint64_t acked;    /* the position that is wanted */
    uint64_t sent;     /* the next one to be sent */
    uint64_t end;      /* positions there are; 0: not known yet */
    uint64_t farthest; /* positions that were out at some time */
    fsp_snapshot_place_t places[FSP_SNAPSHOT_WINDOW + 1]; /* of acked .. sent, by position */
    unsigned silences;
    fsp_time_t patience_at;
} fsp_snapshot_send_t;

/* Freezes `view`; NULL if its shard row cannot be read, *ret_status says why. */
fsp_snapshot_send_t *fsp_snapshot_send_new(uint64_t replica, uint64_t id, fsp_view_t *view,
                                           fsp_shard_ref_t shard, fsp_status_t *ret_status);
void fsp_snapshot_send_destroy(fsp_snapshot_send_t **self_p);
bool fsp_snapshot_send_open(const fsp_snapshot_send_t *self); /* another frame may go out */
/* The next frame; raft is left to the caller. */
FSP_MUST_CHECK fsp_status_t fsp_snapshot_send_next(fsp_snapshot_send_t *self,
                                                   fsp_replica_frame_t *ret);
/* An acknowledgement.  False: it cannot be followed (a restart of the receiver goes back to 0). */
bool fsp_snapshot_send_took(fsp_snapshot_send_t *self, uint64_t position);
/* Everything that is out was lost, as far as we know. */
void fsp_snapshot_send_again(fsp_snapshot_send_t *self);
bool fsp_snapshot_send_done(const fsp_snapshot_send_t *self);

/* One row more. */
void fsp_snapshot_digest(fsp_hash_t *digest, fsp_slice_t key, fsp_slice_t value);
#endif
