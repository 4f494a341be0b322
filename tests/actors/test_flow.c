/* SPDX-License-Identifier: MIT */
/* test_flow - bytes on their way are counted until they have left; a line is cut, and only that. */
#include "actors/frontend.h"
#include "tests/unit/suite.h"

#include <netinet/in.h>
#include <unistd.h>

START_TEST(bytes_count_until_they_are_released)
{
    fsp_flow_t *flow = fsp_flow_new(), *other = fsp_flow_ref(flow);
    fsp_blob_t *chunk = fsp_blob_new(1000), *frame = fsp_blob_new(100);
    chunk = fsp_flow_hold(flow, &chunk);
    frame = fsp_flow_parcel(flow, &frame);
    uint64_t parcel = 100 + FLOW_MESSAGE_BYTES;
    ck_assert_uint_eq(fsp_flow_bytes(flow), 1000 + parcel);
    ck_assert_uint_eq(fsp_flow_left(flow), 0);
    fsp_blob_destroy(&frame);
    ck_assert_uint_eq(fsp_flow_bytes(flow), 1000);
    ck_assert_uint_eq(fsp_flow_left(flow), parcel);
    fsp_flow_destroy(&flow); /* and lives on while anybody has it */
    fsp_blob_destroy(&chunk);
    ck_assert_uint_eq(fsp_flow_bytes(other), 0);
    ck_assert_uint_eq(fsp_flow_left(other), 1000 + parcel);
    fsp_flow_destroy(&other);
}
END_TEST

/* Both ends of a TCP connection. */
typedef struct {
    int here, there;
} pair_t;

static pair_t
connect_pair(void)
{
    pair_t pair = {.there = socket(AF_INET, SOCK_STREAM, 0)};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(at);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, bytes), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &bytes), 0);
    ck_assert_int_eq(connect(pair.there, (struct sockaddr *)&at, bytes), 0);
    pair.here = accept(listener, NULL, NULL);
    ck_assert_int_ge(pair.here, 0);
    (void)close(listener);
    return pair;
}

static void
close_pair(pair_t *pair)
{
    (void)close(pair->here);
    (void)close(pair->there);
}

/* The other end has been told that no more will come. */
static bool
is_cut(int there)
{
    char byte;
    return recv(there, &byte, 1, MSG_DONTWAIT) == 0;
}

static fsp_line_t
line_of(int fd)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", fd);
    fsp_line_t line = {0};
    fsp_line_note(&line, text);
    return line;
}

START_TEST(a_line_is_cut)
{
    pair_t pair = connect_pair();
    fsp_line_t line = line_of(pair.here);
    ck_assert(line.known);
    ck_assert(!is_cut(pair.there));
    fsp_line_cut(&line);
    ck_assert(is_cut(pair.there));
    fsp_line_cut(&line); /* nothing is left of it */
    close_pair(&pair);
}
END_TEST

START_TEST(who_has_its_number_now_is_left_alone)
{
    pair_t before = connect_pair(), after = connect_pair();
    fsp_line_t line = line_of(before.here);
    ck_assert_int_eq(dup2(after.here, before.here), before.here);
    fsp_line_cut(&line);
    ck_assert(!is_cut(after.there));
    close_pair(&before);
    fsp_line_cut(&line); /* the number is nobody's */
    ck_assert(!is_cut(after.there));
    close_pair(&after);
}
END_TEST

START_TEST(what_is_no_tcp_connection_is_unknown)
{
    fsp_line_t line = {0};
    fsp_line_note(&line, NULL);
    fsp_line_note(&line, "");
    fsp_line_note(&line, "-1");
    fsp_line_note(&line, "99999999999");
    ck_assert(!line.known);
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    line = line_of(pair[0]);
    ck_assert(!line.known);
    fsp_line_cut(&line);
    ck_assert(!is_cut(pair[1]));
    (void)close(pair[0]);
    (void)close(pair[1]);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("flow");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, bytes_count_until_they_are_released);
    tcase_add_test(tests, a_line_is_cut);
    tcase_add_test(tests, who_has_its_number_now_is_left_alone);
    tcase_add_test(tests, what_is_no_tcp_connection_is_unknown);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
