/* SPDX-License-Identifier: MIT */
/* client_calls - the client library's small requests and listings.  Layer actors. */
#include "actors/client_internal.h"

#include "core/base/text.h"

#include <stdio.h>

/* -- one request, one answer ------------------------------------------------------------------- */

filesphere_code_t
fsp_client_ask_info(filesphere_t *self, fsp_client_type_t type, fsp_request_t *request,
                    const char *subject, filesphere_info_t *ret)
{
    fsp_client_message_t message;
    filesphere_code_t code =
        fsp_client_ask(self, type, request, fsp_slice(NULL, 0), subject, &message);
    if (code != FILESPHERE_OK)
        return code;
    filesphere_info_t unwanted;
    if (message.type == FSP_MSG_OK)
        code = fsp_client_fill_info(self, request, &message.reply, ret ? ret : &unwanted);
    else
        code = fsp_client_fail_link(self, FSP_PROTOCOL, subject);
    fsp_client_message_clear(&message);
    return code;
}

filesphere_code_t
filesphere_stat_at(filesphere_t *handle, const char *space, const char *path, filesphere_at_t at,
                   filesphere_info_t *ret)
{
    if (!path || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, path, false);
    if (code == FILESPHERE_OK)
        code = fsp_client_set_at(handle, &request, at);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_STAT, &request, path, ret);
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_stat(filesphere_t *handle, const char *space, const char *path, const char *version,
                filesphere_info_t *ret)
{
    if (!path || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, path, false);
    if (code == FILESPHERE_OK)
        code = fsp_client_set_version(handle, &request, version);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_STAT, &request, path, ret);
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_mkdir(filesphere_t *handle, const char *space, const char *path, bool create_parents,
                 bool exist_ok, const filesphere_attr_t *attr, filesphere_info_t *ret)
{
    if (!path || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, path, true);
    request.create_parents = create_parents;
    request.exist_ok = exist_ok;
    if (attr && attr->set)
        fsp_client_set_attr(&request, attr);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_MKDIR, &request, path, ret);
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_remove(filesphere_t *handle, const char *space, const char *path, bool recursive,
                  filesphere_info_t *ret)
{
    if (!path || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, path, true);
    request.recursive = recursive;
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_DELETE, &request, path, ret);
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_set_attr(filesphere_t *handle, const char *space, const char *path,
                    const filesphere_attr_t *attr, const uint8_t *if_match, filesphere_info_t *ret)
{
    if (!path || !attr || !attr->set || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, path, true);
    fsp_client_set_attr(&request, attr);
    if (if_match) {
        request.condition.type = FSP_IF_MATCH;
        request.condition.version_count = 1;
        memcpy(request.condition.versions[0].bytes, if_match, sizeof(fsp_version_id_t));
    }
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_ATTR, &request, path, ret);
    return fsp_client_end(handle, code);
}

/* What MOVE and COPY have in common. */
static filesphere_code_t
from_to(filesphere_t *self, fsp_client_type_t type, fsp_request_t *request, const char *space,
        const char *from, const char *to, filesphere_info_t *ret)
{
    filesphere_code_t code = fsp_client_prepare(self, request, space, from, true);
    if (code != FILESPHERE_OK)
        return code;
    request->to_path = fsp_slice_text(to);
    if (fsp_path_check(request->to_path) != FSP_OK)
        return fsp_client_fail(self, FSP_BAD_NAME, to, "not a valid remote path");
    char subject[512];
    (void)snprintf(subject, sizeof subject, "%.250s -> %.250s", from, to);
    return fsp_client_ask_info(self, type, request, subject, ret);
}

filesphere_code_t
filesphere_move(filesphere_t *handle, const char *space, const char *from, const char *to,
                bool create_parents, bool replace, filesphere_info_t *ret)
{
    if (!from || !to || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.create_parents = create_parents;
    request.replace = replace;
    return fsp_client_end(handle, from_to(handle, FSP_MSG_MOVE, &request, space, from, to, ret));
}

filesphere_code_t
filesphere_copy(filesphere_t *handle, const char *space, const char *from, const char *to,
                bool create_parents, bool replace, filesphere_info_t *ret)
{
    if (!from || !to || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.create_parents = create_parents;
    request.condition.type = replace ? FSP_IF_REPLACE : FSP_IF_NONE_MATCH;
    return fsp_client_end(handle, from_to(handle, FSP_MSG_COPY, &request, space, from, to, ret));
}

filesphere_code_t
filesphere_restore(filesphere_t *handle, const char *space, const char *path, const char *version,
                   filesphere_info_t *ret)
{
    if (!path || !version || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, path, true);
    request.condition.type = FSP_IF_REPLACE;
    if (code == FILESPHERE_OK)
        code = fsp_client_set_version(handle, &request, version);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_RESTORE, &request, path, ret);
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_node(filesphere_t *handle, filesphere_node_t *ret)
{
    if (!ret || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, NULL, NULL, false);
    fsp_client_message_t message;
    if (code == FILESPHERE_OK)
        code = fsp_client_ask(handle, FSP_MSG_NODE, &request, fsp_slice(NULL, 0), "node", &message);
    if (code == FILESPHERE_OK) {
        const fsp_reply_t *reply = &message.reply;
        filesphere_node_t node = {.uptime_s = reply->uptime_s,
                                  .rss_bytes = reply->rss_bytes,
                                  .disk_total_bytes = reply->disk_total,
                                  .disk_free_bytes = reply->disk_free,
                                  .disk_reserve_bytes = reply->disk_reserve,
                                  .sync = reply->sync};
        memcpy(node.node_id, reply->node_id.bytes, sizeof node.node_id);
        if (message.type != FSP_MSG_OK ||
            !fsp_client_copy_text(reply->node_version, node.version, sizeof node.version) ||
            !fsp_client_copy_text(reply->disk_state, node.disk_state, sizeof node.disk_state))
            code = fsp_client_fail_link(handle, FSP_PROTOCOL, "node");
        else
            *ret = node;
        fsp_client_message_clear(&message);
    }
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_prune(filesphere_t *handle, const char *space, const char *path, const char *version,
                 filesphere_info_t *ret)
{
    if (!path || !version || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, path, true);
    if (code == FILESPHERE_OK)
        code = fsp_client_set_version(handle, &request, version);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_PRUNE, &request, path, ret);
    return fsp_client_end(handle, code);
}

/* -- leases ------------------------------------------------------------------------------------ */

static filesphere_code_t
lease_call(filesphere_t *self, fsp_client_type_t type, const char *space, const char *path,
           uint64_t token, uint64_t duration_us, uint64_t *ret_token, filesphere_info_t *ret)
{
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_info_t info;
    filesphere_code_t code = fsp_client_prepare(self, &request, space, path, true);
    request.token = token;
    request.duration = duration_us;
    request.force = type == FSP_MSG_UNLOCK && token == 0;
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(self, type, &request, path, &info);
    if (code == FILESPHERE_OK && ret)
        *ret = info;
    if (code == FILESPHERE_OK && ret_token)
        *ret_token = info.lease_token;
    return code;
}

filesphere_code_t
filesphere_lock(filesphere_t *handle, const char *space, const char *path, uint64_t duration_us,
                uint64_t *ret_token, filesphere_info_t *ret)
{
    if (!path || !duration_us || !ret_token || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(
        handle, lease_call(handle, FSP_MSG_LOCK, space, path, 0, duration_us, ret_token, ret));
}

filesphere_code_t
filesphere_renew(filesphere_t *handle, const char *space, const char *path, uint64_t token,
                 uint64_t duration_us, filesphere_info_t *ret)
{
    if (!path || !token || !duration_us || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(
        handle, lease_call(handle, FSP_MSG_RENEW, space, path, token, duration_us, NULL, ret));
}

filesphere_code_t
filesphere_unlock(filesphere_t *handle, const char *space, const char *path, uint64_t token,
                  filesphere_info_t *ret)
{
    if (!path || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle,
                          lease_call(handle, FSP_MSG_UNLOCK, space, path, token, 0, NULL, ret));
}

/* -- listings: pages of items ------------------------------------------------------------------ */

static_assert((int)FILESPHERE_HEADS_MAX == (int)FSP_PARENTS_MAX, "parents of a version fit");

typedef struct {
    filesphere_t *handle;
    const char *subject;
    fsp_request_t request;
    char after[FSP_NAME_BYTES_MAX + 1]; /* what request.after points to */
    uint64_t at_change;                 /* the moment that is shown */
    uint64_t ahead_id;                  /* of the request for the next page; 0: not asked yet */
    union {
        filesphere_entry_fn *entry;
        filesphere_version_fn *version;
        filesphere_change_fn *change;
    } call;
    void *arg;
} listing_t;

/* Gives one item to the caller and moves the place from which the next page goes on: NOT_FOUND at
   the end, CANCELLED if the caller does not want more, anything else: the node's item is not one.
 */
typedef fsp_status_t(item_fn)(listing_t *self, const fsp_reply_t *reply, size_t *at);

/* The pages of a listing of the past are of one moment, and may skip names that meant nothing then.
   False: the node's answer does not go on. */
static bool
stay_at(listing_t *self, const fsp_reply_t *reply)
{
    if (reply->at_index > 0) {
        self->at_change = self->request.at_index = reply->at_index;
        self->request.at_time = 0;
    }
    if (reply->next.bytes == 0)
        return true;
    if (fsp_slice_cmp(reply->next, self->request.after) < 0 ||
        !fsp_client_copy_text(reply->next, self->after, sizeof self->after))
        return false;
    self->request.after = fsp_slice(self->after, reply->next.bytes);
    return true;
}

/* Asks for the page behind this one, so that the node looks it up while the caller gets this one.
   Nothing is lost if it goes wrong: then the page is asked for when its turn comes. */
static void
ask_ahead(listing_t *self, const fsp_reply_t *reply)
{
    filesphere_t *handle = self->handle;
    fsp_request_t request = self->request;
    fsp_entry_info_t last;
    if (reply->next.bytes > 0)
        request.after = reply->next;
    else if (fsp_reply_last_entry(reply, &last) == FSP_OK)
        request.after = last.name;
    else
        return;
    if (!fsp_name_valid(request.after))
        return;
    if (reply->at_index > 0) {
        request.at_index = reply->at_index;
        request.at_time = 0;
    }
    fsp_buf_reset(&handle->body);
    fsp_request_encode(FSP_MSG_LIST, &request, &handle->body);
    if (!fsp_buf_ok(&handle->body))
        return;
    uint64_t id = fsp_client_next_id(handle);
    handle->ask_count++;
    if (fsp_client_send(handle, FSP_MSG_LIST, id, fsp_buf_slice(&handle->body), NULL) == FSP_OK)
        self->ahead_id = id;
}

/* The page that was asked for ahead, if it came; else it is asked for now. */
static filesphere_code_t
next_page(listing_t *self, fsp_client_type_t type, fsp_client_message_t *ret)
{
    filesphere_t *handle = self->handle;
    uint64_t id = self->ahead_id;
    self->ahead_id = 0;
    if (id > 0) {
        fsp_status_t status = fsp_client_wait(handle, id, handle->timeout_ms, ret);
        if (status == FSP_OK && ret->type == FSP_MSG_OK) {
            fsp_client_note_change(handle, self->request.space, ret->reply.change);
            return FILESPHERE_OK;
        }
        if (status == FSP_OK) { /* an error, which the question below brings again */
            fsp_client_message_clear(ret);
        } else {
            filesphere_code_t code = fsp_client_fail_link(handle, status, self->subject);
            if (status != FSP_TIMEOUT || fsp_client_overdue(handle))
                return code;
            handle->words[0] = '\0'; /* the link is gone; a new one is made */
        }
    }
    return fsp_client_ask(handle, type, &self->request, fsp_slice(NULL, 0), self->subject, ret);
}

static filesphere_code_t
list_pages(listing_t *self, fsp_client_type_t type, item_fn *next)
{
    for (bool more = true; more;) {
        fsp_client_message_t message;
        filesphere_code_t code = next_page(self, type, &message);
        if (code != FILESPHERE_OK)
            return code;
        fsp_status_t status = message.type == FSP_MSG_OK ? FSP_OK : FSP_PROTOCOL;
        more = message.reply.more;
        bool goes_on = message.reply.item_count > 0 || message.reply.next.bytes > 0;
        if (more && !goes_on)
            status = FSP_PROTOCOL; /* would never end */
        if (more && status == FSP_OK && type == FSP_MSG_LIST)
            ask_ahead(self, &message.reply);
        size_t at = 0;
        while (status == FSP_OK)
            status = next(self, &message.reply, &at);
        if (status == FSP_NOT_FOUND && !stay_at(self, &message.reply))
            status = FSP_PROTOCOL;
        fsp_client_message_clear(&message);
        if (status == FSP_CANCELLED)
            return fsp_client_fail(self->handle, FSP_CANCELLED, self->subject,
                                   "the listing was ended");
        if (status != FSP_NOT_FOUND)
            return fsp_client_fail_link(self->handle, FSP_PROTOCOL, self->subject);
    }
    return FILESPHERE_OK;
}

static fsp_status_t
next_entry(listing_t *self, const fsp_reply_t *reply, size_t *at)
{
    fsp_entry_info_t from;
    fsp_status_t status = fsp_reply_next_entry(reply, at, &from);
    if (status != FSP_OK)
        return status;
    filesphere_entry_t entry = {.kind = (filesphere_kind_t)from.kind,
                                .number = from.number,
                                .size = from.size,
                                .modified_us = from.modified,
                                .head_count = from.head_count,
                                .lost = !from.retained};
    /* Ascending, so that the pages end. */
    if (!fsp_name_valid(from.name) ||
        !fsp_client_copy_text(from.name, entry.name, sizeof entry.name) ||
        fsp_slice_cmp(from.name, self->request.after) <= 0 || entry.kind < FILESPHERE_FILE ||
        entry.kind > FILESPHERE_SYMLINK)
        return FSP_PROTOCOL;
    entry.attr = fsp_client_attr(from.has_attr, from.mode, from.mtime_s, from.mtime_ns);
    memcpy(entry.file_id, from.file_id.bytes, sizeof entry.file_id);
    memcpy(entry.version_id, from.version_id.bytes, sizeof entry.version_id);
    memcpy(self->after, entry.name, sizeof self->after);
    self->request.after = fsp_slice(self->after, from.name.bytes);
    return self->call.entry(self->arg, &entry) == 0 ? FSP_OK : FSP_CANCELLED;
}

filesphere_code_t
filesphere_list(filesphere_t *handle, const char *space, const char *path, const char *prefix,
                filesphere_entry_fn *entry, void *arg)
{
    return filesphere_list_at(handle, space, path, prefix, (filesphere_at_t){0}, entry, arg, NULL);
}

filesphere_code_t
filesphere_list_at(filesphere_t *handle, const char *space, const char *path, const char *prefix,
                   filesphere_at_t at, filesphere_entry_fn *entry, void *arg, uint64_t *ret_change)
{
    if (!path || !entry || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    listing_t listing;
    memset(&listing, 0, sizeof listing);
    listing.handle = handle;
    listing.subject = path;
    listing.call.entry = entry;
    listing.arg = arg;
    filesphere_code_t code = fsp_client_prepare(handle, &listing.request, space, path, false);
    if (code == FILESPHERE_OK && prefix && *prefix) {
        listing.request.prefix = fsp_slice_text(prefix);
        if (listing.request.prefix.bytes > FSP_NAME_BYTES_MAX ||
            !fsp_utf8_valid(listing.request.prefix))
            code = fsp_client_fail(handle, FSP_BAD_NAME, path, "the prefix cannot start a name");
    }
    if (code == FILESPHERE_OK)
        code = fsp_client_set_at(handle, &listing.request, at);
    listing.request.attrs = true;
    if (code == FILESPHERE_OK)
        code = list_pages(&listing, FSP_MSG_LIST, next_entry);
    if (ret_change)
        *ret_change = listing.at_change;
    return fsp_client_end(handle, code);
}

static fsp_status_t
next_version(listing_t *self, const fsp_reply_t *reply, size_t *at)
{
    fsp_version_info_t from;
    fsp_status_t status = fsp_reply_next_version(reply, at, &from);
    if (status != FSP_OK)
        return status;
    /* Descending, so that the pages end. */
    if (from.number == 0 ||
        (self->request.after_index != 0 && from.number >= self->request.after_index))
        return FSP_PROTOCOL;
    self->request.after_index = from.number;
    filesphere_version_t version = {.number = from.number,
                                    .kind = (unsigned)from.kind,
                                    .size = from.size,
                                    .time_us = from.time,
                                    .is_head = from.is_head,
                                    .retained = from.retained};
    memcpy(version.version_id, from.id.bytes, sizeof version.version_id);
    memcpy(version.author, from.author.bytes, sizeof version.author);
    memcpy(version.op_id, from.op_id.bytes, sizeof version.op_id);
    for (size_t i = 0; i < from.parent_count; i++) /* the decoder has bounded it */
        memcpy(version.parents[i], from.parents[i].bytes, sizeof version.parents[i]);
    version.parent_count = from.parent_count;
    return self->call.version(self->arg, &version) == 0 ? FSP_OK : FSP_CANCELLED;
}

filesphere_code_t
filesphere_versions(filesphere_t *handle, const char *space, const char *path,
                    filesphere_version_fn *version, void *arg)
{
    if (!path || !version || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    listing_t listing;
    memset(&listing, 0, sizeof listing);
    listing.handle = handle;
    listing.subject = path;
    listing.call.version = version;
    listing.arg = arg;
    filesphere_code_t code = fsp_client_prepare(handle, &listing.request, space, path, false);
    if (code == FILESPHERE_OK)
        code = list_pages(&listing, FSP_MSG_VERSIONS, next_version);
    return fsp_client_end(handle, code);
}

static fsp_status_t
next_change(listing_t *self, const fsp_reply_t *reply, size_t *at)
{
    fsp_change_info_t from;
    fsp_status_t status = fsp_reply_next_change(reply, at, &from);
    if (status != FSP_OK)
        return status;
    if (from.index <= self->request.after_index) /* ascending, so that the pages end */
        return FSP_PROTOCOL;
    self->request.after_index = from.index;
    return fsp_client_give_change(&from, self->call.change, self->arg);
}

filesphere_code_t
filesphere_changes(filesphere_t *handle, const char *space, uint64_t after,
                   filesphere_change_fn *change, void *arg)
{
    if (!change || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    listing_t listing;
    memset(&listing, 0, sizeof listing);
    listing.handle = handle;
    listing.subject = "changes";
    listing.call.change = change;
    listing.arg = arg;
    filesphere_code_t code = fsp_client_prepare(handle, &listing.request, space, NULL, false);
    listing.request.after_index = after;
    if (code == FILESPHERE_OK)
        code = list_pages(&listing, FSP_MSG_CHANGES, next_change);
    return fsp_client_end(handle, code);
}
