/* SPDX-License-Identifier: MIT */
/* sim_hunt - runs many seeds in processes of their own, and tells of the first that fails.
   Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_HUNT_H
#define FSP_TESTS_SIM_SIM_HUNT_H
#include "tests/sim/sim_mutant.h"
#include "tests/sim/world.h"

enum { SIM_JOBS_MAX = 64 };

typedef struct {
    uint64_t seeds, first;
    uint32_t nodes;
    uint32_t jobs;              /* processes at a time; the result does not depend on it */
    const sim_mutant_t *mutant; /* NULL: none */
    bool shrink;                /* a find is made smaller */
} sim_hunt_t;

/* True: all seeds held, and *ret is their sum.  False: one did not, the lowest; it was told on
   standard output. */
bool sim_hunt(const sim_hunt_t *self, world_outcome_t *ret);
/* One seed in this process, in words. */
void sim_hunt_trace(const sim_hunt_t *self);
#endif
