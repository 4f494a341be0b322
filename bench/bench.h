/* SPDX-License-Identifier: MIT */
/* bench - what the machine allows, and what FileSphere does on it.  See bench/README.md. */
#ifndef FSP_BENCH_BENCH_H
#define FSP_BENCH_BENCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One measured figure; printed as a table row, or as a JSON line with --json. */
void bench_report(bool json, const char *name, double value, const char *unit, const char *note);
double bench_seconds(void); /* monotonic */

/* Nanoseconds a byte of each block that a put or get is made of, measured now on one core. */
typedef struct {
    double sha256, gcm, zstd_random, chunk, curve_both_ends, disk_write, disk_read;
    double sync_us;
    double wake_us; /* round trip between two threads over inproc */
} bench_limits_t;
void bench_limits(const char *directory, bench_limits_t *ret);
void bench_limits_print(bool json, const bench_limits_t *limits);

typedef struct {
    const char *profile;
    unsigned clients;
    size_t bytes;   /* of each file */
    double seconds; /* how long */
    bool get;       /* else put */
} bench_load_t;
typedef struct {
    double operations_per_s, megabytes_per_s;
    double p50_ms, p99_ms;
    uint64_t operations, errors;
} bench_load_result_t;
/* Runs the load with one connection a client; returns false if nothing could be measured. */
bool bench_load(const bench_load_t *load, bench_load_result_t *ret);
#endif
