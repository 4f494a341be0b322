/* SPDX-License-Identifier: MIT */
/* test_snapshot_gone - a frozen view whose time is over ends a transfer, not the sender.
   Layer tests. */
#include "tests/unit/engine/mesh.h"
#include "tests/unit/engine/replica_commands.h"

/* A view in memory whose frozen views live for a number of scans. */
typedef struct {
    fsp_view_t view; /* first */
    fsp_view_t *rows;
    size_t short_lives; /* frozen views to come that answer GONE from the first scan on */
    size_t frozen_count, thawed_count;
} bounded_t;

typedef struct {
    fsp_view_t view; /* first */
    fsp_view_t *rows;
    bounded_t *owner;
    bool over;
} frozen_t;

static bounded_t bounded;
static mesh_t mesh;
static fsp_buf_t bytes;

static fsp_status_t
get_rows(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    return fsp_view_get(((bounded_t *)view)->rows, key, ret_value);
}

static fsp_cursor_t *
scan_rows(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    return fsp_view_scan(((bounded_t *)view)->rows, from, to);
}

static fsp_status_t
get_frozen(fsp_view_t *view, fsp_slice_t key, fsp_buf_t *ret_value)
{
    return fsp_view_get(((frozen_t *)view)->rows, key, ret_value);
}

static void
end_cursor(fsp_cursor_t *cursor)
{
    fsp_free(cursor);
}

static fsp_cursor_t *
scan_frozen(fsp_view_t *view, fsp_slice_t from, fsp_slice_t to)
{
    static const fsp_cursor_ops_t ops = {.destroy = end_cursor};
    frozen_t *self = (frozen_t *)view;
    if (!self->over)
        return fsp_view_scan(self->rows, from, to);
    fsp_cursor_t *cursor = FSP_NEW(fsp_cursor_t);
    cursor->ops = &ops;
    cursor->status = FSP_GONE;
    return cursor;
}

static void
thaw_rows(fsp_view_t *view)
{
    frozen_t *self = (frozen_t *)view;
    self->owner->thawed_count++;
    fsp_view_thaw(&self->rows);
    fsp_free(self);
}

static fsp_view_t *
freeze_rows(fsp_view_t *view)
{
    static const fsp_view_ops_t ops = {.get = get_frozen, .scan = scan_frozen, .thaw = thaw_rows};
    bounded_t *self = (bounded_t *)view;
    frozen_t *frozen = FSP_NEW(frozen_t);
    frozen->view.ops = &ops;
    frozen->rows = fsp_view_freeze(self->rows);
    frozen->owner = self;
    frozen->over = self->frozen_count++ < self->short_lives;
    return &frozen->view;
}

/* As mesh_start, with that view. */
static void
start_first(void)
{
    static const fsp_view_ops_t ops = {.get = get_rows, .scan = scan_rows, .freeze = freeze_rows};
    mesh_replica_t *r = &mesh.replicas[1];
    bounded = (bounded_t){.view = {.ops = &ops}, .rows = fsp_memview_view(r->state)};
    r->lives++;
    fsp_replica_config_t config = mesh_config(&mesh, 1);
    fsp_error_t error = {0};
    ck_assert_int_eq(
        fsp_replica_new(&config, fsp_memview_view(r->log), &bounded.view, &r->replica, &error),
        FSP_OK);
}

static void
set_up(void)
{
    fsp_buf_init(&bytes, FSP_COMMAND_BYTES_MAX);
    mesh_init(&mesh, 3, false);
    mesh.limits.keep_entries = 2;
    mesh.limits.drop_entries_min = 5;
    start_first();
    mesh_run(&mesh, 1000);
    mesh_start(&mesh, 2);
    mesh_start(&mesh, 3);
    for (int i = 0; i < 300 && !fsp_replica_ready(mesh.replicas[1].replica); i++)
        mesh_run(&mesh, 10);
    ck_assert(fsp_replica_ready(mesh.replicas[1].replica));
}

static void
tear_down(void)
{
    mesh_clear(&mesh);
    ck_assert_uint_eq(bounded.thawed_count, bounded.frozen_count);
    fsp_buf_clear(&bytes);
}

static void
command_ok(uint64_t token, fsp_slice_t command)
{
    mesh_command(&mesh, 1, token, command, false);
    mesh_settle(&mesh);
    mesh_expect_reply(&mesh, 1, token, FSP_OK);
}

START_TEST(another_snapshot_is_sent)
{
    mesh.cut[3] = true;
    command_ok(70, replica_space_init(&bytes));
    for (uint8_t i = 0; i < 30; i++)
        command_ok(100u + i, replica_make_directory(&bytes, i, 1));
    mesh_run(&mesh, 2000);
    ck_assert_uint_eq(bounded.frozen_count, 0);
    bounded.short_lives = (size_t)_i;
    mesh.cut[3] = false;
    mesh_run(&mesh, 4000);
    ck_assert_uint_gt(bounded.frozen_count, (size_t)_i);
    ck_assert_uint_eq(fsp_replica_shard(mesh.replicas[3].replica).generation, 2);
    mesh_expect_same_state(&mesh, 1, 3);
    /* The sender led all the while. */
    command_ok(200, replica_make_directory(&bytes, 200, 1));
    ck_assert(!mesh.replicas[1].stopped);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("snapshot_gone");
    TCase *tests = tcase_create("snapshot_gone");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, another_snapshot_is_sent, 0, 4);
    suite_add_tcase(suite, tests);
    return fsp_suite_main(suite);
}
