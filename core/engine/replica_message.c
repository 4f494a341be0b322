/* SPDX-License-Identifier: MIT */
/* replica_message - messages between replicas as values and bytes.  Layer core/engine.  Pure.
 *
 *   RAFT   [1, 1, raft (bin)]
 *   FRAME  [1, 2, raft (bin), id, position, last, digest (bin 32 | nil), configuration (bin | nil),
 *           rows (bin)]
 *   TOOK   [1, 3, from, to, term, id, position, refused]
 *
 * raft: core/raft/raft_message.c.
 */
#include "core/engine/replica_message.h"

#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/base/limits.h"
#include "core/engine/snapshot_send.h"

enum {
    MESSAGE_VERSION = 1,
    RAFT_FIELDS = 3,
    FRAME_FIELDS = 9,
    TOOK_FIELDS = 8,
    ROWS_BYTES_MAX = FSP_SNAPSHOT_FRAME_BYTES + FSP_VALUE_BYTES_MAX + FSP_ROW_KEY_BYTES_MAX,
    RAFT_BYTES_MAX = 4 * FSP_VALUE_BYTES_MAX,
};

static void
write_raft(const fsp_raft_message_t *raft, fsp_buf_t *buf)
{
    fsp_buf_t inner;
    fsp_buf_init(&inner, RAFT_BYTES_MAX);
    fsp_raft_message_encode(raft, &inner);
    FSP_ASSERT(fsp_buf_ok(&inner));
    fsp_canon_bin(buf, fsp_buf_slice(&inner));
    fsp_buf_clear(&inner);
}

static void
write_frame(const fsp_replica_frame_t *frame, fsp_buf_t *buf)
{
    fsp_canon_uint(buf, frame->id);
    fsp_canon_uint(buf, frame->position);
    fsp_canon_bool(buf, frame->last);
    if (frame->last)
        fsp_canon_id(buf, frame->digest);
    else
        fsp_canon_nil(buf);
    if (frame->position == 0) {
        fsp_buf_t conf;
        fsp_buf_init(&conf, FSP_RAFT_CONF_BYTES_MAX);
        fsp_raft_conf_encode(&frame->conf, &conf);
        FSP_ASSERT(fsp_buf_ok(&conf));
        fsp_canon_bin(buf, fsp_buf_slice(&conf));
        fsp_buf_clear(&conf);
    } else {
        fsp_canon_nil(buf);
    }
    fsp_canon_bin(buf, fsp_blob_slice(frame->rows));
}

void
fsp_replica_message_encode(const fsp_replica_message_t *message, fsp_buf_t *buf)
{
    FSP_PRE(message && buf);
    switch (message->type) {
    case FSP_REPLICA_RAFT:
        fsp_canon_array(buf, RAFT_FIELDS);
        fsp_canon_uint(buf, MESSAGE_VERSION);
        fsp_canon_uint(buf, message->type);
        write_raft(&message->raft, buf);
        return;
    case FSP_REPLICA_FRAME:
        fsp_canon_array(buf, FRAME_FIELDS);
        fsp_canon_uint(buf, MESSAGE_VERSION);
        fsp_canon_uint(buf, message->type);
        write_raft(&message->raft, buf);
        write_frame(&message->frame, buf);
        return;
    case FSP_REPLICA_TOOK:
        fsp_canon_array(buf, TOOK_FIELDS);
        fsp_canon_uint(buf, MESSAGE_VERSION);
        fsp_canon_uint(buf, message->type);
        fsp_canon_uint(buf, message->raft.from);
        fsp_canon_uint(buf, message->raft.to);
        fsp_canon_uint(buf, message->raft.term);
        fsp_canon_uint(buf, message->took.id);
        fsp_canon_uint(buf, message->took.position);
        fsp_canon_bool(buf, message->took.refused);
        return;
    }
    FSP_UNREACHABLE();
}

static void
read_raft(fsp_canon_t *in, fsp_raft_message_t *ret)
{
    fsp_slice_t bytes = fsp_canon_read_bin(in, RAFT_BYTES_MAX);
    if (in->status)
        return;
    fsp_status_t status = fsp_raft_message_decode(bytes, ret);
    if (status)
        fsp_canon_fail(in, status);
}

static void
read_frame(fsp_canon_t *in, fsp_replica_frame_t *ret)
{
    ret->id = fsp_canon_read_uint(in, UINT64_MAX);
    ret->position = fsp_canon_read_uint(in, UINT64_MAX - 1);
    ret->last = fsp_canon_read_bool(in);
    if (ret->last)
        fsp_canon_read_id(in, &ret->digest);
    else if (!fsp_canon_read_nil(in))
        fsp_canon_fail(in, FSP_INVALID);
    if (ret->position == 0) {
        fsp_slice_t conf = fsp_canon_read_bin(in, FSP_RAFT_CONF_BYTES_MAX);
        fsp_status_t status = in->status ? in->status : fsp_raft_conf_decode(conf, &ret->conf);
        if (status == FSP_OK && ret->conf.count == 0)
            status = FSP_INVALID; /* nobody would be left to decide anything */
        if (status)
            fsp_canon_fail(in, status);
    } else if (!fsp_canon_read_nil(in)) {
        fsp_canon_fail(in, FSP_INVALID);
    }
    fsp_slice_t rows = fsp_canon_read_bin(in, ROWS_BYTES_MAX);
    if (in->status == FSP_OK)
        ret->rows = fsp_blob_copy(rows.data, rows.bytes);
}

static void
read_took(fsp_canon_t *in, fsp_replica_message_t *ret)
{
    ret->raft.from = fsp_canon_read_uint(in, UINT64_MAX);
    ret->raft.to = fsp_canon_read_uint(in, UINT64_MAX);
    ret->raft.term = fsp_canon_read_uint(in, UINT64_MAX);
    ret->took.id = fsp_canon_read_uint(in, UINT64_MAX);
    ret->took.position = fsp_canon_read_uint(in, UINT64_MAX);
    ret->took.refused = fsp_canon_read_bool(in);
}

fsp_status_t
fsp_replica_message_decode(fsp_slice_t bytes, fsp_replica_message_t *ret)
{
    FSP_PRE(ret);
    *ret = (fsp_replica_message_t){0};
    fsp_canon_t in = fsp_canon_reader(bytes);
    size_t count = fsp_canon_read_array(&in, RAFT_FIELDS, FRAME_FIELDS);
    uint64_t version = fsp_canon_read_uint(&in, UINT64_MAX);
    uint64_t type = fsp_canon_read_uint(&in, UINT64_MAX);
    if (in.status)
        return in.status;
    if (version != MESSAGE_VERSION)
        return FSP_UNSUPPORTED;
    ret->type = (fsp_replica_message_type_t)type;
    if (type == FSP_REPLICA_RAFT && count == RAFT_FIELDS) {
        read_raft(&in, &ret->raft);
    } else if (type == FSP_REPLICA_FRAME && count == FRAME_FIELDS) {
        read_raft(&in, &ret->raft);
        read_frame(&in, &ret->frame);
    } else if (type == FSP_REPLICA_TOOK && count == TOOK_FIELDS) {
        read_took(&in, ret);
    } else {
        fsp_canon_fail(&in, FSP_INVALID);
    }
    fsp_status_t status = fsp_canon_finish(&in);
    if (status)
        fsp_replica_message_clear(ret);
    return status;
}

fsp_replica_message_t
fsp_replica_message_copy(const fsp_replica_message_t *message)
{
    FSP_PRE(message);
    fsp_replica_message_t copy = *message;
    copy.raft = fsp_raft_message_copy(&message->raft);
    if (copy.frame.rows)
        (void)fsp_blob_ref(copy.frame.rows);
    return copy;
}

void
fsp_replica_message_clear(fsp_replica_message_t *message)
{
    FSP_PRE(message);
    fsp_raft_message_clear(&message->raft);
    fsp_blob_destroy(&message->frame.rows);
    *message = (fsp_replica_message_t){0};
}
