/* SPDX-License-Identifier: MIT */
/* world - nodes, disks, clients and time, all in one process and from one seed.  Layer tests.
 *
 * Time is virtual: the next event is taken from a heap and the clock jumps to it.  Every choice
 * comes from the seed, so a run can be repeated to the last effect; the trace's hash proves it.
 *
 * One node for now.  What is per node lies in node_t and events name their node, so more nodes need
 * a network between them and a choice of node in the clients, and no other change here.
 */
#ifndef FSP_TESTS_SIM_WORLD_H
#define FSP_TESTS_SIM_WORLD_H
#include "tests/sim/sim_config.h"

typedef struct {
    uint64_t hash;
    uint64_t operations, queries; /* answered */
    uint64_t events;
    uint64_t faults; /* all of the following, and messages lost, sent twice, stalls, clock jumps */
    uint64_t crashes, clean_stops, read_errors;
    uint64_t resends;
    uint64_t replayed; /* entries applied again after a crash */
    uint64_t drops;    /* of the log */
} world_outcome_t;

/* Runs a seed to its end.  Does not return if anything was wrong: says so and ends the process. */
world_outcome_t world_run(const sim_config_t *config, bool print);
#endif
