/* SPDX-License-Identifier: MIT */
/* client_watch - changes for callers, and the watch that goes on.  Layer actors. */
#include "actors/client_internal.h"

#include "core/base/text.h"

enum {
    WATCH_CREDIT = 1024,  /* changes that may be under way to us */
    AGAIN_MS_FIRST = 250, /* after a broken connection: first wait, doubled up to the last */
    AGAIN_MS_LAST = 10000,
};

/* -- changes ----------------------------------------------------------------------------------- */

const char *
filesphere_operation_name(unsigned operation)
{
    static const char *const names[] = {
        [FSP_COMMAND_SPACE_INIT] = "space-init",
        [FSP_COMMAND_PUT] = "put",
        [FSP_COMMAND_DELETE] = "delete",
        [FSP_COMMAND_MKDIR] = "mkdir",
        [FSP_COMMAND_MOVE] = "move",
        [FSP_COMMAND_RESTORE] = "restore",
        [FSP_COMMAND_COPY] = "copy",
        [FSP_COMMAND_UNDELETE] = "undelete",
        [FSP_COMMAND_PRUNE] = "prune",
        [FSP_COMMAND_PURGE] = "purge",
        [FSP_COMMAND_RETENTION] = "retention",
        [FSP_COMMAND_HOLD] = "hold",
        [FSP_COMMAND_ATTR] = "attr",
        [FSP_COMMAND_RMDIR] = "rmdir",
        [FSP_COMMAND_LOCK] = "lock",
        [FSP_COMMAND_RENEW] = "renew",
        [FSP_COMMAND_UNLOCK] = "unlock",
        [FSP_COMMAND_BATCH] = "batch",
        [FSP_COMMAND_QUOTA] = "quota",
        [FSP_COMMAND_REKEY] = "rekey",
        [FSP_COMMAND_RULES] = "rules",
        [FSP_COMMAND_LINK_MAKE] = "link-make",
        [FSP_COMMAND_LINK_DROP] = "link-drop",
        [FSP_COMMAND_LINK_USE] = "link-use",
        [FSP_COMMAND_SPACE_STATE] = "space-state",
    };
    const char *name = operation < sizeof names / sizeof names[0] ? names[operation] : NULL;
    return name ? name : "other";
}

static fsp_status_t
fill_change(const fsp_change_info_t *from, filesphere_change_t *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->index = from->index;
    ret->operation = (unsigned)from->operation;
    ret->time_us = from->time;
    ret->kind = (filesphere_kind_t)from->kind;
    if (!fsp_client_copy_text(from->path, ret->path, sizeof ret->path) ||
        !fsp_client_copy_text(from->from_path, ret->from_path, sizeof ret->from_path))
        return FSP_PROTOCOL;
    memcpy(ret->author, from->author.bytes, sizeof ret->author);
    memcpy(ret->op_id, from->op_id.bytes, sizeof ret->op_id);
    memcpy(ret->file_id, from->file_id.bytes, sizeof ret->file_id);
    memcpy(ret->version_id, from->version_id.bytes, sizeof ret->version_id);
    memcpy(ret->hash, from->hash.bytes, sizeof ret->hash);
    memcpy(ret->displaced_id, from->displaced_id.bytes, sizeof ret->displaced_id);
    return FSP_OK;
}

fsp_status_t
fsp_client_give_change(const fsp_change_info_t *from, filesphere_change_fn *change, void *arg)
{
    filesphere_change_t out;
    if (fill_change(from, &out) != FSP_OK)
        return FSP_PROTOCOL;
    if (change(arg, &out) != 0)
        return FSP_CANCELLED;
    size_t at = 0;
    for (unsigned part = 1;; part++) {
        fsp_change_info_t piece;
        fsp_status_t status = fsp_change_next_part(from, &at, &piece);
        if (status == FSP_NOT_FOUND)
            return FSP_OK;
        if (status != FSP_OK)
            return FSP_PROTOCOL;
        piece.index = from->index;
        piece.time = from->time;
        piece.author = from->author;
        piece.op_id = from->op_id;
        if (fill_change(&piece, &out) != FSP_OK)
            return FSP_PROTOCOL;
        out.part = part;
        if (change(arg, &out) != 0)
            return FSP_CANCELLED;
    }
}

/* -- watch ------------------------------------------------------------------------------------- */

typedef struct {
    filesphere_t *handle;
    fsp_request_t request; /* after_index: the last change that was given */
    filesphere_change_fn *change;
    void *arg;
    uint64_t request_id;
    uint64_t taken;    /* changes since credit was granted last */
    uint64_t again_ms; /* wait before the next connection */
} watch_t;

/* The changes of one NEWS to the caller. */
static filesphere_code_t
take_news(watch_t *self, const fsp_reply_t *reply)
{
    size_t at = 0;
    fsp_status_t status = FSP_OK;
    fsp_client_note_change(self->handle, self->request.space, reply->change);
    while (status == FSP_OK) {
        fsp_change_info_t from;
        status = fsp_reply_next_change(reply, &at, &from);
        if (status == FSP_OK && from.index != self->request.after_index + 1)
            status = FSP_PROTOCOL; /* nothing is left out or doubled */
        if (status != FSP_OK)
            break;
        self->request.after_index = from.index;
        self->taken++;
        status = fsp_client_give_change(&from, self->change, self->arg);
    }
    if (status == FSP_NOT_FOUND && self->request.after_index >= reply->change)
        status = self->change(self->arg, NULL) == 0 ? FSP_NOT_FOUND : FSP_CANCELLED;
    if (status == FSP_NOT_FOUND)
        return FILESPHERE_OK;
    if (status == FSP_CANCELLED)
        return fsp_client_fail(self->handle, FSP_CANCELLED, "watch", "the watch was ended");
    return fsp_client_fail_link(self->handle, FSP_PROTOCOL, "watch");
}

static fsp_status_t
grant(watch_t *self)
{
    if (self->taken < WATCH_CREDIT / 2)
        return FSP_OK;
    fsp_request_t credit = {.credit = self->taken};
    self->taken = 0;
    fsp_buf_reset(&self->handle->body);
    fsp_request_encode(FSP_MSG_CREDIT, &credit, &self->handle->body);
    return fsp_client_send(self->handle, FSP_MSG_CREDIT, self->request_id,
                           fsp_buf_slice(&self->handle->body), NULL);
}

/* Until the link breaks (OK) or it is over. */
static filesphere_code_t
follow(watch_t *self)
{
    uint64_t life_ms = 0;
    for (;;) {
        fsp_client_message_t message;
        fsp_status_t status = fsp_client_await(self->handle, self->request_id,
                                               self->handle->timeout_ms, &life_ms, &message);
        if (status == FSP_NOT_FOUND) {
            fsp_client_beat(self->handle);
            continue;
        }
        if (status == FSP_TIMEOUT) {
            fsp_client_drop_link(self->handle);
            return FILESPHERE_OK;
        }
        if (status != FSP_OK)
            return fsp_client_fail_link(self->handle, status, "watch");
        filesphere_code_t code;
        if (message.type == FSP_MSG_NEWS)
            code = take_news(self, &message.reply);
        else if (message.type == FSP_MSG_ERROR)
            code = fsp_client_fail_reply(self->handle, &message.reply, "watch");
        else
            code = fsp_client_fail_link(self->handle, FSP_PROTOCOL, "watch");
        bool ended = message.type == FSP_MSG_ERROR;
        fsp_client_message_clear(&message);
        if (code != FILESPHERE_OK) {
            if (!ended)
                fsp_client_abort(self->handle, self->request_id);
            return code;
        }
        self->again_ms = AGAIN_MS_FIRST;
        if (grant(self) != FSP_OK) {
            fsp_client_drop_link(self->handle);
            return FILESPHERE_OK;
        }
    }
}

/* A node that is not there now may be there again soon: what was seen is not lost meanwhile. */
static bool
may_come_back(filesphere_code_t code)
{
    static const fsp_status_t passing[] = {FSP_TIMEOUT, FSP_UNREACHABLE, FSP_CLOSING,
                                           FSP_BUSY,    FSP_NOT_LEADER,  FSP_STALE};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (code == fsp_error_info(passing[i])->code)
            return true;
    }
    return false;
}

static bool
wait_again(watch_t *self)
{
    zmq_pollitem_t item = {.fd = self->handle->wake_fd, .events = ZMQ_POLLIN};
    (void)zmq_poll(&item, self->handle->wake_fd >= 0 ? 1 : 0, (long)self->again_ms);
    self->again_ms = self->again_ms * 2 < AGAIN_MS_LAST ? self->again_ms * 2 : AGAIN_MS_LAST;
    return !atomic_load(&self->handle->cancelled);
}

static filesphere_code_t
watch_on(watch_t *self)
{
    bool began = false;
    for (;;) {
        fsp_client_message_t message;
        self->request.credit = WATCH_CREDIT;
        self->taken = 0;
        filesphere_code_t code = fsp_client_ask(self->handle, FSP_MSG_WATCH, &self->request,
                                                fsp_slice(NULL, 0), "watch", &message);
        if (code == FILESPHERE_OK) {
            began = true;
            self->request_id = message.request_id;
            code = message.type == FSP_MSG_NEWS
                       ? take_news(self, &message.reply)
                       : fsp_client_fail_link(self->handle, FSP_PROTOCOL, "watch");
            bool failed = code != FILESPHERE_OK;
            fsp_client_message_clear(&message);
            if (failed)
                fsp_client_abort(self->handle, self->request_id);
            else
                code = follow(self);
        }
        bool passing = code == FILESPHERE_OK || may_come_back(code);
        if (!began || !passing)
            return code;
        if (!wait_again(self))
            return fsp_client_fail_link(self->handle, FSP_CANCELLED, "watch");
        self->handle->words[0] = '\0';
    }
}

filesphere_code_t
filesphere_watch(filesphere_t *handle, const char *space, uint64_t after,
                 filesphere_change_fn *change, void *arg)
{
    if (!change || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    watch_t watch = {.handle = handle, .change = change, .arg = arg, .again_ms = AGAIN_MS_FIRST};
    filesphere_code_t code = fsp_client_prepare(handle, &watch.request, space, NULL, false);
    if (code == FILESPHERE_OK && after == UINT64_MAX) {
        code = fsp_client_learn_since(handle, &watch.request);
        after = watch.request.since;
        watch.request.since = 0;
    }
    watch.request.after_index = after;
    if (code == FILESPHERE_OK)
        code = watch_on(&watch);
    return fsp_client_end(handle, code);
}
