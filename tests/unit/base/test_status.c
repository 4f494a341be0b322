/* SPDX-License-Identifier: MIT */
/* test_status - the list of outcomes, assertions and memory.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/check.h"
#include "core/base/status.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <stdint.h>
#include <string.h>

typedef struct {
    unsigned number;
    const char *name;
    const char *text;
} listed_t;

static const listed_t list[] = {
#define X(number, name, text) {number, #name, text},
    FSP_STATUS_LIST(X)
#undef X
};
enum { LIST_COUNT = sizeof(list) / sizeof(list[0]) };

START_TEST(every_listed_status_is_known_by_number_name_and_text)
{
    ck_assert_int_gt(LIST_COUNT, 40);
    for (size_t i = 0; i < LIST_COUNT; i++) {
        ck_assert(fsp_status_known(list[i].number));
        ck_assert_str_eq(fsp_status_name((fsp_status_t)list[i].number), list[i].name);
        ck_assert_str_eq(fsp_status_text((fsp_status_t)list[i].number), list[i].text);
        ck_assert_uint_gt(strlen(list[i].text), 0);
    }
}
END_TEST

START_TEST(numbers_rise_and_names_are_unique)
{
    for (size_t i = 1; i < LIST_COUNT; i++) {
        ck_assert_uint_gt(list[i].number, list[i - 1].number);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(list[i].name, list[j].name);
    }
}
END_TEST

/* Results of the state machine are stored with these: a change here breaks every log. */
START_TEST(stored_numbers_never_change)
{
    ck_assert_int_eq(FSP_OK, 0);
    ck_assert_int_eq(FSP_INVALID, 1);
    ck_assert_int_eq(FSP_TOO_LARGE, 2);
    ck_assert_int_eq(FSP_NOT_FOUND, 20);
    ck_assert_int_eq(FSP_EXISTS, 30);
    ck_assert_int_eq(FSP_OP_REUSED, 39);
    ck_assert_int_eq(FSP_BUSY, 50);
    ck_assert_int_eq(FSP_FORBIDDEN, 71);
    ck_assert_int_eq(FSP_QUOTA, 80);
    ck_assert_int_eq(FSP_DAMAGED, 90);
    ck_assert_int_eq(FSP_INTERNAL, 100);
}
END_TEST

START_TEST(unlisted_numbers_are_unknown)
{
    unsigned known = 0;
    for (unsigned number = 0; number < 1000; number++) {
        if (fsp_status_known(number))
            known++;
        else
            ck_assert_str_eq(fsp_status_name((fsp_status_t)number), "UNLISTED");
    }
    ck_assert_uint_eq(known, LIST_COUNT);
    ck_assert(!fsp_status_known(UINT32_MAX));
}
END_TEST

START_TEST(error_carries_status_and_words)
{
    fsp_error_t error;
    ck_assert_int_eq(fsp_error_set(&error, FSP_IO, "%s: line %d", "a.zpl", 7), FSP_IO);
    ck_assert_int_eq(error.status, FSP_IO);
    ck_assert_str_eq(error.text, "a.zpl: line 7");
    ck_assert_int_eq(fsp_error_set(NULL, FSP_DAMAGED, "nobody reads this"), FSP_DAMAGED);
}
END_TEST

START_TEST(long_error_text_is_cut)
{
    char words[1000];
    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    fsp_error_t error;
    (void)fsp_error_set(&error, FSP_IO, "%s", words);
    ck_assert_uint_eq(strlen(error.text), sizeof(error.text) - 1);
}
END_TEST

static void
break_slow_check(void)
{
    FSP_CHECK_SLOW(1 + 1 == 3);
}

START_TEST(assertions_hold_or_abort)
{
    FSP_ASSERT(1);
    FSP_PRE(1);
    FSP_POST(1);
    FSP_IMPLIES(0, 0);
    FSP_IMPLIES(1, 1);
    FSP_EXPECT_ABORT(FSP_ASSERT(0));
    FSP_EXPECT_ABORT(FSP_PRE(0));
    FSP_EXPECT_ABORT(FSP_POST(0));
    FSP_EXPECT_ABORT(FSP_IMPLIES(1, 0));
    FSP_EXPECT_ABORT(FSP_UNREACHABLE());
    /* Compound conditions are negated as a whole. */
    FSP_ASSERT(0 || 1);
    FSP_EXPECT_ABORT(FSP_ASSERT(1 && 0));
#ifdef FSP_SLOW_CHECKS
    FSP_EXPECT_ABORT(break_slow_check());
#else
    break_slow_check();
#endif
}
END_TEST

START_TEST(memory_is_never_null_and_zeroed_where_promised)
{
    uint8_t *zeroed = fsp_alloc(100);
    uint32_t *array = fsp_alloc_array(25, sizeof(uint32_t));
    for (size_t i = 0; i < 100; i++)
        ck_assert_uint_eq(zeroed[i], 0);
    for (size_t i = 0; i < 25; i++)
        ck_assert_uint_eq(array[i], 0);
    void *nothing = fsp_alloc(0);
    void *raw_nothing = fsp_alloc_raw(0);
    void *none = fsp_alloc_array(0, 8);
    ck_assert(nothing && raw_nothing && none);
    memset(zeroed, 7, 100);
    zeroed = fsp_realloc(zeroed, 200);
    ck_assert_uint_eq(zeroed[99], 7);
    zeroed = fsp_realloc(zeroed, 0);
    ck_assert(zeroed);
    char *copy = fsp_strdup("words");
    ck_assert_str_eq(copy, "words");
    listed_t *one = FSP_NEW(listed_t);
    ck_assert(!one->name);
    fsp_free(one);
    fsp_free(copy);
    fsp_free(none);
    fsp_free(raw_nothing);
    fsp_free(nothing);
    fsp_free(array);
    fsp_free(zeroed);
    fsp_free(NULL);
}
END_TEST

START_TEST(array_size_that_overflows_aborts)
{
    volatile size_t many = SIZE_MAX / 2;
    FSP_EXPECT_ABORT(fsp_free(fsp_alloc_array(many, 3)));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("status");
    TCase *tests = tcase_create("status");
    tcase_add_test(tests, every_listed_status_is_known_by_number_name_and_text);
    tcase_add_test(tests, numbers_rise_and_names_are_unique);
    tcase_add_test(tests, stored_numbers_never_change);
    tcase_add_test(tests, unlisted_numbers_are_unknown);
    tcase_add_test(tests, error_carries_status_and_words);
    tcase_add_test(tests, long_error_text_is_cut);
    tcase_add_test(tests, assertions_hold_or_abort);
    tcase_add_test(tests, memory_is_never_null_and_zeroed_where_promised);
    tcase_add_test(tests, array_size_that_overflows_aborts);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
