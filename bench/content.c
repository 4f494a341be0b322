/* SPDX-License-Identifier: MIT */
/* content - what a load puts: bytes that do not compress and that no two contents share, made and
 * checked for the price of a memcpy and a memcmp. */
#include "bench/content.h"

#include "core/base/check.h"
#include "core/base/prng.h"

#include <string.h>

enum { STAMP_BYTES = 8, PLACE_BYTES = 64 /* where a key may begin in the pool */ };
_Static_assert(BENCH_POOL_BYTES % BENCH_BLOCK_BYTES == 0, "blocks do not end within the pool");

void
bench_pool_fill(uint8_t *pool, uint64_t seed)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, seed);
    fsp_prng_fill(&prng, pool, BENCH_POOL_BYTES);
}

bench_extents_t
bench_extents(uint64_t key, uint64_t bytes)
{
    return (bench_extents_t){.extent = {{.key = key, .from = 0, .bytes = bytes}}, .count = 1};
}

uint64_t
bench_extents_bytes(const bench_extents_t *self)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < self->count; i++)
        bytes += self->extent[i].bytes;
    return bytes;
}

void
bench_content_start(bench_content_at_t *self, const uint8_t *pool, const bench_extents_t *extents)
{
    *self = (bench_content_at_t){.pool = pool, .extents = extents};
}

/* The octets that stand at `at` of what the key means, as many as lie together, at most bytes;
   stamp has room for those of a block. */
static const uint8_t *
piece_at(const bench_content_at_t *self, uint64_t key, uint64_t at, uint8_t stamp[STAMP_BYTES],
         size_t *bytes_p)
{
    uint64_t block = at / BENCH_BLOCK_BYTES;
    size_t in_block = (size_t)(at % BENCH_BLOCK_BYTES);
    size_t left;
    const uint8_t *piece;
    if (in_block < STAMP_BYTES) {
        uint64_t word = fsp_mix64(key + block * UINT64_C(0x9e3779b97f4a7c15));
        memcpy(stamp, &word, STAMP_BYTES);
        piece = stamp + in_block;
        left = STAMP_BYTES - in_block;
    } else {
        uint64_t start = fsp_mix64(key) % (BENCH_POOL_BYTES / PLACE_BYTES) * PLACE_BYTES;
        size_t place = (size_t)((start + at) % BENCH_POOL_BYTES);
        piece = self->pool + place;
        left = BENCH_BLOCK_BYTES - in_block;
        if (left > BENCH_POOL_BYTES - place)
            left = BENCH_POOL_BYTES - place;
    }
    if (left < *bytes_p)
        *bytes_p = left;
    return piece;
}

/* The next piece of at most *bytes_p octets, and behind it; NULL at the end. */
static const uint8_t *
next_piece(bench_content_at_t *self, uint8_t stamp[STAMP_BYTES], size_t *bytes_p)
{
    const bench_extents_t *extents = self->extents;
    while (self->index < extents->count && self->offset == extents->extent[self->index].bytes) {
        self->index++;
        self->offset = 0;
    }
    if (self->index == extents->count)
        return NULL;
    uint64_t left = extents->extent[self->index].bytes - self->offset;
    if (left < *bytes_p)
        *bytes_p = (size_t)left;
    const uint8_t *piece =
        piece_at(self, extents->extent[self->index].key,
                 extents->extent[self->index].from + self->offset, stamp, bytes_p);
    self->offset += *bytes_p;
    return piece;
}

size_t
bench_content_make(bench_content_at_t *self, void *ret, size_t bytes)
{
    uint8_t stamp[STAMP_BYTES], *to = ret;
    size_t made = 0;
    while (made < bytes) {
        size_t some = bytes - made;
        const uint8_t *piece = next_piece(self, stamp, &some);
        if (!piece)
            break;
        memcpy(to + made, piece, some);
        made += some;
    }
    return made;
}

void
bench_content_check(bench_content_at_t *self, const void *data, size_t bytes)
{
    uint8_t stamp[STAMP_BYTES];
    const uint8_t *from = data;
    for (size_t done = 0; done < bytes && !self->differs;) {
        size_t some = bytes - done;
        const uint8_t *piece = next_piece(self, stamp, &some);
        self->differs = !piece || memcmp(from + done, piece, some) != 0;
        done += some;
    }
}

bool
bench_content_whole(const bench_content_at_t *self)
{
    const bench_extents_t *extents = self->extents;
    size_t index = self->index;
    uint64_t offset = self->offset;
    while (index < extents->count && offset == extents->extent[index].bytes) {
        index++;
        offset = 0;
    }
    return !self->differs && index == extents->count;
}
