/* SPDX-License-Identifier: MIT */
/* sim_lies - lies of the disk: each breaks one promise of the store.  Layer tests.
 *
 * Apart from the disk, so that the honest disk can be read without them.  Without a lie none of
 * these functions does anything.
 */
#ifndef FSP_TESTS_SIM_SIM_LIES_H
#define FSP_TESTS_SIM_SIM_LIES_H
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "tests/sim/sim_config.h"

/* A write as it was submitted. */
typedef struct {
    uint64_t token;
    uint64_t serial; /* number of the write */
    fsp_batch_t *batch;
    bool durable;     /* rows of the log are synced before it is reported */
    bool keeps_state; /* and those of the state up to it kept */
    bool late;        /* lie: becomes visible one group after it was reported */
    uint64_t durable_index;
} sim_write_t;

/* Its rows of one family, in the database and not on stable storage. */
typedef struct {
    fsp_batch_t *batch;     /* rows of other families are not meant */
    uint64_t serial, place; /* of the write, of its group */
    bool late;
    bool apart; /* lie: what follows of the same write may be torn from it */
} sim_rows_t;

typedef struct {
    sim_lie_t lie;
    fsp_prng_t prng;
    fsp_memview_t *old[FSP_FAMILY_COUNT]; /* an old copy of the database */
} sim_lies_t;

void sim_lies_init(sim_lies_t *self, sim_lie_t lie, uint64_t seed);
void sim_lies_clear(sim_lies_t *self);
/* Before a write is written. */
void sim_lies_falsify(sim_lies_t *self, sim_write_t *write);
/* May divide the state rows of a write; returns the rest, NULL: there is none. */
fsp_batch_t *sim_lies_split(sim_lies_t *self, fsp_batch_t **batch_p);
/* Moves the rows of a family out of a batch. */
fsp_batch_t *sim_lies_rows_of(fsp_batch_t *batch, fsp_family_t family);
bool sim_lies_about_sync(sim_lies_t *self);
bool sim_lies_about_keeping(const sim_lies_t *self);
/* After a sync, to keep an old copy. */
void sim_lies_remember(sim_lies_t *self, fsp_memview_t *const *views);
/* Changes which rows a crash keeps: the first *kept_p of them. */
void sim_lies_about_crash(sim_lies_t *self, sim_rows_t *rows, size_t count, size_t *kept_p);
/* Changes what is on the disk after a crash.  True if the watermark is lost too. */
bool sim_lies_after_crash(sim_lies_t *self, fsp_memview_t **views);
#endif
