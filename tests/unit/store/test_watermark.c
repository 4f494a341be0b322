/* SPDX-License-Identifier: MIT */
/* test_watermark - marks, the row, and the file of two slots.  Layer tests. */
#include "core/base/prng.h"
#include "store/watermark.h"
#include "tests/unit/aborts.h"
#include "tests/unit/store/scratch.h"
#include "tests/unit/suite.h"

#include <xxhash.h>

static char *directory;

static void
set_up(void)
{
    directory = scratch_make();
}

static void
tear_down(void)
{
    scratch_end(&directory);
}

START_TEST(marks_only_rise)
{
    fsp_watermark_t mark = {0};
    ck_assert_uint_eq(fsp_watermark_index(&mark, 0, 1), 0);
    ck_assert(fsp_watermark_note(&mark, 0, 1, 5));
    ck_assert(!fsp_watermark_note(&mark, 0, 1, 5));
    ck_assert(!fsp_watermark_note(&mark, 0, 1, 4));
    ck_assert(fsp_watermark_note(&mark, 0, 1, 6));
    ck_assert(fsp_watermark_note(&mark, 9, 1, 2));
    ck_assert_uint_eq(fsp_watermark_index(&mark, 0, 1), 6);
    ck_assert_uint_eq(fsp_watermark_index(&mark, 9, 1), 2);
    ck_assert_uint_eq(fsp_watermark_index(&mark, 9, 2), 0);
    ck_assert_uint_eq(mark.count, 2);
}
END_TEST

START_TEST(marks_of_one_replica_are_lowered)
{
    fsp_watermark_t mark = {0};
    ck_assert(!fsp_watermark_lower(&mark, 0, 1, 5));
    ck_assert_uint_eq(mark.count, 0);
    ck_assert(fsp_watermark_note(&mark, 0, 1, 9));
    ck_assert(fsp_watermark_note(&mark, 1, 1, 9));
    ck_assert(!fsp_watermark_lower(&mark, 0, 2, 5));
    ck_assert(!fsp_watermark_lower(&mark, 0, 1, 9));
    ck_assert(fsp_watermark_lower(&mark, 0, 1, 5));
    ck_assert_uint_eq(fsp_watermark_index(&mark, 0, 1), 5);
    ck_assert_uint_eq(fsp_watermark_index(&mark, 1, 1), 9);
    ck_assert(fsp_watermark_note(&mark, 0, 1, 6));
}
END_TEST

START_TEST(a_new_replica_of_a_shard_takes_the_place_of_the_old)
{
    fsp_watermark_t mark = {0};
    ck_assert(fsp_watermark_note(&mark, 0, 1, 100));
    ck_assert(fsp_watermark_note(&mark, 0, 2, 7));
    ck_assert(!fsp_watermark_note(&mark, 0, 1, 101));
    ck_assert_uint_eq(fsp_watermark_index(&mark, 0, 1), 0);
    ck_assert_uint_eq(fsp_watermark_index(&mark, 0, 2), 7);
    ck_assert_uint_eq(mark.count, 1);
}
END_TEST

static void
fill(fsp_watermark_t *mark)
{
    *mark = (fsp_watermark_t){.sequence = UINT64_MAX - 1};
    for (uint32_t i = 0; i < FSP_STORE_SHARDS_MAX; i++)
        ck_assert(fsp_watermark_note(mark, UINT32_MAX - i, UINT64_MAX - i, UINT64_MAX - 2 * i));
}

static bool
equal(const fsp_watermark_t *a, const fsp_watermark_t *b)
{
    bool same = a->sequence == b->sequence && a->clean == b->clean && a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++)
        same = a->marks[i].shard == b->marks[i].shard &&
               a->marks[i].replica == b->marks[i].replica && a->marks[i].index == b->marks[i].index;
    return same;
}

START_TEST(one_shard_too_many_is_a_bug)
{
    fsp_watermark_t mark;
    fill(&mark);
    ck_assert_uint_eq(mark.count, FSP_STORE_SHARDS_MAX);
    FSP_EXPECT_ABORT((void)fsp_watermark_note(&mark, 0, 1, 1));
}
END_TEST

START_TEST(merge_takes_the_higher_of_each)
{
    fsp_watermark_t a = {.sequence = 10}, b = {.sequence = 9};
    (void)fsp_watermark_note(&a, 0, 1, 5);
    (void)fsp_watermark_note(&b, 0, 1, 6);
    (void)fsp_watermark_note(&b, 1, 1, 1);
    ck_assert(fsp_watermark_merge(&a, &b));
    ck_assert(!fsp_watermark_merge(&a, &b));
    ck_assert_uint_eq(a.sequence, 10);
    ck_assert_uint_eq(fsp_watermark_index(&a, 0, 1), 6);
    ck_assert_uint_eq(fsp_watermark_index(&a, 1, 1), 1);
    b.sequence = 11;
    ck_assert(fsp_watermark_merge(&a, &b));
    ck_assert_uint_eq(a.sequence, 11);
}
END_TEST

START_TEST(the_row_says_what_the_mark_said)
{
    fsp_watermark_t marks[3] = {{.sequence = 0}, {.sequence = 300}};
    (void)fsp_watermark_note(&marks[1], 2, 3, 70000);
    fill(&marks[2]);
    for (int i = 0; i < 3; i++) {
        fsp_buf_t row;
        fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
        fsp_watermark_encode_row(&marks[i], &row);
        ck_assert(fsp_buf_ok(&row));
        fsp_watermark_t back;
        ck_assert_int_eq(fsp_watermark_decode_row(fsp_buf_slice(&row), &back), FSP_OK);
        ck_assert(equal(&marks[i], &back));
        /* Cut anywhere, or with a byte more: damaged. */
        for (size_t bytes = 0; bytes < row.bytes; bytes++)
            ck_assert_int_eq(fsp_watermark_decode_row(fsp_slice(row.data, bytes), &back),
                             FSP_DAMAGED);
        fsp_buf_append_u8(&row, 0);
        ck_assert_int_eq(fsp_watermark_decode_row(fsp_buf_slice(&row), &back), FSP_DAMAGED);
        fsp_buf_clear(&row);
    }
}
END_TEST

START_TEST(the_row_has_golden_bytes)
{
    static const uint8_t golden[] = {0x92, 0xcd, 0x01, 0x2c, 0x91, 0x93, 2,
                                     3,    0xce, 0x00, 0x01, 0x11, 0x70};
    fsp_watermark_t mark = {.sequence = 300};
    (void)fsp_watermark_note(&mark, 2, 3, 70000);
    fsp_buf_t row;
    fsp_buf_init(&row, FSP_WATERMARK_ROW_BYTES_MAX);
    fsp_watermark_encode_row(&mark, &row);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&row), fsp_slice(golden, sizeof(golden))));
    fsp_buf_clear(&row);
}
END_TEST

static void
open_file(fsp_watermark_file_t *file, fsp_watermark_t *mark)
{
    fsp_error_t error = {.text = ""};
    ck_assert_msg(fsp_watermark_file_open(directory, file, mark, &error) == FSP_OK, "%s",
                  error.text);
}

static const char *
path(void)
{
    return scratch_path(directory, "WATERMARK");
}

START_TEST(the_file_says_what_was_written_last)
{
    fsp_error_t error;
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &mark, &error), FSP_NOT_FOUND);
    ck_assert_int_eq(fsp_watermark_file_make(directory, &error), FSP_OK);
    ck_assert_int_eq(scratch_size(path()), FSP_WATERMARK_FILE_BYTES);
    open_file(&file, &mark);
    ck_assert_uint_eq(mark.sequence, 0);
    ck_assert(!mark.clean);
    for (int i = 0; i < 5; i++) {
        fill(&mark);
        mark.sequence = (uint64_t)i * 1000 + 1;
        mark.clean = i % 2 == 1;
        ck_assert_int_eq(fsp_watermark_file_write(&file, &mark, &error), FSP_OK);
        fsp_watermark_file_close(&file);
        fsp_watermark_t back;
        open_file(&file, &back);
        ck_assert(equal(&mark, &back));
    }
    ck_assert_int_eq(scratch_size(path()), FSP_WATERMARK_FILE_BYTES);
    fsp_watermark_file_close(&file);
    fsp_watermark_file_close(&file); /* twice is harmless */
}
END_TEST

/* Two slots: sequence 1 in the older, 2 in the newer; where the newer lies. */
static off_t
make_two(void)
{
    fsp_error_t error;
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    ck_assert_int_eq(fsp_watermark_file_make(directory, &error), FSP_OK);
    open_file(&file, &mark);
    for (uint64_t i = 1; i <= 2; i++) {
        mark.sequence = i;
        ck_assert_int_eq(fsp_watermark_file_write(&file, &mark, &error), FSP_OK);
    }
    fsp_watermark_file_close(&file);
    return (off_t)(file.counter % 2) * FSP_WATERMARK_SLOT_BYTES;
}

static uint64_t
sequence_found(void)
{
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    open_file(&file, &mark);
    fsp_watermark_file_close(&file);
    return mark.sequence;
}

START_TEST(any_damage_to_the_newer_slot_leaves_the_older)
{
    off_t newer = make_two();
    ck_assert_uint_eq(sequence_found(), 2);
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(42));
    for (int i = 0; i < 200; i++) {
        off_t at = i < 48 ? i : (off_t)fsp_prng_below(&prng, FSP_WATERMARK_SLOT_BYTES);
        scratch_flip(path(), newer + at);
        ck_assert_uint_eq(sequence_found(), 1);
        scratch_flip(path(), newer + at);
    }
    ck_assert_uint_eq(sequence_found(), 2);
}
END_TEST

START_TEST(a_write_after_damage_mends_the_bad_slot)
{
    off_t newer = make_two();
    scratch_flip(path(), newer + 50);
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    fsp_error_t error;
    open_file(&file, &mark);
    mark.sequence = 3;
    ck_assert_int_eq(fsp_watermark_file_write(&file, &mark, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    ck_assert_uint_eq(sequence_found(), 3);
    scratch_flip(path(), newer + 50);
    ck_assert_uint_eq(sequence_found(), 1);
}
END_TEST

START_TEST(a_short_file_is_as_good_as_its_whole_slots)
{
    off_t newer = make_two();
    ck_assert_int_eq(truncate(path(), FSP_WATERMARK_SLOT_BYTES), 0);
    ck_assert_uint_eq(sequence_found(), newer == 0 ? 2 : 1);
    ck_assert_int_eq(truncate(path(), FSP_WATERMARK_SLOT_BYTES - 1), 0);
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &mark, &error), FSP_DAMAGED);
    ck_assert(strstr(error.text, "restore from a replica or backup") != NULL);
}
END_TEST

static void
read_slots(uint8_t *slots)
{
    int fd = open(path(), O_RDONLY);
    ck_assert_int_eq(read(fd, slots, FSP_WATERMARK_FILE_BYTES), FSP_WATERMARK_FILE_BYTES);
    (void)close(fd);
}

static void
write_slots(const uint8_t *slots)
{
    int fd = open(path(), O_WRONLY);
    ck_assert_int_eq(write(fd, slots, FSP_WATERMARK_FILE_BYTES), FSP_WATERMARK_FILE_BYTES);
    (void)close(fd);
}

START_TEST(slots_in_each_others_place_are_refused)
{
    static uint8_t slots[2 * FSP_WATERMARK_FILE_BYTES];
    (void)make_two();
    read_slots(slots);
    memcpy(slots + FSP_WATERMARK_FILE_BYTES, slots, FSP_WATERMARK_SLOT_BYTES);
    write_slots(slots + FSP_WATERMARK_SLOT_BYTES);
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &mark, &error), FSP_DAMAGED);
}
END_TEST

/* Sets a field of a slot and its checksum. */
static void
set_field(uint8_t *slot, size_t at, uint32_t value)
{
    fsp_store_u32(slot + at, value);
    fsp_store_u64(slot + FSP_WATERMARK_SLOT_BYTES - 8,
                  XXH3_64bits(slot, FSP_WATERMARK_SLOT_BYTES - 8));
}

START_TEST(a_newer_slot_is_refused_with_both_numbers)
{
    static uint8_t slots[FSP_WATERMARK_FILE_BYTES];
    (void)make_two();
    read_slots(slots);
    set_field(slots + _i * FSP_WATERMARK_SLOT_BYTES, 8, 7);
    write_slots(slots);
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    fsp_error_t error;
    ck_assert_int_eq(fsp_watermark_file_open(directory, &file, &mark, &error), FSP_FORMAT_NEWER);
    ck_assert(strstr(error.text, "format 7, this program knows up to 3") != NULL);
}
END_TEST

START_TEST(a_slot_with_too_many_marks_is_not_whole)
{
    static uint8_t slots[FSP_WATERMARK_FILE_BYTES];
    off_t newer = make_two();
    read_slots(slots);
    set_field(slots + newer, 32, FSP_STORE_SHARDS_MAX + 1);
    write_slots(slots);
    ck_assert_uint_eq(sequence_found(), 1);
}
END_TEST

START_TEST(a_slot_has_golden_bytes)
{
    static uint8_t slots[FSP_WATERMARK_FILE_BYTES];
    static const uint8_t golden[60] = {
        'F', 'S', 'P', 'W', 'M', 'A', 'R',  'K',  0, 0, 0, 3, 0, 0, 0, 1, /* format 3, clean */
        0,   0,   0,   0,   0,   0,   0,    3,                            /* counter */
        0,   0,   0,   0,   0,   0,   1,    0x2c,                         /* sequence */
        0,   0,   0,   1,   0,   0,   0,    0,                            /* one mark */
        0,   0,   0,   2,   0,   0,   0,    0,    0, 0, 0, 3,             /* shard, replica */
        0,   0,   0,   0,   0,   1,   0x11, 0x70};                        /* index */
    fsp_error_t error;
    fsp_watermark_file_t file;
    fsp_watermark_t mark;
    ck_assert_int_eq(fsp_watermark_file_make(directory, &error), FSP_OK);
    open_file(&file, &mark);
    mark = (fsp_watermark_t){.sequence = 300, .clean = true};
    (void)fsp_watermark_note(&mark, 2, 3, 70000);
    ck_assert_int_eq(fsp_watermark_file_write(&file, &mark, &error), FSP_OK);
    fsp_watermark_file_close(&file);
    read_slots(slots);
    const uint8_t *slot = slots + FSP_WATERMARK_SLOT_BYTES; /* counter 3 */
    ck_assert_mem_eq(slot, golden, sizeof(golden));
    for (size_t i = sizeof(golden); i < FSP_WATERMARK_SLOT_BYTES - 8; i++)
        ck_assert_uint_eq(slot[i], 0);
    ck_assert_uint_eq(fsp_load_u64(slot + FSP_WATERMARK_SLOT_BYTES - 8), 0x7428659fc1847524ULL);
}
END_TEST

START_TEST(a_slot_of_an_older_format_is_read)
{
    static uint8_t slots[FSP_WATERMARK_FILE_BYTES];
    off_t newer = make_two();
    read_slots(slots);
    set_field(slots + newer, 8, (uint32_t)_i);
    write_slots(slots);
    ck_assert_uint_eq(sequence_found(), 2);
    set_field(slots + newer, 8, 0);
    write_slots(slots);
    ck_assert_uint_eq(sequence_found(), 1);
    /* What is written next says the format of this program, in one slot and then in the other. */
    (void)make_two();
    read_slots(slots);
    for (int i = 0; i < 2; i++)
        ck_assert_uint_eq(fsp_load_u32(slots + i * FSP_WATERMARK_SLOT_BYTES + 8), FSP_STORE_FORMAT);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("watermark");
    TCase *tests = tcase_create("watermark");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, marks_only_rise);
    tcase_add_test(tests, marks_of_one_replica_are_lowered);
    tcase_add_test(tests, a_new_replica_of_a_shard_takes_the_place_of_the_old);
    tcase_add_test(tests, one_shard_too_many_is_a_bug);
    tcase_add_test(tests, merge_takes_the_higher_of_each);
    tcase_add_test(tests, the_row_says_what_the_mark_said);
    tcase_add_test(tests, the_row_has_golden_bytes);
    tcase_add_test(tests, the_file_says_what_was_written_last);
    tcase_add_test(tests, any_damage_to_the_newer_slot_leaves_the_older);
    tcase_add_test(tests, a_write_after_damage_mends_the_bad_slot);
    tcase_add_test(tests, a_short_file_is_as_good_as_its_whole_slots);
    tcase_add_test(tests, slots_in_each_others_place_are_refused);
    tcase_add_loop_test(tests, a_newer_slot_is_refused_with_both_numbers, 0, 2);
    tcase_add_test(tests, a_slot_with_too_many_marks_is_not_whole);
    tcase_add_test(tests, a_slot_has_golden_bytes);
    tcase_add_loop_test(tests, a_slot_of_an_older_format_is_read, 1, FSP_STORE_FORMAT);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
