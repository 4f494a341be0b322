/* SPDX-License-Identifier: MIT */
/* test_memview - the view in memory, and the ends of prefixes.  Layer tests. */
#include "core/base/memview.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

static fsp_memview_t *memory;
static fsp_view_t *view;

static void
set_up(void)
{
    memory = fsp_memview_new();
    view = fsp_memview_view(memory);
}

static void
tear_down(void)
{
    fsp_memview_destroy(&memory);
    ck_assert(!memory);
    fsp_memview_destroy(&memory);
}

static void
apply_put(const char *key, const char *value)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text(key), fsp_slice_text(value));
    fsp_memview_apply(memory, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
}

static void
apply_delete(const char *key)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete(batch, FSP_FAMILY_STATE, fsp_slice_text(key));
    fsp_memview_apply(memory, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
}

static void
apply_delete_range(const char *from, const char *to)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete_range(batch, FSP_FAMILY_STATE, fsp_slice_text(from), fsp_slice_text(to));
    fsp_memview_apply(memory, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
}

/* What a scan sees, as "a=1 b=2 ". */
static void
expect_scan(const char *from, const char *to, const char *expected)
{
    fsp_buf_t text;
    fsp_buf_init(&text, 10000);
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_slice_text(from), fsp_slice_text(to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_buf_append_slice(&text, cursor->key);
        fsp_buf_append_u8(&text, '=');
        fsp_buf_append_slice(&text, cursor->value);
        fsp_buf_append_u8(&text, ' ');
    }
    ck_assert_int_eq(cursor->status, FSP_OK);
    fsp_cursor_destroy(&cursor);
    ck_assert(!cursor);
    fsp_cursor_destroy(&cursor);
    fsp_buf_append_u8(&text, 0);
    ck_assert_str_eq((char *)text.data, expected);
    fsp_buf_clear(&text);
}

START_TEST(get_appends_the_value)
{
    fsp_buf_t value;
    fsp_buf_init(&value, 8);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_NOT_FOUND);
    apply_put("a", "1234");
    apply_put("empty", "");
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_OK);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("empty"), &value), FSP_OK);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&value), fsp_slice_text("12341234")));
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_TOO_LARGE);
    fsp_buf_clear(&value);
}
END_TEST

START_TEST(scan_sees_from_inclusive_to_exclusive)
{
    expect_scan("", "", "");
    apply_put("a", "1");
    apply_put("b", "2");
    apply_put("c", "3");
    expect_scan("", "", "a=1 b=2 c=3 ");
    expect_scan("b", "", "b=2 c=3 ");
    expect_scan("", "b", "a=1 ");
    expect_scan("a", "c", "a=1 b=2 ");
    expect_scan("aa", "bb", "b=2 ");
    expect_scan("b", "b", "");
    expect_scan("c", "a", "");
    expect_scan("d", "", "");
}
END_TEST

START_TEST(apply_takes_the_rows_of_one_family_in_order)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("a"), fsp_slice_text("1"));
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text("a"), fsp_slice_text("log"));
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("a"), fsp_slice_text("2"));
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("b"), fsp_slice_text("3"));
    fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_slice_text("b"));
    fsp_batch_delete(batch, FSP_FAMILY_STATE, fsp_slice_text("not there"));
    fsp_memview_apply(memory, batch, FSP_FAMILY_STATE);
    expect_scan("", "", "a=2 b=3 ");
    fsp_memview_apply(memory, batch, FSP_FAMILY_BYTES);
    expect_scan("", "", "a=2 b=3 ");
    fsp_batch_destroy(&batch);
    ck_assert_uint_eq(fsp_omap_count(fsp_memview_map(memory)), 2);
}
END_TEST

START_TEST(blobs_are_copied_into_the_map)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_blob_t *blob = fsp_blob_copy("payload", 7);
    fsp_batch_put_blob(batch, FSP_FAMILY_STATE, fsp_slice_text("a"), blob);
    fsp_blob_destroy(&blob);
    fsp_memview_apply(memory, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
    expect_scan("", "", "a=payload ");
}
END_TEST

START_TEST(ranges_are_deleted)
{
    static const char *const keys[] = {"a", "b", "ba", "bb", "c", "d"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        apply_put(keys[i], "1");
    apply_delete_range("b", "b");
    apply_delete_range("e", "f");
    expect_scan("", "", "a=1 b=1 ba=1 bb=1 c=1 d=1 ");
    apply_delete_range("b", "bb");
    expect_scan("", "", "a=1 bb=1 c=1 d=1 ");
    apply_delete_range("bc", "z");
    expect_scan("", "", "a=1 bb=1 ");
    apply_delete_range("", "bb");
    expect_scan("", "", "bb=1 ");
    apply_delete("bb");
    expect_scan("", "", "");
}
END_TEST

START_TEST(cursor_survives_rows_that_change_under_it)
{
    apply_put("a", "1");
    apply_put("b", "2");
    apply_put("c", "3");
    apply_put("d", "4");
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_slice_text("a"), fsp_slice_text("d"));
    apply_put("a", "another value, elsewhere in memory");
    ck_assert(fsp_slice_eq(cursor->value, fsp_slice_text("1")));
    apply_delete("a");
    apply_delete("b");
    ck_assert(fsp_slice_eq(cursor->key, fsp_slice_text("a")));
    ck_assert(fsp_slice_eq(cursor->value, fsp_slice_text("1")));
    fsp_cursor_next(cursor);
    ck_assert(cursor->valid);
    ck_assert(fsp_slice_eq(cursor->key, fsp_slice_text("c")));
    apply_delete_range("a", "z");
    fsp_cursor_next(cursor);
    ck_assert(!cursor->valid);
    FSP_EXPECT_ABORT(fsp_cursor_next(cursor));
    FSP_EXPECT_ABORT(fsp_memview_destroy(&memory));
    fsp_cursor_destroy(&cursor);
}
END_TEST

START_TEST(tombstones_of_the_map_are_not_seen)
{
    apply_put("a", "1");
    apply_put("c", "3");
    fsp_omap_put_tombstone(fsp_memview_map(memory), fsp_slice_text("a"), 1);
    fsp_omap_put_tombstone(fsp_memview_map(memory), fsp_slice_text("b"), 1);
    expect_scan("", "", "c=3 ");
    fsp_buf_t value;
    fsp_buf_init(&value, 8);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_NOT_FOUND);
    fsp_buf_clear(&value);
}
END_TEST

START_TEST(prefix_end_is_the_first_key_behind)
{
    static const struct {
        const char *prefix;
        const char *end;
    } cases[] = {{"", ""},
                 {"a", "b"},
                 {"ab", "ac"},
                 {"a\xff", "b"},
                 {"a\xff\xff", "b"},
                 {"\xff", ""},
                 {"\xff\xff", ""},
                 {"\xff\x01", "\xff\x02"},
                 {"a\xff"
                  "b",
                  "a\xff"
                  "c"},
                 {"\x7f", "\x80"},
                 {"\xfe", "\xff"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_buf_t end;
        fsp_buf_init(&end, 64);
        fsp_view_prefix_end(fsp_slice_text(cases[i].prefix), &end);
        ck_assert(fsp_buf_ok(&end));
        ck_assert(fsp_slice_eq(fsp_buf_slice(&end), fsp_slice_text(cases[i].end)));
        fsp_buf_clear(&end);
    }
    apply_put("a", "1");
    apply_put("b", "2");
    apply_put("b\xff\xff\xff", "3");
    apply_put("c", "4");
    fsp_buf_t end;
    fsp_buf_init(&end, 64);
    fsp_view_prefix_end(fsp_slice_text("b"), &end);
    fsp_buf_append_u8(&end, 0);
    expect_scan("b", (const char *)end.data, "b=2 b\xff\xff\xff=3 ");
    fsp_buf_clear(&end);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("memview");
    TCase *tests = tcase_create("memview");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, get_appends_the_value);
    tcase_add_test(tests, scan_sees_from_inclusive_to_exclusive);
    tcase_add_test(tests, apply_takes_the_rows_of_one_family_in_order);
    tcase_add_test(tests, blobs_are_copied_into_the_map);
    tcase_add_test(tests, ranges_are_deleted);
    tcase_add_test(tests, cursor_survives_rows_that_change_under_it);
    tcase_add_test(tests, tombstones_of_the_map_are_not_seen);
    tcase_add_test(tests, prefix_end_is_the_first_key_behind);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
