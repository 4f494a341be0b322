/* SPDX-License-Identifier: MIT */
/* answer - bytes of queries and answers.  Layer core/meta.  Pure. */
#include "core/meta/answer.h"

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/meta/changes.h"
#include "core/meta/rows.h"
#include "core/meta/versions.h"

enum {
    QUERY_FIELDS = 10,
    QUERY_FIELDS_ASKER = 11,
    QUERY_FIELDS_AT = 12,    /* behind the asker or nil */
    QUERY_FIELDS_ATTRS = 13, /* behind the moment or nil */
    ANSWER_FIELDS = 4,
    ANSWER_FIELDS_AT = 6,
    NODE_FIELDS = 9,
    NODE_FIELDS_LEASE = 10,
    ENTRY_FIELDS = 8, /* and one more: attributes, which come last */
    ENTRY_FIELDS_AT = 9,
    VERSION_FIELDS = 4,
    SPACE_FIELDS = 14,
    SPACE_FIELDS_RETENTION = 15,
    LINK_FIELDS = 10,
    /* [status, number, more, array of items, number, name] without the items. */
    ANSWER_HEAD_BYTES_MAX = 64 + FSP_NAME_BYTES_MAX,
    VERSION_HEX_MAX = 64,
};

/* -- query ------------------------------------------------------------------------------------- */

bool
fsp_query_known(uint64_t type)
{
    return (type >= FSP_QUERY_RESOLVE && type <= FSP_QUERY_SPACES) || type == FSP_QUERY_UPLOAD ||
           type == FSP_QUERY_LINKS || (type >= FSP_QUERY_MEMBERS && type <= FSP_QUERY_ACCOUNTS);
}

void
fsp_query_encode(const fsp_query_t *query, fsp_buf_t *buf)
{
    FSP_PRE(query);
    FSP_PRE(buf);
    bool at = query->at_index > 0 || query->at_time > 0;
    bool asked = !fsp_asker_is_empty(&query->asker);
    fsp_canon_array(buf, query->attrs ? QUERY_FIELDS_ATTRS
                         : at         ? QUERY_FIELDS_AT
                         : asked      ? QUERY_FIELDS_ASKER
                                      : QUERY_FIELDS);
    fsp_canon_uint(buf, query->type);
    FSP_ROW_WRITE_ID(buf, query->space_id);
    fsp_canon_id(buf, query->subject);
    fsp_canon_uint(buf, query->system_index);
    if (query->target.path.bytes)
        fsp_canon_text(buf, query->target.path);
    else
        FSP_ROW_WRITE_ID(buf, query->target.id);
    fsp_canon_bin(buf, query->version);
    fsp_canon_bin(buf, query->prefix);
    fsp_canon_bin(buf, query->after);
    fsp_canon_uint(buf, query->after_index);
    fsp_canon_uint(buf, query->limit);
    if (asked)
        fsp_asker_write(&query->asker, buf);
    else if (at || query->attrs)
        fsp_canon_nil(buf);
    if (at) {
        fsp_canon_array(buf, 2);
        fsp_canon_uint(buf, query->at_index);
        fsp_canon_uint(buf, query->at_time);
    } else if (query->attrs) {
        fsp_canon_nil(buf);
    }
    if (query->attrs)
        fsp_canon_bool(buf, true);
}

/* [at index, at time]: one of them is not 0, and the query is one that can look back. */
static void
read_at(fsp_canon_t *reader, fsp_query_t *ret)
{
    (void)fsp_canon_read_array(reader, 2, 2); /* sticky */
    ret->at_index = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->at_time = fsp_canon_read_uint(reader, UINT64_MAX);
    if ((ret->at_index == 0) == (ret->at_time == 0))
        fsp_canon_fail(reader, FSP_INVALID);
}

fsp_status_t
fsp_query_decode(fsp_slice_t bytes, fsp_query_t *ret)
{
    FSP_PRE(ret);
    memset(ret, 0, sizeof(*ret));
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, QUERY_FIELDS, QUERY_FIELDS_ATTRS);
    if (reader.status == FSP_TOO_LARGE)
        return FSP_INVALID; /* as it was when there was one form only */
    uint64_t type = fsp_canon_read_uint(&reader, UINT32_MAX);
    if (reader.status)
        return reader.status;
    if (!fsp_query_known(type))
        return FSP_UNSUPPORTED;
    ret->type = (fsp_query_type_t)type;
    FSP_ROW_READ_ID(&reader, &ret->space_id);
    fsp_canon_read_id(&reader, &ret->subject);
    ret->system_index = fsp_canon_read_uint(&reader, UINT64_MAX);
    if (fsp_canon_peek(&reader) == FSP_CANON_TEXT) {
        ret->target.path = fsp_canon_read_text(&reader, FSP_PATH_BYTES_MAX);
        if (reader.status == FSP_OK && fsp_path_check(ret->target.path))
            fsp_canon_fail(&reader, FSP_BAD_NAME);
    } else {
        FSP_ROW_READ_ID(&reader, &ret->target.id);
    }
    ret->version = fsp_canon_read_bin(&reader, VERSION_HEX_MAX);
    ret->prefix = fsp_canon_read_bin(&reader, FSP_NAME_BYTES_MAX);
    ret->after = fsp_canon_read_bin(&reader, FSP_NAME_BYTES_MAX);
    ret->after_index = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->limit = (uint32_t)fsp_canon_read_uint(&reader, FSP_LIST_LIMIT_MAX);
    if (fields == QUERY_FIELDS_ASKER || (fields >= QUERY_FIELDS_AT && !fsp_canon_read_nil(&reader)))
        fsp_asker_read(&reader, &ret->asker);
    if (fields == QUERY_FIELDS_AT || (fields == QUERY_FIELDS_ATTRS && !fsp_canon_read_nil(&reader)))
        read_at(&reader, ret);
    if (fields == QUERY_FIELDS_ATTRS) {
        ret->attrs = fsp_canon_read_bool(&reader);
        if (!ret->attrs)
            fsp_canon_fail(&reader, FSP_INVALID); /* the shortest form says it */
    }
    return fsp_canon_finish(&reader);
}

/* -- writing ----------------------------------------------------------------------------------- */

void
fsp_answering_init(fsp_answering_t *self)
{
    memset(self, 0, sizeof(*self));
    fsp_buf_init(&self->items, FSP_ANSWER_BYTES_MAX - ANSWER_HEAD_BYTES_MAX);
}

void
fsp_answering_clear(fsp_answering_t *self)
{
    fsp_buf_clear(&self->items);
}

/* Ends an item that began at `mark`: takes it back if it did not fit. */
static bool
close_item(fsp_answering_t *self, size_t mark)
{
    if (fsp_buf_ok(&self->items)) {
        self->count++;
        return true;
    }
    self->items.bytes = mark;
    self->items.overflow = false;
    self->more = true;
    return false;
}

static void
write_version(fsp_buf_t *buf, const fsp_version_info_t *version, fsp_slice_t record)
{
    fsp_canon_array(buf, VERSION_FIELDS);
    fsp_canon_bin(buf, record);
    fsp_canon_bool(buf, version->retained);
    fsp_canon_bool(buf, version->is_head);
    fsp_canon_bin(buf, version->carrier);
}

bool
fsp_answering_add_row(fsp_answering_t *self, fsp_slice_t id, uint64_t number, fsp_slice_t row)
{
    size_t mark = self->items.bytes;
    fsp_canon_array(&self->items, 2);
    if (id.bytes > 0)
        fsp_canon_bin(&self->items, id);
    else
        fsp_canon_uint(&self->items, number);
    fsp_buf_append_slice(&self->items, row);
    return close_item(self, mark);
}

bool
fsp_answering_add_node(fsp_answering_t *self, const fsp_node_info_t *node,
                       fsp_slice_t version_record)
{
    FSP_PRE(node->head_count <= FSP_HEADS_MAX);
    fsp_buf_t *buf = &self->items;
    size_t mark = buf->bytes;
    fsp_canon_array(buf, node->lease.token ? NODE_FIELDS_LEASE : NODE_FIELDS);
    fsp_canon_uint(buf, node->kind);
    fsp_canon_id(buf, node->file_id);
    FSP_ROW_WRITE_ID(buf, node->parent_id);
    fsp_canon_text(buf, node->name);
    fsp_canon_text(buf, node->path);
    fsp_canon_bin(buf, node->attr);
    fsp_canon_uint(buf, node->time);
    fsp_canon_array(buf, node->head_count);
    for (size_t i = 0; i < node->head_count; i++)
        fsp_canon_id(buf, node->heads[i]);
    if (version_record.bytes)
        write_version(buf, &node->version, version_record);
    else
        fsp_canon_nil(buf);
    if (node->lease.token)
        fsp_lease_write(&node->lease, buf);
    return close_item(self, mark);
}

bool
fsp_answering_add_entry(fsp_answering_t *self, const fsp_entry_info_t *entry)
{
    fsp_buf_t *buf = &self->items;
    size_t mark = buf->bytes;
    bool attr = entry->attr.bytes > 0;
    size_t fields = self->at_index ? ENTRY_FIELDS_AT : ENTRY_FIELDS;
    fsp_canon_array(buf, attr ? fields + 1 : fields);
    fsp_canon_text(buf, entry->name);
    fsp_canon_uint(buf, entry->kind);
    fsp_canon_id(buf, entry->file_id);
    fsp_canon_uint(buf, entry->size);
    fsp_canon_uint(buf, entry->modified);
    FSP_ROW_WRITE_ID(buf, entry->version_id);
    fsp_canon_uint(buf, entry->number);
    fsp_canon_uint(buf, entry->head_count);
    if (self->at_index)
        fsp_canon_bool(buf, entry->retained);
    if (attr)
        fsp_canon_bin(buf, entry->attr);
    return close_item(self, mark);
}

bool
fsp_answering_add_version(fsp_answering_t *self, const fsp_version_info_t *version,
                          fsp_slice_t version_record)
{
    size_t mark = self->items.bytes;
    write_version(&self->items, version, version_record);
    return close_item(self, mark);
}

bool
fsp_answering_add_change(fsp_answering_t *self, fsp_slice_t row)
{
    size_t mark = self->items.bytes;
    fsp_canon_bin(&self->items, row);
    return close_item(self, mark);
}

bool
fsp_answering_add_space(fsp_answering_t *self, const fsp_space_info_t *space)
{
    FSP_PRE(space->key_count <= FSP_SPACE_KEYS_MAX);
    fsp_buf_t *buf = &self->items;
    size_t mark = buf->bytes;
    bool keeps = fsp_retention_is_set(&space->retention);
    fsp_canon_array(buf, keeps ? SPACE_FIELDS_RETENTION : SPACE_FIELDS);
    fsp_canon_id(buf, space->space_id);
    fsp_canon_text(buf, space->name);
    fsp_canon_id(buf, space->owner);
    fsp_canon_uint(buf, space->epoch);
    fsp_canon_uint(buf, space->change_index);
    fsp_canon_uint(buf, space->quota_bytes);
    fsp_canon_uint(buf, space->used_bytes);
    fsp_canon_id(buf, space->root_id);
    fsp_canon_id(buf, space->trash_id);
    fsp_canon_uint(buf, space->chunk_bytes_min);
    fsp_canon_uint(buf, space->chunk_bytes_avg);
    fsp_canon_uint(buf, space->chunk_bytes_max);
    fsp_canon_array(buf, 2 * space->key_count);
    for (size_t i = 0; i < space->key_count; i++) {
        fsp_canon_uint(buf, space->keys[i].generation);
        fsp_canon_bin(buf, space->keys[i].wrapped);
    }
    fsp_canon_bin(buf, space->wrapped_cut_key);
    if (keeps) {
        fsp_canon_array(buf, FSP_RETENTION_VALUES);
        fsp_retention_write(&space->retention, buf);
    }
    return close_item(self, mark);
}

bool
fsp_answering_add_item(fsp_answering_t *self, fsp_slice_t item)
{
    size_t mark = self->items.bytes;
    fsp_buf_append_slice(&self->items, item);
    return close_item(self, mark);
}

bool
fsp_answering_add_link(fsp_answering_t *self, const fsp_link_info_t *link)
{
    fsp_buf_t *buf = &self->items;
    size_t mark = buf->bytes;
    fsp_canon_array(buf, LINK_FIELDS);
    fsp_canon_id(buf, link->link_id);
    fsp_canon_id(buf, link->file_id);
    fsp_canon_uint(buf, link->kind);
    fsp_canon_uint(buf, link->rights);
    fsp_canon_uint(buf, link->expiry);
    fsp_canon_uint(buf, link->uses_max);
    fsp_canon_uint(buf, link->uses);
    fsp_canon_id(buf, link->maker);
    fsp_canon_uint(buf, link->made);
    fsp_canon_bin(buf, link->password);
    return close_item(self, mark);
}

void
fsp_answering_finish(const fsp_answering_t *self, fsp_status_t status, uint64_t index,
                     fsp_buf_t *ret)
{
    FSP_PRE(ret);
    bool refused = status != FSP_OK;
    bool at = self->at_index > 0 && !refused;
    fsp_canon_array(ret, at ? ANSWER_FIELDS_AT : ANSWER_FIELDS);
    fsp_canon_uint(ret, status);
    fsp_canon_uint(ret, index);
    fsp_canon_bool(ret, !refused && self->more);
    fsp_canon_array(ret, refused ? 0 : self->count);
    if (!refused)
        fsp_buf_append_slice(ret, fsp_buf_slice(&self->items));
    if (at) {
        fsp_canon_uint(ret, self->at_index);
        fsp_canon_bin(ret, fsp_slice(self->next, self->next_bytes));
    }
}

/* -- reading ----------------------------------------------------------------------------------- */

fsp_status_t
fsp_answer_open(fsp_slice_t bytes, fsp_answer_t *ret)
{
    FSP_PRE(ret);
    if (bytes.bytes > FSP_ANSWER_BYTES_MAX)
        return FSP_TOO_LARGE;
    fsp_answer_t answer = {.reader = fsp_canon_reader(bytes)};
    size_t fields = fsp_canon_read_array(&answer.reader, ANSWER_FIELDS, ANSWER_FIELDS_AT);
    if (fields != ANSWER_FIELDS && fields != ANSWER_FIELDS_AT)
        fsp_canon_fail(&answer.reader, FSP_INVALID);
    uint64_t status = fsp_canon_read_uint(&answer.reader, UINT16_MAX);
    if (!fsp_status_known((unsigned)status))
        fsp_canon_fail(&answer.reader, FSP_INVALID);
    answer.status = (fsp_status_t)status;
    answer.index = fsp_canon_read_uint(&answer.reader, UINT64_MAX);
    answer.more = fsp_canon_read_bool(&answer.reader);
    answer.count = fsp_canon_read_array(&answer.reader, 0, FSP_LIST_LIMIT_MAX);
    /* All items are looked over here, so that a reader may trust `count`. */
    fsp_canon_t rest = answer.reader;
    for (size_t i = 0; i < answer.count; i++)
        (void)fsp_canon_read_any(&rest); /* sticky */
    if (fields == ANSWER_FIELDS_AT) {
        answer.at_index = fsp_canon_read_uint(&rest, UINT64_MAX);
        answer.next = fsp_canon_read_bin(&rest, FSP_NAME_BYTES_MAX);
        if (answer.at_index == 0 || answer.status != FSP_OK)
            fsp_canon_fail(&rest, FSP_INVALID); /* a refusal has the short form */
    }
    fsp_status_t finished = fsp_canon_finish(&rest);
    if (finished)
        return finished;
    *ret = answer;
    return FSP_OK;
}

static void
read_version(fsp_canon_t *reader, fsp_version_info_t *ret)
{
    (void)fsp_canon_read_array(reader, VERSION_FIELDS, VERSION_FIELDS); /* sticky */
    fsp_slice_t record = fsp_canon_read_bin(reader, FSP_VALUE_BYTES_MAX);
    if (reader->status)
        return;
    fsp_status_t status = fsp_version_record_decode(record, ret);
    if (status)
        fsp_canon_fail(reader, status);
    ret->retained = fsp_canon_read_bool(reader);
    ret->is_head = fsp_canon_read_bool(reader);
    ret->carrier = fsp_canon_read_bin(reader, FSP_CARRIER_BYTES_MAX);
}

fsp_status_t
fsp_answer_node(fsp_answer_t *self, fsp_node_info_t *ret)
{
    fsp_canon_t *reader = &self->reader;
    memset(ret, 0, sizeof(*ret));
    size_t fields = fsp_canon_read_array(reader, NODE_FIELDS, NODE_FIELDS_LEASE);
    ret->kind = (fsp_kind_t)fsp_canon_read_uint(reader, FSP_KIND_SYMLINK);
    fsp_canon_read_id(reader, &ret->file_id);
    FSP_ROW_READ_ID(reader, &ret->parent_id);
    ret->name = fsp_canon_read_text(reader, FSP_NAME_BYTES_MAX);
    ret->path = fsp_canon_read_text(reader, FSP_PATH_BYTES_MAX);
    /* What passes here goes on to clients, who check it. */
    if ((ret->name.bytes > 0 && !fsp_name_valid(ret->name)) ||
        (ret->path.bytes > 0 && fsp_path_check(ret->path) != FSP_OK))
        fsp_canon_fail(reader, FSP_INVALID);
    ret->attr = fsp_canon_read_bin(reader, FSP_ATTR_BYTES_MAX);
    ret->time = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->head_count = fsp_canon_read_array(reader, 0, FSP_HEADS_MAX);
    for (size_t i = 0; i < ret->head_count; i++)
        fsp_canon_read_id(reader, &ret->heads[i]);
    if (!fsp_canon_read_nil(reader))
        read_version(reader, &ret->version);
    if (fields == NODE_FIELDS_LEASE) {
        fsp_lease_read(reader, &ret->lease);
        if (ret->lease.token == 0)
            fsp_canon_fail(reader, FSP_INVALID);
    }
    return reader->status;
}

fsp_status_t
fsp_answer_entry(fsp_answer_t *self, fsp_entry_info_t *ret)
{
    fsp_canon_t *reader = &self->reader;
    memset(ret, 0, sizeof(*ret));
    size_t least =
        self->at_index > 0 ? ENTRY_FIELDS_AT : ENTRY_FIELDS; /* the form is the query's */
    size_t fields = fsp_canon_read_array(reader, least, least + 1);
    ret->name = fsp_canon_read_text(reader, FSP_NAME_BYTES_MAX);
    if (!fsp_name_valid(ret->name))
        fsp_canon_fail(reader, FSP_INVALID);
    ret->kind = (fsp_kind_t)fsp_canon_read_uint(reader, FSP_KIND_SYMLINK);
    fsp_canon_read_id(reader, &ret->file_id);
    ret->size = fsp_canon_read_uint(reader, INT64_MAX);
    ret->modified = fsp_canon_read_uint(reader, UINT64_MAX);
    FSP_ROW_READ_ID(reader, &ret->version_id);
    ret->number = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->head_count = (size_t)fsp_canon_read_uint(reader, FSP_HEADS_MAX);
    ret->retained = least == ENTRY_FIELDS || fsp_canon_read_bool(reader);
    if (fields > least) {
        ret->attr = fsp_canon_read_bin(reader, FSP_ATTR_BYTES_MAX);
        if (ret->attr.bytes == 0)
            fsp_canon_fail(reader, FSP_INVALID);
    }
    return reader->status;
}

fsp_status_t
fsp_answer_version(fsp_answer_t *self, fsp_version_info_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    read_version(&self->reader, ret);
    return self->reader.status;
}

fsp_status_t
fsp_answer_change(fsp_answer_t *self, fsp_change_info_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    fsp_slice_t row = fsp_canon_read_bin(&self->reader, FSP_VALUE_BYTES_MAX);
    if (self->reader.status)
        return self->reader.status;
    fsp_status_t status = fsp_change_row_decode(row, ret);
    if (status)
        fsp_canon_fail(&self->reader, status);
    return self->reader.status;
}

fsp_status_t
fsp_answer_space(fsp_answer_t *self, fsp_space_info_t *ret)
{
    fsp_canon_t *reader = &self->reader;
    memset(ret, 0, sizeof(*ret));
    size_t length = fsp_canon_read_array(reader, SPACE_FIELDS, SPACE_FIELDS_RETENTION);
    fsp_canon_read_id(reader, &ret->space_id);
    ret->name = fsp_canon_read_text(reader, FSP_SPACE_NAME_BYTES_MAX);
    if (!fsp_space_name_valid(ret->name))
        fsp_canon_fail(reader, FSP_INVALID);
    fsp_canon_read_id(reader, &ret->owner);
    ret->epoch = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->change_index = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->quota_bytes = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->used_bytes = fsp_canon_read_uint(reader, UINT64_MAX);
    fsp_canon_read_id(reader, &ret->root_id);
    fsp_canon_read_id(reader, &ret->trash_id);
    ret->chunk_bytes_min = (uint32_t)fsp_canon_read_uint(reader, UINT32_MAX);
    ret->chunk_bytes_avg = (uint32_t)fsp_canon_read_uint(reader, UINT32_MAX);
    ret->chunk_bytes_max = (uint32_t)fsp_canon_read_uint(reader, UINT32_MAX);
    size_t fields = fsp_canon_read_array(reader, 0, (size_t)2 * FSP_SPACE_KEYS_MAX);
    if (fields % 2 != 0)
        fsp_canon_fail(reader, FSP_INVALID);
    ret->key_count = fields / 2;
    for (size_t i = 0; i < ret->key_count; i++) {
        ret->keys[i].generation = (uint32_t)fsp_canon_read_uint(reader, UINT32_MAX);
        ret->keys[i].wrapped = fsp_canon_read_bin(reader, FSP_WRAPPED_BYTES_MAX);
        if (i > 0 && ret->keys[i].generation <= ret->keys[i - 1].generation)
            fsp_canon_fail(reader, FSP_INVALID);
    }
    ret->wrapped_cut_key = fsp_canon_read_bin(reader, FSP_WRAPPED_BYTES_MAX);
    if (length == SPACE_FIELDS_RETENTION) {
        (void)fsp_canon_read_array(reader, FSP_RETENTION_VALUES, FSP_RETENTION_VALUES);
        fsp_retention_read(reader, &ret->retention);
        if (!fsp_retention_is_set(&ret->retention))
            fsp_canon_fail(reader, FSP_INVALID); /* the shortest form says it */
    }
    return reader->status;
}

fsp_status_t
fsp_answer_link(fsp_answer_t *self, fsp_link_info_t *ret)
{
    fsp_canon_t *reader = &self->reader;
    memset(ret, 0, sizeof(*ret));
    (void)fsp_canon_read_array(reader, LINK_FIELDS, LINK_FIELDS); /* sticky */
    fsp_canon_read_id(reader, &ret->link_id);
    fsp_canon_read_id(reader, &ret->file_id);
    ret->kind = (fsp_kind_t)fsp_canon_read_uint(reader, FSP_KIND_SYMLINK);
    ret->rights = (uint32_t)fsp_canon_read_uint(reader, FSP_RIGHTS_LINK);
    ret->expiry = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->uses_max = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->uses = fsp_canon_read_uint(reader, UINT64_MAX);
    fsp_canon_read_id(reader, &ret->maker);
    ret->made = fsp_canon_read_uint(reader, UINT64_MAX);
    ret->password = fsp_canon_read_bin(reader, FSP_LINK_PASSWORD_BYTES_MAX);
    return reader->status;
}
