/* SPDX-License-Identifier: MIT */
/* test_changes - the feed and its hash chain.  Tests. */
#include "core/meta/changes.h"
#include "tests/unit/meta/meta_world.h"

static fsp_hash_t head_hash;

static void
take_head_hash(fsp_space_row_t *row, uint64_t value)
{
    (void)value;
    head_hash = row->head_hash;
}

static void
do_some_work(void)
{
    ck_status(mkdir_at(&world, "/d"), FSP_OK);     /* 2 */
    ck_status(put(&world, "/d/a"), FSP_OK);        /* 3 */
    ck_status(put(&world, "/x/a"), FSP_NO_PARENT); /* takes no number */
    ck_status(move(&world, "/d/a", "/b"), FSP_OK); /* 4 */
    ck_status(copy(&world, at("/b"), (fsp_version_id_t){0}, "/c", FSP_IF_REPLACE), FSP_OK); /* 5 */
    ck_status(move_full(&world, at("/b"), "/c", false, true), FSP_OK);                      /* 6 */
    ck_status(remove_at(&world, "/c"), FSP_OK);                                             /* 7 */
    ck_status(remove_at(&world, "/d"), FSP_OK);                                             /* 8 */
}

START_TEST(rows_are_contiguous_and_chained_from_zero_to_the_head)
{
    do_some_work();
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    fsp_answer_t answer = ask(&world, &query);
    ck_assert_uint_eq(answer.count, 8);
    ck_assert_uint_eq(answer.index, 8);
    ck_assert(!answer.more);
    fsp_hash_t previous = {{0}};
    for (uint64_t i = 1; i <= 8; i++) {
        /* The hash is recomputed from the stored row, not taken from the decoder. */
        fsp_row_key_t key = fsp_row_key(world.shard, FSP_TABLE_CHANGE, world.space_id);
        fsp_row_key_add_u64(&key, i);
        const fsp_omap_row_t *row =
            fsp_omap_get(fsp_memview_map(world.rows), fsp_row_key_slice(&key));
        ck_assert_ptr_nonnull(row);
        fsp_hash_t hash = fsp_sha256(row->value);
        fsp_change_info_t change;
        ck_status(fsp_answer_change(&answer, &change), FSP_OK);
        ck_assert_uint_eq(change.index, i);
        ck_assert(fsp_hash_eq(change.previous, previous));
        ck_assert(fsp_hash_eq(change.hash, hash));
        previous = hash;
    }
    poke_space(&world, take_head_hash, 0);
    ck_assert(fsp_hash_eq(head_hash, previous));
}
END_TEST

START_TEST(rows_say_what_happened)
{
    do_some_work();
    static const struct {
        fsp_command_type_t operation;
        fsp_kind_t kind;
        const char *path, *from_path;
        bool version, displaced;
    } expected[] = {
        {FSP_COMMAND_SPACE_INIT, FSP_KIND_DIRECTORY, "/", "", false, false},
        {FSP_COMMAND_MKDIR, FSP_KIND_DIRECTORY, "/d", "", false, false},
        {FSP_COMMAND_PUT, FSP_KIND_FILE, "/d/a", "", true, false},
        {FSP_COMMAND_MOVE, FSP_KIND_FILE, "/b", "/d/a", false, false},
        {FSP_COMMAND_COPY, FSP_KIND_FILE, "/c", "/b", true, false},
        {FSP_COMMAND_MOVE, FSP_KIND_FILE, "/c", "/b", false, true},
        {FSP_COMMAND_DELETE, FSP_KIND_FILE, "/c", "", false, false},
        {FSP_COMMAND_DELETE, FSP_KIND_DIRECTORY, "/d", "", false, false},
    };
    fsp_query_t query = new_query(&world, FSP_QUERY_CHANGES);
    fsp_answer_t answer = ask(&world, &query);
    fsp_time_t time = 0;
    for (size_t i = 0; i < 8; i++) {
        fsp_change_info_t change;
        ck_status(fsp_answer_change(&answer, &change), FSP_OK);
        ck_assert_int_eq(change.operation, expected[i].operation);
        ck_assert_int_eq(change.kind, expected[i].kind);
        ck_assert(fsp_slice_eq(change.path, text(expected[i].path)));
        ck_assert(fsp_slice_eq(change.from_path, text(expected[i].from_path)));
        ck_assert_int_eq(!fsp_version_id_is_zero(change.version_id), expected[i].version);
        ck_assert_int_eq(!fsp_file_id_is_zero(change.displaced_id), expected[i].displaced);
        ck_assert(fsp_subject_id_eq(change.author, world.owner));
        ck_assert_uint_gt(change.time, time);
        time = change.time;
    }
}
END_TEST

START_TEST(a_row_survives_its_encoding_and_nothing_else_is_a_row)
{
    fsp_change_info_t change = {
        .index = 77,
        .operation = FSP_COMMAND_MOVE,
        .time = 1234567890123456,
        .author = subject_id(3),
        .op_id = {{4}},
        .kind = FSP_KIND_SYMLINK,
        .file_id = file_id(5),
        .path = text("/to"),
        .from_path = text("/from"),
        .version_id = {{6}},
        .displaced_id = file_id(7),
        .made_ids = {file_id(9), file_id(10)},
        .made_count = 2,
        .previous = {{8}},
    };
    fsp_buf_t bytes, again;
    fsp_buf_init(&bytes, FSP_VALUE_BYTES_MAX);
    fsp_buf_init(&again, FSP_VALUE_BYTES_MAX);
    fsp_change_row_encode(&change, &bytes);
    fsp_change_info_t back;
    ck_status(fsp_change_row_decode(fsp_buf_slice(&bytes), &back), FSP_OK);
    fsp_change_row_encode(&back, &again);
    ck_assert(fsp_slice_eq(fsp_buf_slice(&bytes), fsp_buf_slice(&again)));
    for (size_t cut = 0; cut < bytes.bytes; cut++)
        ck_assert_int_ne(fsp_change_row_decode(fsp_slice(bytes.data, cut), &back), FSP_OK);
    fsp_buf_append_u8(&bytes, 0);
    ck_assert_int_ne(fsp_change_row_decode(fsp_buf_slice(&bytes), &back), FSP_OK);
    fsp_buf_clear(&bytes);
    fsp_buf_clear(&again);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("changes");
    TCase *tcase = new_case("feed", set_up);
    tcase_add_test(tcase, rows_are_contiguous_and_chained_from_zero_to_the_head);
    tcase_add_test(tcase, rows_say_what_happened);
    tcase_add_test(tcase, a_row_survives_its_encoding_and_nothing_else_is_a_row);
    suite_add_tcase(suite, tcase);
    return fsp_suite_main(suite);
}
