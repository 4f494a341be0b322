/* SPDX-License-Identifier: MIT */
/* sim_operation_parts - random parts of operations.  Private to sim_operation.c and
   sim_families.c.  Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_OPERATION_PARTS_H
#define FSP_TESTS_SIM_SIM_OPERATION_PARTS_H
#include "tests/sim/sim_client.h"

bool sim_chance(sim_client_t *self, uint64_t percent);
uint64_t sim_below(sim_client_t *self, uint64_t bound);
/* A file mostly, now and then a directory; *ret_name is its position among the names of files, or
   SIM_NAMES_MAX.  The text is in `text`. */
fsp_slice_t sim_pick_path(sim_client_t *self, char text[64], size_t *ret_name);
fsp_slice_t sim_pick_directory(sim_client_t *self, char text[64]);
fsp_file_id_t sim_new_file_id(sim_client_t *self);
/* A version known of a name; one from before, or a made-up one, now and then. */
fsp_version_id_t sim_pick_version(sim_client_t *self, size_t name);
/* One of the types of conditions, on such a version. */
fsp_condition_t sim_pick_condition(sim_client_t *self, size_t name,
                                   const fsp_condition_type_t *types, size_t count);
/* Bodies of level 1; they use the client's memory of paths and carrier. */
void sim_make_put(sim_client_t *self, fsp_command_t *command);
/* dice: 0..99, DELETE, MKDIR, MOVE, RESTORE, COPY. */
void sim_make_other(sim_client_t *self, fsp_command_t *command, uint64_t dice);
/* One of few carriers, so that it can be met again. */
enum { SIM_CARRIERS = 3 };
fsp_slice_t sim_few_carrier(uint8_t number, uint8_t memory[256]);
#endif
