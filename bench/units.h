/* SPDX-License-Identifier: MIT */
/* units - sizes and durations as people write them on a command line, and as they read them. */
#ifndef FSP_BENCH_UNITS_H
#define FSP_BENCH_UNITS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets: digits, then nothing, "B", or K, M, G with "iB", "B" or nothing behind (all powers of
   1,024, in either case): "4KiB", "64K", "1mib", "100".  False, with *ret untouched: it is none,
   or above most. */
bool bench_parse_size(const char *text, uint64_t most, uint64_t *ret_bytes);
/* Seconds: digits with a point or without, then nothing, "s", "ms" or "m" (minutes): "5", "0.5s",
   "500ms", "2m".  False, with *ret untouched: it is none, or above most. */
bool bench_parse_seconds(const char *text, double most, double *ret_seconds);

enum { BENCH_SIZE_TEXT = 32 };
/* "4 KiB", "1 B", "1500 B": the largest unit that divides it.  Returns ret. */
const char *bench_size_text(uint64_t bytes, char ret[BENCH_SIZE_TEXT]);
#endif
