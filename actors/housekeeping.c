/* SPDX-License-Identifier: MIT */
/* housekeeping - what a node does for its shard without being asked.  Layer actors. */
#include "actors/housekeeping.h"

#include "actors/clock.h"
#include "actors/log.h"
#include "actors/node.h"
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/rows.h"
#include "proto/peer.h"

/* Deadlines are days away as a rule; a clock that was set is noticed within an hour. */
static const fsp_time_t LOOK_EVERY_US = (fsp_time_t)3600 * 1000 * 1000;
/* After a refusal: log time may lag behind the clock, or the shard may be busy. */
static const fsp_time_t LOOK_AGAIN_US = (fsp_time_t)10 * 1000 * 1000;
static const fsp_time_t ANSWER_US = (fsp_time_t)30 * 1000 * 1000;

void
fsp_housekeeping_init(fsp_housekeeping_t *self, fsp_mailbox_t *mailbox, fsp_view_t *state,
                      fsp_shard_ref_t shard, fsp_time_t chores_us)
{
    *self = (fsp_housekeeping_t){
        .mailbox = mailbox, .state = state, .shard = shard, .chores = {.due_us = chores_us}};
}

fsp_time_t
fsp_housekeeping_deadline(const fsp_housekeeping_t *self)
{
    if (self->asked_us)
        return self->asked_us + ANSWER_US;
    return self->look_us < self->chores.due_us ? self->look_us : self->chores.due_us;
}

void
fsp_housekeeping_ask(fsp_housekeeping_t *self, fsp_command_t *command, fsp_time_t now_us)
{
    fsp_random(command->op_id.bytes, sizeof(command->op_id.bytes));
    fsp_random(command->request_digest.bytes, sizeof(command->request_digest.bytes));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(command, &bytes);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    self->asked_us = now_us;
    fsp_mailbox_send(self->mailbox, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, FSP_SHARD_COMMAND,
                     ++self->request_id, fsp_buf_slice(&bytes), NULL, 0);
    fsp_buf_clear(&bytes);
}

fsp_status_t
fsp_housekeeping_closing(fsp_view_t *state, fsp_shard_ref_t shard, fsp_closing_fn *found, void *arg)
{
    fsp_row_key_t from = fsp_row_key(shard, FSP_TABLE_SPACE, (fsp_space_id_t){0});
    from.used -= sizeof(fsp_space_id_t);
    fsp_row_key_t to = from;
    fsp_row_key_to_prefix_end(&to);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(state, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_space_id_t space_id;
        fsp_space_row_t row;
        if (cursor->key.bytes != FSP_ROW_PREFIX_BYTES ||
            fsp_space_row_decode(cursor->value, &row) != FSP_OK)
            return FSP_DAMAGED;
        memcpy(space_id.bytes, cursor->key.data + FSP_ROW_PREFIX_BYTES - sizeof(space_id.bytes),
               sizeof(space_id.bytes));
        bool closing =
            row.access.state == FSP_LIFE_CLOSING || row.access.state == FSP_LIFE_DROPPING;
        if (closing && !found(arg, space_id, row.access.deadline))
            break;
    }
    return cursor->status;
}

/* -- dropping ---------------------------------------------------------------------------------- */

static void
ask_drop(fsp_housekeeping_t *self, fsp_time_t now_us)
{
    fsp_command_t command = {.type = FSP_COMMAND_SPACE_DROP,
                             .version = FSP_COMMAND_VERSION,
                             .space_id = self->space_id,
                             .attempt = 1};
    fsp_housekeeping_ask(self, &command, now_us);
}

typedef struct {
    fsp_time_t wall_us;
    fsp_space_id_t gone_id;
    fsp_time_t next; /* earliest deadline that has not passed; 0: none */
    bool found;
    fsp_space_id_t space_id;
} look_t;

static bool
look_at(void *arg, fsp_space_id_t space_id, fsp_time_t deadline)
{
    look_t *look = arg;
    if (fsp_space_id_eq(space_id, look->gone_id))
        return true;
    if (deadline <= look->wall_us) {
        look->found = true;
        look->space_id = space_id;
        return false;
    }
    if (look->next == 0 || deadline < look->next)
        look->next = deadline;
    return true;
}

static void
look_for_closing(fsp_housekeeping_t *self, fsp_time_t now_us, fsp_time_t wall_us)
{
    look_t look = {.wall_us = wall_us, .gone_id = self->gone_id};
    fsp_status_t status = fsp_housekeeping_closing(self->state, self->shard, look_at, &look);
    self->look_us = now_us + LOOK_EVERY_US;
    if (status != FSP_OK) {
        /* The shard stops the node when it meets that row; here nothing depends on it. */
        fsp_log(FSP_LOG_ERROR, "housekeeping", "msg=\"spaces cannot be read\" reason=%s",
                fsp_status_name(status));
    } else if (look.found) {
        self->space_id = look.space_id;
        ask_drop(self, now_us);
    } else if (look.next && look.next - wall_us < LOOK_EVERY_US) {
        self->look_us = now_us + (look.next - wall_us);
    }
}

void
fsp_housekeeping_turn(fsp_housekeeping_t *self, fsp_time_t now_us, fsp_time_t wall_us)
{
    if (self->asked_us && now_us < self->asked_us + ANSWER_US)
        return;
    if (self->asked_us && self->chores.asked)
        fsp_chores_answered(self, FSP_TIMEOUT, NULL, now_us);
    self->asked_us = 0;
    if (now_us >= self->look_us)
        look_for_closing(self, now_us, wall_us);
    if (self->asked_us == 0)
        fsp_chores_turn(self, now_us, wall_us);
}

static void
dropped(fsp_housekeeping_t *self, const fsp_result_t *result, fsp_time_t now_us)
{
    if (result->number > 0) {
        ask_drop(self, now_us); /* rows are left */
        return;
    }
    char hex[2 * sizeof(self->space_id.bytes) + 1];
    fsp_hex_encode(self->space_id.bytes, sizeof(self->space_id.bytes), hex);
    fsp_log(FSP_LOG_INFO, "housekeeping", "msg=\"space is gone\" space=%s", hex);
    self->gone_id = self->space_id;
    static const fsp_actor_id_t told[] = {FSP_ACTOR_REBALANCER, FSP_ACTOR_FRONTEND};
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        fsp_mailbox_send(self->mailbox, told[i], FSP_SERVICE_NODE, FSP_NODE_GONE, 0,
                         FSP_SLICE_OF(self->space_id), NULL, 0);
    self->look_us = now_us; /* for the next one */
}

void
fsp_housekeeping_tell(fsp_mailbox_t *mailbox, fsp_space_id_t space_id, fsp_time_t deadline)
{
    uint8_t body[FSP_NODE_CLOSING_BYTES];
    memcpy(body, space_id.bytes, sizeof(space_id.bytes));
    fsp_store_u64(body + sizeof(space_id.bytes), deadline);
    fsp_mailbox_send(mailbox, FSP_ACTOR_SUPERVISOR, FSP_SERVICE_NODE, FSP_NODE_CLOSING, 0,
                     fsp_slice(body, sizeof(body)), NULL, 0);
}

/* The rows that say so may not be written yet, so a deadline that has passed is acted upon by the
   message alone. */
static void
closing(fsp_housekeeping_t *self, fsp_slice_t body, fsp_time_t now_us, fsp_time_t wall_us)
{
    FSP_PRE(body.bytes == FSP_NODE_CLOSING_BYTES);
    fsp_time_t deadline = fsp_load_u64(body.data + sizeof(self->space_id.bytes));
    fsp_time_t at_us = now_us + (deadline > wall_us ? deadline - wall_us : LOOK_AGAIN_US);
    if (self->look_us > at_us)
        self->look_us = at_us;
    if (deadline > wall_us || self->asked_us)
        return;
    memcpy(self->space_id.bytes, body.data, sizeof(self->space_id.bytes));
    ask_drop(self, now_us);
}

void
fsp_housekeeping_mail(fsp_housekeeping_t *self, fsp_mail_t *mail, fsp_time_t now_us,
                      fsp_time_t wall_us)
{
    if (mail->envelope.service == FSP_SERVICE_NODE) {
        closing(self, fsp_mail_body(mail), now_us, wall_us);
        return;
    }
    if (mail->envelope.service != FSP_SERVICE_SHARD || self->asked_us == 0 ||
        mail->envelope.request_id != self->request_id)
        return; /* an answer that nobody waits for any more */
    self->asked_us = 0;
    fsp_result_t result = {.status = FSP_OK};
    bool answered = mail->envelope.type == FSP_MSG_OK &&
                    fsp_result_decode(fsp_mail_body(mail), &result) == FSP_OK;
    if (self->chores.asked)
        fsp_chores_answered(self, answered ? result.status : FSP_BUSY, &result, now_us);
    else if (answered && result.status == FSP_OK)
        dropped(self, &result, now_us);
    else
        self->look_us = now_us + LOOK_AGAIN_US; /* log time may lag behind the clock */
}
