/* SPDX-License-Identifier: MIT */
/* apply - the state machine of a shard.  Layer core/meta.  Pure and deterministic.
 *
 * Order of judgement, and why:
 *   1. bytes           INVALID, UNSUPPORTED, LEVEL, ...: nothing in them can be trusted, nothing
 is kept *   2. space           NO_SUCH_SPACE: there is no table to keep an answer in *   3.
 operation id    the stored answer is the truth, however old its sender's other fields are *   4.
 horizon         before the fences, so that attempt 1 learns EXPIRED, not STALE, and need not *
 send an attempt 2, which could only be answered OUTCOME_UNKNOWN *   5. fences          STALE,
 EPOCH, LAYOUT: about what the sender knew; not kept *   6. policy          FORBIDDEN: kept, as
 everything from here on *   7. the command
 */
#include "core/meta/apply.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/apply_node.h"
#include "core/meta/apply_access.h"
#include "core/meta/apply_steps.h"
#include "core/meta/changes.h"
#include "core/meta/holds.h"
#include "core/meta/ops.h"

fsp_status_t
fsp_meta_shard_row(fsp_shard_ref_t shard, fsp_view_t *view, fsp_shard_row_t *ret)
{
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_SHARD, (fsp_space_id_t){0});
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_status_t status = fsp_view_get(view, fsp_row_key_slice(&key), &value);
    if (status == FSP_NOT_FOUND) {
        *ret = (fsp_shard_row_t){0};
        return FSP_OK;
    }
    if (status)
        return status;
    return fsp_shard_row_decode(fsp_buf_slice(&value), ret) ? FSP_DAMAGED : FSP_OK;
}

/* -- steps shared by commands ------------------------------------------------------------------ */

void
fsp_apply_note(fsp_machine_t *m, fsp_kind_t kind, fsp_file_id_t id, fsp_slice_t path,
               fsp_slice_t from_path)
{
    fsp_buf_reset(&m->path);
    fsp_buf_reset(&m->from_path);
    fsp_buf_append_slice(&m->path, path);
    fsp_buf_append_slice(&m->from_path, from_path);
    FSP_ASSERT(fsp_buf_ok(&m->path));
    FSP_ASSERT(fsp_buf_ok(&m->from_path));
    m->change.kind = kind;
    m->change.file_id = id;
    m->change.path = fsp_buf_slice(&m->path);
    m->change.from_path = fsp_buf_slice(&m->from_path);
}

fsp_status_t
fsp_apply_displace(fsp_machine_t *m, const fsp_walk_t *walk)
{
    FSP_PRE(walk->found);
    fsp_node_row_t node;
    fsp_status_t status = fsp_machine_need_node(m, walk->entry.id, &node);
    if (status)
        return status;
    status = fsp_holds_check(m, walk->entry.id, &node);
    if (status == FSP_OK)
        status = fsp_lease_check(m, walk->entry.id, &node, 0);
    if (status)
        return status;
    fsp_namespace_trash(m, walk->entry.id, &node);
    m->change.displaced_id = walk->entry.id;
    return FSP_OK;
}

fsp_status_t
fsp_apply_refuse(fsp_machine_t *m, const fsp_walk_t *walk, fsp_status_t refusal)
{
    FSP_PRE(walk->found);
    FSP_PRE(refusal != FSP_OK);
    fsp_node_row_t node;
    fsp_status_t status = fsp_machine_need_node(m, walk->entry.id, &node);
    if (status)
        return status;
    fsp_machine_show(m, walk->entry.id, &node);
    return refusal;
}

fsp_status_t
fsp_apply_make_file(fsp_machine_t *m, const fsp_walk_t *walk, fsp_kind_t kind, fsp_file_id_t id,
                    uint64_t size, fsp_slice_t carrier, fsp_slice_t attr)
{
    FSP_PRE(kind != FSP_KIND_DIRECTORY);
    FSP_PRE(walk->missing.bytes == 0);
    FSP_PRE(attr.bytes <= FSP_ATTR_BYTES_MAX);
    fsp_status_t status = fsp_namespace_check_new(m, id);
    if (status)
        return status;
    fsp_node_row_t node;
    memset(&node, 0, offsetof(fsp_node_row_t, attr));
    node.kind = kind;
    node.attr_bytes = attr.bytes;
    if (attr.bytes)
        memcpy(node.attr, attr.data, attr.bytes);
    fsp_succession_t first;
    first.kind = FSP_VERSION_PUT;
    first.parent_count = 0;
    first.stay_count = 0;
    status = fsp_versions_add(m, id, &node, &first, size, carrier);
    if (status)
        return status;
    fsp_namespace_attach(m, walk->directory_id, walk->name, id, &node);
    fsp_machine_show(m, id, &node);
    return FSP_OK;
}

/* -- one command ------------------------------------------------------------------------------- */

static fsp_status_t
check_fences(const fsp_machine_t *m)
{
    const fsp_command_t *command = m->command;
    uint64_t level = fsp_command_level(command->type, command->version);
    if (command->type == FSP_COMMAND_BATCH && command->node.batch.level > level)
        level = command->node.batch.level;
    if (!fsp_asker_is_empty(&command->asker) && level < 2)
        level = 2;
    if (level > m->shard_row.feature_level)
        return FSP_LEVEL;
    if (command->system_index < m->shard_row.subject_floor)
        return FSP_STALE;
    if (!fsp_command_publishes(command))
        return FSP_OK;
    if (m->space.epoch > 0 &&
        command->epoch + (FSP_MUTANT(fence_off_by_one) ? 1 : 0) < m->space.epoch - 1)
        return FSP_EPOCH;
    if (command->layout_version < m->space.gc_layout_version)
        return FSP_LAYOUT;
    return FSP_OK;
}

static fsp_status_t
run_command(fsp_machine_t *m)
{
    switch (m->command->type) {
    case FSP_COMMAND_SPACE_INIT:
        return FSP_EXISTS; /* a new space does not come here */
    case FSP_COMMAND_PUT:
        return fsp_apply_put(m);
    case FSP_COMMAND_DELETE:
        return fsp_apply_delete(m);
    case FSP_COMMAND_MKDIR:
        return fsp_apply_mkdir(m);
    case FSP_COMMAND_MOVE:
        return fsp_apply_move(m);
    case FSP_COMMAND_RESTORE:
        return fsp_apply_restore(m);
    case FSP_COMMAND_COPY:
        return fsp_apply_copy(m);
    default:
        break;
    }
    switch (fsp_command_family(m->command->type)) {
    case FSP_FAMILY_HISTORY:
        return fsp_apply_history(m);
    case FSP_FAMILY_NODE:
        return fsp_apply_node(m);
    case FSP_FAMILY_ACCESS:
        return fsp_apply_access(m);
    default:
        FSP_UNREACHABLE(); /* the system family has its own way through apply */
    }
}

fsp_status_t
fsp_apply_step(fsp_machine_t *m)
{
    fsp_status_t status = fsp_access_judge(m);
    return status ? status : run_command(m);
}

/* What may be sent again at any time and ends in the same state: its answers are not kept. */
static bool
is_idempotent(fsp_command_type_t type)
{
    return type == FSP_COMMAND_SPACE_DROP || type == FSP_COMMAND_GC_OPEN ||
           type == FSP_COMMAND_GC_CLOSE;
}

/* What does not depend on where in the space a command acts: is it closing, who asks. */
static fsp_status_t
admit(fsp_machine_t *m)
{
    fsp_command_type_t type = m->command->type;
    if (m->space.access.state == FSP_LIFE_CLOSING && type != FSP_COMMAND_SPACE_STATE &&
        !is_idempotent(type))
        return FSP_SPACE_CLOSING;
    return fsp_access_begin(m, m->command->subject, &m->command->asker);
}

/* Steps 5 to 7. */
static fsp_status_t
judge_and_run(fsp_machine_t *m)
{
    fsp_status_t status = check_fences(m);
    if (status == FSP_OK)
        status = admit(m);
    return status ? status : fsp_apply_step(m);
}

/* Forgets what a refused command wrote; the space is again what it was before. */
static void
undo(fsp_machine_t *m, const fsp_space_row_t *before)
{
    if (!FSP_MUTANT(refused_leaves_rows))
        fsp_machine_forget_writes(m);
    if (!FSP_MUTANT(quota_counted_when_refused))
        m->space = *before;
    m->result.version_id = (fsp_version_id_t){0};
    m->result.number = 0;
    m->result.size = 0;
}

/* Completes the result of a command that was judged (status) and keeps it. */
static fsp_status_t
conclude(fsp_machine_t *m, fsp_status_t status)
{
    if (status == FSP_OK && !m->unchanged)
        fsp_changes_append(m);
    m->result.status = status;
    m->result.index = m->space.change_index;
    m->result.time = m->time;
    if (!fsp_ops_keeps(status))
        return FSP_OK;
    fsp_ops_store(m);
    if (fsp_meta_may_expire(&m->shard_row, m->time)) {
        status = fsp_ops_trim(m, FSP_OPS_KEPT, FSP_OPS_KEPT_US, FSP_OPS_TRIM_MAX);
        if (status)
            return status;
    }
    fsp_machine_store_space(m);
    return FSP_OK;
}

/* A space that does not exist yet.  Its refusals have no table to be kept in: weak, see README 4.
 */
static fsp_status_t
apply_new_space(fsp_machine_t *m)
{
    const fsp_resource_t resource = {.owner = m->command->space_init.owner,
                                     .bounds = FSP_RIGHTS_ALL};
    fsp_status_t status = check_fences(m);
    if (status == FSP_OK)
        status = fsp_access_begin(m, m->command->subject, &m->command->asker);
    if (status == FSP_OK)
        status = fsp_policy(&m->who, FSP_RIGHT_ADMIN, &resource);
    if (status == FSP_OK)
        status = fsp_apply_space_init(m);
    if (m->failure)
        return m->failure;
    if (status == FSP_OK)
        return conclude(m, FSP_OK);
    const fsp_space_row_t nothing = {0};
    m->result.status = status;
    undo(m, &nothing);
    return FSP_OK;
}

/* Steps 5 to 7 of a command whose answer is not kept. */
static fsp_status_t
apply_idempotent(fsp_machine_t *m)
{
    const fsp_space_row_t before = m->space;
    fsp_status_t status = judge_and_run(m);
    if (m->failure)
        return m->failure;
    if (status)
        undo(m, &before);
    else
        fsp_machine_store_space(m);
    m->result.status = status;
    m->result.index = m->space.change_index;
    m->result.time = m->time;
    return FSP_OK;
}

/* A space of which only remains or the tombstone are left takes nothing but what removes it. */
static fsp_status_t
apply_remains(fsp_machine_t *m)
{
    bool gone = m->space.access.state == FSP_LIFE_GONE;
    fsp_command_type_t type = m->command->type;
    if (type == FSP_COMMAND_SPACE_DROP) {
        fsp_status_t status = apply_idempotent(m);
        m->result.index = 0;
        return status;
    }
    m->result.status =
        gone && type != FSP_COMMAND_SPACE_INIT ? FSP_NO_SUCH_SPACE : FSP_SPACE_CLOSING;
    return FSP_OK;
}

/* Steps 2 to 7 of a command whose bytes are sound.  The outcome is in m->result. */
static fsp_status_t
apply_command(fsp_machine_t *m)
{
    if (fsp_command_family(m->command->type) == FSP_FAMILY_SYSTEM)
        return fsp_apply_system(m);
    if (fsp_command_is_shard_wide(m->command->type)) {
        m->result.status = fsp_apply_shard(m);
        m->result.time = m->time;
        return m->failure;
    }
    fsp_status_t status = fsp_machine_load_space(m);
    if (m->failure)
        return m->failure;
    if (status == FSP_NO_SUCH_SPACE) {
        if (m->command->type == FSP_COMMAND_SPACE_INIT)
            return apply_new_space(m);
        m->result.status = status;
        return FSP_OK;
    }
    if (m->space.access.state >= FSP_LIFE_DROPPING)
        return apply_remains(m);
    if (is_idempotent(m->command->type))
        return apply_idempotent(m);
    fsp_result_t stored;
    status = fsp_ops_find(m, &stored);
    if (m->failure)
        return m->failure;
    if (status == FSP_EXISTS) {
        m->result = stored;
        return FSP_OK;
    }
    if (status) {
        m->result.status = status;
        m->result.index = m->space.change_index;
        return FSP_OK;
    }
    const fsp_space_row_t before = m->space;
    status = judge_and_run(m);
    if (m->failure)
        return m->failure;
    if (status)
        undo(m, &before);
    return conclude(m, status);
}

static fsp_status_t
apply_entry(fsp_machine_t *m, uint64_t index, uint64_t term, fsp_time_t time, fsp_slice_t bytes,
            fsp_buf_t *ret_result)
{
    fsp_status_t status = fsp_machine_load_shard(m);
    if (status)
        return status;
    FSP_PRE(index > m->shard_row.applied_index);
    FSP_PRE(term >= m->shard_row.applied_term);
    /* Leaders see to it that log time grows; should one fail to, it still never falls. */
    m->time = time > m->shard_row.log_time ? time : m->shard_row.log_time;
    if (FSP_MUTANT(log_time_stands_still))
        m->time = m->shard_row.log_time ? m->shard_row.log_time : m->time;
    fsp_meta_advance(&m->shard_row, m->time);

    if (bytes.bytes) {
        fsp_command_t command;
        status = fsp_command_decode(bytes, &command);
        if (status == FSP_OK) {
            m->command = &command;
            m->space_id = command.space_id;
            status = apply_command(m);
            m->command = NULL;
            if (status)
                return status;
        } else {
            m->result.status = status;
        }
        fsp_result_encode(&m->result, ret_result);
    }
    m->shard_row.applied_index = index;
    m->shard_row.applied_term = term;
    fsp_machine_store_shard(m);
    FSP_POST(fsp_overlay_count(m->txn) <= FSP_COMMAND_ROWS_MAX);
    return FSP_OK;
}

fsp_status_t
fsp_meta_apply_with(fsp_ops_oldest_t *oldest, fsp_shard_ref_t shard, fsp_overlay_t *txn,
                    uint64_t index, uint64_t term, fsp_time_t time, fsp_slice_t command,
                    fsp_buf_t *ret_result)
{
    FSP_PRE(txn);
    FSP_PRE(ret_result);
    FSP_PRE(fsp_overlay_count(txn) == 0);
    fsp_machine_t m;
    fsp_machine_init(&m, shard, fsp_overlay_view(txn), (fsp_space_id_t){0});
    m.txn = txn;
    m.oldest = oldest;
    fsp_status_t status = apply_entry(&m, index, term, time, command, ret_result);
    FSP_ASSERT(m.failure == FSP_OK || status != FSP_OK);
    fsp_machine_clear(&m);
    return status;
}

fsp_status_t
fsp_meta_apply(fsp_shard_ref_t shard, fsp_overlay_t *txn, uint64_t index, uint64_t term,
               fsp_time_t time, fsp_slice_t command, fsp_buf_t *ret_result)
{
    return fsp_meta_apply_with(NULL, shard, txn, index, term, time, command, ret_result);
}
