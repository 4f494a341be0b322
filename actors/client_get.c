/* SPDX-License-Identifier: MIT */
/* client_get - getting contents.  Layer actors.
 *
 * Data comes in order and goes straight to the caller; what was delivered cannot be taken back.  A
 * link that breaks is made again, and the rest of the very same version is asked for by file,
 * version and range.  A whole content is compared with the digest that the node named for it, over
 * all connections that it came by.
 */
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "actors/client_internal.h"

typedef struct {
    filesphere_t *handle;
    const char *subject;
    filesphere_write_fn *write;
    void *arg;
    fsp_request_t request;
    char version[65];      /* hex, for the request of the rest */
    uint64_t request_id;   /* 0: none is open */
    bool again;            /* the failure may pass */
    bool greeted_again;    /* for that reason, since data came last */
    uint64_t from, at, to; /* first octet, next one, and the end */
    uint64_t granted;      /* how far the node may send */
    uint64_t moved;        /* octets of payload that came */
    fsp_sha256_t *digest;  /* NULL: only a part is asked for */
    fsp_client_trouble_t trouble;
} download_t;

static filesphere_code_t
broke(download_t *self, fsp_status_t status)
{
    self->again = status == FSP_TIMEOUT && !fsp_client_overdue(self->handle);
    self->request_id = 0;
    return fsp_client_fail_link(self->handle, status, self->subject);
}

static void
tell(download_t *self, bool last)
{
    filesphere_progress_t progress = {.done_bytes = self->at - self->from,
                                      .total_bytes = self->to - self->from,
                                      .moved_bytes = self->moved};
    fsp_client_tell_progress(self->handle, &progress, last);
}

static filesphere_code_t
deliver(download_t *self, fsp_slice_t bytes)
{
    if (bytes.bytes > self->to - self->at)
        return broke(self, FSP_PROTOCOL);
    if (self->digest)
        fsp_sha256_update(self->digest, bytes);
    self->at += bytes.bytes;
    self->moved += bytes.bytes;
    int rc = 0;
    while (bytes.bytes > 0 &&
           (rc = self->write(self->arg, bytes.data, bytes.bytes)) == FILESPHERE_NOT_YET) {
        if (atomic_load(&self->handle->cancelled))
            return fsp_client_fail_link(self->handle, FSP_CANCELLED, self->subject);
        if (fsp_client_overdue(self->handle))
            return broke(self, FSP_TIMEOUT);
        fsp_client_beat(self->handle);
    }
    if (rc != 0)
        return fsp_client_fail(self->handle, FSP_CANCELLED, self->subject,
                               "the receiver ended the download");
    tell(self, false);
    return FILESPHERE_OK;
}

/* Grants more when half of the window is used, never beyond the end. */
static filesphere_code_t
grant_more(download_t *self)
{
    uint64_t ahead = self->granted > self->at ? self->granted - self->at : 0;
    if (ahead > FSP_DOWNLOAD_WINDOW_BYTES / 2 || self->granted >= self->to)
        return FILESPHERE_OK;
    uint64_t more = FSP_DOWNLOAD_WINDOW_BYTES - ahead;
    fsp_request_t credit = {.credit = more};
    fsp_buf_reset(&self->handle->body);
    fsp_request_encode(FSP_MSG_CREDIT, &credit, &self->handle->body);
    fsp_status_t status = fsp_client_send(self->handle, FSP_MSG_CREDIT, self->request_id,
                                          fsp_buf_slice(&self->handle->body), NULL);
    if (status != FSP_OK)
        return broke(self, status);
    self->granted += more;
    return FILESPHERE_OK;
}

static filesphere_code_t
take_data(download_t *self)
{
    fsp_client_message_t message;
    fsp_status_t status =
        fsp_client_wait(self->handle, self->request_id, self->handle->timeout_ms, &message);
    if (status != FSP_OK)
        return broke(self, status);
    filesphere_code_t code;
    if (message.type == FSP_MSG_ERROR) {
        code = fsp_client_fail_reply(self->handle, &message.reply, self->subject);
        /* PROTOCOL: ZeroMQ has made the connection anew while the caller wrote. */
        bool unknown = code == fsp_error_info(FSP_PROTOCOL)->code && !self->greeted_again;
        self->greeted_again = self->greeted_again || unknown;
        self->again = fsp_client_may_pass(code) || unknown;
        self->request_id = 0;
        if (unknown || code == fsp_error_info(FSP_CLOSING)->code)
            fsp_client_drop_link(self->handle);
    } else if (message.type != FSP_MSG_DATA || message.offset != self->at) {
        code = broke(self, FSP_PROTOCOL);
    } else {
        fsp_client_trouble_over(&self->trouble, true);
        self->greeted_again = false;
        code = deliver(self, message.payload);
    }
    fsp_client_message_clear(&message);
    return code;
}

/* What came is what the node named. */
static filesphere_code_t
verify(download_t *self, const uint8_t expected[32])
{
    if (!self->digest)
        return FILESPHERE_OK;
    fsp_hash_t got = fsp_sha256_finish(self->digest);
    if (memcmp(got.bytes, expected, sizeof got.bytes) == 0)
        return FILESPHERE_OK;
    return fsp_client_fail(
        self->handle, FSP_DAMAGED, self->subject,
        "what came is not what was stored (SHA-256 differs); do not use it, try again");
}

/* -- openings ---------------------------------------------------------------------------------- */

/* What the node says it sends is what was asked for. */
static bool
fits(const fsp_request_t *request, const fsp_reply_t *reply)
{
    uint64_t first = request->has_range ? request->range_first : 0;
    if (reply->from != first || reply->from > reply->to || reply->to > reply->size)
        return false;
    return request->has_range ? reply->to - 1 <= request->range_last : reply->to == reply->size;
}

/* The first answer: what it is and where it starts. */
static filesphere_code_t
open_first(download_t *self, const fsp_client_message_t *message, filesphere_info_t *ret)
{
    const fsp_reply_t *reply = &message->reply;
    filesphere_code_t code = fsp_client_fill_info(self->handle, &self->request, reply, ret);
    if (code != FILESPHERE_OK)
        return code;
    if (!fits(&self->request, reply))
        return broke(self, FSP_PROTOCOL);
    self->from = self->at = reply->from;
    self->to = reply->to;
    if (self->at == 0 && self->to == reply->size)
        self->digest = fsp_sha256_new();
    /* The rest, should the link break: of this version, whatever its path means by then. */
    fsp_request_t *request = &self->request;
    fsp_hex_encode(ret->version_id, sizeof ret->version_id, self->version);
    request->version = fsp_slice_text(self->version);
    request->path = fsp_slice(NULL, 0);
    memcpy(request->file_id.bytes, ret->file_id, sizeof ret->file_id);
    request->at_index = 0;
    request->at_time = 0;
    request->has_range = true;
    request->range_last = self->to > 0 ? self->to - 1 : 0;
    return FILESPHERE_OK;
}

/* A later one: the same version, from where we are to where we were going. */
static filesphere_code_t
open_rest(download_t *self, const fsp_reply_t *reply, const filesphere_info_t *info)
{
    if (memcmp(reply->version_id.bytes, info->version_id, sizeof info->version_id) != 0 ||
        reply->size != info->size || reply->from != self->at || reply->to != self->to)
        return broke(self, FSP_PROTOCOL);
    fsp_client_trouble_over(&self->trouble, false);
    return FILESPHERE_OK;
}

/* One GET, to its end.  info is filled by the first. */
static filesphere_code_t
download(download_t *self, bool first, filesphere_info_t *info)
{
    filesphere_t *handle = self->handle;
    fsp_client_message_t message;
    self->again = false;
    self->request_id = 0;
    if (!first)
        self->request.range_first = self->at;
    filesphere_code_t code = fsp_client_ask(handle, FSP_MSG_GET, &self->request, fsp_slice(NULL, 0),
                                            self->subject, &message);
    if (code != FILESPHERE_OK) {
        /* Without an answer it has tried for as long as patience lasts. */
        self->again = code == fsp_error_info(FSP_BUSY)->code && !first;
        return code;
    }
    if (message.type != FSP_MSG_OK)
        code = broke(self, FSP_PROTOCOL);
    else
        self->request_id = message.request_id;
    if (code == FILESPHERE_OK)
        code = first ? open_first(self, &message, info) : open_rest(self, &message.reply, info);
    if (code == FILESPHERE_OK) {
        self->granted = self->at + FSP_DOWNLOAD_WINDOW_BYTES;
        code = deliver(self, message.payload);
    }
    fsp_client_message_clear(&message);
    while (code == FILESPHERE_OK && self->at < self->to) {
        code = grant_more(self);
        if (code == FILESPHERE_OK)
            code = take_data(self);
    }
    return code;
}

static filesphere_code_t
download_all(download_t *self, filesphere_info_t *info)
{
    filesphere_code_t code = download(self, true, info);
    while (code != FILESPHERE_OK && self->again &&
           fsp_client_try_again(self->handle, &self->trouble, self->subject,
                                "; what came so far is no whole content, get it again", &code))
        code = download(self, false, info);
    if (code == FILESPHERE_OK)
        code = verify(self, info->sha256);
    else if (self->request_id != 0)
        fsp_client_abort(self->handle, self->request_id);
    fsp_sha256_destroy(&self->digest);
    if (code == FILESPHERE_OK)
        tell(self, true);
    return code;
}

filesphere_code_t
filesphere_get(filesphere_t *handle, const filesphere_get_t *get, filesphere_write_fn *write,
               void *arg, filesphere_info_t *ret)
{
    if (!get || !get->path || !write || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    filesphere_info_t unwanted;
    download_t self = {.handle = handle, .subject = get->path, .write = write, .arg = arg};
    fsp_request_t *request = &self.request;
    request->credit = FSP_DOWNLOAD_WINDOW_BYTES;
    request->has_range = get->has_range;
    request->range_first = get->first;
    request->range_last = get->last;
    filesphere_code_t code = fsp_client_prepare(handle, request, get->space, get->path, false);
    if (code == FILESPHERE_OK)
        code = fsp_client_set_version(handle, request, get->version);
    if (code == FILESPHERE_OK)
        code = fsp_client_set_at(handle, request, get->at);
    if (code == FILESPHERE_OK && get->has_range && get->first > get->last)
        code = fsp_client_fail(handle, FSP_BAD_RANGE, get->path, "the range ends before it starts");
    if (code == FILESPHERE_OK)
        code = download_all(&self, ret ? ret : &unwanted);
    return fsp_client_end(handle, code);
}
