/* SPDX-License-Identifier: MIT */
/* bench - what the machine allows, and what FileSphere does on it.  See bench/README.md. */
#ifndef FSP_BENCH_BENCH_H
#define FSP_BENCH_BENCH_H
#include "bench/figures.h"
#include "bench/measure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A command of filesphere-bench: argv[0] is its name, and it takes its own options (options.h).
   Returns the exit code: 0, 1 for what failed, 2 for options that make no sense.  One row each in
   the table of bench_main.c. */
typedef struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} bench_command_t;
int bench_cmd_limits(int argc, char **argv);
int bench_cmd_load(int argc, char **argv);
int bench_cmd_all(int argc, char **argv);
int bench_cmd_tree(int argc, char **argv);
int bench_cmd_apply(int argc, char **argv);
int bench_cmd_recover(int argc, char **argv);
int bench_cmd_scale(int argc, char **argv);
int bench_cmd_report(int argc, char **argv);

/* One measured figure; printed as a table row, or as a JSON line with --json. */
void bench_report(bool json, const char *name, double value, const char *unit, const char *note);
/* A daemon on a directory of its own, which exists. */
typedef struct {
    char directory[64];
    char profile[96];
    uint16_t port; /* 0 until the first start, which picks a free one; then it stays */
    pid_t pid;
    double start_s; /* from exec to the first answer */
} bench_node_t;
/* What it says on its outputs goes to DIRECTORY.log. */
bool bench_node_start(bench_node_t *self);
void bench_node_stop(bench_node_t *self); /* its directory stays */
/* The path of the program of this name that lies beside this one. */
void bench_beside(const char *name, char *ret, size_t bytes_max);
void bench_remove(const char *directory); /* with all that is in it */
/* Runs with a new directory below the current one (/tmp where that is not writable), which is
   removed afterwards, also when this process is killed; a node that was started in it is stopped.
   Returns the exit code of run, or 1. */
typedef int(bench_in_fn)(void *arg, bench_node_t *node);
int bench_in_directory(bench_in_fn *run, void *arg);

/* Commands a second through the state machine, in memory and on a store in directory (exists). */
void bench_apply(bool json, size_t files, const char *directory);
/* Time from the start of a node with so many files to its first answer. */
void bench_recover(bool json, size_t files, bench_node_t *node);
/* The command line against the node of a profile: so many files of 10 KiB, one of so many MiB, in
   and out, and the start of a small cat.  False: one of them failed (0 in ret). */
typedef struct {
    double first_byte_ms;                    /* p50 of `cat` */
    double put_files_per_s, get_files_per_s; /* small ones */
    double put_mb_per_s, get_mb_per_s;       /* the large one */
    double put_limit_mb_s, get_limit_mb_s;
    const char *put_binding, *get_binding; /* static */
} bench_tree_result_t;
bool bench_tree(bool json, const char *profile, const bench_limits_t *limits, size_t files,
                size_t large_mib, bench_tree_result_t *ret);
#endif
