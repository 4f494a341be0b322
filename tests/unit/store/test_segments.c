/* SPDX-License-Identifier: MIT */
/* test_segments - the files of large objects: what is in them, where they end, what fails.  Layer
 * tests. */
#include "tests/unit/store/segkit.h"

#include <sys/resource.h>

/* -- what is there ----------------------------------------------------------------------------- */

START_TEST(objects_of_many_segments_are_read_back)
{
    /* Few files may be open, so that some are opened again and again. */
    struct rlimit limit = {.rlim_cur = 200, .rlim_max = 200};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    reopen();
    unsigned count = 40 * IN_SEGMENT;
    for (unsigned i = 0; i < count; i += 7)
        put(i, i + 7 < count ? i + 7 : count, 1);
    for (int round = 0; round < 2; round++, reopen()) {
        ck_assert_uint_eq(info().files, 40);
        ck_assert_uint_eq(info().live_bytes, (uint64_t)count * OBJECT_OCTETS);
        for (unsigned i = 0; i < count; i++)
            expect(i * 7 % count, 1);
    }
}
END_TEST

START_TEST(a_range_is_read_as_it_is_asked_for)
{
    put(0, 3, 1);
    uint8_t key[4];
    static const uint64_t ranges[][2] = {{0, 1},        {0, 0},         {4000, 4200},
                                         {99999, 0},    {50000, 50000}, {1, OBJECT_BYTES},
                                         {65536, 70000}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        fsp_blob_t *blob = NULL;
        uint64_t from = ranges[i][0], to = ranges[i][1] ? ranges[i][1] : OBJECT_BYTES;
        ck_assert_int_eq(fsp_objstore_read(&objects, key_of(1, key), from, ranges[i][1], &blob),
                         FSP_OK);
        ck_assert_uint_eq(fsp_blob_bytes(blob), to - from);
        ck_assert(
            memcmp(fsp_blob_data(blob), bytes_of(1, 1, OBJECT_BYTES).data + from, to - from) == 0);
        fsp_blob_destroy(&blob);
    }
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(fsp_objstore_read(&objects, key_of(1, key), 2, 1, &blob), FSP_BAD_RANGE);
    ck_assert_int_eq(fsp_objstore_read(&objects, key_of(1, key), 0, OBJECT_BYTES + 1, &blob),
                     FSP_BAD_RANGE);
    ck_assert_int_eq(fsp_objstore_read(&objects, key_of(3, key), 0, 0, &blob), FSP_NOT_FOUND);
    ck_assert(!blob);
}
END_TEST

START_TEST(an_object_larger_than_a_segment_has_one_of_its_own)
{
    uint8_t key[4], *data = fsp_alloc(FSP_OBJECT_BYTES_MAX);
    fsp_prng_t prng;
    fsp_prng_init(&prng, 1);
    fsp_prng_fill(&prng, data, FSP_OBJECT_BYTES_MAX);
    put(0, 1, 1);
    fsp_error_t error = {.text = ""};
    const fsp_objstore_put_t large = {.key = key_of(1, key),
                                      .bytes = fsp_slice(data, FSP_OBJECT_BYTES_MAX)};
    ck_assert_int_eq(fsp_objstore_put_many(&objects, writing, &large, 1, &error), FSP_OK);
    add_put(2, 1);
    commit(true);
    ck_assert_uint_eq(place_of(0).segment, 1);
    ck_assert_uint_eq(place_of(1).segment, 2);
    ck_assert_uint_eq(place_of(2).segment, 3);
    reopen();
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(fsp_objstore_read(&objects, large.key, 0, 0, &blob), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), large.bytes));
    fsp_blob_destroy(&blob);
    expect(0, 1);
    expect(2, 1);
    fsp_free(data);
}
END_TEST

/* A page that was acknowledged is never written again, so the next group begins with one. */
START_TEST(only_the_end_of_a_group_is_filled_up)
{
    put(0, 3, 1);
    put(3, 4, 1);
    reopen();
    put(4, 6, 1);
    static const uint64_t offsets[] = {0,
                                       OBJECT_OCTETS,
                                       2 * OBJECT_OCTETS,
                                       74 * 4096,
                                       74 * 4096 + ALONE_OCTETS,
                                       74 * 4096 + ALONE_OCTETS + OBJECT_OCTETS};
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(place_of(i).offset, offsets[i]);
    ck_assert_uint_eq(info().used_bytes, (74 + 25 + 49) * 4096);
    ck_assert_uint_eq(info().live_bytes, 6 * OBJECT_OCTETS);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i < 6; i++)
            expect(i, 1);
}
END_TEST

START_TEST(rows_of_one_key_in_one_group_count_once)
{
    put(0, 2, 1);
    uint64_t used = info().used_bytes;
    add_put(0, 2); /* replaced twice */
    add_put(0, 3);
    add_drop(1); /* dropped and put again */
    add_put(1, 4);
    add_put(2, 5); /* put and dropped */
    add_drop(2);
    add_drop(2); /* not there */
    add_drop(77);
    commit(true);
    for (int round = 0; round < 2; round++, reopen()) {
        expect(0, 3);
        expect(1, 4);
        expect(2, 0);
        ck_assert_uint_eq(info().live_bytes, 2 * OBJECT_OCTETS);
        ck_assert_uint_eq(info().used_bytes, used + fsp_segment_page_up(4 * OBJECT_OCTETS));
    }
    settle();
    /* And a page at each end of what died. */
    ck_assert_uint_le(blocks_of(1), 2 * OBJECT_OCTETS / 4096 + 4);
    expect(0, 3);
    expect(1, 4);
}
END_TEST

START_TEST(a_range_drops_what_the_group_put_too)
{
    put(0, 600, 1); /* more than a page of them */
    add_put(600, 2);
    add_put(5, 2);
    uint8_t from[4], to[4];
    fsp_error_t error = {.text = ""};
    const fsp_objstore_drop_t range = {.key = key_of(3, from), .to = key_of(900, to)};
    ck_assert_int_eq(fsp_objstore_drop_many(&objects, writing, &range, 1, &error), FSP_OK);
    add_put(7, 3);
    commit(true);
    for (int round = 0; round < 2; round++, reopen()) {
        for (unsigned i = 0; i < 601; i++)
            expect(i, i < 3 ? 1 : i == 7 ? 3 : 0);
        ck_assert_uint_eq(info().live_bytes, 4 * OBJECT_OCTETS);
    }
}
END_TEST

/* -- where a log ends -------------------------------------------------------------------------- */

START_TEST(what_no_row_names_is_forgotten)
{
    put(0, 3, 1);
    uint64_t used = info().used_bytes;
    /* A group that reached the file and not the database, as a crash leaves it. */
    for (unsigned i = 3; i < 3 + 2 * IN_SEGMENT; i++)
        add_put(i, 1);
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_objstore_seal(&objects, writing, &error), FSP_OK);
    char *copy = scratch_make(); /* what the disk holds at this moment */
    char command[1200];
    (void)snprintf(command, sizeof(command), "cp -a --sparse=always %s/. %s", directory, copy);
    ck_assert_int_eq(system(command), 0);
    (void)close_all();
    scratch_end(&directory);
    directory = copy;
    ck_assert(has_file(2) && has_file(3));
    FILE *foreign = fopen(scratch_path(directory, "segments/README"), "w");
    ck_assert(foreign && fclose(foreign) == 0);
    open_all();
    ck_assert(!has_file(2) && !has_file(3));
    ck_assert_int_eq(access(scratch_path(directory, "segments/README"), F_OK), 0);
    ck_assert_int_eq(scratch_size(file_of(1)), (off_t)used);
    for (unsigned i = 0; i < 5; i++)
        expect(i, i < 3 ? 1 : 0);
    ck_assert_uint_eq(info().used_bytes, used);
    put(3, 5, 2); /* over the same place */
    ck_assert_uint_eq(place_of(3).offset, used);
    reopen();
    expect(2, 1);
    expect(3, 2);
}
END_TEST

START_TEST(a_file_that_lacks_something_is_refused_by_name)
{
    put(0, 2 * IN_SEGMENT + 1, 1);
    const char *first = file_of(1);
    ck_assert(close_all());
    off_t size = scratch_size(first);
    ck_assert_int_eq(truncate(first, size - 4096), 0);
    refuse("segments/0000000000000001 is shorter than its row says");
    ck_assert_int_eq(truncate(first, size), 0);
    open_all();
    ck_assert(close_all());
    ck_assert_int_eq(unlink(file_of(2)), 0);
    refuse("segments/0000000000000002 is missing");
    /* Nothing was made in its place, and nothing else was deleted. */
    ck_assert(has_file(1) && !has_file(2) && has_file(3));
    directory = directory ? directory : scratch_make();
    scratch_remove(directory);
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    open_all();
}
END_TEST

START_TEST(a_damaged_row_of_a_segment_is_refused_by_name)
{
    put(0, 1, 1);
    static const char *const rows[] = {"segment/0000000000000001", "segments", "segment/nonsense"};
    for (size_t i = 0; i < 3; i++) {
        fsp_error_t error = {.text = ""};
        fsp_buf_t before;
        fsp_buf_init(&before, 100);
        fsp_slice_t key = fsp_slice_text(rows[i]);
        fsp_status_t had = fsp_db_get(db, NULL, FSP_FAMILY_LOCAL, key, &before);
        fsp_db_write_put(writing, FSP_FAMILY_LOCAL, key, fsp_slice_text("nonsense"));
        ck_assert_int_eq(fsp_db_commit_logged(db, writing, &error), FSP_OK);
        ck_assert(close_all());
        refuse(rows[i]);
        (void)try_open(&error);
        if (had == FSP_OK)
            fsp_db_write_put(writing, FSP_FAMILY_LOCAL, key, fsp_buf_slice(&before));
        else
            fsp_db_write_delete(writing, FSP_FAMILY_LOCAL, key);
        ck_assert_int_eq(fsp_db_commit_logged(db, writing, &error), FSP_OK);
        fsp_buf_clear(&before);
        (void)close_all();
        open_all();
        expect(0, 1);
    }
}
END_TEST

START_TEST(room_taken_ahead_is_known_and_given_back)
{
    put(0, 1, 1);
    ck_assert_uint_eq(info().ahead_bytes, SEGMENT_BYTES - ALONE_OCTETS);
    ck_assert_int_eq(scratch_size(file_of(1)), SEGMENT_BYTES);
    (void)tick(false, false);
    ck_assert_int_eq(scratch_size(file_of(1)), SEGMENT_BYTES);
    (void)tick(true, false); /* quiet */
    ck_assert_uint_eq(info().ahead_bytes, 0);
    ck_assert_int_eq(scratch_size(file_of(1)), ALONE_OCTETS);
    put(1, 2, 1);
    ck_assert_int_eq(scratch_size(file_of(1)), SEGMENT_BYTES);
    (void)tick(false, true); /* tight, from now on */
    put(2, 3, 1);
    ck_assert_int_eq(scratch_size(file_of(1)), 3 * ALONE_OCTETS);
    (void)tick(false, false);
    put(3, 4, 1);
    ck_assert_int_eq(scratch_size(file_of(1)), SEGMENT_BYTES);
    reopen();
    ck_assert_int_eq(scratch_size(file_of(1)), 4 * ALONE_OCTETS);
    for (unsigned i = 0; i < 4; i++)
        expect(i, 1);
}
END_TEST

/* -- failures ---------------------------------------------------------------------------------- */

static void
fail_group(const char *words)
{
    fsp_error_t error = {.text = ""};
    uint8_t key[4];
    const fsp_objstore_put_t one = {.key = key_of(1, key), .bytes = bytes_of(1, 1, OBJECT_BYTES)};
    fsp_status_t status = fsp_objstore_put_many(&objects, writing, &one, 1, &error);
    if (status == FSP_OK)
        status = fsp_objstore_seal(&objects, writing, &error);
    ck_assert_int_eq(status, FSP_IO);
    ck_assert_msg(strstr(error.text, words) != NULL, "%s", error.text);
    fsp_db_fail(db, error.text); /* as the store does */
    ck_assert(!close_all());
    memset(&doors, 0, sizeof(doors));
    open_all();
    expect(0, 1);
    expect(1, 0);
    put(1, 2, 2);
    expect(1, 2);
}

START_TEST(a_failed_write_is_said_and_leaves_nothing)
{
    put(0, 1, 1);
    doors.pwrite_errno = EIO;
    fail_group("Input/output error");
}
END_TEST

START_TEST(a_failed_sync_is_said_and_leaves_nothing)
{
    put(0, 1, 1);
    doors.fdatasync_errno = EIO;
    fail_group("sync");
}
END_TEST

START_TEST(without_room_ahead_files_grow_as_they_are_written)
{
    static const int reasons[] = {ENOSPC, EOPNOTSUPP};
    doors.fallocate_errno = reasons[_i];
    put(0, 3 * IN_SEGMENT, 1);
    ck_assert_uint_gt(doors.fallocates, 0);
    ck_assert_uint_eq(info().ahead_bytes, 0);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i < 3 * IN_SEGMENT; i++)
            expect(i, 1);
}
END_TEST

START_TEST(a_group_costs_one_sync_of_the_file)
{
    put(0, 1, 1);
    doors.fdatasyncs = 0;
    put(1, 5, 1);
    /* One of the segment, one of RocksDB's log. */
    ck_assert_uint_eq(doors.fdatasyncs, 2);
    doors.fdatasyncs = 0;
    drop(1, 2, 1);
    ck_assert_uint_eq(doors.fdatasyncs, 1);
    ck_assert(close_all());
    synced = false;
    open_all();
    doors.fdatasyncs = 0;
    add_put(9, 1);
    commit(false);
    ck_assert_uint_eq(doors.fdatasyncs, 1); /* of the log, as `commit` writes it here */
    expect(9, 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("segments");
    TCase *tests = tcase_create("segments");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, objects_of_many_segments_are_read_back);
    tcase_add_test(tests, a_range_is_read_as_it_is_asked_for);
    tcase_add_test(tests, an_object_larger_than_a_segment_has_one_of_its_own);
    tcase_add_test(tests, only_the_end_of_a_group_is_filled_up);
    tcase_add_test(tests, rows_of_one_key_in_one_group_count_once);
    tcase_add_test(tests, a_range_drops_what_the_group_put_too);
    tcase_add_test(tests, what_no_row_names_is_forgotten);
    tcase_add_test(tests, a_file_that_lacks_something_is_refused_by_name);
    tcase_add_test(tests, a_damaged_row_of_a_segment_is_refused_by_name);
    tcase_add_test(tests, room_taken_ahead_is_known_and_given_back);
    tcase_add_test(tests, a_failed_write_is_said_and_leaves_nothing);
    tcase_add_test(tests, a_failed_sync_is_said_and_leaves_nothing);
    tcase_add_loop_test(tests, without_room_ahead_files_grow_as_they_are_written, 0, 2);
    tcase_add_test(tests, a_group_costs_one_sync_of_the_file);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
