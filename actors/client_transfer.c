/* SPDX-License-Identifier: MIT */
/* client_transfer - putting and getting contents.  Layer actors.
 *
 * Put: the first frame is read before anything is said.  If it is all, it travels in PUT itself and
 * may be sent again like any small request.  Otherwise PUT opens a transfer (also repeatable, the
 * frame is still held), the node grants credit, and from the first DATA on the source has moved: a
 * link that breaks then ends the call with TIMEOUT.
 *
 * Get: data comes in order; what was delivered cannot be taken back, so a link that breaks after
 * the first answer ends the call, too.  A whole content is compared with the digest the node named
 * for it.
 */
#include "actors/client_internal.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"

enum {
    /* In-flight data may need this long a second more before the node's next word: 1 Mbit/s. */
    SLOWEST_BYTES_PER_SECOND = 128 * 1024,
};

/* -- put --------------------------------------------------------------------------------------- */

/* Content is read straight into the message that carries it. */
typedef struct {
    zmq_msg_t message; /* FSP_FRAME_BYTES_MAX of memory, if data is set */
    uint8_t *data;     /* NULL: none */
    size_t bytes;      /* in use */
} frame_t;

typedef struct {
    filesphere_t *handle;
    const char *subject;
    filesphere_read_fn *read;
    void *arg;
    frame_t frame; /* being sent */
    frame_t ahead; /* the second one, read before PUT to know whether there is one */
    bool source_ended;
    uint64_t request_id;
    uint64_t offset; /* of what comes next */
    uint64_t credit; /* granted and not used */
    uint64_t credit_seen, credit_first;
    uint64_t bytes_sent;
    fsp_sha256_t *digest;
} upload_t;

static filesphere_code_t hear(upload_t *self, bool wait);

/* Fills a frame; fewer bytes than fit only at the end of the source. */
static filesphere_code_t
read_frame(upload_t *self, frame_t *ret)
{
    FSP_PRE(!ret->data);
    int made = zmq_msg_init_size(&ret->message, FSP_FRAME_BYTES_MAX);
    FSP_ASSERT(made == 0);
    ret->data = zmq_msg_data(&ret->message);
    ret->bytes = 0;
    while (!self->source_ended && ret->bytes < FSP_FRAME_BYTES_MAX) {
        size_t room = FSP_FRAME_BYTES_MAX - ret->bytes;
        size_t got = 0;
        int rc = self->read(self->arg, ret->data + ret->bytes, room, &got);
        if (rc == FILESPHERE_NOT_YET) {
            fsp_client_beat(self->handle);
            filesphere_code_t code = self->request_id ? hear(self, false) : FILESPHERE_OK;
            if (code != FILESPHERE_OK)
                return code;
            continue;
        }
        if (rc != 0 || got > room)
            return fsp_client_fail(self->handle, FSP_CANCELLED, self->subject,
                                   "the source ended the upload");
        ret->bytes += got;
        self->source_ended = got == 0;
    }
    return FILESPHERE_OK;
}

static void
drop_frame(frame_t *frame)
{
    if (frame->data)
        (void)zmq_msg_close(&frame->message);
    frame->data = NULL;
    frame->bytes = 0;
}

static void
grant(upload_t *self, uint64_t credit)
{
    self->credit_seen =
        credit > UINT64_MAX - self->credit_seen ? UINT64_MAX : self->credit_seen + credit;
    self->credit = credit > FSP_CLIENT_CREDIT_MAX - self->credit ? FSP_CLIENT_CREDIT_MAX
                                                                 : self->credit + credit;
}

/* Takes one message of the transfer: credit, or the end.  wait: until there is one. */
static filesphere_code_t
hear(upload_t *self, bool wait)
{
    fsp_client_message_t message;
    /* What the node has consumed is what it granted beyond the first window. */
    uint64_t consumed = self->credit_seen - self->credit_first;
    uint64_t in_flight = self->offset > consumed ? self->offset - consumed : 0;
    if (in_flight > FSP_CLIENT_CREDIT_MAX)
        in_flight = FSP_CLIENT_CREDIT_MAX;
    uint64_t quiet_ms = self->handle->timeout_ms + in_flight * 1000 / SLOWEST_BYTES_PER_SECOND;
    fsp_status_t status = wait ? fsp_client_wait(self->handle, self->request_id, quiet_ms, &message)
                               : fsp_client_receive(self->handle, self->request_id, &message);
    if (status == FSP_NOT_FOUND)
        return FILESPHERE_OK;
    if (status != FSP_OK)
        return fsp_client_fail_link(self->handle, status, self->subject);
    filesphere_code_t code = FILESPHERE_OK;
    if (message.type == FSP_MSG_CREDIT)
        grant(self, message.reply.credit);
    else if (message.type == FSP_MSG_ERROR)
        code = fsp_client_fail_reply(self->handle, &message.reply, self->subject);
    else
        code = fsp_client_fail_link(self->handle, FSP_PROTOCOL, self->subject);
    fsp_client_message_clear(&message);
    return code;
}

static filesphere_code_t
send_piece(upload_t *self, size_t at, size_t bytes)
{
    zmq_msg_t payload;
    if (bytes == FSP_FRAME_BYTES_MAX) { /* the usual case: without a copy */
        (void)zmq_msg_init(&payload);
        int rc = zmq_msg_move(&payload, &self->frame.message);
        FSP_ASSERT(rc == 0);
    } else {
        int rc = zmq_msg_init_size(&payload, bytes);
        FSP_ASSERT(rc == 0);
        memcpy(zmq_msg_data(&payload), self->frame.data + at, bytes);
    }
    uint8_t body[8];
    fsp_store_u64(body, self->offset);
    fsp_status_t status =
        fsp_client_send(self->handle, FSP_MSG_DATA, self->request_id, fsp_slice(body, 8), &payload);
    if (status != FSP_OK)
        return fsp_client_fail_link(self->handle, status, self->subject);
    self->offset += bytes;
    self->credit -= bytes;
    self->bytes_sent += bytes;
    return FILESPHERE_OK;
}

/* Sends the frame as far as credit allows, waiting for more. */
static filesphere_code_t
send_frame(upload_t *self)
{
    filesphere_code_t code = FILESPHERE_OK;
    fsp_sha256_update(self->digest, fsp_slice(self->frame.data, self->frame.bytes));
    for (size_t at = 0; at < self->frame.bytes && code == FILESPHERE_OK;) {
        code = hear(self, self->credit == 0);
        if (code != FILESPHERE_OK || self->credit == 0)
            continue;
        size_t piece = self->frame.bytes - at;
        if (self->credit < piece)
            piece = (size_t)self->credit;
        code = send_piece(self, at, piece);
        at += piece;
    }
    drop_frame(&self->frame);
    return code;
}

static filesphere_code_t
commit(upload_t *self, fsp_client_message_t *ret)
{
    fsp_request_t commit = {.has_size = true, .size = self->offset, .has_sha256 = true};
    commit.sha256 = fsp_sha256_finish(self->digest);
    fsp_buf_reset(&self->handle->body);
    fsp_request_encode(FSP_MSG_COMMIT, &commit, &self->handle->body);
    fsp_status_t status = fsp_client_send(self->handle, FSP_MSG_COMMIT, self->request_id,
                                          fsp_buf_slice(&self->handle->body), NULL);
    uint64_t quiet_ms =
        self->handle->timeout_ms +
        (self->offset < FSP_CLIENT_CREDIT_MAX ? self->offset : FSP_CLIENT_CREDIT_MAX) * 1000 /
            SLOWEST_BYTES_PER_SECOND;
    while (status == FSP_OK) {
        status = fsp_client_wait(self->handle, self->request_id, quiet_ms, ret);
        if (status != FSP_OK)
            break;
        if (ret->type == FSP_MSG_OK)
            return FILESPHERE_OK;
        filesphere_code_t code = FILESPHERE_OK;
        if (ret->type == FSP_MSG_ERROR)
            code = fsp_client_fail_reply(self->handle, &ret->reply, self->subject);
        else if (ret->type !=
                 FSP_MSG_CREDIT) /* credit that crossed the commit is of no use any more */
            code = fsp_client_fail_link(self->handle, FSP_PROTOCOL, self->subject);
        fsp_client_message_clear(ret);
        if (code != FILESPHERE_OK)
            return code;
    }
    if (status == FSP_TIMEOUT) {
        fsp_client_drop_link(self->handle);
        return fsp_client_fail(
            self->handle, status, self->subject,
            "the node went away before it confirmed; the file may have been stored, look at it and "
            "try again");
    }
    return fsp_client_fail_link(self->handle, status, self->subject);
}

/* The transfer is open: the rest of the content, and the end. */
static filesphere_code_t
stream(upload_t *self, fsp_client_message_t *ret)
{
    self->digest = fsp_sha256_new();
    filesphere_code_t code = FILESPHERE_OK;
    while (code == FILESPHERE_OK && self->frame.bytes > 0) {
        code = send_frame(self);
        if (self->ahead.data) {
            self->frame = self->ahead; /* a large message is a pointer: it may move as bytes */
            self->ahead.data = NULL;
        }
        if (code == FILESPHERE_OK && !self->frame.data && !self->source_ended)
            code = read_frame(self, &self->frame);
    }
    if (code == FILESPHERE_OK)
        code = commit(self, ret);
    else
        fsp_client_abort(self->handle, self->request_id);
    fsp_sha256_destroy(&self->digest);
    return code;
}

static filesphere_code_t
fill_put(filesphere_t *self, const filesphere_put_t *put, fsp_request_t *request)
{
    filesphere_code_t code = fsp_client_prepare(self, request, put->space, put->path, true);
    if (code != FILESPHERE_OK)
        return code;
    if (put->kind != 0 && put->kind != FILESPHERE_FILE && put->kind != FILESPHERE_SYMLINK)
        return fsp_client_fail(self, FSP_INVALID, put->path,
                               "only files and symbolic links have a content to put");
    request->kind = put->kind ? (uint64_t)put->kind : (uint64_t)FILESPHERE_FILE;
    request->create_parents = put->create_parents;
    request->condition.type = FSP_IF_REPLACE;
    if (put->if_match) {
        request->condition.type = FSP_IF_MATCH;
        request->condition.version_count = 1;
        memcpy(request->condition.versions[0].bytes, put->if_match,
               sizeof request->condition.versions[0].bytes);
    } else if (put->if_none_match) {
        request->condition.type = FSP_IF_NONE_MATCH;
    }
    request->token = put->lease_token;
    request->has_attr = put->attr.set;
    request->mode = put->attr.mode & 07777;
    request->mtime_s = put->attr.mtime_s;
    request->mtime_ns = put->attr.mtime_ns;
    if (put->message) {
        request->message = fsp_slice_text(put->message);
        if (request->message.bytes > FSP_MESSAGE_BYTES_MAX || !fsp_utf8_valid(request->message))
            return fsp_client_fail(self, FSP_TOO_LARGE, put->path,
                                   "the message is longer than %d bytes or not UTF-8; shorten it",
                                   FSP_MESSAGE_BYTES_MAX);
    }
    return FILESPHERE_OK;
}

static filesphere_code_t
put_content(upload_t *self, fsp_request_t *request, filesphere_info_t *ret)
{
    filesphere_code_t code = read_frame(self, &self->frame);
    if (code == FILESPHERE_OK && !self->source_ended)
        code = read_frame(self, &self->ahead); /* a full first frame may be everything */
    if (code != FILESPHERE_OK)
        return code;
    bool whole = self->source_ended && self->ahead.bytes == 0;
    fsp_slice_t payload = fsp_slice(self->frame.data, whole ? self->frame.bytes : 0);
    if (whole) {
        request->end = true;
        request->has_size = request->has_sha256 = true;
        request->size = payload.bytes;
        request->sha256 = fsp_sha256(payload);
    }
    if (!whole) /* what streams cannot be repeated, so it must not fail for an old `since` */
        code = fsp_client_learn_since(self->handle, request);
    if (code != FILESPHERE_OK)
        return code;
    fsp_client_message_t message;
    uint64_t asked = self->handle->ask_count;
    code = fsp_client_ask(self->handle, FSP_MSG_PUT, request, payload, self->subject, &message);
    self->bytes_sent += payload.bytes * (self->handle->ask_count - asked);
    if (code != FILESPHERE_OK)
        return code;
    if (whole != (message.type == FSP_MSG_OK)) {
        fsp_client_message_clear(&message);
        return fsp_client_fail_link(self->handle, FSP_PROTOCOL, self->subject);
    }
    if (!whole) {
        self->request_id = message.request_id;
        grant(self, message.reply.credit);
        self->credit_first = self->credit_seen;
        fsp_client_message_clear(&message);
        code = stream(self, &message);
        if (code != FILESPHERE_OK)
            return code;
        fsp_client_note_change(self->handle, request->space, message.reply.change);
    }
    code = fsp_client_fill_info(self->handle, request, &message.reply, ret);
    ret->bytes_sent = self->bytes_sent;
    fsp_client_message_clear(&message);
    return code;
}

filesphere_code_t
filesphere_put(filesphere_t *handle, const filesphere_put_t *put, filesphere_read_fn *read,
               void *arg, filesphere_info_t *ret)
{
    if (!put || !put->path || !read || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    filesphere_info_t unwanted;
    upload_t upload = {.handle = handle, .subject = put->path, .read = read, .arg = arg};
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fill_put(handle, put, &request);
    if (code == FILESPHERE_OK)
        code = put_content(&upload, &request, ret ? ret : &unwanted);
    drop_frame(&upload.frame);
    drop_frame(&upload.ahead);
    return fsp_client_end(handle, code);
}

/* -- get --------------------------------------------------------------------------------------- */

typedef struct {
    filesphere_t *handle;
    const char *subject;
    filesphere_write_fn *write;
    void *arg;
    uint64_t request_id;
    uint64_t at, to;      /* next octet, and the end */
    uint64_t granted;     /* how far the node may send */
    fsp_sha256_t *digest; /* NULL: only a part is asked for */
} download_t;

static filesphere_code_t
deliver(download_t *self, fsp_slice_t bytes)
{
    if (bytes.bytes > self->to - self->at)
        return fsp_client_fail_link(self->handle, FSP_PROTOCOL, self->subject);
    if (self->digest)
        fsp_sha256_update(self->digest, bytes);
    self->at += bytes.bytes;
    int rc = 0;
    while (bytes.bytes > 0 &&
           (rc = self->write(self->arg, bytes.data, bytes.bytes)) == FILESPHERE_NOT_YET) {
        if (atomic_load(&self->handle->cancelled))
            return fsp_client_fail_link(self->handle, FSP_CANCELLED, self->subject);
        fsp_client_beat(self->handle);
    }
    if (rc != 0)
        return fsp_client_fail(self->handle, FSP_CANCELLED, self->subject,
                               "the receiver ended the download");
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
        return fsp_client_fail_link(self->handle, status, self->subject);
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
        return fsp_client_fail_link(self->handle, status, self->subject);
    filesphere_code_t code;
    if (message.type == FSP_MSG_ERROR)
        code = fsp_client_fail_reply(self->handle, &message.reply, self->subject);
    else if (message.type != FSP_MSG_DATA || message.offset != self->at)
        code = fsp_client_fail_link(self->handle, FSP_PROTOCOL, self->subject);
    else
        code = deliver(self, message.payload);
    fsp_client_message_clear(&message);
    return code;
}

/* What came is what the node named.  expected may be the digest of a part only if nothing was
 * computed. */
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

/* The first answer: what it is and where it starts. */
static filesphere_code_t
open_download(download_t *self, const fsp_request_t *request, const fsp_client_message_t *message,
              filesphere_info_t *ret)
{
    const fsp_reply_t *reply = &message->reply;
    filesphere_code_t code = fsp_client_fill_info(self->handle, request, reply, ret);
    if (code != FILESPHERE_OK)
        return code;
    uint64_t first = request->has_range ? request->range_first : 0;
    bool fits = reply->from == first && reply->from <= reply->to && reply->to <= reply->size;
    if (request->has_range)
        fits = fits && reply->to - 1 <= request->range_last;
    else
        fits = fits && reply->to == reply->size;
    if (!fits)
        return fsp_client_fail_link(self->handle, FSP_PROTOCOL, self->subject);
    self->request_id = message->request_id;
    self->at = reply->from;
    self->to = reply->to;
    self->granted = self->at + FSP_DOWNLOAD_WINDOW_BYTES;
    if (self->at == 0 && self->to == reply->size)
        self->digest = fsp_sha256_new();
    return FILESPHERE_OK;
}

filesphere_code_t
filesphere_get(filesphere_t *handle, const filesphere_get_t *get, filesphere_write_fn *write,
               void *arg, filesphere_info_t *ret)
{
    if (!get || !get->path || !write || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    filesphere_info_t unwanted;
    if (!ret)
        ret = &unwanted;
    download_t download = {.handle = handle, .subject = get->path, .write = write, .arg = arg};
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.credit = FSP_DOWNLOAD_WINDOW_BYTES;
    request.has_range = get->has_range;
    request.range_first = get->first;
    request.range_last = get->last;
    filesphere_code_t code = fsp_client_prepare(handle, &request, get->space, get->path, false);
    if (code == FILESPHERE_OK)
        code = fsp_client_set_version(handle, &request, get->version);
    if (code == FILESPHERE_OK)
        code = fsp_client_set_at(handle, &request, get->at);
    if (code == FILESPHERE_OK && get->has_range && get->first > get->last)
        code = fsp_client_fail(handle, FSP_BAD_RANGE, get->path, "the range ends before it starts");
    fsp_client_message_t message;
    if (code == FILESPHERE_OK)
        code =
            fsp_client_ask(handle, FSP_MSG_GET, &request, fsp_slice(NULL, 0), get->path, &message);
    if (code == FILESPHERE_OK) {
        code = message.type == FSP_MSG_OK ? open_download(&download, &request, &message, ret)
                                          : fsp_client_fail_link(handle, FSP_PROTOCOL, get->path);
        if (code == FILESPHERE_OK)
            code = deliver(&download, message.payload);
        fsp_client_message_clear(&message);
        while (code == FILESPHERE_OK && download.at < download.to) {
            code = grant_more(&download);
            if (code == FILESPHERE_OK)
                code = take_data(&download);
        }
        if (code == FILESPHERE_OK)
            code = verify(&download, ret->sha256);
        else if (download.request_id != 0)
            fsp_client_abort(handle, download.request_id);
        fsp_sha256_destroy(&download.digest);
    }
    return fsp_client_end(handle, code);
}
