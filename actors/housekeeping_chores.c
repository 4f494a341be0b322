/* SPDX-License-Identifier: MIT */
/* housekeeping_chores - what a space's past needs every day.  Layer actors.
 *
 * For each open space, one command after the other:
 *
 *   uploads    UPLOAD_ABORT of each that has passed
 *   retention  PRUNE, step by step, until its round ends        where there is a policy
 *   trash      PURGE of what was deleted long ago   where the policy says something of versions
 *
 * A space without a policy keeps everything, what lies in its trash too; so does one whose policy
 * is about the past of names only.  Elsewhere the trash keeps a thing for 30 days, and for as long
 * as the policy would keep a superseded version by its age, if that is longer: what was removed
 * must not go before what was written over.
 * Whether something may go is judged by the state machine, by its own time: what it refuses (holds,
 * doubted time) is asked for again the next day.
 */
#include "actors/clock.h"
#include "actors/housekeeping.h"
#include "actors/log.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/meta/rows.h"
#include "proto/peer.h"

#define DAY_US ((fsp_time_t)24 * 3600 * 1000 * 1000)
enum {
    TRASH_DAYS_MIN = 30,
    PAUSE_US = 20 * 1000,      /* between two commands: others go first */
    COMMANDS_MAX = 100 * 1000, /* of one stage in a day: nothing can make it endless */
};

static void
begin_stage(fsp_chores_t *chores, fsp_chore_t stage)
{
    chores->stage = stage;
    chores->commands = 0;
    chores->after_bytes = 0;
    chores->marked_only = false;
    chores->upload_id = (fsp_upload_id_t){{0}};
}

/* The next open space behind the present one. */
static fsp_status_t
next_space(fsp_housekeeping_t *self)
{
    static const uint8_t nul[1] = {0};
    fsp_chores_t *chores = &self->chores;
    fsp_row_key_t from = fsp_row_key(self->shard, FSP_TABLE_SPACE, chores->space_id);
    fsp_row_key_t to = from;
    to.used -= sizeof(chores->space_id);
    size_t id_at = to.used;
    fsp_row_key_to_prefix_end(&to);
    fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(self->state, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_space_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES ||
            fsp_space_row_decode(cursor->value, &row) != FSP_OK)
            return FSP_DAMAGED;
        memcpy(chores->space_id.bytes, cursor->key.data + id_at, sizeof(chores->space_id.bytes));
        if (row.access.state != FSP_LIFE_OPEN)
            continue;
        chores->policy = row.history.retention;
        chores->change = row.change_index;
        return FSP_OK;
    }
    return cursor->status == FSP_OK ? FSP_NOT_FOUND : cursor->status;
}

/* The next upload of the space that has passed; NOT_FOUND. */
static fsp_status_t
next_upload(fsp_housekeeping_t *self, fsp_time_t wall_us)
{
    static const uint8_t nul[1] = {0};
    fsp_chores_t *chores = &self->chores;
    fsp_row_key_t to = fsp_row_key(self->shard, FSP_TABLE_UPLOAD, chores->space_id);
    fsp_row_key_t from = to;
    fsp_row_key_to_prefix_end(&to);
    fsp_row_key_add(&from, FSP_SLICE_OF(chores->upload_id));
    fsp_row_key_add(&from, fsp_slice(nul, sizeof(nul)));
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(self->state, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_upload_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES + sizeof(chores->upload_id.bytes) ||
            fsp_upload_row_decode(cursor->value, &row) != FSP_OK)
            return FSP_DAMAGED;
        memcpy(chores->upload_id.bytes, cursor->key.data + FSP_ROW_PREFIX_BYTES,
               sizeof(chores->upload_id.bytes));
        if (row.expiry <= wall_us)
            return FSP_OK;
    }
    return cursor->status == FSP_OK ? FSP_NOT_FOUND : cursor->status;
}

static bool
has_policy(const fsp_retention_t *policy)
{
    static const fsp_retention_t none;
    return memcmp(policy, &none, sizeof(none)) != 0;
}

/* Does the policy let versions go? */
static bool
drops_versions(const fsp_retention_t *policy)
{
    return (policy->keep_last | policy->all_days | policy->daily | policy->weekly |
            policy->monthly) != 0;
}

/* Days for which the trash keeps a thing: the longest time that the policy speaks of. */
static uint64_t
trash_days(const fsp_retention_t *policy)
{
    const uint64_t days[] = {policy->all_days, policy->daily, 7 * policy->weekly,
                             31 * policy->monthly};
    uint64_t most = TRASH_DAYS_MIN;
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
        if (days[i] > most)
            most = days[i];
    return most;
}

/* What comes after the present stage of this space; NONE: the next space. */
static fsp_chore_t
next_stage(const fsp_chores_t *chores)
{
    switch (chores->stage) {
    case FSP_CHORE_UPLOADS:
        return has_policy(&chores->policy) ? FSP_CHORE_RETENTION : FSP_CHORE_NONE;
    case FSP_CHORE_RETENTION:
        return drops_versions(&chores->policy) ? FSP_CHORE_TRASH : FSP_CHORE_NONE;
    default:
        return FSP_CHORE_NONE;
    }
}

/* The trash goes by the policy of this moment: a person may have changed it since the day began. */
static fsp_status_t
read_policy(fsp_housekeeping_t *self)
{
    fsp_chores_t *chores = &self->chores;
    fsp_row_key_t key = fsp_row_key(self->shard, FSP_TABLE_SPACE, chores->space_id);
    fsp_space_row_t row;
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_status_t status = fsp_view_get(self->state, fsp_row_key_slice(&key), &value);
    if (status == FSP_OK)
        status = fsp_space_row_decode(fsp_buf_slice(&value), &row);
    if (status == FSP_OK)
        chores->policy = row.history.retention;
    fsp_buf_clear(&value);
    if (!drops_versions(&chores->policy))
        chores->marked_only = true;
    return status;
}

/* -- commands ---------------------------------------------------------------------------------- */

static void
fill_command(fsp_housekeeping_t *self, fsp_time_t wall_us, fsp_command_t *command)
{
    const fsp_chores_t *chores = &self->chores;
    command->space_id = chores->space_id;
    if (chores->stage == FSP_CHORE_UPLOADS) {
        command->type = FSP_COMMAND_UPLOAD_ABORT;
        command->node.upload_abort.id = chores->upload_id;
    } else if (chores->stage == FSP_CHORE_RETENTION) {
        command->type = FSP_COMMAND_PRUNE;
    } else {
        fsp_time_t kept_us = trash_days(&chores->policy) * DAY_US;
        command->type = FSP_COMMAND_PURGE;
        if (!chores->marked_only)
            command->history.before = wall_us > kept_us ? wall_us - kept_us : 1;
        command->history.after = fsp_slice(chores->after, chores->after_bytes);
    }
}

/* What is to be asked now; false if nothing is left for today. */
static bool
find_work(fsp_housekeeping_t *self, fsp_time_t wall_us)
{
    fsp_chores_t *chores = &self->chores;
    fsp_status_t status = FSP_OK;
    while (status == FSP_OK) {
        if (chores->stage == FSP_CHORE_NONE) {
            status = next_space(self);
            if (status == FSP_OK)
                begin_stage(chores, FSP_CHORE_UPLOADS);
            continue;
        }
        if (chores->commands >= COMMANDS_MAX) {
            begin_stage(chores, next_stage(chores));
        } else if (chores->stage == FSP_CHORE_UPLOADS) {
            status = next_upload(self, wall_us);
            if (status == FSP_OK)
                return true;
            if (status != FSP_NOT_FOUND)
                break;
            status = FSP_OK;
            begin_stage(chores, next_stage(chores));
        } else {
            if (chores->stage == FSP_CHORE_TRASH)
                status = read_policy(self);
            if (status != FSP_OK)
                break;
            return true;
        }
    }
    if (status != FSP_NOT_FOUND) /* the shard stops the node when it meets that row */
        fsp_log(FSP_LOG_ERROR, "housekeeping", "msg=\"the state cannot be read\" reason=%s",
                fsp_status_name(status));
    return false;
}

static void
end_day(fsp_housekeeping_t *self, fsp_time_t now_us)
{
    fsp_chores_t *chores = &self->chores;
    if (chores->aborted + chores->pruned + chores->purged > 0)
        fsp_log(FSP_LOG_INFO, "housekeeping",
                "msg=\"chores done\" uploads_ended=%llu prune_steps=%llu purge_steps=%llu",
                (unsigned long long)chores->aborted, (unsigned long long)chores->pruned,
                (unsigned long long)chores->purged);
    *chores = (fsp_chores_t){.due_us = now_us + DAY_US};
}

void
fsp_chores_turn(fsp_housekeeping_t *self, fsp_time_t now_us, fsp_time_t wall_us)
{
    fsp_chores_t *chores = &self->chores;
    if (now_us < chores->due_us)
        return;
    if (!find_work(self, wall_us)) {
        end_day(self, now_us);
        return;
    }
    fsp_command_t command = {.version = FSP_COMMAND_VERSION, .attempt = 1};
    fill_command(self, wall_us, &command);
    chores->commands++;
    chores->asked = true;
    fsp_housekeeping_ask(self, &command, now_us);
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Where PURGE goes on: behind an item ("/" and its name), or with the marked ones alone. */
static void
take_place(fsp_chores_t *chores, fsp_slice_t path)
{
    chores->marked_only = path.bytes < 2;
    chores->after_bytes = 0;
    if (path.bytes < 2 || path.bytes - 1 > sizeof(chores->after))
        return;
    chores->after_bytes = path.bytes - 1;
    memcpy(chores->after, path.data + 1, chores->after_bytes);
}

void
fsp_chores_answered(fsp_housekeeping_t *self, fsp_status_t status, const fsp_result_t *result,
                    fsp_time_t now_us)
{
    fsp_chores_t *chores = &self->chores;
    chores->asked = false;
    chores->due_us = now_us + PAUSE_US;
    bool done = status == FSP_OK;
    if (chores->stage == FSP_CHORE_UPLOADS) {
        chores->aborted += done;
        return; /* the next one; what was refused is passed */
    }
    bool more = done && result->more;
    bool changed = done && result->index > chores->change;
    if (changed)
        chores->change = result->index;
    if (chores->stage == FSP_CHORE_RETENTION) {
        chores->pruned += changed;
    } else {
        chores->purged += changed;
        take_place(chores, done ? result->path : (fsp_slice_t){0});
    }
    if (!done && status != FSP_HELD && status != FSP_LEVEL)
        fsp_log(FSP_LOG_WARNING, "housekeeping", "msg=\"a chore was refused\" reason=%s",
                fsp_status_name(status));
    if (!more)
        begin_stage(chores, next_stage(chores));
}
