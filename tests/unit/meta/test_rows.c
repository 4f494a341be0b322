/* SPDX-License-Identifier: MIT */
/* test_rows - keys and values, and golden bytes of them: what is on disk stays readable.  Tests.
 *
 * A golden string that changes is a format that changed: do not adjust the string, see the head of
 * core/meta/rows.h.
 */
#include "core/base/text.h"
#include "core/meta/changes.h"
#include "core/meta/versions.h"
#include "tests/unit/meta/meta_world.h"

static fsp_buf_t value;

static void
set_up_value(void)
{
    fsp_buf_init(&value, FSP_VALUE_BYTES_MAX);
}

static void
tear_down_value(void)
{
    fsp_buf_clear(&value);
}

static const char *
hex_of(fsp_slice_t bytes)
{
    static char hex[2 * 4096 + 1];
    ck_assert_uint_le(bytes.bytes, 4096);
    fsp_hex_encode(bytes.data, bytes.bytes, hex);
    return hex;
}

#define FILE_1 "f1000000000000000000000000000001"
#define FILE_2 "f1000000000000000000000000000002"
#define SUBJECT_1 "50010000000000000000000000000000"
#define HASH_9 "0900000000000000000000000000000000000000000000000000000000000000"
static const fsp_hash_t hash_9 = {{9}};

START_TEST(keys_have_their_golden_bytes)
{
    const fsp_shard_ref_t shard = {.shard = 0x01020304, .generation = 5};
    const fsp_space_id_t space = {{0x5b}};
    fsp_row_key_t key = fsp_row_key(shard, FSP_TABLE_ENTRY, space);
    fsp_row_key_add(&key, FSP_SLICE_OF(file_id(1)));
    fsp_row_key_add(&key, text("name"));
    ck_assert_str_eq(hex_of(fsp_row_key_slice(&key)),
                     "0102030400000005045b000000000000000000000000000000" FILE_1 "6e616d65");
    key = fsp_row_key(shard, FSP_TABLE_CHANGE, space);
    fsp_row_key_add_u64(&key, 258);
    ck_assert_str_eq(hex_of(fsp_row_key_slice(&key)),
                     "0102030400000005085b0000000000000000000000000000000000000000000102");
}
END_TEST

START_TEST(the_end_of_a_prefix_is_the_next_key_that_does_not_start_so)
{
    fsp_row_key_t key = {.bytes = {1, 2, 3}, .used = 3};
    fsp_row_key_to_prefix_end(&key);
    ck_assert_str_eq(hex_of(fsp_row_key_slice(&key)), "010204");
    key = (fsp_row_key_t){.bytes = {1, 0xff, 0xff}, .used = 3};
    fsp_row_key_to_prefix_end(&key);
    ck_assert_str_eq(hex_of(fsp_row_key_slice(&key)), "02");
}
END_TEST

START_TEST(shard_rows_have_their_golden_bytes)
{
    const fsp_shard_row_t row = {.applied_index = 1,
                                 .applied_term = 2,
                                 .log_time = 300,
                                 .feature_level = 1,
                                 .subject_floor = 70000};
    fsp_shard_row_encode(&row, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)), "950102cd012c01ce00011170");
    fsp_shard_row_t back;
    ck_status(fsp_shard_row_decode(fsp_buf_slice(&value), &back), FSP_OK);
    ck_assert_mem_eq(&back, &row, sizeof(row));
}
END_TEST

START_TEST(space_rows_have_their_golden_bytes)
{
    fsp_space_row_t row = {.name = text("home"),
                           .owner = subject_id(1),
                           .epoch = 3,
                           .gc_layout_version = 4,
                           .quota_bytes = 5,
                           .used_bytes = 6,
                           .change_index = 7,
                           .head_hash = hash_9,
                           .horizon = 8,
                           .op_count = 9,
                           .root_id = file_id(1),
                           .trash_id = file_id(2),
                           .chunk_bytes_min = 10,
                           .chunk_bytes_avg = 11,
                           .chunk_bytes_max = 12,
                           .key_count = 1,
                           .keys = {{.generation = 1, .wrapped = text("k")}},
                           .wrapped_cut_key = text("c")};
    fsp_space_row_encode(&row, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)),
                     "dc0011a4686f6d65c410" SUBJECT_1 "0304050607c420" HASH_9 "0809c410" FILE_1
                     "c410" FILE_2 "0a0b0c919201c4016bc40163");
    fsp_space_row_t back;
    ck_status(fsp_space_row_decode(fsp_buf_slice(&value), &back), FSP_OK);
    fsp_buf_t again;
    fsp_buf_init(&again, FSP_VALUE_BYTES_MAX);
    fsp_space_row_encode(&back, &again);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&value), fsp_buf_slice(&again)));
    fsp_buf_clear(&again);
}
END_TEST

START_TEST(entry_rows_have_their_golden_bytes)
{
    fsp_entry_row_t back;
    fsp_entry_row_encode(
        &(fsp_entry_row_t){.kind = FSP_KIND_SYMLINK, .id = file_id(1), .since = 200}, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)), "9303c410" FILE_1 "ccc8");
    ck_status(fsp_entry_row_decode(fsp_buf_slice(&value), &back), FSP_OK);
    ck_assert_uint_eq(back.since, 200);
    value.data[1] = 0; /* no kind */
    ck_status(fsp_entry_row_decode(fsp_buf_slice(&value), &back), FSP_INVALID);
    value.data[1] = 4;
    ck_status(fsp_entry_row_decode(fsp_buf_slice(&value), &back), FSP_INVALID);
}
END_TEST

START_TEST(node_rows_have_their_golden_bytes)
{
    fsp_node_row_t node = {.kind = FSP_KIND_FILE,
                           .parent_id = file_id(1),
                           .name = "a",
                           .name_bytes = 1,
                           .index = 2,
                           .time = 3,
                           .content_time = 4,
                           .size = 5,
                           .heads = {{.number = 7, .id = {{9}}}, {.number = 6, .id = {{9}}}},
                           .head_count = 2,
                           .attr = "x",
                           .attr_bytes = 1};
    fsp_node_row_encode(&node, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)),
                     "9901c410" FILE_1 "a161020304059407c420" HASH_9 "06c420" HASH_9 "c40178");
    fsp_node_row_t back;
    memset(&back, 0, sizeof(back));
    ck_status(fsp_node_row_decode(fsp_buf_slice(&value), &back), FSP_OK);
    ck_assert_mem_eq(&back, &node, sizeof(node));
    for (size_t cut = 0; cut < value.bytes; cut++)
        ck_assert_int_ne(fsp_node_row_decode(fsp_slice(value.data, cut), &back), FSP_OK);
    /* Heads out of order, and a directory with heads. */
    value.data[26] = 6;
    ck_assert_int_ne(fsp_node_row_decode(fsp_buf_slice(&value), &back), FSP_OK);
    value.data[26] = 7;
    value.data[1] = FSP_KIND_DIRECTORY;
    ck_assert_int_ne(fsp_node_row_decode(fsp_buf_slice(&value), &back), FSP_OK);
}
END_TEST

START_TEST(roots_have_nil_parents_and_a_written_zero_id_is_refused)
{
    fsp_node_row_t node = {.kind = FSP_KIND_DIRECTORY, .index = 1};
    fsp_node_row_encode(&node, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)), "9902c0a00100000090c400");
    fsp_buf_reset(&value);
    fsp_canon_bin(&value, FSP_SLICE_OF((fsp_file_id_t){{0}}));
    fsp_canon_t reader = fsp_canon_reader(fsp_buf_slice(&value));
    fsp_file_id_t id;
    FSP_ROW_READ_ID(&reader, &id);
    ck_status(reader.status, FSP_INVALID);
}
END_TEST

START_TEST(version_and_op_rows_have_their_golden_bytes)
{
    fsp_version_row_encode(
        &(fsp_version_row_t){.record = text("rec"), .retained = true, .carrier = text("car")},
        &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)), "93c403726563c3c403636172");
    fsp_buf_reset(&value);
    fsp_version_index_row_encode(&(fsp_version_index_row_t){.file_id = file_id(1), .number = 9},
                                 &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)), "92c410" FILE_1 "09");
    fsp_buf_reset(&value);
    fsp_op_row_encode(&(fsp_op_row_t){.index = 4, .digest = hash_9, .result = text("r")}, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)), "9304c420" HASH_9 "c40172");
}
END_TEST

START_TEST(a_version_record_has_its_golden_bytes_and_id)
{
    fsp_version_info_t version = {.file_id = file_id(1),
                                  .number = 2,
                                  .kind = FSP_VERSION_MERGE,
                                  .parents = {{{1}}, {{9}}},
                                  .parent_count = 2,
                                  .size = 1000,
                                  .author = subject_id(1),
                                  .time = 1700000000000000,
                                  .op_id = {{4}},
                                  .carrier_hash = hash_9};
    fsp_version_record_encode(&version, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)),
                     "99c410" FILE_1
                     "020492c4200100000000000000000000000000000000000000000000000000000000000000"
                     "c420" HASH_9 "cd03e8c410" SUBJECT_1 "cf00060a24181e4000c410"
                     "04000000000000000000000000000000c420" HASH_9);
    fsp_version_info_t back;
    ck_status(fsp_version_record_decode(fsp_buf_slice(&value), &back), FSP_OK);
    fsp_hash_t hash = fsp_sha256(fsp_buf_slice(&value));
    ck_assert_mem_eq(back.id.bytes, hash.bytes, sizeof(hash.bytes));
    ck_assert_uint_eq(back.parent_count, 2);
    /* Parents out of order are no record: one history, one encoding. */
    memcpy(value.data + 24, back.parents[1].bytes, 32);
    memcpy(value.data + 58, back.parents[0].bytes, 32);
    ck_status(fsp_version_record_decode(fsp_buf_slice(&value), &back), FSP_INVALID);
}
END_TEST

START_TEST(a_change_row_has_its_golden_bytes)
{
    const fsp_change_info_t change = {.index = 3,
                                      .operation = FSP_COMMAND_MOVE,
                                      .time = 4,
                                      .author = subject_id(1),
                                      .op_id = {{4}},
                                      .kind = FSP_KIND_FILE,
                                      .file_id = file_id(1),
                                      .path = text("/b/c"),
                                      .from_path = text("/a"),
                                      .displaced_id = file_id(2),
                                      .made_ids = {file_id(1)},
                                      .made_count = 1,
                                      .previous = hash_9};
    fsp_change_row_encode(&change, &value);
    ck_assert_str_eq(hex_of(fsp_buf_slice(&value)),
                     "9d030504c410" SUBJECT_1 "c4100400000000000000000000000000000001c410" FILE_1
                     "a42f622f63a22f61c0c410" FILE_2 "91c410" FILE_1 "c420" HASH_9);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rows");
    TCase *tcase = tcase_create("formats");
    tcase_add_checked_fixture(tcase, set_up_value, tear_down_value);
    tcase_add_test(tcase, keys_have_their_golden_bytes);
    tcase_add_test(tcase, the_end_of_a_prefix_is_the_next_key_that_does_not_start_so);
    tcase_add_test(tcase, shard_rows_have_their_golden_bytes);
    tcase_add_test(tcase, space_rows_have_their_golden_bytes);
    tcase_add_test(tcase, entry_rows_have_their_golden_bytes);
    tcase_add_test(tcase, node_rows_have_their_golden_bytes);
    tcase_add_test(tcase, roots_have_nil_parents_and_a_written_zero_id_is_refused);
    tcase_add_test(tcase, version_and_op_rows_have_their_golden_bytes);
    tcase_add_test(tcase, a_version_record_has_its_golden_bytes_and_id);
    tcase_add_test(tcase, a_change_row_has_its_golden_bytes);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
