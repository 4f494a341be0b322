/* SPDX-License-Identifier: MIT */
/* raft_message - messages between replicas, as values and as bytes.  Layer core/raft.  Pure.
 *
 *   [1, type, from, to, term, index, index term, commit, round, hint index, hint term,
 *    refused, force, digest (bin 32 | nil), [[index, term, kind, bytes]...]]
 *
 * One shape for all types: what a type does not use is 0, and costs a byte.
 */
#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/raft/raft.h"

enum { MESSAGE_VERSION = 1, MESSAGE_FIELDS = 15, ENTRY_FIELDS = 4 };

void
fsp_raft_message_encode(const fsp_raft_message_t *message, fsp_buf_t *buf)
{
    FSP_PRE(message && buf);
    FSP_PRE(message->entry_count <= FSP_RAFT_MESSAGE_ENTRIES_MAX);
    fsp_canon_array(buf, MESSAGE_FIELDS);
    fsp_canon_uint(buf, MESSAGE_VERSION);
    fsp_canon_uint(buf, message->type);
    fsp_canon_uint(buf, message->from);
    fsp_canon_uint(buf, message->to);
    fsp_canon_uint(buf, message->term);
    fsp_canon_uint(buf, message->index);
    fsp_canon_uint(buf, message->index_term);
    fsp_canon_uint(buf, message->commit);
    fsp_canon_uint(buf, message->round);
    fsp_canon_uint(buf, message->hint_index);
    fsp_canon_uint(buf, message->hint_term);
    fsp_canon_bool(buf, message->refused);
    fsp_canon_bool(buf, message->force);
    if (fsp_hash_is_zero(message->digest))
        fsp_canon_nil(buf);
    else
        fsp_canon_id(buf, message->digest);
    fsp_canon_array(buf, message->entry_count);
    for (size_t i = 0; i < message->entry_count; i++) {
        const fsp_entry_t *entry = &message->entries[i];
        fsp_canon_array(buf, ENTRY_FIELDS);
        fsp_canon_uint(buf, entry->index);
        fsp_canon_uint(buf, entry->term);
        fsp_canon_uint(buf, entry->kind);
        fsp_canon_bin(buf, entry->bytes ? fsp_blob_slice(entry->bytes) : (fsp_slice_t){0});
    }
}

static void
read_entry(fsp_canon_t *in, fsp_entry_t *ret)
{
    (void)fsp_canon_read_array(in, ENTRY_FIELDS, ENTRY_FIELDS); /* sticky */
    ret->index = fsp_canon_read_uint(in, UINT64_MAX);
    ret->term = fsp_canon_read_uint(in, UINT64_MAX);
    uint64_t kind = fsp_canon_read_uint(in, FSP_ENTRY_CONFIG);
    ret->kind = (fsp_entry_kind_t)kind;
    fsp_slice_t bytes = fsp_canon_read_bin(in, FSP_VALUE_BYTES_MAX);
    if (in->status)
        return;
    if (kind == 0 || (kind == FSP_ENTRY_NOOP) != (bytes.bytes == 0)) {
        fsp_canon_fail(in, FSP_INVALID);
        return;
    }
    if (bytes.bytes > 0)
        ret->bytes = fsp_blob_copy(bytes.data, bytes.bytes);
}

static void
read_entries(fsp_canon_t *in, fsp_raft_message_t *ret)
{
    size_t count = fsp_canon_read_array(in, 0, FSP_RAFT_MESSAGE_ENTRIES_MAX);
    if (in->status || count == 0)
        return;
    ret->entries = fsp_alloc_array(count, sizeof(*ret->entries));
    for (; ret->entry_count < count && in->status == FSP_OK; ret->entry_count++)
        read_entry(in, &ret->entries[ret->entry_count]);
}

fsp_status_t
fsp_raft_message_decode(fsp_slice_t bytes, fsp_raft_message_t *ret)
{
    FSP_PRE(ret);
    *ret = (fsp_raft_message_t){0};
    fsp_canon_t in = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&in, MESSAGE_FIELDS, MESSAGE_FIELDS); /* sticky */
    uint64_t version = fsp_canon_read_uint(&in, UINT64_MAX);
    if (in.status == FSP_OK && version != MESSAGE_VERSION)
        fsp_canon_fail(&in, FSP_UNSUPPORTED);
    ret->type = (fsp_raft_message_type_t)fsp_canon_read_uint(&in, FSP_RAFT_DIVERGED);
    ret->from = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->to = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->term = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->index = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->index_term = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->commit = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->round = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->hint_index = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->hint_term = fsp_canon_read_uint(&in, UINT64_MAX);
    ret->refused = fsp_canon_read_bool(&in);
    ret->force = fsp_canon_read_bool(&in);
    if (!fsp_canon_read_nil(&in)) {
        fsp_canon_read_id(&in, &ret->digest);
        if (fsp_hash_is_zero(ret->digest))
            fsp_canon_fail(&in, FSP_INVALID); /* that is a nil */
    }
    read_entries(&in, ret);
    bool named = ret->type >= FSP_RAFT_PREVOTE && ret->from > 0 && ret->to > 0 && ret->term > 0;
    if (in.status == FSP_OK && !named)
        fsp_canon_fail(&in, FSP_INVALID);
    fsp_status_t status = fsp_canon_finish(&in);
    if (status)
        fsp_raft_message_clear(ret);
    return status;
}

fsp_raft_message_t
fsp_raft_message_copy(const fsp_raft_message_t *message)
{
    FSP_PRE(message);
    fsp_raft_message_t copy = *message;
    copy.entries = NULL;
    if (message->entry_count > 0)
        copy.entries = fsp_alloc_array(message->entry_count, sizeof(*copy.entries));
    for (size_t i = 0; i < message->entry_count; i++) {
        copy.entries[i] = message->entries[i];
        if (copy.entries[i].bytes)
            (void)fsp_blob_ref(copy.entries[i].bytes);
    }
    return copy;
}

void
fsp_raft_message_clear(fsp_raft_message_t *message)
{
    FSP_PRE(message);
    for (size_t i = 0; i < message->entry_count; i++)
        fsp_blob_destroy(&message->entries[i].bytes);
    fsp_free(message->entries);
    *message = (fsp_raft_message_t){0};
}
