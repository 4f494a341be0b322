/* SPDX-License-Identifier: MIT */
/* client_trash - the client library's trash.  Layer actors.
 *
 * The trash is a directory whose names are numbers of changes.  Where a thing was, and when it
 * went, is what that change says; it is asked for one by one, since a trash is short where it is
 * looked at.
 */
#include "actors/client_internal.h"

#include "core/base/alloc.h"
#include "core/base/text.h"

typedef struct {
    fsp_slice_t name; /* of the space; empty: the home space */
    bool found;
    uint8_t trash_id[16];
} find_trash_t;

static int
find_trash(void *arg, const filesphere_space_t *space)
{
    find_trash_t *find = arg;
    if (fsp_slice_eq(find->name, fsp_slice_text(space->name))) {
        find->found = true;
        memcpy(find->trash_id, space->trash_id, sizeof find->trash_id);
    }
    return 0;
}

/* Looks for the thing in what its change did. */
static int
find_place(void *arg, const filesphere_change_t *change)
{
    filesphere_trashed_t *trashed = arg;
    bool deleted = memcmp(change->file_id, trashed->file_id, sizeof change->file_id) == 0;
    bool displaced = memcmp(change->displaced_id, trashed->file_id, sizeof change->file_id) == 0;
    if (deleted || displaced)
        memcpy(trashed->path, change->path, sizeof trashed->path);
    trashed->deleted_us = change->time_us;
    return 0;
}

/* Fills where it was and when it went, if that is still known. */
static filesphere_code_t
look_up(filesphere_t *self, const fsp_request_t *listing, filesphere_trashed_t *trashed)
{
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.space = listing->space;
    request.after_index = trashed->change - 1;
    request.limit = 1;
    fsp_client_message_t message;
    filesphere_code_t code =
        fsp_client_ask(self, FSP_MSG_CHANGES, &request, fsp_slice(NULL, 0), "trash", &message);
    if (code == fsp_error_info(FSP_GONE)->code || code == fsp_error_info(FSP_FORBIDDEN)->code) {
        self->words[0] = '\0';
        return FILESPHERE_OK;
    }
    if (code != FILESPHERE_OK)
        return code;
    fsp_change_info_t from;
    size_t at = 0;
    fsp_status_t status = fsp_reply_next_change(&message.reply, &at, &from);
    if (status == FSP_OK && from.index == trashed->change)
        status = fsp_client_give_change(&from, find_place, trashed);
    fsp_client_message_clear(&message);
    return status == FSP_OK || status == FSP_NOT_FOUND
               ? FILESPHERE_OK
               : fsp_client_fail_link(self, FSP_PROTOCOL, "trash");
}

/* Names in the trash: 20 digits, and behind a point the place within a batch. */
static bool
parse_name(fsp_slice_t name, filesphere_trashed_t *ret)
{
    enum { DIGITS = 20 };
    ret->change = 0;
    for (size_t i = 0; i < DIGITS && i < name.bytes; i++) {
        if (name.data[i] < '0' || name.data[i] > '9')
            return false;
        ret->change = ret->change * 10 + (uint64_t)(name.data[i] - '0');
    }
    return name.bytes >= DIGITS && ret->change > 0 &&
           fsp_client_copy_text(name, ret->name, sizeof ret->name);
}

/* One page: NOT_FOUND at its end. */
static filesphere_code_t
give_page(filesphere_t *self, fsp_request_t *request, const filesphere_trashed_t *page,
          size_t count, filesphere_trashed_fn *trashed, void *arg)
{
    for (size_t i = 0; i < count; i++) {
        filesphere_trashed_t item = page[i];
        filesphere_code_t code = look_up(self, request, &item);
        if (code != FILESPHERE_OK)
            return code;
        if (trashed(arg, &item) != 0)
            return fsp_client_fail(self, FSP_CANCELLED, "trash", "the listing was ended");
    }
    return FILESPHERE_OK;
}

/* The entries of one answer; the message is gone before the next question is asked. */
static fsp_status_t
read_page(const fsp_reply_t *reply, filesphere_trashed_t *page, size_t *ret_count)
{
    size_t at = 0, count = 0;
    for (;; count++) {
        fsp_entry_info_t from;
        fsp_status_t status = fsp_reply_next_entry(reply, &at, &from);
        if (status == FSP_NOT_FOUND)
            break;
        filesphere_trashed_t *item = &page[count];
        memset(item, 0, sizeof *item);
        if (status != FSP_OK || !parse_name(from.name, item) ||
            (count > 0 && strcmp(item->name, item[-1].name) <= 0))
            return FSP_PROTOCOL;
        item->kind = (filesphere_kind_t)from.kind;
        item->size = from.size;
        memcpy(item->file_id, from.file_id.bytes, sizeof item->file_id);
    }
    *ret_count = count;
    return FSP_OK;
}

enum { TRASH_PAGE = 100 };

static filesphere_code_t
list_trash(filesphere_t *self, fsp_request_t *request, filesphere_trashed_fn *trashed, void *arg)
{
    filesphere_trashed_t *page = fsp_alloc_array(TRASH_PAGE, sizeof *page);
    char after[FSP_NAME_BYTES_MAX + 1];
    filesphere_code_t code = FILESPHERE_OK;
    request->limit = TRASH_PAGE;
    for (bool more = true; more && code == FILESPHERE_OK;) {
        fsp_client_message_t message;
        size_t count = 0;
        code = fsp_client_ask(self, FSP_MSG_LIST, request, fsp_slice(NULL, 0), "trash", &message);
        if (code != FILESPHERE_OK)
            break;
        bool fits = message.type == FSP_MSG_OK && message.reply.item_count <= TRASH_PAGE &&
                    read_page(&message.reply, page, &count) == FSP_OK;
        more = message.reply.more;
        fsp_client_message_clear(&message);
        if (!fits || (more && count == 0)) {
            code = fsp_client_fail_link(self, FSP_PROTOCOL, "trash");
            break;
        }
        code = give_page(self, request, page, count, trashed, arg);
        if (count > 0)
            memcpy(after, page[count - 1].name, sizeof after);
        request->after = fsp_slice_text(count > 0 ? after : "");
    }
    fsp_free(page);
    return code;
}

filesphere_code_t
filesphere_trash(filesphere_t *handle, const char *space, filesphere_trashed_fn *trashed, void *arg)
{
    if (!trashed || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, NULL, false);
    find_trash_t find = {.name = request.space};
    if (code == FILESPHERE_OK)
        code = fsp_client_list_spaces(handle, find_trash, &find);
    if (code == FILESPHERE_OK && !find.found)
        code = fsp_client_fail(handle, FSP_NO_SUCH_SPACE, "trash", "no such space");
    memcpy(request.file_id.bytes, find.trash_id, sizeof find.trash_id);
    if (code == FILESPHERE_OK)
        code = list_trash(handle, &request, trashed, arg);
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_undelete(filesphere_t *handle, const char *space, const uint8_t file_id[16],
                    const char *to, bool create_parents, filesphere_info_t *ret)
{
    if (!file_id || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, space, NULL, true);
    memcpy(request.file_id.bytes, file_id, sizeof request.file_id.bytes);
    request.create_parents = create_parents;
    if (to) {
        request.to_path = fsp_slice_text(to);
        if (code == FILESPHERE_OK && fsp_path_check(request.to_path) != FSP_OK)
            code = fsp_client_fail(handle, FSP_BAD_NAME, to, "not a valid remote path");
    }
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_UNDELETE, &request, to ? to : "trash", ret);
    return fsp_client_end(handle, code);
}

filesphere_code_t
filesphere_purge(filesphere_t *handle, const char *space, const uint8_t file_id[16],
                 uint64_t before_us, uint64_t *ret_change)
{
    if (!fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    filesphere_code_t code = FILESPHERE_OK;
    for (bool more = true; more && code == FILESPHERE_OK;) {
        fsp_request_t request;
        memset(&request, 0, sizeof request);
        code = fsp_client_prepare(handle, &request, space, NULL, true);
        if (file_id)
            memcpy(request.file_id.bytes, file_id, sizeof request.file_id.bytes);
        request.before = file_id ? 0 : before_us;
        fsp_client_message_t message;
        if (code == FILESPHERE_OK)
            code = fsp_client_ask(handle, FSP_MSG_PURGE, &request, fsp_slice(NULL, 0), "trash",
                                  &message);
        if (code != FILESPHERE_OK)
            break;
        more = message.reply.more;
        if (ret_change)
            *ret_change = message.reply.change;
        if (message.type != FSP_MSG_OK)
            code = fsp_client_fail_link(handle, FSP_PROTOCOL, "trash");
        fsp_client_message_clear(&message);
        /* What was named has no name any more; the rest of its work goes on without one, as part of
           a request that takes nothing else. */
        if (file_id && more) {
            file_id = NULL;
            before_us = 1;
        }
    }
    return fsp_client_end(handle, code);
}
