/* SPDX-License-Identifier: MIT */
/* sim_record - writes the history of a run, for the judge of linearizability.  Layer tests.
 *
 * What the history knows (sim_history.h): puts, edits and deletes by path, reads of one file,
 * listings.  Moves, copies and the rest change files too; the reference shows their effects, so
 * they are left out here, and the history does not claim to be complete.
 */
#ifndef FSP_TESTS_SIM_SIM_RECORD_H
#define FSP_TESTS_SIM_SIM_RECORD_H
#include "core/meta/query.h"
#include "tests/sim/sim_history.h"

/* What stands for the contents of an answer (of RESOLVE, or with names of LIST): sim_history.h.
 *ret_whole is false if the answer does not tell all. */
uint64_t sim_record_sight(fsp_slice_t answer, bool names, bool *ret_whole);

/* An operation with its answer; ends is FSP_TIME_NEVER for one without: then result is what the
   log says of it (NULL: it is not there).  number and client are for words. */
void sim_record_command(sim_history_t *self, uint32_t client, uint64_t number, fsp_time_t began,
                        fsp_time_t ended, const fsp_command_t *command, const fsp_result_t *result);
void sim_record_query(sim_history_t *self, uint32_t client, uint64_t number, fsp_time_t began,
                      fsp_time_t ended, const fsp_query_t *query, fsp_slice_t answer);
#endif
