/* SPDX-License-Identifier: MIT */
/* test_dbview - a family of the database behaves like a view in memory.  Layer tests. */
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "store/db.h"
#include "store/dbtext.h"
#include "store/dbview.h"
#include "tests/unit/aborts.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

static char *directory;
static fsp_store_t *store;
static bool fresh;

static void
set_up(void)
{
    directory = scratch_make();
    store = storekit_open(directory, &fresh);
}

static void
tear_down(void)
{
    fsp_store_close(&store, true, 0);
    scratch_end(&directory);
}

static fsp_view_t *
state(void)
{
    return fsp_store_view(store, FSP_FAMILY_STATE);
}

START_TEST(get_tells_absent_from_too_large)
{
    storekit_put(store, FSP_FAMILY_STATE, "key", "12345");
    fsp_buf_t buf;
    fsp_buf_init(&buf, 8);
    ck_assert_int_eq(fsp_view_get(state(), fsp_slice_text("ke"), &buf), FSP_NOT_FOUND);
    ck_assert_int_eq(fsp_view_get(state(), fsp_slice(NULL, 0), &buf), FSP_NOT_FOUND);
    ck_assert_int_eq(fsp_view_get(state(), fsp_slice_text("key"), &buf), FSP_OK);
    /* It appends. */
    ck_assert_int_eq(fsp_view_get(state(), fsp_slice_text("key"), &buf), FSP_TOO_LARGE);
    ck_assert_uint_eq(buf.bytes, 5);
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(families_do_not_see_each_other)
{
    storekit_put(store, FSP_FAMILY_STATE, "key", "state");
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        storekit_expect(store, (fsp_family_t)i, "key", i == FSP_FAMILY_STATE ? "state" : NULL);
}
END_TEST

START_TEST(a_cursor_does_not_see_later_writes)
{
    storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    storekit_put(store, FSP_FAMILY_STATE, "c", "3");
    fsp_cursor_t *cursor = fsp_view_scan(state(), fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    storekit_put(store, FSP_FAMILY_STATE, "b", "2");
    ck_assert(cursor->valid && fsp_slice_eq(cursor->key, fsp_slice_text("a")));
    fsp_cursor_next(cursor);
    ck_assert(cursor->valid && fsp_slice_eq(cursor->key, fsp_slice_text("c")));
    ck_assert(fsp_slice_eq(cursor->value, fsp_slice_text("3")));
    fsp_cursor_next(cursor);
    ck_assert(!cursor->valid);
    ck_assert_int_eq(cursor->status, FSP_OK);
    FSP_EXPECT_ABORT(fsp_cursor_next(cursor));
    fsp_cursor_destroy(&cursor);
    ck_assert(!cursor);
}
END_TEST

START_TEST(empty_and_backward_ranges_hold_nothing)
{
    storekit_put(store, FSP_FAMILY_STATE, "b", "2");
    static const char *const ranges[][2] = {{"b", "b"}, {"c", "a"}, {"a", "b"}, {"c", ""}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        fsp_cursor_t *cursor =
            fsp_view_scan(state(), fsp_slice_text(ranges[i][0]), fsp_slice_text(ranges[i][1]));
        ck_assert(!cursor->valid);
        ck_assert_int_eq(cursor->status, FSP_OK);
        fsp_cursor_destroy(&cursor);
    }
}
END_TEST

START_TEST(an_open_cursor_keeps_the_store_from_closing)
{
    fsp_cursor_t *cursor = fsp_view_scan(state(), fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    FSP_EXPECT_ABORT(fsp_store_close(&store, true, 2000));
    fsp_cursor_destroy(&cursor);
}
END_TEST

/* Short keys from few letters, so that they meet; sometimes empty, with zeros and 0xff. */
static fsp_slice_t
random_key(fsp_prng_t *prng, uint8_t *room)
{
    static const uint8_t letters[] = {0x00, 'a', 'b', 0x7f, 0x80, 0xff};
    size_t bytes = (size_t)fsp_prng_below(prng, 5);
    for (size_t i = 0; i < bytes; i++)
        room[i] = letters[fsp_prng_below(prng, sizeof(letters))];
    return fsp_slice(room, bytes);
}

static fsp_batch_t *
random_batch(fsp_prng_t *prng)
{
    static uint8_t value[9000];
    fsp_batch_t *batch = fsp_batch_new();
    size_t rows = (size_t)fsp_prng_below(prng, 12);
    for (size_t i = 0; i < rows; i++) {
        uint8_t rooms[2][8];
        fsp_slice_t key = random_key(prng, rooms[0]);
        /* LOG, STATE, OBJECT: in BYTES there are rows of places (test_objstore). */
        fsp_family_t family = (fsp_family_t)(1 + fsp_prng_below(prng, FSP_FAMILY_BYTES - 1));
        uint64_t kind = fsp_prng_below(prng, 10);
        if (kind < 7) {
            size_t bytes = (size_t)fsp_prng_below(prng, kind < 6 ? 20 : sizeof(value));
            fsp_prng_fill(prng, value, bytes);
            fsp_batch_put(batch, family, key, fsp_slice(value, bytes));
        } else if (kind < 9) {
            fsp_batch_delete(batch, family, key);
        } else {
            fsp_slice_t to = random_key(prng, rooms[1]);
            if (fsp_slice_cmp(key, to) <= 0)
                fsp_batch_delete_range(batch, family, key, to);
        }
    }
    return batch;
}

static void
expect_equal_scan(fsp_view_t *expected, fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    fsp_cursor_t *a = fsp_view_scan(expected, from, to);
    fsp_cursor_t *b = fsp_view_scan(view, from, to);
    while (a->valid && b->valid) {
        ck_assert(fsp_slice_eq(a->key, b->key));
        ck_assert(fsp_slice_eq(a->value, b->value));
        fsp_cursor_next(a);
        fsp_cursor_next(b);
    }
    ck_assert(a->valid == b->valid);
    ck_assert_int_eq(b->status, FSP_OK);
    fsp_cursor_destroy(&a);
    fsp_cursor_destroy(&b);
}

static void
expect_equal_get(fsp_view_t *expected, fsp_view_t *view, fsp_slice_t key)
{
    fsp_buf_t a, b;
    fsp_buf_init(&a, 10000);
    fsp_buf_init(&b, 10000);
    ck_assert_int_eq(fsp_view_get(expected, key, &a), fsp_view_get(view, key, &b));
    ck_assert(fsp_slice_eq(fsp_buf_slice(&a), fsp_buf_slice(&b)));
    fsp_buf_clear(&a);
    fsp_buf_clear(&b);
}

START_TEST(random_rows_read_as_from_memory)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(20260101));
    fsp_memview_t *memory[FSP_FAMILY_COUNT];
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        memory[i] = fsp_memview_new();
    for (int round = 0; round < 400; round++) {
        fsp_batch_t *batches[2] = {random_batch(&prng), random_batch(&prng)};
        fsp_error_t error;
        ck_assert_int_eq(fsp_store_write(store, batches, 2, &error), FSP_OK);
        for (int i = 1; i < FSP_FAMILY_COUNT; i++) {
            fsp_memview_apply(memory[i], batches[0], (fsp_family_t)i);
            fsp_memview_apply(memory[i], batches[1], (fsp_family_t)i);
        }
        fsp_batch_destroy(&batches[0]);
        fsp_batch_destroy(&batches[1]);
        if (round % 50 == 49) { /* what lay in memory moves to tables, or is redone */
            ck_assert_int_eq(fsp_store_keep_state(store, &error), FSP_OK);
            fsp_store_close(&store, round % 100 == 99, 0);
            store = storekit_open(directory, &fresh);
        }
        for (int i = 1; i < FSP_FAMILY_COUNT; i++) {
            fsp_view_t *expected = fsp_memview_view(memory[i]);
            fsp_view_t *view = fsp_store_view(store, (fsp_family_t)i);
            uint8_t rooms[2][8];
            fsp_slice_t from = random_key(&prng, rooms[0]), to = random_key(&prng, rooms[1]);
            expect_equal_get(expected, view, from);
            expect_equal_scan(expected, view, from, to);
            expect_equal_scan(expected, view, from, fsp_slice(NULL, 0));
            if (round % 50 >= 48)
                expect_equal_scan(expected, view, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
        }
    }
    for (int i = 0; i < FSP_FAMILY_COUNT; i++)
        fsp_memview_destroy(&memory[i]);
}
END_TEST

/* -- frozen ------------------------------------------------------------------------------------ */

static void
expect_value(fsp_view_t *view, const char *key, const char *value)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 100);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text(key), &buf), value ? FSP_OK : FSP_NOT_FOUND);
    ck_assert(!value || fsp_slice_eq(fsp_buf_slice(&buf), fsp_slice_text(value)));
    fsp_buf_clear(&buf);
}

static fsp_dbview_t *
state_view(void)
{
    return (fsp_dbview_t *)state();
}

START_TEST(a_frozen_view_sees_neither_later_writes_nor_range_deletions)
{
    storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    storekit_put(store, FSP_FAMILY_STATE, "b", "2");
    storekit_put(store, FSP_FAMILY_STATE, "d", "4");
    fsp_view_t *frozen = fsp_view_freeze(state());
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete_range(batch, FSP_FAMILY_STATE, fsp_slice_text("a"), fsp_slice_text("c"));
    fsp_batch_delete(batch, FSP_FAMILY_STATE, fsp_slice_text("d"));
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("b"), fsp_slice_text("new"));
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("c"), fsp_slice_text("3"));
    storekit_write(store, &batch);
    if (_i == 1) /* out of memory, where superseded rows are dropped unless a snapshot sees them */
        fsp_db_flush_above(state_view()->db, 0);
    static const char *const old[][2] = {{"a", "1"}, {"b", "2"}, {"d", "4"}};
    fsp_cursor_t *cursor = fsp_view_scan(frozen, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    for (size_t i = 0; i < 3; i++) {
        ck_assert(cursor->valid && fsp_slice_eq(cursor->key, fsp_slice_text(old[i][0])));
        ck_assert(fsp_slice_eq(cursor->value, fsp_slice_text(old[i][1])));
        expect_value(frozen, old[i][0], old[i][1]);
        fsp_cursor_next(cursor);
    }
    ck_assert(!cursor->valid);
    ck_assert_int_eq(cursor->status, FSP_OK);
    fsp_cursor_destroy(&cursor);
    expect_value(frozen, "c", NULL);
    expect_value(state(), "a", NULL);
    expect_value(state(), "b", "new");
    fsp_view_t *later = fsp_view_freeze(state()); /* each has its own moment */
    storekit_put(store, FSP_FAMILY_STATE, "b", "newer");
    expect_value(later, "b", "new");
    expect_value(frozen, "b", "2");
    ck_assert(!fsp_view_freeze(frozen));
    fsp_view_thaw(&frozen);
    ck_assert(!frozen);
    expect_value(later, "c", "3");
    fsp_view_thaw(&later);
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 0);
}
END_TEST

START_TEST(a_frozen_view_is_lent)
{
    fsp_view_t *frozen = fsp_view_freeze(state());
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 1);
    FSP_EXPECT_ABORT(fsp_store_close(&store, true, 2000));
    fsp_cursor_t *cursor = fsp_view_scan(frozen, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 2);
    FSP_EXPECT_ABORT(fsp_view_thaw(&frozen));
    fsp_cursor_destroy(&cursor);
    fsp_view_thaw(&frozen);
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 0);
}
END_TEST

START_TEST(a_frozen_view_has_its_time)
{
    enum { LIFE_US = 50 * 1000, WAITS_MAX = 1000 };
    ck_assert_uint_eq(state_view()->frozen_us_max, FSP_DBVIEW_FROZEN_S * 1000000ULL);
    storekit_put(store, FSP_FAMILY_STATE, "a", "1");
    storekit_put(store, FSP_FAMILY_STATE, "b", "2");
    state_view()->frozen_us_max = 0;
    fsp_view_t *over = fsp_view_freeze(state());
    fsp_buf_t buf;
    fsp_buf_init(&buf, 100);
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 1);
    ck_assert_int_eq(fsp_view_get(over, fsp_slice_text("a"), &buf), FSP_GONE);
    ck_assert_uint_eq(buf.bytes, 0);
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 0); /* by the reader itself */
    fsp_cursor_t *cursor = fsp_view_scan(over, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    ck_assert(!cursor->valid);
    ck_assert_int_eq(cursor->status, FSP_GONE);
    fsp_cursor_destroy(&cursor);
    fsp_view_thaw(&over);
    /* A cursor that stands on it goes on to its end; nothing new begins. */
    state_view()->frozen_us_max = LIFE_US;
    fsp_view_t *frozen = fsp_view_freeze(state());
    cursor = fsp_view_scan(frozen, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    ck_assert(cursor->valid);
    storekit_put(store, FSP_FAMILY_STATE, "b", "new");
    int waits = 0;
    while (fsp_view_get(frozen, fsp_slice_text("b"), &buf) != FSP_GONE && ++waits < WAITS_MAX)
        fsp_suite_pause_us(5000);
    ck_assert_int_lt(waits, WAITS_MAX);
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 2);
    fsp_cursor_next(cursor);
    ck_assert(cursor->valid && fsp_slice_eq(cursor->value, fsp_slice_text("2")));
    fsp_cursor_destroy(&cursor);
    ck_assert_int_eq(fsp_view_get(frozen, fsp_slice_text("b"), &buf), FSP_GONE);
    ck_assert_uint_eq(fsp_db_lent(state_view()->db), 0);
    fsp_view_thaw(&frozen);
    fsp_buf_clear(&buf);
}
END_TEST

START_TEST(frozen_random_rows_stay_as_in_memory)
{
    enum { FROZEN = 4 };
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(20260202));
    fsp_memview_t *memory = fsp_memview_new();
    fsp_view_t *expected[FROZEN] = {NULL}, *frozen[FROZEN] = {NULL};
    size_t compared = 0;
    for (int round = 0; round < 400; round++) {
        fsp_batch_t *batch = random_batch(&prng);
        fsp_error_t error;
        ck_assert_int_eq(fsp_store_write(store, &batch, 1, &error), FSP_OK);
        fsp_memview_apply(memory, batch, FSP_FAMILY_STATE);
        fsp_batch_destroy(&batch);
        if (fsp_prng_chance(&prng, 1, 30))
            fsp_db_flush_above(state_view()->db, 0);
        size_t slot = (size_t)fsp_prng_below(&prng, FROZEN);
        if (frozen[slot] && fsp_prng_chance(&prng, 1, 10)) {
            fsp_view_thaw(&frozen[slot]);
            fsp_view_thaw(&expected[slot]);
        } else if (!frozen[slot]) {
            frozen[slot] = fsp_view_freeze(state());
            expected[slot] = fsp_view_freeze(fsp_memview_view(memory));
        }
        for (size_t i = 0; i < FROZEN; i++) {
            if (!frozen[i])
                continue;
            uint8_t rooms[2][8];
            fsp_slice_t from = random_key(&prng, rooms[0]), to = random_key(&prng, rooms[1]);
            expect_equal_get(expected[i], frozen[i], from);
            expect_equal_scan(expected[i], frozen[i], from, to);
            expect_equal_scan(expected[i], frozen[i], fsp_slice(NULL, 0), fsp_slice(NULL, 0));
            compared++;
        }
    }
    ck_assert_uint_gt(compared, 400);
    for (size_t i = 0; i < FROZEN; i++) {
        fsp_view_thaw(&frozen[i]);
        fsp_view_thaw(&expected[i]);
    }
    fsp_memview_destroy(&memory);
}
END_TEST

/* Reopens, so that all rows lie in tables, and flips a byte of every one of them. */
static void
rot_tables(void)
{
    fsp_store_close(&store, true, 0);
    store = storekit_open(directory, &fresh);
    for (int i = 1; i < 100; i++) {
        char name[40];
        (void)snprintf(name, sizeof(name), "db/%06d.sst", i);
        const char *path = scratch_path(directory, name);
        if (access(path, F_OK) == 0)
            scratch_flip(path, 20);
    }
}

START_TEST(rotten_rows_are_damage_not_absence)
{
    /* So that the kept row, which is read at open, lies in another block; longer ones would lie in
       a blob file. */
    static uint8_t more[1500];
    fsp_prng_t prng;
    fsp_prng_init(&prng, 1);
    fsp_prng_fill(&prng, more, sizeof(more));
    storekit_put(store, FSP_FAMILY_STATE, "key", "a value that lies in the first block");
    fsp_batch_t *batch = fsp_batch_new();
    for (char name[] = "more 0"; name[5] < '9'; name[5]++)
        fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text(name), fsp_slice(more, sizeof(more)));
    storekit_write(store, &batch);
    rot_tables();
    fsp_buf_t buf;
    fsp_buf_init(&buf, 100);
    ck_assert_int_eq(fsp_view_get(state(), fsp_slice_text("key"), &buf), FSP_DAMAGED);
    ck_assert_uint_eq(buf.bytes, 0);
    fsp_buf_clear(&buf);
    fsp_cursor_t *cursor = fsp_view_scan(state(), fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    ck_assert(!cursor->valid);
    ck_assert_int_eq(cursor->status, FSP_DAMAGED);
    fsp_cursor_destroy(&cursor);
}
END_TEST

START_TEST(words_of_the_database_have_a_status)
{
    static const struct {
        const char *words;
        fsp_status_t status;
    } cases[] = {
        {"Corruption: block checksum mismatch", FSP_DAMAGED},
        {"IO error: No such file or directory: While open a file: 1.sst", FSP_DAMAGED},
        {"IO error: No space left on device: While appending", FSP_IO},
        {"IO error: lock hold by current process, acquire time 1", FSP_LOCK_HELD},
        {"IO error: While lock file: db/LOCK: Resource temporarily unavailable", FSP_LOCK_HELD},
        {"Invalid argument: Column families not opened: next", FSP_FORMAT_NEWER},
        {"Invalid argument: Column family not found: log", FSP_DAMAGED},
        {"Invalid argument: db: does not exist (create_if_missing is false)", FSP_DAMAGED},
        {"Not implemented: Unsupported table format", FSP_FORMAT_NEWER},
        {"Operation aborted: ", FSP_IO},
        {"", FSP_IO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(fsp_dbtext_status(cases[i].words) == cases[i].status, "%s", cases[i].words);
}
END_TEST

/* Idle memory is promised: what was read once does not stay in the cache for ever. */
START_TEST(what_was_read_is_let_go_when_told)
{
    enum { ROWS = 2000, VALUE_BYTES = 1000 };
    static uint8_t value[VALUE_BYTES];
    char key[16];
    fsp_db_t *db = state_view()->db;
    fsp_prng_t prng;
    fsp_prng_init(&prng, 1);
    fsp_batch_t *batch = fsp_batch_new();
    for (int i = 0; i < ROWS; i++) {
        fsp_prng_fill(&prng, value, VALUE_BYTES); /* nothing to compress */
        (void)snprintf(key, sizeof(key), "%06d", i);
        fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text(key), fsp_slice(value, VALUE_BYTES));
    }
    storekit_write(store, &batch);
    fsp_db_flush_above(db, 0);
    for (int i = 0; i < 1000 && fsp_db_unwritten_bytes(db) > 1000 * 1000; i++)
        fsp_suite_pause_us(10000);
    uint64_t before = fsp_db_reads(db);
    fsp_buf_t buf;
    fsp_buf_init(&buf, 4096);
    for (int round = 0; round < 2; round++) { /* after it the next reads are kept again */
        for (int i = 0; i < ROWS; i++) {
            (void)snprintf(key, sizeof(key), "%06d", i);
            fsp_buf_reset(&buf);
            ck_assert_int_eq(fsp_view_get(state(), fsp_slice_text(key), &buf), FSP_OK);
        }
        ck_assert_uint_gt(fsp_db_cached_bytes(db), 1500 * 1000);
        fsp_db_forget_above(db, 256 * 1024);
        ck_assert_uint_lt(fsp_db_cached_bytes(db), 600 * 1000); /* what is pinned stays */
    }
    ck_assert_uint_eq(fsp_db_reads(db) - before, 2 * ROWS);
    fsp_buf_clear(&buf);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dbview");
    TCase *tests = tcase_create("dbview");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, get_tells_absent_from_too_large);
    tcase_add_test(tests, families_do_not_see_each_other);
    tcase_add_test(tests, a_cursor_does_not_see_later_writes);
    tcase_add_test(tests, empty_and_backward_ranges_hold_nothing);
    tcase_add_test(tests, an_open_cursor_keeps_the_store_from_closing);
    tcase_add_test(tests, random_rows_read_as_from_memory);
    tcase_add_loop_test(tests, a_frozen_view_sees_neither_later_writes_nor_range_deletions, 0, 2);
    tcase_add_test(tests, a_frozen_view_is_lent);
    tcase_add_test(tests, a_frozen_view_has_its_time);
    tcase_add_test(tests, frozen_random_rows_stay_as_in_memory);
    tcase_add_test(tests, rotten_rows_are_damage_not_absence);
    tcase_add_test(tests, what_was_read_is_let_go_when_told);
    tcase_add_test(tests, words_of_the_database_have_a_status);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
