/* SPDX-License-Identifier: MIT */
/* test_chunker - content-defined cuts.  Layer tests.
 *
 * Vectors by tests/unit/data/vectors.py: cut key 00..1f, bytes of fsp_prng_fill.
 */
#include "core/base/alloc.h"
#include "core/base/limits.h"
#include "core/base/prng.h"
#include "core/crypto/digest.h"
#include "core/data/chunker.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

enum { CUTS_MAX = 20000 };
static const fsp_chunk_params_t small = {64, 256, 1024};

static fsp_secret_t
cut_key(uint8_t first)
{
    fsp_secret_t secret;
    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        secret.bytes[i] = (uint8_t)(i + first);
    return secret;
}

static fsp_gear_t *
gear(uint8_t first, const fsp_chunk_params_t *params)
{
    fsp_secret_t secret = cut_key(first);
    return fsp_gear_new(&secret, params);
}

static uint8_t *
bytes_of(uint64_t seed, size_t bytes)
{
    uint8_t *data = fsp_alloc_raw(bytes);
    fsp_prng_t prng;
    fsp_prng_init(&prng, seed);
    fsp_prng_fill(&prng, data, bytes);
    return data;
}

/* Lengths of all chunks, fed in pieces of random size (prng) or whole (NULL). */
static size_t
cut_all(const fsp_gear_t *by, fsp_slice_t bytes, fsp_prng_t *prng, size_t piece_max,
        size_t *ret_lengths)
{
    fsp_chunker_t chunker;
    fsp_chunker_init(&chunker, by);
    size_t count = 0, length = 0, at = 0;
    while (at < bytes.bytes) {
        size_t piece = bytes.bytes - at;
        if (prng) {
            size_t random = (size_t)fsp_prng_below(prng, piece_max + 1); /* also 0 */
            piece = random < piece ? random : piece;
        }
        while (true) {
            bool cut = true;
            size_t used = fsp_chunker_feed(&chunker, fsp_slice(bytes.data + at, piece), &cut);
            /* ck_assert writes to a pipe, too slow for here. */
            if (used > piece || (!cut && used < piece))
                ck_abort_msg("feed used %zu of %zu bytes, cut %d", used, piece, cut);
            at += used;
            length += used;
            piece -= used;
            if (!cut)
                break;
            if (count == CUTS_MAX)
                ck_abort_msg("too many cuts");
            ret_lengths[count++] = length;
            length = 0;
        }
    }
    if (length)
        ret_lengths[count++] = length;
    return count;
}

static void
expect_lengths(const fsp_gear_t *by, fsp_slice_t bytes, const size_t *expected, size_t count)
{
    static size_t lengths[CUTS_MAX];
    ck_assert_uint_eq(cut_all(by, bytes, NULL, 0, lengths), count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(lengths[i], expected[i]);
}

START_TEST(small_cuts_fit_the_vector)
{
    static const size_t expected[] = {302, 283, 378, 354, 258, 353, 432, 81,  329,
                                      264, 414, 267, 195, 118, 336, 411, 345, 279,
                                      454, 275, 303, 427, 203, 158, 701, 272};
    static const size_t zeros_expected[] = {1024, 1024, 952};
    fsp_gear_t *by = gear(0, &small);
    uint8_t *data = bytes_of(11, 8192);
    expect_lengths(by, fsp_slice(data, 8192), expected, sizeof(expected) / sizeof(expected[0]));
    memset(data, 0, 3000);
    expect_lengths(by, fsp_slice(data, 3000), zeros_expected, 3);
    fsp_free(data);
    fsp_gear_destroy(&by);
    ck_assert_ptr_null(by);
    fsp_gear_destroy(&by);
}
END_TEST

START_TEST(default_cuts_fit_the_vector)
{
    static const size_t expected[] = {1233996, 1228609, 1593396, 1111002, 1615063, 1139814, 466728};
    fsp_gear_t *by = gear(0, &fsp_chunk_params_default);
    size_t bytes = (size_t)8 << 20;
    uint8_t *data = bytes_of(12, bytes);
    expect_lengths(by, fsp_slice(data, bytes), expected, sizeof(expected) / sizeof(expected[0]));
    fsp_free(data);
    fsp_gear_destroy(&by);
}
END_TEST

START_TEST(cuts_do_not_depend_on_pieces)
{
    static size_t whole[CUTS_MAX], pieced[CUTS_MAX];
    static const size_t pieces_max[] = {1, 2, 3, 63, 64, 65, 255, 257, 1023, 1025, 5000, 65536};
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    size_t bytes = 300000;
    uint8_t *data = bytes_of(fsp_prng_next(&prng), bytes);
    memset(data + 1000, 0, 5000); /* with a stretch where only the maximum cuts */
    fsp_gear_t *by = gear(1, &small);
    size_t count = cut_all(by, fsp_slice(data, bytes), NULL, 0, whole);
    for (size_t i = 0; i < sizeof(pieces_max) / sizeof(pieces_max[0]); i++) {
        ck_assert_uint_eq(cut_all(by, fsp_slice(data, bytes), &prng, pieces_max[i], pieced), count);
        ck_assert_mem_eq(pieced, whole, count * sizeof(whole[0]));
    }
    fsp_free(data);
    fsp_gear_destroy(&by);
}
END_TEST

/* From the header and the head of chunker.c, one byte a turn. */
static size_t
plain_cut(const uint64_t *table, const fsp_chunk_params_t *params, const uint8_t *data,
          size_t bytes)
{
    unsigned bits = 0;
    while (1u << bits < params->bytes_avg)
        bits++;
    uint64_t hash = 0;
    for (size_t length = params->bytes_min + 1; length <= bytes && length < params->bytes_max;
         length++) {
        hash = (hash << 1) + table[data[length - 1]];
        unsigned ones = length <= params->bytes_avg ? bits + 2 : bits - 2;
        /* Bits 62, 61, ...: drop bit 63 and look whether the rest begins with so many zeros. */
        if ((hash << 1) >> (64 - ones) == 0)
            return length;
    }
    return bytes < params->bytes_max ? bytes : params->bytes_max;
}

START_TEST(cuts_are_those_of_one_byte_a_turn)
{
    static const fsp_chunk_params_t params[] = {
        {64, 128, 129}, {64, 256, 1024}, {65, 256, 1023}, {127, 128, 4096}, {1000, 4096, 20001}};
    static size_t lengths[CUTS_MAX];
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2));
    fsp_secret_t secret = cut_key(9);
    uint8_t table_bytes[2048];
    uint64_t table[256];
    fsp_hkdf(FSP_SLICE_OF(secret), fsp_slice(NULL, 0), fsp_slice_text("fsp gear v1"), table_bytes,
             sizeof(table_bytes));
    for (size_t i = 0; i < 256; i++)
        table[i] = fsp_load_u64(table_bytes + 8 * i);
    size_t bytes = 500000;
    uint8_t *data = bytes_of(fsp_prng_next(&prng), bytes);
    for (size_t i = 0; i < 5; i++) {
        fsp_gear_t *by = fsp_gear_new(&secret, &params[i]);
        size_t count = cut_all(by, fsp_slice(data, bytes), NULL, 0, lengths), at = 0;
        for (size_t k = 0; k < count; k++) {
            size_t expected = plain_cut(table, &params[i], data + at, bytes - at);
            if (lengths[k] != expected)
                ck_abort_msg("chunk %zu: %zu, not %zu bytes", k, lengths[k], expected);
            at += lengths[k];
        }
        ck_assert_uint_eq(at, bytes);
        fsp_gear_destroy(&by);
    }
    fsp_free(data);
}
END_TEST

START_TEST(lengths_keep_their_bounds_and_follow_an_insertion)
{
    static size_t before[CUTS_MAX], after[CUTS_MAX];
    size_t bytes = 2000000, inserted = 77;
    uint8_t *data = bytes_of(5, bytes + inserted);
    fsp_gear_t *by = gear(3, &small);
    size_t count = cut_all(by, fsp_slice(data + inserted, bytes), NULL, 0, before);
    for (size_t i = 0; i + 1 < count; i++) {
        if (before[i] <= small.bytes_min || before[i] > small.bytes_max)
            ck_abort_msg("chunk %zu has %zu bytes", i, before[i]);
    }
    /* Normalisation gathers the lengths around the average. */
    ck_assert_uint_gt(bytes / count, small.bytes_avg);
    ck_assert_uint_lt(bytes / count, small.bytes_avg * 3 / 2);
    /* Bytes in front change a few chunks only: both lists end alike. */
    size_t after_count = cut_all(by, fsp_slice(data, bytes + inserted), NULL, 0, after);
    size_t same = 0;
    while (same < count && same < after_count &&
           before[count - 1 - same] == after[after_count - 1 - same])
        same++;
    ck_assert_uint_gt(same, count - 20);
    fsp_gear_destroy(&by);
    /* Another key cuts elsewhere. */
    by = gear(4, &small);
    size_t other = cut_all(by, fsp_slice(data + inserted, bytes), NULL, 0, after);
    ck_assert(other != count || memcmp(before, after, count * sizeof(before[0])) != 0);
    fsp_gear_destroy(&by);
    fsp_free(data);
}
END_TEST

/* Equal ends leave out what lies between them; three equal ones leave nothing to the content. */
START_TEST(equal_parameters_cut_by_length)
{
    static const fsp_chunk_params_t fixed = {1000, 1000, 1000}, steep = {256, 256, 1024},
                                    flat = {64, 512, 512};
    enum { BYTES = 100500 };
    static size_t whole[CUTS_MAX], pieces[CUTS_MAX];
    uint8_t *data = bytes_of(11, BYTES);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 12);
    fsp_gear_t *by = gear(0, &fixed);
    size_t count = cut_all(by, fsp_slice(data, BYTES), NULL, 0, whole);
    ck_assert_uint_eq(count, 101);
    for (size_t i = 0; i + 1 < count; i++)
        ck_assert_uint_eq(whole[i], 1000);
    ck_assert_uint_eq(whole[100], 500);
    ck_assert_uint_eq(cut_all(by, fsp_slice(data, BYTES), &prng, 3000, pieces), count);
    ck_assert_mem_eq(whole, pieces, count * sizeof(whole[0]));
    fsp_gear_destroy(&by);
    /* min = avg: the lax mask alone; avg = max: the strict one alone. */
    const fsp_chunk_params_t *halves[] = {&steep, &flat};
    for (size_t h = 0; h < 2; h++) {
        by = gear(0, halves[h]);
        count = cut_all(by, fsp_slice(data, BYTES), NULL, 0, whole);
        bool content = false;
        for (size_t i = 0; i + 1 < count; i++) {
            ck_assert_uint_gt(whole[i], halves[h]->bytes_min);
            ck_assert_uint_le(whole[i], halves[h]->bytes_max);
            content |= whole[i] < halves[h]->bytes_max;
        }
        ck_assert(content);
        ck_assert_uint_eq(cut_all(by, fsp_slice(data, BYTES), &prng, 700, pieces), count);
        ck_assert_mem_eq(whole, pieces, count * sizeof(whole[0]));
        fsp_gear_destroy(&by);
    }
    fsp_free(data);
}
END_TEST

START_TEST(params_have_bounds)
{
    static const fsp_chunk_params_t good[] = {
        {64, 128, 129},      {64, 1 << 21, FSP_CHUNK_BYTES_MAX},
        {4096, 8192, 65536}, {64, 64, 128},
        {64, 128, 128},      {64, FSP_CHUNK_BYTES_MAX, FSP_CHUNK_BYTES_MAX},
        {100, 100, 100},     {FSP_CHUNK_BYTES_MAX, FSP_CHUNK_BYTES_MAX, FSP_CHUNK_BYTES_MAX}};
    static const fsp_chunk_params_t bad[] = {
        {63, 128, 256},
        {0, 0, 0},
        {63, 63, 63},
        {100, 100, 128},
        {64, 100, 100},
        {128, 64, 256},
        {64, 100, 256},
        {64, 128, FSP_CHUNK_BYTES_MAX + 1},
        {FSP_CHUNK_BYTES_MAX + 1, FSP_CHUNK_BYTES_MAX + 1, FSP_CHUNK_BYTES_MAX + 1},
        {UINT32_MAX, UINT32_MAX, UINT32_MAX}};
    ck_assert(fsp_chunk_params_valid(&fsp_chunk_params_default));
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert(fsp_chunk_params_valid(&good[i]));
        fsp_gear_t *by = gear(0, &good[i]);
        ck_assert_mem_eq(fsp_gear_params(by), &good[i], sizeof(good[i]));
        fsp_gear_destroy(&by);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert(!fsp_chunk_params_valid(&bad[i]));
    FSP_EXPECT_ABORT((void)gear(0, &bad[0]));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("chunker");
    TCase *tests = tcase_create("chunker");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, small_cuts_fit_the_vector);
    tcase_add_test(tests, default_cuts_fit_the_vector);
    tcase_add_test(tests, cuts_do_not_depend_on_pieces);
    tcase_add_test(tests, cuts_are_those_of_one_byte_a_turn);
    tcase_add_test(tests, lengths_keep_their_bounds_and_follow_an_insertion);
    tcase_add_test(tests, equal_parameters_cut_by_length);
    tcase_add_test(tests, params_have_bounds);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
