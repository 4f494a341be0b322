/* SPDX-License-Identifier: MIT */
/* terms - what a put and a get cannot do without, in nanoseconds a byte, and the limit that follows
 * from it.
 *
 *   limit = 1 / max(sum of the CPU terms / cores, disk)
 *
 * A CPU term is of one core, not divided by cores; "disk" is the only one that is not CPU.  Both
 * ends run on this machine.  Costs of a block are taken as a fixed part and a part a byte, through
 * what was measured at 4 KiB and at 256 KiB or 1 MiB: for small contents the fixed part is most. */
#ifndef FSP_BENCH_TERMS_H
#define FSP_BENCH_TERMS_H
#include "bench/figures.h"

#include <stdint.h>

enum { BENCH_TERMS_MAX = 12 };
typedef struct {
    struct {
        const char *name; /* static */
        double ns;        /* a byte of content */
    } term[BENCH_TERMS_MAX];
    size_t count;
    double limit_mb_s;   /* 10^6 bytes a second */
    const char *binding; /* name of the term that is largest on the side that binds */
} bench_terms_t;

/* Of contents of `bytes`, put or got by so many clients at once; cold: reads come from the disk.
   limits has at least what a brief run measures. */
void bench_terms_put(const bench_limits_t *limits, uint64_t bytes, uint64_t clients,
                     bench_terms_t *ret);
void bench_terms_get(const bench_limits_t *limits, uint64_t bytes, bool cold, bench_terms_t *ret);
#endif
