/* SPDX-License-Identifier: MIT */
/* test_apply_access_rows - bytes of the rows on rights, links and the life of spaces; what an audit
 * finds in them.  Tests. */
#include "tests/unit/meta/test_apply_access.h"

#include "core/meta/audit.h"

static fsp_buf_t value;

static void
set_up_rows(void)
{
    set_up_level_2();
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
}

static void
tear_down_rows(void)
{
    fsp_buf_clear(&value);
    tear_down();
}

/* -- golden bytes ------------------------------------------------------------------------------ */

START_TEST(link_rows_have_their_golden_bytes)
{
    const fsp_link_row_t row = {.file_id = {{1}},
                                .kind = FSP_KIND_DIRECTORY,
                                .rights = FSP_RIGHT_READ | FSP_RIGHT_WRITE,
                                .expiry = 300,
                                .uses_max = 5,
                                .uses = 4,
                                .maker = {{2}},
                                .made = 200,
                                .password = fsp_slice_text("pw")};
    static const uint8_t golden[] = {0x99, 0xc4, 16, 1, 0, 0,    0,   0,    0,    0,   0,  0, 0,
                                     0,    0,    0,  0, 0, 0,    2,   3,    0xcd, 1,   44, 5, 4,
                                     0xc4, 16,   2,  0, 0, 0,    0,   0,    0,    0,   0,  0, 0,
                                     0,    0,    0,  0, 0, 0xcc, 200, 0xc4, 2,    'p', 'w'};
    fsp_link_row_encode(&row, &value);
    ck_assert_uint_eq(value.bytes, sizeof(golden));
    ck_assert_mem_eq(value.data, golden, sizeof(golden));
    fsp_link_row_t back;
    ck_status(fsp_link_row_decode(fsp_buf_slice(&value), &back), FSP_OK);
    ck_assert(fsp_file_id_eq(back.file_id, row.file_id));
    ck_assert_uint_eq(back.uses, 4);
    fsp_link_row_t bad = row;
    bad.uses = 6; /* more than allowed */
    fsp_buf_reset(&value);
    fsp_link_row_encode(&bad, &value);
    ck_status(fsp_link_row_decode(fsp_buf_slice(&value), &back), FSP_INVALID);
    bad = row;
    bad.maker = (fsp_subject_id_t){{0}};
    fsp_buf_reset(&value);
    fsp_link_row_encode(&bad, &value);
    ck_status(fsp_link_row_decode(fsp_buf_slice(&value), &back), FSP_INVALID);
}
END_TEST

START_TEST(space_parts_have_their_golden_bytes)
{
    const uint8_t cursor[] = {4, 9};
    const fsp_space_access_t part = {.state = FSP_LIFE_DROPPING,
                                     .deadline = 7,
                                     .parted = true,
                                     .link_count = 3,
                                     .round_open = true,
                                     .cursor = fsp_slice(cursor, sizeof(cursor))};
    static const uint8_t golden[] = {0x96, 2, 7, 0xc3, 3, 0xc3, 0xc4, 2, 4, 9};
    fsp_space_access_write(&part, &value);
    ck_assert_uint_eq(value.bytes, sizeof(golden));
    ck_assert_mem_eq(value.data, golden, sizeof(golden));
    fsp_space_access_t bad[] = {
        {.state = FSP_LIFE_OPEN, .deadline = 7},
        {.state = FSP_LIFE_CLOSING},
        {.state = FSP_LIFE_GONE, .deadline = 7},
        {.state = FSP_LIFE_CLOSING, .deadline = 7, .cursor = part.cursor},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        fsp_space_access_t back;
        fsp_buf_reset(&value);
        fsp_space_access_write(&bad[i], &value);
        fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&value));
        fsp_space_access_read(&reader, &back);
        ck_status(reader.status, FSP_INVALID);
    }
}
END_TEST

START_TEST(node_parts_have_their_golden_bytes)
{
    fsp_node_access_t part = {.parted = true, .rule_count = 1};
    part.rules[0] = (fsp_rule_t){{{3}}, FSP_RIGHT_READ};
    static const uint8_t golden[] = {0x92, 0xc2, 0x92, 0xc4, 16, 3, 0, 0, 0, 0, 0,
                                     0,    0,    0,    0,    0,  0, 0, 0, 0, 0, 1};
    fsp_node_access_write(&part, &value);
    ck_assert_uint_eq(value.bytes, sizeof(golden));
    ck_assert_mem_eq(value.data, golden, sizeof(golden));
    fsp_node_access_t back;
    fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&value));
    fsp_node_access_read(&reader, &back);
    ck_status(fsp_canon_finish(&reader), FSP_OK);
    ck_assert(back.parted);
    ck_assert_uint_eq(back.rule_count, 1);
    /* What has a shorter form, and a right that there is not. */
    static const uint8_t empty[] = {0x92, 0xc3, 0x90};
    reader = fsp_canon_reader(fsp_slice(empty, sizeof(empty)));
    fsp_node_access_read(&reader, &back);
    ck_status(reader.status, FSP_INVALID);
    value.data[sizeof(golden) - 1] = 32;
    reader = fsp_canon_reader(fsp_buf_slice(&value));
    fsp_node_access_read(&reader, &back);
    ck_status(reader.status, FSP_INVALID);
}
END_TEST

/* -- audit ------------------------------------------------------------------------------------- */

static char last_kind[32];

static void
note_fault(void *context, const fsp_fault_t *fault)
{
    ++*(unsigned *)context;
    (void)snprintf(last_kind, sizeof(last_kind), "%s", fault->kind);
}

static unsigned
faults(void)
{
    unsigned count = 0;
    fsp_audit_counts_t counts = {0};
    fsp_audit_state(world.shard, fsp_memview_view(world.rows), note_fault, &count, &counts);
    return count;
}

static void
put_row(fsp_table_t table, fsp_slice_t rest)
{
    fsp_row_key_t key = fsp_row_key(world.shard, table, world.space_id);
    fsp_row_key_add(&key, rest);
    fsp_omap_put(fsp_memview_map(world.rows), fsp_row_key_slice(&key), fsp_buf_slice(&value), 0);
}

static void
set_link_count(fsp_space_row_t *row, uint64_t count)
{
    row->access.link_count = count;
}

static void
set_parted(fsp_space_row_t *row, uint64_t parted)
{
    row->access.parted = parted != 0;
}

START_TEST(an_audit_counts_links)
{
    ck_status(make_link(1, "/", FSP_RIGHT_READ), FSP_OK);
    ck_assert_uint_eq(faults(), 0);
    poke_space(&world, set_link_count, 2);
    ck_assert_uint_eq(faults(), 1);
    ck_assert_str_eq(last_kind, "space");
}
END_TEST

START_TEST(an_audit_looks_into_links)
{
    ck_status(make_link(1, "/", FSP_RIGHT_READ), FSP_OK);
    const fsp_link_id_t id = link_id(1);
    const fsp_link_row_t row = {
        .file_id = world.root_id, .kind = FSP_KIND_FILE, .rights = 1, .maker = OWNER};
    fsp_link_row_encode(&row, &value);
    put_row(FSP_TABLE_LINK, FSP_SLICE_OF(id));
    ck_assert_uint_eq(faults(), 1);
    ck_assert_str_eq(last_kind, "link");
    fsp_buf_append_u8(&value, 0);
    put_row(FSP_TABLE_LINK, FSP_SLICE_OF(id));
    ck_assert_uint_eq(faults(), 1);
    ck_assert_str_eq(last_kind, "row");
}
END_TEST

START_TEST(an_audit_knows_parted_spaces)
{
    ck_status(mkdir_at(&world, "/a"), FSP_OK);
    ck_status(part("/a"), FSP_OK);
    ck_assert_uint_eq(faults(), 0);
    poke_space(&world, set_parted, 0);
    ck_assert_uint_eq(faults(), 1);
    ck_assert_str_eq(last_kind, "space");
}
END_TEST

START_TEST(an_audit_finds_what_a_drop_left)
{
    ck_status(put(&world, "/f"), FSP_OK);
    ck_status(order(FSP_COMMAND_SPACE_STATE, FSP_LIFE_CLOSING, world.time + 1500), FSP_OK);
    const fsp_link_id_t id = link_id(1);
    fsp_canon_nil(&value);
    for (int step = 0; step < 3; step++)
        ck_status(order(FSP_COMMAND_SPACE_DROP, 0, 0), FSP_OK);
    ck_assert_uint_eq(faults(), 0);
    put_row(FSP_TABLE_LINK, FSP_SLICE_OF(id));
    ck_assert_int_eq(space_row().access.state, FSP_LIFE_GONE);
    ck_assert_uint_eq(faults(), 1);
    ck_assert_str_eq(last_kind, "stray");
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("apply_access_rows");
    TCase *tcase = tcase_create("rows");
    tcase_add_checked_fixture(tcase, set_up_rows, tear_down_rows);
    tcase_add_test(tcase, link_rows_have_their_golden_bytes);
    tcase_add_test(tcase, space_parts_have_their_golden_bytes);
    tcase_add_test(tcase, node_parts_have_their_golden_bytes);
    tcase_add_test(tcase, an_audit_counts_links);
    tcase_add_test(tcase, an_audit_looks_into_links);
    tcase_add_test(tcase, an_audit_knows_parted_spaces);
    tcase_add_test(tcase, an_audit_finds_what_a_drop_left);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
