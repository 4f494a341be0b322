/* SPDX-License-Identifier: MIT */
/* interrupt - Ctrl-C and SIGTERM as a flag, for who has something to take away first. */
#include "bench/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted;

static void
note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void
bench_catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    /* No SA_RESTART: what waits comes back and looks. */
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        (void)sigaction(signals[i], &action, NULL); /* of signals that can be caught */
}

bool
bench_interrupted(void)
{
    return interrupted != 0;
}
