/* SPDX-License-Identifier: MIT */
/* test_client_watch - the client library's watch against a node that is old, lies, falls silent.
 * Layer tests. */
#include "tests/actors/test_client_streams.h"

#include "tests/unit/suite.h"

#include <pthread.h>

typedef struct {
    uint64_t indices[16];
    size_t count;  /* changes */
    size_t pauses; /* times when there was nothing left to tell */
    size_t wanted; /* ends the watch behind so many; 0: never */
} seen_t;

static int
see(void *arg, const filesphere_change_t *change)
{
    seen_t *seen = arg;
    if (!change) {
        seen->pauses++;
        return 0;
    }
    ck_assert_uint_lt(seen->count, 16);
    ck_assert_str_eq(filesphere_operation_name(change->operation), "put");
    seen->indices[seen->count++] = change->index;
    return seen->count == seen->wanted ? -1 : 0;
}

START_TEST(an_old_node_is_not_asked)
{
    filesphere_t *handle = fake_open(&fake, 0);
    seen_t seen = {.count = 0};
    uint64_t token;
    expect(handle, filesphere_watch(handle, NULL, 0, see, &seen), FSP_UNSUPPORTED, 1);
    expect(handle, filesphere_lock(handle, NULL, "/a", 1000000, &token, NULL), FSP_UNSUPPORTED, 1);
    ck_assert_uint_eq(fake.requests, 0);
    ck_assert_uint_eq(seen.count + seen.pauses, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(changes_come_in_order_until_they_are_gone)
{
    fake.minor = 2;
    fake.watch_count = 3;
    fake.watch_error = fsp_error_info(FSP_GONE)->code;
    filesphere_t *handle = fake_open(&fake, 0);
    seen_t seen = {.count = 0};
    expect(handle, filesphere_watch(handle, NULL, 40, see, &seen), FSP_GONE, 3);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert_uint_eq(seen.indices[0], 41);
    ck_assert_uint_eq(seen.indices[2], 43);
    ck_assert_uint_eq(seen.pauses, 1);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_feed_with_a_gap_is_refused)
{
    fake.minor = 2;
    fake.watch_count = 3;
    fake.watch_gap = true;
    filesphere_t *handle = fake_open(&fake, 0);
    seen_t seen = {.count = 0};
    expect(handle, filesphere_watch(handle, NULL, 40, see, &seen), FSP_PROTOCOL, 1);
    ck_assert_uint_eq(seen.count, 0);
    filesphere_close(&handle);
}
END_TEST

START_TEST(the_caller_ends_it_and_the_node_hears_so)
{
    fake.minor = 2;
    fake.watch_count = 3;
    filesphere_t *handle = fake_open(&fake, 0);
    seen_t seen = {.wanted = 2};
    expect(handle, filesphere_watch(handle, NULL, 0, see, &seen), FSP_CANCELLED, 130);
    ck_assert_uint_eq(seen.count, 2);
    filesphere_info_t info; /* answered behind the ABORT */
    expect(handle, filesphere_stat(handle, NULL, "/d", NULL, &info), FSP_OK, 0);
    ck_assert_uint_eq(fake.aborts, 1);
    filesphere_close(&handle);
}
END_TEST

START_TEST(a_node_that_stops_is_waited_for_and_asked_behind_what_was_seen)
{
    fake.minor = 2;
    fake.watch_count = 2;
    fake.watch_error = fsp_error_info(FSP_CLOSING)->code;
    filesphere_t *handle = fake_open(&fake, 0);
    seen_t seen = {.wanted = 6};
    expect(handle, filesphere_watch(handle, NULL, 0, see, &seen), FSP_CANCELLED, 130);
    for (size_t i = 0; i < 6; i++)
        ck_assert_uint_eq(seen.indices[i], i + 1);
    filesphere_close(&handle);
}
END_TEST

static void *
cancel_later(void *handle)
{
    int64_t end = zclock_mono() + 5000;
    while (fake.pings < 3 && zclock_mono() < end)
        fsp_suite_pause_us(10 * 1000);
    filesphere_cancel(handle);
    return NULL;
}

START_TEST(silence_lasts_as_long_as_the_node_lives)
{
    fake.minor = 2;
    filesphere_t *handle = fake_open(&fake, 200); /* three silences are longer than any time-out */
    seen_t seen = {.count = 0};
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_later, handle), 0);
    expect(handle, filesphere_watch(handle, NULL, 7, see, &seen), FSP_CANCELLED, 130);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_ge(fake.pings, 3);
    ck_assert_uint_eq(seen.pauses, 1);
    ck_assert_uint_eq(fake.hellos, 1);
    filesphere_close(&handle);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("client_watch");
    TCase *tcase = tcase_create("client_watch");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_old_node_is_not_asked);
    tcase_add_test(tcase, changes_come_in_order_until_they_are_gone);
    tcase_add_test(tcase, a_feed_with_a_gap_is_refused);
    tcase_add_test(tcase, the_caller_ends_it_and_the_node_hears_so);
    tcase_add_test(tcase, a_node_that_stops_is_waited_for_and_asked_behind_what_was_seen);
    tcase_add_test(tcase, silence_lasts_as_long_as_the_node_lives);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
