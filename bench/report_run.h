/* SPDX-License-Identifier: MIT */
/* report_run - this program once more, for one measurement: its last line, within a time. */
#ifndef FSP_BENCH_REPORT_RUN_H
#define FSP_BENCH_REPORT_RUN_H
#include "core/base/buf.h"

/* Runs argv (argv[0] is a path; NULL ends it) and appends the last line of its standard output,
   also when its exit code is 1: some operations failed.  False: it ended badly, or had not ended
   after seconds_max; it and all that it started has ended then, too. */
bool bench_run_last_line(const char *const *argv, double seconds_max, fsp_buf_t *line);
#endif
