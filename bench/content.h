/* SPDX-License-Identifier: MIT */
/* content - what a load puts: bytes that do not compress and that no two contents share, made and
 * checked for the price of a memcpy and a memcmp.
 *
 * A content is a row of extents.  Octet `at` of an extent with a key belongs to block at / 4096;
 * the first 8 octets of a block are a mix of key and block number, the rest comes out of a pool of
 * random bytes at a place that depends on the key.  So every 4 KiB differ from those of all other
 * keys, nothing is repeated within the window of a compressor, and nothing is kept for the check.
 */
#ifndef FSP_BENCH_CONTENT_H
#define FSP_BENCH_CONTENT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_POOL_BYTES = 4 * 1024 * 1024, /* as large as the largest chunk */
    BENCH_BLOCK_BYTES = 4096,
    BENCH_EXTENTS_MAX = 20,
};

/* Fills a pool, the same for the same seed; pool has BENCH_POOL_BYTES. */
void bench_pool_fill(uint8_t *pool, uint64_t seed);

typedef struct {
    struct {
        uint64_t key, from, bytes; /* octets from .. from + bytes of what the key means */
    } extent[BENCH_EXTENTS_MAX];
    size_t count;
} bench_extents_t;
/* One extent: all of a content of so many octets. */
bench_extents_t bench_extents(uint64_t key, uint64_t bytes);
uint64_t bench_extents_bytes(const bench_extents_t *self);

/* A place in a content. */
typedef struct {
    const uint8_t *pool; /* borrowed */
    const bench_extents_t *extents;
    size_t index;    /* of the extent */
    uint64_t offset; /* in it */
    bool differs;    /* set by bench_content_check */
} bench_content_at_t;
void bench_content_start(bench_content_at_t *self, const uint8_t *pool,
                         const bench_extents_t *extents);
/* The next octets; returns how many: fewer than bytes only at the end. */
size_t bench_content_make(bench_content_at_t *self, void *ret, size_t bytes);
/* Compares the next octets; more than there are differ. */
void bench_content_check(bench_content_at_t *self, const void *data, size_t bytes);
/* All octets were made or compared, and none differed. */
bool bench_content_whole(const bench_content_at_t *self);
#endif
