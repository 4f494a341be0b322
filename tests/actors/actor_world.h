/* SPDX-License-Identifier: MIT */
/* actor_world - what tests of actors share: CZMQ set up once, messages awaited with a deadline.
 * Layer tests. */
#ifndef FSP_TESTS_ACTORS_ACTOR_WORLD_H
#define FSP_TESTS_ACTORS_ACTOR_WORLD_H
#include "actors/clock.h"
#include "actors/mailbox.h"
#include "tests/unit/suite.h"

#include <czmq.h>

enum { WORLD_WAIT_MS = 10000 };

static inline void
world_begin(void)
{
    (void)zsys_init();
    zsys_handler_set(NULL);
}

/* The next message of a mailbox; fails the test when none comes in time. */
static inline void
world_receive(fsp_mailbox_t *mailbox, fsp_mail_t *ret)
{
    zmq_pollitem_t item = {.socket = fsp_mailbox_socket(mailbox), .events = ZMQ_POLLIN};
    fsp_time_t until = fsp_clock_mono_us() + (fsp_time_t)WORLD_WAIT_MS * 1000;
    while (fsp_clock_mono_us() < until) {
        (void)zmq_poll(&item, 1, 100);
        if (fsp_mailbox_receive(mailbox, ret))
            return;
    }
    ck_abort_msg("no message within %d ms", WORLD_WAIT_MS);
}

/* Runs a suite of actor tests and ends CZMQ in order, so that leaks are seen. */
static inline int
world_main(Suite *suite)
{
    int code = fsp_suite_main(suite);
    zsys_shutdown();
    return code;
}
#endif
