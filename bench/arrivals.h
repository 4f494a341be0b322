/* SPDX-License-Identifier: MIT */
/* arrivals - when the operations of an open loop are due: a Poisson process that many processes
 * take from.
 *
 * People who know nothing of each other come at times that are independent: gaps are exponential, a
 * second now has more of them and now fewer than the rate says.  A fixed beat would never let two
 * come at once, and would so hide what a short stall costs.  Each time follows from the one before
 * it and the seed alone, so the schedule is the same whoever takes from it, and whatever was not
 * taken can be counted afterwards.  A plain struct without pointers: it may lie in memory that
 * processes share. */
#ifndef FSP_BENCH_ARRIVALS_H
#define FSP_BENCH_ARRIVALS_H
#include <stdatomic.h>
#include <stdint.h>

enum { BENCH_RATE_MAX = 1000000 }; /* a second */

typedef struct {
    uint64_t seed;
    uint64_t rate; /* a second, on average: 1 .. BENCH_RATE_MAX */
    _Atomic uint64_t next_ns;
} bench_arrivals_t;

/* Before anybody takes. */
void bench_arrivals_init(bench_arrivals_t *self, uint64_t rate, uint64_t seed);
/* Nanoseconds from the beginning; each is given once, and they rise strictly.  Any thread of any
   process. */
uint64_t bench_arrivals_take(bench_arrivals_t *self);
/* How many from from_ns on and before until_ns were not taken; takes none.  Costs some 20 ns each.
 */
uint64_t bench_arrivals_left(const bench_arrivals_t *self, uint64_t from_ns, uint64_t until_ns);
#endif
