/* SPDX-License-Identifier: MIT */
/* sim_known - what the clients of a space were told; what commands promise.  Layer tests. */
#include "tests/sim/sim_known.h"

static const fsp_time_t day_us = 86400ull * 1000000;

/* -- learning ---------------------------------------------------------------------------------- */

/* What somebody may want to see or take back. */
static void
learn_change(sim_known_t *self, const fsp_command_t *command, const fsp_result_t *result)
{
    size_t at = self->change_count++ % SIM_KNOWN_MAX;
    self->changes[at].index = result->index;
    self->changes[at].time = result->time;
    if (!fsp_version_id_is_zero(result->version_id)) {
        at = self->version_count++ % SIM_KNOWN_MAX;
        self->versions[at].file_id = result->file_id;
        self->versions[at].version_id = result->version_id;
    }
    if (command->type == FSP_COMMAND_DELETE)
        self->trashed[self->trashed_count++ % SIM_KNOWN_MAX] = result->index;
    if (command->type == FSP_COMMAND_PRUNE && command->history.given) {
        self->pruned.file_id = result->file_id;
        memcpy(self->pruned.version_id.bytes, command->history.versions.data,
               sizeof(self->pruned.version_id.bytes));
    }
    if (command->type == FSP_COMMAND_LOCK) {
        at = self->lease_count++ % SIM_KNOWN_LEASES_MAX;
        self->leases[at].file_id = result->file_id;
        self->leases[at].holder = command->subject;
        self->leases[at].token = result->index;
    }
}

static void
learn_access(sim_known_t *self, const fsp_command_t *command, const fsp_result_t *result)
{
    const fsp_access_body_t *body = &command->access;
    switch ((int)command->type) {
    case FSP_COMMAND_LEVEL_RAISE:
        self->level = result->number > self->level ? result->number : self->level;
        break;
    case FSP_COMMAND_RULES:
        self->rights_given = true; /* the first ones are these */
        break;
    case FSP_COMMAND_LINK_MAKE:
        self->links_made = true;
        break;
    case FSP_COMMAND_SPACE_STATE:
        self->closing = body->value != 0;
        break;
    case FSP_COMMAND_SUBJECT_FLOOR:
        self->floor = result->number > self->floor ? result->number : self->floor;
        break;
    case FSP_COMMAND_GC_OPEN:
        self->epoch = body->value > self->epoch ? body->value : self->epoch;
        self->layout = body->detail > self->layout ? body->detail : self->layout;
        break;
    default:
        break;
    }
}

void
sim_known_learn(sim_known_t *self, const fsp_command_t *command, const fsp_result_t *result)
{
    if (self->now > 0 && result->time > self->now + day_us)
        self->jump = result->time;
    if (result->time > self->now)
        self->now = result->time;
    if (result->status == FSP_SPACE_CLOSING)
        self->closing = true;
    if (result->offset > 0)
        self->offset = result->offset;
    if (result->status)
        return;
    if (fsp_command_family(command->type) == FSP_FAMILY_ACCESS)
        learn_access(self, command, result);
    if (command->type == FSP_COMMAND_UPLOAD_OPEN)
        self->offset = 0;
    if (!fsp_command_is_shard_wide(command->type))
        learn_change(self, command, result);
}

void
sim_known_learn_answer(sim_known_t *self, const fsp_query_t *query, fsp_slice_t bytes)
{
    fsp_answer_t answer;
    fsp_space_info_t space;
    if (query->type == FSP_QUERY_SPACES && fsp_answer_open(bytes, &answer) == FSP_OK &&
        answer.count > 0 && fsp_answer_space(&answer, &space) == FSP_OK)
        self->used = space.used_bytes;
}

/* -- what commands promise --------------------------------------------------------------------- */

bool
sim_command_silent(fsp_command_type_t type)
{
    switch ((int)type) {
    case FSP_COMMAND_MKDIR: /* of what exists */
    case FSP_COMMAND_MOVE:  /* to where it is */
    case FSP_COMMAND_PRUNE:
    case FSP_COMMAND_PURGE:
    case FSP_COMMAND_RETENTION:
    case FSP_COMMAND_HOLD:
    case FSP_COMMAND_ATTR:
    case FSP_COMMAND_UNLOCK:
    case FSP_COMMAND_BATCH:
    case FSP_COMMAND_UPLOAD_OPEN: /* these three never */
    case FSP_COMMAND_UPLOAD_APPEND:
    case FSP_COMMAND_UPLOAD_ABORT:
    case FSP_COMMAND_QUOTA:
    case FSP_COMMAND_REKEY:
    case FSP_COMMAND_RULES:
    case FSP_COMMAND_SPACE_STATE:
        return true;
    default:
        return sim_command_judged_anew(type);
    }
}

bool
sim_command_judged_anew(fsp_command_type_t type)
{
    return fsp_command_is_shard_wide(type) || type == FSP_COMMAND_GC_OPEN ||
           type == FSP_COMMAND_GC_CLOSE;
}

bool
sim_command_keeps_heads(fsp_command_type_t type)
{
    switch ((int)type) {
    case FSP_COMMAND_PRUNE:
    case FSP_COMMAND_RETENTION:
    case FSP_COMMAND_HOLD:
    case FSP_COMMAND_ATTR:
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_RENEW:
    case FSP_COMMAND_UNLOCK:
    case FSP_COMMAND_QUOTA:
    case FSP_COMMAND_REKEY:
    case FSP_COMMAND_RULES:
    case FSP_COMMAND_LINK_MAKE:
    case FSP_COMMAND_LINK_DROP:
    case FSP_COMMAND_LINK_USE:
    case FSP_COMMAND_SPACE_STATE:
        return true;
    default:
        return false;
    }
}
