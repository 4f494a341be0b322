/* SPDX-License-Identifier: MIT */
/* sim_known - what the clients of a space were told, to ask for it again; what commands promise.
   Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_KNOWN_H
#define FSP_TESTS_SIM_SIM_KNOWN_H
#include "core/meta/query.h"

enum { SIM_KNOWN_MAX = 32, SIM_KNOWN_LEASES_MAX = 4 };

/* What answers said, to all clients of a space.  Rings: position = count modulo size. */
typedef struct {
    uint64_t level;    /* of the shard */
    bool rights_given; /* visitors have some at the root */
    bool links_made;
    bool closing;   /* the space, as far as it is known */
    uint64_t floor; /* of subjects */
    uint64_t epoch, layout;
    uint64_t used;   /* octets of the space */
    uint64_t offset; /* of the upload that was told of last */
    fsp_time_t now;  /* latest log time */
    fsp_time_t jump; /* the time behind a jump of it; 0: none was seen */
    fsp_file_id_t root_id, trash_id;
    struct {
        fsp_file_id_t file_id;
        fsp_version_id_t version_id;
    } versions[SIM_KNOWN_MAX];
    size_t version_count;
    struct {
        fsp_file_id_t file_id;
        fsp_version_id_t version_id;
    } pruned; /* the last one; zero: none */
    struct {
        uint64_t index;
        fsp_time_t time;
    } changes[SIM_KNOWN_MAX];
    size_t change_count;
    uint64_t trashed[SIM_KNOWN_MAX]; /* changes that put something into the trash */
    size_t trashed_count;
    struct {
        fsp_file_id_t file_id;
        fsp_subject_id_t holder;
        uint64_t token;
    } leases[SIM_KNOWN_LEASES_MAX];
    size_t lease_count;
} sim_known_t;

/* Takes from the result of a command. */
void sim_known_learn(sim_known_t *self, const fsp_command_t *command, const fsp_result_t *result);
/* Takes from the answer to a query. */
void sim_known_learn_answer(sim_known_t *self, const fsp_query_t *query, fsp_slice_t answer);

/* -- what commands promise --------------------------------------------------------------------- */

/* An OK does not promise a change. */
bool sim_command_silent(fsp_command_type_t type);
/* Its answers are not kept: sent again, it is judged anew. */
bool sim_command_judged_anew(fsp_command_type_t type);
/* The heads that names have stay as they are. */
bool sim_command_keeps_heads(fsp_command_type_t type);
#endif
