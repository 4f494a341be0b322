/* SPDX-License-Identifier: MIT */
/* rowcache - the rows read last, above a view that is slow.  Layer core/base.
 *
 * A hash table of sets of WAYS rows.  The row that makes room in a full set is the first one, from
 * where the last search ended, that was not read since that search passed it.  Keys that somebody
 * chose to meet in one set only make the cache useless, not wrong.
 */
#include "core/base/rowcache.h"

#include "core/base/alloc.h"
#include "core/base/check.h"

#include <assert.h>

enum { WAYS = 4 };

typedef struct {
    uint64_t hash;
    uint16_t key_bytes, value_bytes;
    uint16_t room;  /* for both */
    bool read;      /* since the hand passed it */
    uint8_t data[]; /* key, value */
} row_t;
static_assert(FSP_ROWCACHE_BYTES_MAX <= UINT16_MAX, "lengths of a row");

struct fsp_rowcache {
    fsp_view_t view; /* first: a view of it is it */
    fsp_view_t *base;
    size_t set_count; /* a power of two */
    row_t **rows;     /* set_count * WAYS, NULL: free */
    uint8_t *hands;   /* of each set */
};

/* Of no use but to find a set: eight bytes a turn. */
static uint64_t
hash_of(fsp_slice_t key)
{
    uint64_t hash = key.bytes;
    size_t at = 0;
    for (; at + 8 <= key.bytes; at += 8) {
        hash = (hash ^ fsp_load_u64(key.data + at)) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    for (; at < key.bytes; at++)
        hash = (hash ^ key.data[at]) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

static row_t **
set_of(const fsp_rowcache_t *self, uint64_t hash)
{
    return self->rows + (hash & (self->set_count - 1)) * WAYS;
}

/* The place of what is kept under the key, NULL: nothing is. */
static row_t **
find(const fsp_rowcache_t *self, fsp_slice_t key, uint64_t hash)
{
    row_t **set = set_of(self, hash);
    for (size_t i = 0; i < WAYS; i++) {
        const row_t *row = set[i];
        if (row && row->hash == hash && fsp_slice_eq(fsp_slice(row->data, row->key_bytes), key))
            return &set[i];
    }
    return NULL;
}

static void
drop(row_t **place)
{
    fsp_free(*place);
    *place = NULL;
}

static bool
fits(fsp_slice_t key, fsp_slice_t value)
{
    return key.bytes <= FSP_ROWCACHE_BYTES_MAX && value.bytes <= FSP_ROWCACHE_BYTES_MAX - key.bytes;
}

static void
keep_at(row_t **place, fsp_slice_t key, uint64_t hash, fsp_slice_t value)
{
    size_t bytes = key.bytes + value.bytes;
    row_t *row = *place;
    if (!row || row->room < bytes) {
        fsp_free(row);
        row = *place = fsp_alloc_raw(sizeof(*row) + bytes);
        row->room = (uint16_t)bytes;
    }
    row->hash = hash;
    row->read = false;
    row->key_bytes = (uint16_t)key.bytes;
    row->value_bytes = (uint16_t)value.bytes;
    if (key.bytes)
        memcpy(row->data, key.data, key.bytes);
    if (value.bytes)
        memcpy(row->data + key.bytes, value.data, value.bytes);
}

/* A free place of the set, or one that has to make room. */
static row_t **
find_place(fsp_rowcache_t *self, uint64_t hash)
{
    row_t **set = set_of(self, hash);
    for (size_t i = 0; i < WAYS; i++)
        if (!set[i])
            return &set[i];
    uint8_t *hand = &self->hands[hash & (self->set_count - 1)];
    for (;;) { /* ends in the second round at the latest */
        row_t **place = &set[*hand];
        *hand = (uint8_t)((*hand + 1) % WAYS);
        if (!(*place)->read)
            return place;
        (*place)->read = false;
    }
}

#ifdef FSP_SLOW_CHECKS
/* Is what is kept what the base says?  A base that cannot be read says nothing. */
static bool
is_as_in_base(const fsp_rowcache_t *self, fsp_slice_t key, const row_t *row)
{
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_ROWCACHE_BYTES_MAX);
    fsp_status_t status = fsp_view_get(self->base, key, &value);
    bool same =
        status == FSP_IO || status == FSP_DAMAGED ||
        (status == FSP_OK && fsp_slice_eq(fsp_buf_slice(&value),
                                          fsp_slice(row->data + row->key_bytes, row->value_bytes)));
    fsp_buf_clear(&value);
    return same;
}
#endif

static fsp_status_t
get_value(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    fsp_rowcache_t *self = (fsp_rowcache_t *)view;
    uint64_t hash = hash_of(key);
    row_t **place = find(self, key, hash);
    if (place) {
        row_t *row = *place;
        row->read = true;
        FSP_CHECK_SLOW(is_as_in_base(self, key, row));
        fsp_buf_append(ret_value, row->data + row->key_bytes, row->value_bytes);
        return fsp_buf_ok(ret_value) ? FSP_OK : FSP_TOO_LARGE;
    }
    size_t before = ret_value->bytes;
    fsp_status_t status = fsp_view_get(self->base, key, ret_value);
    if (status != FSP_OK)
        return status;
    fsp_slice_t value = fsp_slice(ret_value->data + before, ret_value->bytes - before);
    if (fits(key, value))
        keep_at(find_place(self, hash), key, hash, value);
    return FSP_OK;
}

static fsp_cursor_t *
scan_rows(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    return fsp_view_scan(((fsp_rowcache_t *)view)->base, from, to);
}

fsp_rowcache_t *
fsp_rowcache_new(fsp_view_t *base, size_t rows_max)
{
    static const fsp_view_ops_t ops = {.get = get_value, .scan = scan_rows};
    FSP_PRE(base != NULL);
    FSP_PRE(rows_max >= WAYS && (rows_max & (rows_max - 1)) == 0);
    fsp_rowcache_t *self = FSP_NEW(fsp_rowcache_t);
    self->view.ops = &ops;
    self->base = base;
    self->set_count = rows_max / WAYS;
    self->rows = fsp_alloc_array(rows_max, sizeof(*self->rows));
    self->hands = fsp_alloc_array(self->set_count, sizeof(*self->hands));
    return self;
}

void
fsp_rowcache_reset(fsp_rowcache_t *self)
{
    FSP_PRE(self != NULL);
    for (size_t i = 0; i < self->set_count * WAYS; i++)
        drop(&self->rows[i]);
}

void
fsp_rowcache_destroy(fsp_rowcache_t **self_p)
{
    FSP_PRE(self_p != NULL);
    fsp_rowcache_t *self = *self_p;
    if (!self)
        return;
    fsp_rowcache_reset(self);
    fsp_free(self->rows);
    fsp_free(self->hands);
    fsp_free(self);
    *self_p = NULL;
}

fsp_view_t *
fsp_rowcache_view(fsp_rowcache_t *self)
{
    FSP_PRE(self != NULL);
    return &self->view;
}

void
fsp_rowcache_note(fsp_rowcache_t *self, const fsp_batch_row_t *row)
{
    FSP_PRE(self != NULL);
    FSP_PRE(row != NULL && row->op != FSP_ROW_DELETE_RANGE);
    uint64_t hash = hash_of(row->key);
    row_t **place = find(self, row->key, hash);
    if (!place)
        return;
    if (row->op == FSP_ROW_PUT && fits(row->key, row->value)) {
        keep_at(place, row->key, hash, row->value);
        (*place)->read = true;
    } else {
        drop(place);
    }
}
