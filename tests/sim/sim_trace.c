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

/* The run that a dying process speaks of. */
static const sim_trace_t *present;

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
sim_trace_init(sim_trace_t *self, uint64_t seed, bool print)
{
    *self = (sim_trace_t){.hash = fsp_mix64(seed), .seed = seed, .print = print};
    present = self;
}

void
sim_trace_end(void)
{
    present = NULL;
}

void
sim_trace_mix(sim_trace_t *self, uint64_t value)
{
    self->hash = fsp_mix64(self->hash ^ value);
}

uint64_t
sim_trace_hash(uint64_t before, fsp_slice_t bytes)
{
    uint64_t hash = before ^ bytes.bytes * 0x9e3779b97f4a7c15u;
    size_t at = 0;
    for (; at + 8 <= bytes.bytes; at += 8) {
        uint64_t word;
        memcpy(&word, bytes.data + at, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    if (at < bytes.bytes)
        memcpy(&rest, bytes.data + at, bytes.bytes - at);
    return fsp_mix64(hash ^ rest);
}

static void
say_time(const sim_trace_t *self)
{
    printf("[%4" PRIu64 ".%06" PRIu64 "] ", self->now_us / 1000000, self->now_us % 1000000);
}

void
sim_trace_say(const sim_trace_t *self, const char *format, ...)
{
    say_time(self);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void
sim_fail(const sim_trace_t *self, const char *format, ...)
{
    say_time(self);
    printf("seed %" PRIu64 ": ", self->seed);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

/* Only what may be called in a signal handler; standard error holds the reason already. */
static void
say_last_words(void)
{
    if (!present)
        return;
    char text[96];
    size_t used = sizeof(text);
    text[--used] = '\n';
    const uint64_t numbers[] = {present->now_us, present->seed};
    static const char *const words[] = {" at us ", "seed "};
    for (size_t i = 0; i < 2; i++) {
        uint64_t value = numbers[i];
        do
            text[--used] = (char)('0' + value % 10);
        while ((value /= 10) > 0);
        size_t bytes = strlen(words[i]);
        used -= bytes;
        memcpy(text + used, words[i], bytes);
    }
    (void)!write(STDOUT_FILENO, text + used, sizeof(text) - used);
}

static void
on_signal(int number)
{
    (void)number;
    say_last_words();
    _exit(1);
}

void
sim_catch_aborts(void)
{
    (void)signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_last_words);
    else
        (void)signal(SIGSEGV, on_signal);
}
