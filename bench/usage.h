/* SPDX-License-Identifier: MIT */
/* usage - what a process has used and holds, as the kernel counts it; what a directory takes. */
#ifndef FSP_BENCH_USAGE_H
#define FSP_BENCH_USAGE_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    double cpu_s;         /* all threads, user and system, since it started; ticks of 10 ms */
    uint64_t rss_bytes;   /* resident now */
    uint64_t peak_bytes;  /* the most that was */
    uint64_t write_bytes; /* caused to be written to a disk since it started; 0 where the kernel
                             does not count */
} bench_usage_t;
/* False: there is no such process, or it cannot be read. */
bool bench_usage(pid_t pid, bench_usage_t *ret);
/* What the files of a directory take on disk, as du counts: blocks, not lengths. */
uint64_t bench_disk_bytes(const char *directory);
#endif
