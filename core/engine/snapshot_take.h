/* SPDX-License-Identifier: MIT */
/* snapshot_take - one snapshot that is being received.  Layer core/engine.  Pure.
 *
 *   frames -> rows under a generation of their own (lazy writes)
 *   last   -> all of them are kept; then they are read back and digested, a piece a step
 *   equal  -> raft's INSTALL; the switch is one durable write
 *
 * Until then nobody reads these rows; a restart forgets them (rows of generations that are not the
 * shard's are deleted when a replica starts).  A transfer goes on only under the same id, so from
 * the same life of the same sender and the same index.
 */
#ifndef FSP_CORE_ENGINE_SNAPSHOT_TAKE_H
#define FSP_CORE_ENGINE_SNAPSHOT_TAKE_H
#include "core/base/batch.h"
#include "core/base/view.h"
#include "core/engine/snapshot_send.h"

typedef enum {
    FSP_TAKE_NOTHING,
    FSP_TAKE_FRAMES,
    FSP_TAKE_KEEP,   /* the last frame's write is under way, which keeps the state */
    FSP_TAKE_VERIFY, /* reading back */
    FSP_TAKE_SWITCH, /* raft decides, then the write of the switch is under way */
} fsp_take_phase_t;

typedef struct {
    fsp_take_phase_t phase;
    uint64_t id;
    uint64_t from; /* replica */
    uint64_t index, term;
    fsp_raft_conf_t conf;
    uint32_t generation;                  /* of its rows */
    uint64_t position;                    /* of the next frame that is wanted */
    uint64_t written;                     /* frames that are in the database */
    fsp_hash_t digest;                    /* as the sender says of all rows */
    fsp_hash_t verified;                  /* of the rows read back so far */
    uint8_t after[FSP_ROW_KEY_BYTES_MAX]; /* and up to where, without prefix */
    size_t after_bytes;
} fsp_snapshot_take_t;

/* Puts the rows of a frame into batch, under the generation of the transfer.  INVALID: they cannot
   be read. */
FSP_MUST_CHECK fsp_status_t fsp_snapshot_take_rows(const fsp_snapshot_take_t *self,
                                                   fsp_shard_ref_t shard, fsp_slice_t rows,
                                                   fsp_batch_t *batch);
/* Reads back one piece.  FSP_OK with *ret_done: all is read, and *ret_equal says whether it is what
   was sent. */
FSP_MUST_CHECK fsp_status_t fsp_snapshot_take_verify(fsp_snapshot_take_t *self,
                                                     fsp_shard_ref_t shard, fsp_view_t *view,
                                                     bool *ret_done, bool *ret_equal);
/* Deletes the rows of generations from <= g < to. */
void fsp_snapshot_forget(uint32_t shard, uint32_t from, uint32_t to, fsp_batch_t *batch);
/* The same, if there are any: a range deletion over nothing would stay in the database for long. */
FSP_MUST_CHECK fsp_status_t fsp_snapshot_sweep(uint32_t shard, uint32_t from, uint32_t to,
                                               fsp_view_t *view, fsp_batch_t *batch);
#endif
