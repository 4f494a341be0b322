/* SPDX-License-Identifier: MIT */
/* test_json_read - flat JSON objects.  Layer tests. */
#include "proto/json.h"
#include "tests/unit/suite.h"

#include <string.h>

static fsp_status_t
open_text(const char *text, fsp_json_flat_t **ret, fsp_error_t *error)
{
    error->text[0] = '\0';
    return fsp_json_flat_open(fsp_slice_text(text), ret, error);
}

START_TEST(members_are_read_by_their_kind)
{
    fsp_json_flat_t *object = NULL;
    fsp_error_t error;
    ck_assert_int_eq(
        open_text("{\"t\": \"a\\u00fc[{\", \"n\": 7, \"b\": true, \"e\": \"\"}", &object, &error),
        FSP_OK);
    const char *text = "untouched";
    uint64_t number = 99;
    bool flag = false;
    ck_assert_int_eq(fsp_json_flat_text(object, "t", &text), FSP_OK);
    ck_assert_str_eq(text, "a\xc3\xbc[{");
    ck_assert_int_eq(fsp_json_flat_text(object, "e", &text), FSP_OK);
    ck_assert_str_eq(text, "");
    ck_assert_int_eq(fsp_json_flat_uint(object, "n", &number), FSP_OK);
    ck_assert_uint_eq(number, 7);
    ck_assert_int_eq(fsp_json_flat_bool(object, "b", &flag), FSP_OK);
    ck_assert(flag);
    /* Not there, or another kind: nothing is touched. */
    ck_assert_int_eq(fsp_json_flat_text(object, "x", &text), FSP_NOT_FOUND);
    ck_assert_int_eq(fsp_json_flat_text(object, "n", &text), FSP_INVALID);
    ck_assert_int_eq(fsp_json_flat_uint(object, "t", &number), FSP_INVALID);
    ck_assert_int_eq(fsp_json_flat_bool(object, "n", &flag), FSP_INVALID);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(number, 7);
    const char *const all[] = {"e", "b", "n", "t", NULL};
    const char *const some[] = {"e", "b", "n", NULL};
    ck_assert_ptr_null(fsp_json_flat_unknown(object, all));
    ck_assert_str_eq(fsp_json_flat_unknown(object, some), "t");
    fsp_json_flat_close(&object);
    ck_assert_ptr_null(object);
    fsp_json_flat_close(&object);
}
END_TEST

START_TEST(what_is_not_flat_is_refused_with_words)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "7",
        "\"x\"",
        "{\"a\": [1]}",
        "{\"a\": {}}",
        "{\"a\": null}",
        "{\"a\": 1.5}",
        "{\"a\": -1}",
        "{\"a\": 99999999999999999999}",
        "{\"a\": 1, \"a\": 1}",
        "{\"a\": 1} {}",
        "{\"a\": \"\xff\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        fsp_json_flat_t *object = NULL;
        fsp_error_t error;
        ck_assert_msg(open_text(texts[i], &object, &error) == FSP_INVALID, "%s", texts[i]);
        ck_assert_ptr_null(object);
        ck_assert_msg(error.text[0] != '\0', "%s", texts[i]);
    }
}
END_TEST

START_TEST(errors_do_not_quote_values)
{
    fsp_json_flat_t *object = NULL;
    fsp_error_t error;
    ck_assert_int_eq(open_text("{\"a\": \"secret\", \"b\": 0.5}", &object, &error), FSP_INVALID);
    ck_assert_ptr_null(strstr(error.text, "secret"));
    ck_assert_int_eq(open_text("{\"a\": secret}", &object, &error), FSP_INVALID);
    ck_assert_ptr_null(strstr(error.text, "secret"));
}
END_TEST

START_TEST(deep_text_does_not_reach_the_parser)
{
    static char text[2 * 1000 * 1000 + 16];
    size_t at = (size_t)snprintf(text, sizeof(text), "{\"a\":");
    memset(text + at, '[', 1000 * 1000);
    fsp_json_flat_t *object = NULL;
    fsp_error_t error;
    ck_assert_int_eq(open_text(text, &object, &error), FSP_INVALID);
}
END_TEST

START_TEST(a_text_with_a_nul_is_none)
{
    fsp_json_flat_t *object = NULL;
    fsp_error_t error;
    const char *text = "untouched";
    if (open_text("{\"a\": \"x\\u0000y\"}", &object, &error) == FSP_OK)
        ck_assert_int_eq(fsp_json_flat_text(object, "a", &text), FSP_INVALID);
    ck_assert_str_eq(text, "untouched");
    fsp_json_flat_close(&object);
}
END_TEST

static Suite *
json_read_suite(void)
{
    Suite *suite = suite_create("json_read");
    TCase *tcase = tcase_create("flat");
    tcase_add_test(tcase, members_are_read_by_their_kind);
    tcase_add_test(tcase, what_is_not_flat_is_refused_with_words);
    tcase_add_test(tcase, errors_do_not_quote_values);
    tcase_add_test(tcase, deep_text_does_not_reach_the_parser);
    tcase_add_test(tcase, a_text_with_a_nul_is_none);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(json_read_suite());
}
