/* SPDX-License-Identifier: MIT */
/* node_world - commands of single nodes, batches and uploads for the suites of core/meta.  Tests.
 *
 * The world of meta_world.h at feature level 2, where subject 2 may write too and subject 3 only
 * read; whole() reads all rows, twice: by the audit and by meta_check.h.
 */
#ifndef FSP_TESTS_UNIT_META_NODE_WORLD_H
#define FSP_TESTS_UNIT_META_NODE_WORLD_H
#include "core/meta/audit.h"
#include "tests/unit/meta/meta_check.h"

#define SECOND ((fsp_time_t)1000 * 1000)

/* -- state ------------------------------------------------------------------------------------- */

static inline void
raise_level(world_t *w)
{
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row(w->shard, fsp_memview_view(w->rows), &row), FSP_OK);
    row.feature_level = 2;
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_shard_row_encode(&row, &value);
    fsp_row_key_t key = fsp_row_key(w->shard, FSP_TABLE_SHARD, (fsp_space_id_t){0});
    fsp_omap_put(fsp_memview_map(w->rows), fsp_row_key_slice(&key), fsp_buf_slice(&value), 0);
    fsp_buf_clear(&value);
}

/* The space as its row says. */
static inline fsp_space_row_t
space_row(world_t *w)
{
    fsp_row_key_t key = fsp_row_key(w->shard, FSP_TABLE_SPACE, w->space_id);
    fsp_space_row_t row;
    const fsp_omap_row_t *found = fsp_omap_get(fsp_memview_map(w->rows), fsp_row_key_slice(&key));
    ck_assert_ptr_nonnull(found);
    ck_assert_int_eq(fsp_space_row_decode(found->value, &row), FSP_OK);
    return row;
}

static inline size_t
rows_of(world_t *w, fsp_table_t table)
{
    size_t count = 0;
    const fsp_omap_row_t *row = fsp_omap_first(fsp_memview_map(w->rows));
    for (; row; row = fsp_omap_next(row))
        count += row->key.data[8] == table;
    return count;
}

static inline void
on_node_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    ck_abort_msg("%s: %s", fault->kind, fault->what);
}

static inline void
audit_clean(world_t *w)
{
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(w->shard, fsp_memview_view(w->rows), on_node_fault, NULL, &counts);
    ck_assert_uint_eq(counts.spaces, 1);
}

static inline void
whole(world_t *w)
{
    audit_clean(w);
    check_state(w);
}

/* -- commands ---------------------------------------------------------------------------------- */

/* As `subject`; apply() as ever. */
static inline fsp_status_t
apply_as(world_t *w, uint8_t subject, fsp_command_t command)
{
    command.subject = subject ? subject_id(subject) : (fsp_subject_id_t){0};
    return apply(w, &command);
}

static inline void
node_world_init(world_t *w)
{
    world_init(w);
    raise_level(w);
    fsp_command_t command = new_command(w, FSP_COMMAND_RULES);
    command.access.target = at("/");
    command.access.inherit = true;
    command.access.rule_count = 2;
    command.access.rules[0] = (fsp_rule_t){
        .id = subject_id(2), .rights = FSP_RIGHT_READ | FSP_RIGHT_WRITE | FSP_RIGHT_DELETE};
    command.access.rules[1] = (fsp_rule_t){.id = subject_id(3), .rights = FSP_RIGHT_READ};
    ck_status(apply(w, &command), FSP_OK);
}

static inline fsp_command_t
attr_command(world_t *w, fsp_target_t target, const char *attr)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_ATTR);
    command.node.attr.target = target;
    command.node.attr.attr = text(attr);
    command.node.attr.condition = condition(FSP_IF_REPLACE);
    return command;
}

static inline fsp_command_t
rmdir_command(world_t *w, fsp_target_t target)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_RMDIR);
    command.node.rmdir.target = target;
    return command;
}

static inline fsp_command_t
lease_command(world_t *w, fsp_command_type_t type, fsp_target_t target, uint64_t token,
              fsp_time_t duration)
{
    fsp_command_t command = new_command(w, type);
    command.node.lease.target = target;
    command.node.lease.token = token;
    command.node.lease.duration = duration;
    command.node.lease.force = type == FSP_COMMAND_UNLOCK && token == 0;
    return command;
}

static inline fsp_command_t
lock_command(world_t *w, const char *path, fsp_time_t duration)
{
    return lease_command(w, FSP_COMMAND_LOCK, at(path), 0, duration);
}

/* PUT of version 2 with nothing of what that has more; its carrier is static. */
static inline fsp_command_t
put_command(world_t *w, const char *path, fsp_condition_t on, uint64_t size)
{
    static fsp_buf_t carrier;
    fsp_buf_clear(&carrier);
    fsp_command_t command = new_command(w, FSP_COMMAND_PUT);
    command.version = 2;
    command.put.target = at(path);
    command.put.kind = FSP_KIND_FILE;
    command.put.condition = on;
    command.put.ids_seed = next_seed(w);
    command.put.size = size;
    command.put.carrier = carrier_of("content", &carrier);
    return command;
}

static inline fsp_command_t
put_token(world_t *w, const char *path, uint64_t token)
{
    fsp_command_t command = put_command(w, path, condition(FSP_IF_REPLACE), 10);
    command.put.lease_token = token;
    return command;
}

static inline fsp_command_t
mkdir_command(world_t *w, const char *path)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_MKDIR);
    command.mkdir.target = at(path);
    command.mkdir.ids_seed = next_seed(w);
    return command;
}

static inline fsp_command_t
delete_command(world_t *w, const char *path)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_DELETE);
    command.remove.target = at(path);
    command.remove.recursive = true;
    command.remove.condition = condition(FSP_IF_REPLACE);
    return command;
}

static inline fsp_command_t
move_command(world_t *w, const char *from, const char *to, bool replace)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_MOVE);
    command.move.from = at(from);
    command.move.to = at(to);
    command.move.replace = replace;
    command.move.condition = condition(FSP_IF_REPLACE);
    return command;
}

static inline fsp_command_t
quota_command(world_t *w, uint64_t bytes)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_QUOTA);
    command.node.quota.bytes = bytes;
    return command;
}

/* A batch being made. */
typedef struct {
    fsp_buf_t items;
    size_t count;
} batch_t;

static inline void
batch_init(batch_t *batch)
{
    fsp_buf_init(&batch->items, FSP_COMMAND_BYTES_MAX);
    batch->count = 0;
}

static inline void
batch_item(batch_t *batch, fsp_command_t item)
{
    fsp_batch_add(&item, &batch->items);
    ck_assert(fsp_buf_ok(&batch->items));
    batch->count++;
}

/* Applies it as a subject and forgets it. */
static inline fsp_status_t
batch_apply_as(world_t *w, uint8_t subject, batch_t *batch)
{
    fsp_command_t command = new_command(w, FSP_COMMAND_BATCH);
    command.node.batch.items = fsp_buf_slice(&batch->items);
    command.node.batch.count = batch->count;
    fsp_status_t status = apply_as(w, subject, command);
    fsp_buf_clear(&batch->items);
    return status;
}

static inline fsp_status_t
batch_apply(world_t *w, batch_t *batch)
{
    return batch_apply_as(w, 1, batch);
}

static void
set_up_node(void)
{
    node_world_init(&world);
}
#endif
