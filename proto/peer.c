/* SPDX-License-Identifier: MIT */
/* peer - bodies of the services that nodes offer each other: shard and objects.  Layer proto. Pure.
 */
#include "proto/peer.h"

#include "core/base/canon.h"
#include "core/base/check.h"

void
fsp_object_put_encode(const fsp_object_put_t *put, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 4);
    fsp_canon_id(buf, put->space_id);
    fsp_canon_uint(buf, put->epoch);
    fsp_canon_uint(buf, put->layout_version);
    fsp_canon_id(buf, put->key);
}

fsp_status_t
fsp_object_put_decode(fsp_slice_t body, fsp_object_put_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_object_put_t put = {0};
    (void)fsp_canon_read_array(&reader, 4, 4);
    fsp_canon_read_id(&reader, &put.space_id);
    put.epoch = fsp_canon_read_uint(&reader, UINT64_MAX);
    put.layout_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &put.key);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        *ret = put;
    return status;
}

void
fsp_object_have_encode(const fsp_object_have_t *have, fsp_buf_t *buf)
{
    FSP_PRE(have->key_count <= FSP_HAVE_KEYS_MAX);
    fsp_canon_array(buf, 5);
    fsp_canon_id(buf, have->space_id);
    fsp_canon_uint(buf, have->epoch);
    fsp_canon_uint(buf, have->layout_version);
    fsp_canon_bin(buf, fsp_slice(have->keys, have->key_count * sizeof(fsp_key_t)));
    uint8_t lengths[FSP_HAVE_KEYS_MAX * 8];
    for (size_t i = 0; i < have->key_count; i++)
        fsp_store_u64(lengths + 8 * i, have->lengths[i]);
    fsp_canon_bin(buf, fsp_slice(lengths, have->key_count * 8));
}

fsp_status_t
fsp_object_have_decode(fsp_slice_t body, fsp_object_have_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    (void)fsp_canon_read_array(&reader, 5, 5);
    fsp_canon_read_id(&reader, &ret->space_id);
    ret->epoch = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->layout_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_slice_t keys = fsp_canon_read_bin(&reader, sizeof(ret->keys));
    fsp_slice_t lengths = fsp_canon_read_bin(&reader, FSP_HAVE_KEYS_MAX * 8);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status != FSP_OK)
        return status;
    if (keys.bytes % sizeof(fsp_key_t) != 0 ||
        lengths.bytes / 8 != keys.bytes / sizeof(fsp_key_t) || lengths.bytes % 8 != 0)
        return FSP_INVALID;
    ret->key_count = keys.bytes / sizeof(fsp_key_t);
    if (keys.bytes > 0)
        memcpy(ret->keys, keys.data, keys.bytes);
    for (size_t i = 0; i < ret->key_count; i++)
        ret->lengths[i] = fsp_load_u64(lengths.data + 8 * i);
    return FSP_OK;
}

void
fsp_object_have_answer_encode(const uint8_t *yes, size_t count, fsp_buf_t *buf)
{
    fsp_canon_bin(buf, fsp_slice(yes, count));
}

fsp_status_t
fsp_object_have_answer_decode(fsp_slice_t body, fsp_slice_t *ret_yes)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_slice_t yes = fsp_canon_read_bin(&reader, FSP_HAVE_KEYS_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        *ret_yes = yes;
    return status;
}

void
fsp_object_get_encode(const fsp_object_get_t *get, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 4);
    fsp_canon_id(buf, get->space_id);
    fsp_canon_id(buf, get->key);
    fsp_canon_uint(buf, get->from);
    fsp_canon_uint(buf, get->to);
}

fsp_status_t
fsp_object_get_decode(fsp_slice_t body, fsp_object_get_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_object_get_t get = {0};
    (void)fsp_canon_read_array(&reader, 4, 4);
    fsp_canon_read_id(&reader, &get.space_id);
    fsp_canon_read_id(&reader, &get.key);
    get.from = fsp_canon_read_uint(&reader, FSP_OBJECT_BYTES_MAX);
    get.to = fsp_canon_read_uint(&reader, FSP_OBJECT_BYTES_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK && get.to != 0 && get.to < get.from)
        status = FSP_BAD_RANGE;
    if (status == FSP_OK)
        *ret = get;
    return status;
}

void
fsp_object_got_encode(const fsp_object_got_t *got, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 4);
    fsp_canon_bin(buf, fsp_slice(got->head, sizeof(got->head)));
    fsp_canon_uint(buf, got->sealed_from);
    fsp_canon_uint(buf, got->sealed_bytes);
    fsp_canon_uint(buf, got->open_bytes);
}

fsp_status_t
fsp_object_got_decode(fsp_slice_t body, fsp_object_got_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_object_got_t got = {0};
    (void)fsp_canon_read_array(&reader, 4, 4);
    fsp_canon_read_fixed(&reader, got.head, sizeof(got.head));
    got.sealed_from = fsp_canon_read_uint(&reader, FSP_OBJECT_BYTES_MAX);
    got.sealed_bytes = fsp_canon_read_uint(&reader, FSP_OBJECT_BYTES_MAX);
    got.open_bytes = fsp_canon_read_uint(&reader, FSP_OBJECT_OPEN_BYTES_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK && got.sealed_from > got.sealed_bytes)
        status = FSP_INVALID;
    if (status == FSP_OK)
        *ret = got;
    return status;
}

void
fsp_object_mark_encode(const fsp_object_mark_t *mark, fsp_buf_t *buf)
{
    FSP_PRE(mark->key_count <= FSP_HAVE_KEYS_MAX);
    fsp_canon_array(buf, 6);
    fsp_canon_id(buf, mark->space_id);
    fsp_canon_uint(buf, mark->round);
    fsp_canon_uint(buf, mark->layout_version);
    if (fsp_store_id_is_zero(mark->store_id))
        fsp_canon_nil(buf);
    else
        fsp_canon_id(buf, mark->store_id);
    fsp_canon_bool(buf, mark->look);
    fsp_canon_bin(buf, fsp_slice(mark->keys, mark->key_count * sizeof(fsp_key_t)));
}

fsp_status_t
fsp_object_mark_decode(fsp_slice_t body, fsp_object_mark_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    (void)fsp_canon_read_array(&reader, 6, 6);
    fsp_canon_read_id(&reader, &ret->space_id);
    ret->round = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->layout_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    ret->store_id = (fsp_store_id_t){{0}};
    if (!fsp_canon_read_nil(&reader)) {
        fsp_canon_read_id(&reader, &ret->store_id);
        if (fsp_store_id_is_zero(ret->store_id))
            fsp_canon_fail(&reader, FSP_INVALID);
    }
    ret->look = fsp_canon_read_bool(&reader);
    fsp_slice_t keys = fsp_canon_read_bin(&reader, sizeof(ret->keys));
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status != FSP_OK)
        return status;
    if (keys.bytes % sizeof(fsp_key_t) != 0)
        return FSP_INVALID;
    ret->key_count = keys.bytes / sizeof(fsp_key_t);
    if (keys.bytes > 0)
        memcpy(ret->keys, keys.data, keys.bytes);
    return FSP_OK;
}

void
fsp_object_marked_encode(const fsp_object_marked_t *marked, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 2);
    fsp_canon_id(buf, marked->store_id);
    fsp_canon_bin(buf, marked->marks);
}

fsp_status_t
fsp_object_marked_decode(fsp_slice_t body, fsp_object_marked_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_object_marked_t marked;
    (void)fsp_canon_read_array(&reader, 2, 2);
    fsp_canon_read_id(&reader, &marked.store_id);
    marked.marks = fsp_canon_read_bin(&reader, FSP_HAVE_KEYS_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    for (size_t i = 0; status == FSP_OK && i < marked.marks.bytes; i++)
        if (marked.marks.data[i] > FSP_MARK_BEFORE)
            status = FSP_INVALID;
    if (status == FSP_OK)
        *ret = marked;
    return status;
}

void
fsp_object_done_encode(const fsp_object_done_t *done, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 4);
    fsp_canon_id(buf, done->space_id);
    fsp_canon_uint(buf, done->round);
    fsp_canon_uint(buf, done->layout_version);
    fsp_canon_id(buf, done->store_id);
}

fsp_status_t
fsp_object_done_decode(fsp_slice_t body, fsp_object_done_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_object_done_t done;
    (void)fsp_canon_read_array(&reader, 4, 4);
    fsp_canon_read_id(&reader, &done.space_id);
    done.round = fsp_canon_read_uint(&reader, UINT64_MAX);
    done.layout_version = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_canon_read_id(&reader, &done.store_id);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        *ret = done;
    return status;
}

void
fsp_object_gone_encode(const fsp_space_id_t *space_id, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 1);
    fsp_canon_id(buf, *space_id);
}

fsp_status_t
fsp_object_gone_decode(fsp_slice_t body, fsp_space_id_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_space_id_t space_id;
    (void)fsp_canon_read_array(&reader, 1, 1);
    fsp_canon_read_id(&reader, &space_id);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        *ret = space_id;
    return status;
}

void
fsp_object_swept_encode(const fsp_swept_t *swept, fsp_buf_t *buf)
{
    fsp_canon_array(buf, 4);
    fsp_canon_uint(buf, swept->objects);
    fsp_canon_uint(buf, swept->bytes);
    fsp_canon_uint(buf, swept->live);
    fsp_canon_uint(buf, swept->young);
}

fsp_status_t
fsp_object_swept_decode(fsp_slice_t body, fsp_swept_t *ret)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    fsp_swept_t swept;
    (void)fsp_canon_read_array(&reader, 4, 4);
    swept.objects = fsp_canon_read_uint(&reader, UINT64_MAX);
    swept.bytes = fsp_canon_read_uint(&reader, UINT64_MAX);
    swept.live = fsp_canon_read_uint(&reader, UINT64_MAX);
    swept.young = fsp_canon_read_uint(&reader, UINT64_MAX);
    fsp_status_t status = fsp_canon_finish(&reader);
    if (status == FSP_OK)
        *ret = swept;
    return status;
}

void
fsp_peer_error_encode(fsp_status_t status, fsp_buf_t *buf)
{
    FSP_PRE(status != FSP_OK);
    fsp_canon_array(buf, 2);
    fsp_canon_uint(buf, 1);
    fsp_canon_uint(buf, (uint64_t)status);
}

fsp_status_t
fsp_peer_error_decode(fsp_slice_t body)
{
    fsp_canon_t reader = fsp_canon_reader(body);
    (void)fsp_canon_read_array(&reader, 2, 2);
    if (fsp_canon_read_uint(&reader, 1) != 1)
        fsp_canon_fail(&reader, FSP_INVALID);
    uint64_t status = fsp_canon_read_uint(&reader, UINT32_MAX);
    if (fsp_canon_finish(&reader) != FSP_OK || status == FSP_OK ||
        !fsp_status_known((unsigned)status))
        return FSP_INVALID;
    return (fsp_status_t)status;
}
