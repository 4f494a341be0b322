/* SPDX-License-Identifier: MIT */
/* journalrecord - the record under way: octets as they go to the file, aligned.  Layer store. */
#include "store/journalrecord.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "store/journal.h"

enum { CAPACITY_MIN = 64 * 1024 };

/* Room for a record of that many octets, with the zeros behind it. */
static void
need_room(fsp_journalrecord_t *self, uint64_t bytes)
{
    bytes = fsp_journalrecord_bytes(bytes); /* counts a head too many */
    if (bytes <= self->capacity)
        return;
    uint64_t capacity = self->capacity ? self->capacity : CAPACITY_MIN;
    while (capacity < bytes)
        capacity *= 2;
    uint8_t *memory = fsp_alloc_raw((size_t)capacity + FSP_JOURNAL_PAGE_BYTES);
    uint8_t *data = memory + (FSP_JOURNAL_PAGE_BYTES - (uintptr_t)memory % FSP_JOURNAL_PAGE_BYTES);
    if (self->payload_bytes > 0)
        memcpy(data, self->data, FSP_JOURNAL_HEAD_BYTES + (size_t)self->payload_bytes);
    fsp_free(self->memory);
    self->memory = memory;
    self->data = data;
    self->capacity = capacity;
}

void
fsp_journalrecord_put(fsp_journalrecord_t *self, const fsp_batch_row_t *row)
{
    uint64_t bytes = fsp_journalrow_bytes(row);
    FSP_PRE(bytes <= FSP_JOURNAL_PAYLOAD_BYTES_MAX - self->payload_bytes);
    uint64_t at = FSP_JOURNAL_HEAD_BYTES + self->payload_bytes;
    need_room(self, at + bytes);
    fsp_journalrow_encode(row, self->data + at);
    self->payload_bytes += bytes;
    self->row_count++;
}

fsp_slice_t
fsp_journalrecord_payload(const fsp_journalrecord_t *self)
{
    if (self->payload_bytes == 0)
        return fsp_slice(NULL, 0);
    return fsp_slice(self->data + FSP_JOURNAL_HEAD_BYTES, (size_t)self->payload_bytes);
}

const uint8_t *
fsp_journalrecord_finish(fsp_journalrecord_t *self, fsp_journalhead_t *head)
{
    uint64_t end = FSP_JOURNAL_HEAD_BYTES + self->payload_bytes;
    need_room(self, end);
    memset(self->data + end, 0, (size_t)(fsp_journalrecord_bytes(self->payload_bytes) - end));
    head->payload_bytes = (uint32_t)self->payload_bytes;
    head->row_count = self->row_count;
    head->hash = fsp_journal_hash(fsp_journalrecord_payload(self));
    fsp_journalhead_encode(head, self->data);
    return self->data;
}

void
fsp_journalrecord_reset(fsp_journalrecord_t *self)
{
    self->payload_bytes = 0;
    self->row_count = 0;
}

void
fsp_journalrecord_rest(fsp_journalrecord_t *self, uint64_t bytes_max)
{
    if (self->row_count > 0 || self->capacity <= bytes_max)
        return;
    fsp_free(self->memory);
    self->memory = self->data = NULL;
    self->capacity = 0;
}
