/* SPDX-License-Identifier: MIT */
/* bench - what the machine allows, and what FileSphere does on it.  See bench/README.md. */
#ifndef FSP_BENCH_BENCH_H
#define FSP_BENCH_BENCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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

/* A daemon on a directory of its own, which exists. */
typedef struct {
    char directory[64];
    char profile[96];
    pid_t pid;
    double start_s; /* from exec to the first answer */
} bench_node_t;
bool bench_node_start(bench_node_t *self);
void bench_node_stop(bench_node_t *self); /* its directory stays */
/* The path of the program of this name that lies beside this one. */
void bench_beside(const char *name, char *ret, size_t bytes_max);
void bench_remove(const char *directory); /* with all that is in it */

/* Commands a second through the state machine, in memory and on a store in directory (exists). */
void bench_apply(bool json, size_t files, const char *directory);
/* Time from the start of a node with so many files to its first answer. */
void bench_recover(bool json, size_t files, bench_node_t *node);
/* The command line against the node of a profile: so many files of 10 KiB, one of so many MiB, in
   and out, and the start of a small cat.  False: one of them failed. */
bool bench_tree(bool json, const char *profile, const bench_limits_t *limits, size_t files,
                size_t large_mib);
#endif
