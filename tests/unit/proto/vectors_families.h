/* SPDX-License-Identifier: MIT */
/* vectors_families - what the golden vectors of feature level 2 are made of.  Layer tests. */
#ifndef FSP_TESTS_UNIT_PROTO_VECTORS_FAMILIES_H
#define FSP_TESTS_UNIT_PROTO_VECTORS_FAMILIES_H
#include "tests/unit/proto/vectors_rows.h"

#define TIME UINT64_C(1764083916000000)
#define DAY_US (UINT64_C(86400) * 1000000)

/* Encodes a value and adds it. */
#define ADD(entries_, name_, kind_, encode_, value_)                                               \
    do {                                                                                           \
        fsp_buf_t bytes_;                                                                          \
        fsp_buf_init(&bytes_, FSP_VALUE_BYTES_MAX);                                                \
        encode_((value_), &bytes_);                                                                \
        vectors_add((entries_), (name_), (kind_), fsp_buf_slice(&bytes_));                         \
        fsp_buf_clear(&bytes_);                                                                    \
    } while (0)

/* -- parts ------------------------------------------------------------------------------------- */

static inline fsp_target_t
by_path(const char *path)
{
    return (fsp_target_t){.path = fsp_slice_text(path)};
}

static inline fsp_target_t
by_file(uint8_t byte)
{
    fsp_target_t target = {.path = {0}};
    FILL(target.id, byte);
    return target;
}

static inline void
set_condition(fsp_condition_t *condition, fsp_condition_type_t type)
{
    *condition = (fsp_condition_t){.type = type};
    if (type == FSP_IF_MATCH || type == FSP_IF_EDIT) {
        condition->version_count = 1;
        FILL(condition->versions[0], 0xb0);
    }
}

static inline void
add_key(json_t *entries, const char *name, fsp_table_t table, const char *id_bytes,
        uint64_t number_last)
{
    json_t *given = json_object();
    say_u64(given, "shard", 1);
    say_u64(given, "generation", 2);
    say_u64(given, "table", table);
    say(given, "space", json_string("11111111111111111111111111111111"));
    say(given, "ids", json_string(id_bytes));
    if (number_last)
        say_u64(given, "number_last", number_last);
    vectors_add_computed(entries, name, "row-key", given);
}

/* Node and space rows that only their parts of level 2 tell apart. */
static inline void
begin_node_row(fsp_kind_t kind)
{
    memset(&node_row, 0, sizeof(node_row));
    node_row.kind = kind;
    FILL(node_row.parent_id, 0x88);
    memcpy(node_row.name, "vu.txt", 6);
    node_row.name_bytes = 6;
    node_row.index = 301;
    node_row.time = node_row.content_time = TIME;
    if (kind == FSP_KIND_DIRECTORY)
        return;
    node_row.size = 5000000;
    node_row.head_count = 1;
    node_row.heads[0].number = 2;
    FILL(node_row.heads[0].id, 0xb0);
}

static inline void
begin_space_row(void)
{
    static const uint8_t wrapped[80] = {0x01, 0x02};
    space_row = (fsp_space_row_t){.name = fsp_slice_text("home"),
                                  .used_bytes = 5000000,
                                  .change_index = 301,
                                  .horizon = 12,
                                  .op_count = 301,
                                  .chunk_bytes_min = FSP_CHUNK_BYTES_MIN,
                                  .chunk_bytes_avg = FSP_CHUNK_BYTES_AVG,
                                  .chunk_bytes_max = FSP_CHUNK_BYTES_MAX,
                                  .key_count = 1};
    FILL(space_row.owner, 0x22);
    FILL(space_row.head_hash, 0xc0);
    FILL(space_row.root_id, 0x88);
    FILL(space_row.trash_id, 0x99);
    space_row.keys[0] = (fsp_wrapped_key_t){1, fsp_slice(wrapped, sizeof(wrapped))};
    space_row.wrapped_cut_key = fsp_slice(wrapped, sizeof(wrapped));
}

static inline void
begin_result(fsp_status_t status)
{
    result =
        (fsp_result_t){.status = status, .index = 301, .kind = FSP_KIND_DIRECTORY, .time = TIME};
    FILL(result.file_id, 0x88);
}

/* As ADD; reading it back overwrites space_row, which borrows. */
static inline void
add_space_row(json_t *entries, const char *name)
{
    fsp_space_row_t kept = space_row;
    ADD(entries, name, "row-space", fsp_space_row_encode, &space_row);
    space_row = kept;
}

#define VECTORS_FAMILY_KINDS                                                                       \
    {"command", read_command, NULL}, VECTORS_ASKING_KINDS, VECTORS_ROW_KINDS
#endif
