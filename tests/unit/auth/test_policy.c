/* SPDX-License-Identifier: MIT */
/* test_policy - who may do what.  Tests. */
#include "core/auth/policy.h"
#include "tests/unit/suite.h"

static const fsp_action_t actions[] = {FSP_ACTION_READ, FSP_ACTION_WRITE, FSP_ACTION_ADMIN};

START_TEST(the_owner_may_do_everything)
{
    const fsp_resource_t resource = {.owner = {{1, 2, 3}}};
    ck_assert_int_eq(fsp_policy(resource.owner, actions[_i], &resource), FSP_OK);
}
END_TEST

START_TEST(nobody_else_may_do_anything)
{
    const fsp_resource_t resource = {.owner = {{1, 2, 3}}};
    fsp_subject_id_t other = resource.owner;
    other.bytes[15] = 1;
    ck_assert_int_eq(fsp_policy(other, actions[_i], &resource), FSP_FORBIDDEN);
}
END_TEST

START_TEST(the_zero_subject_is_nobody_even_where_nobody_owns)
{
    const fsp_resource_t resource = {.owner = {{0}}};
    const fsp_subject_id_t nobody = {{0}};
    ck_assert_int_eq(fsp_policy(nobody, actions[_i], &resource), FSP_FORBIDDEN);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tcase = tcase_create("policy");
    tcase_add_loop_test(tcase, the_owner_may_do_everything, 0, 3);
    tcase_add_loop_test(tcase, nobody_else_may_do_anything, 0, 3);
    tcase_add_loop_test(tcase, the_zero_subject_is_nobody_even_where_nobody_owns, 0, 3);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
