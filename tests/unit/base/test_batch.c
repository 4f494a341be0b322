/* SPDX-License-Identifier: MIT */
/* test_batch - rows that become durable together.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/batch.h"
#include "core/base/buf.h"
#include "core/base/prng.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <string.h>

static fsp_batch_t *batch;

static void
set_up(void)
{
    batch = fsp_batch_new();
}

static void
tear_down(void)
{
    fsp_batch_destroy(&batch);
    ck_assert(!batch);
    fsp_batch_destroy(&batch);
}

static void
expect_row(const fsp_batch_t *of, size_t position, fsp_row_op_t op, fsp_family_t family,
           const char *key, const char *value)
{
    fsp_batch_row_t row = fsp_batch_row(of, position);
    ck_assert_int_eq(row.op, op);
    ck_assert_int_eq(row.family, family);
    ck_assert(fsp_slice_eq(row.key, fsp_slice_text(key)));
    ck_assert(fsp_slice_eq(row.value, fsp_slice_text(value)));
}

START_TEST(starts_empty)
{
    ck_assert_uint_eq(fsp_batch_count(batch), 0);
    ck_assert_uint_eq(fsp_batch_bytes(batch), 0);
    FSP_EXPECT_ABORT((void)fsp_batch_row(batch, 0));
}
END_TEST

START_TEST(keeps_rows_in_order)
{
    char key[] = "key";
    char value[] = "value";
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text(key), fsp_slice_text(value));
    memset(key, 'x', 3);
    memset(value, 'x', 5);
    fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_slice_text("gone"));
    fsp_batch_delete_range(batch, FSP_FAMILY_LOCAL, fsp_slice_text("a"), fsp_slice_text("b"));
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_slice_text("key"), fsp_slice(NULL, 0));
    fsp_batch_put(batch, FSP_FAMILY_BYTES, fsp_slice(NULL, 0), fsp_slice_text("v"));
    ck_assert_uint_eq(fsp_batch_count(batch), 5);
    ck_assert_uint_eq(fsp_batch_bytes(batch), 8 + 4 + 2 + 3 + 1);
    expect_row(batch, 0, FSP_ROW_PUT, FSP_FAMILY_STATE, "key", "value");
    expect_row(batch, 1, FSP_ROW_DELETE, FSP_FAMILY_LOG, "gone", "");
    expect_row(batch, 2, FSP_ROW_DELETE_RANGE, FSP_FAMILY_LOCAL, "a", "b");
    expect_row(batch, 3, FSP_ROW_PUT, FSP_FAMILY_STATE, "key", "");
    expect_row(batch, 4, FSP_ROW_PUT, FSP_FAMILY_BYTES, "", "v");
    FSP_EXPECT_ABORT((void)fsp_batch_row(batch, 5));
}
END_TEST

START_TEST(wrong_rows_abort)
{
    fsp_slice_t a = fsp_slice_text("a");
    fsp_slice_t b = fsp_slice_text("b");
    FSP_EXPECT_ABORT(fsp_batch_put(batch, FSP_FAMILY_COUNT, a, b));
    FSP_EXPECT_ABORT(fsp_batch_delete_range(batch, FSP_FAMILY_LOG, b, a));
    FSP_EXPECT_ABORT(fsp_batch_put_blob(batch, FSP_FAMILY_LOG, a, NULL));
    fsp_batch_delete_range(batch, FSP_FAMILY_LOG, a, a);
}
END_TEST

START_TEST(blob_is_held_and_not_copied)
{
    fsp_blob_t *blob = fsp_blob_copy("payload", 7);
    fsp_batch_put_blob(batch, FSP_FAMILY_BYTES, fsp_slice_text("k"), blob);
    const uint8_t *data = fsp_blob_data(blob);
    FSP_EXPECT_ABORT((void)fsp_blob_writable(blob));
    fsp_batch_row_t row = fsp_batch_row(batch, 0);
    ck_assert_ptr_eq(row.blob, blob);
    ck_assert_ptr_eq(row.value.data, data);
    ck_assert_uint_eq(fsp_batch_bytes(batch), 8);
    fsp_blob_destroy(&blob);
    expect_row(batch, 0, FSP_ROW_PUT, FSP_FAMILY_BYTES, "k", "payload");
}
END_TEST

START_TEST(destroyed_batch_gives_its_blobs_back)
{
    fsp_blob_t *blob = fsp_blob_copy("payload", 7);
    fsp_batch_put_blob(batch, FSP_FAMILY_BYTES, fsp_slice_text("a"), blob);
    fsp_batch_put_blob(batch, FSP_FAMILY_BYTES, fsp_slice_text("b"), blob);
    fsp_batch_destroy(&batch);
    ck_assert_ptr_nonnull(fsp_blob_writable(blob));
    fsp_blob_destroy(&blob);
}
END_TEST

START_TEST(append_moves_rows_behind)
{
    fsp_blob_t *blob = fsp_blob_copy("payload", 7);
    fsp_batch_t *other = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_slice_text("1"), fsp_slice_text("one"));
    fsp_batch_put(other, FSP_FAMILY_STATE, fsp_slice_text("2"), fsp_slice_text("two"));
    fsp_batch_put_blob(other, FSP_FAMILY_BYTES, fsp_slice_text("3"), blob);
    fsp_slice_t before = fsp_batch_row(other, 0).value;
    fsp_batch_append(batch, &other);
    ck_assert(!other);
    ck_assert_uint_eq(fsp_batch_count(batch), 3);
    ck_assert_uint_eq(fsp_batch_bytes(batch), 4 + 4 + 8);
    expect_row(batch, 0, FSP_ROW_PUT, FSP_FAMILY_LOG, "1", "one");
    expect_row(batch, 1, FSP_ROW_PUT, FSP_FAMILY_STATE, "2", "two");
    expect_row(batch, 2, FSP_ROW_PUT, FSP_FAMILY_BYTES, "3", "payload");
    ck_assert_ptr_eq(fsp_batch_row(batch, 1).value.data, before.data);
    /* And both go on. */
    fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_slice_text("4"));
    expect_row(batch, 3, FSP_ROW_DELETE, FSP_FAMILY_LOG, "4", "");
    FSP_EXPECT_ABORT((void)fsp_blob_writable(blob));
    fsp_batch_destroy(&batch);
    ck_assert_ptr_nonnull(fsp_blob_writable(blob));
    fsp_blob_destroy(&blob);
}
END_TEST

START_TEST(append_of_and_to_empty_batches)
{
    fsp_batch_t *other = fsp_batch_new();
    fsp_batch_append(batch, &other);
    ck_assert(!other);
    ck_assert_uint_eq(fsp_batch_count(batch), 0);
    other = fsp_batch_new();
    fsp_batch_put(other, FSP_FAMILY_LOG, fsp_slice_text("1"), fsp_slice_text("one"));
    fsp_batch_append(batch, &other);
    ck_assert(!other);
    expect_row(batch, 0, FSP_ROW_PUT, FSP_FAMILY_LOG, "1", "one");
    other = fsp_batch_new();
    fsp_batch_append(batch, &other);
    ck_assert_uint_eq(fsp_batch_count(batch), 1);
    /* Rows whose bytes are all empty have no chunk. */
    other = fsp_batch_new();
    fsp_batch_put(other, FSP_FAMILY_LOG, fsp_slice(NULL, 0), fsp_slice(NULL, 0));
    fsp_batch_append(other, &batch);
    ck_assert(!batch);
    batch = other;
    expect_row(batch, 0, FSP_ROW_PUT, FSP_FAMILY_LOG, "", "");
    expect_row(batch, 1, FSP_ROW_PUT, FSP_FAMILY_LOG, "1", "one");
    FSP_EXPECT_ABORT(fsp_batch_append(batch, &batch));
}
END_TEST

enum { MANY_ROWS = 3000 };

/* The i-th key and value of the random test: a value of what the generator of i says. */
static size_t
invent_row(uint32_t i, uint8_t *key, uint8_t *value, size_t value_bytes_max)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, i);
    fsp_store_u32(key, i);
    bool large = fsp_prng_chance(&prng, 1, 30);
    size_t bytes = (size_t)fsp_prng_below(&prng, large ? value_bytes_max : 60);
    fsp_prng_fill(&prng, value, bytes);
    return bytes;
}

START_TEST(rows_never_move_however_large_the_batch)
{
    enum { VALUE_MAX = 100000 };
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(6));
    uint8_t *value = fsp_alloc_raw(VALUE_MAX);
    uint8_t key[4];
    const uint8_t **seen = fsp_alloc_array(MANY_ROWS, sizeof(*seen));
    fsp_batch_t *other = fsp_batch_new();
    size_t bytes_expected = 0;
    for (uint32_t i = 0; i < MANY_ROWS; i++) {
        size_t bytes = invent_row(i, key, value, VALUE_MAX);
        fsp_batch_put(other, FSP_FAMILY_STATE, fsp_slice(key, 4), fsp_slice(value, bytes));
        bytes_expected += 4 + bytes;
        seen[i] = fsp_batch_row(other, fsp_batch_count(other) - 1).key.data;
        if (fsp_prng_chance(&prng, 1, 10)) {
            fsp_batch_append(batch, &other);
            other = fsp_batch_new();
        }
    }
    fsp_batch_append(batch, &other);
    ck_assert_uint_eq(fsp_batch_count(batch), MANY_ROWS);
    ck_assert_uint_eq(fsp_batch_bytes(batch), bytes_expected);
    for (uint32_t i = 0; i < MANY_ROWS; i++) {
        size_t bytes = invent_row(i, key, value, VALUE_MAX);
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        ck_assert_ptr_eq(row.key.data, seen[i]);
        ck_assert(fsp_slice_eq(row.key, fsp_slice(key, 4)));
        ck_assert(fsp_slice_eq(row.value, fsp_slice(value, bytes)));
    }
    fsp_free(seen);
    fsp_free(value);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("batch");
    TCase *tests = tcase_create("batch");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, starts_empty);
    tcase_add_test(tests, keeps_rows_in_order);
    tcase_add_test(tests, wrong_rows_abort);
    tcase_add_test(tests, blob_is_held_and_not_copied);
    tcase_add_test(tests, destroyed_batch_gives_its_blobs_back);
    tcase_add_test(tests, append_moves_rows_behind);
    tcase_add_test(tests, append_of_and_to_empty_batches);
    tcase_add_test(tests, rows_never_move_however_large_the_batch);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
