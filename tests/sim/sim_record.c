/* SPDX-License-Identifier: MIT */
/* sim_record - writes the history of a run, for the judge of linearizability.  Layer tests. */
#include "tests/sim/sim_record.h"

#include "core/base/check.h"
#include "core/base/limits.h"
#include "tests/sim/sim_trace.h"

/* Stands for "a directory is there" in the sight of a file. */
enum { A_DIRECTORY = 1 };

static uint64_t
number_of(const uint8_t *id)
{
    uint64_t value = fsp_load_u64(id);
    return value ? value : 1;
}

static uint64_t
sight_of_node(fsp_answer_t *answer)
{
    fsp_node_info_t node;
    fsp_status_t status = fsp_answer_node(answer, &node);
    FSP_ASSERT(status == FSP_OK);
    if (node.kind == FSP_KIND_DIRECTORY)
        return sim_mark(A_DIRECTORY);
    uint64_t sight = 0;
    for (size_t i = 0; i < node.head_count; i++)
        sight += sim_mark(number_of(node.heads[i].bytes));
    return sight;
}

uint64_t
sim_record_sight(fsp_slice_t bytes, bool names, bool *ret_whole)
{
    fsp_answer_t answer;
    fsp_status_t status = fsp_answer_open(bytes, &answer);
    FSP_ASSERT(status == FSP_OK);
    *ret_whole = !answer.more;
    if (answer.status)
        return 0;
    if (!names)
        return sight_of_node(&answer);
    uint64_t sight = 0;
    for (size_t i = 0; i < answer.count; i++) {
        fsp_entry_info_t entry;
        status = fsp_answer_entry(&answer, &entry);
        FSP_ASSERT(status == FSP_OK);
        if (entry.kind == FSP_KIND_FILE)
            sight += sim_mark(sim_trace_hash(0, entry.name) | 1);
    }
    return sight;
}

static uint32_t
path_number(sim_history_t *self, fsp_slice_t path)
{
    char text[64];
    FSP_PRE(path.bytes < sizeof(text));
    memcpy(text, path.data, path.bytes);
    text[path.bytes] = '\0';
    return sim_history_path(self, text);
}

/* False: the history has no word for it. */
static bool
name_command(const fsp_command_t *command, sim_op_t *op, fsp_slice_t *ret_path)
{
    const fsp_condition_t *condition = NULL;
    if (command->type == FSP_COMMAND_PUT) {
        condition = &command->put.condition;
        *ret_path = command->put.target.path;
        op->kind = condition->type == FSP_IF_REPLACE      ? SIM_OP_PUT
                   : condition->type == FSP_IF_MATCH      ? SIM_OP_MATCH
                   : condition->type == FSP_IF_NONE_MATCH ? SIM_OP_NEW
                                                          : SIM_OP_EDIT;
        /* What comes back from the trash has heads that it had before; an upload has conditions of
           its own. */
        if (condition->type == FSP_IF_MERGE || command->put.revive ||
            !fsp_upload_id_is_zero(command->put.upload_id))
            return false;
    } else if (command->type == FSP_COMMAND_DELETE) {
        condition = &command->remove.condition;
        *ret_path = command->remove.target.path;
        op->kind = SIM_OP_DELETE;
        if (condition->type != FSP_IF_REPLACE)
            return false;
    } else {
        return false;
    }
    if (condition->version_count > 0)
        op->base = number_of(condition->versions[0].bytes);
    return ret_path->bytes > 0;
}

/* Why it had no effect: its condition, or something that the history does not know of. */
static sim_outcome_t
refusal(const sim_op_t *op, fsp_status_t status)
{
    bool condition = (op->kind == SIM_OP_MATCH && status == FSP_MISMATCH) ||
                     (op->kind == SIM_OP_DELETE && status == FSP_NOT_FOUND);
    return condition ? SIM_OUTCOME_REFUSED : SIM_OUTCOME_DECLINED;
}

void
sim_record_command(sim_history_t *self, uint32_t client, uint64_t number, fsp_time_t began,
                   fsp_time_t ended, const fsp_command_t *command, const fsp_result_t *result)
{
    sim_op_t op = {.client = client, .number = number, .invoked_us = began, .returned_us = ended};
    fsp_slice_t path;
    if (!name_command(command, &op, &path))
        return;
    bool effect = result && result->status == FSP_OK;
    op.path = path_number(self, path);
    op.value = number_of(command->op_id.bytes);
    if (effect && !fsp_version_id_is_zero(result->version_id))
        op.value = number_of(result->version_id.bytes);
    if (ended == FSP_TIME_NEVER) {
        op.outcome = SIM_OUTCOME_UNKNOWN;
        op.index = effect ? result->index : 0;
    } else {
        op.outcome = effect ? SIM_OUTCOME_OK : refusal(&op, result->status);
        op.index = result->index;
    }
    if (op.kind == SIM_OP_DELETE)
        op.value = 0;
    (void)sim_history_add(self, &op);
}

void
sim_record_query(sim_history_t *self, uint32_t client, uint64_t number, fsp_time_t began,
                 fsp_time_t ended, const fsp_query_t *query, fsp_slice_t answer)
{
    bool names = query->type == FSP_QUERY_LIST;
    if ((!names && query->type != FSP_QUERY_RESOLVE) || query->target.path.bytes == 0)
        return;
    /* The past, or a part. */
    if (query->at_index || query->at_time || query->version.bytes || query->prefix.bytes ||
        query->after.bytes)
        return;
    fsp_answer_t opened;
    fsp_status_t status = fsp_answer_open(answer, &opened);
    FSP_ASSERT(status == FSP_OK);
    if (opened.index == 0)
        return; /* refused: it says nothing of what is there */
    bool whole;
    uint64_t seen = sim_record_sight(answer, names, &whole);
    if (!whole)
        return;
    sim_op_t op = {
        .client = client,
        .number = number,
        .invoked_us = began,
        .returned_us = ended,
        .kind = names ? SIM_OP_LIST : SIM_OP_READ,
        .outcome = SIM_OUTCOME_OK,
        .path = path_number(self, query->target.path),
        .seen = seen,
        .index = opened.index,
    };
    (void)sim_history_add(self, &op);
}
