/* SPDX-License-Identifier: MIT */
/* test_client_retries - the client library when connections break; listings.  Layer tests. */
#include "tests/actors/test_client_streams.h"

#include "tests/unit/suite.h"

/* -- retries ----------------------------------------------------------------------------------- */

START_TEST(a_deaf_connection_is_replaced_and_the_operation_kept)
{
    fake.deaf_count = 1;
    filesphere_t *handle = fake_open(&fake, 1500);
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

START_TEST(silence_ends_when_patience_does)
{
    fake.deaf_count = 100;
    filesphere_t *handle = fake_open(&fake, 300);
    filesphere_set_patience(handle, 600);
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

/* -- listings ---------------------------------------------------------------------------------- */

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
    expect(handle, filesphere_list(handle, NULL, "/d", NULL, count_entry, &count), FSP_CANCELLED,
           130);
    ck_assert_uint_eq(count, 777);
    filesphere_close(&handle);
}
END_TEST

/* The fake's pages have 100 names. */
typedef enum { NO_TROUBLE, FORGOTTEN, RESTARTED, IGNORED, ENDED, TROUBLES } trouble_t;

typedef struct {
    trouble_t trouble;
    unsigned before; /* requests that the fake had got */
    size_t count;
} reader_t;

static int
read_entry(void *arg, const filesphere_entry_t *entry)
{
    reader_t *self = arg;
    char name[32];
    (void)snprintf(name, sizeof name, "name%06zu", self->count);
    ck_assert_str_eq(entry->name, name);
    self->count++;
    if (self->count == 1) /* of the first page: the second was asked for */
        fake_await(&fake.requests, self->before + 2);
    if (self->count != 100)
        return 0;
    /* What is asked for next is the third page, when the second has come. */
    switch (self->trouble) {
    case FORGOTTEN:
        fake.forget_count = 1;
        return 0;
    case RESTARTED:
        fake.restart = true;
        while (fake.restart)
            (void)poll(NULL, 0, 1);
        return 0;
    case IGNORED:
        fake.ignore_count = 1;
        return 0;
    case ENDED:
        return -1;
    case NO_TROUBLE:
    case TROUBLES:
    default:
        return 0;
    }
}

/* Nothing that happens to a page asked for ahead is seen by the caller. */
START_TEST(the_next_page_is_asked_for_while_one_is_given)
{
    filesphere_t *handle = fake_open(&fake, 200);
    reader_t reader = {.trouble = (trouble_t)_i, .before = fake.requests};
    fake.list_count = 350;
    bool ended = reader.trouble == ENDED;
    expect(handle, filesphere_list(handle, NULL, "/d", NULL, read_entry, &reader),
           ended ? FSP_CANCELLED : FSP_OK, ended ? 130 : 0);
    ck_assert_uint_eq(reader.count, ended ? 100 : 350);
    /* An answer that nobody waits for any more is in nobody's way. */
    reader = (reader_t){.before = fake.requests};
    expect(handle, filesphere_list(handle, NULL, "/d", NULL, read_entry, &reader), FSP_OK, 0);
    ck_assert_uint_eq(reader.count, 350);
    ck_assert_uint_eq(fake.requests, reader.before + 4);
    filesphere_close(&handle);
}
END_TEST

/* An older node is not asked for what it would refuse, also where it takes the place of a newer
   one. */
START_TEST(lists_ask_for_attributes_where_they_can)
{
    static const struct {
        unsigned minor;
        bool wanted;
    } nodes[] = {{3, true}, {2, false}, {1, false}, {3, true}};
    filesphere_t *handle = NULL;
    fake.list_count = 3;
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
        fake.minor = nodes[i].minor;
        if (!handle)
            handle = fake_open(&fake, 0);
        else
            fake.forget_count = 1; /* the client says HELLO again */
        size_t count = 0;
        expect(handle, filesphere_list(handle, NULL, "/d", NULL, count_entry, &count), FSP_OK, 0);
        ck_assert_uint_eq(count, 3);
        ck_assert(fake.list_attrs == nodes[i].wanted);
    }
    fake.minor = 0;
    fake.list_count = 0;
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
    expect(handle, filesphere_list(handle, "Not A Space", "/d", NULL, count_entry, &count),
           FSP_BAD_NAME, 2);
    filesphere_close(&handle);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("client_retries");
    TCase *tcase = tcase_create("client_retries");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_deaf_connection_is_replaced_and_the_operation_kept);
    tcase_add_test(tcase, a_node_that_forgot_us_is_greeted_again);
    tcase_add_test(tcase, silence_ends_when_patience_does);
    tcase_add_test(tcase, a_live_node_is_waited_for);
    tcase_add_test(tcase, an_expired_operation_is_begun_anew);
    tcase_add_test(tcase, cancel_ends_a_waiting_call);
    tcase_add_test(tcase, threads_share_a_handle);
    tcase_add_test(tcase, lists_come_in_pages);
    tcase_add_loop_test(tcase, the_next_page_is_asked_for_while_one_is_given, 0, TROUBLES);
    tcase_add_test(tcase, lists_ask_for_attributes_where_they_can);
    tcase_add_test(tcase, a_list_without_end_is_refused);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
