/* SPDX-License-Identifier: MIT */
/* batch - rows that become durable together or not at all.  Layer core/base.
 *
 * Row descriptors lie in one array; keys and values lie in chunks that never move, so a descriptor
 * holds plain pointers and appending one batch to another moves no payload.
 */
#include "core/base/batch.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

enum {
    BATCH_CHUNK_BYTES_MIN = 1024,      /* most batches are one small command */
    BATCH_CHUNK_BYTES_MAX = 64 * 1024, /* doubling ends here: at most this much lies idle */
    BATCH_ROWS_MIN = 8
};

typedef struct chunk chunk_t;

struct chunk {
    chunk_t *next;
    size_t bytes; /* in use */
    size_t capacity;
    uint8_t data[];
};

struct fsp_batch {
    fsp_batch_row_t *rows;
    size_t count;
    size_t capacity;
    size_t bytes;       /* of all keys and values, those in blobs too */
    chunk_t *first;     /* new bytes go here; NULL before the first */
    chunk_t *last;      /* so that a list can be hung behind another */
    size_t chunk_bytes; /* capacity of the next chunk */
};

fsp_batch_t *
fsp_batch_new(void)
{
    fsp_batch_t *self = FSP_NEW(fsp_batch_t);
    self->chunk_bytes = BATCH_CHUNK_BYTES_MIN;
    return self;
}

void
fsp_batch_destroy(fsp_batch_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_batch_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        fsp_blob_destroy(&self->rows[i].blob);
    fsp_free(self->rows);
    while (self->first) {
        chunk_t *chunk = self->first;
        self->first = chunk->next;
        fsp_free(chunk);
    }
    fsp_free(self);
    *self_p = NULL;
}

static chunk_t *
new_chunk(size_t capacity)
{
    FSP_PRE(capacity <= SIZE_MAX - sizeof(chunk_t));
    chunk_t *chunk = fsp_alloc_raw(sizeof(*chunk) + capacity);
    chunk->next = NULL;
    chunk->bytes = 0;
    chunk->capacity = capacity;
    return chunk;
}

/* A chunk with room for bytes.  Large values get one of their own behind the first, so that the
   room left in the first is not lost. */
static chunk_t *
pick_chunk(fsp_batch_t *self, size_t bytes)
{
    if (self->first && bytes <= self->first->capacity - self->first->bytes)
        return self->first;
    if (self->first && bytes > self->chunk_bytes / 4) {
        chunk_t *own = new_chunk(bytes);
        own->next = self->first->next;
        self->first->next = own;
        if (self->last == self->first)
            self->last = own;
        return own;
    }
    chunk_t *chunk = new_chunk(bytes > self->chunk_bytes ? bytes : self->chunk_bytes);
    chunk->next = self->first;
    self->first = chunk;
    if (!self->last)
        self->last = chunk;
    if (self->chunk_bytes < BATCH_CHUNK_BYTES_MAX)
        self->chunk_bytes *= 2;
    return chunk;
}

static fsp_slice_t
keep(fsp_batch_t *self, fsp_slice_t slice)
{
    FSP_PRE(slice.data != NULL || slice.bytes == 0);
    if (slice.bytes == 0)
        return fsp_slice(NULL, 0);
    chunk_t *chunk = pick_chunk(self, slice.bytes);
    uint8_t *to = chunk->data + chunk->bytes;
    memcpy(to, slice.data, slice.bytes);
    chunk->bytes += slice.bytes;
    return fsp_slice(to, slice.bytes);
}

static void
reserve_rows(fsp_batch_t *self, size_t more)
{
    if (more <= self->capacity - self->count)
        return;
    size_t needed = self->count + more;
    size_t capacity = self->capacity ? self->capacity : BATCH_ROWS_MIN;
    while (capacity < needed)
        capacity *= 2;
    FSP_ASSERT(capacity <= SIZE_MAX / sizeof(fsp_batch_row_t));
    self->rows = fsp_realloc(self->rows, capacity * sizeof(fsp_batch_row_t));
    self->capacity = capacity;
}

static void
add_row(fsp_batch_t *self, fsp_batch_row_t row)
{
    FSP_PRE((unsigned)row.family < FSP_FAMILY_COUNT);
    reserve_rows(self, 1);
    self->rows[self->count++] = row;
    self->bytes += row.key.bytes + row.value.bytes;
}

void
fsp_batch_put(fsp_batch_t *self, fsp_family_t family, fsp_slice_t key, fsp_slice_t value)
{
    FSP_PRE(self != NULL);
    add_row(self, (fsp_batch_row_t){.op = FSP_ROW_PUT,
                                    .family = family,
                                    .key = keep(self, key),
                                    .value = keep(self, value)});
}

void
fsp_batch_put_blob(fsp_batch_t *self, fsp_family_t family, fsp_slice_t key, fsp_blob_t *blob)
{
    FSP_PRE(self != NULL);
    FSP_PRE(blob != NULL);
    add_row(self, (fsp_batch_row_t){.op = FSP_ROW_PUT,
                                    .family = family,
                                    .key = keep(self, key),
                                    .value = fsp_blob_slice(blob),
                                    .blob = fsp_blob_ref(blob)});
}

void
fsp_batch_delete(fsp_batch_t *self, fsp_family_t family, fsp_slice_t key)
{
    FSP_PRE(self != NULL);
    add_row(self,
            (fsp_batch_row_t){.op = FSP_ROW_DELETE, .family = family, .key = keep(self, key)});
}

void
fsp_batch_delete_range(fsp_batch_t *self, fsp_family_t family, fsp_slice_t from, fsp_slice_t to)
{
    FSP_PRE(self != NULL);
    /* Stores disagree on what a range that ends before it starts means. */
    FSP_PRE(fsp_slice_cmp(from, to) <= 0);
    add_row(self, (fsp_batch_row_t){.op = FSP_ROW_DELETE_RANGE,
                                    .family = family,
                                    .key = keep(self, from),
                                    .value = keep(self, to)});
}

void
fsp_batch_append(fsp_batch_t *self, fsp_batch_t **other_p)
{
    FSP_PRE(self != NULL);
    FSP_PRE(other_p != NULL);
    FSP_PRE(*other_p != NULL);
    FSP_PRE(*other_p != self);
    fsp_batch_t *other = *other_p;
    if (self->count == 0) {
        /* The common case of a group of one: nothing is copied at all. */
        fsp_batch_t empty = *self;
        *self = *other;
        *other = empty;
        fsp_batch_destroy(other_p);
        return;
    }
    if (other->count > 0) {
        reserve_rows(self, other->count);
        memcpy(self->rows + self->count, other->rows, other->count * sizeof(*other->rows));
        self->count += other->count;
        self->bytes += other->bytes;
    }
    if (other->first) {
        if (self->last)
            self->last->next = other->first;
        else
            self->first = other->first;
        self->last = other->last;
    }
    /* Rows, blobs and chunks have a new owner. */
    other->count = 0;
    other->first = NULL;
    fsp_batch_destroy(other_p);
}

size_t
fsp_batch_count(const fsp_batch_t *self)
{
    FSP_PRE(self != NULL);
    return self->count;
}

size_t
fsp_batch_bytes(const fsp_batch_t *self)
{
    FSP_PRE(self != NULL);
    return self->bytes;
}

fsp_batch_row_t
fsp_batch_row(const fsp_batch_t *self, size_t position)
{
    FSP_PRE(self != NULL);
    FSP_PRE(position < self->count);
    return self->rows[position];
}
