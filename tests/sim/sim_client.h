/* SPDX-License-Identifier: MIT */
/* sim_client - somebody who uses a space: one operation at a time, again until it is answered, or
 * given up.
 *
 * Layer tests.  Pure: told what arrives and when, says what to send, where to, and when to be
 * woken.
 */
#ifndef FSP_TESTS_SIM_SIM_CLIENT_H
#define FSP_TESTS_SIM_SIM_CLIENT_H
#include "core/base/prng.h"
#include "core/meta/query.h"
#include "tests/sim/sim_config.h"
#include "tests/sim/sim_history.h"
#include "tests/sim/sim_known.h"
#include "tests/sim/sim_trace.h"

/* An operation that was answered for good. */
typedef struct {
    fsp_op_id_t op_id;
    fsp_command_type_t type;
    fsp_status_t status;
    uint64_t index;     /* the space's change number in the answer */
    fsp_blob_t *result; /* encoded, `repeated` cleared */
} sim_acked_t;

/* A command that its client gave up: it may take effect, now, later or never. */
typedef struct {
    uint32_t client;
    uint64_t number;
    fsp_time_t began_us;
    fsp_blob_t *command; /* encoded */
} sim_abandoned_t;

/* What all clients of a run share: a space, and what is known of it. */
typedef struct {
    const sim_config_t *config;
    const sim_trace_t *trace;
    fsp_space_id_t space_id;
    fsp_subject_id_t subject;
    bool space_made;
    struct {
        bool known;
        fsp_version_id_t version_id;
        fsp_file_id_t file_id;
    } names[SIM_NAMES_MAX];
    uint64_t floor; /* highest change number in any answer so far */
    sim_known_t known;

    sim_acked_t *acked;
    size_t acked_count, acked_capacity;
    fsp_op_id_t *issued; /* every operation id that was ever sent */
    size_t issued_count, issued_capacity;
    sim_abandoned_t *abandoned;
    size_t abandoned_count, abandoned_capacity;
    sim_history_t history;
    uint64_t operations, queries, resends; /* answered, answered, sent again */
} sim_space_t;

void sim_space_init(sim_space_t *self, const sim_config_t *config, const sim_trace_t *trace,
                    fsp_prng_t *prng);
void sim_space_clear(sim_space_t *self);
/* NULL if it was not answered. */
const sim_acked_t *sim_space_acked(const sim_space_t *self, fsp_op_id_t op_id);
bool sim_space_issued(const sim_space_t *self, fsp_op_id_t op_id);

typedef struct sim_client {
    uint32_t number;
    sim_space_t *space;
    fsp_prng_t prng;
    uint32_t left; /* operations still to do */
    bool waiting;  /* for an answer to the present one */
    bool is_query;
    uint64_t operation;     /* number of the present one */
    fsp_time_t wake_us;     /* when something is due */
    fsp_time_t patience_us; /* until the present message is sent again */
    fsp_time_t began_us;    /* the present operation was sent first */
    uint32_t node;          /* asked last, or said to lead */
    bool elsewhere;         /* that one did not answer */
    bool calm;              /* faults have ended */

    fsp_command_t command; /* points into what follows */
    char path[64], path_to[64];
    size_t name; /* position of path in the table of names */
    uint8_t carrier[256];
    fsp_buf_t parts; /* lists in its body */
    struct {
        fsp_op_id_t op_id;
        uint64_t since;
        fsp_subject_id_t subject;
    } earlier; /* the last operation whose answer is kept, if has_earlier */
    bool has_earlier;
    bool reuses; /* the present operation has the id of that one, and asks for something else */
    fsp_buf_t query;
    uint64_t floor; /* of the space when the present operation was sent first */
    bool echo;      /* answered already; sent once more to see the same answer */
} sim_client_t;

/* What a client wants sent. */
typedef struct {
    bool wanted;
    bool is_query;
    uint32_t node;
    uint64_t operation;
    fsp_buf_t bytes;
} sim_message_t;

void sim_client_init(sim_client_t *self, uint32_t number, sim_space_t *space, uint64_t seed);
void sim_client_clear(sim_client_t *self);
/* Something is due at now.  Fills message, whose buffer the caller owns. */
void sim_client_wake(sim_client_t *self, fsp_time_t now_us, sim_message_t *message);
/* An answer to a message about operation.  leader: NOT_LEADER: a node that may lead, SIM_NODES_MAX
   not known. */
void sim_client_answer(sim_client_t *self, fsp_time_t now_us, uint64_t operation, bool is_query,
                       fsp_status_t status, uint32_t leader, fsp_slice_t bytes);
/* Faults have ended: nothing is given up any more, and little is begun. */
void sim_client_calm(sim_client_t *self);
bool sim_client_done(const sim_client_t *self);
#endif
