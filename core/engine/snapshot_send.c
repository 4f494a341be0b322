/* SPDX-License-Identifier: MIT */
/* snapshot_send - rows of a frozen view as frames.  Layer core/engine.  Pure. */
#include "core/engine/snapshot_send.h"

#include "core/base/alloc.h"
#include "core/base/canon.h"
#include "core/base/check.h"
#include "core/crypto/digest.h"

void
fsp_snapshot_digest(fsp_hash_t *digest, fsp_slice_t key, fsp_slice_t value)
{
    uint8_t bytes[4];
    fsp_store_u32(bytes, (uint32_t)key.bytes);
    const fsp_slice_t pieces[] = {FSP_SLICE_OF(*digest), fsp_slice(bytes, sizeof(bytes)), key,
                                  value};
    *digest = fsp_sha256_pieces(pieces, 4);
}

static fsp_snapshot_place_t *
place_of(fsp_snapshot_send_t *self, uint64_t position)
{
    return &self->places[position % (FSP_SNAPSHOT_WINDOW + 1)];
}

fsp_snapshot_send_t *
fsp_snapshot_send_new(uint64_t replica, uint64_t id, fsp_view_t *view, fsp_shard_ref_t shard,
                      fsp_status_t *ret_status)
{
    FSP_PRE(view && ret_status);
    FSP_AUTO(fsp_snapshot_send_destroy) fsp_snapshot_send_t *self = FSP_NEW(fsp_snapshot_send_t);
    self->replica = replica;
    self->id = id;
    self->shard = shard;
    self->frozen = fsp_view_freeze(view);
    FSP_ASSERT(self->frozen); /* the shell's state view can be frozen */
    fsp_shard_row_t row;
    *ret_status = fsp_meta_shard_row(shard, self->frozen, &row);
    if (*ret_status)
        return NULL;
    self->index = row.applied_index;
    self->term = row.applied_term;
    fsp_snapshot_send_t *made = self;
    self = NULL;
    return made;
}

void
fsp_snapshot_send_destroy(fsp_snapshot_send_t **self_p)
{
    FSP_PRE(self_p);
    if (!*self_p)
        return;
    fsp_view_thaw(&(*self_p)->frozen);
    fsp_free(*self_p);
    *self_p = NULL;
}

bool
fsp_snapshot_send_done(const fsp_snapshot_send_t *self)
{
    return self->end != 0 && self->acked == self->end;
}

bool
fsp_snapshot_send_open(const fsp_snapshot_send_t *self)
{
    return self->sent - self->acked < FSP_SNAPSHOT_WINDOW &&
           (self->end == 0 || self->sent < self->end);
}

/* Keys of the shard's rows behind `after`. */
static void
range(const fsp_snapshot_send_t *self, const fsp_snapshot_place_t *after, fsp_row_key_t *ret_from,
      fsp_row_key_t *ret_to)
{
    *ret_from = (fsp_row_key_t){.used = FSP_SNAPSHOT_PREFIX_BYTES};
    fsp_store_u32(ret_from->bytes, self->shard.shard);
    fsp_store_u32(ret_from->bytes + 4, self->shard.generation);
    *ret_to = *ret_from;
    fsp_row_key_to_prefix_end(ret_to);
    if (after->after_bytes == 0)
        return;
    static const uint8_t nul[1] = {0};
    fsp_row_key_add(ret_from, fsp_slice(after->after, after->after_bytes));
    fsp_row_key_add(ret_from, fsp_slice(nul, sizeof(nul))); /* the next possible key */
}

fsp_status_t
fsp_snapshot_send_next(fsp_snapshot_send_t *self, fsp_replica_frame_t *ret)
{
    FSP_PRE(fsp_snapshot_send_open(self));
    *ret = (fsp_replica_frame_t){.id = self->id, .position = self->sent};
    if (self->sent == 0)
        ret->conf = self->conf;
    fsp_snapshot_place_t place = *place_of(self, self->sent);
    fsp_row_key_t from, to;
    range(self, &place, &from, &to);
    fsp_buf_t rows;
    fsp_buf_init(&rows, FSP_SNAPSHOT_FRAME_BYTES + FSP_VALUE_BYTES_MAX + FSP_ROW_KEY_BYTES_MAX);
    FSP_AUTO(fsp_cursor_destroy)
    fsp_cursor_t *cursor =
        fsp_view_scan(self->frozen, fsp_row_key_slice(&from), fsp_row_key_slice(&to));
    for (; cursor->valid && rows.bytes < FSP_SNAPSHOT_FRAME_BYTES; fsp_cursor_next(cursor)) {
        FSP_ASSERT(cursor->key.bytes > FSP_SNAPSHOT_PREFIX_BYTES);
        fsp_slice_t key = fsp_slice(cursor->key.data + FSP_SNAPSHOT_PREFIX_BYTES,
                                    cursor->key.bytes - FSP_SNAPSHOT_PREFIX_BYTES);
        fsp_canon_bin(&rows, key);
        fsp_canon_bin(&rows, cursor->value);
        fsp_snapshot_digest(&place.digest, key, cursor->value);
        memcpy(place.after, key.data, key.bytes);
        place.after_bytes = key.bytes;
    }
    fsp_status_t status = cursor->status;
    FSP_ASSERT(fsp_buf_ok(&rows));
    if (!status) {
        ret->last = !cursor->valid;
        ret->digest = place.digest;
        ret->rows = fsp_blob_copy(rows.data, rows.bytes);
        self->sent++;
        *place_of(self, self->sent) = place;
        if (ret->last)
            self->end = self->sent;
        if (self->sent > self->farthest)
            self->farthest = self->sent;
    }
    fsp_buf_clear(&rows);
    return status;
}

void
fsp_snapshot_send_again(fsp_snapshot_send_t *self)
{
    self->sent = self->acked;
}

bool
fsp_snapshot_send_took(fsp_snapshot_send_t *self, uint64_t position)
{
    if (position > self->farthest)
        return false;
    if (position == 0 && self->acked > 0) {
        /* The receiver began anew. */
        self->acked = 0;
        self->sent = 0;
        *place_of(self, 0) = (fsp_snapshot_place_t){0};
        return true;
    }
    if (position <= self->acked)
        return position == self->acked;
    if (position > self->sent)
        return false; /* out at some time, but gone back behind it since */
    self->acked = position;
    return true;
}
