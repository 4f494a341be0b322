/* SPDX-License-Identifier: MIT */
/* prng - a seeded generator for back-off, simulation and tests.  Layer core/base. */
#include "core/base/prng.h"

#include "core/base/check.h"

uint64_t
fsp_mix64(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

void
fsp_prng_init(fsp_prng_t *self, uint64_t seed)
{
    FSP_PRE(self != NULL);
    /* SplitMix64 is a bijection of its counter, so the four words are never all zero. */
    for (int i = 0; i < 4; i++) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        self->state[i] = fsp_mix64(seed);
    }
}

static uint64_t
rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t
fsp_prng_next(fsp_prng_t *self)
{
    FSP_PRE(self != NULL);
    uint64_t *s = self->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t
fsp_prng_below(fsp_prng_t *self, uint64_t bound)
{
    FSP_PRE(bound > 0);
    /* 2^64 mod bound: numbers below it would favour the small remainders. */
    uint64_t refused = (0 - bound) % bound;
    uint64_t number;
    do {
        number = fsp_prng_next(self);
    } while (number < refused);
    return number % bound;
}

bool
fsp_prng_chance(fsp_prng_t *self, uint64_t numerator, uint64_t denominator)
{
    FSP_PRE(denominator > 0);
    /* Draws also for 0 and for 1, so that a changed probability does not shift the stream. */
    return fsp_prng_below(self, denominator) < numerator;
}

void
fsp_prng_fill(fsp_prng_t *self, void *data, size_t bytes)
{
    FSP_PRE(data != NULL || bytes == 0);
    uint8_t *to = data;
    /* Low byte first on every machine; what is left of the last number is thrown away. */
    for (size_t at = 0; at < bytes; at += 8) {
        uint64_t number = fsp_prng_next(self);
        for (size_t i = 0; i < 8 && at + i < bytes; i++)
            to[at + i] = (uint8_t)(number >> (8 * i));
    }
}
