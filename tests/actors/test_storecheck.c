/* SPDX-License-Identifier: MIT */
/* test_storecheck - `check` looks at the state that the log says is the shard's.  Layer tests.
 *
 * Damage at large: tests/system/test_check.py.  Here: a shard that took a snapshot, whose state
 * lies under another generation than that of its log.
 */
#include "actors/identity.h"
#include "actors/node.h"
#include "actors/storecheck.h"
#include "core/engine/log_rows.h"
#include "core/meta/rows.h"
#include "tests/actors/actor_world.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

enum { TAKEN = 4, START = 10, TERM = 2 };

static char directory[64];

static int
remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static void
set_up(void)
{
    (void)snprintf(directory, sizeof(directory), "/tmp/fsp-storecheck-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void
tear_down(void)
{
    (void)nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void
put_log_row(fsp_log_key_t key, fsp_buf_t *value, fsp_batch_t *batch)
{
    fsp_batch_put(batch, FSP_FAMILY_LOG, fsp_log_key_slice(&key), fsp_buf_slice(value));
    fsp_buf_reset(value);
}

static void
put_state_row(uint32_t generation, fsp_table_t table, fsp_slice_t value, fsp_batch_t *batch)
{
    fsp_shard_ref_t shard = {.shard = FSP_HOME_SHARD, .generation = generation};
    /* A space's own row has its id, the shard's has none. */
    fsp_space_id_t space_id = {.bytes = {table == FSP_TABLE_SPACE}};
    fsp_row_key_t key = fsp_row_key(shard, table, space_id);
    fsp_batch_put(batch, FSP_FAMILY_STATE, fsp_row_key_slice(&key), value);
}

/* A log that starts behind a snapshot of generation TAKEN, and a space row that does not decode
   under generation `junk` (0: none). */
static void
make_store(uint32_t junk)
{
    fsp_store_config_t config = {.directory = directory, .sync = true, .lock_wait_us = 2000000};
    fsp_store_t *store = NULL;
    fsp_error_t error = {.text = ""};
    bool fresh = false;
    ck_assert_msg(fsp_store_open(&config, &store, &fresh, &error) == FSP_OK, "%s", error.text);
    fsp_identity_t identity;
    ck_assert_msg(fsp_identity_open(directory, store, &identity, &error) == FSP_OK, "%s",
                  error.text);
    fsp_raft_member_t self = {
        .node_id = identity.node_id, .replica = FSP_HOME_REPLICA, .store_id = identity.store_id};
    fsp_log_name_t name =
        fsp_log_name((fsp_shard_ref_t){.shard = FSP_HOME_SHARD, .generation = 1}, &self);
    fsp_batch_t *batch = fsp_batch_new();
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_log_hard_encode(
        &(fsp_log_hard_t){.hard = {.term = TERM}, .start = START, .start_term = TERM}, &value);
    put_log_row(fsp_log_hard_key(&name), &value, batch);
    fsp_log_base_encode(&(fsp_log_base_t){.generation = TAKEN, .conf = fsp_raft_conf_single(&self)},
                        &value);
    put_log_row(fsp_log_base_key(&name), &value, batch);
    fsp_shard_row_t row = {
        .applied_index = START, .applied_term = TERM, .log_time = 1000, .feature_level = 1};
    fsp_shard_row_encode(&row, &value);
    put_state_row(TAKEN, FSP_TABLE_SHARD, fsp_buf_slice(&value), batch);
    if (junk > 0)
        put_state_row(junk, FSP_TABLE_SPACE, fsp_slice_text("?"), batch);
    fsp_buf_clear(&value);
    ck_assert_int_eq(fsp_store_write(store, &batch, 1, &error), FSP_OK);
    fsp_batch_destroy(&batch);
    fsp_identity_wipe(&identity);
    fsp_store_close(&store, true, 1000000);
}

static int
run_check(void)
{
    fsp_storecheck_config_t config = {.directory = directory, .json = true};
    return fsp_storecheck_run(&config);
}

START_TEST(the_state_of_a_snapshot_is_looked_at)
{
    make_store(0);
    ck_assert_int_eq(run_check(), 0);
}
END_TEST

START_TEST(what_a_switch_left_behind_is_no_fault)
{
    make_store(_i == 0 ? 1 : TAKEN + 1);
    ck_assert_int_eq(run_check(), 0);
}
END_TEST

START_TEST(damage_in_the_state_of_a_snapshot_is_found)
{
    make_store(TAKEN);
    ck_assert_int_ne(run_check(), 0);
}
END_TEST

/* Rows of segments are looked at for themselves, whoever refers to the objects. */
START_TEST(segments_that_do_not_fit_their_rows_are_found)
{
    make_store(0);
    fsp_store_config_t config = {.directory = directory, .sync = true, .lock_wait_us = 2000000};
    fsp_store_t *store = NULL;
    fsp_error_t error = {.text = ""};
    bool fresh = false;
    ck_assert_int_eq(fsp_store_open(&config, &store, &fresh, &error), FSP_OK);
    static uint8_t bytes[100000] = {1};
    fsp_batch_t *batch = fsp_batch_new();
    fsp_batch_put(batch, FSP_FAMILY_BYTES, fsp_slice_text("an object without a row"),
                  fsp_slice(bytes, sizeof(bytes)));
    ck_assert_int_eq(fsp_store_write(store, &batch, 1, &error), FSP_OK);
    fsp_batch_destroy(&batch);
    fsp_store_close(&store, true, 1000000);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/segments/0000000000000001", directory);
    /* Quick: nobody looks at the object, which has no row. */
    fsp_storecheck_config_t quick = {.directory = directory, .json = true, .quick = true};
    ck_assert_int_eq(fsp_storecheck_run(&quick), 0);
    ck_assert_int_eq(truncate(path, 4096), 0);
    ck_assert_int_ne(fsp_storecheck_run(&quick), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_ne(fsp_storecheck_run(&quick), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("storecheck");
    TCase *tests = tcase_create("storecheck");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_state_of_a_snapshot_is_looked_at);
    tcase_add_loop_test(tests, what_a_switch_left_behind_is_no_fault, 0, 2);
    tcase_add_test(tests, damage_in_the_state_of_a_snapshot_is_found);
    tcase_add_test(tests, segments_that_do_not_fit_their_rows_are_found);
    suite_add_tcase(suite, tests);
    return world_main(suite);
}
