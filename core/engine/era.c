/* SPDX-License-Identifier: MIT */
/* era - which history of the mesh a number belongs to.  Layer core/engine.  Pure. */
#include "core/engine/era.h"

#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"

#include <assert.h>

enum { RECORD_VERSION = 1, RECORD_FIELDS = 4, SHARD_FIELDS = 3, PAIR = 2 };

static_assert(64 + FSP_ERA_SURVIVORS_MAX * (1 + 34 + 18) + FSP_ERA_SHARDS_MAX * (1 + 5 + 9 + 9) <=
                  FSP_ERA_RECORD_BYTES_MAX,
              "the largest record fits");

/* -- order ------------------------------------------------------------------------------------- */

fsp_era_order_t
fsp_era_compare(const fsp_era_t *own, const fsp_era_t *other)
{
    FSP_PRE(own);
    FSP_PRE(other);
    if (own->number != other->number)
        return other->number < own->number ? FSP_ERA_OLDER : FSP_ERA_NEWER;
    return fsp_hash_eq(own->hash, other->hash) ? FSP_ERA_SAME : FSP_ERA_FORKED;
}

fsp_era_order_t
fsp_era_value_compare(const fsp_era_value_t *own, const fsp_era_value_t *other)
{
    FSP_PRE(own);
    FSP_PRE(other);
    fsp_era_order_t order = fsp_era_compare(&own->era, &other->era);
    if (order != FSP_ERA_SAME || own->value == other->value)
        return order;
    return other->value < own->value ? FSP_ERA_OLDER : FSP_ERA_NEWER;
}

fsp_status_t
fsp_era_cursor(const fsp_era_t *own, const fsp_era_t *cursor)
{
    switch (fsp_era_compare(own, cursor)) {
    case FSP_ERA_SAME:
        return FSP_OK;
    case FSP_ERA_OLDER:
        return FSP_GONE;
    case FSP_ERA_NEWER:
        return FSP_STALE;
    case FSP_ERA_FORKED:
        return FSP_MISMATCH;
    }
    FSP_UNREACHABLE();
}

fsp_status_t
fsp_era_step(uint64_t value, uint64_t step, uint64_t *ret)
{
    FSP_PRE(ret);
    FSP_PRE(step > 0);
    if (value >= UINT64_MAX - step)
        return FSP_TOO_LARGE;
    *ret = value + step;
    return FSP_OK;
}

/* -- record ------------------------------------------------------------------------------------ */

void
fsp_era_record_clear(fsp_era_record_t *self)
{
    FSP_PRE(self);
    fsp_free(self->survivors);
    fsp_free(self->shards);
    *self = (fsp_era_record_t){0};
}

static bool
ascend(const fsp_era_record_t *record)
{
    for (size_t i = 1; i < record->survivor_count; i++)
        if (fsp_node_id_cmp(record->survivors[i - 1].node_id, record->survivors[i].node_id) >= 0)
            return false;
    for (size_t i = 1; i < record->shard_count; i++)
        if (record->shards[i - 1].shard >= record->shards[i].shard)
            return false;
    return true;
}

void
fsp_era_record_encode(const fsp_era_record_t *record, fsp_buf_t *buf)
{
    FSP_PRE(record && buf);
    FSP_PRE(record->survivor_count <= FSP_ERA_SURVIVORS_MAX);
    FSP_PRE(record->shard_count <= FSP_ERA_SHARDS_MAX);
    FSP_PRE(ascend(record));
    fsp_canon_array(buf, RECORD_FIELDS);
    fsp_canon_uint(buf, RECORD_VERSION);
    fsp_canon_array(buf, PAIR);
    fsp_canon_uint(buf, record->previous.number);
    fsp_canon_id(buf, record->previous.hash);
    fsp_canon_array(buf, record->survivor_count);
    for (size_t i = 0; i < record->survivor_count; i++) {
        fsp_canon_array(buf, PAIR);
        fsp_canon_id(buf, record->survivors[i].node_id);
        fsp_canon_id(buf, record->survivors[i].store_id);
    }
    fsp_canon_array(buf, record->shard_count);
    for (size_t i = 0; i < record->shard_count; i++) {
        fsp_canon_array(buf, SHARD_FIELDS);
        fsp_canon_uint(buf, record->shards[i].shard);
        fsp_canon_uint(buf, record->shards[i].last_term);
        fsp_canon_uint(buf, record->shards[i].last_index);
    }
}

static void
read_lists(fsp_canon_t *in, fsp_era_record_t *ret)
{
    ret->survivor_count = fsp_canon_read_array(in, 1, FSP_ERA_SURVIVORS_MAX);
    ret->survivors = fsp_alloc_array(ret->survivor_count, sizeof(*ret->survivors));
    for (size_t i = 0; i < ret->survivor_count; i++) {
        (void)fsp_canon_read_array(in, PAIR, PAIR); /* sticky */
        fsp_canon_read_id(in, &ret->survivors[i].node_id);
        fsp_canon_read_id(in, &ret->survivors[i].store_id);
    }
    ret->shard_count = fsp_canon_read_array(in, 1, FSP_ERA_SHARDS_MAX);
    ret->shards = fsp_alloc_array(ret->shard_count, sizeof(*ret->shards));
    for (size_t i = 0; i < ret->shard_count; i++) {
        (void)fsp_canon_read_array(in, SHARD_FIELDS, SHARD_FIELDS);
        ret->shards[i].shard = (uint32_t)fsp_canon_read_uint(in, UINT32_MAX);
        ret->shards[i].last_term = fsp_canon_read_uint(in, UINT64_MAX);
        ret->shards[i].last_index = fsp_canon_read_uint(in, UINT64_MAX);
    }
}

fsp_status_t
fsp_era_record_decode(fsp_slice_t bytes, fsp_era_record_t *ret)
{
    FSP_PRE(ret);
    if (bytes.bytes > FSP_ERA_RECORD_BYTES_MAX)
        return FSP_TOO_LARGE;
    fsp_canon_t in = fsp_canon_reader(bytes);
    size_t fields = fsp_canon_read_array(&in, 1, RECORD_FIELDS + 16);
    uint64_t version = fsp_canon_read_uint(&in, UINT32_MAX);
    if (in.status == FSP_OK && version > RECORD_VERSION)
        return FSP_FORMAT_NEWER;
    if (in.status == FSP_OK && (version == 0 || fields != RECORD_FIELDS))
        return FSP_INVALID;
    fsp_era_record_t record = {0};
    (void)fsp_canon_read_array(&in, PAIR, PAIR);
    record.previous.number = fsp_canon_read_uint(&in, UINT64_MAX - 1);
    fsp_canon_read_id(&in, &record.previous.hash);
    read_lists(&in, &record);
    fsp_status_t status = fsp_canon_finish(&in);
    if (status == FSP_OK && !ascend(&record))
        status = FSP_INVALID;
    if (status)
        fsp_era_record_clear(&record);
    else
        *ret = record;
    return status;
}

fsp_era_t
fsp_era_of(const fsp_era_record_t *record)
{
    FSP_PRE(record);
    FSP_PRE(record->previous.number < UINT64_MAX);
    FSP_AUTO(fsp_buf_clear) fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_ERA_RECORD_BYTES_MAX);
    fsp_era_record_encode(record, &bytes);
    FSP_ASSERT(fsp_buf_ok(&bytes));
    return (fsp_era_t){.number = record->previous.number + 1,
                       .hash = fsp_sha256(fsp_buf_slice(&bytes))};
}
