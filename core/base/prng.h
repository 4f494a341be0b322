/* SPDX-License-Identifier: MIT */
/* prng - a seeded generator for back-off, simulation and tests.  Layer core/base.
 *
 * Never for secrets.
 * xoshiro256** (Blackman, Vigna 2018), seeded by SplitMix64.  Integers only.
 */
#ifndef FSP_CORE_BASE_PRNG_H
#define FSP_CORE_BASE_PRNG_H
#include "core/base/types.h"

typedef struct {
    uint64_t state[4];
} fsp_prng_t;

void fsp_prng_init(fsp_prng_t *self, uint64_t seed);
uint64_t fsp_prng_next(fsp_prng_t *self);
/* Uniform in 0..bound-1 without bias; bound > 0. */
uint64_t fsp_prng_below(fsp_prng_t *self, uint64_t bound);
/* True with probability numerator / denominator; draws also when that is 0 or 1. */
bool fsp_prng_chance(fsp_prng_t *self, uint64_t numerator, uint64_t denominator);
/* Eight bytes a number, low byte first. */
void fsp_prng_fill(fsp_prng_t *self, void *data, size_t bytes);
/* SplitMix64's finaliser: a fixed 64-bit mix (a bijection; 0 stays 0). */
uint64_t fsp_mix64(uint64_t value);
#endif
