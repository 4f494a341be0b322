/* SPDX-License-Identifier: MIT */
/* test_s3_text - canonical addresses, and the XML that S3 answers. */
#include "bench/s3_text.h"

#include "tests/unit/suite.h"

static fsp_buf_t buf;

static void
set_up(void)
{
    fsp_buf_init(&buf, 4096);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
}

static const char *
text_of(void)
{
    fsp_buf_append_u8(&buf, '\0');
    ck_assert(fsp_buf_ok(&buf));
    return (const char *)buf.data;
}

START_TEST(every_octet_has_one_form)
{
    bench_s3_encode(&buf, fsp_slice_text("aZ09-._~/ +&=%*\xc3\xa9"), false);
    ck_assert_str_eq(text_of(), "aZ09-._~%2F%20%2B%26%3D%25%2A%C3%A9");
    fsp_buf_reset(&buf);
    bench_s3_encode(&buf, fsp_slice_text("/a b/c"), true);
    ck_assert_str_eq(text_of(), "/a%20b/c");
}
END_TEST

START_TEST(a_query_stands_in_the_order_of_names)
{
    bench_s3_list_query(&buf, fsp_slice_text("a/"), true, fsp_slice_text("x+/="));
    ck_assert_str_eq(
        text_of(),
        "continuation-token=x%2B%2F%3D&delimiter=%2F&list-type=2&max-keys=1000&prefix=a%2F");
    fsp_buf_reset(&buf);
    bench_s3_list_query(&buf, fsp_slice(NULL, 0), false, fsp_slice(NULL, 0));
    ck_assert_str_eq(text_of(), "list-type=2&max-keys=1000&prefix=");
}
END_TEST

START_TEST(elements_come_one_by_one)
{
    fsp_slice_t rest = fsp_slice_text("<R><Prefix>d</Prefix><Key>a</Key><Key></Key><Keys>no</Keys>"
                                      "<Key>b</Key><Key>torn"),
                text;
    static const char *const wanted[] = {"a", "", "b"};
    for (size_t i = 0; i < 3; i++) {
        ck_assert(bench_s3_element(&rest, "Key", &text));
        ck_assert(fsp_slice_eq(text, fsp_slice_text(wanted[i])));
    }
    size_t left = rest.bytes;
    ck_assert(!bench_s3_element(&rest, "Key", &text));
    ck_assert_uint_eq(rest.bytes, left);
    rest = fsp_slice(NULL, 0);
    ck_assert(!bench_s3_element(&rest, "Key", &text));
}
END_TEST

START_TEST(entities_are_read_or_refused)
{
    ck_assert(bench_s3_unescape(&buf, fsp_slice_text("a&amp;&lt;b&gt;&quot;&apos;&#10;&#43;c")));
    ck_assert_str_eq(text_of(), "a&<b>\"'\n+c");
    static const char *const wrong[] = {"&",    "&amp",   "&no;",   "&#;",
                                        "&#0;", "&#200;", "&#x41;", "&;"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fsp_buf_reset(&buf);
        ck_assert_msg(!bench_s3_unescape(&buf, fsp_slice_text(wrong[i])), "%s", wrong[i]);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("s3_text");
    TCase *tcase = tcase_create("s3_text");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, every_octet_has_one_form);
    tcase_add_test(tcase, a_query_stands_in_the_order_of_names);
    tcase_add_test(tcase, elements_come_one_by_one);
    tcase_add_test(tcase, entities_are_read_or_refused);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
