/* SPDX-License-Identifier: MIT */
/* test_audit_past - faults in rows of the past, of holds and of work are found.  Tests. */
#include "tests/unit/meta/history_world.h"

static char kinds[64][16];
static size_t fault_count;

static void
on_fault(void *context, const fsp_fault_t *fault)
{
    (void)context;
    if (fault_count < 64)
        (void)snprintf(kinds[fault_count], sizeof(kinds[0]), "%s", fault->kind);
    fault_count++;
}

static void
expect(const char *kind)
{
    fsp_audit_counts_t counts = {0};
    fault_count = 0;
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), on_fault, NULL, &counts);
    bool found = false;
    for (size_t i = 0; i < fault_count && i < 64; i++)
        found = found || strcmp(kinds[i], kind) == 0;
    ck_assert_msg(found, "%s was not found among %zu faults", kind, fault_count);
}

static fsp_file_id_t file, purging;

/* /a with three versions and one pruned, a name with two past meanings, and a tree that is being
   purged. */
static void
set_up_past(void)
{
    char path[48];
    set_up_history();
    for (int i = 0; i < 3; i++)
        ck_status(put(&world, "/a"), FSP_OK);
    file = world.result.file_id;
    ck_status(move(&world, "/a", "/b"), FSP_OK);
    ck_status(put(&world, "/a"), FSP_OK);
    ck_status(move(&world, "/a", "/c"), FSP_OK);
    ck_status(mkdir_at(&world, "/d"), FSP_OK);
    for (int i = 0; i < 520; i++) {
        (void)snprintf(path, sizeof(path), "/d/%d", i);
        ck_status(put(&world, path), FSP_OK);
    }
    ck_status(remove_target(&world, at("/d"), true, condition(FSP_IF_REPLACE)), FSP_OK);
    purging = world.result.file_id;
    ck_status(purge_one(&world, by_id(purging), true), FSP_OK);
    ck_assert(world.result.more);
    ck_sound(&world);
}

static fsp_row_key_t
key_of(fsp_table_t table, fsp_slice_t rest)
{
    fsp_row_key_t key = fsp_row_key(world.shard, table, world.space_id);
    fsp_row_key_add(&key, rest);
    return key;
}

static const fsp_omap_row_t *
first_row(fsp_table_t table)
{
    fsp_row_key_t key = key_of(table, (fsp_slice_t){0});
    const fsp_omap_row_t *row = fsp_omap_seek(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    ck_assert(row && row->key.data[8] == table);
    return row;
}

static void
remove_row(const fsp_omap_row_t *row)
{
    uint8_t bytes[FSP_ROW_KEY_BYTES_MAX];
    size_t used = row->key.bytes;
    memcpy(bytes, row->key.data, used);
    fsp_omap_remove(fsp_memview_map(world.rows), fsp_slice(bytes, used));
}

static void
write_row(const fsp_row_key_t *key, fsp_buf_t *value)
{
    ck_assert(fsp_buf_ok(value));
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(key), fsp_buf_slice(value), 0);
    fsp_buf_clear(value);
}

static void
read_node(fsp_file_id_t id, fsp_node_row_t *ret)
{
    fsp_row_key_t key = key_of(FSP_TABLE_NODE, FSP_SLICE_OF(id));
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    ck_assert_int_eq(fsp_node_row_decode(row->value, ret), FSP_OK);
}

static void
write_node(fsp_file_id_t id, const fsp_node_row_t *node)
{
    fsp_row_key_t key = key_of(FSP_TABLE_NODE, FSP_SLICE_OF(id));
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_node_row_encode(node, &value);
    write_row(&key, &value);
}

static void
write_past_entry(const char *name, uint64_t since, uint64_t until)
{
    uint8_t rest[64] = {0};
    memcpy(rest, world.root_id.bytes, 16);
    memcpy(rest + 16, name, strlen(name));
    fsp_store_u64(rest + 16 + strlen(name) + 1, until);
    fsp_row_key_t key = key_of(FSP_TABLE_PAST_ENTRY, fsp_slice(rest, 25 + strlen(name)));
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_entry_row_encode(&(fsp_entry_row_t){.kind = FSP_KIND_FILE, .id = file, .since = since},
                         &value);
    write_row(&key, &value);
}

START_TEST(meanings_that_overlap)
{
    write_past_entry("a", 6, 7); /* from 6 to 7 it meant the second file since 6 */
    write_past_entry("a", 3, 6);
    expect("past");
}
END_TEST

START_TEST(a_meaning_that_is_longer_than_the_present_one_allows)
{
    write_past_entry("b", 2, 9); /* means the file since 5 */
    expect("past");
}
END_TEST

START_TEST(a_meaning_that_ended_before_it_began)
{
    write_past_entry("x", 9, 9);
    expect("past");
}
END_TEST

START_TEST(a_past_that_is_yet_to_come)
{
    write_past_entry("x", 9, 100000);
    expect("past");
}
END_TEST

START_TEST(heads_with_a_gap)
{
    /* Rows of the file with three versions end at 3 and 4. */
    uint8_t rest[24];
    memcpy(rest, file.bytes, 16);
    fsp_store_u64(rest + 16, 4);
    fsp_row_key_t key = key_of(FSP_TABLE_PAST_HEADS, fsp_slice(rest, sizeof(rest)));
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    ck_assert_ptr_nonnull(row);
    remove_row(row);
    expect("past");
}
END_TEST

START_TEST(heads_since_another_change)
{
    fsp_node_row_t node;
    read_node(file, &node);
    ck_assert_uint_eq(node.history.since, 4);
    node.history.since = 3;
    write_node(file, &node);
    expect("past");
}
END_TEST

START_TEST(past_heads_of_no_file)
{
    fsp_row_key_t key = key_of(FSP_TABLE_NODE, FSP_SLICE_OF(file));
    fsp_omap_remove(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    expect("past");
}
END_TEST

START_TEST(a_past_head_that_is_no_version)
{
    const fsp_omap_row_t *row = first_row(FSP_TABLE_PAST_HEADS);
    fsp_row_key_t key = {.used = 0};
    fsp_row_key_add(&key, row->key);
    fsp_past_heads_row_t heads;
    ck_assert_int_eq(fsp_past_heads_row_decode(row->value, &heads), FSP_OK);
    heads.heads[0].id.bytes[0] ^= 1;
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_past_heads_row_encode(&heads, &value);
    write_row(&key, &value);
    expect("past");
}
END_TEST

START_TEST(rows_that_are_none)
{
    static const fsp_table_t tables[] = {FSP_TABLE_PAST_ENTRY, FSP_TABLE_PAST_HEADS,
                                         FSP_TABLE_WORK};
    for (size_t i = 0; i < 3; i++) {
        world_clear(&world);
        set_up_past();
        fsp_row_key_t key = {.used = 0};
        fsp_row_key_add(&key, first_row(tables[i])->key);
        fsp_buf_t value;
        fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
        fsp_canon_nil(&value);
        write_row(&key, &value);
        expect("row");
    }
}
END_TEST

static void
set_horizon(fsp_space_row_t *row, uint64_t value)
{
    row->history.at_horizon = value;
}

START_TEST(horizons)
{
    poke_space(&world, set_horizon, 0);
    expect("past");
    poke_space(&world, set_horizon, 100000);
    expect("past");
}
END_TEST

START_TEST(nobody_is_to_purge_it)
{
    remove_row(first_row(FSP_TABLE_WORK));
    expect("work");
}
END_TEST

START_TEST(work_on_what_is_not_to_be_purged)
{
    uint8_t rest[17] = {FSP_WORK_PURGE};
    memcpy(rest + 1, file.bytes, 16);
    fsp_row_key_t key = key_of(FSP_TABLE_WORK, fsp_slice(rest, sizeof(rest)));
    fsp_buf_t value;
    fsp_buf_init(&value, 64);
    fsp_canon_array(&value, 1);
    fsp_canon_uint(&value, 3);
    write_row(&key, &value);
    expect("work");
}
END_TEST

START_TEST(a_place_of_what_is_being_purged)
{
    fsp_node_row_t node;
    read_node(purging, &node);
    node.parent_id = world.root_id;
    node.name[0] = 'x';
    node.name_bytes = 1;
    write_node(purging, &node);
    expect("node");
}
END_TEST

START_TEST(an_origin_of_what_is_not_in_the_trash)
{
    fsp_node_row_t node;
    read_node(file, &node);
    node.history.origin_id = world.root_id;
    node.history.origin_name[0] = 'x';
    node.history.origin_name_bytes = 1;
    write_node(file, &node);
    expect("node");
}
END_TEST

static void
poke_version(uint64_t number, bool keep_carrier)
{
    uint8_t rest[24];
    memcpy(rest, file.bytes, 16);
    fsp_store_u64(rest + 16, number);
    fsp_row_key_t key = key_of(FSP_TABLE_VERSION, fsp_slice(rest, sizeof(rest)));
    const fsp_omap_row_t *row = fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
    fsp_version_row_t version;
    ck_assert_int_eq(fsp_version_row_decode(row->value, &version), FSP_OK);
    version.retained = false;
    if (!keep_carrier)
        version.carrier = (fsp_slice_t){0};
    fsp_buf_t value;
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
    fsp_version_row_encode(&version, &value);
    write_row(&key, &value);
}

START_TEST(a_pruned_version_with_its_carrier)
{
    poke_version(1, true);
    expect("carrier");
    expect("used");
}
END_TEST

START_TEST(a_pruned_head)
{
    poke_version(3, false);
    expect("heads");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("audit_past");
    TCase *tcase = new_case("faults", set_up_past);
    tcase_add_test(tcase, meanings_that_overlap);
    tcase_add_test(tcase, a_meaning_that_is_longer_than_the_present_one_allows);
    tcase_add_test(tcase, a_meaning_that_ended_before_it_began);
    tcase_add_test(tcase, a_past_that_is_yet_to_come);
    tcase_add_test(tcase, heads_with_a_gap);
    tcase_add_test(tcase, heads_since_another_change);
    tcase_add_test(tcase, past_heads_of_no_file);
    tcase_add_test(tcase, a_past_head_that_is_no_version);
    tcase_add_test(tcase, rows_that_are_none);
    tcase_add_test(tcase, horizons);
    tcase_add_test(tcase, nobody_is_to_purge_it);
    tcase_add_test(tcase, work_on_what_is_not_to_be_purged);
    tcase_add_test(tcase, a_place_of_what_is_being_purged);
    tcase_add_test(tcase, an_origin_of_what_is_not_in_the_trash);
    tcase_add_test(tcase, a_pruned_version_with_its_carrier);
    tcase_add_test(tcase, a_pruned_head);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
