/* SPDX-License-Identifier: MIT */
/* test_content - what a load puts: the same however it is read, found out when it was changed, and
 * nothing in common with any other. */
#include "bench/content.h"

#include "core/base/alloc.h"
#include "core/base/prng.h"
#include "tests/unit/suite.h"

#include <string.h>

enum { BYTES = 100000, LARGE_BYTES = 3 * BENCH_POOL_BYTES + 5 };
static uint8_t *pool, *first, *second;

static void
set_up(void)
{
    pool = fsp_alloc_raw(BENCH_POOL_BYTES);
    first = fsp_alloc(LARGE_BYTES);
    second = fsp_alloc(LARGE_BYTES);
    bench_pool_fill(pool, 1);
}

static void
tear_down(void)
{
    fsp_free(pool);
    fsp_free(first);
    fsp_free(second);
}

static size_t
make(const bench_extents_t *extents, uint8_t *ret, size_t bytes_max)
{
    bench_content_at_t at;
    bench_content_start(&at, pool, extents);
    size_t bytes = bench_content_make(&at, ret, bytes_max);
    ck_assert(bench_content_whole(&at) == (bytes == bench_extents_bytes(extents)));
    return bytes;
}

/* Compares in pieces of random size. */
static bool
fits(const bench_extents_t *extents, const uint8_t *data, size_t bytes, fsp_prng_t *prng)
{
    bench_content_at_t at;
    bench_content_start(&at, pool, extents);
    for (size_t done = 0; done < bytes;) {
        size_t some = 1 + (size_t)fsp_prng_below(prng, 9000);
        some = some < bytes - done ? some : bytes - done;
        bench_content_check(&at, data + done, some);
        done += some;
    }
    return bench_content_whole(&at);
}

START_TEST(pieces_of_any_size_give_the_same)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2));
    bench_extents_t extents = bench_extents(99, LARGE_BYTES);
    ck_assert_uint_eq(make(&extents, first, LARGE_BYTES), LARGE_BYTES);
    bench_content_at_t at;
    bench_content_start(&at, pool, &extents);
    size_t done = 0;
    while (!bench_content_whole(&at)) {
        size_t some = 1 + (size_t)fsp_prng_below(&prng, 300000);
        done += bench_content_make(&at, second + done,
                                   some < LARGE_BYTES - done ? some : LARGE_BYTES - done);
    }
    ck_assert_uint_eq(done, LARGE_BYTES);
    ck_assert_int_eq(memcmp(first, second, LARGE_BYTES), 0);
    ck_assert(fits(&extents, first, LARGE_BYTES, &prng));
}
END_TEST

START_TEST(a_changed_octet_is_found_wherever_it_is)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(3));
    bench_extents_t extents = bench_extents(5, BYTES);
    (void)make(&extents, first, BYTES);
    for (int i = 0; i < 300; i++) {
        /* Every other one within the stamp at the head of a block. */
        size_t at = i % 2 ? (size_t)fsp_prng_below(&prng, BYTES)
                          : (size_t)fsp_prng_below(&prng, BYTES / 4096) * 4096 + (size_t)i % 8;
        first[at] ^= 1;
        ck_assert_msg(!fits(&extents, first, BYTES, &prng), "octet %zu", at);
        first[at] ^= 1;
    }
    ck_assert(fits(&extents, first, BYTES, &prng));
}
END_TEST

START_TEST(what_is_too_short_or_too_long_does_not_fit)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, 4);
    bench_extents_t extents = bench_extents(5, BYTES), longer = bench_extents(5, BYTES + 1);
    (void)make(&longer, first, BYTES + 1);
    ck_assert(fits(&extents, first, BYTES, &prng));
    ck_assert(!fits(&extents, first, BYTES - 1, &prng));
    ck_assert(!fits(&extents, first, BYTES + 1, &prng));
    ck_assert(!fits(&extents, first, 0, &prng));
}
END_TEST

START_TEST(two_keys_have_no_block_in_common)
{
    bench_extents_t one = bench_extents(5, BYTES), two = bench_extents(6, BYTES);
    (void)make(&one, first, BYTES);
    (void)make(&two, second, BYTES);
    for (size_t i = 0; i + 4096 <= BYTES; i += 4096)
        for (size_t k = 0; k + 4096 <= BYTES; k += 4096)
            ck_assert(memcmp(first + i, second + k, 4096) != 0);
}
END_TEST

START_TEST(a_large_one_does_not_repeat_itself)
{
    bench_extents_t extents = bench_extents(5, LARGE_BYTES);
    (void)make(&extents, first, LARGE_BYTES);
    for (size_t at = 0; at + BENCH_POOL_BYTES + 4096 <= LARGE_BYTES; at += 4096)
        ck_assert(memcmp(first + at, first + at + BENCH_POOL_BYTES, 4096) != 0);
}
END_TEST

START_TEST(an_insert_moves_what_is_behind_it)
{
    bench_extents_t plain = bench_extents(5, BYTES);
    bench_extents_t edited = {.extent = {{5, 0, 50001}, {6, 0, 123}, {5, 50001, BYTES - 50001}},
                              .count = 3};
    ck_assert_uint_eq(make(&plain, first, BYTES), BYTES);
    ck_assert_uint_eq(make(&edited, second, LARGE_BYTES), BYTES + 123);
    ck_assert_int_eq(memcmp(first, second, 50001), 0);
    ck_assert_int_eq(memcmp(first + 50001, second + 50001 + 123, BYTES - 50001), 0);
    ck_assert_int_ne(memcmp(first + 50001, second + 50001, 123), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("content");
    TCase *tests = tcase_create("content");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, pieces_of_any_size_give_the_same);
    tcase_add_test(tests, a_changed_octet_is_found_wherever_it_is);
    tcase_add_test(tests, what_is_too_short_or_too_long_does_not_fit);
    tcase_add_test(tests, two_keys_have_no_block_in_common);
    tcase_add_test(tests, a_large_one_does_not_repeat_itself);
    tcase_add_test(tests, an_insert_moves_what_is_behind_it);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
