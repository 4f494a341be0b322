/* SPDX-License-Identifier: MIT */
/* client_ask - requests of the client: retries, operation ids, words.  Layer actors.
 *
 * A change carries an operation id that stays the same over its retries, an attempt number that
 * counts them, and `since`: the highest change number of the space known before the first attempt.
 * With these the space runs it at most once, or says that it cannot tell any more
 * (OUTCOME_UNKNOWN).
 */
#include "actors/client_internal.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/data/receipt.h"

#include <sys/random.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* -- calls ------------------------------------------------------------------------------------- */

bool
fsp_client_begin(filesphere_t *self)
{
    if (!self || pthread_mutex_lock(&self->mutex) != 0)
        return false;
    self->words[0] = '\0';
    uint64_t limit_ms = atomic_load(&self->limit_ms);
    uint64_t now = fsp_client_now_ms();
    self->call_end_ms = limit_ms == 0                 ? 0
                        : limit_ms > UINT64_MAX - now ? UINT64_MAX
                                                      : now + limit_ms;
    self->progress_ms = 0;
    return true;
}

filesphere_code_t
fsp_client_end(filesphere_t *self, filesphere_code_t code)
{
    FSP_POST(self->words[0] != '\0' || code == FILESPHERE_OK);
    int rc = pthread_mutex_unlock(&self->mutex);
    FSP_ASSERT(rc == 0);
    return code;
}

/* -- words ------------------------------------------------------------------------------------- */

filesphere_code_t
fsp_client_fail(filesphere_t *self, fsp_status_t status, const char *subject, const char *format,
                ...)
{
    int used = 0;
    if (subject)
        used = snprintf(self->words, sizeof self->words, "%.512s: ", subject);
    FSP_ASSERT(used >= 0 && (size_t)used < sizeof self->words);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(self->words + used, sizeof self->words - (size_t)used, format, args);
    va_end(args);
    return fsp_error_info(status)->code;
}

void
fsp_client_add_words(filesphere_t *self, const char *more)
{
    size_t used = strlen(self->words);
    (void)snprintf(self->words + used, sizeof self->words - used, "%s", more);
}

filesphere_code_t
fsp_client_fail_link(filesphere_t *self, fsp_status_t status, const char *subject)
{
    if (status == FSP_CANCELLED) {
        /* filesphere_cancel writes before it sets the flag, so nothing stays behind here. */
        atomic_store(&self->cancelled, false);
        uint64_t count;
        (void)!read(self->wake_fd, &count, sizeof count);
        return fsp_client_fail(self, status, subject, "cancelled");
    }
    fsp_client_drop_link(self);
    if (status == FSP_TIMEOUT && fsp_client_overdue(self))
        return fsp_client_fail(self, status, subject,
                               "it did not end within %llu ms; give it longer",
                               (unsigned long long)atomic_load(&self->limit_ms));
    if (status == FSP_TIMEOUT)
        return fsp_client_fail(self, status, subject, "the node does not answer; try again later");
    return fsp_client_fail(
        self, status, subject,
        "the node said something that does not fit (%s); is it of the same version?",
        fsp_status_text(status));
}

filesphere_code_t
fsp_client_fail_reply(filesphere_t *self, const fsp_reply_t *reply, const char *subject)
{
    unsigned code = reply->code <= UINT32_MAX ? (unsigned)reply->code : 0;
    const fsp_error_info_t *info = code > 0 ? fsp_error_by_code(code) : NULL;
    if (code == FILESPHERE_OK || (info && info->status == FSP_OK))
        return fsp_client_fail(self, FSP_PROTOCOL, subject,
                               "the node sent an error without a code");
    char text[384];
    size_t bytes = reply->text.bytes < sizeof text ? reply->text.bytes : sizeof text - 1;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t octet = reply->text.data[i];
        text[i] = octet < 0x20 || octet == 0x7f ? '?' : (char)octet;
    }
    text[bytes] = '\0';
    self->failed = (size_t)reply->failed;
    const char *words = bytes > 0 ? text
                        : info    ? info->text
                                  : "an error this program does not know; update it";
    (void)fsp_client_fail(self, FSP_INTERNAL, subject, "%s", words);
    return code;
}

/* -- requests ---------------------------------------------------------------------------------- */

static fsp_client_seen_t *
seen_space(filesphere_t *self, fsp_slice_t space)
{
    for (size_t i = 0; i < FSP_CLIENT_SPACES_KEPT; i++) {
        if (fsp_slice_eq(fsp_slice_text(self->seen[i].name), space))
            return &self->seen[i];
    }
    return NULL;
}

void
fsp_client_note_change(filesphere_t *self, fsp_slice_t space, uint64_t change)
{
    if (change == 0 || !fsp_space_name_valid(space))
        return;
    fsp_client_seen_t *seen = seen_space(self, space);
    if (!seen) {
        seen = &self->seen[self->seen_next];
        self->seen_next = (self->seen_next + 1) % FSP_CLIENT_SPACES_KEPT;
        memcpy(seen->name, space.data, space.bytes);
        seen->name[space.bytes] = '\0';
        seen->change = 0;
    }
    if (change > seen->change)
        seen->change = change;
}

void
fsp_client_random(void *ret, size_t bytes)
{
    uint8_t *at = ret;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes, 0);
        FSP_ASSERT(got > 0 ||
                   errno == EINTR); /* a kernel without randomness is no place to go on */
        if (got > 0) {
            at += got;
            bytes -= (size_t)got;
        }
    }
}

void
fsp_client_renew(filesphere_t *self, fsp_request_t *request)
{
    fsp_client_random(request->op_id.bytes, sizeof request->op_id.bytes);
    const fsp_client_seen_t *seen = seen_space(self, request->space);
    request->since = seen ? seen->change : 0;
}

filesphere_code_t
fsp_client_prepare(filesphere_t *self, fsp_request_t *request, const char *space, const char *path,
                   bool change)
{
    if (!self->has_profile) {
        return fsp_client_fail(self, FSP_NO_PROFILE, NULL,
                               "the handle has no profile; open it again");
    }
    if (!space)
        space = self->profile.space[0] ? self->profile.space : self->home;
    if (*space) {
        request->space = fsp_slice_text(space);
        if (!fsp_space_name_valid(request->space))
            return fsp_client_fail(self, FSP_BAD_NAME, space, "not a valid name of a space");
    }
    if (path) {
        request->path = fsp_slice_text(path);
        if (fsp_path_check(request->path) != FSP_OK)
            return fsp_client_fail(
                self, FSP_BAD_NAME, path,
                "not a valid remote path; it starts with '/', has no empty part, no '.', no '..'");
    }
    if (change)
        fsp_client_renew(self, request);
    return FILESPHERE_OK;
}

filesphere_code_t
fsp_client_set_at(filesphere_t *self, fsp_request_t *request, filesphere_at_t at)
{
    request->at_index = at.change;
    request->at_time = at.time_us;
    if (at.change > 0 && at.time_us > 0)
        return fsp_client_fail(self, FSP_INVALID, NULL,
                               "a moment is a change number or a time, not both");
    return FILESPHERE_OK;
}

filesphere_code_t
fsp_client_set_version(filesphere_t *self, fsp_request_t *request, const char *version)
{
    if (!version)
        return FILESPHERE_OK;
    request->version = fsp_slice_text(version);
    size_t digits = strspn(version, "0123456789abcdefABCDEF");
    if (digits == request->version.bytes && digits >= FSP_VERSION_PREFIX_HEX_MIN && digits <= 64)
        return FILESPHERE_OK;
    return fsp_client_fail(self, FSP_INVALID, version,
                           "not a version; give 8 to 64 of its hexadecimal digits");
}

void
fsp_client_abort(filesphere_t *self, uint64_t request_id)
{
    if (!self->socket)
        return;
    fsp_request_t nothing;
    memset(&nothing, 0, sizeof nothing);
    fsp_buf_reset(&self->body);
    fsp_request_encode(FSP_MSG_ABORT, &nothing, &self->body);
    /* If it does not arrive, the node's own deadline ends the transfer. */
    if (fsp_client_send(self, FSP_MSG_ABORT, request_id, fsp_buf_slice(&self->body), NULL) !=
        FSP_OK)
        fsp_client_drop_link(self);
    else
        self->aborted = true;
}

/* Sends one attempt and waits for the first answer. */
static fsp_status_t
attempt(filesphere_t *self, fsp_client_type_t type, const fsp_request_t *request,
        fsp_slice_t payload, fsp_client_message_t *ret)
{
    fsp_buf_reset(&self->body);
    fsp_request_encode(type, request, &self->body);
    if (!fsp_buf_ok(&self->body))
        return FSP_TOO_LARGE;
    zmq_msg_t frame;
    zmq_msg_t *frame_p = NULL;
    if (payload.bytes > 0) {
        frame_p = &frame;
        int rc = zmq_msg_init_size(&frame, payload.bytes);
        FSP_ASSERT(rc == 0);
        memcpy(zmq_msg_data(&frame), payload.data, payload.bytes);
    }
    uint64_t id = fsp_client_next_id(self);
    self->ask_count++;
    fsp_status_t status = fsp_client_send(self, type, id, fsp_buf_slice(&self->body), frame_p);
    return status == FSP_OK ? fsp_client_wait(self, id, self->timeout_ms, ret) : status;
}

/* -- when the node is gone --------------------------------------------------------------------- */

bool
fsp_client_may_pass(filesphere_code_t code)
{
    const fsp_error_info_t *info = fsp_error_by_code(code);
    return info && info->retry == FSP_RETRY_SAME;
}

void
fsp_client_trouble_over(fsp_client_trouble_t *trouble, bool progress)
{
    if (trouble->since_ms != 0)
        trouble->spent_ms += fsp_client_now_ms() - trouble->since_ms;
    trouble->since_ms = 0;
    if (progress)
        *trouble = (fsp_client_trouble_t){.since_ms = 0};
}

/* Words for a call that tried for long enough; what a node has said stays. */
static filesphere_code_t
out_of_patience(filesphere_t *self, filesphere_code_t code, uint64_t spent_ms, const char *subject,
                const char *resume)
{
    static const fsp_status_t gone[] = {FSP_UNREACHABLE, FSP_TIMEOUT, FSP_CLOSING};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        if (code == fsp_error_info(gone[i])->code)
            return fsp_client_fail(self, i == 0 ? FSP_UNREACHABLE : FSP_TIMEOUT, subject,
                                   "the node went away and did not come back within %llu ms%s",
                                   (unsigned long long)spent_ms, resume);
    }
    fsp_client_add_words(self, resume);
    return code;
}

bool
fsp_client_try_again(filesphere_t *self, fsp_client_trouble_t *trouble, const char *subject,
                     const char *resume, filesphere_code_t *ret_code)
{
    uint64_t now = fsp_client_now_ms();
    /* The silence before counts, but not that of a handle nobody used or of a slow source. */
    uint64_t floor_ms = now > 2 * self->timeout_ms ? now - 2 * self->timeout_ms : 1;
    if (trouble->since_ms == 0)
        trouble->since_ms = self->heard_ms > floor_ms ? self->heard_ms : floor_ms;
    uint64_t spent_ms = trouble->spent_ms + (now - trouble->since_ms);
    uint64_t patience_ms = atomic_load(&self->patience_ms);
    if (atomic_load(&self->cancelled)) {
        *ret_code = fsp_client_fail_link(self, FSP_CANCELLED, subject);
        return false;
    }
    if (fsp_client_overdue(self)) {
        *ret_code = fsp_client_fail_link(self, FSP_TIMEOUT, subject);
        return false;
    }
    if (spent_ms >= patience_ms) {
        *ret_code = out_of_patience(self, *ret_code, spent_ms, subject, resume ? resume : "");
        return false;
    }
    if (trouble->pause_ms == 0)
        trouble->pause_ms = FSP_CLIENT_AGAIN_MS_FIRST;
    uint16_t random;
    fsp_client_random(&random, sizeof random);
    /* Half to one and a half: many clients of one node must not come back in step. */
    uint64_t pause_ms = trouble->pause_ms / 2 + trouble->pause_ms * random / UINT16_MAX;
    if (pause_ms > patience_ms - spent_ms)
        pause_ms = patience_ms - spent_ms;
    trouble->pause_ms = trouble->pause_ms * 2 < FSP_CLIENT_AGAIN_MS_LAST ? trouble->pause_ms * 2
                                                                         : FSP_CLIENT_AGAIN_MS_LAST;
    fsp_client_pause(self, pause_ms);
    self->words[0] = '\0';
    return true;
}

/* What an ERROR means for the request: true if it is to be sent again at once. */
static bool
is_worth_repeating(filesphere_t *self, fsp_request_t *request, filesphere_code_t code,
                   bool *greeted_again, bool *renewed)
{
    /* A first attempt that knew too old a change: nothing was done, and now we know a newer one. */
    if (code == fsp_error_info(FSP_EXPIRED)->code && !*renewed) {
        uint64_t since = request->since;
        *renewed = true;
        fsp_client_renew(self, request);
        request->attempt = 0;
        return request->since > since;
    }
    /* A node that does not know us: this connection is newer than our HELLO. */
    if (code == fsp_error_info(FSP_PROTOCOL)->code && !*greeted_again) {
        *greeted_again = true;
        fsp_client_drop_link(self);
        return true;
    }
    return false;
}

filesphere_code_t
fsp_client_ask(filesphere_t *self, fsp_client_type_t type, fsp_request_t *request,
               fsp_slice_t payload, const char *subject, fsp_client_message_t *ret)
{
    const char *may_be = fsp_op_id_is_zero(request->op_id)
                             ? "; try again later"
                             : " (the change may have been made); look at it and try again";
    fsp_client_trouble_t trouble = {.since_ms = fsp_client_now_ms()};
    bool sent = false, greeted_again = false, renewed = false;
    const bool attrs = request->attrs;
    request->attempt = 0;
    for (;;) {
        filesphere_code_t code = fsp_client_ready(self, fsp_client_now_ms() + self->timeout_ms);
        if (code == fsp_error_info(FSP_UNREACHABLE)->code && self->known) {
            if (!fsp_client_try_again(self, &trouble, subject, sent ? may_be : NULL, &code))
                return code;
            continue;
        }
        if (code != FILESPHERE_OK)
            return code;
        request->attrs = attrs && self->minor >= 3; /* of LIST: an older node leaves them out */
        if (fsp_request_minor(type, request) > self->minor)
            return fsp_client_fail(self, FSP_UNSUPPORTED, subject,
                                   "the node is older than this program and cannot do that yet; "
                                   "update the node");
        request->attempt++;
        sent = true;
        fsp_status_t status = attempt(self, type, request, payload, ret);
        if (status == FSP_OK && ret->type == FSP_MSG_ERROR) {
            code = fsp_client_fail_reply(self, &ret->reply, subject);
            fsp_client_note_change(self, request->space, ret->reply.change);
            fsp_client_message_clear(ret);
            /* A content is worth waiting until the node is there again; the rest is soon said. */
            if (code == fsp_error_info(FSP_CLOSING)->code &&
                (type == FSP_MSG_PUT || type == FSP_MSG_GET)) {
                fsp_client_drop_link(self);
                if (!fsp_client_try_again(self, &trouble, subject, may_be, &code))
                    return code;
            } else if (!is_worth_repeating(self, request, code, &greeted_again, &renewed)) {
                return code;
            }
            continue;
        }
        if (status == FSP_OK && ret->type != FSP_MSG_OK && ret->type != FSP_MSG_CREDIT &&
            ret->type != FSP_MSG_NEWS) {
            fsp_client_message_clear(ret);
            status = FSP_PROTOCOL;
        }
        if (status == FSP_OK) {
            fsp_client_note_change(self, request->space, ret->reply.change);
            return FILESPHERE_OK;
        }
        if (status == FSP_TOO_LARGE)
            return fsp_client_fail(self, status, subject,
                                   "the request is larger than the protocol allows");
        code = fsp_client_fail_link(self, status, subject);
        if (status != FSP_TIMEOUT || !fsp_client_try_again(self, &trouble, subject, may_be, &code))
            return code;
    }
}

void
fsp_client_tell_progress(filesphere_t *self, const filesphere_progress_t *progress, bool last)
{
    if (!self->progress)
        return;
    uint64_t now = fsp_client_now_ms();
    if (!last && now - self->progress_ms < FSP_CLIENT_PROGRESS_MS)
        return;
    self->progress_ms = now;
    self->progress(self->progress_arg, progress);
}

filesphere_code_t
fsp_client_learn_since(filesphere_t *self, fsp_request_t *request)
{
    if (request->since > 0)
        return FILESPHERE_OK;
    fsp_request_t look;
    memset(&look, 0, sizeof look);
    look.space = request->space;
    look.path = fsp_slice_text("/");
    fsp_client_message_t message;
    filesphere_code_t code =
        fsp_client_ask(self, FSP_MSG_STAT, &look, fsp_slice(NULL, 0), "/", &message);
    if (code != FILESPHERE_OK)
        return code;
    request->since = message.reply.change;
    fsp_client_message_clear(&message);
    return FILESPHERE_OK;
}

/* -- answers ----------------------------------------------------------------------------------- */

bool
fsp_client_copy_text(fsp_slice_t text, char *ret, size_t bytes_max)
{
    if (text.bytes >= bytes_max || (text.bytes > 0 && memchr(text.data, 0, text.bytes)))
        return false;
    if (text.bytes > 0)
        memcpy(ret, text.data, text.bytes);
    ret[text.bytes] = '\0';
    return true;
}

void
fsp_client_set_attr(fsp_request_t *request, const filesphere_attr_t *attr)
{
    request->has_attr = true;
    request->mode = attr->mode & 07777;
    request->mtime_s = attr->mtime_s;
    request->mtime_ns = attr->mtime_ns;
}

filesphere_attr_t
fsp_client_attr(bool set, uint32_t mode, int64_t mtime_s, uint32_t mtime_ns)
{
    if (!set || mtime_ns >= 1000000000)
        return (filesphere_attr_t){.set = false};
    return (filesphere_attr_t){
        .set = true, .mode = mode & 07777, .mtime_s = mtime_s, .mtime_ns = mtime_ns};
}

filesphere_code_t
fsp_client_fill_info(filesphere_t *self, const fsp_request_t *request, const fsp_reply_t *reply,
                     filesphere_info_t *ret)
{
    memset(ret, 0, sizeof *ret);
    fsp_slice_t path = reply->path.bytes > 0 ? reply->path : request->path;
    fsp_slice_t space = reply->space_name.bytes > 0 ? reply->space_name : request->space;
    if ((path.bytes > 0 && fsp_path_check(path) != FSP_OK) ||
        (space.bytes > 0 && !fsp_space_name_valid(space)) ||
        !fsp_client_copy_text(path, ret->path, sizeof ret->path) ||
        !fsp_client_copy_text(space, ret->space, sizeof ret->space) ||
        (unsigned)reply->kind > FSP_KIND_SYMLINK || reply->head_count > FILESPHERE_HEADS_MAX)
        return fsp_client_fail_link(self, FSP_PROTOCOL, NULL);
    ret->kind = (filesphere_kind_t)reply->kind;
    memcpy(ret->file_id, reply->file_id.bytes, sizeof ret->file_id);
    memcpy(ret->version_id, reply->version_id.bytes, sizeof ret->version_id);
    ret->number = reply->number;
    ret->size = reply->size;
    ret->modified_us = reply->modified;
    memcpy(ret->sha256, reply->sha256.bytes, sizeof ret->sha256);
    memcpy(ret->content_root, reply->content_root.bytes, sizeof ret->content_root);
    ret->chunks = reply->chunks;
    ret->chunks_new = reply->chunks_new;
    ret->receipt_size = reply->receipt.bytes; /* the decoder has bounded it */
    if (reply->receipt.bytes > 0) {
        fsp_receipt_t receipt;
        if (fsp_receipt_verify(reply->receipt, &receipt) != FSP_OK ||
            !fsp_version_id_eq(receipt.version_id, reply->version_id) ||
            memcmp(receipt.node_key, self->profile.node_key, sizeof receipt.node_key) != 0)
            return fsp_client_fail(self, FSP_DAMAGED, ret->path,
                                   "the receipt is not signed by the node of the profile");
        memcpy(ret->receipt, reply->receipt.data, reply->receipt.bytes);
    }
    ret->change = reply->change;
    ret->attr = fsp_client_attr(reply->has_attr, reply->mode, reply->mtime_s, reply->mtime_ns);
    for (size_t i = 0; i < reply->head_count; i++)
        memcpy(ret->heads[i], reply->heads[i].bytes, sizeof ret->heads[i]);
    ret->head_count = reply->head_count;
    ret->at_change = reply->at_index;
    ret->lease_token = reply->token;
    memcpy(ret->lease_holder, reply->holder.bytes, sizeof ret->lease_holder);
    ret->lease_expires_us = reply->expires;
    return FILESPHERE_OK;
}
