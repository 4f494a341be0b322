/* SPDX-License-Identifier: MIT */
/* figures - what `limits` measures: one list of keys, units and words; printed, written as JSON and
 * read again. */
#ifndef FSP_BENCH_FIGURES_H
#define FSP_BENCH_FIGURES_H
#include <stdbool.h>
#include <stddef.h>

/* X(ID, key in JSON, unit, words, note).  "ns/B" is CPU time of one core unless the note says by
   the clock; _ALL: of one core while all cores do the same. */
#define BENCH_FIGURES(X)                                                                           \
    X(MEMCPY_1M, "memcpy_1mib", "ns/B", "memcpy, 1 MiB", "within the caches")                      \
    X(MEMCPY_64M, "memcpy_64mib", "ns/B", "memcpy, 64 MiB", "from memory")                         \
    X(PAGE_FAULT, "page_fault", "ns", "page fault", "4 KiB of fresh memory, touched")              \
    X(SHA_64, "sha256_64b", "ns/B", "SHA-256, 64 B", "")                                           \
    X(SHA_4K, "sha256_4kib", "ns/B", "SHA-256, 4 KiB", "")                                         \
    X(SHA_1M, "sha256_1mib", "ns/B", "SHA-256, 1 MiB", "")                                         \
    X(SHA_64_ALL, "sha256_64b_all", "ns/B", "SHA-256, 64 B, all cores", "each; all together")      \
    X(SHA_4K_ALL, "sha256_4kib_all", "ns/B", "SHA-256, 4 KiB, all cores", "each; all together")    \
    X(SHA_1M_ALL, "sha256_1mib_all", "ns/B", "SHA-256, 1 MiB, all cores", "each; all together")    \
    X(GCM_64, "gcm_64b", "ns/B", "AES-256-GCM, 64 B", "seal")                                      \
    X(GCM_4K, "gcm_4kib", "ns/B", "AES-256-GCM, 4 KiB", "seal")                                    \
    X(GCM_1M, "gcm_1mib", "ns/B", "AES-256-GCM, 1 MiB", "seal, in blocks of 64 KiB")               \
    X(GCM_64_ALL, "gcm_64b_all", "ns/B", "AES-256-GCM, 64 B, all cores", "each; all together")     \
    X(GCM_4K_ALL, "gcm_4kib_all", "ns/B", "AES-256-GCM, 4 KiB, all cores", "each; all together")   \
    X(GCM_1M_ALL, "gcm_1mib_all", "ns/B", "AES-256-GCM, 1 MiB, all cores", "each; all together")   \
    X(CUT, "cut", "ns/B", "cut (FastCDC)", "1 MiB on average")                                     \
    X(PROBE, "zstd_probe", "ns/B", "zstd, whether to try", "random data, 1 MiB")                   \
    X(ZSTD_RANDOM, "zstd_random", "ns/B", "zstd -1, random data", "1 MiB")                         \
    X(ZSTD_TEXT, "zstd_text", "ns/B", "zstd -1, words", "1 MiB")                                   \
    X(XXH3, "xxh3", "ns/B", "XXH3-64", "1 MiB")                                                    \
    X(WAKE_SAME, "wake_same_us", "us", "wake-up, one core", "of a thread by eventfd, one way")     \
    X(WAKE, "wake_us", "us", "wake-up, across two cores", "of a thread by eventfd, one way")       \
    X(CURVE_4K, "curve_4kib", "ns/B", "CURVE, 4 KiB", "both ends, loopback")                       \
    X(CURVE_256K, "curve_256kib", "ns/B", "CURVE, 256 KiB", "both ends, loopback")                 \
    X(NULL_4K, "null_4kib", "ns/B", "NULL, 4 KiB", "both ends, loopback")                          \
    X(NULL_256K, "null_256kib", "ns/B", "NULL, 256 KiB", "both ends, loopback")                    \
    X(CURVE_4K_RATE, "curve_4kib_rate", "MB/s", "CURVE, 4 KiB, one link", "by the clock")          \
    X(CURVE_256K_RATE, "curve_256kib_rate", "MB/s", "CURVE, 256 KiB, one link", "by the clock")    \
    X(NULL_4K_RATE, "null_4kib_rate", "MB/s", "NULL, 4 KiB, one link", "by the clock")             \
    X(NULL_256K_RATE, "null_256kib_rate", "MB/s", "NULL, 256 KiB, one link", "by the clock")       \
    X(SYNC, "sync_us", "us", "4 KiB write + fdatasync", "into preallocated room, undisturbed")     \
    X(SYNC_EXTEND, "sync_extend_us", "us", "4 KiB append + fdatasync",                             \
      "the file grows, undisturbed")                                                               \
    X(WRITERS_1, "synced_1", "1/s", "4 KiB synced writes, 1 writer", "by the clock")               \
    X(WRITERS_16, "synced_16", "1/s", "4 KiB synced writes, 16 writers", "by the clock")           \
    X(DISK_WRITE, "disk_write", "ns/B", "1 MiB write, O_DIRECT", "by the clock, a sync every 16")  \
    X(DISK_READ, "disk_read", "ns/B", "1 MiB read, O_DIRECT", "by the clock")                      \
    X(BATCH_1, "batch_1", "1/s", "RocksDB batch of 1 x 4 KiB", "synced, by the clock")             \
    X(BATCH_16, "batch_16", "1/s", "RocksDB batch of 16 x 4 KiB", "synced, by the clock")          \
    X(BATCH_64, "batch_64", "1/s", "RocksDB batch of 64 x 4 KiB", "synced, by the clock")

#define BENCH_FIGURE_ID(id, key, unit, words, note) BENCH_##id,
typedef enum { BENCH_FIGURES(BENCH_FIGURE_ID) BENCH_FIGURE_COUNT } bench_figure_t;
#undef BENCH_FIGURE_ID

typedef struct {
    unsigned cores;                   /* that this process may use */
    double value[BENCH_FIGURE_COUNT]; /* NAN: not measured */
} bench_limits_t;

void bench_figures_clear(bench_limits_t *self); /* none measured; cores are looked up */
/* Notes one, and says it in a line: people read `words value unit`, with json a program
   {"type":"figure",...}.  silent: only noted. */
typedef enum { BENCH_SILENT, BENCH_TABLE, BENCH_JSON } bench_output_t;
void bench_figure(bench_limits_t *self, bench_output_t output, bench_figure_t figure, double value);
/* One JSON object of all that was measured, in one line: {"type":"limits","cores":2,KEY:value...}.
 */
void bench_figures_print(const bench_limits_t *self);
/* The last such line of a file that `limits --json` has written.  False, with words on standard
   error: there is none. */
bool bench_figures_read(const char *path, bench_limits_t *ret);
#endif
