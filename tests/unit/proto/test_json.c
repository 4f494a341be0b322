/* SPDX-License-Identifier: MIT */
/* test_json - the JSON writer, read back by jansson.  Layer tests. */
#include "core/base/prng.h"
#include "core/base/text.h"
#include "proto/json.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <jansson.h>

static fsp_buf_t buf;
static fsp_json_t json;

static void
set_up(void)
{
    fsp_buf_init(&buf, 1024 * 1024);
    fsp_json_init(&json, &buf);
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
}

static void
expect(const char *text)
{
    ck_assert_msg(buf.bytes == strlen(text) && memcmp(buf.data, text, buf.bytes) == 0,
                  "%.*s is not %s", (int)buf.bytes, (const char *)buf.data, text);
}

START_TEST(writes_all_kinds_of_values)
{
    fsp_json_object(&json, NULL);
    fsp_json_text(&json, "text", "a");
    fsp_json_slice(&json, "slice", fsp_slice_text("bc"));
    fsp_json_slice(&json, "empty", fsp_slice(NULL, 0));
    fsp_json_hex(&json, "hex", "\x01\xff", 2);
    fsp_json_uint(&json, "zero", 0);
    fsp_json_uint(&json, "most", UINT64_MAX);
    fsp_json_bool(&json, "yes", true);
    fsp_json_bool(&json, "no", false);
    fsp_json_null(&json, "null");
    fsp_json_time(&json, "time", UINT64_C(1764083916000000));
    fsp_json_array(&json, "array");
    fsp_json_uint(&json, NULL, 1);
    fsp_json_object(&json, NULL);
    fsp_json_object_end(&json);
    fsp_json_array(&json, NULL);
    fsp_json_array_end(&json);
    fsp_json_array_end(&json);
    fsp_json_uint(&json, "last", 2);
    fsp_json_object_end(&json);
    expect("{\"text\":\"a\",\"slice\":\"bc\",\"empty\":\"\",\"hex\":\"01ff\",\"zero\":0,"
           "\"most\":18446744073709551615,\"yes\":true,\"no\":false,\"null\":null,"
           "\"time\":\"2025-11-25T15:18:36.000Z\",\"array\":[1,{},[]],\"last\":2}");
}
END_TEST

START_TEST(top_value_may_be_a_scalar)
{
    fsp_json_uint(&json, NULL, 7);
    expect("7");
}
END_TEST

START_TEST(escapes_what_must_not_stand_in_a_string)
{
    fsp_json_text(&json, NULL, "\"\\\b\f\n\r\t\x01\x1f\x7f/<\xc3\xbc");
    expect("\"\\\"\\\\\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\\u007f/<\xc3\xbc\"");
}
END_TEST

START_TEST(replaces_what_is_not_utf8)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"a\xff", "\"a\xef\xbf\xbd\""},                               /* no first byte */
        {"\xc3", "\"\xef\xbf\xbd\""},                                 /* cut */
        {"\xc3(", "\"\xef\xbf\xbd(\""},                               /* no second byte */
        {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* not the shortest form */
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
        {"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""}, /* four bytes that are right */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fsp_buf_reset(&buf);
        fsp_json_init(&json, &buf);
        fsp_json_text(&json, NULL, cases[i].from);
        expect(cases[i].to);
    }
}
END_TEST

START_TEST(hex_of_any_length)
{
    uint8_t data[100];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t bytes = 0; bytes <= sizeof(data); bytes++) {
        char text[2 * sizeof(data) + 3];
        text[0] = '"';
        fsp_hex_encode(data, bytes, text + 1);
        text[1 + 2 * bytes] = '"';
        text[2 + 2 * bytes] = '\0';
        fsp_buf_reset(&buf);
        fsp_json_init(&json, &buf);
        fsp_json_hex(&json, NULL, data, bytes);
        expect(text);
    }
}
END_TEST

START_TEST(jansson_reads_back_random_strings)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(11));
    size_t clean = 0;
    for (size_t round = 0; round < 100000; round++) {
        char text[32];
        size_t bytes = (size_t)fsp_prng_below(&prng, sizeof(text) + 1);
        for (size_t i = 0; i < bytes; i++) {
            uint64_t kind = fsp_prng_below(&prng, round % 2 ? 3 : 2);
            uint64_t low = fsp_prng_below(&prng, kind == 0 ? 32 : 128);
            text[i] = (char)(kind == 2 ? 128 + low : low);
        }
        fsp_slice_t slice = fsp_slice(text, bytes);
        fsp_buf_reset(&buf);
        fsp_json_init(&json, &buf);
        fsp_json_object(&json, NULL);
        fsp_json_slice(&json, "s", slice);
        fsp_json_object_end(&json);
        json_error_t error;
        json_t *object = json_loadb((const char *)buf.data, buf.bytes,
                                    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        ck_assert_msg(object != NULL, "%s", error.text);
        const json_t *value = json_object_get(object, "s");
        ck_assert(json_is_string(value));
        if (fsp_utf8_valid(slice)) {
            ck_assert_uint_eq(json_string_length(value), bytes);
            ck_assert(bytes == 0 || memcmp(json_string_value(value), text, bytes) == 0);
            clean++;
        }
        json_decref(object);
    }
    ck_assert_uint_gt(clean, 40000);
}
END_TEST

/* Writes a random value and builds the same with jansson. */
static json_t *
write_random(fsp_prng_t *prng, const char *key, unsigned depth)
{
    uint64_t choice = fsp_prng_below(prng, depth > 0 ? 6 : 4);
    uint64_t number = fsp_prng_next(prng) >> (1 + fsp_prng_below(prng, 60));
    bool truth = fsp_prng_chance(prng, 1, 2);
    json_t *value;
    switch (choice) {
    case 0:
        fsp_json_uint(&json, key, number);
        return json_integer((json_int_t)number);
    case 1:
        fsp_json_bool(&json, key, truth);
        return json_boolean(truth);
    case 2:
        fsp_json_null(&json, key);
        return json_null();
    case 3:
        fsp_json_text(&json, key, "t\n");
        return json_string("t\n");
    case 4:
        fsp_json_array(&json, key);
        value = json_array();
        for (uint64_t i = fsp_prng_below(prng, 4); i > 0; i--)
            json_array_append_new(value, write_random(prng, NULL, depth - 1));
        fsp_json_array_end(&json);
        return value;
    default:
        fsp_json_object(&json, key);
        value = json_object();
        for (uint64_t i = fsp_prng_below(prng, 4); i > 0; i--) {
            char name[] = {'k', '"', (char)('0' + i), '\0'};
            json_object_set_new(value, name, write_random(prng, name, depth - 1));
        }
        fsp_json_object_end(&json);
        return value;
    }
}

START_TEST(jansson_reads_back_random_trees)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(12));
    for (size_t round = 0; round < 20000; round++) {
        fsp_buf_reset(&buf);
        fsp_json_init(&json, &buf);
        json_t *wanted = write_random(&prng, NULL, 5);
        ck_assert_uint_eq(json.depth, 0);
        json_error_t error;
        json_t *found = json_loadb((const char *)buf.data, buf.bytes,
                                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
        ck_assert_msg(found != NULL, "%s", error.text);
        ck_assert(json_equal(found, wanted));
        json_decref(found);
        json_decref(wanted);
    }
}
END_TEST

START_TEST(misuse_is_asserted)
{
    FSP_EXPECT_ABORT(fsp_json_object_end(&json));
    FSP_EXPECT_ABORT(fsp_json_uint(&json, "key", 1)); /* the top value has no key */
    fsp_json_uint(&json, NULL, 1);
    FSP_EXPECT_ABORT(fsp_json_uint(&json, NULL, 2)); /* a second top value */
}
END_TEST

START_TEST(overflow_is_the_buffers)
{
    fsp_buf_t small;
    fsp_buf_init(&small, 8);
    fsp_json_init(&json, &small);
    fsp_json_text(&json, NULL, "longer than that");
    ck_assert(!fsp_buf_ok(&small));
    fsp_buf_clear(&small);
}
END_TEST

static Suite *
json_suite(void)
{
    Suite *suite = suite_create("json");
    TCase *tcase = tcase_create("writer");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, writes_all_kinds_of_values);
    tcase_add_test(tcase, top_value_may_be_a_scalar);
    tcase_add_test(tcase, escapes_what_must_not_stand_in_a_string);
    tcase_add_test(tcase, replaces_what_is_not_utf8);
    tcase_add_test(tcase, hex_of_any_length);
    tcase_add_test(tcase, jansson_reads_back_random_strings);
    tcase_add_test(tcase, jansson_reads_back_random_trees);
    tcase_add_test(tcase, misuse_is_asserted);
    tcase_add_test(tcase, overflow_is_the_buffers);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(json_suite());
}
