/* SPDX-License-Identifier: MIT */
/* sim_trace - what happened, as a hash and, if wanted, as text; and how a run fails.
   Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_TRACE_H
#define FSP_TESTS_SIM_SIM_TRACE_H
#include "core/base/types.h"

typedef struct {
    uint64_t hash;
    uint64_t seed;
    const char *mutant;
    fsp_time_t now_us;
    bool print;
} sim_trace_t;

/* Also makes self the one that a broken assertion or a sanitizer reports about. */
void sim_trace_init(sim_trace_t *self, uint64_t seed, const char *mutant, bool print);
void sim_trace_mix(sim_trace_t *self, uint64_t value);
void sim_trace_bytes(sim_trace_t *self, fsp_slice_t bytes);
/* A line with the time in front, if printing. */
__attribute__((format(printf, 2, 3))) void sim_trace_note(sim_trace_t *self, const char *format,
                                                          ...);
/* The run found what must not be: says so, says how to repeat it, and ends the process with 1. */
__attribute__((format(printf, 2, 3))) _Noreturn void sim_fail(const sim_trace_t *self,
                                                              const char *format, ...);
/* Broken assertions of the core, and sanitizers, end in the same words. */
void sim_catch_aborts(void);
#endif
