/* SPDX-License-Identifier: MIT */
/* mutate - damages bytes the way peers and fuzzers do.  Layer tests. */
#ifndef FSP_TESTS_UNIT_PROTO_MUTATE_H
#define FSP_TESTS_UNIT_PROTO_MUTATE_H
#include "core/base/prng.h"
#include "core/base/types.h"

#include <stdlib.h>

/* A copy of bytes on the heap, exactly as long: a sanitizer sees each read behind its end. */
static inline uint8_t *
fsp_exact_copy(fsp_slice_t bytes)
{
    uint8_t *copy = malloc(bytes.bytes ? bytes.bytes : 1);
    if (bytes.bytes)
        memcpy(copy, bytes.data, bytes.bytes);
    return copy;
}

/* A damaged copy of valid: bits flipped, bytes replaced by telling ones, cut, or a piece doubled.
   End with free. */
static inline uint8_t *
fsp_mutate(fsp_prng_t *prng, fsp_slice_t valid, size_t *ret_bytes)
{
    static const uint8_t telling[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                      0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc6, 0xc7, 0xc9,
                                      0xca, 0xcb, 0xcc, 0xcf, 0xd0, 0xd3, 0xd4, 0xd8,
                                      0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff};
    size_t piece = 0, from = 0;
    if (valid.bytes > 0 && fsp_prng_chance(prng, 1, 4)) {
        from = (size_t)fsp_prng_below(prng, valid.bytes);
        piece = (size_t)fsp_prng_below(prng, valid.bytes - from + 1);
    }
    size_t bytes = valid.bytes + piece;
    uint8_t *copy = malloc(bytes ? bytes : 1);
    if (bytes > 0) {
        memcpy(copy, valid.data, from + piece);
        memcpy(copy + from + piece, valid.data + from, valid.bytes - from);
    }
    if (bytes > 0 && fsp_prng_chance(prng, 1, 4))
        bytes = (size_t)fsp_prng_below(prng, bytes);
    uint64_t changes = fsp_prng_below(prng, 4);
    for (uint64_t i = 0; i < changes && bytes > 0; i++) {
        size_t at = (size_t)fsp_prng_below(prng, bytes);
        if (fsp_prng_chance(prng, 1, 2))
            copy[at] = (uint8_t)(copy[at] ^ (1u << fsp_prng_below(prng, 8)));
        else
            copy[at] = telling[fsp_prng_below(prng, sizeof(telling))];
    }
    /* Shrink, so that the end is where the sanitizer thinks it is. */
    fsp_slice_t rest = fsp_slice(copy, bytes);
    uint8_t *exact = fsp_exact_copy(rest);
    free(copy);
    *ret_bytes = bytes;
    return exact;
}
#endif
