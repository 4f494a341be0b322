/* SPDX-License-Identifier: MIT */
/* test_raft_conf - majorities, steps of a change, bytes.  Layer tests. */
#include "core/base/text.h"
#include "core/raft/raft_conf.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

/* Seats 1 .. n with these flags: v voter, o old, b both, l learner, s synchronous. */
static fsp_raft_conf_t
conf_of(const char *flags)
{
    fsp_raft_conf_t conf = {.aim = 1, .next_replica = 1};
    for (; *flags; flags++) {
        uint64_t number = conf.next_replica++;
        conf.seats[conf.count++] =
            (fsp_raft_seat_t){.member = {.node_id = {{(uint8_t)number}}, .replica = number},
                              .flags = *flags == 'v'   ? FSP_RAFT_VOTER
                                       : *flags == 'o' ? FSP_RAFT_OLD
                                       : *flags == 'b' ? FSP_RAFT_VOTER | FSP_RAFT_OLD
                                       : *flags == 's' ? FSP_RAFT_SYNC
                                                       : 0};
    }
    return conf;
}

/* yes: one digit a seat. */
static bool
majority(const char *flags, const char *yes)
{
    fsp_raft_conf_t conf = conf_of(flags);
    bool said[FSP_RAFT_SEATS_MAX] = {false};
    for (size_t i = 0; yes[i]; i++)
        said[i] = yes[i] == '1';
    return fsp_raft_conf_majority(&conf, said);
}

START_TEST(a_majority_is_more_than_half)
{
    ck_assert(majority("v", "1"));
    ck_assert(!majority("v", "0"));
    ck_assert(!majority("vv", "10"));
    ck_assert(majority("vv", "11"));
    ck_assert(!majority("vvv", "100"));
    ck_assert(majority("vvv", "101"));
    ck_assert(!majority("vvvv", "1100"));
    ck_assert(majority("vvvv", "1110"));
    ck_assert(!majority("vvvvv", "11000"));
    ck_assert(majority("vvvvv", "00111"));
    ck_assert(!majority("", ""));
}
END_TEST

START_TEST(learners_do_not_count)
{
    ck_assert(!majority("vvvllss", "1001111"));
    ck_assert(majority("vvvll", "11000"));
    ck_assert(!majority("lls", "111")); /* without voters nothing is decided */
}
END_TEST

START_TEST(a_joint_configuration_needs_both)
{
    /* old 1 2 3, new 3 4 5 */
    ck_assert(!majority("oobvv", "11000"));
    ck_assert(!majority("oobvv", "00111"));
    ck_assert(!majority("oobvv", "11010"));
    ck_assert(majority("oobvv", "10110"));
    ck_assert(majority("oobvv", "11011"));
    ck_assert(!majority("ovv", "011"));
    ck_assert(majority("ov", "11"));
}
END_TEST

/* The same by looking at every value: reached is the highest that a majority has. */
START_TEST(reached_agrees_with_majorities)
{
    static const char *const shapes[] = {"v",   "vv",  "vvv", "vvvv", "vvvvv", "vvl", "oobvv",
                                         "ovv", "bbb", "bbv", "obs",  "ll",    "obvl"};
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        fsp_raft_conf_t conf = conf_of(shapes[s]);
        uint64_t combinations = 1;
        for (size_t i = 0; i < conf.count; i++)
            combinations *= 4;
        for (uint64_t c = 0; c < combinations; c++) {
            uint64_t values[FSP_RAFT_SEATS_MAX];
            for (size_t i = 0; i < conf.count; i++)
                values[i] = (c >> (2 * i)) % 4;
            uint64_t expected = 0;
            for (uint64_t v = 1; v < 4; v++) {
                bool yes[FSP_RAFT_SEATS_MAX];
                for (size_t i = 0; i < conf.count; i++)
                    yes[i] = values[i] >= v;
                if (fsp_raft_conf_majority(&conf, yes))
                    expected = v;
            }
            ck_assert_uint_eq(fsp_raft_conf_reached(&conf, values), expected);
        }
    }
}
END_TEST

/* R7, by brute force over all subsets of the numbers 1 .. 6, told apart from the function's own way
   by counting votes here. */
static bool
decides(const fsp_raft_conf_t *conf, unsigned members)
{
    unsigned have[2] = {0, 0};
    unsigned size[2] = {0, 0};
    for (size_t i = 0; i < conf->count; i++) {
        unsigned in = (members >> conf->seats[i].member.replica) & 1;
        for (unsigned set = 0; set < 2; set++)
            if (conf->seats[i].flags & (set ? FSP_RAFT_OLD : FSP_RAFT_VOTER)) {
                size[set]++;
                have[set] += in;
            }
    }
    return 2 * have[0] > size[0] && (size[1] == 0 || 2 * have[1] > size[1]);
}

static bool
always_intersect(const fsp_raft_conf_t *a, const fsp_raft_conf_t *b)
{
    for (unsigned m = 0; m < 128; m++)
        for (unsigned n = 0; n < 128; n++)
            if (!(m & n) && decides(a, m) && decides(b, n))
                return false;
    return true;
}

static fsp_raft_conf_t
voters_of(unsigned members)
{
    fsp_raft_conf_t conf = {.aim = 1, .next_replica = 7};
    for (unsigned i = 1; i < 7; i++)
        if ((members >> i) & 1)
            conf.seats[conf.count++] = (fsp_raft_seat_t){
                .member = {.node_id = {{(uint8_t)i}}, .replica = i}, .flags = FSP_RAFT_VOTER};
    return conf;
}

START_TEST(adjacency_is_what_brute_force_says)
{
    size_t adjacent = 0;
    size_t apart = 0;
    for (unsigned m = 2; m < 128; m += 2)
        for (unsigned n = 2; n < 128; n += 2) {
            fsp_raft_conf_t a = voters_of(m);
            fsp_raft_conf_t b = voters_of(n);
            bool expected = always_intersect(&a, &b);
            ck_assert_int_eq(fsp_raft_conf_adjacent(&a, &b), expected);
            adjacent += expected;
            apart += !expected;
        }
    ck_assert_uint_gt(adjacent, 100);
    ck_assert_uint_gt(apart, 1000);
    /* One voter more or less is safe, two are not (why a change is joint). */
    fsp_raft_conf_t three = voters_of(2 + 4 + 8);
    fsp_raft_conf_t four = voters_of(2 + 4 + 8 + 16);
    fsp_raft_conf_t five = voters_of(2 + 4 + 8 + 16 + 32);
    ck_assert(fsp_raft_conf_adjacent(&three, &four));
    ck_assert(!fsp_raft_conf_adjacent(&three, &five));
}
END_TEST

/* Whatever the old and new voters are: before, joint, after - each step is adjacent to the next. */
START_TEST(entering_and_leaving_are_adjacent_steps)
{
    for (unsigned m = 2; m < 128; m += 2)
        for (unsigned n = 2; n < 128; n += 2) {
            fsp_raft_conf_t conf = voters_of(m);
            for (unsigned i = 1; i < 7; i++) { /* newcomers as learners */
                if (((n >> i) & 1) == 0 || ((m >> i) & 1))
                    continue;
                size_t at = 0;
                while (at < conf.count && conf.seats[at].member.replica < i)
                    at++;
                memmove(&conf.seats[at + 1], &conf.seats[at],
                        (conf.count - at) * sizeof(conf.seats[0]));
                conf.seats[at] =
                    (fsp_raft_seat_t){.member = {.node_id = {{(uint8_t)i}}, .replica = i},
                                      .flags = i % 2 ? 0 : FSP_RAFT_SYNC};
                conf.count++;
            }
            uint64_t numbers[6];
            size_t count = 0;
            for (unsigned i = 1; i < 7; i++)
                if ((n >> i) & 1)
                    numbers[count++] = i;
            fsp_raft_conf_t joint = fsp_raft_conf_enter(&conf, numbers, count, 9);
            ck_assert(fsp_raft_conf_joint(&joint));
            ck_assert_uint_eq(joint.aim, 9);
            ck_assert(always_intersect(&conf, &joint));
            ck_assert(fsp_raft_conf_adjacent(&conf, &joint));
            fsp_raft_conf_t after = fsp_raft_conf_leave(&joint);
            ck_assert(!fsp_raft_conf_joint(&after));
            ck_assert(always_intersect(&joint, &after));
            ck_assert(fsp_raft_conf_adjacent(&joint, &after));
            fsp_raft_conf_t expected = voters_of(n);
            ck_assert_uint_eq(fsp_raft_conf_voters(&after, FSP_RAFT_VOTER), expected.count);
            for (size_t i = 0; i < expected.count; i++)
                ck_assert(fsp_raft_conf_votes(&after, expected.seats[i].member.replica));
            ck_assert_uint_eq(after.next_replica, 7); /* numbers are never given again */
        }
}
END_TEST

START_TEST(the_first_configuration_numbers_voters_first)
{
    fsp_raft_target_t target = {.aim = 5, .count = 3};
    target.members[0] = (fsp_raft_wanted_t){.node_id = {{1}}, .sync = true};
    target.members[1] = (fsp_raft_wanted_t){.node_id = {{2}}, .store_id = {{9}}};
    target.members[2] = (fsp_raft_wanted_t){.node_id = {{3}}};
    fsp_raft_conf_t conf = fsp_raft_conf_first(&target);
    ck_assert_uint_eq(conf.aim, 5);
    ck_assert_uint_eq(conf.next_replica, 4);
    ck_assert_uint_eq(conf.seats[0].member.node_id.bytes[0], 2);
    ck_assert_uint_eq(conf.seats[0].member.store_id.bytes[0], 9);
    ck_assert_uint_eq(conf.seats[1].member.node_id.bytes[0], 3);
    ck_assert_uint_eq(conf.seats[2].member.node_id.bytes[0], 1);
    ck_assert_uint_eq(conf.seats[2].flags, FSP_RAFT_SYNC);
    fsp_raft_conf_t added =
        fsp_raft_conf_add(&conf, &(fsp_node_id_t){{7}}, &(fsp_store_id_t){{8}}, 0);
    ck_assert_uint_eq(added.seats[3].member.replica, 4);
    ck_assert_uint_eq(added.next_replica, 5);
    fsp_raft_conf_t dropped = fsp_raft_conf_drop(&added, 4);
    ck_assert_uint_eq(dropped.count, 3);
    ck_assert_uint_eq(dropped.next_replica, 5);
    FSP_EXPECT_ABORT((void)fsp_raft_conf_drop(&added, 1)); /* a voter goes by a joint change */
    FSP_EXPECT_ABORT((void)fsp_raft_conf_leave(&added));
}
END_TEST

START_TEST(only_what_makes_sense_is_sound)
{
    fsp_raft_conf_t conf = conf_of("vol");
    ck_assert(fsp_raft_conf_sound(&conf));
    conf.seats[1].member.replica = 1; /* twice */
    ck_assert(!fsp_raft_conf_sound(&conf));
    conf = conf_of("vol");
    conf.seats[0].member.replica = 0;
    ck_assert(!fsp_raft_conf_sound(&conf));
    conf = conf_of("vol");
    conf.next_replica = 3; /* 3 was given */
    ck_assert(!fsp_raft_conf_sound(&conf));
    conf = conf_of("vol");
    conf.seats[2].flags = FSP_RAFT_SYNC | FSP_RAFT_VOTER;
    ck_assert(!fsp_raft_conf_sound(&conf));
    conf.seats[2].flags = 8;
    ck_assert(!fsp_raft_conf_sound(&conf));
    conf = conf_of("ol"); /* old voters and no new ones */
    ck_assert(!fsp_raft_conf_sound(&conf));
    conf.count = FSP_RAFT_SEATS_MAX + 1;
    ck_assert(!fsp_raft_conf_sound(&conf));
    conf = (fsp_raft_conf_t){0};
    ck_assert(fsp_raft_conf_sound(&conf));
}
END_TEST

/* -- bytes ------------------------------------------------------------------------------------- */

static fsp_status_t
decode_hex(const char *hex, fsp_raft_conf_t *ret)
{
    static uint8_t bytes[8192];
    size_t count = strlen(hex) / 2;
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(hex), bytes, count), FSP_OK);
    return fsp_raft_conf_decode(fsp_slice(bytes, count), ret);
}

#define NODE "1100000000000000000000000000000000000000000000000000000000000000"
#define STORE "22000000000000000000000000000000"
#define SEAT(number, flags) "94c420" NODE number "c410" STORE flags

START_TEST(bytes_are_golden)
{
    fsp_raft_conf_t conf = {.aim = 300, .next_replica = 9, .count = 2};
    conf.seats[0] = (fsp_raft_seat_t){
        .member = {.node_id = {{0x11}}, .replica = 3, .store_id = {{0x22}}}, .flags = 3};
    conf.seats[1] = (fsp_raft_seat_t){
        .member = {.node_id = {{0x11}}, .replica = 8, .store_id = {{0x22}}}, .flags = 4};
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(&conf, &buf);
    char text[1024];
    fsp_hex_encode(buf.data, buf.bytes, text);
    ck_assert_str_eq(text, "9401cd012c0992" SEAT("03", "03") SEAT("08", "04"));
    fsp_raft_conf_t found;
    ck_assert_int_eq(fsp_raft_conf_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert(fsp_raft_conf_eq(&found, &conf));
    for (size_t i = 0; i < buf.bytes; i++) /* no part of it stands for the whole */
        ck_assert_int_ne(fsp_raft_conf_decode(fsp_slice(buf.data, i), &found), FSP_OK);
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(the_largest_fits)
{
    fsp_raft_conf_t conf = conf_of("bbbbbbbbbbbbbbbb");
    conf.aim = UINT64_MAX;
    conf.next_replica = UINT64_MAX;
    for (size_t i = 0; i < conf.count; i++)
        conf.seats[i].member.replica = UINT64_MAX - 100 + i;
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(&conf, &buf);
    ck_assert(fsp_buf_ok(&buf));
    fsp_raft_conf_t found;
    ck_assert_int_eq(fsp_raft_conf_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert(fsp_raft_conf_eq(&found, &conf));
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(bad_bytes_are_refused)
{
    static const struct {
        const char *hex;
        fsp_status_t status;
    } bad[] = {
        {"", FSP_INVALID},
        {"c0", FSP_INVALID},
        {"9401010990c0", FSP_INVALID},                                 /* more than one value */
        {"93010109", FSP_INVALID},                                     /* a field missing */
        {"9402010990", FSP_UNSUPPORTED},                               /* another version */
        {"9401010991" SEAT("00", "01"), FSP_INVALID},                  /* number 0 */
        {"9401010991" SEAT("09", "01"), FSP_INVALID},                  /* not given yet */
        {"9401010991" SEAT("01", "05"), FSP_INVALID},                  /* voter and synchronous */
        {"9401010991" SEAT("01", "08"), FSP_INVALID},                  /* unknown flag */
        {"9401010991" SEAT("01", "02"), FSP_INVALID},                  /* old voters only */
        {"9401010992" SEAT("02", "01") SEAT("01", "01"), FSP_INVALID}, /* falling */
        {"9401010992" SEAT("02", "01") SEAT("02", "01"), FSP_INVALID},
        {"940101cd000990", FSP_INVALID},   /* not the shortest form */
        {"94010109dc0011", FSP_TOO_LARGE}, /* 17 seats */
        {"94010109dc0000", FSP_INVALID},   /* not the shortest form */
    };
    fsp_raft_conf_t found;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fsp_status_t status = decode_hex(bad[i].hex, &found);
        ck_assert_msg(status == bad[i].status, "%zu %s: %s", i, bad[i].hex,
                      fsp_status_name(status));
    }
    static uint8_t zeros[FSP_RAFT_CONF_BYTES_MAX + 1];
    ck_assert_int_eq(fsp_raft_conf_decode(fsp_slice(zeros, sizeof(zeros)), &found), FSP_TOO_LARGE);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("raft_conf");
    TCase *tests = tcase_create("configurations");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_majority_is_more_than_half);
    tcase_add_test(tests, learners_do_not_count);
    tcase_add_test(tests, a_joint_configuration_needs_both);
    tcase_add_test(tests, reached_agrees_with_majorities);
    tcase_add_test(tests, adjacency_is_what_brute_force_says);
    tcase_add_test(tests, entering_and_leaving_are_adjacent_steps);
    tcase_add_test(tests, the_first_configuration_numbers_voters_first);
    tcase_add_test(tests, only_what_makes_sense_is_sound);
    tcase_add_test(tests, bytes_are_golden);
    tcase_add_test(tests, the_largest_fits);
    tcase_add_test(tests, bad_bytes_are_refused);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
