/* SPDX-License-Identifier: MIT */
/* interrupt - Ctrl-C and SIGTERM as a flag, for who has something to take away first. */
#ifndef FSP_BENCH_INTERRUPT_H
#define FSP_BENCH_INTERRUPT_H
#include <stdbool.h>

/* From now on the first SIGINT, SIGTERM or SIGHUP only sets the flag; a second one ends the
   process. */
void bench_catch_signals(void);
bool bench_interrupted(void);
#endif
