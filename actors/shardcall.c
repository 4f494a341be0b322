/* SPDX-License-Identifier: MIT */
/* shardcall - asks the node's shard and waits for the answer.  Layer actors. */
#include "actors/shardcall.h"

#include "actors/clock.h"
#include "core/base/check.h"
#include "proto/peer.h"

enum {
    ANSWER_MS_MAX = 30 * 1000, /* its state has been brought up to its log before */
    ASK_AGAIN_US = 5 * 1000,
};

/* The answer of the shard to one question; false if none came within wait_us. */
static bool
receive_answer(const fsp_shardcall_t *self, fsp_time_t wait_us, fsp_buf_t *ret,
               fsp_status_t *ret_status)
{
    zmq_pollitem_t item = {.socket = fsp_mailbox_socket(self->mailbox), .events = ZMQ_POLLIN};
    fsp_mail_t mail;
    (void)zmq_poll(&item, 1, (long)(wait_us / 1000));
    if (!fsp_mailbox_receive(self->mailbox, &mail))
        return false;
    *ret_status = FSP_OK;
    if (mail.envelope.type == FSP_MSG_OK)
        fsp_buf_append_slice(ret, fsp_mail_body(&mail));
    else
        *ret_status = fsp_peer_error_decode(fsp_mail_body(&mail));
    fsp_mail_clear(&mail);
    return true;
}

fsp_status_t
fsp_shardcall(const fsp_shardcall_t *self, unsigned type, fsp_slice_t body, fsp_buf_t *ret,
              fsp_error_t *error)
{
    fsp_time_t until = fsp_clock_mono_us() + (fsp_time_t)ANSWER_MS_MAX * 1000;
    bool asked = false;
    while (fsp_clock_mono_us() < until) {
        if (!asked)
            fsp_mailbox_send(self->mailbox, FSP_ACTOR_SHARD, FSP_SERVICE_SHARD, type, 1, body, NULL,
                             0);
        asked = true;
        fsp_status_t status;
        bool answered = receive_answer(self, ASK_AGAIN_US, ret, &status);
        if ((self->shard && fsp_actor_failure(self->shard, error)) ||
            (self->store && fsp_actor_failure(self->store, error)))
            return error->status;
        if (!answered)
            continue;
        if (status == FSP_OK)
            return FSP_OK;
        if (status != FSP_BUSY && status != FSP_NOT_LEADER)
            return fsp_error_set(error, status, "shard: %s", fsp_status_text(status));
        (void)zmq_poll(NULL, 0, ASK_AGAIN_US / 1000);
        asked = false;
    }
    return fsp_error_set(error, FSP_TIMEOUT, "the shard does not answer");
}

fsp_status_t
fsp_shardcall_command(const fsp_shardcall_t *self, fsp_slice_t command, uint64_t *ret_number,
                      fsp_error_t *error)
{
    fsp_buf_t answer;
    fsp_buf_init(&answer, FSP_RESULT_BYTES_MAX);
    fsp_status_t status = fsp_shardcall(self, FSP_SHARD_COMMAND, command, &answer, error);
    fsp_result_t result;
    if (status == FSP_OK)
        status = fsp_result_decode(fsp_buf_slice(&answer), &result);
    if (status == FSP_OK) {
        status = result.status;
        if (ret_number)
            *ret_number = result.number;
    }
    fsp_buf_clear(&answer);
    return status;
}

static fsp_status_t
raise_once(const fsp_shardcall_t *self, uint64_t level, uint64_t *ret_level, fsp_error_t *error)
{
    fsp_command_t command = {.type = FSP_COMMAND_LEVEL_RAISE,
                             .version = FSP_COMMAND_VERSION,
                             .attempt = 1,
                             .access = {.value = level}};
    fsp_random(command.op_id.bytes, sizeof(command.op_id.bytes));
    fsp_random(command.request_digest.bytes, sizeof(command.request_digest.bytes));
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    fsp_command_encode(&command, &bytes);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    fsp_status_t status = fsp_shardcall_command(self, fsp_buf_slice(&bytes), ret_level, error);
    fsp_buf_clear(&bytes);
    return status;
}

fsp_status_t
fsp_shardcall_raise_level(const fsp_shardcall_t *self, uint64_t level, uint64_t *ret_level,
                          fsp_error_t *error)
{
    FSP_PRE(level > 0 && level <= FSP_FEATURE_LEVEL);
    /* Asking for the lowest level changes nothing and tells the present one. */
    uint64_t now = 0;
    fsp_status_t status = raise_once(self, 1, &now, error);
    while (status == FSP_OK && now < level) {
        uint64_t wanted = now + 1;
        status = raise_once(self, wanted, &now, error);
        if (status == FSP_OK && now != wanted)
            status = FSP_INTERNAL;
    }
    if (status != FSP_OK)
        return fsp_error_set(error, status, "the shard's feature level cannot be raised: %s",
                             fsp_status_text(status));
    *ret_level = now;
    return FSP_OK;
}
