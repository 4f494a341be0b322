/* SPDX-License-Identifier: MIT */
/* test_overlay - writes above a view: transaction over pending rows over a base.  Layer tests. */
#include "core/base/alloc.h"
#include "core/base/memview.h"
#include "core/base/overlay.h"
#include "core/base/prng.h"
#include "tests/unit/aborts.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <string.h>

static fsp_memview_t *base;
static fsp_overlay_t *pending;
static fsp_overlay_t *transaction;

static void
set_up(void)
{
    base = fsp_memview_new();
    pending = fsp_overlay_new(fsp_memview_view(base));
    transaction = fsp_overlay_new(fsp_overlay_view(pending));
}

static void
tear_down(void)
{
    fsp_overlay_destroy(&transaction);
    fsp_overlay_destroy(&pending);
    fsp_memview_destroy(&base);
    ck_assert(!transaction);
    fsp_overlay_destroy(&transaction);
}

static void
put(fsp_overlay_t *overlay, const char *key, const char *value)
{
    fsp_overlay_put(overlay, fsp_slice_text(key), fsp_slice_text(value));
}

static void delete (fsp_overlay_t *overlay, const char *key)
{
    fsp_overlay_delete(overlay, fsp_slice_text(key));
}

static void
put_base(const char *key, const char *value)
{
    fsp_omap_put(fsp_memview_map(base), fsp_slice_text(key), fsp_slice_text(value), 0);
}

static void
commit(uint64_t tag)
{
    fsp_overlay_commit(transaction, pending, tag, NULL, FSP_FAMILY_STATE);
}

/* What a scan sees, as "a=1 b=2 ". */
static void
expect_scan(fsp_overlay_t *overlay, const char *from, const char *to, const char *expected)
{
    fsp_buf_t text;
    fsp_buf_init(&text, 10000);
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_overlay_view(overlay), fsp_slice_text(from), fsp_slice_text(to));
    for (; cursor->valid; fsp_cursor_next(cursor)) {
        fsp_buf_append_slice(&text, cursor->key);
        fsp_buf_append_u8(&text, '=');
        fsp_buf_append_slice(&text, cursor->value);
        fsp_buf_append_u8(&text, ' ');
    }
    ck_assert_int_eq(cursor->status, FSP_OK);
    fsp_cursor_destroy(&cursor);
    fsp_buf_append_u8(&text, 0);
    ck_assert_str_eq((char *)text.data, expected);
    fsp_buf_clear(&text);
}

static void
expect_get(fsp_overlay_t *overlay, const char *key, const char *expected)
{
    fsp_buf_t value;
    fsp_buf_init(&value, 100);
    fsp_status_t status = fsp_view_get(fsp_overlay_view(overlay), fsp_slice_text(key), &value);
    if (expected) {
        ck_assert_int_eq(status, FSP_OK);
        ck_assert(fsp_slice_eq(fsp_buf_slice(&value), fsp_slice_text(expected)));
    } else {
        ck_assert_int_eq(status, FSP_NOT_FOUND);
    }
    fsp_buf_clear(&value);
}

/* -- reading ----------------------------------------------------------------------------------- */

START_TEST(writes_hide_the_base)
{
    put_base("a", "base");
    put_base("b", "base");
    put_base("c", "base");
    put(pending, "b", "new");
    put(pending, "d", "new");
    delete (pending, "c");
    delete (pending, "not there");
    expect_get(pending, "a", "base");
    expect_get(pending, "b", "new");
    expect_get(pending, "c", NULL);
    expect_get(pending, "d", "new");
    expect_get(pending, "e", NULL);
    expect_scan(pending, "", "", "a=base b=new d=new ");
    ck_assert_uint_eq(fsp_overlay_count(pending), 4);
    fsp_overlay_reset(pending);
    expect_scan(pending, "", "", "a=base b=base c=base ");
    ck_assert_uint_eq(fsp_overlay_count(pending), 0);
}
END_TEST

START_TEST(overlays_stack)
{
    put_base("a", "base");
    put_base("b", "base");
    put_base("c", "base");
    put(pending, "b", "pending");
    delete (pending, "a");
    put(transaction, "a", "transaction");
    delete (transaction, "b");
    put(transaction, "bb", "transaction");
    expect_scan(transaction, "", "", "a=transaction bb=transaction c=base ");
    expect_scan(pending, "", "", "b=pending c=base ");
    expect_get(transaction, "a", "transaction");
    expect_get(transaction, "b", NULL);
    expect_get(transaction, "c", "base");
}
END_TEST

START_TEST(scans_keep_to_their_range)
{
    put_base("b", "1");
    put_base("d", "1");
    put(pending, "a", "2");
    put(pending, "c", "2");
    put(pending, "e", "2");
    expect_scan(pending, "", "", "a=2 b=1 c=2 d=1 e=2 ");
    expect_scan(pending, "b", "d", "b=1 c=2 ");
    expect_scan(pending, "c", "e", "c=2 d=1 ");
    expect_scan(pending, "aa", "", "b=1 c=2 d=1 e=2 ");
    expect_scan(pending, "b", "b", "");
    expect_scan(pending, "f", "", "");
    delete (pending, "b");
    delete (pending, "c");
    expect_scan(pending, "b", "d", "");
    expect_scan(pending, "b", "e", "d=1 ");
    delete (pending, "d");
    delete (pending, "e");
    delete (pending, "a");
    expect_scan(pending, "", "", "");
}
END_TEST

START_TEST(end_of_the_range_need_not_outlive_the_call)
{
    put_base("a", "1");
    put(pending, "b", "2");
    put(pending, "c", "3");
    char to[] = "c";
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_overlay_view(pending), fsp_slice_text(""), fsp_slice_text(to));
    to[0] = 'a';
    ck_assert(cursor->valid);
    fsp_cursor_next(cursor);
    ck_assert(cursor->valid);
    fsp_cursor_next(cursor);
    ck_assert(!cursor->valid);
    FSP_EXPECT_ABORT(fsp_cursor_next(cursor));
    fsp_cursor_destroy(&cursor);
}
END_TEST

START_TEST(value_that_does_not_fit_is_too_large)
{
    put(pending, "a", "12345");
    put_base("b", "12345");
    fsp_buf_t value;
    fsp_buf_init(&value, 4);
    fsp_view_t *view = fsp_overlay_view(pending);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_TOO_LARGE);
    fsp_buf_reset(&value);
    ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("b"), &value), FSP_TOO_LARGE);
    fsp_buf_clear(&value);
}
END_TEST

/* -- a base that fails ------------------------------------------------------------------------- */

/* Rows "b" and "d", then an error of the disk. */
static fsp_status_t
get_failing(fsp_view_t *self, fsp_slice_t key, fsp_buf_t *ret_value)
{
    (void)self;
    (void)key;
    (void)ret_value;
    return FSP_DAMAGED;
}

static void
next_failing(fsp_cursor_t *self)
{
    if (self->key.data[0] == 'b') {
        self->key = fsp_slice_text("d");
        return;
    }
    *self = (fsp_cursor_t){.ops = self->ops, .status = FSP_IO};
}

static void
destroy_failing(fsp_cursor_t *self)
{
    fsp_free(self);
}

static fsp_cursor_t *
scan_failing(fsp_view_t *self, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.next = next_failing, .destroy = destroy_failing};
    (void)self;
    (void)from;
    (void)to;
    fsp_cursor_t *cursor = FSP_NEW(fsp_cursor_t);
    *cursor = (fsp_cursor_t){
        .ops = &ops, .valid = true, .key = fsp_slice_text("b"), .value = fsp_slice_text("1")};
    return cursor;
}

/* Rows of the overlay behind the error must not be shown: what lies between is unknown. */
START_TEST(failing_base_ends_the_scan_with_its_status)
{
    static const fsp_view_ops_t ops = {.get = get_failing, .scan = scan_failing};
    for (int hidden = 0; hidden < 2; hidden++) {
        fsp_view_t failing = {.ops = &ops};
        fsp_overlay_t *overlay = fsp_overlay_new(&failing);
        put(overlay, "a", "2");
        put(overlay, "e", "2");
        if (hidden)
            delete (overlay, "d");
        fsp_cursor_t *cursor =
            fsp_view_scan(fsp_overlay_view(overlay), fsp_slice(NULL, 0), fsp_slice(NULL, 0));
        int rows = 0;
        for (; cursor->valid; fsp_cursor_next(cursor))
            rows++;
        ck_assert_int_eq(rows, hidden ? 2 : 3);
        ck_assert_int_eq(cursor->status, FSP_IO);
        fsp_cursor_destroy(&cursor);
        fsp_buf_t value;
        fsp_buf_init(&value, 10);
        fsp_view_t *view = fsp_overlay_view(overlay);
        ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("a"), &value), FSP_OK);
        ck_assert_int_eq(fsp_view_get(view, fsp_slice_text("b"), &value), FSP_DAMAGED);
        fsp_buf_clear(&value);
        fsp_overlay_destroy(&overlay);
    }
}
END_TEST

/* -- commit and settle ------------------------------------------------------------------------- */

START_TEST(commit_moves_rows_into_parent_and_batch)
{
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_delete(batch, FSP_FAMILY_LOG, fsp_slice_text("before"));
    put_base("b", "base");
    put(transaction, "c", "3");
    delete (transaction, "b");
    put(transaction, "a", "1");
    fsp_overlay_commit(transaction, pending, 7, batch, FSP_FAMILY_STATE);
    ck_assert_uint_eq(fsp_overlay_count(transaction), 0);
    expect_scan(pending, "", "", "a=1 c=3 ");
    expect_scan(transaction, "", "", "a=1 c=3 ");
    ck_assert_uint_eq(fsp_batch_count(batch), 4);
    static const fsp_row_op_t ops[] = {FSP_ROW_DELETE, FSP_ROW_PUT, FSP_ROW_DELETE, FSP_ROW_PUT};
    static const char *const keys[] = {"before", "a", "b", "c"};
    for (size_t i = 0; i < 4; i++) {
        fsp_batch_row_t row = fsp_batch_row(batch, i);
        ck_assert_int_eq(row.op, ops[i]);
        ck_assert_int_eq(row.family, i == 0 ? FSP_FAMILY_LOG : FSP_FAMILY_STATE);
        ck_assert(fsp_slice_eq(row.key, fsp_slice_text(keys[i])));
    }
    /* What the store does next: write the batch, then say so. */
    fsp_memview_apply(base, batch, FSP_FAMILY_STATE);
    fsp_overlay_settle(pending, 7);
    ck_assert_uint_eq(fsp_overlay_count(pending), 0);
    expect_scan(pending, "", "", "a=1 c=3 ");
    fsp_batch_destroy(&batch);
}
END_TEST

START_TEST(settle_drops_what_is_written_and_nothing_newer)
{
    put(transaction, "a", "1");
    put(transaction, "b", "1");
    commit(1);
    put(transaction, "b", "2");
    put(transaction, "c", "2");
    commit(2);
    commit(2);
    put(transaction, "d", "3");
    delete (transaction, "a");
    commit(3);
    fsp_overlay_settle(pending, 0);
    ck_assert_uint_eq(fsp_overlay_count(pending), 4);
    fsp_overlay_settle(pending, 1);
    ck_assert_uint_eq(fsp_overlay_count(pending), 4);
    expect_scan(pending, "", "", "b=2 c=2 d=3 ");
    fsp_overlay_settle(pending, 2);
    ck_assert_uint_eq(fsp_overlay_count(pending), 2);
    expect_scan(pending, "", "", "d=3 ");
    fsp_overlay_settle(pending, 1000);
    ck_assert_uint_eq(fsp_overlay_count(pending), 0);
    fsp_overlay_settle(pending, 1000);
}
END_TEST

START_TEST(several_commits_may_share_a_tag)
{
    put(transaction, "a", "1");
    commit(5);
    put(transaction, "a", "2");
    put(transaction, "b", "2");
    commit(5);
    expect_scan(pending, "", "", "a=2 b=2 ");
    fsp_overlay_settle(pending, 4);
    ck_assert_uint_eq(fsp_overlay_count(pending), 2);
    fsp_overlay_settle(pending, 5);
    ck_assert_uint_eq(fsp_overlay_count(pending), 0);
}
END_TEST

START_TEST(rows_that_no_write_holds_are_never_settled)
{
    put(transaction, "a", "1");
    commit(5);
    put(pending, "a", "2");
    delete (pending, "b");
    fsp_overlay_settle(pending, UINT64_MAX - 1);
    ck_assert_uint_eq(fsp_overlay_count(pending), 2);
    expect_get(pending, "a", "2");
}
END_TEST

START_TEST(reset_forgets_commits_too)
{
    put(transaction, "a", "1");
    commit(9);
    fsp_overlay_reset(pending);
    put(transaction, "a", "2");
    commit(1);
    fsp_overlay_settle(pending, 1);
    ck_assert_uint_eq(fsp_overlay_count(pending), 0);
}
END_TEST

START_TEST(tags_may_not_fall)
{
    put(transaction, "a", "1");
    commit(5);
    put(transaction, "a", "2");
    FSP_EXPECT_ABORT(commit(4));
    FSP_EXPECT_ABORT(commit(UINT64_MAX));
}
END_TEST

START_TEST(commit_wants_the_overlay_below)
{
    fsp_overlay_t *other = fsp_overlay_new(fsp_memview_view(base));
    put(other, "a", "1");
    FSP_EXPECT_ABORT(fsp_overlay_commit(other, pending, 1, NULL, FSP_FAMILY_STATE));
    fsp_overlay_destroy(&other);
}
END_TEST

/* A cursor of the transaction holds one of the overlay below, so neither may change. */
START_TEST(overlays_with_open_cursors_may_not_change)
{
    put(pending, "a", "1");
    put(transaction, "b", "1");
    fsp_slice_t none = fsp_slice(NULL, 0);
    fsp_cursor_t *cursor = fsp_view_scan(fsp_overlay_view(transaction), none, none);
    FSP_EXPECT_ABORT(put(transaction, "c", "1"));
    FSP_EXPECT_ABORT(delete (transaction, "c"));
    FSP_EXPECT_ABORT(fsp_overlay_reset(transaction));
    FSP_EXPECT_ABORT(fsp_overlay_destroy(&transaction));
    FSP_EXPECT_ABORT(put(pending, "c", "1"));
    FSP_EXPECT_ABORT(fsp_overlay_settle(pending, 1));
    FSP_EXPECT_ABORT(commit(1));
    fsp_cursor_destroy(&cursor);
    cursor = fsp_view_scan(fsp_overlay_view(pending), none, none);
    put(transaction, "c", "1");
    FSP_EXPECT_ABORT(commit(1));
    fsp_cursor_destroy(&cursor);
    commit(1);
    expect_scan(pending, "", "", "a=1 b=1 c=1 ");
}
END_TEST

/* -- against a model --------------------------------------------------------------------------- */

enum { MODEL_KEYS = 40, WRITES_MAX = 6 };

/* Values are numbers, 0 is absence.  What the transaction, and what a reader below it, must see. */
typedef struct {
    uint32_t committed[MODEL_KEYS];
    uint32_t visible[MODEL_KEYS];
} model_t;

static void
model_key(unsigned position, char key[4])
{
    snprintf(key, 4, "%03u", position);
}

static void
expect_model(fsp_overlay_t *overlay, const uint32_t values[MODEL_KEYS], unsigned from, unsigned to)
{
    char from_key[4];
    char to_key[4];
    model_key(from, from_key);
    model_key(to, to_key);
    fsp_cursor_t *cursor =
        fsp_view_scan(fsp_overlay_view(overlay), fsp_slice_text(from_key),
                      to == MODEL_KEYS ? fsp_slice(NULL, 0) : fsp_slice_text(to_key));
    for (unsigned position = from; position < to; position++) {
        char key[4];
        fsp_buf_t value;
        fsp_buf_init(&value, 4);
        model_key(position, key);
        fsp_status_t status = fsp_view_get(fsp_overlay_view(overlay), fsp_slice_text(key), &value);
        if (values[position] == 0) {
            ck_assert_int_eq(status, FSP_NOT_FOUND);
        } else {
            ck_assert_int_eq(status, FSP_OK);
            ck_assert_uint_eq(fsp_load_u32(value.data), values[position]);
            ck_assert(cursor->valid);
            ck_assert(fsp_slice_eq(cursor->key, fsp_slice_text(key)));
            ck_assert_uint_eq(fsp_load_u32(cursor->value.data), values[position]);
            fsp_cursor_next(cursor);
        }
        fsp_buf_clear(&value);
    }
    ck_assert(!cursor->valid);
    ck_assert_int_eq(cursor->status, FSP_OK);
    fsp_cursor_destroy(&cursor);
}

/* The life of a shard: commands write, succeed or fail; their batches reach the database later and
   in order; each moment the views show what was committed, whatever of it is settled. */
START_TEST(random_histories_fit_the_model)
{
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(7));
    model_t model = {0};
    fsp_batch_t *writes[WRITES_MAX] = {NULL}; /* by tag modulo WRITES_MAX; written..open */
    uint64_t open = 1;                        /* the tag of the next commit */
    uint64_t written = 0;                     /* the last tag in the database */
    size_t commits = 0;
    size_t settles = 0;
    for (uint32_t step = 1; step < 40000; step++) {
        unsigned position = (unsigned)fsp_prng_below(&prng, MODEL_KEYS);
        char key[4];
        uint8_t value[4];
        model_key(position, key);
        fsp_store_u32(value, step);
        switch (fsp_prng_below(&prng, 8)) {
        case 0:
        case 1:
        case 2:
            fsp_overlay_put(transaction, fsp_slice_text(key), fsp_slice(value, 4));
            model.visible[position] = step;
            break;
        case 3:
        case 4:
            fsp_overlay_delete(transaction, fsp_slice_text(key));
            model.visible[position] = 0;
            break;
        case 5: /* The command succeeds: into the write that is being gathered. */
            if (!writes[open % WRITES_MAX])
                writes[open % WRITES_MAX] = fsp_batch_new();
            fsp_overlay_commit(transaction, pending, open, writes[open % WRITES_MAX],
                               FSP_FAMILY_STATE);
            memcpy(model.committed, model.visible, sizeof(model.committed));
            /* Sometimes the write leaves with it. */
            if (fsp_prng_chance(&prng, 1, 2) && open - written < WRITES_MAX - 1)
                open++;
            commits++;
            break;
        case 6: /* The command fails. */
            if (fsp_prng_chance(&prng, 1, 2)) {
                fsp_overlay_reset(transaction);
                memcpy(model.visible, model.committed, sizeof(model.visible));
            }
            break;
        default: /* The database has one write more; it may be told late. */
            if (written + 1 < open) {
                written++;
                fsp_memview_apply(base, writes[written % WRITES_MAX], FSP_FAMILY_STATE);
                fsp_batch_destroy(&writes[written % WRITES_MAX]);
            }
            if (fsp_prng_chance(&prng, 2, 3)) {
                fsp_overlay_settle(pending, written);
                settles++;
            }
            break;
        }
        unsigned from = (unsigned)fsp_prng_below(&prng, MODEL_KEYS);
        unsigned to = from + (unsigned)fsp_prng_below(&prng, MODEL_KEYS - from + 1);
        expect_model(transaction, model.visible, from, to);
        expect_model(pending, model.committed, from, to);
    }
    ck_assert_uint_gt(commits, 1000);
    ck_assert_uint_gt(settles, 1000);
    /* Everything written and settled: the base alone has it all. */
    fsp_overlay_reset(transaction);
    while (written < open) {
        written++;
        if (writes[written % WRITES_MAX])
            fsp_memview_apply(base, writes[written % WRITES_MAX], FSP_FAMILY_STATE);
        fsp_batch_destroy(&writes[written % WRITES_MAX]);
    }
    fsp_overlay_settle(pending, open);
    ck_assert_uint_eq(fsp_overlay_count(pending), 0);
    expect_model(pending, model.committed, 0, MODEL_KEYS);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("overlay");
    TCase *tests = tcase_create("overlay");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, writes_hide_the_base);
    tcase_add_test(tests, overlays_stack);
    tcase_add_test(tests, scans_keep_to_their_range);
    tcase_add_test(tests, end_of_the_range_need_not_outlive_the_call);
    tcase_add_test(tests, value_that_does_not_fit_is_too_large);
    tcase_add_test(tests, failing_base_ends_the_scan_with_its_status);
    tcase_add_test(tests, commit_moves_rows_into_parent_and_batch);
    tcase_add_test(tests, settle_drops_what_is_written_and_nothing_newer);
    tcase_add_test(tests, several_commits_may_share_a_tag);
    tcase_add_test(tests, rows_that_no_write_holds_are_never_settled);
    tcase_add_test(tests, reset_forgets_commits_too);
    tcase_add_test(tests, tags_may_not_fall);
    tcase_add_test(tests, commit_wants_the_overlay_below);
    tcase_add_test(tests, overlays_with_open_cursors_may_not_change);
    tcase_add_test(tests, random_histories_fit_the_model);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
