/* SPDX-License-Identifier: MIT */
/* rows_node - leases in node rows, uploads and their roots.  Layer core/meta.  Pure. */
#include "core/base/check.h"
#include "core/meta/command_codec.h"
#include "core/meta/rows.h"

enum { LEASE_FIELDS = 3, UPLOAD_FIELDS = 12 };

void
fsp_lease_write(const fsp_lease_t *lease, fsp_buf_t *buf)
{
    if (lease->token == 0) {
        fsp_canon_nil(buf);
        return;
    }
    fsp_canon_array(buf, LEASE_FIELDS);
    fsp_canon_uint(buf, lease->token);
    fsp_canon_id(buf, lease->holder);
    fsp_canon_uint(buf, lease->expiry);
}

void
fsp_lease_read(fsp_canon_t *reader, fsp_lease_t *ret)
{
    *ret = (fsp_lease_t){0};
    if (fsp_canon_read_nil(reader))
        return;
    (void)fsp_canon_read_array(reader, LEASE_FIELDS, LEASE_FIELDS); /* sticky */
    ret->token = fsp_canon_read_uint(reader, UINT64_MAX);
    fsp_canon_read_id(reader, &ret->holder);
    ret->expiry = fsp_canon_read_uint(reader, UINT64_MAX);
    if (ret->token == 0)
        fsp_canon_fail(reader, FSP_INVALID); /* none has a shorter form */
}

/* One walk for both directions, as for commands: the fields are those that OPEN and APPEND bring.
 */
static void
code_upload(fsp_codec_t *codec, fsp_upload_row_t *row)
{
    const unsigned any = FSP_CODE_ALLOW(FSP_IF_REPLACE) | FSP_CODE_ALLOW(FSP_IF_EDIT) |
                         FSP_CODE_ALLOW(FSP_IF_MATCH) | FSP_CODE_ALLOW(FSP_IF_NONE_MATCH) |
                         FSP_CODE_ALLOW(FSP_IF_MERGE);
    fsp_code_array(codec, UPLOAD_FIELDS);
    FSP_CODE_ID(codec, &row->subject);
    fsp_code_target(codec, &row->target, false);
    fsp_code_condition(codec, &row->condition, any);
    fsp_code_u64(codec, &row->size, INT64_MAX);
    fsp_code_u64(codec, &row->offset, INT64_MAX);
    fsp_code_u64(codec, &row->before, INT64_MAX);
    fsp_code_optional(codec, row->tail.bytes, sizeof(row->tail.bytes));
    fsp_code_u64(codec, &row->tail_bytes, FSP_CHUNK_BYTES_MAX);
    fsp_code_bin(codec, &row->midstate, FSP_MIDSTATE_BYTES_MAX);
    fsp_code_u64(codec, &row->root_count, FSP_UPLOAD_ROOTS_MAX);
    fsp_code_u64(codec, &row->duration, FSP_LEASE_US_MAX);
    fsp_code_u64(codec, &row->expiry, UINT64_MAX);
    fsp_code_require(codec, row->tail_bytes <= row->offset, FSP_INVALID);
    fsp_code_require(codec, fsp_key_is_zero(row->tail) == (row->tail_bytes == 0), FSP_INVALID);
    fsp_code_require(codec, (row->midstate.bytes == 0) == (row->offset == 0), FSP_INVALID);
    fsp_code_require(codec, row->offset == 0 ? row->before == 0 : row->before < row->offset,
                     FSP_INVALID);
}

void
fsp_upload_row_encode(const fsp_upload_row_t *row, fsp_buf_t *buf)
{
    fsp_codec_t codec = {.out = buf};
    code_upload(&codec, (fsp_upload_row_t *)(uintptr_t)row); /* a writer only reads */
}

fsp_status_t
fsp_upload_row_decode(fsp_slice_t bytes, fsp_upload_row_t *ret)
{
    memset(ret, 0, sizeof(*ret));
    fsp_codec_t codec = {.in = fsp_canon_reader(bytes)};
    code_upload(&codec, ret);
    return fsp_canon_finish(&codec.in);
}

fsp_status_t
fsp_upload_root_decode(fsp_slice_t bytes, fsp_upload_root_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(bytes);
    fsp_upload_root_read(&reader, ret);
    return fsp_canon_finish(&reader);
}
