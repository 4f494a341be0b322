/* SPDX-License-Identifier: MIT */
/* shard - a replica on a store without the actors between them: commands in, groups to the disk. */
#ifndef FSP_BENCH_SHARD_H
#define FSP_BENCH_SHARD_H
#include "core/engine/replica.h"
#include "store/store.h"

enum { BENCH_GROUP = 64 /* commands under way at once, as from so many clients */ };

typedef struct {
    fsp_store_t *store; /* borrowed */
    fsp_replica_t *replica;
    fsp_raft_member_t self;
    uint32_t shard;
    fsp_replica_effects_t effects;
    struct {
        uint64_t token;
        fsp_batch_t *batch;
        bool durable;
        uint64_t durable_index;
    } held[4 * BENCH_GROUP]; /* not written yet, in order */
    size_t held_count;
    uint64_t kept; /* place that the replica was told last */
    fsp_time_t now_us;
    fsp_buf_t results[BENCH_GROUP]; /* of the last group, encoded */
    double write_s;                 /* spent in fsp_store_write */
} bench_shard_t;

/* Starts the replica, alone in its shard, and waits until it leads. */
void bench_shard_start(bench_shard_t *self, fsp_store_t *store, fsp_shard_ref_t shard,
                       const fsp_raft_member_t *member);
/* Runs one group, count <= BENCH_GROUP; all results are there on return.  Rows that need not be
   durable at once wait for the next group, as in the store actor. */
void bench_shard_run(bench_shard_t *self, const fsp_slice_t *commands, size_t count);
/* Writes what waits and ends the replica. */
void bench_shard_stop(bench_shard_t *self);
#endif
