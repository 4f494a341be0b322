/* SPDX-License-Identifier: MIT */
/* test_storelives - a store that lives again and again: what its lives leave behind.  Layer tests.
 *
 * A close without a clean stop leaves what a killed process leaves.  FSP_SEED: other groups;
 * FSP_ROUNDS: how many lives.
 */
#include "core/base/prng.h"
#include "store/dbview.h"
#include "store/journal.h"
#include "store/readonly.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

enum {
    JOURNAL_BYTES = 64 * 1024,
    SEGMENT_BYTES = 1 << 20,
    TICK_US = 200 * 1000,
    FILES_MAX = 2 * FSP_JOURNAL_FILES, /* at most so many files' worth after any number of lives */
    LIVES = 40
};

static char *directory;
static fsp_store_t *store;
static fsp_time_t now;
static bool syncs;
static atomic_uint journal_syncs;

/* -- doors ------------------------------------------------------------------------------------- */

int
fdatasync(int fd)
{
    char link[64], path[512];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t bytes = readlink(link, path, sizeof(path) - 1);
    if (bytes > 0) {
        path[bytes] = '\0';
        if (strstr(path, "/journal/"))
            atomic_fetch_add(&journal_syncs, 1);
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void
open_store(void)
{
    fsp_store_config_t config = storekit_config(directory);
    config.journal_bytes = JOURNAL_BYTES;
    config.segment_bytes = SEGMENT_BYTES;
    config.sync = syncs;
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
    syncs = true;
    open_store();
}

static void
tear_down(void)
{
    fsp_store_close(&store, false, 0);
    scratch_end(&directory);
}

static void
tick(void)
{
    fsp_error_t error = {.text = ""};
    now += TICK_US;
    ck_assert_msg(fsp_store_tick(store, now, &error) == FSP_OK, "%s", error.text);
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

/* -- many lives -------------------------------------------------------------------------------- */

/* Also if nothing is ever written. */
START_TEST(clean_stops_leave_no_more_and_more_files)
{
    storekit_put(store, FSP_FAMILY_LOG, "base", "x");
    for (unsigned i = 0; i < LIVES; i++) {
        fsp_store_close(&store, true, 0);
        open_store();
        if (_i)
            tick();
    }
    ck_assert_uint_le(journal_bytes(), FILES_MAX * JOURNAL_BYTES);
    storekit_expect(store, FSP_FAMILY_LOG, "base", "x");
}
END_TEST

/* A life that ends right behind its first writes.  Each of them leaves a row of LOG that stays. */
START_TEST(killed_ones_leave_no_more_and_more_files)
{
    char key[16];
    for (unsigned i = 0; i < LIVES; i++) {
        (void)snprintf(key, sizeof(key), "entry %u", i);
        storekit_put(store, FSP_FAMILY_LOG, key, key);
        storekit_put(store, FSP_FAMILY_LOCAL, "row", key);
        if (_i)
            tick();
        fsp_store_close(&store, false, 0);
        open_store();
        storekit_expect(store, FSP_FAMILY_LOCAL, "row", key);
    }
    ck_assert_uint_le(journal_bytes(), FILES_MAX * JOURNAL_BYTES);
    for (unsigned i = 0; i < LIVES; i++) {
        (void)snprintf(key, sizeof(key), "entry %u", i);
        storekit_expect(store, FSP_FAMILY_LOG, key, key);
    }
}
END_TEST

/* -- the end of a life ------------------------------------------------------------------------- */

static void *
end_later(void *cursor_)
{
    fsp_cursor_t *cursor = cursor_;
    fsp_suite_pause_us(100 * 1000);
    fsp_cursor_destroy(&cursor);
    return NULL;
}

START_TEST(a_close_waits_for_cursors)
{
    fsp_family_t family = (fsp_family_t)_i;
    storekit_put(store, family, "row", "x");
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_store_view(store, family), (fsp_slice_t){0}, (fsp_slice_t){0});
    ck_assert(cursor->valid);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, end_later, cursor), 0);
    fsp_store_close(&store, true, 5000000);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    open_store();
    storekit_expect(store, family, "row", "x");
}
END_TEST

/* WATERMARK says afterwards that the journal is there. */
START_TEST(a_clean_stop_syncs_the_journal_with_sync_off)
{
    fsp_store_close(&store, true, 0);
    syncs = false;
    open_store();
    storekit_put(store, FSP_FAMILY_LOG, "row", "x");
    atomic_store(&journal_syncs, 0);
    fsp_store_close(&store, true, 0);
    ck_assert(atomic_load(&journal_syncs) > 0);
    open_store();
    ck_assert(storekit_clean(store));
}
END_TEST

/* -- families are written out one by one, at any moment --------------------------------------- */

enum { KEYS = 24, BIG = 66000 };
static uint64_t model[FSP_FAMILY_COUNT][KEYS]; /* group that wrote it last; 0: not there */

static fsp_slice_t
name_of(unsigned key, char ret[16])
{
    (void)snprintf(ret, 16, "key %02u", key);
    return fsp_slice_text(ret);
}

static size_t
bytes_of(fsp_family_t family, uint64_t group, unsigned key)
{
    uint64_t mix = fsp_mix64(group * 100 + key);
    return family == FSP_FAMILY_BYTES ? BIG + mix % 200000 : 8 + mix % (mix % 7 == 0 ? 60000 : 600);
}

static void
random_row(fsp_prng_t *prng, fsp_batch_t *batch, uint64_t group)
{
    static uint8_t value[BIG + 200000];
    fsp_family_t family = (fsp_family_t)fsp_prng_below(prng, FSP_FAMILY_COUNT);
    unsigned key = (unsigned)fsp_prng_below(prng, KEYS);
    char from[16], to[16];
    uint64_t what = fsp_prng_below(prng, 10);
    if (what == 0) {
        unsigned end = key + 1 + (unsigned)fsp_prng_below(prng, 6);
        end = end > KEYS ? KEYS : end;
        fsp_batch_delete_range(batch, family, name_of(key, from), name_of(end, to));
        for (; key < end; key++)
            model[family][key] = 0;
    } else if (what == 1) {
        fsp_batch_delete(batch, family, name_of(key, from));
        model[family][key] = 0;
    } else {
        size_t bytes = bytes_of(family, group, key);
        memset(value, (int)(group * 7 + key), bytes);
        fsp_store_u64(value, group);
        fsp_batch_put(batch, family, name_of(key, from), fsp_slice(value, bytes));
        model[family][key] = group;
    }
}

static void
check_key(fsp_family_t family, unsigned key, uint64_t group, uint64_t now_at)
{
    static fsp_buf_t buf;
    char name[16];
    fsp_buf_clear(&buf);
    fsp_buf_init(&buf, BIG + 200000);
    fsp_blob_t *blob = NULL;
    fsp_status_t status =
        family == FSP_FAMILY_BYTES
            ? fsp_store_read_bytes(store, family, name_of(key, name), 0, 0, &blob)
            : fsp_view_get(fsp_store_view(store, family), name_of(key, name), &buf);
    if (blob)
        fsp_buf_append_slice(&buf, fsp_blob_slice(blob));
    fsp_blob_destroy(&blob);
    ck_assert_msg(status == (group ? FSP_OK : FSP_NOT_FOUND), "family %d key %u: %s, at %llu",
                  (int)family, key, fsp_status_name(status), (unsigned long long)now_at);
    if (group == 0)
        return;
    ck_assert_uint_eq(fsp_load_u64(buf.data), group);
    ck_assert_uint_eq(buf.bytes, bytes_of(family, group, key));
    size_t i = 8;
    while (i < buf.bytes && buf.data[i] == (uint8_t)(group * 7 + key))
        i++;
    ck_assert_uint_eq(i, buf.bytes);
    fsp_buf_clear(&buf);
}

static void
check_all(uint64_t group)
{
    for (int family = 0; family < FSP_FAMILY_COUNT; family++)
        for (unsigned key = 0; key < KEYS && family != FSP_FAMILY_STATE; key++)
            check_key((fsp_family_t)family, key, model[family][key], group);
}

static void
print_fault(void *context, fsp_slice_t key, const char *words)
{
    (void)context;
    (void)fprintf(stderr, "%.*s: %s\n", (int)key.bytes, key.bytes ? (const char *)key.data : "",
                  words);
}

static void
check_segments(void)
{
    fsp_readonly_t *closed = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_readonly_open(directory, 0, &closed, &error) == FSP_OK, "%s", error.text);
    fsp_segcheck_t result = {.depth = FSP_SEGCHECK_BYTES, .fault = print_fault};
    fsp_readonly_segments(closed, &result);
    ck_assert_uint_eq(result.fault_count, 0);
    fsp_readonly_close(&closed);
}

static atomic_bool stop;

/* Another thread reads all the while; what it reads must be whole. */
static void *
read_on(void *unused)
{
    (void)unused;
    unsigned at = 0;
    fsp_buf_t buf;
    while (!atomic_load(&stop)) {
        char name[16];
        fsp_buf_init(&buf, BIG + 200000);
        fsp_status_t status =
            fsp_view_get(fsp_store_view(store, FSP_FAMILY_LOG), name_of(at++ % KEYS, name), &buf);
        if (status != FSP_NOT_FOUND)
            ck_assert_msg(status == FSP_OK, "a reader: %s", fsp_status_name(status));
        fsp_buf_clear(&buf);
        if (at % KEYS != 0)
            continue;
        fsp_cursor_t *rows = fsp_view_scan(fsp_store_view(store, FSP_FAMILY_LOG), (fsp_slice_t){0},
                                           (fsp_slice_t){0});
        for (; rows->valid; fsp_cursor_next(rows))
            if (rows->value.bytes < 8)
                abort();
        ck_assert_msg(rows->status == FSP_OK, "a scan: %s", fsp_status_name(rows->status));
        fsp_cursor_destroy(&rows);
    }
    return NULL;
}

START_TEST(families_go_their_own_way)
{
    fsp_prng_t prng;
    uint64_t rounds = getenv("FSP_ROUNDS") ? strtoull(getenv("FSP_ROUNDS"), NULL, 0) : 30;
    fsp_prng_init(&prng, fsp_suite_seed(88));
    memset(model, 0, sizeof(model));
    uint64_t group = 0;
    for (uint64_t round = 0; round < rounds; round++) {
        pthread_t reader;
        atomic_store(&stop, false);
        ck_assert_int_eq(pthread_create(&reader, NULL, read_on, NULL), 0);
        uint64_t groups = fsp_prng_below(&prng, round % 4 == 0 ? 4 : 60);
        for (uint64_t i = 0; i < groups; i++) {
            fsp_batch_t *batch = fsp_batch_new();
            uint64_t rows = fsp_prng_below(&prng, 6);
            group++;
            for (uint64_t j = 0; j < rows; j++)
                random_row(&prng, batch, group);
            storekit_write(store, &batch);
            if (fsp_prng_chance(&prng, 1, 6)) {
                fsp_error_t error = {.text = ""};
                fsp_db_t *db = ((fsp_dbview_t *)fsp_store_view(store, FSP_FAMILY_STATE))->db;
                ck_assert_int_eq(fsp_db_flush(db, (fsp_family_t)fsp_prng_below(&prng, 5),
                                              fsp_prng_chance(&prng, 1, 2), &error),
                                 FSP_OK);
            }
            if (fsp_prng_chance(&prng, 1, 3))
                tick();
        }
        if (fsp_prng_chance(&prng, 1, 3))
            check_all(group);
        atomic_store(&stop, true);
        (void)pthread_join(reader, NULL);
        bool clean = fsp_prng_chance(&prng, 1, 5);
        fsp_store_close(&store, clean, 0);
        if (fsp_prng_chance(&prng, 1, 2))
            check_segments();
        if (fsp_prng_chance(&prng, 1, 3)) { /* it crashes again at once */
            open_store();
            fsp_store_close(&store, false, 0);
        }
        open_store();
        check_all(group);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("storelives");
    TCase *tests = tcase_create("storelives");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, clean_stops_leave_no_more_and_more_files, 0, 2);
    tcase_add_loop_test(tests, killed_ones_leave_no_more_and_more_files, 0, 2);
    tcase_add_loop_test(tests, a_close_waits_for_cursors, 0, FSP_FAMILY_COUNT);
    tcase_add_test(tests, a_clean_stop_syncs_the_journal_with_sync_off);
    suite_add_tcase(suite, tests);
    TCase *families = tcase_create("families");
    tcase_add_checked_fixture(families, set_up, tear_down);
    tcase_set_timeout(families, 0);
    tcase_add_test(families, families_go_their_own_way);
    suite_add_tcase(suite, families);
    return fsp_suite_main(suite);
}
