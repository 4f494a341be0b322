/* SPDX-License-Identifier: MIT */
/* limits_cpu - memory, digests, seals, cuts, compression, checksums, and how long a thread takes to
 * wake another. */
#include "bench/measure.h"

#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/prng.h"
#include "core/crypto/digest.h"
#include "core/crypto/gcm.h"
#include "core/data/chunker.h"
#include "core/data/codec.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

enum {
    KIB = 1024,
    MIB = 1024 * 1024,
    LARGE_BYTES = 64 * MIB,
    PAGE_BYTES = 4096,
    CORES_MAX = 64,
    WAKES = 1500,
    LAST_WORD = 2, /* ends the other thread */
};
static const double BUDGET_S = 0.15, WAKES_S_MAX = 0.4;

/* What the work below works on: pieces of `piece` octets, up to 1 MiB of them a call. */
typedef struct {
    uint8_t *data, *out; /* 1 MiB; room for anything that becomes of it */
    size_t piece;
    fsp_gcm_t *gcm;
    fsp_gear_t *gear;
    bool text; /* data are words, else random */
} blocks_t;

static void
blocks_init(blocks_t *self)
{
    static const fsp_secret_t key = {{1}};
    *self = (blocks_t){.data = fsp_alloc_raw(MIB), .out = fsp_alloc(2 * MIB), .piece = MIB};
    fsp_prng_t prng;
    fsp_prng_init(&prng, 1);
    fsp_prng_fill(&prng, self->data, MIB);
    self->gcm = fsp_gcm_new(key.bytes);
    self->gear = fsp_gear_new(&key, &fsp_chunk_params_default);
}

static void
blocks_clear(blocks_t *self)
{
    fsp_gcm_destroy(&self->gcm);
    fsp_gear_destroy(&self->gear);
    fsp_free(self->data);
    fsp_free(self->out);
}

/* -- work -------------------------------------------------------------------------------------- */

static void
hash(void *arg)
{
    blocks_t *self = arg;
    for (size_t at = 0; at < MIB; at += self->piece)
        (void)fsp_sha256(fsp_slice(self->data + at, self->piece));
}

static void
seal(void *arg)
{
    blocks_t *self = arg;
    static const uint8_t nonce[FSP_GCM_NONCE_BYTES];
    size_t piece = self->piece < 64 * KIB ? self->piece : 64 * KIB;
    for (size_t at = 0; at < MIB; at += piece)
        fsp_gcm_seal(self->gcm, nonce, fsp_slice(NULL, 0), fsp_slice(self->data + at, piece),
                     self->out);
}

static void
compress(void *arg)
{
    blocks_t *self = arg;
    size_t bytes = ZSTD_compress(self->out, (size_t)2 * MIB, self->data, MIB, 1);
    FSP_ASSERT(!ZSTD_isError(bytes));
}

static void
probe(void *arg)
{
    blocks_t *self = arg;
    FSP_ASSERT(!fsp_codec_promises(fsp_slice(self->data, MIB)));
}

static void
cut(void *arg)
{
    blocks_t *self = arg;
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, self->gear);
    bool ends;
    for (size_t at = 0; at < MIB;)
        at += fsp_chunker_feed(&chunker, fsp_slice(self->data + at, MIB - at), &ends);
}

static void
checksum(void *arg)
{
    blocks_t *self = arg;
    uint64_t sum = XXH3_64bits(self->data, MIB);
    memcpy(self->out, &sum, sizeof(sum));
}

static void
copy(void *arg)
{
    blocks_t *self = arg;
    memcpy(self->out, self->data, MIB);
    __asm__ volatile("" : : "r"(self->out) : "memory"); /* or it is left out */
}

static void
copy_large(void *arg)
{
    uint8_t *memory = arg;
    memcpy(memory + LARGE_BYTES, memory, LARGE_BYTES);
    __asm__ volatile("" : : "r"(memory) : "memory");
}

/* Touches every page of fresh memory, in pieces as buffers of 1 MiB are. */
static void
touch(void *arg)
{
    (void)arg;
    uint8_t *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FSP_ASSERT(memory != MAP_FAILED);
    for (size_t at = 0; at < MIB; at += PAGE_BYTES)
        *(volatile uint8_t *)(memory + at) = 1;
    (void)munmap(memory, MIB); /* a mapping of our own */
}

/* Words with the letters and spaces of English in about its order of frequency. */
static void
fill_with_words(uint8_t *data)
{
    static const char letters[] = "eeeeeeeetttttaaaaoooiiinnnssshhhrrrdlcumwfgypbvkaeo      e";
    static uint8_t words[512][8];
    fsp_prng_t prng;
    fsp_prng_init(&prng, 2);
    for (size_t i = 0; i < 512; i++)
        for (size_t k = 0; k < 8; k++)
            words[i][k] = (uint8_t)letters[fsp_prng_below(&prng, sizeof(letters) - 1)];
    for (size_t at = 0; at < MIB; at += 8)
        memcpy(data + at, words[fsp_prng_below(&prng, 512)], 8);
}

/* -- one core, all cores ----------------------------------------------------------------------- */

typedef struct {
    bench_work_fn *work;
    size_t piece;
    double budget_s, seconds; /* of one call */
    pthread_barrier_t *start;
} crowd_t;

static void *
run_one_of_many(void *arg)
{
    crowd_t *self = arg;
    blocks_t blocks;
    blocks_init(&blocks);
    blocks.piece = self->piece;
    (void)pthread_barrier_wait(self->start);
    self->seconds = bench_best(self->work, &blocks, self->budget_s);
    blocks_clear(&blocks);
    return NULL;
}

/* Seconds of one call on one core while all do the same, the mean of all. */
static double
best_of_all_cores(unsigned cores, bench_work_fn *work, size_t piece, double budget_s)
{
    crowd_t crowd[CORES_MAX];
    pthread_t threads[CORES_MAX];
    pthread_barrier_t start;
    unsigned count = cores < CORES_MAX ? cores : CORES_MAX;
    double sum = 0;
    FSP_ASSERT(pthread_barrier_init(&start, NULL, count) == 0);
    for (unsigned i = 0; i < count; i++) {
        crowd[i] = (crowd_t){.work = work, .piece = piece, .budget_s = budget_s, .start = &start};
        int rc = pthread_create(&threads[i], NULL, run_one_of_many, &crowd[i]);
        FSP_ASSERT(rc == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL); /* it is ours */
        sum += crowd[i].seconds;
    }
    (void)pthread_barrier_destroy(&start);
    return sum / count;
}

static double
ns_a_byte(double seconds)
{
    return seconds * 1e9 / MIB;
}

static void
measure_sizes(const bench_measure_t *self, blocks_t *blocks)
{
    static const struct {
        bench_work_fn *work;
        size_t piece;
        bench_figure_t one, all;
        bool brief;
    } rows[] = {
        {hash, 64, BENCH_SHA_64, BENCH_SHA_64_ALL, false},
        {hash, 4 * KIB, BENCH_SHA_4K, BENCH_SHA_4K_ALL, true},
        {hash, MIB, BENCH_SHA_1M, BENCH_SHA_1M_ALL, true},
        {seal, 64, BENCH_GCM_64, BENCH_GCM_64_ALL, false},
        {seal, 4 * KIB, BENCH_GCM_4K, BENCH_GCM_4K_ALL, true},
        {seal, MIB, BENCH_GCM_1M, BENCH_GCM_1M_ALL, true},
    };
    double budget_s = self->effort * BUDGET_S;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (self->brief && !rows[i].brief)
            continue;
        blocks->piece = rows[i].piece;
        bench_figure(self->limits, self->output, rows[i].one,
                     ns_a_byte(bench_best(rows[i].work, blocks, budget_s)));
        if (self->brief)
            continue;
        bench_figure(self->limits, self->output, rows[i].all,
                     ns_a_byte(best_of_all_cores(self->limits->cores, rows[i].work, rows[i].piece,
                                                 budget_s)));
    }
    blocks->piece = MIB;
}

static void
measure_memory(const bench_measure_t *self, blocks_t *blocks)
{
    double budget_s = self->effort * BUDGET_S;
    bench_figure(self->limits, self->output, BENCH_MEMCPY_1M,
                 ns_a_byte(bench_best(copy, blocks, budget_s)));
    uint8_t *memory = fsp_alloc(2 * (size_t)LARGE_BYTES);
    memset(memory, 1, 2 * (size_t)LARGE_BYTES); /* or reads are of one page of zeros */
    bench_figure(self->limits, self->output, BENCH_MEMCPY_64M,
                 bench_best(copy_large, memory, budget_s) * 1e9 / LARGE_BYTES);
    fsp_free(memory);
    bench_figure(self->limits, self->output, BENCH_PAGE_FAULT,
                 bench_best(touch, NULL, budget_s) * 1e9 / (MIB / PAGE_BYTES));
}

static void
measure_data(const bench_measure_t *self, blocks_t *blocks)
{
    double budget_s = self->effort * BUDGET_S;
    bench_limits_t *limits = self->limits;
    bench_figure(limits, self->output, BENCH_CUT, ns_a_byte(bench_best(cut, blocks, budget_s)));
    bench_figure(limits, self->output, BENCH_PROBE, ns_a_byte(bench_best(probe, blocks, budget_s)));
    bench_figure(limits, self->output, BENCH_XXH3,
                 ns_a_byte(bench_best(checksum, blocks, budget_s)));
    if (self->brief)
        return;
    bench_figure(limits, self->output, BENCH_ZSTD_RANDOM,
                 ns_a_byte(bench_best(compress, blocks, budget_s)));
    fill_with_words(blocks->data);
    bench_figure(limits, self->output, BENCH_ZSTD_TEXT,
                 ns_a_byte(bench_best(compress, blocks, budget_s)));
}

/* -- waking another thread --------------------------------------------------------------------- */

typedef struct {
    int there, back; /* eventfds */
    int core;        /* of the other thread; -1: any */
} ring_t;

static void
stay_on(int core)
{
    if (core < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set); /* where allowed */
}

static void *
answer(void *arg)
{
    const ring_t *self = arg;
    stay_on(self->core);
    uint64_t word = 0;
    while (word != LAST_WORD) {
        if (read(self->there, &word, sizeof(word)) != sizeof(word) ||
            write(self->back, &word, sizeof(word)) != sizeof(word))
            return NULL;
    }
    return NULL;
}

typedef struct {
    int own_core, other_core;
    double seconds_max, us;
} wake_t;

static void *
run_wakes(void *arg)
{
    wake_t *self = arg;
    ring_t ring = {.there = eventfd(0, 0), .back = eventfd(0, 0), .core = self->other_core};
    FSP_ASSERT(ring.there >= 0 && ring.back >= 0);
    stay_on(self->own_core);
    pthread_t other;
    int rc = pthread_create(&other, NULL, answer, &ring);
    FSP_ASSERT(rc == 0);
    double round_trip[WAKES], until = bench_seconds() + self->seconds_max;
    size_t count = 0;
    for (uint64_t word = 1; word != LAST_WORD; count++) {
        double start = bench_seconds();
        word = count + 1 == WAKES || start > until ? LAST_WORD : 1;
        FSP_ASSERT(write(ring.there, &word, sizeof(word)) == sizeof(word));
        FSP_ASSERT(read(ring.back, &word, sizeof(word)) == sizeof(word));
        round_trip[count] = bench_seconds() - start;
    }
    self->us = bench_quantile(round_trip, count, 0.5) * 1e6 / 2;
    (void)pthread_join(other, NULL); /* it is ours */
    (void)close(ring.there);         /* of no use any more */
    (void)close(ring.back);
    return NULL;
}

/* In a thread of its own, whose ties to a core end with it. */
static double
wake_us(int own_core, int other_core, double seconds_max)
{
    wake_t wake = {.own_core = own_core, .other_core = other_core, .seconds_max = seconds_max};
    pthread_t thread;
    int rc = pthread_create(&thread, NULL, run_wakes, &wake);
    FSP_ASSERT(rc == 0);
    (void)pthread_join(thread, NULL); /* it is ours */
    return wake.us;
}

/* The first two cores that this process may use; -1 where there are none. */
static void
two_cores(int ret[2])
{
    cpu_set_t set;
    CPU_ZERO(&set);
    ret[0] = ret[1] = -1;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return;
    for (int core = 0, found = 0; core < CPU_SETSIZE && found < 2; core++) {
        if (CPU_ISSET((size_t)core, &set))
            ret[found++] = core;
    }
}

bool
bench_limits_cpu(const bench_measure_t *self)
{
    blocks_t blocks;
    blocks_init(&blocks);
    if (!self->brief)
        measure_memory(self, &blocks);
    measure_sizes(self, &blocks);
    measure_data(self, &blocks);
    blocks_clear(&blocks);
    int core[2];
    two_cores(core);
    double wakes_s = self->effort * WAKES_S_MAX;
    bench_figure(self->limits, self->output, BENCH_WAKE_SAME, wake_us(core[0], core[0], wakes_s));
    bench_figure(self->limits, self->output, BENCH_WAKE, wake_us(core[0], core[1], wakes_s));
    return true;
}
