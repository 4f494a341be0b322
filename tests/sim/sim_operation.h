/* SPDX-License-Identifier: MIT */
/* sim_operation - random operations and queries on few names, so that they collide.
   Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_OPERATION_H
#define FSP_TESTS_SIM_SIM_OPERATION_H
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_oracle.h"

/* Fills command with a new operation; the first of a run makes the space. */
void sim_operation_make(sim_client_t *self);
/* Fills query. */
void sim_operation_make_query(sim_client_t *self);
/* Tells the oracle which paths there are. */
void sim_operation_watch(sim_space_t *space, sim_oracle_t *oracle);
#endif
