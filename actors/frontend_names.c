/* SPDX-License-Identifier: MIT */
/* frontend_names - requests about names: one command or query each.  Layer actors. */
#include "actors/frontend.h"
#include "actors/log.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/data/details.h"
#include "core/meta/changes.h"

/* What the client asked for, whatever the attempt and the ids that the gateway makes
   (docs/protocol/commands.md section 6). */
fsp_hash_t
fsp_names_digest(const fsp_request_t *request, fsp_command_type_t type, fsp_buf_t *buf)
{
    bool longer = type > FSP_COMMAND_COPY;
    fsp_buf_reset(buf);
    fsp_canon_array(buf, longer ? 19 : 15);
    fsp_canon_uint(buf, type);
    fsp_canon_text(buf, request->path);
    fsp_canon_id(buf, request->file_id);
    fsp_canon_text(buf, request->to_path);
    fsp_canon_text(buf, request->version);
    fsp_canon_uint(buf, request->condition.type);
    fsp_canon_bin(buf, fsp_slice(request->condition.versions,
                                 request->condition.version_count * sizeof(fsp_version_id_t)));
    fsp_canon_bool(buf, request->create_parents);
    fsp_canon_bool(buf, request->recursive);
    fsp_canon_bool(buf, request->replace);
    fsp_canon_bool(buf, request->exist_ok);
    fsp_canon_bool(buf, request->has_attr);
    fsp_canon_uint(buf, request->mode);
    fsp_canon_uint(buf, (uint64_t)request->mtime_s);
    fsp_canon_uint(buf, request->mtime_ns);
    if (longer) {
        fsp_canon_uint(buf, request->token);
        fsp_canon_uint(buf, request->duration);
        fsp_canon_bool(buf, request->force);
        fsp_canon_uint(buf, request->before);
    }
    FSP_ASSERT(fsp_buf_ok(buf));
    return fsp_sha256(fsp_buf_slice(buf));
}

static void
begin_query(fsp_frontend_t *self, fsp_call_t *call, fsp_query_type_t type)
{
    fsp_query_t query;
    fsp_frontend_query_init(call, type, &query);
    const fsp_request_t *request = &call->request;
    query.version = request->version;
    query.prefix = request->prefix;
    query.after = request->after;
    query.after_index = request->after_index;
    query.at_index = request->at_index;
    query.at_time = request->at_time;
    query.attrs = request->attrs;
    query.limit = FSP_LIST_LIMIT_MAX;
    if (request->limit > 0 && request->limit < FSP_LIST_LIMIT_MAX)
        query.limit = (uint32_t)request->limit;
    fsp_frontend_send_query(self, call, &query);
}

/* RESTORE, COPY and PRUNE may name a version by a prefix: the state machine wants the whole id, so
 * it is looked up first. */
static bool
wants_version_first(const fsp_call_t *call)
{
    return (call->type == FSP_MSG_RESTORE || call->type == FSP_MSG_COPY ||
            call->type == FSP_MSG_PRUNE) &&
           call->request.version.bytes > 0;
}

fsp_command_type_t
fsp_names_command_type(fsp_client_type_t type)
{
    switch ((int)type) {
    case FSP_MSG_MKDIR:
        return FSP_COMMAND_MKDIR;
    case FSP_MSG_DELETE:
        return FSP_COMMAND_DELETE;
    case FSP_MSG_MOVE:
        return FSP_COMMAND_MOVE;
    case FSP_MSG_RESTORE:
        return FSP_COMMAND_RESTORE;
    case FSP_MSG_COPY:
        return FSP_COMMAND_COPY;
    case FSP_MSG_LOCK:
        return FSP_COMMAND_LOCK;
    case FSP_MSG_RENEW:
        return FSP_COMMAND_RENEW;
    case FSP_MSG_UNLOCK:
        return FSP_COMMAND_UNLOCK;
    case FSP_MSG_UNDELETE:
        return FSP_COMMAND_UNDELETE;
    case FSP_MSG_PRUNE:
        return FSP_COMMAND_PRUNE;
    case FSP_MSG_ATTR:
        return FSP_COMMAND_ATTR;
    default:
        return (fsp_command_type_t)0;
    }
}

/* What the request says of mode and time, sealed; empty if it says nothing. */
static fsp_slice_t
seal_attr(fsp_frontend_t *self, const fsp_call_t *call, const fsp_request_t *request,
          fsp_blob_t **ret_attr)
{
    if (!request->has_attr)
        return fsp_slice(NULL, 0);
    fsp_attr_t attributes = {
        .mode = request->mode, .mtime_s = request->mtime_s, .mtime_ns = request->mtime_ns};
    fsp_key_t key;
    fsp_buf_reset(&self->scratch2);
    fsp_attr_encode(&attributes, &self->scratch2);
    *ret_attr = fsp_object_seal(call->space->keys, FSP_OBJECT_ATTR, fsp_slice(NULL, 0),
                                fsp_buf_slice(&self->scratch2), &key, NULL);
    return fsp_blob_slice(*ret_attr);
}

/* Leases, trash, old versions: level 2. */
static void
fill_newer(const fsp_request_t *request, fsp_target_t target, fsp_file_id_t seed,
           const fsp_version_id_t *version_id, fsp_command_t *command)
{
    switch ((int)command->type) {
    case FSP_COMMAND_LOCK:
    case FSP_COMMAND_RENEW:
    case FSP_COMMAND_UNLOCK:
        command->node.lease.target = target;
        command->node.lease.token = request->token;
        command->node.lease.duration = request->duration;
        command->node.lease.force = request->force;
        return;
    case FSP_COMMAND_UNDELETE:
        command->history.given = true;
        command->history.target = target;
        command->history.to.path = request->to_path;
        command->history.create_parents = request->create_parents;
        command->history.ids_seed = seed;
        return;
    case FSP_COMMAND_PRUNE:
        command->history.given = true;
        command->history.target = target;
        command->history.versions = FSP_SLICE_OF(*version_id);
        return;
    default:
        FSP_UNREACHABLE();
    }
}

void
fsp_names_fill(fsp_frontend_t *self, const fsp_call_t *call, fsp_client_type_t type,
               const fsp_request_t *request, const fsp_version_id_t *version_id,
               fsp_command_t *command, fsp_blob_t **ret_attr)
{
    fsp_target_t target = {.path = request->path, .id = request->file_id};
    fsp_target_t to = {.path = request->to_path};
    fsp_condition_t condition = request->condition;
    if (condition.type == 0)
        condition.type = FSP_IF_REPLACE;
    fsp_file_id_t seed = fsp_frontend_new_id(self);
    *ret_attr = NULL;
    switch ((int)type) {
    case FSP_MSG_MKDIR:
        command->mkdir.target = target;
        command->mkdir.create_parents = request->create_parents;
        command->mkdir.exist_ok = request->exist_ok;
        command->mkdir.ids_seed = seed;
        command->mkdir.attr = seal_attr(self, call, request, ret_attr);
        break;
    case FSP_MSG_ATTR:
        command->node.attr.target = target;
        command->node.attr.condition = condition;
        command->node.attr.attr = seal_attr(self, call, request, ret_attr);
        break;
    case FSP_MSG_DELETE:
        command->remove.target = target;
        command->remove.recursive = request->recursive;
        command->remove.condition = condition;
        break;
    case FSP_MSG_MOVE:
        command->move.from = target;
        command->move.to = to;
        command->move.create_parents = request->create_parents;
        command->move.replace = request->replace;
        command->move.ids_seed = seed;
        command->move.condition = condition;
        break;
    case FSP_MSG_RESTORE:
        command->restore.target = target;
        command->restore.version_id = *version_id;
        command->restore.condition = condition;
        break;
    case FSP_MSG_COPY:
        command->copy.from = target;
        command->copy.version_id = *version_id;
        command->copy.to = to;
        command->copy.create_parents = request->create_parents;
        command->copy.ids_seed = seed;
        command->copy.condition = condition;
        if (request->condition.type == 0)
            command->copy.condition.type = request->replace ? FSP_IF_REPLACE : FSP_IF_NONE_MATCH;
        break;
    default:
        fill_newer(request, target, seed, version_id, command);
        break;
    }
    command->request_digest = fsp_names_digest(request, command->type, &self->scratch2);
}

static void
begin_command(fsp_frontend_t *self, fsp_call_t *call, fsp_version_id_t version_id)
{
    fsp_command_t command;
    fsp_blob_t *attr;
    fsp_frontend_command_init(call, fsp_names_command_type(call->type), &command);
    command.layout_version = self->args->layout_version;
    fsp_names_fill(self, call, call->type, &call->request, &version_id, &command, &attr);
    fsp_frontend_send_command(self, call, &command);
    fsp_blob_destroy(&attr);
}

void
fsp_names_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    switch (call->type) {
    case FSP_MSG_STAT:
        begin_query(self, call, FSP_QUERY_RESOLVE);
        break;
    case FSP_MSG_LIST:
        begin_query(self, call, FSP_QUERY_LIST);
        break;
    case FSP_MSG_VERSIONS:
        begin_query(self, call, FSP_QUERY_VERSIONS);
        break;
    case FSP_MSG_CHANGES:
        begin_query(self, call, FSP_QUERY_CHANGES);
        break;
    case FSP_MSG_SPACES:
        begin_query(self, call, FSP_QUERY_SPACES);
        break;
    default:
        if (wants_version_first(call))
            begin_query(self, call, FSP_QUERY_RESOLVE);
        else
            begin_command(self, call, (fsp_version_id_t){0});
        break;
    }
}

void
fsp_names_result(fsp_frontend_t *self, fsp_call_t *call, const fsp_result_t *result)
{
    bool moved = call->type == FSP_MSG_MOVE || call->type == FSP_MSG_COPY;
    fsp_slice_t path = moved ? call->request.to_path : call->request.path;
    if (call->type == FSP_MSG_UNDELETE)
        path = result->path;
    fsp_reply_t reply = {.has_node = true,
                         .change = result->index,
                         .kind = result->kind,
                         .file_id = result->file_id,
                         .path = path,
                         .space_name = fsp_slice_text(call->space->name),
                         .version_id = result->version_id,
                         .number = result->number,
                         .size = result->size,
                         .modified = result->time,
                         .head_count = result->head_count};
    if (call->type == FSP_MSG_LOCK)
        reply.token = result->index;
    else if (call->type == FSP_MSG_RENEW)
        reply.token = call->request.token;
    memcpy(reply.heads, result->heads, result->head_count * sizeof(reply.heads[0]));
    fsp_frontend_ok(self, call, &reply);
}

/* The parts of a batch, as clients read them. */
static fsp_status_t
translate_parts(fsp_change_info_t *change, fsp_buf_t *parts)
{
    fsp_canon_t reader = fsp_canon_reader(change->items);
    for (size_t i = 0; i < change->item_count; i++) {
        fsp_change_info_t part = {0};
        fsp_change_item_next(&reader, &part);
        fsp_item_part_encode(&part, parts);
    }
    change->items = fsp_buf_slice(parts);
    return fsp_canon_finish(&reader);
}

fsp_status_t
fsp_names_change_item(fsp_answer_t *answer, fsp_buf_t *items, uint64_t *ret_index)
{
    fsp_change_info_t change;
    fsp_status_t status = fsp_answer_change(answer, &change);
    fsp_buf_t parts;
    fsp_buf_init(&parts, FSP_BODY_BYTES_MAX);
    if (status == FSP_OK && change.item_count > 0)
        status = translate_parts(&change, &parts);
    if (status == FSP_OK) {
        fsp_item_change_encode(&change, items);
        *ret_index = change.index;
    }
    fsp_buf_clear(&parts);
    return status;
}

/* When the content of a space goes is not in the shard's answer. */
static fsp_status_t
translate_space(fsp_frontend_t *self, fsp_answer_t *answer, fsp_buf_t *items)
{
    fsp_space_info_t space;
    fsp_status_t status = fsp_answer_space(answer, &space);
    if (status != FSP_OK)
        return status;
    const fsp_gateway_space_t *known = fsp_spaces_by_id(self->args->spaces, space.space_id);
    space.closes = known ? known->closes : 0;
    fsp_item_space_encode(&space, items);
    return FSP_OK;
}

/* An entry whose attributes do not open is shown without them: the names of a directory, and all
   that is in it, must not be out of reach because of one.  *lost_count counts those. */
static fsp_status_t
translate_entry(const fsp_call_t *call, fsp_answer_t *answer, fsp_buf_t *items, size_t *lost_count)
{
    fsp_entry_info_t entry;
    fsp_attr_t attr;
    fsp_status_t status = fsp_answer_entry(answer, &entry);
    if (status != FSP_OK)
        return status;
    if (entry.attr.bytes > 0 && fsp_get_open_attr(call, entry.attr, &attr) == FSP_OK) {
        entry.has_attr = true;
        entry.mode = attr.mode;
        entry.mtime_s = attr.mtime_s;
        entry.mtime_ns = attr.mtime_ns;
    } else if (entry.attr.bytes > 0) {
        ++*lost_count;
    }
    fsp_item_entry_encode(&entry, items);
    return FSP_OK;
}

/* One item of an answer, translated for the client. */
static fsp_status_t
translate_item(fsp_frontend_t *self, const fsp_call_t *call, fsp_answer_t *answer, fsp_buf_t *items,
               size_t *lost_count)
{
    fsp_status_t status;
    fsp_client_type_t type = call->type;
    if (type == FSP_MSG_LIST) {
        status = translate_entry(call, answer, items, lost_count);
    } else if (type == FSP_MSG_VERSIONS) {
        fsp_version_info_t version;
        status = fsp_answer_version(answer, &version);
        if (status == FSP_OK)
            fsp_item_version_encode(&version, items);
    } else if (type == FSP_MSG_CHANGES) {
        uint64_t index;
        status = fsp_names_change_item(answer, items, &index);
    } else {
        status = translate_space(self, answer, items);
    }
    return status;
}

static void
answer_list(fsp_frontend_t *self, fsp_call_t *call, fsp_answer_t *answer)
{
    fsp_buf_reset(&self->scratch2);
    size_t count = 0, lost_count = 0;
    bool feed = call->type == FSP_MSG_CHANGES;
    /* Batches are longer for clients than for the shard: the rest comes with the next page. */
    while (count < answer->count && !(feed && self->scratch2.bytes > FEED_BYTES)) {
        if (translate_item(self, call, answer, &self->scratch2, &lost_count) != FSP_OK) {
            fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
            return;
        }
        count++;
    }
    if (!fsp_buf_ok(&self->scratch2)) {
        fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    if (lost_count > 0)
        fsp_log(FSP_LOG_ERROR, "frontend",
                "msg=\"attributes do not open: entries are listed without\" space=%s count=%zu",
                call->space->name, lost_count);
    fsp_reply_t reply = {.change = answer->index,
                         .more = answer->more || count < answer->count,
                         .at_index = answer->at_index,
                         .next = answer->next,
                         .item_count = count,
                         .items = fsp_buf_slice(&self->scratch2)};
    fsp_frontend_ok(self, call, &reply);
}

void
fsp_names_answer(fsp_frontend_t *self, fsp_call_t *call, fsp_slice_t body)
{
    fsp_answer_t answer;
    if (fsp_answer_open(body, &answer) != FSP_OK) {
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
        return;
    }
    fsp_frontend_note_change(self, call->space, answer.index);
    if (answer.status == FSP_NO_SUCH_SPACE)
        fsp_spaces_retire(self->args->spaces, call->space);
    if (answer.status != FSP_OK && wants_version_first(call) && call->request.attempt > 1) {
        /* An earlier attempt may have taken effect, and the names may have changed since.  The
           state machine knows: it repeats the first answer, or refuses a version that nobody has.
         */
        fsp_version_id_t nobodys;
        memset(nobodys.bytes, 0xff, sizeof(nobodys.bytes));
        begin_command(self, call, nobodys);
        return;
    }
    if (answer.status != FSP_OK) {
        fsp_frontend_error(self, call, answer.status, NULL);
        return;
    }
    bool wants_node =
        call->type == FSP_MSG_STAT || call->type == FSP_MSG_GET || wants_version_first(call);
    if (!wants_node) {
        answer_list(self, call, &answer);
        return;
    }
    fsp_node_info_t node;
    if (fsp_answer_node(&answer, &node) != FSP_OK)
        fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
    else if (wants_version_first(call))
        begin_command(self, call, node.version.id);
    else
        fsp_get_resolved(self, call, &node, answer.index, answer.at_index);
}
