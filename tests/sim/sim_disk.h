/* SPDX-License-Identifier: MIT */
/* sim_disk - one replica's rows: what can be read, what would survive, and a queue of writes.
 *
 * Stands for the store actor with its database.  Layer tests.  What would survive is not kept a
 * second time: undos say how to take back what is visible and not on stable storage.
 *
 *   submit --> waiting --> group --> rows of the log:   unsynced --> durable   (a sync)
 *                            |  \
 *                            |   --> rows of the state: unkept ----> kept      (whenever it likes)
 *                            |
 *                            +--> visible (before or after the sync, as the seed says)
 *
 * Fault model.  Two parts, each of which loses its end and nothing else.  Log: rows survive in the
 * order in which they were submitted, those of a write whole or not at all (the store's journal has
 * a checksum per record); a crash keeps all that was synced, and of what was not a prefix of any
 * length: the operating system may have written it.  State: rows have no journal; a crash keeps all
 * that was said to be kept, and of what was not a prefix of any length, whatever became of the log,
 * but none of a group of whose log rows some are lost, nor of what came after it: the store syncs
 * the journal before it shows the database anything.
 * What a restart finds stays: the store puts what it recovered on stable storage when it opens.
 * Lies (sim_config.h) break these rules one by one.
 */
#ifndef FSP_TESTS_SIM_SIM_DISK_H
#define FSP_TESTS_SIM_SIM_DISK_H
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "tests/sim/sim_config.h"

typedef struct sim_disk sim_disk_t;

/* A WRITE. */
typedef struct {
    uint64_t token;
    fsp_batch_t *batch;
    bool durable, keeps_state;
    uint64_t durable_index;
} sim_submit_t;

/* A write that was reported done. */
typedef struct {
    uint64_t token;
    uint64_t place; /* of its group */
    uint64_t durable_index;
} sim_done_t;

/* Told of each write whose rows of a family have come to stable storage, in order. */
typedef void(sim_disk_durable_fn)(void *context, const fsp_batch_t *batch, fsp_family_t family);

/* config and context outlive the disk. */
sim_disk_t *sim_disk_new(const sim_config_t *config, uint64_t seed, sim_disk_durable_fn *durable_fn,
                         void *context);
void sim_disk_destroy(sim_disk_t **self_p);

/* What the replica reads; fails if it was asked to. */
fsp_view_t *sim_disk_view(sim_disk_t *self, fsp_family_t family);
/* The rows that can be read, without failures. */
fsp_memview_t *sim_disk_rows(sim_disk_t *self, fsp_family_t family);
/* One read fails with IO: the count-th from now, 0 none. */
void sim_disk_fail_read(sim_disk_t *self, uint64_t count);
/* Reads fail with DAMAGED from now on. */
void sim_disk_damage(sim_disk_t *self);
/* How many reads have failed. */
uint64_t sim_disk_read_errors(const sim_disk_t *self);

/* Writes rows at once and durably: what was there before the run. */
void sim_disk_prepare(sim_disk_t *self, const fsp_batch_t *batch);

/* Takes the batch. */
void sim_disk_submit(sim_disk_t *self, sim_submit_t submit);
/* Nothing waits and no group is under way. */
bool sim_disk_idle(const sim_disk_t *self);
/* How many writes wait or are under way. */
size_t sim_disk_waiting(const sim_disk_t *self);
/* True if a group was begun: something waits and no other group is under way. */
bool sim_disk_begin(sim_disk_t *self, bool *ret_sync);
/* The group is done: fills ret_done, which has room for group_max. */
size_t sim_disk_end(sim_disk_t *self, sim_done_t *ret_done);
/* Some rows of the state are not kept. */
bool sim_disk_lags(const sim_disk_t *self);
/* Keeps some of them, or all; returns the place up to which all are. */
uint64_t sim_disk_keep(sim_disk_t *self);
/* A row of this generation of the state waits, or is not kept. */
bool sim_disk_lacks(const sim_disk_t *self, uint32_t generation);
/* Everything is synced and kept: a clean stop. */
void sim_disk_sync_all(sim_disk_t *self);
/* Power fails: afterwards what can be read is what survived.  Lies may lose the watermark too. */
void sim_disk_crash(sim_disk_t *self, bool *ret_watermark_lost);
#endif
