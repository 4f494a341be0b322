/* SPDX-License-Identifier: MIT */
/* test_profile - the client's profile file.  Layer tests. */
#include "proto/json.h"
#include "tests/unit/proto/mutate.h"
#include "tests/unit/suite.h"

#include <jansson.h>

static const char SECRET[] = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
static const char PUBLIC[] = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
static const char SERVER[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";

static fsp_buf_t buf;
static fsp_profile_t profile;
static fsp_error_t error;

static void
set_up(void)
{
    fsp_buf_init(&buf, FSP_PROFILE_BYTES_MAX);
    memset(&profile, 0, sizeof(profile));
    memset(&error, 0, sizeof(error));
    strcpy(profile.name, "home mesh");
    memset(profile.mesh_id, 0xab, sizeof(profile.mesh_id));
    strcpy(profile.endpoints[0], "tcp://192.0.2.1:7420");
    strcpy(profile.endpoints[1], "tcp://[2001:db8::1]:7420");
    profile.endpoint_count = 2;
    strcpy(profile.server_key, SERVER);
    strcpy(profile.public_key, PUBLIC);
    strcpy(profile.secret_key, SECRET);
    memset(profile.node_key, 0xcd, sizeof(profile.node_key));
    strcpy(profile.space, "home");
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
}

/* Words for people never contain a secret, nor a good part of one. */
static void
expect_no_secret(void)
{
    for (size_t at = 0; at + 8 < sizeof(SECRET); at++) {
        char piece[9];
        memcpy(piece, SECRET + at, 8);
        piece[8] = '\0';
        ck_assert_msg(!strstr(error.text, piece), "%s", error.text);
    }
}

static fsp_status_t
decode_text(const char *text, size_t bytes)
{
    fsp_profile_t back;
    memset(&error, 0, sizeof(error));
    fsp_status_t status = fsp_profile_decode(fsp_slice(text, bytes), &back, &error);
    ck_assert_int_eq(status, error.status);
    ck_assert(status == FSP_OK || error.text[0]);
    expect_no_secret();
    return status;
}

/* Decodes the example with one field replaced (value stolen; NULL: removed). */
static fsp_status_t
decode_with(const char *field, json_t *value)
{
    fsp_buf_reset(&buf);
    fsp_profile_encode(&profile, &buf);
    json_t *object = json_loadb((const char *)buf.data, buf.bytes, 0, NULL);
    ck_assert(object);
    if (value)
        ck_assert_int_eq(json_object_set_new(object, field, value), 0);
    else
        ck_assert_int_eq(json_object_del(object, field), 0);
    char *text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    fsp_status_t status = decode_text(text, strlen(text));
    free(text);
    return status;
}

START_TEST(comes_back)
{
    fsp_profile_encode(&profile, &buf);
    ck_assert(fsp_buf_ok(&buf));
    fsp_profile_t back;
    ck_assert_int_eq(fsp_profile_decode(fsp_buf_slice(&buf), &back, &error), FSP_OK);
    ck_assert_mem_eq(&back, &profile, sizeof(back));
    ck_assert_int_eq(fsp_profile_decode(fsp_buf_slice(&buf), &back, NULL), FSP_OK);
}
END_TEST

START_TEST(says_which_field_is_missing_or_of_another_type)
{
    static const char *const fields[] = {"format",     "name",       "mesh_id",
                                         "endpoints",  "server_key", "public_key",
                                         "secret_key", "node_key",   "space"};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char quoted[64];
        (void)snprintf(quoted, sizeof(quoted), "\"%s\"", fields[i]);
        ck_assert_int_eq(decode_with(fields[i], NULL), FSP_INVALID);
        ck_assert_msg(strstr(error.text, quoted), "%s", error.text);
        ck_assert_int_eq(decode_with(fields[i], json_true()), FSP_INVALID);
        ck_assert_msg(strstr(error.text, quoted), "%s", error.text);
        if (i > 0) {
            ck_assert_int_eq(decode_with(fields[i], json_integer(1)), FSP_INVALID);
            ck_assert_msg(strstr(error.text, quoted), "%s", error.text);
        }
        ck_assert_int_eq(decode_with(fields[i], json_string("")), FSP_INVALID);
        ck_assert_msg(strstr(error.text, quoted), "%s", error.text);
    }
}
END_TEST

START_TEST(knows_its_format)
{
    ck_assert_int_eq(decode_with("format", json_integer(1)), FSP_OK);
    ck_assert_int_eq(decode_with("format", json_integer(2)), FSP_FORMAT_NEWER);
    ck_assert_int_eq(decode_with("format", json_integer(0)), FSP_INVALID);
    ck_assert_int_eq(decode_with("format", json_real(1.0)), FSP_INVALID);
    /* A newer format may have other fields: that it is newer is what is said. */
    static const char newer[] = "{\"format\": 2, \"anything\": []}";
    ck_assert_int_eq(decode_text(newer, sizeof(newer) - 1), FSP_FORMAT_NEWER);
    static const char extra[] = "{\"format\": 1, \"anything\": []}";
    ck_assert_int_eq(decode_text(extra, sizeof(extra) - 1), FSP_INVALID);
    ck_assert(strstr(error.text, "\"anything\""));
}
END_TEST

START_TEST(checks_keys_exactly)
{
    static const char *const fields[] = {"server_key", "public_key", "secret_key"};
    for (size_t i = 0; i < 3; i++) {
        char key[64];
        strcpy(key, SECRET);
        ck_assert_int_eq(decode_with(fields[i], json_string(key)), FSP_OK);
        key[39] = '\0';
        ck_assert_int_eq(decode_with(fields[i], json_string(key)), FSP_INVALID);
        strcpy(key, SECRET);
        strcat(key, "0");
        ck_assert_int_eq(decode_with(fields[i], json_string(key)), FSP_INVALID);
        strcpy(key, SECRET);
        key[7] = '~';
        ck_assert_int_eq(decode_with(fields[i], json_string(key)), FSP_INVALID);
        memset(key, '#', 40); /* more than 32 bits in five characters */
        ck_assert_int_eq(decode_with(fields[i], json_string(key)), FSP_INVALID);
    }
    static const char *const hex[] = {"mesh_id", "node_key"};
    for (size_t i = 0; i < 2; i++) {
        char key[80];
        memset(key, 'a', sizeof(key));
        key[64] = '\0';
        ck_assert_int_eq(decode_with(hex[i], json_string(key)), FSP_OK);
        key[63] = '\0';
        ck_assert_int_eq(decode_with(hex[i], json_string(key)), FSP_INVALID);
        key[63] = 'g';
        ck_assert_int_eq(decode_with(hex[i], json_string(key)), FSP_INVALID);
        key[63] = key[64] = 'a';
        key[65] = '\0';
        ck_assert_int_eq(decode_with(hex[i], json_string(key)), FSP_INVALID);
    }
}
END_TEST

START_TEST(checks_names_and_endpoints)
{
    ck_assert_int_eq(decode_with("name", json_string("a/b")), FSP_INVALID);
    ck_assert_int_eq(decode_with("name", json_string("..")), FSP_INVALID);
    ck_assert_int_eq(decode_with("name", json_string("a\nb")), FSP_INVALID);
    ck_assert_int_eq(decode_with("name", json_string("M\xc3\xbcnchen")), FSP_OK);
    ck_assert_int_eq(decode_with("space", json_string("Home")), FSP_INVALID);
    char text[512];
    memset(text, 'a', sizeof(text));
    text[63] = '\0';
    ck_assert_int_eq(decode_with("name", json_string(text)), FSP_OK);
    text[63] = 'a';
    text[64] = '\0';
    ck_assert_int_eq(decode_with("name", json_string(text)), FSP_INVALID);
    ck_assert_int_eq(decode_with("endpoints", json_array()), FSP_INVALID);
    static const char *const bad[] = {"", "tcp", "://a", "tcp://", "tcp://a b", "tcp://\xc3\xbc"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(decode_with("endpoints", json_pack("[s]", bad[i])), FSP_INVALID);
    ck_assert_int_eq(decode_with("endpoints", json_pack("[s]", "ipc:///tmp/a")), FSP_OK);
    ck_assert_int_eq(decode_with("endpoints", json_pack("[i]", 1)), FSP_INVALID);
    memset(text, 'a', sizeof(text));
    memcpy(text, "tcp://", 6);
    text[255] = '\0';
    ck_assert_int_eq(decode_with("endpoints", json_pack("[s]", text)), FSP_OK);
    text[255] = 'a';
    text[256] = '\0';
    ck_assert_int_eq(decode_with("endpoints", json_pack("[s]", text)), FSP_INVALID);
    json_t *many = json_array();
    for (size_t i = 0; i < FSP_PROFILE_ENDPOINTS_MAX; i++)
        json_array_append_new(many, json_string("tcp://a:1"));
    ck_assert_int_eq(decode_with("endpoints", json_deep_copy(many)), FSP_OK);
    json_array_append_new(many, json_string("tcp://a:1"));
    ck_assert_int_eq(decode_with("endpoints", many), FSP_INVALID);
}
END_TEST

START_TEST(refuses_what_is_no_object)
{
    static const char *const texts[] = {"[]", "1", "{", "{}", "null", "\"a\"", "{\"format\":1}",
                                        " "};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_int_eq(decode_text(texts[i], strlen(texts[i])), FSP_INVALID);
    ck_assert_int_eq(decode_text("", 0), FSP_INVALID);
    /* All is well but for one field that is there twice. */
    fsp_profile_encode(&profile, &buf);
    fsp_buf_t twice;
    fsp_buf_init(&twice, FSP_PROFILE_BYTES_MAX);
    fsp_buf_printf(&twice, "{\"space\": \"home\", %.*s", (int)buf.bytes - 1, (char *)buf.data + 1);
    ck_assert_int_eq(decode_text((char *)twice.data, twice.bytes), FSP_INVALID);
    fsp_buf_clear(&twice);
    /* A secret where the parser stumbles must not get into its words. */
    char broken[128];
    (void)snprintf(broken, sizeof(broken), "{\"format\": 1, \"secret_key\": \"%s\" \"x\"}", SECRET);
    ck_assert_int_eq(decode_text(broken, strlen(broken)), FSP_INVALID);
    (void)snprintf(broken, sizeof(broken), "{\"format\": 1, \"%s\": 1}", SECRET);
    ck_assert_int_eq(decode_text(broken, strlen(broken)), FSP_INVALID);
    (void)snprintf(broken, sizeof(broken), "{\"format\": 1, %s}", SECRET);
    ck_assert_int_eq(decode_text(broken, strlen(broken)), FSP_INVALID);
}
END_TEST

START_TEST(is_bounded)
{
    static char text[FSP_PROFILE_BYTES_MAX + 1];
    memset(text, '[', sizeof(text));
    ck_assert_int_eq(decode_text(text, FSP_PROFILE_BYTES_MAX), FSP_INVALID);
    ck_assert(!strstr(error.text, "line")); /* jansson, which recurses, has not seen it */
    fsp_profile_encode(&profile, &buf);
    memset(text, ' ', sizeof(text));
    memcpy(text, buf.data, buf.bytes);
    ck_assert_int_eq(decode_text(text, FSP_PROFILE_BYTES_MAX), FSP_OK);
    ck_assert_int_eq(decode_text(text, FSP_PROFILE_BYTES_MAX + 1), FSP_INVALID);
}
END_TEST

START_TEST(output_is_untouched_on_failure)
{
    fsp_profile_t back;
    memset(&back, 0x5a, sizeof(back));
    fsp_profile_t before = back;
    ck_assert_int_eq(fsp_profile_decode(fsp_slice_text("{}"), &back, &error), FSP_INVALID);
    ck_assert_mem_eq(&back, &before, sizeof(back));
}
END_TEST

START_TEST(wiping_leaves_nothing)
{
    static const fsp_profile_t zero;
    fsp_profile_wipe(&profile);
    ck_assert_mem_eq(&profile, &zero, sizeof(profile));
    fsp_profile_wipe(NULL);
}
END_TEST

START_TEST(damaged_profiles_are_refused_or_come_back)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(13));
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_PROFILE_BYTES_MAX);
    fsp_profile_encode(&profile, &buf);
    size_t decoded = 0;
    for (size_t round = 0; round < 20000; round++) {
        size_t count;
        uint8_t *bytes = fsp_mutate(&prng, fsp_buf_slice(&buf), &count);
        fsp_profile_t back, third;
        if (fsp_profile_decode(fsp_slice(bytes, count), &back, &error) == FSP_OK) {
            fsp_buf_reset(&again);
            fsp_profile_encode(&back, &again);
            ck_assert_int_eq(fsp_profile_decode(fsp_buf_slice(&again), &third, NULL), FSP_OK);
            ck_assert_mem_eq(&back, &third, sizeof(back));
            decoded++;
        } else {
            expect_no_secret();
        }
        free(bytes);
    }
    ck_assert_uint_gt(decoded, 100);
    fsp_buf_clear(&again);
}
END_TEST

static Suite *
profile_suite(void)
{
    Suite *suite = suite_create("profile");
    TCase *tcase = tcase_create("profile");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, comes_back);
    tcase_add_test(tcase, says_which_field_is_missing_or_of_another_type);
    tcase_add_test(tcase, knows_its_format);
    tcase_add_test(tcase, checks_keys_exactly);
    tcase_add_test(tcase, checks_names_and_endpoints);
    tcase_add_test(tcase, refuses_what_is_no_object);
    tcase_add_test(tcase, is_bounded);
    tcase_add_test(tcase, output_is_untouched_on_failure);
    tcase_add_test(tcase, wiping_leaves_nothing);
    tcase_add_test(tcase, damaged_profiles_are_refused_or_come_back);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(profile_suite());
}
