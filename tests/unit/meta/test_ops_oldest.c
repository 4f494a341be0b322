/* SPDX-License-Identifier: MIT */
/* test_ops_oldest - what is remembered of the oldest operation rows changes no row, and spares the
 * look at them.  Tests. */
#include "core/base/prng.h"
#include "core/meta/ops_oldest.h"
#include "tests/unit/meta/meta_world.h"

enum { SPACES = FSP_OPS_OLDEST_SPACES + 2 };

/* A view that counts the scans. */
typedef struct {
    fsp_view_t view; /* first */
    fsp_view_t *base;
    size_t scans;
} counted_t;

static fsp_status_t
get_counted(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    return fsp_view_get(((counted_t *)view)->base, key, ret_value);
}

static fsp_cursor_t *
scan_counted(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    counted_t *self = (counted_t *)view;
    self->scans++;
    return fsp_view_scan(self->base, from, to);
}

typedef struct {
    uint64_t kept_min;
    fsp_time_t kept_us;
    size_t rows_max;
} trim_t;

/* Trims as apply does, with these minimums and this memory (may be NULL); the scans that took. */
static size_t
trim(world_t *self, fsp_ops_oldest_t *oldest, trim_t how)
{
    static const fsp_view_ops_t ops = {.get = get_counted, .scan = scan_counted};
    counted_t counted = {.view.ops = &ops, .base = fsp_overlay_view(self->txn)};
    fsp_machine_t m;
    fsp_machine_init(&m, self->shard, &counted.view, self->space_id);
    m.txn = self->txn;
    m.time = self->time;
    m.oldest = oldest;
    ck_status(fsp_machine_load_space(&m), FSP_OK);
    ck_status(fsp_ops_trim(&m, how.kept_min, how.kept_us, how.rows_max), FSP_OK);
    fsp_machine_store_space(&m);
    fsp_machine_clear(&m);
    commit(self);
    return counted.scans;
}

static bool
same_rows(const world_t *a, const world_t *b)
{
    const fsp_omap_row_t *x = fsp_omap_seek(fsp_memview_map(a->rows), (fsp_slice_t){0});
    const fsp_omap_row_t *y = fsp_omap_seek(fsp_memview_map(b->rows), (fsp_slice_t){0});
    for (; x && y; x = fsp_omap_next(x), y = fsp_omap_next(y))
        if (!fsp_slice_eq(x->key, y->key) || !fsp_slice_eq(x->value, y->value))
            return false;
    return !x && !y;
}

static void
enter_space(world_t *self, size_t number)
{
    self->space_id = (fsp_space_id_t){{0x5b, (uint8_t)(1 + number)}};
}

static void
make_spaces(world_t *self)
{
    static const char *const names[SPACES] = {"home", "b", "c", "d", "e", "f"};
    for (size_t i = 1; i < SPACES; i++) {
        enter_space(self, i);
        fsp_command_t command = space_init_command(self);
        command.space_init.name = text(names[i]);
        ck_status(apply(self, &command), FSP_OK);
    }
}

/* A change, or a refusal whose row keeps the number of the change before it. */
static void
do_something(world_t *self, bool refused)
{
    char path[32];
    (void)snprintf(path, sizeof(path), refused ? "/none/%u" : "/%u", (unsigned)self->last_op);
    ck_status(mkdir_at(self, path), refused ? FSP_NO_PARENT : FSP_OK);
}

START_TEST(rows_are_the_same_whatever_is_remembered)
{
    static world_t plain;
    world_init(&plain);
    fsp_ops_oldest_t *oldest = fsp_ops_oldest_new();
    fsp_prng_t prng;
    fsp_prng_init(&prng, fsp_suite_seed(11));
    make_spaces(&world);
    make_spaces(&plain);
    for (size_t i = 0; i < 4000; i++) {
        size_t space = fsp_prng_below(&prng, SPACES);
        bool refused = fsp_prng_below(&prng, 3) == 0;
        fsp_time_t passed = fsp_prng_below(&prng, 5000);
        trim_t how = {.kept_min = fsp_prng_below(&prng, 8),
                      .kept_us = fsp_prng_below(&prng, 400000),
                      .rows_max = 1 + fsp_prng_below(&prng, FSP_OPS_TRIM_MAX)};
        world_t *const worlds[] = {&world, &plain};
        for (size_t k = 0; k < 2; k++) {
            enter_space(worlds[k], space);
            worlds[k]->time += passed;
            do_something(worlds[k], refused);
            (void)trim(worlds[k], k == 0 ? oldest : NULL, how);
        }
        if (i % 16 == 0)
            ck_assert_msg(same_rows(&world, &plain), "after %zu commands", i + 1);
        if (fsp_prng_below(&prng, 500) == 0) { /* as by a start */
            fsp_ops_oldest_destroy(&oldest);
            oldest = fsp_ops_oldest_new();
        }
    }
    ck_assert(same_rows(&world, &plain));
    fsp_ops_oldest_destroy(&oldest);
    world_clear(&plain);
}
END_TEST

START_TEST(another_state_finds_nothing)
{
    fsp_ops_oldest_t *oldest = fsp_ops_oldest_new();
    for (size_t i = 0; i < 10; i++)
        do_something(&world, false);
    trim_t nothing_old = {.kept_us = FSP_OPS_KEPT_US, .rows_max = 4};
    ck_assert_uint_eq(trim(&world, oldest, nothing_old), 1);
    ck_assert_uint_eq(trim(&world, oldest, nothing_old), 0);
    /* A snapshot of a history with other operations, and the same horizon, is switched to. */
    static world_t others[2];
    for (size_t i = 0; i < 2; i++) {
        world_init_bare(&others[i]);
        others[i].shard.generation = 2;
        others[i].last_op = 5000;
        fsp_command_t command = space_init_command(&others[i]);
        ck_status(apply(&others[i], &command), FSP_OK);
        for (size_t k = 0; k < 10; k++)
            do_something(&others[i], false);
        (void)trim(&others[i], i == 0 ? oldest : NULL, (trim_t){.rows_max = 4});
    }
    ck_assert(same_rows(&others[0], &others[1]));
    for (size_t i = 0; i < 2; i++)
        world_clear(&others[i]);
    fsp_ops_oldest_destroy(&oldest);
}
END_TEST

START_TEST(one_look_serves_many_commands)
{
    fsp_ops_oldest_t *oldest = fsp_ops_oldest_new();
    size_t scans = 0;
    for (size_t i = 0; i < 500; i++) {
        do_something(&world, false);
        scans += trim(&world, oldest, (trim_t){.kept_us = FSP_OPS_KEPT_US, .rows_max = 4});
    }
    ck_assert_uint_le(scans, 2); /* the first finds but the present row */
    /* One goes with each command: a look serves as many as are remembered. */
    scans = 0;
    for (size_t i = 0; i < 10 * FSP_OPS_OLDEST_ROWS; i++) {
        do_something(&world, false);
        scans += trim(&world, oldest, (trim_t){.kept_min = 500, .rows_max = 4});
    }
    ck_assert_uint_ge(scans, 10);
    ck_assert_uint_le(scans, 12);
    fsp_ops_oldest_destroy(&oldest);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ops_oldest");
    TCase *tcase = new_case("memory", set_up);
    tcase_add_test(tcase, rows_are_the_same_whatever_is_remembered);
    tcase_add_test(tcase, another_state_finds_nothing);
    tcase_add_test(tcase, one_look_serves_many_commands);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
