/* SPDX-License-Identifier: MIT */
/* test_log_audit - a log that does not fit is found; entries that the state lacks apply.  Tests. */
#include "core/base/memview.h"
#include "core/engine/log_audit.h"
#include "core/engine/log_rows.h"
#include "tests/unit/suite.h"

static fsp_memview_t *disk, *state;
static fsp_replica_config_t config;
static fsp_log_name_t name;
static fsp_log_audit_t log_audit;
static fsp_fault_t last;
static size_t fault_count;

static void
on_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    fault_count++;
    last = *fault;
}

static void
put_entry(uint64_t index, uint64_t term)
{
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_VALUE_BYTES_MAX);
    uint8_t bytes[FSP_LOG_TIME_BYTES + 4] = {0};
    fsp_store_u64(bytes, 1000 * index);
    memcpy(bytes + FSP_LOG_TIME_BYTES, "junk", 4);
    fsp_entry_t entry = {.index = index,
                         .term = term,
                         .kind = index % 3 ? FSP_ENTRY_COMMAND : FSP_ENTRY_NOOP,
                         .bytes = index % 3 ? fsp_blob_copy(bytes, sizeof(bytes)) : NULL};
    fsp_log_entry_encode(&entry, &buf);
    fsp_blob_destroy(&entry.bytes);
    fsp_log_key_t key = fsp_log_entry_key(&name, index);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_buf_slice(&buf), 0);
    fsp_buf_clear(&buf);
}

static void
put_hard(uint64_t term, uint64_t vote, uint64_t start, uint64_t start_term)
{
    fsp_log_hard_t row = {
        .hard = {.term = term, .vote = vote}, .start = start, .start_term = start_term};
    fsp_buf_t buf;
    fsp_buf_init(&buf, 256);
    fsp_log_hard_encode(&row, &buf);
    fsp_log_key_t key = fsp_log_hard_key(&name);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_buf_slice(&buf), 0);
    fsp_buf_clear(&buf);
}

static void
put_applied(uint64_t index, uint64_t term)
{
    fsp_shard_row_t row = {
        .applied_index = index, .applied_term = term, .log_time = 1000 * index, .feature_level = 1};
    fsp_row_key_t key = fsp_row_key(config.shard, FSP_TABLE_SHARD, (fsp_space_id_t){{0}});
    fsp_buf_t buf;
    fsp_buf_init(&buf, 256);
    fsp_shard_row_encode(&row, &buf);
    fsp_omap_put(fsp_memview_map(state), fsp_row_key_slice(&key), fsp_buf_slice(&buf), 0);
    fsp_buf_clear(&buf);
}

/* Entries 11 to 20 of terms 2 and 3; the state is at 15. */
static void
set_up(void)
{
    disk = fsp_memview_new();
    state = fsp_memview_new();
    config = (fsp_replica_config_t){.shard = {.shard = 1, .generation = 1},
                                    .self = {.replica = 1, .store_id = {{7}}},
                                    .seed = 1,
                                    .cache_bytes_max = 4096,
                                    .watermark = 20};
    config.base = fsp_raft_conf_single(&config.self);
    name = fsp_log_name(config.shard, &config.self);
    put_hard(3, 1, 10, 2);
    for (uint64_t i = 11; i <= 20; i++)
        put_entry(i, i < 18 ? 2 : 3);
    put_applied(15, 2);
}

static void
tear_down(void)
{
    fsp_memview_destroy(&disk);
    fsp_memview_destroy(&state);
}

static size_t
audit(void)
{
    fault_count = 0;
    fsp_log_audit(&config, fsp_memview_view(disk), fsp_memview_view(state), on_fault, NULL,
                  &log_audit);
    ck_assert(log_audit.sound == (fault_count == 0));
    return fault_count;
}

static void
expect(const char *kind)
{
    ck_assert_uint_gt(audit(), 0);
    ck_assert_msg(strcmp(last.kind, kind) == 0, "%s: %s", last.kind, last.what);
    tear_down();
    set_up();
}

static void
remove_entry(uint64_t index)
{
    fsp_log_key_t key = fsp_log_entry_key(&name, index);
    fsp_omap_remove(fsp_memview_map(disk), fsp_log_key_slice(&key));
}

START_TEST(a_sound_log_has_no_fault_and_applies)
{
    ck_assert_msg(audit() == 0, "%s: %s", last.kind, last.what);
    ck_assert_uint_eq(log_audit.start, 10);
    ck_assert_uint_eq(log_audit.last, 20);
    ck_assert_uint_eq(log_audit.applied, 15);
    ck_assert_uint_eq(log_audit.shard.generation, 1);
    fsp_overlay_t *pending = fsp_overlay_new(fsp_memview_view(state));
    uint64_t applied = 0;
    ck_assert(fsp_log_replay(&config, fsp_memview_view(disk), &log_audit, pending, 1 << 20,
                             on_fault, NULL, &applied));
    ck_assert_uint_eq(applied, 20);
    fsp_shard_row_t row;
    ck_assert_int_eq(fsp_meta_shard_row(config.shard, fsp_overlay_view(pending), &row), FSP_OK);
    ck_assert_uint_eq(row.applied_index, 20);
    ck_assert_uint_eq(row.applied_term, 3);
    fsp_overlay_destroy(&pending);
}
END_TEST

/* A store whose state was not kept for long: the log is whole from there, and all of it applies, in
   pieces if there is no room for more. */
START_TEST(a_state_far_behind_its_log_is_no_fault)
{
    enum { LAST = 5000 };
    for (uint64_t i = 21; i <= LAST; i++)
        put_entry(i, 3);
    config.watermark = LAST;
    put_applied(11, 2);
    ck_assert_msg(audit() == 0, "%s: %s", last.kind, last.what);
    ck_assert_uint_eq(log_audit.applied, 11);
    ck_assert_uint_eq(log_audit.last, LAST);
    fsp_overlay_t *pending = fsp_overlay_new(fsp_memview_view(state));
    uint64_t applied = 0;
    ck_assert(fsp_log_replay(&config, fsp_memview_view(disk), &log_audit, pending, 1000, on_fault,
                             NULL, &applied));
    ck_assert_uint_gt(applied, 11);
    ck_assert_uint_lt(applied, LAST);
    fsp_overlay_reset(pending);
    ck_assert(fsp_log_replay(&config, fsp_memview_view(disk), &log_audit, pending, 1 << 20,
                             on_fault, NULL, &applied));
    ck_assert_uint_eq(applied, LAST);
    fsp_overlay_destroy(&pending);
    put_applied(10, 2); /* where the log starts: the least that may be left */
    ck_assert_msg(audit() == 0, "%s: %s", last.kind, last.what);
    put_applied(9, 2);
    expect("log"); /* and this was cut although it was not kept */
}
END_TEST

/* The base row says which generation of the state is the shard's, and whom the log starts with. */
static void
put_base(uint32_t generation, uint64_t next_replica)
{
    fsp_log_base_t row = {.generation = generation, .conf = config.base};
    row.conf.next_replica = next_replica;
    fsp_buf_t buf;
    fsp_buf_init(&buf, FSP_RAFT_CONF_BYTES_MAX);
    fsp_log_base_encode(&row, &buf);
    fsp_log_key_t key = fsp_log_base_key(&name);
    fsp_omap_put(fsp_memview_map(disk), fsp_log_key_slice(&key), fsp_buf_slice(&buf), 0);
    fsp_buf_clear(&buf);
}

START_TEST(looks_at_the_state_that_the_base_row_names)
{
    put_base(4, 9);
    put_hard(3, 5, 10, 2); /* a vote for a replica that was a member once */
    ck_assert_uint_gt(audit(), 0);
    ck_assert_str_eq(last.kind, "log"); /* generation 4 has no rows: applied 0, log from 11 */
    fsp_shard_ref_t own = config.shard;
    config.shard.generation = 4;
    put_applied(15, 2);
    config.shard = own;
    ck_assert_msg(audit() == 0, "%s: %s", last.kind, last.what);
    ck_assert_uint_eq(log_audit.shard.generation, 4);
    remove_entry(13); /* no node would start, and yet it is known whose rows the state is */
    ck_assert_uint_gt(audit(), 0);
    ck_assert_uint_eq(log_audit.shard.generation, 4);
    put_entry(13, 2);
    ck_assert_uint_eq(audit(), 0);
    put_hard(3, 9, 10, 2);
    expect("log"); /* number 9 was never given */
}
END_TEST

START_TEST(rows_of_other_generations_are_remains)
{
    static const uint8_t keys[][9] = {{0, 0, 0, 1, 0, 0, 0, 4, 9}, /* the state itself */
                                      {0, 0, 0, 1, 0, 0, 0, 5, 9},
                                      {0, 0, 0, 1, 0, 0, 0, 1, 9},
                                      {0, 0, 0, 2, 0, 0, 0, 5, 9}};
    static const bool remains[] = {false, true, true, false};
    fsp_shard_ref_t shard = {.shard = 1, .generation = 4};
    for (size_t i = 0; i < 4; i++) {
        fsp_fault_t fault = {.kind = "stray", .key = fsp_slice(keys[i], sizeof(keys[i]))};
        ck_assert(fsp_log_remains(shard, &fault) == remains[i]);
        fault.kind = "row";
        ck_assert(!fsp_log_remains(shard, &fault));
    }
    fsp_fault_t fault = {.kind = "stray", .key = fsp_slice(keys[1], 7)};
    ck_assert(!fsp_log_remains(shard, &fault));
}
END_TEST

START_TEST(a_new_store_has_no_fault)
{
    tear_down();
    disk = fsp_memview_new();
    state = fsp_memview_new();
    config.watermark = 0;
    ck_assert_uint_eq(audit(), 0);
}
END_TEST

START_TEST(every_kind_is_found)
{
    remove_entry(13);
    expect("log");
    remove_entry(20); /* acknowledged */
    expect("log");
    put_entry(17, 9);
    expect("log"); /* the term falls behind it */
    put_hard(2, 1, 10, 2);
    expect("log");
    put_hard(3, 5, 10, 2);
    expect("log");
    put_applied(9, 2);
    expect("log");
    put_applied(21, 3);
    expect("log");
    put_applied(15, 1);
    expect("log");
    fsp_omap_put(fsp_memview_map(disk), fsp_slice_text("x"), fsp_slice_text("x"), 0);
    expect("stray");
    config.self.store_id.bytes[0] = 8;
    config.watermark = 0;
    put_applied(0, 0);
    expect("stray"); /* all of another replica */
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("log_audit");
    TCase *tcase = tcase_create("log_audit");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_sound_log_has_no_fault_and_applies);
    tcase_add_test(tcase, a_state_far_behind_its_log_is_no_fault);
    tcase_add_test(tcase, looks_at_the_state_that_the_base_row_names);
    tcase_add_test(tcase, rows_of_other_generations_are_remains);
    tcase_add_test(tcase, a_new_store_has_no_fault);
    tcase_add_test(tcase, every_kind_is_found);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
