/* SPDX-License-Identifier: MIT */
/* frontend_fetch - objects that a put reads: where a kept upload stands, what its bases are made
 * of. Layer actors.
 *
 *   FETCH -> OBJECT_GET -> open (a job) -> whoever asked: the upload, or the bases (FSP_TOKEN_BASE)
 *
 * Whole objects only.  They are opened under the key that their head has; whoever asked compares it
 * with the one that was wanted.
 */
#include "actors/frontend.h"

#include "core/crypto/digest.h"

void
fsp_fetch_ask(fsp_frontend_t *self, fsp_call_t *call, fsp_key_t key, bool head_only, uint64_t token)
{
    /* The shortest sealed part has a tag, so one octet of it is not all. */
    fsp_object_get_t get = {.space_id = call->space->space_id, .key = key, .to = head_only ? 1 : 0};
    fsp_buf_reset(&self->scratch);
    fsp_object_get_encode(&get, &self->scratch);
    fsp_mailbox_send(self->shell->mailbox, FSP_ACTOR_OBJECTS, FSP_SERVICE_OBJECTS, FSP_OBJECT_GET,
                     fsp_ask_id(call, ASK_FETCH, token), fsp_buf_slice(&self->scratch), NULL, 0);
}

fsp_status_t
fsp_fetch_take_part(fsp_mail_t *mail, fsp_object_part_t *ret)
{
    fsp_object_got_t got;
    fsp_status_t status = fsp_object_got_decode(fsp_mail_body(mail), &got);
    if (status != FSP_OK)
        return status;
    size_t sealed_at = got.open_bytes > 0 ? 1 : 0;
    if (mail->payload_count != sealed_at + 1)
        return FSP_INTERNAL;
    memcpy(ret->head, got.head, sizeof(ret->head));
    ret->sealed_from = got.sealed_from;
    ret->sealed_bytes = got.sealed_bytes;
    if (sealed_at == 1)
        ret->open = fsp_mail_take_payload(mail, 0);
    ret->sealed = fsp_mail_take_payload(mail, sealed_at);
    return FSP_OK;
}

/* One object has come, or will not: status, and what of it is here. */
static void
deliver(fsp_frontend_t *self, fsp_call_t *call, uint64_t token, fsp_status_t status,
        const uint8_t *head, fsp_slice_t open, fsp_slice_t plain)
{
    fsp_fetched_t fetched = {.status = status, .open = open, .plain = plain};
    if (status == FSP_OK) {
        fsp_hash_t name = fsp_sha256(fsp_slice(head, FSP_OBJECT_HEAD_BYTES));
        memcpy(fetched.key.bytes, name.bytes, sizeof(fetched.key.bytes));
        fetched.status =
            fsp_object_header_decode(fsp_slice(head, FSP_OBJECT_HEADER_BYTES), &fetched.header);
    }
    fsp_put_fetched(self, call, token, &fetched);
}

void
fsp_fetch_answer(fsp_frontend_t *self, fsp_call_t *call, uint64_t token, fsp_status_t status,
                 fsp_mail_t *mail)
{
    const fsp_slice_t nothing = fsp_slice(NULL, 0);
    fsp_object_part_t part = {.open = NULL};
    if (status == FSP_OK)
        status = fsp_fetch_take_part(mail, &part);
    if (status != FSP_OK || fsp_blob_bytes(part.sealed) < part.sealed_bytes) {
        deliver(self, call, token, status, part.head, nothing, nothing);
        fsp_object_part_clear(&part);
        return;
    }
    fsp_job_t *job = fsp_job_new(FSP_JOB_OPEN, call->serial, token, call->space->keys);
    fsp_hash_t name = fsp_sha256(fsp_slice(part.head, sizeof(part.head)));
    memcpy(job->key.bytes, name.bytes, sizeof(job->key.bytes));
    memcpy(job->head, part.head, sizeof(job->head));
    job->open = part.open;
    job->sealed = part.sealed;
    part.open = part.sealed = NULL;
    fsp_object_part_clear(&part);
    if (fsp_frontend_run_job(self, job)) {
        fsp_fetch_opened(self, call, job);
        fsp_job_destroy(&job);
    }
}

void
fsp_fetch_opened(fsp_frontend_t *self, fsp_call_t *call, fsp_job_t *job)
{
    fsp_slice_t open = fsp_slice(NULL, 0), plain = open;
    if (job->open)
        open = fsp_blob_slice(job->open);
    if (job->plain)
        plain = fsp_blob_slice(job->plain);
    deliver(self, call, job->token, job->status, job->head, open, plain);
}
