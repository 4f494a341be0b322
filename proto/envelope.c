/* SPDX-License-Identifier: MIT */
/* envelope - the fixed first frame of every message.  Layer proto.  Pure.
 *
 * How to change: not at all within major version 1.  Flags are refused unless zero, so that a later
 * minor version can give them a meaning that an old program cannot overlook.
 */
#include "proto/envelope.h"

#include "core/base/check.h"

enum {
    AT_MAGIC = 0,
    AT_MAJOR = 3,
    AT_SERVICE = 4,
    AT_FLAGS = 5,
    AT_TYPE = 6,
    AT_REQUEST_ID = 8,
    AT_BODY_BYTES = 16,
    AT_END = 20
};
static_assert((int)AT_END == (int)FSP_ENVELOPE_BYTES, "the envelope is its fields");
static_assert(FSP_BODY_BYTES_MAX <= UINT32_MAX, "the length of a body is a u32");

static const uint8_t MAGIC[3] = {'F', 'S', 'P'};

void
fsp_envelope_encode(const fsp_envelope_t *envelope, uint8_t ret[FSP_ENVELOPE_BYTES])
{
    FSP_PRE(envelope);
    FSP_PRE(ret);
    FSP_PRE(envelope->body_bytes <= FSP_BODY_BYTES_MAX);
    memcpy(ret + AT_MAGIC, MAGIC, sizeof(MAGIC));
    ret[AT_MAJOR] = FSP_PROTOCOL_MAJOR;
    ret[AT_SERVICE] = envelope->service;
    ret[AT_FLAGS] = 0;
    fsp_store_u16(ret + AT_TYPE, envelope->type);
    fsp_store_u64(ret + AT_REQUEST_ID, envelope->request_id);
    fsp_store_u32(ret + AT_BODY_BYTES, envelope->body_bytes);
}

fsp_status_t
fsp_envelope_decode(fsp_slice_t frame, fsp_envelope_t *ret)
{
    FSP_PRE(ret);
    if (frame.bytes != FSP_ENVELOPE_BYTES || memcmp(frame.data, MAGIC, sizeof(MAGIC)) != 0)
        return FSP_INVALID;
    /* Before the flags: another major version may mean something by them. */
    if (frame.data[AT_MAJOR] != FSP_PROTOCOL_MAJOR)
        return FSP_UNSUPPORTED;
    if (frame.data[AT_FLAGS] != 0)
        return FSP_INVALID;
    uint32_t body_bytes = fsp_load_u32(frame.data + AT_BODY_BYTES);
    if (body_bytes > FSP_BODY_BYTES_MAX)
        return FSP_TOO_LARGE;
    *ret = (fsp_envelope_t){
        .service = frame.data[AT_SERVICE],
        .type = fsp_load_u16(frame.data + AT_TYPE),
        .request_id = fsp_load_u64(frame.data + AT_REQUEST_ID),
        .body_bytes = body_bytes,
    };
    return FSP_OK;
}
