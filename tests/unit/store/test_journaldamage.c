/* SPDX-License-Identifier: MIT */
/* test_journaldamage - what may lie there after a crash, and what may not.  Layer tests.
 *
 * A torn end is taken; anything that is missing before the newest record is damage.  Here a file is
 * what a crash or a hand made of it; test_journalcut.c cuts the power.
 */
#include "tests/unit/store/journalkit.h"
#include "tests/unit/suite.h"

#include <malloc.h>
#include <xxhash.h>

enum { PAGE = FSP_JOURNAL_PAGE_BYTES };

static char *directory;
static char path[600];
static journalkit_t kit;

static void
set_up(void)
{
    directory = scratch_make();
    (void)snprintf(path, sizeof(path), "%s/journal", directory);
    journalkit_init(&kit, path, 1);
    kit.config.sync = false;
    (void)journalkit_open(&kit);
}

static void
tear_down(void)
{
    journalkit_clear(&kit);
    scratch_end(&directory);
}

static void
write_one(fsp_family_t family, const char *key, size_t bytes)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_blob_t *blob = fsp_blob_new(bytes);
    memset(fsp_blob_writable(blob), (int)kit.sequence, bytes);
    fsp_batch_put_blob(batch, family, fsp_slice_text(key), blob);
    fsp_blob_destroy(&blob);
    journalkit_write(&kit, kit.sequence + 1, batch);
}

static fsp_journal_info_t
info(void)
{
    fsp_journal_info_t found;
    fsp_journal_info(kit.journal, &found);
    return found;
}

/* Groups until file `number` has been begun: 4 of 20,000 octets in one. */
static void
fill_to(uint64_t number)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    while (info().newest < number)
        write_one(kit.sequence % 2 ? FSP_FAMILY_LOG : FSP_FAMILY_OBJECT, keys[kit.sequence % 5],
                  20000);
}

/* Sequence of the newest record that opening finds; 0: none. */
static uint64_t
found_sequence(void)
{
    fsp_journal_found_t found;
    fsp_error_t error = {.text = ""};
    fsp_journal_t *journal = NULL;
    fsp_status_t status = fsp_journal_open(&kit.config, NULL, NULL, &journal, &found, &error);
    ck_assert_msg(status == FSP_OK, "%s", error.text);
    fsp_journal_close(&journal);
    return found.any ? found.sequence : 0;
}

static void
cut(uint64_t number, off_t bytes)
{
    ck_assert_int_eq(truncate(journalkit_file(&kit, number), bytes), 0);
}

static void
copy(uint64_t from, uint64_t to)
{
    char source[1024];
    (void)snprintf(source, sizeof(source), "%s", journalkit_file(&kit, from));
    scratch_copy(source, journalkit_file(&kit, to));
}

static void
overwrite(uint64_t number, off_t at, const void *octets, size_t bytes)
{
    int fd = open(journalkit_file(&kit, number), O_WRONLY);
    ck_assert(fd >= 0);
    ck_assert_int_eq(pwrite(fd, octets, bytes, at), (ssize_t)bytes);
    (void)close(fd);
}

/* Octets of all records of a file; the last one's begin at *ret_last. */
static uint64_t
records_end(uint64_t number, uint64_t *ret_last)
{
    fsp_journalscan_t scan = {.number = 0};
    fsp_error_t error;
    ck_assert_int_eq(fsp_journalscan_open(&scan, path, number, &error), FSP_OK);
    fsp_status_t status;
    *ret_last = 0;
    while ((status = fsp_journalscan_next(&scan, &error)) == FSP_OK)
        *ret_last = scan.at;
    ck_assert_int_eq(status, FSP_NOT_FOUND);
    uint64_t end = scan.next;
    fsp_journalscan_clear(&scan);
    return end;
}

/* -- the end may be torn ----------------------------------------------------------------------- */

START_TEST(a_cut_tail_ends_with_the_last_whole_record)
{
    fill_to(2);
    for (int i = 0; i < 3; i++)
        write_one(FSP_FAMILY_LOG, "tail", 9000); /* in 3 pages each */
    fsp_journal_close(&kit.journal);
    uint64_t before = kit.sequence - 3, last = 0;
    uint64_t end = records_end(2, &last);
    uint64_t first = end - (uint64_t)9 * PAGE; /* of the three */
    for (uint64_t at = end; at >= first; at -= 512) {
        cut(2, (off_t)at);
        /* The zeros behind the rows of the last record may miss. */
        uint64_t rows = FSP_JOURNAL_HEAD_BYTES + FSP_JOURNAL_ROW_BYTES + 4 + 9000;
        uint64_t whole = (at - first) / (3 * PAGE);
        if ((at - first) % (3 * PAGE) >= rows)
            whole++;
        ck_assert_uint_eq(found_sequence(), before + whole);
    }
    cut(2, 0); /* file 2 is as if it had never been */
    uint64_t in_first = found_sequence();
    ck_assert_uint_gt(in_first, 0);
    ck_assert_int_eq(unlink(journalkit_file(&kit, 2)), 0);
    ck_assert_uint_eq(found_sequence(), in_first);
    cut(1, 0);
    ck_assert_uint_eq(found_sequence(), 0);
}
END_TEST

/* What was torn is never written behind, nor found again later. */
START_TEST(after_a_torn_end_the_journal_goes_on_in_a_new_file)
{
    write_one(FSP_FAMILY_LOG, "a", 100);
    write_one(FSP_FAMILY_LOG, "b", 100);
    write_one(FSP_FAMILY_LOG, "c", 100);
    fsp_journal_close(&kit.journal);
    char saved[1024];
    (void)snprintf(saved, sizeof(saved), "%s/saved", directory);
    scratch_copy(journalkit_file(&kit, 1), saved);
    scratch_flip(journalkit_file(&kit, 1), PAGE + 100); /* in the rows of b; c is whole */
    ck_assert_uint_eq(found_sequence(), 1);
    /* The model is one of what the disk has. */
    journalkit_clear(&kit);
    journalkit_init(&kit, path, 1);
    kit.config.sync = false;
    fsp_batch_t *batch = fsp_batch_new();
    uint8_t value[100] = {0};
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text("a"), fsp_slice(value, sizeof(value)));
    journalkit_model(&kit, 1, batch);
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOG, "other b", 100); /* with b's sequence */
    ck_assert_uint_eq(info().newest, 2);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
    /* Nor does b count if it comes to light after all: its file ends before it for good. */
    fsp_journal_close(&kit.journal);
    scratch_copy(saved, journalkit_file(&kit, 1));
    journalkit_refuse(&kit, "does not follow");
}
END_TEST

/* -- what counts must be whole ----------------------------------------------------------------- */

/* Each octet of the heads and some of the rows, of each record but the last. */
START_TEST(a_changed_octet_before_the_end_is_damage)
{
    fill_to(3);
    write_one(FSP_FAMILY_LOG, "last", 100);
    fsp_journal_close(&kit.journal);
    for (uint64_t number = 1; number <= 2; number++) {
        uint64_t last = 0, end = records_end(number, &last);
        for (uint64_t at = 0; at < end; at += at % PAGE < 200 ? 3 : 1999) {
            if (at % (uint64_t)(5 * PAGE) >= FSP_JOURNAL_HEAD_BYTES + 25 + 20000 - 8)
                continue; /* zeros behind the rows: nobody reads them */
            scratch_flip(journalkit_file(&kit, number), (off_t)at);
            journalkit_refuse(&kit, "does not follow");
            scratch_flip(journalkit_file(&kit, number), (off_t)at);
        }
    }
    ck_assert_uint_eq(found_sequence(), kit.sequence);
    (void)journalkit_open(&kit);
}
END_TEST

START_TEST(a_missing_file_is_damage)
{
    fill_to(4);
    fsp_journal_close(&kit.journal);
    for (uint64_t number = 1; number <= 3; number++) {
        char away[1024];
        (void)snprintf(away, sizeof(away), "%s/away", directory);
        ck_assert_int_eq(rename(journalkit_file(&kit, number), away), 0);
        journalkit_refuse(&kit, "does not follow");
        int fd =
            open(journalkit_file(&kit, number), O_WRONLY | O_CREAT, 0600); /* nor is it there */
        ck_assert(fd >= 0);
        (void)close(fd);
        journalkit_refuse(&kit, "does not follow");
        ck_assert_int_eq(rename(away, journalkit_file(&kit, number)), 0);
    }
    (void)journalkit_open(&kit);
}
END_TEST

/* A file that was released and is still there is no part of the journal, whatever is in it. */
START_TEST(released_files_are_not_read)
{
    fill_to(3);
    write_one(FSP_FAMILY_LOG, "a", 10);
    write_one(FSP_FAMILY_LOG, "b", 10);
    write_one(FSP_FAMILY_LOG, "c", 10);
    write_one(FSP_FAMILY_LOG, "d", 10);
    write_one(FSP_FAMILY_LOG, "e", 10);
    journalkit_keep_all(&kit);
    fsp_journal_release(kit.journal, kit.kept, false);
    journalkit_commit(&kit, kit.sequence);
    copy(1, 0x77);
    copy(2, 0x78);
    fsp_journal_close(&kit.journal); /* 1 and 2 are spare */
    ck_assert_int_eq(rename(journalkit_file(&kit, 0x77), journalkit_file(&kit, 1)), 0);
    (void)unlink(journalkit_file(&kit, 0x78));
    (void)unlink(journalkit_file(&kit, 2));
    (void)journalkit_open(&kit);
    fsp_journal_close(&kit.journal);
    scratch_flip(journalkit_file(&kit, 1), 50);
    (void)journalkit_open(&kit);
}
END_TEST

/* -- names that a crash leaves ----------------------------------------------------------------- */

/* A file that was renamed for reuse, and has no record of its own: under the new name, the old one,
   or both. */
START_TEST(a_renamed_file_without_records_is_left_over)
{
    fill_to(3);
    fsp_journal_close(&kit.journal);
    copy(1, 9);
    copy(2, 10);
    (void)journalkit_open(&kit);
    ck_assert_uint_eq(info().newest, 3);
    write_one(FSP_FAMILY_LOG, "new", 100); /* above all names */
    ck_assert_uint_eq(info().newest, 11);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
    ck_assert_int_ne(access(journalkit_file(&kit, 9), F_OK) |
                         access(journalkit_file(&kit, 10), F_OK),
                     0); /* one was used again */
    write_one(FSP_FAMILY_LOG, "new", 100);
    fsp_journal_release(kit.journal, kit.kept, true);
    ck_assert_int_ne(access(journalkit_file(&kit, 9), F_OK), 0);
    ck_assert_int_ne(access(journalkit_file(&kit, 10), F_OK), 0);
    fsp_journal_close(&kit.journal);
    (void)journalkit_open(&kit);
}
END_TEST

/* A file that was used again holds old records behind its new ones, at the very place where the
   next one would begin: they say another file. */
START_TEST(what_a_reused_file_held_is_not_read)
{
    for (uint64_t i = 0; i < 60; i++)
        write_one(FSP_FAMILY_OBJECT, "o", 100); /* a page each, over several files */
    journalkit_keep_all(&kit);
    fsp_journal_release(kit.journal, kit.kept, false);
    journalkit_commit(&kit, kit.sequence);
    fsp_journal_release(kit.journal, kit.kept, false);
    uint64_t before = info().newest;
    while (info().newest == before)
        write_one(FSP_FAMILY_OBJECT, "o", 100);
    write_one(FSP_FAMILY_LOG, "l", 100);
    fsp_journal_close(&kit.journal);
    uint64_t last = 0, end = records_end(before + 1, &last);
    uint8_t head[FSP_JOURNAL_HEAD_BYTES];
    fsp_journalhead_t old;
    int fd = open(journalkit_file(&kit, before + 1), O_RDONLY);
    ck_assert(fd >= 0 && pread(fd, head, sizeof(head), (off_t)end) == (ssize_t)sizeof(head));
    (void)close(fd);
    ck_assert_int_eq(fsp_journalhead_decode(head, &old), FSP_OK); /* it is there */
    ck_assert_uint_lt(old.file, before);
    (void)journalkit_open(&kit);
}
END_TEST

START_TEST(other_names_are_passed_over)
{
    write_one(FSP_FAMILY_LOG, "a", 100);
    fsp_journal_close(&kit.journal);
    static const char *const names[] = {"README", "0000000000000000", "ffffffffffffffff",
                                        "000000000000001", "0000000000000001.bak"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char to[1024];
        (void)snprintf(to, sizeof(to), "%s", scratch_path(path, names[i]));
        scratch_copy(journalkit_file(&kit, 1), to);
    }
    (void)journalkit_open(&kit);
    write_one(FSP_FAMILY_LOG, "a", 100);
    ck_assert_uint_eq(info().newest, 2);
    fsp_journal_release(kit.journal, kit.kept, true);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_int_eq(access(scratch_path(path, names[i]), F_OK), 0);
}
END_TEST

/* -- hostile ----------------------------------------------------------------------------------- */

/* A head with a right checksum that says more than there is: nothing is allocated for it. */
START_TEST(lengths_are_bounded_before_memory_is_taken)
{
    fsp_journal_close(&kit.journal);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    uint8_t octets[PAGE] = {0};
    fsp_journalhead_t head = {.file = 5, .sequence = 1, .oldest = 5, .row_count = 1};
    head.payload_bytes = FSP_JOURNAL_PAYLOAD_BYTES_MAX;
    fsp_journalhead_encode(&head, octets);
    int fd = open(journalkit_file(&kit, 5), O_WRONLY | O_CREAT, 0600);
    ck_assert(fd >= 0 && write(fd, octets, sizeof(octets)) == PAGE);
    (void)close(fd);
    struct mallinfo2 before = mallinfo2();
    ck_assert_uint_eq(found_sequence(), 0);
    struct mallinfo2 after = mallinfo2();
    ck_assert_uint_lt(after.arena + after.hblkhd, before.arena + before.hblkhd + 1024 * 1024);
    head.payload_bytes = PAGE - FSP_JOURNAL_HEAD_BYTES + 1; /* by one */
    fsp_journalhead_encode(&head, octets);
    overwrite(5, 0, octets, sizeof(octets));
    ck_assert_uint_eq(found_sequence(), 0);
}
END_TEST

/* Records with right checksums, and a meaning that nobody writes. */
START_TEST(records_that_nobody_writes_are_damage)
{
    write_one(FSP_FAMILY_LOG, "a", 100);
    fsp_journal_close(&kit.journal);
    uint8_t octets[PAGE] = {0};
    fsp_journalhead_t head = {.file = 1, .sequence = 9, .previous = 7, .oldest = 1};
    head.hash = XXH3_64bits(NULL, 0);
    fsp_journalhead_encode(&head, octets);
    overwrite(1, PAGE, octets, sizeof(octets)); /* in place of what may come */
    journalkit_refuse(&kit, "follows no other");
    head.previous = 1;
    head.row_count = 1;
    head.payload_bytes = 9;
    memcpy(octets + FSP_JOURNAL_HEAD_BYTES, "\x00\x02\x00\x01\x00\x00\x00\x00k", 9); /* STATE */
    head.hash = XXH3_64bits(octets + FSP_JOURNAL_HEAD_BYTES, 9);
    fsp_journalhead_encode(&head, octets);
    overwrite(1, PAGE, octets, sizeof(octets));
    journalkit_refuse(&kit, "rows that are none");
    head.row_count = 2; /* one too many */
    octets[FSP_JOURNAL_HEAD_BYTES + 1] = FSP_FAMILY_LOCAL;
    head.hash = XXH3_64bits(octets + FSP_JOURNAL_HEAD_BYTES, 9);
    fsp_journalhead_encode(&head, octets);
    overwrite(1, PAGE, octets, sizeof(octets));
    journalkit_refuse(&kit, "rows that are none");
    head.row_count = 1;
    fsp_journalhead_encode(&head, octets);
    overwrite(1, PAGE, octets, sizeof(octets));
    ck_assert_uint_eq(found_sequence(), 9);
}
END_TEST

/* -- while it is open -------------------------------------------------------------------------- */

START_TEST(a_row_that_is_damaged_later_is_said)
{
    write_one(FSP_FAMILY_LOG, "a", 5000);
    write_one(FSP_FAMILY_LOG, "b", 5000);
    scratch_flip(journalkit_file(&kit, 1), 2000);
    fsp_buf_t value;
    fsp_buf_init(&value, 6000);
    fsp_view_t *view = fsp_journal_view(kit.journal);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_DAMAGED);
    ck_assert_uint_eq(value.bytes, 0);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("b"), &value), FSP_OK);
    fsp_cursor_t *cursor = fsp_view_scan(view, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    ck_assert(!cursor->valid && cursor->status == FSP_DAMAGED);
    fsp_cursor_destroy(&cursor);
    cut(1, PAGE); /* shorter than the index says */
    fsp_buf_reset(&value);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("b"), &value), FSP_DAMAGED);
    ck_assert_int_eq(unlink(journalkit_file(&kit, 1)), 0);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("b"), &value), FSP_IO);
    fsp_buf_clear(&value);
}
END_TEST

START_TEST(a_move_that_finds_too_little_is_damage)
{
    write_one(FSP_FAMILY_LOG, "live", 5000);
    while (!fsp_journal_full(kit.journal))
        write_one(FSP_FAMILY_OBJECT, "o", 20000);
    journalkit_keep_all(&kit);
    fsp_journal_release(kit.journal, kit.kept, false);
    scratch_flip(journalkit_file(&kit, 1), 2000);
    bool moved = false;
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_journal_move(kit.journal, &moved, &error), FSP_DAMAGED);
    ck_assert(!moved && strstr(error.text, "restore from a replica"));
}
END_TEST

static Suite *
journaldamage_suite(void)
{
    Suite *suite = suite_create("journaldamage");
    TCase *group = tcase_create("journaldamage");
    tcase_set_timeout(group, 300);
    tcase_add_checked_fixture(group, set_up, tear_down);
    tcase_add_test(group, a_cut_tail_ends_with_the_last_whole_record);
    tcase_add_test(group, after_a_torn_end_the_journal_goes_on_in_a_new_file);
    tcase_add_test(group, a_changed_octet_before_the_end_is_damage);
    tcase_add_test(group, a_missing_file_is_damage);
    tcase_add_test(group, released_files_are_not_read);
    tcase_add_test(group, a_renamed_file_without_records_is_left_over);
    tcase_add_test(group, what_a_reused_file_held_is_not_read);
    tcase_add_test(group, other_names_are_passed_over);
    tcase_add_test(group, lengths_are_bounded_before_memory_is_taken);
    tcase_add_test(group, records_that_nobody_writes_are_damage);
    tcase_add_test(group, a_row_that_is_damaged_later_is_said);
    tcase_add_test(group, a_move_that_finds_too_little_is_damage);
    suite_add_tcase(suite, group);
    return suite;
}

int
main(void)
{
    return fsp_suite_main(journaldamage_suite());
}
