/* SPDX-License-Identifier: MIT */
/* client_put - bringing a content to a node.  Layer actors.
 *
 * The first frame is read before anything is said.  If it is all, it travels in PUT itself and may
 * be sent again like any small request.
 *
 * Otherwise PUT opens an upload that the node keeps in the log under our operation id.  What is not
 * durable there yet stays in memory (client_window), so that any source, a pipe too, survives a
 * broken connection and a restart of the node: the same PUT is said again, with one attempt more,
 * the node answers where to go on, and that lies in the window.  It is read once and hashed as it
 * is read.  When a COMMIT had no answer, the history of the file tells whether it was done.
 *
 * Nodes older than protocol 1.3 keep no uploads: there, from the first DATA on, a link that breaks
 * ends the call with TIMEOUT.
 */
#include "core/base/check.h"
#include "core/base/text.h"
#include "core/base/alloc.h"
#include "actors/client_put.h"

enum {
    /* In-flight data may need this long a second more before the node's next word: 1 Mbit/s. */
    SLOWEST_BYTES_PER_SECOND = 128 * 1024,
    READ_AHEAD_BYTES = 4 * FSP_FRAME_BYTES_MAX, /* of what cannot be sent yet */
    SEARCH_VERSIONS = 16, /* that may have come behind ours before we looked */
};

/* -- failures ---------------------------------------------------------------------------------- */

filesphere_code_t
fsp_client_put_broke(fsp_client_put_t *self, fsp_status_t status)
{
    self->again = self->kept && status == FSP_TIMEOUT && !fsp_client_overdue(self->handle);
    return fsp_client_fail_link(self->handle, status, self->subject);
}

static filesphere_code_t
nonsense(fsp_client_put_t *self)
{
    return fsp_client_put_broke(self, FSP_PROTOCOL);
}

/* An ERROR of the node ends the opening; some may pass. */
static filesphere_code_t
refused(fsp_client_put_t *self, const fsp_reply_t *reply)
{
    filesphere_t *handle = self->handle;
    filesphere_code_t code = fsp_client_fail_reply(handle, reply, self->subject);
    uint64_t since = self->request.since;
    fsp_client_note_change(handle, self->request.space, reply->change);
    self->request_id = 0;
    self->again = self->kept && fsp_client_may_pass(code);
    if (code == fsp_error_info(FSP_CLOSING)->code)
        fsp_client_drop_link(handle);
    if (code == fsp_error_info(FSP_PROTOCOL)->code && !self->greeted_again) {
        /* A node that does not know us: ZeroMQ has made the connection anew while we read. */
        fsp_client_drop_link(handle);
        self->greeted_again = true;
        self->again = self->kept;
    }
    if (code == fsp_error_info(FSP_EXPIRED)->code && !self->renewed) {
        /* Nothing was done, as the node remembers too little: what it has of the content stays, but
           the operation needs a number of its own. */
        fsp_client_renew(handle, &self->request);
        self->request.attempt = 0;
        self->renewed = true;
        self->committed = false;
        self->again = self->kept && self->request.since > since;
    }
    return code;
}

/* -- what the node says ------------------------------------------------------------------------ */

static void
grant(fsp_client_put_t *self, uint64_t credit)
{
    self->granted = credit > UINT64_MAX - self->granted ? UINT64_MAX : self->granted + credit;
    self->credit = credit > FSP_CLIENT_CREDIT_MAX - self->credit ? FSP_CLIENT_CREDIT_MAX
                                                                 : self->credit + credit;
}

/* The first CREDIT says where to go on: what we still have, and nothing we never sent. */
static filesphere_code_t
take_opening(fsp_client_put_t *self, const fsp_reply_t *reply)
{
    uint64_t offset = self->kept && reply->has_offset ? reply->offset : 0;
    if (offset > self->reach || (self->source_ended && offset > self->window.to) ||
        (reply->has_durable && reply->durable > offset))
        return nonsense(self);
    if (offset < self->durable && self->committed && !self->looked_again) {
        /* An upload ends when it becomes a version: this opening may have waited for that. */
        self->looked_again = true;
        return fsp_client_put_broke(self, FSP_TIMEOUT);
    }
    if (offset < self->durable)
        return fsp_client_fail(self->handle, FSP_GONE, self->subject,
                               "the node does not have any more what it had confirmed of this "
                               "upload; run the same command again, it begins anew");
    if (self->taken_up)
        self->resumed_at = offset;
    self->taken_up = false;
    fsp_client_trouble_over(&self->trouble, offset > self->durable);
    self->opened = true;
    self->at = self->durable = offset;
    self->credit = self->granted = self->sent = 0;
    grant(self, reply->credit);
    self->granted_first = self->granted;
    if (offset > self->window.from)
        fsp_client_window_drop(&self->window, offset);
    return self->kept ? fsp_client_offer_open(self, reply) : FILESPHERE_OK;
}

static filesphere_code_t
take_credit(fsp_client_put_t *self, const fsp_reply_t *reply)
{
    if (!self->opened)
        return take_opening(self, reply);
    if (reply->has_offset && self->kept)
        return nonsense(self); /* the answer to a RESUME, which was not asked */
    grant(self, reply->credit);
    if (!self->kept || !reply->has_durable)
        return FILESPHERE_OK;
    if (reply->durable < self->durable || reply->durable > self->at)
        return nonsense(self);
    if (reply->durable > self->durable) {
        self->durable = reply->durable;
        self->greeted_again = false;
        fsp_client_trouble_over(&self->trouble, true);
        fsp_client_window_drop(&self->window, self->durable);
    }
    return FILESPHERE_OK;
}

/* One message of the transfer.  OK before COMMIT is nonsense; behind it the caller keeps it. */
static filesphere_code_t
take_message(fsp_client_put_t *self, fsp_client_message_t *message)
{
    switch (message->type) {
    case FSP_MSG_CREDIT:
        return take_credit(self, &message->reply);
    case FSP_MSG_WANT:
        return fsp_client_offer_want(self, &message->reply);
    case FSP_MSG_ERROR:
        return refused(self, &message->reply);
    default:
        return nonsense(self);
    }
}

/* How long the node may be silent: longer while much is on its way to it. */
static uint64_t
quiet_ms(const fsp_client_put_t *self)
{
    uint64_t consumed = self->granted - self->granted_first;
    uint64_t in_flight = self->sent > consumed ? self->sent - consumed : 0;
    if (in_flight > FSP_CLIENT_CREDIT_MAX)
        in_flight = FSP_CLIENT_CREDIT_MAX;
    return self->handle->timeout_ms + in_flight * 1000 / SLOWEST_BYTES_PER_SECOND;
}

/* All messages that are there; wait: one at least.  *ret (NULL: none is expected) is the OK that
   ends the put, and then ret->type is set. */
static filesphere_code_t
hear(fsp_client_put_t *self, bool wait, fsp_client_message_t *ret)
{
    uint64_t life_ms = 0, start_ms = fsp_client_now_ms();
    fsp_client_message_t own;
    fsp_client_message_t *message = ret ? ret : &own; /* it may point into itself */
    for (;;) {
        uint64_t quiet = quiet_ms(self);
        fsp_status_t status =
            wait ? fsp_client_await(self->handle, self->request_id, quiet, &life_ms, message)
                 : fsp_client_receive(self->handle, self->request_id, message);
        if (status == FSP_NOT_FOUND && !wait)
            return FILESPHERE_OK;
        if (status == FSP_NOT_FOUND) {
            fsp_client_beat(self->handle);
            if (fsp_client_now_ms() - start_ms < quiet * FSP_CLIENT_TIMEOUTS)
                continue;
            fsp_client_drop_link(self->handle);
            return fsp_client_fail(self->handle, FSP_TIMEOUT, self->subject,
                                   "the node is there but does not go on with the upload; try "
                                   "again later");
        }
        if (status != FSP_OK)
            return fsp_client_put_broke(self, status);
        if (ret && message->type == FSP_MSG_OK)
            return FILESPHERE_OK;
        filesphere_code_t code = take_message(self, message);
        fsp_client_message_clear(message);
        if (code != FILESPHERE_OK)
            return code;
        wait = wait && ret; /* what is awaited is the end */
        start_ms = fsp_client_now_ms();
    }
}

/* -- reading ----------------------------------------------------------------------------------- */

static void
tell(fsp_client_put_t *self, bool last)
{
    uint64_t total = self->put->source.set ? self->put->source.size : self->put->size_hint;
    if (self->source_ended)
        total = self->window.to;
    uint64_t done = self->passed < self->window.to ? self->passed : self->window.to;
    filesphere_progress_t progress = {
        .done_bytes = done, .total_bytes = total, .moved_bytes = self->bytes_sent};
    fsp_client_tell_progress(self->handle, &progress, last);
}

/* Reads until a frame is full or the source has ended.  With an upload under way it also returns
   when the source has nothing yet, so that what was read is sent. */
static filesphere_code_t
read_frame(fsp_client_put_t *self)
{
    for (;;) {
        size_t room = 0, got = 0;
        uint8_t *place = fsp_client_window_room(&self->window, &room);
        FSP_ASSERT(place);
        if (self->window.to + room > self->end) /* what the source has got since is not of it */
            room = (size_t)(self->end - self->window.to);
        self->source_ended = room == 0;
        if (self->source_ended)
            return FILESPHERE_OK;
        int rc = self->read(self->arg, place, room, &got);
        if (rc == FILESPHERE_NOT_YET) {
            fsp_client_beat(self->handle);
            if (self->request_id != 0)
                return FILESPHERE_OK;
            if (atomic_load(&self->handle->cancelled))
                return fsp_client_put_broke(self, FSP_CANCELLED);
            if (fsp_client_overdue(self->handle))
                return fsp_client_put_broke(self, FSP_TIMEOUT);
            continue;
        }
        if (rc != 0 || got > room)
            return fsp_client_fail(self->handle, FSP_CANCELLED, self->subject,
                                   "the source ended the upload");
        self->source_ended = got == 0;
        if (self->source_ended && self->request.has_size) /* and that was said to the node */
            return fsp_client_fail(self->handle, FSP_IO, self->subject,
                                   "it became shorter while it was read; put it again");
        if (self->source_ended)
            return FILESPHERE_OK;
        fsp_sha256_update(self->digest, fsp_slice(place, got));
        fsp_client_window_grow(&self->window, got);
        if (self->window.to % FSP_FRAME_BYTES_MAX == 0)
            return FILESPHERE_OK;
    }
}

/* -- sending ----------------------------------------------------------------------------------- */

void
fsp_client_put_pass(fsp_client_put_t *self, uint64_t to)
{
    self->at = to;
    if (to > self->passed)
        self->passed = to;
    if (to > self->reach)
        self->reach = to;
}

filesphere_code_t
fsp_client_put_data(fsp_client_put_t *self, size_t bytes)
{
    FSP_PRE(bytes > 0 && bytes <= self->credit);
    zmq_msg_t payload;
    fsp_client_window_message(&self->window, self->at, bytes, &payload);
    uint8_t body[8];
    fsp_store_u64(body, self->at);
    fsp_status_t status =
        fsp_client_send(self->handle, FSP_MSG_DATA, self->request_id, fsp_slice(body, 8), &payload);
    if (status != FSP_OK)
        return fsp_client_put_broke(self, status);
    fsp_client_put_pass(self, self->at + bytes);
    self->credit -= bytes;
    self->sent += bytes;
    self->bytes_sent += bytes;
    if (!self->kept)
        fsp_client_window_drop(&self->window, self->at);
    return FILESPHERE_OK;
}

/* Without offers: a whole frame, or what credit allows of it. */
static filesphere_code_t
stream_step(fsp_client_put_t *self, bool *ret_moved)
{
    const fsp_client_window_t *window = &self->window;
    uint64_t whole =
        self->source_ended ? window->to : window->to - window->to % FSP_FRAME_BYTES_MAX;
    *ret_moved = self->credit > 0 && self->at < whole;
    if (!*ret_moved)
        return FILESPHERE_OK;
    return fsp_client_put_data(self, fsp_client_window_at(window, self->at, self->credit).bytes);
}

/* The rest of the content, from where the node goes on. */
static filesphere_code_t
send_content(fsp_client_put_t *self)
{
    for (;;) {
        bool moved = false;
        filesphere_code_t code = hear(self, false, NULL);
        if (code == FILESPHERE_OK)
            code = self->offer.active ? fsp_client_offer_step(self, &moved)
                                      : stream_step(self, &moved);
        if (code != FILESPHERE_OK)
            return code;
        tell(self, false);
        if (moved)
            continue;
        size_t room = 0;
        bool more = self->offer.active ? fsp_client_offer_wants_more(self)
                                       : self->window.to < self->at + READ_AHEAD_BYTES;
        if (!self->source_ended && more)
            (void)fsp_client_window_room(&self->window, &room);
        if (room > 0)
            code = read_frame(self);
        else if (self->source_ended && self->at >= self->window.to)
            return self->at == self->window.to && fsp_client_offer_done(self) ? FILESPHERE_OK
                                                                              : nonsense(self);
        else
            code = hear(self, true, NULL);
        if (code != FILESPHERE_OK)
            return code;
    }
}

static filesphere_code_t
commit(fsp_client_put_t *self, fsp_client_message_t *ret)
{
    if (!self->has_sha256)
        self->sha256 = fsp_sha256_finish(self->digest);
    self->has_sha256 = true;
    fsp_request_t end = {
        .has_size = true, .size = self->window.to, .has_sha256 = true, .sha256 = self->sha256};
    fsp_buf_reset(&self->handle->body);
    fsp_request_encode(FSP_MSG_COMMIT, &end, &self->handle->body);
    fsp_status_t status = fsp_client_send(self->handle, FSP_MSG_COMMIT, self->request_id,
                                          fsp_buf_slice(&self->handle->body), NULL);
    if (status != FSP_OK)
        return fsp_client_put_broke(self, status);
    self->committed = true;
    filesphere_code_t code = hear(self, true, ret);
    if (code == fsp_error_info(FSP_TIMEOUT)->code && !self->kept)
        return fsp_client_fail(self->handle, FSP_TIMEOUT, self->subject,
                               "the node went away before it confirmed; the file may have been "
                               "stored, look at it and try again");
    return code;
}

/* A receipt that the caller does not take is not looked at: its signature costs as much as all else
   that a small put needs here, and who answered is known from the connection. */
static void
leave_unwanted(const fsp_client_put_t *self, fsp_client_message_t *answer)
{
    if (!self->wanted)
        answer->reply.receipt = fsp_slice(NULL, 0);
}

/* -- openings ---------------------------------------------------------------------------------- */

/* Says PUT and waits for the first CREDIT. */
static filesphere_code_t
open_upload(fsp_client_put_t *self)
{
    filesphere_t *handle = self->handle;
    self->opened = false;
    self->request.attempt++;
    fsp_client_journal_write(self);
    fsp_buf_reset(&handle->body);
    fsp_request_encode(FSP_MSG_PUT, &self->request, &handle->body);
    FSP_ASSERT(fsp_buf_ok(&handle->body)); /* its parts are bounded */
    self->request_id = fsp_client_next_id(handle);
    self->credit = self->granted = self->granted_first = self->sent = 0;
    fsp_status_t status =
        fsp_client_send(handle, FSP_MSG_PUT, self->request_id, fsp_buf_slice(&handle->body), NULL);
    if (status != FSP_OK)
        return fsp_client_put_broke(self, status);
    filesphere_code_t code = FILESPHERE_OK;
    while (code == FILESPHERE_OK && !self->opened)
        code = hear(self, true, NULL);
    return code;
}

/* The same at a node that keeps nothing: until the first DATA it may be repeated as a whole. */
static filesphere_code_t
open_stream(fsp_client_put_t *self)
{
    fsp_client_message_t message;
    filesphere_code_t code = fsp_client_ask(self->handle, FSP_MSG_PUT, &self->request,
                                            fsp_slice(NULL, 0), self->subject, &message);
    if (code != FILESPHERE_OK)
        return code;
    self->request_id = message.request_id;
    code = take_message(self, &message);
    fsp_client_message_clear(&message);
    return code;
}

/* Our version among the newest of the file?  *ret_found: then *ret is about it. */
static filesphere_code_t
search(fsp_client_put_t *self, bool *ret_found, filesphere_info_t *ret)
{
    fsp_request_t look;
    memset(&look, 0, sizeof look);
    look.space = self->request.space;
    look.path = self->request.path;
    look.limit = SEARCH_VERSIONS;
    fsp_client_message_t message;
    filesphere_code_t code = fsp_client_ask(self->handle, FSP_MSG_VERSIONS, &look,
                                            fsp_slice(NULL, 0), self->subject, &message);
    if (code != FILESPHERE_OK)
        return code;
    fsp_version_info_t version;
    fsp_status_t status = message.type == FSP_MSG_OK ? FSP_OK : FSP_PROTOCOL;
    bool found = false;
    for (size_t at = 0; status == FSP_OK && !found;) {
        status = fsp_reply_next_version(&message.reply, &at, &version);
        found = status == FSP_OK && fsp_op_id_eq(version.op_id, self->request.op_id);
    }
    char hex[2 * sizeof version.id.bytes + 1];
    if (found)
        fsp_hex_encode(version.id.bytes, sizeof version.id.bytes, hex);
    fsp_client_message_clear(&message);
    if (status == FSP_NOT_FOUND)
        return FILESPHERE_OK;
    if (!found)
        return nonsense(self);
    look.limit = 0;
    look.version = fsp_slice_text(hex);
    code = fsp_client_ask_info(self->handle, FSP_MSG_STAT, &look, self->subject, ret);
    *ret_found = code == FILESPHERE_OK;
    return code;
}

/* A COMMIT was said and not answered, perhaps by an earlier process. */
static filesphere_code_t
look_for_it(fsp_client_put_t *self, bool *ret_found, filesphere_info_t *ret)
{
    static const fsp_status_t absent[] = {FSP_NOT_FOUND, FSP_NOT_DIRECTORY,   FSP_IS_DIRECTORY,
                                          FSP_TRASHED,   FSP_NO_SUCH_VERSION, FSP_GONE};
    filesphere_code_t code = search(self, ret_found, ret);
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        if (code == fsp_error_info(absent[i])->code)
            return FILESPHERE_OK;
    }
    /* It tried for as long as patience lasts by itself. */
    return code;
}

/* One opening, to the end of the put.  *ret is filled on success. */
static filesphere_code_t
attempt(fsp_client_put_t *self, filesphere_info_t *ret)
{
    filesphere_t *handle = self->handle;
    self->again = false;
    self->request_id = 0;
    filesphere_code_t code = fsp_client_ready(handle, fsp_client_now_ms() + handle->timeout_ms);
    if (code != FILESPHERE_OK) {
        self->again = handle->known && fsp_client_may_pass(code);
        return code;
    }
    if (fsp_request_minor(FSP_MSG_PUT, &self->request) > handle->minor)
        return fsp_client_fail(
            handle, FSP_UNSUPPORTED, self->subject,
            "the node that is there now is older than the one before; update it");
    bool found = false;
    if (self->committed && self->kept)
        code = look_for_it(self, &found, ret);
    if (code != FILESPHERE_OK || found)
        return code;
    fsp_client_message_t message;
    code = self->kept ? open_upload(self) : open_stream(self);
    if (code == FILESPHERE_OK)
        code = send_content(self);
    if (code == FILESPHERE_OK)
        code = commit(self, &message);
    if (code != FILESPHERE_OK)
        return code;
    fsp_client_note_change(handle, self->request.space, message.reply.change);
    leave_unwanted(self, &message);
    code = fsp_client_fill_info(handle, &self->request, &message.reply, ret);
    fsp_client_message_clear(&message);
    return code;
}

/* -- the whole of it --------------------------------------------------------------------------- */

/* What the paths mean now that may have parts in common with the content. */
static filesphere_code_t
resolve_bases(fsp_client_put_t *self)
{
    const filesphere_put_t *put = self->put;
    fsp_request_t *request = &self->request;
    for (size_t i = 0; i < put->base_count && request->known_count < FSP_KNOWN_MAX; i++) {
        fsp_request_t look;
        memset(&look, 0, sizeof look);
        look.space = request->space;
        look.path = fsp_slice_text(put->bases[i]);
        if (fsp_path_check(look.path) != FSP_OK)
            return fsp_client_fail(self->handle, FSP_BAD_NAME, put->bases[i],
                                   "not a valid remote path");
        filesphere_info_t info;
        filesphere_code_t code =
            fsp_client_ask_info(self->handle, FSP_MSG_STAT, &look, put->bases[i], &info);
        if (code == FILESPHERE_OK && info.kind != FILESPHERE_DIRECTORY)
            memcpy(request->known[request->known_count++].bytes, info.version_id,
                   sizeof info.version_id);
        else if (code != FILESPHERE_OK && code / 1000 != 2 && code / 1000 != 3)
            return code; /* what is not there only helps less */
    }
    return FILESPHERE_OK;
}

static const char *
how_to_resume(const fsp_client_put_t *self)
{
    return self->journal.written ? "; run the same command again, it goes on where this one was"
                                 : "; run the same command again";
}

/* A later call of the same put takes it up: it stays at the node.  Otherwise that need not keep
   it. */
static void
give_up(fsp_client_put_t *self, filesphere_code_t code)
{
    bool cancelled = code == fsp_error_info(FSP_CANCELLED)->code;
    bool may_go_on = self->again || cancelled || fsp_client_may_pass(code);
    bool keep = self->journal.written && may_go_on;
    if (keep && cancelled)
        fsp_client_add_words(self->handle, how_to_resume(self));
    if (self->request_id != 0 && keep)
        fsp_client_drop_link(self->handle); /* all that tells the node to let go of it for now */
    else if (self->request_id != 0)
        fsp_client_abort(self->handle, self->request_id);
    fsp_client_journal_close(self, keep);
}

/* A link, whose version says what the node can. */
static filesphere_code_t
connect(fsp_client_put_t *self)
{
    filesphere_t *handle = self->handle;
    for (;;) {
        filesphere_code_t code = fsp_client_ready(handle, fsp_client_now_ms() + handle->timeout_ms);
        if (code == FILESPHERE_OK || !handle->known || !fsp_client_may_pass(code))
            return code;
        if (!fsp_client_try_again(handle, &self->trouble, self->subject, NULL, &code))
            return code;
    }
}

static filesphere_code_t
put_in_parts(fsp_client_put_t *self, filesphere_info_t *ret)
{
    filesphere_t *handle = self->handle;
    fsp_request_t *request = &self->request;
    bool taken_up = false;
    filesphere_code_t code = connect(self);
    /* What streams cannot be repeated for ever, so it must not fail for an old `since`. */
    if (code == FILESPHERE_OK)
        code = fsp_client_learn_since(handle, request);
    self->kept = code == FILESPHERE_OK && handle->minor >= 3;
    if (self->kept) {
        memcpy(request->upload_id.bytes, request->op_id.bytes, sizeof request->upload_id.bytes);
        request->offer = true;
        request->has_size = self->end != UINT64_MAX;
        request->size = request->has_size ? self->end : 0;
        code = resolve_bases(self);
    }
    if (code == FILESPHERE_OK && self->kept)
        code = fsp_client_journal_open(self, &taken_up);
    if (code != FILESPHERE_OK)
        return code;
    self->committed = self->taken_up = taken_up;
    self->reach = taken_up ? self->put->source.size : 0;
    for (;;) {
        code = attempt(self, ret);
        if (code == FILESPHERE_OK || !self->again)
            break;
        if (!fsp_client_try_again(handle, &self->trouble, self->subject, how_to_resume(self),
                                  &code))
            break;
    }
    if (code == FILESPHERE_OK)
        fsp_client_journal_close(self, false);
    else
        give_up(self, code);
    if (code == FILESPHERE_OK && self->taken_up) /* it was done already */
        self->resumed_at = ret->size;
    return code;
}

static filesphere_code_t
put_whole(fsp_client_put_t *self, filesphere_info_t *ret)
{
    fsp_slice_t payload = fsp_slice(NULL, 0);
    if (self->window.to > 0)
        payload = fsp_client_window_at(&self->window, 0, FSP_FRAME_BYTES_MAX);
    fsp_request_t *request = &self->request;
    request->end = true;
    request->has_size = request->has_sha256 = true;
    request->size = payload.bytes;
    request->sha256 = fsp_sha256_finish(self->digest); /* of all that was read */
    fsp_client_message_t message;
    uint64_t asked = self->handle->ask_count;
    filesphere_code_t code =
        fsp_client_ask(self->handle, FSP_MSG_PUT, request, payload, self->subject, &message);
    self->bytes_sent += payload.bytes * (self->handle->ask_count - asked);
    if (code != FILESPHERE_OK)
        return code;
    leave_unwanted(self, &message);
    code = message.type == FSP_MSG_OK
               ? fsp_client_fill_info(self->handle, request, &message.reply, ret)
               : nonsense(self);
    fsp_client_message_clear(&message);
    return code;
}

/* -- what the caller wants --------------------------------------------------------------------- */

static filesphere_code_t
fill_condition(filesphere_t *self, const filesphere_put_t *put, fsp_condition_t *ret)
{
    int count = (put->if_match != NULL) + put->if_none_match + (put->edit_of != NULL) +
                (put->merge_count > 0);
    if (count > 1 || put->merge_count > FSP_PARENTS_MAX || (put->merge_count > 0 && !put->merge_of))
        return fsp_client_fail(self, FSP_INVALID, put->path,
                               "one condition at most: if_match, if_none_match, edit_of, or "
                               "merge_of with up to %d versions",
                               FSP_PARENTS_MAX);
    const uint8_t *one = put->if_match ? put->if_match : put->edit_of;
    ret->type = FSP_IF_REPLACE;
    if (one) {
        ret->type = put->if_match ? FSP_IF_MATCH : FSP_IF_EDIT;
        ret->version_count = 1;
        memcpy(ret->versions[0].bytes, one, sizeof ret->versions[0].bytes);
    } else if (put->if_none_match) {
        ret->type = FSP_IF_NONE_MATCH;
    } else if (put->merge_count > 0) {
        ret->type = FSP_IF_MERGE;
        ret->version_count = put->merge_count;
        for (size_t i = 0; i < put->merge_count; i++)
            memcpy(ret->versions[i].bytes, put->merge_of[i], sizeof ret->versions[i].bytes);
    }
    return FILESPHERE_OK;
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
    return fill_condition(self, put, &request->condition);
}

static filesphere_code_t
put_content(fsp_client_put_t *self, filesphere_info_t *ret)
{
    filesphere_code_t code = read_frame(self);
    if (code == FILESPHERE_OK && !self->source_ended)
        code = read_frame(self); /* a full first frame may be everything */
    if (code != FILESPHERE_OK)
        return code;
    bool whole = self->source_ended && self->window.to <= FSP_FRAME_BYTES_MAX;
    code = whole ? put_whole(self, ret) : put_in_parts(self, ret);
    if (code != FILESPHERE_OK)
        return code;
    ret->bytes_sent = self->bytes_sent;
    ret->resumed_at = whole ? 0 : self->resumed_at;
    self->passed = UINT64_MAX; /* also what was not read because it was done already */
    tell(self, true);
    return code;
}

filesphere_code_t
filesphere_put(filesphere_t *handle, const filesphere_put_t *put, filesphere_read_fn *read,
               void *arg, filesphere_info_t *ret)
{
    if (!put || !put->path || !read || (put->base_count > 0 && !put->bases) ||
        !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    filesphere_info_t unwanted;
    fsp_client_put_t *self = FSP_NEW(fsp_client_put_t); /* too large for a stack */
    self->handle = handle;
    self->put = put;
    self->subject = put->path;
    self->read = read;
    self->arg = arg;
    self->wanted = ret != NULL;
    self->end = put->source.set && put->source.size >= FSP_CLIENT_JOURNAL_BYTES_MIN
                    ? put->source.size
                    : UINT64_MAX;
    self->digest = fsp_sha256_new();
    self->journal = (fsp_client_journal_t){.directory_fd = -1, .lock_fd = -1};
    filesphere_code_t code = fill_put(handle, put, &self->request);
    if (code == FILESPHERE_OK)
        code = put_content(self, ret ? ret : &unwanted);
    fsp_client_offer_clear(&self->offer);
    fsp_client_window_clear(&self->window);
    fsp_sha256_destroy(&self->digest);
    fsp_free(self);
    return fsp_client_end(handle, code);
}
