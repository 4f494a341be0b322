/* SPDX-License-Identifier: MIT */
/* frontend_names - requests about names: one command or query each.  Layer actors. */
#include "actors/clock.h"
#include "actors/frontend.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"
#include "core/data/details.h"

/* What the client asked for, whatever the attempt and the ids that the gateway makes. */
static fsp_hash_t
digest_request(fsp_frontend_t *self, const fsp_call_t *call, fsp_command_type_t type)
{
    const fsp_request_t *request = &call->request;
    fsp_buf_t *buf = &self->scratch2;
    fsp_buf_reset(buf);
    fsp_canon_array(buf, 15);
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
    query.limit = FSP_LIST_LIMIT_MAX;
    if (request->limit > 0 && request->limit < FSP_LIST_LIMIT_MAX)
        query.limit = (uint32_t)request->limit;
    fsp_frontend_send_query(self, call, &query);
}

/* RESTORE and COPY may name a version by a prefix: the state machine wants the whole id, so it is
 * looked up first. */
static bool
wants_version_first(const fsp_call_t *call)
{
    return (call->type == FSP_MSG_RESTORE || call->type == FSP_MSG_COPY) &&
           call->request.version.bytes > 0;
}

static void
begin_command(fsp_frontend_t *self, fsp_call_t *call, fsp_version_id_t version_id)
{
    const fsp_request_t *request = &call->request;
    fsp_target_t target = {.path = request->path, .id = request->file_id};
    fsp_target_t to = {.path = request->to_path};
    fsp_condition_t condition = request->condition;
    fsp_file_id_t seed;
    fsp_random(seed.bytes, sizeof(seed.bytes));
    fsp_blob_t *attr = NULL;
    fsp_command_t command;
    switch (call->type) {
    case FSP_MSG_MKDIR:
        fsp_frontend_command_init(call, FSP_COMMAND_MKDIR, &command);
        command.mkdir.target = target;
        command.mkdir.create_parents = request->create_parents;
        command.mkdir.exist_ok = request->exist_ok;
        command.mkdir.ids_seed = seed;
        if (request->has_attr) {
            fsp_attr_t attributes = {
                .mode = request->mode, .mtime_s = request->mtime_s, .mtime_ns = request->mtime_ns};
            fsp_key_t key;
            fsp_buf_reset(&self->scratch2);
            fsp_attr_encode(&attributes, &self->scratch2);
            attr = fsp_object_seal(call->space->keys, FSP_OBJECT_ATTR, fsp_slice(NULL, 0),
                                   fsp_buf_slice(&self->scratch2), &key, NULL);
            command.mkdir.attr = fsp_blob_slice(attr);
        }
        break;
    case FSP_MSG_DELETE:
        fsp_frontend_command_init(call, FSP_COMMAND_DELETE, &command);
        command.remove.target = target;
        command.remove.recursive = request->recursive;
        command.remove.condition = condition;
        if (condition.type == 0)
            command.remove.condition.type = FSP_IF_REPLACE;
        break;
    case FSP_MSG_MOVE:
        fsp_frontend_command_init(call, FSP_COMMAND_MOVE, &command);
        command.move.from = target;
        command.move.to = to;
        command.move.create_parents = request->create_parents;
        command.move.replace = request->replace;
        command.move.ids_seed = seed;
        command.move.condition = condition;
        if (condition.type == 0)
            command.move.condition.type = FSP_IF_REPLACE;
        break;
    case FSP_MSG_RESTORE:
        fsp_frontend_command_init(call, FSP_COMMAND_RESTORE, &command);
        command.restore.target = target;
        command.restore.version_id = version_id;
        command.restore.condition = condition;
        if (condition.type == 0)
            command.restore.condition.type = FSP_IF_REPLACE;
        break;
    case FSP_MSG_COPY:
        fsp_frontend_command_init(call, FSP_COMMAND_COPY, &command);
        command.copy.from = target;
        command.copy.version_id = version_id;
        command.copy.to = to;
        command.copy.create_parents = request->create_parents;
        command.copy.ids_seed = seed;
        command.copy.condition = condition;
        if (condition.type == 0)
            command.copy.condition.type = request->replace ? FSP_IF_REPLACE : FSP_IF_NONE_MATCH;
        break;
    default:
        FSP_UNREACHABLE();
    }
    command.layout_version = self->args->layout_version;
    command.request_digest = digest_request(self, call, command.type);
    fsp_frontend_send_command(self, call, &command);
    fsp_blob_destroy(&attr);
}

void
fsp_names_begin(fsp_frontend_t *self, fsp_call_t *call)
{
    const fsp_request_t *request = &call->request;
    bool has_target = request->path.bytes > 0 || !fsp_file_id_is_zero(request->file_id);
    bool needs_target = call->type != FSP_MSG_CHANGES && call->type != FSP_MSG_SPACES;
    bool needs_to = call->type == FSP_MSG_MOVE || call->type == FSP_MSG_COPY;
    if ((needs_target && !has_target) || (needs_to && request->to_path.bytes == 0) ||
        (call->type == FSP_MSG_RESTORE && request->version.bytes == 0)) {
        fsp_frontend_error(self, call, FSP_INVALID, NULL);
        return;
    }
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
    fsp_reply_t reply = {.has_node = true,
                         .change = result->index,
                         .kind = result->kind,
                         .file_id = result->file_id,
                         .path = moved ? call->request.to_path : call->request.path,
                         .space_name = fsp_slice_text(call->space->name),
                         .version_id = result->version_id,
                         .number = result->number,
                         .size = result->size,
                         .modified = result->time,
                         .head_count = result->head_count};
    memcpy(reply.heads, result->heads, result->head_count * sizeof(reply.heads[0]));
    fsp_frontend_ok(self, call, &reply);
}

/* One item of an answer, translated for the client. */
static fsp_status_t
translate_item(fsp_answer_t *answer, fsp_client_type_t type, fsp_buf_t *items)
{
    fsp_status_t status;
    if (type == FSP_MSG_LIST) {
        fsp_entry_info_t entry;
        status = fsp_answer_entry(answer, &entry);
        if (status == FSP_OK)
            fsp_item_entry_encode(&entry, items);
    } else if (type == FSP_MSG_VERSIONS) {
        fsp_version_info_t version;
        status = fsp_answer_version(answer, &version);
        if (status == FSP_OK)
            fsp_item_version_encode(&version, items);
    } else if (type == FSP_MSG_CHANGES) {
        fsp_change_info_t change;
        status = fsp_answer_change(answer, &change);
        if (status == FSP_OK)
            fsp_item_change_encode(&change, items);
    } else {
        fsp_space_info_t space;
        status = fsp_answer_space(answer, &space);
        if (status == FSP_OK)
            fsp_item_space_encode(&space, items);
    }
    return status;
}

static void
answer_list(fsp_frontend_t *self, fsp_call_t *call, fsp_answer_t *answer)
{
    fsp_buf_reset(&self->scratch2);
    for (size_t i = 0; i < answer->count; i++) {
        if (translate_item(answer, call->type, &self->scratch2) != FSP_OK) {
            fsp_frontend_error(self, call, FSP_INTERNAL, NULL);
            return;
        }
    }
    if (!fsp_buf_ok(&self->scratch2)) {
        fsp_frontend_error(self, call, FSP_TOO_LARGE, NULL);
        return;
    }
    fsp_reply_t reply = {.change = answer->index,
                         .more = answer->more,
                         .item_count = answer->count,
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
        fsp_get_resolved(self, call, &node, answer.index);
}
