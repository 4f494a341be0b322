/* SPDX-License-Identifier: MIT */
/* details - the small sealed records.  Layer core/data. */
#include "core/data/details.h"

#include "core/base/canon.h"
#include "core/base/check.h"

enum { DETAILS_FIELDS = 4, ATTR_FIELDS = 3, MODE_MAX = 07777, NANOSECONDS_MAX = 999999999 };
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
