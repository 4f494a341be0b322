/* SPDX-License-Identifier: MIT */
/* journalrow - the octets of the journal: heads of records, and rows.  Layer store.  Pure. */
#include "store/journalrow.h"

#include "core/base/check.h"
#include "core/base/limits.h"
#include "store/journal.h"

#include <xxhash.h>

#include <assert.h>

enum {
    AT_FORMAT = 4,
    AT_FILE = 8,
    AT_SEQUENCE = 16,
    AT_PREVIOUS = 24,
    AT_OLDEST = 32,
    AT_KEPT = 40,
    AT_PAYLOAD_BYTES = 72,
    AT_ROW_COUNT = 76,
    AT_HASH = 80,
    AT_CHECKSUM = 88,
    ROW_HEAD_BYTES = 8, /* then the hash of a put of LOG */
    ROW_HASH_BYTES = 8
};

static_assert(ROW_HEAD_BYTES + ROW_HASH_BYTES == FSP_JOURNAL_ROW_BYTES, "what a row costs");
static_assert(FSP_ROW_KEY_BYTES_MAX <= UINT16_MAX, "the octets of a key fit their field");

static const uint8_t magic[4] = {'F', 'S', 'J', 'R'};
/* Those whose kept is said, in this order. */
static const fsp_family_t kept_families[] = {FSP_FAMILY_LOCAL, FSP_FAMILY_STATE, FSP_FAMILY_OBJECT,
                                             FSP_FAMILY_BYTES};
enum { KEPT_COUNT = sizeof(kept_families) / sizeof(kept_families[0]) };
static_assert(AT_KEPT + 8 * KEPT_COUNT == AT_PAYLOAD_BYTES, "kept has its room");

uint64_t
fsp_journalrecord_bytes(uint64_t payload_bytes)
{
    uint64_t all = FSP_JOURNAL_HEAD_BYTES + payload_bytes;
    return (all + FSP_JOURNAL_PAGE_BYTES - 1) / FSP_JOURNAL_PAGE_BYTES * FSP_JOURNAL_PAGE_BYTES;
}

uint64_t
fsp_journal_hash(fsp_slice_t octets)
{
    return XXH3_64bits(octets.data, octets.bytes);
}

/* -- heads ------------------------------------------------------------------------------------- */

static bool
head_fits(const fsp_journalhead_t *head)
{
    return head->file > 0 && head->oldest > 0 && head->oldest <= head->file && head->sequence > 0 &&
           head->sequence >= head->previous &&
           (head->sequence > head->previous || head->row_count == 0) &&
           head->payload_bytes <= FSP_JOURNAL_PAYLOAD_BYTES_MAX &&
           (head->row_count == 0) == (head->payload_bytes == 0);
}

void
fsp_journalhead_encode(const fsp_journalhead_t *head, uint8_t ret[FSP_JOURNAL_HEAD_BYTES])
{
    FSP_PRE(head_fits(head));
    memcpy(ret, magic, sizeof(magic));
    fsp_store_u32(ret + AT_FORMAT, FSP_JOURNAL_FORMAT);
    fsp_store_u64(ret + AT_FILE, head->file);
    fsp_store_u64(ret + AT_SEQUENCE, head->sequence);
    fsp_store_u64(ret + AT_PREVIOUS, head->previous);
    fsp_store_u64(ret + AT_OLDEST, head->oldest);
    for (size_t i = 0; i < KEPT_COUNT; i++)
        fsp_store_u64(ret + AT_KEPT + 8 * i, head->kept[kept_families[i]]);
    fsp_store_u32(ret + AT_PAYLOAD_BYTES, head->payload_bytes);
    fsp_store_u32(ret + AT_ROW_COUNT, head->row_count);
    fsp_store_u64(ret + AT_HASH, head->hash);
    fsp_store_u64(ret + AT_CHECKSUM, XXH3_64bits(ret, AT_CHECKSUM));
}

fsp_status_t
fsp_journalhead_decode(const uint8_t octets[FSP_JOURNAL_HEAD_BYTES], fsp_journalhead_t *ret)
{
    if (memcmp(octets, magic, sizeof(magic)) != 0 ||
        fsp_load_u32(octets + AT_FORMAT) != FSP_JOURNAL_FORMAT ||
        fsp_load_u64(octets + AT_CHECKSUM) != XXH3_64bits(octets, AT_CHECKSUM))
        return FSP_NOT_FOUND;
    fsp_journalhead_t head = {.file = fsp_load_u64(octets + AT_FILE),
                              .sequence = fsp_load_u64(octets + AT_SEQUENCE),
                              .previous = fsp_load_u64(octets + AT_PREVIOUS),
                              .oldest = fsp_load_u64(octets + AT_OLDEST),
                              .payload_bytes = fsp_load_u32(octets + AT_PAYLOAD_BYTES),
                              .row_count = fsp_load_u32(octets + AT_ROW_COUNT),
                              .hash = fsp_load_u64(octets + AT_HASH)};
    for (size_t i = 0; i < KEPT_COUNT; i++)
        head.kept[kept_families[i]] = fsp_load_u64(octets + AT_KEPT + 8 * i);
    if (!head_fits(&head))
        return FSP_NOT_FOUND;
    *ret = head;
    return FSP_OK;
}

/* -- rows -------------------------------------------------------------------------------------- */

/* Octets of a row before its key. */
static size_t
head_bytes(const fsp_batch_row_t *row)
{
    bool hashed = row->family == FSP_FAMILY_LOG && row->op == FSP_ROW_PUT;
    return ROW_HEAD_BYTES + (hashed ? (size_t)ROW_HASH_BYTES : 0);
}

/* What the functions of a batch make, too. */
static bool
row_fits(const fsp_batch_row_t *row)
{
    if (row->family == FSP_FAMILY_STATE || (unsigned)row->family >= FSP_FAMILY_COUNT ||
        row->key.bytes > FSP_ROW_KEY_BYTES_MAX)
        return false;
    switch (row->op) {
    case FSP_ROW_PUT:
        return row->value.bytes <= FSP_JOURNAL_PAYLOAD_BYTES_MAX;
    case FSP_ROW_DELETE:
        return row->value.bytes == 0;
    case FSP_ROW_DELETE_RANGE:
        return row->value.bytes <= FSP_ROW_KEY_BYTES_MAX &&
               fsp_slice_cmp(row->key, row->value) <= 0;
    default:
        return false;
    }
}

uint64_t
fsp_journalrow_bytes(const fsp_batch_row_t *row)
{
    return head_bytes(row) + (uint64_t)row->key.bytes + row->value.bytes;
}

void
fsp_journalrow_encode(const fsp_batch_row_t *row, uint8_t *ret)
{
    FSP_PRE(row_fits(row));
    ret[0] = (uint8_t)row->op;
    ret[1] = (uint8_t)row->family;
    fsp_store_u16(ret + 2, (uint16_t)row->key.bytes);
    fsp_store_u32(ret + 4, (uint32_t)row->value.bytes);
    uint8_t *key = ret + head_bytes(row);
    if (row->key.bytes > 0)
        memcpy(key, row->key.data, row->key.bytes);
    if (row->value.bytes > 0)
        memcpy(key + row->key.bytes, row->value.data, row->value.bytes);
    if (head_bytes(row) > ROW_HEAD_BYTES)
        fsp_store_u64(ret + ROW_HEAD_BYTES, XXH3_64bits(key, row->key.bytes + row->value.bytes));
}

fsp_status_t
fsp_journalrow_next(fsp_slice_t payload, size_t *at, fsp_journalrow_t *ret)
{
    FSP_PRE(*at <= payload.bytes);
    size_t left = payload.bytes - *at;
    if (left == 0)
        return FSP_NOT_FOUND;
    const uint8_t *head = payload.data + *at;
    if (left < ROW_HEAD_BYTES)
        return FSP_DAMAGED;
    fsp_journalrow_t found = {
        .row = {.op = (fsp_row_op_t)head[0], .family = (fsp_family_t)head[1]}};
    size_t before = head_bytes(&found.row);
    uint64_t key_bytes = fsp_load_u16(head + 2), value_bytes = fsp_load_u32(head + 4);
    if (left < before + key_bytes + value_bytes)
        return FSP_DAMAGED;
    found.row.key = fsp_slice(head + before, (size_t)key_bytes);
    found.row.value = fsp_slice(head + before + key_bytes, (size_t)value_bytes);
    if (!row_fits(&found.row))
        return FSP_DAMAGED;
    found.at = (uint32_t)(*at + before);
    found.hash = before > ROW_HEAD_BYTES ? fsp_load_u64(head + ROW_HEAD_BYTES) : 0;
    *at += before + (size_t)(key_bytes + value_bytes);
    *ret = found;
    return FSP_OK;
}
