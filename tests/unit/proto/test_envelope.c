/* SPDX-License-Identifier: MIT */
/* test_envelope - the first frame of every message.  Layer tests. */
#include "proto/envelope.h"
#include "tests/unit/aborts.h"
#include "tests/unit/proto/mutate.h"
#include "tests/unit/suite.h"

static const fsp_envelope_t EXAMPLE = {.service = FSP_SERVICE_CLIENT,
                                       .type = FSP_MSG_PUT,
                                       .request_id = 0x0102030405060708,
                                       .body_bytes = 300};
static const uint8_t EXAMPLE_BYTES[FSP_ENVELOPE_BYTES] = {'F', 'S', 'P', 1, 1, 0, 0, 10, 1, 2,
                                                          3,   4,   5,   6, 7, 8, 0, 0,  1, 44};

static fsp_status_t
decode_with(size_t at, uint8_t value)
{
    uint8_t bytes[FSP_ENVELOPE_BYTES];
    memcpy(bytes, EXAMPLE_BYTES, sizeof(bytes));
    bytes[at] = value;
    fsp_envelope_t envelope;
    return fsp_envelope_decode(fsp_slice(bytes, sizeof(bytes)), &envelope);
}

START_TEST(has_golden_bytes)
{
    uint8_t bytes[FSP_ENVELOPE_BYTES];
    fsp_envelope_encode(&EXAMPLE, bytes);
    ck_assert_mem_eq(bytes, EXAMPLE_BYTES, sizeof(bytes));
    fsp_envelope_t back;
    ck_assert_int_eq(fsp_envelope_decode(fsp_slice(bytes, sizeof(bytes)), &back), FSP_OK);
    ck_assert_uint_eq(back.service, EXAMPLE.service);
    ck_assert_uint_eq(back.type, EXAMPLE.type);
    ck_assert_uint_eq(back.request_id, EXAMPLE.request_id);
    ck_assert_uint_eq(back.body_bytes, EXAMPLE.body_bytes);
}
END_TEST

START_TEST(refuses_other_lengths)
{
    fsp_envelope_t envelope = {.type = 77};
    for (size_t bytes = 0; bytes < 64; bytes++) {
        uint8_t frame[64] = {0};
        memcpy(frame, EXAMPLE_BYTES, sizeof(EXAMPLE_BYTES));
        uint8_t *copy = fsp_exact_copy(fsp_slice(frame, bytes));
        fsp_status_t status = fsp_envelope_decode(fsp_slice(copy, bytes), &envelope);
        ck_assert_int_eq(status, bytes == FSP_ENVELOPE_BYTES ? FSP_OK : FSP_INVALID);
        if (bytes < FSP_ENVELOPE_BYTES)
            ck_assert_uint_eq(envelope.type, 77); /* untouched on failure */
        free(copy);
    }
    ck_assert_int_eq(fsp_envelope_decode(fsp_slice(NULL, 0), &envelope), FSP_INVALID);
}
END_TEST

START_TEST(tells_what_is_wrong)
{
    ck_assert_int_eq(decode_with(0, 'f'), FSP_INVALID);
    ck_assert_int_eq(decode_with(2, 'Q'), FSP_INVALID);
    ck_assert_int_eq(decode_with(3, 0), FSP_UNSUPPORTED);
    ck_assert_int_eq(decode_with(3, 2), FSP_UNSUPPORTED);
    ck_assert_int_eq(decode_with(5, 1), FSP_INVALID);
    ck_assert_int_eq(decode_with(16, 1), FSP_TOO_LARGE);
    ck_assert_int_eq(decode_with(17, 0x20), FSP_TOO_LARGE); /* 2 MiB and 300 */
    ck_assert_int_eq(decode_with(17, 0x1f), FSP_OK);
    ck_assert_int_eq(decode_with(4, 99), FSP_OK); /* which services there are is the receiver's */
}
END_TEST

START_TEST(another_major_version_may_mean_something_by_flags)
{
    uint8_t bytes[FSP_ENVELOPE_BYTES];
    memcpy(bytes, EXAMPLE_BYTES, sizeof(bytes));
    bytes[3] = 2;
    bytes[5] = 0xff;
    fsp_envelope_t envelope;
    fsp_status_t status = fsp_envelope_decode(fsp_slice(bytes, sizeof(bytes)), &envelope);
    ck_assert_int_eq(status, FSP_UNSUPPORTED);
}
END_TEST

START_TEST(never_says_a_body_over_the_limit)
{
    fsp_envelope_t envelope = EXAMPLE;
    uint8_t bytes[FSP_ENVELOPE_BYTES];
    envelope.body_bytes = FSP_BODY_BYTES_MAX;
    fsp_envelope_encode(&envelope, bytes);
    envelope.body_bytes++;
    FSP_EXPECT_ABORT(fsp_envelope_encode(&envelope, bytes));
}
END_TEST

START_TEST(what_decodes_encodes_to_the_same_bytes)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(2));
    size_t decoded = 0;
    for (size_t round = 0; round < 200000; round++) {
        size_t count;
        uint8_t *bytes = fsp_mutate(&prng, fsp_slice(EXAMPLE_BYTES, sizeof(EXAMPLE_BYTES)), &count);
        fsp_envelope_t envelope;
        if (fsp_envelope_decode(fsp_slice(bytes, count), &envelope) == FSP_OK) {
            uint8_t again[FSP_ENVELOPE_BYTES];
            fsp_envelope_encode(&envelope, again);
            ck_assert_mem_eq(again, bytes, sizeof(again));
            decoded++;
        }
        free(bytes);
    }
    ck_assert_uint_gt(decoded, 1000);
}
END_TEST

static Suite *
envelope_suite(void)
{
    Suite *suite = suite_create("envelope");
    TCase *tcase = tcase_create("envelope");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, has_golden_bytes);
    tcase_add_test(tcase, refuses_other_lengths);
    tcase_add_test(tcase, tells_what_is_wrong);
    tcase_add_test(tcase, another_major_version_may_mean_something_by_flags);
    tcase_add_test(tcase, never_says_a_body_over_the_limit);
    tcase_add_test(tcase, what_decodes_encodes_to_the_same_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(envelope_suite());
}
