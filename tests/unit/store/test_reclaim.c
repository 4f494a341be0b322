/* SPDX-License-Identifier: MIT */
/* test_reclaim - the room of deleted objects comes back, and what lives stays whole.  Layer tests.
 */
#include "core/base/alloc.h"
#include "core/base/prng.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

#include <sys/statvfs.h>

enum { OBJECTS = 60, OBJECT_BYTES = 1024 * 1024, LOOKS_MAX = 2000 };

static char *directory;
static fsp_store_t *store;
static fsp_time_t now;

static void
set_up(void)
{
    directory = scratch_make();
    bool fresh = false;
    store = storekit_open(directory, &fresh);
    now = 1;
}

static void
tear_down(void)
{
    fsp_store_close(&store, true, 0);
    scratch_remove(directory);
    free(directory);
}

static fsp_slice_t
key_of(unsigned number, uint8_t key[4])
{
    fsp_store_u32(key, number);
    return fsp_slice(key, 4);
}

static void
fill(uint8_t *bytes, unsigned number)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, number + 1);
    fsp_prng_fill(&prng, bytes, OBJECT_BYTES);
}

static void
put_all(void)
{
    uint8_t key[4], *bytes = fsp_alloc(OBJECT_BYTES);
    for (unsigned i = 0; i < OBJECTS; i++) {
        fill(bytes, i);
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_put(batch, FSP_FAMILY_BYTES, key_of(i, key), fsp_slice(bytes, OBJECT_BYTES));
        storekit_write(store, &batch);
    }
    fsp_free(bytes);
}

/* Bytes on the disk of the files of one directory. */
static uint64_t
used_in(const char *name)
{
    DIR *files = opendir(scratch_path(directory, name));
    ck_assert_ptr_nonnull(files);
    uint64_t bytes = 0;
    for (struct dirent *entry; (entry = readdir(files));) {
        struct stat found;
        if (fstatat(dirfd(files), entry->d_name, &found, 0) == 0 && S_ISREG(found.st_mode))
            bytes += (uint64_t)found.st_blocks * 512;
    }
    (void)closedir(files);
    return bytes;
}

static uint64_t
used(void)
{
    return used_in("db") + used_in("segments");
}

/* Ticks, in a time of its own, until no more than that is used. */
static bool
shrinks_to(uint64_t bytes)
{
    for (int i = 0; i < LOOKS_MAX; i++) {
        fsp_error_t error = {.text = ""};
        now += 200 * 1000;
        ck_assert_msg(fsp_store_tick(store, now, &error) == FSP_OK, "%s", error.text);
        if (used() <= bytes)
            return true;
        fsp_suite_pause_us(5000);
    }
    return false;
}

static void
expect_object(unsigned number, bool there)
{
    uint8_t key[4], *wanted = fsp_alloc(OBJECT_BYTES);
    fill(wanted, number);
    fsp_blob_t *blob = NULL;
    fsp_status_t status =
        fsp_store_read_bytes(store, FSP_FAMILY_BYTES, key_of(number, key), 0, 0, &blob);
    ck_assert_int_eq(status, there ? FSP_OK : FSP_NOT_FOUND);
    if (blob)
        ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_slice(wanted, OBJECT_BYTES)));
    fsp_blob_destroy(&blob);
    fsp_free(wanted);
}

START_TEST(room_comes_back_by_itself)
{
    put_all();
    uint64_t full = used();
    ck_assert_uint_gt(full, (uint64_t)OBJECTS * OBJECT_BYTES);
    uint8_t key[4];
    for (unsigned i = 0; i < OBJECTS - 6; i++) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_delete(batch, FSP_FAMILY_BYTES, key_of(i, key));
        storekit_write(store, &batch);
    }
    /* What lives, what is held ahead, and a log of some rows. */
    ck_assert_msg(shrinks_to(16 * OBJECT_BYTES), "%llu of %llu bytes are still used",
                  (unsigned long long)used(), (unsigned long long)full);
    for (unsigned i = 0; i < OBJECTS; i++)
        expect_object(i, i >= OBJECTS - 6);
}
END_TEST

START_TEST(every_second_one_lives)
{
    put_all();
    uint8_t key[4];
    for (unsigned i = 0; i < OBJECTS; i += 2) {
        fsp_batch_t *batch = fsp_batch_new();
        fsp_batch_delete(batch, FSP_FAMILY_BYTES, key_of(i, key));
        storekit_write(store, &batch);
    }
    /* Between what lives there are holes. */
    ck_assert_msg(shrinks_to((OBJECTS / 2 + 10) * (uint64_t)OBJECT_BYTES),
                  "%llu bytes are still used", (unsigned long long)used());
    for (unsigned i = 0; i < OBJECTS; i++)
        expect_object(i, i % 2 == 1);
}
END_TEST

START_TEST(a_store_that_closes_meanwhile_loses_nothing)
{
    put_all();
    fsp_batch_t *batch = fsp_batch_new();
    uint8_t from[4], to[4];
    fsp_batch_delete_range(batch, FSP_FAMILY_BYTES, key_of(0, from), key_of(OBJECTS / 2, to));
    storekit_write(store, &batch);
    fsp_error_t error = {.text = ""};
    for (int i = 0; i < 2; i++) {
        now += 2000 * 1000;
        ck_assert_int_eq(fsp_store_tick(store, now, &error), FSP_OK);
    }
    fsp_store_close(&store, true, 0);
    bool fresh = false;
    store = storekit_open(directory, &fresh);
    ck_assert(storekit_clean(store));
    for (unsigned i = 0; i < OBJECTS; i++)
        expect_object(i, i >= OBJECTS / 2);
}
END_TEST

static uint64_t
free_bytes(void)
{
    struct statvfs found;
    ck_assert_int_eq(statvfs(directory, &found), 0);
    return (uint64_t)found.f_bavail * found.f_frsize;
}

START_TEST(what_was_taken_and_not_written_out_counts_as_used)
{
    uint8_t key[4], *bytes = fsp_alloc(OBJECT_BYTES);
    fsp_batch_t *batch = fsp_batch_new();
    for (unsigned i = 0; i < 3; i++) {
        fill(bytes, i);
        fsp_batch_put(batch, FSP_FAMILY_OBJECT, key_of(i, key), fsp_slice(bytes, OBJECT_BYTES));
    }
    storekit_write(store, &batch);
    fsp_free(bytes);
    /* Others use the disk, too: looked at before and after. */
    uint64_t before = free_bytes();
    fsp_disk_t disk;
    ck_assert_int_eq(fsp_store_disk(store, &disk), FSP_OK);
    uint64_t after = free_bytes();
    uint64_t most = before > after ? before : after;
    ck_assert_uint_le(disk.free_bytes + 3 * OBJECT_BYTES, most); /* to come, besides the log */
}
END_TEST

START_TEST(what_a_segment_holds_ahead_counts_as_free)
{
    uint8_t key[4], *bytes = fsp_alloc(OBJECT_BYTES);
    fill(bytes, 1);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_BYTES, key_of(1, key), fsp_slice(bytes, OBJECT_BYTES));
    storekit_write(store, &batch);
    fsp_free(bytes);
    uint64_t ahead = used_in("segments") - OBJECT_BYTES;
    ck_assert_uint_gt(ahead, 4 * OBJECT_BYTES);
    uint64_t before = free_bytes();
    fsp_disk_t disk;
    ck_assert_int_eq(fsp_store_disk(store, &disk), FSP_OK);
    uint64_t after = free_bytes();
    uint64_t least = before < after ? before : after;
    ck_assert_uint_ge(disk.free_bytes, least + ahead / 2);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("reclaim");
    TCase *tests = tcase_create("reclaim");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, room_comes_back_by_itself);
    tcase_add_test(tests, every_second_one_lives);
    tcase_add_test(tests, a_store_that_closes_meanwhile_loses_nothing);
    tcase_add_test(tests, what_was_taken_and_not_written_out_counts_as_used);
    tcase_add_test(tests, what_a_segment_holds_ahead_counts_as_free);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
