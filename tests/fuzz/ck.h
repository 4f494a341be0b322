/* SPDX-License-Identifier: MIT */
/* ck - Check's assertions for fuzz targets, which so share helpers with unit tests.  Layer tests.
 *
 * Include before any header of tests/unit: it stands in for suite.h.
 */
#ifndef FSP_TESTS_FUZZ_CK_H
#define FSP_TESTS_FUZZ_CK_H
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#define FSP_TESTS_UNIT_SUITE_H
typedef struct TCase TCase;
#define tcase_create(name_) ((void)(name_), (TCase *)NULL)
#define tcase_add_checked_fixture(tcase_, up_, down_) ((void)(tcase_), (void)(up_), (void)(down_))
#define tcase_set_timeout(tcase_, seconds_) ((void)(tcase_), (void)(seconds_))

#define ck_assert(condition_) FUZZ_CHECK(condition_)
#define ck_assert_msg(condition_, ...) FUZZ_CHECK(condition_)
#define ck_assert_int_eq(a_, b_) FUZZ_CHECK((a_) == (b_))
#define ck_assert_int_ne(a_, b_) FUZZ_CHECK((a_) != (b_))
#define ck_assert_uint_eq(a_, b_) FUZZ_CHECK((uint64_t)(a_) == (uint64_t)(b_))
#define ck_assert_uint_lt(a_, b_) FUZZ_CHECK((uint64_t)(a_) < (uint64_t)(b_))
#define ck_assert_uint_le(a_, b_) FUZZ_CHECK((uint64_t)(a_) <= (uint64_t)(b_))
#define ck_assert_uint_gt(a_, b_) FUZZ_CHECK((uint64_t)(a_) > (uint64_t)(b_))
#define ck_assert_uint_ge(a_, b_) FUZZ_CHECK((uint64_t)(a_) >= (uint64_t)(b_))
#define ck_assert_mem_eq(a_, b_, bytes_) FUZZ_CHECK(memcmp((a_), (b_), (bytes_)) == 0)
#define ck_assert_ptr_nonnull(a_) FUZZ_CHECK((a_) != NULL)
#define ck_assert_ptr_null(a_) FUZZ_CHECK((a_) == NULL)
#define ck_abort() FSP_UNREACHABLE()
#endif
