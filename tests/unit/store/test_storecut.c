/* SPDX-License-Identifier: MIT */
/* test_storecut - a log that is cut, and a crash at every step of it.  Layer tests.
 *
 * The judge is the replica itself: it starts on what lies there, or says what was lost.
 */
#include "core/base/prng.h"
#include "core/engine/log_rows.h"
#include "core/engine/replica.h"
#include "store/watermark.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

enum { SHARD = 3, REPLICA = 1, END = 20, CUT_FROM = 15, CUT_END = 17 };

static char *directory;
static fsp_store_t *store;
static bool fresh;

static void
set_up(void)
{
    directory = scratch_make();
}

static void
tear_down(void)
{
    scratch_end(&directory);
}

/* -- a log in a store -------------------------------------------------------------------------- */

static fsp_replica_config_t
replica_config(void)
{
    fsp_replica_config_t config = {
        .shard = {.shard = SHARD, .generation = 1},
        .self = {.node_id = {{1}}, .replica = REPLICA, .store_id = {{2}}},
        .seed = 1,
        .cache_bytes_max = 1024 * 1024,
    };
    fsp_raft_target_t three = {.count = 3};
    for (uint8_t i = 0; i < 3; i++)
        three.members[i] = (fsp_raft_wanted_t){.node_id = {{(uint8_t)(i + 1)}}, .store_id = {{2}}};
    config.base = fsp_raft_conf_first(&three);
    return config;
}

static fsp_log_name_t
log_name(void)
{
    fsp_replica_config_t config = replica_config();
    return fsp_log_name(config.shard, &config.self);
}

/* What a follower writes whose leader of this term says that from..to come behind from - 1. */
static fsp_batch_t *
make_entries(uint64_t term, uint64_t from, uint64_t to)
{
    fsp_log_name_t name = log_name();
    fsp_batch_t *batch = fsp_batch_new();
    fsp_buf_t value;
    fsp_buf_init(&value, 1024);
    fsp_log_hard_encode(&(fsp_log_hard_t){.hard = {.term = term}}, &value);
    fsp_log_key_t key = fsp_log_hard_key(&name);
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    key = fsp_log_entry_key(&name, from);
    fsp_log_key_t end = fsp_log_end_key(&name);
    fsp_batch_delete_range(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_log_key_slice(&end));
    for (uint64_t i = from; i <= to; i++) {
        fsp_entry_t entry = {.index = i, .term = term, .kind = FSP_ENTRY_NOOP};
        fsp_buf_reset(&value);
        fsp_log_entry_encode(&entry, &value);
        key = fsp_log_entry_key(&name, i);
        fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(&value));
    }
    fsp_buf_clear(&value);
    return batch;
}

static bool
write_entries(fsp_store_t *to_store, uint64_t term, uint64_t from, uint64_t to)
{
    fsp_error_t error;
    fsp_batch_t *batch = make_entries(term, from, to);
    bool done = fsp_store_write(to_store, &batch, 1, &error) == FSP_OK;
    fsp_batch_destroy(&batch);
    return done;
}

/* Opens the store and starts the replica on it; the store must open. */
static fsp_status_t
judge(const char *path, uint64_t *ret_mark, uint64_t *ret_last, fsp_error_t *error)
{
    fsp_store_t *opened = storekit_open(path, &fresh);
    fsp_replica_config_t config = replica_config();
    fsp_store_watermark(opened, SHARD, REPLICA, &config.watermark, &config.clean);
    fsp_replica_t *replica = NULL;
    *error = (fsp_error_t){.text = ""};
    fsp_status_t status =
        fsp_replica_new(&config, fsp_store_view(opened, FSP_FAMILY_LOG),
                        fsp_store_view(opened, FSP_FAMILY_STATE), &replica, error);
    *ret_mark = config.watermark;
    *ret_last = replica ? fsp_raft_last_index(fsp_replica_raft(replica)) : 0;
    fsp_replica_destroy(&replica);
    fsp_store_close(&opened, false, 0);
    return status;
}

/* Twice: an unclean stop later it is the same. */
static void
expect_sound(uint64_t mark, uint64_t last)
{
    for (int i = 0; i < 2; i++) {
        uint64_t is_mark = 0, is_last = 0;
        fsp_error_t error;
        ck_assert_msg(judge(directory, &is_mark, &is_last, &error) == FSP_OK, "%s", error.text);
        ck_assert_uint_eq(is_mark, mark);
        ck_assert_uint_eq(is_last, last);
    }
}

static void
expect_lost(const char *words)
{
    uint64_t mark = 0, last = 0;
    fsp_error_t error;
    ck_assert_int_eq(judge(directory, &mark, &last, &error), FSP_DAMAGED);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
}

static void
tick(fsp_time_t now_us)
{
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_tick(store, now_us, &error), FSP_OK);
}

static void
lower(uint64_t index)
{
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_lower(store, SHARD, REPLICA, index, &error), FSP_OK);
}

/* Where the mark of the whole log is kept when the cut comes. */
enum { IN_ROW = 1, IN_FILE = 2 };

static void
make_log(int where)
{
    store = storekit_open(directory, &fresh);
    ck_assert(write_entries(store, 1, 1, END));
    if (where & IN_FILE)
        fsp_store_note_durable(store, SHARD, REPLICA, END);
    tick(1000000); /* without the mark: the file knows of the group only */
    if (where & IN_ROW) {
        fsp_store_note_durable(store, SHARD, REPLICA, END);
        storekit_put(store, FSP_FAMILY_LOCAL, "other", "group");
    }
}

static void
crash(void)
{
    fsp_store_close(&store, false, 0);
}

/* -- the file alone ---------------------------------------------------------------------------- */

static uint8_t slots[3][FSP_WATERMARK_FILE_BYTES];

static void
read_file(uint8_t *ret)
{
    int fd = open(scratch_path(directory, "WATERMARK"), O_RDONLY);
    ck_assert_int_eq(read(fd, ret, FSP_WATERMARK_FILE_BYTES), FSP_WATERMARK_FILE_BYTES);
    (void)close(fd);
}

static void
write_file(const uint8_t *bytes)
{
    int fd = open(scratch_path(directory, "WATERMARK"), O_WRONLY);
    ck_assert_int_eq(write(fd, bytes, FSP_WATERMARK_FILE_BYTES), FSP_WATERMARK_FILE_BYTES);
    (void)close(fd);
}

static uint64_t
file_counter(void)
{
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &mark, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    return file.counter;
}

/* -- steps of a cut ---------------------------------------------------------------------------- */

START_TEST(crash_before_the_cut_is_written)
{
    make_log(_i);
    read_file(slots[0]);
    uint64_t counter = file_counter();
    lower(CUT_END);
    ck_assert_uint_eq(file_counter(), counter + 2);
    read_file(slots[1]);
    crash();
    /* The log is whole, and so the row may still say so. */
    uint64_t mark = _i & IN_ROW ? END : CUT_END;
    expect_sound(mark, END);

    /* One slot written; that one torn. */
    size_t first = (size_t)((counter + 1) % 2) * FSP_WATERMARK_SLOT_BYTES;
    for (int torn = 0; torn < 2; torn++) {
        memcpy(slots[2], slots[0], FSP_WATERMARK_FILE_BYTES);
        memcpy(slots[2] + first, slots[1] + first,
               torn ? 26 /* of the counter and the sequence, half */ : FSP_WATERMARK_SLOT_BYTES);
        write_file(slots[2]);
        expect_sound(torn ? END : mark, END);
    }
}
END_TEST

START_TEST(crash_while_the_cut_is_written)
{
    make_log(IN_ROW | IN_FILE);
    crash();
    store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_LOCAL, "more", "x");
    lower(CUT_END);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    crash();
    storekit_record_t record = storekit_last_record(directory, 0);
    /* The record is torn: all of it is gone, the mark in the row too. */
    storekit_tear(&record, record.at + 40 * (uint64_t)_i);
    expect_sound(END, END);
}
END_TEST

START_TEST(crash_after_the_cut_is_written)
{
    make_log(IN_ROW | IN_FILE);
    lower(CUT_END);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    if (_i > 0)
        fsp_store_note_durable(store, SHARD, REPLICA, CUT_END);
    if (_i > 1)
        tick(2000000);
    if (_i > 2)
        storekit_put(store, FSP_FAMILY_LOCAL, "other", "group");
    crash();
    expect_sound(CUT_END, CUT_END);
}
END_TEST

START_TEST(either_slot_may_rot_after_the_cut)
{
    make_log(IN_ROW | IN_FILE);
    lower(CUT_END);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    crash();
    scratch_flip(scratch_path(directory, "WATERMARK"), _i * FSP_WATERMARK_SLOT_BYTES + 30);
    expect_sound(CUT_END, CUT_END);
}
END_TEST

START_TEST(a_clean_stop_after_the_cut_says_where_the_log_ends)
{
    make_log(IN_ROW | IN_FILE);
    lower(CUT_END);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    fsp_store_note_durable(store, SHARD, REPLICA, CUT_END);
    fsp_store_close(&store, true, 0);
    expect_sound(CUT_END, CUT_END);
}
END_TEST

/* -- what it is for, and what it must not hide ------------------------------------------------- */

START_TEST(a_cut_that_was_not_announced_reads_as_a_loss)
{
    make_log(_i);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    crash();
    expect_lost("log ends at 17 but 20 was acknowledged");
}
END_TEST

START_TEST(what_is_acknowledged_after_the_cut_must_not_be_lost)
{
    make_log(IN_ROW | IN_FILE);
    lower(CUT_END);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    fsp_store_note_durable(store, SHARD, REPLICA, CUT_END);
    ck_assert(write_entries(store, 2, CUT_END + 1, CUT_END + 2));
    fsp_store_note_durable(store, SHARD, REPLICA, CUT_END + 2);
    if (_i == 0)
        storekit_put(store, FSP_FAMILY_LOCAL, "other", "group");
    else
        tick(2000000);
    crash();
    expect_sound(CUT_END + 2, CUT_END + 2);
    /* Past the store: as if the database had lost it. */
    store = storekit_open(directory, &fresh);
    fsp_log_name_t name = log_name();
    fsp_log_key_t key = fsp_log_entry_key(&name, CUT_END + 2);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key));
    storekit_write(store, &batch);
    crash();
    expect_lost("log ends at 18 but 19 was acknowledged");
}
END_TEST

START_TEST(a_database_that_goes_back_behind_the_cut_is_damaged)
{
    make_log(IN_ROW | IN_FILE);
    crash();
    store = storekit_open(directory, &fresh);
    lower(CUT_END);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    tick(2000000);
    crash();
    storekit_lose_last(directory, false);
    storekit_refuse(directory, FSP_DAMAGED, "journal is behind its watermark");
}
END_TEST

START_TEST(only_what_is_above_is_lowered)
{
    make_log(IN_ROW | IN_FILE);
    uint64_t counter = file_counter();
    lower(END);
    lower(END + 1);
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_lower(store, SHARD, REPLICA + 1, 1, &error), FSP_OK);
    ck_assert_int_eq(fsp_store_lower(store, SHARD + 1, REPLICA, 1, &error), FSP_OK);
    ck_assert_uint_eq(file_counter(), counter); /* and costs nothing */
    crash();
    expect_sound(END, END);
}
END_TEST

START_TEST(a_mark_of_no_file_yet_is_lowered_in_memory)
{
    fsp_store_config_t config = storekit_config(directory);
    config.sync = false; /* so what is noted is not durable: neither row nor file may have it */
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_open(&config, &store, &fresh, &error), FSP_OK);
    ck_assert(write_entries(store, 1, 1, END));
    tick(1000000);
    uint64_t counter = file_counter();
    fsp_store_note_durable(store, SHARD, REPLICA, END);
    lower(CUT_END);
    ck_assert_uint_eq(file_counter(), counter);
    ck_assert(write_entries(store, 2, CUT_FROM, CUT_END));
    crash();
    expect_sound(CUT_END, CUT_END);
}
END_TEST

/* -- killed ------------------------------------------------------------------------------------ */

/* Child: grows the log and has it cut, for ever; a byte for each. */
static int
cut_on(const char *path)
{
    fsp_store_t *mine = storekit_child_open(path);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 7);
    fsp_error_t error;
    uint64_t last = 0;
    for (uint64_t term = 1; mine; term++) {
        bool cuts = last > 10 && fsp_prng_chance(&prng, 1, 2);
        uint64_t from = cuts ? last - fsp_prng_below(&prng, 10) : last + 1;
        uint64_t to = from + fsp_prng_below(&prng, 8);
        if ((cuts && fsp_store_lower(mine, SHARD, REPLICA, to, &error)) ||
            !write_entries(mine, term, from, to))
            return 1;
        last = to;
        fsp_store_note_durable(mine, SHARD, REPLICA, last);
        if (fsp_store_tick(mine, term * 100 * 1000, &error))
            return 1;
        if (write(STDOUT_FILENO, "", 1) != 1)
            return 1;
    }
    return 1;
}

START_TEST(a_log_that_is_cut_again_and_again_survives_kill_9)
{
    int fd = -1;
    pid_t child = scratch_again("cut", directory, &fd);
    for (int i = 0; i < 60 + 23 * _i; i++) {
        uint8_t byte;
        ck_assert_int_eq(read(fd, &byte, 1), 1);
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    (void)close(fd);
    uint64_t mark = 0, last = 0;
    fsp_error_t error;
    ck_assert_msg(judge(directory, &mark, &last, &error) == FSP_OK, "%s", error.text);
    ck_assert_uint_gt(mark, 0);
    ck_assert_uint_le(mark, last);
}
END_TEST

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "cut") == 0)
        return cut_on(argv[2]);
    Suite *suite = suite_create("storecut");
    TCase *tests = tcase_create("storecut");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, crash_before_the_cut_is_written, IN_ROW, 4);
    tcase_add_loop_test(tests, crash_while_the_cut_is_written, 0, 6);
    tcase_add_loop_test(tests, crash_after_the_cut_is_written, 0, 4);
    tcase_add_loop_test(tests, either_slot_may_rot_after_the_cut, 0, 2);
    tcase_add_test(tests, a_clean_stop_after_the_cut_says_where_the_log_ends);
    tcase_add_loop_test(tests, a_cut_that_was_not_announced_reads_as_a_loss, IN_ROW, 4);
    tcase_add_loop_test(tests, what_is_acknowledged_after_the_cut_must_not_be_lost, 0, 2);
    tcase_add_test(tests, a_database_that_goes_back_behind_the_cut_is_damaged);
    tcase_add_test(tests, only_what_is_above_is_lowered);
    tcase_add_test(tests, a_mark_of_no_file_yet_is_lowered_in_memory);
    tcase_add_loop_test(tests, a_log_that_is_cut_again_and_again_survives_kill_9, 0, 4);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
