/* SPDX-License-Identifier: MIT */
/* test_journal - what is put comes back; files go when nothing needs them; readers.  Layer tests.
 */
#include "tests/unit/store/journalkit.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <stdatomic.h>

static char *directory;
static char path[600];
static journalkit_t kit;

static void
set_up(void)
{
    directory = scratch_make();
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    journalkit_init(&kit, path, 1);
}

static void
tear_down(void)
{
    journalkit_clear(&kit);
    scratch_end(&directory);
}

static fsp_batch_t *
one(fsp_family_t family, const char *key, size_t bytes)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_blob_t *blob = fsp_blob_new(bytes);
    memset(fsp_blob_writable(blob), key[0], bytes);
    fsp_batch_put_blob(batch, family, fsp_slice_text(key), blob);
    fsp_blob_destroy(&blob);
    return batch;
}

static fsp_batch_t *
gone(const char *key)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_slice_text(key));
    return batch;
}

/* One group with one row. */
static void
write_one(fsp_family_t family, const char *key, size_t bytes)
{
    journalkit_write(&kit, kit.sequence + 1, one(family, key, bytes));
}

static fsp_journal_info_t
info(void)
{
    fsp_journal_info_t found;
    fsp_journal_info(kit.journal, &found);
    return found;
}

static void
release(bool tight)
{
    fsp_journal_release(kit.journal, kit.kept, tight);
}

/* Files with a journal's name in the directory. */
static size_t
file_count(void)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    fsp_error_t error;
    ck_assert_int_eq(fsp_journalscan_list(path, &numbers, &count, &error), FSP_OK);
    free(numbers);
    return count;
}

/* -- what is put comes back -------------------------------------------------------------------- */

START_TEST(an_empty_journal_makes_no_file_until_its_first_commit)
{
    fsp_journal_found_t found = journalkit_open(&kit);
    ck_assert(!found.any);
    ck_assert_int_ne(access(path, F_OK), 0);
    release(false);
    ck_assert_int_ne(access(path, F_OK), 0);
    fsp_journal_close(&kit.journal);
    ck_assert_int_ne(access(path, F_OK), 0);
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOG, "a", 10);
    ck_assert_int_eq((int)scratch_size(journalkit_file(&kit, 1)), JOURNALKIT_FILE_BYTES);
    ck_assert_uint_eq(file_count(), 1);
}
END_TEST

START_TEST(rows_count_when_they_are_committed)
{
    (void)journalkit_open(&kit);
    fsp_buf_t value;
    fsp_buf_init(&value, 100);
    fsp_batch_t *batch = one(FSP_FAMILY_LOG, "key", 50);
    journalkit_put(&kit, batch);
    ck_assert(fsp_journal_waiting(kit.journal));
    fsp_view_t *view = fsp_journal_view(kit.journal);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("key"), &value), FSP_NOT_FOUND);
    journalkit_commit(&kit, 7);
    journalkit_model(&kit, 7, batch);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("key"), &value), FSP_OK);
    ck_assert_uint_eq(value.bytes, 50);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("key"), &value), FSP_OK);
    ck_assert_uint_eq(value.bytes, 100); /* appended */
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("key"), &value), FSP_TOO_LARGE);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("ke"), &value), FSP_NOT_FOUND);
    ck_assert(fsp_view_freeze(view) == NULL);
    fsp_buf_clear(&value);
}
END_TEST

START_TEST(what_was_not_committed_is_lost)
{
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOG, "a", 10);
    fsp_batch_t *batch = one(FSP_FAMILY_LOG, "b", 10);
    journalkit_put(&kit, batch);
    fsp_batch_destroy(&batch);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* The newest record says what its writer knew, also one without rows and with the same sequence. */
START_TEST(an_empty_record_says_what_is_kept)
{
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOCAL, "a", 10);
    journalkit_keep_all(&kit);
    kit.kept[FSP_FAMILY_STATE] = 1;
    journalkit_commit(&kit, 1);
    fsp_journal_close(&kit.journal);
    fsp_journal_found_t found = journalkit_open(&kit);
    for (size_t family = 0; family < FSP_FAMILY_COUNT; family++)
        ck_assert_uint_eq(found.kept[family], family == FSP_FAMILY_LOG ? 0 : 1);
    kit.kept[FSP_FAMILY_OBJECT] = 2; /* what release is told is no matter of records */
    release(false);
    kit.kept[FSP_FAMILY_OBJECT] = 1;
    journalkit_commit(&kit, 1);
    journalkit_commit(&kit, 5);
    kit.sequence = 5;
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* One row, one file; the next record begins another. */
START_TEST(a_record_may_be_larger_than_a_file)
{
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOG, "small", 100);
    write_one(FSP_FAMILY_LOG, "large", 3 * JOURNALKIT_FILE_BYTES);
    write_one(FSP_FAMILY_LOG, "next", 100);
    ck_assert_uint_eq(info().files, 3);
    ck_assert_int_gt((int)scratch_size(journalkit_file(&kit, 2)), 3 * JOURNALKIT_FILE_BYTES);
    journalkit_check(&kit);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
    journalkit_write(&kit, kit.sequence + 1, gone("small"));
    journalkit_write(&kit, kit.sequence + 1, gone("large"));
    release(false);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_int_ne(access(journalkit_file(&kit, 2), F_OK), 0); /* no use for another */
    ck_assert_uint_eq(info().spare_bytes, JOURNALKIT_FILE_BYTES);
    journalkit_check(&kit);
}
END_TEST

/* Fills files until it has begun `count` more, with rows of one key. */
static void
fill_files(fsp_family_t family, const char *key, uint64_t count)
{
    uint64_t end = info().newest + count;
    while (info().newest < end)
        write_one(family, key, 20000);
}

START_TEST(a_file_goes_when_the_database_has_its_rows)
{
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_OBJECT, "o", 1000);
    fill_files(FSP_FAMILY_OBJECT, "o", 1);
    uint64_t first = kit.sequence - 1; /* the last group in file 1 */
    fill_files(FSP_FAMILY_BYTES, "b", 2);
    release(false);
    ck_assert_uint_eq(fsp_journal_holds(kit.journal, FSP_FAMILY_OBJECT), first);
    ck_assert_uint_eq(fsp_journal_holds(kit.journal, FSP_FAMILY_BYTES), 0);
    ck_assert_uint_eq(fsp_journal_holds(kit.journal, FSP_FAMILY_LOCAL), 0);
    ck_assert_uint_eq(fsp_journal_holds(kit.journal, FSP_FAMILY_STATE), 0);
    ck_assert_uint_eq(fsp_journal_holds(kit.journal, FSP_FAMILY_LOG), 0);
    journalkit_keep(&kit, FSP_FAMILY_OBJECT, first - 1);
    release(false);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_uint_eq(info().oldest, 1);
    journalkit_keep(&kit, FSP_FAMILY_OBJECT, first);
    release(false);
    ck_assert_int_eq(access(journalkit_file(&kit, 1), F_OK), 0); /* no record says it yet */
    ck_assert_uint_eq(info().oldest, 1);
    ck_assert_uint_eq(info().released_bytes, JOURNALKIT_FILE_BYTES);
    journalkit_commit(&kit, kit.sequence);
    ck_assert_uint_eq(info().released_bytes, 0);
    ck_assert_uint_eq(info().spare_bytes, 0);
    release(false);
    ck_assert_uint_eq(info().oldest, 2);
    ck_assert_uint_eq(info().spare_bytes, JOURNALKIT_FILE_BYTES);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
    journalkit_keep_all(&kit);
    release(false);
    journalkit_commit(&kit, kit.sequence); /* in a file of its own */
    release(false);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_uint_eq(info().files, 1);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

START_TEST(a_file_stays_while_a_row_in_it_lives)
{
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOG, "old", 10);
    fill_files(FSP_FAMILY_OBJECT, "o", 2);
    journalkit_keep_all(&kit);
    release(false);
    ck_assert_uint_eq(fsp_journal_holds(kit.journal, FSP_FAMILY_LOG), 1);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_uint_eq(info().oldest, 1);
    write_one(FSP_FAMILY_LOG, "old", 11); /* another one in its place */
    release(false);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_uint_eq(info().oldest, info().newest);
    journalkit_check(&kit);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

START_TEST(spare_files_are_used_again_and_bounded)
{
    (void)journalkit_open(&kit);
    fill_files(FSP_FAMILY_OBJECT, "o", 9);
    journalkit_keep_all(&kit);
    release(false);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_uint_eq(info().files, 1);
    ck_assert_uint_eq(info().spare_bytes, (FSP_JOURNAL_FILES - 1) * JOURNALKIT_FILE_BYTES);
    ck_assert_uint_eq(file_count(), FSP_JOURNAL_FILES);
    fill_files(FSP_FAMILY_OBJECT, "o", FSP_JOURNAL_FILES - 1);
    ck_assert_uint_eq(info().spare_bytes, 0);
    ck_assert_uint_eq(file_count(), FSP_JOURNAL_FILES); /* none was made */
    ck_assert_uint_eq(info().bytes, FSP_JOURNAL_FILES * JOURNALKIT_FILE_BYTES);
    journalkit_keep_all(&kit);
    release(true);
    journalkit_commit(&kit, kit.sequence);
    release(true);
    ck_assert_uint_eq(file_count(), 1); /* the disk is nearly full */
    fill_files(FSP_FAMILY_OBJECT, "o", 1);
    ck_assert_int_lt((int)scratch_size(journalkit_file(&kit, info().newest)),
                     JOURNALKIT_FILE_BYTES); /* and no room is taken ahead */
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* -- full, and moves --------------------------------------------------------------------------- */

START_TEST(a_full_journal_moves_what_lives_in_its_oldest_file)
{
    (void)journalkit_open(&kit);
    char key[32];
    write_one(FSP_FAMILY_OBJECT, "o", 100);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(key, sizeof(key), "live %d", i);
        write_one(FSP_FAMILY_LOG, key, 100);
    }
    fill_files(FSP_FAMILY_OBJECT, "o", FSP_JOURNAL_FILES - 1);
    ck_assert(!fsp_journal_full(kit.journal));
    journalkit_move(&kit); /* not full: nothing to do */
    ck_assert_uint_eq(kit.moved, 0);
    fill_files(FSP_FAMILY_OBJECT, "o", 2);
    ck_assert(fsp_journal_full(kit.journal));
    release(false);
    journalkit_move(&kit); /* the database holds it back */
    ck_assert_uint_eq(kit.moved, 0);
    journalkit_keep_all(&kit);
    release(false);
    ck_assert(fsp_journal_full(kit.journal));
    journalkit_move(&kit);
    ck_assert_uint_eq(kit.moved, 1);
    release(false);
    ck_assert(!fsp_journal_full(kit.journal)); /* though the files are still there */
    journalkit_move(&kit);
    ck_assert_uint_eq(kit.moved, 1);
    journalkit_check(&kit);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_uint_eq(info().files, 1);
    journalkit_check(&kit);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* More than is moved at a time, in one file: it takes several groups, and each goes on where the
   one before stopped. */
START_TEST(moves_are_bounded)
{
    enum { ROWS = 30, ROW_BYTES = 500000 };
    kit.config.file_bytes = 64 * 1024;
    (void)journalkit_open(&kit);
    fsp_batch_t *batch = fsp_batch_new();
    for (int i = 0; i < ROWS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "live %02d", i);
        fsp_batch_t *row = one(FSP_FAMILY_LOG, key, ROW_BYTES);
        fsp_batch_append(batch, &row);
    }
    journalkit_write(&kit, 1, batch);
    for (int i = 0; i < 2 * ROWS + 10; i++) /* twice what lives, so that it is full */
        write_one(FSP_FAMILY_OBJECT, "o", ROW_BYTES);
    journalkit_keep_all(&kit);
    release(false);
    ck_assert(fsp_journal_full(kit.journal));
    uint64_t before = info().newest;
    for (int i = 0; i < 100 && fsp_journal_full(kit.journal); i++) {
        uint64_t moved = kit.moved;
        journalkit_move(&kit);
        ck_assert_uint_eq(kit.moved, moved + 1);
        ck_assert_int_le((int)scratch_size(journalkit_file(&kit, info().newest)),
                         FSP_JOURNAL_MOVE_BYTES + ROW_BYTES + 64 * 1024);
        release(false);
    }
    ck_assert(!fsp_journal_full(kit.journal));
    ck_assert_uint_eq(info().newest - before, kit.moved);
    ck_assert_uint_ge(kit.moved, ROWS * (uint64_t)ROW_BYTES / (FSP_JOURNAL_MOVE_BYTES + ROW_BYTES));
    journalkit_check(&kit);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_uint_gt(info().oldest, 1);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* -- histories --------------------------------------------------------------------------------- */

/* What a store does, in any order. */
static void
random_step(fsp_prng_t *prng)
{
    uint64_t sequence = kit.sequence + 1 + fsp_prng_below(prng, 3);
    journalkit_write(&kit, sequence, journalkit_group(kit.seed, sequence));
    if (fsp_prng_chance(prng, 1, 6)) {
        fsp_family_t family = (fsp_family_t)fsp_prng_below(prng, FSP_FAMILY_COUNT);
        if (journalkit_feeds(family))
            journalkit_keep(&kit, family, fsp_prng_below(prng, kit.sequence + 1));
    }
    if (fsp_prng_chance(prng, 1, 4))
        release(fsp_prng_chance(prng, 1, 10));
    if (fsp_journal_full(kit.journal)) {
        journalkit_keep_all(&kit);
        release(false);
        journalkit_move(&kit);
    }
    if (fsp_prng_chance(prng, 1, 10))
        journalkit_commit(&kit, kit.sequence);
    if (fsp_prng_chance(prng, 1, 20))
        journalkit_check(&kit);
    if (fsp_prng_chance(prng, 1, 25)) {
        fsp_journal_close(&kit.journal);
        (void)journalkit_open(&kit);
    }
}

START_TEST(random_histories_are_what_a_model_says)
{
    uint64_t seed = fsp_suite_seed(7), moved = 0;
    for (uint64_t round = 0; round < 12; round++) {
        journalkit_clear(&kit);
        scratch_remove(path);
        journalkit_init(&kit, path, seed + round);
        kit.config.sync = round == 0; /* the others need not wait */
        (void)journalkit_open(&kit);
        fsp_prng_t prng;
        fsp_prng_init(&prng, seed + round);
        while (kit.sequence < (kit.config.sync ? 400 : 1200))
            random_step(&prng);
        ck_assert_uint_gt(info().oldest, 1);
        moved += kit.moved;
        fsp_journal_close(&kit.journal);
        (void)journalkit_open(&kit);
    }
    ck_assert_uint_gt(moved, 0);
}
END_TEST

/* -- readers ----------------------------------------------------------------------------------- */

enum { READERS = 3, WINDOW = 64, ENTRIES = 3000 };

static atomic_uint_fast64_t first_entry, last_entry; /* those in between are there */
static atomic_bool stop;
static atomic_uint_fast64_t reads;

static size_t
entry_bytes(uint64_t entry)
{
    return 500 + (size_t)(fsp_mix64(entry) % 4000);
}

static fsp_slice_t
entry_key(uint64_t entry, uint8_t ret[8])
{
    fsp_store_u64(ret, entry);
    return fsp_slice(ret, 8);
}

static bool
is_entry(uint64_t entry, fsp_slice_t value)
{
    if (value.bytes != entry_bytes(entry))
        return false;
    for (size_t i = 0; i < value.bytes; i++)
        if (value.data[i] != (uint8_t)(entry + i))
            return false;
    return true;
}

static bool
read_some(fsp_view_t *view, fsp_prng_t *prng, fsp_buf_t *buf)
{
    uint8_t key[8];
    uint64_t low = atomic_load(&first_entry), high = atomic_load(&last_entry);
    if (high <= low)
        return true;
    uint64_t entry = low + fsp_prng_below(prng, high - low + 1);
    fsp_buf_reset(buf);
    fsp_status_t status = fsp_view_get(view, entry_key(entry, key), buf);
    /* It may be gone only if it is gone now. */
    if (status == FSP_NOT_FOUND ? entry >= atomic_load(&first_entry)
                                : status != FSP_OK || !is_entry(entry, fsp_buf_slice(buf)))
        return false;
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_slice(key, 8), fsp_slice(NULL, 0));
    bool good = true;
    for (unsigned i = 0; i < 20 && cursor->valid && good; i++) {
        good = is_entry(fsp_load_u64(cursor->key.data), cursor->value);
        if (fsp_prng_chance(prng, 1, 8))
            fsp_suite_pause_us(200); /* so that its file is released under it */
        fsp_cursor_next(cursor);
    }
    good = good && cursor->status == FSP_OK;
    fsp_cursor_destroy(&cursor);
    atomic_fetch_add(&reads, 1);
    return good;
}

static void *
read_all(void *argument)
{
    fsp_prng_t prng;
    fsp_buf_t buf;
    fsp_prng_init(&prng, (uintptr_t)argument);
    fsp_buf_init(&buf, 10000);
    bool good = true;
    while (!atomic_load(&stop) && good)
        good = read_some(fsp_journal_view(kit.journal), &prng, &buf);
    fsp_buf_clear(&buf);
    return good ? NULL : argument;
}

static void
append_entry(uint64_t entry)
{
    uint8_t key[8], value[5000];
    fsp_batch_row_t row = {.op = FSP_ROW_PUT, .family = FSP_FAMILY_LOG};
    row.key = entry_key(entry, key);
    row.value = fsp_slice(value, entry_bytes(entry));
    for (size_t i = 0; i < row.value.bytes; i++)
        value[i] = (uint8_t)(entry + i);
    fsp_journal_put(kit.journal, &row);
    if (entry > WINDOW) {
        atomic_store(&first_entry, entry - WINDOW + 1);
        row = (fsp_batch_row_t){.op = FSP_ROW_DELETE, .family = FSP_FAMILY_LOG};
        row.key = entry_key(entry - WINDOW, key);
        fsp_journal_put(kit.journal, &row);
    }
    journalkit_commit(&kit, entry);
    atomic_store(&last_entry, entry);
}

START_TEST(readers_are_right_while_files_are_released_and_used_again)
{
    kit.config.sync = false;
    (void)journalkit_open(&kit);
    pthread_t threads[READERS];
    atomic_store(&first_entry, 1);
    for (uintptr_t i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, (void *)(i + 1)), 0);
    uint64_t entry = 0;
    while (entry < ENTRIES || (atomic_load(&reads) < 500 && entry < 100 * ENTRIES)) {
        append_entry(++entry);
        if (entry % 8 == 0)
            release(entry % 512 == 0);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        void *result = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert(result == NULL);
    }
    ck_assert_uint_gt(atomic_load(&reads), 0);
    ck_assert_uint_gt(info().oldest, 10);
    ck_assert_uint_eq(info().live_rows, WINDOW);
}
END_TEST

/* A cursor that stands still keeps its file, and no longer than it stands. */
START_TEST(a_file_that_is_read_waits)
{
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOG, "a", 100);
    write_one(FSP_FAMILY_LOG, "b", 100);
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_journal_view(kit.journal), fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    ck_assert(cursor->valid && cursor->value.bytes == 100 && cursor->value.data[0] == 'a');
    journalkit_write(&kit, kit.sequence + 1, gone("a"));
    journalkit_write(&kit, kit.sequence + 1, gone("b"));
    write_one(FSP_FAMILY_LOG, "c", 70000);
    release(false);
    journalkit_commit(&kit, kit.sequence);
    release(false);
    ck_assert_int_eq(access(journalkit_file(&kit, 1), F_OK), 0);
    ck_assert_uint_eq(info().oldest, 1);
    fsp_cursor_next(cursor); /* sees what is there now */
    ck_assert(cursor->valid && cursor->value.data[0] == 'c');
    release(false);
    ck_assert_uint_eq(info().spare_bytes, JOURNALKIT_FILE_BYTES);
    fsp_cursor_next(cursor);
    ck_assert(!cursor->valid && cursor->status == FSP_OK);
    fsp_cursor_destroy(&cursor);
}
END_TEST

START_TEST(a_cursor_has_bounds)
{
    (void)journalkit_open(&kit);
    static const char *const keys[] = {"a", "b", "ba", "c"};
    for (size_t i = 0; i < 4; i++)
        write_one(FSP_FAMILY_LOG, keys[i], 10);
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_journal_view(kit.journal), fsp_slice_text("b"), fsp_slice_text("c"));
    ck_assert(cursor->valid && fsp_slice_eq(cursor->key, fsp_slice_text("b")));
    fsp_cursor_next(cursor);
    ck_assert(cursor->valid && fsp_slice_eq(cursor->key, fsp_slice_text("ba")));
    fsp_cursor_next(cursor);
    ck_assert(!cursor->valid);
    fsp_cursor_destroy(&cursor);
}
END_TEST

/* -- others ------------------------------------------------------------------------------------ */

START_TEST(read_only_changes_nothing)
{
    (void)journalkit_open(&kit);
    fill_files(FSP_FAMILY_LOG, "l", 3);
    journalkit_keep_all(&kit);
    release(false);
    journalkit_commit(&kit, kit.sequence);
    fsp_journal_close(&kit.journal); /* file 1 to 3 are spare now */
    size_t files = file_count();
    kit.config.read_only = true;
    ck_assert_int_eq(chmod(path, 0500), 0);
    (void)journalkit_open(&kit);
    fsp_journal_close(&kit.journal);
    ck_assert_int_eq(chmod(path, 0700), 0);
    ck_assert_uint_eq(file_count(), files);
    fsp_journal_t *journal = NULL;
    fsp_error_t error;
    ck_assert_int_eq(fsp_journal_open(&kit.config, NULL, NULL, &journal, NULL, &error), FSP_OK);
    fsp_journal_close(&journal);
}
END_TEST

static fsp_journal_found_t told;

static fsp_status_t
refuse_row(void *context, uint64_t sequence, const fsp_batch_row_t *row, fsp_error_t *error)
{
    (void)row;
    ck_assert_uint_eq(sequence, 1);
    ck_assert(told.any && told.sequence == 2); /* before anything is replayed */
    *(int *)context += 1;
    return fsp_error_set(error, FSP_FORMAT_NEWER, "as told");
}

START_TEST(who_takes_the_rows_may_refuse)
{
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOCAL, "a", 10);
    write_one(FSP_FAMILY_LOCAL, "b", 10);
    fsp_journal_close(&kit.journal);
    fsp_error_t error;
    int calls = 0;
    ck_assert_int_eq(fsp_journal_open(&kit.config, refuse_row, &calls, &kit.journal, &told, &error),
                     FSP_FORMAT_NEWER);
    ck_assert_int_eq(calls, 1);
    ck_assert(kit.journal == NULL);
}
END_TEST

START_TEST(an_erased_journal_is_empty)
{
    fsp_error_t error;
    ck_assert_int_eq(fsp_journal_erase(path, &error), FSP_OK); /* not even a directory */
    (void)journalkit_open(&kit);
    fill_files(FSP_FAMILY_LOG, "l", 2);
    fsp_journal_close(&kit.journal);
    const char *other = scratch_path(path, "README");
    scratch_copy(journalkit_file(&kit, 1), other);
    ck_assert_int_eq(fsp_journal_erase(path, &error), FSP_OK);
    ck_assert_uint_eq(file_count(), 0);
    ck_assert_int_eq(access(scratch_path(path, "README"), F_OK), 0);
    journalkit_clear(&kit);
    journalkit_init(&kit, path, 2);
    (void)journalkit_open(&kit);
}
END_TEST

static Suite *
journal_suite(void)
{
    Suite *suite = suite_create("journal");
    TCase *group = tcase_create("journal");
    tcase_set_timeout(group, 300);
    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_add_test(group, an_empty_journal_makes_no_file_until_its_first_commit);
    tcase_add_test(group, rows_count_when_they_are_committed);
    tcase_add_test(group, what_was_not_committed_is_lost);
    tcase_add_test(group, an_empty_record_says_what_is_kept);
    tcase_add_test(group, a_record_may_be_larger_than_a_file);
    tcase_add_test(group, a_file_goes_when_the_database_has_its_rows);
    tcase_add_test(group, a_file_stays_while_a_row_in_it_lives);
    tcase_add_test(group, spare_files_are_used_again_and_bounded);
    tcase_add_test(group, a_full_journal_moves_what_lives_in_its_oldest_file);
    tcase_add_test(group, moves_are_bounded);
    tcase_add_test(group, random_histories_are_what_a_model_says);
    tcase_add_test(group, readers_are_right_while_files_are_released_and_used_again);
    tcase_add_test(group, a_file_that_is_read_waits);
    tcase_add_test(group, a_cursor_has_bounds);
    tcase_add_test(group, read_only_changes_nothing);
    tcase_add_test(group, who_takes_the_rows_may_refuse);
    tcase_add_test(group, an_erased_journal_is_empty);
    suite_add_tcase(suite, group);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(journal_suite());
}
