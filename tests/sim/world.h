/* SPDX-License-Identifier: MIT */
/* world - nodes, disks, a network, clients and time, all in one process and from one seed.
 *
 * Layer tests.  Time is virtual: the next event is taken from a heap and the clock jumps to it.
 * Every choice comes from the seed, so a run can be repeated to the last effect; the trace's hash
 * proves it.
 */
#ifndef FSP_TESTS_SIM_WORLD_H
#define FSP_TESTS_SIM_WORLD_H
#include "tests/sim/sim_config.h"

/* What a run has seen.  X(NAME): a count. */
#define WORLD_COUNT_LIST(X)                                                                        \
    X(operations) /* of clients, answered: commands and queries */                                 \
    X(events)     /* steps of the world */                                                         \
    X(faults)     /* all that went wrong on purpose */                                             \
    X(queries)    /* answered */                                                                   \
    X(resends)                                                                                     \
    X(crashes) /* processes that ended */                                                          \
    X(clean_stops)                                                                                 \
    X(read_errors)                                                                                 \
    X(elections) /* leaders made */                                                                \
    X(changes)   /* configurations committed */                                                    \
    X(losses)    /* replicas that lost what they had promised */                                   \
    X(replicas)  /* made, the first ones included */                                               \
    X(snapshots) /* installed */                                                                   \
    X(cuts)      /* logs that lost entries to a leader's */                                        \
    X(drops)     /* logs that lost their beginning */                                              \
    X(messages)  /* between replicas, delivered */

typedef struct {
    uint64_t hash;
#define X(name) uint64_t name;
    WORLD_COUNT_LIST(X)
#undef X
} world_outcome_t;

/* Runs a seed to its end.  Does not return if anything was wrong: says so and ends the process. */
world_outcome_t world_run(const sim_config_t *config, bool print);
#endif
