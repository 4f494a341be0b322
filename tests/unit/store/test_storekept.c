/* SPDX-License-Identifier: MIT */
/* test_storekept - what the journal, the database and a crash leave of a store.  Layer tests.
 *
 * A close without a clean stop leaves what a killed process leaves: the journal, and of the
 * database what was written out.
 */
#include "store/dbview.h"
#include "store/readonly.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

enum { JOURNAL_BYTES = 64 * 1024, VALUE_BYTES = 8000, TICK_US = 200 * 1000 };

static char *directory;
static fsp_store_t *store;
static fsp_time_t now;

static void
open_store(void)
{
    fsp_store_config_t config = storekit_config(directory);
    config.journal_bytes = JOURNAL_BYTES;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_store_open(&config, &store, &fresh, &error);
    ck_assert_msg(status == FSP_OK, "open: %s", error.text);
}

static void
set_up(void)
{
    directory = scratch_make();
    now = 1;
    open_store();
}

static void
tear_down(void)
{
    fsp_store_close(&store, false, 0);
    scratch_end(&directory);
}

static void
crash(void)
{
    fsp_store_close(&store, false, 0);
    open_store();
}

static void
tick(void)
{
    fsp_error_t error = {.text = ""};
    now += TICK_US;
    ck_assert_msg(fsp_store_tick(store, now, &error) == FSP_OK, "%s", error.text);
}

static void
keep_state(void)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_store_keep_state(store, &error) == FSP_OK, "%s", error.text);
}

static fsp_db_t *
database(void)
{
    return ((fsp_dbview_t *)fsp_store_view(store, FSP_FAMILY_STATE))->db;
}

/* Of this family alone, what was written is on stable storage. */
static void
write_out(fsp_family_t family)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_db_flush(database(), family, true, &error) == FSP_OK, "%s", error.text);
}

static size_t
count_rows(fsp_view_t *view)
{
    size_t count = 0;
    fsp_cursor_t *rows = fsp_view_scan(view, (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; rows->valid; fsp_cursor_next(rows))
        count++;
    ck_assert_int_eq(rows->status, FSP_OK);
    fsp_cursor_destroy(&rows);
    return count;
}

static uint64_t
journal_bytes(void)
{
    char path[600];
    uint64_t bytes = 0;
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    DIR *files = opendir(path);
    ck_assert(files != NULL);
    for (const struct dirent *entry; (entry = readdir(files)) != NULL;)
        if (entry->d_name[0] != '.')
            bytes += (uint64_t)scratch_size(scratch_path(path, entry->d_name));
    (void)closedir(files);
    return bytes;
}

/* -- kept rows --------------------------------------------------------------------------------- */

static const fsp_slice_t kept_key = {(const uint8_t *)FSP_DB_KEPT_KEY, 16};

static void
expect_hidden(fsp_view_t *view, size_t rows)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 64);
    ck_assert_uint_eq(count_rows(view), rows);
    ck_assert_int_eq(fsp_view_get(view, kept_key, &buf), FSP_NOT_FOUND);
    fsp_buf_clear(&buf);
    fsp_cursor_t *row = fsp_view_scan(view, kept_key, (fsp_slice_t){0});
    ck_assert(!row->valid && row->status == FSP_OK);
    fsp_cursor_destroy(&row);
}

START_TEST(kept_rows_are_met_by_no_read)
{
    static const fsp_family_t families[] = {FSP_FAMILY_STATE, FSP_FAMILY_OBJECT, FSP_FAMILY_BYTES};
    size_t local = count_rows(fsp_store_view(store, FSP_FAMILY_LOCAL));
    for (size_t i = 0; i < 3; i++) {
        storekit_put(store, families[i], "a", "x");
        storekit_put(store, families[i], "b", "x");
    }
    uint8_t end[17];
    memset(end, 0xff, sizeof(end)); /* behind the kept row, which must stay */
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete_range(batch, FSP_FAMILY_STATE, fsp_slice_text("b"), fsp_slice(end, 17));
    storekit_write(store, &batch);
    for (int round = 0; round < 3; round++) { /* in memory, in tables, opened again */
        expect_hidden(fsp_store_view(store, FSP_FAMILY_STATE), 1);
        expect_hidden(fsp_store_view(store, FSP_FAMILY_OBJECT), 2);
        expect_hidden(fsp_store_view(store, FSP_FAMILY_BYTES), 2);
        fsp_view_t *frozen = fsp_view_freeze(fsp_store_view(store, FSP_FAMILY_STATE));
        expect_hidden(frozen, 1);
        fsp_view_thaw(&frozen);
        ck_assert_uint_ge(count_rows(fsp_store_view(store, FSP_FAMILY_LOCAL)), local);
        if (round == 0)
            keep_state();
        if (round == 1) {
            fsp_store_close(&store, true, 0);
            open_store();
        }
    }
    uint64_t kept = 0;
    fsp_error_t error;
    ck_assert_int_eq(fsp_db_kept(database(), FSP_FAMILY_STATE, &kept, &error), FSP_OK);
    ck_assert_uint_eq(kept, fsp_store_sequence(store));
}
END_TEST

/* -- STATE ------------------------------------------------------------------------------------- */

START_TEST(state_is_there_as_far_as_it_was_told_to_be_kept)
{
    storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    uint64_t before = fsp_store_state_kept(store);
    ck_assert_uint_eq(before, 1);
    keep_state();
    ck_assert_uint_eq(fsp_store_state_kept(store), 2);
    storekit_put(store, FSP_FAMILY_OBJECT, "o", "1"); /* nothing of STATE waits */
    ck_assert_uint_eq(fsp_store_state_kept(store), 3);
    storekit_put(store, FSP_FAMILY_STATE, "b", "2");
    storekit_put(store, FSP_FAMILY_OBJECT, "o", "2");
    ck_assert_uint_eq(fsp_store_state_kept(store), 3);
    tick();
    ck_assert_uint_eq(fsp_store_state_kept(store), 3);
    crash();
    storekit_expect(store, FSP_FAMILY_STATE, "a", "1");
    storekit_expect(store, FSP_FAMILY_STATE, "b", NULL);
    storekit_expect(store, FSP_FAMILY_OBJECT, "o", "2");
    ck_assert_uint_eq(fsp_store_state_kept(store), fsp_store_sequence(store));
    keep_state(); /* costs nothing, and is still so */
    ck_assert_uint_eq(fsp_store_state_kept(store), fsp_store_sequence(store));
}
END_TEST

START_TEST(what_the_database_writes_out_by_itself_is_noticed)
{
    storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    storekit_put(store, FSP_FAMILY_STATE, "b", "2");
    write_out(FSP_FAMILY_STATE);
    ck_assert_uint_eq(fsp_store_state_kept(store), 1);
    tick();
    ck_assert_uint_eq(fsp_store_state_kept(store), 3);
}
END_TEST

START_TEST(groups_of_state_alone_are_in_no_journal)
{
    storekit_put(store, FSP_FAMILY_LOG, "entry", "1");
    for (int i = 0; i < 5; i++)
        storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    keep_state();
    uint64_t sequence = fsp_store_sequence(store);
    crash();
    ck_assert_uint_eq(storekit_last_record(directory, 0).sequence, 2);
    /* The next groups are behind them all the same. */
    ck_assert_uint_eq(fsp_store_sequence(store), sequence);
    storekit_put(store, FSP_FAMILY_LOG, "entry", "2");
    crash();
    ck_assert_uint_eq(storekit_last_record(directory, 0).sequence, sequence + 1);
    storekit_expect(store, FSP_FAMILY_LOG, "entry", "2");
    storekit_expect(store, FSP_FAMILY_STATE, "a", "1");
}
END_TEST

START_TEST(much_of_the_log_makes_state_kept)
{
    static uint8_t value[VALUE_BYTES];
    storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    for (int i = 0; i < 5 * JOURNAL_BYTES / VALUE_BYTES; i++) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text("entry"),
                      fsp_slice(value, VALUE_BYTES));
        storekit_write(store, &batch);
    }
    ck_assert_uint_eq(fsp_store_state_kept(store), 1);
    for (int i = 0; i < 500 && fsp_store_state_kept(store) == 1; i++) {
        tick();
        fsp_suite_pause_us(10000);
    }
    ck_assert_uint_eq(fsp_store_state_kept(store), fsp_store_sequence(store));
}
END_TEST

/* -- the journal and the database -------------------------------------------------------------- */

/* Groups with rows of LOCAL, OBJECT and BYTES, of which the database has those of some families. */
START_TEST(what_the_database_lacks_is_redone)
{
    static const fsp_family_t families[] = {FSP_FAMILY_LOCAL, FSP_FAMILY_OBJECT, FSP_FAMILY_BYTES};
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            fsp_batch_t *batch = fsp_batch_new();
            for (size_t k = 0; k < 3; k++) {
                fsp_batch_put(batch, families[k], fsp_slice_text(i == 0 ? "x" : "y"),
                              fsp_slice_text(i == 1 ? "old" : "new"));
                if (i == 2)
                    fsp_batch_delete(batch, families[k], fsp_slice_text("x"));
            }
            storekit_write(store, &batch);
            for (size_t k = 0; i == round && k < 3; k++) /* after the first, second, third group */
                if (_i & (1 << k))
                    write_out(families[k]);
        }
        crash();
        if (_i & 1)
            crash(); /* once more: nothing was written since */
        for (size_t k = 0; k < 3; k++) {
            storekit_expect(store, families[k], "x", NULL);
            storekit_expect(store, families[k], "y", "new");
        }
    }
    fsp_store_close(&store, true, 0);
    open_store();
    for (size_t k = 0; k < 3; k++)
        storekit_expect(store, families[k], "y", "new");
}
END_TEST

/* Only OBJECT is ever written: the others must not hold the journal back. */
START_TEST(a_family_that_nobody_writes_holds_nothing_back)
{
    static uint8_t value[VALUE_BYTES];
    fsp_store_close(&store, true, 0);
    open_store();
    for (int i = 0; i < 400; i++) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put(batch, FSP_FAMILY_OBJECT, fsp_slice_text("key"),
                      fsp_slice(value, VALUE_BYTES));
        storekit_write(store, &batch);
        if (i % 10 == 0)
            tick();
    }
    for (int i = 0; i < 500 && journal_bytes() > 6 * JOURNAL_BYTES; i++) {
        tick();
        fsp_suite_pause_us(10000);
    }
    ck_assert_uint_le(journal_bytes(), 6 * JOURNAL_BYTES);
    crash();
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(
        fsp_store_read_bytes(store, FSP_FAMILY_OBJECT, fsp_slice_text("key"), 0, 0, &blob), FSP_OK);
    ck_assert_uint_eq(fsp_blob_bytes(blob), VALUE_BYTES);
    fsp_blob_destroy(&blob);
}
END_TEST

/* A few rows of LOG live for ever between many that are deleted: they are copied, some time. */
START_TEST(rows_of_the_log_that_stay_do_not_keep_all_of_it)
{
    static uint8_t value[VALUE_BYTES];
    char key[16];
    for (int i = 0; i < 300; i++) {
        fsp_batch_t *batch = fsp_batch_new();
        (void)snprintf(key, sizeof(key), "%04d", i);
        fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text(key), fsp_slice(value, VALUE_BYTES));
        (void)snprintf(key, sizeof(key), "%04d", i - 1);
        if (i % 50 != 1)
            fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_slice_text(key));
        storekit_write(store, &batch);
        tick();
    }
    for (int i = 0; i < 100; i++)
        tick();
    ck_assert_uint_le(journal_bytes(), 6 * JOURNAL_BYTES);
    for (int round = 0; round < 2; round++, crash()) {
        ck_assert_uint_eq(count_rows(fsp_store_view(store, FSP_FAMILY_LOG)), 7);
        fsp_buf_t buf;
        fsp_buf_init(&buf, VALUE_BYTES);
        fsp_view_t *log = fsp_store_view(store, FSP_FAMILY_LOG);
        ck_assert_int_eq(fsp_view_get(log, fsp_slice_text("0000"), &buf), FSP_OK);
        ck_assert_uint_eq(buf.bytes, VALUE_BYTES);
        fsp_buf_clear(&buf);
    }
}
END_TEST

static void
copy_database(const char *from, const char *to)
{
    char command[1400];
    (void)snprintf(command, sizeof(command), "rm -rf %s && cp -r %s %s", to, from, to);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(a_database_that_went_back_is_damage)
{
    char real[600], old[600];
    (void)snprintf(real, sizeof(real), "%s/db", directory);
    (void)snprintf(old, sizeof(old), "%s/old", directory);
    storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    fsp_store_close(&store, true, 0);
    copy_database(real, old);
    open_store();
    storekit_put(store, _i ? FSP_FAMILY_STATE : FSP_FAMILY_OBJECT, "a", "2");
    fsp_store_close(&store, true, 0);
    copy_database(old, real);
    for (int i = 0; i < 2; i++)
        storekit_refuse(directory, FSP_DAMAGED, "database is behind its journal");
    fsp_readonly_t *reader = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_readonly_open(directory, 0, &reader, &error), FSP_DAMAGED);
}
END_TEST

START_TEST(rows_of_log_in_the_database_are_none)
{
    fsp_store_close(&store, true, 0);
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/db", directory);
    const fsp_db_config_t config = {
        .path = path, .cache_bytes = 1 << 20, .write_buffer_bytes = 4 << 20};
    fsp_db_t *db = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_db_open(&config, &db, &error), FSP_OK);
    fsp_db_write_t *write = fsp_db_write_new(db);
    fsp_db_write_put(write, FSP_FAMILY_LOG, fsp_slice_text("left over"), fsp_slice_text("x"));
    ck_assert_int_eq(fsp_db_commit_logged(db, write, &error), FSP_OK);
    fsp_db_write_destroy(&write);
    fsp_db_close(&db);
    open_store();
    storekit_expect(store, FSP_FAMILY_LOG, "left over", NULL);
    ck_assert_uint_eq(count_rows(fsp_store_view(store, FSP_FAMILY_LOG)), 0);
    fsp_db_iter_t *rows =
        fsp_db_iter_new(database(), NULL, FSP_FAMILY_LOG, (fsp_slice_t){0}, (fsp_slice_t){0});
    fsp_slice_t key, value;
    ck_assert(!fsp_db_iter_row(rows, &key, &value));
    fsp_db_iter_destroy(&rows);
}
END_TEST

START_TEST(without_sync_a_killed_process_loses_nothing_but_state)
{
    fsp_store_close(&store, true, 0);
    fsp_store_config_t config = storekit_config(directory);
    config.sync = false;
    bool fresh = false;
    fsp_error_t error;
    ck_assert_int_eq(fsp_store_open(&config, &store, &fresh, &error), FSP_OK);
    storekit_put(store, FSP_FAMILY_LOG, "a", "1");
    storekit_put(store, FSP_FAMILY_OBJECT, "a", "1");
    crash();
    storekit_expect(store, FSP_FAMILY_LOG, "a", "1");
    storekit_expect(store, FSP_FAMILY_OBJECT, "a", "1");
}
END_TEST

/* -- read-only --------------------------------------------------------------------------------- */

static void
expect_read(fsp_readonly_t *reader, fsp_family_t family, const char *key, const char *value)
{
    fsp_blob_t *blob = NULL;
    fsp_status_t status = fsp_readonly_bytes(reader, family, fsp_slice_text(key), &blob);
    ck_assert_int_eq(status, value ? FSP_OK : FSP_NOT_FOUND);
    ck_assert(!value || fsp_slice_eq(fsp_blob_slice(blob), fsp_slice_text(value)));
    fsp_blob_destroy(&blob);
}

START_TEST(a_reader_sees_what_the_database_lacks)
{
    static const fsp_family_t families[] = {FSP_FAMILY_OBJECT, FSP_FAMILY_BYTES};
    for (size_t k = 0; k < 2; k++) {
        storekit_put(store, families[k], "old", "1");
        storekit_put(store, families[k], "range", "1");
        storekit_put(store, families[k], "gone", "1");
    }
    fsp_store_close(&store, true, 0);
    open_store();
    for (size_t k = 0; k < 2; k++) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put(batch, families[k], fsp_slice_text("new"), fsp_slice_text("2"));
        fsp_batch_put(batch, families[k], fsp_slice_text("ranger"), fsp_slice_text("2"));
        fsp_batch_delete(batch, families[k], fsp_slice_text("gone"));
        fsp_batch_delete_range(batch, families[k], fsp_slice_text("range"), fsp_slice_text("s"));
        storekit_write(store, &batch);
    }
    storekit_put(store, FSP_FAMILY_LOG, "entry", "1");
    uint64_t sequence = fsp_store_sequence(store);
    fsp_store_close(&store, false, 0);
    fsp_readonly_t *reader = NULL;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_readonly_open(directory, 0, &reader, &error);
    ck_assert_msg(status == FSP_OK, "%s", error.text);
    ck_assert_uint_eq(fsp_readonly_sequence(reader), sequence);
    for (size_t k = 0; k < 2; k++) {
        expect_read(reader, families[k], "old", "1");
        expect_read(reader, families[k], "new", "2");
        expect_read(reader, families[k], "gone", NULL);
        expect_read(reader, families[k], "range", NULL);
        expect_read(reader, families[k], "ranger", NULL);
        expect_hidden(fsp_readonly_view(reader, families[k]), 2);
    }
    expect_hidden(fsp_readonly_view(reader, FSP_FAMILY_STATE), 0);
    ck_assert_uint_eq(count_rows(fsp_readonly_view(reader, FSP_FAMILY_LOG)), 1);
    fsp_readonly_close(&reader);
    open_store();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("storekept");
    TCase *tests = tcase_create("storekept");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, kept_rows_are_met_by_no_read);
    tcase_add_test(tests, state_is_there_as_far_as_it_was_told_to_be_kept);
    tcase_add_test(tests, what_the_database_writes_out_by_itself_is_noticed);
    tcase_add_test(tests, groups_of_state_alone_are_in_no_journal);
    tcase_add_test(tests, much_of_the_log_makes_state_kept);
    tcase_add_loop_test(tests, what_the_database_lacks_is_redone, 0, 8);
    tcase_add_test(tests, a_family_that_nobody_writes_holds_nothing_back);
    tcase_add_test(tests, rows_of_the_log_that_stay_do_not_keep_all_of_it);
    tcase_add_loop_test(tests, a_database_that_went_back_is_damage, 0, 2);
    tcase_add_test(tests, rows_of_log_in_the_database_are_none);
    tcase_add_test(tests, without_sync_a_killed_process_loses_nothing_but_state);
    tcase_add_test(tests, a_reader_sees_what_the_database_lacks);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
