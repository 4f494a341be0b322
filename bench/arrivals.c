/* SPDX-License-Identifier: MIT */
/* arrivals - when the operations of an open loop are due: a Poisson process that many processes
 * take from. */
#include "bench/arrivals.h"

#include "core/base/check.h"
#include "core/base/prng.h"

#include <math.h>

/* The one behind at_ns: an exponential gap, whose uniform number is a mix of seed and at_ns.  One
   nanosecond at least, or the chain would stand still. */
static uint64_t
after(const bench_arrivals_t *self, uint64_t at_ns)
{
    uint64_t bits = fsp_mix64(self->seed ^ fsp_mix64(at_ns + 1));
    double uniform = (double)(bits >> 11) * 0x1p-53; /* 0 <= it < 1 */
    return at_ns + 1 + (uint64_t)(-log1p(-uniform) * 1e9 / (double)self->rate);
}

void
bench_arrivals_init(bench_arrivals_t *self, uint64_t rate, uint64_t seed)
{
    FSP_PRE(rate > 0 && rate <= BENCH_RATE_MAX);
    self->seed = seed;
    self->rate = rate;
    atomic_init(&self->next_ns, after(self, 0));
}

uint64_t
bench_arrivals_take(bench_arrivals_t *self)
{
    uint64_t at_ns = atomic_load(&self->next_ns);
    while (!atomic_compare_exchange_weak(&self->next_ns, &at_ns, after(self, at_ns)))
        continue; /* at_ns is what somebody else made it */
    return at_ns;
}

uint64_t
bench_arrivals_left(const bench_arrivals_t *self, uint64_t from_ns, uint64_t until_ns)
{
    uint64_t count = 0;
    for (uint64_t at_ns = atomic_load(&self->next_ns); at_ns < until_ns; at_ns = after(self, at_ns))
        count += at_ns >= from_ns;
    return count;
}
