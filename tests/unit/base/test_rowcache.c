/* SPDX-License-Identifier: MIT */
/* test_rowcache - what is kept is what the base says, and is not asked for again.  Layer tests. */
#include "core/base/memview.h"
#include "core/base/prng.h"
#include "core/base/rowcache.h"
#include "tests/unit/suite.h"

#include <string.h>

/* A view that counts what it is asked. */
typedef struct {
    fsp_view_t view; /* first */
    fsp_view_t *base;
    size_t gets;
    fsp_status_t failure; /* of the next gets */
} counted_t;

static fsp_status_t
get_counted(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    counted_t *self = (counted_t *)view;
    self->gets++;
    return self->failure ? self->failure : fsp_view_get(self->base, key, ret_value);
}

static fsp_cursor_t *
scan_counted(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    return fsp_view_scan(((counted_t *)view)->base, from, to);
}

typedef struct {
    fsp_memview_t *rows;
    counted_t counted;
    fsp_rowcache_t *cache;
    fsp_view_t *view;
} fixture_t;

static void
begin(fixture_t *self, size_t rows_max)
{
    static const fsp_view_ops_t ops = {.get = get_counted, .scan = scan_counted};
    memset(self, 0, sizeof(*self));
    self->rows = fsp_memview_new();
    self->counted = (counted_t){.view.ops = &ops, .base = fsp_memview_view(self->rows)};
    self->cache = fsp_rowcache_new(&self->counted.view, rows_max);
    self->view = fsp_rowcache_view(self->cache);
}

static void
end(fixture_t *self)
{
    fsp_rowcache_destroy(&self->cache);
    ck_assert_ptr_null(self->cache);
    fsp_memview_destroy(&self->rows);
}

/* A write to the base, of which the cache is told first; value NULL: a delete. */
static void
write_row(fixture_t *self, fsp_slice_t key, const fsp_slice_t *value)
{
    fsp_batch_t *batch = fsp_batch_new();
    if (value)
        fsp_batch_put(batch, FSP_FAMILY_STATE, key, *value);
    else
        fsp_batch_delete(batch, FSP_FAMILY_STATE, key);
    fsp_batch_row_t row = fsp_batch_row(batch, 0);
    fsp_rowcache_note(self->cache, &row);
    fsp_memview_apply(self->rows, batch, FSP_FAMILY_STATE);
    fsp_batch_destroy(&batch);
}

static void
put(fixture_t *self, const char *key, const char *text)
{
    fsp_slice_t value = fsp_slice_text(text);
    write_row(self, fsp_slice_text(key), &value);
}

/* Reads, and says how often the base was asked for it. */
static size_t
expect(fixture_t *self, const char *key, const char *text)
{
    size_t before = self->counted.gets;
    fsp_buf_t value;
    fsp_buf_init(&value, 4096);
    fsp_buf_append(&value, "before", 6); /* get appends */
    fsp_status_t status = fsp_view_get(self->view, fsp_slice_text(key), &value);
    ck_assert_int_eq(status, text ? FSP_OK : FSP_NOT_FOUND);
    ck_assert(fsp_slice_eq(fsp_slice(value.data, 6), fsp_slice_text("before")));
    if (text)
        ck_assert(fsp_slice_eq(fsp_slice(value.data + 6, value.bytes - 6), fsp_slice_text(text)));
    fsp_buf_clear(&value);
    return self->counted.gets - before;
}

#ifdef FSP_SLOW_CHECKS
enum { KEPT = 1 }; /* then what is kept is compared with the base at each read */
#else
enum { KEPT = 0 };
#endif

START_TEST(test_a_row_is_read_once)
{
    fixture_t fixture;
    begin(&fixture, 16);
    put(&fixture, "a", "one");
    ck_assert_uint_eq(expect(&fixture, "a", "one"), 1);
    ck_assert_uint_eq(expect(&fixture, "a", "one"), KEPT);
    put(&fixture, "a", "a longer value than the one before");
    ck_assert_uint_eq(expect(&fixture, "a", "a longer value than the one before"), KEPT);
    put(&fixture, "a", "");
    ck_assert_uint_eq(expect(&fixture, "a", ""), KEPT);
    write_row(&fixture, fsp_slice_text("a"), NULL);
    ck_assert_uint_eq(expect(&fixture, "a", NULL), 1);
    end(&fixture);
}
END_TEST

START_TEST(test_what_is_not_there_or_not_small_is_not_kept)
{
    fixture_t fixture;
    begin(&fixture, 16);
    ck_assert_uint_eq(expect(&fixture, "a", NULL), 1);
    ck_assert_uint_eq(expect(&fixture, "a", NULL), 1);
    char large[FSP_ROWCACHE_BYTES_MAX + 1];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    put(&fixture, "a", large); /* with its key one too many */
    ck_assert_uint_eq(expect(&fixture, "a", large), 1);
    ck_assert_uint_eq(expect(&fixture, "a", large), 1);
    large[sizeof(large) - 2] = '\0';
    put(&fixture, "a", large);
    ck_assert_uint_eq(expect(&fixture, "a", large), 1);
    ck_assert_uint_eq(expect(&fixture, "a", large), KEPT);
    large[sizeof(large) - 2] = 'x';
    put(&fixture, "a", large); /* outgrows its place: let go of */
    ck_assert_uint_eq(expect(&fixture, "a", large), 1);
    end(&fixture);
}
END_TEST

START_TEST(test_reset_and_failures_leave_nothing)
{
    fixture_t fixture;
    begin(&fixture, 16);
    put(&fixture, "a", "one");
    (void)expect(&fixture, "a", "one");
    fsp_rowcache_reset(fixture.cache);
    ck_assert_uint_eq(expect(&fixture, "a", "one"), 1);
    fixture.counted.failure = FSP_IO;
    fsp_buf_t value;
    fsp_buf_init(&value, 64);
    put(&fixture, "b", "two");
    ck_assert_int_eq(fsp_view_get(fixture.view, fsp_slice_text("b"), &value), FSP_IO);
    ck_assert_uint_eq(value.bytes, 0);
    ck_assert_int_eq(fsp_view_get(fixture.view, fsp_slice_text("a"), &value), FSP_OK);
    fsp_buf_clear(&value);
    fixture.counted.failure = FSP_OK;
    ck_assert_uint_eq(expect(&fixture, "b", "two"), 1);
    fsp_buf_init(&value, 2); /* of a caller who has no room: as the base would say it */
    ck_assert_int_eq(fsp_view_get(fixture.view, fsp_slice_text("a"), &value), FSP_TOO_LARGE);
    fsp_buf_clear(&value);
    end(&fixture);
}
END_TEST

START_TEST(test_rows_that_are_read_again_stay)
{
    fixture_t fixture;
    begin(&fixture, 4); /* one set */
    char key[16];
    put(&fixture, "hot", "h");
    (void)expect(&fixture, "hot", "h");
    size_t asked = 0;
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof(key), "k%d", i);
        put(&fixture, key, "cold");
        (void)expect(&fixture, key, "cold");
        asked += expect(&fixture, "hot", "h") - KEPT;
    }
    ck_assert_uint_eq(asked, 0);
    end(&fixture);
}
END_TEST

START_TEST(test_random_rows_are_those_of_the_base)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(11));
    fixture_t fixture;
    begin(&fixture, 64);
    fsp_buf_t got, wanted;
    fsp_buf_init(&got, 2048);
    fsp_buf_init(&wanted, 2048);
    size_t found = 0;
    for (int i = 0; i < 50000; i++) {
        uint8_t key[24] = {0}, value[600];
        uint64_t dice = fsp_prng_next(&prng);
        size_t key_bytes = 1 + dice % sizeof(key);
        fsp_store_u64(value, dice);
        key[key_bytes - 1] = (uint8_t)(dice >> 8 & 15);
        fsp_slice_t name = fsp_slice(key, key_bytes);
        if (dice >> 16 & 1) {
            size_t bytes = dice >> 20 & 511;
            memset(value + 8, (int)(dice >> 32 & 255), sizeof(value) - 8);
            fsp_slice_t content = fsp_slice(value, bytes);
            write_row(&fixture, name, dice >> 17 & 3 ? &content : NULL);
        }
        fsp_buf_reset(&got);
        fsp_buf_reset(&wanted);
        fsp_status_t status = fsp_view_get(fixture.view, name, &got);
        ck_assert_int_eq(status, fsp_view_get(fixture.counted.base, name, &wanted));
        ck_assert(fsp_slice_eq(fsp_buf_slice(&got), fsp_buf_slice(&wanted)));
        found += status == FSP_OK;
    }
    ck_assert_uint_gt(found, 10000);
    ck_assert_uint_lt(fixture.counted.gets, KEPT ? SIZE_MAX : 50000); /* some came from the cache */
    fsp_buf_clear(&got);
    fsp_buf_clear(&wanted);
    end(&fixture);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rowcache");
    TCase *tests = tcase_create("rowcache");
    tcase_add_test(tests, test_a_row_is_read_once);
    tcase_add_test(tests, test_what_is_not_there_or_not_small_is_not_kept);
    tcase_add_test(tests, test_reset_and_failures_leave_nothing);
    tcase_add_test(tests, test_rows_that_are_read_again_stay);
    tcase_add_test(tests, test_random_rows_are_those_of_the_base);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
