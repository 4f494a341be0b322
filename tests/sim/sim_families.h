/* SPDX-License-Identifier: MIT */
/* sim_families - what clients do once the shard is at level 2: history, leases, batches, uploads,
 * quota, keys, rights, links, epochs.  Layer tests.
 *
 * Random like sim_operation, on the same few names.  What is asked for again (a version, a token,
 * an offset, the name of something in the trash) is what some client was told, or near it.
 */
#ifndef FSP_TESTS_SIM_SIM_FAMILIES_H
#define FSP_TESTS_SIM_SIM_FAMILIES_H
#include "tests/sim/sim_client.h"

/* True if the next operation shall be one of these. */
bool sim_families_wanted(sim_client_t *self);
/* Fills the type and body of a command. */
void sim_families_make(sim_client_t *self, fsp_command_t *command);
/* Adds to a command of any type what level 2 lets it say: subject, groups, link, epoch; makes some
   PUTs version 2. */
void sim_families_dress(sim_client_t *self, fsp_command_t *command);
/* The same of a query: another type, or more of it. */
void sim_families_make_query(sim_client_t *self, fsp_query_t *query);
#endif
