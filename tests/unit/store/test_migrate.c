/* SPDX-License-Identifier: MIT */
/* test_migrate - a store of an older format becomes one of this, whatever happens meanwhile.  Layer
 * tests.
 *
 * The stores were made by the programs of their formats (fixture.h).  A child (this program again)
 * opens it and loses power at some call (powercut.h); then the next one goes on, until one comes to
 * its end. FSP_SEED: other calls; FSP_ROUNDS: how many.
 */
#include "tests/unit/store/powercut.h"

#include "core/base/canon.h"
#include "core/crypto/digest.h"
#include "store/datadir.h"
#include "store/readonly.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/storekit.h"
#include "tests/unit/suite.h"

#include <inttypes.h>
#include <poll.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

enum {
    BATCH_BYTES = 1 << 20,
    SEGMENT_BYTES = 2 << 20,
    CALLS_MAX = 2000, /* more than a migration of the fixture makes */
    LOOKS_MAX = 4000
};

static char *directory;
static uint64_t told_done, told_total;
static unsigned told_count;

/* -- the disk's room, as a test wants it ------------------------------------------------------- */

int migrate_statvfs(const char *path, struct statvfs *ret) __asm__("statvfs");
static uint64_t room_bytes; /* 0: what there is */

int
migrate_statvfs(const char *path, struct statvfs *ret)
{
    struct statfs found;
    if (syscall(SYS_statfs, path, &found) != 0)
        return -1;
    *ret = (struct statvfs){.f_bsize = (unsigned long)found.f_bsize,
                            .f_frsize = (unsigned long)found.f_bsize,
                            .f_blocks = found.f_blocks,
                            .f_bfree = found.f_bfree,
                            .f_bavail = found.f_bavail};
    if (room_bytes > 0)
        ret->f_bfree = ret->f_bavail = room_bytes / (unsigned long)found.f_bsize;
    return 0;
}

/* -- the store --------------------------------------------------------------------------------- */

static void
note_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
    (void)context;
    if (done_bytes >= told_done && done_bytes <= total_bytes)
        told_count++;
    else
        told_count = 1000000; /* it went back, or beyond */
    told_done = done_bytes;
    told_total = total_bytes;
}

static fsp_store_config_t
config_of(const char *path)
{
    fsp_store_config_t config = storekit_config(path);
    config.segment_bytes = SEGMENT_BYTES;
    config.migrate_batch_bytes = BATCH_BYTES;
    config.progress = note_progress;
    return config;
}

static fsp_store_t *
open_store(const char *when)
{
    fsp_store_config_t config = config_of(directory);
    fsp_store_t *store = NULL;
    bool fresh = true;
    fsp_error_t error = {.text = ""};
    told_done = told_total = told_count = 0;
    fsp_status_t status = fsp_store_open(&config, &store, &fresh, &error);
    ck_assert_msg(status == FSP_OK, "%s: %s", when, error.text);
    ck_assert(!fresh);
    return store;
}

static void
set_up(void)
{
    directory = scratch_make();
    room_bytes = 0;
}

static void
tear_down(void)
{
    char stash[600];
    (void)snprintf(stash, sizeof(stash), "%s.stash", directory);
    scratch_remove(stash);
    scratch_end(&directory);
}

/* Anew. */
static void
unpack(unsigned format)
{
    tear_down();
    set_up();
    fixture_unpack(directory, format);
}

/* -- what must be there ------------------------------------------------------------------------ */

static void
expect_blob(fsp_status_t status, fsp_blob_t *blob, unsigned number, const char *when)
{
    fsp_blob_t *wanted = fixture_bytes(number);
    ck_assert_msg(status == FSP_OK, "%s: object %u: %s", when, number, fsp_status_name(status));
    ck_assert_msg(fsp_slice_eq(fsp_blob_slice(blob), fsp_blob_slice(wanted)),
                  "%s: object %u has other octets", when, number);
    fsp_blob_destroy(&blob);
    fsp_blob_destroy(&wanted);
}

static size_t
count_rows(fsp_view_t *view)
{
    size_t count = 0;
    fsp_cursor_t *cursor = fsp_view_scan(view, (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid; fsp_cursor_next(cursor))
        count++;
    ck_assert_int_eq(cursor->status, FSP_OK);
    fsp_cursor_destroy(&cursor);
    return count;
}

static void
expect_all(fsp_store_t *store, const char *when)
{
    uint8_t key[FIXTURE_KEY_BYTES];
    unsigned number = 0, i = 0;
    for (; fixture_object(i, key, &number); i++) {
        fsp_blob_t *blob = NULL;
        fsp_status_t status =
            fsp_store_read_bytes(store, FSP_FAMILY_BYTES, fsp_slice(key, sizeof(key)), 0, 0, &blob);
        expect_blob(status, blob, number, when);
    }
    ck_assert_uint_eq(count_rows(fsp_store_view(store, FSP_FAMILY_BYTES)), i);
    ck_assert_uint_eq(count_rows(fsp_store_view(store, FSP_FAMILY_OBJECT)), FIXTURE_OBJECTS - 2);
    storekit_expect(store, FSP_FAMILY_STATE, "a", "state");
    storekit_expect(store, FSP_FAMILY_LOG, "b", "log");
    storekit_expect(store, FSP_FAMILY_LOCAL, "genesis", "c");
    uint64_t index = 0;
    bool clean = false;
    fsp_store_watermark(store, FIXTURE_SHARD, 1, &index, &clean);
    ck_assert_uint_eq(index, FIXTURE_OBJECTS);
}

static void
print_fault(void *context, fsp_slice_t key, const char *words)
{
    (void)fprintf(stderr, "%s: key of %zu: %s\n", (const char *)context, key.bytes, words);
}

static bool
has_row(fsp_readonly_t *store, const char *name)
{
    fsp_buf_t row;
    fsp_buf_init(&row, 4096);
    fsp_view_t *local = fsp_readonly_view(store, FSP_FAMILY_LOCAL);
    fsp_status_t status = fsp_view_get(local, fsp_slice_text(name), &row);
    fsp_buf_clear(&row);
    ck_assert(status == FSP_OK || status == FSP_NOT_FOUND);
    return status == FSP_OK;
}

/* What the row says; a store that was left alone has it. */
static uint64_t
format_row(fsp_readonly_t *store)
{
    fsp_buf_t row;
    fsp_buf_init(&row, 64);
    fsp_view_t *local = fsp_readonly_view(store, FSP_FAMILY_LOCAL);
    ck_assert_int_eq(fsp_view_get(local, fsp_slice_text("format"), &row), FSP_OK);
    fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&row));
    (void)fsp_canon_read_array(&reader, 1, 1);
    uint64_t format = fsp_canon_read_uint(&reader, FSP_STORE_FORMAT);
    ck_assert_int_eq(fsp_canon_finish(&reader), FSP_OK);
    fsp_buf_clear(&row);
    return format;
}

/* Slots of WATERMARK that keep older programs out. */
static unsigned
slots_of_this_format(void)
{
    fsp_buf_t file;
    fsp_error_t error;
    fsp_buf_init(&file, FSP_WATERMARK_FILE_BYTES);
    ck_assert_int_eq(fsp_datadir_read(directory, "WATERMARK", false, &file, &error), FSP_OK);
    unsigned count = 0;
    for (size_t at = 0; at < FSP_WATERMARK_FILE_BYTES; at += FSP_WATERMARK_SLOT_BYTES)
        count += fsp_load_u32(file.data + at + 8) == FSP_STORE_FORMAT;
    fsp_buf_clear(&file);
    return count;
}

/* A stopped store, before, amid or after its migration: everything can be read, nothing is wrong,
   and the programs before are kept out as soon as they would find rows that they misread. */
static void
expect_readable(unsigned from, const char *when)
{
    fsp_readonly_t *store = NULL;
    fsp_error_t error = {.text = ""};
    fsp_status_t status = fsp_readonly_open(directory, 0, &store, &error);
    ck_assert_msg(status == FSP_OK, "%s: %s", when, error.text);
    uint8_t key[FIXTURE_KEY_BYTES];
    unsigned number = 0;
    for (unsigned i = 0; fixture_object(i, key, &number); i++) {
        fsp_blob_t *blob = NULL;
        status = fsp_readonly_bytes(store, FSP_FAMILY_BYTES, fsp_slice(key, sizeof(key)), &blob);
        expect_blob(status, blob, number, when);
    }
    fsp_segcheck_t check = {
        .depth = FSP_SEGCHECK_BYTES, .fault = print_fault, .context = (void *)(uintptr_t)when};
    fsp_readonly_segments(store, &check);
    ck_assert_msg(check.fault_count == 0, "%s", when);
    uint64_t format = format_row(store);
    ck_assert_uint_ge(format, from);
    if (format > from || has_row(store, "migrated") || (from < 2 && check.objects > 0))
        ck_assert_msg(slots_of_this_format() == 2, "%s: WATERMARK lets the old program in", when);
    fsp_readonly_close(&store);
}

/* -- tests ------------------------------------------------------------------------------------- */

START_TEST(everything_is_there_afterwards)
{
    unpack(1);
    expect_readable(1, "before");
    fsp_store_t *store = open_store("the first time");
    ck_assert_uint_gt(told_count, 5); /* batches */
    ck_assert_uint_lt(told_count, 100);
    ck_assert_uint_eq(told_done, told_total);
    ck_assert(storekit_clean(store));
    expect_all(store, "migrated");
    ck_assert_uint_ge(fsp_store_sequence(store), FIXTURE_SEQUENCE + told_count);
    fsp_store_close(&store, true, 0);
    expect_readable(1, "after");

    /* Once. */
    store = open_store("the second time");
    ck_assert_uint_eq(told_count, 0);
    expect_all(store, "opened again");
    storekit_put(store, FSP_FAMILY_BYTES, "new", "object");
    fsp_store_close(&store, true, 0);
    fsp_readonly_t *reader = NULL;
    fsp_error_t error;
    ck_assert_int_eq(fsp_readonly_open(directory, 0, &reader, &error), FSP_OK);
    ck_assert(!has_row(reader, "migrated"));
    ck_assert_uint_eq(format_row(reader), FSP_STORE_FORMAT);
    fsp_readonly_close(&reader);
    ck_assert_uint_eq(slots_of_this_format(), 2);
}
END_TEST

/* Nothing is moved: old records stay where they are, and new ones follow in the same files. */
START_TEST(a_store_of_format_2_goes_on)
{
    unpack(2);
    expect_readable(2, "before");
    ck_assert_uint_eq(slots_of_this_format(), 0);
    fsp_store_t *store = open_store("the first time");
    ck_assert_uint_eq(told_count, 0);
    ck_assert(storekit_clean(store));
    ck_assert_uint_eq(fsp_store_sequence(store), FIXTURE_SEQUENCE + 1); /* the format row */
    expect_all(store, "opened");
    storekit_put(store, FSP_FAMILY_BYTES, "new", "object");
    fsp_store_close(&store, _i == 0, 0);
    expect_readable(2, "after");
    ck_assert_uint_eq(slots_of_this_format(), 2);
    store = open_store("the second time");
    storekit_expect(store, FSP_FAMILY_BYTES, "new", "object");
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete(batch, FSP_FAMILY_BYTES, fsp_slice_text("new"));
    storekit_write(store, &batch);
    expect_all(store, "opened again");
    fsp_store_close(&store, true, 0);
    expect_readable(2, "at the end");
}
END_TEST

/* Those from 110,000 octets on are dropped; of the others, how many lie in packed records? */
static bool
stays(unsigned number)
{
    fsp_blob_t *blob = fixture_bytes(number);
    bool small = fsp_blob_bytes(blob) < 110000;
    fsp_blob_destroy(&blob);
    return small;
}

static unsigned
count_packed(fsp_view_t *view)
{
    unsigned count = 0;
    fsp_cursor_t *cursor = fsp_view_scan(view, (fsp_slice_t){0}, (fsp_slice_t){0});
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_place_t place;
        ck_assert_int_eq(fsp_place_decode(cursor->value, &place), FSP_OK);
        count += !place.paged;
    }
    fsp_cursor_destroy(&cursor);
    return count;
}

static void
expect_small_ones(const char *when)
{
    fsp_readonly_t *store = NULL;
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_readonly_open(directory, 0, &store, &error) == FSP_OK, "%s", error.text);
    uint8_t key[FIXTURE_KEY_BYTES];
    unsigned number = 0;
    for (unsigned i = 0; fixture_object(i, key, &number); i++) {
        fsp_blob_t *blob = NULL;
        fsp_status_t status =
            fsp_readonly_bytes(store, FSP_FAMILY_BYTES, fsp_slice(key, sizeof(key)), &blob);
        if (stays(number))
            expect_blob(status, blob, number, when);
        else
            ck_assert_int_eq(status, FSP_NOT_FOUND);
    }
    fsp_segcheck_t check = {
        .depth = FSP_SEGCHECK_BYTES, .fault = print_fault, .context = (void *)(uintptr_t)when};
    fsp_readonly_segments(store, &check);
    ck_assert_msg(check.fault_count == 0, "%s", when);
    fsp_readonly_close(&store);
}

/* The accounts add up although a record has not the octets that it had. */
START_TEST(what_is_copied_from_old_segments_is_packed)
{
    unpack(2);
    fsp_store_t *store = open_store("opened");
    fsp_batch_t *batch = fsp_batch_new();
    uint8_t key[FIXTURE_KEY_BYTES];
    unsigned number = 0;
    for (unsigned i = 0; fixture_object(i, key, &number); i++)
        if (!stays(number))
            fsp_batch_delete(batch, FSP_FAMILY_BYTES, fsp_slice(key, sizeof(key)));
    storekit_write(store, &batch);
    fsp_error_t error = {.text = ""};
    fsp_view_t *view = fsp_store_view(store, FSP_FAMILY_BYTES);
    for (unsigned i = 1; i < LOOKS_MAX && count_packed(view) == 0; i++) {
        ck_assert_msg(fsp_store_tick(store, i * UINT64_C(1000000), &error) == FSP_OK, "%s",
                      error.text);
        (void)poll(NULL, 0, 2);
    }
    ck_assert_uint_gt(count_packed(view), 0);
    fsp_store_close(&store, _i == 0, 0);
    expect_small_ones("copied");
    store = open_store("again");
    fsp_store_close(&store, true, 0);
    expect_small_ones("opened again");
}
END_TEST

static bool
has_blob_files(void)
{
    DIR *files = opendir(scratch_path(directory, "db"));
    bool found = false;
    const struct dirent *entry = NULL;
    while ((entry = readdir(files)) != NULL)
        found |= strstr(entry->d_name, ".blob") != NULL;
    (void)closedir(files);
    return found;
}

/* The store ticks until its background work is done; time passes quickly for it. */
static void
expect_blob_files_go(fsp_store_t *store)
{
    fsp_error_t error = {.text = ""};
    for (unsigned i = 1; i < LOOKS_MAX && has_blob_files(); i++) {
        ck_assert_msg(fsp_store_tick(store, i * UINT64_C(1000000), &error) == FSP_OK, "%s",
                      error.text);
        (void)poll(NULL, 0, 5);
    }
    ck_assert_msg(!has_blob_files(), "the old bytes stay on the disk");
}

START_TEST(the_old_bytes_go)
{
    unpack(1);
    fsp_store_t *store = open_store("migrated");
    ck_assert(has_blob_files());
    if (_i == 1) { /* it was ended before they could go */
        fsp_store_close(&store, false, 0);
        store = open_store("again");
    }
    expect_blob_files_go(store);
    expect_all(store, "after the old bytes have gone");
    fsp_store_close(&store, true, 0);
    expect_readable(1, "after the old bytes have gone");
}
END_TEST

static fsp_hash_t
watermark_bytes(void)
{
    fsp_buf_t file;
    fsp_error_t error;
    fsp_buf_init(&file, FSP_WATERMARK_FILE_BYTES);
    ck_assert_int_eq(fsp_datadir_read(directory, "WATERMARK", false, &file, &error), FSP_OK);
    fsp_hash_t hash = fsp_sha256(fsp_buf_slice(&file));
    fsp_buf_clear(&file);
    return hash;
}

/* Who has too little room must be able to go back to the old program, and make some. */
START_TEST(without_room_the_store_stays_as_it_was)
{
    struct stat found;
    unpack(1);
    fsp_hash_t before = watermark_bytes();
    fsp_store_config_t config = config_of(directory);
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    room_bytes = 20 << 20;
    ck_assert_int_eq(fsp_store_open(&config, &store, &fresh, &error), FSP_DISK_RESERVE);
    ck_assert_msg(strstr(error.text, "MiB") != NULL && strstr(error.text, directory) != NULL, "%s",
                  error.text);
    fsp_hash_t after = watermark_bytes();
    ck_assert(fsp_hash_eq(before, after));
    ck_assert_uint_eq(slots_of_this_format(), 0);
    ck_assert_int_ne(stat(scratch_path(directory, "segments"), &found), 0);
    room_bytes = 0;
    store = open_store("with room");
    expect_all(store, "with room");
    fsp_store_close(&store, true, 0);
}
END_TEST

/* Flips a bit within the octets of some large object in the blob files; its number. */
static unsigned
damage_an_object(void)
{
    fsp_blob_t *wanted = fixture_bytes(12); /* the only one of 2 MiB that lies in a blob file */
    uint8_t mark[16];
    memcpy(mark, fsp_blob_data(wanted) + 100 * 4096, sizeof(mark));
    fsp_blob_destroy(&wanted);
    char path[700] = "";
    DIR *files = opendir(scratch_path(directory, "db"));
    const struct dirent *entry = NULL;
    static uint8_t bytes[8 << 20];
    while ((entry = readdir(files)) != NULL) {
        if (!strstr(entry->d_name, ".blob"))
            continue;
        (void)snprintf(path, sizeof(path), "%s/db/%s", directory, entry->d_name);
        int fd = open(path, O_RDONLY);
        ssize_t got = read(fd, bytes, sizeof(bytes));
        (void)close(fd);
        const uint8_t *at = memmem(bytes, (size_t)got, mark, sizeof(mark));
        if (at) {
            scratch_flip(path, at - bytes);
            (void)closedir(files);
            return 12;
        }
    }
    ck_abort_msg("object 12 lies in no blob file");
    return 0;
}

/* As in format 1: who reads it finds it damaged, and everything else is served. */
START_TEST(a_damaged_object_costs_no_other)
{
    unpack(1);
    unsigned damaged = damage_an_object();
    fsp_store_t *store = open_store("one object is damaged");
    uint8_t key[FIXTURE_KEY_BYTES];
    unsigned number = 0;
    for (unsigned i = 0; fixture_object(i, key, &number); i++) {
        fsp_blob_t *blob = NULL;
        fsp_status_t status =
            fsp_store_read_bytes(store, FSP_FAMILY_BYTES, fsp_slice(key, sizeof(key)), 0, 0, &blob);
        if (number != damaged) {
            expect_blob(status, blob, number, "beside a damaged object");
            continue;
        }
        fsp_blob_t *wanted = fixture_bytes(number);
        ck_assert(status != FSP_OK || !fsp_slice_eq(fsp_blob_slice(blob), fsp_blob_slice(wanted)));
        fsp_blob_destroy(&wanted);
        fsp_blob_destroy(&blob);
    }
    fsp_store_close(&store, true, 0);
}
END_TEST

/* -- power cuts -------------------------------------------------------------------------------- */

/* argument: cut, how, directory.  Exit 0: it came to the end. */
static int
migrate(const char *argument)
{
    char *rest = NULL;
    uint64_t cut_at = strtoull(argument, &rest, 10);
    powercut_how_t how = (powercut_how_t)strtoull(rest, &rest, 10);
    const char *path = rest + 1;
    powercut_begin(path, cut_at, how, cut_at);
    fsp_store_config_t config = config_of(path);
    fsp_store_t *store = NULL;
    bool fresh = false;
    fsp_error_t error = {.text = ""};
    if (fsp_store_open(&config, &store, &fresh, &error) != FSP_OK) {
        (void)fprintf(stderr, "child: %s\n", error.text);
        return 1;
    }
    fsp_store_close(&store, false, 0);
    return 0;
}

/* True: it was cut. */
static bool
run_child(uint64_t cut_at, int how)
{
    char argument[700];
    int fd = -1, code = 0;
    (void)snprintf(argument, sizeof(argument), "%" PRIu64 " %d %s", cut_at, how, directory);
    pid_t child = scratch_again("migrate", argument, &fd);
    (void)close(fd);
    ck_assert_int_eq(waitpid(child, &code, 0), child);
    ck_assert_msg(WIFEXITED(code) && (WEXITSTATUS(code) == POWERCUT_EXIT || WEXITSTATUS(code) == 0),
                  "cut %" PRIu64 ", how %d: the child ended with %d", cut_at, how, code);
    return WEXITSTATUS(code) == POWERCUT_EXIT;
}

static uint64_t
number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && text[0] ? (uint64_t)strtoull(text, NULL, 0) : otherwise;
}

/* At each of some calls, from the first to the last: cut there, and then the next start is whole.
   _i: the format before, and how it is cut. */
START_TEST(a_migration_is_cut_at_any_call)
{
    unsigned from = 1 + (unsigned)_i / POWERCUT_HOW_COUNT;
    int how = _i % POWERCUT_HOW_COUNT;
    uint64_t rounds = number_from("FSP_ROUNDS", 6), step = 1, cut_at = number_from("FSP_SEED", 1);
    bool cut = true;
    for (uint64_t calls = 1; cut && calls < CALLS_MAX; calls += step) {
        char when[64];
        unpack(from);
        (void)snprintf(when, sizeof(when), "format %u cut %" PRIu64 " how %d", from, calls, how);
        cut = run_child(calls, how);
        expect_readable(from, when);
        fsp_store_t *store = open_store(when);
        expect_all(store, when);
        fsp_store_close(&store, false, 0);
        step = 1 + calls / rounds + cut_at % 3; /* densely where it begins */
        cut_at++;
    }
    ck_assert(!cut); /* it was tried to the end */
}
END_TEST

/* Cut again and again, a little later each time: what cuts leave behind makes the next start
   longer, and one that never comes to its first batch would go on for ever. */
START_TEST(a_migration_goes_on_after_many_cuts)
{
    unsigned cuts = 0;
    fsp_prng_t prng;
    unpack(1);
    fsp_prng_init(&prng, number_from("FSP_SEED", 1) + (unsigned)_i);
    while (run_child(20 + 2 * cuts + fsp_prng_below(&prng, 60), _i)) {
        char when[64];
        (void)snprintf(when, sizeof(when), "after %u cuts, how %d", ++cuts, _i);
        expect_readable(1, when);
        ck_assert_uint_lt(cuts, 200); /* each start comes further */
    }
    ck_assert_uint_gt(cuts, 2);
    fsp_store_t *store = open_store("after all cuts");
    ck_assert_uint_eq(told_count, 0);
    expect_all(store, "after all cuts");
    expect_blob_files_go(store);
    expect_all(store, "after all cuts, and without the old bytes");
    fsp_store_close(&store, true, 0);
}
END_TEST

int
main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "migrate") == 0)
        return migrate(argv[2]);
    powercut_never();
    Suite *suite = suite_create("migrate");
    TCase *tests = tcase_create("migrate");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 0);
    tcase_add_test(tests, everything_is_there_afterwards);
    tcase_add_loop_test(tests, a_store_of_format_2_goes_on, 0, 2);
    tcase_add_loop_test(tests, what_is_copied_from_old_segments_is_packed, 0, 2);
    tcase_add_loop_test(tests, the_old_bytes_go, 0, 2);
    tcase_add_test(tests, without_room_the_store_stays_as_it_was);
    tcase_add_test(tests, a_damaged_object_costs_no_other);
    tcase_add_loop_test(tests, a_migration_is_cut_at_any_call, 0, 2 * POWERCUT_HOW_COUNT);
    tcase_add_loop_test(tests, a_migration_goes_on_after_many_cuts, 0, POWERCUT_HOW_COUNT);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
