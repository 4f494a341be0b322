/* SPDX-License-Identifier: MIT */
/* test_client_library - the client library against a node that lies and fails.  Layer tests. */
#include "tests/actors/test_client_streams.h"

#include "tests/unit/suite.h"

#include <signal.h>

/* -- connecting -------------------------------------------------------------------------------- */

START_TEST(greets_a_node_and_asks_how_it_is)
{
    struct sigaction before, after;
    ck_assert_int_eq(sigaction(SIGINT, NULL, &before), 0);
    filesphere_t *handle = fake_open(&fake, 0);
    filesphere_node_t node;
    expect(handle, filesphere_node(handle, &node), FSP_OK, 0);
    ck_assert_str_eq(node.version, "9.9");
    ck_assert_str_eq(node.disk_state, "ok");
    ck_assert_uint_eq(node.uptime_s, 12);
    ck_assert(node.sync);
    ck_assert_str_eq(filesphere_warning(handle), "");
    filesphere_close(&handle);
    ck_assert_ptr_null(handle);
    filesphere_close(&handle);
    ck_assert_int_eq(sigaction(SIGINT, NULL, &after), 0);
    ck_assert(before.sa_handler == after.sa_handler);
}
END_TEST

START_TEST(no_profile_is_not_logged_in)
{
    filesphere_config_t config = {.profile_path = "/nonexistent/profile"};
    filesphere_t *handle = NULL;
    filesphere_code_t code = filesphere_open(&config, &handle);
    expect(handle, code, FSP_NO_PROFILE, 5);
    ck_assert_ptr_nonnull(strstr(filesphere_error(handle), "--profile"));
    expect(handle, filesphere_stat(handle, NULL, "/", NULL, NULL), FSP_NO_PROFILE, 5);
    filesphere_close(&handle);
    ck_assert_uint_ne(filesphere_open(&config, NULL), FILESPHERE_OK);
}
END_TEST

START_TEST(warns_of_a_profile_that_others_can_read)
{
    ck_assert_int_eq(chmod(fake.profile_path, 0644), 0);
    filesphere_t *handle = fake_open(&fake, 0);
    ck_assert_ptr_nonnull(strstr(filesphere_warning(handle), "chmod"));
    filesphere_close(&handle);
}
END_TEST

START_TEST(nobody_there_is_temporary)
{
    char path[sizeof fake.profile_path];
    memcpy(path, fake.profile_path, sizeof path);
    fake_write_profile(&fake, "tcp://127.0.0.1:1", NULL, fake.public_key);
    filesphere_config_t config = {.profile_path = fake.profile_path, .timeout_ms = 300};
    filesphere_t *handle = NULL;
    int64_t start = zclock_mono();
    filesphere_code_t code = filesphere_open(&config, &handle);
    expect(handle, code, FSP_UNREACHABLE, 8);
    ck_assert_int_lt(zclock_mono() - start, 3000);
    filesphere_close(&handle);
    (void)unlink(path);
}
END_TEST

START_TEST(a_node_with_another_key_is_not_trusted)
{
    char path[sizeof fake.profile_path], public_key[41], secret_key[41];
    memcpy(path, fake.profile_path, sizeof path);
    ck_assert_int_eq(zmq_curve_keypair(public_key, secret_key), 0);
    fake_write_profile(&fake, fake.endpoint, NULL, public_key);
    filesphere_config_t config = {.profile_path = fake.profile_path, .timeout_ms = 500};
    filesphere_t *handle = NULL;
    filesphere_code_t code = filesphere_open(&config, &handle);
    expect(handle, code, FSP_UNREACHABLE, 8);
    ck_assert_uint_eq(fake.hellos, 0);
    filesphere_close(&handle);
    (void)unlink(path);
}
END_TEST

START_TEST(tries_endpoints_in_order)
{
    char path[sizeof fake.profile_path];
    memcpy(path, fake.profile_path, sizeof path);
    fake_write_profile(&fake, "tcp://127.0.0.1:1", fake.endpoint, fake.public_key);
    filesphere_t *handle = fake_open(&fake, 3000);
    ck_assert_uint_eq(fake.hellos, 1);
    filesphere_close(&handle);
    (void)unlink(path);
}
END_TEST

/* -- put --------------------------------------------------------------------------------------- */

START_TEST(small_contents_travel_in_one_message)
{
    static const uint64_t sizes[] = {0, 1, 4096, FSP_FRAME_BYTES_MAX};
    filesphere_t *handle = fake_open(&fake, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        stream_t stream = {.bytes = sizes[i], .piece_max = 100000};
        filesphere_info_t info;
        expect(handle, put(handle, &stream, &info), FSP_OK, 0);
        ck_assert_uint_eq(info.size, sizes[i]);
        ck_assert_uint_eq(info.bytes_sent, sizes[i]);
        ck_assert_uint_eq(info.number, 3);
        filesphere_receipt_t receipt;
        expect(handle, filesphere_receipt_verify(info.receipt, info.receipt_size, NULL, &receipt),
               FSP_OK, 0);
        ck_assert_uint_eq(receipt.durable_copies, 1);
        ck_assert_mem_eq(receipt.version_id, info.version_id, sizeof info.version_id);
        ck_assert_uint_eq(info.head_count, 1);
        ck_assert_str_eq(info.space, "home");
    }
    ck_assert_uint_eq(fake.single_puts, sizeof sizes / sizeof sizes[0]);
    ck_assert_uint_eq(fake.stream_puts, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_receipt_that_another_key_signed_is_refused)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fake.wrong_receipt = true;
    stream_t stream = {.bytes = 100, .piece_max = 100000};
    filesphere_info_t info;
    expect(handle, put(handle, &stream, &info), FSP_DAMAGED, 10);
    /* Nobody looks at what nobody takes, whichever way the content went. */
    static const uint64_t sizes[] = {100, FSP_FRAME_BYTES_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        stream = (stream_t){.bytes = sizes[i], .piece_max = 100000};
        expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    }
    stream = (stream_t){.bytes = FSP_FRAME_BYTES_MAX + 1, .piece_max = 100000};
    expect(handle, put(handle, &stream, &info), FSP_DAMAGED, 10);
    fake.wrong_receipt = false;
    filesphere_close(&handle);
}
END_TEST

START_TEST(large_contents_stream_within_their_credit)
{
    static const uint64_t sizes[] = {FSP_FRAME_BYTES_MAX + 1, 2 * FSP_FRAME_BYTES_MAX,
                                     5 * 1024 * 1024 + 3};
    static const uint64_t steps[] = {0, 100000, 3 * FSP_FRAME_BYTES_MAX};
    filesphere_t *handle = fake_open(&fake, 0);
    for (size_t i = 0; i < 9; i++) {
        fake.credit_step = steps[i / 3];
        stream_t stream = {.bytes = sizes[i % 3], .piece_max = 70000};
        filesphere_info_t info;
        expect(handle, put(handle, &stream, &info), FSP_OK, 0);
        ck_assert_uint_eq(info.size, sizes[i % 3]);
        ck_assert_uint_eq(info.bytes_sent, sizes[i % 3]);
    }
    ck_assert(!fake.overrun);
    ck_assert_uint_eq(fake.stream_puts, 9);
    filesphere_close(&handle);
}
END_TEST

START_TEST(an_error_ends_an_upload)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fake.credit_step = 300000;
    fake.error_code = fsp_error_info(FSP_QUOTA)->code;
    stream_t stream = {.bytes = 10 * 1024 * 1024};
    expect(handle, put(handle, &stream, NULL), FSP_QUOTA, 9);
    ck_assert_str_eq(filesphere_error(handle), "/dir/file: words of the node");
    stream = (stream_t){.bytes = 1000};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_source_that_fails_aborts)
{
    filesphere_t *handle = fake_open(&fake, 0);
    stream_t stream = {.bytes = 10 * 1024 * 1024, .fail_at = 2 * 1024 * 1024};
    expect(handle, put(handle, &stream, NULL), FSP_CANCELLED, 130);
    filesphere_close(&handle); /* the ABORT leaves all the same */
    fake_await(&fake.aborts, 1);
    handle = fake_open(&fake, 0);
    stream = (stream_t){.bytes = 1000, .fail_at = 1, .piece_max = 100};
    expect(handle, put(handle, &stream, NULL), FSP_CANCELLED, 130);
    ck_assert_uint_eq(fake.single_puts, 0);
    stream = (stream_t){.bytes = 1000};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_slow_source_gives_signs_of_life)
{
    fake.beat_ms = 100;
    filesphere_t *handle = fake_open(&fake, 0);
    stream_t stream = {.bytes = 3 * 1024 * 1024, .fail_at = 1024 * 1024, .not_yet = 20};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    fake_await(&fake.pings, 2);
    unsigned pings = fake.pings;
    stream = (stream_t){.same = true, .fail_at = 1024 * 1024, .not_yet = 20};
    expect(handle, get(handle, &stream, NULL), FSP_OK, 0);
    ck_assert(stream.same);
    ck_assert_uint_eq(stream.at, 3 * 1024 * 1024);
    fake_await(&fake.pings, pings + 2);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_node_that_goes_away_ends_a_stream)
{
    filesphere_t *handle = fake_open(&fake, 500);
    fake.credit_step = 1000000;
    stream_t stream = {.bytes = 100, .same = true};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    fake.deaf_count = 1;
    fake.restart = true;
    stream = (stream_t){.bytes = 10 * 1024 * 1024};
    int64_t start = zclock_mono();
    filesphere_code_t code =
        put(handle, &stream, NULL); /* the restart hits somewhere before or in it */
    ck_assert(code == FILESPHERE_OK || filesphere_exit_code(code) == 8);
    ck_assert_int_lt(zclock_mono() - start, 10000);
    filesphere_close(&handle);
}
END_TEST

/* -- get --------------------------------------------------------------------------------------- */

START_TEST(contents_come_as_they_are)
{
    static const uint64_t sizes[] = {0, 1, 1000, 1001, FSP_FRAME_BYTES_MAX, 20 * 1024 * 1024 + 17};
    filesphere_t *handle = fake_open(&fake, 0);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fill_content(sizes[i]);
        stream_t stream = {.same = true};
        filesphere_info_t info;
        expect(handle, get(handle, &stream, &info), FSP_OK, 0);
        ck_assert(stream.same);
        ck_assert_uint_eq(stream.at, sizes[i]);
        ck_assert_uint_eq(info.size, sizes[i]);
    }
    filesphere_close(&handle);
}
END_TEST

START_TEST(ranges_come_as_they_are)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fill_content(3 * 1024 * 1024);
    filesphere_get_t get = {.path = "/f", .has_range = true, .first = 500000, .last = 1500000};
    stream_t stream = {.at = 500000, .same = true};
    expect(handle, filesphere_get(handle, &get, write_pattern, &stream, NULL), FSP_OK, 0);
    ck_assert(stream.same);
    ck_assert_uint_eq(stream.at, 1500001);
    get.last = UINT64_MAX;
    stream.at = 500000;
    expect(handle, filesphere_get(handle, &get, write_pattern, &stream, NULL), FSP_OK, 0);
    ck_assert(stream.same);
    ck_assert_uint_eq(stream.at, 3 * 1024 * 1024);
    get.last = 0;
    expect(handle, filesphere_get(handle, &get, write_pattern, &stream, NULL), FSP_BAD_RANGE, 2);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_wrong_digest_is_damage)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fill_content(600000);
    fake.wrong_sha = true;
    stream_t stream = {.same = true};
    expect(handle, get(handle, &stream, NULL), FSP_DAMAGED, 10);
    fake.wrong_sha = false;
    stream.at = 0;
    expect(handle, get(handle, &stream, NULL), FSP_OK, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_node_that_lies_about_places_is_refused)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fill_content(600000);
    fake.wrong_offset = true;
    stream_t stream = {.same = true};
    expect(handle, get(handle, &stream, NULL), FSP_PROTOCOL, 1);
    ck_assert_uint_eq(stream.at, 1000);
    fake.wrong_offset = false;
    fake.too_much = true;
    stream.at = 0;
    expect(handle, get(handle, &stream, NULL), FSP_PROTOCOL, 1);
    fake.too_much = false;
    fake.garbage = true;
    expect(handle, get(handle, &stream, NULL), FSP_PROTOCOL, 1);
    fake.garbage = false;
    stream.at = 0;
    expect(handle, get(handle, &stream, NULL), FSP_OK, 0);
    ck_assert(stream.same);
    filesphere_close(&handle);
}
END_TEST

START_TEST(an_error_ends_a_download)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fill_content(3 * 1024 * 1024);
    fake.error_code = fsp_error_info(FSP_DAMAGED)->code;
    stream_t stream = {.same = true};
    expect(handle, get(handle, &stream, NULL), FSP_DAMAGED, 10);
    stream = (stream_t){.same = true, .fail_at = 1};
    expect(handle, get(handle, &stream, NULL), FSP_CANCELLED, 130);
    fake_await(&fake.aborts, 1);
    stream = (stream_t){.same = true};
    expect(handle, get(handle, &stream, NULL), FSP_OK, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_callback_cannot_use_its_own_handle)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fill_content(100);
    stream_t stream = {.same = true, .handle = handle};
    expect(handle, get(handle, &stream, NULL), FSP_OK, 0);
    ck_assert_uint_eq(stream.inner, fsp_error_info(FSP_INVALID)->code);
    filesphere_close(&handle);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("client_library");
    TCase *tcase = tcase_create("client_library");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, greets_a_node_and_asks_how_it_is);
    tcase_add_test(tcase, no_profile_is_not_logged_in);
    tcase_add_test(tcase, warns_of_a_profile_that_others_can_read);
    tcase_add_test(tcase, nobody_there_is_temporary);
    tcase_add_test(tcase, a_node_with_another_key_is_not_trusted);
    tcase_add_test(tcase, tries_endpoints_in_order);
    tcase_add_test(tcase, small_contents_travel_in_one_message);
    tcase_add_test(tcase, a_receipt_that_another_key_signed_is_refused);
    tcase_add_test(tcase, large_contents_stream_within_their_credit);
    tcase_add_test(tcase, an_error_ends_an_upload);
    tcase_add_test(tcase, a_source_that_fails_aborts);
    tcase_add_test(tcase, a_slow_source_gives_signs_of_life);
    tcase_add_test(tcase, a_node_that_goes_away_ends_a_stream);
    tcase_add_test(tcase, contents_come_as_they_are);
    tcase_add_test(tcase, ranges_come_as_they_are);
    tcase_add_test(tcase, a_wrong_digest_is_damage);
    tcase_add_test(tcase, a_node_that_lies_about_places_is_refused);
    tcase_add_test(tcase, an_error_ends_a_download);
    tcase_add_test(tcase, a_callback_cannot_use_its_own_handle);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
