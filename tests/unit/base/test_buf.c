/* SPDX-License-Identifier: MIT */
/* test_buf - growable bytes with a maximum; slices and integers of types.h.  Layer tests. */
#include "core/base/buf.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

static fsp_buf_t buf;

static void
set_up(void)
{
    fsp_buf_init(&buf, 100);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
}

static void
expect_bytes(const char *text)
{
    ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_slice_text(text)));
}

START_TEST(starts_empty_and_allocates_nothing)
{
    ck_assert(!buf.data);
    ck_assert_uint_eq(buf.bytes, 0);
    ck_assert_uint_eq(buf.capacity, 0);
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_uint_eq(fsp_buf_slice(&buf).bytes, 0);
    fsp_buf_append(&buf, NULL, 0);
    fsp_buf_consume(&buf, 0);
    ck_assert(!buf.data);
    ck_assert(fsp_buf_ok(&buf));
}
END_TEST

START_TEST(appends_what_it_is_given)
{
    fsp_buf_append(&buf, "abc", 3);
    fsp_buf_append_slice(&buf, fsp_slice_text("def"));
    fsp_buf_append_slice(&buf, fsp_slice(NULL, 0));
    fsp_buf_append_u8(&buf, 'g');
    fsp_buf_append_u16(&buf, 0x6869);
    fsp_buf_append_u32(&buf, 0x6a6b6c6d);
    fsp_buf_append_u64(&buf, 0x6e6f707172737475);
    expect_bytes("abcdefghijklmnopqrstu");
}
END_TEST

START_TEST(holds_exactly_its_maximum)
{
    char bytes[101];
    memset(bytes, 'x', sizeof(bytes));
    fsp_buf_append(&buf, bytes, 100);
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_uint_eq(buf.bytes, 100);
    ck_assert_uint_le(buf.capacity, 100);
    fsp_buf_append(&buf, bytes, 0);
    ck_assert(fsp_buf_ok(&buf));
    fsp_buf_append_u8(&buf, 'y');
    ck_assert(!fsp_buf_ok(&buf));
    ck_assert_uint_eq(buf.bytes, 100);
}
END_TEST

START_TEST(overflow_is_sticky_and_takes_nothing_more)
{
    char bytes[101] = {0};
    fsp_buf_append(&buf, "abc", 3);
    fsp_buf_append(&buf, bytes, 98);
    ck_assert(!fsp_buf_ok(&buf));
    fsp_buf_append(&buf, "d", 1);
    fsp_buf_append_u16(&buf, 1);
    fsp_buf_append_u32(&buf, 1);
    fsp_buf_append_u64(&buf, 1);
    fsp_buf_printf(&buf, "%d", 5);
    ck_assert(!fsp_buf_extend(&buf, 1));
    ck_assert(!fsp_buf_extend(&buf, 0));
    expect_bytes("abc");
    fsp_buf_reset(&buf);
    ck_assert(fsp_buf_ok(&buf));
    fsp_buf_append(&buf, "e", 1);
    expect_bytes("e");
}
END_TEST

START_TEST(sizes_near_the_end_of_size_t_overflow_cleanly)
{
    fsp_buf_append(&buf, "abc", 3);
    ck_assert(!fsp_buf_extend(&buf, SIZE_MAX));
    ck_assert(!fsp_buf_ok(&buf));
    fsp_buf_reset(&buf);
    ck_assert(!fsp_buf_extend(&buf, SIZE_MAX - 2));
    expect_bytes("");
}
END_TEST

START_TEST(clear_frees_and_keeps_the_maximum)
{
    fsp_buf_append(&buf, "abc", 3);
    fsp_buf_clear(&buf);
    ck_assert(!buf.data);
    ck_assert_uint_eq(buf.bytes_max, 100);
    fsp_buf_append(&buf, "de", 2);
    expect_bytes("de");
}
END_TEST

START_TEST(reset_keeps_the_memory)
{
    fsp_buf_append(&buf, "abc", 3);
    uint8_t *before = buf.data;
    fsp_buf_reset(&buf);
    ck_assert_uint_eq(buf.bytes, 0);
    fsp_buf_append(&buf, "d", 1);
    ck_assert_ptr_eq(buf.data, before);
}
END_TEST

START_TEST(extend_gives_room_and_null_only_on_overflow)
{
    ck_assert_ptr_nonnull(fsp_buf_extend(&buf, 0));
    uint8_t *room = fsp_buf_extend(&buf, 3);
    ck_assert_ptr_nonnull(room);
    memcpy(room, "abc", 3);
    expect_bytes("abc");
    fsp_buf_t none;
    fsp_buf_init(&none, 0);
    ck_assert_ptr_nonnull(fsp_buf_extend(&none, 0));
    ck_assert(fsp_buf_ok(&none));
    ck_assert(!fsp_buf_extend(&none, 1));
    ck_assert(!fsp_buf_ok(&none));
    fsp_buf_clear(&none);
}
END_TEST

START_TEST(printf_appends_without_nul)
{
    fsp_buf_printf(&buf, "%s-%03u", "a", 7u);
    fsp_buf_printf(&buf, "%s", "");
    expect_bytes("a-007");
    /* Exactly the maximum, though vsnprintf would want one byte more. */
    fsp_buf_printf(&buf, "%095d", 1);
    ck_assert(fsp_buf_ok(&buf));
    ck_assert_uint_eq(buf.bytes, 100);
    ck_assert_int_eq(buf.data[99], '1');
    fsp_buf_printf(&buf, "x");
    ck_assert(!fsp_buf_ok(&buf));
}
END_TEST

START_TEST(printf_longer_than_its_stack_room)
{
    fsp_buf_t large;
    for (int width = 250; width <= 260; width++) {
        fsp_buf_init(&large, 1000);
        fsp_buf_printf(&large, "%0*d", width, 42);
        ck_assert(fsp_buf_ok(&large));
        ck_assert_uint_eq(large.bytes, (size_t)width);
        ck_assert_mem_eq(large.data + width - 3, "042", 3);
        fsp_buf_clear(&large);
    }
    fsp_buf_printf(&buf, "%0300d", 1);
    ck_assert(!fsp_buf_ok(&buf));
    expect_bytes("");
}
END_TEST

START_TEST(consume_drops_the_front)
{
    fsp_buf_append(&buf, "abcdef", 6);
    fsp_buf_consume(&buf, 2);
    expect_bytes("cdef");
    fsp_buf_append(&buf, "gh", 2);
    fsp_buf_consume(&buf, 0);
    expect_bytes("cdefgh");
    fsp_buf_consume(&buf, 6);
    expect_bytes("");
    FSP_EXPECT_ABORT(fsp_buf_consume(&buf, 1));
}
END_TEST

START_TEST(own_bytes_may_not_be_appended)
{
    fsp_buf_append(&buf, "abc", 3);
    FSP_EXPECT_ABORT(fsp_buf_append_slice(&buf, fsp_buf_slice(&buf)));
}
END_TEST

START_TEST(grows_to_large_sizes_with_the_bytes_intact)
{
    fsp_buf_t large;
    fsp_buf_init(&large, 1 << 20);
    for (uint32_t i = 0; i < 1 << 18; i++)
        fsp_buf_append_u32(&large, i);
    ck_assert(fsp_buf_ok(&large));
    for (uint32_t i = 0; i < 1 << 18; i++)
        ck_assert_uint_eq(fsp_load_u32(large.data + 4 * (size_t)i), i);
    ck_assert_uint_eq(large.capacity, 1 << 20);
    fsp_buf_append_u8(&large, 0);
    ck_assert(!fsp_buf_ok(&large));
    fsp_buf_clear(&large);
}
END_TEST

START_TEST(slices_are_ordered_as_bytes)
{
    static const char *const rising[] = {"", "\x01", "a", "aa", "ab", "b", "\x7f", "\x80", "\xff"};
    enum { COUNT = sizeof(rising) / sizeof(rising[0]) };
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++) {
            int order = fsp_slice_cmp(fsp_slice_text(rising[i]), fsp_slice_text(rising[j]));
            ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
            ck_assert_int_eq(fsp_slice_eq(fsp_slice_text(rising[i]), fsp_slice_text(rising[j])),
                             i == j);
        }
    }
    ck_assert_int_eq(fsp_slice_cmp(fsp_slice(NULL, 0), fsp_slice_text("")), 0);
    ck_assert_int_lt(fsp_slice_cmp(fsp_slice(NULL, 0), fsp_slice_text("a")), 0);
    ck_assert(fsp_slice_eq(fsp_slice(NULL, 0), fsp_slice_text("")));
}
END_TEST

START_TEST(integers_are_big_endian)
{
    uint8_t bytes[8];
    fsp_store_u16(bytes, 0xf1f2);
    ck_assert_mem_eq(bytes, "\xf1\xf2", 2);
    ck_assert_uint_eq(fsp_load_u16(bytes), 0xf1f2);
    fsp_store_u32(bytes, 0xf1f2f3f4);
    ck_assert_mem_eq(bytes, "\xf1\xf2\xf3\xf4", 4);
    ck_assert_uint_eq(fsp_load_u32(bytes), 0xf1f2f3f4);
    fsp_store_u64(bytes, 0xf1f2f3f4f5f6f7f8);
    ck_assert_mem_eq(bytes, "\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8", 8);
    ck_assert_uint_eq(fsp_load_u64(bytes), 0xf1f2f3f4f5f6f7f8);
}
END_TEST

START_TEST(identifiers_compare_by_value)
{
    fsp_space_id_t a = {{0}};
    fsp_space_id_t b = {{0}};
    ck_assert(fsp_space_id_is_zero(a));
    ck_assert(fsp_space_id_eq(a, b));
    b.bytes[15] = 1;
    ck_assert(!fsp_space_id_is_zero(b));
    ck_assert(!fsp_space_id_eq(a, b));
    ck_assert_int_lt(fsp_space_id_cmp(a, b), 0);
    ck_assert_uint_eq(FSP_SLICE_OF(a).bytes, 16);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("buf");
    TCase *tests = tcase_create("buf");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, starts_empty_and_allocates_nothing);
    tcase_add_test(tests, appends_what_it_is_given);
    tcase_add_test(tests, holds_exactly_its_maximum);
    tcase_add_test(tests, overflow_is_sticky_and_takes_nothing_more);
    tcase_add_test(tests, sizes_near_the_end_of_size_t_overflow_cleanly);
    tcase_add_test(tests, clear_frees_and_keeps_the_maximum);
    tcase_add_test(tests, reset_keeps_the_memory);
    tcase_add_test(tests, extend_gives_room_and_null_only_on_overflow);
    tcase_add_test(tests, printf_appends_without_nul);
    tcase_add_test(tests, printf_longer_than_its_stack_room);
    tcase_add_test(tests, consume_drops_the_front);
    tcase_add_test(tests, own_bytes_may_not_be_appended);
    tcase_add_test(tests, grows_to_large_sizes_with_the_bytes_intact);
    tcase_add_test(tests, slices_are_ordered_as_bytes);
    tcase_add_test(tests, integers_are_big_endian);
    tcase_add_test(tests, identifiers_compare_by_value);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
