/* SPDX-License-Identifier: MIT */
/* terms - what a put and a get cannot do without, in nanoseconds a byte, and the limit that follows
 * from it. */
#include "bench/terms.h"

#include "core/base/check.h"
#include "core/base/limits.h"

#include <math.h>
#include <string.h>

/* How often the code goes over the bytes of a content.  Whoever adds or removes a pass changes its
   row here, and says which line makes it. */
enum {
    /* SHA-256 of a put of a fresh path:
       actors/client_put.c  read_frame: the digest of all that is sent
       core/data/object.c   fsp_object_seal_all: the sealed input, of which the salt is made
       core/data/object.c   seal_blocks: the sealed part, for the object's name */
    PUT_SHA256_PASSES = 3,
    /* core/data/upload.c   cut, close_chunk: the digest of the whole, unless one chunk is all */
    PUT_SEVERAL_SHA256_PASSES = 1,
    /* A content that stays inline: client_put.c put_whole; upload.c fsp_upload_finish; its record
       in actors/frontend_put.c, by object.c as above */
    PUT_SMALL_SHA256_PASSES = 4,
    /* actors/client_get.c  deliver: the digest of the whole */
    GET_SHA256_PASSES = 1,
    /* Sealed records of a small put: the content's carrier, details, attributes. */
    PUT_SMALL_SEALS = 3,
    GET_SMALL_OPENS = 3,
    /* Messages of an operation that travels in one: request and answer. */
    MESSAGES = 2,
    SMALL_POINT = 4096, /* where the figures of small blocks were measured */
};

/* Share of random contents of so many octets that have more than one chunk: cuts come with a
   probability of 1 in 4 average lengths an octet before the average, of 4 in one behind it
   (core/data/chunker.h). */
static double
several_chunks(uint64_t bytes)
{
    static const double average = FSP_CHUNK_BYTES_AVG;
    if (bytes <= FSP_CHUNK_BYTES_MIN)
        return 0;
    if (bytes > FSP_CHUNK_BYTES_MAX)
        return 1;
    double before = bytes < FSP_CHUNK_BYTES_AVG ? (double)bytes : average;
    double left = exp(-(before - FSP_CHUNK_BYTES_MIN) / (4 * average));
    if (bytes > FSP_CHUNK_BYTES_AVG)
        left *= exp(-4 * ((double)bytes - average) / average);
    return 1 - left;
}

static void
add(bench_terms_t *self, const char *name, double ns)
{
    FSP_ASSERT(self->count < BENCH_TERMS_MAX);
    if (isnan(ns) || ns <= 0)
        return; /* not measured, or none */
    self->term[self->count].name = name;
    self->term[self->count++].ns = ns;
}

/* Nanoseconds that one call costs whatever its bytes, by what a byte costs in small calls and in
   large ones. */
static double
fixed_ns(double small, double large)
{
    return small > large ? (small - large) * SMALL_POINT : 0;
}

/* A byte of content that goes through `calls` calls of one kind. */
static double
a_byte(double small, double large, uint64_t bytes, double calls)
{
    return large + calls * fixed_ns(small, large) / (double)bytes;
}

/* Frames of a content, and the message of the other direction. */
static double
messages(uint64_t bytes)
{
    return (double)((bytes + FSP_FRAME_BYTES_MAX - 1) / FSP_FRAME_BYTES_MAX) + MESSAGES - 1;
}

static double
curve(const bench_limits_t *limits, uint64_t bytes)
{
    const double *value = limits->value;
    double calls = bytes > FSP_FRAME_BYTES_MAX ? 0 : messages(bytes); /* within the large figure */
    return a_byte(value[BENCH_CURVE_4K], value[BENCH_CURVE_256K], bytes, calls);
}

/* The limit, and what binds. */
static void
conclude(bench_terms_t *self, unsigned cores)
{
    double cpu = 0, disk = 0, largest = 0;
    const char *cpu_name = "cpu";
    for (size_t i = 0; i < self->count; i++) {
        double ns = self->term[i].ns;
        if (strcmp(self->term[i].name, "disk") == 0) {
            disk = ns;
            continue;
        }
        cpu += ns;
        if (ns > largest) {
            largest = ns;
            cpu_name = self->term[i].name;
        }
    }
    cpu /= cores;
    double ns = cpu > disk ? cpu : disk;
    self->limit_mb_s = ns > 0 ? 1e3 / ns : 0;
    self->binding = disk > cpu ? "disk" : cpu_name;
}

void
bench_terms_put(const bench_limits_t *limits, uint64_t bytes, uint64_t clients, bench_terms_t *ret)
{
    FSP_PRE(bytes > 0);
    FSP_PRE(clients > 0);
    const double *value = limits->value;
    bool small = bytes <= FSP_INLINE_BYTES_MAX;
    *ret = (bench_terms_t){.count = 0};
    add(ret, "curve", curve(limits, bytes));
    double passes = small ? PUT_SMALL_SHA256_PASSES
                          : PUT_SHA256_PASSES + PUT_SEVERAL_SHA256_PASSES * several_chunks(bytes);
    add(ret, "sha256", passes * a_byte(value[BENCH_SHA_4K], value[BENCH_SHA_1M], bytes, 1));
    add(ret, "gcm",
        a_byte(value[BENCH_GCM_4K], value[BENCH_GCM_1M], bytes, small ? PUT_SMALL_SEALS : 1));
    if (!small) {
        add(ret, "cut", value[BENCH_CUT]);
        add(ret, "zstd", value[BENCH_PROBE]); /* incompressible: it is not tried */
    }
    if (bytes >= FSP_BLOB_BYTES_MIN)
        add(ret, "xxh3", value[BENCH_XXH3]); /* of a record in a segment */
    /* Each client waits for a sync of its own, and one sync serves all that wait. */
    add(ret, "disk", value[BENCH_DISK_WRITE] + value[BENCH_SYNC] * 1e3 / (double)(bytes * clients));
    conclude(ret, limits->cores);
}

void
bench_terms_get(const bench_limits_t *limits, uint64_t bytes, bool cold, bench_terms_t *ret)
{
    FSP_PRE(bytes > 0);
    const double *value = limits->value;
    bool small = bytes <= FSP_INLINE_BYTES_MAX;
    *ret = (bench_terms_t){.count = 0};
    add(ret, "curve", curve(limits, bytes));
    add(ret, "sha256",
        GET_SHA256_PASSES * a_byte(value[BENCH_SHA_4K], value[BENCH_SHA_1M], bytes, 1));
    add(ret, "gcm",
        a_byte(value[BENCH_GCM_4K], value[BENCH_GCM_1M], bytes, small ? GET_SMALL_OPENS : 1));
    if (cold)
        add(ret, "disk", value[BENCH_DISK_READ]);
    conclude(ret, limits->cores);
}
