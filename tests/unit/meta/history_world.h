/* SPDX-License-Identifier: MIT */
/* history_world - a shard at level 2, and the commands and queries on its past.  Tests. */
#ifndef FSP_TESTS_UNIT_META_HISTORY_WORLD_H
#define FSP_TESTS_UNIT_META_HISTORY_WORLD_H
#include "core/meta/audit.h"
#include "core/meta/changes.h"
#include "core/meta/past.h"
#include "tests/unit/meta/meta_world.h"

#define DAY_US ((fsp_time_t)24 * 3600 * 1000 * 1000)

/* Sets the shard's level, as a LEVEL_RAISE that was decided. */
static inline void
set_level(world_t *w, uint64_t level)
{
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row(w->shard, fsp_memview_view(w->rows), &row), FSP_OK);
    row.feature_level = level;
    fsp_row_key_t key = fsp_row_key(w->shard, FSP_TABLE_SHARD, (fsp_space_id_t){0});
    fsp_buf_t out;
    fsp_buf_init(&out, FSP_VALUE_BYTES_MAX);
    fsp_shard_row_encode(&row, &out);
    fsp_omap_put(fsp_memview_map(w->rows), fsp_row_key_slice(&key), fsp_buf_slice(&out), 0);
    fsp_buf_clear(&out);
}

/* A shard that was at level 2 before its space began. */
static inline void
set_up_history(void)
{
    world_init_bare(&world);
    set_level(&world, 2);
    fsp_command_t command = space_init_command(&world);
    ck_status(apply(&world, &command), FSP_OK);
}

/* Lets time pass without commands; no jump of more than a day, which would stop expiry. */
static inline void
pass_time(world_t *w, fsp_time_t us)
{
    const fsp_time_t step = DAY_US / 2;
    while (us > 0) {
        fsp_time_t now = us < step ? us : step;
        fsp_buf_t result;
        fsp_buf_init(&result, FSP_RESULT_BYTES_MAX);
        w->time += now;
        w->index++;
        ck_assert_int_eq(
            fsp_meta_apply(w->shard, w->txn, w->index, 1, w->time, (fsp_slice_t){0}, &result),
            FSP_OK);
        commit(w);
        fsp_buf_clear(&result);
        us -= now;
    }
}

static inline fsp_space_row_t
space_row(world_t *w, fsp_buf_t *bytes)
{
    fsp_row_key_t key = fsp_row_key(w->shard, FSP_TABLE_SPACE, w->space_id);
    fsp_space_row_t row;
    fsp_buf_init(bytes, FSP_VALUE_BYTES_MAX);
    ck_assert_int_eq(fsp_view_get(fsp_memview_view(w->rows), fsp_row_key_slice(&key), bytes),
                     FSP_OK);
    ck_assert_int_eq(fsp_space_row_decode(fsp_buf_slice(bytes), &row), FSP_OK);
    return row;
}

static inline fsp_space_history_t
space_history(world_t *w)
{
    fsp_buf_t bytes;
    fsp_space_history_t part = space_row(w, &bytes).history;
    fsp_buf_clear(&bytes);
    return part;
}

static inline uint64_t
used_bytes(world_t *w)
{
    fsp_buf_t bytes;
    uint64_t used = space_row(w, &bytes).used_bytes;
    fsp_buf_clear(&bytes);
    return used;
}

static inline uint64_t
change_index(world_t *w)
{
    fsp_buf_t bytes;
    uint64_t index = space_row(w, &bytes).change_index;
    fsp_buf_clear(&bytes);
    return index;
}

/* Rows of one table. */
static inline size_t
count_rows(world_t *w, fsp_table_t table)
{
    size_t count = 0;
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(w->rows));
    for (; row; row = fsp_omap_next(row))
        count += row->key.data[8] == table;
    return count;
}

static inline void
fail_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    ck_abort_msg("audit: %s: %s (number %llu)", fault->kind, fault->what,
                 (unsigned long long)fault->number);
}

/* The audit finds nothing. */
static inline void
ck_sound(world_t *w)
{
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(w->shard, fsp_memview_view(w->rows), fail_fault, NULL, &counts);
    ck_assert_uint_eq(counts.spaces, 1);
}

/* The path that the last command's answer has, as the operation table keeps it. */
static inline void
ck_result_path(const char *expected)
{
    fsp_op_id_t op_id = {{0}};
    fsp_store_u64(op_id.bytes, world.last_op);
    fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_OP, world.space_id);
    fsp_row_key_add(&key, FSP_SLICE_OF(world.owner));
    fsp_row_key_add(&key, FSP_SLICE_OF(op_id));
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    fsp_op_row_t op;
    fsp_result_t result;
    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(fsp_op_row_decode(row->value, &op), FSP_OK);
    ck_assert_int_eq(fsp_result_decode(op.result, &result), FSP_OK);
    ck_assert_msg(fsp_slice_eq(result.path, text(expected)), "path is \"%.*s\"",
                  (int)result.path.bytes, (const char *)result.path.data);
}

/* -- commands ---------------------------------------------------------------------------------- */

static inline fsp_status_t
undelete(world_t *w, fsp_target_t from, const char *to, bool create_parents)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_UNDELETE);
    command.history.given = true;
    command.history.target = from;
    command.history.to.path = text(to);
    command.history.create_parents = create_parents;
    command.history.ids_seed = next_seed(w);
    return apply(w, &command);
}

static inline fsp_status_t
prune_versions(world_t *w, fsp_target_t target, const fsp_version_id_t *ids, size_t count)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_PRUNE);
    command.history.given = true;
    command.history.target = target;
    command.history.versions = fsp_slice(ids, count * sizeof(*ids));
    return apply(w, &command);
}

static inline fsp_status_t
prune_one(world_t *w, const char *path, fsp_version_id_t id)
{
    return prune_versions(w, at(path), &id, 1);
}

static inline fsp_status_t
prune_step(world_t *w)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_PRUNE);
    return apply(w, &command);
}

static inline fsp_status_t
purge_one(world_t *w, fsp_target_t item, bool person)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_PURGE);
    command.history.given = true;
    command.history.target = item;
    command.history.person = person;
    return apply(w, &command);
}

static inline fsp_status_t
purge_all(world_t *w, fsp_time_t before, const char *after, bool person)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_PURGE);
    command.history.before = before;
    command.history.after = text(after);
    command.history.person = person;
    return apply(w, &command);
}

static inline fsp_status_t
set_retention(world_t *w, fsp_retention_t retention)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_RETENTION);
    command.history.retention = retention;
    return apply(w, &command);
}

static inline fsp_status_t
hold(world_t *w, fsp_target_t target, bool legal_hold, fsp_time_t worm_until)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_HOLD);
    command.history.given = true;
    command.history.target = target;
    command.history.legal_hold = legal_hold;
    command.history.worm_until = worm_until;
    return apply(w, &command);
}

/* -- queries ----------------------------------------------------------------------------------- */

/* Asks the whole way: bytes of the query, too. */
static inline fsp_answer_t
ask_bytes(world_t *w, const fsp_query_t *query)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_ANSWER_BYTES_MAX);
    fsp_query_encode(query, &bytes);
    fsp_query_t decoded;
    ck_status(fsp_query_decode(fsp_buf_slice(&bytes), &decoded), FSP_OK);
    fsp_answer_t answer = ask(w, &decoded);
    fsp_buf_clear(&bytes);
    return answer;
}

static inline fsp_status_t
resolve_then(world_t *w, fsp_target_t target, uint64_t index, fsp_node_info_t *ret)
{
    fsp_query_t query = new_query(w, FSP_QUERY_RESOLVE);
    query.target = target;
    query.at_index = index;
    fsp_answer_t answer = ask_bytes(w, &query);
    if (answer.status == FSP_OK) {
        ck_assert_uint_eq(answer.at_index, index);
        ck_status(fsp_answer_node(&answer, ret), FSP_OK);
    }
    return answer.status;
}

static inline fsp_version_id_t
head_of(world_t *w, const char *path)
{
    fsp_node_info_t node;
    ck_status(resolve_at(w, path, &node), FSP_OK);
    return node.heads[0];
}

static inline fsp_file_id_t
id_of(world_t *w, const char *path)
{
    fsp_node_info_t node;
    ck_status(resolve_at(w, path, &node), FSP_OK);
    return node.file_id;
}
#endif
