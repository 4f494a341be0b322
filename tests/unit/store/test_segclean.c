/* SPDX-License-Identifier: MIT */
/* test_segclean - dead room is given back, and nobody ever reads there.  Layer tests. */
#include "tests/unit/store/segkit.h"

/* If every second object of a segment lives: with the pages that it shares with a dead one. */
enum {
    HALF_PAGES = WHOLE_PAGES / 2 + IN_SEGMENT,
    AHEAD_PAGES = SEGMENT_BYTES / 4096 - WHOLE_PAGES
};

/* -- giving back ------------------------------------------------------------------------------- */

START_TEST(dead_places_become_holes)
{
    put(0, 2 * IN_SEGMENT, 1);
    settle();
    ck_assert_uint_eq(blocks_of(1), WHOLE_PAGES);
    drop(0, 2 * IN_SEGMENT, 2);
    settle();
    /* The first is finished, in the second the log goes on: both have holes. */
    for (uint64_t segment = 1; segment < 3; segment++)
        ck_assert_uint_le(blocks_of(segment) - (segment == 2 ? AHEAD_PAGES : 0), HALF_PAGES);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i < 2 * IN_SEGMENT; i++)
            expect(i, i % 2);
}
END_TEST

START_TEST(nothing_goes_before_the_drop_is_durable)
{
    put(0, IN_SEGMENT + 1, 1);
    unsigned before = blocks_of(1);
    for (unsigned i = 0; i < IN_SEGMENT; i++)
        add_drop(i);
    commit(false);
    fsp_segments_tick(objects.segments, false, false);
    fsp_segments_rest(objects.segments);
    ck_assert(has_file(1));
    ck_assert_uint_eq(blocks_of(1), before);
    ck_assert(fsp_segments_waiting(objects.segments));
    commit(true); /* an empty group is enough */
    ck_assert(!fsp_segments_waiting(objects.segments));
    fsp_segments_tick(objects.segments, false, false);
    fsp_segments_rest(objects.segments);
    ck_assert(!has_file(1));
}
END_TEST

START_TEST(nothing_goes_while_a_reader_is_on_its_way)
{
    put(0, IN_SEGMENT + 1, 1);
    unsigned entered = fsp_segments_enter(objects.segments);
    fsp_place_t place = place_of(3);
    drop(0, IN_SEGMENT, 1);
    fsp_segments_tick(objects.segments, false, false);
    fsp_suite_pause_us(20000); /* the cleaner has begun, most likely, and waits */
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(fsp_segments_read(objects.segments, &place, 4, 0, 0, &blob), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), bytes_of(3, 1, OBJECT_BYTES)));
    fsp_blob_destroy(&blob);
    ck_assert(has_file(1));
    expect(IN_SEGMENT, 1); /* others come and go meanwhile */
    fsp_segments_leave(objects.segments, entered);
    fsp_segments_rest(objects.segments);
    ck_assert(!has_file(1));
}
END_TEST

START_TEST(dead_segments_are_deleted_and_their_numbers_never_used_again)
{
    put(0, 3 * IN_SEGMENT, 1);
    drop(0, 3 * IN_SEGMENT, 1);
    settle();
    ck_assert(!has_file(1) && !has_file(2));
    ck_assert_uint_eq(info().files, 1); /* where the log goes on */
    ck_assert_uint_eq(info().live_bytes, 0);
    reopen();
    put(0, IN_SEGMENT + 1, 2);
    ck_assert_uint_gt(place_of(IN_SEGMENT).segment, 3);
    ck_assert(!has_file(1) && !has_file(2));
    reopen();
    put(50, 51 + 2 * IN_SEGMENT, 1);
    ck_assert_uint_gt(place_of(50 + 2 * IN_SEGMENT).segment, place_of(IN_SEGMENT).segment);
}
END_TEST

START_TEST(what_a_crash_left_dead_is_found_at_the_next_start)
{
    put(0, 2 * IN_SEGMENT + 1, 1);
    drop(0, 2 * IN_SEGMENT, 2);
    /* No tick: the cleaner was never started, as if a crash had come between. */
    reopen();
    ck_assert_uint_eq(blocks_of(1), WHOLE_PAGES);
    settle();
    ck_assert_uint_le(blocks_of(1), HALF_PAGES);
    ck_assert_uint_le(blocks_of(2), HALF_PAGES);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i < 2 * IN_SEGMENT; i++)
            expect(i, i % 2);
    /* And the next start finds nothing to look for. */
    doors.punches = 0;
    settle();
    ck_assert_uint_eq(doors.punches, 0);
}
END_TEST

enum { SMALL = 150, SMALL_BYTES = 5000, SMALL_PAGES = (SMALL * 20 * 256 + 4095) / 4096 };

/* Records of a page and a quarter, in one group: most heads lie in a page, some across two. */
static void
put_small(void)
{
    uint8_t key[4];
    fsp_error_t error = {.text = ""};
    for (unsigned i = 0; i < SMALL; i++) {
        const fsp_objstore_put_t small = {.key = key_of(i, key),
                                          .bytes = bytes_of(i, 1, SMALL_BYTES)};
        ck_assert_int_eq(fsp_objstore_put_many(&objects, writing, &small, 1, &error), FSP_OK);
    }
    commit(true);
    (void)tick(true, false); /* gives back what was taken ahead */
    ck_assert_uint_eq(blocks_of(1), SMALL_PAGES);
}

static void
expect_small(unsigned number)
{
    uint8_t key[4];
    fsp_blob_t *blob = NULL;
    ck_assert_int_eq(fsp_objstore_read(&objects, key_of(number, key), 0, 0, &blob), FSP_OK);
    ck_assert(fsp_slice_eq(fsp_blob_slice(blob), bytes_of(number, 1, SMALL_BYTES)));
    fsp_blob_destroy(&blob);
}

/* A page that two share goes when both are dead, although no hole that was wanted covers it. */
START_TEST(what_dies_piece_by_piece_goes_all_the_same)
{
    put_small();
    for (unsigned i = 0; i < SMALL; i++) {
        if (i % 50 == 20)
            continue;
        drop(i, i + 1, 1);
        fsp_segments_tick(objects.segments, false, false);
        fsp_segments_rest(objects.segments);
    }
    /* So far only pages that one of them has for itself have gone, if any. */
    ck_assert_uint_gt(blocks_of(1), SMALL_PAGES / 2);
    objects.segments->compact = false;
    settle();
    ck_assert_uint_eq(info().live_bytes, 3 * 20 * 256);
    ck_assert_uint_le(blocks_of(1), 3 * 3);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 20; i < SMALL; i += 50)
            expect_small(i);
}
END_TEST

/* Heads are found again behind what was punched, wherever in a page they begin. */
START_TEST(a_sweep_finds_its_way_from_any_unit)
{
    put_small();
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(5));
    bool lives[SMALL];
    memset(lives, true, sizeof(lives));
    for (unsigned left = SMALL; left > SMALL / 3;) {
        unsigned number = (unsigned)fsp_prng_below(&prng, SMALL);
        if (!lives[number])
            continue;
        lives[number] = false;
        left--;
        add_drop(number);
        if (left % 8 != 0)
            continue;
        commit(true);
        (void)pthread_mutex_lock(&objects.segments->lock);
        fsp_segset_find(objects.segments, 1)->sweep = left % 16 == 0; /* else one by one */
        (void)pthread_mutex_unlock(&objects.segments->lock);
        fsp_segments_tick(objects.segments, false, false);
        fsp_segments_rest(objects.segments);
        if (fsp_segments_waiting(objects.segments))
            commit(true); /* the sweep waits for it */
        fsp_segments_rest(objects.segments);
        ck_assert_uint_eq(fsp_segset_find(objects.segments, 1)->missed, 0);
    }
    commit(true);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i < SMALL; i++)
            if (lives[i])
                expect_small(i);
    ck_assert_uint_lt(blocks_of(1), SMALL_PAGES);
}
END_TEST

START_TEST(a_sweep_that_misses_something_gives_nothing_back)
{
    put(0, IN_SEGMENT + 1, 1);
    fsp_place_t place = place_of(3);
    drop(0, IN_SEGMENT, 2);
    unsigned before = blocks_of(1);
    ck_assert(close_all());
    scratch_flip(file_of(1), (off_t)place.offset + 20); /* the head of one that lives */
    open_all();
    settle();
    ck_assert_uint_eq(blocks_of(1), before);
    for (unsigned i = 1; i < IN_SEGMENT; i += 2)
        expect(i, 1); /* its bytes are not touched */
    drop(1, IN_SEGMENT, 2);
    settle();
    ck_assert(!has_file(1)); /* deleting needs no look at it */
}
END_TEST

START_TEST(without_holes_segments_with_half_a_life_are_copied)
{
    doors.punch_errno = EOPNOTSUPP;
    put(0, 4 * IN_SEGMENT + 1, 1);
    drop(0, 4 * IN_SEGMENT, 2);
    settle();
    ck_assert_uint_eq(doors.punches, 1); /* it was told once */
    for (uint64_t segment = 1; segment < 5; segment++)
        ck_assert(!has_file(segment));
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i < 4 * IN_SEGMENT; i++)
            expect(i, i % 2);
}
END_TEST

START_TEST(a_sweep_waits_until_the_drops_it_saw_are_durable)
{
    put(0, IN_SEGMENT + 1, 1);
    drop(0, IN_SEGMENT, 2);
    reopen(); /* what is dead there is to be found by a sweep */
    unsigned before = blocks_of(1);
    add_drop(1);
    commit(false);
    fsp_segments_tick(objects.segments, false, false);
    fsp_segments_rest(objects.segments);
    ck_assert_uint_eq(blocks_of(1), before);
    ck_assert(fsp_segments_waiting(objects.segments));
    commit(true);
    fsp_segments_rest(objects.segments);
    ck_assert_uint_le(blocks_of(1), before / 2);
    for (unsigned i = 0; i < IN_SEGMENT; i++)
        expect(i, i % 2 && i > 1);
}
END_TEST

START_TEST(a_hole_that_fails_is_tried_again)
{
    put(0, IN_SEGMENT + 1, 1);
    unsigned before = blocks_of(1);
    doors.punch_errno = ENOSPC; /* a hole may want a block for its own account */
    drop(0, IN_SEGMENT, 2);
    settle();
    ck_assert_uint_gt(doors.punches, 0);
    ck_assert_uint_eq(blocks_of(1), before);
    doors.punch_errno = 0;
    settle();
    ck_assert_uint_le(blocks_of(1), HALF_PAGES);
    for (unsigned i = 0; i < IN_SEGMENT; i++)
        expect(i, i % 2);
}
END_TEST

/* -- copying ----------------------------------------------------------------------------------- */

/* Objects 0, 10, 20... of `segments` segments live, in the first of those of the log. */
static void
make_sparse(unsigned segments)
{
    put(0, segments * IN_SEGMENT + 1, 1);
    for (unsigned i = 0; i < segments * IN_SEGMENT; i++)
        if (i % IN_SEGMENT != 0)
            add_drop(i);
    commit(true);
}

START_TEST(segments_with_little_life_are_put_together)
{
    make_sparse(12);
    ck_assert_uint_eq(info().files, 13);
    settle();
    ck_assert_uint_eq(info().files, 3); /* the log's, and the copies' two */
    ck_assert_uint_eq(info().live_bytes, 13 * OBJECT_OCTETS);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i < 12 * IN_SEGMENT; i++)
            expect(i, i % IN_SEGMENT == 0);
    put(500, 500 + IN_SEGMENT, 2);
    expect(500 + IN_SEGMENT - 1, 2);
    settle();
    expect(0, 1);
}
END_TEST

START_TEST(the_cleaner_gives_back_what_it_took_for_copies)
{
    make_sparse(4);
    settle();
    uint64_t copies = place_of(0).segment;
    ck_assert_uint_gt(copies, 4);
    ck_assert_ptr_null(objects.segments->clean.file.buffer);
    ck_assert_uint_le(blocks_of(copies), 4 * ALONE_OCTETS / 4096 + 2);
    (void)tick(true, false);
    ck_assert_uint_eq(info().ahead_bytes, 0);
    put(500, 500 + IN_SEGMENT, 1);
    drop(500, 500 + IN_SEGMENT, 1);
    settle(); /* and it goes on in that file */
    ck_assert_uint_eq(place_of(4 * IN_SEGMENT).segment, copies);
    for (int round = 0; round < 2; round++, reopen())
        for (unsigned i = 0; i <= 4; i++)
            expect(i * IN_SEGMENT, 1);
}
END_TEST

/* No descriptor is left, say. */
START_TEST(a_segment_that_cannot_be_opened_is_tried_again)
{
    make_sparse(4);
    doors.open_errno = EMFILE;
    settle();
    doors.open_errno = 0;
    for (uint64_t segment = 1; segment < 5; segment++)
        ck_assert(has_file(segment));
    for (int i = 0; i < 700; i++)
        (void)tick(false, false);
    settle();
    for (uint64_t segment = 1; segment < 5; segment++)
        ck_assert(!has_file(segment));
    for (unsigned i = 0; i < 4 * IN_SEGMENT; i++)
        expect(i, i % IN_SEGMENT == 0);
}
END_TEST

START_TEST(a_copy_of_what_changed_meanwhile_is_dead)
{
    make_sparse(4);
    for (int i = 0; i < TICKS; i++)
        fsp_segments_tick(objects.segments, false, false);
    fsp_segments_rest(objects.segments); /* it has copied, and waits for the rows */
    size_t count = 0;
    ck_assert(fsp_segments_moves(objects.segments, &count) != NULL);
    ck_assert_uint_gt(count, 0);
    add_drop(0);
    add_put(IN_SEGMENT, 2);
    bool moved = false;
    fsp_error_t error = {.text = ""};
    ck_assert_int_eq(fsp_objstore_move(&objects, writing, &moved, &error), FSP_OK);
    ck_assert(moved);
    commit(true);
    settle();
    for (int round = 0; round < 2; round++, reopen()) {
        expect(0, 0);
        expect(IN_SEGMENT, 2);
        expect(2 * IN_SEGMENT, 1);
        expect(3 * IN_SEGMENT, 1);
        ck_assert_uint_eq(info().live_bytes, 4 * OBJECT_OCTETS);
    }
}
END_TEST

START_TEST(a_copy_that_was_not_switched_is_forgotten)
{
    make_sparse(4);
    for (int i = 0; i < TICKS; i++)
        fsp_segments_tick(objects.segments, false, false);
    fsp_segments_rest(objects.segments);
    uint64_t live = info().live_bytes;
    reopen(); /* the store ends before it has looked at the copies */
    ck_assert_uint_eq(info().live_bytes, live);
    for (unsigned i = 0; i < 4 * IN_SEGMENT; i++)
        expect(i, i % IN_SEGMENT == 0);
    settle();
    for (uint64_t segment = 1; segment < 5; segment++)
        ck_assert(!has_file(segment));
    for (unsigned i = 0; i < 4 * IN_SEGMENT; i++)
        expect(i, i % IN_SEGMENT == 0);
}
END_TEST

START_TEST(a_copy_without_room_is_given_up_and_tried_again)
{
    make_sparse(4);
    doors.pwrite_errno = ENOSPC; /* RocksDB has writes of its own */
    for (int i = 0; i < TICKS; i++)
        fsp_segments_tick(objects.segments, false, false);
    fsp_segments_rest(objects.segments);
    doors.pwrite_errno = 0;
    (void)tick(false, false);
    for (unsigned i = 0; i < 4 * IN_SEGMENT; i++)
        expect(i, i % IN_SEGMENT == 0);
    put(900, 901, 1); /* the store has not failed */
    ck_assert(has_file(1));
    for (int i = 0; i < 700; i++)
        (void)tick(false, false);
    settle();
    ck_assert(!has_file(1));
    for (unsigned i = 0; i < 4 * IN_SEGMENT; i++)
        expect(i, i % IN_SEGMENT == 0);
}
END_TEST

START_TEST(a_copy_without_room_spares_those_before)
{
    make_sparse(4);
    settle();
    uint64_t copies = place_of(0).segment;
    ck_assert_uint_gt(copies, 4);
    put(500, 500 + IN_SEGMENT, 1);
    drop(500, 500 + IN_SEGMENT, 1); /* the log's first segment has one object left */
    doors.pwrite_errno = ENOSPC;
    for (int i = 0; i < TICKS; i++)
        fsp_segments_tick(objects.segments, false, false);
    fsp_segments_rest(objects.segments);
    ck_assert_uint_gt(objects.segments->copy_pause, 0); /* it was given up */
    doors.pwrite_errno = 0;
    for (int round = 0; round < 2; round++, reopen()) {
        for (unsigned i = 0; i <= 4; i++)
            expect(i * IN_SEGMENT, 1);
        ck_assert_uint_eq(place_of(0).segment, copies);
    }
}
END_TEST

START_TEST(what_is_damaged_is_not_copied)
{
    make_sparse(3);
    fsp_place_t place = place_of(IN_SEGMENT);
    ck_assert(close_all());
    scratch_flip(file_of(place.segment), (off_t)fsp_segrecord_data(&place, 4) + 50000);
    open_all();
    settle();
    ck_assert(has_file(place.segment)); /* for `check` to see */
    fsp_place_t now = place_of(IN_SEGMENT);
    ck_assert(fsp_place_eq(&now, &place));
    ck_assert(!has_file(place.segment - 1) && !has_file(place.segment + 1));
    expect(0, 1);
    expect(2 * IN_SEGMENT, 1);
}
END_TEST

/* -- threads ----------------------------------------------------------------------------------- */

enum { HOT = 30, READERS = 3, ROUNDS = 60 };

static struct {
    atomic_bool stop;
    _Atomic unsigned version[HOT]; /* put and acknowledged; even: dropped, or about to be */
} race;

/* What is read is whole, and some version of the object; what was acknowledged before is there. */
static void *
read_hot(void *argument)
{
    fsp_prng_t prng;
    may_fail = false;
    fsp_prng_init(&prng, (uint64_t)(uintptr_t)argument);
    size_t *found = fsp_alloc(sizeof(size_t));
    while (!atomic_load(&race.stop)) {
        unsigned number = (unsigned)fsp_prng_below(&prng, HOT);
        unsigned before = atomic_load(&race.version[number]);
        uint8_t key[4];
        fsp_blob_t *blob = NULL;
        fsp_status_t status = fsp_objstore_read(&objects, key_of(number, key), 0, 0, &blob);
        unsigned after = atomic_load(&race.version[number]);
        FSP_ASSERT(status == FSP_OK || status == FSP_NOT_FOUND);
        FSP_ASSERT(status == FSP_OK || before != after || before % 2 == 0);
        bool whole = status != FSP_OK;
        for (unsigned v = before ? before - 1 : 0; v <= after + 1 && !whole; v++)
            whole = fsp_slice_eq(fsp_blob_slice(blob), bytes_of(number, v, OBJECT_BYTES));
        FSP_ASSERT(whole);
        *found += status == FSP_OK;
        fsp_blob_destroy(&blob);
    }
    return found;
}

/* _i 1: the disk fails the cleaner now and then. */
START_TEST(readers_see_whole_objects_while_room_is_given_back)
{
    doors.cleaner_fails = _i == 1;
    pthread_t threads[READERS];
    atomic_store(&race.stop, false);
    for (unsigned i = 0; i < HOT; i++)
        atomic_store(&race.version[i], 0);
    for (size_t i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_hot, (void *)(i + 1)), 0);
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(7));
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < 8; i++) {
            unsigned number = (unsigned)fsp_prng_below(&prng, HOT);
            unsigned version = atomic_load(&race.version[number]);
            if (version % 2 == 0) {
                put(number, number + 1, version + 1);
                atomic_store(&race.version[number], version + 1);
            } else {
                atomic_store(&race.version[number], version + 1);
                drop(number, number + 1, 1);
            }
        }
        objects.segments->ticks_quiet = TICKS; /* copies, too, and now */
        (void)pthread_mutex_lock(&objects.segments->lock);
        objects.segments->copy_pause = 0;
        (void)pthread_mutex_unlock(&objects.segments->lock);
        (void)tick(false, false);
        if (round % 20 == 19)
            settle();
    }
    atomic_store(&race.stop, true);
    for (size_t i = 0; i < READERS; i++) {
        void *found = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &found), 0);
        ck_assert_uint_gt(*(size_t *)found, 0);
        fsp_free(found);
    }
    ck_assert_uint_gt(doors.punches, 0);
    ck_assert((doors.failed > 0) == (_i == 1));
    doors.cleaner_fails = false;
    settle();
    for (int round = 0; round < 2; round++, reopen()) {
        uint64_t live = 0;
        for (unsigned i = 0; i < HOT; i++) {
            unsigned version = atomic_load(&race.version[i]);
            expect(i, version % 2 ? version : 0);
            live += version % 2;
        }
        ck_assert_uint_eq(info().live_bytes, live * OBJECT_OCTETS);
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("segclean");
    TCase *tests = tcase_create("segclean");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, dead_places_become_holes);
    tcase_add_test(tests, nothing_goes_before_the_drop_is_durable);
    tcase_add_test(tests, nothing_goes_while_a_reader_is_on_its_way);
    tcase_add_test(tests, dead_segments_are_deleted_and_their_numbers_never_used_again);
    tcase_add_test(tests, what_a_crash_left_dead_is_found_at_the_next_start);
    tcase_add_test(tests, what_dies_piece_by_piece_goes_all_the_same);
    tcase_add_test(tests, a_sweep_finds_its_way_from_any_unit);
    tcase_add_test(tests, a_sweep_that_misses_something_gives_nothing_back);
    tcase_add_test(tests, without_holes_segments_with_half_a_life_are_copied);
    tcase_add_test(tests, a_sweep_waits_until_the_drops_it_saw_are_durable);
    tcase_add_test(tests, a_hole_that_fails_is_tried_again);
    tcase_add_test(tests, segments_with_little_life_are_put_together);
    tcase_add_test(tests, the_cleaner_gives_back_what_it_took_for_copies);
    tcase_add_test(tests, a_segment_that_cannot_be_opened_is_tried_again);
    tcase_add_test(tests, a_copy_of_what_changed_meanwhile_is_dead);
    tcase_add_test(tests, a_copy_that_was_not_switched_is_forgotten);
    tcase_add_test(tests, a_copy_without_room_is_given_up_and_tried_again);
    tcase_add_test(tests, a_copy_without_room_spares_those_before);
    tcase_add_test(tests, what_is_damaged_is_not_copied);
    tcase_add_loop_test(tests, readers_see_whole_objects_while_room_is_given_back, 0, 2);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
