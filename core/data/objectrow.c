/* SPDX-License-Identifier: MIT */
/* objectrow - keys and rows of the object index (core/data/objects.h).  Layer core/data.  Pure.
 *
 * A row is on disk for years.  To change it: a new version number, and a reader that keeps the old.
 */
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/data/objects.h"

enum {
    ROW_VERSION = 1,
    ROW_FIELDS = 11,
    WHERE_OBJECT = 1, /* never renumbered */
    WHERE_BYTES = 2
};

static_assert(FSP_OBJECT_HEAD_BYTES == FSP_OBJECT_HEADER_BYTES + 2 * sizeof(fsp_hash_t),
              "a head is the header and two hashes");

void
fsp_object_row_key(unsigned slot_bits, fsp_space_id_t space_id, fsp_key_t key, uint8_t suffix,
                   fsp_buf_t *ret)
{
    FSP_PRE(slot_bits >= 1);
    FSP_PRE(slot_bits <= 32);
    FSP_PRE(ret != NULL);
    fsp_buf_append_u32(ret, fsp_load_u32(key.bytes) >> (32 - slot_bits));
    fsp_buf_append_slice(ret, FSP_SLICE_OF(space_id));
    fsp_buf_append_slice(ret, FSP_SLICE_OF(key));
    fsp_buf_append_u8(ret, suffix);
}

void
fsp_object_row_encode(const fsp_object_row_t *row, fsp_buf_t *ret)
{
    FSP_PRE(row != NULL);
    FSP_PRE(row->family == FSP_FAMILY_OBJECT || row->family == FSP_FAMILY_BYTES);
    const uint8_t *hashes = row->head + FSP_OBJECT_HEADER_BYTES;
    fsp_canon_array(ret, ROW_FIELDS);
    fsp_canon_uint(ret, ROW_VERSION);
    fsp_canon_uint(ret, row->kind);
    fsp_canon_uint(ret, row->open_bytes);
    fsp_canon_uint(ret, row->sealed_bytes);
    fsp_canon_uint(ret, row->family == FSP_FAMILY_BYTES ? WHERE_BYTES : WHERE_OBJECT);
    fsp_canon_uint(ret, row->stamp);
    fsp_canon_uint(ret, row->mark);
    fsp_canon_uint(ret, row->flags);
    fsp_canon_bin(ret, fsp_slice(hashes, sizeof(fsp_hash_t)));
    fsp_canon_bin(ret, fsp_slice(hashes + sizeof(fsp_hash_t), sizeof(fsp_hash_t)));
    fsp_canon_bin(ret, fsp_slice(row->head, FSP_OBJECT_HEADER_BYTES));
}

fsp_status_t
fsp_object_row_decode(fsp_slice_t bytes, fsp_object_row_t *ret)
{
    FSP_PRE(ret != NULL);
    fsp_object_row_t row = {0};
    fsp_canon_t reader = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&reader, 1, 64); /* a newer row may have more */
    uint64_t version = fsp_canon_read_uint(&reader, UINT32_MAX);
    if (version > ROW_VERSION)
        return FSP_FORMAT_NEWER;
    uint64_t kind = fsp_canon_read_uint(&reader, UINT8_MAX);
    row.open_bytes = fsp_canon_read_uint(&reader, UINT32_MAX);
    row.sealed_bytes = fsp_canon_read_uint(&reader, UINT64_MAX);
    uint64_t where = fsp_canon_read_uint(&reader, WHERE_BYTES);
    row.stamp = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.mark = fsp_canon_read_uint(&reader, UINT64_MAX);
    row.flags = fsp_canon_read_uint(&reader, UINT64_MAX);
    uint8_t *hashes = row.head + FSP_OBJECT_HEADER_BYTES;
    fsp_canon_read_fixed(&reader, hashes, sizeof(fsp_hash_t));
    fsp_canon_read_fixed(&reader, hashes + sizeof(fsp_hash_t), sizeof(fsp_hash_t));
    fsp_canon_read_fixed(&reader, row.head, FSP_OBJECT_HEADER_BYTES);
    if (fsp_canon_finish(&reader) != FSP_OK || version != ROW_VERSION || fields != ROW_FIELDS ||
        where < WHERE_OBJECT)
        return FSP_DAMAGED;
    row.family = where == WHERE_BYTES ? FSP_FAMILY_BYTES : FSP_FAMILY_OBJECT;
    /* What the header says must be what the row says. */
    fsp_object_header_t header;
    if (fsp_object_header_decode(fsp_slice(row.head, FSP_OBJECT_HEADER_BYTES), &header) != FSP_OK ||
        header.kind != kind || header.open_bytes != row.open_bytes ||
        fsp_object_sealed_bytes(&header) != row.sealed_bytes)
        return FSP_DAMAGED;
    row.kind = header.kind;
    *ret = row;
    return FSP_OK;
}
