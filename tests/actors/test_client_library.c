/* SPDX-License-Identifier: MIT */
/* test_client_library - the client library against a node that can lie, forget and go away.  Layer tests. */
#include "tests/actors/test_client_fake.h"

#include "tests/unit/suite.h"

#include <signal.h>

static fake_t fake;

static void
set_up(void)
{
    memset(&fake, 0, sizeof fake);
    fake_start(&fake);
}

static void
tear_down(void)
{
    fake_stop(&fake);
}

static void
expect(filesphere_t *handle, filesphere_code_t code, fsp_status_t status, int exit_code)
{
    ck_assert_msg(code == fsp_error_info(status)->code, "%u (%s) instead of %s: %s", code, filesphere_symbol(code),
                  fsp_status_name(status), filesphere_error(handle));
    ck_assert_int_eq(filesphere_exit_code(code), exit_code);
    ck_assert(status == FSP_OK || *filesphere_error(handle));
}

/* -- sources and sinks --------------------------------------------------------------------------- */

typedef struct {
    uint64_t bytes, at; /* pattern bytes, and how many are done */
    size_t piece_max;
    uint64_t fail_at; /* 0: never */
    unsigned not_yet; /* so many times nothing, at fail_at */
    bool same;        /* sink: everything fitted the pattern */
    filesphere_t *handle;
    filesphere_code_t inner;
} stream_t;

static uint8_t
pattern(uint64_t at)
{
    return (uint8_t)(at * 7 + at / 251 + at / 65521);
}

static int
read_pattern(void *arg, void *buffer, size_t size_max, size_t *ret_size)
{
    stream_t *stream = arg;
    if (stream->fail_at && stream->at >= stream->fail_at) {
        if (stream->not_yet == 0)
            return -1;
        if (--stream->not_yet == 0)
            stream->fail_at = 0;
        (void)poll(NULL, 0, 20);
        return FILESPHERE_NOT_YET;
    }
    uint64_t bytes = stream->bytes - stream->at;
    if (bytes > size_max)
        bytes = size_max;
    if (stream->piece_max && bytes > stream->piece_max)
        bytes = stream->piece_max;
    for (uint64_t i = 0; i < bytes; i++)
        ((uint8_t *)buffer)[i] = pattern(stream->at + i);
    stream->at += bytes;
    *ret_size = (size_t)bytes;
    return 0;
}

static int
write_pattern(void *arg, const void *data, size_t size)
{
    stream_t *stream = arg;
    if (stream->fail_at && stream->at >= stream->fail_at) {
        if (stream->not_yet == 0)
            return -1;
        if (--stream->not_yet == 0)
            stream->fail_at = 0;
        (void)poll(NULL, 0, 20);
        return FILESPHERE_NOT_YET;
    }
    for (size_t i = 0; i < size; i++)
        stream->same = stream->same && ((const uint8_t *)data)[i] == pattern(stream->at + i);
    stream->at += size;
    if (stream->handle)
        stream->inner = filesphere_stat(stream->handle, NULL, "/", NULL, NULL);
    return 0;
}

static filesphere_code_t
put(filesphere_t *handle, stream_t *stream, filesphere_info_t *info)
{
    filesphere_put_t put = {.path = "/dir/file", .create_parents = true, .size_hint = UINT64_MAX};
    return filesphere_put(handle, &put, read_pattern, stream, info);
}

static filesphere_code_t
get(filesphere_t *handle, stream_t *stream, filesphere_info_t *info)
{
    filesphere_get_t get = {.path = "/dir/file"};
    return filesphere_get(handle, &get, write_pattern, stream, info);
}

static void
fill_content(uint64_t bytes)
{
    fsp_buf_reset(&fake.content);
    uint8_t *to = fsp_buf_extend(&fake.content, bytes);
    for (uint64_t i = 0; i < bytes; i++)
        to[i] = pattern(i);
}

/* -- connecting ------------------------------------------------------------------------------------ */

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
    filesphere_t *handle = fake_open(&fake, 1000);
    ck_assert_uint_eq(fake.hellos, 1);
    filesphere_close(&handle);
    (void)unlink(path);
}
END_TEST

/* -- put ------------------------------------------------------------------------------------------- */

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
        ck_assert_uint_eq(info.durable_copies, 1);
        ck_assert_uint_eq(info.head_count, 1);
        ck_assert_str_eq(info.space, "home");
    }
    ck_assert_uint_eq(fake.single_puts, sizeof sizes / sizeof sizes[0]);
    ck_assert_uint_eq(fake.stream_puts, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(large_contents_stream_within_their_credit)
{
    static const uint64_t sizes[] = {FSP_FRAME_BYTES_MAX + 1, 2 * FSP_FRAME_BYTES_MAX, 5 * 1024 * 1024 + 3};
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
    fake_await(&fake.aborts, 1);
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
    filesphere_code_t code = put(handle, &stream, NULL); /* the restart hits somewhere before or in it */
    ck_assert(code == FILESPHERE_OK || filesphere_exit_code(code) == 8);
    ck_assert_int_lt(zclock_mono() - start, 10000);
    filesphere_close(&handle);
}
END_TEST

/* -- get ------------------------------------------------------------------------------------------- */

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

/* -- retries --------------------------------------------------------------------------------------- */

START_TEST(a_deaf_connection_is_replaced_and_the_operation_kept)
{
    fake.deaf_count = 1;
    filesphere_t *handle = fake_open(&fake, 400);
    expect(handle, filesphere_mkdir(handle, NULL, "/d", false, false, NULL, NULL), FSP_OK, 0);
    ck_assert_uint_eq(fake.hellos, 2);
    ck_assert_uint_eq(fake.op_count, 1);
    ck_assert_uint_eq(fake.attempts[0], 2);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_node_that_forgot_us_is_greeted_again)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fake.forget_count = 1;
    expect(handle, filesphere_mkdir(handle, NULL, "/d", false, false, NULL, NULL), FSP_OK, 0);
    ck_assert_uint_eq(fake.hellos, 2);
    ck_assert_uint_eq(fake.attempts[0], 2);
    fake.restart = true;
    int64_t deadline = zclock_mono() + 5000;
    while (fake.restart && zclock_mono() < deadline)
        (void)poll(NULL, 0, 1);
    stream_t stream = {.bytes = 2 * 1024 * 1024};
    expect(handle, put(handle, &stream, NULL), FSP_OK, 0);
    expect(handle, filesphere_mkdir(handle, NULL, "/e", false, false, NULL, NULL), FSP_OK, 0);
    ck_assert_uint_eq(fake.sinces[fake.op_count - 1], 41);
    filesphere_close(&handle);
}
END_TEST

START_TEST(silence_ends_with_a_timeout_after_two)
{
    fake.deaf_count = 100;
    filesphere_t *handle = fake_open(&fake, 300);
    int64_t start = zclock_mono();
    expect(handle, filesphere_mkdir(handle, NULL, "/d", false, false, NULL, NULL), FSP_TIMEOUT, 8);
    int64_t took = zclock_mono() - start;
    ck_assert_int_ge(took, 550);
    ck_assert_int_lt(took, 3000);
    filesphere_close(&handle);
}
END_TEST

static void *
cancel_after_pings(void *handle)
{
    fake_await(&fake.pings, 3);
    filesphere_cancel(handle);
    return NULL;
}

START_TEST(a_live_node_is_waited_for)
{
    filesphere_t *handle = fake_open(&fake, 1000);
    fake.ignore_count = 1;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_after_pings, handle), 0);
    int64_t start = zclock_mono();
    expect(handle, filesphere_stat(handle, NULL, "/d", NULL, NULL), FSP_CANCELLED, 130);
    ck_assert_int_ge(zclock_mono() - start, 1400); /* longer than without a PONG */
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(fake.hellos, 1);
    filesphere_close(&handle);
}
END_TEST

START_TEST(an_expired_operation_is_begun_anew)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fake.expired_count = 1;
    expect(handle, filesphere_mkdir(handle, NULL, "/d", false, false, NULL, NULL), FSP_OK, 0);
    ck_assert_uint_eq(fake.op_count, 2);
    ck_assert_uint_eq(fake.sinces[0], 0);
    ck_assert_uint_eq(fake.sinces[1], 77);
    ck_assert_uint_eq(fake.attempts[1], 1);
    ck_assert_int_ne(memcmp(fake.ops[0], fake.ops[1], 16), 0);
    filesphere_close(&handle);
}
END_TEST

static void *
cancel_when_asked(void *handle)
{
    fake_await(&fake.requests, 1);
    filesphere_cancel(handle);
    return NULL;
}

START_TEST(cancel_ends_a_waiting_call)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fake.ignore_count = 1;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_when_asked, handle), 0);
    int64_t start = zclock_mono();
    expect(handle, filesphere_stat(handle, NULL, "/d", NULL, NULL), FSP_CANCELLED, 130);
    ck_assert_int_lt(zclock_mono() - start, 2000);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect(handle, filesphere_stat(handle, NULL, "/d", NULL, NULL), FSP_OK, 0);
    filesphere_close(&handle);
}
END_TEST

static void *
many_calls(void *handle)
{
    for (int i = 0; i < 50; i++) {
        stream_t stream = {.bytes = 3000};
        ck_assert_uint_eq(put(handle, &stream, NULL), FILESPHERE_OK);
        ck_assert_uint_eq(filesphere_stat(handle, NULL, "/d", NULL, NULL), FILESPHERE_OK);
    }
    return NULL;
}

START_TEST(threads_share_a_handle)
{
    filesphere_t *handle = fake_open(&fake, 0);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, many_calls, handle), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(fake.single_puts, 200);
    filesphere_close(&handle);
}
END_TEST

/* -- listings -------------------------------------------------------------------------------------- */

static int
count_entry(void *arg, const filesphere_entry_t *entry)
{
    size_t *count = arg;
    char name[32];
    (void)snprintf(name, sizeof name, "name%06zu", *count);
    ck_assert_str_eq(entry->name, name);
    ++*count;
    return *count == 777 ? -1 : 0;
}

START_TEST(lists_come_in_pages)
{
    filesphere_t *handle = fake_open(&fake, 0);
    static const size_t counts[] = {0, 1, 100, 101, 250};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        fake.list_count = counts[i];
        size_t count = 0;
        expect(handle, filesphere_list(handle, NULL, "/d", NULL, count_entry, &count), FSP_OK, 0);
        ck_assert_uint_eq(count, counts[i]);
    }
    fake.list_count = 1000;
    size_t count = 0;
    expect(handle, filesphere_list(handle, NULL, "/d", NULL, count_entry, &count), FSP_CANCELLED, 130);
    ck_assert_uint_eq(count, 777);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_list_without_end_is_refused)
{
    filesphere_t *handle = fake_open(&fake, 0);
    fake.list_count = 5;
    fake.endless_list = true;
    size_t count = 0;
    expect(handle, filesphere_list(handle, NULL, "/d", NULL, count_entry, &count), FSP_PROTOCOL, 1);
    ck_assert_uint_eq(count, 5);
    fake.endless_list = false;
    fake.list_count = 0;
    expect(handle, filesphere_list(handle, NULL, "d", NULL, count_entry, &count), FSP_BAD_NAME, 2);
    expect(handle, filesphere_list(handle, "Not A Space", "/d", NULL, count_entry, &count), FSP_BAD_NAME, 2);
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
    tcase_add_test(tcase, a_deaf_connection_is_replaced_and_the_operation_kept);
    tcase_add_test(tcase, a_node_that_forgot_us_is_greeted_again);
    tcase_add_test(tcase, silence_ends_with_a_timeout_after_two);
    tcase_add_test(tcase, a_live_node_is_waited_for);
    tcase_add_test(tcase, an_expired_operation_is_begun_anew);
    tcase_add_test(tcase, cancel_ends_a_waiting_call);
    tcase_add_test(tcase, threads_share_a_handle);
    tcase_add_test(tcase, lists_come_in_pages);
    tcase_add_test(tcase, a_list_without_end_is_refused);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
