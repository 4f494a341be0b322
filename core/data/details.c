/* SPDX-License-Identifier: MIT */
/* details - the small sealed records.  Layer core/data. */
#include "core/data/details.h"

#include "core/base/canon.h"
#include "core/base/check.h"

enum {
    DETAILS_FIELDS = 4,
    ATTR_FIELDS = 3,
    MIDSTATE_FIELDS = 9,
    MODE_MAX = 07777,
    NANOSECONDS_MAX = 999999999
};
/* Canonical integers have no sign; so times before 1970 are moved up. */
static const int64_t mtime_bias = INT64_C(1) << 62;

void
fsp_details_encode(const fsp_details_t *details, fsp_buf_t *buf)
{
    FSP_PRE(details != NULL);
    FSP_PRE(buf != NULL);
    FSP_PRE(details->media_type.bytes <= FSP_MEDIA_TYPE_BYTES_MAX);
    FSP_PRE(details->message.bytes <= FSP_MESSAGE_BYTES_MAX);
    fsp_canon_array(buf, DETAILS_FIELDS);
    fsp_canon_id(buf, details->sha256);
    fsp_canon_uint(buf, details->chunk_count);
    fsp_canon_text(buf, details->media_type);
    fsp_canon_text(buf, details->message);
}

fsp_status_t
fsp_details_decode(fsp_slice_t bytes, fsp_details_t *ret)
{
    FSP_PRE(ret != NULL);
    fsp_details_t details;
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, DETAILS_FIELDS, DETAILS_FIELDS);
    fsp_canon_read_id(&reader, &details.sha256);
    details.chunk_count = fsp_canon_read_uint(&reader, UINT64_MAX);
    details.media_type = fsp_canon_read_text(&reader, FSP_MEDIA_TYPE_BYTES_MAX);
    details.message = fsp_canon_read_text(&reader, FSP_MESSAGE_BYTES_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        *ret = details;
    return status;
}

bool
fsp_attr_valid(const fsp_attr_t *attr)
{
    FSP_PRE(attr != NULL);
    return attr->mode <= MODE_MAX && attr->mtime_s >= -mtime_bias && attr->mtime_s < mtime_bias &&
           attr->mtime_ns <= NANOSECONDS_MAX;
}

void
fsp_attr_encode(const fsp_attr_t *attr, fsp_buf_t *buf)
{
    FSP_PRE(attr != NULL);
    FSP_PRE(buf != NULL);
    FSP_PRE(fsp_attr_valid(attr));
    fsp_canon_array(buf, ATTR_FIELDS);
    fsp_canon_uint(buf, attr->mode);
    fsp_canon_uint(buf, (uint64_t)(attr->mtime_s + mtime_bias));
    fsp_canon_uint(buf, attr->mtime_ns);
}

fsp_status_t
fsp_attr_decode(fsp_slice_t bytes, fsp_attr_t *ret)
{
    FSP_PRE(ret != NULL);
    fsp_attr_t attr;
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, ATTR_FIELDS, ATTR_FIELDS);
    attr.mode = (uint32_t)fsp_canon_read_uint(&reader, MODE_MAX);
    attr.mtime_s = (int64_t)fsp_canon_read_uint(&reader, INT64_MAX) - mtime_bias;
    attr.mtime_ns = (uint32_t)fsp_canon_read_uint(&reader, NANOSECONDS_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status != FSP_OK)
        return status;
    *ret = attr;
    FSP_POST(fsp_attr_valid(ret));
    return FSP_OK;
}

/* -- midstate ---------------------------------------------------------------------------------- */

static bool
midstate_valid(const fsp_midstate_t *midstate)
{
    bool chunk = midstate->root_kind == FSP_ROOT_CHUNK;
    return midstate->offset > 0 && midstate->chunk_count > 0 &&
           midstate->chunk_new_count <= midstate->chunk_count &&
           chunk == (midstate->chunk_count == 1) &&
           chunk != fsp_hash_is_zero(midstate->root_digest) &&
           midstate->root_object_bytes <= FSP_OBJECT_BYTES_MAX &&
           (!midstate->hashed || midstate->hash.bytes == midstate->offset);
}

void
fsp_midstate_encode(const fsp_midstate_t *midstate, fsp_buf_t *buf)
{
    FSP_PRE(midstate != NULL);
    FSP_PRE(buf != NULL);
    FSP_PRE(midstate_valid(midstate));
    fsp_canon_array(buf, MIDSTATE_FIELDS);
    fsp_canon_uint(buf, midstate->root_kind);
    fsp_canon_id(buf, midstate->root_key);
    fsp_canon_uint(buf, midstate->root_object_bytes);
    if (midstate->root_kind == FSP_ROOT_CHUNK)
        fsp_canon_id(buf, midstate->root_digest);
    else
        fsp_canon_nil(buf);
    fsp_canon_uint(buf, midstate->offset);
    fsp_canon_uint(buf, midstate->chunk_count);
    fsp_canon_uint(buf, midstate->chunk_new_count);
    size_t tail_bytes = 0;
    if (midstate->hashed) {
        fsp_canon_bin(buf, fsp_slice(midstate->hash.words, sizeof(midstate->hash.words)));
        tail_bytes = midstate->offset % FSP_SHA256_BLOCK_BYTES;
    } else {
        fsp_canon_nil(buf);
    }
    fsp_canon_bin(buf, fsp_slice(midstate->hash.tail, tail_bytes));
}

fsp_status_t
fsp_midstate_decode(fsp_slice_t bytes, fsp_midstate_t *ret)
{
    FSP_PRE(ret != NULL);
    fsp_midstate_t midstate = {.hashed = false};
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, MIDSTATE_FIELDS, MIDSTATE_FIELDS);
    uint64_t kind = fsp_canon_read_uint(&reader, FSP_ROOT_TREE);
    fsp_canon_read_id(&reader, &midstate.root_key);
    midstate.root_object_bytes = fsp_canon_read_uint(&reader, FSP_OBJECT_BYTES_MAX);
    if (!fsp_canon_read_nil(&reader)) {
        fsp_canon_read_id(&reader, &midstate.root_digest);
        if (fsp_hash_is_zero(midstate.root_digest))
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    midstate.offset = fsp_canon_read_uint(&reader, INT64_MAX);
    midstate.chunk_count = fsp_canon_read_uint(&reader, UINT64_MAX);
    midstate.chunk_new_count = fsp_canon_read_uint(&reader, UINT64_MAX);
    midstate.hashed = !fsp_canon_read_nil(&reader);
    if (midstate.hashed)
        fsp_canon_read_fixed(&reader, midstate.hash.words, sizeof(midstate.hash.words));
    fsp_slice_t tail = fsp_canon_read_bin(&reader, FSP_SHA256_BLOCK_BYTES - 1);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status != FSP_OK)
        return status;
    midstate.root_kind = (fsp_root_kind_t)kind;
    if (midstate.hashed)
        midstate.hash.bytes = midstate.offset;
    if ((kind != FSP_ROOT_CHUNK && kind != FSP_ROOT_TREE) || !midstate_valid(&midstate) ||
        tail.bytes != (midstate.hashed ? midstate.offset % FSP_SHA256_BLOCK_BYTES : 0) ||
        midstate.offset > FSP_SHA256_BYTES_MAX)
        return FSP_INVALID;
    if (tail.bytes)
        memcpy(midstate.hash.tail, tail.data, tail.bytes);
    *ret = midstate;
    return FSP_OK;
}
