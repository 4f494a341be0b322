/* SPDX-License-Identifier: MIT */
/* test_readonly - a store is looked at without changing a byte of it.  Layer tests. */
#include "core/crypto/digest.h"
#include "store/readonly.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

static char *directory;

static void
set_up(void)
{
    directory = scratch_make();
    bool fresh;
    fsp_store_t *store = storekit_open(directory, &fresh);
    storekit_put(store, FSP_FAMILY_STATE, "a", "first");
    storekit_put(store, FSP_FAMILY_OBJECT, "b", "second");
    fsp_store_close(&store, true, 0);
}

static void
tear_down(void)
{
    scratch_end(&directory);
}

static fsp_sha256_t *digest;

static int
add_file(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)where;
    fsp_sha256_update(digest, fsp_slice(path, strlen(path) + 1));
    fsp_sha256_update(digest, fsp_slice(&found->st_mtim, sizeof(found->st_mtim)));
    fsp_sha256_update(digest, fsp_slice(&found->st_size, sizeof(found->st_size)));
    if (kind != FTW_F)
        return 0;
    static uint8_t bytes[1 << 16];
    int fd = open(path, O_RDONLY);
    ssize_t got = 0;
    while ((got = read(fd, bytes, sizeof(bytes))) > 0)
        fsp_sha256_update(digest, fsp_slice(bytes, (size_t)got));
    (void)close(fd);
    return 0;
}

/* Names, times, sizes and bytes of everything in the directory; without sorting, since the order
   of an unchanged directory does not change. */
static fsp_hash_t
fingerprint(void)
{
    digest = fsp_sha256_new();
    ck_assert_int_eq(nftw(directory, add_file, 16, FTW_PHYS), 0);
    fsp_hash_t hash = fsp_sha256_finish(digest);
    fsp_sha256_destroy(&digest);
    return hash;
}

static fsp_readonly_t *
look(void)
{
    fsp_readonly_t *store = NULL;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_readonly_open(directory, 0, &store, &error);
    ck_assert_msg(status == FSP_OK, "%s", error.text);
    return store;
}

static void
refuse(fsp_status_t expected, const char *words)
{
    fsp_readonly_t *store = NULL;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_readonly_open(directory, 0, &store, &error);
    fsp_readonly_close(&store);
    ck_assert_msg(status == expected, "%s: %s", fsp_status_name(status), error.text);
    ck_assert_msg(strstr(error.text, words) != NULL, "\"%s\" lacks \"%s\"", error.text, words);
}

static void
expect_row(fsp_readonly_t *store, fsp_family_t family, const char *key, const char *value)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, 64);
    ck_assert_int_eq(fsp_view_get(fsp_readonly_view(store, family), fsp_slice_text(key), &buf),
                     FSP_OK);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&buf), fsp_slice_text(value)));
    fsp_buf_clear(&buf);
}

START_TEST(everything_is_there_and_nothing_is_written)
{
    fsp_hash_t before = fingerprint();
    for (int i = 0; i < 2; i++) {
        fsp_readonly_t *store = look();
        fsp_readonly_t *other = look(); /* readers share */
        expect_row(store, FSP_FAMILY_STATE, "a", "first");
        expect_row(other, FSP_FAMILY_OBJECT, "b", "second");
        ck_assert(fsp_readonly_watermark(store)->clean);
        ck_assert(fsp_readonly_slots_whole(store));
        ck_assert_uint_eq(fsp_readonly_sequence(store), 3);
        fsp_readonly_close(&other);
        fsp_readonly_close(&store);
        fsp_hash_t after = fingerprint();
        ck_assert(fsp_hash_eq(before, after));
    }
    bool fresh = true;
    fsp_store_t *store = storekit_open(directory, &fresh);
    ck_assert(!fresh);
    ck_assert(storekit_clean(store));
    fsp_store_close(&store, true, 0);
}
END_TEST

START_TEST(it_and_a_node_keep_each_other_out)
{
    fsp_readonly_t *reader = look();
    storekit_refuse(directory, FSP_LOCK_HELD, "in use");
    fsp_readonly_close(&reader);
    bool fresh;
    fsp_store_t *store = storekit_open(directory, &fresh);
    refuse(FSP_LOCK_HELD, "in use by process");
    fsp_store_close(&store, false, 0);
    reader = look();
    ck_assert(!fsp_readonly_watermark(reader)->clean);
    fsp_readonly_close(&reader);
}
END_TEST

START_TEST(a_copy_without_a_lock_file_can_be_read)
{
    ck_assert_int_eq(unlink(scratch_path(directory, "lock")), 0);
    fsp_hash_t before = fingerprint();
    fsp_readonly_t *reader = look();
    fsp_readonly_close(&reader);
    fsp_hash_t after = fingerprint();
    ck_assert(fsp_hash_eq(before, after));
}
END_TEST

START_TEST(damage_is_refused_as_a_node_would)
{
    scratch_flip(scratch_path(directory, "WATERMARK"), 30);
    fsp_readonly_t *reader = look();
    ck_assert(!fsp_readonly_slots_whole(reader));
    fsp_readonly_close(&reader);
    scratch_flip(scratch_path(directory, "WATERMARK"), 4096 + 30);
    refuse(FSP_DAMAGED, "both slots");
    ck_assert_int_eq(unlink(scratch_path(directory, "WATERMARK")), 0);
    refuse(FSP_DAMAGED, "WATERMARK is missing");
    scratch_remove(scratch_path(directory, "db"));
    refuse(FSP_NOT_FOUND, "no store");
}
END_TEST

START_TEST(a_cut_journal_is_behind_the_watermark)
{
    storekit_lose_last(directory, true);
    fsp_hash_t before = fingerprint();
    refuse(FSP_DAMAGED, "behind its watermark");
    fsp_hash_t after = fingerprint();
    ck_assert(fsp_hash_eq(before, after));
}
END_TEST

/* -- large objects ----------------------------------------------------------------------------- */

START_TEST(large_objects_are_read_and_verified)
{
    bool fresh;
    fsp_store_t *writer = storekit_open(directory, &fresh);
    storekit_put(writer, FSP_FAMILY_BYTES, "large", "bytes of a large object");
    fsp_store_close(&writer, true, 0);
    fsp_hash_t before = fingerprint();
    fsp_readonly_t *store = look();
    fsp_blob_t *blob = NULL;
    fsp_slice_t key = fsp_slice_text("large");
    ck_assert_int_eq(fsp_readonly_bytes(store, FSP_FAMILY_BYTES, key, &blob), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_slice_text("bytes of a large object")));
    fsp_readonly_close(&store);
    fsp_blob_destroy(&blob); /* it outlives the store */
    fsp_hash_t after = fingerprint();
    ck_assert(fsp_hash_eq(before, after));

    scratch_flip(scratch_path(directory, "segments/0000000000000001"), 70);
    store = look();
    ck_assert_int_eq(fsp_readonly_bytes(store, FSP_FAMILY_BYTES, key, &blob), FSP_DAMAGED);
    fsp_error_t words;
    fsp_readonly_take_words(store, &words);
    ck_assert_msg(strstr(words.text, "segments/0000000000000001 at 0") != NULL, "%s", words.text);
    fsp_readonly_take_words(store, &words);
    ck_assert_str_eq(words.text, ""); /* said once */
    ck_assert_int_eq(fsp_readonly_bytes(store, FSP_FAMILY_BYTES, fsp_slice_text("none"), &blob),
                     FSP_NOT_FOUND);
    fsp_readonly_close(&store);
}
END_TEST

static void
count_fault(void *context, fsp_slice_t key, const char *words)
{
    (void)key;
    (void)words;
    ++*(unsigned *)context;
}

/* Without a node of this program having met it: `check` before an upgrade. */
START_TEST(a_store_of_format_1_is_read_as_it_is)
{
    scratch_remove(directory);
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    fixture_unpack(directory, 1);
    fsp_hash_t before = fingerprint();
    fsp_readonly_t *store = look();
    ck_assert_uint_eq(fsp_readonly_sequence(store), FIXTURE_SEQUENCE);
    uint8_t key[FIXTURE_KEY_BYTES];
    unsigned number = 0, faults = 0;
    for (unsigned i = 0; fixture_object(i, key, &number); i++) {
        fsp_blob_t *blob = NULL, *wanted = fixture_bytes(number);
        ck_assert_int_eq(
            fsp_readonly_bytes(store, FSP_FAMILY_BYTES, fsp_slice(key, sizeof(key)), &blob),
            FSP_OK);
        ck_assert(fsp_slice_eq(fsp_blob_slice(blob), fsp_blob_slice(wanted)));
        fsp_blob_destroy(&blob);
        fsp_blob_destroy(&wanted);
    }
    fsp_segcheck_t check = {.depth = FSP_SEGCHECK_BYTES, .fault = count_fault, .context = &faults};
    fsp_readonly_segments(store, &check);
    ck_assert_uint_eq(faults, 0);
    ck_assert_uint_eq(check.objects, 0);
    fsp_readonly_close(&store);
    fsp_hash_t after = fingerprint();
    ck_assert(fsp_hash_eq(before, after));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("readonly");
    TCase *tcase = tcase_create("readonly");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, everything_is_there_and_nothing_is_written);
    tcase_add_test(tcase, it_and_a_node_keep_each_other_out);
    tcase_add_test(tcase, a_copy_without_a_lock_file_can_be_read);
    tcase_add_test(tcase, damage_is_refused_as_a_node_would);
    tcase_add_test(tcase, a_cut_journal_is_behind_the_watermark);
    tcase_add_test(tcase, large_objects_are_read_and_verified);
    tcase_add_test(tcase, a_store_of_format_1_is_read_as_it_is);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
