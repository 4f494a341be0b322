/* SPDX-License-Identifier: MIT */
/* test_waiters - who waits is found again, is counted, and is bounded. */
#include "actors/waiters.h"
#include "tests/unit/suite.h"

static fsp_mail_t
mail_from(fsp_actor_id_t from, uint64_t request_id)
{
    return (fsp_mail_t){.from = from, .envelope = {.request_id = request_id}};
}

START_TEST(a_waiter_is_found_by_its_token)
{
    fsp_waiters_t waiters = {0};
    fsp_mail_t a = mail_from(FSP_ACTOR_FRONTEND, 7), b = mail_from(FSP_ACTOR_SUPERVISOR, 9);
    uint64_t first = fsp_waiter_token(fsp_waiters_add(&waiters, &a));
    uint64_t second = fsp_waiter_token(fsp_waiters_add(&waiters, &b));
    ck_assert_uint_eq(waiters.count, 2);
    fsp_waiter_t *waiter = fsp_waiter_of(first);
    ck_assert_int_eq(waiter->from, FSP_ACTOR_FRONTEND);
    ck_assert_uint_eq(waiter->request_id, 7);
    fsp_waiters_remove(&waiters, &waiter);
    ck_assert_ptr_null(waiter);
    ck_assert_uint_eq(fsp_waiter_of(second)->request_id, 9);
    fsp_waiters_clear(&waiters);
    ck_assert_uint_eq(waiters.count, 0);
    fsp_waiters_clear(&waiters); /* an empty one is no trouble */
}
END_TEST

START_TEST(more_than_the_bound_do_not_wait)
{
    fsp_waiters_t waiters = {0};
    fsp_mail_t mail = mail_from(FSP_ACTOR_FRONTEND, 1);
    for (size_t i = 0; i < FSP_WAITERS_MAX; i++)
        ck_assert_ptr_nonnull(fsp_waiters_add(&waiters, &mail));
    ck_assert_ptr_null(fsp_waiters_add(&waiters, &mail));
    fsp_waiter_t *waiter = waiters.first;
    fsp_waiters_remove(&waiters, &waiter);
    ck_assert_ptr_nonnull(fsp_waiters_add(&waiters, &mail));
    fsp_waiters_clear(&waiters);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("waiters");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, a_waiter_is_found_by_its_token);
    tcase_add_test(tests, more_than_the_bound_do_not_wait);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
