/* SPDX-License-Identifier: MIT */
/* test_prng - the seeded generator.  Layer tests.
 *
 * The vectors were computed by an implementation in Python, written apart from prng.c.
 */
#include "core/base/prng.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

typedef struct {
    uint64_t seed;
    uint64_t state[4];
    uint64_t first[8];
    uint64_t thousandth;
} vector_t;

static const vector_t vectors[] = {
    {0,
     {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec},
     {0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0, 0x6aa594f1262d2d2c,
      0xbba5ad4a1f842e59, 0xffef8375d9ebcaca, 0x6c160deed2f54c98, 0x8920ad648fc30a3f},
     0x7aac8c483a2edd2f},
    {1,
     {0x910a2dec89025cc1, 0xbeeb8da1658eec67, 0xf893a2eefb32555e, 0x71c18690ee42c90b},
     {0xb3f2af6d0fc710c5, 0x853b559647364cea, 0x92f89756082a4514, 0x642e1c7bc266a3a7,
      0xb27a48e29a233673, 0x24c123126ffda722, 0x123004ef8df510e6, 0x61954dcc47b1e89d},
     0xb8517c33c344d153},
    {42,
     {0xbdd732262feb6e95, 0x28efe333b266f103, 0x47526757130f9f52, 0x581ce1ff0e4ae394},
     {0x15780b2e0c2ec716, 0x6104d9866d113a7e, 0xae17533239e499a1, 0xecb8ad4703b360a1,
      0xfde6dc7fe2ec5e64, 0xc50da53101795238, 0xb82154855a65ddb2, 0xd99a2743ebe60087},
     0x8de5848c61ab8968},
    {UINT64_MAX,
     {0xe4d971771b652c20, 0xe99ff867dbf682c9, 0x382ff84cb27281e9, 0x6d1db36ccba982d2},
     {0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e, 0xbf658d7e065f3c2f,
      0x913593fda1bca32a, 0xbb535e93941ba525, 0x5ecda415c3c6dfde, 0xc487398fc9de9ae2},
     0xc3c93ea5cde434cc}};
enum { VECTOR_COUNT = sizeof(vectors) / sizeof(vectors[0]) };

START_TEST(numbers_fit_the_vectors)
{
    const vector_t *vector = &vectors[_i];
    fsp_prng_t prng;
    fsp_prng_init(&prng, vector->seed);
    ck_assert_mem_eq(prng.state, vector->state, sizeof(prng.state));
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(fsp_prng_next(&prng), vector->first[i]);
    for (int i = 8; i < 999; i++)
        (void)fsp_prng_next(&prng);
    ck_assert_uint_eq(fsp_prng_next(&prng), vector->thousandth);
}
END_TEST

START_TEST(below_fits_the_vectors)
{
    static const uint64_t bounds[] = {1,
                                      2,
                                      3,
                                      10,
                                      1000,
                                      (uint64_t)1 << 32,
                                      ((uint64_t)1 << 63) + 1,
                                      UINT64_MAX,
                                      1000000000000000000,
                                      6};
    static const uint64_t expected[] = {
        0, 0, 0, 4, 664, 3055651913, 763097503181529494, 13500401043614375896u, 320858093524191697,
        5};
    static const uint64_t state[4] = {0x0b09d4ce8615bb7f, 0x911633ebf4db0f5e, 0x7b78f09c5a5d4ea4,
                                      0x5a83cc18a7128af8};
    fsp_prng_t prng;
    fsp_prng_init(&prng, 7);
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        ck_assert_uint_eq(fsp_prng_below(&prng, bounds[i]), expected[i]);
    /* The same numbers were refused, too. */
    ck_assert_mem_eq(prng.state, state, sizeof(state));
}
END_TEST

START_TEST(below_stays_below_and_is_even)
{
    enum { BOUND = 6, DRAWS = 60000 };
    fsp_prng_t prng;
    fsp_prng_init(&prng, 11);
    unsigned counts[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t number = fsp_prng_below(&prng, BOUND);
        ck_assert_uint_lt(number, BOUND);
        counts[number]++;
    }
    for (int i = 0; i < BOUND; i++) {
        ck_assert_uint_gt(counts[i], DRAWS / BOUND * 95 / 100);
        ck_assert_uint_lt(counts[i], DRAWS / BOUND * 105 / 100);
    }
    FSP_EXPECT_ABORT((void)fsp_prng_below(&prng, 0));
}
END_TEST

START_TEST(chance_is_never_always_and_in_between)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, 13);
    unsigned hits = 0;
    for (int i = 0; i < 10000; i++) {
        ck_assert(!fsp_prng_chance(&prng, 0, 7));
        ck_assert(fsp_prng_chance(&prng, 7, 7));
        hits += fsp_prng_chance(&prng, 1, 4);
    }
    ck_assert_uint_gt(hits, 2300);
    ck_assert_uint_lt(hits, 2700);
    FSP_EXPECT_ABORT((void)fsp_prng_chance(&prng, 1, 0));
}
END_TEST

START_TEST(fill_writes_low_byte_first_and_nothing_behind)
{
    static const uint8_t expected[] = {0x5a, 0x76, 0xf9, 0x4e, 0xf7, 0xfa, 0x58, 0xb3, 0xd2, 0x2c,
                                       0x48, 0x4f, 0x96, 0x3d, 0x5c, 0x47, 0x96, 0x79, 0x2c, 0xee};
    uint8_t bytes[20];
    memset(bytes, 0xee, sizeof(bytes));
    fsp_prng_t prng;
    fsp_prng_init(&prng, 7);
    fsp_prng_fill(&prng, bytes, 19);
    ck_assert_mem_eq(bytes, expected, sizeof(bytes));
    ck_assert_uint_eq(fsp_prng_next(&prng), 0xfb2938731e807240);
    fsp_prng_fill(&prng, NULL, 0);
}
END_TEST

START_TEST(mix_fits_the_vectors)
{
    ck_assert_uint_eq(fsp_mix64(0), 0);
    ck_assert_uint_eq(fsp_mix64(1), 0x5692161d100b05e5);
    ck_assert_uint_eq(fsp_mix64(2), 0xdbd238973a2b148a);
    ck_assert_uint_eq(fsp_mix64(0x9e3779b97f4a7c15), 0xe220a8397b1dcdaf);
    ck_assert_uint_eq(fsp_mix64(UINT64_MAX), 0xb4d055fcf2cbbd7b);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("prng");
    TCase *tests = tcase_create("prng");
    tcase_add_loop_test(tests, numbers_fit_the_vectors, 0, VECTOR_COUNT);
    tcase_add_test(tests, below_fits_the_vectors);
    tcase_add_test(tests, below_stays_below_and_is_even);
    tcase_add_test(tests, chance_is_never_always_and_in_between);
    tcase_add_test(tests, fill_writes_low_byte_first_and_nothing_behind);
    tcase_add_test(tests, mix_fits_the_vectors);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
