/* SPDX-License-Identifier: MIT */
/* test_fifo - a queue of items of one size.  Layer tests. */
#include "core/engine/fifo.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

START_TEST(gives_items_in_the_order_they_came_while_it_wraps_and_grows)
{
    fsp_fifo_t fifo;
    fsp_fifo_init(&fifo, sizeof(uint64_t));
    uint64_t in = 0;
    uint64_t out = 0;
    for (size_t round = 1; round < 60; round++) {
        for (size_t i = 0; i < round; i++) {
            uint64_t *item = fsp_fifo_push(&fifo);
            ck_assert_uint_eq(*item, 0);
            *item = in++;
        }
        for (size_t i = 0; i + 3 < round; i++) {
            ck_assert_uint_eq(*(uint64_t *)fsp_fifo_at(&fifo, 2), out + 2);
            ck_assert_uint_eq(*(uint64_t *)fsp_fifo_first(&fifo), out++);
            fsp_fifo_pop(&fifo);
        }
    }
    ck_assert_uint_eq(fifo.count, in - out);
    fsp_fifo_clear(&fifo);
    ck_assert_ptr_null(fsp_fifo_first(&fifo));
    *(uint64_t *)fsp_fifo_push(&fifo) = 7;
    ck_assert_uint_eq(*(uint64_t *)fsp_fifo_first(&fifo), 7);
    fsp_fifo_clear(&fifo);
}
END_TEST

START_TEST(drops_the_youngest_across_the_wrap)
{
    fsp_fifo_t fifo;
    fsp_fifo_init(&fifo, sizeof(uint64_t));
    for (uint64_t i = 0; i < 16; i++)
        *(uint64_t *)fsp_fifo_push(&fifo) = i;
    for (size_t i = 0; i < 5; i++)
        fsp_fifo_pop(&fifo);
    for (uint64_t i = 16; i < 20; i++)
        *(uint64_t *)fsp_fifo_push(&fifo) = i;
    for (uint64_t last = 19; last > 5; last--) {
        ck_assert_uint_eq(*(uint64_t *)fsp_fifo_at(&fifo, fifo.count - 1), last);
        ck_assert_uint_eq(*(uint64_t *)fsp_fifo_first(&fifo), 5);
        fsp_fifo_drop_last(&fifo);
    }
    ck_assert_uint_eq(fifo.count, 1);
    fsp_fifo_drop_last(&fifo);
    ck_assert_ptr_null(fsp_fifo_first(&fifo));
    *(uint64_t *)fsp_fifo_push(&fifo) = 7;
    ck_assert_uint_eq(*(uint64_t *)fsp_fifo_first(&fifo), 7);
    fsp_fifo_clear(&fifo);
}
END_TEST

START_TEST(has_nothing_beyond_its_end)
{
    fsp_fifo_t fifo;
    fsp_fifo_init(&fifo, 3);
    FSP_EXPECT_ABORT(fsp_fifo_pop(&fifo));
    FSP_EXPECT_ABORT(fsp_fifo_drop_last(&fifo));
    FSP_EXPECT_ABORT((void)fsp_fifo_at(&fifo, 0));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fifo");
    TCase *tests = tcase_create("fifo");
    tcase_add_test(tests, gives_items_in_the_order_they_came_while_it_wraps_and_grows);
    tcase_add_test(tests, drops_the_youngest_across_the_wrap);
    tcase_add_test(tests, has_nothing_beyond_its_end);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
