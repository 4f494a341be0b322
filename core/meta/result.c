/* SPDX-License-Identifier: MIT */
/* result - bytes of results and of carriers.  Layer core/meta.  Pure.
 *
 * Results are kept in operation rows and carriers are bound by version records, so both are for
 * ever: a new field is a longer array, and the reader takes the old length too.
 */
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/meta/command.h"
#include "core/meta/rows.h"

enum {
    CARRIER_FIELDS = 4,
    RESULT_FIELDS = 10,
    RESULT_FIELDS_HISTORY = 12,
    RESULT_FIELDS_NODE = 15,
    ITEM_FIELDS = 5
};

void
fsp_carrier_encode(const fsp_carrier_t *carrier, fsp_buf_t *buf)
{
    FSP_PRE(carrier);
    FSP_PRE(buf);
    fsp_canon_array(buf, CARRIER_FIELDS);
    fsp_canon_uint(buf, carrier->root_kind);
    fsp_canon_id(buf, carrier->root_key);
    if (carrier->root_kind == FSP_ROOT_INLINE)
        fsp_canon_bin(buf, carrier->inline_object);
    else
        fsp_canon_nil(buf);
    fsp_canon_bin(buf, carrier->sealed_part);
}

fsp_status_t
fsp_carrier_decode(fsp_slice_t bytes, fsp_carrier_t *ret)
{
    FSP_PRE(ret);
    if (bytes.bytes > FSP_CARRIER_BYTES_MAX)
        return FSP_TOO_LARGE;
    fsp_carrier_t carrier = {0};
    fsp_canon_t reader = fsp_canon_reader(bytes);
    (void)fsp_canon_read_array(&reader, CARRIER_FIELDS, CARRIER_FIELDS); /* sticky */
    uint64_t kind = fsp_canon_read_uint(&reader, FSP_ROOT_TREE);
    if (kind < FSP_ROOT_INLINE)
        fsp_canon_fail(&reader, FSP_INVALID);
    carrier.root_kind = (fsp_root_kind_t)kind;
    fsp_canon_read_id(&reader, &carrier.root_key);
    if (kind == FSP_ROOT_INLINE)
        carrier.inline_object = fsp_canon_read_bin(&reader, FSP_CARRIER_BYTES_MAX);
    else if (!fsp_canon_read_nil(&reader))
        fsp_canon_fail(&reader, FSP_INVALID);
    carrier.sealed_part = fsp_canon_read_bin(&reader, FSP_CARRIER_BYTES_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status)
        return status;
    *ret = carrier;
    return FSP_OK;
}

void
fsp_result_item_write(const fsp_result_item_t *item, fsp_buf_t *buf)
{
    fsp_canon_array(buf, ITEM_FIELDS);
    fsp_canon_uint(buf, item->kind);
    FSP_ROW_WRITE_ID(buf, item->file_id);
    FSP_ROW_WRITE_ID(buf, item->version_id);
    fsp_canon_uint(buf, item->number);
    fsp_canon_uint(buf, item->size);
}

void
fsp_result_item_next(fsp_canon_t *items, fsp_result_item_t *ret)
{
    (void)fsp_canon_read_array(items, ITEM_FIELDS, ITEM_FIELDS); /* sticky */
    ret->kind = (fsp_kind_t)fsp_canon_read_uint(items, FSP_KIND_SYMLINK);
    FSP_ROW_READ_ID(items, &ret->file_id);
    FSP_ROW_READ_ID(items, &ret->version_id);
    ret->number = fsp_canon_read_uint(items, UINT64_MAX);
    ret->size = fsp_canon_read_uint(items, INT64_MAX);
}

/* How many fields a result has: the shortest form that says all. */
static size_t
result_fields(const fsp_result_t *result)
{
    if (result->offset > 0 || result->failed > 0 || result->item_count > 0)
        return RESULT_FIELDS_NODE;
    return result->path.bytes > 0 || result->more ? RESULT_FIELDS_HISTORY : RESULT_FIELDS;
}

/* The fields behind the first ten. */
static void
write_longer(const fsp_result_t *result, size_t fields, fsp_buf_t *buf)
{
    if (fields == RESULT_FIELDS)
        return;
    fsp_canon_text(buf, result->path);
    fsp_canon_bool(buf, result->more);
    if (fields == RESULT_FIELDS_HISTORY)
        return;
    fsp_canon_uint(buf, result->offset);
    fsp_canon_uint(buf, result->failed);
    fsp_canon_array(buf, result->item_count);
    fsp_buf_append_slice(buf, result->items);
}

static void
read_longer(fsp_canon_t *reader, size_t fields, fsp_result_t *ret)
{
    if (fields == RESULT_FIELDS)
        return;
    ret->path = fsp_canon_read_text(reader, FSP_PATH_BYTES_MAX);
    ret->more = fsp_canon_read_bool(reader);
    if (fields == RESULT_FIELDS_NODE) {
        ret->offset = fsp_canon_read_uint(reader, INT64_MAX);
        ret->failed = (uint32_t)fsp_canon_read_uint(reader, FSP_BATCH_ITEMS_MAX);
        ret->item_count = fsp_canon_read_array(reader, 0, FSP_BATCH_ITEMS_MAX);
        const uint8_t *from = reader->at;
        fsp_result_item_t item;
        for (size_t i = 0; i < ret->item_count && reader->status == FSP_OK; i++)
            fsp_result_item_next(reader, &item);
        ret->items = fsp_slice(from, (size_t)(reader->at - from));
    }
    /* One encoding each: a longer form that says no more is none. */
    if (result_fields(ret) != fields)
        fsp_canon_fail(reader, FSP_INVALID);
}

void
fsp_result_encode(const fsp_result_t *result, fsp_buf_t *buf)
{
    FSP_PRE(result);
    FSP_PRE(buf);
    FSP_PRE(result->head_count <= FSP_HEADS_MAX);
    const size_t fields = result_fields(result);
    fsp_canon_array(buf, fields);
    fsp_canon_uint(buf, result->status);
    fsp_canon_uint(buf, result->index);
    fsp_canon_uint(buf, result->kind);
    FSP_ROW_WRITE_ID(buf, result->file_id);
    FSP_ROW_WRITE_ID(buf, result->version_id);
    fsp_canon_uint(buf, result->number);
    fsp_canon_uint(buf, result->size);
    fsp_canon_uint(buf, result->time);
    fsp_canon_array(buf, result->head_count);
    for (size_t i = 0; i < result->head_count; i++)
        fsp_canon_id(buf, result->heads[i]);
    fsp_canon_bool(buf, result->repeated);
    write_longer(result, fields, buf);
}

fsp_status_t
fsp_result_decode(fsp_slice_t bytes, fsp_result_t *ret)
{
    FSP_PRE(ret);
    if (bytes.bytes > FSP_RESULT_BYTES_MAX)
        return FSP_TOO_LARGE;
    fsp_result_t result = {0};
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, RESULT_FIELDS, RESULT_FIELDS_NODE);
    if (fields != RESULT_FIELDS && fields != RESULT_FIELDS_HISTORY && fields != RESULT_FIELDS_NODE)
        fsp_canon_fail(&reader, FSP_INVALID);
    uint64_t status = fsp_canon_read_uint(&reader, UINT16_MAX);
    if (!fsp_status_known((unsigned)status))
        fsp_canon_fail(&reader, FSP_INVALID);
    result.status = (fsp_status_t)status;
    result.index = fsp_canon_read_uint(&reader, UINT64_MAX);
    result.kind = (fsp_kind_t)fsp_canon_read_uint(&reader, FSP_KIND_SYMLINK);
    FSP_ROW_READ_ID(&reader, &result.file_id);
    FSP_ROW_READ_ID(&reader, &result.version_id);
    result.number = fsp_canon_read_uint(&reader, UINT64_MAX);
    result.size = fsp_canon_read_uint(&reader, INT64_MAX);
    result.time = fsp_canon_read_uint(&reader, UINT64_MAX);
    result.head_count = fsp_canon_read_array(&reader, 0, FSP_HEADS_MAX);
    for (size_t i = 0; i < result.head_count; i++)
        fsp_canon_read_id(&reader, &result.heads[i]);
    result.repeated = fsp_canon_read_bool(&reader);
    read_longer(&reader, fields, &result);
    fsp_status_t finished = fsp_canon_finish(&reader);
    if (finished)
        return finished;
    *ret = result;
    return FSP_OK;
}
