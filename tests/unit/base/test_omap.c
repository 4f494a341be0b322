/* SPDX-License-Identifier: MIT */
/* test_omap - the ordered map, against a sorted array that does the same slowly.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/buf.h"
#include "core/base/omap.h"
#include "core/base/prng.h"
#include "tests/unit/suite.h"

#include <stdlib.h>
#include <string.h>

static fsp_omap_t *map;

static void
set_up(void)
{
    map = fsp_omap_new();
}

static void
tear_down(void)
{
    fsp_omap_destroy(&map);
    ck_assert(!map);
    fsp_omap_destroy(&map);
}

static void
put(const char *key, const char *value, uint64_t tag)
{
    fsp_omap_put(map, fsp_slice_text(key), fsp_slice_text(value), tag);
}

/* All keys and values as one text: "a=1 b=2 c! ". */
static void
expect_rows(const char *expected)
{
    fsp_buf_t text;
    fsp_buf_init(&text, 10000);
    for (const fsp_omap_row_t *row = fsp_omap_first(map); row; row = fsp_omap_next(row)) {
        fsp_buf_append_slice(&text, row->key);
        fsp_buf_append_u8(&text, row->deleted ? '!' : '=');
        fsp_buf_append_slice(&text, row->value);
        fsp_buf_append_u8(&text, ' ');
    }
    fsp_buf_append_u8(&text, 0);
    ck_assert_str_eq((char *)text.data, expected);
    fsp_buf_clear(&text);
}

START_TEST(empty_map_has_nothing)
{
    ck_assert_uint_eq(fsp_omap_count(map), 0);
    ck_assert_uint_eq(fsp_omap_bytes(map), 0);
    ck_assert(!fsp_omap_first(map));
    ck_assert(!fsp_omap_seek(map, fsp_slice(NULL, 0)));
    ck_assert(!fsp_omap_get(map, fsp_slice_text("a")));
    fsp_omap_remove(map, fsp_slice_text("a"));
    fsp_omap_reset(map);
}
END_TEST

START_TEST(rows_are_ordered_and_replaced)
{
    put("b", "2", 10);
    put("c", "3", 11);
    put("a", "1", 12);
    put("ab", "", 13);
    expect_rows("a=1 ab= b=2 c=3 ");
    ck_assert_uint_eq(fsp_omap_count(map), 4);
    ck_assert_uint_eq(fsp_omap_bytes(map), 8);
    put("b", "two", 14);
    expect_rows("a=1 ab= b=two c=3 ");
    ck_assert_uint_eq(fsp_omap_count(map), 4);
    ck_assert_uint_eq(fsp_omap_bytes(map), 10);
    const fsp_omap_row_t *row = fsp_omap_get(map, fsp_slice_text("b"));
    ck_assert_uint_eq(row->tag, 14);
    ck_assert(!row->deleted);
    ck_assert(!fsp_omap_get(map, fsp_slice_text("aa")));
}
END_TEST

START_TEST(tombstones_stand_in_the_order)
{
    put("a", "1", 1);
    put("b", "2", 2);
    fsp_omap_put_tombstone(map, fsp_slice_text("b"), 3);
    fsp_omap_put_tombstone(map, fsp_slice_text("c"), 4);
    expect_rows("a=1 b! c! ");
    ck_assert_uint_eq(fsp_omap_count(map), 3);
    ck_assert_uint_eq(fsp_omap_bytes(map), 4);
    ck_assert_uint_eq(fsp_omap_get(map, fsp_slice_text("c"))->tag, 4);
    put("c", "3", 5);
    expect_rows("a=1 b! c=3 ");
}
END_TEST

START_TEST(rows_are_removed)
{
    put("a", "1", 1);
    put("b", "2", 2);
    put("c", "3", 3);
    fsp_omap_remove(map, fsp_slice_text("b"));
    fsp_omap_remove(map, fsp_slice_text("b"));
    expect_rows("a=1 c=3 ");
    /* By the key of the row itself. */
    fsp_omap_remove(map, fsp_omap_first(map)->key);
    fsp_omap_remove(map, fsp_omap_first(map)->key);
    expect_rows("");
    ck_assert_uint_eq(fsp_omap_bytes(map), 0);
}
END_TEST

START_TEST(seek_finds_the_first_not_below)
{
    put("b", "2", 1);
    put("d", "4", 1);
    ck_assert(fsp_slice_eq(fsp_omap_seek(map, fsp_slice(NULL, 0))->key, fsp_slice_text("b")));
    ck_assert(fsp_slice_eq(fsp_omap_seek(map, fsp_slice_text("b"))->key, fsp_slice_text("b")));
    ck_assert(fsp_slice_eq(fsp_omap_seek(map, fsp_slice_text("b0"))->key, fsp_slice_text("d")));
    ck_assert(!fsp_omap_seek(map, fsp_slice_text("d0")));
}
END_TEST

START_TEST(key_and_value_are_copied)
{
    char key[] = "key";
    char value[] = "value";
    put(key, value, 1);
    key[0] = 'x';
    value[0] = 'x';
    expect_rows("key=value ");
}
END_TEST

START_TEST(own_slices_may_be_put)
{
    put("a", "value", 1);
    const fsp_omap_row_t *row = fsp_omap_first(map);
    fsp_slice_t tail = fsp_slice(row->value.data + 2, 3);
    fsp_omap_put(map, row->key, tail, 2);
    expect_rows("a=lue ");
    row = fsp_omap_first(map);
    fsp_omap_put(map, row->value, row->key, 3);
    expect_rows("a=lue lue=a ");
}
END_TEST

START_TEST(empty_key_is_the_first)
{
    put("a", "1", 1);
    fsp_omap_put(map, fsp_slice(NULL, 0), fsp_slice_text("0"), 1);
    expect_rows("=0 a=1 ");
    ck_assert(fsp_omap_get(map, fsp_slice(NULL, 0)));
    fsp_omap_remove(map, fsp_slice(NULL, 0));
    expect_rows("a=1 ");
}
END_TEST

START_TEST(reset_forgets_and_goes_on)
{
    put("a", "1", 1);
    put("b", "2", 1);
    fsp_omap_reset(map);
    ck_assert_uint_eq(fsp_omap_count(map), 0);
    ck_assert_uint_eq(fsp_omap_bytes(map), 0);
    expect_rows("");
    put("c", "3", 1);
    expect_rows("c=3 ");
}
END_TEST

/* -- against a model --------------------------------------------------------------------------- */

enum { MODEL_KEYS = 512 };

/* Position is the key, as two bytes big-endian, so that positions and keys have one order. */
typedef struct {
    bool there;
    bool deleted;
    uint64_t tag;
    size_t value_bytes;
    uint8_t value[24];
} model_row_t;

static model_row_t model[MODEL_KEYS];

static void
expect_row(const fsp_omap_row_t *row, uint16_t position)
{
    const model_row_t *expected = &model[position];
    ck_assert(row);
    ck_assert_uint_eq(row->key.bytes, 2);
    ck_assert_uint_eq(fsp_load_u16(row->key.data), position);
    ck_assert_int_eq(row->deleted, expected->deleted);
    ck_assert_uint_eq(row->tag, expected->tag);
    ck_assert(fsp_slice_eq(row->value, fsp_slice(expected->value, expected->value_bytes)));
}

static void
expect_model(void)
{
    size_t count = 0;
    size_t bytes = 0;
    const fsp_omap_row_t *row = fsp_omap_first(map);
    for (uint16_t position = 0; position < MODEL_KEYS; position++) {
        if (!model[position].there)
            continue;
        expect_row(row, position);
        row = fsp_omap_next(row);
        count++;
        bytes += 2 + model[position].value_bytes;
    }
    ck_assert(!row);
    ck_assert_uint_eq(fsp_omap_count(map), count);
    ck_assert_uint_eq(fsp_omap_bytes(map), bytes);
}

static void
expect_seek(uint16_t position)
{
    uint8_t key[2];
    fsp_store_u16(key, position);
    const fsp_omap_row_t *exact = fsp_omap_get(map, fsp_slice(key, 2));
    if (model[position].there)
        expect_row(exact, position);
    else
        ck_assert(!exact);
    const fsp_omap_row_t *row = fsp_omap_seek(map, fsp_slice(key, 2));
    while (position < MODEL_KEYS && !model[position].there)
        position++;
    if (position < MODEL_KEYS)
        expect_row(row, position);
    else
        ck_assert(!row);
}

START_TEST(random_histories_fit_the_model)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(5));
    memset(model, 0, sizeof(model));
    for (uint64_t step = 0; step < 60000; step++) {
        uint16_t position = (uint16_t)fsp_prng_below(&prng, MODEL_KEYS);
        model_row_t *row = &model[position];
        uint8_t key[2];
        fsp_store_u16(key, position);
        /* Waves, so that the map is nearly full and nearly empty in turn. */
        bool filling = step / 3000 % 2 == 0;
        uint64_t kind = fsp_prng_below(&prng, 10);
        if (kind < (filling ? 6u : 2u)) {
            row->there = true;
            row->deleted = false;
            row->tag = step;
            row->value_bytes = (size_t)fsp_prng_below(&prng, sizeof(row->value) + 1);
            fsp_prng_fill(&prng, row->value, row->value_bytes);
            fsp_omap_put(map, fsp_slice(key, 2), fsp_slice(row->value, row->value_bytes), step);
        } else if (kind < (filling ? 7u : 3u)) {
            *row = (model_row_t){.there = true, .deleted = true, .tag = step};
            fsp_omap_put_tombstone(map, fsp_slice(key, 2), step);
        } else {
            *row = (model_row_t){0};
            fsp_omap_remove(map, fsp_slice(key, 2));
        }
        expect_seek((uint16_t)fsp_prng_below(&prng, MODEL_KEYS));
        if (step % 500 == 0)
            expect_model();
        if (fsp_prng_chance(&prng, 1, 20000)) {
            memset(model, 0, sizeof(model));
            fsp_omap_reset(map);
        }
    }
    expect_model();
}
END_TEST

START_TEST(many_rows_in_falling_and_rising_order)
{
    enum { ROWS = 50000 };
    uint8_t key[4];
    for (uint32_t i = 0; i < ROWS; i++) {
        fsp_store_u32(key, i % 2 ? i : ROWS * 2 - i);
        fsp_omap_put(map, fsp_slice(key, 4), fsp_slice(key, 4), i);
    }
    ck_assert_uint_eq(fsp_omap_count(map), ROWS);
    uint32_t before = 0;
    size_t count = 0;
    for (const fsp_omap_row_t *row = fsp_omap_first(map); row; row = fsp_omap_next(row)) {
        ck_assert(fsp_slice_eq(row->key, row->value));
        ck_assert_uint_gt(fsp_load_u32(row->key.data), before);
        before = fsp_load_u32(row->key.data);
        count++;
    }
    ck_assert_uint_eq(count, ROWS);
    while (fsp_omap_first(map))
        fsp_omap_remove(map, fsp_omap_first(map)->key);
    ck_assert_uint_eq(fsp_omap_bytes(map), 0);
}
END_TEST

/* Keys that a B-tree may get wrong: shared beginnings longer than a node keeps, ends that differ
   only in zeros, one the beginning of another. */
enum { HARD_KEYS = 3000, HARD_BYTES = 80 };

static size_t
make_hard_key(fsp_prng_t *prng, uint8_t ret[HARD_BYTES])
{
    static const uint8_t alphabet[] = {0, 0, 1, 'a', 0xff};
    size_t shared = (size_t)fsp_prng_below(prng, 4) * 21; /* 0, 21, 42, 63 */
    size_t bytes = shared + (size_t)fsp_prng_below(prng, HARD_BYTES - 63);
    for (size_t i = 0; i < bytes; i++)
        ret[i] = i < shared ? 7 : alphabet[fsp_prng_below(prng, sizeof(alphabet))];
    return bytes;
}

static int
compare_slices(const void *a, const void *b)
{
    return fsp_slice_cmp(*(const fsp_slice_t *)a, *(const fsp_slice_t *)b);
}

/* The rows are those of keys[0..count), in which one may come more than once. */
static void
expect_keys(fsp_slice_t *keys, size_t count)
{
    qsort(keys, count, sizeof(*keys), compare_slices);
    const fsp_omap_row_t *row = fsp_omap_first(map);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && fsp_slice_eq(keys[i - 1], keys[i]))
            continue;
        ck_assert(row);
        ck_assert(fsp_slice_eq(row->key, keys[i]));
        ck_assert_ptr_eq(fsp_omap_get(map, keys[i]), row);
        ck_assert_ptr_eq(fsp_omap_seek(map, keys[i]), row);
        row = fsp_omap_next(row);
    }
    ck_assert(!row);
}

START_TEST(hard_keys_stand_in_order)
{
    static uint8_t bytes[HARD_KEYS][HARD_BYTES];
    static fsp_slice_t keys[HARD_KEYS], left[HARD_KEYS];
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(6));
    for (size_t i = 0; i < HARD_KEYS; i++) {
        keys[i] = fsp_slice(bytes[i], make_hard_key(&prng, bytes[i]));
        fsp_omap_put(map, keys[i], keys[i], i);
        if (i % 300 == 0) {
            memcpy(left, keys, (i + 1) * sizeof(keys[0]));
            expect_keys(left, i + 1);
        }
    }
    /* Away with all whose last byte is odd, in the order in which they came. */
    size_t count = 0;
    for (size_t i = 0; i < HARD_KEYS; i++) {
        if (keys[i].bytes > 0 && keys[i].data[keys[i].bytes - 1] % 2)
            fsp_omap_remove(map, keys[i]);
        else
            left[count++] = keys[i];
    }
    ck_assert_uint_gt(count, 500);
    expect_keys(left, count);
    /* What was removed is between what is left. */
    for (size_t i = 0; i < HARD_KEYS; i++) {
        const fsp_omap_row_t *row = fsp_omap_seek(map, keys[i]);
        ck_assert(!row || fsp_slice_cmp(row->key, keys[i]) >= 0);
        ck_assert((row && fsp_slice_eq(row->key, keys[i])) == (fsp_omap_get(map, keys[i]) != NULL));
    }
}
END_TEST

START_TEST(rows_are_taken_over)
{
    fsp_omap_t *other = fsp_omap_new();
    put("a", "old", 1);
    put("c", "stays", 1);
    put("d", "goes", 1);
    fsp_omap_put(other, fsp_slice_text("a"), fsp_slice_text("a longer value"), 0);
    fsp_omap_put(other, fsp_slice_text("b"), fsp_slice_text("new"), 0);
    fsp_omap_put_tombstone(other, fsp_slice_text("d"), 0);
    fsp_omap_take(map, other, 9);
    expect_rows("a=a longer value b=new c=stays d! ");
    ck_assert_uint_eq(fsp_omap_count(map), 4);
    ck_assert_uint_eq(fsp_omap_bytes(map), 4 + 14 + 3 + 5);
    ck_assert_uint_eq(fsp_omap_get(map, fsp_slice_text("b"))->tag, 9);
    ck_assert_uint_eq(fsp_omap_get(map, fsp_slice_text("c"))->tag, 1);
    ck_assert_uint_eq(fsp_omap_get(map, fsp_slice_text("d"))->tag, 9);
    ck_assert_uint_eq(fsp_omap_count(other), 0);
    ck_assert_uint_eq(fsp_omap_bytes(other), 0);
    ck_assert(!fsp_omap_first(other));
    /* Many, so that both are trees; the emptied one goes on. */
    for (uint32_t i = 0; i < 5000; i++) {
        uint8_t key[4];
        fsp_store_u32(key, i * 2654435761u);
        fsp_omap_put(other, fsp_slice(key, 4), fsp_slice(key, 4), i);
    }
    fsp_omap_take(map, other, 10);
    ck_assert_uint_eq(fsp_omap_count(map), 5004);
    ck_assert_uint_eq(fsp_omap_count(other), 0);
    fsp_omap_put(other, fsp_slice_text("x"), fsp_slice_text("y"), 0);
    ck_assert_uint_eq(fsp_omap_count(other), 1);
    fsp_omap_destroy(&other);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("omap");
    TCase *tests = tcase_create("omap");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, empty_map_has_nothing);
    tcase_add_test(tests, rows_are_ordered_and_replaced);
    tcase_add_test(tests, tombstones_stand_in_the_order);
    tcase_add_test(tests, rows_are_removed);
    tcase_add_test(tests, seek_finds_the_first_not_below);
    tcase_add_test(tests, key_and_value_are_copied);
    tcase_add_test(tests, own_slices_may_be_put);
    tcase_add_test(tests, empty_key_is_the_first);
    tcase_add_test(tests, reset_forgets_and_goes_on);
    tcase_add_test(tests, random_histories_fit_the_model);
    tcase_add_test(tests, many_rows_in_falling_and_rising_order);
    tcase_add_test(tests, hard_keys_stand_in_order);
    tcase_add_test(tests, rows_are_taken_over);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
