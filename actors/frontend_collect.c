/* SPDX-License-Identifier: MIT */
/* frontend_collect - COLLECT: a round of garbage collection that somebody asks for.  Layer actors.
 *
 *   COLLECT -> the rebalancer, which has one round of a space at a time -> OK when it is over
 *
 * The gateway learns here, too, that a round was opened: calls that begin from then on store with
 * the new epoch; those before keep theirs, which is good until the next round but one.
 */
#include "actors/frontend.h"

#include "core/base/check.h"

void
fsp_collect_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    /* The round is the node's own command, so its gateway judges. */
    if (!fsp_subject_id_eq(call->space->owner, call->session->subject)) {
        fsp_frontend_error(self, call, FSP_FORBIDDEN, NULL);
        return;
    }
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_REBALANCER, FSP_SERVICE_NODE, FSP_NODE_COLLECT,
                     fsp_ask_id(call, ASK_COMMAND, 0), FSP_SLICE_OF(call->space->space_id), NULL,
                     0);
}

void
fsp_collect_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_mail_t *mail)
{
    fsp_slice_t body = fsp_mail_body(mail);
    if (mail->envelope.type != FSP_MSG_OK) {
        fsp_frontend_error(self, call, fsp_peer_error_decode(body), NULL);
        return;
    }
    fsp_node_collected_t collected;
    FSP_ASSERT(body.bytes == sizeof(collected));
    memcpy(&collected, body.data, sizeof(collected));
    fsp_reply_t reply = {.change = call->space->change,
                         .space_name = fsp_slice_text(call->space->name),
                         .epoch = collected.epoch,
                         .live = collected.live,
                         .swept = collected.swept,
                         .swept_bytes = collected.swept_bytes};
    fsp_frontend_ok(self, call, &reply);
}

void
fsp_collect_epoch(fsp_frontend_t *self, fsp_slice_t body)
{
    fsp_space_id_t space_id;
    FSP_PRE(body.bytes == sizeof(space_id) + 8);
    memcpy(space_id.bytes, body.data, sizeof(space_id));
    uint64_t epoch = fsp_load_u64(body.data + sizeof(space_id));
    fsp_gateway_space_t *space = fsp_spaces_by_id(self->args->spaces, space_id);
    if (space && space->epoch < epoch)
        space->epoch = epoch;
}

void
fsp_collect_end_all(fsp_frontend_t *self)
{
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_REBALANCER, FSP_SERVICE_NODE, FSP_NODE_STOP, 0,
                     fsp_slice(NULL, 0), NULL, 0);
}
