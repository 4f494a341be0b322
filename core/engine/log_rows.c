/* SPDX-License-Identifier: MIT */
/* log_rows - a replica's log as rows of family LOG, and how to read them back.  Layer core/engine.
   Pure. */
#include "core/engine/log_rows.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/limits.h"

#include <inttypes.h>

enum { HARD_FIELDS = 5, ENTRY_FIELDS = 4, BASE_FIELDS = 3 };

/* -- keys -------------------------------------------------------------------------------------- */

fsp_log_name_t
fsp_log_name(fsp_shard_ref_t shard, const fsp_raft_member_t *member)
{
    FSP_PRE(member);
    fsp_log_name_t name;
    fsp_store_u32(name.prefix, shard.shard);
    fsp_store_u32(name.prefix + 4, shard.generation);
    fsp_store_u64(name.prefix + 8, member->replica);
    memcpy(name.prefix + 16, member->store_id.bytes, sizeof(member->store_id.bytes));
    return name;
}

static fsp_log_key_t
key_of_kind(const fsp_log_name_t *name, uint8_t kind)
{
    FSP_PRE(name);
    fsp_log_key_t key = {.used = FSP_LOG_PREFIX_BYTES + 1};
    memcpy(key.bytes, name->prefix, FSP_LOG_PREFIX_BYTES);
    key.bytes[FSP_LOG_PREFIX_BYTES] = kind;
    return key;
}

fsp_log_key_t
fsp_log_hard_key(const fsp_log_name_t *name)
{
    return key_of_kind(name, FSP_LOG_ROW_HARD);
}

fsp_log_key_t
fsp_log_entry_key(const fsp_log_name_t *name, uint64_t index)
{
    fsp_log_key_t key = key_of_kind(name, FSP_LOG_ROW_ENTRY);
    fsp_store_u64(key.bytes + key.used, index);
    key.used += sizeof(index);
    return key;
}

fsp_log_key_t
fsp_log_base_key(const fsp_log_name_t *name)
{
    return key_of_kind(name, FSP_LOG_ROW_BASE);
}

fsp_log_key_t
fsp_log_end_key(const fsp_log_name_t *name)
{
    return key_of_kind(name, FSP_LOG_ROW_ENTRY + 1);
}

/* -- values ------------------------------------------------------------------------------------ */

/* The row version, which is read first: what follows it may be unknown. */
static fsp_status_t
read_version(fsp_slice_t value, size_t fields, fsp_canon_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(value);
    size_t count = fsp_canon_read_array(&reader, 1, FSP_MSGPACK_ITEMS_MAX);
    uint64_t version = fsp_canon_read_uint(&reader, UINT32_MAX);
    if (reader.status || version == 0)
        return FSP_DAMAGED;
    if (version > FSP_LOG_ROW_VERSION)
        return FSP_FORMAT_NEWER;
    if (count != fields)
        return FSP_DAMAGED;
    *ret = reader;
    return FSP_OK;
}

void
fsp_log_hard_encode(const fsp_log_hard_t *row, fsp_buf_t *buf)
{
    FSP_PRE(row);
    FSP_PRE(buf);
    fsp_canon_array(buf, HARD_FIELDS);
    fsp_canon_uint(buf, FSP_LOG_ROW_VERSION);
    fsp_canon_uint(buf, row->hard.term);
    fsp_canon_uint(buf, row->hard.vote);
    fsp_canon_uint(buf, row->start);
    fsp_canon_uint(buf, row->start_term);
}

fsp_status_t
fsp_log_hard_decode(fsp_slice_t value, fsp_log_hard_t *ret)
{
    FSP_PRE(ret);
    fsp_canon_t reader;
    fsp_status_t status = read_version(value, HARD_FIELDS, &reader);
    if (status)
        return status;
    fsp_log_hard_t row;
    row.hard.term = fsp_canon_read_uint(&reader, UINT64_MAX - 1);
    row.hard.vote = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.start = fsp_canon_read_uint(&reader, UINT64_MAX - 1);
    row.start_term = fsp_canon_read_uint(&reader, UINT64_MAX);
    if (fsp_canon_finish(&reader))
        return FSP_DAMAGED;
    *ret = row;
    return FSP_OK;
}

void
fsp_log_entry_encode(const fsp_entry_t *entry, fsp_buf_t *buf)
{
    FSP_PRE(entry);
    FSP_PRE(buf);
    fsp_canon_array(buf, ENTRY_FIELDS);
    fsp_canon_uint(buf, FSP_LOG_ROW_VERSION);
    fsp_canon_uint(buf, entry->term);
    fsp_canon_uint(buf, entry->kind);
    fsp_canon_bin(buf, entry->bytes ? fsp_blob_slice(entry->bytes) : fsp_slice(NULL, 0));
}

fsp_status_t
fsp_log_entry_decode(fsp_slice_t value, fsp_log_entry_t *ret)
{
    FSP_PRE(ret);
    fsp_canon_t reader;
    fsp_status_t status = read_version(value, ENTRY_FIELDS, &reader);
    if (status)
        return status;
    uint64_t term = fsp_canon_read_uint(&reader, UINT64_MAX);
    uint64_t kind = fsp_canon_read_uint(&reader, UINT8_MAX);
    fsp_slice_t bytes = fsp_canon_read_bin(&reader, FSP_VALUE_BYTES_MAX);
    if (fsp_canon_finish(&reader) || term == 0)
        return FSP_DAMAGED;
    switch (kind) {
    case FSP_ENTRY_NOOP:
        if (bytes.bytes > 0)
            return FSP_DAMAGED;
        break;
    case FSP_ENTRY_COMMAND:
        if (bytes.bytes <= FSP_LOG_TIME_BYTES)
            return FSP_DAMAGED;
        break;
    case FSP_ENTRY_CONFIG:
        if (bytes.bytes == 0 || bytes.bytes > FSP_RAFT_CONF_BYTES_MAX)
            return FSP_DAMAGED;
        break;
    default:
        /* Written by a program that knows more kinds. */
        return FSP_FORMAT_NEWER;
    }
    *ret = (fsp_log_entry_t){.term = term, .kind = (fsp_entry_kind_t)kind, .bytes = bytes};
    return FSP_OK;
}

void
fsp_log_base_encode(const fsp_log_base_t *row, fsp_buf_t *buf)
{
    FSP_PRE(row);
    FSP_PRE(buf);
    FSP_AUTO(fsp_buf_clear) fsp_buf_t conf;
    fsp_buf_init(&conf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(&row->conf, &conf);
    FSP_ASSERT(fsp_buf_ok(&conf));
    fsp_canon_array(buf, BASE_FIELDS);
    fsp_canon_uint(buf, FSP_LOG_ROW_VERSION);
    fsp_canon_uint(buf, row->generation);
    fsp_canon_bin(buf, fsp_buf_slice(&conf));
}

fsp_status_t
fsp_log_base_decode(fsp_slice_t value, fsp_log_base_t *ret)
{
    FSP_PRE(ret);
    fsp_canon_t reader;
    fsp_status_t status = read_version(value, BASE_FIELDS, &reader);
    if (status)
        return status;
    fsp_log_base_t row;
    row.generation = (uint32_t)fsp_canon_read_uint(&reader, UINT32_MAX);
    fsp_slice_t conf = fsp_canon_read_bin(&reader, FSP_RAFT_CONF_BYTES_MAX);
    if (fsp_canon_finish(&reader) || fsp_raft_conf_decode(conf, &row.conf))
        return FSP_DAMAGED;
    *ret = row;
    return FSP_OK;
}

fsp_status_t
fsp_log_load_base(const fsp_log_name_t *name, fsp_view_t *view, bool *ret_there,
                  fsp_log_base_t *ret, fsp_error_t *error)
{
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_key_t key = fsp_log_base_key(name);
    fsp_status_t status = fsp_view_get(view, fsp_log_key_slice(&key), &value);
    *ret_there = status == FSP_OK;
    if (status == FSP_NOT_FOUND)
        return FSP_OK;
    if (!status)
        status = fsp_log_base_decode(fsp_buf_slice(&value), ret);
    if (status)
        return fsp_error_set(error, status, "base of the log: %s", fsp_status_text(status));
    return FSP_OK;
}

/* -- reading back ------------------------------------------------------------------------------ */

static fsp_status_t
load_hard(const fsp_log_name_t *name, fsp_view_t *view, fsp_log_hard_t *ret, fsp_error_t *error)
{
    FSP_AUTO(fsp_buf_clear) fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_key_t key = fsp_log_hard_key(name);
    fsp_status_t status = fsp_view_get(view, fsp_log_key_slice(&key), &value);
    if (status == FSP_NOT_FOUND) {
        *ret = (fsp_log_hard_t){0};
        return FSP_OK;
    }
    if (!status)
        status = fsp_log_hard_decode(fsp_buf_slice(&value), ret);
    if (status)
        return fsp_error_set(error, status, "hard state of the log: %s", fsp_status_text(status));
    return FSP_OK;
}

/* Index of an entry row; false if the key is none. */
static bool
entry_index(const fsp_cursor_t *cursor, uint64_t *ret)
{
    if (cursor->key.bytes != FSP_LOG_KEY_BYTES_MAX)
        return false;
    *ret = fsp_load_u64(cursor->key.data + FSP_LOG_PREFIX_BYTES + 1);
    return true;
}

void
fsp_log_summary_clear(fsp_log_summary_t *self)
{
    FSP_PRE(self);
    fsp_free(self->runs);
    fsp_free(self->confs);
    *self = (fsp_log_summary_t){0};
}

static void
note_term(fsp_log_summary_t *self, uint64_t index, uint64_t term)
{
    if (self->run_count > 0 && self->runs[self->run_count - 1].term == term) {
        self->runs[self->run_count - 1].last = index;
        return;
    }
    if (self->run_count == self->run_capacity) {
        self->run_capacity = self->run_capacity ? 2 * self->run_capacity : 8;
        self->runs = fsp_realloc(self->runs, self->run_capacity * sizeof(*self->runs));
    }
    self->runs[self->run_count++] = (fsp_raft_run_t){.term = term, .first = index, .last = index};
}

static fsp_status_t
note_conf(fsp_log_summary_t *self, uint64_t index, fsp_slice_t bytes)
{
    if (self->conf_count == self->conf_capacity) {
        self->conf_capacity = self->conf_capacity ? 2 * self->conf_capacity : 4;
        self->confs = fsp_realloc(self->confs, self->conf_capacity * sizeof(*self->confs));
    }
    fsp_raft_conf_at_t *at = &self->confs[self->conf_count++];
    at->index = index;
    return fsp_raft_conf_decode(bytes, &at->conf) ? FSP_DAMAGED : FSP_OK;
}

/* The row at the cursor goes behind what summary has. */
static fsp_status_t
load_entry(const fsp_cursor_t *cursor, uint64_t applied, fsp_log_summary_t *summary,
           fsp_error_t *error)
{
    uint64_t index;
    if (!entry_index(cursor, &index) || index != summary->last + 1)
        return fsp_error_set(error, FSP_DAMAGED, "log has a gap behind %" PRIu64, summary->last);
    fsp_log_entry_t entry;
    fsp_status_t status = fsp_log_entry_decode(cursor->value, &entry);
    if (status)
        return fsp_error_set(error, status, "log entry %" PRIu64 ": %s", index,
                             fsp_status_text(status));
    if (entry.term < summary->last_term)
        return fsp_error_set(error, FSP_DAMAGED, "term falls at log entry %" PRIu64, index);
    if (entry.kind == FSP_ENTRY_COMMAND) {
        fsp_time_t time = fsp_load_u64(entry.bytes.data);
        if (time <= summary->last_time)
            return fsp_error_set(error, FSP_DAMAGED, "log time falls at log entry %" PRIu64, index);
        summary->last_time = time;
    }
    if (entry.kind == FSP_ENTRY_CONFIG && note_conf(summary, index, entry.bytes))
        return fsp_error_set(error, FSP_DAMAGED, "log entry %" PRIu64 ": no configuration", index);
    note_term(summary, index, entry.term);
    summary->last = index;
    summary->last_term = entry.term;
    if (index == applied)
        summary->applied_term = entry.term;
    return FSP_OK;
}

fsp_status_t
fsp_log_load(const fsp_log_name_t *name, fsp_view_t *view, uint64_t applied, fsp_log_summary_t *ret,
             fsp_error_t *error)
{
    FSP_PRE(name);
    FSP_PRE(view);
    FSP_PRE(ret);
    *ret = (fsp_log_summary_t){0};
    fsp_status_t status = load_hard(name, view, &ret->hard, error);
    if (status)
        return status;
    ret->last = ret->hard.start;
    ret->last_term = ret->hard.start_term;
    if (applied == ret->hard.start)
        ret->applied_term = ret->hard.start_term;

    fsp_log_key_t from = fsp_log_entry_key(name, 0);
    fsp_log_key_t to = fsp_log_end_key(name);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_log_key_slice(&from), fsp_log_key_slice(&to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        status = load_entry(cursor, applied, ret, error);
        if (status)
            return status;
    }
    if (cursor->status)
        return fsp_error_set(error, cursor->status, "reading the log: %s",
                             fsp_status_text(cursor->status));
    return FSP_OK;
}

fsp_status_t
fsp_log_read(const fsp_log_name_t *name, fsp_view_t *view, uint64_t from, uint64_t to,
             size_t bytes_max, fsp_entry_t *ret_entries, size_t *ret_count)
{
    FSP_PRE(name);
    FSP_PRE(view);
    FSP_PRE(from > 0 && from <= to);
    fsp_log_key_t from_key = fsp_log_entry_key(name, from);
    fsp_log_key_t to_key = fsp_log_entry_key(name, to + 1);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(view, fsp_log_key_slice(&from_key), fsp_log_key_slice(&to_key));
    size_t bytes = 0;
    size_t count = 0;
    fsp_status_t status = FSP_OK;
    for (; cursor->valid && bytes < bytes_max; fsp_cursor_next(cursor)) {
        uint64_t index;
        fsp_log_entry_t entry;
        status = entry_index(cursor, &index) && index == from + count ? FSP_OK : FSP_DAMAGED;
        if (!status)
            status = fsp_log_entry_decode(cursor->value, &entry);
        if (status)
            break;
        ret_entries[count++] = (fsp_entry_t){
            .index = index,
            .term = entry.term,
            .kind = entry.kind,
            .bytes = entry.kind == FSP_ENTRY_NOOP
                         ? NULL
                         : fsp_blob_copy(entry.bytes.data, entry.bytes.bytes),
        };
        bytes += cursor->value.bytes;
    }
    if (!status)
        status = cursor->status;
    /* What ends early without an error must have ended for its size. */
    if (!status && !cursor->valid && count != to - from + 1)
        status = FSP_DAMAGED;
    *ret_count = count;
    return status;
}
