/* SPDX-License-Identifier: MIT */
/* test_log_rows - bytes that are on disks already, and what is wrong with others.  Layer tests. */
#include "core/base/limits.h"
#include "core/base/memview.h"
#include "core/base/text.h"
#include "core/engine/log_rows.h"
#include "tests/unit/suite.h"

static fsp_log_name_t name;
static fsp_buf_t buf;
static fsp_memview_t *disk;
static fsp_error_t error;

static void
set_up(void)
{
    fsp_raft_member_t member = {.replica = 2, .store_id = {{0xaa, 0xbb}}};
    name = fsp_log_name((fsp_shard_ref_t){.shard = 3, .generation = 1}, &member);
    fsp_buf_init(&buf, FSP_VALUE_BYTES_MAX);
    disk = fsp_memview_new();
    error = (fsp_error_t){0};
}

static void
tear_down(void)
{
    fsp_buf_clear(&buf);
    fsp_memview_destroy(&disk);
}

static void
expect_hex(fsp_slice_t bytes, const char *hex)
{
    char text[512];
    ck_assert_uint_lt(2 * bytes.bytes, sizeof(text));
    fsp_hex_encode(bytes.data, bytes.bytes, text);
    ck_assert_str_eq(text, hex);
}

/* The buffer's bytes from hex. */
static fsp_slice_t
from_hex(const char *hex)
{
    fsp_buf_reset(&buf);
    size_t bytes = strlen(hex) / 2;
    ck_assert_int_eq(fsp_hex_decode(fsp_slice_text(hex), fsp_buf_extend(&buf, bytes), bytes),
                     FSP_OK);
    return fsp_buf_slice(&buf);
}

START_TEST(keys_are_golden)
{
    fsp_log_key_t key = fsp_log_hard_key(&name);
    expect_hex(fsp_log_key_slice(&key),
               "00000003000000010000000000000002aabb000000000000000000000000000001");
    key = fsp_log_entry_key(&name, 0x0102030405060708);
    expect_hex(fsp_log_key_slice(&key),
               "00000003000000010000000000000002aabb000000000000000000000000000002"
               "0102030405060708");
    key = fsp_log_end_key(&name);
    expect_hex(fsp_log_key_slice(&key),
               "00000003000000010000000000000002aabb000000000000000000000000000003");
    key = fsp_log_base_key(&name);
    expect_hex(fsp_log_key_slice(&key),
               "00000003000000010000000000000002aabb000000000000000000000000000003");
    /* Both are right: the base row lies behind the entries, whose range ends before it. */
}
END_TEST

START_TEST(hard_state_is_golden)
{
    fsp_log_hard_t row = {.hard = {.term = 7, .vote = 300}, .start = 70000, .start_term = 6};
    fsp_log_hard_encode(&row, &buf);
    expect_hex(fsp_buf_slice(&buf), "950107cd012cce0001117006");
    fsp_log_hard_t found;
    ck_assert_int_eq(fsp_log_hard_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert_uint_eq(found.hard.term, 7);
    ck_assert_uint_eq(found.hard.vote, 300);
    ck_assert_uint_eq(found.start, 70000);
    ck_assert_uint_eq(found.start_term, 6);
}
END_TEST

START_TEST(entries_are_golden)
{
    fsp_entry_t noop = {.index = 1, .term = 5, .kind = FSP_ENTRY_NOOP};
    fsp_log_entry_encode(&noop, &buf);
    expect_hex(fsp_buf_slice(&buf), "94010501c400");
    fsp_log_entry_t found;
    ck_assert_int_eq(fsp_log_entry_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert_uint_eq(found.term, 5);
    ck_assert_int_eq(found.kind, FSP_ENTRY_NOOP);

    fsp_buf_reset(&buf);
    fsp_entry_t command = {.index = 2, .term = 5, .kind = FSP_ENTRY_COMMAND};
    command.bytes = fsp_blob_copy("\0\0\0\0\0\0\0\x09xyz", 11);
    fsp_log_entry_encode(&command, &buf);
    fsp_blob_destroy(&command.bytes);
    expect_hex(fsp_buf_slice(&buf), "94010502c40b000000000000000978797a");
    ck_assert_int_eq(fsp_log_entry_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert_uint_eq(found.bytes.bytes, 11);
}
END_TEST

START_TEST(configurations_are_golden)
{
    fsp_raft_member_t member = {.node_id = {{0x11}}, .replica = 1, .store_id = {{0x22}}};
    fsp_raft_conf_t conf = fsp_raft_conf_single(&member);
    fsp_buf_t inner;
    fsp_buf_init(&inner, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(&conf, &inner);
    fsp_entry_t entry = {.index = 2, .term = 5, .kind = FSP_ENTRY_CONFIG};
    entry.bytes = fsp_blob_copy(inner.data, inner.bytes);
    fsp_log_entry_encode(&entry, &buf);
    expect_hex(fsp_buf_slice(&buf),
               "94010503c43c940100029194c4201100000000000000000000000000000000000000000000000000"
               "00000000000001c4102200000000000000000000000000000001");
    fsp_log_entry_t found;
    ck_assert_int_eq(fsp_log_entry_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert_int_eq(found.kind, FSP_ENTRY_CONFIG);
    fsp_blob_destroy(&entry.bytes);
    fsp_buf_clear(&inner);
}
END_TEST

START_TEST(the_base_is_golden)
{
    fsp_log_base_t row = {.generation = 9, .conf = {.aim = 3, .next_replica = 4, .count = 1}};
    row.conf.seats[0] =
        (fsp_raft_seat_t){.member = {.node_id = {{0x11}}, .replica = 3, .store_id = {{0x22}}},
                          .flags = FSP_RAFT_SYNC};
    fsp_log_base_encode(&row, &buf);
    expect_hex(fsp_buf_slice(&buf),
               "930109c43c940103049194c420110000000000000000000000000000000000000000000000000000"
               "000000000003c4102200000000000000000000000000000004");
    fsp_log_base_t found;
    ck_assert_int_eq(fsp_log_base_decode(fsp_buf_slice(&buf), &found), FSP_OK);
    ck_assert_uint_eq(found.generation, 9);
    ck_assert(fsp_raft_conf_eq(&found.conf, &row.conf));
    ck_assert_int_eq(fsp_log_base_decode(from_hex("930209c40494010000"), &found), FSP_FORMAT_NEWER);
    ck_assert_int_eq(fsp_log_base_decode(from_hex("920109"), &found), FSP_DAMAGED);
    ck_assert_int_eq(fsp_log_base_decode(from_hex("930109c40194"), &found), FSP_DAMAGED);
    ck_assert_int_eq(fsp_log_base_decode(from_hex("9301ce10000000"), &found), FSP_DAMAGED);

    bool there = true;
    ck_assert_int_eq(fsp_log_load_base(&name, fsp_memview_view(disk), &there, &found, &error),
                     FSP_OK);
    ck_assert(!there);
    fsp_log_key_t key = fsp_log_base_key(&name);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_slice_text("?"), 0);
    ck_assert_int_eq(fsp_log_load_base(&name, fsp_memview_view(disk), &there, &found, &error),
                     FSP_DAMAGED);
    ck_assert_str_eq(error.text, "base of the log: stored bytes are damaged");
    fsp_buf_reset(&buf);
    fsp_log_base_encode(&row, &buf);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_buf_slice(&buf), 0);
    ck_assert_int_eq(fsp_log_load_base(&name, fsp_memview_view(disk), &there, &found, &error),
                     FSP_OK);
    ck_assert(there);
    ck_assert_uint_eq(found.generation, 9);
}
END_TEST

START_TEST(tells_damage_from_newer_formats)
{
    static const struct {
        const char *hex;
        fsp_status_t status;
    } entries[] = {
        {"94020501c400", FSP_FORMAT_NEWER},            /* row version 2 */
        {"9502050101c400", FSP_FORMAT_NEWER},          /* and longer */
        {"94010504c400", FSP_FORMAT_NEWER},            /* a kind that is not known yet */
        {"94010503c400", FSP_DAMAGED},                 /* a configuration without bytes */
        {"94010500c400", FSP_FORMAT_NEWER},            /* no kind */
        {"94000501c400", FSP_DAMAGED},                 /* version 0 */
        {"94010001c400", FSP_DAMAGED},                 /* term 0 */
        {"94010501c40178", FSP_DAMAGED},               /* a no-op with bytes */
        {"94010502c4080000000000000009", FSP_DAMAGED}, /* a time without a command */
        {"94010501c40000", FSP_DAMAGED},               /* more than a row */
        {"94010501c4", FSP_DAMAGED},                   /* less */
        {"930105c400", FSP_DAMAGED},                   /* a field missing */
        {"c0", FSP_DAMAGED},
    };
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        fsp_log_entry_t found;
        ck_assert_msg(fsp_log_entry_decode(from_hex(entries[i].hex), &found) == entries[i].status,
                      "%s", entries[i].hex);
    }
    fsp_log_hard_t hard;
    ck_assert_int_eq(fsp_log_hard_decode(from_hex("950207010000"), &hard), FSP_FORMAT_NEWER);
    ck_assert_int_eq(fsp_log_hard_decode(from_hex("9501070100"), &hard), FSP_DAMAGED);
}
END_TEST

/* Entry index of term with a log time, or a no-op if time is 0. */
static void
put_entry(uint64_t index, uint64_t term, uint64_t time)
{
    fsp_entry_t entry = {.index = index, .term = term, .kind = FSP_ENTRY_NOOP};
    if (time) {
        entry.kind = FSP_ENTRY_COMMAND;
        entry.bytes = fsp_blob_new(FSP_LOG_TIME_BYTES + 1);
        fsp_store_u64(fsp_blob_writable(entry.bytes), time);
        fsp_blob_writable(entry.bytes)[FSP_LOG_TIME_BYTES] = 'x';
    }
    fsp_buf_reset(&buf);
    fsp_log_entry_encode(&entry, &buf);
    fsp_log_key_t key = fsp_log_entry_key(&name, index);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_buf_slice(&buf), 0);
    fsp_blob_destroy(&entry.bytes);
}

static void
put_hard(fsp_log_hard_t row)
{
    fsp_buf_reset(&buf);
    fsp_log_hard_encode(&row, &buf);
    fsp_log_key_t key = fsp_log_hard_key(&name);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_buf_slice(&buf), 0);
}

static fsp_status_t
load(uint64_t applied, fsp_log_summary_t *ret)
{
    return fsp_log_load(&name, fsp_memview_view(disk), applied, ret, &error);
}

START_TEST(an_absent_log_is_all_zero)
{
    fsp_log_summary_t log;
    ck_assert_int_eq(load(0, &log), FSP_OK);
    ck_assert_uint_eq(log.last, 0);
    ck_assert_uint_eq(log.last_term, 0);
    ck_assert_uint_eq(log.hard.hard.term, 0);
    fsp_log_summary_clear(&log);
}
END_TEST

START_TEST(sums_up_a_log)
{
    put_hard((fsp_log_hard_t){.hard = {.term = 4, .vote = 2}, .start = 10, .start_term = 2});
    put_entry(11, 2, 100);
    put_entry(12, 3, 0);
    put_entry(13, 3, 200);
    fsp_log_summary_t log;
    ck_assert_int_eq(load(11, &log), FSP_OK);
    ck_assert_uint_eq(log.last, 13);
    ck_assert_uint_eq(log.last_term, 3);
    ck_assert_uint_eq(log.applied_term, 2);
    ck_assert_uint_eq(log.last_time, 200);
    ck_assert_uint_eq(log.run_count, 2);
    ck_assert_uint_eq(log.runs[0].term, 2);
    ck_assert_uint_eq(log.runs[0].first, 11);
    ck_assert_uint_eq(log.runs[0].last, 11);
    ck_assert_uint_eq(log.runs[1].term, 3);
    ck_assert_uint_eq(log.runs[1].first, 12);
    ck_assert_uint_eq(log.runs[1].last, 13);
    ck_assert_uint_eq(log.conf_count, 0);
    fsp_log_summary_clear(&log);
    ck_assert_int_eq(load(10, &log), FSP_OK);
    ck_assert_uint_eq(log.applied_term, 2);
    fsp_log_summary_clear(&log);
    ck_assert_int_eq(load(14, &log), FSP_OK);
    ck_assert_uint_eq(log.applied_term, 0);
    fsp_log_summary_clear(&log);
}
END_TEST

static void
put_conf(uint64_t index, fsp_slice_t bytes)
{
    fsp_entry_t entry = {.index = index, .term = 1, .kind = FSP_ENTRY_CONFIG};
    entry.bytes = fsp_blob_copy(bytes.data, bytes.bytes);
    fsp_buf_reset(&buf);
    fsp_log_entry_encode(&entry, &buf);
    fsp_log_key_t key = fsp_log_entry_key(&name, index);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_buf_slice(&buf), 0);
    fsp_blob_destroy(&entry.bytes);
}

START_TEST(lists_the_configurations_of_a_log)
{
    fsp_raft_member_t member = {.replica = 1};
    fsp_raft_conf_t first = fsp_raft_conf_single(&member);
    fsp_raft_conf_t second =
        fsp_raft_conf_add(&first, &member.node_id, &(fsp_store_id_t){{7}}, FSP_RAFT_SYNC);
    fsp_buf_t inner;
    fsp_buf_init(&inner, FSP_RAFT_CONF_BYTES_MAX);
    fsp_raft_conf_encode(&first, &inner);
    put_conf(1, fsp_buf_slice(&inner));
    put_entry(2, 1, 0);
    fsp_buf_reset(&inner);
    fsp_raft_conf_encode(&second, &inner);
    put_conf(3, fsp_buf_slice(&inner));
    fsp_buf_clear(&inner);
    fsp_log_summary_t log;
    ck_assert_int_eq(load(0, &log), FSP_OK);
    ck_assert_uint_eq(log.conf_count, 2);
    ck_assert_uint_eq(log.confs[0].index, 1);
    ck_assert(fsp_raft_conf_eq(&log.confs[0].conf, &first));
    ck_assert_uint_eq(log.confs[1].index, 3);
    ck_assert(fsp_raft_conf_eq(&log.confs[1].conf, &second));
    fsp_log_summary_clear(&log);
    put_conf(3, fsp_slice_text("nothing"));
    ck_assert_int_eq(load(0, &log), FSP_DAMAGED);
    ck_assert_str_eq(error.text, "log entry 3: no configuration");
    fsp_log_summary_clear(&log);
}
END_TEST

START_TEST(does_not_see_other_logs)
{
    put_entry(1, 1, 0);
    fsp_raft_member_t other = {.replica = 1, .store_id = {{0xaa, 0xbb}}};
    name = fsp_log_name((fsp_shard_ref_t){.shard = 3, .generation = 1}, &other);
    fsp_log_summary_t log;
    ck_assert_int_eq(load(0, &log), FSP_OK);
    ck_assert_uint_eq(log.last, 0);
    fsp_log_summary_clear(&log);
}
END_TEST

START_TEST(a_gap_is_damage)
{
    fsp_log_summary_t log;
    put_entry(1, 1, 0);
    put_entry(3, 1, 0);
    ck_assert_int_eq(load(0, &log), FSP_DAMAGED);
    fsp_log_summary_clear(&log);
    ck_assert_str_eq(error.text, "log has a gap behind 1");
    put_entry(2, 1, 0);
    ck_assert_int_eq(load(0, &log), FSP_OK);
    fsp_log_summary_clear(&log);
    put_hard((fsp_log_hard_t){.hard = {.term = 1, .vote = 2}, .start = 2, .start_term = 1});
    ck_assert_int_eq(load(2, &log), FSP_DAMAGED); /* 1 and 2 were dropped, and are there */
    fsp_log_summary_clear(&log);
}
END_TEST

START_TEST(falling_terms_and_times_are_damage)
{
    fsp_log_summary_t log;
    put_entry(1, 2, 0);
    put_entry(2, 1, 0);
    ck_assert_int_eq(load(0, &log), FSP_DAMAGED);
    fsp_log_summary_clear(&log);
    ck_assert_str_eq(error.text, "term falls at log entry 2");
    put_entry(1, 1, 500);
    put_entry(2, 1, 500);
    ck_assert_int_eq(load(0, &log), FSP_DAMAGED);
    fsp_log_summary_clear(&log);
    ck_assert_str_eq(error.text, "log time falls at log entry 2");
}
END_TEST

START_TEST(reads_what_fits_and_at_least_one)
{
    for (uint64_t i = 1; i <= 20; i++)
        put_entry(i, 1, i);
    fsp_entry_t entries[20];
    size_t count = 0;
    ck_assert_int_eq(fsp_log_read(&name, fsp_memview_view(disk), 3, 12, 1, entries, &count),
                     FSP_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(entries[0].index, 3);
    fsp_blob_destroy(&entries[0].bytes);
    ck_assert_int_eq(fsp_log_read(&name, fsp_memview_view(disk), 3, 12, 1000000, entries, &count),
                     FSP_OK);
    ck_assert_uint_eq(count, 10);
    for (size_t i = 0; i < count; i++)
        fsp_blob_destroy(&entries[i].bytes);
    ck_assert_int_eq(fsp_log_read(&name, fsp_memview_view(disk), 20, 21, 1000000, entries, &count),
                     FSP_DAMAGED);
    for (size_t i = 0; i < count; i++)
        fsp_blob_destroy(&entries[i].bytes);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("log_rows");
    TCase *tests = tcase_create("rows");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, keys_are_golden);
    tcase_add_test(tests, hard_state_is_golden);
    tcase_add_test(tests, entries_are_golden);
    tcase_add_test(tests, configurations_are_golden);
    tcase_add_test(tests, the_base_is_golden);
    tcase_add_test(tests, tells_damage_from_newer_formats);
    tcase_add_test(tests, an_absent_log_is_all_zero);
    tcase_add_test(tests, sums_up_a_log);
    tcase_add_test(tests, lists_the_configurations_of_a_log);
    tcase_add_test(tests, does_not_see_other_logs);
    tcase_add_test(tests, a_gap_is_damage);
    tcase_add_test(tests, falling_terms_and_times_are_damage);
    tcase_add_test(tests, reads_what_fits_and_at_least_one);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
