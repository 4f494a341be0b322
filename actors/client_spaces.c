/* SPDX-License-Identifier: MIT */
/* client_spaces - the client library's spaces.  Layer actors. */
#include "actors/client_internal.h"

#include "core/base/text.h"

static_assert(sizeof(((filesphere_space_t *)0)->name) == FSP_SPACE_NAME_BYTES_MAX + 1, "names fit");

/* -- listing ----------------------------------------------------------------------------------- */

static fsp_status_t
fill_space(const fsp_space_info_t *from, filesphere_space_t *ret)
{
    memset(ret, 0, sizeof *ret);
    if (!fsp_client_copy_text(from->name, ret->name, sizeof ret->name))
        return FSP_PROTOCOL;
    memcpy(ret->space_id, from->space_id.bytes, sizeof ret->space_id);
    memcpy(ret->owner, from->owner.bytes, sizeof ret->owner);
    memcpy(ret->root_id, from->root_id.bytes, sizeof ret->root_id);
    memcpy(ret->trash_id, from->trash_id.bytes, sizeof ret->trash_id);
    ret->change = from->change_index;
    ret->quota_bytes = from->quota_bytes;
    ret->used_bytes = from->used_bytes;
    ret->closes_us = from->closes;
    ret->epoch = from->epoch;
    ret->chunk_bytes_min = from->chunk_bytes_min;
    ret->chunk_bytes_avg = from->chunk_bytes_avg;
    ret->chunk_bytes_max = from->chunk_bytes_max;
    ret->keep = (filesphere_keep_t){.last = from->retention.keep_last,
                                    .days = from->retention.all_days,
                                    .daily = from->retention.daily,
                                    .weekly = from->retention.weekly,
                                    .monthly = from->retention.monthly,
                                    .past_days = from->retention.past_days};
    return FSP_OK;
}

filesphere_code_t
fsp_client_list_spaces(filesphere_t *self, filesphere_space_fn *space, void *arg)
{
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    fsp_client_message_t message;
    filesphere_code_t code =
        fsp_client_ask(self, FSP_MSG_SPACES, &request, fsp_slice(NULL, 0), "spaces", &message);
    if (code != FILESPHERE_OK)
        return code;
    fsp_status_t status = message.type == FSP_MSG_OK ? FSP_OK : FSP_PROTOCOL;
    for (size_t at = 0; status == FSP_OK;) {
        fsp_space_info_t from;
        filesphere_space_t out;
        status = fsp_reply_next_space(&message.reply, &at, &from);
        if (status == FSP_OK)
            status = fill_space(&from, &out);
        if (status == FSP_OK && space(arg, &out) != 0)
            status = FSP_CANCELLED;
    }
    fsp_client_message_clear(&message);
    if (status == FSP_NOT_FOUND)
        return FILESPHERE_OK;
    if (status == FSP_CANCELLED)
        return fsp_client_fail(self, status, "spaces", "the listing was ended");
    return fsp_client_fail_link(self, FSP_PROTOCOL, "spaces");
}

filesphere_code_t
filesphere_spaces(filesphere_t *handle, filesphere_space_fn *space, void *arg)
{
    if (!space || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle, fsp_client_list_spaces(handle, space, arg));
}

typedef struct {
    fsp_slice_t name;
    bool found;
    filesphere_space_t *ret;
} find_space_t;

static int
find_space(void *arg, const filesphere_space_t *space)
{
    find_space_t *find = arg;
    if (fsp_slice_eq(find->name, fsp_slice_text(space->name))) {
        find->found = true;
        *find->ret = *space;
    }
    return 0;
}

filesphere_code_t
filesphere_space_show(filesphere_t *handle, const char *name, filesphere_space_t *ret)
{
    if (!ret || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    filesphere_code_t code = fsp_client_prepare(handle, &request, name, NULL, false);
    find_space_t find = {.name = request.space, .ret = ret};
    if (code == FILESPHERE_OK)
        code = fsp_client_list_spaces(handle, find_space, &find);
    if (code == FILESPHERE_OK && !find.found)
        code = fsp_client_fail(handle, FSP_NO_SUCH_SPACE, name ? name : "space",
                               "no such space, or none that this account may read");
    return fsp_client_end(handle, code);
}

/* -- making, setting, removing ----------------------------------------------------------------- */

filesphere_code_t
filesphere_space_create(filesphere_t *handle, const char *name, uint64_t quota_bytes,
                        filesphere_info_t *ret)
{
    return filesphere_space_create_chunked(handle, name, quota_bytes, NULL, ret);
}

filesphere_code_t
filesphere_space_create_chunked(filesphere_t *handle, const char *name, uint64_t quota_bytes,
                                const uint64_t chunking[3], filesphere_info_t *ret)
{
    if (!name || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.quota_bytes = quota_bytes;
    if (chunking) {
        memcpy(request.chunking, chunking, sizeof request.chunking);
        request.chunking_count = FSP_CHUNKING_VALUES;
    }
    filesphere_code_t code = fsp_client_prepare(handle, &request, name, NULL, true);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask_info(handle, FSP_MSG_SPACE_CREATE, &request, name, ret);
    return fsp_client_end(handle, code);
}

static filesphere_code_t
set_space(filesphere_t *self, const char *name, const filesphere_space_settings_t *settings)
{
    const filesphere_keep_t *keep = &settings->keep;
    const uint64_t values[FSP_KEEP_VALUES] = {keep->last,   keep->days,    keep->daily,
                                              keep->weekly, keep->monthly, keep->past_days};
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    if (settings->set_quota) {
        request.set |= FSP_SET_QUOTA;
        request.quota_bytes = settings->quota_bytes;
    }
    if (settings->set_keep) {
        request.set |= FSP_SET_KEEP;
        memcpy(request.keep, values, sizeof request.keep);
        request.keep_count = FSP_KEEP_VALUES;
    }
    fsp_client_message_t message;
    filesphere_code_t code = fsp_client_prepare(self, &request, name, NULL, true);
    if (code == FILESPHERE_OK)
        code =
            fsp_client_ask(self, FSP_MSG_SPACE_SET, &request, fsp_slice(NULL, 0), name, &message);
    if (code != FILESPHERE_OK)
        return code;
    if (message.type != FSP_MSG_OK)
        code = fsp_client_fail_link(self, FSP_PROTOCOL, name);
    fsp_client_message_clear(&message);
    return code;
}

static filesphere_code_t
collect(filesphere_t *self, const char *name, filesphere_collection_t *ret)
{
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    fsp_client_message_t message;
    filesphere_code_t code = fsp_client_prepare(self, &request, name, NULL, false);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask(self, FSP_MSG_COLLECT, &request, fsp_slice(NULL, 0), name, &message);
    if (code != FILESPHERE_OK)
        return code;
    if (message.type != FSP_MSG_OK)
        code = fsp_client_fail_link(self, FSP_PROTOCOL, name);
    else if (ret)
        *ret = (filesphere_collection_t){.epoch = message.reply.epoch,
                                         .live_objects = message.reply.live,
                                         .swept_objects = message.reply.swept,
                                         .swept_bytes = message.reply.swept_bytes};
    fsp_client_message_clear(&message);
    return code;
}

filesphere_code_t
filesphere_space_collect(filesphere_t *handle, const char *name, filesphere_collection_t *ret)
{
    if (!fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle, collect(handle, name, ret));
}

filesphere_code_t
filesphere_space_set(filesphere_t *handle, const char *name,
                     const filesphere_space_settings_t *settings)
{
    if (!name || !settings || (!settings->set_quota && !settings->set_keep) ||
        !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle, set_space(handle, name, settings));
}

static filesphere_code_t
remove_space(filesphere_t *self, const char *name, uint64_t delay_us, bool cancel,
             uint64_t *ret_closes_us)
{
    fsp_request_t request;
    memset(&request, 0, sizeof request);
    request.duration = delay_us;
    request.cancel = cancel;
    fsp_client_message_t message;
    filesphere_code_t code = fsp_client_prepare(self, &request, name, NULL, true);
    if (code == FILESPHERE_OK)
        code = fsp_client_ask(self, FSP_MSG_SPACE_REMOVE, &request, fsp_slice(NULL, 0), name,
                              &message);
    if (code != FILESPHERE_OK)
        return code;
    if (message.type != FSP_MSG_OK)
        code = fsp_client_fail_link(self, FSP_PROTOCOL, name);
    else if (ret_closes_us)
        *ret_closes_us = message.reply.expires;
    fsp_client_message_clear(&message);
    return code;
}

filesphere_code_t
filesphere_space_remove(filesphere_t *handle, const char *name, uint64_t delay_us,
                        uint64_t *ret_closes_us)
{
    if (!name || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle, remove_space(handle, name, delay_us, false, ret_closes_us));
}

filesphere_code_t
filesphere_space_keep(filesphere_t *handle, const char *name)
{
    if (!name || !fsp_client_begin(handle))
        return fsp_error_info(FSP_INVALID)->code;
    return fsp_client_end(handle, remove_space(handle, name, 0, true, NULL));
}
