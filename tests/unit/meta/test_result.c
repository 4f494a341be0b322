/* SPDX-License-Identifier: MIT */
/* test_result - bytes of results and carriers.  Tests. */
#include "tests/unit/meta/meta_world.h"

START_TEST(a_result_survives_encoding)
{
    fsp_result_t result = {.status = FSP_MISMATCH,
                           .index = 1ull << 40,
                           .kind = FSP_KIND_FILE,
                           .file_id = file_id(3),
                           .version_id = {{4}},
                           .number = 5,
                           .size = 6,
                           .time = 7,
                           .head_count = FSP_HEADS_MAX,
                           .repeated = true};
    for (size_t i = 0; i < FSP_HEADS_MAX; i++)
        result.heads[i].bytes[0] = (uint8_t)(i + 1);
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_RESULT_BYTES_MAX);
    fsp_result_encode(&result, &bytes);
    fsp_result_t back;
    memset(&back, 0, sizeof(back));
    ck_status(fsp_result_decode(fsp_buf_slice(&bytes), &back), FSP_OK);
    ck_assert_int_eq(back.status, FSP_MISMATCH);
    ck_assert_uint_eq(back.index, 1ull << 40);
    ck_assert(fsp_file_id_eq(back.file_id, file_id(3)));
    ck_assert_uint_eq(back.head_count, FSP_HEADS_MAX);
    ck_assert_mem_eq(back.heads, result.heads, sizeof(result.heads));
    ck_assert(back.repeated);
    for (size_t cut = 0; cut < bytes.bytes; cut++)
        ck_assert_int_ne(fsp_result_decode(fsp_slice(bytes.data, cut), &back), FSP_OK);
    fsp_buf_append_u8(&bytes, 0);
    ck_status(fsp_result_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
    fsp_buf_clear(&bytes);
}
END_TEST

START_TEST(an_unknown_status_is_no_result)
{
    fsp_result_t result = {.status = FSP_OK};
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_RESULT_BYTES_MAX);
    fsp_result_encode(&result, &bytes);
    ck_assert_uint_eq(bytes.data[1], 0);
    bytes.data[1] = 0x7f;
    ck_status(fsp_result_decode(fsp_buf_slice(&bytes), &result), FSP_INVALID);
    fsp_buf_clear(&bytes);
}
END_TEST

START_TEST(a_carrier_survives_encoding)
{
    fsp_carrier_t carrier = {
        .root_kind = (fsp_root_kind_t)_i, .root_key = {{9}}, .sealed_part = text("sealed")};
    if (_i == FSP_ROOT_INLINE)
        carrier.inline_object = text("object");
    fsp_buf_t bytes, again;
    fsp_buf_init(&bytes, FSP_CARRIER_BYTES_MAX);
    fsp_buf_init(&again, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_encode(&carrier, &bytes);
    fsp_carrier_t back;
    ck_status(fsp_carrier_decode(fsp_buf_slice(&bytes), &back), FSP_OK);
    ck_assert_int_eq(back.root_kind, _i);
    ck_assert(fsp_key_eq(back.root_key, carrier.root_key));
    ck_assert(fsp_slice_eq(back.inline_object, carrier.inline_object));
    ck_assert(fsp_slice_eq(back.sealed_part, text("sealed")));
    fsp_carrier_encode(&back, &again);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&bytes), fsp_buf_slice(&again)));
    for (size_t cut = 0; cut < bytes.bytes; cut++)
        ck_assert_int_ne(fsp_carrier_decode(fsp_slice(bytes.data, cut), &back), FSP_OK);
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(only_inline_carriers_hold_an_object)
{
    fsp_buf_t bytes;
    fsp_buf_init(&bytes, FSP_CARRIER_BYTES_MAX);
    fsp_carrier_t back, carrier = {.root_kind = FSP_ROOT_INLINE, .inline_object = text("object")};
    fsp_carrier_encode(&carrier, &bytes);
    bytes.data[1] = FSP_ROOT_CHUNK;
    ck_status(fsp_carrier_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
    fsp_buf_reset(&bytes);
    carrier.root_kind = FSP_ROOT_CHUNK;
    fsp_carrier_encode(&carrier, &bytes);
    bytes.data[1] = FSP_ROOT_INLINE;
    ck_status(fsp_carrier_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
    bytes.data[1] = 0;
    ck_status(fsp_carrier_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
    bytes.data[1] = 4;
    ck_status(fsp_carrier_decode(fsp_buf_slice(&bytes), &back), FSP_INVALID);
    fsp_buf_clear(&bytes);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("result");
    TCase *tcase = tcase_create("codec");
    tcase_add_test(tcase, a_result_survives_encoding);
    tcase_add_test(tcase, an_unknown_status_is_no_result);
    tcase_add_loop_test(tcase, a_carrier_survives_encoding, FSP_ROOT_INLINE, FSP_ROOT_TREE + 1);
    tcase_add_test(tcase, only_inline_carriers_hold_an_object);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
