/* SPDX-License-Identifier: MIT */
/* sim_trace - what happened, as a hash and, if wanted, as text; and how a run fails.
   Layer tests. */
#include "tests/sim/sim_trace.h"

#include "core/base/prng.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* What to say when the process dies: made beforehand, because then nothing can be made any more. */
static char last_words[256];
static size_t last_words_bytes;

/* Of ASan's runtime; not there in a plain build.  UBSan's has no such call, but aborts if asked. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));
const char *__ubsan_default_options(void);
const char *__asan_default_options(void);

/* Stacks of allocations cost a fifth of the run; a seed can be run again with them. */
const char *
__asan_default_options(void)
{
    return "malloc_context_size=1:quarantine_size_mb=16";
}

const char *
__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

void
sim_trace_init(sim_trace_t *self, uint64_t seed, const char *mutant, bool print)
{
    *self = (sim_trace_t){.hash = fsp_mix64(seed), .seed = seed, .mutant = mutant, .print = print};
    int bytes = snprintf(last_words, sizeof(last_words),
                         "repeat: filesphere-sim --seeds 1 --first %" PRIu64 "%s%s\n", seed,
                         mutant ? " --mutant " : "", mutant ? mutant : "");
    last_words_bytes = bytes > 0 && (size_t)bytes < sizeof(last_words) ? (size_t)bytes : 0;
}

void
sim_trace_mix(sim_trace_t *self, uint64_t value)
{
    self->hash = fsp_mix64(self->hash ^ value);
}

void
sim_trace_bytes(sim_trace_t *self, fsp_slice_t bytes)
{
    uint64_t hash = bytes.bytes;
    size_t at = 0;
    for (; at + 8 <= bytes.bytes; at += 8)
        hash = (hash ^ fsp_load_u64(bytes.data + at)) * 0x9e3779b97f4a7c15u;
    for (; at < bytes.bytes; at++)
        hash = (hash ^ bytes.data[at]) * 0x100000001b3u;
    sim_trace_mix(self, hash);
}

void
sim_trace_note(sim_trace_t *self, const char *format, ...)
{
    if (!self->print)
        return;
    printf("[%10" PRIu64 "] ", self->now_us);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void
sim_fail(const sim_trace_t *self, const char *format, ...)
{
    printf("seed %" PRIu64 " at %" PRIu64 " us: ", self->seed, self->now_us);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n%s", last_words);
    fflush(stdout);
    _exit(1);
}

static void
say_last_words(void)
{
    (void)!write(STDOUT_FILENO, last_words, last_words_bytes);
}

static void
on_abort(int number)
{
    (void)number;
    say_last_words();
    _exit(1);
}

void
sim_catch_aborts(void)
{
    (void)signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_last_words);
}
