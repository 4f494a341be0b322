/* SPDX-License-Identifier: MIT */
/* client_calls - the client library's small requests and listings.  Layer actors. */
#include "actors/client_internal.h"

#include "core/base/text.h"

#include <stdio.h>

/* -- one request, one answer ------------------------------------------------------------------- */

/* Sends a prepared request; its answer must be OK.  ret may be NULL. */
static filesphere_code_t
ask_info(filesphere_t *self, fsp_client_type_t type, fsp_request_t *request, const char *subject,
         filesphere_info_t *ret)
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
        code = ask_info(handle, FSP_MSG_STAT, &request, path, ret);
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
    if (attr && attr->set) {
        request.has_attr = true;
        request.mode = attr->mode & 07777;
        request.mtime_s = attr->mtime_s;
        request.mtime_ns = attr->mtime_ns;
    }
    if (code == FILESPHERE_OK)
        code = ask_info(handle, FSP_MSG_MKDIR, &request, path, ret);
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
        code = ask_info(handle, FSP_MSG_DELETE, &request, path, ret);
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
    return ask_info(self, type, request, subject, ret);
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
        code = ask_info(handle, FSP_MSG_RESTORE, &request, path, ret);
    return fsp_client_end(handle, code);
}

static bool
copy_text(fsp_slice_t text, char *ret, size_t bytes_max)
{
    if (text.bytes >= bytes_max || (text.bytes > 0 && memchr(text.data, 0, text.bytes)))
        return false;
    if (text.bytes > 0)
        memcpy(ret, text.data, text.bytes);
    ret[text.bytes] = '\0';
    return true;
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
            !copy_text(reply->node_version, node.version, sizeof node.version) ||
            !copy_text(reply->disk_state, node.disk_state, sizeof node.disk_state))
            code = fsp_client_fail_link(handle, FSP_PROTOCOL, "node");
        else
            *ret = node;
        fsp_client_message_clear(&message);
    }
    return fsp_client_end(handle, code);
}

/* -- listings: pages of items ------------------------------------------------------------------ */

typedef struct {
    filesphere_t *handle;
    const char *subject;
    fsp_request_t request;
    char after[FSP_NAME_BYTES_MAX + 1]; /* what request.after points to */
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

static filesphere_code_t
list_pages(listing_t *self, fsp_client_type_t type, item_fn *next)
{
    for (bool more = true; more;) {
        fsp_client_message_t message;
        filesphere_code_t code = fsp_client_ask(self->handle, type, &self->request,
                                                fsp_slice(NULL, 0), self->subject, &message);
        if (code != FILESPHERE_OK)
            return code;
        fsp_status_t status = message.type == FSP_MSG_OK ? FSP_OK : FSP_PROTOCOL;
        more = message.reply.more;
        if (more && message.reply.item_count == 0)
            status = FSP_PROTOCOL; /* would never end */
        size_t at = 0;
        while (status == FSP_OK)
            status = next(self, &message.reply, &at);
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
                                .head_count = from.head_count};
    /* Ascending, so that the pages end. */
    if (!fsp_name_valid(from.name) || !copy_text(from.name, entry.name, sizeof entry.name) ||
        fsp_slice_cmp(from.name, self->request.after) <= 0 || entry.kind < FILESPHERE_FILE ||
        entry.kind > FILESPHERE_SYMLINK)
        return FSP_PROTOCOL;
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
        code = list_pages(&listing, FSP_MSG_LIST, next_entry);
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
    filesphere_change_t change = {.index = from.index,
                                  .operation = (unsigned)from.operation,
                                  .time_us = from.time,
                                  .kind = (filesphere_kind_t)from.kind};
    if (!copy_text(from.path, change.path, sizeof change.path) ||
        !copy_text(from.from_path, change.from_path, sizeof change.from_path))
        return FSP_PROTOCOL;
    memcpy(change.author, from.author.bytes, sizeof change.author);
    memcpy(change.op_id, from.op_id.bytes, sizeof change.op_id);
    memcpy(change.file_id, from.file_id.bytes, sizeof change.file_id);
    memcpy(change.version_id, from.version_id.bytes, sizeof change.version_id);
    memcpy(change.hash, from.hash.bytes, sizeof change.hash);
    return self->call.change(self->arg, &change) == 0 ? FSP_OK : FSP_CANCELLED;
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
