/* SPDX-License-Identifier: MIT */
/* sim_trace - what happened, as a hash and, if wanted, as text; and how a run fails.
   Layer tests. */
#ifndef FSP_TESTS_SIM_SIM_TRACE_H
#define FSP_TESTS_SIM_SIM_TRACE_H
#include "core/base/types.h"

typedef struct {
    uint64_t hash;
    uint64_t seed;
    fsp_time_t now_us;
    bool print;
} sim_trace_t;

/* Also makes self the one that a broken assertion or a sanitizer reports about. */
void sim_trace_init(sim_trace_t *self, uint64_t seed, bool print);
/* Nobody is reported about any more. */
void sim_trace_end(void);
void sim_trace_mix(sim_trace_t *self, uint64_t value);
/* A hash of bytes, for comparisons within a run: fast, and no protection against anybody. */
uint64_t sim_trace_hash(uint64_t before, fsp_slice_t bytes);
/* A line with the time in front, if printing. */
#define sim_trace_note(self, ...)                                                                  \
    do {                                                                                           \
        if (__builtin_expect((self)->print, 0))                                                    \
            sim_trace_say(self, __VA_ARGS__);                                                      \
    } while (0)
__attribute__((format(printf, 2, 3))) void sim_trace_say(const sim_trace_t *self,
                                                         const char *format, ...);
/* The run found what must not be: says so and ends the process with 1.  The text begins with the
   name of the check ("R3: ..."), by which a smaller run that fails alike is known. */
__attribute__((format(printf, 2, 3))) _Noreturn void sim_fail(const sim_trace_t *self,
                                                              const char *format, ...);
/* Broken assertions of the core, crashes and sanitizers end the process with 1 too, and with the
   seed and the time. */
void sim_catch_aborts(void);
#endif
