/* SPDX-License-Identifier: MIT */
/* suite - runs one Check suite and gives main() its exit code; seeds.  Layer tests. */
#ifndef FSP_TESTS_UNIT_SUITE_H
#define FSP_TESTS_UNIT_SUITE_H
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Takes suite (NULL fails).  0 if every test passed and at least one ran: a suite that looked at
   nothing must not pass. */
static inline int
fsp_suite_main(Suite *suite)
{
    if (!suite) {
        fprintf(stderr, "no suite\n");
        return 1;
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int run = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    printf("%d tests run, %d failed\n", run, failed);
    if (run == 0)
        fprintf(stderr, "the suite ran no test\n");
    return run > 0 && failed == 0 ? 0 : 1;
}

/* The seed of a random test: fixed, or FSP_SEED from the environment; printed, to run it again. */
static inline unsigned long long
fsp_suite_seed(unsigned long long fixed)
{
    const char *wanted = getenv("FSP_SEED");
    unsigned long long seed = wanted ? strtoull(wanted, NULL, 0) : fixed;
    printf("FSP_SEED=%llu\n", seed);
    fflush(stdout);
    return seed;
}
/* A pause between two looks at something that tells nobody when it is done (a background flush, a
   lock of another process).  Only inside a loop with a bound, or to make a race likely; never as
   the wait itself. */
static inline void
fsp_suite_pause_us(long us)
{
    struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    (void)nanosleep(&pause, NULL);
}
#endif
