/* SPDX-License-Identifier: MIT */
/* replica_commands - the few commands and queries that tests of replicas need.  Layer tests. */
#ifndef FSP_TESTS_UNIT_ENGINE_REPLICA_COMMANDS_H
#define FSP_TESTS_UNIT_ENGINE_REPLICA_COMMANDS_H
#include "core/base/limits.h"
#include "core/meta/command.h"
#include "core/meta/query.h"

#include <stdio.h>

#define REPLICA_SPACE ((fsp_space_id_t){{5}})
#define REPLICA_SUBJECT ((fsp_subject_id_t){{6}})

static inline fsp_slice_t
replica_space_init(fsp_buf_t *bytes)
{
    fsp_command_t command = {
        .type = FSP_COMMAND_SPACE_INIT,
        .version = 1,
        .space_id = REPLICA_SPACE,
        .subject = REPLICA_SUBJECT,
        .op_id = {{1}},
        .attempt = 1,
        .space_init = {.name = fsp_slice_text("home"),
                       .owner = REPLICA_SUBJECT,
                       .root_id = {{1}},
                       .trash_id = {{2}},
                       .chunk_bytes_min = FSP_CHUNK_BYTES_MIN,
                       .chunk_bytes_avg = FSP_CHUNK_BYTES_AVG,
                       .chunk_bytes_max = FSP_CHUNK_BYTES_MAX,
                       .keys = {{.generation = 1, .wrapped = fsp_slice_text("wrapped")}},
                       .key_count = 1},
    };
    fsp_buf_reset(bytes);
    fsp_command_encode(&command, bytes);
    return fsp_buf_slice(bytes);
}

/* MKDIR /d<number>, operation id and attempt. */
static inline fsp_slice_t
replica_make_directory(fsp_buf_t *bytes, uint8_t number, uint32_t attempt)
{
    char path[8];
    snprintf(path, sizeof(path), "/d%u", number);
    fsp_command_t command = {
        .type = FSP_COMMAND_MKDIR,
        .version = 1,
        .space_id = REPLICA_SPACE,
        .subject = REPLICA_SUBJECT,
        .op_id = {{2, number}},
        .attempt = attempt,
        .mkdir = {.target = {.path = fsp_slice_text(path)}, .ids_seed = {{3, number}}},
    };
    fsp_buf_reset(bytes);
    fsp_command_encode(&command, bytes);
    return fsp_buf_slice(bytes);
}

static inline fsp_slice_t
replica_ask_changes(fsp_buf_t *bytes)
{
    fsp_query_t query = {.type = FSP_QUERY_CHANGES,
                         .space_id = REPLICA_SPACE,
                         .subject = REPLICA_SUBJECT,
                         .limit = 100};
    fsp_buf_reset(bytes);
    fsp_query_encode(&query, bytes);
    return fsp_buf_slice(bytes);
}
#endif
