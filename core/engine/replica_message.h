/* SPDX-License-Identifier: MIT */
/* replica_message - what replicas of a shard send each other.  Layer core/engine.  Pure.
 *
 * Messages of raft travel as they are.  A snapshot travels as frames of at most about 256 KiB, each
 * under a raft message of type SNAPSHOT that says on whose behalf; the receiver acknowledges each
 * frame with where it stands, which is also the credit for the next (snapshot_send.h).
 */
#ifndef FSP_CORE_ENGINE_REPLICA_MESSAGE_H
#define FSP_CORE_ENGINE_REPLICA_MESSAGE_H
#include "core/base/buf.h"
#include "core/raft/raft.h"

typedef enum {
    FSP_REPLICA_RAFT = 1,
    FSP_REPLICA_FRAME = 2, /* raft: of type SNAPSHOT; frame */
    FSP_REPLICA_TOOK = 3,  /* raft.from, raft.to, raft.term; took */
} fsp_replica_message_type_t;

/* A piece of a snapshot. */
typedef struct {
    uint64_t id;       /* of the transfer; random in each life of a sender */
    uint64_t position; /* 0, 1, ... */
    bool last;
    fsp_hash_t digest;    /* last: of all rows (snapshot_send.h) */
    fsp_raft_conf_t conf; /* position 0: the configuration as of the snapshot */
    fsp_blob_t *rows;     /* [[key behind the generation, value]...] as canonical values */
} fsp_replica_frame_t;

typedef struct {
    uint64_t id;
    uint64_t position; /* of the next frame that is wanted */
    bool refused;      /* start again, with another id */
} fsp_replica_took_t;

typedef struct {
    fsp_replica_message_type_t type;
    fsp_raft_message_t raft;
    fsp_replica_frame_t frame;
    fsp_replica_took_t took;
} fsp_replica_message_t;

void fsp_replica_message_encode(const fsp_replica_message_t *message, fsp_buf_t *buf);
/* INVALID, TOO_LARGE.  End ret with fsp_replica_message_clear. */
FSP_MUST_CHECK fsp_status_t fsp_replica_message_decode(fsp_slice_t bytes,
                                                       fsp_replica_message_t *ret);
fsp_replica_message_t fsp_replica_message_copy(const fsp_replica_message_t *message);
void fsp_replica_message_clear(fsp_replica_message_t *message);
#endif
