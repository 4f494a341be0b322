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
    static char text[2 * 300 + 1];
    ck_assert_uint_le(buf->bytes, 300);
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

/* -- midstate ---------------------------------------------------------------------------------- */

/* By a SHA-256 and a canonical writer in Python; content: octet i is 7 i mod 251. */
static const char midstate_chunk[] =
    "9902c4200101010101010101010101010101010101010101010101010101010101010101cd04"
    "40c42059425e4412e296fc74736673ce067027f384203f59c0d2c3e6be7b13347b3ffccd03e8"
    "0101c4207c85a1f552ba66cbd0e509586a0fd18563fe667f64f0d9e891b93b69a21cef6ec428"
    "c2c9d0d7dee5ecf3fa060d141b222930373e454c535a61686f767d848b9299a0a7aeb5bcc3ca"
    "d1d8";
static const char midstate_tree[] =
    "9903c4200101010101010101010101010101010101010101010101010101010101010101cd01"
    "2cc0cf000000012a05f200cd12670cc0c400";

static fsp_midstate_t
midstate_of(bool tree)
{
    fsp_midstate_t midstate = {.root_kind = FSP_ROOT_TREE,
                               .root_object_bytes = 300,
                               .offset = 5000000000,
                               .chunk_count = 4711,
                               .chunk_new_count = 12};
    memset(midstate.root_key.bytes, 1, sizeof(midstate.root_key.bytes));
    if (tree)
        return midstate;
    uint8_t content[1000];
    for (size_t i = 0; i < sizeof(content); i++)
        content[i] = (uint8_t)(i * 7 % 251);
    fsp_sha256_t *sha256 = fsp_sha256_new();
    fsp_sha256_update(sha256, fsp_slice(content, sizeof(content)));
    fsp_sha256_save(sha256, &midstate.hash);
    fsp_sha256_destroy(&sha256);
    midstate.root_kind = FSP_ROOT_CHUNK;
    midstate.root_object_bytes = 1088;
    midstate.root_digest = fsp_sha256(fsp_slice(content, sizeof(content)));
    midstate.offset = 1000;
    midstate.chunk_count = midstate.chunk_new_count = 1;
    midstate.hashed = true;
    return midstate;
}

START_TEST(midstates_fit_the_vectors)
{
    fsp_midstate_t midstate = midstate_of(_i), out;
    fsp_buf_t buf;
    fsp_buf_init(&buf, 300);
    fsp_midstate_encode(&midstate, &buf);
    ck_assert_str_eq(hex_of(&buf), _i ? midstate_tree : midstate_chunk);
    memset(&out, 0, sizeof(out));
    ck_assert_int_eq(fsp_midstate_decode(fsp_buf_slice(&buf), &out), FSP_OK);
    ck_assert_int_eq(out.root_kind, midstate.root_kind);
    ck_assert(fsp_key_eq(out.root_key, midstate.root_key));
    ck_assert(fsp_hash_eq(out.root_digest, midstate.root_digest));
    ck_assert_uint_eq(out.root_object_bytes, midstate.root_object_bytes);
    ck_assert_uint_eq(out.offset, midstate.offset);
    ck_assert_uint_eq(out.chunk_count, midstate.chunk_count);
    ck_assert_uint_eq(out.chunk_new_count, midstate.chunk_new_count);
    ck_assert(out.hashed == midstate.hashed);
    ck_assert_mem_eq(&out.hash, &midstate.hash, sizeof(out.hash));
    for (size_t bytes = 0; bytes < buf.bytes; bytes++)
        ck_assert_int_ne(fsp_midstate_decode(fsp_slice(buf.data, bytes), &out), FSP_OK);
    fsp_buf_append_u8(&buf, 0);
    ck_assert_int_eq(fsp_midstate_decode(fsp_buf_slice(&buf), &out), FSP_INVALID);
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(changed_midstates_are_refused_or_come_back_the_same)
{
    fsp_buf_t buf, again;
    fsp_buf_init(&buf, 300);
    fsp_buf_init(&again, 300);
    unsigned passed = 0;
    for (int turn = 0; turn < 2; turn++) {
        fsp_midstate_t midstate = midstate_of(turn), out;
        fsp_buf_reset(&buf);
        fsp_midstate_encode(&midstate, &buf);
        for (size_t at = 0; at < buf.bytes; at++) {
            for (unsigned value = 0; value < 256; value++) {
                uint8_t was = buf.data[at];
                buf.data[at] = (uint8_t)value;
                if (fsp_midstate_decode(fsp_buf_slice(&buf), &out) == FSP_OK) {
                    fsp_buf_reset(&again);
                    fsp_midstate_encode(&out, &again);
                    ck_assert(fsp_slice_eq(fsp_buf_slice(&again), fsp_buf_slice(&buf)));
                    passed++;
                }
                buf.data[at] = was;
            }
        }
    }
    ck_assert_uint_gt(passed, 1000);
    fsp_buf_clear(&buf);
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(midstates_that_cannot_be_are_not_written)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 300);
    for (int what = 0; what < 6; what++) {
        fsp_midstate_t midstate = midstate_of(false);
        midstate.offset += what == 0;
        midstate.chunk_count += what == 1;
        midstate.chunk_new_count += what == 2;
        if (what == 3)
            midstate.root_digest = (fsp_hash_t){{0}};
        if (what == 4)
            midstate.root_kind = FSP_ROOT_TREE;
        if (what == 5)
            midstate.hash.bytes--;
        FSP_EXPECT_ABORT(fsp_midstate_encode(&midstate, &buf));
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
    tcase_add_loop_test(tests, midstates_fit_the_vectors, 0, 2);
    tcase_add_test(tests, changed_midstates_are_refused_or_come_back_the_same);
    tcase_add_test(tests, midstates_that_cannot_be_are_not_written);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
