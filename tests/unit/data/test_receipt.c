/* SPDX-License-Identifier: MIT */
/* test_receipt - a receipt says what was signed, and nothing else passes. */
#include "core/base/prng.h"
#include "core/data/receipt.h"
#include "tests/unit/suite.h"

static fsp_sign_key_t key;

static fsp_receipt_t
example(void)
{
    fsp_receipt_t receipt = {.version_id = {{1}},
                             .content_root = {{2}},
                             .sha256 = {{3}},
                             .durable_copies = 2,
                             .wanted_copies = 3,
                             .class_count = 2,
                             .change = 4711,
                             .issued = 1764083916000000};
    receipt.classes[0] = (fsp_receipt_class_t){.kind = FSP_OBJECT_CHUNK,
                                               .count = 70000,
                                               .nodes = {{{8}}, {{9}}},
                                               .node_count = 2,
                                               .zone_count = 2};
    receipt.classes[1] = (fsp_receipt_class_t){.kind = FSP_OBJECT_TREE,
                                               .count = 69,
                                               .nodes = {{{7}}, {{9}}},
                                               .node_count = 2,
                                               .zone_count = 1};
    return receipt;
}

static void
sign_example(fsp_buf_t *buf)
{
    fsp_secret_t seed;
    memset(seed.bytes, 0x42, sizeof(seed.bytes));
    fsp_sign_key_from_seed(&key, &seed);
    fsp_receipt_t receipt = example();
    fsp_buf_init(buf, FSP_RECEIPT_BYTES_MAX);
    fsp_receipt_sign(&receipt, &key, buf);
    ck_assert(fsp_buf_ok(buf));
}

START_TEST(signed_receipt_says_what_was_signed)
{
    fsp_buf_t buf;
    sign_example(&buf);
    fsp_receipt_t got, want = example();
    ck_assert_int_eq(fsp_receipt_verify(fsp_buf_slice(&buf), &got), FSP_OK);
    ck_assert(fsp_version_id_eq(got.version_id, want.version_id));
    ck_assert(fsp_key_eq(got.content_root, want.content_root));
    ck_assert(fsp_hash_eq(got.sha256, want.sha256));
    ck_assert_uint_eq(got.durable_copies, 2);
    ck_assert_uint_eq(got.wanted_copies, 3);
    ck_assert_uint_eq(got.class_count, 2);
    ck_assert_uint_eq(got.classes[0].count, 70000);
    ck_assert_uint_eq(got.classes[1].node_count, 2);
    ck_assert(fsp_node_id_eq(got.classes[1].nodes[1], want.classes[1].nodes[1]));
    ck_assert_uint_eq(got.change, 4711);
    ck_assert_uint_eq(got.issued, want.issued);
    ck_assert_mem_eq(got.node_key, key.public_key, 32);
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(every_flipped_bit_is_refused)
{
    fsp_buf_t buf;
    sign_example(&buf);
    for (size_t bit = 0; bit < buf.bytes * 8; bit++) {
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        fsp_receipt_t got;
        ck_assert_int_ne(fsp_receipt_verify(fsp_buf_slice(&buf), &got), FSP_OK);
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(every_cut_and_any_garbage_is_refused)
{
    fsp_buf_t buf;
    sign_example(&buf);
    fsp_receipt_t got;
    for (size_t bytes = 0; bytes < buf.bytes; bytes++)
        ck_assert_int_eq(fsp_receipt_verify(fsp_slice(buf.data, bytes), &got), FSP_INVALID);
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(1));
    uint8_t garbage[512];
    for (int i = 0; i < 20000; i++) {
        size_t bytes = fsp_prng_below(&prng, sizeof(garbage));
        fsp_prng_fill(&prng, garbage, bytes);
        ck_assert_int_ne(fsp_receipt_verify(fsp_slice(garbage, bytes), &got), FSP_OK);
    }
    fsp_buf_clear(&buf);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("receipt");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, signed_receipt_says_what_was_signed);
    tcase_add_test(tests, every_flipped_bit_is_refused);
    tcase_add_test(tests, every_cut_and_any_garbage_is_refused);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
