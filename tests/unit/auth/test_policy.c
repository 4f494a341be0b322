/* SPDX-License-Identifier: MIT */
/* test_policy - who may do what.  Tests. */
#include "core/auth/policy.h"
#include "tests/unit/suite.h"

static fsp_subject_id_t
id(uint8_t number)
{
    return (fsp_subject_id_t){{number, 7}};
}

static fsp_subject_t
subject(uint8_t number)
{
    return (fsp_subject_t){.id = id(number), .ceiling = FSP_RIGHTS_ALL};
}

static fsp_resource_t
resource(uint32_t granted)
{
    return (fsp_resource_t){.owner = id(1), .granted = granted, .bounds = FSP_RIGHTS_ALL};
}

START_TEST(the_owner_has_every_right)
{
    fsp_subject_t owner = subject(1);
    fsp_resource_t there = resource(0);
    ck_assert_uint_eq(fsp_policy_rights(&owner, &there), FSP_RIGHTS_ALL);
    ck_assert_int_eq(fsp_policy(&owner, 1u << _i, &there), FSP_OK);
}
END_TEST

START_TEST(others_have_what_is_granted_and_nothing_else)
{
    fsp_subject_t other = subject(2);
    for (uint32_t granted = 0; granted <= FSP_RIGHTS_ALL; granted++) {
        fsp_resource_t there = resource(granted);
        bool has = granted & 1u << _i;
        ck_assert_int_eq(fsp_policy(&other, 1u << _i, &there), has ? FSP_OK : FSP_FORBIDDEN);
    }
}
END_TEST

START_TEST(all_of_what_is_wanted_must_be_there)
{
    fsp_subject_t other = subject(2);
    fsp_resource_t there = resource(FSP_RIGHT_READ);
    ck_assert_int_eq(fsp_policy(&other, FSP_RIGHT_READ | FSP_RIGHT_WRITE, &there), FSP_FORBIDDEN);
}
END_TEST

START_TEST(ceiling_and_bounds_bind_the_owner_too)
{
    fsp_subject_t owner = subject(1);
    fsp_resource_t there = resource(0);
    owner.ceiling = FSP_RIGHT_READ | FSP_RIGHT_WRITE;
    ck_assert_uint_eq(fsp_policy_rights(&owner, &there), FSP_RIGHT_READ | FSP_RIGHT_WRITE);
    there.bounds = FSP_RIGHT_WRITE | FSP_RIGHT_DELETE;
    ck_assert_uint_eq(fsp_policy_rights(&owner, &there), FSP_RIGHT_WRITE);
}
END_TEST

START_TEST(the_zero_subject_is_nobody_even_where_nobody_owns)
{
    fsp_subject_t nobody = {.ceiling = FSP_RIGHTS_ALL};
    fsp_resource_t there = {.granted = FSP_RIGHTS_ALL, .bounds = FSP_RIGHTS_ALL};
    ck_assert_int_eq(fsp_policy(&nobody, 1u << _i, &there), FSP_FORBIDDEN);
    const fsp_rule_t damaged = {.rights = FSP_RIGHTS_ALL};
    ck_assert_uint_eq(fsp_policy_grant(&nobody, &damaged, 1), 0);
}
END_TEST

START_TEST(rules_grant_to_the_subject_and_to_its_groups)
{
    const fsp_rule_t rules[] = {
        {id(2), FSP_RIGHT_READ}, {id(3), FSP_RIGHT_WRITE}, {id(4), FSP_RIGHT_SHARE}};
    fsp_subject_t other = subject(2);
    ck_assert_uint_eq(fsp_policy_grant(&other, rules, 3), FSP_RIGHT_READ);
    ck_assert_uint_eq(fsp_policy_grant(&other, rules, 0), 0);
    other.groups[0] = id(4);
    other.group_count = 1;
    ck_assert_uint_eq(fsp_policy_grant(&other, rules, 3), FSP_RIGHT_READ | FSP_RIGHT_SHARE);
    other.id = id(9);
    ck_assert_uint_eq(fsp_policy_grant(&other, rules, 3), FSP_RIGHT_SHARE);
    other.group_count = 0; /* what stands behind the count says nothing */
    ck_assert_uint_eq(fsp_policy_grant(&other, rules, 3), 0);
}
END_TEST

int
main(void)
{
    enum { RIGHTS = 5 };
    Suite *suite = suite_create("policy");
    TCase *tcase = tcase_create("policy");
    tcase_add_loop_test(tcase, the_owner_has_every_right, 0, RIGHTS);
    tcase_add_loop_test(tcase, others_have_what_is_granted_and_nothing_else, 0, RIGHTS);
    tcase_add_test(tcase, all_of_what_is_wanted_must_be_there);
    tcase_add_test(tcase, ceiling_and_bounds_bind_the_owner_too);
    tcase_add_loop_test(tcase, the_zero_subject_is_nobody_even_where_nobody_owns, 0, RIGHTS);
    tcase_add_test(tcase, rules_grant_to_the_subject_and_to_its_groups);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
