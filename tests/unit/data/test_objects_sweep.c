/* SPDX-License-Identifier: MIT */
/* test_objects_sweep - marks, and what a sweep takes and leaves.  Layer tests. */
#include "core/data/objects.h"
#include "tests/unit/data/storer.h"

static const fsp_space_id_t other_space = {{1, 2, 2}}, later_space = {{9}};

static void
mark(uint64_t token, const fsp_key_t *keys, size_t count, uint64_t round, bool look)
{
    fsp_objects_event_t event = event_of(FSP_OBJECTS_MARK, token, keys, count, 0);
    event.round = round;
    event.look = look;
    step(&event);
}

static void
done(uint64_t token, uint64_t round)
{
    fsp_objects_event_t event = event_of(FSP_OBJECTS_DONE, token, NULL, 0, 0);
    event.round = round;
    event.store_id = store;
    step(&event);
}

static void
expect_marks(uint64_t token, const uint8_t *marks, size_t count)
{
    const fsp_objects_effect_t *effect = only(FSP_OBJECTS_MARKED);
    ck_assert_uint_eq(effect->token, token);
    ck_assert_int_eq(effect->status, FSP_OK);
    ck_assert_uint_eq(effect->yes_count, count);
    ck_assert_mem_eq(effect->yes, marks, count);
}

static void
expect_refused(fsp_objects_effect_type_t type, fsp_status_t status)
{
    const fsp_objects_effect_t *effect = only(type);
    ck_assert_int_eq(effect->status, status);
    ck_assert_ptr_null(effect->yes);
}

static size_t sweep_steps;

/* Sweeps to the end and finishes its writes; what SWEPT says for `token`. */
static fsp_swept_t
sweep(uint64_t token, fsp_status_t status)
{
    fsp_swept_t swept = {0};
    size_t answers = 0;
    sweep_steps = 0;
    while (fsp_objects_sweeping(engine) || written_token < write_token || answers == 0) {
        bool sweeping = fsp_objects_sweeping(engine);
        if (sweeping) {
            sweep_steps++;
            step(&(fsp_objects_event_t){.type = FSP_OBJECTS_SWEEP});
        } else {
            ck_assert_uint_lt(written_token, write_token);
            finish_write();
        }
        for (size_t i = 0; i < effects.count; i++) {
            const fsp_objects_effect_t *effect = &effects.items[i];
            if (effect->type != FSP_OBJECTS_SWEPT || effect->token != token)
                continue;
            ck_assert_int_eq(effect->status, status);
            swept = effect->swept;
            answers++;
        }
    }
    ck_assert_uint_eq(answers, 1);
    return swept;
}

/* An object that is stored, with this stamp. */
static fsp_key_t
stored(size_t size, uint64_t stamp)
{
    fsp_key_t key;
    fsp_blob_t *object = make_object(size, &key);
    put(1, &key, object, stamp);
    finish_writes();
    fsp_blob_destroy(&object);
    return key;
}

static size_t
rows_left(void)
{
    return fsp_omap_count(fsp_memview_map(rows)) + fsp_omap_count(fsp_memview_map(bytes));
}

static bool
is_there(fsp_key_t key)
{
    fsp_object_row_t row;
    return row_on_disk(&key, &row);
}

static void
set_flags(fsp_key_t key, uint64_t flags)
{
    fsp_object_row_t row;
    fsp_buf_t row_key, value;
    ck_assert(row_on_disk(&key, &row));
    row.flags = flags;
    fsp_buf_init(&row_key, 64);
    fsp_buf_init(&value, 512);
    fsp_object_row_key(SLOT_BITS, space, key, 0x00, &row_key);
    fsp_object_row_encode(&row, &value);
    fsp_omap_put(fsp_memview_map(rows), fsp_buf_slice(&row_key), fsp_buf_slice(&value), 0);
    fsp_buf_clear(&row_key);
    fsp_buf_clear(&value);
}

START_TEST(a_mark_says_what_is_there_and_only_rises)
{
    fsp_key_t keys[3] = {stored(100, 1), {{0xff}}, stored(70000, 1)};
    set_flags(keys[2], FSP_OBJECT_SUSPECT);
    mark(2, keys, 3, 5, true);
    expect_marks(2, (uint8_t[]){FSP_MARK_NEW, FSP_MARK_MISSING, FSP_MARK_UNSOUND}, 3);
    mark(3, keys, 3, 5, false);
    (void)only(FSP_OBJECTS_WRITE);
    mark(4, keys, 1, 5, true); /* has it, but promises nothing before the disk has it */
    ck_assert_uint_eq(effects.count, 0);
    finish_write();
    ck_assert_uint_eq(effects.count, 2);
    ck_assert_mem_eq(effects.items[0].yes, "\2\0\1", 3);
    ck_assert_mem_eq(effects.items[1].yes, "\3", 1);
    fsp_object_row_t row;
    ck_assert(row_on_disk(&keys[0], &row));
    ck_assert_uint_eq(row.mark, 5);
    ck_assert_uint_eq(row.stamp, 1);
    ck_assert(row_on_disk(&keys[2], &row));
    ck_assert_uint_eq(row.mark, 5);
    mark(5, keys, 1, 4, false); /* of an older round */
    expect_marks(5, (uint8_t[]){FSP_MARK_BEFORE}, 1);
    mark(6, NULL, 0, 4, false);
    expect_marks(6, (const uint8_t *)"", 0);
}
END_TEST

START_TEST(rounds_that_do_not_fit_are_refused)
{
    static fsp_key_t keys[FSP_HAVE_KEYS_MAX + 1];
    mark(1, keys, 1, 0, false);
    expect_refused(FSP_OBJECTS_MARKED, FSP_INVALID);
    mark(1, keys, FSP_HAVE_KEYS_MAX + 1, 1, false);
    expect_refused(FSP_OBJECTS_MARKED, FSP_TOO_LARGE);
    fsp_objects_event_t event = event_of(FSP_OBJECTS_MARK, 1, keys, 1, 0);
    event.round = 1;
    event.store_id = (fsp_store_id_t){{0x66}};
    step(&event);
    expect_refused(FSP_OBJECTS_MARKED, FSP_STALE);
    for (int by = -1; by <= 1; by += 2) { /* neither an older nor a newer layout */
        event.store_id = store;
        event.layout_version = (uint64_t)(LAYOUT_OURS + by);
        event.type = FSP_OBJECTS_MARK;
        step(&event);
        expect_refused(FSP_OBJECTS_MARKED, FSP_LAYOUT);
        event.type = FSP_OBJECTS_DONE;
        step(&event);
        expect_refused(FSP_OBJECTS_SWEPT, FSP_LAYOUT);
    }
    event.layout_version = LAYOUT_OURS;
    event.store_id = (fsp_store_id_t){{0}};
    step(&event);
    expect_refused(FSP_OBJECTS_SWEPT, FSP_STALE);
    event.store_id = store;
    event.round = 0;
    step(&event);
    expect_refused(FSP_OBJECTS_SWEPT, FSP_INVALID);
    done(2, 7);
    ck_assert_uint_eq(effects.count, 0);
    done(3, 6);
    expect_refused(FSP_OBJECTS_SWEPT, FSP_EPOCH);
    done(4, 8); /* takes its place */
    expect_refused(FSP_OBJECTS_SWEPT, FSP_EPOCH);
    ck_assert_uint_eq(effects.items[0].token, 2);
    for (unsigned i = 1; i < FSP_SWEEPS_MAX; i++) {
        event.round = 1;
        event.space_id.bytes[0] = (uint8_t)(100 + i);
        step(&event);
        ck_assert_uint_eq(effects.count, 0);
    }
    event.space_id.bytes[0] = 99;
    step(&event);
    expect_refused(FSP_OBJECTS_SWEPT, FSP_BUSY);
    (void)sweep(4, FSP_OK);
    ck_assert(!fsp_objects_sweeping(engine));
}
END_TEST

START_TEST(a_sweep_takes_what_has_neither_mark_nor_stamp)
{
    enum { ROUND = 10 };
    fsp_key_t marked = stored(100, 1), old = stored(100, ROUND - 2), young = stored(100, ROUND - 1),
              large = stored(FSP_BLOB_BYTES_MIN, 2), middle = stored(30000, 3),
              guest = stored(100, 1), before = stored(100, 1);
    set_flags(guest, FSP_OBJECT_GUEST);
    mark(2, &marked, 1, ROUND, false);
    finish_writes();
    mark(2, &before, 1, ROUND - 1, false);
    finish_writes();
    done(3, ROUND);
    fsp_swept_t swept = sweep(3, FSP_OK);
    ck_assert(is_there(marked) && is_there(young) && is_there(guest));
    ck_assert(!is_there(old) && !is_there(large) && !is_there(middle) && !is_there(before));
    ck_assert_uint_eq(swept.objects, 4);
    ck_assert_uint_eq(swept.bytes,
                      2 * (72 + 100 + 16) + (72 + FSP_BLOB_BYTES_MIN + 16) + (72 + 30000 + 16));
    ck_assert_uint_eq(swept.live, 1);
    ck_assert_uint_eq(swept.young, 1);
    ck_assert_uint_eq(rows_left(), 6); /* rows and bytes of what stays */
}
END_TEST

START_TEST(what_waits_for_a_write_stays)
{
    fsp_key_t raised = stored(100, 1), again = stored(100, 1), fresh;
    fsp_blob_t *object = make_object(100, &fresh);
    done(2, 10);
    have(3, &raised, 1, 9);    /* on its way: seen */
    put(4, &fresh, object, 1); /* its stamp is old, but it is not even there */
    have(5, &again, 1, 2);     /* still too old, and on its way */
    fsp_swept_t swept = sweep(2, FSP_OK);
    ck_assert_uint_eq(swept.objects, 0);
    ck_assert(is_there(raised) && is_there(fresh) && is_there(again));
    done(6, 11);
    swept = sweep(6, FSP_OK);
    ck_assert_uint_eq(swept.objects, 3);
    ck_assert_uint_eq(rows_left(), 0);
    /* What a sweep has taken can come again at once, and is there afterwards. */
    put(7, &fresh, object, 20);
    finish_writes();
    done(8, 30);
    step(&(fsp_objects_event_t){.type = FSP_OBJECTS_SWEEP});
    have(9, &fresh, 1, 29);
    expect_yes(9, 0); /* it is as good as gone */
    put(10, &fresh, object, 29);
    finish_writes();
    expect_readable(&fresh, object, false);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(a_sweep_is_bounded_and_stays_in_its_space)
{
    enum { MANY = 900 };
    static fsp_key_t mine[MANY];
    size_t others = 0;
    for (size_t i = 0; i < MANY; i++) {
        fsp_blob_t *object = make_object(i % 7 == 0 ? 9000 : 10, &mine[i]);
        put(1, &mine[i], object, 1);
        for (size_t j = 0; j < 2 && i % 3 == 0; j++) {
            fsp_objects_event_t event = event_of(FSP_OBJECTS_PUT, 1, &mine[i], 1, 1);
            event.space_id = j == 0 ? other_space : later_space;
            event.object = object;
            step(&event);
            others++;
        }
        finish_writes();
        fsp_blob_destroy(&object);
    }
    for (size_t i = 0; i < MANY; i += 2) {
        mark(2, &mine[i], 1, 10, false);
        finish_writes();
    }
    done(3, 10);
    done(4, 10); /* joins */
    fsp_swept_t swept = sweep(4, FSP_OK);
    ck_assert_uint_gt(sweep_steps, 4);
    ck_assert_uint_eq(swept.objects, MANY / 2);
    ck_assert_uint_eq(swept.live, MANY / 2);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(is_there(mine[i]), i % 2 == 0);
    ck_assert_uint_eq(rows_left(), MANY + 2 * others);
}
END_TEST

START_TEST(a_space_that_is_gone_loses_all_and_takes_nothing)
{
    fsp_key_t mine = stored(100, 99);
    fsp_blob_t *object = make_object(70000, &mine);
    const fsp_space_id_t ids[] = {other_space, space, later_space};
    for (size_t i = 0; i < 3; i++) {
        fsp_objects_event_t event = event_of(FSP_OBJECTS_PUT, 1, &mine, 1, 99);
        event.space_id = ids[i];
        event.object = object;
        step(&event);
    }
    finish_writes();
    ck_assert_uint_eq(rows_left(), 2 + 3 * 2);
    done(2, 5);
    fsp_objects_event_t gone = event_of(FSP_OBJECTS_GONE, 3, NULL, 0, 0);
    step(&gone);
    expect_refused(FSP_OBJECTS_SWEPT, FSP_NO_SUCH_SPACE); /* its round */
    put(4, &mine, object, 100);
    expect_stored(4, FSP_NO_SUCH_SPACE);
    have(5, &mine, 1, 100);
    expect_refused(FSP_OBJECTS_ANSWER, FSP_NO_SUCH_SPACE);
    mark(6, &mine, 1, 5, false);
    expect_refused(FSP_OBJECTS_MARKED, FSP_NO_SUCH_SPACE);
    gone.space_id = later_space;
    gone.token = 7;
    step(&gone); /* one pass for both */
    fsp_swept_t swept = sweep(7, FSP_OK);
    ck_assert_uint_eq(swept.objects, 3);
    ck_assert_uint_eq(rows_left(), 2);
    fsp_blob_destroy(&object);
}
END_TEST

START_TEST(a_layout_ends_the_sweeps_of_the_one_before)
{
    fsp_key_t key = stored(100, 1);
    done(2, 10);
    fsp_objects_set_layout_version(engine, LAYOUT_OURS + 1);
    step(&(fsp_objects_event_t){.type = FSP_OBJECTS_SWEEP});
    expect_refused(FSP_OBJECTS_SWEPT, FSP_LAYOUT);
    ck_assert(!fsp_objects_sweeping(engine));
    ck_assert(is_there(key));
    step(&(fsp_objects_event_t){.type = FSP_OBJECTS_SWEEP}); /* nothing to do */
    ck_assert_uint_eq(effects.count, 0);
}
END_TEST

START_TEST(a_restart_forgets_the_sweep)
{
    fsp_key_t key = stored(100, 1);
    done(2, 10);
    stop_engine();
    start_engine();
    ck_assert(!fsp_objects_sweeping(engine));
    ck_assert(is_there(key));
    done(3, 10);
    ck_assert_uint_eq(sweep(3, FSP_OK).objects, 1);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("objects_sweep");
    TCase *tcase = tcase_create("objects_sweep");
    tcase_set_timeout(tcase, 120);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_mark_says_what_is_there_and_only_rises);
    tcase_add_test(tcase, rounds_that_do_not_fit_are_refused);
    tcase_add_test(tcase, a_sweep_takes_what_has_neither_mark_nor_stamp);
    tcase_add_test(tcase, what_waits_for_a_write_stays);
    tcase_add_test(tcase, a_sweep_is_bounded_and_stays_in_its_space);
    tcase_add_test(tcase, a_space_that_is_gone_loses_all_and_takes_nothing);
    tcase_add_test(tcase, a_layout_ends_the_sweeps_of_the_one_before);
    tcase_add_test(tcase, a_restart_forgets_the_sweep);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
