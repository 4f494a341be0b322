/* SPDX-License-Identifier: MIT */
/* test_storecrash - killed, torn, damaged, newer: a store that opens again.  Layer tests. */
#include "core/base/canon.h"
#include "store/datadir.h"
#include "store/db.h"
#include "store/watermark.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

static char *directory;

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

/* A store with rows, its watermark file up to date, closed.  The format row lies in the first file
   of the journal, the other rows in the second. */
static void
make_store(bool clean)
{
    bool fresh = false;
    fsp_error_t error;
    fsp_store_t *store = storekit_open(directory, &fresh);
    fsp_store_close(&store, false, 0);
    store = storekit_open(directory, &fresh);
    for (int i = 0; i < 20; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "%d", i);
        storekit_put(store, FSP_FAMILY_LOG, key, "a value of some length, to be damaged");
    }
    fsp_store_note_durable(store, 3, 1, 20);
    ck_assert_int_eq(fsp_store_tick(store, 1, &error), FSP_OK);
    fsp_store_close(&store, clean, 0);
}

static void
expect_mark(uint32_t shard, uint64_t replica, uint64_t expected, bool clean)
{
    bool fresh = true, was_clean = false;
    uint64_t index = 0;
    fsp_store_t *store = storekit_open(directory, &fresh);
    fsp_store_watermark(store, shard, replica, &index, &was_clean);
    ck_assert_uint_eq(index, expected);
    ck_assert(was_clean == clean);
    ck_assert(!fresh);
    fsp_store_close(&store, false, 0);
}

/* Killed. */

/* Of the object in group i: from a page to several. */
static size_t
object_bytes(uint64_t i)
{
    return (size_t)(4000 + i * 7919 % 90000);
}

/* Child: writes numbered rows for ever; prints each number once it is synced. */
static int
write_on(const char *path)
{
    fsp_store_t *store = storekit_child_open(path);
    if (!store)
        return 1;
    for (uint64_t i = 1;; i++) {
        fsp_blob_t *bytes = fsp_blob_new(object_bytes(i));
        memset(fsp_blob_writable(bytes), (int)(i % 251), object_bytes(i));
        uint8_t key[8];
        fsp_store_u64(key, i);
        fsp_slice_t name = fsp_slice(key, sizeof(key));
        fsp_batch_t *batches[2] = {fsp_batch_new(), fsp_batch_new()};
        fsp_batch_put(batches[0], FSP_FAMILY_LOG, name, name);
        fsp_batch_put(batches[1], FSP_FAMILY_OBJECT, fsp_slice_text("last"), name);
        fsp_batch_put_blob(batches[1], FSP_FAMILY_BYTES, name, bytes);
        fsp_error_t error;
        if (fsp_store_write(store, batches, 2, &error) != FSP_OK)
            return 1;
        fsp_blob_destroy(&bytes);
        fsp_batch_destroy(&batches[0]);
        fsp_batch_destroy(&batches[1]);
        fsp_store_note_durable(store, 0, 1, i);
        if (fsp_store_tick(store, i * 10000, &error) != FSP_OK)
            return 1;
        if (write(STDOUT_FILENO, key, sizeof(key)) != (ssize_t)sizeof(key))
            return 1;
    }
}

static void
expect_numbered_rows(fsp_store_t *store, uint64_t written)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 100);
    for (uint64_t i = 1; i <= written; i++) {
        uint8_t key[8];
        fsp_store_u64(key, i);
        fsp_slice_t name = fsp_slice(key, sizeof(key));
        fsp_buf_reset(&buf);
        ck_assert_int_eq(fsp_view_get(fsp_store_view(store, FSP_FAMILY_LOG), name, &buf), FSP_OK);
        fsp_blob_t *blob = NULL;
        ck_assert_int_eq(fsp_store_read_bytes(store, FSP_FAMILY_BYTES, name, 0, 0, &blob), FSP_OK);
        ck_assert_uint_eq(fsp_blob_bytes(blob), object_bytes(i));
        size_t wrong = 0;
        for (size_t at = 0; at < object_bytes(i); at++)
            wrong += fsp_blob_data(blob)[at] != i % 251;
        ck_assert_uint_eq(wrong, 0);
        fsp_blob_destroy(&blob);
    }
    /* Atomic: the row of the same group is not behind, and one group at most is beyond. */
    fsp_buf_reset(&buf);
    fsp_view_t *objects = fsp_store_view(store, FSP_FAMILY_OBJECT);
    ck_assert_int_eq(fsp_view_get(objects, fsp_slice_text("last"), &buf), FSP_OK);
    uint64_t last = fsp_load_u64(buf.data);
    ck_assert(last == written || last == written + 1);
    ck_assert_uint_eq(fsp_store_sequence(store), last + 1);
    fsp_buf_clear(&buf);
}

START_TEST(what_was_synced_survives_kill_9)
{
    for (int round = 0; round < 4; round++) {
        scratch_remove(directory);
        ck_assert_int_eq(mkdir(directory, 0700), 0);
        int fd = -1;
        pid_t child = scratch_again("write", directory, &fd);
        uint8_t key[8];
        uint64_t written = 0;
        while (written < 200ULL + 90ULL * (unsigned)round) {
            ck_assert_int_eq(read(fd, key, sizeof(key)), sizeof(key));
            written = fsp_load_u64(key);
        }
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        while (read(fd, key, sizeof(key)) == (ssize_t)sizeof(key))
            written = fsp_load_u64(key);
        (void)close(fd);
        bool fresh = true;
        fsp_store_t *store = storekit_open(directory, &fresh);
        ck_assert(!fresh && !storekit_clean(store));
        expect_numbered_rows(store, written);
        /* The row holds the mark of the group before at least. */
        uint64_t index = 0;
        bool clean = false;
        fsp_store_watermark(store, 0, 1, &index, &clean);
        ck_assert_uint_ge(index + 1, written);
        ck_assert_uint_le(index, written);
        fsp_store_close(&store, true, 0);
    }
}
END_TEST

/* Marks. */

START_TEST(marks_are_kept_by_file_and_by_row)
{
    bool fresh = false;
    fsp_error_t error;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_LOG, "a", "x");
    fsp_store_note_durable(store, 0, 1, 10);
    fsp_store_note_durable(store, 7, 2, 20);
    fsp_store_note_durable(store, 7, 2, 19); /* never backwards */
    ck_assert_int_eq(fsp_store_tick(store, 1, &error), FSP_OK);
    fsp_store_close(&store, false, 0);
    expect_mark(0, 1, 10, false);
    expect_mark(7, 2, 20, false);
    expect_mark(7, 1, 0, false);
    expect_mark(1, 1, 0, false);
    store = storekit_open(directory, &fresh);
    fsp_store_note_durable(store, 0, 1, 11); /* unclean, no tick: forgotten */
    fsp_store_close(&store, false, 0);
    expect_mark(0, 1, 10, false);
    store = storekit_open(directory, &fresh);
    fsp_store_note_durable(store, 0, 1, 12); /* kept by the row of the next group */
    storekit_put(store, FSP_FAMILY_LOG, "a", "y");
    fsp_store_close(&store, false, 0);
    expect_mark(0, 1, 12, false);
    store = storekit_open(directory, &fresh);
    fsp_store_note_durable(store, 0, 1, 13); /* kept by the clean stop */
    fsp_store_note_durable(store, 7, 3, 1);  /* a replica with a new number */
    fsp_store_close(&store, true, 0);
    expect_mark(0, 1, 13, true);
    expect_mark(7, 3, 1, false); /* expect_mark itself stops without the mark */
    expect_mark(7, 2, 0, false);
}
END_TEST

/* What the file says; the counter of its newest slot. */
static uint64_t
look_at_file(fsp_watermark_t *ret)
{
    fsp_watermark_file_t file;
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, ret, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    return file.counter;
}

static uint64_t
file_counter(void)
{
    fsp_watermark_t mark;
    return look_at_file(&mark);
}

static void
expect_file(uint64_t sequence, uint64_t index)
{
    fsp_watermark_t mark;
    (void)look_at_file(&mark);
    ck_assert_uint_eq(mark.sequence, sequence);
    ck_assert_uint_eq(fsp_watermark_index(&mark, 0, 1), index);
}

START_TEST(the_file_is_written_at_most_every_100_ms)
{
    bool fresh = false;
    fsp_error_t error;
    fsp_store_t *store = storekit_open(directory, &fresh);
    uint64_t counter = file_counter();
    expect_file(1, 0);
    fsp_time_t start = 5000000;
    for (fsp_time_t now = start; now < start + 1000000; now += 10000) {
        storekit_put(store, FSP_FAMILY_LOG, "a", "x");
        ck_assert_int_eq(fsp_store_tick(store, now, &error), FSP_OK);
    }
    ck_assert_uint_eq(file_counter(), counter + 10);
    /* Idle: once more for what came last, then never. */
    for (fsp_time_t now = start + 1000000; now < start + 2000000; now += 10000)
        ck_assert_int_eq(fsp_store_tick(store, now, &error), FSP_OK);
    ck_assert_uint_eq(file_counter(), counter + 11);
    expect_file(fsp_store_sequence(store), 0);
    fsp_store_close(&store, false, 0);
}
END_TEST

START_TEST(only_what_is_synced_goes_to_the_file)
{
    fsp_store_config_t config = storekit_config(directory);
    config.sync = false;
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_open(&config, &store, &fresh, &error), FSP_OK);
    ck_assert(!fsp_store_sync(store));
    storekit_put(store, FSP_FAMILY_LOG, "a", "x");
    fsp_store_note_durable(store, 0, 1, 10);
    ck_assert_int_eq(fsp_store_tick(store, 200000, &error), FSP_OK);
    expect_file(1, 0);
    fsp_store_close(&store, true, 0);
    expect_mark(0, 1, 10, true);
    expect_file(2, 10);
    /* With a store that syncs: groups of STATE alone are not durable, and do not count. */
    store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_STATE, "a", "y");
    ck_assert_int_eq(fsp_store_tick(store, 200000, &error), FSP_OK);
    expect_file(2, 10);
    storekit_put(store, FSP_FAMILY_LOG, "a", "z");
    ck_assert_int_eq(fsp_store_tick(store, 400000, &error), FSP_OK);
    expect_file(4, 10);
    storekit_put(store, FSP_FAMILY_STATE, "a", "z");
    fsp_store_note_durable(store, 0, 1, 12); /* what is noted is synced: true at once */
    ck_assert_int_eq(fsp_store_tick(store, 600000, &error), FSP_OK);
    expect_file(4, 12);
    fsp_store_close(&store, false, 0);
    expect_mark(0, 1, 12, false);
}
END_TEST

/* Damage. */

START_TEST(a_lost_file_of_the_journal_is_damage)
{
    make_store(_i == 1);
    storekit_record_t last = storekit_last_record(directory, 0);
    ck_assert_int_eq(unlink(last.path), 0);
    /* Refused for ever, not only the first time. */
    for (int i = 0; i < 2; i++)
        storekit_refuse(directory, FSP_DAMAGED, "journal is behind its watermark");
}
END_TEST

START_TEST(a_lost_journal_is_damage)
{
    make_store(_i == 1);
    scratch_remove(scratch_path(directory, "journal"));
    for (int i = 0; i < 2; i++)
        storekit_refuse(directory, FSP_DAMAGED, "journal is missing beside its WATERMARK");
}
END_TEST

START_TEST(a_cut_journal_is_damage_if_it_was_known_to_be_longer)
{
    make_store(_i == 1);
    storekit_lose_last(directory, _i == 1);
    for (int i = 0; i < 2; i++)
        storekit_refuse(directory, FSP_DAMAGED, "journal is behind its watermark (20, was 21)");
}
END_TEST

/* In one of the last eight records. */
START_TEST(a_flipped_bit_in_the_journal_is_damage)
{
    make_store(false);
    storekit_record_t record = storekit_last_record(directory, (unsigned)_i % 8);
    scratch_flip(record.path, (off_t)record.at + (_i < 8 ? 20 : 100));
    storekit_refuse(directory, FSP_DAMAGED, "restore from a replica or backup");
}
END_TEST

START_TEST(a_torn_tail_that_was_never_reported_is_cut)
{
    make_store(false);
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    uint64_t sequence = fsp_store_sequence(store);
    storekit_put(store, FSP_FAMILY_LOG, "tail", "x");
    fsp_store_close(&store, false, 0); /* no tick: the file does not know of it */
    storekit_lose_last(directory, false);
    store = storekit_open(directory, &fresh);
    storekit_expect(store, FSP_FAMILY_LOG, "tail", NULL);
    ck_assert_uint_eq(fsp_store_sequence(store), sequence);
    fsp_store_close(&store, true, 0);
    /* After a clean stop nothing is a torn tail. */
    store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_LOG, "tail", "x");
    fsp_store_close(&store, true, 0);
    storekit_lose_last(directory, true);
    storekit_refuse(directory, FSP_DAMAGED, "journal is behind its watermark");
}
END_TEST

START_TEST(a_torn_slot_falls_back_to_the_other)
{
    make_store(false);
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &mark, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    scratch_flip(scratch_path(directory, "WATERMARK"),
                 (off_t)(file.counter % 2) * FSP_WATERMARK_SLOT_BYTES + 30);
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_expect(store, FSP_FAMILY_LOG, "19", "a value of some length, to be damaged");
    fsp_store_close(&store, true, 0);
    store = storekit_open(directory, &fresh);
    ck_assert(storekit_clean(store));
    fsp_store_close(&store, true, 0);
    /* Clean stops write both slots: one may rot, the mark stays. */
    scratch_flip(scratch_path(directory, "WATERMARK"), _i * FSP_WATERMARK_SLOT_BYTES + 30);
    store = storekit_open(directory, &fresh);
    ck_assert(storekit_clean(store));
    fsp_store_close(&store, true, 0);
}
END_TEST

START_TEST(a_damaged_or_missing_watermark_file_is_damage)
{
    make_store(true);
    const char *path = scratch_path(directory, "WATERMARK");
    scratch_flip(path, 100);
    scratch_flip(path, FSP_WATERMARK_SLOT_BYTES + 100);
    storekit_refuse(directory, FSP_DAMAGED, "both slots of WATERMARK are damaged");
    scratch_flip(path, 100);
    bool fresh = true;
    fsp_store_t *store = storekit_open(directory, &fresh);
    fsp_store_close(&store, true, 0);
    ck_assert_int_eq(truncate(path, 0), 0);
    storekit_refuse(directory, FSP_DAMAGED, "both slots of WATERMARK are damaged");
    ck_assert_int_eq(unlink(path), 0);
    storekit_refuse(directory, FSP_DAMAGED, "WATERMARK is missing");
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_missing_database_is_never_made_anew)
{
    make_store(true);
    ck_assert_int_eq(unlink(scratch_path(directory, "db/CURRENT")), 0);
    storekit_refuse(directory, FSP_DAMAGED, "database is missing");
    ck_assert_int_ne(access(scratch_path(directory, "db/CURRENT"), F_OK), 0);
    scratch_remove(scratch_path(directory, "db"));
    storekit_refuse(directory, FSP_DAMAGED, "database is missing");
}
END_TEST

START_TEST(a_damaged_manifest_or_table_is_damage)
{
    make_store(true); /* a clean stop makes tables */
    if (_i == 0) {
        ck_assert_int_eq(unlink(scratch_newest(scratch_path(directory, "db"), ".sst")), 0);
    } else if (_i == 1) {
        const char *table = scratch_newest(scratch_path(directory, "db"), ".sst");
        ck_assert_int_eq(truncate(table, scratch_size(table) / 2), 0);
    } else {
        int fd = open(scratch_path(directory, "db/CURRENT"), O_WRONLY | O_TRUNC);
        ck_assert_int_eq(write(fd, "MANIFEST-999999\n", 16), 16);
        (void)close(fd);
    }
    storekit_refuse(directory, FSP_DAMAGED, "database: ");
}
END_TEST

START_TEST(an_older_copy_of_the_watermark_with_clean_mark_is_noticed)
{
    make_store(true);
    const char *path = scratch_path(directory, "WATERMARK");
    const char *copy = scratch_path(directory, "copy");
    scratch_copy(path, copy);
    bool fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_LOG, "more", "x");
    fsp_store_close(&store, true, 0);
    scratch_copy(copy, path);
    storekit_refuse(directory, FSP_DAMAGED, "was changed after its clean stop");
}
END_TEST

START_TEST(the_clean_mark_is_gone_before_the_first_write)
{
    make_store(true);
    expect_mark(3, 1, 20, true);
    expect_mark(3, 1, 20, false);
}
END_TEST

/* Newer, or not whole. */

/* Puts a row of the store itself, past the store. */
static void
put_own_row(const char *key, const char *value, size_t bytes)
{
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/db", directory);
    fsp_db_config_t config = {
        .path = path, .cache_bytes = 1 << 20, .write_buffer_bytes = 4 << 20, .create = false};
    fsp_db_t *db = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_db_open(&config, &db, &error) == FSP_OK, "%s", error.text);
    fsp_db_write_t *write = fsp_db_write_new(db);
    if (value)
        fsp_db_write_put(write, FSP_FAMILY_LOCAL, fsp_slice_text(key), fsp_slice(value, bytes));
    else
        fsp_db_write_delete(write, FSP_FAMILY_LOCAL, fsp_slice_text(key));
    ck_assert_int_eq(fsp_db_commit_logged(db, write, &error), FSP_OK);
    fsp_db_write_destroy(&write);
    fsp_db_close(&db);
}

START_TEST(a_newer_format_row_is_refused_with_both_numbers)
{
    make_store(true);
    put_own_row("format", "\x93\x07\xa1x\xc0", 5); /* [7, "x", nil] */
    storekit_refuse(directory, FSP_FORMAT_NEWER, "format 7, this program knows up to 3");
}
END_TEST

START_TEST(damaged_rows_of_the_store_are_damage)
{
    static const struct {
        const char *key, *value;
        size_t bytes;
        const char *words;
        bool old; /* in a store of format 2 */
    } cases[] = {{"format", "\x91\xcc\x01", 3, "format row is damaged", false},
                 {"format", "\x91\x00", 2, "format row is damaged", false},
                 {"format", "\x92\x01\x01", 3, "format row is damaged", false},
                 {"format", "", 0, "format row is damaged", false},
                 {"format", NULL, 0, "format row is missing", false},
                 {"watermark", "\x92\x01", 2, "watermark row is damaged", false},
                 {"sequence", "\xc0", 1, "sequence row is damaged", true},
                 {"sequence", NULL, 0, "sequence row is missing", true},
                 {"sequence", "\x05", 1, "database is behind its watermark (5, was ", true}};
    if (cases[_i].old)
        fixture_unpack(directory, 2);
    else
        make_store(true); /* all rows are in the database: none is redone */
    put_own_row(cases[_i].key, cases[_i].value, cases[_i].bytes);
    storekit_refuse(directory, FSP_DAMAGED, cases[_i].words);
}
END_TEST

START_TEST(a_first_start_that_was_cut_short_begins_again)
{
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_make(directory, &error), FSP_OK);
    if (_i > 0)
        ck_assert_int_eq(mkdir(scratch_path(directory, "db"), 0700), 0);
    bool fresh = false;
    if (_i > 1) {
        fsp_store_t *store = storekit_open(directory, &fresh);
        fsp_store_close(&store, false, 0);
        ck_assert_int_eq(fsp_watermark_file_make(directory, &error), FSP_OK); /* sequence 0 again */
    }
    fresh = false;
    fsp_store_t *store = storekit_open(directory, &fresh);
    ck_assert(fresh);
    storekit_put(store, FSP_FAMILY_LOCAL, "id", "x");
    fsp_store_close(&store, true, 0);
    store = storekit_open(directory, &fresh);
    ck_assert(!fresh && storekit_clean(store));
    fsp_store_close(&store, true, 0);
}
END_TEST

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "write") == 0)
        return write_on(argv[2]);
    Suite *suite = suite_create("storecrash");
    TCase *tests = tcase_create("storecrash");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, what_was_synced_survives_kill_9);
    tcase_add_test(tests, marks_are_kept_by_file_and_by_row);
    tcase_add_test(tests, the_file_is_written_at_most_every_100_ms);
    tcase_add_test(tests, only_what_is_synced_goes_to_the_file);
    tcase_add_loop_test(tests, a_lost_file_of_the_journal_is_damage, 0, 2);
    tcase_add_loop_test(tests, a_lost_journal_is_damage, 0, 2);
    tcase_add_loop_test(tests, a_cut_journal_is_damage_if_it_was_known_to_be_longer, 0, 2);
    tcase_add_loop_test(tests, a_flipped_bit_in_the_journal_is_damage, 0, 16);
    tcase_add_test(tests, a_torn_tail_that_was_never_reported_is_cut);
    tcase_add_loop_test(tests, a_torn_slot_falls_back_to_the_other, 0, 2);
    tcase_add_test(tests, a_damaged_or_missing_watermark_file_is_damage);
    tcase_add_test(tests, a_missing_database_is_never_made_anew);
    tcase_add_loop_test(tests, a_damaged_manifest_or_table_is_damage, 0, 3);
    tcase_add_test(tests, an_older_copy_of_the_watermark_with_clean_mark_is_noticed);
    tcase_add_test(tests, the_clean_mark_is_gone_before_the_first_write);
    tcase_add_test(tests, a_newer_format_row_is_refused_with_both_numbers);
    tcase_add_loop_test(tests, damaged_rows_of_the_store_are_damage, 0, 9);
    tcase_add_loop_test(tests, a_first_start_that_was_cut_short_begins_again, 0, 3);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
