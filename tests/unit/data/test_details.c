/* SPDX-License-Identifier: MIT */
/* test_details - the small sealed records.  Layer tests.  Vectors by vectors.py. */
#include "core/base/canon.h"
#include "core/base/text.h"
#include "core/crypto/digest.h"
#include "core/data/details.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

static const char *
hex_of(const fsp_buf_t *buf)
{
    static char text[2 * 200 + 1];
    ck_assert_uint_le(buf->bytes, 200);
    fsp_hex_encode(buf->data, buf->bytes, text);
    return text;
}

START_TEST(details_fit_the_vector)
{
    fsp_details_t details = {.sha256 = fsp_sha256(fsp_slice_text("x")),
                             .chunk_count = 2,
                             .media_type = fsp_slice_text("text/plain"),
                             .message = fsp_slice_text("first")};
    fsp_buf_t buf;
    fsp_buf_init(&buf, 200);
    fsp_details_encode(&details, &buf);
    ck_assert_str_eq(hex_of(&buf),
                     "94c4202d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a48"
                     "8102aa7465"
                     ""
                     "78742f706c61696ea56669727374");
    fsp_details_t out;
    ck_assert_int_eq(fsp_details_decode(fsp_buf_slice(&buf), &out), FSP_OK);
    ck_assert(fsp_hash_eq(out.sha256, details.sha256));
    ck_assert_uint_eq(out.chunk_count, 2);
    ck_assert(fsp_slice_eq(out.media_type, details.media_type));
    ck_assert(fsp_slice_eq(out.message, details.message));
    /* Cut short or with a byte more: refused, and the output stays. */
    fsp_details_t before = out;
    for (size_t bytes = 0; bytes < buf.bytes; bytes++)
        ck_assert_int_ne(fsp_details_decode(fsp_slice(buf.data, bytes), &out), FSP_OK);
    fsp_buf_append_u8(&buf, 0);
    ck_assert_int_eq(fsp_details_decode(fsp_buf_slice(&buf), &out), FSP_INVALID);
    ck_assert_mem_eq(&out, &before, sizeof(out));
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(details_keep_their_limits)
{
    static char letters[FSP_MESSAGE_BYTES_MAX + 1];
    memset(letters, 'm', sizeof(letters));
    fsp_details_t details = {.chunk_count = UINT64_MAX,
                             .media_type = fsp_slice(letters, FSP_MEDIA_TYPE_BYTES_MAX),
                             .message = fsp_slice(letters, FSP_MESSAGE_BYTES_MAX)};
    fsp_details_t out;
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_INLINE_BYTES_MAX);
    fsp_details_encode(&details, &buf);
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_int_eq(fsp_details_decode(fsp_buf_slice(&buf), &out), FSP_OK);
    ck_assert_uint_eq(out.message.bytes, FSP_MESSAGE_BYTES_MAX);
    ck_assert_uint_eq(out.chunk_count, UINT64_MAX);
    fsp_slice_t const sizes[][2] = {
        {fsp_slice(letters, FSP_MEDIA_TYPE_BYTES_MAX + 1), fsp_slice(letters, 0)},
        {fsp_slice(letters, 0), fsp_slice(letters, FSP_MESSAGE_BYTES_MAX + 1)}};
    for (int i = 0; i < 2; i++) {
        fsp_buf_reset(&buf);
        fsp_canon_array(&buf, 4);
        fsp_canon_id(&buf, details.sha256);
        fsp_canon_uint(&buf, 1);
        fsp_canon_text(&buf, sizes[i][0]);
        fsp_canon_text(&buf, sizes[i][1]);
        ck_assert_int_eq(fsp_details_decode(fsp_buf_slice(&buf), &out), FSP_TOO_LARGE);
        details.media_type = sizes[i][0];
        details.message = sizes[i][1];
        FSP_EXPECT_ABORT(fsp_details_encode(&details, &buf));
    }
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(attributes_fit_the_vectors)
{
    static const struct {
        fsp_attr_t attr;
        const char *hex;
    } cases[] = {
        {{0644, 1700000000, 5}, "93cd01a4cf400000006553f10005"},
        {{0, -(INT64_C(1) << 62), 0}, "93000000"},
        {{07777, (INT64_C(1) << 62) - 1, 999999999}, "93cd0fffcf7fffffffffffffffce3b9ac9ff"}};
    fsp_buf_t buf;
    fsp_buf_init(&buf, 100);
    for (size_t i = 0; i < 3; i++) {
        fsp_buf_reset(&buf);
        fsp_attr_encode(&cases[i].attr, &buf);
        ck_assert_str_eq(hex_of(&buf), cases[i].hex);
        fsp_attr_t out;
        ck_assert_int_eq(fsp_attr_decode(fsp_buf_slice(&buf), &out), FSP_OK);
        ck_assert_uint_eq(out.mode, cases[i].attr.mode);
        ck_assert_int_eq(out.mtime_s, cases[i].attr.mtime_s);
        ck_assert_uint_eq(out.mtime_ns, cases[i].attr.mtime_ns);
    }
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(attributes_out_of_range_are_refused)
{
    static const char *const wrong[] = {"93cd100000"
                                        "00",                       /* mode 010000 */
                                        "9300cf800000000000000000", /* second 2^63 */
                                        "930000ce3b9aca00", /* a whole second of nanoseconds */
                                        "920000",
                                        "94000000"
                                        "00",
                                        "9300c000", /* fields, types */
                                        "",
                                        "93",
                                        "93cc0000"
                                        "00"}; /* short, not the shortest form */
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint8_t bytes[32];
        size_t count = strlen(wrong[i]) / 2;
        ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(wrong[i]), bytes, count), FSP_OK);
        fsp_attr_t out;
        ck_assert_int_eq(fsp_attr_decode(fsp_slice(bytes, count), &out), FSP_INVALID);
    }
    static const fsp_attr_t bad[] = {{010000, 0, 0},           {0, -(INT64_C(1) << 62) - 1, 0},
                                     {0, INT64_C(1) << 62, 0}, {0, INT64_MIN, 0},
                                     {0, INT64_MAX, 0},        {0, 0, 1000000000}};
    fsp_buf_t buf;
    fsp_buf_init(&buf, 100);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert(!fsp_attr_valid(&bad[i]));
        FSP_EXPECT_ABORT(fsp_attr_encode(&bad[i], &buf));
    }
    fsp_buf_clear(&buf);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("details");
    TCase *tests = tcase_create("details");
    tcase_add_test(tests, details_fit_the_vector);
    tcase_add_test(tests, details_keep_their_limits);
    tcase_add_test(tests, attributes_fit_the_vectors);
    tcase_add_test(tests, attributes_out_of_range_are_refused);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
