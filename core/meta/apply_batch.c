/* SPDX-License-Identifier: MIT */
/* apply_batch - BATCH: many commands, one change.  Layer core/meta.  Pure.
 *
 * The items run one after the other in the transaction that the batch has anyway; each sees what
 * those before it wrote, and a refusal forgets all.  What makes that sound under one number:
 *   - versions of one file are numbered by its heads, not by the change;
 *   - names in the trash count on (fsp_namespace_trash);
 *   - a meaning or heads that began at this number leave no past row (past.h).
 */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/mutant.h"
#include "core/meta/apply_node.h"
#include "core/meta/changes.h"

/* The item as a command of its own: everything but the body is the batch's. */
static void
address(const fsp_command_t *batch, fsp_command_t *item)
{
    item->space_id = batch->space_id;
    item->subject = batch->subject;
    item->system_index = batch->system_index;
    item->op_id = batch->op_id;
    item->attempt = batch->attempt;
    item->since = batch->since;
    item->request_digest = batch->request_digest;
    item->epoch = batch->epoch;
    item->layout_version = batch->layout_version;
}

/* Runs m->command, an item, and notes what it did.  m->result is the item's. */
static fsp_status_t
run_item(fsp_machine_t *m, size_t *changed)
{
    m->result = (fsp_result_t){0};
    m->change = (fsp_change_info_t){0};
    m->unchanged = false;
    size_t rows = fsp_overlay_count(m->txn);
    fsp_status_t status = fsp_apply_step(m);
    if (status)
        return status;
    FSP_ASSERT(fsp_overlay_count(m->txn) - rows <= fsp_command_rows(m->command));
    fsp_result_item_write(&(fsp_result_item_t){.kind = m->result.kind,
                                               .file_id = m->result.file_id,
                                               .version_id = m->result.version_id,
                                               .number = m->result.number,
                                               .size = m->result.size},
                          &m->items);
    if (m->unchanged)
        return FSP_OK;
    m->change.operation = m->command->type;
    fsp_change_item_write(&m->change, &m->change_items);
    ++*changed;
    return FSP_OK;
}

/* All of them, in order.  item: memory for one. */
static fsp_status_t
run_items(fsp_machine_t *m, const fsp_command_t *batch, fsp_command_t *item, size_t *changed)
{
    fsp_canon_t items = fsp_canon_reader(batch->node.batch.items);
    for (uint32_t k = 1; k <= batch->node.batch.count; k++) {
        fsp_status_t status = fsp_batch_next(&items, item);
        FSP_ASSERT(status == FSP_OK); /* checked when the batch was decoded */
        address(batch, item);
        m->command = item;
        status = run_item(m, changed);
        m->command = batch;
        if (status && FSP_MUTANT(batch_in_parts) && k > 1)
            return FSP_OK;
        if (status) {
            m->result.failed = k;
            return status;
        }
    }
    return FSP_OK;
}

fsp_status_t
fsp_apply_batch(fsp_machine_t *m)
{
    const fsp_command_t *batch = m->command;
    FSP_PRE(batch->node.batch.count > 0);
    FSP_PRE(batch->node.batch.rows <= FSP_BATCH_ROWS_MAX);
    size_t changed = 0;
    fsp_command_t *item = FSP_NEW(fsp_command_t);
    fsp_status_t status = run_items(m, batch, item, &changed);
    fsp_free(item);
    if (status)
        return status;
    FSP_ASSERT(fsp_buf_ok(&m->items)); /* 256 of at most 75 bytes */
    m->change = (fsp_change_info_t){0};
    m->unchanged = changed == 0;
    if (!fsp_buf_ok(&m->change_items)) {
        m->result = (fsp_result_t){0};
        return FSP_TOO_LARGE;
    }
    m->result = (fsp_result_t){
        .kind = FSP_KIND_DIRECTORY,
        .file_id = m->space.root_id,
        .items = fsp_buf_slice(&m->items),
        .item_count = batch->node.batch.count,
    };
    m->change.items = fsp_buf_slice(&m->change_items);
    m->change.item_count = changed;
    fsp_apply_note(m, FSP_KIND_DIRECTORY, m->space.root_id, fsp_slice_text("/"), (fsp_slice_t){0});
    return FSP_OK;
}
