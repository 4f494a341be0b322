/* SPDX-License-Identifier: MIT */
/* test_cli_pool - many jobs at once, told in order.  Layer tests.
 *
 * The connections are pretended: what the pool asks of the library and of the other files of cmd is
 * below.
 */
#include "cmd/cli_pool.c" /* cmd has no library */

#include "tests/unit/suite.h"

#include <stdatomic.h>

/* -- the world --------------------------------------------------------------------------------- */

struct filesphere {
    atomic_bool cancelled;
};

static atomic_int open_count, close_count, cancel_count, running, running_max;
static bool open_fails;
static volatile bool interrupted;
static int fail_count, warn_count;

filesphere_code_t
filesphere_open(const filesphere_config_t *config, filesphere_t **ret_handle)
{
    (void)config;
    *ret_handle = FSP_NEW(filesphere_t);
    atomic_fetch_add(&open_count, 1);
    return open_fails ? 4011 : FILESPHERE_OK;
}

void
filesphere_close(filesphere_t **handle_p)
{
    if (*handle_p)
        atomic_fetch_add(&close_count, 1);
    fsp_free(*handle_p);
    *handle_p = NULL;
}

void
filesphere_cancel(filesphere_t *handle)
{
    atomic_fetch_add(&cancel_count, 1);
    atomic_store(&handle->cancelled, true);
}

const char *
filesphere_error(const filesphere_t *handle)
{
    (void)handle;
    return "pretended";
}

bool
cli_interrupted(void)
{
    return interrupted;
}

void
cli_fail(cli_t *cli, filesphere_code_t code, const char *format, ...)
{
    (void)cli;
    (void)format;
    ck_assert_uint_eq(code, 4011);
    fail_count++;
}

void
cli_warn(const cli_t *cli, const char *format, ...)
{
    (void)cli;
    (void)format;
    warn_count++;
}

void
cli_progress_tick(cli_progress_t *self)
{
    (void)self;
}

/* -- jobs -------------------------------------------------------------------------------------- */

enum { JOBS = 1000, UNTIL_CANCELLED = -1, UNTIL_RELEASED = -2, LOOKS_MAX = 60000 };

typedef struct {
    cli_job_t job;
    int number;
    int takes_us;  /* UNTIL_CANCELLED, UNTIL_RELEASED */
    bool hopeless; /* going on makes no sense after it */
    bool warns;
    cli_pool_t *pool;
} test_job_t;

static int reported[2 * JOBS], reported_count, destroyed_count;
static atomic_int run_count;
static atomic_bool released;

static bool
run_test(cli_job_t *job, filesphere_t *handle, size_t lane)
{
    test_job_t *self = (test_job_t *)job;
    ck_assert_ptr_nonnull(handle);
    ck_assert_uint_ge(lane, 1);
    ck_assert_uint_le(lane, CLI_POOL_WORKERS);
    int now = atomic_fetch_add(&running, 1) + 1;
    if (now > atomic_load(&running_max))
        atomic_store(&running_max, now);
    atomic_fetch_add(&run_count, 1);
    if (self->takes_us >= 0)
        fsp_suite_pause_us(self->takes_us);
    const atomic_bool *end = self->takes_us == UNTIL_CANCELLED ? &handle->cancelled : &released;
    for (int i = 0; self->takes_us < 0 && !atomic_load(end); i++) {
        ck_assert_int_lt(i, LOOKS_MAX);
        fsp_suite_pause_us(1000);
    }
    if (self->warns)
        cli_pool_warn(self->pool, "%d", self->number);
    atomic_fetch_sub(&running, 1);
    return !self->hopeless;
}

static void
report_test(cli_job_t *job, cli_t *cli)
{
    (void)cli;
    reported[reported_count++] = ((test_job_t *)job)->number;
}

static void
destroy_test(cli_job_t *job)
{
    destroyed_count++;
    fsp_free(job);
}

static const cli_job_class_t test_class = {run_test, report_test, destroy_test};

static test_job_t *
new_job(cli_pool_t *pool, int number, int takes_us)
{
    test_job_t *self = FSP_NEW(test_job_t);
    self->job.class = &test_class;
    self->number = number;
    self->takes_us = takes_us;
    self->pool = pool;
    return self;
}

static cli_t cli;

static cli_pool_t *
begin(void)
{
    atomic_store(&open_count, 0);
    atomic_store(&close_count, 0);
    atomic_store(&cancel_count, 0);
    atomic_store(&running_max, 0);
    atomic_store(&run_count, 0);
    atomic_store(&released, false);
    open_fails = interrupted = false;
    fail_count = warn_count = reported_count = destroyed_count = 0;
    return cli_pool_new(&cli, NULL);
}

static void
end(cli_pool_t *pool)
{
    cli_pool_destroy(&pool);
    ck_assert_int_eq(atomic_load(&open_count), atomic_load(&close_count));
}

/* -- tests ------------------------------------------------------------------------------------- */

START_TEST(reports_in_the_order_of_submission)
{
    cli_pool_t *pool = begin();
    srand(1);
    for (int i = 0; i < JOBS; i++) {
        if (i % 5 == 4) /* in its place, too, though it is done */
            cli_pool_note(pool, &new_job(pool, i, 0)->job);
        else
            cli_pool_submit(pool, &new_job(pool, i, rand() % 500)->job);
    }
    cli_pool_finish(pool);
    ck_assert_int_eq(reported_count, JOBS);
    for (int i = 0; i < JOBS; i++)
        ck_assert_int_eq(reported[i], i);
    ck_assert_int_eq(atomic_load(&run_count), JOBS / 5 * 4);
    ck_assert_int_gt(atomic_load(&running_max), 1);
    ck_assert_int_le(atomic_load(&running_max), CLI_POOL_WORKERS);
    ck_assert_int_eq(destroyed_count, JOBS);
    cli_pool_submit(pool, &new_job(pool, JOBS, 0)->job); /* it goes on after a finish */
    cli_pool_finish(pool);
    ck_assert_int_eq(reported[JOBS], JOBS);
    end(pool);
}
END_TEST

START_TEST(connects_only_when_there_is_work)
{
    cli_pool_t *pool = begin();
    end(pool);
    ck_assert_int_eq(atomic_load(&open_count), 0);
    pool = begin();
    for (int i = 0; i < 20; i++) { /* one after the other: one worker is enough */
        cli_pool_submit(pool, &new_job(pool, i, 0)->job);
        cli_pool_finish(pool);
    }
    ck_assert_int_le(atomic_load(&open_count), 2); /* the first may not be back in time */
    end(pool);
}
END_TEST

START_TEST(one_that_makes_it_hopeless_ends_all)
{
    cli_pool_t *pool = begin();
    for (int i = 0; i < JOBS; i++) {
        test_job_t *job = new_job(pool, i, i <= 100 ? 300 : 5000);
        job->hopeless = i == 100;
        cli_pool_submit(pool, &job->job);
    }
    ck_assert(cli_pool_is_ending(pool));
    cli_pool_finish(pool);
    ck_assert_int_ge(reported_count, 101);      /* what had begun is told */
    ck_assert_int_lt(reported_count, JOBS / 2); /* and little else was begun */
    for (int i = 0; i < reported_count; i++)
        ck_assert_int_eq(reported[i], i);
    ck_assert_int_eq(destroyed_count, JOBS);
    ck_assert_int_eq(atomic_load(&cancel_count), 0);
    end(pool);
}
END_TEST

START_TEST(the_main_thread_may_end_it)
{
    cli_pool_t *pool = begin();
    for (int i = 0; i < CLI_POOL_WORKERS + 30; i++)
        cli_pool_submit(pool, &new_job(pool, i, 20000)->job);
    cli_pool_end(pool);
    ck_assert(cli_pool_is_ending(pool));
    cli_pool_note(pool, &new_job(pool, 99, 0)->job); /* why, in its place */
    cli_pool_finish(pool);
    ck_assert_int_le(reported_count, CLI_POOL_WORKERS + 1);
    ck_assert_int_eq(reported[reported_count - 1], 99);
    ck_assert_int_eq(destroyed_count, CLI_POOL_WORKERS + 31);
    end(pool);
}
END_TEST

START_TEST(an_interrupt_cancels_what_runs)
{
    cli_pool_t *pool = begin();
    for (int i = 0; i < CLI_POOL_WORKERS + 30; i++)
        cli_pool_submit(pool, &new_job(pool, i, UNTIL_CANCELLED)->job);
    for (int i = 0; atomic_load(&running) < CLI_POOL_WORKERS; i++) {
        ck_assert_int_lt(i, LOOKS_MAX);
        fsp_suite_pause_us(1000);
    }
    interrupted = true;
    cli_pool_finish(pool); /* would last for ever */
    ck_assert_int_eq(reported_count, CLI_POOL_WORKERS);
    ck_assert_int_eq(destroyed_count, CLI_POOL_WORKERS + 30);
    ck_assert_int_eq(atomic_load(&cancel_count), CLI_POOL_WORKERS);
    cli_pool_submit(pool, &new_job(pool, 99, 0)->job); /* nothing is begun any more */
    cli_pool_finish(pool);
    ck_assert_int_eq(reported_count, CLI_POOL_WORKERS);
    end(pool);
}
END_TEST

START_TEST(without_a_node_each_begun_job_says_so)
{
    cli_pool_t *pool = begin();
    open_fails = true;
    for (int i = 0; i < 100; i++)
        cli_pool_submit(pool, &new_job(pool, i, 0)->job);
    cli_pool_finish(pool);
    ck_assert_int_eq(atomic_load(&run_count), 0);
    ck_assert_int_eq(reported_count, 0);
    ck_assert_int_ge(fail_count, 1);
    ck_assert_int_le(fail_count, CLI_POOL_WORKERS);
    ck_assert_int_eq(destroyed_count, 100);
    end(pool);
}
END_TEST

START_TEST(what_waits_for_its_turn_is_bounded)
{
    cli_pool_t *pool = begin();
    cli_pool_submit(pool, &new_job(pool, 0, UNTIL_RELEASED)->job); /* all others are behind it */
    for (int i = 1; i <= 3; i++) {
        test_job_t *job = new_job(pool, i, 0);
        job->job.weight = CLI_POOL_UNREPORTED / 2;
        atomic_store(&released, i == 3);
        cli_pool_submit(pool, &job->job); /* the third one has to wait for it */
        ck_assert_msg((reported_count == 0) == (i < 3), "%d told after %d", reported_count, i);
    }
    cli_pool_finish(pool);
    ck_assert_int_eq(reported_count, 4);
    end(pool);
}
END_TEST

START_TEST(warnings_come_from_any_thread)
{
    cli_pool_t *pool = begin();
    for (int i = 0; i < 200; i++) {
        test_job_t *job = new_job(pool, i, 0);
        job->warns = true;
        cli_pool_submit(pool, &job->job);
    }
    cli_pool_finish(pool);
    ck_assert_int_eq(warn_count, 200);
    end(pool);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("cli_pool");
    TCase *tcase = tcase_create("cli_pool");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, reports_in_the_order_of_submission);
    tcase_add_test(tcase, connects_only_when_there_is_work);
    tcase_add_test(tcase, one_that_makes_it_hopeless_ends_all);
    tcase_add_test(tcase, the_main_thread_may_end_it);
    tcase_add_test(tcase, an_interrupt_cancels_what_runs);
    tcase_add_test(tcase, without_a_node_each_begun_job_says_so);
    tcase_add_test(tcase, what_waits_for_its_turn_is_bounded);
    tcase_add_test(tcase, warnings_come_from_any_thread);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
